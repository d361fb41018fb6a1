"""Train a generator by many workers: Ray Train starts them, finds a dead one, and starts all anew.

What they do is the loop that torchrun's processes run, with its own snapshots: a training whose worker
was killed goes on at the last one and ends with the weights it would have had. All nodes need the
brand's folder at the same path. Knows the loop and files; knows no cluster beyond `Trainer`.
"""

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from feedsmith.errors import FeedsmithError
from feedsmith.files import made, write_json
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.run import Result
from feedsmith.progress import Report
from feedsmith.training.run import read

FAILURES = 5
"""Times that a training is taken up again after a worker died."""
TELL_SECONDS = 1.0


class Trainer(Protocol):
    """Starts a function in several processes that torch.distributed has gathered (nodes.Cluster)."""

    @property
    def cards(self) -> int:
        """Graphics cards there."""

    def train(
        self, rank: Callable[[dict[str, Any]], None], told: dict[str, Any], folder: Path, *, threads: int,
        cards: bool, failures: int,
    ) -> None: ...  # fmt: skip


def train(root: Path, settings: Config, data: Path, trainer: Trainer, report: Report) -> Result:
    """Train by as many processes as `trainer` has room for, each with a card, or with `settings.threads`
    processors (0: one); what came out lies in the run's folder under `root`.

    Raises what the loop raises, and FeedsmithError where workers die again and again; the snapshots stay.
    """
    cards = settings.device == "cuda" or (settings.device == "auto" and trainer.cards > 0)
    threads = settings.threads or 1
    config = settings.model_copy(update={"device": "cuda" if cards else "cpu", "threads": threads})
    # Where the workers' first process leaves word; on the disk that all share.
    desk = made(root / "runs" / f".cluster-{time.time_ns():x}")
    told = {
        "root": str(root.resolve()), "data": str(data.resolve()), "settings": config.model_dump(mode="json"), "desk": str(desk.resolve()),
    }  # fmt: skip
    try:
        with _listening(desk, report):
            trainer.train(
                _rank, told, desk, threads=threads, cards=cards, failures=FAILURES
            )  # fmt: skip
        if wrong := read(desk / "wrong.json"):
            raise FeedsmithError(**wrong)
        return Result.model_validate(read(desk / "result.json"))
    except FeedsmithError:
        if wrong := read(desk / "wrong.json"):
            raise FeedsmithError(**wrong) from None
        raise
    finally:
        shutil.rmtree(desk, ignore_errors=True)


def _rank(told: dict[str, Any]) -> None:
    """One of the processes; runs where the worker is."""
    desk = Path(told["desk"])
    if (desk / "wrong.json").exists():
        return  # it would go wrong in the same way again
    try:
        if not desk.is_dir():
            raise FeedsmithError(
                f"{told['root']}: is not the same folder on all nodes",
                mend="give all nodes the brand's folder at the same path (a shared disk)",
            )
        from feedsmith.dataset import DataSet
        from feedsmith.images.gan.train import config as configs
        from feedsmith.images.gan.train import loop, team

        with DataSet.open(Path(told["data"])) as stored:
            config = configs.resolve(configs.Config.model_validate(told["settings"]), stored.size)
            with team.gathered(config.device) as mine:
                run = loop.begun(Path(told["root"]), config, stored, mine)
                result = loop.train(config, stored, run, _telling(desk, mine.first), mine)
                if mine.first:
                    write_json(desk / "result.json", result.model_dump())
    except FeedsmithError as error:
        with contextlib.suppress(FeedsmithError, OSError):
            write_json(desk / "wrong.json", {"message": error.message, "mend": error.mend})
        raise


def _telling(desk: Path, first: bool) -> Report:
    last = [0.0]

    def tell(stage: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if first and now - last[0] > TELL_SECONDS:
            last[0] = now
            with contextlib.suppress(FeedsmithError, OSError):
                write_json(desk / "progress.json", {"said": [stage, done, total, note]})

    return tell


@contextlib.contextmanager
def _listening(desk: Path, report: Report) -> Iterator[None]:
    """Pass on what the first process tells."""
    ended = threading.Event()

    def listen() -> None:
        while not ended.wait(TELL_SECONDS):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                stage, done, total, note = json.loads((desk / "progress.json").read_text("utf-8"))[
                    "said"
                ]
                report(stage, done, total, note)

    thread = threading.Thread(target=listen, name="training-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
