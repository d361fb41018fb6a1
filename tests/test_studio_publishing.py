"""A scheduled post goes out of the studio at its minute, once; post and attempt never disagree."""

import json
import logging
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from feedsmith.publishing.tokens import FolderShelf
from small_publishing import SHOP, Crash, Day, a_reel, connect, crews, looked, seen
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


# ---- it goes out -----------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["01-photo-aaaaaa", "02-carousel-aaaaaa"])
def test_a_scheduled_post_goes_out_at_its_minute_with_the_words_of_the_studio(
    day: Day, folder: str
) -> None:
    draft = day.scheduled(folder)
    draft = draft.edit({"caption": "Other words."}, version=draft.version)
    day.run()
    (posted,) = day.out
    assert posted.caption == "Other words.\n\n#oak #walks"
    assert 0 <= posted.at - draft.scheduled_at.timestamp() <= 30
    seen(draft)
    assert (draft.state, draft.media_id) == ("published", posted.id)
    assert draft.permalink.startswith("http")
    moves = draft.events.filter(verb="moved").values_list("words", flat=True)
    assert list(moves)[:2] == ["publishing -> published", "scheduled -> publishing"]


def test_each_step_is_a_line_of_the_log_that_gives_nothing_away(day: Day, tmp_path: Path) -> None:
    from feedsmith.studio import logs

    draft = day.scheduled()
    draft = draft.edit({"caption": "Zanzibar lanterns."}, version=draft.version)
    log, said = logging.getLogger("feedsmith"), tmp_path / "events"
    with said.open("wb") as events:
        handler = logs.to(events.fileno(), "json")
        log.addHandler(handler), log.setLevel(logging.INFO)
        try:
            day.run()
        finally:
            log.removeHandler(handler), log.setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in said.read_text("utf-8").splitlines()]
    steps = [line for line in lines if line["event"] == "publication"]
    assert [line["step"] for line in steps][-1] == "published"
    (row,) = draft.publications.all()
    for line in steps:
        assert (line["publication"], line["post"]) == (row.pk, draft.pk)
        assert (line["brand"], line["account"]) == ("oak-co", day.account)
        assert line["before"] != line["step"]
    told = said.read_text("utf-8")
    secret = FolderShelf(CONFIG.home / "publishing").all()[0].token.secret
    assert [word for word in (secret, "Zanzibar", SHOP) if word in told] == []


def test_a_reel_is_fetched_from_the_studio_and_goes_out(day: Day) -> None:
    a_reel()
    draft = day.scheduled("07-reel-aaaaaa", timedelta(minutes=20))
    day.run()
    assert len(day.out) == 1
    assert seen(draft).state == "published"


def test_what_was_hosted_is_gone_afterwards(day: Day) -> None:
    from feedsmith.studio import links
    from feedsmith.studio.models import Publication

    day.scheduled()
    day.run()
    assert [path for path in links.root().rglob("*") if path.is_file()] == []
    assert Publication.objects.get().hosted == []


def test_without_an_account_nothing_changes(day: Day) -> None:
    from feedsmith.studio import accounts
    from feedsmith.studio.models import Brand, Publication

    accounts.shelf_of(Brand.objects.get(slug="oak-co")).remove(day.account)
    draft = day.scheduled()
    day.run()
    assert seen(draft).state == "scheduled"
    assert not Publication.objects.exists()


def test_what_was_due_before_an_account_was_connected_was_posted_by_hand(day: Day) -> None:
    draft = day.scheduled(after=-timedelta(minutes=30))
    day.run()
    assert seen(draft).state == "scheduled"


def test_without_a_place_to_fetch_from_the_post_fails_in_words(day: Day) -> None:
    from feedsmith.errors import FeedsmithError
    from feedsmith.studio import accounts, links
    from feedsmith.studio.models import Brand

    brand = Brand.objects.get(slug="oak-co")
    known = accounts.usual(brand)
    assert known is not None
    with pytest.raises(FeedsmithError, match="no public address") as told:
        links.host_of(brand, known.account.model_copy(update={"server": ""}))
    assert "--url" in told.value.mend
    assert "by hand" in told.value.mend


