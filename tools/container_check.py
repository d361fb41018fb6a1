"""Builds the image, runs it as docs/deploy/docker.md says, under a hard limit on memory, and uses it as a person does.

    python tools/container_check.py                    # about five minutes on two cores; with docker, or buildah and podman
    python tools/container_check.py --image feedsmith  # without building
    python tools/container_check.py --photos 200 --posts 100 --restarts 5     # the soak of docs/deploy/memory.md

Without a registry to pull from, make the base first: --bootstrap (Debian, root, apt-get install debootstrap).
Checked, each with a word on the last lines: nobody is root, nothing but /data and /tmp can be written, the engine finds it healthy,
the link in the log signs in once, the demo export is imported, posts are made, no process is killed for want of memory, it
ends within 10 s of SIGTERM with exit code 0, it opens again with all that it had.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "src")]

import cgroup  # noqa: E402
from studio_guest import KINDS, Guest, link_in  # noqa: E402
from studio_server import until  # noqa: E402
from verdict import Verdict  # noqa: E402

EXPORT = ROOT / "demo" / "tall-tree-outfitters-export.zip"
BASE = "python:3.11-slim-bookworm"
CA = Path("/etc/ssl/certs/ca-certificates.crt")
SECONDS_TO_END = 10


def said(*words: str, **more: Any) -> str:
    told = subprocess.run(words, capture_output=True, text=True, **more)
    if told.returncode:
        raise SystemExit(f"{' '.join(words)}\n{told.stdout}{told.stderr}")
    return told.stdout.strip()


class Engine:
    """Docker where it answers, else podman with buildah."""

    def __init__(self) -> None:
        self.docker = (
            bool(shutil.which("docker"))
            and not subprocess.run(["docker", "info"], capture_output=True).returncode
        )
        if not self.docker and not (shutil.which("podman") and shutil.which("buildah")):
            raise SystemExit(
                "needs docker, or podman and buildah: apt-get install buildah podman runc"
            )
        # crun, podman's own choice, refuses control groups of both versions side by side.
        self.program = ["docker"] if self.docker else [
            "podman", *(["--runtime", "runc"] if shutil.which("runc") else [])]  # fmt: skip

    def __call__(self, *words: str) -> str:
        return said(*self.program, *words)

    def bootstrap(self) -> None:
        """A base with Debian's Python, under the name that the Dockerfile asks for."""
        name = f"localhost/{BASE}"
        if not subprocess.run(
            [*self.program, "image", "inspect", name], capture_output=True
        ).returncode:
            return
        with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
            root = f"{scratch}/root"
            packages = "--include=python3,python3-venv,ca-certificates"
            said("debootstrap", "--variant=minbase", packages, "bookworm", root)
            said("sh", "-c", f"rm -rf {root}/var/cache/apt/* {root}/var/lib/apt/lists/*; "
                 f"ln -sf python3 {root}/usr/bin/python; tar -C {root} --numeric-owner --exclude=./dev/* "
                 f"-c . | {' '.join(self.program)} import -q - {name}")  # fmt: skip

    def build(self, image: str) -> float:
        began = time.monotonic()
        secret = [f"--secret=id=pip_ca,src={CA}"] if CA.exists() else []
        if self.docker:
            command = ["docker", "build", *secret, "-t", image, str(ROOT)]
        else:  # no namespaces of its own are needed so
            command = ["buildah", "bud", "--layers", "--format", "docker", "--isolation", "chroot",
                       "--network", "host", "--pull=never", *secret, "-t", image, str(ROOT)]  # fmt: skip
        subprocess.run(command, check=True, stdout=sys.stderr)
        return time.monotonic() - began


