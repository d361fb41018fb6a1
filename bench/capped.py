"""A whole studio under a hard limit on memory: import, posts of all kinds, restarts; does it live, does it grow?

    python bench/capped.py [--limit 512] [--photos 200] [--posts 100] [--restarts 5] [--minutes 60]
                           [--plot memory.png]
    python bench/capped.py --rows rows.jsonl --plot memory.png

Server, worker and publisher are in one control group of the kernel, without swap, as in a container; where
none can be made it says why. A photo of the demo library is brought to 12 megapixels (as phones write them) until there are
enough. Told are the most anonymous memory (what the kernel cannot take back), who held it then, processes that the kernel
killed, seconds from a cold start to the first post, and the drift: the slope of memory over the posts, what a kind takes
in the middle left out, with its standard error. On stderr stands a line a post (MB); kept in a file, `--rows` tells and draws
the drift of a run again, one that was broken off as well.
"""

import argparse
import io
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "src")]

from bench.importing import large  # noqa: E402

from cgroup import Group, own  # noqa: E402
from feedsmith.brand import Home  # noqa: E402
from feedsmith.training import curve  # noqa: E402
from studio_guest import KINDS, Guest, link_in  # noqa: E402
from studio_server import Server, memory  # noqa: E402

DEMO = ROOT / "demo"


