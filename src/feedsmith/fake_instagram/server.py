"""HTTP: which address is which, the envelope of errors, faults, and the switchboard for tests.

Meta's hosts are the first part of the path, so that one port serves them all:
http://127.0.0.1:8399/graph.instagram.com/v25.0/me. The standard library's server, because a fault has to
reach the connection itself: it is cut before an answer, in an upload, or after the deed.
"""

import contextlib
import hmac
import io
import ipaddress
import json
import re
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import access, containers, pages, reading
from feedsmith.fake_instagram.access import APP_ID, APP_SECRET, OAuthFault
from feedsmith.fake_instagram.containers import UploadFault
from feedsmith.fake_instagram.errors import (
    DOWN,
    NO_OBJECT,
    NO_VERSION,
    SERVICE,
    THROTTLED,
    Documented,
    GraphFault,
)
from feedsmith.fake_instagram.faults import Fault, Faults
from feedsmith.fake_instagram.request import Request
from feedsmith.fake_instagram.state import FACEBOOK, INSTAGRAM, Account, Call, Grant, World
from feedsmith.fake_instagram.switchboard import switch
from feedsmith.fake_instagram.usage import Usage

__all__ = ["APP_ID", "APP_SECRET", "FakeInstagram", "running"]

HOSTS = (
    "www.instagram.com", "api.instagram.com", "graph.instagram.com", "www.facebook.com",
    "graph.facebook.com", "rupload.facebook.com",
)  # fmt: skip
VERSION = re.compile(r"v\d+\.\d+")
PORT = 8399
BODY_MAX = 1 << 20
"""Bytes of a request that is no upload."""
PIECE = 1 << 16
USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}")
SCOPES = {
    INSTAGRAM: ["instagram_business_basic", "instagram_business_content_publish",
                "instagram_business_manage_insights"],
    FACEBOOK: ["instagram_basic", "instagram_content_publish", "instagram_manage_insights",
               "pages_show_list", "pages_read_engagement"],
}  # fmt: skip

Answer = tuple[int, dict[str, Any]]


