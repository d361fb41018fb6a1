"""A fake Instagram for tests, somebody who asks it over HTTP, and a host whose media it fetches."""

import http.client
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import av
import numpy as np
from PIL import Image

from feedsmith.fake_instagram import FakeInstagram, running
from feedsmith.film.encode import Film

SHOP = "tall.tree.outfitters"
DAY = 24 * 3600.0


@contextmanager
def fake_instagram(folder: Path | None = None, **more: Any) -> Iterator[FakeInstagram]:
    """One whose time stands until it is moved."""
    with running(folder, **more) as fake:
        fake.world.clock.stop()
        yield fake


# ---- asking ---------------------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    told: dict[str, Any]
    headers: dict[str, str]
    text: str = ""

    @property
    def error(self) -> tuple[int, int]:
        """(code, subcode)."""
        error = self.told["error"]
        assert error["fbtrace_id"]
        assert error["message"]
        return error["code"], error.get("error_subcode", 0)


def ask(fake: FakeInstagram, method: str, path: str, token: str = "", **parameters: Any) -> Answer:
    """One request. `path` begins with Meta's host; without a version the newest is asked."""
    parts = urlsplit(fake.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = None
    if method == "POST":
        body = urlencode(parameters)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif parameters:
        path += "?" + urlencode(parameters)
    try:
        connection.request(method, path, body, headers)
        got = connection.getresponse()
        text = got.read().decode("utf-8", "replace")
        told = json.loads(text) if "json" in (got.headers.get("Content-Type") or "") else {}
        return Answer(got.status, told, dict(got.headers), text)
    finally:
        connection.close()


@dataclass
class Caller:
    """Somebody with a token."""

    fake: FakeInstagram
    token: str
    account: str
    host: str = "graph.instagram.com"

    def get(self, path: str, **parameters: Any) -> Answer:
        return ask(self.fake, "GET", f"/{self.host}/v25.0/{path}", self.token, **parameters)

    def post(self, path: str, **parameters: Any) -> Answer:
        return ask(self.fake, "POST", f"/{self.host}/v25.0/{path}", self.token, **parameters)

    def create(self, **parameters: Any) -> str:
        made = self.post(f"{self.account}/media", **parameters)
        assert made.status == 200, made.told
        return str(made.told["id"])

    def refused(self, **parameters: Any) -> tuple[int, int]:
        """(code, subcode) of a container that is not made."""
        return self.post(f"{self.account}/media", **parameters).error

    def status(self, container: str) -> str:
        return str(self.get(container, fields="status_code").told["status_code"])

    def publish(self, container: str) -> Answer:
        return self.post(f"{self.account}/media_publish", creation_id=container)


def caller(
    fake: FakeInstagram, name: str = SHOP, login: str = "instagram", kind: str = "long"
) -> Caller:
    grant = fake.connected(name, login, kind)
    host = "graph.facebook.com" if login == "facebook" else "graph.instagram.com"
    return Caller(fake, grant.token, grant.accounts[0], host)


# ---- media ----------------------------------------------------------------------------------------


def jpeg(
    width: int = 400, height: int = 500, mode: str = "RGB", shade: int = 120, **more: Any
) -> bytes:
    out = io.BytesIO()
    colour = {"RGB": (shade, 90, 60), "CMYK": (shade, 90, 60, 0), "L": shade}[mode]
    Image.new(mode, (width, height), colour).save(out, "JPEG", **more)
    return out.getvalue()


def png(width: int = 400, height: int = 500) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    return out.getvalue()


def film(
    path: Path, seconds: float = 3.5, fps: int = 24, width: int = 90, height: int = 160
) -> Path:
    """As the product makes them."""
    frame = np.zeros((height, width, 3), np.uint8)
    with Film(path, width, height, fps) as made:
        for i in range(round(seconds * fps)):
            frame[:, :, 0] = 2 * i % 255
            made.add_rgb(frame)
    return path


def other_film(
    path: Path, *, seconds: float = 3.5, fps: int = 24, codec: str = "libx264", **options: str
) -> Path:
    """As others make them: the index at the end unless `movflags` says otherwise."""
    with av.open(str(path), "w", format="mp4", options=options) as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = 90, 160, "yuv420p"
        for i in range(round(seconds * fps)):
            image = av.VideoFrame.from_ndarray(np.full((160, 90, 3), i % 255, np.uint8), "rgb24")
            out.mux(stream.encode(image))
        out.mux(stream.encode(None))
    return path


@dataclass
class MediaHost:
    """Serves files on this machine, well and badly."""

    port: int = 0
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def put(self, name: str, data: bytes, kind: str = "") -> str:
        self.files[name] = (data, kind or ("video/mp4" if name.endswith(".mp4") else "image/jpeg"))
        return self.url(name)


@contextmanager
def media_host() -> Iterator[MediaHost]:
    """Beside its files: /login sends on to a page, /slow waits, /half breaks off, /missing is not there."""
    host = MediaHost()

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            host.asked.append(self.headers.get("User-Agent", ""))
            name = self.path.lstrip("/").partition("?")[0]
            if name == "login":
                self.send_response(302)
                self.send_header("Location", "/sign-in")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if name == "slow":
                time.sleep(1)
            whole = {"sign-in": (b"<html>Sign in</html>", "text/html"), "half": (jpeg(), "image/jpeg"),
                     "slow": (jpeg(), "image/jpeg")}  # fmt: skip
            data, kind = host.files.get(name) or whole.get(name, (b"", ""))
            self.send_response(200 if data else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if name == "half" else data)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # who asks may have hung up

    server = Server(("127.0.0.1", 0), Handler)
    host.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
