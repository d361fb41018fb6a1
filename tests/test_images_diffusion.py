"""Diffusion, for real and small: a tiny Stable Diffusion, made here, draws posts, learns an adapter,
is killed, goes on, runs away, and draws with what it learned.

These need the diffusion extra (torch, diffusers, transformers, peft); without it they are skipped.
"""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from feedsmith import generate as stage
from feedsmith import prepare, provenance
from feedsmith.brand import Brand, Home, ImagesSettings
from feedsmith.doctor import examine
from feedsmith.errors import FeedsmithError
from feedsmith.generate import Settings
from feedsmith.images.api import NoPicture, PictureBrief
from feedsmith.images.diffusion import pipeline, train
from feedsmith.images.diffusion.config import Config
from feedsmith.images.diffusion.model import Diffusers
from feedsmith.images.diffusion.train import Result, snr_weights, train_lora
from feedsmith.library import Library
from feedsmith.rules import FORMATS
from feedsmith.understanding import traits as understanding
from pictures import disc, landscape, leaves
from small_brand import brand
from small_pipelines import pipeline as small_pipeline
from test_cli import one_clear_line, run

EXTRA = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "h5py")
there = all(importlib.util.find_spec(name) is not None for name in EXTRA)
pytestmark = pytest.mark.skipif(
    not there, reason='needs the diffusion extra: pip install "feedsmith[diffusion]"'
)

