"""Runs: one numbered folder for each training, with all that is needed to go on or to look back.

    mybrand/runs/0003-captions/
      config.json            settings (every "auto" resolved), data hash, base; written first
      metrics.jsonl          a line a step and a line a check
      snapshot.safetensors   what is trained and its optimiser, to go on; snapshot.json says where
      card.json              what came out: figures, hashes, versions; written last

Knows files; knows no network and no data: it stores what it is handed.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, no_room, write_json, write_text

try:
    import fcntl
except ImportError:  # Windows has no flock; there two trainings at once are not kept apart
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"(\d{4,})-[a-z-]+")


class Run:
    """One training's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.metrics = folder / "metrics.jsonl"
        self.card = folder / "card.json"

    @classmethod
    def of(cls, root: Path, what: str, key: str, told: Mapping[str, Any]) -> Self:
        """The folder in `root`/runs of the training named by `key`: the one begun, or the next
        number, called after `what` it trains, with `told` in its config.json.

        Raises FeedsmithError when the folder cannot be written.
        """
        if (begun := cls.begun(root, key)) is not None:
            return begun
        run = cls(root / "runs" / next_name(root, what))
        write_json(run.folder / "config.json", {"key": key, **told})
        return run

    @classmethod
    def begun(cls, root: Path, key: str) -> Self | None:
        """The run of this key, if there is one."""
        found = numbers(root)
        for number in sorted(found, reverse=True):
            if read(found[number] / "config.json").get("key") == key:
                return cls(found[number])
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

    def back_to(self, step: int, keep: str = "") -> None:
        """Forget what was logged after `step`: it will come again, exactly as it was. Lines that tell
        of `keep` stay."""
        kept = [
            line
            for line in self.lines()
            if (step and line.get("step", 0) <= step) or (keep and keep in line)
        ]
        write_text(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))

    # ---- weights -----------------------------------------------------------------------------

    def keep(self, name: str, tensors: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Write NAME.safetensors, whole or not at all; `told` travels inside, and as NAME.json.

        Raises FeedsmithError when the disk is full; the one before stays.
        """
        write_tensors(self.folder / f"{name}.safetensors", tensors, told)
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


def write_tensors(path: Path, tensors: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Write torch tensors as safetensors, whole or not at all, with `told` (JSON values) inside.

    Raises FeedsmithError when the disk is full; the file before stays.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part: Path | None = None
    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        part = Path(aside)
        save_file(dict(tensors), part, {"told": json.dumps(dict(told))})
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o644)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        if (
            "space" in str(error)
            or "quota" in str(error)
            or (isinstance(error, OSError) and full_disk(error))
        ):
            raise no_room(path, "the last snapshot is whole") from error
        raise
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def next_name(root: Path, what: str) -> str:
    """Name of the next new run, e.g. 0004-captions."""
    return f"{1 + max([0, *numbers(root)]):04}-{what}"


def numbers(root: Path) -> dict[int, Path]:
    """The run folders in `root`/runs by their numbers."""
    runs = root / "runs"
    found = {}
    for folder in sorted(runs.iterdir()) if runs.is_dir() else []:
        if folder.is_dir() and (name := _NAME.fullmatch(folder.name)):
            found[int(name[1])] = folder
    return found


def key_of(*shaping: Any) -> str:
    """Names a training by all that shapes it (JSON values), so that another's snapshot is never
    taken up."""
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    """A JSON file with an object; {} where there is none."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
