"""Origins: the photos that a data set is made from, in a brand's library or in any folder.

Knows files and what import found out about them; decodes nothing.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from feedsmith import marks
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError
from feedsmith.images.crop import FaceBox
from feedsmith.library import Library
from feedsmith.photo_file import PHOTO_SUFFIXES
from feedsmith.progress import Report, silent
from feedsmith.sources.caption import decode
from feedsmith.sources.photos import natural
from feedsmith.understanding import traits

CAPTION_BYTES_MAX = 2**20


class Origin(NamedTuple):
    """One photo and what is known of it."""

    file: str
    name: str
    """For people."""
    id: str = ""
    """As in the library; "" where the photo has to be read first."""
    caption: str = ""
    keywords: tuple[str, ...] = ()
    faces: tuple[FaceBox, ...] = ()
    subject: FaceBox | None = None
    """What stands out; None where nothing does, or where nobody has looked."""
    seen: bool = False
    """True where somebody has looked."""
    saliency: str = ""
    """File of its map; "" where there is none."""


def of_library(home: Home, report: Report = silent) -> list[Origin]:
    """The photos of a brand's library, oldest first, with the words of their posts.

    Photos that were never looked at are looked at now. Raises FeedsmithError when the library is
    empty or the brand has no brand.toml.
    """
    brand = home.load()
    library = Library(home.library)
    never = marks.never(library.root)  # what a model has seen it shows again
    photos = [photo for photo in library.photos() if photo.id not in never]
    if not photos:
        raise FeedsmithError(
            f"{home.library}: the library is empty",
            mend=f"bring photos in: feedsmith import {home.root} ~/Downloads/instagram-*.zip; "
            "or name a folder with --photos",
        )
    known = _seen(library)
    if any(photo.id not in known for photo in photos):
        traits.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
        known = _seen(library)
    found = []
    for photo in photos:
        post = library.post_of(photo.id)
        words, faces, subject = known.get(photo.id, ((), (), None))
        there = traits.map_path(library, photo.id)
        found.append(
            Origin(
                file=str(library.path(photo)),
                name=photo.name or photo.id,
                id=photo.id,
                caption=post.text if post is not None else "",
                keywords=words,
                faces=faces,
                subject=subject,
                seen=photo.id in known,
                saliency=str(there) if there.exists() else "",
            )
        )
    return found


def of_folder(folder: Path) -> list[Origin]:
    """The picture files in a folder and below, in the order of their names; IMG_1.txt beside
    IMG_1.jpg is its caption. Raises FeedsmithError when there are none."""
    if not folder.is_dir():
        what = (
            "is a file, where a folder of photos is needed" if folder.exists() else "is not there"
        )
        raise FeedsmithError(f"{folder}: {what}", mend="name a folder with photos in it")
    names = set(_files(folder))
    photos = [name for name in names if Path(name).suffix.lower() in PHOTO_SUFFIXES]
    if not photos:
        raise FeedsmithError(
            f"{folder}: no photos in it", mend="name a folder with JPEG, PNG, WebP or HEIC files"
        )
    found = []
    for name in sorted(photos, key=natural):
        beside = (f"{name}.txt", f"{name.rpartition('.')[0]}.txt")
        words = next((_words(folder / text) for text in beside if text in names), "")
        found.append(Origin(file=f"{folder}/{name}", name=name, caption=words))
    return found


def key(origins: Sequence[Origin], *settings: object) -> str:
    """Names a data set by all that decides what is in it: 64 hex digits.

    Files are told by name, size and time of change, so that 20,000 of them need not be read.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for origin in origins:
        digest.update(repr((tuple(origin), _stamp(origin.file))).encode("utf-8", "replace"))
    return digest.hexdigest()


_Seen = tuple[tuple[str, ...], tuple[FaceBox, ...], FaceBox | None]


def _seen(library: Library) -> dict[str, _Seen]:
    """Photo id to keywords, faces, subject."""
    return {
        found.id: (
            found.keywords,
            tuple(_sides(face) for face in found.faces),
            None if found.subject is None else _sides(found.subject),
        )
        for found in traits.each(library)
    }


def _sides(box: traits.Box) -> FaceBox:
    return box.left, box.top, box.right, box.bottom


def _stamp(file: str) -> tuple[int, int]:
    try:
        status = Path(file).stat()
    except OSError:
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def _files(folder: Path, inside: str = "") -> Iterator[str]:
    """Names of the files in a folder and below, as seen from it; without hidden ones, as .DS_Store."""
    with os.scandir(folder / inside) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder, f"{inside}{entry.name}/")
            elif entry.is_file():
                yield inside + entry.name


def _words(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return decode(stream.read(CAPTION_BYTES_MAX)).strip()
    except OSError:
        return ""
