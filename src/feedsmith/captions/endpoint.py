"""A chat model behind an address: any server that speaks OpenAI's protocol.

Ollama, vLLM, LM Studio, llama.cpp and OpenAI itself answer `POST {base}/chat/completions`. Knows the
address, the key, the protocol and what goes wrong on the way; knows no brief and no caption.

The key comes from the environment and goes into one header, nowhere else: no message, no address
and no file of ours holds it. Certificates are verified, and nobody is followed to another address.
"""

import contextlib
import functools
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import feedsmith
from feedsmith.brand import WriterSettings
from feedsmith.errors import FeedsmithError

URL, MODEL = "FEEDSMITH_WRITER_URL", "FEEDSMITH_WRITER_MODEL"
"""Environment variables that go before brand.toml."""
KEY, KEY_FILE, OPENAI_KEY = "FEEDSMITH_WRITER_KEY", "FEEDSMITH_WRITER_KEY_FILE", "OPENAI_API_KEY"
"""Environment variables of the key. The last one is for OpenAI's own host alone: a brand.toml from
somebody else must not be able to have it sent elsewhere."""
OPENAI = "api.openai.com"

CONNECT = 5.0
"""Seconds until a server has taken the call; one that is there does so in milliseconds."""
TRIES = 3
"""Times that one question is asked where the server is busy or the line breaks; two where it is slow
or nothing listens."""
PAUSE = 0.5
"""Seconds before the second try; each further pause is twice as long."""
WAIT_MOST = 30.0
"""Seconds that a server may ask to wait (Retry-After); one that asks for more is left alone."""
ANSWER_MOST = 1 << 19
"""Bytes of an answer; eight captions are 4 kB, and a model that thinks aloud writes 50."""
TOKENS, TOKENS_THINKING = 800, 4800
"""What an answer may have: eight captions take 600, and a small model that repeats itself goes on to
the end. One that used the first number up without a word, because it thinks before it speaks, gets
the second."""
TEMPERATURE = 0.9
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Status codes that may be gone a second later."""
_OPTIONAL = ("max_completion_tokens", "max_tokens", "temperature", "seed")
"""Fields that a server may refuse and still answer without."""
_STARTED_WITH = {
    11434: "is Ollama running? Start it: ollama serve",
    1234: "is LM Studio's server running? Start it: lms server start",
    8000: "is vLLM running? Start it: vllm serve MODEL",
    8080: "is the server running? For llama.cpp: llama-server -m MODEL.gguf",
}
"""Port -> what listens there by default, and how it is started."""
_HOME = ("localhost", "local", "lan", "home", "internal", "home.arpa")
"""Last parts of names that lead nowhere outside of one's own network."""


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