# ---- crashes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_writing_down_leaves_one_post(
    day: Day, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Before and after each transaction, in a loop until one run needs no more of them."""
    from feedsmith.studio.models import Draft, Publication

    usual, count = Publication.keep, 0
    for crash_at in range(1, 30):
        Publication.objects.all().delete()
        Draft.objects.filter(folder="01-photo-aaaaaa").update(
            state="draft", caption=f"No {crash_at}"
        )
        draft, written = day.scheduled(), 0

        def keep(row, name, attempt, policy, crash_at=crash_at):  # type: ignore[no-untyped-def]
            nonlocal written
            written += 1
            if written == crash_at and not after:
                raise Crash
            usual(row, name, attempt, policy)
            if written == crash_at:
                raise Crash

        monkeypatch.setattr(Publication, "keep", keep)
        crashed = False
        try:
            day.run()
        except Crash:
            crashed = True
        row = Publication.objects.get()
        steps = {"published": "published", "failed": "failed"}
        assert seen(draft).state == steps.get(row.step, "publishing")
        monkeypatch.setattr(Publication, "keep", usual)
        Publication.released("publisher")
        day.run()
        assert seen(draft).state == "published"
        assert sum(f"No {crash_at}\n" in m.caption for m in day.out) == 1
        count = crash_at
        if not crashed:
            break
    assert count > 5


def test_who_lost_its_lease_sends_nothing_more(day: Day) -> None:
    from feedsmith.studio.models import Publication
    from feedsmith.studio.models.publications import LEASE, Taken

    day.scheduled(after=timedelta(minutes=1))
    from feedsmith.studio.worker import publishing

    publishing.turn("one", now=day.now)
    (row,) = Publication.heads(day.now + LEASE * 2)
    assert not row.claim("two", timezone.now())
    assert row.claim("two", timezone.now() + LEASE * 2)
    with pytest.raises(Taken):
        row.keep("one", row.told)


def test_of_several_publishers_one_takes_an_account_and_its_first_post(day: Day) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    from feedsmith.studio.models import Publication
    from feedsmith.studio.worker import publishing

    day.scheduled(after=timedelta(minutes=1))
    day.scheduled("02-carousel-aaaaaa", after=timedelta(minutes=1, seconds=1))
    publishing.turn("one", now=day.now)
    Publication.released()
    at = day.now + timedelta(minutes=5)

    def taken(number: int) -> list[int]:
        try:
            return [r.draft_id for r in Publication.heads(at) if r.claim(f"p{number}", at)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        all_ = [draft for drafts in pool.map(taken, range(6)) for draft in drafts]
    assert len(all_) == 1
    first = Publication.objects.order_by("due").first()
    assert first is not None
    assert all_ == [first.draft_id]


# ---- nobody waits for a slow one -------------------------------------------------------------------


@pytest.mark.parametrize("same", [False, True])
def test_a_slow_upload_holds_up_no_other_account_and_no_earlier_post_of_its_own(
    day: Day, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    from feedsmith.studio.models import Draft

    a_reel()
    slow = connect(day.fake, CONFIG.home, "slow.shop", "facebook")
    reel = day.scheduled("07-reel-aaaaaa", timedelta(seconds=40))
    Draft.objects.filter(pk=reel.pk).update(account=slow)
    upload = day.fake.faults.add("delay", path="rupload", seconds=8)
    with crews(day, monkeypatch, "one") as (crew,):
        looked([crew], lambda: upload.used)
        photo = day.scheduled(after=timedelta(seconds=2))
        Draft.objects.filter(pk=photo.pk).update(account=slow if same else day.account)
        looked([crew], lambda: seen(photo).state == "published")
        assert crew.at[reel.publications.get().pk].kind == "upload"
        assert len(day.out) == 1
        looked([crew], lambda: not crew.at)
        assert reel.publications.get().step == "processing"


def test_chores_that_hang_leave_the_hands_of_the_posts_alone(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feedsmith.studio.worker.publishing import AT_ONCE, CHORES

    free = threading.Event()
    draft = day.scheduled(after=timedelta(seconds=2))
    with crews(day, monkeypatch, "one") as (crew,):
        for _ in range(sum(AT_ONCE.values()) + 2 * CHORES):
            crew.do(lambda: free.wait(60) and None)
        looked([crew], lambda: seen(draft).state == "published")
        assert len(crew.chores) == CHORES
        free.set()
        looked([crew], lambda: not crew.busy)


@contextmanager
def away() -> Iterator[None]:
    """A database that is locked for a second; or on PostgreSQL, all connections cut, as by its restart."""
    from django.db import connection

    if CONFIG.database_url:
        import psycopg

        connection.ensure_connection()
        with psycopg.connect(CONFIG.database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout=50")  # twenty seconds otherwise
    with closing(sqlite3.connect(CONFIG.database_file, check_same_thread=False)) as locking:
        locking.execute("BEGIN IMMEDIATE")
        end = threading.Timer(1, locking.rollback)
        end.start()
        yield
        end.join()


def test_a_database_that_is_away_for_a_moment_is_no_end_of_the_publisher(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feedsmith.studio.worker import figures, publisher

    monkeypatch.setattr(publisher, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(publisher, "STUMBLED", 0.1)
    draft = day.scheduled(after=timedelta(seconds=3))
    with crews(day, monkeypatch, "one") as (crew,), figures.Reader("one") as reader, away():
        publisher.work(crew, reader, 6)
    assert seen(draft).state == "published"


def test_who_is_still_at_it_keeps_its_lease_and_nobody_else_begins(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feedsmith.studio.models import publications

    monkeypatch.setattr(publications, "LEASE", timedelta(seconds=2))
    draft = day.scheduled(after=timedelta(seconds=5))
    slow = day.fake.faults.add("delay", method="POST", path="/media$", seconds=6)
    with crews(day, monkeypatch, "one", "two") as both:
        one, _ = both
        looked([one], lambda: slow.used)
        looked(both, lambda: not one.at)
        assert draft.publications.get().lease == "one"
        looked(both, lambda: seen(draft).state == "published")
    assert len(day.fake.world.containers) == len(day.out) == 1


def test_who_is_gone_is_followed_when_its_lease_has_ended(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feedsmith.studio.models import publications

    monkeypatch.setattr(publications, "LEASE", timedelta(seconds=2))
    draft = day.scheduled(after=timedelta(seconds=5))
    slow = day.fake.faults.add("delay", method="POST", path="/media$", seconds=1)
    with crews(day, monkeypatch, "one", "two") as (one, two):
        looked([one], lambda: slow.used)
        looked([two], lambda: seen(draft).state == "published")  # and nobody looks after the first
        assert draft.publications.get().lease == "two"
    assert len(day.out) == 1


# ---- people ----------------------------------------------------------------------------------------


def test_an_edit_while_it_is_being_sent_is_refused_in_words(day: Day) -> None:
    from feedsmith.errors import FeedsmithError
    from feedsmith.studio.worker import publishing

    draft = day.scheduled(after=timedelta(minutes=1))
    publishing.turn("one", now=day.now)
    seen(draft)
    with pytest.raises(FeedsmithError, match="being published cannot be edited"):
        draft.edit({"caption": "Too late."}, version=draft.version)


def test_it_can_be_stopped_until_it_is_public(day: Day) -> None:
    from feedsmith.studio.models import Publication
    from feedsmith.studio.worker import publishing

    draft = day.scheduled(after=timedelta(minutes=1))
    publishing.turn("one", now=day.now)
    Publication.objects.get().stop(None)
    assert (seen(draft).state, draft.scheduled_at) == ("approved", None)
    day.run()
    assert day.out == []


def test_a_time_missed_by_more_than_the_brand_wants_is_asked_about(day: Day) -> None:
    from feedsmith.studio.models import Publication

    draft = day.scheduled()
    day.fake.world.clock.advance(3 * 3600)
    day.run()
    row = Publication.objects.get()
    assert (seen(draft).state, row.title, row.asks) == ("failed", "Missed its time", True)
    page = text_of(visitor("edgar").get(f"/b/oak-co/posts/{draft.pk}"))
    assert "Missed its time" in page
    assert "Choose another time" in page
    later = (day.now + timedelta(minutes=5)).astimezone(ZoneInfo("Europe/Berlin"))
    form = {"do": "later", "when": f"{later:%Y-%m-%dT%H:%M}"}
    answer = visitor("edgar").post(f"/b/oak-co/posts/{draft.pk}/publication/answer", form)
    assert answer.status_code == 302
    day.run()
    assert seen(draft).state == "published"
    assert len(day.out) == 1


def test_what_may_be_out_is_sent_again_only_by_who_is_sure(day: Day) -> None:
    from feedsmith.errors import FeedsmithError
    from feedsmith.studio.models import Publication

    draft = day.scheduled()
    day.fake.faults.add("drop-before", method="POST", path="media_publish")
    day.fake.faults.add(
        "refuse", method="GET", path=r"/v25\.0/\d+$", times=100, skip=3, code=100, subcode=33
    )
    day.run()
    row = Publication.objects.get()
    assert (seen(draft).state, row.title) == ("publishing", "Not sure")
    page = visitor("edgar").get(f"/b/oak-co/posts/{draft.pk}").content.decode()
    part = page[page.index('<section id="publication"') :].partition("</section>")[0]
    assert "hx-trigger" not in part, "a question is not swapped away under who answers it"
    forms = [re.findall(r'name="do" value="(\w+)"', form) for form in part.split("<form")[1:]]
    assert forms == [["posted"], ["later", "now"]], "Enter beside the time chooses that time"
    with pytest.raises(FeedsmithError, match="twice"):
        row.again(None, "editor", day.now)
    assert seen(draft).state == "publishing"
    day.fake.faults.clear()
    row.again(None, "editor", day.now, sure=True)
    day.run()
    assert seen(draft).state == "published"
    with pytest.raises(FeedsmithError, match="answered already"):
        row.posted(None, "editor")


def test_a_token_taken_back_is_told_by_post_and_account(day: Day) -> None:
    from feedsmith.studio import accounts
    from feedsmith.studio.models import Brand, Publication

    day.scheduled()
    for grant in day.fake.world.grants.values():
        grant.revoked = True
    day.run(0.5)
    row = Publication.objects.get()
    assert not row.over
    assert "connect" in row.told.mend
    (known,) = accounts.connected(Brand.objects.get(slug="oak-co"))
    assert known.trouble
    connect(day.fake, CONFIG.home)
    day.run()
    assert len(day.out) == 1


# ---- links -----------------------------------------------------------------------------------------


def test_a_link_opens_one_file_for_a_while_with_ranges(day: Day, tmp_path: Path) -> None:
    from feedsmith.publishing.hosting import Links, link
    from feedsmith.studio import links
    from small_studio import bytes_of

    file = tmp_path / "a.mp4"
    file.write_bytes(b"0123456789")
    place = Links("https://studio.example", links.key(), links.root())
    address = place.put(file, "post/a.mp4").removeprefix("https://studio.example")
    client = visitor("")
    whole = client.get(address)
    assert (whole.status_code, whole["Content-Type"]) == (200, "video/mp4")
    assert whole["Content-Length"] == "10"
    assert bytes_of(whole) == b"0123456789"
    part = client.get(address, headers={"range": "bytes=2-4"})
    assert (part.status_code, part["Content-Range"]) == (206, "bytes 2-4/10")
    assert bytes_of(part) == b"234"
    assert client.get(address.replace("a.mp4", "b.mp4")).status_code == 404
    ended = link("", links.key(), "post/a.mp4", timezone.now() - timedelta(seconds=1))
    assert client.get(ended).status_code == 404
    assert client.post(address).status_code == 405


def test_links_are_not_asked_for_without_end_and_tries_at_them_stop_nobody_else(
    day: Day, tmp_path: Path
) -> None:
    from feedsmith.publishing.hosting import Links
    from feedsmith.studio import links
    from feedsmith.studio.pages.hosted import A_MINUTE, TRIES_A_MINUTE

    client = visitor("")
    file = tmp_path / "a.jpg"
    file.write_bytes(b"0123456789")
    place = Links("https://studio.example", links.key(), links.root())
    address = place.put(file, "post/a.jpg").removeprefix("https://studio.example")
    wrong = [client.get("/hosted/1/x/y.jpg").status_code for _ in range(A_MINUTE + 1)]
    assert wrong == [404] * TRIES_A_MINUTE + [429] * (A_MINUTE + 1 - TRIES_A_MINUTE)
    right = []
    for _ in range(A_MINUTE + 1):
        answer = client.get(address)
        right.append(answer.status_code)
        answer.close()
    assert right == [200] * A_MINUTE + [429]
