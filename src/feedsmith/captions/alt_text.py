"""Alt text: one plain sentence of what is in a picture, for people who do not see it.

Built from the picture's keywords by where things usually are (sky above, water beside, leaves on
branches); in other languages than English a list of them. Knows the words of nouns.txt; knows no
brand and no caption. No marketing, no "image of".
"""

import re
from collections.abc import Sequence

from feedsmith import rules
from feedsmith.captions import words
from feedsmith.captions.tongues.tongue import Tongue, speak
from feedsmith.captions.words import Noun, read, sentence_case, stem, with_article

_ON = {"shore", "sand", "furniture", "branch", "path", "bridge", "cloth"}
_IN = {
    "desert",
    "forest",
    "field",
    "room",
    "vessel",
    "garden",
    "harbour",
    "window",
    "bag",
    "mist",
    "grass",
}
_BY = {
    "lake", "sea", "stream", "waterfall", "water", "path", "fence", "wall", "building", "boat",
    "bridge", "wave", "harbour", "door", "bench", "lamp", "candle",
}  # fmt: skip
_ABOVE = {"sky", "cloud", "star"}
_BEHIND = {"mountain", "hill", "canyon", "cliff", "forest", "building", "island"}
_LIGHT = {"sunset", "sun", "mist", "rain", "shade", "snow"}
_PARTS = {"leaf", "branch", "bark", "bud", "flower", "seed", "canopy", "fruit", "spine", "litter"}
_WHOLE = {"tree", "plant", "cactus", "flower"}
_GENERIC = {"flower", "leaf", "tree", "fruit", "seed", "branch", "petal"}
_DARK = re.compile(r"\b(dark|green|blurred|grey|gray|white|black|plain|pale|bright) background\b")


def describe(
    shows: Sequence[str],
    *,
    kind: str = "photo",
    method: str = "",
    text_on_picture: str = "",
    past: Sequence[str] = (),
    light: Sequence[str] = (),
    fallback: str = "",
    name: str = "",
    beside: Sequence[Sequence[str]] = (),
    language: str = "",
    walked: bool = False,
) -> str:
    """One sentence, at most rules.ALT_TEXT_MAX characters, ending with a full stop.

    `past` are alt texts of the photos it was made from: where the picture is still one of them
    (crop, extend, relight, layout) the first is taken over. `method` names how it was made.
    `fallback` names what is shown where no keyword does, e.g. the brand's subjects; `name` is that
    of a product, which says what it shows better than keywords do. `beside` are the keywords of
    a collage's further pictures. `language` is the brand's (see captions.tongues). `walked`: a walk through
    what a generator draws is seen (film.walk), which is dots, and never the things themselves.
    """
    still = method in ("crop", "extend", "relight", "layout", "edited") and len(past) == 1
    kept = " ".join(past[0].split()) if still else ""
    kept = "" if _boast(kept) else kept
    tongue = speak(language)
    if walked:
        return _short(_said_over(_walk(shows, tongue), text_on_picture, kind, tongue))
    if tongue is not None:
        return _short(_in(tongue, shows, beside, kind, kept, text_on_picture, fallback, name))
    if kind == "product" and name.strip():
        return _short(_product(" ".join(name.split()), text_on_picture))
    if kind == "collage":
        sentence = _collage(shows, beside) or _sentence(shows, light, fallback)
    else:
        sentence = kept or _sentence(shows, light, fallback)
    if not sentence.endswith((".", "!", "?")):
        sentence += "."
    return _short(_said_over(sentence, text_on_picture, kind))


def _said_over(sentence: str, text: str, kind: str, tongue: Tongue | None = None) -> str:
    """The sentence with the words that stand on the picture before it, where both are not too long."""
    said = " ".join(text.split()).strip(' "“”')
    if not said or len(sentence) + len(said) >= 400:
        return sentence
    if tongue is not None:
        return tongue.alt("over").format(said=said, sentence=sentence)
    lead = f"The words “{said}” over " if kind not in ("story", "reel") else f"“{said}” set over "
    return lead + _small(sentence)


def by(brand: str, language: str = "") -> str:
    """What is said of a picture of which nothing else is known."""
    tongue = speak(language)
    return tongue.alt("by").format(brand=brand) if tongue else f"a photograph by {brand}"


