"""Going out: how a post is published, stopping it, what a person answers, its figures, what works."""

from django.http import HttpRequest
from ninja import Router, Status

from feedsmith.studio import accounts, outbox, queue, states
from feedsmith.studio.api import shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.api.posts import ONE
from feedsmith.studio.models import Draft, Look
from feedsmith.studio.models.looks import of_post
from feedsmith.studio.pages.post import of_brand
from feedsmith.studio.pages.works import COUNTS, report_of

router = Router(tags=["publishing"])
BRAND = "/brands/{slug:brand}"
PUBLICATION = ONE + "/publication"


def _post(draft: Draft, request: HttpRequest) -> shapes.Post:
    return shown.post(of_brand(request.brand, draft.pk), request)


@router.get(PUBLICATION, **needs("read", "reviewer", shapes.Publication))
def show_publication(request: HttpRequest, brand: str, number: int) -> shapes.Publication:
    """How a post goes out: where it stands, what holds it up, what is asked about it."""
    draft = of_brand(request.brand, number)
    row, account = outbox.under_way(draft), accounts.of_draft(draft)
    attempt = row.told if row is not None else None
    asks = row is not None and row.asks
    editor = states.at_least(request.role, "editor")
    may = {
        "stop": row is not None and row.stoppable,
        "now": account is not None
        and (
            draft.state in outbox.READY or (asks and attempt is not None and attempt.why == "late")
        ),
        "answer": asks,
    }
    return shapes.Publication.model_validate({
        "step": row.step if row is not None else "",
        "title": row.title if row is not None else draft.state_in_words,
        "account": row.username if row is not None else account.account.username if account else "",
        "due": row.due if row is not None else draft.scheduled_at,
        "next_look": row.begins_at if row is not None and not row.over else None,
        "said": attempt.said if attempt is not None else "",
        "mend": attempt.mend if attempt is not None else "",
        "question": attempt.why if asks and attempt is not None else "",
        "may": [name for name, able in may.items() if able and editor],
        "mended": row.repairs if row is not None else [], "permalink": draft.permalink,
    })  # fmt: skip


@router.post(PUBLICATION + "/stop", **needs("schedule", "editor", shapes.Post))
def stop_publication(request: HttpRequest, brand: str, number: int) -> shapes.Post:
    """Take a post back that is on its way, while nothing is public: it is approved again, without a time."""
    draft = of_brand(request.brand, number)
    return _post(outbox.asked(draft).stop(request.user), request)


@router.post(
    PUBLICATION + "/now", **needs("schedule", "editor", shapes.Post, conflict=shapes.Conflict)
)
def publish_now(
    request: HttpRequest, brand: str, number: int, seen: shapes.PublishNow
) -> shapes.Post:
    """Publish an approved or scheduled post as soon as can be, or one that missed its time."""
    draft = of_brand(request.brand, number)
    moved = outbox.publish_now(draft, request.user, request.role, version=seen.version)
    return _post(moved, request)


@router.post(PUBLICATION + "/answer", **needs("schedule", "editor", shapes.Post))
def answer_publication(
    request: HttpRequest, brand: str, number: int, said: shapes.Answer
) -> shapes.Post:
    """Answer what is asked about a post: it is on the profile, or it is not and is to go out. Look at the
    profile first: a guess may post it twice."""
    draft = of_brand(request.brand, number)
    moved = outbox.answer(
        draft, request.user, request.role, posted=said.posted, at=said.at, sure=said.sure
    )
    return _post(moved, request)


@router.put(ONE + "/account", **needs("schedule", "editor", shapes.Post))
def choose_account(
    request: HttpRequest, brand: str, number: int, wanted: shapes.Account
) -> shapes.Post:
    """Which of the brand's accounts posts it."""
    draft = of_brand(request.brand, number)
    outbox.choose(draft, wanted.account)
    return _post(draft, request)


@router.get(BRAND + "/accounts", **needs("read", "reviewer", shapes.Accounts))
def list_accounts(request: HttpRequest, brand: str) -> shapes.Accounts:
    """The connected accounts, and how they are."""
    known = accounts.connected(request.brand)
    usual = accounts.usual(request.brand, known)
    return shapes.Accounts(
        accounts=[
            shapes.KnownAccount(
                account=k.account.id, username=k.account.username, trouble=k.trouble,
                usual=usual is not None and usual.account.id == k.account.id,
            )
            for k in known
        ]
    )  # fmt: skip


# ---- figures -------------------------------------------------------------------------------------


@router.get(ONE + "/insights", **needs("read", "reviewer", shapes.Insights))
def insights(request: HttpRequest, brand: str, number: int) -> shapes.Insights:
    """What was counted of a post that is out, at each age, and when it is counted next."""
    draft = of_brand(request.brand, number)
    return shapes.Insights(
        post=draft.pk,
        permalink=draft.permalink,
        readings=[_reading(look) for look in of_post(draft)],
    )


def _reading(look: Look) -> shapes.Insight:
    read = (look.figures or {}).get("reading", {})
    return shapes.Insight(
        hours=look.hours, due=look.due, step=look.step, read_at=look.read_at, said=look.said,
        **{name: read.get(name) for name, _ in COUNTS},
    )  # fmt: skip


@router.get(BRAND + "/works", **needs("read", "reviewer", shapes.WhatWorks))
def what_works(request: HttpRequest, brand: str) -> shapes.WhatWorks:
    """What works: the report on kinds, themes, layouts, times, hashtags and lengths, with how sure it is."""
    told, made_at = report_of(request.brand)
    return shapes.WhatWorks(
        made_at=made_at, report=told.model_dump(mode="json") if told is not None else {}
    )


@router.post(BRAND + "/works", **needs("write", "editor", shapes.Job, status=201))
def study(request: HttpRequest, brand: str) -> Status:
    """Ask for the report anew; the answer is its job."""
    return made(shown.job(queue.study(request.brand, request.user)))
