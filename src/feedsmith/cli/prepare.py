"""`feedsmith prepare`: a data set to train pictures on. Parses, calls, prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
from feedsmith.cli.cluster import ClusterOption, WorkersOption, working_on
from feedsmith.cli.screen import HomeArgument, counted, next_step, out, showing_long_progress
from feedsmith.errors import FeedsmithError

if TYPE_CHECKING:
    from feedsmith.prepare import Prepared, Settings

SHOWN = 12
"""Photos left out that are named on the screen; the account names all."""


def prepare(
    home: HomeArgument,
    size: Annotated[int, typer.Option(help="Pixels of a side: 64, 128, 256, 512 or 1024.")] = 256,
    crop: Annotated[
        str,
        typer.Option(
            help="saliency: the square that draws the eye; centre: the middle; letterbox: all of "
            "the photo, its edges run on out of focus."
        ),
    ] = "saliency",
    pyramid: Annotated[
        bool,
        typer.Option(help="Store the smaller sizes too (a third more); training starts sooner."),
    ] = True,
    hold_out: Annotated[
        float, typer.Option(help="Share of the photos kept from training, to judge it by.")
    ] = 0.1,
    photos: Annotated[
        str,
        typer.Option(metavar="FOLDER|S3",
                     help="A folder of photos instead of the brand's library, or a bucket's, "
                     "s3://bucket/folder; words lie in IMG_1.txt beside IMG_1.jpg."),
    ] = "",
    address: ClusterOption = "",
    workers: WorkersOption = 0,
) -> None:  # fmt: skip
    """Cut square pictures from the library into one file that picture models are trained on.

    Writes BRAND/datasets/images-SIZE.h5 with a contact sheet (.jpg) and all figures (.json). Stopped
    by Ctrl-C or killed, the same command goes on; a second time it does nothing.
    """
    from feedsmith import prepare as stage

    if size not in stage.SIZES:
        raise FeedsmithError(
            f"--size {size}: no size of a data set",
            mend=f"one of {', '.join(str(size) for size in stage.SIZES)}",
        )
    if crop not in stage.CROPS:
        raise FeedsmithError(
            f'--crop "{crop}": there is no such crop', mend=f"one of {', '.join(stage.CROPS)}"
        )
    if not 0 <= hold_out <= 0.5:
        raise FeedsmithError(f"--hold-out {hold_out}: is no share", mend="from 0 to 0.5, e.g. .1")
    bucket = photos.startswith("s3://")
    settings = stage.Settings.model_validate(
        {"size": size, "crop": crop, "pyramid": pyramid, "hold_out": hold_out,
         "photos": Path(photos) if photos and not bucket else None}
    )  # fmt: skip
    place = Home(home)
    if address or workers or bucket:
        told = _by_many(place, settings, photos if bucket else "", address, workers)
    else:
        with showing_long_progress() as report:
            told = stage.prepare(place, settings, report)
    _tell(home / "datasets", told)
    if told.recipe == "remix":
        next_step(f"feedsmith generate {home}")
    else:
        next_step(f"feedsmith train images {home}")


def _by_many(
    place: Home, settings: "Settings", bucket: str, address: str, workers: int
) -> "Prepared":
    """On a cluster, or from a bucket, or both."""
    from feedsmith.cluster import photos
    from feedsmith.cluster.bucket import Storage
    from feedsmith.publishing.hosting import keys_from_environment

    storage = Storage.of(bucket, place.load().hosting, keys_from_environment()) if bucket else None
    with working_on(address, workers) as there, showing_long_progress() as report:
        return photos.prepare(place, settings, there, report, storage)


def _tell(folder: Path, told: "Prepared") -> None:
    if told.fresh:
        out.print(
            f"[green]{counted(told.pictures, 'picture')}[/] of {told.size} px: "
            f"{told.train} to train on, {told.held} held out."
        )
    else:
        out.print(
            f"Nothing has changed: {counted(told.pictures, 'picture')} of {told.size} px are "
            "there already, and nothing was done."
        )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for topic, text in _rows(told):
        table.add_row(f"[bold]{topic}[/]", escape(text))
    out.print(table)
    for item in told.left_out[:SHOWN]:
        out.print(f"[yellow]left out[/] {escape(f'{item.name}: {item.reason}')}", soft_wrap=True)
    if len(told.left_out) > SHOWN:
        name = Path(told.file).with_suffix(".json")
        out.print(f"[yellow]left out[/] {len(told.left_out) - SHOWN} more, all named in {name}")
    for note in told.notes:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    out.print(f"{escape(told.advice[:1].upper() + told.advice[1:])}.", soft_wrap=True)
    sheet = folder / Path(told.file).with_suffix(".jpg")
    out.print(f"Look at it: {escape(str(sheet))}", soft_wrap=True)


def _rows(told: "Prepared") -> list[tuple[str, str]]:
    rows = [
        ("Crop", f"{told.crop}; levels {', '.join(str(size) for size in told.sizes)} px"),
        ("Light", f"{told.dark:.0%} dark, {told.light:.0%} light"),
        ("Words", f"{told.captioned} of {told.pictures} have a caption"),
    ]
    if told.upscaled:
        rows.append(("Upscaled", f"{told.upscaled} photos are smaller than {told.size} px"))
    if told.alike:
        rows.append(("Alike", f"{told.alike} near-duplicates, kept together in the split"))
    if told.copies:
        rows.append(("Copies", f"{counted(told.copies, 'file')} left out, same as another"))
    return rows
