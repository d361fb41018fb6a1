"""One template, filled: words, pictures and colours in, one RGB picture out; or, for films, a layer
of words with transparency (overlay).

Words are data for Typst (never part of its source); pictures and scrims are painted here, below
the drawn layer, where the contrast of every word with its real background is measured.
"""

import contextlib
import io
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typst
from numpy.typing import NDArray
from PIL import Image

from feedsmith import facts, rules
from feedsmith.brand import Palette
from feedsmith.design import contrast, faces, palette, pictures, template
from feedsmith.design.template import Look, Tone
from feedsmith.errors import FeedsmithError

RGB = NDArray[np.uint8]
RGBA = NDArray[np.uint8]
Map = NDArray[np.float32]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares of a picture."""
Logo = Callable[[str, int], RGBA | None]
"""The brand's logo for a ground (`#rrggbb`) at a height in pixels; None where none reads on it."""


class Misfit(FeedsmithError):
    """These words or pictures do not fit this layout; another one may take them."""


class Broken(Misfit):
    """The layout itself has a mistake; the message names its file and line."""


class Rendered(NamedTuple):
    rgb: RGB
    """(H, W, 3), exactly the format's size."""
    text: tuple[str, ...]
    """Words set on it, in reading order."""
    min_contrast: float
    """Lowest WCAG contrast of any word with the pixels around its letters; at least 4.5."""
    template: str
    """Name of the layout."""
    scheme: str = ""
    """Its colours (palette.scheme), or "picture"."""
    tone: Tone = "photo"
    notes: tuple[str, ...] = ()
    """Templates that were passed over because they are broken, in words for people."""

    @property
    def look(self) -> Look:
        """For template.choose, as a neighbour of later posts."""
        return Look(self.template, self.scheme, self.tone)


class Overlay(NamedTuple):
    rgba: RGBA
    """(H, W, 4), straight alpha: words, their panels and their scrim; clear elsewhere."""
    text: tuple[str, ...]
    min_contrast: float
    """Lowest contrast of any word over all frames; at least 4.5."""
    template: str
    scheme: str = ""


class _Frame(NamedTuple):
    slot: str
    """Of the picture; "" for a plain area in the colour `fill`."""
    x: int
    y: int
    w: int
    h: int
    radius: float
    shape: str
    shadow: float
    edge: int
    whole: bool
    fill: str
    above: bool
    """Painted over everything drawn."""
    at: float
    """Where a smaller picture stands in its width, 0..1."""
    turn: float
    """Degrees, clockwise."""


def render(
    name: str,
    slots: Mapping[str, str],
    shots: Mapping[str, RGB],
    roles: Palette,
    format_name: str,
    seed: int,
    *,
    scheme: str = "",
    pair: str | faces.Pair = "",
    saliency: Mapping[str, Map] | None = None,
    keep: Mapping[str, Sequence[Box]] | None = None,
    language: str = "en",
    logo: Logo | None = None,
    extra: Path | None = None,
) -> Rendered:
    """Set `slots` (slot -> words) and `shots` (picture slot -> RGB) into the template `name`.

    `roles` must be complete (palette.complete). `format_name` is a name in rules.FORMATS; `seed` only
    feeds grain and the choice of typefaces when `pair` (a name in faces.PAIRS) is empty.
    The shots "cutout" and "logo" are RGBA (H, W, 4) with straight alpha; a logo may also be given as
    a function of its ground (`logo`). A layout without a place for a logo leaves it out.
    `saliency`: picture slot -> (h, w) 0..1, of any size; keeps words off what the eye goes to.
    `keep`: picture slot -> boxes, such as faces, that no word may cover.
    `extra`: the brand's own folder of templates.
    Raises Misfit when words do not fit or would not read or a picture is too small, Broken when the
    template has a mistake; FeedsmithError for unknown templates, slots and scripts no font has.
    """
    layout = template.find(name, extra)
    if layout.regions and not layout.pictures:
        raise FeedsmithError(
            f"template {name} is a layer for films and has no picture of its own",
            mend="lay it over frames (design.render.overlay), or take another template",
        )
    texts = _texts(layout, slots, format_name)
    look = _look(layout, scheme)
    colours = palette.over("#808080", roles, True) if layout.over else palette.scheme(look, roles)
    mark = _logo(layout, shots, logo, colours["ground"])
    if mark is not None:
        texts.pop(layout.logo, None)
    shots = {slot: rgb for slot, rgb in shots.items() if slot in layout.pictures}
    sizes = {**shots, **({"logo": mark} if mark is not None else {})}
    maps = {slot: _kept(saliency, keep, slot) for slot in shots}
    rng = np.random.default_rng([seed, 0xDE51])
    data, order, size, fonts = _data(
        layout, texts, sizes, colours, look, format_name, seed, pair, language
    )

    # Pictures: their frames, and the calmest place for the words.
    page = np.empty((size.height, size.width, 3), np.uint8)
    page[:] = palette.channels(colours["ground"])
    cut = None
    if layout.regions:
        main = next(iter(layout.pictures))
        if main not in shots:
            raise Misfit(f"there is no picture for {main}", mend="use another template")
        options = [
            (*pictures.best_window(
                shots[main], size.width, size.height, maps[main],
                layout.regions[anchor],
            ), anchor)
            for anchor in layout.anchors
        ]  # fmt: skip
        cut, _, data["anchor"] = min(options, key=lambda option: option[1])
    with _typesetter(layout, data, fonts) as typesetter:
        frames = typesetter.frames()
        for frame in frames:
            if not frame.above:
                _paint(page, frame, shots.get(frame.slot), maps.get(frame.slot), cut, colours)

        # Words: where they are, what is behind them, and the scrim that makes them read.
        found, roles_of = _elements(layout, typesetter, order, texts, size)
        if cut is not None and keep:
            _keep_clear(name, found, keep.get(main, ()), cut, shots[main], size)
        bare = [words for words in found if roles_of[words.slot] not in _ON_PANELS]
        if layout.over and bare:
            page, colours = _veil(page, bare, roles_of, roles, layout.over, rng, typesetter.sizes())
            data["colours"] = colours
        layer = typesetter.draw("ground")
        if cut is not None and _fills(frames, main, size):
            _show(name, found, layer[..., 3], maps[main], cut, shots[main], size)
        ground = _over(page, layer)
        lowest = min(
            (
                contrast.measured(ground, words, palette.channels(colours[roles_of[words.slot]]))
                for words in found
            ),
            default=21.0,
        )
        if lowest < contrast.READABLE:
            raise Misfit(
                f"words in template {name} would not read (contrast {lowest:.1f}:1, "
                f"needed {contrast.READABLE}:1)",
                mend="use a calmer picture or another template",
            )
        drawn = _over(page, typesetter.draw("all"))
    for frame in frames:
        if frame.above and mark is not None:
            _stamp(drawn, ground, frame, mark, logo)
    tone = layout.look(look).tone
    return Rendered(drawn, tuple(texts.values()), round(lowest, 2), name, look, tone)


