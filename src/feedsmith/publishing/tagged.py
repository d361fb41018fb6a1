"""Tagged: what others post under a hashtag, for its trend and for the hashtags that go with it.

    mybrand/collected/hashtags/<tag>.jsonl    one Tagged a line: words and counts, no pictures
    mybrand/collected/hashtags/<tag>.json     how far a run came
    mybrand/collected/budget.json             which hashtags were looked up when
    mybrand/collected/rights.jsonl            who said to hold the rights to which pictures

Facebook Login alone, thirty different hashtags in seven days, no user names:
https://developers.facebook.com/docs/instagram-api/guides/hashtag-search. Others' posts never come into the
library, and so never into any training, unless somebody says that they hold the rights: then pictures
alone do, with where they are from, and what was said is written down before. Knows the client and the
library.
"""

import contextlib
import hashlib
import json
import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from feedsmith import rules
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.files import append, made, sweep, write_bytes, write_text
from feedsmith.library import Library
from feedsmith.post import Credit, Value
from feedsmith.progress import Report, silent
from feedsmith.publishing.collecting import alone, folder, picture
from feedsmith.publishing.graph import GraphError, Media, Permanent
from feedsmith.publishing.patience import Patience, Stopped, clock
from feedsmith.publishing.tokens import Account
from feedsmith.sources import Archive, Found
from feedsmith.sources import Media as File
from feedsmith.sources.caption import folded, hashtags

Which = Literal["top", "recent"]
SOURCE = "instagram-hashtag"
CURSOR = timedelta(hours=24)
"""Age up to which a run is gone on with: how long a cursor is good is not documented, and recent posts are
those of one day."""
FEW = 10
"""Posts below which a median is said to rest on few."""
_TAG = re.compile(r"\w{1,100}")
WEEK = timedelta(seconds=rules.HASHTAG_SECONDS)


# ---- values ---------------------------------------------------------------------------------------


class Tagged(Value):
    """Somebody's post under a hashtag, as it was seen last."""

    id: str
    permalink: str = ""
    caption: str = ""
    hashtags: tuple[str, ...] = ()
    """Without '#'."""
    kind: str = ""
    """IMAGE, VIDEO or CAROUSEL_ALBUM."""
    likes: int | None = None
    """None where its owner hides them."""
    comments: int | None = None
    at: datetime | None = None
    seen_at: datetime
    among: Which
    """Instagram's choice of the best, or those of the last 24 hours."""


class _Way(Value):
    """How far one list was read."""

    after: str = ""
    got: int = 0
    over: bool = False
    at: datetime


class _Progress(Value):
    top: _Way | None = None
    recent: _Way | None = None


class Budget(Value):
    """Hashtags that were looked up: account -> hashtag -> when first within its week."""

    asked: dict[str, dict[str, datetime]] = Field(default_factory=dict)

    def counted(self, account: str, now: datetime) -> dict[str, datetime]:
        """Those that still count: each does for seven days from its first look-up on."""
        return {tag: at for tag, at in self.asked.get(account, {}).items() if now - at < WEEK}

    def left(self, account: str, now: datetime) -> int:
        return max(0, rules.HASHTAG_QUERIES - len(self.counted(account, now)))

    def spent(self, account: str, tag: str, now: datetime) -> "Budget":
        """With one more; the same one again costs nothing. Raises Stopped where none is left."""
        counted = self.counted(account, now)
        if tag not in counted and len(counted) >= rules.HASHTAG_QUERIES:
            free = min(counted.values()) + WEEK
            raise Stopped(
                f"{rules.HASHTAG_QUERIES} different hashtags were looked up within seven days, as many as "
                "Instagram allows",
                f"one more may be looked up from {free:%a %d %b %H:%M} UTC on; those looked up already "
                f"may be at any time: {', '.join(sorted(counted)[:5])}, …",
                free,
            )
        return Budget(
            asked=self.asked | {account: counted | ({} if tag in counted else {tag: now})}
        )


