"""The screen: what commands print on, progress bars, and the argument that all of them share.

Knows a terminal; knows no stage.
"""

import time
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


LINE_EVERY = 30.0
"""Seconds between two lines of a long stage where there is no terminal to draw a bar on."""


@contextmanager
def showing_long_progress() -> Iterator[Report]:
    """As `showing_progress`; where there is no terminal, a plain line now and then."""
    if out.is_terminal:
        with showing_progress() as report:
            yield report
        return
    last: dict[str, float] = {}

    def line(stage: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done < total and now - last.get(stage, float("-inf")) < LINE_EVERY:
            return
        last[stage] = now
        out.print(f"{stage} {done}/{total} {escape(note)}".rstrip(), style="dim", soft_wrap=True)

    yield line


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def next_step(command: str) -> None:
    out.print(f"Next: {escape(command)}", style="dim", soft_wrap=True)
