"""A copy of a post: its folder under another name, its words as they are now."""

import itertools
import re
import secrets
import shutil
import threading
from pathlib import Path

from django.conf import settings
from django.db import transaction

from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable, full_disk, held, no_room, write_json
from feedsmith.studio import feed
from feedsmith.studio.models import Draft, Event, Person

COPY = re.compile(r"-copy(?:-\d+)?$")
ROOM = 1 << 20
"""Bytes free under which a copy that failed has failed for want of room: copytree does not say."""
_one = threading.Lock()
"""Two copies at once would choose the same name."""


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
    with _one, held(settings.STUDIO.folder / "copies.lock"):
        name = _free(posts, post.id)
        made = post.model_copy(update={"id": name, "version_of": ""})
        unfinished = posts / f".{name}.{secrets.token_hex(4)}.part"
        try:
            shutil.copytree(posts / post.id, unfinished)
            write_json(unfinished / "post.json", made.model_dump(mode="json"))
            unfinished.rename(posts / name)
        except (OSError, shutil.Error) as error:
            if full_disk(error) or shutil.disk_usage(posts).free < ROOM:
                raise no_room(posts, "nothing was copied") from error
            raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    with transaction.atomic():
        copy, _ = Draft.of(draft.brand, made)
        for field in ("caption", "hashtags", "alt_text", "collaborators", "location", "favourite"):
            setattr(copy, field, getattr(draft, field))
        copy._index()
        copy.save()
        first = copy.revisions.get(number=1)
        first.words, first.what, first.person = copy.words, "copied", person
        first.save()
        copy = feed.beside(draft.brand, copy.pk, before=draft.pk)
        Event.objects.create(
            brand=draft.brand,
            draft=copy,
            person=person,
            verb="copied",
            words=f"from {draft.folder}",
        )
    return copy


def sweep(posts: Path) -> None:
    """Remove what a killed studio has left half-copied; nobody may be copying now."""
    for part in posts.glob(".*.part"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)


def _free(posts: Path, name: str) -> str:
    base = COPY.sub("", name)
    names = (f"{base}-copy" + (f"-{n}" if n > 1 else "") for n in itertools.count(1))
    return next(n for n in names if not (posts / n).exists())
