"""Logs: every line can be parsed, says what it belongs to, and gives nothing away."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError
from feedsmith.studio import logs
from studio_guest import Guest, link_in
from studio_server import Server, until

SECRET_WORDS = "Zanzibar Lantern"
"""Stands in what people write here, and must stand in no line."""


@pytest.fixture(scope="module")
def walked(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[dict[str, Any]], Guest]:
    """What a studio wrote while somebody signed in, imported a photo, failed at a job and lost their way; and
    who that was."""
    home = tmp_path_factory.mktemp("logged")
    Home(home).create(Brand(name="Oak"))
    said = home / "events"
    environment = os.environ | {
        "FEEDSMITH_LOG": "json",
        "FEEDSMITH_METRICS_TOKEN": "hush-hush-metrics",
    }
    with said.open("wb") as events:
        server = Server(home, "--idle", "2", environment=environment, stderr=events)
        try:
            guest = Guest(link_in(server.output)).sign_in()
            guest.make_token()
            photo = home / "elm.jpg"
            Image.effect_noise((640, 480), 90).convert("RGB").save(photo)
            guest.upload("oak", [photo])
            guest.ask("GET", "/b/oak/posts", **{"X-Request-Id": "from-the-proxy-17"})
            guest.ask("GET", "/b/oak/posts", **{"X-Request-Id": "not sane\t{}" * 20})
            form = {"kind": "quote", "count": "1", "headline": SECRET_WORDS, "theme": SECRET_WORDS}
            # No caption model is here, or it writes one: both end the job.
            job = guest.api("POST", "/brands/oak/jobs", {"kind": "quote", "count": 1,
                            "headline": SECRET_WORDS})["id"]  # fmt: skip
            guest.over("oak", job)
            guest.post("/b/oak/create", form)
            guest.get(f"/b/oak/posts?q={SECRET_WORDS.replace(' ', '+')}")
            guest.get("/sign-in/link/" + "x" * 43)
            guest.get("/r/" + "y" * 43)
            guest.get("/nowhere")
            guest.get("/b/elm/posts")
            guest.get("/healthz")
            until(lambda: said.read_text("utf-8").count('"job ended"') >= 2, seconds=300)
        finally:
            server.close()
    text = said.read_text("utf-8")
    assert text.endswith("\n")
    guest.text = (
        text + (home / "studio" / "studio.log").read_text("utf-8")
        if (home / "studio" / "studio.log").exists()
        else text
    )
    return [json.loads(line) for line in text.splitlines()], guest


def requests(lines: list[dict[str, Any]], route: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "request" and line["route"] == route]


Walked = tuple[list[dict[str, Any]], Guest]


def test_every_line_is_an_object_with_a_time_a_level_and_an_event(walked: Walked) -> None:
    lines, _ = walked
    assert len(lines) > 15
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("info", "warning", "error")
        assert line["event"]
        assert isinstance(line["process"], int)


def test_a_request_says_who_asked_for_what_and_how_long_it_took(walked: Walked) -> None:
    lines, _ = walked
    seen = requests(lines, "b/<slug:slug>/posts")
    good = [line for line in seen if line["status"] == 200]
    assert good
    for line in good:
        assert (line["method"], line["brand"], line["person"]) == ("GET", "oak", 1)
        assert line["duration_ms"] > 0
    assert [line["status"] for line in requests(lines, "none")] == [404]
    assert requests(lines, "healthz") == []  # asked every few seconds, and it was well


def test_an_id_is_taken_over_where_it_is_sane_and_made_otherwise(walked: Walked) -> None:
    lines, _ = walked
    ids = [line["request"] for line in lines if line["event"] == "request"]
    assert ids.count("from-the-proxy-17") == 1
    assert all(logs.SANE.fullmatch(one) for one in ids)
    assert len(set(ids)) == len(ids)


def test_a_job_is_told_by_its_worker_with_the_request_that_asked_for_it(walked: Walked) -> None:
    lines, _ = walked
    begun = [line for line in lines if line["event"] == "job begun"]
    ended = {line["job"]: line for line in lines if line["event"] == "job ended"}
    assert {line["kind"] for line in begun} >= {"import", "generate"}
    asked = {line["request"]: line for line in lines if line["event"] == "request"}
    server = next(line["process"] for line in asked.values())
    for line in begun:
        assert line["brand"] == "oak"
        assert line["process"] != server
        assert asked[line["request"]]["method"] == "POST"
        if line["job"] in ended:
            assert ended[line["job"]]["state"] in ("done", "failed", "stopped")
            assert ended[line["job"]]["duration_s"] >= 0


def test_no_secret_and_no_words_of_people_stand_in_it(walked: Walked) -> None:
    _, guest = walked
    token = guest.link.rsplit("/", 1)[1]
    hidden = [token, guest.key, "hush-hush-metrics", *SECRET_WORDS.split(), "x" * 43, "y" * 43,
              guest.cookies["studio_csrf"], guest.cookies.get("studio", "no cookie")]  # fmt: skip
    assert [word for word in hidden if word in guest.text] == []


@pytest.mark.parametrize(
    "text",
    [
        "GET /sign-in/link/SECRETsecretSECRET1234", "GET /r/SECRETsecretSECRET1234?page=2",
        "token feedsmith_SECRETsecretSECRET", "key whsec_SECRET+/secret==",
        "https://graph/me?access_token=SECRETSECRET&fields=id", "client_secret=SECRETSECRET",
        "postgresql://studio:SECRET@db:5432/x", "Authorization: Bearer SECRET.SECRET-1",
        "EAASECRETSECRETSECRETSECRET", "/hosted/SECRET1/SECRET2/a.jpg", "/connected?code=SECRET#_",
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_blackened_wherever_it_stands(text: str) -> None:
    shown = logs.blackened(text)
    assert "SECRET" not in shown.replace(logs.BLACK, "")
    assert logs.BLACK in shown


def test_a_traceback_is_one_line_and_gives_nothing_away() -> None:
    try:
        raise ValueError("cannot open /sign-in/link/abcdefghijklmnopqrstuvwxyz\nsecond line")
    except ValueError:
        record = logging.LogRecord("feedsmith", logging.ERROR, "", 1, "mistake", (), sys.exc_info())
    line = logs.Json().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert "ValueError" in told["traceback"]
    assert "abcdefgh" not in line
    assert "abcdefgh" not in logs.Text().format(record)


LOGGING = """
import logging, os, sys
from feedsmith.studio import logs
logs.set_up("json", events=int(sys.argv[1]), problems=int(sys.argv[2]))
log = logging.getLogger("feedsmith.studio")
for number in range(int(sys.argv[3])):
    try:
        raise ValueError("\u00f6" * 20_000 if number else "short")
    except ValueError:
        log.exception("mistake %d", number)
