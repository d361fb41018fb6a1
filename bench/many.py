"""Many products: `feedsmith generate --products` on a long list, stopped in the middle and resumed.

    python bench/many.py [BRAND] [--rows 500] [--stop 0.4] [--keep FOLDER]

The list is made here: the four photos of the demo shop in turn, names and prices by a loop, and
three rows that cannot be made (a photo that is not there, one of zero bytes, a row without a name).
After `--stop` of the rows the program gets the signal that Ctrl-C sends, and the same command is
given again. Prints resident memory over time (read twice a second from outside), posts and what was
said at the end. Ends with an error when a row is missing, made twice or changed by the resume, or
when a row that cannot be made is not named.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from generating import demo_brand

PRODUCTS = Path(__file__).parent.parent / "demo" / "products"
COLOURS = ("Moss", "Slate", "Ochre", "Heather", "Fern", "Clay", "Chalk", "Bark", "Lichen", "Rust")
BAD = 3


def listed(folder: Path, rows: int) -> Path:
    """The list with its photos in `folder`; rows 8, 9 and 10 are bad."""
    shutil.copytree(PRODUCTS, folder / "photos")
    (folder / "photos/empty.jpg").write_bytes(b"")
    with (PRODUCTS / "products.csv").open(encoding="utf-8") as file:
        models = list(csv.DictReader(file))
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["name", "price", "was", "photo", "link"])
        writer.writeheader()
        for i in range(rows):
            model = models[i % len(models)]
            row = {
                "name": f"{COLOURS[i // 4 % len(COLOURS)]} {model['name'].lower()} {i // 40 + 1}",
                "price": f"{12 + i * 7 % 140} EUR",
                "was": f"{20 + i * 7 % 140} EUR" if i % 5 == 0 else "",
                "photo": model["photo"],
                "link": f"https://example.com/{i}",
            }
            row |= {7: {"photo": "gone.jpg"}, 8: {"photo": "empty.jpg"}, 9: {"name": ""}}.get(i, {})
            writer.writerow(row)
    return path


def resident(pid: int) -> float:
    """MB resident now; 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def finished(out: Path) -> dict[str, str]:
    """Posts that are whole -> digest of their files."""
    return {
        post.parent.name: hashlib.sha256(
            b"".join(p.read_bytes() for p in sorted(post.parent.iterdir()))
        ).hexdigest()
        for post in out.glob("*/post.json")
    }


def run(
    command: list[str], out: Path, stop_at: int
) -> tuple[list[tuple[float, int, float]], str, int]:
    """(seconds, posts, MB) over time, all that was printed, the exit code; with `stop_at`,
    interrupted at that many posts."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: told.extend(process.stdout or ()))
    reader.start()
    marks = []
    while process.poll() is None:
        time.sleep(0.5)
        done = len(list(out.glob("*/post.json")))
        marks.append((time.perf_counter() - begun, done, resident(process.pid)))
        if stop_at and done >= stop_at:
            process.send_signal(signal.SIGINT)
            stop_at = 0
    reader.join()
    return marks, "".join(told), process.returncode


def told(name: str, marks: list[tuple[float, int, float]], code: int) -> None:
    marks = [m for m in marks if m[2]]
    start = marks[0][1]
    print(f"\n{name}: {marks[-1][1] - start} posts in {marks[-1][0]:.0f} s, exit code {code}, "
          f"peak {max(m[2] for m in marks):.0f} MB")  # fmt: skip
    at_work = [m for m in marks if m[1] > start + 3]
    if len(at_work) < 8:
        return
    size = len(at_work) // 8
    for i in range(8):
        part = at_work[i * size : (i + 1) * size]
        print(f"  posts {part[0][1]:4d}-{part[-1][1]:4d}  resident {statistics.median(m[2] for m in part):4.0f} MB "
              f"({min(m[2] for m in part):.0f}-{max(m[2] for m in part):.0f})")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("brand", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--stop", type=float, default=0.4, help="share of the rows, 0..1")
    parser.add_argument("--keep", type=Path, help="leave the list and the posts here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        home = folder / "home"
        if asked.brand:
            shutil.copytree(asked.brand, home, ignore=shutil.ignore_patterns("posts"))
        else:
            home = demo_brand(folder)
        path, out = listed(folder, asked.rows), folder / "posts"
        command = [
            sys.executable, "-c", "from feedsmith.cli import main; main()", "generate", str(home),
            "--products", str(path), "--photos", str(folder / "photos"), "--seed", "7",
            "--out", str(out),
        ]  # fmt: skip
        faults = []
        marks, _, code = run(command, out, max(1, int(asked.rows * asked.stop)))
        told("until Ctrl-C", marks, code)
        before = finished(out)
        marks, said, code = run(command, out, 0)
        told("resumed", marks, code)
        after = finished(out)
        print("\n" + said[-2500:])
        if len(after) != asked.rows - BAD:
            faults.append(f"{len(after)} posts, expected {asked.rows - BAD}")
        if changed := [name for name in before if after.get(name) != before[name]]:
            faults.append(f"changed by the resume: {changed}")
        names = [json.loads(p.read_text())["offer"]["name"] for p in out.glob("*/post.json")]
        if len(set(names)) != len(names):
            faults.append(f"{len(names) - len(set(names))} products made twice")
        faults += [f"nothing is said of {w}" for w in ("gone.jpg", "empty.jpg") if w not in said]
        print(f"{len(before)} posts before the stop kept as they were; "
              + ("; ".join(faults) or "every row accounted for"))  # fmt: skip
        sys.exit(bool(faults))


if __name__ == "__main__":
    main()
