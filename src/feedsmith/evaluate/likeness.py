"""How near a set of generated pictures comes to the photos it learned from, and whether it copies them.

Every figure stands beside the usual one: what two halves of the real photos show against each other, all
sets of one number, because most distances shrink with the number of pictures alone. Pictures are judged by
their pixels and by two networks that were trained for other ends; a generator that was trained against the
features of one is flattered by that one, and by it alone.

Knows pictures as arrays and networks as functions; knows no brand and no file.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from feedsmith.evaluate.figures import Beside, Likeness, Nearness, Seen
from feedsmith.measures.kernel_distance import frechet_distance, kernel_distance
from feedsmith.measures.ms_ssim import diversity
from feedsmith.measures.nearest import (
    Nearest,
    memorisation,
    nearest,
    nearest_mirrored,
    pixel_features,
)
from feedsmith.measures.precision_recall import precision_recall
from feedsmith.measures.sliced_wasserstein import sliced_wasserstein
from feedsmith.originality import SIMILARITY_MAX
from feedsmith.progress import Report, silent

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

FEWEST = 8
"""Pictures of a set below which nothing is compared."""
PIXELS = 64 << 20
"""Bytes of a set whose pixels are compared at most: 5,461 pictures of 64 px, 341 of 256 px."""
KERNEL_UNIT = 1e3
"""Kernel distances are told in thousandths."""
SUBSETS, SUBSET = 50, 1000
"""Random subsets that a kernel distance is the mean of, and their pictures at most."""
PAIRS = 1000
"""Random pairs whose likeness is the measure of variety."""
PIXELS_NAME = "pixels"
SAME_PIXELS = 0.02
"""Distance of 16 px pictures under which they read as one: mirrored and blurred copies of 64 px photos
are under 0.001, the nearest of 60 held-out flower photos at 0.07."""
SAME = 1 - SIMILARITY_MAX
"""The same of an eye that looks for the nearest photo."""
_BLOCK = 32 << 20
"""Bytes of pictures read at once."""
_LOOKED = 16
"""Pictures that an eye is shown at once, at most: 2 seconds of work."""


class Pictures(Protocol):
    """Square pictures that are read when they are needed."""

    def __len__(self) -> int: ...

    def read(self, indices: NDArray[np.int64]) -> Bytes:
        """uint8 (n, S, S, 3) of the pictures with these numbers."""


class Loaded(NamedTuple):
    """Pictures that are in memory."""

    pictures: Bytes

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, indices: NDArray[np.int64]) -> Bytes:
        return self.pictures[indices]


class Eye(NamedTuple):
    """A network that pictures are judged by."""

    name: str
    features: Callable[[Bytes], Floats]
    """(d,) of unit length, of an (H, W, 3) picture."""
    nearest: bool = False
    """Whether it also looks for the nearest training photo: each of them is then looked at."""


Look = Callable[[Eye, Iterator[Bytes]], Iterator[Floats]]
"""An eye and blocks of pictures (n, H, W, 3) -> features (n, d) of each block, in order."""


def one_by_one(eye: Eye, blocks: Iterator[Bytes]) -> Iterator[Floats]:
    for block in blocks:
        yield np.stack([eye.features(picture) for picture in block])


class Measured(NamedTuple):
    likeness: Likeness
    neighbours: dict[str, Nearest]
    """By an eye's name or "pixels": the nearest training photo of each generated picture."""


