"""Accounts, posts, insights, hashtags.

https://developers.facebook.com/documentation/instagram-platform/reference/instagram-media
https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user
https://developers.facebook.com/docs/instagram-platform/reference/instagram-media/insights
https://developers.facebook.com/docs/instagram-api/guides/hashtag-search

Figures are made up, the same for the same post and hour: reach grows for some days and levels off.
Other people's posts under a hashtag are made up as well, with pictures drawn when they are asked for.
"""

import hashlib
import io
import json
import math
import random
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from PIL import Image, ImageFilter

from feedsmith import rules
from feedsmith.fake_instagram.access import own_account, permitted
from feedsmith.fake_instagram.errors import (
    FEW_VIEWERS,
    HASHTAG_LIMIT,
    NO_HASHTAG,
    NO_OBJECT,
    NOT_PROFESSIONAL,
    PARAMETER,
    GraphFault,
)
from feedsmith.fake_instagram.request import Request
from feedsmith.fake_instagram.state import FACEBOOK, Account, Grant, Medium, Query, World

HOUR, DAY = 3600.0, 24 * 3600.0
PAGE = 25
"""Posts a page where `limit` does not say; at most 100."""


def when(at: float) -> str:
    """As the API writes times: 2026-11-27T16:02:01+0000."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def permalink(medium: Medium, base: str, username: str) -> str:
    """Where people see it; https://www.instagram.com/ is the fake's own address."""
    if medium.product == "STORY":
        return f"{base}/stories/{username}/{medium.id}/"
    return f"{base}/{'reel' if medium.product == 'REELS' else 'p'}/{medium.shortcode}/"


def still(medium: Medium) -> str:
    """The path of the picture that stands for a post."""
    if medium.cover:
        return f"/media/{medium.cover}"
    if medium.mime.startswith("video/"):
        return f"/thumb/{medium.blob}-{medium.offset}.jpg"
    return f"/media/{medium.blob}"


# ---- accounts -------------------------------------------------------------------------------------


def profile(world: World, account: Account, request: Request) -> dict[str, Any]:
    """GET /me, GET /{ig-user}."""
    if account.kind == "personal":
        raise GraphFault(NOT_PROFESSIONAL)
    known: dict[str, Callable[[], Any]] = {
        "id": lambda: account.id,
        "user_id": lambda: account.id,
        "username": lambda: account.username,
        "name": lambda: account.name,
        "account_type": lambda: "BUSINESS" if account.kind == "business" else "MEDIA_CREATOR",
        "followers_count": lambda: account.followers,
        "follows_count": lambda: 120,
        "media_count": lambda: sum(m.product != "STORY" for m in world.posts_of(account.id)),
        "profile_picture_url": lambda: f"{request.base}/face/{account.username}.jpg",
        "biography": lambda: "",
        "website": lambda: "",
    }
    if request.login == FACEBOOK:
        for name in ("user_id", "account_type"):  # of Instagram Login alone
            del known[name]
    return _picked(known, request.fields("id,username"))


def _picked(known: dict[str, Callable[[], Any]], names: Sequence[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"id": known["id"]()}
    for name in names:
        bare = re.split(r"[{.]", name)[0]
        if bare not in known:
            raise GraphFault(PARAMETER, f"(#100) Tried accessing nonexisting field ({bare})")
        if (value := known[bare]()) is not None:
            said[bare] = value
    return said


# ---- posts ----------------------------------------------------------------------------------------


def own_media(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """GET /{ig-user}/media and /{ig-user}/stories: the newest first, stories apart."""
    account = own_account(world, grant, request.parts[0])
    permitted(grant, "basic")
    stories = request.parts[1] == "stories"
    since = world.clock.now() - DAY
    rows = [
        m for m in world.posts_of(account.id)
        if (m.product == "STORY") == stories and (not stories or m.at > since)
    ]  # fmt: skip
    return _paged([m.id for m in rows], lambda i: medium(world, rows[i], request), request)


def medium(
    world: World, post: Medium, request: Request, names: Sequence[str] = ()
) -> dict[str, Any]:
    """One post's fields."""
    names = names or request.fields("id")
    username = world.accounts[post.account].username
    figures = _figures(world, post)

    def children() -> Any:
        if not post.children:
            return None
        inner = next((n for n in names if n.startswith("children{")), "children{id}")[9:-1]
        rows = [world.media[number] for number in post.children]
        return {"data": [medium(world, m, request, inner.split(",")) for m in rows]}

    known: dict[str, Callable[[], Any]] = {
        "id": lambda: post.id,
        "ig_id": lambda: post.id[-12:],
        "caption": lambda: post.caption or None,
        "alt_text": lambda: post.alt or None,
        "media_type": lambda: post.type,
        "media_product_type": lambda: post.product,
        "media_url": lambda: f"{request.base}/media/{post.blob}" if post.blob else None,
        "thumbnail_url": lambda: request.base + still(post) if post.type == "VIDEO" else None,
        "permalink": lambda: permalink(world.media[post.parent] if post.parent else post,
                                       request.base, username),
        "shortcode": lambda: post.shortcode,
        "timestamp": lambda: when(post.at),
        "username": lambda: username,
        "owner": lambda: {"id": post.account},
        "is_ai_generated": lambda: post.ai,
        "is_shared_to_feed": lambda: True if post.product == "REELS" else None,
        "like_count": lambda: figures["likes"],
        "comments_count": lambda: figures["comments"],
        "children": children,
    }  # fmt: skip
    return _picked(known, names)


def children(world: World, post: Medium, request: Request) -> dict[str, Any]:
    """GET /{media}/children."""
    return {"data": [medium(world, world.media[number], request) for number in post.children]}


def found(world: World, grant: Grant, number: str) -> Medium:
    """A post that the token may see. Raises GraphFault."""
    post = world.media.get(number)
    if post is None or post.account not in grant.accounts:
        raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=number))
    return post


