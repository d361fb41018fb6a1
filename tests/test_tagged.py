"""Collecting what others post under a hashtag, from a fake Instagram over real connections."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import FakeInstagram
from feedsmith.library import Library
from feedsmith.publishing import tagged
from feedsmith.publishing.graph import Disconnected, Graph, Permanent, Place
from feedsmith.publishing.patience import Patience, Stopped
from feedsmith.publishing.tagged import Tagged, collect_hashtag, read, read_budget, study
from feedsmith.publishing.tokens import Account
from small_instagram import DAY, SHOP

TAG = "treesofinstagram"


class Watcher:
    """A brand that looks at hashtags."""

    def __init__(self, fake: FakeInstagram, root: Path) -> None:
        page = fake.connected(SHOP, "facebook", "page")
        person = fake.connected(SHOP, "facebook")
        self.fake = fake
        self.graph = Graph(
            page.accounts[0], "facebook", page.token, user_token=person.token, place=Place(fake.url)
        )
        self.account = Account(
            id=page.accounts[0], username=SHOP, login="facebook", server=fake.url
        )
        self.home = Home(root / "shop")
        self.home.create(Brand(name="Shop"))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.fake.world.clock.now(), UTC)

    def collect(self, tag: str = TAG, longest: float = 900, **more: object) -> tagged.Collected:
        patience = Patience(
            self.graph, longest=longest, now=self.now, sleep=self.fake.world.clock.advance
        )
        return collect_hashtag(self.home, self.account, patience, tag, now=self.now, **more)  # type: ignore[arg-type]

    def pages(self) -> int:
        return sum("_media" in call.path for call in self.fake.world.calls)


@pytest.fixture
def watcher(fake: FakeInstagram, tmp_path: Path) -> Watcher:
    return Watcher(fake, tmp_path)


def test_top_and_recent_posts_are_kept_as_words_and_counts_without_pictures(
    watcher: Watcher,
) -> None:
    done = watcher.collect(" #TreesOfInstagram ", most=150)
    assert done.stopped is None
    assert (done.got, done.new) == (150, 150)  # the 60 that the last day has, and 90 of the top
    posts = read(watcher.home, TAG)
    assert sum(post.among == "recent" for post in posts) == 60
    assert all(TAG in post.hashtags and post.permalink and post.likes is not None for post in posts)
    kept = (watcher.home.root / "collected" / "hashtags" / f"{TAG}.jsonl").read_text()
    assert "/others/" not in kept
    assert not Library(watcher.home.library).photos()
    assert not Library(watcher.home.library).posts()
    assert not list(watcher.home.root.rglob("*.jpg"))
    assert (done.left_before, done.left_after) == (30, 29)


def test_one_list_alone_and_no_more_than_asked_for(watcher: Watcher) -> None:
    done = watcher.collect(most=60, which=("top",))
    assert done.got == 60
    assert {post.among for post in read(watcher.home, TAG)} == {"top"}
    assert watcher.collect(most=500, which=("recent",)).got == 60


def test_the_same_again_doubles_nothing(watcher: Watcher) -> None:
    watcher.collect(most=40)
    again = watcher.collect(most=40)
    assert (again.got, again.new, again.resumed) == (40, 0, False)
    assert len(read(watcher.home, TAG)) == 40


def test_thirty_different_ones_a_week_are_counted_on_disk_and_free_themselves(
    watcher: Watcher,
) -> None:
    for i in range(30):
        assert watcher.collect(f"tree{i}", most=1, which=("top",)).left_before == 30 - i
    assert watcher.collect("tree3", most=1, which=("top",)).left_after == 0
    asked = len(watcher.fake.world.calls)
    with pytest.raises(Stopped, match="as many as Instagram allows") as full:
        watcher.collect("onemore")
    assert full.value.at == watcher.now() + timedelta(days=7)
    assert len(watcher.fake.world.calls) == asked
    watcher.fake.world.clock.advance(7 * DAY + 1)
    assert watcher.collect("onemore", most=1, which=("top",)).left_after == 29
    file = watcher.home.root / "collected" / "budget.json"
    file.write_text("nonsense")
    with pytest.raises(FeedsmithError, match=r"budget.json: cannot be read"):
        read_budget(watcher.home)


def test_looking_again_does_not_make_a_hashtag_count_longer(watcher: Watcher) -> None:
    watcher.collect("oak", most=1, which=("top",))
    watcher.fake.world.clock.advance(6 * DAY)
    watcher.collect("oak", most=1, which=("top",))
    watcher.fake.world.clock.advance(DAY + 1)
    assert read_budget(watcher.home).left(watcher.account.id, watcher.now()) == 30


def test_when_another_program_spent_the_budget_instagram_s_word_holds(watcher: Watcher) -> None:
    for i in range(30):
        watcher.graph.hashtag(f"other{i}")
    done = watcher.collect()
    assert isinstance(done.stopped, Stopped)
    assert "30 different hashtags" in done.stopped.message
    assert "go on at" in done.stopped.mend


def test_what_another_program_looked_up_is_counted_in_what_is_left(watcher: Watcher) -> None:
    for word in ("beech", "birch"):
        watcher.graph.hashtag(word)
    done = watcher.collect("oak", most=1)
    assert (done.left_before, done.left_after) == (28, 27)
    again = watcher.collect("oak", most=1)
    assert (again.left_before, again.left_after) == (27, 27)


def test_a_stopped_run_goes_on_where_it_was_within_a_day(watcher: Watcher) -> None:
    watcher.fake.faults.add(do="throttle", path="top_media", skip=1)
    first = watcher.collect(most=140, which=("top",))
    assert isinstance(first.stopped, Stopped)
    assert first.got == 50
    assert len(read(watcher.home, TAG)) == 50
    watcher.fake.world.clock.advance(3600)
    before = watcher.pages()
    second = watcher.collect(most=140, which=("top",))
    assert (second.resumed, second.got, second.new) == (True, 90, 90)
    assert watcher.pages() - before == 2
    watcher.fake.faults.add(do="throttle", path="top_media", skip=1)
    watcher.collect(most=140, which=("top",))
    watcher.fake.world.clock.advance(2 * DAY)
    assert watcher.collect(most=140, which=("top",)).resumed is False


def test_ctrl_c_keeps_what_is_there(watcher: Watcher) -> None:
    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if stage.startswith("Posts under"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watcher.collect(most=140, which=("top",), report=stop)
    assert len(read(watcher.home, TAG)) == 50
    done = watcher.collect(most=140, which=("top",))
    assert len(read(watcher.home, TAG)) == 140
    assert done.new == 90


def test_a_permission_taken_back_in_the_middle_is_said_and_loses_nothing(watcher: Watcher) -> None:
    watcher.fake.faults.add(do="refuse", path="top_media", code=190, subcode=458)
    done = watcher.collect(most=100)
    assert isinstance(done.stopped, Disconnected)
    assert len(read(watcher.home, TAG)) == 50


def test_a_word_that_is_none_and_the_wrong_login_are_told_before_anything_is_asked(
    watcher: Watcher,
) -> None:
    for word in ("two words", "", "#", "a-b", "2026"):
        with pytest.raises(FeedsmithError, match="is no hashtag"):
            watcher.collect(word)
    watcher.account = watcher.account.model_copy(update={"login": "instagram"})
    with pytest.raises(FeedsmithError, match="connected with Instagram Login") as wrong:
        watcher.collect()
    assert 'login = "facebook"' in wrong.value.mend
    assert not watcher.fake.world.calls
    assert not (watcher.home.root / "collected" / "budget.json").exists()


def test_a_hashtag_that_instagram_does_not_have_is_said(watcher: Watcher) -> None:
    watcher.fake.faults.add(do="refuse", path="ig_hashtag_search", code=24, subcode=2207024)
    done = watcher.collect("nosuchthing")
    assert isinstance(done.stopped, Permanent)
    assert "does not exist" in done.stopped.message


def test_pictures_come_by_rights_alone_with_their_source_and_never_as_posts(
    watcher: Watcher,
) -> None:
    watcher.collect(most=6, which=("top",))
    assert not Library(watcher.home.library).photos()
    done = watcher.collect(most=6, which=("top",), rights="ana for the shop")
    photos = Library(watcher.home.library).photos()
    images = [post for post in read(watcher.home, TAG) if post.kind == "IMAGE"]
    assert 0 < len(photos) == done.pictures <= len(images)
    assert not Library(watcher.home.library).posts()
    places = {post.permalink for post in images}
    for photo in photos:
        assert photo.credit is not None
        assert photo.credit.source_url in places
    (line,) = (watcher.home.root / "collected" / "rights.jsonl").read_text().splitlines()
    said = json.loads(line)
    assert said["who"] == "ana for the shop"
    assert said["hashtag"] == TAG
    assert datetime.fromisoformat(said["when"]) == watcher.now()
    assert set(said["what"]) == places


def post(number: int, tags: str, likes: int | None, among: tagged.Which = "top") -> Tagged:
    return Tagged(
        id=str(number), hashtags=tuple(tags.split()), likes=likes, among=among, kind="IMAGE",
        seen_at=datetime(2026, 11, 27, tzinfo=UTC),
    )  # fmt: skip


def test_companions_are_counted_and_their_likes_set_against_their_own_list() -> None:
    posts = [post(i, "oak Forest", 200) for i in range(12)]
    posts += [post(20 + i, "oak", 100) for i in range(12)]
    posts += [post(40 + i, "oak forest", 10, "recent") for i in range(3)]
    posts += [post(50 + i, "oak rain", None) for i in range(2)]
    found = study("Oak", posts)
    assert found.posts == 29
    assert found.likes == {"top": (150, 24), "recent": (10, 3)}
    forest, rain = found.companions
    assert (forest.tag, forest.posts, forest.few) == ("Forest", 15, False)
    assert forest.likes == {"top": (200, 12), "recent": (10, 3)}
    assert forest.against == pytest.approx(200 / 150)
    assert (rain.posts, rain.likes, rain.against, rain.few) == (2, {}, None, True)
    assert study("oak", []).companions == ()


def test_a_hashtag_of_a_hundred_wide_letters_has_a_file(watcher: Watcher) -> None:
    word = "樹" * 100
    assert watcher.collect(word, most=1, which=("top",)).got == 1
    assert len(read(watcher.home, word)) == 1
