"""Changing one post: words, history, state, comments, copies. Each view does one thing and goes back
to the post's page; two who edit at once are shown both versions.
"""

import difflib
import re
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked, clock, copies, due, queue, states
from feedsmith.studio.models import Brand, Comment, Draft, Event, Revision
from feedsmith.studio.models.drafts import Conflict
from feedsmith.studio.pages import errors, told
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.activity import sentence
from feedsmith.studio.pages.notices import say
from feedsmith.studio.pages.post import limits_of, of_brand
from feedsmith.studio.templatetags.look import at, zone_of

CAPTION_KEPT = 20_000
"""Characters of a caption that are kept: far more than Instagram takes, so that nothing typed is lost."""
HASHTAGS_KEPT = 100
COLLABORATORS_KEPT = 20
LOCATION_KEPT = 20


@for_members("editor")
@require_POST
def edit(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """Save the words that were edited from `version`; 409 with both where that is not the newest."""
    draft = of_brand(brand, number)
    mine = _words(request, draft)
    try:
        draft.edit(
            mine, version=_number(request, "version"), person=request.user, role=request.role,
            what=_what(draft, mine),
        )  # fmt: skip
    except Conflict as conflict:
        return _conflict(request, conflict, mine)
    return _back(draft)


@for_members("editor")
@require_POST
def undo(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    return _turn(request, brand, number, -1)


@for_members("editor")
@require_POST
def redo(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    return _turn(request, brand, number, +1)


@for_members("editor")
@require_POST
def restore(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """Bring an earlier version back, as an edit of its own: nothing of the history is lost."""
    draft = of_brand(brand, number)
    revision = get_object_or_404(Revision, draft=draft, number=_number(request, "number"))
    try:
        draft.restore(
            revision, version=_number(request, "version"), person=request.user, role=request.role
        )
    except Conflict as conflict:
        return _conflict(request, conflict, revision.all_words)
    return _back(draft)


@for_members("editor")
@require_POST
def favourite(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    draft = of_brand(brand, number)
    draft.mark(favourite=request.POST.get("on") == "1", person=request.user)
    return _back(draft)


@for_members("reviewer")
@require_POST
def state(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """Take the step to the state `to`; to the calendar with `when`, a time in the brand's zone."""
    draft = of_brand(brand, number)
    to = request.POST.get("to", "")
    if to not in states.STATES:
        return errors.page(request, 400, "there is no such state")
    when, told_of_clock = None, ""
    if to == "scheduled" and request.POST.get("when"):
        try:
            wanted = datetime.fromisoformat(request.POST["when"])
            found = clock.moment(wanted.date(), wanted.time(), zone_of(brand))
        except (ValueError, OverflowError) as error:
            raise FeedsmithError("this is not a day and a time", mend="choose both") from error
        when, told_of_clock = found.at, f" {found.said}".rstrip()
    moved = draft.move(
        to, by=request.role, person=request.user, scheduled_at=when,
        before=request.POST.get("from", ""),
    )  # fmt: skip
    where, past = "", ""
    if to == "scheduled":
        where = f", {at(moved.scheduled_at, brand)}"
        past = f" {due.past_in_words(brand, moved.scheduled_at, timezone.now())}".rstrip()
    say(request, f"{moved.state_in_words}{where}.{past}{told_of_clock}")
    return _back(draft)


@for_members("reviewer")
@require_POST
def comment(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    draft = of_brand(brand, number)
    text = request.POST.get("text", "").strip()[:2000]
    if text:
        Comment.objects.create(draft=draft, person=request.user, text=text)
        Event.objects.create(
            brand=brand, draft=draft, person=request.user, verb="commented", words=text[:300]
        )
    return _back(draft, "#comments")


@for_members("editor")
@require_POST
def resolve(request: HttpRequest, brand: Brand, number: int, comment: int) -> HttpResponse:
    """A comment is dealt with, or is not after all."""
    draft = of_brand(brand, number)
    found = get_object_or_404(Comment, draft=draft, pk=comment)
    Comment.objects.filter(pk=found.pk).update(resolved=request.POST.get("resolved") == "1")
    return _back(draft, f"#comment-{found.pk}")


@for_members("editor")
@require_POST
def duplicate(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    draft = of_brand(brand, number)
    copy = copies.duplicate(draft, request.user)
    say(request, "This is the copy. The other one is unchanged.")
    return _back(copy)


@for_members("editor")
@require_POST
def another(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """Ask for another post of this kind and theme; it is made like any other."""
    queue.another(of_brand(brand, number), request.user)
    return HttpResponseRedirect(f"/b/{brand.slug}/create")


# ---- what a form says --------------------------------------------------------------------------


def _words(request: HttpRequest, draft: Draft) -> dict[str, object]:
    """The caption, hashtags and alt texts of the form, cleaned as little as may be."""
    form = request.POST
    tags: list[str] = []
    for field in form.getlist("hashtag"):
        for word in re.split(r"[\s,#]+", field):
            tag = re.sub(r"[^\w]", "", word)[:100]
            if tag and tag.lower() not in (known.lower() for known in tags):
                tags.append(tag)
    without = form.get("without", "")  # the button of a chip, where no script removed it
    caption = form.get("caption", draft.caption).replace("\r\n", "\n").rstrip()[:CAPTION_KEPT]
    alts = [alt.replace("\r\n", "\n").strip()[:CAPTION_KEPT] for alt in form.getlist("alt")]
    count = len(draft.media)
    company: dict[str, object] = {}
    if "collaborators" in form:
        names = [name.lstrip("@") for name in re.split(r"[\s,;]+", form["collaborators"])]
        named = list(dict.fromkeys(name[:100] for name in names if name))
        company = {
            "collaborators": named[:COLLABORATORS_KEPT],
            "location": form.get("location", "").strip()[:LOCATION_KEPT],
        }
    return {
        **company,
        "caption": caption,
        "hashtags": [tag for tag in tags if tag != without][:HASHTAGS_KEPT],
        "alt_text": [*alts, *draft.alt_text[len(alts) :]][:count] if alts else draft.alt_text,
    }


def _what(draft: Draft, mine: dict[str, object]) -> str:
    """What an edit changes, for the history: "caption, #oak added, alt text"."""
    said = ["caption"] if mine["caption"] != draft.caption else []
    before, after = list(draft.hashtags), list(mine["hashtags"])  # type: ignore[call-overload]
    said += [f"#{tag} added" for tag in after if tag not in before]
    said += [f"#{tag} removed" for tag in before if tag not in after]
    if sorted(before) == sorted(after) and before != after:
        said.append("order of hashtags")
    if mine["alt_text"] != draft.alt_text:
        said.append("alt text")
    if mine.get("collaborators", draft.collaborators) != draft.collaborators:
        said.append("collaborators")
    if mine.get("location", draft.location) != draft.location:
        said.append("place")
    words = ", ".join(said) or "edited"
    return words if len(words) <= 120 else f"{words[:118]}…"


def _number(request: HttpRequest, name: str) -> int:
    value = asked.number(request.POST.get(name, ""))
    if value is None:
        raise FeedsmithError("the form is not whole", mend="reload the page and try again")
    return value


def _back(draft: Draft, part: str = "") -> HttpResponse:
    return HttpResponseRedirect(f"/b/{draft.brand.slug}/posts/{draft.pk}{part}")


def _turn(request: HttpRequest, brand: Brand, number: int, by: int) -> HttpResponse:
    draft = of_brand(brand, number)
    try:
        draft.turn(by, version=_number(request, "version"), person=request.user, role=request.role)
    except Conflict:
        say(request, "This post was changed in between; here is how it is now.")
    return _back(draft)


# ---- two at once -------------------------------------------------------------------------------


def _conflict(request: HttpRequest, conflict: Conflict, mine: dict[str, object]) -> HttpResponse:
    """Both versions side by side, what differs marked. 409."""
    theirs = conflict.theirs
    who, did = _last_change(theirs)
    own = {tag.lower() for tag in mine["hashtags"]}  # type: ignore[attr-defined]
    said = {
        "draft": theirs, "company": " ".join(mine.get("collaborators", theirs.collaborators)),  # type: ignore[arg-type]
        "place": mine.get("location", theirs.location),
        "who": who if who != request.user.name else "You", "did": did,
        "here": f"/b/{theirs.brand.slug}/posts/{theirs.pk}", "mine": mine,
        "theirs": marked(str(mine["caption"]), theirs.caption),
        "their_tags": [(tag, tag.lower() not in own) for tag in theirs.hashtags],
        "limits": limits_of(theirs.brand),
        "counts": told.counts(str(mine["caption"]), list(mine["hashtags"])),  # type: ignore[call-overload]
    }  # fmt: skip
    return render(request, "studio/conflict.html", said, status=409)


def _last_change(draft: Draft) -> tuple[str, str]:
    """Who changed it last, and what they did: another time raises the version as other words do."""
    changes = draft.events.filter(verb__in=("edited", "moved", "planned"))
    found = list(changes.select_related("person")[:2])
    if not found:
        return "", "saved this post"
    latest = found[0]
    who = latest.person.name if latest.person is not None else latest.name
    # An edit that asks for approval again is two events of one moment.
    if any(e.verb == "edited" and latest.at - e.at < timedelta(seconds=1) for e in found):
        return who, "saved this post"
    said = sentence(latest)
    return who, f"{said['verb']} this post{said['after']} {said['words']}".rstrip()


def marked(mine: str, theirs: str) -> list[tuple[str, str]]:
    """`theirs` in pieces: ("ins", words) where it differs from `mine`, ("", words) where not."""
    a, b = re.findall(r"\S+\s*|\s+", mine), re.findall(r"\S+\s*|\s+", theirs)
    pieces = difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes()
    return [
        ("" if same == "equal" else "ins", "".join(b[start:stop]))
        for same, _, _, start, stop in pieces
        if stop > start
    ]
