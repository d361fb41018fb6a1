"""A seamless loop of moving frames out of one still photograph: a cinemagraph.

Leaves and flowers sway, water runs or ripples, clouds and mist drift, light breathes, snow falls;
everything else stands perfectly still. Every movement is a sum of waves that go round a whole
number of times in the loop, or two shifted copies that fade into each other, so the last frame
leads into the first. Knows pixels, a saliency map and keywords; nothing of files, posts or codecs.

Sources: two-phase advection, N. Max and B. Becker, "Flow visualization using moving textures",
1996; layered stochastic motion of stills, Y.-Y. Chuang et al., "Animating pictures with stochastic
motion textures", SIGGRAPH 2005; the skyline, Y. Shen and Q. Wang, "Sky region detection in a
single image for autonomous ground robot navigation", 2013.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.blur import box
from feedsmith.colour import chroma, to_lab
from feedsmith.errors import FeedsmithError
from feedsmith.images.kernel import Kernel
from feedsmith.images.resample import resize

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Motion = Literal["water", "flow", "sway", "drift", "mist", "snow", "dust", "light"]

MOTIONS: tuple[Motion, ...] = ("water", "flow", "sway", "drift", "mist", "snow", "dust", "light")
"""Ripples on lakes and sea; running water; plants; clouds; haze; flakes; motes; a breath of light."""
SECONDS = 4.0
FPS = 25
"""Frames a second; a GIF's delays are whole hundredths, 25 and 12.5 are exact."""
SMALLEST = 160
"""Pixels of the shorter side under which no movement is worth looking at."""

CELL = 4  # pixels between two nodes of the kernel's grid
LANES = 8  # floats a node: look A x y, look B x y, weights of A and B, gain, veil
RIM = 48  # pixels of mirrored margin; no displacement is larger
LOOK = 320  # pixels of the longer side at which the picture is judged
WARPED, BLENDED, SHADED = 1, 2, 4
TURN = np.float32(2 * np.pi)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PLANTS = _words(
    "plant plants leaf leaves foliage tree trees flower flowers blossom blossoms bloom grass grasses meadow field "
    "reed reeds fern ferns branch branches needles pine fir cedar spruce maple oak willow palm bush shrub hedge "
    "garden dandelion lavender wheat barley petal petals dahlia rose tulip aster asters lily catkin twig vine "
    "redbud dogwood blossom herb herbs bamboo sumac larch birch sycamore hibiscus sunflower poppy walnut ash "
    "redwood sequoia hemlock canopy crown thicket forest woodland"
)
_GRASS = _words("grass grasses meadow field reed reeds wheat barley lavender bamboo")
_FLOWERS = _words(
    "flower flowers blossom blossoms bloom petal petals dahlia rose tulip aster asters lily lavender hibiscus "
    "dandelion sunflower poppy redbud catkin periwinkle sage"
)
_FAR = _words("hill hills mountain mountains ridge valley range panorama dune dunes desert canyon")
_STILL_WATER = _words(
    "lake pond sea ocean bay reflection reflections water harbour harbor river lagoon shore"
)
_RUNNING = _words(
    "stream waterfall waterfalls cascade creek brook rapids falls river torrent foam surf"
)
_SKY = _words(
    "sky skies cloud clouds cloudy sunset sunrise dusk dawn landscape mountain mountains hills horizon"
)
_MIST = _words("mist misty fog foggy haze hazy steam")
_STIFF = _words("cactus cholla succulent succulents stump log mushroom mushrooms moss lily lotus")
_CLOSE = _words(
    "drop drops dew petal petals lily leaf leaves flower flowers blossom close-up macro"
)
_SNOW = _words("snow snowy winter snowfall christmas frost")
_GLOW = _words("backlight backlit dust sunbeam sunbeams motes")
_WALLS = _words("window wall house building buildings barn city street room interior")
_BUILT = _WALLS | _words(
    "boat boats ship ships pier dock jetty bridge boardwalk car swimmer surfer "
    "fence person people man woman child children bird birds osprey wren nuthatch duck swan dog cat "
    "animal"
)


