from pathlib import Path

import pytest

from feedsmith.errors import MissingModel
from feedsmith.understanding import keywords
from feedsmith.understanding.keywords import Keyword


def words(text: str, *tags: str, **more: object) -> list[str]:
    return [k.word for k in keywords.of_photo(text, tags, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("rockyshore", "rocky shore"),
        ("loblollypine", "loblolly pine"),
        ("EveningLight", "Evening light"),
        ("coffeeroaster", "coffee roaster"),
        ("sand_dunes", "sand dunes"),
        ("pinecone", "pinecone"),
    ],
)
def test_it_takes_hashtags_apart(tag: str, parts: str) -> None:
    assert keywords.split(tag) == parts.lower().split()


def test_it_takes_a_hashtag_apart_the_way_the_brand_writes_it() -> None:
    phrases = keywords.phrases_of(["Fog over Lake Sherburne today."])
    assert keywords.split("lakesherburne", phrases) == ["lake", "sherburne"]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("boulders", "land"), ("loblolly pine", "tree"), ("green leaves", "plant"), ("mug", "tableware"),
        ("wool socks", "clothing"), ("sourdough", "food"), ("red", "colour"), ("berries", "fruit"),
        ("osprey", "bird"), ("waterfall", "water"), ("patience", None), ("tuesday", None),
        ("qwrtz", None),
    ],
)  # fmt: skip
def test_it_knows_what_kind_of_thing_a_word_names(word: str, kind: str | None) -> None:
    assert keywords.visual_type(word) == kind


def test_it_puts_first_what_caption_and_hashtag_agree_on() -> None:
    found = words("Osprey over the pond, and a bag of cherries.", "osprey", "riverwalk")
    assert found[0] == "osprey"


def test_it_keeps_only_what_can_be_seen() -> None:
    text = "Common hackberry: common name, uncommon patience."
    assert words(text, "treesofinstagram", "hackberry", "youngtree") == ["hackberry"]


def test_it_drops_generic_tags_the_brand_and_opening_hours() -> None:
    found = words(
        "Hello again from both of us. The shop door is open. Tuesday to Saturday, 10:00 to 18:00.",
        "instagood", "talltreeoutfitters", "openinghours", "shopsmall",
        brand="Tall Tree Outfitters",
    )  # fmt: skip
    assert found == []


def test_it_keeps_the_longer_of_two_phrases() -> None:
    found = words("The red barn by the pond.", "redbarn", "barn")
    assert "red barn" in found
    assert "barn" not in found


def test_it_doubts_things_that_the_network_does_not_see() -> None:
    text = "Boots on, coffee in hand, waterfall ahead."
    outdoors = {"clothing": 0.01, "food": 0.01, "object": 0.02, "scene": 0.9}
    in_shop = {"clothing": 0.9, "food": 0.01, "object": 0.05, "scene": 0.01}
    assert "boots" not in words(text, masses=outdoors)
    assert "boots" in words(text, masses=in_shop)


def test_it_leaves_out_latin_names() -> None:
    assert words("Sugar maple.", "sugarmaple", "acersaccharum") == ["sugar maple"]


def test_it_remembers_where_a_word_comes_from() -> None:
    found = {k.word: k.origin for k in keywords.of_photo("A sugar maple.", ["yellowfoliage"])}
    assert found == {"sugar maple": "caption", "yellow foliage": "hashtag"}


def test_it_takes_what_an_alt_text_says() -> None:
    assert "stone bridge" in words("Morning!", alt_text="A stone bridge over a stream.")


def test_it_asks_neighbours_and_wants_two_to_agree() -> None:
    beech = Keyword("beech leaves", "caption", 2.0, "plant")
    lone = Keyword("red barn", "caption", 2.0, "building")
    found = keywords.of_neighbours([(0.8, [beech]), (0.7, [beech, lone]), (0.6, [])])
    assert [(k.word, k.origin) for k in found] == [("beech leaves", "neighbour")]


def test_it_believes_the_network_only_where_it_is_sure() -> None:
    labels = [("sneaker", "clothing", 0.8), ("park bench", "building", 0.3), ("bee", "insect", 0.9)]
    assert [k.word for k in keywords.of_labels(labels)] == ["sneaker"]


@pytest.mark.parametrize(
    ("text", "tags", "season"),
    [
        ("Leaves everywhere.", ["autumncolour"], "autumn"),
        ("Open again after the winter.", [], ""),
        ("A winter walk.", [], "winter"),
        ("Open for business.", ["julymorning"], "summer"),
        ("They fall in love.", [], ""),
        ("Mud.", ["springmud", "autumnmud"], ""),
    ],
)
def test_it_takes_the_season_from_words_alone(text: str, tags: list[str], season: str) -> None:
    assert keywords.season(text, tags) == season


def test_it_survives_any_script_and_nonsense() -> None:
    assert words("桜の下で 🌸", "桜", "花見", "١٢٣", "____", "") == []
    assert isinstance(words("x" * 3000, "a" * 300), list)


def test_it_says_that_the_word_list_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingModel):
        keywords.lexicon(tmp_path)
