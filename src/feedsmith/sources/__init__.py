"""Importers: each finds the posts in one kind of thing that a user hands over.

An importer is a class with a `name`, `recognises` and `find` (see Source), registered as an entry
point in the group "feedsmith.sources"; ours register like anybody's. Sources know archives and
values, never the library.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from importlib.metadata import entry_points
from typing import NamedTuple, Protocol

from feedsmith.errors import FeedsmithError
from feedsmith.sources.archive import Archive
from feedsmith.sources.found import Found, Media

__all__ = ["Archive", "Found", "Group", "Media", "Source", "detect", "grouped"]

GROUP = "feedsmith.sources"


class Source(Protocol):
    """One kind of thing that posts can be imported from."""

    name: str
    """Stored with each post, e.g. "instagram-export"."""

    def recognises(self, archive: Archive) -> float:
        """How sure it is that the archive is its own, 0 (not) to 1 (certain)."""
        ...

    def find(
        self, archive: Archive, zone: tzinfo, beside: Sequence[Archive] = ()
    ) -> Iterator[Found]:
        """The posts in the archive, in its own order.

        `zone` is meant where the archive writes a time without one; `beside` holds the archive's
        other parts, which may hold its media. Raises FeedsmithError, naming what was found and
        what to do, when the archive is of its kind but of no use.
        """
        ...


class Group(NamedTuple):
    """An archive, its importer, and the other parts that may hold its media."""

    source: Source
    archive: Archive
    beside: tuple[Archive, ...] = ()


def detect(archive: Archive) -> Source:
    """The importer that knows this archive best. Raises FeedsmithError when none does."""
    return _detected(archive)[1]


def grouped(archives: Sequence[Archive], problem: Callable[[FeedsmithError], None]) -> list[Group]:
    """Put the parts of one export together; `problem` is told of archives that nobody knows.

    Of the archives that one importer recognises, those it is certain of list posts; the others
    are parts that hold media only.
    """
    known: list[tuple[float, Source, Archive]] = []
    for archive in archives:
        try:
            known.append((*_detected(archive), archive))
        except FeedsmithError as error:
            problem(error)
    groups: list[Group] = []
    for sure, source, archive in known:
        alike = [other for other in known if other[1].name == source.name]
        certain = any(other[0] >= 1 for other in alike)
        if sure >= 1 or not certain:
            beside = [other[2] for other in alike if other[2] is not archive] if certain else []
            groups.append(Group(source, archive, tuple(beside)))
    return groups


def _detected(archive: Archive) -> tuple[float, Source]:
    best: tuple[float, Source] | None = None
    for kind in _registered():
        source = kind()
        sure = source.recognises(archive)
        if sure > 0 and (best is None or sure > best[0]):
            best = (sure, source)
        if sure >= 1:
            break  # no need to let the others open private files
    if best is None:
        raise nothing_here(archive)
    return best


def nothing_here(archive: Archive) -> FeedsmithError:
    """The error for an archive without a single photo."""
    what = "zip" if archive.is_zip else "folder"
    if not archive.entries:
        return FeedsmithError(f"{archive.path}: this {what} is empty", mend=HOW_TO_EXPORT)
    zips = sum(name.lower().endswith(".zip") for name in archive.entries)
    if zips:
        return FeedsmithError(
            f"{archive.path}: no photos in this {what}, but {zips} zip file(s) inside it",
            mend="unpack it and name the zip files themselves",
        )
    return FeedsmithError(
        f"{archive.path}: no photos in this {what} (found {archive.kinds()})", mend=HOW_TO_EXPORT
    )


HOW_TO_EXPORT = (
    "name a folder with photos, or the zip that Instagram sends: Accounts Centre > Your "
    "information and permissions > Export your information; choose Posts, format JSON"
)


def _registered() -> list[type[Source]]:
    """Every installed importer, by name."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    return [found[name].load() for name in sorted(found)]
