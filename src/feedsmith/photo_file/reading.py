"""Reading: what a picture says of itself, and its pixels.

Reads headers before it decodes, refuses what would fill the memory, and gives upright sRGB
arrays (H, W, 3) uint8 whatever the file was: JPEG, PNG, WebP, GIF (first frame), HEIC, AVIF, TIFF;
palette, alpha (on white), 16-bit, CMYK, with or without colour profile. The suffix is not believed.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from feedsmith.errors import Refused

PHOTO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "heic", "heif", "hif", "avif", "tif",
        "tiff",
    )
)  # fmt: skip
VIDEO_SUFFIXES = frozenset(
    (".mp4", ".mov", ".m4v", ".webm", ".avi", ".mkv", ".3gp", ".mpg", ".mpeg")
)
FILE_BYTES_MAX = 200 * 2**20
"""Largest picture file read. A 200-megapixel phone JPEG is about 80 MB."""
SCALED_PIXELS_MAX = 250_000_000
"""Baseline JPEG, which is decoded at 1/2 to 1/8 of its size: 200-megapixel phones fit."""
PIXELS_MAX = 60_000_000
"""Everything else is decoded whole: 60 megapixels are 180 MB for a moment."""

_DECODERS = (
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
    GifImagePlugin,
    AvifImagePlugin,
    TiffImagePlugin,
)
"""Imported for their names to be known: Pillow loads the rest, which we never ask, only on demand."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF", "TIFF")
_SUFFIX = {
    "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif",
    "HEIF": ".heic", "AVIF": ".avif", "TIFF": ".tif",
}  # fmt: skip
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAKE, _ORIENTATION, _EXIF_IFD = 0x010F, 0x0112, 0x8769
_TAKEN, _DIGITISED, _OFFSET, _COMMENT, _LENS, _EXPOSURE = (
    0x9003,
    0x9004,
    0x9011,
    0x9286,
    0xA434,
    0x829A,
)

pillow_heif.register_heif_opener(thumbnails=False)
# Pillow speaks of odd files through warnings on the terminal; here they are refused in words, or
# borne in silence where they do no harm (broken EXIF). Its pixel guard is kept as the second one.
Image.MAX_IMAGE_PIXELS = SCALED_PIXELS_MAX
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class Header(NamedTuple):
    """What a picture says of itself, before its pixels are decoded."""

    suffix: str
    """By its content, e.g. ".jpg"."""
    width: int
    height: int
    """Pixels, upright."""
    taken_at: datetime | None
    """From EXIF; without time zone when the camera wrote none."""
    camera: bool
    """True when EXIF names a camera or an exposure."""
    says_screenshot: bool
    """True when EXIF calls it a screenshot (iPhones do)."""


class Look(NamedTuple):
    """A header with what one cheap decoding tells."""

    header: Header
    phash: str
    """64-bit perceptual hash, 16 hex digits."""
    screen: float
    """Share of flat area, 0..1, of what may be a phone's screen; 0 for every other picture."""


def read_header(data: bytes) -> Header:
    """Raises Refused for anything that is not a picture of a bearable size."""
    with _opened(data) as (_, header, _orientation):
        return header


def look(data: bytes) -> Look:
    """Header, perceptual hash and whether it may be a screenshot. Every byte of a JPEG is parsed, so damage shows here.

    A JPEG is decoded at 1/8 of its size (the DCT's own averages), which for 12 megapixels costs
    about a third of a full decoding. Raises Refused.
    """
    with _opened(data) as (image, header, orientation):
        screen = not header.camera and _screen_sized(header)
        if image.format in ("JPEG", "MPO") and not screen:
            image.draft("L", (64, 64))
        small = _eight_bit(image)
        share = _screen_share(small) if screen else 0.0
        grey = small.convert("L").resize((32, 32), Image.Resampling.BOX, reducing_gap=None)
        grey = _upright(grey, orientation)
        return Look(header, perceptual_hash(np.asarray(grey)), share)


def rgb(source: bytes | Path, max_side: int | None = None) -> NDArray[np.uint8]:
    """Decode to an upright sRGB array (H, W, 3) uint8.

    With `max_side` the longer side is at most that many pixels, and a JPEG is decoded no larger
    than it must be. Never enlarges. Raises Refused, which names the file where a path was given.
    """
    if isinstance(source, Path):
        try:
            return rgb(bytes_of(source), max_side)
        except Refused as error:
            mend = error.mend or "export or save it again as JPEG or PNG"
            raise Refused(f"{source}: {error.message}", mend=mend) from error
    with _opened(source) as (image, _, orientation):
        if max_side is not None and image.format in ("JPEG", "MPO"):
            scale = max_side / max(image.size)
            if scale < 1:
                image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
        profile = image.info.get("icc_profile")
        upright = _upright(_to_srgb(_eight_bit(image), profile), orientation)
        if max_side is not None and max(upright.size) > max_side:
            scale = max_side / max(upright.size)
            size = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
            upright = upright.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        return np.array(upright, dtype=np.uint8)