def overlay(
    name_or_kind: str,
    slots: Mapping[str, str],
    behind: Sequence[RGB],
    roles: Palette,
    format_name: str,
    seed: int,
    turn: int = 0,
    *,
    scheme: str = "",
    pair: str | faces.Pair = "",
    saliency: Map | None = None,
    keep: Sequence[Box] = (),
    anchor: str = "",
    language: str = "en",
    logo: Logo | None = None,
    extra: Path | None = None,
) -> Overlay:
    """A layer of words for a film, to be laid over each of the frames `behind` (H, W, 3).

    `name_or_kind`: a template, or a kind such as "reel": then the first layout of template.choose
    that takes the words, in rotation by `turn`. Frames of another size than the format's are scaled
    for the measure; without any, the words are made to read on white and on black.
    `saliency` (h, w) 0..1 and the boxes `keep` are those of the film: words go where they are least,
    or to the layout's own `anchor`.
    Raises as `render` does; Misfit with the last reason when no layout takes the words.
    """
    size = rules.FORMATS[format_name]
    if name_or_kind in template.catalogue(extra):
        layout = template.find(name_or_kind, extra)
        options = [(layout, _look(layout, scheme))]
    else:
        filled = [slot for slot, words in slots.items() if _seen(words)]
        options = template.choose(
            name_or_kind, format_name, seed, turn, slots=filled, sizes={}, extra=extra
        )
    views = [_sized(rgb, size) for rgb in behind] or [
        np.full((size.height, size.width, 3), level, np.uint8) for level in (255, 0)
    ]
    # The lightest and the darkest that each pixel ever is: what reads on both reads on all.
    light, dark = views[0].copy(), views[0].copy()
    for view in views[1:]:
        np.maximum(light, view, out=light)
        np.minimum(dark, view, out=dark)
    busy = kept(saliency, keep)
    last: Misfit | None = None
    for layout, look in options:
        try:
            return _overlaid(
                layout, look, slots, views, (light, dark), busy, roles, format_name, seed, pair,
                language, logo, anchor,
            )  # fmt: skip
        except Misfit as error:
            last = error
    assert last is not None
    raise last


