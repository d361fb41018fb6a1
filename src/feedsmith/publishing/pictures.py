"""Pictures as Instagram takes them: what is wrong is mended in a copy; the file itself stays as it is.

Limits: rules.py. Instagram would itself scale and convert colours (its reference says so), but with whatever
resampling it likes; format, ratio and size it refuses.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageCms

from feedsmith import photo_file, rules
from feedsmith.errors import Refused
from feedsmith.files import write_bytes
from feedsmith.publishing import labels
from feedsmith.publishing.findings import Finding, blocking, hint, repaired

Fit = Literal["pad", "crop"]

QUALITIES = (92, 88, 84, 78, 70, 60)
"""Of JPEG; the first that is small enough is taken. 92 as of our own pictures (workshop.media)."""
SLIVER = 0.04
"""A ratio off by less is cropped whatever is asked for: nobody misses it, and a sliver of padding looks like a fault."""
_NEAR = 0.002
"""Ratios this near are the same: a pixel on a thousand."""
_SAME = 0.01
"""Ratios of a carousel's items this near are the same."""
_ORIENTATION = 0x0112
_NAMES = {"JPEG": "JPEG", "MPO": "MPO (several pictures in one)", "HEIF": "HEIC", "GIF": "GIF"}


class Facts(NamedTuple):
    """What a picture file says of itself."""

    format: str
    """Pillow's name."""
    mode: str
    profile: str
    """Name of its colour profile; '' for sRGB or none."""
    turned: bool
    """EXIF tells viewers to turn it."""
    width: int
    height: int
    """Pixels, upright."""
    frames: int
    bytes: int

    @property
    def ratio(self) -> float:
        return self.width / self.height


def facts(path: Path) -> Facts:
    """Read a picture's header. Raises Refused for what is none, or is too large to be decoded."""
    data = photo_file.bytes_of(path)
    header = photo_file.read_header(data)
    with Image.open(io.BytesIO(data)) as image:
        profile = ""
        if icc := image.info.get("icc_profile"):
            try:
                profile = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
            except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
                profile = "a broken profile"
        try:
            turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION, 1) in range(2, 9)
        except Exception:  # noqa: BLE001  EXIF is written by anybody
            turned = False
        return Facts(
            format=image.format or "", mode=image.mode,
            profile="" if "srgb" in profile.lower() else profile.strip(),
            # pillow-heif turns what it opens and leaves the tag at 1.
            turned=turned, width=header.width, height=header.height,
            frames=getattr(image, "n_frames", 1), bytes=len(data),
        )  # fmt: skip


def ready(
    path: Path,
    folder: Path,
    name: str,
    *,
    ratios: tuple[float, float],
    fit: Fit = "pad",
    ground: str = "",
    source_type: str = "",
) -> tuple[Path, list[Finding]]:
    """The file itself where it is fit to go out, else a mended copy at folder/name.jpg; and what was done.

    `ratios`: width / height, least and most. `fit`: a picture outside of them is padded, with the colour
    `ground` ("#rrggbb") or that of its own edge, or cropped at both sides alike. Small things that have no
    finding of their own (an alpha channel) are said with the format. Never raises for a bad picture: that is
    a finding.
    """
    about = path.name
    try:
        told = facts(path)
    except Refused as error:
        return path, [_unreadable(about, error)]
    found = [*_format(about, told), *_colour(about, told), *_size(about, told)]
    target = _target(told.ratio, ratios)
    if target is not None:
        found.append(_ratio_said(about, told, target, fit))
    if not found:
        return path, []
    try:
        image, _ = photo_file.decoded(photo_file.bytes_of(path), rules.IMAGE_WIDTH_MAX)
    except Refused as error:
        return path, [_unreadable(about, error)]
    if target is not None:
        cut = fit == "crop" or abs(target / told.ratio - 1) < SLIVER
        image = _cropped(image, target) if cut else _padded(image, target, ground)
    image = _scaled(image)
    stamp = labels.stamp_of(path, source_type)
    data = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=0 if quality > 80 else 2)
        data = labels.stamped_jpeg(buffer.getvalue(), stamp)
        if len(data) <= rules.IMAGE_BYTES_MAX:
            break
    made = folder / f"{name}.jpg"
    write_bytes(made, data)
    return made, [*found, *labels.finish(made, path, stamp)]


def shape(about: str, told: Facts, form: str) -> list[Finding]:
    """What is worth knowing of a tall post's ratio, which nothing forbids."""
    if form in ("story", "reel") and abs(told.ratio / rules.TALL - 1) > 0.03:
        return [hint(
            about, "tall",
            f"It is {told.width} x {told.height}; a {form} is shown at 9:16, and the rest is filled in or cut.",
            "Make it 1080 x 1920.",
        )]  # fmt: skip
    return []


def same_ratio(ratios: Sequence[float]) -> bool:
    return all(abs(ratio / ratios[0] - 1) <= _SAME for ratio in ratios)