PORTRAIT = FORMATS["portrait"]
QUICK: dict[str, Any] = {"steps": 2, "device": "cpu", "dtype": "float32"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_pipeline(tmp_path_factory.mktemp("pipelines") / "tiny")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return brand(tmp_path_factory.mktemp("brand"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brand's folder with a data set of 64 px, and nothing else."""
    root = tmp_path_factory.mktemp("data")
    photos = root / "photos"
    photos.mkdir()
    for i in range(6):
        for name, made in (("l", landscape), ("g", leaves)):
            Image.fromarray(made(160, 200, seed=i)).save(photos / f"{name}{i}.png")
        Image.fromarray(disc(160, 200, at=(0.3 + i / 15, 0.5))).save(photos / f"d{i}.png")
    place = Home(root)
    place.create(Brand(name="Fog"))
    prepare.prepare(place, prepare.Settings(size=64, photos=photos, hold_out=0.25))
    return root


def settings(model: Path, lora: Path | None = None, **options: Any) -> ImagesSettings:
    return ImagesSettings(
        use="diffusers", model=str(model), lora=str(lora or ""), options={**QUICK, **options}
    )


def drawn(images: ImagesSettings, home: Home, seed: int = 1) -> Any:
    library = Library(home.library)
    traits = understanding.ensure(library)
    return Diffusers(settings=images).make(PictureBrief(PORTRAIT, seed=seed), library, traits)


def fresh(pictures: Path, root: Path) -> Home:
    """Another brand with the same data set."""
    shutil.copytree(pictures / "datasets", root / "datasets")
    return Home(root)


def small(model: Path, **other: Any) -> Config:
    return Config.model_validate(
        {
            "model": str(model), "steps": 12, "batch": 2, "rate": 3e-3, "rank": 4, "check_every": 4,
            "snapshot_every": 4, "device": "cpu", "dtype": "float32", "threads": 1, **other,
        }
    )  # fmt: skip


def lines(home: Home, result: Result) -> list[dict[str, Any]]:
    """The figures of a run, without times."""
    file = home.root / "runs" / result.run / "metrics.jsonl"
    told = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [
        {key: value for key, value in line.items() if key not in ("seconds", "memory_mb")}
        for line in told
    ]


# ---- drawing ---------------------------------------------------------------------------------------


def test_posts_are_drawn_stamped_and_the_same_again(tiny: Path, home: Home, tmp_path: Path) -> None:
    """As a person types it, with brand.toml for the finer settings."""
    place = Home(tmp_path / "shop")
    shutil.copytree(home.root, place.root)
    text = place.brand_file.read_text("utf-8")
    place.brand_file.write_text(
        f'{text}\n[images]\nuse = "diffusers"\n[images.options]\nsteps = 2\ndevice = "cpu"\n'
    )
    for out in ("a", "b"):
        done = run(
            "generate", place.root, "--count", "1", "--kind", "photo", "--seed", "4", "--theme", "autumn",
            "--images", "diffusers", "--model", tiny, "--out", tmp_path / out,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    (post,) = (json.loads(f.read_text("utf-8")) for f in (tmp_path / "a").glob("*/post.json"))
    file = tmp_path / "a" / post["id"] / "01.jpg"
    assert file.read_bytes() == (tmp_path / "b" / post["id"] / "01.jpg").read_bytes()
    with Image.open(file) as image:
        assert image.size == (1080, 1350)
    assert post["media"][0]["method"] == "diffusion"
    assert post["source_type"] == "trainedAlgorithmicMedia"
    assert post["originality"]["label"] == "new"
    assert post["models"]["images"].startswith("diffusers tiny ")
    assert post["provenance"] == (
        "drawn by an AI model (tiny) after words for your photos and “autumn”"
    )
    stamp = provenance.read(file)
    assert stamp is not None
    assert (stamp.source_type, stamp.model) == (
        "trainedAlgorithmicMedia", post["models"]["images"],
    )  # fmt: skip


def test_the_words_and_the_seed_decide_what_is_drawn(tiny: Path, home: Home) -> None:
    first, again = (drawn(settings(tiny), home) for _ in range(2))
    other = drawn(settings(tiny), home, seed=2)
    assert first.rgb.shape == (1350, 1080, 3)
    assert np.array_equal(first.rgb, again.rgb)
    assert not np.array_equal(first.rgb, other.rgb)
    assert not np.array_equal(first.rgb, drawn(settings(tiny, negative=""), home).rgb)
    # Noise is like no photo: so nothing is said of what it shows.
    assert first.sources
    assert first.words_from == ()


def test_it_may_start_at_one_of_the_brands_photos(tiny: Path, home: Home) -> None:
    plain = drawn(settings(tiny), home)
    over = drawn(settings(tiny, strength=0.6), home)
    assert over.note == "drawn by an AI model (tiny) over one of your photos"
    assert over.sources == plain.sources[:1]
    assert not np.array_equal(plain.rgb, over.rgb)


def test_memory_is_spared_where_that_costs_little(tiny: Path) -> None:
    options = Diffusers(settings=settings(tiny)).options
    there = pipeline.Pipeline(tiny, None, options, "tiny")
    assert there.pipe.vae.use_slicing
    assert there.pipe.vae.use_tiling
    assert there.dtype == "float32"
    assert there.size(PORTRAIT) == (24, 32)
    sliced = pipeline.Pipeline(
        tiny, None, options.model_copy(update={"sliced_attention": True}), "tiny"
    )
    one, other = (p.draw("a lake", "", (24, 32), 1) for p in (there, sliced))
    assert np.abs(one.astype(int) - other).max() <= 1
    assert pipeline.Pipeline(
        tiny, None, options.model_copy(update={"dtype": "bfloat16"}), "tiny"
    ).draw("a lake", "", (24, 32), 1).shape == (32, 24, 3)  # fmt: skip


def test_memory_that_is_not_enough_is_one_line(
    tiny: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")

    opened = pipeline.Pipeline.__init__

    def crowded(self: pipeline.Pipeline, *given: Any) -> None:
        opened(self, *given)
        self.pipe.unet.register_forward_pre_hook(full)

    monkeypatch.setattr(pipeline.Pipeline, "__init__", crowded)
    with pytest.raises(NoPicture, match="the memory is not enough for tiny") as raised:
        drawn(settings(tiny), home)
    assert raised.value.lasting
    assert "size under [images.options]" in raised.value.mend


# ---- what is not opened ----------------------------------------------------------------------------


def changed(tiny: Path, root: Path, change: Callable[[Path], object]) -> Path:
    folder = root / "changed"
    shutil.copytree(tiny, folder)
    change(folder)
    return folder


def rewritten(file: str, **values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        told = json.loads((folder / file).read_text("utf-8"))
        (folder / file).write_text(json.dumps({**told, **values}))

    return change


def pickled(folder: Path) -> None:
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pickled, "text_encoder/model.bin is a pickle, which runs code"),
        (lambda f: (f / "model_index.json").unlink(), "holds no pipeline"),
        (lambda f: (f / "model_index.json").write_text("{"), "model_index.json cannot be read"),
        (rewritten("model_index.json", _class_name="StableVideoDiffusionPipeline"),
         "a pipeline of another kind (StableVideoDiffusionPipeline)"),
        (rewritten("model_index.json", _class_name=["evil", "Pipeline"]), "cannot be read"),
        (lambda f: (f / "unet" / "evil.py").write_text("raise SystemExit"), "code of its own (unet/evil.py)"),
    ],
)  # fmt: skip
def test_what_is_no_safe_text_to_image_pipeline_is_refused_before_it_is_opened(
    tiny: Path, tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    folder = changed(tiny, tmp_path, change)
    with pytest.raises(FeedsmithError) as raised:
        Diffusers(settings=settings(folder))
    assert said in raised.value.message
    assert raised.value.mend


def test_a_folder_that_is_not_there_a_file_and_nothing_are_refused(
    tiny: Path, tmp_path: Path
) -> None:
    weights = tiny / "unet" / "diffusion_pytorch_model.safetensors"
    for model, said in (
        (tmp_path / "nowhere", "no such folder"),
        (weights, "is a file, and a pipeline is a folder"),
        (tiny / "unet", "holds one part of a pipeline"),
        (Path("a/b/c"), "no such folder"),
    ):
        with pytest.raises(FeedsmithError, match=said):
            Diffusers(settings=settings(model))
    with pytest.raises(FeedsmithError, match="diffusers needs a model"):
        Diffusers()
    with pytest.raises(FeedsmithError, match=r"\[images.options\] stepz: diffusers has no such"):
        Diffusers(settings=settings(tiny, stepz=3))


def test_damaged_weights_are_one_line(tiny: Path, home: Home, tmp_path: Path) -> None:
    def cut(folder: Path) -> None:
        file = folder / "unet" / "diffusion_pytorch_model.safetensors"
        file.write_bytes(file.read_bytes()[:1000])

    with pytest.raises(NoPicture, match="changed cannot be opened") as raised:
        drawn(settings(changed(tiny, tmp_path, cut)), home)
    assert raised.value.lasting


def test_a_hub_that_cannot_be_reached_is_told_once(home: Home, tmp_path: Path) -> None:
    done = run(
        "generate", home.root, "--count", "1", "--images", "diffusers", "--model", "somebody/something",
        "--out", tmp_path, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hub"),
    )  # fmt: skip
    said = one_clear_line(done)
    assert "somebody/something: no such folder here, and the model hub does not give it" in said
    assert said.count("\n") <= 4


def test_doctor_names_the_pipeline_or_says_what_is_wrong(tiny: Path, tmp_path: Path) -> None:
    for model, level, said in (
        (tiny, "ok", "diffusers tiny "),
        (tmp_path / "x", "note", "no such"),
    ):
        (found,) = (
            f for f in examine(Brand(name="x", images=settings(model))) if f.topic == "images"
        )
        assert found.level == level
        assert said in found.text


# ---- learning --------------------------------------------------------------------------------------


def test_an_adapter_is_learned_and_changes_what_is_drawn(
    tiny: Path, pictures: Path, home: Home, tmp_path: Path
) -> None:
    place = fresh(pictures, tmp_path)
    told: list[str] = []
    result = train_lora(place, small(tiny), lambda stage, *_: told.append(stage))
    assert result.stopped == "finished"
    assert result.after < result.before
    assert result.best_step
    assert told
    folder = place.models / "diffusion"
    assert result.adapter == str(folder / pipeline.LORA)
    card = json.loads((folder / "card.json").read_text("utf-8"))
    assert card["result"]["after"] == result.after
    assert card["base"]["name"] == str(tiny)
    # The adapter fits diffusers' own loader, counts as much as it is told to, and is named.
    plain = drawn(settings(tiny), home)
    learned = drawn(settings(tiny, folder), home)
    nothing = drawn(settings(tiny, folder, lora_weight=0.0), home)
    assert not np.array_equal(plain.rgb, learned.rgb)
    assert np.array_equal(plain.rgb, nothing.rgb)
    model = Diffusers(settings=settings(tiny, folder))
    assert model.version.startswith("tiny with an adapter ")
    assert model.version != Diffusers(settings=settings(tiny)).version
    # Once is enough.
    assert train_lora(place, small(tiny)) == result
    assert len(list((place.root / "runs").iterdir())) == 1


def test_an_adapter_is_learned_from_the_command_line(
    tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    place = fresh(pictures, tmp_path)
    place.create(Brand(name="Fog"))
    words = (
        "train", "images", place.root, "--recipe", "lora", "--model", tiny, "--steps", "4", "--rank",
        "4", "--rate", "0.003", "--check-every", "4", "--device", "cpu", "--dtype", "float32",
        "--threads", "1",
    )  # fmt: skip
    dry = run(*words, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "an adapter of rank 4" in dry.stdout
    assert not (place.root / "runs").exists() or not list((place.root / "runs").iterdir())
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert "Held-out loss" in done.stdout
    assert f"--lora {place.models / 'diffusion'}" in done.stdout.replace("\n", "")
    assert (place.models / "diffusion" / pipeline.LORA).exists()
    said = one_clear_line(run(*words, "--rank", "0"))
    assert "--rank 0" in said


def test_what_is_drawn_with_the_adapter_has_the_loss_that_was_measured(
    tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    """The file alone, loaded by diffusers, predicts as the network did when it was trained."""
    import torch
    from diffusers import StableDiffusionPipeline

    place = fresh(pictures, tmp_path)
    config = small(tiny)
    result = train_lora(place, config)
    net = train._network(tiny, train.resolve(config), torch)
    with train.DataSet.open(place.root / "datasets" / "images-64.h5") as data:
        held = train._held(train._Seen(net, data, 32, config), config)
    other = StableDiffusionPipeline.from_pretrained(tiny, use_safetensors=True)
    other.load_lora_weights(place.models / "diffusion", weight_name=pipeline.LORA)
    net.unet = other.unet
    assert train._held_out(net, held) == pytest.approx(result.after, abs=2e-5)


class Stop(Exception):
    pass


def test_a_training_that_was_stopped_goes_on_to_the_same_losses(
    tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    whole, parts = fresh(pictures, tmp_path / "whole"), fresh(pictures, tmp_path / "parts")
    expected = train_lora(whole, small(tiny))

    def stop(at: int) -> Callable[..., None]:
        def report(_: str, done: int, __: int, note: str = "") -> None:
            if done == at and note.startswith("loss"):
                raise Stop

        return report

    for at in (3, 6, 9):
        with pytest.raises(Stop):
            train_lora(parts, small(tiny), stop(at))
    result = train_lora(parts, small(tiny))
    assert lines(parts, result) == lines(whole, expected)
    one, other = (p.models / "diffusion" / pipeline.LORA for p in (whole, parts))
    assert one.read_bytes() == other.read_bytes()


def test_a_loss_that_runs_away_goes_back_and_at_last_stops(
    tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    place = fresh(pictures, tmp_path)
    result = train_lora(place, small(tiny, rate=1e30))
    assert result.stopped == "diverged"
    assert (result.best_step, result.adapter) == (0, "")
    assert result.after == result.before
    assert "try a rate below 1e+30" in result.advice
    rolled = [line["rolled_back"] for line in lines(place, result) if "rolled_back" in line]
    assert rolled == [1, 2, 3]
    assert not (place.models / "diffusion").exists()


def test_time_that_is_up_keeps_the_best_and_more_time_goes_on(
    tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    place = fresh(pictures, tmp_path)
    first = train_lora(place, small(tiny, budget=1e-6))
    assert (first.stopped, first.steps) == ("budget", 1)
    assert train_lora(place, small(tiny, budget=1e-6)) == first
    rest = train_lora(place, small(tiny))
    assert (rest.run, rest.stopped, rest.steps) == (first.run, "finished", 12)
    whole = train_lora(fresh(pictures, tmp_path / "whole"), small(tiny))
    assert rest.after == whole.after


def test_models_that_predict_velocity_are_taught_velocity(pictures: Path, tmp_path: Path) -> None:
    velocity = small_pipeline(tmp_path / "velocity", prediction="v_prediction")
    result = train_lora(fresh(pictures, tmp_path / "shop"), small(velocity, snr_gamma=0.0))
    assert result.after < result.before


def test_noise_levels_are_weighted_as_in_the_paper() -> None:
    """Hang et al. 2023: min(SNR, 5) / SNR for noise, and / (SNR + 1) for velocity."""
    import torch
    from diffusers import DDPMScheduler
    from diffusers.training_utils import compute_snr

    noise = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    levels = torch.tensor([0, 1, 99, 500, 999])
    snr = compute_snr(noise, levels)
    low = torch.minimum(snr, torch.tensor(5.0))
    for velocity, expected in ((False, low / snr), (True, low / (snr + 1))):
        found = snr_weights(noise.alphas_cumprod, levels, 5.0, velocity)
        assert torch.allclose(found, expected, rtol=1e-4)
    ended = snr_weights(torch.tensor([0.5, 0.0]), torch.tensor([0, 1]), 5.0, False)
    assert ended.tolist() == [1.0, 1.0]


def test_what_cannot_be_taught_is_said(tiny: Path, pictures: Path, tmp_path: Path) -> None:
    for number, (change, said) in enumerate(
        (
            (rewritten("model_index.json", _class_name="StableDiffusionXLPipeline"), "this kind"),
            (rewritten("unet/config.json", addition_embed_type="text_time"), "this kind"),
            (rewritten("unet/config.json", in_channels=9), "this kind"),
            (rewritten("scheduler/scheduler_config.json", prediction_type="sample"), "“sample”"),
        )
    ):
        root = tmp_path / str(number)
        root.mkdir()
        with pytest.raises(FeedsmithError, match=said) as raised:
            train_lora(Home(pictures), small(changed(tiny, root, change)))
        assert "Stable Diffusion 1.x and 2.x" in raised.value.mend


def test_a_data_set_that_is_missing_too_small_or_broken_is_said(
    tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(FeedsmithError, match="no data set to train on") as raised:
        train_lora(Home(tmp_path), small(tiny))
    assert raised.value.mend.endswith("--size 64")
    with pytest.raises(FeedsmithError, match="cannot be read at 48 px"):
        train_lora(Home(pictures), small(tiny, size=48))
    broken = tmp_path / "half.h5"
    whole = (pictures / "datasets" / "images-64.h5").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FeedsmithError):
        train_lora(Home(tmp_path), small(tiny, data=str(broken)))


# ---- adapters that are none ------------------------------------------------------------------------


def test_an_adapter_of_another_model_is_refused(
    tiny: Path, pictures: Path, home: Home, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import save_file

    result = train_lora(fresh(pictures, tmp_path / "shop"), small(tiny, steps=4))
    other = tmp_path / "other.safetensors"
    key = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_"
    save_file({f"{key}A.weight": torch.zeros(4, 99), f"{key}B.weight": torch.zeros(99, 4)}, other)
    with pytest.raises(NoPicture, match="does not fit tiny") as raised:
        drawn(settings(tiny, other), home)
    assert raised.value.lasting
    nothing = tmp_path / "nothing.safetensors"
    save_file(
        {"a.b.lora_A.weight": torch.zeros(4, 4), "a.b.lora_B.weight": torch.zeros(4, 4)}, nothing
    )
    with pytest.raises(NoPicture, match="fit"):
        drawn(settings(tiny, nothing), home)
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(Path(result.adapter).read_bytes()[:200])
    with pytest.raises(NoPicture, match="damaged"):
        drawn(settings(tiny, torn), home)
    (tmp_path / "lora.bin").write_bytes(b"\x80\x04.")
    for lora, said in (
        (tmp_path / "lora.bin", "only safetensors are opened"),
        (tmp_path / "nowhere.safetensors", "no such adapter"),
        (home.root, "no adapter in this folder"),
    ):
        with pytest.raises(FeedsmithError, match=said):
            Diffusers(settings=settings(tiny, lora))


def test_a_run_with_an_adapter_that_does_not_fit_leaves_nothing_behind(
    tiny: Path, home: Home, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"no safetensors")
    asked = Settings(
        count=2, kind="photo", seed=1, images="diffusers", model=str(tiny), lora=str(torn)
    )
    with pytest.raises(FeedsmithError, match="damaged"):
        stage.generate(home, asked, out=tmp_path / "posts")
    assert not list((tmp_path / "posts").glob("*/*"))
