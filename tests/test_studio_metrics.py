"""Metrics and health: what a monitor asks, and what the dashboard and the alerts ask of it."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.utils import timezone

import small_studio
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")

DEPLOY = Path(__file__).parent.parent / "deploy"


def scraped(**headers: str) -> str:
    answer = visitor(**headers).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return answer.content.decode()


def families(text: str) -> dict[str, Any]:
    from prometheus_client.parser import text_string_to_metric_families

    return {family.name: family for family in text_string_to_metric_families(text)}


def value(text: str, name: str, **labels: str) -> float:
    """Of the one sample with these labels; 0 where there is none."""
    found = [
        sample.value for family in families(text).values() for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]  # fmt: skip
    assert len(found) <= 1, found
    return found[0] if found else 0.0


def config(monkeypatch: pytest.MonkeyPatch, **more: object) -> None:
    """The studio as if it had been started so."""
    from dataclasses import replace

    from django.conf import settings

    monkeypatch.setattr(settings, "STUDIO", replace(CONFIG, **more))  # type: ignore[arg-type]


def used() -> None:
    """Some of everything that is counted."""
    from feedsmith.publishing.attempt import Attempt
    from feedsmith.studio.models import Brand, Draft, Hook, Job, Publication

    visitor("edgar").get("/b/oak-co/posts")
    visitor().get("/nowhere")
    oak, now = Brand.objects.get(slug="oak-co"), timezone.now()
    Job.objects.create(brand=oak, kind="generate")
    Job.objects.filter(state="queued").update(asked_at=now - timedelta(minutes=10))
    Job.objects.create(brand=oak, kind="generate", state="running", started_at=now, heart_beat=now)
    Job.objects.create(brand=oak, kind="import", state="failed", started_at=now, ended_at=now)
    Job.objects.create(
        brand=oak,
        kind="generate",
        state="done",
        started_at=now - timedelta(seconds=20),
        ended_at=now,
    )
    Hook.make(oak, "https://example.org/hook").test()
    folder = Path(oak.home.root) / "publishing" / "accounts"
    folder.mkdir(parents=True, exist_ok=True)
    ends = (now + timedelta(days=12, hours=1)).isoformat()
    token = {"locked": "x", "issued": now.isoformat(), "expires": ends}
    account = {"id": "17", "username": "oak.walks", "login": "instagram"}
    told = {"account": account, "token": token, "page_token": None, "scopes": [], "trouble": ""}
    (folder / "17.json").write_text(json.dumps(told))
    first, second, third = Draft.objects.filter(brand=oak).order_by("pk")
    Brand.objects.filter(pk=oak.pk).update(publishes_from=now - timedelta(days=9))
    for draft, step in ((first, "published"), (second, "asking")):
        due = now - timedelta(hours=1)
        attempt = Attempt(post=f"{draft.pk}.1", account="17", due=due)
        Publication.objects.create(
            draft=draft, account="17", version=1, attempt=attempt.model_dump(mode="json"), step=step,
            due=due, begins_at=due, over=True,
        )  # fmt: skip
    Draft.objects.filter(pk=second.pk).update(state="publishing", scheduled_at=now)
    Draft.objects.filter(pk=third.pk).update(
        state="scheduled", scheduled_at=now - timedelta(minutes=30)
    )


def test_the_numbers_are_those_of_the_studio() -> None:
    scraped()  # what is counted from the beginning is counted from here
    before = value(scraped(), "feedsmith_posts_made_total")
    used()
    small_studio.post(_oak().home, "09-photo-eeeeee")
    from feedsmith.studio.models.drafts import adopt

    adopt(_oak())
    text = scraped()
    for name, labels, wanted in (
        ("feedsmith_database_up", {}, 1),
        ("feedsmith_jobs", {"kind": "generate", "state": "queued"}, 1),
        ("feedsmith_jobs", {"kind": "generate", "state": "running"}, 1),
        ("feedsmith_jobs", {"kind": "generate", "state": "done"}, 1),
        ("feedsmith_jobs", {"kind": "import", "state": "failed"}, 1),
        ("feedsmith_job_duration_seconds_count", {"kind": "generate", "outcome": "done"}, 1),
        (
            "feedsmith_job_duration_seconds_bucket",
            {"kind": "generate", "outcome": "done", "le": "10.0"},
            0,
        ),
        (
            "feedsmith_job_duration_seconds_bucket",
            {"kind": "generate", "outcome": "done", "le": "30.0"},
            1,
        ),
        ("feedsmith_publications", {"step": "published"}, 1),
        ("feedsmith_publications_asking", {}, 1),
        ("feedsmith_posts_overdue", {}, 1),
        ("feedsmith_posts", {"state": "scheduled"}, 1),
        ("feedsmith_account_posts_left", {"brand": "oak-co", "account": "oak.walks"}, 49),
        ("feedsmith_webhook_messages", {"state": "waiting"}, 2),
    ):
        assert value(text, name, **labels) == wanted, (name, labels)
    assert 599 < value(text, "feedsmith_oldest_waiting_job_seconds") < 700
    assert 1799 < value(text, "feedsmith_most_overdue_seconds") < 1900
    assert 12 < value(text, "feedsmith_account_token_days_left") < 12.1
    assert value(text, "feedsmith_posts_made_total") == before + 1
    assert value(text, "feedsmith_database_bytes") > 100_000
    assert 0 < value(text, "feedsmith_disk_free_bytes") <= value(text, "feedsmith_disk_bytes")
    assert value(text, "process_resident_memory_bytes") > 10_000_000


def _oak():  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand

    return Brand.objects.get(slug="oak-co")


def test_a_request_is_counted_once_by_its_route_and_never_by_its_address() -> None:
    labels = {"method": "GET", "route": "b/<slug:slug>/posts", "status": "200"}
    before = value(scraped(), "feedsmith_requests_total", **labels)
    visitor("edgar").get("/b/oak-co/posts?q=secret")
    visitor().get("/r/" + "s" * 43)
    text = scraped()
    assert value(text, "feedsmith_requests_total", **labels) == before + 1
    assert value(text, "feedsmith_request_duration_seconds_count", route=labels["route"]) >= 1
    assert "secret" not in text
    assert "sss" not in text
    assert "oak-co" not in re.sub(r"^feedsmith_account.*$", "", text, flags=re.M)


def test_methods_that_somebody_makes_up_are_counted_as_one() -> None:
    for number in range(5):
        visitor().generic(f"MADEUP{number}", "/healthz")
    text = scraped()
    assert "MADEUP" not in text
    assert (
        value(text, "feedsmith_requests_total", method="other", route="healthz", status="405") >= 5
    )


def test_a_jobs_end_is_counted_once_however_often_one_asks() -> None:
    scraped()
    labels = {"kind": "generate", "outcome": "done"}
    before = value(scraped(), "feedsmith_job_duration_seconds_count", **labels)
    used()
    for _ in range(3):
        text = scraped()
    assert value(text, "feedsmith_job_duration_seconds_count", **labels) == before + 1


def test_without_a_database_the_rest_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.models.query import QuerySet

    scraped()

    def away(*_: object, **__: object) -> None:
        raise OperationalError("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "_fetch_all", away)
        text = scraped()
    assert value(text, "feedsmith_database_up") == 0
    assert value(text, "feedsmith_disk_free_bytes") > 0


# ---- who may read them -----------------------------------------------------------------------------


def test_programs_on_this_machine_may_read_them_and_nobody_else() -> None:
    assert visitor().get("/metrics").status_code == 200
    assert visitor().get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404
    assert visitor("olga").get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404


@pytest.mark.parametrize(
    "sign", [{"x-forwarded-for": "192.0.2.7"}, {"via": "1.1 proxy"}, {"host": "oak"}, {"forwarded": "for=x"}]
)  # fmt: skip
def test_a_proxy_on_this_machine_opens_them_to_nobody(sign: dict[str, str]) -> None:
    assert visitor(**sign).get("/metrics").status_code in (400, 404)


def test_a_studio_with_a_public_address_shows_them_only_when_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config(monkeypatch, public_url="http://localhost")
    assert visitor().get("/metrics").status_code == 404
    config(monkeypatch, public_url="http://localhost", metrics=True)
    assert visitor().get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 200


@pytest.mark.parametrize(
    ("said", "status"), [("Bearer hush", 200), ("Bearer hus", 404), ("Basic hush", 404), ("", 404)]
)
def test_with_a_token_only_who_shows_it(
    said: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(monkeypatch, metrics=True, metrics_token="hush")
    headers = {"authorization": said} if said else {}
    assert visitor(**headers).get("/metrics").status_code == status
    assert visitor().get("/metrics?token=hush").status_code == 404


# ---- what is made of them --------------------------------------------------------------------------


def expressions() -> list[str]:
    """What the dashboard and the alerts ask."""
    import yaml

    found = []
    board = json.loads((DEPLOY / "grafana" / "feedsmith.json").read_text("utf-8"))
    for panel in board["panels"]:
        found += [target["expr"] for target in panel.get("targets", ())]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        found += [rule["expr"] for rule in group["rules"]]
    assert len(found) > 20
    return found


def sending():  # type: ignore[no-untyped-def]
    """Who would send this studio's folders to a storage that is off."""
    from feedsmith.brand import HostingSettings
    from feedsmith.publishing.sigv4 import Keys
    from feedsmith.studio.mirror import Mirror, Sender, Store

    off = HostingSettings(endpoint="http://127.0.0.1:9", bucket="media")
    return Sender(Mirror(Store(off, Keys("a", "b"), "studio"), (CONFIG.home,)))


