"""Tiles and lines of the grid, each drawn once a version of its post.

Drawing sixty of them anew was four fifths of a page's time. What was drawn is kept by all that can
change it (KEY), so nothing needs to be told when a post changes; knows no request and no person.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from django.template import Context, loader
from django.utils import timezone
from django.utils.safestring import SafeString

from feedsmith.studio.models import Brand, Draft
from feedsmith.studio.templatetags.look import zone_of

KEY = ("id", "version", "updated_at", "state", "asks", "favourite", "scheduled_at")
"""Columns of a draft that say whether it looks as it did. Words, crop and picture change the version."""
KEPT = 4000
"""Tiles in memory: 1.5 kB each, 6 MB."""
EAGER = 9
"""Pictures at the top of a page that are loaded at once."""

_drawn: OrderedDict[tuple[Any, ...], SafeString] = OrderedDict()
_alone = threading.Lock()


def drawn(brand: Brand, rows: Sequence[tuple[Any, ...]], part: str, top: bool) -> list[SafeString]:
    """HTML of these drafts (rows of KEY, of this brand) in their order; `part` is "tile", "line" or
    "beside"."""
    zone = zone_of(brand)
    today = str(timezone.now().astimezone(zone).date()) if part == "beside" else ""  # "yesterday"
    about = (brand.pk, str(brand.slug), str(zone), part, today)
    keys = [(*row, *about, top and at < EAGER) for at, row in enumerate(rows)]
    found: dict[tuple[Any, ...], SafeString] = {}
    with _alone:
        for key in keys:
            if key in _drawn:
                _drawn.move_to_end(key)
                found[key] = _drawn[key]
    missing = [key for key in keys if key not in found]
    if missing:
        found |= _draw(brand, missing, part)
    return [found[key] for key in keys if key in found]


def _draw(
    brand: Brand, keys: list[tuple[Any, ...]], part: str
) -> dict[tuple[Any, ...], SafeString]:
    drafts = Draft.objects.filter(brand=brand).defer("search").in_bulk([key[0] for key in keys])
    template = loader.get_template(f"studio/parts/{part}.html").template
    context = Context({"brand": brand, "beside": True}, use_l10n=False)
    new = {}
    for key in keys:
        draft = drafts.get(key[0])
        if draft is None:  # gone since the rows were read
            continue
        with context.push(draft=draft, eager=key[-1]):
            new[key] = template.render(context)
    # Changed since the rows were read: shown as it is now, and kept only under what it was read as.
    with _alone:
        for key, tile in new.items():
            if tuple(getattr(drafts[key[0]], name) for name in KEY) == key[: len(KEY)]:
                _drawn[key] = tile
        while len(_drawn) > KEPT:
            _drawn.popitem(last=False)
    return new
