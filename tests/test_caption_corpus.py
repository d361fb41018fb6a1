"""The captions that are trained on: where they come from, what is left out, what is held out.

None of this needs the train extra.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from feedsmith.brand import Brand, Home
from feedsmith.captions import train as training
from feedsmith.captions.prompt import example, held_out
from feedsmith.captions.train import Config, corpus, seconds
from feedsmith.captions.train.batches import Spot, encoded, epoch, stream
from feedsmith.errors import FeedsmithError
from feedsmith.post import PastPost
from feedsmith.sources.caption import hashtags, without_hashtags

BRAND = Brand(name="Fog & Pine", niche="tea shop", voice="dry")
THINGS = ("fog", "pine", "cup", "steam", "moss", "bread", "lamp", "stone", "wool", "rain")


def caption(i: int) -> str:
    return f"{THINGS[i % 10].title()} and {THINGS[(i // 10) % 10]}, number {i}. #teatime #oldpine"


def home(root: Path, captions: list[str], *, dated: bool = True) -> Home:
    """A brand whose posts are `captions`, a day apart."""
    place = Home(root)
    place.create(BRAND)
    first = datetime(2024, 1, 1, 9, tzinfo=UTC)
    posts = [
        PastPost(
            id=f"{i:016x}",
            caption=text,
            text=without_hashtags(text),
            hashtags=hashtags(text),
            posted_at=first + timedelta(days=i) if dated else None,
        )
        for i, text in enumerate(captions)
    ]
    (place.library / "posts.jsonl").write_text(
        "".join(post.model_dump_json() + "\n" for post in posts), "utf-8"
    )
    return place


def test_the_newest_captions_of_a_library_are_held_out(tmp_path: Path) -> None:
    data = training.from_library(home(tmp_path, [caption(i) for i in range(50)]), Config())
    assert len(data.train) == 45
    assert len(data.held) == 5
    assert max(row.at for row in data.train if row.at) < min(row.at for row in data.held if row.at)
    assert all("#" not in row.caption for row in (*data.train, *data.held))
    assert data.train[0].niche == "tea shop"
    assert data.train[0].hashtags == ("teatime", "oldpine")


def test_captions_without_dates_are_held_out_by_their_hash(tmp_path: Path) -> None:
    texts = [caption(i) for i in range(200)]
    data = training.from_library(home(tmp_path, texts, dated=False), Config())
    assert {row.caption for row in data.held} == {
        without_hashtags(text) for text in texts if held_out(without_hashtags(text))
    }


def test_hashtags_say_what_a_photo_shows_where_nobody_looked_at_it(tmp_path: Path) -> None:
    texts = [caption(i).replace("#oldpine", "#oldpine" if i else "#greenmoss") for i in range(30)]
    data = training.from_library(home(tmp_path, texts), Config())
    assert data.train[0].keywords == ("green moss",)
    assert data.train[1].keywords == ()  # on every post: says nothing of this one


def test_an_offer_s_facts_stand_in_the_prompt(tmp_path: Path) -> None:
    texts = ["Tasting on 3 May, 10:00. 12 EUR a head, come hungry.", *map(caption, range(30))]
    row = training.from_library(home(tmp_path, texts), Config()).train[0]
    assert row.kind == "promo"
    prompt, target = example(row.model_dump())
    assert "offer: 3 May, 10:00, 12 EUR\n" in prompt
    assert target.startswith("Tasting on 3 May")


def test_captions_that_say_nothing_or_come_again_are_left_out(tmp_path: Path) -> None:
    texts = [*map(caption, range(25)), "", "#only #tags", "🌲🌲", caption(3), caption(3).upper()]
    data = training.from_library(home(tmp_path, texts), Config())
    assert len(data.train) + len(data.held) == 25
    assert "3 of 30 texts have no words of their own" in data.notes
    assert "2 captions are repeated and were taken once" in data.notes


@pytest.mark.parametrize(
    "texts", [["One.", "Two is it.", "Three."], [""] * 40, ["#a #b"] * 40, [], ["Same one."] * 40]
)
def test_too_few_captions_are_refused_with_advice(tmp_path: Path, texts: list[str]) -> None:
    with pytest.raises(FeedsmithError, match="too few") as caught:
        training.from_library(home(tmp_path, texts), Config())
    assert "at least 20" in caught.value.mend


def test_a_caption_of_fifty_thousand_letters_is_cut_and_other_scripts_stay(tmp_path: Path) -> None:
    odd = [
        "word " * 10_000,
        "صباح الخير من المخبز ☕",
        "山の朝、静かな霧。",
        "Half \ud83c surrogate.",
    ]
    path = tmp_path / "odd.txt"
    texts = [*odd[:3], *(f"Plain caption {i}." for i in range(20))]
    path.write_text("\n".join(texts), "utf-8")
    rows = training.from_text(path, BRAND, Config())
    found = {row.caption for row in (*rows.train, *rows.held)}
    assert odd[1] in found
    assert odd[2] in found
    assert max(map(len, found)) <= 2200
    row = corpus._row(odd[3], BRAND, "photo", (), (), None)
    assert row.caption == "Half  surrogate."
    assert len(encoded(row, lambda text: list(text.encode()), 64).target) <= 64


def test_a_file_of_gpt_2_simple_is_read_by_its_marks() -> None:
    marked = (
        "<|startoftext|>First line\nsecond line<|endoftext|>\n<|startoftext|>Next one<|endoftext|>\n"
        "<|startoftext|>Never ended\n"
    )
    assert corpus.texts_of(marked) == ["First line\nsecond line", "Next one", "Never ended"]
    assert corpus.texts_of("One\n<|endoftext|>Two<|endoftext|>") == ["One", "Two"]
    assert corpus.texts_of("One\r\n\r\n  Two \n") == ["One", "Two"]


def test_a_text_file_with_a_few_bad_bytes_is_still_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    lines = [f"Café Nummer {i} öffnet" for i in range(30)]
    path.write_bytes("\n".join(lines).encode() + b"\nbroken \xff byte caf\xc3\xa9")
    data = training.from_text(path, BRAND, Config())
    found = {row.caption for row in (*data.train, *data.held)}
    assert "Café Nummer 7 öffnet" in found
    assert "broken byte café" in {" ".join(text.split()) for text in found}
    path.write_bytes("\n".join(lines).encode("cp1252"))
    data = training.from_text(path, BRAND, Config())
    assert "Café Nummer 7 öffnet" in {row.caption for row in (*data.train, *data.held)}


def test_marks_of_tokenisers_inside_a_caption_are_taken_out() -> None:
    row = corpus._row("Hello<|im_end|> there <|endoftext|>", BRAND, "photo", (), (), None)
    assert row.caption == "Hello  there"


def test_links_and_points_that_push_hashtags_down_are_not_learned() -> None:
    text = 'A lamp from 1930. See more in "Light" at: https://x.example/1 Come in!\n.\n.\n.'
    row = corpus._row(text, BRAND, "photo", (), (), None)
    assert row.caption == "A lamp from 1930."
    row = corpus._row("Our lamps (https://x.example/1)", BRAND, "photo", (), (), None)
    assert row.caption.startswith("Our lamps")
    assert "http" not in row.caption


def test_a_text_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match=r"gone\.txt"):
        training.from_text(tmp_path / "gone.txt", BRAND, Config())


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    good = {
        "caption": "x",
        "kind": "photo",
        "niche": "",
        "voice": "",
        "keywords": [],
        "offer": None,
    }
    path.write_text(json.dumps(good) + '\n{"caption": "only this"}\n')
    with pytest.raises(FeedsmithError, match="line 2") as caught:
        training.read_rows(path)
    assert "keywords" in caught.value.mend


def test_a_caption_with_a_line_separator_of_unicode_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    row = {"caption": "One\u2028two", "kind": "photo", "niche": "", "voice": "", "keywords": []}
    path.write_text(json.dumps({**row, "offer": None}, ensure_ascii=False) + "\n", "utf-8")
    assert [found["caption"] for found in training.read_rows(path)] == ["One\u2028two"]


def test_the_starter_captions_are_all_good_rows() -> None:
    rows = training.read_rows(training.STARTER)
    data = training.from_rows(rows, "starter", Config(held_out_max=400))
    assert len(data.train) + len(data.held) > 1500
    assert {row.caption for row in data.held} == {
        row["caption"] for row in rows if held_out(row["caption"])
    }


def test_the_data_s_hash_changes_with_every_caption_and_with_the_split(tmp_path: Path) -> None:
    rows = training.read_rows(training.STARTER)[:60]
    one = training.from_rows(rows, "a", Config())
    assert one.sha256 == training.from_rows(rows, "b", Config()).sha256
    assert one.sha256 != training.from_rows(rows[1:], "a", Config()).sha256
    moved = one.model_copy(update={"train": one.train[1:], "held": (*one.held, one.train[0])})
    assert one.sha256 != moved.sha256


def test_batches_hold_like_lengths_and_every_caption_once() -> None:
    import numpy as np

    rows = training.from_rows(training.read_rows(training.STARTER)[:300], "a", Config()).train
    groups = epoch(rows, lambda text: list(text.encode()), 4000, 6000, np.random.default_rng(0))
    assert sum(map(len, groups)) == len(rows)
    assert all(sum(one.size for one in group) <= 6000 or len(group) == 1 for group in groups)
    area = sum(len(group) * max(one.size for one in group) for group in groups)
    assert sum(one.size for group in groups for one in group) / area > 0.93


def test_a_stream_of_batches_goes_on_anywhere_as_it_would_have() -> None:
    rows = training.from_rows(training.read_rows(training.STARTER)[:60], "a", Config()).train
    extra = rows[:20]

    def begin(spot: Spot):  # type: ignore[no-untyped-def]
        return stream(rows, extra, 0.25, lambda text: list(text.encode()), 900, 4000, 7, spot)

    whole = begin(Spot(0, 0))
    first = [next(whole) for _ in range(30)]
    again = begin(first[16][0])
    assert [next(again) for _ in range(13)] == first[17:]
    assert first[-1][0].epoch >= 1


@pytest.mark.parametrize(
    ("words", "wanted"), [("15m", 900), ("90s", 90), ("1.5h", 5400), ("20", 1200), (" 2 min ", 120)]
)
def test_a_budget_is_read_in_the_usual_spellings(words: str, wanted: float) -> None:
    assert seconds(words) == wanted


@pytest.mark.parametrize("words", ["soon", "", "-5m", "0m", "15 parsecs"])
def test_a_budget_that_is_no_time_is_refused(words: str) -> None:
    with pytest.raises(FeedsmithError, match="not a length of time"):
        seconds(words)


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"rank": 0}, {"budget": -1}, {"method": "magic"}, {"colour": "red"}):
        with pytest.raises(ValidationError):
            Config.model_validate(wrong)
