"""Mirror: a second copy of the brands' folders in a bucket, for places whose disk is new at each start.

Files lie there under their SHA-256, and one list (MANIFEST) says which belongs where: it is written last and read first, so
that what is brought back is whole. Every EVERY seconds, and when the studio ends, what has changed is sent; what no
list has named for KEPT_GONE is taken away. The database is not in it: that is PostgreSQL's.

The list counts: `generation` grows with each change of it, `term` with each studio that takes it over. A copy of it (MARK)
lies beside the folders and says what they were equal to. Who begins and finds a newer list fetches what is new in it, and
takes over; who finds a list of a later term sends nothing more, as two would mix theirs; who finds one of an earlier
term, written late by a studio that it relieved, takes it again.

Knows files and one bucket; knows no page and no database.
"""

import contextlib
import hashlib
import http.client
import json
import logging
import os
import shutil
import socket
import stat as modes
import tempfile
import threading
import time
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from feedsmith.brand import HostingSettings
from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, made, no_room, write_text
from feedsmith.progress import Report, silent
from feedsmith.publishing import sigv4
from feedsmith.publishing.hosting import keys_from_environment, settings_of
from feedsmith.publishing.sigv4 import Keys
from feedsmith.studio.backup import LEFT_OUT
from feedsmith.studio.settings import DATABASE_URL
from feedsmith.studio.start import MIRROR

MANIFEST, FORMAT = "manifest.json", 1
MARK = ".mirror"
"""File beside the brands' folders: the list that they were equal to last."""
EVERY = 5.0
"""Seconds between two looks: what a kill without a warning can lose."""
SHARE = 0.05
"""Of one processor, at most, that looking takes: many files are looked at more seldom."""
LIST_EVERY = 5.0
"""Seconds between two lists while much is sent."""
CHECK_EVERY = 60.0
"""Seconds between two looks at who keeps the list, where nothing changes."""
AUDIT_EVERY = 24 * 3600.0
"""Seconds between two looks whether all that the list names is in the bucket, and nothing else."""
KEPT_GONE = 24 * 3600.0
"""Seconds that an object stays after no list names it: long enough for whoever reads an older list, or lost files by
mistake."""
SETTLED = 15.0
"""Seconds that a file on its way into the library must have stood still: each piece would be another object."""
LAST = 6.0
"""Seconds for all that is sent at the end: an engine kills what does not end (Docker after 10 s, Heroku after 30)."""
TRIES, PAUSE, WAIT, CONNECT = 4, 0.5, 30.0, 5.0
AT_ONCE = 8
"""Files that are sent or brought back at the same time: most are small, and the way to the bucket is what takes the time."""
LIST_BYTES = 1 << 26
"""The longest list that is read or written: about 300,000 files."""
MEDIA = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".avif",
    ".gif",
    ".mp4",
    ".mov",
    ".zip",
    ".woff2",
    ".gguf",
)
"""What a brand goes on without, one file or another; all else says what is what."""
MEND = "look at FEEDSMITH_S3_ENDPOINT, _BUCKET and the keys, and that the storage is up"
log = logging.getLogger("feedsmith.studio.mirror")


Row = tuple[int, int, int]
"""Size, time of change in ns, mode: by which a file is taken for unchanged."""


@dataclass(frozen=True)
class Kept:
    """One file as it was sent."""

    size: int
    mtime_ns: int
    mode: int
    digest: str

    @property
    def row(self) -> Row:
        """What the disk says of it without reading it."""
        return self.size, self.mtime_ns, self.mode


Listing = dict[str, Kept]
"""Files by their path below the root."""


