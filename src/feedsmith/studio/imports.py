"""Imports: files that are here as a whole go into the library; what came of it, in sentences."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models import Brand, Job, Upload
from feedsmith.studio.queue import enqueue

AT_ONCE = 500
"""Files of one import."""


def whole(brand: Brand, keys: Sequence[str]) -> list[Upload]:
    """Those of these uploads that wait for an import, and are whole. Raises FeedsmithError for none."""
    waiting = Upload.objects.filter(brand=brand, job=None, key__in=keys[:AT_ONCE])
    found = [upload for upload in waiting if upload.whole]
    if not found:
        raise FeedsmithError("no file is here as a whole", mend="upload it again")
    return found


def begin(brand: Brand, person: Any, uploads: Sequence[Upload]) -> Job:
    """One job for them all; both are written, or none: a job never runs without its files."""
    with transaction.atomic():
        job = enqueue(brand, person, {"uploads": [upload.name for upload in uploads]}, "import")
        Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).update(job=job)
    return job


def report(job: Job) -> list[str]:
    """What an import did, in sentences."""
    told = job.result
    if not told:
        return []
    said = [
        f"{_count(told, 'posts_new', 'post')} and {_count(told, 'photos_new', 'photo')} are new."
    ]
    if told.get("posts_known") or told.get("photos_known"):
        said.append(
            f"{_count(told, 'posts_known', 'post')} and {_count(told, 'photos_known', 'photo')} "
            "were known."
        )
    if job.attempts > 1:
        said.append("It was cut off in between and went on where it was.")
    if told.get("cleaned"):
        said.append(
            f"Place, camera and owner were taken out of {_count(told, 'cleaned', 'photo')}; "
            "your own files are as they were."
        )
    if told.get("videos"):
        one = told["videos"] == 1
        said.append(
            f"{_count(told, 'videos', 'video')} {'is' if one else 'are'} listed with "
            f"{'its post' if one else 'their posts'}, not used yet."
        )
    said += [
        f"Set aside: {count} × {reason}."
        for reason, count in sorted(told.get("set_aside", {}).items())
    ]
    if told.get("set_aside"):
        said.append("Each is listed in library/set-aside.csv; nothing was deleted.")
    return said + [
        f"{note[:1].upper()}{note[1:]}.".replace("..", ".") for note in told.get("notes", ())
    ]


def _count(told: dict[str, Any], name: str, word: str) -> str:
    count = int(told.get(name, 0))
    return f"{count} {word}{'s' * (count != 1)}"
