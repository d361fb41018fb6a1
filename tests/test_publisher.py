"""A post goes out at its minute, once, or a person is asked: whatever breaks, whenever."""

import io
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from feedsmith.fake_instagram.server import FakeInstagram
from feedsmith.publishing.attempt import Attempt, Item, Sending
from feedsmith.publishing.graph import Graph, NewContainer, Place
from feedsmith.publishing.publisher import USUAL, Policy, advance, begins, in_turn

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
RUNS = 120
"""Random runs here; a thousand under `full`."""


# ---- a small world -----------------------------------------------------------------------------


def jpeg(width: int = 320, height: int = 400) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (90, 140, 80)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(scope="module")
def media() -> Iterator[str]:
    """Where a picture can be fetched from."""
    data = jpeg()

    class Shelf(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a.jpg"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeInstagram]:
    one = FakeInstagram()
    one.world.clock.stop()
    one.world.clock.set(NOON.timestamp() - 600)
    one.start()
    yield one
    one.close()


class Crash(BaseException):
    """The process is gone: nothing that only it knew is left."""


@dataclass
class Ledger:
    """Attempts on disk. With `crash_at`, the process dies at that writing: before it, or after."""

    path: Path
    crash_at: int = 0
    before: bool = False
    written: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS attempt (post TEXT PRIMARY KEY, due REAL, over INT, told TEXT)"
        )
        self.db.execute("CREATE INDEX IF NOT EXISTS soon ON attempt (over, due)")

    def keep(self, attempt: Attempt) -> None:
        self.written += 1
        if self.written == self.crash_at and self.before:
            raise Crash
        row = (attempt.post, attempt.due.timestamp(), attempt.over, attempt.model_dump_json())
        self.db.execute("INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?)", row)
        if self.written == self.crash_at:
            raise Crash

    def all(self) -> list[Attempt]:
        rows = self.db.execute("SELECT told FROM attempt ORDER BY rowid").fetchall()
        return [Attempt.model_validate_json(told) for (told,) in rows]

    def soon(self, now: datetime) -> list[Attempt]:
        """Those that are not over and due within an hour; else the next one."""
        ask = "SELECT told FROM attempt WHERE NOT over"
        hour = (now + timedelta(hours=1)).timestamp()
        rows = self.db.execute(f"{ask} AND due < ?", (hour,)).fetchall()
        rows = rows or self.db.execute(f"{ask} ORDER BY due LIMIT 1").fetchall()
        return [Attempt.model_validate_json(told) for (told,) in rows]

    def posts(self, account: str) -> list[str]:
        """Numbers of what is out."""
        return [a.media for a in self.all() if a.media and a.account == account]


@dataclass
class Publishing:
    """What a worker does all day, on a clock that the fake and the worker share."""

    fake: FakeInstagram
    ledger: Ledger
    sendings: dict[str, Sending]
    graphs: dict[str, Graph]
    policy: Policy = USUAL

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.fake.world.clock.now(), UTC)

    def run(self, until: datetime) -> None:
        """To the end of all attempts, or to `until`."""
        while self.now < until:
            turn = in_turn(self.ledger.soon(self.now))
            if not turn:
                return
            when = {a.post: begins(a, self.sendings[a.post], self.policy) for a in turn}
            due = [a for a in turn if when[a.post] <= self.now]
            for attempt in due:
                known = self.ledger.posts(attempt.account) if attempt.calls else ()
                advance(
                    attempt, self.sendings[attempt.post], self.graphs[attempt.account],
                    self.ledger.keep, self.now, policy=self.policy, known=known,
                )  # fmt: skip
            if not due:
                self.fake.world.clock.set(min(until, *when.values()).timestamp())


