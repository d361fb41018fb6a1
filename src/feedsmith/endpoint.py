"""A model behind an address: any server that speaks OpenAI's protocol.

Knows the address, the key, how one question goes over the wire, and what goes wrong on the way;
what is asked, and what of an answer is taken, is known by those who ask (captions/endpoint.py,
images/endpoint.py).

The key comes from the environment and goes into one header, nowhere else: no message, no address
and no file of ours holds it. Certificates are verified, and nobody is followed to another address.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import feedsmith
from feedsmith import environment
from feedsmith.errors import FeedsmithError
from feedsmith.wire import NEAR, Line, Near, near, opener, plain, proxied, retry_after, shown

T = TypeVar("T")

OPENAI_KEY = "OPENAI_API_KEY"
"""Environment variable of a key for OpenAI's own host alone: a brand.toml from somebody else must not
be able to have it sent elsewhere."""
OPENAI = "api.openai.com"

TRIES = 3
"""Times that one question is asked where the server is busy or the line breaks; two where it is slow
or nothing listens."""
PAUSE = 0.5
"""Seconds before the second try; each further pause is twice as long."""
WAIT_MOST = 30.0
"""Seconds that a server may ask to wait (Retry-After); one that asks for more is left alone."""
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Status codes that may be gone a second later."""
_STARTED_WITH = {
    11434: "is Ollama running? Start it: ollama serve",
    1234: "is LM Studio's server running? Start it: lms server start",
    8000: "is vLLM running? Start it: vllm serve MODEL",
    8080: "is the server running? For llama.cpp: llama-server -m MODEL.gguf",
}
"""Port -> what listens there by default, and how it is started."""
HOPS = 4
"""Addresses on the way to a file that a server names."""


class Use(NamedTuple):
    """What a server is asked for, in the words and variables that a person knows it by."""

    what: str
    """E.g. "writer"."""
    path: str
    """Behind the base address, e.g. "chat/completions"."""
    option: str
    """On the command line, e.g. "--writer"."""
    section: str
    """In brand.toml, e.g. "[writer]"."""
    timeout: str
    """Where the patience is set, in words."""
    url: str
    model: str
    """Environment variables that go before brand.toml."""
    key: str
    key_file: str
    """Environment variables of the key."""
    most: int
    """Bytes of an answer."""
    optional: tuple[str, ...]
    """Fields of a question that a server may refuse and still answer without."""


class NoAnswer(FeedsmithError):
    """The endpoint gave nothing to read.

    `lasting` where the next question would go the same way (a wrong key, nobody there).
    """

    def __init__(self, message: str, mend: str = "", *, lasting: bool = True) -> None:
        super().__init__(message, mend)
        self.lasting = lasting


@dataclass(frozen=True)
class Key:
    """A secret, and the environment variable that it came from. Never shown."""

    secret: str = field(default="", repr=False)
    source: str = ""


NO_KEY = Key()


