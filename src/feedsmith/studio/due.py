"""Due: which scheduled posts are to be taken up now, whether there is anything to publish, and which posts
have nobody to post them.

Light: the server asks it every other second. Opens no lock and no file of a post.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from feedsmith.publishing import publisher
from feedsmith.studio import accounts
from feedsmith.studio.models import Brand, Draft, Event, Look, Publication

MISSED_AHEAD = timedelta(days=1)
"""So long before its time a post asks for its account, which may be connected again until then."""
SOON = timedelta(minutes=1)
"""So long before a post is taken up nothing else is asked about its account."""


def ahead(draft: Draft) -> timedelta:
    """How long before its time there is something to do for a post."""
    return publisher.USUAL.ahead_film if has_film(draft) else publisher.USUAL.ahead


def has_film(draft: Draft) -> bool:
    return any(str(m.get("file", "")).endswith((".mp4", ".mov")) for m in draft.media)


def seen(brand: Brand, now: datetime) -> list[accounts.Known]:
    """The brand's accounts; from which minute on there were any is remembered, since what was due before was
    posted by hand. One that is gone without its owner's word leaves a brand that waits for it.

    Who gives a post a time asks this first: an account that was connected on the command line a moment ago
    is not known yet, and a post for now would count as one from before."""
    known = accounts.connected(brand)
    posts = bool(known or brand.account)
    if posts != (brand.publishes_from is not None):
        # By the minute, as times are written; of two who see it at once the first one's holds.
        since = now.replace(second=0, microsecond=0) if posts else None
        rows = Brand.objects.filter(pk=brand.pk, publishes_from__isnull=posts)
        rows.update(publishes_from=since)
        brand.refresh_from_db(fields=["publishes_from"])
    if known and not brand.account:  # from now on it is this one, whichever else is connected later
        brand.account = known[0].account.id
        brand.save(update_fields=["account"])
    return known


def due(now: datetime) -> list[tuple[Draft, accounts.Known]]:
    """Scheduled posts that are to be taken up now, and the account of each."""
    found = []
    soon = Draft.objects.filter(
        state="scheduled",
        scheduled_at__lte=now + publisher.USUAL.ahead_film,
        scheduled_at__gte=F("brand__publishes_from"),
    ).order_by("scheduled_at", "pk")
    known: dict[int, list[accounts.Known]] = {}
    for draft in soon.select_related("brand"):
        brand = draft.brand
        if brand.pk not in known:
            known[brand.pk] = seen(brand, now)
        account = accounts.of_draft(draft, known[brand.pk])
        if account is None or brand.publishes_from is None:
            continue
        if brand.publishes_from <= draft.scheduled_at <= now + ahead(draft):
            found.append((draft, account))
    return found


def ask_for_accounts(now: datetime) -> None:
    """Posts whose time comes, or has passed, and whose account is gone say so where all posts are
    seen; those that have one again stop."""
    known: dict[int, list[accounts.Known]] = {}
    rows = Draft.objects.filter(
        state="scheduled", scheduled_at__lte=now + MISSED_AHEAD,
        scheduled_at__gte=F("brand__publishes_from"),
    ).select_related("brand")  # fmt: skip
    lost = []
    for draft in rows:
        if draft.brand_id not in known:
            known[draft.brand_id] = seen(draft.brand, now)
        if accounts.lost(draft, known[draft.brand_id]):
            lost.append(draft)
    asked = Draft.objects.filter(state="scheduled", asks="account")
    asked.exclude(pk__in=[draft.pk for draft in lost]).update(asks="", updated_at=timezone.now())
    for draft in lost:
        with transaction.atomic():
            row = Draft.objects.filter(pk=draft.pk, state="scheduled", asks="")
            if row.update(asks="account", updated_at=timezone.now()):
                words = "its account is not connected any more, and nothing else posts it"
                Event.objects.create(brand=draft.brand, draft=draft, verb="held up", words=words)


def past_in_words(brand: Brand, at: datetime, now: datetime) -> str:
    """What becomes of a post whose time lies in the past; '' for one that does not."""
    if at >= now:
        return ""
    if not seen(brand, now):
        return "That is in the past."
    if brand.publishes_from is not None and at < brand.publishes_from:
        return "That is before an account was connected: it is not posted by itself."
    if now - at <= timedelta(minutes=brand.late_minutes):
        return "That is in the past: it goes out at once."
    return "That is too long in the past: nothing is posted, and you are asked what to do."


def wanted(now: datetime) -> bool:
    """Whether there is something to do: asked often, so that it reads next to nothing at rest."""
    rows = Publication.objects.filter(over=False, begins_at__lte=now)
    if rows.exists() and Publication.heads(
        now
    ):  # one behind an earlier of its account waits for that
        return True
    return bool(due(now)) or figures_wanted(now)


# ---- figures ---------------------------------------------------------------------------------------


def publishing_first(account: str, now: datetime) -> bool:
    """Whether a post of this account is on its way, or will be in a moment."""
    if Publication.objects.filter(over=False, account=account).exists():
        return True
    return any(known.account.id == account for _, known in due(now + SOON))


def opening(brand: Brand) -> set[str]:
    """Numbers of the brand's accounts that open, as far as is known."""
    return {known.account.id for known in accounts.connected(brand) if not known.trouble}


def figures_wanted(now: datetime) -> bool:
    """Whether figures are to be read, of an account that opens; or were read and are not kept yet."""
    if Look.objects.filter(step="fresh", begins_at__lte=now).exists():
        return True
    waiting = Look.objects.filter(step="waiting", begins_at__lte=now)
    asked = set(waiting.values_list("draft__brand", "account").distinct())
    brands = Brand.objects.filter(pk__in={number for number, _ in asked})
    open_ = {(brand.pk, account) for brand in brands for account in opening(brand)}
    return bool(asked & open_)
