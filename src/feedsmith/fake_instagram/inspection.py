"""What a picture or a film is, against the limits of
https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user/media

What Instagram mends by itself (a picture that is too wide or not in sRGB) is noted, not refused: the
reference says that it scales and converts them. Files are read by Pillow and PyAV and by a walk of our
own through the boxes of an MP4; nothing here is shared with what makes our films.
"""

import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, ImageCms

from feedsmith import rules
from feedsmith.fake_instagram.errors import (
    IMAGE_FORMAT,
    IMAGE_LARGE,
    IMAGE_RATIO,
    VIDEO_FORMAT,
    GraphFault,
)

_SLACK = 0.005
"""Ratios are whole pixels: 1080x566 is 1.908, 1080x1351 is still 4:5."""


class Seen(NamedTuple):
    mime: str
    width: int
    height: int
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


# ---- pictures -------------------------------------------------------------------------------------


def picture(data: bytes, *, story: bool, later: bool = False) -> Seen:
    """What a JPEG is. `later` for the second and further parts of a carousel, which are cropped to the
    first one's ratio. Raises GraphFault 36000, 36001 or 36003."""
    if len(data) > rules.IMAGE_BYTES_MAX:
        raise GraphFault(IMAGE_LARGE)
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            kind, (width, height), mode = image.format, image.size, image.mode
            profile = image.info.get("icc_profile", b"")
    except (OSError, ValueError, Image.DecompressionBombError, SyntaxError):
        raise GraphFault(IMAGE_FORMAT) from None
    if kind not in ("JPEG", "MPO"):
        raise GraphFault(IMAGE_FORMAT)
    ratio = width / height
    low, high = rules.IMAGE_RATIO_MIN * (1 - _SLACK), rules.IMAGE_RATIO_MAX * (1 + _SLACK)
    if not story and not low <= ratio <= high:
        raise GraphFault(
            IMAGE_RATIO,
            f"The submitted image with aspect ratio ('{width}/{height}',) cannot be published. "
            "Please submit an image with a valid aspect ratio.",
        )
    notes = []
    if width > rules.IMAGE_WIDTH_MAX:
        notes.append(f"{width} pixels wide: scaled down to {rules.IMAGE_WIDTH_MAX}")
    elif width < rules.IMAGE_WIDTH_MIN:
        notes.append(f"{width} pixels wide: scaled up to {rules.IMAGE_WIDTH_MIN}")
    if mode != "RGB" or not _is_srgb(profile):
        notes.append(f"colours converted to sRGB (was {_profile(profile) or mode})")
    return Seen("image/jpeg", width, height, notes=tuple(notes))


def _profile(profile: bytes) -> str:
    if not profile:
        return ""
    try:
        return str(
            ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        ).strip()
    except (ImageCms.PyCMSError, OSError):
        return "a damaged profile"


def _is_srgb(profile: bytes) -> bool:
    return not profile or "srgb" in _profile(profile).lower()


# ---- films ----------------------------------------------------------------------------------------


def film(data: bytes, *, story: bool) -> Seen:
    """What an MP4 or MOV is. Raises GraphFault 352/2207026, its message naming what is wrong; Instagram
    itself only says that the format is not supported."""
    limits = rules.FILMS["story" if story else "reel"]
    if len(data) > limits.bytes_max:
        raise _unfit(f"{len(data) >> 20} MB, at most {limits.bytes_max >> 20}")
    boxes = [name for name, _, _ in _boxes(data, 0, len(data))]
    if "ftyp" not in boxes or "moov" not in boxes:
        raise _unfit("not a whole MP4 or MOV file")
    if "mdat" in boxes and boxes.index("moov") > boxes.index("mdat"):
        raise _unfit("the moov atom is not at the front of the file")
    if _edited(data, 0, len(data)):
        raise _unfit("it has edit lists")
    return _decoded(data, limits)


def _decoded(data: bytes, limits: rules.FilmLimits) -> Seen:
    import av  # 40 MB of memory: only a film needs it

    try:
        with av.open(io.BytesIO(data)) as media:
            if not media.streams.video:
                raise _unfit("no pictures in it")
            video = media.streams.video[0]
            codec, width, height = video.codec_context.name, video.width, video.height
            rate = float(video.average_rate or 0)
            seconds = float((media.duration or 0) / 1_000_000)
            sounds = [
                (s.codec_context.name, s.codec_context.sample_rate) for s in media.streams.audio
            ]
            next(media.decode(video))
    except (av.FFmpegError, OSError, ValueError, StopIteration):
        raise _unfit("it cannot be decoded") from None
    if codec not in rules.FILM_CODECS:
        raise _unfit(f"codec {codec}, not H.264 or HEVC")
    if not rules.FILM_FPS_MIN <= round(rate, 2) <= rules.FILM_FPS_MAX:
        raise _unfit(f"{rate:g} frames a second, not {rules.FILM_FPS_MIN} to {rules.FILM_FPS_MAX}")
    if width > rules.FILM_WIDTH_MAX:
        raise _unfit(f"{width} pixels wide, at most {rules.FILM_WIDTH_MAX}")
    if not limits.seconds_min - 0.05 <= seconds <= limits.seconds_max + 0.05:
        raise _unfit(f"{seconds:.1f} s long, not {limits.seconds_min:g} to {limits.seconds_max:g}")
    for name, hertz in sounds:
        if name != "aac" or hertz > rules.FILM_AUDIO_RATE_MAX:
            raise _unfit(f"sound in {name} at {hertz} Hz, not AAC at most at 48000")
    return Seen("video/mp4", width, height, seconds)


def _unfit(why: str) -> GraphFault:
    return GraphFault(VIDEO_FORMAT, f"The video format is not supported: {why}.")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """(name, where its content begins, where it ends) of the boxes of ISO 14496-12 in a stretch."""
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,), head = struct.unpack_from(">Q", data, start + 8), 16
        elif size == 0:
            size = end - start
        if size < head or start + size > end:
            return
        yield name.decode("latin-1"), start + head, start + size
        start += size


def _edited(data: bytes, start: int, end: int) -> bool:
    """Whether an edit list with entries is anywhere in moov."""
    for name, first, last in _boxes(data, start, end):
        if name == "elst":
            return bool(struct.unpack_from(">I", data, first + 4)[0])
        if name in ("moov", "trak", "edts") and _edited(data, first, last):
            return True
    return False
