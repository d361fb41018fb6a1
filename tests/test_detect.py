"""Detecting languages: what a setting means, and whether one caption is in another language."""

import pytest

from feedsmith.captions.tongues import detect


@pytest.mark.parametrize(
    ("said", "code"),
    [("", "en"), ("English", "en"), ("en_GB", "en"), ("eng", "en"), ("de-AT", "de"),
     ("German", "de"), ("Portuguese", "pt"), ("tlh", "tlh")],
)  # fmt: skip
def test_a_language_is_known_as_people_write_it(said: str, code: str) -> None:
    assert detect.code(said) == code


def test_a_caption_in_another_language_is_told_where_it_is_clear() -> None:
    german = "Die Felsen stehen in der Sonne, und wir stehen auch da."
    english = "The rocks stand in the sun, and so do we."
    assert detect.other_than("en", german)
    assert detect.other_than("de", english)
    assert detect.other_than("ja", english)
    assert not detect.other_than("de", german)
    assert not detect.other_than("en", english)


@pytest.mark.parametrize(
    "text",
    ["Oak.", "A rocky shore, anonas and no boulder.", "A father's first trail, a daughter's."],
)
def test_where_it_is_not_clear_a_caption_is_let_be(text: str) -> None:
    assert not detect.other_than("en", text)


def test_what_we_know_no_words_of_is_let_be() -> None:
    assert not detect.other_than("tlh", "The rocks stand in the sun, and so do we.")
