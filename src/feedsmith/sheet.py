"""The contact sheet of a run: one HTML page over its posts, for looking, copying and checking.

Knows posts as values and where their files lie; knows nothing of how they were made beyond what
post.json says. The page and its thumbnails load nothing from outside the run's folder.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import pages, rules
from feedsmith.brand import Brand, Palette
from feedsmith.design import faces, palette
from feedsmith.files import write_bytes, write_text
from feedsmith.post import METHODS, Credit, Medium, Post

RGB = NDArray[np.uint8]
NAME = "index.html"

_KINDS = {"gif": "Loop"}
"""Kinds whose name on the page is not their own."""
_TALL = ("story", "reel")


def write(
    run_dir: Path,
    posts: Sequence[Post],
    brand: Brand,
    *,
    sources: Mapping[str, RGB] | None = None,
    notes: Sequence[str] = (),
    roles: Palette | None = None,
    pair: faces.Pair | None = None,
) -> Path:
    """Write run_dir/index.html and run_dir/assets/; returns the page's path.

    Each post's files lie in run_dir/<post.id>/. `sources`: photo id -> RGB of any size, for the
    small pictures under "how it was made"; a missing id is left out. `notes`: sentences for the
    person (what was set aside, which model is missing). `roles`: the
    brand's complete palette, where its colours were learned. `pair`: its typefaces. Writing twice gives the same bytes.
    """
    assets = run_dir / "assets"
    look = roles or palette.complete(brand.palette)
    fonts = pages.put_fonts(assets, pair or faces.pair_for(0))
    thumbs = _source_thumbs(assets, posts, sources or {})
    shown = {post.id: _media_thumbs(run_dir, assets, post) for post in posts}
    feed = [post for post in posts if post.kind != "story"]
    stories = [post for post in posts if post.kind == "story"]
    title = f"{pages.counted(len(posts), 'new post').capitalize()} for {brand.name}"
    body = f"""<a class="skip" href="#posts">Skip to the posts</a>
<div class="page">
<header class="top"><span class="mark">{pages.avatar(brand)}<bdi>{escape(brand.name)}</bdi></span>
<span class="quiet small">Nothing is published yet</span></header>
<main>
<section class="hero">
<div>
<h1 class="display">{pages.counted(len(posts), "new post").capitalize()} for <span><bdi>{escape(brand.name)}</bdi></span></h1>
<p class="lead">{_lead(posts)}</p>
{_facts(posts)}
{_notes(notes)}
</div>
{_phone(brand, feed, stories, shown)}
</section>
<div id="posts">
{"".join(_post(brand, i, len(posts), post, shown[post.id], thumbs) for i, post in enumerate(posts))}
</div>
</main>
<footer class="foot small quiet"><span>Made on this machine with Feedsmith.</span>
<span>Each folder holds the pictures, caption.txt and post.json.</span></footer>
</div>"""
    page = run_dir / NAME
    write_text(page, pages.frame(title, look, fonts, "sheet.css", body, "sheet.js"))
    return page


class _Shown:
    """Where one medium and its two thumbnails lie, relative to the page."""

    def __init__(
        self, full: str, large: str, small: str, size: tuple[int, int], film: bool
    ) -> None:
        self.full, self.large, self.small, self.size, self.film = full, large, small, size, film


def _source_thumbs(
    assets: Path, posts: Sequence[Post], sources: Mapping[str, RGB]
) -> dict[str, str]:
    wanted = sorted(
        {
            photo
            for post in posts
            for photo in (*post.sources, post.originality.nearest)
            if photo in sources
        }
    )
    for photo in wanted:
        data, _ = pages.thumbnail(sources[photo], 136, 136)
        write_bytes(assets / f"source-{photo}.webp", data)
    return {photo: f"assets/source-{photo}.webp" for photo in wanted}


def _media_thumbs(run_dir: Path, assets: Path, post: Post) -> list[_Shown]:
    shown = []
    for i, medium in enumerate(post.media):
        with Image.open(run_dir / post.id / (medium.cover or medium.file)) as image:
            image.draft("RGB", (880, 880))
            rgb = np.asarray(image.convert("RGB"))
        stem = f"{post.id}-{i + 1}"
        data, size = pages.thumbnail(rgb, 880)
        write_bytes(assets / f"{stem}.webp", data)
        if i == 0:
            tile = (270, 337) if post.kind != "story" else (174, 174)
            data, _ = pages.thumbnail(rgb, *tile)
            write_bytes(assets / f"{stem}-small.webp", data)
        shown.append(
            _Shown(
                quote(f"{post.id}/{medium.file}"),
                quote(f"assets/{stem}.webp"),
                quote(f"assets/{stem}-small.webp"),
                size,
                film=bool(medium.cover),
            )
        )
    return shown


def _lead(posts: Sequence[Post]) -> str:
    used = len({photo for post in posts for photo in post.sources})
    if not posts:
        return "There is nothing here yet."
    return (
        f"Made from {pages.counted(used, 'photo')} of your own. Look through them, copy the caption "
        "of those you like, and post the picture that lies in the same folder."
    )


def _facts(posts: Sequence[Post]) -> str:
    new = sum(post.originality.label == "new" for post in posts)
    media = sum(len(post.media) for post in posts)
    films = sum(bool(medium.cover) for post in posts for medium in post.media)
    rows = [
        (str(len(posts)), "post" if len(posts) == 1 else "posts"),
        (str(media - films), "picture" if media - films == 1 else "pictures"),
        *([(str(films), "film" if films == 1 else "films")] if films else []),
        (str(new), "with a new picture" if new == 1 else "with new pictures"),
    ]
    return (
        '<dl class="facts">'
        + "".join(f"<div><dt>{what}</dt><dd>{number}</dd></div>" for number, what in rows)
        + "</dl>"
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return (
        '<ul class="notes small quiet">' + "".join(f"<li>{escape(n)}</li>" for n in notes) + "</ul>"
    )


def _handle(brand: Brand) -> str:
    return brand.handle.lstrip("@") or brand.name


_MANY = (
    '<svg viewBox="0 0 18 18" aria-hidden="true"><path fill="#fff" d="M6.5 1h8A2.5 2.5 0 0 1 17 3.5v8'
    "a2.5 2.5 0 0 1-2.5 2.5h-8A2.5 2.5 0 0 1 4 11.5v-8A2.5 2.5 0 0 1 6.5 1zM2.6 5.2v8A2.4 2.4 0 0 0 5 15.6h8"
    'c-.3.8-1.1 1.4-2 1.4H4.3A3.3 3.3 0 0 1 1 13.7V7c0-.9.7-1.6 1.6-1.8z"/></svg>'
)
"""The sign for several pictures, upper right on a tile."""
_FILM = (
    '<svg viewBox="0 0 18 18" aria-hidden="true"><path fill="#fff" d="M4 2.6v12.8c0 .8.9 1.3 1.6.9l10-6.4'
    'c.6-.4.6-1.3 0-1.7l-10-6.5C4.9 1.3 4 1.8 4 2.6z"/></svg>'
)
"""The sign for a film."""


def _phone(
    brand: Brand, feed: Sequence[Post], stories: Sequence[Post], shown: Mapping[str, list[_Shown]]
) -> str:
    rings = "".join(
        f'<a href="#{quote(p.id)}" aria-label="Story: {escape(p.alt_text)}">'
        + pages.picture(shown[p.id][0].small, (174, 174), "", lazy=False)
        + "</a>"
        for p in stories
    )
    tiles = "".join(
        f'<a href="#{quote(p.id)}">'
        + pages.picture(shown[p.id][0].small, (270, 337), p.alt_text, lazy=False)
        + (_MANY if len(p.media) > 1 else _FILM if p.media[0].cover else "")
        + "</a>"
        for p in feed
    )
    return f"""<div class="phone"><section class="screen" aria-label="How the profile will look">
