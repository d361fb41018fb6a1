"""Generate: a brand's library -> a run of new posts, one folder each, and a contact sheet.

The stage knows the image model, the caption writer, the designs and the originality gate; it
knows no terminal and no page. A run is named by everything that decides its content (library,
settings, seed, models), so the same command finds its own finished posts and goes on from there.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

import feedsmith
from feedsmith import marks, memory, rules, sheet
from feedsmith.brand import Brand, Home
from feedsmith.design import template
from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable, full_disk, sweep
from feedsmith.film import encode
from feedsmith.images import installed
from feedsmith.images.api import NoPicture
from feedsmith.learning import bandit
from feedsmith.learning.bandit import Learned
from feedsmith.learning.factors import named
from feedsmith.library import Library
from feedsmith.post import KINDS, Brief, Kind, Offer, Post
from feedsmith.progress import Report, silent
from feedsmith.runs import Folder, Run
from feedsmith.understanding import traits as understanding
from feedsmith.understanding.traits import Traits
from feedsmith.workshop import Order, Workshop

MIX: tuple[Kind, ...] = (
    "photo", "quote", "photo", "carousel", "reel", "story", "collage",
    "photo", "gif", "quote", "photo", "carousel", "story", "photo",
)  # fmt: skip
"""Two weeks of posts when no kind is asked for; with an offer the third one becomes a promo."""
NEEDS_OFFER = {
    "promo": ("a promo needs its offer, word for word", '--offer "Guided oak walk, 3 May, 12 EUR"'),
    "product": ("a product post needs the product's name", '--name "Oak mug" --price "24 EUR"'),
}
"""Kind -> what is missing without an offer, and the option that brings it."""
OWN_FORMAT = {"story": "story", "reel": "story", "carousel": "portrait"}
"""Kind -> its format, whatever is asked for."""


LEANING: tuple[Kind, ...] = ("photo", "quote", "carousel", "reel", "collage", "gif")
"""Kinds that may take each other's turn where something was learned. Stories keep theirs: their
figures cannot be compared with those of feed posts."""
EARLIER = 120
"""Posts of earlier runs that a run of several blocks keeps away from: the newest."""
REMEMBERED = 1000
"""The same for a run of one block, or without: a post a day for three years. All of them took 30 kB each, so that a
worker of 512 MB would have ended after some 2,500."""
THEME_PHOTOS = 3
"""Photos that must show a theme before posts lean towards it."""
THEME_RESTS = 2
"""Posts after one in which its theme does not come again by itself."""

STRONG = 0.25
"""Effect on the logarithm of a layout that posts lean towards as strongly as they can: a quarter more."""
FEED_FORMATS = ("portrait", "square")
"""Every layout takes these; landscape pictures are small in a feed."""


@dataclass(frozen=True)
class Settings:
    """What the caller asks for. `seed=None` means the next one that the folder has not used."""

    count: int = 7
    kind: str = ""
    theme: str = ""
    offer: Offer = field(default_factory=Offer)
    headline: str = ""
    """Words to set large on every designed post; '' lets the caption writer find them."""
    photo: str = ""
    """Id or file name of a library photo, or the path of a picture file, that they must show."""
    briefs: tuple[Brief, ...] = ()
    """Posts asked for one by one (a plan, a product list); then count, kind, theme, offer,
    headline and photo above say nothing."""
    seed: int | None = None
    apart: bool = False
    """With a seed, too, keep away from the posts that lie in the folder, as a run without one does."""
    images: str = ""
    """Image model: its name, or "MODEL@URL" of a server; '' for the one of brand.toml."""
    model: str = ""
    """Which model the image model is to use: a folder, a name on the hub, or a server's name for it."""
    lora: str = ""
    """An adapter beside it, a file or a folder."""
    format: str = "portrait"
    """Of feed posts: portrait or square. Stories and reels are 9:16, carousels portrait."""
    music: Path | None = None
    """A track for reels; None for silence."""
    writer: str = ""
    """A chat model that writes captions too: "MODEL@URL", or "none"; '' for the one of the environment
    or brand.toml."""
    block: int = 0
    """Posts of a block, for runs that are made in blocks (feedsmith.cluster.posts); 0 for one after the
    other."""

    def blocks(self, count: int) -> bool:
        """Whether a run of `count` posts has more than one block."""
        return 0 < self.block < count


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
    """Lay out a run. Raises FeedsmithError for an unknown kind or format, and for a promo or
    product without its offer."""
    if settings.format not in FEED_FORMATS:
        raise FeedsmithError(
            f'"{settings.format}" is not a format of feed posts',
            mend=f"choose one of {', '.join(FEED_FORMATS)}",
        )
    briefs = settings.briefs or _briefs(settings)
    seeds = np.random.SeedSequence(seed).generate_state(len(briefs))
    return [
        Order(
            turn=turn,
            brief=brief,
            format=rules.FORMATS[OWN_FORMAT.get(brief.kind, brief.format or settings.format)],
            seed=int(seeds[turn]),
            run_seed=seed,
        )
        for turn, brief in enumerate(briefs)
    ]


