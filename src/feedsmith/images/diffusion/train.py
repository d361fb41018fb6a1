"""Training a LoRA adapter for a Stable Diffusion on a brand's own photos, from top to bottom.

Attention weights get a low-rank part beside them (Hu et al. 2021), which alone learns to take noise
off the brand's photos: to predict the noise (Ho et al. 2020) or the velocity (Salimans & Ho 2022), as the
model does, weighted by Min-SNR (Hang et al. 2023).

Every step draws from the seed and its own number: a training that was stopped, even killed, goes on
and ends with the same losses to the last bit (on a processor, with as many threads). Knows networks,
data sets and runs; knows no post.
"""

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

import feedsmith
from feedsmith import models
from feedsmith.brand import Home
from feedsmith.dataset import DataSet, by_size
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes, write_json
from feedsmith.images.diffusion import pipeline
from feedsmith.images.diffusion.config import Config, resolve
from feedsmith.images.prompt import PHOTOGRAPH, of_photo
from feedsmith.post import Value
from feedsmith.progress import Report, silent
from feedsmith.training import machine
from feedsmith.training import run as runs
from feedsmith.training.run import Run

STAGE = "Training the image model"
PICTURES_MIN = 5
"""Pictures without which there is no look to be learned."""
WARM = 20
"""Steps in which the learning rate climbs."""
ROLLBACKS = 3
"""Times that a training may go back to its last snapshot, each time with half the rate."""
LEVELS = 4
"""Noise levels at which each held-out picture is looked at."""
CACHED = 2000
"""Pictures whose latents are remembered: 128 kB each at 512 px."""
SIZES = (64, 128, 256, 512, 1024)
"""Sides in px of the data sets that prepare makes."""
LAYERS = ("to_q", "to_k", "to_v", "to_out.0")
"""What of the attention learns."""
_SUPPORTED = "Stable Diffusion 1.x and 2.x, and what was made of them, can be trained here"

Stopped = Literal["finished", "budget", "diverged"]


class Result(Value):
    """What a training came to."""

    run: str
    """Name of the run's folder, e.g. 0003-lora."""
    stopped: Stopped
    """All steps done; time was up; the loss ran away."""
    steps: int
    best_step: int
    """The step whose weights were kept; 0 where training improved nothing."""
    before: float
    """Held-out loss before training: mean squared error of the prediction, at fixed noise."""
    after: float
    """The same of the weights that were kept."""
    pictures: int
    """Trained on."""
    held_out: int
    seconds: float
    pictures_per_second: float
    """Inside steps."""
    adapter: str = ""
    """The file for `generate --lora`, in the brand's folder; '' where nothing was improved."""
    advice: str = ""
    """What to do next, where something is to be done."""


def train_lora(home: Home, config: Config, report: Report = silent) -> Result:
    """Train an adapter on the brand's data set, and put it into BRAND/models/diffusion/.

    The same pictures, settings and model are the same training: one that is finished is not done
    again, and one that was stopped goes on at its last snapshot. What is kept is what did best on the
    held-out pictures; where nothing did better than the model alone, nothing is put there.

    Raises FeedsmithError when the diffusion extra is missing, the data set or the model cannot be
    used, memory or disk run out; the snapshots stay, and the same call goes on.
    """
    config = resolve(config)
    folder = pipeline.found(config.model)
    native = _trainable(folder, config.model)
    with DataSet.open(_data_set(home, config, native)) as data:
        _enough(data)
        size = _size(data, config.size or native, config)
        key = runs.key_of(
            config.model_dump(exclude={"snapshot_every", "data", "model", "budget", "size"}),
            data.sha256, pipeline.digest(folder), size,
        )  # fmt: skip
        run = Run.of(
            home.root,
            "lora",
            key,
            {
                "config": {**config.model_dump(), "size": size},
                "model": {"name": config.model, "digest": pipeline.digest(folder)},
                "data": {"file": data.path.name, "sha256": data.sha256, "pictures": len(data)},
            },
        )
        known = _result(run)
        # One that ended with its time goes on where there is more of it.
        ended = known is not None and known.stopped == "budget"
        if known is not None and not (ended and not 0 < config.budget <= known.seconds):
            return _installed(home, run, known)
        with (
            run.alone(),
            machine.memory_in_words(
                f"an adapter for {config.model} at {size} px with a batch of {config.batch}",
                "set batch or size lower",
            ),
        ):
            result = _trained(config, data, size, native, folder, run, report)
    return _installed(home, run, result)


