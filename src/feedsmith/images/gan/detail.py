"""Detail: a generator's small picture, at the size of a post, with the detail of one photo.

The small picture says what is where; one photo of the brand, brought into its palette, lends every
leaf and petal, patch by patch (`synthesis` with a `Guide`). Which photo can do that is found by
trying: the ones most like the picture each make a draft, and drafts have marks. Patches of several
photos mixed give mush, so it is always one.

Only the picture's lowest frequencies guide, about SIDE pixels on the shorter side: a small generator's
64 px are no sharper than that, and patches sought for a soft picture are soft ones.

Knows a small picture, a library and its traits; nothing of generators, latents or posts.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.blur import box
from feedsmith.colour import Bytes, to_lab
from feedsmith.errors import Refused
from feedsmith.images import crop, relight, resample, score, synthesis
from feedsmith.images.known import Known, palette
from feedsmith.post import Photo
from feedsmith.understanding.saliency import by_contrast

SIDE = 30
"""Pixels of the shorter side of what guides. At 45 and 60 px the blobs of 64 px pictures came through as
blobs, and 128 px ones looked no better for it; at 24 px paths became hedges."""
SHARE = 1 / 4
"""Of a larger picture's pixels so many guide: one of 256 px has forms to keep."""
PULL = 0.6, 0.1
"""How strongly, at the coarsest and the finest level."""
ORDER = 0.05
"""Vertical prior: skies stay up; more of it redraws the photo's own layout."""
EXEMPLARS = 6
"""Photos that are tried for a picture, by sketches of SKETCH px on the shorter side: 0.25 CPU-s each."""
SKETCH = 48
KEPT = 2
"""Sketches that become drafts of DRAFT px, with marks that count: 0.6 CPU-s each."""
DRAFT = 130
SOURCE_SIDE_MIN = 480
"""Pixels of the shorter side of a photo that may lend detail: enlarged 1.5 times, and shown next to
full-size posts."""
COLOUR = 0.6
"""How much palettes count beside likeness when photos are ranked."""
LIGHT, STRENGTH = 0.2, 0.9
"""How much of the photo's own light stays, and how far its palette is moved."""
ACCEPT = 4.8
"""Drafts above this mark are not finished. Set by eye on 168 drafts of 28 pictures (bench/gan_detail.py
--drafts): between 4.8 and 5.6 every second one is good, and another drawing is cheap; flowers for which
the library had no flower began at 5.8."""
FLAT = 0.6
"""Lightness steps (OKLab times 100) under which a spot of a draft has no detail."""
FORMS = 2.0
"""Steps between neighbours of the guide from which something is there that has detail."""
SURE = 0.6
"""From which a photo's skyline is one."""
CRISP = 0.7
"""Finest detail over that four times as coarse: 0.7 to 1.3 in 20 drafts from sharp photos, 0.3 to 0.4
in 4 from blurred ones."""
FINE = 0.6
"""Finest detail of a draft, mean step of lightness: 1 to 4 from sharp photos, 0.2 from blurred ones."""


class Drawn(NamedTuple):
    """A draft of a small picture with one photo's detail."""

    mark: float
    """What is wrong with it: 0 for a flawless one, ACCEPT is the limit."""
    photo: Photo
    draft: synthesis.Draft

    def finished(self) -> synthesis.Synthesis:
        """The same at full size; 1.5 CPU-s at 1080 x 1350."""
        return synthesis.finish(self.draft)


