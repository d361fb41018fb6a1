"""How long work tells of itself: a plain callback, so that stages know no terminal and no page."""

from typing import Protocol


class Report(Protocol):
    """Called now and then by a stage; must be quick and must not raise, save to stop the work."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """`done` of `total` steps of `stage` are finished; `note` says what was just done."""


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """The report of somebody who does not want to know."""