def _trained(
    config: Config, data: DataSet, size: int, native: int, folder: Path, run: Run, report: Report
) -> Result:
    torch = pipeline.needs()
    started = time.monotonic()
    torch.set_num_threads(config.threads)
    report(STAGE, 0, 0, f"loading {config.model}")

    # The network, what of it learns, and the pictures as it sees them.
    net = _network(folder, config, torch)
    optimiser = torch.optim.AdamW(list(net.weights.values()), lr=config.rate, weight_decay=0.01)
    seen = _Seen(net, data, size, config)
    held = _held(seen, config)

    # Go on, or begin.
    state = _resume(run, net, optimiser)
    if state is None:
        run.back_to(0)
        report(STAGE, 0, config.steps, "looking at the held-out pictures for the first time")
        before = _held_out(net, held)
        if not math.isfinite(before):
            raise FeedsmithError(
                f"{config.model}: its own predictions are not numbers",
                mend="use dtype float32, or another model",
            )
        state = _State(before=before, best=before)
        run.log(step=0, held_out=before)
        _snapshot(run, net, optimiser, state)
    else:
        _back(run, state)
        report(STAGE, state.step, config.steps, f"goes on at step {state.step}")
    started -= state.seconds

    # The steps.
    stopped: Stopped = "finished"
    while state.step < config.steps:
        if config.budget and time.monotonic() - started > config.budget and state.step > 0:
            stopped = "budget"
            break
        begun = time.monotonic()
        rate = config.rate * 0.5**state.rollbacks * min(1.0, (state.step + 1) / WARM)
        for group in optimiser.param_groups:
            group["lr"] = rate
        value, norm = _step(net, seen, state.step, config)
        if not (math.isfinite(value) and math.isfinite(norm)):
            lost = state.step + 1
            optimiser.zero_grad(set_to_none=True)
            back = _resume(run, net, optimiser) if state.rollbacks < ROLLBACKS else None
            if back is None:
                run.log(step=lost, diverged=repr(value), rate=rate)
                stopped = "diverged"
                break
            back.rollbacks = state.rollbacks + 1
            state = back
            _snapshot(run, net, optimiser, state)
            _back(run, state)
            run.log(step=state.step, diverged=repr(value), at=lost, rolled_back=state.rollbacks)
            continue
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        state.step += 1
        state.working += time.monotonic() - begun
        state.seconds = time.monotonic() - started
        run.log(
            step=state.step, loss=value, rate=rate, seconds=round(state.seconds, 2),
            memory_mb=machine.memory_mb(),
        )  # fmt: skip

        # A look at the held-out pictures, and a snapshot.
        if state.step % config.check_every == 0 or state.step == config.steps:
            _check(run, net, held, state)
        if state.step % config.snapshot_every == 0:
            _snapshot(run, net, optimiser, state)
        left = state.seconds * (config.steps / state.step - 1)
        if config.budget:
            left = min(left, config.budget - state.seconds)
        report(
            STAGE, state.step, config.steps,
            f"loss {value:.4f}, held out {state.best:.4f}, about {machine.span(max(0.0, left))} left",
        )  # fmt: skip
    if stopped == "budget":
        _check(run, net, held, state)
        _snapshot(run, net, optimiser, state)

    # The best weights, as diffusers reads them; the card.
    if state.best_step and not _take_best(run, net):
        state.best_step = 0
    result = Result(
        run=run.name,
        stopped=stopped,
        steps=state.step,
        best_step=state.best_step,
        before=round(state.before, 5),
        after=round(state.best if state.best_step else state.before, 5),
        pictures=len(data.train),
        held_out=len(held),
        seconds=round(time.monotonic() - started, 1),
        pictures_per_second=round(config.batch * state.step / max(state.working, 1e-9), 3),
        advice=_advice(stopped, state, config, size, native),
    )
    if state.best_step:
        _export(run, net)
    _card(run, config, data, size, folder, result)
    if stopped != "budget":
        run.sweep()
    report(STAGE, state.step, state.step, f"held out {result.before:.4f} -> {result.after:.4f}")
    return result


# ---- what there is to train, and on what ------------------------------------------------------------


