"""Posts: list, one, edit, history, state, place, copies, comments, files; who did what."""

from datetime import datetime
from typing import Annotated, Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status
from pydantic import AwareDatetime

from feedsmith.post import Crop, Kind
from feedsmith.studio import copies, feed, queue, states
from feedsmith.studio.api import cursor as cursors
from feedsmith.studio.api import door, shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.api.refusals import Unfit
from feedsmith.studio.models import Comment, Conflict, Draft, Event, Revision
from feedsmith.studio.models.drafts import search
from feedsmith.studio.pages import media, rework, versions
from feedsmith.studio.pages.post import of_brand

router = Router(tags=["posts"])
POSTS = "/brands/{slug:brand}/posts"
ONE = POSTS + "/{int:number}"


def rows_of(request: HttpRequest) -> "QuerySet[Draft]":
    drafts = Draft.objects.filter(brand=request.brand).select_related("brand").defer("search")
    # A subquery, so that only the rows that are shown are counted: 5,000 posts have as many histories.
    newest = Revision.objects.filter(draft=OuterRef("pk")).order_by("-number").values("number")[:1]
    return drafts.annotate(last_revision=Subquery(newest))


def _one(request: HttpRequest, number: int) -> Draft:
    return of_brand(request.brand, number)


# ---- look ----------------------------------------------------------------------------------------


@router.get(POSTS, **needs("read", "reviewer", shapes.Posts))
def list_posts(
    request: HttpRequest, brand: str,
    state: Annotated[list[states.State], Query(description="Only these; more than one may be given.")] = [],  # noqa: B006
    kind: Annotated[Kind | None, Query(description="Only this kind.")] = None,
    favourite: Annotated[bool | None, Query(description="Only favourites, or only others.")] = None,
    q: Annotated[shapes.Words, Query("", max_length=200, description="Words that all must appear.")] = "",
    job: Annotated[shapes.Number | None, Query(description="Only what this job made.")] = None,
    updated_since: Annotated[
        AwareDatetime | None, Query(description="Only what was changed then or later.")
    ] = None,
    cursor: cursors.Cursor = "", limit: shapes.Limit = shapes.PAGE,
) -> shapes.Posts:  # fmt: skip
    """Posts in the feed's order, the newest first. Archived ones only where ?state=archived asks.
    Every word of `q` must appear in the caption, hashtags, theme or alt text."""
    rows = rows_of(request)
    rows = rows.filter(state__in=state) if state else rows.exclude(state="archived")
    if kind is not None:
        rows = rows.filter(kind=kind)
    if favourite is not None:
        rows = rows.filter(favourite=favourite)
    if job is not None:
        rows = rows.filter(job=job)
    if updated_since is not None:
        rows = rows.filter(updated_at__gte=updated_since)
    if q.strip():
        rows = search(rows, q)
    if cursor:
        place, last = cursors.read(cursor, float, int)
        rows = rows.filter(position__lte=place).exclude(position=place, pk__gte=last)
    found, follows = cursors.page(
        rows.order_by("-position", "-pk"), limit, lambda row: (float(row.position), row.pk)
    )
    return shapes.Posts(posts=[shown.post(row, request) for row in found], next=follows)


@router.get(ONE, **needs("read", "reviewer", shapes.WholePost))
def show_post(request: HttpRequest, brand: str, number: int) -> shapes.WholePost:
    """One post, and where it comes from."""
    return shown.whole(_one(request, number), request)


@router.get(ONE + "/media/{str:file}", **needs("read", "reviewer", None, file="*/*"))
def media_file(request: HttpRequest, brand: str, number: int, file: str) -> HttpResponseBase:
    """A picture or film of the post; of films also a part, by the Range header."""
    path = media.of_post(request.brand, _one(request, number).folder, file)
    kind = media.KINDS.get(path.suffix.lower())
    if kind is None:
        raise Http404
    return media.in_parts(request, path, kind)


@router.get(
    ONE + "/media/{str:file}/thumbnail", **needs("read", "reviewer", None, file="image/webp")
)
def media_thumbnail(
    request: HttpRequest, brand: str, number: int, file: str, width: shapes.Width = "480"
) -> HttpResponseBase:
    """A small WebP of a picture, or of a film's still."""
    return media.shown(request.brand, _one(request, number).folder, file, width)


# ---- words ---------------------------------------------------------------------------------------


@router.patch(ONE, **needs("write", "editor", shapes.Post, conflict=shapes.Conflict))
def edit_post(request: HttpRequest, brand: str, number: int, change: shapes.Edit) -> shapes.Post:
    """Change words, as seen at `version`. Where the post was changed since, nothing is
    changed, and the answer (409) holds both. An editor's change of an approved post asks for
    approval again."""
    draft = _one(request, number)
    changes = change.model_dump(exclude={"version"}, exclude_none=True)
    files = [medium["file"] for medium in draft.media]
    if change.alt_text is not None and len(change.alt_text) != len(files):
        raise Unfit(
            f"this post has {len(files)} media, and {len(change.alt_text)} alt texts were given",
            mend="give one for each, in their order; '' where there is none",
        )
    if draft.kind == "story" and (change.collaborators or change.location):
        raise Unfit("a story takes neither collaborators nor a place", mend="leave them away")
    row = draft.edit(
        changes, version=change.version, person=request.user, role=_edits_as(request),
        what=", ".join(name.replace("_", " ") for name in changes) or "edited",
    )  # fmt: skip
    return shown.post(row, request)


