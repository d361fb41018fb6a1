"""Cursors: where a list goes on. Opaque to who uses them; they stay right when rows are added."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from django.db.models import QuerySet
from ninja import Query

from feedsmith.studio.api.refusals import Unfit

Cursor = Annotated[
    str, Query(max_length=200, description="`next` of the page before; left away: the first page.")
]
Row = Any  # of a model: Django has no types


def write(*place: float | str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read(cursor: str, *kinds: type) -> list[Any]:
    """What was written, each of its kind. Raises Unfit for what was never written by us."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _strange() from error
    fits = isinstance(place, list) and len(place) == len(kinds)
    if not fits or not all(type(part) is kind for part, kind in zip(place, kinds, strict=True)):
        raise _strange()
    if any(isinstance(part, int | float) and not abs(part) < 2**63 for part in place):
        raise _strange()
    return place


def _strange() -> Unfit:
    return Unfit("this cursor is not one that was given out", mend="begin again without a cursor")


def newest_first(
    rows: "QuerySet[Row]", cursor: str, limit: int
) -> tuple[Sequence[Row], str | None]:
    """Rows by falling id from the cursor on, and the next cursor."""
    if cursor:
        (last,) = read(cursor, int)
        rows = rows.filter(pk__lt=last)
    return page(rows.order_by("-pk"), limit, lambda row: (row.pk,))


def page(
    rows: "QuerySet[Row]", limit: int, place: Callable[[Row], tuple[float | str, ...]]
) -> tuple[Sequence[Row], str | None]:
    """The first `limit` of the rows, and a cursor at the last of them where more follow."""
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return shown, write(*place(shown[-1])) if len(found) > limit else None
