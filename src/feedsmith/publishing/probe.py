"""Probe: the fetch that Instagram will make, made from here first.

"We will cURL your media": so a plain GET, without cookies or sign-in, of an address that must open to the whole
internet. From here it is seen whether the name leads to a public address, the certificate holds, and a picture rather
than a sign-in page comes back; not whether a firewall lets Meta's own machines in.
"""

import http.client
import re
import socket
import ssl
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import feedsmith
from feedsmith import rules
from feedsmith.outside import Checked, Unreachable
from feedsmith.publishing.findings import Finding, blocking, hint

AGENT = (
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php) "
    f"Feedsmith/{feedsmith.__version__}"
)
"""Meta's crawler by its documented name (sharing, web crawlers), so that walls which keep it out are
met here; and ours, so that nobody is misled. Which name fetches media is not documented."""
HOPS = 3
"""Redirects followed. Whether Instagram follows any is not documented, so each is told."""
WHOLE = 60.0
"""Seconds for all of it."""
HEAD = 1 << 16
"""Bytes of a film that are read, by a range request."""
_SIGN_IN = re.compile(
    r"(?:^|[/_.-])(?:log-?in|sign-?in|auth|authorize|authenticate|accounts?|sso|sessions?|consent)(?:$|[/_.-])",
    re.I,
)
"""Parts of a path that sign-in pages have, and "author" has not."""
_TYPES = {"image": ("image/jpeg",), "film": ("video/mp4", "video/quicktime")}
_SAID = {
    401: "asks for a sign-in",
    403: "refuses it",
    404: "has no such file",
    407: "wants a proxy's sign-in",
    410: "has no such file any more",
    429: "is asked too often",
}


