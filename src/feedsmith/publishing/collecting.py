"""Collecting: an account's own posts into the brand's library, and their figures into its insights.

    mybrand/collected/<account>.json    which posts are known, and when their figures were last read
    mybrand/collected/arriving/         pictures on their way into the library

Photos go through the library's own import, like those of an export: what came by the export before is
known again, and a post is never doubled. What Feedsmith made itself (the same words, or the same picture
and made before it went out) is no photo of the brand: its figures are read and no more. Done page after
page; whatever stops it, the next run goes on from there. Knows the client and the library.
"""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import ValidationError

import feedsmith
from feedsmith import outcomes, photo_file
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.files import held, made, sweep, write_bytes, write_text
from feedsmith.library import NEAR_BITS, NEAR_PIXELS, Library
from feedsmith.outcomes import Published, Reading
from feedsmith.post import PastPost, Post, Value
from feedsmith.progress import Report, silent
from feedsmith.publishing.graph import Child, Disconnected, GraphError, Media, Permanent
from feedsmith.publishing.outgoing import Outgoing
from feedsmith.publishing.patience import Patience, Stopped, clock
from feedsmith.publishing.tokens import Account
from feedsmith.runs import Folder
from feedsmith.sources import Archive, Found
from feedsmith.sources import Media as File
from feedsmith.understanding import traits
from feedsmith.wire import Line, near, opener

SOURCE = "instagram-api"
DAYS = 30
"""Age up to which figures are read again: by then a post has nearly all that it will ever get."""
PICTURE_SECONDS = 60.0
"""For one picture."""
METRICS = {"": ("reach", "saved", "shares"), "STORY": ("reach", "shares", "replies")}
"""Asked for beside the likes and comments that come with every post; a story has replies alone."""
FLUSH = 10
"""Readings between two writings."""


# ---- values ---------------------------------------------------------------------------------------


class Known(Value):
    """A post that was collected."""

    id: str
    """Of Instagram."""
    at: datetime | None = None
    post: str = ""
    """Id in the library, or of the generated post; '' where it left nothing there."""
    generated: bool = False
    read_at: datetime | None = None
    """When its figures were last read."""


class State(Value):
    """What is known of an account."""

    whole: bool = False
    """True where a run came to the end, figures too, with nothing left out: the next one stops at what is
    known."""
    items: tuple[Known, ...] = ()


@dataclass
class Collected:
    """What a run did."""

    listed: int = 0
    posts_new: int = 0
    posts_known: int = 0
    photos_new: int = 0
    photos_known: int = 0
    videos: int = 0
    generated: int = 0
    """New posts that Feedsmith made itself."""
    set_aside: dict[str, int] = field(default_factory=dict)
    readings: int = 0
    left_out: int = 0
    """Posts whose pictures did not come; the next run tries them again."""
    notes: list[str] = field(default_factory=list)
    stopped: FeedsmithError | None = None
    """Why it ended before its end; what came until then is kept."""


# ---- the stage ------------------------------------------------------------------------------------


def collect_own(
    home: Home,
    account: Account,
    patience: Patience,
    *,
    posts: bool = True,
    again: bool = False,
    days: int = DAYS,
    report: Report = silent,
    now: Callable[[], datetime] = clock,
) -> Collected:
    """The account's own posts, the newest first, until what is known; then figures.

    `posts` False: the figures alone, of posts younger than `days`. `again`: look at every post, and take
    up what was changed. Instagram's errors end it and are told in `stopped`; raises FeedsmithError where
    this machine is in the way (no room, another run).
    """
    with alone(home):
        return _Own(home, account, patience, report, now).run(posts, again, days)


