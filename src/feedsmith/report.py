"""The library report: one HTML file that says what a brand's library holds.

Knows habits, traits and what was set aside as values; opens no library. The page is one file: its
fonts and small pictures are inside.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedsmith import pages
from feedsmith.brand import Brand, Palette
from feedsmith.design import faces, palette
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.library import SetAside
from feedsmith.post import PastPost, Photo
from feedsmith.understanding.habits import WEEKDAYS, Habits, Theme
from feedsmith.understanding.texture import Suits
from feedsmith.understanding.traits import Traits

RGB = NDArray[np.uint8]

_REASONS = {
    "near-duplicate": "Nearly the same as another photo",
    "thumbnail": "Too small to post",
    "screenshot": "Screenshots",
    "unreadable": "Could not be read",
    "missing": "Named in the export, but not there",
    "refused": "Refused as unsafe",
    "video-cover": "Covers of videos",
}
_SUITS: dict[Suits, str] = {
    "rows": "Landscapes with a horizon: new views can be made of them",
    "noise": "Texture, foliage, flowers: new arrangements can be made of them",
    "subject": "A subject that stays as it is: cut, extended, or set in another light",
    "none": "Used as they are, or not at all",
}


def write_library_report(
    path: Path,
    brand: Brand,
    habits: Habits,
    traits: Mapping[str, Traits],
    photos: Sequence[Photo],
    posts: Sequence[PastPost],
    set_aside: Sequence[SetAside],
    rgb: Callable[[Photo], RGB],
    *,
    pair: faces.Pair | None = None,
) -> Path:
    """Write the report to `path`; returns it.

    `rgb` gives a photo of any size (at least 160 px) and is called for at most six photos a
    theme; a photo it cannot give (FeedsmithError) is left out. `pair`: the brand's
    typefaces.
    """
    known = {photo.id: photo for photo in photos}
    title = f"What {brand.name} has to work with"
    roles = palette.complete(brand.palette, habits.palette)
    parts = [
        _themes(habits.themes, known, rgb),
        _colours(habits, roles),
        _rhythm(habits),
        _hashtags(habits),
        _voice(habits),
        _suits(traits),
        _aside(set_aside),
    ]
    body = f"""<a class="skip" href="#library">Skip to the library</a>
