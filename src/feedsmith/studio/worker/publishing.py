"""Publishing what is due: each scheduled post is settled, then taken one step further at a time, until it
is out or a person must be asked.

Runs in a process of its own (publisher), several on PostgreSQL. A kill at any point is harmless: what may have
been sent was written down before (publishing.publisher), and a publication belongs to who has its lease.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial, wraps
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connections
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
from feedsmith.studio.models import Brand, Publication
from feedsmith.studio.models.publications import Taken, under_way

AT_ONCE = 4
"""Accounts that are worked on at the same time; nearly all of it is waiting for Instagram."""
RETRY = timedelta(minutes=1)
"""Until what went wrong here, not at Instagram, is tried again."""
_SETTLING = threading.Lock()
"""One film at a time is looked at and mended: that needs memory."""

log = logging.getLogger("feedsmith.studio.publisher")


def policy_of(brand: Brand) -> Policy:
    return Policy(late=timedelta(minutes=brand.late_minutes))


# ---- all of them -----------------------------------------------------------------------------------


def turn(name: str, pool: ThreadPoolExecutor | None = None, now: datetime | None = None) -> int:
    """Take up what is due, and each account's first one a step further. Returns how many there were."""
    now = now or timezone.now()
    for draft, known in due.due(now):
        Publication.begin(draft, known.account.id, known.account.username, now)
    claimed = [row for row in Publication.heads(now) if row.claim(name, now)]
    work = partial(_worked, name=name, now=now)
    if pool is None:
        for row in claimed:
            further(row, name, now)
    else:
        list(pool.map(work, claimed))
    return len(claimed)


def _worked(row: Publication, name: str, now: datetime) -> None:
    """One step in a thread of the pool. What nobody thought of leaves the others alone."""
    close_old_connections()
    try:
        further(row, name, timezone.now())
    except Exception:
        log.exception("publication %s stumbled", row)
        Publication.objects.filter(pk=row.pk, lease=name).update(begins_at=now + RETRY)
        connections.close_all()


# ---- one of them -----------------------------------------------------------------------------------


def _logged(
    work: Callable[[Publication, str, datetime], None],
) -> Callable[[Publication, str, datetime], None]:
    """Lines of the log say which publication they are about; each step it takes is one."""

    @wraps(work)
    def told(row: Publication, name: str, now: datetime) -> None:
        began, before = time.monotonic(), row.step
        slug = row.draft.brand.slug
        with logs.about(publication=row.pk, post=row.draft_id, brand=slug, account=row.account):
            try:
                work(row, name, now)
            finally:
                if row.step != before:
                    seconds = round(time.monotonic() - began, 2)
                    logs.event(
                        log, "publication", step=row.step, before=before, why=row.told.why,
                        duration_s=seconds,
                    )  # fmt: skip

    return told


@_logged
def further(row: Publication, name: str, now: datetime) -> None:
    """One step of a publication that is in these hands; where they lose it, nothing more is sent."""
    brand = row.draft.brand
    try:
        policy = policy_of(brand)
        keep = partial(row.keep, name, policy=policy)
        attempt, sending = row.told, row.settled
        if attempt.step != "publishing" and now > attempt.due + policy.late:
            said = attempt.said or "nothing was sent at its time"
            why = publisher.late_or_unknown(attempt)
            keep(attempt.now("asking", why=why, said=said, mend=MEND[why]))
            return
        connection = _opened(brand, row, keep, now)
        if connection is None:
            return
        if sending is None:
            with _SETTLING:
                _settle(row, name, connection.account, keep, policy, now)
            return
        known = Publication.objects.filter(account=row.account, step="published").exclude(pk=row.pk)
        after = publisher.advance(
            attempt, sending, connection.graph(), keep, now, policy=policy,
            known=frozenset(known.values_list("draft__media_id", flat=True)) - {""},
        )  # fmt: skip
        if after.mend and after.said != attempt.said and not after.over:
            _look_after(brand, connection, now)
        if after.over:
            sweep(brand, now)
            if not row.hosted:
                _forget(Path(settings.STUDIO.folder) / "outgoing" / f"{row.pk}")
    except Taken:
        log.info("publication %s is in other hands", row)


def _opened(
    brand: Brand, row: Publication, keep: Callable[[Attempt], None], now: datetime
) -> Connection | None:
    """What opens the account, its token fresh; None where nothing does, which is written down."""
    connection = accounts.opened(brand, row.account)
    if connection is None:
        said = f"the account {row.username or row.account} is not connected any more"
        keep(_waits(row, brand, now, said, "connect it again, or choose another account"))
        return None
    if not connection.token.secret:
        keep(_waits(row, brand, now, connection.trouble, "connect the account again"))
        return None
    return _fresh(brand, connection, now)


def _waits(row: Publication, brand: Brand, now: datetime, said: str, mend: str) -> Attempt:
    """Later; but what may be out, and cannot be looked for in time, is asked about."""
    told = row.told
    if told.step == "publishing" and now > (told.called_at or told.due) + policy_of(brand).late:
        return told.now("asking", why="unknown", said=said, mend=MEND["unknown"])
    return told.later(now + RETRY, said, mend)


def _fresh(brand: Brand, connection: Connection, now: datetime) -> Connection:
    """The same, with a new token where it is due for one."""
    if not connect.due(connection, now):
        return connection
    try:
        connection = connect.refreshed(connection, now)
    except Disconnected as error:
        connection = connect.lost(connection, error)
    except GraphError:
        log.info("a token could not be refreshed now")
        return connection
    accounts.shelf_of(brand).put(connection)
    return connection


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
        accounts.shelf_of(brand).put(after)


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
    folder = Path(settings.STUDIO.folder) / "outgoing" / f"{row.pk}"
    try:
        post = Outgoing.of(made, brand.home.posts / str(draft.folder), brand.file.time_zone).worded(
            caption=draft.caption, hashtags=draft.hashtags, alt_texts=draft.alt_text, at=attempt.due
        )
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
    )  # fmt: skip
    row.settle(name, sending, [f.said for f in checked.findings if f.level == "repaired"])
    keep(attempt.model_copy(update={"said": "", "mend": "", "next_at": None}))


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
    allowed = links.LOOPBACK if account.server else ""
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
            gone, faults = hosting.sweep(host, files, brand.file.hosting.keep_days, now)
        except FeedsmithError as error:
            log.warning("hosted files stay for now: %s", error.message)
            continue
        for fault in faults:
            log.warning("a hosted file stays for now: %s", fault.message)
        left = [file.model_dump(mode="json") for file in files if file not in gone]
        Publication.objects.filter(pk=row.pk).update(hosted=left)
        if not left:
            _forget(Path(settings.STUDIO.folder) / "outgoing" / f"{row.pk}")


def _forget(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