def decoded(data: bytes, short_side: int) -> tuple[Image.Image, Header]:
    """An upright sRGB picture whose shorter side is at least `short_side` pixels, where the photo
    has as many, and the header with the photo's own size.

    A baseline or progressive JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough; nothing is
    resampled here. Raises Refused.
    """
    with _opened(data) as (image, header, orientation):
        if image.format in ("JPEG", "MPO") and (scale := short_side / min(image.size)) < 1:
            image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
        profile = image.info.get("icc_profile")
        return _upright(_to_srgb(_eight_bit(image), profile), orientation), header


def perceptual_hash(grey: NDArray[np.uint8]) -> str:
    """64-bit DCT hash of a grey picture (32, 32), as 16 hex digits.

    The signs of the 8x8 lowest cosine coefficients against their median: scale, compression and
    brightness hardly move it.
    """
    coefficients = _COSINES @ grey.astype(np.float64) @ _COSINES.T
    # Rounded to a sixteenth of a grey level: a flat picture's noise sets no bits.
    values = np.round(coefficients / 64).ravel()
    bits = values > np.median(values[1:])
    bits[0] = False
    return f"{int.from_bytes(np.packbits(bits).tobytes(), 'big'):016x}"


def miniature(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A 32x32 colour miniature (32, 32, 3), 0..255, to tell two similar pictures apart.

    Its mean brightness is levelled to 128, since one photo often comes in two exposures.
    """
    small = Image.fromarray(picture).resize((32, 32), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.float32)
    return np.asarray(values + np.float32(128) - values.mean(dtype=np.float32), dtype=np.float32)


_COSINES = np.cos(
    np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64
)  # (8, 32): DCT-II rows of the lowest frequencies


def bytes_of(path: Path) -> bytes:
    """The bytes of a picture file of bearable size. Raises Refused, which does not name it."""
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise Refused(f"{size / 2**20:,.0f} MB, at most {FILE_BYTES_MAX >> 20} MB are read")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Refused("there is no such file", mend="check the path") from error
    except IsADirectoryError as error:
        raise Refused("is a folder, not a picture", mend="name a picture file in it") from error
    except OSError as error:
        raise Refused(
            f"cannot be read ({error.strerror})", mend="check its permissions, or name another file"
        ) from error


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[tuple[Image.Image, Header, int]]:
    """(image not yet decoded, header, EXIF orientation); any trouble becomes Refused."""
    if not data:
        raise Refused("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            image.seek(0)
            yield _inspected(image)
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise Refused(
            "more pixels than can be held in memory", mend="export it again in a smaller size"
        ) from error
    except MemoryError as error:
        raise Refused(
            "needs more memory than there is", mend="export it again in a smaller size"
        ) from error
    except UnidentifiedImageError as error:
        raise Refused("not a picture, or cut off at its beginning") from error
    except Exception as error:  # decoders raise whatever they stumble over
        detail = str(error).strip().splitlines()
        raise Refused(f"damaged ({detail[0][:120] if detail else type(error).__name__})") from error


def _inspected(image: Image.Image) -> tuple[Image.Image, Header, int]:
    width, height = image.size
    scaled = image.format in ("JPEG", "MPO") and not image.info.get("progressive")
    limit = SCALED_PIXELS_MAX if scaled else PIXELS_MAX
    if width * height > limit:
        raise Refused(
            f"{width} x {height} pixels: {width * height / 1e6:,.0f} megapixels, "
            f"at most {limit / 1e6:,.0f} are decoded",
            mend="export it again in a smaller size",
        )
    if width < 1 or height < 1:
        raise Refused("it has no pixels")
    top, exif = _exif(image)
    orientation = top.get(_ORIENTATION, 1)
    if orientation not in _TRANSPOSE or image.format == "TIFF":
        orientation = 1  # Pillow turns TIFFs, and only those, as it decodes them
    if orientation >= 5:
        width, height = height, width
    comment = exif.get(_COMMENT, b"")
    words = comment if isinstance(comment, bytes) else str(comment).encode("utf-8", "replace")
    header = Header(
        suffix=_SUFFIX[image.format or "JPEG"],
        width=width,
        height=height,
        taken_at=_taken_at(exif),
        camera=bool(top.get(_MAKE) or exif.get(_LENS) or exif.get(_EXPOSURE)),
        says_screenshot=b"screenshot" in words.replace(b"\0", b"").lower(),
    )
    return image, header, orientation


def _exif(image: Image.Image) -> tuple[dict[int, Any], dict[int, Any]]:
    """(main tags, camera tags); empty when EXIF is absent or broken, which is no reason to lose
    a photo."""
    try:
        tags = image.getexif()
        return dict(tags), dict(tags.get_ifd(_EXIF_IFD))
    except Exception:  # noqa: BLE001  EXIF is written by anybody and parsed by hand
        return {}, {}


def _taken_at(exif: dict[int, Any]) -> datetime | None:
    text = str(exif.get(_TAKEN) or exif.get(_DIGITISED) or "").strip("\0 ")
    try:
        moment = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", str(exif.get(_OFFSET, "")).strip("\0 "))
    if offset:
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        with contextlib.suppress(ValueError):
            return moment.replace(tzinfo=timezone(shift if offset[1] == "+" else -shift))
    return moment


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey or RGB with 8 bits a channel; transparency on white. Decodes the picture."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float32)
        top = float(values.max(initial=0.0))
        if top > 255 or image.mode.startswith("I;16"):
            values *= 255.0 / max(top, 65535.0)
        elif image.mode == "F" and top <= 1:
            values *= 255.0
        return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        paper = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, clear).convert("RGB")
    image.load()
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode in ("1",) else "RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "CMYK" or "srgb" not in _profile_name(source).lower():
                converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a broken profile: the plain values are the best guess
    return image if image.mode == "RGB" else image.convert("RGB")


_SRGB = ImageCms.createProfile("sRGB")


def _profile_name(profile: ImageCms.ImageCmsProfile) -> str:
    return ImageCms.getProfileDescription(profile)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else image


_SCREENS = {
    # Width to heights in pixels of phones and tablets sold since 2012 (makers' data sheets).
    640: (
        960,
        1136,
    ),
    720: (
        1280,
        1440,
        1520,
        1560,
        1600,
        1612,
    ),
    750: (1334,),
    828: (1792,),
    1008: (2244,),
    1080: (
        1920,
        2160,
        2220,
        2280,
        2310,
        2316,
        2340,
        2376,
        2388,
        2400,
        2408,
        2412,
        2424,
        2460,
        2520,
    ),
    1125: (2436,),
    1170: (2532,),
    1179: (2556,),
    1206: (2622,),
    1242: (
        2208,
        2688,
    ),
    1260: (2736,),
    1280: (2856,),
    1284: (2778,),
    1290: (2796,),
    1320: (2868,),
    1344: (2992,),
    1440: (
        2560,
        2880,
        2960,
        3040,
        3088,
        3120,
        3168,
        3200,
    ),
    1536: (2048,),
    1620: (2160,),
    1640: (2360,),
    1668: (
        2224,
        2388,
    ),
    2048: (2732,),
}


def _screen_sized(header: Header) -> bool:
    short, long = sorted((header.width, header.height))
    return long in _SCREENS.get(short, ()) or long / short > 2.05


def _screen_share(image: Image.Image) -> float:
    """Share of flat area (8x8 blocks within 3 levels) of a picture with a status bar; else 0.

    A status bar is a strip at the top that is flat in the middle but has marks at both ends: the
    clock and the battery. Flatness alone would take products on plain paper for screens.
    """
    grey = np.asarray(image.convert("L"))
    high, wide = grey.shape[0] // 8, grey.shape[1] // 8
    if high < 40 or wide < 20:
        return 0.0
    blocks = grey[: high * 8, : wide * 8].reshape(high, 8, wide, 8)
    spread = blocks.max(axis=(1, 3)).astype(np.int16) - blocks.min(axis=(1, 3))
    flat = spread <= 3
    bar = flat[max(1, round(high * 0.006)) : round(high * 0.045)]
    ends, middle = round(wide * 0.34), bar[:, round(wide * 0.4) : round(wide * 0.6)]
    marks = (
        np.mean(spread[: len(bar) + 1, :ends] > 60),
        np.mean(spread[: len(bar) + 1, -ends:] > 60),
    )
    if np.mean(bar) < 0.6 or np.mean(middle) < 0.5 or min(marks) < 0.01:
        return 0.0
    return float(np.mean(flat))
