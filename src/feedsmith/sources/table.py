"""A table of posts (CSV, TSV, JSON Lines, JSON) beside the photos it names.

Delimiter, encoding and columns are guessed: any delimiter of , ; tab |; UTF-8 with or without
byte order mark, UTF-16, Windows-1252; column names in the usual words, and where there is no
header, by what is in the columns.
"""

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from feedsmith.errors import FeedsmithError, Refused
from feedsmith.photo_file import PHOTO_SUFFIXES, VIDEO_SUFFIXES
from feedsmith.post import Credit
from feedsmith.sources.archive import LISTS, Archive
from feedsmith.sources.caption import decode, folded, hashtags
from feedsmith.sources.found import Found, Media
from feedsmith.sources.moment import parse_date

_MEDIA = PHOTO_SUFFIXES | VIDEO_SUFFIXES
_TABLES_MAX = 50
"""Tables looked at in one folder: sidecar files beside each photo are not tables."""
_COLUMNS = {
    "file": "file files filename image images img photo photos picture media path imagepath "
    "imagefile photofile mediafile mediapath imageurl mediaurl url src uri datei bild foto",
    "caption": "caption captions text description desc body message content posttext words "
    "beschreibung bildtext legende didascalia leyenda titel title",
    "hashtags": "hashtags hashtag tags tag",
    "date": "date datetime postedat takenat timestamp time created createdat published "
    "publishedat posted postdate datum fecha",
    "alt": "alttext alt altdescription accessibilitycaption accessibility",
    "kind": "kind type posttype mediatype",
    "permalink": "permalink link posturl instagramurl shortlink",
    "post": "postid post carousel carouselid group",
    "credit": "credit author photographer copyright",
    "licence": "licence license",
    "licence_url": "licenceurl licenseurl",
    "source_url": "sourceurl source",
}
_MEANING = {word: meaning for meaning, words in _COLUMNS.items() for word in words.split()}
_KINDS = {"story": "story", "stories": "story", "reel": "reel", "reels": "reel"}


class Table:
    name = "table"

    def recognises(self, archive: Archive) -> float:
        return 0.9 if any(rows.matches for rows in _tables(archive)) else 0.0

    def find(
        self, archive: Archive, zone: tzinfo, beside: Sequence[Archive] = ()
    ) -> Iterator[Found]:
        # Several tables in one folder are mostly one list saved several times: the best one counts.
        best = max(_tables(archive), key=lambda t: (t.matches, t.clean, t.name), default=None)
        if best is None or not best.matches:
            raise FeedsmithError(
                f"{archive.path}: no table here names a photo that is here",
                mend="one column must hold the photos' file names; put table and photos together",
            )
        post: Found | None = None
        last: tuple[str, ...] = ()
        for row in best.rows:
            found, key = _one(archive, row, zone)
            if found is None:
                continue
            if post is not None and key and key == last:
                post = _joined(post, found)
            else:
                if post is not None:
                    yield post
                post = found
            last = key
        if post is not None:
            yield post


class _Rows(NamedTuple):
    name: str
    rows: list[dict[str, Any]]
    """Meaning (as in _COLUMNS) to value."""
    matches: int
    """Rows whose file is there."""
    clean: int
    """Characters that are not question marks: an encoding that lost letters has more of those."""


def _tables(archive: Archive) -> list[_Rows]:
    stems = {name.rpartition(".")[0] for name in archive.entries if _suffix(name) in _MEDIA}
    candidates = [
        name
        for name in sorted(archive.entries, key=lambda n: (n.count("/"), n))
        if name.lower().endswith(LISTS)
        and (stem := name.rpartition(".")[0]) not in stems
        and stem not in archive.entries
    ]
    return [rows for name in candidates[:_TABLES_MAX] if (rows := _read(archive, name)) is not None]


def _read(archive: Archive, name: str) -> _Rows | None:
    try:
        text = decode(archive.read(name))
    except Refused:
        return None
    if "\0" in text[:1000]:
        return None
    if name.lower().endswith((".jsonl", ".ndjson", ".json")):
        raw = _json_rows(text)
    else:
        raw = _cells(archive, name, text)
    if not raw:
        return None
    rows = [row for values in raw if (row := _meant(values))]
    folder = name.rpartition("/")[0]
    matches = 0
    for row in rows:
        entries = [entry for n in _names(row) if (entry := archive.find(n, folder)) is not None]
        if entries:
            matches += 1
        row["folder"] = folder
    text = "".join(str(row.get("caption", "")) for row in rows)
    return _Rows(name, rows, matches, len(text) - 2 * text.count("?"))


def _json_rows(text: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        rows: list[dict[str, Any]] = []
        for line in text.split("\n"):  # not splitlines: U+2028 may stand inside a caption
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                if not rows:
                    return []
                continue  # one broken line does not cost the table
            if isinstance(row, dict):
                rows.append(row)
        return rows
    if isinstance(value, dict):
        lists = (part for part in value.values() if isinstance(part, list))
        value = next((part for part in lists if any(isinstance(i, dict) for i in part)), [value])
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _cells(archive: Archive, name: str, text: str) -> list[dict[str, Any]]:
    try:
        table = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter(text)) if row]
    except csv.Error:
        return []
    if not table:
        return []
    folder = name.rpartition("/")[0]
    first = table[0]
    if sum(_normal(cell) in _MEANING for cell in first) and not any(
        archive.find(cell, folder) for cell in first
    ):
        return [dict(zip(first, row, strict=False)) for row in table[1:]]
    # No header: the column of files is the one whose cells are there, the caption the longest.
    width = max(len(row) for row in table)
    columns = [[row[at] for row in table[:200] if at < len(row)] for at in range(width)]
    here = [sum(archive.find(cell, folder) is not None for cell in column) for column in columns]
    if not any(here):
        return [dict(zip(first, row, strict=False)) for row in table[1:]]
    file_at = here.index(max(here))
    lengths = [sum(map(len, column)) if at != file_at else -1 for at, column in enumerate(columns)]
    names = {file_at: "file"}
    if width > 1:
        names[lengths.index(max(lengths))] = "caption"
    return [{names[at]: cell for at, cell in enumerate(row) if at in names} for row in table]


