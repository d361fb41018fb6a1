"""A brand's logo: PNG and SVG files made into pixels, and the variant that can be seen on a ground.

Knows files, colours and the brand's settings; knows no template. Nothing is ever recoloured. SVG is
a stranger's program: it is read for what it asks for before it is drawn, and drawn by resvg inside
Typst, which runs no scripts and reaches no network.
"""

import base64
import binascii
import io
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import numpy as np
import typst
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, UnidentifiedImageError

from feedsmith import photo_file
from feedsmith.brand import Brand, Home
from feedsmith.design import palette
from feedsmith.design.contrast import luminance
from feedsmith.errors import Refused

RGBA = NDArray[np.uint8]

SEEN = 3.0
"""WCAG 2.2, 1.4.11: contrast of graphics with what is beside them."""
SVG_BYTES_MAX = 4 * 2**20
"""A drawn logo has 1 to 200 KB; an SVG of megabytes is a photo or a trap."""
PIXELS_MAX = 24_000_000
"""Of a PNG or a picture inside an SVG: 96 MB for a moment."""
NODES_MAX = 200_000
"""Elements of an SVG after every reference is followed ("use" of "use" of ... doubles each time)."""
DEPTH_MAX = 200
BLOW_UP = 2.0
"""A PNG is enlarged at most so much; beyond, edges look like fog."""
_DRAWN = 1024
"""Pixels of the longer side of the first drawing, which finds an SVG's margins."""
_DRAWN_MAX = 4096


class Drawing(NamedTuple):
    """A logo made for one ground."""

    rgba: RGBA
    """(H, W, 4) straight alpha; H is at most the asked height, plate included."""
    variant: str
    """Which file of brand.logo it is: light or dark."""
    plate: str
    """#rrggbb of the plate it stands on; "" where it stands on the ground itself."""
    contrast: float
    """With what is behind it, 1..21, as `contrast_on` measures."""


def raster(path: Path, height: int) -> RGBA:
    """The logo in `path` (PNG or another picture, or SVG) as (H, W, 4) uint8, straight alpha.

    Transparent margins are trimmed; a one-colour logo on a plain opaque ground is lifted off it.
    H is `height`, or less where the file has too few pixels. Raises Refused, naming the file, for
    what cannot be or should not be drawn.
    """
    if height < 1:
        raise ValueError(f"height {height} is not positive")
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise Refused(
            f"{path}: cannot be read ({error.strerror})", mend="check the path of the logo"
        ) from error
    return _raster(path, height, stamp).copy()


def on(brand: Brand, home: Home, ground: str, height: int, width: int = 0) -> Drawing | None:
    """The brand's logo for a ground of colour `ground` (#rrggbb); None where it has no logo.

    Light or dark variant, whichever has at least 3:1 with the ground; where neither has, the one
    that reads better on a plate in the brand's paper or ink. `height` in pixels is that of
    the whole, plate included; `width` > 0 limits it too. Raises FeedsmithError for a missing file,
    Refused for one that cannot be drawn.
    """
    wanted = [(v, n) for v, n in (("light", brand.logo.light), ("dark", brand.logo.dark)) if n]
    if not wanted:
        return None
    files = [(variant, home.file(name, f"logo.{variant}")) for variant, name in wanted]
    pictures = [(variant, _within(raster(path, height), width)) for variant, path in files]
    for variant, picture in sorted(pictures, key=lambda v: (v[0] == "light") == _pale(ground)):
        contrast = contrast_on(picture, ground)
        if contrast >= SEEN:
            return Drawing(picture, variant, "", round(contrast, 2))
    roles = palette.complete(brand.palette)
    options = [
        (contrast_on(picture, plate), -rank, variant, plate)
        for rank, plate in enumerate((roles.paper, roles.ink, "#ffffff", "#000000"))
        for variant, picture in pictures
    ]
    # The brand's own paper or ink where the logo reads on it; white or black only where it must.
    good = [option for option in options if option[0] >= SEEN and option[1] > -2]
    contrast, _, variant, plate = max(good or options)
    padding = max(2, round(height * 0.19))
    inner = raster(dict(files)[variant], max(1, height - 2 * padding))
    mark = _within(inner, max(1, width - 3 * padding) if width else 0)
    return Drawing(_plated(mark, plate, padding), variant, plate, round(contrast, 2))


def maker(brand: Brand, home: Home) -> Callable[[str, int], RGBA | None] | None:
    """`on` as render takes it: (ground, height) -> RGBA; None where the brand has no logo.

    Give it the brand with its complete palette: plates are paper or ink.
    """
    if not (brand.logo.light or brand.logo.dark):
        return None

    def drawn(ground: str, height: int) -> RGBA | None:
        found = on(brand, home, ground, height)
        return None if found is None else found.rgba

    return drawn