def _in(
    tongue: Tongue,
    shows: Sequence[str],
    beside: Sequence[Sequence[str]],
    kind: str,
    kept: str,
    text_on_picture: str,
    fallback: str,
    name: str,
) -> str:
    """The same in another language: what is seen, one after the other. Places would need each
    noun's own preposition ("an der Küste", "auf dem Ast"); a list is plain and right."""
    said = " ".join(text_on_picture.split()).strip(' "“”')
    name = " ".join(name.split())
    if kind == "product" and name:
        said = said.replace(name, "").strip(" /,·|")
        return tongue.alt("product").format(name=name, said=said) if said else f"{name}."
    seen: Sequence[str] = shows
    if kind == "collage" and beside:
        mains = (_main(picture) for picture in (shows, *beside))
        seen = [noun.text for noun in mains if noun is not None]
    nouns = [noun for noun in (read(word) for word in seen) if words.nameable(noun)]
    first = _main(seen)
    nouns.sort(key=lambda noun: first is None or noun.text != first.text)
    things = tongue.listed(_distinct(nouns)[:5])
    if kind == "collage" and things:
        return tongue.alt("several").format(things=things)
    things = kept.rstrip(".") or things or fallback.strip() or tongue.alt("nothing")
    if said and len(things) + len(said) < 400:
        return tongue.alt("text").format(said=said, things=things)
    return f"{sentence_case(things)}."


def _product(name: str, text_on_picture: str) -> str:
    """The product by its name; what else is written beside it, once."""
    said = " ".join(text_on_picture.split()).strip(' "“”')
    said = said.replace(name, "").strip(" /,·|")
    said = re.sub(r"\s*/\s*(?:/\s*)+", " / ", said)
    name = name.rstrip(".")
    return f"{name}, with the words “{said}” beside it." if said else f"{name}."


def _walk(shows: Sequence[str], tongue: Tongue | None) -> str:
    """What is seen of a walk through a generator."""
    nouns = [noun for noun in (read(word) for word in shows) if words.nameable(noun)]
    nouns = _distinct(nouns)[:2]
    if tongue is not None:
        things = tongue.listed(nouns)
        return tongue.alt("walk").format(things=things) if things else tongue.alt("dots")
    seen = [with_article(noun) for noun in nouns]
    after = f", drawn after photographs of {_list(seen)}" if seen else ""
    return f"A field of coloured dots in motion{after}."


def _collage(shows: Sequence[str], beside: Sequence[Sequence[str]]) -> str:
    """Several pictures side by side: what is in them, without a place for each."""
    if beside:
        mains = [noun for picture in (shows, *beside) if (noun := _main(picture)) is not None]
        kept: dict[str, Noun] = {}
        for noun in mains:
            kept.setdefault(noun.text.lower(), noun)
        seen = [with_article(noun) for noun in kept.values()]
        return f"Several photographs side by side: {_list(seen)}." if seen else ""
    nouns = [noun for noun in (read(word) for word in shows) if words.nameable(noun)]
    seen = [with_article(noun) for noun in _distinct(nouns)[:4]]
    return f"Several photographs side by side: {_list(seen)}." if seen else ""


def _main(shows: Sequence[str]) -> Noun | None:
    """The one thing a picture is called by; None where its keywords name none."""
    nouns = [noun for noun in (read(word) for word in shows) if words.nameable(noun)]
    known = [noun for noun in nouns if noun.known]
    return next(
        (noun for noun in known if noun.type not in (*_ABOVE, *_LIGHT)),
        nouns[0] if nouns else None,
    )


