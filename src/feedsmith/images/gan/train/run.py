"""Image runs: what names one, what came out of it, what it would do.

Besides what every run holds (training/run.py):

      generators/kimg-000120_000.safetensors  the averaged generator at each numbered snapshot
      grids/kimg-000120_000.jpg               its pictures, always of the same latents
      grids/real.jpg                        real ones beside which to look at them
      curve.*, losses.*                     distances and losses, drawn while it goes on
      generator.onnx, generator.safetensors what came out, with card.json

Knows files; knows no network.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError
from feedsmith.images.gan.train.config import Config
from feedsmith.post import Value
from feedsmith.training import curve
from feedsmith.training import run as runs

Stopped = Literal["finished", "budget", "diverged"]
"""All kimg shown; time was up; the losses were no numbers again and again."""


class Result(Value):
    """What a training came to."""

    run: str
    """Name of the run's folder, e.g. 0003-images."""
    stopped: Stopped
    kimg: float
    """Thousand real pictures shown."""
    kept_kimg: float
    """Of the snapshot that was exported, the one with the smallest distance."""
    distance: float | None
    """Its sliced Wasserstein distance x 1000 to the training pictures; None where none was kept."""
    reference: float
    """That of held-out pictures, or of one half of the training pictures to the other: as low as can
    be expected."""
    seconds: float
    pictures_per_second: float
    """Real pictures shown, in steps alone."""
    memory_mb: int
    """Most memory of the process."""
    rollbacks: int = 0
    advice: str = ""
    """What to do next, where something is to be done."""


class Run(runs.Run):
    """One image training's folder."""

    @classmethod
    def create(
        cls,
        root: Path,
        config: Config,
        data: DataSet,
        plan: Callable[[Config], Config] = lambda config: config,
    ) -> "Run":
        """The folder of this very training in `root`/runs: one that was begun, or the next number.

        The same pictures and settings are the same training, whatever time it is given: with a
        longer budget a finished one goes on. `plan` is asked for the schedule of a new one: it may
        depend on how fast the machine is. Raises FeedsmithError when it cannot be written.
        """
        key = _key(config, data.sha256)
        if (begun := cls.begun(root, key)) is not None:
            return begun
        config = plan(config)
        told = {
            "config": config.model_dump(),
            "data": {
                "file": data.path.name,
                "sha256": data.sha256,
                "train": len(data.train),
                "held_out": len(data.held),
            },
        }
        return cls.of(root, "images", key, told)

    def config(self, asked: Config) -> Config:
        """The settings it was begun with, but with the time and snapshots asked for now."""
        try:
            begun = Config.model_validate(runs.read(self.folder / "config.json").get("config"))
        except ValidationError:
            return asked
        now = asked.model_dump(include=set(_FREE))
        return begun.model_copy(update=now)

    def result(self) -> Result | None:
        """What came out, once it is finished."""
        try:
            return Result.model_validate(runs.read(self.card).get("result"))
        except ValidationError:
            return None

    def draw(self, reference: float) -> None:
        """Draw the distances of the snapshots and the losses of metrics.jsonl."""
        lines = self.lines()
        found = curve.points(lines, "kimg", "distance")
        series = [curve.Series("samples", found, curve.HELD, dots=True)]
        mark = None
        if found:
            last = found[-1][0]
            floor = [(0.0, reference), (last, reference)]
            series.append(curve.Series("real pictures among themselves", floor, curve.SMOOTH, 1.6))
            at, best = min(found, key=lambda p: (p[1], p[0]))
            mark = (at, best, f"best {best:.1f} at {at:.0f}")
        shown = "thousand pictures shown"
        curve.draw(
            curve.Chart(
                f"{self.name}: sliced Wasserstein distance", shown, "x 1000", series, mark, True
            ),
            self.folder / "curve.svg",
            self.folder / "curve.png",
        )
        losses = [
            curve.Series(name, curve.smooth(curve.points(lines, "kimg", key)), colour, 1.6)
            for name, key, colour in (
                ("discriminator", "loss_d", curve.HELD),
                ("generator", "loss_g", curve.SMOOTH),
            )
        ]
        curve.draw(
            curve.Chart(f"{self.name}: losses, running means", shown, "", losses),
            self.folder / "losses.svg",
            self.folder / "losses.png",
        )


_FREE = ("budget", "kimg", "snapshot_every", "batch", "threads")
"""Settings that do not make it another training; phases are planned when it begins, and stay."""


def _key(config: Config, data: str) -> str:
    return runs.key_of(config.model_dump(exclude=set(_FREE)), data)


def outlook(config: Config, data: DataSet, root: Path) -> list[tuple[str, str]]:
    """What `train` would do, in words, for a dry run: (label, value) a line; nothing is written."""
    begun = Run.begun(root, _key(config, data.sha256))
    result = begun.result() if begun else None
    if begun is None:
        folder = f"{runs.next_name(root, 'images')}, new"
    elif result is None:
        folder = f"{begun.name}, goes on"
    else:
        folder = f"{begun.name}, {result.kimg:g} kimg shown already"
    recipe = "Progressive GAN, as in its paper" if config.recipe == "progressive" else "compact"
    most = f"{config.budget / 60:g} minutes"
    if config.kimg:
        most += f", {config.kimg:g} thousand pictures"
    count = len(data.train)
    rows = [
        ("pictures", f"{count} to train on, {len(data.held)} held out ({data.path.name})"),
        ("recipe", f"{recipe}, {config.size} px"),
        ("from", config.start or "nothing"),
        ("on", f"{config.device}, {config.dtype}, {config.threads} threads"),
        ("at most", most),
        ("run", folder),
    ]
    if count < 300:
        rows.insert(1, ("", "under 300 pictures: the image model remix will serve better"))
    elif count < 1000 and not config.start:
        rows.insert(1, ("", "under 1,000 pictures: --from starter helps"))
    return rows


def every(words: str, pictures: int) -> tuple[float, float]:
    """(thousand pictures, seconds) between two snapshots from "20kimg", "10epochs" or "10m"; 0 for
    none. Raises FeedsmithError for other words."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(kimg|epochs?|s|m|min|h)", words.strip().lower())
    if found is None or float(found[1]) == 0:
        raise FeedsmithError(
            f'--snapshot-every "{words}" is none', mend="write it like 20kimg, 10epochs or 10m"
        )
    amount = float(found[1])
    if found[2] == "kimg":
        return amount, 0.0
    if found[2].startswith("epoch"):
        return amount * pictures / 1000, 0.0
    return 0.0, amount * {"s": 1, "h": 3600}.get(found[2], 60)


def stored_tensors(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(tensors, what was told) of a safetensors file. Raises FeedsmithError when it is none."""
    import json

    from safetensors import SafetensorError, safe_open

    if path.suffix in (".pt", ".pth", ".pkl", ".ckpt"):
        raise FeedsmithError(
            f"{path}: such files can run any code when they are read, and are not read here",
            mend="make it ready first: python -m feedsmith.images.gan.train.zoo FILE OUT.safetensors",
        )
    try:
        with safe_open(path, framework="pt") as stored:
            told = json.loads((stored.metadata() or {}).get("told", "{}"))
            return {key: stored.get_tensor(key) for key in stored.keys()}, told  # noqa: SIM118
    except FileNotFoundError as error:
        raise FeedsmithError(
            f"{path}: no such file", mend="name a run's folder or a .safetensors file"
        ) from error
    except (OSError, SafetensorError, ValueError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read as weights", mend="name a whole .safetensors file"
        ) from error