class Container:
    """The image, running as compose.yaml runs it."""

    def __init__(self, engine: Engine, image: str, limit: int, volume: str, *more: str) -> None:
        self.engine, self.volume = engine, volume
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # podman needs a network's helper programs for ports of its own; the host's are as good here.
        ports = ["-p", f"127.0.0.1:{self.port}:8321"] if engine.docker else [
            "--network", "host", "-e", f"FEEDSMITH_PORT={self.port}", "-e", "FEEDSMITH_HOST=127.0.0.1",
            "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]  # fmt: skip
        self.id = engine(
            "run", "-d", "--memory", f"{limit}m", "--memory-swap", f"{limit}m", "--read-only", "--tmpfs", "/tmp",
            "--cap-drop", "all", "--security-opt", "no-new-privileges", "-v", f"{volume}:/data",
            "-e", "FEEDSMITH_BRAND=Tall Tree Outfitters", *ports, *more, image,
        ).splitlines()[-1]  # fmt: skip

    @property
    def log(self) -> str:
        told = subprocess.run(
            [*self.engine.program, "logs", self.id], capture_output=True, text=True
        )
        return told.stdout + told.stderr

    def guest(self, key: str = "") -> Guest:
        """Once it is open: somebody with the link of its log."""
        until(lambda: link_in(self.log) or not self.running, 300, every=0.2)
        if not self.running:
            raise SystemExit(f"it does not start:\n{self.log}")
        guest = Guest(link_in(self.log), f"http://127.0.0.1:{self.port}")
        guest.key = key
        return guest

    @property
    def running(self) -> bool:
        return self.engine("inspect", "-f", "{{.State.Running}}", self.id) == "true"

    @property
    def pid(self) -> int:
        return int(self.engine("inspect", "-f", "{{.State.Pid}}", self.id))

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self.engine.program, "exec", self.id, *words], capture_output=True, text=True
        )

    def stop(self) -> tuple[float, int]:
        """Seconds until it was gone, and its exit code."""
        began = time.monotonic()
        self.engine("stop", "-t", "60", self.id)
        return time.monotonic() - began, int(
            self.engine("inspect", "-f", "{{.State.ExitCode}}", self.id)
        )

    def start(self) -> None:
        self.engine("start", self.id)

    def remove(self) -> None:
        subprocess.run([*self.engine.program, "rm", "-f", self.id], capture_output=True)


class Memory(cgroup.Group):
    """The container's own control group, looked at from outside."""

    def __init__(self, container: Container) -> None:
        self.second = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        self.path = cgroup.of(container.pid, self.second)
        self.peak, self.at_peak = 0, dict[str, int]()
        self.start_looking()

    def __exit__(self, *error: object) -> None:
        self.stop_looking()


def checks(
    engine: Engine, given: argparse.Namespace, volume: str, folder: Path
) -> Iterator[tuple[str, Any, bool]]:
    """What was looked at, what was seen, whether it is as it must be."""
    began = time.monotonic()
    container = Container(engine, given.image, given.limit, volume)
    try:
        guest = container.guest()
        yield "s until it is open", round(time.monotonic() - began, 1), True
        yield "who runs", (who := container.run("id", "-u").stdout.strip()), who == "10001"
        told = container.run(
            "sh", "-c", "touch /opt/x /usr/x /x; touch /tmp/x && touch /data/.x && rm /data/.x"
        )
        yield (
            "what can be written",
            told.stderr.count("Read-only"),
            (told.returncode, told.stderr.count("Read-only")) == (0, 3),
        )
        yield "health", (health := container.run("studio", "--healthy").returncode), health == 0
        doctor = container.run("feedsmith", "doctor", "--json")
        levels = (
            [row["level"] for row in json.loads(doctor.stdout)["findings"]]
            if doctor.stdout.startswith("{")
            else ["bad"]
        )
        yield (
            "doctor",
            {level: levels.count(level) for level in sorted(set(levels))},
            "bad" not in levels,
        )

        guest.sign_in()
        again, _ = Guest(guest.link, guest.url).get(guest.link[guest.link.index("/sign-in") :])
        yield "the link a second time", again, again == 410
        guest.make_token()
        slug = guest.brand()
        with Memory(container) as memory:
            began = time.monotonic()
            job = guest.upload(slug, [EXPORT])
            yield (
                "import of the demo export",
                {
                    "s": round(time.monotonic() - began),
                    "report": job["report"][:2],
                    "peak, MB": memory.peak >> 20,
                },
                job["state"] == "done",
            )
            if given.photos:
                from bench.capped import photos

                began, memory.peak = time.monotonic(), 0
                job = guest.upload(slug, photos(given.photos, folder))
                yield (
                    f"import of {given.photos} photos of 12 MP",
                    {
                        "s": round(time.monotonic() - began),
                        "report": job["report"][:2],
                        "peak, MB": memory.peak >> 20,
                    },
                    job["state"] == "done",
                )
            yield "killed while importing", memory.oom_kills, memory.oom_kills == 0
        yield from lives(container, guest.key, slug, given)
    finally:
        if given.keep:
            print(
                f"left running: {container.id[:12]} on port {container.port}, volume {volume}",
                file=sys.stderr,
            )
        else:
            container.remove()


