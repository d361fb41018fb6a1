"""Skeletons: the stock can be read, fits what it says it fits, and its slots agree."""

import re

import pytest

from feedsmith.captions import words
from feedsmith.captions.habits import sentences
from feedsmith.captions.rank import broken_sentence
from feedsmith.captions.skeletons import fill, fits, offer_facts, parse, scene, stock
from feedsmith.captions.words import (
    agree,
    expand,
    first_person,
    gerund,
    participle,
    plural,
    read,
    with_article,
)


def said(line: str, *shows: str, types: str = "any", **known: str) -> str | None:
    (skeleton,) = parse(f"[{types}]\n{line}")
    whole = scene(shows, brand="Shop", **known)  # type: ignore[arg-type]
    about = whole.about(whole.nouns[0])
    return fill(skeleton, about, about.details) if fits(skeleton, about) else None


def test_it_reads_what_a_keyword_names_and_its_number() -> None:
    assert read("loblolly pine").type == "conifer"
    assert "tree" in read("loblolly pine").types
    assert read("boulders").number == "many"
    assert read("dry grass").number == "mass"
    assert read("living stones").type == "cactus"
    assert read("ohio buckeye").text == "Ohio buckeye"
    assert not read("patience").known


def test_it_drops_words_it_cannot_vouch_for_but_keeps_species() -> None:
    assert read("angry bowl").text == "bowl"
    assert read("shagbark hickory").text == "shagbark hickory"
    assert read("red barn").text == "red barn"


def test_it_gives_articles_plurals_and_verbs_their_form() -> None:
    assert with_article(read("oak")) == "an oak"
    assert with_article(read("european beech")) == "a European beech"
    assert with_article(read("moss")) == "moss"
    assert [plural(w) for w in ("cherry", "beach", "fox", "day")] == [
        "cherries", "beaches", "foxes", "days",
    ]  # fmt: skip
    assert [agree(w, "one") for w in ("stand", "carry", "go", "has", "is")] == [
        "stands", "carries", "goes", "has", "is",
    ]  # fmt: skip
    assert [agree(w, "many") for w in ("stand", "has", "is", "it")] == [
        "stand",
        "have",
        "are",
        "they",
    ]


def test_it_knows_the_regular_forms_of_a_verb() -> None:
    verbs = ("show", "make", "stop", "carry", "lie", "agree")
    assert [gerund(v) for v in verbs] == [
        "showing", "making", "stopping", "carrying", "lying", "agreeing",
    ]  # fmt: skip
    assert [participle(v) for v in verbs] == [
        "showed", "maked", "stopped", "carried", "lied", "agreed",
    ]  # fmt: skip


def test_what_says_the_same_in_other_places_rests_with_it() -> None:
    first, other = parse("[tree]\nO | {S}, and so on.\n[bird]\nW | {S}, and so on.")
    assert first.id != other.id
    assert first.same == other.same == first.id


def test_it_writes_contractions_out_and_turns_we_into_i() -> None:
    assert expand("It's late and we don't mind.") == "It is late and we do not mind."
    assert first_person("We're late, our boots are wet.") == "I'm late, my boots are wet."


def test_slots_agree_with_their_subject() -> None:
    line = "W | {This s} {s:stand} still. We like {s:them}."
    assert said(line, "oak") == "This oak stands still. We like it."
    assert said(line, "boulders") == "These boulders stand still. We like them."


def test_a_sentence_is_only_said_of_what_it_is_true_of() -> None:
    assert said("W | {S}.", "beech tree", types="sea") is None
    assert said("W +autumn | {S}.", "beech tree") is None
    assert said("W +autumn | {S}.", "beech tree", season="autumn") == "A beech tree."
    assert said("W -snow | {S}.", "beech tree", "snow") is None
    assert said("W #many | {S}.", "beech tree") is None
    assert said("W | {S} by {the lake}.", "beech tree") is None
    assert said("W | {S} by {the lake}.", "beech tree", "pond") == "A beech tree by the pond."


def test_what_is_bare_in_the_background_does_not_make_the_subject_bare() -> None:
    assert said("W +bare | {S}.", "western red cedar", "bare tree") is None
    assert said("W +bare | {S}.", "american sycamore", "bare branches") == "American sycamore."


def test_it_knows_sorts_of_offers() -> None:
    assert {"event", "dated", "price"} <= offer_facts(
        "Guided oak walk, Saturday 3 May, 9:30, 12 EUR"
    )
    assert offer_facts("New wool hat, 34 EUR") == {"price"}
    assert "hours" in offer_facts("Tuesday to Saturday, 10:00 to 18:00")
    assert "deal" in offer_facts("10% off rain jackets until Friday")


def test_a_line_that_cannot_be_read_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="unknown type"):
        parse("[dragon]\nW | {S}.")
    with pytest.raises(ValueError, match="no role"):
        parse("[any]\nhello")


def test_every_line_of_the_stock_is_used_by_some_type_and_stands_only_once() -> None:
    lines = stock()
    assert len(lines) > 1200
    assert not [t for line in lines for t in line.types - words.types() - {"any", "none"}]
    seen: dict[object, str] = {}
    for line in lines:
        twice = seen.setdefault((line.role, line.types, line.needs, line.text), line.id)
        assert twice == line.id, f"{twice} and {line.id} are the same"


@pytest.mark.parametrize("number", ["one", "many"])
def test_every_line_fills_to_whole_sentences(number: str) -> None:
    """Each line, with subjects of its own type and every detail it asks for, is sound."""
    samples = {"one": [], "many": []}  # type: dict[str, list[str]]
    for kind in sorted(words.types() - {"person", "backdrop"}):
        forms = sorted(
            f for f, (t, n, _) in words._lexicon()[0].items() if t == kind and n == number
        )
        samples[number] += forms[:1]
    whole = scene(
        [*samples[number], "warm old wild red quince"],
        season="autumn",
        light=["evening light", "morning mist"],
        niche="hiking store and bakery",
        brand="The Shop",
        offer="New wool hat, 34 EUR",
    )
    filled = 0
    scenes = [whole.about(noun) for noun in whole.nouns]
    for line in stock():
        if line.role in "HFK":
            continue
        for about in scenes if "none" not in line.types else [whole.about(None)]:
            if not fits(line, about):
                continue
            text = fill(line, about, about.details[:2])
            if text is None:
                continue
            for part in text.split(" / "):
                assert not re.search(r"[{}]", part), (line.id, part)
                assert broken_sentence(part) in ("", "doubled word"), (line.id, part)
                assert sentences(part), line.id
            filled += 1
            break
    assert filled > 400


def test_quotes_and_headlines_are_short_enough_to_set_on_a_picture() -> None:
    for line in stock():
        if line.role == "P":
            assert len(expand(line.text)) <= 110, line.id
            assert "{" not in line.text, line.id
        if line.role == "H":
            assert 1 <= len(line.text.split()) <= 6, line.id
        if line.role == "L":
            assert 3 <= len(line.text.split(" / ")) <= 4, line.id