class FakeInstagram:
    """The whole of it. `folder`: where it remembers; None for memory alone. `port` 0 for any free one.

    Raises FeedsmithError where it cannot listen.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        secret: str = "",
    ) -> None:
        self.world = World(folder)
        self.faults = Faults()
        self.usage = Usage(self.world)
        self.stills: dict[str, bytes] = {}
        """Covers of films, by film and moment: a second of work each."""
        self.secret = secret or secrets.token_urlsafe(24)
        """What the switchboard asks for."""
        for username, kind in (
            ("tall.tree.outfitters", "business"), ("oak.and.ember", "creator"), ("just.me", "personal"),
        ):  # fmt: skip
            self.world.add_account(username, kind)
        try:
            self._http = _Server((host, port), self)
        except OSError as error:
            self.world.close()
            raise FeedsmithError(
                f"{host}:{port} cannot be listened on ({(error.strerror or str(error)).lower()})",
                mend="is one running already? else name another port: --port 8400",
            ) from error
        self.port = int(self._http.server_address[1])
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - only said back
        shown = everywhere.get(host, f"[{host}]" if ":" in host else host)
        self.url = f"http://{shown}:{self.port}"

    def serve(self) -> None:
        """Until `close`, or Ctrl-C."""
        self._http.serve_forever(poll_interval=0.05)

    def start(self) -> None:
        threading.Thread(target=self.serve, name="fake-instagram", daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.world.close()

    def connected(self, username: str, login: str = INSTAGRAM, kind: str = "long") -> Grant:
        """A token for an account, as if somebody had signed in; short, long, or (Facebook) page."""
        account = self.world.called(username) or self.world.add_account(username)
        seconds = {"short": rules.TOKEN_SHORT_SECONDS, "long": rules.TOKEN_LONG_SECONDS}.get(
            kind, 0
        )
        return self.world.add_grant(login, kind, [account.id], list(SCOPES[login]), seconds)


@contextmanager
def running(folder: Path | None = None, **more: Any) -> Iterator[FakeInstagram]:
    """One that runs beside the caller."""
    fake = FakeInstagram(folder, **more)
    fake.start()
    try:
        yield fake
    finally:
        fake.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], fake: FakeInstagram) -> None:
        self.fake = fake
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's, which looks its own name up: seconds where no name server answers.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = (
            str(self.server_address[0]),
            int(self.server_address[1]),
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up is what tests do all day; the rest is our own mistake.
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Dropped(Exception):
    """The line is cut on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60
    disable_nagle_algorithm = (
        True  # head and body are two writes: 40 ms of waiting between them else
    )

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    # ---- which address is which --------------------------------------------------------------------

    def _serve(self) -> None:
        self.fake = self.server.fake
        self.world = self.fake.world
        split = urlsplit(self.path)
        parts = [unquote(part) for part in split.path.split("/") if part]
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        if not self._named_rightly():
            self.close_connection = True  # what it sends is not read
            self._send(421, b"This is not who is meant.\n", "text/plain")
        elif parts[:1] == ["_control"]:
            self._control()
        elif parts[:1] and parts[0] in HOSTS:
            try:
                self._api(parts, query)
            except _Dropped:
                self._cut()
        else:
            self._page(parts, query)

    def _named_rightly(self) -> bool:
        """Names in Host are this machine's alone: no page of the web may rebind its name to here."""
        name = self.headers.get("Host", "")
        name = (name.rsplit(":", 1)[0] if re.search(r":\d+$", name) else name).strip("[]").lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in ("", "localhost", socket.gethostname().lower())
        return True

    # ---- the API -----------------------------------------------------------------------------------

    def _api(self, parts: list[str], query: dict[str, str]) -> None:
        path = "/" + "/".join(parts)
        fault = self.fake.faults.take(self.command, path)
        if fault and fault.do == "drop-before":
            self._told(path, 0, "dropped before anything happened")
            raise _Dropped
        if fault and fault.do == "delay":
            time.sleep(fault.seconds)
        if parts[0] == "rupload.facebook.com":
            self._upload(parts, path, fault)
            return
        if parts[0].startswith("www."):
            self._consent(parts, query)
            return
        request = self._request(parts, query | self._body())
        if fault and fault.do == "drop-during":
            fault = None
        grant = self.world.grants.get(request.token)
        status, told = self._answer(request, fault)
        if fault and fault.do == "duplicate":
            self._answer(request, None)
        if fault and fault.do == "drop-after":
            self._told(path, 0, f"done, but dropped before the answer: {_words(told)}")
            raise _Dropped
        self._told(path, status, _words(told))
        if fault and fault.do == "500-after":
            status, told = SERVICE.status, GraphFault(SERVICE).envelope()
        if fault and fault.do == "html-after":
            self._send(502, b"<html><title>502 Bad Gateway</title></html>", "text/html")
            return
        more = self.fake.usage.headers(grant.accounts[0]) if grant and grant.accounts else {}
        self._send(status, reading.as_json(told), "application/json; charset=UTF-8", more)

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        try:
            if self.world.clock.now() < self.world.down_until:
                raise GraphFault(DOWN)
            if fault and fault.do == "500-before":
                raise GraphFault(SERVICE)
            if fault and fault.do == "throttle":
                raise GraphFault(THROTTLED[fault.code])
            if fault and fault.do == "refuse":
                raise GraphFault(Documented(fault.code, fault.subcode, "Refused on demand."))
            return 200, self._route(request)
        except GraphFault as refused:
            return refused.what.status, refused.envelope()
        except OAuthFault as denied:
            return 400, denied.envelope()

    def _route(self, request: Request) -> dict[str, Any]:
        world, parts = self.world, request.parts
        first, last = parts[0] if parts else "", parts[-1] if parts else ""
        if request.host == "api.instagram.com":
            if parts == ("oauth", "access_token") and request.method == "POST":
                return access.instagram_code(world, request)
            raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=first))
        if request.host == "graph.instagram.com" and parts == ("access_token",):
            return access.instagram_long(world, request)
        if request.host == "graph.instagram.com" and parts == ("refresh_access_token",):
            return access.instagram_refresh(world, request)
        if request.host == "graph.facebook.com" and parts == ("oauth", "access_token"):
            return access.facebook_token(world, request)
        if request.version and int(request.version[1:].split(".")[0]) < 22:
            raise GraphFault(NO_VERSION)
        grant = access.granted(world, request.token, request.login)
        for account in grant.accounts[:1]:
            self.fake.usage.count(account)
        found = self._node(request, grant, first, last)
        if found is None:
            raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=first))
        return found

    def _node(self, request: Request, grant: Grant, first: str, last: str) -> dict[str, Any] | None:
        world, parts = self.world, request.parts
        edge = parts[1] if len(parts) == 2 else ""
        post = request.method == "POST"
        if edge == "permissions" and request.method == "DELETE":
            access.revoke(world, grant.accounts, grant.login)
            return {"success": True}
        if edge == "permissions":
            return {"data": [{"permission": s, "status": "granted"} for s in grant.scopes]}
        if grant.login == FACEBOOK:
            if parts == ("me", "accounts"):
                return access.pages(world, grant, request)
            if parts == ("me",):
                return {"id": "1000" + grant.accounts[0][-10:], "name": "A Person"}
            if parts == ("ig_hashtag_search",):
                return reading.hashtag_search(world, grant, request)
            known = first in world.containers or first in world.accounts
            if first.startswith("178") and not known and edge in ("", "top_media", "recent_media"):
                return reading.hashtag(world, grant, request)
        if post and edge == "media":
            return containers.create(world, grant, request)
        if post and edge == "media_publish":
            return containers.publish(world, grant, request)
        if post:
            return None
        edges: dict[str, Callable[[], dict[str, Any]]] = {
            "media": lambda: reading.own_media(world, grant, request),
            "stories": lambda: reading.own_media(world, grant, request),
            "content_publishing_limit": lambda: containers.limit(world, grant, request),
            "recently_searched_hashtags": lambda: reading.searched(world, grant, request),
            "children": lambda: reading.children(
                world, reading.found(world, grant, first), request
            ),
            "insights": lambda: reading.insights(
                world, grant, reading.found(world, grant, first), request
            ),
        }
        if edge in edges:
            return edges[edge]()
        if edge or len(parts) != 1:
            return None
        if first in world.containers:
            access.permitted(grant, "basic")
            return containers.shown(world, containers.found(world, grant, first), request)
        if first in world.media:
            access.permitted(grant, "basic")
            return reading.medium(world, reading.found(world, grant, first), request)
        access.permitted(grant, "basic")
        return reading.profile(world, access.own_account(world, grant, first), request)

    def _request(self, parts: list[str], params: dict[str, str]) -> Request:
        host, rest = parts[0], parts[1:]
        version = ""
        if rest and VERSION.fullmatch(rest[0]):
            version, rest = rest[0], rest[1:]
        said = self.headers.get("Authorization", "")
        token = re.sub(r"^(Bearer|OAuth) ", "", said) or params.get("access_token", "")
        return Request(self.command, host, version, tuple(rest), params, token, self.fake.url)

    def _body(self) -> dict[str, str]:
        """The parameters in a body, form or JSON."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_MAX:
            raise _Dropped
        data = self.rfile.read(int(length))
        if not data:
            return {}
        if self.headers.get_content_type() == "application/json":
            try:
                told = json.loads(data)
            except ValueError:
                return {}
            return {k: _plain(v) for k, v in told.items()} if isinstance(told, dict) else {}
        return dict(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))

    def _told(self, path: str, status: int, words: str) -> None:
        self.world.note(Call(self.world.clock.now(), self.command, path, status, words))

    # ---- uploads -----------------------------------------------------------------------------------

    def _upload(self, parts: list[str], path: str, fault: Fault | None) -> None:
        """POST rupload.facebook.com/ig-api-upload/{version}/{container}: kept as it comes, so that what
        is here when the line breaks is here."""
        cut = fault.bytes if fault and fault.do == "drop-during" else None
        status: int
        told: dict[str, Any]
        try:
            if self.world.clock.now() < self.world.down_until or (
                fault and fault.do == "500-before"
            ):
                raise UploadFault("Service unavailable", again=True, status=503)
            token = re.sub(r"^(OAuth|Bearer) ", "", self.headers.get("Authorization", ""))
            access.granted(self.world, token, FACEBOOK)
            if len(parts) < 3 or parts[1] != "ig-api-upload" or self.command != "POST":
                raise UploadFault("No such address")
            container = containers.begin_upload(
                self.world,
                parts[-1],
                self.headers.get("offset", ""),
                self.headers.get("file_size", ""),
            )
            left = int(self.headers.get("Content-Length", "0") or 0)
            left = min(left, container.size - container.received)
            while left:
                room = left if cut is None else min(left, cut)
                piece = self.rfile.read1(min(PIECE, room)) if room else b""
                if not piece:
                    self._told(path, 0, f"broken off at {container.received} bytes")
                    raise _Dropped
                self.world.append(container, piece)
                left -= len(piece)
                cut = None if cut is None else cut - len(piece)
            status, told = 200, containers.end_upload(self.world, container)
        except UploadFault as refused:
            status, told = refused.status, refused.envelope()
        except GraphFault as refused:
            debug = {"retriable": False, "type": "NotAuthorizedError", "message": refused.message}
            status, told = 400, {"debug_info": debug}
        self._told(path, status, _words(told))
        if fault and fault.do == "drop-after":
            raise _Dropped
        # What was not read of the body would be taken for the next request.
        self.close_connection = True
        self._send(status, reading.as_json(told), "application/json")
        self._hear_out()

    def _hear_out(self) -> None:
        """Read what still comes before hanging up: a connection that is closed over unread bytes is
        reset, and the answer may be lost with it."""
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(2)
            while self.rfile.read1(PIECE):
                pass

    # ---- consent -----------------------------------------------------------------------------------

    def _consent(self, parts: list[str], query: dict[str, str]) -> None:
        login = FACEBOOK if "facebook" in parts[0] else INSTAGRAM
        right = (parts[1:] == ["oauth", "authorize"]) if login == INSTAGRAM else (
            parts[-2:] == ["dialog", "oauth"])  # fmt: skip
        if not right:
            self._html(404, pages.refused("Not here", "This address is not one of the fake's."))
            return
        form = self._form() if self.command == "POST" else []
        asked = query | {k: v for k, v in form if k not in ("account", "username", "answer")}
        if wrong := access.check_consent(asked):
            self._html(400, pages.refused("The app asks wrongly", wrong))
            return
        if self.command != "POST":
            self._html(200, pages.consent(self.world, login, asked))
            return
        answer = dict(form).get("answer")
        if answer == "deny":
            self._redirect(access.deny(asked))
            return
        chosen = self._chosen(form)
        if isinstance(chosen, str):
            self._html(400, pages.consent(self.world, login, asked, chosen))
        else:
            self._redirect(access.allow(self.world, login, asked, chosen))

    def _chosen(self, form: list[tuple[str, str]]) -> list[Account] | str:
        """The accounts that were ticked, or what is wrong with them."""
        username = next((v.strip().lower() for k, v in form if k == "username"), "")
        if username:
            if not USERNAME.fullmatch(username):
                return "A user name has letters, digits, dots and underscores, at most 30."
            return [self.world.add_account(username)]
        numbers = [v for k, v in form if k == "account"]
        chosen = [self.world.accounts[n] for n in numbers if n in self.world.accounts]
        if not chosen:
            return "Choose an account."
        for account in chosen:
            if account.kind == "personal":
                return (
                    f"{account.username} is a personal account. Switch it to a professional account in "
                    "the app first, or choose another."
                )
        return chosen

    def _form(self) -> list[tuple[str, str]]:
        length = self.headers.get("Content-Length", "0")
        size = min(int(length), BODY_MAX) if length.isdigit() else 0
        return parse_qsl(self.rfile.read(size).decode("utf-8", "replace"), keep_blank_values=True)

    # ---- pages -------------------------------------------------------------------------------------

    def _page(self, parts: list[str], query: dict[str, str]) -> None:
        world = self.world
        if self.command == "POST" and parts == ["_revoke"]:
            form = dict(self._form())
            if hmac.compare_digest(form.get("secret", ""), self.fake.secret):
                access.revoke(world, [form.get("account", "")])
            self._redirect("/")
        elif self.command != "GET":
            self._html(405, pages.refused("Not so", "Pages can only be looked at."))
        elif parts == ["pages.css"]:
            self._send(200, pages.style(), "text/css; charset=utf-8")
        elif not parts:
            self._html(200, pages.feed(world, self._foremost(), self.fake.secret))
        elif len(parts) == 2 and parts[0] in ("media", "thumb", "face", "others"):
            self._file(parts[0], parts[1])
        elif parts[0] in ("p", "reel", "stories"):
            code = parts[-1]
            found = next(
                (m for m in list(world.media.values()) if code in (m.shortcode, m.id)), None
            )
            if found is not None:
                self._html(200, pages.post(world, found))
            else:
                self._html(404, pages.refused("Nothing here", "This post is not on the fake."))
        elif len(parts) == 1 and (account := world.called(parts[0])):
            self._html(200, pages.feed(world, account, self.fake.secret))
        else:
            self._html(404, pages.refused("Nothing here", "There is no such page."))

    def _foremost(self) -> Account | None:
        """Who posted last, else who signed in last."""
        posts = [m for m in list(self.world.media.values()) if not m.parent]
        if posts:
            return self.world.accounts[max(posts, key=lambda m: m.at).account]
        grants = list(self.world.grants.values())
        return self.world.accounts.get(grants[-1].accounts[0]) if grants else None

    def _file(self, shelf: str, name: str) -> None:
        whole = name.removesuffix(".jpg")
        bare, _, offset = whole.partition("-") if shelf == "thumb" else (whole, "", "")
        if shelf in ("face", "others"):
            size = (640, 800) if shelf == "others" else (160, 160)
            self._send(200, reading.drawn(bare, *size), "image/jpeg")
            return
        data = self.world.get(bare) if re.fullmatch(r"[0-9a-f]{32}", bare) else b""
        if not data:
            self._send(404, b"", "text/plain")
        elif data[:2] == b"\xff\xd8":
            self._send(200, data, "image/jpeg")
        elif shelf == "thumb":
            stills = self.fake.stills
            if whole not in stills:
                stills[whole] = _still(data, int(offset) if offset.isdigit() else 0)
            self._send(200, stills[whole], "image/jpeg")
        else:
            self._send(200, data, "video/mp4")

    # ---- the switchboard ---------------------------------------------------------------------------

    def _control(self) -> None:
        told = self.headers.get("X-Fake-Control", "")
        near = ipaddress.ip_address(self.client_address[0]).is_loopback
        if not near or self.command != "POST" or not hmac.compare_digest(told, self.fake.secret):
            self.close_connection = True
            self._send(404, b"", "text/plain")
            return
        try:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            said = switch(self.fake.world, self.fake.faults, self.fake.usage, asked)
        except (ValueError, TypeError, KeyError, LookupError) as error:
            self._send(400, reading.as_json({"error": str(error)}), "application/json")
            return
        self._send(200, reading.as_json(said), "application/json")

    # ---- sending -----------------------------------------------------------------------------------

    def _html(self, status: int, text: str) -> None:
        self._send(status, text.encode(), "text/html; charset=utf-8")

    def _redirect(self, where: str) -> None:
        self._send(303, b"", "text/plain", {"Location": where})

    def _send(
        self, status: int, data: bytes, kind: str, more: dict[str, str] | None = None
    ) -> None:
        first, last = 0, len(data) - 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and status == 200 and kind.startswith("video/") and int(asked[1]) < len(data):
            status, first = 206, int(asked[1])
            last = min(int(asked[2] or last), last)
            more = (more or {}) | {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
            data = data[first : last + 1]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        """End the connection so that the other side sees it broken, not closed in peace."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()


def _plain(value: Any) -> str:
    """A JSON value as the form would have it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return ",".join(str(item) for item in value)
    return json.dumps(value)


def _words(told: dict[str, Any]) -> str:
    """What an answer says, for the page: an id, or an error and its codes."""
    error = told.get("error")
    if isinstance(error, dict):
        codes = "/".join(str(error[n]) for n in ("code", "error_subcode") if n in error)
        return f"{codes} {error['message']}"
    if "debug_info" in told:
        return str(told["debug_info"]["message"])
    return str(told.get("error_message") or told.get("id") or told.get("status_code") or "")


def _still(data: bytes, offset: int) -> bytes:
    """The picture of a film at `offset` milliseconds, as JPEG."""
    import av

    out = io.BytesIO()
    with av.open(io.BytesIO(data)) as media:
        picture = None
        for picture in media.decode(video=0):
            if (picture.time or 0) * 1000 >= offset:
                break
        assert picture is not None
        picture.to_image().save(out, "JPEG", quality=85)
    return out.getvalue()
