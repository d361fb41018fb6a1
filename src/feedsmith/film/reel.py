"""A reel: a few photos and sentences in, a film of 9:16 with beats, motion and words out.

Read `make` from top to bottom: the storyboard (which shot from which beat to which), then each shot
(how it moves, how its words are set), then the frames, one by one into the file. Holds two shots at
a time, never the film. Knows nothing of brands' folders or of how words and pictures came about.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import faces, palette, pictures, render, template
from feedsmith.errors import FeedsmithError
from feedsmith.film import beats, encode, motion, walk
from feedsmith.film.encode import Film
from feedsmith.film.motion import Planes, ease, ease_out

RGB = NDArray[np.uint8]
Map = NDArray[np.float32]
Words = str | Mapping[str, str]
"""A headline, or words by slot of a reel template (headline, kicker, body, name, price, cta...)."""

FPS = 30
FORMAT = rules.FORMATS["story"]
SHOTS_MAX = 6
LONGEST = 30.0
"""Seconds a reel may grow to so that all its words can be read."""
READING = 15.0
"""Characters a second that people read on a moving picture."""
READABLE_FOR = 1.2
"""Seconds that even two words stand still."""
ENTER, STAGGER, LEAVE = 11, 3, 6
"""Frames: a line comes in, the next line follows, all leave."""
SOFT = 2.1
"""A photo that fills the frame only when it is enlarged more than this stands on a ground instead."""
MOODS = tuple(beats.TEMPI)
_HEAVY = 0.24
"""Share of the picture that a scrim, and of its subject that words or a panel, may hide before
another layout is tried."""
_COVERED = 0.3
"""Share of the subject that words hide at every place of every layout tried, from which the photo
becomes a print with the words below it."""


_SUBJECT = (0.02, 0.5)
"""Share of a picture that one thing takes which it is a picture of."""


class Made(NamedTuple):
    """What became of a reel; the film itself is in its file."""

    cover: RGB
    """(1920, 1080, 3): the first shot with its words."""
    duration: float
    """Seconds."""
    fps: int
    text: tuple[str, ...]
    """All words set, in the order they appear."""
    min_contrast: float
    """Lowest contrast of any word with any sampled frame behind it; at least 4.5 (21 without)."""
    layouts: tuple[tuple[str, str], ...]
    """Name and scheme of those that the words are set in, in the order they appear."""
    tempo: float
    """Beats a minute that it is cut to."""
    heard: bool
    """True where the beats are the track's own."""
    cuts: tuple[float, ...]
    """Seconds at which a new shot begins."""


class _Shot(NamedTuple):
    """One line of the storyboard: frames [start, end), what it shows and says."""

    start: int
    end: int
    picture: int
    words: Mapping[str, str]
    closing: bool


