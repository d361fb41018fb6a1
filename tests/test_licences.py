"""What the default install brings: each package is needed, pinned, and its licence told."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).parents[1]
BROUGHT = {"asgiref": "django", "protobuf": "onnx", "tokenizers": "transformers"}
"""Packages that are imported and come with another one, which cannot do without them."""
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Package of the index -> files of ours that import it."""
    owners = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in (REPO / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            for module in {each.partition(".")[0] for each in modules} - set(
                sys.stdlib_module_names
            ):
                for owner in owners.get(module, [module]):
                    found.setdefault(canonicalize_name(owner), set()).add(path.name)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the page is that of Linux")
def test_the_page_of_licences_is_as_the_packages_say() -> None:
    ran = subprocess.run(
        [sys.executable, str(REPO / "tools" / "licences.py"), "--check"],
        capture_output=True, text=True, cwd=REPO,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_lock_file_pins_what_constraints_pin_each_file_by_its_hash() -> None:
    lines = (REPO / "constraints.txt").read_text("utf-8").split()
    pinned = {
        canonicalize_name(name): version for name, version in (each.split("==") for each in lines)
    }
    entries = re.findall(
        r"^([\w.-]+)==([\w.+-]+)(?: ; [^\\\n]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        (REPO / "requirements.lock").read_text("utf-8"), re.M,
    )  # fmt: skip
    locked = {canonicalize_name(name): version for name, version, _ in entries}
    assert {name: pinned.get(name) for name in locked} == locked
    page = (REPO / "docs" / "licences.md").read_text("utf-8")
    told = {canonicalize_name(name) for name in re.findall(r"^\| \[([^\]]+)\]", page, re.M)}
    assert told - set(locked) == set()


def test_every_package_that_is_asked_for_is_imported(imported: dict[str, set[str]]) -> None:
    assert names(PROJECT["dependencies"]) - set(imported) == set()


def test_every_package_that_is_imported_is_asked_for(imported: dict[str, set[str]]) -> None:
    """By the default install or by an extra."""
    asked = names(PROJECT["dependencies"]) | {"feedsmith"}
    for extra, lines in PROJECT["optional-dependencies"].items():
        if extra not in ("dev", "docs"):
            asked |= names(lines)
    asked |= {name for name, owner in BROUGHT.items() if owner in asked}
    assert {name: files for name, files in imported.items() if name not in asked} == {}
