"""The library of a brand: its photos as imported, its past posts, and what was set aside and why.

    library/photos/ab/<id>.jpg   photos: pixels byte for byte, without place, camera and owner
    library/photos.jsonl         one Photo a line
    library/posts.jsonl          one PastPost a line
    library/set-aside.csv        what was not taken, the reason, and what stands for it
    library/set-aside/<id>.jpg   copies of those files, to look at
    library/arriving.jsonl       only during an import: what is examined already
    library/stored.json          only at its end: what it did; the lists to come lie beside it as *.next

An import may be killed at any moment: until its end the work done so far is noted in arriving.jsonl, and
the same import goes on from there; at its end the lists are written aside, and from stored.json on they
are replaced, by the next import if need be. The same import then tells what the killed one did. A photo's id is
the hash of the file as it came, so that it is known again; the copy kept is cleaned by default
(photo_file.stripping), and whom the file named as its maker becomes the photo's credit. Knows sources and picture files; nothing of what a photo shows.
"""

import contextlib
import csv
import glob
import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from feedsmith import cores, photo_file
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.files import full_disk, held, no_room, sweep, write_bytes, write_text
from feedsmith.post import Credit, PastPost, Photo, Value
from feedsmith.progress import Report, silent
from feedsmith.sources import Archive, Found, Media, grouped
from feedsmith.sources.archive import close_all
from feedsmith.sources.caption import decode, folded, hashtags, mentions, without_hashtags

SHORT_SIDE_MIN = 320
"""Pixels. Smaller pictures are thumbnails: Instagram itself takes no image under 320 wide."""
FLAT_SCREEN = 0.35
"""A picture of a phone's screen size, with a status bar and no camera data, is a screenshot from
this share of flat area on."""
NEAR_BITS = 12
"""Perceptual hashes that differ in at most so many of 64 bits are compared pixel by pixel."""
NEAR_PIXELS = 14.0
"""Mean difference (0..255) of two 32x32 colour miniatures up to which they are one photo."""
SAME_POST_PIXELS = 2.5
"""The same inside one post, where the brand meant to show both."""
LISTS = ("set-aside.csv", "photos.jsonl", "posts.jsonl")
NOTED_EVERY = 64
"""Examined photos between two flushes of the notes to disk."""

REASONS = (
    "near-duplicate", "thumbnail", "screenshot", "unreadable", "missing", "refused", "video-cover",
)  # fmt: skip


class SetAside(Value):
    """Something that was not taken into the library; nothing of it is deleted."""

    name: str
    reason: str
    """One of REASONS."""
    detail: str
    id: str = ""
    """As of a Photo; "" where there was nothing to read."""
    instead: str = ""
    """Id of the photo that stands for it, for near-duplicates."""
    file: str = ""
    """Where the library keeps its copy, e.g. set-aside/<id>.jpg; "" where there was nothing."""


class Summary(Value):
    """What an import did."""

    posts_new: int = 0
    posts_known: int = 0
    photos_new: int = 0
    photos_known: int = 0
    videos: int = 0
    """Listed with their posts, not decoded."""
    examined: int = 0
    """Photos decoded in this run; the rest was known by content."""
    credited: int = 0
    """Photos whose credit was read in this run from what the file itself says."""
    cleaned: int = 0
    """Copies written in this run without the place, camera or owner that the file told of."""
    set_aside: dict[str, int] = Field(default_factory=dict)
    """Reason to count, for this import."""
    sources: tuple[str, ...] = ()
    """Which importer read what, in words."""
    notes: tuple[str, ...] = ()
    """What a person should know, one sentence each."""


class _Arrival(Value):
    """One examined media file."""

    key: str
    photo: Photo | None = None
    aside: SetAside | None = None
    cleaned: bool = False
    """True where the copy was written with less than the file told."""


class _Stored(Value):
    """An import whose lists are written."""

    of: str
    """Digest over what was to be imported, and how."""
    told: Summary
    gone: tuple[str, ...]
    """Files of photos for which another one stands now."""


_V = TypeVar("_V", bound=BaseModel)
_FIRST = datetime.min.replace(tzinfo=UTC)


