"""Small grammars: articles, contractions, endings, pronouns and marks of four languages.

Each puts a noun behind a determiner in the form that gender, number and case ask for, and gives
pronouns for it. Knows nouns; knows no sentence beyond the words on either side.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from feedsmith.captions.tongues.lexicon import Named

_Forms = tuple[str, str, str, str]
"""For a noun that is masculine, feminine, neuter, in the plural (German); masculine and feminine in
the singular, then in the plural (Romance)."""


class Grammar(NamedTuple):
    code: str
    before: Mapping[str, _Forms]
    """Determiner as sentences write it (masculine singular) to its forms."""
    pronouns: Mapping[str, _Forms]
    counted: frozenset[str]
    """Determiners that a mass cannot have; it stands bare, or (French) with its partitive."""
    dative: frozenset[str] = frozenset()
    """German: determiners whose noun stands in the dative."""
    accusative: frozenset[str] = frozenset()

    def phrase(self, noun: Named, determiner: str) -> str | None:
        """The noun with its determiner: "einem Baum", "l'arbre"; None where it cannot have this one."""
        if self.code == "fr" and determiner == "de":
            return _joined("d'" if _vowel(noun) else "de", noun.text)
        if determiner not in self.before:
            raise ValueError(f"{self.code}: no determiner “{determiner}”")
        forms = self.before[determiner]
        if noun.number == "mass" and determiner in self.counted:
            if self.code != "fr":
                return self.cased(noun, determiner)
            forms = self.before["du"]
        word = forms[self._at(noun)]
        if word == "-":  # it has no such form
            return None
        if self.code == "fr" and noun.number != "many" and _vowel(noun):
            word = _ELIDED.get(word, word)
        if self.code == "es" and noun.entry.apart and noun.number != "many":
            word = _STRESSED.get(word, word)
        return _joined(word, self.cased(noun, determiner))

    def agree(self, noun: Named, said: str) -> str:
        """A pronoun by its name, or the fitting one of "one|many" or of all four forms."""
        forms = said.split("|")
        if len(forms) == 1:
            wanted = said[:1].lower() + said[1:]
            if wanted not in self.pronouns:
                raise ValueError(f"{self.code}: no pronoun “{said}”")
            out = self.pronouns[wanted][self._at(noun)]
            return out[:1].upper() + out[1:] if said[:1].isupper() else out
        if len(forms) == 2:
            return forms[noun.number == "many"]
        if len(forms) != 4:
            raise ValueError(f"{self.code}: two forms or four: “{said}”")
        return forms[self._at(noun)]

    def _at(self, noun: Named) -> int:
        many = noun.number == "many"
        if self.code == "de":
            return 3 if many else "mfn".index(noun.gender)
        return 2 * many + (noun.gender == "f")

    def cased(self, noun: Named, determiner: str) -> str:
        """The noun in the case that the determiner governs; as it is outside German."""
        if self.code != "de":
            return noun.text
        text = noun.text
        if noun.entry.weak and noun.number == "one":
            return noun.entry.many if determiner in self.dative | self.accusative else text
        if noun.number == "many" and determiner in self.dative and not re.search("[nsai]$", text):
            return text + "n"
        return text


def _joined(word: str, noun: str) -> str:
    return f"{word}{noun}" if word.endswith("'") else f"{word} {noun}".strip()


# ---------------------------------------------------------------- German


def _german(stem: str, endings: str) -> _Forms:
    m, f, n, p = (stem + e.strip("-") for e in endings.split())
    return m, f, n, p


_EIN = {"": "- e - e", "en": "en e - e", "em": "em er em en"}
_DER = {"der": "der die das die", "den": "den die das die", "dem": "dem der dem den"}
_DIES = {"er": "er e es e", "en": "en e es e", "em": "em er em en"}
_before_de: dict[str, _Forms] = {}
for _case, _ends in _EIN.items():
    _m, _f, _n, _p = _german("ein", _ends)
    _before_de["ein" + _case] = (_m, _f, _n, "")
    for _word in ("kein", "unser"):
        _before_de[_word + _case] = _german(_word, _ends)
for _name, _forms in _DER.items():
    _m, _f, _n, _p = _forms.split()
    _before_de[_name] = (_m, _f, _n, _p)
for _case, _ends in _DIES.items():
    _before_de["dies" + _case] = _german("dies", _ends)
_before_de |= {
    "im": ("im", "in der", "im", "in den"), "am": ("am", "an der", "am", "an den"),
    "zum": ("zum", "zur", "zum", "zu den"), "vom": ("vom", "von der", "vom", "von den"),
    "beim": ("beim", "bei der", "beim", "bei den"), "ins": ("in den", "in die", "ins", "in die"),
    "ans": ("an den", "an die", "ans", "an die"), "bare-dat": ("", "", "", ""),
}  # fmt: skip
_dative = frozenset(
    {"einem", "keinem", "unserem", "dem", "diesem", "im", "am", "zum", "vom", "beim", "bare-dat"}
)
_accusative = frozenset({"einen", "keinen", "unseren", "den", "diesen", "ins", "ans"})

GERMAN = Grammar(
    "de",
    _before_de,
    {
        "er": ("er", "sie", "es", "sie"), "ihn": ("ihn", "sie", "es", "sie"),
        "ihm": ("ihm", "ihr", "ihm", "ihnen"), "sein": ("sein", "ihr", "sein", "ihr"),
        "seine": ("seine", "ihre", "seine", "ihre"), "seinen": ("seinen", "ihren", "seinen", "ihren"),
        "seinem": ("seinem", "ihrem", "seinem", "ihrem"),
        "seiner": ("seiner", "ihrer", "seiner", "ihrer"), "der": ("der", "die", "das", "die"),
        "den": ("den", "die", "das", "die"), "dem": ("dem", "der", "dem", "denen"),
        "dieser": ("dieser", "diese", "dieses", "diese"), "diesen": ("diesen", "diese", "dieses", "diese"),
        "keiner": ("keiner", "keine", "keins", "keine"), "einer": ("einer", "eine", "eins", "welche"),
    },
    frozenset({"ein", "einen", "einem"}),
    _dative,
    _accusative,
)  # fmt: skip

# ---------------------------------------------------------------- French

_ELIDED = {
    "le": "l'", "la": "l'", "du": "de l'", "de la": "de l'", "au": "à l'", "à la": "à l'",
    "ce": "cet", "sa": "son",
}  # fmt: skip


def _vowel(noun: Named) -> bool:
    return not noun.entry.apart and bool(re.match("[aàâeéèêiîïoôœuûyh]", noun.text, re.I))


FRENCH = Grammar(
    "fr",
    {
        "le": ("le", "la", "les", "les"), "un": ("un", "une", "des", "des"),
        "du": ("du", "de la", "des", "des"), "au": ("au", "à la", "aux", "aux"),
        "ce": ("ce", "cette", "ces", "ces"), "notre": ("notre", "notre", "nos", "nos"),
        "quel": ("quel", "quelle", "quels", "quelles"), "aucun": ("aucun", "aucune", "-", "-"),
        "son": ("son", "sa", "ses", "ses"),
    },
    {
        "il": ("il", "elle", "ils", "elles"), "lui": ("lui", "elle", "eux", "elles"),
        "le": ("le", "la", "les", "les"), "qu'il": ("qu'il", "qu'elle", "qu'ils", "qu'elles"),
        "celui": ("celui", "celle", "ceux", "celles"), "celui-ci": ("celui-ci", "celle-ci", "ceux-ci", "celles-ci"),
        "tout": ("tout", "toute", "tous", "toutes"), "seul": ("seul", "seule", "seuls", "seules"),
    },
    frozenset({"un", "aucun", "quel"}),
)  # fmt: skip

# ---------------------------------------------------------------- Spanish

_STRESSED = {"la": "el", "una": "un", "de la": "del", "a la": "al"}

SPANISH = Grammar(
    "es",
    {
        "el": ("el", "la", "los", "las"), "un": ("un", "una", "unos", "unas"),
        "del": ("del", "de la", "de los", "de las"), "al": ("al", "a la", "a los", "a las"),
        "este": ("este", "esta", "estos", "estas"),
        "nuestro": ("nuestro", "nuestra", "nuestros", "nuestras"),
        "ningún": ("ningún", "ninguna", "-", "-"),
    },
    {
        "él": ("él", "ella", "ellos", "ellas"), "lo": ("lo", "la", "los", "las"),
        "le": ("le", "le", "les", "les"), "este": ("este", "esta", "estos", "estas"),
        "uno": ("uno", "una", "unos", "unas"), "todo": ("todo", "toda", "todos", "todas"),
        "solo": ("solo", "sola", "solos", "solas"),
    },
    frozenset({"un", "ningún"}),
)  # fmt: skip

# ---------------------------------------------------------------- Portuguese

PORTUGUESE = Grammar(
    "pt",
    {
        "o": ("o", "a", "os", "as"), "um": ("um", "uma", "", ""),
        "do": ("do", "da", "dos", "das"), "no": ("no", "na", "nos", "nas"),
        "ao": ("ao", "à", "aos", "às"), "pelo": ("pelo", "pela", "pelos", "pelas"),
        "num": ("num", "numa", "em", "em"), "este": ("este", "esta", "estes", "estas"),
        "neste": ("neste", "nesta", "nestes", "nestas"),
        "deste": ("deste", "desta", "destes", "destas"),
        "nosso": ("nosso", "nossa", "nossos", "nossas"),
        "nenhum": ("nenhum", "nenhuma", "-", "-"),
    },
    {
        "ele": ("ele", "ela", "eles", "elas"), "dele": ("dele", "dela", "deles", "delas"),
        "nele": ("nele", "nela", "neles", "nelas"), "este": ("este", "esta", "estes", "estas"),
        "todo": ("todo", "toda", "todos", "todas"), "sozinho": ("sozinho", "sozinha", "sozinhos", "sozinhas"),
    },
    frozenset({"um", "nenhum"}),
)  # fmt: skip

GRAMMARS = {grammar.code: grammar for grammar in (GERMAN, FRENCH, SPANISH, PORTUGUESE)}


# ---------------------------------------------------------------- marks

THIN = "\u202f"
"""Narrow no-break space: before ? ! ; : and inside « » in French."""


def marks(text: str, code: str, variety: str = "") -> str:
    """Sentences as written here with the marks of the language: « », ’, U+202F; "ss" in Switzerland.

    Only for words of our own: an offer keeps its every byte.
    """
    if code == "fr":
        text = text.replace("'", "’").replace("« ", f"«{THIN}").replace(" »", f"{THIN}»")
        if variety == "CA":  # Québec: a space before the colon alone
            return re.sub(" :", "\u00a0:", re.sub(" ([?!;])", r"\1", text))
        return re.sub(" ([?!;:])", rf"{THIN}\1", text)
    if code == "de":
        text = text.replace("'", "’")
        if variety == "CH":
            return text.replace("ß", "ss").replace("„", "«").replace("“", "»")
    if code == "es":  # "y" and "o" before their own sound
        text = re.sub(
            r"\b([Yy]) (?=h?[ií](?![ea]))", lambda m: "eE"[m[1] == "Y"] + " ", text, flags=re.I
        )
        text = re.sub(r"\b([Oo]) (?=h?[oó])", lambda m: "uU"[m[1] == "O"] + " ", text, flags=re.I)
    return text
