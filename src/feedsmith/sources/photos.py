"""Plain photos in a folder or zip, with or without a text file beside each.

Beside IMG_1.jpg the words may lie in IMG_1.txt, IMG_1.jpg.txt, IMG_1.json or IMG_1.jpg.json (also
Google Takeout's). A photo without words is taken as a photo, not as a post.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import PurePosixPath
from typing import Any

from feedsmith.errors import Refused
from feedsmith.photo_file import PHOTO_SUFFIXES, VIDEO_SUFFIXES
from feedsmith.sources import nothing_here
from feedsmith.sources.archive import Archive
from feedsmith.sources.caption import decode
from feedsmith.sources.found import Found, Media
from feedsmith.sources.moment import parse_date

_SIDECARS = (".txt", ".json", ".supplemental-metadata.json")
_WORDS = ("caption", "description", "text", "title")
_SIDECAR_BYTES_MAX = 2**20
_CAROUSEL_WORDS = 20
"""Neighbours that share a caption at least this long, and their name up to a number, are one post."""


class Photos:
    name = "photos"

    def recognises(self, archive: Archive) -> float:
        return 0.1 if any(_suffix(name) in PHOTO_SUFFIXES for name in archive.entries) else 0.0

    def find(
        self, archive: Archive, zone: tzinfo, beside: Sequence[Archive] = ()
    ) -> Iterator[Found]:
        names = sorted(
            (n for n in archive.entries if _suffix(n) in PHOTO_SUFFIXES | VIDEO_SUFFIXES),
            key=natural,
        )
        if not any(_suffix(name) in PHOTO_SUFFIXES for name in names):
            raise nothing_here(archive)
        post: Found | None = None
        last = ""
        for name in names:
            found = _one(archive, name, zone)
            if post is not None and _same_post(post, last, found, name):
                post = Found(
                    media=post.media + found.media, caption=post.caption,
                    posted_at=post.posted_at, source=self.name, alt_text=post.alt_text,
                )  # fmt: skip
            else:
                if post is not None:
                    yield post
                post = found
            last = name
        if post is not None:
            yield post


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which IMG_2 comes before IMG_10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part]


def _same_post(post: Found, last: str, found: Found, name: str) -> bool:
    def stem(path: str) -> str:
        return re.sub(r"[\s_\-(]*\d+\)?$", "", path.rpartition(".")[0])

    return (
        len(found.caption) >= _CAROUSEL_WORDS
        and found.caption == post.caption
        and stem(last) == stem(name)
    )


def _one(archive: Archive, name: str, zone: tzinfo) -> Found:
    caption, alt_text, when = "", "", None
    stem = name.rpartition(".")[0]
    for sidecar in (f"{base}{suffix}" for base in (name, stem) for suffix in _SIDECARS):
        if sidecar not in archive.entries:
            continue
        try:
            text = decode(archive.read(sidecar, _SIDECAR_BYTES_MAX))
        except Refused:
            continue
        if sidecar.endswith(".txt"):
            caption = text.strip()
        else:
            caption, alt_text, when = _from_json(text, zone)
        break
    video = _suffix(name) in VIDEO_SUFFIXES
    return Found(
        media=(Media(archive, name, video=video, taken_at=when),),
        caption=caption,
        posted_at=when if caption else None,
        source=Photos.name,
        alt_text=alt_text,
        published=bool(caption),
    )


def _from_json(text: str, zone: tzinfo) -> tuple[str, str, datetime | None]:
    """(caption, alt text, time) of a sidecar; empty where it says nothing."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "", "", None
    if not isinstance(value, dict):
        return "", "", None
    taken = value.get("photoTakenTime")
    if isinstance(taken, dict):  # Takeout: its title is the file's name
        when = parse_date(str(taken.get("timestamp", "")), zone)
        return str(value.get("description") or "").strip(), "", when
    caption = next((v for key in _WORDS if isinstance(v := value.get(key), str) and v.strip()), "")
    alt = value.get("alt_text") or value.get("alt") or ""
    return caption.strip(), str(alt).strip(), parse_date(_first(value), zone)


def _first(value: dict[str, Any]) -> str:
    keys = ("posted_at", "date", "taken_at", "timestamp", "created_at", "datetime")
    return next((str(value[key]) for key in keys if value.get(key)), "")


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
