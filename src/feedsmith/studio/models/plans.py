"""Plans brought in: what is to go out when and is not made yet, and the rhythm that a plan means."""

from datetime import date, datetime
from typing import Any

from django.db import models

from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.drafts import Draft
from feedsmith.studio.models.people import Person


class Plan(models.Model):
    """A file that `feedsmith plan` wrote, or a person."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="plans")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True)
    name = models.CharField(max_length=120)
    brought_at = models.DateTimeField(auto_now_add=True)
    first = models.DateField()
    last = models.DateField()
    """Days of its first and its last post, in the brand's zone."""
    weekdays = models.JSONField(default=list)
    """Days of the week with posts, Monday 0: those of at least half of its weeks."""
    per_week = models.PositiveSmallIntegerField(default=0)
    """Posts of a usual week."""

    class Meta:
        ordering = ("brought_at", "id")

    def __str__(self) -> str:
        return str(self.name)


class Planned(models.Model):
    """One post of a plan; `draft` once it is made."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="planned")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField()
    """UTC; where it stands on the calendar now."""
    written_at = models.DateTimeField()
    """Where the file put it: by this it is known again."""
    kind = models.CharField(max_length=12)
    theme = models.CharField(max_length=200, blank=True)
    headline = models.CharField(max_length=300, blank=True)
    brief = models.JSONField()
    """All of it, as feedsmith.post.Brief."""
    waits = models.CharField(max_length=200, blank=True)
    """What a person must fill in before it can be made."""
    draft = models.OneToOneField(
        Draft, on_delete=models.SET_NULL, null=True, related_name="planned"
    )

    class Meta:
        ordering = ("at", "id")
        indexes = (models.Index(fields=("brand", "at"), name="planned_by_day"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"

    @property
    def version(self) -> int:
        """Its time in seconds: all of it that can change."""
        return int(self.at.timestamp())

    @property
    def about(self) -> str:
        """What it is about, in a few words."""
        offer: dict[str, Any] = self.brief.get("offer", {})
        return str(self.headline or self.theme or offer.get("text") or offer.get("name") or "")


def rhythm(plans: "list[Plan]", day: date) -> Plan | None:
    """The plan whose rhythm holds on that day: of several the one brought in last."""
    return next((plan for plan in reversed(plans) if plan.first <= day <= plan.last), None)


def meet(draft: Draft, at: datetime | None) -> datetime | None:
    """A post was made that was planned for `at`: its slot on the calendar becomes this draft.

    Returns when it goes out: where the slot is now, if somebody has moved it since.
    """
    if at is None:
        return None
    open_slots = Planned.objects.filter(brand=draft.brand, draft=None, kind=draft.kind)
    slot = open_slots.filter(at=at).first() or open_slots.filter(written_at=at).first()
    if slot is None:
        return at
    Planned.objects.filter(pk=slot.pk).update(draft=draft)
    return slot.at
