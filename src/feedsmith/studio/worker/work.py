"""The kinds of work there are: each a function of a job and a report, which returns what the job's
result keeps. It must survive being killed at any point and started again.
"""

import base64
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from PIL import Image

from feedsmith import generate as stage
from feedsmith import marks
from feedsmith import plan as plans
from feedsmith import rework as reworking
from feedsmith.design import cutout
from feedsmith.errors import FeedsmithError
from feedsmith.files import made, write_bytes
from feedsmith.library import Library, Summary, import_into
from feedsmith.post import Brief, Crop, Offer, Post, Words
from feedsmith.progress import Report
from feedsmith.runs import Folder
from feedsmith.studio import slots
from feedsmith.studio.models import Draft, Event, Job, Upload
from feedsmith.studio.models.drafts import Conflict, adopt
from feedsmith.studio.models.uploads import said as in_words
from feedsmith.understanding import traits

PREVIEW = 360
"""Pixels of the width of a post in a template that it could have."""
CUT_FROM, VEIL = 1280, 1024
"""Pixels of the longer side that a cut-out is made from to be looked at, and that the brush paints on."""

LEAST_FREE = 16 * 2**20
"""Bytes that must be free before a job begins: a disk that it fills to the brim has no room left to write
down why it ended."""

Work = Callable[[Job, Report], dict[str, Any]]


def generate(job: Job, report: Report) -> dict[str, Any]:
    """Make the posts asked for; each becomes a draft as soon as its folder is whole.

    The seed and the run's key are kept in the job before anything is made, so that a second attempt is
    the same run and goes on with it, whatever was changed in between.
    """
    args, home = dict(job.args), job.brand.home
    adopt(job.brand)  # what was made on the command line meanwhile
    if "seed" not in args:
        args["seed"] = Folder(home.posts).unused_seed()
        job.args = args
        job.save(update_fields=["args"])
    began = time.monotonic()

    def finished(post: Post) -> None:
        if Draft.of(job.brand, post, job)[1]:
            # This start was not in vain: only starts in a row without a post are counted.
            Job.objects.filter(pk=job.pk).update(attempts=1)

    def run_is(key: str) -> None:
        if args.get("run") != key:
            args["run"] = key
            Job.objects.filter(pk=job.pk).update(args=args)

    asked = stage.Settings(
        count=args["count"], kind=args.get("kind", ""), theme=args.get("theme", ""),
        headline=args.get("headline", ""), offer=Offer(**args.get("offer", {})),
        format=args.get("format") or "portrait", images=args.get("images", ""), seed=args["seed"],
        apart=True, photo=args.get("photo", ""),
        briefs=tuple(Brief.model_validate(brief) for brief in args.get("briefs", ())),
    )  # fmt: skip
    _check_room(made(home.posts))
    wanted = {asked.photo, *(brief.photo for brief in asked.briefs)} - {""}
    strangers = wanted - _called(home.library) if wanted else set()
    if strangers:
        raise _stranger(min(strangers))
    told = stage.generate(
        home, asked, report=report, finished=finished, page=False, began=run_is,
        resume=args.get("run", ""),
    )  # fmt: skip
    return {
        "posts": len(told.posts), "notes": list(told.notes), "failed": list(told.failed),
        "seconds_each": round((time.monotonic() - began) / max(1, told.made), 1),
    }  # fmt: skip


def plan(job: Job, report: Report) -> dict[str, Any]:
    """Bring a plan's file in: its posts stand on the calendar until they are made."""
    name, data = str(job.args["name"]), base64.b64decode(job.args["data"])
    zone = ZoneInfo(job.brand.file.time_zone)
    with tempfile.TemporaryDirectory(prefix="feedsmith-") as folder:
        path = Path(folder) / f"plan{Path(name).suffix.lower()}"
        path.write_bytes(data)
        try:
            briefs, faults = plans.read(path, zone, waiting=True)
        except FeedsmithError as error:  # the place it was put for reading says nothing to people
            said = error.message.replace(f"{path}", name)
            raise FeedsmithError(said, mend=error.mend) from error
    named = _called(job.brand.home.library) | {""}
    strangers = [_stranger(brief.photo) for brief in briefs if brief.photo not in named]
    briefs = [brief for brief in briefs if brief.photo in named]
    new, known = slots.bring_in(
        job.brand, briefs, name=name, waits=plans.waits, person=job.person, zone=zone
    )
    undated = sum(brief.at is None for brief in briefs)
    return {
        "new": new, "known": known, "undated": undated,
        "left_out": [
            *(f"{fault.message.replace(path.name, name)}; {fault.mend}" for fault in faults[:50]),
            *(f"{fault.message}; {fault.mend}" for fault in strangers[:50]),
        ],
    }  # fmt: skip


