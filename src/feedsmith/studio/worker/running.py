"""Running one job: telling the database how far it is, stopping when asked, and how it ends."""

import contextlib
import contextvars
import gc
import logging
import os
import threading
import time
from types import TracebackType
from typing import Self

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from feedsmith import memory
from feedsmith.errors import FeedsmithError
from feedsmith.studio import logs
from feedsmith.studio.models import Job
from feedsmith.studio.worker import work
from feedsmith.studio.worker.turns import Turns

BEAT = 1.0
"""Seconds between two heart-beats, each one small write."""
PATIENCE = 3.0
"""Seconds that the work gets to stop by itself; then the process ends in its midst, which no file
minds: all are written aside and renamed."""
STOPPED_MIDWAY = 0
"""Exit code then: nothing is wrong."""

log = logging.getLogger("feedsmith.studio.worker")


class Stopped(BaseException):
    """A person wants no more of it. No Exception: no stage may take it for a post that failed."""


def run(job: Job, worker: str) -> None:
    """Do a claimed job to its end, whatever that is; what it held in memory goes back to the system."""
    known = {"job": job.pk, "kind": job.kind, "brand": job.brand.slug, "request": job.request}
    with logs.about(**known, worker=worker):
        began = time.monotonic()
        waited = (timezone.now() - job.asked_at).total_seconds()
        logs.event(log, "job begun", attempt=job.attempts, waited_s=round(waited, 1))
        try:
            _run(job, worker)
        finally:
            seconds = round(time.monotonic() - began, 2)
            level = logging.WARNING if job.state == "failed" else logging.INFO
            # Why stands in the job, for those who may see it: it may quote what people wrote.
            logs.event(log, "job ended", level, state=job.state, duration_s=seconds)
            gc.collect()
            memory.give_back()


def _run(job: Job, worker: str) -> None:
    turns = Turns.here()
    # Its heart beats while it waits for its turn.
    with Telling(job, worker, turns) as telling, turns.together():
        try:
            result = work.WORK[str(job.kind)](job, telling.report)
        except Stopped:
            job.end("stopped", words="")
        except FeedsmithError as error:
            job.end("failed", error=error.message[:600], mend=error.mend[:300], words="")
        except Exception:  # the last resort: the job says so, the log says what
            log.exception("mistake")
            job.end(
                "failed", error="this is a mistake of ours, not of yours; nothing was lost",
                mend="try again; what happened is in studio/worker.log", words="",
            )  # fmt: skip
        else:
            with transaction.atomic():  # a kill in between: neither, and it is done again
                if job.end("done", result=result, words=""):
                    work.note(job)


def usual(job: Job) -> float | None:
    """Seconds of one step in the latest jobs like this one; None where there were none."""
    before = Job.objects.filter(brand=job.brand_id, kind=job.kind, state="done").order_by("-pk")
    asked = job.args.get("kind", "")
    for args, result in before.values_list("args", "result")[:20]:
        if args.get("kind", "") == asked and result.get("seconds_each"):
            return float(result["seconds_each"])
    return None


class Telling:
    """A thread beside the work: it writes how far the work is, and reads whether it is still wanted."""

    def __init__(self, job: Job, worker: str, turns: Turns | None = None) -> None:
        self.job = job
        self.worker = worker
        self._turns = turns
        self.stage, self.done, self.total = "", 0, int(job.total)
        self.note = str(job.words)  # what happened before stays said until there is news
        self.unwanted = False
        self._over = threading.Event()
        self._began = self._last = time.monotonic()
        self._usual = usual(job)
        # In our context: its lines of the log are about this job, too.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._beat,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(10)

    def report(self, stage: str, done: int, total: int, note: str = "") -> None:
        """A progress.Report: costs nothing, as the thread does the writing."""
        if self.unwanted:
            raise Stopped
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self._began, self._last = stage, now, now
        if done != self.done:
            self._last = now
            if self._turns is not None:
                self._turns.give_way()
        self.done, self.total, self.note = done, total, note

    @property
    def seconds_left(self) -> float | None:
        """By the mean of the steps so far, before the first one by that of earlier jobs; None where
        neither is known. What has passed of the step that runs is taken off."""
        each = (self._last - self._began) / self.done if self.done else self._usual
        if not each or not self.total:
            return None
        left = each * (self.total - self.done) - (time.monotonic() - self._last)
        return max(1.0, left)

    def _beat(self) -> None:
        asked_at = 0.0
        while not self._over.wait(BEAT):
            try:
                mine = Job.objects.filter(pk=self.job.pk, state="running", worker=self.worker)
                left = self.seconds_left
                there = mine.update(
                    heart_beat=timezone.now(), updated_at=timezone.now(), stage=self.stage[:80],
                    done=self.done, total=self.total, words=self.note[:300],
                    seconds_left=None if left is None else round(left, 1),
                )  # fmt: skip
                if self._over.is_set():
                    break
                if not there:  # it was given to somebody else: two must not write one folder
                    os._exit(1)
                self.unwanted = self.unwanted or mine.filter(stop_wanted=True).exists()
                if self.unwanted:
                    asked_at = asked_at or time.monotonic()
                    if time.monotonic() - asked_at > PATIENCE:
                        self.job.end("stopped", words="")
                        logs.event(log, "job ended", state="stopped")
                        os._exit(STOPPED_MIDWAY)
            except DatabaseError:  # busy or full: the next beat may get through
                log.warning("a heart-beat was lost", exc_info=True)
                with contextlib.suppress(DatabaseError):
                    connections.close_all()
        connections.close_all()
