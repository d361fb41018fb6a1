"""What would keep Instagram from fetching a file is found before it is asked to."""

import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import small_media
from feedsmith.publishing.findings import Finding
from feedsmith.publishing.probe import reachable


class Page(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012
    ranges: bool = True
    short: int = 0
    """Bytes that are promised and not sent."""


class Site:
    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[dict[str, str]] = []
        self.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"

    def put(self, path: str, *page: Any, **more: Any) -> str:
        self.pages[path] = Page(*page, **more)
        return self.url + path


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(dict(self.headers))
            page = site.pages.get(self.path.split("?")[0], Page(404))
            body, status, headers = page.body, page.status, dict(page.headers)
            span = self.headers.get("Range", "")
            if span and page.ranges and status == 200:
                end = min(int(span.split("-")[1]), len(body) - 1)
                headers["Content-Range"] = f"bytes 0-{end}/{len(body)}"
                body, status = body[: end + 1], 206
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Transfer" not in headers:
                self.send_header("Content-Length", str(len(body) + page.short))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site = Site(server, "https" if context else "http")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_media.jpeg(tmp_path_factory.mktemp("media") / "01.jpg")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_media.film(tmp_path_factory.mktemp("media") / "a.mp4", 3.0, size=(90, 160))


JPEG, MP4 = {"Content-Type": "image/jpeg"}, {"Content-Type": "video/mp4"}


def probe(url: str, what: str = "image", file: Path | None = None) -> dict[str, Finding]:
    found = reachable(url, what, file=file, allowed="127.0.0.1")  # type: ignore[arg-type]
    return {finding.code: finding for finding in found if finding.code != "plain-http"}


def test_what_instagram_can_fetch_is_fine(site: Site, picture: Path, film: Path) -> None:
    url = site.put("/01.jpg", 200, picture.read_bytes(), JPEG)
    assert probe(url, "image", picture) == {}
    assert site.asked[-1]["User-Agent"].startswith("facebookexternalhit/1.1")
    assert "Cookie" not in site.asked[-1]
    assert "Authorization" not in site.asked[-1]
    url = site.put("/a.mp4", 200, film.read_bytes(), MP4)
    assert probe(url, "film", film) == {}
    assert site.asked[-1]["Range"] == "bytes=0-65535"


def test_an_unencrypted_address_is_a_hint(site: Site, picture: Path) -> None:
    url = site.put("/01.jpg", 200, picture.read_bytes(), JPEG)
    found = reachable(url, "image", allowed="127.0.0.1")
    assert [(f.code, f.level) for f in found] == [("plain-http", "hint")]


def test_a_sign_in_is_noticed_in_every_shape(site: Site, picture: Path) -> None:
    page = b"<!doctype html><title>Sign in</title>"
    site.put("/welcome", 200, page, {"Content-Type": "text/html"})
    for url, code in (
        (site.put("/a.jpg", 302, b"", {"Location": "/accounts/login/?next=/a.jpg"}), "sign-in"),
        (site.put("/b.jpg", 302, b"", {"Location": "/welcome"}), "page"),
        (site.put("/c.jpg", 200, page, {"Content-Type": "text/html"}), "page"),
        (site.put("/d.jpg", 200, page, JPEG), "page"),
        (site.put("/e.jpg", 401, b"", {}), "status"),
        (site.put("/f.jpg", 403, b"", {}), "status"),
    ):
        assert probe(url)[code].level == "blocking", url
        assert "sign-in" in probe(url)[code].mend


def test_a_redirect_to_the_file_is_told(site: Site, picture: Path) -> None:
    site.put("/author/real.jpg", 200, picture.read_bytes(), JPEG)
    url = site.put("/old.jpg", 301, b"", {"Location": "/author/real.jpg"})
    found = probe(url, "image", picture)
    assert found["redirect"].level == "hint"
    assert "/author/real.jpg" in found["redirect"].said
    for n in range(5):
        site.put(f"/round/{n}", 302, b"", {"Location": f"/round/{(n + 1) % 5}"})
    assert probe(site.url + "/round/0")["redirect"].level == "blocking"


def test_what_is_gone_broken_or_something_else_is_told(
    site: Site, picture: Path, film: Path, tmp_path: Path
) -> None:
    assert "no such file (404)" in probe(site.url + "/nothing.jpg")["status"].said
    assert "an error of its own (500)" in probe(site.put("/x.jpg", 500, b"", {}))["status"].said
    data = picture.read_bytes()
    assert probe(site.put("/png.jpg", 200, b"\x89PNG\r\n", JPEG))["content"].level == "blocking"
    assert probe(site.put("/cut.jpg", 200, data, JPEG, short=99))["cut"].level == "blocking"
    other = small_media.jpeg(tmp_path / "other.jpg", 400, 500)
    assert "other-file" in probe(site.put("/01.jpg", 200, data, JPEG), "image", other)
    assert "content" in probe(site.put("/film.mp4", 200, data, MP4), "film")
    named = probe(site.put("/n.jpg", 200, data, {"Content-Type": "application/octet-stream"}))
    assert named["type"].level == "hint"


def test_a_film_that_cannot_be_fetched_in_parts_is_a_hint(site: Site, film: Path) -> None:
    url = site.put("/whole.mp4", 200, film.read_bytes(), MP4, ranges=False)
    assert probe(url, "film", film)["range"].level == "hint"


def test_an_address_in_ones_own_network_is_found(site: Site) -> None:
    for url in (site.url + "/01.jpg", "http://localhost:8000/a.jpg", "http://192.168.1.20/a.jpg",
                "http://[::1]/a.jpg", "http://169.254.169.254/latest"):  # fmt: skip
        found = reachable(url, "image")
        assert [f.code for f in found] == ["private"], url
        assert "which Instagram cannot reach" in found[0].said


def test_a_redirect_into_ones_own_network_is_not_followed(site: Site, picture: Path) -> None:
    asked = len(site.asked)
    url = site.put("/in.jpg", 302, b"", {"Location": "http://192.168.1.20/x.jpg"})
    found = probe(url)
    assert found["private"].level == "blocking"
    assert len(site.asked) == asked + 1


def test_what_is_no_address_is_said() -> None:
    for url, code in (
        ("file:///etc/passwd", "address"),
        ("https://media.example/größe.jpg", "address"),
        ("https://user:secret@media.example/a.jpg", "address"),
        ("https://media.example:port/a.jpg", "address"),
        ("media.example/a.jpg", "address"),
        ("http://nobody.invalid/a.jpg", "no-host"),
        ("http://127.0.0.1:9/a.jpg", "unreachable"),
    ):
        found = reachable(url, "image", allowed="127.0.0.1")
        assert [f.code for f in found] == [code], url
        assert "secret" not in found[0].said


def test_a_signature_in_the_address_is_never_shown(site: Site) -> None:
    found = probe(site.url + "/gone.jpg?X-Amz-Signature=abcdef")
    assert "abcdef" not in str(found["status"])


def test_a_certificate_that_nobody_trusts_is_told(tmp_path: Path, picture: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1))
        .not_valid_after(dt.datetime(2049, 1, 1))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "certificate.pem", tmp_path / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    with serving(context) as safe:
        url = safe.put("/01.jpg", 200, picture.read_bytes(), JPEG)
        assert probe(url)["certificate"].level == "blocking"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(pem))
            assert reachable(url, "image", file=picture, allowed="127.0.0.1") == []
