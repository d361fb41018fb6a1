"""Starts what compose.yaml says, by Docker Compose, and uses it as people do; then breaks it.

    python tools/compose_check.py                  # builds the image; needs Docker with Compose 2.24 or newer
    python tools/compose_check.py --image          # the image `feedsmith` is there already
    python tools/compose_check.py --stand-ins      # PostgreSQL and rclone made here instead of fetched: no registry
    python tools/compose_check.py --only grown     # the profile `scale` alone; or: one, dyno

compose.yaml is copied as it is into a folder of its own, beside a file .env as docs/deploy/docker.md writes it. `one`: a
studio by itself. `grown`: PostgreSQL, two workers, a bucket, and beside them a fake Instagram, which fetches from the bucket.
`dyno`: as Heroku runs the image, with that PostgreSQL and bucket, and an empty disk at each start.
Checked: the demo export is imported, posts are made (by the workers, where there are), one is published from the
bucket; each service is restarted, and killed with SIGKILL, in turn; a worker is killed while it makes a reel; all
ends within 10 s; `down` and `up` again: every post, photo and file of the bucket is there. Nobody is root, nothing of
a program can be written. About six minutes on two cores.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "src")]

from studio_guest import Guest, link_in  # noqa: E402
from studio_server import until  # noqa: E402
from verdict import Verdict  # noqa: E402

EXPORT = ROOT / "demo" / "tall-tree-outfitters-export.zip"
CA = Path("/etc/ssl/certs/ca-certificates.crt")
STAND_INS = {"postgres:17-bookworm": "postgres", "rclone/rclone:1.75": "rclone"}
"""Images that compose.yaml asks for, and who stands in for each: under a name of its own (`stand_in`)."""
SHOP = "tall.tree.outfitters"
Row = tuple[str, Any, bool]
"""What was looked at, what was seen, whether it is as it must be."""


def said(*words: str, **more: Any) -> str:
    told = subprocess.run(words, capture_output=True, text=True, **more)
    if told.returncode:
        raise SystemExit(f"{' '.join(words)}\n{told.stdout}{told.stderr}")
    return told.stdout.strip()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def logged(container: str) -> str:
    told = subprocess.run(["docker", "logs", container], capture_output=True, text=True)
    return told.stdout + told.stderr


def signed_in(container: str, port: int) -> Guest:
    """Somebody with the link of its log, and a token."""
    until(lambda: link_in(logged(container)), 60, every=0.2)
    guest = Guest(link_in(logged(container)), f"http://127.0.0.1:{port}")
    guest.sign_in()
    guest.make_token()
    return guest


def stand_in(image: str) -> str:
    return f"feedsmith-check/{STAND_INS[image]}"


class Stack:
    """compose.yaml in a folder of its own, and what runs of it."""

    stand_ins = False

    def __init__(self, folder: Path, settings: dict[str, str], *words: str) -> None:
        self.folder, self.words = folder, words
        self.port = free_port()
        shutil.copy(ROOT / "compose.yaml", folder)
        if self.stand_ins:  # Compose reads this file, too
            images = {"database": "postgres:17-bookworm", "objects": "rclone/rclone:1.75"}
            rows = {name: {"image": stand_in(image)} for name, image in images.items()}
            (folder / "compose.override.yaml").write_text(json.dumps({"services": rows}))
        settings = {"FEEDSMITH_LISTEN": f"127.0.0.1:{self.port}",
                    "FEEDSMITH_BRAND": "Tall Tree Outfitters", **settings}  # fmt: skip
        (folder / ".env").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))

    def __call__(self, *words: str) -> str:
        return said("docker", "compose", *self.words, *words, cwd=self.folder)

    def up(self, *words: str) -> float:
        """Seconds until the studio answers."""
        began = time.monotonic()
        self("up", "-d", "--no-build", *words)
        self.wait()
        return time.monotonic() - began

    def wait(self) -> None:
        until(self.open, 120, every=0.2)

    def open(self) -> bool:
        return answers(self.port)

    def guest(self) -> Guest:
        """Somebody with the link of its log, and a token."""
        return signed_in(self.containers()["studio-1"], self.port)

    def containers(self) -> dict[str, str]:
        """Id by name of service and number, running or not: {"worker-1": "3fa9..."}"""
        ids = self("ps", "-aq").split()
        told = said("docker", "inspect", "-f", "{{.Name}} {{.Id}}", *ids).splitlines()
        return {name.split("-", 1)[1]: key for name, key in (row.split() for row in told)}

    def kill(self, container: str) -> None:
        """SIGKILL its first process from outside, as the kernel does; the engine was not asked to."""
        os.kill(int(inspected(container, "{{.State.Pid}}")), signal.SIGKILL)

    def down(self, *words: str) -> None:
        self("down", *words)


def inspected(container: str, what: str) -> str:
    return said("docker", "inspect", "-f", what, container)


def guarded(stack: Stack) -> Iterator[Row]:
    """Users and disks of all that runs."""
    for name, key in stack.containers().items():
        if inspected(key, "{{.State.Running}}") != "true":
            yield f"{name} has ended", (code := inspected(key, "{{.State.ExitCode}}")), code == "0"
            continue
        rows = said("docker", "top", key, "-eo", "pid,uid").splitlines()[1:]
        users = sorted({row.split()[1] for row in rows})
        read_only = inspected(key, "{{.HostConfig.ReadonlyRootfs}}")
        touched = subprocess.run(["docker", "exec", key, "touch", "/x", "/usr/x", "/etc/x"], capture_output=True, text=True)  # fmt: skip
        refused = touched.stderr.count("Read-only")
        yield (
            f"{name}: users, read-only, refused writes",
            [users, read_only, refused],
            "0" not in users and "root" not in users and read_only == "true" and refused == 3,
        )


def kept(stack: "Stack | Dyno", guest: Guest, slug: str) -> dict[str, Any]:
    """What must outlive everything: numbers of posts and photos, and that each post's picture is sent."""
    posts = guest.api("GET", f"/brands/{slug}/posts?limit=100")["posts"]
    media = [medium["url"] for post in posts for medium in post["media"]]
    answers = [picture(stack, guest, url) for url in media]
    photos = guest.api("GET", f"/brands/{slug}/library/photos?limit=1")
    return {"posts": sorted(post["id"] for post in posts), "pictures": answers.count(200),
            "missing": len(answers) - answers.count(200), "photos": photos.get("total", photos)}  # fmt: skip