def make(
    path: Path,
    shots: Sequence[RGB],
    texts: Sequence[Words] = (),
    *,
    closing: Mapping[str, str] | None = None,
    roles: Palette,
    pair: str | faces.Pair = "",
    run_seed: int = 0,
    turn: int = 0,
    music: Path | None = None,
    seconds: float = 7.0,
    mood: str = "warm",
    saliency: Sequence[Map | None] = (),
    keep: Sequence[Sequence[render.Box]] = (),
    language: str = "en",
    logo: render.Logo | None = None,
    extra: Path | None = None,
    only: tuple[str, str] = ("", ""),
    walks: Mapping[int, walk.Walk] | None = None,
) -> Made:
    """Write a reel of 1 to 6 `shots` (H, W, 3) of any size to `path`: 1080x1920, 30 fps.

    `texts`: the words of each shot, "" for none; the first are the hook. `closing`: words of a
    card at the end (slots of the template reel-card: headline, cta, and body, kicker, footer).
    `roles`: a complete palette; `pair`: typefaces ("" for the seed's choice). `saliency`: the map of
    each shot, (h, w) 0..1, of any size; `keep`: boxes in each shot, such as faces, that stay in the
    frame and that words keep off. `mood`: one of MOODS, the tempo and how it is cut.
    `only`: name and scheme of a layout that was chosen by a person: whatever goes into it is set in
    it, though another might hide less of the picture. `walks`: number of a shot from 0 -> the walk
    (1080x1920) that is seen instead of its picture.
    `seconds` grows (to LONGEST) when the words need it. The same arguments give the same bytes.
    Raises render.Misfit when words fit no layout, FeedsmithError for an unusable track or no room.
    """
    if not 1 <= len(shots) <= SHOTS_MAX:
        raise FeedsmithError(
            f"a reel of {len(shots)} pictures", mend=f"give it 1 to {SHOTS_MAX} pictures"
        )
    grid = beats.by_mood(mood)
    if music is not None:
        grid = beats.heard(encode.track(music, 30), encode.SAMPLE_RATE, mood)
    rng = np.random.default_rng([run_seed, turn, 0xF173])
    board = _storyboard(len(shots), texts, closing, seconds, grid)
    cuts = _cuts(len(board), mood, rng)
    moves = _moves(len(shots), rng)
    entry = _ENTRIES[int(rng.integers(len(_ENTRIES)))]
    ending = _ENDINGS[int(rng.integers(len(_ENDINGS)))]
    maps = [*saliency, *[None] * (len(shots) - len(saliency))]
    boxes = [*keep, *[()] * (len(shots) - len(keep))]
    maps = [render.kept(seen, held) for seen, held in zip(maps, boxes, strict=True)]
    setter = _Setter(roles, pair, run_seed, turn, language, logo, extra, entry, only)

    def scene(index: int) -> _Scene:
        shot = board[index]
        length = (shot.end - shot.start) / FPS
        picture, busy, move = shots[shot.picture], maps[shot.picture], moves[shot.picture]
        view: _View
        words: _Words | None
        if shot.closing:
            view, words = setter.closing(shot.words, picture, busy, length, ending)
        elif walks and shot.picture in walks:
            view = _Walked(walks[shot.picture], length)
            words = setter.words(shot.words, view, None) if shot.words else None
        else:
            if _enlarged(picture) > SOFT or _cropped(picture, busy):
                view, busy = _Framed.of(picture, busy, length, move, roles.paper, len(shot.words))
            else:
                # With boxes in it the map has no outline to cut a subject out by.
                flat = bool(boxes[shot.picture])
                view, busy = _moving(picture, busy, length, move, flat)
            words = setter.words(shot.words, view, busy) if shot.words else None
            covered = words is not None and words.layout != only and words.hidden > _COVERED
            if words is not None and covered and not isinstance(view, _Framed):
                # Nowhere to stand but on the subject: the words go below a print of it.
                busy = maps[shot.picture]
                print_, around = _Framed.of(
                    picture, busy, length, move, roles.paper, len(shot.words)
                )
                with contextlib.suppress(render.Misfit):
                    beside = setter.words(shot.words, print_, around)
                    if beside.hidden < words.hidden:
                        view, words = print_, beside
        return _Scene(shot, view, words, cuts[index], cuts[index + 1])

    said: list[_Words] = []
    now, coming, index = scene(0), None, 0
    cover = encode.rgb(*now.whole(0.5))
    with Film(path, FORMAT.width, FORMAT.height, FPS, music) as film:
        for n in range(board[-1].end):
            if n >= now.gone:
                index += 1
                now, coming = coming or scene(index), None
            frame = now.picture(n)
            if n >= now.going:
                coming = coming or scene(index + 1)
                frame = cuts[index + 1].mixed(frame, coming.picture(n), (n + 0.5 - now.going))
            elif now.words is not None:
                now.words.draw(frame, n - now.there, now.going - n if now.leaves else None)
                said += [now.words] if now.words not in said else []
            film.add(*frame)
        duration = film.duration
    return Made(
        cover, duration, FPS,
        tuple(text for words in said for text in words.text),
        min((words.min_contrast for words in said), default=21.0),
        tuple(dict.fromkeys(words.layout for words in said)),
        round(grid.tempo, 1), grid.heard, tuple(shot.start / FPS for shot in board),
    )  # fmt: skip


