"""What a request says, as values: the numbers of its fields. The one place where text becomes a number."""

from collections.abc import Iterable

MOST = 2**53
"""The highest number of a row that JSON carries whole; no database holds so many."""


def number(text: str, least: int = 0, most: int = MOST) -> int | None:
    """The whole number that these ASCII digits write; None for all else, and outside of the bounds.

    At most 16 digits are looked at: int() of thousands of them is slow, and it takes the digits of
    every script."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    value = int(text)
    return value if least <= value <= most else None


def numbers(texts: Iterable[str]) -> list[int]:
    """Those that are numbers, in their order."""
    return [value for text in texts if (value := number(text)) is not None]
