"""Templates: what each layout needs, read from its header; and the rotation over them.

A template is two files: `name.typ` (the layout) and `name.toml` (this header). Ours lie in
templates/, a brand's own in its folder; of the same name, the brand's is taken. Knows no pixels.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError

from feedsmith import rules
from feedsmith.design import palette
from feedsmith.errors import FeedsmithError
from feedsmith.post import Value

FOLDER = Path(__file__).parent / "templates"

Tone = Literal["light", "dark", "colour", "photo"]


class Look(NamedTuple):
    """How a finished post looks from afar, in the grid of a profile."""

    template: str
    scheme: str
    tone: Tone


class Template(Value):
    """The header of one layout."""

    name: str
    folder: Path = FOLDER
    """Where its two files lie; not part of the header."""
    kinds: tuple[str, ...]
    formats: tuple[str, ...]
    """Names in rules.FORMATS."""
    schemes: tuple[str, ...]
    """Colour schemes it looks good in (palette.scheme); "picture" where words stand on it."""
    words: tuple[str, ...]
    """Text slots in reading order; "?" behind a name: may be empty."""
    one_of: tuple[str, ...] = ()
    """Of these slots at least one must have words."""
    pictures: dict[str, dict[str, tuple[int, int]]] = Field(default_factory=dict)
    """Picture slot -> format -> smallest (width, height) in pixels that fills its frame."""
    optional: tuple[str, ...] = ()
    """Picture slots that may stay empty."""
    logo: str = ""
    """Text slot that a logo takes the place of; "own": it has a place of its own; "": no logo."""
    place: dict[str, tuple[float, float, float]] = Field(default_factory=dict)
    """Format -> where a product should stand on a scene made for this layout (backdrop.scene):
    middle across and ground line down, as shares of the picture, and its longest side as a share of
    the picture's width."""
    over: Literal["", "veil", "slope", "local"] = ""
    """Words stand on the picture, which is darkened or lightened until they read: all of it, from
    the edge the words are at, or only around them."""
    tone: Literal["", "photo"] = ""
    """"photo": seen from afar it is a picture, whatever its colours."""
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

    @property
    def source(self) -> Path:
        return self.folder / f"{self.name}.typ"

    def look(self, scheme: str) -> Look:
        return Look(
            self.name, scheme, "photo" if self.over or self.tone else _TONES.get(scheme, "light")
        )

    def named(self, given: Iterable[str]) -> dict[str, str] | None:
        """Given slot -> own slot that sets it; None when words would be lost or missing.

        A call to action is "call" or "cta"; where both are given, "cta" is the sender's name.
        """
        row = list(given)
        names = {slot: slot for slot in row}
        if "call" in row and "call" not in self.slots:
            names["call"] = "cta"
            if "cta" in row:
                names["cta"] = "footer"
        elif "cta" in row and "cta" not in self.slots:
            names["cta"] = "footer"
        own = set(names.values())
        fits = (
            len(own) == len(row)
            and set(self.required) <= own <= set(self.slots)
            and (not self.one_of or bool(own & set(self.one_of)))
        )
        return names if fits else None

    def takes(self, sizes: Mapping[str, tuple[int, int]], format_name: str) -> bool:
        """True where pictures of these (width, height) fill the frames in this format.

        A product may come both cut out and whole; a layout takes the one that it is made for.
        """
        for slot, least in self.pictures.items():
            if slot not in sizes:
                if slot in self.optional:
                    continue
                return False
            width, height = least[format_name]
            if sizes[slot][0] < width or sizes[slot][1] < height:
                return False
        spare = {"logo", "cutout", *(("main",) if "cutout" in self.pictures else ())}
        return set(sizes) - spare <= set(self.pictures)


_TONES: dict[str, Tone] = {
    "paper": "light", "white": "light", "tint": "light", "ink": "dark", "accent": "colour",
    "second": "colour", "picture": "photo",
}  # fmt: skip


def catalogue(extra: Path | None = None) -> dict[str, Template]:
    """All templates by name, in name order; `extra`: a brand's own folder of templates, which may
    be missing. Its broken headers are left out (see `faults`)."""
    own = _read(extra, _stamp(extra))[0] if extra is not None else ()
    found = {t.name: t for t in (*_read(FOLDER, ())[0], *own)}
    return dict(sorted(found.items()))


def faults(extra: Path | None) -> tuple[FeedsmithError, ...]:
    """What is wrong with the headers in a brand's own folder, each naming file and line."""
    return _read(extra, _stamp(extra))[1] if extra is not None else ()


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    if not folder.is_dir():
        return ()
    return tuple(
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.glob("*.t*"))
    )


@lru_cache(maxsize=16)
def _read(
    folder: Path, _stamp: tuple[tuple[str, int, int], ...]
) -> tuple[tuple[Template, ...], tuple[FeedsmithError, ...]]:
    found, broken = [], []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            found.append(_header(path))
        except FeedsmithError as error:
            broken.append(error)
    if folder == FOLDER and broken:
        raise broken[0]
    return tuple(found), tuple(broken)


