"""Grammar: what one caption must keep whatever it says, as rules and as a GBNF grammar.

A `Form` is the rules of one caption: its language's letters, its length, facts that stand word for
word, words that are banned. `grammar` turns it into GBNF, so that sampled text keeps them by
construction; `broken` names those that a text breaks, whoever wrote it. Knows GBNF and the rules;
knows no model, no brand and no picture.
Format: github.com/ggml-org/llama.cpp, grammars/README.md.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from pydantic import Field

from feedsmith.captions import rank
from feedsmith.captions.habits import EMOJI, bare, sentences
from feedsmith.captions.words import fold
from feedsmith.facts import invented
from feedsmith.post import Offer, Value

RULES = (
    "hashtag, mention or link", "length", "banned word", "facts", "language", "ending",
    "quotes or brackets", "doubled word", "repeated words", "copy of a past caption",
    "number, price or date",
)  # fmt: skip
"""What a caption must keep before its sense is judged."""

REPEATED_WORDS = 4
"""A run of this many words that comes twice in one caption."""
LEAD_WORDS = 4
"""Words that may lead to a fact which cannot begin a sentence, where no leads are given."""

_LATIN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšž"
LETTERS = {
    "en": "é", "de": "äöüßé", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíóúüñ",
    "pt": "àáâãçéêíóôõúü", "it": "àèéìíîòóù", "nl": "áéèëïóöúü",
}  # fmt: skip
"""Letters beside a-z, by language; other languages get all of Western Europe's."""
_NAMES = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr",
    "spanish": "es", "español": "es", "portuguese": "pt", "português": "pt", "italian": "it",
    "dutch": "nl",
}  # fmt: skip
_CAPITALS_INSIDE = frozenset({"de"})
"""Languages whose nouns have capitals; elsewhere a capital inside a sentence is a name."""
_ENDS: dict[str, dict[str, tuple[str, str]]] = {
    "": {"": (".!", ".!?")},
    "es": {"": (".", "."), "¡": ("!", "!"), "¿": ("", "?")},
}
"""By language, how a sentence opens: with what it ends where another follows, and at the end. A
question in the middle leaves a caption hanging."""
_ELIDES = frozenset({"fr", "it", "pt", "ca"})
"""Languages in which a word may stand behind an apostrophe."""
_GAPS = ('" "', '", "', '": "', '"; "')


class Form(Value):
    """What one caption must keep."""

    language: str = "en"
    """ISO 639-1 code, with or without a region, or the language's name."""
    words: int = Field(default=30, ge=2)
    """Words at most, facts and call not counted."""
    sentences: int = Field(default=3, ge=1)
    """Sentences at most, those of facts and call not counted."""
    facts: tuple[str, ...] = ()
    """Must stand word for word, in this order, with a comma between them."""
    leads: tuple[str, ...] = ()
    """What may lead to the facts, before a colon: "On the shelf again"."""
    call: str = ""
    """Ends the caption, word for word."""
    banned: tuple[str, ...] = ()
    """Words that may not stand in it, in any case, alone or joined by hyphens; or phrases."""
    known: frozenset[str] = frozenset()
    """Words that begin with a banned one and may stand all the same: "foggy" where "fog" may not."""
    vocabulary: frozenset[str] = frozenset()
    """The only words that may be used, in small letters; any word where it is empty."""
    further: frozenset[str] = frozenset()
    """More of them, for this caption alone; kept apart because a vocabulary's grammar is kept."""
    names: tuple[str, ...] = ()
    """What may be written with a capital inside a sentence."""
    emoji: tuple[str, ...] = ()
    """What may stand at the end."""
    emoji_max: int = Field(default=0, ge=0)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Facts and call: what a person gave word for word."""
        return tuple(piece for piece in (*self.facts, self.call) if piece)

    @property
    def tongue(self) -> str:
        """The language as a code of two letters; its name where it is not known."""
        first = re.split(r"[-_ ]", self.language.strip().lower())[0]
        return _NAMES.get(first, first) or "en"

    @property
    def letters(self) -> str:
        """Small letters of the language."""
        return "abcdefghijklmnopqrstuvwxyz" + LETTERS.get(self.tongue, _LATIN)

    @property
    def phrases(self) -> tuple[str, ...]:
        """Banned texts of several words or parts: the grammar cannot hold them, they stop sampling."""
        found: dict[str, None] = {}
        for text in self.banned:
            said = " ".join(text.split())
            if re.search(r"[^\W\d_][ '’-]", said):
                found.update(dict.fromkeys((said, said.lower(), said[:1].upper() + said[1:])))
        return tuple(found)

    @property
    def tokens(self) -> int:
        """More than the longest text that keeps the form has."""
        fixed = sum(len(fact.encode()) for fact in self.facts)
        return 16 + 4 * self.words + fixed + 8 * self.emoji_max


# ---- the rules ---------------------------------------------------------------------------------


def broken(text: str, form: Form, past: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the rules that a text breaks, in the order of RULES; () where it keeps all.

    `past` are the captions that it must not repeat.
    """
    own = rank._without(text, form.fixed)
    plain = bare(own)
    lowered = f" {' '.join(rank._tokens(own))} "
    count = len([word for word in plain.split() if word != "…"])
    letters = frozenset(form.letters)
    end = bare(text)
    if form.call:
        end = end.removesuffix(form.call).removesuffix(form.call + ".")
    parts = [part for part in sentences(own) if part.strip("….!? ")]
    before = frozenset().union(*(rank._parts(one)[0] for one in past))
    said = frozenset().union(*(rank._parts(one)[1] for one in past))
    runs = _runs(plain)
    offer = Offer(text=" ".join(form.facts), call=form.call)
    found = {
        "hashtag, mention or link": re.search(r"[#@]|https?:|www\.|\w\.(?:com|net|org)\b", own),
        "length": not 2 <= count <= form.words or len(parts) > form.sentences,
        "banned word": any(f" {' '.join(rank._tokens(word))} " in lowered for word in form.banned),
        "facts": any(text.count(piece) != 1 for piece in form.fixed),
        "language": any(c.isalpha() and c.lower() not in letters for c in plain),
        "ending": not re.search(r"[.!?…]$", end.rstrip()) and not end.endswith(form.facts),
        "quotes or brackets": any(plain.count(a) != plain.count(b) for a, b in ("“”", "()", "«»"))
        or plain.count('"') % 2,
        "doubled word": any(
            word not in ("that", "had") for word in re.findall(r"\b([^\W\d_]+) \1\b", plain.lower())
        ),
        "repeated words": len(set(runs)) < len(runs),
        "copy of a past caption": rank.runs(own, rank.COPY_WORDS) & before
        or any(rank._key(part) in said for part in parts if len(part.split()) >= 3),
        "number, price or date": re.search(r"\d", own) or invented(offer, [own]),
    }
    return tuple(rule for rule in RULES if found[rule])