def unharmed(what: dict[str, Any] | None) -> bool:
    """Whether there are pictures at all, and none is missing: what was lost before would else be equal to what is lost."""
    return what is not None and what["pictures"] > 0 and what["missing"] == 0


def picture(stack: "Stack | Dyno", guest: Guest, url: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    parts = urlsplit(url)
    connection.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {guest.key}"})  # fmt: skip
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def ended(stack: Stack) -> Row:
    """Stop all, as Compose does: who needs others first. Seconds until all are gone, of each, and exit codes."""
    asked = datetime.now(UTC)
    stack("stop")
    seconds, codes = {}, {}
    for name, key in stack.containers().items():
        if name.startswith("bucket"):  # it ended long ago
            continue
        # Nanoseconds are more than Python reads.
        at = datetime.fromisoformat(
            inspected(key, "{{.State.FinishedAt}}")[:26].rstrip("Z") + "+00:00"
        )
        seconds[name] = round((at - asked).total_seconds(), 1)
        codes[name] = int(inspected(key, "{{.State.ExitCode}}"))
    # rclone ends by SIGTERM itself, which is no fault.
    right = all(
        code in ((0, 143) if name.startswith("objects") else (0,)) for name, code in codes.items()
    )
    return (
        "stop: s until each was gone, exit codes",
        [seconds, codes],
        right and 137 not in codes.values(),
    )


def broken(stack: Stack, guest: Guest, slug: str, before: dict[str, Any]) -> Iterator[Row]:
    """Each container restarted, then killed; after each all is there."""
    for name, key in stack.containers().items():
        if inspected(key, "{{.State.Running}}") != "true":
            continue
        for what in ("restart", "kill -9"):
            began, count = time.monotonic(), inspected(key, "{{.RestartCount}}")
            if what == "restart":
                said("docker", "restart", key)
            else:
                stack.kill(key)
                until(lambda: inspected(key, "{{.RestartCount}}") != count, 60, every=0.2)  # noqa: B023
            stack.wait()
            seconds = round(time.monotonic() - began, 1)
            until(lambda: whole(stack, guest, slug) is not None, 60, every=0.5)
            now = whole(stack, guest, slug)
            yield (
                f"{what} {name}: s until it answers, all there",
                [seconds, now == before],
                now == before and unharmed(now),
            )


def whole(stack: Stack, guest: Guest, slug: str) -> dict[str, Any] | None:
    """`kept`, or None while the database is on its way back."""
    try:
        return kept(stack, guest, slug)
    except (AssertionError, OSError, http.client.HTTPException):
        return None


def posts(guest: Guest, slug: str, kinds: Sequence[str]) -> Row:
    """Asked for all at once."""
    began = time.monotonic()
    numbers = [guest.api("POST", f"/brands/{slug}/jobs", {"kind": kind, "count": 1})["id"] for kind in kinds]  # fmt: skip
    states = [guest.over(slug, number)["state"] for number in numbers]
    right = states == ["done"] * len(kinds)
    return f"posts: {', '.join(kinds)}", [states, f"{time.monotonic() - began:.0f} s"], right


def imported(guest: Guest, slug: str) -> Row:
    began = time.monotonic()
    job = guest.upload(slug, [EXPORT])
    report = [job["report"][:1], f"{time.monotonic() - began:.0f} s"]
    return "import of the demo export", report, job["state"] == "done"


def again(stack: Stack, guest: Guest, slug: str, *up: str) -> Iterator[Row]:
    """Taken down, its containers and networks gone; and up again."""
    before = kept(stack, guest, slug)
    yield ended(stack)
    stack.down()
    seconds = stack.up(*up)
    now = kept(stack, guest, slug)
    yield (
        "down and up: s until it answers, what is there",
        [round(seconds, 1), now],
        now == before and unharmed(now),
    )
    yield posts(guest, slug, ["quote"])


# ---- one studio ------------------------------------------------------------------------------------


def one(folder: Path) -> Iterator[Row]:
    stack = Stack(folder, {}, "-p", f"feedsmith{os.getpid()}one")
    try:
        yield "s until it answers", round(stack.up(), 1), True
        names = sorted(stack.containers())
        yield "what runs", names, names == ["studio-1"]
        yield from guarded(stack)
        guest = stack.guest()
        slug = guest.brand()
        yield imported(guest, slug)
        yield posts(guest, slug, ["photo", "quote"])
        yield from broken(stack, guest, slug, kept(stack, guest, slug))
        yield from again(stack, guest, slug)
    finally:
        stack.down("-v", "--timeout", "10")


# ---- grown -----------------------------------------------------------------------------------------


class Instagram:
    """`feedsmith fake-instagram` in a container on the stack's network."""

    def __init__(self, network: str) -> None:
        self.id = said(
            "docker", "run", "-d", "--network", network, "--network-alias", "instagram", "--hostname", "instagram", "-p", "127.0.0.1::8399",
            "--read-only", "--tmpfs", "/tmp", "feedsmith", "feedsmith", "fake-instagram", "--host", "0.0.0.0",
        )  # fmt: skip
        until(lambda: "asks for: " in self.log, 60, every=0.2)
        self.secret = re.search(r"asks for: (\S+)", self.log)[1]  # type: ignore[index]
        self.address = said("docker", "port", self.id, "8399").splitlines()[0]

    @property
    def log(self) -> str:
        return said("docker", "logs", self.id)

    def asked(self, path: str, body: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request("POST", path, body, headers)
        return connection.getresponse()

    def published(self) -> list[dict[str, Any]]:
        """Its switchboard answers programs on its own machine alone."""
        words = (
            "import sys, urllib.request as u; r = u.Request('http://127.0.0.1:8399/_control', sys.argv[2].encode(), "
            "{'X-Fake-Control': sys.argv[1]}); print(u.urlopen(r).read().decode())"
        )
        asked = json.dumps({"do": "state"})
        told = json.loads(
            said("docker", "exec", self.id, "python", "-c", words, self.secret, asked)
        )
        posts: list[dict[str, Any]] = told["posts"]
        return posts

    def connect(self, guest: Guest, slug: str) -> None:
        """By the pages, as a person does."""
        page = guest.post(f"/b/{slug}/accounts", {"do": "connect"})[1]
        found = re.search(r'href="(http[^"]+authorize[^"]+)"', page)
        assert found is not None, page
        parts = urlsplit(found[1].replace("&amp;", "&"))
        form = dict(parse_qsl(parts.query)) | {"username": SHOP, "answer": "allow"}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.asked(f"{parts.path}?{parts.query}", urlencode(form), **kind)
        back = urlsplit(answer.headers["Location"])
        status, said_there = guest.get(f"{back.path}?{back.query}")
        assert status == 302, said_there

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "-f", self.id], capture_output=True)