<div class="page">
<header class="top"><span class="mark">{pages.avatar(brand)}{escape(brand.name)}</span>
<span class="quiet small">Library</span></header>
<main id="library">
<section class="hero"><h1 class="display">{escape(title)}</h1>
<p class="lead">{escape(_lead(habits, photos, posts))}</p>
{_facts(habits, photos, posts, set_aside)}
</section>
{"".join(part for part in parts if part)}
</main>
<footer class="foot small quiet"><span>Written by Feedsmith on this machine.</span>
<span>Nothing in the library was changed.</span></footer>
</div>"""
    write_text(
        path,
        pages.frame(
            title, roles, pages.inline_fonts(pair or faces.pair_for(0)), "report.css", body
        ),
    )
    return path


def _lead(habits: Habits, photos: Sequence[Photo], posts: Sequence[PastPost]) -> str:
    if not photos:
        return "There are no photos here yet. Bring some in with feedsmith import."
    silent = sum(not post.text.strip() for post in posts)
    dated = habits.first is not None and habits.last is not None
    words = f"{pages.counted(len(photos), 'photo').capitalize()} and {pages.counted(len(posts), 'post')}"
    if habits.first and habits.last:
        words += f", from {habits.first:%B %Y} to {habits.last:%B %Y}"
    words += "."
    if not dated and posts:
        words += " The posts carry no dates."
    if silent:
        words += f" {pages.counted(silent, 'post').capitalize()} {'has' if silent == 1 else 'have'} no caption."
    return words


def _facts(
    habits: Habits,
    photos: Sequence[Photo],
    posts: Sequence[PastPost],
    set_aside: Sequence[SetAside],
) -> str:
    rows = [(f"{len(photos):,}", "photos"), (f"{len(posts):,}", "posts")]
    if habits.per_week:
        rows.append((f"{habits.per_week:.1f}", "posts a week"))
    if set_aside:
        rows.append((f"{len(set_aside):,}", "set aside"))
    cells = "".join(f"<div><dt>{what}</dt><dd>{number}</dd></div>" for number, what in rows)
    return f'<dl class="facts">{cells}</dl>'


def _part(title: str, words: str, body: str) -> str:
    return (
        f'<section class="part"><div class="aside"><h2 class="display">{title}</h2><p>{words}</p></div>'
        f"<div>{body}</div></section>\n"
    )


def _themes(
    themes: Sequence[Theme], photos: Mapping[str, Photo], rgb: Callable[[Photo], RGB]
) -> str:
    if not themes:
        return ""
    rows = []
    for theme in themes:
        shown: list[str] = []
        for key in theme.photos:
            if key not in photos or len(shown) == 6:
                continue
            try:
                data, size = pages.thumbnail(rgb(photos[key]), 160, 160)
            except FeedsmithError:
                continue
            name = photos[key].name or key
            shown.append(
                f"<li>{pages.picture(pages.inline(data, 'image/webp'), size, f'{theme.name}: {name}')}</li>"
            )
        rows.append(
            f'<div class="theme"><div class="head"><h3>{escape(theme.name)}</h3>'
            f'<span class="quiet small">{len(theme.photos)} {"photo" if len(theme.photos) == 1 else "photos"}</span></div>'
            f"<ul>{''.join(shown)}</ul></div>"
        )
    return _part(
        "Themes",
        "Photos that look alike, named by the words you use for them. Ask for one with "
        "<span>--theme</span>.",
        f'<div class="themes">{"".join(rows)}</div>',
    )


def _colours(habits: Habits, roles: Palette) -> str:
    if not habits.palette:
        return ""
    strip = "".join(
        f'<i style="flex:{share:.4f};background:{escape(colour)}"></i>'
        for colour, share in habits.palette
    )
    named = {
        "Paper": roles.paper,
        "Ink": roles.ink,
        "Accent": roles.accent,
        "Second accent": roles.accent_2,
    }
    swatches = "".join(
        f'<li><i style="background:{escape(colour)}"></i>{name} {escape(colour)}</li>'
        for name, colour in named.items()
    )
    return _part(
        "Colours",
        "What your photos are made of, and the roles taken from it for designed posts. "
        "Set your own in brand.toml.",
        f'<div class="strip" aria-hidden="true">{strip}</div><ul class="swatches">{swatches}</ul>',
    )


def _bars(shares: Sequence[float], labels: Sequence[str], names: Sequence[str], kind: str) -> str:
    top = max(shares, default=0) or 1
    peak = shares.index(max(shares))
    cells = "".join(
        f'<div role="listitem" aria-label="{escape(name)}: {share:.0%}"{" class=most" if i == peak else ""}>'
        f'<i style="height:{share / top * 82:.1f}%"></i><span aria-hidden="true">{label or "&nbsp;"}</span></div>'
        for i, (share, label, name) in enumerate(zip(shares, labels, names, strict=True))
    )
    return f'<div class="chart {kind}" role="list">{cells}</div>'


def _rhythm(habits: Habits) -> str:
    charts = ""
    if habits.weekdays and habits.hours:
        days = _bars(habits.weekdays, [day[:2] for day in WEEKDAYS], WEEKDAYS, "wide")
        hours = [str(hour) if hour % 6 == 0 else "" for hour in range(24)]
        clock = _bars(habits.hours, hours, [f"{hour}:00" for hour in range(24)], "narrow")
        charts = (
            f'<div class="charts"><div><h3>Days of the week</h3>{days}</div>'
            f"<div><h3>Hours of the day</h3>{clock}</div></div>"
        )
    low, middle, high = habits.length
    rows = []
    if habits.usual_weekday and habits.usual_hour is not None:
        rows.append(("Usual time", f"{habits.usual_weekday}, around {habits.usual_hour}:00"))
    if high:
        rows.append(("Length of a caption", f"{middle} characters; half of them {low} to {high}"))
        rows.append(("Emoji", f"{habits.emoji:.1f} a caption"))
        rows.append(("End in a question", f"{habits.questions:.0%}"))
    if habits.kinds:
        kinds = ", ".join(
            f"{count} {kind if count == 1 else _plural(kind)}"
            for kind, count in habits.kinds.items()
        )
        rows.append(("Kinds of post", kinds))
    if not charts and not rows:
        return ""
    cells = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in rows)
    return _part(
        "Habits",
        "When you post and how you write. New posts keep to it.",
        f'{charts}<dl class="rows">{cells}</dl>',
    )


def _plural(kind: str) -> str:
    return kind[:-1] + "ies" if kind.endswith("y") else kind + "s"


def _hashtags(habits: Habits) -> str:
    if not habits.hashtags:
        return ""
    chips = "".join(
        f'<li class="chip">#{escape(use.tag)}<b>{use.count}</b></li>' for use in habits.hashtags
    )
    return _part(
        "Hashtags",
        f"{habits.hashtags_per_post:.0f} on a usual post. The recent ones come first; the number "
        "says how many posts had it.",
        f'<ul class="chips">{chips}</ul>',
    )


def _voice(habits: Habits) -> str:
    if not habits.voice:
        return ""
    lines = "".join(f"<li>{escape(text)}</li>" for text in habits.voice[:4])
    return _part(
        "Voice",
        "Captions of yours that are most like all the others.",
        f'<ul class="voice">{lines}</ul>',
    )


def _suits(traits: Mapping[str, Traits]) -> str:
    if not traits:
        return ""
    count = Counter(t.suits for t in traits.values())
    rows = [(words, count[kind]) for kind, words in _SUITS.items() if count[kind]]
    with_faces = sum(bool(t.faces) for t in traits.values())
    blurred = sum(t.sharpness < 0.04 for t in traits.values())
    if with_faces:
        rows.append(("With faces: never taken apart", with_faces))
    if blurred:
        rows.append(("Blurred", blurred))
    cells = "".join(
        f'<div><dt>{words}</dt><div class="bar" aria-hidden="true"><i style="width:{n / len(traits):.1%}"></i></div>'
        f"<dd>{n}</dd></div>"
        for words, n in rows
    )
    return _part(
        "What suits what",
        "What may be done with each photo, decided by looking at it.",
        f'<dl class="suits">{cells}</dl>',
    )


def _aside(set_aside: Sequence[SetAside]) -> str:
    if not set_aside:
        return ""
    groups: dict[str, list[SetAside]] = {}
    for item in set_aside:
        groups.setdefault(item.reason, []).append(item)
    rows = "".join(
        f"<details><summary>{escape(_REASONS.get(reason, reason.capitalize()))}<span>{len(items)}</span></summary>"
        + "<ul>"
        + "".join(
            f"<li>{escape(item.name)}<span>{escape(item.detail)}</span></li>" for item in items
        )
        + "</ul></details>"
        for reason, items in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    )
    return _part(
        "Set aside",
        "Not used for new posts. Nothing was deleted; the list is also in library/set-aside.csv.",
        f'<div class="reasons">{rows}</div>',
    )
