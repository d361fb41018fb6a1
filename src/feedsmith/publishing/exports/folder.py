"""Folder and zip: everything that is needed to post by hand, on a phone or at another desk.

A folder a post, named by its place and its day: the files as they are, caption.txt, alt-text.txt; and one page,
index.html, to look at them and copy from. The page loads nothing from anywhere else.
"""

import re
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from feedsmith import pages
from feedsmith.brand import Home
from feedsmith.design import faces, palette
from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable, made, write_text, writing
from feedsmith.kit import typefaces
from feedsmith.publishing.exports.api import Delivered, Delivery
from feedsmith.publishing.outgoing import Outgoing, Part

PAGE = "index.html"
_STAMP = (1980, 1, 1, 0, 0, 0)
"""Time of a zip's entries: the same posts give the same bytes."""


class Folder:
    """A folder with all posts. A Publisher."""

    what = "a folder with each post's files, its words, and a page to copy from"
    suffix = ""

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        target = to.target
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise FeedsmithError(
                f"{target}: is there already, perhaps with things of yours in it",
                mend="name another folder with --out, or move that one away",
            )
        made(target.parent)
        check_writable(target.parent)
        part = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
        try:
            for number, (name, source) in enumerate(_contents(posts, to)):
                to.report("Exporting", number, 0, name)
                if isinstance(source, Path):
                    file = made((part / name).parent) / Path(name).name
                    with source.open("rb") as stream, file.open("wb") as out:
                        shutil.copyfileobj(stream, out, 1 << 20)
                else:
                    write_text(part / name, source)
            pages.put_fonts(part / "assets", _pair(to))
            if target.exists():
                target.rmdir()
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return Delivered(len(posts), (target / PAGE, target))


class Zip:
    """The same in one file. A Publisher."""

    what = "the same in one zip file"
    suffix = ".zip"

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        with (
            writing(to.target) as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive,
        ):
            # Stored, not deflated: JPEG and MP4 do not get smaller.
            for number, (name, source) in enumerate(_contents(posts, to)):
                to.report("Exporting", number, 0, name)
                entry = zipfile.ZipInfo(name, _STAMP)
                entry.external_attr = 0o644 << 16
                if isinstance(source, Path):
                    entry.file_size = source.stat().st_size
                    with source.open("rb") as file, archive.open(entry, "w") as out:
                        shutil.copyfileobj(file, out, 1 << 20)
                else:
                    archive.writestr(entry, source)
            for name, font in pages.font_files(_pair(to)).items():
                archive.write(font, f"assets/{name}.font")
        return Delivered(len(posts), (to.target,))


def _contents(posts: Sequence[Outgoing], to: Delivery) -> Iterator[tuple[str, Path | str]]:
    """(name in the export, file or text)."""
    names = folders(posts, to.brand.time_zone)
    for post, folder in zip(posts, names, strict=True):
        for part, name in zip(post.parts, file_names(post), strict=True):
            yield f"{folder}/{name}", part.path
            if part.cover is not None and part.cover.is_file():
                yield f"{folder}/{Path(name).stem}-cover{part.cover.suffix.lower()}", part.cover
        yield f"{folder}/caption.txt", post.text + "\n"
        yield f"{folder}/alt-text.txt", _alt_texts(post)
    yield PAGE, page(posts, names, to)


def folders(posts: Sequence[Outgoing], zone: str) -> list[str]:
    """A name for each post's folder: its place, its day where it has one, its id. Unique, and fit for every
    file system."""
    width = max(2, len(str(len(posts))))
    found = []
    for number, post in enumerate(posts, 1):
        day = f"{local(post.at, zone):%Y-%m-%d}-" if post.at else ""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", post.id).strip("-")[:60] or "post"
        found.append(f"{number:0{width}d}-{day}{plain}")
    return found


def file_names(post: Outgoing) -> list[str]:
    """Names of its files in their order: 01.jpg, 02.mp4 ..."""
    return [f"{n:02d}{part.path.suffix.lower()}" for n, part in enumerate(post.parts, 1)]


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)) if at.tzinfo else at


def _pair(to: Delivery) -> faces.Pair:
    """The brand's typefaces; the first that we ship where its own cannot be read."""
    try:
        return typefaces.of(to.brand, Home(to.home))
    except FeedsmithError:
        return faces.pair_for(0)


def _alt_texts(post: Outgoing) -> str:
    rows = [
        f"{name}: {part.alt_text.strip() or '(none)'}"
        for name, part in zip(file_names(post), post.parts, strict=True)
    ]
    return "\n\n".join(rows) + "\n"


def page(posts: Sequence[Outgoing], names: Sequence[str], to: Delivery) -> str:
    """The page: each post with its pictures, what to paste, and when."""
    brand = to.brand
    title = f"{pages.counted(len(posts), 'post').capitalize()} of {brand.name}"
    fonts = {name: f"assets/{name}.font" for name in pages.font_files(_pair(to))}
    rows = "".join(
        _post(post, folder, brand.time_zone, brand.name)
        for post, folder in zip(posts, names, strict=True)
    )
    body = f"""<a class="skip" href="#posts">Skip to the posts</a>
<div class="page">
<header class="top"><span class="mark">{pages.avatar(brand)}<bdi>{escape(brand.name)}</bdi></span>
<span class="quiet small">To post by hand</span></header>
<main>
<h1 class="display">{escape(title)}</h1>
<p class="lead">Save the pictures, copy the caption, paste it in the app. Times are those of {escape(brand.time_zone)}.</p>
<div id="posts">{rows}</div>
</main>
<footer class="foot small quiet"><span>Each folder holds the files, caption.txt and alt-text.txt.</span></footer>
</div>"""
    return pages.frame(
        title, palette.complete(brand.palette), fonts, "contact.css", body, "sheet.js"
    )


def _post(post: Outgoing, folder: str, zone: str, brand: str) -> str:
    when = f"{local(post.at, zone):%A %d %B %Y, %H:%M}" if post.at else "No time set"
    files = "".join(
        f"<li>{_shown(part, f'{quote(folder)}/{quote(name)}')}"
        f"{_alt(part)}<a class='small' href='{quote(folder)}/{quote(name)}' download>Save {escape(name)}</a></li>"
        for part, name in zip(post.parts, file_names(post), strict=True)
    )
    kind = escape((post.kind or post.form).capitalize())
    caption = escape(post.text)
    copy = (
        f'<button class="button" type="button" data-copy="{caption}">Copy caption</button>'
        if caption
        else ""
    )
    return f"""<article class="out" aria-labelledby="{escape(folder)}">
<div><h2 class="display" id="{escape(folder)}">{kind}</h2>
<p class="quiet">{escape(when)}</p>
<p class="words" dir="auto">{caption or "This post has no caption."}</p>
{copy}</div>
<ul class="files">{files}</ul>
</article>"""


def _shown(part: Part, address: str) -> str:
    alt = escape(part.alt_text)
    if part.is_film:
        return f'<video src="{address}" controls preload="metadata" aria-label="{alt}"></video>'
    return f'<img src="{address}" alt="{alt}" loading="lazy" decoding="async">'


def _alt(part: Part) -> str:
    if not part.alt_text.strip():
        return ""
    text = escape(part.alt_text)
    return (
        f'<p class="small quiet" dir="auto">{text}</p>'
        f'<button class="button plain" type="button" data-copy="{text}">Copy alt text</button>'
    )