def measure(
    training: Pictures,
    held: Pictures,
    made: Pictures,
    eyes: Sequence[Eye],
    seed: int = 0,
    report: Report = silent,
    look: Look = one_by_one,
) -> Measured:
    """All figures of generated pictures beside the training and held-out photos, all of one size.

    `look` has eyes look at pictures: here, or elsewhere. The same seed gives the same figures. What there are too few pictures for is None or empty.
    """
    # As many generated pictures as each half of the training photos has.
    rng = np.random.default_rng([seed, 7])
    order, count = rng.permutation(len(training)), min(len(made), len(training) // 2)
    halves = np.sort(order[:count]), np.sort(order[count : 2 * count])
    chosen = np.sort(rng.permutation(len(made))[:count])

    swd: dict[int, Beside] = {}
    swd_average = varied = None
    if count >= FEWEST:
        few = min(count, max(FEWEST, _at_once(made, PIXELS)))
        one, two = (training.read(half[:few]) for half in halves)
        new = made.read(chosen[:few])
        report("pixels", 0, 3, "sliced Wasserstein distance")
        ours, theirs = (sliced_wasserstein(one, other, seed, most=few) for other in (new, two))
        swd = {side: _beside(ours.levels[side], theirs.levels[side]) for side in ours.levels}
        swd_average = _beside(ours.average, theirs.average)
        report("pixels", 1, 3, "MS-SSIM")
        varied = _beside(diversity(new, PAIRS, seed), diversity(one, PAIRS, seed))

    report("pixels", 2, 3, "nearest training photos")
    near: list[Nearness] = []
    neighbours: dict[str, Nearest] = {}
    if len(training) and len(made):
        small = [_in_blocks(pictures, pixel_features) for pictures in (made, held, training)]
        turned = _in_blocks(training, lambda p: pixel_features(p, mirrored=True))
        found, reference = (nearest_mirrored(f, small[2], turned) for f in small[:2])
        neighbours[PIXELS_NAME] = found
        if len(held):
            near.append(_nearness(PIXELS_NAME, found, reference))
    report("pixels", 3, 3)

    seen: list[Seen] = []
    for eye in eyes:
        whole = eye.nearest
        ours_seen = _looked(made, eye, look, report, "generated", None if whole else chosen)
        wanted = None if whole else np.concatenate(halves)
        photos = _looked(training, eye, look, report, "training photos", wanted)
        parts = [photos[h] for h in halves] if whole else [photos[:count], photos[count:]]
        if count >= FEWEST:
            compared = ours_seen[chosen] if whole else ours_seen
            seen.append(_seen(eye.name, parts[0], parts[1], compared, seed))
        if whole and len(photos) and len(ours_seen):
            found = nearest(ours_seen, photos)
            neighbours[eye.name] = found
            if len(held):
                reference = nearest(_looked(held, eye, look, report, "held-out photos"), photos)
                near.append(_nearness(eye.name, found, reference))
    told = Likeness(
        pictures=count if count >= FEWEST else 0,
        swd=swd,
        swd_average=swd_average,
        ms_ssim=varied,
        seen=tuple(seen),
        near=tuple(near),
    )
    return Measured(told, neighbours)


def _seen(name: str, one: Floats, two: Floats, made: Floats, seed: int) -> Seen:
    """By features of unit length, brought to length sqrt(d): the kernel is then (cosine + 1)^3."""
    one, two, made = (f * np.float32(np.sqrt(f.shape[1])) for f in (one, two, made))
    size = min(SUBSET, len(made) // 2)
    kernel, usual = (kernel_distance(one, other, seed, SUBSETS, size) for other in (made, two))
    ours, theirs = (precision_recall(one, other) for other in (made, two))
    return Seen(
        by=name,
        kernel=_beside(KERNEL_UNIT * kernel.mean, KERNEL_UNIT * usual.mean),
        kernel_spread=round(KERNEL_UNIT * kernel.spread, 4),
        frechet=_beside(frechet_distance(one, made), frechet_distance(one, two)),
        precision=_beside(ours.precision, theirs.precision),
        recall=_beside(ours.recall, theirs.recall),
        density=_beside(ours.density, theirs.density),
        coverage=_beside(ours.coverage, theirs.coverage),
    )


def _nearness(name: str, made: Nearest, held: Nearest) -> Nearness:
    told = memorisation(made.distance, held.distance)
    limit = SAME_PIXELS if name == PIXELS_NAME else SAME
    return Nearness(
        by=name,
        made=round(told.made, 4),
        held=round(told.held, 4),
        ratio=round(told.ratio, 4) if np.isfinite(told.ratio) else None,
        threshold=round(told.threshold, 4),
        share=round(told.share, 4),
        same=int((made.distance < limit).sum()),
        same_held=int((held.distance < limit).sum()),
        distances=tuple(round(float(d), 4) for d in made.distance),
        distances_held=tuple(round(float(d), 4) for d in held.distance),
    )


def _looked(
    pictures: Pictures,
    eye: Eye,
    look: Look,
    report: Report,
    what: str,
    which: NDArray[np.int64] | None = None,
) -> Floats:
    """(n, d) features of the pictures, or of those with the numbers `which`."""
    wanted = np.arange(len(pictures)) if which is None else which
    step = min(_LOOKED, _at_once(pictures, _BLOCK))
    blocks = (pictures.read(wanted[start : start + step]) for start in range(0, len(wanted), step))
    found: list[Floats] = []
    done = 0
    for features in look(eye, blocks):
        found.append(features)
        done += len(features)
        report(f"{eye.name}: {what}", done, len(wanted))
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def _in_blocks(pictures: Pictures, measure_: Callable[[Bytes], Floats]) -> Floats:
    numbers, step = np.arange(len(pictures)), _at_once(pictures, _BLOCK)
    found = [
        measure_(pictures.read(numbers[start : start + step]))
        for start in range(0, len(numbers), step)
    ]
    return np.concatenate(found) if found else measure_(np.empty((0, 1, 1, 3), np.uint8))


def _at_once(pictures: Pictures, most: int) -> int:
    """Pictures that have `most` bytes, at least one."""
    return max(1, most // pictures.read(np.zeros(1, np.int64)).nbytes) if len(pictures) else 1


def _beside(value: float, usual: float) -> Beside:
    return Beside(value=round(value, 4), usual=round(usual, 4))
