"""Templates filled with words and pictures."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import faces, palette, template
from feedsmith.design.contrast import READABLE
from feedsmith.design.render import (
    Broken,
    Misfit,
    Rendered,
    compose,
    compose_carousel,
    overlay,
    parted,
    render,
)
from feedsmith.errors import FeedsmithError

ROLES = palette.complete(Palette())


def shot(width: int = 720, height: int = 1280, seed: int = 0, soft: float = 8) -> np.ndarray:
    """Something like a photo: soft coloured blobs."""
    noise = np.random.default_rng(seed).integers(0, 256, (24, 16, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(soft)))


def quote(words: str, layout: str = "quote-band", **more: object) -> Rendered:
    return render(layout, {"quote": words}, {"main": shot()}, ROLES, "portrait", 1, **more)  # type: ignore[arg-type]


def test_it_gives_the_formats_exact_size_and_says_what_it_set() -> None:
    done = quote("Take the long way back.")
    assert done.rgb.shape == (1350, 1080, 3)
    assert done.rgb.dtype == np.uint8
    assert done.text == ("Take the long way back.",)
    assert done.min_contrast >= READABLE


def test_the_same_input_gives_the_same_pixels() -> None:
    first, second = (quote("Take the long way back.", "quote-over") for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb)


@pytest.mark.parametrize(
    "words",
    [
        '#panic("no") and $x^2$ stay words',
        '"] #set page(fill: red) [',
        r"back\slash *stars* _lines_ `ticks` @name <label>",
        "#sys.inputs // comment /* block */",
    ],
)
def test_words_are_never_read_as_markup(words: str) -> None:
    assert quote(words).text == (words,)


def test_words_change_the_picture_only_where_words_stand() -> None:
    one, two = (
        render("story-split", {"headline": h}, {"main": shot()}, ROLES, "story", 1).rgb
        for h in ("Fog in the valley", "Gold on the ridge today")
    )
    differs = np.flatnonzero((one != two).any(axis=(1, 2)))
    assert differs[0] >= 1920 * rules.STORY_SAFE_TOP
    assert differs[-1] < 1920 * (1 - rules.STORY_SAFE_BOTTOM)


@pytest.mark.parametrize("name", ["white", "black", "grey", "stripes", "noise"])
def test_words_read_on_any_picture(name: str) -> None:
    picture = {
        "white": np.full((1280, 720, 3), 255, np.uint8),
        "black": np.zeros((1280, 720, 3), np.uint8),
        "grey": np.full((1280, 720, 3), 119, np.uint8),
        "stripes": np.repeat(
            (np.arange(720) // 9 % 2 * 255).astype(np.uint8)[None, :, None], 1280, 0
        ).repeat(3, 2),
        "noise": np.random.default_rng(3).integers(0, 256, (1280, 720, 3), dtype=np.uint8),
    }[name]
    done = render(
        "story-poster",
        {"kicker": "Saturday", "headline": "Fog in the valley", "body": "Bring a flask."},
        {"main": picture},
        ROLES,
        "story",
        1,
    )
    assert done.min_contrast >= READABLE


@pytest.mark.parametrize(("subject", "card"), [("top", "bottom"), ("bottom", "top")])
def test_words_keep_off_what_the_eye_goes_to(subject: str, card: str) -> None:
    saliency = np.zeros((64, 36), np.float32)
    saliency[: 28 if subject == "top" else None] = subject == "top"
    if subject == "bottom":
        saliency[34:] = 1
    flat = np.full((1280, 720, 3), 128, np.uint8)
    done = render(
        "story-note", {"headline": "Fog"}, {"main": flat}, ROLES, "story", 1,
        saliency={"main": saliency},
    )  # fmt: skip
    rows = np.flatnonzero((done.rgb[:, 540] != 128).any(axis=1))
    assert ("top" if rows.mean() < 960 else "bottom") == card


def test_long_words_shrink_before_they_are_refused() -> None:
    sentence = "Nobody comes home from a walk in the rain and wishes they had stayed in. "
    assert quote(sentence * 2).text == ((sentence * 2).strip(),)
    with pytest.raises(Misfit, match="no room for"):
        quote(sentence * 12)


def test_it_falls_back_to_a_layout_that_takes_the_words() -> None:
    long = "Nobody comes home from a walk in the rain and wishes they had stayed in, ever. " * 7
    with pytest.raises(Misfit):
        quote(long, "quote-side")
    names = {
        compose("quote", {"quote": long}, {"main": shot()}, ROLES, "portrait", 1, turn).template
        for turn in (0, 1)
    }
    assert "quote-side" not in names


def test_a_photo_is_enlarged_at_most_half_again() -> None:
    red = np.full((500, 500, 3), (200, 20, 20), np.uint8)
    done = render("print-mat", {}, {"main": red}, ROLES, "portrait", 1)
    shown = (np.abs(done.rgb.astype(int) - (200, 20, 20)).max(axis=2) < 8).any(axis=0).sum()
    assert shown == 750
    with pytest.raises(Misfit, match="too small"):
        render("quote-over", {"quote": "Fog."}, {"main": red}, ROLES, "portrait", 1)


def test_a_print_shows_the_whole_photo() -> None:
    photo = shot(900, 600)
    photo = photo.copy()
    photo[:40, :40], photo[-40:, -40:] = (255, 0, 0), (0, 0, 255)
    done = render("print-mat", {}, {"main": photo}, ROLES, "portrait", 1).rgb.astype(int)
    assert (np.abs(done - (255, 0, 0)).max(axis=2) < 30).sum() > 1000
    assert (np.abs(done - (0, 0, 255)).max(axis=2) < 30).sum() > 1000


def test_emoji_are_left_to_the_caption() -> None:
    assert quote("Take the long way 🌲🏔️ back 👩‍🌾").text == ("Take the long way back",)


def test_sums_and_ranges_never_break_across_lines() -> None:
    assert faces.glued("Oak walk, 12–19 May, € 189 or 12 EUR") == (
        "Oak walk, 12\u2060–\u206019\u00a0May, €\u00a0189 or 12\u00a0EUR"
    )


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("Take off the glove. Count to ten.", "Take off the glove.\nCount to ten."),
        ("Guided oak walk, 3 May, 12 EUR", "Guided oak walk,\n3 May, 12 EUR"),
        ("Autumn sale: 20% off", "Autumn sale:\n20% off"),
        ("Walk until the day is quiet", "Walk until the day is quiet"),
        ("No, that long walk was never mine to take", "No, that long walk was never mine to take"),
    ],
)
def test_short_words_break_where_their_sense_divides(words: str, lines: str) -> None:
    assert faces.in_sense(words) == lines


def test_a_slip_is_named_with_its_mend() -> None:
    with pytest.raises(FeedsmithError, match="unknown template"):
        render("quote-bnad", {}, {}, ROLES, "portrait", 1)
    with pytest.raises(FeedsmithError, match='no slot "headline"'):
        render("print-mat", {"headline": "Fog"}, {"main": shot()}, ROLES, "portrait", 1)
    with pytest.raises(FeedsmithError, match="needs words for quote"):
        quote("  🇳🇴 ")
    with pytest.raises(FeedsmithError, match="not made for story"):
        render("quote-band", {"quote": "Fog."}, {"main": shot()}, ROLES, "story", 1)
    with pytest.raises(FeedsmithError, match="no scheme"):
        quote("Fog.", scheme="neon")


def test_a_carousel_is_of_one_family_and_counts_its_pages() -> None:
    slides = [
        ({"headline": "Three trees worth the walk"}, {"main": shot(720, 900)}),
        ({"headline": "The larch", "body": "It leans."}, {"main": shot(720, 900, 1)}),
        ({"headline": "Which is yours?", "cta": "Tell us"}, {"main": shot(720, 900, 2)}),
    ]
    done = compose_carousel(slides, ROLES, 4)
    assert [slide.rgb.shape for slide in done] == [(1350, 1080, 3)] * 3
    assert len({template.find(slide.template).family for slide in done}) == 1
    assert [template.find(slide.template).part for slide in done] == ["cover", "content", "closing"]
    assert [f"{i}/3" in slide.text for i, slide in enumerate(done, 1)] == [True] * 3


def cut_out(width: int = 600, height: int = 500) -> np.ndarray:
    """A red oval product."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 220, np.clip((1 - x**2 - y**2) * 60, 0, 1) * 255
    return rgba