def contrast_on(logo: RGBA, ground: str) -> float:
    """Contrast of a logo's visible pixels with a ground #rrggbb, 1..21.

    Measured by cells of a 12 x 4 grid, because a small name beside a large emblem must be seen too:
    in each cell that has pixels, the contrast that its best fifth has; of the cells, the worst but
    for a tenth.
    """
    visible = logo[..., 3] > 127
    if not visible.any():
        return 1.0
    behind = float(luminance(np.array(palette.channels(ground), np.uint8)))
    mine = luminance(np.ascontiguousarray(logo[..., :3]))
    ratio = (np.maximum(mine, behind) + 0.05) / (np.minimum(mine, behind) + 0.05)
    h, w = visible.shape
    rows, columns = min(4, h), min(12, w)
    cell = (np.arange(h) * rows // h)[:, None] * columns + (np.arange(w) * columns // w)[None]
    least = 0.01 * h * w / (rows * columns)
    found = [
        float(np.quantile(inside, 0.8))
        for k in range(rows * columns)
        if (inside := ratio[visible & (cell == k)]).size > least
    ]
    return float(np.quantile(found or ratio[visible], 0.1, method="lower"))


def _pale(ground: str) -> bool:
    return float(palette.lab(ground)[0]) > 0.6


@lru_cache(maxsize=16)  # a run asks for the same few sizes over and over; SVG costs 0.1 s each
def _raster(path: Path, height: int, stamp: int) -> RGBA:
    try:
        picture = _svg(path, height) if _is_svg(path) else _photo(path)
        return _sized(_trimmed(picture), height)
    except Refused as error:
        raise Refused(
            f"{path}: {error.message}", mend=error.mend or "save the logo as a plain PNG or SVG"
        ) from error.__cause__
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error})", mend="check the logo's file") from error


def _is_svg(path: Path) -> bool:
    """By content: a suffix is anybody's word."""
    with path.open("rb") as stream:
        start = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"<" or b"<svg" in start or path.suffix.lower() in (".svg", ".svgz")


def _photo(path: Path) -> RGBA:
    if path.stat().st_size > photo_file.FILE_BYTES_MAX:
        raise Refused("too large for a logo")
    data = path.read_bytes()
    if not data:
        raise Refused("the file is empty")
    header = photo_file.read_header(data)
    if header.width * header.height > PIXELS_MAX:
        raise Refused(
            f"{header.width} x {header.height} pixels are too many for a logo",
            mend="save it with at most 4000 pixels on the longer side",
        )
    clear = _with_alpha(data)
    if clear is None:
        rgb = photo_file.rgb(data)
        return _lifted(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]))
    return clear if int(clear[..., 3].min()) < 250 else _lifted(clear)


