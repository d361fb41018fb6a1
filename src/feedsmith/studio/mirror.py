"""Mirror: a second copy of the brands' folders in a bucket, for places whose disk is new at each start.

Files lie there under their SHA-256, and one list (MANIFEST) says which belongs where: it is written last and read first, so
that what is brought back is whole. Every EVERY seconds, and when the studio ends, what has changed is sent; what no
list names any more is taken away. The database is not in it: that is PostgreSQL's. Whoever brings the files back writes
their name into the list; a studio that finds another's there sends nothing more, as two would mix theirs.

Knows files and one bucket; knows no page and no database.
"""

import hashlib
import http.client
import json
import logging
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import quote, urlsplit

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
"""File beside the brands' folders: whose list they were brought back from, or are kept by."""
EVERY = 5.0
"""Seconds between two looks: what a kill without a warning can lose."""
TRIES, PAUSE, WAIT = 4, 0.5, 30.0
AT_ONCE = 8
"""Files that are brought back at the same time: most are small, and the way to the bucket is what takes the time."""
MEND = "look at FEEDSMITH_S3_ENDPOINT, _BUCKET and the keys, and that the storage is up"
log = logging.getLogger("feedsmith.studio.mirror")


@dataclass(frozen=True)
class Kept:
    """One file as it was sent."""

    size: int
    mtime_ns: int
    mode: int
    digest: str


Listing = dict[str, Kept]
"""Files by their path below the root."""


class Missing(FeedsmithError):
    """There is no such object."""


class Store:
    """A folder of a bucket: objects that are put, got and deleted by name."""

    def __init__(self, settings: HostingSettings, keys: Keys, folder: str) -> None:
        parts = urlsplit(settings.endpoint.rstrip("/"))
        self._secure, self._keys, self._region = parts.scheme == "https", keys, settings.region
        self._host, path = parts.netloc, f"{parts.path}/{settings.bucket}"
        if not settings.path_style:
            self._host, path = f"{settings.bucket}.{parts.netloc}", parts.path
        self._base = quote(f"{path}/{folder.strip('/')}", safe="/-_.~")

    def put(self, name: str, data: bytes | Path) -> None:
        """Raises FeedsmithError."""
        self._asked("PUT", name, data)

    def get(self, name: str) -> bytes:
        """Raises Missing, or FeedsmithError."""
        return self._asked("GET", name)

    def fetch(self, name: str, into: Path) -> None:
        """Write an object to a file. Raises FeedsmithError."""
        self._asked("GET", name, into=into)

    def delete(self, name: str) -> None:
        """What is not there is no error. Raises FeedsmithError."""
        try:
            self._asked("DELETE", name)
        except Missing:
            return

    def _asked(self, method: str, name: str, data: bytes | Path = b"", into: Path | None = None) -> bytes:  # fmt: skip
        for tried in range(1, TRIES + 1):
            try:
                status, body = self._sent(method, name, data, into)
                trouble = f"the storage at {self._host} turns the request down ({status})"
            except (OSError, http.client.HTTPException) as error:
                if into is not None and isinstance(error, OSError) and full_disk(error):
                    raise no_room(into, "nothing half-restored was left behind") from error
                status, body = 0, b""
                trouble = f"the storage at {self._host} cannot be reached ({str(error)[:120] or type(error).__name__})"  # fmt: skip
            if 200 <= status < 300:
                return body
            if status == 404 and b"NoSuchBucket" not in body:
                raise Missing(f"{name} is not in the bucket", mend=MEND)
            if status in (400, 401, 403, 404) or tried == TRIES:
                raise FeedsmithError(trouble, mend=MEND)
            time.sleep(PAUSE * 2 ** (tried - 1))
        raise AssertionError

    def _sent(self, method: str, name: str, data: bytes | Path, into: Path | None) -> tuple[int, bytes]:  # fmt: skip
        digest, size = _digest(data)
        path = f"{self._base}/{quote(name, safe='/-_.~')}"
        scheme = "https" if self._secure else "http"
        given = {"Content-Length": str(size)} if method == "PUT" else {}
        headers = sigv4.signed(method, f"{scheme}://{self._host}{path}", given, digest, self._keys, self._region, datetime.now(UTC))  # fmt: skip
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=WAIT)
        try:
            stream: IO[bytes] | bytes | None = data.open("rb") if isinstance(data, Path) else data or None  # fmt: skip
            try:
                connection.request(method, path, stream, headers)
            finally:
                if stream is not None and not isinstance(stream, bytes):
                    stream.close()
            answer = connection.getresponse()
            if into is not None and answer.status == 200:
                with into.open("wb") as out:
                    shutil.copyfileobj(answer, out, 1 << 18)
                return answer.status, b""
            return answer.status, answer.read(1 << 26)
        finally:
            connection.close()


