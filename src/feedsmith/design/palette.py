"""Colours by role: completing a brand's palette, and the colours of one scheme.

Lightness is moved in OKLab, so that a colour keeps its hue while it is made light or dark enough
to be read. Knows no pictures.
"""

from collections.abc import Sequence

import numpy as np

from feedsmith.brand import Palette
from feedsmith.colour import Floats, fitted, from_hex, to_hex, to_lab
from feedsmith.design.contrast import READABLE, ratio

PLAIN = Palette(paper="#f5f0e6", ink="#1f1b16", accent="#b4512b", accent_2="#3f5b4b")
"""For a brand without colours and without photos to learn them from."""
SCHEMES = ("paper", "white", "tint", "ink", "accent", "second")
"""What `scheme` knows."""


def channels(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` as three numbers 0..255."""
    red, green, blue = from_hex(colour)
    return int(red), int(green), int(blue)


def lab(colour: str) -> Floats:
    """OKLab of `#rrggbb`: (3,), lightness 0..1, a and b about -0.4..0.4."""
    return to_lab(from_hex(colour)) / np.float32(100)


def from_lab(value: Floats) -> str:
    """The nearest `#rrggbb`; chroma is lowered until the colour exists in sRGB."""
    return to_hex(fitted(value * np.float32(100)))


def tone(colour: str, lightness: float, chroma: float = 1.0, most: float = 0.4) -> str:
    """The same hue at `lightness` 0..1, its chroma times `chroma` and at most `most`."""
    value = lab(colour)
    value[0] = lightness
    value[1:] *= chroma
    strength = float(np.hypot(value[1], value[2]))
    if strength > most:
        value[1:] *= most / strength
    return from_lab(value)


def mix(a: str, b: str, share: float) -> str:
    """`share` 0..1 of `b` in `a`, mixed in OKLab."""
    return from_lab(lab(a) * (1 - share) + lab(b) * share)


def readable(colour: str, ground: str, target: float = READABLE) -> str:
    """`colour`, made lighter or darker (whichever is nearer) until it reads on `ground`."""
    if ratio(channels(colour), channels(ground)) >= target:
        return colour
    start = float(lab(colour)[0])
    for step in np.arange(0.0, 1.0, 0.01):
        for lightness in (start - step, start + step):
            if 0 <= lightness <= 1:
                moved = tone(colour, lightness)
                if ratio(channels(moved), channels(ground)) >= target:
                    return moved
    return "#000000" if ratio((0, 0, 0), channels(ground)) >= target else "#ffffff"


def complete(palette: Palette, learned: Sequence[tuple[str, float]] = ()) -> Palette:
    """Fill the empty roles of a brand's palette.

    `learned`: colours of its photos as (`#rrggbb`, share 0..1). The accent is the colour that is
    both strong and common; paper and ink are its hue, nearly white and nearly black.
    """
    accent, second = palette.accent, palette.accent_2
    if learned and not (accent and second):
        ranked = sorted(
            ((_weight(colour, share), colour) for colour, share in learned), reverse=True
        )
        accent = accent or tone(ranked[0][1], float(np.clip(lab(ranked[0][1])[0], 0.45, 0.68)))
        hue = lab(accent)[1:]
        others = [
            (weight * (1 + float(np.linalg.norm(lab(colour)[1:] - hue)) * 8), colour)
            for weight, colour in ranked
        ]
        second = second or tone(max(others)[1], float(np.clip(lab(max(others)[1])[0], 0.34, 0.5)))
    accent = accent or PLAIN.accent
    base = _yellower(accent) if learned or palette.accent else ""
    return Palette(
        paper=palette.paper or (tone(base, 0.957, 0.16, 0.014) if base else PLAIN.paper),
        ink=palette.ink or (tone(base, 0.225, 0.22, 0.03) if base else PLAIN.ink),
        accent=accent,
        accent_2=second or PLAIN.accent_2,
    )


def _yellower(colour: str) -> str:
    """A warm colour as paper sees it: reds turn pink when made pale, paper turns cream."""
    value = lab(colour)
    if value[1] > 0 and value[2] > 0:
        value[1] *= 0.35
    return from_lab(value)


def _weight(colour: str, share: float) -> float:
    value = lab(colour)
    middle = 1 - abs(float(value[0]) - 0.6) * 1.4
    return float(np.hypot(value[1], value[2])) * float(np.sqrt(share + 0.02)) * max(middle, 0.05)


def scheme(name: str, palette: Palette) -> dict[str, str]:
    """Colours of one look, by the names templates use; every pair of words and ground reads.

    ground, plate (a quiet shape on it), text, soft (quieter words), mark (words and lines in the
    accent), line, panel, panel_text.
    Raises KeyError for an unknown name.
    """
    ground, field = {
        "paper": (palette.paper, palette.accent),
        "white": (tone(palette.paper, 0.985, 0.5), palette.accent_2),
        "tint": (tone(_yellower(palette.accent), 0.885, 0.5, 0.05), palette.ink),
        "ink": (palette.ink, palette.paper),
        "accent": (palette.accent, palette.paper),
        "second": (palette.accent_2, palette.paper),
    }[name]
    deep = name in ("accent", "second")
    if deep:
        ground, pale = _carrying(ground, palette)
        text = pale
    else:
        light = float(lab(ground)[0]) < 0.6
        text = readable(palette.paper if light else palette.ink, ground, 7.0)
    mark = text if deep else readable(palette.accent, ground, 4.7)
    panel = field if name in ("ink", "accent", "second") else _carrying(field, palette)[0]
    return {
        "ground": ground,
        # A large quiet shape on the ground, behind a product; no words stand on it.
        "plate": mix(ground, pale if deep else palette.accent, 0.2 if deep else 0.3),
        "text": text,
        "soft": readable(mix(text, ground, 0.34), ground, 4.7),
        "mark": mark,
        "line": mix(text, ground, 0.78),
        "panel": panel,
        "panel_text": readable(
            palette.ink if float(lab(panel)[0]) > 0.6 else tone(palette.paper, 0.985, 0.7), panel
        ),
    }


def _carrying(colour: str, palette: Palette) -> tuple[str, str]:
    """`colour`, deepened just enough to carry pale words (mid-tones carry neither black nor
    white well), and the pale colour."""
    pale = tone(palette.paper, 0.985, 0.7)
    while ratio(channels(colour), channels(pale)) < 4.9:
        colour = tone(colour, float(lab(colour)[0]) - 0.01)
    return colour, pale


def deepened(scrim: str, ink: str, share: float) -> str:
    """A dark scrim, mixed with `share` 0..1 of a brand's ink, never lighter than it was."""
    value = lab(ink)
    return mix(scrim, tone(ink, min(float(value[0]), float(lab(scrim)[0]))), share)


def over(picture_tone: str, palette: Palette, light: bool) -> dict[str, str]:
    """Colours for words on a picture; `light` words on a darkened picture, or the reverse.

    `picture_tone` is the mean colour behind the words; `scrim` has its hue, so that the darkened
    part still looks like the picture's own shadow.
    """
    scrim = tone(picture_tone, 0.3, 0.9, 0.07) if light else tone(picture_tone, 0.955, 0.35, 0.03)
    text = tone(palette.paper, 0.985, 0.7) if light else tone(palette.ink, 0.2)
    mark = readable(tone(palette.accent, 0.87 if light else 0.4, 0.9), scrim, 6.5)
    panel = text if light else tone(palette.ink, 0.2)
    return {
        "ground": scrim,
        "plate": scrim,
        "scrim": scrim,
        "text": text,
        "soft": text,
        "mark": mark,
        "line": mix(text, scrim, 0.45),
        "panel": panel,
        "panel_text": readable(palette.ink if light else palette.paper, panel, 7.0),
    }