class _Own:
    def __init__(
        self, home: Home, account: Account, patience: Patience, report: Report,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.home, self.account, self.patience = home, account, patience
        self.graph, self.report, self.now = patience.graph, report, now
        self.zone = ZoneInfo(home.load().time_zone)
        self.library = Library(home.library)
        self.file = folder(home) / f"{account.id}.json"
        self.state = _read(self.file)
        self.known = {item.id: item for item in self.state.items}
        self.whole = self.state.whole
        self.generated = _Generated(home.posts)
        self.done = Collected()

    def run(self, posts: bool, again: bool, days: int) -> Collected:
        since = self.now() - timedelta(days=days)
        seen: list[Media] = []
        try:
            for page in self._pages(posts, again, since):
                seen += page
                self.done.listed += len(page)
                fresh = [m for m in page if again or m.id not in self.known]
                if fresh:
                    self._take(fresh, posts)
                self.report("Looking at posts", len(seen), len(seen), "")
            self._figures(seen, since, posts)
            if posts and not self.done.left_out and not self.whole:
                self.whole = True
                self._save()
        except (GraphError, Stopped) as error:
            self.done.stopped = error
        return self.done

    def _pages(self, posts: bool, again: bool, since: datetime) -> Iterator[list[Media]]:
        """Stories, then posts page by page; no further than is of use."""
        stop_at_known = self.whole and not again
        stories: tuple[Media, ...] = ()
        with contextlib.suppress(Permanent):  # an account that may have none
            stories = self.patience.ask(self.graph.stories).media
        if stories:
            yield list(stories)
        after = ""
        while True:
            page = self.patience.ask(partial(self.graph.media, after))
            media = list(page.media)
            new = any(m.id not in self.known for m in media)
            yield media
            young = bool(media) and (media[-1].timestamp or since) > since
            wanted = posts and (new or not stop_at_known)
            after = page.after
            if not after or not (young or wanted):
                return

    # ---- into the library --------------------------------------------------------------------------

    def _take(self, fresh: Sequence[Media], posts: bool) -> None:
        """One page's posts. They are known as soon as the library has them, and not before."""
        arriving = made(folder(self.home) / "arriving")
        sweep(arriving)
        ours: dict[str, Post] = {}
        come: dict[str, list[str]] = {}
        others: list[Media] = []
        for count, medium in enumerate(fresh):
            self.report("Fetching pictures", count, len(fresh), medium.permalink)
            post = self.generated.by_words(medium)
            if post is None and posts:
                try:
                    come[medium.id] = [
                        self._fetched(arriving, name, url) for name, url in _pictures(medium)
                    ]
                except Refused as error:
                    self.done.left_out += 1
                    self.done.notes.append(error.message)
                    continue
                first = next((n for n in come[medium.id] if n.endswith(".jpg")), "")
                if first:
                    post = self.generated.by_picture(medium, (arriving / first).read_bytes())
            if post is not None:
                ours[medium.id] = post
            elif posts:
                others.append(medium)
        self.report("Fetching pictures", len(fresh), len(fresh), "")
        if others:
            self._import(arriving, others, come)
        if not (ours or others):
            return
        self.whole = False  # until this run has come to its end
        for number, post in ours.items():
            self.done.generated += number not in self.known
            medium = next(m for m in fresh if m.id == number)
            self._know(medium, post.id, generated=True)
        by_code = {_code(post.permalink): post for post in self.library.posts() if post.permalink}
        for medium in others:
            past = by_code.get(_code(medium.permalink))
            self._know(medium, past.id if past else "")
        self._save()
        for name in (n for names in come.values() for n in names):
            (arriving / name).unlink(missing_ok=True)

    def _import(
        self, arriving: Path, others: Sequence[Media], come: Mapping[str, list[str]]
    ) -> None:
        with Archive(arriving) as archive:
            found = [_found(archive, medium, come[medium.id]) for medium in others]
            told = self.library.add(found, zone=self.zone, report=self.report)
        self.done.posts_new += told.posts_new
        self.done.posts_known += told.posts_known
        self.done.photos_new += told.photos_new
        self.done.photos_known += told.photos_known
        self.done.videos += told.videos
        for reason, count in told.set_aside.items():
            self.done.set_aside[reason] = self.done.set_aside.get(reason, 0) + count

    def _fetched(self, arriving: Path, name: str, url: str) -> str:
        """The name of a picture that lies in `arriving` now. A film is listed, not fetched: an empty file
        holds its name."""
        path = arriving / name
        if not path.exists():
            write_bytes(path, b"" if name.endswith(".mp4") else picture(url, self.account.server))
        return name

    def _know(self, medium: Media, post: str, generated: bool = False) -> None:
        before = self.known.get(medium.id)
        self.known[medium.id] = Known(
            id=medium.id, at=medium.timestamp, post=post, generated=generated,
            read_at=before.read_at if before else None,
        )  # fmt: skip

    def _save(self) -> None:
        state = State(whole=self.whole, items=tuple(self.known.values()))
        write_text(self.file, state.model_dump_json(indent=1) + "\n")

    # ---- figures -----------------------------------------------------------------------------------

    def _figures(self, seen: Sequence[Media], since: datetime, posts: bool) -> None:
        """Readings of what is new or young, each not sooner than its age makes worth it."""
        unknown = sum(m.id not in self.known for m in seen)
        if unknown and not posts:
            self.done.notes.append(
                f"{unknown} posts are not in the library yet, and their figures were not read: "
                "feedsmith collect BRAND --own"
            )
        due = [m for m in seen if self._is_due(m, since, posts)]
        past = {post.id: post for post in self.library.posts()}
        themes = self._themes() if due else {}
        spelt = self._spelt()
        waiting: list[tuple[Media, Published | Reading]] = []
        insights = True
        try:
            for count, medium in enumerate(due):
                self.report("Reading figures", count, len(due), medium.permalink)
                item = self.known[medium.id]
                figures: dict[str, int] = {}
                if insights:
                    try:
                        figures = self._insights(medium)
                    except Disconnected as error:
                        if error.code != 10:
                            raise
                        if (
                            medium.media_product_type != "STORY"
                        ):  # one with few viewers says the same
                            insights = False
                            self.done.notes.append(
                                f"reach, saves and shares are not told: {error.message}; {error.mend}"
                            )
                told = self._told(medium, item, figures, past, themes, spelt)
                waiting += [(medium, value) for value in told]
                if len(waiting) >= 2 * FLUSH:
                    self._record(waiting)
            self.report("Reading figures", len(due), len(due), "")
        finally:
            self._record(waiting)

    def _is_due(self, medium: Media, since: datetime, posts: bool) -> bool:
        item = self.known.get(medium.id)
        if item is None or not item.post or medium.timestamp is None:
            return False
        if medium.timestamp <= since:
            return posts and item.read_at is None
        if item.read_at is None:
            return True
        age = self.now() - medium.timestamp
        # Figures grow with the logarithm of the age (outcomes.at_age).
        return self.now() - item.read_at >= max(timedelta(hours=1), age / 8)

    def _insights(self, medium: Media) -> dict[str, int]:
        metrics = METRICS.get(medium.media_product_type, METRICS[""])
        try:
            return self.patience.ask(lambda: self.graph.insights(medium.id, metrics))
        except Permanent:  # e.g. posted before the account was a professional one
            return {}

    def _told(
        self, medium: Media, item: Known, figures: Mapping[str, int], past: Mapping[str, PastPost],
        themes: Mapping[str, str], spelt: Mapping[str, str],
    ) -> Iterator[Published | Reading]:  # fmt: skip
        name = spelt.get(item.post, self.account.username)
        published: Published | None = None
        if item.generated:
            made_ = self.generated.posts.get(item.post)
            if made_ is not None and medium.timestamp is not None:
                published = outcomes.of_post(made_, medium.timestamp, self.zone, account=name)
        elif item.post in past:
            published = outcomes.of_past(
                past[item.post], self.zone, account=name, theme=themes.get(item.post, "")
            )
        if published is None:
            return
        if item.post not in spelt:  # a publisher may have told of it already, and knows more
            yield published
        comments = medium.comments_count
        yield Reading(
            post=item.post, account=name, at=max(self.now(), published.at),
            reach=figures.get("reach"), likes=medium.like_count,
            comments=figures.get("replies") if comments is None else comments,
            saves=figures.get("saved"), shares=figures.get("shares"),
        )  # fmt: skip

    def _themes(self) -> dict[str, str]:
        """Past post -> what its first photo shows first, as a generated post is counted."""
        brand = self.home.load()
        known = traits.ensure(
            self.library, brand=f"{brand.name} {brand.handle}", report=self.report
        )
        return {
            post.id: known[post.photos[0]].words[0].word
            for post in self.library.posts()
            if post.photos and post.photos[0] in known and known[post.photos[0]].words
        }

    def _spelt(self) -> dict[str, str]:
        """Post -> how its account is named in the insights already: one post, one name."""
        mine = ("", self.account.id, self.account.username)
        return {
            o.published.post: o.published.account
            for o in outcomes.read(self.home.root).outcomes
            if o.published.account in mine
        }

    def _record(self, waiting: list[tuple[Media, Published | Reading]]) -> None:
        if not waiting:
            return
        outcomes.record(self.home.root, [value for _, value in waiting])
        for medium, value in waiting:
            if isinstance(value, Reading):
                self.done.readings += 1
                item = self.known[medium.id]
                self.known[medium.id] = item.model_copy(update={"read_at": self.now()})
        waiting.clear()
        self._save()


# ---- what Feedsmith made itself -------------------------------------------------------------------


class _Generated:
    """The brand's generated posts, to know them again in the feed."""

    def __init__(self, root: Path) -> None:
        shelf = Folder(root)
        self.root = root
        self.posts: dict[str, Post] = {}
        self._words: dict[str, Post] = {}
        self._looks: list[tuple[Post, photo_file.Look, bytes]] | None = None
        for path in sorted(root.glob("*/post.json")):
            post = shelf.post(path.parent.name)
            if post is not None:
                self.posts[post.id] = post
                words = _plain(Outgoing.of(post, path.parent).text)
                if words:
                    self._words[words] = post

    def by_words(self, medium: Media) -> Post | None:
        return self._words.get(_plain(medium.caption)) if medium.caption else None

    def by_picture(self, medium: Media, data: bytes) -> Post | None:
        """The post that shows the same picture and was there before this went out. An old photo of the
        brand that a generated post cuts anew is thus not taken for that post."""
        if not self.posts or medium.timestamp is None:
            return None
        try:
            bits = int(photo_file.look(data).phash, 16)
            small = photo_file.miniature(photo_file.rgb(data, 128))
        except (Refused, ValueError):
            return None
        for post, look, picture_ in self._looked():
            when = datetime.fromtimestamp((self.root / post.id / "post.json").stat().st_mtime, UTC)
            if when > medium.timestamp or (bits ^ int(look.phash, 16)).bit_count() > NEAR_BITS:
                continue
            other = photo_file.miniature(photo_file.rgb(picture_, 128))
            if float(np.abs(small - other).mean()) <= NEAR_PIXELS:
                return post
        return None

    def _looked(self) -> list[tuple[Post, photo_file.Look, bytes]]:
        if self._looks is None:
            self._looks = []
            for post in self.posts.values():
                first = post.media[0]
                with contextlib.suppress(OSError, Refused):
                    data = (self.root / post.id / (first.cover or first.file)).read_bytes()
                    look = photo_file.look(data)
                    if look.phash:
                        self._looks.append((post, look, data))
        return self._looks


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


# ---- small parts ----------------------------------------------------------------------------------


def folder(home: Home) -> Path:
    return home.root / "collected"


def alone(home: Home) -> contextlib.AbstractContextManager[None]:
    """One run a brand: the budget of hashtags is counted by one. Raises FeedsmithError."""
    return held(folder(home) / ".lock", "another collection for this brand is running")


def picture(url: str, server: str = "") -> bytes:
    """A picture from the address that the API named; no token goes along, and nobody is followed.

    `server`: a fake Instagram of one's own; without it nothing in one's own network is spoken to. Raises
    Refused with the reason.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    fake = bool(server) and host == urlsplit(server).hostname
    if not host or (not fake and (parts.scheme != "https" or near(host))):
        raise Refused(f"{host or 'an address'}: no place that Instagram keeps pictures at")
    line = Line()
    line.far = not fake
    request = urllib.request.Request(  # noqa: S310 - checked above
        url, headers={"User-Agent": f"feedsmith/{feedsmith.__version__}"}
    )
    try:
        asking = opener(line, host, parts.scheme == "https")
        with line.hung_up_after(PICTURE_SECONDS), asking.open(request, timeout=20) as got:
            data = bytes(got.read(photo_file.FILE_BYTES_MAX + 1))
            if got.length or line.hung_up:
                raise http.client.IncompleteRead(data)
    except urllib.error.HTTPError as error:
        error.close()
        raise Refused(f"{host} does not give a picture ({error.code})") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise Refused(f"{host} did not send a picture whole") from None
    if len(data) > photo_file.FILE_BYTES_MAX:
        raise Refused(f"{host} sends a picture that is too large")
    return data


def _parts(medium: Media) -> tuple[Media | Child, ...]:
    return medium.children or (medium,)


def _pictures(medium: Media) -> Iterator[tuple[str, str]]:
    """File name and address of each part, in order. What the API keeps back is left out here."""
    for count, part in enumerate(_parts(medium), 1):
        name = f"{medium.id}_{count}" if medium.children else medium.id
        if part.media_type == "VIDEO":
            yield f"{name}.mp4", ""
        elif part.media_url:
            yield f"{name}.jpg", part.media_url


def _found(archive: Archive, medium: Media, names: Iterable[str]) -> Found:
    kinds: dict[str, Literal["story", "reel"]] = {"STORY": "story", "REELS": "reel"}
    kept_back = [
        f"{medium.id}_{count}"
        for count, part in enumerate(_parts(medium), 1)
        if part.media_type != "VIDEO" and not part.media_url
    ]
    return Found(
        media=tuple(File(archive, name, video=name.endswith(".mp4")) for name in names),
        caption=medium.caption,
        posted_at=medium.timestamp,
        kind=kinds.get(medium.media_product_type, ""),
        source=SOURCE,
        permalink=medium.permalink,
        missing=tuple(kept_back),
    )


def _code(permalink: str) -> str:
    """What names a post in its address, whether it is shown as /p/CODE/ or /reel/CODE/."""
    return urlsplit(permalink).path.rstrip("/").rpartition("/")[2]


def _read(path: Path) -> State:
    try:
        return State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return State()
    except (OSError, ValidationError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({type(error).__name__})",
            mend="move that file away: everything is looked at anew, and nothing is doubled",
        ) from error
