"""The picture report: are a generator's pictures like the photos, varied, and not copies of them?

    report = evaluate(Home(Path("mybrand")), ImageSettings(pictures="out/"))

Generated pictures (of a folder, or of the brand's installed generator) are set beside the photos of the data
set that it was trained on, and those that were held out of it. A missing network costs its figures and one
line that says so.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import photo_file
from feedsmith.brand import Home
from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError, MissingModel, Refused
from feedsmith.evaluate import images_page, page
from feedsmith.evaluate.figures import ImageReport, ImageSettings, Neighbour
from feedsmith.evaluate.likeness import (
    PIXELS_NAME,
    Eye,
    Loaded,
    Look,
    Measured,
    measure,
    one_by_one,
)
from feedsmith.files import check_writable, write_json
from feedsmith.images.gan import exported
from feedsmith.library import Library
from feedsmith.progress import Report, silent
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.networks import WEIGHTS
from feedsmith.understanding.stages import Stages

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]

SHOWN = 24
"""Generated pictures on the page, unpicked."""
SUSPECTS = 12
"""Pictures nearest to a training photo that are shown."""
ROOM = 256 << 20
"""Bytes of generated pictures held at once; more are compared at half the size."""
SMALLEST = 16
"""Px of the side at which pictures can be compared."""
ENCODER = "encoder"
STAGES = "saliency network"


def evaluate(
    home: Home, settings: ImageSettings, report: Report = silent, look: Look = one_by_one
) -> ImageReport:
    """Measure generated pictures; writes reports/images.html and reports/images.json in the home.

    `look` has the networks look at pictures: here, or by other workers, which changes no figure.

    Raises FeedsmithError when there is no brand, data set or picture, or the folder cannot be
    written; a missing network is told in the report's notes.
    """
    notes: list[str] = []
    brand, library = home.load(), Library(home.library)
    folder = home.root / "reports"
    check_writable(folder)
    path = data_file(home, settings.data)
    with DataSet.open(path) as data, ExitStack() as networks:
        if not len(data.train):
            raise FeedsmithError(f"{path}: has no photos to train on", mend="prepare it again")
        # Generated pictures at a size that the data set has, and the photos at the same.
        made = generated(home, settings, data.size, notes, report)
        side = made.pictures.shape[1]
        training, held = (Photos(data, rows, side) for rows in (data.train, data.held))
        found = measure(
            training,
            held,
            Loaded(made.pictures),
            eyes(networks, notes),
            settings.seed,
            report,
            look,
        )
        _tell(found, len(made.pictures), len(held), notes)
        by = ENCODER if ENCODER in found.neighbours else PIXELS_NAME
        told = ImageReport(
            brand=brand.name,
            settings=settings,
            data=path.name,
            source=made.source,
            size=side,
            training=len(training),
            held_out=len(held),
            made=len(made.pictures),
            likeness=found.likeness,
            shown=neighbours(range(min(SHOWN, len(made.pictures))), found, by, made, data),
            nearest=suspects(found, made, data),
            notes=tuple(dict.fromkeys(notes)),
        )
        write_json(folder / "images.json", told.model_dump(mode="json"))
        style = page.style(home, brand, library, notes)
        images_page.write(folder / "images.html", told, style, made.pictures, data)
    return told


def data_file(home: Home, named: str) -> Path:
    """The data set's file: as named, under the brand's folder or whole, or the brand's newest."""
    if named:
        inside = home.root / named
        return inside if inside.exists() else Path(named)
    found = sorted((home.root / "datasets").glob("*.h5"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise FeedsmithError(
            f"{home.root / 'datasets'}: there is no data set to compare with",
            mend=f"run `feedsmith prepare {home.root} --size 64`, or name a file with --data",
        )
    return found[-1]


class Photos(NamedTuple):
    """Some rows of a data set, read when needed."""

    data: DataSet
    rows: Rows
    side: int

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, indices: Rows) -> Bytes:
        return self.data.read(self.rows[indices], self.side)


# ---- generated pictures ----------------------------------------------------------------------


class Made(NamedTuple):
    pictures: Bytes
    """(N, S, S, 3)."""
    names: tuple[str, ...]
    source: str
    """In words."""


def generated(
    home: Home, settings: ImageSettings, size: int, notes: list[str], report: Report
) -> Made:
    """Pictures of a folder or of the installed generator, at `size` px or a halving of it.

    Raises FeedsmithError where there are none, or they are under 16 px.
    """
    if settings.pictures:
        return of_folder(Path(settings.pictures), settings.count, size, settings.seed, notes)
    found = exported.find(home.root)
    if found is None:
        raise FeedsmithError(
            f"{home.root}: there is no generator to draw pictures from",
            mend=f"run `feedsmith train images {home.root}`, or name a folder with --pictures",
        )
    if found.is_starter:
        notes.append(
            "The brand has no generator of its own: the shipped one is measured, which learned from other photos."
        )
    z = found.latents(settings.count, settings.seed)
    side = _side(found.size, size, settings.count, str(found.folder), notes)
    blocks = []
    for start in range(0, len(z), 64):
        drawn = found.pictures(z[start : start + 64])
        blocks.append(np.stack([_fitted(picture, side) for picture in drawn]))
        report("generated pictures", start + len(drawn), len(z))
    names = tuple(f"number {i + 1}" for i in range(len(z)))
    return Made(np.concatenate(blocks), names, f"the generator {found.name}")


def of_folder(folder: Path, count: int, size: int, seed: int, notes: list[str]) -> Made:
    """At most `count` pictures of a folder, drawn by the seed, their middle square."""
    if not folder.is_dir():
        raise FeedsmithError(
            f"{folder}: is no folder", mend="name the folder of the generated pictures"
        )
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in photo_file.PHOTO_SUFFIXES)
    if len(files) > count:
        drawn = np.random.default_rng([seed, 8]).permutation(len(files))[:count]
        files = [files[i] for i in sorted(drawn)]
    side, pictures, names, refused = 0, [], [], []
    for file in files:
        try:
            rgb = photo_file.rgb(file)
        except Refused as error:
            refused.append(error.message)
            continue
        side = side or _side(min(rgb.shape[:2]), size, len(files), str(file), notes)
        pictures.append(_fitted(rgb, side))
        names.append(file.relative_to(folder).as_posix())
    if refused:
        notes.append(
            f"{len(refused)} of {len(files)} files were left out; the first: {refused[0]}."
        )
    if not pictures:
        raise FeedsmithError(
            f"{folder}: there is no picture in it", mend="name the folder of the generated pictures"
        )
    return Made(np.stack(pictures), tuple(names), f"the folder {folder.name}/")


