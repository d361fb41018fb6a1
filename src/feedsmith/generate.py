"""Generate: a brand's library -> a run of new posts, one folder each, and a contact sheet.

The stage knows the image model, the caption writer, the designs and the originality gate; it
knows no terminal and no page. A run is named by everything that decides its content (library,
settings, seed, models), so the same command finds its own finished posts and goes on from there.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

import feedsmith
from feedsmith import memory, rules, sheet
from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError
from feedsmith.library import Library
from feedsmith.post import KINDS, Kind, Post
from feedsmith.progress import Report, silent
from feedsmith.runs import Folder, Run
from feedsmith.understanding import traits as understanding
from feedsmith.workshop import Order, Workshop

WEEK: tuple[Kind, ...] = ("photo", "quote", "photo", "carousel", "photo", "story", "photo")
"""A week of posts when no kind is asked for; with an offer the second photo becomes a promo."""


FEED_FORMATS = ("portrait", "square")
"""Every layout takes these; landscape pictures are small in a feed."""


@dataclass(frozen=True)
class Settings:
    """What the caller asks for. `seed=None` means the next one that the folder has not used."""

    count: int = 7
    kind: str = ""
    theme: str = ""
    offer: str = ""
    seed: int | None = None
    images: str = "remix"
    format: str = "portrait"
    """Of feed posts: portrait or square. Stories are 9:16, carousels portrait."""


@dataclass(frozen=True)
class Result:
    """What a run gave."""

    page: Path
    """The contact sheet."""
    posts: tuple[Post, ...]
    made: int
    """Posts made now; the others were there from an earlier, stopped run."""
    seed: int
    notes: tuple[str, ...]
    """What a person should know, one sentence each."""
    rejections: Counter[str]
    """Why caption candidates were turned down."""
    failed: tuple[str, ...] = ()
    """Posts that could not be made, with the reason."""


def orders(settings: Settings, seed: int) -> list[Order]:
    """Lay out a run. Raises FeedsmithError for an unknown kind and for a promo without an offer."""
    kind, offer = settings.kind, settings.offer.strip()
    week: tuple[Kind, ...] = tuple(k for k in KINDS if k == kind) if kind else WEEK
    if not week:
        close = get_close_matches(kind, KINDS, 1)
        raise FeedsmithError(
            f'"{kind}" is not a kind of post'
            + (f'; perhaps you meant "{close[0]}"' if close else ""),
            mend=f"choose one of {', '.join(KINDS)}, or leave --kind away for a mix",
        )
    if settings.format not in FEED_FORMATS:
        raise FeedsmithError(
            f'"{settings.format}" is not a format of feed posts',
            mend=f"choose one of {', '.join(FEED_FORMATS)}",
        )
    if kind == "promo" and not offer:
        raise FeedsmithError(
            "a promo needs its offer, word for word",
            mend='add it: --offer "Guided oak walk, 3 May, 12 EUR"',
        )
    if offer and not kind:
        week = (*week[:2], "promo", *week[3:])
    own_format = {"story": "story", "carousel": "portrait"}
    seeds = np.random.SeedSequence(seed).generate_state(settings.count)
    return [
        Order(
            turn=turn,
            kind=(what := week[turn % len(week)]),
            format=rules.FORMATS[own_format.get(what, settings.format)],
            theme=settings.theme.strip(),
            offer=offer if what == "promo" else "",
            seed=int(seeds[turn]),
            run_seed=seed,
        )
        for turn in range(settings.count)
    ]


def generate(
    home: Home, settings: Settings, *, out: Path | None = None, report: Report = silent
) -> Result:
    """Make the posts of one run under `out` (default: the brand's posts folder), one by one.

    Every finished post is on disk before the next one starts; a run that was stopped goes on where
    it stopped, and a complete one changes nothing. Same library, settings, given seed and models:
    the same bytes; without a seed a run also keeps away from what lies in the folder. A post that cannot be made is listed in
    the result and does not end the run.
    Raises FeedsmithError for unknown kinds, an empty library, a full disk, or when no post succeeds.
    """
    # What we work with.
    memory.be_frugal()
    brand = home.load()
    folder = Folder(out or home.posts)
    if folder.root.exists() and not folder.root.is_dir():
        raise FeedsmithError(f"{folder.root}: is a file", mend="name a folder with --out")
    auto = settings.seed is None
    seed = (
        folder.next_seed(settings.kind, settings.theme, settings.offer)
        if settings.seed is None
        else settings.seed
    )
    plan = orders(settings, seed)
    library = Library(home.library)
    if not library.photos():
        raise FeedsmithError(
            f"{home.library}: the library is empty, and posts are made from your own photos",
            mend=f"bring some in: feedsmith import {home.root} ~/Downloads/instagram-*.zip",
        )
    traits = understanding.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    workshop = Workshop(brand, library, traits, settings.images, folder.root)

    # Where we are: the finished posts of a stopped run stand as they are.
    key = _key(brand, library, settings, seed, workshop.models)
    runs = folder.runs()
    others = [post for run in runs if run.key != key for post in folder.posts(run)]
    # A given seed must give the same posts whatever else lies here; without one, nothing repeats.
    earlier = others if auto else []
    run = next((run for run in runs if run.key == key), None) or Run(
        key=key, seed=seed, kind=settings.kind, theme=settings.theme, offer=settings.offer,
        count=settings.count, auto=auto,
    )  # fmt: skip
    posts: list[Post] = []
    failed: list[str] = []
    made = 0
    try:
        for order in plan:
            report("Making posts", order.turn, len(plan), order.kind)
            name = f"{order.turn + 1:02d}-{order.kind}-{key[:6]}"
            post = folder.post(name) if name in run.said else None
            if post is not None:
                workshop.recall(run.said[name])
            else:
                try:
                    post = workshop.make(order, name, [*earlier, *posts])
                except FeedsmithError as error:
                    if isinstance(error.__cause__, OSError):
                        raise  # a full disk will not be better for the next post
                    failed.append(f"{name}: {error.message}")
                    first = error
                    continue
                run = run.with_post(name, workshop.said)
                folder.save(run)
                memory.give_back()
                made += 1
            posts.append(post)
        report("Making posts", len(plan), len(plan))
        if posts and not run.finished:
            run = run.model_copy(update={"finished": True})
            folder.save(run)
    finally:
        shown = [*folder.posts(run), *reversed(others)]
        if shown:
            page = _sheet(folder, brand, library, shown, workshop)
    if not posts:
        raise first
    return Result(
        page, tuple(posts), made, seed, tuple(workshop.notes), workshop.rejections,
        tuple(failed),
    )  # fmt: skip


def _key(
    brand: Brand, library: Library, settings: Settings, seed: int, models: dict[str, str]
) -> str:
    """16 hex digits over everything that decides what a run makes (the count apart: a longer run
    begins with the same posts)."""
    decides = {
        "feedsmith": feedsmith.__version__,
        "brand": brand.model_dump(mode="json"),
        "library": library.fingerprint(),
        "kind": settings.kind,
        "format": settings.format,
        "theme": settings.theme.strip(),
        "offer": settings.offer.strip(),
        "seed": seed,
        "auto": settings.seed is None,
        "models": models,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _sheet(
    folder: Folder,
    brand: Brand,
    library: Library,
    posts: Sequence[Post],
    workshop: Workshop,
) -> Path:
    """The contact sheet over everything in the folder, this run first."""
    wanted = {i for post in posts for i in (*post.sources, post.originality.nearest) if i}
    sources = {
        photo.id: library.rgb(photo, 272) for photo in library.photos() if photo.id in wanted
    }
    return sheet.write(
        folder.root,
        posts,
        brand,
        sources=sources,
        notes=workshop.notes,
        roles=workshop.roles,
        seed=workshop.face,
    )