"""


def test_a_mistake_stands_once_where_events_and_problems_go_the_same_way() -> None:
    """As with `feedsmith studio work`; where they go two ways, it stands in both."""

    def lines(problems: str) -> int:
        told = subprocess.run(
            [sys.executable, "-c", LOGGING, "2", problems, "1"], capture_output=True, check=True
        )
        return (told.stderr + told.stdout).count(b"mistake 0")

    assert lines("2") == 1
    assert lines("1") == 2


def test_long_lines_of_processes_that_share_a_pipe_do_not_mix() -> None:
    reading, writing = os.pipe()
    processes = [
        subprocess.Popen([sys.executable, "-c", LOGGING, str(writing), str(writing), "60"], pass_fds=[writing])
        for _ in range(3)
    ]  # fmt: skip
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().splitlines()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(told) == 180
    for line in told:
        assert json.loads(line)["event"].startswith("mistake")
        assert len(line) < 4096


def test_lines_for_people_say_the_same_as_key_and_value() -> None:
    record = logging.LogRecord("feedsmith.studio", logging.INFO, "", 1, "request", (), None)
    record.about, record.fields = {"request": "abc"}, {"route": "/", "status": 200}
    assert re.fullmatch(r"\S+Z INFO request logger=feedsmith.studio request=abc route=/ status=200",
                        logs.Text().format(record))  # fmt: skip


def test_a_form_that_is_not_known_is_said_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="is not known"):
        logs.checked("xml")
    Home(tmp_path).create(Brand(name="Oak"))
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", str(tmp_path)], capture_output=True, text=True,
        env=os.environ | {"FEEDSMITH_LOG": "xml"},
    )  # fmt: skip
    assert told.returncode == 1
    assert "FEEDSMITH_LOG" in told.stderr
    assert not (tmp_path / "studio.db").exists()
