"""Rework: a finished post with one thing changed becomes another version of it, in a folder of its own.

Another cut, another template, another picture, other words; all else stays as it was. The stage knows
what a post is made from (post.Making) and the workshop; it knows no terminal, no page, and none of the
versions before. The folder that it is made from is never touched.
"""

import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from feedsmith import marks, memory, rules
from feedsmith.brand import Home
from feedsmith.colour import Bytes
from feedsmith.design.render import Misfit
from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable, sweep
from feedsmith.images import installed
from feedsmith.images.api import Picture
from feedsmith.library import Library
from feedsmith.post import Crop, Making, Part, Post, Shot, Words
from feedsmith.progress import Report, silent
from feedsmith.runs import Folder
from feedsmith.understanding import traits as understanding
from feedsmith.workshop import Order, Workshop

CANDIDATES = 3
"""Other words that are offered for one post."""
LAYOUTS_MAX = 24
"""Layouts that are tried for one post; each costs 0.3 CPU-s."""
OTHER_POSTS = 60
"""Posts of the folder whose words are not said again, the newest."""
RATIO_OFF = 0.02
"""How far the shape of a cut may be from that of its picture: rounding on a page makes 0.004."""


@dataclass(frozen=True)
class Change:
    """What to change: exactly one of crop, template, photo, again and words."""

    picture: int = 1
    """Which of the post's pictures (Making.shots) a crop, a photo or `again` is for."""
    crop: Crop | None = None
    template: str = ""
    """Name of a layout; of a carousel its family."""
    scheme: str = ""
    """Its colours; '' for the first that fit."""
    photo: str = ""
    """Id or name of a library photo."""
    again: bool = False
    """Another picture from the same photos."""
    words: Words | None = None

    @property
    def part(self) -> Part:
        """Raises FeedsmithError where it is not exactly one."""
        asked: list[Part] = []
        asked += ["crop"] if self.crop is not None else []
        asked += ["template"] if self.template else []
        asked += ["picture"] if self.photo else []
        asked += ["picture"] if self.again else []
        asked += ["words"] if self.words is not None else []
        if len(asked) != 1:
            raise FeedsmithError(
                "one thing of a post is changed at a time",
                mend="name one: a crop, a template, a photo, another picture, or other words",
            )
        return asked[0]


@dataclass(frozen=True)
class Result:
    """What a rework gave."""

    post: Post
    notes: tuple[str, ...]
    """What a person should know, one sentence each."""


@dataclass(frozen=True)
class Layout:
    """A template that a post could have."""

    template: str
    scheme: str
    rgb: Bytes
    """The post's first page in it, uint8 (H, W, 3)."""
    now: bool
    """True for the one that it has."""


def rework(
    home: Home,
    post: Post,
    change: Change,
    *,
    name: str,
    root: Path | None = None,
    out: Path | None = None,
    report: Report = silent,
) -> Result:
    """Make another version of `post`, whose folder lies under `root` (default: the brand's posts), in
    the folder `out`/`name` (default: beside it). The same arguments give the same version again, so one
    that was killed is simply asked for once more; post.json comes last and makes it whole.

    Media carry their provenance as those of every post; what was cut or exchanged passes the
    originality gate anew. Raises FeedsmithError for what cannot be changed, naming why.
    """
    part = change.part
    making = changeable(post, part)
    home_of = (root or home.posts) / post.id
    target = out or root or home.posts
    check_writable(target)
    sweep(target / name)
    report(_TOLD[part], 0, 1)
    workshop = _opened(home, target, making, report)
    order, words = _order(post, making), making.words
    changed: dict[int, tuple[Picture, Crop | None]] = {}
    if part in ("crop", "picture"):
        at = change.picture - 1
        if not 0 <= at < len(making.shots):
            raise FeedsmithError(
                f"this post has no picture {change.picture}",
                mend=f"choose one from 1 to {len(making.shots)}",
            )
        shot = making.shots[at]
        if change.crop is not None:
            changeable(post, part, change.picture)
            _check_shape(shot, change.crop, home, home_of)
            changed[at] = workshop.cut(shot, change.crop, order, home_of), change.crop
        elif change.photo:
            _check_use(home, change.photo)
            changed[at] = workshop.swapped(shot, change.photo, order, first=at == 0), None
            if post.kind == "photo":  # framed only where the photo cannot fill the format
                order = replace(order, layout=("", ""))
            if at == 0 and order.brief.photo:
                brief = order.brief.model_copy(update={"photo": changed[at][0].sources[0]})
                order = replace(order, brief=brief)
        else:
            order = replace(order, seed=zlib.crc32(f"{post.seed} {name}".encode()))
            changed[at] = workshop.again(shot, order, home_of), None
    if change.words is not None:
        words = change.words
    if part == "template":
        order = replace(order, layout=_wanted(workshop, post, order, change, home_of))
    _none_is_never(
        home, [s for i, s in enumerate(making.shots) if i not in changed],
        [picture for picture, _ in changed.values()],
    )  # fmt: skip
    report(_TOLD[part], 0, 1, "setting it")
    try:
        made = workshop.remake(post, home_of, name, order, words, changed)
    except Misfit:
        if part == "template" or not any(order.layout):
            raise
        # What it has now does not go into the template that it had.
        shutil.rmtree(target / name, ignore_errors=True)
        free = replace(order, layout=("", ""))
        made = workshop.remake(post, home_of, name, free, words, changed)
        workshop.notes.append(
            f"The template {order.layout[0]} does not take it; it is set in {made.media[0].template}."
        )
    if part == "template" and post.kind == "reel" and _now(made, making, home) != order.layout:
        # A film is only known to take a layout when it is made.
        shutil.rmtree(target / name, ignore_errors=True)
        raise Misfit(
            f"the template {order.layout[0]} does not take the words of this reel",
            mend="choose another template, or shorter words",
        )
    memory.give_back()
    report(_TOLD[part], 1, 1)
    return Result(made, tuple(workshop.notes))


