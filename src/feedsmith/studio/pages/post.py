"""One post: its media in a phone, its words, where it stands, where it comes from, its history."""

import re
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from feedsmith import rules
from feedsmith.post import Part
from feedsmith.studio import feed, states
from feedsmith.studio.models import Brand, Comment, Draft, Revision
from feedsmith.studio.once import Once
from feedsmith.studio.pages import told, versions
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.works import COUNTS, ages_of
from feedsmith.studio.shelf import known
from feedsmith.studio.templatetags.look import ago, zone_of

TALL = ("story", "reel")
"""Kinds shown over the whole phone."""
ASIDE = ("archived",)
"""States whose step is not among the buttons but under "more"."""
TOOLS: tuple[tuple[Part, str, str], ...] = (
    ("crop", "Crop", "crop"), ("template", "Template", "template"), ("picture", "Picture", "swap"),
    ("words", "Words", "words"),
)  # fmt: skip
"""What can be changed of the picture: address, words, sign."""
SOURCES = 12
"""Small pictures of photos that a post was made from."""


def of_brand(brand: Brand, number: int) -> Draft:
    """A draft of this brand. Raises Http404 for one of another."""
    for draft in _draft(brand.pk, number):
        draft.brand = brand
        return draft
    raise Http404


@Once
def _draft(brand: int, number: int) -> QuerySet[Draft]:
    return Draft.objects.filter(brand=brand, pk=number).order_by()


@Once
def _history(draft: int) -> QuerySet[Revision, dict[str, Any]]:
    """A post that was edited often has much to tell: not the words of each version."""
    rows = Revision.objects.filter(draft=draft).order_by("-number")
    return rows.values("number", "what", "at", "person__name")


@Once
def _comments(draft: int) -> QuerySet[Comment]:
    return Comment.objects.filter(draft=draft).select_related("person")


@for_members("reviewer")
@require_safe
def post(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    from feedsmith.studio.pages.publication import going_out

    draft = of_brand(brand, number)
    said = going_out(draft, request.role) | page_of(request, brand, draft)
    return render(request, "studio/post.html", said)


@for_members("reviewer")
@require_safe
def beside(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """What stands beside the grid while this post is looked at: a fragment."""
    return render(request, "studio/parts/beside.html", {"draft": of_brand(brand, number)})


def page_of(request: HttpRequest, brand: Brand, draft: Draft) -> dict[str, object]:
    """All that the page of a post shows."""
    made, photos = draft.post, known(brand.home.library)
    root = f"/b/{brand.slug}/posts"
    before, after = feed.neighbours(draft)
    steps = draft.steps(request.role)
    editor = states.at_least(request.role, "editor")
    history = _history(draft.pk)
    latest = history[0]["number"] if history else 1
    zone = zone_of(brand)
    may_edit = editor and draft.state in states.EDITABLE
    return {
        **versions.state_of(draft),
        "may_rework": [t for t in TOOLS if may_edit and made is not None and not made.fixed(t[0])],
        "fixed": made.fixed("words") if may_edit and made is not None else "",
        "draft": draft, "made": made, "media": media_of(draft), "tall": draft.kind in TALL,
        "here": f"{root}/{draft.pk}",
        "before": f"{root}/{before}" if before else "", "after": f"{root}/{after}" if after else "",
        "files": [f"/media/{brand.slug}/{draft.folder}/{m['file']}" for m in draft.media] if made else [],
        "steps": [s for s in _main_last(steps) if s.after not in ASIDE],
        "aside": [s for s in steps if s.after in ASIDE],
        "may_edit": may_edit,
        "may_schedule": any(step.after == "scheduled" for step in steps),
        "proposed": f"{(draft.scheduled_at or timezone.now() + timedelta(days=1)).astimezone(zone):%Y-%m-%dT%H:00}",
        "zone": str(zone), "another": editor and made is not None,
        "saved": f"Saved {ago(draft.updated_at, brand)}",
        "can_undo": draft.at_revision > 1, "can_redo": draft.at_revision < latest,
        "problems": problems(draft), "limits": limits_of(brand), "never": "\n".join(brand.file.banned_words),
        "counts": told.counts(draft.caption, draft.hashtags), "whole": whole(draft),
        "ages": ages_of(draft) if draft.media_id else [], "counted": COUNTS,
        "collaborators_max": rules.COLLABORATORS_MAX, "story": draft.kind == "story",
        "company": " ".join(draft.collaborators),
        "ai": made is not None and "rainedAlgorithmic" in made.source_type,
        "reasons": told.reasons(draft, made, brand.file) if made else [],
        "original": told.originality(made, photos) if made else None,
        "facts": told.facts(made) if made else [],
        "sources": [told.photo(photos[i]) for i in (made.sources if made else ()) if i in photos][:SOURCES],
        "comments": _comments(draft.pk), "history": history,
    }  # fmt: skip


def media_of(draft: Draft) -> list[dict[str, object]]:
    """Each medium with its alt text."""
    alts = [*draft.alt_text, *[""] * len(draft.media)]
    return [{**medium, "alt_text": alt} for medium, alt in zip(draft.media, alts, strict=False)]


def whole(draft: Draft) -> str:
    """The caption as it is pasted: hashtags below it."""
    tags = " ".join(f"#{tag}" for tag in draft.hashtags)
    return "\n\n".join(part for part in (draft.caption, tags) if part)


def limits_of(brand: Brand) -> dict[str, int]:
    """Instagram's limits, and the brand's own of hashtags (the app takes 5 since December 2025)."""
    return {**told.LIMITS, "hashtags": min(brand.file.hashtags.limit, rules.HASHTAGS_HARD_MAX)}


def problems(draft: Draft) -> list[str]:
    """What Instagram would refuse about it, and where it breaks the brand's own rules; a sentence each."""
    found = rules.violations(draft.caption, draft.hashtags, draft.alt_text)
    found += rules.company_violations(draft.kind == "story", draft.collaborators, draft.location)
    said = [f"Instagram would refuse this: {problem}." for problem in found]
    brand = draft.brand.file
    text = f"{draft.caption} {' '.join(draft.hashtags)}"
    said += [
        f"“{word}” is a word that this brand never uses."
        for word in brand.banned_words
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I)
    ]
    banned = {tag.lower().lstrip("#") for tag in brand.hashtags.banned}
    said += [
        f"#{tag} is a hashtag that this brand never uses."
        for tag in draft.hashtags
        if tag.lower() in banned
    ]
    count, most = len(draft.hashtags), brand.hashtags.limit
    if most < count <= rules.HASHTAGS_HARD_MAX:
        said.append(f"This brand uses at most {most} hashtags on a post; here are {count}.")
    return said


def _main_last(steps: tuple[states.Step, ...]) -> list[states.Step]:
    """The step that leads on stands last, where its button is the one in ink."""
    onwards = ("draft", "review", "approved", "scheduled", "published")
    return sorted(steps, key=lambda s: onwards.index(s.after) if s.after in onwards else -1)