def _paged(
    ids: Sequence[str], row: Callable[[int], dict[str, Any]], request: Request, most: int = 100
) -> dict[str, Any]:
    """A page by cursors: `after` names the last one that was shown."""
    given = request.params.get("limit", "")
    size = min(int(given), most) if given.isdigit() and int(given) else min(PAGE, most)
    start = 0
    if after := request.params.get("after", ""):
        try:
            last = urlsafe_b64decode(after.encode()).decode()
        except ValueError:
            raise GraphFault(PARAMETER, "(#100) Invalid cursor") from None
        # A post that is gone since: go on at the one after it, by age.
        start = ids.index(last) + 1 if last in ids else sum(number >= last for number in ids)
    shown = list(range(start, min(start + size, len(ids))))
    told: dict[str, Any] = {"data": [row(i) for i in shown]}
    if shown:
        cursor = {"before": _cursor(ids[shown[0]]), "after": _cursor(ids[shown[-1]])}
        told["paging"] = {"cursors": cursor}
        if shown[-1] + 1 < len(ids):
            path = "/".join((request.host, request.version, *request.parts))
            told["paging"]["next"] = f"{request.base}/{path}?limit={size}&after={cursor['after']}"
    return told


def _cursor(word: str) -> str:
    return urlsafe_b64encode(word.encode()).decode()


# ---- insights -------------------------------------------------------------------------------------

_METRICS = {
    "FEED": ("reach", "likes", "comments", "saved", "shares", "views", "total_interactions", "follows",
             "profile_visits", "profile_activity"),
    "REELS": ("reach", "likes", "comments", "saved", "shares", "views", "total_interactions",
              "ig_reels_avg_watch_time", "ig_reels_video_view_total_time"),
    "STORY": ("reach", "replies", "shares", "views", "total_interactions", "follows", "profile_visits",
              "navigation", "profile_activity"),
}  # fmt: skip


def insights(world: World, grant: Grant, post: Medium, request: Request) -> dict[str, Any]:
    """GET /{media}/insights?metric=..."""
    permitted(grant, "insights")
    if post.parent:
        raise GraphFault(
            PARAMETER, "(#100) Insights data is not available for media within an album"
        )
    asked = [word for word in request.need("metric").split(",") if word]
    known = _METRICS[post.product]
    if unknown := [word for word in asked if word not in known]:
        raise GraphFault(
            PARAMETER,
            f"(#100) metric[0] must be one of the following values: {', '.join(known)} "
            f"(not {', '.join(unknown)})",
        )
    figures = _figures(world, post)
    if post.product == "STORY":
        if world.clock.now() - post.at > DAY:
            return {"data": []}
        if figures["reach"] < 5:
            raise GraphFault(FEW_VIEWERS)
    rows = [
        {"name": name, "period": "lifetime", "values": [{"value": figures[name]}],
         "title": name.replace("_", " ").capitalize(), "description": "",
         "id": f"{post.id}/insights/{name}/lifetime"}
        for name in asked
    ]  # fmt: skip
    return {"data": rows}


def _figures(world: World, post: Medium) -> dict[str, int]:
    chance = random.Random(post.id)  # noqa: S311 - figures, not secrets
    age = max(0.0, world.clock.now() - post.at)
    grown = 1 - math.exp(-age / (20 * HOUR))
    followers = world.accounts[post.account].followers
    reach = followers * 0.35 * math.exp(chance.gauss(0, 0.35)) * world.taste(post) * grown
    shares = {
        "likes": 0.09, "comments": 0.008, "saved": 0.02, "shares": 0.012, "follows": 0.004,
        "profile_visits": 0.03, "profile_activity": 0.01, "replies": 0.006, "navigation": 0.8,
    }  # fmt: skip
    found = {
        name: int(reach * share * (0.6 + 0.8 * chance.random())) for name, share in shares.items()
    }
    found |= {"reach": int(reach), "views": int(reach * 1.3)}
    found["total_interactions"] = sum(found[n] for n in ("likes", "comments", "saved", "shares"))
    found["ig_reels_avg_watch_time"] = 3400
    found["ig_reels_video_view_total_time"] = 3400 * found["views"]
    return found


# ---- hashtags -------------------------------------------------------------------------------------

TAGGED_TOP, TAGGED_RECENT = 140, 60
"""Other people's posts under a hashtag."""