PRODUCT = {"name": "Canvas bag", "price": "€ 148", "was": "€ 180"}


def test_a_cut_out_stands_whole_on_the_brands_colour_and_throws_a_shadow() -> None:
    shots = {"cutout": cut_out()}
    done = render("product-stage", PRODUCT, shots, ROLES, "portrait", 1, scheme="paper")
    red = (np.abs(done.rgb.astype(int) - (220, 0, 0)).max(axis=2) < 10).sum()
    assert red > 0.9 * 600 * 500 * np.pi / 4
    columns = np.flatnonzero((done.rgb[700:, :, 0] > 215).any(axis=0))
    assert columns.size
    paper = done.rgb[1300, 20].astype(int)
    below = done.rgb[:, 540].astype(int).sum(axis=1)
    assert below.min() < paper.sum() * 0.9


def lines(rgb: np.ndarray) -> int:
    """How many rows have a level line of 60 px and more on a plain ground."""
    drawn = np.abs(rgb.astype(int) - rgb[5, -5].astype(int)).max(axis=2) > 40
    longest = run = np.zeros(len(drawn), int)
    for column in drawn.T:
        run = (run + 1) * column
        longest = np.maximum(longest, run)
    return int((longest > 60).sum())


def test_a_former_price_is_struck_through() -> None:
    now, plain = (
        render("product-split", words, {"main": shot()}, ROLES, "portrait", 1, pair="bricolage")
        for words in (PRODUCT, PRODUCT | {"was": ""})
    )
    assert lines(now.rgb[:, 545:]) > lines(plain.rgb[:, 545:])
    assert "€ 180" in now.text


