"""The studio's own files: style, script, icons. Read once, named by content, so that browsers keep
them; compressed once, too.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from feedsmith.studio.pages.access import for_all

KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
    "woff2": "font/woff2",
    "ico": "image/x-icon",
}
TEXT = ("css", "js", "svg")


@dataclass(frozen=True)
class Asset:
    data: bytes
    zipped: bytes
    """Empty where compressing gains nothing."""
    kind: str
    digest: str


@cache
def _assets() -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    folder = resources.files("feedsmith.studio") / "static" / "studio"
    # Styles last: what they name is addressed by content, too.
    for entry in sorted(folder.iterdir(), key=lambda e: (e.name.endswith(".css"), e.name)):
        ending = entry.name.rpartition(".")[2]
        if ending in KINDS:
            data = entry.read_bytes()
            if ending == "css":
                data = _addressed(data, found)
            zipped = gzip.compress(data, 9, mtime=0) if ending in TEXT else b""
            digest = hashlib.sha256(data).hexdigest()[:10]
            found[entry.name] = Asset(data, zipped, KINDS[ending], digest)
    return found


def _addressed(style: bytes, found: dict[str, Asset]) -> bytes:
    """url("name") in a style sheet becomes that file's own address: one download, kept for ever."""

    def own(match: re.Match[bytes]) -> bytes:
        name = match[1].decode()
        return f'url("/static/{found[name].digest}/{name}")'.encode()

    return re.sub(rb'url\("([\w.-]+)"\)', own, style)


def address(name: str) -> str:
    """Where a browser finds an asset. Raises KeyError for one that there is not."""
    return f"/static/{_assets()[name].digest}/{name}"


def names() -> list[str]:
    """All there are."""
    return sorted(_assets())


def text(name: str) -> str:
    """What a script or style says. Raises KeyError for one that there is not."""
    return _assets()[name].data.decode()


@for_all
@require_safe
def asset(request: HttpRequest, digest: str, name: str) -> HttpResponse:
    found = _assets().get(name)
    if found is None or not re.fullmatch(r"[0-9a-f]{10}", digest):
        raise Http404
    zipped = bool(found.zipped) and "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")
    response = HttpResponse(found.zipped if zipped else found.data, content_type=found.kind)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    if found.zipped:
        response.headers["Vary"] = "Accept-Encoding"
    fresh = digest == found.digest  # an old page's address gets the new file, but not for ever
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if fresh else "no-cache"
    )
    return response