def one_post(
    fake: FakeInstagram, folder: Path, url: str, form: str = "image", due: datetime = NOON, **more: Any
) -> Publishing:  # fmt: skip
    grant = fake.connected("tall.tree.outfitters", kind="page")
    account = grant.accounts[0]
    items = tuple(Item(url=url, alt_text="A tree") for _ in range(3 if form == "carousel" else 1))
    sending = Sending.model_validate(
        {"form": form, "text": "An oak in the morning\n\n#oak", "items": items, **more}
    )
    ledger = Ledger(folder / "attempts.db")
    ledger.keep(Attempt(post="oak", account=account, due=due))
    graph = Graph(account, "instagram", grant.token, place=Place(fake.url), timeout=5)
    return Publishing(fake, ledger, {"oak": sending}, {account: graph})


def out(fake: FakeInstagram) -> list[Any]:
    return [m for m in fake.world.media.values() if not m.parent]


LATER = NOON + timedelta(hours=12)


# ---- when all goes well --------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["image", "carousel", "story"])
def test_a_post_goes_out_at_its_minute_with_words_and_alt_text(
    fake: FakeInstagram, media: str, tmp_path: Path, form: str
) -> None:
    work = one_post(fake, tmp_path, media, form, ai=form != "story")
    work.run(LATER)
    (posted,) = out(fake)
    (attempt,) = work.ledger.all()
    assert attempt.step == "published"
    assert attempt.media == posted.id
    assert 0 <= posted.at - NOON.timestamp() <= 30
    assert posted.caption == ("" if form == "story" else "An oak in the morning\n\n#oak")
    assert posted.ai == (form != "story")
    if form == "image":
        assert posted.alt == "A tree"
        assert attempt.permalink.startswith("http")
    if form == "carousel":
        assert [fake.world.media[n].alt for n in posted.children] == ["A tree"] * 3


