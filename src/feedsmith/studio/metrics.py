"""Metrics: what a monitor reads at /metrics, in Prometheus' text format.

Requests are counted in the server's process, of several servers in a file each, which the process that keeps
them adds up (keeper.py); what workers and publishers do is read from the database when it is
asked for, so that it is right however many of them there are, and wherever. Counters begin with the server.
Labels are few: kinds, states, routes, machines that work along and connected accounts, never people or posts.
Those machines write their figures into the database instead of being asked: they have no port to find, and one that
was killed is still told.
"""

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, F, Min
from django.utils import timezone
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

import feedsmith
from feedsmith import rules
from feedsmith.studio import accounts, line
from feedsmith.studio.models import Brand, Delivery, Draft, Job, Publication, WorkerNode
from feedsmith.studio.models.jobs import OVER

log = logging.getLogger(__name__)
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which says when it began
REGISTRY = CollectorRegistry()
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of requests' durations; the goal for pages is 0.3 (docs/bench.md)."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
JOB_SECONDS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
OVERDUE = timedelta(minutes=5)
"""So long after its time a post counts as overdue: Instagram takes a while over films."""
LATE_TO_COMMIT = timedelta(minutes=2)
"""How long after its time the end of a job may become visible: another transaction's commit."""
MIRROR_PATIENCE = 300.0
"""Seconds that the mirror may be behind before it is told as a trouble."""
HERE = "studio"
"""What the server's own workers are called, beside the names of nodes."""

_requests = Counter(
    "feedsmith_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY
)
_seconds = Histogram(
    "feedsmith_request_duration_seconds", "Seconds until an answer began.", ("route",),
    buckets=SECONDS, registry=REGISTRY,
)  # fmt: skip
ProcessCollector(registry=REGISTRY)

supervisor: Any = None
"""The one of this process (worker.supervisor.Supervisor); None where there is none."""
sender: Any = None
"""Who sends the folders to a bucket (mirror.Sender), in the process of the supervisor; None where nobody does."""
keeper: Any = None
"""The one of several servers (keeper.Keeper), in its own process; elsewhere None."""
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable by which the client of Prometheus is told, when it is loaded, to count in files of that folder."""
PATIENCE = 20.0
"""Seconds that one of several servers waits for the numbers: the database is asked a dozen questions for them."""
GONE = "gone"
"""Stands for a process's number in the names of files that count for all servers that died."""


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. Methods that nobody knows are one: each would be kept."""
    _requests.labels(method if method in METHODS else "other", route, str(status)).inc()
    _seconds.labels(route).observe(seconds)


def scrape() -> bytes:
    """All of them, now."""
    begin()
    if keeper is None:
        return generate_latest(REGISTRY)
    from prometheus_client.multiprocess import MultiProcessCollector

    # Made anew: files of servers that began since are in it, and of those that died, so that no count falls back.
    together = CollectorRegistry()
    MultiProcessCollector(together, str(keeper.counts))  # type: ignore[no-untyped-call]
    together.register(_collectors[0])
    together.register(_servers)
    return generate_latest(together)


def add_up(folder: Path, process: int) -> None:
    """A server died: its counts are added to those of the servers that died before it, so that there are not ever
    more files, and no count falls back. Never while the numbers are read."""
    from prometheus_client.mmap_dict import MmapedDict

    for file in folder.glob(f"*_{process}.db"):
        into = MmapedDict(str(file.with_name(file.name.replace(f"_{process}.", f"_{GONE}."))))  # type: ignore[no-untyped-call]
        for key, value, at, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            into.write_value(key, into.read_value(key)[0] + value, at)  # type: ignore[no-untyped-call]
        into.close()  # type: ignore[no-untyped-call]
        file.unlink()


def somebody_starts_workers() -> bool | None:
    """False where the supervisor of this studio has ended; None where the keeper does not say."""
    if line.leads_somewhere():
        told = line.ask("alive")
        return None if told is None else told == b"1"
    return supervisor is None or supervisor.is_alive()


def mirror_trouble() -> str:
    """What keeps the brands' files from the bucket that they are to lie in; '' where nothing does. A storage that is off
    for a moment is no trouble: what was not sent is sent later."""
    if line.leads_somewhere():
        return (line.ask("mirror") or b"").decode()
    if sender is None:
        return ""
    if sender.mirror.lost:
        return "another studio keeps the mirror now; what is made here is not in it"
    if sender.behind > MIRROR_PATIENCE:
        return "the mirror is behind; what was made last is not in the bucket"
    return ""


def begin() -> None:
    """What is counted "since the server began" is counted from now on, where it is not already."""
    if not _collectors:
        _collectors.append(Studio())
        REGISTRY.register(_collectors[0])


_collectors: list["Studio"] = []


class Servers:
    """Of the keeper and its servers together: how many, and what a server alone tells as process_*."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[tuple[int, float], float] = {}
        """Processor time of each that runs, by number and start (numbers are used again), as it was seen last..."""
        self._gone = 0.0
        """...and of all that have ended, so that the sum never falls."""

    def collect(self) -> Iterator[Metric]:
        running = keeper.processes()
        yield _one("servers", "Servers that answer.", len(running))
        for name, words, value in (
            ("server_starts", "Servers that were begun.", keeper.starts),
            ("server_deaths", "Servers that did not end by themselves.", keeper.deaths),
        ):
            yield CounterMetricFamily(f"feedsmith_{name}", words, value=value)
        own = list(ProcessCollector(registry=None).collect())
        told = {metric.name: metric for metric in own}
        sums = {name: _value(metric) for name, metric in told.items()}
        sums.pop("process_cpu_seconds", None)
        with self._lock:
            now: dict[tuple[int, float], float] = {}
            for pid in (os.getpid(), *running):
                of_one = ProcessCollector(pid=lambda pid=pid: pid, registry=None)  # type: ignore[misc]
                values = {metric.name: _value(metric) for metric in of_one.collect()}
                if "process_cpu_seconds" in values:
                    begun = values["process_start_time_seconds"]
                    now[pid, begun] = values["process_cpu_seconds"]
                for name in SUMMED if pid != os.getpid() else ():
                    if name in sums:
                        sums[name] += values.get(name, 0.0)
            self._gone += sum(spent for key, spent in self._seconds.items() if key not in now)
            self._seconds = now
            seconds = self._gone + sum(now.values())
        for name, value in sums.items():
            yield GaugeMetricFamily(name, told[name].documentation, value=value)
        yield CounterMetricFamily(
            "process_cpu_seconds", "Total user and system CPU time spent in seconds.", value=seconds
        )


