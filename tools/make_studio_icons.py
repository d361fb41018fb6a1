"""Draws the icons of the installed studio (PNG) as static/studio/icon.svg draws the small one:

    python tools/make_studio_icons.py

Rounded for desktops; full to the edge for Android, which cuts its own shape out of it and keeps the
middle four fifths (maskable), and for Apple, which rounds the corners itself.
"""

from pathlib import Path

from PIL import Image, ImageDraw

OUT = Path(__file__).parents[1] / "src" / "feedsmith" / "studio" / "static" / "studio"
INK, PAPER = "#23211e", "#ffffff"
LETTER = (
    (9, 8),
    (23, 8),
    (23, 12),
    (13, 12),
    (13, 15),
    (21, 15),
    (21, 19),
    (13, 19),
    (13, 25),
    (9, 25),
)
"""The F, in the 32 units of icon.svg."""
FINER = 4
"""Drawn so many times larger, then made smaller: smooth edges."""
ICONS = {
    "icon-192.png": (192, True, 1.0),
    "icon-512.png": (512, True, 1.0),
    "icon-maskable-512.png": (512, False, 0.8),
    "icon-180.png": (180, False, 0.9),
}
"""Name: pixels, rounded, size of the letter."""


def icon(pixels: int, rounded: bool, size: float) -> Image.Image:
    side = pixels * FINER
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, side - 1, side - 1), side * 7 / 32 if rounded else 0, INK)
    unit = side / 32
    draw.polygon(
        [((16 + (x - 16) * size) * unit, (16 + (y - 16) * size) * unit) for x, y in LETTER], PAPER
    )
    small = image.resize((pixels, pixels), Image.Resampling.LANCZOS)
    return small if rounded else small.convert("RGB")


if __name__ == "__main__":
    for name, how in ICONS.items():
        icon(*how).quantize(64).save(OUT / name, optimize=True)
        print(f"{name}: {(OUT / name).stat().st_size} bytes")
