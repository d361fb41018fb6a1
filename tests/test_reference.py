"""The reference pages say what the code says."""

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[1]


def test_the_reference_pages_are_as_the_code_says() -> None:
    """Commands, brand.toml, post.json, REST: written by a program, and none is older than the code."""
    # A process of its own: Django takes its settings once.
    ran = subprocess.run(
        [sys.executable, str(REPO / "tools" / "reference.py"), "--check"],
        capture_output=True, text=True, cwd=REPO,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_setting_every_option_and_every_field_of_a_post_is_described() -> None:
    pages = REPO / "docs" / "reference"
    post = (pages / "post-json.md").read_text("utf-8").partition("## Offer")[0]
    settings = (pages / "brand-toml.md").read_text("utf-8")
    for said in (post, settings, (pages / "cli.md").read_text("utf-8")):
        rows = [row.strip("|").split(" | ") for row in said.splitlines() if row[:3] == "| `"]
        assert len(rows) > 15
        assert [row for row in rows if not row[1].strip()] == []
