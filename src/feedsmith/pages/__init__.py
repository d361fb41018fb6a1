"""The look all written pages share: colours from the brand, the style sheets, and the frame.

Pages are files on a disk: they load nothing from anywhere else and work from file://.
"""

import base64
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.brand import Brand, Palette
from feedsmith.design import faces, palette
from feedsmith.files import write_bytes

RGB = NDArray[np.uint8]
HERE = Path(__file__).parent


def colours(roles: Palette) -> str:
    """The :root blocks, light and dark, of a complete palette. Every pair of words and ground has at least 4.5:1."""
    accent = roles.accent
    field = palette.tone(accent, min(float(palette.lab(accent)[0]), 0.5))
    return (
        ":root { color-scheme: light dark; "
        + _variables(
            ground=palette.tone(roles.paper, 0.982, 0.55),
            card="#ffffff",
            sunk=palette.tone(roles.paper, 0.94, 0.8),
            text=palette.tone(roles.ink, 0.22),
            accent=accent,
            field=field,
            shade="rgb(30 20 10 / .22)",
        )
        + " }\n@media (prefers-color-scheme: dark) { :root { "
        + _variables(
            ground=palette.tone(roles.ink, 0.185, 0.6),
            card=palette.tone(roles.ink, 0.235, 0.6),
            sunk=palette.tone(roles.ink, 0.28, 0.6),
            text=palette.tone(roles.paper, 0.945, 0.7),
            accent=palette.tone(accent, max(float(palette.lab(accent)[0]), 0.66)),
            field=field,
            shade="rgb(0 0 0 / .6)",
        )
        + " } }"
    )


def _variables(
    *, ground: str, card: str, sunk: str, text: str, accent: str, field: str, shade: str
) -> str:
    soft = palette.readable(palette.mix(text, ground, 0.36), sunk, 4.7)
    values = {
        "ground": ground,
        "card": card,
        "sunk": sunk,
        "text": text,
        "soft": soft,
        "app": card,
        "app-text": text,
        "app-soft": soft,
        "line": palette.mix(text, ground, 0.88),
        "line-strong": palette.mix(text, ground, 0.7),
        "accent": palette.readable(accent, ground),
        "accent-field": field,
        "on-accent-field": palette.readable("#ffffff", field),
        "shade": shade,
    }
    return " ".join(f"--{name}: {value};" for name, value in values.items())


def frame(
    title: str,
    roles: Palette,
    fonts: dict[str, str],
    styles: str | tuple[str, ...],
    body: str,
    script: str = "",
) -> str:
    """A whole page. `styles` and `script` name files of this folder; `fonts` are addresses."""
    sheets = (styles,) if isinstance(styles, str) else styles
    css = "\n".join((HERE / name).read_text("utf-8") for name in ("page.css", *sheets))
    for name, address in fonts.items():
        css = css.replace(f"{{{name}}}", address)
    code = f"<script>\n{(HERE / script).read_text('utf-8')}</script>\n" if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file: data:; media-src 'self' file:; font-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{colours(roles)}
{css}</style>
</head>
<body>
{body}
{code}</body>
</html>
"""


def avatar(brand: Brand) -> str:
    """The brand's initial in a circle; decoration, so hidden from screen readers."""
    initial = next((c for c in brand.name if c.isalnum()), "•").upper()
    return f'<span class="avatar" aria-hidden="true">{escape(initial)}</span>'


def put_fonts(folder: Path, pair: faces.Pair) -> dict[str, str]:
    """Copy the fonts of a page into a folder beside it (0.4 MB); returns their addresses."""
    for name, font in font_files(pair).items():
        write_bytes(folder / f"{name}.font", font.read_bytes())
    return {name: f"{folder.name}/{name}.font" for name in font_files(pair)}


def inline_fonts(pair: faces.Pair) -> dict[str, str]:
    """The fonts themselves as addresses, for a page that is one file."""
    return {name: inline(font.read_bytes(), "font/otf") for name, font in font_files(pair).items()}


def font_files(pair: faces.Pair) -> dict[str, Path]:
    """The heading face of the brand's pair and the text face, by the names that pages have for them."""
    return {
        "display": faces.FOLDER / pair.display.file,
        "text": faces.FOLDER / pair.text.file,
        "strong": faces.FOLDER / faces.STRONG.file,
    }


def inline(data: bytes, media_type: str) -> str:
    """A data: address."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def thumbnail(rgb: RGB, width: int, height: int = 0) -> tuple[bytes, tuple[int, int]]:
    """`rgb` as WebP, at most `width` wide (cut to width x height when given), and its size, for
    the page to reserve the room."""
    image = Image.fromarray(rgb)
    if height:
        k = max(width / image.width, height / image.height)
        w, h = width / k, height / k
        # Rounding may leave the box a hair outside of the picture.
        x, y = max(0.0, (image.width - w) / 2), max(0.0, (image.height - h) / 2)
        image = image.resize(
            (width, height),
            Image.Resampling.LANCZOS,
            (x, y, min(x + w, image.width), min(y + h, image.height)),
        )
    elif image.width > width:
        image = image.resize(
            (width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS
        )
    data = BytesIO()
    image.save(data, "WEBP", quality=82, method=3)
    return data.getvalue(), image.size


def picture(
    src: str, size: tuple[int, int], alt: str, *, lazy: bool = True, extra: str = ""
) -> str:
    loading = ' loading="lazy"' if lazy else ""
    return (
        f'<img src="{escape(src)}" width="{size[0]}" height="{size[1]}" alt="{escape(alt)}"'
        f'{loading} decoding="async"{extra}>'
    )


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")  # fmt: skip


def counted(count: int, one: str, many: str = "") -> str:
    """ "seven posts", "1 photo", "13 photos": small numbers in words."""
    number = _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"
    return f"{number} {one if count == 1 else many or one + 's'}"
