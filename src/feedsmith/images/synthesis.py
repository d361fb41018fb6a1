"""A new photograph out of one photograph, patch by patch, from a thumbnail up to full size.

The method is our own reading of published ideas: patch-based energy over a pyramid (Wexler et al.
2007, Simakov et al. 2008), PatchMatch (Barnes et al. 2009), gradient voting with a screened Poisson
solve (Image Melding, Darabi et al. 2012) and the generative use of patches (GPNN, Granot et al.
2022). One source a picture: patches of two photographs mixed give mush. Sources are never mirrored.

Knows arrays of pixels. Does not know brands, libraries, which photographs suit, or what a good
result is: the caller makes several drafts, scores them and finishes the best.

    source = resample.covering(photo, 1350, 1080)
    task = Task(source, 1350, 1080, start=rows(), seed=7)
    small = draft(task)             # 0.5 s: small.rgb is 186 px wide
    whole = finish(small)           # the same picture at full size

A run depends on the task alone: single thread, exact integer distances, seeded per level.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from feedsmith.images import poisson
from feedsmith.images.kernel import PATCH, Block, Kernel
from feedsmith.images.resample import resize

FULL_SCALE = PATCH * PATCH * 3 * 255.0**2
"""The largest distance two patches can have."""

HELD = 1000.0  # lambda of a locked pixel
SEARCHED = 300  # shorter side from which on matches mostly spread from their neighbours
CALM, BUSY = 1.0, 6.0  # mean grey step between neighbours: a clear sky, a rock face
# a jump between two pieces, in grey levels: up to the first melded away, from the second an edge
VOTED_STEP = 40.0, 200.0
COPIED_STEP = 24.0, 64.0

Start = Callable[[NDArray[np.uint8], int, int, np.random.Generator], NDArray[np.float32]]
"""(source at the coarsest size, height, width, rng) -> first guess (height, width, 3), 0..255."""


# ---- where a picture begins ---------------------------------------------------------------------


def rows(spread: float = 0.9) -> Start:
    """For landscapes: each row the mean of the source's row at that height, plus noise.

    `spread` scales the noise (random pixels of that row); more gives newer layouts and more risk.
    """

    def begin(
        source: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        lines = resize(source, height, source.shape[1]).astype(np.float32)
        mean = lines.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
        pick = rng.integers(0, lines.shape[1], (height, width))
        guess: NDArray[np.float32] = mean + np.float32(spread) * (
            lines[np.arange(height)[:, None], pick] - mean
        )
        return guess

    return begin


def noise(spread: float = 1.0) -> Start:
    """For textures: random pixels of the source, no layout at all. Use with `vertical_prior=0`."""

    def begin(
        source: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        pixels = source.reshape(-1, 3).astype(np.float32)
        mean = pixels.mean(axis=0, dtype=np.float64).astype(np.float32)
        pick = rng.integers(0, len(pixels), (height, width))
        guess: NDArray[np.float32] = mean + np.float32(spread) * (pixels[pick] - mean)
        return guess

    return begin


def picture(rgb: NDArray[np.uint8]) -> Start:
    """A given picture as layout (any size and proportion; it is stretched to the frame)."""

    def begin(
        source: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        return resize(rgb, height, width).astype(np.float32)

    return begin


# ---- what is asked ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lock:
    """A region that stays as given, restored exactly at the end.

    picture uint8 (H, W, 3) at output size; mask bool (H, W), True where locked. `offset` (dy, dx):
    the locked pixel (y, x) is the source's pixel (y + dy, x + dx); None where it is not from the source.
    """

    picture: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    offset: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Guide:
    """A picture of few pixels that says what is where; the source only lends it detail.

    Before each search the picture is pulled back towards it, in the frequencies that both have
    (iterative back-projection: M. Irani and S. Peleg, "Improving resolution by image registration",
    1991), so that patches are sought for the guide's forms and not only for their own.

    picture uint8 (h, w, 3) in the frame's proportions. pull: the share (0..1) of the difference that
    is taken back at the coarsest and at the finest level.
    """

    picture: NDArray[np.uint8]
    pull: tuple[float, float] = (0.6, 0.1)

    def pulled(self, q: NDArray[np.uint8], up: float) -> NDArray[np.uint8]:
        """`q` (H, W, 3), nearer to the guide; `up` is how far up the pyramid its level lies, 0..1."""
        weight = np.float32(self.pull[0] * (1 - up) + self.pull[1] * up)
        h, w = (min(a, b) for a, b in zip(self.picture.shape, q.shape[:2], strict=False))
        off = resize(self.picture, h, w).astype(np.int16) - resize(q, h, w)
        # Around grey and halved, so that Pillow can enlarge it.
        half = np.clip(off // 2 + 128, 0, 255).astype(np.uint8)
        large = resize(half, *q.shape[:2]).astype(np.float32) - 128
        return np.clip(np.rint(q + 2 * weight * large), 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Task:
    """Everything a synthesis depends on.

    source          uint8 (h, w, 3) at output scale (see `resample.covering`), both sides at most 65535
    height, width   of the picture, pixels, at least 32
    start           the first guess: `rows()`, `noise()`, `picture(rgb)`
    seed            any whole number from 0
    vertical_prior  how strongly things keep their height in the frame; 0.3 landscapes, 0 textures
    row_map         float (H,), 0..1: the height in the source each output row wants; None is straight
    noise           extra Gaussian noise on the start, in standard deviations of the start
    detail          lambda of the melding in smooth places, coarsest and finest level; the last
                    melding takes a fifth of the finest. Lower blends skies over longer distances
    crisp           lambda in rough places at the finest level that grows, and in the last melding:
                    lower gives mist between rocks, higher gives visible joints
    completeness    alpha of the score d / (alpha + m): lower uses more of the source, None switches
                    it off; only below 200 px
    coherence       a random match must beat this share of the distance held, above 100 px
    crowding        dislike of source areas used more than once, 0 for none: fewer visible repeats
    coarsest        shorter side of the first level, pixels: smaller is newer, larger is safer
    ratio           most that one level grows over the last
    iterations      passes a level with shorter side under 64, 128, 300, 700, and above
    source_mask     bool (h, w) of the source, True where patches may be taken
    lock            a region that stays as given
    guide           a small picture whose forms and colours this one is to have
    """

    source: NDArray[np.uint8]
    height: int
    width: int
    start: Start
    seed: int
    vertical_prior: float = 0.3
    row_map: NDArray[np.float32] | None = None
    noise: float = 0.0
    detail: tuple[float, float] = (1.0, 0.004)
    crisp: tuple[float, float] = (0.3, 0.02)
    completeness: float | None = 0.01
    coherence: float = 0.6
    crowding: float = 1.0
    coarsest: int = 32
    ratio: float = 1.8
    iterations: tuple[int, int, int, int, int] = (10, 6, 4, 2, 1)
    source_mask: NDArray[np.bool_] | None = None
    lock: Lock | None = None
    guide: Guide | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where shapes do not fit together."""
        frame, photo = (self.height, self.width), self.source.shape[:2]
        if min(frame) < 32 or min(photo) < 16 or max(photo) > 65535:
            raise ValueError(f"a frame of {frame} from a source of {photo} cannot be made")
        if self.source_mask is not None and self.source_mask.shape != photo:
            raise ValueError("source_mask must have the source's height and width")
        lock = self.lock
        if lock is not None and not lock.mask.shape == lock.picture.shape[:2] == frame:
            raise ValueError("the lock's picture and mask must have the output's height and width")

    def sizes(self) -> list[tuple[int, int]]:
        """(height, width) of each level, coarsest first."""
        short = min(self.height, self.width)
        steps = max(1, math.ceil(math.log(short / self.coarsest) / math.log(self.ratio)))
        ratio = (short / self.coarsest) ** (1 / steps)
        scales = [ratio ** -(steps - level) for level in range(steps + 1)]
        return [(round(self.height * s), round(self.width * s)) for s in scales]

    def source_size(self, level: int) -> tuple[int, int]:
        """(height, width) of the source at a level."""
        scale = self.sizes()[level][0] / self.height
        h, w = self.source.shape[:2]
        return max(PATCH + 2, round(h * scale)), max(PATCH + 2, round(w * scale))


