"""Connected accounts, and their tokens under lock.

Knows what is remembered of an account, how its tokens are locked, and a shelf in a folder to keep it on;
the studio's database may be another. A token is never written in the open: it is locked with Fernet
(AES-128-CBC and HMAC-SHA256, https://github.com/fyne/spec), whose key comes from FEEDSMITH_SECRET_KEY,
from the file named in FEEDSMITH_SECRET_KEY_FILE, or from a file of mode 0600 beside the accounts.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from feedsmith import environment
from feedsmith.errors import FeedsmithError
from feedsmith.files import held, made, sweep, write_json, write_text
from feedsmith.post import Value
from feedsmith.publishing.graph import Graph, Login, Place

KEY = "FEEDSMITH_SECRET_KEY"
KEY_FILE = "FEEDSMITH_SECRET_KEY_FILE"
"""Environment variables of the key; several keys with blanks between, the newest first."""
_MAKE_KEY = 'make one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


class Account(Value):
    """An Instagram account that may be published to."""

    id: str
    """The professional account's id."""
    username: str
    login: Login
    kind: str = ""
    """BUSINESS or MEDIA_CREATOR; '' where the API does not say."""
    name: str = ""
    page_id: str = ""
    """Of the Facebook Page that it was reached through."""
    app_id: str = ""
    """Of the app that it was connected with; '' for a token out of the dashboard."""
    person: str = ""
    """With Facebook Login: the app's number of who signed in; '' where it was not asked for."""
    server: str = ""
    """Where its API is, if not at Meta: a fake Instagram of your own."""


@dataclass(frozen=True)
class Token:
    """A secret, and how long it opens something. Never shown."""

    secret: str = field(repr=False)
    issued: datetime
    expires: datetime | None = None
    """None for one that does not end by itself."""


@dataclass(frozen=True)
class Connection:
    """An account, and what opens it."""

    account: Account
    token: Token
    """Of the person who signed in."""
    page_token: Token | None = None
    """With Facebook Login: of the Page, which publishes; it does not end with the person's."""
    scopes: tuple[str, ...] = ()
    """What was allowed; () where the API does not say."""
    trouble: str = ""
    """Why it opens nothing any more, in words; '' while it does."""

    def graph(self, **more: Any) -> Graph:
        """The client for it."""
        secret = self.page_token.secret if self.page_token else self.token.secret
        return Graph(
            self.account.id, self.account.login, secret, user_token=self.token.secret,
            place=Place(self.account.server), **more,
        )  # fmt: skip


# ---- the lock -------------------------------------------------------------------------------------


