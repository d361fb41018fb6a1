"""The curves of a training: one drawing, as SVG for a page and as PNG for everything else.

Knows the lines of metrics.jsonl; knows nothing of training.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from feedsmith.files import write_text, writing

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 72, 24, 64, 56
PAPER, INK, SOFT, GRID = "#fbfaf7", "#23211e", "#8b867d", "#e4e0d8"
STEPS, SMOOTH, HELD = "#c9c2b4", "#3d6b8f", "#c2572b"


class _Line(NamedTuple):
    points: Sequence[tuple[float, float]]
    colour: str
    width: float


class _Dot(NamedTuple):
    x: float
    y: float
    radius: float
    colour: str


class _Words(NamedTuple):
    x: float
    y: float
    text: str
    colour: str
    size: int
    anchor: str
    """start, middle or end."""


_Shape = _Line | _Dot | _Words


class Series(NamedTuple):
    """One line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]
    """(across, up) of each point, in order."""
    colour: str
    width: float = 2.4
    dots: bool = False


class Chart(NamedTuple):
    """What is drawn."""

    title: str
    across: str
    """What goes along the bottom."""
    up: str
    """What goes up, with its unit."""
    series: Sequence[Series]
    mark: tuple[float, float, str] | None = None
    """A point and what is said of it."""
    whole: bool = False
    """Show every point; else one wild step does not flatten the rest: the top is where all but 2 % of
    the points without dots are."""


def draw(chart: Chart, svg: Path, png: Path) -> None:
    """Draw a chart as SVG and as PNG. Raises FeedsmithError when the disk is full."""
    shapes = _shapes(chart)
    write_text(svg, _svg(shapes))
    with writing(png) as stream:
        _raster(shapes).save(stream, "PNG", optimize=True)


def points(lines: Sequence[Mapping[str, Any]], across: str, up: str) -> list[tuple[float, float]]:
    """The finite values of two names in the lines of metrics.jsonl."""
    return [(line[across], line[up]) for line in lines if _number(line.get(up)) and across in line]


def _shapes(chart: Chart) -> list[_Shape]:
    thin = sorted(v for one in chart.series if not one.dots for _, v in one.points)
    dotted = [v for one in chart.series if one.dots for _, v in one.points]
    values = [*thin, *dotted] or [0.0, 1.0]
    low, high = min(values), max(values)
    if thin and not chart.whole:
        high = max([thin[min(len(thin) - 1, int(0.98 * len(thin)))], *dotted])
    ticks = _ticks(low, max(high, low + 0.1))
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    last = max([x for one in chart.series for x, _ in one.points] or [1]) or 1

    def at(x: float, value: float) -> tuple[float, float]:
        share = (max(low, min(value, high)) - low) / (high - low)
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / last,
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share,
        )

    shapes: list[_Shape] = [_Words(LEFT, 30, chart.title, INK, 18, "start")]
    for tick in ticks:
        y = at(0, tick)[1]
        shapes.append(_Line([(LEFT, y), (WIDTH - RIGHT, y)], GRID, 1))
        shapes.append(_Words(LEFT - 10, y + 5, f"{tick:.4g}", SOFT, 13, "end"))
    for tick in _ticks(0, last):
        if tick <= last and (tick == int(tick) or last < 5):
            x = at(tick, low)[0]
            shapes.append(_Words(x, HEIGHT - BOTTOM + 22, f"{tick:.4g}", SOFT, 13, "middle"))
    shapes.append(_Words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, chart.across, SOFT, 13, "middle"))
    x = float(LEFT)
    for one in chart.series:
        shapes.append(_Line([(x, 48), (x + 22, 48)], one.colour, 3))
        shapes.append(_Words(x + 28, 53, one.name, SOFT, 13, "start"))
        x += 28 + 8 * len(one.name) + 26
    shapes.append(_Words(WIDTH - RIGHT, 53, chart.up, SOFT, 13, "end"))
    for one in chart.series:
        if len(one.points) > 1:
            shapes.append(_Line([at(*p) for p in one.points], one.colour, one.width))
        if one.dots:
            shapes += [_Dot(*at(*p), 4, one.colour) for p in one.points]
    if chart.mark:
        bx, by = at(*chart.mark[:2])
        shapes.append(_Dot(bx, by, 7, HELD))
        side = "end" if bx > 0.8 * WIDTH else "start"
        aside = bx - 12 if side == "end" else bx + 12
        shapes.append(_Words(aside, by - 12, chart.mark[2], INK, 13, side))
    return shapes


def _number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def smooth(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """(x, exponential mean) over some tenth of the run, started at the first ten values' mean."""
    if not points:
        return []
    keep = 1 - 1 / max(5.0, len(points) / 15)
    mean = sum(v for _, v in points[:10]) / len(points[:10])
    found = []
    for step, value in points:
        mean = keep * mean + (1 - keep) * value
        found.append((step, mean))
    return found


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers from below `low` to above `high`."""
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = min((size * m for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough))
    first = math.floor(low / step + 1e-9)
    count = math.ceil(high / step - 1e-9) - first
    return [round((first + i) * step, 10) for i in range(count + 1)]


def _svg(shapes: Sequence[_Shape]) -> str:
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
    ]
    for shape in shapes:
        if isinstance(shape, _Line):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
            out.append(
                f'<polyline points="{points}" fill="none" stroke="{shape.colour}" '
                f'stroke-width="{shape.width}" stroke-linejoin="round" stroke-linecap="round"/>'
            )
        elif isinstance(shape, _Dot):
            out.append(
                f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius}" '
                f'fill="{shape.colour}"/>'
            )
        else:
            out.append(
                f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" fill="{shape.colour}" '
                f'font-size="{shape.size}" text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
            )
    return "\n".join([*out, "</svg>\n"])


def _raster(shapes: Sequence[_Shape]) -> Image.Image:
    """The same as pixels, drawn at three times the size: Pillow draws no smooth lines."""
    scale = 3
    image = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), PAPER)
    pen = ImageDraw.Draw(image)
    for shape in shapes:
        if isinstance(shape, _Line):
            points = [(x * scale, y * scale) for x, y in shape.points]
            pen.line(points, shape.colour, round(shape.width * scale), joint="curve")
        elif isinstance(shape, _Dot):
            x, y, r = shape.x * scale, shape.y * scale, shape.radius * scale
            pen.ellipse((x - r, y - r, x + r, y + r), shape.colour)
        else:
            font = ImageFont.load_default(shape.size * scale)
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            pen.text((shape.x * scale, shape.y * scale), shape.text, shape.colour, font, anchor)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
