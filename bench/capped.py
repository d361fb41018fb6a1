"""A whole studio under a hard limit on memory: import, posts of all kinds, restarts; does it live, does it grow?

    python bench/capped.py [--limit 512] [--photos 200] [--posts 100] [--restarts 5] [--minutes 60]

Server, worker and publisher are in one control group of the kernel, without swap, as in a container; where
none can be made it says why. A photo of the demo library is brought to 12 megapixels (as phones write them) until there are
enough. Told are the most anonymous memory (what the kernel cannot take back), who held it then, processes that the kernel
killed, seconds from a cold start to the first post, and the slope over the second half of the posts.
"""

import argparse
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

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "src")]

from bench.importing import large  # noqa: E402

from cgroup import Group, own  # noqa: E402
from feedsmith.brand import Home  # noqa: E402
from studio_guest import KINDS, Guest, link_in  # noqa: E402
from studio_server import Server, memory  # noqa: E402

DEMO = ROOT / "demo"


def photos(count: int, folder: Path) -> list[Path]:
    """As many photos of 12 megapixels, all different, out of the demo's."""
    folder.mkdir()
    with zipfile.ZipFile(DEMO / "tall-tree-outfitters-export.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.lower().endswith((".jpg", ".jpeg")))
        for number in range(count):
            small = folder / "small.jpg"
            small.write_bytes(archive.read(names[number % len(names)]))
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


def slope(values: list[float]) -> float:
    """kB a post, over the second half."""
    half = values[len(values) // 2 :]
    return (
        statistics.linear_regression(range(len(half)), half).slope / 1024 if len(half) > 2 else 0.0
    )


def soak(life: Life, given: argparse.Namespace, folder: Path, kinds: list[str]) -> dict[str, Any]:
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

    rows: list[dict[str, Any]] = []
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
            "kind": kind, "state": job["state"], "error": job["error"], "s": round(time.monotonic() - began, 1),
            "peak": group.peak, "server": own(server), "worker": sum(own(p) for p in workers),
            "worker, with files": sum(memory(p) for p in workers), "at": dict(group.at_peak),
        })  # fmt: skip
        if group.peak > most:
            most, at_most = (
                group.peak,
                {"kind": kind, **{k: v >> 20 for k, v in group.at_peak.items()}},
            )  # type: ignore[dict-item]
        print(json.dumps({k: v >> 20 if isinstance(v, int) else v for k, v in rows[-1].items() if k != "at"}),
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
        "kB a post over the second half": {
            name: round(slope([float(r[name]) for r in rows]), 1) for name in ("server", "worker", "peak")
        },
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
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as scratch, Group(given.limit << 20) as group:
        home = Path(scratch) / "brand"
        Home(home).adopt(DEMO / "brand.toml")
        life = Life(home, group, "--idle", "600")
        try:
            told = soak(life, given, Path(scratch) / "photos", given.kinds.split(","))
        finally:
            life.server.close()
            for name in ("worker.log", "studio.log"):
                log = home / "studio" / name
                if log.exists() and log.stat().st_size:
                    shutil.copy(log, Path(tempfile.gettempdir()) / f"capped-{name}")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
