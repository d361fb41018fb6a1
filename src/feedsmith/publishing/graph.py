"""The client of Instagram's API: one request a call, typed answers, typed errors.

Nothing is tried again here. Who calls decides by the error: `Temporary` may go well after its `wait`,
`Throttled` must wait, `Permanent` goes the same way for ever, `Disconnected` needs a person, and
`Unknown` is a publish call whose answer was lost: the post may be out, so look (status, newest posts)
before anything else, and never publish again on a guess.

The token travels in the Authorization header, in no address, message or log. Certificates are verified,
and nobody is followed to another address (feedsmith.wire).
"""

import contextlib
import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import Field, ValidationError

import feedsmith
from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.post import Value
from feedsmith.publishing import codes, pace
from feedsmith.wire import Line, near, opener, plain

Login = Literal["instagram", "facebook"]
TIMEOUT = 60.0
"""Seconds for one answer; making a container waits for Instagram to fetch a picture."""
UPLOAD_TIMEOUT = 1800.0
"""Seconds for one film on its way up: 300 MB at 170 kB/s."""
ANSWER_MAX = 4 << 20
"""Bytes of an answer."""
PIECE = 1 << 16
MEDIA_FIELDS = (
    "id,caption,media_type,media_product_type,media_url,thumbnail_url,permalink,timestamp,like_count,"
    "comments_count,children{id,media_type,media_url,thumbnail_url}"
)
HASHTAG_FIELDS = (
    "id,caption,media_type,media_url,permalink,timestamp,like_count,comments_count,children"
)


# ---- errors ---------------------------------------------------------------------------------------