def test_the_posts_of_an_account_go_out_in_the_order_of_their_times(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    account = work.ledger.all()[0].account
    for number in (5, 2, 4, 1, 3):
        work.sendings[f"p{number}"] = work.sendings["oak"].model_copy(update={"text": f"{number}"})
        at = NOON + timedelta(minutes=number // 2)  # some at the same minute
        work.ledger.keep(Attempt(post=f"p{number}", account=account, due=at))
    fake.faults.add("throttle", path="media_publish", skip=2, code=4)
    work.run(LATER)
    words = [m.caption for m in sorted(out(fake), key=lambda m: m.at)]
    assert words == ["An oak in the morning\n\n#oak", "1", "2", "3", "4", "5"]


# ---- when something breaks ------------------------------------------------------------------------


def test_a_lost_answer_is_looked_for_and_the_post_is_not_sent_again(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.faults.add("drop-after", method="POST", path="media_publish")
    work.run(LATER)
    (attempt,), (posted,) = work.ledger.all(), out(fake)
    assert (attempt.step, attempt.media) == ("published", posted.id)


@pytest.mark.parametrize(
    "do", ["drop-before", "500-before", "html-after", "500-after", "duplicate"]
)
def test_whatever_becomes_of_the_call_there_is_one_post(
    fake: FakeInstagram, media: str, tmp_path: Path, do: str
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.faults.add(do, method="POST", path="media_publish")
    work.run(LATER)
    (attempt,), (posted,) = work.ledger.all(), out(fake)
    assert (attempt.step, attempt.media) == ("published", posted.id)


def test_a_container_that_is_gone_after_a_lost_answer_is_asked_about(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.faults.add("drop-before", method="POST", path="media_publish")
    fake.faults.add(
        "refuse", method="GET", path=r"/v25\.0/\d+$", times=100, skip=2, code=100, subcode=33
    )
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert (attempt.step, attempt.why) == ("asking", "unknown")
    assert "mark it as posted" in attempt.mend
    assert not out(fake)


def lost_call(fake: FakeInstagram, work: Publishing) -> Attempt:
    """The post to where its call was begun, did nothing, and its answer was lost."""
    fake.faults.add("drop-before", method="POST", path="media_publish")
    (attempt,) = work.ledger.all()
    oak, graph = work.sendings["oak"], work.graphs[attempt.account]
    while attempt.step != "publishing":
        fake.world.clock.set(max(work.now, begins(attempt, oak)).timestamp())
        attempt = advance(attempt, oak, graph, work.ledger.keep, work.now)
    return attempt


def by_hand(work: Publishing, attempt: Attempt, url: str, form: str = "image") -> str:
    """A person posts the same words with the app."""
    graph = work.graphs[attempt.account]
    text, parts = work.sendings["oak"].text, ()
    if form == "carousel":
        part = NewContainer(kind="image", image_url=url, part=True)
        parts = tuple(graph.create(part).id for _ in range(2))
    wanted = {"kind": form, "caption": text, "children": parts, "image_url": "" if parts else url}
    return graph.publish(graph.create(NewContainer.model_validate(wanted)).id)


def test_a_post_of_another_kind_with_the_same_words_is_not_taken_for_it(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    other = by_hand(work, lost_call(fake, work), media, "carousel")
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert attempt.step == "published"
    assert attempt.media not in ("", other)
    assert len(out(fake)) == 2


def test_nor_is_a_carousel_with_fewer_parts_or_a_post_older_than_its_container(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media, "carousel")
    old = by_hand(work, work.ledger.all()[0], media, "carousel")
    fake.world.clock.set(NOON.timestamp())
    other = by_hand(work, lost_call(fake, work), media, "carousel")
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert attempt.step == "published"
    assert attempt.media not in ("", other, old)
    assert len(out(fake)) == 3


def test_of_two_posts_that_could_be_it_none_is_chosen_and_a_person_is_asked(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    attempt = lost_call(fake, work)
    posted = {by_hand(work, attempt, media) for _ in range(2)}
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert (attempt.step, attempt.why, attempt.media) == ("asking", "unknown", "")
    assert "more than one post" in attempt.said
    assert {m.id for m in out(fake)} == posted


def test_a_post_that_may_be_another_attempt_s_is_not_taken_either(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    attempt = lost_call(fake, work)
    posted = by_hand(work, attempt, media)
    oak, graph = work.sendings["oak"], work.graphs[attempt.account]

    def looked(**more: Any) -> Attempt:
        now, attempt = work.now, work.ledger.all()[0]
        while not attempt.over and attempt.step == "publishing":
            attempt = advance(attempt, oak, graph, lambda _: None, now, **more)
            now += timedelta(minutes=5)
        return attempt

    assert (looked(contested=True).step, looked(contested=True).why) == ("asking", "unknown")
    assert looked(known={posted}).step == "processing"  # it is not out, and goes out
    assert looked().media == posted


def test_a_refusal_is_final_and_says_the_mend(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media, text="word " * 500)
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert attempt.step == "failed"
    assert "caption is too long" in attempt.said
    assert "2200 characters" in attempt.mend
    assert not out(fake)


def test_media_behind_a_login_is_said_in_words(fake: FakeInstagram, tmp_path: Path) -> None:
    work = one_post(fake, tmp_path, f"{fake.url}/graph.instagram.com/v25.0/me")
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert attempt.step == "failed"
    assert "could not fetch" in attempt.said


def test_instagram_down_for_an_hour_delays_the_post(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.world.down_until = NOON.timestamp() + 3600
    work.run(LATER)
    (attempt,), (posted,) = work.ledger.all(), out(fake)
    assert attempt.step == "published"
    assert 3600 <= posted.at - NOON.timestamp() <= 3600 + 660


def test_down_for_longer_than_the_brand_wants_a_person_is_asked(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.world.down_until = NOON.timestamp() + 5 * 3600
    work.run(LATER)
    (attempt,) = work.ledger.all()
    assert (attempt.step, attempt.why) == ("asking", "late")
    assert "down" in attempt.said
    assert not out(fake)


def test_a_time_missed_while_nothing_ran_is_made_up_for_within_the_policy(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.world.clock.advance(600 + 90 * 60)
    work.run(LATER)
    assert work.ledger.all()[0].step == "published"


def test_and_asked_about_beyond_it(fake: FakeInstagram, media: str, tmp_path: Path) -> None:
    work = one_post(fake, tmp_path, media)
    fake.world.clock.advance(600 + 150 * 60)
    work.run(LATER)
    assert (work.ledger.all()[0].step, work.ledger.all()[0].why) == ("asking", "late")


def test_a_full_quota_is_waited_for(fake: FakeInstagram, media: str, tmp_path: Path) -> None:
    work = one_post(fake, tmp_path, media)
    work.run(LATER)
    fake.world.posts_a_day = 1
    account = work.ledger.all()[0].account
    work.ledger.keep(Attempt(post="elm", account=account, due=work.now))
    work.sendings["elm"] = work.sendings["oak"]
    work.run(work.now + timedelta(minutes=30))
    held = work.ledger.all()[-1]
    assert "1 of the 1 posts that Instagram allows in 24 hours" in held.said
    fake.world.posts_a_day = 50
    work.run(LATER)
    assert work.ledger.all()[-1].step == "published"
    assert len(out(fake)) == 2


def test_a_token_taken_back_in_midst_is_told_and_the_post_waits_for_the_account(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    for grant in fake.world.grants.values():
        grant.revoked = True
    work.run(NOON + timedelta(minutes=20))
    (attempt,) = work.ledger.all()
    assert "permission" in attempt.said
    assert "feedsmith connect" in attempt.mend
    for grant in fake.world.grants.values():
        grant.revoked = False
    work.run(LATER)
    assert work.ledger.all()[0].step == "published"


def test_nothing_is_sent_that_could_not_be_written_down(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    full = OSError(28, "No space left on device")

    def keep(attempt: Attempt) -> None:
        if attempt.step == "publishing":
            raise full
        work.ledger.keep(attempt)

    (attempt,) = work.ledger.all()
    while attempt.step != "processing":
        fake.world.clock.advance(60)
        attempt = advance(
            attempt, work.sendings["oak"], work.graphs[attempt.account], keep, work.now
        )
    fake.world.clock.set(NOON.timestamp())
    with pytest.raises(OSError, match="No space"):
        advance(attempt, work.sendings["oak"], work.graphs[attempt.account], keep, work.now)
    assert not out(fake)


# ---- many -----------------------------------------------------------------------------------------


def month(fake: FakeInstagram, folder: Path, url: str, accounts: int, posts: int) -> None:
    """`posts` posts of each of so many accounts, forty a day: all out, in order, within the quota."""
    work = one_post(fake, folder, url)
    work.ledger.db.execute("DELETE FROM attempt")
    sending = work.sendings["oak"]
    fake.world.calls_an_hour = 10_000
    work.ledger.db.execute("BEGIN")
    for number in range(accounts):
        grant = fake.connected(f"shop.{number}", kind="page")
        account = grant.accounts[0]
        work.graphs[account] = Graph(account, "instagram", grant.token, place=Place(fake.url))
        for turn in range(posts):
            name = f"{number}-{turn}"
            day, place = divmod(turn, 40)
            due = NOON + timedelta(days=day, minutes=place * 15 + number % 15)
            work.sendings[name] = sending.model_copy(update={"text": f"{turn}"})
            work.ledger.keep(Attempt(post=name, account=account, due=due))
    work.ledger.db.execute("COMMIT")
    work.run(NOON + timedelta(days=posts // 40 + 2))
    ends = Counter(a.step for a in work.ledger.all())
    assert ends == {"published": accounts * posts}
    for account in work.graphs:
        own = sorted((m for m in out(fake) if m.account == account), key=lambda m: (m.at, m.id))
        assert [m.caption for m in own] == [f"{turn}" for turn in range(posts)][: len(own)]
        for first, last in zip(own, own[50:], strict=False):
            assert last.at - first.at >= 24 * 3600
    due = {a.media: a.due.timestamp() for a in work.ledger.all()}
    assert all(0 <= m.at - due[m.id] <= 30 for m in out(fake))


def test_a_few_hundred_posts_of_a_few_accounts_are_all_out_in_order_and_within_the_quota(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    month(fake, tmp_path, media, accounts=4, posts=50)


@pytest.mark.full
def test_ten_thousand_posts_of_fifty_accounts_are(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    month(fake, tmp_path, media, accounts=50, posts=200)


# ---- whatever breaks, whenever --------------------------------------------------------------------

FAULTS = (
    "drop-before",
    "drop-after",
    "500-before",
    "500-after",
    "html-after",
    "duplicate",
    "throttle",
)
PATHS = (r"/media$", r"media_publish", r"content_publishing_limit", r"/v25\.0/17\d+$", r"")


def random_run(seed: int, fake: FakeInstagram, folder: Path, url: str) -> tuple[Attempt, int]:
    """One post through a few random crashes and faults: how it ended, and how often it is out."""
    chance = random.Random(seed)
    before = len(out(fake))
    fake.faults.clear()
    noon = NOON + timedelta(days=seed)
    fake.world.clock.set(noon.timestamp() - 600)
    form = chance.choice(["image", "image", "carousel", "story"])
    work = one_post(fake, folder, url, form, noon, text=f"Post {seed}")
    late = noon + timedelta(hours=12)
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        fake.faults.add(
            chance.choice(FAULTS), path=chance.choice(PATHS), skip=chance.choice([0, 0, 0, 1, 2]),
            times=chance.choice([1, 1, 2, 5]), code=chance.choice([4, 80002]),
        )  # fmt: skip
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        work.ledger.crash_at = work.ledger.written + chance.randint(1, 7)
        work.ledger.before = chance.random() < 0.5
        try:
            work.run(late)
        except Crash:
            work.ledger.db.close()
            fake.world.clock.advance(chance.choice([0, 5, 60, 900]))
            work.ledger = Ledger(folder / "attempts.db")
    work.ledger.crash_at = 0
    work.run(late)
    (attempt,) = work.ledger.all()
    work.ledger.db.close()
    return attempt, len(out(fake)) - before


def check(seeds: range, fake: FakeInstagram, folder: Path, url: str) -> Counter[str]:
    ends: Counter[str] = Counter()
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        attempt, count = random_run(seed, fake, place, url)
        assert count <= 1, f"seed {seed}: {count} posts"
        assert attempt.over, f"seed {seed}: {attempt}"
        if attempt.step == "published":
            assert count == 1, f"seed {seed}: lost, {attempt}"
        if count == 1:
            assert (attempt.step, attempt.why) in {("published", ""), ("asking", "unknown")}, (
                f"seed {seed}: {attempt}"
            )
        ends[f"{attempt.step} {attempt.why}".strip()] += 1
    return ends


def test_no_post_is_out_twice_or_lost_in_random_crashes_and_faults(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    ends = check(range(RUNS), fake, tmp_path, media)
    assert ends["published"] > 0.8 * RUNS
    assert ends["failed"] == 0


@pytest.mark.full
def test_nor_in_a_thousand(fake: FakeInstagram, media: str, tmp_path: Path) -> None:
    ends = check(range(RUNS, RUNS + 1000), fake, tmp_path, media)
    assert ends["failed"] == 0


def test_a_new_container_is_never_made_while_the_first_may_be_out(
    fake: FakeInstagram, media: str, tmp_path: Path
) -> None:
    work = one_post(fake, tmp_path, media)
    fake.faults.add("drop-before", method="POST", path="media_publish")
    (attempt,) = work.ledger.all()
    oak, graph = work.sendings["oak"], work.graphs[attempt.account]
    while (attempt.step, attempt.calls) != ("processing", 1):  # looked for, and not found
        fake.world.clock.set(max(work.now, begins(attempt, oak)).timestamp())
        attempt = advance(attempt, oak, graph, work.ledger.keep, work.now)
    held = attempt.model_copy(update={"made_at": attempt.made_at - timedelta(hours=24)})
    later = advance(held, oak, graph, work.ledger.keep, work.now)
    assert (later.step, later.why) == ("asking", "unknown")
    late = work.now + timedelta(hours=3)
    later = advance(attempt, oak, graph, work.ledger.keep, late)
    assert (later.step, later.why) == ("asking", "unknown")
    assert not out(fake)