def _side(made: int, size: int, count: int, what: str, notes: list[str]) -> int:
    """The data set's size, halved until generated pictures need not be enlarged and have room."""
    side = size
    while side % 2 == 0 and (side > made or (count * side * side * 3 > ROOM and side > SMALLEST)):
        side //= 2
    if side > made or side < SMALLEST:
        raise FeedsmithError(
            f"{what}: {made} px cannot be compared with photos of {size} px",
            mend=f"pictures of {SMALLEST} px and more, and a data set of that size or a multiple by 2, 4, 8",
        )
    if side < min(made, size):
        notes.append(
            f"All are compared at {side} px, which so many pictures have room for; fewer (--count) are compared "
            "larger."
        )
    return side


def _fitted(rgb: Bytes, side: int) -> Bytes:
    """The middle square at side x side px."""
    height, width = rgb.shape[:2]
    if height == width == side:
        return rgb
    square = min(height, width)
    left, top = (width - square) / 2, (height - square) / 2
    box = (left, top, left + square, top + square)
    # Means of areas, as the levels of a data set are made.
    fitted = Image.fromarray(rgb).resize((side, side), Image.Resampling.BOX, box)
    return np.asarray(fitted, np.uint8)


# ---- who judges ------------------------------------------------------------------------------


def eyes(networks: ExitStack, notes: list[str], weights: Path = WEIGHTS) -> list[Eye]:
    """The networks that judge, opened; what cannot be opened is noted."""
    found = []
    encoder = networks.enter_context(Encoder(weights))
    stages = networks.enter_context(Stages(weights))
    for eye in (Eye(ENCODER, encoder.features, nearest=True), Eye(STAGES, stages.features)):
        try:
            eye.features(np.zeros((16, 16, 3), np.uint8))
        except MissingModel as error:
            notes.append(f"The {eye.name} does not judge ({error.message}): {error.mend}.")
            continue
        found.append(eye)
    return found


def neighbours(
    numbers: Sequence[int] | Rows, found: Measured, by: str, made: Made, data: DataSet
) -> tuple[Neighbour, ...]:
    """The generated pictures with these numbers, each with the training photo nearest to it."""
    near = found.neighbours[by]
    told = []
    for number in map(int, numbers):
        row = int(data.train[near.which[number]])
        told.append(
            Neighbour(
                picture=made.names[number],
                number=number,
                photo=data.ids[row],
                row=row,
                by=by,
                distance=round(float(near.distance[number]), 4),
            )
        )
    return tuple(told)


def suspects(found: Measured, made: Made, data: DataSet) -> tuple[Neighbour, ...]:
    """The pictures that come nearest to a training photo, by each that judges, in turn."""
    told: list[Neighbour] = []
    each = max(1, SUSPECTS // max(1, len(found.neighbours)))
    for by, near in found.neighbours.items():
        numbers = np.argsort(near.distance, kind="stable")[:each]
        told += neighbours(numbers, found, by, made, data)
    return tuple(told)


def _tell(found: Measured, made: int, held: int, notes: list[str]) -> None:
    """What the figures do not say by themselves."""
    if found.likeness.seen:
        notes.append(
            "The networks are EfficientNet-lite0 and U2-Net-p, not Inception: the figures can be compared with "
            "each other, never with those of papers. A generator that was trained against the features of one is "
            "flattered by that one: trust what both say."
        )
    if not found.likeness.pictures:
        notes.append("Distances need 8 generated pictures and 16 training photos at least.")
    elif found.likeness.pictures < made:
        notes.append(
            f"{found.likeness.pictures} of the {made} generated pictures are compared: as many as half of the "
            "training photos."
        )
    if not held:
        notes.append(
            "The data set holds no photos out: how near generated pictures may come is unknown."
        )
