"""Publishing what is due: each scheduled post is settled, then taken one step further at a time, until it
is out or a person must be asked.

Runs in a process of its own (publisher), several on PostgreSQL. A kill at any point is harmless: what may have
been sent was written down before (publishing.publisher), and a publication belongs to who has its lease.
Nobody waits for a slow one: who gives out the work (Crew) never does, and a film on its way up stops no
other account, nor an earlier post of its own.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.db import connections
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.publishing import connect, hosting, preflight, probe, publisher
from feedsmith.publishing.attempt import Attempt, Item, Sending
from feedsmith.publishing.findings import Finding
from feedsmith.publishing.graph import Disconnected, GraphError
from feedsmith.publishing.hosting import Hosted
from feedsmith.publishing.outgoing import Outgoing, Part
from feedsmith.publishing.publisher import AGAIN, MEND, Policy
from feedsmith.publishing.tokens import Account, Connection
from feedsmith.studio import accounts, due, links, logs
from feedsmith.studio.models import Brand, Publication, Publisher, publications
from feedsmith.studio.models.publications import Taken, under_way
from feedsmith.studio.worker.turns import Turns

Kind = Literal["step", "upload", "film"]
"""What is done for a publication: a call or two; a film sent up, which takes as long as the line is slow; a
film looked at and mended, which takes memory."""
AT_ONCE: dict[Kind, int] = {"step": 16, "upload": 8, "film": 1}
"""So many of each at the same time, none waiting for another kind; nearly all of it is waiting for Instagram."""
CHORES = 2
"""So many of what no post waits for; a bucket that hangs takes these hands and no others."""
RETRY = timedelta(minutes=1)
"""Until what went wrong here, not at Instagram, is tried again."""
STEP_MOST = 3600.0
"""Seconds after which a step is taken for stuck: an upload ends by itself after half of them."""
RENEWALS = 5
"""Renewals of a lease within its time."""
BEAT_EVERY = 10.0
"""Seconds between two signs of life."""
_MENDING = threading.Lock()
"""One picture at a time is looked at and mended: that needs memory, and a moment."""
_TURNS = Turns.here()
"""With the workers beside it, in whose memory's time a film is looked at."""
PATIENCE, SOON = 2.0, timedelta(minutes=3)
"""Seconds to wait for the step that a worker is at; and when before its time a post waits for none."""

log = logging.getLogger("feedsmith.studio.publisher")


DAY = timedelta(days=1)


def policy_of(brand: Brand) -> Policy:
    return Policy(late=timedelta(minutes=brand.late_minutes))


# ---- all of them -----------------------------------------------------------------------------------


def turn(name: str, now: datetime | None = None) -> int:
    """Take up what is due, and each account's first one a step further, one after the other. Returns how
    many there were."""
    now = now or timezone.now()
    _take_up(now)
    claimed = [row for row in Publication.heads(now) if row.claim(name, now)]
    if all(row.settled is not None for row in claimed):
        _TURNS.leave()
    for row in claimed:
        if further(row, name, now):
            sweep(row.draft.brand, now)
    return len(claimed)


def _take_up(now: datetime) -> None:
    for draft, known in due.due(now):
        Publication.begin(draft, known.account.id, known.account.username, now)


def kind_of(row: Publication) -> Kind:
    """What is to be done for it next."""
    sending = row.settled
    if sending is None:
        return "film" if due.has_film(row.draft) else "step"
    uploads = any(item.path is not None for item in sending.items)
    return "upload" if uploads and row.step == "making" else "step"


@dataclass(frozen=True)
class _Work:
    """A publication in a thread's hands."""

    account: str
    kind: Kind
    since: float
    future: "Future[None]"


