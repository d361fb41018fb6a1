import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith.sources import caption
from feedsmith.sources.caption import decode, hashtags, mend, mentions, without_hashtags


@settings(max_examples=60)
@given(st.text("aé 🌲ßم日\u0301ÃÂð", max_size=20))
def test_what_the_export_breaks_is_mended(text: str) -> None:
    assert mend(text.encode("utf-8").decode("latin-1")) == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("caf\u00c3\u00a9 \u00f0\u009f\u008c\u00b2", "café 🌲"),
        ("café, naïve", "café, naïve"),
        ("🌲 caf\u00c3\u00a9", "🌲 café"),
        ("cut \u00f0\u009f\u008c", "cut \u00f0\u009f\u008c"),
        ("", ""),
    ],
)
def test_text_that_is_right_or_half_right_is_kept(written: str, meant: str) -> None:
    assert mend(written) == meant


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#one #two_words #Three3", ["one", "two_words", "Three3"]),
        ("#one#two", ["one", "two"]),
        ("#One #ONE #öne", ["One"]),
        ("#münchen #café #gemütlich", ["münchen", "café", "gemütlich"]),
        ("#ロボット届きました#新商品", ["ロボット届きました", "新商品"]),
        ("今日#ロボット", ["ロボット"]),
        ("#قط #قطط", ["قط", "قطط"]),
        ("#हिन्दी #ภาษาไทย", ["हिन्दी", "ภาษาไทย"]),
        ("#🌲 #love❤️ #👩🏽‍🌾farm", ["🌲", "love❤️", "👩🏽‍🌾farm"]),
        ("＃wide", ["wide"]),
        ("we are #1 with #50% off, C#major", []),
        ("https://example.com/#about and &#39; no", []),
        ("(#inside), #end.", ["inside", "end"]),
        ("# alone ## #_", []),
    ],
)
def test_it_finds_hashtags_in_any_script(text: str, tags: list[str]) -> None:
    assert list(hashtags(text)) == tags


@pytest.mark.parametrize(
    ("text", "accounts"),
    [
        ("by @northloom_studio in", ["northloom_studio"]),
        ("@a.b.c. and @a.b.c", ["a.b.c"]),
        ("write to me@example.com", []),
        ("(@one)@two", ["one", "two"]),
        ("see https://example.com/@nobody", []),
    ],
)
def test_it_finds_mentions(text: str, accounts: list[str]) -> None:
    assert list(mentions(text)) == accounts


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("New batch.\n.\n.\n.\n#soy #cedar", "New batch."),
        ("It’s a #husky not a wolf.", "It’s a husky not a wolf."),
        ("Back Monday. #roadtrip #colorado", "Back Monday."),
        ("Sunday at the #beach", "Sunday at the beach"),
        ("Morning light #sunrise", "Morning light"),
        ("#rubberduck #bathtime", ""),
        ("One.\n\n⠀\n\nTwo.\n•\n•\n#a | #b • #c", "One.\n\nTwo."),
        ("Clip (sound on) 🔊 #reel #budgie", "Clip (sound on) 🔊"),
        ("50% off, #1 in town", "50% off, #1 in town"),
        ("No tags at all", "No tags at all"),
    ],
)
def test_the_words_stay_when_the_hashtags_go(text: str, plain: str) -> None:
    assert without_hashtags(text) == plain


@given(st.text(alphabet="ab #@.\n🌲é0_ ", max_size=60))
def test_no_text_makes_it_stumble(text: str) -> None:
    assert "\n\n\n" not in without_hashtags(text)
    assert all(tag and "#" not in tag for tag in hashtags(text))
    assert all(account in text for account in mentions(text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_decoded_whatever_wrote_it(encoding: str) -> None:
    data = "Grüße, „Anna“ – 5 €".encode(encoding)
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + data
    assert decode(data).lstrip("\ufeff") == "Grüße, „Anna“ – 5 €"


def test_bytes_that_are_no_text_are_still_decoded() -> None:
    assert isinstance(decode(bytes(range(256))), str)
    assert caption.folded("Café") == caption.folded("CAFE")
