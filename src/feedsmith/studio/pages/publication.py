"""How a post goes out: when, to which account, what holds it up, and what people say where they are asked."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from feedsmith.errors import FeedsmithError
from feedsmith.studio import accounts, clock, due, outbox, states
from feedsmith.studio.models import Brand, Draft
from feedsmith.studio.models.publications import latest
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.notices import say
from feedsmith.studio.pages.post import of_brand
from feedsmith.studio.templatetags.look import at, zone_of


@for_members("reviewer")
@require_safe
def publication(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """The part of a post's page that says how it goes out, as it is now."""
    draft = of_brand(brand, number)
    before = request.GET.get("state", draft.state)
    said = going_out(draft, request.role)
    said["reload"] = before != draft.state
    response = render(request, "studio/parts/publication.html", said | {"draft": draft})
    if before != draft.state and before not in states.EDITABLE:
        response.headers["HX-Refresh"] = "true"  # nobody types into that page
    return response


def going_out(draft: Draft, role: str) -> dict[str, object]:
    """What the part shows."""
    known = accounts.connected(draft.brand)
    account = accounts.of_draft(draft, known)
    row = outbox.under_way(draft)
    attempt = row.told if row is not None else None
    since = draft.brand.publishes_from
    by_hand = draft.state == "scheduled" and bool(
        since and draft.scheduled_at and draft.scheduled_at < since
    )
    editor = states.at_least(role, "editor")
    asks = row is not None and row.asks and editor
    zone = zone_of(draft.brand)
    return {
        "publication": row, "attempt": attempt, "mend": _here(attempt.mend) if attempt else "",
        "may_connect": states.at_least(role, "owner") and draft.asks == "account", "account": account, "accounts": known,
        "goes": draft.state == "scheduled" and account is not None and not by_hand,
        "by_hand": by_hand and bool(known),
        "lost_account": draft.state == "scheduled" and not by_hand and accounts.lost(draft, known),
        "asks": asks,
        "unknown": attempt is not None and attempt.why == "unknown",
        "stoppable": row is not None and row.stoppable and editor,
        # A question stays as it is while somebody answers it.
        "live": draft.state in ("scheduled", "publishing") and bool(known) and not asks,
        "choose": editor and draft.state in states.EDITABLE and len(known) > 1,
        "here": f"/b/{draft.brand.slug}/posts/{draft.pk}", "zone": str(zone),
        "now": editor and account is not None and not account.trouble and draft.state in outbox.READY,
        "soon": f"{timezone.now().astimezone(zone):%Y-%m-%dT%H:%M}",
    }  # fmt: skip


def _here(mend: str) -> str:
    """What to do, for who sits at the studio and not at a terminal."""
    return mend.replace(": feedsmith connect BRAND", "")


@for_members("editor")
@require_POST
def answer(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """`do`: stop, now, later (with `when`), posted, or account (with `account`)."""
    draft = of_brand(brand, number)
    wanted, row = request.POST.get("do", ""), latest(draft)
    if wanted == "account":
        _choose(request, draft)
    elif wanted not in ("stop", "now", "later", "posted"):
        return errors.page(request, 400)
    elif wanted == "now" and (row is None or not row.asks):
        outbox.publish_now(draft, request.user, request.role)
        say(request, "It goes out now.")
    elif row is None:
        raise FeedsmithError("this post is not on its way", mend="schedule it first")
    elif wanted == "stop":
        row.stop(request.user)
        say(request, "It was stopped, and nothing was posted. It is approved, without a time.")
    elif wanted == "posted":
        row.posted(request.user, request.role)
        say(request, "It is marked as posted.")
    else:
        when = timezone.now() if wanted == "now" else _when(request, brand)
        row.again(request.user, request.role, when, sure=request.POST.get("sure") == "1")
        past = due.past_in_words(brand, when, timezone.now())
        later = f"Scheduled, {at(when, brand)}. {past}".strip()
        say(request, "It goes out now." if wanted == "now" else later)
    return HttpResponseRedirect(f"/b/{brand.slug}/posts/{draft.pk}")


def _choose(request: HttpRequest, draft: Draft) -> None:
    say(request, f"It is for {outbox.choose(draft, request.POST.get('account', ''))}.")


def _when(request: HttpRequest, brand: Brand) -> datetime:
    try:
        wanted = datetime.fromisoformat(request.POST.get("when", ""))
        return clock.moment(wanted.date(), wanted.time(), zone_of(brand)).at
    except (ValueError, OverflowError) as error:
        raise FeedsmithError("this is not a day and a time", mend="choose both") from error
