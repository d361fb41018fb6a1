"""The image model `gan`: pictures that the brand's own generator draws, at the size of a post.

For each brief it draws many small pictures and ranks them: near to the library's photos, the theme
in the words of those, room for text, unlike what was used lately. A picture that is one of the
photos learned by heart is left out. The best ones get the detail of one photo (`detail`); a draft
that is mush gives way to the next picture, and a finished picture passes the same originality gate
as every other. Without a generator there is one line that says how to train one.

Knows generators, libraries and traits; nothing of captions, layouts or files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.colour import Bytes, to_lab
from feedsmith.images import extend, relight, resample
from feedsmith.images.api import NoPicture, Picture, PictureBrief, Walked
from feedsmith.images.crop import Window
from feedsmith.images.gan import detail, exported
from feedsmith.images.known import Known, busy, theme_words
from feedsmith.images.synthesis import Synthesis
from feedsmith.originality import TRIES
from feedsmith.rules import Format
from feedsmith.understanding.encoder import SIDE as ENCODED
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.networks import WEIGHTS
from feedsmith.understanding.saliency import by_contrast
from feedsmith.understanding.traits import embeddings

if TYPE_CHECKING:
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits

DRAWN = 32
"""Small pictures a brief; with their features 15 ms each."""
SEEN, WALKED = 256, 128
"""Pixels of a side from which on a large generator's pictures are reduced: those ranked (32 of them), and
those of a walk (120)."""
TRIED, TOGETHER = 6, 2
"""Small pictures that get drafts at most, and how many of them compete; each costs 2.7 CPU-s."""
ALIKE = 3
"""Photos whose likeness says how near a small picture is to photographs."""
BY_HEART = 0.9
"""Correlation of colours at HEART px from which a picture is a photo learned by heart: warped and
blurred copies of 89 photos had 0.90 and more at 95 %, 109 photos that were not among them 0.85 at
most."""
HEART = 12
"""Pixels of a side where small pictures and photos are compared: finer than that, copies differ."""
NEIGHBOURS = 4
"""Photos whose keywords a picture is given."""
REACH = 0.6
"""How far a walk goes, of the way to another drawing: less hardly moves, more changes the subject."""
TALL = 0.62
"""Width over height under which a square picture is rather grown than cut, where its edges allow it."""


class _Drawing(NamedTuple):
    """A small picture and what it is like."""

    z: NDArray[np.float32]
    rgb: Bytes
    features: NDArray[np.float32]
    near: tuple[str, ...]
    """Ids of the photos most like it, best first."""


class Gan:
    """The model. `weights` is the folder of the encoder; without it pictures are ranked by colour."""

    name = "gan"
    invents = True
    """Its pictures show nothing that was there: products, loops and named photos are not its business."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._encoder = Encoder(weights) if (weights / "encoder.onnx").exists() else None
        self._generator: exported.Generator | None = None
        self._home: Path | None = None
        self._known: Known | None = None
        self._heart: _Heart | None = None
        self._vectors: dict[str, NDArray[np.float32]] = {}

    @property
    def version(self) -> str:
        """Recipe, size and hash of the generator in use; "" before one is."""
        return self._generator.name if self._generator is not None else ""

    def prepare(self, library: "Library") -> None:
        """Open the generator of the brand that owns the library.

        Raises NoPicture (lasting) where neither the brand nor Feedsmith has one; FeedsmithError
        where the brand's is damaged.
        """
        home = library.root.parent
        if self._generator is not None and home == self._home:
            return
        self._generator = exported.find(home)
        self._home = home
        if self._generator is None:
            raise NoPicture(
                f"{home}: no generator of pictures has been trained",
                mend=f"train one: feedsmith train images {home}",
                lasting=True,
            )

    def make(
        self, brief: PictureBrief, library: "Library", traits: "Mapping[str, Traits]"
    ) -> Picture:
        """One picture for the brief. Raises NoPicture where there is no generator, or where nothing
        it draws can be given detail by a photo of the library."""
        try:
            return self._made(brief, library, traits)
        finally:
            # Opened again in 0.15 s; kept, it would stand beside the language model: 50 MB.
            if self._encoder is not None:
                self._encoder.close()

    def _made(
        self, brief: PictureBrief, library: "Library", traits: "Mapping[str, Traits]"
    ) -> Picture:
        self.prepare(library)
        known = self._knowledge(library, traits)
        drawings = self._ranked(brief, known)
        least: float | None = None
        spare: Picture | None = None
        tries = 0
        for at in range(0, TRIED, TOGETHER):
            found = [
                (drawn, drawing)
                for drawing in drawings[at : at + TOGETHER]
                for drawn in self._drafts(drawing, brief, known)
            ]
            for drawn, drawing in sorted(found, key=lambda one: (one[0].mark, one[0].photo.id)):
                least = drawn.mark if least is None else min(least, drawn.mark)
                if drawn.mark > detail.ACCEPT:
                    break
                whole = self._whole(drawing, drawn, brief, known)
                if whole is None:
                    continue
                tries += 1
                picture = self._finished(whole, drawn.photo.id, brief, known, tries)
                if picture.originality.label == "new" or tries >= TRIES:
                    return picture
                spare = spare or picture
        if spare is not None:
            return spare
        raise self._refusal(drawings, least)

    def walk(
        self, brief: PictureBrief, library: "Library", traits: "Mapping[str, Traits]", frames: int
    ) -> Walked:
        """A closed walk of `frames` small pictures near the drawing that suits the brief best.

        Raises NoPicture where there is no generator, or where every walk passes photos learned by heart.
        """
        try:
            return self._walk(brief, library, traits, frames)
        finally:
            if self._encoder is not None:
                self._encoder.close()

    def _walk(
        self, brief: PictureBrief, library: "Library", traits: "Mapping[str, Traits]", frames: int
    ) -> Walked:
        self.prepare(library)
        known = self._knowledge(library, traits)
        assert self._generator is not None
        assert self._heart is not None
        drawings = self._ranked(brief, known)
        for drawing in drawings[:TRIED]:
            way = self._generator.walk(brief.seed, frames, reach=REACH, centre=drawing.z)
            pictures = self._generator.pictures(way, WALKED)
            if any(self._heart.nearest(rgb)[1] >= BY_HEART for rgb in pictures[::4]):
                continue
            size = brief.format.width, brief.format.height
            first = resample.resize(drawing.rgb, *pictures.shape[1:3])
            left, top, right, bottom = detail.frame(first, *size, brief.text_space)
            cut = np.ascontiguousarray(pictures[:, top:bottom, left:right])
            return Walked(self._of_walk(cut[0], drawing, brief, known), cut)
        if not drawings:
            raise self._refusal(drawings, None)
        raise NoPicture(
            f"each of {min(TRIED, len(drawings))} walks passes one of your own photos, learned by heart",
            mend="try another --seed, train it with more photos, or use --images remix",
        )

    def _of_walk(
        self, first: Bytes, drawing: _Drawing, brief: PictureBrief, known: Known
    ) -> Picture:
        """What is said of a walk: its first picture, and the photos that its drawing is like."""
        assert self._generator is not None
        size = (brief.format.width, brief.format.height)
        rgb = np.asarray(Image.fromarray(first).resize(size, Image.Resampling.BICUBIC))
        near = drawing.near or tuple(photo for photo, _ in known.gate.nearest(rgb, ALIKE))
        shows = _shows(near[0], near[1:], known) if near else ()
        drew = "Feedsmith's own generator" if self._generator.is_starter else "your generator"
        return Picture(
            rgb=rgb,
            method="gan",
            sources=near,
            shows=shows,
            words_from=_told(near[0], near[1:], shows, known) if near else (),
            window=None,
            note=f"a walk through what {drew} draws, a dot for each pixel",
            originality=known.gate.measure(rgb),
        )

    def _refusal(self, drawings: Sequence[_Drawing], least: float | None) -> NoPicture:
        """Why there is no picture, in words."""
        assert self._generator is not None
        own = "the shipped generator" if self._generator.is_starter else "the generator"
        if not drawings:
            return NoPicture(
                f"{own} draws nothing but your own photos again: all of {DRAWN} pictures are photos "
                "learned by heart",
                mend="train it with more photos, or for a shorter time; or use --images remix",
            )
        if least is None:
            return NoPicture(
                f"no photo of this library can lend detail to what {own} draws: at least "
                f"{detail.SOURCE_SIDE_MIN} px on the shorter side, sharp, and of nature, not of people "
                "or things",
                mend="add such photos, or use --images remix",
            )
        return NoPicture(
            f"nothing of what {own} drew became a good picture: no photo of the library fits it (the "
            f"best of {TRIED} had mark {least:.1f}; {detail.ACCEPT} is the limit)",
            mend="try another --seed, train a generator on your own photos, or use --images remix",
        )

    def _knowledge(self, library: "Library", traits: "Mapping[str, Traits]") -> Known:
        if (
            self._known is None
            or self._known.library is not library
            or self._known.traits is not traits
        ):
            encode = self._encoder.features if self._encoder is not None else None
            self._known = Known(library, traits, encode)
            self._heart = _Heart(self._known)
            self._vectors = embeddings(library) if encode is not None else {}
        return self._known

    # ---- which drawing -----------------------------------------------------------------------

    def _ranked(self, brief: PictureBrief, known: Known) -> list[_Drawing]:
        """New small pictures, those that suit the brief best first."""
        assert self._generator is not None
        assert self._heart is not None
        latents = self._generator.latents(DRAWN, brief.seed)
        drawn = zip(latents, self._generator.pictures(latents, SEEN), strict=True)
        own = [(z, rgb) for z, rgb in drawn if self._heart.nearest(rgb)[1] < BY_HEART]
        ids = [photo.id for photo in known.photos if photo.id in self._vectors]
        photos = np.stack([self._vectors[i] for i in ids]) if ids else None
        drawings: list[_Drawing] = []
        likeness: list[float] = []
        for z, rgb in own:
            if photos is None or self._encoder is None:
                drawings.append(_Drawing(z, rgb, np.zeros(1, np.float32), ()))
                likeness.append(0.0)
                continue
            features = self._encoder.features(_enlarged(rgb, ENCODED))
            cosine = photos @ features
            order = np.argsort(-cosine, kind="stable")[:ALIKE]
            drawings.append(_Drawing(z, rgb, features, tuple(ids[i] for i in order)))
            likeness.append(float(cosine[order].mean()))
        spread = max(float(np.std(likeness)), 1e-6) if likeness else 1.0
        middle = float(np.mean(likeness)) if likeness else 0.0
        marks = [
            (like - middle) / spread + _suits(drawing, brief, known)
            for like, drawing in zip(likeness, drawings, strict=True)
        ]
        order = np.argsort(-np.asarray(marks), kind="stable")
        return [drawings[i] for i in order]

    # ---- detail ------------------------------------------------------------------------------

    def _drafts(self, drawing: _Drawing, brief: PictureBrief, known: Known) -> list[detail.Drawn]:
        photos = detail.near(
            drawing.rgb, drawing.features, self._vectors, known,
            among=brief.among, avoid=brief.avoid,
        )  # fmt: skip
        width, height = _first_size(brief.format)
        small = detail.framed(drawing.rgb, width, height, brief.text_space)
        return detail.drafts(small, width, height, photos, known, brief.seed)

    def _whole(
        self, drawing: _Drawing, drawn: detail.Drawn, brief: PictureBrief, known: Known
    ) -> Synthesis | None:
        """The draft at the brief's full size; None where it cannot be as tall as that."""
        wanted = (brief.format.width, brief.format.height)
        if _first_size(brief.format) == wanted:
            return drawn.finished()
        # Rather grown than cut: a square that becomes 9:16 loses 44 % of its width.
        whole = drawn.finished()
        grown = _grown(whole.rgb, wanted, brief.seed)
        if grown is not None:
            return Synthesis(grown, whole.field, whole.copied)
        small = detail.framed(drawing.rgb, *wanted, brief.text_space)
        cut = detail.drafts(small, *wanted, [drawn.photo], known, brief.seed)
        return cut[0].finished() if cut and cut[0].mark <= detail.ACCEPT else None

    def _finished(
        self, whole: Synthesis, exemplar: str, brief: PictureBrief, known: Known, tries: int
    ) -> Picture:
        """In the brand's look, measured against the library."""
        assert self._generator is not None
        rgb = relight.grade(relight.look(whole.rgb), known.look, 0.25).apply(whole.rgb)
        near = tuple(photo for photo, _ in known.gate.nearest(rgb, NEIGHBOURS))
        learned = () if self._generator.is_starter else near[:2]
        sources = tuple(dict.fromkeys((exemplar, *learned)))
        originality = known.gate.measure(rgb, sources=sources, nnf=whole.field, tries=tries)
        shows = _shows(exemplar, near, known)
        name = known.by_id[exemplar].name or exemplar
        drew = "Feedsmith's own generator" if self._generator.is_starter else "your generator"
        return Picture(
            rgb=rgb,
            method="gan",
            sources=sources,
            shows=shows,
            words_from=_told(exemplar, near, shows, known),
            window=None,
            note=f"drawn by {drew}, with the detail of your photo {name}",
            originality=originality,
        )