class Companion(NamedTuple):
    """A hashtag that goes with another one."""

    tag: str
    posts: int
    share: float
    """Of all posts, 0..1."""
    likes: dict[str, tuple[float, int]]
    """List -> median of likes, and of how many posts; a list without likes is not in it."""
    against: float | None
    """Median of likes against the median of the same list: 1 is as usual; None where none are told."""
    few: bool


class Study(NamedTuple):
    """What the posts under a hashtag say."""

    tag: str
    posts: int
    first: datetime | None
    last: datetime | None
    likes: dict[str, tuple[float, int]]
    """List -> median of likes, and of how many posts."""
    kinds: dict[str, int]
    companions: tuple[Companion, ...]
    """The most frequent first."""


@dataclass
class Collected:
    """What a run did."""

    tag: str
    left_before: int
    left_after: int = 0
    """Different hashtags that may still be looked up within the week."""
    resumed: bool = False
    got: int = 0
    new: int = 0
    pictures: int = 0
    """New in the library, by rights that were claimed."""
    notes: list[str] = field(default_factory=list)
    stopped: FeedsmithError | None = None


# ---- the stage ------------------------------------------------------------------------------------


def collect_hashtag(
    home: Home,
    account: Account,
    patience: Patience,
    tag: str,
    *,
    most: int = 500,
    which: Sequence[Which] = ("recent", "top"),
    rights: str = "",
    report: Report = silent,
    now: Callable[[], datetime] = clock,
) -> Collected:
    """Posts under a hashtag, at most `most` of a run. With both lists the recent one, which is another
    tomorrow, comes first with at most half of them; the top one has the rest.

    `rights`: who says that they hold the rights to the pictures; '' for nobody, and then no picture is
    fetched. A run that was stopped goes on where it was, within a day. Instagram's errors end it and are
    told in `stopped`. Raises FeedsmithError for a word that is no hashtag, for the wrong login, for a
    spent budget, and where this machine is in the way.
    """
    word = checked(tag)
    if account.login != "facebook":
        raise FeedsmithError(
            f"{account.username} is connected with Instagram Login, which cannot look up hashtags",
            mend='set login = "facebook" under [instagram] in brand.toml, and connect it again: '
            f"feedsmith connect {home.root}",
        )
    with alone(home):
        place = made(folder(home) / "hashtags")
        sweep(place)
        before = read_budget(home)
        left = before.left(account.id, now())
        spent = before.spent(account.id, word, now())
        # Written before the question: a look-up whose answer is lost may have counted.
        write_text(folder(home) / "budget.json", spent.model_dump_json(indent=1) + "\n")
        done = Collected(word, left, spent.left(account.id, now()))
        run = _Run(home, account, word, patience, rights, report, now, done)
        try:
            run.all(most, which)
        except (GraphError, Stopped) as error:
            done.stopped = error
    return done


