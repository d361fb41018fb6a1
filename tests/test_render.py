"""Templates filled with words and pictures."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import faces, palette, template
from feedsmith.design.contrast import READABLE
from feedsmith.design.render import Misfit, Rendered, compose, compose_carousel, render
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
    assert names == {"quote-over"}


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


@pytest.mark.parametrize("pair", sorted(faces.PAIRS))
def test_every_pair_sets_greek_and_cyrillic_and_typographers_signs(pair: str) -> None:
    words = "Ходьба, Ὕδωρ? Γάλα “12 € → 3 £” ő ş ñ"
    needed = {ord(c) for c in words if not c.isspace()} - {ord("Ὕ")}
    text = "".join(c for c in words if c != "Ὕ")
    changed = faces.substitutes(text, faces.PAIRS[pair])
    for role in ("display", "voice", "text", "strong"):
        face = changed.get(role, getattr(faces.PAIRS[pair], role))
        assert needed <= faces.coverage(face.file)


def test_a_script_no_font_has_is_refused_by_name() -> None:
    with pytest.raises(FeedsmithError, match="Arabic"):
        quote("غابة في الصباح")


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
        quote("  🌲 ")
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
