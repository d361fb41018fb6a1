"""Marks: what a person says of single photos: a favourite, never to be used, what it really shows.

    library/marks.json    {"photos": {id: Mark}}; only photos somebody marked

The one place where this is kept: the studio writes it, the stages read it. Knows ids of photos, and
nothing of the photos themselves.
"""

import contextlib
import json
import threading
from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from feedsmith.errors import FeedsmithError
from feedsmith.files import made, write_json
from feedsmith.post import Value

try:
    import fcntl
except ImportError:  # Windows has no flock; there one process writes
    fcntl = None  # type: ignore[assignment]

NAME = "marks.json"
CLICKS_MAX = 40
"""Corrections of one photo's cut-out."""
STROKES_MAX, POINTS_MAX = 300, 4000
"""Strokes of the brush on one photo's cut-out, and points of all of them: 64 kB at most."""
RADIUS_MIN, RADIUS_MAX = 0.001, 0.2
"""Of a brush, in shares of the photo's longer side."""
KEYWORDS_MAX = 12
KEYWORD_MAX = 60
"""Keywords of one photo, and letters of one keyword."""
_HERE = threading.Lock()


class Mark(Value):
    """What is said of one photo."""

    favourite: bool = False
    never: bool = False
    """No post shows it, or anything made from it."""
    keywords: tuple[str, ...] | None = None
    """What it shows, in a person's words, the most important first; None: as it was read."""
    clicks: tuple[tuple[float, float, bool], ...] = ()
    """Corrections of its cut-out (design.cutout.Click)."""
    strokes: tuple[tuple[bool, float, tuple[tuple[float, float], ...]], ...] = ()
    """What was painted of its cut-out after them (design.cutout.Stroke)."""


def read(library: Path) -> dict[str, Mark]:
    """Photo id -> its mark. Raises FeedsmithError where the file is damaged: what must never be used
    would be used."""
    path = library / NAME
    try:
        rows = json.loads(path.read_text("utf-8"))["photos"]
        return {str(key): Mark.model_validate(value) for key, value in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({type(error).__name__})",
            mend="restore it from a backup, or move it away: favourites, corrected keywords and "
            "what must never be used are kept in it",
        ) from error


def never(library: Path) -> frozenset[str]:
    """Ids of the photos that must never be used."""
    return frozenset(key for key, mark in read(library).items() if mark.never)


def change(library: Path, ids: Collection[str], **changes: Any) -> None:
    """Change marks of these photos, e.g. never=True; of two who do so at once, both are heard."""
    with _alone(library):
        marks = read(library)
        for key in ids:
            marks[key] = Mark.model_validate({**marks.get(key, Mark()).model_dump(), **changes})
        kept = {key: m.model_dump(mode="json") for key, m in sorted(marks.items()) if m != Mark()}
        write_json(library / NAME, {"photos": kept})


def keywords(text: str) -> tuple[str, ...]:
    """Words as a person lists them, with commas or line by line. Raises FeedsmithError for too many."""
    parts = [" ".join(part.split()) for part in text.replace("\n", ",").split(",")]
    found = tuple(dict.fromkeys(part.lower() for part in parts if part))
    if len(found) > KEYWORDS_MAX or any(len(word) > KEYWORD_MAX for word in found):
        raise FeedsmithError(
            f"a photo has at most {KEYWORDS_MAX} keywords of {KEYWORD_MAX} letters",
            mend="keep those that matter most",
        )
    return found


def strokes(said: object) -> tuple[tuple[bool, float, tuple[tuple[float, float], ...]], ...]:
    """Strokes as they were sent: [[1 keeps or 0 takes out, radius, [[x, y], ...]], ...].

    Raises FeedsmithError for anything else, and for more than a photo may have."""
    rows = said if isinstance(said, list) else [None]
    found, count = [], 0
    for row in rows:
        match row:
            case [0 | 1 as inside, int() | float() as radius, list() as points]:
                count += len(points)
                places = tuple(_place(point) for point in points[: POINTS_MAX + 1])
                if None not in places and (not points or RADIUS_MIN <= radius <= RADIUS_MAX):
                    size = round(float(radius), 4) if points else RADIUS_MIN
                    found.append((inside == 1, size, places))
                    continue
        raise FeedsmithError("this is not what a brush paints", mend="reload the page, paint again")
    if len(found) > STROKES_MAX or count > POINTS_MAX:
        raise FeedsmithError(
            "this is more painting than one photo takes",
            mend="take some of it back, or start again with a larger brush",
        )
    return tuple(found)  # type: ignore[arg-type]  # no place is None


def _place(point: object) -> tuple[float, float] | None:
    """x and y, a little outside the photo at most: strokes go over its border."""
    match point:
        case [int() | float() as x, int() | float() as y] if all(
            -0.25 <= n <= 1.25 for n in (x, y)
        ):
            return round(float(x), 4), round(float(y), 4)
    return None


def digest(library: Path) -> str:
    """16 hex digits over what decides the content of posts; '' where nothing does."""
    said = {
        key: [mark.never, mark.keywords, mark.clicks, *([mark.strokes] if mark.strokes else [])]
        for key, mark in sorted(read(library).items())
        if mark.never or mark.keywords is not None or mark.clicks or mark.strokes
    }
    return sha256(json.dumps(said).encode()).hexdigest()[:16] if said else ""


@contextlib.contextmanager
def _alone(library: Path) -> Iterator[None]:
    """One writer at a time, in this process and among all."""
    made(library)
    with _HERE, (library / ".marks.lock").open("ab") as stream:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
