"""Plots of a report page: bars, histograms, ranges, ranks and curves, as HTML and SVG.

They take their colours from the page: the brand's own captions are grey, written ones have the accent.
Words stand in HTML, so that they keep their size on a phone; only lines are drawn. Knows numbers and
labels; knows nothing of captions.
"""

import math
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Literal, NamedTuple

Tone = Literal["own", "new", "rest"]
"""The brand's own, what was written, everything else."""


class Bar(NamedTuple):
    label: str
    value: float
    shown: str
    """The value in words."""
    tone: Tone = "rest"


def legend(own: str, new: str) -> str:
    """Which colour is whose."""
    return (
        f'<p class="legend small"><span class="own">{escape(own)}</span>'
        f'<span class="new">{escape(new)}</span></p>'
    )


def bars(rows: Sequence[Bar], most: float = 0.0) -> str:
    """Horizontal bars from 0 to `most` (by default the largest)."""
    top = most or max((bar.value for bar in rows), default=0.0) or 1.0
    cells = "".join(
        f'<div class="{bar.tone}"><dt>{escape(bar.label)}</dt>'
        f'<div class="bar" aria-hidden="true"><i style="width:{_share(bar.value, top)}"></i></div>'
        f"<dd>{escape(bar.shown)}</dd></div>"
        for bar in rows
    )
    return f'<dl class="bars">{cells}</dl>'