def _overlaid(
    layout: template.Template,
    look: str,
    slots: Mapping[str, str],
    views: Sequence[RGB],
    ends: tuple[RGB, RGB],
    busy: Map | None,
    roles: Palette,
    format_name: str,
    seed: int,
    pair: str | faces.Pair,
    language: str,
    logo: Logo | None,
    anchor: str = "",
) -> Overlay:
    texts = _texts(layout, slots, format_name)
    colours = palette.over("#808080", roles, True) if layout.over else palette.scheme(look, roles)
    mark = _logo(layout, {}, logo, colours["ground"])
    if mark is not None:
        texts.pop(layout.logo, None)
    sizes = {"logo": mark} if mark is not None else {}
    data, order, size, fonts = _data(
        layout, texts, sizes, colours, look, format_name, seed, pair, language
    )
    rng = np.random.default_rng([seed, 0xF11])
    if anchor in layout.anchors:
        data["anchor"] = anchor
    elif layout.regions:
        # The calmest place in the middle of the film.
        middle = views[len(views) // 2]
        data["anchor"] = min(
            layout.anchors,
            key=lambda anchor: pictures.best_window(
                middle, size.width, size.height, busy, layout.regions[anchor]
            )[1],
        )
    veil = np.zeros((size.height, size.width, 4), np.uint8)
    with _typesetter(layout, data, fonts) as typesetter:
        frames = typesetter.frames()
        found, roles_of = _elements(layout, typesetter, order, texts, size)
        bare = [words for words in found if roles_of[words.slot] not in _ON_PANELS]
        if layout.over and bare:
            veil, colours = _scrim(ends, bare, roles_of, roles, layout.over, rng)
            data["colours"] = colours
        ground = _laid(veil, typesetter.draw("ground"))
        lowest = min(
            (
                _behind(view, ground, words, palette.channels(colours[roles_of[words.slot]]))
                for view in views
                for words in found
            ),
            default=21.0,
        )
        if lowest < contrast.READABLE:
            raise Misfit(
                f"words in template {layout.name} would not read (contrast {lowest:.1f}:1, "
                f"needed {contrast.READABLE}:1)",
                mend="use calmer pictures or another template",
            )
        rgba = _laid(veil, typesetter.draw("all"))
    for frame in frames:
        if frame.above and mark is not None:
            _stamp(rgba, _over(views[0], ground), frame, mark, logo)
    return Overlay(rgba, tuple(texts.values()), round(lowest, 2), layout.name, look)


_BUSY = 30.0
"""Mean difference of neighbouring pixels, 0..255, above which a picture is softened behind words:
leaves in hard light, gravel. Everything calmer keeps its sharpness, or a subject turns to fog."""
_PLAIN = 0.45
"""A scrim up to here has the picture's own hue."""
_SMALL = 40.0
"""Words set smaller than this, in pixels, drown in a ground of single grains that larger ones bear."""
_NOISY = 0.06
"""Most spread of the grains behind small words, as a share of what parts the words from them."""
_CALM = 5.0
"""Below it a ground needs no scrim for its own sake: studio sweeps, skies, defocused walls."""
_ON_PANELS = ("panel_text", "ground")
"""Colour roles of words that stand on a panel of their own: no scrim helps or hurts them."""
_ROLES = ("display", "voice", "text", "strong")
_SHORTER = "shorten the words, or let another layout take them"


def _look(layout: template.Template, scheme: str) -> str:
    look = scheme or layout.schemes[0]
    if not layout.over and look not in layout.schemes:
        raise FeedsmithError(
            f'template {layout.name} has no scheme "{look}"',
            mend="one of: " + ", ".join(layout.schemes),
        )
    return "picture" if layout.over else look


def _texts(layout: template.Template, slots: Mapping[str, str], format_name: str) -> dict[str, str]:
    """Words by slot in the template's reading order; empty ones dropped."""
    if format_name not in layout.formats:
        raise FeedsmithError(
            f"template {layout.name} is not made for {format_name}",
            mend="one of: " + ", ".join(layout.formats),
        )
    cleaned = {slot: _seen(words) for slot, words in slots.items()}
    names = layout.named([slot for slot, words in cleaned.items() if words])
    if names is None:
        unknown = sorted({slot for slot, words in slots.items() if words} - set(layout.slots))
        if unknown:
            raise FeedsmithError(
                f'template {layout.name} has no slot "{unknown[0]}"',
                mend="it has: " + ", ".join(layout.slots),
            )
        missing = [s for s in layout.required if not cleaned.get(s)] or layout.one_of
        raise FeedsmithError(
            f"template {layout.name} needs words for {' or '.join(missing)}",
            mend="give it a sentence, or take another template",
        )
    own = {names[slot]: words for slot, words in cleaned.items() if words}
    return {slot: own[slot] for slot in layout.slots if slot in own}


def _seen(words: str) -> str:
    """`words` as they can be set; "" where nothing of them would be seen."""
    plain = faces.plain(words)
    return plain if any(unicodedata.category(c) not in _UNSEEN for c in plain) else ""


_UNSEEN = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")


def _data(
    layout: template.Template,
    texts: Mapping[str, str],
    sizes: Mapping[str, RGB],
    colours: Mapping[str, str],
    look: str,
    format_name: str,
    seed: int,
    pair: str | faces.Pair,
    language: str,
) -> tuple[dict[str, Any], dict[str, int], rules.Format, list[str]]:
    """What the layout is told; its words' levels in the "marks" pass; its size; font folders."""
    faces_ = (
        (faces.PAIRS[pair] if pair else faces.pair_for(seed)) if isinstance(pair, str) else pair
    )
    size = rules.FORMATS[format_name]
    story = size.height > size.width * 1.5
    order = {slot: 40 + 16 * i for i, slot in enumerate(texts)}
    directions = {slot: faces.direction(words) for slot, words in texts.items()}
    data: dict[str, Any] = {
        "width": size.width,
        "height": size.height,
        "safe_top": rules.STORY_SAFE_TOP if story else 0,
        "safe_bottom": rules.STORY_SAFE_BOTTOM if story else 0,
        "format": format_name,
        "language": language,
        "slots": {slot: faces.glued(faces.in_sense(words)) for slot, words in texts.items()},
        "directions": directions,
        # The layout is mirrored where most of what it says runs from right to left.
        "rtl": _runs(texts) == "rtl",
        "order": order,
        "colours": dict(colours),
        "scheme": look,
        "mark_face": faces_.mark._asdict(),
        "faces": {role: getattr(faces_, role)._asdict() for role in _ROLES},
        "substitutes": {
            slot: {role: face._asdict() for role, face in faces.substitutes(words, faces_).items()}
            for slot, words in texts.items()
        },
        "pictures": {slot: (rgb.shape[1], rgb.shape[0]) for slot, rgb in sizes.items()},
        "blow_up": pictures.BLOW_UP,
        "anchor": layout.anchors[0],
        "pass": "all",
    }
    return data, order, size, [str(faces.FOLDER), *faces_.folders]


def _runs(texts: Mapping[str, str]) -> str:
    """The page's direction: that of its words, the sender's name and handle and figures apart."""
    said = [words for slot, words in texts.items() if slot not in _SENDER and words[0] != "@"]
    said = [words for words in said if any(c.isalpha() for c in words)]
    # A price such as "12 EUR" or a code says nothing about the words beside it.
    main = [words for slot, words in texts.items() if slot in _SAYING and words in said]
    return faces.direction(" ".join(main or said or texts.values()))


_SENDER = ("kicker", "footer", "who", "page")
_SAYING = ("offer", "name", "headline", "quote", "body", "caption")


def _logo(
    layout: template.Template, shots: Mapping[str, RGB], logo: Logo | None, ground: str
) -> RGBA | None:
    """The logo as it is to be measured, where the layout has a place for one."""
    if not layout.logo:
        return None
    return logo(ground, 120) if logo is not None else shots.get("logo")


def _kept(
    saliency: Mapping[str, Map] | None, keep: Mapping[str, Sequence[Box]] | None, slot: str
) -> Map | None:
    return kept(saliency.get(slot) if saliency else None, keep.get(slot, ()) if keep else ())


def kept(seen: Map | None, boxes: Sequence[Box]) -> Map | None:
    """What the eye goes to, (h, w) 0..1, with the boxes that must stay clear at full strength."""
    if not boxes:
        return seen
    whole = np.zeros((96, 96), np.float32) if seen is None else np.array(seen, np.float32)
    h, w = whole.shape
    for rim, weight in ((0.12, 0.3), (0.06, 0.6), (0.0, 1.0)):  # a frame leaves air round them
        for x0, y0, x1, y1 in boxes:
            rows = slice(max(int((y0 - rim) * h), 0), max(round((y1 + rim) * h), 1))
            columns = slice(max(int((x0 - rim) * w), 0), max(round((x1 + rim) * w), 1))
            np.maximum(whole[rows, columns], np.float32(weight), out=whole[rows, columns])
    return whole


_kits: dict[tuple[str, ...], typst.Fonts] = {}


def _kit(folders: Sequence[str]) -> typst.Fonts:
    """The fonts of some folders; read once a process."""
    key = tuple(folders)
    if key not in _kits:
        _kits[key] = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=list(key)
        )
    return _kits[key]


_ASSETS = (".typ", ".svg", ".png", ".jpg", ".jpeg")
_ASSET_BYTES = 4_000_000


