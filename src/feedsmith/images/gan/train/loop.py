"""Training an image generator, from top to bottom.

Every step draws from the seed and its own number (dice.py), and snapshots hold networks, averages
and moments: a training that was stopped, even killed, goes on and ends with the same weights to the
last bit (on a processor, with as many threads). Under torchrun each process takes its share of every
batch. Knows recipes, data sets and runs; knows no brand.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError
from feedsmith.files import made
from feedsmith.images.gan.train import export, grid
from feedsmith.images.gan.train.compact import Compact
from feedsmith.images.gan.train.config import PHASE_KIMG, Config
from feedsmith.images.gan.train.dice import Dice
from feedsmith.images.gan.train.layout import PHOTOS
from feedsmith.images.gan.train.pair import Pair
from feedsmith.images.gan.train.pictures import Pictures, as_rgb, as_tensor
from feedsmith.images.gan.train.progressive import Progressive
from feedsmith.images.gan.train.run import Result, Run, Stopped, every, stored_tensors
from feedsmith.images.gan.train.team import Team
from feedsmith.images.gan.train.transfer import take_over
from feedsmith.measures.sliced_wasserstein import sliced_wasserstein
from feedsmith.progress import Report, silent
from feedsmith.training import machine

STAGE = "Training pictures"
SNAPSHOTS = 10
"""Numbered snapshots of a run, unless the settings say how often."""
SAFE_SECONDS = 300.0
"""A snapshot to go on from is taken at the latest after so long."""
TIMED = 3
"""Steps at each resolution that are timed to share out a budget."""
JUDGED = 512
"""Pictures that are made for a distance, but no more than there are to compare with; 5 seconds of one core at
64 px."""
ROLLBACKS = 3
"""Times that a training goes back to its last snapshot, each time at half the learning rate."""


@dataclass
class _State:
    """All that a training carries from step to step, apart from weights and moments."""

    shown: int = 0
    """Real pictures, by all processes."""
    step: int = 0
    seconds: float = 0.0
    """Since the beginning, over all starts."""
    working: float = 0.0
    """Seconds inside steps."""
    numbered_kimg: float = 0.0
    numbered_seconds: float = 0.0
    """Where the last numbered snapshot was."""
    rollbacks: int = 0
    best: float = math.inf
    best_kimg: float = 0.0
    reference: float = 0.0


def train(
    config: Config, data: DataSet, run: Run, report: Report = silent, team: Team | None = None
) -> Result:
    """Train a generator on `data` in the folder of `run`, and say what came out.

    `config` is a resolved one. A run that is finished goes on where it is given more time; one that
    was stopped goes on at its last snapshot. What is exported is the numbered snapshot nearest to
    the training pictures.

    Raises FeedsmithError when the train extra is missing, pictures or weights do not fit, memory or
    disk run out; the snapshots stay, and the same call goes on.
    """
    team = team or Team()
    config = run.config(config)
    if (known := run.result()) is not None and _enough(known, config):
        return known
    smaller = "set a smaller --batch: the same command with it goes on"
    with team.alone(run), machine.memory_in_words(f"{config.recipe} at {config.size} px", smaller):
        began = time.monotonic()
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        report(STAGE, 0, 0, "reading the pictures")

        # Pictures; networks; fixed latents to look at.
        pictures = Pictures(data, config.seed, config.mirror)
        pair = recipe(config)
        looked = Dice(config.seed, 1 << 40).normal(grid.COUNT, pair.latent)

        # Go on, or begin.
        state = _resume(run, pair)
        if state is None:
            if config.start:
                take_over(pair, config)
            else:
                count = min(pictures.count, PHOTOS)
                pair.begin(as_tensor(pictures.stored(count, config.size)).to(pair.device))
            state = _State(reference=_reference(pictures, data, config))
            team.wait()
            if team.first:
                run.back_to(0)
                grid.real(run.folder, pictures, config.size)
                _snapshot(run, pair, state)
        elif team.first:
            run.back_to(state.step)
            report(STAGE, 0, 0, f"goes on at {state.shown / 1000:.1f} thousand pictures")
        if team.same(state.shown) != state.shown:
            raise FeedsmithError(
                f"{run.folder}: not all processes see the same snapshot",
                mend="give all machines the same folder",
            )
        began -= state.seconds
        kimg_apart, seconds_apart = (
            every(config.snapshot_every, pictures.count)
            if config.snapshot_every
            else (config.kimg / SNAPSHOTS, config.budget / SNAPSHOTS)
        )
        safe = time.monotonic()
        reserve = 0.0
        """Seconds that the last numbered snapshot took: kept for the one at the end."""
        stopped: Stopped = "finished"

        # The steps.
        while not config.kimg or state.shown < config.kimg * 1000:
            if team.agree(time.monotonic() - began + 1.5 * reserve > config.budget):
                stopped = "budget"
                break
            started = time.monotonic()
            n = pair.batch_at(state.shown)
            size = pair.size_at(state.shown)
            real = pictures.batch(state.shown + team.rank * n, n, size).to(pair.device)
            dice = Dice(config.seed + 7919 * state.rollbacks, state.step, team.rank, team.count)
            told = pair.step(real.contiguous(memory_format=torch.channels_last), dice, state.shown)
            lost = not all(math.isfinite(value) for value in told.values())
            if not lost:
                state.shown += n * team.count
                state.step += 1
                state.working += time.monotonic() - started
                state.seconds = time.monotonic() - began
                kimg = state.shown / 1000
                # Snapshots: numbered ones by pictures or time; one to go on from every few minutes.
                due = (
                    (kimg_apart and kimg - state.numbered_kimg >= kimg_apart - 1e-9)
                    or (seconds_apart and state.seconds - state.numbered_seconds >= seconds_apart)
                    or (config.kimg and state.shown >= config.kimg * 1000)
                )
                due = team.agree(bool(due))
                save = due or team.agree(time.monotonic() - safe > SAFE_SECONDS)
                # A gradient that was no number shows in the weights, perhaps before it does in a loss.
                lost = save and not pair.sound()
            if lost:
                # Back to the last snapshot, slower.
                if team.first:
                    run.log(kimg=state.shown / 1000, step=state.step, diverged=repr(told))
                if state.rollbacks >= ROLLBACKS:
                    stopped = "diverged"
                    break
                state = _rolled_back(run, pair, state)
                if team.first:
                    run.back_to(state.step, keep="diverged")
                continue
            if team.first:
                run.log(
                    kimg=kimg, step=state.step, **told,
                    seconds=round(state.seconds, 2), memory_mb=machine.memory_mb(),
                )  # fmt: skip
            if due:
                reserve = time.monotonic()
                _numbered(run, pair, state, looked, pictures, config, team, report)
                reserve = time.monotonic() - reserve
            elif save and team.first:
                _snapshot(run, pair, state)
            if save:
                safe = time.monotonic()
            if team.first:
                _tell(report, state, told, config)

        # The last numbered snapshot, the best of them as files for the runtime, the card.
        if stopped == "budget" and state.numbered_kimg < state.shown / 1000 and pair.sound():
            _numbered(run, pair, state, looked, pictures, config, team, report)
        result = Result(
            run=run.name,
            stopped=stopped,
            kimg=round(state.shown / 1000, 3),
            kept_kimg=state.best_kimg,
            distance=round(state.best, 2) if math.isfinite(state.best) else None,
            reference=round(state.reference, 2),
            seconds=round(time.monotonic() - began, 1),
            pictures_per_second=round(state.shown / max(state.working, 1e-9), 2),
            memory_mb=machine.memory_mb(),
            rollbacks=state.rollbacks,
            advice=_advice(stopped, state, config),
        )
        if team.first:
            if math.isfinite(state.best):
                report(STAGE, 1, 1, "writing the generator")
                _take_generator(run, pair, state.best_kimg)
                export.write(run.folder, pair, config, data, result, looked)
            else:
                export.card(run.folder, config, data, result, {}, pair.latent)
        team.wait()
        return result


def begun(root: Path, config: Config, data: DataSet, team: Team) -> Run:
    """The folder of this training in `root`/runs, the same in all processes; see Run.create."""
    found: Run | None = None
    if team.first:
        found = Run.create(root, config, data, lambda new: planned(new, team.count))
    found = team.same(found)
    assert found is not None
    return found


def recipe(config: Config) -> Pair:
    """Fresh networks of the settings' recipe, the same for the same seed."""
    torch.manual_seed(config.seed)
    return Progressive(config) if config.recipe == "progressive" else Compact(config)


