"""Nodes: processes that run workers and a publisher beside the studio's server (`feedsmith studio work`), as the
database knows them, so that the server can tell a monitor of them wherever they are.

A node writes its figures every BEAT_EVERY seconds. One that fell silent is told as long as nobody took its place.
"""

import contextlib
import itertools
import os
import secrets
import socket
from datetime import datetime, timedelta
from typing import TypedDict

from django.db import IntegrityError, models, transaction
from django.utils import timezone

BEAT_EVERY = 10.0
"""Seconds between two signs of life, each one small write."""
QUIET = timedelta(seconds=45)
"""Without a sign of life a node is silent."""
TOLD = timedelta(hours=1)
"""So long it is told that a node is silent, where none takes its place: somebody wanted fewer."""
KEPT = timedelta(days=7)
NAME_MAX = 60
HANDED_ON = "FEEDSMITH_STUDIO_NODE"
"""Environment variable in which a node tells its workers its name."""


class Figures(TypedDict):
    """Of a node, by what it is: supervisor, worker, publisher."""

    running: dict[str, int]
    memory: dict[str, int]
    """Bytes, without pages of files."""
    starts: dict[str, int]
    deaths: list[list[str | int]]
    """What, why (memory, silent, killed, crashed), and how many."""


class WorkerNode(models.Model):
    name = models.CharField(max_length=NAME_MAX, unique=True)
    """The host's; "-2" and so on where several live on one."""
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    key = models.CharField(max_length=32, default="")
    """Of this very process, drawn when it joined: containers may share a host's name, and all are process 1."""
    started_at = models.DateTimeField()
    heart_beat = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    """When it was closed, or another took its place."""
    figures = models.JSONField(default=dict)
    """Figures; {} before the first sign of life."""

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def join(cls) -> "WorkerNode":
        """This process becomes a node. It takes the name of one on this host that is gone, so that a monitor sees
        one that was started again, not another one."""
        host, now = socket.gethostname(), timezone.now()
        cls.objects.filter(heart_beat__lt=now - KEPT).delete()
        for number in itertools.count(1):
            name = f"{host[: NAME_MAX - 6]}{f'-{number}' * (number > 1)}"
            with (
                contextlib.suppress(IntegrityError),
                transaction.atomic(),
            ):  # new at the same moment
                row = cls.objects.select_for_update().filter(name=name).first() or cls(name=name)
                if row.pk is None or row._gone(host, now):
                    row.host, row.pid, row.figures = host, os.getpid(), {}
                    row.key = secrets.token_hex(16)
                    row.started_at, row.heart_beat, row.ended_at = now, now, None
                    row.save()
                    return row
        raise AssertionError("numbers do not end")

    def _gone(self, host: str, now: datetime) -> bool:
        """Whether its name is free."""
        if self.ended_at is not None or self.heart_beat < now - QUIET:
            return True
        if self.host != host:
            return False
        if self.pid == os.getpid():
            # In containers everybody is process 1: one that was started again, or another one beside us.
            return self.heart_beat < now - timedelta(seconds=2 * BEAT_EVERY)
        return not _lives(self.pid)

    def beat(self, figures: Figures) -> bool:
        """A sign of life, with the figures as they are now; False where another has this name by now, which we seemed
        to have left, and `join` is to be called again."""
        now = timezone.now()
        return bool(self._mine().update(heart_beat=now, ended_at=None, figures=figures))

    def _mine(self) -> "models.QuerySet[WorkerNode]":
        return WorkerNode.objects.filter(pk=self.pk, key=self.key)

    def replace(self) -> "WorkerNode | None":
        """The place of a node that fell silent before this one began is taken: a container started anew has
        another host's name. Returns that node; a caller replaces one and no more."""
        silent = WorkerNode.objects.filter(
            ended_at=None, heart_beat__lt=min(self.started_at, timezone.now() - QUIET)
        )
        gone = silent.exclude(pk=self.pk).order_by("heart_beat").first()
        if gone is None:
            return None
        ended = silent.filter(pk=gone.pk).update(ended_at=timezone.now())
        return gone if ended else None

    def leave(self) -> None:
        """It was closed, and nobody misses it."""
        self._mine().update(ended_at=timezone.now())

    @classmethod
    def told(cls, now: datetime) -> "list[WorkerNode]":
        """Those that live, and those that are silent and missed."""
        return list(cls.objects.filter(ended_at=None, heart_beat__gte=now - TOLD).order_by("name"))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
