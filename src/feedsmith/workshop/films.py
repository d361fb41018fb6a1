"""Films: a reel or a loop for one post, in the files that Instagram takes.

Knows which words and pictures go into which film; how it moves is film's.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedsmith import provenance
from feedsmith.captions.brief import Caption
from feedsmith.colour import from_hex, to_lab
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes
from feedsmith.film import gif, loop, reel, walk
from feedsmith.film.encode import Film
from feedsmith.film.reel import FORMAT as FULL
from feedsmith.images.api import Picture
from feedsmith.post import Medium
from feedsmith.understanding.traits import Traits
from feedsmith.workshop.designs import Designer, Page, parts_of
from feedsmith.workshop.media import Shelf
from feedsmith.workshop.order import Order
from feedsmith.workshop.pictures import least_new, sources_of

FILM, COVER, GIF = "01.mp4", "01.jpg", "01.gif"
MOODS = {"playful": "lively", "poetic": "calm", "minimal": "calm"}
"""Voice -> mood of a reel; else warm."""


def make(
    order: Order,
    pictures: Sequence[Picture],
    caption: Caption,
    designer: Designer,
    shelf: Shelf,
    name: str,
    music: Path | None = None,
    walked: NDArray[np.uint8] | None = None,
) -> tuple[Medium, ...]:
    """Write the film and its cover into the post's folder; returns what post.json says of it.
    `walked`: the frames of a walk (images.api.Walked): all of a loop, the first shot of a reel.

    Raises FeedsmithError where the pictures cannot become one, or the track cannot be read.
    """
    folder = shelf.out / name
    main = pictures[0]
    words: tuple[str, ...] = ()
    layout = "", ""
    method: str = main.method
    ground = min(designer.roles.paper, designer.roles.ink, key=lightness)
    if order.kind == "gif":
        height, width = main.rgb.shape[:2]
        moving: gif.Loop
        if walked is not None:
            moving = walk.dots(walked, width, height, ground)
            cover = moving.still
        else:
            (seen,) = designer.salient([main])
            moving = loop.frames(main.rgb, seen, order.seed, keywords=main.shows)
            cover, method = main.rgb, "loop"
        with Film(folder / FILM, width, height, moving.fps, loop=moving.count) as film:
            for frame in moving.frames():
                film.add_rgb(frame)
        gif.write(folder / GIF, moving, walk.GIF_WIDTH if walked is not None else gif.WIDTH)
        seconds = moving.count / moving.fps
    else:
        made = reel.make(
            folder / FILM, [p.rgb for p in pictures], _texts(order, caption, len(pictures)),
            closing=_closing(order, designer), roles=designer.roles, pair=designer.pair,
            run_seed=order.run_seed, turn=order.turn, music=music,
            mood=MOODS.get(designer.brand.voice, "warm"),
            saliency=designer.salient(pictures), keep=[designer.faces(p) for p in pictures],
            language=designer.brand.language,
            logo=designer.logo, extra=designer.home.templates, only=order.layout,
            walks={0: walk.dots(walked, FULL.width, FULL.height, ground)} if walked is not None else None,
        )  # fmt: skip
        cover, words, seconds, method = made.cover, made.text, made.duration, "film"
        layout = next(iter(made.layouts), layout)
    least = least_new(p.originality for p in pictures)
    sources = sources_of(pictures)
    page = Page(
        cover, words, method, sources, main.shows, least,
        template=layout[0], scheme=layout[1], parts=parts_of(pictures, method),
    )  # fmt: skip
    alt = shelf.alt_text(order, pictures, page, walked=walked is not None)
    stamp = shelf.stamp(order, page, alt)
    shelf.picture(name, COVER, cover, stamp)
    provenance.stamp_mp4(folder / FILM, stamp)
    shelf.sign(folder / FILM, stamp)
    if order.kind == "gif":
        write_bytes(folder / GIF, provenance.stamp_gif((folder / GIF).read_bytes(), stamp))
        shelf.sign(folder / GIF, stamp)
    return (
        Medium(
            file=FILM,
            width=cover.shape[1],
            height=cover.shape[0],
            alt_text=alt,
            method=method,
            sources=sources,
            parts=page.parts,
            originality=least,
            text=words,
            template=page.template,
            scheme=page.scheme,
            tone="photo",
            cover=COVER,
            also=(GIF,) if order.kind == "gif" else (),
            duration=round(seconds, 3),
        ),
    )


def lightness(colour: str) -> float:
    """OKLab lightness of #rrggbb, 0..100."""
    return float(to_lab(from_hex(colour))[0])


def _texts(order: Order, caption: Caption, shots: int) -> Sequence[str | Mapping[str, str]]:
    """The hook, then one line a shot."""
    hook = order.brief.headline or caption.headline
    offer = order.offer
    if offer:
        facts = {"headline": offer.name or offer.line, "price": offer.price, "was": offer.was}
        return [hook, {slot: words for slot, words in facts.items() if words}]
    return [hook, *caption.slides][:shots]


def _closing(order: Order, designer: Designer) -> dict[str, str]:
    """The card at the end."""
    call = order.offer.call
    return {
        "headline": call or designer.sign or designer.at,
        "cta": designer.at if designer.at != designer.sign else "",
    }


def moves(picture: Picture, seen: NDArray[np.float32], seed: int) -> bool:
    """True where something in the picture can move believably, not its light alone."""
    try:
        found = loop.frames(picture.rgb, seen, seed, keywords=picture.shows)
    except FeedsmithError:
        return False
    return found.motion != "light"


def can_move(traits: Mapping[str, Traits]) -> frozenset[str]:
    """Ids of the photos in which something can move believably, and no face would; empty where
    none can."""
    return frozenset(
        i for i, trait in traits.items() if loop.suits(trait.keywords) and not trait.faces
    )
