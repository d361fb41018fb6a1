"""A copy of a post: its folder under another name, its words as they are now."""

import itertools
import re
import shutil
from pathlib import Path

from django.db import transaction

from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable, full_disk, no_room, write_json
from feedsmith.studio.models import Draft, Event, Person

COPY = re.compile(r"-copy(?:-\d+)?$")


def duplicate(draft: Draft, person: Person | None = None) -> Draft:
    """A new draft directly above this one in the feed, with files of its own.

    A kill at any moment leaves either no copy or a whole one: the folder gets its name last, and one
    without a draft is adopted at the next start. Raises FeedsmithError where the files are gone, or
    the disk is full.
    """
    post = draft.post
    if post is None:
        raise FeedsmithError(
            "the files of this post are not in its folder any more", mend="make a new post instead"
        )
    posts = draft.brand.home.posts
    check_writable(posts)
    name = _free(posts, post.id)
    made = post.model_copy(update={"id": name})
    unfinished = posts / f".{name}.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        shutil.copytree(posts / post.id, unfinished)
        write_json(unfinished / "post.json", made.model_dump(mode="json"))
        unfinished.rename(posts / name)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if full_disk(error):
            raise no_room(posts, "nothing was copied") from error
        raise
    with transaction.atomic():
        copy, _ = Draft.of(draft.brand, made)
        for field in ("caption", "hashtags", "alt_text", "crop", "favourite"):
            setattr(copy, field, getattr(draft, field))
        copy._index()
        copy.save()
        first = copy.revisions.get(number=1)
        first.words, first.what, first.person = copy.words, "copied", person
        first.save()
        Event.objects.create(
            brand=draft.brand,
            draft=copy,
            person=person,
            verb="copied",
            words=f"from {draft.folder}",
        )
    return copy


def _free(posts: Path, name: str) -> str:
    base = COPY.sub("", name)
    names = (f"{base}-copy" + (f"-{n}" if n > 1 else "") for n in itertools.count(1))
    return next(n for n in names if not (posts / n).exists())
