"""One exchange over HTTP, with care: what those who ask a server share.

Knows connections, the clock that hangs up, which host is near, and how to say an address or an answer in
one line; knows nothing of what is asked. Certificates are verified, and nobody is followed to another
address: a key must not be taken along.
"""

import contextlib
import functools
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

CONNECT = 5.0
"""Seconds until a server has taken the call; one that is there does so in milliseconds."""
NEAR = "it is in your own network"
_HOME = ("localhost", "local", "lan", "home", "internal", "home.arpa")
"""Last parts of names that lead nowhere outside of one's own network."""


def opener(line: "Line", host: str, secure: bool) -> urllib.request.OpenerDirector:
    """What opens addresses of one host: certificates verified, nobody followed elsewhere, the connection
    known to `line`."""
    # A proxy of the environment is for the world outside; it cannot reach this machine.
    proxies = urllib.request.ProxyHandler({} if near(host) else None)
    return urllib.request.build_opener(proxies, _Https(line) if secure else _Http(line), _Stay())


class Line:
    """The connection of one question, and the clock that hangs up: a server that sends one byte now
    and then would otherwise hold us for ever."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.hung_up = False
        self.far = False
        """Whether nobody in one's own network is to be spoken to, by whatever name."""

    @property
    def taken(self) -> bool:
        """Whether the server had taken the call."""
        return self._socket is not None

    def hold(self, opened: socket.socket) -> None:
        self._socket = opened
        if self.hung_up:  # while the name was looked up
            self._hang_up()

    @contextlib.contextmanager
    def hung_up_after(self, seconds: float) -> Iterator[None]:
        clock = threading.Timer(seconds, self._hang_up)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def _hang_up(self) -> None:
        self.hung_up = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not the method of a TLS socket, which would take its layer off under the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Near(OSError):
    """A name that leads into one's own network."""


class _Held(http.client.HTTPConnection):
    """A connection that is tried for CONNECT seconds and then known to its line."""

    def __init__(self, *args: Any, line: Line, **more: Any) -> None:
        super().__init__(*args, **more)
        self._line = line

    def connect(self) -> None:
        whole = self.timeout
        self.timeout = min(CONNECT, whole) if whole is not None else CONNECT
        super().connect()
        self.timeout = whole
        if self._line.far and near(str(self.sock.getpeername()[0])):
            self.close()
            raise Near(NEAR)
        self.sock.settimeout(whole)
        self._line.hold(self.sock)


class _HeldSecurely(_Held, http.client.HTTPSConnection):
    pass


class _Http(urllib.request.HTTPHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_Held, line=self._line), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, line: Line) -> None:
        context = ssl.create_default_context()
        super().__init__(context=context)
        self._line, self._with = line, context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        held = functools.partial(_HeldSecurely, line=self._line)
        return self.do_open(held, req, context=self._with)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: a redirect becomes the HTTPError that says where it leads."""

    def redirect_request(self, *_: Any) -> None:
        return None


def retry_after(said: str | None) -> float:
    """Seconds that a Retry-After header names, as a number or a date (RFC 9110, 10.2.3); 0 without."""
    said = (said or "").strip()
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def shown(url: str) -> str:
    """An address fit for a terminal: its scheme and host, without user, path and query."""
    url = "".join(c for c in url if c.isprintable()).strip()
    scheme, found, rest = url.rpartition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    return f"{scheme}{found}{host}"[:80]


def near(host: str) -> bool:
    """Whether a host is this machine or on one's own network."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or host.lower().rstrip(".").endswith(tuple(f".{n}" for n in _HOME))
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    return address.is_loopback or address.is_private or address.is_link_local or shared


def proxied(scheme: str, host: str) -> bool:
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


def plain(said: object, *secrets: str, most: int = 160) -> str:
    """What a server says, fit for a terminal: one short line without the secrets."""
    text = str(said)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "(the key)")
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
