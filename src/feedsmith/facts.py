"""Facts: the prices, percentages, dates, times, codes and addresses that words carry.

What a post may not lose and may not make up. Knows text and the offer as a value; knows neither
captions nor pictures. Numbers written as words ("two minutes") are prose, not facts.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from feedsmith.post import Offer

FactKind = Literal[
    "price", "percentage", "date", "weekday", "time", "quantity", "code", "phone number", "link",
    "claim", "number",
]  # fmt: skip


class Fact(NamedTuple):
    """One fact as it stands: `text` is folded(words)[start:end]."""

    kind: FactKind
    text: str
    start: int
    end: int


_N = r"\d{1,12}(?:[.,'’]\d{1,6}|[ \u00a0\u202f]\d{3}(?!\d)){0,4}"
"""A number with its separators: 1,299.00, 1 299, 1'299."""
_CODES = (
    "AED ARS AUD BAM BDT BGN BHD BRL CAD CHF CLP CNY COP CRC CZK DKK DOP EGP EUR GBP GEL GHS HKD "
    "HRK HUF IDR ILS INR ISK JOD JPY KES KRW KWD KZT LKR MAD MDL MKD MXN MYR NGN NOK NPR NZD OMR "
    "PEN PHP PKR PLN PYG QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD TZS UAH UGX USD UYU VES VND "
    "XAF XOF ZAR ZMW"
)
_ISO = "|".join(_CODES.split())
_NAMED = (
    r"euros?|dollars?|pounds?(?: sterling)?|pence|cents?|bucks|quid|francs?|francos|kroner|kronor|"
    r"krona|krone|złotych|zł|zl|Kč|Ft|lei|lv|лв\.?|руб\.?|рублей|грн|kn|din\.?|dirhams?|rupees?|rupiah|"
    r"pesos?|reais|yen|yuan|won|baht|lira|円|元|원|kr\.?|Fr\.|р\.|د\.إ|ر\.س|TL"
)
_SIGN = r"(?:[A-Z]{1,3})?[$¢£¥֏؋৲৳฿៛\u20a0-\u20cf﷼﹩＄￠￡￥￦]"
"""A currency sign, alone or with its country: €, US$, R$, NZ$; with those that Unicode has not
filled yet (U+20A0 to U+20CF), whether or not a font can draw them."""
_BEFORE = rf"(?:{_SIGN}|(?<![^\W_])(?<!\d )(?:{_ISO}|CHF|Fr\.?|Rs\.?|Rp\.?|RM|S/\.?|kr\.?|Kr\.?))"
_AFTER = rf"(?:{_SIGN}|(?:{_ISO}|{_NAMED})(?![^\W\d_]))"
_RANGE = r"(?: ?(?:-|–|—|to|bis|à|a|until|till|and|&|/) ?)"
_MONTH = (
    r"(?:jan(?:uar[yi]?|vier|eiro)?|enero|gennaio|januari|feb(?:ruar[yi]?|braio|rero)?|f[ée]vr(?:ier)?|"
    r"fevereiro|mar(?:ch|s|zo|ço|t|ts)?|märz|maart|apr(?:il|ile)?|avril|abril|ma[iy]|maj|maggio|mayo|"
    r"maio|mei|jun[ei]?|juin|junio|junho|giugno|jul[yi]?|juillet|julio|julho|luglio|"
    r"aug(?:ust|ustus)?|août|agosto|sept?(?:ember|embre|tembre|tiembre)?|setembro|settembre|"
    r"okt(?:ober)?|oct(?:ober|obre|ubre)?|outubro|ottobre|nov(?:ember|embre|iembre|embro)?|"
    r"de[czs](?:ember|embre|iembre|embro)?|décembre|dicembre|diciembre|dezembro)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_ORDINAL = rf"{_DAY}(?:st|nd|rd|th|er|\.|º|ª)?"
_WEEKDAY = (
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?|"
    r"(?:mon|diens|donners|frei|sams|sonn)tage?|mittwoche?|lundi|mardi|mercredi|jeudi|vendredi|"
    r"samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
)
_YEAR = r"(?:1[89]|20|21)\d\d"
_UNIT = (
    r"(?:h|hrs?|hours?|mins?|minutes?|sec(?:ond)?s?|days?|weeks?|months?|years?|nights?|ml|cl|dl|l|"
    r"lit(?:re|er)s?|mg|g|kg|oz|lbs?|mm|cm|m|km|miles?|inch(?:es)?|ft|k?W|mAh|V|GB|TB|x|pcs?|pieces?|"
    r"packs?|pairs?|seats?|places?|spots?|people|persons?|colou?rs|sizes?|steps?|"
    r"stück|tage?|stunden?|wochen?|monate?|jahre?|personen)"
)
_FEW = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|twenty-five|thirty|"
    r"forty|fifty|sixty|seventy|eighty|ninety|(?:one |a )?hundred)"
)

