"""`feedsmith evaluate`: how good is what Feedsmith makes. Parse, call, print."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
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
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for what, figure in rows(told):
        table.add_row(f"[bold]{what}[/]", escape(figure))
    out.print(table)
    for note in told.notes:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    out.print(f"Look at it: {escape(str(home / 'reports' / 'captions.html'))}", soft_wrap=True)
