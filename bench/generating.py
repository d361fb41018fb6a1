"""Generating as a user sees it: time to the first post, posts a minute, and peak memory.

    python bench/generating.py [BRAND] [--count 50] [--seed 7] [--kind photo]

Without BRAND the demo brand is imported into a temporary folder first. Every figure is of the
whole process, models included; memory is the peak resident set, read after each post, so that
growth shows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def demo_brand(folder: Path) -> Path:
    """The demo brand, imported."""
    home = folder / "brand"
    command = [sys.executable, "-c", "from feedsmith.cli import main; main()"]
    subprocess.run([*command, "init", home, "--settings", ROOT / "demo/brand.toml"], check=True)
    export = ROOT / "demo/tall-tree-outfitters-export.zip"
    subprocess.run(
        [*command, "import", home, export, "--credits", ROOT / "demo/credits.csv"], check=True
    )
    return home


def measure(home: Path, count: int, seed: int, kind: str, out: Path) -> None:
    """One run in this process; prints a line a post as JSON, then the summary."""
    begun, cpu = time.perf_counter(), time.process_time()
    from feedsmith.brand import Home
    from feedsmith.generate import Settings, generate

    marks: list[tuple[float, float, int]] = []

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "Making posts" and done:
            marks.append((time.perf_counter() - begun, time.process_time() - cpu, resident()))

    result = generate(
        Home(home), Settings(count=count, seed=seed, kind=kind), out=out, report=report
    )
    first = marks[0]
    wall, spent, _ = marks[-1]
    half = marks[len(marks) // 2 :]
    growth = (half[-1][2] - half[0][2]) / max(1, len(half) - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "posts": result.made,
                "new pictures": sum(p.originality.label == "new" for p in result.posts),
                "first post, s": round(first[0], 1),
                "first post, CPU-s": round(first[1], 1),
                "posts a minute": round(60 * len(marks) / wall, 1),
                "CPU-s a post": round(spent / len(marks), 2),
                "peak RSS, MB": round(peak),
                "growth over the second half, MB a post": round(growth, 2),
                "captions turned down": dict(result.rejections.most_common(8)),
            },
            indent=2,
        )
    )


def resident() -> int:
    """MB resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("brand", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", default="")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = given.brand or demo_brand(Path(scratch))
        measure(home, given.count, given.seed, given.kind, given.out or Path(scratch) / "posts")


if __name__ == "__main__":
    main()