@dataclass(frozen=True, eq=False)
class Draft:
    """A picture on its way: rgb uint8 (h, w, 3) after `level` and the source at that level's size;
    field uint32 (h-6, w-6) holds the source origin of each patch as y << 16 | x."""

    task: Task
    level: int
    rgb: NDArray[np.uint8]
    field: NDArray[np.uint32]
    source: NDArray[np.uint8]

    @property
    def copied(self) -> float:
        """Share (0..1) of the picture in the largest area taken over in one piece."""
        return largest_copy(self.field)

    @property
    def repeated(self) -> float:
        """Share (0..1) of the picture that shows a place of the source more than one and a half times.

        Skies and lawns repeat unseen; compare drafts of one source, not sources.
        """
        h, w = self.source.shape[:2]
        cells = (self.field >> 18) * np.uint32(w // 4 + 1) + ((self.field & 0xFFFF) >> 2)
        uses = np.bincount(cells.ravel(), minlength=(h // 4 + 1) * (w // 4 + 1))
        return float((uses[cells] > 24).mean())  # a cell is 4 x 4 origins

    @property
    def strain(self) -> float:
        """Mean difference, in grey levels, of the picture's patches from their matches: 0 is a
        copy; drafts of one source with more strain have more mush and impossible joints."""
        height, width = self.rgb.shape[:2]
        with Kernel() as kernel:
            q, k, field = kernel.put(self.rgb), kernel.put(self.source), kernel.put(self.field)
            dist = kernel.empty(self.field.shape, np.float32)
            kernel.call("measure", q, height, width, k, k.shape[1], field, dist)
            return float(np.sqrt(kernel.view(dist) / np.float32(PATCH * PATCH * 3)).mean())


@dataclass(frozen=True, eq=False)
class Synthesis:
    """rgb uint8 (H, W, 3); field int32 (H-6, W-6, 2): the source origin (y, x) of each 7 x 7 patch.

    `copied` is the share (0..1) of the picture in the largest area taken over from the source in one
    piece.
    """

    rgb: NDArray[np.uint8]
    field: NDArray[np.int32]
    copied: float


# ---- the stages ------------------------------------------------------------------------------------


def synthesise(
    source: NDArray[np.uint8],
    height: int,
    width: int,
    *,
    start: Start,
    seed: int,
    vertical_prior: float = 0.3,
    row_map: NDArray[np.float32] | None = None,
    noise: float = 0.0,
    detail: tuple[float, float] = (1.0, 0.004),
    crisp: tuple[float, float] = (0.3, 0.02),
    completeness: float | None = 0.01,
    crowding: float = 1.0,
    coarsest: int = 32,
    source_mask: NDArray[np.bool_] | None = None,
    lock: Lock | None = None,
) -> Synthesis:
    """One picture in one go. Arguments as in `Task`."""
    task = Task(
        source=source,
        height=height,
        width=width,
        start=start,
        seed=seed,
        vertical_prior=vertical_prior,
        row_map=row_map,
        noise=noise,
        detail=detail,
        crisp=crisp,
        completeness=completeness,
        crowding=crowding,
        coarsest=coarsest,
        source_mask=source_mask,
        lock=lock,
    )
    return finish(draft(task, stop_at=0))


def draft(task: Task, stop_at: int = 180) -> Draft:
    """The picture up to the first level whose shorter side reaches `stop_at` pixels."""
    at = _level(task, None)
    while min(at.rgb.shape[:2]) < stop_at and at.level + 1 < len(task.sizes()):
        at = _level(task, at)
    return at


def finish(small: Draft) -> Synthesis:
    """Exactly this draft at full size; the same bytes as a run that never stopped."""
    at = small
    while at.level + 1 < len(at.task.sizes()):
        at = _level(at.task, at)
    return Synthesis(at.rgb, unpacked(at.field), largest_copy(at.field))


def _level(task: Task, below: Draft | None) -> Draft:
    """One size of the picture: guess, then match and paint a few times."""
    sizes = task.sizes()
    level = 0 if below is None else below.level + 1
    last = level + 1 == len(sizes)
    height, width = sizes[level]
    short = min(height, width)
    rng = np.random.default_rng([task.seed, level])
    source = resize(task.source, *task.source_size(level))
    passes = _by_size(short, (64, 128, 300, 700), task.iterations)
    grid = source.shape[0] - PATCH, source.shape[1] - PATCH

    held = None if task.lock is None else _held(task.lock, height, width)
    guess = _first(task, source, height, width, rng) if below is None else below.rgb
    guess = resize(guess, height, width)
    if held is not None:
        guess = np.where(held[1][..., None], held[0], guess)

    with Kernel() as kernel:
        q = kernel.put(guess)
        sharp = kernel.put(source)
        # the first pass compares with a source as blurred as the guess: enlarged from below, like it
        soft = sharp if below is None else kernel.put(resize(below.source, *source.shape[:2]))
        allowed = _allowed(task, kernel, source.shape[:2])
        field = _field(kernel, task, below, (height, width), source.shape[:2], allowed, rng)
        given = _given(kernel, task, field, held, (height, width), source.shape[:2])
        dist = kernel.empty(field.shape, np.float32)
        crowd = _Crowd(kernel, task, field, allowed, given, grid) if short < SEARCHED else None
        place = kernel.put(np.arange(grid[0], dtype=np.float32) / np.float32(source.shape[0] - 6))
        target = kernel.put(_targets(task, height))
        thrifty = task.completeness is not None and max(height, width) <= 200
        need = _Need(kernel, q, sharp, rng) if thrifty else None
        canvas = _Canvas(kernel, task, level, q, held, height, width)

        small = short < SEARCHED
        up = level / max(1, len(sizes) - 1)
        for turn in range(passes):
            keys = soft if turn == 0 else sharp
            if task.guide is not None:
                kernel.view(q)[...] = task.guide.pulled(kernel.get(q), up)
            weight = need.weigh(q, keys, task.completeness or 0.0) if need else None
            sweeps = (8 if turn == 0 else 4) if short < 150 else 3 if small else 2
            kernel.call(
                "search",
                q,
                height,
                width,
                keys,
                source.shape[0],
                source.shape[1],
                weight,
                allowed,
                given,
                place,
                target,
                task.vertical_prior * FULL_SCALE,
                field,
                dist,
                sweeps,
                max(grid) if small else 64,
                8 if small else 4,
                task.coherence if short > 100 else 1.0,
                crowd.cleared() if crowd else None,
                crowd.fair if crowd else 0.0,
                task.crowding,
                int(rng.integers(1 << 30)),
            )
            if last and turn + 1 == passes:
                canvas.label(sharp, field)
            else:
                kernel.call("measure", q, height, width, sharp, source.shape[1], field, dist)
                canvas.vote(sharp, field, dist)
            canvas.meld(q, cycles=4 if last else 2)
        return Draft(task, level, kernel.get(q), kernel.get(field), source)


class _Canvas:
    """Votes or labels, melded into a picture, around whatever is held."""

    def __init__(
        self,
        kernel: Kernel,
        task: Task,
        level: int,
        q: Block,
        held: tuple[NDArray[np.uint8], NDArray[np.bool_]] | None,
        height: int,
        width: int,
    ) -> None:
        share = min(1.0, level / max(1, len(task.sizes()) - 2))
        coarse, fine = task.detail
        smooth, rough = (coarse * (end / coarse) ** share for end in (fine, task.crisp[0]))
        if level + 1 == len(task.sizes()):
            smooth, rough = fine / 5, task.crisp[1]
        block = kernel.empty((height, width), np.float32)
        room = kernel.empty((10 * width,), np.float32)
        kernel.call("adapt", q, height, width, CALM, BUSY, smooth, rough, block, room)
        weight = kernel.view(block)
        if held is not None:
            weight *= _away(held[1])
            weight[held[1]] = HELD
        self.kernel, self.height, self.width = kernel, height, width
        self.diag = poisson.diagonal(kernel, block)
        self.picture = self.mask = None
        if held is not None:
            self.picture, self.mask = kernel.put(held[0]), kernel.put(held[1].astype(np.uint8))
        self.u = kernel.planes(3, height, width)
        self.f = kernel.planes(3, height, width)
        self.room = kernel.empty((7 * (10 * width + 40) + 21 * width,), np.float32)

    def vote(self, source: Block, field: Block, dist: Block) -> None:
        """Colours and differences as the mean of all patches, the better ones counting more."""
        middle = max(float(np.median(self.kernel.view(dist))), 30.0)
        self._paint("vote", source, field, dist, 1.0 / middle, self.mask, *VOTED_STEP)

    def label(self, source: Block, field: Block) -> None:
        """Each pixel from one patch: as sharp as the photograph."""
        self._paint("label", source, field, self.mask, *COPIED_STEP)

    def _paint(self, name: str, source: Block, field: Block, *extra: float | Block | None) -> None:
        k, u, f = self.kernel, self.u, self.f
        shape = (self.height, self.width, u.stride, u.size)
        system = (self.diag.first(), u.first(), f.first())
        k.call(name, source, source.shape[1], field, *extra, *shape, *system, self.room)
        if self.mask is not None:
            k.call("hold", self.picture, self.mask, *shape, *system)

    def meld(self, out: Block, cycles: int) -> None:
        """Solve, and write the picture."""
        poisson.solve(self.kernel, self.u, self.f, self.diag, cycles)
        poisson.pack(self.kernel, self.u, out, self.picture, self.mask)


class _Crowd:
    """How often each corner of the source is in use, and how often is fair."""

    def __init__(
        self,
        kernel: Kernel,
        task: Task,
        field: Block,
        allowed: Block | None,
        given: Block | None,
        grid: tuple[int, int],
    ) -> None:
        self.kernel = kernel
        self.cells = kernel.empty(((grid[0] + 3) // 4, (grid[1] + 3) // 4), np.int32)
        offered = int(kernel.view(allowed).sum()) if allowed else grid[0] * grid[1]
        wanted = field.shape[0] * field.shape[1] - (int(kernel.view(given).sum()) if given else 0)
        self.fair = max(1.0, 1.25 * wanted / max(1, offered))

    def cleared(self) -> Block:
        self.kernel.view(self.cells)[...] = 0
        return self.cells


def _by_size(short: int, bounds: tuple[int, ...], values: tuple[int, ...]) -> int:
    return next((v for b, v in zip(bounds, values, strict=False) if short < b), values[-1])


def _first(
    task: Task, source: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    guess = task.start(source, height, width, rng)
    if task.noise:
        spread = np.float32(task.noise * float(guess.std()))
        guess = guess + spread * rng.standard_normal(guess.shape, np.float32)
    return np.clip(np.rint(guess), 0, 255).astype(np.uint8)


def _held(lock: Lock, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    mask = resize(lock.mask.astype(np.uint8) * 255, height, width) >= 128
    return resize(lock.picture, height, width), mask


def _away(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """0.1 at the border of what is held, 1 a sixth of the frame away: colours may adapt near it."""
    near = Image.fromarray(mask.astype(np.uint8) * 255)
    near = near.filter(ImageFilter.BoxBlur(max(1, min(mask.shape) // 6)))
    far = 1 - np.minimum(np.asarray(near, np.float32) / 127.5, 1)
    away: NDArray[np.float32] = np.maximum(far * far, np.float32(0.1))
    return away


def _everywhere(mask: NDArray[np.bool_], side: int) -> NDArray[np.uint8]:
    """1 where the side x side square to the lower right of a pixel is all True; smaller by side-1."""
    out = mask.astype(np.uint8)
    for axis in (0, 1):
        n = out.shape[axis] - side + 1
        parts = [out.take(range(k, k + n), axis) for k in range(side)]
        out = np.minimum.reduce(parts)
    return out


def _allowed(task: Task, kernel: Kernel, size: tuple[int, int]) -> Block | None:
    if task.source_mask is None:
        return None
    share = resize(task.source_mask.astype(np.uint8) * 255, *size)
    for least in (128, 64, 16, 1, 0):  # a thin area may be lost at the coarsest levels: relax there
        fit = _everywhere(share >= least, PATCH + 1)
        if fit.any():
            break
    return kernel.put(fit)


def _targets(task: Task, height: int) -> NDArray[np.float32]:
    """The wished height in the source of each patch row, by the patch's centre."""
    top = np.arange(height - PATCH + 1, dtype=np.float32)
    if task.row_map is None:
        return top / np.float32(height - PATCH + 1)
    at = (top + 3.5) / height * len(task.row_map) - 0.5
    return np.interp(at, np.arange(len(task.row_map)), task.row_map).astype(np.float32)


def _field(
    kernel: Kernel,
    task: Task,
    below: Draft | None,
    size: tuple[int, int],
    source_size: tuple[int, int],
    allowed: Block | None,
    rng: np.random.Generator,
) -> Block:
    """Random at first, then carried up from the level below."""
    h, w = size[0] - PATCH + 1, size[1] - PATCH + 1
    grid = source_size[0] - PATCH, source_size[1] - PATCH
    seed = int(rng.integers(1 << 30))
    field = kernel.empty((h, w), np.uint32)
    if below is None:
        kernel.call("scatter", field, h, w, *grid, allowed, seed)
        return field
    old = kernel.put(below.field)
    before = task.source_size(below.level)
    ry, rx = source_size[0] / before[0], source_size[1] / before[1]
    kernel.call("carry", old, *old.shape, field, h, w, ry, rx, *grid, allowed, seed)
    return field


def _given(
    kernel: Kernel,
    task: Task,
    field: Block,
    held: tuple[NDArray[np.uint8], NDArray[np.bool_]] | None,
    size: tuple[int, int],
    source_size: tuple[int, int],
) -> Block | None:
    """Patches wholly inside the lock keep their known origins; written into the field."""
    if task.lock is None or task.lock.offset is None or held is None:
        return None
    h, w = field.shape
    dy, dx = task.lock.offset
    sy, sx = source_size[0] / task.source.shape[0], source_size[1] / task.source.shape[1]
    y = np.rint((np.arange(h) * task.height / size[0] + dy) * sy)
    x = np.rint((np.arange(w) * task.width / size[1] + dx) * sx)
    y = np.clip(y, 0, source_size[0] - PATCH - 1).astype(np.uint32)
    x = np.clip(x, 0, source_size[1] - PATCH - 1).astype(np.uint32)
    inside = _everywhere(held[1], PATCH)
    given = kernel.put(inside)
    np.copyto(kernel.view(field), y[:, None] << 16 | x[None, :], where=inside.astype(bool))
    return given


class _Need:
    """Completeness: 1 / (alpha + m), m how badly the picture lacks each source patch so far."""

    def __init__(self, kernel: Kernel, q: Block, source: Block, rng: np.random.Generator) -> None:
        h, w = q.shape[0] - PATCH, q.shape[1] - PATCH  # the picture's grid, as a source of patches
        shape = source.shape[0] - PATCH + 1, source.shape[1] - PATCH + 1
        self.kernel, self.rng = kernel, rng
        self.field = kernel.empty(shape, np.uint32)
        self.dist = kernel.empty(shape, np.float32)
        self.level = kernel.empty((max(h, shape[0]),), np.float32)
        self.weight = kernel.empty((shape[0] - 1, shape[1] - 1), np.float32)
        kernel.call("scatter", self.field, *shape, h, w, None, int(rng.integers(1 << 30)))

    def weigh(self, q: Block, keys: Block, alpha: float) -> Block:
        """The weight of each source patch for the next search."""
        reach = max(q.shape[:2])
        self.kernel.call(
            "search",
            keys,
            *keys.shape[:2],
            q,
            *q.shape[:2],
            None,
            None,
            None,
            self.level,
            self.level,
            0.0,
            self.field,
            self.dist,
            4,
            reach,
            8,
            1.0,
            None,
            0.0,
            0.0,
            int(self.rng.integers(1 << 30)),
        )
        base = np.float32(alpha * FULL_SCALE * 0.25)
        self.kernel.view(self.weight)[...] = 1 / (base + self.kernel.view(self.dist)[:-1, :-1])
        return self.weight


# ---- what was copied -------------------------------------------------------------------------------


def unpacked(field: NDArray[np.uint32]) -> NDArray[np.int32]:
    """(h, w) packed origins as (h, w, 2) of y, x."""
    return np.stack([field >> 16, field & 0xFFFF], -1).astype(np.int32)


def largest_copy(field: NDArray[np.uint32], tolerance: int = 1) -> float:
    """Share of the picture in the largest connected area whose patches move together."""
    h, w = field.shape
    with Kernel() as kernel:
        block = kernel.put(field)
        parent, size = kernel.empty((h, w), np.uint32), kernel.empty((h, w), np.uint32)
        most = int(kernel.call("largest_area", block, h, w, tolerance, parent, size))
    return float(most / (h * w))
