"""One template, filled: words, pictures and colours in, one RGB picture out.

Words are data for Typst (never part of its source); pictures and scrims are painted here, below
the drawn layer, where the contrast of every word with its real background is measured.
"""

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import typst
from numpy.typing import NDArray
from PIL import Image

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import contrast, faces, palette, pictures, template
from feedsmith.errors import FeedsmithError

RGB = NDArray[np.uint8]
Map = NDArray[np.float32]


class Misfit(FeedsmithError):
    """These words or pictures do not fit this layout; another one may take them."""


class Rendered(NamedTuple):
    rgb: RGB
    """(H, W, 3), exactly the format's size."""
    text: tuple[str, ...]
    """Words set on it, in reading order."""
    min_contrast: float
    """Lowest WCAG contrast of any word with the pixels around its letters; at least 4.5."""
    template: str
    """Name of the layout."""


class _Frame(NamedTuple):
    slot: str
    x: int
    y: int
    w: int
    h: int
    radius: float
    shape: str
    shadow: float
    edge: int
    whole: bool


def render(
    name: str,
    slots: Mapping[str, str],
    shots: Mapping[str, RGB],
    roles: Palette,
    format_name: str,
    seed: int,
    *,
    scheme: str = "",
    pair: str = "",
    saliency: Mapping[str, Map] | None = None,
    language: str = "en",
) -> Rendered:
    """Set `slots` (slot -> words) and `shots` (picture slot -> RGB) into the template `name`.

    `roles` must be complete (palette.complete). `format_name` is a name in rules.FORMATS; `seed` only
    feeds grain and the choice of typefaces when `pair` (a name in faces.PAIRS) is empty.
    `saliency`: picture slot -> (h, w) 0..1, of any size; keeps words off what the eye goes to.
    Raises Misfit when words do not fit or would not read or a picture is too small;
    FeedsmithError for unknown templates, slots and scripts no font has.
    """
    layout = template.find(name)
    texts = _texts(layout, slots, format_name)
    faces_ = faces.PAIRS[pair] if pair else faces.pair_for(seed)
    size = rules.FORMATS[format_name]
    look = scheme or layout.schemes[0]
    if not layout.over and look not in layout.schemes:
        raise FeedsmithError(
            f'template {name} has no scheme "{look}"', mend="one of: " + ", ".join(layout.schemes)
        )
    maps = saliency or {}
    rng = np.random.default_rng([seed, 0xDE51])
    colours = palette.over("#808080", roles, True) if layout.over else palette.scheme(look, roles)
    order = {slot: 40 + 16 * i for i, slot in enumerate(texts)}
    story = size.height > size.width * 1.5
    data: dict[str, Any] = {
        "width": size.width,
        "height": size.height,
        "safe_top": rules.STORY_SAFE_TOP if story else 0,
        "safe_bottom": rules.STORY_SAFE_BOTTOM if story else 0,
        "format": format_name,
        "language": language,
        "slots": {slot: faces.glued(faces.in_sense(words)) for slot, words in texts.items()},
        "order": order,
        "colours": colours,
        "scheme": look,
        "mark_face": faces_.mark._asdict(),
        "faces": {role: getattr(faces_, role)._asdict() for role in _ROLES},
        "substitutes": {
            slot: {role: face._asdict() for role, face in faces.substitutes(words, faces_).items()}
            for slot, words in texts.items()
        },
        "pictures": {slot: (rgb.shape[1], rgb.shape[0]) for slot, rgb in shots.items()},
        "blow_up": pictures.BLOW_UP,
        "anchor": layout.anchors[0],
        "pass": "all",
    }

    # Pictures: their frames, and the calmest place for the words.
    page = np.empty((size.height, size.width, 3), np.uint8)
    page[:] = palette.channels(colours["ground"])
    cut = None
    if layout.regions:
        main = next(iter(layout.pictures))
        options = [
            (*pictures.best_window(
                shots[main], size.width, size.height, maps.get(main),
                # Words over the whole picture keep off nothing: let it show its subject.
                None if layout.over == "veil" else layout.regions[anchor],
            ), anchor)
            for anchor in layout.anchors
        ]  # fmt: skip
        cut, _, data["anchor"] = min(options, key=lambda option: option[1])
    typesetter = _Typesetter(name, data)
    for frame in typesetter.frames():
        _paint(page, frame, shots[frame.slot], maps.get(frame.slot), cut, colours)

    # Words: where they are, what is behind them, and the scrim that makes them read.
    marks = typesetter.draw("marks")
    found = contrast.elements(marks[..., :3], marks[..., 3], order)
    if {words.slot for words in found} != set(texts):
        raise Misfit(f"template {name} has no room for some of its words", mend=_SHORTER)
    _keep_inside(name, found, size, story)
    roles_of = typesetter.roles()
    del marks
    if layout.over and found:
        page, colours = _veil(page, found, roles_of, roles, layout.over, rng)
        data["colours"] = colours
    ground = _over(page, typesetter.draw("ground"))
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
    del ground
    drawn = _over(page, typesetter.draw("all"))
    return Rendered(drawn, tuple(texts.values()), round(lowest, 2), name)