def _storyboard(
    count: int,
    texts: Sequence[Words],
    closing: Mapping[str, str] | None,
    seconds: float,
    grid: beats.Grid,
) -> list[_Shot]:
    """Shots one after the other, each long enough for its words, each cut on a beat."""
    lines = [_slots(words) for words in texts[:count]]
    lines += [{}] * (count - len(lines))
    rows = [(i, words, False) for i, words in enumerate(lines)]
    if closing and (card := _slots(closing)):
        rows.append((count - 1, card, True))
    needs = [_needed(words) for _, words, _ in rows]
    spare = max(seconds - sum(needs), 0.0) / len(rows)
    board: list[_Shot] = []
    start, planned = 0.0, 0.0
    for i, (picture, words, card_) in enumerate(rows):
        planned += needs[i] + spare
        least = start + needs[i]
        end = max(grid.nearest(planned), grid.after(least))
        if i == len(rows) - 1:
            end = min(max(seconds, least), LONGEST)
        if round(end * FPS) <= round(start * FPS):
            break  # no room left for more
        board.append(_Shot(round(start * FPS), round(end * FPS), picture, words, card_))
        start = end
    return board


def _slots(words: Words) -> dict[str, str]:
    given = {"headline": words} if isinstance(words, str) else dict(words)
    return {slot: said for slot, said in given.items() if faces.plain(said)}


def _needed(words: Mapping[str, str]) -> float:
    """Seconds that a shot needs for its words to come, be read and go."""
    if not words:
        return READABLE_FOR
    # Nobody reads the sender's name; and lines are read while they come and go.
    letters = sum(len(said) for slot, said in words.items() if slot not in ("footer", "kicker"))
    return max(letters / READING, READABLE_FOR) + (ENTER + STAGGER + LEAVE) / 2 / FPS


class _Cut(NamedTuple):
    """How one shot follows another: frames before and after the beat that show both."""

    kind: str
    before: int = 0
    after: int = 0

    def mixed(self, old: Planes, new: Planes, frames: float) -> Planes:
        """Both shots, `frames` after the new one began to show."""
        t = frames / (self.before + self.after)
        if self.kind == "cross":
            return motion.crossed(old, new, t)
        return motion.pushed(old, new, t)


_CUT, _CROSS, _PUSH = _Cut("cut"), _Cut("cross", 6, 6), _Cut("push", 5, 7)
_SETTLE, _ZOOM = _Cut("settle"), _Cut("zoom")
_WAYS = {
    "calm": (_CROSS, _CROSS, _CUT),
    "warm": (_SETTLE, _CROSS, _SETTLE, _PUSH),
    "lively": (_ZOOM, _SETTLE, _PUSH),
}
"""Cuts by mood; one is taken for a whole reel, now and then another."""


def _cuts(count: int, mood: str, rng: np.random.Generator) -> list[_Cut]:
    """The cut before each shot, and after the last."""
    ways = _WAYS.get(mood, _WAYS["warm"])
    main = int(rng.integers(len(ways)))
    row = [ways[main if k % 3 < 2 else (main + 1) % len(ways)] for k in range(count - 1)]
    return [_CUT, *row, _CUT]


def _moves(count: int, rng: np.random.Generator) -> list[str]:
    """A move for each shot; no two alike follow each other."""
    row: list[str] = []
    while len(row) < count:
        for i in rng.permutation(len(motion.MOVES)):
            if not row or row[-1] != motion.MOVES[int(i)]:
                row.append(motion.MOVES[int(i)])
    return row[:count]


class _View(Protocol):
    def at(self, t: float, zoom: float = 1.0) -> Planes: ...


def _enlarged(picture: RGB) -> float:
    """How much the picture must grow to fill the frame."""
    h, w = picture.shape[:2]
    return float(max(FORMAT.width / w, FORMAT.height / h))


def _cropped(picture: RGB, saliency: Map | None) -> bool:
    """True where a cut to the frame would take a clear subject's sides off."""
    if saliency is None:
        return False
    cut, _ = pictures.best_window(picture, FORMAT.width, FORMAT.height, saliency)
    clear = saliency > 0.5
    k = saliency.shape[1] / picture.shape[1]
    kept = clear[:, int(cut[0] * k) : int(cut[2] * k) + 1].sum()
    return bool(clear.mean() > 0.03 and kept < 0.85 * clear.sum())


def _moving(
    picture: RGB, saliency: Map | None, length: float, move: str, flat: bool = False
) -> tuple[_View, Map | None]:
    """The picture filling the frame; in two layers where it has one clear subject, unless `flat`."""
    wide = 0.2 if move.startswith("drift") else 0.0
    still, piece, part = motion.still(
        picture, FORMAT.width, FORMAT.height, saliency=saliency, wide=wide
    )
    focus = _focus(part)
    matte = None if flat else motion.subject(piece, part)
    if matte is None:
        return motion.Plain(still, motion.glide(still, move, length, focus)), part
    # Towards a subject that has room around it, away from one that has none.
    close = float((matte.max(axis=0) > 0.5).mean()) > 0.62
    way = motion.glide(still, "pull-out" if close else "push-in", length, focus)
    return motion.Layered(still, way, piece, matte), part