class _Run:
    def __init__(
        self, home: Home, account: Account, tag: str, patience: Patience, rights: str, report: Report,
        now: Callable[[], datetime], done: Collected,
    ) -> None:  # fmt: skip
        self.home, self.account, self.tag, self.patience = home, account, tag, patience
        self.rights, self.report, self.now, self.done = rights, report, now, done
        self.posts = {post.id: post for post in read(home, tag)}
        self.file = _file(home, tag, ".json")
        self.progress = _progress(self.file, now())

    def all(self, most: int, which: Sequence[Which]) -> None:
        graph, done = self.patience.graph, self.done
        counted: tuple[str, ...] = ()
        with contextlib.suppress(Permanent):  # only said: what was spent elsewhere, too
            counted = self.patience.ask(graph.searched)
        number = self.patience.ask(lambda: graph.hashtag(self.tag))
        done.left_before = min(done.left_before, rules.HASHTAG_QUERIES - len(set(counted)))
        done.left_after = min(done.left_after, rules.HASHTAG_QUERIES - len({*counted, number}))
        ways = {name: getattr(self.progress, name) for name in which}
        if all(way is not None and way.over for way in ways.values()):
            ways = dict.fromkeys(which)  # the last run came to its end: this is a new one
        self.done.resumed = any(way is not None for way in ways.values())
        total = sum(way.got for way in ways.values() if way)
        for place, name in enumerate(which):
            last = place + 1 == len(which)
            others = sum(way.got for other, way in ways.items() if way and other != name)
            limit = most - others if last else most // len(which)
            way = ways[name] or _Way(at=self.now())
            while not way.over:
                if way.got >= limit:
                    way = way.model_copy(update={"over": True})
                else:
                    way = self._page(number, name, way, limit)
                    total = way.got + sum(w.got for n, w in ways.items() if w and n != name)
                    self.report(f"Posts under #{self.tag}", total, most, name)
                ways[name] = way
                self.progress = self.progress.model_copy(update={name: way})
                write_text(self.file, self.progress.model_dump_json() + "\n")
        self.report(f"Posts under #{self.tag}", total, total, "")

    def _page(self, number: str, name: Which, way: _Way, limit: int) -> _Way:
        """One page of posts is kept, then how far it was."""
        size = min(rules.PAGE_MAX, limit - way.got)
        page = self.patience.ask(
            lambda: self.patience.graph.hashtag_media(number, name, way.after, size)
        )
        seen = [_tagged(medium, name, self.now()) for medium in page.media[:size]]
        self.done.got += len(seen)
        self.done.new += sum(post.id not in self.posts for post in seen)
        for post in seen:
            # One that stands in both lists was chosen by Instagram: that is what its likes go with.
            known = self.posts.get(post.id)
            among: Which = "top" if known and known.among == "top" else post.among
            self.posts[post.id] = post.model_copy(update={"among": among})
        lines = "".join(post.model_dump_json() + "\n" for post in self.posts.values())
        write_text(_file(self.home, self.tag, ".jsonl"), lines)
        if self.rights:
            self._take(page.media[:size])
        over = not page.after or not page.media
        return _Way(after=page.after, got=way.got + len(seen), over=over, at=self.now())

    def _take(self, media: Sequence[Media]) -> None:
        """Pictures, by rights that somebody says to hold, into the library; never as posts of the brand."""
        arriving = made(folder(self.home) / "arriving-others")
        sweep(arriving)
        wanted = [m for m in media if m.media_type == "IMAGE" and m.media_url and m.permalink]
        if not wanted:
            return
        said = {
            "who": self.rights, "when": self.now().isoformat(), "hashtag": self.tag,
            "said": "I hold the rights to these pictures (--i-have-rights)",
            "what": [m.permalink for m in wanted],
        }  # fmt: skip
        line = json.dumps(said, ensure_ascii=False).encode() + b"\n"
        append(folder(self.home) / "rights.jsonl", line, "no picture was fetched")
        server = self.account.server
        come = []
        for count, medium in enumerate(wanted):
            self.report("Fetching pictures", count, len(wanted), medium.permalink)
            try:
                write_bytes(arriving / f"{medium.id}.jpg", picture(medium.media_url, server))
                come.append(medium)
            except Refused as error:
                self.done.notes.append(error.message)
        with Archive(arriving) as archive:
            found = [
                Found(
                    media=(File(archive, f"{m.id}.jpg", credit=_credit(m)),),
                    posted_at=m.timestamp, source=SOURCE, permalink=m.permalink, published=False,
                )
                for m in come
            ]  # fmt: skip
            if found:
                told = Library(self.home.library).add(found, report=self.report)
                self.done.pictures += told.photos_new
        for medium in come:
            (arriving / f"{medium.id}.jpg").unlink(missing_ok=True)


def budget_in_words(budget: Budget, account: Account, tag: str, now: datetime) -> str:
    """Said before a look-up."""
    left = budget.left(account.id, now)
    costs = (
        "costs nothing more this week" if tag in budget.counted(account.id, now) else "takes one"
    )
    return (
        f"{left} of {rules.HASHTAG_QUERIES} different hashtags may still be looked up within seven days; "
        f"#{tag} {costs}."
    )


