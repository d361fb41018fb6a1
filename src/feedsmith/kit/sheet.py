"""The brand sheet: who a brand is, on one page, as brand.html and brand.png.

Knows settings, library and habits, the logo and typefaces; makes no posts. The HTML is one file
that loads nothing; the PNG is set by Typst like a designed post.
"""

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typst
from numpy.typing import NDArray
from PIL import Image

from feedsmith import pages
from feedsmith.brand import Brand, Home, Palette
from feedsmith.captions.tongues import detect
from feedsmith.design import faces, logo, palette, pictures
from feedsmith.design.contrast import ratio
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes, write_text
from feedsmith.kit import typefaces
from feedsmith.kit.learn import learn
from feedsmith.library import Library
from feedsmith.post import Photo
from feedsmith.progress import Report, silent
from feedsmith.understanding import habits, traits
from feedsmith.understanding.habits import Habits
from feedsmith.understanding.traits import Traits

RGB = NDArray[np.uint8]

PHOTOS = 7
"""One large, six in a row."""
HERE = Path(__file__).parent

_VOICES = {
    "warm": "Friendly and close, as to a regular at the counter.",
    "minimal": "Few words. What is there, and no more.",
    "dry": "Plain facts, said with a straight face.",
    "poetic": "Pictures in words; slow, and with an ear for sound.",
    "playful": "Light on its feet; a joke where one fits.",
    "second-person": "Speaks to the reader: you.",
    "expert": "Knows the subject and names things by their names.",
    "practical": "What to do, how, and when.",
    "first-person founder": "Says I, and tells how things came to be.",
}
_ROLES = {"paper": "Paper", "ink": "Ink", "accent": "Accent", "accent_2": "Second accent"}
_SAMPLE = "The quick brown fox jumps over the lazy dog, and nobody had asked it to."


class _Rule(NamedTuple):
    name: str
    kind: str
    """said, chips or struck"""
    items: tuple[str, ...]


class _Swatch(NamedTuple):
    name: str
    colour: str
    on: str
    """Colour of words on it."""
    pairs: tuple[tuple[str, str], ...]
    """(other colour, what the two are good for)."""


class _Shot(NamedTuple):
    rgb: RGB
    saliency: NDArray[np.float32] | None
    alt: str


class _Facts(NamedTuple):
    """All that the page says, for both of its forms."""

    brand: Brand
    roles: Palette
    pair: faces.Pair
    swatches: tuple[_Swatch, ...]
    voice: tuple[str, str]
    """Its name, and what that means."""
    examples: tuple[str, ...]
    rules: tuple[_Rule, ...]
    photos: tuple[_Shot, ...]
    """The first is the large one."""
    logos: tuple[logo.Drawing | None, logo.Drawing | None]
    """On light, on dark."""


def write(home: Home, out: Path, *, report: Report = silent) -> tuple[Path, Path]:
    """Write the brand sheet to `out`/brand.html and `out`/brand.png (1600 x 2000); returns both.

    What brand.toml leaves open is shown as the library tells it (kit.learn), without writing it
    there. Works without photos, posts and logo. Writing twice gives the same bytes. Raises
    FeedsmithError for wrong settings, and for a logo or fonts that cannot be used.
    """
    facts = _facts(home, report)
    page, picture = out / "brand.html", out / "brand.png"
    try:
        faces.substitutes(facts.brand.name, facts.pair)
    except FeedsmithError as error:
        report("Setting the brand sheet", 0, 1, f"{error.message}; {error.mend}")
    write_text(page, _html(facts))
    write_bytes(picture, _png(facts))
    return page, picture


