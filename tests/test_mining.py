"""Mining: what a brand said of one picture is taken for others only where it holds of them."""

import json
import re

import pytest

from feedsmith.brand import Brand
from feedsmith.captions import starter, words
from feedsmith.captions.habits import habits, sentences
from feedsmith.captions.mining import LENT_WORDS, Told, mined
from feedsmith.captions.rank import COPY_WORDS, Seen, copied, runs
from feedsmith.captions.skeletons import Skeleton, fill, fits, fixed, scene, stock
from feedsmith.captions.writer import CaptionBrief
from feedsmith.post import PastPost


def own(*captions: str) -> tuple[Skeleton, ...]:
    return mined([Told(tuple(sentences(text))) for text in captions])


def said(line: Skeleton, thing: str) -> str | None:
    about = scene([thing]).about(words.read(thing))
    return fill(line, about) if fits(line, about) else None


@pytest.mark.parametrize(
    ("caption", "text", "one", "many"),
    [
        ("White ash, hanging out.", "{S}, hanging out.", "Red oak, hanging out.", "Larches, hanging out."),
        ("Red cedar, holding its ground.", "{S}, holding {s:its} ground.",
         "Pine, holding its ground.", "Firs, holding their ground."),
        ("Peonies are a mood.", "{S} {s:is} a mood.", "Rose is a mood.", "Tulips are a mood."),
        ("This lamp has seen things.", "{This s} {s:has} seen things.",
         "This bulb has seen things.", "These bulbs have seen things."),
        ("A redwood does not brag.", "{A s} {s:does} not brag.",
         "A pine does not brag.", "Firs do not brag."),
        ("Just a candle, doing its thing.", "Just {a s}, doing {s:its} thing.",
         "Just a wick, doing its thing.", "Just tealights, doing their thing."),
        ("Would you wear this scarf?", "Would you wear {this s}?",
         "Would you wear this coat?", "Would you wear these socks?"),
    ],
)  # fmt: skip
def test_the_thing_shown_becomes_a_slot_and_the_rest_agrees_with_it(
    caption: str, text: str, one: str, many: str
) -> None:
    line = own(caption)[0]
    assert line.text == text
    kinds = sorted(line.types - {"vegetable"})
    fills = {said(line, form) for form in words.forms_of(frozenset(kinds))}
    others = {said(line, thing) for thing in ("red oak", "larches", "bulb")}
    assert {one, many} <= fills | others


@pytest.mark.parametrize(
    "caption",
    [
        "Our oak turned 200 this year.",
        "New mugs on the shelf on Friday.",
        "Anna's mug is back.",
        "Fog over the lake.",
        "The lake is frozen.",
        "The biggest oak in the county.",
        "This tree fell last night.",
        "We found a mug in the sink.",
        "Maple, turning red.",
        "Dahlias in full bloom.",
        "Tulips, drooping a little.",
        "The dog is waiting by the door.",
        "Bread without sugar or yeast.",
        "Vegan croissants, finally.",
        "This scarf is 100% wool.",
        "Tag someone who needs a mug.",
        "Link in bio for the mug.",
        "The mug in the second picture.",
        "Two robins on the fence.",
        "Photo of a beech by our friend Tom.",
        "See more of these chairs on view in the lobby.",
        "Pine cones can tell the weather.",
        "Lavender helps you sleep.",
        "Green tea is good for you.",
        "Foxes are shy.",
        "Which tree are you?",
        "What bird would you be?",
        "Have you ever crossed the Bay Bridge?",
        "Take the headphones out.",
        "Another oak, and the other one is older.",
        "Esche, immer noch da.",
        "Small bowl, big personality.",
        "WHITE ASH, HANGING OUT.",
        "White ash , hanging out.",
        "{S}, hanging out.",
    ],
)
def test_what_holds_of_one_picture_only_is_left_out(caption: str) -> None:
    assert own(caption) == ()


def test_a_sentence_is_said_of_its_own_kind_and_never_again_of_the_same_thing() -> None:
    line = own("White oak acorns, polished by nobody.")[0]
    assert said(line, "beechnuts") == "Beechnuts, polished by nobody."
    assert said(line, "acorns") is None
    assert said(line, "red oak acorns") is None
    assert said(line, "lake") is None
    wide = own("Sugar maple, showing off 🍁")[0]  # a figure of speech
    assert said(wide, "dahlia") == "Dahlia, showing off."
    assert said(wide, "sugar maple leaf") is None
    assert said(wide, "mug") is None