def _trainable(folder: Path, name: str) -> int:
    """Side in px of the model's own pictures. Raises FeedsmithError for a model of another kind."""
    kind = runs.read(folder / "model_index.json").get("_class_name")
    unet = runs.read(folder / "unet" / "config.json")
    vae = runs.read(folder / "vae" / "config.json")
    scheduler = runs.read(folder / "scheduler" / "scheduler_config.json")
    plain = (
        kind in ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
        and not unet.get("addition_embed_type")
        and not unet.get("class_embed_type")
        and unet.get("in_channels") == vae.get("latent_channels", 4)
    )
    if not plain:
        raise FeedsmithError(
            f"{name}: adapters for pipelines of this kind ({kind}) cannot be trained yet",
            mend=f"{_SUPPORTED}; an adapter that was trained elsewhere works with generate --lora",
        )
    learns = scheduler.get("prediction_type", "epsilon")
    if learns not in ("epsilon", "v_prediction"):
        raise FeedsmithError(
            f"{name}: a model that predicts “{learns}” cannot be trained yet", mend=_SUPPORTED
        )
    side = unet.get("sample_size") or 64
    side = max(side) if isinstance(side, list) else side
    return int(side) << (len(vae.get("block_out_channels", (1, 1, 1, 1))) - 1)


def _data_set(home: Home, config: Config, native: int) -> Path:
    """The file to learn from. Raises FeedsmithError where there is none."""
    if config.data:
        return Path(config.data).expanduser()
    sizes = by_size(home.root / "datasets")
    wanted = config.size or native
    if not sizes:
        size = next((s for s in SIZES if s >= wanted), SIZES[-1])
        raise FeedsmithError(
            f"{home.root}: there is no data set to train on",
            mend=f"make one: feedsmith prepare {home.root} --size {size}",
        )
    return sizes[min((s for s in sizes if s >= wanted), default=max(sizes))]


def _enough(data: DataSet) -> None:
    if len(data.train) < PICTURES_MIN:
        raise FeedsmithError(
            f"{data.path}: holds {len(data.train)} pictures to train on; {PICTURES_MIN} are the least",
            mend="import more photos and prepare the data set again; 20 or more give a look",
        )


def _size(data: DataSet, wanted: int, config: Config) -> int:
    """The side, a halving of the data set's, that is nearest to `wanted` and not above it."""
    size = int(data.size)
    while size > wanted and size % 2 == 0:
        size //= 2
    if size % 8 or (config.size and size != config.size):
        raise FeedsmithError(
            f"{data.path}: holds pictures of {data.size} px, which cannot be read at {wanted} px",
            mend=f"prepare a data set of that size, or set size to {data.size} halved",
        )
    return size


# ---- the network -----------------------------------------------------------------------------------


@dataclass
class _Network:
    """A Stable Diffusion, frozen, with an adapter in its attention that learns."""

    torch: Any
    pipe: Any
    unet: Any
    noise: Any
    """The scheduler that puts noise on."""
    weights: dict[str, Any]
    """What learns, by name."""
    device: str
    bf16: bool
    velocity: bool
    """Whether it predicts velocity rather than noise."""
    gamma: float


def _network(folder: Path, config: Config, torch: Any) -> _Network:
    from diffusers import DDPMScheduler, StableDiffusionPipeline
    from peft import LoraConfig

    torch.manual_seed(config.seed)
    bf16 = config.dtype == "bfloat16"
    try:
        pipe = StableDiffusionPipeline.from_pretrained(
            str(folder), use_safetensors=True, low_cpu_mem_usage=True, local_files_only=True,
            safety_checker=None, torch_dtype=torch.bfloat16 if bf16 else torch.float32,
        )  # fmt: skip
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if "out of memory" in str(error).lower():
            raise
        raise FeedsmithError(
            f"{config.model} cannot be opened: {str(error).splitlines()[0][:160]}",
            mend="fetch or convert the model again",
        ) from error
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.requires_grad_(False)
        part.to(config.device)
        part.eval()
    unet = pipe.unet
    unet.add_adapter(
        # As much as its rank, so that it needs no file beside it that says how much it counts.
        LoraConfig(
            r=config.rank,
            lora_alpha=config.rank,
            init_lora_weights="gaussian",
            target_modules=list(LAYERS),
        )
    )
    weights = {name: value for name, value in unet.named_parameters() if value.requires_grad}
    for value in weights.values():
        value.data = value.data.float()
    if config.checkpointing:
        unet.enable_gradient_checkpointing()
        unet.train()  # without it nothing is checkpointed; there is no dropout in it
    noise = DDPMScheduler.from_config(pipe.scheduler.config)
    velocity = noise.config.prediction_type == "v_prediction"
    return _Network(
        torch, pipe, unet, noise, weights, config.device, bf16, velocity, config.snr_gamma
    )