def grown(folder: Path) -> Iterator[Row]:
    secret = "letters4and9digits"
    port = free_port()
    settings = {
        "FEEDSMITH_DATABASE_PASSWORD": secret,
        "FEEDSMITH_DATABASE_URL": f"postgresql://studio:{secret}@database:5432/studio",
        "FEEDSMITH_JOBS": "2", "FEEDSMITH_WORKERS": "0", "FEEDSMITH_LOG": "json",
        "FEEDSMITH_S3_ACCESS_KEY": "feedsmith", "FEEDSMITH_S3_SECRET_KEY": secret,
        "FEEDSMITH_S3_ENDPOINT": "http://objects:7070", "FEEDSMITH_S3_BUCKET": "media", "FEEDSMITH_S3_KEEP_DAYS": "1",
        "FEEDSMITH_OBJECTS_LISTEN": f"127.0.0.1:{port}",
        "FEEDSMITH_INSTAGRAM_SERVER": "http://instagram:8399",
    }  # fmt: skip
    settings |= app()
    project = f"feedsmith{os.getpid()}grown"
    stack = Stack(folder, settings, "-p", project, "--profile", "scale")
    up = ("--scale", "worker=2")
    instagram: Instagram | None = None
    try:
        yield "s until it answers", round(stack.up(*up), 1), True
        names = sorted(stack.containers())
        wanted = ["bucket-1", "database-1", "objects-1", "studio-1", "worker-1", "worker-2"]
        yield "what runs", names, names == wanted
        instagram = Instagram(f"{project}_inside")
        yield from guarded(stack)
        guest = stack.guest()
        slug = guest.brand()
        yield imported(guest, slug)
        yield posts(guest, slug, ["photo", "quote"])
        yield workers(stack)
        instagram.connect(guest, slug)
        yield published(stack, guest, slug, instagram)
        bucket = inside(stack)
        yield from broken(stack, guest, slug, kept(stack, guest, slug))
        yield reel(stack, guest, slug)
        yield "the bucket after all that", (now := inside(stack)), now == bucket != []
        yield memory(stack)
        instagram.remove()  # or its network cannot be taken down
        yield from again(stack, guest, slug, *up)
        yield "the bucket after down and up", (now := inside(stack)), now == bucket
    finally:
        if instagram:
            instagram.remove()
        stack.down("-v", "--timeout", "10")