SUMMED = (
    "process_virtual_memory_bytes", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
)  # fmt: skip
"""The start is the keeper's: counters begin with it."""
_servers = Servers()


def _value(metric: Metric) -> float:
    return float(metric.samples[0].value)


# ---- what the database knows ---------------------------------------------------------------------


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"feedsmith_{name}", words, labels=labels)


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"feedsmith_{name}", words, value=value)


class Ended:
    """Durations of jobs that ended since the server began, read a little at a time: each look asks for what
    ended since the last one, and a while before, as ends become visible later than they are dated."""

    def __init__(self) -> None:
        self._begun = self._looked = timezone.now()
        self._seen: set[tuple[int, Any]] = set()
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._sums: dict[tuple[str, str], float] = {}
        self._by_worker: dict[tuple[str, str], tuple[int, float]] = {}

    def look(self) -> Iterator[Metric]:
        now = timezone.now()
        rows = Job.objects.filter(
            state__in=OVER, started_at__isnull=False,
            ended_at__gte=max(self._begun, self._looked - LATE_TO_COMMIT),
        ).order_by()  # fmt: skip
        for pk, kind, state, node, began, ended in rows.values_list(
            "pk", "kind", "state", "node", "started_at", "ended_at"
        ):
            if (pk, ended) not in self._seen:
                self._seen.add((pk, ended))
                seconds = max(0.0, (ended - began).total_seconds())
                self._count((kind, state), seconds)
                count, total = self._by_worker.get((node or HERE, state), (0, 0.0))
                self._by_worker[node or HERE, state] = count + 1, total + seconds
        self._looked = now
        self._seen = {one for one in self._seen if one[1] > now - 2 * LATE_TO_COMMIT}
        yield self._told()
        yield from self._told_by_worker()

    def _count(self, key: tuple[str, str], seconds: float) -> None:
        counts = self._counts.setdefault(key, [0] * (len(JOB_SECONDS) + 1))
        for place, bound in enumerate((*JOB_SECONDS, float("inf"))):
            counts[place] += seconds <= bound
        self._sums[key] = self._sums.get(key, 0.0) + seconds

    def _told(self) -> HistogramMetricFamily:
        words = "Seconds from a job's first start to its end, by how it ended."
        family = HistogramMetricFamily(
            "feedsmith_job_duration_seconds", words, labels=("kind", "outcome")
        )
        bounds = [*(f"{bound:.1f}" for bound in JOB_SECONDS), "+Inf"]
        for key, counts in self._counts.items():
            buckets = list(zip(bounds, counts, strict=True))
            family.add_metric(key, buckets=buckets, sum_value=self._sums[key])
        return family

    def _told_by_worker(self) -> Iterator[Metric]:
        labels = ("worker", "outcome")
        words = "Jobs that ended, by where they were worked at last and by how they ended."
        ended = CounterMetricFamily("feedsmith_worker_jobs", words, labels=labels)
        words = "Seconds of those jobs, from the first start to the end."
        took = CounterMetricFamily("feedsmith_worker_job_seconds", words, labels=labels)
        # Of one that is told no more nothing is told: else each that ever worked along would be kept.
        known = {HERE, *(node.name for node in WorkerNode.told(timezone.now()))}
        self._by_worker = {key: of for key, of in self._by_worker.items() if key[0] in known}
        for key, (count, seconds) in self._by_worker.items():
            ended.add_metric(key, count)
            took.add_metric(key, seconds)
        yield from (ended, took)


