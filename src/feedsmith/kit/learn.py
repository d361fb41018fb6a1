"""Learning a brand's settings from its library: what it looks like, says and tags.

Only what is empty in brand.toml is filled, so a person's word always stands; each proposal says why
and how sure it is. Knows library, traits, habits and the settings file; draws nothing.
"""

import contextlib
import hashlib
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
import tomlkit
from pydantic import Field
from tomlkit.items import Array, Table

from feedsmith import rules
from feedsmith.brand import VOICES, Brand, Home, Palette, checked
from feedsmith.captions import words
from feedsmith.captions.tongues import detect, names
from feedsmith.design import palette as design
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_json, write_text
from feedsmith.kit import likeness, typefaces
from feedsmith.library import Library
from feedsmith.post import PastPost, Photo, Value
from feedsmith.progress import Report, silent
from feedsmith.understanding import habits, keywords, palette, traits
from feedsmith.understanding.habits import EMOJI, Habits
from feedsmith.understanding.traits import Traits

Setting = str | int | tuple[str, ...]

SURE = 0.5
"""Confidence from which a proposal is written; the others are only told."""
POSTS_MIN = 5
"""Captions with words from which habits are counted."""
LOOKED_AT = 160
"""Photos whose colours are weighed, evenly over the library; more change no colour by a shade."""
COLOURS = 1
"""Version of the weighing: raised when the same photos would give other colours."""
ALWAYS = 0.7
"""A hashtag on more than this share of the tagged posts is one of the brand's."""


class Learned(Value):
    """One setting, as the library tells it."""

    setting: str
    """As in brand.toml, e.g. "palette.accent"."""
    value: Setting
    reason: str
    """One line, for a person."""
    confidence: float = Field(ge=0, le=1)

    @property
    def shown(self) -> str:
        """The value on one line."""
        if isinstance(self.value, tuple):
            return ", ".join(self.value)
        return str(self.value)


class Proposal(Value):
    """What a library tells of its brand."""

    brand: Brand
    """The brand with everything filled in that is sure enough."""
    filled: tuple[Learned, ...] = ()
    """Empty settings that are now, or would be, filled."""
    unsure: tuple[Learned, ...] = ()
    """Empty settings with a guess too weak to write."""
    differs: tuple[Learned, ...] = ()
    """What a person wrote that the library speaks against; never touched."""
    untold: tuple[tuple[str, str], ...] = ()
    """(setting, why the library does not tell it), for those still empty."""
    notes: tuple[str, ...] = ()
    """What a person should know, one sentence each."""
    written: bool = False
    """True where brand.toml was changed."""


def learn(home: Home, *, write: bool = False, report: Report = silent) -> Proposal:
    """Propose what is empty in the brand's brand.toml; with `write`, put it there.

    Comments and order of the file are kept, and the file is replaced whole. Doing it twice
    is doing it once. Raises FeedsmithError when brand.toml is missing or wrong or cannot be
    written; photos that cannot be read are left out and told to `report`.
    """
    brand = home.load()
    library = Library(home.library)
    known = traits.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    posts = library.posts()
    past = habits.study(posts, known, brand, traits.embeddings(library))
    found, untold, notes = _told(brand, library, posts, known, past, report)

    given = tomllib.loads(home.brand_file.read_text("utf-8-sig"))
    empty = {item.setting for item in found if _at(given, item.setting) in (None, "", [])}
    filled = tuple(i for i in found if i.setting in empty and i.confidence >= SURE)
    proposal = Proposal(
        brand=_with(brand, filled),
        filled=filled,
        unsure=tuple(i for i in found if i.setting in empty and i.confidence < SURE),
        differs=tuple(
            i for i in found
            if i.setting in ("language", "voice") and i.setting not in empty
            and i.confidence >= 0.7 and not _says(_at(given, i.setting), i.value)
        ),
        untold=tuple((s, why) for s, why in untold if _at(given, s) in (None, "", [])),
        notes=notes,
    )  # fmt: skip
    if not write or not filled:
        return proposal
    text = _rewritten(home.brand_file.read_text("utf-8-sig"), filled)
    checked(tomllib.loads(text), str(home.brand_file))
    write_text(home.brand_file, text)
    return proposal.model_copy(update={"written": True})