def frame(
    small: Bytes, width: int, height: int, text_space: str | None = None
) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the part of a square picture with the proportions of (width, height)
    that the eye would keep."""
    side = small.shape[0]
    large = np.asarray(Image.fromarray(small).resize((256, 256), Image.Resampling.BICUBIC))
    limit = max(width, height) / side  # the largest window of that shape, no closer one
    window = crop.best(
        (side, side), (width, height), by_contrast(large), limit=limit, text_space=text_space
    )
    assert window is not None  # without faces, a window of the largest size always fits
    return window.pixels(side, side)


def framed(small: Bytes, width: int, height: int, text_space: str | None = None) -> Bytes:
    """That part of a square picture."""
    left, top, right, bottom = frame(small, width, height, text_space)
    return np.ascontiguousarray(small[top:bottom, left:right])


def drafts(
    small: Bytes,
    width: int,
    height: int,
    photos: Sequence[Photo],
    known: Known,
    seed: int,
) -> list[Drawn]:
    """The best drafts, at most KEPT, each with the detail of one of `photos`; best first.

    `small` uint8 (h, w, 3) has the proportions of (width, height) (see `framed`).
    """
    sketches: list[tuple[float, str, Photo, synthesis.Task]] = []
    for photo in photos:
        try:
            source = _source(photo, width, height, known)
        except Refused:
            continue  # a photo that went missing must not end the run
        moved = relight.transfer(source, small, keep_light=LIGHT, strength=STRENGTH, seed=seed)
        task = _task(small, moved.apply(source), width, height, seed)
        sketch = synthesis.draft(task, stop_at=SKETCH)
        sketches.append((mark(sketch, known, photo), photo.id, photo, task))
        sketches = sorted(sketches, key=lambda one: one[:2])[:KEPT]  # a task holds 5 MB
    found = []
    for _, _, photo, task in sketches:
        draft = synthesis.draft(task, stop_at=DRAFT)
        found.append(Drawn(mark(draft, known, photo), photo, draft))
    return sorted(found, key=lambda one: (one.mark, one.photo.id))


def near(
    small: Bytes,
    features: NDArray[np.float32],
    vectors: Mapping[str, NDArray[np.float32]],
    known: Known,
    *,
    count: int = EXEMPLARS,
    among: Collection[str] = (),
    avoid: Collection[str] = (),
) -> list[Photo]:
    """Photos that may lend detail to a picture, the most alike first: by what they show (`features`
    of the picture, `vectors` of the photos, unit norm) and by palette.

    Never photos of people or of things that hands made, blurred ones or small ones; those in
    `avoid` come last.
    """
    own = palette(small)
    marks: list[tuple[float, str, Photo]] = []
    for photo in known.photos:
        trait = known.traits[photo.id]
        if (
            (among and photo.id not in among)
            or min(photo.width, photo.height) < SOURCE_SIDE_MIN
            or trait.sharpness < 0.04
            or known.is_made_by_hand(photo.id)
        ):
            continue
        away = float(np.abs(palette(known.thumb(photo.id)) - own).sum()) / 2
        alike = float(vectors[photo.id] @ features) if photo.id in vectors else 0.0
        marks.append((COLOUR * away - alike + (photo.id in avoid), photo.id, photo))
    return [photo for _, _, photo in sorted(marks, key=lambda one: one[:2])[:count]]


def mark(draft: synthesis.Draft, known: Known, photo: Photo) -> float:
    """What is wrong with a guided draft: smears, seams, repeats (images.score), land of the photo that
    hangs in its sky, colours that are not the guide's, forms of the guide that came out without detail, and detail that is blurred."""
    guide = draft.task.guide
    assert guide is not None
    light = to_lab(draft.rgb)[..., 0]
    aim = to_lab(guide.picture)
    came = to_lab(resample.resize(draft.rgb, *guide.picture.shape[:2]))
    away = float(np.linalg.norm(came - aim, axis=-1).mean())
    flat = box(np.abs(light - box(light, 2)), 8) < FLAT
    forms = box(np.abs(aim[..., 0] - box(aim[..., 0], 1)), 1) > FORMS
    there = resample.resize(forms.astype(np.uint8) * 255, *light.shape) > 127
    soft = box(light, 1)
    fine = float(np.abs(light - soft).mean())
    crisp = fine / max(float(np.abs(soft - box(soft, 4)).mean()), 1e-6)
    line = known.skyline(photo.id)
    marks = score.marks(draft, line.rows if line.sure > SURE else None)
    return (
        # A crown over a sky is no fault in a drawn tree: it counts a twentieth of remix's price.
        marks._replace(overhang=marks.overhang / 20).total(ordered=False)
        + 0.3 * away
        + 4.0 * float((flat & there).mean())
        + 5.0 * max(0.0, CRISP - crisp)
        + 2.0 * max(0.0, 1 - fine / FINE)
    )


def _task(small: Bytes, source: Bytes, width: int, height: int, seed: int) -> synthesis.Task:
    scale = max(SIDE, round(min(small.shape[:2]) * SHARE)) / min(width, height)
    guide = resample.resize(small, round(height * scale), round(width * scale))
    return synthesis.Task(
        source,
        height,
        width,
        start=synthesis.picture(guide),
        seed=seed,
        vertical_prior=ORDER,
        completeness=None,
        crowding=0.5,
        coarsest=SIDE,
        guide=synthesis.Guide(guide, PULL),
    )


def _source(photo: Photo, width: int, height: int, known: Known) -> Bytes:
    """The photo covering the frame, where it need not grow beyond crop.BLOW_UP_MAX for that."""
    scale = min(crop.blow_up((photo.width, photo.height), (width, height)), crop.BLOW_UP_MAX)
    side = round(max(photo.width, photo.height) * scale)
    rgb = known.library.rgb(photo, min(max(photo.width, photo.height), side))
    factor = side / max(rgb.shape[:2])
    return resample.resize(rgb, round(rgb.shape[0] * factor), round(rgb.shape[1] * factor))
