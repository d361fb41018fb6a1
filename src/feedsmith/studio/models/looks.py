"""Looks: when the figures of a post that is out are read, and what was read.

Planned once a post is out, one row an age, so that neither a kill nor a week without the studio loses one
or reads one twice. Knows rows; asks nobody (worker.figures).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.drafts import Draft
from feedsmith.studio.models.publications import LEASE

HOURS = (1, 24, 72, 168, 672)
"""Ages of a post at which its figures are read. 72 h is the age at which the report compares posts (learning.
factors.AGE), and what it gets comes on a logarithmic scale: an hour, a day, three days, a week, four weeks lie
about evenly on it, so that the value between two is known well. Each is two calls: ten a post in all."""
STORY_HOURS = (1, 20, 23)
"""The same for stories: the report compares them at 20 h, and Instagram has no figures after 24."""
STORY_ENDS = timedelta(hours=24)


class Look(models.Model):
    """One reading of one post's figures, to come or done."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="looks")
    account = models.CharField(max_length=40)
    """Instagram's number of it."""
    username = models.CharField(max_length=60, blank=True)
    media = models.CharField(max_length=40)
    """Instagram's number of the post."""
    hours = models.PositiveIntegerField()
    """One of HOURS or STORY_HOURS: how old the post is to be."""
    due = models.DateTimeField()
    begins_at = models.DateTimeField()
    """Not before: `due`, and later where Instagram asks to be left alone."""
    step = models.CharField(max_length=8, default="waiting")
    """waiting; fresh: read, and not in the brand's insights yet; read; passed: another one was due by then;
    gone: there is nothing to be read any more."""
    figures = models.JSONField(null=True)
    """Lines of the brand's insights, as they were read: {"published": ..., "reading": ...}."""
    read_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    said = models.CharField(max_length=400, blank=True)
    """What held it up last, or is missing."""
    lease = models.CharField(max_length=40, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("due", "pk")
        constraints = (
            models.UniqueConstraint(fields=("draft", "media", "hours"), name="one_look_an_age"),
        )
        indexes = (models.Index(fields=("step", "begins_at"), name="looks_to_come"),)

    def __str__(self) -> str:
        return f"{self.draft_id} at {self.hours} h"

    # ---- planning --------------------------------------------------------------------------------

    @classmethod
    def plan(cls, now: datetime) -> int:
        """Looks for what is out and has none yet; returns how many. Twice is once."""
        fresh = (
            Draft.objects.filter(
                state__in=("published", "archived"), looks=None, publications__step="published"
            )
            .exclude(media_id="")
            .distinct()
            .prefetch_related("publications")
            .defer("search")[:500]
        )
        rows: list[Look] = []
        for draft in fresh:
            sent = next((p for p in draft.publications.all() if p.step == "published"), None)
            if sent is None:
                continue
            out = sent.told.called_at or sent.due
            for hours in STORY_HOURS if draft.kind == "story" else HOURS:
                due = out + timedelta(hours=hours)
                rows.append(
                    cls(draft=draft, account=sent.account, username=sent.username, media=draft.media_id,
                        hours=hours, due=due, begins_at=due)
                )  # fmt: skip
        cls.objects.bulk_create(rows, ignore_conflicts=True)
        return len(rows)

    # ---- whose turn it is ------------------------------------------------------------------------

    @classmethod
    def heads(cls, now: datetime) -> list["Look"]:
        """What is due, the longest due first; of one post the latest age alone, since reading it twice at
        one moment says nothing more."""
        rows = cls.objects.filter(step="waiting", begins_at__lte=now).select_related("draft__brand")
        latest: dict[tuple[int, str], Look] = {}
        for row in rows.order_by("hours"):
            latest[row.draft_id, row.media] = row
        return sorted(latest.values(), key=lambda row: (row.due, row.pk))

    def claim(self, name: str, now: datetime) -> bool:
        """Take it into these hands; False where it is in others, or not due any more."""
        free = Q(lease__in=("", name)) | Q(leased_until__lt=now) | Q(leased_until=None)
        mine = Look.objects.filter(free, pk=self.pk, step="waiting", begins_at__lte=now)
        return bool(mine.update(lease=name, leased_until=now + LEASE))

    @classmethod
    def released(cls, name: str = "") -> None:
        """These hands are gone; without a name all of them, where a studio has one publisher."""
        rows = cls.objects.exclude(lease="")
        (rows.filter(lease=name) if name else rows).update(lease="", leased_until=None)

    # ---- how it ends -----------------------------------------------------------------------------

    def keep(self, name: str, step: str, **values: Any) -> bool:
        """Write down how it ended, where it is still in these hands; earlier ages of the post that were
        not read are passed, and where it is gone, the later ones are, too."""
        mine = Look.objects.filter(pk=self.pk, lease=name, step="waiting")
        if not mine.update(step=step, lease="", leased_until=None, **values):
            return False
        others = Look.objects.filter(draft=self.draft_id, media=self.media, step="waiting")
        if step == "gone":
            others.update(step="gone", said=values.get("said", ""))
        else:
            others.filter(hours__lt=self.hours).update(step="passed")
        return True

    def later(self, name: str, at: datetime, said: str, *, tries: int = 1) -> None:
        """Not before `at`; `tries`: how many are counted."""
        Look.objects.filter(pk=self.pk, lease=name).update(
            begins_at=at, said=said[:400], tries=self.tries + tries, lease="", leased_until=None
        )

    @classmethod
    def put_off(cls, account: str, until: datetime, said: str) -> None:
        """All of an account: it is left alone until then."""
        cls.objects.filter(account=account, step="waiting", begins_at__lt=until).update(
            begins_at=until, said=said[:400]
        )


def fresh() -> "models.QuerySet[Look]":
    """What was read and does not stand in the insights yet."""
    return Look.objects.filter(step="fresh").select_related("draft__brand")


def coming(brand: Brand) -> "models.QuerySet[Look]":
    return Look.objects.filter(draft__brand=brand, step="waiting").order_by("begins_at")


def of_post(draft: Draft) -> Iterable[Look]:
    """Those of its present place on Instagram, the youngest age first."""
    return draft.looks.filter(media=draft.media_id).order_by("hours")
