"""Publisher: takes an attempt one step further, and never publishes twice.

Instagram has no key that makes a call harmless to repeat. What keeps a post from going out twice is the
order of things:

  1. A container is made, and its number written down. One whose answer is lost is never published.
  2. "publishing" is written down, and only then media_publish is called, once.
  3. Where its answer is lost (a crash, a broken line, an error 500) the container's own status and the
     account's newest posts say whether the post is out. They are looked at for as long as SETTLE; a
     container that is still unpublished then may be published, and it can be published once. A post on the
     profile is taken for this one by its words, its kind, its time and its parts, and where it is the
     only such one.
  4. What neither tells is asked of a person, and nothing is sent before that.

https://developers.facebook.com/documentation/instagram-platform/content-publishing. Knows the client and
attempts; knows no database (`keep` writes an attempt down) and no clock (`now` is told).
"""

import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from feedsmith import rules
from feedsmith.publishing.attempt import Attempt, Item, Sending, Why
from feedsmith.publishing.graph import (
    Disconnected,
    Graph,
    GraphError,
    Made,
    Media,
    NewContainer,
    Permanent,
    Temporary,
    Unknown,
)

Keep = Callable[[Attempt], None]
"""Writes an attempt down. When it returns, a crash does not lose it; when it raises, nothing is sent."""

POLL = timedelta(seconds=rules.POLL_SECONDS)
"""Between two questions after a container's status."""
SOON = timedelta(seconds=5)
"""Before the first of them: a picture is looked at while its container is made."""
OLD = timedelta(seconds=rules.CONTAINER_SECONDS) - timedelta(hours=1)
"""A container this old is made anew, before it expires in the midst of it."""
SETTLE = tuple(timedelta(seconds=s) for s in (15, 30, 60, 120, 240))
"""Between two looks for a post whose answer was lost, eight minutes in all. A call takes one minute at most
(graph.TIMEOUT), so none is under way any more."""
SHOWN = 3
"""Looks for the number of a post of which Instagram says that it is out: lists are a little behind."""
CALLS = 3
"""Calls to publish one post whose answers were lost; then a person is asked."""
SKEW = timedelta(minutes=2)
"""How far Instagram's clock may be from ours."""
NEWEST = 25
"""Posts of the account that are looked through."""
FULL = timedelta(minutes=15)
"""Between two looks at a full quota."""
AGAIN, AGAIN_MOST = timedelta(minutes=1), timedelta(minutes=10)
"""After an error that may pass and does not say when; twice as long after each, also where it says so: a
broken line is tried again after 15 seconds, then 30."""
ACCOUNT = timedelta(minutes=5)
"""Between two looks whether the account is connected again."""
MEND = {
    "late": "publish it now, choose another time, or take it off the calendar",
    "unknown": "look at the profile: mark it as posted if it is there, or else publish it again",
}


@dataclass(frozen=True)
class Policy:
    """How a brand wants it."""

    late: timedelta = timedelta(hours=2)
    """So long after its time a post still goes out by itself; later, a person is asked."""
    ahead: timedelta = timedelta(minutes=2)
    """Before its time the containers are made, so that it goes out at its minute."""
    ahead_film: timedelta = timedelta(minutes=10)


USUAL = Policy()


def begins(attempt: Attempt, sending: Sending, policy: Policy = USUAL) -> datetime:
    """When there is something to do for an attempt, UTC."""
    if attempt.next_at is not None:
        return attempt.next_at
    if attempt.step != "waiting":
        return datetime.min.replace(tzinfo=UTC)
    films = any(item.film for item in sending.items)
    return attempt.due - (policy.ahead_film if films else policy.ahead)