@dataclass(frozen=True, slots=True)
class Loop:
    """A still, what moves in it and how. Frames are made when asked for, one at a time."""

    still: Bytes
    """(H, W, 3)."""
    motion: Motion
    count: int
    """Frames; after the last comes the first."""
    fps: int
    mask: Bytes
    """(H, W): 0 stands perfectly still, 255 moves wholly. All 255 for snow and dust, which may fall
    anywhere."""
    moving_share: float
    """Of the picture's area, 0..1."""
    reason: str
    """In words, why this movement."""
    _flags: int = field(repr=False)
    _move: "Callable[[float, Floats], None]" = field(repr=False)
    _veil: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0), repr=False)
    _dots: "_Dots | None" = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        return self.count / self.fps

    def frames(self, step: int = 1) -> Iterator[Bytes]:
        """(H, W, 3) RGB frames in order, every `step`-th; pixels where mask is 0 are the still's own."""
        height, width = self.still.shape[:2]
        rows, columns = np.nonzero(self.mask.any(1))[0], np.nonzero(self.mask.any(0))[0]
        with Kernel("feedsmith.film", "warp.wasm") as kernel:
            across = width + 2 * RIM
            flat = _padded(self.still)
            still = kernel.put(flat)
            soft = kernel.put(_padded(_softened(self.still))) if self._flags & BLENDED else None
            grid = kernel.empty((height // CELL + 2, width // CELL + 2, LANES), np.float32)
            row = kernel.empty((width // CELL + 3, LANES), np.float32)
            mask = kernel.put(self.mask)
            out = kernel.put(self.still)
            first = 4 * (RIM * across + RIM)
            del flat
            for index in range(0, self.count, step):
                t = index / self.count
                if self._flags and rows.size:
                    self._move(t, kernel.view(grid))
                    kernel.call(
                        "frame",
                        still.offset + first,
                        soft.offset + first if soft else None,
                        across,
                        width,
                        height,
                        RIM,
                        grid,
                        width // CELL + 2,
                        row,
                        mask,
                        out,
                        int(columns[0]),
                        int(rows[0]),
                        int(columns[-1]) + 1,
                        int(rows[-1]) + 1,
                        self._flags,
                        *self._veil,
                    )
                frame = kernel.get(out)
                if self._dots is not None:
                    self._dots.draw(frame, t)
                yield frame


def frames(
    rgb: Bytes,
    saliency: Floats | None,
    seed: int,
    motion: str = "",
    keywords: Sequence[str] = (),
    *,
    still: Floats | None = None,
    seconds: float = SECONDS,
    fps: int = FPS,
) -> Loop:
    """The loop that suits the picture, or the one asked for.

    `rgb` (H, W, 3); `saliency` and `still` (any shape, 0..1) say where the subject is and what must
    stand (faces, products, words); `motion` is one of MOTIONS or empty; `keywords` are the words
    known of the photo, the surer the better. 3..60 frames a second. Without a part that can move
    believably the answer is `light`. Raises FeedsmithError for a picture too small or of one colour,
    for an unknown motion, and where the motion asked for has nothing in the picture to move.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < SMALLEST:
        raise FeedsmithError(
            f"a picture of {width}x{height} pixels is too small for a loop",
            mend=f"use one of at least {SMALLEST} pixels each way",
        )
    if motion and motion not in MOTIONS:
        raise FeedsmithError(
            f"motion {motion!r} is unknown", mend=f"use one of {', '.join(MOTIONS)}, or none"
        )
    if not 3 <= fps <= 60 or not 1 <= seconds <= 15:
        raise FeedsmithError(
            f"a loop of {seconds:g} s at {fps} frames a second cannot be made",
            mend="use 1 to 15 seconds and 3 to 60 frames a second",
        )
    view = _View.of(rgb, saliency, still, frozenset(w for k in keywords for w in k.lower().split()))
    if view.flat:
        raise FeedsmithError(
            "a picture of one colour has nothing that could move",
            mend="use a photograph",
        )
    count = max(2, round(seconds * fps))
    rng = np.random.default_rng(seed)
    for kind in (motion,) if motion else _ways(view.words):
        made = _MAKERS[kind](rgb, view, rng, count / fps)
        if made is None:
            continue
        share = float(np.count_nonzero(made.mask > 8)) / made.mask.size
        return Loop(
            rgb,
            kind,
            count,
            fps,
            made.mask,
            share,
            made.reason,
            made.flags,
            made.move,
            made.veil,
            made.dots,
        )
    raise FeedsmithError(
        f"nothing in the picture can move as {motion!r}",
        mend="leave the motion open, or choose another photo",
    )


def suits(keywords: Sequence[str]) -> bool:
    """True where the words known of a photo name something that can move believably."""
    words = frozenset(w for k in keywords for w in k.lower().split())
    return bool(words) and _ways(words) != ("light",)


def _ways(words: frozenset[str]) -> tuple[Motion, ...]:
    """Movements worth trying, the best first."""
    ways: list[Motion] = []
    crowded = bool(words & _BUILT)
    if words & _RUNNING:
        ways.append("flow")
    if words & _MIST:
        ways.append("mist")
    if words & _SNOW and not words & _STILL_WATER:
        ways.append("snow")
    if words & _STILL_WATER and not crowded and not words & _CLOSE:
        ways.append("water")
    spoilt = _FAR | _STIFF | _WALLS | (_STILL_WATER if crowded else frozenset())
    if words & _PLANTS and not words & spoilt:
        ways.append("sway")
    known = words & (_PLANTS | _STILL_WATER | _RUNNING | _SKY | _MIST | _SNOW | _FAR | _STIFF)
    if words & _SKY or not known:
        ways.append("drift")
    if not known:
        ways.append("sway")
    if words & _GLOW:
        ways.append("dust")
    return (*ways, "light")


# ---- what the picture shows --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    """The picture at LOOK pixels, and what the rules ask of it; all maps (h, w) float32."""

    lab: Floats
    detail: Floats
    """Root mean square of the lightness gradient nearby, in OKLab L a pixel."""
    level: Floats
    """Share of that gradient's energy that points up or down: 1 on level water, .5 on leaves."""
    ways: Floats
    """(h, w, 2): unit direction along which the texture runs, downwards."""
    coherent: Floats
    """How much the texture runs one way, 0..1."""
    salient: Floats
    still: Floats
    words: frozenset[str]

    @classmethod
    def of(
        cls, rgb: Bytes, saliency: Floats | None, still: Floats | None, words: frozenset[str]
    ) -> "_View":
        height, width = rgb.shape[:2]
        scale = LOOK / max(height, width)
        h, w = max(8, round(height * scale)), max(8, round(width * scale))
        lab = to_lab(resize(rgb, h, w))
        light = np.ascontiguousarray(lab[..., 0])
        down, across = (np.asarray(slope, np.float32) for slope in np.gradient(light))
        xx, yy, xy = box(across * across, 3), box(down * down, 3), box(across * down, 3)
        energy: Floats = xx + yy + np.float32(1e-3)
        # The eigenvector of the smaller eigenvalue of the smoothed tensor runs along the texture.
        wide = [box(m, 4) for m in (xx, yy, xy)]
        angle = np.float32(0.5) * np.arctan2(2 * wide[2], wide[0] - wide[1]) + np.float32(np.pi / 2)
        along = np.stack([np.cos(angle), np.sin(angle)], axis=2)
        along *= np.where(along[..., 1:] < 0, np.float32(-1), np.float32(1))
        spread = np.hypot(wide[0] - wide[1], 2 * wide[2]) / (wide[0] + wide[1] + np.float32(1e-3))
        return cls(
            lab,
            np.sqrt(box(energy, 1)),
            box(yy, 2) / box(energy, 2),
            np.asarray(along, np.float32),
            np.asarray(spread, np.float32),
            _scaled(saliency, h, w),
            _scaled(still, h, w),
            words,
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.lab.shape[0], self.lab.shape[1]

    @property
    def flat(self) -> bool:
        return float(self.lab.reshape(-1, 3).std(0).max()) < 0.5

    @property
    def stands(self) -> Floats:
        """1 where nothing may move: what was named, and the subject unless it is a plant."""
        if self.words & _PLANTS and not self.words & _BUILT:
            return self.still
        return np.maximum(self.still, _step(box(self.salient, 3), 0.15, 0.4))

    def skyline(self) -> NDArray[np.int64]:
        """For each column the rows of sky above the land; 0 where the picture has no sky."""
        light = box(np.ascontiguousarray(self.lab[..., 0]), 1)
        down, across = np.gradient(light)
        steep = np.hypot(down, across)
        flat = self.lab.reshape(-1, 3)
        best, line = -1.0, np.zeros(self.shape[1], np.int64)
        for limit in np.geomspace(1.5, 14, 14):
            over = steep > limit
            border = np.where(over.any(0), over.argmax(0), self.shape[0])
            sky = (np.arange(self.shape[0])[:, None] < border).ravel()
            count = int(sky.sum())
            if not 0.05 * sky.size < count < 0.95 * sky.size:
                continue
            parts = [np.linalg.eigvalsh(np.cov(flat[m], rowvar=False)) for m in (sky, ~sky)]
            (a, b) = (np.maximum(p, 0.05) for p in parts)
            fit = 1 / (2 * a.prod() + b.prod() + 2 * a[-1] + b[-1])
            if fit > best:
                best, line = float(fit), border
        # A column that missed its own edge runs on into the land: its neighbours know better.
        reach = self.shape[1] // 10
        around = [np.median(line[max(0, i - reach) : i + reach + 1]) for i in range(len(line))]
        return np.minimum(line, np.array(around, np.int64) + 3)


def _scaled(plane: Floats | None, h: int, w: int) -> Floats:
    if plane is None:
        return np.zeros((h, w), np.float32)
    image = Image.fromarray(np.asarray(plane, np.float32))
    return np.asarray(image.resize((w, h), Image.Resampling.BILINEAR), np.float32)


def _step(x: NDArray[np.floating[Any]], low: float, high: float) -> Floats:
    """0 under `low`, 1 over `high`, smooth between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _settled(mask: Floats, radius: int = 4) -> Floats:
    """Specks and pinholes gone, then drawn in so that it is 0 at its own edge and rises softly."""
    mask = _step(box(mask, radius), 0.35, 0.6)
    return _step(box(mask, radius), 0.5, 1.0)


def _large(mask: Floats, height: int, width: int) -> Bytes:
    image = Image.fromarray(np.clip(np.rint(mask * 255), 0, 255).astype(np.uint8))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _nodes(plane: Floats, height: int, width: int) -> Floats:
    """A map of the whole picture at the kernel's grid nodes."""
    gh, gw = height // CELL + 2, width // CELL + 2
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    # The nodes reach a little past the picture: the box says which part of the map they stand for.
    h, w = plane.shape
    reach = (0.0, 0.0, min(w, gw * CELL * w / width), min(h, gh * CELL * h / height))
    return np.asarray(image.resize((gw, gh), Image.Resampling.BILINEAR, box=reach), np.float32)


def _noise(rng: np.random.Generator, height: int, width: int, size: float) -> Floats:
    """Smooth noise at the grid nodes, mean 0, variance about 1, lumps of `size` pixels."""
    gh, gw = height // CELL + 2, width // CELL + 2
    h, w = max(2, round(height / size)) + 3, max(2, round(width / size)) + 3
    seeds = rng.standard_normal((h, w)).astype(np.float32)
    found = Image.fromarray(seeds).resize(
        (gw, gh), Image.Resampling.BICUBIC, box=(1, 1, w - 1, h - 1)
    )
    return np.asarray(found, np.float32)


def _padded(picture: Bytes) -> NDArray[np.uint8]:
    """RGBX with a mirrored margin, values less 128 (as signed bytes)."""
    height, width = picture.shape[:2]
    wide = np.empty((height + 2 * RIM, width + 2 * RIM, 4), np.uint8)
    wide[..., :3] = np.pad(picture, ((RIM, RIM), (RIM, RIM), (0, 0)), mode="reflect")
    wide[..., 3] = 128
    wide ^= 128
    return wide


def _softened(picture: Bytes) -> Bytes:
    """The picture without its texture: what two overlaid copies must not wash out."""
    height, width = picture.shape[:2]
    small = Image.fromarray(picture).resize(
        (max(4, width // 24), max(4, height // 24)), Image.Resampling.BOX
    )
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


# ---- how it moves ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Made:
    mask: Bytes
    flags: int
    move: Callable[[float, Floats], None]
    reason: str
    veil: tuple[float, float, float] = (0.0, 0.0, 0.0)
    dots: "_Dots | None" = None


def _unit(rgb: Bytes) -> float:
    """Picture pixels of one pixel of a picture 1080 across."""
    return float(min(rgb.shape[:2])) / 1080


def _support(reach: Floats, height: int, width: int) -> Bytes:
    """255 where a node nearby moves: the movement itself fades out, so nothing is mixed."""
    near = Image.fromarray((reach > 0.004).astype(np.uint8) * 255)
    gh, gw = reach.shape
    full = near.resize((gw * CELL, gh * CELL), Image.Resampling.BILINEAR)
    mask = np.asarray(full)[:height, :width] > 0
    return np.asarray(mask * np.uint8(255))


@dataclass(frozen=True, slots=True)
class _Wave:
    """A travelling wave over the moving nodes: phase (n,) in radians, strength (n,) pixels."""

    turns: int
    phase: Floats
    strength: Floats
    slant: float
    """Vertical share of the movement."""


def _sway(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """Leaves, grass and flowers in a light wind."""
    height, width = rgb.shape[:2]
    unit = _unit(rgb)
    colour = chroma(view.lab)
    hue = np.degrees(np.arctan2(view.lab[..., 2], view.lab[..., 1])) % 360
    named = bool(view.words & _PLANTS)
    bluest = 165 if named else 148  # painted wood and cars are bluer than leaves
    green = _step(hue, 88, 102) * (1 - _step(hue, bluest, bluest + 12)) * _step(colour, 2.5, 5)
    lush = green
    if view.words & _FLOWERS:
        # Before a house only the flower that draws the eye: walls and shutters have colours too.
        if view.words & _BUILT:
            lush = np.maximum(lush, _step(colour, 13, 16) * _step(box(view.salient, 3), 0.1, 0.3))
        else:
            lush = np.maximum(lush, _step(colour, 6, 10))
    if view.words & _PLANTS and not view.words & _BUILT:
        lush = np.maximum(lush, _step(hue, 15, 30) * _step(colour, 5, 9) * (hue < 110))
    above = np.arange(len(lush))[:, None] < view.skyline()[None]
    lush = lush * (1 - above * (1 - _step(box(view.detail, 5), 2.5, 5)))  # green clouds, a hazy sky
    # A lawn behind a tree is smoother than the tree and stands, as does what is out of focus; the
    # flat middle of a leaf moves with its sharp rim.
    nearby = box(view.detail, 9)
    usual = float(np.percentile(nearby[lush > 0.5], 70)) if (lush > 0.5).any() else 0.0
    usual = max(usual, float(np.percentile(nearby, 75)))
    least = max(1.4, (0.2 if view.words & _GRASS else 0.6) * usual)
    sharp = _step(box(_step(view.detail, 0.8 * least, 1.4 * least), 16), 0.12, 0.32)
    if named:
        sharp = np.maximum(sharp, _step(view.salient, 0.3, 0.6))
    rim = np.zeros(sharp.shape, np.bool_)
    rim[[0, -1]] = rim[:, [0, -1]] = True
    smooth = sharp < 0.5
    sharp = np.where(smooth & ~_grown(rim, smooth), np.float32(1), sharp)
    mask = _settled(np.maximum(lush, _step(box(lush, 7), 0.5, 0.75)) * sharp * (1 - view.stands))
    low = (
        mask.mean(1) @ np.arange(len(mask), dtype=np.float32) / max(1e-6, float(mask.mean(1).sum()))
    )
    if named and not view.words & _GRASS and float(low) > 0.7 * len(mask):
        mask = np.zeros_like(mask)  # the lawn under a tree whose own leaves were not found
    # Towards what stands the movement fades slowly: a short way would stretch the picture like skin.
    mask = mask * box(mask, 7)
    nod = np.zeros_like(mask)
    if view.words & _PLANTS and not view.words & _BUILT:
        # One plant before a soft ground: the whole head nods, and the ground bends unseen.
        around = box(view.salient, 24)
        ring = (view.salient < 0.1) & (around > 0.05)
        soft = float(view.detail[ring].mean()) if ring.sum() > 50 else 9.0
        # Colourful all around: the map found only a part of the flower.
        part = ring.sum() > 50 and float(colour[ring].mean()) > 8
        part = part and float(view.lab[..., 0][ring].mean()) > 62
        if soft < 2.0 and not part and 0.02 < float((view.salient > 0.5).mean()) < 0.6:
            # The head moves as one: its border must be well inside the even part.
            nod = box(_step(box(box(view.salient, 9), 9), 0.03, 0.3), 4)
            mask = np.zeros_like(mask)
    strength = _nodes(mask, height, width)
    head = _nodes(nod, height, width)
    enough = 0.04 if named else 0.12
    if float((strength > 0.3).mean()) < enough and float(head.max()) < 0.3:
        return None
    y, x = np.mgrid[0 : strength.shape[0], 0 : strength.shape[1]].astype(np.float32) * CELL
    edge = np.minimum(np.minimum(x, width - x), height * 2 - y) / (40 * unit)
    strength = strength * np.clip(0.25 + 0.75 * edge, 0, 1)
    head = head * _step((height - y) / height, 0.0, 0.7) * np.clip(edge / 3, 0, 1)
    at = np.maximum(strength, head) > 0.004
    x, y, s, top = x[at] / unit, y[at] / unit, strength[at], head[at]

    def lumps(size: float) -> Floats:
        noise = _noise(rng, height, width, size * unit)
        return np.asarray(noise[at], np.float32)

    beat = seconds / 4  # turns are given for 4 s: the wind does not hurry in a shorter loop
    wind = np.float32(rng.choice((-1, 1)))
    waves = []
    for turns, length, pixels, wander, slant in (
        (1, 900, 2.0, 0.9, 0.15),
        (2, 420, 1.3, 1.6, 0.25),
        (3, 230, 0.8, 2.4, 0.4),
        (5, 120, 0.40, 3.2, 0.6),
        (8, 70, 0.22, 4.0, 0.8),
    ):
        phase = wind * TURN * (x + np.float32(0.35) * y) / np.float32(length)
        phase = phase + np.float32(wander) * lumps(0.6 * length) + np.float32(rng.uniform(0, 6.28))
        varied = np.clip(1 + np.float32(0.45) * lumps(0.8 * length), 0.2, 2)
        waves.append(
            _Wave(
                max(1, round(turns * beat)),
                np.asarray(phase, np.float32),
                np.asarray(np.float32(pixels * unit) * s * varied, np.float32),
                slant,
            )
        )
    for turns, pixels, lag in ((1, 5.0, 0.5), (2, 2.2, 0.8), (3, 0.9, 1.2)):
        phase = np.float32(rng.uniform(0, 6.28)) + np.float32(lag) * y / 1080
        waves.append(
            _Wave(max(1, round(turns * beat)), phase, np.float32(pixels * unit) * top, 0.22)
        )

    def move(t: float, grid: Floats) -> None:
        dx, dy = np.zeros_like(x), np.zeros_like(x)
        for wave in waves:
            turned = wave.phase - TURN * np.float32(wave.turns * t)
            dx += wave.strength * np.cos(turned)
            dy += wave.strength * np.float32(wave.slant) * np.sin(turned)
        grid[at, 0] = dx
        grid[at, 1] = dy

    reach = np.maximum(strength, head)
    return _Made(_support(reach, height, width), WARPED, move, "plants sway in a light wind")


def _ripple(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """A lake or the sea: waves that shrink towards the horizon."""
    height, width = rgb.shape[:2]
    unit = _unit(rgb)
    h = view.shape[0]
    found = _surface(view)
    if found is None:
        return None
    mask, horizon = found
    strength = _nodes(mask, height, width)
    y, x = np.mgrid[0 : strength.shape[0], 0 : strength.shape[1]].astype(np.float32) * CELL
    at = strength > 0.004
    near = np.clip((y - horizon * height / h) / (height - horizon * height / h), 0.02, 1)
    x, near, s = x[at], near[at], strength[at]
    away = 1 / near  # distance on the water, 1 at the lower border
    side = (x - width / 2) / width * away
    waves = []
    beat = seconds / 4
    for turns, length, pixels in (
        (2, 0.55, 2.6),
        (3, 0.34, 2.1),
        (4, 0.21, 1.7),
        (5, 0.15, 1.3),
        (6, 0.11, 1.0),
        (7, 0.085, 0.8),
    ):
        bearing = np.float32(rng.normal(0, 0.55))
        phase = TURN * (np.cos(bearing) * away * 0.8 + np.sin(bearing) * side) / np.float32(length)
        phase = phase + np.float32(1.2) * _noise(rng, height, width, 260 * unit)[at]
        # Waves under twelve pixels from crest to crest are too fine for the grid and for the eye.
        crest = np.float32(length) * near * near * (height / 0.8)
        fade = _step(crest, 10, 24)
        waves.append(
            _Wave(
                max(1, round(turns * beat)),
                np.asarray(phase + np.float32(rng.uniform(0, 6.28)), np.float32),
                np.asarray(np.float32(pixels * unit) * s * near**0.7 * fade, np.float32),
                0.4,
            )
        )
    shallow = np.float32(2.2 * unit) * s * near**0.7

    glint = [_noise(rng, height, width, 30 * unit)[at] for _ in range(2)]

    def move(t: float, grid: Floats) -> None:
        dx, dy, slope = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
        for wave in waves:
            turned = wave.phase + TURN * np.float32(wave.turns * t)
            crest = np.sin(turned)
            dy += wave.strength * crest
            dx += wave.strength * np.float32(wave.slant) * np.cos(turned)
            slope += wave.strength * np.cos(turned)
        grid[at, 0] = dx
        grid[at, 1] = dy
        sparkle = np.cos(TURN * np.float32(t) * 3 + 3 * glint[0]) * glint[1]
        grid[at, 6] = s * (
            np.float32(0.018) * slope / np.maximum(shallow, 0.05) + np.float32(0.008) * sparkle
        )

    return _Made(
        _support(strength, height, width), WARPED | SHADED, move, "ripples run over the water"
    )


def _surface(view: _View) -> tuple[Floats, float] | None:
    """Where the water lies and the row of its horizon; None where that cannot be told."""
    h = view.shape[0]
    rows = np.arange(h, dtype=np.float32)[:, None]
    mirror, likeness = _mirror(view)
    colour = chroma(view.lab)
    hue = np.degrees(np.arctan2(view.lab[..., 2], view.lab[..., 1])) % 360
    rough = _step(view.detail, 2.5, 5.0) * (1 - _step(view.level, 0.6, 0.8))
    if likeness > 0.7:
        start = mirror
        above = np.clip(2 * start - np.arange(h), 0, h - 1)
        # A stone in the water is rough and darker than what it hides, which stands above it.
        light = np.ascontiguousarray(view.lab[..., 0])
        hidden = box(light, 12)[above] - box(light, 4)
        darker = _step(hidden - float(np.median(hidden[start:])), 3, 9)
        stone = np.maximum(box(rough, 2), _step(view.detail, 3, 6)) * darker
        wet = 1 - _step(box(stone, 3), 0.1, 0.4)
    else:
        smooth = 1 - _step(view.detail, 1.5, 4.5)
        earth = _step(hue, 15, 40) * (1 - _step(hue, 165, 185)) * _step(colour, 3, 6)
        wet = np.maximum(
            _step(box(view.level, 3), 0.56, 0.7) * (1 - 0.35 * earth), 0.8 * smooth * (1 - earth)
        )
        sky = view.skyline()
        top = float(np.median(sky)) if sky.any() else 0.0
        share = box(wet, 2).mean(1)
        share[: int(max(top + 2, 0.2 * h))] = 0
        # The horizon: the top of the lowest band of rows that are mostly water.
        wide = np.convolve(share, np.full(5, 0.2, np.float32), mode="same") > 0.55
        turns = np.flatnonzero(np.diff(np.concatenate([[0], wide.astype(np.int8), [0]])))
        bands = [int(a) for a, b in zip(turns[::2], turns[1::2], strict=True) if b - a > h // 10]
        start = bands[-1] if bands else 0
        if start == 0 or start > 0.85 * h:
            return None
        # The shore is warmer than the water at the horizon.
        band = wet[start + 2 : start + 2 + h // 16] > 0.5
        colours = view.lab[start + 2 : start + 2 + h // 16][band]
        if len(colours):
            warm = _step(view.lab[..., 2] - float(np.median(colours[:, 2])), 2.5, 6)
            wet = wet * (1 - warm * box(rough, 2))
    wet = wet * (rows > start + 1) * (1 - view.stands)
    mask = _step(box(_step(box(wet, 3), 0.5, 0.8), 3), 0.45, 1.0)
    mask *= _connected(mask > 0.05, slice(start, start + max(6, h // 8)))
    mask *= _step(rows - start, 1, 6)
    if float((mask > 0.4).mean()) < 0.1 or float((mask > 0.4).mean(1).max()) < 0.6:
        return None
    return mask, float(start)


def _connected(inside: NDArray[np.bool_], rows: slice) -> NDArray[np.bool_]:
    """The part of `inside` that hangs together with its largest run of pixels within `rows`."""
    band = np.zeros_like(inside)
    band[rows] = inside[rows]
    found = np.zeros_like(inside)
    counts = band.sum(0)
    if not counts.any():
        return found
    # The middle of the longest stretch of columns that are inside throughout.
    full = np.concatenate([[0], (counts >= 0.6 * counts.max()).astype(np.int8), [0]])
    turns = np.flatnonzero(np.diff(full))
    starts, ends = turns[::2], turns[1::2]
    longest = int(np.argmax(ends - starts))
    found[:, starts[longest] : ends[longest]] = band[:, starts[longest] : ends[longest]]
    return _grown(found, inside)


def _grown(seed: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All of `inside` that hangs together with `seed`."""
    found = seed & inside
    while True:
        grown = found.copy()
        grown[1:] |= found[:-1]
        grown[:-1] |= found[1:]
        grown[:, 1:] |= found[:, :-1]
        grown[:, :-1] |= found[:, 1:]
        grown &= inside
        if np.array_equal(grown, found):
            return found
        found = grown


def _mirror(view: _View) -> tuple[int, float]:
    """The row below which the picture repeats itself upside down, and how well, -1..1."""
    h, _ = view.shape
    light = box(np.ascontiguousarray(view.lab[..., 0]), 2)
    best, found = -1.0, 0
    reach = h // 6
    for row in range(int(0.25 * h), int(0.8 * h)):
        deep = min(reach, h - row - 2)
        if deep < h // 10:
            break
        above, below = light[row - deep : row][::-1], light[row + 2 : row + 2 + deep]
        a, b = above - above.mean(), below - below.mean()
        spread = float(np.sqrt((a * a).mean() * (b * b).mean()))
        if spread < 6:
            continue
        like = float((a * b).mean()) / spread
        if like > best:
            best, found = like, row
    return found, best


def _advected(
    rgb: Bytes,
    mask: Floats,
    velocity: NDArray[np.floating[Any]],
    cycles: int,
    rng: np.random.Generator,
    reason: str,
    wander: float,
    texture: float,
) -> _Made:
    """Two copies that run along `velocity` (h, w, 2; pixels in a cycle) and take turns.

    Where they overlap they are mixed so that the contrast stays: their common variance follows from
    how far apart they look and `texture`, the pixels over which the picture resembles itself.
    """
    height, width = rgb.shape[:2]
    strength = _nodes(mask, height, width)
    at = strength > 0.004
    vx = _nodes(velocity[..., 0], height, width)[at]
    vy = _nodes(velocity[..., 1], height, width)[at]
    speed = np.hypot(vx, vy)
    limit = np.minimum(1, (2 * RIM - 8) / np.maximum(speed, 1))
    vx, vy = vx * limit, vy * limit
    apart = np.hypot(vx, vy) / 2
    alike = np.exp(-((apart / np.float32(texture)) ** 2))
    start = np.float32(wander) * _noise(rng, height, width, 200 * _unit(rgb))[at]

    def move(t: float, grid: Floats) -> None:
        a = (np.float32(cycles * t) + start) % 1
        b = (a + np.float32(0.5)) % 1
        wa = np.sin(np.float32(np.pi) * a) ** 2
        wb = 1 - wa
        even = 1 / np.sqrt(wa * wa + wb * wb + 2 * alike * wa * wb)
        grid[at, 0] = -vx * (a - np.float32(0.5))
        grid[at, 1] = -vy * (a - np.float32(0.5))
        grid[at, 2] = -vx * (b - np.float32(0.5))
        grid[at, 3] = -vy * (b - np.float32(0.5))
        grid[at, 4] = wa * even
        grid[at, 5] = wb * even

    return _Made(_large(mask, height, width), WARPED | BLENDED, move, reason)


def _flow(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """Streams and waterfalls: white water runs along its own streaks, downwards."""
    h = view.shape[0]
    colour = chroma(view.lab)
    light = np.ascontiguousarray(view.lab[..., 0])
    # White water is as white as anything in the picture; pale stone beside it is warmer.
    whitest = light >= np.percentile(light, 98)
    warm = view.lab[..., 2] - float(np.median(view.lab[whitest][:, 2]))
    pale = _step(light - box(light, 40), 2, 12) * _step(light, 45, 62) * (1 - _step(colour, 4, 8))
    pale = pale * (1 - _step(box(np.asarray(warm, np.float32), 1), 0.8, 2.2))
    rows = np.arange(h, dtype=np.float32)[:, None] / h
    sky = np.arange(h)[:, None] < view.skyline()[None] + 3
    pale = pale * (1 - sky) * _step(rows, 0.1, 0.2) * (1 - view.still)
    pale = np.maximum(pale, _step(box(pale, 6), 0.45, 0.7) * (1 - view.still))
    mask = _step(box(_step(box(pale, 3), 0.3, 0.55), 2), 0.35, 0.9)
    if float((mask > 0.4).mean()) < 0.02:
        return None
    weight = mask * view.coherent + np.float32(0.02)
    along = np.stack([box(view.ways[..., i] * weight, 5) for i in (0, 1)], axis=2)
    along[..., 1] += np.float32(0.02)
    along /= np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1e-4)
    reach = 56 * _unit(rgb) * (0.6 + 0.8 * rows)
    velocity = along * (reach * mask)[..., None]
    turns = max(1, round(5 * seconds / 4))
    return _advected(rgb, mask, velocity, turns, rng, "the water runs", 0.35, 4 * _unit(rgb))


def _drift(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """Clouds pass above the land."""
    h, w = view.shape
    line = view.skyline()
    if view.words & _STILL_WATER:  # a pale sea is easily taken for more sky
        surface = _surface(view)
        if surface is None:
            return None
        line = np.minimum(line, int(surface[1]) - 2)
    rows = np.arange(h, dtype=np.float32)[:, None]
    sky = (rows < line[None] - 2).astype(np.float32)
    if float(sky.mean()) < 0.12:
        return None
    inside = sky > 0
    light = np.ascontiguousarray(view.lab[..., 0])
    open_sky = rows < line[None] - 0.06 * h
    # Clouds are what is left of the sky's lightness without its slow gradient; 24 rows keep the
    # land out of the mean.
    share = np.maximum(box(sky, 12), 1e-3)
    level = box(light * sky, 12) / share
    clouds = np.abs(light - level)[open_sky] if open_sky.any() else np.zeros(1, np.float32)
    hue = np.degrees(np.arctan2(view.lab[..., 2], view.lab[..., 1])) % 360
    leafy = (hue > 95) & (hue < 175) & (chroma(view.lab) > 3) & (view.detail > 2)
    if float(np.percentile(clouds, 80)) < 1.2 or float(leafy[inside].mean()) > 0.25:
        return None
    lowest = np.array([line[max(0, i - 6) : i + 7].min() for i in range(w)])
    room = np.clip((lowest[None] - rows) / (0.10 * h), 0, 1)
    mask = _step(box(sky, 5), 0.6, 1.0) * _step(box(room, 4), 0.05, 0.9) * (1 - view.stands)
    mask = _step(box(mask, 3), 0.1, 1)
    if float((mask > 0.4).mean()) < 0.08:
        return None
    if not view.words & _SKY:  # nobody said that this is a sky: it must look like one
        airy = ((hue > 180) & (hue < 310)) | ((chroma(view.lab) < 4) & (light > 60))
        brighter = float(light[inside].mean()) - float(light[~inside].mean())
        rough = float(np.median(view.detail[inside]))
        if float(airy[inside].mean()) < 0.8 or rough > 3 or brighter < 8:
            return None
    wind = np.float32(rng.choice((-1, 1)))
    speed = 30 * _unit(rgb) * mask * (1.15 - 0.6 * rows / max(1, int(line.max())))
    velocity = np.stack([wind * speed, np.zeros_like(speed)], axis=2)
    return _advected(
        rgb,
        mask,
        velocity,
        max(1, round(seconds / 4)),
        rng,
        "the clouds drift",
        0.25,
        14 * _unit(rgb),
    )


def _mist(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """A thin veil of mist passes, thickest where the picture is already pale and soft."""
    height, width = rgb.shape[:2]
    unit = _unit(rgb)
    light = np.ascontiguousarray(view.lab[..., 0])
    pale = _step(box(light, 8), 45, 85) * (1 - _step(box(view.detail, 6), 1.5, 5))
    mask = box(pale, 10) * (1 - view.stands)
    if float((mask > 0.3).mean()) < 0.1:
        return None
    bright = view.lab[..., 0] >= np.percentile(light, 85)
    colour = resize(rgb, *view.shape)[bright].mean(0)
    strength = _nodes(mask, height, width)
    y, x = np.mgrid[0 : strength.shape[0], 0 : strength.shape[1]].astype(np.float32) * CELL
    waves = _clouds(x / unit, y / unit, rng, height, width, unit)
    at = strength > 0.01
    waves = [(n, p[at], a) for n, p, a in waves]
    s = strength[at]

    def move(t: float, grid: Floats) -> None:
        total = np.zeros_like(s)
        for turns, phase, share in waves:
            total += np.float32(share) * np.cos(phase - TURN * np.float32(turns * t))
        grid[at, 7] = s * np.clip(np.float32(0.16) + np.float32(0.16) * total, 0, 0.5)

    veil = (float(colour[0]), float(colour[1]), float(colour[2]))
    return _Made(
        _support(strength * (strength > 0.01), height, width), SHADED, move, "mist passes", veil
    )


def _clouds(
    x: Floats, y: Floats, rng: np.random.Generator, height: int, width: int, unit: float
) -> list[tuple[int, Floats, float]]:
    """Soft patches that pass sideways: (turns a loop, phase at each node, share)."""
    found = []
    wind = np.float32(rng.choice((-1, 1)))
    for turns, length, share in ((1, 900, 0.5), (1, 620, 0.4), (2, 480, 0.3), (2, 330, 0.2)):
        slope = np.float32(rng.uniform(-1.2, 1.2))
        phase = wind * TURN * (x + slope * y) / np.float32(length)
        phase = phase + np.float32(2.2) * _noise(rng, height, width, 420 * unit)
        found.append(
            (turns, np.asarray(phase + np.float32(rng.uniform(0, 6.28)), np.float32), share)
        )
    return found


def _light(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """Nothing moves; the light breathes, as when thin cloud passes the sun."""
    height, width = rgb.shape[:2]
    unit = _unit(rgb)
    gh, gw = height // CELL + 2, width // CELL + 2
    y, x = np.mgrid[0:gh, 0:gw].astype(np.float32) * CELL
    waves = _clouds(x / unit, y / unit, rng, height, width, unit)

    def move(t: float, grid: Floats) -> None:
        total = np.zeros((gh, gw), np.float32)
        for turns, phase, share in waves:
            total += np.float32(share) * np.cos(phase - TURN * np.float32(turns * t))
        grid[..., 6] = np.float32(0.07) * total

    return _Made(np.full((height, width), 255, np.uint8), SHADED, move, "the light moves softly")


# ---- what falls and floats ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Dots:
    """Soft round specks; each lives one loop long, fades in and out, and starts at its own time."""

    at: Floats
    """(n, 2) x, y where it is in the middle of its life, pixels."""
    way: Floats
    """(n, 2) pixels it goes in a loop."""
    sway: Floats
    """(n, 2) pixels to the side, and phase in turns."""
    born: Floats
    """(n,) turns."""
    radius: Floats
    """(n,) pixels."""
    shade: Floats
    """(n,) opacity."""
    colour: tuple[int, int, int]

    def draw(self, frame: Bytes, t: float) -> None:
        height, width = frame.shape[:2]
        colour = np.array(self.colour, np.float32)
        for i in range(len(self.born)):
            life = (t + float(self.born[i])) % 1
            x = float(self.at[i, 0] + self.way[i, 0] * (life - 0.5))
            x += float(self.sway[i, 0]) * float(np.sin(2 * np.pi * (life + float(self.sway[i, 1]))))
            y = float(self.at[i, 1] + self.way[i, 1] * (life - 0.5))
            r = float(self.radius[i])
            opacity = float(self.shade[i]) * float(np.sin(np.pi * life)) ** 2
            x0, x1 = max(0, int(x - 2.5 * r)), min(width, int(x + 2.5 * r) + 2)
            y0, y1 = max(0, int(y - 2.5 * r)), min(height, int(y + 2.5 * r) + 2)
            if x0 >= x1 or y0 >= y1 or opacity < 0.004:
                continue
            gx = np.exp(-(((np.arange(x0, x1, dtype=np.float32) - x) / r) ** 2))
            gy = np.exp(-(((np.arange(y0, y1, dtype=np.float32) - y) / r) ** 2))
            alpha = np.float32(opacity) * (gy[:, None] * gx[None])[..., None]
            patch = frame[y0:y1, x0:x1]
            patch[...] = np.rint(patch + alpha * (colour - patch)).astype(np.uint8)


def _snow(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """Flakes: many small and slow far away, few large, soft and quick ones near."""
    height, width = rgb.shape[:2]
    unit = _unit(rgb)
    top = view.lab[: view.shape[0] // 3]
    hue = np.degrees(np.arctan2(top[..., 2], top[..., 1])) % 360
    blue = (hue > 190) & (hue < 290) & (chroma(top) > 3.5)
    ground = view.lab[view.shape[0] // 2 :]
    white = (ground[..., 0] > 68) & (chroma(ground) < 3.5)
    if float(blue.mean()) > 0.15 or float(white.mean()) < 0.3:
        return None  # no snow falls from a blue sky, nor where none lies
    n = 170
    near = (rng.random(n).astype(np.float32)) ** 2.2
    at = rng.random((n, 2)).astype(np.float32) * np.array([width, height], np.float32)
    fall = (120 + 260 * near) * np.float32(unit * seconds)
    wind = np.float32(rng.uniform(-0.35, 0.35))
    way = np.stack([wind * fall, fall], axis=1)
    swing = np.stack([(6 + 22 * near) * np.float32(unit), rng.random(n).astype(np.float32)], axis=1)
    return _fallen(
        rgb,
        _Dots(
            at,
            way,
            swing,
            rng.random(n).astype(np.float32),
            np.maximum((1.3 + 5.5 * near) * np.float32(unit), 0.8),
            0.85 - 0.4 * near,
            (250, 251, 253),
        ),
        "snow falls",
    )


def _dust(rgb: Bytes, view: _View, rng: np.random.Generator, seconds: float) -> _Made | None:
    """Motes in low light, out of focus, drifting upwards."""
    height, width = rgb.shape[:2]
    unit = _unit(rgb)
    warm = resize(rgb, *view.shape)[view.lab[..., 0] >= np.percentile(view.lab[..., 0], 90)].mean(0)
    n = 70
    near = rng.random(n).astype(np.float32) ** 2
    at = rng.random((n, 2)).astype(np.float32) * np.array([width, height], np.float32)
    way = rng.normal(0, 1, (n, 2)).astype(np.float32) * np.float32(28 * unit * seconds / 4)
    way[:, 1] -= np.float32(34 * unit * seconds / 4) * (0.4 + near)
    swing = np.stack([(3 + 9 * near) * np.float32(unit), rng.random(n).astype(np.float32)], axis=1)
    glow = np.clip(0.45 * warm + 0.55 * 255, 0, 255).astype(int)
    return _fallen(
        rgb,
        _Dots(
            at,
            way,
            swing,
            rng.random(n).astype(np.float32),
            np.maximum((1.2 + 6 * near) * np.float32(unit), 0.8),
            0.55 - 0.38 * near,
            (int(glow[0]), int(glow[1]), int(glow[2])),
        ),
        "motes float in the light",
    )


def _fallen(rgb: Bytes, dots: _Dots, reason: str) -> _Made:
    mask = np.full(rgb.shape[:2], 255, np.uint8)
    return _Made(mask, 0, lambda t, grid: None, reason, dots=dots)


_MAKERS: dict[str, Callable[[Bytes, _View, np.random.Generator, float], _Made | None]] = {
    "water": _ripple,
    "flow": _flow,
    "sway": _sway,
    "drift": _drift,
    "mist": _mist,
    "snow": _snow,
    "dust": _dust,
    "light": _light,
}
