"""Puts together the system that the image runs on: python base.py /system /opt/venv

Of the base image (Debian with Python) it copies what is used, package by package: those of ROOTS, and each that owns a
library which they, Python or the environment ask for (ldd). What is not asked for is not there: apt, dpkg's program,
Perl, bash, PAM. Documentation, translations and character sets stay behind. dpkg's list is kept for the packages that
came along, so that scanners and tools/sbom.py see what there is. It prints what each package takes.
"""

import compileall
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

ROOTS = ("base-files", "ca-certificates", "coreutils", "dash", "findutils", "libc6", "libc-bin", "libgomp1", "libstdc++6",
         "media-types", "netbase", "tzdata")  # fmt: skip
"""What is asked for by name: a shell and its tools for the image's command, and what no library's header tells."""
PYTHON = ("python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib")
"""Where Python is Debian's. The official image has it in /usr/local instead, which no package owns."""
LEFT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug", "usr/share/zoneinfo/right",
        "usr/share/zoneinfo/posix", "usr/share/ca-certificates", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/aarch64-linux-gnu/gconv",
        "usr/bin/localedef", "usr/share/i18n")  # fmt: skip
"""Of packages that come along: what nothing reads. Certificates are used from /etc/ssl/certs/ca-certificates.crt."""
LEFT_OF_PYTHON = ("test", "idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "lib2to3", "pydoc_data", "site-packages", "dist-packages",
                  "config-*", "lib-dynload/_test*", "lib-dynload/xxlimited*", "lib-dynload/_tkinter*", "unittest/test", "distutils/tests", "ctypes/test", "**/__pycache__")  # fmt: skip
MADE = ("etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/ld.so.conf", "etc/ld.so.conf.d", "etc/localtime", "etc/timezone",
        "etc/ssl/certs/ca-certificates.crt", "etc/ssl/openssl.cnf", "etc/debian_version")  # fmt: skip
"""Files that no package owns, or that were written when it was installed."""
INFO, STATUS = Path("/var/lib/dpkg/info"), Path("/var/lib/dpkg/status")
Owners = dict[str, str]
"""Package by path, folders without links in between: /lib is a link to /usr/lib, and dpkg has either name."""


def plain(path: str) -> str:
    """A path with the links in its folder followed, its own not."""
    folder, name = os.path.split(path)
    return f"{os.path.realpath(folder).rstrip('/')}/{name}"


def listed(package: str) -> list[str]:
    """Paths of a package."""
    for file in INFO.glob(f"{package}.list"), INFO.glob(f"{package}:*.list"):
        for found in file:
            return [plain(line) for line in found.read_text().splitlines() if line != "/."]
    raise SystemExit(f"{package} is not installed in the base image")


def owners() -> Owners:
    return {
        plain(line): file.name.removesuffix(".list").partition(":")[0]
        for file in INFO.glob("*.list")
        for line in file.read_text().splitlines()
    }


def compiled(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    yield path


def asked(paths: Iterable[Path]) -> set[str]:
    """Libraries that these files ask for, and the linker finds; both the link's path and the file's."""
    found = set()
    for path in paths:
        told = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False)
        for line in told.stdout.splitlines():
            for word in line.split():
                if word.startswith("/"):
                    found |= {plain(word), os.path.realpath(word)}
    return found


def python() -> list[Path]:
    """Python's own files where no package owns them."""
    local = Path("/usr/local")
    return [
        path
        for pattern in ("bin/python3*", "lib/libpython3*.so*", "lib/python3.*")
        for path in sorted(local.glob(pattern))
        if "config" not in path.name
    ]


def wanted(environment: Path, owner: Owners) -> set[str]:
    """Packages to take along: the named ones, and those of every library that is asked for."""
    packages = {*ROOTS, *(name for name in PYTHON if next(INFO.glob(f"{name}.list"), None) or next(INFO.glob(f"{name}:*.list"), None))}  # fmt: skip
    trees = [environment, *python()]
    look = [inner for tree in trees for inner in (tree.rglob("*") if tree.is_dir() else [tree])]
    seen: set[str] = set()
    while True:
        look += [Path(line) for name in packages - seen for line in listed(name)]
        seen |= packages
        libraries = asked(compiled(look))
        more = {owner[path] for path in libraries if path in owner} - packages
        if not more:
            return packages
        packages |= more
        look = []