def finished(text: str, form: Form) -> str:
    """A sampled text as a caption: cut after its last whole sentence, with its call.

    Of a text that breaks off before a fact nothing is left: ''.
    """
    text = text.strip()
    marks = [*EMOJI.finditer(text)]
    whole = max((match.end() for match in re.finditer(r"[.!?…]", text)), default=0)
    for fact in form.facts:  # a fact may end without a mark, and hold marks inside
        at = text.find(fact)
        if at < 0:
            return ""
        whole = len(text) if at < whole < at + len(fact) else max(whole, at + len(fact))
    if not all(match.start() >= whole for match in marks if match.end() > whole):
        return ""
    if not marks or bare(text[whole:]):
        text = text[:whole]
    if text and form.call:
        text += " " + form.call + ("" if form.call[-1] in ".!?…" else ".")
    return text


def _runs(text: str) -> list[tuple[str, ...]]:
    tokens = rank._tokens(text)
    return [tuple(tokens[i : i + REPEATED_WORDS]) for i in range(len(tokens) - REPEATED_WORDS + 1)]


# ---- as GBNF -----------------------------------------------------------------------------------


def grammar(form: Form) -> str:
    """The form as GBNF: every text that it lets through keeps all rules of form and facts.

    A text that would need more words than allowed breaks off one word later, without an end, and
    so shows that it was not finished. The call is no part of it: `finished` adds it.
    """
    rules = [*(_listed_rules if form.vocabulary else _word_rules)(form), "over ::= [ ,;:]"]
    if not form.facts:
        rules += _text_rules("t", form, form.words, form.sentences)
        body = "t"
    else:
        stop = '"."' if form.facts[-1][-1] not in ".!?…" else '""'
        rules.append(f"fact ::= {_literal(', '.join(form.facts))} {stop}")
        bare_fact = not form.facts[0][:1].islower()  # it may begin a sentence
        led = [f'{_literal(lead)} ": " fact' for lead in form.leads]
        if not led and not bare_fact:
            led = [f'cap (" " mid){{0,{LEAD_WORDS - 1}}} ": " fact']
        rules.append(f"led ::= {' | '.join([*led, *(['fact'] * bare_fact)])}")
        half = max(2, form.words // 2)
        few = max(1, form.sentences - 1)
        rules += _text_rules("u", form, half if few > 1 else form.words, few)
        body = 'u " " led'
        if form.sentences > 1:
            rules += _text_rules("v", form, half, 1, question=not form.call)
            body += ' (" " v)?'
        if bare_fact:
            rules += _text_rules("t", form, form.words, form.sentences)
            body = f'(fact " " t | {body})'
    emoji = ""
    if form.emoji and form.emoji_max:
        one = " | ".join(_literal(mark) for mark in form.emoji)
        emoji = f'(" " ({one})){{0,{form.emoji_max}}}'
    return "\n".join([f"root ::= {body} {emoji}".rstrip(), *rules]) + "\n"


def _text_rules(
    name: str, form: Form, words: int, count: int, *, question: bool = True
) -> Iterator[str]:
    """One to `count` sentences of together at most `words` words, two at least in each."""
    ends = _ENDS.get(form.tongue, _ENDS[""])
    last = {opens: end if question else end.replace("?", "") for opens, (_, end) in ends.items()}
    opening = " | ".join(
        f'{_literal(opens)} cap {name}{words - 1}-{count - 1}f{i}' if opens else
        f"cap {name}{words - 1}-{count - 1}f{i}"
        for i, opens in enumerate(ends)
        if last[opens]
    )  # fmt: skip
    yield f"{name} ::= {opening}"
    gap = " | ".join(_GAPS)
    for left in range(words):
        for more in range(count):
            for i, (opens, (middle, _)) in enumerate(ends.items()):
                at = f"{name}{left}-{more}"
                # A word too many, and nothing after it: it shows that the text was not finished.
                further = f"({gap}) mid" + (f" {name}{left - 1}-{more}g{i}" if left else " over")
                yield f"{at}f{i} ::= {further}"
                goes_on = [f"[{last[opens]}]"] if last[opens] else []
                if more and left > 1 and middle:
                    goes_on += [
                        f'[{middle}] " " {_literal(new) + " " if new else ""}cap '
                        f"{name}{left - 1}-{more - 1}f{j}"
                        for j, new in enumerate(ends)
                    ]
                yield f"{at}g{i} ::= {' | '.join([*goes_on, further])}"


def _word_rules(form: Form) -> Iterator[str]:
    """Rules for a word at the start of a sentence (cap) and inside one (mid), without the banned.

    Each part of a word, between hyphens and apostrophes, is led along a trie of the banned words:
    beside it every letter goes on freely, behind a banned word only `form.known` does. If any
    letter did, sampling would glue the next word to it ("fogand").
    """
    small = form.letters
    large = {c.upper(): c for c in small if len(c.upper()) == 1}
    same: dict[str, list[str]] = {}  # letters by what they are without accents
    for c in small:
        same.setdefault(fold(c), []).append(c)
    trie = _Trie(form.banned, form.known, frozenset(small))
    if form.tongue in _ELIDES:  # "l'été"
        tail = '([\'’] w0)? ("-" w0){0,2}'
    else:  # "happy-go-lucky", "it's"
        tail = '("-" w0){0,2} ([\'’] [a-z] [a-z]?)?'
    names = "".join(f" | {_literal(name)}" for name in form.names if name)
    yield f"cap ::= ({' | '.join(trie.ways(0, large, same))}) {tail}"
    first = {**{c: c for c in small}, **(large if form.tongue in _CAPITALS_INSIDE else {})}
    yield f"mid ::= ({' | '.join(trie.ways(0, first, same))}) {tail}{names}"
    plain = {c: c for c in small}
    for node in range(len(trie.next)):
        ways = trie.ways(node, plain, same)
        if node and trie.may_end(node):
            ways.append('""')
        if trie.alive[node]:
            yield f"w{node} ::= {' | '.join(ways)}"
    yield f'free ::= {_one_of(small)} free | ""'


def _listed_rules(form: Form) -> Iterator[str]:
    """The same two rules for the words of a vocabulary, without the banned."""
    letters = frozenset("-'" + form.letters)
    banned = frozenset(map(_key, form.banned))

    def allowed(words: Iterable[str]) -> frozenset[str]:
        keyed = {key for word in words if {*(key := _key(word))} <= letters}
        return frozenset(
            word for word in keyed if word not in banned and not banned & {*re.split("[-']", word)}
        )

    starts = [_net(allowed(form.vocabulary), "v"), _net(allowed(form.further), "x")]
    for kind in ("cap", "mid"):
        ways = [
            f"{_one_of([c.upper() if kind == 'cap' else c for c in some])} {after}"
            for firsts, _ in starts
            for some, after in firsts
        ]
        names = [_literal(name) for name in form.names if name] if kind == "mid" else []
        yield f"{kind} ::= {' | '.join([*ways, *names])}"
    for _, rules in starts:
        yield from rules


@lru_cache(maxsize=16)
def _net(words: frozenset[str], name: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Words as a net of letters, in which like endings are shared: (how they begin, the rules).

    6,000 words have 4,000 rules; as a trie they would have 15,000.
    """
    trie: list[dict[str, int]] = [{}]
    whole: set[int] = set()
    for word in sorted(words):
        node = 0
        for c in word:
            if c not in trie[node]:
                trie[node][c] = len(trie)
                trie.append({})
            node = trie[node][c]
        whole.add(node)
    rule_of: dict[int, str] = {}
    known: dict[str, str] = {}
    firsts: tuple[tuple[str, str], ...] = ()
    for node in reversed(range(len(trie))):  # what follows a place stands behind it
        by_rule: dict[str, list[str]] = {}
        for c, after in trie[node].items():
            by_rule.setdefault(rule_of[after], []).append(c)
        if not node:
            firsts = tuple(("".join(some), rule) for rule, some in by_rule.items())
            break
        ways = [f"{_one_of(_written(some))} {rule}" for rule, some in by_rule.items()]
        said = " | ".join([*ways, *(['""'] if node in whole else [])])
        rule_of[node] = known.setdefault(said, f"{name}{len(known)}")
    return firsts, tuple(f"{rule} ::= {said}" for said, rule in known.items())


def _written(letters: Sequence[str]) -> list[str]:
    """With both forms of the apostrophe."""
    return [*letters, "’"] if "'" in letters else [*letters]


def _key(word: str) -> str:
    return word.strip().lower().replace("’", "'")


class _Trie:
    """Banned words and, behind them, the longer words that are not. Node 0 is the start."""

    def __init__(
        self, banned: Iterable[str], known: Iterable[str], letters: frozenset[str]
    ) -> None:
        self.next: list[dict[str, int]] = [{}]
        self.behind: list[bool] = [False]
        """Whether a banned word is whole there or before."""
        self.ends: set[int] = set()
        """Where one of the known words is whole."""
        dead = {self._put(0, word) for word in map(fold, banned) if word and {*word} <= letters}
        for node, after in enumerate(self.next):  # what follows a place stands behind it
            self.behind[node] |= node in dead
            for further in after.values():
                self.behind[further] |= self.behind[node]
        for word in sorted(word for word in known if {*word} <= letters):
            node = 0
            for i, c in enumerate(word):
                if node in dead:
                    self.ends.add(self._put(node, word[i:]))
                    break
                if c not in self.next[node]:
                    break
                node = self.next[node][c]
        self.ends -= dead
        self.alive = [True] * len(self.next)
        """Whether a word may still end from there on."""
        for node in reversed(range(len(self.next))):
            on = any(self.alive[after] for after in self.next[node].values())
            self.alive[node] = on or self.may_end(node)

    def _put(self, node: int, word: str) -> int:
        for c in word:
            if c not in self.next[node]:
                self.next[node][c] = len(self.next)
                self.next.append({})
                self.behind.append(self.behind[node])
            node = self.next[node][c]
        return node

    def may_end(self, node: int) -> bool:
        return not self.behind[node] or node in self.ends

    def ways(
        self, node: int, letters: Mapping[str, str], same: Mapping[str, Sequence[str]]
    ) -> list[str]:
        """How a word goes on: each letter leads to a place in the trie, or out of it for good."""
        written: dict[str, list[str]] = {}
        for shown, c in letters.items():
            written.setdefault(c, []).append(shown)
        found, taken = [], set()
        for c, after in self.next[node].items():
            # Behind a banned word accents are no way out: "thesè".
            alike = [c] if self.behind[node] else same.get(c, [c])
            taken |= {*alike}
            some = [shown for one in alike for shown in written.get(one, [])]
            if some and self.alive[after]:
                found.append(f"{_one_of(some)} w{after}")
        rest = [shown for shown, c in letters.items() if c not in taken]
        if rest and not self.behind[node]:
            found.append(f"{_one_of(rest)} free")
        return found


def _one_of(letters: Sequence[str]) -> str:
    """A class of letters, runs of them as ranges."""
    codes = sorted(ord(letter) for letter in letters)
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    parts = [
        _escaped(chr(a)) if a == b else f"{_escaped(chr(a))}-{_escaped(chr(b))}" for a, b in runs
    ]
    return f"[{''.join(parts)}]"


def _literal(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(c: str) -> str:
    """One character of a text or a class. Letters, digits and blanks as they are."""
    if c == " " or (c.isascii() and c.isalnum()):
        return c
    code = ord(c)
    if code < 0x100:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