def test_a_logo_takes_the_place_of_the_name_and_suits_its_ground() -> None:
    grounds: list[str] = []

    def logo(ground: str, height: int) -> np.ndarray:
        grounds.append(ground)
        mark = np.zeros((height, 2 * height, 4), np.uint8)
        mark[..., 1], mark[..., 3] = 255, 255
        return mark

    words = {"kicker": "Tall Tree", "headline": "Fog in the valley"}
    dark = np.full((1920, 1080, 3), 20, np.uint8)
    done = render("story-poster", words, {"main": dark}, ROLES, "story", 1, logo=logo)
    assert done.text == ("Fog in the valley",)
    green = (done.rgb[..., 1] > 200) & (done.rgb[..., 0] < 60)
    assert green.sum() == pytest.approx(76 * 152, rel=0.05)
    assert max(palette.channels(grounds[-1])) < 80
    without = render("story-poster", words, {"main": dark}, ROLES, "story", 1)
    assert without.text == ("Tall Tree", "Fog in the valley")
    layer = overlay("reel-card", words | {"cta": "Come"}, [dark], ROLES, "story", 1, logo=logo)
    assert layer.text == ("Fog in the valley", "Come")


def test_words_never_cover_a_face() -> None:
    flat = np.full((1280, 720, 3), 128, np.uint8)
    words = {"headline": "Fog"}
    low, high = (0.2, 0.55, 0.8, 0.8), (0.2, 0.15, 0.8, 0.4)
    for face, side in ((low, slice(0, 960)), (high, slice(960, None))):
        done = render("story-note", words, {"main": flat}, ROLES, "story", 1, keep={"main": [face]})
        rows = np.flatnonzero((done.rgb[:, 540] != 128).any(axis=1))
        assert rows.mean() in range(*side.indices(1920)) or side.start <= rows.mean()
    with pytest.raises(Misfit, match="cover a face"):
        render(
            "quote-over", {"quote": "Leave early, come back slow"}, {"main": flat[:900]}, ROLES,
            "portrait", 1, keep={"main": [(0.1, 0.05, 0.9, 0.95)]},
        )  # fmt: skip