_PATTERNS: tuple[tuple[FactKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, flags))  # type: ignore[misc]
    for kind, pattern, flags in (
        ("link", r"https?://[^\s<>\"“”]{2,300}|\bwww\.[^\s<>\"“”]{2,300}", re.I),
        ("link", r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{2,30}){1,4}", 0),
        (
            "link",
            r"(?<![\w@.])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,4}(?:com|org|net|shop|store|eu|de|fr|at|ch|it|"
            r"es|nl|be|se|no|dk|fi|pl|cz|uk|ie|us|ca|au|nz|io|co|me|app|dev|info|biz)"
            r"(?![\w-])(?:/[\w./?=&%#-]{0,200})?",
            re.I,
        ),
        ("link", r"(?<![\w@.])@\w(?:[\w.]{0,28}\w)?", 0),
        # 030 1234567, +49 30 1234567, (555) 123-4567: seven digits and more, in groups
        ("phone number", r"(?<![\w.,/-])(?:\+|00)\d{1,3}(?:[ ./()-]{0,2}\d){6,13}(?!\d)", 0),
        ("phone number", r"(?<![\w.,/-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)", 0),
        (
            "phone number",
            r"(?<![\w.,/-])0\d{1,4}[ /-]{1,3}\d{2,8}(?:[ -]?\d{2,6}){0,3}(?![\d:]|[.,]\d)",
            0,
        ),
        ("date", rf"(?<!\d){_YEAR}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?!\d)", 0),
        (
            "date",
            rf"(?<![\w])(?:(?:{_WEEKDAY}),? )?(?:the )?{_ORDINAL}(?:{_RANGE}{_ORDINAL})? (?:of |de |d')?"
            rf"{_MONTH}\b\.?(?:,? {_YEAR})?(?:{_RANGE}(?:{_WEEKDAY},? )?{_ORDINAL} {_MONTH}\b(?:,? {_YEAR})?)?",
            re.I,
        ),
        (
            "date",
            rf"\b(?:(?:{_WEEKDAY}),? )?{_MONTH}\.? {_DAY}(?:st|nd|rd|th)?(?![\d:]| ?(?:am|pm|[%€$£]))"
            rf"(?:{_RANGE}(?:{_MONTH}\.? )?{_DAY}(?:st|nd|rd|th)?(?![\d:]))?(?:,? {_YEAR}\b)?",
            re.I,
        ),
        (
            "date",
            rf"(?<![\d.]){_DAY}\.{_RANGE}?(?:{_DAY}\.)?(?:0?[1-9]|1[0-2])\.(?:\d{{2}}|{_YEAR})?(?!\d)",
            0,
        ),
        ("date", rf"(?<![\d/]){_DAY}/(?:{_DAY})/(?:{_YEAR}|\d\d)(?![\d/])", 0),
        (
            "date",
            r"\d{1,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?|\d{1,2}月(?:\d{1,2}日)?|\d{1,2}월 ?\d{1,2}일",
            0,
        ),
        ("date", rf"\b{_MONTH} {_YEAR}\b", re.I),
        (
            "percentage",
            rf"[-–−+]?{_N}(?:{_RANGE}{_N})? ?(?:[%‰٪％]|per ?cent\b|prozent\b|pct\b)(?: off\b)?",
            re.I,
        ),
        ("percentage", rf"\b{_FEW} ?(?:per ?cent|percent)\b(?: off\b)?", re.I),
        (
            "time",
            rf"(?<![\d:.,])\d{{1,2}}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?(?:{_RANGE}\d{{1,2}}(?:[:.]\d\d)?)? ?(?:[ap]\.?m\.?|o['’]clock|uhr|h\d\d)(?!\w)",
            re.I,
        ),
        (
            "time",
            rf"(?<![\d:.,])(?:[01]?\d|2[0-4]):[0-5]\d(?:{_RANGE}(?:[01]?\d|2[0-4]):[0-5]\d)?(?![\d:])",
            0,
        ),
        (
            "price",
            rf"(?:\b(?:from|ab|dès|desde) )?{_BEFORE} ?{_N}(?:{_RANGE}(?:{_BEFORE} ?)?{_N})?(?:[.,] ?[-–—]{{1,2}})?",
            0,
        ),
        (
            "price",
            rf"(?:\b(?:[Ff]rom|[Aa]b|dès|desde) )?(?<![\w.,]){_N}(?:{_RANGE}{_N})?(?:[.,] ?[-–—]{{1,2}})? ?{_AFTER}",
            0,
        ),
        ("price", r"(?<![\w.,])\d{1,6}[.,][-–—]{1,2}(?!\w)", 0),
        ("price", rf"\b{_FEW} (?:euros?|dollars|pounds|pence|cents|bucks|quid|francs)\b", re.I),
        ("quantity", rf"(?<![\w.,]){_N}(?:{_RANGE}{_N})?[ -]?{_UNIT}(?![^\W\d_])", re.I),
        # "code OAK10", "code: SPRING"; and letters with digits in capitals anywhere
        (
            "code",
            r"\b(?:(?:promo|discount|voucher|coupon)[ -]?code|[Cc]ode|CODE|[Gg]utscheincode):? [\"“‘']?[A-Z0-9][A-Z0-9_-]{2,24}\b",
            0,
        ),
        (
            "code",
            r"(?<!\w)(?=[A-Z0-9_-]{0,24}\d)(?=[A-Z0-9_-]{0,24}[A-Z])[A-Z0-9][A-Z0-9_-]{2,24}(?!\w)",
            0,
        ),
        (
            "date",
            rf"\b(?:{_WEEKDAY}){_RANGE}(?:{_WEEKDAY})\b|\b(?:until|till|by|from|starting|starts|ends|ending|only|this|next|every|ab|bis) "
            rf"(?:{_WEEKDAY})\b(?:{_RANGE}(?:{_WEEKDAY})\b)?"
            r"|\b(?:until|till|by|ends|ending|only|bis) (?:today|tomorrow|tonight|midnight|the weekend)\b"
            r"|\b(?:this|next) (?:weekend|week only|month only)\b",
            re.I,
        ),
        (
            "claim",
            r"\b(?:half[ -]price|free (?:shipping|delivery|entry|admission|gift|returns|sample)s?|"
            r"two for one|buy one,? get one|money[ -]back|sold out|last (?:few )?(?:pieces|places|seats))\b",
            re.I,
        ),
        ("price", rf"\b(?:from|only|just|ab|nur) {_N}(?![\w:%]|[.,]\d| ?{_RANGE}\d)", re.I),
        ("weekday", rf"\b(?-i:(?!(?:sun|sat|wed|mon|fri)\b))(?:{_WEEKDAY})\b", re.I),
        ("number", r"(?<!\w)[\w#+-]{0,12}\d(?:[\w.,:/'’-]{0,18}\w)?", 0),
        ("number", r"\d+", 0),
    )
)
_PAGE = re.compile(r"(?<!\S)([1-9]|[12]\d)\s?/\s?([1-9]|[12]\d)(?!\S)")
_SPACE = re.compile(r"[\s\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_UNSEEN = re.compile("[\ue000\u00ad\u200b\u2060\ufeff\u200e\u200f\u2066-\u2069]")
_HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_INSIDE = re.compile(rf"(?<=[{_HAN}]) (?=[{_HAN}\d])|(?<=\d) (?=[年月日元円원])")
_HOLE = "\ue000"
"""Stands where words of the brief stood, so that what is left and right does not join."""


def folded(text: str) -> str:
    """Words as compared: every run of blanks and line breaks is one blank, marks that have no
    ink (word joiners, soft hyphens, direction marks) are gone. Nothing else changes."""
    plain = _SPACE.sub(" ", _UNSEEN.sub("", text)).strip()
    return _INSIDE.sub("", plain)  # lines of Chinese and Japanese break without a blank


def even(text: str) -> str:
    """On one line with single blanks. No-break ones stay: they belong to a price or a question."""
    return _BREAKS.sub(" ", text).strip(" ")


_BREAKS = re.compile(r"[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")


def facts(text: str) -> tuple[Fact, ...]:
    """All facts of a text, in order, none overlapping another; spans are in folded(text)."""
    return _found(folded(text))


def _found(plain: str) -> tuple[Fact, ...]:
    taken: list[Fact] = []
    left = plain
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(left):
            start, end = match.span()
            said = plain[start:end].rstrip(" ,")
            if kind == "link":
                said = said.rstrip(".,;:!?)”’\"'")
            elif kind == "date":
                said = re.sub(r"(?<=[^\W\d_])\.$", "", said)
            if said:
                taken.append(Fact(kind, said, start, start + len(said)))
        for fact in taken:
            if left[fact.start] != _HOLE:
                left = left[: fact.start] + _HOLE * len(fact.text) + left[fact.end :]
    return tuple(sorted(taken, key=lambda fact: fact.start))


def lacks_currency(price: str) -> bool:
    """True for a price in figures that names neither currency nor percentage: "12", "from 12"."""
    bare = re.sub(r"(?i)^\s*(?:from|only|just|now|ab|nur|dès|desde|da)\s+", "", price)
    told = any(fact.kind in ("price", "percentage") for fact in facts(bare))
    return not told and any(c.isdigit() for c in bare)


def stands(said: str, text: str) -> bool:
    """True where `said` stands in `text`, word for word, and not as part of a longer number."""
    wanted = folded(said)
    return bool(wanted) and any(True for _ in _places(wanted, folded(text)))


def kept(offer: Offer, texts: Sequence[str], known: Sequence[str] = ()) -> list[str]:
    """What is wrong with the facts of a post, in plain words; empty when nothing.

    `texts` are all words of the post: its caption, and each piece of text on its pictures. `known`
    is what else may be said: the brand's name, handle and niche, the theme, a headline given, what
    the maker says of the product.
    """
    return [*lost(offer, texts), *invented(offer, texts, known)]


def lost(offer: Offer, texts: Sequence[str]) -> list[str]:
    """Every field of the offer, its link apart, that stands in none of the texts."""
    plain = [folded(text) for text in texts]
    return [
        f"{what} “{value}” is missing"
        for what, value in _fields(offer).items()
        if folded(value) and not any(stands(value, text) for text in plain)
    ]


def invented(offer: Offer, texts: Sequence[str], known: Sequence[str] = ()) -> list[str]:
    """Every fact of the texts that neither the offer nor `known` has."""
    parts = (folded(part) for part in (*_fields(offer).values(), offer.link, *known))
    brief = sorted({part for part in parts if part}, key=lambda part: (-len(part), part))
    found: dict[str, None] = {}
    for text in texts:
        rest = _PAGE.sub(_page, folded(text))
        for part in brief:
            rest = _without(rest, part)
        for fact in _found(rest):
            said = fact.text.strip(_HOLE + " ")
            if fact.kind == "weekday":
                continue  # "a slow Monday" is any Monday; "until Monday" is a date
            if not any(stands(said, part) for part in brief):
                found[f"the {fact.kind} “{said}” is not in the brief"] = None
    return [*found]


def _fields(offer: Offer) -> dict[str, str]:
    return {
        "the offer": offer.text, "the name": offer.name, "the price": offer.price,
        "the former price": offer.was, "the dates": offer.dates, "the call to action": offer.call,
    }  # fmt: skip


def _page(match: re.Match[str]) -> str:
    """ "2/5" is a slide's number; "3/2" is not."""
    return _HOLE if 1 <= int(match[1]) <= int(match[2]) <= 20 else match[0]


def _without(text: str, part: str) -> str:
    for start in reversed(list(_places(part, text))):
        text = text[:start] + _HOLE + text[start + len(part) :]
    return text


def _places(part: str, text: str) -> Iterator[int]:
    """Where `part` stands whole: "2 EUR" is not in "12 EUR", nor "12" in "12.50" or "€12"."""
    start = text.find(part)
    reached = 0
    while start >= 0:
        before, after = text[:start][-2:], text[start + len(part) :][:2]
        if (
            start >= reached
            and not _goes_on(before[::-1], part[0])
            and not _goes_on(after, part[-1])
        ):
            yield start
            reached = start + len(part)
        start = text.find(part, start + 1)


def _goes_on(beside: str, edge: str) -> bool:
    """Whether a word or number does not end between `edge` and what stands beside it, nearest
    character first."""
    if not beside or not (edge.isalnum()):
        return False
    near = beside[0]
    if near.isalnum():
        # No blanks between words in these scripts, so none of them shows where a word ends.
        return not (_han(near) or _han(edge))
    if not edge.isdigit():
        return False
    if near in "%‰٪％" or unicodedata.category(near) == "Sc":
        return True
    return near in ".,:'’/" and len(beside) > 1 and beside[1].isdigit()


def _han(letter: str) -> bool:
    return re.match(f"[{_HAN}]", letter) is not None
