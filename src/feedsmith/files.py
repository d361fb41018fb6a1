"""Files written so that a crash or a full disk never leaves half a file behind.

Write aside, flush, rename. Knows nothing of what is in the files.
"""

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from feedsmith.errors import FeedsmithError

try:
    import fcntl
except ImportError:  # Windows: there a part is left when it is old
    fcntl = None  # type: ignore[assignment]

HELD = ".held"
"""File of a scratch folder that its process holds."""
LEFT_BEHIND = 3600.0
"""Seconds after which nobody writes a part any more, where the system cannot say who does (Windows)."""


def full_disk(error: OSError) -> bool:
    """True where the system says that no room is left (disk full or quota reached)."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def no_room(place: Path, kept: str) -> FeedsmithError:
    """What to raise where full_disk; `kept` says what became of the work so far."""
    return FeedsmithError(
        f"{place}: the disk is full; {kept}",
        mend="free some space and run the same command again: it goes on where it stopped",
    )


def check_writable(folder: Path) -> None:
    """Make sure, before long work, that files can be written into `folder`, which is made if absent.

    Writes a probe and removes it. Raises FeedsmithError that says what is in the way.
    """
    made(folder)
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".feedsmith.", suffix=".part")
        probe = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(bytes(4096))  # an empty file fits on a full disk
                stream.flush()
                os.fsync(stream.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        if full_disk(error):
            raise FeedsmithError(
                f"{folder}: the disk is full", mend="free some space, or name another folder"
            ) from error
        raise _refusal(folder, error) from error


def made(folder: Path) -> Path:
    """The folder, made with all above it where absent. Raises FeedsmithError that says what is in
    the way."""
    try:
        for place in (folder, *folder.parents):
            # Looked up before is_dir: a folder that another thread makes in between is no file.
            there, link = place.exists(), place.is_symlink()
            if place.is_dir():
                break
            if there or link:
                what = "is a file" if there else "is a link to nowhere"
                raise FeedsmithError(
                    f"{place}: {what}, where a folder is needed",
                    mend="name another folder, or move that out of the way",
                )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if full_disk(error):
            raise no_room(folder, "it could not be made") from error
        raise _refusal(folder, error) from error
    return folder


def _refusal(path: Path, error: OSError) -> FeedsmithError:
    """What to say of a place that the system lets nobody write to."""
    if error.errno == errno.ENAMETOOLONG:
        return FeedsmithError(
            f"{path}: this name is too long for the disk", mend="choose a shorter name"
        )
    if error.errno == errno.EROFS:
        return FeedsmithError(
            f"{path}: cannot be written, its disk is read-only", mend="name a folder elsewhere"
        )
    return FeedsmithError(
        f"{path}: cannot be written ({(error.strerror or str(error)).lower()})",
        mend="check the folder's permissions, or name another folder",
    )


@contextlib.contextmanager
def held(
    lock: Path, busy: str = "", *, mend: str = "check the folder's permissions"
) -> Iterator[None]:
    """Hold the file `lock`, made where it is absent: nobody else does until the block ends, or the process.

    Waits for its turn; with `busy`, what somebody else who holds it does, raises FeedsmithError
    instead. Raises it, too, where the folder cannot be written, with `mend`. Holds nothing on Windows.
    """
    folder = made(lock.parent)
    while fcntl is not None:
        try:
            stream = lock.open("ab")
        except OSError as error:
            raise FeedsmithError(
                f"{folder}: cannot be written ({(error.strerror or str(error)).lower()})", mend=mend
            ) from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
            except OSError as error:
                raise FeedsmithError(
                    f"{folder}: {busy}",
                    mend="wait until it is done, then run the same command again",
                ) from error
            if not _is_still(stream, lock):
                continue  # who held it took it away
            yield
            return
    yield


def _is_still(stream: IO[bytes], path: Path) -> bool:
    """Whether an open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A new folder of the system's for temporary files, gone when the block ends; those of this prefix
    that killed processes left are removed first."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError), (left / HELD).open("rb") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its process lives
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        with held(folder / HELD):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def append(path: Path, lines: bytes, kept: str) -> None:
    """Add whole lines to the end of `path`, behind a line that was torn; on a full disk nothing
    half-written stays.

    Raises FeedsmithError: for a full disk with `kept`, see no_room; where the file cannot be written.
    """
    try:
        with path.open("a+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            if size:
                stream.seek(-1, os.SEEK_END)
                lines = b"\n" * (stream.read(1) != b"\n") + lines
            try:
                stream.write(lines)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                os.truncate(path, size)
                raise
    except OSError as error:
        if full_disk(error):
            raise no_room(path, kept) from error
        raise FeedsmithError(
            f"{path}: cannot be written ({(error.strerror or str(error)).lower()})",
            mend="check the permissions of that file",
        ) from error


@contextlib.contextmanager
def writing(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Open `path` for writing; it appears whole at the end of the block, or not at all. `mode`: who may
    read it; until it is whole its owner alone.

    Raises FeedsmithError when the disk is full, a file stands where a folder is needed, or the
    folder cannot be written.
    """
    part: Path | None = None
    try:
        made(path.parent)
        if path.is_dir():
            raise FeedsmithError(
                f"{path}: is a folder, where a file is to be written",
                mend="name a file in it, or another name",
            )
        handle, part = _part(path)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if (
                fcntl is None
            ):  # an open file is not renamed there; elsewhere it is held until it is whole
                stream.close()
            part.chmod(mode)
            part.replace(path)
            part = None
    except OSError as error:
        if full_disk(error):
            raise no_room(path, "nothing half-written was left behind") from error
        denied = error.errno in (errno.EACCES, errno.EROFS, errno.EPERM)
        if denied or part is None:
            raise _refusal(path, error) from error
        raise
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _part(path: Path) -> tuple[int, Path]:
    """An open file beside `path`, held as long as it is open, so that `sweep` leaves it alone."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        if fcntl is not None:
            with contextlib.suppress(OSError):  # not every network disk can hold files
                fcntl.flock(handle, fcntl.LOCK_EX)
        if Path(name).exists():  # it was not swept before it was held
            return handle, Path(name)
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in `folder`; what is being written stays, and so does what cannot be
    removed."""
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if fcntl is None:
                if time.time() - part.stat().st_mtime >= LEFT_BEHIND:
                    part.unlink(missing_ok=True)
                continue
            with part.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its writer lives
                part.unlink(missing_ok=True)  # while we hold it: its writer may just have begun


def write_bytes(path: Path, data: bytes, mode: int = 0o644) -> None:
    with writing(path, mode) as stream:
        stream.write(data)


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    write_bytes(path, text.encode("utf-8"), mode)


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n", mode)
