"""Which language a setting means ("de-AT", "German", "pt_BR"), and the few words that a brief needs
in it. Knows no grammar and no sentence."""

import re
from typing import NamedTuple


class Spoken(NamedTuple):
    code: str
    """ISO 639-1, e.g. "de"; "" where the setting names no language known here."""
    region: str
    """ISO 3166, e.g. "CH"; "" for none."""


_CALLED = {
    "": "en", "en": "en", "eng": "en", "english": "en",
    "de": "de", "deu": "de", "ger": "de", "german": "de", "deutsch": "de",
    "fr": "fr", "fra": "fr", "fre": "fr", "french": "fr", "français": "fr", "francais": "fr",
    "es": "es", "spa": "es", "spanish": "es", "español": "es", "espanol": "es",
    "castellano": "es",
    "pt": "pt", "por": "pt", "portuguese": "pt", "português": "pt", "portugues": "pt",
}  # fmt: skip
_LATIN_AMERICA = frozenset(
    "419 AR BO CL CO CR CU DO EC GT HN MX NI PA PE PR PY SV US UY VE".split()  # noqa: SIM905
)
"""Regions whose Spanish says "celular" and "jugo"; 419 is Latin America as a whole."""

_WAS = {
    "de": "(statt {})", "fr": "(au lieu de {})", "es": "(antes {})", "pt": "(antes {})",
}  # fmt: skip


def spoken(language: str) -> Spoken:
    """The language and region of a setting; code "" for one that has no sentences here."""
    first, *rest = re.split(r"[-_ ]", language.strip())
    code = _CALLED.get(first.lower(), "")
    region = next((part.upper() for part in rest if re.fullmatch(r"[A-Za-z]{2}|\d{3}", part)), "")
    return Spoken(code, region if code else "")


def variety(language: str) -> str:
    """Which of two ways of a language is written where they differ: "PT" for Portugal, "MX" for the
    Spanish of America, "CH" for Swiss German, "CA" for Canadian French; "" for the other one."""
    code, region = spoken(language)
    if code == "pt":
        return "PT" if region not in ("", "BR") else ""
    if code == "es":
        return "MX" if region in _LATIN_AMERICA else ""
    if (code, region) in (("de", "CH"), ("de", "LI"), ("fr", "CA")):
        return "CA" if code == "fr" else "CH"
    return ""


def was(language: str, price: str) -> str:
    """A former price in brackets: "(was 18 EUR)", "(statt 18 EUR)"."""
    return _WAS.get(spoken(language).code, "(was {})").format(price)
