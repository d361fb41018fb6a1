"""Training pictures, for real and small: killed, gone on with, run away, shared by two processes,
handed over, exported."""

import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='needs the train extra: pip install "feedsmith[train]"')

import small_photos  # noqa: E402
from feedsmith.dataset import DataSet  # noqa: E402
from feedsmith.errors import FeedsmithError  # noqa: E402
from feedsmith.images.gan.exported import STARTER  # noqa: E402
from feedsmith.images.gan.exported import Generator as Exported  # noqa: E402
from feedsmith.images.gan.train import loop, zoo  # noqa: E402
from feedsmith.images.gan.train.config import Config, resolve  # noqa: E402
from feedsmith.images.gan.train.dice import Dice  # noqa: E402
from feedsmith.images.gan.train.installed import install  # noqa: E402
from feedsmith.images.gan.train.pictures import Pictures, as_rgb, as_tensor  # noqa: E402
from feedsmith.images.gan.train.progressive import Discriminator, Generator  # noqa: E402
from feedsmith.images.gan.train.run import Result, Run, every, outlook  # noqa: E402
from feedsmith.measures.kernel_distance import frechet_distance  # noqa: E402

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_photos.data_set(tmp_path_factory.mktemp("discs"), size=32)


def small(recipe: str = "compact", **other: Any) -> Config:
    settings: dict[str, Any] = {
        "recipe": recipe, "size": 32, "kimg": 0.16, "batch": 8, "snapshot_every": "0.08kimg",
        "dtype": "float32", "device": "cpu", "threads": 1, "channels": 4, "width": 0.02,
        "latent": 16, "judge": "patch",
    }  # fmt: skip
    return loop.planned(resolve(Config.model_validate({**settings, **other}), 32))


def go(root: Path, stored: Path, config: Config) -> tuple[Run, Result]:
    with DataSet.open(stored) as data:
        run = Run.create(root, config, data)
        return run, loop.train(config, data, run)


def weights(run: Run) -> dict[str, Any]:
    kept = run.kept("snapshot")
    assert kept is not None
    return kept[0]


RECIPES = [
    pytest.param({"recipe": "compact"}, id="patch"),
    pytest.param({"recipe": "compact", "loss": "hinge"}, id="hinge"),
    pytest.param({"recipe": "compact", "judge": "projected"}, id="projected"),
    pytest.param({"recipe": "compact", "body": "gated"}, id="gated"),
    pytest.param({"recipe": "progressive"}, id="progressive"),
]


# ---- what comes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["compact", "progressive"])
def test_a_training_leaves_metrics_grids_curves_and_a_generator_that_needs_no_torch(
    recipe: str, stored: Path, tmp_path: Path
) -> None:
    run, result = go(tmp_path, stored, small(recipe))
    assert (run.name, result.stopped, result.kimg) == ("0001-images", "finished", 0.16)
    steps = [line for line in run.lines() if "loss_d" in line]
    assert [line["step"] for line in steps] == list(range(1, len(steps) + 1))
    assert sum("distance" in line for line in run.lines()) >= (2 if recipe == "compact" else 1)
    names = {str(p.relative_to(run.folder)) for p in run.folder.rglob("*")}
    assert {"config.json", "curve.png", "losses.png", "sheet.jpg", "grids/real.jpg"} <= names
    assert len([n for n in names if n.startswith("generators/") and n.endswith("tensors")]) == 2

    import onnxruntime

    session = onnxruntime.InferenceSession(str(run.folder / "generator.onnx"))
    (rgb,) = session.run(["rgb"], {"z": np.random.default_rng(0).normal(size=(3, 16)).astype("f4")})
    assert rgb.shape == (3, 3, 32, 32)
    assert np.abs(rgb).max() <= 1
    card = json.loads(run.card.read_text())
    assert card["what"] == "image generator"
    assert (card["recipe"], card["size"], card["z_dim"]) == (recipe, 32, 16)
    assert set(card["files"]) == {"generator.onnx", "generator.safetensors"}
    place = install(run.folder, tmp_path)
    assert place is not None
    assert (place / "card.json").read_text() == run.card.read_text()


