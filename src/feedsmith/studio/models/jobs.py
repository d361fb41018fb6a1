"""Jobs: work for the worker, in a queue that survives every kill. The database is the only truth.

A job is claimed in one transaction; never two of a brand at once (they would write the same folder),
never more in all than the studio allows. Brands take turns: the next job is the oldest of that brand which was
served longest ago, so that one with hundreds of waiting jobs holds up no other for longer than one job.
"""

from datetime import timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Count, F, Min
from django.utils import timezone

from feedsmith.studio import logs
from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.people import Person

ATTEMPTS = 3
"""Starts of one job in a row without anything made, after which it is given up."""
WAITING_MAX = 500
"""Waiting jobs of one brand; more are refused."""
ACTIVE = ("queued", "running")
OVER = ("done", "failed", "stopped")


class Job(models.Model):
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="jobs")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True)
    kind = models.CharField(max_length=20)
    """Name in worker.work.WORK."""
    args = models.JSONField(default=dict)
    state = models.CharField(max_length=8, default="queued", db_index=True)
    """queued, running, done, failed or stopped."""
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    stop_wanted = models.BooleanField(default=False)
    stage = models.CharField(max_length=80, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    words = models.CharField(max_length=300, blank=True)
    """What is being done, or what happened to the worker."""
    seconds_left = models.FloatField(null=True)
    heart_beat = models.DateTimeField(null=True)
    worker = models.CharField(max_length=40, blank=True)
    """Which worker has it: a name of its own a process, "" for none."""
    node = models.CharField(max_length=60, blank=True, default="", db_default="")
    """The WorkerNode whose worker took it last; '' for the server's own."""
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=600, blank=True)
    mend = models.CharField(max_length=300, blank=True)
    result = models.JSONField(default=dict)
    request = models.CharField(max_length=64, blank=True, default=logs.request_id, db_default="")
    """Id of the request that asked for it, to be found in the log; '' for none."""

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state__in=(*ACTIVE, *OVER)), name="known_job_state"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.total) if self.total else 0

    @property
    def before(self) -> int:
        """How many jobs of the studio come first: of its brand the older ones, and of each other brand as many
        as it has turns until then. Where several run at once, others may still overtake."""
        own = Job.objects.filter(brand=self.brand_id, state="queued", pk__lt=self.pk).count()
        running = Job.objects.filter(state="running").count()
        return running + own + self.before_of_others(own)

    def before_of_others(self, own: int) -> int:
        """How many waiting jobs of other brands come before this one, which waits for `own` of its brand."""
        turns = _turns()
        if self.brand_id not in turns:  # a worker took it while it was looked at
            return 0
        order = list(turns)
        mine = order.index(self.brand_id)
        return sum(
            min(waiting, own + (place < mine))
            for place, waiting in enumerate(turns.values())
            if place != mine
        )

    @classmethod
    def claim(cls, worker: str, at_once: int, node: str = "") -> "Job | None":
        """Take the job whose turn it is; None where none may run now."""
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:  # one claim at a time, as SQLite does by itself
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [0x66656564])
            running = list(cls.objects.filter(state="running").values_list("brand_id", flat=True))
            if len(running) >= at_once:
                return None
            job = (
                cls.objects.filter(state="queued")
                .exclude(brand_id__in=running)
                .order_by(F("brand__served_at").asc(nulls_first=True), "pk")
                .first()
            )
            if job is None:
                return None
            now = timezone.now()
            Brand.objects.filter(pk=job.brand_id).update(served_at=now)
            job.state, job.worker, job.attempts = "running", worker, job.attempts + 1
            job.node = node
            job.started_at, job.heart_beat = job.started_at or now, now
            job.save()
            return job

    @classmethod
    def could_run(cls, at_once: int) -> int:
        """How many waiting jobs could be claimed now."""
        running = list(cls.objects.filter(state="running").values_list("brand_id", flat=True))
        free = at_once - len(running)
        if free <= 0:
            return 0
        waiting = cls.objects.filter(state="queued").exclude(brand_id__in=running)
        return min(free, waiting.values("brand_id").distinct().count())

    def end(self, state: str, **more: Any) -> bool:
        """Write how it ended, once: a job that is over stays as it is. True where it ended now."""
        ended = Job.objects.filter(pk=self.pk, state__in=ACTIVE).update(
            state=state, ended_at=timezone.now(), updated_at=timezone.now(), worker="",
            seconds_left=None, **more,
        )  # fmt: skip
        self.refresh_from_db()
        return bool(ended)

    def stop(self) -> None:
        """A person wants no more of it: a waiting one is over, a running one is told."""
        with transaction.atomic():
            row = Job.objects.select_for_update().get(pk=self.pk)
            if row.state == "queued":
                row.end("stopped", words="")
            elif row.state == "running":
                row.stop_wanted = True
                row.save(update_fields=["stop_wanted", "updated_at"])

    @classmethod
    def lost(
        cls, worker: str | None, why: str, mend: str = "", *, forgiven: bool = False,
        silent: timedelta | None = None, but: str = "",
    ) -> int:  # fmt: skip
        """The worker is gone (None: all are, but those whose name begins with `but`; or all that have been
        `silent` for so long): its jobs wait again, or are given up after ATTEMPTS
        starts, of which a `forgiven` one is none. `why` is a sentence for people. Returns how many
        there were."""
        rows = cls.objects.filter(state="running")
        if worker is not None:
            rows = rows.filter(worker=worker)
        if but:
            rows = rows.exclude(worker__startswith=but)
        if silent is not None:
            rows = rows.filter(heart_beat__lt=timezone.now() - silent)
        count = 0
        for job in rows:
            count += 1
            if job.stop_wanted:
                job.end("stopped")
            elif job.attempts >= ATTEMPTS and not forgiven:
                job.end(
                    "failed", error=f"{why} {ATTEMPTS} times, so it was given up"[:600], mend=mend
                )
            else:
                cls.objects.filter(pk=job.pk, state="running").update(
                    state="queued", worker="", attempts=job.attempts - forgiven, updated_at=timezone.now(), seconds_left=None,
                    words=f"{why}; it goes on where it was"[:300],
                )  # fmt: skip
        return count


def _turns() -> dict[int, int]:
    """The brands that wait, in the order of their turns, and how many jobs of each; those of which one runs
    come last."""
    running = set(Job.objects.filter(state="running").values_list("brand_id", flat=True))
    rows = Job.objects.filter(state="queued").order_by().values("brand_id", "brand__served_at")
    found = sorted(
        rows.annotate(waiting=Count("pk"), first=Min("pk")),
        key=lambda row: (
            row["brand_id"] in running, row["brand__served_at"] is not None,
            row["brand__served_at"], row["first"],
        ),
    )  # fmt: skip
    return {row["brand_id"]: int(row["waiting"]) for row in found}
