"""How near is a new picture to the photos it could have been taken from?

Knows pixels alone: it never asks the image model what it did. Two measures: likeness of encoder
features (or colour fingerprints) to every photo, and the area copied from the nearest few, found
by matching local gradient descriptors (as in D. Lowe, "Distinctive image features from
scale-invariant keypoints", IJCV 2004), voting for position, scale and flip, then checking every
pixel under each alignment. Light changes, crops, flips, rescaling and JPEG do not hide a copy.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.blur import box
from feedsmith.colour import Bytes, Floats, grey, to_lab
from feedsmith.errors import Refused
from feedsmith.post import Originality

COPIED_AREA_MAX = 0.30
"""A picture is "new" while its largest piece copied from one photo stays under this share of it.

Measured by bench/pictures.py --gate: recomposed pictures sit below, planted crops, flips,
brightness changes and JPEG 30 far above (docs/log.md has the distribution)."""
SIMILARITY_MAX = 0.96
"""Encoder cosine from which a picture reads as the same photograph even where no piece is a copy."""
TRIES = 3
"""After so many pictures over the limit the next is kept and called an edited photo."""

SIDE = 320
"""Longest side in px of the picture while it is compared: hides JPEG noise, keeps 64 px pieces."""
PHOTO_SIDE = 512
"""Longest side of the photos: a crop of half of one is then still compared at full detail."""
CELL = 4
"""Px between samples of a descriptor (4x4 samples, 8 directions)."""
WINDOW = 15
"""Px of the square in which two pictures must agree to call its middle copied."""
AGREE = 0.86
"""Correlation from which a window counts as copied; unlike photos stay under 0.6."""
FLAT = 1.5
"""Grey levels of spread under which a window has no texture to compare."""
WHOLE = 0.45
"""Share of a picture's detail that must agree with one alignment to call it the same photograph."""
NEAR = 4
"""Photos compared pixel by pixel, nearest first, beside the ones the picture says it came from."""
_VOTES = 6
"""Matches that must agree before an alignment is checked."""
_ALIGNMENTS = 10
"""Alignments checked for each photo and flip: pieces of one photo, moved differently."""

Encode = Callable[[Bytes], NDArray[np.float32]]


class Copied(NamedTuple):
    """What was found against one photo; shares of the picture, 0..1."""

    area: float
    """Largest contiguous piece."""
    total: float
    """All pieces larger than 64x64 px of a 1080 px picture."""


class Keys(NamedTuple):
    """Descriptors of one picture at several scales."""

    at: Floats
    """(n, 2) y, x in px of the picture at its comparing size."""
    scale: Floats
    """(n,) px of the comparing size for one px of the level it was seen at."""
    what: Floats
    """(n, 128) unit length."""
    grey: Floats
    """The picture at its comparing size."""


def _smoothed(x: Floats, times: int = 1) -> Floats:
    """Binomial 1-2-1 blur, `times` over (sigma about 0.7 sqrt(times))."""
    for _ in range(times):
        for axis in (0, 1):
            pad = [(0, 0)] * x.ndim
            pad[axis] = (1, 1)
            p = np.pad(x, pad, mode="edge")
            n = x.shape[axis]
            a, b, c = (p[(slice(None),) * axis + (slice(k, k + n),)] for k in range(3))
            x = (a + 2 * b + c) * np.float32(0.25)
    return x


def _sized(rgb: Bytes, side: int) -> Floats:
    image = Image.fromarray(rgb)
    scale = side / max(image.size)
    shape = (max(48, round(image.width * scale)), max(48, round(image.height * scale)))
    return grey(np.asarray(image.resize(shape, Image.Resampling.LANCZOS, reducing_gap=3.0)))


def _level(picture: Floats, factor: float) -> Floats:
    """The picture `factor` times smaller."""
    if factor == 1:
        return picture
    h, w = picture.shape
    image = Image.fromarray(picture)
    shape = (max(1, round(w / factor)), max(1, round(h / factor)))
    return np.asarray(image.resize(shape, Image.Resampling.BOX), np.float32)


