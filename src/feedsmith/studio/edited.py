"""Edited: the words that people gave posts in the studio, for commands that run without it.

Reads the studio's SQLite file itself, so that no command waits for Django; writes nothing. Knows the two tables of
models.drafts and models.brands by their columns.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from feedsmith.errors import FeedsmithError

_COLUMNS = (
    "SELECT d.folder, d.caption, d.hashtags, d.alt_text, d.scheduled_at, d.state, d.archived_at "
    "FROM studio_draft d JOIN studio_brand b ON b.id = d.brand_id WHERE b.root IN ('.', ?)"
)


class Edited(NamedTuple):
    """One post as it stands in the studio."""

    caption: str
    hashtags: tuple[str, ...]
    alt_texts: tuple[str, ...]
    at: datetime | None
    """UTC."""
    state: str
    archived: bool


def edited(home: Path) -> dict[str, Edited]:
    """Folder name of a post to what the studio in this brand's folder says of it; empty where none is.

    Raises FeedsmithError where there is one and it cannot be read.
    """
    file = home / "studio.db"
    if not file.is_file():
        return {}
    try:
        with contextlib.closing(
            sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as base:
            return dict(_rows(base, str(home.resolve())))
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise FeedsmithError(
            f"{file}: the words that were edited in the studio cannot be read ({error})",
            mend="start the studio once, which brings the file up to date, and try again",
        ) from error


def _rows(base: sqlite3.Connection, root: str) -> Iterator[tuple[str, Edited]]:
    for folder, caption, hashtags, alts, at, state, archived in base.execute(_COLUMNS, (root,)):
        yield (
            str(folder),
            Edited(
                str(caption), _texts(hashtags), _texts(alts),
                datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None,
                str(state), archived is not None,
            ),
        )  # fmt: skip


def _texts(said: Any) -> tuple[str, ...]:
    rows = json.loads(said) if said else []
    return tuple(str(row) for row in rows)
