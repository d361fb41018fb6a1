"""The figures of what is out are read at their ages, once each, and never before a post that is due."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from small_publishing import SHOP, Crash, Day, connect
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def read(on: Day, until: float, name: str = "publisher") -> None:
    """Read what is due until so many hours after now, on the clock of the fake."""
    from feedsmith.studio.models import Look
    from feedsmith.studio.worker import figures

    end = on.now + timedelta(hours=until)
    while True:
        figures.turn(name, lambda: on.now)
        at = Look.objects.filter(step="waiting", begins_at__gt=on.now).order_by("begins_at").first()
        if at is None or at.begins_at > end:
            on.fake.world.clock.set(end.timestamp())
            return
        on.fake.world.clock.set(at.begins_at.timestamp() + 0.01)


def lines() -> list[dict[str, dict[str, object]]]:
    path = CONFIG.home / "insights.jsonl"
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def readings() -> list[dict[str, object]]:
    return [line["reading"] for line in lines() if "reading" in line]


def asked(on: Day, path: str = "/insights") -> int:
    return sum(path in call.path for call in on.fake.world.calls)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    (CONFIG.home / "insights.jsonl").unlink(missing_ok=True)
    (CONFIG.home / "reports" / "learn.json").unlink(missing_ok=True)


# ---- when ------------------------------------------------------------------------------------------


def test_a_post_is_looked_at_after_an_hour_a_day_three_days_a_week_and_four(day: Day) -> None:
    from feedsmith.studio.models import Job

    draft = day.scheduled()
    draft = draft.edit({"caption": "Other words.", "hashtags": ["oak"]}, version=draft.version)
    day.run()
    (posted,) = day.out
    read(day, 24 * 40)
    ages = [
        (datetime.fromisoformat(str(r["at"])).timestamp() - posted.at) / 3600 for r in readings()
    ]
    assert [round(age) for age in ages] == [1, 24, 72, 168, 672]
    assert all(r["reach"] and r["likes"] is not None for r in readings())
    (published,) = [line["published"] for line in lines() if "published" in line]
    assert published["post"] == "01-photo-aaaaaa"
    assert published["caption_length"] == len("Other words.")
    assert published["hashtags"] == ["oak"]
    assert published["followers"]
    assert str(published["at"]).endswith(("+01:00", "+02:00"))  # in the brand's zone
    assert asked(day) == 5
    assert Job.objects.filter(kind="study").count() == 1


def test_what_was_missed_while_the_studio_was_off_is_read_once(day: Day) -> None:
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    day.fake.world.clock.advance(8 * 24 * 3600)
    read(day, 1)
    assert len(readings()) == asked(day) == 1
    steps = list(Look.objects.order_by("hours").values_list("step", flat=True))
    assert steps == ["passed", "passed", "passed", "read", "waiting"]


def test_a_story_is_looked_at_before_its_figures_end(day: Day) -> None:
    from feedsmith.brand import Home
    from feedsmith.studio.models import Brand, Look
    from feedsmith.studio.models.drafts import adopt
    from small_studio import post

    post(Home(CONFIG.home), "08-story-aaaaaa", "story")
    adopt(Brand.objects.get(slug="oak-co"))
    day.scheduled("08-story-aaaaaa")
    day.run()
    read(day, 22)
    assert len(readings()) == 2
    day.fake.world.clock.advance(3 * 3600)
    read(day, 1)
    assert len(readings()) == 2
    assert Look.objects.get(step="gone").said == "Instagram has no figures of a story after a day"


# ---- once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", ["keep", "record"])
def test_a_kill_between_reading_and_keeping_doubles_nothing(
    day: Day,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    after: bool,
) -> None:
    from feedsmith import outcomes
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    where = Look if at == "keep" else outcomes
    usual = getattr(where, at)

    def killed(*args, **more):  # type: ignore[no-untyped-def]
        if after:
            usual(*args, **more)
        raise Crash

    monkeypatch.setattr(where, at, killed)
    day.fake.world.clock.advance(3601)
    with pytest.raises(Crash):
        read(day, 0)
    monkeypatch.setattr(where, at, usual)
    Look.released("publisher")
    read(day, 0.1)
    read(day, 0.1)
    assert len(lines()) == 2
    assert asked(day) == (2 if (at, after) == ("keep", False) else 1)


def test_of_two_publishers_one_reads(day: Day) -> None:
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    Look.plan(day.now)
    day.fake.world.clock.advance(3601)
    (look,) = Look.heads(day.now)
    (same,) = Look.heads(day.now)
    assert look.claim("one", day.now)
    assert not same.claim("two", day.now)
    assert not same.keep("two", "fresh")
    assert look.keep("one", "fresh", figures={})
    assert not look.claim("one", day.now)


def test_planning_twice_is_planning_once(day: Day) -> None:
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    assert Look.plan(day.now) == 5
    assert Look.plan(day.now) == 0
    assert Look.objects.count() == 5


# ---- politely --------------------------------------------------------------------------------------


def test_publishing_comes_first(day: Day) -> None:
    day.scheduled()
    day.run()
    day.fake.world.clock.advance(3600 - 30)
    other = day.scheduled("03-quote-aaaaaa", timedelta(minutes=2))
    day.fake.world.clock.advance(40)  # the hour is over, and the other one is taken up
    read(day, 0)
    assert readings() == []
    day.run(0.5)
    other.refresh_from_db()
    assert other.state == "published"
    read(day, 0.1)
    assert len(readings()) == 1


def test_half_of_the_usage_is_left_to_publishing(day: Day) -> None:
    from feedsmith.studio.models import Look

    for folder in ("01-photo-aaaaaa", "03-quote-aaaaaa"):
        day.scheduled(folder)
    day.run()
    day.fake.world.clock.advance(2 * 3600)
    day.fake.usage.forced = 60
    read(day, 0)
    assert len(readings()) == 1
    waiting = Look.objects.filter(step="waiting", hours=1).get()
    assert waiting.begins_at >= day.now + timedelta(minutes=14)
    assert "left alone" in waiting.said
    day.fake.usage.forced = 0
    read(day, 0.5)
    assert len(readings()) == 2


def test_throttled_means_that_nothing_more_is_asked_for_a_while(day: Day) -> None:
    for folder in ("01-photo-aaaaaa", "03-quote-aaaaaa"):
        day.scheduled(folder)
    day.run()
    day.fake.world.clock.advance(2 * 3600)
    day.fake.faults.add("throttle", path=r"/\d+$", code=4)
    before = len(day.fake.world.calls)
    read(day, 0)
    assert len(day.fake.world.calls) == before + 1
    read(day, 3)
    assert len(readings()) == 2


def test_an_hour_without_instagram_loses_nothing(day: Day) -> None:
    day.scheduled()
    day.run()
    day.fake.world.clock.advance(3600)
    day.fake.faults.add("500-before", times=6)
    read(day, 12)
    assert len(readings()) == 1


# ---- what cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["revoke", "expire"])
def test_an_account_that_does_not_open_is_a_line_and_no_loop(day: Day, how: str) -> None:
    from feedsmith.studio import due

    day.scheduled()
    day.run()
    day.fake.world.clock.advance(3601)
    world = day.fake.world
    for grant in world.grants.values():
        grant.revoked, grant.expires = how == "revoke", world.clock.now()
    read(day, 0)
    before = len(world.calls)
    for _ in range(20):
        world.clock.advance(3600)
        assert not due.figures_wanted(day.now)
        read(day, 0)
    assert len(world.calls) == before
    page = text_of(visitor("olga").get("/b/oak-co/works"))
    assert "connect it again" in page.lower()
    connect(day.fake, CONFIG.home)
    assert due.figures_wanted(day.now)
    read(day, 0.1)
    assert len(readings()) == 1


def test_a_post_that_was_deleted_is_not_asked_about_again(day: Day) -> None:
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    (posted,) = day.out
    del day.fake.world.media[posted.id]
    read(day, 24 * 30)
    assert set(Look.objects.values_list("step", flat=True)) == {"gone"}
    assert lines() == []


def test_without_the_permission_likes_and_comments_are_read_alone(day: Day) -> None:
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()
    for grant in day.fake.world.grants.values():
        grant.scopes[:] = [scope for scope in grant.scopes if "insights" not in scope]
    read(day, 2)
    (one,) = readings()
    assert one["reach"] is None
    assert one["likes"] is not None
    assert "allow insights" in Look.objects.get(step="read").said


def test_on_a_full_disk_figures_wait_in_the_database(
    day: Day,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from feedsmith import outcomes
    from feedsmith.errors import FeedsmithError
    from feedsmith.studio import due
    from feedsmith.studio.models import Look

    day.scheduled()
    day.run()

    def full(*_: object) -> int:
        raise FeedsmithError("the disk is full")

    usual = outcomes.record
    monkeypatch.setattr(outcomes, "record", full)
    read(day, 2)
    assert Look.objects.get(step="fresh").figures
    assert not due.figures_wanted(Look.objects.get(step="fresh").read_at)  # not every second
    monkeypatch.setattr(outcomes, "record", usual)
    assert due.figures_wanted(day.now)
    read(day, 0.1)
    assert len(readings()) == asked(day) == 1


def test_a_brand_whose_files_cannot_be_read_asks_nothing_and_holds_up_no_other(day: Day) -> None:
    from feedsmith.studio import due
    from feedsmith.studio.models import Look

    for folder in ("01-photo-aaaaaa", "03-quote-aaaaaa"):
        day.scheduled(folder)
    day.run()
    file = CONFIG.home / "brand.toml"
    whole = file.read_text("utf-8")
    day.fake.world.clock.advance(2 * 3600)
    before = len(day.fake.world.calls)
    file.write_text("half = [", "utf-8")
    try:
        read(day, 0)
    finally:
        file.write_text(whole, "utf-8")
    waiting = Look.objects.filter(hours=1)
    assert len(day.fake.world.calls) == before
    assert [(look.step, look.tries, look.lease) for look in waiting] == [("waiting", 0, "")] * 2
    assert all(look.said for look in waiting)
    assert not due.figures_wanted(day.now)
    read(day, 0.5)
    assert len(readings()) == 2


# ---- what comes of it ------------------------------------------------------------------------------


def test_what_was_read_is_what_the_report_and_the_next_posts_lean_on(day: Day) -> None:
    from feedsmith.outcomes import read as outcomes_of

    day.scheduled()
    day.run()
    read(day, 24 * 8)
    (outcome,) = outcomes_of(CONFIG.home).outcomes
    assert outcome.at_age(72.0)
    assert outcome.published.account == SHOP
    assert outcome.published.at.astimezone(UTC) == datetime.fromtimestamp(
        day.out[0].at, UTC
    ).replace(microsecond=0)
