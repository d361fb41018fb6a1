"""The fake Instagram: from media to a published post, as the documents say."""

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from feedsmith import rules
from feedsmith.fake_instagram import FakeInstagram, fetching
from small_instagram import DAY, MediaHost, ask, caller, film, jpeg, other_film, png


def test_a_picture_is_fetched_looked_at_and_published_once(
    fake: FakeInstagram, host: MediaHost
) -> None:
    shop = caller(fake)
    url = host.put("leaf.jpg", jpeg(1080, 1350))
    container = shop.create(image_url=url, caption="A leaf. #oak", alt_text="A green leaf")
    assert "facebookexternalhit" in host.asked[0]
    assert shop.status(container) == "FINISHED"
    post = shop.publish(container).told["id"]
    assert shop.status(container) == "PUBLISHED"
    assert shop.publish(container).error == (24, 2207006)
    told = shop.get(
        post, fields="caption,alt_text,media_type,permalink,media_url,is_ai_generated"
    ).told
    assert (told["caption"], told["alt_text"]) == ("A leaf. #oak", "A green leaf")
    assert (told["media_type"], told["is_ai_generated"]) == ("IMAGE", False)
    page = ask(fake, "GET", told["permalink"].removeprefix(fake.url)).text
    assert "A leaf. #oak" in page
    assert "A green leaf" in page
    assert [m.id for m in fake.world.posts_of(shop.account)] == [post]


def test_of_many_who_publish_one_container_at_once_one_does(
    fake: FakeInstagram, host: MediaHost
) -> None:
    shop = caller(fake)
    container = shop.create(image_url=host.put("a.jpg", jpeg()))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(shop.publish, [container] * 8))
    assert sorted(answer.status for answer in answers) == [200] + 7 * [400]
    assert len(fake.world.posts_of(shop.account)) == 1


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("missing", b"", (9004, 2207052)),
        ("login", b"", (9004, 2207052)),
        ("half", b"", (9004, 2207052)),
        ("page.jpg", b"<html>", (36001, 2207005)),
        ("leaf.png", png(), (36001, 2207005)),
        ("tall.jpg", jpeg(400, 711), (36003, 2207009)),
        ("wide.jpg", jpeg(800, 400), (36003, 2207009)),
        ("large.jpg", jpeg() + bytes(rules.IMAGE_BYTES_MAX), (36000, 2207004)),
    ],
)
def test_a_picture_that_cannot_be_is_refused_with_its_code(
    fake: FakeInstagram, host: MediaHost, name: str, data: bytes, error: tuple[int, int]
) -> None:
    if data:
        host.put(name, data)
    assert caller(fake).refused(image_url=host.url(name)) == error
    assert not fake.world.containers


def test_media_that_take_too_long_are_given_up(
    fake: FakeInstagram, host: MediaHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching.fetched, "__defaults__", (0.2,))
    assert caller(fake).refused(image_url=host.url("slow")) == (-2, 2207003)


def test_what_instagram_mends_by_itself_is_noted_not_refused(
    fake: FakeInstagram, host: MediaHost
) -> None:
    shop = caller(fake)
    wide = shop.create(image_url=host.put("wide.jpg", jpeg(2000, 2500)))
    print_ = shop.create(image_url=host.put("print.jpg", jpeg(mode="CMYK")))
    assert fake.world.containers[wide].notes == ["2000 pixels wide: scaled down to 1440"]
    assert fake.world.containers[print_].notes == ["colours converted to sRGB (was CMYK)"]


def test_a_story_may_be_tall_and_has_no_alt_text(fake: FakeInstagram, host: MediaHost) -> None:
    shop = caller(fake)
    url = host.put("tall.jpg", jpeg(360, 640))
    assert shop.refused(media_type="STORIES", image_url=url, alt_text="x") == (100, 0)
    post = shop.publish(shop.create(media_type="STORIES", image_url=url)).told["id"]
    assert shop.get(f"{shop.account}/media").told["data"] == []
    assert [row["id"] for row in shop.get(f"{shop.account}/stories").told["data"]] == [post]
    fake.world.clock.advance(DAY + 1)
    assert shop.get(f"{shop.account}/stories").told["data"] == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"caption": "x" * 2201}, (36004, 2207010)),
        ({"caption": " ".join(f"#t{i}" for i in range(31))}, (36004, 2207010)),
        ({"caption": " ".join(f"@t{i}" for i in range(21))}, (36004, 2207010)),
        ({"alt_text": "x" * 1001}, (100, 0)),
        ({"collaborators": '["a","b","c","d"]'}, (100, 0)),
        ({"location_id": "1"}, (100, 0)),
        ({"media_type": "POEM"}, (100, 2207023)),
        ({"is_carousel_item": "true", "is_ai_generated": "true"}, (100, 0)),
    ],
)  # fmt: skip
def test_words_and_settings_beyond_the_limits_are_refused(
    fake: FakeInstagram, host: MediaHost, words: dict[str, str], error: tuple[int, int]
) -> None:
    assert caller(fake).refused(image_url=host.put("a.jpg", jpeg()), **words) == error


