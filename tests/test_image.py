"""The container image's parts that can be checked without an engine; tools/container_check.py builds and runs it."""

import importlib.metadata
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pillow_heif
import pytest
from packaging.requirements import Requirement

from small_media import heic

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").split()
    return {plain(name): version for name, version in (line.split("==") for line in lines)}


def needed(wanted: list[str]) -> set[str]:
    """All packages that these bring, one after the other, as installed here."""
    found: set[str] = set()
    rest = [Requirement(line) for line in wanted]
    while rest:
        package = rest.pop()
        name = plain(package.name)
        if name in found or (package.marker and not package.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        for line in importlib.metadata.distribution(name).requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in ("", *package.extras)
            ):
                rest.append(Requirement(line.partition(";")[0]))
    return found


def test_every_package_of_the_image_is_pinned() -> None:
    wanted = needed([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["postgres"]])
    assert len(wanted) > 30
    assert wanted - pins().keys() == set(), "not in constraints.txt"


def test_the_image_installs_what_pyproject_says() -> None:
    told = subprocess.run(
        [sys.executable, ROOT / "deploy/image/requirements.py", ROOT / "pyproject.toml", "postgres"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    extra = PROJECT["optional-dependencies"]["postgres"]
    assert told.stdout.split("\n")[:-1] == [*PROJECT["dependencies"], *extra]


def test_what_the_build_copies_is_let_through_and_there() -> None:
    let = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"]
    copied = [
        word
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY") and "--from=" not in line
        for word in line.split()[1:-1]
        if not word.startswith("--")
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(name == way or name.startswith(f"{way}/") for way in let), name


def test_what_never_runs_is_taken_out_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    gone = [
        "django/contrib/auth/locale/de/django.mo", "django/conf/locale/de/formats.py", "numpy/ma/tests/test_x.py",
        "onnxruntime/capi/libonnxruntime.so.1.2.3", "pip/__init__.py", "av/codec/a.pxd",
    ]  # fmt: skip
    stays = ["django/conf/locale/en/formats.py", "django/conf/locale/en_GB/formats.py", "numpy/ma/core.py",
             "onnxruntime/capi/onnxruntime_pybind11_state.so", "av/codec/a.py"]  # fmt: skip
    for name in [*gone, *stays]:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("text")
    monkeypatch.setattr(sys, "argv", ["slim.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "deploy/image/slim.py"))
    assert [name for name in gone if (packages / name).exists()] == []
    assert [name for name in stays if not (packages / name).exists()] == []


READ_AND_WRITE = """
import io, sys, hashlib, pillow_heif
from PIL import Image
pillow_heif.register_heif_opener()
assert sys.argv[2] in pillow_heif.__file__, pillow_heif.__file__
print(hashlib.sha256(Image.open(sys.argv[1]).convert("RGB").tobytes()).hexdigest())
try:
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(io.BytesIO())
    print("written")
except Exception as error:
    print("refused")
"""


@pytest.mark.skipif(not shutil.which("as"), reason="needs binutils")
def test_without_its_coder_of_h265_libheif_reads_photos_as_before_and_refuses_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = heic(tmp_path / "a.heic", 320, 400)
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    installed = Path(pillow_heif.__file__).parent.parent
    for path in installed.glob("*pillow_heif*"):
        if path.is_dir() and path.suffix in ("", ".libs"):
            shutil.copytree(path, packages / path.name)
        elif path.suffix == ".so":
            shutil.copy(path, packages)

    def told() -> list[str]:
        ran = subprocess.run(
            [sys.executable, "-c", READ_AND_WRITE, photo, str(packages)], capture_output=True, text=True,
            check=True, env={"PYTHONPATH": str(packages), "PATH": "/usr/bin"},
        )  # fmt: skip
        return ran.stdout.split()

    before = told()
    assert before[1] == "written"
    monkeypatch.setattr(sys, "argv", ["slim.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "deploy/image/slim.py"))
    (coder,) = (packages / "pillow_heif.libs").glob("libx265-*")
    assert coder.stat().st_size < 50_000
    assert b"feedsmith: an empty library" in coder.read_bytes()  # tools/sbom.py looks for it
    assert told() == [before[0], "refused"]
