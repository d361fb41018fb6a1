"""Looks: what was measured of a photo, in a few words, and the words of photos like it."""

import numpy as np
import pytest

from feedsmith.understanding import look
from feedsmith.understanding.traits import Box, Traits, Word


def traits(photo: str = "a", **other: object) -> Traits:
    settings = {
        "id": photo, "made": "1", "brightness": 0.5, "sharpness": 0.5, "salient": 0.2,
        "suits": "none", "score": 0.0, "rows": 0.0, "noise": 0.0,
    }  # fmt: skip
    return Traits.model_validate({**settings, **other})


def words(*said: str) -> tuple[Word, ...]:
    return tuple(Word(word=w, origin="caption", weight=1.0, kind="thing") for w in said)


def test_it_says_season_light_main_colour_and_faces() -> None:
    seen = traits(
        season="autumn", brightness=0.2, palette=(("#b5651d", 0.5), ("#222222", 0.5)), blue_sky=True
    )
    assert look.in_words(seen) == ("autumn", "dark", "blue sky", "orange tones", "no faces")


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#2e7d32", "green"), ("#1565c0", "blue"), ("#c62828", "red"), ("#f9d71c", "yellow"),
        ("#ef7d1a", "orange"), ("#e77fb3", "pink"), ("#7b3fa0", "purple"), ("#1aa6a6", "turquoise"),
    ],
)  # fmt: skip
def test_a_colour_is_called_what_people_call_it(colour: str, name: str) -> None:
    assert f"{name} tones" in look.in_words(traits(palette=((colour, 0.6),)))


def test_grey_pictures_and_small_patches_have_no_colour() -> None:
    said = look.in_words(traits(palette=(("#808080", 0.9), ("#2e7d32", 0.1)), brightness=0.9))
    assert said == ("bright", "no faces")


def test_nothing_is_said_of_faces_that_nobody_looked_for() -> None:
    face = Box(left=0.1, top=0.1, right=0.3, bottom=0.3)
    assert look.in_words(traits(faces=(face,))) == ("one face",)
    assert look.in_words(traits(faces=(face, face))) == ("faces",)
    assert look.in_words(traits(missing=("faces",))) == ()


def test_near_words_come_from_the_photos_most_alike_and_are_not_shown_already() -> None:
    known = {
        "a": traits("a", words=words("oak tree")),
        "b": traits("b", words=words("oak", "meadow")),
        "c": traits("c", words=words("meadow", "fog")),
        "d": traits("d", words=words("harbour")),
    }
    features = {
        i: np.array(v, np.float32)
        for i, v in {"a": (1, 0), "b": (0.9, 0.4), "c": (0.8, 0.6), "d": (-1, 0)}.items()
    }
    said = look.near("a", known, features, ("oak tree",))
    assert said[:2] == ("meadow", "fog")
    assert "oak" not in said
    assert "meadow" not in look.near("a", known, features, (), frozenset("bc"))
    assert look.near("z", known, features, ()) == ()