@dataclass
class Crew:
    """The hands of one publisher, a thread for each step. `look` gives out what can be begun, and waits for
    nothing but the database."""

    name: str
    at: dict[int, _Work] = field(default_factory=dict)
    """By number of the publication."""
    chores: list["Future[None]"] = field(default_factory=list)
    """Those being done."""
    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    """Chores that are not begun yet."""
    beaten: float = float("-inf")
    renewed: float = float("-inf")

    def __post_init__(self) -> None:
        hands = sum(AT_ONCE.values()) + CHORES
        self.pool = ThreadPoolExecutor(hands, thread_name_prefix="account")
        self._unswept: set[Brand] = set()

    def look(self) -> int:
        """Take up what is due, give out what waits for nobody, and show that all of it is alive.
        Returns how many are under way."""
        now = timezone.now()
        self._tidy()
        _take_up(now)
        # A step may make a post public: an account has one at a time, so that its posts keep their order.
        holding = {work.account for work in self.at.values() if work.kind == "step"}
        heads = [(row, kind_of(row)) for row in Publication.heads(now)]
        if "film" not in {*(kind for _, kind in heads), *(work.kind for work in self.at.values())}:
            _TURNS.leave()
        for row, kind in heads:
            many = sum(work.kind == kind for work in self.at.values())
            if row.pk in self.at or row.account in holding or many >= AT_ONCE[kind]:
                continue
            if row.claim(self.name, now):
                kind = kind_of(row)  # as it is now: somebody else may have had it until then
                future = self.pool.submit(self._worked, row)
                self.at[row.pk] = _Work(row.account, kind, time.monotonic(), future)
        self._breathe(now)
        return len(self.at)

    def do(self, chore: Callable[[], None]) -> None:
        """Something that no post waits for: begun at a look, CHORES at a time."""
        self.waiting.append(chore)

    @property
    def busy(self) -> bool:
        return bool(self.at or self.chores or self.waiting)

    def _tidy(self) -> None:
        self.at = {number: work for number, work in self.at.items() if not work.future.done()}
        self.chores = [chore for chore in self.chores if not chore.done()]
        while self._unswept and not self.waiting:
            self.do(partial(sweep, self._unswept.pop(), timezone.now()))
        while self.waiting and len(self.chores) < CHORES:
            self.chores.append(self.pool.submit(_alone, self.waiting.popleft()))

    def _breathe(self, now: datetime) -> None:
        """Signs of life, unless a step stands still: then somebody else should take over."""
        clock = time.monotonic()
        fresh = [number for number, w in self.at.items() if clock - w.since < STEP_MOST]
        if clock - self.renewed > publications.LEASE.total_seconds() / RENEWALS:
            Publication.renew(self.name, fresh, now)
            self.renewed = clock
        if len(fresh) == len(self.at) and clock - self.beaten > BEAT_EVERY:
            Publisher.breathes(self.name)
            self.beaten = clock

    def _worked(self, row: Publication) -> None:
        """One step in a thread of the pool. What nobody thought of leaves the others alone."""
        try:
            if further(row, self.name, timezone.now()):
                self._unswept.add(row.draft.brand)
        except Exception:
            log.exception("publication %s stumbled", row)
            mine = Publication.objects.filter(pk=row.pk, lease=self.name)
            mine.update(begins_at=timezone.now() + RETRY)
        finally:
            connections.close_all()  # a thread that waits for work holds none of the database's


def _alone(chore: Callable[[], None]) -> None:
    try:
        chore()
    except Exception:
        log.exception("a chore stumbled")
    finally:
        connections.close_all()


# ---- one of them -----------------------------------------------------------------------------------


def _logged(
    work: Callable[[Publication, str, datetime], bool],
) -> Callable[[Publication, str, datetime], bool]:
    """Lines of the log say which publication they are about; each step it takes is one."""

    @wraps(work)
    def told(row: Publication, name: str, now: datetime) -> bool:
        began, before = time.monotonic(), row.step
        slug = row.draft.brand.slug
        with logs.about(publication=row.pk, post=row.draft_id, brand=slug, account=row.account):
            try:
                return work(row, name, now)
            finally:
                if row.step != before:
                    seconds = round(time.monotonic() - began, 2)
                    logs.event(
                        log, "publication", step=row.step, before=before, why=row.told.why,
                        duration_s=seconds,
                    )  # fmt: skip

    return told


@_logged
def further(row: Publication, name: str, now: datetime) -> bool:
    """One step of a publication that is in these hands; where they lose it, nothing more is sent. True
    where it is over by that."""
    brand = row.draft.brand
    try:
        policy = policy_of(brand)
        keep = partial(row.keep, name, policy=policy)
        attempt, sending = row.told, row.settled
        if attempt.step != "publishing" and now > attempt.due + policy.late:
            said = attempt.said or "nothing was sent at its time"
            why = publisher.late_or_unknown(attempt)
            keep(attempt.now("asking", why=why, said=said, mend=MEND[why]))
            return True
        connection = _opened(brand, row, keep, now)
        if connection is None:
            return row.over
        if sending is None:
            if not due.has_film(row.draft):
                _settle(row, name, connection.account, keep, policy, now)
                return row.over
            with _TURNS.alone(PATIENCE) as alone:
                # Where a worker's step is long, it is for the next turn, save shortly before the post's time.
                if alone or attempt.due - now < SOON:
                    _settle(row, name, connection.account, keep, policy, now)
            return row.over
        known = Publication.objects.filter(account=row.account, step="published").exclude(pk=row.pk)
        after = publisher.advance(
            attempt, sending, connection.graph(), keep, now, policy=policy,
            known=frozenset(known.values_list("draft__media_id", flat=True)) - {""},
            contested=attempt.step == "publishing" and _contested(row, attempt, sending),
        )  # fmt: skip
        if after.mend and after.said != attempt.said and not after.over:
            _look_after(brand, connection, now)
        if after.over and not row.hosted:
            _forget(row)
        return after.over
    except Taken:
        log.info("publication %s is in other hands", row)
        return False


