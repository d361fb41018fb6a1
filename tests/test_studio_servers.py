"""Several servers at one address: real processes, killed, asked and ended as they are in use."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import small_studio
from feedsmith.brand import Brand, Home
from studio_server import Server, until
from test_studio_postgres import postgres as postgres  # a server of its own

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes by /proc")

POSTS = "/b/oak/posts"


def children(parent: int, module: str = "feedsmith.studio.server") -> list[int]:
    """Process ids of a keeper's servers (or of another module that it started)."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if entry.name.isdigit() and module.encode() in words:
                above = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if above == parent:
                    found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return sorted(found)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def home_of(folder: Path) -> Path:
    home = Home(folder / "oak")
    home.create(Brand(name="Oak"))
    small_studio.post(home, "01-photo-aaaaaa")
    return home.root


def opened(folder: Path, *more: str, environment: dict[str, str] | None = None) -> Server:
    """A studio with two servers, both of which answer."""
    server = Server(home_of(folder), "--servers", "2", *more, environment=environment)
    both_answer(server)
    return server


def both_answer(server: Server) -> None:
    until(lambda: len(children(server.process.pid)) == 2)
    for pid in children(server.process.pid):
        by(server, pid).close()


class Line:
    """A connection that stays open: all that is asked on it, one server answers."""

    def __init__(self, server: Server) -> None:
        at = urlsplit(server.url)
        self.server, self.cookies = server, server.cookies
        self.to = 0
        self.socket = socket.create_connection((at.hostname, at.port), 30)

    def ask(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        try:
            return self._ask(method, path, body)
        except ConnectionError:
            # A server hangs up where nothing comes for five seconds: browsers then ask anew, and so do we.
            if not self.to:
                raise
            self.socket.close()
            self.socket = by(self.server, self.to).socket.dup()
            return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: str) -> tuple[int, str]:
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        self.socket.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: {urlsplit(self.server.url).netloc}\r\nCookie: {cookies}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )  # fmt: skip
        got = b""
        while b"\r\n\r\n" not in got:
            part = self.socket.recv(1 << 16)
            if not part:
                raise ConnectionError
            got += part
        head, _, rest = got.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])  # type: ignore[index]
        while len(rest) < length:
            rest += self.socket.recv(1 << 16)
        return int(head.split()[1]), rest.decode("utf-8", "replace")

    @property
    def pid(self) -> int | None:
        """Which server has the other end."""
        own = self.socket.getsockname()[1]
        for pid in children(self.server.process.pid):
            if own in _ports(pid):
                return pid
        return None

    def close(self) -> None:
        self.socket.close()

    __del__ = close


def _ports(pid: int) -> set[int]:
    """Ports of those who are connected to a process."""
    nodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink())):
                nodes.add(found[1])
        except OSError:
            continue
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[9] in nodes}


def by(server: Server, pid: int) -> Line:
    """A connection to this server."""
    found: list[Line] = []

    def one() -> bool:
        line = Line(server)
        if line.ask("GET", "/healthz")[0] == 200 and line.pid == pid:
            line.to = pid
            found.append(line)
        else:
            line.close()
        return bool(found)

    until(one, 120, every=0)
    return found[0]


def token(server: Server) -> str:
    return "csrfmiddlewaretoken=" + server.cookies.get("studio_csrf", "")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    passing = tmp_path_factory.mktemp("a folder with a long name, as some systems have it " * 3)
    server = opened(
        tmp_path_factory.mktemp("two"),
        environment=os.environ | {"FEEDSMITH_LOG": "json", "TMPDIR": str(passing)},
    )
    server.sign_in()
    yield server
    server.close()


# ---- what every server knows ---------------------------------------------------------------------


def test_both_servers_answer_and_whoever_signed_in_at_one_is_known_to_the_other(
    two: Server,
) -> None:
    for pid in children(two.process.pid):
        line = by(two, pid)
        status, page = line.ask("GET", POSTS)
        assert status == 200
        assert "Oak" in page
        line.close()