class Endpoint:
    """One model of one server, asked for chat completions.

    `url` is the base address, such as http://localhost:11434/v1; one without a path gets /v1, and
    "/chat/completions" at its end is taken off. `timeout` is seconds for one whole answer.
    Raises FeedsmithError for an address that cannot be one, or a key that would travel in the open.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: Key = Key(),
        *,
        candidates: int = 4,
        timeout: float = 120.0,
        pause: float | None = None,
    ) -> None:
        self.base = based(url)
        self.model = model
        self.candidates = candidates
        self.timeout = timeout
        self._key = key
        self._pause = PAUSE if pause is None else pause
        self._without: set[str] = set()
        self._tokens = TOKENS
        parts = urlsplit(self.base)
        self.host = parts.hostname or ""
        self._port = parts.port
        if key.secret and parts.scheme == "http" and not near(self.host):
            raise FeedsmithError(
                f"{self._where}: the key in {key.source} would travel there unencrypted",
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

    def ask(self, messages: Sequence[Mapping[str, str]], seed: int) -> list[str]:
        """What the model answers: one text, or several where the server gives several choices.

        Busy servers and broken lines are tried again, TRIES times at most. Raises NoAnswer.
        """
        trouble: NoAnswer | None = None
        tried = 0
        while tried < TRIES:
            try:
                return self._read(self._send("chat/completions", self._asked(messages, seed)))
            except _Unfit as unfit:  # each of its fields goes once, so this ends
                self._without.add(unfit.field)
                continue
            except _Thinking as thinking:
                if self._tokens == TOKENS_THINKING:
                    raise thinking.as_answer(self) from None
                self._tokens = TOKENS_THINKING
                continue
            except _Again as again:
                trouble, tried = again.trouble, tried + again.cost
                if tried < TRIES:
                    time.sleep(again.wait or self._pause * 2.0 ** (tried - 1))
        assert trouble is not None
        raise trouble

    def models(self, timeout: float = 3.0) -> list[str]:
        """Names of the models that the server has. Raises NoAnswer; asks once."""
        try:
            told = _json(self._send("models", None, timeout), self._where)
        except _Again as again:
            raise again.trouble from None
        listed = told.get("data") if isinstance(told, dict) else None
        rows = listed if isinstance(listed, list) else []
        return [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]

    # -------------------------------------------------------------- one question

    @property
    def _where(self) -> str:
        return self.host + (f":{self._port}" if self._port else "")

    def _asked(self, messages: Sequence[Mapping[str, str]], seed: int) -> dict[str, Any]:
        # No "n": Ollama gives one choice whatever it says, and some servers refuse more than one.
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "stream": False,
            "temperature": TEMPERATURE,
            "seed": seed % 2**31,
            "max_tokens": self._tokens,
        }
        if "max_tokens" in self._without:  # its newer name, for models that think before they speak
            asked["max_completion_tokens"] = TOKENS_THINKING
        return {name: value for name, value in asked.items() if name not in self._without}

    def _send(
        self, path: str, payload: Mapping[str, Any] | None, timeout: float = 0.0
    ) -> "_Answer":
        """One exchange. Raises _Again for what may pass, _Unfit for a field that it refuses, else
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
        line = _Line()
        try:
            with line.hung_up_after(whole), self._opener(line).open(request, timeout=whole) as got:
                data = bytes(got.read(ANSWER_MOST + 1))
                kind = str(got.headers.get_content_type())
                missing = 0 if len(data) > ANSWER_MOST else got.length or 0
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error, payload) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._broken(error, line, whole) from None
        if line.hung_up:
            raise self._slow(whole)
        if missing:
            raise self._broken(ConnectionError(f"{missing} bytes are missing"), line, whole)
        if len(data) > ANSWER_MOST:
            raise NoAnswer(
                f"{self._where}: its answer is longer than {ANSWER_MOST >> 10} kB and was cut off",
                mend="try another model; captions are short",
                lasting=False,
            )
        return _Answer(data, kind)

    def _opener(self, line: "_Line") -> urllib.request.OpenerDirector:
        # A proxy of the environment is for the world outside; it cannot reach this machine.
        proxies = urllib.request.ProxyHandler({} if near(self.host) else None)
        secure = self.base.startswith("https:")
        return urllib.request.build_opener(
            proxies, _Https(line) if secure else _Http(line), _Stay()
        )

    def _refused(
        self, error: urllib.error.HTTPError, payload: Mapping[str, Any] | None
    ) -> Exception:
        """What a status code means, as the exception to raise."""
        whole = _body(error)
        said = self._plain(_message(whole))
        reason = f"{error.code}: {said}" if said else f"{error.code} {self._plain(error.reason)}"
        if error.code in (400, 422) and payload is not None:
            for name in _OPTIONAL:
                if name in payload and name in whole:
                    return _Unfit(name)
        if 300 <= error.code < 400:
            onward = urlsplit(str(error.headers.get("Location", "")))
            place = f" to {onward.scheme}://{onward.netloc}" if onward.hostname else ""
            if "@" in place:
                place = ""
            return NoAnswer(
                f"{self._where} sends us on{place}, and a key is not taken along",
                mend="set the address that it is really at",
            )
        if error.code in (401, 403):
            return NoAnswer(f"{self._where} {self._about_key()} ({reason})", mend=self._key_mend())
        if error.code in (404, 405):
            return NoAnswer(
                f"{self._where} knows no such model or address: {self.model}, "
                f"{urlsplit(self.base).path}/chat/completions ({reason})",
                mend=self._others_there()
                if payload
                else "check the address; it usually ends in /v1",
            )
        if error.code == 429 and "insufficient_quota" in whole:
            return NoAnswer(
                f"{self._where}: the account's quota is used up ({reason})",
                mend="look at your plan there, or use a model on your own machine",
            )
        if error.code in _AGAIN:
            wait = _retry_after(error.headers.get("Retry-After"))
            says = f"asks to wait {wait:.0f} seconds" if wait > WAIT_MOST else "is busy or broken"
            trouble = NoAnswer(
                f"{self._where} {says} ({reason})",
                mend="try again later, or choose another model or server",
                lasting=False,
            )
            return trouble if wait > WAIT_MOST else _Again(trouble, wait)
        return NoAnswer(
            f"{self._where} turns the question down ({reason})",
            mend="check the model's name and what the server says of it",
        )

    def _about_key(self) -> str:
        return f"refuses the key in {self._key.source}" if self._key.secret else "wants a key"

    def _key_mend(self) -> str:
        if self._key.secret:
            return f"put the right key into {self._key.source}"
        more = f" ({OPENAI_KEY} is sent to {OPENAI} alone)" if os.environ.get(OPENAI_KEY) else ""
        return f"put it into the environment variable {KEY}{more}"

    def _others_there(self) -> str:
        with contextlib.suppress(NoAnswer):
            if names := self.models():
                shown = ", ".join(self._plain(name) for name in names[:8])
                return f"name a model that is there: {shown}"
        return "check both; the address usually ends in /v1"

    def _broken(self, error: Exception, line: "_Line", whole: float) -> Exception:
        """What a line that gave no answer means, as the exception to raise."""
        cause = getattr(error, "reason", None)
        cause = cause if isinstance(cause, Exception) else error
        where = self._where
        if line.hung_up or (isinstance(cause, TimeoutError) and line.taken):
            return self._slow(whole)
        if isinstance(cause, TimeoutError):
            return _Again(NoAnswer(f"{where} cannot be reached", self._start()), cost=2)
        if isinstance(cause, ConnectionRefusedError):
            return _Again(NoAnswer(f"nothing answers at {where}", self._start()), cost=2)
        if isinstance(cause, socket.gaierror):
            trouble = NoAnswer(f"{self.host}: no such host is known", "correct the address")
            return _Again(trouble) if cause.errno == socket.EAI_AGAIN else trouble
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NoAnswer(
                f"{where}: its certificate is not trusted ({self._plain(cause.verify_message)})",
                mend="for a certificate of your own, name its authority's file in SSL_CERT_FILE",
            )
        if isinstance(cause, ssl.SSLError):
            return NoAnswer(
                f"{where} speaks no proper TLS ({self._plain(cause.reason or cause)})",
                mend="check whether the address begins with http:// rather than https://",
            )
        said = self._plain(cause) or type(cause).__name__
        return _Again(
            NoAnswer(f"{where}: the connection broke off ({said})", self._start(), lasting=False)
        )

    def _slow(self, whole: float) -> "_Again":
        trouble = NoAnswer(
            f"{self._where} gave no answer within {whole:g} seconds",
            mend="raise timeout under [writer] in brand.toml, or choose a smaller model",
        )
        return _Again(trouble, cost=2)

    def _start(self) -> str:
        return _STARTED_WITH.get(
            self._port or 0, "start the server, or correct the address"
        ).replace("MODEL", self.model)

    # -------------------------------------------------------------- the answer

    def _read(self, answer: "_Answer") -> list[str]:
        """The texts of all choices. Raises NoAnswer, _Again or _Thinking."""
        told = _streamed(answer.data) or _json(answer, self._where)
        if not isinstance(told, dict):
            told = {}
        if told.get("error"):
            said = self._plain(_in_words(told))
            raise NoAnswer(
                f"{self._where} answers with an error: {said}",
                mend="look at what the server itself says of it",
                lasting=False,
            )
        choices = told.get("choices")
        choices = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        ends = {str(choice.get("finish_reason")) for choice in choices}
        texts = [text for choice in choices if (text := _text(choice).strip())]
        if "length" in ends and all(_only_thought(text) for text in texts):
            raise _Thinking
        if texts:
            return texts
        if "content_filter" in ends or any(_refusal(choice) for choice in choices):
            raise NoAnswer(
                f"{self._where}: its content filter let no answer through",
                mend="look at what the picture shows and at past captions, or use another model",
                lasting=False,
            )
        what = "choices are empty" if choices else "answer has no choices"
        raise NoAnswer(
            f"{self._where}: its {what}",
            mend="check that the model is one for chat",
            lasting=False,
        )

    def _plain(self, said: object) -> str:
        """What a server says, fit for a terminal: one short line without the key."""
        text = str(said)
        if self._key.secret:
            text = text.replace(self._key.secret, "(the key)")
        text = "".join(c if c.isprintable() else " " for c in text)
        text = " ".join(text.split())
        return text if len(text) <= 160 else text[:159] + "…"


