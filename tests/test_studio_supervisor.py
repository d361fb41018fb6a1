"""The supervisor: what it makes of a worker that is gone, and of one that is only slow."""

import itertools
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from small_studio import CONFIG
from studio_server import until

pytestmark = pytest.mark.usefixtures("studio")


def a_running_job(**more: Any):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand, Job

    oak = Brand.objects.get(slug="oak-co")
    return Job.objects.create(
        brand=oak, kind="generate", total=1, state="running", worker="worker-1", attempts=1, **more
    )


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as ended:
        yield ended


def a_worker(processes: ExitStack, code: str):  # type: ignore[no-untyped-def]
    """A process that stands for the worker that has the job, and who watches it."""
    from feedsmith.studio.worker.lock import OneStudio
    from feedsmith.studio.worker.supervisor import Supervisor, Worker

    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    processes.enter_context(process)
    processes.callback(process.kill)
    supervisor = Supervisor(CONFIG, OneStudio(CONFIG.folder))
    supervisor.workers.append(Worker("worker-1", process))
    supervisor.not_before = float("inf")  # no other worker is started here
    return supervisor, process


@contextmanager
def full() -> Iterator[None]:
    """A database whose disk has no room for one more page, where every page with jobs is full."""
    from django.db import OperationalError, connection, transaction

    from feedsmith.studio.models import Brand, Job

    oak = Brand.objects.get(slug="oak-co")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count={cursor.fetchone()[0]}")

    def until_full(write: Callable[[int], object]) -> None:
        for number in itertools.count():
            try:
                with transaction.atomic():
                    write(number)
            except OperationalError:
                return

    until_full(lambda _: Job.objects.create(brand=oak, kind="plan", state="done"))
    # The first of them lies beside the job that is watched: what room is left there goes to its words.
    beside = Job.objects.filter(pk=Job.objects.filter(kind="plan").earliest("pk").pk)
    until_full(lambda length: beside.update(words="." * length))
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count=1000000")