def test_it_learns(stored: Path, tmp_path: Path) -> None:
    """Nearer to the photos after a while than at the beginning."""
    config = small(
        kimg=0.64, snapshot_every="0.32kimg", channels=6, batch=16, latent=32, augment=0.1,
        average_kimg=0.3,
    )  # fmt: skip
    run, result = go(tmp_path, stored, config)
    found = [line["distance"] for line in run.lines() if "distance" in line]
    assert result.distance == pytest.approx(min(found), abs=0.01)
    z = Dice(0, 0).normal(72, 32)
    with DataSet.open(stored) as data:
        real = _thumbnails(data.read(data.train))
    before, after = (
        frechet_distance(real, _thumbnails(as_rgb(pair.pictures(z, 0))))
        for pair in (loop.recipe(config), _trained(config, run))
    )
    assert after < 0.6 * before


def _thumbnails(rgb: np.ndarray) -> np.ndarray:
    """4x4 px of each picture, (N, 48) in 0..1."""
    return rgb.reshape(len(rgb), 4, 8, 4, 8, 3).mean((2, 4)).reshape(len(rgb), -1) / 255


def _trained(config: Config, run: Run) -> Any:
    pair = loop.recipe(config)
    pair.take(weights(run))
    return pair


def test_what_it_will_do_is_told_before(stored: Path, tmp_path: Path) -> None:
    with DataSet.open(stored) as data:
        told = dict(outlook(small("progressive"), data, tmp_path))
    assert told["run"] == "0001-images, new"
    assert told["recipe"] == "Progressive GAN, as in its paper, 32 px"
    assert not (tmp_path / "runs").exists()


def test_a_budget_ends_it_and_a_longer_one_goes_on(stored: Path, tmp_path: Path) -> None:
    config = small(kimg=0, budget=6, snapshot_every="1h")
    run, first = go(tmp_path, stored, config)
    assert first.stopped == "budget"
    again = config.model_copy(update={"kimg": first.kimg + 0.2, "budget": 600.0})
    run_again, second = go(tmp_path, stored, again)
    assert run_again.folder == run.folder
    assert second.kimg == pytest.approx(first.kimg + 0.2, abs=0.1)
    assert go(tmp_path, stored, again)[1] == second  # and done is done


# ---- killed, gone on with ------------------------------------------------------------------------


@pytest.mark.parametrize("over", RECIPES)
def test_after_kill_9_it_ends_with_the_same_weights_to_the_last_bit(
    over: dict[str, Any], stored: Path, tmp_path: Path
) -> None:
    # 25 steps, and a snapshot at each 10th; an epoch ends at the 18th.
    config = small(**{"kimg": 0.1, "batch": 4, "snapshot_every": "0.04kimg", **over})
    whole, result = go(tmp_path / "whole", stored, config)
    script = (
        "import sys, json; sys.path[:0] = [sys.argv[4]]\n"
        "from pathlib import Path\n"
        "import test_gan_train as t\n"
        "t.go(Path(sys.argv[1]), Path(sys.argv[2]), t.Config.model_validate_json(sys.argv[3]))\n"
    )
    words = [str(tmp_path / "killed"), str(stored), config.model_dump_json(), str(HERE)]
    process = subprocess.Popen([sys.executable, "-c", script, *words])
    metrics = tmp_path / "killed" / "runs" / "0001-images" / "metrics.jsonl"
    deadline = time.monotonic() + 600  # for a broken program; a busy machine takes its time
    try:
        # Beyond its first numbered snapshot, in the middle of what follows.
        while not (metrics.exists() and metrics.read_text().count("loss_d") >= 14):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    run, again = go(tmp_path / "killed", stored, config)
    assert again.kimg == result.kimg
    mine, theirs = weights(run), weights(whole)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)

    def losses(of: Run) -> list[tuple[Any, ...]]:
        return [(x["step"], x["loss_d"], x["loss_g"]) for x in of.lines() if "loss_g" in x]

    assert losses(run) == losses(whole)


def test_losses_that_are_no_numbers_go_back_to_the_last_snapshot_and_end_in_words(
    stored: Path, tmp_path: Path
) -> None:
    run, first = go(tmp_path, stored, small(kimg=0.08))
    good = weights(run)
    # The same run, its weights spoilt as a run-away would: the first loss is no number.
    spoilt = {k: v * float("nan") if v.is_floating_point() else v for k, v in good.items()}
    told = run.kept("snapshot")[1]  # type: ignore[index]
    run.keep("snapshot", spoilt, told)
    run.card.unlink()
    _, result = go(tmp_path, stored, small(kimg=0.4))
    assert (result.stopped, result.rollbacks) == ("diverged", 3)
    assert result.distance == first.distance  # the good generator was kept
    assert "--generator-rate" in result.advice
    assert sum("diverged" in line for line in run.lines()) == 4
    assert (run.folder / "generator.onnx").exists()


