"""Caption runs: what names one, what came out of it, what it would do.

Besides what every run holds (training/run.py):

      best.safetensors       what is trained at its best held-out loss; best.json says when
      curve.svg, curve.png   the losses, drawn
      *.gguf                 for the runtime

Knows files; knows no network: it stores what it is handed.
"""

import math
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from feedsmith.captions.train.base import locate
from feedsmith.captions.train.config import Config
from feedsmith.captions.train.corpus import Data
from feedsmith.post import Value
from feedsmith.training import curve
from feedsmith.training import run as runs

Stopped = Literal["finished", "early", "budget", "diverged"]
"""All epochs done; nothing improved any more; time was up; the loss ran away."""


class Result(Value):
    """What a training came to."""

    run: str
    """Name of the run's folder, e.g. 0003-captions."""
    stopped: Stopped
    steps: int
    best_step: int
    """The step whose weights were kept; 0 where training improved nothing."""
    start: str = ""
    """Where an adapter started: starter or base."""
    rate: float = 0.0
    """Highest learning rate."""
    before: float
    """Held-out perplexity before training, exp of nats per token."""
    after: float
    """Held-out perplexity of the weights that were kept."""
    seconds: float
    tokens_per_second: float
    """Prompt and caption, without padding, steps alone."""
    adapter: str = ""
    """File name of the adapter in the run's folder; '' for none."""
    model: str = ""
    """File name of a whole model in the run's folder; '' where the shared base serves."""
    advice: str = ""
    """What to do next, where something is to be done."""


class Run(runs.Run):
    """One caption training's folder."""

    @classmethod
    def create(cls, root: Path, config: Config, data: Data) -> "Run":
        """The folder of this very training in `root`/runs: one that was begun, or the next number.

        The same captions, settings and base are the same training, finished or not. Raises FeedsmithError when the base is not there or the folder cannot be written.
        """
        place = locate(config.base)
        told = {
            "config": config.model_dump(),
            "base": {"name": config.base, "sha256": place.sha256},
            "data": {
                "source": data.source,
                "sha256": data.sha256,
                "train": len(data.train),
                "held_out": len(data.held),
                "notes": list(data.notes),
            },
        }
        return cls.of(root, "captions", _key(config, data, place.sha256), told)

    def result(self) -> Result | None:
        """What came out, once it is finished."""
        try:
            return Result.model_validate(runs.read(self.card).get("result"))
        except ValidationError:
            return None

    def draw(self, title: str) -> None:
        """Draw the loss of every step, its running mean, and the held-out loss."""
        lines = self.lines()
        steps = curve.points(lines, "step", "loss")
        held = curve.points(lines, "step", "held_out")
        mark = None
        if held:
            step, best = min(held, key=lambda p: (p[1], p[0]))
            mark = (step, best, f"best {best:.3f} (perplexity {math.exp(best):.1f})")
        series = (
            curve.Series("one step", steps, curve.STEPS, 1.2),
            curve.Series("running mean", curve.smooth(steps), curve.SMOOTH),
            curve.Series("held-out captions", held, curve.HELD, dots=True),
        )
        chart = curve.Chart(title, "step", "loss, nats per token", series, mark)
        curve.draw(chart, self.folder / "curve.svg", self.folder / "curve.png")


def outlook(config: Config, data: Data, root: Path) -> list[tuple[str, str]]:
    """What `train` would do, in words, for a dry run: (label, value) a line; nothing is written.

    `config` is a resolved one. Raises FeedsmithError when the base is not there.
    """
    place = locate(config.base)
    begun = Run.begun(root, _key(config, data, place.sha256))
    if begun is None:
        folder = f"{runs.next_name(root, 'captions')}, new"
    else:
        folder = f"{begun.name}, " + ("finished already" if begun.result() else "goes on")
    method = "the whole model"
    if config.method == "lora":
        start = {
            "starter": "the shipped adapter",
            "base": "nothing",
            "auto": "the shipped adapter or nothing, whichever does better",
        }[config.start]
        method = f"an adapter of rank {config.rank}, starting from {start}"
    where = "the model hub" if place.path is None else str(place.path)
    return [
        ("captions", f"{len(data.train)} to train on, {len(data.held)} held out ({data.source})"),
        *(("", note) for note in data.notes),
        ("base", f"{config.base}, from {where}"),
        ("trains", method),
        ("on", f"{config.device}, {config.dtype}, {config.threads} threads"),
        (
            "at most",
            f"{config.budget / 60:g} minutes, {config.epochs:g} times through the captions",
        ),
        ("run", folder),
    ]


def _key(config: Config, data: Data, base: str) -> str:
    return runs.key_of(config.model_dump(exclude={"snapshot_every", "base"}), data.sha256, base)
