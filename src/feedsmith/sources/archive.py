"""What a user hands over: a folder, a zip, or several zips that belong together, read in place.

Everything in it is untrusted. Nothing is ever extracted to disk, so an entry cannot land outside;
entries that try (absolute paths, "..", symbolic links) are refused with the reason, and so are
bombs. Knows nothing of posts or pictures.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Self

from feedsmith.errors import FeedsmithError, Refused

TEXT_BYTES_MAX = 64 * 2**20
"""Largest text, table or JSON file read; posts_1.json of 10,000 posts is about 12 MB."""
ENTRIES_MAX = 300_000
"""Most files in one folder or zip; the largest real exports hold some 50,000."""
DIRECTORY_BYTES_MAX = 64 * 2**20
"""Largest central directory read: 300,000 entries at about 200 bytes."""
ENTRY_RATIO_MAX, ENTRY_RATIO_FROM = 200, 32 * 2**20
"""One entry that unpacks to more than 32 MiB may shrink at most 200-fold (JSON text does 30)."""
TOTAL_RATIO_MAX, TOTAL_RATIO_FROM = 100, 2**30
"""A zip that unpacks to more than 1 GiB may be at most 100 times its size (photos do 1.1)."""

LISTS = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".txt")
"""Suffixes of files that may speak of other files beside them."""

_END, _END_SIZE = b"PK\x05\x06", 22
_DECODING = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Entry(NamedTuple):
    """One file: where it is, its size in bytes, and a stamp that changes with its content."""

    home: Path
    """The folder or the zip it lies in."""
    name: str
    """Path inside `home`, with forward slashes."""
    size: int
    stamp: str


class Archive:
    """A set of named files. Use as a context manager, or call `close`.

    `entries` maps a path with forward slashes to its Entry; `refused` maps the name of an entry
    that was not taken to the reason. Reading is safe from several threads.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder, a zip or a single file. Raises FeedsmithError when it cannot be used."""
        self.path = path
        self.entries: dict[str, Entry] = {}
        self.refused: dict[str, str] = {}
        self._zip: zipfile.ZipFile | None = None
        self._by_name: dict[str, list[str]] | None = None
        try:
            if path.is_dir():
                self._list_folder(path)
            elif not path.exists():
                raise FeedsmithError(
                    f"{path}: no such file or folder", mend="check the path and run again"
                )
            elif _looks_like_zip(path):
                self._list_zip()
            elif path.suffix.lower() in LISTS:
                # A list named itself stands for its folder, less the other lists in there.
                self._list_folder(path.parent)
                self.entries = {
                    name: entry
                    for name, entry in self.entries.items()
                    if name == path.name or Path(name).suffix.lower() not in LISTS
                }
            else:
                status = path.stat()
                self.entries[path.name] = Entry(
                    path.parent, path.name, status.st_size, str(status.st_mtime_ns)
                )
        except PermissionError as error:
            raise FeedsmithError(
                f"{path}: cannot be read ({error.strerror})", mend="check its permissions"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_zip(self) -> bool:
        return self._zip is not None

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()

    def read(self, name: str, limit: int = TEXT_BYTES_MAX) -> bytes:
        """The bytes of one entry. Raises Refused when it is absent, damaged or above `limit`."""
        entry = self.entries.get(name)
        if entry is None:
            raise Refused(f"{name}: not in {self.path.name}")
        if entry.size > limit:
            raise Refused(f"{name}: {entry.size / 2**20:.0f} MiB, at most {limit / 2**20:.0f} read")
        try:
            if self._zip is not None:
                with self._zip.open(entry.name) as stream:
                    return stream.read(limit + 1)[:limit]
            with (entry.home / entry.name).open("rb") as file:
                return file.read(limit)
        except _DECODING as error:
            raise Refused(f"{name}: damaged inside {self.path.name} ({error})") from error
        except OSError as error:
            raise Refused(f"{name}: cannot be read ({error.strerror or error})") from error

    def under(self, folder: str) -> Iterator[str]:
        """Names of the entries that lie directly in `folder` ("" for the top)."""
        return (name for name in self.entries if name.rpartition("/")[0] == folder)

    def find(self, wanted: str, root: str = "") -> str | None:
        """The entry that `wanted`, a path written down somewhere, means; None when it is absent.

        Tries it below `root`, from the top, then any entry of the same file name, the one that
        shares the most folders with it first.
        """
        clean = wanted.replace("\\", "/").strip().removeprefix("./").lstrip("/")
        if not clean or "://" in clean:
            return None
        for guess in (f"{root}/{clean}" if root else clean, clean):
            if guess in self.entries:
                return guess
        if self._by_name is None:
            self._by_name = {}
            for name in self.entries:
                self._by_name.setdefault(_base(name), []).append(name)
        tail = [part.casefold() for part in reversed(PurePosixPath(clean).parts)]
        same = sorted(self._by_name.get(_base(clean), []))
        best = max(same, key=lambda name: _shared(name, tail), default=None)
        if best is None or (len(same) > 1 and len(tail) > 1 and _shared(best, tail) < 2):
            return None  # of several files of one name, none in a folder of that name
        return best

    def kinds(self) -> str:
        """What is in it, in words, most frequent first: "12 .txt, 3 .pdf"."""
        counts: dict[str, int] = {}
        for name in self.entries:
            suffix = PurePosixPath(name).suffix.lower() or "without suffix"
            counts[suffix] = counts.get(suffix, 0) + 1
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} {suffix}" for suffix, count in common[:4])

    def _list_folder(self, top: Path) -> None:
        root = top.resolve()
        folders = [top]
        while folders:
            for path in sorted(folders.pop().iterdir()):
                name = path.relative_to(top).as_posix()
                if _is_litter(name):
                    continue
                if path.is_symlink() and not path.resolve().is_relative_to(root):
                    self.refused[name] = "a symbolic link that leads out of the folder"
                    continue
                try:
                    status = path.stat() if path.is_symlink() else path.lstat()
                except OSError:
                    self.refused[name] = "a symbolic link that leads nowhere"
                    continue
                if stat.S_ISDIR(status.st_mode):
                    if not path.is_symlink():
                        folders.append(path)
                elif stat.S_ISREG(status.st_mode):
                    stamp = str(status.st_mtime_ns)
                    self.entries[name] = Entry(top, name, status.st_size, stamp)
                if len(self.entries) > ENTRIES_MAX:
                    raise FeedsmithError(
                        f"{top}: more than {ENTRIES_MAX:,} files",
                        mend="name the folder with the photos",
                    )

    def _list_zip(self) -> None:
        again = "download it again; a broken download is the usual cause"
        try:
            _check_directory(self.path)
            archive = zipfile.ZipFile(self.path)
        except (*_DECODING, struct.error) as error:
            raise FeedsmithError(
                f"{self.path}: not a whole zip file ({error})", mend=again
            ) from error
        self._zip = archive
        total, locked = 0, 0
        for info in archive.infolist():
            if info.is_dir():
                continue
            total += info.file_size
            locked += info.flag_bits & 1
            reason = _refusal(info)
            if reason:
                self.refused[_printable(info.filename)] = reason
            elif not _is_litter(info.filename):
                # Some Windows programs write backslashes.
                self.entries[info.filename.replace("\\", "/")] = Entry(
                    self.path, info.filename, info.file_size, f"{info.CRC:08x}"
                )
        problem: tuple[str, str] | None = None
        packed = max(1, self.path.stat().st_size)
        if total > TOTAL_RATIO_FROM and total > TOTAL_RATIO_MAX * packed:
            problem = (
                f"would unpack to {total / 2**30:,.0f} GiB, {total // packed:,} times its size: "
                "a zip bomb, not an export",
                "ask Instagram for a new export, or unpack what you trust and name the folder",
            )
        elif locked:
            problem = ("is locked with a password", "unpack it with the password, name the folder")
        if problem:
            self.close()
            raise FeedsmithError(f"{self.path}: {problem[0]}", mend=problem[1])


def close_all(archives: Iterable[Archive]) -> None:
    for archive in archives:
        archive.close()


def _looks_like_zip(path: Path) -> bool:
    if path.suffix.lower() == ".zip":
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _check_directory(path: Path) -> None:
    """Refuse a central directory that would fill the memory, before zipfile reads it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_SIZE - 65535))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise zipfile.BadZipFile("its end is missing")
    count, directory = struct.unpack_from("<HI", tail, at + 10)
    locator = tail.rfind(b"PK\x06\x06", 0, at)
    if locator >= 0 and (count == 0xFFFF or directory == 0xFFFFFFFF):
        count, directory = struct.unpack_from("<QQ", tail, locator + 32)
    if count > ENTRIES_MAX or directory > DIRECTORY_BYTES_MAX:
        raise zipfile.BadZipFile(f"it lists {count:,} files, at most {ENTRIES_MAX:,} are read")


