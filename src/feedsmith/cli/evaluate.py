"""`feedsmith evaluate`: how good is what Feedsmith makes. Parse, call, print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
from feedsmith.cli.cluster import ClusterOption, WorkersOption, working_on
from feedsmith.cli.screen import HomeArgument, out, showing_progress

evaluate_app = typer.Typer(no_args_is_help=True, help="Measure what Feedsmith makes for a brand.")


@evaluate_app.callback()
def evaluate() -> None:
    """Measure what Feedsmith makes for a brand."""


@evaluate_app.command()
def captions(
    home: HomeArgument,
    count: Annotated[
        int, typer.Option(min=1, max=2000, help="Captions to write, at most; four a picture.")
    ] = 60,
    pictures: Annotated[
        int,
        typer.Option(
            min=0, max=500, help="Pictures whose right caption is looked for among 50, at most."
        ),
    ] = 12,
    budget: Annotated[str, typer.Option(help="Time for all of it, about: 5m, 90s, 1h.")] = "5m",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 0,
) -> None:
    """Do captions sound like the brand and follow the picture? Figures, and a page with plots.

    Captions are written for the newest posts' pictures, which no model was trained on, and
    set beside the brand's own: habits, a classifier that tries to tell them apart, words
    copied, keywords named, perplexity. Writes BRAND/reports/captions.html and captions.json.
    """
    from feedsmith.captions.train.config import seconds
    from feedsmith.evaluate import captions as stage
    from feedsmith.evaluate.figures import Settings
    from feedsmith.evaluate.page import rows

    settings = Settings(count=count, pictures=pictures, budget=seconds(budget), seed=seed)
    with showing_progress() as report:
        told = stage.evaluate(Home(home), settings, report)
    _print(rows(told), told.notes, home / "reports" / "captions.html")


@evaluate_app.command()
def images(
    home: HomeArgument,
    data: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Data set of the photos, e.g. datasets/images-64.h5. [default: newest]",
        ),
    ] = "",
    pictures: Annotated[
        str,
        typer.Option(
            metavar="FOLDER", help="Generated pictures. [default: drawn from the brand's generator]"
        ),
    ] = "",
    count: Annotated[
        int, typer.Option(min=1, max=50_000, help="Generated pictures, at most.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 0,
    address: ClusterOption = "",
    workers: WorkersOption = 0,
) -> None:
    """Are generated pictures like the photos, varied, and not copies? Figures, and a page.

    Sliced Wasserstein distance, MS-SSIM, KID and Frechet distance by two networks, precision and recall,
    and the training photo nearest to each picture, beside photos held out of training. Writes
    BRAND/reports/images.html and images.json.
    """
    from feedsmith.evaluate import images as stage
    from feedsmith.evaluate.figures import ImageSettings
    from feedsmith.evaluate.images_page import rows

    settings = ImageSettings(count=count, data=data, pictures=pictures, seed=seed)
    if address or workers:
        from feedsmith.cluster import judging

        with working_on(address, workers) as there, showing_progress() as report:
            told = judging.evaluate(Home(home), settings, there, report)
    else:
        with showing_progress() as report:
            told = stage.evaluate(Home(home), settings, report)
    _print(rows(told), told.notes, home / "reports" / "images.html")


def _print(rows: Sequence[tuple[str, str]], notes: Sequence[str], page: Path) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for what, figure in rows:
        table.add_row(f"[bold]{what}[/]", escape(figure))
    out.print(table)
    for note in notes:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    out.print(f"Look at it: {escape(str(page))}", soft_wrap=True)
