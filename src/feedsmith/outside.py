"""One HTTP exchange with an address that was checked: the place that was looked at is the place that is called.

Nothing on a private network is reached by a name that leads there, by a redirect (none is followed here)
or by a proxy (none is used), unless its network was allowed. Knows addresses and sockets; nothing of what
is said over them.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from functools import cache
from urllib.parse import SplitResult

from feedsmith.errors import FeedsmithError
from feedsmith.wire import Line

PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(FeedsmithError):
    """An address that is not called."""


def places(parts: SplitResult, allowed: str = "", mend: str = "") -> list[str]:
    """The addresses behind a URL's name, all of which may be called.

    `allowed`: networks beside the public internet, e.g. "127.0.0.1,10.1.0.0/16". `mend`: what Unreachable
    says to do, with PLACE for the address. Raises Unreachable where one may not be called, OSError where
    there is none, ValueError or UnicodeError for what is no name.
    """
    found = socket.getaddrinfo(
        parts.hostname, parts.port or PORTS[parts.scheme], type=socket.SOCK_STREAM
    )
    all_ = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for place in all_:
        if not may_be_called(ipaddress.ip_address(place.partition("%")[0]), allowed):
            raise Unreachable(
                f"{parts.hostname} leads to {place}, an address of a private network",
                mend=mend.replace("PLACE", place),
            )
    return all_


def may_be_called(place: Address, allowed: str = "") -> bool:
    """True for addresses of the public internet, and those of the allowed networks."""
    inner = _inside(place)
    return any(inner in network for network in _networks(allowed)) or (
        inner.is_global and not inner.is_multicast
    )


def _inside(place: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, NAT64); else itself."""
    if isinstance(place, ipaddress.IPv4Address):
        return place
    if place in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(place) & 0xFFFFFFFF)
    return place.ipv4_mapped or place.sixtofour or place


@cache
def _networks(allowed: str) -> Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(word, strict=False) for word in allowed.split(",") if word]


class Checked(http.client.HTTPConnection):
    """A connection to the place that was checked, not to what the name says a moment later.

    `timeout`: seconds for one step. Certificates are verified.
    """

    def __init__(
        self, parts: SplitResult, *, allowed: str = "", mend: str = "", timeout: float = 10.0
    ) -> None:
        self._parts, self._allowed, self._mend = parts, allowed, mend
        super().__init__(parts.hostname or "", parts.port or PORTS[parts.scheme], timeout=timeout)
        self._step = timeout
        self._line = Line()

    @property
    def hung_up(self) -> bool:
        """Whether it was ended because it took too long."""
        return self._line.hung_up

    @contextlib.contextmanager
    def ended_after(self, seconds: float) -> Iterator[None]:
        """Hang up after so long, whatever happens: a server that sends a byte now and then never times
        out. The connection is closed at the end of the block."""
        try:
            with self._line.hung_up_after(seconds):
                yield
        finally:
            self.close()

    def connect(self) -> None:
        last: OSError | None = None
        for place in places(self._parts, self._allowed, self._mend):
            try:
                self.sock = socket.create_connection((place, self.port), self._step)
                break
            except OSError as error:
                last = error
        else:
            raise last or OSError("no address")
        if self._parts.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(
                self.sock, server_hostname=self._parts.hostname
            )
        self._line.hold(self.sock)  # `sock` is let go of before the answer is read
