"""The caption report as one HTML file, in the look that all pages of Feedsmith share.

Knows the figures and how to say them; measures nothing.
"""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from feedsmith import pages
from feedsmith.brand import Brand, Home, Palette
from feedsmith.design import faces, palette
from feedsmith.errors import FeedsmithError
from feedsmith.evaluate import plots
from feedsmith.evaluate.copying import tokens
from feedsmith.evaluate.figures import CaptionReport, Written
from feedsmith.evaluate.picture import AS_IS, Ranking, Retrieval
from feedsmith.evaluate.plots import Bar, Line
from feedsmith.files import write_text
from feedsmith.kit import learn, typefaces
from feedsmith.library import Library
from feedsmith.understanding import traits

SAMPLES = 12
"""Written captions that are shown."""

ROUTES = {
    "skeleton": "Sentences people wrote, filled with what the picture shows",
    "own": "The same, with a sentence of your own",
    "model": "Sampled from the language model",
    "endpoint": "From the language model you connected",
    "plain": "Plain words, as nothing was known of the picture",
}


class Style(NamedTuple):
    """How a brand's pages look."""

    brand: Brand
    roles: Palette
    pair: faces.Pair


def style(home: Home, brand: Brand, library: Library, notes: list[str]) -> Style:
    """The brand's colours and typefaces; what cannot be had is noted, and a usual one taken."""
    roles, pair = palette.complete(brand.palette), faces.pair_for(0)
    try:
        known = {trait.id: trait for trait in traits.read(library)}
        roles = learn.roles(brand.palette, library, known, library.posts())[0]
        pair = typefaces.of(brand, home)
    except FeedsmithError as error:
        notes.append(f"This page is not in the brand's own look: {error.message}.")
    return Style(brand, roles, pair)


def write(path: Path, told: CaptionReport, style: Style, library: Library) -> None:
    """Write the page to `path`. Photos that the library cannot give are left out."""
    parts = [
        _samples(told.written[:SAMPLES], library),
        _voice(told),
        _apart(told),
        _copied(told),
        _picture(told),
        _surprise(told),
        _made(told),
        worth_knowing(told.notes),
    ]
    title = f"Does it sound like {told.brand}?"
    put(path, style, "Captions", title, _lead(told), _facts(told), parts)


def put(
    path: Path,
    style: Style,
    what: str,
    title: str,
    lead: str,
    facts: Sequence[tuple[str, str]],
    parts: Sequence[str],
) -> None:
    """Write a report: `what` it is about, a question as its title, the answer in a sentence, the first
    figures as (figure, what it is), and its parts as HTML. The JSON beside it has its name."""
    cells = "".join(f"<div><dt>{what_}</dt><dd>{number}</dd></div>" for number, what_ in facts)
    figures = f'<dl class="facts">{cells}</dl>' if facts else ""
    body = f"""<a class="skip" href="#report">Skip to the report</a>
<div class="page">
<header class="top"><span class="mark">{pages.avatar(style.brand)}{escape(style.brand.name)}</span>
<span class="quiet small">{what}</span></header>
<main id="report">
<section class="hero"><h1 class="display">{escape(title)}</h1>
<p class="lead">{escape(lead)}</p>
{figures}
</section>
{"".join(parts)}
</main>
<footer class="foot small quiet"><span>Written by Feedsmith on this machine.</span>
<span>All figures are in {path.with_suffix(".json").name} beside this page.</span></footer>
</div>"""
    fonts = pages.inline_fonts(style.pair)
    sheets = ("report.css", "evaluate.css")
    write_text(path, pages.frame(title, style.roles, fonts, sheets, body))


