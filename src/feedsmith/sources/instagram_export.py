"""The export that Instagram sends: zip or folder, JSON of 2019, 2022 and 2024, or HTML.

Where the files lie, by the year of the export:
- 2024: your_instagram_activity/media/posts_1.json (also .../content/posts_1.json)
- 2022: content/posts_1.json
- 2019: media.json
- HTML: the same places, posts_1.html
Media are named relative to the export's root. Messages, comments and other people's data are
never opened.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Any

from feedsmith.errors import FeedsmithError, Refused
from feedsmith.photo_file import VIDEO_SUFFIXES
from feedsmith.sources import HOW_TO_EXPORT
from feedsmith.sources.archive import Archive
from feedsmith.sources.caption import decode, mend
from feedsmith.sources.found import Found, Media

_PLACE = re.compile(
    r"^(?P<root>(?:.*/)?)(?:your_instagram_activity/)?(?:content|media)/"
    r"(?P<what>posts|stories|reels|archived_posts|other_content|igtv_videos)(?:_\d+)?"
    r"\.(?P<kind>json|html)$",
    re.IGNORECASE,
)
_OLD = re.compile(r"^(?P<root>(?:.*/)?)media(?:_\d+)?\.json$", re.IGNORECASE)
_MARKS = re.compile(
    r"(^|/)(your_instagram_activity|connections/followers_and_following|personal_information"
    r"|logged_information|ads_information|apps_and_websites_off_of_instagram"
    r"|media/(posts|stories|reels|other|archived_posts|profile)/\d{6})/"
)
_KINDS = {"stories": "story", "reels": "reel", "igtv_videos": "reel", "archived_posts": "archived"}
_OLD_KINDS = {"photos": "", "videos": "", "stories": "story", "reels": "reel"}


class InstagramExport:
    name = "instagram-export"

    def recognises(self, archive: Archive) -> float:
        if any(_PLACE.match(name) for name in archive.entries):
            return 1.0
        if any(_OLD.match(name) and _is_old(archive, name) for name in archive.entries):
            return 1.0
        return 0.7 if any(_MARKS.search(name) for name in archive.entries) else 0.0

    def find(
        self, archive: Archive, zone: tzinfo, beside: Sequence[Archive] = ()
    ) -> Iterator[Found]:
        listings = _listings(archive)
        if not listings:
            raise FeedsmithError(
                f"{archive.path}: an Instagram export without posts (found {archive.kinds()})",
                mend="if Instagram sent several zip files, name them all at once; else ask for it "
                'again with "Posts" ticked, format JSON',
            )
        where = (archive, *beside)
        some = False
        for name, root, what, kind in listings:
            data = archive.read(name)
            if kind == "html":
                posts = _from_html(data, zone)
            elif what == "old":
                posts = _from_2019(name, data)
            else:
                posts = _from_json(name, data)
            for post in posts:
                found = _located(post, where, root, _KINDS.get(what, post.kind))
                some = some or bool(found.media)
                yield found
        if not some:
            raise FeedsmithError(
                f"{archive.path}: this export lists posts, but none of their photos and videos "
                "are in it",
                mend="if Instagram sent several zip files, name them all at once; else "
                + HOW_TO_EXPORT,
            )


class _Written:
    """A post as the export writes it down, before its files are looked up."""

    __slots__ = ("caption", "kind", "posted_at", "uris")

    def __init__(
        self, uris: list[str], caption: str, posted_at: datetime | None, kind: str = ""
    ) -> None:
        self.uris, self.caption, self.posted_at, self.kind = uris, caption, posted_at, kind


def _listings(archive: Archive) -> list[tuple[str, str, str, str]]:
    """(entry, root folder, what it lists, json or html); posts first, JSON before HTML."""
    found: list[tuple[str, str, str, str]] = []
    for name in archive.entries:
        match = _PLACE.match(name)
        if match:
            root, what = match["root"].rstrip("/"), match["what"].lower()
            found.append((name, root, what, match["kind"].lower()))
        else:
            old = _OLD.match(name)
            if old and _is_old(archive, name):
                found.append((name, old["root"].rstrip("/"), "old", "json"))
    if any(kind == "json" for *_, kind in found):
        found = [listing for listing in found if listing[3] == "json"]
    order = ["posts", "old", "archived_posts", "other_content", "reels", "igtv_videos", "stories"]
    return sorted(found, key=lambda listing: (order.index(listing[2]), _numbered(listing[0])))


def _numbered(name: str) -> tuple[str, int, str]:
    """Sorts posts_2 before posts_10."""
    match = re.search(r"_(\d+)\.\w+$", name)
    return (name[: match.start()], int(match[1]), name) if match else (name, 0, name)


def _is_old(archive: Archive, name: str) -> bool:
    """True where media.json is the export's: lists under photos, videos or stories."""
    try:
        start = archive.read(name)
    except Refused:
        return False
    try:
        value = json.loads(decode(start))
    except (ValueError, RecursionError):
        return b'"taken_at"' in start
    return isinstance(value, dict) and any(
        isinstance(value.get(key), list) for key in ("photos", "videos", "stories")
    )