def app() -> dict[str, str]:
    from feedsmith.fake_instagram import APP_ID, APP_SECRET

    return {"FEEDSMITH_INSTAGRAM_APP_ID": APP_ID, "FEEDSMITH_INSTAGRAM_APP_SECRET": APP_SECRET}


def workers(stack: Stack) -> Row:
    """Who made the jobs, by their logs."""
    made = {
        name: logged(key).count('"event": "job ended"')
        for name, key in stack.containers().items()
        if name.startswith(("studio", "worker"))
    }
    return "jobs by container", made, made["studio-1"] == 0 and sum(made.values()) >= 3


def inside(stack: Stack) -> list[str]:
    return stack(
        "exec", "-T", "objects", "rclone", "lsf", "-R", "--files-only", "/objects/media"
    ).split()


def published(stack: Stack, guest: Guest, slug: str, instagram: Instagram) -> Row:
    """Approve one, for a minute from now, and wait until it is out: Instagram has fetched it from the bucket."""
    number = guest.api("GET", f"/brands/{slug}/posts?kind=photo")["posts"][0]["id"]
    path = f"/brands/{slug}/posts/{number}"
    guest.api("POST", f"{path}/state", {"to": "approved"})
    at = (datetime.now(UTC) + timedelta(seconds=70)).isoformat()
    guest.api("POST", f"{path}/state", {"to": "scheduled", "at": at})
    until(lambda: guest.api("GET", path)["state"] in ("published", "failed"), 400, every=1)
    state = guest.api("GET", path)["state"]
    out, files = len(instagram.published()), inside(stack)
    return (
        "published: state, posts at Instagram, files in the bucket",
        [state, out, len(files)],
        state == "published" and out == 1 and len(files) == 1,
    )


