"""Many editors at once on PostgreSQL, with several servers, workers and object storage: errors, how soon pages answer,
what one costs, and which program takes how much of the machine.

    python bench/load.py [--brands 50] [--editors 200] [--seconds 60] [--pause 1 3 5] [--servers 1] [--workers 2]
                         [--posts 40] [--publish 5]

A server of PostgreSQL is started for it (apt-get install postgresql; pip install 'psycopg[binary]'), an S3 server
(rclone, of the extra dev) and a fake Instagram, then `feedsmith studio` with all brands and `feedsmith studio work`
beside it. Each editor is signed in by a link of their own, belongs to one brand, and goes on clicking with a pause
between two clicks, half to one and a half times as long as said; each pause is a round of its own. 60 of 100 clicks read
(grid, post, calendar, library, create), 20 edit a caption, 10 send to review and approve, 10 move a post in the feed.
Every brand has three jobs waiting meanwhile (plans brought in, which need no model), so that workers write to the same
database; of --publish brands a post goes out, its picture by the bucket.

`errors`: answers of 400 and more but 409 (somebody else changed the post in between: part of the work), and what was not
answered. Times are until the answer is whole, by the clock of the one asking, which runs on the same machine and
takes its share of it: `server_cpu_ms` is the servers' processor time a request, which that disturbs less.
`processors` are those that each program used on average, of the machine's `of`.
"""

import argparse
import asyncio
import base64
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

import small_studio  # noqa: E402
from feedsmith.brand import Brand as BrandFile  # noqa: E402
from feedsmith.brand import Home  # noqa: E402
from feedsmith.fake_instagram.server import FakeInstagram  # noqa: E402
from s3_server import KEYS, storage  # noqa: E402
from small_publishing import connect  # noqa: E402
from studio_server import Server, memory  # noqa: E402


def program(name: str) -> str:
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(beside[-1]) if beside else shutil.which(name)
    assert found, f"{name} is not installed (apt-get install postgresql)"
    return found


def postgres(folder: Path, ended: ExitStack) -> tuple[str, int]:
    """The address of a fresh database, which is there until `ended`, and its process."""
    import psycopg

    user = None
    folder.mkdir()
    if os.geteuid() == 0:  # it refuses to run as root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
        folder.parent.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
    data = folder / "data"
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "studio", "-A", "trust", "-E", "UTF8"], check=True, **common
    )  # fmt: skip
    server = subprocess.Popen(
        [program("postgres"), "-D", data, "-p", str(port), "-k", "", "-h", "127.0.0.1"],
        stderr=subprocess.DEVNULL, **common,
    )  # fmt: skip
    ended.callback(server.wait, 30)
    ended.callback(server.send_signal, signal.SIGINT)  # without waiting for who is connected
    address = f"postgresql://studio@127.0.0.1:{port}"
    for _ in range(600):
        try:
            psycopg.connect(f"{address}/postgres").close()
            break
        except psycopg.OperationalError:
            time.sleep(0.1)
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE studio")
    return f"{address}/studio", server.pid


PATIENCE = 120
"""Seconds after which a request that was not answered is an error."""

FILL = """
import json, sys
from pathlib import Path
from feedsmith.studio.settings import Config, DATABASE_URL
import os
from feedsmith.studio.start import open_database, welcome
told = json.loads(sys.argv[1])
homes = [Path(home) for home in told["homes"]]
open_database(Config(home=homes[0], database_url=os.environ[DATABASE_URL]))
welcome(homes)
from datetime import timedelta
from django.utils import timezone
from feedsmith.studio import due
from feedsmith.studio.models import Brand, Draft, LoginLink
from feedsmith.studio.models.people import add
people = []
for number, brand in enumerate(Brand.objects.order_by("pk")):
    like = Draft.objects.filter(brand=brand).order_by("pk").first()
    rows = []
    for n in range(told["posts"] - 1):
        row = Draft(brand=brand, folder=f"row-{n:04d}", kind="photo", media=like.media, caption=f"Post {n} of the oaks.",
                    hashtags=["oak"], alt_text=like.alt_text, position=float(n))
        row._index()
        rows.append(row)
    Draft.objects.bulk_create(rows)
    if number < told["publish"]:
        now = timezone.now()
        due.seen(brand, now)
        like.move("approved", by="owner").move(
            "scheduled", by="owner", scheduled_at=now + timedelta(seconds=30 + 5 * number))
    for n in range(number, told["editors"], len(homes)):
        person = add(f"editor{n}", brand, "owner")
        people.append((brand.slug, LoginLink.make(person, 5)))
print(json.dumps(people))
"""