def _briefs(settings: Settings) -> list[Brief]:
    """The posts of a run that was asked for by kind and count."""
    kind, offer = settings.kind, settings.offer
    mix: tuple[Kind, ...] = tuple(k for k in KINDS if k == kind) if kind else MIX
    if not mix:
        close = get_close_matches(kind, KINDS, 1)
        raise FeedsmithError(
            f'"{kind}" is not a kind of post'
            + (f'; perhaps you meant "{close[0]}"' if close else ""),
            mend=f"choose one of {', '.join(KINDS)}, or leave --kind away for a mix",
        )
    if kind in NEEDS_OFFER and not offer:
        missing, option = NEEDS_OFFER[kind]
        raise FeedsmithError(missing, mend=f"add it: {option}")
    if offer and not kind:
        mix = (*mix[:2], "promo", *mix[3:])
    return [
        Brief(
            kind=(what := mix[turn % len(mix)]),
            theme=settings.theme.strip(),
            offer=offer if what in (*NEEDS_OFFER, kind) else Offer(),
            headline=settings.headline.strip(),
            photo=settings.photo,
        )
        for turn in range(settings.count)
    ]


def lean(
    plan: Sequence[Order],
    learned: Learned,
    settings: Settings,
    traits: Mapping[str, Traits],
    layouts: Mapping[str, template.Template],
) -> list[Order]:
    """The orders of a run with what was learned in them: kind and theme where nobody asked for one, and
    the layouts each leans towards. Each order's own draws come from its run's seed and its turn."""
    free = not settings.briefs
    shown = Counter(
        key for trait in traits.values() for key in {named(word) for word in trait.keywords}
    )
    themes = sorted(form for key, form in learned.forms.items() if shown[key] >= THEME_PHOTOS)
    leant: list[Order] = []
    for order in plan:
        rng = np.random.default_rng([order.run_seed, order.turn, 0x1EA4])
        brief, because = order.brief, []
        before = leant[-1].kind if leant else ""
        if free and not settings.kind and brief.kind in LEANING and not brief.offer:
            able = [kind for kind in LEANING if kind != before]
            pick = learned.pick("kind", able, rng)
            if pick is not None:
                kind = next(kind for kind in able if kind == pick.level)
                because.append(pick.because)
            else:
                # Its own turn, unless another one has just had that.
                kind = brief.kind if brief.kind != before else able[int(rng.integers(len(able)))]
                because.append(
                    f"The kind is as without learning: {learned.explore:.0%} of choices are."
                )
            brief = brief.model_copy(update={"kind": kind})
        if free and not settings.theme.strip() and not brief.photo and not brief.offer:
            resting = {o.theme for o in leant[-THEME_RESTS:]}
            pick = learned.pick("theme", [theme for theme in themes if theme not in resting], rng)
            if pick is not None:
                brief = brief.model_copy(update={"theme": pick.level})
                because.append(pick.because)
        # A layout never tried draws from what may be expected of it; half is no opinion. A reel takes
        # the layout in which its words read best.
        fitting = [n for n, t in layouts.items() if brief.kind in t.kinds or t.family]
        keep = learned.explores(rng) or brief.kind == "reel"
        drawn = {} if keep else learned.drawn("template", fitting, rng)
        leant.append(
            replace(
                order,
                brief=brief,
                format=rules.FORMATS[OWN_FORMAT.get(brief.kind, brief.format or settings.format)],
                learned=learned,
                because=tuple(because),
                prefer={n: min(1.0, max(0.0, 0.5 + x / (2 * STRONG))) for n, x in drawn.items()},
            )
        )
    return leant