def test_words_never_hide_what_the_picture_is_of() -> None:
    flat = np.full((900, 720, 3), 128, np.uint8)
    words = {"headline": "Leave early, come back slow"}
    low, high = np.zeros((90, 72), np.float32), np.zeros((90, 72), np.float32)
    low[60:80, 8:50] = high[10:40, 20:50] = 1
    with pytest.raises(Misfit, match="hide what the picture shows"):
        render("leaf-cover", words, {"main": flat}, ROLES, "portrait", 1, saliency={"main": low})
    render("leaf-cover", words, {"main": flat}, ROLES, "portrait", 1, saliency={"main": high})


def test_a_pale_picture_gets_dark_words_and_no_fog() -> None:
    white = np.full((1280, 720, 3), 250, np.uint8)
    done = render("story-poster", {"headline": "Fog"}, {"main": white}, ROLES, "story", 1)
    assert done.rgb.mean() > 235


def test_right_to_left_words_mirror_the_page() -> None:
    left, right = (
        render(
            "product-split", {"name": name}, {"main": shot(soft=30)}, ROLES, "portrait", 1,
            scheme="paper",
        ).rgb
        for name in ("Canvas bag", "حقيبة سفر")
    )  # fmt: skip
    paper = np.array(palette.channels(palette.scheme("paper", ROLES)["ground"]))
    for page, empty in ((left, slice(540, None)), (right, slice(0, 540))):
        assert ((np.abs(page[:, empty].astype(int) - paper).max(axis=2) < 4).mean()) > 0.8


def frames() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(low, low + 60, (480, 270, 3), dtype=np.uint8) for low in (0, 90, 190)]


@pytest.mark.parametrize("name", ["reel-lower", "reel-centre"])
def test_words_of_a_film_read_over_every_frame(name: str) -> None:
    words = {"headline": "Leave early, come back slow", "footer": "@talltree"}
    layer, again = (overlay(name, words, frames(), ROLES, "story", 1) for _ in range(2))
    assert layer.rgba.shape == (1920, 1080, 4)
    assert layer.text == tuple(words.values())
    assert layer.min_contrast >= READABLE
    assert np.array_equal(layer.rgba, again.rgba)


def test_a_layer_for_films_is_no_picture() -> None:
    for name in ("reel-centre", "reel-lower"):
        with pytest.raises(FeedsmithError, match="a layer for films"):
            render(name, {"headline": "Fog"}, {"main": shot()}, ROLES, "story", 1)


def test_a_film_is_left_clear_away_from_its_words() -> None:
    layer = overlay("reel-bar", {"headline": "Fog"}, frames(), ROLES, "story", 1)
    assert not layer.rgba[:960, :, 3].any()
    dark = overlay("reel-lower", {"headline": "Fog"}, [frames()[0]], ROLES, "story", 1)
    light = overlay("reel-lower", {"headline": "Fog"}, [frames()[1]], ROLES, "story", 1)
    assert dark.rgba[..., 3].mean() < 0.8 * light.rgba[..., 3].mean()


def test_a_kind_finds_the_overlay_that_takes_the_words() -> None:
    tag = overlay("reel", {"name": "Bag", "price": "€ 148"}, [], ROLES, "story", 1)
    assert tag.template == "reel-tag"
    card = {t.name for t, _ in template.choose("reel", "story", 1, slots=["headline", "cta"])}
    assert "reel-card" in card
    with pytest.raises(FeedsmithError, match="no reel layout"):
        overlay("reel", {"quote": "Fog"}, [], ROLES, "story", 1)


def test_words_that_cannot_be_set_are_refused_in_words() -> None:
    long = "Walk " * 60
    for name, slot in (("product-band", "name"), ("promo-shout", "offer"), ("story-offer", "name")):
        layout = template.find(name)
        words = {"price": "5 €"} if slot == "name" else {}
        size = layout.pictures["main"][layout.formats[0]]
        shots = {"main": shot(*size)}
        with pytest.raises(Misfit, match="no room for"):
            render(name, words | {slot: long}, shots, ROLES, layout.formats[0], 1)