def _told(
    brand: Brand,
    library: Library,
    posts: Sequence[PastPost],
    known: Mapping[str, Traits],
    past: Habits,
    report: Report,
) -> tuple[list[Learned], list[tuple[str, str]], tuple[str, ...]]:
    """Everything the library tells: (settings, settings it does not tell, notes)."""
    texts = [post.text.strip() for post in posts if post.text.strip()]
    found: list[Learned] = []
    untold: list[tuple[str, str]] = []
    notes: list[str] = []

    language = detect.of(texts)
    spoken = brand.language
    if language.code and language.counted >= 3:
        spoken = language.code
        name = detect.NAMES[language.code]
        sure = language.share * min(1.0, 0.5 + language.counted / 20)
        found.append(
            Learned(
                setting="language", value=language.code, confidence=round(sure, 2),
                reason=f"{language.share:.0%} of {language.counted} captions are {name}",
            )
        )  # fmt: skip
        if not names.spoken(language.code).code:
            notes.append(
                f"Your captions are {name}; captions are not written in it yet, English ones instead."
            )
    else:
        untold.append(("language", "too few captions to tell"))

    if spoken == "en" and len(texts) >= 3:
        found += _manner(posts, texts)
    else:
        why = "too few captions to tell" if spoken == "en" else "only English captions are judged"
        untold += [("niche", why), ("voice", why)]
    subjects = _subjects(known)
    if subjects is not None:
        found.append(subjects)
    else:
        untold.append(("subjects", "no word is found in more than one photo"))
    if len(texts) >= POSTS_MIN:
        found += _habits(texts)
        found.append(_examples(texts, past))
    else:
        untold += [(s, f"fewer than {POSTS_MIN} captions") for s in ("voice_examples", "emoji_max")]
    found += _tags(posts, past)
    if not any(item.setting == "hashtags.limit" for item in found):
        untold.append(("hashtags.limit", "too few posts with hashtags"))

    photos = library.photos()
    found += _colours(brand.palette, library, known, posts, report)
    if not known:
        untold.append(("palette.accent", "no photo in the library yet"))
    heard = next((item.shown for item in found if item.setting == "voice"), "")
    voice = brand.voice if "voice" in brand.model_fields_set else heard
    if not brand.fonts.heading:
        pair, reason, sure = typefaces.choose(brand.name, voice)
        found.append(Learned(setting="fonts.pair", value=pair, reason=reason, confidence=sure))
    named = Counter(photo.credit.text for photo in photos if photo.credit is not None)
    if named:
        credit, most = min(named.items(), key=lambda pair: (-pair[1], pair[0]))
        if most >= 3:
            found.append(
                Learned(
                    setting="default_credit", value=credit,
                    reason=f"{most} of {len(photos)} photos carry it",
                    confidence=round(most / len(photos), 2),
                )
            )  # fmt: skip
    untold.append(("time_zone", "photos and posts do not say where you are"))
    return found, untold, tuple(notes)


def _manner(posts: Sequence[PastPost], texts: Sequence[str]) -> list[Learned]:
    """Niche and voice, by likeness to captions whose niche and voice are known."""
    found = []
    tagged = [" ".join([post.text, *post.hashtags]) for post in posts if post.text.strip()]
    enough = min(1.0, 0.4 + len(texts) / 15)
    niche = likeness.niche(tagged)
    if niche.label:
        found.append(
            Learned(
                setting="niche", value=niche.label.removeprefix("local services: "),
                reason=f"{niche.share:.0%} of what {len(tagged)} captions say is said of this trade",
                confidence=round(enough * min(1.0, 0.35 + 2 * niche.lead), 2),
            )
        )  # fmt: skip
    voice = likeness.voice(texts)
    if voice.label:
        found.append(
            Learned(
                setting="voice", value=voice.label,
                reason=f"nearest of {len(VOICES)} voices in length, small words and marks",
                # Measured on captions held out, ten at a time: right 96 % from a lead of .1 on.
                confidence=round(enough * min(0.95, 0.4 + 4.5 * voice.lead), 2),
            )
        )  # fmt: skip
    return found


def _subjects(known: Mapping[str, Traits]) -> Learned | None:
    """The things most photos show, as one would write them in a list."""
    seen: dict[str, Counter[str]] = {}
    for trait in known.values():
        heads = set()
        for word in trait.words:
            if word.origin == "colours" or word.kind in ("colour", "look", "light", "text"):
                continue
            said = word.word.replace("-", " ").split()[-1]
            if len(said) < 3:
                continue
            head = (keywords.singulars(said) or [said])[-1]
            seen.setdefault(head, Counter())[said] += 1
            heads.add(head)
        for head in heads:
            seen[head]["\0photos"] += 1
    least = 2 if len(known) >= 5 else 1
    ranked = sorted(
        ((bag.pop("\0photos"), head) for head, bag in seen.items()), key=lambda p: (-p[0], p[1])
    )
    top = [(count, head) for count, head in ranked if count >= least][:6]
    if not top:
        return None
    names = tuple(_many(head, seen[head]) for _, head in top)
    share = top[0][0] / len(known)
    return Learned(
        setting="subjects", value=names,
        reason=f"named with the most photos: {names[0]} with {top[0][0]} of {len(known)}",
        confidence=round(min(0.9, 0.45 + 0.1 * len(top) + share), 2),
    )  # fmt: skip