def test_each_metric_that_the_dashboard_and_the_alerts_name_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from feedsmith.studio import metrics
    from feedsmith.studio.models import WorkerNode
    from feedsmith.studio.worker.lock import OneStudio
    from feedsmith.studio.worker.supervisor import Supervisor

    watching = Supervisor(CONFIG, OneStudio(CONFIG.folder))
    watching.deaths["worker", "memory"] += 1
    monkeypatch.setattr(metrics, "supervisor", watching)
    monkeypatch.setattr(metrics, "sender", sending())
    WorkerNode.join()
    scraped()
    used()
    told = families(scraped())
    labels: dict[str, set[str]] = {}
    for family in told.values():
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for expression in expressions():
        names = re.findall(r"\b(?:feedsmith|process)_\w+", expression)
        assert names or "up{" in expression, expression
        assert [name for name in names if name not in labels] == [], expression
        for name, chosen in re.findall(r"\b((?:feedsmith|process)_\w+)\{([^}]*)\}", expression):
            wanted = set(re.findall(r"(\w+)\s*[=!]~?", chosen)) - {"job", "instance"}
            assert wanted <= labels[name], expression
        for by in re.findall(r"\bby \(([^)]*)\)", expression):
            known = set().union(*(labels[name] for name in names)) | {"instance", "job", "le"}
            assert {word.strip() for word in by.split(",")} <= known, expression


