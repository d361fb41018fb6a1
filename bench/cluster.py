"""A cluster of two nodes with a processor each against one process: generate and prepare.

    python -m bench.cluster [BRAND] [--posts 16] [--block 4] [--mix] [--photos 400] [--size 256]
                            [--rounds 3] [--only generate|prepare]

BRAND needs an imported library (default: the demo brand, imported first). Ways take turns. Time counts
from when workers are ready (the start is told apart) to the last post or picture. Posts show named
photos, which are made in about a second each, so that what the cluster adds weighs more than in use;
with --mix they are the default mix.

    clock      seconds of one process over twice the seconds of two workers: the efficiency that a
               person sees, spoilt where other work takes the cores
    processor  processor seconds of one process over those of the cluster's run, Ray's own processes
               and the writing included: what the cluster costs, whatever else the machine does
    balance    the share of two workers' time in which they had work, by the workers' own clock

Ends with an error where the results differ. Ray listens on every address: where that matters, run it
where there is only the loopback one (see make test-cluster). Needs the extras cluster and train.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from generating import ROOT, demo_brand

sys.path.append(str(ROOT / "tests"))

from feedsmith.brand import Home
from feedsmith.cluster import photos, posts
from feedsmith.cluster.nodes import Cluster
from feedsmith.cluster.pool import Done, MakeWorker, Pool, ThisProcess
from feedsmith.generate import MIX, Settings
from feedsmith.library import Library
from feedsmith.post import Brief
from feedsmith.prepare import Settings as PrepareSettings
from small_cluster import Stores, nodes

# Ray's workers would step back for other work (15); the one process does not.
os.environ.setdefault("RAY_worker_niceness", "0")
TICK = os.sysconf("SC_CLK_TCK")


def spent() -> float:
    """Processor seconds so far of this process and all under it, those that have ended included."""
    total, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid], total[pid] = int(fields[1]), sum(map(int, fields[11:15])) / TICK
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sum(total[pid] for pid in found)


class Timed:
    """Workers whose work is timed from when they are ready until the pool closes."""

    def __init__(self, workers: Any) -> None:
        self._workers = workers
        self.start = self.seconds = self.cpu = self.idle = 0.0

    @contextmanager
    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> Iterator[Pool]:
        began = time.perf_counter()
        with self._workers.pool(make, *args, ahead=ahead) as pool:
            places = getattr(pool, "_places", [])
            while any(place.starting is not None for place in places):
                import ray

                for place in places:
                    ray.wait([place.starting])
                    pool._begun(place)
            self.start += time.perf_counter() - began
            # One process pays nothing for the cluster that waits beside it.
            clock = spent if places else time.process_time
            began, cpu = time.perf_counter(), clock()
            watched = Watched(pool, places)
            yield watched
            self.seconds += time.perf_counter() - began
            self.cpu += clock() - cpu
            self.idle += watched.idle


class Watched:
    """A pool, with the seconds that its workers were without a job."""

    def __init__(self, pool: Any, places: list[Any]) -> None:
        self._pool, self._places, self.idle = pool, places, 0.0
        self._since = time.perf_counter()

    @property
    def room(self) -> int:
        return self._pool.room

    @property
    def busy(self) -> bool:
        return self._pool.busy

    def _count(self, without: int) -> None:
        now = time.perf_counter()
        self.idle += (now - self._since) * without
        self._since = now

    def _without(self) -> int:
        return sum(not place.jobs for place in self._places)

    def put(self, tag: Any, job: Any) -> None:
        self._count(self._without())
        self._pool.put(tag, job)

    def get(self) -> Done:
        self._count(without := self._without())
        done = self._pool.get()
        self._count(without)
        return done


def same(one: Path, other: Path) -> None:
    """Ends with an error where two folders differ."""
    files = [
        {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (one, other)
    ]
    if files[0] != files[1]:
        sys.exit(f"the results differ: {one} and {other}")


def compared(
    name: str, ways: dict[str, Any], work: Callable[[Any, Path], None], rounds: int, folder: Path
) -> None:
    found: dict[str, list[Timed]] = {way: [] for way in ways}
    peak = 0
    for turn in range(rounds):
        for way in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            timed, out = Timed(ways[way]), folder / f"{name}-{way}-{turn}"
            with Stores() as stores:
                work(timed, out)
            found[way].append(timed)
            if way != "one":
                peak = max(peak, stores.peak)
            print(f"  {name}, {way}: {timed.seconds:.1f} s, {timed.cpu:.1f} CPU-s, "
                  f"start {timed.start:.1f} s", flush=True)  # fmt: skip
        same(*(folder / f"{name}-{way}-{turn}" for way in ways))
    one, two = found["one"], found["two"]
    rows = {
        "clock": [a.seconds / (2 * b.seconds) for a, b in zip(one, two, strict=True)],
        "processor": [a.cpu / b.cpu for a, b in zip(one, two, strict=True)],
        "balance": [1 - b.idle / (2 * b.seconds) for b in two],
        "of a core, one process": [a.cpu / a.seconds for a in one],
        "of two cores, two workers": [b.cpu / (2 * b.seconds) for b in two],
    }
    told = {
        row: f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
        for row, values in rows.items()
    }
    told["object store, peak MB"] = f"{peak / 1e6:.1f}"
    print(name, json.dumps(told, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("brand", nargs="?", type=Path)
    parser.add_argument("--posts", type=int, default=16)
    parser.add_argument("--block", type=int, default=4)
    parser.add_argument("--mix", action="store_true")
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, nodes() as two:
        folder = Path(scratch)
        home = Home(given.brand or demo_brand(folder))
        ids = [photo.id for photo in Library(home.library).photos()]
        briefs = tuple(
            Brief(kind=MIX[i % len(MIX)])
            if given.mix
            else Brief(kind="photo", photo=ids[i % len(ids)])
            for i in range(given.posts)
        )
        with Cluster(two.address) as cluster:
            ways = {"one": ThisProcess(), "two": cluster}

            def make(workers: Any, out: Path) -> None:
                settings = Settings(briefs=briefs, seed=5, block=given.block)
                posts.generate(home, settings, workers, out=out)

            def cut(workers: Any, out: Path) -> None:
                settings = PrepareSettings(size=given.size, photos=many, crop="centre")
                brand = Home(out)
                out.mkdir()
                shutil.copy(home.root / "brand.toml", out)
                photos.prepare(brand, settings, workers)

            if given.only != "prepare":
                compared("generate", ways, make, given.rounds, folder)
            if given.only != "generate":
                many = copies(folder / "photos", given.photos)
                compared("prepare", ways, cut, given.rounds, folder)


def copies(folder: Path, count: int) -> Path:
    """So many photos of the demo brand, each file a little different."""
    folder.mkdir()
    with zipfile.ZipFile(ROOT / "demo/tall-tree-outfitters-export.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        for i in range(count):
            data = archive.read(names[i % len(names)])
            (folder / f"{i:05}.jpg").write_bytes(data + str(i).encode())
    return folder


if __name__ == "__main__":
    main()