class _Seen:
    """Pictures as latents, and their words as the text encoder has them; both remembered."""

    def __init__(self, net: _Network, data: DataSet, size: int, config: Config) -> None:
        self.net, self.data, self.size = net, data, size
        self._order: tuple[int, NDArray[np.int64]] = (-1, data.train)
        self._latents: dict[int, tuple[Any, Any]] = {}
        self._texts: dict[str, Any] = {}
        self._seed = config.seed
        keywords = data.keywords
        self.words = [
            _called(config, list(keywords[row]), data.captions[row]) for row in range(len(data))
        ]

    def row(self, turn: int) -> int:
        """The training picture of that turn: all of them once, in another order each time."""
        epoch, place = divmod(turn, len(self.data.train))
        if self._order[0] != epoch:
            rng = np.random.default_rng((self._seed, epoch))
            self._order = epoch, rng.permutation(self.data.train)
        return int(self._order[1][place])

    def latent(self, row: int) -> tuple[Any, Any]:
        """Mean and spread (1, 4, h, w) of a picture's latents. One picture at a time, so that they do
        not depend on its company."""
        if row in self._latents:
            return self._latents[row]
        torch, vae = self.net.torch, self.net.pipe.vae
        pixels = torch.from_numpy(self.data.read([row], self.size)).permute(0, 3, 1, 2)
        with torch.no_grad():
            found = vae.encode(pixels.to(self.net.device, vae.dtype) / 127.5 - 1).latent_dist
            pair = found.mean.float(), found.std.float()
        if len(self._latents) < CACHED:
            self._latents[row] = pair
        return pair

    def text(self, words: str) -> Any:
        """(1, tokens, width) of some words."""
        if words not in self._texts:
            torch, pipe = self.net.torch, self.net.pipe
            ids = pipe.tokenizer(
                words, padding="max_length", truncation=True, return_tensors="pt",
                max_length=pipe.tokenizer.model_max_length,
            ).input_ids  # fmt: skip
            with torch.no_grad():
                found = pipe.text_encoder(ids.to(self.net.device))[0].float()
            if len(self._texts) >= CACHED:
                return found
            self._texts[words] = found
        return self._texts[words]


def _called(config: Config, keywords: Sequence[str], caption: str) -> str:
    """What a picture is called: in the words that generate asks for pictures with."""
    words = [config.trigger] if config.trigger else []
    if config.words == "captions" and caption.strip():
        return ", ".join([*words, " ".join(caption.split())])
    return ", ".join([*words, *of_photo(keywords), *PHOTOGRAPH])


def _step(net: _Network, seen: _Seen, step: int, config: Config) -> tuple[float, float]:
    """Leave the gradients of one step; its loss and their norm before they are clipped to 1."""
    torch = net.torch
    drawn = torch.Generator("cpu").manual_seed(config.seed * 1_000_003 + step)
    latents, texts, levels = [], [], []
    for turn in range(config.batch):
        row = seen.row(step * config.batch + turn)
        mean, spread = seen.latent(row)
        around = torch.randn(mean.shape, generator=drawn).to(net.device)
        latents.append((mean + spread * around) * net.pipe.vae.config.scaling_factor)
        silent_one = float(torch.rand(1, generator=drawn)) < config.drop_words
        texts.append(seen.text("" if silent_one else seen.words[row]))
        levels.append(torch.randint(net.noise.config.num_train_timesteps, (1,), generator=drawn))
    whole = torch.cat(latents)
    noise = torch.randn(whole.shape, generator=drawn).to(net.device)
    loss = _loss(net, whole, torch.cat(texts), torch.cat(levels).to(net.device), noise, net.gamma)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(list(net.weights.values()), 1.0)
    return float(loss.detach()), float(norm)