def study(tag: str, posts: Sequence[Tagged], most: int = 20) -> Study:
    """What goes with a hashtag, and how it is liked.

    Likes are set against the median of the list that a post stands in: the top list is Instagram's choice,
    the recent one is hours old. A median over fewer than FEW posts says so.
    """
    tag = folded(tag)
    medians = _medians(posts)
    by_tag: dict[str, list[Tagged]] = {}
    shown: dict[str, Counter[str]] = {}
    for post in posts:
        for word in post.hashtags:
            key = folded(word)
            if key != tag:
                by_tag.setdefault(key, []).append(post)
                shown.setdefault(key, Counter())[word] += 1
    order = sorted(by_tag, key=lambda key: (-len(by_tag[key]), key))[:most]
    companions = []
    for key in order:
        liked = [p for p in by_tag[key] if p.likes is not None]
        ratios = [p.likes / max(1.0, medians[p.among][0]) for p in liked if p.likes is not None]
        companions.append(
            Companion(
                tag=shown[key].most_common(1)[0][0],
                posts=len(by_tag[key]),
                share=len(by_tag[key]) / len(posts),
                likes=_medians(liked),
                against=statistics.median(ratios) if ratios else None,
                few=len(liked) < FEW,
            )
        )
    times = sorted(post.at for post in posts if post.at is not None)
    kinds = Counter(post.kind for post in posts)
    return Study(
        tag, len(posts), times[0] if times else None, times[-1] if times else None, medians,
        dict(kinds.most_common()), tuple(companions),
    )  # fmt: skip


def _medians(posts: Sequence[Tagged]) -> dict[str, tuple[float, int]]:
    found = {}
    for name in ("top", "recent"):
        likes = [post.likes for post in posts if post.among == name and post.likes is not None]
        if likes:
            found[name] = (float(statistics.median(likes)), len(likes))
    return found


# ---- files ----------------------------------------------------------------------------------------


def read(home: Home, tag: str) -> list[Tagged]:
    """The posts that are kept of a hashtag. Raises FeedsmithError for a damaged file."""
    path = _file(home, tag, ".jsonl")
    try:
        lines = path.read_bytes().splitlines()
        return [Tagged.model_validate_json(line) for line in lines if line.strip()]
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({type(error).__name__})",
            mend="move that file away, and collect the hashtag again",
        ) from error


def _file(home: Home, tag: str, suffix: str) -> Path:
    """Of a hashtag. A hundred letters may be four hundred bytes, and a file's name has 255."""
    name = tag
    if len(tag.encode()) > 200:
        name = f"{tag[:40]}-{hashlib.sha256(tag.encode()).hexdigest()[:12]}"
    return folder(home) / "hashtags" / f"{name}{suffix}"


def read_budget(home: Home) -> Budget:
    """Raises FeedsmithError for a damaged file: counting anew would promise what Instagram refuses."""
    path = folder(home) / "budget.json"
    try:
        return Budget.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Budget()
    except (OSError, ValidationError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({type(error).__name__})",
            mend="delete it; Instagram counts by itself, and refuses when thirty hashtags a week are reached",
        ) from error


def _progress(path: Path, now: datetime) -> _Progress:
    """What is fresh enough to go on with."""
    try:
        found = _Progress.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):  # begun anew: nothing is doubled
        return _Progress()
    fresh = {
        name: way
        for name in ("top", "recent")
        if (way := getattr(found, name)) is not None and now - way.at < CURSOR
    }
    return _Progress(**fresh)


def checked(tag: str) -> str:
    """As it is looked up and kept: small letters, no '#'. Raises FeedsmithError."""
    word = tag.strip().lstrip("#").lower()
    if not _TAG.fullmatch(word) or word.isdigit():
        raise FeedsmithError(
            f'"{tag.strip()[:60]}" is no hashtag',
            mend="one word of letters, digits and _, such as treesofinstagram",
        )
    return word


def _tagged(medium: Media, name: Which, now: datetime) -> Tagged:
    return Tagged(
        id=medium.id, permalink=medium.permalink, caption=medium.caption,
        hashtags=hashtags(medium.caption), kind=medium.media_type, likes=medium.like_count,
        comments=medium.comments_count, at=medium.timestamp, seen_at=now, among=name,
    )  # fmt: skip


def _credit(medium: Media) -> Credit:
    """The API names nobody: the post itself is named."""
    return Credit(text=medium.permalink, source_url=medium.permalink)
