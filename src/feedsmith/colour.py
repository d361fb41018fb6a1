"""Colour: sRGB bytes to OKLab and back, in float32, and `#rrggbb` read and written.

Knows numbers, not pictures or palettes. OKLab is used everywhere here because equal steps look equal and hue
stays put when lightness moves. Source: B. Ottosson, "A perceptual color space for image
processing", 2020, https://bottosson.github.io/posts/oklab/ (public domain matrices).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = 100 * np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB = np.linalg.inv(_TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_LMS = np.linalg.inv(_TO_LMS.astype(np.float64)).astype(np.float32)

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of a grey picture from RGB, ITU-R BT.601."""


def _decoded(x: Floats) -> Floats:
    low = x * np.float32(1 / 12.92)
    return np.where(x <= 0.04045, low, ((x + 0.055) * np.float32(1 / 1.055)) ** 2.4).astype(
        np.float32
    )


_LINEAR: Floats = _decoded(np.arange(256, dtype=np.float32) / np.float32(255))


def to_lab(rgb: Bytes | Floats) -> Floats:
    """OKLab times 100 of sRGB (..., 3): L 0..100, a and b about -40..40.

    `rgb` is uint8, or float32 on the same 0..255 scale.
    """
    if rgb.dtype == np.uint8:
        linear: Floats = _LINEAR[rgb]
    else:
        linear = _decoded(np.clip(rgb, 0, 255).astype(np.float32) / np.float32(255))
    lms = linear @ _TO_LMS.T
    np.cbrt(lms, out=lms)
    return np.asarray(lms @ _TO_LAB.T, np.float32)


def _linear(lab: Floats) -> Floats:
    """Linear RGB, outside 0..1 where sRGB has no such colour."""
    lms = lab @ _FROM_LAB.T
    return np.asarray((lms * lms * lms) @ _FROM_LMS.T, np.float32)


def from_lab(lab: Floats) -> Floats:
    """sRGB (..., 3) as float32 0..255, clipped to the gamut, of OKLab times 100."""
    linear = np.clip(_linear(lab), 0, 1)
    low = linear * np.float32(12.92)
    high = np.float32(1.055) * linear ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.asarray(np.where(linear <= 0.0031308, low, high) * np.float32(255), np.float32)


def fitted(lab: Floats) -> Bytes:
    """sRGB (..., 3) of OKLab times 100; colours outside sRGB lose chroma until they fit.

    For single colours, where clipping would change the hue.
    """
    lab = np.array(lab, np.float32)
    for _ in range(64):  # 40 * .93^64 is under 1: grey enough for any lightness
        linear = _linear(lab)
        outside = np.any((linear < -0.002) | (linear > 1.002), axis=-1, keepdims=True)
        if not outside.any():
            break
        lab[..., 1:] *= np.where(outside, np.float32(0.93), np.float32(1))
    return to_bytes(from_lab(lab))


def to_hex(rgb: Bytes) -> str:
    """`#rrggbb` of (3,) uint8."""
    return f"#{rgb.tobytes().hex()}"


def from_hex(colour: str) -> Bytes:
    """(3,) uint8 of `#rrggbb`. Raises ValueError for anything else."""
    rgb = np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)
    if rgb.size != 3:
        raise ValueError(f"{colour!r} is not #rrggbb")
    return rgb


def to_bytes(rgb: Floats) -> Bytes:
    """Rounded and clipped to 0..255."""
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def grey(rgb: Bytes) -> Floats:
    """Luma (H, W), float32 0..255."""
    return np.asarray(rgb.astype(np.float32) @ LUMA, np.float32)


def chroma(lab: Floats) -> Floats:
    """Distance from grey, about 0..40."""
    return np.asarray(np.hypot(lab[..., 1], lab[..., 2]), np.float32)