def photos(count: int, folder: Path) -> list[Path]:
    """As many photos of 12 megapixels out of the demo's: a quarter of each, another one in each round, so that none is the
    demo's own or another once more."""
    folder.mkdir()
    with zipfile.ZipFile(DEMO / "tall-tree-outfitters-export.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.lower().endswith((".jpg", ".jpeg")))
        for number in range(count):
            small = folder / "small.jpg"
            turn, name = divmod(number, len(names))
            with Image.open(io.BytesIO(archive.read(names[name]))) as image:
                wide, high = image.width // 2, image.height // 2
                left, top = turn % 2 * wide, turn // 2 % 2 * high
                image.convert("RGB").crop((left, top, left + wide, top + high)).save(
                    small, "JPEG", quality=92
                )
            (folder / f"IMG_{number:04}.jpg").write_bytes(large(small, number))
        small.unlink()
    return sorted(folder.glob("IMG_*.jpg"))


class Life:
    """A studio in a group, ended and opened again as often as is asked."""

    def __init__(self, home: Path, group: Group, *options: str) -> None:
        self.home, self.group, self.options = home, group, options
        self.key = ""
        self.open()

    def open(self) -> None:
        self.server = Server(self.home, *self.options, within=self.group.words)
        self.guest = Guest(link_in(self.server.output))
        self.guest.key = self.key
        if not self.key:
            self.guest.sign_in()
            self.guest.make_token()
            self.key = self.guest.key

    def end(self, number: int) -> float:
        """By Ctrl-C, SIGTERM or SIGKILL in turn; seconds until it was gone."""
        began = time.monotonic()
        self.server.process.send_signal((signal.SIGTERM, signal.SIGINT, signal.SIGKILL)[number % 3])
        self.server.process.wait(60)
        return round(time.monotonic() - began, 1)


HELD = ("server", "worker", "peak")
"""Of a row: server and worker after the post, all together at the most while it was made."""


def drift(rows: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """kB a post and its standard error, by least squares: one slope, and for each kind in each life (from one restart to
    the next) a height of its own, since a restart gives memory back. The first post of a kind in a life is left out: what
    is read once comes to stay. Where no life has two more of a kind, nothing can be told: (0, 0)."""
    seen: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for at, row in enumerate(rows):
        seen.setdefault((row.get("life", 0), row["kind"]), []).append((at, float(row[name])))
    across, up = [], []
    used = 0
    for points in seen.values():
        if len(points) < 3:
            continue
        xs, ys = zip(*points[1:], strict=True)
        across += [x - statistics.fmean(xs) for x in xs]
        up += [y - statistics.fmean(ys) for y in ys]
        used += 1
    free = len(across) - used - 1
    if free < 3:
        return 0.0, 0.0
    spread = sum(x * x for x in across)
    slope = sum(x * y for x, y in zip(across, up, strict=True)) / spread
    left = sum((y - slope * x) ** 2 for x, y in zip(across, up, strict=True))
    return round(slope / 1024, 1), round((left / free / spread) ** 0.5 / 1024, 1)


def plot(rows: list[dict[str, Any]], limit: int, png: Path) -> None:
    """Memory over the posts, as PNG and as SVG beside it."""
    lines = {
        "the limit": ([(0.0, float(limit)), (len(rows), float(limit))], curve.HELD),
        "all, at the most during a post": ([(n + 1, r["peak"] / 2**20) for n, r in enumerate(rows)], curve.STEPS),
        "worker after it": ([(n + 1, r["worker"] / 2**20) for n, r in enumerate(rows)], curve.SMOOTH),
        "server": ([(n + 1, r["server"] / 2**20) for n, r in enumerate(rows)], curve.INK),
    }  # fmt: skip
    chart = curve.Chart(
        f"{len(rows)} posts of {len({r['kind'] for r in rows})} kinds under {limit} MB", "posts", "MB",
        [curve.Series(name, points, colour, 1.6) for name, (points, colour) in lines.items()],
        whole=True,
    )  # fmt: skip
    curve.draw(chart, png.with_suffix(".svg"), png)


def soak(
    life: Life,
    given: argparse.Namespace,
    folder: Path,
    kinds: list[str],
    rows: list[dict[str, Any]],
) -> dict[str, Any]:
    """Use the studio; a line a post is added to `rows`, in bytes."""
    group, guest = life.group, life.guest
    slug = guest.brand()
    told: dict[str, Any] = {"limit, MB": given.limit}

    began = time.monotonic()
    job = guest.upload(slug, [DEMO / "tall-tree-outfitters-export.zip"])
    told["import of the demo export"] = [job["state"], round(time.monotonic() - began, 1)]
    if given.photos:
        began, group.peak = time.monotonic(), 0
        job = guest.upload(slug, photos(given.photos, folder))
        told[f"import of {given.photos} photos of 12 MP"] = {
            "state": job["state"], "report": job["report"][:2], "s": round(time.monotonic() - began),
            "peak, MB": group.peak >> 20,
        }  # fmt: skip

    ended = [life.end(0)]
    began, group.peak = time.monotonic(), 0
    life.open()
    up = time.monotonic() - began
    job = life.guest.post_of(slug, "photo")
    told["cold start, s until it is open"] = round(up, 1)
    told["cold start, s until the first post"] = round(time.monotonic() - began, 1)

    at_most: dict[str, int] = {}
    most, deadline = group.peak, time.monotonic() + 60 * given.minutes
    while len(rows) < given.posts and time.monotonic() < deadline:
        kind = kinds[len(rows) % len(kinds)]
        group.peak = 0
        began = time.monotonic()
        job = life.guest.post_of(slug, kind)
        server = life.server.process.pid
        workers = life.server.workers
        rows.append({
            "life": len(ended), "kind": kind, "state": job["state"], "error": job["error"], "s": round(time.monotonic() - began, 1),
            "peak": group.peak, "server": own(server), "worker": sum(own(p) for p in workers),
            "worker, with files": sum(memory(p) for p in workers), "at": dict(group.at_peak),
        })  # fmt: skip
        if group.peak > most:
            most, at_most = (
                group.peak,
                {"kind": kind, **{k: v >> 20 for k, v in group.at_peak.items()}},
            )  # type: ignore[dict-item]
        print(json.dumps({k: v >> 20 if k in HELD or k == "worker, with files" else v for k, v in rows[-1].items() if k != "at"}),
              file=sys.stderr, flush=True)  # fmt: skip
        every = given.posts // (given.restarts + 1) or 1
        if len(rows) % every == 0 and len(ended) <= given.restarts:
            ended.append(life.end(len(ended)))
            life.open()
    told |= {
        "posts": len(rows), "not done": [r for r in rows if r["state"] != "done"],
        "restarts, s until gone": ended, "OOM kills": group.oom_kills,
        "peak, MB anonymous": most >> 20, "at the peak, MB": at_most,
        "peak by kind, MB": {
            kind: max(r["peak"] for r in rows if r["kind"] == kind) >> 20
            for kind in kinds if any(r["kind"] == kind for r in rows)
        },
        "drift, kB a post, and its standard error": {name: drift(rows, name) for name in HELD},
        "server, MB first and last": [rows[0]["server"] >> 20, rows[-1]["server"] >> 20] if rows else [],
    }  # fmt: skip
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--limit", type=int, default=512, help="MB")
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--posts", type=int, default=100)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--plot", type=Path, help="draw memory over the posts (PNG)")
    parser.add_argument("--rows", type=Path, help="tell of a run whose stderr this file holds")
    parser.add_argument(
        "--every", type=int, default=10**9, help="with --rows: posts from one restart to the next"
    )
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if given.rows:
        lines = [n for n in given.rows.read_text().splitlines() if n[:1] == "{" and n[-1:] == "}"]
        for line in map(json.loads, lines):
            rows.append({k: line[k] << 20 if k in HELD else line[k] for k in ("kind", *HELD)})
            rows[-1]["life"] = line.get("life", (len(rows) - 1) // given.every)
        print(json.dumps({name: drift(rows, name) for name in HELD}))
        if given.plot:
            plot(rows, given.limit, given.plot)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as scratch, Group(given.limit << 20) as group:
        home = Path(scratch) / "brand"
        Home(home).adopt(DEMO / "brand.toml")
        life = Life(home, group, "--idle", "600")
        try:
            told = soak(life, given, Path(scratch) / "photos", given.kinds.split(","), rows)
            if given.plot:
                plot(rows, given.limit, given.plot)
        finally:
            life.server.close()
            for name in ("worker.log", "studio.log"):
                log = home / "studio" / name
                if log.exists() and log.stat().st_size:
                    shutil.copy(log, Path(tempfile.gettempdir()) / f"capped-{name}")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
