"""Nodes: what works beside the studio's server says that it lives, and who takes the place of one that is gone."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError

from small_studio import CONFIG
from test_studio_metrics import scraped, value

pytestmark = pytest.mark.usefixtures("studio")


def silent(node, **ago: float):  # type: ignore[no-untyped-def]
    """As if this node had given its last sign of life so long ago."""
    from django.utils import timezone

    from feedsmith.studio.models import WorkerNode

    at = timezone.now() - timedelta(**ago)
    WorkerNode.objects.filter(pk=node.pk).update(heart_beat=at, started_at=at)
    node.refresh_from_db()
    return node


def elsewhere(name: str):  # type: ignore[no-untyped-def]
    """A node on another machine."""
    from django.utils import timezone

    from feedsmith.studio.models import WorkerNode

    now = timezone.now()
    return WorkerNode.objects.create(name=name, host=name, pid=1, started_at=now, heart_beat=now)


def a_supervisor():  # type: ignore[no-untyped-def]
    from feedsmith.studio.worker.lock import OneStudio
    from feedsmith.studio.worker.supervisor import EXTRA, Supervisor

    return Supervisor(CONFIG, OneStudio(CONFIG.folder), EXTRA)


# ---- names ---------------------------------------------------------------------------------------


def test_a_node_is_called_as_its_host_and_one_that_was_started_again_is_the_same() -> None:
    from feedsmith.studio.models import WorkerNode

    first = WorkerNode.join()
    assert first.name == socket.gethostname()
    silent(first, seconds=21)
    assert WorkerNode.join().pk == first.pk  # with our own number: process 1 of a container
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    WorkerNode.objects.filter(pk=first.pk).update(pid=ended.pid)
    assert WorkerNode.join().pk == first.pk
    assert WorkerNode.objects.get().pid == os.getpid()


def test_two_that_live_on_one_host_have_two_names() -> None:
    from feedsmith.studio.models import WorkerNode

    first = WorkerNode.join()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        WorkerNode.objects.filter(pk=first.pk).update(pid=other.pid)
        assert WorkerNode.join().name == f"{first.name}-2"
        first.leave()
        assert WorkerNode.join().name == first.name
        other.communicate(b"\n")


def test_two_containers_with_one_hosts_name_do_not_share_a_row() -> None:
    from feedsmith.studio.models import WorkerNode

    first, second = a_supervisor(), a_supervisor()
    for one in (first, second):
        one._look_at_node()
    assert second.node.name == f"{first.node.name}-2"  # the same number, and alive
    silent(first.node, minutes=1)  # its machine slept
    third = a_supervisor()
    third._look_at_node()
    assert third.node.name == socket.gethostname()
    first.beaten -= 10
    first._look_at_node()
    assert first.node.name == f"{socket.gethostname()}-3"
    assert WorkerNode.objects.filter(ended_at=None).count() == 3


def test_a_name_that_another_host_has_is_free_when_that_fell_silent() -> None:
    from feedsmith.studio.models import WorkerNode

    row = elsewhere(socket.gethostname())
    WorkerNode.objects.filter(pk=row.pk).update(host="elsewhere")
    assert WorkerNode.join().name == f"{row.name}-2"
    WorkerNode.objects.exclude(pk=row.pk).delete()
    silent(row, minutes=1)
    assert WorkerNode.join().pk == row.pk


def test_what_is_a_week_old_is_forgotten() -> None:
    from feedsmith.studio.models import WorkerNode

    silent(elsewhere("old"), days=8)
    silent(elsewhere("older-but-told"), days=6)
    WorkerNode.join()
    names = set(WorkerNode.objects.values_list("name", flat=True))
    assert names == {"older-but-told", socket.gethostname()}


# ---- what a monitor sees -------------------------------------------------------------------------


def test_the_server_tells_of_a_node_what_it_told_the_database() -> None:
    from feedsmith.studio.models import Brand, Job
    from feedsmith.studio.models.nodes import BEAT_EVERY

    scraped()
    watching = a_supervisor()
    watching.starts["worker"] = 3
    watching.deaths["worker", "memory"] = 2
    watching._look_at_node()
    name = watching.node.name
    job = Job.objects.create(brand=Brand.objects.get(slug="oak-co"), kind="study")
    assert Job.claim("extra-worker-1", 1, name).pk == job.pk
    job.refresh_from_db()
    job.end("done")
    text = scraped()
    here = {"worker": name}
    assert value(text, "feedsmith_worker_silent_seconds", **here) < BEAT_EVERY
    assert value(text, "feedsmith_workers", what="worker", **here) == 0
    assert value(text, "feedsmith_worker_memory_bytes", what="supervisor", **here) > 10_000_000
    assert value(text, "feedsmith_worker_starts_total", what="worker", **here) == 3
    assert value(text, "feedsmith_worker_deaths_total", what="worker", why="memory", **here) == 2
    assert value(text, "feedsmith_worker_jobs_total", outcome="done", **here) == 1
    assert value(text, "feedsmith_worker_job_seconds_total", outcome="done", **here) >= 0


def test_between_two_signs_of_life_nothing_is_written() -> None:
    from feedsmith.studio.models import WorkerNode

    watching = a_supervisor()
    watching._look_at_node()
    first = WorkerNode.objects.get().heart_beat
    watching._look_at_node()
    assert WorkerNode.objects.get().heart_beat == first
    watching.beaten -= 10
    watching._look_at_node()
    assert WorkerNode.objects.get().heart_beat > first


def test_the_server_itself_is_no_node() -> None:
    from feedsmith.studio.models import WorkerNode

    watching = a_supervisor()
    watching.prefix = ""
    watching._look_at_node()
    assert not WorkerNode.objects.exists()


def test_one_that_was_closed_is_told_no_more() -> None:
    watching = a_supervisor()
    watching._look_at_node()
    watching.start()
    watching.close()
    assert "feedsmith_worker_silent_seconds{" not in scraped()


def test_a_database_that_was_ended_first_is_one_line_and_nothing_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from django.db import connection

    def away(execute, *rest):  # type: ignore[no-untyped-def]
        raise OperationalError("server closed the connection")

    watching = a_supervisor()
    watching._look_at_node()
    watching.start()
    with connection.execute_wrapper(away):
        watching.close()
    assert not Path(watching.turns).exists()
    assert "the database cannot be written" in caplog.text


def test_deaths_are_told_before_there_are_any_and_jobs_only_of_who_is_there() -> None:
    from feedsmith.studio.models import Brand, Job

    scraped()
    watching = a_supervisor()
    watching._look_at_node()
    here = {"worker": watching.node.name}
    for name in (watching.node.name, "gone"):
        job = Job.objects.create(brand=Brand.objects.get(slug="oak-co"), kind="study")
        assert Job.claim(f"extra-{name}", 1, name).pk == job.pk
        job.refresh_from_db()
        job.end("done")
    text = scraped()
    for why in ("memory", "silent", "killed", "crashed"):
        assert value(text, "feedsmith_worker_deaths_total", what="worker", why=why, **here) == 0
    assert value(text, "feedsmith_worker_jobs_total", outcome="done", **here) == 1
    assert 'worker="gone"' not in text


def test_one_that_fell_silent_is_told_until_another_takes_its_place() -> None:
    gone = silent(elsewhere("gone"), minutes=3)
    assert 179 < value(scraped(), "feedsmith_worker_silent_seconds", worker="gone") < 240
    watching = a_supervisor()
    watching._look_at_node()  # begun after the other fell silent
    text = scraped()
    assert 'worker="gone"' not in text
    assert value(text, "feedsmith_worker_silent_seconds", worker=watching.node.name) < 10
    gone.refresh_from_db()
    assert gone.ended_at is not None


def test_one_takes_one_place_and_who_was_there_before_takes_none() -> None:
    before = a_supervisor()
    before._look_at_node()
    for name in ("one", "two"):
        silent(elsewhere(name), seconds=50)
    silent(before.node, hours=1)  # it began long before they fell silent
    before.beaten -= 10
    before._look_at_node()
    text = scraped()
    assert 'worker="one"' in text
    assert 'worker="two"' in text
    after = a_supervisor()
    for _ in range(3):
        after._look_at_node()
        after.beaten -= 10
    text = scraped()
    assert ('worker="one"' in text) + ('worker="two"' in text) == 1


def test_one_that_nobody_replaces_is_told_for_an_hour() -> None:
    silent(elsewhere("gone"), minutes=59)
    assert 'worker="gone"' in scraped()
    silent(elsewhere("left"), minutes=61)
    assert 'worker="left"' not in scraped()


# ---- the page of accounts ------------------------------------------------------------------------


def test_a_publisher_that_fell_silent_is_no_alarm_when_another_is_at_work() -> None:
    from django.utils import timezone

    from feedsmith.studio.models import Publisher

    now = timezone.now()
    Publisher.breathes("extra-publisher-gone")
    Publisher.objects.update(heart_beat=now - timedelta(seconds=60))
    assert Publisher.health(now)[0] == "bad"
    Publisher.breathes("publisher-new")
    assert Publisher.health(now) == ("good", "The publisher is at work")


def test_it_is_one_as_long_as_posts_are_in_its_hands_alone() -> None:
    from django.utils import timezone

    from feedsmith.studio.models import Draft, Publication, Publisher
    from feedsmith.studio.models.publications import LEASE

    now = timezone.now()
    draft = Draft.objects.filter(brand__slug="oak-co").first()
    draft = draft.move("approved", by="owner").move("scheduled", by="owner", scheduled_at=now)
    row = Publication.begin(draft, "17", "oak", now)
    at = now - timedelta(seconds=60)
    assert row.claim("extra-publisher-gone", now - timedelta(0))
    Publisher.breathes("extra-publisher-gone")
    Publisher.objects.update(heart_beat=at)
    Publisher.breathes("publisher-new")
    assert Publisher.health(now)[0] == "bad"
    later = now + LEASE + timedelta(seconds=1)
    Publisher.objects.filter(name="publisher-new").update(heart_beat=later)
    assert Publisher.health(later)[0] == "good"  # its lease ended
    assert row.claim("publisher-new", later)