def _header(path: Path) -> Template:
    """Raises FeedsmithError naming the file, and the line where it can be known."""
    mend = "mend it, or move the file away"
    try:
        text = path.read_text("utf-8-sig")
        layout = Template.model_validate(
            {**tomllib.loads(text), "name": path.stem, "folder": path.parent}
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FeedsmithError(f"template {path}: {error}", mend=mend) from error
    except ValidationError as error:
        first = error.errors()[0]
        setting = str(first["loc"][0]) if first["loc"] else ""
        why = f'unknown setting "{setting}"' if first["type"] == "extra_forbidden" else (
            f"{setting}: {first['msg']}"
        )  # fmt: skip
        where = next(
            (f", line {i}" for i, line in enumerate(text.splitlines(), 1)
             if re.match(rf"\s*\[?{re.escape(setting)}\b", line)), "",
        )  # fmt: skip
        raise FeedsmithError(f"template {path}{where}: {why}", mend=mend) from error
    slip = _slip(layout)
    if slip:
        raise FeedsmithError(f"template {path}: {slip}", mend=mend)
    return layout


def _slip(layout: Template) -> str:
    if not layout.source.is_file():
        return f"there is no {layout.source.name} beside it"
    if unknown := sorted(set(layout.formats) - set(rules.FORMATS)):
        return f'unknown format "{unknown[0]}" (known: {", ".join(rules.FORMATS)})'
    if unknown := sorted(set(layout.schemes) - set(palette.SCHEMES) - {"picture"}):
        return f'unknown scheme "{unknown[0]}" (known: {", ".join(palette.SCHEMES)}, picture)'
    if not (layout.formats and layout.schemes and layout.kinds):
        return "kinds, formats and schemes need at least one name each"
    for slot, least in layout.pictures.items():
        if missing := sorted(set(layout.formats) - set(least)):
            return f"picture {slot} has no smallest size for {missing[0]}"
    if layout.over and set(layout.anchors) != set(layout.regions):
        return "words over a picture need one region for each anchor"
    return ""


def find(name: str, extra: Path | None = None) -> Template:
    """Raises FeedsmithError for an unknown name."""
    try:
        return catalogue(extra)[name]
    except KeyError as error:
        raise FeedsmithError(
            f'unknown template "{name}"', mend="one of: " + ", ".join(catalogue(extra))
        ) from error


def choose(
    kind: str,
    format_name: str,
    seed: int,
    turn: int = 0,
    *,
    slots: Sequence[str] = (),
    whole: Sequence[str] = (),
    sizes: Mapping[str, tuple[int, int]] | None = None,
    neighbours: Sequence[Look] = (),
    prefer: Mapping[str, float] | None = None,
    extra: Path | None = None,
) -> list[tuple[Template, str]]:
    """Layouts for post number `turn` of a run, best first, each with its colour scheme.

    Deterministic: `seed` shuffles all fitting (template, scheme) pairs once so that neighbours
    differ in both, `turn` walks through them; no pair comes twice before each came once.
    `slots`: names of the texts at hand; `sizes`: picture slot -> (width, height) in pixels.
    `whole`: the same texts before a line was taken apart; enough for a brand's own layout.
    `neighbours`: how the posts before this one look, oldest first. Where given, looks that differ
    from those it will touch in a grid three wide come first (see `unrest`).
    `prefer`: layout -> 0..1, what earlier posts speak for; it weighs less than two like neighbours, and more
    than a layout that came before.
    Raises FeedsmithError when nothing takes these texts and pictures.
    """
    worded = [
        t
        for t in catalogue(extra).values()
        if kind in t.kinds
        and format_name in t.formats
        and not t.family
        and (
            t.named(slots) is not None
            or (bool(whole) and t.folder != FOLDER and t.named(whole) is not None)
        )
    ]
    if not worded:
        raise FeedsmithError(
            f"no {kind} layout in {format_name} takes words for {' and '.join(slots) or 'nothing'}",
            mend="give it other words (a headline, a sentence, an offer), or take another format",
        )
    able = [t for t in worded if sizes is None or t.takes(sizes, format_name)]
    if not able:
        shown = ", ".join(f"{slot} {w}x{h} px" for slot, (w, h) in (sizes or {}).items())
        raise FeedsmithError(
            f"no {kind} layout in {format_name} takes these pictures ({shown or 'none'})",
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
    row = row[start:] + row[:start]
    if neighbours or prefer:
        row.sort(
            key=lambda pair: unrest(pair[0].look(pair[1]), neighbours) - leant(pair[0], prefer)
        )
    return row


LEAN = 3.0
"""What a layout that earlier posts wholly speak for weighs on the scale of `unrest`: less than a neighbour
of its tone (4) or layout (6)."""


def leant(layout: Template, prefer: Mapping[str, float] | None) -> float:
    """How much earlier posts speak for a layout, on the scale of `unrest`."""
    return LEAN * prefer.get(layout.name, 0.0) if prefer else 0.0


def unrest(look: Look, neighbours: Sequence[Look]) -> float:
    """How ill `look` goes as the next post after `neighbours` (oldest first), from 0.

    In a grid three wide, newest first, a post touches the one before it, except at a row's end,
    and always the third before it: neither tone nor layout may come again there. Diagonals
    (second and fourth before) matter little; a look of long ago less than one never used.
    """
    cost = 0.0
    for back, tone, layout in ((1, 4.0, 6.0), (3, 4.0, 6.0), (2, 0.4, 2.0), (4, 0.2, 1.0)):
        if back <= len(neighbours):
            near = neighbours[-back]
            cost += tone * (near.tone == look.tone)
            cost += layout * (near.template != "" and near.template == look.template)
    for age, old in enumerate(reversed(neighbours)):
        if (old.template, old.scheme) == (look.template, look.scheme):
            cost += 1.5 / (1 + age / 12)
        elif old.template == look.template:
            cost += 0.5 / (1 + age / 12)
    return cost
