"""The account of a data set: figures, advice for a library of its size, a contact sheet.

Knows the finished data set; makes nothing of it.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import ValidationError

from feedsmith import design
from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_json, writing
from feedsmith.post import Value

TILES = 144
COLUMNS = 12
TILE, GAP, FRAME = 96, 4, 4
"""Pixels of the contact sheet."""
PAPER, INK, MARK = (250, 249, 246), (40, 40, 40), (235, 110, 20)
REMIX_BELOW, TRANSFER_UP_TO = 300, 1000
"""Different photos: below the first a generator learns them by heart; up to the second it needs
another's knowledge to start from."""


class LeftOut(Value):
    """A photo that is not in the data set, and why."""

    name: str
    reason: str


class Prepared(Value):
    """What `prepare` made, or found already made."""

    file: str
    """Name in datasets/; the contact sheet is the same with .jpg, this account with .json."""
    size: int
    crop: str
    sizes: tuple[int, ...]
    """Levels stored, ascending."""
    sha256: str
    source: str
    pictures: int
    train: int
    held: int
    different: int
    """Pictures that are no near-duplicates of one another."""
    copies: int
    """Files left out for being another's, byte for byte."""
    upscaled: int
    """Pictures cut from fewer pixels than they have."""
    dark: float
    light: float
    """Shares of pictures, 0..1, by mean lightness."""
    captioned: int
    left_out: tuple[LeftOut, ...] = ()
    advice: str
    """What to do with so many."""
    recipe: str
    """remix, transfer or gan."""
    notes: tuple[str, ...] = ()
    fresh: bool = True
    """False where nothing had changed, so nothing was done."""

    @property
    def alike(self) -> int:
        """Near-duplicates beside the pictures they repeat."""
        return self.pictures - self.different


def advice(different: int) -> tuple[str, str]:
    """(recipe, a sentence) for so many different photos."""
    many = f"{different:,} different photos"
    if different < REMIX_BELOW:
        return "remix", (
            f"{many} are few: a generator would learn them by heart. Remix makes new pictures "
            f"of them without training (feedsmith generate); from {REMIX_BELOW} on, train"
        )
    if different <= TRANSFER_UP_TO:
        return "transfer", (
            f"{many}: too few to start at nothing. Let training go on from a generator that has "
            "seen others (--from)"
        )
    return "gan", f"{many} are enough to train a generator from nothing"


def unchanged(file: Path, source: str) -> Prepared | None:
    """The account of `file` if it was made from the same `source` and all of it is there."""
    if not (file.exists() and file.with_suffix(".jpg").exists()):
        return None
    try:
        told = Prepared.model_validate_json(file.with_suffix(".json").read_bytes())
        with DataSet.open(file) as data:
            same = data.source == source == told.source and data.sha256 == told.sha256
    except (FeedsmithError, OSError, ValidationError):
        return None
    return told.model_copy(update={"fresh": False}) if same else None


def write(file: Path, told: Prepared) -> None:
    write_json(file.with_suffix(".json"), told.model_dump(mode="json", exclude={"fresh"}))


def write_sheet(file: Path, data: DataSet) -> None:
    """Up to 144 pictures, evenly from first to last, those held out with an orange frame."""
    rows = np.unique(np.linspace(0, len(data) - 1, min(TILES, len(data))).round().astype(np.int64))
    level = data.size
    while level // 2 >= TILE:
        level //= 2
    tile = TILE if level >= TILE else level * -(-64 // level)
    columns = min(COLUMNS, len(rows))
    lines = -(-len(rows) // columns)
    step = tile + GAP
    sheet = Image.new("RGB", (max(columns * step + GAP, 560), lines * step + GAP + 34), PAPER)
    draw = ImageDraw.Draw(sheet)
    for at, picture in enumerate(data.read(rows, level)):
        left, top = GAP + at % columns * step, GAP + at // columns * step
        image = Image.fromarray(picture)
        if level != tile:
            image = image.resize((tile, tile), Image.Resampling.LANCZOS)
        sheet.paste(image, (left, top))
        if data.split[rows[at]]:
            draw.rectangle((left, top, left + tile - 1, top + tile - 1), outline=MARK, width=FRAME)
    middle = sheet.height - 18
    draw.rectangle((GAP, middle - 7, GAP + 14, middle + 7), outline=MARK, width=FRAME)
    words = f"held out   {len(rows)} of {len(data):,} pictures of {data.size} px, crop: {data.crop}"
    draw.text((GAP + 22, middle), words, INK, _font(), anchor="lm")
    with writing(file.with_suffix(".jpg")) as out:
        sheet.save(out, "JPEG", quality=90)


def shares(lightness: NDArray[np.float32], dark: float, light: float) -> tuple[float, float]:
    """Shares of pictures whose mean lightness (N,) lies below `dark` and above `light`."""
    return round(float((lightness < dark).mean()), 3), round(float((lightness > light).mean()), 3)


def _font() -> ImageFont.FreeTypeFont:
    folder = Path(design.__file__).parent / "fonts"
    return ImageFont.truetype(folder / "Inter-Medium.otf", 15)