def reel(stack: Stack, guest: Guest, slug: str) -> Row:
    """A worker's container is killed while it makes a reel: another goes on once its silence is noticed."""
    began = time.monotonic()
    number = guest.api("POST", f"/brands/{slug}/jobs", {"kind": "reel", "count": 1})["id"]
    holders: list[str] = []

    def held() -> bool:
        for name, key in stack.containers().items():
            if name.startswith("worker") and any(
                '"job begun"' in line and f'"job": {number},' in line
                for line in logged(key).splitlines()
            ):
                holders.append(key)
                return True
        return False

    until(held, 120, every=0.5)
    time.sleep(3)
    stack.kill(holders[0])
    job = guest.over(slug, number)
    return (
        "a worker killed in a reel: the job",
        [job["state"], f"{time.monotonic() - began:.0f} s"],
        job["state"] == "done",
    )


# ---- a disk that is new at each start --------------------------------------------------------------


class Dyno:
    """The image as Heroku runs it: a port and a user of the platform's choice, no volume, 512 MB; what it wrote goes with
    it. Its database and its bucket lie elsewhere: in containers of the stack."""

    def __init__(self, network: str, settings: dict[str, str]) -> None:
        self.port, self.began = free_port(), time.monotonic()
        said_all = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        self.id = said(
            "docker", "run", "-d", "--network", network, "-p", f"127.0.0.1:{self.port}:5000", "-u", "43210:43210",
            "-e", "PORT=5000", "-e", "DYNO=web.1", "--memory", "512m", "--memory-swap", "512m", "--cap-drop", "all",
            *said_all, "feedsmith",
        )  # fmt: skip
        until(lambda: answers(self.port) or not self.runs, 180, every=0.2)
        if not self.runs:
            raise SystemExit(logged(self.id))
        self.seconds = round(time.monotonic() - self.began, 1)

    @property
    def runs(self) -> bool:
        return inspected(self.id, "{{.State.Running}}") == "true"

    def end(self, how: str) -> float:
        """Stopped or killed, and its disk forgotten; seconds."""
        began = time.monotonic()
        said("docker", *(["stop", "-t", "30"] if how == "stop" else ["kill"]), self.id)
        seconds = round(time.monotonic() - began, 1)
        said("docker", "rm", "-v", self.id)
        return seconds


