"""Changing a finished post: another cut, another template, another picture, other words. The worker makes
what is asked for; here it is chosen, and seen to come.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe
from PIL import Image

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.post import Crop, Part, Post, Shot
from feedsmith.runs import Folder
from feedsmith.studio import asked, shelf, states
from feedsmith.studio.models import Brand, Draft, Job
from feedsmith.studio.models.drafts import Conflict
from feedsmith.studio.models.jobs import ACTIVE
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.media import WIDTHS, small
from feedsmith.studio.pages.post import media_of, of_brand, whole
from feedsmith.studio.pages.versions import (
    ask,
    ask_layouts,
    ask_words,
    changing,
    layouts_of,
    on_picture,
    state_of,
    take_words,
    words_of,
)

ENLARGED_MAX = 1.5
"""A picture is enlarged at most so much (images.crop.BLOW_UP_MAX, which the server does not load)."""
FRAMED_MIN = 240
"""Pixels of the width from which a photo may stand in a frame of a layout."""
ZOOM_MAX = 4.0
A_PAGE = 60
"""Photos to choose from, on one page."""
SCHEMES = {
    "paper": "on paper", "white": "on white", "tint": "on a tint", "ink": "on ink",
    "accent": "in the first colour", "second": "in the second colour", "picture": "on the picture", "": "",
}  # fmt: skip
"""Scheme -> how a page says it."""


# ---- a crop, and what it is a part of --------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """What a picture of a post is cut from, and how far."""

    width: int
    height: int
    address: str
    """Of a small one for the page."""
    of_photo: bool
    """True where it is a photo of the library."""
    full: tuple[float, float]
    """Width and height of the largest frame, as shares."""
    zoom_max: float
    crop: Crop
    """As it is cut now."""
    least: str
    """The limit in words."""

    @property
    def zoom(self) -> float:
        return min(self.zoom_max, max(1.0, self.full[0] / self.crop.width))

    @property
    def zoom_max_percent(self) -> int:
        return math.floor(100 * self.zoom_max)

    @property
    def zoom_percent(self) -> int:
        return round(100 * self.zoom)

    @property
    def x_percent(self) -> str:
        return _percent(self.crop.x)

    @property
    def y_percent(self) -> str:
        return _percent(self.crop.y)

    @property
    def focus_x_percent(self) -> str:
        return "" if self.crop.focus_x is None else _percent(self.crop.focus_x)

    @property
    def focus_y_percent(self) -> str:
        return "" if self.crop.focus_y is None else _percent(self.crop.focus_y)

    def misfit(self, crop: Crop) -> str:
        """Why this part of it cannot be the picture; '' where it can."""
        if crop.x + crop.width > 1.002 or crop.y + crop.height > 1.002:
            return "this part goes beyond the picture"
        if abs(crop.width / crop.height * self.full[1] / self.full[0] - 1) > 0.02:
            return (
                "this part has not the picture's shape: its width must be "
                f"{self.full[0] / self.full[1]:.4f} times its height, as shares"
            )
        if self.full[0] / crop.width > self.zoom_max * 1.01:
            return f"this part would be enlarged too much: {self.least.lower()}"
        return ""

    def framed(self, x: float, y: float, zoom: float, focus: tuple[float, float] | None) -> Crop:
        """The frame of this zoom with its corner there, kept inside; its shape is the picture's."""
        zoom = min(max(zoom, 1.0), self.zoom_max)
        width, height = self.full[0] / zoom, self.full[1] / zoom
        left, top = min(max(x, 0.0), 1 - width), min(max(y, 0.0), 1 - height)
        focus_x, focus_y = focus if focus is not None else (None, None)
        return Crop(
            x=round(max(left, 0.0), 5), y=round(max(top, 0.0), 5), width=round(width, 6),
            height=round(height, 6), focus_x=focus_x, focus_y=focus_y,
        )  # fmt: skip


