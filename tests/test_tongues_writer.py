"""Whole captions in German, French, Spanish and Portuguese, from briefs as the stages give them."""

import re

import pytest

from feedsmith.brand import Brand
from feedsmith.captions import rank
from feedsmith.captions.alt_text import by, describe
from feedsmith.captions.brief import Caption, CaptionBrief
from feedsmith.captions.habits import EMOJI, bare, habits
from feedsmith.captions.skeletons import scene
from feedsmith.captions.tongues import detect, lexicon
from feedsmith.captions.tongues.tongue import Tongue, speak
from feedsmith.captions.writer import Writer
from feedsmith.facts import kept
from feedsmith.post import KINDS, Kind, Offer, PastPost

CODES = ("de", "fr", "es", "pt")
NICHES = {
    "de": ("Outdoorladen", "Bäckerei & Café", "Keramik und Kerzen"),
    "fr": ("randonnée & outdoor", "boulangerie", "céramique"),
    "es": ("senderismo", "panadería y café", "cerámica y velas"),
    "pt": ("trilhas & outdoor", "padaria", "cerâmica"),
}
SHOWS = (
    ("boulders", "rocky shore", "pale sky"), ("loblolly pine", "needles"),
    ("acorns", "oak leaves", "twig"), ("lake", "reflection", "mountains"),
    ("trail", "mountain wall", "grass"), ("dahlia", "orange petals"), ("osprey", "branch"),
    ("sand dunes", "night sky"), ("red barn", "pond", "dark clouds"), ("moss", "stump"),
)  # fmt: skip


def tongue(code: str) -> Tongue:
    found = speak(code)
    assert found is not None
    return found


def briefs(n: int, code: str, niche: int = 0, **given: object) -> list[CaptionBrief]:
    brand = Brand(name="Haus Nord", niche=NICHES[code[:2]][niche], voice="dry", language=code)
    made = {"kind": "photo", "brand": brand, **given}
    return [CaptionBrief(**{"shows": SHOWS[i % len(SHOWS)], **made}) for i in range(n)]  # type: ignore[arg-type]


def every_word(caption: Caption) -> list[str]:
    return [w for w in (caption.text, caption.headline, caption.quote, *caption.slides) if w]


@pytest.mark.parametrize("code", CODES)
def test_thirty_captions_share_no_opening_and_no_sentence(code: str) -> None:
    captions = Writer().write(briefs(30, code), seed=1)
    assert len({c.text for c in captions}) == 30
    assert len({" ".join(bare(c.text).lower().split()[:3]) for c in captions}) == 30
    used = [line for c in captions for line in str(c.reasons["skeletons"]).split()]
    assert len(set(used)) == len(used)
    assert all(line.startswith(f"{code}:") for line in used)


@pytest.mark.parametrize("code", [*CODES, "pt-PT", "fr-CA", "es-MX", "de-CH"])
def test_every_word_of_every_kind_is_in_the_language(code: str) -> None:
    told = 0
    for kind in KINDS:
        for niche, shows in enumerate((SHOWS[3], ("croissants", "coffee"), ("mug", "shelf"))):
            offer = Offer(name="Xyzzy", price="12 EUR") if kind in ("product", "promo") else Offer()
            beside = (("tea",), ("oak", "sky")) if kind in ("carousel", "collage") else ()
            asked = briefs(2, code, niche, kind=kind, shows=shows, details=offer, beside=beside)
            for caption in Writer().write(asked, seed=niche):
                for words in every_word(caption):
                    said = detect.of_one(words.replace("Xyzzy", ""))
                    assert said in ("", code[:2]), words
                    told += said == code[:2]
    assert told > 40


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_parts(code: str, kind: Kind) -> None:
    offer = "Wolle, 34 EUR" if kind in ("promo", "product") else ""
    for caption in Writer().write(briefs(6, code, kind=kind, offer=offer), seed=1):
        assert caption.text
        assert offer in caption.text
        assert len(caption.headline.split()) <= 6
        if kind not in ("gif", "collage"):
            assert (caption.headline == "") == (kind == "photo")
        assert (caption.slides == ()) == (kind not in ("carousel", "reel"))
        if kind == "reel":
            assert 2 <= len(caption.slides) <= 4
        if kind == "quote":
            assert 0 < len(caption.quote) <= 110
        if kind == "carousel":
            assert 3 <= len(caption.slides) <= 4
        if kind == "story":
            assert len(caption.text.split()) <= 16