def _called(library: Path) -> frozenset[str]:
    """What the library's photos are called. On the command line a photo may be any file, but who may
    make posts here may not read the server's files."""
    return frozenset().union(*(photo.called for photo in Library(library).photos()))


def _stranger(word: str) -> FeedsmithError:
    return FeedsmithError(
        f"{Path(word).name[:80]} is no photo of this library",
        mend="name one as the library shows it, or add it to the library first",
    )


def take_in(job: Job, report: Report) -> dict[str, Any]:
    """Import the files that were uploaded, look at the new photos, and let the files go.

    One thread: two would need more memory than a worker may have (docs/bench.md)."""
    brand, home = job.brand.file, job.brand.home
    library, uploads = Library(home.library), list(Upload.objects.filter(job=job))
    there = [upload.path for upload in uploads if upload.whole]

    def told(done: Summary) -> None:
        """Kept before the photos are looked at: a second attempt finds them known."""
        said = done.model_dump(mode="json")
        said["notes"] = [_without(there, note) for note in said["notes"]]
        Job.objects.filter(pk=job.pk, result={}).update(result=said)

    if there:
        try:
            _check_room(made(library.root), sum(path.stat().st_size for path in there))
            import_into(
                library, there, zone=ZoneInfo(brand.time_zone), workers=1, report=report, told=told
            )
        except FeedsmithError as error:
            said = _without(there, error.message)
            # Kept, to be taken in again once the disk has room, say; or forgotten on the page.
            Upload.objects.filter(job=job).update(job=None)
            raise FeedsmithError(said, mend=_without(there, error.mend)) from error
    job.refresh_from_db(fields=["result"])
    traits.ensure(library, brand=f"{brand.name} {brand.handle}", report=report, workers=1)
    for upload in uploads:
        upload.drop()
    return dict(job.result)


def _check_room(place: Path, size: int = 0) -> None:
    """Raises FeedsmithError where the disk of `place` cannot take `size` bytes more."""
    free = shutil.disk_usage(place).free
    if free < size + LEAST_FREE:
        raise FeedsmithError(
            f"the disk is full: {in_words(size + LEAST_FREE)} are needed, {in_words(free)} are free",
            mend="free some space, then try again",
        )


def rework(job: Job, report: Report) -> dict[str, Any]:
    """Make another version of a post, and let its draft name it: one edit, which can be undone.

    The folder's name is kept in the job before anything is made: a second attempt makes the same version
    again, or finds it whole.
    """
    args, place = dict(job.args), Folder(job.brand.home.posts)
    began = time.monotonic()
    draft, post = _looked_at(job, place)
    if "folder" not in args:
        args["folder"] = _version(place, post)
        job.args = args
        job.save(update_fields=["args"])
    name = str(args["folder"])
    if draft.folder == name:  # taken already, by an attempt that was killed right after
        return {"draft": draft.pk, "version": draft.version, "notes": []}
    change = reworking.Change(
        picture=args.get("picture", 1), template=args.get("template", ""),
        scheme=args.get("scheme", ""), photo=args.get("photo", ""), again=bool(args.get("again")),
        crop=Crop.model_validate(args["crop"]) if args.get("crop") else None,
        words=Words.model_validate(args["words"]) if args.get("words") else None,
    )  # fmt: skip
    made, notes = place.post(name), tuple[str, ...]()
    try:
        if made is None:
            told = reworking.rework(job.brand.home, post, change, name=name, report=report)
            made, notes = told.post, told.notes
        row = draft.remade(
            made, of=args["of"], version=args["version"], words=change.words is not None,
            person=job.person, role=args["role"], what=args["what"],
        )  # fmt: skip
    except Conflict as conflict:
        shutil.rmtree(place.root / name, ignore_errors=True)
        raise FeedsmithError(
            "this post was changed while it was made anew, and nothing was taken from it",
            mend="look at it as it is now, and ask again",
        ) from conflict
    except BaseException:  # stopped, too: nothing half done stays
        shutil.rmtree(place.root / name, ignore_errors=True)
        raise
    return {
        "draft": row.pk, "version": row.version, "notes": list(notes),
        "seconds_each": round(time.monotonic() - began, 1),
    }  # fmt: skip


