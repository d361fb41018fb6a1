"""The terminal: what all commands share of it. Consoles, progress bars, the BRAND argument.

Knows rich and typer; knows no command and no stage.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from feedsmith.progress import Report, silent

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

HomeArgument = Annotated[
    Path, typer.Argument(metavar="BRAND", help="The brand's folder, e.g. mybrand/.")
]


@contextmanager
def showing_progress() -> Iterator[Report]:
    """A rich progress bar a stage on a terminal; one line at the end of each stage elsewhere."""
    if not out.is_terminal:
        yield silent
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[note]}"),
        console=out,
        transient=True,
    ) as bar:
        tasks = {}

        def report(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, note="")
            bar.update(tasks[stage], completed=done, total=total, note=escape(note[:60]))

        yield report


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def next_step(command: str) -> None:
    out.print(f"Next: {escape(command)}", style="dim", soft_wrap=True)