def _many(head: str, forms: Mapping[str, int]) -> str:
    """ "pine" -> "pines", "leaf" -> "leaves"; things that are not counted stay as they are."""
    plural = next((form for form in sorted(forms) if form != head), "")
    noun = words.read(head)
    if noun.number == "mass":
        return head
    return plural or words.plural(head)


def _habits(texts: Sequence[str]) -> list[Learned]:
    counts = sorted(len(EMOJI.findall(text)) for text in texts)
    most = min(10, counts[min(len(counts) - 1, math.ceil(0.9 * len(counts)) - 1)])
    with_some = sum(n > 0 for n in counts)
    return [
        Learned(
            setting="emoji_max", value=most,
            reason=f"{with_some} of {len(texts)} captions have emoji, nine in ten at most {most}",
            confidence=round(min(0.95, 0.5 + len(texts) / 60), 2),
        )
    ]  # fmt: skip


def _examples(texts: Sequence[str], past: Habits) -> Learned:
    """Three captions that are most like the rest: in words (habits.voice), length and emoji, and
    without prices, hours or dates, which belong to their day."""
    middle = median(len(text) for text in texts)
    usual = past.emoji

    def odd(text: str) -> float:
        length = abs(math.log(max(len(text), 1) / max(middle, 1)))
        emoji = abs(len(EMOJI.findall(text)) - usual)
        return length + 0.3 * emoji + (1.0 if re.search(r"\d|https?:|@", text) else 0.0)

    chosen = sorted(past.voice, key=lambda text: (odd(text), text))[:3]
    return Learned(
        setting="voice_examples", value=tuple(" ".join(text.split()) for text in chosen),
        reason=f"the most typical of {len(texts)} in words and length ({middle:.0f} characters)",
        confidence=round(min(0.9, 0.5 + len(texts) / 50), 2),
    )  # fmt: skip


def _tags(posts: Sequence[PastPost], past: Habits) -> list[Learned]:
    tagged = [post for post in posts if post.hashtags]
    if len(tagged) < POSTS_MIN:
        return []
    sure = round(min(0.95, 0.5 + len(tagged) / 60), 2)
    always = sorted(
        (use for use in past.hashtags if use.share > ALWAYS), key=lambda u: (-u.share, u.tag)
    )
    usual = round(past.hashtags_per_post)
    limit = max(1, min(usual, rules.HASHTAGS_DEFAULT))
    cut = f"; the app takes {rules.HASHTAGS_DEFAULT}" if usual > limit else ""
    found = [
        Learned(
            setting="hashtags.limit", value=limit, confidence=sure,
            reason=f"usually {usual} on a post{cut}",
        )
    ]  # fmt: skip
    if always:
        kept = always[: max(1, limit - 1)]  # room for one that speaks of the picture
        shares = ", ".join(f"#{use.tag} on {use.share:.0%}" for use in kept)
        found.append(
            Learned(
                setting="hashtags.always", value=tuple(use.tag for use in kept), confidence=sure,
                reason=f"{shares} of {len(tagged)} posts with hashtags",
            )
        )  # fmt: skip
    return found


def roles(
    own: Palette,
    library: Library,
    known: Mapping[str, Traits],
    posts: Sequence[PastPost],
    report: Report = silent,
) -> tuple[Palette, palette.Accents, int]:
    """The four colours of a brand: (complete palette, what was found, photos weighed).

    Accents from what the eye goes to in the photos (those it posted, where there are posts), paper
    and ink to suit; what `own` names stays.
    """
    shown = {key for post in posts for key in post.photos}
    usable = [p for p in library.photos() if p.id in known]
    usable = [p for p in usable if p.id in shown] or usable
    picked = [usable[int(i)] for i in np.linspace(0, len(usable) - 1, min(len(usable), LOOKED_AT))]
    accents, weighed = _weighed(library, picked, report)
    first, second = accents.first, accents.second
    if own.accent and not own.accent_2 and second:  # beside the person's own, the other one
        mine = design.lab(own.accent)
        second = max((first, second), key=lambda c: float(np.linalg.norm(design.lab(c) - mine)))
    asked = {"accent": own.accent or first, "accent_2": own.accent_2 or second}
    return design.complete(own.model_copy(update=asked)), accents, weighed