def left(path: str) -> bool:
    return any(path == f"/{name}" or path.startswith(f"/{name}/") for name in LEFT)


def taken(path: Path, system: Path) -> int:
    """Copy a file, link or folder's mode to the same place under `system`; bytes."""
    into = system / path.relative_to("/")
    if not os.path.lexists(into):
        if path.is_symlink():
            into.parent.mkdir(parents=True, exist_ok=True)
            into.symlink_to(path.readlink())
        elif path.is_dir():
            into.mkdir(parents=True, exist_ok=True)
            shutil.copystat(path, into)
        elif path.is_file():
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into)
            into.chmod(into.stat().st_mode & 0o1777)  # nothing that makes somebody root
            return into.stat().st_size
    return 0


def slimmed(system: Path) -> None:
    """Python's library without what is for others, and compiled: on a read-only disk it could not be kept later."""
    for library in [*system.glob("usr/lib/python3.*"), *system.glob("usr/local/lib/python3.*")]:
        for pattern in LEFT_OF_PYTHON:
            for path in sorted(library.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        compileall.compile_dir(
            str(library), stripdir=str(system), prependdir="/", quiet=1,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )  # fmt: skip


def recorded(packages: set[str], system: Path) -> None:
    """dpkg's list of what is there."""
    folder = system / "var/lib/dpkg"
    folder.mkdir(parents=True, exist_ok=True)
    paragraphs = STATUS.read_text("utf-8").split("\n\n")
    kept = [p for p in paragraphs if p.startswith("Package: ") and p.split()[1] in packages]
    (folder / "status").write_text("\n\n".join(kept) + "\n", "utf-8")
    licences = system / "usr/share/doc"
    for name in packages:
        licence = Path("/usr/share/doc") / name / "copyright"
        if licence.is_file():
            (licences / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(licence, licences / name / "copyright")


def trusted(system: Path) -> None:
    """Where OpenSSL looks for certificates and its settings; the links are of a package whose program nobody calls."""
    place = Path(ssl.get_default_verify_paths().openssl_cafile)
    for link, file in (
        (place, "/etc/ssl/certs/ca-certificates.crt"),
        (place.with_name("openssl.cnf"), "/etc/ssl/openssl.cnf"),
    ):
        into = system / link.relative_to("/")
        into.parent.mkdir(parents=True, exist_ok=True)
        into.symlink_to(file)


def main() -> None:
    system, environment = Path(sys.argv[1]), Path(sys.argv[2])
    owner = owners()
    packages = wanted(environment, owner)
    system.mkdir()
    # /bin, /lib and /sbin are links into /usr; no package of these owns them.
    for name in ("bin", "lib", "lib64", "sbin"):
        if Path(f"/{name}").is_symlink():
            (system / name).symlink_to(Path(f"/{name}").readlink())
    rows = []
    for name in packages:
        size = sum(taken(Path(line), system) for line in listed(name) if not left(line))
        rows.append((size, name))
    loose = [inner for tree in python() for inner in ([tree, *tree.rglob("*")] if tree.is_dir() else [tree])]  # fmt: skip
    rows.append((sum(taken(path, system) for path in loose), "Python in /usr/local"))
    for name in MADE:
        path = Path("/") / name
        for inner in [path, *(path.rglob("*") if path.is_dir() else ())]:
            taken(inner, system)
    trusted(system)
    slimmed(system)
    recorded(packages, system)
    for name, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("run", 0o755), ("proc", 0o555), ("sys", 0o555), ("dev", 0o755), ("root", 0o700)):  # fmt: skip
        (system / name).mkdir(parents=True, exist_ok=True)
        (system / name).chmod(mode)
    subprocess.run(["ldconfig", "-r", str(system)], check=True)
    for size, name in sorted(rows, reverse=True):
        print(f"{size / 1e6:8.1f} MB  {name}")


main()
