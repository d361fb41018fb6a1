"""Secrets by the environment, and the page that lists every variable."""

import ast
import re
from pathlib import Path

import pytest

from feedsmith import environment
from feedsmith.errors import FeedsmithError

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "deploy" / "settings.md"
NAME = re.compile(r"FEEDSMITH_[A-Z0-9_]+")
OURS = {"FEEDSMITH_STUDIO", "FEEDSMITH_STUDIO_NODE", "FEEDSMITH_STUDIO_TURNS"}
"""What the server tells its workers by; nobody else sets them."""


def test_a_secret_is_the_variables_without_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAK", " hush\n")
    assert environment.secret("OAK") == "hush"
    monkeypatch.delenv("OAK")
    assert environment.secret("OAK") == ""


def test_a_file_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the file\n")
    monkeypatch.setenv("OAK", "of the variable")
    monkeypatch.setenv("OAK_FILE", str(tmp_path / "secret"))
    assert environment.secret("OAK") == "of the file"


@pytest.mark.parametrize(
    ("holds", "said"), [(None, "no such file"), (b"\xff\xfe", "not text"), (b" \n", "is empty")]
)
def test_a_file_that_holds_no_secret_is_said_by_its_variable(
    holds: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if holds is not None:
        (tmp_path / "secret").write_bytes(holds)
    monkeypatch.setenv("OAK_FILE", str(tmp_path / "secret"))
    with pytest.raises(FeedsmithError, match=f"OAK_FILE.*{said}"):
        environment.secret("OAK")


def named_in_code() -> set[str]:
    """Every variable of ours that the package, or what is deployed with it, names as one."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if NAME.fullmatch(node.value) else set()
    for name in ("image/studio", "streamlit/streamlit_app.py"):
        found |= set(NAME.findall((ROOT / "deploy" / name).read_text("utf-8")))
    return found - OURS


def rows() -> dict[str, tuple[bool, str]]:
    """Variable -> whether a _FILE of it is said, and what it is for: the page's tables."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            name = cells[0].strip("`")
            assert name not in found, f"{name} stands there twice"
            found[name] = ("_FILE" in cells[1], cells[2])
    return found


def test_every_variable_stands_on_the_page_and_no_other() -> None:
    code = named_in_code()
    bare = {name.removesuffix("_FILE") for name in code}
    listed = {name for name in rows() if name.startswith("FEEDSMITH_")}
    assert bare - listed == set(), "not on docs/deploy/settings.md"
    assert listed - bare == set(), "on docs/deploy/settings.md, but nothing reads it"


def test_what_is_secret_may_come_by_a_file() -> None:
    secret = re.compile(r"_(KEY|SECRET|PASSWORD|TOKEN|URL)$")
    listed = rows()
    open_ones = {"FEEDSMITH_URL", "FEEDSMITH_WRITER_URL", "FEEDSMITH_IMAGES_URL"}
    public = {"FEEDSMITH_S3_ACCESS_KEY", "FEEDSMITH_C2PA_KEY"}  # a name, and a file by itself
    wanted = {
        name for name in listed if name.startswith("FEEDSMITH_") and secret.search(name)
    } - open_ones - public  # fmt: skip
    assert {name for name in wanted if not listed[name][0]} == set()


def asked_for_as_secrets() -> set[str]:
    """Variables that are given to environment.secret, by the names of their constants."""
    trees = [ast.parse(p.read_text("utf-8")) for p in (ROOT / "src").rglob("*.py")]
    values: dict[str, set[str]] = {}
    names: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            if isinstance(node.value, ast.Constant):
                values.setdefault(target.id, set()).add(str(node.value.value))
        elif isinstance(node, ast.Assign) and isinstance(target, ast.Tuple):
            for name, value in zip(target.elts, getattr(node.value, "elts", ()), strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                    values.setdefault(name.id, set()).add(str(value.value))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "environment.secret":
            names.add(ast.unparse(node.args[0]))
    return {value for name in names for value in values.get(name, ())}


def test_a_file_that_the_page_promises_is_read() -> None:
    """By environment.secret, or by a constant that ends in _FILE."""
    code, asked = named_in_code(), asked_for_as_secrets()
    for name, (by_file, _) in rows().items():
        if by_file:
            assert f"{name}_FILE" in code or name in asked, name
