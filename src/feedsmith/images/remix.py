"""Remix: the default image model. New pictures, recomposed from the brand's own photos, offline.

For each brief it ranks the library's photos, and for the best of them tries methods in the order
that suits what the photo shows: patch synthesis (new pictures) for landscapes and textures; for
everything with a subject only crop, extension and light, so that a face, a pet, a house or a
product is never rebuilt from pieces. Several small drafts are scored, the best one is finished at
full size, graded quietly towards the brand's look and held against the originality gate. A method
that fails its own check gives way to the next; a photo that fails gives way to the next photo.

Knows pictures and traits of photos. Knows nothing of captions, layouts or files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from feedsmith.colour import Bytes, Floats, to_lab
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.images import crop, extend, mashup, relight, resample, score, synthesis
from feedsmith.images.api import Method, Picture, PictureBrief
from feedsmith.images.known import Known, busy, palette, theme_words
from feedsmith.originality import TRIES
from feedsmith.post import Originality, Photo
from feedsmith.rules import Format
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.networks import WEIGHTS

if TYPE_CHECKING:
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits

LIMITS = {"rows": score.ACCEPT_ROWS, "noise": score.ACCEPT_NOISE}
DRAFTS = 4
"""Small candidates a synthesis; each costs 0.35 CPU-s."""
FINISHED = 2
"""Drafts of one photo that are finished at most; each costs about 1.5 CPU-s with the gate."""
PHOTOS_TRIED = 40
"""Photos looked at before the brief is given up."""
SKY_LIGHT = 9.0
"""A sky may be exchanged for one that is at most so much lighter or darker (OKLab times 100)."""
SKY_TINT = 5.0
"""The same for its tint: dusk over a noon meadow looks pasted."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A picture before grading and gate."""

    rgb: Bytes
    method: Method
    sources: tuple[str, ...]
    note: str
    window: crop.Window | None = None
    field: NDArray[np.int32] | None = None


def fits(photo: Photo, wanted: Format) -> bool:
    """True where the photo fills the format without growing beyond crop.BLOW_UP_MAX."""
    return crop.fits((photo.width, photo.height), (wanted.width, wanted.height))


class Remix:
    """The model. `weights` is the folder of the encoder; without it the gate finds the photos that
    it compares by colour."""

    name = "remix"
    version = "1"

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._encoder = Encoder(weights) if (weights / "encoder.onnx").exists() else None
        self._known: Known | None = None

    def make(
        self, brief: PictureBrief, library: "Library", traits: "Mapping[str, Traits]"
    ) -> Picture:
        """One picture for the brief. Raises FeedsmithError where no photo can fill the format."""
        known = self._knowledge(library, traits)
        if brief.window is not None:
            return self._finished(_as_chosen(brief, known), brief, known, 1)
        rng = np.random.default_rng(brief.seed)
        tries = 0
        spare: Picture | None = None
        for photo in _ranked(brief, known, rng)[:PHOTOS_TRIED]:
            for made in self._attempts(photo, brief, known, rng):
                tries += 1
                picture = self._finished(made, brief, known, tries)
                new_kind = made.method in ("rows", "noise", "theme")
                if new_kind and picture.originality.label != "new" and tries < TRIES:
                    spare = spare or picture
                    continue
                return picture
        if spare is not None:
            return spare
        raise FeedsmithError(
            f"no photo of this library can fill a {brief.format.name} picture "
            f"({brief.format.width} x {brief.format.height} px): they are too small, or a crop would "
            "cut what they show",
            mend="add photos of at least 720 x 900 px, or ask for a kind that sets photos in a layout",
        )

    def measured(
        self,
        rgb: Bytes,
        sources: tuple[str, ...],
        library: "Library",
        traits: "Mapping[str, Traits]",
        *,
        edited: bool,
    ) -> Originality:
        """How original a picture of this library is, whoever made it (originality.Gate.measure)."""
        known = self._knowledge(library, traits)
        inside = [photo for photo in sources if photo in known.by_id]
        return known.gate.measure(rgb, sources=inside, edited=edited)

    def _knowledge(self, library: "Library", traits: "Mapping[str, Traits]") -> "Known":
        if (
            self._known is None
            or self._known.library is not library
            or self._known.traits is not traits
        ):
            encode = self._encoder.features if self._encoder is not None else None
            self._known = Known(library, traits, encode)
        return self._known

    def _attempts(
        self, photo: Photo, brief: PictureBrief, known: "Known", rng: np.random.Generator
    ) -> Iterator[_Made]:
        """Pictures out of one photo, the most wished for first; nothing where none is good."""
        wanted = (brief.format.width, brief.format.height)
        suits = known.suits(photo.id)
        whim = float(rng.random())
        try:
            new = suits in ("rows", "noise") and not (suits == "rows" and whim > 0.86)
            if new and not brief.quick:
                yield from _syntheses(photo, suits, brief, known, rng)
            if suits == "rows" and fits(photo, brief.format) and not brief.quick:
                made = _mashup(photo, wanted, known, rng)
                if made is not None:
                    yield made
            made = _kept(photo, brief, known, rng)
            if made is not None:
                yield made
        except Refused:
            return  # a photo that went missing must not end the run

    def _finished(self, made: _Made, brief: PictureBrief, known: "Known", tries: int) -> Picture:
        """Light for the theme, grade, gate."""
        rgb, method, note = made.rgb, made.method, made.note
        main = made.sources[0]
        theme = relight.theme_named(brief.theme) if brief.theme else None
        if (
            theme is not None
            and not known.is_made_by_hand(main)
            and not known.fits_theme(main, brief.theme)
        ):
            rgb = relight.tint(theme, 0.8).apply(rgb)
            note += f", in the light of “{brief.theme}”"
            method = "theme" if method in ("rows", "noise") else method
            method = "relight" if method == "crop" else method
        strength = 0.12 if known.is_made_by_hand(main) else 0.25
        rgb = relight.grade(relight.look(rgb), known.look, strength).apply(rgb)
        if brief.quick:
            # One photo as it is: nothing to measure, and 0.4 CPU-s saved for each slide or shot.
            originality = Originality(
                nearest=main, similarity=1.0, copied_area=1.0, copied_total=1.0,
                label="edited photo", tries=tries,
            )  # fmt: skip
        else:
            originality = known.gate.measure(
                rgb,
                sources=made.sources,
                nnf=made.field,
                edited=method in ("crop", "extend", "relight"),
                tries=tries,
            )
        return Picture(
            rgb=rgb,
            method=method,
            sources=made.sources,
            shows=known.keywords(made.sources),
            words_from=made.sources[:1],
            window=made.window,
            note=note,
            originality=originality,
        )