class _Answer(NamedTuple):
    data: bytes
    kind: str
    """Content type."""


class _Again(Exception):
    """What may pass: ask once more, after `wait` seconds where the server named them."""

    def __init__(self, trouble: NoAnswer, wait: float = 0.0, cost: int = 1) -> None:
        super().__init__()
        self.trouble, self.wait, self.cost = trouble, wait, cost


class _Unfit(Exception):
    """A field of the question that this server does not take."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field


class _Thinking(Exception):
    """Every token was used up before the first word of the answer."""

    def as_answer(self, endpoint: Endpoint) -> NoAnswer:
        return NoAnswer(
            f"{endpoint.model} used {TOKENS_THINKING} tokens up before its first word",
            mend="choose a model that does not think first, or switch its thinking off",
        )


# --- addresses and keys ------------------------------------------------------------------------


def chosen(asked: str, settings: WriterSettings) -> Endpoint | None:
    """The endpoint that a person wants captions from; None where none is set.

    `asked` goes first: "MODEL@URL", an address or a model alone, or "none"; then the environment,
    then brand.toml. Raises FeedsmithError for half a setting or one that cannot be right.
    """
    asked = asked.strip()
    if asked.lower() == "none":
        return None
    found = re.fullmatch(r"(?:(?P<model>.*)@)?(?P<url>https?://.*)", asked, re.S)
    model, url = (found["model"] or "", found["url"]) if found else (asked, "")
    url = url or os.environ.get(URL, "").strip() or settings.url
    model = model.strip() or os.environ.get(MODEL, "").strip() or settings.model
    if not url and not model:
        return None
    if not url:
        raise FeedsmithError(
            f'the writer "{model}" has no address',
            mend=f"name it: --writer {model}@http://localhost:11434/v1, {URL}, or url under "
            "[writer] in brand.toml",
        )
    if not model:
        raise FeedsmithError(
            f"{shown(url)}: no model is named",
            mend=f"name one: --writer MODEL@URL, {MODEL}, or model under [writer] in brand.toml",
        )
    host = urlsplit(based(url)).hostname or ""
    return Endpoint(
        url, model, key_for(host), candidates=settings.candidates, timeout=settings.timeout
    )


def based(url: str) -> str:
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
            mend=f"keep the address bare, and put a key into the environment variable {KEY}",
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/") or "/v1"
    if not re.fullmatch(r"[\w./~%:@+-]+", path, re.A):
        raise FeedsmithError(f'"{shown(url)}" is not an address of a server', mend=mend)
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{path}"


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
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    return address.is_loopback or address.is_private or address.is_link_local or shared


def key_for(host: str) -> Key:
    """The key for a host, from the environment; an empty one where none is set.

    Raises FeedsmithError for a key file that cannot be read and for what cannot be a key.
    """
    if file := os.environ.get(KEY_FILE, "").strip():
        try:
            secret, source = Path(file).expanduser().read_text("utf-8").strip(), KEY_FILE
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", "") or "it is not text"
            raise FeedsmithError(
                f"{KEY_FILE}: {file} cannot be read ({why.lower()})",
                mend="name a file that holds the key and nothing else",
            ) from None
    else:
        names = (KEY, OPENAI_KEY) if host.lower() == OPENAI else (KEY,)
        source = next((name for name in names if os.environ.get(name, "").strip()), "")
        secret = os.environ.get(source, "").strip() if source else ""
    if secret and not re.fullmatch(r"[!-~]+", secret):
        raise FeedsmithError(
            f"{source}: this cannot be a key, it has blanks or line breaks in it",
            mend="put the key there and nothing else",
        )
    return Key(secret, source if secret else "")


# --- on the wire -------------------------------------------------------------------------------


class _Line:
    """The connection of one question, and the clock that hangs up: a server that sends one byte now
    and then would otherwise hold us for ever."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.hung_up = False

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