class Server:
    """One model of one server.

    `url` is the base address, such as http://localhost:11434/v1; one without a path gets /v1, and
    the end that `use` has is taken off. `timeout` is seconds for one whole answer.
    Raises FeedsmithError for an address that cannot be one, or a key that would travel in the open.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: Key,
        use: Use,
        *,
        timeout: float,
        pause: float | None = None,
    ) -> None:
        self.use = use
        self.base = based(url, use)
        self.model = model
        self.timeout = timeout
        self.without: set[str] = set()
        """Fields that this server does not take."""
        self._key = key
        self._pause = PAUSE if pause is None else pause
        parts = urlsplit(self.base)
        self.host = parts.hostname or ""
        self._port = parts.port
        if key.secret and parts.scheme == "http" and not near(self.host):
            raise FeedsmithError(
                f"{self.where}: the key in {key.source} would travel there unencrypted",
                mend="use https://, or take the key out of the environment",
            )

    @property
    def name(self) -> str:
        """For people and files: the model and its host; neither path nor port nor key."""
        return f"{self.model} at {self.host}"

    @property
    def key_source(self) -> str:
        """The environment variable of the key that is sent; '' where none is."""
        return self._key.source

    def exchange(self, asked: Callable[[], Mapping[str, Any]], read: Callable[["Answer"], T]) -> T:
        """Ask for what `asked` gives, as JSON, until `read` takes the answer.

        Busy servers and broken lines are tried again, TRIES times at most; a question that the server
        wants otherwise is asked otherwise (`objection`). Raises NoAnswer, as `read` may.
        """
        trouble: NoAnswer | None = None
        tried = 0
        while tried < TRIES:
            try:
                return read(self._send(self.use.path, asked()))
            except Anew:  # whoever raises it has changed what is asked, and does so once a thing
                continue
            except Again as again:
                trouble, tried = again.trouble, tried + again.cost
                if tried < TRIES:
                    time.sleep(again.wait or self._pause * 2.0 ** (tried - 1))
        assert trouble is not None
        raise trouble

    def objection(self, said: str, payload: Mapping[str, Any]) -> Exception | None:
        """What a refusal (400, 422) in those words makes of the question: Anew where it will be asked
        otherwise, an exception to raise, or None for nothing that is known here."""
        for name in self.use.optional:
            if name in payload and name in said:
                self.without.add(name)
                return Anew()
        return None

    def models(self, timeout: float = 3.0) -> list[str]:
        """Names of the models that the server has. Raises NoAnswer; asks once."""
        try:
            told = parsed(self._send("models", None, timeout), self.where)
        except Again as again:
            raise again.trouble from None
        listed = told.get("data") if isinstance(told, dict) else None
        rows = listed if isinstance(listed, list) else []
        return [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]

    def fetched(self, url: str, *, near_too: bool = False) -> bytes:
        """A file that the server names by its address, at most `use.most` bytes.

        From the server's own address with the key, from elsewhere without; from another place in one's
        own network only where `near_too`, whatever name or redirect leads there: a server must not be
        able to have it read for it. Tried TRIES times at most. Raises NoAnswer.
        """
        trouble: NoAnswer | None = None
        for tried in range(TRIES):
            try:
                return self._followed(url, near_too)
            except Again as again:  # asked for anew here: what made the file may have cost money
                trouble = again.trouble
                time.sleep(self._pause * 2.0**tried if tried < TRIES - 1 else 0)
        assert trouble is not None
        raise trouble

    def _followed(self, url: str, near_too: bool) -> bytes:
        line = Line()
        with line.hung_up_after(self.timeout):
            for _ in range(HOPS):
                onward = self._hop(url, line, near_too)
                if isinstance(onward, bytes):
                    return onward
                url = urljoin(url, onward)
        raise self._unfetched(url, "it leads from one address to the next")

    def _hop(self, url: str, line: Line, near_too: bool) -> bytes | str:
        """The file at an address, or the address that it sends us on to."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise self._unfetched(url, "that is no address") from None
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise self._unfetched(url, "that is no address of the web")
        mine = urlsplit(self.base)
        own = (parts.scheme, host, port) == (mine.scheme, mine.hostname, mine.port)
        far = not own and not near_too
        if far and near(host):
            raise self._unfetched(url, NEAR)
        headers = {"User-Agent": f"feedsmith/{feedsmith.__version__}"}
        if own and self._key.secret:
            headers["Authorization"] = f"Bearer {self._key.secret}"
        request = urllib.request.Request(url, None, headers)  # noqa: S310 - checked above
        behind = not near(host) and proxied(parts.scheme, host)
        line.far = far and not behind  # a proxy looks names up itself
        asking = opener(line, host, parts.scheme == "https")
        try:
            with asking.open(request, timeout=self.timeout) as got:
                data = bytes(got.read(self.use.most + 1))
                missing = 0 if len(data) > self.use.most else got.length or 0
        except urllib.error.HTTPError as error:
            with error:
                onward = str(error.headers.get("Location", ""))
                if 300 <= error.code < 400 and onward:
                    return onward
                trouble = self._unfetched(url, f"{error.code} {self.plain(error.reason)}")
                raise Again(trouble) if error.code in _AGAIN else trouble from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if line.hung_up:
                raise self._slow(self.timeout) from None
            cause = getattr(error, "reason", error)
            if isinstance(cause, Near):
                raise self._unfetched(url, NEAR) from None
            raise Again(self._unfetched(url, self.plain(cause) or "no answer")) from None
        if line.hung_up:
            raise self._slow(self.timeout)
        if missing:
            raise Again(self._unfetched(url, f"{missing} bytes are missing"))
        if len(data) > self.use.most:
            raise self._unfetched(url, f"it is larger than {self.use.most >> 20} MB")
        return data

    def _unfetched(self, url: str, why: str) -> NoAnswer:
        mend = "have the server answer with the picture itself (b64_json), or try another one"
        if why == NEAR:
            mend = "set near = true under [images.options] in brand.toml if that address is yours"
        return NoAnswer(
            f"{self.where} names {shown(url)} for its picture, which was not fetched: {why}",
            mend=mend,
            lasting=why == NEAR,
        )

    # -------------------------------------------------------------- one question

    @property
    def where(self) -> str:
        return self.host + (f":{self._port}" if self._port else "")

    def _send(self, path: str, payload: Mapping[str, Any] | None, timeout: float = 0.0) -> "Answer":
        """One exchange. Raises Again for what may pass, Anew for what is to be asked otherwise, else
        NoAnswer."""
        headers = {
            "Accept": "application/json",
            "User-Agent": f"feedsmith/{feedsmith.__version__}",
        }
        if self._key.secret:
            headers["Authorization"] = f"Bearer {self._key.secret}"
        body = None
        if payload is not None:
            body = json.dumps(payload).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.base}/{path}", body, headers)  # noqa: S310 - checked in `based`
        whole = timeout or self.timeout
        line = Line()
        asking = opener(line, self.host, self.base.startswith("https:"))
        try:
            with line.hung_up_after(whole), asking.open(request, timeout=whole) as got:
                data = bytes(got.read(self.use.most + 1))
                kind = str(got.headers.get_content_type())
                missing = 0 if len(data) > self.use.most else got.length or 0
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error, payload) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._broken(error, line, whole) from None
        if line.hung_up:
            raise self._slow(whole)
        if missing:
            raise self._broken(ConnectionError(f"{missing} bytes are missing"), line, whole)
        if len(data) > self.use.most:
            raise NoAnswer(
                f"{self.where}: its answer is longer than {self.use.most >> 10} kB and was cut off",
                mend="try another model",
                lasting=False,
            )
        return Answer(data, kind)

    def _refused(
        self, error: urllib.error.HTTPError, payload: Mapping[str, Any] | None
    ) -> Exception:
        """What a status code means, as the exception to raise."""
        whole = _body(error)
        said = self.plain(_message(whole))
        reason = f"{error.code}: {said}" if said else f"{error.code} {self.plain(error.reason)}"
        if error.code in (400, 422) and payload is not None:
            other = self.objection(whole, payload)
            if other is not None:
                return other
        if 300 <= error.code < 400:
            onward = urlsplit(str(error.headers.get("Location", "")))
            place = f" to {onward.scheme}://{onward.netloc}" if onward.hostname else ""
            if "@" in place:
                place = ""
            return NoAnswer(
                f"{self.where} sends us on{place}, and a key is not taken along",
                mend="set the address that it is really at",
            )
        if error.code in (401, 403):
            return NoAnswer(f"{self.where} {self._about_key()} ({reason})", mend=self._key_mend())
        if error.code in (404, 405):
            return NoAnswer(
                f"{self.where} knows no such model or address: {self.model}, "
                f"{urlsplit(self.base).path}/{self.use.path} ({reason})",
                mend=self._others_there()
                if payload is not None
                else "check the address; it usually ends in /v1",
            )
        if error.code == 429 and "insufficient_quota" in whole:
            return NoAnswer(
                f"{self.where}: the account's quota is used up ({reason})",
                mend="look at your plan there, or use a model on your own machine",
            )
        if error.code in _AGAIN:
            wait = retry_after(error.headers.get("Retry-After"))
            says = f"asks to wait {wait:.0f} seconds" if wait > WAIT_MOST else "is busy or broken"
            trouble = NoAnswer(
                f"{self.where} {says} ({reason})",
                mend="try again later, or choose another model or server",
                lasting=False,
            )
            return trouble if wait > WAIT_MOST else Again(trouble, wait)
        return NoAnswer(
            f"{self.where} turns the question down ({reason})",
            mend="check the model's name and what the server says of it",
        )

    def _about_key(self) -> str:
        return f"refuses the key in {self._key.source}" if self._key.secret else "wants a key"

    def _key_mend(self) -> str:
        if self._key.secret:
            return f"put the right key into {self._key.source}"
        more = f" ({OPENAI_KEY} is sent to {OPENAI} alone)" if os.environ.get(OPENAI_KEY) else ""
        return f"put it into the environment variable {self.use.key}{more}"

    def _others_there(self) -> str:
        with contextlib.suppress(NoAnswer):
            if names := self.models():
                shown = ", ".join(self.plain(name) for name in names[:8])
                return f"name a model that is there: {shown}"
        return "check both; the address usually ends in /v1"

    def _broken(self, error: Exception, line: Line, whole: float) -> Exception:
        """What a line that gave no answer means, as the exception to raise."""
        cause = getattr(error, "reason", None)
        cause = cause if isinstance(cause, Exception) else error
        where = self.where
        if line.hung_up or (isinstance(cause, TimeoutError) and line.taken):
            return self._slow(whole)
        if isinstance(cause, TimeoutError):
            return Again(NoAnswer(f"{where} cannot be reached", self._start()), cost=2)
        if isinstance(cause, ConnectionRefusedError):
            return Again(NoAnswer(f"nothing answers at {where}", self._start()), cost=2)
        if isinstance(cause, socket.gaierror):
            trouble = NoAnswer(f"{self.host}: no such host is known", "correct the address")
            return Again(trouble) if cause.errno == socket.EAI_AGAIN else trouble
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswer(
                f"{where}: its certificate is not trusted ({self.plain(cause.verify_message)})",
                mend="for a certificate of your own, name its authority's file in SSL_CERT_FILE",
            )
        if isinstance(cause, ssl.SSLError):
            return NoAnswer(
                f"{where} speaks no proper TLS ({self.plain(cause.reason or cause)})",
                mend="check whether the address begins with http:// rather than https://",
            )
        said = self.plain(cause) or type(cause).__name__
        return Again(
            NoAnswer(f"{where}: the connection broke off ({said})", self._start(), lasting=False)
        )

    def _slow(self, whole: float) -> "Again":
        trouble = NoAnswer(
            f"{self.where} gave no answer within {whole:g} seconds",
            mend=f"raise {self.use.timeout}, or choose a smaller model",
        )
        return Again(trouble, cost=2)

    def _start(self) -> str:
        return _STARTED_WITH.get(
            self._port or 0, "start the server, or correct the address"
        ).replace("MODEL", self.model)

    # -------------------------------------------------------------- the answer

    def plain(self, said: object) -> str:
        """What a server says, fit for a terminal: one short line without the key."""
        return plain(said, self._key.secret)