def test_any_words_make_a_post_that_reads_or_a_refusal() -> None:
    rng = np.random.default_rng(8)
    pool = [
        "🌲🏔️",
        "₿ 0.002",
        "森の朝",
        "пЁ",
        "a" * 60,
        "!!!",
        "#x $y$ \\",
        "Fog\u200d\u202e!",
        "5 €",
    ]
    made = 0
    for name, layout in list(template.catalogue().items())[::9]:
        words = {s: pool[int(rng.integers(len(pool)))] for s in layout.slots}
        shots = {
            slot: cut_out() if slot == "cutout" else shot(1200, 1400) for slot in layout.pictures
        }
        try:
            if "reel" in layout.kinds:
                lowest = overlay(name, words, [], ROLES, "story", 1).min_contrast
            else:
                lowest = render(name, words, shots, ROLES, layout.formats[-1], 1).min_contrast
        except Broken:
            raise
        except FeedsmithError:
            continue
        made += 1
        assert lowest >= READABLE
    assert made


BIG = np.full((1350, 1080, 3), 120, np.uint8)
TINY = np.full((40, 40, 3), 120, np.uint8)


@pytest.mark.parametrize(
    ("kind", "words", "picture", "line"),
    [
        ("quote", {"quote": "森の朝"}, BIG, "Noto Sans JP is missing"),
        ("quote", {"quote": "เดินป่า"}, BIG, "Noto Sans Thai is missing"),
        ("product", {"name": "Bag", "price": "\u20c0 12"}, BIG, "som sign"),
        ("quote", {"quote": ""}, BIG, "no quote layout in portrait takes words for nothing"),
        ("quote", {"quote": "\u200b\u200d"}, BIG, "takes words for nothing"),
        ("quote", {"quote": "Fog."}, TINY, r"takes these pictures \(main 40x40 px\)"),
        ("collage", {"headline": "Fog"}, TINY, "takes these pictures"),
    ],
)
def test_what_cannot_be_set_is_told_in_one_line(
    kind: str, words: dict[str, str], picture: np.ndarray, line: str
) -> None:
    with pytest.raises(FeedsmithError, match=line) as told:
        compose(kind, words, {"main": picture}, ROLES, "portrait", 1)
    assert "\n" not in told.value.message
    assert told.value.mend


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("product", {"name": "Bag", "price": "₾ 45"}),
        ("product", {"name": "حقيبة سفر", "price": "€ 148", "was": "€ 180"}),
        ("promo", {"offer": "🎉🎉"}),
        ("quote", {"quote": ("Nobody comes home and wishes they had stayed in. " * 7)[:300]}),
    ],
)
def test_odd_words_make_a_post_that_reads(kind: str, words: dict[str, str]) -> None:
    done = compose(kind, words, {"main": BIG}, ROLES, "portrait", 1)
    assert done.min_contrast >= READABLE
    assert len(done.text) == len(words)


def test_marks_on_capitals_and_tails_keep_off_their_neighbours() -> None:
    for headline in ("Über den Wäldern hängt der Nebel", "Ångström"):
        words = {"kicker": "Tall Tree", "headline": headline}
        done = render("field-cover", words, {"main": shot(720, 900)}, ROLES, "portrait", 1,
                      scheme="paper", pair="condensed")  # fmt: skip
        ground = np.array(palette.channels(palette.scheme("paper", ROLES)["ground"]))
        inked = (np.abs(done.rgb.astype(int) - ground).max(axis=2) > 40)[:, 52:110].any(axis=1)
        edges = np.flatnonzero(np.diff(inked.astype(int)))
        picture_ends = next(e for e in edges if e > 300)
        rows = [(a, b) for a, b in pairwise(edges) if a > picture_ends]
        gaps = [b - a for a, b in rows if not inked[a + 1 : b].any()]
        assert min(gaps[:2]) >= 8, (headline, gaps)