_BUSY = 22.0
"""Mean difference of neighbouring pixels, 0..255, above which a picture is softened behind words:
foliage against the sky stands at about 25, everything calmer keeps its sharpness."""
_ROLES = ("display", "voice", "text", "strong")
_SHORTER = "shorten the words, or let another layout take them"


def _texts(layout: template.Template, slots: Mapping[str, str], format_name: str) -> dict[str, str]:
    """Words by slot in the template's reading order; empty ones dropped."""
    if format_name not in layout.formats:
        raise FeedsmithError(
            f"template {layout.name} is not made for {format_name}",
            mend="one of: " + ", ".join(layout.formats),
        )
    unknown = sorted(set(slots) - set(layout.slots))
    if unknown:
        raise FeedsmithError(
            f'template {layout.name} has no slot "{unknown[0]}"',
            mend="it has: " + ", ".join(layout.slots),
        )
    cleaned = {slot: faces.plain(slots[slot]) for slot in layout.slots if slot in slots}
    texts = {slot: words for slot, words in cleaned.items() if words}
    missing = [slot for slot in layout.required if slot not in texts]
    if missing:
        raise FeedsmithError(
            f"template {layout.name} needs words for {missing[0]}",
            mend="give it a sentence, or take another template",
        )
    return texts


class _Typesetter:
    """Typst on one template and one set of data."""

    def __init__(self, name: str, data: dict[str, Any]) -> None:
        self._data = data
        self._name = name
        self._compiler = typst.Compiler(
            str(template.FOLDER / f"{name}.typ"),
            root=str(template.FOLDER),
            font_paths=[str(faces.FOLDER)],
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data)},
        )

    def draw(self, what: str) -> NDArray[np.uint8]:
        """The layer (H, W, 4) uint8, straight alpha, of pass "all", "ground" or "marks"."""
        self._data["pass"] = what
        try:
            png = self._compiler.compile(
                format="png", ppi=72, sys_inputs={"data": json.dumps(self._data)}
            )
        except typst.TypstError as error:
            raise self._explained(error) from error
        assert isinstance(png, bytes)
        with Image.open(io.BytesIO(png)) as image:
            return np.asarray(image.convert("RGBA"))

    def frames(self) -> list[_Frame]:
        return [
            _Frame(
                v["slot"], round(v["x"]), round(v["y"]), round(v["w"]), round(v["h"]),
                v["radius"], v["shape"], v["shadow"], round(v["edge"]), v["whole"],
            )
            for v in self._query("<frame>")
        ]  # fmt: skip

    def roles(self) -> dict[str, str]:
        """Slot -> the colour role its words are set in."""
        return {v["slot"]: v["role"] for v in self._query("<role>")}

    def _query(self, selector: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = json.loads(self._compiler.query(selector, field="value"))
        except RuntimeError as error:  # query() raises the plain class, compile() its subclass
            raise self._explained(error) from error
        return found

    def _explained(self, error: Exception) -> Misfit:
        tight = re.search(r"misfit:(\w+)", str(error))
        if tight is None:
            raise RuntimeError(f"template {self._name} is broken: {error}") from error
        words = self._data["slots"][tight[1]]
        shown = words if len(words) <= 60 else words[:57] + "..."
        return Misfit(f'template {self._name} has no room for "{shown}"', mend=_SHORTER)


def _paint(
    page: RGB,
    frame: _Frame,
    shot: RGB,
    saliency: Map | None,
    cut: tuple[int, int, int, int] | None,
    colours: Mapping[str, str],
) -> None:
    if cut is None:
        h, w = shot.shape[:2]
        cut = (0, 0, w, h)
        if not frame.whole:
            cut, _ = pictures.best_window(shot, frame.w, frame.h, saliency)
    try:
        piece = pictures.cut_to(shot, cut, frame.w, frame.h)
    except FeedsmithError as error:
        raise Misfit(error.message, mend=error.mend) from error
    mask = pictures.outline(frame.w, frame.h, frame.shape, frame.radius)
    e = frame.edge
    outer = (frame.x - e, frame.y - e, frame.w + 2 * e, frame.h + 2 * e)
    outer_mask = pictures.outline(outer[2], outer[3], frame.shape, frame.radius) if e else mask
    if frame.shadow:
        dark = palette.channels(palette.tone(colours["ground"], 0.12, 0.6))
        pictures.shadow(page, outer, outer_mask, frame.shadow, dark)
    if e:
        white = np.empty((outer[3], outer[2], 3), np.uint8)
        white[:] = palette.channels(palette.tone(colours["ground"], 0.99, 0.2))
        pictures.paste(page, white, outer[0], outer[1], outer_mask)
    pictures.paste(page, piece, frame.x, frame.y, mask)


def _keep_inside(
    name: str, found: Sequence[contrast.Words], size: rules.Format, story: bool
) -> None:
    top = size.height * rules.STORY_SAFE_TOP if story else 24
    foot = size.height * (1 - rules.STORY_SAFE_BOTTOM) if story else size.height - 24
    for words in found:
        x0, y0, x1, y1 = words.box
        # Descenders and the 4 px surroundings may reach a little past the last baseline.
        if x0 < 24 or x1 > size.width - 24 or y0 + 4 < top or y1 - 4 > foot:
            raise Misfit(f"words in template {name} would leave the safe area", mend=_SHORTER)


def _veil(
    page: RGB,
    found: Sequence[contrast.Words],
    roles_of: Mapping[str, str],
    roles: Palette,
    how: str,
    rng: np.random.Generator,
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
    if how == "veil":
        # A little less away from the words, so that the picture stays one.
        band = 0.62 + 0.38 * contrast.slope((h, page.shape[1]), y0 - 40, y1 + 40, int(h * 0.35))
    else:
        # To the nearer edge at full strength; easing out over a third of the page on the other side.
        low = y0 + y1 > h
        band = contrast.slope(
            (h, page.shape[1]), y0 - 60 if low else 0, h if low else y1 + 60, int(h * 0.3)
        )
    soft = pictures.softened(page, 26)
    busy = float(np.abs(np.diff(page[y0:y1:2].astype(np.int16), axis=1)).mean())
    options: list[tuple[float, int, float, dict[str, str], RGB | None]] = []
    for light in (True, False):
        colours = palette.over(tone, roles, light)
        for calm, price in ((None, 0.0), (soft, 0.08)):
            strength = _strength(page, calm, found, roles_of, colours, band)
            cost = strength + price + (0.0 if light else 0.3)
            options.append((cost, len(options), strength, colours, calm))
    _, _, strength, colours, calm = min(options, key=lambda option: option[:2])
    # More than the measure asks for: a trace where the picture is dark enough, so that words and
    # picture are one, and as much as it takes to quieten foliage and the like behind words.
    strength = max(strength, min(0.16 + 0.016 * busy, 0.62))
    if busy > _BUSY:
        calm = soft
    scrim = palette.channels(colours["scrim"])
    return contrast.veiled(page, scrim, band * strength, calm, rng), colours


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


def _over(page: RGB, layer: NDArray[np.uint8]) -> RGB:
    """`layer` (H, W, 4) on `page` (H, W, 3); a new array."""
    out = page.copy()
    rows = np.flatnonzero(layer[..., 3].any(axis=1))
    if rows.size:
        part = slice(int(rows[0]), int(rows[-1]) + 1)
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
    pair: str = "",
    saliency: Mapping[str, Map] | None = None,
    language: str = "en",
) -> Rendered:
    """Render with the first layout of `template.choose` that takes the words and pictures.

    Raises Misfit with the last reason when none does.
    """
    sizes = {slot: (rgb.shape[1], rgb.shape[0]) for slot, rgb in shots.items()}
    filled = [slot for slot, words in slots.items() if faces.plain(words)]
    last: Misfit | None = None
    for layout, scheme in template.choose(kind, format_name, seed, turn, slots=filled, sizes=sizes):
        try:
            return render(
                layout.name, slots, shots, roles, format_name, seed,
                scheme=scheme, pair=pair, saliency=saliency, language=language,
            )  # fmt: skip
        except Misfit as error:
            last = error
    assert last is not None
    raise last


def compose_carousel(
    slides: Sequence[tuple[Mapping[str, str], Mapping[str, RGB]]],
    roles: Palette,
    seed: int,
    turn: int = 0,
    *,
    pair: str = "",
    saliency: Sequence[Mapping[str, Map]] | None = None,
    language: str = "en",
) -> list[Rendered]:
    """Slides (words, pictures) as cover, contents and closing of one family, all 1080x1350.

    The first is the cover, the last the closing slide. Raises Misfit with the last reason when no
    family takes them all.
    """
    layouts = template.catalogue().values()
    families = sorted({t.family for t in layouts if t.family})
    schemes = {t.family: t.schemes for t in layouts if t.part == "content"}
    rounds = max(len(names) for names in schemes.values())
    looks = [(f, schemes[f][r % len(schemes[f])]) for r in range(rounds) for f in families]
    rng = np.random.default_rng([seed, 0xCA2])
    start = (int(rng.integers(len(looks))) + turn) % len(looks)
    last: Misfit | None = None
    for family, scheme in looks[start:] + looks[:start]:
        parts = ["cover", *["content"] * (len(slides) - 2), "closing"]
        try:
            return [
                render(
                    next(t.name for t in layouts if t.family == family and t.part == part),
                    {**words, "page": f"{i + 1}/{len(slides)}"}, shots, roles, "portrait", seed,
                    scheme=scheme, pair=pair, language=language,
                    saliency=saliency[i] if saliency else None,
                )
                for i, (part, (words, shots)) in enumerate(zip(parts, slides, strict=True))
            ]  # fmt: skip
        except Misfit as error:
            last = error
    assert last is not None
    raise last