def _facts(home: Home, report: Report) -> _Facts:
    brand = learn(home, write=False, report=report).brand
    library = Library(home.library)
    known = {t.id: t for t in traits.read(library)}
    posts = library.posts()
    past = habits.study(posts, known, brand)
    roles = palette.complete(brand.palette)
    tuned = brand.model_copy(update={"palette": roles})
    return _Facts(
        brand=brand,
        roles=roles,
        pair=typefaces.of(brand, home),
        swatches=_swatches(roles),
        voice=_voice(brand),
        examples=(brand.voice_examples or past.voice)[:3],
        rules=_rules(brand, past),
        photos=_photos(library, known, report),
        logos=(
            logo.on(tuned, home, _grounds(roles)[0], 220, 560),
            logo.on(tuned, home, _grounds(roles)[1], 220, 560),
        ),
    )


def _grounds(roles: Palette) -> tuple[str, str]:
    """The grounds a logo is shown on, light and dark."""
    white = palette.scheme("white", roles)["ground"]
    dark = min(roles.ink, roles.paper, key=lambda colour: float(palette.lab(colour)[0]))
    return white, dark


def _inks(roles: Palette) -> tuple[str, str]:
    """The colours of a name without a logo on those grounds."""
    light, dark = _grounds(roles)
    return palette.readable(roles.ink, light), palette.readable(roles.paper, dark)


def _field(roles: Palette) -> tuple[str, str]:
    """The accent as a ground, and the role whose words read on it; else the accent made deeper."""
    for words in (roles.paper, roles.ink):
        if _ratio(words, roles.accent) >= 4.5:
            return roles.accent, words
    deep = palette.scheme("accent", roles)
    return deep["ground"], deep["text"]


def _voice(brand: Brand) -> tuple[str, str]:
    name = brand.voice.strip()
    said = next((said for voice, said in _VOICES.items() if voice == name.casefold()), "")
    return name[:1].upper() + name[1:], said


def _swatches(roles: Palette) -> tuple[_Swatch, ...]:
    found = []
    for role, name in _ROLES.items():
        colour = getattr(roles, role)
        others = ("paper", "ink") if role.startswith("accent") else (
            ("ink", "accent") if role == "paper" else ("paper", "accent")
        )  # fmt: skip
        on = max(
            (roles.paper, roles.ink, "#ffffff", "#000000"),
            key=lambda c: (min(_ratio(c, colour), 4.6), -len(c), _ratio(c, colour)),
        )
        best = max((roles.paper, roles.ink), key=lambda c: _ratio(c, colour))
        if _ratio(best, colour) >= 4.5:
            on = best
        pairs = tuple(
            (other := getattr(roles, o), f"{_ROLES[o]} {_ratio(other, colour):.1f}:1, {_use(_ratio(other, colour))}")
            for o in others
        )  # fmt: skip
        found.append(_Swatch(name, colour, on, pairs))
    return tuple(found)


def _ratio(a: str, b: str) -> float:
    # Cut, not rounded: 4.49 must not be shown as 4.5.
    return int(ratio(palette.channels(a), palette.channels(b)) * 10) / 10


def _use(contrast: float) -> str:
    """What WCAG 2.2 lets two colours be used for."""
    if contrast >= 4.5:
        return "any words"
    return "large words" if contrast >= 3 else "fields only"