def held(ratio: float, ratios: tuple[float, float]) -> float:
    """The nearest allowed ratio."""
    return min(max(ratio, ratios[0]), ratios[1])


def _unreadable(about: str, error: Refused) -> Finding:
    mend = error.mend or "export it again as JPEG"
    return blocking(
        about,
        "unreadable",
        f"It cannot be used: {error.message}.",
        f"{mend[:1].upper()}{mend[1:]}.",
    )


def _format(about: str, told: Facts) -> list[Finding]:
    found = []
    if told.format not in rules.IMAGE_FORMATS:
        more = (
            "; it moves, and its first picture was taken"
            if told.frames > 1 and told.format != "MPO"
            else ""
        )
        clear = " on white" if "A" in told.mode else ""
        was = _NAMES.get(told.format, told.format)
        found.append(repaired(about, "format", f"It was {was} and is now JPEG{clear}{more}."))
    if told.turned:
        found.append(repaired(about, "turned", "It lay on its side and was set upright."))
    return found


def _colour(about: str, told: Facts) -> list[Finding]:
    if told.mode == "CMYK":
        return [
            repaired(about, "colour", "Its colours were made for print (CMYK) and are now sRGB.")
        ]
    if told.profile:
        return [repaired(about, "colour", f"Its colours ({told.profile}) were converted to sRGB.")]
    if told.mode.startswith(("I", "F")):
        return [repaired(about, "colour", "It had 16 bits a channel and now has 8, in sRGB.")]
    if told.format in rules.IMAGE_FORMATS and told.mode != "RGB":
        return [repaired(about, "colour", "It was stored as grey and is now sRGB.")]
    return []


def _size(about: str, told: Facts) -> list[Finding]:
    least, most = rules.IMAGE_WIDTH_MIN, rules.IMAGE_WIDTH_MAX
    found = []
    if told.width > most:
        found.append(repaired(about, "width", f"It was {told.width} px wide and is now {most}."))
    elif told.width < least:
        found.append(repaired(
            about, "width",
            f"It was {told.width} px wide and was enlarged to {least}; it will look soft.",
        ))  # fmt: skip
    elif told.bytes > rules.IMAGE_BYTES_MAX and told.format in rules.IMAGE_FORMATS:
        most_mb = rules.IMAGE_BYTES_MAX >> 20
        found.append(repaired(
            about, "bytes", f"It had {told.bytes / 2**20:.1f} MB and is now under {most_mb}."
        ))  # fmt: skip
    return found


def _target(ratio: float, ratios: tuple[float, float]) -> float | None:
    wanted = held(ratio, ratios)
    return wanted if abs(wanted / ratio - 1) > _NEAR else None


def _ratio_said(about: str, told: Facts, target: float, fit: Fit) -> Finding:
    off = abs(target / told.ratio - 1)
    done = "cropped" if fit == "crop" or off < SLIVER else "padded"
    narrow = "narrow" if told.ratio < target else "wide"
    return repaired(
        about, "ratio",
        f"It was too {narrow} ({told.width} x {told.height}, {told.ratio:.2f}:1) and was {done} to "
        f"{_in_words(target)}.",
    )  # fmt: skip


def _in_words(ratio: float) -> str:
    for words, value in (("4:5", 0.8), ("1:1", 1.0), ("1.91:1", 1.91), ("9:16", 9 / 16)):
        if abs(ratio / value - 1) < 0.005:
            return words
    return f"{ratio:.2f}:1"


def _cropped(image: Image.Image, ratio: float) -> Image.Image:
    """The middle, of that ratio, never outside of it by rounding."""
    width, height = image.size
    if width / height > ratio:
        new = max(1, int(height * ratio))
        left = (width - new) // 2
        return image.crop((left, 0, left + new, height))
    new = max(1, int(width / ratio))
    top = (height - new) // 2
    return image.crop((0, top, width, top + new))


def _padded(image: Image.Image, ratio: float, ground: str) -> Image.Image:
    """The whole picture in the middle of a plain ground."""
    width, height = image.size
    if width / height < ratio:
        size = (-int(-height * ratio // 1), height)
    else:
        size = (width, -int(-width / ratio // 1))
    sheet = Image.new("RGB", size, ground or _edge(image, across=width / height < ratio))
    sheet.paste(image.convert("RGB"), ((size[0] - width) // 2, (size[1] - height) // 2))
    return sheet


def _edge(image: Image.Image, *, across: bool) -> tuple[int, int, int]:
    """Mean colour of the two edges that the padding touches."""
    small = np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.BOX))
    rows = small[:, [0, -1]] if across else small[[0, -1]]
    r, g, b = (int(v) for v in rows.reshape(-1, 3).mean(axis=0).round())
    return r, g, b


def _scaled(image: Image.Image) -> Image.Image:
    width = min(max(image.width, rules.IMAGE_WIDTH_MIN), rules.IMAGE_WIDTH_MAX)
    if width == image.width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
