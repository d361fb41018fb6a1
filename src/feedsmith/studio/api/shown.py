"""How rows look in an answer."""

import json
from datetime import UTC

from django.conf import settings
from django.http import HttpRequest

from feedsmith.errors import FeedsmithError
from feedsmith.post import Post
from feedsmith.studio import models
from feedsmith.studio.api import shapes
from feedsmith.studio.imports import report
from feedsmith.studio.pages import rework
from feedsmith.studio.shelf import Item

ROOT = "/api/v1"


def post(draft: models.Draft, request: HttpRequest) -> shapes.Post:
    """A post, with the steps that the request's person may take. Rows that were
    read with their `last_revision` spare a query each."""
    return shapes.Post(**_post(draft, request))


def whole(draft: models.Draft, request: HttpRequest) -> shapes.WholePost:
    made = draft.post
    origin = made and shapes.Origin(
        provenance=made.provenance, originality=made.originality.label,
        similarity=made.originality.similarity, nearest=made.originality.nearest,
        sources=list(made.sources), credits=[credit.text for credit in made.credits],
        models=made.models,
    )  # fmt: skip
    fixed = made.fixed("crop") if made else "Its files are not in its folder any more."
    shots = made.making.shots if made and made.making and not fixed else ()
    bases: list[shapes.Base] = []
    try:
        bases = [_base(draft, made, n) for n in range(1, len(shots) + 1)] if made else []
    except FeedsmithError as error:  # the post itself is whole, and is shown
        fixed = f"{error.message[:1].upper()}{error.message[1:]}."
    return shapes.WholePost(
        **_post(draft, request), origin=origin, fixed=fixed,
        bases=bases,
    )  # fmt: skip


def _base(draft: models.Draft, made: Post, number: int) -> shapes.Base:
    base, shot = rework.base_of(draft, made, number), made.making.shots[number - 1]  # type: ignore[union-attr]
    return shapes.Base(
        picture=number, width=base.width, height=base.height, zoom_max=round(base.zoom_max, 3),
        largest=shapes.Crop(
            x=(1 - base.full[0]) / 2, y=(1 - base.full[1]) / 2, width=base.full[0], height=base.full[1]
        ),
        crop=shapes.Crop(**base.crop.model_dump()), photo=shot.sources[0] if base.of_photo else "",
    )  # fmt: skip


def _post(draft: models.Draft, request: HttpRequest) -> dict[str, object]:
    slug, at = draft.brand.slug, draft.scheduled_at
    here = f"{ROOT}/brands/{slug}/posts/{draft.pk}/media"
    last = getattr(draft, "last_revision", None)
    if last is None:
        newest = draft.revisions.order_by("-number").values_list("number", flat=True).first()
        last = newest or draft.at_revision
    alts = [*draft.alt_text, *[""] * len(draft.media)]
    return {
        "id": draft.pk, "brand": slug, "kind": draft.kind, "theme": draft.theme, "format": draft.format,
        "caption": draft.caption, "hashtags": draft.hashtags, "crop": draft.crop,
        "state": draft.state, "scheduled_at": at and at.astimezone(UTC), "favourite": draft.favourite,
        "version": draft.version, "can_undo": draft.at_revision > 1,
        "can_redo": last > draft.at_revision, "job": draft.job_id,
        "steps": [{"to": step.after, "verb": step.verb} for step in draft.steps(request.role)],
        "collaborators": draft.collaborators, "location": draft.location, "account": draft.account,
        "permalink": draft.permalink,
        "page": f"{settings.STUDIO.url}/b/{slug}/posts/{draft.pk}",
        "created_at": draft.created_at, "updated_at": draft.updated_at,
        "media": [
            {
                "file": m["file"], "url": f"{here}/{m['file']}",
                "thumbnail": f"{here}/{m.get('cover') or m['file']}/thumbnail",
                "width": m["width"], "height": m["height"], "alt_text": alt,
                "duration": m.get("duration") or 0.0, "cover": m.get("cover") or "",
            }
            for m, alt in zip(draft.media, alts, strict=False)
        ],
    }  # fmt: skip


def revision(row: models.Revision, at: int) -> shapes.Revision:
    return shapes.Revision(
        number=row.number, at=row.at, by=name(row.person), what=row.what, shown=row.number == at,
        caption=row.words["caption"], hashtags=row.words["hashtags"],
        alt_text=row.words["alt_text"], collaborators=row.all_words["collaborators"],
        location=row.all_words["location"],
    )  # fmt: skip


def comment(row: models.Comment) -> shapes.Comment:
    return shapes.Comment(
        id=row.pk, by=name(row.person) or row.name, at=row.at, text=row.text, resolved=row.resolved
    )


def event(row: models.Event) -> shapes.Event:
    return shapes.Event(
        id=row.pk, at=row.at, by=name(row.person) or row.name or None, verb=row.verb,
        words=row.words, post=row.draft_id,
    )  # fmt: skip


def job(row: models.Job) -> shapes.Job:
    return shapes.Job(
        id=row.pk, kind=row.kind, state=row.state, asked_by=name(row.person), asked_at=row.asked_at,
        started_at=row.started_at, ended_at=row.ended_at, done=row.done, total=row.total,
        stage=row.stage, words=row.words, seconds_left=row.seconds_left,
        before=row.before if row.state == "queued" else None,
        posts=sorted(draft.pk for draft in row.drafts.all())
        or ([row.args["draft"]] if "draft" in row.args else []),
        words_found=[
            shapes.PostWords(**{n: said[n] for n in ("caption", "headline", "quote", "slides")})
            for said in row.result.get("words", [])
        ],
        layouts_found=[
            shapes.Layout(template=name, scheme=scheme)
            for name, scheme in row.result.get("layouts", [])
        ],
        notes=list(row.result.get("notes", [])), error=row.error, mend=row.mend,
        result=_result(row), report=report(row) if row.kind == "import" else [],
    )  # fmt: skip


def _result(row: models.Job) -> dict[str, object]:
    """Without where the files lie, which is nobody's business here."""
    said = json.dumps(row.result)
    for place in (row.brand.home.root, row.brand.home.root.resolve()):
        said = said.replace(json.dumps(f"{place}/")[1:-1], "")
    return dict(json.loads(said))


def photo_at(brand: models.Brand, photo_id: str) -> str:
    return f"{ROOT}/brands/{brand.slug}/library/photos/{photo_id}"


def photo(brand: models.Brand, item: Item) -> shapes.Photo:
    return shapes.Photo(
        id=item.id, name=item.name, width=item.width, height=item.height, date=item.date,
        source=item.source, caption=item.caption, credit=item.credit, licence=item.licence,
        keywords=list(item.words), corrected=item.mark.keywords is not None,
        colours=list(item.colours), palette=list(item.palette), favourite=item.mark.favourite,
        never=item.mark.never, thumbnail=f"{photo_at(brand, item.id)}/thumbnail",
    )  # fmt: skip


def hook(row: models.Hook) -> dict[str, object]:
    return {
        "id": row.pk, "url": row.url, "created_at": row.created_at, "by": name(row.person),
        "stopped": row.why if row.stopped_at else "",
    }  # fmt: skip


def delivery(row: models.Delivery) -> shapes.Delivery:
    return shapes.Delivery(
        id=row.pk, message=row.message, type=row.kind, state=row.state, created_at=row.created_at,
        tries=row.tries, next_try=row.due if row.state == "waiting" else None,
        answered=row.answered, said=row.said,
    )  # fmt: skip


def name(person: models.Person | None) -> str | None:
    return str(person.name) if person is not None else None
