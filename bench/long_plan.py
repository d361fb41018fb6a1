"""A plan of 100,000 posts: what it costs the process that gives the command, and going on with it.

    python bench/long_plan.py [BRAND] [--rows 100000] [--real 0] [--quick 20000] [--workers 8]

BRAND needs an imported library (default: the demo brand, imported first). The plan is a table of so many
rows, read as `generate --plan` reads it, cut into blocks of 32 and journalled; all in processes of their
own, for their memory:

    real     `--real` posts are made by this process's worker, then it is killed with SIGKILL; the same
             command goes on for as many more. None of the first may be made anew.
    quick    `--quick` posts whose making costs nothing: a worker that gives back one that was really
             made, under the next name. What is left is the driver's own work: jobs cut, packed as they
             travel (pickle), results unpacked and written to disk. Then killed, and gone on with.

    whole    with `--whole`, a plan of so many quick posts to its end: with the rounds for captions that
             came twice, as every 50th does here, and with runs.json.

CPU a post in the second kind is the ceiling of one driver: no number of workers makes more posts.
It is that of making posts alone: the first two kinds are killed before the rounds and before the end.
"""

import argparse
import csv
import json
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from feedsmith import plan as plans
from feedsmith.brand import Home
from feedsmith.cluster import posts
from feedsmith.cluster.pool import Done, Here, MakeWorker, Pool
from feedsmith.generate import Settings
from feedsmith.library import Library
from generating import demo_brand, resident


class Quick:
    """As many workers as asked for, whose posts cost nothing; jobs and results travel as pickles."""

    def __init__(
        self, made: posts.Made, size: int, most: int, end: Callable[["Quick"], None]
    ) -> None:
        self._made, self._most, self._end, self._size = made, most, end, size
        self._waiting: list[tuple[Any, str]] = []
        self.sent = self.done = 0
        self.aside = 0.0
        """CPU seconds of the workers' part."""

    @property
    def room(self) -> int:
        return self._size - len(self._waiting)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def put(self, tag: Any, job: posts.Job) -> None:
        self.sent += len(pickle.dumps(job, 5))
        self._waiting.append((tag, job.name))

    def get(self) -> Done:
        if self.done >= self._most:
            self._end(self)
        tag, name = self._waiting.pop(0)
        began = time.process_time()
        # Words of a real caption's length; every 50th is said twice until it is made anew.
        words = name if self.done % 50 or name.count("-") > 2 else name.rpartition("-")[2]
        caption = f"Words of {words}. {self._made.post.caption}"
        post = self._made.post.model_copy(update={"id": name, "caption": caption})
        files = {**self._made.files, "post.json": post.model_dump_json().encode()}
        said = f"{name} {self._made.entry}"
        answer = pickle.dumps(posts.Made(post, said, files, ()), 5)
        self.aside += time.process_time() - began
        self.done += 1
        return Done(tag, pickle.loads(answer))