def planned(config: Config, processes: int = 1) -> Config:
    """`config` with the schedule of a Progressive GAN: the paper's 800 thousand pictures a phase, or
    what `kimg` or the budget allow when they are shared out evenly among the phases.

    A budget is turned into pictures by timing a few steps at every resolution, in this process alone;
    `processes` as fast share the work. Raises FeedsmithError when the memory is not enough for the
    largest resolution, or the budget for some steps at each.
    """
    if config.recipe != "progressive" or config.phase_kimg:
        return config
    top = int(math.log2(config.size)) - 2
    phases = 2 * top + 1
    if config.kimg:
        return config.model_copy(update={"phase_kimg": min(PHASE_KIMG, config.kimg / phases)})
    trial = config.model_copy(update={"phase_kimg": 1.0, "start": ""})
    torch.set_num_threads(config.threads)
    cost = 0.0
    with machine.memory_in_words(f"progressive at {config.size} px", "set --size or --width lower"):
        pair = recipe(trial)
        pair.world = 1  # the others wait meanwhile
        for level in range(top + 1):
            shown = int(2 * level * 1000)
            n, size = pair.batch_at(shown), pair.size_at(shown)
            real = torch.zeros(n, 3, size, size, device=pair.device)
            took = []
            for turn in range(TIMED + 1):
                began = time.monotonic()
                pair.step(real, Dice(0, turn), shown)
                took.append(time.monotonic() - began)
            # The first step sets up; of the rest the fastest counts: on a loaded machine one step was
            # seen to take seventy times its usual time, and a whole run was refused for it.
            cost += min(took[1:]) / n * (2 if level else 1)
    # A tenth is kept for snapshots.
    allowed = round(min(PHASE_KIMG, 0.9 * config.budget / cost / 1000 * processes), 3)
    if allowed < 0.1:
        raise FeedsmithError(
            f"{machine.span(config.budget)} are too short for a Progressive GAN of {config.size} px: "
            f"a hundred pictures at each level take {machine.span(0.1 * 1000 * cost / 0.9)}",
            mend="set a longer --budget, or --size or --width lower",
        )
    return config.model_copy(update={"phase_kimg": allowed})


