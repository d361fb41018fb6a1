"""Whom a brand's captions sound like: niche and voice, by likeness to the shipped captions.

Multinomial naive Bayes over captions.starter's 1,620 labelled captions; every caption of the brand
has one vote. English only. Knows words; knows no library and no settings.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from feedsmith.captions import starter

SMOOTH = 0.4
"""Added to every count; of 0.1, 0.2, 0.4, 0.8 the best for voices, the same for niches."""
EXAMPLES_MIN = 15
"""Labels with fewer captions are not told apart."""


class Likeness(NamedTuple):
    label: str
    """"" where there is nothing to go by."""
    share: float
    """Of the votes, 0..1."""
    lead: float
    """Share minus that of the next label."""


class _Model(NamedTuple):
    base: Mapping[str, float]
    """Label -> log probability of a word never seen with it."""
    words: Mapping[str, Mapping[str, float]]
    """Label -> word -> log probability."""
    known: frozenset[str]


def niche(texts: Sequence[str]) -> Likeness:
    """What the brand does, by its nouns. `texts`: captions with their hashtags' words."""
    return _voted(_model("niche"), [_nouns(text) for text in texts])


def voice(texts: Sequence[str]) -> Likeness:
    """How it sounds: one of brand.VOICES, by small words, marks and length."""
    return _voted(_model("voice"), [_manner(text) for text in texts])


def _nouns(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) > 2]


def _manner(text: str) -> list[str]:
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text.lower().replace("’", "'"))
    marks = [f"mark {m}" for m in re.findall(r"[.!?…:;,\"“(–—-]", text)]
    sentences = [part for part in re.split(r"[.!?…]+\s+", text) if part.strip()]
    per_sentence = len(words) / max(len(sentences), 1)
    shape = [f"length {min(len(words) // 8, 9)}", f"sentence {min(int(per_sentence) // 3, 7)}"]
    return words + marks + shape * 3


@cache
def _model(label: str) -> _Model:
    kept: dict[str, Counter[str]] = {}
    counts: Counter[str] = Counter()
    for row in map(json.loads, starter.lines()):
        said = row["caption"]
        tokens = (
            _manner(said)
            if label == "voice"
            else _nouns(" ".join([said, *row["keywords"], *row.get("hashtags", [])]))
        )
        kept.setdefault(row[label], Counter()).update(tokens)
        counts[row[label]] += 1
    return _trained({k: v for k, v in kept.items() if counts[k] >= EXAMPLES_MIN})


def _trained(kept: Mapping[str, Counter[str]]) -> _Model:
    known = frozenset(word for bag in kept.values() for word in bag)
    base, words = {}, {}
    for label, bag in sorted(kept.items()):
        total = sum(bag.values()) + SMOOTH * len(known)
        base[label] = math.log(SMOOTH / total)
        words[label] = {word: math.log((n + SMOOTH) / total) for word, n in bag.items()}
    return _Model(base, words, known)


def _voted(model: _Model, bags: Iterable[Sequence[str]]) -> Likeness:
    votes: Counter[str] = Counter()
    for bag in bags:
        heard = [word for word in bag if word in model.known]
        if not heard:
            continue
        scores = {
            label: sum(model.words[label].get(word, base) for word in heard)
            for label, base in model.base.items()
        }
        # Words of a caption depend on each other, so its evidence is that of a dozen, not of all.
        scale = min(1.0, 12 / len(heard))
        top = max(scores.values())
        odds = {label: math.exp((score - top) * scale) for label, score in scores.items()}
        total = sum(odds.values())
        for label, odd in odds.items():
            votes[label] += odd / total  # type: ignore[assignment]
    if not votes:
        return Likeness("", 0.0, 0.0)
    total = sum(votes.values())
    ranked = sorted(votes.items(), key=lambda pair: (-pair[1], pair[0]))
    first = ranked[0][1] / total
    second = ranked[1][1] / total if len(ranked) > 1 else 0.0
    return Likeness(ranked[0][0], round(first, 3), round(first - second, 3))