def test_what_is_spoken_of_beside_the_picture_is_no_subject() -> None:
    aside = ("Old boots, new laces.", "A good pie and nowhere to be.")
    assert mined([Told(aside, seen="Brown leather boots on a step")]) == ()
    shown = mined([Told(aside[1:], seen="An apple pie on a table")])
    assert {line.text for line in shown} == {"A good {s} and nowhere to be."}
    tagged = mined([Told((aside[0], "White ash, hanging out."), tags="trees whiteash")])
    assert tagged == ()  # it does not go with the boots before it


def test_a_question_is_taken_where_it_closes_a_caption() -> None:
    assert [line.role for line in own("A slow one. Would you wear this scarf?")] == ["Q"]
    assert own("Would you wear this scarf? Five ways to tie it.") == ()


def test_a_short_second_sentence_comes_along() -> None:
    (line,) = own("Ceiba bark. Please do not hug 🌳")
    assert (line.role, line.text) == ("W", "{S}. Please do not hug.")
    assert said(line, "birch trunk") == "A birch trunk. Please do not hug."


def test_a_sentence_about_no_thing_must_be_a_habit() -> None:
    once = ["Fog. Who would you tell about it?", *(f"Beech {'a' * i}." for i in range(12))]
    assert own(*once) == ()
    (line,) = own(*once, "Frost. Who would you tell about it?")
    assert (line.role, line.text, line.types) == ("Q", "Who would you tell about it?", {"any"})
    assert (
        own("Fog. Who would you tell about it?", "Frost. Who would you tell about it?") == ()
    )  # one event


def test_our_own_sentences_do_not_come_back_as_the_brands() -> None:
    ours = next(line for line in stock() if line.text == "{S}, in no hurry at all.")
    assert ours
    assert own("Red oak, in no hurry at all.") == ()


def test_it_knows_how_long_ago_the_brand_said_it() -> None:
    lines = own("White ash, hanging out.", "Fog.", "Red oak, hanging out.", "Fog.", "Fog.")
    assert {(line.text, line.since) for line in lines} == {("{S}, hanging out.", 2)}
    assert said(lines[0], "white ash") is None
    assert said(lines[0], "red oak") is None
    assert {line.role for line in lines} == {"O", "S"}
    assert len({line.same for line in lines}) == 1


def test_no_more_than_a_few_words_of_a_caption_may_stand_again() -> None:
    long = "An ash, minding what nobody else would ever want to mind for anybody at all."
    assert own(long) == ()
    for line in read_all():
        assert all(len(piece.split()) <= LENT_WORDS for piece in fixed(line.text)), line.text


def test_what_is_mined_of_the_shipped_examples_is_sound() -> None:
    for line in read_all():
        assert line.own
        assert re.fullmatch(r"own:[^\s]+", line.id)
        assert not re.search(r"[\d#@]", line.text)
        assert line.text[-1] in ".?!"


def read_all() -> tuple[Skeleton, ...]:
    rows = [json.loads(row) for row in starter.lines()]
    found = mined(
        [
            Told(tuple(sentences(row["caption"])), row["alt_text"], " ".join(row["hashtags"]))
            for row in rows
        ]
    )
    assert len(found) > 5
    return found


def test_a_brands_own_words_may_stand_again_around_another_thing_only() -> None:
    past = "All you need is love and a good loaf. Nobody argues with a good pie."
    brief = CaptionBrief(kind="photo", brand=Brand(name="X"), shows=("croissant",))
    (line, *_) = own(past.split(". ")[0] + ".")
    lent = fixed(line.text)
    seen = Seen.of([past])
    again = "All you need is love and a good croissant."
    assert copied(again, brief, seen) == "copy of a past caption"
    assert copied(again, brief, seen, lent) == ""
    assert copied("All you need is love and a good loaf.", brief, seen, lent) != ""
    both = again + " Nobody argues with a good pie."
    assert copied(both, brief, seen, lent) == "copy of a past caption"
    assert runs(lent[0], COPY_WORDS)  # more than a copy's length


def test_habits_bring_the_mined_sentences_along() -> None:
    posts = [
        PastPost(id="1", text="White ash, hanging out.", alt_text="Ash leaves over a lawn"),
        PastPost(id="2", text="White ash, hanging out.", alt_text="A bicycle"),
    ]
    manner = habits(Brand(name="X"), posts)
    assert {line.text for line in manner.own} == {"{S}, hanging out."}
    assert {line.since for line in manner.own} == {1}
    assert habits(Brand(name="X"), posts) is manner
