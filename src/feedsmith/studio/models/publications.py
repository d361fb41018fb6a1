"""Publications: a post on its way to an account, as it was last written down, and whose hands it is in.

An attempt and its post change in one transaction, so that they never disagree. Knows values and rows; sends
nothing (worker.publishing). Of several publishers one works on a publication: whoever has its lease, which
each writing down asks for again, so that who lost it sends nothing more.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.publishing.attempt import Attempt, Sending
from feedsmith.publishing.hosting import Hosted
from feedsmith.publishing.publisher import USUAL, Policy, begins
from feedsmith.studio import states
from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.drafts import Draft, Event
from feedsmith.studio.models.people import Person

LEASE = timedelta(minutes=5)
"""How long a publication belongs to who took it last, and renews it while at it; after that whoever had it is
gone. Longer than a pause of the machine, or of the database."""
QUIET = timedelta(seconds=45)
"""Without a sign of life (worker.publisher.BEAT_EVERY) it is said that something is wrong."""
GONE = timedelta(minutes=10)
"""So long without one, and its studio is gone, too."""
TOLD = timedelta(hours=6)
"""So long it is said that a publisher ended in the midst of its work."""
KEPT = timedelta(days=7)
STOPPABLE = ("waiting", "making", "processing")
"""Steps before which nothing is public, and nothing was called that makes it so."""
TITLES = {"late": "Missed its time", "unknown": "Not sure", "account": "Waits for its account"}
IN_STEPS = {
    "waiting": "Waits for its time",
    "making": "Instagram fetches its files",
    "processing": "Instagram looks at its files",
    "publishing": "Being published",
    "published": "Published",
    "failed": "Not published",
}


class Taken(FeedsmithError):
    """It is in other hands now, or was stopped: nothing more is sent."""


class Publication(models.Model):
    """One post sent at one time to one account. A post that is sent again has another."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="publications")
    account = models.CharField(max_length=40)
    """Instagram's number of it."""
    username = models.CharField(max_length=60, blank=True)
    version = models.PositiveIntegerField()
    """Of the draft when it was begun; another time on the calendar is another version."""
    attempt = models.JSONField()
    """publishing.attempt.Attempt; the columns below say the same, to be looked for."""
    step = models.CharField(max_length=12)
    due = models.DateTimeField()
    begins_at = models.DateTimeField(db_index=True)
    """When there is something to do next."""
    over = models.BooleanField(default=False)
    sending = models.JSONField(null=True)
    """publishing.attempt.Sending; None until it is settled."""
    repairs = models.JSONField(default=list)
    """What was mended in copies of its files, a sentence each."""
    hosted = models.JSONField(default=list)
    """publishing.hosting.Hosted of each file that Instagram fetches, until it is taken away."""
    lease = models.CharField(max_length=40, blank=True)
    leased_until = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    """When a person said what is to become of one that asked."""
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=("draft", "version"), name="one_publication_a_time"),
            models.UniqueConstraint(
                fields=("draft",), condition=Q(over=False), name="one_publication_at_once"
            ),
        )
        indexes = (models.Index(fields=("over", "account", "due"), name="in_turn"),)

    def __str__(self) -> str:
        return f"{self.draft_id}.{self.version}"

    # ---- what it is --------------------------------------------------------------------------

    @property
    def told(self) -> Attempt:
        return Attempt.model_validate(self.attempt)

    @property
    def settled(self) -> Sending | None:
        return Sending.model_validate(self.sending) if self.sending is not None else None

    @property
    def asks(self) -> bool:
        """True while a person must say what is to be done; a late one may be answered by any other
        step of its post, too."""
        open_ = self.step == "asking" and self.answered_at is None
        return open_ and self.draft.state in ("publishing", "failed")

    @property
    def stoppable(self) -> bool:
        return not self.over and self.step in STOPPABLE and not self.told.calls

    @property
    def title(self) -> str:
        """How it stands, for people."""
        if why := self.told.why:
            return TITLES[why]
        return IN_STEPS[str(self.step)]

    # ---- whose turn it is --------------------------------------------------------------------

    @classmethod
    def begin(
        cls, draft: Draft, account: str, username: str, now: datetime
    ) -> "Publication | None":
        """Take a scheduled post up, as it was seen: from now on its words stay. None where it was
        changed in between."""
        with transaction.atomic():
            row = Draft.held(draft.pk)
            seen = (row.state, row.version, row.account) == (
                "scheduled",
                draft.version,
                draft.account,
            )
            if not seen or not row.scheduled_at:
                return None
            attempt = Attempt(post=f"{row.pk}.{row.version}", account=account, due=row.scheduled_at)
            made = cls.objects.create(
                draft=row, account=account, username=username, version=row.version,
                attempt=attempt.model_dump(mode="json"), step=attempt.step, due=attempt.due,
                begins_at=now,
            )  # fmt: skip
            row.move("publishing", by="studio")
            return made

    @classmethod
    def heads(cls, now: datetime) -> list["Publication"]:
        """Of each account the one that was due first, where there is something to do for it: posts of
        an account go out in the order of their times."""
        rows = (
            cls.objects.filter(over=False)
            .order_by("due", "draft_id")
            .select_related("draft__brand")
        )
        first: dict[str, Publication] = {}
        for row in rows:
            first.setdefault(row.account, row)
        return [row for row in first.values() if row.begins_at <= now]

    @classmethod
    def hurry(cls, account: str, now: datetime) -> None:
        """The account is connected again: what waited for it goes on at once."""
        rows = cls.objects.filter(account=account, over=False, draft__asks="account")
        rows.update(begins_at=now)

    @classmethod
    def renew(cls, name: str, numbers: Iterable[int], now: datetime) -> None:
        """They are still in these hands, and worked on."""
        rows = cls.objects.filter(lease=name, over=False, pk__in=list(numbers))
        rows.update(leased_until=now + LEASE)

    def claim(self, name: str, now: datetime) -> bool:
        """Take it into these hands; False where it is in others."""
        free = Q(lease__in=("", name)) | Q(leased_until__lt=now) | Q(leased_until=None)
        mine = Publication.objects.filter(free, pk=self.pk, over=False)
        if not mine.update(lease=name, leased_until=now + LEASE):
            return False
        self.refresh_from_db()
        return self.begins_at <= now

    @classmethod
    def released(cls, name: str = "") -> None:
        """These hands are gone; without a name all of them, where a studio has one publisher."""
        rows = cls.objects.exclude(lease="")
        (rows.filter(lease=name) if name else rows).update(lease="", leased_until=None)

    # ---- how it goes on ----------------------------------------------------------------------

    def settle(self, name: str, sending: Sending, repairs: Iterable[str]) -> None:
        """Write down what is sent. Raises Taken."""
        self.sending, self.repairs = sending.model_dump(mode="json"), list(repairs)
        begin = max(begins(self.told, sending, USUAL), self.due - timedelta(days=1))
        self._mine(name, sending=self.sending, repairs=self.repairs, begins_at=begin)

    def host(self, name: str, files: Iterable[Hosted]) -> None:
        """Write down which files will lie open, before they do. Raises Taken."""
        known = {row["name"]: row for row in self.hosted}
        known |= {file.name: file.model_dump(mode="json") for file in files}
        self.hosted = list(known.values())
        self._mine(name, hosted=self.hosted)

    def keep(self, name: str, attempt: Attempt, policy: Policy = USUAL) -> None:
        """Write the attempt down, and move its post with it, in one transaction. Raises Taken where it
        is in other hands."""
        now = timezone.now()
        sending = self.settled
        begin = attempt.next_at or (begins(attempt, sending, policy) if sending else now)
        with transaction.atomic():
            draft = Draft.held(self.draft_id)
            before = str(Publication.objects.values_list("step", flat=True).get(pk=self.pk))
            self._mine(
                name, attempt=attempt.model_dump(mode="json"), step=attempt.step, over=attempt.over,
                begins_at=max(begin, self.due - timedelta(days=1)), leased_until=now + LEASE,
            )  # fmt: skip
            _follow(draft, attempt, before)
        self.attempt, self.step, self.over = (
            attempt.model_dump(mode="json"),
            attempt.step,
            attempt.over,
        )

    def _mine(self, name: str, **values: Any) -> None:
        # What is out gets its address afterwards; all else that is over is done with.
        mine = Publication.objects.filter(
            Q(over=False) | Q(step="published"), pk=self.pk, lease=name
        )
        if not mine.update(**values):
            raise Taken("this post is in other hands now", mend="nothing is to be done")

    # ---- what people say ---------------------------------------------------------------------

    def stop(self, person: Person | None) -> Draft:
        """Take it back before it is public. Raises FeedsmithError where it is too late for that."""
        with transaction.atomic():
            draft = Draft.held(self.draft_id)
            row = Publication.objects.filter(pk=self.pk, over=False, step__in=STOPPABLE)
            said = "it was stopped by a person"
            told = self.told.now("failed", said=said).model_dump(mode="json")
            if self.told.calls or not row.update(over=True, step="failed", attempt=told, lease=""):
                raise FeedsmithError(
                    "it is too late to stop this post",
                    mend="reload the page to see where it stands",
                )
            return draft.move("approved", by="studio", person=person)

    def again(
        self, person: Person | None, role: states.Actor, at: datetime, *, sure: bool = False
    ) -> Draft:
        """Send it again at this time. Where it may be out already, somebody must be `sure` that it is
        not. Raises FeedsmithError."""
        unknown = self.told.why == "unknown"
        if unknown and not sure:
            raise FeedsmithError(
                "this post may be out already, and would then appear twice",
                mend="look at the profile first, and say that it is not there",
            )
        return self._answered("scheduled", person, "studio" if unknown else role, at)

    def posted(self, person: Person | None, role: states.Actor) -> Draft:
        """It is out. Raises FeedsmithError where nobody was asked."""
        unknown = self.told.why == "unknown"
        return self._answered("published", person, "studio" if unknown else role, None)

    def _answered(
        self, to: states.State, person: Person | None, by: states.Actor, at: datetime | None
    ) -> Draft:
        with transaction.atomic():
            draft = Draft.held(self.draft_id)
            row = Publication.objects.filter(pk=self.pk, step="asking", answered_at=None)
            if not row.update(answered_at=timezone.now()):
                raise FeedsmithError(
                    "this was answered already", mend="reload the page to see where it stands"
                )
            return draft.move(to, by=by, person=person, scheduled_at=at)