class Vault:
    """Locks and unlocks. `keys`: Fernet keys, of which the first locks and all unlock, so that a key can
    be changed. Raises FeedsmithError naming `source` for what is no key."""

    def __init__(self, keys: Sequence[str], source: str) -> None:
        from cryptography.fernet import Fernet, MultiFernet  # 30 ms: only accounts need it

        self.source = source
        try:
            self._fernet = MultiFernet([Fernet(key.encode("ascii")) for key in keys])
        except (ValueError, UnicodeEncodeError):
            raise FeedsmithError(
                f"{source}: this is not a key of 32 bytes in URL-safe base64", mend=_MAKE_KEY
            ) from None

    def lock(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode("ascii")

    def unlock(self, locked: str) -> str:
        """Raises FeedsmithError where none of the keys fits, or the text was changed."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            raise FeedsmithError(
                f"the key of {self.source} does not open the account's token",
                mend=f"bring the old key back (it may stand behind the new one in {KEY}), or connect the "
                "account again",
            ) from None


def vault_for(folder: Path) -> Vault:
    """The vault of a brand. Its key is made where there is none. Raises FeedsmithError for a key that is
    none, or a file that cannot be read."""
    if words := os.environ.get(KEY, "").split():
        return Vault(words, KEY)
    said = environment.filed(KEY_FILE, _MAKE_KEY)
    if said is not None:
        return Vault(said.split() or [""], KEY_FILE)
    path = key_path(folder)
    if not path.exists():
        from cryptography.fernet import Fernet

        _write_keys(path, [Fernet.generate_key().decode("ascii")], anew=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return Vault(path.read_text("ascii", errors="replace").split() or [""], str(path))


def key_path(folder: Path) -> Path:
    return folder / "secret.key"


def _write_keys(path: Path, keys: Sequence[str], *, anew: bool = False) -> None:
    """Mode 0600 from its first byte on. `anew`: one that somebody else has just made stays."""
    made(path.parent)
    text = "".join(f"{key}\n" for key in keys)
    if not anew:
        write_text(path, text, mode=0o600)
        return
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())


# ---- as it is kept --------------------------------------------------------------------------------


def sealed(connection: Connection, vault: Vault) -> dict[str, Any]:
    """A connection as JSON can hold it, its tokens locked."""

    def kept(token: Token | None) -> dict[str, Any] | None:
        if token is None:
            return None
        ends = token.expires.isoformat() if token.expires else ""
        return {
            "locked": vault.lock(token.secret),
            "issued": token.issued.isoformat(),
            "expires": ends,
        }

    return {
        "account": connection.account.model_dump(),
        "token": kept(connection.token),
        "page_token": kept(connection.page_token),
        "scopes": list(connection.scopes),
        "trouble": connection.trouble,
    }


def unsealed(kept: Mapping[str, Any], vault: Vault) -> Connection:
    """What `sealed` wrote. A token that the vault does not open is empty, and `trouble` says why.
    Raises ValueError, KeyError or TypeError for what is no connection."""
    trouble = str(kept["trouble"])

    def token(row: Mapping[str, Any]) -> Token:
        nonlocal trouble
        try:
            secret = vault.unlock(str(row["locked"]))
        except FeedsmithError as error:
            secret, trouble = "", error.message
        ends = datetime.fromisoformat(row["expires"]) if row["expires"] else None
        return Token(secret, datetime.fromisoformat(row["issued"]), ends)

    own, page = token(kept["token"]), kept["page_token"]
    page_token = token(page) if page else None
    account = Account.model_validate(kept["account"])
    return Connection(account, own, page_token, tuple(kept["scopes"]), trouble)


class Shelf(Protocol):
    """Where connections are kept: a folder, or a database."""

    def all(self) -> list[Connection]: ...

    def put(self, connection: Connection) -> None: ...

    def exchange(self, before: Connection, after: Connection) -> Connection | None: ...

    def remove(self, account: str) -> None: ...


class FolderShelf:
    """One file an account, in accounts/ of a folder: whole at every moment, readable by its owner alone.

    Who changes one holds the lock beside them, for as long as that takes; nobody asks Instagram meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._vault: Vault | None = None

    @property
    def vault(self) -> Vault:
        if self._vault is None:
            self._vault = vault_for(self.folder)
        return self._vault

    def all(self) -> list[Connection]:
        """By user name. Raises FeedsmithError for a file that is no account."""
        found = [self._read(path) for path in sorted((self.folder / "accounts").glob("*.json"))]
        return sorted(found, key=lambda connection: connection.account.username)

    def _read(self, path: Path) -> Connection:
        try:
            return unsealed(json.loads(path.read_text("utf-8")), self.vault)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise FeedsmithError(
                f"{path}: this is not an account ({type(error).__name__})",
                mend="delete the file and connect the account again",
            ) from error

    def get(self, name: str) -> Connection:
        """By user name or id. Raises FeedsmithError where it is not there."""
        wanted = name.lstrip("@").lower()
        own = self.folder / "accounts" / f"{wanted}.json"
        if wanted.isdigit() and own.is_file():  # a damaged file of another account is not its fault
            return self._read(own)
        known = self.all()
        for connection in known:
            if wanted in (connection.account.id, connection.account.username.lower()):
                return connection
        names = ", ".join(connection.account.username for connection in known)
        raise FeedsmithError(
            f"no account called {name} is connected",
            mend=f"name one of {names}" if names else "connect one: feedsmith connect BRAND",
        )

    def put(self, connection: Connection) -> None:
        """Keep an account that a person connected."""
        with self._alone():
            self._write(connection)

    def exchange(self, before: Connection, after: Connection) -> Connection | None:
        """Keep `after` where `before` still lies here, and return what lies here then: another one
        where somebody connected the account anew in between, None where somebody disconnected it."""
        with self._alone():
            path = self._file(before.account.id)
            if not path.is_file():
                return None
            now = self._read(path)
            if now != before:
                return now
            self._write(after)
            return after

    def remove(self, account: str) -> None:
        with self._alone():
            self._file(account).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = made(self.folder) / "accounts.lock"
        with contextlib.suppress(OSError):  # where it cannot be made `held` says why
            lock.touch(mode=0o600)
        with held(lock):
            self._vault = None  # somebody may have changed the key meanwhile
            yield

    def _write(self, connection: Connection) -> None:
        write_json(self._file(connection.account.id), sealed(connection, self.vault), mode=0o600)

    def change_key(self) -> int:
        """Lock every token with a new key; returns how many accounts. The old key stays behind the new
        one until all is locked anew, so that a kill in between loses nothing. Raises FeedsmithError where
        the key is not in our own file, or where an account cannot be unlocked."""
        if os.environ.get(KEY) or os.environ.get(KEY_FILE):
            raise FeedsmithError(
                "the key comes from the environment, and is changed there",
                mend=f"put a new key in front of the old one ({KEY}='new old'), run feedsmith connect "
                "BRAND --health, then take the old one away",
            )
        with self._alone():
            return self._locked_anew()

    def _locked_anew(self) -> int:
        from cryptography.fernet import Fernet

        old = self.all()
        if bad := [c.account.username for c in old if not c.token.secret]:
            raise FeedsmithError(
                f"{', '.join(bad)}: the token cannot be opened with the old key",
                mend="connect it again first, or remove it: feedsmith connect BRAND --forget NAME",
            )
        path = key_path(self.folder)
        self.vault.lock("")  # there is a key
        keys = path.read_text("ascii").split()
        fresh = Fernet.generate_key().decode("ascii")
        _write_keys(path, [fresh, *keys])
        self._vault = None
        for connection in old:
            self._write(connection)
        _write_keys(path, [fresh])
        self._vault = None
        return len(old)

    def _file(self, account: str) -> Path:
        assert re.fullmatch(r"\w+", account, re.A)
        folder = made(self.folder / "accounts")
        sweep(folder)
        return folder / f"{account}.json"


def troubled(connection: Connection, why: str) -> Connection:
    """The same, with why it opens nothing any more."""
    return replace(connection, trouble=why)