def _focus(saliency: Map | None) -> tuple[float, float]:
    if saliency is None or float(saliency.sum()) < 1e-3:
        return 0.5, 0.5
    h, w = saliency.shape
    weight = saliency / saliency.sum()
    return float(weight.sum(0) @ ((np.arange(w) + 0.5) / w)), float(
        weight.sum(1) @ ((np.arange(h) + 0.5) / h)
    )


class _Walked(NamedTuple):
    """Dots that change; they are not moved besides."""

    walk: walk.Walk
    length: float

    def at(self, t: float, zoom: float = 1.0) -> Planes:
        return encode.planes(self.walk.at(t * self.length))

    def behind(self) -> list[RGB]:
        """What words may come to stand on."""
        return [self.walk.still, *self.walk.extremes(self.length)]


class _Ground(NamedTuple):
    """A plain ground in one of the brand's colours, for the closing card."""

    colour: str
    planes: Planes

    @classmethod
    def of(cls, colour: str) -> "_Ground":
        page = np.empty((FORMAT.height, FORMAT.width, 3), np.uint8)
        page[:] = palette.channels(colour)
        return cls(colour, encode.planes(page))

    def at(self, t: float, zoom: float = 1.0) -> Planes:
        y, u, v = self.planes
        return y.copy(), u.copy(), v.copy()


_MARGIN = 72
"""Pixels between a print and the edges of the frame."""