class Answer(NamedTuple):
    data: bytes
    kind: str
    """Content type."""


class Again(Exception):
    """What may pass: ask once more, after `wait` seconds where the server named them."""

    def __init__(self, trouble: NoAnswer, wait: float = 0.0, cost: int = 1) -> None:
        super().__init__()
        self.trouble, self.wait, self.cost = trouble, wait, cost


class Anew(Exception):
    """Ask at once, and otherwise: what is asked has been changed."""


# --- addresses and keys ------------------------------------------------------------------------


def asked_for(asked: str, url: str, model: str, use: Use) -> tuple[str, str] | None:
    """(address, model) that a person wants; None where none is set.

    `asked` goes first: "MODEL@URL", an address or a model alone; then the environment, then `url`
    and `model` of brand.toml. Raises FeedsmithError for half a setting.
    """
    asked = asked.strip()
    found = re.fullmatch(r"(?:(?P<model>.*)@)?(?P<url>https?://.*)", asked, re.S)
    mine, there = (found["model"] or "", found["url"]) if found else (asked, "")
    url = there or os.environ.get(use.url, "").strip() or url
    model = mine.strip() or os.environ.get(use.model, "").strip() or model
    if not url and not model:
        return None
    if not url:
        raise FeedsmithError(
            f'the {use.what} "{model}" has no address',
            mend=f"name it: {use.option} {model}@http://localhost:11434/v1, {use.url}, or url under "
            f"{use.section} in brand.toml",
        )
    if not model:
        raise FeedsmithError(
            f"{shown(url)}: no model is named",
            mend=f"name one: {use.option} MODEL@URL, {use.model}, or model under {use.section} in "
            "brand.toml",
        )
    return url, model