def rows(told: CaptionReport) -> list[tuple[str, str]]:
    """The report as (what, figure), for a terminal."""
    lines: list[tuple[str, str]] = []
    count = len(told.written)
    lines.append(
        (
            "Captions",
            f"{told.captions} of your own, {told.held_out} of them held out; {count} written",
        )
    )
    if told.distances:
        near = [d.habit for d in told.distances if d.near]
        far = [f"{d.habit} ({d.generated} against {d.own})" for d in told.distances if not d.near]
        lines.append(("As yours are", ", ".join(near) or "nothing"))
        lines.append(("Other than yours", "; ".join(far) or "nothing"))
    if verdict := told.verdict:
        lines.append(
            (
                "Told from yours",
                f"{verdict.accuracy:.0%} ({verdict.low:.0%} to {verdict.high:.0%}; 50% is perfect), "
                f"{verdict.captions} of each",
            )
        )
        lines += [("", giveaway.in_words()) for giveaway in verdict.giveaways[:4]]
    if copied := told.copying:
        own = told.copying_own
        lines.append(
            (
                "Copied in a row",
                f"{copied.median:g} words at the median, {copied.upper} at most in 95%, {copied.most} at most"
                + (f" (your own: {own.median:g}, {own.upper}, {own.most})" if own else ""),
            )
        )
    if told.variety:
        shares = ", ".join(f"{v.generated:.2f} ({v.own:.2f})" for v in told.variety)
        lines.append(
            ("Distinct-1, 2, 3", f"{shares} in brackets yours, over the same number of words")
        )
    if recall := told.recall:
        own_share = "" if recall.own is None else f", yours {recall.own:.0%}"
        lines.append(
            (
                "Keywords named",
                f"{recall.generated:.0%}{own_share}, by chance {recall.chance:.0%}",
            )
        )
    if told.retrieval and told.chance:
        ways = list(told.retrieval.ways.items())
        over = pages.counted(ways[0][1].pictures, "picture")
        lines.append(
            (
                "Right caption",
                f"mean rank among {told.retrieval.of}, over {over}; by chance {told.chance.mean:g}",
            )
        )
        lines += [("", f"{r.mean:.1f} {way}, first in {r.first:.0%}") for way, r in ways]
    for at, one in enumerate(told.perplexities):
        lines.append(
            ("" if at else "Perplexity", f"{one.value:.2f} {one.model} ({one.captions} captions)")
        )
    if told.routes:
        lines.append(("Made of", ", ".join(f"{route} {n}" for route, n in told.routes.items())))
    return lines


# ---- parts of the page -----------------------------------------------------------------------


def _lead(told: CaptionReport) -> str:
    if not told.written:
        return "Nothing could be written: the library has no pictures and no posts. Bring some in with feedsmith import."
    pictures = len({one.picture for one in told.written})
    words = (
        f"{pages.counted(len(told.written), 'caption').capitalize()} written for "
        f"{pages.counted(pictures, 'picture')} of yours"
    )
    if told.held_out:
        words += ", from posts that nothing here was trained on"
    if told.lengths:
        words += f", beside {pages.counted(len(told.lengths), 'caption')} that you wrote"
    words += "."
    if verdict := told.verdict:
        if verdict.low <= 0.5:
            words += " Statistics cannot tell the two apart for sure."
        elif verdict.accuracy < 0.7:
            words += " Statistics can tell the two apart a little better than a coin."
        else:
            words += " Statistics can tell the two apart, and below is by what."
    return words


def _facts(told: CaptionReport) -> list[tuple[str, str]]:
    rows = []
    if told.verdict:
        rows.append((f"{told.verdict.accuracy:.0%}", "told from yours; 50% is perfect"))
    if told.distances:
        near = sum(d.near for d in told.distances)
        rows.append(
            (f"{near} of {len(told.distances)}", "habits as near as yours are to each other")
        )
    if told.recall:
        rows.append((f"{told.recall.generated:.0%}", "of a picture's keywords are named"))
    if told.copying:
        rows.append((f"{told.copying.most}", "words copied in a row at most"))
    elif told.perplexities:
        rows.append((f"{told.perplexities[0].value:.1f}", "perplexity on captions not seen"))
    return rows


def part(title: str, words: str, body: str, name: str = "") -> str:
    """A section of a report: its title and explanation beside what it shows."""
    return (
        f'<section class="part{" " + name if name else ""}"><div class="aside">'
        f'<h2 class="display">{title}</h2><p>{words}</p></div><div>{body}</div></section>\n'
    )


