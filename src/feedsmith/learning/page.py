"""The page of what works: one HTML file in the look that all pages of Feedsmith share.

Knows the report and how to draw it; measures nothing.
"""

from html import escape
from pathlib import Path

from feedsmith import pages
from feedsmith.brand import Brand, Palette
from feedsmith.design import faces
from feedsmith.files import write_text
from feedsmith.learning.findings import COVER, Dimension, Level, Works, lead, place, ranged, signed


def write(path: Path, told: Works, brand: Brand, roles: Palette, pair: faces.Pair) -> None:
    """Write the page to `path`. `roles`: a complete palette; `pair`: the brand's typefaces."""
    question = f"What works for {brand.name}?"
    parts = [_dimension(d) for d in told.dimensions]
    parts.append(
        _said(
            "Tied together",
            "What often comes as one, so that the posts can hardly say which it is.",
            told.tied,
        )
    )
    parts.append(
        _said(
            "Worth knowing",
            "What was left out, and how it was counted.",
            (*told.notes, told.rule, told.method if told.dimensions else ""),
        )
    )
    facts = [
        (f"{told.posts:,}", "posts with figures"),
        (f"{sum(told.left_out.values()):,}", "not counted"),
    ]
    if told.typical is not None and told.measure == "engagement" and told.basis.endswith("reached"):
        facts.append((f"{told.typical:.1%}", "a typical post's engagement"))
    cells = "".join(f"<div><dt>{what}</dt><dd>{number}</dd></div>" for number, what in facts)
    body = f"""<a class="skip" href="#report">Skip to the report</a>
<div class="page">
<header class="top"><span class="mark">{pages.avatar(brand)}{escape(brand.name)}</span>
<span class="quiet small">Learning</span></header>
<main id="report">
<section class="hero"><h1 class="display">{escape(question)}</h1>
<p class="lead">{escape(lead(told))}</p>
<dl class="facts">{cells}</dl>
</section>
{"".join(parts)}
</main>
<footer class="foot small quiet"><span>Written by Feedsmith on this machine.</span>
<span>All figures are in {path.with_suffix(".json").name} beside this page.</span></footer>
</div>"""
    sheets = ("report.css", "learn.css")
    write_text(path, pages.frame(question, roles, pages.inline_fonts(pair), sheets, body))


def _dimension(told: Dimension) -> str:
    rows = "".join(_row(level) for level in told.levels)
    return (
        f'<section class="part"><div class="aside"><h2 class="display">{escape(told.title)}</h2>'
        f"<p>{escape(told.said)}</p></div><div>"
        '<div class="axis" aria-hidden="true"><span>a third</span><span>average</span><span>3 times</span></div>'
        f'<table class="effects"><caption class="unseen">{escape(told.title)}: posts, effect, range of {COVER:.0%}</caption>'
        '<thead class="unseen"><tr><th scope="col">What</th><th scope="col">Posts</th><th scope="col">Range</th>'
        f'<th scope="col">Effect</th></tr></thead><tbody>{rows}</tbody></table></div></section>\n'
    )


def _row(level: Level) -> str:
    name = f'<th scope="row">{escape(level.name)}</th><td class="quiet">{level.posts}</td>'
    if level.few:
        return f'<tr class="few">{name}<td class="quiet">too few posts to say</td><td></td></tr>'
    low, middle, high = (place(x) for x in (level.low, level.effect, level.high))
    good = f" {level.verdict}" if level.verdict else ""
    plot = (
        f'<span class="plot{good}" aria-hidden="true"><i style="left:{low:.1f}%;width:{max(0.5, high - low):.1f}%"></i>'
        f'<b style="left:{middle:.1f}%"></b></span><span class="quiet small">{ranged(level)}</span>'
    )
    said = (
        f"<strong>{signed(level.effect)}</strong>" if level.verdict else f"{signed(level.effect)}"
    )
    verdict = f' <span class="small quiet">{level.verdict}</span>' if level.verdict else ""
    return f"<tr>{name}<td>{plot}</td><td>{said}{verdict}</td></tr>"


def _said(title: str, words: str, lines: tuple[str, ...]) -> str:
    shown = "".join(f"<li>{escape(line)}</li>" for line in lines if line)
    if not shown:
        return ""
    return (
        f'<section class="part"><div class="aside"><h2 class="display">{title}</h2><p>{words}</p></div>'
        f'<div><ul class="said">{shown}</ul></div></section>\n'
    )