class GraphError(FeedsmithError):
    """A call that did not do what it should. `code` and `subcode` are the API's, 0 where there are none;
    `trace` is what Meta's support asks for; `wait` is seconds to let pass first."""

    def __init__(
        self, message: str, mend: str = "", *, code: int = 0, subcode: int = 0, trace: str = "",
        wait: float = 0.0, anew: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(message, mend)
        self.code, self.subcode, self.trace = code, subcode, trace
        self.wait, self.anew = wait, anew


class Permanent(GraphError):
    """The same again goes the same way."""


class Temporary(GraphError):
    """It may go well later; what was asked has not happened, or does no harm twice."""


class Throttled(Temporary):
    """Too much was asked: nothing more before `wait` seconds."""


class Disconnected(GraphError):
    """The account must be connected again, by a person."""


class Unknown(GraphError):
    """The answer to a publish call was lost: the post may be out."""


_KINDS: dict[codes.Kind, type[GraphError]] = {
    "permanent": Permanent, "temporary": Temporary, "throttled": Throttled, "token": Disconnected,
}  # fmt: skip


# ---- values ---------------------------------------------------------------------------------------


class Answered(Value):
    """What the API says; fields that it adds are let be."""

    model_config = Value.model_config | {"extra": "ignore", "coerce_numbers_to_str": True}


A = TypeVar("A", bound=Answered)


class Profile(Answered):
    """An Instagram account."""

    id: str
    username: str = ""
    name: str = ""
    account_type: str = ""
    """BUSINESS or MEDIA_CREATOR; '' with Facebook Login, which does not say."""
    followers_count: int | None = None
    media_count: int | None = None


class NewContainer(Value):
    """One thing to be published, or one part of a carousel."""

    kind: Literal["image", "reel", "story", "carousel", "video"]
    """video is for parts of a carousel alone."""
    image_url: str = ""
    video_url: str = ""
    upload: bool = False
    """The film is sent by `Graph.upload` instead of fetched; with Facebook Login alone."""
    caption: str = ""
    """Hashtags included."""
    alt_text: str = ""
    """Of images alone."""
    children: tuple[str, ...] = ()
    """Container ids of a carousel's parts, in order."""
    part: bool = False
    """Of a carousel."""
    collaborators: tuple[str, ...] = Field((), max_length=rules.COLLABORATORS_MAX)
    location_id: str = ""
    ai: bool = False
    """Labelled as made with AI; a carousel as a whole, never a part."""
    thumb_offset: int | None = None
    """Of a reel's cover, in milliseconds."""
    cover_url: str = ""
    share_to_feed: bool = True
    """Of a reel."""

    def parameters(self) -> dict[str, str]:
        """As POST /{ig-user}/media takes them."""
        kinds = {"reel": "REELS", "story": "STORIES", "carousel": "CAROUSEL", "video": "VIDEO"}
        found = {
            "media_type": kinds.get(self.kind, ""),
            "image_url": self.image_url,
            "video_url": self.video_url,
            "upload_type": "resumable" if self.upload else "",
            "caption": self.caption,
            "alt_text": self.alt_text,
            "children": ",".join(self.children),
            "is_carousel_item": "true" if self.part else "",
            "collaborators": json.dumps(self.collaborators) if self.collaborators else "",
            "location_id": self.location_id,
            "is_ai_generated": "true" if self.ai else "",
            "thumb_offset": "" if self.thumb_offset is None else str(self.thumb_offset),
            "cover_url": self.cover_url,
            "share_to_feed": "false" if self.kind == "reel" and not self.share_to_feed else "",
        }
        return {name: value for name, value in found.items() if value}


class Made(Answered):
    """A container."""

    id: str
    uri: str = ""
    """Where its film is sent to; '' where there is none to send."""


class Status(Answered):
    """How far a container is."""

    id: str
    status_code: Literal["EXPIRED", "ERROR", "FINISHED", "IN_PROGRESS", "PUBLISHED"]
    status: str = ""

    @property
    def trouble(self) -> GraphError | None:
        """Why it failed or is gone; None where it has not and is not."""
        if self.status_code == "EXPIRED":
            return Temporary(
                "the container was not published within 24 hours and has expired", "it is made anew",
                anew=True,
            )  # fmt: skip
        if self.status_code != "ERROR":
            return None
        subcode = codes.subcode_in(self.status)
        meant = codes.meaning(0, subcode)
        said = plain(self.status)
        return _KINDS[meant.kind](
            f"{meant.words} ({said})" if said else meant.words,
            meant.mend, subcode=subcode, wait=meant.wait, anew=True,
        )  # fmt: skip


class Limit(Value):
    """How many posts may go out in a stretch of time."""

    used: int
    total: int
    seconds: float

    @property
    def left(self) -> int:
        return max(0, self.total - self.used)


class Child(Answered):
    id: str
    media_type: str = ""
    media_url: str = ""
    thumbnail_url: str = ""


class Media(Answered):
    """A published post."""

    id: str
    caption: str = ""
    media_type: str = ""
    """IMAGE, VIDEO or CAROUSEL_ALBUM."""
    media_product_type: str = ""
    """FEED, REELS or STORY."""
    media_url: str = ""
    """'' where the API keeps it back (sounds under copyright)."""
    thumbnail_url: str = ""
    permalink: str = ""
    timestamp: datetime | None = None
    like_count: int | None = None
    """None where the owner hides it."""
    comments_count: int | None = None
    children: tuple[Child, ...] = ()


@dataclass(frozen=True)
class Page:
    """Some posts, and the cursor of the next ones; '' at the end."""

    media: tuple[Media, ...]
    after: str = ""


# ---- where the API is -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Meta's hosts, or one server of your own that stands in for all of them."""

    server: str = ""
    """E.g. http://127.0.0.1:8399; '' for Meta itself."""

    def __post_init__(self) -> None:
        if not self.server:
            return
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname or not near(parts.hostname):
            raise FeedsmithError(
                f'"{plain(self.server)}" is not a server in your own network',
                mend="leave it away for Instagram itself; a fake one is http://127.0.0.1:8399",
            )

    def address(self, host: str, path: str) -> str:
        """The address of a path on one of Meta's hosts."""
        return (
            f"{self.server.rstrip('/')}/{host}/{path}" if self.server else f"https://{host}/{path}"
        )


@dataclass(frozen=True)
class Reply:
    """An answer that was taken."""

    told: dict[str, Any]
    usage: pace.Usage


@dataclass
class Asking:
    """One request at a time, to any of Meta's hosts; signing in uses it too (connect.py).

    `publishes` marks a call whose answer must not be lost. Raises the errors of this module.
    """

    place: Place
    timeout: float = TIMEOUT
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What must stand in no message."""

    def ask(
        self, method: str, host: str, path: str, parameters: Mapping[str, str] | None = None, *,
        token: str = "", publishes: bool = False,
    ) -> Reply:  # fmt: skip
        address = self.place.address(host, path)
        headers = {
            "Accept": "application/json",
            "User-Agent": f"feedsmith/{feedsmith.__version__}",
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = None
        if method == "POST":
            body = urlencode(parameters or {}).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif parameters:
            address += f"?{urlencode(parameters)}"
        request = urllib.request.Request(address, body, headers, method=method)  # noqa: S310 - Meta's own
        return self._sent(request, self.timeout, publishes, token)

    def send(self, address: str, film: "Stretch", headers: Mapping[str, str], token: str) -> Reply:
        """Bytes of a film, to where a container's film goes."""
        request = urllib.request.Request(address, film, dict(headers), method="POST")  # noqa: S310 - checked by upload
        return self._sent(request, UPLOAD_TIMEOUT, False, token)

    def _sent(
        self, request: urllib.request.Request, timeout: float, publishes: bool, token: str
    ) -> Reply:
        line = Line()
        host = urlsplit(request.full_url).hostname or ""
        asking = opener(line, host, request.full_url.startswith("https:"))
        try:
            with line.hung_up_after(timeout), asking.open(request, timeout=timeout) as got:
                data = bytes(got.read(ANSWER_MAX + 1))
                status, usage = got.status, pace.read(got.headers)
                if got.length or line.hung_up:
                    raise http.client.IncompleteRead(data)
        except urllib.error.HTTPError as error:
            with error:
                data = _body(error)
                status, usage = error.code, pace.read(error.headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._lost(error, line, host, publishes) from None
        told = _parsed(data)
        if status == 200 and told is not None and "error" not in told:
            return Reply(told, usage)
        raise self._refused(status, told, usage, publishes, token, host)

    def _lost(self, error: Exception, line: Line, host: str, publishes: bool) -> GraphError:
        """No answer came. Before the line stood nothing can have happened."""
        cause = getattr(error, "reason", None)
        cause = cause if isinstance(cause, Exception) else error
        if line.taken and publishes:
            return _unknown("the line broke before Instagram's answer came")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Permanent(
                f"{host}: its certificate is not trusted ({plain(cause.verify_message)})",
                "check the clock of this machine and who sits between it and the internet",
            )
        if isinstance(cause, socket.gaierror):
            return Temporary(f"{host} is not found", "is this machine on the internet?", wait=60)
        if line.hung_up or isinstance(cause, TimeoutError):
            return Temporary(f"{host} does not answer", "it is tried again", wait=60)
        if isinstance(cause, ConnectionRefusedError):
            return Temporary(f"nothing answers at {host}", "it is tried again", wait=60)
        return Temporary(f"the line to {host} broke", "it is tried again", wait=15)

    def _refused(
        self, status: int, told: dict[str, Any] | None, usage: pace.Usage, publishes: bool, token: str,
        host: str,
    ) -> GraphError:  # fmt: skip
        error = _error(told or {})
        if 300 <= status < 400:
            return Permanent(f"{host} sends us elsewhere, and a token is not taken along")
        if not error:
            # A page of a proxy, half an answer, an answer of no kind that is known.
            if publishes:
                return _unknown(f"the answer could not be read (HTTP {status})")
            return Temporary(f"{host} answers with nothing readable (HTTP {status})", wait=60)
        code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
        meant = codes.meaning(code, subcode, transient=bool(error.get("is_transient")))
        if publishes and (status >= 500 or code in (-1, 1, 2)):
            return _unknown(f"Instagram stumbled (HTTP {status}, code {code})")
        undocumented = code not in codes.CODES and subcode not in codes.SUBCODES
        if publishes and undocumented and error.get("is_transient"):
            return _unknown(f"Instagram stumbled (code {code}, which is nowhere documented)")
        if publishes and code == 24:
            # A container that is not found may be one that was published a moment ago.
            return _unknown(f"Instagram does not find the container ({code}/{subcode})")
        said = plain(
            error.get("error_user_msg") or error.get("message") or "", token, *self.secrets
        )
        number = f"{code}/{subcode}" if subcode else str(code)
        wait = meant.wait
        if meant.kind == "throttled" and usage.percent >= 100 and usage.regain:
            wait = usage.regain  # Instagram itself says how long
        return _KINDS[meant.kind](
            f"{meant.words} ({number}: {said})" if said else f"{meant.words} ({number})",
            meant.mend, code=code, subcode=subcode, trace=plain(error.get("fbtrace_id", "")),
            wait=wait, anew=meant.anew,
        )  # fmt: skip


def _unknown(why: str) -> Unknown:
    return Unknown(
        f"{why}: the post may be out already",
        "look at the profile; Feedsmith asks Instagram, and publishes nothing twice",
    )


def _body(error: urllib.error.HTTPError) -> bytes:
    try:
        return bytes(error.read(ANSWER_MAX))
    except (OSError, http.client.HTTPException, ValueError):
        return b""


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _error(told: Mapping[str, Any]) -> dict[str, Any]:
    """The error in an answer, in the Graph API's terms, whichever of Meta's hosts it comes from."""
    error = told.get("error")
    if isinstance(error, dict):
        return error
    if "error_message" in told:  # api.instagram.com
        return {"code": told.get("code"), "message": told["error_message"]}
    debug = told.get("debug_info")
    if isinstance(debug, dict):  # rupload.facebook.com
        if debug.get("type") == "NotAuthorizedError":
            return {"code": 190, "message": debug.get("message")}
        again = bool(debug.get("retriable"))
        return {"code": -1 if again else 352, "message": debug.get("message")}
    return {}


def _number(said: Any) -> int:
    with contextlib.suppress(TypeError, ValueError):
        return int(said)
    return 0


# ---- one account ----------------------------------------------------------------------------------


class Graph:
    """The API for one connected account. `token` is what publishing uses; `user_token` what hashtags use
    with Facebook Login, where they are two."""

    def __init__(
        self, account: str, login: Login, token: str, *, user_token: str = "", place: Place | None = None,
        version: str = rules.GRAPH_VERSION, timeout: float = TIMEOUT,
    ) -> None:  # fmt: skip
        self.account = account
        self.login = login
        self.usage = pace.Usage()
        """Of the last answer: `usage.wait` seconds should pass before the next call."""
        self._token, self._user_token = token, user_token or token
        self._asking = Asking(place or Place(), timeout, (token, self._user_token))
        self._host = "graph.instagram.com" if login == "instagram" else "graph.facebook.com"
        self._version = version

    def __repr__(self) -> str:
        return f"Graph({self.account}, {self.login})"

    def _ask(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, *,
        publishes: bool = False, user: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        token = self._user_token if user else self._token
        reply = self._asking.ask(
            method,
            self._host,
            f"{self._version}/{path}",
            parameters,
            token=token,
            publishes=publishes,
        )
        self.usage = reply.usage
        return reply.told

    # ---- the account -------------------------------------------------------------------------------

    def profile(self) -> Profile:
        """Who the account is; the cheapest way to see whether its token still opens it."""
        fields = "id,username,name,followers_count,media_count"
        if self.login == "instagram":
            fields += ",user_id,account_type"
        told = self._ask("GET", self.account, {"fields": fields})
        return _read(Profile, told | {"id": str(told.get("user_id") or told.get("id"))})

    def limit(self) -> Limit:
        """How many posts have gone out in the last 24 hours, and how many may."""
        told = self._ask(
            "GET", f"{self.account}/content_publishing_limit", {"fields": "config,quota_usage"}
        )
        row = next(iter(rows_of(told)), {})
        config = table_of(row.get("config"))
        return Limit(
            used=_number(row.get("quota_usage")),
            total=_number(config.get("quota_total", rules.POSTS_A_DAY)),
            seconds=_number(config.get("quota_duration")) or 86400,
        )

    # ---- publishing --------------------------------------------------------------------------------

    def create(self, wanted: NewContainer) -> Made:
        """Make a container. One whose answer is lost does no harm: it is never published."""
        return _read(Made, self._ask("POST", f"{self.account}/media", wanted.parameters()))

    def upload(self, made: Made, film: Path, offset: int = 0) -> None:
        """Send a film from byte `offset` on to its container. After a `Temporary`, go on at
        `uploaded(container)`."""
        address = self._upload_address(made)
        size = film.stat().st_size
        with film.open("rb") as stream:
            stream.seek(offset)
            headers = {
                "Authorization": f"OAuth {self._token}",
                "offset": str(offset),
                "file_size": str(size),
                "Content-Type": "application/octet-stream",
                "Content-Length": str(size - offset),
                "User-Agent": f"feedsmith/{feedsmith.__version__}",
            }
            self._asking.send(address, Stretch(stream), headers, self._token)

    def _upload_address(self, made: Made) -> str:
        """The documented address; the answer's own `uri` is not followed, because the token goes there."""
        path = f"ig-api-upload/{self._version}/{made.id}"
        return self._asking.place.address("rupload.facebook.com", path)

    def uploaded(self, container: str) -> int:
        """Bytes of a film that are there; 0 where the API does not say."""
        told = self._ask("GET", container, {"fields": "id,status_code,video_status"})
        phase = table_of(table_of(told.get("video_status")).get("uploading_phase"))
        return _number(phase.get("bytes_transferred") or phase.get("bytes_transfered"))

    def status(self, container: str) -> Status:
        """How far a container is. Ask once a minute, for at most five (rules.POLL_SECONDS, POLL_MOST)."""
        return _read(Status, self._ask("GET", container, {"fields": "id,status_code,status"}))

    def publish(self, container: str) -> str:
        """Publish a container; the post's id. Raises Unknown where the answer is lost."""
        told = self._ask(
            "POST", f"{self.account}/media_publish", {"creation_id": container}, publishes=True
        )
        number = told.get("id")
        if not isinstance(number, str | int) or not number:
            raise _unknown("Instagram's answer names no post")
        return str(number)

    # ---- reading -----------------------------------------------------------------------------------

    def media(self, after: str = "", limit: int = 50, fields: str = MEDIA_FIELDS) -> Page:
        """The account's own posts, the newest first; stories are not among them."""
        return self._page(f"{self.account}/media", after, limit, {"fields": fields})

    def stories(self) -> Page:
        """The account's stories of the last 24 hours."""
        return self._page(f"{self.account}/stories", "", 100, {"fields": MEDIA_FIELDS})

    def every(self, limit: int = 50) -> Iterator[Media]:
        """All of the account's posts, page after page."""
        after = ""
        while True:
            page = self.media(after, limit)
            yield from page.media
            if not (after := page.after):
                return

    def medium(self, number: str) -> Media:
        """One post."""
        return _media(self._ask("GET", number, {"fields": MEDIA_FIELDS}))

    def children(self, number: str) -> tuple[Child, ...]:
        """The parts of a carousel, in order."""
        fields = "id,media_type,media_url,thumbnail_url"
        told = self._ask("GET", f"{number}/children", {"fields": fields})
        return tuple(_read(Child, row) for row in rows_of(told))

    def insights(self, number: str, metrics: Sequence[str]) -> dict[str, int]:
        """Figures of a post by metric; those that the API has none for are left out."""
        told = self._ask("GET", f"{number}/insights", {"metric": ",".join(metrics)})
        found = {}
        for row in rows_of(told):
            values = rows_of(row, "values") or [table_of(row.get("total_value"))]
            if isinstance(value := values[0].get("value"), int | float):
                found[str(row.get("name"))] = int(value)
        return found

    def hashtag(self, word: str) -> str:
        """The id of a hashtag, without '#'. Thirty different ones in seven days; Facebook Login alone."""
        if self.login != "facebook":
            raise Permanent(
                "hashtags can be looked up with Facebook Login alone",
                'set login = "facebook" under [instagram] in brand.toml, and connect the account again',
            )
        told = self._ask(
            "GET", "ig_hashtag_search", {"user_id": self.account, "q": word.lstrip("#")}, user=True
        )
        row = next(iter(rows_of(told)), told)
        return _read(Made, row).id

    def searched(self) -> tuple[str, ...]:
        """Ids of the hashtags that count against the thirty of seven days, whoever looked them up."""
        path = f"{self.account}/recently_searched_hashtags"
        told = self._ask("GET", path, {"limit": str(rules.HASHTAG_QUERIES)}, user=True)
        return tuple(_read(Made, row).id for row in rows_of(told))

    def hashtag_media(
        self,
        hashtag: str,
        which: Literal["top", "recent"],
        after: str = "",
        limit: int = rules.PAGE_MAX,
    ) -> Page:
        """Others' posts under a hashtag's id; "recent" are those of the last 24 hours."""
        parameters = {"user_id": self.account, "fields": HASHTAG_FIELDS}
        return self._page(f"{hashtag}/{which}_media", after, limit, parameters, user=True)

    def _page(
        self, path: str, after: str, limit: int, parameters: Mapping[str, str], user: bool = False
    ) -> Page:
        asked = dict(parameters) | {"limit": str(limit)} | ({"after": after} if after else {})
        told = self._ask("GET", path, asked, user=user)
        paging = table_of(told.get("paging"))
        more = str(table_of(paging.get("cursors")).get("after", "")) if paging.get("next") else ""
        return Page(tuple(_media(row) for row in rows_of(told)), more)


class Stretch:
    """What is left of an open film, read in pieces as it is sent."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int = PIECE) -> bytes:
        return self._stream.read(size)


def rows_of(told: Mapping[str, Any], name: str = "data") -> list[dict[str, Any]]:
    """The rows of an answer's list; none for anything else."""
    rows = told.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def table_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _media(told: dict[str, Any]) -> Media:
    return _read(Media, told | {"children": rows_of(table_of(told.get("children")))})


def _read(kind: type[A], told: Mapping[str, Any]) -> A:
    try:
        return kind.model_validate({k: v for k, v in told.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Temporary(
            f"Instagram's answer is not as documented ({where}: {first['msg'].lower()})",
            "try again later; if it stays, upgrade Feedsmith", wait=60,
        ) from None  # fmt: skip