def _contested(row: Publication, attempt: Attempt, sending: Sending) -> bool:
    """Whether another attempt with the same words may have become a post that nobody knows the number of,
    and which could be taken for this one's."""
    since = (attempt.made_at or attempt.due) - publisher.SKEW - max(publisher.SETTLE)
    others = Publication.objects.filter(account=row.account, draft__media_id="").exclude(pk=row.pk)
    for other in others.filter(
        step__in=("publishing", "published", "asking"), due__gte=since - DAY
    ):
        called, sent = other.told.called_at, other.settled
        if (
            sent is not None
            and sent.text == sending.text
            and called is not None
            and called >= since
        ):
            return True
    return False


def _opened(
    brand: Brand, row: Publication, keep: Callable[[Attempt], None], now: datetime
) -> Connection | None:
    """What opens the account, its token fresh; None where nothing does, which is written down."""
    connection = accounts.opened(brand, row.account)
    if connection is not None and connection.token.secret:
        connection = _fresh(brand, connection, now)
    if connection is None:
        said = f"the account {row.username or row.account} is not connected any more"
        keep(_waits(row, brand, now, said, "connect it again, or choose another account"))
        return None
    if not connection.token.secret:
        keep(_waits(row, brand, now, connection.trouble, "connect the account again"))
        return None
    return connection


def _waits(row: Publication, brand: Brand, now: datetime, said: str, mend: str) -> Attempt:
    """Later; but what may be out, and cannot be looked for in time, is asked about."""
    told = row.told
    if told.step == "publishing" and now > (told.called_at or told.due) + policy_of(brand).late:
        return told.now("asking", why="unknown", said=said, mend=MEND["unknown"])
    return told.later(now + RETRY, said, mend, "account")


def _fresh(brand: Brand, connection: Connection, now: datetime) -> Connection | None:
    """The same, with a new token where it is due for one; None where it was disconnected meanwhile."""
    if not connect.due(connection, now):
        return connection
    try:
        fresh = connect.refreshed(connection, now)
    except Disconnected as error:
        fresh = connect.lost(connection, error)
    except GraphError:
        log.info("a token could not be refreshed now")
        return connection
    return accounts.shelf_of(brand).exchange(connection, fresh)


def refresh(brand: Brand, now: datetime) -> None:
    """New tokens for all accounts that are due for one, so that none ends while nothing is posted."""
    try:
        for connection in accounts.shelf_of(brand).all():
            _fresh(brand, connection, now)
    except FeedsmithError as error:
        log.warning("accounts of %s: %s", brand.slug, error.message)


def _look_after(brand: Brand, connection: Connection, now: datetime) -> None:
    """Instagram held a post up: is the account itself in order? What is wrong stands on its page then."""
    after, _ = connect.examined(connection, now)
    if after != connection:
        accounts.shelf_of(brand).exchange(connection, after)


# ---- what is sent ----------------------------------------------------------------------------------