def test_a_link_opens_once_whichever_server_is_asked(two: Server) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", "user", "add", "ana", str(two.home)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"/sign-in/link/\S+", told.stdout)
    assert found is not None
    lines = [by(two, pid) for pid in children(two.process.pid)]
    for line in lines:
        line.cookies = {"studio_csrf": two.cookies["studio_csrf"]}  # of somebody not signed in yet
    with ThreadPoolExecutor() as both:  # at the same moment
        asked = [both.submit(line.ask, "POST", found[0], token(two)) for line in lines]
        statuses = [one.result()[0] for one in asked]
    assert statuses.count(302) == 1


def test_news_reach_a_page_that_is_open_at_the_other_server(two: Server) -> None:
    one, other = children(two.process.pid)
    first = by(two, one)
    cookies = "; ".join(f"{k}={v}" for k, v in two.cookies.items())
    host = urlsplit(two.url).netloc
    first.socket.sendall(
        f"GET /b/oak/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n\r\n".encode()
    )
    heard = b""

    def listen() -> None:
        nonlocal heard
        with contextlib.suppress(OSError):  # it is closed at the end of the test
            while part := first.socket.recv(1 << 16):
                heard += part

    threading.Thread(target=listen, daemon=True).start()
    until(lambda: b"retry: 2000" in heard, 60)
    number = int(re.search(r'data-id="(\d+)"', two.get(POSTS)[1])[1])  # type: ignore[index]
    second = by(two, other)
    assert second.ask("POST", f"{POSTS}/{number}/favourite", f"on=1&{token(two)}")[0] == 302
    until(lambda: f"event: draft\ndata: {number}\n".encode() in heard, 60)
    first.close()
    second.close()


def test_what_is_asked_too_often_is_refused_by_both(two: Server) -> None:
    lines = [by(two, pid) for pid in children(two.process.pid)]
    statuses = [lines[n % 2].ask("GET", "/hosted/1/aa/x.jpg")[0] for n in range(80)]
    assert statuses[:60] == [404] * 60
    assert statuses[60:] == [429] * 20


def test_a_file_goes_on_at_the_other_server_where_it_broke_off(two: Server) -> None:
    picture = (two.home / "posts" / "01-photo-aaaaaa" / "01.jpg").read_bytes()
    half = len(picture) // 2
    status, said = two.post(
        "/b/oak/library/uploads", {"name": "a.jpg", "size": str(len(picture)), "mark": "1"}
    )
    assert status == 200, said
    key, have = json.loads(said)["key"], 0
    pieces = (picture[:half], picture[half:])
    for pid, piece in zip(children(two.process.pid), pieces, strict=True):
        line = by(two, pid)
        host = urlsplit(two.url).netloc
        cookies = "; ".join(f"{k}={v}" for k, v in two.cookies.items())
        line.socket.sendall(
            f"POST /b/oak/library/uploads/{key}?from={have} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n"
            f"X-CSRFToken: {two.cookies['studio_csrf']}\r\nContent-Length: {len(piece)}\r\n\r\n".encode() + piece
        )  # fmt: skip
        answer = b""
        while not answer.endswith(b"}"):
            answer += line.socket.recv(1 << 16)
        have += len(piece)
        assert json.loads(answer.rpartition(b"\r\n")[2]) == {"have": have}
    files = list((two.home / "studio" / "uploads").glob("*/a.jpg"))
    assert [file.read_bytes() for file in files] == [picture]


# ---- numbers, health, logs -----------------------------------------------------------------------


def _counted(line: Line) -> float:
    status, text = line.ask("GET", "/metrics")
    assert status == 200, text
    rows = re.findall(r'^feedsmith_requests_total\{[^}]*route="healthz"[^}]*\} (\S+)$', text, re.M)
    assert len(rows) == 1
    return float(rows[0])