def _follow(draft: Draft, attempt: Attempt, before: str) -> None:
    """The post stands where its attempt does. The caller holds both rows."""
    if attempt.step == "published":
        if draft.state == "publishing":
            draft = draft.move("published", by="studio")
        Draft.objects.filter(pk=draft.pk).update(
            permalink=attempt.permalink, media_id=attempt.media, updated_at=timezone.now()
        )
        return
    asked = draft.asks
    if attempt.step == "failed" or attempt.why == "late":
        draft.move("failed", by="studio")
    Draft.objects.filter(pk=draft.pk).update(asks=attempt.why, updated_at=timezone.now())
    over = attempt.step in ("failed", "asking") and before != attempt.step
    if over or (attempt.why and attempt.why != asked):
        Event.objects.create(
            brand=draft.brand, draft=draft, verb="held up", words=attempt.said[:300]
        )


class Publisher(models.Model):
    """A process that publishes: its signs of life, and how it ended."""

    name = models.CharField(max_length=40, unique=True)
    started_at = models.DateTimeField(auto_now_add=True)
    heart_beat = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=200, blank=True)
    """Why it ended before its work did, as in "the publisher ..."; '' for one that had nothing to do."""

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def breathes(cls, name: str) -> None:
        """A sign of life, also of one that was taken for gone."""
        now = timezone.now()
        if not cls.objects.filter(name=name).update(heart_beat=now, ended_at=None, why=""):
            cls.objects.create(name=name, heart_beat=now)

    @classmethod
    def ended(cls, name: str = "", why: str = "") -> None:
        """It is gone, and what it held is free; without a name all are, where a studio has one
        publisher. What is a week old is forgotten."""
        now = timezone.now()
        rows = cls.objects.filter(ended_at=None)
        (rows.filter(name=name) if name else rows).update(ended_at=now, why=why[:200])
        cls.objects.filter(heart_beat__lt=now - KEPT).delete()
        Publication.released(name)

    @classmethod
    def cut_off(cls, but: str) -> list[str]:
        """The studio was ended in between, and its publishers with it: all but those whose name begins with
        `but`. Returns the names whose work is free at once; who gave a sign of life within QUIET keeps it until
        its lease ends, for it may be another studio's, which says so by its next sign."""
        now = timezone.now()
        rows = cls.objects.filter(ended_at=None).exclude(name__startswith=but)
        silent = list(rows.filter(heart_beat__lt=now - QUIET).values_list("name", flat=True))
        rows.update(ended_at=now)
        for name in silent:
            Publication.released(name)
        return silent

    def holds(self, now: datetime) -> bool:
        """Whether something is in its hands that nobody else may take yet."""
        rows = Publication.objects.filter(lease=self.name, leased_until__gte=now, over=False)
        return rows.exists()

    @classmethod
    def health(cls, now: datetime) -> "tuple[Literal['good', 'warning', 'bad'], str]":
        """How publishing itself is, in a sentence."""
        rows = cls.objects.filter(ended_at=None, heart_beat__gte=now - GONE)
        alive = rows.filter(heart_beat__gte=now - QUIET).first()
        for silent in rows.filter(heart_beat__lt=now - QUIET).order_by("heart_beat"):
            if alive is None or silent.holds(now):  # else another took its place
                return "bad", (
                    f"The publisher gives no sign of life since {silent.heart_beat:%H:%M} UTC. It is ended and "
                    "started again by itself"
                )
        last = cls.objects.exclude(why="").filter(ended_at__gte=now - TOLD).order_by("-ended_at")
        if (gone := last.first()) is not None:
            again = "It was started again" if alive else "It is started again when something is due"
            return "warning", f"The publisher {gone.why} at {gone.ended_at:%H:%M} UTC. {again}"
        if alive is not None:
            return "good", "The publisher is at work"
        return "good", "Nothing is due; the publisher starts by itself"


def latest(draft: Draft) -> Publication | None:
    """How the post was sent last; None where it never was."""
    return draft.publications.first()


def under_way(brand: Brand) -> "models.QuerySet[Publication]":
    return Publication.objects.filter(draft__brand=brand, over=False)