def delimiter(text: str) -> str:
    """Of , ; tab and |: the one that cuts the first rows into the most equal number of cells."""
    best, score = ",", (0.0, 0)
    for delimiter in ",;\t|":
        try:
            rows = [
                row for row in csv.reader(io.StringIO(text[:20000]), delimiter=delimiter) if row
            ]
        except csv.Error:
            continue
        rows = rows[:-1] if len(text) > 20000 else rows
        width, often = Counter(len(row) for row in rows[:50]).most_common(1)[0] if rows else (1, 0)
        if width > 1 and (often / len(rows[:50]), width) > score:
            best, score = delimiter, (often / len(rows[:50]), width)
    return best


def _meant(row: dict[str, Any]) -> dict[str, Any]:
    """A row by meaning; of two columns with one meaning, the earlier word of _COLUMNS wins."""
    found: dict[str, tuple[int, Any]] = {}
    for column, value in row.items():
        word = _normal(str(column))
        meaning = _MEANING.get(word)
        if meaning is None or value in (None, "", []):
            continue
        rank = _COLUMNS[meaning].split().index(word)
        if meaning not in found or rank < found[meaning][0]:
            found[meaning] = (rank, value)
    return {meaning: value for meaning, (_, value) in found.items()}


def _normal(column: str) -> str:
    plain = unicodedata.normalize("NFKD", column.casefold())
    return re.sub(r"[^a-z]", "", plain)


def _names(row: dict[str, Any]) -> list[str]:
    """The file names in a row: one, a list, or several with ; or | between."""
    value = row.get("file")
    if isinstance(value, list):
        return [n for part in value for n in _names({"file": part})]
    if isinstance(value, dict):
        return _names(
            {"file": next((value[k] for k in value if _MEANING.get(_normal(k)) == "file"), "")}
        )
    text = str(value or "").strip()
    parts = [part.strip() for part in re.split(r"[;|\n]", text)]
    if len(parts) > 1 and all(_suffix(part) in _MEDIA for part in parts if part):
        return [part for part in parts if part]
    return [text] if text else []


def _one(
    archive: Archive, row: dict[str, Any], zone: tzinfo
) -> tuple[Found | None, tuple[str, ...]]:
    """(the post of a row, what it shares with the other rows of its carousel)."""
    credit = Credit(
        text=_word(row, "credit"),
        licence=_word(row, "licence"),
        licence_url=_word(row, "licence_url"),
        source_url=_word(row, "source_url"),
    )
    media: list[Media] = []
    missing: list[str] = []
    for name in _names(row):
        entry = archive.find(name, row.get("folder", ""))
        if entry is None:
            missing.append(name.rpartition("/")[2] or name)
        elif _suffix(entry) in _MEDIA:
            media.append(
                Media(
                    archive,
                    entry,
                    video=_suffix(entry) in VIDEO_SUFFIXES,
                    credit=credit if credit.text else None,
                )
            )
    caption = _word(row, "caption")
    when: datetime | None = parse_date(_word(row, "date"), zone)
    if not media and not missing and not caption:
        return None, ()
    said = {folded(tag) for tag in hashtags(caption)}
    tags = tuple(tag for tag in _hashtags(row.get("hashtags")) if folded(tag) not in said)
    found = Found(
        media=tuple(media),
        caption=caption,
        posted_at=when,
        kind=_KINDS.get(_word(row, "kind").lower(), ""),
        source=Table.name,
        permalink=_word(row, "permalink") if "://" in _word(row, "permalink") else "",
        alt_text=_word(row, "alt"),
        hashtags=tags,
        missing=tuple(missing),
        published=bool(caption or when or tags),
    )
    shared = (_word(row, "post"),) if "post" in row else (caption, _word(row, "date"))
    return found, shared if shared[0] else ()


def _joined(post: Found, more: Found) -> Found:
    """A carousel: neighbouring rows that share a post id, or caption and date."""
    known = {media.entry for media in post.media}
    return Found(
        media=post.media + tuple(m for m in more.media if m.entry not in known),
        caption=post.caption or more.caption,
        posted_at=post.posted_at or more.posted_at,
        kind=post.kind,
        source=post.source,
        permalink=post.permalink or more.permalink,
        alt_text=post.alt_text or more.alt_text,
        hashtags=tuple(dict.fromkeys((*post.hashtags, *more.hashtags))),
        missing=post.missing + more.missing,
        published=post.published or more.published,
    )


def _hashtags(value: Any) -> list[str]:
    if isinstance(value, list):
        return [tag for part in value for tag in _hashtags(str(part))]
    words = re.split(r"[\s,;|]+", str(value or "").strip("[] "))
    return [tag for word in words if (tag := word.strip("'\"").lstrip("#＃"))]


def _word(row: dict[str, Any], meaning: str) -> str:
    value = row.get(meaning)
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
