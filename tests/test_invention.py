"""From what a model drew to a picture: words for it, its cut, what it shows."""

import math

import numpy as np
import pytest

from feedsmith.images.api import PictureBrief
from feedsmith.images.invention import fitted, nearest_size
from feedsmith.images.prompt import NEGATIVE, of_brief
from feedsmith.rules import FORMATS, Format
from feedsmith.understanding.traits import Box, Traits, Word


def seen(name: str, *words: str, season: str = "", **other: object) -> Traits:
    return Traits.model_validate(
        {
            "id": name, "made": "x", "brightness": 0.5, "sharpness": 0.5, "salient": 0.1,
            "suits": "rows", "score": 1.0, "rows": 1.0, "noise": 0.0, "season": season,
            "words": [Word(word=w, origin="caption", weight=2.0, kind="tree") for w in words],
            **other,
        }
    )  # fmt: skip


FACE = (Box(left=0.1, top=0.1, right=0.3, bottom=0.3),)
LIBRARY = {
    trait.id: trait
    for trait in (
        seen("birch", "birch wood", "path", season="autumn"),
        seen("lake", "lake", "mist", brightness=0.9),
        seen("shore", "lake", "rocky shore"),
        seen("staff", "smiling person", "apron", faces=FACE),
        seen("mug", "blue mug", "table", groups={"object": 0.9}),
    )
}
BRIEF = PictureBrief(FORMATS["portrait"], seed=3)


def test_a_prompt_is_the_theme_and_words_for_photos_that_go_with_it() -> None:
    brief = PictureBrief(FORMATS["portrait"], theme="autumn birch", seed=3)
    prompt = of_brief(brief, LIBRARY, {})
    assert prompt.sources[0] == "birch"
    assert prompt.text.startswith("autumn birch, birch wood, path, autumn")
    assert prompt.text.endswith("photograph, natural light")
    assert "face" not in prompt.text
    assert prompt.shows == ("birch wood", "path")
    assert prompt.negative == NEGATIVE


def test_photos_that_go_with_the_first_lend_their_words_too() -> None:
    brief = PictureBrief(FORMATS["portrait"], theme="mist", seed=3)
    prompt = of_brief(brief, LIBRARY, {})
    assert prompt.sources == ("lake", "shore")
    assert prompt.shows == ("lake", "mist", "rocky shore")
    turned = {name: np.eye(5, dtype=np.float32)[i] for i, name in enumerate(LIBRARY)}
    assert of_brief(brief, LIBRARY, turned).sources == ("lake",)


def test_neither_people_nor_products_are_asked_for() -> None:
    found = {
        of_brief(PictureBrief(FORMATS["square"], seed=s), LIBRARY, {}).sources for s in range(40)
    }
    named = {name for sources in found for name in sources}
    assert named == {"birch", "lake", "shore"}
    only = {name: LIBRARY[name] for name in ("staff", "mug")}
    assert of_brief(BRIEF, only, {}).sources[0] == "mug"


def test_photos_used_lately_rest_and_a_seed_is_a_choice() -> None:
    brief = PictureBrief(FORMATS["square"], seed=1, avoid=frozenset({"lake", "shore"}))
    assert of_brief(brief, LIBRARY, {}).sources[0] == "birch"
    firsts = {
        of_brief(PictureBrief(FORMATS["square"], seed=s), LIBRARY, {}).sources[0] for s in range(40)
    }
    assert len(firsts) == 3
    assert of_brief(BRIEF, LIBRARY, {}) == of_brief(BRIEF, dict(reversed(LIBRARY.items())), {})


def test_what_the_layout_wants_is_asked_for() -> None:
    brief = PictureBrief(FORMATS["square"], want="calm", text_space="top")
    assert "simple calm composition, empty space at the top" in of_brief(brief, LIBRARY, {}).text


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_picture_of_any_size_is_cut_to_the_format_from_its_middle(name: str) -> None:
    wanted = FORMATS[name]
    rgb = np.zeros((200, 300, 3), np.uint8)
    rgb[95:105, 145:155] = 255
    out = fitted(rgb, wanted)
    assert out.shape == (wanted.height, wanted.width, 3)
    rows, columns = np.nonzero(out[..., 0] > 128)
    assert abs(rows.mean() - wanted.height / 2) < 1
    assert abs(columns.mean() - wanted.width / 2) < 1
    # Nothing is stretched.
    assert math.isclose(np.ptp(rows), np.ptp(columns), abs_tol=3)


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("native", [512, 768, 1024])
def test_a_drawing_has_the_posts_shape_and_the_models_area(name: str, native: int) -> None:
    wanted = FORMATS[name]
    width, height = nearest_size(wanted, native, 8)
    assert width % 8 == height % 8 == 0
    assert abs(math.log(width / height * wanted.height / wanted.width)) < 0.025
    assert 0.9 < width * height / native**2 < 1.1


def test_a_model_of_very_few_pixels_draws_at_least_one_unit() -> None:
    assert nearest_size(Format("tiny", 10, 10), 4, 8) == (8, 8)
    assert nearest_size(FORMATS["square"], 512, 8) == (512, 512)