def _sentence(shows: Sequence[str], light: Sequence[str], fallback: str) -> str:
    nouns = [noun for noun in (read(word) for word in shows) if words.nameable(noun)]
    nouns = _distinct(nouns)
    if not nouns:
        backdrop = next((m[0] for word in shows if (m := _DARK.search(word.lower()))), "")
        plain = fallback.strip() or (f"a {backdrop}" if backdrop else "")
        return f"{sentence_case(plain)}." if plain else "A photograph without further description."
    known = [noun for noun in nouns if noun.known]
    subject = next((noun for noun in known if noun.type not in (*_ABOVE, *_LIGHT)), nouns[0])
    rest = [noun for noun in nouns if noun is not subject]
    parts: list[Noun] = []
    around: dict[str, list[Noun]] = {}
    for noun in rest:
        place = _place(noun, subject)
        if place == "with":
            parts.append(noun)
        elif place:
            around.setdefault(place, []).append(noun)
    text = with_article(subject)
    if parts:
        text += " with " + _list([with_article(noun) for noun in parts[:3]])
    said = 0
    for place in ("on", "in", "beside", "towards", "in front of", "under", "at"):
        here = around.get(place, [])[: 2 if place == "in front of" else 1]
        if here and (said < 2 or place in ("under", "at")):
            text += f" {place} " + _list([_placed(noun, place) for noun in here])
            said += 1
    for noun in (around.get("behind") or [])[:1]:
        text += f", with {with_article(noun)} behind"
    backdrop = next((m[0] for word in shows if (m := _DARK.search(word.lower()))), "")
    if backdrop:
        text += f" against {words.article(backdrop)} {backdrop}"
    glow = [
        word for word in light if stem(word.split()[-1]) in ("light", "mist", "fog", "sun", "snow")
    ]
    if glow and stem(glow[0].split()[-1]) not in text:
        text += f" in {glow[0].lower()}"
    return sentence_case(text) + "."


def _place(noun: Noun, subject: Noun) -> str:
    """The preposition that puts `noun` beside the subject; '' to leave it out."""
    small = subject.types & (_PARTS | {"bird", "insect"})
    if noun.type in _ABOVE:
        return "under" if subject.type not in _ABOVE else "with"
    if noun.type == "sunset":
        return "at"
    if small and noun.types & {"branch", "conifer", "tree"} and noun.type != subject.type:
        return "on"
    if subject.types & {"bird", "insect"} and noun.types & {"flower", "rock", "leaf"}:
        return "on"
    if noun.type == subject.type and stem(noun.words[-1]) in _GENERIC:
        return ""
    if noun.types & _PARTS and subject.types & (_WHOLE | _PARTS) and noun.type != subject.type:
        return "with"
    if noun.type == subject.type or noun.types & subject.types & {"sea", "tree"}:
        return "with"
    if subject.type == "wave" and noun.type == "rock":
        return "on"
    if noun.type in _BEHIND:
        return "towards" if subject.type == "path" else "in front of"
    if noun.type == "field" and small & _PARTS - {"flower"}:
        return "behind"
    if noun.type in _ON and noun.type not in ("path", "bridge"):
        return "beside" if noun.type == "shore" and subject.type == "cliff" else "on"
    if noun.type in _IN:
        return "on" if noun.words[-1] == "lawn" else "in"
    if noun.type in _BY:
        return "beside"
    if noun.type in ("snow", "mist", "rain"):
        return "in" if noun.number == "mass" else "with"
    if noun.type in ("shade", "wind", "sun", "water", "light"):
        return "in" if noun.number == "mass" else ""
    return "with"


def _placed(noun: Noun, place: str) -> str:
    if noun.text in ("sea", "ocean", "beach", "shore", "coast"):
        return f"the {noun.text}"
    if place == "at" and noun.text in ("setting sun", "low sun", "evening sky", "golden hour"):
        return "sunset" if noun.text != "golden hour" else "golden hour"
    if place == "at" and noun.words[-1] in ("sunset", "sunrise", "dusk", "dawn"):
        return noun.text
    return with_article(noun)


def _distinct(nouns: Sequence[Noun]) -> list[Noun]:
    kept: list[Noun] = []
    for noun in nouns:
        own = {stem(word) for word in noun.words if word not in words.MODIFIERS}
        if not any(own & {stem(w) for w in other.words} for other in kept):
            kept.append(noun)
    return kept[:6]


def _list(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _small(sentence: str) -> str:
    first = sentence.split(" ", 1)[0]
    return sentence if first.lower() in words.PROPER else sentence[:1].lower() + sentence[1:]


def _boast(text: str) -> bool:
    """Past texts that are captions rather than descriptions are not taken over."""
    return (
        bool(re.search(r"[#@!?]|https?:|\b(?:image|photo|picture) of\b", text)) or len(text) > 300
    )


def _short(text: str) -> str:
    if len(text) <= rules.ALT_TEXT_MAX:
        return text
    return text[: rules.ALT_TEXT_MAX - 1].rsplit(" ", 1)[0].rstrip(",;") + "…"