# ---- which photo -----------------------------------------------------------------------------------


def _ranked(brief: PictureBrief, known: Known, rng: np.random.Generator) -> list[Photo]:
    """Photos for a brief, best first: theme, not used lately, unlike those, then chance."""
    taste = rng.gumbel(0, 0.45, len(known.photos))
    used = [known.thumb(p) for p in sorted(brief.avoid) if p in known.by_id]
    recent = np.stack([palette(t) for t in used]) if used else None
    marks: list[tuple[float, str, Photo]] = []
    for photo, chance in zip(known.photos, taste, strict=True):
        if brief.among and photo.id not in brief.among:
            continue
        trait = known.traits[photo.id]
        suits = known.suits(photo.id)
        small = (
            suits == "noise"
            and crop.blow_up((photo.width, photo.height), (brief.format.width, brief.format.height))
            <= 1.7 * crop.BLOW_UP_MAX
        )
        if not fits(photo, brief.format) and not small and not _grows(photo, brief.format):
            continue
        mark = float(chance)
        mark += {"rows": 2.0, "noise": 1.8}.get(suits, 0.0)  # what can become new comes first
        mark -= 6.0 * (photo.id in brief.avoid)
        if brief.theme:
            mark += 3.0 * theme_words(brief.theme, trait)
        if brief.want is not None:
            full = busy(known.thumb(photo.id))
            mark += 1.2 * (full if brief.want == "busy" else 1 - full)
        if recent is not None:
            away = np.abs(recent - palette(known.thumb(photo.id))).sum(1).min()
            mark += 1.5 * min(1.0, float(away))
        marks.append((-mark, photo.id, photo))
    return [photo for _, _, photo in sorted(marks, key=lambda m: m[:2])]


def _grows(photo: Photo, wanted: Format) -> bool:
    """True where an extension can fill the format: its width does."""
    return wanted.width / photo.width <= crop.BLOW_UP_MAX and photo.height >= photo.width * 0.5


# ---- methods ---------------------------------------------------------------------------------------


def _syntheses(
    photo: Photo,
    suits: str,
    brief: PictureBrief,
    known: Known,
    rng: np.random.Generator,
) -> Iterator[_Made]:
    """New pictures: of DRAFTS small ones those that pass, the best first, finished one by one.

    The second is only asked for, and only then finished, where the gate refuses the first.
    """
    height, width = brief.format.height, brief.format.width
    source = _source(photo, height, width, suits, known)
    line = known.skyline(photo.id) if suits == "rows" else None
    sky = line.rows if line is not None and line.sure > 0.6 else None
    drafts: list[tuple[float, int, synthesis.Draft]] = []
    for seed in rng.integers(0, 1 << 30, DRAFTS):
        task = synthesis.Task(
            source,
            height,
            width,
            start=synthesis.rows() if suits == "rows" else synthesis.noise(),
            seed=int(seed),
            vertical_prior=0.3 if suits == "rows" else 0.0,
        )
        draft = synthesis.draft(task)
        mark = score.marks(draft, sky).total(suits == "rows")
        if mark <= LIMITS[suits]:
            drafts.append((mark, len(drafts), draft))
    for _, _, draft in sorted(drafts, key=lambda one: one[:2])[:FINISHED]:
        whole = synthesis.finish(draft)
        yield _Made(
            whole.rgb,
            "rows" if suits == "rows" else "noise",
            (photo.id,),
            "recomposed from one of your photos",
            field=whole.field,
        )