def test_the_limits_themselves_are_allowed(fake: FakeInstagram, host: MediaHost) -> None:
    shop = caller(fake)
    tags = " ".join(f"#t{i}" for i in range(30)) + " " + " ".join(f"@u{i}" for i in range(20))
    container = shop.create(
        image_url=host.put("a.jpg", jpeg(1080, 566)), caption=tags + "x" * (2200 - len(tags)),
        alt_text="x" * 1000, collaborators='["a","b","c"]', location_id="7640348500", is_ai_generated="true",
    )  # fmt: skip
    told = fake.world.media[shop.publish(container).told["id"]]
    assert (told.location, told.collaborators, told.ai) == (
        "Guggenheim Museum",
        ["a", "b", "c"],
        True,
    )


def test_a_carousel_takes_two_to_ten_parts_of_its_own(fake: FakeInstagram, host: MediaHost) -> None:
    shop, other = caller(fake), caller(fake, "oak.and.ember")
    parts = [
        shop.create(image_url=host.put(f"{i}.jpg", jpeg(400, 500 - 100 * (i == 1), shade=40 * i)),
                    is_carousel_item="true", alt_text=f"part {i}")
        for i in range(3)
    ]  # fmt: skip
    theirs = other.create(image_url=host.url("0.jpg"), is_carousel_item="true")
    alone = shop.create(image_url=host.url("0.jpg"))
    assert shop.publish(parts[0]).error == (24, 2207006)
    assert shop.refused(media_type="CAROUSEL", children=parts[0]) == (100, 2207028)
    assert shop.refused(media_type="CAROUSEL", children=",".join([*parts, *parts] * 2)) == (
        100,
        2207028,
    )
    for stranger in (theirs, alone, "17"):
        assert shop.refused(media_type="CAROUSEL", children=f"{parts[0]},{stranger}") == (
            24,
            2207006,
        )
    whole = shop.create(media_type="CAROUSEL", children=",".join(parts), caption="Three")
    assert fake.world.containers[whole].notes == ["picture 2 cropped to the first one's ratio"]
    post = shop.publish(whole).told["id"]
    told = shop.get(post, fields="media_type,children{id,media_type,alt_text}").told
    assert told["media_type"] == "CAROUSEL_ALBUM"
    assert [row["alt_text"] for row in told["children"]["data"]] == ["part 0", "part 1", "part 2"]
    assert len(shop.get(f"{post}/children").told["data"]) == 3


def test_a_film_takes_its_time_and_must_not_be_published_before(
    fake: FakeInstagram, host: MediaHost, small_film: Path
) -> None:
    shop = caller(fake)
    container = shop.create(
        media_type="REELS", video_url=host.put("film.mp4", small_film.read_bytes())
    )
    assert shop.status(container) == "IN_PROGRESS"
    assert shop.publish(container).error == (9007, 2207027)
    fake.world.clock.advance(21)
    assert shop.status(container) == "FINISHED"
    post = shop.publish(container).told["id"]
    told = shop.get(post, fields="media_type,media_product_type,permalink,thumbnail_url").told
    assert (told["media_type"], told["media_product_type"]) == ("VIDEO", "REELS")
    assert "/reel/" in told["permalink"]


