"""Runs: one numbered folder for each training, with all that is needed to go on or to look back.

    mybrand/runs/0003-captions/
      config.json            settings (every "auto" resolved), data hash, base; written first
      metrics.jsonl          a line a step (loss, rate, tokens, seconds) and a line a check
      snapshot.safetensors   what is trained and its optimiser, to go on; snapshot.json says where
      best.safetensors       what is trained at its best held-out loss; best.json says when
      curve.svg, curve.png   the losses, drawn
      card.json              what came out: figures, hashes, versions; written last
      *.gguf                 for the runtime

Knows files; knows no network: it stores what it is handed.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from feedsmith.captions.train import curve
from feedsmith.captions.train.base import locate
from feedsmith.captions.train.config import Config
from feedsmith.captions.train.corpus import Data
from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, no_room, write_json, write_text
from feedsmith.post import Value

try:
    import fcntl
except ImportError:  # Windows has no flock; there two trainings at once are not kept apart
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"(\d{4,})-[a-z-]+")

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


class Run:
    """One training's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.metrics = folder / "metrics.jsonl"
        self.card = folder / "card.json"

    @classmethod
    def create(cls, root: Path, config: Config, data: Data) -> "Run":
        """The folder of this very training in `root`/runs: one that was begun, or the next number.

        The same captions, settings and base are the same training, finished or not. Raises FeedsmithError when the base is not there or the folder cannot be written.
        """
        place = locate(config.base)
        key = _key(config, data, place.sha256)
        if (begun := cls.begun(root, key)) is not None:
            return begun
        told = {
            "key": key,
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
        run = cls(root / "runs" / f"{1 + max([0, *_numbers(root)]):04}-captions")
        write_json(run.folder / "config.json", told)
        return run

    @classmethod
    def begun(cls, root: Path, key: str) -> "Run | None":
        """The run of this key, if there is one."""
        for number in sorted(_numbers(root), reverse=True):
            folder = _numbers(root)[number]
            if _read(folder / "config.json").get("key") == key:
                return cls(folder)
        return None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep the folder to ourselves; raises FeedsmithError when another process trains in it."""
        with (self.folder / ".lock").open("a+b") as stream:
            if fcntl is not None:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise FeedsmithError(
                        f"{self.folder}: this training is running already",
                        mend="wait until it is done, or stop it first; nothing will be lost",
                    ) from None
            yield

    def result(self) -> Result | None:
        """What came out, once it is finished."""
        try:
            return Result.model_validate(_read(self.card).get("result"))
        except ValidationError:
            return None

    # ---- metrics -----------------------------------------------------------------------------

    def log(self, **values: Any) -> None:
        """Append one line to metrics.jsonl. Raises FeedsmithError when the disk is full."""
        try:
            with self.metrics.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(values) + "\n")
        except OSError as error:
            if full_disk(error):
                raise no_room(self.metrics, "the last snapshot is whole") from error
            raise

    def lines(self) -> list[dict[str, Any]]:
        """What metrics.jsonl holds; a torn last line is left out."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for line in self.metrics.read_text("utf-8", "replace").splitlines():
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line))
        return found

    def back_to(self, step: int) -> None:
        """Forget what was logged after `step`: it will come again, exactly as it was."""
        kept = [line for line in self.lines() if line.get("step", 0) <= step] if step else []
        write_text(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))

    def draw(self, title: str) -> None:
        """Draw the losses of metrics.jsonl."""
        curve.draw(self.lines(), title, self.folder / "curve.svg", self.folder / "curve.png")

    # ---- weights -----------------------------------------------------------------------------

    def keep(self, name: str, tensors: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Write NAME.safetensors, whole or not at all; `told` travels inside, and as NAME.json.

        Raises FeedsmithError when the disk is full; the one before stays.
        """
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        path = self.folder / f"{name}.safetensors"
        handle, aside = tempfile.mkstemp(dir=self.folder, prefix=f".{name}.", suffix=".part")
        os.close(handle)
        part = Path(aside)
        try:
            save_file(dict(tensors), part, {"told": json.dumps(dict(told))})
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.chmod(0o644)
            part.replace(path)
        except (OSError, SafetensorError) as error:
            if "space" in str(error) or (isinstance(error, OSError) and full_disk(error)):
                raise no_room(path, "the last snapshot is whole") from error
            raise
        finally:
            part.unlink(missing_ok=True)
        write_json(self.folder / f"{name}.json", dict(told))

    def kept(self, name: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """(tensors, what was told) of NAME.safetensors; None when there is none to be read."""
        from safetensors import SafetensorError, safe_open

        path = self.folder / f"{name}.safetensors"
        try:
            with safe_open(path, framework="pt") as stored:
                told = json.loads((stored.metadata() or {})["told"])
                return {key: stored.get_tensor(key) for key in stored.keys()}, told  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, ValueError):
            return None

    def sweep(self) -> None:
        """Remove what only a training that goes on would need."""
        for file in [*self.folder.glob("snapshot.*"), *self.folder.glob(".*.part")]:
            file.unlink(missing_ok=True)


def outlook(config: Config, data: Data, root: Path) -> list[tuple[str, str]]:
    """What `train` would do, in words, for a dry run: (label, value) a line; nothing is written.

    `config` is a resolved one. Raises FeedsmithError when the base is not there.
    """
    place = locate(config.base)
    begun = Run.begun(root, _key(config, data, place.sha256))
    if begun is None:
        folder = f"{1 + max([0, *_numbers(root)]):04}-captions, new"
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


def _numbers(root: Path) -> dict[int, Path]:
    """The run folders by their numbers."""
    runs = root / "runs"
    found = {}
    for folder in sorted(runs.iterdir()) if runs.is_dir() else []:
        if folder.is_dir() and (name := _NAME.fullmatch(folder.name)):
            found[int(name[1])] = folder
    return found


def _key(config: Config, data: Data, base: str) -> str:
    """Names a training by all that shapes it, so that another's snapshot is never taken up."""
    shaping = config.model_dump(exclude={"snapshot_every", "base"})
    whole = json.dumps([shaping, data.sha256, base], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
