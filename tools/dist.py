"""Wheel and sdist into dist/, and what they must be: the same bytes whenever they are built, all data, nothing else.

    python tools/dist.py [OUT]

The time in the archives is that of the last commit. Built twice, and the wheel a third time from the sdist; ends with 1
where bytes differ, or where a file of the package is missing or one is too many. Needs hatchling.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

REPO = Path(__file__).parents[1]
BESIDE = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE"}


def epoch() -> str:
    """Seconds of the last commit."""
    asked = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(
        asked, cwd=REPO, check=True, capture_output=True, text=True
    ).stdout.strip()


def build(source: Path, out: Path, kind: str, when: str) -> Path:
    """A `kind` (wheel, sdist) of the project in `source`, written into `out`."""
    before = set(out.iterdir()) if out.exists() else set()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out), "-t", kind],
        cwd=source, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": when}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (made,) = set(out.iterdir()) - before
    return made


def tracked() -> set[str]:
    """Names in the wheel of the package's files, as git knows them."""
    asked = ["git", "ls-files", "-z", "src/feedsmith"]
    found = subprocess.run(asked, cwd=REPO, check=True, capture_output=True, text=True).stdout
    return {
        name.removeprefix("src/") for name in found.split("\0") if name and (REPO / name).exists()
    }


def faults(wheel: Path) -> list[str]:
    """What is wrong with the content of a wheel, in words."""
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    package = {name for name in names if name.startswith("feedsmith/")}
    beside = {name.partition(".dist-info/")[2] for name in names - package}
    told = [f"is missing: {name}" for name in sorted(tracked() - package)]
    told += [f"is too many: {name}" for name in sorted(package - tracked())]
    told += [f"is missing beside it: {name}" for name in sorted(BESIDE - beside)]
    return told + [f"is too many beside it: {name}" for name in sorted(beside - BESIDE)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(out: Path) -> None:
    when = epoch()
    for old in [*out.glob("*.whl"), *out.glob("*.tar.gz")]:
        old.unlink()
    sdist, wheel = build(REPO, out, "sdist", when), build(REPO, out, "wheel", when)
    wrong = faults(wheel)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        with tarfile.open(sdist) as opened:
            opened.extractall(room / "source", filter="data")
        (unpacked,) = (room / "source").iterdir()
        for name, again, first in (
            ("the sdist, built again,", build(REPO, room / "1", "sdist", when), sdist),
            ("the wheel, built again,", build(REPO, room / "2", "wheel", when), wheel),
            ("the wheel of the sdist", build(unpacked, room / "3", "wheel", when), wheel),
        ):
            if sha256(again) != sha256(first):
                wrong.append(f"{name} has other bytes")
    for made in (sdist, wheel):
        print(f"{made}: {made.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(made)}")
    with zipfile.ZipFile(wheel) as opened:
        held = opened.infolist()
        print(f"{len(held)} files, {sum(each.file_size for each in held) / 1e6:.1f} MB installed")
    for each in wrong:
        print(each)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else REPO / "dist")