def _samples(written: Sequence[Written], library: Library) -> str:
    if not written:
        return ""
    rows = []
    for one in written:
        image = _thumbnail(one, library)
        tags = " ".join(f"#{tag}" for tag in one.hashtags)
        real = (
            f'<p class="words">{escape(one.real)}</p>'
            if one.real
            else '<p class="words quiet">no caption</p>'
        )
        rows.append(
            f'<li>{image}<div class="written"><h3 class="small">Written</h3>'
            f'<p class="words">{escape(one.text)}</p><p class="small quiet">{escape(tags)}</p></div>'
            f'<div><h3 class="small">Yours</h3>{real}</div></li>'
        )
    return part(
        "Read them",
        f"{_first(len(written))}, unpicked, each beside what you wrote under the same picture.",
        f'<ol class="samples">{"".join(rows)}</ol>',
        "wide",
    )


def _first(count: int) -> str:
    return "The first one" if count == 1 else f"The first {pages.counted(count, '', ' ').strip()}"


def _thumbnail(one: Written, library: Library) -> str:
    shown = ", ".join(one.keywords) or "picture"
    if one.photo:
        try:
            rgb = library.rgb(library.photo(one.photo), 320)
            data, size = pages.thumbnail(rgb, 192, 192)
            return pages.picture(pages.inline(data, "image/webp"), size, shown)
        except FeedsmithError:
            pass
    return f'<p class="shown small quiet">{escape(shown)}</p>'


def _voice(told: CaptionReport) -> str:
    if not told.distances:
        return ""
    rows = []
    for d in told.distances:
        said = f"{d.habit}: {_times(d.value, d.usual_high)}"
        rows.append(
            f"<div><h3>{escape(d.habit.capitalize())}</h3>"
            f"{plots.reach(d.value, d.usual, d.usual_high, said)}"
            f'<p class="small"><span class="own">{escape(d.own)}</span> '
            f'<span class="new">{escape(d.generated)}</span></p>'
            f'<p class="small quiet">{d.value:.3g} {escape(d.unit)}; halves of yours {d.usual:.3g}, up to {d.usual_high:.3g}</p></div>'
        )
    lengths = plots.histogram(
        told.lengths, [len(one.text.split()) for one in told.written], "words in a caption"
    )
    size = told.distances[0].sample
    return part(
        "Voice",
        "How far the written captions are from yours, habit by habit. Inside the band they are no further off "
        f"than two halves of your own captions ({size} in each) are from each other; the line is the usual "
        "distance of such halves.",
        plots.legend("yours", "written")
        + f'<div class="habits">{"".join(rows)}</div><div class="lengths"><h3>Length</h3>{lengths}</div>',
    )


def _times(value: float, high: float) -> str:
    if not high:
        return "as yours" if not value else "other than yours, which never differ"
    return f"{value / high:.1f} times as far as halves of yours"


def _apart(told: CaptionReport) -> str:
    verdict = told.verdict
    if verdict is None:
        return ""
    said = f"{verdict.accuracy:.0%} placed rightly, 95% interval {verdict.low:.0%} to {verdict.high:.0%}"
    start = min(0.4, math.floor(verdict.low * 10) / 10)
    scale = plots.interval(verdict.low, verdict.accuracy, verdict.high, start, 0.5, said)
    signs = "".join(
        f"<li><b>{escape(_sign(g.sign, g.kind))}</b>"
        + (f'<span class="quiet"> as in “{escape(g.example)}”</span>' if g.example else "")
        + _shares(g.real, g.generated, words=g.kind == "length")
        + "</li>"
        for g in verdict.giveaways
    )
    return part(
        "Told apart",
        f"A small classifier learns from {verdict.captions} captions of each kind and guesses whose the others "
        f"are, in {verdict.folds} turns. 50% is a coin, and perfect. The giveaways are by what it knows them.",
        f'<p class="figure display">{verdict.accuracy:.0%}</p><p class="small quiet">{escape(said)}</p>{scale}'
        f'<div class="giveaways"><h3>Giveaways, the strongest first</h3>{plots.legend("share of yours that has it", "of the written")}'
        f'<ol class="signs">{signs}</ol></div>',
    )