def _suits(drawing: _Drawing, brief: PictureBrief, known: Known) -> float:
    """How well a small picture suits a brief, in steps of the spread of likeness."""
    mark = 0.0
    large = _enlarged(drawing.rgb, 96)
    if brief.theme and drawing.near:
        said = [theme_words(brief.theme, known.traits[photo]) for photo in drawing.near]
        mark += 3.0 * float(np.mean(said))
    if brief.want is not None:
        full = busy(large)
        mark += 1.2 * (full if brief.want == "busy" else 1 - full)
    if brief.text_space is not None:
        third = large[:32] if brief.text_space == "top" else large[-32:]
        mark += 1.5 * (1 - busy(third))
    if drawing.near:
        mark -= 1.0 * (drawing.near[0] in brief.avoid)
    return mark


def _shows(exemplar: str, near: Sequence[str], known: Known) -> tuple[str, ...]:
    """Keywords of the photo that lent what there is to see, as far as a photo like the picture has
    them too; where none has, all of that photo's; where it has no words, those of the nearest.

    Words that only the neighbours share are not taken: mountains were called madrono trees.
    """
    own = known.keywords((exemplar,))
    others = set(known.keywords([photo for photo in near if photo != exemplar]))
    shared = tuple(word for word in own if word in others)
    return shared or own or known.keywords(near[:1])