<div class="profile"><div class="who">{pages.avatar(brand)}<div>
<div class="handle">{escape(_handle(brand))}</div>
<div class="numbers"><span><b>{len(feed)}</b> new {"post" if len(feed) == 1 else "posts"}</span><span><b>{len(stories)}</b> {"story" if len(stories) == 1 else "stories"}</span></div>
</div></div>{f'<div class="rings">{rings}</div>' if rings else ""}</div>
<div class="feed">{tiles}</div>
</section></div>"""


def _post(
    brand: Brand,
    index: int,
    count: int,
    post: Post,
    shown: list[_Shown],
    thumbs: Mapping[str, str],
) -> str:
    tags = " ".join(f"#{tag}" for tag in post.hashtags)
    whole = "\n\n".join(part for part in (post.caption, tags) if part)
    chips = "".join(f'<li class="chip"><bdi>#{escape(tag)}</bdi></li>' for tag in post.hashtags)
    kind = _KINDS.get(post.kind, post.kind.capitalize())
    return f"""<article class="post {escape(post.kind)}" id="{escape(post.id)}" aria-labelledby="{escape(post.id)}-title">
<div class="shown">{_card(brand, post, shown)}</div>
<div class="told">
<div class="count"><h2 class="display" id="{escape(post.id)}-title">{escape(kind)}</h2><span class="quiet small">{index + 1} of {count}</span></div>
<p class="caption" dir="auto">{escape(post.caption)}</p>
{f'<ul class="chips tags" aria-label="Hashtags">{chips}</ul>' if chips else ""}
<div class="actions"><button class="button" type="button" data-copy="{escape(whole)}">Copy caption</button>
<a class="button plain" href="{shown[0].full}" download>{_save(shown)}</a>{_also(post)}</div>
<dl class="made">{_made(post, shown, thumbs)}</dl>
</div>
</article>
"""


def _save(shown: list[_Shown]) -> str:
    if shown[0].film:
        return "Save film"
    return "Save picture" if len(shown) == 1 else "Save first picture"


def _also(post: Post) -> str:
    """Buttons for the same in other file formats."""
    return "".join(
        f'<a class="button plain" href="{quote(f"{post.id}/{file}")}" download>Save {escape(Path(file).suffix[1:].upper())}</a>'
        for medium in post.media
        for file in medium.also
    )


def _film(shown: _Shown, medium: Medium) -> str:
    """A loop plays by itself, without sound, as the app plays it; a reel waits for a tap."""
    width, height = shown.size
    looping = "autoplay loop muted" if medium.method == "loop" else "controls"
    return (
        f'<video src="{shown.full}" poster="{shown.large}" width="{width}" height="{height}" '
        f'aria-label="{escape(medium.alt_text)}" preload="none" playsinline {looping}></video>'
    )


def _card(brand: Brand, post: Post, shown: list[_Shown]) -> str:
    pictures = [
        _film(s, medium)
        if s.film
        else f'<a href="{s.full}">' + pages.picture(s.large, s.size, medium.alt_text) + "</a>"
        for s, medium in zip(shown, post.media, strict=True)
    ]
    if post.kind in _TALL:
        return f'<div class="card"><div class="one">{pictures[0]}</div></div>'
    head = (
        f"<header>{pages.avatar(brand)}<span>{escape(_handle(brand))}</span>"
        f"<span>{_ratio(post)}</span></header>"
    )
    if len(pictures) == 1:
        return f'<div class="card">{head}<div class="one">{pictures[0]}</div><div class="below"></div></div>'
    slides = "".join(
        f'<li aria-label="Picture {i + 1} of {len(pictures)}">{picture}</li>'
        for i, picture in enumerate(pictures)
    )
    dots = "".join("<i></i>" for _ in pictures)
    return (
        f'<div class="card">{head}<ul class="slides" tabindex="0" aria-label="Pictures, swipe sideways">'
        f'{slides}</ul><div class="dots" aria-hidden="true">{dots}</div></div>'
    )


def _ratio(post: Post) -> str:
    size = rules.FORMATS.get(post.format)
    return f"{size.width} × {size.height}" if size else escape(post.format)


def _made(post: Post, shown: list[_Shown], thumbs: Mapping[str, str]) -> str:
    rows = [
        ("How it was made", _how(post) + _sources(post, thumbs)),
        ("How new it is", _originality(post)),
    ]
    alts = [medium.alt_text for medium in post.media if medium.alt_text] or [post.alt_text]
    if len(alts) == 1:
        rows.append(("Alt text", f"<bdi>{escape(alts[0])}</bdi>"))
    else:
        rows.append(
            (
                "Alt text",
                "<ol>" + "".join(f'<li dir="auto">{escape(alt)}</li>' for alt in alts) + "</ol>",
            )
        )
    if post.credits:
        rows.append(("Credits", "<br>".join(_credit(credit) for credit in post.credits)))
    models = ", ".join(f"{role}: {name}" for role, name in post.models.items())
    technical = f"Seed {post.seed}" + (f". {models}" if models else "")
    rows.append(
        (
            "To make it again",
            f"<details><summary>Seed and models</summary>{escape(technical)}</details>",
        )
    )
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)


def _how(post: Post) -> str:
    said: list[str] = []
    for medium in post.media:
        line = METHODS.get(medium.method, _sentence(medium.method))
        if line and line not in said:
            said.append(line)
    text = " ".join(said) or _sentence(post.provenance)
    return f"<p>{escape(text)}</p>"


def _sentence(words: str) -> str:
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if not words or words[-1] in ".!?" else ".")


def _sources(post: Post, thumbs: Mapping[str, str]) -> str:
    known = [photo for photo in post.sources if photo in thumbs]
    if not known:
        return ""
    pictures = "".join(
        f"<li>{pages.picture(quote(thumbs[photo]), (136, 136), f'Photo {i + 1} it was made from')}</li>"
        for i, photo in enumerate(known)
    )
    return f'<ul class="sources">{pictures}</ul>'


def _originality(post: Post) -> str:
    found = post.originality
    if found.label == "new":
        badge, words = "new", "A picture that is not in your library."
    else:
        badge, words = "", "Shows your photo as it is, cut, set or edited."
    area, whole = round(found.copied_area * 100), round(found.copied_total * 100)
    drawn = post.source_type == "trainedAlgorithmicMedia"
    pieces, moved = ("looks like pieces", "") if drawn else ("is pieces", ", moved")
    detail = (
        f" Its largest piece in common with one photo covers {area} % of it"
        + (f"; {whole} % {pieces} of your photos{moved}." if found.label == "new" else ".")
        if found.nearest
        else " There was no library photo to compare it with."
    )
    label = "New" if found.label == "new" else "Edited photo"
    return f'<span class="badge {badge}">{label}</span>{escape(words + detail)}'


def _credit(credit: Credit) -> str:
    text = escape(credit.text)
    if credit.source_url.startswith(("https://", "http://")):
        text = f'<a href="{escape(credit.source_url)}" rel="noreferrer noopener">{text}</a>'
    return text