def test_numbers_are_those_of_all_servers_whichever_is_asked(two: Server) -> None:
    first, second = (by(two, pid) for pid in children(two.process.pid))
    before = _counted(first)
    for line in (first, second, first):
        assert line.ask("GET", "/healthz")[0] == 200
    assert _counted(first) == _counted(second) == before + 3
    text = second.ask("GET", "/metrics")[1]
    assert re.search(r"^feedsmith_servers 2\.0$", text, re.M)
    assert text.count("# TYPE feedsmith_requests_total counter") == 1
    held = float(re.search(r"^process_resident_memory_bytes (\S+)$", text, re.M)[1])  # type: ignore[index]
    assert held > 2 * 40e6  # of three processes
    assert first.ask("GET", "/readyz") == (200, "ok\n")


def test_who_tidies_up_passing_files_takes_nothing_that_the_servers_need(two: Server) -> None:
    line = by(two, children(two.process.pid)[0])
    before = _counted(line)
    (passing,) = two.home.parent.parent.glob("a folder*0")
    for entry in passing.iterdir():
        if not entry.name.startswith(
            "feedsmith-turns-"
        ):  # as deploy/image/studio does at each start
            shutil.rmtree(entry)
    assert line.ask("GET", "/readyz") == (200, "ok\n")
    assert _counted(line) >= before


def test_no_count_falls_back_when_a_server_dies(two: Server) -> None:
    pid, other = children(two.process.pid)
    line = by(two, other)
    by(two, pid).close()
    before = _counted(line)
    spent = _spent(line)
    os.kill(pid, signal.SIGKILL)
    both_anew(two, pid)
    line = by(two, other)
    assert _counted(line) >= before
    assert _spent(line) >= spent
    assert re.search(r"^feedsmith_server_deaths_total [1-9]", line.ask("GET", "/metrics")[1], re.M)
    assert '"event": "process died"' in two.output
    assert f'"server": {pid}' in two.output


def _spent(line: Line) -> float:
    text = line.ask("GET", "/metrics")[1]
    return float(re.search(r"^process_cpu_seconds_total (\S+)$", text, re.M)[1])  # type: ignore[index]


def both_anew(server: Server, gone: int) -> None:
    until(lambda: gone not in children(server.process.pid))
    both_answer(server)


# ---- what is killed ------------------------------------------------------------------------------


