"""Files written so that a crash or a full disk never leaves half a file behind.

Write aside, flush, rename. Knows nothing of what is in the files.
"""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from feedsmith.errors import FeedsmithError


def full_disk(error: OSError) -> bool:
    """True where the system says that no room is left (disk full or quota reached)."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def no_room(place: Path, kept: str) -> FeedsmithError:
    """What to raise where full_disk; `kept` says what became of the work so far."""
    return FeedsmithError(
        f"{place}: the disk is full; {kept}",
        mend="free some space and run the same command again: it goes on where it stopped",
    )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing; it appears whole at the end of the block, or not at all.

    Raises FeedsmithError when the disk is full or the folder cannot be written.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o644)
        part.replace(path)
        part = None
    except OSError as error:
        if full_disk(error):
            raise no_room(path, "nothing half-written was left behind") from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
            raise FeedsmithError(
                f"{path}: cannot be written ({error.strerror})",
                mend="check the folder's permissions, or name another folder",
            ) from error
        raise
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with writing(path) as stream:
        stream.write(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