@dataclass(frozen=True)
class Manifest:
    """The list."""

    line: str
    """Of all lists that followed one another from one first one."""
    by: str = ""
    """Who wrote it; a new name at each start."""
    term: int = 0
    generation: int = 0
    files: Listing = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    """Digests that no list names since that moment, in seconds since 1970, and that still lie in the bucket."""
    tag: str = ""
    """What the storage calls this very text of it (ETag); '' for one that it does not have."""

    def text(self) -> str:
        """As it is kept. Raises FeedsmithError for one that is longer than what is read."""
        rows = {p: [*k.row, k.digest] for p, k in self.files.items()}
        text = json.dumps({
            "format": FORMAT, "line": self.line, "by": self.by, "term": self.term, "generation": self.generation,
            "at": datetime.now(UTC).isoformat(timespec="seconds"), "files": rows, "gone": self.gone,
        })  # fmt: skip
        if len(text) > LIST_BYTES:  # ASCII
            raise FeedsmithError(
                f"the mirror's list has grown too long ({len(self.files)} files)",
                mend="keep these brands on a disk that stays",
            )
        return text

    @classmethod
    def read(cls, text: bytes | str, tag: str = "") -> "Manifest":
        """Raises FeedsmithError for what is none, or would lead out of the folder."""
        try:
            told = json.loads(text)
            newer = told["format"] > FORMAT
            files = {path: Kept(*row) for path, row in told["files"].items()}
            read = cls(
                told["line"], told["by"], told["term"], told["generation"], files, told["gone"], tag
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FeedsmithError("the mirror's list cannot be read", mend=MEND) from error
        if newer:
            raise FeedsmithError("the mirror was made by a newer Feedsmith", mend="upgrade this one")  # fmt: skip
        for path in files:
            parts = PurePosixPath(path).parts
            if PurePosixPath(path).is_absolute() or ".." in parts or len(parts) < 2:
                raise FeedsmithError(f"the mirror's list names {path!r}, outside of the folder", mend=MEND)  # fmt: skip
        return read


# ---- the bucket --------------------------------------------------------------------------------------


class Missing(FeedsmithError):
    """There is no such object."""


class Overtaken(FeedsmithError):
    """Somebody else has written this object since it was read."""


class Spoiled(Exception):
    """A file on the disk is not what it was when it was looked at, or cannot be read any more."""


class _Body:
    """What is sent: exactly `size` bytes of an open file, of which it takes the SHA-256 on the way."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        stream.seek(0)
        self._stream, self._left, self._sum = stream, size, hashlib.sha256()

    def read(self, count: int = 1 << 16) -> bytes:
        """Raises Spoiled where the file is shorter now, or its disk fails."""
        if not self._left:
            return b""
        try:
            data = self._stream.read(min(max(count, 1 << 16), self._left))
        except OSError as error:
            raise Spoiled(error.strerror or str(error)) from error
        if not data:
            raise Spoiled("is shorter now")
        self._left -= len(data)
        self._sum.update(data)
        return data

    def is_all_of(self, digest: str) -> bool:
        """Whether what was sent was this."""
        return not self._left and self._sum.hexdigest() == digest


class Answer(NamedTuple):
    """Of the storage."""

    status: int
    body: bytes = b""
    tag: str = ""


class Store:
    """A folder of a bucket: objects that are put, got and deleted by name. Threads may share it."""

    def __init__(self, settings: HostingSettings, keys: Keys, folder: str) -> None:
        parts = urlsplit(settings.endpoint.rstrip("/"))
        self._secure, self._keys, self._region = parts.scheme == "https", keys, settings.region
        self._host, path = parts.netloc, f"{parts.path}/{settings.bucket}"
        if not settings.path_style:
            self._host, path = f"{settings.bucket}.{parts.netloc}", parts.path
        self._bucket, self._folder = quote(path, safe="/-_.~"), folder.strip("/")
        self._ends: float | None = None
        self._open: set[http.client.HTTPConnection] = set()

    def put(self, name: str, data: bytes, tag: str | None = None) -> None:
        """Write an object. With `tag` only where it is still the one that was read with this tag, or is not there (''):
        storages that cannot say so write it anyway. Raises Overtaken, or FeedsmithError."""
        terms = {} if tag is None else {"If-Match": tag} if tag else {"If-None-Match": "*"}
        digest = hashlib.sha256(data).hexdigest()
        try:
            self._asked("PUT", name, lambda: data, digest, len(data), terms)
        except _Unconditional:
            self._asked("PUT", name, lambda: data, digest, len(data))

    def put_file(self, name: str, stream: IO[bytes], digest: str, size: int) -> None:
        """Write an object: these bytes of an open file. Raises Spoiled where they are not of that digest any more
        (what lies there then is not to be named by any list), or FeedsmithError."""
        bodies: list[_Body] = []

        def body() -> _Body:
            bodies[:] = [_Body(stream, size)]
            return bodies[0]

        self._asked("PUT", name, body, digest, size)
        if not bodies[0].is_all_of(digest):
            raise Spoiled("was written while it was read")

    def get(self, name: str) -> tuple[bytes, str]:
        """An object and its tag. Raises Missing, or FeedsmithError."""
        answer = self._asked("GET", name)
        if len(answer.body) > LIST_BYTES:
            raise FeedsmithError(f"{name} in the bucket is too long to be ours", mend=MEND)
        return answer.body, answer.tag

    def fetch(self, name: str, into: Path) -> None:
        """Write an object to a file. Raises Missing, or FeedsmithError."""
        self._asked("GET", name, into=into)

    def delete(self, name: str) -> None:
        """What is not there is no error. Raises FeedsmithError."""
        try:
            self._asked("DELETE", name)
        except Missing:
            return

    def names(self, below: str) -> Iterator[tuple[str, int, datetime]]:
        """All objects whose name begins so: name, size, and when it was written. Raises FeedsmithError.
        Source: ListObjectsV2, Amazon S3 API reference."""
        prefix, token = f"{self._folder}/", ""
        while True:
            query = {"list-type": "2", "prefix": prefix + below, **({"continuation-token": token} if token else {})}  # fmt: skip
            answer = self._asked("GET", "", query=query)
            try:
                page = ElementTree.fromstring(answer.body)  # noqa: S314 - expat resolves nothing outside
                for one in page.iterfind("{*}Contents"):
                    key, size, at = (one.findtext(f"{{*}}{what}", "") for what in ("Key", "Size", "LastModified"))  # fmt: skip
                    yield key.removeprefix(prefix), int(size), datetime.fromisoformat(at)
                token = page.findtext("{*}NextContinuationToken", "")
            except (ElementTree.ParseError, ValueError) as error:
                raise FeedsmithError("the storage's list of objects cannot be read", mend=MEND) from error  # fmt: skip
            if not token:
                return

    def end_by(self, moment: float) -> None:
        """Nothing is tried after this moment, of time.monotonic()."""
        self._ends = moment

    def cut_off(self) -> None:
        """What is under way fails now."""
        self._ends = time.monotonic()
        for connection in list(self._open):
            try:
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed at the same moment

    def _left(self) -> float:
        return WAIT if self._ends is None else self._ends - time.monotonic()

    def _asked(
        self, method: str, name: str, body: "Callable[[], bytes | _Body]" = bytes, digest: str = sigv4.EMPTY, size: int = 0,
        terms: dict[str, str] | None = None, query: dict[str, str] | None = None, into: Path | None = None,
    ) -> Answer:  # fmt: skip
        for tried in range(1, TRIES + 1):
            if self._left() <= 0:
                raise FeedsmithError("no time is left to send the rest to the mirror", mend=MEND)
            answer = Answer(0)
            try:
                answer = self._sent(method, name, body(), digest, size, terms or {}, query or {}, into)  # fmt: skip
                trouble = f"the storage at {self._host} turns the request down ({answer.status})"
            except (OSError, http.client.HTTPException) as error:
                if into is not None and isinstance(error, OSError) and full_disk(error):
                    raise no_room(into, "nothing half-restored was left behind") from error
                trouble = f"the storage at {self._host} cannot be reached ({str(error)[:120] or type(error).__name__})"  # fmt: skip
            status = answer.status
            if 200 <= status < 300:
                return answer
            if status == 404 and b"NoSuchBucket" not in answer.body:
                raise Missing(f"{name} is not in the bucket", mend=MEND)
            if terms and status in (409, 412):
                raise Overtaken(f"{name} was written by another", mend="let one run")
            if terms and status in (400, 501):
                raise _Unconditional(trouble, mend=MEND)
            # At the end there is no time to wait for a storage that is off.
            if status in (400, 401, 403, 404) or tried >= (TRIES if self._ends is None else 2):
                raise FeedsmithError(trouble, mend=MEND)
            time.sleep(max(0.0, min(PAUSE * 2 ** (tried - 1), self._left())))
        raise AssertionError

    def _sent(
        self, method: str, name: str, body: bytes | _Body, digest: str, size: int, terms: dict[str, str],
        query: dict[str, str], into: Path | None,
    ) -> Answer:  # fmt: skip
        path = f"{self._bucket}/{quote(f'{self._folder}/{name}', safe='/-_.~')}" if name else f"{self._bucket or '/'}"  # fmt: skip
        if query:
            path = f"{path}?{urlencode(query, quote_via=quote, safe='-_.~')}"
        scheme = "https" if self._secure else "http"
        given = {**terms, **({"Content-Length": str(size)} if method == "PUT" else {})}
        headers = sigv4.signed(method, f"{scheme}://{self._host}{path}", given, digest, self._keys, self._region, datetime.now(UTC))  # fmt: skip
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=max(0.1, min(CONNECT, self._left())))
        self._open.add(connection)
        try:
            connection.connect()
            connection.sock.settimeout(max(0.1, min(WAIT, self._left())))
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            if into is not None and answer.status == 200:
                with into.open("wb") as out:
                    shutil.copyfileobj(answer, out, 1 << 18)
                return Answer(answer.status)
            return Answer(answer.status, answer.read(LIST_BYTES + 1), answer.headers.get("ETag", ""))  # fmt: skip
        finally:
            self._open.discard(connection)
            connection.close()


class _Unconditional(FeedsmithError):
    """A storage that knows no conditions."""


def _digest(file: Path) -> tuple[str, int]:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()


def of(homes: Iterable[Path]) -> "Mirror":
    """The mirror of these brands' folders that the environment asks for. Raises FeedsmithError."""
    places = tuple(home.resolve() for home in homes)
    if len({place.parent for place in places}) != 1:
        raise FeedsmithError(f"{MIRROR}: the brands' folders do not lie side by side", mend="move them into one folder")  # fmt: skip
    return Mirror(store_from_environment(), places)


def store_from_environment() -> Store:
    """The bucket of FEEDSMITH_S3_..., in the folder that FEEDSMITH_MIRROR names.

    Raises FeedsmithError where it is not named, and where the database is not PostgreSQL's: it would not be in the mirror.
    """
    if not os.environ.get(MIRROR, "").strip():
        raise FeedsmithError(f"{MIRROR} is not set", mend="name a folder in the bucket: studio")
    if not os.environ.get(DATABASE_URL, "") and not os.environ.get(f"{DATABASE_URL}_FILE", ""):
        raise FeedsmithError(
            f"{MIRROR} keeps files, not the database, and the database is a file of this disk",
            mend=f"set {DATABASE_URL} to a PostgreSQL",
        )
    settings = settings_of(HostingSettings())
    if not settings.bucket:
        raise FeedsmithError(f"{MIRROR} is set, and no bucket is named", mend=MEND)
    return Store(settings, keys_from_environment(), os.environ[MIRROR].strip())


# ---- bringing back ---------------------------------------------------------------------------------


def bring_back(
    store: Store, root: Path, report: Report = silent, *, incomplete: bool = False, tell: Callable[[str], None] = log.error
) -> int:  # fmt: skip
    """Bring all files back below `root`, where no brand may be; the number of them, 0 where the bucket has none.

    A brand's folder is there as a whole or not at all. A picture or film that is missing or damaged in the bucket is told,
    and the rest comes back; other such files only with `incomplete`, never without a brand.toml. Raises
    FeedsmithError there, where a brand is there already, or the bucket cannot be read: the studio is then not to be
    opened on what is missing.
    """
    told = _manifest(store)
    if told is None:
        return 0
    brands = sorted({PurePosixPath(path).parts[0] for path in told.files})
    for name in brands:
        if (root / name).exists():
            raise FeedsmithError(f"{root / name}: is there already, and nothing is overwritten", mend="name an empty folder")  # fmt: skip
    made(root)
    for left in root.glob(f"{MARK}-*"):  # of one that was killed
        shutil.rmtree(left, ignore_errors=True)
    with _scratch(root) as scratch:
        bad = _fetched(store, told.files, scratch, report)
        for path, error in sorted(bad.items()):
            tell(f"{path}: {error.message}")
        needed = [p for p in sorted(bad) if _needed(p, incomplete)]
        if needed:
            raise FeedsmithError(
                f"{needed[0]}: {bad[needed[0]].message}"
                + (f", and {len(needed) - 1} more like it" if needed[1:] else ""),
                mend="bring back a backup (feedsmith restore), or go on without what is damaged: FEEDSMITH_MIRROR_INCOMPLETE=1",
            )
        for name in brands:
            (scratch / name).rename(root / name)
        write_text(root / MARK, told.text())
    return len(told.files) - len(bad)


def _needed(path: str, incomplete: bool) -> bool:
    if len(PurePosixPath(path).parts) == 2 and path.endswith("/brand.toml"):
        return True
    return not incomplete and not path.lower().endswith(MEDIA)


@contextlib.contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=root, prefix=f"{MARK}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetched(store: Store, listing: Listing, into: Path, report: Report = silent) -> dict[str, FeedsmithError]:  # fmt: skip
    """Fetch these files below a folder; those that are missing or damaged in the bucket, and how. Raises FeedsmithError
    where the storage cannot be reached."""
    bad: dict[str, FeedsmithError] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(_fetch, store, kept, into / path): path for path, kept in listing.items()}  # fmt: skip
        try:
            for done, one in enumerate(as_completed(waiting)):
                error = one.result()
                if error is not None:
                    bad[waiting[one]] = error
                report("Bringing back", done + 1, len(listing), waiting[one])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return bad