@pytest.mark.parametrize("code", CODES)
def test_a_picture_of_which_nothing_is_known_gets_a_plain_caption(code: str) -> None:
    captions = Writer().write(briefs(12, code, shows=()), seed=1)
    assert len({c.text for c in captions}) == 12
    assert all(detect.of_one(c.text) in ("", code) for c in captions)


@pytest.mark.parametrize("code", CODES)
def test_a_word_without_a_name_is_left_out_rather_than_said_in_english(code: str) -> None:
    for shows in (("usb hub", "savasana"), ("patience", "hackberry", "usb hub")):
        for caption in Writer().write(briefs(4, code, shows=shows), seed=2):
            said = " ".join(every_word(caption)).lower()
            assert not any(word in said for word in ("usb", "savasana", "patience", "hackberry"))


MUG = Offer(
    name="Handgedrehte Tasse, 350 ml", price="38 EUR", was="45 EUR", call="Schreib uns bis 17 Uhr"
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_each_fact_of_its_offer_and_adds_none(kind: Kind) -> None:
    for code in CODES:
        for caption in Writer().write(
            briefs(3, code, 2, kind=kind, details=MUG, shows=("mug",)), 4
        ):
            assert kept(MUG, every_word(caption)) == []
            assert bare(caption.text).removesuffix(".").endswith(MUG.call)


def test_a_former_price_is_said_in_the_language() -> None:
    said = {code: briefs(1, code, kind="product", details=MUG)[0].price for code in CODES}
    assert said == {
        "de": "38 EUR (statt 45 EUR)", "fr": "38 EUR (au lieu de 45 EUR)",
        "es": "38 EUR (antes 45 EUR)", "pt": "38 EUR (antes 45 EUR)",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name", "english"),
    [
        ("de", "Handgedrehte Tasse mit Henkel, 350 ml", "cup"), ("de", "Kerze „Wald“", "candle"),
        ("de", "Keramikschale für Obst", "ceramic bowl"), ("fr", "Grand mug en grès", "stoneware mug"),
        ("fr", "Bougie à l'orange", "candle"), ("es", "Taza de gres", "stoneware mug"),
        ("es", "Vela con aroma a pino", "candle"), ("pt", "Caneca de grés, 350 ml", "stoneware mug"),
        ("pt-PT", "Chávena azul", "cup"), ("de", "Modell Xyzzy", ""),
    ],
)  # fmt: skip
def test_a_product_is_what_its_name_says(code: str, name: str, english: str) -> None:
    (brief,) = briefs(1, code, 2, kind="product", details=Offer(name=name, price="9 EUR"), shows=())
    found = tongue(code).goods(brief)
    assert (found.keyword if found else "") == english


def test_keywords_may_come_in_the_brands_own_language() -> None:
    for code, shows, said in (
        ("de", ("Felsen", "Küste"), "fels"), ("fr", ("montagne", "lac"), "montagne"),
        ("es", ("árboles", "cielo"), "árboles"), ("pt", ("cachoeira",), "cachoeira"),
    ):  # fmt: skip
        captions = Writer().write(briefs(5, code, shows=shows), seed=3)
        assert sum(said in c.text.lower() for c in captions) >= 3


def test_a_german_word_that_looks_english_is_read_as_german() -> None:
    shown = tongue("de").shown(
        ("rock", "linen"), ["Ein neuer Rock aus Leinen, für den Sommer und danach."], ("leinen",)
    )
    assert shown[0] in ("skirt", "linen")
    assert "skirt" in shown and "rock" not in shown  # noqa: PT018
    # Where the caption is English, or says nothing, the library's words stand.
    assert tongue("de").shown(("rock",), ["A rock by the lake."], ()) == ("rock",)
    assert tongue("de").shown(("rock",), [], ()) == ("rock",)


@pytest.mark.parametrize(
    ("code", "text", "tags", "first"),
    [
        ("de", "Der See liegt ganz still heute, und wir auch.", (), "lake"),
        ("de", "Wie ein Berg stand er da, und keiner hat etwas gesagt.", (), ""),
        ("fr", "L'arbre devant la maison est le premier à changer de couleur.", (), "tree"),
        ("es", "Hoy no hay mucho que decir, solo pan.", ("pan",), "bread"),
        ("pt", "As folhas de outono no caminho, e ninguém com pressa.", (), "autumn leaves"),
    ],
)
def test_a_caption_says_what_its_photo_shows(
    code: str, text: str, tags: tuple[str, ...], first: str
) -> None:
    found = tongue(code).shown((), [text], tags)
    assert (found[0] if found else "") == first


def test_people_are_addressed_as_the_setting_or_the_past_captions_do() -> None:
    brand = Brand(name="N", language="de")
    past = tuple(
        PastPost(id=str(i), text="Kommen Sie vorbei, wir zeigen Ihnen alles.") for i in range(5)
    )
    assert not habits(brand, ()).formal
    assert habits(brand, past).formal
    assert not habits(brand.model_copy(update={"address": "informal"}), past).formal
    assert habits(brand.model_copy(update={"address": "formal"}), ()).formal
    asks = 0
    for history in ((), past):
        asked = briefs(
            20, "de", history=history, brand=brand.model_copy(update={"niche": "Outdoor"})
        )
        for caption in Writer().write(asked, seed=6):
            friendly = re.search(r"\b(?:du|dich|dir|dein\w*)\b", caption.text, re.I)
            assert not (history and friendly), caption.text
            asks += friendly is not None
    assert asks


def test_a_founder_who_says_i_is_not_made_to_say_we() -> None:
    past = tuple(
        PastPost(id=str(i), text="Ich habe heute meine ersten Tassen aus dem Ofen geholt.")
        for i in range(6)
    )
    for caption in Writer().write(briefs(20, "de", 2, shows=("mug",), history=past), seed=1):
        assert not re.search(r"\b(?:wir|uns|unser\w*)\b", caption.text, re.I), caption.text


def test_a_bakery_says_nothing_of_leaves() -> None:
    for code in CODES:
        (brief,) = briefs(1, code, 1, shows=("leaf", "bread"))
        for caption in Writer().write([brief] * 3, seed=1):
            assert tongue(code).surface(("leaf",))[0].lower() not in caption.text.lower()


def test_emoji_keep_to_the_budget_and_go_with_the_subject() -> None:
    past = tuple(
        PastPost(id=str(i), text=f"Das ist der Wald Nummer {i} und mehr 🌳") for i in range(8)
    )
    captions = Writer().write(briefs(12, "de", history=past), seed=1)
    assert sum(EMOJI.search(c.text) is not None for c in captions) >= 6
    quiet = Brand(name="N", niche="Outdoor", language="de", emoji_max=0)
    for caption in Writer().write(briefs(8, "de", brand=quiet, history=past), seed=1):
        assert not EMOJI.search(caption.text)


def test_german_nouns_keep_their_capitals() -> None:
    nouns = {
        e.one for e in lexicon.lexicon("de").entries.values()
        if e is not None and e.one.lower() not in ("weide", "grün", "fels", "linde", "mehr")
    }  # fmt: skip
    for caption in Writer().write(briefs(30, "de"), seed=5):
        for word in re.findall(r"[^\W\d_]+", " ".join(every_word(caption))):
            assert word.capitalize() not in nouns or word[0].isupper(), caption


def test_french_has_thin_blanks_and_canada_does_not() -> None:
    for code, thin in (("fr", True), ("fr-CA", False)):
        said = " ".join(w for c in Writer().write(briefs(12, code), 1) for w in every_word(c))
        assert ("\u202f?" in said) == thin
        assert not re.search(r"[\w ][?!;](?=\s|$)", said) or not thin


# ---------------------------------------------------------------- the gate for sampled captions


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Der Fels am Ufer hat heute nichts vor.", ""),
        ("Felsen am Ufer, und wir schauen zu.", ""),
        ("The rocks are not going anywhere today.", "another language"),
        ("Les rochers ne vont nulle part aujourd'hui.", "another language"),
        ("Rocky shore.", "not in the brand's language"),
        ("Drei Felsen am Ufer, und der Himmel ist noch blass.", "number not in the brief"),
        ("Am Montag lagen die Felsen noch ganz anders da.", "season or time not known"),
        ("Der Herbst liegt schon auf den Felsen am Ufer.", "season or time not known"),
        ("Jetzt mit Rabatt: die schönsten Felsen für alle.", "claim not in the brief"),
        ("Die Felsen am Ufer und ein Hund, der nicht mitkommen will.", "not in the picture"),
        ("Der Fels am am Ufer hat nichts vor.", "doubled word"),
        ("Der Fels am Ufer hat nichts vor", "does not end"),
        ("der Fels am Ufer hat nichts vor.", "starts small"),
    ],
)
def test_a_sampled_caption_is_judged_in_its_language(text: str, reason: str) -> None:
    (brief,) = briefs(1, "de", shows=("boulders", "rocks", "shore", "sky"))
    whole = tongue("de").scene(scene(brief.shows))
    manner = habits(brief.brand, ())
    assert rank.refuse(text, brief, whole, manner, rank.Seen(), trust="large") == reason