def test_rates_that_run_away_end_in_words(stored: Path, tmp_path: Path) -> None:
    config = small(generator_rate=3e18, discriminator_rate=3e18, kimg=0.4, snapshot_every="1h")
    _, result = go(tmp_path, stored, config)
    assert (result.stopped, result.rollbacks, result.distance) == ("diverged", 3, None)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_one_bad_step_is_rolled_back_and_training_goes_on_slower(
    where: str, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, made, seen, fresh = small(kimg=0.32), [], [], loop.recipe

    def spoilt_once(value: Any) -> Any:
        """Its 30th value is no number."""
        seen.append(None)
        return value * float("nan") if len(seen) == 30 else value

    def with_a_fault(config: Config) -> Any:
        pair = fresh(config)
        if where == "loss":
            pair.generator.register_forward_hook(lambda *given: spoilt_once(given[2]))
        else:
            next(pair.generator.parameters()).register_hook(spoilt_once)
        made.append(pair)
        return pair

    monkeypatch.setattr(loop, "recipe", with_a_fault)
    run, result = go(tmp_path, stored, config)
    assert (result.stopped, result.rollbacks, result.kimg) == ("finished", 1, 0.32)
    rates = [optimiser.param_groups[0]["lr"] for optimiser in made[0].optimisers.values()]
    assert rates == [config.generator_rate / 2, config.discriminator_rate / 2]
    assert all(torch.isfinite(v).all() for v in weights(run).values() if v.is_floating_point())
    shown = [line["kimg"] for line in run.lines() if "loss_g" in line]
    assert shown == sorted(set(shown))


def test_a_damaged_snapshot_is_told_and_not_begun_over(stored: Path, tmp_path: Path) -> None:
    config = small()
    run, _ = go(tmp_path, stored, config)
    file = run.folder / "snapshot.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    run.card.unlink()
    before = run.metrics.read_bytes()
    with pytest.raises(FeedsmithError, match=r"snapshot\.safetensors"):
        go(tmp_path, stored, config)
    assert run.metrics.read_bytes() == before


def test_a_generator_that_still_grows_is_not_the_one_that_is_kept(
    stored: Path, tmp_path: Path
) -> None:
    config = small("progressive", kimg=0.56, snapshot_every="0.02kimg")
    _, result = go(tmp_path, stored, config)
    assert result.kept_kimg >= 6 * config.phase_kimg - 1e-6  # the last fade is over then
    short, nothing = go(tmp_path / "short", stored, small("progressive", kimg=0.3, phase_kimg=0.1))
    assert nothing.distance is None
    assert "longer --budget" in nothing.advice
    assert not (short.folder / "generator.onnx").exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_leaves_the_last_snapshot_whole(stored: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]).returncode:
        pytest.skip("no disk may be mounted here")
    try:
        config = small(kimg=4)
        with pytest.raises(FeedsmithError, match="full") as caught:
            go(disk, stored, config)
        assert "last snapshot is whole" in str(caught.value)
        run = Run(disk / "runs" / "0001-images")
        assert run.kept("snapshot") is not None
        assert not list(run.folder.glob(".*.part"))
    finally:
        subprocess.run(["umount", disk], check=True)