class Editor:
    """One person's browser, without scripts and pictures; a connection of its own that stays open."""

    def __init__(self, number: int, url: str, slug: str, link: str, told: "Told") -> None:
        self.random = random.Random(number)
        self.at = urlsplit(url)
        self.slug, self.link, self.told = slug, link, told
        self.cookies: dict[str, str] = {}
        self.posts: list[int] = []
        self.stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, what: str = ""
    ) -> tuple[int, str]:
        body = b""
        if form is not None:
            body = urlencode(
                form | {"csrfmiddlewaretoken": self.cookies.get("studio_csrf", "")}
            ).encode()
        lines = [
            f"{method} {path} HTTP/1.1", f"Host: {self.at.netloc}",
            "Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
            f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded", "", "",
        ]  # fmt: skip
        began = time.perf_counter()
        try:
            status, said = await asyncio.wait_for(
                self._exchange("\r\n".join(lines).encode() + body), PATIENCE
            )
        except (OSError, EOFError, TimeoutError) as error:
            self.stream = None
            status, said = 0, type(error).__name__
        if what:
            self.told.add(what, status, time.perf_counter() - began, path, said)
        return status, said

    async def _exchange(self, sent: bytes) -> tuple[int, str]:
        reused = self.stream is not None and not self.stream[0].at_eof()
        if self.stream is None or not reused:
            self.stream = await asyncio.open_connection(self.at.hostname, self.at.port)
        reader, writer = self.stream
        try:
            writer.write(sent)
            await writer.drain()
            said = await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            # A server hangs up where nothing comes for five seconds: browsers then ask anew, and so do we.
            if not reused or getattr(error, "partial", b""):
                raise
            self.stream = None
            return await self._exchange(sent)
        head = said.decode("latin-1").split("\r\n")
        length, close = 0, False
        for line in head[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "set-cookie":
                key, _, kept = value.partition(";")[0].partition("=")
                self.cookies[key] = kept
            elif name.lower() == "connection" and value.lower() == "close":
                close = True
        body = await reader.readexactly(length)
        if close:
            writer.close()
            self.stream = None
        return int(head[0].split()[1]), body.decode("utf-8", "replace")

    async def sign_in(self) -> None:
        await self.ask("GET", f"/sign-in/link/{self.link}")
        status, said = await self.ask("POST", f"/sign-in/link/{self.link}", {})
        assert status == 302, (status, said[:200])
        _, page = await self.ask("GET", f"/b/{self.slug}/posts")
        self.posts = [int(n) for n in re.findall(r'data-id="(\d+)"', page)]
        assert self.posts, page[:500]

    async def work(self, until: float, pause: float) -> None:
        await asyncio.sleep(self.random.random() * pause)
        while time.monotonic() < until:
            await self.click()
            await asyncio.sleep(pause * self.random.uniform(0.5, 1.5))

    async def click(self) -> None:
        root, draft = f"/b/{self.slug}", self.random.choice(self.posts)
        dice = self.random.random()
        if dice < 0.6:
            page = self.random.choice(
                ["grid", "grid", "post", "post", "calendar", "library", "create"]
            )
            where = {"grid": "posts", "post": f"posts/{draft}"}.get(page, page)
            await self.ask("GET", f"{root}/{where}", what=page)
        elif dice < 0.9:
            _, page = await self.ask("GET", f"{root}/posts/{draft}", what="post")
            found = re.search(r'name="version" value="(\d+)"', page)
            if found is None:
                return
            form = {"version": found[1]}
            if dice < 0.8:
                words = f"Edited {self.random.random()}"
                said = form | {"caption": words, "hashtags": "#oak", "alt_text": "Green."}
                await self.ask("POST", f"{root}/posts/{draft}/edit", said, what="edit")
            else:
                steps = re.findall(
                    r'name="from" value="(\w+)">[^/]*?name="to" value="(review|approved|draft)"',
                    page,
                )
                if steps:
                    before, after = self.random.choice(steps)
                    said = {"from": before, "to": after}
                    await self.ask("POST", f"{root}/posts/{draft}/state", said, what="approve")
        else:
            other = self.random.choice(self.posts)
            if other != draft:
                form = {"post": str(draft), "before": str(other)}
                await self.ask("POST", f"{root}/posts/order", form, what="move")


class Told:
    """What was answered."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = {}
        self.statuses: Counter[int] = Counter()
        self.wrong: Counter[str] = Counter()

    def add(self, what: str, status: int, seconds: float, path: str, said: str) -> None:
        self.took.setdefault(what, []).append(seconds)
        self.statuses[status] += 1
        if status == 0 or (status >= 400 and status != 409):
            self.wrong[f"{status or said} {re.sub(r'[0-9]+', 'N', path)}"] += 1

    def summary(self, seconds: float) -> dict[str, object]:
        every = sorted(one for rows in self.took.values() for one in rows)
        return {
            "requests": len(every), "a_second": round(len(every) / seconds, 1),
            "errors": sum(self.wrong.values()), "wrong": dict(self.wrong.most_common(5)),
            "statuses": dict(self.statuses), **_times(every),
            "pages": {what: _times(sorted(rows)) for what, rows in sorted(self.took.items())},
        }  # fmt: skip


def _times(took: list[float]) -> dict[str, float]:
    if not took:  # nobody got an answer
        return {}
    return {
        "p50_ms": round(1000 * statistics.median(took), 1),
        "p95_ms": round(1000 * took[int(len(took) * 0.95)], 1),
        "most_ms": round(1000 * took[-1], 1),
    }


def spent(pid: int) -> tuple[float, float]:
    """Seconds of processor that a process has used so far, and those of its children that have ended."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return (int(stat[11]) + int(stat[12])) / ticks, (int(stat[13]) + int(stat[14])) / ticks
    return 0.0, 0.0


def below(pid: int) -> Iterator[tuple[int, bytes]]:
    """A process and all that descend from it, with their command lines."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        with suppress(OSError):
            yield one, Path(f"/proc/{one}/cmdline").read_bytes()
        waiting += parents.get(one, ())


class Machine:
    """Which program used how much."""

    def __init__(self, studio: int, beside: int, database: int) -> None:
        self.studio, self.beside, self.database = studio, beside, database

    def look(self) -> dict[str, float]:
        used = dict.fromkeys(
            ("servers", "workers", "postgres", "asking, instagram and bucket"), 0.0
        )
        for pid, words in below(self.studio):
            own, ended = spent(pid)
            if b"feedsmith.studio.worker" in words:
                used["workers"] += own + ended
            else:
                used["servers"] += own
                used["workers"] += (
                    ended  # and of servers that died: the system adds up both in their parent
                )
        for pid, _ in below(self.beside):
            used["workers"] += sum(spent(pid))
        for pid, _ in below(self.database):
            used["postgres"] += sum(spent(pid))
        mine = os.getpid()
        others = {
            pid for root in (self.studio, self.beside, self.database) for pid, _ in below(root)
        }
        used["asking, instagram and bucket"] = sum(
            spent(pid)[0] for pid, _ in below(mine) if pid not in others
        )
        return used


async def signed_in(editors: list[Editor]) -> None:
    gate = asyncio.Semaphore(4)

    async def in_turn(editor: Editor) -> None:
        async with gate:
            await editor.sign_in()

    await asyncio.gather(*(in_turn(editor) for editor in editors))


async def crowd(
    editors: list[Editor], seconds: float, pauses: list[float], machine: Machine
) -> list[dict[str, object]]:
    """What each round told."""
    await signed_in(editors)
    rounds = []
    for pause in pauses:
        told = Told()
        for editor in editors:
            editor.told = told
        before, began = machine.look(), time.monotonic()
        await asyncio.gather(*(editor.work(began + seconds, pause) for editor in editors))
        used, took = machine.look(), time.monotonic() - began
        found = told.summary(took)
        shares = {name: round((used[name] - before[name]) / took, 2) for name in used}
        # Of servers that died meanwhile it is missing here, and among the workers' (Machine).
        spent_ms = (
            1000 * (used["servers"] - before["servers"]) / max(1, int(str(found["requests"])))
        )
        rounds.append(
            {"pause_s": pause, **found, "server_cpu_ms": round(spent_ms, 2),
             "processors": {**shares, "of": os.cpu_count()}}
        )  # fmt: skip
    return rounds


def waiting_jobs(database: str, each: int) -> None:
    """Plans to be brought in, for every brand."""
    import psycopg

    plan = "date,time,kind,theme\n" + "".join(
        f"2036-03-{d:02d},09:00,quote,oaks\n" for d in range(1, 20)
    )
    args = json.dumps({"name": "plan.csv", "data": base64.b64encode(plan.encode()).decode()})
    with psycopg.connect(database) as connection:
        for _ in range(each):
            connection.execute(
                "INSERT INTO studio_job (brand_id, kind, args, state, asked_at, updated_at, stop_wanted, stage, done,"
                " total, words, worker, attempts, error, mend, result) SELECT id, 'plan', %s, 'queued', now(), now(),"
                " false, '', 0, 1, '', '', 0, '', '', '{}' FROM studio_brand", [args],
            )  # fmt: skip


def fairness(database: str) -> dict[str, object]:
    """In which order brands were served: jobs that a brand was ahead of another at most."""
    import psycopg

    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT brand_id, state FROM studio_job WHERE started_at IS NOT NULL ORDER BY started_at"
        ).fetchall()
        brands = connection.execute("SELECT count(*) FROM studio_brand").fetchone()[0]
    served: Counter[int] = Counter()
    most = 0
    for brand, _ in rows:
        served[brand] += 1
        least = min(served.values()) if len(served) == brands else 0
        most = max(most, served[brand] - least)
    return {"jobs_begun": len(rows), "states": dict(Counter(state for _, state in rows)),
            "most_ahead": most}  # fmt: skip


@contextmanager
def bucket(folder: Path) -> Iterator[dict[str, str]]:
    """Settings of a storage on this machine."""
    with storage(folder, "media") as there:
        yield {
            "FEEDSMITH_S3_ENDPOINT": there.url, "FEEDSMITH_S3_BUCKET": "media",
            "FEEDSMITH_S3_ACCESS_KEY": KEYS.access, "FEEDSMITH_S3_SECRET_KEY": KEYS.secret,
            "FEEDSMITH_S3_KEEP_DAYS": "1",
        }  # fmt: skip


def published(database: str) -> int:
    import psycopg

    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT count(*) FROM studio_draft WHERE state = 'published'")
        return int(rows.fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brands", type=int, default=50)
    parser.add_argument("--editors", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, nargs="+", default=[1.0])
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--posts", type=int, default=40)
    parser.add_argument("--jobs-each", type=int, default=3)
    parser.add_argument("--publish", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ended:
        fake = ended.enter_context(closing(FakeInstagram()))
        fake.start()
        homes = []
        for number in range(options.brands):
            home = Home(Path(folder) / f"b{number:02d}")
            home.create(BrandFile(name=f"B{number:02d}"))
            small_studio.post(home, "00-photo-aaaaaa")
            if number < options.publish:
                connect(fake, home.root)
            homes.append(str(home.root))
        database, database_process = postgres(Path(folder) / "postgres", ended)
        environment = os.environ | ended.enter_context(bucket(Path(folder) / "s3")) | {
            "FEEDSMITH_DATABASE_URL": database,
            "PYTHONPATH": str(ROOT / "src") + os.pathsep + os.environ.get("PYTHONPATH", ""),
        }  # fmt: skip
        told = json.dumps(
            {"homes": homes, "posts": options.posts, "editors": options.editors, "publish": options.publish}
        )  # fmt: skip
        filled = subprocess.run(
            [sys.executable, "-c", FILL, told], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        people = json.loads(filled.stdout.splitlines()[-1])
        here = options.workers // 2
        jobs = ("--jobs", str(options.workers), "--workers", str(here))
        server = Server(
            Path(homes[0]), *homes[1:], *jobs, "--servers", str(options.servers), environment=environment
        )  # fmt: skip
        ended.callback(server.close)
        beside = subprocess.Popen(
            [sys.executable, "-m", "feedsmith", "studio", "work", homes[0], "--jobs", str(options.workers),
             "--workers", str(options.workers - here)],
            env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        ended.callback(beside.wait, 60)
        ended.callback(beside.terminate)
        editors = [
            Editor(number, server.url, slug, link, Told())
            for number, (slug, link) in enumerate(people)
        ]
        waiting_jobs(database, options.jobs_each)
        machine = Machine(server.process.pid, beside.pid, database_process)
        rounds = asyncio.run(crowd(editors, options.seconds, options.pause, machine))
        own = [pid for pid, words in below(server.process.pid) if b"studio.worker" not in words]
        objects = [p for p in (Path(folder) / "s3" / "media").rglob("*") if p.is_file()]
        found = {
            "editors": options.editors, "brands": options.brands, "servers": options.servers, "rounds": rounds,
            "server_mb": [memory(pid) >> 20 for pid in own], "load_of_the_machine": round(os.getloadavg()[0], 1),
            "jobs": fairness(database),
            "published": {"by_the_bucket": published(database), "of": options.publish, "objects": len(objects)},
        }  # fmt: skip
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