def _fetch(store: Store, kept: Kept, into: Path) -> FeedsmithError | None:
    made(into.parent)
    try:
        store.fetch(_object(kept.digest), into)
    except Missing:
        return FeedsmithError("is not in the bucket any more")
    if _digest(into) != (kept.digest, kept.size):
        into.unlink()
        return FeedsmithError("is damaged in the bucket")
    into.chmod(kept.mode)
    os.utime(into, ns=(kept.mtime_ns, kept.mtime_ns))
    return None


def _manifest(store: Store) -> Manifest | None:
    """The list; None where there is none yet."""
    try:
        return Manifest.read(*store.get(MANIFEST))
    except Missing:
        return None


def _object(digest: str) -> str:
    return f"files/{digest[:2]}/{digest}"


# ---- keeping ---------------------------------------------------------------------------------------


@dataclass
class Mirror:
    """Keeps the brands' folders `homes`, which lie side by side, in the bucket."""

    store: Store
    homes: tuple[Path, ...]
    by: str = field(default_factory=lambda: uuid.uuid4().hex)
    told: Manifest = field(default_factory=lambda: Manifest(uuid.uuid4().hex))
    """The bucket's list, as we know it."""
    lost: bool = False
    """Another studio keeps it now."""
    _term: int = 1
    _origin: Listing = field(default_factory=dict)
    """What we took over: what a studio that we relieved knows, too."""
    _again: set[str] = field(default_factory=set)
    """Digests that are not in the bucket though the list names them."""
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _check_at: float = 0.0
    _audit_at: float = 0.0
    _said: set[str] = field(default_factory=set)

    @property
    def root(self) -> Path:
        """The folder of the brands' folders."""
        return self.homes[0].parent

    def begin(self) -> None:
        """From now on it is ours; what another studio sent since the folders were brought back is fetched. Raises
        FeedsmithError where the folders never came from this bucket: they would take its place."""
        mark, theirs = self.root / MARK, _manifest(self.store)
        if theirs is not None:
            base = None
            if mark.is_file():
                with contextlib.suppress(FeedsmithError):
                    base = Manifest.read(mark.read_bytes())
            # The first list names nothing: it is written before anything is sent, and may be all that a kill left.
            known = base is not None and base.line == theirs.line
            if not known and theirs.files:
                raise FeedsmithError(
                    f"the mirror in the bucket is not what lies in {self.root}: it was brought back elsewhere, or not at all",
                    mend=f"bring it back into an empty folder (feedsmith studio fetch), or name another folder in {MIRROR}",
                )
            self._all_there({f"{home.name}/brand.toml" for home in self.homes if (home / "brand.toml").is_file()})  # fmt: skip
            if (
                base is not None
                and known
                and theirs.generation >= base.generation
                and (theirs.by, theirs.generation) != (base.by, base.generation)
            ):
                self._catch_up(base.files, theirs.files)
            self.told, self._origin, self._term = theirs, theirs.files, theirs.term + 1
        self._write(dict(self.told.files))

    def send(self, *, last: bool = False) -> int:
        """Send what has changed; the number of files that were sent or taken away. `last`: also files that are
        still on their way into the library. Raises FeedsmithError, and what was not sent is sent the next time."""
        with self._sending:
            return 0 if self.lost else self._send(last)

    def _send(self, last: bool) -> int:
        if not last and time.monotonic() >= self._audit_at:
            self._audit()
        troubles: dict[str, str] = {}
        now, changed = self._look(troubles, last)
        self._all_there(now.keys() | changed.keys())
        there = {kept.digest for kept in self.told.files.values()} - self._again
        sent, gone = 0, len(self.told.files.keys() - now.keys() - changed.keys())
        now |= {path: self.told.files[path] for path in changed if path in self.told.files}
        written = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = {pool.submit(self._put, file, there): path for path, file in changed.items()}
            try:
                for one in as_completed(waiting):
                    path = waiting[one]
                    try:
                        now[path] = one.result()
                        sent += 1
                    except FileNotFoundError:
                        now.pop(path, None)  # taken away since it was seen
                    except Spoiled:
                        continue  # written while it was read: as it was, and again the next time
                    except OSError as error:
                        troubles[path] = error.strerror or str(error)
                    if time.monotonic() - written >= LIST_EVERY:
                        self._write(now)
                        written = time.monotonic()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                if not self.lost:
                    with contextlib.suppress(FeedsmithError):
                        self._write(now)  # what did go out is not sent twice
                raise
        self._again -= there
        if now != self.told.files or time.monotonic() >= self._check_at:
            self._write(now)
        if not last:
            self._collect()
        if troubles:
            path, why = min(troubles.items())
            more = f", and {len(troubles) - 1} more" if len(troubles) > 1 else ""
            raise FeedsmithError(f"{path} cannot be read ({why.lower()}){more}; all else is kept", mend="check its permissions and the disk")  # fmt: skip
        return sent + gone

    def _look(self, troubles: dict[str, str], last: bool) -> tuple[Listing, dict[str, Path]]:
        """What the list would say without sending anything, and what is to be sent. Rows of brands that are not open
        stay, and of files that cannot be looked at."""
        ours = {home.name for home in self.homes}
        before = self.told.files
        now = {path: kept for path, kept in before.items() if path.partition("/")[0] not in ours}
        changed = {}
        for path, file in files(self.homes, self._say_link):
            kept = before.get(path)
            try:
                stat = file.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                troubles[path] = error.strerror or str(error)
                if kept is not None:
                    now[path] = kept
                continue
            if not modes.S_ISREG(stat.st_mode):
                continue
            if kept is not None and _row(stat) == kept.row and kept.digest not in self._again:
                now[path] = kept
            elif not last and _arriving(path) and time.time() - stat.st_mtime < SETTLED:
                if kept is not None:
                    now[path] = kept
            else:
                changed[path] = file
        return now, changed

    def _put(self, file: Path, there: set[str]) -> Kept:
        """Send one file where the bucket lacks it. Raises Spoiled, OSError of the disk, or FeedsmithError."""
        with file.open("rb") as stream:
            stat = os.fstat(stream.fileno())
            digest, size = hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()
            if size != stat.st_size:
                raise Spoiled("grows")
            if digest not in there:
                self.store.put_file(_object(digest), stream, digest, size)
                there.add(digest)
        if _row(file.stat()) != _row(stat):
            raise Spoiled("was written while it was read")
        return Kept(*_row(stat), digest)

    def _all_there(self, paths: Set[str]) -> None:
        if any(f"{home.name}/brand.toml" not in paths for home in self.homes):
            raise FeedsmithError("a brand's folder is gone; the mirror stays as it is", mend="bring it back, or open the studio without it")  # fmt: skip

    def _say_link(self, folder: Path) -> None:
        if str(folder) not in self._said:
            self._said.add(str(folder))
            log.warning("mirror: %s is a link to a folder, which is not kept; put the folder itself there", folder)  # fmt: skip

    # ---- the list ----------------------------------------------------------------------------------

    def _write(self, listing: Listing, deleted: Iterable[str] = ()) -> None:
        """Write the list, and note it beside the folders. Raises FeedsmithError where it is not ours any more."""
        for _ in range(TRIES):
            current = _manifest(self.store)
            if current is None:  # somebody emptied the bucket: the next look sends what is missing
                current, self._audit_at = replace(self.told, tag=""), 0.0
                again = True
            else:
                listing = listing | self._checked(current)
                again = (current.by, current.term) != (self.by, self._term)
            self._check_at = time.monotonic() + CHECK_EVERY
            gone = self._gone(current, listing, deleted)
            if not again and (current.files, current.gone) == (listing, gone):
                if current.generation != self.told.generation:  # the answer to it was lost
                    write_text(self.root / MARK, current.text())
                self.told = current
                return
            generation = max(current.generation, self.told.generation) + 1
            new = replace(current, by=self.by, term=self._term, generation=generation, files=dict(listing), gone=gone)  # fmt: skip
            text = new.text()
            try:
                self.store.put(MANIFEST, text.encode(), current.tag)
            except Overtaken:
                continue  # by another studio, or by ourselves and the answer was lost
            self.told = new
            write_text(self.root / MARK, text)
            return
        raise FeedsmithError("the mirror's list is written by another at the same time", mend="let one run")  # fmt: skip

    def _checked(self, current: Manifest) -> Listing:
        """Whether the list is still ours to write. One of an earlier term was written late by a studio that we relieved:
        what it made in its last seconds is fetched; returns that. Raises FeedsmithError, and is lost, for a later one."""
        if current.line != self.told.line or (current.term, current.by) > (self._term, self.by):
            self.lost = True
            raise FeedsmithError("another studio keeps the mirror now; this one sends nothing more", mend="let one run")  # fmt: skip
        if current.by == self.by or current.files == self._origin:
            return {}
        late = {}
        for path, kept in current.files.items():
            was = self._origin.get(path)
            as_it_was = _row_of(self.root / path) == (was.row if was else None)
            if kept != was and as_it_was and self.told.files.get(path) == was:
                late[path] = kept
        return self._take(late)

    def _gone(self, current: Manifest, listing: Listing, deleted: Iterable[str]) -> dict[str, float]:  # fmt: skip
        named = {kept.digest for kept in listing.values()}
        before = {k.digest for of in (current.files, self.told.files) for k in of.values()}
        at = time.time()
        gone = {**dict.fromkeys(before, at), **self.told.gone, **current.gone}
        return {d: since for d, since in gone.items() if d not in named and d not in set(deleted)}

    def _collect(self) -> None:
        """Delete what no list has named for long enough; what fails stays to be deleted."""
        due = [d for d, since in self.told.gone.items() if since < time.time() - KEPT_GONE]
        if not due:
            return
        self._write(self.told.files)  # only as long as it is ours
        deleted, trouble = [], None
        for digest in due:
            try:
                self.store.delete(_object(digest))
                deleted.append(digest)
            except FeedsmithError as error:
                trouble = error
        if deleted:
            self._write(self.told.files, deleted)
        if trouble is not None:
            raise trouble

    def _audit(self) -> None:
        """Whether the bucket has what the list names, and nothing else: what is missing is sent again, and what a kill
        left there is to be deleted. Needs s3:ListBucket."""
        self._audit_at = time.monotonic() + AUDIT_EVERY
        try:
            lies = {name.rpartition("/")[2]: (size, at) for name, size, at in self.store.names("files/")}  # fmt: skip
        except FeedsmithError as error:
            log.warning("mirror: what lies in the bucket cannot be listed: %s", error.message)
            return
        named = {kept.digest: kept.size for kept in self.told.files.values()}
        self._again = {d for d, size in named.items() if lies.get(d, (-1, None))[0] != size}
        if self._again:
            log.warning("mirror: %d objects were missing in the bucket; they are sent again", len(self._again))  # fmt: skip
        old = datetime.now(UTC).timestamp() - KEPT_GONE
        left = [d for d, (_, at) in lies.items() if d not in named and at.timestamp() < old]
        self.told = replace(self.told, gone={**dict.fromkeys(left, time.time()), **self.told.gone})
        self._check_at = 0.0

    # ---- what others sent --------------------------------------------------------------------------

    def _catch_up(self, base: Listing, theirs: Listing) -> None:
        """Make the folders what a newer list says, where they are as they were (`base`); what was changed here stays."""
        wanted = {}
        for path, kept in theirs.items():
            was, here = base.get(path), _row_of(self.root / path)
            changed_here = here is not None and (was is None or here != was.row)
            if was != kept and here != kept.row and not changed_here:
                wanted[path] = kept
        self._take(wanted)
        for path, was in base.items():
            if path not in theirs and _row_of(self.root / path) == was.row:
                (self.root / path).unlink()

    def _take(self, listing: Listing) -> Listing:
        """Fetch these files to their places; those that were whole."""
        if not listing:
            return {}
        with _scratch(self.root) as scratch:
            bad = _fetched(self.store, listing, scratch)
            for path in listing.keys() - bad.keys():
                made((self.root / path).parent)
                (scratch / path).replace(self.root / path)
        for path, error in sorted(bad.items()):
            log.error("mirror: %s: %s", path, error.message)
        return {path: kept for path, kept in listing.items() if path not in bad}


