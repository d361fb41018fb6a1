"""The photos' own layouts, with which a compact generator begins."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='needs the train extra: pip install "feedsmith[train]"')

import small_photos  # noqa: E402
from feedsmith.dataset import DataSet  # noqa: E402
from feedsmith.images.gan.train import layout  # noqa: E402
from feedsmith.images.gan.train.compact import Compact  # noqa: E402
from feedsmith.images.gan.train.config import Config, resolve  # noqa: E402
from feedsmith.images.gan.train.dice import Dice  # noqa: E402
from feedsmith.images.gan.train.export import onnx_of  # noqa: E402
from feedsmith.images.gan.train.pictures import as_tensor  # noqa: E402


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    stored: Path = small_photos.data_set(tmp_path_factory.mktemp("discs"), size=32)
    with DataSet.open(stored) as data:
        return as_tensor(data.read(data.train))


def compact(**other: object) -> Compact:
    asked = {"channels": 4, "latent": 16, "layout": 8, "judge": "patch", "device": "cpu"}
    return Compact(resolve(Config.model_validate(asked | {"dtype": "float32"} | other), 32))


def test_normal_numbers_along_the_components_vary_as_the_photos_do(photos: torch.Tensor) -> None:
    mean, components = layout.principal(photos, 60, mirrored=False)
    z = torch.randn(20000, 60, generator=torch.Generator().manual_seed(0))
    drawn, real = mean + z @ components, layout.small(photos)
    assert torch.allclose(drawn.mean(0), real.mean(0), atol=0.05)
    kept = (drawn.var(0, unbiased=False) / real.var(0, unbiased=False).clamp(min=1e-6)).mean()
    assert float(kept) == pytest.approx(1.0, abs=0.1)


def test_the_numbers_of_a_picture_are_those_it_was_laid_out_from(photos: torch.Tensor) -> None:
    mean, components = layout.principal(photos, 8, mirrored=True)
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    laid = (mean + z @ components).view(5, 3, layout.SIDE, layout.SIDE)
    assert torch.allclose(layout.numbers(laid, mean, components), z, atol=1e-3)


def test_more_components_than_photos_have_are_nothing() -> None:
    few = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    mean, components = layout.principal(few, 8, mirrored=False)
    assert [bool(one.any()) for one in components] == [True, True] + [False] * 6
    assert torch.isfinite(layout.numbers(few, mean, components)).all()


def test_a_generator_lays_out_its_pictures_as_the_photos_before_its_first_step(
    photos: torch.Tensor,
) -> None:
    mean, components = layout.principal(photos, 8, mirrored=True)
    z = Dice(0, 0).normal(64, 16)
    laid = mean + z[:, :8] @ components

    def alike(pair: Compact) -> float:
        pair.begin(photos)
        made = layout.small(pair.pictures(z, 0))
        return float(torch.corrcoef(torch.stack([made.flatten(), laid.flatten()]))[0, 1])

    assert alike(compact()) > 0.5
    assert abs(alike(compact(layout=0))) < 0.3


def test_every_second_latent_is_near_the_layout_of_the_photo_beside_it(
    photos: torch.Tensor,
) -> None:
    pair = compact()
    pair.begin(photos)
    mean, components = pair.generator.layout_mean, pair.generator.layout_components
    z, held = pair._latents(photos[:32], Dice(0, 0))
    off = (z[:, :8] - layout.numbers(photos[:32], mean, components)).square().mean(1)
    assert held.tolist() == [True, False] * 16
    assert float(off[held].mean().sqrt()) == pytest.approx(0.3, abs=0.06)
    assert float(off[~held].mean().sqrt()) > 1.0
    assert not compact(hold=0.0)._latents(photos[:4], Dice(0, 0))[1].any()


def test_drawings_are_held_to_the_layout_they_start_from(photos: torch.Tensor) -> None:
    def apart(hold: float) -> float:
        pair = compact(hold=hold, batch=8)
        pair.begin(photos)
        for step in range(30):
            pair.step(photos[step % 8 : step % 8 + 8], Dice(0, step), 8 * step)
        z = Dice(0, 99).normal(64, pair.latent)
        mean, components = pair.generator.layout_mean, pair.generator.layout_components
        z[:, :8] = layout.numbers(photos[:64], mean, components)
        with torch.no_grad():
            return float(layout.layout_apart(pair.generator(z), photos[:64]))

    assert apart(hold=100.0) < 0.97 * apart(hold=0.0)


def test_the_exported_file_holds_the_weights_once() -> None:
    pair = compact(channels=16, latent=64)
    weights = sum(value.numel() for value in pair.average.state_dict().values())
    assert len(onnx_of(pair.average.float().eval(), pair.latent)) < 1.1 * 2 * weights + 40_000


def test_the_sign_of_a_component_is_always_the_same(photos: torch.Tensor) -> None:
    one, other = (layout.principal(rgb, 8, mirrored=True)[1] for rgb in (photos, photos.flip(0)))
    strong = one.norm(dim=1) > 0.5  # weak ones are as good as equal, and may change places
    assert strong.sum() >= 3
    assert torch.allclose(one[strong], other[strong], atol=1e-2)
