"""The templates, their headers, their rotation, and the colours they are given."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import faces, palette, template
from feedsmith.design.contrast import READABLE, ratio
from feedsmith.design.render import render
from feedsmith.errors import FeedsmithError

ROLES = palette.complete(Palette())
WORDS = {
    "quote": "Leave early, pack a flask, take the long way back",
    "who": "Tall Tree Outfitters",
    "kicker": "This weekend",
    "headline": "Five walks under old beeches",
    "body": "Meet at the trail head. Bring a flask and a friend.",
    "footer": "@talltree",
    "offer": "Guided oak walk, 3 May, 12 EUR",
    "cta": "Book your place",
    "caption": "Red mulberry, early June",
    "page": "2/5",
}
EVERY = [(name, form) for name, t in template.catalogue().items() for form in t.formats]


@pytest.mark.parametrize(("name", "form"), EVERY)
def test_it_is_complete_with_the_smallest_pictures_its_header_allows(name: str, form: str) -> None:
    layout = template.find(name)
    rng = np.random.default_rng(5)
    pictures = {
        slot: rng.integers(60, 120, (least[form][1], least[form][0], 3), dtype=np.uint8)
        for slot, least in layout.pictures.items()
    }
    words = {slot: WORDS[slot] for slot in layout.slots}
    done = render(name, words, pictures, ROLES, form, 2, scheme=layout.schemes[-1])
    size = rules.FORMATS[form]
    assert done.rgb.shape == (size.height, size.width, 3)
    assert done.text == tuple(words.values())
    assert done.min_contrast >= READABLE


def test_every_kind_of_designed_post_has_several_layouts() -> None:
    layouts = template.catalogue().values()
    count = {k: sum(k in t.kinds for t in layouts) for k in ("quote", "story", "promo", "photo")}
    assert min(count.values()) >= 3
    assert {t.part for t in layouts if t.family == "field"} == {"cover", "content", "closing"}


def test_headers_are_sound() -> None:
    for layout in template.catalogue().values():
        assert set(layout.formats) <= set(rules.FORMATS)
        for least in layout.pictures.values():
            assert set(least) == set(layout.formats)
        assert not layout.over or set(layout.anchors) == set(layout.regions)
        for look in layout.schemes:
            assert look == "picture" or palette.scheme(look, ROLES)


@pytest.mark.parametrize("kind", ["quote", "story", "promo"])
def test_a_run_of_twelve_does_not_repeat_itself(kind: str) -> None:
    form = "story" if kind == "story" else "portrait"
    words = {"quote": ["quote"], "story": ["headline"], "promo": ["offer"]}[kind]
    row = [template.choose(kind, form, 7, turn, slots=words)[0] for turn in range(12)]
    looks = [(layout.name, look) for layout, look in row]
    possible = len(template.choose(kind, form, 7, slots=words))
    assert len(set(looks)) == min(12, possible)
    assert all(a[0] != b[0] for a, b in pairwise(looks))
    assert looks == [
        (t.name, s)
        for t, s in (template.choose(kind, form, 7, turn, slots=words)[0] for turn in range(12))
    ]


def test_small_photos_get_layouts_made_for_them() -> None:
    row = template.choose("promo", "portrait", 1, slots=["offer"], sizes={"main": (500, 500)})
    assert {layout.name for layout, _ in row} == {"promo-round"}
    with pytest.raises(FeedsmithError, match="no promo layout"):
        template.choose("promo", "portrait", 1, slots=["offer"], sizes={"main": (50, 50)})


def palettes() -> list[Palette]:
    rng = np.random.default_rng(11)
    learned = [
        [(f"#{rng.integers(0, 1 << 24):06x}", float(rng.uniform(0, 1))) for _ in range(5)]
        for _ in range(40)
    ]
    set_by_hand = [
        Palette(paper="#ffff00", ink="#eeee88", accent="#ffff00", accent_2="#ffffff"),
        Palette(paper="#101010", ink="#151515", accent="#000000", accent_2="#222222"),
    ]
    return [palette.complete(Palette(), colours) for colours in learned] + set_by_hand


def test_every_scheme_of_every_palette_reads() -> None:
    for roles in palettes():
        for name in ("paper", "white", "tint", "ink", "accent", "second"):
            c = {
                role: palette.channels(value) for role, value in palette.scheme(name, roles).items()
            }
            for words, ground in (
                ("text", "ground"), ("soft", "ground"), ("mark", "ground"), ("panel_text", "panel"),
                ("ground", "text"),
            ):  # fmt: skip
                assert ratio(c[words], c[ground]) >= READABLE, (roles, name, words)


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.floats(0.01, 1)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_it_makes_roles_that_can_be_read_out_of_any_colours(pairs: list[tuple[int, float]]) -> None:
    full = palette.complete(Palette(), [(f"#{value:06x}", share) for value, share in pairs])
    paper, ink = palette.channels(full.paper), palette.channels(full.ink)
    assert ratio(ink, paper) >= 7
    for accent in (full.accent, full.accent_2):
        assert ratio(palette.channels(palette.readable(accent, full.paper)), paper) >= READABLE


def test_it_keeps_both_accents_apart() -> None:
    full = palette.complete(Palette(), [("#c81e28", 0.33), ("#f0f0eb", 0.33), ("#142878", 0.33)])
    apart = palette.lab(full.accent) - palette.lab(full.accent_2)
    assert float(np.linalg.norm(apart)) > 0.09
    one = palette.complete(Palette(), [("#c81e28", 1.0)])
    assert one.accent != one.accent_2


def test_it_has_roles_for_a_brand_without_photos() -> None:
    full = palette.complete(Palette())
    assert ratio(palette.channels(full.ink), palette.channels(full.paper)) >= 7


def test_a_brands_own_colours_are_kept() -> None:
    own = Palette(paper="#fafafa", accent="#0055aa")
    full = palette.complete(own, [("#aa3311", 0.5), ("#22aa44", 0.3)])
    assert (full.paper, full.accent) == ("#fafafa", "#0055aa")
    assert full.ink
    assert full.accent_2


def test_lightness_moves_without_changing_the_hue() -> None:
    hue = [
        float(np.arctan2(*palette.lab(palette.tone("#b4512b", level))[[2, 1]]))
        for level in (0.4, 0.8)
    ]
    assert hue[0] == pytest.approx(hue[1], abs=0.06)
    assert palette.from_lab(palette.lab("#3f5b4b")) == "#3f5b4b"


def test_all_fonts_are_there_with_their_licences() -> None:
    for pair in faces.PAIRS.values():
        for role in ("display", "voice", "text", "strong"):
            assert ord("€") in faces.coverage(getattr(pair, role).file)
    assert len(list(faces.FOLDER.glob("OFL-*.txt"))) == len(
        {face.family for pair in faces.PAIRS.values() for face in pair[1:]}
    )
    assert sum(f.stat().st_size for f in faces.FOLDER.iterdir()) < 3_500_000