def _settle(
    row: Publication, name: str, account: Account, keep: Callable[[Attempt], None], policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Words and files as they go out: checked, mended, and lying where Instagram fetches them."""
    draft, attempt = row.draft, row.told
    brand = draft.brand
    made = draft.post
    if made is None:
        keep(attempt.now("failed", said="the post's files are not there", mend="bring them back"))
        return
    folder = _copies_of(row)
    try:
        post = Outgoing.of(made, brand.home.posts / str(draft.folder), brand.file.time_zone).worded(
            caption=draft.caption,
            hashtags=draft.hashtags,
            alt_texts=draft.alt_text,
            at=attempt.due,
            collaborators=draft.collaborators,
            location=draft.location,
        )
        if due.has_film(draft):  # the crew takes one at a time
            checked = preflight.check(post, brand.file, folder, now=now, late=policy.late)
        else:
            with _MENDING:
                checked = preflight.check(post, brand.file, folder, now=now, late=policy.late)
        if not checked.fit:
            _fail(keep, attempt, checked.findings)
            return
        post = checked.post
        uploads = post.form in ("reel", "story") and account.login == "facebook"
        if uploads and post.parts[0].is_film:
            # Sent from this machine: nobody needs to fetch it. The cover is left to Instagram.
            items: tuple[Item, ...] = (
                Item(path=post.parts[0].path, film=True, alt_text=post.parts[0].alt_text),
            )
            cover = ""
        else:
            try:
                host = links.host_of(brand, account)
            except FeedsmithError as error:
                keep(attempt.now("failed", said=error.message, mend=error.mend))
                return
            items, cover, found = _hosted(row, name, post, host, account)
            bad = [finding for finding in found if finding.level == "blocking"]
            if bad:
                keep(attempt.later(now + RETRY, bad[0].said, bad[0].mend))
                return
    except Taken:
        raise
    except FeedsmithError as error:  # a full disk, a bucket that is down
        keep(attempt.later(now + AGAIN, error.message, error.mend))
        return
    sending = Sending(
        form=post.form, text=post.text, items=items, cover_url=cover,
        ai=post.form != "story" and "rainedAlgorithmic" in post.source_type,
        collaborators=post.collaborators, location_id=post.location,
    )  # fmt: skip
    row.settle(name, sending, [f.said for f in checked.findings if f.level == "repaired"])
    keep(attempt.model_copy(update={"said": "", "mend": "", "why": "", "next_at": None}))


def _fail(keep: Callable[[Attempt], None], attempt: Attempt, found: tuple[Finding, ...]) -> None:
    worst = next(finding for finding in found if finding.level == "blocking")
    keep(attempt.now("failed", said=worst.said.rstrip("."), mend=worst.mend.rstrip(".")))


def _hosted(
    row: Publication, name: str, post: Outgoing, host: hosting.Host, account: Account
) -> tuple[tuple[Item, ...], str, list[Finding]]:
    """Each part where it can be fetched, the cover's address, and what stands in the way of fetching."""
    seconds = hosting.LINK_SECONDS
    ends = timezone.now() + timedelta(seconds=seconds)
    called = f"{post.id}-{row.pk}"

    def names(part: Part) -> list[Path]:
        return [part.path, *([part.cover] if part.cover is not None else [])]

    files = [file for part in post.parts for file in names(part)]
    row.host(name, [Hosted(name=hosting.named(called, file), ends=ends) for file in files])
    found: list[Finding] = []
    allowed = links.OWN if account.server else ""
    items, cover = [], ""
    for part in post.parts:
        url = host.put(part.path, hosting.named(called, part.path), seconds)
        found += probe.reachable(
            url, "film" if part.is_film else "image", file=part.path, allowed=allowed
        )
        items.append(Item(url=url, film=part.is_film, alt_text=part.alt_text))
    first = post.parts[0]
    if first.cover is not None and post.form == "reel":
        cover = host.put(first.cover, hosting.named(called, first.cover), seconds)
    return tuple(items), cover, found


# ---- afterwards ------------------------------------------------------------------------------------


def sweep(brand: Brand, now: datetime) -> None:
    """Take away hosted files that are needed no more, by the brand's keep_days. What cannot be removed
    now is tried again next time."""
    busy = set(under_way(brand).values_list("pk", flat=True))
    for row in Publication.objects.filter(draft__brand=brand).exclude(hosted=[])[:200]:
        if row.pk in busy or row.asks:
            continue
        connection = accounts.opened(brand, row.account)
        account = (
            connection.account if connection else Account(id="0", username="", login="instagram")
        )
        out = now if row.step == "published" else None
        files = [Hosted.model_validate(told) for told in row.hosted]
        files = [f.model_copy(update={"published": f.published or out}) for f in files]
        try:
            host = links.host_of(brand, account)
            gone, faults = hosting.sweep(host, files, links.keep_days(brand), now)
        except FeedsmithError as error:
            log.warning("hosted files stay for now: %s", error.message)
            continue
        for fault in faults:
            log.warning("a hosted file stays for now: %s", fault.message)
        left = [file.model_dump(mode="json") for file in files if file not in gone]
        Publication.objects.filter(pk=row.pk).update(hosted=left)
        if not left:
            _forget(row)


def _copies_of(row: Publication) -> Path:
    """The folder of its files as they go out."""
    return Path(settings.STUDIO.folder) / "outgoing" / f"{row.pk}"


def _forget(row: Publication) -> None:
    import shutil

    shutil.rmtree(_copies_of(row), ignore_errors=True)