def _sign(sign: str, kind: str) -> str:
    if kind == "length":
        return "Length in words"
    return "“" + sign.replace(" ", "·") + "”" if kind == "characters" else f"“{sign}”"


def _shares(own: float, new: float, *, words: bool) -> str:
    top = max(own, new) if words else 1.0
    rows = [
        Bar("yours", own, f"{own:g}" if words else f"{own:.0%}", "own"),
        Bar("written", new, f"{new:g}" if words else f"{new:.0%}", "new"),
    ]
    return plots.bars(rows, top)


def _copied(told: CaptionReport) -> str:
    copied, own = told.copying, told.copying_own
    if copied is None:
        return ""
    head = "".join(
        f'<tr><th scope="row">{name}</th><td>{c.median:g}</td><td>{c.upper}</td><td>{c.most}</td></tr>'
        for name, c in (("Written", copied), ("Yours, held out", own))
        if c is not None
    )
    table = (
        '<table class="numbers"><thead><tr><th>Longest run, in words</th><th>median</th><th>95%</th>'
        f"<th>most</th></tr></thead><tbody>{head}</tbody></table>"
    )
    worst = ""
    if copied.worst.length:
        worst = f'<h3>The longest of all</h3><p class="quote">{_marked(copied.worst.text, copied.worst.words)}</p>'
    variety = "".join(
        f"<div><h3>Distinct-{v.n}</h3>"
        + plots.bars(
            [
                Bar("yours", v.own, f"{v.own:.2f}", "own"),
                Bar("written", v.generated, f"{v.generated:.2f}", "new"),
            ],
            1.0,
        )
        + "</div>"
        for v in told.variety
    )
    lengths = plots.histogram(
        own.lengths if own else (), copied.lengths, "words in the longest run", 1
    )
    spread = f'<div class="variety">{variety}</div>' if variety else ""
    return part(
        "Copied and varied",
        "The longest run of words in each caption that stands in your older captions as well. Beside it, your own newest "
        "captions: everybody repeats a phrase. Distinct-n is the share of different runs of n words, over the same "
        "number of words.",
        f"{table}{lengths}{worst}{spread}",
    )


def _marked(text: str, run: str) -> str:
    """The caption with the copied run marked, where it is found again."""
    words = text.split()
    size = len(run.split())
    for at in range(len(words)):
        for end in range(at + 1, min(len(words), at + size + 3) + 1):
            if " ".join(tokens(" ".join(words[at:end]))) == run:
                parts = [" ".join(words[a:b]) for a, b in ((0, at), (at, end), (end, len(words)))]
                return (
                    f"{escape(parts[0])} <mark>{escape(parts[1])}</mark> {escape(parts[2])}".strip()
                )
    return escape(text)


def _picture(told: CaptionReport) -> str:
    parts = []
    if recall := told.recall:
        rows = [Bar("Written", recall.generated, f"{recall.generated:.0%}", "new")]
        if recall.own is not None:
            rows.append(Bar("Yours", recall.own, f"{recall.own:.0%}", "own"))
        rows.append(
            Bar("Written, held against other pictures", recall.chance, f"{recall.chance:.0%}")
        )
        parts.append(
            f"<h3>Keywords named</h3>{plots.bars(rows, 1.0)}"
            '<p class="small quiet">The keywords come from your own words under the picture as well, so your share is high by nature.</p>'
        )
    if told.retrieval and told.chance:
        parts.append(_ranks(told.retrieval, told.chance))
    if not parts:
        return ""
    return part(
        "The picture",
        "Whether captions speak of their picture: how many of its keywords they name, and where the language model "
        "puts the right caption when it is told of the picture. The line in the middle is chance.",
        "".join(parts),
    )