def lives(
    container: Container, key: str, slug: str, given: argparse.Namespace
) -> Iterator[tuple[str, Any, bool]]:
    """Restarts, and posts of all kinds in between."""
    kinds = given.kinds.split(",")
    rows: list[dict[str, Any]] = []
    each = -(-given.posts // (given.restarts + 1))
    for life in range(given.restarts + 1):
        seconds, code = container.stop()
        yield (
            f"end {life + 1}: s, exit code",
            [round(seconds, 1), code],
            seconds <= SECONDS_TO_END and code == 0,
        )
        began = time.monotonic()
        container.start()
        guest = container.guest(key)
        until(lambda: answers(guest), 300, every=0.2)  # noqa: B023
        opened = time.monotonic() - began
        with Memory(container) as memory:
            for number in range(each):
                memory.peak, start = 0, time.monotonic()
                kind = kinds[len(rows) % len(kinds)]
                job = guest.post_of(slug, kind)
                if not number:
                    yield (
                        f"start {life + 1}: s until open, until the first post ({kind})",
                        [round(opened, 1), round(time.monotonic() - began, 1)],
                        True,
                    )
                rows.append({"kind": kind, "state": job["state"], "error": job["error"], "s": round(time.monotonic() - start, 1),
                             "peak": memory.peak, "now": memory.anonymous(), "at": dict(memory.at_peak)})  # fmt: skip
                print(
                    json.dumps(
                        {
                            k: v >> 20 if k in ("peak", "now") else v
                            for k, v in rows[-1].items()
                            if k != "at"
                        }
                    ),
                    file=sys.stderr,
                    flush=True,
                )
            yield (
                f"life {life + 1}: processes killed for want of memory",
                memory.oom_kills,
                memory.oom_kills == 0,
            )
    failed = [row for row in rows if row["state"] != "done"]
    yield "posts", {"made": len(rows) - len(failed), "not made": failed}, not failed
    most = max(rows, key=lambda row: row["peak"])
    yield (
        "most anonymous memory, MB",
        {
            "MB": most["peak"] >> 20,
            "kind": most["kind"],
            "who": {k: v >> 20 for k, v in most["at"].items()},
        },
        most["peak"] < given.limit << 20,
    )
    yield (
        "peak by kind, MB",
        {
            k: max(r["peak"] for r in rows if r["kind"] == k) >> 20
            for k in kinds
            if any(r["kind"] == k for r in rows)
        },
        True,
    )
    half = [row["now"] for row in rows[len(rows) // 2 :]]
    if len(half) > 4:
        slope = statistics.linear_regression(range(len(half)), half).slope / 1024
        yield "kB a post that it holds more, over the second half", round(slope, 1), True


def answers(guest: Guest) -> bool:
    with contextlib.suppress(OSError):
        return guest.get("/readyz")[0] == 200
    return False


def sizes(engine: Engine, image: str) -> dict[str, Any]:
    """MB: as installed, and as a registry keeps it."""
    whole = int(engine("image", "inspect", "-f", "{{.Size}}", image))
    told = {"image, MB": round(whole / 1e6)}
    if not engine.docker:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
            said("podman", "push", "-q", image, f"oci:{scratch}/image:latest")
            told["compressed, MB"] = round(
                sum(p.stat().st_size for p in Path(scratch).rglob("*") if p.is_file()) / 1e6
            )
    else:
        saved = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
        told["compressed, MB"] = round(
            int(said("sh", "-c", "gzip -6 | wc -c", stdin=saved.stdout)) / 1e6
        )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--image", default="", help="an image that is there; else one is built")
    parser.add_argument("--bootstrap", action="store_true", help="make the base by debootstrap")
    parser.add_argument("--limit", type=int, default=512, help="MB")
    parser.add_argument("--photos", type=int, default=0)
    parser.add_argument("--posts", type=int, default=4)
    parser.add_argument("--restarts", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", action="store_true", help="leave the container running")
    parser.add_argument("--sizes", action="store_true", help="measure the image, too: a minute")
    given = parser.parse_args()
    engine, verdict = Engine(), Verdict()
    if given.bootstrap:
        engine.bootstrap()
    if not given.image:
        given.image = "feedsmith"
        verdict.seen["s to build"] = round(engine.build(given.image))
    if given.sizes:
        verdict.seen |= sizes(engine, given.image)
    volume = f"feedsmith-check-{os.getpid()}"
    try:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
            verdict.take(checks(engine, given, volume, Path(scratch) / "photos"))
    finally:
        if not given.keep:
            subprocess.run([*engine.program, "volume", "rm", "-f", volume], capture_output=True)
    verdict.end()


if __name__ == "__main__":
    main()
