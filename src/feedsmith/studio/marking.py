"""Marking: what a person says of a photo of the library, and the line of it in the activity."""

from typing import Any

from feedsmith import marks
from feedsmith.studio import shelf
from feedsmith.studio.models import Brand, Event, Person

SAID = {"favourite": "a favourite", "never": "never to be used"}


def change(brand: Brand, photo_id: str, person: Person | None, **changes: Any) -> shelf.Item | None:
    """Change `favourite`, `never` (bool) or `keywords` (marks.keywords' words; None: as they were read)
    of a photo; returns it as it is then, None where the library has no such photo."""
    before = shelf.item(brand.home.library, photo_id)
    if before is None:
        return None
    changed = {n: value for n, value in changes.items() if getattr(before.mark, n) != value}
    if not changed:
        return before
    marks.change(brand.home.library, [photo_id], **changed)
    said = [
        f"a photo {'as' if on else 'no longer as'} {SAID[name]}"
        for name, on in changed.items()
        if name in SAID
    ]
    if "keywords" in changed:
        own = changed["keywords"] is not None
        said.append(f"a photo with {'other keywords' if own else 'the keywords that were read'}")
    Event.objects.create(brand=brand, person=person, verb="marked", words=", ".join(said))
    return shelf.item(brand.home.library, photo_id)