def _digest(data: bytes | Path) -> tuple[str, int]:
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest(), len(data)
    with data.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), os.fstat(stream.fileno()).st_size


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


def bring_back(store: Store, root: Path, report: Report = silent) -> int:
    """Bring all files back below `root`, where no brand may be; the number of them, 0 where the bucket has none.

    A brand's folder is there as a whole or not at all. Raises FeedsmithError where one is there already, the bucket cannot be
    read, or a file of it is damaged: the studio is then not to be opened on what is missing.
    """
    told = _manifest(store)
    if told is None:
        return 0
    listing = told[1]
    brands = sorted({PurePosixPath(path).parts[0] for path in listing})
    for name in brands:
        if (root / name).exists():
            raise FeedsmithError(f"{root / name}: is there already, and nothing is overwritten", mend="name an empty folder")  # fmt: skip
    made(root)
    scratch = Path(tempfile.mkdtemp(dir=root, prefix=".mirror-"))
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = {
                pool.submit(_fetch, store, kept, scratch / path): path
                for path, kept in listing.items()
            }
            try:
                for done, one in enumerate(as_completed(waiting)):
                    one.result()
                    report("Bringing back", done + 1, len(listing), waiting[one])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        for name in brands:
            (scratch / name).rename(root / name)
        write_text(root / MARK, told[0])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return len(listing)


def _fetch(store: Store, kept: Kept, into: Path) -> None:
    made(into.parent)
    store.fetch(_object(kept.digest), into)
    if _digest(into) != (kept.digest, kept.size):
        raise FeedsmithError(
            f"{into.name}: is damaged in the bucket", mend="bring back a backup (feedsmith restore)"
        )
    into.chmod(kept.mode)
    os.utime(into, ns=(kept.mtime_ns, kept.mtime_ns))


def _manifest(store: Store) -> tuple[str, Listing] | None:
    """Whose list it is, and the list; None where there is none yet."""
    try:
        told = json.loads(store.get(MANIFEST))
    except Missing:
        return None
    except ValueError as error:
        raise FeedsmithError("the mirror's list cannot be read", mend=MEND) from error
    if told["format"] > FORMAT:
        raise FeedsmithError("the mirror was made by a newer Feedsmith", mend="upgrade this one")
    listing = {path: Kept(*row) for path, row in told["files"].items()}
    for path in listing:
        parts = PurePosixPath(path).parts
        if PurePosixPath(path).is_absolute() or ".." in parts or len(parts) < 2:
            raise FeedsmithError(f"the mirror's list names {path!r}, outside of the folder", mend=MEND)  # fmt: skip
    return told["by"], listing


def _object(digest: str) -> str:
    return f"files/{digest[:2]}/{digest}"


# ---- keeping ---------------------------------------------------------------------------------------


