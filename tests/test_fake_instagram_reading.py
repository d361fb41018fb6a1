"""The fake Instagram: posts in pages, figures that grow, hashtags within their week."""

from feedsmith.fake_instagram import FakeInstagram
from small_instagram import DAY, Caller, MediaHost, ask, caller, jpeg


def posted(shop: Caller, host: MediaHost, count: int) -> list[str]:
    found = []
    for i in range(count):
        url = host.put(f"{i}.jpg", jpeg(shade=i))
        found.append(shop.publish(shop.create(image_url=url, caption=f"Post {i}")).told["id"])
        shop.fake.world.clock.advance(60)
    return found


def test_own_posts_come_newest_first_in_pages(fake: FakeInstagram, host: MediaHost) -> None:
    shop = caller(fake)
    made = posted(shop, host, 5)
    first = shop.get(f"{shop.account}/media", fields="id,caption,timestamp", limit=2).told
    assert [row["id"] for row in first["data"]] == made[:2:-1]
    assert first["data"][0]["caption"] == "Post 4"
    assert "next" in first["paging"]
    assert shop.token not in str(first)
    newer = posted(shop, host, 1)
    after = first["paging"]["cursors"]["after"]
    second = shop.get(f"{shop.account}/media", limit=2, after=after).told
    assert [row["id"] for row in second["data"]] == [made[2], made[1]]
    last = shop.get(
        f"{shop.account}/media", limit=2, after=second["paging"]["cursors"]["after"]
    ).told
    assert [row["id"] for row in last["data"]] == [made[0]]
    assert "next" not in last["paging"]
    assert shop.get(f"{shop.account}/media", limit=1).told["data"][0]["id"] == newer[0]
    assert shop.get(made[0], fields="nonsense").error == (100, 0)


def test_figures_grow_with_time_and_with_taste(fake: FakeInstagram, host: MediaHost) -> None:
    shop = caller(fake)
    (post,) = posted(shop, host, 1)

    def reach() -> int:
        told = shop.get(f"{post}/insights", metric="reach,likes,saved,shares,comments").told
        assert [row["name"] for row in told["data"]] == [
            "reach",
            "likes",
            "saved",
            "shares",
            "comments",
        ]
        return int(told["data"][0]["values"][0]["value"])

    early = reach()
    fake.world.clock.advance(5 * DAY)
    late = reach()
    assert 0 <= early < late
    fake.world.taste = lambda medium: 3.0
    assert reach() > 2.5 * late
    assert shop.get(f"{post}/insights", metric="reach,fame").error == (100, 0)
    fake.world.grants[shop.token].scopes.remove("instagram_business_manage_insights")
    assert shop.get(f"{post}/insights", metric="reach").error == (10, 0)


def test_a_story_s_figures_need_viewers_and_end_after_a_day(
    fake: FakeInstagram, host: MediaHost
) -> None:
    shop = caller(fake)
    url = host.put("s.jpg", jpeg(360, 640))
    story = shop.publish(shop.create(media_type="STORIES", image_url=url)).told["id"]
    assert shop.get(f"{story}/insights", metric="reach").error == (10, 0)
    fake.world.clock.advance(DAY / 2)
    assert shop.get(f"{story}/insights", metric="reach,replies").status == 200
    fake.world.clock.advance(DAY)
    assert shop.get(f"{story}/insights", metric="reach").told["data"] == []


def test_thirty_hashtags_a_week_and_pages_of_fifty(fake: FakeInstagram) -> None:
    shop = caller(fake, login="facebook")

    def search(word: str) -> object:
        return shop.get("ig_hashtag_search", user_id=shop.account, q=word)

    number = shop.get("ig_hashtag_search", user_id=shop.account, q="Trees").told["data"][0]["id"]
    top = shop.get(
        f"{number}/top_media", user_id=shop.account, fields="id,caption,like_count", limit=90
    )
    assert len(top.told["data"]) == 50
    assert all("#trees" in row["caption"] for row in top.told["data"])
    seen = {row["id"] for row in top.told["data"]}
    after = top.told["paging"]["cursors"]["after"]
    more = shop.get(
        f"{number}/top_media", user_id=shop.account, fields="id", limit=50, after=after
    ).told
    assert len(seen | {row["id"] for row in more["data"]}) == 100
    assert shop.get(f"{number}/recent_media", user_id=shop.account, fields="username").error == (
        100,
        0,
    )
    for i in range(29):
        assert search(f"tag{i}").status == 200  # type: ignore[attr-defined]
    assert search("trees").status == 200  # type: ignore[attr-defined]
    assert search("onemore").error == (18, 2207034)  # type: ignore[attr-defined]
    assert len(shop.get(f"{shop.account}/recently_searched_hashtags").told["data"]) == 30
    fake.world.clock.advance(7 * DAY + 1)
    assert search("onemore").status == 200  # type: ignore[attr-defined]
    assert search("no spaces").error == (24, 2207024)  # type: ignore[attr-defined]
    picture = top.told["data"][0]["id"]
    assert picture.isdigit()
    assert caller(fake).get("ig_hashtag_search", user_id=shop.account, q="trees").error == (100, 33)


def test_the_profile_says_what_the_login_may_know(fake: FakeInstagram) -> None:
    told = (
        caller(fake, "oak.and.ember")
        .get("me", fields="user_id,username,account_type,media_count")
        .told
    )
    assert (told["account_type"], told["media_count"]) == ("MEDIA_CREATOR", 0)
    page = caller(fake, login="facebook")
    assert page.get(page.account, fields="account_type").error == (100, 0)


def test_the_page_shows_what_came_and_what_was_asked(fake: FakeInstagram, host: MediaHost) -> None:
    assert "Nobody has signed in yet" in ask(fake, "GET", "/").text
    shop = caller(fake)
    posted(shop, host, 2)
    shop.refused(image_url=host.url("missing"))
    page = ask(fake, "GET", "/").text
    assert page.count("/p/") == 2
    assert "9004/2207052" in page
    assert shop.token not in page
    assert ask(fake, "GET", "/nobody/").status == 404
    assert ask(fake, "GET", "/pages.css").headers["Content-Type"].startswith("text/css")