class Workers:
    """See the module; also times what the driver does."""

    def __init__(
        self, told: dict[str, Any], most: int, count: int, quick: bytes | None, wire: Any
    ) -> None:
        self.told, self._most, self._count, self._quick = told, most, count, quick
        self._wire = wire

    @contextmanager
    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> Iterator[Pool]:
        self.told["ready, s"], self.told["ready, CPU-s"] = since(self.told)
        self.told["ready, MB"] = resident()
        if self._quick is None:
            yield Counted(Here(make(*args)), self.told, self._most, self._killed)
            return
        began, cpu = time.perf_counter(), time.process_time()

        def end(pool: Quick) -> None:
            spent = time.process_time() - cpu - pool.aside
            self.told |= {
                "posts": pool.done,
                "driver, CPU-ms a post": round(1000 * spent / pool.done, 2),
                "clock, ms a post": round(1000 * (time.perf_counter() - began) / pool.done, 1),
                "job, kB": round(pool.sent / pool.done / 1000),
                "after, MB": resident(),
            }
            self._killed()

        yield Quick(pickle.loads(self._quick), self._count * (1 + ahead), self._most, end)

    def _killed(self) -> None:
        """Tell what was seen, and go as a process goes that the kernel kills."""
        self.told["peak, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        self._wire.send(self.told)
        self._wire.close()
        os.kill(os.getpid(), signal.SIGKILL)


class Counted:
    """A pool that counts, and keeps the last that was made."""

    def __init__(
        self, pool: Here, told: dict[str, Any], most: int, end: Callable[[], None]
    ) -> None:
        self._pool, self._told, self._most, self._end = pool, told, most, end
        self._told["posts"] = 0

    @property
    def room(self) -> int:
        return self._pool.room

    @property
    def busy(self) -> bool:
        return self._pool.busy

    def put(self, tag: Any, job: Any) -> None:
        self._pool.put(tag, job)

    def get(self) -> Done:
        if self._told["posts"] == self._most:
            self._end()
        done = self._pool.get()
        self._told["posts"] += 1
        self._told["last"] = done.result
        return done


def since(told: dict[str, Any]) -> tuple[float, float]:
    return round(time.perf_counter() - told["began"], 1), round(time.process_time(), 1)


def drive(
    out: Path, home: Path, table: Path, most: int, count: int, quick: bytes | None, wire: Any
) -> None:
    """The driver, in a process of its own: up to `most` posts, then killed."""
    told: dict[str, Any] = {"began": time.perf_counter()}
    briefs, faults = plans.read(table)
    assert not faults
    told["plan read, s"], told["plan read, CPU-s"] = since(told)
    told["plan read, MB"] = resident()
    settings = Settings(briefs=tuple(briefs), seed=5)
    stage = [""]

    def report(name: str, done: int, all_: int, note: str = "") -> None:
        name = f"{name} {note}".strip()
        if name != stage[0]:
            stage[0] = name
            told[f"{name}, from CPU-s"] = round(time.process_time(), 1)

    posts.generate(
        Home(home), settings, Workers(told, most, count, quick, wire), out=out, report=report
    )
    told["round 1, made anew"] = sum(1 for _ in out.glob("*-2/post.json"))
    told["all, s"], told["all, CPU-s"] = since(told)
    told["peak, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    told["runs.json, MB"] = round((out / "runs.json").stat().st_size / 1e6, 1)
    wire.send(told)


def driven(*args: Any) -> dict[str, Any]:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=drive, args=(*args, theirs))
    process.start()
    theirs.close()
    told = ours.recv()
    process.join()
    told.pop("began")
    return told


def written(table: Path, rows: int, ids: list[str]) -> None:
    """A plan of photos, one after the other."""
    with table.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["kind", "photo"])
        out.writerows(("photo", ids[i % len(ids)]) for i in range(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("brand", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=1)
    parser.add_argument("--quick", type=int, default=20_000)
    parser.add_argument("--whole", type=int, default=0)
    parser.add_argument("--workers", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = given.brand or demo_brand(Path(scratch))
        table, out = Path(scratch) / "plan.csv", Path(scratch) / "posts"
        written(table, given.rows, [photo.id for photo in Library(Home(home).library).photos()])
        told = driven(out, home, table, max(1, given.real), 1, None)
        made = told.pop("last")
        print("real", json.dumps(told, indent=2), flush=True)
        if given.real > 1:
            before = stamps(out)
            told = driven(out, home, table, given.real, 1, None)
            told.pop("last")
            after = stamps(out)
            told["made anew"] = sum(after[name] != stamp for name, stamp in before.items())
            print("real, gone on with", json.dumps(told, indent=2), flush=True)
        shutil.rmtree(out)
        # Its pictures cut to 1 kB, so that 20,000 have room.
        small = {name: data if name.endswith(".json") else data[:1000] for name, data in made.files.items()}  # fmt: skip
        quick = pickle.dumps(made._replace(files=small))
        if given.whole:
            written(table, given.whole, [p.id for p in Library(Home(home).library).photos()])
            told = driven(out, home, table, sys.maxsize, given.workers, quick)
            print("whole", json.dumps(told, indent=2), flush=True)
            print("whole, again", json.dumps(driven(out, home, table, sys.maxsize, given.workers, quick), indent=2), flush=True)  # fmt: skip
            return
        for name, most in (
            ("quick", given.quick),
            ("quick, gone on with", max(1, given.quick // 20)),
        ):
            before = stamps(out)
            told = driven(out, home, table, most, given.workers, quick)
            after = stamps(out)
            told["made anew"] = sum(after[key] != stamp for key, stamp in before.items())
            told["there"] = len(after)
            print(name, json.dumps(told, indent=2), flush=True)
            sys.stdout.flush()


def stamps(out: Path) -> dict[str, int]:
    return {f.parent.name: f.stat().st_mtime_ns for f in out.glob("*/post.json")}


if __name__ == "__main__":
    main()