def _refusal(info: zipfile.ZipInfo) -> str:
    """Why an entry is not taken; "" when it is."""
    name = info.filename
    original: Any = getattr(info, "orig_filename", name)
    if "\0" in original or "\0" in name:
        return "its name holds a zero byte"
    if (
        name.startswith(("/", "\\"))
        or name[1:2] == ":"
        or ".." in name.replace("\\", "/").split("/")
    ):
        return "its name leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a symbolic link"
    if info.file_size > ENTRY_RATIO_FROM:
        ratio = info.file_size // max(1, info.compress_size)
        if ratio > ENTRY_RATIO_MAX:
            return f"would unpack to {ratio:,} times its size: a bomb"
    return ""


def _is_litter(name: str) -> bool:
    """Files that systems leave behind: .DS_Store, ._x.jpg, __MACOSX/, Thumbs.db."""
    parts = name.split("/")
    return (
        any(part.startswith(".") and part not in {".", ".."} for part in parts)
        or "__MACOSX" in parts
        or parts[-1].lower() in {"thumbs.db", "desktop.ini"}
    )


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:200]


def _base(name: str) -> str:
    return name.rpartition("/")[2].casefold()


def _shared(name: str, tail: list[str]) -> int:
    """How many path parts, counted from the end, `name` has in common with `tail`."""
    count = 0
    for part, wanted in zip(reversed(PurePosixPath(name).parts), tail, strict=False):
        if part.casefold() != wanted:
            break
        count += 1
    return count