def _with_alpha(data: bytes) -> RGBA | None:
    """The picture with its transparency; None where it has none. `data` has been inspected."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP", "GIF", "TIFF", "AVIF")) as image:
            if image.mode not in ("RGBA", "LA", "PA", "RGBa", "La") and (
                "transparency" not in image.info
            ):
                return None
            profile = image.info.get("icc_profile")
            clear = image.convert("RGBA")
    except UnidentifiedImageError:
        return None
    except Exception as error:  # decoders raise whatever they stumble over
        raise Refused("the picture is damaged") from error
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            to = ImageCms.createProfile("sRGB")
            colour = ImageCms.profileToProfile(clear.convert("RGB"), source, to, outputMode="RGB")
            if colour is not None:
                colour.putalpha(clear.getchannel("A"))
                clear = colour
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the plain values are the best guess
    return np.array(clear, np.uint8)


def _lifted(opaque: RGBA) -> RGBA:
    """An opaque logo off its plain ground, where it is of one colour; else as it is.

    With one ink every pixel is a mixture of ink and ground, so the share of ink is known exactly,
    soft edges and the insides of letters too. With more inks a pale part and the ground cannot be
    told apart: such a logo keeps its ground, as a badge.
    """
    rgb = opaque[..., :3].astype(np.float32)
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    ground = np.median(border, axis=0)
    if np.quantile(np.abs(border - ground).max(axis=1), 0.97) > 10:
        return opaque
    away = rgb - ground
    distance = np.sqrt((away * away).sum(axis=-1))
    far = float(np.quantile(distance, 0.999))
    if far < 24:
        return opaque
    ink = np.median(rgb[distance > 0.9 * far], axis=0) - ground
    share = (away @ ink) / float(ink @ ink)
    beside = np.sqrt(((away - share[..., None] * ink) ** 2).sum(axis=-1))
    if np.mean(beside > 26) > 0.004 or np.mean((share > 0.15) & (share < 0.85)) > 0.35:
        return opaque
    out = np.empty_like(opaque)
    out[..., :3] = np.clip(np.rint(ground + ink), 0, 255).astype(np.uint8)
    # JPEG leaves a haze of a few levels around letters; it is ground.
    clean = np.clip((share - 0.04) / 0.92, 0, 1)
    out[..., 3] = np.rint(clean * 255).astype(np.uint8)
    return out


def _svg(path: Path, height: int) -> RGBA:
    if path.stat().st_size > SVG_BYTES_MAX:
        raise Refused(
            f"an SVG of {path.stat().st_size / 2**20:.0f} MB is too large for a logo",
            mend="simplify it, or save it as PNG",
        )
    data = path.read_bytes()
    inspect(data)
    first = _drawn(data, _DRAWN)
    rows = np.flatnonzero((first[..., 3] > _CLEAR).any(axis=1))
    if not rows.size:
        raise Refused("nothing is drawn in it", mend="save the logo again with visible shapes")
    inked = int(rows[-1] - rows[0] + 1)
    side = min(_DRAWN_MAX, int(np.ceil(_DRAWN * height / inked * 1.02)))
    return first if side <= _DRAWN else _drawn(data, side)


def _drawn(data: bytes, side: int) -> RGBA:
    """The SVG inside a square of `side` pixels, whatever size it claims."""
    source = (
        "#set page(width: auto, height: auto, margin: 0pt, fill: none)\n"
        f"#box(width: {side}pt, height: {side}pt, align(center + horizon, image("
        'bytes(sys.inputs.svg), format: "svg", width: 100%, height: 100%, fit: "contain")))'
    )
    try:
        png = typst.compile(
            source.encode(), format="png", ppi=72, ignore_system_fonts=True,
            sys_inputs={"svg": data.decode("utf-8-sig")},
        )  # fmt: skip
    except (typst.TypstError, RuntimeError) as error:
        said = str(error).strip().splitlines()
        raise Refused(f"not an SVG that can be drawn ({said[0][:140]})") from error
    assert isinstance(png, bytes)
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGBA"), np.uint8)


def inspect(data: bytes) -> None:
    """Raises Refused for an SVG that asks for anything outside of itself, or for endless work."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            "the SVG is compressed or not UTF-8", mend="save it as plain SVG (UTF-8)"
        ) from error
    if "\0" in text or not text.strip():
        raise Refused("the file is empty" if not text.strip("\0 \n\r\t") else "not a text file")
    declared = re.search(r"<!DOCTYPE[^>]*?(\[|>)", text, re.IGNORECASE)
    if "<!ENTITY" in text.upper() or (declared and declared[1] == "["):
        raise Refused(
            "the SVG declares entities, which can unfold without end",
            mend='save it again as "plain SVG"',
        )
    root, every = _parsed(text)
    if _local(root.tag) != "svg":
        raise Refused("the file holds no SVG")
    sheets: list[str] = []
    for element in every:
        name = _local(element.tag)
        if name in _ENDLESS:
            raise Refused(f"the SVG uses {name}, which is not drawn here", mend=_PLAIN)
        if name in ("text", "tspan", "textPath") and "".join(element.itertext()).strip():
            raise Refused(
                "the SVG has live text, which would be set in another font",
                mend="turn its text into outlines (paths) in your drawing program and save again",
            )
        if name == "style":
            sheets.append(element.text or "")
            _check_css(element.text or "")
        for key, value in element.attrib.items():
            if _local(key) == "href":
                _check_link(value.strip())
            elif not key.startswith("{"):  # what drawing programs note for themselves is inert
                _check_css(value)
    if _unfolded(root, every, "".join(sheets)) > NODES_MAX:
        raise Refused("the SVG unfolds into too many shapes", mend=_PLAIN)


_PLAIN = "save it as a simpler SVG, or as PNG"
_CLEAR = 4
"""Alpha up to which a pixel counts as margin."""
_ENDLESS = frozenset(("feTurbulence", "feConvolveMatrix", "feMorphology", "feImage"))
"""Filters whose cost a number in the file sets at will."""
_LINK = re.compile(r"""url\(\s*["']?\s*([^"')\s]*)""", re.IGNORECASE)


def _parsed(text: str) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    """(root, all elements). Entities are refused before, so the parser has nothing to unfold."""
    depth = 0
    every: list[ElementTree.Element] = []
    try:
        for event, element in ElementTree.iterparse(  # noqa: S314  entities are refused before
            io.BytesIO(text.encode()), events=("start", "end")
        ):
            depth += 1 if event == "start" else -1
            if event == "start":
                every.append(element)
            if depth > DEPTH_MAX or len(every) > NODES_MAX:
                raise Refused("the SVG is nested too deeply or too large", mend=_PLAIN)
    except (ElementTree.ParseError, LookupError) as error:
        raise Refused(f"the SVG is damaged ({error})") from error
    if not every:
        raise Refused("the file holds no SVG")
    return every[0], every


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _check_css(text: str) -> None:
    # CSS may write any letter as an escape ("u\\72l"); nothing a logo needs is written so.
    if "@import" in text.lower() or "\\" in text:
        raise Refused("the SVG's style asks for another file", mend=_PLAIN)
    for target in _LINK.findall(text):
        if not target.startswith("#"):
            raise Refused(f'the SVG asks for another file ("{target[:60]}")', mend=_PLAIN)


