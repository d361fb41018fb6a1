"""Shelf: the photos of a library as its page shows them: what they show, their colours, when and whence.

Reads the library's lists itself, and of each line only what a page needs: the stages that write them
bring numpy and networks, which the server does not hold (20,000 photos are 30 MB here).
"""

import colorsys
import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedsmith import marks
from feedsmith.marks import Mark

COLOURS = {
    "red": "#c0392b", "orange": "#d9822b", "yellow": "#d8b62c", "green": "#4f8a3c", "teal": "#2f8f8a",
    "blue": "#3f6fb5", "purple": "#7d5aa6", "pink": "#d17a9a", "brown": "#7a5538", "black": "#1c1c1c",
    "grey": "#8a8a86", "white": "#f1efe9",
}  # fmt: skip
"""Families of colours, each with the one that stands for it."""
SHARE = 0.18
"""Share of a photo's area from which it counts among a family."""
KEPT = 5000
"""Photos held of libraries beside the last one: 1.5 kB each, 7 MB."""
Stamps = tuple[tuple[int, int], ...]
"""Time and size of each list."""
THEMES = 14
"""Themes offered, the commonest."""
SOURCES = {
    "instagram-export": "Instagram", "instaloader": "Instaloader", "table": "A table", "photos": "Photos",
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One photo."""

    id: str
    file: str
    """Path inside the library's folder."""
    name: str
    width: int
    height: int
    words: tuple[str, ...]
    """What it shows; a person's words where they gave some."""
    read: tuple[str, ...]
    """As it was read."""
    colours: tuple[str, ...]
    palette: tuple[str, ...]
    date: str
    """ISO day it was taken or posted; '' where nobody knows."""
    source: str
    credit: str
    licence: str
    caption: str
    mark: Mark

    @property
    def called(self) -> str:
        """Its file's name, in words."""
        stem = Path(self.name).stem.replace("-", " ").replace("_", " ").strip()
        return stem or "A photo of the library"

    @property
    def alt(self) -> str:
        return ", ".join(self.words[:4]) or self.called


@dataclass(frozen=True)
class Asked:
    """What a page is asked to show; '' for everything."""

    theme: str = ""
    colour: str = ""
    date: str = ""
    """ "2026" or "2026-11"; "none" for photos without a date."""
    source: str = ""
    mark: str = ""
    """ "favourite" or "never"."""
    q: str = ""

    @property
    def fields(self) -> dict[str, str]:
        return {name: value for name, value in self.__dict__.items() if value}


def items(library: Path) -> list[Item]:
    """Every photo, the newest first. Raises FeedsmithError where the marks are damaged."""
    said = marks.read(library)
    bare = known(library).values()
    return [_marked(item, said[item.id]) if item.id in said else item for item in bare]


def item(library: Path, photo_id: str) -> Item | None:
    """One photo with its mark; None where there is none of this id."""
    found = known(library).get(photo_id)
    mark = marks.read(library).get(photo_id) if found is not None else None
    return _marked(found, mark) if found is not None and mark is not None else found


def known(library: Path) -> Mapping[str, Item]:
    """Id -> photo as it was read, without marks; empty where there is no library. The one reader of the
    library's lists in the server: read once, and again where one of them has changed."""
    files = ("photos.jsonl", "posts.jsonl", "traits.jsonl")
    return _shelves.of(library, tuple(_stamp(library / name) for name in files))


def chosen(all_items: Iterable[Item], asked: Asked) -> list[Item]:
    """Those that are like all that is asked."""
    wanted = asked.q.lower().split()[:8]
    return [
        item
        for item in all_items
        if (not asked.theme or asked.theme in item.words)
        and (not asked.colour or asked.colour in item.colours)
        and (
            not asked.date
            or item.date.startswith(asked.date)
            or (asked.date == "none" and not item.date)
        )
        and (not asked.source or item.source == asked.source)
        and (asked.mark != "favourite" or item.mark.favourite)
        and (asked.mark != "never" or item.mark.never)
        and all(word in _searched(item) for word in wanted)
    ]


def facets(shown: list[Item], asked: Asked) -> dict[str, list[tuple[str, int]]]:
    """Value and count of each facet, among the photos shown."""
    themes = Counter(word for item in shown for word in item.words)
    colours = Counter(colour for item in shown for colour in item.colours)
    length = 7 if len(asked.date) >= 4 and asked.date != "none" else 4
    dates = Counter(item.date[:length] or "none" for item in shown)
    sources = Counter(item.source for item in shown)
    return {
        "theme": sorted(themes.items(), key=lambda pair: (-pair[1], pair[0]))[:THEMES],
        "colour": [(name, colours[name]) for name in COLOURS if colours[name]],
        "date": sorted(dates.items(), key=lambda pair: (pair[0] != "none", pair[0]), reverse=True),
        "source": sorted(sources.items(), key=lambda pair: (-pair[1], pair[0])),
        "mark": [
            ("favourite", sum(item.mark.favourite for item in shown)),
            ("never", sum(item.mark.never for item in shown)),
        ],
    }  # fmt: skip


def family(colour: str) -> str:
    """The family of a colour #rrggbb."""
    r, g, b = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    hue, light, strong = colorsys.rgb_to_hls(r, g, b)
    spread = max(r, g, b) - min(r, g, b)
    if light < 0.16 or (light < 0.22 and spread < 0.1):
        return "black"
    if spread < 0.1:
        return "white" if light > 0.8 else "grey"
    degrees = hue * 360
    if light > 0.9 and strong < 0.5:
        return "white"
    if 12 <= degrees < 48 and light < 0.45 and strong < 0.75:
        return "brown"
    for until, name in ((16, "red"), (42, "orange"), (68, "yellow"), (160, "green"), (195, "teal"),
                        (255, "blue"), (300, "purple"), (345, "pink")):  # fmt: skip
        if degrees < until:
            return "pink" if name == "red" and light > 0.7 else name
    return "pink" if light > 0.7 else "red"


# ---- reading -----------------------------------------------------------------------------------


class _Shelves:
    """Libraries that were read: the last one, and others as long as all together have KEPT photos at most. With one
    alone, people of two brands made the server read both anew at each click."""

    def __init__(self) -> None:
        self._read: OrderedDict[Path, tuple[Stamps, dict[str, Item]]] = OrderedDict()
        self._alone = threading.Lock()

    def of(self, library: Path, stamps: Stamps) -> dict[str, Item]:
        with self._alone:
            known = self._read.get(library)
            if known is not None and known[0] == stamps:
                self._read.move_to_end(library)
                return known[1]
            self._read.pop(library, None)
        found = _read(library)
        with self._alone:
            self._read[library] = (stamps, found)
            self._read.move_to_end(library)
            held = sum(len(items) for _, items in self._read.values())
            while held > KEPT and len(self._read) > 1:
                held -= len(self._read.popitem(last=False)[1][1])
        return found


_shelves = _Shelves()


def _read(library: Path) -> dict[str, Item]:
    """The newest first."""
    posts: dict[str, tuple[str, str, str]] = {}
    for row in _rows(library / "posts.jsonl"):
        day = str(row.get("posted_at") or "")[:10]
        for photo in row.get("photos", ()):
            known = posts.get(photo)
            if known is None or (bool(row.get("text")), day) >= (bool(known[2]), known[0]):
                posts[photo] = (day, str(row.get("source", "")), str(row.get("text", "")))
    traits = {
        str(row.get("id")): (
            tuple(str(word["word"]) for word in row.get("words", ())),
            tuple((str(colour), float(share)) for colour, share in row.get("palette", ())),
        )
        for row in _rows(library / "traits.jsonl")
    }
    found = []
    for row in _rows(library / "photos.jsonl"):
        key = str(row["id"])
        day, source, caption = posts.get(key, ("", "photos", ""))
        words, palette = traits.get(key, ((), ()))
        shares: Counter[str] = Counter()
        for colour, share in palette:
            shares[family(colour)] += share  # type: ignore[assignment]
        credit = row.get("credit")
        credit = credit if isinstance(credit, dict) else {}
        try:
            width, height, file = int(row["width"]), int(row["height"]), str(row["file"])
        except (KeyError, TypeError, ValueError):
            continue
        found.append(
            Item(
                id=key, file=file, name=str(row.get("name", "")), width=width, height=height,
                words=words, read=words,
                colours=tuple(c for c, share in shares.most_common() if share >= SHARE),
                palette=tuple(colour for colour, _ in palette),
                date=str(row.get("taken_at") or "")[:10] or day, source=source,
                credit=str(credit.get("text", "")), licence=str(credit.get("licence", "")),
                caption=caption, mark=Mark(),
            )
        )  # fmt: skip
    found.sort(key=lambda item: (item.date, item.id), reverse=True)
    return {item.id: item for item in found}


def _marked(item: Item, mark: Mark) -> Item:
    words = item.read if mark.keywords is None else mark.keywords
    return Item(**{**item.__dict__, "words": words, "mark": mark})


def _searched(item: Item) -> str:
    return " ".join((*item.words, item.name, item.caption, item.credit)).lower()


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The lines of a list; damaged ones are the library's to tell, at the next import."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "id" in row:
            yield row


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)