def _parsed(name: str, data: bytes) -> Any:
    try:
        return json.loads(decode(data))
    except (ValueError, RecursionError) as error:
        raise FeedsmithError(
            f"{name}: not readable as JSON ({str(error)[:80]})",
            mend="download the export again; a broken download is the usual cause",
        ) from error


def _from_json(name: str, data: bytes) -> Iterator[_Written]:
    """Posts of 2022 and later: an array, or an object that holds one; stories hold bare media."""
    value = _parsed(name, data)
    if isinstance(value, dict) and "media" not in value:
        items = [item for part in value.values() if isinstance(part, list) for item in part]
    elif isinstance(value, dict):
        items = [value]
    else:
        items = value if isinstance(value, list) else []
    for item in items:
        if not isinstance(item, dict):
            continue
        media = item.get("media")
        media = media if isinstance(media, list) else [item] if "uri" in item else []
        parts = [part for part in media if isinstance(part, dict) and _text(part, "uri")]
        caption = _text(item, "title") or next(
            (title for part in parts if (title := _text(part, "title"))), _labelled(item)
        )
        when = _moment(item.get("creation_timestamp") or item.get("timestamp"))
        for part in parts:
            when = when or _moment(part.get("creation_timestamp"))
        if parts or caption:
            yield _Written([_text(part, "uri") for part in parts], mend(caption).strip(), when)


def _labelled(item: dict[str, Any]) -> str:
    """The caption where a file lists it among "label_values"."""
    labels = item.get("label_values")
    for label in labels if isinstance(labels, list) else ():
        if isinstance(label, dict) and _text(label, "label").lower() == "caption":
            return _text(label, "value")
    return ""


def _from_2019(name: str, data: bytes) -> Iterator[_Written]:
    """media.json: one line a file; the files of a carousel share their second."""
    value = _parsed(name, data)
    by_moment: dict[str, _Written] = {}
    for section, kind in _OLD_KINDS.items():
        items = value.get(section) if isinstance(value, dict) else None
        rows = items if isinstance(items, list) else []
        for row in (row for row in rows if isinstance(row, dict) and _text(row, "path")):
            when = _iso(_text(row, "taken_at"))
            caption = mend(_text(row, "caption")).strip()
            key = when.isoformat() if when and not kind else _text(row, "path")
            post = by_moment.get(key)
            if post is None:
                by_moment[key] = _Written([_text(row, "path")], caption, when, kind)
            elif caption and post.caption and caption != post.caption:
                by_moment[_text(row, "path")] = _Written([_text(row, "path")], caption, when, kind)
            elif caption and not post.caption:
                # Newest first: the one with the words, which leads the carousel, comes last.
                post.uris.insert(0, _text(row, "path"))
                post.uris[1:] = reversed(post.uris[1:])
                post.caption = caption
            else:
                post.uris.append(_text(row, "path"))
    yield from by_moment.values()


def _located(post: _Written, where: Sequence[Archive], root: str, kind: str) -> Found:
    media: list[Media] = []
    missing: list[str] = []
    for uri in dict.fromkeys(post.uris):
        for archive in where:
            entry = archive.find(uri, root)
            if entry is not None:
                video = PurePosixPath(entry).suffix.lower() in VIDEO_SUFFIXES
                media.append(Media(archive, entry, video=video))
                break
        else:
            missing.append(uri.rpartition("/")[2])
    return Found(
        media=tuple(media),
        caption=post.caption,
        posted_at=post.posted_at,
        kind=kind or post.kind,
        source=InstagramExport.name,
        missing=tuple(missing),
    )


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    return text if isinstance(text, str) else ""