def _loss(net: _Network, latents: Any, texts: Any, levels: Any, noise: Any, gamma: float) -> Any:
    """Mean squared error of what is predicted of noisy latents, weighted by Min-SNR for a gamma."""
    torch = net.torch
    noisy = net.noise.add_noise(latents, noise, levels)
    wanted = net.noise.get_velocity(latents, noise, levels) if net.velocity else noise
    with torch.autocast(net.device, torch.bfloat16, enabled=net.bf16):
        said = net.unet(noisy, levels, texts, return_dict=False)[0]
    errors = (said.float() - wanted.float()).square().mean(dim=(1, 2, 3))
    if gamma:
        errors = errors * snr_weights(
            net.noise.alphas_cumprod, levels.cpu(), gamma, net.velocity
        ).to(errors.device)
    return errors.mean()


def snr_weights(alphas: Any, levels: Any, gamma: float, velocity: bool) -> Any:
    """Min-SNR weights (Hang et al. 2023, eq. 6 and its appendix): min(SNR, gamma) / SNR for noise,
    min(SNR, gamma) / (SNR + 1) for velocity; SNR = a / (1 - a) at the levels, (n,).

    A scheduler whose last level is pure noise has SNR 0 there: its weight for noise is 1.
    """
    kept = alphas[levels].double()
    snr = kept / (1 - kept)
    low = snr.clamp(max=gamma)
    return (low / (snr + 1) if velocity else (low / snr).nan_to_num(1.0)).float()


# ---- the held-out pictures ---------------------------------------------------------------------------


def _held(seen: _Seen, config: Config) -> list[tuple[Any, Any, Any, Any]]:
    """(latents, text, levels, noise) of the held-out pictures, each at LEVELS levels spread over all,
    with noise that is the same at every look."""
    torch, net = seen.net.torch, seen.net
    rows = seen.data.held[:: max(1, math.ceil(len(seen.data.held) / config.held_out_max))]
    steps = net.noise.config.num_train_timesteps
    found = []
    for place, row in enumerate(int(one) for one in rows):
        drawn = torch.Generator("cpu").manual_seed(1_000_003 * (config.seed + 1) + place)
        mean, _ = seen.latent(row)
        latents = (mean * net.pipe.vae.config.scaling_factor).repeat(LEVELS, 1, 1, 1)
        parts = (torch.arange(LEVELS) + torch.rand(LEVELS, generator=drawn)) / LEVELS
        levels = (parts * steps).long().clamp(max=steps - 1).to(net.device)
        noise = torch.randn(latents.shape, generator=drawn).to(net.device)
        text = seen.text(seen.words[row]).repeat(LEVELS, 1, 1)
        found.append((latents, text, levels, noise))
    return found


def _held_out(net: _Network, held: Sequence[tuple[Any, Any, Any, Any]]) -> float:
    """Mean loss over all of them, all levels alike; 0 where none is held out."""
    with net.torch.no_grad():
        losses = [float(_loss(net, *one, gamma=0.0)) for one in held]
    return sum(losses) / len(losses) if losses else 0.0


def _check(
    run: Run, net: _Network, held: Sequence[tuple[Any, Any, Any, Any]], state: "_State"
) -> None:
    """Look at the held-out pictures; keep the weights where they do best, or the last ones where none
    is held out."""
    if not all(bool(net.torch.isfinite(weight).all()) for weight in net.weights.values()):
        return
    now = _held_out(net, held)
    run.log(step=state.step, held_out=now)
    if (now < state.best or not held) and math.isfinite(now):
        state.best, state.best_step = now, state.step
        run.keep("best", _plain(net), {"step": state.step, "held_out": now})


def _plain(net: _Network) -> dict[str, Any]:
    return {name: weight.detach().contiguous() for name, weight in net.weights.items()}


# ---- stopping and going on ---------------------------------------------------------------------------


@dataclass
class _State:
    """All that a training carries from step to step, apart from weights and moments."""

    before: float
    best: float
    step: int = 0
    best_step: int = 0
    rollbacks: int = 0
    working: float = 0.0
    """Seconds inside steps."""
    seconds: float = 0.0
    """Since the beginning, over all starts."""


def _snapshot(run: Run, net: _Network, optimiser: Any, state: _State) -> None:
    kept = {}
    for name, weight in _plain(net).items():
        moments = optimiser.state.get(net.weights[name], {})
        kept[name] = weight
        for end, moment in ((".m", "exp_avg"), (".v", "exp_avg_sq")):
            kept[name + end] = moments.get(moment, net.torch.zeros_like(weight)).contiguous()
    run.keep("snapshot", kept, vars(state))