def dyno(folder: Path) -> Iterator[Row]:
    secret, project = "letters4and9digits", f"feedsmith{os.getpid()}dyno"
    stack = Stack(folder, {"FEEDSMITH_DATABASE_PASSWORD": secret, "FEEDSMITH_S3_ACCESS_KEY": "feedsmith", "FEEDSMITH_S3_SECRET_KEY": secret,
                           "FEEDSMITH_OBJECTS_LISTEN": f"127.0.0.1:{free_port()}"}, "-p", project, "--profile", "scale")  # fmt: skip
    settings = {
        "FEEDSMITH_DATABASE_URL": f"postgresql://studio:{secret}@database:5432/studio", "FEEDSMITH_MIRROR": "studio",
        "FEEDSMITH_S3_ENDPOINT": "http://objects:7070", "FEEDSMITH_S3_BUCKET": "media",
        "FEEDSMITH_S3_ACCESS_KEY": "feedsmith", "FEEDSMITH_S3_SECRET_KEY": secret, "FEEDSMITH_BRAND": "Tall Tree Outfitters",
        "FEEDSMITH_INSTAGRAM_SERVER": "http://instagram:8399", **app(),
    }  # fmt: skip
    instagram: Instagram | None = None
    life: Dyno | None = None
    try:
        stack("up", "-d", "--no-build", "--wait", "database", "objects")
        instagram = Instagram(f"{project}_inside")
        life = Dyno(f"{project}_inside", settings)
        user = said("docker", "exec", life.id, "id", "-u")
        yield "s until it answers, as user", [life.seconds, user], user == "43210"
        guest = signed_in(life.id, life.port)
        slug = guest.brand()
        yield imported(guest, slug)
        yield posts(guest, slug, ["photo", "quote"])
        instagram.connect(guest, slug)
        for how in ("stop", "kill"):
            before = kept(life, guest, slug)
            time.sleep(10 if how == "kill" else 0)  # the mirror looks every five seconds
            seconds = life.end(how)
            life = Dyno(f"{project}_inside", settings)
            guest.url = f"http://127.0.0.1:{life.port}"
            now = kept(life, guest, slug)
            row = {"s to end": seconds, "s until it answers": life.seconds, **now}
            yield f"{how}, and a new disk: what is there", row, now == before and unharmed(now)
            page = guest.get(f"/b/{slug}/accounts")[1]
            yield "the account is connected", (there := SHOP in page), there
            yield posts(guest, slug, ["quote"])
    finally:
        if life:
            subprocess.run(["docker", "rm", "-fv", life.id], capture_output=True)
        if instagram:
            instagram.remove()
        stack.down("-v", "--timeout", "10")


def memory(stack: Stack) -> Row:
    """Of each container as the engine counts it."""
    told = said("docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}")
    project = stack.words[1]
    used = {
        row.split()[0].removeprefix(f"{project}-"): row.split()[1]
        for row in told.splitlines()
        if row.startswith(project)
    }
    return "memory now", used, True


# ---- all -------------------------------------------------------------------------------------------


def build(given: argparse.Namespace) -> None:
    secret = [f"--secret=id=pip_ca,src={CA}"] if CA.exists() else []
    if given.stand_ins:
        for name, place in STAND_INS.items():
            subprocess.run(["docker", "build", "-q", *secret, "-t", stand_in(name), str(ROOT / "tools" / "stand_ins" / place)], check=True, stdout=sys.stderr)  # fmt: skip
    if not given.image:
        subprocess.run(["docker", "build", *secret, "-t", "feedsmith", str(ROOT)], check=True, stdout=sys.stderr)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--image", action="store_true", help="do not build `feedsmith`")
    parser.add_argument("--stand-ins", action="store_true", help="make PostgreSQL's and rclone's")
    parser.add_argument("--only", choices=["one", "grown", "dyno"])
    given = parser.parse_args()
    build(given)
    Stack.stand_ins = given.stand_ins
    verdict = Verdict()
    for name, checks in (("one", one), ("grown", grown), ("dyno", dyno)):
        if given.only in (None, name):
            with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
                verdict.take(checks(Path(scratch)), name)
    verdict.end()


if __name__ == "__main__":
    main()
