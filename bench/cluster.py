"""A cluster of two nodes with a processor each against one process: generate, prepare, evaluate and train.

    python bench/cluster.py [BRAND] [--posts 10] [--block 2] [--mix] [--photos 400] [--size 256]
                            [--kimg 0.32] [--rounds 3] [--only generate,prepare,evaluate,train]

BRAND needs an imported library (default: the demo brand, imported first). Ways take turns. Time counts
from when workers are ready (the start is told apart) to the last post or picture. Posts show named
photos, which are made in about two seconds each, so that what the cluster adds weighs more than in use;
with --mix they are the default mix. A training by two of Ray Train's workers stands beside one by two of
torchrun's processes (two rounds at most): what they share is compared, the loop is the same. About six
minutes on two quiet cores.

    clock      seconds of one process over twice the seconds of two workers: the efficiency that a
               person sees, spoilt where other work takes the cores. Of a training: pictures a second
    processor  processor seconds of one process over those of the cluster's run, Ray's own processes
               and the writing included: what the cluster costs, whatever else the machine does
    work       the same without what an idle cluster takes (told first; it weighs the more the longer a
               run takes by the clock, e.g. on a busy machine)
    balance    the share of two workers' time in which they had work, by the workers' own clock

Ends with an error where the results differ. Ray listens on every address: where that matters, run it
where there is only the loopback one (see make test-cluster). Needs the extras cluster and train.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
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
from feedsmith.cluster import judging, photos, posts, training
from feedsmith.cluster.nodes import Cluster
from feedsmith.cluster.pool import Done, MakeWorker, Pool, ThisProcess
from feedsmith.evaluate.figures import ImageSettings
from feedsmith.generate import MIX, Settings
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.run import stored_tensors
from feedsmith.library import Library
from feedsmith.post import Brief
from feedsmith.prepare import Settings as PrepareSettings
from feedsmith.prepare import prepare
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
        self.workers = workers
        self.start = self.seconds = self.cpu = self.idle = 0.0
        self.rate = 0.0
        """Pictures a second, of a training."""

    @contextmanager
    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> Iterator[Pool]:
        began = time.perf_counter()
        with self.workers.pool(make, *args, ahead=ahead) as pool:
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
    name: str,
    ways: dict[str, Any],
    work: Callable[[Any, Path], None],
    rounds: int,
    folder: Path,
    idle: float,
) -> None:
    """`idle`: processor seconds a second that the cluster takes by itself."""
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
                  f"start {timed.start:.1f} s"
                  + f", {timed.rate:.1f} pictures/s" * bool(timed.rate), flush=True)  # fmt: skip
        same(*(folder / f"{name}-{way}-{turn}" for way in ways))
    one, two = found["one"], found["two"]
    pairs = list(zip(one, two, strict=True))
    training = bool(one[0].rate)
    rows = {
        "clock": [b.rate / a.rate if training else a.seconds / (2 * b.seconds) for a, b in pairs],
        "processor": [a.cpu / b.cpu for a, b in pairs],
        "work": [a.cpu / (b.cpu - idle * b.seconds) for a, b in pairs],
    }
    if not training:
        rows |= {
            "balance": [1 - b.idle / (2 * b.seconds) for b in two],
            "of a core, one process": [a.cpu / a.seconds for a in one],
            "of two cores, two workers": [b.cpu / (2 * b.seconds) for b in two],
        }
    told = {
        row: f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
        for row, values in rows.items()
    }
    told["object store, peak MB"] = f"{peak / 1e6:.1f}"
    print(name, json.dumps(told, indent=2), flush=True)


def idle_share(seconds: float = 5.0) -> float:
    """Processor seconds a second of the cluster while nothing is done."""
    before = spent()
    time.sleep(seconds)
    return (spent() - before) / seconds


TRAIN = {
    "size": 64, "batch": 8, "channels": 8, "judge": "patch", "latent": 32, "device": "cpu",
    "dtype": "float32", "threads": 1,
}  # fmt: skip


def torchrun(timed: Timed, home: Path, kimg: float) -> None:
    """The training of TRAIN by two processes of torchrun."""
    told = TRAIN | {"kimg": kimg, "snapshot_every": f"{kimg / 2}kimg"}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in told.items()]
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
        "-m", "feedsmith", "train", "images", str(home), *options,
    ]  # fmt: skip
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(said.decode()[-2000:])
    timed.seconds, timed.cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime


def ray_train(timed: Timed, home: Path, kimg: float, cluster: Cluster) -> None:
    """The same by two workers of Ray Train."""
    told = TRAIN | {"kimg": kimg, "snapshot_every": f"{kimg / 2}kimg"}
    began, cpu = time.perf_counter(), spent()
    data = home / "datasets/images-64.h5"
    training.train(home, Config.model_validate(told), data, cluster, lambda *_: None)
    timed.seconds, timed.cpu = time.perf_counter() - began, spent() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("brand", nargs="?", type=Path)
    parser.add_argument("--posts", type=int, default=10)
    parser.add_argument("--block", type=int, default=2)
    parser.add_argument("--mix", action="store_true")
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--kimg", type=float, default=0.32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="generate,prepare,evaluate,train")
    given = parser.parse_args()
    only, all_began = given.only.split(","), time.perf_counter()
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
            idle = idle_share()
            print(f"idle cluster: {idle:.3f} CPU-s a second", flush=True)

            def brand(out: Path) -> Home:
                out.mkdir()
                shutil.copy(home.root / "brand.toml", out)
                return Home(out)

            def make(workers: Any, out: Path) -> None:
                settings = Settings(briefs=briefs, seed=5, block=given.block)
                posts.generate(home, settings, workers, out=out)

            def cut(workers: Any, out: Path) -> None:
                settings = PrepareSettings(size=given.size, photos=many, crop="centre")
                photos.prepare(brand(out), settings, workers)

            def look(workers: Any, out: Path) -> None:
                shutil.copytree(judged, out)
                settings = ImageSettings(pictures=str(new))
                judging.evaluate(Home(out), settings, workers)

            def train(timed: Timed, out: Path) -> None:
                shutil.copytree(judged, out)
                if timed.workers is cluster:
                    ray_train(timed, out, given.kimg, cluster)
                else:
                    torchrun(timed, out, given.kimg)
                (card,) = out.glob("runs/*/card.json")
                timed.rate = json.loads(card.read_text())["result"]["pictures_per_second"]
                # Their accounts hold times; what must be the same are the weights.
                weights = next(out.glob("runs/*/snapshot.safetensors"))
                tensors = sorted(stored_tensors(weights)[0].items())
                shutil.rmtree(out)
                out.mkdir()
                for name, tensor in tensors:
                    (out / name.replace("/", ".")).write_bytes(tensor.numpy().tobytes())

            many, new = folder / "photos", folder / "new"
            copies(many, given.photos)
            copies(new, 24, start=1)
            judged = brand(folder / "judged").root
            prepare(Home(judged), PrepareSettings(size=64, photos=copies(folder / "few", 48)))
            works = {"generate": make, "prepare": cut, "evaluate": look, "train": train}
            for name, work in works.items():
                if name in only:
                    rounds = min(2, given.rounds) if name == "train" else given.rounds
                    compared(name, ways, work, rounds, folder, idle)
        print(f"in all {time.perf_counter() - all_began:.0f} s")


def copies(folder: Path, count: int, start: int = 0) -> Path:
    """So many photos of the demo brand, each file a little different."""
    folder.mkdir()
    with zipfile.ZipFile(ROOT / "demo/tall-tree-outfitters-export.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        for i in range(start, start + count):
            data = archive.read(names[i % len(names)])
            (folder / f"{i:05}.jpg").write_bytes(data + str(i).encode())
    return folder


if __name__ == "__main__":
    main()
