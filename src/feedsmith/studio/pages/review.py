"""The page of a review link: some posts, for somebody without a login, who may approve them or say what
should change. Nothing else of the studio can be reached from here.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote, unquote

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked, states
from feedsmith.studio.models import ReviewLink
from feedsmith.studio.models.drafts import Conflict
from feedsmith.studio.models.reviews import NAME_MAX, TEXT_MAX, said_by
from feedsmith.studio.pages import media
from feedsmith.studio.pages.access import for_all
from feedsmith.studio.pages.pace import too_fast
from feedsmith.studio.pages.post import TALL, media_of, whole
from feedsmith.studio.templatetags.look import at

WRONG = (20, 900)
"""Tries with tokens that were never given out, and seconds, for one address."""
LOOKS = (1500, 300)
"""Pages and pictures of a link for one address: 200 posts are some 500 requests."""
SAYS, APPROVES = (30, 600), (300, 600)
"""Comments, and approvals, by one link from one address: a link may show 200 posts."""
GUEST = "studio_guest"
"""Cookie with the name that somebody gave; sent to review links only."""
GUEST_DAYS = 180

View = Callable[..., HttpResponseBase]


def for_guests(view: View) -> View:
    """A page of a review link. The view gets the ReviewLink instead of its token; a link that was never
    given out is 404, one that is over 410."""

    @wraps(view)
    def checked(request: HttpRequest, token: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
        link = ReviewLink.of(token)
        if link is None:
            refused = too_fast(request, "wrong review link", *WRONG)
            if refused is not None:
                return refused
            raise Http404
        refused = too_fast(request, f"review {link.pk}", *LOOKS)
        if refused is not None:
            return refused
        if not link.open:
            return render(request, "studio/review_over.html", {"link": link}, status=410)
        request.brand = link.brand
        response = view(request, link, *args, **kwargs)
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    marked = for_all(checked)
    marked.needs = "review link"  # type: ignore[attr-defined]
    return marked


@for_guests
@require_safe
def review(request: HttpRequest, link: ReviewLink) -> HttpResponse:
    name = guest(request)
    ReviewLink.objects.filter(pk=link.pk).update(opened_at=timezone.now())
    return render(request, "studio/review.html", page_of(link, name))


@for_guests
@require_POST
def name(request: HttpRequest, link: ReviewLink) -> HttpResponse:
    """Who is looking. Asked once; the browser remembers it."""
    given = _name(request.POST.get("name", ""))
    if not given:
        said = {**page_of(link, ""), "problem": "Write your name, so that it is known who answers."}
        return render(request, "studio/review.html", said, status=422)
    response = _back(link)
    response.set_signed_cookie(
        GUEST, quote(given), salt=GUEST, max_age=GUEST_DAYS * 86400, path="/r/", httponly=True,
        samesite="Lax", secure=request.is_secure(),
    )  # fmt: skip
    return response


@for_guests
@require_http_methods(["POST"])
def answer(request: HttpRequest, link: ReviewLink, number: int) -> HttpResponse:
    """Approve (`do` approve), comment, or ask for changes to the post as it was at `version`."""
    approves = request.POST.get("do") == "approve"
    pace = APPROVES if approves else SAYS
    refused = too_fast(request, f"{'approvals' if approves else 'answers'} {link.pk}", *pace)
    if refused is not None:
        return refused
    who, form = guest(request), request.POST
    what, text = form.get("do", ""), form.get("text", "").replace("\r\n", "\n").strip()
    version = asked.number(form.get("version", ""))
    if what not in ("approve", "comment", "changes") or version is None:
        raise FeedsmithError("the form is not whole", mend="reload the page and try again")
    problem = ""
    if not who:
        problem = "Write your name first."
    elif what != "approve" and not text:
        problem = "Write what you want to say."
    elif len(text) > TEXT_MAX:
        problem = f"Use at most {TEXT_MAX:,} characters."
    if problem:
        return _refused(request, link, who, number, problem, text)
    try:
        if what == "approve":
            link.approve(number, version=version, name=who)
            if text:  # a word with the approval is not lost
                link.say(number, name=who, text=text, changes=False, version=0)
        else:
            link.say(number, name=who, text=text, changes=what == "changes", version=version)
    except Conflict:
        words = "This post was changed since you opened the page. Look at it again, then decide."
        return _refused(request, link, who, number, words, text, status=409)
    except FeedsmithError as error:
        return _refused(request, link, who, number, f"{error.message.capitalize()}.", text, 409)
    return _back(link, f"#post-{number}")


@for_guests
@require_safe
def medium(
    request: HttpRequest, link: ReviewLink, slug: str, folder: str, file: str
) -> HttpResponseBase:
    _shown(link, slug, folder)
    return media.whole(request, link.brand, folder, file)


@for_guests
@require_safe
def thumbnail(
    request: HttpRequest, link: ReviewLink, slug: str, folder: str, file: str, width: str
) -> HttpResponseBase:
    _shown(link, slug, folder)
    return media.shown(link.brand, folder, file, width)


def _shown(link: ReviewLink, slug: str, folder: str) -> None:
    """Raises Http404 for a post that this link does not show."""
    if slug != link.brand.slug or not link.drafts().filter(folder=folder).exists():
        raise Http404


def guest(request: HttpRequest) -> str:
    """The name that was given; '' before. A signed-in person is asked like anybody else."""
    return _name(unquote(str(request.get_signed_cookie(GUEST, default="", salt=GUEST))))


def _name(given: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in given).split())
    return plain[:NAME_MAX]


def page_of(link: ReviewLink, name: str) -> dict[str, Any]:
    """All that the page shows."""
    drafts, said = link.posts(), said_by(link)
    posts = []
    for draft in drafts:
        acts = said.get(draft.pk, [])
        posts.append(
            {
                "draft": draft, "media": media_of(draft), "whole": whole(draft),
                "tall": draft.kind in TALL, "acts": acts,
                "may_approve": any(s.after == "approved" for s in draft.steps("link")),
                "words": states.IN_WORDS[draft.stands],
            }
        )  # fmt: skip
    waiting = sum(bool(post["may_approve"]) for post in posts)
    return {
        "link": link, "here": f"/r/{link.token}", "files_under": f"/r/{link.token}",
        "title": link.title or f"Posts of {link.brand.name}", "name": name, "posts": posts,
        "waiting": waiting, "until": at(link.expires, link.brand), "text_max": TEXT_MAX,
    }  # fmt: skip


def _refused(
    request: HttpRequest, link: ReviewLink, who: str, number: int, problem: str, text: str,
    status: int = 422,
) -> HttpResponse:  # fmt: skip
    """The page again, with what is wrong beside the post, and what was typed."""
    said = page_of(link, who)
    for post in said["posts"]:
        if post["draft"].pk == number:
            post |= {"problem": problem, "text": text}
    return render(request, "studio/review.html", {**said, "banner": problem}, status=status)


def _back(link: ReviewLink, part: str = "") -> HttpResponse:
    response = HttpResponseRedirect(f"/r/{link.token}{part}")
    response.status_code = 303
    return response
