"""Perplexity from a model's scores."""

import math
from collections.abc import Sequence

import pytest

from feedsmith import models
from feedsmith.captions.model import ROOM, CaptionModel
from feedsmith.errors import MissingModel
from feedsmith.evaluate.perplexity import measured, perplexity


def test_perplexity_weighs_captions_by_their_tokens() -> None:
    assert perplexity([-math.log(8)], [5]) == pytest.approx(8)
    # Three tokens at 1/2 and one at 1/16: (2^3 * 16) ^ (1/4).
    assert perplexity([-math.log(2), -math.log(16)], [3, 1]) == pytest.approx(128**0.25)
    assert math.isnan(perplexity([], []))


class Letters:
    """A model whose tokens are letters, all equally likely among 26."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [-math.log(26)] * len(pairs)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


def test_an_alphabet_without_preference_has_the_perplexity_of_its_size() -> None:
    told = measured("letters", Letters(), [("ab", "cde"), ("", "f" * 9)])
    assert told is not None
    assert told.value == pytest.approx(26)
    assert (told.captions, told.tokens) == (2, 3 + 1 + 9 + 1)


def test_only_tokens_that_found_room_are_counted() -> None:
    told = measured("letters", Letters(), [("p" * 200, "c" * 500), ("p" * 6, "c" * 500)])
    assert told is not None
    assert told.tokens == ROOM // 2 + ROOM - 6


def test_it_ends_early_with_what_it_has() -> None:
    told = measured("letters", Letters(), [("", "a")] * 30, lambda done: done < 8)
    assert told is not None
    assert told.captions == 8
    assert measured("letters", Letters(), []) is None


def test_a_caption_is_less_surprising_to_a_model_that_learned_captions() -> None:
    try:
        base, adapter = models.find("captions-base"), models.find("starter-lora")
    except MissingModel as error:
        pytest.skip(f"{error.message}; {error.mend}")
    prompt = "niche: tea shop\nvoice: dry\nkind: photo\nlength: short\nemoji: 0\nshows: fog, pine\noffer: -\ncaption:\n"
    pairs = [(prompt, "Fog in the pines. We opened late and nobody minded.")]
    found = []
    for beside in (None, adapter):
        with CaptionModel(base, beside) as model:
            told = measured("x", model, pairs)
            assert told is not None
            assert told.value == pytest.approx(math.exp(-told.scores[0]), abs=1e-3)
            assert told.tokens == model.count([pairs[0][1]])[0] + 1
            found.append(told.value)
    assert found[1] < found[0]