def test_names_nobody_knows_are_refused_where_capitals_tell_them() -> None:
    (brief,) = briefs(1, "fr", shows=("lake", "mountains"))
    whole = tongue("fr").scene(scene(brief.shows))
    manner = habits(brief.brand, ())
    said = "Le lac est calme, et Camille n'a rien à dire."
    assert (
        rank.refuse(said, brief, whole, manner, rank.Seen(), trust="large")
        == "name not in the brief"
    )


# ---------------------------------------------------------------- alt text


@pytest.mark.parametrize(
    ("code", "shows", "said"),
    [
        ("de", ("boulders", "rocky shore", "pale sky"), "Felsbrocken, eine Felsküste und Himmel."),
        ("fr", ("oak", "moss", "sky"), "Un chêne, de la mousse et le ciel."),
        ("es", ("coffee", "croissants"), "Café y unos cruasanes."),
        ("pt", ("lake", "usb hub"), "Um lago."),
        ("de", ("usb hub",), "Ein Foto von Haus Nord."),
    ],
)
def test_alt_text_lists_what_is_seen(code: str, shows: tuple[str, ...], said: str) -> None:
    assert describe(shows, language=code, fallback=by("Haus Nord", code)) == said


def test_alt_text_keeps_what_a_person_wrote_and_tells_words_on_the_picture() -> None:
    own = "Ein Stein, auf dem jemand sitzt."
    assert describe(("rock",), method="crop", past=(own,), language="de") == own
    said = describe(("oak",), kind="quote", text_on_picture="Bleib stehen.", language="de")
    assert said == "Der Text „Bleib stehen.“, dazu ein Foto: eine Eiche."


@pytest.mark.parametrize("code", ["de", "fr", "es", "pt"])
def test_alt_text_of_a_walk_says_that_dots_are_seen(code: str) -> None:
    said = describe(("oak",), kind="gif", walked=True, language=code)
    assert re.search(r"\b(Punkte|points|puntos|pontos)\b", said)
    assert "{" not in said
    assert ":" in said
    assert ":" not in describe((), kind="gif", walked=True, language=code, fallback="x")