def based(url: str, use: Use) -> str:
    """A base address without its end. Raises FeedsmithError for one that cannot be one, or that
    holds a secret."""
    mend = "write it like http://localhost:11434/v1"
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise FeedsmithError(f"{shown(url)}: not an address ({error})", mend=mend) from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:%-]+", host, re.A):
        raise FeedsmithError(f'"{shown(url)}" is not an address of a server', mend=mend)
    if parts.username is not None or parts.query or parts.fragment:
        raise FeedsmithError(
            f"{shown(url)}: the address holds more than a place (a user, a key or a query)",
            mend=f"keep the address bare, and put a key into the environment variable {use.key}",
        )
    path = parts.path.rstrip("/").removesuffix(f"/{use.path}").rstrip("/") or "/v1"
    if not re.fullmatch(r"[\w./~%:@+-]+", path, re.A):
        raise FeedsmithError(f'"{shown(url)}" is not an address of a server', mend=mend)
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{path}"


def key_for(host: str, use: Use) -> Key:
    """The key for a host, from the environment; an empty one where none is set.

    Raises FeedsmithError for a key file that cannot be read and for what cannot be a key.
    """
    secret = environment.filed(use.key_file, "name a file that holds the key and nothing else")
    source = use.key_file
    if secret is None:
        names = (use.key, OPENAI_KEY) if host.lower() == OPENAI else (use.key,)
        source = next((name for name in names if os.environ.get(name, "").strip()), "")
        secret = os.environ.get(source, "").strip() if source else ""
    if secret and not re.fullmatch(r"[!-~]+", secret):
        raise FeedsmithError(
            f"{source}: this cannot be a key, it has blanks or line breaks in it",
            mend="put the key there and nothing else",
        )
    return Key(secret, source if secret else "")


# --- answers -----------------------------------------------------------------------------------


def parsed(answer: Answer, where: str) -> Any:
    """The JSON of an answer. Raises NoAnswer."""
    try:
        return json.loads(answer.data)
    except (ValueError, RecursionError):
        kind = "" if answer.kind == "application/json" else f", but {answer.kind}"
        raise NoAnswer(
            f"{where} answers, but not with JSON{kind}" if kind else f"{where}: broken JSON",
            mend="check the address; it usually ends in /v1",
            lasting=bool(kind),
        ) from None


def _body(error: urllib.error.HTTPError) -> str:
    try:
        return error.read(1 << 16).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError):
        return ""


def _message(body: str) -> str:
    """What the body of a refusal says, in its own words; '' for a page that is for browsers."""
    try:
        return in_words(json.loads(body))
    except (ValueError, RecursionError):
        return "" if "<" in body else body


def in_words(told: Any) -> str:
    """The message of an error: {"error": {"message": ...}}, {"error": ...}, {"detail": ...}."""
    for name in ("error", "message", "detail", "code"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    return told if isinstance(told, str) else json.dumps(told)