def offer_words(job: Job, report: Report) -> dict[str, Any]:
    """Other words for a post, to choose from."""
    began = time.monotonic()
    _, post = _looked_at(job, Folder(job.brand.home.posts))
    found = reworking.offer_words(job.brand.home, post, seed=job.pk, report=report)
    return {
        "words": [words.model_dump(mode="json") for words in found],
        "seconds_each": round((time.monotonic() - began) / max(1, len(found)), 1),
    }  # fmt: skip


def offer_layouts(job: Job, report: Report) -> dict[str, Any]:
    """The post really set in each template that takes it, small, to choose from: one file each, which
    the page shows as they come."""
    _, post = _looked_at(job, Folder(job.brand.home.posts))
    place = settings.STUDIO.previews / str(job.brand.slug) / post.id

    def shown(layout: reworking.Layout) -> None:
        out = BytesIO()
        image = Image.fromarray(layout.rgb)
        size = PREVIEW, round(PREVIEW * image.height / image.width)
        small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        small.save(out, "WEBP", quality=80, method=4)
        write_bytes(place / f"{layout.template}.{layout.scheme}.webp", out.getvalue())

    found = reworking.offer_layouts(job.brand.home, post, shown=shown, report=report)
    return {"layouts": [list(pair) for pair in found]}


def _looked_at(job: Job, place: Folder) -> tuple[Draft, Post]:
    """The draft that a job is about, and its post as it was when it was asked for."""
    draft = (
        Draft.objects.filter(brand=job.brand, pk=job.args["draft"]).select_related("brand").first()
    )
    post = place.post(str(job.args["of"])) if draft is not None else None
    if draft is None or post is None:
        raise FeedsmithError("the files of this post are not in its folder any more")
    return draft, post


def _version(place: Folder, post: Post) -> str:
    """A free name for another version of a post: "03-quote-6e34ae-v2"."""
    first = post.version_of or post.id
    names = (f"{first}-v{n}" for n in itertools.count(2))
    return next(name for name in names if not (place.root / name).exists())


def _without(paths: list[Path], words: str) -> str:
    """A sentence that names files as people know them, not where they were put for reading."""
    for path in paths:
        words = words.replace(f"{path.parent}/", "")
    return words


def cut_out(job: Job, report: Report) -> dict[str, Any]:
    """Cut the subject out of a photo as a product post would, for a person to look at and correct."""
    library = Library(job.brand.home.library)
    photo = library.photo(str(job.args["photo"]))
    mark = marks.read(library.root).get(photo.id, marks.Mark())
    rgb = library.rgb(photo, CUT_FROM)
    bare = cutout.cut(rgb, clicks=mark.clicks)
    found = cutout.painted(rgb, bare, mark.strokes) if mark.strokes else bare
    place = settings.STUDIO.cutouts / str(job.brand.slug)
    # What the brush paints on: a veil over all that does not stand, without the strokes.
    veil = 255 - cutout.mask(bare, rgb.shape[:2], VEIL)
    out = BytesIO()
    Image.merge("LA", [Image.new("L", veil.shape[::-1]), Image.fromarray(veil)]).save(out, "PNG")
    write_bytes(place / f"{photo.id}-veil.png", out.getvalue())
    out = BytesIO()
    Image.fromarray(found.rgba, "RGBA").save(out, "WEBP", quality=82, method=2)
    write_bytes(place / f"{photo.id}.webp", out.getvalue())
    return {
        "sure": found.confidence >= cutout.SURE, "why": found.why, "clicks": len(mark.clicks),
        "size": [found.rgba.shape[1], found.rgba.shape[0]],
    }  # fmt: skip


def study(job: Job, report: Report) -> dict[str, Any]:
    """Say anew what works, as `feedsmith learn` does: the brand's page of it shows the report."""
    from feedsmith.learning import works  # one job of many needs it

    report("Looking at what became of your posts", 0, 1, "")
    told = works.report(job.brand.home)
    return {"counted": told.posts, "left_out": sum(told.left_out.values())}


WORK: dict[str, Work] = {
    "generate": generate, "plan": plan, "import": take_in, "cutout": cut_out, "rework": rework,
    "words": offer_words, "layouts": offer_layouts, "study": study,
}  # fmt: skip
"""Kind of job -> what does it."""


def note(job: Job) -> None:
    """Who had what done, for the brand's activity; once, with the job's end."""
    told = job.result
    words = {
        "generate": ("generated", _count(told.get("posts", 0), "post")),
        "import": (
            "imported",
            f"{_count(told.get('photos_new', 0), 'photo')}, {_count(told.get('posts_new', 0), 'post')}",
        ),
    }.get(str(job.kind))
    if words is not None:
        Event.objects.create(brand=job.brand, person=job.person, verb=words[0], words=words[1])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