def test_memory_that_is_not_there_while_going_on_leaves_the_snapshot(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small()
    run, _ = go(tmp_path, stored, config)
    run.card.unlink()
    before = run.kept("snapshot")
    fresh = loop.recipe

    def short_of_memory(config: Config) -> Any:
        pair = fresh(config)

        def refuse(*_: Any) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

        pair.generator.register_load_state_dict_pre_hook(refuse)
        return pair

    monkeypatch.setattr(loop, "recipe", short_of_memory)
    with pytest.raises(FeedsmithError, match="memory is not enough") as caught:
        go(tmp_path, stored, config)
    assert "--batch" in caught.value.mend
    after = run.kept("snapshot")
    assert before is not None
    assert after is not None
    assert after[1] == before[1]


# ---- several processes ---------------------------------------------------------------------------


SHORT = {"kimg": 0.064, "snapshot_every": "1kimg"}


@pytest.fixture(scope="module")
def by_two(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trainings of all recipes by the same two processes, in folders by their number: starting two
    takes longer than what they do."""
    root = tmp_path_factory.mktemp("two")
    configs = [small(**{**SHORT, **recipe.values[0], "batch": 8}) for recipe in RECIPES]
    script = root / "two.py"
    script.write_text(
        "import sys, json; sys.path[:0] = [sys.argv[4]]\n"
        "from pathlib import Path\n"
        "import test_gan_train as t\n"
        "from feedsmith.images.gan.train.team import gathered\n"
        "with t.DataSet.open(Path(sys.argv[2])) as data, gathered('cpu') as team:\n"
        "    for i, settings in enumerate(json.loads(sys.argv[3])):\n"
        "        config = t.Config.model_validate(settings)\n"
        "        run = t.Run.create(Path(sys.argv[1]) / str(i), config, data) if team.first else None\n"
        "        t.loop.train(config, data, team.same(run), team=team)\n"
    )
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port",
         str(29500 + os.getpid() % 400), script, root, stored,
         json.dumps([config.model_dump(mode="json") for config in configs]), HERE],
        check=True, timeout=900,
    )  # fmt: skip
    return root


@pytest.mark.parametrize("over", RECIPES)
def test_two_processes_do_what_one_does_with_twice_the_batch(
    over: dict[str, Any], by_two: Path, stored: Path, tmp_path: Path
) -> None:
    one, _ = go(tmp_path, stored, small(**{**SHORT, **over, "batch": 16}))
    number = next(i for i, recipe in enumerate(RECIPES) if recipe.values[0] == over)
    two = Run(by_two / str(number) / "runs" / "0001-images")
    steps = [[x for x in run.lines() if "loss_g" in x] for run in (one, two)]
    assert len(steps[0]) == len(steps[1]) == 4
    for i, (a, b) in enumerate(zip(*steps, strict=True)):
        assert b["kimg"] == a["kimg"]
        for name in ("loss_d", "loss_g"):
            # Adam's first steps have the size of the rate whatever the gradient: where that is nearly
            # 0, the last bit decides its sign, so later losses agree less closely.
            near = {"rel": 2e-3, "abs": 2e-3} if i else {"rel": 1e-4, "abs": 1e-5}
            assert b[name] == pytest.approx(a[name], **near)


# ---- going on from weights -----------------------------------------------------------------------


def test_it_goes_on_from_a_run_a_snapshot_or_a_generator(stored: Path, tmp_path: Path) -> None:
    run, _ = go(tmp_path, stored, small())
    z = Dice(0, 0).normal(4, 16)
    was = run.kept("snapshot")
    assert was is not None
    for start in (run.folder, run.folder / "snapshot.safetensors"):
        pair = loop.recipe(small())
        loop.take_over(pair, small(start=str(start)))
        mine = {k: v for k, v in pair.tensors().items() if k.startswith(("average.", "discrim"))}
        assert all(torch.equal(mine[k], was[0][k]) for k in mine)
    pair = loop.recipe(small())
    loop.take_over(pair, small(start=str(run.folder / "generator.safetensors")))
    assert pair.pictures(z, 0).shape == (4, 3, 32, 32)
    other, result = go(tmp_path, stored, small(start=str(run.folder), kimg=0.08))
    assert other.name == "0002-images"
    assert result.stopped == "finished"


def test_a_training_from_the_shipped_generator_begins_at_its_very_pictures() -> None:
    shipped = Exported.load(STARTER)
    config = Config.model_validate({**shipped.card["settings"], "start": "starter"})
    pair = loop.recipe(config)
    loop.take_over(pair, config)
    z = shipped.latents(4, seed=3)
    with torch.no_grad():
        mine = as_rgb(pair.average(torch.from_numpy(z)))
    assert np.abs(mine.astype(int) - shipped.pictures(z).astype(int)).max() <= 1
    assert mine.std() > 20


def test_frozen_levels_stay_as_they_were(stored: Path, tmp_path: Path) -> None:
    for recipe, still, moving in (
        ("compact", ("discriminator.first", "generator.blocks.0."), "generator.blocks.2."),
        ("progressive", ("discriminator.from_rgb.3", "generator.blocks.0."), "generator.blocks.1."),
    ):
        root = tmp_path / recipe
        config = small(recipe)
        run, _ = go(root, stored, config)
        before = weights(run)
        thawed = config.model_copy(
            update={
                "start": str(run.folder), "kimg": 0.08,
                "freeze_discriminator": 1, "freeze_generator": 1,
            }
        )  # fmt: skip
        later, _ = go(root, stored, thawed)
        # The generator goes on from the average, which is what was kept of it.
        after = weights(later)
        for name in after:
            # Power iterations of the spectral norm go on; the weights that they divide stay.
            if name.startswith(still) and not name.endswith(("_u", "_v")):
                was = name.replace("generator.", "average.") if "generator" in name else name
                assert torch.equal(after[name], before[was]), name
        changed = [n for n in after if n.startswith(moving) and n.endswith("weight")]
        assert changed
        assert all(not torch.equal(after[n], before[n]) for n in changed)


def test_weights_of_another_recipe_or_size_are_refused(stored: Path, tmp_path: Path) -> None:
    run, _ = go(tmp_path, stored, small("progressive"))
    for wrong in (small(), small("progressive", width=0.05)):
        pair = loop.recipe(wrong)
        with pytest.raises(FeedsmithError, match=r"is of recipe|do not fit") as caught:
            loop.take_over(pair, wrong.model_copy(update={"start": str(run.folder)}))
        assert "recipe" in caught.value.mend


@pytest.mark.parametrize("name", ["none.safetensors", "half.safetensors", "weights.pth"])
def test_files_that_are_no_weights_are_told_in_words(name: str, tmp_path: Path) -> None:
    if name != "none.safetensors":
        (tmp_path / name).write_bytes(b"\x80\x02}q\x00." * 9)
    pair = loop.recipe(small())
    with pytest.raises(FeedsmithError, match=name) as caught:
        loop.take_over(pair, small(start=str(tmp_path / name)))
    assert caught.value.mend


# ---- the PyTorch GAN zoo -------------------------------------------------------------------------


def zoo_checkpoint(module: str) -> dict[str, Any]:
    """A small state dict of the zoo's layout: latent 16, 12 maps, 4 to 16 px."""
    deep = [12, 12, 12]
    g: dict[str, Any] = {}
    d: dict[str, Any] = {}

    def put(of: dict[str, Any], name: str, *shape: int) -> None:
        of[f"{name}{module}.weight"] = torch.randn(*shape)
        of[f"{name}{module}.bias"] = torch.randn(shape[0])

    put(g, "formatLayer", 16 * 12, 16)
    put(g, "groupScale0.0", 12, 12, 3, 3)
    put(d, "groupScaleZero.0", 12, 13, 3, 3)
    put(d, "groupScaleZero.1", 12, 16 * 12)
    put(d, "decisionLayer", 1, 12)
    for i, maps in enumerate(deep):
        put(g, f"toRGBLayers.{i}", 3, maps, 1, 1)
        put(d, f"fromRGBLayers.{i}", maps, 3, 1, 1)
        if i:
            put(g, f"scaleLayers.{i - 1}.0", maps, deep[i - 1], 3, 3)
            put(g, f"scaleLayers.{i - 1}.1", maps, maps, 3, 3)
            put(d, f"scaleLayers.{i - 1}.0", maps, maps, 3, 3)
            put(d, f"scaleLayers.{i - 1}.1", deep[i - 1], maps, 3, 3)
    return {"config": {}, "netG": g, "netD": d}


@pytest.mark.parametrize("module", ["", ".module"])
def test_zoo_weights_give_the_pictures_that_the_zoos_layers_give(module: str) -> None:
    checkpoint = zoo_checkpoint(module)
    tensors, config = zoo.converted(checkpoint)
    assert (config.size, config.latent) == (16, 16)
    generator = Generator(16, config.width, 16)
    start = "average."
    generator.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith(start)})
    g = {k.replace(".module.", "."): v for k, v in checkpoint["netG"].items()}
    z = torch.randn(3, 16)

    def layer(name: str, x: Any, pad: int = 0) -> Any:
        """As the zoo computes it: the constant multiplies what comes out, bias and all."""
        weight, bias = g[f"{name}.weight"], g[f"{name}.bias"]
        constant = (2 / weight[0].numel()) ** 0.5
        f = torch.nn.functional
        out = f.linear(x, weight, bias) if x.ndim == 2 else f.conv2d(x, weight, bias, padding=pad)
        return out * constant

    def normed(x: Any) -> Any:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()

    def leaky(x: Any) -> Any:
        return torch.nn.functional.leaky_relu(x, 0.2)

    x = normed(leaky(layer("formatLayer", normed(z))).view(3, -1, 4, 4))
    x = normed(leaky(layer("groupScale0.0", x, 1)))
    for i in range(2):
        x = torch.nn.functional.interpolate(x, scale_factor=2)
        for k in range(2):
            x = normed(leaky(layer(f"scaleLayers.{i}.{k}", x, 1)))
    expected = layer("toRGBLayers.2", x)
    with torch.no_grad():
        assert torch.allclose(generator(z, 2), expected, rtol=1e-3, atol=1e-4)


