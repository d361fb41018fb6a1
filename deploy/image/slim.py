"""Takes out of an installed environment what never runs: python slim.py /opt/venv

Each line of RULES is one reason. Nothing is changed that runs: symbols for debuggers, translations of pages that
the studio does not have, tests, parts of packages that nothing imports. It prints what each took, in MB on the disk.
"""

import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
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
    "Pygments: lexers; nothing is printed in colours of a language": (
        "pygments/lexers/[!_]*", "pygments/lexers/_[!_m]*", "pygments/lexers/__pycache__/[!_]*",
    ),
    "headers and stubs: for compilers and type checkers": ("av/**/*.pxd", "**/*.pyx", "**/*.pyi", "**/*.h"),
}  # fmt: skip
STRIPPED = "symbols for debuggers"
HOLLOWED = "coders of H.265 and AV1, which nothing is written in: an empty library of each one's name stays"
HOLLOW = {"av.libs/libx265-*": 0, "av.libs/libSvtAv1Enc-*": -1, "pillow_heif.libs/libx265-*": 0}
"""Libraries that FFmpeg and libheif are linked to and that nobody calls; and what their functions answer from
now on: no coder (a null pointer), an error. Reading is done by others: libde265, dav1d, FFmpeg itself."""
EMPTY = "feedsmith: an empty library"
"""Stands in each of them, for tools/sbom.py."""
RETURNS = {"x86_64": "mov ${}, %rax\n ret", "aarch64": "mov x0, #{}\n ret"}


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
    """Bytes given back. What strip(1) would break is left as it is: libraries to which wheels' tools have
    added a segment (NAME.libs) come out with parts that the loader refuses."""
    before = size(path)
    if path.parent.name.endswith(".libs"):
        return 0
    thin = path.with_name(f"{path.name}.thin")
    done = subprocess.run(["strip", "--strip-unneeded", "-o", str(thin), str(path)], check=False)
    if done.returncode == 0 and loadable(thin):
        shutil.copymode(path, thin)
        thin.replace(path)
    thin.unlink(missing_ok=True)
    return before - size(path)


def symbols(path: Path, which: str) -> dict[str, str]:
    """Kind by name, of nm(1): "T" is a function."""
    told = subprocess.run(
        ["nm", "-D", which, str(path)], capture_output=True, text=True, check=True
    )
    rows = (line.split()[-2:] for line in told.stdout.splitlines())
    return {name.partition("@")[0]: kind for kind, name in rows}


def hollow(path: Path, answer: int) -> int:
    """Bytes given back. Puts a library in its place that has its name, and of its functions those that its
    neighbours ask for: each only answers. One that they take data from is left as it is."""
    own = symbols(path, "--defined-only")
    needed: set[str] = set()
    for other in path.parent.iterdir():
        if other != path:
            needed |= symbols(other, "--undefined-only").keys() & own.keys()
    told = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True)
    name = re.search(r"SONAME.*\[(.+)\]", told.stdout)
    machine = RETURNS.get(platform.machine())
    if not needed or name is None or machine is None or any(own[one] != "T" for one in needed):
        print(f"left as it is: {path.name}")
        return 0
    lines = [".text"]
    for one in sorted(needed):
        lines += [f".globl {one}", f".type {one}, %function", f"{one}:", machine.format(answer)]
    lines += [
        '.section .note.GNU-stack,"",%progbits',
        ".section .comment",
        f'.string "{EMPTY}"',
        "",
    ]
    before = size(path)
    with tempfile.TemporaryDirectory() as scratch:
        made = f"{scratch}/made.o"
        subprocess.run(["as", "-o", made, "-"], input="\n".join(lines), text=True, check=True)
        path.unlink()
        subprocess.run(["ld", "-shared", "-soname", name[1], "-o", str(path), made], check=True)
    return before - size(path)


def loadable(path: Path) -> bool:
    """Whether each segment lies in the file where its address says, to the page (elf(5), PT_LOAD)."""
    data = path.read_bytes()
    if data[4] != 2:  # 32 bits: none of the image's
        return False
    order = "<" if data[5] == 1 else ">"
    (start,) = struct.unpack_from(f"{order}Q", data, 32)
    length, count = struct.unpack_from(f"{order}HH", data, 54)
    for at in range(start, start + length * count, length):
        kind, _, offset, address, _, _, _, align = struct.unpack_from(f"{order}IIQQQQQQ", data, at)
        if kind == 1 and align > 1 and offset % align != address % align:
            return False
    return True


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
    freed = sum(
        hollow(path, answer) for name, answer in HOLLOW.items() for path in packages.glob(name)
    )
    rows.append((HOLLOWED, -freed))
    rows.append((STRIPPED, -sum(strip(path) for path in compiled(packages))))
    rows.append(("after", size(packages)))
    for why, amount in rows:
        print(f"{amount / 2**20:8.1f} MB  {why}")


main()
