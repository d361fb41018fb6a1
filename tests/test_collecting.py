"""Collecting one's own posts, from a fake Instagram over real connections."""

import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from feedsmith import outcomes
from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.fake_instagram import FakeInstagram
from feedsmith.library import Library, import_into
from feedsmith.post import Medium, Originality, Post
from feedsmith.publishing import collecting
from feedsmith.publishing.collecting import collect_own
from feedsmith.publishing.graph import Disconnected, Graph, NewContainer, Place
from feedsmith.publishing.patience import Patience, Stopped
from feedsmith.publishing.tokens import Account
from small_instagram import DAY, SHOP, MediaHost

HOUR = 3600.0


class Shop:
    """An account with posts, and a brand that collects them."""

    def __init__(self, fake: FakeInstagram, host: MediaHost, root: Path) -> None:
        grant = fake.connected(SHOP)
        self.fake, self.host = fake, host
        self.graph = Graph(grant.accounts[0], "instagram", grant.token, place=Place(fake.url))
        self.token = grant.token
        self.account = Account(
            id=grant.accounts[0], username=SHOP, login="instagram", server=fake.url
        )
        self.home = Home(root / "shop")
        self.home.create(Brand(name="Shop"))
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.fake.world.clock.now(), UTC)

    def later(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.fake.world.clock.advance(seconds)

    def post(
        self, *pictures: bytes, caption: str = "", kind: str = "image", film: bytes = b""
    ) -> str:
        """Its id. Two pictures or more make a carousel."""
        number = len(self.host.files)
        urls = [self.host.put(f"{number}-{i}.jpg", data) for i, data in enumerate(pictures)]
        if film:
            url = self.host.put(f"{number}.mp4", film)
            made = self.graph.create(NewContainer(kind="reel", video_url=url, caption=caption))
            self.later(120)
        elif len(urls) > 1:
            parts = [
                self.graph.create(NewContainer(kind="image", image_url=u, part=True)) for u in urls
            ]
            self.later(60)
            made = self.graph.create(
                NewContainer(kind="carousel", caption=caption, children=tuple(p.id for p in parts))
            )
        else:
            made = self.graph.create(
                NewContainer(kind=kind, image_url=urls[0], caption=caption)  # type: ignore[arg-type]
            )
        self.later(60)
        return self.graph.publish(made.id)

    def collect(self, longest: float = 900.0, **more: object) -> collecting.Collected:
        patience = Patience(self.graph, longest=longest, now=self.now, sleep=self.later)
        return collect_own(self.home, self.account, patience, now=self.now, **more)  # type: ignore[arg-type]

    @property
    def library(self) -> Library:
        return Library(self.home.library)


@pytest.fixture
def shop(fake: FakeInstagram, host: MediaHost, tmp_path: Path) -> Shop:
    return Shop(fake, host, tmp_path)


@pytest.fixture
def square(pictures: dict[str, bytes]) -> Callable[[int], bytes]:
    """The n-th photo of the samples as a square."""

    def cut(number: int, side: int = 400, quality: int = 90) -> bytes:
        data = pictures[sorted(pictures)[number]]
        with Image.open(io.BytesIO(data)) as image:
            edge = min(image.size)
            whole = image.convert("RGB").crop((0, 0, edge, edge)).resize((side, side))
        out = io.BytesIO()
        whole.save(out, "JPEG", quality=quality)
        return out.getvalue()

    return cut


def test_own_posts_come_with_words_time_place_and_figures(
    shop: Shop, square: Callable[[int], bytes], small_film: Path
) -> None:
    shop.post(square(0), caption="An oak 🌳 #oak #trees")
    shop.post(square(1), square(2), caption="Two of them")
    shop.post(caption="It moves", film=small_film.read_bytes())
    shop.later(DAY)
    done = shop.collect()
    assert done.stopped is None
    assert (done.posts_new, done.photos_new, done.videos, done.readings) == (3, 3, 1, 3)
    oak, two, film = shop.library.posts()
    assert (oak.caption, oak.text, oak.hashtags) == (
        "An oak 🌳 #oak #trees",
        "An oak 🌳",
        ("oak", "trees"),
    )
    assert oak.source == "instagram-api"
    assert oak.permalink.startswith(f"{shop.fake.url}/p/")
    assert oak.posted_at is not None
    assert timedelta(days=1) < shop.now() - oak.posted_at < timedelta(days=1, minutes=20)
    assert (two.kind, len(two.photos)) == ("carousel", 2)
    assert film.kind == "reel"
    assert len(film.videos) == 1
    assert not film.photos
    read = outcomes.read(shop.home.root)
    assert not read.faults
    assert [o.published.post for o in read.outcomes] == [oak.id, two.id, film.id]
    (reading,) = read.outcomes[0].readings
    assert reading.account == SHOP
    assert (reading.reach or 0) > 0
    assert None not in (reading.likes, reading.comments, reading.saves, reading.shares)
    assert not list((shop.home.root / "collected" / "arriving").iterdir())


def test_the_second_run_asks_for_the_new_alone(shop: Shop, square: Callable[[int], bytes]) -> None:
    shop.post(square(0), caption="One")
    shop.collect()
    again = shop.collect()
    assert (again.posts_new, again.photos_new, again.readings) == (0, 0, 0)
    shop.post(square(1), caption="Two")
    calls = len(shop.fake.world.calls)
    new = shop.collect()
    assert (new.posts_new, new.posts_known, new.photos_new, new.photos_known) == (1, 0, 1, 0)
    assert len(shop.fake.world.calls) - calls <= 4  # stories, a page, two figures
    everything = shop.collect(again=True)
    assert (everything.posts_new, everything.posts_known) == (0, 2)
    assert len(shop.library.posts()) == len(shop.library.photos()) == 2


def test_what_came_by_the_export_is_known_again_and_learns_where_it_is(
    shop: Shop, square: Callable[[int], bytes], tmp_path: Path
) -> None:
    number = shop.post(square(3), caption="An old friend")
    when = shop.graph.medium(number).timestamp
    assert when is not None
    export = tmp_path / "export"
    (export / "your_instagram_activity" / "media").mkdir(parents=True)
    (export / "media").mkdir()
    (export / "media" / "a.jpg").write_bytes(square(3, 640, 95))  # the export's is larger
    told = {
        "uri": "media/a.jpg",
        "creation_timestamp": int(when.timestamp()),
        "title": "An old friend",
    }
    (export / "your_instagram_activity" / "media" / "posts_1.json").write_text(
        json.dumps([{"media": [told]}])
    )
    import_into(shop.library, [export])
    (before,) = shop.library.posts()
    done = shop.collect()
    assert (done.posts_new, done.posts_known, done.photos_new) == (0, 1, 0)
    assert done.set_aside == {"near-duplicate": 1}
    (after,) = shop.library.posts()
    assert (after.id, after.photos, after.source) == (before.id, before.photos, before.source)
    assert after.permalink == shop.graph.medium(number).permalink
    (outcome,) = outcomes.read(shop.home.root).outcomes
    assert outcome.published.post == before.id


def made(home: Home, name: str, data: bytes, caption: str, at: datetime) -> None:
    """A generated post, made at that time."""
    folder = home.posts / name
    folder.mkdir()
    (folder / "1.jpg").write_bytes(data)
    same = Originality(nearest="", similarity=0, copied_area=0, label="new")
    medium = Medium(
        file="1.jpg", width=400, height=400, alt_text="", method="rows", sources=(), template="band"
    )
    post = Post(
        id=name, kind="quote", caption=caption, hashtags=("oak",), alt_text="", format="square", seed=1,
        media=(medium,), sources=(), models={}, originality=same, provenance="",
    )  # fmt: skip
    (folder / "post.json").write_text(post.model_dump_json())
    os.utime(folder / "post.json", (at.timestamp(), at.timestamp()))


def test_what_feedsmith_made_is_no_photo_of_the_brand_but_its_figures_count(
    shop: Shop, square: Callable[[int], bytes]
) -> None:
    hour = timedelta(hours=1)
    made(shop.home, "01-quote-aa", square(4), "Said well", shop.now() - hour)
    made(shop.home, "02-quote-bb", square(5), "Said otherwise", shop.now() - hour)
    made(shop.home, "03-quote-cc", square(6), "Cut from an old photo", shop.now() + hour)
    shop.post(square(4), caption="Said well\n\n#oak")
    shop.post(square(5, 500, 70), caption="A person's own words")
    shop.post(square(6), caption="The old photo")
    done = shop.collect()
    assert (done.generated, done.posts_new, done.photos_new) == (2, 1, 1)
    kinds = {o.published.post: o.published for o in outcomes.read(shop.home.root).outcomes}
    assert kinds["01-quote-aa"].template == "band"
    assert kinds["02-quote-bb"].kind == "quote"
    (own,) = shop.library.posts()
    assert own.caption == "The old photo"
    assert set(kinds) == {"01-quote-aa", "02-quote-bb", own.id}


def test_figures_alone_are_read_as_often_as_the_age_makes_worth_it(
    shop: Shop, square: Callable[[int], bytes]
) -> None:
    shop.post(square(0), caption="One")
    shop.collect()
    shop.later(HOUR / 2)
    assert shop.collect(posts=False).readings == 0
    shop.later(HOUR)
    assert shop.collect(posts=False).readings == 1
    shop.later(20 * DAY)
    assert shop.collect(posts=False).readings == 1
    shop.later(DAY)
    assert shop.collect(posts=False).readings == 0
    shop.later(20 * DAY)
    assert shop.collect(posts=False).readings == 0  # older than 30 days
    shop.post(square(1), caption="Two")
    done = shop.collect(posts=False)
    assert done.readings == 0
    assert "1 posts are not in the library yet" in done.notes[0]
    (outcome,) = outcomes.read(shop.home.root).outcomes
    assert len(outcome.readings) == 3
    reach = [reading.reach for reading in outcome.readings]
    assert reach == sorted(reach)  # type: ignore[type-var]


def test_a_token_that_ends_in_the_middle_loses_nothing(
    shop: Shop, square: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = shop.graph.media
    monkeypatch.setattr(shop.graph, "media", lambda after="": small(after, 1))
    for i in range(3):
        shop.post(square(i), caption=f"Post {i}")
    shop.later(40 * DAY)
    shop.fake.faults.add(do="refuse", path="insights", code=190, subcode=458, skip=1)
    first = shop.collect()
    assert isinstance(first.stopped, Disconnected)
    assert (first.posts_new, first.readings) == (3, 1)
    second = shop.collect()
    assert second.stopped is None
    assert (second.posts_new, second.readings) == (0, 2)
    assert [len(o.readings) for o in outcomes.read(shop.home.root).outcomes] == [1, 1, 1]


def test_a_run_that_stopped_between_pages_goes_on_with_the_older_ones(
    shop: Shop, square: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(4):
        shop.post(square(i), caption=f"Post {i}")
    small = shop.graph.media
    monkeypatch.setattr(shop.graph, "media", lambda after="": small(after, 2))
    shop.fake.faults.add(do="throttle", path=r"/media$", skip=1)
    first = shop.collect()
    assert isinstance(first.stopped, Stopped)
    assert "go on at" in first.stopped.mend
    assert first.posts_new == 2
    shop.post(square(4), caption="Post 4")
    second = shop.collect()
    assert second.posts_new == 3
    assert len(shop.library.posts()) == 5


def test_it_waits_when_asked_to_and_tries_again_what_may_pass(
    shop: Shop, square: Callable[[int], bytes]
) -> None:
    shop.post(square(0), caption="One")
    shop.fake.usage.forced = 80
    shop.fake.faults.add(do="500-before", path=r"/media$")
    shop.slept.clear()
    done = shop.collect()
    assert done.stopped is None
    assert done.posts_new == 1
    assert sum(shop.slept) >= 3 * 60  # three times a fifth of five minutes, and after the stumble
    shop.fake.usage.forced = 0
    shop.fake.faults.add(do="throttle", path=r"/media$")
    patient = shop.collect(longest=2 * HOUR)
    assert patient.stopped is None
    assert sum(shop.slept) >= HOUR


def test_without_the_permission_for_figures_likes_are_read_all_the_same(
    shop: Shop, square: Callable[[int], bytes]
) -> None:
    shop.post(square(0), caption="One")
    shop.post(square(1), caption="Two")
    shop.fake.world.grants[shop.token].scopes.remove("instagram_business_manage_insights")
    done = shop.collect()
    assert done.stopped is None
    assert done.readings == 2
    assert len(done.notes) == 1
    for outcome in outcomes.read(shop.home.root).outcomes:
        assert outcome.readings[0].likes is not None
        assert outcome.readings[0].reach is None


def test_a_post_from_before_the_account_was_a_professional_one_has_likes_alone(
    shop: Shop, square: Callable[[int], bytes]
) -> None:
    shop.post(square(0), caption="Old")
    shop.post(square(1), caption="New")
    shop.fake.faults.add(do="refuse", path="insights", code=100, subcode=2108006, skip=1)
    done = shop.collect()
    assert done.stopped is None
    old, new = outcomes.read(shop.home.root).outcomes
    assert (old.readings[0].reach, new.readings[0].reach is None) == (None, False)
    assert old.readings[0].likes is not None


def test_a_picture_that_does_not_come_leaves_its_post_for_the_next_run(
    shop: Shop, square: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.post(square(0), caption="One")
    shop.post(square(1), caption="Two")
    fetch = collecting.picture
    failed: list[str] = []

    def once(url: str, server: str = "") -> bytes:
        if not failed:
            failed.append(url)
            return fetch(url.replace("/media/", "/gone/"), server)
        return fetch(url, server)

    monkeypatch.setattr(collecting, "picture", once)
    first = shop.collect()
    assert (first.left_out, first.posts_new) == (1, 1)
    assert "does not give a picture (404)" in first.notes[0]
    second = shop.collect()
    assert (second.left_out, second.posts_new) == (0, 1)


def test_pictures_come_from_instagram_s_places_alone(shop: Shop) -> None:
    for url in (
        "http://scontent.example/a.jpg", "https://127.0.0.1/a.jpg", "https://router.lan/a.jpg",
        "file:///etc/passwd", f"{shop.fake.url}/media/a", "",
    ):  # fmt: skip
        with pytest.raises(Refused):
            collecting.picture(url)


def test_an_account_without_posts_and_a_story_without_viewers_are_no_trouble(
    shop: Shop, square: Callable[[int], bytes]
) -> None:
    assert shop.collect().listed == 0
    shop.post(square(0), kind="story")
    shop.post(square(1), caption="One")
    shop.fake.faults.add(do="refuse", path="insights", code=10)
    done = shop.collect()
    assert (done.stopped, done.notes) == (None, [])
    story, one = outcomes.read(shop.home.root).outcomes
    assert story.published.kind == "story"
    assert story.readings[0].reach is None
    assert one.readings[0].reach is not None


def test_two_at_once_are_kept_apart_and_a_damaged_file_is_named(shop: Shop) -> None:
    with (
        collecting.alone(shop.home),
        pytest.raises(FeedsmithError, match="another collection for this brand"),
    ):
        shop.collect()
    file = shop.home.root / "collected" / f"{shop.account.id}.json"
    file.write_text("{")
    with pytest.raises(FeedsmithError, match="cannot be read") as error:
        shop.collect()
    assert "nothing is doubled" in error.value.mend