def base_of(draft: Draft, post: Post, number: int) -> Base:
    """What picture `number`, from 1, of a post is cut from. Raises Http404 where it has none of that
    number, FeedsmithError where its file is gone."""
    shot = _shot(post, number)
    photo = (
        shelf.known(draft.brand.home.library).get(shot.sources[0]) if shot.is_of_a_photo else None
    )
    slug = draft.brand.slug
    if photo is not None:
        width, height, address = photo.width, photo.height, f"/photo/{slug}/960/{photo.id}"
    else:
        file = shot.base or shot.file
        width, height = _size(draft.brand.home.posts / draft.folder / file)
        address = f"/b/{slug}/posts/{draft.pk}/shot/{number}/960?base=1&of={draft.folder}"
    ratio = shot.width / shot.height
    full = min(1.0, height * ratio / width), min(1.0, width / ratio / height)
    if shot.method == "layout":
        zoom_max = min(ZOOM_MAX, full[0] * width / FRAMED_MIN)
        least = (
            "It stands in a frame of the template, which says so where a part is too small for it."
        )
    else:
        zoom_max = min(ZOOM_MAX, full[0] * width * ENLARGED_MAX / shot.width)
        least = (
            f"At most {ENLARGED_MAX:g} times enlarged, or it looks soft on a phone: at least "
            f"{math.ceil(shot.width / ENLARGED_MAX)} × {math.ceil(shot.height / ENLARGED_MAX)} pixels of "
            f"{width} × {height}."
        )
    now = shot.crop
    if now is None and shot.window is not None and photo is not None:
        left, top, right, bottom = shot.window
        now = Crop(x=left, y=top, width=max(1e-3, right - left), height=max(1e-3, bottom - top))
    if now is None:
        now = Crop(x=(1 - full[0]) / 2, y=(1 - full[1]) / 2, width=full[0], height=full[1])
    return Base(width, height, address, photo is not None, full, max(1.0, zoom_max), now, least)


