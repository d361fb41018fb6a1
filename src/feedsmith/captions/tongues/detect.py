"""Which language a text is written in: scripts, and the small words of 14 languages.

Counting, no model: small words make up a third of running text. Honest rather than clever: too
little text, or two languages side by side, is "not sure".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from feedsmith.captions.words import fold

NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
    "pt": "Portuguese", "nl": "Dutch", "da": "Danish", "sv": "Swedish", "nb": "Norwegian",
    "fi": "Finnish", "pl": "Polish", "cs": "Czech", "tr": "Turkish", "ja": "Japanese",
    "ko": "Korean", "zh": "Chinese", "ar": "Arabic", "he": "Hebrew", "el": "Greek", "th": "Thai",
    "hi": "Hindi", "ru": "Russian", "uk": "Ukrainian",
}  # fmt: skip
"""ISO 639-1 code -> English name, of those that can be told."""

_SMALL = {
    "en": "the and of to is in it you for with on this that are was our we your at be have from not but what when as an a no nothing one all by who they there out up",
    "de": "der die das und ist nicht ein eine mit für auf den im wir ihr euch uns auch von zu es sich aber noch wie sind bei am einen einer einem dem wer was wenn nur nichts kein heute hier schon zum zur vom ins unser man dann da oder als so mehr alle diese dieser jeden über nach vor ohne ganz immer kann hat haben wird einfach",
    "fr": "le la les et des est une un pour dans vous nous avec sur qui pas au ce cette du en que sont plus mais à notre on rien tout sans aux ça il elle aujourd deux où même très de l' d' s' c' n' j' qu' m' t' juste encore toujours ou puis chez a ont va je tu ne se si toi moi ont peut faire quand comme jamais ni bien celle cela ces ses ceux celui mieux aussi leur lui quelqu y quel quelle dans après avant fait",
    "es": "el la los las y a de en un una que es por con para del no se al más muy nuestro nuestra como está lo pero son hay sin hoy todo nada esta este aquí qué cuando quien solo también al ya su sus tu te me si o e ni le cada otra alguien nadie hasta desde donde dónde siempre nunca tiene poco mucho así porque cuál ese esa bien esos esas estos estas dos ser fue era sobre entre ahí dentro desde",
    "it": "il la che di è e un una per con non del della sono gli le i nel anche più al da questo noi ma ci alla l' d' si nei tra fa dal dalla nella hai ho sono tutto anche qui oggi",
    "pt": "o a os as e de do da que um uma em para com não no na por mais é se nosso nossa você são mas ao dos das hoje sem tudo nada este esta aqui quem só também há uma pelo ainda quando pela já seu sua seus isso isto nem ou ao até onde sempre nunca tem têm pouco muito assim porque qual esse essa bem ele ela foi nós aos à às lhe depois como cada me te fica era lá aí ser pode vai sobre entre dentro esses essas estes estas dois duas",
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
    words = _tokens(text)
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


def _tokens(text: str) -> list[str]:
    """Words in small letters; what French and Italian run together keeps its apostrophe: "l'"."""
    plain = re.sub(r"'s\b", " ", text.lower().replace("’", "'"))  # "the dog's" is no Czech "s"
    return re.findall(r"\b(?:[cdjlmnst]|qu)'(?=\w)|[^\W\d_]+", plain)


def is_in(text: str, code: str, nouns: Collection[str] = ()) -> bool:
    """Whether a caption is in the language `code`, for a gate: what cannot be told does not pass.

    Of texts too short for `of_one`, small words of the language and its `nouns` (folded) count: there
    must be a small word, and more in all than any other language has small ones.
    """
    told = of_one(text)
    if told:
        return told == code
    tokens = _tokens(text)
    small = {other: sum(w in known for w in tokens) for other, known in _WORDS.items()}
    own = small.pop(code, 0)
    named = sum(fold(w) in nouns for w in tokens)
    return own > 0 and own + named > max(small.values())