def _told(
    exemplar: str, near: Sequence[str], shows: Sequence[str], known: Known
) -> tuple[str, ...]:
    """Photos whose own captions describe the picture: those with most of its keywords, best first."""
    wanted = set(shows)
    marks = [
        (-len(wanted & set(known.keywords((photo,)))), place, photo)
        for place, photo in enumerate(dict.fromkeys((*near, exemplar)))
    ]
    return tuple(photo for shared, _, photo in sorted(marks) if shared < 0)


def _first_size(wanted: Format) -> tuple[int, int]:
    """Width and height at which detail is made: a portrait first, where the format is taller."""
    if wanted.width / wanted.height >= TALL:
        return wanted.width, wanted.height
    return wanted.width, round(wanted.width * 1.25)


def _grown(rgb: Bytes, wanted: tuple[int, int], seed: int) -> Bytes | None:
    """A finished picture grown upwards and downwards; None where neither edge is plain enough."""
    height, width = rgb.shape[:2]
    small = resample.resize(rgb, round(640 * height / width), 640)
    saliency = by_contrast(small)
    above, below = extend.edge(small, saliency, True), extend.edge(small, saliency, False)
    top, bottom = above.plain(), below.plain()
    if not (top or bottom):
        return None
    up = extend.share_up(above, below) if top and bottom else float(top)
    return extend.extend(rgb, Window(0, 0, 1, 1), wanted, saliency, up=up, seed=seed)


