"""Reading the figures of posts that are out, each at its ages (models.looks), into the brand's insights.

Publishing comes first: while a post of an account is on its way, or about to be, nothing is read, and reading
takes no more than half of what Instagram's usage headers leave. What was read is written to the database in
one transaction with its look, and from there to the insights, where the same line is never written twice: a
kill at any moment loses nothing and doubles nothing. An account that does not open any more is not asked again
before it is connected again.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.db import close_old_connections, connections
from django.utils import timezone

from feedsmith import outcomes
from feedsmith.errors import FeedsmithError
from feedsmith.outcomes import Published, Reading
from feedsmith.publishing import connect
from feedsmith.publishing.collecting import METRICS
from feedsmith.publishing.graph import (
    Disconnected,
    Graph,
    GraphError,
    Media,
    Permanent,
    Throttled,
)
from feedsmith.studio import accounts, due, queue
from feedsmith.studio.models import Brand, Look
from feedsmith.studio.models.looks import STORY_ENDS, fresh

SHARE = 50
"""Per cent of a usage budget up to which figures are read: the rest is for publishing."""
CALM = timedelta(minutes=15)
"""Until an account that is above is looked at again; the budgets are those of a rolling hour."""
AGAIN, AGAIN_MOST = timedelta(minutes=5), timedelta(hours=6)
"""After an error that may pass: twice as long after each."""
TRIES = 12
"""Errors of that kind, over about three days, after which a look is given up."""
HERE = timedelta(minutes=10)
"""Until what went wrong on this machine (a full disk, a brand's file that cannot be read) is tried again."""

log = logging.getLogger("feedsmith.studio.figures")


class Reader:
    """A thread beside the publisher's: a slow answer about figures must hold no post up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="figures")
        self._busy: Future[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._pool.shutdown()

    def turn(self) -> bool:
        """Read what is due, unless that is being done; True while there is something to do."""
        if self._busy is None or self._busy.done():
            if not due.figures_wanted(timezone.now()):
                return False
            self._busy = self._pool.submit(self._worked)
        return True

    def _worked(self) -> int:
        close_old_connections()
        try:
            return turn(self.name)
        except Exception:
            log.exception("reading figures stumbled")
            return 0
        finally:
            connections.close_all()


def turn(name: str, clock: Callable[[], datetime] = timezone.now) -> int:
    """Read what is due now, one post after the other. Returns how many were read."""
    tell(clock())
    Look.plan(clock())
    done = 0
    for look in Look.heads(clock()):
        now = clock()
        if look.account not in due.opening(look.draft.brand):
            continue
        if due.publishing_first(look.account, now):
            Look.put_off(look.account, now + due.SOON, "publishing comes first")
            continue
        if look.claim(name, now):
            done += _tried(look, name, now)
    tell(clock())
    return done


def _tried(look: Look, name: str, now: datetime) -> bool:
    """`further`; what goes wrong on this machine is for later, and holds no other post's figures up."""
    try:
        return further(look, name, now)
    except Exception as error:
        said = error.message if isinstance(error, FeedsmithError) else type(error).__name__
        log.warning("figures of %s: %s", look, said, exc_info=not isinstance(error, FeedsmithError))
        look.later(name, now + HERE, said, tries=0)
        return False


def further(look: Look, name: str, now: datetime) -> bool:
    """Read one post's figures; True where they were read."""
    brand = look.draft.brand
    connection = accounts.opened(brand, look.account)
    if connection is None or not connection.token.secret:
        look.later(name, now + HERE, "its account is not connected any more", tries=0)
        return False
    graph = connection.graph()
    try:
        told, missing = _read(look, graph, now)
    except Throttled as error:
        wait = max(CALM, timedelta(seconds=error.wait))
        Look.put_off(look.account, now + wait, error.message)
        look.later(name, now + wait, error.message, tries=0)
        return False
    except Disconnected as error:
        # What is wrong stands with the account then, and nothing is asked of it before it is connected again.
        after, _ = connect.examined(connection, now)
        accounts.shelf_of(brand).exchange(connection, after)
        look.later(name, now + (HERE if after.trouble else AGAIN_MOST), error.message, tries=0)
        return False
    except Permanent as error:
        look.keep(name, "gone", said=f"Instagram shows this post no more: {error.message}"[:400])
        return False
    except GraphError as error:
        if look.tries + 1 >= TRIES:
            look.keep(name, "passed", said=error.message[:400])
            return False
        again = min(AGAIN_MOST, AGAIN * (1 << look.tries))
        look.later(name, now + max(again, timedelta(seconds=error.wait)), error.message)
        return False
    done = look.keep(
        name, "fresh" if told else "gone", figures=told, read_at=now, said=missing[:400]
    )
    if graph.usage.percent > SHARE:
        wait = max(CALM, timedelta(seconds=graph.usage.wait))
        Look.put_off(look.account, now + wait, "Instagram asks to be left alone for a while")
    return done and bool(told)


def _read(look: Look, graph: Graph, now: datetime) -> tuple[dict[str, Any] | None, str]:
    """Lines for the insights, None where there is nothing to be read any more; and what is missing, in
    words. Raises the client's errors."""
    draft = look.draft
    story = draft.kind == "story"
    if story and now >= look.due - timedelta(hours=look.hours) + STORY_ENDS:
        return None, "Instagram has no figures of a story after a day"
    made = draft.post
    if made is None:
        return None, "the post’s files are not there any more"
    # First what lies here: where that cannot be read, nothing is asked of Instagram in vain.
    zone = ZoneInfo(draft.brand.file.time_zone)
    named = _spelt(draft.brand, made.id, look)
    worded = made.model_copy(update={"caption": draft.caption, "hashtags": tuple(draft.hashtags)})
    medium = graph.medium(look.media)
    figures, missing = _insights(graph, medium, look.media, story)
    at = medium.timestamp or look.due - timedelta(hours=look.hours)
    told: dict[str, Any] = {}
    if not draft.looks.filter(media=look.media, step__in=("fresh", "read")).exists():
        published = outcomes.of_post(
            worded, at, zone, account=named, followers=graph.profile().followers_count
        )
        told["published"] = published.model_dump(mode="json")
    comments = medium.comments_count
    reading = Reading(
        post=made.id, account=named, at=max(now, at),
        reach=figures.get("reach"), likes=medium.like_count,
        comments=figures.get("replies") if comments is None or story else comments,
        saves=figures.get("saved"), shares=figures.get("shares"),
    )  # fmt: skip
    return told | {"reading": reading.model_dump(mode="json")}, missing


def _insights(graph: Graph, medium: Media, number: str, story: bool) -> tuple[dict[str, int], str]:
    """Reach, saves and shares; {} and why, where they are not told."""
    try:
        return graph.insights(number, METRICS["STORY" if story else ""]), ""
    except Disconnected as error:
        if error.code != 10:
            raise
        if story:  # one with few viewers says the same
            return {}, "too few people saw it for Instagram to say how many"
        return (
            {},
            "reach, saves and shares are not told: allow insights when connecting the account",
        )
    except Permanent as error:
        return {}, f"reach, saves and shares are not told: {error.message}"


def _spelt(brand: Brand, post: str, look: Look) -> str:
    """How the account is named in the insights already: one post, one name."""
    mine = ("", look.account, look.username)
    known = (
        o.published.account
        for o in outcomes.read(brand.home.root).outcomes
        if o.published.post == post and o.published.account in mine
    )
    return next(known, str(look.username or look.account))


# ---- into the insights -----------------------------------------------------------------------------


def tell(now: datetime) -> int:
    """What was read, into the insights of each brand; then the report is made anew. Returns how many. A brand
    whose insights cannot be written waits, and no other does."""
    told: dict[int, Brand] = {}
    waits: set[int] = set()
    count = 0
    for look in fresh().filter(begins_at__lte=now):
        brand = look.draft.brand
        if brand.pk in waits:
            continue
        lines = [
            kind.model_validate(look.figures[what])
            for what, kind in (("published", Published), ("reading", Reading))
            if what in (look.figures or {})
        ]
        try:
            outcomes.record(brand.home.root, lines)
        except FeedsmithError as error:  # a full disk: it stays in the database until there is room
            log.warning("figures of %s: %s", brand.slug, error.message)
            waits.add(brand.pk)
            fresh().filter(draft__brand=brand).update(begins_at=now + HERE)
            continue
        Look.objects.filter(pk=look.pk).update(step="read")
        told[brand.pk] = brand
        count += 1
    for brand in told.values():
        try:
            queue.study(brand, None)
        except FeedsmithError as error:
            log.warning("the report of %s: %s", brand.slug, error.message)
    return count
