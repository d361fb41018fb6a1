"""Measurements: what bench/ and tools/ take from Feedsmith is still there (they run too long to be run here)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted([*ROOT.glob("bench/**/*.py"), *ROOT.glob("tools/**/*.py")])


def source(module: str) -> Path | None:
    place = ROOT / "src" / module.replace(".", "/")
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.exists()), None)


def defined(file: Path) -> Iterator[str]:
    """Names that a module has after it was imported, as far as its text says."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)


def taken(script: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "feedsmith":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.name, "") for a in node.names if a.name.split(".")[0] == "feedsmith")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_script_imports_from_feedsmith_is_there(script: Path) -> None:
    missing = []
    for module, name in taken(script):
        file = source(module)
        if file is None or (
            name and source(f"{module}.{name}") is None and name not in set(defined(file))
        ):
            missing.append(f"{module}.{name}".rstrip("."))
    assert not missing