def _check_link(target: str) -> None:
    if target.startswith("#") or not target:
        return
    found = re.match(r"data:image/(png|jpe?g|gif|webp)\s*(;base64)?[^,]*,", target, re.IGNORECASE)
    if not found:
        raise Refused(
            f'the SVG asks for something outside of itself ("{target[:60]}")', mend=_PLAIN
        )
    body = target[found.end() :]
    try:
        data = base64.b64decode(body) if found[2] else unquote_to_bytes(body)
        header = photo_file.read_header(data)
    except (binascii.Error, ValueError, Refused) as error:
        raise Refused("a picture inside the SVG is damaged", mend=_PLAIN) from error
    if header.width * header.height > PIXELS_MAX // 4:
        raise Refused("a picture inside the SVG has too many pixels", mend=_PLAIN)


def _unfolded(root: ElementTree.Element, every: list[ElementTree.Element], sheets: str) -> int:
    """How many elements are drawn when each reference is replaced by what it names; a loop counts
    as too many, except one that a style sheet only seems to make."""
    named = {key: e for e in every if (key := e.get("id"))}
    styled = sorted({t[1:] for t in _LINK.findall(sheets)} & set(named))
    known: dict[int, int] = {}
    open_: set[int] = set()

    def cost(element: ElementTree.Element) -> int:
        key = id(element)
        if key in known:
            return known[key]
        if key in open_:
            return NODES_MAX + 1
        open_.add(key)
        total = 1 + sum(cost(child) for child in element)
        links = [
            value.strip()[1:]
            for name, value in element.attrib.items()
            if _local(name) == "href" and value.strip().startswith("#")
        ]
        for name, value in element.attrib.items():
            if _local(name) != "href" and "url(" in value.lower():
                links += [target[1:] for target in _LINK.findall(value)]
        total += sum(cost(named[link]) for link in links if link in named)
        if element.get("class"):
            total += sum(cost(named[s]) for s in styled if id(named[s]) not in open_)
        open_.discard(key)
        known[key] = min(total, NODES_MAX + 1)
        return known[key]

    try:
        return cost(root)
    except RecursionError:
        return NODES_MAX + 1


def _trimmed(picture: RGBA) -> RGBA:
    seen = picture[..., 3] > _CLEAR
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not rows.size:
        raise Refused("it is fully transparent", mend="save the logo again with visible shapes")
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _sized(picture: RGBA, height: int) -> RGBA:
    h, w = picture.shape[:2]
    height = min(height, max(1, round(h * BLOW_UP)))
    return _scaled(picture, max(1, round(w * height / h)), height)


def _within(picture: RGBA, width: int) -> RGBA:
    h, w = picture.shape[:2]
    if not width or w <= width:
        return picture
    return _scaled(picture, width, max(1, round(h * width / w)))


def _scaled(picture: RGBA, width: int, height: int) -> RGBA:
    if picture.shape[:2] == (height, width):
        return picture
    # Weighted by alpha: the colour of what is transparent must not bleed into the edges.
    image = Image.fromarray(picture, "RGBA").convert("RGBa")
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(small.convert("RGBA"), np.uint8)


def _plated(mark: RGBA, plate: str, padding: int) -> RGBA:
    """The mark on a plate with round corners, a little wider than tall around it."""
    h, w = mark.shape[:2]
    wide, tall = w + 3 * padding, h + 2 * padding
    shape = Image.new("L", (wide * 4, tall * 4), 0)
    ImageDraw.Draw(shape).rounded_rectangle(
        (0, 0, wide * 4 - 1, tall * 4 - 1), radius=round(padding * 4 * 0.9), fill=255
    )
    out = np.empty((tall, wide, 4), np.uint8)
    out[..., :3] = palette.channels(plate)
    out[..., 3] = np.asarray(shape.resize((wide, tall), Image.Resampling.BOX))
    x, y = (wide - w) // 2, padding
    part = out[y : y + h, x : x + w, :3].astype(np.float32)
    alpha = mark[..., 3:].astype(np.float32) / np.float32(255)
    part += (mark[..., :3].astype(np.float32) - part) * alpha
    out[y : y + h, x : x + w, :3] = np.rint(part).astype(np.uint8)
    return out