def histogram(
    own: Sequence[float],
    new: Sequence[float],
    unit: str,
    step: int = 0,
    names: tuple[str, str] = ("yours", "written"),
) -> str:
    """Two distributions of counts as columns side by side, each in shares of its own captions.

    `step` is the width of a column; 0 for a round one that gives at most 12. What lies beyond the 98th of 100
    stands in the last column.
    """
    values = sorted([*own, *new])
    if not values:
        return ""
    high = values[min(len(values) - 1, int(0.98 * len(values)))]
    step = step or next((s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200) if high / s < 12), 500)
    count = int(high // step) + 1
    sides = [Counter(min(int(v // step), count - 1) for v in side) for side in (own, new)]
    sizes = [max(1, len(own)), max(1, len(new))]
    top = max(max(side.values(), default=0) / n for side, n in zip(sides, sizes, strict=True))
    cells = []
    for at in range(count):
        shares = [side[at] / n for side, n in zip(sides, sizes, strict=True)]
        last = "+" if at == count - 1 and max(values) >= (at + 1) * step else ""
        upper = "" if step == 1 or last else f" to {(at + 1) * step - 1}"
        name = f"{at * step}{last}{upper} {unit}: {names[0]} {shares[0]:.0%}, {names[1]} {shares[1]:.0%}"
        columns = "".join(
            f'<i class="{tone}" style="height:{_share(share, top)}"></i>'
            for tone, share in zip(("own", "new"), shares, strict=True)
        )
        cells.append(
            f'<div role="listitem" aria-label="{escape(name)}"><span class="pair">{columns}</span>'
            f'<span class="at" aria-hidden="true">{at * step}{last}</span></div>'
        )
    return (
        f'<div class="histogram" role="list" style="--columns:{count}">{"".join(cells)}</div>'
        f'<p class="axis small quiet">{escape(unit)}</p>'
    )


REACH = 4.0
"""Where the scale of `reach` ends."""


def reach(value: float, usual: float, high: float, label: str) -> str:
    """How far off something is, in multiples of `high`: a band from 0 to 1 and a dot."""

    def place(number: float) -> float:
        ratio = number / high if high else (0.0 if not number else math.inf)
        return min(ratio, REACH) / REACH

    far = high == 0 < value or (high and value > REACH * high)
    return (
        f'<div class="reach" role="img" aria-label="{escape(label)}">'
        f'<i class="band" style="width:{1 / REACH:.1%}"></i>'
        f'<i class="tick" style="left:{place(usual):.1%}"></i>'
        f'<i class="dot{" far" if far else ""}" style="left:{place(value):.1%}"></i></div>'
    )


def interval(low: float, value: float, high: float, start: float, ideal: float, label: str) -> str:
    """A share with its interval on a scale from `start` to 1; `ideal` is marked."""

    def place(number: float) -> str:
        return f"{min(1.0, max(0.0, (number - start) / (1 - start))):.1%}"

    ticks = "".join(
        f'<span style="left:{place(tick / 10)}">{tick * 10} %</span>'
        for tick in range(math.ceil(start * 10), 11)
        if not tick % 2 or tick / 10 == ideal
    )
    return (
        f'<div class="interval" role="img" aria-label="{escape(label)}">'
        f'<i class="ideal" style="left:{place(ideal)}"></i>'
        f'<i class="line" style="left:{place(low)};right:calc(100% - {place(high)})"></i>'
        f'<i class="dot" style="left:{place(value)}"></i>'
        f'<div class="ticks" aria-hidden="true">{ticks}</div></div>'
    )


def strip(ranks: Sequence[float], of: int, expected: float, label: str) -> str:
    """Each rank as a dot on a line from 1 to `of`, equal ones stacked; `expected` is marked."""
    stacked: Counter[int] = Counter()
    dots = []
    for rank in sorted(ranks):
        left = (rank - 1) / max(1, of - 1)
        near = round(left * 40)  # dots closer than this lie on top of each other
        dots.append(f'<i class="dot" style="left:{left:.1%};--level:{stacked[near]}"></i>')
        stacked[near] += 1
    levels = max(stacked.values(), default=1)
    middle = (expected - 1) / max(1, of - 1)
    return (
        f'<div class="strip-plot" role="img" aria-label="{escape(label)}" style="--levels:{levels}">'
        f'<i class="ideal" style="left:{middle:.1%}"></i>{"".join(dots)}</div>'
    )


class Line(NamedTuple):
    points: Sequence[tuple[float, float]]
    kind: Literal["faint", "own", "new"]
    dots: bool = False


def curve(lines: Sequence[Line], across: str, up: str, label: str) -> str:
    """Lines over a common x from 0; the highest two per cent of the values may lie above the top."""
    values = sorted(y for line in lines for _, y in line.points)
    if not values:
        return ""
    kept = [y for line in lines if line.kind != "faint" for _, y in line.points]
    high = max([values[min(len(values) - 1, int(0.98 * len(values)))], *kept])
    ticks = rounds(min(values), max(high, min(values) + 0.1))
    low, high = ticks[0], max(ticks[-1], high)
    last = max(x for line in lines for x, _ in line.points) or 1

    def at(x: float, y: float) -> str:
        return f"{100 * x / last:.2f} {100 * (1 - (min(y, high) - low) / (high - low)):.2f}"

    drawn = []
    for line in lines:
        path = "M" + "L".join(at(*point) for point in line.points)
        drawn.append(f'<path class="{line.kind}" d="{path}"/>')
        if line.dots:
            spots = "".join(f"M{at(*point)}h0" for point in line.points)
            drawn.append(f'<path class="{line.kind} spots" d="{spots}"/>')
    level = "".join(
        f'<span style="bottom:{100 * (tick - low) / (high - low):.2f}%">{tick:g}</span>'
        for tick in ticks
        if tick <= high
    )
    steps = [tick for tick in rounds(0, last) if tick <= last and tick == int(tick)]
    below = "".join(
        f'<span style="left:{100 * tick / last:.2f}%">{tick:g}</span>' for tick in steps
    )
    grid = "".join(f'<path class="grid" d="M0 {at(0, t).split()[1]}H100"/>' for t in ticks)
    return (
        f'<figure class="curve" role="img" aria-label="{escape(label)}">'
        f'<p class="small quiet">{escape(up)}</p>'
        f'<div class="field"><div class="levels" aria-hidden="true">{level}</div>'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{grid}{"".join(drawn)}</svg>'
        f'<div class="steps" aria-hidden="true">{below}</div></div>'
        f'<p class="axis small quiet">{escape(across)}</p></figure>'
    )


def smooth(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The running mean over a fifteenth of the points, five at least, on both sides of each."""
    reach_ = max(2, len(points) // 30)
    found = []
    for i, (x, _) in enumerate(points):
        near = [y for _, y in points[max(0, i - reach_) : i + reach_ + 1]]
        found.append((x, sum(near) / len(near)))
    return found


def rounds(low: float, high: float) -> list[float]:
    """Four to eight round numbers, from at most `low` to at least `high`."""
    if high <= low:
        high = low + 1
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = min((size * m for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 10) for i in range(first, last + 1)]


def _share(value: float, top: float) -> str:
    return f"{max(0.0, min(1.0, value / top)):.1%}"