@router.post(ONE + "/undo", **needs("write", "editor", shapes.Post, conflict=shapes.Conflict))
def undo(request: HttpRequest, brand: str, number: int, seen: shapes.Versioned) -> shapes.Post:
    """Take the last edit back."""
    return _turned(request, number, -1, seen)


@router.post(ONE + "/redo", **needs("write", "editor", shapes.Post, conflict=shapes.Conflict))
def redo(request: HttpRequest, brand: str, number: int, seen: shapes.Versioned) -> shapes.Post:
    """Do again what was undone."""
    return _turned(request, number, +1, seen)


def _edits_as(request: HttpRequest) -> states.Role:
    """An owner's edit leaves an approved post approved; a token that may not approve edits as an editor."""
    return request.role if "approve" in request.auth.scopes else "editor"


def _turned(request: HttpRequest, number: int, by: int, seen: shapes.Versioned) -> shapes.Post:
    draft = _one(request, number)
    row = draft.turn(by, version=seen.version, person=request.user, role=_edits_as(request))
    return shown.post(row, request)


@router.post(
    ONE + "/revisions/{int:revision}/restore",
    **needs("write", "editor", shapes.Post, conflict=shapes.Conflict),
)
def restore(
    request: HttpRequest, brand: str, number: int, revision: int, seen: shapes.Versioned
) -> shapes.Post:
    """Bring an earlier revision back, as an edit of its own: nothing of the history is lost."""
    draft = _one(request, number)
    wanted = get_object_or_404(Revision, draft=draft, number=revision)
    row = draft.restore(wanted, version=seen.version, person=request.user, role=_edits_as(request))
    return shown.post(row, request)


@router.get(ONE + "/revisions", **needs("read", "reviewer", list[shapes.Revision]))
def revisions(request: HttpRequest, brand: str, number: int) -> list[shapes.Revision]:
    """The history of its words, oldest first."""
    draft = _one(request, number)
    rows = Revision.objects.filter(draft=draft).select_related("person")
    return [shown.revision(row, draft.at_revision) for row in rows]


# ---- another version of it -------------------------------------------------------------------------


@router.post(
    ONE + "/versions", **needs("write", "editor", shapes.Job, status=201, conflict=shapes.Conflict)
)
def rework_post(request: HttpRequest, brand: str, number: int, change: shapes.Rework) -> Status:
    """Make the post anew with one thing changed: another cut, another template, another photo, another
    picture from the same photos, or other words. The worker does it; the answer is its job. The post
    keeps its old media until then, and undo brings them back. Where the post was changed since `version`,
    409 holds it as it is."""
    draft, asks = _one(request, number), _edits_as(request)
    asked = [
        name
        for name, given in (
            ("crop", change.crop),
            ("template", change.template),
            ("photo", change.photo),
            ("again", change.again),
            ("words", change.words),
        )
        if given
    ]
    if len(asked) != 1:
        raise Unfit(
            "one thing of a post is changed at a time",
            mend="give one of crop, template, photo, again and words",
        )
    more: dict[str, Any] = {"picture": change.picture}
    what = f"picture {change.picture} made anew"
    if change.crop is not None:
        made_of = draft.post
        if made_of is not None and not made_of.fixed("crop"):
            base = rework.base_of(draft, made_of, change.picture)
            why = base.misfit(Crop(**change.crop.model_dump()))
            if why:
                raise Unfit(why, mend="`bases` of the post says what fits")
        more["crop"], what = change.crop.model_dump(), f"picture {change.picture} cut anew"
    elif change.photo:
        if not any(item.id == change.photo for item in rework.usable(request.brand)):
            raise Unfit(
                "this is no photo of the library that may be used", mend="see /library/photos"
            )
        more["photo"], what = change.photo, f"another photo {change.picture}"
    elif change.again:
        more["again"] = True
    elif change.template:
        more = {"template": change.template, "scheme": change.scheme}
        what = f"template {change.template} {change.scheme}".strip()
    else:
        assert change.words is not None
        more, what = {"words": change.words.model_dump(mode="json")}, "other words"
    job = versions.ask(draft, request.user, asks, change.version, what, **more)
    return made(shown.job(job))


@router.post(ONE + "/words", **needs("write", "editor", shapes.Job, status=201))
def find_words(request: HttpRequest, brand: str, number: int) -> Status:
    """Look for three other wordings for this picture; the job has them as `words_found` when it is done."""
    return made(shown.job(versions.ask_words(_one(request, number), request.user)))


@router.post(ONE + "/layouts", **needs("write", "editor", shapes.Job, status=201))
def find_layouts(request: HttpRequest, brand: str, number: int) -> Status:
    """Set this post in each template that could take it; the job has those that do as `layouts_found`
    when it is done. Asked again for the same post, it is the same job."""
    return made(shown.job(versions.ask_layouts(_one(request, number), request.user)))


