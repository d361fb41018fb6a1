"""Pictures and films of posts: only those that a post names, typed by us, sized for the page.

Nothing of a request ever becomes a path: names are looked up among those that post.json and the
library name. Thumbnails are WebP, kept under the studio's home.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from PIL import Image, ImageOps

from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes
from feedsmith.runs import Folder
from feedsmith.studio.models import Brand
from feedsmith.studio.pages.access import for_members

KINDS = {".jpg": "image/jpeg", ".mp4": "video/mp4", ".gif": "image/gif", ".webp": "image/webp"}
HEIF = (".heic", ".heif")
"""Phones' photos; what reads them is loaded with the first one."""
WIDTHS = (240, 480, 960)
"""Pixels of thumbnails; a page asks for one of these."""
QUALITY = 78
AT_ONCE = threading.Semaphore(2)
"""Thumbnails made at the same time: each holds a whole picture in memory, about 6 MB."""
CHUNK = 1 << 18
KEPT = "private, max-age=31536000, immutable"
"""A post's file never changes: another picture is another folder."""


@for_members("reviewer")
@require_safe
def medium(request: HttpRequest, brand: Brand, folder: str, file: str) -> HttpResponseBase:
    """A file of a post as it is; films in the parts that players ask for. ?download=1 saves it."""
    return whole(request, brand, folder, file)


def whole(request: HttpRequest, brand: Brand, folder: str, file: str) -> HttpResponseBase:
    """The same for somebody who was let in already."""
    path = of_post(brand, folder, file)
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise Http404
    response = in_parts(request, path, kind)
    response.headers["Cache-Control"] = KEPT
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if request.GET.get("download"):
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{brand.slug}-{folder}-{file}"'
        )
    return response


@for_members("reviewer")
@require_safe
def thumbnail(
    request: HttpRequest, brand: Brand, folder: str, file: str, width: str
) -> HttpResponseBase:
    """A small WebP of a picture, or of a film's still."""
    return shown(brand, folder, file, width)


def shown(brand: Brand, folder: str, file: str, width: str) -> HttpResponse:
    """The same for somebody who was let in already."""
    if int(width) not in WIDTHS:
        raise Http404
    path = of_post(brand, folder, file)
    kept = settings.STUDIO.thumbnails / brand.slug / folder / f"{path.stem}-{width}.webp"
    return small(path, kept, int(width))


def of_post(brand: Brand, folder: str, file: str) -> Path:
    """The path of a file that a whole post names. Raises Http404 for all else."""
    post = Folder(brand.home.posts).post(folder) if re.fullmatch(r"[\w.-]+", folder) else None
    if post is None or post.id != folder or not any(file in m.files for m in post.media):
        raise Http404
    path = brand.home.posts / folder / file
    inside = path.resolve().is_relative_to(brand.home.posts.resolve() / folder)
    if not inside or not path.is_file():
        raise Http404
    return path


def small(path: Path, kept: Path, width: int) -> HttpResponse:
    """The thumbnail of a picture file, made once and kept at `kept`."""
    try:
        data = kept.read_bytes()
        if kept.stat().st_mtime_ns < path.stat().st_mtime_ns:
            raise FileNotFoundError
    except FileNotFoundError:
        with AT_ONCE:
            data = shrunk(path, width)
        with contextlib.suppress(FeedsmithError):  # a full disk must not hide what is there
            write_bytes(kept, data)
    response = HttpResponse(data, content_type="image/webp")
    response.headers["Cache-Control"] = KEPT
    return response


def shrunk(path: Path, width: int) -> bytes:
    """A picture as WebP, at most `width` pixels wide. Raises Http404 where it is none."""
    if path.suffix.lower() in HEIF:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    try:
        with Image.open(path) as image:
            image.draft("RGB", (width * 2, width * 4))  # JPEG: a quarter of the pixels, decoded so
            upright = ImageOps.exif_transpose(image)
            if upright.width > width:
                size = (width, max(1, round(upright.height * width / upright.width)))
                upright = upright.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
            out = BytesIO()
            upright.convert("RGB").save(out, "WEBP", quality=QUALITY, method=4)
            return out.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Http404 from error


def in_parts(request: HttpRequest, path: Path, kind: str) -> HttpResponseBase:
    """The file, or the one range of it that is asked for (RFC 9110, 14.2); never all of it in memory."""
    asked = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", request.headers.get("Range", ""))
    size, start, end, status = path.stat().st_size, 0, path.stat().st_size - 1, 200
    if asked is not None and asked.groups() != ("", ""):
        first, last = asked.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last), end) if first and last else end
        if start >= size or end < start:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        status = 206
    response = StreamingHttpResponse(_part(path, start, end + 1), status=status, content_type=kind)
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    response.headers["Content-Length"] = str(end + 1 - start)
    response.headers["Accept-Ranges"] = "bytes"
    return response


async def _part(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as stream:
        stream.seek(start)
        while start < stop:
            data = await asyncio.to_thread(stream.read, min(CHUNK, stop - start))
            if not data:
                return
            start += len(data)
            yield data