class _Fetched(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    head: bytes
    """The first bytes; all of a picture."""


def reachable(
    url: str, what: Literal["image", "film"], *, file: Path | None = None, allowed: str = ""
) -> list[Finding]:
    """What stands in the way of Instagram fetching `url`; empty where nothing does.

    `file`: what should come back, compared by length, and a picture byte by byte. `allowed`: private networks that
    count as outside (feedsmith.outside), for trying things out on one machine. Never raises.
    """
    found: list[Finding] = []
    for _ in range(HOPS + 1):
        fault = _address(url)
        if fault is not None:
            return [*found, fault]
        try:
            got = _fetch(urlsplit(url), what, allowed)
        except (Unreachable, OSError, http.client.HTTPException, ValueError) as error:
            return [*found, _broken(url, error)]
        onward = got.headers.get("Location", "")
        if not (300 <= got.status < 400 and onward):
            return found + _judged(url, what, got, file)
        onward = urljoin(url, onward)
        if _SIGN_IN.search(urlsplit(onward).path):
            return [*found, blocking("address", "sign-in", f"{_shown(url)} leads to a sign-in ({_shown(onward)}).",
                                     "Let the file itself be fetched without a sign-in.")]  # fmt: skip
        found = [hint("address", "redirect", f"{_shown(url)} sends on to {_shown(onward)}.",
                      "Give the last address itself: Instagram may not follow.")]  # fmt: skip
        url = onward
    return [blocking("address", "redirect", f"It leads from one address to the next, more than {HOPS} times.",
                     "Give the address of the file itself.")]  # fmt: skip


def _address(url: str) -> Finding | None:
    mend = "Write it like https://media.example/01.jpg."
    if not url.isascii() or any(c <= " " for c in url):
        return blocking("address", "address", "The address has other characters than plain ASCII; Instagram "
                        "takes none of these.", "Percent-encode them.")  # fmt: skip
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fine = False
    if not fine:
        return blocking("address", "address", "This is no address of the web.", mend)
    if parts.username is not None:
        return blocking("address", "address", "The address holds a user name; it would travel to Instagram.",
                        "Use a presigned address.")  # fmt: skip
    return None


def _fetch(parts: SplitResult, what: str, allowed: str) -> _Fetched:
    connection = Checked(parts, allowed=allowed, timeout=20)
    most = HEAD if what == "film" else rules.IMAGE_BYTES_MAX + 1
    headers = {"User-Agent": AGENT, "Accept": "*/*", "Connection": "close"}
    if what == "film":
        headers["Range"] = f"bytes=0-{HEAD - 1}"
    with connection.ended_after(WHOLE):
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        head = answer.read(most)
        if connection.hung_up:
            raise TimeoutError
        return _Fetched(answer.status, answer.headers, head)


def _broken(url: str, error: Exception) -> Finding:
    host = urlsplit(url).hostname or ""
    if isinstance(error, Unreachable):
        return blocking("address", "private", f"{error.message}, which Instagram cannot reach.",
                        "Give the studio a public address, or set a bucket under [hosting].")  # fmt: skip
    if isinstance(error, ssl.SSLCertVerificationError):
        return blocking("address", "certificate", f"{host} has a certificate that nobody trusts "
                        f"({error.verify_message}).", "Get one from an authority, e.g. by Let's Encrypt.")  # fmt: skip
    if isinstance(error, ssl.SSLError):
        return blocking("address", "certificate", f"{host} speaks no proper TLS.",
                        "Check the server's TLS settings.")  # fmt: skip
    if isinstance(error, socket.gaierror):
        return blocking("address", "no-host", f"There is no host called {host}.",
                        "Correct the address, or its entry in DNS.")  # fmt: skip
    if isinstance(error, TimeoutError):
        return blocking("address", "slow", f"{host} did not send it in time.",
                        "Check that the server is up and its firewall lets requests in.")  # fmt: skip
    said = str(getattr(error, "strerror", "") or error or type(error).__name__).lower()
    return blocking("address", "unreachable", f"{host} cannot be reached ({said[:80]}).",
                    "Check that the server is up and its firewall lets requests in.")  # fmt: skip


def _judged(url: str, what: str, got: _Fetched, file: Path | None) -> list[Finding]:
    where = _shown(url)
    if got.status not in (200, 206):
        why = _SAID.get(
            got.status, "has an error of its own" if got.status >= 500 else "does not send it"
        )
        return [blocking("address", "status", f"{where} {why} ({got.status}).",
                         "Let the file be fetched without a sign-in, and check that its link has not ended.")]  # fmt: skip
    kind = got.headers.get_content_type()
    if kind == "text/html" or got.head.lstrip()[:15].lower().startswith((b"<!doctype", b"<html")):
        return [blocking("address", "page", f"{where} sends a web page, perhaps a sign-in, instead of the file.",
                         "Let the file itself be fetched without a sign-in.")]  # fmt: skip
    found = []
    right = got.head[:3] == b"\xff\xd8\xff" if what == "image" else got.head[4:8] == b"ftyp"
    if not right:
        return [blocking("address", "content", f"{where} sends something that is no "
                         f"{'JPEG picture' if what == 'image' else 'MP4 or MOV film'}.",
                         "Check which file lies there.")]  # fmt: skip
    if kind not in _TYPES[what]:
        found.append(hint("address", "type", f"{where} calls it {kind}.",
                          f"Have it sent as {_TYPES[what][0]}."))  # fmt: skip
    found += _length(where, what, got, file)
    if urlsplit(url).scheme == "http":
        found.append(
            hint("address", "plain-http", "The address is not encrypted.", "Use https://.")
        )
    return found


def _length(where: str, what: str, got: _Fetched, file: Path | None) -> list[Finding]:
    found = []
    span = re.fullmatch(r"bytes 0-\d+/(\d+)", got.headers.get("Content-Range", ""))
    told = span[1] if span else got.headers.get("Content-Length", "")
    length = int(told) if re.fullmatch(r"\d{1,15}", told) else None
    if what == "film" and got.status != 206:
        found.append(hint("address", "range", f"{where} takes no range requests, so a broken fetch begins anew.",
                          "Have the server answer them (Accept-Ranges: bytes)."))  # fmt: skip
    if length is None:
        found.append(hint("address", "length", f"{where} does not say how long the file is.",
                          "Have it send Content-Length."))  # fmt: skip
    if (
        what == "image"
        and length is not None
        and len(got.head) < min(length, rules.IMAGE_BYTES_MAX)
    ):
        return [blocking("address", "cut", f"{where} sent {len(got.head)} of {length} bytes.",
                         "Check the server and what is in front of it.")]  # fmt: skip
    if file is not None:
        size = file.stat().st_size
        same = length in (None, size) and (
            got.head == file.read_bytes()
            if what == "image"
            else got.head == _head(file, len(got.head))
        )
        if not same:
            return [blocking("address", "other-file", f"{where} sends another file than the one checked.",
                             "Host it again.")]  # fmt: skip
    most = rules.IMAGE_BYTES_MAX if what == "image" else rules.FILMS["reel"].bytes_max
    if (length or len(got.head)) > most:
        found.append(
            blocking("address", "bytes", f"It is larger than {most >> 20} MB.", "Make it smaller.")
        )
    return found


def _head(file: Path, size: int) -> bytes:
    with file.open("rb") as stream:
        return stream.read(size)


def _shown(url: str) -> str:
    """An address without its query, which may hold a signature."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"[:120]