def _source(photo: Photo, height: int, width: int, suits: str, known: Known) -> Bytes:
    """The photo at the scale at which it lends its texture.

    Covering the frame where it can; a tall frame takes a smaller source, so that leaves and rocks
    stay crisp and the sky gets the rest; a small texture grows by crop.BLOW_UP_MAX at most.
    """
    cover = crop.blow_up((photo.width, photo.height), (width, height))
    scale = min(cover, crop.BLOW_UP_MAX)
    if suits == "rows":
        scale = min(scale, max(1.15, cover * 0.85))
    side = round(max(photo.width, photo.height) * scale)
    rgb = known.library.rgb(known.by_id[photo.id], min(max(photo.width, photo.height), side))
    factor = side / max(rgb.shape[:2])
    h, w = round(rgb.shape[0] * factor), round(rgb.shape[1] * factor)
    return resample.resize(rgb, h, w)


def _mashup(
    photo: Photo, wanted: tuple[int, int], known: Known, rng: np.random.Generator
) -> _Made | None:
    """The photo's land under another photo's sky, where both skylines are clean."""
    line = known.skyline(photo.id)
    if line.sure < 0.8 or line.rough > 0.0045 or not 0.12 < line.share < 0.7:
        return None
    land, window = _cropped(photo, wanted, known, None)
    if land is None or window is None:
        return None
    here = mashup.skyline(land)
    if here.sure < 0.8 or here.rough > 0.006 or not 0.1 < here.share < 0.75:
        return None
    old = _sky_colour(known, photo.id)
    partners = []
    for other in known.photos:
        if other.id == photo.id or known.traits[other.id].faces or other.width < 1000:
            continue
        theirs = known.skyline(other.id)
        if theirs.sure < 0.3 or theirs.share < 0.3 or theirs.rough > 0.004:
            continue
        # A sky of another lightness makes the land's rim glow and its shadows lie.
        new = _sky_colour(known, other.id)
        if (
            abs(float(new[0] - old[0])) < SKY_LIGHT
            and 1.0 < np.abs(new[1:] - old[1:]).max() < SKY_TINT
        ):
            partners.append(other)
    rng.shuffle(partners)
    for other in partners[:3]:
        sky = known.library.rgb(other, 1600)
        out = mashup.mash(land, here, sky, known.skyline(other.id))
        if out is not None:
            return _Made(
                out, "mashup", (photo.id, other.id), "one photo's land under another's sky", window
            )
    return None


def _sky_colour(known: Known, photo: str) -> Floats:
    """Mean colour of a photo's sky, OKLab times 100 (3,)."""
    lab = to_lab(known.thumb(photo))
    rows = max(3, round(lab.shape[0] * known.skyline(photo).share * 0.8))
    return np.asarray(lab[:rows].mean((0, 1)), np.float32)


def _cropped(
    photo: Photo, wanted: tuple[int, int], known: Known, text_space: str | None
) -> tuple[Bytes | None, crop.Window | None]:
    """The best crop at full size; None where it would cut the subject, a face, or be too soft."""
    window = crop.best(
        (photo.width, photo.height),
        wanted,
        known.saliency(photo.id),
        faces=_faces(known, photo.id),
        text_space=text_space,
    )
    if window is None:
        return None, None
    need = max(wanted[0] / (window.right - window.left), wanted[1] / (window.bottom - window.top))
    rgb = known.library.rgb(photo, round(min(max(photo.width, photo.height), need * 1.6)))
    out = crop.cut_out(rgb, window, wanted)
    return _crisp(out, crop.blow_up(_size(window, photo), wanted)), window


def _as_chosen(brief: PictureBrief, known: Known) -> _Made:
    """The part of a photo that a person chose. Raises FeedsmithError where it is too small."""
    assert brief.window is not None
    photo = known.by_id.get(next(iter(brief.among)))
    if photo is None:
        raise FeedsmithError(
            "the photo of this picture cannot be read any more",
            mend="import it again, or choose another photo",
        )
    wanted = (brief.format.width, brief.format.height)
    part = _size(brief.window, photo)
    grown = crop.check_sharp(part, wanted, "photo")
    need = max(
        wanted[0] / (brief.window.right - brief.window.left),
        wanted[1] / (brief.window.bottom - brief.window.top),
    )
    rgb = known.library.rgb(photo, round(min(max(photo.width, photo.height), need * 1.6)))
    out = _crisp(crop.cut_out(rgb, brief.window, wanted), grown)
    return _Made(out, "crop", (photo.id,), "your photo, cut as you chose", brief.window)