@contextlib.contextmanager
def _typesetter(
    layout: template.Template, data: dict[str, Any], fonts: Sequence[str]
) -> Iterator["_Typesetter"]:
    """A brand's own template runs in a folder of its own, beside copies of what it may import: lib.typ
    and the small files next to it. Typst lets it read nothing outside."""
    if layout.folder == template.FOLDER:
        yield _Typesetter(layout, layout.folder, data, fonts)
        return
    # What broke once breaks again: it is compiled anew only once its folder has changed, or for other
    # words (a layout may fail over a slot that is not there).
    key = (
        layout.source,
        tuple(
            (path.name, path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(layout.folder.iterdir())
        ),
        data["format"],
        tuple(data["slots"]),
        tuple(data["pictures"]),
    )
    if key in _broken:
        raise Broken(_broken[key], mend=_MEND)
    with tempfile.TemporaryDirectory(prefix="feedsmith-") as scratch:
        room = Path(scratch)
        shutil.copyfile(template.FOLDER / "lib.typ", room / "lib.typ")
        for path in sorted(layout.folder.iterdir()):
            if path.suffix.lower() in _ASSETS and path.stat().st_size <= _ASSET_BYTES:
                shutil.copyfile(path, room / path.name)
        try:
            yield _Typesetter(layout, room, data, fonts)
        except Broken as error:
            if len(_broken) < 256:
                _broken[key] = error.message
            raise


_broken: dict[tuple[Any, ...], str] = {}
"""Message of each brand's own template that broke, by its files' state and what it was given."""


class _Typesetter:
    """Typst on one template and one set of data."""

    def __init__(
        self,
        layout: template.Template,
        root: Path,
        data: dict[str, Any],
        fonts: Sequence[str],
    ) -> None:
        self._data = data
        self._layout = layout
        self._root = root
        self._compiler = typst.Compiler(
            str(root / f"{layout.name}.typ"),
            root=str(root),
            font_paths=_kit(fonts),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data)},
        )

    def draw(self, what: str) -> RGBA:
        """The layer (H, W, 4) uint8, straight alpha, of pass "all", "ground" or "marks"."""
        self._data["pass"] = what
        try:
            png = self._compiler.compile(
                format="png", ppi=72, sys_inputs={"data": json.dumps(self._data)}
            )
        except typst.TypstError as error:
            raise self._explained(error.message, error.diagnostic) from error
        if not isinstance(png, bytes):
            raise Broken(f"template {self._layout.source} makes more than one page", mend=_MEND)
        with Image.open(io.BytesIO(png)) as image:
            drawn = np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
        if drawn.shape[:2] != (self._data["height"], self._data["width"]):
            raise Broken(
                f"template {self._layout.source} makes pages of its own size",
                mend='begin it with: #import "lib.typ": * and #show: sheet',
            )
        return drawn

    def frames(self) -> list[_Frame]:
        return [
            _Frame(
                v["slot"], round(v["x"]), round(v["y"]), round(v["w"]), round(v["h"]),
                v["radius"], v["shape"], v["shadow"], round(v["edge"]), v["whole"],
                v.get("fill", ""), v.get("above", False), v.get("at", 0.5), v.get("turn", 0.0),
            )
            for v in self._query("<frame>")
        ]  # fmt: skip

    def roles(self) -> dict[str, str]:
        """Slot -> the colour role its words are set in."""
        return {v["slot"]: v["role"] for v in self._query("<role>")}

    def sizes(self) -> dict[str, float]:
        """Slot -> the size in pixels its words are set in, where the layout tells."""
        return {v["slot"]: v["size"] for v in self._query("<role>") if v.get("size")}

    def _query(self, selector: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = json.loads(self._compiler.query(selector, field="value"))
        except RuntimeError as error:  # query() raises the plain class, without the place
            if "misfit:" not in str(error):
                self.draw("all")
            raise self._explained(str(error), "") from error
        return found

    def _explained(self, message: str, diagnostic: str) -> Misfit:
        tight = re.search(r"misfit:(\w+)", message)
        if tight is None:
            line = re.search(rf"{re.escape(self._layout.name)}\.typ:(\d+)", diagnostic)
            where = f", line {line[1]}" if line else ""
            # Its own folder, not the one it was compiled in.
            for room in (self._root, self._root.resolve()):
                message = message.replace(str(room), str(self._layout.folder))
            message = " ".join(message.split())
            return Broken(f"template {self._layout.source}{where}: {message}", mend=_MEND)
        words = self._data["slots"].get(tight[1], "")
        shown = words if len(words) <= 60 else words[:57] + "..."
        return Misfit(f'template {self._layout.name} has no room for "{shown}"', mend=_SHORTER)


_MEND = "mend that template, or move it out of the folder"


def _elements(
    layout: template.Template,
    typesetter: _Typesetter,
    order: Mapping[str, int],
    texts: Mapping[str, str],
    size: rules.Format,
) -> tuple[list[contrast.Words], dict[str, str]]:
    """Every word's place and colour role. Raises Misfit where one is missing or at an edge."""
    marks = typesetter.draw("marks")
    found = contrast.elements(marks[..., :3], marks[..., 3], dict(order))
    lost = set(texts) - {words.slot for words in found}
    if lost:
        raise Misfit(
            f"template {layout.name} has no room for some of its words ({', '.join(sorted(lost))})",
            mend=_SHORTER,
        )
    _keep_inside(layout.name, found, size)
    return found, dict.fromkeys(texts, "text") | typesetter.roles()


def _paint(
    page: RGB,
    frame: _Frame,
    shot: RGB | None,
    saliency: Map | None,
    cut: tuple[int, int, int, int] | None,
    colours: Mapping[str, str],
) -> None:
    mask = pictures.outline(frame.w, frame.h, frame.shape, frame.radius)
    dark = palette.channels(palette.tone(colours["ground"], 0.12, 0.6))
    if frame.fill:
        area = np.empty((frame.h, frame.w, 3), np.uint8)
        area[:] = palette.channels(colours[frame.fill])
        pictures.paste(page, area, frame.x, frame.y, mask)
        return
    if shot is None:
        raise Misfit(f"there is no picture for {frame.slot}", mend="use another template")
    if shot.shape[2] == 4:
        box = (frame.x, frame.y, frame.w, frame.h)
        pictures.stand(page, shot, box, dark, frame.shadow, frame.at)
        return
    if cut is None or (frame.w, frame.h) != page.shape[1::-1]:
        h, w = shot.shape[:2]
        cut = (0, 0, w, h)
        if not frame.whole:
            cut, _ = pictures.best_window(shot, frame.w, frame.h, saliency)
    try:
        piece = pictures.cut_to(shot, cut, frame.w, frame.h)
    except FeedsmithError as error:
        raise Misfit(error.message, mend=error.mend) from error
    e = frame.edge
    white = palette.channels(palette.tone(colours["ground"], 0.99, 0.2))
    if frame.turn:
        pictures.print_on(page, piece, (frame.x, frame.y), e, frame.turn, frame.shadow, white, dark)
        return
    outer = (frame.x - e, frame.y - e, frame.w + 2 * e, frame.h + 2 * e)
    outer_mask = pictures.outline(outer[2], outer[3], frame.shape, frame.radius) if e else mask
    if frame.shadow:
        pictures.shadow(page, outer, outer_mask, frame.shadow, dark)
    if e:
        paper = np.empty((outer[3], outer[2], 3), np.uint8)
        paper[:] = white
        pictures.paste(page, paper, outer[0], outer[1], outer_mask)
    pictures.paste(page, piece, frame.x, frame.y, mask)


def _stamp(
    drawn: NDArray[np.uint8], ground: RGB, frame: _Frame, mark: RGBA, logo: Logo | None
) -> None:
    """The logo on the finished page (H, W, 3 or 4), in place, as it reads on its ground."""
    if logo is not None:
        area = ground[max(frame.y, 0) : frame.y + frame.h, max(frame.x, 0) : frame.x + frame.w]
        mean = area.reshape(-1, 3).mean(axis=0).round().astype(int)
        fresh = logo("#" + "".join(f"{v:02x}" for v in mean), 2 * frame.h)
        mark = mark if fresh is None else fresh
    h, w = mark.shape[:2]
    k = min(frame.w / w, frame.h / h)
    width, height = max(1, round(w * k)), max(1, round(h * k))
    piece = pictures.scaled(mark, width, height)
    x = frame.x + round((frame.w - width) * frame.at)
    y = frame.y + (frame.h - height) // 2
    layer = np.zeros((*drawn.shape[:2], 4), np.uint8)
    layer[y : y + height, x : x + width] = piece[: drawn.shape[0] - y, : drawn.shape[1] - x]
    drawn[:] = _laid(drawn, layer) if drawn.shape[2] == 4 else _over(drawn, layer)


def _keep_inside(name: str, found: Sequence[contrast.Words], size: rules.Format) -> None:
    story = size.height > size.width * 1.5
    top = size.height * rules.STORY_SAFE_TOP if story else 24
    foot = size.height * (1 - rules.STORY_SAFE_BOTTOM) if story else size.height - 24
    for words in found:
        x0, y0, x1, y1 = words.box
        # Descenders and the 4 px surroundings may reach a little past the last baseline.
        if x0 < 24 or x1 > size.width - 24 or y0 + 4 < top or y1 - 4 > foot:
            raise Misfit(f"words in template {name} would leave the safe area", mend=_SHORTER)


def _keep_clear(
    name: str,
    found: Sequence[contrast.Words],
    boxes: Sequence[Box],
    cut: tuple[int, int, int, int],
    shot: RGB,
    size: rules.Format,
) -> None:
    """Raises Misfit where words would cover more than a tenth of a box of the full-page picture, or
    would stand in one with more than a third of their own."""
    h, w = shot.shape[:2]
    kx, ky = size.width / (cut[2] - cut[0]), size.height / (cut[3] - cut[1])
    for x0, y0, x1, y1 in boxes:
        box = ((x0 * w - cut[0]) * kx, (y0 * h - cut[1]) * ky,
               (x1 * w - cut[0]) * kx, (y1 * h - cut[1]) * ky)  # fmt: skip
        area = max((box[2] - box[0]) * (box[3] - box[1]), 1.0)
        shared = [
            max(min(box[2], words.box[2]) - max(box[0], words.box[0]), 0)
            * max(min(box[3], words.box[3]) - max(box[1], words.box[1]), 0)
            for words in found
        ]
        within = [
            part / ((words.box[2] - words.box[0]) * (words.box[3] - words.box[1]))
            for part, words in zip(shared, found, strict=True)
        ]
        if sum(shared) > 0.1 * area or max(within, default=0) > 0.34:
            raise Misfit(
                f"words in template {name} would cover a face or the product",
                mend="use another picture or another template",
            )


_SUBJECT = (0.02, 0.5)
"""Share of a picture that one thing takes which it is a picture of; less is noise, more a view."""
_HIDDEN = 0.4
"""Most of such a thing that words and panels may hide."""
_BEHEADED = 0.3
"""Most of its upper two fifths, where heads and lids are."""


def _fills(frames: Sequence[_Frame], main: str, size: rules.Format) -> bool:
    return any(f.slot == main and (f.w, f.h) == (size.width, size.height) for f in frames)


def _show(
    name: str,
    found: Sequence[contrast.Words],
    panels: NDArray[np.uint8],
    saliency: Map | None,
    cut: tuple[int, int, int, int],
    shot: RGB,
    size: rules.Format,
) -> None:
    """Raises Misfit where words and `panels` (alpha, H, W) would hide what the picture is of: the
    one thing that stands out in `saliency`."""
    if saliency is None:
        return
    h, w = shot.shape[:2]
    subject = np.asarray(
        Image.fromarray(np.asarray(saliency, np.float32)).resize(
            (90, round(90 * size.height / size.width)),
            Image.Resampling.BOX,
            (cut[0] / w * saliency.shape[1], cut[1] / h * saliency.shape[0],
             cut[2] / w * saliency.shape[1], cut[3] / h * saliency.shape[0]),
        )
    ) > 0.5  # fmt: skip
    if not _SUBJECT[0] < subject.mean() < _SUBJECT[1]:
        return
    kx, ky = subject.shape[1] / size.width, subject.shape[0] / size.height
    hidden = np.asarray(
        Image.fromarray(panels).resize(subject.shape[::-1], Image.Resampling.BOX)
    ) > 100  # fmt: skip
    for words in found:
        x0, y0, x1, y1 = words.box
        hidden[int(y0 * ky) : round(y1 * ky), int(x0 * kx) : round(x1 * kx)] = True
    rows = np.flatnonzero(subject.any(axis=1))
    upper = slice(rows[0], rows[0] + 2 * (rows[-1] - rows[0]) // 5 + 1)
    hidden &= subject
    if (
        hidden.sum() > _HIDDEN * subject.sum()
        or hidden[upper].sum() > _BEHEADED * subject[upper].sum()
    ):
        raise Misfit(
            f"words in template {name} would hide what the picture shows",
            mend="use another picture or another template",
        )


def _veil(
    page: RGB,
    found: Sequence[contrast.Words],
    roles_of: Mapping[str, str],
    roles: Palette,
    how: str,
    rng: np.random.Generator,
    sizes: Mapping[str, float],
) -> tuple[RGB, dict[str, str]]:
    """The picture with the weakest scrim under which all words read, and the words' colours.

    Light words on a darkened picture, or dark words on a lightened one when that needs a clearly
    weaker scrim.
    """
    h = page.shape[0]
    y0 = min(words.box[1] for words in found)
    y1 = max(words.box[3] for words in found)
    behind = page[y0:y1].reshape(-1, 3).mean(axis=0).astype(np.uint8)
    tone = "#" + "".join(f"{v:02x}" for v in behind)
    if how == "local":
        # Only around each line of words: for pictures that leave them a calm ground.
        far = int(h * 0.16)
        slopes = [
            # What begins near an edge reaches it, or a pale rim stays there.
            contrast.slope(
                (h, page.shape[1]),
                0 if words.box[1] < far else words.box[1] - 30,
                h if words.box[3] > h - far else words.box[3] + 30,
                far,
            )
            for words in found
        ]
        band = np.maximum.reduce(slopes)
    elif how == "veil":
        # A little less away from the words, so that the picture stays one.
        band = 0.5 + 0.5 * contrast.slope((h, page.shape[1]), y0 - 40, y1 + 40, int(h * 0.35))
    else:
        # To the nearer edge at full strength; easing out over a third of the page on the other side.
        low = y0 + y1 > h
        band = contrast.slope(
            (h, page.shape[1]), y0 - 60 if low else 0, h if low else y1 + 60, int(h * 0.3)
        )
    soft = pictures.softened(page, 12)
    if how == "local":
        busy = max(_busyness(page[words.box[1] : words.box[3] : 2]) for words in found)
    else:
        busy = _busyness(page[y0:y1:2])
    options: list[tuple[float, int, float, dict[str, str], RGB | None]] = []
    for light in (True, False):
        colours = palette.over(tone, roles, light)
        if how == "local":
            # Without a scrim the accent has nothing to stand out from.
            colours["mark"] = colours["text"]
        for calm, price in ((None, 0.0), (soft, 0.2)):
            if options and min(option[0] for option in options) <= price:
                continue  # even without a scrim it would not be chosen
            strength = _strength(page, calm, found, roles_of, colours, band)
            # Dark words on a lightened picture look foggy, but where it hardly needs lightening.
            cost = strength + price + (0.0 if light else _fogginess(strength))
            options.append((cost, len(options), strength, colours, calm))
    _, _, strength, colours, calm = min(options, key=lambda option: option[:2])
    # More than the measure asks for: a trace where the picture is dark enough, so that words and
    # picture are one, and as much as it takes to quieten foliage and the like behind words.
    trace = 0.0 if how == "local" and busy < _CALM else 0.16
    strength = max(strength, min(trace + 0.016 * busy, 0.62))
    if busy > _BUSY:
        calm = soft
    if colours["text"] != palette.over(tone, roles, False)["text"] and strength > _PLAIN:
        # So much shade is no shadow of the picture's own any more: it takes the brand's colour.
        colours = colours | {"scrim": palette.deepened(colours["scrim"], roles.ink, strength)}
    scrim = palette.channels(colours["scrim"])
    out = contrast.veiled(page, scrim, band * strength, calm, rng)
    for words in found:
        if sizes.get(words.slot, _SMALL) < _SMALL:
            _quieten(out, words, palette.channels(colours[roles_of[words.slot]]))
    return out, colours


def _quieten(page: RGB, words: contrast.Words, colour: tuple[int, int, int]) -> None:
    """Blur the grains of `page` behind and around small words, in place, as far as it takes."""
    x0, y0, x1, y1 = words.box
    far = 72
    top, left = max(y0 - far, 0), max(x0 - far, 0)
    part = page[top : y1 + far, left : x1 + far]
    soft = pictures.softened(part, 12)
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    sharp, calm = (area[inner][words.near].astype(np.float32) for area in (part, soft))
    found = contrast.noise(sharp, calm, colour)
    if found <= _NOISY:
        return
    y = np.arange(part.shape[0], dtype=np.float32) + top
    x = np.arange(part.shape[1], dtype=np.float32) + left
    off = np.hypot(
        np.maximum(np.maximum(y0 - y, y - y1), 0)[:, None],
        np.maximum(np.maximum(x0 - x, x - x1), 0)[None],
    )
    near = np.clip(1 - off / far, 0, 1)
    weight = (near * near * (3 - 2 * near) * (1 - _NOISY / found))[..., None]
    part[:] = (part + (soft.astype(np.float32) - part) * weight + 0.5).astype(np.uint8)


def _fogginess(strength: float) -> float:
    """What a scrim that lightens costs beyond its strength 0..1: on a pale picture hardly anything,
    on others it is fog."""
    return 0.06 if strength < 0.2 else 0.14 if strength < 0.45 else 0.3


def _busyness(rgb: RGB) -> float:
    """Mean difference of neighbouring pixels, 0..255."""
    return float(np.abs(np.diff(rgb.astype(np.int16), axis=1)).mean())


def _strength(
    page: RGB,
    soft: RGB | None,
    found: Sequence[contrast.Words],
    roles_of: Mapping[str, str],
    colours: Mapping[str, str],
    band: NDArray[np.float32],
) -> float:
    """The weakest scrim 0..1 under which every text element has contrast.AIMED."""
    scrim = np.array(palette.channels(colours["scrim"]), np.float32)
    behind = []
    for words in found:
        x0, y0, _, _ = words.box
        rows, columns = np.nonzero(words.near)
        # At most 20,000 pixels an element: the quantile is as good, the search 10 times cheaper.
        step = max(1, rows.size // 20_000)
        rows, columns = rows[::step] + y0, columns[::step] + x0
        sharp = page[rows, columns].astype(np.float32)
        blurred = sharp if soft is None else soft[rows, columns].astype(np.float32)
        colour = palette.channels(colours[roles_of[words.slot]])
        behind.append((sharp, blurred, band[rows][:, None], colour))

    def holds(strength: float) -> bool:
        for sharp, blurred, weight, colour in behind:
            a = weight * strength
            mixed = contrast.mixed(sharp + (blurred - sharp) * np.clip(a * 1.5, 0, 1), scrim, a)
            if contrast.worst(mixed.astype(np.uint8), colour) < contrast.AIMED:
                return False
        return True

    low, high = 0.0, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


_BAND = 96
"""Rows that layers are mixed by: in floats a whole page of a reel took 120 MB at a time, its peak."""


def _scrim(
    ends: tuple[RGB, RGB],
    found: Sequence[contrast.Words],
    roles_of: Mapping[str, str],
    roles: Palette,
    how: str,
    rng: np.random.Generator,
) -> tuple[RGBA, dict[str, str]]:
    """The weakest scrim (H, W, 4) under which all words read on every frame, and their colours.

    `ends`: the lightest and the darkest that each pixel becomes. A layer can only cover, so neither
    blur nor multiplication helps here, as it does on a still.
    """
    light_end, dark_end = ends
    h, w = light_end.shape[:2]
    y0 = min(words.box[1] for words in found)
    y1 = max(words.box[3] for words in found)
    if how == "veil":
        band = 0.5 + 0.5 * contrast.slope((h, w), y0 - 40, y1 + 40, int(h * 0.35))
    else:
        low = y0 + y1 > h
        band = contrast.slope((h, w), y0 - 30 if low else 0, h if low else y1 + 30, int(h * 0.26))
    middle = (light_end[y0:y1].reshape(-1, 3).mean(axis=0) + dark_end[y0:y1].reshape(-1, 3).mean(
        axis=0)) / 2  # fmt: skip
    # Nearly grey: one scrim has to go with every shot of the film.
    tone = palette.tone("#" + "".join(f"{int(v):02x}" for v in middle), 0.5, 0.35)
    options: list[tuple[float, float, dict[str, str]]] = []
    for light, page in ((True, light_end), (False, dark_end)):
        colours = palette.over(tone, roles, light)
        tint = np.array(palette.channels(colours["scrim"]), np.float32)
        behind = [
            (page[words.box[1] : words.box[3], words.box[0] : words.box[2]][words.near],
             np.broadcast_to(band[words.box[1] : words.box[3], None], words.near.shape)[
                words.near][:, None],
             palette.channels(colours[roles_of[words.slot]]))
            for words in found
        ]  # fmt: skip
        low_end, high_end = 0.0, 1.0
        for _ in range(7):
            strength = (low_end + high_end) / 2
            holds = all(
                contrast.worst(
                    (pixels + (tint - pixels) * (weight * strength)).astype(np.uint8), colour
                )
                >= contrast.AIMED
                for pixels, weight, colour in behind
            )
            low_end, high_end = (low_end, strength) if holds else (strength, high_end)
        price = 0.0 if light else _fogginess(high_end)
        options.append((high_end + price, max(high_end, 0.16), colours))
    _, strength, colours = min(options, key=lambda option: option[0])
    veil = np.empty((h, w, 4), np.uint8)
    veil[..., :3] = palette.channels(colours["scrim"])
    for start in range(0, h, _BAND):
        alpha = band[start : start + _BAND, None] * np.float32(strength * 255)
        grain = rng.uniform(0, 1, (len(alpha), w)).astype(np.float32)
        veil[start : start + _BAND, :, 3] = np.clip(alpha + grain * (alpha > 0.5), 0, 255)
    return veil, colours


def _behind(view: RGB, ground: RGBA, words: contrast.Words, colour: tuple[int, int, int]) -> float:
    """Contrast of `words` on the frame `view` under the layer `ground`."""
    x0, y0, x1, y1 = words.box
    part = _over(view[y0:y1, x0:x1], ground[y0:y1, x0:x1])
    return contrast.worst(part[words.near], colour)


def _sized(rgb: RGB, size: rules.Format) -> RGB:
    if rgb.shape[:2] == (size.height, size.width):
        return rgb
    image = Image.fromarray(rgb).resize((size.width, size.height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _bands(layer: NDArray[np.uint8]) -> Iterator[slice]:
    """The rows of an (H, W, 4) layer in which anything is to be seen, a few at a time."""
    rows = np.flatnonzero(layer[..., 3].any(axis=1))
    if rows.size:
        first, end = int(rows[0]), int(rows[-1]) + 1
        for start in range(first, end, _BAND):
            yield slice(start, min(start + _BAND, end))


def _laid(under: RGBA, layer: RGBA) -> RGBA:
    """`layer` on `under`, both (H, W, 4) with straight alpha; a new array."""
    out = under.copy()
    for part in _bands(layer):
        top = layer[part, :, 3:].astype(np.float32) / 255
        low = under[part, :, 3:].astype(np.float32) / 255 * (1 - top)
        whole = top + low
        mixed = layer[part, :, :3] * top + under[part, :, :3] * low
        out[part, :, :3] = (mixed / np.maximum(whole, 1e-6) + 0.5).astype(np.uint8)
        out[part, :, 3:] = (whole * 255 + 0.5).astype(np.uint8)
    return out


def _over(page: RGB, layer: NDArray[np.uint8]) -> RGB:
    """`layer` (H, W, 4) on `page` (H, W, 3); a new array."""
    out = page.copy()
    for part in _bands(layer):
        a = layer[part, :, 3:].astype(np.uint16)
        out[part] = ((layer[part, :, :3] * a + page[part] * (255 - a) + 127) // 255).astype(
            np.uint8
        )
    return out


def compose(
    kind: str,
    slots: Mapping[str, str],
    shots: Mapping[str, RGB],
    roles: Palette,
    format_name: str,
    seed: int,
    turn: int = 0,
    *,
    pair: str | faces.Pair = "",
    saliency: Mapping[str, Map] | None = None,
    keep: Mapping[str, Sequence[Box]] | None = None,
    language: str = "en",
    neighbours: Sequence[Look] = (),
    prefer: Mapping[str, float] | None = None,
    only: tuple[str, str] = ("", ""),
    logo: Logo | None = None,
    extra: Path | None = None,
) -> Rendered:
    """Render with the first layout of `template.choose` that takes the words and pictures; of these
    `only` that of this name and scheme, where one is given.

    A broken template of the brand's own is passed over and named in the result's notes.
    Raises Misfit with the last reason when none does.
    """
    notes = [str(fault.message) for fault in template.faults(extra)]
    options = fitting(
        kind,
        slots,
        shots,
        format_name,
        seed,
        turn,
        neighbours=neighbours,
        prefer=prefer,
        extra=extra,
    )
    if any(only):
        options = [option for option in options if (option[0].name, option[1]) == only]
        if not options:
            raise no_such(only, kind, format_name)
    last: Misfit | None = None
    for layout, scheme, given in options:
        try:
            done = render(
                layout.name, given, shots, roles, format_name, seed, scheme=scheme, pair=pair,
                saliency=saliency, keep=keep, language=language, logo=logo, extra=extra,
            )  # fmt: skip
        except Misfit as error:
            last = error
            if isinstance(error, Broken) and error.message not in notes:
                notes.append(error.message)
            continue
        text = done.text if given is slots else _rejoined(done.text, given, slots)
        return done._replace(text=text, notes=tuple(notes))
    assert last is not None
    raise last


def fitting(
    kind: str,
    slots: Mapping[str, str],
    shots: Mapping[str, RGB],
    format_name: str,
    seed: int,
    turn: int = 0,
    *,
    neighbours: Sequence[Look] = (),
    prefer: Mapping[str, float] | None = None,
    extra: Path | None = None,
) -> list[tuple[template.Template, str, Mapping[str, str]]]:
    """The layouts that have a place for these words and pictures, best first, each with its scheme and
    the words by its slots; whether the words fit in is seen when they are set. Raises FeedsmithError
    where there is none."""
    sizes = {slot: (rgb.shape[1], rgb.shape[0]) for slot, rgb in shots.items()}
    filled = [slot for slot, words in slots.items() if _seen(words)]
    apart = parted(slots) if kind in ("promo", "story") else None
    options: list[tuple[template.Template, str, Mapping[str, str]]] = []
    for given in (apart, slots):
        if given is None:
            continue
        with contextlib.suppress(*((FeedsmithError,) if given is apart else ())):
            names = [slot for slot, words in given.items() if _seen(words)]
            found = template.choose(
                kind, format_name, seed, turn, slots=names, whole=filled, sizes=sizes,
                neighbours=neighbours, prefer=prefer, extra=extra,
            )  # fmt: skip
            # A brand's own layout may have a place for the whole line alone.
            options += [(t, look, given if t.named(names) else slots) for t, look in found]
    return options


def no_such(only: tuple[str, str], kind: str, format_name: str) -> Misfit:
    """What to raise where a layout that a person chose is none of those that fit."""
    look = f" in {only[1]}" if only[1] else ""
    return Misfit(
        f"the template {only[0]}{look} does not take the words and pictures of this {kind} in {format_name}",
        mend="choose one of those that are offered",
    )


_BREAK = re.compile(r"(?:[,،、，;؛] ?| [·|•/–—] )(?=\S)")
"""What parts the facts of an offer in one line."""
_WHEN, _MUCH = ("date", "weekday", "time"), ("price", "percentage")


def parted(slots: Mapping[str, str]) -> dict[str, str] | None:
    """An offer in one line ("Oak walk, 3 May, 12 EUR") as what it is, when and for how much, each
    word for word; None where the line is not such a row, or the facts are already apart.

    A row has two to four parts: what it is, then parts of a single fact each with hardly a word
    beside it, and at most one more short part without a fact.
    """
    slot = "offer" if _seen(slots.get("offer", "")) else "name"
    line = faces.plain(slots.get(slot, ""))
    if not line or any(_seen(slots.get(s, "")) for s in _FACTS if s != slot):
        return None
    plain = facts.folded(line)
    spans = facts.facts(plain)
    parts, start = [], 0
    for mark in _BREAK.finditer(plain):
        if not any(fact.start < mark.end() and mark.start() < fact.end for fact in spans):
            parts.append((start, mark.start()))
            start = mark.end()
    parts.append((start, len(plain)))
    said = [plain[a:b].strip() for a, b in parts]
    if not 2 <= len(said) <= 4 or len(said[0]) > _NAME_MOST or not all(said):
        return None
    out: dict[str, list[str]] = {}
    for (a, b), words in zip(parts[1:], said[1:], strict=True):
        inside = [fact for fact in spans if a <= fact.start and fact.end <= b]
        spare = len(words) - sum(len(fact.text) for fact in inside)
        kinds = {fact.kind for fact in inside}
        if inside and spare <= _SPARE and kinds <= {*_WHEN}:
            out.setdefault("dates", []).append(words)
        elif len(inside) == 1 and spare <= _SPARE and kinds <= {*_MUCH}:
            out.setdefault("price", []).append(words)
        elif len(words) <= _NOTE_MOST and words[-1] not in ".!?":
            out.setdefault("name", []).append(words)
        else:
            return None
    if not ("dates" in out or "price" in out) or any(
        len(out.get(s, ())) > 1 for s in ("price", "name")
    ):
        return None
    dates = out.pop("dates", [])
    told = {s: words[0] for s, words in out.items()}
    if dates:
        joined = ", ".join(dates)
        # As it stands in the line, with the mark that stands between.
        told["dates"] = joined if len(dates) == 1 or joined in plain else " · ".join(dates)
    # Layouts for things that have a name and a price take a name; the others a line.
    first = "offer" if slot == "offer" and ("name" in told or "price" not in told) else "name"
    if first in told:  # a story's layouts have one large line; the rest is its sentence
        told["body"] = told.pop(first)
    return {**{s: words for s, words in slots.items() if s != slot}, first: said[0], **told}


_FACTS = ("offer", "name", "dates", "price", "was", "body")
_NAME_MOST, _NOTE_MOST, _SPARE = 40, 28, 12
"""Characters: of what is offered; of a part without facts; beside a fact ("from", "a head")."""


def _rejoined(
    text: tuple[str, ...], parts: Mapping[str, str], slots: Mapping[str, str]
) -> tuple[str, ...]:
    """Words on the page with the line that was set in `parts` told as one."""
    line = faces.plain(slots["offer"] if _seen(slots.get("offer", "")) else slots["name"])
    said = {faces.plain(parts[s]) for s in _FACTS if s in parts}
    first = next(i for i, words in enumerate(text) if words in said)
    rest = [words for words in text[first:] if words not in said]
    return (*text[:first], line, *rest)


def compose_carousel(
    slides: Sequence[tuple[Mapping[str, str], Mapping[str, RGB]]],
    roles: Palette,
    seed: int,
    turn: int = 0,
    *,
    format_name: str = "portrait",
    pair: str | faces.Pair = "",
    saliency: Sequence[Mapping[str, Map]] | None = None,
    keep: Sequence[Mapping[str, Sequence[Box]]] | None = None,
    language: str = "en",
    neighbours: Sequence[Look] = (),
    prefer: Mapping[str, float] | None = None,
    only: tuple[str, str] = ("", ""),
    logo: Logo | None = None,
    extra: Path | None = None,
) -> list[Rendered]:
    """Slides (words, pictures) as cover, contents and closing of one family, all of one format.

    The first is the cover, the last the closing slide. `only`: family and scheme, where a person chose
    them. Raises Misfit with the last reason when no family takes them all.
    """
    parts = ["cover", *["content"] * (len(slides) - 2), "closing"]
    looks = families(format_name, extra)
    rng = np.random.default_rng([seed, 0xCA2])
    start = (int(rng.integers(len(looks))) + turn) % len(looks)
    looks = looks[start:] + looks[:start]
    if any(only):
        looks = [look for look in looks if (look[0]["cover"].family, look[1]) == only]
        if not looks:
            raise no_such(only, "carousel", format_name)
    if neighbours or prefer:
        looks.sort(
            key=lambda look: (
                template.unrest(look[0]["cover"].look(look[1]), neighbours)
                - template.leant(look[0]["cover"], prefer)
            )
        )
    last: Misfit | None = None
    for of, scheme in looks:
        try:
            return [
                render(
                    of[part].name, {**words, "page": f"{i + 1}/{len(slides)}"}, shots, roles,
                    format_name, seed, scheme="" if of[part].over else scheme, pair=pair,
                    language=language, logo=logo, extra=extra,
                    saliency=saliency[i] if saliency else None, keep=keep[i] if keep else None,
                )
                for i, (part, (words, shots)) in enumerate(zip(parts, slides, strict=True))
            ]  # fmt: skip
        except Misfit as error:
            last = error
    assert last is not None
    raise last


def families(
    format_name: str, extra: Path | None = None
) -> list[tuple[dict[str, template.Template], str]]:
    """The families of carousels (part -> template) in their schemes, those with fewer of them over again.
    Raises FeedsmithError where there is none of this format."""
    found: dict[str, dict[str, template.Template]] = {}
    for t in template.catalogue(extra).values():
        if t.family and format_name in t.formats:
            found.setdefault(t.family, {})[t.part] = t
    found = {name: of for name, of in sorted(found.items()) if len(of) == 3}
    if not found:
        raise FeedsmithError(
            f"there is no carousel in {format_name}", mend="ask for portrait or square"
        )
    rounds = max(len(of["content"].schemes) for of in found.values())
    return [
        (of, schemes[r % len(schemes)])
        for r in range(rounds)
        for of in found.values()
        if (schemes := of["content"].schemes)
    ]
