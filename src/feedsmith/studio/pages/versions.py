"""Other versions of a post: asking the worker for one, and how it stands with that. Pages and programs ask
through here, so that what is allowed is one.
"""

import hashlib
from datetime import timedelta
from typing import Any

from django.db.models import BigIntegerField, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.post import Part, Post
from feedsmith.studio import states
from feedsmith.studio.models import Brand, Draft, Job
from feedsmith.studio.models.drafts import Conflict
from feedsmith.studio.models.jobs import ACTIVE
from feedsmith.studio.once import Once
from feedsmith.studio.queue import enqueue

STORY_BODY = 120
"""Characters of a caption that a story carries on its picture (workshop.designs.STORY_BODY)."""
FAILED_SHOWN = timedelta(hours=1)
"""How long a post's page says that a change of it failed."""
NOT_THIS = "make another post like it, and change that one"


def ask(
    draft: Draft, person: Any, role: states.Actor, version: int, what: str, **change: Any
) -> Job:
    """A job that makes another version of this post as it was at `version`: `picture` with a `crop`, a
    `photo` or `again`; or `template` and `scheme`; or `words`. `what` is said in its history.

    Raises Conflict where the post was changed since; FeedsmithError where its state or the post itself
    does not allow it, or something is being made of it already.
    """
    part: Part = (
        "template" if "template" in change else "words" if "words" in change
        else "crop" if "crop" in change else "picture"
    )  # fmt: skip
    _check(draft, version, part, int(change.get("picture", 0)))
    args = {
        "draft": draft.pk, "of": draft.folder, "version": version, "role": role, "what": what[:120],
        "kind": draft.kind, **change,
    }  # fmt: skip
    return enqueue(draft.brand, person, args, "rework")


def ask_words(draft: Draft, person: Any) -> Job:
    """A job that finds other words for this post. Raises FeedsmithError as `ask`."""
    _check(draft, draft.version, "words")
    args = {"draft": draft.pk, "of": draft.folder, "kind": draft.kind, "count": 3}
    return enqueue(draft.brand, person, args, "words")


def ask_layouts(draft: Draft, person: Any) -> Job:
    """A job that sets this post in each template; the one that waits or is over does for it. Raises
    FeedsmithError as `ask`."""
    there = layouts_of(draft)
    if there is not None and there.state != "failed":
        return there
    _check(draft, draft.version, "template")
    args = {"draft": draft.pk, "of": draft.folder, "kind": draft.kind, "look": _look(draft.brand)}
    return enqueue(draft.brand, person, args, "layouts")


def layouts_of(draft: Draft) -> Job | None:
    """The latest job that set this very version of the post in templates, as the brand looks now."""
    of = Job.objects.filter(
        brand=draft.brand_id, kind="layouts", args__of=draft.folder, args__look=_look(draft.brand)
    )
    return of.exclude(state="stopped").order_by("-pk").first()


def changing(draft: Draft) -> Job | None:
    """The job that makes another version of this post now, or waits for it."""
    return (
        Job.objects.filter(
            brand=draft.brand_id, kind="rework", args__draft=draft.pk, state__in=ACTIVE
        )
        .order_by("-pk")
        .first()
    )


def _check(draft: Draft, version: int, part: Part, picture: int = 0) -> None:
    if draft.version != version:
        raise Conflict(draft, {})
    if draft.stands not in states.EDITABLE:
        raise FeedsmithError(
            f"a post that is {draft.state_in_words.lower()} cannot be edited",
            mend="duplicate it, and edit the copy",
        )
    made = draft.post
    if made is None:
        raise FeedsmithError("the files of this post are not in its folder any more")
    why = made.fixed(part, picture)
    if why:
        raise FeedsmithError(why[:1].lower() + why[1:].rstrip("."), mend=NOT_THIS)
    if changing(draft) is not None:
        raise FeedsmithError(
            "this post is being made anew already", mend="wait for that, or stop it"
        )


def _look(brand: Brand) -> str:
    """8 hex digits over what decides how the brand's templates look."""
    home = brand.home
    files = [
        home.brand_file,
        *(sorted(home.templates.glob("*")) if home.templates.is_dir() else ()),
    ]
    stamps = [(path.name, path.stat().st_mtime_ns) for path in files if path.is_file()]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:8]


def take_words(draft: Draft, post: Post, row: dict[str, Any], person: Any, role: states.Actor, version: int) -> Job | None:  # fmt: skip
    """Give the post these words: at once where none stand on its picture (None then), else by a job that
    sets them. Raises Conflict and FeedsmithError as `ask`."""
    if on_picture(post, row):
        return ask(draft, person, role, version, "other words", words=row)
    _check(draft, version, "words")
    draft.edit(
        {"caption": row["caption"]}, version=version, person=person, role=role, what="other words"
    )
    return None


def words_of(draft: Draft) -> Job | None:
    """The latest job that looked for other words for this version of the post."""
    of = Job.objects.filter(brand=draft.brand_id, kind="words", args__draft=draft.pk)
    return of.filter(args__of=draft.folder).exclude(state="stopped").order_by("-pk").first()


def on_picture(post: Post, row: dict[str, Any]) -> list[str]:
    """The words of a candidate that would stand on the post's pictures."""
    making, kind = post.making, post.kind
    if making is None or kind in ("photo", "gif", "product"):
        return []
    if making.brief.offer and kind in ("promo", "story"):  # what is offered stands there, as it is
        return []
    own = making.brief.headline  # a person's words stay
    headline = "" if own else str(row.get("headline", ""))
    said = [headline]
    if kind == "quote":
        said = [] if own else [str(row.get("quote", "")) or headline]
    elif kind in ("carousel", "reel"):
        said = [headline, *map(str, row.get("slides", ()))]
    elif kind == "story":
        said = [headline, str(row["caption"]) if len(str(row["caption"])) <= STORY_BODY else ""]
    return [words_ for words_ in said if words_]


@Once
def _last_rework(brand: int, draft: int) -> QuerySet[Job]:
    named = Cast(KeyTextTransform("draft", "args"), BigIntegerField())
    jobs = Job.objects.filter(brand=brand, kind="rework").annotate(named=named)
    return jobs.filter(named=draft).order_by("-pk")[:1]


def state_of(draft: Draft, seen: int = 0) -> dict[str, Any]:
    """What a post's page tells of the job that changes it: that which runs, else that the last one failed,
    as long as nothing was done with the post since. `seen`: the version that the page shows; `remade`
    is True where the job made another one of it, and `words` where that brought other words."""
    job = next(iter(_last_rework(draft.brand_id, draft.pk)), None)
    notes: list[str] = []
    remade = words = False
    if job is not None and job.over:
        latest = job.result.get("version") == draft.version
        notes = job.result.get("notes", []) if latest else []
        remade = latest and job.args["version"] == seen
        words = "words" in job.args
        since = max(draft.updated_at, timezone.now() - FAILED_SHOWN)
        fresh = job.state == "failed" and job.ended_at is not None and job.ended_at > since
        job = job if fresh else None
    alts = [*draft.alt_text, *[""] * len(draft.media)][: len(draft.media)]
    return {
        "draft": draft, "reworking": job, "rework_notes": notes, "alts": alts, "seen": seen or draft.version,
        "remade": remade, "remade_words": words, "here": f"/b/{draft.brand.slug}/posts/{draft.pk}",
    }  # fmt: skip