class _Held(http.client.HTTPConnection):
    """A connection that is tried for CONNECT seconds and then known to its line."""

    def __init__(self, *args: Any, line: _Line, **more: Any) -> None:
        super().__init__(*args, **more)
        self._line = line

    def connect(self) -> None:
        whole = self.timeout
        self.timeout = min(CONNECT, whole) if whole is not None else CONNECT
        super().connect()
        self.timeout = whole
        self.sock.settimeout(whole)
        self._line.hold(self.sock)


class _HeldSecurely(_Held, http.client.HTTPSConnection):
    pass


class _Http(urllib.request.HTTPHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_Held, line=self._line), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, line: _Line) -> None:
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


def _retry_after(said: str | None) -> float:
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


def _json(answer: _Answer, where: str) -> Any:
    try:
        return json.loads(answer.data)
    except (ValueError, RecursionError):
        kind = "" if answer.kind == "application/json" else f", but {answer.kind}"
        raise NoAnswer(
            f"{where} answers, but not with JSON{kind}" if kind else f"{where}: broken JSON",
            mend="check the address; it usually ends in /v1",
            lasting=bool(kind),
        ) from None


def _streamed(data: bytes) -> dict[str, Any] | None:
    """A stream of server-sent events that nobody asked for, put together; None for anything else."""
    if not data.lstrip().startswith(b"data:"):
        return None
    said: dict[int, str] = {}
    ends: dict[int, object] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        try:
            part = json.loads(line.removeprefix("data:"))
            for choice in part["choices"]:
                at = int(choice.get("index", 0))
                said[at] = said.get(at, "") + _text({"message": choice.get("delta")})
                ends[at] = choice.get("finish_reason") or ends.get(at)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # [DONE], comments, usage
    return {
        "choices": [
            {"message": {"content": said[at]}, "finish_reason": ends[at]} for at in sorted(said)
        ]
    }


def _text(choice: Mapping[str, Any]) -> str:
    """A choice's words: a text, or a list of parts of which some are text."""
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else choice.get("text")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _only_thought(text: str) -> bool:
    """Whether a text breaks off while it thinks aloud."""
    return text.startswith("<think") and "</think" not in text


def _refusal(choice: Mapping[str, Any]) -> bool:
    message = choice.get("message")
    return isinstance(message, dict) and bool(message.get("refusal"))


def _body(error: urllib.error.HTTPError) -> str:
    try:
        return error.read(1 << 16).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError):
        return ""


def _message(body: str) -> str:
    """What the body of a refusal says, in its own words; '' for a page that is for browsers."""
    try:
        return _in_words(json.loads(body))
    except (ValueError, RecursionError):
        return "" if "<" in body else body


def _in_words(told: Any) -> str:
    """The message of an error: {"error": {"message": ...}}, {"error": ...}, {"detail": ...}."""
    for name in ("error", "message", "detail", "code"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    return told if isinstance(told, str) else json.dumps(told)
