"""Takes out of an installed environment what never runs: python slim.py /opt/venv

Each line of RULES is one reason. Nothing is changed that runs: symbols for debuggers, translations of pages that
the studio does not have, tests, parts of packages that nothing imports. It prints what each took, in MB on the disk.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

RULES: dict[str, tuple[str, ...]] = {
    "pip and setuptools: an image is not installed into": (
        "pip", "pip-*.dist-info", "setuptools", "setuptools-*.dist-info", "_distutils_hack", "pkg_resources",
        "distutils-precedence.pth",
    ),
    "ONNX Runtime: a second copy for programs in C; ours is inside the Python module": (
        "onnxruntime/capi/libonnxruntime.so.*",
    ),
    "ONNX Runtime: tools to convert and quantise models": (
        "onnxruntime/transformers", "onnxruntime/quantization", "onnxruntime/tools", "onnxruntime/datasets",
    ),
    "Django: translations; the studio's pages are its own and USE_I18N is off": (
        "django/contrib/*/locale", "django/conf/locale/[!e_]*", "django/conf/locale/e[!n]*",
    ),
    "Django: apps that are not installed": (
        "django/contrib/admin/static", "django/contrib/admindocs", "django/contrib/gis", "django/contrib/humanize",
        "django/contrib/flatpages", "django/contrib/redirects", "django/contrib/sitemaps",
        "django/contrib/syndication",
    ),
    "Ninja: pages for looking at an API; the studio serves none": ("ninja/static",),
    "tests of packages": ("numpy/**/tests", "django/test/testcases_data", "numpy/_core/lib/*.a"),
    "numpy: for building extensions, and from Fortran": (
        "numpy/f2py", "numpy/distutils", "numpy/_core/include", "numpy/random/lib", "numpy/random/_examples",
        "numpy/_core/lib", "numpy/_pyinstaller", "numpy/typing/tests",
    ),
    "headers and stubs: for compilers and type checkers": ("av/**/*.pxd", "**/*.pyx", "**/*.pyi", "**/*.h"),
}  # fmt: skip
STRIPPED = "symbols for debuggers"


def size(path: Path) -> int:
    """Bytes on the disk; a link counts for nothing."""
    if path.is_symlink():
        return 0
    if path.is_dir():
        return sum(size(inner) for inner in path.iterdir())
    return path.stat().st_blocks * 512


def remove(path: Path) -> int:
    """Bytes given back."""
    freed = size(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return freed


def compiled(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.so*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    yield path


def strip(path: Path) -> int:
    before = size(path)
    # Libraries whose names pip's tools have changed are laid out in a way that some versions of strip refuse.
    subprocess.run(["strip", "--strip-unneeded", str(path)], check=False)
    return before - size(path)


def main() -> None:
    (packages,) = Path(sys.argv[1]).glob("lib/python3*/site-packages")
    rows = [("before", size(packages))]
    for why, patterns in RULES.items():
        freed = 0
        for pattern in patterns:
            for path in sorted(packages.glob(pattern)):
                if path.exists():
                    freed += remove(path)
        rows.append((why, -freed))
    rows.append((STRIPPED, -sum(strip(path) for path in compiled(packages))))
    rows.append(("after", size(packages)))
    for why, amount in rows:
        print(f"{amount / 2**20:8.1f} MB  {why}")


main()