def kills_in_the_middle(server: Server, captions: Callable[[], list[str]]) -> None:
    """Servers are killed while somebody edits: each edit that was answered is there, none is there twice, and the
    next click is answered."""
    number = int(re.search(r'data-id="(\d+)"', server.get(POSTS)[1])[1])  # type: ignore[index]
    kept: list[str] = []
    unsure = 0
    for turn in range(24):
        if turn % 6 == 3:  # at the same time as the edit
            victims = children(server.process.pid)
            victim = victims[turn // 6 % len(victims)]
            threading.Timer(0.01 * (turn // 6), os.kill, (victim, signal.SIGKILL)).start()
        while True:
            try:
                page = server.get(f"{POSTS}/{number}")[1]
                version = re.search(r'name="version" value="(\d+)"', page)[1]  # type: ignore[index]
                words = f"Edit {turn} of {version}."
                form = {
                    "version": version,
                    "caption": words,
                    "hashtags": "#oak",
                    "alt_text": "Green.",
                }
                status, said = server.post(f"{POSTS}/{number}/edit", form)
            except (ConnectionError, HTTPException):  # cut off: asked anew, as people do
                unsure += 1
                continue
            if status == 302:
                kept.append(words)
                break
            assert status == 409, said
    found = captions()
    assert [words for words in kept if words not in found] == []
    assert len(found) == len(set(found))
    assert len(kept) == 24
    assert len(found) <= len(kept) + unsure + 1  # and the one it was made with


def test_a_server_that_is_killed_in_a_click_loses_no_edit(two: Server) -> None:
    def captions() -> list[str]:
        with sqlite3.connect(two.home / "studio.db") as database:
            rows = database.execute("SELECT json_extract(words, '$.caption') FROM studio_revision")
            return [words for (words,) in rows]

    kills_in_the_middle(two, captions)
    both_answer(two)


def test_on_postgresql_neither(postgres: str, tmp_path: Path) -> None:
    import psycopg

    def captions() -> list[str]:
        with psycopg.connect(postgres) as database:
            rows = database.execute("SELECT words ->> 'caption' FROM studio_revision").fetchall()
            return [words for (words,) in rows]

    two = opened(tmp_path, environment=os.environ | {"FEEDSMITH_DATABASE_URL": postgres})
    try:
        kills_in_the_middle(two.sign_in(), captions)
    finally:
        two.close()


def test_ending_it_ends_all_at_once_and_says_goodbye(tmp_path: Path) -> None:
    server = opened(tmp_path)
    server.sign_in()
    below = children(server.process.pid)
    stream = by(server, below[0])
    cookies = "; ".join(f"{k}={v}" for k, v in server.cookies.items())
    host = urlsplit(server.url).netloc
    stream.socket.sendall(
        f"GET /b/oak/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n\r\n".encode()
    )
    assert stream.socket.recv(1 << 16)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0  # what an engine of containers waits
    assert not any(alive(pid) for pid in below)
    assert "The studio is closed." in server.output
    assert "Traceback" not in server.output


@pytest.mark.parametrize("servers", [1, 2])
def test_who_is_impatient_at_the_end_spoils_nothing(tmp_path: Path, servers: int) -> None:
    server = Server(home_of(tmp_path), "--servers", str(servers)).sign_in()
    if servers > 1:
        both_answer(server)
    below = children(server.process.pid)
    form = {"kind": "quote", "count": "1", "seed": "1"}
    assert server.post("/b/oak/create", form)[0] == 302
    until(lambda: server.workers)
    workers = server.workers
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM) * 4:
        if server.process.poll() is None:
            server.process.send_signal(number)
        time.sleep(0.02)
    assert server.process.wait(60) == 0
    assert "The studio is closed." in server.output
    assert "Traceback" not in server.output
    assert not any(alive(pid) for pid in (*below, *workers))
    assert not (server.home / "studio" / "counts").exists()
    with sqlite3.connect(server.home / "studio.db") as database:
        rows = database.execute("SELECT state, attempts FROM studio_job").fetchall()
    assert all(state != "running" and attempts == 0 for state, attempts in rows if state != "done")


def test_a_system_without_what_several_servers_need_opens_the_studio_with_one(
    tmp_path: Path,
) -> None:
    """As on Windows."""
    (tmp_path / "less").mkdir()
    (tmp_path / "less" / "sitecustomize.py").write_text(
        "import select, socketserver, sys\n"
        "del select.poll, socketserver.UnixStreamServer, socketserver.ThreadingUnixStreamServer\n"
        "sys.modules['feedsmith.studio.keeper'] = None\n"
    )
    path = os.pathsep.join([str(tmp_path / "less"), os.environ.get("PYTHONPATH", "")])
    server = Server(home_of(tmp_path), environment=os.environ | {"PYTHONPATH": path})
    try:
        assert "Oak" in server.sign_in().get(POSTS)[1]
        assert server.get("/readyz") == (200, "ok\n")
    finally:
        assert server.close() == 0


def test_nobody_is_left_where_the_keeper_is_killed(tmp_path: Path) -> None:
    server = opened(tmp_path)
    below = children(server.process.pid)
    port = urlsplit(server.url).port
    server.kill()
    until(lambda: not any(alive(pid) for pid in below), 20)
    again = Server(server.home, "--servers", "2", "--port", str(port))  # lock and port are free
    try:
        both_answer(again)
    finally:
        again.close()


def test_a_port_that_is_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = subprocess.run(
            [sys.executable, "-m", "feedsmith", "studio", str(home_of(tmp_path)), "--servers", "2",
             "--port", str(taken.getsockname()[1])],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert told.returncode == 1
    assert "cannot be listened on (address already in use)" in " ".join(told.stderr.split())


def test_servers_that_cannot_start_end_the_studio_with_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\nif 'feedsmith.studio.server' in ' '.join(sys.orig_argv): raise SystemExit(3)\n"
    )
    path = os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")])
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", str(home_of(tmp_path)), "--servers", "2", "--port", "0"],
        capture_output=True, text=True, timeout=300, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert told.returncode == 1
    assert "the servers do not start" in " ".join(told.stderr.split())
