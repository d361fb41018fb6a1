"""A folder (or zip) as the program instaloader leaves it.

Files are named by the post's second in UTC: 2024-06-22_10-48-46_UTC.jpg, _UTC_1.jpg, _UTC_2.jpg
for a carousel, .txt with the caption, .json or .json.xz with everything else. A still beside a
video is the video's cover. Pages: instaloader.github.io, "Filename Specification".
"""

import json
import lzma
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from feedsmith.errors import FeedsmithError, Refused
from feedsmith.photo_file import PHOTO_SUFFIXES, VIDEO_SUFFIXES
from feedsmith.sources import HOW_TO_EXPORT
from feedsmith.sources.archive import Archive
from feedsmith.sources.caption import decode
from feedsmith.sources.found import Found, Media

_FILE = re.compile(
    r"^(?P<post>(?:.*/)?(?P<when>\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)_UTC)(?:_(?P<number>\d+))?"
    r"(?P<suffix>\.[a-z0-9]+(?:\.xz)?)$",
    re.IGNORECASE,
)
_JSON_BYTES_MAX = 16 * 2**20


class Instaloader:
    name = "instaloader"

    def recognises(self, archive: Archive) -> float:
        media = [name for name in archive.entries if _is_media(name)]
        named = sum(_FILE.match(name) is not None for name in media)
        return 0.95 if named and named >= 0.5 * len(media) else 0.0

    def find(
        self, archive: Archive, zone: tzinfo, beside: Sequence[Archive] = ()
    ) -> Iterator[Found]:
        posts: dict[str, list[re.Match[str]]] = {}
        for name in archive.entries:
            match = _FILE.match(name)
            if match:
                posts.setdefault(match["post"], []).append(match)
        if not any(_is_media(match.string) for files in posts.values() for match in files):
            raise FeedsmithError(
                f"{archive.path}: an instaloader folder without photos", mend=HOW_TO_EXPORT
            )
        for post in sorted(posts):
            found = _one(archive, post, posts[post])
            if found is not None:
                yield found


def _one(archive: Archive, post: str, files: Sequence[re.Match[str]]) -> Found | None:
    by_number: dict[int, dict[str, str]] = {}
    caption = ""
    about: dict[str, Any] = {}
    for match in files:
        suffix = match["suffix"].lower()
        if suffix == ".txt" and match["number"] is None:
            try:
                caption = decode(archive.read(match.string)).strip()
            except Refused:
                continue
        elif suffix in (".json", ".json.xz"):
            about = about or _about(archive, match.string)
        elif suffix in VIDEO_SUFFIXES:
            by_number.setdefault(int(match["number"] or 0), {})["video"] = match.string
        elif suffix in PHOTO_SUFFIXES:
            by_number.setdefault(int(match["number"] or 0), {})["photo"] = match.string
    media: list[Media] = []
    covers: list[str] = []
    for number in sorted(by_number):
        part = by_number[number]
        if "video" in part:
            media.append(Media(archive, part["video"], video=True))
            if "photo" in part:
                covers.append(part["photo"].rpartition("/")[2])
        else:
            media.append(Media(archive, part["photo"]))
    caption = caption or _caption(about)
    if not media and not caption:
        return None
    shortcode = about.get("shortcode")
    expected = _expected(about)
    alt_text = about.get("accessibility_caption")
    return Found(
        media=tuple(media),
        caption=caption,
        posted_at=_when(files[0]["when"]),
        kind="story" if about.get("node_type") == "StoryItem" else "",
        source=Instaloader.name,
        permalink=f"https://www.instagram.com/p/{shortcode}/" if _is_code(shortcode) else "",
        alt_text=_own_words(alt_text),
        missing=tuple(
            f"{post.rpartition('/')[2]}_{number}"
            for number in range(1, expected + 1)
            if number not in by_number
        )
        if expected
        else ()
        if media
        else (post.rpartition("/")[2],),
        covers=tuple(covers),
    )


def _about(archive: Archive, name: str) -> dict[str, Any]:
    """The post's node with its node_type; {} when the file says nothing usable."""
    try:
        data = archive.read(name)
        if name.lower().endswith(".xz"):
            unpacker = lzma.LZMADecompressor(memlimit=64 * 2**20)
            data = unpacker.decompress(data, max_length=_JSON_BYTES_MAX)
        value = json.loads(decode(data))
    except (Refused, ValueError, RecursionError, lzma.LZMAError, EOFError):
        return {}
    node = value.get("node") if isinstance(value, dict) else None
    if not isinstance(node, dict):
        return {}
    kind = value.get("instaloader")
    return {**node, "node_type": kind.get("node_type") if isinstance(kind, dict) else None}


def _caption(about: dict[str, Any]) -> str:
    try:
        return str(about["edge_media_to_caption"]["edges"][0]["node"]["text"]).strip()
    except (KeyError, IndexError, TypeError):
        pass
    words = about.get("caption")
    phone = about.get("iphone_struct")
    if not words and isinstance(phone, dict):
        words = phone.get("caption")
    if isinstance(words, dict):
        words = words.get("text")
    return words.strip() if isinstance(words, str) else ""


def _expected(about: dict[str, Any]) -> int:
    """How many media the post says it has; 0 where it is no carousel."""
    try:
        return min(20, len(about["edge_sidecar_to_children"]["edges"]))
    except (KeyError, TypeError):
        return 0


def _own_words(alt_text: Any) -> str:
    """Alt text, unless Instagram's machine wrote it ("May be an image of ...")."""
    if not isinstance(alt_text, str) or re.search(
        r"may be an image|photo by .{1,80} on \w+ \d+", alt_text, re.I
    ):
        return ""
    return alt_text.strip()


def _is_code(shortcode: Any) -> bool:
    return isinstance(shortcode, str) and re.fullmatch(r"[\w-]{5,40}", shortcode) is not None


def _when(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d_%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_media(name: str) -> bool:
    suffix = "." + name.rpartition(".")[2].lower()
    return suffix in PHOTO_SUFFIXES or suffix in VIDEO_SUFFIXES