@dataclass
class Mirror:
    """Keeps the brands' folders `homes`, which lie side by side, in the bucket."""

    store: Store
    homes: tuple[Path, ...]
    by: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Who keeps it; a new one at each start."""
    listing: Listing = field(default_factory=dict)
    """What the bucket's list says."""
    lost: bool = False
    """Another studio keeps it now."""

    def begin(self) -> None:
        """From now on it is ours. Raises FeedsmithError where the folders are not what the bucket has: they would take its
        place."""
        mark = self.homes[0].parent / MARK
        told = _manifest(self.store)
        if told is not None:
            if not mark.is_file() or mark.read_text("utf-8").strip() != told[0]:
                raise FeedsmithError(
                    f"the mirror in the bucket is not what lies in {mark.parent}: it was brought back elsewhere, or not at all",
                    mend=f"bring it back into an empty folder (feedsmith studio fetch), or name another folder in {MIRROR}",
                )
            self.listing = told[1]
        self._write(self.listing)
        write_text(mark, self.by)

    def send(self) -> int:
        """Send what has changed; the number of files that were sent or taken away. Raises FeedsmithError, and
        what was not sent is sent the next time."""
        if self.lost:
            return 0
        now: Listing = {}
        there = {kept.digest for kept in self.listing.values()}
        sent = 0
        for path, file in files(self.homes):
            before = self.listing.get(path)
            try:
                stat = file.stat()
                row = (stat.st_size, stat.st_mtime_ns, stat.st_mode & 0o777)
                if before is not None and row == (before.size, before.mtime_ns, before.mode):
                    now[path] = before
                    continue
                digest, size = _digest(file)
                if digest not in there:
                    self.store.put(_object(digest), file)
                    there.add(digest)
                again = file.stat()
            except FileNotFoundError:
                continue  # taken away since it was seen
            if (again.st_size, again.st_mtime_ns) != (stat.st_size, stat.st_mtime_ns) or size != stat.st_size:  # fmt: skip
                if (
                    before is not None
                ):  # it was written while it was read: as it was, and again the next time
                    now[path] = before
                continue
            now[path] = Kept(*row, digest)
            sent += 1
        gone = self.listing.keys() - now.keys()
        if not sent and not gone:
            return 0
        if any(f"{home.name}/brand.toml" not in now for home in self.homes):
            raise FeedsmithError("a brand's folder is gone; the mirror stays as it is", mend="bring it back, or open the studio without it")  # fmt: skip
        told = _manifest(self.store)
        if told is None or told[0] != self.by:
            self.lost = True
            raise FeedsmithError("another studio keeps the mirror now; this one sends nothing more", mend="let one run")  # fmt: skip
        self._write(now)
        old, self.listing = self.listing, now
        for digest in {k.digest for k in old.values()} - {k.digest for k in now.values()}:
            self.store.delete(_object(digest))
        return sent + len(gone)

    def _write(self, listing: Listing) -> None:
        rows = {p: [k.size, k.mtime_ns, k.mode, k.digest] for p, k in listing.items()}
        told: dict[str, Any] = {"format": FORMAT, "by": self.by, "at": datetime.now(UTC).isoformat(timespec="seconds"), "files": rows}  # fmt: skip
        self.store.put(MANIFEST, json.dumps(told).encode())


def files(homes: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """What is kept of the brands' folders: path as in the list, and file. Passing files are left out, as in a backup."""
    for home in homes:
        skipped = {home / name for name in LEFT_OUT}
        for folder, names, found in os.walk(home):
            here = Path(folder)
            names[:] = sorted(name for name in names if here / name not in skipped)
            for name in sorted(found):
                path = here / name
                if path not in skipped and not name.endswith(".part") and path.is_file():
                    yield f"{home.name}/{path.relative_to(home).as_posix()}", path


class Sender(threading.Thread):
    """Sends for as long as the studio is open, and once more at its end."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(name="mirror", daemon=True)
        self.mirror = mirror
        self._closing = threading.Event()
        self._said = ""

    def run(self) -> None:
        while not self._closing.wait(EVERY):
            self._send()

    def _send(self) -> None:
        try:
            self.mirror.send()
            self._said = ""
        except Exception as error:  # noqa: BLE001 - the studio goes on without
            # Once for each trouble: a storage that is off would say it every few seconds.
            if (said := str(error)) != self._said:
                log.error("mirror: %s", said)
            self._said = said

    def close(self) -> None:
        """What is new since the last look goes out, too."""
        self._closing.set()
        if self.is_alive():
            self.join(60)
        self._send()
