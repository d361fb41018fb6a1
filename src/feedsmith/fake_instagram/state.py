"""What is remembered: accounts, tokens, containers, posts.

In memory; with a folder also in state.db and media/ there, so that a restart or a kill loses nothing.
"""

import hashlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from feedsmith import rules
from feedsmith.fake_instagram.clock import Clock
from feedsmith.files import made, write_bytes

KINDS = ("business", "creator", "personal")
INSTAGRAM, FACEBOOK = "instagram", "facebook"
"""The two ways to sign in."""
RECENT_CALLS = 200
"""Requests that the page shows."""


@dataclass
class Account:
    id: str
    """The professional account's id: 17841..."""
    username: str
    kind: str = "business"
    name: str = ""
    page_id: str = ""
    """The Facebook Page that it is connected to."""
    followers: int = 340
    restricted: bool = False


@dataclass
class Grant:
    """A token, and what it opens."""

    token: str
    login: str
    kind: str
    """short, long, or page."""
    accounts: list[str]
    scopes: list[str]
    issued: float
    expires: float
    """0 for never."""
    revoked: bool = False


@dataclass
class Code:
    """What the consent page hands over; good once, for an hour."""

    code: str
    login: str
    accounts: list[str]
    scopes: list[str]
    redirect_uri: str
    challenge: str = ""
    """S256 of the verifier that must be named; '' for none."""
    expires: float = 0.0


@dataclass
class Container:
    id: str
    account: str
    type: str
    """IMAGE, VIDEO, REELS, STORIES, CAROUSEL."""
    created: float
    ready_at: float
    """When it is through with the media."""
    params: dict[str, str] = field(default_factory=dict)
    item: bool = False
    """A part of a carousel."""
    blob: str = ""
    cover: str = ""
    """Of a reel, where cover_url names one."""
    mime: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    children: list[str] = field(default_factory=list)
    size: int = 0
    """Bytes that an upload will have; 0 until that is known."""
    received: int = 0
    subcode: int = 0
    """Why it failed."""
    why: str = ""
    media: str = ""
    """The post it became."""
    notes: list[str] = field(default_factory=list)
    """What Instagram changed about the media, as the documents say it does."""

    @property
    def resumable(self) -> bool:
        return self.params.get("upload_type") == "resumable"


@dataclass
class Medium:
    """A post, or a part of one."""

    id: str
    account: str
    type: str
    """IMAGE, VIDEO, CAROUSEL_ALBUM."""
    product: str
    """FEED, REELS, STORY."""
    shortcode: str
    at: float
    caption: str = ""
    alt: str = ""
    blob: str = ""
    cover: str = ""
    offset: int = 0
    """Of the cover in the film, in milliseconds, where there is no picture for it."""
    mime: str = ""
    width: int = 0
    height: int = 0
    children: list[str] = field(default_factory=list)
    parent: str = ""
    location: str = ""
    collaborators: list[str] = field(default_factory=list)
    ai: bool = False
    container: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass
class Query:
    """A hashtag that an account looked up."""

    id: str
    account: str
    tag: str
    at: float


@dataclass
class Call:
    """A request, for the page."""

    at: float
    method: str
    path: str
    status: int
    words: str


Thing = Account | Grant | Code | Container | Medium | Query
_TABLES: dict[str, type[Any]] = {
    "accounts": Account, "grants": Grant, "codes": Code, "containers": Container, "media": Medium,
    "queries": Query,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _TABLES.items()}
_FIRST = {
    "accounts": 17841400000000001,
    "containers": 17900000000000001,
    "media": 18000000000000001,
}


