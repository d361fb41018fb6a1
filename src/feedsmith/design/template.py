"""Templates: what each layout needs, read from its header; and the rotation over them.

A template is two files in templates/: `name.typ` (the layout) and `name.toml` (this header).
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from feedsmith.errors import FeedsmithError
from feedsmith.post import Value

FOLDER = Path(__file__).parent / "templates"


class Template(Value):
    """The header of one layout."""

    name: str
    kinds: tuple[str, ...]
    formats: tuple[str, ...]
    """Names in rules.FORMATS."""
    schemes: tuple[str, ...]
    """Colour schemes it looks good in (palette.scheme); "picture" where words stand on it."""
    words: tuple[str, ...]
    """Text slots in reading order; "?" behind a name: may be empty."""
    pictures: dict[str, dict[str, tuple[int, int]]] = Field(default_factory=dict)
    """Picture slot -> format -> smallest (width, height) in pixels that fills its frame."""
    over: Literal["", "veil", "slope"] = ""
    """Words stand on the picture, which is darkened or lightened until they read: all of it, or
    from the edge the words are at."""
    anchors: tuple[str, ...] = ("top",)
    """Where the words may go; the engine takes the calmest."""
    regions: dict[str, tuple[float, float, float, float]] = Field(default_factory=dict)
    """Anchor -> the part of the page its words take, as shares x0, y0, x1, y1."""
    family: str = ""
    """Carousels: slides of one family belong together."""
    part: str = ""
    """Carousels: cover, content or closing."""

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(word.rstrip("?") for word in self.words)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if not word.endswith("?"))

    def takes(self, sizes: Mapping[str, tuple[int, int]], format_name: str) -> bool:
        """True where pictures of these (width, height) fill the frames in this format."""
        for slot, least in self.pictures.items():
            if slot not in sizes:
                return False
            width, height = least[format_name]
            if sizes[slot][0] < width or sizes[slot][1] < height:
                return False
        return set(sizes) <= set(self.pictures)


@cache
def catalogue() -> dict[str, Template]:
    """All templates by name, in name order."""
    return {
        path.stem: Template.model_validate(
            {"name": path.stem, **tomllib.loads(path.read_text("utf-8"))}
        )
        for path in sorted(FOLDER.glob("*.toml"))
    }


def find(name: str) -> Template:
    """Raises FeedsmithError for an unknown name."""
    try:
        return catalogue()[name]
    except KeyError as error:
        raise FeedsmithError(
            f'unknown template "{name}"', mend="one of: " + ", ".join(catalogue())
        ) from error


def choose(
    kind: str,
    format_name: str,
    seed: int,
    turn: int = 0,
    *,
    slots: Sequence[str] = (),
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> list[tuple[Template, str]]:
    """Layouts for post number `turn` of a run, best first, each with its colour scheme.

    Deterministic: `seed` shuffles all fitting (template, scheme) pairs once so that neighbours
    differ in both, `turn` walks through them; no pair comes twice before each came once.
    `slots`: names of the texts at hand; `sizes`: picture slot -> (width, height) in pixels.
    Raises FeedsmithError when nothing takes these texts and pictures.
    """
    able = [
        t
        for t in catalogue().values()
        if kind in t.kinds
        and format_name in t.formats
        and not t.family
        and set(t.required) <= set(slots) <= set(t.slots)
        and (sizes is None or t.takes(sizes, format_name))
    ]
    if not able:
        raise FeedsmithError(
            f"no {kind} layout in {format_name} takes these words and pictures",
            mend="use larger photos, or another format",
        )
    rng = np.random.default_rng([seed, *kind.encode()])
    order = [able[i] for i in rng.permutation(len(able))]
    shifts = rng.integers(0, 12, len(order))
    rounds = max(len(t.schemes) for t in order)
    row = [
        (t, t.schemes[(r + int(shift)) % len(t.schemes)])
        for r in range(rounds)
        for t, shift in zip(order, shifts, strict=True)
        if r < len(t.schemes)
    ]
    start = turn % len(row)
    return row[start:] + row[:start]