def _row(stat: os.stat_result) -> Row:
    return stat.st_size, stat.st_mtime_ns, stat.st_mode & 0o777


def _row_of(file: Path) -> Row | None:
    try:
        return _row(file.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _arriving(path: str) -> bool:
    return PurePosixPath(path).parts[1:3] == ("studio", "uploads")


def files(homes: Iterable[Path], linked: Callable[[Path], None] = lambda folder: None) -> Iterator[tuple[str, Path]]:  # fmt: skip
    """What is kept of the brands' folders: path as in the list, and file. Passing files are left out, as in a backup, and
    folders that are links (`linked` is told). Raises FeedsmithError for a folder that cannot be read: what is in it is
    not gone."""

    def stopped(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # taken away since it was seen
            raise FeedsmithError(
                f"{error.filename}: cannot be read ({(error.strerror or str(error)).lower()}); the mirror stays as it is",
                mend="check the folder's permissions and the disk",
            ) from error

    for home in homes:
        skipped = {home / name for name in LEFT_OUT}
        for folder, names, found in os.walk(home, onerror=stopped):
            here = Path(folder)
            names[:] = sorted(name for name in names if here / name not in skipped)
            for name in names:
                if (here / name).is_symlink():
                    linked(here / name)
            for name in sorted(found):
                path = here / name
                if path not in skipped and not name.endswith(".part"):
                    yield f"{home.name}/{path.relative_to(home).as_posix()}", path


class Sender(threading.Thread):
    """Sends for as long as the studio is open, and once more at its end."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(name="mirror", daemon=True)
        self.mirror = mirror
        self._closing = threading.Event()
        self._said = ""
        self._well = time.monotonic()
        """When all was in the bucket last."""

    @property
    def behind(self) -> float:
        """Seconds since all was in the bucket."""
        return time.monotonic() - self._well

    def run(self) -> None:
        pause = EVERY
        while not self._closing.wait(pause):
            began = time.thread_time()
            self._send()
            pause = max(EVERY, (time.thread_time() - began) / SHARE)
        self._send(last=True)

    def _send(self, *, last: bool = False) -> None:
        began = time.monotonic()
        try:
            self.mirror.send(last=last)
            if not self.mirror.lost:
                self._well, self._said = began, ""
        except Exception as error:  # noqa: BLE001 - the studio goes on without
            # Once for each trouble: a storage that is off would say it every few seconds.
            if (said := str(error)) != self._said:
                log.error("mirror: %s", said)
            self._said = said

    def close(self, seconds: float = LAST) -> None:
        """What is new since the last look goes out, too, as far as these seconds allow (LAST at the most)."""
        seconds = min(seconds, LAST)
        self.mirror.store.end_by(time.monotonic() + seconds)
        self._closing.set()
        if self.ident is None:
            self._send(last=True)
            return
        self.join(seconds)
        if self.is_alive():
            self.mirror.store.cut_off()
            self.join(1)
            log.error(
                "mirror: the studio ends, and the storage took not all in time; what was made last is not in it"
            )