def in_turn(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Of each account the attempt whose turn it is: the one due first. Posts of an account go out in
    the order of their times; one that a person is asked about lets the others pass."""
    first: dict[str, Attempt] = {}
    for attempt in attempts:
        if not attempt.over:
            other = first.get(attempt.account)
            if other is None or (attempt.due, attempt.post) < (other.due, other.post):
                first[attempt.account] = attempt
    return sorted(first.values(), key=lambda a: (a.due, a.post))


def advance(
    attempt: Attempt, sending: Sending, graph: Graph, keep: Keep, now: datetime, *,
    policy: Policy = USUAL, known: Collection[str] = (), contested: bool = False,
) -> Attempt:  # fmt: skip
    """One step further; returns how the attempt stands then, as it was written down.

    `known` are the account's posts that belong to other attempts; `contested` says that another attempt
    with the same words may be out without anybody knowing which post it is. What goes wrong at
    Instagram is told by the attempt; raises what `keep` raises, and nothing else.
    """
    if attempt.over:
        return attempt
    turn = _Turn(attempt, sending, graph, keep, now, policy, frozenset(known), contested)
    if attempt.step != "publishing" and now > attempt.due + policy.late:
        said = attempt.said or "nothing was sent at its time"
        return turn.write(_asked(attempt, late_or_unknown(attempt), said))
    try:
        after = turn.taken()
    except GraphError as error:
        after = turn.held_up(error)
    if graph.usage.wait and not after.over:
        calm = now + timedelta(seconds=graph.usage.wait)
        after = after.model_copy(update={"next_at": max(after.next_at or now, calm)})
    return turn.write(after)


def late_or_unknown(attempt: Attempt) -> Why:
    """Why a person is asked when its time has passed: a call whose answer was lost may have published it."""
    return "unknown" if attempt.calls else "late"


def _asked(attempt: Attempt, why: Why, said: str) -> Attempt:
    return attempt.now("asking", why=why, said=said, mend=MEND[why])


def _anew(attempt: Attempt) -> Attempt:
    """The same, with none of its containers."""
    return attempt.now("making", parts=(), container="", made_at=None)


@dataclass
class _Turn:
    """One step of one attempt. `attempt` is as it was last written down: after an error it is known how
    far it came."""

    attempt: Attempt
    sending: Sending
    graph: Graph
    keep: Keep
    now: datetime
    policy: Policy
    known: frozenset[str] = field(default_factory=frozenset)
    contested: bool = False

    def write(self, attempt: Attempt) -> Attempt:
        self.keep(attempt)
        self.attempt = attempt
        return attempt

    def taken(self) -> Attempt:
        match self.attempt.step:
            case "waiting":
                return self._begun()
            case "making":
                return self._made()
            case "processing":
                return self._published()
            case _:
                return self._found_out()

    # ---- before it is public -----------------------------------------------------------------------

    def _begun(self) -> Attempt:
        """Is there room in the quota?"""
        limit = self.graph.limit()
        if limit.left > 0:
            return self.attempt.now("making")
        return self.attempt.later(
            self.now + FULL,
            f"{limit.used} of the {limit.total} posts that Instagram allows in "
            f"{limit.seconds / 3600:.0f} hours are out",
            "it goes out when there is room again",
        )

    def _made(self) -> Attempt:
        """The containers that are missing, each written down before the next."""
        sending, graph = self.sending, self.graph
        carousel = sending.form == "carousel"
        if carousel:
            for item in sending.items[len(self.attempt.parts) :]:
                made = graph.create(_part(item))
                parts = (*self.attempt.parts, made.id)
                self.write(self.attempt.now("making", parts=parts, made_at=self.now))
            # A carousel is refused while Instagram looks at its parts; pictures are looked at when they are made.
            for item, part in zip(sending.items, self.attempt.parts, strict=True):
                if item.film:
                    status = graph.status(part)
                    if status.trouble is not None:
                        raise status.trouble
                    if status.status_code != "FINISHED":
                        return self.attempt.later(
                            self.now + POLL, "Instagram is looking at its films"
                        )
        if not self.attempt.container:
            made = graph.create(_whole(sending, self.attempt.parts))
            self.write(self.attempt.now("making", container=made.id, made_at=self.now))
        item = sending.items[0]
        if item.path is not None and not carousel:
            there = Made(id=self.attempt.container)
            had = graph.uploaded(there.id)
            if had < item.path.stat().st_size:
                graph.upload(there, item.path, had)
        film = any(item.film for item in sending.items)
        return self.attempt.now("processing", next_at=self.now + (POLL if film else SOON))

    def _published(self) -> Attempt:
        """Publish what Instagram has looked at, when its time has come."""
        attempt = self.attempt
        if attempt.made_at is not None and self.now - attempt.made_at > OLD:
            return self._made_anew("its container became too old")
        status = self.graph.status(attempt.container)
        if (
            status.status_code == "PUBLISHED"
        ):  # by nobody's call that is written down: a restored backup
            return attempt.now("publishing", called_at=attempt.called_at or attempt.made_at)
        if status.trouble is not None:
            raise status.trouble
        if status.status_code != "FINISHED":
            return attempt.later(self.now + POLL, "Instagram is looking at it")
        if self.now < attempt.due:
            return attempt.later(attempt.due, "ready, and waiting for its time")
        if attempt.calls >= CALLS:
            said = f"the answers to {CALLS} calls were lost, and Instagram does not show it"
            return _asked(attempt, "unknown", said)
        self.write(attempt.now("publishing", called_at=self.now, calls=attempt.calls + 1, looks=0))
        media = self.graph.publish(attempt.container)
        return self._out(media)

    # ---- is it public? -----------------------------------------------------------------------------

    def _found_out(self) -> Attempt:
        """A call to publish was begun, and what came of it is not known."""
        attempt = self.attempt
        try:
            code = str(self.graph.status(attempt.container).status_code)
        except Permanent:
            code = "GONE"
        found = [] if self.sending.form == "story" else self._candidates()
        only = found[0] if len(found) == 1 and not self.contested else ""
        looks = attempt.looks + 1
        if only or (code == "PUBLISHED" and (looks > SHOWN or self.sending.form == "story")):
            return self._out(only)
        if code == "PUBLISHED":
            told = attempt.model_copy(update={"looks": looks})
            return told.later(self.now + SETTLE[0], "it is out; which post it is, is not shown yet")
        if code in ("FINISHED", "IN_PROGRESS"):
            if looks < len(SETTLE):
                told = attempt.model_copy(update={"looks": looks})
                said = "Instagram's answer was lost; looking whether it is out"
                return told.later(self.now + SETTLE[looks], said)
            if not found:
                return attempt.now("processing", looks=0)
        if found:
            said = "Instagram's answer was lost, and more than one post could be the one on the profile"
        else:
            said = "Instagram's answer was lost, its container is gone, and the newest posts do not show it"
        return _asked(attempt, "unknown", said)

    def _candidates(self) -> list[str]:
        """Numbers of the account's posts that can be this one: its words, its kind and as many parts,
        not older than it can be, and no other attempt's."""
        attempt, sending = self.attempt, self.sending
        # With one call it cannot be older than that; else it may be the first call's, of the same container.
        began = attempt.called_at if attempt.calls == 1 else attempt.made_at
        began = (began or attempt.called_at or attempt.due) - SKEW
        words = " ".join(sending.text.split())
        return [
            media.id
            for media in self.graph.media(limit=NEWEST).media
            if media.timestamp is not None
            and media.timestamp >= began
            and media.id not in self.known
            and " ".join(media.caption.split()) == words
            and _alike(media, sending)
        ]

    def _out(self, media: str) -> Attempt:
        """It is public; where, is nice to know."""
        out = self.attempt.now("published", media=media)
        if not media:
            return out
        self.write(out)
        with contextlib.suppress(GraphError):
            return out.model_copy(update={"permalink": self.graph.medium(media).permalink})
        return out

    def _made_anew(self, said: str) -> Attempt:
        """Another container is made only where none can have been published."""
        if self.attempt.calls:
            return _asked(self.attempt, "unknown", said)
        return _anew(self.attempt)

    # ---- what holds it up --------------------------------------------------------------------------

    def held_up(self, error: GraphError) -> Attempt:
        """Later, with a new container, or never."""
        attempt = self.attempt
        if attempt.step == "published":
            return attempt
        if attempt.step == "publishing":
            called = attempt.called_at or attempt.due
            if isinstance(error, Unknown):
                return attempt.later(self.now + SETTLE[0], error.message, error.mend)
            if called != self.now:  # it was looked for, and Instagram did not say
                if self.now > called + self.policy.late:
                    said = f"whether it is out cannot be found out: {error.message}"
                    return _asked(attempt, "unknown", said)
                why: Why = "account" if isinstance(error, Disconnected) else ""
                return attempt.later(self.now + _wait(error, 0), error.message, error.mend, why)
            # The call was refused, with a reason: nothing happened, and it counts for none.
            attempt = attempt.now("processing", calls=attempt.calls - 1)
        if isinstance(error, Disconnected):
            return attempt.later(self.now + ACCOUNT, error.message, error.mend, "account")
        if isinstance(error, Temporary):
            if error.anew and attempt.calls:
                return self._made_anew(error.message)
            held = _anew(attempt) if error.anew else attempt
            held = held.model_copy(update={"tries": attempt.tries + 1})
            return held.later(self.now + _wait(error, attempt.tries), error.message, error.mend)
        return attempt.now("failed", said=error.message, mend=error.mend)


_TYPES: dict[str, tuple[str, str]] = {
    "image": ("IMAGE", "FEED"), "carousel": ("CAROUSEL_ALBUM", "FEED"), "reel": ("VIDEO", "REELS"),
}  # fmt: skip
"""How Instagram calls what each form becomes: media_type, media_product_type."""


def _alike(media: Media, sending: Sending) -> bool:
    """Whether a post is of the kind that is sent, with as many parts; what the API leaves out is no
    difference."""
    kind, product = _TYPES[sending.form]
    parts = len(media.children)
    return (
        media.media_type in ("", kind)
        and media.media_product_type in ("", product)
        and (sending.form != "carousel" or parts in (0, len(sending.items)))
    )


def _wait(error: GraphError, tries: int) -> timedelta:
    wait = timedelta(seconds=error.wait)
    return max(wait, min(AGAIN_MOST, (wait or AGAIN) * (1 << min(tries, 10))))


def _part(item: Item) -> NewContainer:
    if item.film:
        return NewContainer(kind="video", video_url=item.url, part=True)
    return NewContainer(kind="image", image_url=item.url, alt_text=item.alt_text, part=True)


def _whole(sending: Sending, parts: tuple[str, ...]) -> NewContainer:
    """The container that is published."""
    item = sending.items[0]
    told: dict[str, object] = {"kind": sending.form, "ai": sending.ai}
    if sending.form != "story":  # takes neither words nor people nor places
        told |= {
            "caption": sending.text, "collaborators": sending.collaborators,
            "location_id": sending.location_id,
        }  # fmt: skip
    if sending.form == "carousel":
        told["children"] = parts
    elif not item.film:
        told["image_url"] = item.url
        if sending.form == "image":
            told["alt_text"] = item.alt_text
    elif item.path is not None:
        told["upload"] = True
    else:
        told |= {"video_url": item.url, "cover_url": sending.cover_url}
    return NewContainer.model_validate(told)