@dataclass(frozen=True)
class Begun:
    """A run before its first post: what it is made with, and where it stands."""

    brand: Brand
    library: Library
    folder: Folder
    workshop: Workshop
    plan: list[Order]
    run: Run
    """As a stopped one left it."""
    changed: bool
    """True where it was stopped and something of what decides it is another now: what lies there stands."""
    others: list[str]
    """Ids of the posts of other runs in the folder, oldest first. Names alone: the posts of a folder of
    100,000 take a gigabyte."""
    earlier: list[Post]
    """Those that it must not repeat: the newest REMEMBERED, or EARLIER for a run of several blocks, or none where
    the seed was given."""
    said: tuple[str, ...]
    """What the caption writer remembers of them."""


def begin(
    home: Home,
    settings: Settings,
    *,
    out: Path | None = None,
    report: Report = silent,
    resume: str = "",
) -> Begun:
    """Read all that a run needs and find what is there of it; see `generate` for the rest."""
    # What we work with.
    memory.be_frugal()
    brand = home.load()
    folder = Folder(out or home.posts)
    check_writable(folder.root)
    sweep(folder.root)
    auto = settings.seed is None or settings.apart
    seed = (
        folder.next_seed(settings.kind, settings.theme, settings.offer.line, _asked(settings))
        if settings.seed is None
        else settings.seed
    )
    plan = orders(settings, seed)
    if settings.music is not None:
        encode.track(settings.music, 0.1)  # a track that cannot be read is said now, not in an hour
    workshop = workshop_for(home, settings, plan, folder.root, report)
    library = workshop.library

    # Where we are: the finished posts of a stopped run stand as they are.
    base = _key(brand, library, settings, seed, workshop.models, len(plan))
    runs = folder.runs()
    learned, said_of_it = bandit.ready(home)
    stopped = next(
        (
            run
            for run in runs
            if resume == run.key or (base in (run.key, run.base) and not run.finished)
        ),
        None,
    )
    if stopped is not None:  # it goes on with what it knew
        learned = Learned.model_validate_json(stopped.learned) if stopped.learned else None
        said_of_it = learned.in_words if learned else ""
    if said_of_it:
        workshop.notes.append(said_of_it)
    now = base
    if learned is not None:
        plan = lean(plan, learned, settings, workshop.traits, template.catalogue(home.templates))
        now = hashlib.sha256(f"{base} {learned.digest}".encode()).hexdigest()[:16]
    key = resume or now
    others = [post_id for run in runs if run.key != key for post_id in run.said]
    run = next((run for run in runs if run.key == key), None) or Run(
        key=key, seed=seed, kind=settings.kind, theme=settings.theme, offer=settings.offer.line,
        asked=_asked(settings), count=len(plan), auto=auto,
        **({"base": base, "learned": learned.model_dump_json()} if learned is not None else {}),
    )  # fmt: skip
    said = next((r.said for r in reversed(runs) if auto and r.key != key and r.said), {})
    return Begun(
        brand, library, folder, workshop, plan, run,
        changed=key != now,
        others=others,
        # A given seed must give the same posts whatever else lies here; without one, nothing repeats.
        earlier=_newest(folder, others, EARLIER if settings.blocks(len(plan)) else REMEMBERED)
        if auto else [],
        said=next(reversed(said.values()), ()),  # what the last post here had said
    )  # fmt: skip