def test_zoo_weights_in_a_pickle_are_converted_by_a_command_of_their_own(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = zoo_checkpoint("")
    checkpoint["config"] = _zoo_settings(depth=3)
    torch.save(checkpoint, tmp_path / "zoo.pth")
    out = tmp_path / "zoo.safetensors"
    assert zoo.main([str(tmp_path / "zoo.pth"), str(out)]) == 0
    assert "--recipe progressive --size 16" in capsys.readouterr().out
    discriminator = Discriminator(16, 12 / 512)
    kept = Run(tmp_path).kept("zoo")
    assert kept is not None
    discriminator.load_state_dict(
        {k.removeprefix("discriminator."): v for k, v in kept[0].items() if k[0] == "d"}
    )
    (tmp_path / "evil.pth").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    assert zoo.main([str(tmp_path / "evil.pth"), str(out)]) == 1
    assert zoo.main([str(tmp_path / "none.pth"), str(out)]) == 1


def _zoo_settings(**values: Any) -> Any:
    """An object of the zoo's own class of settings, as its checkpoints hold one."""
    names = ("models", "models.utils", "models.utils.config")
    modules = [types.ModuleType(name) for name in names]
    kind = type("BaseConfig", (), {"__module__": names[-1]})
    modules[-1].BaseConfig = kind  # type: ignore[attr-defined]
    sys.modules.update(zip(names, modules, strict=True))
    made = kind()
    vars(made).update(values)
    return made


# ---- pictures and settings -----------------------------------------------------------------------


def test_every_epoch_shows_every_picture_once_in_an_order_of_its_own(stored: Path) -> None:
    with DataSet.open(stored) as data:
        pictures = Pictures(data, seed=1, mirror=False)
        n = pictures.count
        first, second = (as_rgb(pictures.batch(at, n, 32)) for at in (0, n))
        rows = [sorted(p.tobytes() for p in epoch) for epoch in (first, second)]
        assert rows[0] == rows[1] == sorted(p.tobytes() for p in data.read(data.train))
        assert not np.array_equal(first, second)
        # A batch that crosses the border is the end of one epoch and the beginning of the next.
        across = as_rgb(pictures.batch(n - 3, 6, 32))
        assert np.array_equal(across, np.concatenate([first[-3:], second[:3]]))
        again = Pictures(data, seed=1, mirror=False)
        assert np.array_equal(as_rgb(again.batch(n - 3, 6, 32)), across)


def test_pictures_survive_the_way_to_tensors_and_back() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(as_rgb(as_tensor(rgb)), rgb)


@pytest.mark.parametrize(
    ("words", "kimg", "seconds"),
    [("20kimg", 20, 0), ("10epochs", 30, 0), ("1 epoch", 3, 0), ("10m", 0, 600), ("1h", 0, 3600)],
)
def test_snapshots_come_by_pictures_epochs_or_time(words: str, kimg: float, seconds: float) -> None:
    assert every(words, 3000) == (pytest.approx(kimg), seconds)


@pytest.mark.parametrize("words", ["", "often", "0kimg", "10"])
def test_other_words_for_it_are_refused(words: str) -> None:
    with pytest.raises(FeedsmithError, match="snapshot-every"):
        every(words, 3000)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(FeedsmithError, match="--size 48"):
        resolve(Config(size=48), 64)
    with pytest.raises(FeedsmithError, match="holds pictures of 64 px") as caught:
        resolve(Config(size=128), 64)
    assert "feedsmith prepare BRAND --size 128" in caught.value.mend


def test_levels_of_fresh_networks_are_not_frozen() -> None:
    with pytest.raises(FeedsmithError, match="stay as they were") as caught:
        resolve(Config(freeze_generator=1), 64)
    assert "--from" in caught.value.mend


def test_a_budget_is_shared_out_among_the_phases_of_a_progressive_gan() -> None:
    short, long = (small("progressive", kimg=0, budget=b).phase_kimg for b in (20.0, 1e9))
    assert 0 < short < long == 800
    with pytest.raises(FeedsmithError, match="too short for a Progressive GAN"):
        small("progressive", kimg=0, budget=1e-3)
    assert small("progressive", kimg=0.7).phase_kimg == pytest.approx(0.1)