class Studio:
    """A collector: asked at every scrape."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = Ended()
        self._first = Draft.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def collect(self) -> Iterator[Metric]:
        info = _gauge("info", "Which Feedsmith this is.", "version")
        info.add_metric((feedsmith.__version__,), 1)
        yield info
        found: list[Metric] = []
        answers = True
        with self._lock:
            for part in (_disk, _mirror, _workers, self._work, _posts, _accounts, _database):
                try:
                    found.extend(part())  # what it told before it failed stays
                except DatabaseError:
                    answers = False
                    break  # each further question could wait as long for its connection
                except Exception:  # a damaged file, say: the other numbers are needed all the more
                    log.exception("numbers are missing: %s", part.__name__)
        words = "Whether the database answered; without it the studio's numbers are missing."
        yield _one("database_up", words, answers)
        yield from found

    def _work(self) -> Iterator[Metric]:
        jobs = _gauge("jobs", "Jobs by kind and state.", "kind", "state")
        for row in Job.objects.order_by().values("kind", "state").annotate(rows=Count("pk")):
            jobs.add_metric((row["kind"], row["state"]), row["rows"])
        yield jobs
        first = Job.objects.filter(state="queued").aggregate(at=Min("asked_at"))["at"]
        words = "Seconds that the oldest waiting job has waited; 0 where none waits."
        yield _one("oldest_waiting_job_seconds", words, _since(first))
        yield from self._ended.look()
        made = CounterMetricFamily(
            "feedsmith_posts_made", "Posts made since the server began.",
            value=Draft.objects.filter(pk__gt=self._first).count(),
        )  # fmt: skip
        yield made


def _since(at: Any) -> float:
    return max(0.0, (timezone.now() - at).total_seconds()) if at is not None else 0.0


def _posts() -> Iterator[Metric]:
    posts = _gauge("posts", "Posts by state.", "state")
    for row in Draft.objects.order_by().values("state").annotate(rows=Count("pk")):
        posts.add_metric((row["state"],), row["rows"])
    yield posts
    sent = _gauge("publications", "Publications by the step they are at.", "step")
    for row in Publication.objects.order_by().values("step").annotate(rows=Count("pk")):
        sent.add_metric((row["step"],), row["rows"])
    yield sent
    asking = Publication.objects.filter(
        step="asking", answered_at=None, draft__state__in=("publishing", "failed")
    )
    words = "Publications that wait for a person's answer."
    yield _one("publications_asking", words, asking.count())
    overdue = Draft.objects.filter(
        state__in=("scheduled", "publishing"), scheduled_at__lt=timezone.now() - OVERDUE,
        scheduled_at__gte=F("brand__publishes_from"),
    )  # fmt: skip
    told = overdue.aggregate(rows=Count("pk"), first=Min("scheduled_at"))
    words = "Posts that were due more than five minutes ago and are not out."
    yield _one("posts_overdue", words, told["rows"])
    words = "Seconds since the most overdue post was due; 0 where none is."
    yield _one("most_overdue_seconds", words, _since(told["first"]))
    hooks = _gauge("webhook_messages", "Messages to webhooks by state, of 30 days.", "state")
    for row in Delivery.objects.order_by().values("state").annotate(rows=Count("pk")):
        hooks.add_metric((row["state"],), row["rows"])
    yield hooks


def _accounts() -> Iterator[Metric]:
    labels = ("brand", "account")
    left = _gauge(
        "account_posts_left", "Posts that an account may still publish within 24 hours, as far as "
        "this studio published them.", *labels,
    )  # fmt: skip
    days = _gauge("account_token_days_left", "Days until an account's token ends.", *labels)
    trouble = _gauge("account_trouble", "1 where an account opens nothing any more.", *labels)
    now = timezone.now()
    lately = Publication.objects.filter(step="published", due__gte=now - timedelta(hours=24))
    rows = lately.order_by().values("account").annotate(rows=Count("pk"))
    out = {row["account"]: row["rows"] for row in rows}
    for brand in Brand.objects.all():
        for known in accounts.connected(brand):
            key = (brand.slug, known.account.username)
            used = out.get(known.account.id, 0)
            left.add_metric(key, max(0, rules.POSTS_A_DAY - used))
            trouble.add_metric(key, bool(known.trouble))
            if known.expires is not None:
                days.add_metric(key, (known.expires - now) / timedelta(days=1))
    yield from (left, days, trouble)


def _database() -> Iterator[Metric]:
    words = "Bytes of the database, its log of writes included."
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            yield _one("database_bytes", words, cursor.fetchone()[0])
        return
    file = settings.STUDIO.database_file
    files = (file, file.with_name(f"{file.name}-wal"))
    yield _one("database_bytes", words, sum(f.stat().st_size for f in files if f.exists()))


# ---- what this machine knows ---------------------------------------------------------------------


def _disk() -> Iterator[Metric]:
    told = shutil.disk_usage(settings.STUDIO.home)
    yield _one("disk_free_bytes", "Bytes free on the disk of the studio's folder.", told.free)
    yield _one("disk_bytes", "Bytes of the disk of the studio's folder.", told.total)


def _mirror() -> Iterator[Metric]:
    if sender is None:
        return
    words = "Seconds since all files of the brands' folders were in the bucket that mirrors them."
    yield _one("mirror_behind_seconds", words, sender.behind)
    words = "1 where another studio keeps that mirror: what is made here is in no bucket."
    yield _one("mirror_lost", words, sender.mirror.lost)


# ---- those that work -----------------------------------------------------------------------------


def _workers() -> Iterator[Metric]:
    """Of the supervisor of this process, and of the nodes that work along, as each told the database last. Our own
    are told where the database is away, too."""
    labels = ("worker", "what")
    running = _gauge("workers", "Workers and publishers that run, by where.", *labels)
    held = _gauge(
        "worker_memory_bytes", "Memory of those, together, without pages of files.", *labels
    )
    starts = CounterMetricFamily(
        "feedsmith_worker_starts", "Workers and publishers that were begun.", labels=labels
    )
    deaths = CounterMetricFamily(
        "feedsmith_worker_deaths", "Those that did not end by themselves, by why.",
        labels=(*labels, "why"),
    )  # fmt: skip
    silent = _gauge(
        "worker_silent_seconds", "Seconds since the last sign of life of a process that works along; "
        "without one that was closed, or whose place another took.", "worker",
    )  # fmt: skip

    def add(name: str, told: dict[str, Any]) -> None:
        for family, key in ((running, "running"), (held, "memory"), (starts, "starts")):
            for what, number in told.get(key, {}).items():
                family.add_metric((name, what), number)
        for what, why, count in told.get("deaths", ()):
            deaths.add_metric((name, what, why), count)

    if supervisor is not None:
        own = supervisor.figures()
        del own["memory"]["supervisor"]  # this process, which process_resident_memory_bytes tells
        add(HERE, own)
    away: DatabaseError | None = None
    try:
        for node in WorkerNode.told(timezone.now()):
            silent.add_metric((node.name,), _since(node.heart_beat))
            add(node.name, node.figures)
    except DatabaseError as error:
        away = error
    yield from (running, held, starts, deaths, silent)
    if away is not None:
        raise away
