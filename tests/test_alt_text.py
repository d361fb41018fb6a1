"""Alt text: one plain, grammatical sentence of what is there."""

import pytest

from feedsmith.captions.alt_text import describe
from feedsmith.rules import ALT_TEXT_MAX


@pytest.mark.parametrize(
    ("shows", "sentence"),
    [
        (("boulders", "rocky shore", "pale sky"), "Boulders on a rocky shore under a pale sky."),
        (("osprey", "branch", "conifers"), "An osprey on a branch."),
        (("cedar foliage", "dark background"), "Cedar foliage against a dark background."),
        (("dandelion clock", "sunset", "meadow"), "A dandelion clock in a meadow at sunset."),
        (("ohio buckeye", "sunlit crown"), "An Ohio buckeye with a sunlit crown."),
        (("waves", "rocks"), "Waves on rocks."),
    ],
)
def test_things_stand_where_they_usually_are(shows: tuple[str, ...], sentence: str) -> None:
    assert describe(shows) == sentence


def test_words_set_on_the_picture_are_told() -> None:
    told = describe(("moss", "stump"), kind="quote", text_on_picture="“Grow slowly.”")
    assert told.startswith("The words “Grow slowly.” over moss")
    assert told.endswith(".")


def test_a_past_alt_text_is_kept_while_the_picture_is_still_that_photo() -> None:
    past = ["Rounded dark boulders cover a shore."]
    assert describe(("boulders",), method="crop", past=past) == past[0]
    assert describe(("boulders",), method="rows", past=past) == "Boulders."


def test_marketing_is_not_taken_over() -> None:
    assert describe(("boulders",), method="crop", past=["Image of boulders! #rocks"]) == "Boulders."


def test_it_never_says_image_of_and_is_never_empty() -> None:
    for shows in ((), ("patience",), ("two people", "no hurry"), ("コーヒー",)):
        told = describe(shows)
        assert told.endswith(".")
        assert len(told) > 3
        assert "image of" not in told.lower()


def test_a_picture_without_keywords_is_told_by_what_the_brand_shows() -> None:
    assert describe((), fallback="trees") == "Trees."


def test_it_fits_instagrams_limit() -> None:
    assert len(describe(("boulders",), text_on_picture="word " * 600)) <= ALT_TEXT_MAX
    long = "A very long sentence " * 80
    assert len(describe((), fallback=long)) <= ALT_TEXT_MAX


def test_a_product_is_called_by_its_name_and_its_price_is_told_once() -> None:
    said = describe(
        ["mug"], kind="product", name="Oak mug, 350 ml", text_on_picture="Oak mug, 350 ml / 12 EUR"
    )
    assert said == "Oak mug, 350 ml, with the words “12 EUR” beside it."


def test_a_collage_names_what_is_side_by_side() -> None:
    said = describe(["boulders", "lake", "boat"], kind="collage")
    assert said == "Several photographs side by side: boulders, a lake and a boat."


def test_a_collage_names_what_each_of_its_pictures_shows() -> None:
    beside = (("anona", "leaves"), ("pale sky", "rambutan"), ("boulders",), ("Boulders", "sea"))
    said = describe(["boulders", "shore"], kind="collage", beside=beside)
    assert said == "Several photographs side by side: boulders, an anona and a rambutan."


def test_a_walk_through_a_generator_is_dots_and_not_the_thing_its_photos_show() -> None:
    said = describe(["boxelder"], kind="gif", walked=True)
    assert said == "A field of coloured dots in motion, drawn after photographs of a boxelder."
    assert describe([], kind="gif", walked=True) == "A field of coloured dots in motion."
    assert describe(["boxelder"], kind="gif") == "A boxelder."