def _rules(brand: Brand, past: Habits) -> tuple[_Rule, ...]:
    rows = []
    tags = brand.hashtags
    if tags.always:
        rows.append(_Rule("Always", "chips", tuple(f"#{t.lstrip('#')}" for t in tags.always)))
    most = f"At most {tags.limit} on a post" if tags.limit else "None"
    rows.append(_Rule("Hashtags", "said", (most,)))
    if tags.banned:
        rows.append(_Rule("Never", "struck", tuple(f"#{t.lstrip('#')}" for t in tags.banned)))
    if brand.subjects:
        rows.append(_Rule("Shows", "said", (_sentence(", ".join(brand.subjects[:8])),)))
    low, _, high = past.length
    if past.posts >= 5 and high:
        asks = f"; {past.questions:.0%} end in a question" if past.questions >= 0.05 else ""
        rows.append(_Rule("Captions", "said", (f"{low}–{high} characters{asks}",)))
    emoji = "None" if not brand.emoji_max else f"At most {brand.emoji_max} in a caption"
    rows.append(_Rule("Emoji", "said", (emoji,)))
    if brand.banned_words:
        rows.append(_Rule("Never says", "struck", brand.banned_words[:8]))
    language = detect.NAMES.get(brand.language, brand.language)
    rows.append(_Rule("Language", "said", (language,)))
    if brand.default_credit:
        rows.append(_Rule("Credit", "said", (brand.default_credit,)))
    return tuple(rows)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _photos(library: Library, known: Mapping[str, Traits], report: Report) -> tuple[_Shot, ...]:
    """Good photos unlike each other, the best first."""
    vectors = traits.embeddings(library)
    photos = [p for p in library.photos() if p.id in known]
    typical = _typical(vectors)
    merit = {p.id: _merit(p, known[p.id]) * (0.6 + 0.4 * typical.get(p.id, 0.5)) for p in photos}
    found: list[_Shot] = []
    chosen: list[str] = []
    left = {p.id: p for p in photos}
    while left and len(found) < PHOTOS:
        best = min(left, key=lambda i: (-merit[i] * _news(i, chosen, vectors, known), i))
        photo = left.pop(best)
        try:
            rgb = library.rgb(photo, 1100)
        except FeedsmithError as error:
            report("Choosing photos", len(found), PHOTOS, error.message)
            continue
        chosen.append(best)
        words = ", ".join(known[best].keywords[:3])
        alt = _sentence(words) or "Photo of the brand"
        found.append(_Shot(rgb, traits.saliency(library, best), alt))
    return tuple(found)


def _typical(vectors: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """How much a photo is like the whole library, 0..1 by rank."""
    if not vectors:
        return {}
    mean = np.mean(list(vectors.values()), axis=0)
    order = sorted(vectors, key=lambda i: (float(vectors[i] @ mean), i))
    return {i: at / max(1, len(order) - 1) for at, i in enumerate(order)}


def _merit(photo: Photo, trait: Traits) -> float:
    """How well a photo stands on a page, about 0..1."""
    size = min(1.0, min(photo.width, photo.height) / 900)
    sharp = min(1.0, trait.sharpness / 0.25)
    light = 1 - min(1.0, abs(trait.brightness - 0.58) * 1.6)
    strong = sum(share for colour, share in trait.palette if _vivid(colour))
    clear = 1 - abs(min(trait.salient, 0.6) - 0.25)
    view = 0.8 + 0.2 * min(1.0, trait.rows / 0.6)  # places make a calmer page than close-ups
    return (0.25 + 0.75 * size) * (0.4 + 0.6 * sharp) * (0.4 + 0.6 * light) * (
        0.6 + 0.4 * min(1.0, strong * 1.6)
    ) * clear * view  # fmt: skip


def _vivid(colour: str) -> bool:
    value = palette.lab(colour)
    return float(np.hypot(value[1], value[2])) > 0.06


def _news(
    photo: str,
    chosen: Sequence[str],
    vectors: Mapping[str, NDArray[np.float32]],
    known: Mapping[str, Traits],
) -> float:
    """How unlike the chosen ones it is, in what it shows and in its colours."""
    if not chosen:
        return 1.0

    def mean(key: str) -> NDArray[np.float32]:
        pairs = known[key].palette or (("#808080", 1.0),)
        weights = np.array([share for _, share in pairs])
        return np.asarray(
            np.average([palette.lab(c) for c, _ in pairs], axis=0, weights=weights), np.float32
        )

    mine = mean(photo)
    news = 1.0
    for other in chosen:
        colour = min(1.0, float(np.linalg.norm(mean(other) - mine)) / 0.16)
        alike = 0.3
        if photo in vectors and other in vectors:
            alike = float(vectors[photo] @ vectors[other])
        news = min(news, (1 - 0.8 * max(alike, 0.0)) * (0.35 + 0.65 * colour))
    return news


def _cut(shot: _Shot, width: int, height: int) -> RGB:
    """The part of a photo that keeps what the eye goes to, at a size."""
    (x0, y0, x1, y1), _ = pictures.best_window(shot.rgb, width, height, shot.saliency)
    piece = Image.fromarray(shot.rgb[y0:y1, x0:x1])
    return np.asarray(piece.resize((width, height), Image.Resampling.LANCZOS))


# The picture


def _png(facts: _Facts) -> bytes:
    with tempfile.TemporaryDirectory(prefix="feedsmith-") as folder:
        root = Path(folder)
        data = _data(facts, root)
        (root / "sheet.typ").write_bytes((HERE / "sheet.typ").read_bytes())
        png = typst.compile(
            str(root / "sheet.typ"), root=folder, format="png", ppi=72,
            font_paths=[str(faces.FOLDER), *facts.pair.folders], ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data)},
        )  # fmt: skip
    assert isinstance(png, bytes)
    with Image.open(io.BytesIO(png)) as image:
        small = io.BytesIO()
        image.convert("RGB").save(small, "PNG")
    return small.getvalue()