def _ranks(found: Retrieval, chance: Ranking) -> str:
    """Where the right caption came: a line of dots for each way, and all ways in figures."""
    strips = []
    for way, r in found.ways.items():
        if way.endswith(AS_IS):
            continue
        said = f"{way}: rank {r.mean:.1f} on average, {r.median:g} at the median"
        strips.append(
            f'<div class="way"><h3>{escape(way.capitalize())}</h3>'
            f"{plots.strip(r.ranks, found.of, chance.mean, said)}</div>"
        )
    rows = "".join(
        f'<tr><th scope="row">{escape(way.capitalize())}</th><td>{r.mean:.1f}</td><td class="less">{r.median:g}</td>'
        f'<td>{r.first:.0%}</td><td>{r.five:.0%}</td><td class="less">{r.reciprocal:.2f}</td></tr>'
        for way, r in (*found.ways.items(), ("by chance", chance))
    )
    pictures = next(iter(found.ways.values())).pictures
    return (
        f'<div class="ways"><h3>The right caption among {found.of}</h3>{"".join(strips)}'
        '<div class="ends small quiet" aria-hidden="true"><span>first</span><span>last</span></div>'
        '<table class="numbers ranks"><thead><tr><th>Rank</th><th>mean</th><th class="less">median</th><th>first</th>'
        f'<th>in five</th><th class="less"><abbr title="mean reciprocal rank">MRR</abbr></th></tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="small quiet">{pages.counted(pictures, "picture").capitalize()}. Captions are ranked by how much likelier the '
        "picture makes them; uncorrected means by how likely they are, where phrases that are always likely come first.</p></div>"
    )


def _surprise(told: CaptionReport) -> str:
    parts = []
    if told.perplexities:
        rows = [
            Bar(one.model.capitalize(), one.value, f"{one.value:.1f}", "rest" if at else "new")
            for at, one in enumerate(told.perplexities)
        ]
        first = told.perplexities[0]
        parts.append(
            f'<h3>Perplexity</h3>{plots.bars(rows)}<p class="small quiet">On the same '
            f"{pages.counted(first.captions, 'held-out caption')}, {first.tokens:,} tokens.</p>"
        )
    if training := told.training:
        lines = [
            Line(training.steps, "faint"),
            Line(plots.smooth(training.steps), "own"),
            Line(training.held_out, "new", dots=True),
        ]
        said = f"Training losses of {training.run}"
        parts.append(
            f"<h3>{escape(training.run)}</h3>{plots.legend('loss of the steps', 'held-out captions')}"
            + plots.curve(
                [line for line in lines if line.points], "step", "loss, nats a token", said
            )
        )
    if not parts:
        return ""
    return part(
        "Surprise",
        "How unsure the language model is at each token of captions it has not seen: 20 means, as between 20 equally "
        "likely ones. Lower is nearer to you.",
        "".join(f"<div>{part}</div>" for part in parts),
        "surprise",
    )


def _made(told: CaptionReport) -> str:
    if not told.routes:
        return ""
    total = sum(told.routes.values())
    routes = [
        Bar(ROUTES.get(route, route), n / total, f"{n / total:.0%}", "new")
        for route, n in told.routes.items()
    ]
    parts = [plots.bars(routes, 1.0)]
    if told.rejections:
        first = list(told.rejections.items())[:8]
        rows = [Bar(reason.capitalize(), n, f"{n:,}") for reason, n in first]
        parts.append(f"<h3>Why drafts were turned down</h3>{plots.bars(rows)}")
    return part(
        "How they were made",
        "Of each caption many drafts are made, checked and ranked; this is where the winners came from. "
        + (
            f"Listening was the language model, {escape(told.model)}."
            if told.model
            else "No language model listened."
        ),
        "".join(f"<div>{part}</div>" for part in parts),
        "made",
    )


def worth_knowing(notes: Sequence[str]) -> str:
    """The section of a report's notes; '' for none."""
    if not notes:
        return ""
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return part(
        "Worth knowing",
        "How it was measured, and what was not, or only in part.",
        f'<ul class="notes">{lines}</ul>',
    )