def test_films_that_do_not_fit_end_in_error_with_the_reason(
    fake: FakeInstagram, host: MediaHost, tmp_path: Path, small_film: Path
) -> None:
    shop = caller(fake)
    made = {
        "late.mp4": (other_film(tmp_path / "late.mp4"), "moov atom is not at the front"),
        "choppy.mp4": (film(tmp_path / "choppy.mp4", fps=12), "12 frames a second"),
        "short.mp4": (film(tmp_path / "short.mp4", seconds=1), "1.0 s long"),
        "old.mp4": (other_film(tmp_path / "old.mp4", codec="mpeg4", movflags="faststart", use_editlist="0"), "codec mpeg4"),
        "cut.mp4": (other_film(tmp_path / "cut.mp4", movflags="faststart"), "edit lists"),
    }  # fmt: skip
    for name, (path, why) in made.items():
        url = host.put(name, path.read_bytes())
        container = shop.create(media_type="REELS", video_url=url)
        fake.world.clock.advance(21)
        told = shop.get(container, fields="status_code,status").told
        assert told["status_code"] == "ERROR", name
        assert "2207026" in told["status"]
        assert why in told["status"]
        assert shop.publish(container).error == (24, 2207006)
    gone = shop.create(media_type="REELS", video_url=host.url("missing"))
    fake.world.clock.advance(21)
    assert "2207052" in shop.get(gone, fields="status").told["status"]
    assert shop.refused(media_type="VIDEO", video_url=host.url("late.mp4")) == (100, 0)


def test_a_cover_must_lie_in_its_film(
    fake: FakeInstagram, host: MediaHost, small_film: Path
) -> None:
    shop = caller(fake)
    url = host.put("film.mp4", small_film.read_bytes())
    container = shop.create(media_type="REELS", video_url=url, thumb_offset="9000")
    fake.world.clock.advance(21)
    assert "2207057" in shop.get(container, fields="status").told["status"]


def test_a_cover_may_be_a_picture_or_a_moment(
    fake: FakeInstagram, host: MediaHost, small_film: Path
) -> None:
    shop = caller(fake)
    url = host.put("film.mp4", small_film.read_bytes())
    cover = host.put("cover.jpg", jpeg(90, 160))
    assert shop.refused(media_type="REELS", video_url=url, cover_url=host.url("missing")) == (
        9004,
        2207052,
    )
    made = [shop.create(media_type="REELS", video_url=url, **more) for more in (
        {"cover_url": cover, "thumb_offset": "9000"}, {"thumb_offset": "2000"}, {})]  # fmt: skip
    fake.world.clock.advance(21)
    stills = []
    for container in made:
        post = shop.publish(container).told["id"]
        where = shop.get(post, fields="thumbnail_url").told["thumbnail_url"]
        with urllib.request.urlopen(where) as got:
            stills.append(got.read())
    assert stills[0] == jpeg(90, 160)
    assert stills[1] != stills[2]


def test_a_container_lives_for_a_day(fake: FakeInstagram, host: MediaHost) -> None:
    shop = caller(fake)
    container = shop.create(image_url=host.put("a.jpg", jpeg()))
    fake.world.clock.advance(DAY - 1)
    assert shop.status(container) == "FINISHED"
    fake.world.clock.advance(1)
    assert shop.status(container) == "EXPIRED"
    assert shop.publish(container).error == (24, 2207008)


def test_posts_and_containers_of_a_day_are_counted(fake: FakeInstagram, host: MediaHost) -> None:
    fake.world.posts_a_day = 2
    shop = caller(fake)
    url = host.put("a.jpg", jpeg())
    for _ in range(2):
        shop.publish(shop.create(image_url=url))
        fake.world.clock.advance(60)
    third = shop.create(image_url=url)
    assert shop.publish(third).error == (9, 2207042)
    limit = shop.get(f"{shop.account}/content_publishing_limit", fields="config,quota_usage").told
    assert limit["data"] == [
        {"config": {"quota_total": 2, "quota_duration": 86400}, "quota_usage": 2}
    ]
    fake.world.clock.advance(DAY - 100)
    assert shop.publish(third).status == 200
    fake.world.made[shop.account] *= 200
    assert shop.refused(image_url=url) == (9, 2207042)


def test_accounts_that_may_not_publish(fake: FakeInstagram, host: MediaHost) -> None:
    url = host.put("a.jpg", jpeg())
    assert caller(fake, "just.me").refused(image_url=url) == (10, 0)
    assert caller(fake, "just.me").get("me").error == (10, 0)
    fake.world.accounts[caller(fake, "oak.and.ember").account].restricted = True
    assert caller(fake, "oak.and.ember").refused(image_url=url) == (25, 2207050)
    shop, other = caller(fake), caller(fake, "oak.and.ember")
    shop.account = other.account
    assert shop.refused(image_url=url) == (100, 33)
    assert shop.get(other.account).error == (100, 33)
    readonly = caller(fake)
    fake.world.grants[readonly.token].scopes = ["instagram_business_basic"]
    assert readonly.refused(image_url=url) == (10, 0)


def test_uploads_are_for_facebook_login_alone(fake: FakeInstagram) -> None:
    assert caller(fake).refused(media_type="REELS", upload_type="resumable") == (100, 0)