class World:
    """All of it. Whoever changes something holds `lock` and calls `keep`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.folder = folder
        self.accounts: dict[str, Account] = {}
        self.grants: dict[str, Grant] = {}
        self.codes: dict[str, Code] = {}
        self.containers: dict[str, Container] = {}
        self.media: dict[str, Medium] = {}
        self.queries: dict[str, Query] = {}
        self.calls: list[Call] = []
        self.places = {"110843418940484": "Seattle, Washington", "7640348500": "Guggenheim Museum"}
        """Pages with a location: what location_id may name."""
        self.image_seconds, self.video_seconds = 0.0, 20.0
        """How long a container is IN_PROGRESS."""
        self.posts_a_day = rules.POSTS_A_DAY
        self.calls_an_hour = 4800
        self.down_until = 0.0
        """Until then every answer is 503."""
        self.taste: Callable[[Medium], float] = lambda medium: 1.0
        """How much a post is liked: what insights are multiplied by."""
        self.pending: dict[str, threading.Thread] = {}
        """Films on their way, by container."""
        self.made: dict[str, list[Container]] = {}
        self.posted: dict[str, list[Medium]] = {}
        """Containers and posts by account, in order: thousands are looked through at each request."""
        self._last = dict(_FIRST)
        self._blobs: dict[str, bytes] = {}
        self._uploads: dict[str, bytearray] = {}
        self._db: sqlite3.Connection | None = None
        if folder is not None:
            self._open(made(folder))

    # ---- things ----------------------------------------------------------------------------------

    def keep(self, *things: Thing) -> None:
        """Remember what is new or has changed, together or not at all."""
        with self.lock:
            rows = []
            for thing in things:
                table = _NAMES[type(thing)]
                key = _key(thing)
                self._take(table, key, thing)
                rows.append((table, key, json.dumps(asdict(thing))))
            if self._db is not None:
                with self._db:
                    self._db.executemany("INSERT OR REPLACE INTO things VALUES (?, ?, ?)", rows)

    def _take(self, table: str, key: str, thing: Thing) -> None:
        known = getattr(self, table)
        if key not in known:
            if isinstance(thing, Container):
                self.made.setdefault(thing.account, []).append(thing)
            elif isinstance(thing, Medium) and not thing.parent:
                self.posted.setdefault(thing.account, []).append(thing)
            if table in self._last:
                self._last[table] = max(self._last[table], int(key))
        known[key] = thing

    def forget(self, thing: Thing) -> None:
        with self.lock:
            table, key = _NAMES[type(thing)], _key(thing)
            getattr(self, table).pop(key, None)
            if self._db is not None:
                with self._db:
                    self._db.execute("DELETE FROM things WHERE kind=? AND id=?", (table, key))

    def new_id(self, table: str) -> str:
        """As long as Instagram's, and in order."""
        with self.lock:
            self._last[table] += 1
            return str(self._last[table])

    def add_account(self, username: str, kind: str = "business", name: str = "") -> Account:
        """A new account, or the one that is called so."""
        with self.lock:
            found = self.called(username)
            if found is not None:
                return found
            number = self.new_id("accounts")
            account = Account(
                number, username, kind, name or username.replace(".", " ").title(),
                page_id="1040" + number[-11:] if kind != "personal" else "",
            )  # fmt: skip
            self.keep(account)
            return account

    def called(self, username: str) -> Account | None:
        return next((a for a in list(self.accounts.values()) if a.username == username), None)

    def add_grant(
        self, login: str, kind: str, accounts: list[str], scopes: list[str], seconds: float
    ) -> Grant:
        """A new token; `seconds` 0 for one that never ends."""
        now = self.clock.now()
        start = "IGAA" if login == INSTAGRAM else "EAAB"
        grant = Grant(
            start + secrets.token_urlsafe(48).replace("-", "Z").replace("_", "Y"),
            login, kind, accounts, scopes, now, now + seconds if seconds else 0.0,
        )  # fmt: skip
        self.keep(grant)
        return grant

    def posts_of(self, account: str) -> list[Medium]:
        """Its posts, stories included, the newest first."""
        return sorted(self.posted.get(account, ()), key=lambda m: (m.at, m.id), reverse=True)

    def published_since(self, account: str, since: float) -> int:
        return sum(m.at > since for m in self.posted.get(account, ()))

    def note(self, call: Call) -> None:
        with self.lock:
            self.calls.append(call)
            del self.calls[:-RECENT_CALLS]

    # ---- bytes -----------------------------------------------------------------------------------

    def put(self, data: bytes) -> str:
        """Media, by content; returns the name to get them by."""
        name = hashlib.sha256(data).hexdigest()[:32]
        if self.folder is None:
            self._blobs[name] = data
        elif not self._file(name).exists():
            write_bytes(self._file(name), data)
        return name

    def get(self, name: str) -> bytes:
        if self.folder is None:
            return self._blobs.get(name, b"")
        return self._file(name).read_bytes() if self._file(name).is_file() else b""

    def append(self, container: Container, data: bytes) -> None:
        """More of an upload."""
        name = f"upload-{container.id}"
        if self.folder is None:
            held = self._uploads.setdefault(name, bytearray())
            del held[container.received :]
            held += data
        else:
            made(self._file(name).parent)
            with self._file(name).open("ab") as stream:
                stream.truncate(container.received)
                stream.write(data)
        container.received += len(data)
        self.keep(container)

    def upload(self, container: Container) -> bytes:
        name = f"upload-{container.id}"
        return bytes(self._uploads.pop(name, b"")) if self.folder is None else self.get(name)

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / "media" / name

    # ---- the folder ------------------------------------------------------------------------------

    def _open(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "state.db", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS things (kind TEXT, id TEXT, data TEXT, PRIMARY KEY (kind, id))"
        )
        for table, key, data in self._db.execute(
            "SELECT kind, id, data FROM things ORDER BY rowid"
        ):
            self._take(table, key, _TABLES[table](**json.loads(data)))

    def close(self) -> None:
        with self.lock:
            if self._db is not None:
                self._db.close()
                self._db = None


def _key(thing: Thing) -> str:
    if isinstance(thing, Grant):
        return thing.token
    return thing.code if isinstance(thing, Code) else thing.id