def _newest(folder: Folder, ids: Sequence[str], most: int) -> list[Post]:
    """The posts that are still there, oldest first; of more than `most` the last, of 0 all."""
    found: list[Post] = []
    for post_id in reversed(ids):
        if most and len(found) == most:
            break
        if (post := folder.post(post_id)) is not None:
            found.append(post)
    return found[::-1]


def workshop_for(
    home: Home, settings: Settings, plan: Sequence[Order], root: Path, report: Report = silent
) -> Workshop:
    """The workshop of a run, its posts to lie under `root`. Raises FeedsmithError where the library is
    empty, or `plan` asks for a photo that may not be used."""
    brand, library = home.load(), Library(home.library)
    if not library.photos() and not all(order.brief.photo for order in plan):
        raise FeedsmithError(
            f"{home.library}: the library is empty, and posts are made from your own photos",
            mend=f"bring some in: feedsmith import {home.root} ~/Downloads/instagram-*.zip",
        )
    never = _never(library, plan)
    images = installed.chosen(
        settings.images, settings.model, settings.lora, brand.images, home.root
    )
    traits = understanding.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    gone = {photo.id for photo in library.missing()}
    traits = {i: trait for i, trait in traits.items() if i not in gone and i not in never}
    workshop = Workshop(brand, home, library, traits, images, root, settings.music, settings.writer)
    if gone:
        workshop.notes.append(
            f"{len(gone)} photos of the library are gone from its folder and were not used; feedsmith "
            "import brings them back."
        )
    return workshop


def name_of(order: Order, key: str) -> str:
    """Id of a post of the run with this key: the name of its folder."""
    return f"{order.turn + 1:02d}-{order.kind}-{key[:6]}"


def lasting(error: FeedsmithError) -> bool:
    """Whether the next post would fail the same way: the disk is full, or the image model is not there."""
    if isinstance(error.__cause__, OSError) and full_disk(error.__cause__):
        return True
    return isinstance(error, NoPicture) and error.lasting


def write_sheet(begun: Begun, run: Run) -> Path:
    """The contact sheet over everything in the folder, this run first; returns where it is."""
    shown = [*begun.folder.posts(run), *reversed(_newest(begun.folder, begun.others, 0))]
    if not shown:
        return begun.folder.root / sheet.NAME
    return _sheet(begun.folder, begun.brand, begun.library, shown, begun.workshop)


def generate(
    home: Home,
    settings: Settings,
    *,
    out: Path | None = None,
    report: Report = silent,
    finished: Callable[[Post], None] = lambda post: None,
    page: bool = True,
    began: Callable[[str], None] = lambda key: None,
    resume: str = "",
) -> Result:
    """Make the posts of one run under `out` (default: the brand's posts folder), one by one.

    Every finished post is on disk before the next one starts; a run that was stopped goes on where
    it stopped, and a complete one changes nothing. Same library, settings, given seed, models and
    insights (where learning is on): the same bytes; without a seed a run also keeps away from what lies in the folder. A post that cannot be made is listed in
    the result and does not end the run. `finished` gets each post as soon as its folder is whole, those of a stopped run
    included; without `page` the contact sheet is not written again.
    `began` gets the run's key before its first post. Who gives that back as `resume` goes on with this
    run whatever was changed since in brand, library or marks: its finished posts stand, the others are
    made with what holds now.
    Raises FeedsmithError for unknown kinds, an empty library, a full disk, or when no post succeeds.
    """
    begun = begin(home, settings, out=out, report=report, resume=resume)
    folder, workshop, plan, run = begun.folder, begun.workshop, begun.plan, begun.run
    key, earlier = run.key, begun.earlier
    began(key)
    workshop.recall(begun.said)
    posts: list[Post] = []
    failed: list[str] = []
    made = 0
    try:
        for order in plan:
            report("Making posts", order.turn, len(plan), order.kind)
            name = name_of(order, key)
            # A post that was whole when a kill came is made again into the same bytes, which tells the
            # writer what it said; where something changed since they would be others, so it stands.
            post = folder.post(name) if name in run.said or begun.changed else None
            if post is not None and name in run.said:
                workshop.recall(run.said[name])
            elif post is not None:
                run = run.with_post(name, workshop.said)
                folder.save(run)
            else:
                sweep(folder.root / name)  # a kill in its midst leaves parts of files
                try:
                    post = workshop.make(order, name, [*earlier, *posts])
                except FeedsmithError as error:
                    shutil.rmtree(folder.root / name, ignore_errors=True)  # never half a post
                    if lasting(error):
                        raise
                    failed.append(f"{order.brief.where or name}: {error.message}")
                    first = error
                    continue
                run = run.with_post(name, workshop.said)
                folder.save(run)
                memory.give_back()
                made += 1
            finished(post)
            posts.append(post)
        report("Making posts", len(plan), len(plan))
        if posts and not run.finished:
            run = run.model_copy(update={"finished": True})
            folder.save(run)
            folder.journal(key).unlink(missing_ok=True)  # of a run in one block that was killed
    finally:
        contact_sheet = write_sheet(begun, run) if page else folder.root / sheet.NAME
    if not posts:
        raise first
    return Result(
        contact_sheet, tuple(posts), made, run.seed, (*workshop.notes, *workshop.of_the_endpoint()),
        workshop.rejections, tuple(failed),
    )  # fmt: skip