@contextmanager
def locked() -> Iterator[None]:
    """A database that another program writes to and does not let go of."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50")  # twenty seconds otherwise
    with closing(sqlite3.connect(CONFIG.database_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.mark.skipif(bool(CONFIG.database_url), reason="about SQLite's file")
@pytest.mark.parametrize("trouble", [full, locked])
def test_a_worker_lost_while_nothing_could_be_written_is_not_forgotten(
    processes: ExitStack, trouble: Any
) -> None:
    from django.db import OperationalError

    from feedsmith.studio.models import Job

    job = a_running_job()
    supervisor, process = a_worker(processes, "")
    process.wait()
    with trouble(), pytest.raises(OperationalError):
        supervisor._look()
    assert Job.could_run(1) == 0  # its job stands in the way of all others
    supervisor._look()
    job.refresh_from_db()
    assert (job.state, job.worker) == ("queued", "")
    assert "the worker ended unexpectedly" in job.words
    assert supervisor.workers == []
    assert Job.could_run(1) == 1


WAITS = "import sys; sys.stdin.read()"


def test_the_sleep_of_a_laptop_is_not_the_end_of_a_worker(processes: ExitStack) -> None:
    """Hours pass on the wall and none on the clock that stands while the machine sleeps."""
    from django.utils import timezone

    job = a_running_job(heart_beat=timezone.now() - timedelta(hours=9))
    supervisor, process = a_worker(processes, WAITS)
    for _ in range(3):
        supervisor._look()
    assert process.poll() is None
    job.refresh_from_db()
    assert job.state == "running"


def test_a_worker_whose_heart_stands_still_is_ended_and_its_job_goes_on(
    processes: ExitStack,
) -> None:
    from django.utils import timezone

    from feedsmith.studio.worker.supervisor import SILENT_MAX

    job = a_running_job(heart_beat=timezone.now())
    supervisor, process = a_worker(processes, WAITS)
    supervisor._look()
    supervisor.workers[0].seen -= SILENT_MAX + 1  # so long ago on that clock
    supervisor._look()
    assert process.wait(60) != 0
    supervisor._look()
    job.refresh_from_db()
    assert job.state == "queued"
    assert "the worker no longer answered and was ended" in job.words


def a_publisher(processes: ExitStack):  # type: ignore[no-untyped-def]
    """A process that stands for the publisher, which gave a sign of life, and who watches it."""
    import time

    from feedsmith.studio.models import Publisher
    from feedsmith.studio.worker.supervisor import Worker

    supervisor, process = a_worker(processes, WAITS)
    supervisor.workers.clear()
    supervisor.publisher_in_vain = 9  # no other is started here before half a minute is over
    supervisor.publisher = Worker("publisher-1", process, seen=time.monotonic())
    Publisher.breathes("publisher-1")
    supervisor._look_at_publisher()
    return supervisor, process


def test_a_publisher_that_no_longer_breathes_is_ended_and_the_page_of_accounts_says_so(
    processes: ExitStack,
) -> None:
    from django.utils import timezone

    from feedsmith.publishing.tokens import Account, Connection, FolderShelf, Token
    from feedsmith.studio.models import Publisher
    from feedsmith.studio.worker.supervisor import SILENT_MAX
    from small_studio import text_of, visitor

    account = Account(id="17", username="oak", login="instagram")
    FolderShelf(CONFIG.home / "publishing").put(Connection(account, Token("x", timezone.now())))

    def page() -> str:
        return text_of(visitor("olga").get("/b/oak-co/accounts"))

    assert "Nothing is due; the publisher starts by itself." in page()
    supervisor, process = a_publisher(processes)
    assert "The publisher is at work." in page()
    silent = timezone.now() - timedelta(seconds=60)
    Publisher.objects.update(heart_beat=silent)
    assert f"no sign of life since {silent:%H:%M} UTC" in page()
    supervisor._look_at_publisher()
    assert process.poll() is None
    supervisor.publisher.seen -= SILENT_MAX + 1  # so long ago on the supervisor's clock
    supervisor._look_at_publisher()
    assert process.wait(60) != 0
    supervisor._look_at_publisher()
    assert supervisor.publisher is None
    assert "The publisher no longer answered and was ended at" in page()


def test_what_an_ended_publisher_held_is_free(processes: ExitStack) -> None:
    from django.utils import timezone

    from feedsmith.studio.models import Draft, Publication

    draft = Draft.objects.filter(brand__slug="oak-co").first()
    now = timezone.now()
    draft = draft.move("approved", by="owner").move("scheduled", by="owner", scheduled_at=now)
    row = Publication.begin(draft, "17", "oak", now)
    supervisor, process = a_publisher(processes)
    assert row.claim("publisher-1", now)
    assert not row.claim("publisher-2", now)
    process.kill()
    process.wait()
    supervisor._look_at_publisher()
    assert row.claim("publisher-2", now)


def test_what_goes_wrong_with_workers_keeps_no_publisher_waiting(processes: ExitStack) -> None:
    from feedsmith.studio.worker.supervisor import Worker, wake

    supervisor, process = a_publisher(processes)
    supervisor.workers.append(Worker("broken", None))  # the look at workers fails, each time
    with pytest.raises(AttributeError):
        supervisor._look()
    process.kill()
    process.wait()
    supervisor.start()
    try:
        until(lambda: supervisor.publisher is None, 20)
    finally:
        supervisor.workers.clear()
        supervisor.closing = True
        wake()
        supervisor.join(20)


def test_a_post_behind_an_earlier_one_that_waits_starts_no_publisher() -> None:
    from django.utils import timezone

    from feedsmith.studio import due
    from feedsmith.studio.models import Draft, Publication

    now = timezone.now()
    rows = []
    for minutes, draft in enumerate(Draft.objects.filter(brand__slug="oak-co")[:2]):
        at = now + timedelta(minutes=minutes)
        draft = draft.move("approved", by="owner").move("scheduled", by="owner", scheduled_at=at)
        rows.append(Publication.begin(draft, "17", "oak", now))
    first, _ = rows
    assert due.wanted(now)
    Publication.objects.filter(pk=first.pk).update(begins_at=now + timedelta(hours=1))
    assert not due.wanted(now)
    assert due.wanted(now + timedelta(hours=1))


def test_publishers_cut_off_with_their_studio_are_no_alarm_and_who_lives_goes_on() -> None:
    from django.utils import timezone

    from feedsmith.studio.models import Draft, Publication, Publisher
    from feedsmith.studio.worker.supervisor import EXTRA

    now = timezone.now()
    names = ("publisher-gone", "publisher-elsewhere", f"{EXTRA}publisher-1")
    rows = []
    for name, draft in zip(names, Draft.objects.filter(brand__slug="oak-co")[:3], strict=True):
        draft = draft.move("approved", by="owner").move("scheduled", by="owner", scheduled_at=now)
        rows.append(Publication.begin(draft, name[-4:], "oak", now))
        assert rows[-1].claim(name, now)
        Publisher.breathes(name)
    Publisher.objects.filter(name=names[0]).update(heart_beat=now - timedelta(seconds=60))
    assert Publisher.health(now)[0] == "bad"
    assert Publisher.cut_off(but=EXTRA) == [names[0]]
    assert Publisher.health(now)[0] == "good"
    assert [row.claim("publisher-new", now) for row in rows] == [True, False, False]
    Publisher.breathes(names[1])
    alive = Publisher.objects.filter(ended_at=None).order_by("name")
    assert [row.name for row in alive] == sorted(names[1:])


@pytest.mark.skipif(bool(CONFIG.database_url), reason="about SQLite's file")
def test_at_the_end_all_are_ended_though_nothing_can_be_written(processes: ExitStack) -> None:
    """As where PostgreSQL is stopped first."""
    supervisor, publisher = a_publisher(processes)
    other, worker = a_worker(processes, WAITS)
    supervisor.workers += other.workers
    supervisor.join = lambda *_: None  # it was never begun
    a_running_job()
    with locked():
        supervisor.close()
    assert worker.poll() is not None
    assert publisher.poll() is not None
    assert supervisor.workers == []
    assert supervisor.publisher is None