def _moment(value: Any) -> datetime | None:
    """Seconds since 1970 (milliseconds in some files), as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


# HTML -------------------------------------------------------------------------------------------

_MONTHS = {
    month: number
    for names in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "janv févr mars avr mai juin juil août sept oct nov déc",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
    )
    for number, month in enumerate(names.split(), 1)
}
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])?\.?\s*m?\.?", re.IGNORECASE)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)


def _from_html(data: bytes, zone: tzinfo) -> Iterator[_Written]:
    """Each post is a white box: its caption, its media, its date, in this order."""
    reader = _Boxes()
    reader.feed(decode(data))
    reader.close()
    for texts, uris in reader.boxes:
        when: datetime | None = None
        words = list(texts)
        while words and when is None and words[-1][1]:
            when = _html_date(words[-1][0], zone)
            if when is not None:
                words.pop()
                break
            words.pop()
        caption = next((text for text, after in words if not after), "")
        if uris:
            yield _Written(uris, mend(caption).strip(), when)


class _Boxes(HTMLParser):
    """Collects (texts, media) of every outermost box; texts carry whether media came before."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.boxes: list[tuple[list[tuple[str, bool]], list[str]]] = []
        self._depth = 0
        self._box_at: int | None = None
        self._table_at: int | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "br":
            self._text.append("\n")
        if tag in _VOID:
            if tag in ("img", "source"):
                self._take(values.get("src"))
            return
        self._depth += 1
        if self._box_at is None:
            classes = (values.get("class") or "").split()
            if tag == "div" and ("uiBoxWhite" in classes or "_a6-g" in classes):
                self._box_at = self._depth
                self.boxes.append(([], []))
            return
        if tag in ("div", "td", "tr", "header", "h1", "h2", "h3"):
            self._flush()
        if tag == "table" and self._table_at is None:
            self._table_at = self._depth
        if tag == "a":
            self._take(values.get("href"))
        elif tag == "video":
            self._take(values.get("src"))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if tag in ("div", "td", "tr", "header", "h1", "h2", "h3", "table"):
            self._flush()
        if self._table_at is not None and self._depth <= self._table_at:
            self._table_at = None
        if self._box_at is not None and self._depth <= self._box_at:
            self._box_at = None
        self._depth = max(0, self._depth - 1)

    def handle_data(self, data: str) -> None:
        if self._box_at is not None:
            self._text.append(data)

    def _flush(self) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        # Tables hold camera settings and places, not words of the brand.
        if text and self._box_at is not None and self._table_at is None:
            texts, uris = self.boxes[-1]
            texts.append((text, bool(uris)))

    def _take(self, uri: str | None) -> None:
        if not uri or self._box_at is None or "://" in uri or uri.startswith(("#", "mailto:")):
            return
        suffix = PurePosixPath(uri).suffix.lower()
        if suffix in ("", ".srt", ".html", ".json"):
            return
        self._flush()
        uris = self.boxes[-1][1]
        if uri not in uris:
            uris.append(uri)


def _html_date(text: str, zone: tzinfo) -> datetime | None:
    """ "Jul 28, 2024 07:56 pm" and the like in seven languages, in the account's own zone."""
    if len(text) > 60:
        return None
    time = _TIME.search(text)
    rest = text[: time.start()] + " " + text[time.end() :] if time else text
    year = re.search(r"\b(20\d\d)\b", rest)
    if year is None:
        return None
    day = re.search(r"\b(\d{1,2})\b", rest[: year.start()] + " " + rest[year.end() :])
    month = next(
        (_MONTHS[word] for word in re.findall(r"[^\W\d_]+", rest.lower()) if word in _MONTHS), None
    )
    if day is None or month is None:
        return None
    hour, minute = (int(time[1]), int(time[2])) if time else (12, 0)
    if time and time[3]:
        hour = hour % 12 + (12 if time[3].lower() == "p" else 0)
    try:
        local = datetime(int(year[1]), month, int(day[1]), hour, minute, tzinfo=zone)
    except ValueError:
        return None
    return local.astimezone(UTC)