def _never(library: Library, plan: Sequence[Order]) -> frozenset[str]:
    """Ids of the photos that no post may be made from. Raises FeedsmithError where one is asked for,
    or none is left."""
    never = marks.never(library.root)
    if not never:
        return never
    asked = {order.brief.photo for order in plan if order.brief.photo}
    photos = library.photos()
    for photo in photos:
        if photo.id in never and asked & photo.called:
            raise FeedsmithError(
                f"the photo {photo.name or photo.id} is marked as never to be used",
                mend="name another one, or take the mark away in the studio's library",
            )
    if (
        photos
        and all(photo.id in never for photo in photos)
        and not all(o.brief.photo for o in plan)
    ):
        raise FeedsmithError(
            f"{library.root}: every photo is marked as never to be used",
            mend="take the mark away from some in the studio's library",
        )
    return never


def _key(
    brand: Brand,
    library: Library,
    settings: Settings,
    seed: int,
    models: dict[str, str],
    count: int,
) -> str:
    """16 hex digits over everything that decides what a run makes (the count apart: a longer run
    begins with the same posts)."""
    decides = {
        "feedsmith": feedsmith.__version__,
        # Which models write and draw, and with which settings, stands among the models; how long a
        # server is waited for decides nothing; what was learned joins the key where there is some.
        "brand": brand.model_dump(mode="json", exclude={"writer", "images", "learning"}),
        "library": library.fingerprint(),
        "kind": settings.kind,
        "format": settings.format,
        "theme": settings.theme.strip(),
        "offer": settings.offer.model_dump(),
        "headline": settings.headline.strip(),
        "photo": settings.photo,
        "music": str(settings.music or ""),
        "briefs": _asked(settings),
        "seed": seed,
        "auto": settings.seed is None or settings.apart,
        "models": models,
    }
    if marked := marks.digest(library.root):
        decides["marks"] = marked
    if settings.blocks(count):
        decides["block"] = [settings.block, count]  # one more post is a seam elsewhere
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _asked(settings: Settings) -> str:
    """16 hex digits over the posts asked for one by one; '' where there are none."""
    if not settings.briefs:
        return ""
    said = json.dumps([brief.model_dump(mode="json") for brief in settings.briefs], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


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
        photo.id: library.rgb(photo, 272)
        for photo in library.photos()
        if photo.id in wanted and library.path(photo).is_file()
    }
    return sheet.write(
        folder.root,
        posts,
        brand,
        sources=sources,
        notes=workshop.notes,
        roles=workshop.roles,
        pair=workshop.pair,
    )