WALK = "Guided oak walk, 3 May, 12 EUR"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (WALK, {"name": "Guided oak walk", "dates": "3 May", "price": "12 EUR"}),
        ("20% off, until Sunday", {"offer": "20% off", "dates": "until Sunday"}),
        ("Yoga · Mondays, 18:00 · 12 EUR", {"name": "Yoga", "price": "12 EUR"}),
        (
            "20% off all bags, code OAK20, until 31 May",
            {"offer": "20% off all bags", "name": "code OAK20", "dates": "until 31 May"},
        ),
        ("Come by on Saturday, we bake, free coffee", None),
        ("Bread, butter, jam, 5 EUR", None),
        ("Two mugs for 30 EUR", None),
        ("Wool socks for 1,299.00 EUR", None),
    ],
)
def test_an_offer_in_one_line_is_set_as_what_when_and_how_much(
    line: str, parts: dict[str, str] | None
) -> None:
    found = parted({"kicker": "Tall Tree", "offer": line})
    assert (found is None) is (parts is None)
    if found is not None and parts is not None:
        assert {**found, **parts} == found
        assert all(words in line for slot, words in found.items() if slot != "kicker")


def test_a_story_sets_an_offer_in_one_line_apart_too() -> None:
    line = "20% off all bags, code OAK20, until 31 May"
    done = compose("story", {"name": line}, {"main": shot()}, ROLES, "story", 1)
    assert done.text == (line,)
    assert parted({"name": line}) == {
        "name": "20% off all bags", "body": "code OAK20", "dates": "until 31 May"
    }  # fmt: skip


def test_a_line_taken_apart_is_still_told_as_it_was_given() -> None:
    words = {"kicker": "Tall Tree", "offer": WALK, "cta": "@talltree"}
    shots = {"main": shot(soft=30)}
    done = compose("promo", words, shots, ROLES, "portrait", 1)
    assert done.text == ("Tall Tree", WALK, "@talltree")
    facts_apart = {**words, "offer": "", "name": "Guided oak walk", "dates": "3 May"}
    apart = render(
        done.template, facts_apart | {"price": "12 EUR"}, shots, ROLES, "portrait", 1,
        scheme="" if done.scheme == "picture" else done.scheme,
    )  # fmt: skip
    assert np.array_equal(done.rgb, apart.rgb)


def test_a_latin_name_and_handle_do_not_turn_an_arabic_offer_round() -> None:
    offer = {"offer": "خصم على الحقائب", "kicker": "Tall Tree Outfitters and Sons", "cta": "@talltreeoutfitters"}  # fmt: skip
    flat = {"main": np.full((1280, 720, 3), 90, np.uint8)}
    for layout in ("promo-round", "promo-shout", "promo-poster"):
        with_arabic = render(layout, offer, flat, ROLES, "portrait", 1).rgb
        ground = np.median(with_arabic[-40:-24].reshape(-1, 3), axis=0)
        words = np.abs(with_arabic[-160:-40].astype(int) - ground).max(axis=2) > 60
        columns = np.flatnonzero(words.any(axis=0))
        assert columns.max() > 1080 - 120, layout


def test_small_words_get_a_calm_ground_among_pebbles() -> None:
    rng = np.random.default_rng(2)
    pebbles = rng.normal(186, 26, (450, 360, 1)).clip(0, 255).astype(np.uint8).repeat(3, 2)
    gravel = np.asarray(Image.fromarray(pebbles).resize((1080, 1350), Image.Resampling.BICUBIC))
    done = render(
        "product-poster", {"name": "Cabin candle", "footer": "@talltree"}, {"main": gravel}, ROLES,
        "portrait", 1,
    ).rgb.astype(np.float32)  # fmt: skip
    # The handle stands at the foot, where lines end; beside it and far from it there is no word.
    near, far = done[1258:1282, 780:830, 1], done[650:750, 200:600, 1]
    assert near.std() < 0.7 * far.std()
