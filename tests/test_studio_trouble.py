"""What goes wrong around the studio: a full disk, a locked database, too large a form, a proxy that is
not to be believed. One sentence each, and nothing lost.
"""

import http.client
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feedsmith.brand import Brand, Home
from small_studio import CONFIG, post, text_of, visitor
from studio_server import Server, memory

on_sqlite = pytest.mark.skipif(bool(CONFIG.database_url), reason="about SQLite's file")
FORM = {"count": "1", "kind": "quote"}


def jobs() -> int:
    from feedsmith.studio.models import Job

    return Job.objects.count()


@on_sqlite
@pytest.mark.usefixtures("studio")
def test_a_locked_database_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection

    client = visitor("edgar")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50")  # twenty seconds otherwise
    monkeypatch.setattr(connection, "close", lambda: None)  # it would forget that
    with closing(sqlite3.connect(CONFIG.database_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/b/oak-co/create", FORM)
        other.rollback()
    assert answer.status_code == 503
    assert "The database is busy; nothing was changed. Try again in a moment." in text_of(answer)
    assert jobs() == 0
    assert client.post("/b/oak-co/create", FORM).status_code == 302


@on_sqlite
@pytest.mark.usefixtures("studio")
@pytest.mark.parametrize("part", [False, True])
def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, part: bool) -> None:
    from django.db import connection

    from feedsmith.studio.models import Event

    client = visitor("edgar")
    with connection.cursor() as cursor:  # SQLite then says what it says of a full disk
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count={cursor.fetchone()[0]}")
    monkeypatch.setattr(connection, "close", lambda: None)
    headers = {"hx-request": "true"} if part else {}
    for _ in range(400):  # until the pages that there are hold no more
        answer = client.post("/b/oak-co/create", FORM, headers=headers)
        if answer.status_code not in (200, 302):
            break
    said = "The disk is full; nothing was changed. Free some space, then try again."
    assert answer.status_code == 503
    assert said in text_of(answer)
    assert ("<html" in answer.content.decode()) is not part
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count=1000000")
    assert Event.objects.count() == 0
    assert client.post("/b/oak-co/create", FORM).status_code == 302


@pytest.mark.usefixtures("studio")
def test_a_form_larger_than_any_is_refused() -> None:
    answer = visitor("edgar").post("/b/oak-co/create", {**FORM, "theme": "x" * 2_000_000})
    assert answer.status_code == 400
    assert jobs() == 0


@pytest.mark.usefixtures("studio")
def test_a_full_queue_is_said() -> None:
    from feedsmith.studio.models import Brand as Row
    from feedsmith.studio.models import Job

    oak = Row.objects.get(slug="oak-co")
    Job.objects.bulk_create([Job(brand=oak, kind="generate", total=1) for _ in range(500)])
    answer = visitor("edgar").post("/b/oak-co/create", FORM)
    assert answer.status_code == 400
    assert "500 jobs are waiting already. Let some finish, or stop some." in text_of(answer)


@pytest.mark.usefixtures("studio")
def test_a_brand_whose_settings_are_broken_says_which_line(monkeypatch: pytest.MonkeyPatch) -> None:
    brand_file = CONFIG.home / "brand.toml"
    brand_file.write_text('name = "Oak\n')
    assert visitor("olga").get("/").status_code == 200  # its slug stands for its name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Home(tmp_path_factory.mktemp("trouble"))
    place.create(Brand(name="Oak"))
    post(place, "01-photo-aaaaaa")
    return place.root


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    server = Server(home).sign_in()
    yield server
    server.close()


def test_an_idle_server_is_small(server: Server) -> None:
    for _ in range(50):
        assert server.get("/b/oak/posts")[0] == 200
    if memory(server.process.pid):
        assert memory(server.process.pid) < 90 << 20
        assert not server.workers


def failures(home: Path) -> set[str]:
    with closing(sqlite3.connect(home / "studio.db")) as database:
        return {a for (a,) in database.execute("SELECT address FROM studio_failedsignin")}


def test_nobody_is_believed_about_where_they_come_from(server: Server, home: Path) -> None:
    for number in range(3):
        said = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": "for=203.0.113.9"}
        server.get(f"/sign-in/link/guess{number}", **said)
    assert failures(home) == {"127.0.0.1"}


def test_a_proxy_that_was_named_is_believed(tmp_path: Path) -> None:
    Home(tmp_path).create(Brand(name="Oak"))
    port = free_port()
    server = Server(
        tmp_path, "--proxy", "127.0.0.1", "--url", "https://studio.example.org", "--port", str(port)
    )
    try:
        netloc = urlsplit(server.url).netloc
        assert netloc == "studio.example.org"
        server.url = f"http://127.0.0.1:{port}"
        said = {"Host": netloc, "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        status, _ = server.get("/sign-in/link/guess", **said)
        assert status == 410
        assert failures(tmp_path) == {"203.0.113.7"}
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/sign-in", headers=said)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert "; Secure" in answer.headers["Set-Cookie"]
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        # A form from a page of another site is refused even with the right Host.
        assert server.post("/sign-in", {}, **said, Origin="https://evil.example")[0] == 403
    finally:
        server.close()


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_an_open_stream_does_not_keep_the_studio_from_closing(tmp_path: Path) -> None:
    Home(tmp_path).create(Brand(name="Oak"))
    server = Server(tmp_path)
    try:
        server.sign_in()
        with closing(socket.create_connection(("127.0.0.1", urlsplit(server.url).port))) as stream:
            cookie = "; ".join(f"{k}={v}" for k, v in server.cookies.items())
            stream.sendall(
                f"GET /b/oak/events HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
            )
            assert b"200 OK" in stream.recv(4096)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) is not None
        log = tmp_path / "studio" / "studio.log"
        assert not log.exists() or "Traceback" not in log.read_text()
    finally:
        server.close()


def test_a_port_that_is_taken_is_said_in_words(tmp_path: Path) -> None:
    Home(tmp_path).create(Brand(name="Oak"))
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = subprocess.run(
            [sys.executable, "-m", "feedsmith", "studio", str(tmp_path), "--port", str(taken.getsockname()[1])],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert told.returncode == 1
    assert "name another port" in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr


def test_a_folder_without_a_brand_is_said_in_words(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", str(tmp_path)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert told.returncode == 1
    assert "no brand here" in " ".join(told.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_request_larger_than_any_is_refused_before_it_is_read(server: Server) -> None:
    said = {"Content-Length": str(10**12)}
    assert server.ask("POST", "/sign-in", "", **said)[0] == 413
    assert server.ask("POST", "/sign-in", "", **{"Content-Length": "-1"})[0] in (400, 413)
    assert server.get("/b/oak/posts")[0] == 200


def test_streams_and_slow_readers_hold_no_thread_from_the_others(server: Server) -> None:
    cookie = "; ".join(f"{k}={v}" for k, v in server.cookies.items())
    where = ("127.0.0.1", urlsplit(server.url).port)
    with ExitStack() as all_open:
        for number in range(24):
            address = "/b/oak/events" if number < 12 else "/media/oak/01-photo-aaaaaa/01.jpg"
            slow = all_open.enter_context(socket.create_connection(where))
            slow.sendall(
                f"GET {address} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
            )
        assert server.get("/b/oak/posts")[0] == 200


SHARE = """POST /share HTTP/1.1\r
Host: localhost\r
Content-Type: multipart/form-data; boundary=edge\r
Content-Length: 67108864\r
Sec-Fetch-Site: none\r
Expect: 100-continue\r
Cookie: %s\r
\r
"""


@pytest.mark.parametrize(
    ("cookie", "status"),
    [("", 413), ("studio=", 413), (f"studio={'a' * 32}", 413), ("x=1; studio={session}", 100)],
)
def test_64_mb_of_a_share_are_let_in_for_a_session_alone_and_refused_before_they_come(
    server: Server, cookie: str, status: int
) -> None:
    head = SHARE % cookie.format(session=server.cookies["studio"])
    with closing(socket.create_connection(("127.0.0.1", urlsplit(server.url).port))) as client:
        client.sendall(head.encode())  # and not a byte of the body
        assert client.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())