def _data(facts: _Facts, root: Path) -> dict[str, Any]:
    brand, roles, pair = facts.brand, facts.roles, facts.pair
    white, tint = (palette.scheme(name, roles) for name in ("white", "tint"))
    field, on_field = _field(roles)
    shots = []
    rest = max(1, len(facts.photos) - 1)
    for i, shot in enumerate(facts.photos):
        # As wide and high as its tile in sheet.typ.
        size = (470, 440) if i == 0 else ((1512 - 16 * (rest - 1)) // rest, 268)
        Image.fromarray(_cut(shot, *size)).save(root / f"photo-{i}.png")
        shots.append({"file": f"photo-{i}.png"})
    logos = []
    for i, (drawing, ground) in enumerate(zip(facts.logos, _grounds(roles), strict=True)):
        file, w = "", 0
        if drawing is not None:
            file = f"logo-{i}.png"
            Image.fromarray(drawing.rgba, "RGBA").save(root / file)
            h, w = drawing.rgba.shape[:2]
            w = round(w * min(1.0, 270 / w, (124 if drawing.plate else 104) / h))
        logos.append({"file": file, "w": w, "ground": ground, "ink": _inks(roles)[i]})
    sign = _settable(brand.name, pair) or _settable(brand.handle, pair) or "Brand"
    examples = [_settable(text, pair) for text in facts.examples]
    latin = brand.name.isascii()
    return {
        "kicker": f"@{brand.handle}" if brand.handle else "Brand sheet",
        "name": sign,
        "deep": not sign.isascii() and faces.direction(sign) == "rtl",
        "sign": sign,
        "niche": _settable(brand.niche[:1].upper() + brand.niche[1:], pair),
        "photos": shots,
        "faces": {
            role: _face(getattr(pair, role)) for role in ("display", "voice", "text", "strong")
        },
        "beside": ["Inter", "Noto Emoji", "Noto Naskh Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"],
        "colours": {
            "board": palette.tone(roles.paper, 0.93, 1.0), "card": white["ground"],
            "text": white["text"], "soft": white["soft"], "mark": white["mark"],
            "line": palette.mix(white["text"], white["ground"], 0.86),
            "line_strong": palette.mix(white["text"], white["ground"], 0.66),
            "field": field, "on_field": on_field,
            "tint": tint["ground"], "on_tint": tint["text"], "tint_soft": tint["soft"],
            "tint_mark": tint["mark"],
        },
        "swatches": [
            {
                "name": s.name, "colour": s.colour, "on": s.on,
                "pairs": [{"colour": c, "said": said} for c, said in s.pairs],
                "outlined": s.name == "Paper",
            }
            for s in facts.swatches
        ],
        "type": {
            "heading": f"{_family(pair.display)}, headings", "heading_said": "",
            "text": f"{_family(pair.text)}, small words",
            "alphabet": "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if pair.name == "poster"
            else "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz",
            "line": (line := _line(facts, pair)), "rtl": faces.direction(line) == "rtl",
            "strong_line": "Open Tuesday to Saturday" if latin else sign,
            "sample": _SAMPLE, "figures": "0123456789  € £ $  & ? !",
        },
        "logos": logos,
        "voice": {
            "name": _settable(facts.voice[0], pair), "said": facts.voice[1],
            "examples": [
                {"said": text, "rtl": faces.direction(text) == "rtl"} for text in examples if text
            ],
        },
        "rules": [
            {
                "name": r.name, "kind": r.kind, "items": [_settable(t, pair) for t in r.items],
                "said": _settable(r.items[0], pair),
            }
            for r in facts.rules
        ],
    }  # fmt: skip


def _face(face: faces.Face) -> dict[str, Any]:
    return {
        "family": face.family, "weight": face.weight, "style": face.style, "scale": face.scale,
        "tracking": face.tracking, "lead": face.lead, "cap": face.cap,
    }  # fmt: skip


def _line(facts: _Facts, pair: faces.Pair) -> str:
    """A short sentence of the brand's own, for the specimen."""
    for text in facts.examples:
        for sentence in _settable(text, pair).replace("!", ".").split(". "):
            words = sentence.strip(" .")
            if 12 <= len(words) <= 44 and faces.plain(words) == words:
                return words + ("" if words[-1:] in "?!" else ".")
    return "Made by hand, one at a time."


def _settable(words: str, pair: faces.Pair) -> str:
    """`words` on one line, without signs that no shipped font has."""
    known = faces.coverage(pair.text.file).union(
        *(faces.coverage(file) for file in _BESIDE if (faces.FOLDER / file).exists())
    )
    joined = " ".join(words.split())
    kept = "".join(c for c in joined if ord(c) in known or c == " ")
    return " ".join(kept.split())


_BESIDE = (
    "Inter-Regular.otf", "NotoEmoji-Medium.ttf", "NotoNaskhArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf", "NotoSansDevanagari-Regular.ttf",
)  # fmt: skip


# The page


def _html(facts: _Facts) -> str:
    brand, roles, pair = facts.brand, facts.roles, facts.pair
    field, on_field = _field(roles)
    tint = palette.scheme("tint", roles)
    fonts = {
        name: pages.inline((faces.FOLDER / face.file).read_bytes(), "font/otf")
        for name, face in (
            ("display", pair.display), ("voice", pair.voice), ("text", pair.text),
            ("strong", pair.strong),
        )
    }  # fmt: skip
    own = {
        "field": field, "on-field": on_field, "tint": tint["ground"], "on-tint": tint["text"],
        "tint-soft": tint["soft"], "tint-mark": tint["mark"],
    }  # fmt: skip
    style = " ".join(f"--{name}: {value};" for name, value in own.items())
    few = len(facts.photos) < 5
    sizes = [(760, 760), *[(640, 400) if few else (420, 420)] * len(facts.photos)]
    shots = [_shot(shot, *size) for shot, size in zip(facts.photos, sizes, strict=False)]
    rest = shots[1:]
    strip = f'<div class="photos{" few" if few else ""}">{"".join(rest)}</div>' if rest else ""
    handle = f'<p class="handle">@{escape(brand.handle)}</p>' if brand.handle else "<span></span>"
    niche = f"<p>{escape(brand.niche[:1].upper() + brand.niche[1:])}</p>" if brand.niche else ""
    large = f'<div class="shot large">{shots[0]}</div>' if shots else ""
    body = f"""<div class="page">
<header class="top"><span class="mark">{pages.avatar(brand)}{escape(brand.name)}</span>
<span class="quiet small">Brand sheet</span></header>
<main class="board" style="{style}">
<div class="name{"" if shots else " alone"}">{handle}<div><h1 class="display">{escape(brand.name)}</h1>{niche}</div></div>
{large}
{"".join(_field_html(swatch) for swatch in facts.swatches)}
{_type_html(facts)}
{_logos_html(facts)}
{_voice_html(facts)}
<div class="tile rules"><dl>{"".join(_rule_html(rule) for rule in facts.rules)}</dl></div>
{strip}
</main>
<footer class="foot small quiet"><span>From brand.toml and the library, made with Feedsmith.</span></footer>
</div>"""
    return pages.frame(f"{brand.name}: brand sheet", roles, fonts, "brand.css", body)


def _shot(shot: _Shot, width: int, height: int) -> str:
    data, size = pages.thumbnail(_cut(shot, width, height), width, height)
    return pages.picture(pages.inline(data, "image/webp"), size, shot.alt, lazy=False)


def _field_html(swatch: _Swatch) -> str:
    pairs = "".join(
        f'<li><i style="background: {colour}"></i>{escape(said)}</li>'
        for colour, said in swatch.pairs
    )
    outlined = " outlined" if swatch.name == "Paper" else ""
    return (
        f'<section class="swatch{outlined}" style="background: {swatch.colour}; color: {swatch.on}">'
        f'<div><h2 class="display">{swatch.name}</h2><p class="hex">{swatch.colour}</p></div>'
        f"<ul>{pairs}</ul></section>\n"
    )


def _type_html(facts: _Facts) -> str:
    pair = facts.pair
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    small = "" if pair.name == "poster" else f"<br>{letters.lower()}"
    return f"""<section class="tile heading"><p class="quietly">{escape(_family(pair.display))}, headings</p>
<div class="big" aria-hidden="true"><span class="aa">Aa</span><span class="line">{escape(_line(facts, pair))}</span></div>
<p class="abc" aria-hidden="true">{letters}{small}</p></section>
<section class="tile small-type"><p class="quietly">{escape(_family(pair.text))}, small words</p>
<div><b>Open Tuesday to Saturday</b><p>{_SAMPLE}</p><p class="figures">0123456789 € £ $ &amp; ? !</p></div></section>"""


def _family(face: faces.Face) -> str:
    """Its name for people; the user's own fonts are known by their file."""
    return Path(face.file).stem if Path(face.file).is_absolute() else face.family


def _logos_html(facts: _Facts) -> str:
    cells = []
    for drawing, ground, ink, where in zip(
        facts.logos, _grounds(facts.roles), _inks(facts.roles), ("light", "dark"), strict=True
    ):
        inside = escape(facts.brand.name)
        if drawing is not None:
            out = io.BytesIO()
            Image.fromarray(drawing.rgba, "RGBA").save(out, "PNG", optimize=True)
            h, w = drawing.rgba.shape[:2]
            alt = f"Logo of {facts.brand.name} on {where}"
            inside = pages.picture(
                pages.inline(out.getvalue(), "image/png"), (w, h), alt, lazy=False
            )
        edge = "; box-shadow: inset 0 0 0 1px rgb(128 128 128 / .2)"
        cells.append(f'<div style="background: {ground}; color: {ink}{edge}">{inside}</div>')
    return f'<section class="logos" aria-label="Logo">{"".join(cells)}</section>'


def _voice_html(facts: _Facts) -> str:
    name, said = facts.voice
    means = f'<p class="means">{escape(said)}</p>' if said else ""
    examples = "".join(f"<blockquote>{escape(text)}</blockquote>" for text in facts.examples)
    return f"""<section class="voice-tile"><p class="quietly">Voice</p>
<h2 class="display">{escape(name)}</h2>{means}{examples}</section>"""


def _rule_html(rule: _Rule) -> str:
    if rule.kind == "chips":
        inside = "".join(f'<li class="chip">{escape(item)}</li>' for item in rule.items)
        inside = f'<ul class="chips">{inside}</ul>'
    elif rule.kind == "struck":
        inside = ", ".join(f"<del>{escape(item)}</del>" for item in rule.items)
    else:
        inside = escape(rule.items[0])
    return f"<div><dt>{escape(rule.name)}</dt><dd>{inside}</dd></div>"
