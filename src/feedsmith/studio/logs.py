"""Logs: one line an event, for people or as JSON, that says which request and which job it belongs to.

Knows how a line looks, where it goes and what must not stand in it. FEEDSMITH_LOG chooses: nothing but what goes
wrong, in the studio's folder (''), or all events on standard error besides: `text` for people, `json` for programs.
Lines carry numbers of people and jobs, and routes: no names, no addresses, no words of posts. What looks like a
secret is blackened wherever it stands, as a traceback may quote anything.
"""

import contextlib
import json
import logging
import logging.handlers
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from feedsmith.errors import FeedsmithError

LOG = "FEEDSMITH_LOG"
"""Environment variable: json or text; empty for what goes wrong alone."""
FORMS = ("", "text", "json")
FILE_BYTES = 1_000_000
"""Of the studio's log, then it starts anew; one old one is kept."""
LONGEST = 3000
"""Bytes of one value in a line: a traceback's end says most. With the rest of its line it mostly stays below the 4096
that a pipe takes at once (PIPE_BUF, pipe(7)), so that lines of several processes do not mix."""
SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Ids of requests that are taken over from a proxy; all others are made here."""
SECRETS = re.compile(
    r"(?:(?<=/sign-in/link/)|(?<=/r/))[\w.:-]{16,}"  # ways in
    r"|feedsmith_[\w-]{8,}"  # tokens of the API
    r"|whsec_[\w+/=-]{8,}"  # webhooks
    r"|\b(?:EAA|IGAA|IGQV)[\w-]{16,}"  # tokens of Instagram
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # user:password@ of an address
    r"|(?i:(?<=access_token=)|(?<=client_secret=)|(?<=fb_exchange_token=)|(?<=[?&]code=)"
    r"|(?<=x-amz-signature=)|(?<=bearer ))[^\s&\"']+"
    r"|(?<=/hosted/)[^\s/]+/[^\s/]+"  # signed links of media
)
BLACK = "[secret]"

_about: ContextVar[Mapping[str, object]] = ContextVar("about", default=MappingProxyType({}))


# ---- what a line is about ------------------------------------------------------------------------


@contextmanager
def about(**known: object) -> Iterator[None]:
    """All lines within say this, too: request, brand, job, publication."""
    before = _about.set({**_about.get(), **known})
    try:
        yield
    finally:
        _about.reset(before)


def request_id() -> str:
    """Of the request that is being answered, or that asked for the job at hand; '' outside of both."""
    return str(_about.get().get("request", ""))


def taken_over(said: str) -> str:
    """The id that a proxy gave a request, if it is sane; else a new one."""
    return said if SANE.fullmatch(said) else secrets.token_hex(8)


def event(log: logging.Logger, name: str, level: int = logging.INFO, **fields: object) -> None:
    """Write that something happened: a few words that stay the same, and values of it."""
    if log.isEnabledFor(level):
        log.log(level, name, extra={"fields": fields})


# ---- how it looks --------------------------------------------------------------------------------


def blackened(text: str) -> str:
    """The text without what looks like a secret."""
    return SECRETS.sub(BLACK, text)


class _Form(logging.Formatter):
    def values(self, record: logging.LogRecord) -> dict[str, Any]:
        """What a line says, in its order."""
        at = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            "process": record.process,
            **getattr(record, "about", {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return {key: _plain(value) for key, value in said.items() if value not in (None, "")}


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    told = blackened(str(value))
    if len(told) * 4 <= LONGEST:  # no letter has more bytes
        return told
    return told.encode("utf-8", "replace")[-LONGEST:].decode("utf-8", "ignore")


class Json(_Form):
    """One object a line; keys are only ever added."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.values(record), ensure_ascii=False)


class Text(_Form):
    """Time, level, what happened, and its values as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        said = self.values(record)
        trace = said.pop("traceback", "")
        head = [said.pop("time"), said.pop("level").upper(), said.pop("event")]
        said.pop("process")
        line = " ".join([*head, *(f"{key}={value}" for key, value in said.items())])
        return f"{line}\n{trace}" if trace else line


# ---- where it goes -------------------------------------------------------------------------------


class _Descriptor(logging.Handler):
    """Writes each line at once: several processes share what it leads to, and lines must not mix. What is taken in part
    is written on: half a line would spoil the next one as well."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = memoryview((self.format(record) + "\n").encode("utf-8", "replace"))
            while line:
                line = line[os.write(self.number, line) :]
        except OSError:  # a full disk, a reader that went: no reason to fail a request
            pass
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)


def _knowing(record: logging.LogRecord) -> bool:
    if not hasattr(record, "about"):
        record.about = dict(_about.get())
    return True


def checked(form: str) -> str:
    """The setting. Raises FeedsmithError for an unknown one."""
    if form.strip().lower() not in FORMS:
        raise FeedsmithError(f'{LOG}: "{form}" is not known', mend="set it to json or text")
    return form.strip().lower()


def to(place: Path | int, form: str = "text", *, turns: bool = True) -> logging.Handler:
    """A handler that writes to a file, which starts anew when it has grown, or to an open descriptor. Without `turns`
    another process starts the file anew (`turn`), and this one follows."""
    handler: logging.Handler = _Descriptor(place) if isinstance(place, int) else _file(place, turns)
    handler.addFilter(_knowing)
    handler.setFormatter(Json() if form == "json" else Text())
    return handler


def _file(path: Path, turns: bool) -> logging.Handler:
    if not turns:
        return logging.handlers.WatchedFileHandler(path, encoding="utf-8", delay=True)
    return logging.handlers.RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=1, encoding="utf-8", delay=True
    )


def turn() -> None:
    """Start files anew that other processes have made too large."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.handlers.RotatingFileHandler):
            with contextlib.suppress(OSError):
                if Path(handler.baseFilename).stat().st_size > FILE_BYTES:
                    with handler.lock or contextlib.nullcontext():
                        handler.doRollover()


def set_up(form: str, *, events: int, problems: Path | int, turns: bool = True) -> None:
    """Once in a process: what goes wrong is kept in `problems`, a file or an open descriptor; where a form is
    set, all events go to the descriptor `events`, too. `turns`: as of `to`."""
    root = logging.getLogger()
    if not form or problems != events:  # else all of it goes there, once
        kept = to(problems, form, turns=turns)
        kept.setLevel(logging.WARNING)
        root.addHandler(kept)
    if form:
        root.addHandler(to(events, form))
    root.setLevel(logging.WARNING)
    logging.getLogger("feedsmith").setLevel(logging.INFO if form else logging.WARNING)
    # Django's own lines would name addresses, and a sign-in link is one.
    for name in ("django.request", "django.security"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