class Library:
    """The library in the folder `root`; an absent folder is an empty library."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._photos: dict[str, Photo] | None = None
        self._posts: list[PastPost] | None = None
        self._by_photo: dict[str, PastPost] | None = None

    def photos(self) -> list[Photo]:
        """All photos, oldest first; those without a date before all others."""
        return sorted(self._known().values(), key=lambda p: (p.taken_at or _FIRST, p.id))

    def posts(self) -> list[PastPost]:
        """All past posts, oldest first."""
        if self._posts is None:
            self._posts = sorted(_read(self.root / "posts.jsonl", PastPost), key=_age)
        return list(self._posts)

    def photo(self, photo_id: str) -> Photo:
        """Raises FeedsmithError when there is none of that id."""
        try:
            return self._known()[photo_id]
        except KeyError:
            raise FeedsmithError(
                f"{self.root}: no photo {photo_id} in this library",
                mend="feedsmith library lists what is in it",
            ) from None

    def post_of(self, photo_id: str) -> PastPost | None:
        """The post that showed this photo: the newest that says something, else the newest."""
        if self._by_photo is None:
            self._by_photo = {}
            for post in sorted(self.posts(), key=lambda p: (bool(p.text), _age(p))):
                self._by_photo.update(dict.fromkeys(post.photos, post))
        return self._by_photo.get(photo_id)

    def path(self, photo: Photo) -> Path:
        return self.root / photo.file

    def missing(self) -> list[Photo]:
        """The photos whose file is gone from the library, oldest first."""
        there: dict[str, set[str]] = {}
        gone = []
        for photo in self.photos():
            folder, _, name = photo.file.rpartition("/")
            if folder not in there:  # one listing a folder: 2,000 photos lie in 256
                there[folder] = set()
                with contextlib.suppress(OSError):
                    there[folder] = {file.name for file in (self.root / folder).iterdir()}
            if name not in there[folder]:
                gone.append(photo)
        return gone

    def rgb(self, photo: Photo, max_side: int | None = None) -> NDArray[np.uint8]:
        """The photo upright in sRGB, (H, W, 3) uint8, its longer side at most `max_side` pixels.

        Raises Refused when the file is gone or damaged.
        """
        try:
            return photo_file.rgb(self.path(photo), max_side)
        except Refused as error:
            message = error.message
            if not self.path(photo).exists():
                message = f"{self.path(photo)}: the photo {photo.name or photo.id} is gone"
            raise Refused(
                message, mend="bring it in again from where it came: feedsmith import"
            ) from error

    def set_aside(self) -> list[SetAside]:
        """What was not taken, in the order of set-aside.csv."""
        try:
            text = (self.root / "set-aside.csv").read_text("utf-8-sig")
        except FileNotFoundError:
            return []
        fields = SetAside.model_fields
        rows = csv.DictReader(io.StringIO(text))
        return [SetAside(**{key: row.get(key) or "" for key in fields}) for row in rows]

    def fingerprint(self) -> str:
        """16 hex digits that are the same for the same photos and posts."""
        digest = hashlib.sha256()
        for value in (*self.photos(), *self.posts()):
            digest.update(value.model_dump_json().encode() + b"\n")
        return digest.hexdigest()[:16]

    def add(
        self,
        found: Iterable[Found],
        *,
        refused: Mapping[str, str] | None = None,
        credits: Mapping[str, Credit] | None = None,  # noqa: A002  the word of the trade
        zone: tzinfo = UTC,
        workers: int | None = None,
        keep_all: bool = False,
        keep_metadata: bool = False,
        report: Report = silent,
        told: Callable[[Summary], None] = lambda done: None,
    ) -> Summary:
        """Take posts and photos in. Doing it twice is doing it once.

        `refused` maps names of hostile entries to the reason; `credits` maps a media file's name
        (casefolded) to its Credit; `zone` is meant by cameras that write none; `workers` are
        threads (decoding and hashing leave Python's lock), all cores by default; `keep_all` sets
        aside only what cannot be read; `keep_metadata` keeps the files as they came, with the places
        and cameras they tell of; `told` gets what is returned while a kill still leads to the same
        answer of the next run. Raises FeedsmithError when the disk is full, and the lists are then as
        they were; whatever stops it, the next run goes on from there.
        """
        found = list(found)
        how = (f"{zone}", keep_all, keep_metadata, sorted(credits or {}), sorted(refused or {}))
        of = _digest(found, how)
        with held(
            self.root / ".lock", "another import into this library is running",
            mend="check the folder's permissions, or name another folder",
        ):  # fmt: skip
            self._forget()
            self._sweep()
            stored = self._replace_lists()
            if stored is not None and stored.of == of:
                done = stored.told  # killed before it could say so
            else:
                self._let_go()
                done = self._add(
                    of,
                    found,
                    refused or {},
                    credits or {},
                    zone,
                    workers,
                    keep_all,
                    keep_metadata,
                    report,
                )
            told(done)
            self._let_go()
            return done

    def _add(
        self,
        of: str,
        found: Sequence[Found],
        refused: Mapping[str, str],
        given: Mapping[str, Credit],
        zone: tzinfo,
        workers: int | None,
        keep_all: bool,
        keep_metadata: bool,
        report: Report,
    ) -> Summary:
        aside = [] if keep_all else [a for a in self.set_aside() if a.id]
        known_aside = {item.id: item for item in aside}
        arrivals, examined = self._examine(
            found, known_aside, zone, workers, keep_all, keep_metadata, report
        )

        before = self._known()
        photos = dict(before)
        new = _new_photos(found, arrivals, photos, given)
        asides = [a.aside for a in arrivals.values() if a.aside is not None]
        stands_for = {a.id: a.instead for a in known_aside.values() if a.instead}
        if not keep_all:
            together = [
                {a.photo.id for m in post.media if (a := arrivals.get(m.key)) and a.photo}
                for post in found
                if len(post.media) > 1
            ]
            doubles = _near_duplicates({**photos, **new}, set(new), self.rgb, together)
            asides += doubles
            stands_for |= {item.id: item.instead for item in doubles}
        gone = [photo for key, photo in {**photos, **new}.items() if key in stands_for]
        photos = {k: p for k, p in {**photos, **new}.items() if k not in stands_for}
        asides += [
            SetAside(name=name, reason="refused", detail=why) for name, why in refused.items()
        ]
        for post in found:
            where = f"in the post of {post.posted_at:%d %b %Y}" if post.posted_at else "in a post"
            asides += [
                SetAside(
                    name=n, reason="missing", detail=f"listed {where}, but the file is not there"
                )
                for n in post.missing
            ]
            asides += [
                SetAside(name=n, reason="video-cover", detail="a still of a video")
                for n in post.covers
            ]
        posts, fresh, known = _merged(self.posts(), found, arrivals, stands_for, photos)
        counts: dict[str, int] = {}
        for item in dict.fromkeys(asides):
            counts[item.reason] = counts.get(item.reason, 0) + 1
        arrived = {a.photo.id: a.photo for a in arrivals.values() if a.photo}
        credited = [
            key
            for key, photo in arrived.items()
            if photo.credit is not None
            and photo.credit == (photos[key].credit if key in photos else None)
            and (key not in before or before[key].credit is None)
        ]
        done = Summary(
            posts_new=fresh,
            posts_known=known,
            photos_new=len([key for key in photos if key in new]),
            photos_known=len([key for key in arrived if key not in new]),
            videos=sum(m.video for post in found for m in post.media),
            examined=examined,
            credited=len(credited),
            cleaned=sum(arrival.cleaned for arrival in arrivals.values()),
            set_aside={reason: counts[reason] for reason in REASONS if reason in counts},
        )
        self._store(photos, posts, asides, gone, of, done)
        return done

    def _known(self) -> dict[str, Photo]:
        if self._photos is None:
            self._photos = {p.id: p for p in _read(self.root / "photos.jsonl", Photo)}
        return self._photos

    def _examine(
        self,
        found: Sequence[Found],
        known_aside: Mapping[str, SetAside],
        zone: tzinfo,
        workers: int | None,
        keep_all: bool,
        keep_metadata: bool,
        report: Report,
    ) -> tuple[dict[str, _Arrival], int]:
        """Look at every photo once: (arrivals by Media.key, how many were decoded)."""
        wanted = {m.key: m for post in found for m in post.media if not m.video}
        notes = self.root / "arriving.jsonl"
        arrivals = {a.key: a for a in _read(notes, _Arrival, torn=True) if a.key in wanted}
        todo = [media for key, media in wanted.items() if key not in arrivals]
        known = self._known()
        total, decoded = len(wanted), 0

        def examine(media: Media) -> tuple[_Arrival, bool]:
            return self._take(media, known, known_aside, zone, keep_all, keep_metadata)

        running = _in_parallel(examine, todo, workers or cores.available())
        with _noting(notes) as note, contextlib.closing(running) as results:
            for arrival, fresh in results:
                arrivals[arrival.key] = arrival
                decoded += fresh
                note(arrival)
                name = arrival.key.partition("|")[0].rpartition("/")[2]
                report("Reading photos", len(arrivals), total, name)
        return {key: arrivals[key] for key in wanted}, decoded

    def _take(
        self,
        media: Media,
        known: Mapping[str, Photo],
        known_aside: Mapping[str, SetAside],
        zone: tzinfo,
        keep_all: bool,
        keep_metadata: bool,
    ) -> tuple[_Arrival, bool]:
        """Examine one photo and copy it in: (arrival, whether it was decoded)."""
        try:
            data = media.read(photo_file.FILE_BYTES_MAX)
        except Refused as error:
            aside = SetAside(name=media.name, reason="unreadable", detail=error.message)
            return _Arrival(key=media.key, aside=aside), False
        photo_id = hashlib.sha256(data).hexdigest()[:16]
        if photo_id in known:
            # Heals a library that lost the file, and one of the time before files were cleaned.
            photo = known[photo_id]
            cleaned = self._keep_copy(photo.file, data, keep_metadata)
            if photo.credit is None:  # and one of the time before credits were read
                photo = photo.model_copy(update={"credit": _said_credit(data)})
            return _Arrival(key=media.key, photo=photo, cleaned=cleaned), False
        if photo_id in known_aside:
            file = known_aside[photo_id].file
            if file and (self.root / file).exists():
                self._keep_copy(file, data, keep_metadata)
            return _Arrival(key=media.key, aside=known_aside[photo_id]), False
        try:
            seen = photo_file.look(data)
        except Refused as error:
            detail = error.message if data else "the file is empty"
            suffix = Path(media.name).suffix.lower()
            file = f"set-aside/{photo_id}{suffix if suffix in photo_file.PHOTO_SUFFIXES else ''}"
            self._keep_copy(file, data, keep_metadata)
            aside = SetAside(
                name=media.name, reason="unreadable", detail=detail, id=photo_id, file=file
            )
            return _Arrival(key=media.key, aside=aside), True
        header = seen.header
        reason, detail = ("", "") if keep_all else _unfit(media.name, seen)
        if reason:
            file = f"set-aside/{photo_id}{header.suffix}"
            cleaned = self._keep_copy(file, data, keep_metadata)
            aside = SetAside(name=media.name, reason=reason, detail=detail, id=photo_id, file=file)
            return _Arrival(key=media.key, aside=aside, cleaned=cleaned), True
        file = f"photos/{photo_id[:2]}/{photo_id}{header.suffix}"
        cleaned = self._keep_copy(file, data, keep_metadata)
        taken = header.taken_at
        if taken is not None and taken.tzinfo is None:
            taken = taken.replace(tzinfo=zone)
        photo = Photo(
            id=photo_id,
            file=file,
            name=media.name,
            width=header.width,
            height=header.height,
            taken_at=_utc(taken or media.taken_at),
            phash=seen.phash,
            credit=_said_credit(data),
        )
        return _Arrival(key=media.key, photo=photo, cleaned=cleaned), True

    def _sweep(self) -> None:
        """Remove what a killed import left half-written."""
        for place in (self.root, self.root / "set-aside", *self.root.glob("photos/*")):
            sweep(place)

    def _keep_copy(self, file: str, data: bytes, keep_metadata: bool) -> bool:
        """Write the library's copy of a file as it came; True where it was cleaned on the way.

        A copy that is there stays, unless it tells more than is wished for, or less.
        """
        target = self.root / file
        size = target.stat().st_size if target.exists() else -1
        if keep_metadata:
            if size != len(data) or target.read_bytes() != data:
                write_bytes(target, data)
            return False
        if size >= 0 and size != len(data):
            return False  # cleaned before
        copy = photo_file.cleaned(data)
        if size < 0 or (copy != data and target.read_bytes() == data):
            write_bytes(target, copy)
            return copy != data
        return False

    def _keep(self, file: str, data: bytes) -> None:
        target = self.root / file
        if not target.exists():
            write_bytes(target, data)

    def _store(
        self,
        photos: Mapping[str, Photo],
        posts: Sequence[PastPost],
        asides: Sequence[SetAside],
        gone: Sequence[Photo],
        of: str,
        done: Summary,
    ) -> None:
        """Write the lists aside, then replace them; files move so that a crash between two steps loses
        none."""
        for photo in gone:  # taken in, and now another photo stands for it
            with contextlib.suppress(FileNotFoundError):
                self._keep(_aside_file(photo), self.path(photo).read_bytes())
        rows = [a for a in dict.fromkeys((*self.set_aside(), *asides)) if a.id not in photos]
        table = io.StringIO()
        writer = csv.DictWriter(table, list(SetAside.model_fields), lineterminator="\n")
        writer.writeheader()
        rows.sort(key=lambda a: (a.reason, a.name, a.id, a.detail))
        writer.writerows(row.model_dump() for row in rows)
        by_id = sorted(photos.values(), key=lambda p: p.id)
        by_age = sorted(posts, key=_age)
        texts = (table.getvalue(), _lines(by_id), _lines(by_age))
        try:
            for name, text in zip(LISTS, texts, strict=True):
                write_text(self.root / f"{name}.next", text)
            stored = _Stored(of=of, told=done, gone=tuple(photo.file for photo in gone))
            write_text(self.root / "stored.json", stored.model_dump_json() + "\n")
        except FeedsmithError:  # a full disk needs the room
            self._let_go()
            raise
        self._replace_lists()

    def _replace_lists(self) -> _Stored | None:
        """Finish what an import has stored; None where there is nothing. Any step may be the last one
        before a kill: all are done again by the next import."""
        try:
            stored = _Stored.model_validate_json((self.root / "stored.json").read_bytes())
        except (FileNotFoundError, ValidationError):  # that of another version: imported anew
            return None
        for name in LISTS:
            with contextlib.suppress(FileNotFoundError):
                (self.root / f"{name}.next").replace(self.root / name)
        for file in stored.gone:
            (self.root / file).unlink(missing_ok=True)
        (self.root / "arriving.jsonl").unlink(missing_ok=True)
        self._forget()
        return stored

    def _let_go(self) -> None:
        """Nothing is stored."""
        for name in ("stored.json", *(f"{name}.next" for name in LISTS)):
            (self.root / name).unlink(missing_ok=True)

    def _forget(self) -> None:
        """Read the lists anew: this or another process may have replaced them."""
        self._photos, self._posts, self._by_photo = None, None, None


def import_into(
    library: Library,
    paths: Sequence[Path],
    *,
    credits: Path | None = None,  # noqa: A002  the word of the trade
    zone: tzinfo = UTC,
    workers: int | None = None,
    keep_all: bool = False,
    keep_metadata: bool = False,
    report: Report = silent,
    told: Callable[[Summary], None] = lambda done: None,
) -> Summary:
    """Import everything that `paths` name: exports, folders, tables, photos; parts of one export
    together. `credits` is a CSV with the columns file, credit, licence, licence_url, source_url. The
    library's copies tell neither place nor camera nor owner, unless `keep_metadata`.

    One useless path among several becomes a note; `told` is that of Library.add. Raises FeedsmithError
    when nothing is of use.
    """
    named = {} if credits is None else read_credits(credits)
    archives: list[Archive] = []
    problems: list[FeedsmithError] = []
    try:
        for path in _expanded(paths):
            try:
                archives.append(Archive(path))
            except FeedsmithError as error:
                problems.append(error)
        found: list[Found] = []
        refused: dict[str, str] = {}
        sources: list[str] = []
        for group in grouped(archives, problems.append):
            for part in (group.archive, *group.beside):
                refused |= part.refused
            try:
                posts = list(group.source.find(group.archive, zone, group.beside))
            except FeedsmithError as error:
                problems.append(error)
            else:
                found += posts
                parts = f" with {len(group.beside)} more parts" if group.beside else ""
                sources.append(f"{group.archive.path.name}{parts}: {group.source.name}")
        if not found:
            raise (
                problems[0]
                if problems
                else FeedsmithError(
                    "nothing to import", mend="name a folder, a zip or a table of posts"
                )
            )

        def whole(done: Summary) -> Summary:
            """With what only we know."""
            notes = [problem.message for problem in problems]
            if done.credited:
                notes.append(_told_credits(done.credited, library.photos()))
            if not library.photos():
                why = ", ".join(f"{count} {reason}" for reason, count in done.set_aside.items())
                notes.append(f"no photo is in the library: all were set aside ({why})")
            if named:
                names = {m.name.casefold() for post in found for m in post.media}
                if unused := sorted(set(named) - names):
                    notes.append(
                        f"{credits}: {len(unused)} of {len(named)} credits match no photo, e.g. {unused[0]}"
                    )
            return done.model_copy(update={"sources": tuple(sources), "notes": tuple(notes)})

        return whole(
            library.add(
                found, refused=refused, credits=named, zone=zone, workers=workers,
                keep_all=keep_all, keep_metadata=keep_metadata, report=report,
                told=lambda done: told(whole(done)),
            )
        )  # fmt: skip
    finally:
        close_all(archives)


def read_credits(path: Path) -> dict[str, Credit]:
    """Credits by casefolded file name. Raises FeedsmithError when the columns are not there."""
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({error.strerror})", mend="check the path given with --credits"
        ) from error
    try:
        rows = csv.DictReader(io.StringIO(text))
        read, names = list(rows), rows.fieldnames
    except csv.Error as error:
        raise FeedsmithError(
            f"{path}: is no table ({error})", mend="give --credits a CSV file"
        ) from error
    if not {"file", "credit"} <= {name.strip().lower() for name in names or ()}:
        raise FeedsmithError(
            f"{path}: needs the columns file and credit in its first line",
            mend="columns: file,credit,licence,licence_url,source_url",
        )
    found: dict[str, Credit] = {}
    for row in read:
        cells = {
            (key or "").strip().lower(): value
            for key, value in row.items()
            if isinstance(value, str)
        }
        name, words = cells.get("file", "").strip(), cells.get("credit", "").strip()
        if name and words:
            base = name.replace("\\", "/").rpartition("/")[2].casefold()
            found[base] = Credit(
                text=words,
                licence=cells.get("licence", cells.get("license", "")).strip(),
                licence_url=cells.get("licence_url", cells.get("license_url", "")).strip(),
                source_url=cells.get("source_url", "").strip(),
            )
    return found


def _expanded(paths: Sequence[Path]) -> Iterator[Path]:
    """Patterns that no shell expanded, and folders that only hold zips, become their files."""
    for path in paths:
        if not path.exists() and glob.has_magic(str(path)):
            names = sorted(glob.glob(str(path)))  # noqa: PTH207  the pattern may be absolute
            yield from (Path(name) for name in names)
            if names:
                continue
        if path.is_dir():
            files = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
            if files and all(p.suffix.lower() == ".zip" for p in files):
                yield from files
                continue
        yield path


def _merged(
    posts: Sequence[PastPost],
    found: Sequence[Found],
    arrivals: Mapping[str, _Arrival],
    stands_for: Mapping[str, str],
    photos: Mapping[str, Photo],
) -> tuple[list[PastPost], int, int]:
    """The library's posts with those found: (posts, how many are new, how many were known).

    A post is known when one of the same second has the same caption or the same photos, or one
    of the same day has both: exports of different years and kinds bring the same posts again.
    """
    merged = {
        post.id: post.model_copy(update={"photos": _standing(post.photos, stands_for, photos)})
        for post in posts
    }
    seen: dict[tuple[Any, ...], str] = {}
    for post in merged.values():
        seen |= dict.fromkeys(_keys(post), post.id)
    fresh = known = 0
    for item in found:
        if not item.published:
            continue
        ids = [
            a.photo.id if a.photo else a.aside.id if a.aside else ""
            for m in item.media
            if (a := arrivals.get(m.key)) is not None
        ]
        post = _past_post(item, _standing(ids, stands_for, photos))
        if not (post.photos or post.videos or post.caption):
            continue
        same = next((seen[key] for key in _keys(post) if key in seen), None)
        if same is None:
            merged[post.id] = post
            fresh += 1
        else:
            known += 1
            if merged[same].source == post.source:  # a newer export knows an edited caption
                merged[same] = post.model_copy(update={"id": same})
            elif post.permalink and not merged[same].permalink:  # exports have none, the API has
                merged[same] = merged[same].model_copy(update={"permalink": post.permalink})
        seen |= dict.fromkeys(_keys(post), same or post.id)
    return list(merged.values()), fresh, known


def _past_post(item: Found, photos: tuple[str, ...]) -> PastPost:
    videos = tuple(media.name for media in item.media if media.video)
    gone = [Path(name).suffix.lower() in photo_file.VIDEO_SUFFIXES for name in item.missing]
    kind = item.kind or (
        "carousel"
        if len(item.media) + len(gone) > 1
        else "video"
        if videos or any(gone)
        else "photo"
    )
    tags = {folded(tag): tag for tag in (*hashtags(item.caption), *item.hashtags) if tag}
    when = _utc(item.posted_at)
    names = [] if item.caption and when else [*photos, *videos, *item.missing]
    key = "\n".join([when.isoformat() if when else "", item.caption, *names])
    return PastPost(
        id=hashlib.sha256(key.encode()).hexdigest()[:16],
        photos=photos,
        videos=videos,
        caption=item.caption,
        text=without_hashtags(item.caption),
        hashtags=tuple(tags.values()),
        mentions=mentions(item.caption),
        posted_at=when,
        kind=kind,
        alt_text=item.alt_text,
        source=item.source,
        permalink=item.permalink,
    )


def _keys(post: PastPost) -> list[tuple[Any, ...]]:
    """What makes two posts the same one."""
    keys: list[tuple[Any, ...]] = [("id", post.id)]
    if post.posted_at is not None:
        second = post.posted_at.replace(microsecond=0)
        if post.caption:
            keys.append(("caption", second, post.caption))
        if post.photos:
            keys.append(("photos", second, post.photos))
    if post.photos:
        day = post.posted_at.date() if post.posted_at else None
        keys.append(("day", day, post.photos, post.caption))
    return keys


def _standing(
    ids: Iterable[str], stands_for: Mapping[str, str], photos: Mapping[str, Photo]
) -> tuple[str, ...]:
    """The photos that stand for `ids` now, in order, each once."""
    kept: dict[str, None] = {}
    for start in ids:
        photo_id, steps = start, 0
        while photo_id in stands_for and steps < 100:
            photo_id, steps = stands_for[photo_id], steps + 1
        if photo_id in photos:
            kept[photo_id] = None
    return tuple(kept)


def _new_photos(
    found: Sequence[Found],
    arrivals: Mapping[str, _Arrival],
    known: dict[str, Photo],
    given: Mapping[str, Credit],
) -> dict[str, Photo]:
    """The photos not in `known` yet, with date and credit; those of known ones are brought up
    to date in place."""
    new: dict[str, Photo] = {}
    for post in found:
        for media in post.media:
            arrival = arrivals.get(media.key)
            if arrival is None or arrival.photo is None:
                continue
            photo_id = arrival.photo.id
            photo = new.get(photo_id) or known.get(photo_id) or arrival.photo
            taken = photo.taken_at or _utc(media.taken_at) or _utc(post.posted_at)
            credit = given.get(media.name.casefold()) or media.credit
            credit = credit or photo.credit or arrival.photo.credit
            photo = photo.model_copy(update={"taken_at": taken, "credit": credit})
            (known if photo_id in known else new)[photo_id] = photo
    return new


def _told_credits(count: int, photos: Sequence[Photo]) -> str:
    """That posts will name people, and whom most."""
    names = Counter(photo.credit.text for photo in photos if photo.credit is not None)
    most = min(names, key=lambda name: (-names[name], name))
    if count == 1:
        return f"1 photo names who made it (e.g. {most}); posts made with it will too"
    return f"{count} photos name who made them (e.g. {most}); posts made with them will too"


def _said_credit(data: bytes) -> Credit | None:
    """The credit that a file as it came asks for by itself."""
    text = photo_file.byline(data)
    return Credit(text=text) if text else None


def _unfit(name: str, seen: photo_file.Look) -> tuple[str, str]:
    """(reason, detail) for a picture that is no photo to work with; ("", "") for one that is."""
    header = seen.header
    if min(header.width, header.height) < SHORT_SIDE_MIN:
        return "thumbnail", (
            f"{header.width} x {header.height} pixels, the shorter side must be {SHORT_SIDE_MIN}"
        )
    if header.camera:
        return "", ""
    if header.says_screenshot or _SCREENSHOT_NAME.search(name):
        return "screenshot", "its name or its EXIF data says so"
    if seen.screen >= FLAT_SCREEN:
        return "screenshot", (
            f"{header.width} x {header.height} is a phone's screen, and {seen.screen:.0%} of it is flat"
        )
    return "", ""


_SCREENSHOT_NAME = re.compile(
    r"screen[\s_-]?shot|bildschirmfoto|captura[\s_-]de[\s_-](pantalla|tela|ecr)|schermata|"
    r"schermafbeelding|capture[\s_-]d.{1,3}cran|skärmbild|スクリーンショット|截屏|截图",
    re.IGNORECASE,
)


def _near_duplicates(
    photos: Mapping[str, Photo],
    new: Collection[str],
    pixels: Callable[[Photo, int], NDArray[np.uint8]],
    together: Sequence[set[str]],
) -> list[SetAside]:
    """Photos that another one stands for: the largest stays, whatever the order of import.

    Hashes within NEAR_BITS propose a pair (at least one of it new), miniatures decide it.
    """
    order = sorted(
        (p for p in photos.values() if p.phash), key=lambda p: (-p.width * p.height, p.id)
    )
    if not order:
        return []
    hashes = np.array([int(p.phash, 16) for p in order], dtype=np.uint64)
    fresh = np.array([p.id in new for p in order])
    gone: dict[str, SetAside] = {}
    small: dict[str, NDArray[np.float32] | None] = {}

    def miniature(photo: Photo) -> NDArray[np.float32] | None:
        if photo.id not in small:
            try:
                small[photo.id] = photo_file.miniature(pixels(photo, 128))
            except Refused:
                small[photo.id] = None
        return small[photo.id]

    for at, photo in enumerate(order):
        if photo.id in gone:
            continue
        bits = np.bitwise_count(hashes[at + 1 :] ^ hashes[at])
        near = (bits <= NEAR_BITS) & (fresh[at + 1 :] | fresh[at])
        for offset in np.flatnonzero(near):
            other = order[at + 1 + int(offset)]
            one, two = miniature(photo), miniature(other)
            if other.id in gone or one is None or two is None:
                continue
            difference = float(np.abs(one - two).mean())
            same_post = any({photo.id, other.id} <= ids for ids in together)
            if difference <= (SAME_POST_PIXELS if same_post else NEAR_PIXELS):
                gone[other.id] = SetAside(
                    name=other.name,
                    reason="near-duplicate",
                    detail=f"almost the same as {photo.name} ({photo.width} x {photo.height})",
                    id=other.id,
                    instead=photo.id,
                    file=_aside_file(other),
                )
    return list(gone.values())


def _aside_file(photo: Photo) -> str:
    return f"set-aside/{Path(photo.file).name}"


def _in_parallel(
    work: Callable[[Media], tuple[_Arrival, bool]], items: Sequence[Media], workers: int
) -> Generator[tuple[_Arrival, bool], None, None]:
    """Results as they come. On any error, Ctrl-C too, what is running ends and the rest is left."""
    pool = ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="import")
    running: set[Future[tuple[_Arrival, bool]]] = set()
    queue = iter(items)
    try:
        while True:
            while len(running) < 2 * workers and (item := next(queue, None)) is not None:
                running.add(pool.submit(work, item))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _noting(path: Path) -> Iterator[Callable[[_Arrival], None]]:
    """Append arrivals to `path` as they come; after a kill at most the last lines are lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab") as stream:
            count = 0

            def note(arrival: _Arrival) -> None:
                nonlocal count
                stream.write(b"\n" * (count == 0 and stream.tell() > 0))
                stream.write(arrival.model_dump_json().encode() + b"\n")
                count += 1
                stream.flush()
                if count % NOTED_EVERY == 0:
                    os.fsync(stream.fileno())

            yield note
    except OSError as error:
        if full_disk(error):
            raise no_room(path.parent, "what was imported so far is kept") from error
        raise


def _read(path: Path, kind: type[_V], torn: bool = False) -> list[_V]:
    """The values of a file with one a line. `torn` forgives lines that a kill cut short."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    values: list[_V] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values.append(kind.model_validate_json(line))
        except ValidationError as error:
            if torn:
                continue
            raise FeedsmithError(
                f"{path}: line {number} is damaged",
                mend="restore it from a backup, or move the library away and import again",
            ) from error
    return values


def _digest(found: Sequence[Found], how: tuple[object, ...]) -> str:
    """16 hex digits over the media and captions of an import, and how they are to be taken in."""
    digest = hashlib.sha256(repr(how).encode())
    for post in found:
        said = (post.source, str(post.posted_at), post.caption, [m.key for m in post.media])
        digest.update(repr((*said, post.missing, post.covers)).encode())
    return digest.hexdigest()[:16]


def _lines(values: Iterable[Value]) -> str:
    return "".join(value.model_dump_json() + "\n" for value in values)


def _age(post: PastPost) -> tuple[datetime, str]:
    return post.posted_at or _FIRST, post.id


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
