"""Which language captions are written in: scripts, and the small words of 14 languages.

Counting, no model: small words make up a third of running text. Honest rather than clever: too
little text, or two languages side by side, is "not sure".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
    "pt": "Portuguese", "nl": "Dutch", "da": "Danish", "sv": "Swedish", "nb": "Norwegian",
    "fi": "Finnish", "pl": "Polish", "cs": "Czech", "tr": "Turkish", "ja": "Japanese",
    "ko": "Korean", "zh": "Chinese", "ar": "Arabic", "he": "Hebrew", "el": "Greek", "th": "Thai",
    "hi": "Hindi", "ru": "Russian", "uk": "Ukrainian",
}  # fmt: skip
"""ISO 639-1 code -> English name, of those that can be told."""

_SMALL = {
    "en": "the and of to is in it you for with on this that are was our we your at be have from not but what when as an a",
    "de": "der die das und ist nicht ein eine mit für auf den im wir ihr euch uns auch von zu es sich aber noch wie sind bei am",
    "fr": "le la les et des est une un pour dans vous nous avec sur qui pas au ce cette du en que sont plus mais à notre",
    "es": "el la los las y de en un una que es por con para del no se al más muy nuestro nuestra como está lo pero son",
    "it": "il la che di è e un una per con non del della sono gli le i nel anche più al da questo noi ma ci alla",
    "pt": "o a os as e de do da que um uma em para com não no na por mais é se nosso nossa você são mas ao dos",
    "nl": "de het een en van is dat niet in op met voor zijn je we ons ook aan er te maar bij nog naar wat als dit",
    "da": "og det en er til på at for med den ikke vi af der har som jeg et de så men også fra kan hos lidt",
    "sv": "och det är en att på för med som vi inte den av till har ett så men om från kan era våra hos lite du",
    "nb": "og det er en på til for med ikke vi som har den av at et så men om fra kan oss dere litt hos også jeg",
    "fi": "ja on ei se että en oli hän mutta kun niin myös meidän tämä jos vain voi ovat kanssa ole nyt mitä teidän",
    "pl": "i w na z się nie do to jest że jak za po od dla ale czy są nasze tak już o przez co tylko bardzo",
    "cs": "a je se na v že to s z do i o jsou pro jako ale za by jsme také nebo má které jen už po u",
    "tr": "ve bir bu için ile da de çok ama gibi daha en ne kadar var olarak biz sizin her o mi değil",
}  # fmt: skip
_WORDS = {language: frozenset(words.split()) for language, words in _SMALL.items()}
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh", "ARABIC": "ar",
    "HEBREW": "he", "GREEK": "el", "THAI": "th", "DEVANAGARI": "hi", "CYRILLIC": "ru",
}  # fmt: skip


_CODES = {name.lower(): code for code, name in NAMES.items()}


def code(language: str) -> str:
    """ISO 639-1 code of a language as people write it: "de-AT", "German", "de"; '' is English."""
    first = re.split(r"[-_ ]", language.strip().lower())[0] or "en"
    return {"eng": "en"}.get(first, _CODES.get(first, first))


class Found(NamedTuple):
    code: str
    """ISO 639-1; "" where it cannot be told."""
    share: float
    """Of the captions that say enough, 0..1."""
    counted: int
    """Captions that say enough."""


def of(texts: Sequence[str]) -> Found:
    """The language most captions are written in."""
    votes = Counter(code for text in texts if (code := of_one(text)))
    counted = sum(votes.values())
    if not counted:
        return Found("", 0.0, 0)
    code, most = min(votes.items(), key=lambda pair: (-pair[1], pair[0]))
    return Found(code, round(most / counted, 3), counted)


def other_than(asked: str, text: str) -> bool:
    """Whether one text is clearly in another language than `asked`, an ISO 639-1 code.

    Its small words must be less than half as many as those of the one it looks like. Of 6,324 English
    captions and sentences 44 look like something else by `of_one`, mostly Czech for their "s"; by
    this 5.
    """
    found = of_one(text)
    if found in ("", asked) or asked not in NAMES:
        return False
    words = re.findall(r"[^\W\d_]+", text.lower())
    own, other = (sum(w in _WORDS.get(code, frozenset()) for w in words) for code in (asked, found))
    return 2 * own < other or not other


def of_one(text: str) -> str:
    """The language of one text; "" where it says too little or could be two."""
    letters = Counter(
        unicodedata.name(c, "?").split()[0].split("-")[0] for c in text if c.isalpha()
    )
    total = sum(letters.values())
    if total < 8:
        return ""
    kana = letters["HIRAGANA"] + letters["KATAKANA"]
    if kana > 0.1 * total:
        return "ja"
    script = max(letters, key=lambda name: (letters[name], name))
    if script != "LATIN":
        if letters[script] < 0.6 * total:
            return ""
        if script == "CYRILLIC" and re.search("[іїєґІЇЄҐ]", text):
            return "uk"
        return _SCRIPTS.get(script, "")
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < 4:
        return ""
    scores = sorted(
        ((sum(w in small for w in words), code) for code, small in _WORDS.items()),
        key=lambda pair: (-pair[0], pair[1]),
    )
    (best, code), (second, _) = scores[:2]
    # Norwegian and Danish, Spanish and Portuguese share many: the first must be clearly ahead.
    if best < 2 or best / len(words) < 0.12 or best - second < max(1, 0.15 * best):
        return ""
    return code
