"""The repository itself: small enough to be cloned by anybody, without large-file storage."""

import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
BYTES = 60_000_000


def tracked() -> list[Path]:
    """The files that git knows; skips where this is no checkout."""
    try:
        asked = ["git", "ls-files", "-z"]
        said = subprocess.run(asked, cwd=REPO, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout of git")
    return [REPO / name for name in said.split("\0") if name and (REPO / name).is_file()]


def test_what_is_tracked_stays_below_60_megabytes() -> None:
    files = tracked()
    largest = sorted(files, key=lambda file: -file.stat().st_size)[:10]
    assert len(files) > 500
    assert sum(file.stat().st_size for file in files) < BYTES, largest


def test_nothing_is_in_large_file_storage() -> None:
    attributes = [file for file in tracked() if file.name == ".gitattributes"]
    assert not any("filter=lfs" in file.read_text("utf-8") for file in attributes)
