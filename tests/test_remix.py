"""The image model on a small real library: photos on disk, traits as import would store them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.images import mashup, score, synthesis
from feedsmith.images.api import PictureBrief
from feedsmith.images.remix import Remix, fits
from feedsmith.library import Library, import_into
from feedsmith.understanding import traits
from feedsmith.understanding.traits import Traits
from pictures import disc, disc_map, landscape, leaves

SMALL = rules.Format("portrait", 96, 120)


def _traits(photo: str, suits: str, **more: object) -> Traits:
    rest = {"rows": float(suits == "rows"), "noise": float(suits == "noise")} | more
    return Traits.model_validate(
        {"id": photo, "made": "test", "brightness": 0.5, "sharpness": 0.5, "score": 1.0,
         "salient": 0.0, "suits": suits} | rest
    )  # fmt: skip


@pytest.fixture(scope="module")
def brand(tmp_path_factory: pytest.TempPathFactory) -> tuple[Library, dict[str, Traits]]:
    return _stocked(tmp_path_factory.mktemp("brand"))


@pytest.fixture(scope="module")
def model() -> Remix:
    return Remix()


def _stocked(tmp_path: Path) -> tuple[Library, dict[str, Traits]]:
    made = {
        "hills.png": (landscape(360, 480, seed=2), "rows"),
        "leaves.png": (leaves(360, 480, seed=3), "noise"),
        "vase.png": (disc(360, 480), "subject"),
    }
    folder = tmp_path / "in"
    folder.mkdir()
    for name, (rgb, _) in made.items():
        Image.fromarray(rgb).save(folder / name)
    library = Library(tmp_path / "library")
    import_into(library, [folder], keep_all=True)
    known = {p.id: _traits(p.id, made[p.name][1]) for p in library.photos()}
    for photo in library.photos():
        if photo.name == "vase.png":
            known[photo.id] = _traits(
                photo.id, "subject", salient=0.15, groups={"object": 0.9}, words=()
            )
            path = traits.map_path(library, photo.id)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((disc_map(360, 480) * 255).astype(np.uint8)).save(path)
    return library, known


def _only(known: dict[str, Traits], suits: str) -> dict[str, Traits]:
    return {k: v for k, v in known.items() if v.suits == suits}


def test_the_same_brief_gives_the_same_bytes(brand: tuple[Library, dict[str, Traits]]) -> None:
    library, known = brand
    brief = PictureBrief(SMALL, seed=5)
    first, second = (Remix().make(brief, library, known) for _ in range(2))
    assert first.rgb.tobytes() == second.rgb.tobytes()
    assert first.originality == second.originality


def test_a_picture_has_the_size_that_was_asked(brand: tuple[Library, dict[str, Traits]]) -> None:
    library, known = brand
    for shape in ((96, 120), (96, 96), (90, 160)):
        picture = Remix().make(PictureBrief(rules.Format("x", *shape), seed=1), library, known)
        assert picture.rgb.shape == (shape[1], shape[0], 3)
        assert picture.rgb.dtype == np.uint8


def test_leaves_become_a_new_picture(
    brand: tuple[Library, dict[str, Traits]], model: Remix
) -> None:
    library, known = brand
    picture = model.make(PictureBrief(SMALL, seed=1), library, _only(known, "noise"))
    assert picture.method in ("noise", "crop")
    if picture.method == "noise":
        assert picture.sources == tuple(_only(known, "noise"))


def test_a_subject_is_never_rebuilt(brand: tuple[Library, dict[str, Traits]], model: Remix) -> None:
    library, known = brand
    vase = _only(known, "subject")
    for seed in range(4):
        picture = model.make(PictureBrief(SMALL, seed=seed), library, vase)
        assert picture.method in ("crop", "extend")
        assert picture.originality.label == "edited photo"
        orange = (picture.rgb[..., 0] > 180) & (picture.rgb[..., 2] < 110)
        rows, cols = np.flatnonzero(orange.any(1)), np.flatnonzero(orange.any(0))
        assert rows[0] > 0
        assert rows[-1] < picture.rgb.shape[0] - 1
        assert abs(np.ptp(rows) - np.ptp(cols)) < 0.06 * np.ptp(cols)


def test_a_face_overrules_the_texture_verdict(
    brand: tuple[Library, dict[str, Traits]], model: Remix
) -> None:
    library, known = brand
    face = {"left": 0.45, "top": 0.3, "right": 0.55, "bottom": 0.45}
    faced = {k: _traits(k, "noise", faces=[face]) for k in _only(known, "noise")}
    assert model.make(PictureBrief(SMALL, seed=1), library, faced).method in ("crop", "extend")


def test_a_run_goes_round_the_library(
    brand: tuple[Library, dict[str, Traits]], model: Remix
) -> None:
    library, known = brand
    used: list[str] = []
    for seed in range(3):
        brief = PictureBrief(SMALL, seed=seed, avoid=frozenset(used))
        used.append(model.make(brief, library, known).sources[0])
    assert len(set(used)) == 3


def test_a_theme_finds_its_photo(brand: tuple[Library, dict[str, Traits]], model: Remix) -> None:
    library, known = brand
    vase = next(k for k, v in known.items() if v.suits == "subject")
    themed = known | {vase: known[vase].model_copy(update={"season": "autumn"})}
    picture = model.make(PictureBrief(SMALL, theme="autumn", seed=1), library, themed)
    assert picture.sources[0] == vase


def test_photos_that_are_too_small_are_not_blown_up(
    brand: tuple[Library, dict[str, Traits]], model: Remix
) -> None:
    library, known = brand
    assert not any(fits(p, rules.FORMATS["story"]) for p in library.photos())
    with pytest.raises(FeedsmithError, match="too small"):
        model.make(PictureBrief(rules.FORMATS["story"]), library, _only(known, "subject"))


def test_a_damaged_photo_gives_way_to_the_next(tmp_path: Path) -> None:
    library, known = _stocked(tmp_path)
    gone = library.photos()[0]
    library.path(gone).write_bytes(b"not a picture")
    for seed in range(2):
        picture = Remix().make(PictureBrief(SMALL, seed=seed), library, known)
        assert gone.id not in picture.sources


def test_a_draft_that_repeats_a_landmark_is_marked_down() -> None:
    photo = landscape(256, 340, seed=4)
    photo[60:84, 100:120] = (230, 40, 40)
    task = synthesis.Task(photo, 256, 256, start=synthesis.rows(), seed=1)
    draft = synthesis.draft(task)
    origin = np.stack(np.mgrid[0:250, 0:250], -1)
    once = (origin[..., 0].astype(np.uint32) << 16) | origin[..., 1].astype(np.uint32)
    twice = once.copy()
    twice[:, 125:] = once[:, 60:185]
    marks = [
        score.marks(synthesis.Draft(task, draft.level, photo[:256, :256], f, draft.source))
        for f in (once, twice)
    ]
    assert marks[1].clones > marks[0].clones


def test_a_summit_that_leans_into_the_air_is_marked_down() -> None:
    photo = landscape(256, 340, seed=4)
    task = synthesis.Task(photo, 256, 256, start=synthesis.rows(), seed=1)
    draft = synthesis.draft(task)
    origin = np.stack(np.mgrid[0:250, 0:250], -1).astype(np.uint32)
    still = origin[..., 0] << 16 | origin[..., 1]
    leaning = still.copy()
    leaning[20:60, 100:140] = still[150:190, 100:140]
    line = mashup.skyline(photo).rows
    marks = [
        score.marks(synthesis.Draft(task, draft.level, photo[:256, :256], f, draft.source), line)
        for f in (still, leaning)
    ]
    assert marks[0].overhang < 0.002
    assert marks[1].overhang > 0.01