def test_every_metric_of_ours_is_used_or_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedsmith.studio import metrics

    page = (DEPLOY.parent / "docs" / "operate.md").read_text("utf-8")
    monkeypatch.setattr(metrics, "sender", sending())
    scraped()
    used()
    own = {name for name in families(scraped()) if name.startswith("feedsmith_")}
    assert [name for name in sorted(own) if name not in page] == []


def test_what_is_damaged_hides_its_own_numbers_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config(monkeypatch, home=CONFIG.home / "gone")  # the disk's numbers cannot be had
    told = scraped()
    assert "feedsmith_disk_free_bytes" not in told
    assert value(told, "feedsmith_database_up") == 1
    assert "feedsmith_posts_overdue" in told
    assert "numbers are missing: _disk" in caplog.text


# ---- readiness -------------------------------------------------------------------------------------


def ready() -> tuple[int, str]:
    answer = visitor().get("/readyz")
    return answer.status_code, text_of(answer)


def test_a_database_of_another_version_is_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('studio', '9999_later', '2030-01-01')"
        )
        try:
            assert ready() == (503, "the database was written by a newer Feedsmith")
        finally:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9999_later'")
    assert ready() == (200, "ok")


def test_a_mirror_that_is_behind_or_lost_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedsmith.studio import metrics

    sender = sending()
    monkeypatch.setattr(metrics, "sender", sender)
    assert ready() == (200, "ok")
    sender._well -= 301
    assert ready() == (503, "the mirror is behind; what was made last is not in the bucket")
    assert value(scraped(), "feedsmith_mirror_behind_seconds") > 300
    sender.mirror.lost = True
    assert ready()[1].startswith("another studio keeps the mirror now")
    assert value(scraped(), "feedsmith_mirror_lost") == 1


def test_jobs_that_wait_in_vain_are_not_ready() -> None:
    from feedsmith.studio.models import Job

    row = Job.objects.create(brand=_oak(), kind="generate")
    assert ready()[0] == 200
    late = timezone.now() - timedelta(minutes=6)
    Job.objects.filter(pk=row.pk).update(updated_at=late)
    assert ready() == (503, "jobs wait, and no worker breathes")
    beside = Job.objects.create(
        brand=_oak(), kind="plan", state="running", heart_beat=timezone.now()
    )
    assert ready()[0] == 200
    Job.objects.filter(pk=beside.pk).update(heart_beat=late)
    assert ready()[0] == 503


def test_a_studio_without_workers_of_its_own_does_not_wait_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from feedsmith.studio.models import Job

    row = Job.objects.create(brand=_oak(), kind="study")
    Job.objects.filter(pk=row.pk).update(updated_at=timezone.now() - timedelta(hours=6))
    assert ready()[0] == 503
    config(monkeypatch, workers_here=0)
    assert ready() == (200, "ok")


def test_a_disk_that_takes_nothing_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    config(monkeypatch, home=CONFIG.home / "gone")
    assert ready() == (503, "the disk cannot be written")