def _weighed(
    library: Library, picked: Sequence[Photo], report: Report
) -> tuple[palette.Accents, int]:
    """The accents of these photos, and how many could be read; kept in the library's accents.json,
    because weighing costs 20 ms a photo and every run asks for it."""
    names = " ".join([str(COLOURS), *(photo.id for photo in picked)])
    of = hashlib.sha256(names.encode()).hexdigest()[:16]
    kept = library.root / "accents.json"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(kept.read_text("utf-8"))
        if found["of"] == of:
            return palette.Accents(**found["accents"]), int(found["weighed"])
    swatches = []
    for at, photo in enumerate(picked, 1):
        try:
            rgb = library.rgb(photo, 128)
        except FeedsmithError as error:
            report("Weighing colours", at, len(picked), error.message)
            continue
        drawn = traits.saliency(library, photo.id)
        attention = None if drawn is None else np.asarray(0.2 + 0.8 * drawn, np.float32)
        swatches.append(palette.swatches(rgb, 6, attention))
        report("Weighing colours", at, len(picked))
    accents = palette.accents(swatches)
    write_json(kept, {"of": of, "accents": accents._asdict(), "weighed": len(swatches)})
    return accents, len(swatches)


def _colours(
    own: Palette,
    library: Library,
    known: Mapping[str, Traits],
    posts: Sequence[PastPost],
    report: Report,
) -> list[Learned]:
    whole, accents, count = roles(own, library, known, posts, report)
    if not count:
        return []
    sure = round(
        min(1.0, 0.7 + count / 60) * (0.75 if accents.quiet else 0.6 + accents.seen / 2.5), 2
    )
    of_accent = (
        f"no colour stands out in {count} photos: a grey of their own"
        if accents.quiet
        else f"the strongest hue; what the eye goes to shows it in {accents.seen:.0%} of {count} photos"
    )
    reasons = {
        "paper": (whole.paper, "nearly white, with a trace of the accent"),
        "ink": (whole.ink, "nearly black, with a trace of the accent"),
        "accent": (whole.accent, of_accent),
        "accent_2": (whole.accent_2, "the strongest hue well away from the accent"
                     if not accents.quiet else "a lighter grey of the photos"),
    }  # fmt: skip
    return [
        Learned(setting=f"palette.{role}", value=value, reason=why, confidence=min(sure, 0.95))
        for role, (value, why) in reasons.items()
    ]


def _at(given: Mapping[str, Any], setting: str) -> Any:
    """The value in a parsed file; None where there is none."""
    value: Any = given
    for part in setting.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _says(written: object, learned: Setting) -> bool:
    return str(learned).casefold() in str(written).casefold()


def _with(brand: Brand, filled: Sequence[Learned]) -> Brand:
    data = brand.model_dump(exclude_unset=True)
    for item in filled:
        table, _, name = item.setting.rpartition(".")
        (data.setdefault(table, {}) if table else data)[name] = item.value
    return checked(data)


def _rewritten(text: str, filled: Sequence[Learned]) -> str:
    """The settings file with `filled` put in; a default that stood there as a comment gives place."""
    for item in filled:
        text = _uncommented(text, item.setting)
    document = tomlkit.parse(text)
    for item in filled:
        table, _, name = item.setting.rpartition(".")
        if table and table not in document:
            document.add(table, tomlkit.table())
        place = document[table] if table else document
        assert isinstance(place, Table | tomlkit.TOMLDocument)
        value = _written(item.value)
        if name in place or table:
            place[name] = value
        else:
            document.add(name, value)
    return tomlkit.dumps(document)


def _uncommented(text: str, setting: str) -> str:
    """`# voice = "warm"` becomes a setting, in its own section only."""
    table, _, name = setting.rpartition(".")
    lines = text.splitlines(keepends=True)
    section = ""
    for at, line in enumerate(lines):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            section = header[1]
        if section == table and re.match(rf"#\s*{name}\s*=\s*\S", line):
            lines[at] = line.lstrip("# ")
            break
    return "".join(lines)


def _written(value: Setting) -> Any:
    if not isinstance(value, tuple):
        return value
    array: Array = tomlkit.array()
    array.extend(value)
    return array.multiline(any(len(item) > 40 for item in value))