# ---- state ---------------------------------------------------------------------------------------


@router.post(ONE + "/state", **needs("read", "reviewer", shapes.Post, conflict=shapes.Conflict))
def move_post(request: HttpRequest, brand: str, number: int, move: shapes.Move) -> shapes.Post:
    """Take a step of approval (`steps` says which there are). To approve, or to send back, the
    scope approve is needed; to or from the calendar, and to mark as posted, schedule; else write."""
    return _moved(request, number, move.to, move.version, move.at)


def _moved(
    request: HttpRequest, number: int, to: states.State, version: int | None, at: datetime | None
) -> shapes.Post:
    with transaction.atomic():
        row = get_object_or_404(
            Draft.objects.select_for_update(of=("self",)).select_related("brand"),
            brand=request.brand, pk=number,
        )  # fmt: skip
        door.needs(request.auth, door.scope_of(row.state, to))
        if version is not None and row.version != version:
            raise Conflict(row, {"to": to, "version": version})
        moved = row.move(to, by=request.role, person=request.user, scheduled_at=at)
    return shown.post(moved, request)


# ---- place ---------------------------------------------------------------------------------------


@router.put(ONE + "/favourite", **needs("write", "editor", shapes.Post))
def favourite(request: HttpRequest, brand: str, number: int, mark: shapes.Favourite) -> shapes.Post:
    """Mark it as a favourite, or not."""
    draft = _one(request, number).mark(favourite=mark.on, person=request.user)
    return shown.post(draft, request)


@router.put(ONE + "/place", **needs("write", "editor", shapes.Post))
def place_in_feed(
    request: HttpRequest, brand: str, number: int, wanted: shapes.Place
) -> shapes.Post:
    """Put it directly before another post of the feed (nearer to the top), or directly after it."""
    if (wanted.before is None) == (wanted.after is None):
        raise Unfit("say before which post, or after which", mend="give one of before and after")
    draft = feed.place(
        request.brand, _one(request, number).pk, before=wanted.before, after=wanted.after,
        person=request.user,
    )  # fmt: skip
    return shown.post(draft, request)


@router.post(ONE + "/copies", **needs("write", "editor", shapes.Post, status=201))
def duplicate(request: HttpRequest, brand: str, number: int) -> Status:
    """A copy with files of its own, directly above it in the feed."""
    draft = _one(request, number)
    copy = copies.duplicate(draft, request.user)
    return made(shown.post(of_brand(request.brand, copy.pk), request))


@router.post(ONE + "/another", **needs("generate", "editor", shapes.Job, status=201))
def another(request: HttpRequest, brand: str, number: int) -> Status:
    """Ask for another post of this one's kind, theme and offer."""
    return made(shown.job(queue.another(_one(request, number), request.user)))


# ---- what is said --------------------------------------------------------------------------------


@router.get(ONE + "/comments", **needs("read", "reviewer", list[shapes.Comment]))
def comments(request: HttpRequest, brand: str, number: int) -> list[shapes.Comment]:
    """What was said about it, oldest first."""
    rows = Comment.objects.filter(draft=_one(request, number)).select_related("person")
    return [shown.comment(row) for row in rows]


@router.post(ONE + "/comments", **needs("write", "reviewer", shapes.Comment, status=201))
def comment(request: HttpRequest, brand: str, number: int, said: shapes.NewComment) -> Status:
    """Say something about it."""
    draft = _one(request, number)
    with transaction.atomic():
        row = Comment.objects.create(draft=draft, person=request.user, text=said.text)
        Event.objects.create(
            brand=request.brand, draft=draft, person=request.user, verb="commented",
            words=said.text[:300],
        )  # fmt: skip
    return made(shown.comment(row))


@router.patch(ONE + "/comments/{int:comment}", **needs("write", "editor", shapes.Comment))
def resolve(
    request: HttpRequest, brand: str, number: int, comment: int, wanted: shapes.Resolve
) -> shapes.Comment:
    """A comment is dealt with, or is not after all."""
    row = get_object_or_404(Comment, draft=_one(request, number), pk=comment)
    row.resolved = wanted.resolved
    row.save(update_fields=["resolved"])
    return shown.comment(row)


@router.get("/brands/{slug:brand}/events", **needs("read", "reviewer", shapes.Events))
def events(
    request: HttpRequest, brand: str,
    post: Annotated[shapes.Number | None, Query(description="Only about this post.")] = None,
    by: Annotated[shapes.Words, Query("", max_length=60, description="Only what this person did.")] = "",
    cursor: cursors.Cursor = "", limit: shapes.Limit = shapes.PAGE,
) -> shapes.Events:  # fmt: skip
    """Who did what when, newest first."""
    rows = Event.objects.filter(brand=request.brand).select_related("person")
    if post is not None:
        rows = rows.filter(draft=post)
    if by:
        rows = rows.filter(person__name=by)
    found, follows = cursors.newest_first(rows, cursor, limit)
    return shapes.Events(events=[shown.event(row) for row in found], next=follows)