_TOLD: dict[Part, str] = {
    "crop": "Cutting the picture", "template": "Setting it in another template",
    "picture": "Making another picture", "words": "Setting other words",
}  # fmt: skip


def offer_words(
    home: Home,
    post: Post,
    *,
    root: Path | None = None,
    count: int = CANDIDATES,
    seed: int = 0,
    writer: str = "",
    report: Report = silent,
) -> list[Words]:
    """Other words for a post's picture: captions, and what would be set on it. None is that of another
    post of the folder, and each keeps the facts of the offer word for word. `seed` asks for others again.
    """
    making = changeable(post, "words")
    place = Folder(root or home.posts)
    report("Finding other words", 0, count)
    workshop = _opened(home, place.root, making, report, writer)
    order = replace(_order(post, making), seed=zlib.crc32(f"{post.seed} words {seed}".encode()))
    pictures = workshop.kept(post, place.root / post.id)
    before = [post, *_others(place, post)]
    found = workshop.candidates(order, pictures, before, count)
    report("Finding other words", count, count)
    return found


def offer_layouts(
    home: Home,
    post: Post,
    *,
    root: Path | None = None,
    shown: Callable[[Layout], None] = lambda layout: None,
    report: Report = silent,
) -> list[tuple[str, str]]:
    """The templates, each with its scheme, that take the words and pictures of a post: its first page is
    really set in each, and `shown` gets it. Of a reel names alone, as each would be a film."""
    making = changeable(post, "template")
    place = root or home.posts
    workshop = _opened(home, place, making, report)
    order = _order(post, making)
    pictures = workshop.kept(post, place / post.id)
    options = workshop.layouts(post, order, pictures)[:LAYOUTS_MAX]
    if post.kind == "reel":
        return options
    now = _now(post, making, home)
    found = []
    for turn, pair in enumerate(options):
        report("Setting it in each template", turn, len(options), pair[0])
        try:
            page = workshop.preview(post, replace(order, layout=pair), pictures)
        except Misfit:
            continue  # its words or its picture do not go into this one
        found.append(pair)
        shown(Layout(*pair, rgb=page.rgb, now=pair == now))
    report("Setting it in each template", len(options), len(options))
    return found


def changeable(post: Post, part: Part, picture: int = 0) -> Making:
    """What the post can be made again from. Raises FeedsmithError where this part of it (of its `picture`, from 1)
    cannot be changed."""
    why = post.fixed(part, picture)
    if why or post.making is None:
        raise FeedsmithError(
            why[:1].lower() + why[1:].rstrip("."),
            mend="choose another of its pictures, or put a photo in its place"
            if picture
            else "make another post like it, and change that one",
        )
    return post.making


# ---- with what ---------------------------------------------------------------------------------


def _opened(home: Home, out: Path, making: Making, report: Report, writer: str = "") -> Workshop:
    """The workshop, as for new posts."""
    memory.be_frugal()
    brand, library = home.load(), Library(home.library)
    traits = understanding.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    out_of_use = {photo.id for photo in library.missing()} | marks.never(library.root)
    traits = {i: trait for i, trait in traits.items() if i not in out_of_use}
    images = installed.chosen("", "", "", brand.images, home.root)
    music = Path(making.music) if making.music else None
    if music is not None and not music.is_file():
        raise FeedsmithError(
            f"{music}: the track of this reel is not there any more",
            mend="put it back where it was",
        )
    return Workshop(brand, home, library, traits, images, out, music, writer)


