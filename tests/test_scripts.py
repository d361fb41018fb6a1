"""Every script is set properly, or refused with the font that is missing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import typst

from feedsmith.brand import Palette
from feedsmith.design import faces, palette
from feedsmith.design.faces import MissingFont
from feedsmith.design.render import Rendered, render

OWN = Path(__file__).parent / "fixtures" / "fonts" / "tiny-japanese.ttf"
PAIRS = ("fraunces", "geometric", "poster", "typewriter")
TEXTS = {
    "Arabic": "انطلق باكراً، وخذ الشاي معك؟ لله ١٢٣",
    "Persian": "می‌خواهم «چای» گرم پژگچ ۱۲۳؛ خانهٔ",
    "Urdu": "ٹھنڈی ہوا، ڑ ے ں",
    "Arabic with a name and a price": "خصم 20% على Tall Tree حتى 12 مايو، € 24.50",
    "Hebrew": "צאו מוקדם, קחו תרמוס: ₪ 89.90 – „כן”",
    "Hindi": "क्षत्रिय ज्ञान श्री ₹ 1,499। ऊँचा पेड़, ०१२",
    "Hindi with a name": "Tall Tree पर 20% की छूट",
    "Marathi": "ळ, ऱ्हास, चॉकलेट",
    "Greek with a sum in drams": "Τιμή: 24,50 € → 3 ₸",
    "Vietnamese": "Hãy về bằng con đường dài 249.000 ₫",
    "emoji": "🌲🥾☕ 🎉",
}
REFUSED = {
    "早起きして": "Noto Sans JP",
    "新年快乐": "Noto Sans SC",
    "봄 세일": "Noto Sans KR",
    "สวัสดี": "Noto Sans Thai",
    "বাংলা": "Noto Sans Bengali",
    "தமிழ்": "Noto Sans Tamil",
    "ლარი": "Noto Sans Georgian",
    "գարուն": "Noto Sans Armenian",
    "አማርኛ": "Noto Sans Ethiopic",
}
ROLES = palette.complete(Palette())
PHOTO = np.full((1400, 1100, 3), (90, 120, 100), np.uint8)


def compiler(source: str, *folders: str, **inputs: str) -> typst.Compiler:
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False,
        font_paths=[str(faces.FOLDER), *folders],
    )  # fmt: skip
    return typst.Compiler(source.encode(), font_paths=fonts, sys_inputs=inputs)


SET = """
#let face = json(bytes(sys.inputs.face))
#set page(width: 4000pt, height: auto)
#set text(
  font: (face.family, ..face.more), weight: face.weight, style: face.style, size: 100pt,
  fallback: false,
)
"""


def glyphs(words: str, face: faces.Face, *folders: str) -> list[str]:
    """Ids of the glyphs the typesetter takes for `words`."""
    made = compiler(
        SET + "#sys.inputs.words", *folders, face=json.dumps(face._asdict()), words=words
    ).compile(format="svg")
    assert isinstance(made, bytes)
    return re.findall(r'<use[^>]*?href="#(g[0-9A-Fa-f]+)"', made.decode())


def boxes(face: faces.Face, *folders: str) -> set[str]:
    """Ids of the boxes its families draw for a letter they lack, here a private one."""
    families = [face._replace(family=family, more=()) for family in (face.family, *face.more)]
    return {glyph for one in families for glyph in glyphs("\ue123", one, *folders)}


def width(words: str, face: faces.Face) -> float:
    """Points at 100 points."""
    source = SET + "#context [#metadata(measure(sys.inputs.words).width / 1pt) <w>]"
    asked = compiler(source, face=json.dumps(face._asdict()), words=words)
    return float(json.loads(asked.query("<w>", field="value"))[0])


def set_in(words: str, pair: str, role: str = "display") -> faces.Face:
    own: faces.Face = getattr(faces.PAIRS[pair], role)
    return faces.substitutes(words, faces.PAIRS[pair]).get(role, own)


def quote(words: str, **more: str) -> Rendered:
    return render("quote-side", {"quote": words}, {"main": PHOTO}, ROLES, "portrait", 1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("script", TEXTS)
def test_no_letter_is_missing(script: str, pair: str) -> None:
    words = faces.glued(TEXTS[script])
    for role in ("display", "text"):
        face = set_in(words, pair, role)
        visible = {ord(c) for c in words if not c.isspace() and c not in "\u200c\u2060"}
        assert visible <= faces.covered(face)
        drawn = glyphs(words, face)
        assert drawn
        assert not boxes(face) & set(drawn)


def test_the_box_for_a_missing_letter_is_recognised_as_such() -> None:
    face = faces.PAIRS["slab"].display
    assert boxes(face) & set(glyphs("A新", face))


@pytest.mark.parametrize("pair", ["fraunces", "geometric"])
def test_arabic_letters_join(pair: str) -> None:
    for word in ("بيت", "الطريق", "صباحاً"):
        face = set_in(word, pair)
        assert width(word, face) < 0.9 * sum(width(letter, face) for letter in word)
        assert set(glyphs(word, face)) != {glyphs(c, face)[0] for c in word if glyphs(c, face)}


def test_devanagari_letters_form_conjuncts_and_signs_change_places() -> None:
    face = set_in("क्ष", "slab")
    assert len(glyphs("क्ष", face)) < len(glyphs("क्\u200cष", face))
    assert glyphs("कि", face)[-1] == glyphs("क", face)[0]  # the vowel is written before its letter


def test_joined_letters_are_never_spaced_and_stand_further_apart() -> None:
    for words in ("انطلق", "जल्दी"):
        face = set_in(words, "typewriter")
        assert face.joined
        assert face.tracking == 0.0
        assert face.lead >= 1.3
        assert faces.PAIRS["typewriter"].display.tracking != 0.0


def test_latin_words_and_figures_keep_the_brands_face_beside_arabic() -> None:
    face = set_in(TEXTS["Arabic with a name and a price"], "fraunces")
    assert face.family == "Fraunces"
    assert face.more == ("Noto Naskh Arabic",)


def test_marks_above_capitals_clear_the_line_above() -> None:
    own = faces.PAIRS["poster"].display
    assert set_in("Ärger", "poster").lead > own.lead
    assert "display" not in faces.substitutes("Anger", faces.PAIRS["poster"])


@pytest.mark.parametrize("words", REFUSED)
def test_a_script_no_font_has_is_refused_with_the_font_it_needs(words: str) -> None:
    with pytest.raises(MissingFont) as caught:
        quote(f"Tall Tree {words}")
    assert caught.value.font == REFUSED[words]
    assert REFUSED[words] in caught.value.message
    assert "[fonts]" in caught.value.mend


def test_a_currency_no_font_has_is_refused_with_its_code() -> None:
    with pytest.raises(MissingFont, match="som sign") as caught:
        faces.substitutes("450 ⃀", faces.PAIRS["serif"])
    assert '"KGS"' in caught.value.mend


def test_the_brands_own_font_sets_what_it_has_and_lines_break_between_its_letters() -> None:
    pair = faces.custom(OWN, OWN)
    words = "早起きして、新しい散歩道を行こう。新しい季節の散歩道、お茶を持って行こう。"
    done = quote(words, pair=pair, language="ja")  # type: ignore[arg-type]
    assert done.text == (words,)
    face = faces.substitutes(words, pair)["voice"]
    assert not boxes(face, *pair.folders) & set(glyphs(words, face, *pair.folders))


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("Take the long way", "ltr"),
        ("انطلق باكراً", "rtl"),
        ("צאו מוקדם", "rtl"),
        ("Tall Tree: خصم كبير على كل شيء", "rtl"),
        ("20% הנחה על Tall Tree עד 12.5", "rtl"),
        ("Try our שווארמה tonight, fresh from the grill", "ltr"),
        ("€ 24.50", "ltr"),
        ("जल्दी निकलें", "ltr"),
        ("", "ltr"),
    ],
)
def test_words_run_the_way_their_letters_do(words: str, way: str) -> None:
    assert faces.direction(words) == way


def columns(done: Rendered, plain: Rendered) -> np.ndarray:
    """Columns of the page where two posts differ."""
    return np.flatnonzero((done.rgb != plain.rgb).any(axis=(0, 2)))


def test_right_to_left_words_begin_at_the_right() -> None:
    def edges(words: str) -> tuple[float, float]:
        one = render("quote-band", {"quote": words}, {"main": PHOTO}, ROLES, "portrait", 1)
        two = render("quote-band", {"quote": words[:6]}, {"main": PHOTO}, ROLES, "portrait", 1)
        found = columns(one, two)
        return float(found[0]), 1080 - float(found[-1])

    left, right = edges("عد من الطريق الطويل ودع الهدوء يتحدث")
    assert right < 130 < left
    left, right = edges("Take the long way back, and rest")
    assert left < 130 < right


def test_words_with_emoji_leave_them_to_the_caption_but_emoji_alone_are_set_in_one_ink() -> None:
    assert faces.plain("Take the long way 🌲🏔️ back 👩‍🌾") == "Take the long way back"
    assert faces.plain("Take it 🌲", emoji=True) == "Take it 🌲"
    assert faces.plain("👩🏽‍🍳 ❤️‍🔥") == "👩🍳 ♥🔥"
    assert faces.plain("50% 🎉") == "50%"
    done = quote("🌲🥾☕")
    assert done.text == ("🌲🥾☕",)
    assert done.min_contrast >= 4.5


def test_joiners_that_are_spelling_stay() -> None:
    assert faces.plain("می‌خواهم") == "می‌خواهم"
    assert faces.plain("ﻣﺮﺣﺒﺎ") == "مرحبا"


def test_capitals_are_those_of_the_language() -> None:
    """A Turkish kicker "indirim" in capitals has dots on its letters: it is taller."""

    def kicker(words: str, language: str) -> Rendered:
        slots = {"headline": "A", "kicker": words}
        return render(
            "field-content", slots, {"main": PHOTO}, ROLES, "portrait", 1, language=language
        )

    turkish, english = (kicker("indirim", code).rgb for code in ("tr", "en"))
    assert not np.array_equal(turkish, english)
    assert np.array_equal(kicker("Καφές", "el").rgb, kicker("Καφες", "el").rgb)
