"""A trained generator as it is run: loading it, its pictures, its walks."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import small_generators
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.images.gan import exported
from feedsmith.images.gan.exported import Generator, find, slerp
from feedsmith.models import hash_of
from pictures import disc, landscape, leaves

SIZE, DEEP = 32, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = [
        *(landscape(96, 96, seed=k) for k in range(5)),
        *(leaves(96, 96, k) for k in range(4)),
    ]
    folder = tmp_path_factory.mktemp("home") / "models" / "images"
    return small_generators.export(folder, [*photos, disc(96, 96)], SIZE, DEEP)


@pytest.fixture(scope="module")
def generator(folder: Path) -> Generator:
    return Generator.load(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_it_draws_pictures_of_its_size(generator: Generator) -> None:
    pictures = generator.pictures(generator.latents(20, seed=1))
    assert pictures.shape == (20, SIZE, SIZE, 3)
    assert pictures.dtype == np.uint8
    assert len({picture.tobytes() for picture in pictures}) == 20


def test_a_latent_is_the_same_picture_alone_and_among_others(generator: Generator) -> None:
    z = generator.latents(9, seed=2)
    together = generator.pictures(z)
    alone = np.concatenate([generator.pictures(z[k : k + 1]) for k in range(9)])
    assert int(np.abs(together.astype(int) - alone).max()) <= 1


def test_the_middle_of_its_world_is_the_mean_of_the_photos(generator: Generator) -> None:
    photos = [
        *(landscape(96, 96, seed=k) for k in range(5)),
        *(leaves(96, 96, k) for k in range(4)),
    ]
    mean = np.mean(small_generators.squares([*photos, disc(96, 96)], SIZE), axis=0)
    drawn = generator.pictures(np.zeros((1, DEEP), np.float32))[0]
    assert float(np.abs(drawn - mean).max()) < 1.0


def test_latents_lie_on_the_sphere_and_repeat_with_their_seed(generator: Generator) -> None:
    z = generator.latents(50, seed=3)
    assert np.allclose(np.linalg.norm(z, axis=1), np.sqrt(DEEP), atol=1e-4)
    assert z.tobytes() == generator.latents(50, seed=3).tobytes()
    assert z.tobytes() != generator.latents(50, seed=4).tobytes()


def test_truncation_keeps_single_numbers_small(generator: Generator) -> None:
    def largest(truncation: float) -> float:
        z = generator.latents(2000, 5, truncation)
        return float(np.abs(z).max())

    assert largest(0.8) < largest(float("inf"))
    with pytest.raises(ValueError, match="one picture"):
        generator.latents(2, 1, 0.1)


def test_a_walk_is_closed_and_never_jerks(generator: Generator) -> None:
    z = generator.walk(seed=7, frames=60, anchors=3)
    steps = np.linalg.norm(np.roll(z, -1, 0) - z, axis=1)
    assert z.shape == (60, DEEP)
    assert np.allclose(np.linalg.norm(z, axis=1), np.sqrt(DEEP), atol=1e-3)
    assert steps.max() < 1.05 * steps.min()  # the step back to the start among them
    bends = np.linalg.norm(
        np.roll(steps_of := np.diff(np.vstack([z, z[:1]]), axis=0), -1, 0) - steps_of, axis=1
    )
    assert bends.max() < 0.5 * steps.mean()


@pytest.mark.parametrize("anchors", [2, 3, 4, 5])
def test_a_walk_passes_its_anchors(generator: Generator, anchors: int) -> None:
    drawn = generator.latents(anchors + 1, 8)
    z = generator.walk(seed=8, frames=400, anchors=anchors, reach=0.6)
    for other in drawn[1:]:
        stop = slerp(drawn[0], other, 0.6)
        assert float(np.linalg.norm(z - stop, axis=1).min()) < 0.1


def test_a_short_reach_stays_near_the_centre(generator: Generator) -> None:
    centre = generator.latents(1, 9)[0]
    spans = [
        float(
            np.linalg.norm(generator.walk(9, 40, reach=reach, centre=centre) - centre, axis=1).max()
        )
        for reach in (0.1, 0.8)
    ]
    assert spans[0] < 0.5 * spans[1]


def test_the_brand_s_own_generator_goes_before_the_shipped_one(
    folder: Path, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "STARTER", copy)
    own = find(folder.parent.parent)
    shipped = find(tmp_path / "a brand without one")
    assert own is not None
    assert shipped is not None
    assert (own.is_starter, shipped.is_starter) == (False, True)


def test_the_shipped_generator_draws_varied_pictures_and_names_all_whose_photos_it_learned_from(
    tmp_path: Path,
) -> None:
    shipped = find(tmp_path)
    assert shipped is not None
    assert shipped.is_starter
    drawn = shipped.pictures(shipped.latents(8, seed=1))
    assert drawn.shape == (8, 64, 64, 3)
    apart = np.abs(drawn[:, None].astype(int) - drawn[None]).mean((2, 3, 4))
    assert apart[~np.eye(8, dtype=bool)].min() > 10
    card = json.loads((exported.STARTER / "card.json").read_text("utf-8"))
    for name, file in card["files"].items():
        assert hash_of(exported.STARTER / name) == file["sha256"]
    assert sum(file.stat().st_size for file in exported.STARTER.iterdir()) < 15e6
    with (exported.STARTER / "CREDITS.csv").open(encoding="utf-8", newline="") as stream:
        people = list(csv.DictReader(stream))
    assert len(people) == card["data"]["photos"] + card["data"]["held_out"]
    assert all(row["credit"] and row["licence"] for row in people)
    assert {row["licence"] for row in people} - set(card["licences"]) <= {"Public domain"}
    assert not any("NC" in row["licence"] or "ND" in row["licence"] for row in people)


def test_without_any_generator_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "STARTER", tmp_path / "nothing")
    assert find(tmp_path) is None
    with pytest.raises(MissingModel, match="no trained generator"):
        Generator.load(tmp_path / "models" / "images")


def _cut(folder: Path) -> None:
    whole = (folder / "generator.onnx").read_bytes()
    (folder / "generator.onnx").write_bytes(whole[: len(whole) // 2])


def _no_network(folder: Path) -> None:
    small_generators.write(folder, b"these are words", SIZE, DEEP)


def _other_names(folder: Path) -> None:
    weight, mean = np.zeros((DEEP, 3 * SIZE * SIZE)), np.zeros(3 * SIZE * SIZE)
    onnx = small_generators.network(weight, mean, SIZE, names=("noise", "picture"))
    small_generators.write(folder, onnx, SIZE, DEEP)


def _other_size(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps(card | {"size": 2 * SIZE}), "utf-8")


def _other_card(folder: Path) -> None:
    (folder / "card.json").write_text(json.dumps({"what": "caption model", "files": {}}), "utf-8")


def _half_a_card(folder: Path) -> None:
    (folder / "card.json").write_text('{"what": "image gen', "utf-8")


def _no_card(folder: Path) -> None:
    (folder / "card.json").unlink()


def _no_file(folder: Path) -> None:
    (folder / "generator.onnx").unlink()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (_cut, "is not the file that card.json names"),
        (_no_network, "cannot be opened"),
        (_other_names, "takes noise and gives picture"),
        (_other_size, f"its card says size {2 * SIZE}"),
        (_other_card, "not the card of an image generator"),
        (_half_a_card, "cannot be read"),
        (_no_card, "is missing beside the generator"),
        (_no_file, "there is no trained generator"),
    ],
)
def test_a_broken_export_is_told_in_words(
    copy: Path, broken: Callable[[Path], None], said: str
) -> None:
    broken(copy)
    with pytest.raises(FeedsmithError, match=said) as error:
        Generator.load(copy)
    assert error.value.mend


def test_a_damaged_generator_of_the_brand_is_not_quietly_replaced(
    copy: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("damaged")
    (home / "models").mkdir()
    _cut(copy)
    copy.rename(home / "models" / "images")
    monkeypatch.setattr(exported, "STARTER", folder)
    with pytest.raises(FeedsmithError, match="is not the file"):
        find(home)


def test_weights_that_broke_in_training_are_told(copy: Path) -> None:
    weight = np.full((DEEP, 3 * SIZE * SIZE), np.nan)
    onnx = small_generators.network(weight, np.zeros(3 * SIZE * SIZE), SIZE)
    small_generators.write(copy, onnx, SIZE, DEEP)
    with pytest.raises(FeedsmithError, match="gives no pictures"):
        Generator.load(copy).pictures(np.ones((2, DEEP), np.float32))


def test_pictures_are_what_the_numbers_say(copy: Path) -> None:
    tones = np.linspace(-1.2, 1.2, SIZE * SIZE, dtype=np.float32)
    onnx = small_generators.network(np.zeros((DEEP, 3 * SIZE * SIZE)), np.tile(tones, 3), SIZE)
    small_generators.write(copy, onnx, SIZE, DEEP)
    drawn = Generator.load(copy).pictures(np.zeros((1, DEEP), np.float32))[0]
    wanted = np.clip(np.rint((tones.reshape(SIZE, SIZE) + 1) * 127.5), 0, 255)
    assert np.abs(drawn[..., 1] - wanted).max() <= 1
    assert Image.fromarray(drawn).size == (SIZE, SIZE)


def test_many_pictures_of_a_large_generator_are_reduced(generator: Generator) -> None:
    z = generator.latents(5, 1)
    small, whole = generator.pictures(z, 16), generator.pictures(z)
    means = whole.reshape(5, 16, 2, 16, 2, 3).mean((2, 4))
    assert small.shape == (5, 16, 16, 3)
    assert np.abs(small - means).max() <= 1
    assert generator.pictures(z, 500).tobytes() == whole.tobytes()