def _order(post: Post, making: Making) -> Order:
    """As the post was ordered, with the layout that it has."""
    brief = making.brief
    order = Order(
        turn=making.turn, brief=brief, format=rules.FORMATS[post.format], seed=post.seed,
        run_seed=making.run_seed, layout=making.layout,
    )  # fmt: skip
    first = post.media[0]
    if any(making.layout) or post.kind in ("reel", "gif", "carousel") or not first.template:
        return order
    return replace(order, layout=(first.template, first.scheme))


def _now(post: Post, making: Making, home: Home) -> tuple[str, str]:
    """Name and scheme of the layout that a post has; of a carousel its family."""
    first = post.media[0]
    if post.kind != "carousel":
        return first.template, first.scheme
    if any(making.layout):
        return making.layout
    schemes = [medium.scheme for medium in post.media if medium.scheme != "picture"]
    return first.template.rpartition("-")[0], schemes[0] if schemes else ""


def _wanted(
    workshop: Workshop, post: Post, order: Order, change: Change, folder: Path
) -> tuple[str, str]:
    """The layout that is asked for, with a scheme of it. Raises FeedsmithError where the post does not
    fit it."""
    options = workshop.layouts(post, order, workshop.kept(post, folder))
    fitting = [look for name, look in options if name == change.template]
    wanted = change.scheme or next(iter(fitting), "")
    if wanted not in fitting:
        names = ", ".join(dict.fromkeys(name for name, _ in options)) or "none"
        look = f" in {change.scheme}" if change.scheme and fitting else ""
        raise FeedsmithError(
            f"the template {change.template}{look} does not take the words and pictures of this {post.kind}",
            mend=f"these do: {names}" if not fitting else f"it comes in {', '.join(fitting)}",
        )
    return change.template, wanted


def _check_shape(shot: Shot, crop: Crop, home: Home, folder: Path) -> None:
    """Raises FeedsmithError where a cut has not the shape of its picture, or leaves it."""
    if crop.x + crop.width > 1.002 or crop.y + crop.height > 1.002:
        raise FeedsmithError(
            "this part goes beyond the picture", mend="let x + width and y + height be 1 at most"
        )
    wide, high = base_size(shot, home, folder)
    ratio = (crop.width * wide) / (crop.height * high) / (shot.width / shot.height)
    if abs(ratio - 1) > RATIO_OFF:
        share = shot.width / shot.height * high / wide
        raise FeedsmithError(
            f"this part has not the shape of the picture, {shot.width} to {shot.height}",
            mend=f"let its width be {share:.4f} times its height, as shares of the whole",
        )


def base_size(shot: Shot, home: Home, folder: Path) -> tuple[int, int]:
    """Width and height in pixels of what a cut of this picture is a part of."""
    if shot.is_of_a_photo:
        for photo in Library(home.library).photos():
            if photo.id == shot.sources[0]:
                return photo.width, photo.height
    from PIL import Image

    try:
        with Image.open(folder / (shot.base or shot.file)) as image:
            return image.size
    except OSError as error:
        raise FeedsmithError(
            "a file of this post cannot be read", mend="restore it from a backup"
        ) from error


def _others(place: Folder, post: Post) -> list[Post]:
    """The posts of the folder but this one, the newest last."""
    names = [name for run in place.runs() for name in run.said if name != post.id]
    return [found for name in names[-OTHER_POSTS:] if (found := place.post(name)) is not None]


def _check_use(home: Home, wanted: str) -> None:
    """Raises FeedsmithError where a photo that is asked for must never be used."""
    never = marks.never(home.library)
    for photo in Library(home.library).photos() if never else ():
        if photo.id in never and wanted in photo.called:
            raise FeedsmithError(
                f"the photo {photo.name or photo.id} is marked as never to be used",
                mend="choose another one, or take the mark away in the library",
            )


def _none_is_never(home: Home, kept: Iterable[Shot], new: Sequence[Picture]) -> None:
    """Raises FeedsmithError where a picture is made from a photo that must never be used."""
    never = marks.never(home.library)
    for sources in (*(shot.sources for shot in kept), *(picture.sources for picture in new)):
        if never & set(sources):
            raise FeedsmithError(
                "a photo of this post is marked as never to be used",
                mend="choose another photo, or take the mark away in the library",
            )