@lru_cache(maxsize=64)
def _size(path: Path) -> tuple[int, int]:
    """Width and height of a file of a post, which never changes."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise FeedsmithError(
            "a file of this post cannot be read", mend="restore it from a backup"
        ) from error


def _shot(post: Post, number: int) -> Shot:
    shots = post.making.shots if post.making is not None else ()
    if not 1 <= number <= len(shots):
        raise Http404
    return shots[number - 1]


# ---- the pages ---------------------------------------------------------------------------------


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def crop(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """A frame on the picture, and the point that must stay in view. POST: `x`, `y` (left and upper edge,
    percent), `zoom` (percent of the largest frame's), `focus_x`, `focus_y` (percent, or empty)."""
    draft, post = _of(brand, number)
    at = _chosen(request, post)
    if post is not None and post.fixed("crop", at) and "picture" not in request.GET:
        at = next((n for n, _ in enumerate(_shots(post), 1) if not post.fixed("crop", n)), at)
    if post is None or (why := post.fixed("crop", at)):
        return _page(request, draft, post, "crop", **({"fixed": why} if post is not None else {}))
    base = base_of(draft, post, at)
    if request.method == "POST":
        form = request.POST
        focus = (
            (_share(form, "focus_x"), _share(form, "focus_y"))
            if form.get("focus_x", "").strip() and form.get("focus_y", "").strip()
            else None
        )
        zoom = _figure(form, "zoom", 100.0, 100.0 * ZOOM_MAX * 2) / 100
        wanted = base.framed(_share(form, "x"), _share(form, "y"), zoom, focus)
        which = f" {at}" if len(_shots(post)) > 1 else ""
        return _asked(
            request, draft, post, "crop", f"picture{which} cut anew", picture=at, crop=wanted.model_dump()
        )  # fmt: skip
    bare = post.kind in ("photo", "gif") and not post.media[0].template
    return _page(request, draft, post, "crop", base=base, at=at, bare=bare, shot=_shot(post, at))


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def template(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """The post in each template that takes it, as the worker sets them. POST: `layout`, "name scheme"."""
    draft, post = _of(brand, number)
    if post is None or post.fixed("template"):
        return _page(request, draft, post, "template")
    if request.method == "POST":
        if request.POST.get("look"):
            ask_layouts(draft, request.user)
            return _see_other(f"{_here(draft)}/template")
        name, _, scheme = request.POST.get("layout", "").partition(" ")
        return _asked(
            request, draft, post, "template", f"template {in_words(name).lower()} {SCHEMES.get(scheme, scheme)}".strip(),
            template=name[:80], scheme=scheme[:20],
        )  # fmt: skip
    job = layouts_of(draft)
    if job is None and draft.stands in states.EDITABLE and changing(draft) is None:
        job = ask_layouts(draft, request.user)
    layouts = layouts_shown(draft, job)
    bones = range(max(1, 6 - len(layouts)))
    return _page(request, draft, post, "template", job=job, layouts=layouts, bones=bones)


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def picture(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """Photos of the library to choose from, those that must never be used left out; ?q= searches. POST:
    `photo`, its id, or `again`."""
    draft, post = _of(brand, number)
    at = _chosen(request, post)
    if post is None or post.fixed("picture"):
        return _page(request, draft, post, "picture")
    which = f" {at}" if len(_shots(post)) > 1 else ""
    if request.method == "POST":
        if request.POST.get("again"):
            return _asked(
                request, draft, post, "picture", f"another picture{which} from the same photos",
                picture=at, again=True,
            )  # fmt: skip
        found = request.POST.get("photo", "")
        if not any(item.id == found for item in usable(brand)):
            raise FeedsmithError(
                "this is no photo of the library that may be used", mend="choose another one"
            )
        return _asked(
            request, draft, post, "picture", f"another photo{which}", picture=at, photo=found
        )  # fmt: skip
    q = request.GET.get("q", "")[:100]
    items = shelf.chosen(usable(brand), shelf.Asked(q=q))
    page = Paginator(items, A_PAGE).get_page(request.GET.get("page"))

    def turned(by: int) -> str:
        asked = {"picture": at, "q": q, "page": page.number + by}
        return f"{_here(draft)}/picture?{urlencode({k: v for k, v in asked.items() if v})}"

    shot = _shot(post, at)
    return _page(
        request, draft, post, "picture", at=at, q=q, page=page, newer=turned(-1), older=turned(1),
        now=shot.sources[0], may_again=shot.method != "layout", found=len(items),
    )  # fmt: skip


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def words(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """Three other wordings to choose from. POST: `find` looks for others; `job` and `candidate` take one."""
    draft, post = _of(brand, number)
    if post is None or post.fixed("words"):
        return _page(request, draft, post, "words")
    if request.method == "POST":
        if request.POST.get("find"):
            latest = words_of(draft)
            if latest is None or latest.state not in ACTIVE:
                ask_words(draft, request.user)
            return _see_other(f"{_here(draft)}/words")
        offered = Job.objects.filter(
            brand=brand, kind="words", args__draft=draft.pk, state="done",
            pk=_whole_number(request.POST.get("job", "")),
        ).first()  # fmt: skip
        at = _whole_number(request.POST.get("candidate", ""))
        rows = offered.result.get("words", []) if offered is not None else []
        if not 1 <= at <= len(rows):
            raise FeedsmithError("these words are not offered any more", mend="look for others")
        return _taken(request, draft, post, rows[at - 1])
    job = words_of(draft)
    offered = job.result.get("words", []) if job is not None else []
    return _page(
        request, draft, post, "words", job=job, offered=[(row, on_picture(post, row)) for row in offered]
    )  # fmt: skip


@for_members("reviewer")
@require_safe
def status(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """What is being made of this post: a fragment. ?version= is the one that the page shows."""
    draft = of_brand(brand, number)
    seen = _whole_number(request.GET.get("version", ""))
    return render(request, "studio/parts/reworking.html", state_of(draft, seen))


@for_members("editor")
@require_safe
def shot(request: HttpRequest, brand: Brand, number: int, shot: int, width: int) -> HttpResponse:
    """A small WebP of a picture before words were set on it; with ?base=1 of what it is cut from."""
    draft, post = _of(brand, number)
    if post is None or width not in WIDTHS:
        raise Http404
    found = _shot(post, shot)
    file = (found.base if request.GET.get("base") else "") or found.file
    path = brand.home.posts / draft.folder / file
    inside = path.resolve().is_relative_to(brand.home.posts.resolve() / draft.folder)
    if not file or not inside or not path.is_file():
        raise Http404
    kept = settings.STUDIO.thumbnails / brand.slug / draft.folder / f"{path.stem}-{width}.webp"
    return small(path, kept, width)


@for_members("editor")
@require_safe
def preview(request: HttpRequest, brand: Brand, number: int, layout: str) -> HttpResponse:
    """The post in one of the templates that it could have ("name.scheme"), as the worker set it."""
    draft = of_brand(brand, number)
    job = layouts_of(draft)
    name, _, scheme = layout.partition(".")
    path = _previews(draft) / f"{name}.{scheme}.webp"
    if job is None or not path.resolve().is_relative_to(_previews(draft).resolve()):
        raise Http404
    try:
        response = HttpResponse(path.read_bytes(), content_type="image/webp")
    except OSError as error:
        raise Http404 from error
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


# ---- what they have in common --------------------------------------------------------------------


def layouts_shown(draft: Draft, job: Job | None) -> list[dict[str, Any]]:
    """The templates that the worker has set so far: name, scheme, words, whether there is a picture, and
    whether the post has it now."""
    if job is None:
        return []
    post = draft.post
    first = post.media[0] if post is not None and post.media else None
    chosen = post.making.layout if post is not None and post.making is not None else ("", "")
    now = (first.template, first.scheme) if first is not None and not any(chosen) else chosen
    if (
        draft.kind == "carousel" and post is not None and not any(chosen)
    ):  # they are told by families
        schemes = [medium.scheme for medium in post.media if medium.scheme != "picture"]
        now = now[0].rpartition("-")[0], next(iter(schemes), "")
    found = job.result.get("layouts")
    if found is None:
        files = sorted(_previews(draft).glob("*.webp"), key=lambda path: path.stat().st_mtime_ns)
        found = [path.stem.split(".", 1) for path in files]
    return [
        {
            "value": f"{name} {scheme}", "file": f"{name}.{scheme}", "words": in_words(name),
            "scheme": SCHEMES.get(scheme, scheme), "now": (name, scheme) == tuple(now),
            "picture": (_previews(draft) / f"{name}.{scheme}.webp").is_file(),
        }
        for name, scheme in found
    ]  # fmt: skip


def in_words(template_: str) -> str:
    """ "Quote card" for "quote-card"."""
    return template_.replace("-", " ").replace("_", " ").strip().capitalize()


def usable(brand: Brand) -> list[shelf.Item]:
    """Photos of the library that a post may be made from."""
    return [item for item in shelf.items(brand.home.library) if not item.mark.never]


def _previews(draft: Draft) -> Path:
    place: Path = settings.STUDIO.previews / draft.brand.slug / draft.folder
    return place


def _of(brand: Brand, number: int) -> tuple[Draft, Post | None]:
    draft = of_brand(brand, number)
    return draft, Folder(brand.home.posts).post(str(draft.folder))


def _shots(post: Post) -> tuple[Shot, ...]:
    return post.making.shots if post.making is not None else ()


def _chosen(request: HttpRequest, post: Post | None) -> int:
    """Which of the pictures is meant: ?picture=2, the first else."""
    at = _whole_number(request.GET.get("picture") or request.POST.get("picture") or "1")
    return at if post is not None and 1 <= at <= len(_shots(post)) else 1


def _asked(
    request: HttpRequest, draft: Draft, post: Post, part: Part, what: str, **change: Any
) -> HttpResponse:
    """Ask for it, and go to the post's page, which shows how it comes; where the post was changed since
    the form was made, here again with the post as it is now (409)."""
    version = _whole_number(request.POST.get("version", ""))
    try:
        ask(draft, request.user, request.role, version, what, **change)
    except Conflict:
        return _changed(request, part, draft)
    return _see_other(_here(draft))


def _taken(request: HttpRequest, draft: Draft, post: Post, row: dict[str, Any]) -> HttpResponse:
    version = _whole_number(request.POST.get("version", ""))
    try:
        take_words(draft, post, row, request.user, request.role, version)
    except Conflict:
        return _changed(request, "words", draft)
    return _see_other(_here(draft))


def _changed(request: HttpRequest, part: Part, draft: Draft) -> HttpResponse:
    latest = draft.revisions.select_related("person").order_by("-number").first()
    who = latest.person.name if latest is not None and latest.person is not None else "Somebody"
    if who == request.user.name:
        who = "You"
    said = {
        "who": who, "draft": draft, "here": _here(draft), "part": part, "media": media_of(draft),
        "whole": whole(draft),
    }  # fmt: skip
    return render(request, "studio/changed.html", said, status=409)


def _page(
    request: HttpRequest, draft: Draft, post: Post | None, part: Part, **more: Any
) -> HttpResponse:
    shots = _shots(post) if post is not None else ()
    slug = draft.brand.slug
    size = rules.FORMATS[draft.format]
    said = {
        "draft": draft, "post": post, "here": _here(draft), "part": part, "media": media_of(draft),
        "fixed": post.fixed(part) if post is not None else "Its files are not in its folder any more.",
        "may": draft.stands in states.EDITABLE, "busy": changing(draft), "size": size,
        "shots": [
            {
                "number": number,
                "address": f"/b/{slug}/posts/{draft.pk}/shot/{number}/240?of={draft.folder}"
                if shot.file
                else f"/photo/{slug}/240/{shot.sources[0]}",
            }
            for number, shot in enumerate(shots, start=1)
        ],
        **more,
    }  # fmt: skip
    return render(request, f"studio/rework_{part}.html", said)


def _here(draft: Draft) -> str:
    return f"/b/{draft.brand.slug}/posts/{draft.pk}"


def _see_other(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def _whole_number(words_: str) -> int:
    """A number of a form; 0 where it is none."""
    return asked.number(words_) or 0


def _share(form: Any, name: str) -> float:
    return _figure(form, name, 0.0, 100.0) / 100


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".")


def _figure(form: Any, name: str, least: float, most: float) -> float:
    """A number between these. Raises FeedsmithError for what is none."""
    try:
        value = float(form.get(name, "").replace(",", ".") or least)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FeedsmithError("a crop is said in numbers", mend="write percentages, such as 12.5")
    return min(max(value, least), most)