def _enlarged(rgb: Bytes, side: int) -> Bytes:
    """A small square picture at `side` px."""
    return np.asarray(Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC))


class _Heart:
    """The library's photos as small as generators learn them, to know those learned by heart."""

    def __init__(self, known: Known) -> None:
        rows, ids = [], []
        for photo in known.photos:
            for square in _squares(known.thumb(photo.id)):
                rows.append(_colours(square))
                ids.append(photo.id)
        self._ids = ids
        # 0.9 kB a square: 10 MB for 2,000 photos.
        self._rows = np.stack(rows).astype(np.float16) if rows else None

    def nearest(self, rgb: Bytes) -> tuple[str, float]:
        """The photo most like a square picture in its colours, crop and flip aside, and how much
        (correlation, -1..1); ("", 0) for an empty library."""
        if self._rows is None:
            return "", 0.0
        mine = _colours(rgb)
        best, name = -1.0, ""
        for at in range(0, len(self._rows), 4096):  # as float32 only in parts
            alike = self._rows[at : at + 4096].astype(np.float32) @ mine
            k = int(alike.argmax())
            if float(alike[k]) > best:
                best, name = float(alike[k]), self._ids[at + k]
        return name, best


def _squares(thumb: Bytes) -> list[Bytes]:
    """The squares that a training may have cut out of a photo, and their mirror images."""
    h, w = thumb.shape[:2]
    side = min(h, w)
    steps = 1 if h == w else 5
    cut = [
        thumb[y : y + side, x : x + side]
        for k in range(steps)
        for y, x in [(round((h - side) * k / 4), round((w - side) * k / 4))]
    ]
    return [np.ascontiguousarray(part) for one in cut for part in (one, one[:, ::-1])]


def _colours(square: Bytes) -> NDArray[np.float32]:
    """A square's colours at HEART px less their mean, unit length: (3 HEART^2,)."""
    small = Image.fromarray(square).resize((HEART, HEART), Image.Resampling.BOX)
    lab = to_lab(np.asarray(small))
    flat = (lab - lab.mean((0, 1), keepdims=True)).ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), np.float32)
