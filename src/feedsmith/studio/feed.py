"""The feed's order: one draft put beside another. The highest position is the newest, top left."""

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models import Brand, Draft, Event, Person
from feedsmith.studio.models.drafts import STEP
from feedsmith.studio.once import Once

NARROW = 1e-6
"""Positions nearer than this are spread out again; halving STEP between two posts takes 29 moves
to come so near."""


def place(
    brand: Brand, number: int, *, before: int | None = None, after: int | None = None,
    person: Person | None = None,
) -> Draft:  # fmt: skip
    """Put a draft directly before another one of the feed (nearer to the top), or directly after it.

    Exactly one of `before`, `after` counts: `before` where both are given. Raises FeedsmithError
    where one of them is not the brand's, or both are the same.
    """
    with transaction.atomic():
        was = Draft.objects.filter(brand=brand, pk=number).values_list("position", flat=True)
        was_at = was.first()
        draft = beside(brand, number, before=before, after=after)
        if draft.position != was_at:
            words = f"before {before}" if before is not None else f"after {after}"
            Event.objects.create(
                brand=brand, draft=draft, person=person, verb="reordered", words=words
            )
        return draft


def beside(
    brand: Brand, number: int, *, before: int | None = None, after: int | None = None
) -> Draft:
    """The same, and nobody is told: for a post that was not there before. One that stands there
    already stays where it is."""
    reference = before if before is not None else after
    with transaction.atomic():
        rows = Draft.objects.select_for_update().filter(brand=brand)
        found = {row.pk: row for row in rows.filter(pk__in=(number, reference))}
        if reference == number or len(found) != 2:
            raise FeedsmithError(
                "these are not two posts of this brand", mend="reload the page and try again"
            )
        draft, other = found[number], found[reference or 0]
        if before is not None:
            near = (
                rows.exclude(pk=number)
                .filter(position__gt=other.position)
                .order_by("position", "pk")
                .first()
            )
            other_side = near.position if near is not None else other.position + 2 * STEP
        else:
            near = (
                rows.exclude(pk=number)
                .filter(position__lt=other.position)
                .order_by("-position", "-pk")
                .first()
            )
            other_side = near.position if near is not None else other.position - 2 * STEP
        if abs(other_side - other.position) < NARROW:
            _spread(rows)
            return beside(brand, number, before=before, after=after)
        if near is None and (draft.position > other.position) == (before is not None):
            return draft
        if min(other.position, other_side) < draft.position < max(other.position, other_side):
            return draft
        draft.position = (other.position + other_side) / 2
        draft.save(update_fields=["position", "updated_at"])
        return draft


def _spread(rows: QuerySet[Draft]) -> None:
    """The same order, STEP apart."""
    for place_, row in enumerate(rows.order_by("position", "pk").values_list("pk", flat=True), 1):
        Draft.objects.filter(pk=row).update(position=place_ * STEP)


def neighbours(draft: Draft) -> tuple[int | None, int | None]:
    """Numbers of the posts before and after this one in the feed, archived ones left out."""
    for before, after in _both(draft.pk):
        return before, after
    return None, None


@Once
def _both(number: int) -> QuerySet[Draft, tuple[int | None, int | None]]:
    own = OuterRef("position")
    feed = Draft.objects.filter(brand=OuterRef("brand")).exclude(state="archived")
    feed = feed.exclude(pk=OuterRef("pk"))
    before = feed.filter(position__gte=own).order_by("position", "pk").values("pk")[:1]
    after = feed.filter(position__lt=own).order_by("-position", "-pk").values("pk")[:1]
    draft = Draft.objects.filter(pk=number).order_by()
    return draft.values_list(Subquery(before), Subquery(after))
