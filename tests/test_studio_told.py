"""What the page of a post tells of how it was made, in plain words."""

import pytest

from feedsmith.brand import Brand, HashtagPolicy
from feedsmith.marks import Mark
from feedsmith.post import Credit, Medium, Originality, Post
from feedsmith.studio.shelf import Item

pytestmark = pytest.mark.usefixtures("studio")


def made(**changed: object) -> Post:
    originality = Originality(
        nearest="a" * 16, similarity=0.8, copied_area=0.12, copied_total=0.85, label="new"
    )
    return Post.model_validate(
        {
            "id": "01-photo-aaaaaa", "kind": "photo", "caption": "Up.", "hashtags": ("oak", "talltree", "walks"),
            "alt_text": "A tree.", "format": "portrait", "seed": 7, "shows": ("tall tree",), "sources": ("a" * 16,),
            "media": (
                Medium(file="01.jpg", width=1080, height=1350, alt_text="A tree.", method="noise", sources=()),
            ),
            "models": {"images": "remix 1", "encoder": "x"}, "originality": originality,
            "credits": (Credit(text="Ana Ruiz, CC BY 4.0"),) * 2, "provenance": "recomposed", **changed,
        }
    )  # fmt: skip


PHOTO = Item(
    id="a" * 16, file="photos/a.jpg", name="tall-tree_2.jpg", width=9, height=9, words=(), read=(),
    colours=(), palette=(), date="", source="", credit="Ana Ruiz", licence="", caption="", mark=Mark(),
)  # fmt: skip


def test_a_new_picture_is_called_new_and_how_much_was_copied_is_said() -> None:
    from feedsmith.studio.pages import told

    said = told.originality(made(), {PHOTO.id: PHOTO})
    assert said["label"] == "New picture"
    assert "85 % of it" in said["words"]
    assert "covers 12 %" in said["words"]
    assert said["nearest"] == {"id": PHOTO.id, "words": "tall tree 2", "credit": "Ana Ruiz"}


def test_an_edited_photo_is_never_called_new() -> None:
    from feedsmith.studio.pages import told

    edited = Originality(nearest="b" * 16, similarity=1, copied_area=0.66, label="edited photo")
    said = told.originality(made(originality=edited), {PHOTO.id: PHOTO})
    assert (said["new"], said["label"], said["nearest"]) == (False, "Edited photo", None)
    assert said["words"].endswith("66 % of it is as in the photo.")
    drawn = told.originality(made(source_type="trainedAlgorithmicMedia"), {})
    assert "looks like one of your photos" in drawn["words"]


def test_each_hashtag_has_its_reason_and_one_that_a_person_added_says_so() -> None:
    from feedsmith.studio.models import Draft
    from feedsmith.studio.pages import told

    brand = Brand(name="Oak", hashtags=HashtagPolicy(always=("oak",)))
    reasons = (
        "always, by brand.toml",
        'with "tree" in 3 of your posts',
        "your habit: on 9 of 12 posts",
    )
    draft = Draft(hashtags=["walks", "oak", "mine"])
    assert told.reasons(draft, made(hashtag_reasons=reasons), brand) == [
        ("walks", "Your habit: on 9 of 12 posts."), ("oak", "Always, by brand.toml."),
        ("mine", "Added by hand."),
    ]  # fmt: skip
    old = told.reasons(Draft(hashtags=["oak", "talltree", "walks"]), made(), brand)
    assert [why for _, why in old] == [
        "Always, by brand.toml.", "The picture shows it.", "Chosen when it was made.",
    ]  # fmt: skip


def test_the_facts_are_those_of_post_json_each_once() -> None:
    from feedsmith.studio.pages import told

    said = dict(told.facts(made()))
    assert (
        said["The picture"] == "Recomposed from small pieces of your photo, in a new arrangement."
    )
    assert said["Pictures by"] == "remix 1"
    assert said["Photos by"] == "Ana Ruiz, CC BY 4.0"
    assert said["Format"] == "1080 × 1350"
    assert "Theme" not in said


def test_counting_is_instagrams() -> None:
    from feedsmith.studio.pages import told

    assert told.counts("Grüße 🌿 to @ana, a@b.example #forest", ["oak"]) == {
        "characters": 42, "hashtags": 2, "mentions": 1,
    }  # fmt: skip