def _size(window: crop.Window, photo: Photo) -> tuple[int, int]:
    left, top, right, bottom = window.pixels(photo.width, photo.height)
    return right - left, bottom - top


def _crisp(rgb: Bytes, grown: float) -> Bytes:
    """A little sharpening for what was enlarged."""
    if grown <= 1.05:
        return rgb
    percent = round(min(90.0, 140 * (grown - 1)))
    sharper = ImageFilter.UnsharpMask(radius=0.9 * grown, percent=percent, threshold=2)
    return np.asarray(Image.fromarray(rgb).filter(sharper))


def _faces(known: Known, photo: str) -> tuple[crop.FaceBox, ...]:
    return tuple((f.left, f.top, f.right, f.bottom) for f in known.traits[photo].faces)


def _kept(
    photo: Photo, brief: PictureBrief, known: Known, rng: np.random.Generator
) -> _Made | None:
    """The photo as it is: cropped, or grown at the top and bottom where a crop loses too much."""
    wanted = (brief.format.width, brief.format.height)
    size = (photo.width, photo.height)
    saliency = known.saliency(photo.id)
    faces = _faces(known, photo.id)
    plain = crop.best(size, wanted, saliency, faces=faces, text_space=brief.text_space)
    grown = _growable(photo, wanted, known, saliency, faces)
    crop_worth = -9.0
    if plain is not None:
        crop_worth = plain.kept - 0.4 * max(0.0, plain.cut - 0.25)
        crop_worth -= 0.4 * max(0.0, crop.blow_up(_size(plain, photo), wanted) - 1.25)
    if grown is not None and grown[0] > crop_worth + 0.03:
        _, window, up = grown
        need = wanted[0] / (window.right - window.left)
        rgb = known.library.rgb(photo, round(min(max(size), need * max(size) / size[0] * 1.5)))
        grown_rgb = extend.extend(
            rgb, window, wanted, saliency, up=up, seed=int(rng.integers(1 << 30))
        )
        if grown_rgb is not None:
            note = "your photo, grown at the top and bottom"
            return _Made(grown_rgb, "extend", (photo.id,), note, window)
    # Something that stands out must stay whole; a meadow may lose half of itself.
    whole = 0.86 if 0.02 < known.traits[photo.id].salient < 0.5 else 0.45
    if plain is None or plain.kept < whole or crop_worth < 0.4:
        return None
    out, kept = _cropped(photo, wanted, known, brief.text_space)
    if out is None:
        return None
    return _Made(out, "crop", (photo.id,), "your photo, cropped", kept)


def _growable(
    photo: Photo,
    wanted: tuple[int, int],
    known: Known,
    saliency: Floats,
    faces: tuple[crop.FaceBox, ...],
) -> tuple[float, crop.Window, float] | None:
    """(worth, window to keep, share of growth above) of the best extension; None where neither
    edge is plain enough to be grown."""
    size = (photo.width, photo.height)
    if size[0] / size[1] < wanted[0] / wanted[1] * 1.08:
        return None
    small = known.library.rgb(photo, 640)  # a branch over the edge is 4 px wide there
    best: tuple[float, crop.Window, float] | None = None
    for growth in (1.18, 1.4):
        shape = (wanted[0], round(max(wanted[1] / growth, wanted[0] * size[1] / size[0])))
        window = crop.best(size, shape, saliency, faces=faces)
        if window is None:
            continue
        left, top, right, bottom = window.pixels(small.shape[1], small.shape[0])
        part = np.ascontiguousarray(small[top:bottom, left:right])
        left, top, right, bottom = window.pixels(saliency.shape[1], saliency.shape[0])
        looked = saliency[top:bottom, left:right]
        above, below = extend.edge(part, looked, True), extend.edge(part, looked, False)
        strict = known.is_made_by_hand(photo.id)
        top, bottom = above.plain(strict), below.plain(strict)
        if not (top or bottom):
            continue
        up = extend.share_up(above, below) if top and bottom else float(top)
        worth = window.kept - 0.4 * max(0.0, window.cut - 0.25)
        worth -= 0.04 + 0.3 * max(0.0, wanted[1] / shape[1] - 1.2)
        made = (up > 0 and not above.smooth) or (up < 1 and not below.smooth)
        worth -= 0.12 * made  # rebuilt leaves and grass are good, the photo's own are better
        worth -= 0.4 * max(0.0, crop.blow_up(_size(window, photo), shape) - 1.25)
        if best is None or worth > best[0]:
            best = worth, window, up
    return best