def _resume(run: Run, net: _Network, optimiser: Any) -> _State | None:
    """Take up the run's snapshot; None where there is none that fits."""
    found = run.kept("snapshot")
    if found is None:
        return None
    kept, told = found
    try:
        state = _State(**told)
    except TypeError:
        return None
    if not all(f"{name}{end}" in kept for name in net.weights for end in ("", ".m", ".v")):
        return None
    with net.torch.no_grad():
        for name, weight in net.weights.items():
            weight.copy_(kept[name])
            optimiser.state[weight] = {
                "step": net.torch.tensor(float(state.step)),
                "exp_avg": kept[f"{name}.m"].to(weight.device),
                "exp_avg_sq": kept[f"{name}.v"].to(weight.device),
            }
    return state


def _back(run: Run, state: _State) -> None:
    """Forget the figures after the state's step: they come again."""
    first = [line for line in run.lines() if line.get("step") == 0]
    run.back_to(state.step)
    if not state.step:  # to the run, that is its beginning; what stood there stays
        for line in first:
            run.log(**line)


def _take_best(run: Run, net: _Network) -> bool:
    found = run.kept("best")
    if found is None:
        return False
    with net.torch.no_grad():
        for name, weight in net.weights.items():
            weight.copy_(found[0][name])
    return True


# ---- what comes out ------------------------------------------------------------------------------------


def _export(run: Run, net: _Network) -> None:
    """The adapter in the run's folder, in diffusers' own layout and under its own name."""
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    part = run.folder / ".adapter.part"
    shutil.rmtree(part, ignore_errors=True)
    StableDiffusionPipeline.save_lora_weights(
        str(part),
        unet_lora_layers=convert_state_dict_to_diffusers(get_peft_model_state_dict(net.unet)),
        weight_name=pipeline.LORA,
        safe_serialization=True,
    )
    write_bytes(run.folder / pipeline.LORA, (part / pipeline.LORA).read_bytes())
    shutil.rmtree(part, ignore_errors=True)


def _card(run: Run, config: Config, data: DataSet, size: int, folder: Path, result: Result) -> None:
    import diffusers
    import peft
    import torch

    adapter = run.folder / pipeline.LORA
    write_json(
        run.card,
        {
            "what": "LoRA adapter for a Stable Diffusion",
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "base": {"name": config.model, "digest": pipeline.digest(folder)},
            "files": {
                adapter.name: {"sha256": models.hash_of(adapter), "size": adapter.stat().st_size}
            }
            if adapter.exists()
            else {},
            "data": {
                "file": data.path.name, "sha256": data.sha256, "size": size,
                "pictures": len(data.train), "held_out": len(data.held),
            },
            "settings": {**config.model_dump(), "size": size},
            "result": result.model_dump(),
            "memory_mb": machine.memory_mb(),
            "versions": {
                "feedsmith": feedsmith.__version__, "torch": torch.__version__,
                "diffusers": diffusers.__version__, "peft": peft.__version__,
            },
            "licence": "as the base's, and as its photos are yours to use",
        },
    )  # fmt: skip


def _result(run: Run) -> Result | None:
    """What came out, once it is finished."""
    try:
        return Result.model_validate(runs.read(run.card).get("result"))
    except ValidationError:
        return None


def _installed(home: Home, run: Run, result: Result) -> Result:
    """Put the adapter and its card where generate is told to find them."""
    made = run.folder / pipeline.LORA
    if not result.best_step or not made.is_file():
        return result
    place = home.models / "diffusion"
    write_bytes(place / pipeline.LORA, made.read_bytes())
    write_bytes(place / "card.json", run.card.read_bytes())
    return result.model_copy(update={"adapter": str(place / pipeline.LORA)})


def _advice(stopped: Stopped, state: _State, config: Config, size: int, native: int) -> str:
    if stopped == "diverged":
        kept = f"that of step {state.best_step} was kept" if state.best_step else "nothing was kept"
        return (
            f"the loss ran away at step {state.step + 1}; {kept}; try a rate below {config.rate:g}"
        )
    if not state.best_step:
        return (
            "nothing improved on the held-out pictures, so nothing was changed: more pictures would "
            "help, or a lower rate"
        )
    if size <= native // 2:
        return (
            f"it learned from pictures of {size} px and draws {native} px: a data set of that size gives "
            "finer ones"
        )
    if state.best_step == state.step:
        return "it was still improving at its end: more steps may help"
    return ""