# ---- snapshots -----------------------------------------------------------------------------------


def _numbered(
    run: Run, pair: Pair, state: _State, looked: Tensor, pictures: Pictures, config: Config,
    team: Team, report: Report,
) -> None:  # fmt: skip
    """A numbered snapshot: the generator's average, a grid, its distance, and one to go on from."""
    kimg = state.shown / 1000
    state.numbered_kimg, state.numbered_seconds = kimg, state.seconds
    if team.first:
        report(STAGE, 0, 0, "judging samples")
        size = pair.size_at(state.shown)
        samples = _pictures(pair, looked, state.shown)
        grid.samples(run.folder, samples, _name(kimg))
        if size >= 16:
            count = min(JUDGED, pictures.count)
            z = Dice(config.seed, (1 << 40) + 1).normal(count, pair.latent)
            real = pictures.rgb(0, count, size)
            distance = sliced_wasserstein(real, _pictures(pair, z, state.shown)).average
            run.log(kimg=kimg, step=state.step, distance=round(distance, 3))
            # Of a growing generator only what is grown can be exported.
            if pair.grown(state.shown) and distance < state.best:
                state.best, state.best_kimg = distance, kimg
        average = {k: v.detach().contiguous() for k, v in pair.average.state_dict().items()}
        made(run.folder / "generators")
        run.keep(f"generators/{_name(kimg)}", average, _about(config, pair, kimg))
        _snapshot(run, pair, state)
        run.draw(state.reference)
    team.wait()


def _pictures(pair: Pair, z: Tensor, shown: int) -> NDArray[np.uint8]:
    at_once = pair.batch_at(shown)
    found = [as_rgb(pair.pictures(z[i : i + at_once], shown)) for i in range(0, len(z), at_once)]
    return np.concatenate(found)


