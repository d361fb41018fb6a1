"""docs/licences.md: every package of the default install, and under which licence it is.

    python tools/licences.py            # writes it
    python tools/licences.py --check    # ends with 1 where it is not as the installed packages say

Follows what packages say they need, from pyproject.toml's dependencies on, for Linux; what is not installed, or not
pinned in constraints.txt, ends it with an error.
"""

import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).parents[1]
PAGE = REPO / "docs" / "licences.md"
COMMAND = "python tools/licences.py"
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
MEANT = {
    "Apache 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0", "Apache Software License": "Apache-2.0",
    "BSD License": "BSD", "3-Clause BSD License": "BSD-3-Clause", "MIT License": "MIT", "ISC License": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil
}  # fmt: skip
"""Free words of older packages -> SPDX."""


def needed() -> dict[str, tuple[Distribution, list[str]]]:
    """Canonical name -> (package, who needs it) of all that the default install brings, by name."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    todo = [(Requirement(line), "feedsmith") for line in project["dependencies"]]
    found: dict[str, tuple[Distribution, list[str]]] = {}
    done: set[tuple[str, str]] = set()
    while todo:
        wanted, by = todo.pop(0)
        name = canonicalize_name(wanted.name)
        try:
            package = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"{name}: is not installed; {by} needs it")
        askers = found.setdefault(name, (package, []))[1]
        if by not in askers:
            askers.append(by)
        for extra in ("", *wanted.extras):
            if (name, extra) in done:
                continue
            done.add((name, extra))
            for line in package.requires or []:
                its = Requirement(line)
                if its.marker is None or its.marker.evaluate({**LINUX, "extra": extra}):
                    todo.append((its, name))
    return dict(sorted(found.items()))


def pins() -> dict[str, str]:
    lines = (REPO / "constraints.txt").read_text("utf-8").split()
    return {
        canonicalize_name(name): version
        for name, _, version in (each.partition("==") for each in lines)
    }


def licence(package: Distribution) -> str:
    """As the package says it, SPDX where it can be told."""
    told = package.metadata
    if said := told.get("License-Expression"):
        return str(said)
    classified = [
        line.rpartition(" :: ")[2]
        for line in told.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    said = (told.get("License") or "").strip().splitlines()
    if said and len(said[0]) < 60:
        return MEANT.get(said[0], said[0])
    if classified:
        return " or ".join(MEANT.get(word, word) for word in classified)
    return ""


def page() -> str:
    rows = []
    pinned = pins()
    for name, (package, askers) in needed().items():
        if name not in pinned:
            sys.exit(f"{name}: is not pinned in constraints.txt (needed by {', '.join(askers)})")
        said = licence(package)
        if not said:
            sys.exit(f"{name}: does not say its licence")
        by = ", ".join("**feedsmith**" if each == "feedsmith" else each for each in askers)
        rows.append(
            f"| [{package.name}](https://pypi.org/project/{name}/) | {pinned[name]} | {said} | {by} |"
        )
    return "\n".join(
        [
            f"<!-- Written by `{COMMAND}` from what is installed. -->\n",
            "# Licences\n",
            "Feedsmith is under Apache-2.0. The default install brings these packages, as `constraints.txt` pins them; wheels may "
            "hold libraries of their own: that of av brings FFmpeg and x264, under LGPL and GPL. What comes with Feedsmith itself, "
            "typefaces, weights and photos, is in [NOTICE](../NOTICE).\n",
            "| package | version | licence | needed by |\n|---|---|---|---|",
            *rows,
            f"\n{len(rows)} packages.\n",
        ]
    )


def main() -> None:
    written = page()
    if "--check" not in sys.argv:
        PAGE.write_text(written, "utf-8")
        print(f"docs/licences.md: {written.count('pypi.org')} packages")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != written:
        print(f"docs/licences.md is not as the packages say; {COMMAND}")
        sys.exit(1)


if __name__ == "__main__":
    main()
