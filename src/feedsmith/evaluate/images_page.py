"""The picture report as one HTML file, in the look that all pages of Feedsmith share.

Knows the figures and how to say them; measures nothing.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedsmith import pages
from feedsmith.dataset import DataSet
from feedsmith.evaluate import plots
from feedsmith.evaluate.figures import Beside, ImageReport, Nearness, Neighbour, Seen
from feedsmith.evaluate.page import Style, part, put, worth_knowing
from feedsmith.evaluate.plots import Bar

Bytes = NDArray[np.uint8]

TILE = 128
"""Px of a picture on the page."""
COPIES = 0.02
"""Share of generated pictures under the held-out photos' 1 % from which the page speaks of copies,
beside the two photos by which chance moves that 1 %."""
NEAR = 0.9
"""Ratio of the medians below which it does."""


def write(path: Path, told: ImageReport, style: Style, made: Bytes, data: DataSet) -> None:
    """Write the page to `path`; `made` are the generated pictures (N, S, S, 3)."""
    parts = [
        _sheet(told, made, data),
        _distances(told),
        _variety(told),
        _copying(told, made, data),
        worth_knowing(told.notes),
    ]
    title = f"Do they look like photos of {told.brand}?"
    put(path, style, "Pictures", title, _lead(told), _facts(told), [p for p in parts if p])


def rows(told: ImageReport) -> list[tuple[str, str]]:
    """The report as (what, figure), for a terminal."""
    lines = [
        (
            "Pictures",
            f"{told.made:,} of {told.source}, beside {told.training:,} training photos of {told.data} "
            f"({told.held_out:,} held out), at {told.size} px",
        )
    ]
    like = told.likeness
    if like.swd_average:
        levels = ", ".join(f"{b.value:.1f} ({b.usual:.1f}) at {s} px" for s, b in like.swd.items())
        lines.append(
            (
                "SWD x1000",
                f"{_pair(like.swd_average, 1)} on average, in brackets two halves of the photos",
            )
        )
        lines.append(("", levels))
    for one in like.seen:
        lines.append((f"KID x1000, {one.by}", f"{_pair(one.kernel, 2)} ± {one.kernel_spread:.2f}"))
        lines.append(("", f"Frechet {_pair(one.frechet, 1)}"))
        lines.append(("", f"precision {_pair(one.precision, 2)}, recall {_pair(one.recall, 2)}"))
    if like.ms_ssim:
        lines.append(("MS-SSIM", f"{_pair(like.ms_ssim, 3)}; lower is more varied"))
    for at, near in enumerate(like.near):
        lines.append(("" if at else "Nearest photo", _nearness(near)))
    return lines


def _pair(figure: Beside, digits: int) -> str:
    return f"{figure.value:.{digits}f} ({figure.usual:.{digits}f})"


def _nearness(near: Nearness) -> str:
    ratio = (
        "" if near.ratio is None else f", {near.ratio:.2f} times held-out photos' {near.held:.3f}"
    )
    same = f"; {pages.counted(near.same, 'reads', 'read')} as a training photo" if near.same else ""
    return (
        f"{near.by}: distance {near.made:.3f}{ratio}; {near.share:.1%} are nearer than 1% of the "
        f"held-out photos{same}"
    )


# ---- parts of the page -----------------------------------------------------------------------


def _lead(told: ImageReport) -> str:
    words = (
        f"{pages.counted(told.made, 'picture').capitalize()} of {told.source}, beside "
        f"{pages.counted(told.training, 'photo')} it could learn from"
    )
    if told.held_out:
        words += f" and {told.held_out:,} that it never saw"
    words += "."
    if told.likeness.near:
        words += (
            " Some come nearer to a training photo than photos of yours do to each other: look at them below."
            if any(map(_copied, told.likeness.near))
            else " None of the checks speaks of copies."
        )
    return words


def _copied(near: Nearness) -> bool:
    chance = COPIES + 2 / max(1, len(near.distances_held))
    doubles = near.same_held / max(1, len(near.distances_held)) * len(near.distances)
    return (
        near.share > chance
        or near.same > 2 * doubles + 1
        or (near.ratio is not None and near.ratio < NEAR)
    )


def _facts(told: ImageReport) -> list[tuple[str, str]]:
    like, found = told.likeness, []
    if like.swd_average:
        found.append(
            (
                f"{like.swd_average.value:.1f}",
                f"SWD; halves of your photos {like.swd_average.usual:.1f}",
            )
        )
    for one in like.seen[:1]:
        found.append((f"{one.kernel.value:.1f}", f"KID by the {one.by}; 0 is perfect"))
        found.append((f"{one.precision.value:.0%}", "could be photos of yours (precision)"))
    if like.near:
        worst = max(like.near, key=lambda n: n.share)
        found.append(
            (f"{worst.share:.1%}", "nearer to a training photo than 1% of held-out photos")
        )
    return found


def _sheet(told: ImageReport, made: Bytes, data: DataSet) -> str:
    if not told.shown:
        return ""
    return part(
        "See them",
        f"The first {pages.counted(len(told.shown), 'picture')}, unpicked, each beside the training photo that is nearest "
        f"to it by the {told.shown[0].by}. A generator makes pictures of its own where the two differ.",
        _pairs(told.shown, made, data),
        "wide",
    )


def _pairs(shown: Sequence[Neighbour], made: Bytes, data: DataSet) -> str:
    photos = data.read([one.row for one in shown], made.shape[1])
    cells = []
    for one, photo in zip(shown, photos, strict=True):
        said = f"{one.picture}", f"its nearest training photo, {one.photo}"
        pair = "".join(
            _tile(rgb, words) for rgb, words in zip((made[one.number], photo), said, strict=True)
        )
        cells.append(
            f'<li><span class="couple">{pair}</span>'
            f'<span class="small quiet">{one.distance:.3f} by the {escape(one.by)}</span></li>'
        )
    return (
        f"{plots.legend('nearest training photo, right', 'generated, left')}"
        f'<ol class="couples">{"".join(cells)}</ol>'
    )


def _tile(rgb: Bytes, alt: str) -> str:
    data, size = pages.thumbnail(rgb, TILE, TILE)
    return pages.picture(pages.inline(data, "image/webp"), size, alt)


def _distances(told: ImageReport) -> str:
    like = told.likeness
    if not like.pictures:
        return ""
    found = [_reach(f"{side} px", b, "SWD x1000", 1) for side, b in like.swd.items()]
    networks = "".join(_network(one) for one in like.seen)
    return part(
        "How near",
        f"{pages.counted(like.pictures, 'generated picture').capitalize()} beside as many training photos. Inside the band "
        "they are no further off than two halves of the photos are from each other. The sliced Wasserstein distance "
        "(Karras et al. 2018) compares small patches at each level of detail, without a network: the first level is "
        "texture, the last composition and colour.",
        f'<div class="habits">{"".join(found)}</div>{networks}',
    )


def _reach(what: str, figure: Beside, unit: str, digits: int) -> str:
    times = figure.value / figure.usual if figure.usual > 0 else 0.0
    said = f"{what}: {times:.1f} times as far as halves of the photos"
    return (
        f"<div><h3>{escape(what)}</h3>{plots.reach(figure.value, figure.usual, figure.usual, said)}"
        f'<p class="small quiet">{figure.value:.{digits}f} {escape(unit)}; halves of your photos {figure.usual:.{digits}f}</p></div>'
    )


def _network(one: Seen) -> str:
    shares = [
        (name, figure)
        for name, figure in (
            ("Could be photos (precision)", one.precision),
            ("Kinds of photos that are reached (recall)", one.recall),
        )
    ]
    bars = [
        bar
        for name, figure in shares
        for bar in (
            Bar(name, figure.value, f"{figure.value:.0%}", "new"),
            Bar("half of the photos", figure.usual, f"{figure.usual:.0%}", "own"),
        )
    ]
    return (
        f"<h3>By the {escape(one.by)}</h3>"
        '<table class="numbers"><thead><tr><th></th><th>generated</th><th>half of the photos</th></tr></thead><tbody>'
        f'<tr><th scope="row">KID x1000</th><td>{one.kernel.value:.2f} ± {one.kernel_spread:.2f}</td><td>{one.kernel.usual:.2f}</td></tr>'
        f'<tr><th scope="row">Frechet distance</th><td>{one.frechet.value:.1f}</td><td>{one.frechet.usual:.1f}</td></tr>'
        f'<tr><th scope="row">Density</th><td>{one.density.value:.2f}</td><td>{one.density.usual:.2f}</td></tr>'
        f'<tr><th scope="row">Coverage</th><td>{one.coverage.value:.0%}</td><td>{one.coverage.usual:.0%}</td></tr>'
        f"</tbody></table>{plots.bars(bars, 1.0)}"
    )


def _variety(told: ImageReport) -> str:
    figure = told.likeness.ms_ssim
    if figure is None:
        return ""
    rows = [
        Bar("Two generated pictures", figure.value, f"{figure.value:.3f}", "new"),
        Bar("Two of your photos", figure.usual, f"{figure.usual:.3f}", "own"),
    ]
    return part(
        "How varied",
        "How alike two random pictures are, by multi-scale structural similarity: 1 is the same picture. Well above your "
        "photos, the generator shows few motifs again and again.",
        plots.bars(rows),
    )


def _copying(told: ImageReport, made: Bytes, data: DataSet) -> str:
    if not told.nearest:
        return ""
    found = []
    for near in told.likeness.near:
        # In hundredths: a column is as wide as a round number of them.
        held, new = ([100 * d for d in side] for side in (near.distances_held, near.distances))
        columns = plots.histogram(
            held, new, "hundredths to the nearest training photo", names=("held out", "generated")
        )
        found.append(
            f"<h3>By the {escape(near.by)}</h3>"
            f'<p class="small">{escape(_nearness(near))}</p>{columns}'
        )
    legend = plots.legend("photos held out", "generated") if found else ""
    return part(
        "Copies?",
        "How far each picture is from the training photo nearest to it. Photos that were held out of training show what is "
        "natural. Further left than they are, pictures are remembered, not made. Pixels are compared at 16 px and mirrored "
        "too. Below are the pictures that come nearest.",
        f"{legend}{''.join(found)}<h3>The nearest of all</h3>{_pairs(told.nearest, made, data)}",
    )
