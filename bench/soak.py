"""Whole jobs in a row in a real studio: what server and worker hold, whether it grows, which kind peaks.

    python bench/soak.py BRAND [--jobs 200] [--kinds quote,photo,...] [--minutes 15]

A copy of BRAND is opened with `feedsmith studio`; a job of one post is pressed, waited for, and the next
one pressed, the kinds in turn. Peak memory is the kernel's own (VmHWM, set back after each job, Linux),
so no sample is missed. A slope is the least-squares line over the second half of the jobs, in kB a job.
Afterwards the kinds alone, each in a fresh worker, if --alone is given.
"""

import argparse
import json
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from studio_server import Server, memory, until  # noqa: E402

ALL = "photo,quote,carousel,collage,promo,product,story,reel,gif"
OFFER = {"offer_name": "Guided oak walk", "offer_price": "12 EUR", "offer_dates": "3 May"}
GIVE_UP = 3600.0


def peak(pid: int) -> int:
    """The most bytes the process held since `reset`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def reset(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def spent(pid: int) -> float:
    """Processor seconds of a process so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / 100


def jobs(home: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(home / "studio.db", timeout=20)) as database:
        return database.execute("SELECT state, error FROM studio_job ORDER BY id").fetchall()


def one(server: Server, slug: str, kind: str) -> dict[str, object]:
    """Press once, wait for the end; what was seen."""
    before = len(jobs(server.home))
    if server.workers:
        reset(server.workers[0])
    form = {"kind": kind, "theme": "", "count": "1"} | (
        OFFER if kind in ("promo", "product") else {}
    )
    began = time.monotonic()
    status, said = server.post(f"/b/{slug}/create", form, **{"HX-Request": "true"})
    assert status == 200, said
    until(lambda: jobs(server.home)[before][0] not in ("queued", "running"), GIVE_UP)
    (worker,) = server.workers
    state, error = jobs(server.home)[before]
    return {
        "kind": kind, "state": state, **({"error": error} if error else {}),
        "seconds": round(time.monotonic() - began, 1), "cpu": spent(worker),
        "worker_peak": peak(worker), "worker": memory(worker), "server": memory(server.process.pid),
        "pid": worker,
    }  # fmt: skip


def slope(values: list[float]) -> float:
    """kB a job, over the second half."""
    half = values[len(values) // 2 :]
    if len(half) < 3:
        return 0.0
    return statistics.linear_regression(range(len(half)), half).slope / 1024


def in_a_row(
    home: Path, slug: str, kinds: list[str], count: int, minutes: float
) -> dict[str, object]:
    server = Server(home, "--idle", "600").sign_in()
    rows: list[dict[str, object]] = []
    try:
        ends = time.monotonic() + 60 * minutes
        while len(rows) < count and time.monotonic() < ends:
            rows.append(one(server, slug, kinds[len(rows) % len(kinds)]))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    finally:
        server.close()
    mb = {name: [float(r[name]) for r in rows] for name in ("worker", "worker_peak", "server")}
    return {
        "jobs": len(rows), "kinds": kinds, "workers": len({r["pid"] for r in rows}),
        "not done": [r for r in rows if r["state"] != "done"],
        "CPU-s of the worker": rows[-1]["cpu"],
        **{f"{name}, MB first/median/most/last": [
            round(v[0] / 2**20), round(statistics.median(v) / 2**20), round(max(v) / 2**20),
            round(v[-1] / 2**20)] for name, v in mb.items()},
        **{f"{name}, kB a job over the second half": round(slope(v), 1) for name, v in mb.items()},
        "peak by kind, MB": {
            kind: round(max(float(r["worker_peak"]) for r in rows if r["kind"] == kind) / 2**20)
            for kind in kinds if any(r["kind"] == kind for r in rows)
        },
    }  # fmt: skip


def alone(home: Path, slug: str, kinds: list[str]) -> dict[str, int]:
    """Peak MB of each kind in a worker of its own."""
    found = {}
    for kind in kinds:
        server = Server(home, "--idle", "600").sign_in()
        try:
            found[kind] = round(float(str(one(server, slug, kind)["worker_peak"])) / 2**20)
        finally:
            server.close()
        print(kind, found[kind], file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("brand", type=Path)
    parser.add_argument("--slug", default="tall-tree-outfitters")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kinds", default=ALL)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    kinds = given.kinds.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "brand"
        shutil.copytree(given.brand, home)
        told: dict[str, object] = {}
        if given.jobs:
            told = in_a_row(home, given.slug, kinds, given.jobs, given.minutes)
        if given.alone:
            told["alone, MB"] = alone(home, given.slug, kinds)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
