"""Outbox: what people and programs may do about a post that is to go out, or is on its way.

Who may is said by the doors (pages, api); what happens is the models' work.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.studio import accounts, due, slots, states
from feedsmith.studio.models import Draft, Person, Publication
from feedsmith.studio.models.publications import latest

READY: tuple[states.State, ...] = ("approved", "scheduled")
"""States from which a post can be published now."""


def under_way(draft: Draft) -> Publication | None:
    """How the post is sent, or was sent last; None where that was for an earlier time."""
    return latest(draft) if draft.state in ("publishing", "published", "failed") else None


def asked(draft: Draft) -> Publication:
    """The same. Raises FeedsmithError where there is none."""
    row = latest(draft)
    if row is None:
        raise FeedsmithError("this post is not on its way", mend="schedule it first")
    return row


def publish_now(
    draft: Draft, person: Person | None, role: states.Actor, *, version: int | None = None,
    sure: bool = False,
) -> Draft:  # fmt: skip
    """Send it as soon as can be: what is approved or scheduled, and what missed its time. Raises Conflict,
    or FeedsmithError, where it may be out already for somebody who is not `sure`, too."""
    if accounts.of_draft(draft) is None:
        raise FeedsmithError(
            "no account is connected that could post this", mend="connect one, or share it by hand"
        )
    now = timezone.now()
    due.seen(draft.brand, now)
    row = latest(draft)
    if row is not None and row.asks:
        with transaction.atomic():
            if version is not None and Draft.held(draft.pk).version != version:
                raise FeedsmithError("this post was changed in between", mend="look at it again")
            return row.again(person, role, now, sure=sure)
    if draft.state not in READY:
        raise FeedsmithError(
            f"a post that is {draft.state_in_words.lower()} cannot be published",
            mend="approve it first" if draft.state in ("draft", "review") else "",
        )
    moved = slots.put(
        draft.brand, f"post-{draft.pk}", now, person=person, role=role, version=version
    )
    assert isinstance(moved, Draft)
    return moved


def answer(
    draft: Draft, person: Person | None, role: states.Actor, *, posted: bool, at: datetime | None = None,
    sure: bool = False,
) -> Draft:  # fmt: skip
    """Answer what is asked about a post: it is out, or it is not and goes out `at` that time, or now. Raises
    FeedsmithError where nothing is asked, or it may be out for somebody who is not `sure`."""
    row = asked(draft)
    if posted:
        return row.posted(person, role)
    due.seen(draft.brand, timezone.now())
    return row.again(person, role, at or timezone.now(), sure=sure)


def choose(draft: Draft, account: str) -> str:
    """Which account posts it; returns its name. Raises FeedsmithError."""
    if draft.state not in states.EDITABLE:
        raise FeedsmithError(
            f"a post that is {draft.state_in_words.lower()} goes where it goes",
            mend="reload the page to see where it stands",
        )
    names = {known.account.id: known.account.username for known in accounts.connected(draft.brand)}
    if account not in names:
        raise FeedsmithError("there is no such account", mend="reload the page")
    Draft.objects.filter(pk=draft.pk, state__in=states.EDITABLE).update(
        account=account, asks="", updated_at=timezone.now()
    )
    return names[account]