def _corners(gx: Floats, gy: Floats, most: int) -> NDArray[np.int64]:
    """(n, 2) y, x of the strongest corners, spread evenly: the best of each 8 px square."""
    xx, yy, xy = (box(_smoothed(v), 2) for v in (gx * gx, gy * gy, gx * gy))
    trace = xx + yy
    strength = (xx * yy - xy * xy) / (trace + np.float32(1.0))
    margin = 2 * CELL + 2
    h, w = strength.shape
    if min(h, w) <= 2 * margin + 8:
        return np.zeros((0, 2), np.int64)
    inner = strength[margin : h - margin, margin : w - margin]
    side = 8
    rows, cols = inner.shape[0] // side, inner.shape[1] // side
    blocks = inner[: rows * side, : cols * side].reshape(rows, side, cols, side)
    blocks = blocks.transpose(0, 2, 1, 3).reshape(rows * cols, side * side)
    best = blocks.argmax(1)
    value = blocks[np.arange(len(blocks)), best]
    order = np.argsort(-value, kind="stable")[:most]
    order = order[value[order] > 1.0]
    y = (order // cols) * side + best[order] // side + margin
    x = (order % cols) * side + best[order] % side + margin
    return np.stack([y, x], 1)


def _described(level: Floats, most: int) -> tuple[NDArray[np.int64], Floats]:
    """Corners of one level and their descriptors, (n, 2) and (n, 128)."""
    soft = _smoothed(level, 2)
    gy, gx = (np.asarray(g, np.float32) for g in np.gradient(soft))
    at = _corners(gx, gy, most)
    if not len(at):
        return at, np.zeros((0, 128), np.float32)
    turn = np.arange(8, dtype=np.float32) * np.float32(np.pi / 4)
    maps = np.maximum(gx[..., None] * np.cos(turn) + gy[..., None] * np.sin(turn), 0)
    maps = _smoothed(maps.astype(np.float32), 4)
    offsets = (np.arange(4) * CELL - 1.5 * CELL).astype(np.int64)
    y = at[:, 0, None, None] + offsets[None, :, None]
    x = at[:, 1, None, None] + offsets[None, None, :]
    what = maps[y, x].reshape(len(at), 128)
    for _ in range(2):  # the second time after clipping: no single edge may decide
        what /= np.maximum(np.linalg.norm(what, axis=1, keepdims=True), 1e-6)
        what = np.minimum(what, 0.25)
    what /= np.maximum(np.linalg.norm(what, axis=1, keepdims=True), 1e-6)
    return at, what.astype(np.float32)


def keys(rgb: Bytes, side: int, factors: Sequence[float], most: int) -> Keys:
    """Descriptors of a picture, uint8 (H, W, 3), seen at `side` px and `factors` times smaller."""
    picture = _sized(rgb, side)
    at, scale, what = [], [], []
    for factor in factors:
        where, words = _described(_level(picture, factor), max(60, round(most / factor)))
        at.append((where + 0.5) * factor - 0.5)
        scale.append(np.full(len(where), factor))
        what.append(words)
    return Keys(
        np.concatenate(at).astype(np.float32),
        np.concatenate(scale).astype(np.float32),
        np.concatenate(what),
        picture,
    )


def picture_keys(rgb: Bytes) -> Keys:
    """The side of the new picture: two scales."""
    return keys(rgb, SIDE, (1.0, 1.6), 700)


def photo_keys(rgb: Bytes) -> Keys:
    """The side of a library photo: seven scales, a third of an octave apart."""
    return keys(rgb, PHOTO_SIDE, tuple(2 ** (k / 3) for k in range(7)), 900)


def _fit(a: Floats, b: Floats) -> tuple[float, float]:
    """Scale and shift with b = scale * a + shift, least squares."""
    spread = float(((a - a.mean()) ** 2).sum())
    scale = float(((a - a.mean()) * (b - b.mean())).sum()) / spread if spread > 1e-6 else 1.0
    return scale, float(b.mean() - scale * a.mean())


def _alignments(new: Keys, photo: Keys) -> list[tuple[float, float, float, float]]:
    """Likely (scale_y, shift_y, scale_x, shift_x) from picture px to photo px, best first."""
    if len(new.at) < _VOTES or len(photo.at) < _VOTES:
        return []
    likeness = new.what @ photo.what.T
    first = likeness.argmax(1)
    rows = np.arange(len(first))
    good = likeness[rows, first] > 0.80
    mine, theirs = rows[good], first[good]
    if len(mine) < _VOTES:
        return []
    ratio = photo.scale[theirs] / new.scale[mine]
    shift = photo.at[theirs] - new.at[mine] * ratio[:, None]
    octave = np.rint(np.log2(ratio) * 3).astype(np.int64)
    found: list[tuple[float, float, float, float]] = []
    left = np.ones(len(mine), bool)
    for _ in range(_ALIGNMENTS):
        alive = np.flatnonzero(left)
        if len(alive) < _VOTES:
            break
        best_count, best_pick = 0, alive[:0]
        for half in (0.0, 0.5):
            bins = np.floor(shift[alive] / 24.0 + half).astype(np.int64)
            code = (octave[alive] * 4096 + bins[:, 0] + 2048) * 4096 + bins[:, 1] + 2048
            values, inverse, counts = np.unique(code, return_inverse=True, return_counts=True)
            del values
            top = int(counts.argmax())
            if counts[top] > best_count:
                best_count, best_pick = int(counts[top]), alive[inverse == top]
        if best_count < _VOTES:
            break
        pick = best_pick
        model = (1.0, 0.0, 1.0, 0.0)
        for limit in (14.0, 8.0, 4.0):
            a, b = new.at[mine[pick]], photo.at[theirs[pick]]
            wide = np.ptp(a, axis=0) > 24
            middle = float(np.median(ratio[pick]))
            sy, ty = _fit(a[:, 0], b[:, 0]) if wide[0] else (middle, 0.0)
            sx, tx = _fit(a[:, 1], b[:, 1]) if wide[1] else (middle, 0.0)
            if not wide[0] or not middle / 1.35 < sy < middle * 1.35:
                sy = middle
                ty = float(np.median(b[:, 0] - sy * a[:, 0]))
            if not wide[1] or not middle / 1.35 < sx < middle * 1.35:
                sx = middle
                tx = float(np.median(b[:, 1] - sx * a[:, 1]))
            model = (sy, ty, sx, tx)
            guess = new.at[mine] * np.array([sy, sx], np.float32) + np.array([ty, tx], np.float32)
            error = np.abs(guess - photo.at[theirs]).max(1)
            pick = np.flatnonzero((error < limit) & left)
            if len(pick) < _VOTES:
                break
        left[best_pick] = False
        if len(pick) >= _VOTES:
            left[pick] = False
            found.append(model)
    return found


def _laid(
    photo: Floats, shape: tuple[int, int], model: tuple[float, float, float, float]
) -> Floats:
    """The photo seen through an alignment, in the picture's shape; NaN outside of the photo."""
    sy, ty, sx, tx = model
    h, w = shape
    image = Image.fromarray(_smoothed(photo, max(0, round((max(sy, sx) - 1) * 2))))
    data = (sx, 0.0, tx + 0.5 - 0.5 * sx, 0.0, sy, ty + 0.5 - 0.5 * sy)
    out = np.asarray(
        image.transform(
            (w, h), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC, fillcolor=-999
        ),
        np.float32,
    ).copy()
    y, x = np.arange(h) * sy + ty, np.arange(w) * sx + tx
    out[(y < 0) | (y > photo.shape[0] - 1)] = np.nan
    out[:, (x < 0) | (x > photo.shape[1] - 1)] = np.nan
    return out


def _agreement(picture: Floats, laid: Floats) -> NDArray[np.bool_]:
    """Where the two agree: by correlation where there is texture, by tone where there is none."""
    outside = np.isnan(laid)
    other = np.where(outside, picture.mean(), laid).astype(np.float32)
    # Slow gradients (sky, blur) agree with any other slow gradient: only detail may vouch.
    a0, b0 = _smoothed(picture, 2), _smoothed(other, 2)
    a, detail = a0 - box(a0, WINDOW // 2), b0 - box(b0, WINDOW // 2)
    mean_a, mean_b = box(a, WINDOW // 2), box(detail, WINDOW // 2)
    var_a = np.maximum(box(a * a, WINDOW // 2) - mean_a * mean_a, 0)
    var_b = np.maximum(box(detail * detail, WINDOW // 2) - mean_b * mean_b, 0)
    scale = np.sqrt(var_a * var_b) + np.float32(1e-3)
    best = np.full(picture.shape, -1, np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            b = np.roll(detail, (dy, dx), (0, 1))
            best = np.maximum(best, (box(a * b, WINDOW // 2) - mean_a * mean_b) / scale)
    textured = (var_a > FLAT**2) & ~outside
    sure = textured & (best > AGREE) & (var_b > (0.3 * FLAT) ** 2)
    if sure.sum() < 400:
        return sure
    # Smooth parts (sky, water, blur): tone must follow the tone curve that the sure parts show.
    level = np.clip(b0 / 8, 0, 31).astype(np.int64)
    count = np.bincount(level[sure], minlength=32)
    tone = np.bincount(level[sure], a[sure], minlength=32) / np.maximum(count, 1)
    known = np.flatnonzero(count >= 12)
    expected = np.interp(b0 / 8 - 0.5, known, tone[known])
    in_range = (level >= known[0] - 2) & (level <= known[-1] + 2)
    flat = (var_a <= FLAT**2) & (var_b <= (2 * FLAT) ** 2) & ~outside & in_range
    alike = flat & (np.abs(a0 - expected) < 7) & ((best > 0.5) | (var_a < 0.5))
    if sure.sum() > WHOLE * textured.sum():
        # One alignment explains the picture's detail: then it explains its sky as well, however
        # JPEG and light changed it. Recomposed pictures never agree with one alignment so far.
        alike |= ~textured & ~outside & (np.abs(a0 - expected) < 20)
    return np.asarray(sure | alike, bool)


def pieces(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Sizes in px of the 4-connected pieces of a mask, largest first (union of row runs)."""
    h = mask.shape[0]
    edge = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, start = np.nonzero(edge == 1)
    stop = np.nonzero(edge == -1)[1]
    n = len(row)
    if n == 0:
        return np.zeros(0, np.int64)
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first = np.searchsorted(row, np.arange(h + 1))
    starts, stops = start.tolist(), stop.tolist()
    for y in range(1, h):
        i, i_end, j, j_end = int(first[y - 1]), int(first[y]), int(first[y]), int(first[y + 1])
        while i < i_end and j < j_end:
            if starts[i] < stops[j] and starts[j] < stops[i]:
                parent[root(j)] = root(i)
            if stops[i] < stops[j]:
                i += 1
            else:
                j += 1
    roots = np.array([root(i) for i in range(n)])
    sizes = np.bincount(roots, (stop - start).astype(np.float64), n).astype(np.int64)
    return np.sort(sizes[sizes > 0])[::-1]


def _opened(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """The mask without threads and crumbs thinner than `size` px."""
    core = box(mask.astype(np.float32), size // 2) > 0.995
    grown = box(core.astype(np.float32), size // 2) > 1e-3
    return np.asarray(grown & mask, bool)


def copied(new: Keys, flipped: Keys, photo: Keys) -> Copied:
    """How much of a picture is copied from one photo, whatever its crop, size, flip or light.

    `flipped` are the keys of the mirrored picture.
    """
    shape = new.grey.shape
    union = np.zeros(shape, bool)
    largest = 0
    small = (64 / 1080 * min(shape)) ** 2
    for side in (new, flipped):
        for model in _alignments(side, photo):
            mask = _opened(_agreement(side.grey, _laid(photo.grey, shape, model)), 7)
            sizes = pieces(mask)
            if len(sizes) and sizes[0] >= small:
                largest = max(largest, int(sizes[0]))
                union |= mask if side is new else mask[:, ::-1]
    area = shape[0] * shape[1]
    return Copied(largest / area, float(union.sum()) / area)


def offsets_copied(nnf: NDArray[np.int32], tolerance: int = 1) -> Copied:
    """The same from a synthesis's own source map (h, w, 2): exact, every fourth pixel is read.

    Neighbours belong to one piece while their source moves along with them (within `tolerance`).
    """
    step = 4
    part = nnf[::step, ::step]
    h, w = part.shape[:2]
    off = part - np.stack([*np.mgrid[0 : h * step : step, 0 : w * step : step]], -1)
    right = np.abs(off[:, 1:] - off[:, :-1]).max(-1) <= tolerance
    down = np.abs(off[1:] - off[:-1]).max(-1) <= tolerance
    # Twice as fine a grid, with links as pixels, turns "moves along" into plain connectedness.
    fine = np.zeros((2 * h - 1, 2 * w - 1), bool)
    fine[::2, ::2] = True
    fine[::2, 1::2] = right
    fine[1::2, ::2] = down
    sizes = pieces(fine)
    # A piece of n cells has about 3 n fine pixels (itself, one link right, one down).
    cells = (sizes + 2) / 3
    big = cells * step * step >= 64 * 64
    area, total = float(cells[0] / (h * w)), float(cells[big].sum() / (h * w))
    return Copied(min(1.0, area), min(1.0, total))


def fingerprint(rgb: Bytes) -> NDArray[np.float32]:
    """Colours and where they are, unit length: the stand-in where no encoder is installed.

    Cosine 0..1. Coarse on purpose: it only picks the photos that are compared pixel by pixel.
    """
    small = Image.fromarray(rgb).resize((48, 48), Image.Resampling.BOX, reducing_gap=3.0)
    lab = to_lab(np.asarray(small)).reshape(-1, 3)
    cell = np.stack(
        [
            np.clip((lab[:, 0] - lab[:, 0].mean()) / 12 + 3, 0, 5.99),
            np.clip(lab[:, 1] / 5 + 3, 0, 5.99),
            np.clip(lab[:, 2] / 5 + 3, 0, 5.99),
        ],
        1,
    ).astype(np.int64)
    count = np.bincount((cell[:, 0] * 6 + cell[:, 1]) * 6 + cell[:, 2], minlength=216)
    out = np.sqrt(count.astype(np.float32))
    return np.asarray(out / np.float32(np.linalg.norm(out)), np.float32)


class Gate:
    """Compares pictures with the photos of one library.

    rgb_of: photo id -> pixels, uint8 (H, W, 3) of about PHOTO_SIDE px. features: photo id -> unit
    vector, from the same `encode` that is used on pictures (default: `fingerprint` of each photo,
    made on first use).
    """

    def __init__(
        self,
        rgb_of: Callable[[str], Bytes],
        ids: Sequence[str],
        *,
        features: Mapping[str, NDArray[np.float32]] | None = None,
        encode: Encode | None = None,
    ) -> None:
        self._rgb_of = rgb_of
        self._ids = list(ids)
        self._encode: Encode = encode if encode is not None and features else fingerprint
        self._by_network = encode is not None and bool(features)
        self._given = features if self._by_network else None
        self._matrix: NDArray[np.float32] | None = None
        self._keys: OrderedDict[str, Keys] = OrderedDict()

    def _features(self) -> NDArray[np.float32]:
        if self._matrix is None:
            if self._given is not None:
                self._ids = [i for i in self._ids if i in self._given]
                rows = [self._given[i] for i in self._ids]
            else:
                rows = self._fingerprints()
            matrix = np.stack(rows).astype(np.float32)
            self._matrix = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-6)
        return self._matrix

    def _fingerprints(self) -> list[NDArray[np.float32]]:
        """Of every readable photo; the others leave the comparison."""
        rows, ids = [], []
        for photo in self._ids:
            try:
                rows.append(fingerprint(self._rgb_of(photo)))
            except Refused:
                continue
            ids.append(photo)
        self._ids = ids
        return rows or [np.zeros(216, np.float32)]

    def _photo(self, photo: str) -> Keys:
        if photo in self._keys:
            self._keys.move_to_end(photo)
        else:
            self._keys[photo] = photo_keys(self._rgb_of(photo))
            while len(self._keys) > 16:  # 1.6 MB each
                self._keys.popitem(last=False)
        return self._keys[photo]

    def nearest(self, rgb: Bytes, count: int = NEAR) -> list[tuple[str, float]]:
        """The photos most like a picture and their cosine, best first."""
        if not self._ids:
            return []
        mine = np.asarray(self._encode(rgb), np.float32).ravel()
        cosine = self._features() @ (mine / max(float(np.linalg.norm(mine)), 1e-6))
        cosine = cosine[: len(self._ids)]
        order = np.argsort(-cosine, kind="stable")[:count]
        return [(self._ids[i], float(cosine[i])) for i in order]

    def measure(
        self,
        rgb: Bytes,
        *,
        sources: Sequence[str] = (),
        nnf: NDArray[np.int32] | None = None,
        edited: bool = False,
        tries: int = 1,
    ) -> Originality:
        """Compare a picture, uint8 (H, W, 3), with the nearest photos and its own `sources`.

        nnf: the synthesis's source map, if any: it can only raise the measure. edited: the method
        keeps the photo as it is (crop, extend, relight), so the label is "edited photo" whatever
        the measure says.
        """
        near = self.nearest(rgb, NEAR if self._by_network else 2 * NEAR)
        if not near:
            return Originality(
                nearest="", similarity=0.0, copied_area=0.0, label="new", tries=tries
            )
        new = picture_keys(rgb)
        mirrored = picture_keys(np.ascontiguousarray(rgb[:, ::-1]))
        area = total = 0.0
        name, cosine = near[0]
        known = dict(near)
        for photo in dict.fromkeys([*sources, *known]):
            try:
                found = copied(new, mirrored, self._photo(photo))
            except Refused:
                continue  # a photo that went missing cannot be compared, and must not stop a run
            if found.area > max(area, 0.05):
                name, cosine = photo, known.get(photo, cosine)
            area, total = max(area, found.area), max(total, found.total)
        if nnf is not None:
            exact = offsets_copied(nnf)
            area, total = max(area, exact.area), max(total, exact.total)
        alike = self._by_network and cosine > SIMILARITY_MAX
        fresh = not edited and area <= COPIED_AREA_MAX and not alike
        return Originality(
            nearest=name,
            similarity=round(cosine, 4),
            copied_area=round(area, 4),
            copied_total=round(max(total, area), 4),
            label="new" if fresh else "edited photo",
            tries=tries,
        )