def hashtag_search(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """GET ig_hashtag_search: thirty different ones in seven days; the same one again costs nothing."""
    account = own_account(world, grant, request.need("user_id"))
    permitted(grant, "basic")
    tag = request.need("q").lower()
    if not re.fullmatch(r"\w{1,100}", tag):
        raise GraphFault(NO_HASHTAG)
    _queried(world, account, tag)
    return {"data": [{"id": _tag_id(tag)}]}


def _queried(world: World, account: Account, tag: str) -> None:
    since = world.clock.now() - rules.HASHTAG_SECONDS
    with world.lock:
        mine = [q for q in list(world.queries.values()) if q.account == account.id and q.at > since]
        if any(q.tag == tag for q in mine):
            return
        if len({q.tag for q in mine}) >= rules.HASHTAG_QUERIES:
            raise GraphFault(HASHTAG_LIMIT)
        now = world.clock.now()
        world.keep(Query(f"{account.id}/{_tag_id(tag)}/{now:.3f}", account.id, tag, now))


def _tag_id(tag: str) -> str:
    digest = hashlib.sha256(tag.encode()).digest()
    return "178" + f"{int.from_bytes(digest[:6], 'big') % 10**14:014d}"


def hashtag(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """GET /{hashtag}, its top_media and recent_media."""
    number = request.parts[0]
    tag = next((q.tag for q in list(world.queries.values()) if _tag_id(q.tag) == number), "")
    if not tag:
        raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=number))
    if len(request.parts) == 1:
        return {"id": number, "name": tag}
    account = own_account(world, grant, request.need("user_id"))
    _queried(world, account, tag)
    if request.parts[1] not in ("top_media", "recent_media"):
        raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=number))
    recent = request.parts[1] == "recent_media"
    rows = [_tagged(world, tag, i, recent, request.base) for i in range(
        TAGGED_RECENT if recent else TAGGED_TOP)]  # fmt: skip
    names = request.fields("id")

    def row(place: int) -> dict[str, Any]:
        return _picked({k: _always(v) for k, v in rows[place].items()}, names)

    return _paged([str(row["id"]) for row in rows], row, request, rules.PAGE_MAX)


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


def searched(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """GET /{ig-user}/recently_searched_hashtags."""
    account = own_account(world, grant, request.parts[0])
    since = world.clock.now() - rules.HASHTAG_SECONDS
    tags = {q.tag for q in list(world.queries.values()) if q.account == account.id and q.at > since}
    return {"data": [{"id": _tag_id(tag)} for tag in sorted(tags)]}


_WORDS = (
    "Morning light on the ridge", "Found this on the way home", "Quiet hour", "Rain all day, tea all night",
    "First one of the season", "Slow Sunday", "The long way round", "Still thinking about this place",
)  # fmt: skip


def _tagged(world: World, tag: str, place: int, recent: bool, base: str) -> dict[str, Any]:
    chance = random.Random(f"{tag}/{place}/{recent}")  # noqa: S311 - made-up posts
    code = hashlib.sha256(f"{tag}/{place}/{recent}".encode()).hexdigest()[:11]
    age = chance.random() * (DAY if recent else 200 * DAY)
    also = chance.sample(["forest", "nature", "outdoors", "weekend", "handmade", "tea", "light"], 2)
    kind = chance.choice(["IMAGE", "IMAGE", "CAROUSEL_ALBUM"])
    number = "17" + f"{int(code, 16) % 10**14:014d}"
    parts = {"data": [{"id": f"{number}{i}"} for i in range(3)]}
    return {
        "id": f"{number}9",
        "caption": f"{chance.choice(_WORDS)}. #{tag} " + " ".join(f"#{word}" for word in also),
        "media_type": kind,
        "children": parts if kind == "CAROUSEL_ALBUM" else None,
        "media_url": f"{base}/others/{code}.jpg",
        "permalink": f"{base}/p/{code}/",
        "timestamp": when(world.clock.now() - age),
        "like_count": int(math.exp(chance.gauss(4 if recent else 7, 1))),
        "comments_count": int(math.exp(chance.gauss(1 if recent else 3, 1))),
    }


def drawn(seed: str, width: int = 640, height: int = 800) -> bytes:
    """A picture for what has none: two soft colours that `seed` chooses, as JPEG."""
    chance = random.Random(seed)  # noqa: S311 - colours
    small = Image.new("RGB", (4, 5))
    hue = hashlib.sha256(seed.encode()).digest()[0] / 256
    for x in range(4):
        for y in range(5):
            level = 0.35 + 0.5 * y / 5 + 0.1 * chance.random()
            turn = (hue + 0.12 * x / 4 + 0.05 * chance.random()) % 1
            colour = [0.5 + 0.5 * math.cos(2 * math.pi * (turn + k / 3)) for k in range(3)]
            small.putpixel((x, y), tuple(int(255 * level * (0.45 + 0.55 * c)) for c in colour))
    big = small.resize((width, height), Image.Resampling.BICUBIC).filter(
        ImageFilter.GaussianBlur(6)
    )
    out = io.BytesIO()
    big.save(out, "JPEG", quality=85)
    return out.getvalue()


def as_json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()