class _Framed(NamedTuple):
    """A photo too small to fill the frame: a print on the brand's paper, moving inside its edges."""

    ground: Planes
    mask: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    inside: motion.Plain
    x: int
    y: int

    @classmethod
    def of(
        cls, picture: RGB, saliency: Map | None, length: float, move: str, paper: str, words: int
    ) -> tuple["_Framed", Map]:
        """With room for `words` texts below. Also returns where it is, as a map for the words."""
        head = int(FORMAT.height * rules.STORY_SAFE_TOP) // 2 * 2
        foot = int(FORMAT.height * (0.8, 0.5, 0.47, 0.44)[min(words, 3)])
        ratio = picture.shape[1] / picture.shape[0]
        most = FORMAT.width - 2 * _MARGIN
        h = int(min(max(most / ratio, 540), foot - head)) // 2 * 2
        # Little of it is cut off; a narrow print stands above the words' left edge.
        w = int(min(max(h * ratio * 1.1, 620), most)) // 2 * 2
        y = (foot - h if words else int(FORMAT.height * 0.47 - h / 2)) // 2 * 2
        page = np.empty((FORMAT.height, FORMAT.width, 3), np.uint8)
        page[:] = palette.channels(paper)
        outline = pictures.outline(w, h, "rect", 26)
        assert outline is not None
        dark = palette.channels(palette.tone(paper, 0.12, 0.6))
        pictures.shadow(page, (_MARGIN, y, w, h), outline, 0.6, dark)
        still, _, part = motion.still(picture, w, h, saliency=saliency)
        half = np.asarray(Image.fromarray(outline).resize((w // 2, h // 2), Image.Resampling.BOX))
        busy = np.zeros((64, 36), np.float32)
        busy[int(y / 30) : int((y + h) / 30) + 1, 2 : int((_MARGIN + w) / 30)] = 1
        way = motion.glide(still, move, length, _focus(part))
        return cls(encode.planes(page), (outline, half), motion.Plain(still, way), _MARGIN, y), busy

    def at(self, t: float, zoom: float = 1.0) -> Planes:
        frame = tuple(plane.copy() for plane in self.ground)
        for i, plane in enumerate(self.inside.at(t, zoom)):
            k = 1 if i == 0 else 2
            h, w = plane.shape
            part = frame[i][self.y // k : self.y // k + h, self.x // k : self.x // k + w]
            motion.over(part, plane, self.mask[min(i, 1)])
        return frame[0], frame[1], frame[2]


class _Scene:
    """One shot while it is shown."""

    def __init__(
        self, shot: _Shot, view: _View, words: "_Words | None", before: _Cut, after: _Cut
    ) -> None:
        self.shot, self.view, self.words = shot, view, words
        self.came, self.there = shot.start - before.before, shot.start + before.after
        self.going, self.gone = shot.end - after.before, shot.end + after.after
        self.settles = {"settle": 0.05, "zoom": 0.14}.get(before.kind, 0.0)
        self.dives = 0.12 if after.kind == "zoom" else 0.0
        self.leaves = after.before > 0  # before a hard cut words stay to the last

    def picture(self, n: int) -> Planes:
        """The picture and its scrim in frame `n` of the film."""
        t = (n - self.came) / max(self.gone - self.came, 1)
        if self.shot.closing:
            t = ease_out(t)
        zoom = 1 + self.settles * (1 - ease_out((n - self.came) / 12))
        zoom += self.dives * ease(1 - (self.going - n) / 7) if n > self.going - 7 else 0
        frame = self.view.at(t, zoom)
        if self.words is not None:
            self.words.shade(frame)
        return frame

    def whole(self, t: float) -> Planes:
        """The picture at `t` 0..1 of the shot with all its words."""
        frame = self.view.at(t)
        if self.words is not None:
            self.words.shade(frame)
            self.words.draw(frame, 10_000, None)
        return frame


class _Piece(NamedTuple):
    """Part of a layer of words: its corner on the frame (even), its planes and their alphas."""

    x: int
    y: int
    colours: Planes
    alphas: tuple[NDArray[np.uint8], NDArray[np.uint8]]


_ENDINGS = ("print", "plain")
"""The closing card: the last photo once more as a print on the brand's colour, or words alone."""
_ENTRIES = ("rise", "fade", "wipe")
"""How lines come in: from behind their own foot, softly from below, or from left to right."""


class _Words:
    """An overlay taken apart: the scrim, which stays, and the lines, which come and go."""

    def __init__(
        self, overlay: render.Overlay, scrimmed: bool, entry: str, ground: str = ""
    ) -> None:
        self.text, self.min_contrast = overlay.text, overlay.min_contrast
        self.layout = overlay.template, overlay.scheme
        rgba = overlay.rgba
        self._scrim: tuple[int, int, NDArray[np.uint16], tuple[int, int, int]] | None = None
        self.density = 0.0
        self.hidden = 0.0
        """Share of what the eye goes to that words or their panel hide, heads counting more."""
        if scrimmed:
            # The scrim is the same across a row, and no word comes as near to the edge as this.
            edge = rgba[:, 2:20].astype(np.float32)
            alpha = edge[..., 3].mean(axis=1) / 255
            self.density = float(alpha.mean())
            if alpha.max() > 0.01:
                weight = edge[..., 3:] / max(float(edge[..., 3].sum()), 1e-6)
                tint = (edge[..., :3] * weight).sum(axis=(0, 1))
                rgba = _lifted(rgba, alpha, tint)
                self._scrim = _rows(alpha, tint)
        self.entry = entry if scrimmed or ground else "panel"
        drawn = rgba[..., 3] > 12
        if ground:  # a panel in the ground's own colour: its lines come one by one
            colour = np.array(palette.channels(ground), np.int16)
            for y in np.flatnonzero(drawn.any(axis=1)):
                drawn[y] &= np.abs(rgba[y, :, :3] - colour).max(axis=1) > 8
        self.pieces = _pieces(rgba, drawn, whole=not (scrimmed or ground))

    def step_aside(self, busy: Map | None) -> None:
        """Move a panel up or down to where it hides least of what the eye goes to, inside the safe
        area. Adds to `density` what panel or words still hide of it."""
        if not self.pieces or busy is None:
            return
        looked = np.asarray(
            Image.fromarray(busy).resize((FORMAT.width // 20, FORMAT.height // 20)), np.float32
        )
        clear = looked > 0.5
        if _SUBJECT[0] < clear.mean() < _SUBJECT[1]:
            # One thing stands out: what little the eye finds elsewhere must not make light of it.
            looked = np.where(clear, looked, looked * 0.1)
        looked = looked / max(float(looked.sum()), 1e-6)
        # A face or a lid is at the upper end: the foot of a subject may sooner be hidden.
        height = np.cumsum(looked.sum(axis=1))[:, None] / max(float(looked.sum()), 1e-6)
        looked = looked * np.interp(height, (0.35, 0.75), (1.6, 0.4)).astype(np.float32)
        if self.entry != "panel":
            for piece in self.pieces:
                tall, wide = piece.colours[0].shape
                self.hidden += float(
                    looked[
                        piece.y // 20 : (piece.y + tall) // 20 + 1,
                        piece.x // 20 : (piece.x + wide) // 20 + 1,
                    ].sum()
                )
            self.density += self.hidden
            return
        piece = self.pieces[0]
        tall, wide = piece.colours[0].shape
        by_row = looked[:, piece.x // 20 : (piece.x + wide) // 20 + 1].sum(axis=1)
        top = int(FORMAT.height * rules.STORY_SAFE_TOP) + 8
        foot = int(FORMAT.height * (1 - rules.STORY_SAFE_BOTTOM)) - 8
        places = [piece.y, *range(foot // 2 * 2 - (tall + 1) // 2 * 2, top, -40)]
        hidden = [float(by_row[y // 20 : (y + tall) // 20 + 1].sum()) for y in places]
        # The layout's own place, unless another is clearly better.
        best = min(range(len(places)), key=lambda i: hidden[i] + (0.08 if i else 0))
        # Nothing of the subject shows through a panel, as it does between letters.
        self.hidden = hidden[best]
        self.density = 1.5 * self.hidden
        self.pieces = [piece._replace(y=places[best] // 2 * 2)]

    def shade(self, frame: Planes) -> None:
        """Lay the scrim over `frame`, in place."""
        if self._scrim is None:
            return
        y0, y1, alpha, tint = self._scrim
        for plane, colour, k in zip(frame, tint, (1, 2, 2), strict=True):
            a = alpha[::k, None]
            part = plane[y0 // k : y1 // k]
            mixed = part * (np.uint16(256) - a)
            mixed += a * np.uint16(colour)
            mixed += _DITHER[: part.shape[0], : part.shape[1]]
            mixed >>= 8
            part[:] = mixed

    def draw(self, frame: Planes, since: int, until: int | None) -> None:
        """Lay the words over `frame`, in place: `since` frames after they may come, `until` frames
        before they must be gone (None: they stay)."""
        there = 1.0 if until is None else min(until / LEAVE, 1.0)
        for i, piece in enumerate(self.pieces):
            t = ease_out((since + 1 - STAGGER * i) / ENTER)
            if t <= 0 or there <= 0:
                continue
            if t >= 1 and there >= 1:
                _lay(frame, piece)
            elif t >= 1 and self.entry == "panel" and piece.x == 0:
                _lay(frame, piece, reveal=ease(there), soft=2)
            elif t >= 1:
                _lay(frame, piece, strength=there, shift=-round(6 * (1 - there)) * 2)
            elif self.entry == "rise":
                _lay(frame, piece, strength=min(2 * t, 1), shift=_far(piece, t), clipped=True)
            elif self.entry == "wipe":
                _lay(frame, piece, reveal=t)
            elif self.entry == "panel" and piece.x == 0:
                _lay(frame, piece, reveal=t, soft=2)
            else:
                _lay(frame, piece, strength=t, shift=round(22 * (1 - t)) * 2)


_DITHER = np.tile(
    np.random.default_rng(0).integers(0, 256, (64, 60), dtype=np.uint16),
    (FORMAT.height // 64, FORMAT.width // 60),
)
"""Rounds a scrim up here and down there: on a plain ground its steps would show as lines."""


def _far(piece: _Piece, t: float) -> int:
    tall = int(piece.colours[0].shape[0])
    return round(min(tall, 140) * (1 - t) / 2) * 2


def _lay(
    frame: Planes,
    piece: _Piece,
    strength: float = 1.0,
    shift: int = 0,
    clipped: bool = False,
    reveal: float = 1.0,
    soft: float = 160.0,
) -> None:
    """Lay a piece over `frame`, in place: thinner, lower by `shift` px (clipped at its own foot or
    not), or only its left part."""
    for i, (plane, colours) in enumerate(zip(frame, piece.colours, strict=True)):
        k = 1 if i == 0 else 2
        alpha = piece.alphas[min(i, 1)]
        h, w = colours.shape
        y, x, dy = piece.y // k, piece.x // k, shift // k
        if clipped:
            h = max(h - dy, 0)
        top = y + dy
        h = min(h, plane.shape[0] - top)
        if h <= 0:
            continue
        a = alpha[:h]
        if strength < 1 or reveal < 1:
            weight = np.full(w, strength, np.float32)
            if reveal < 1:
                edge = soft / k
                weight *= np.clip((reveal * (w + edge) - np.arange(w)) / edge, 0, 1)
            a = (a * weight).astype(np.uint8)
        motion.over(plane[top : top + h, x : x + w], colours[:h], a)


def _lifted(rgba: NDArray[np.uint8], scrim: Map, tint: Map) -> NDArray[np.uint8]:
    """The layer without the scrim below it: `scrim` alpha 0..1 by row, `tint` (3,) 0..255."""
    whole = rgba[..., 3].astype(np.float32) / 255
    below = scrim[:, None]
    alpha = (whole - below) / np.maximum(1 - below, 1e-3)
    alpha[alpha < 0.06] = 0  # the scrim's own dither
    alpha = np.minimum(alpha, 1)
    out = np.zeros_like(rgba)
    rows = np.flatnonzero(alpha.any(axis=1))
    for y in rows:
        a = alpha[y, :, None]
        seen = rgba[y, :, :3] * whole[y, :, None] - tint * (scrim[y] * (1 - a))
        out[y, :, :3] = np.clip(seen / np.maximum(a, 1e-3) + 0.5, 0, 255)
        out[y, :, 3] = a[:, 0] * 255 + 0.5
    return out


def _rows(alpha: Map, tint: Map) -> tuple[int, int, NDArray[np.uint16], tuple[int, int, int]]:
    rows = np.flatnonzero(alpha > 0.004)
    y0, y1 = int(rows[0]) // 2 * 2, min(int(rows[-1]) // 2 * 2 + 2, alpha.size)
    colour = np.empty((2, 2, 3), np.uint8)
    colour[:] = np.clip(tint + 0.5, 0, 255)
    y, u, v = (int(plane[0, 0]) for plane in encode.planes(colour))
    return y0, y1, np.round(alpha[y0:y1] * 256).astype(np.uint16), (y, u, v)


def _pieces(rgba: NDArray[np.uint8], drawn: NDArray[np.bool_], whole: bool) -> list[_Piece]:
    """The lines of a layer, from above; one piece where a panel holds them together (`whole`)."""
    rows = drawn.any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    lines: list[tuple[int, int]] = []
    for y0, y1 in runs:
        # Dots and accents alone on their rows belong to the line below them.
        if lines and (whole or lines[-1][1] - lines[-1][0] < 16 or y1 - y0 < 8):
            lines[-1] = (lines[-1][0], y1)
        else:
            lines.append((y0, y1))
    found = []
    for y0, y1 in lines:
        columns = np.flatnonzero(drawn[y0:y1].any(axis=0))
        x0, x1 = int(columns[0]) // 2 * 2, (int(columns[-1]) + 2) // 2 * 2
        top, foot = y0 // 2 * 2, (y1 + 1) // 2 * 2
        part = rgba[top:foot, x0:x1].copy()
        alpha = part[..., 3]
        # Colours where nothing is drawn run into their neighbours at half size.
        part[alpha == 0, :3] = (
            np.median(part[alpha > 127, :3], axis=0) if (alpha > 127).any() else 0
        )
        half = np.asarray(
            Image.fromarray(alpha).resize(
                (part.shape[1] // 2, part.shape[0] // 2), Image.Resampling.BOX
            )
        )
        found.append(_Piece(x0, top, encode.planes(part[..., :3]), (alpha, half)))
    return found


class _Setter:
    """Sets the words of a reel's shots, in one layout as far as it takes them."""

    TRIES = 3

    def __init__(
        self,
        roles: Palette,
        pair: str | faces.Pair,
        seed: int,
        turn: int,
        language: str,
        logo: render.Logo | None,
        extra: Path | None,
        entry: str,
        only: tuple[str, str] = ("", ""),
    ) -> None:
        self.only = only
        self.roles, self.pair, self.seed, self.turn = roles, pair, seed, turn
        self.language, self.logo, self.extra, self.entry = language, logo, extra, entry
        self._liked: tuple[str, str] | None = None

    def words(self, slots: Mapping[str, str], view: _View, busy: Map | None) -> _Words:
        """Raises render.Misfit when no layout takes them."""
        behind = (
            view.behind()
            if isinstance(view, _Walked)
            else [encode.rgb(*view.at(t)) for t in (0.0, 0.5, 1.0)]
        )
        printed = isinstance(view, _Framed)
        options = [
            (layout.name, look)
            for layout, look in template.choose(
                "reel", FORMAT.name, self.seed, self.turn, slots=list(slots), sizes={},
                extra=self.extra,
            )
        ]  # fmt: skip
        if printed:  # words that can step aside, for a picture that stands still
            options.sort(key=lambda option: len(self._layout(option[0]).anchors) < 2)
        elif self._liked in options:
            options.insert(0, self._liked)
        # A scrim over a print on a flat ground looks dirty.
        if self.only in options and not (printed and self._layout(self.only[0]).over):
            with contextlib.suppress(render.Misfit):
                return self._best([self.only], slots, behind, busy)
        # Another layout first, then another colour of the same.
        firsts = {name: (name, look) for name, look in reversed(options)}
        options.sort(key=lambda option: firsts[option[0]] != option)
        return self._best(list(dict.fromkeys(options))[: self.TRIES + 3], slots, behind, busy)

    def _best(
        self,
        options: Sequence[tuple[str, str]],
        slots: Mapping[str, str],
        behind: Sequence[RGB],
        busy: Map | None,
    ) -> _Words:
        """The words in the first of these layouts that hides little of the picture, else in the one
        that hides least. Raises render.Misfit when none takes them."""
        best: _Words | None = None
        last: render.Misfit | None = None
        for name, look in options:
            layout = self._layout(name)
            # First where the layout would put them, then at each of its places.
            for anchor in ("", *(layout.anchors if len(layout.anchors) > 1 else ())):
                try:
                    layer = render.overlay(
                        name, slots, behind, self.roles, FORMAT.name, self.seed, self.turn,
                        scheme=look, pair=self.pair, saliency=busy, anchor=anchor,
                        language=self.language, logo=self.logo, extra=self.extra,
                    )  # fmt: skip
                except render.Misfit as error:
                    last = error
                    continue
                found = _Words(layer, bool(layout.over), self.entry)
                found.step_aside(busy)
                if best is None or found.density < best.density:
                    best = found
                if best.density <= _HEAVY:
                    break
            if best is not None and best.density <= _HEAVY:
                self._liked = self._liked or (name, look)
                break
        if best is None:
            assert last is not None
            raise last
        return best

    def closing(
        self,
        slots: Mapping[str, str],
        picture: RGB,
        saliency: Map | None,
        length: float,
        ending: str,
    ) -> tuple[_View, _Words]:
        """The closing card, one of _ENDINGS. Raises as `words`."""
        if ending == "print":
            # Deep enough to carry pale words by itself: a scrim on a flat colour looks dirty.
            paper = palette.scheme(("accent", "second", "paper")[self.turn % 3], self.roles)[
                "ground"
            ]
            view, busy = _Framed.of(picture, saliency, length, "pull-out", paper, len(slots))
            with contextlib.suppress(render.Misfit):
                return view, self.words(slots, view, busy)
        return self._card(slots)

    def _card(self, slots: Mapping[str, str]) -> tuple[_Ground, _Words]:
        """Words on a plain ground of the brand."""
        last: render.Misfit | None = None
        options = template.choose(
            "reel", FORMAT.name, self.seed, self.turn, slots=list(slots), sizes={},
            extra=self.extra,
        )  # fmt: skip
        # A colour makes an ending; near-black looks as if the film had stopped.
        for layout, look in sorted(
            options, key=lambda option: option[1] == "ink" or bool(option[0].over)
        ):
            colour = self.roles.ink if layout.over else palette.scheme(look, self.roles)["ground"]
            page = np.empty((FORMAT.height, FORMAT.width, 3), np.uint8)
            page[:] = palette.channels(colour)
            try:
                layer = render.overlay(
                    layout.name, slots, [page], self.roles, FORMAT.name, self.seed, self.turn,
                    scheme=look, pair=self.pair, language=self.language, logo=self.logo,
                    extra=self.extra,
                )  # fmt: skip
            except render.Misfit as error:
                last = error
                continue
            return _Ground.of(colour), _Words(layer, bool(layout.over), self.entry, colour)
        assert last is not None
        raise last

    def _layout(self, name: str) -> template.Template:
        return template.find(name, self.extra)