def _about(config: Config, pair: Pair, kimg: float) -> dict[str, Any]:
    return {"config": config.model_dump(), "latent": pair.latent, "kimg": kimg}


def _name(kimg: float) -> str:
    return f"kimg-{kimg:010.3f}".replace(".", "_")


def _snapshot(run: Run, pair: Pair, state: _State) -> None:
    run.keep("snapshot", pair.tensors(), {**vars(state), "config": pair.config.model_dump()})


def _resume(run: Run, pair: Pair) -> _State | None:
    """Take up the run's snapshot; None where there is none. Raises FeedsmithError where it cannot be
    read, or is of other networks."""
    path = run.folder / "snapshot.safetensors"
    if not path.exists():
        return None
    tensors, told = stored_tensors(path)
    told.pop("config", None)
    try:
        state = _State(**told)
        pair.take(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        if "out of memory" in str(error).lower():
            raise
        raise FeedsmithError(
            f"{path}: does not fit these settings ({type(error).__name__})",
            mend="move it away to begin anew; the generators of the run stay",
        ) from error
    pair.slow_down(2**state.rollbacks)
    return state


def _rolled_back(run: Run, pair: Pair, now: _State) -> _State:
    """The last snapshot again, at half the learning rate and with other draws."""
    state = _resume(run, pair) or _State(reference=now.reference)
    state.rollbacks = now.rollbacks + 1
    state.seconds = now.seconds
    pair.slow_down(2**state.rollbacks)
    return state


def _take_generator(run: Run, pair: Pair, kimg: float) -> None:
    found = run.kept(f"generators/{_name(kimg)}")
    if found is not None:
        pair.average.load_state_dict(found[0])


# ---- small things --------------------------------------------------------------------------------


def _reference(pictures: Pictures, data: DataSet, config: Config) -> float:
    """Distance of real pictures among themselves: held-out ones against as many to train on."""
    held = data.held if len(data.held) >= 32 else data.train[1::2]
    others = data.train if len(data.held) >= 32 else data.train[::2]
    count = min(len(held), len(others), JUDGED)
    rng = np.random.default_rng(0)
    return sliced_wasserstein(
        data.read(rng.permutation(held)[:count], config.size),
        data.read(rng.permutation(others)[:count], config.size),
    ).average


def _enough(known: Result, config: Config) -> bool:
    """True unless more time or pictures are allowed than a finished run has used."""
    if known.stopped == "diverged":
        return True
    more_kimg = not config.kimg or known.kimg < config.kimg - 1e-6
    return not (more_kimg and known.seconds < 0.95 * config.budget)


def _tell(report: Report, state: _State, told: dict[str, float], config: Config) -> None:
    share = state.seconds / config.budget
    if config.kimg:
        share = max(share, state.shown / 1000 / config.kimg)
    left = state.seconds * (1 / max(share, 1e-6) - 1)
    words = f"{state.shown / 1000:.1f} thousand pictures, {told.get('size', config.size):.0f} px"
    if math.isfinite(state.best):
        words += f", distance {state.best:.0f}"
    report(STAGE, round(1000 * share), 1000, f"{words}, about {machine.span(left)} left")


def _advice(stopped: Stopped, state: _State, config: Config) -> str:
    if stopped == "diverged":
        kept = (
            f"the generator of {state.best_kimg:g} thousand pictures was kept"
            if math.isfinite(state.best)
            else "no snapshot was good enough to keep"
        )
        return (
            f"the losses were no numbers {state.rollbacks + 1} times; {kept}; try half the rates: "
            f"--generator-rate {config.generator_rate / 2:g} "
            f"--discriminator-rate {config.discriminator_rate / 2:g}"
        )
    if not math.isfinite(state.best):
        return (
            "it ended before its pictures had their full size: the same command with a longer "
            "--budget or more --kimg goes on"
        )
    if stopped == "budget" and state.best_kimg >= 0.85 * state.shown / 1000:
        return "it was still improving when the time was up: the same command with a longer --budget goes on"
    return ""
