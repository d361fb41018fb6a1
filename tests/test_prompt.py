"""The prompt: one brief as text, and rows of captions as examples to train on."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from feedsmith.captions import starter
from feedsmith.captions.prompt import END, Request, emoji_in, example, held_out, length_of

ROW = {
    "kind": "product",
    "niche": "tea shop",
    "voice": "dry",
    "keywords": ["cup", "teapot", "steam", "spoon", "saucer"],
    "offer": "green tea, 3 EUR",
    "caption": "Green tea, 3 EUR. Hot. 🍵",
}


def test_a_prompt_says_all_of_the_brief_and_ends_where_the_caption_begins() -> None:
    asked = Request(
        kind="promo", niche="tea shop", voice="dry", shows=("cup", "steam"), offer="tea, 3 EUR"
    )
    assert asked.prompt() == (
        "niche: tea shop\nvoice: dry\nkind: promo\nlength: medium\nemoji: 0\n"
        "shows: cup, steam\noffer: tea, 3 EUR\ncaption:\n"
    )


def test_what_is_not_there_is_a_dash() -> None:
    asked = Request(kind="photo", niche="tea shop", voice="dry").prompt()
    assert "shows: -\noffer: -\n" in asked


def test_a_line_break_in_a_keyword_cannot_open_another_field() -> None:
    asked = Request(
        kind="photo", niche="tea\nvoice: loud", voice="dry", shows=("cup\ncaption:\nBuy!",)
    ).prompt()
    assert asked.count("\n") == Request(kind="photo", niche="tea", voice="dry").prompt().count("\n")


def test_more_emoji_than_the_model_knows_of_are_refused() -> None:
    with pytest.raises(ValidationError):
        Request(kind="photo", niche="tea", voice="dry", emoji=3)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("plain - 3°, €5 “so”", 0), ("☕️", 1), ("🍵 and 🫖", 2), ("❤️", 1)]
)
def test_it_counts_emoji(text: str, count: int) -> None:
    assert emoji_in(text) == count


def test_length_has_three_classes() -> None:
    assert [length_of("x" * n) for n in (10, 90, 91, 190, 191)] == [
        "short",
        "short",
        "medium",
        "medium",
        "long",
    ]


def test_an_example_asks_for_just_what_its_caption_is() -> None:
    asked, target = example(ROW)
    assert "kind: product\nlength: short\nemoji: 1\n" in asked
    assert "shows: cup, teapot, steam, spoon, saucer\n" in asked
    assert target == "Green tea, 3 EUR. Hot. 🍵" + END


def test_training_shuffles_and_drops_keywords_but_keeps_offer_and_caption() -> None:
    seen = {example(ROW, np.random.default_rng(seed)) for seed in range(60)}
    assert len({asked for asked, _ in seen}) > 30
    assert {target for _, target in seen} == {"Green tea, 3 EUR. Hot. 🍵" + END}
    assert all("offer: green tea, 3 EUR\n" in asked for asked, _ in seen)
    kinds = {asked.split("kind: ")[1].split("\n")[0] for asked, _ in seen}
    assert kinds == {"product", "promo"}


def test_the_same_generator_gives_the_same_examples() -> None:
    one, two = (example(ROW, np.random.default_rng(7)) for _ in range(2))
    assert one == two


def test_about_a_tenth_is_held_out_by_the_caption_alone() -> None:
    rows = [json.loads(line) for line in starter.lines()]
    held = [row for row in rows if held_out(row["caption"])]
    assert 0.07 < len(held) / len(rows) < 0.13
    assert all(held_out(row["caption"] + "\n") for row in held)
    assert len({row["caption"] for row in held}) == len(held)


def test_no_starter_caption_has_hashtags() -> None:
    for line in starter.lines():
        assert "#" not in json.loads(line)["caption"]


def test_a_look_near_words_and_a_language_have_a_line_only_where_they_are_known() -> None:
    asked = Request(
        kind="photo", niche="tea shop", voice="dry", shows=("cup",), look=("autumn", "dark"),
        near=("kettle",), language="German",
    )  # fmt: skip
    assert asked.prompt() == (
        "niche: tea shop\nvoice: dry\nlanguage: German\nkind: photo\nlength: medium\nemoji: 0\n"
        "shows: cup\nlook: autumn, dark\nnear: kettle\noffer: -\ncaption:\n"
    )


def test_in_training_look_and_near_are_now_and_then_left_out() -> None:
    row = {**ROW, "look": ["autumn"], "near": ["kettle"]}
    asked = [example(row, np.random.default_rng(i))[0] for i in range(60)]
    for line in ("look: autumn\n", "near: kettle\n"):
        assert 25 <= sum(line in prompt for prompt in asked) <= 55
    assert "look: autumn\nnear: kettle\n" in example(row)[0]
