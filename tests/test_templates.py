"""The templates, their headers, their rotation, and the colours they are given."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import palette, template
from feedsmith.design.contrast import READABLE, ratio
from feedsmith.design.render import Broken, Misfit, compose, overlay, render
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
    "name": "Waxed canvas bag",
    "price": "€ 148",
    "was": "€ 180",
    "dates": "12–19 October",
    "cta": "Book your place",
    "caption": "Red mulberry, early June",
    "page": "2/5",
}
LAYOUTS = template.catalogue()
EVERY = [(name, t.formats[len(name) % len(t.formats)]) for name, t in list(LAYOUTS.items())[::4]]
"""Every fourth layout, in one of its formats; `bench/design.py --fuzz` takes all."""


def filled(name: str, form: str) -> tuple[tuple[str, ...], float]:
    """Render it with all its words and the smallest pictures its header allows."""
    layout = template.find(name)
    rng = np.random.default_rng(5)
    words = {slot: WORDS[slot] for slot in layout.slots if slot != "name" or not layout.one_of}
    if "reel" in layout.kinds:
        layer = overlay(name, words, [], ROLES, form, 2, scheme=layout.schemes[-1])
        assert layer.rgba.shape == (1920, 1080, 4)
        assert set(layer.text) == set(words.values())
        return layer.text, layer.min_contrast
    pictures = {
        slot: rng.integers(
            60, 120, (least[form][1], least[form][0], 4 if slot == "cutout" else 3), dtype=np.uint8
        )
        for slot, least in layout.pictures.items()
    }
    done = render(name, words, pictures, ROLES, form, 2, scheme=layout.schemes[-1])
    size = rules.FORMATS[form]
    assert done.rgb.shape == (size.height, size.width, 3)
    assert done.text == tuple(words.values())
    return done.text, done.min_contrast


@pytest.mark.parametrize(("name", "form"), EVERY)
def test_it_is_complete_with_the_smallest_pictures_its_header_allows(name: str, form: str) -> None:
    assert filled(name, form)[1] >= READABLE


def test_every_kind_has_several_layouts_of_its_own_in_feed_and_story() -> None:
    layouts = list(template.catalogue().values())
    assert len(layouts) >= 34
    for kind in ("quote", "promo", "product", "collage", "photo"):
        for form in ("portrait", "square"):
            assert sum(kind in t.kinds and form in t.formats for t in layouts) >= 3, (kind, form)
    for kind in ("story", "reel", "product", "promo"):
        assert sum(kind in t.kinds and "story" in t.formats for t in layouts) >= 4, kind
    families = {t.family for t in layouts if t.family}
    assert len(families) >= 3
    for family in families:
        assert {t.part for t in layouts if t.family == family} == {"cover", "content", "closing"}


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
    tiny, _ = template.choose("photo", "portrait", 1, sizes={"main": (40, 40)})[0]
    assert tiny.name == "print-mat"
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


def test_facts_of_an_offer_may_come_in_one_line_or_apart() -> None:
    for facts in (["offer"], ["name", "price", "was", "dates", "call"], ["name", "call", "cta"]):
        for form in ("portrait", "square", "story"):
            names = {t.name for t, _ in template.choose("promo", form, 1, slots=facts)}
            assert len(names) >= 3, (facts, form)
    layout = template.find("promo-poster")
    assert layout.named(["name", "call", "cta"]) == {"name": "name", "call": "cta", "cta": "footer"}
    assert layout.named(["call"]) is None
    assert layout.named(["name", "caption"]) is None


@pytest.mark.parametrize("kind", ["promo", "quote", "product"])
def test_in_a_grid_of_nine_no_neighbours_look_alike(kind: str) -> None:
    words = {"promo": ["offer"], "quote": ["quote"], "product": ["name", "price"]}[kind]
    sizes = {"main": (1080, 1350), **({"cutout": (800, 800)} if kind == "product" else {})}
    looks: list[template.Look] = []
    for turn in range(9):
        layout, scheme = template.choose(
            kind, "portrait", 3, turn, slots=words, sizes=sizes, neighbours=looks
        )[0]
        looks.append(layout.look(scheme))
    for i, look in enumerate(looks):
        for j in (i - 1, i - 3):
            if j >= 0:
                assert look.template != looks[j].template
                assert look.tone != looks[j].tone
    assert len({look.template for look in looks}) >= 4
    again = [template.choose(kind, "portrait", 3, 4, slots=words, neighbours=looks)[0][0].name] * 2
    assert again[0] == again[1]


def test_a_bare_photo_counts_as_a_neighbour() -> None:
    photo = template.Look("", "", "photo")
    row = template.choose("quote", "portrait", 3, slots=["quote"], neighbours=[photo])
    assert row[0][0].look(row[0][1]).tone != "photo"


HEADER = """kinds = ["quote"]
formats = ["portrait"]
schemes = ["paper"]
words = ["quote"]
"""
LAYOUT = """#import "lib.typ": *
#show: sheet
#place(top + left, dx: 100pt, dy: 300pt, words("quote", face: "display", max: 90pt, min: 40pt))
"""


def test_a_brands_own_template_joins_ours_and_wins_by_name(tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text(HEADER)
    (tmp_path / "plain.typ").write_text(LAYOUT)
    (tmp_path / "quote-band.toml").write_text(HEADER)
    (tmp_path / "quote-band.typ").write_text(LAYOUT)
    assert set(template.catalogue(tmp_path)) == {*template.catalogue(), "plain"}
    assert template.find("quote-band", tmp_path).folder == tmp_path
    assert template.find("quote-band").folder == template.FOLDER
    done = render("plain", {"quote": "Take the long way"}, {}, ROLES, "portrait", 1, extra=tmp_path)
    assert done.min_contrast >= READABLE
    assert template.catalogue(tmp_path / "missing") == template.catalogue()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (HEADER + "colour = 3\n", r"plain.toml, line 5: unknown setting \"colour\""),
        (HEADER.replace("paper", "neon"), "unknown scheme"),
        (HEADER.replace("portrait", "a4"), "unknown format"),
        (HEADER.replace('"paper"]', '"paper"'), "plain.toml: .*line 4"),
        ("", "plain.toml: kinds: Field required"),
    ],
)
def test_a_wrong_header_is_named_with_its_place(tmp_path: Path, header: str, words: str) -> None:
    (tmp_path / "plain.toml").write_text(header)
    (tmp_path / "plain.typ").write_text(LAYOUT)
    assert "plain" not in template.catalogue(tmp_path)
    (fault,) = template.faults(tmp_path)
    assert re.search(words, fault.message), fault.message


@pytest.mark.parametrize(
    ("layout", "place"),
    [
        (LAYOUT + "#nothing\n", "line 4: unknown variable: nothing"),
        (LAYOUT + "#let f(\n", "line 4: "),
        (LAYOUT + '#let x = 1 + "a"', "line 4: cannot add"),
        (LAYOUT + '#image("/etc/passwd")', "line 4: "),
        ('#import "lib.typ": *\n#show: sheet\n' + "#pagebreak()\n#pagebreak()", "one page|no room"),
        ("hello", "pages of its own size|page"),
    ],
)
def test_a_broken_layout_is_named_and_another_one_taken(
    tmp_path: Path, layout: str, place: str
) -> None:
    (tmp_path / "plain.toml").write_text(HEADER)
    (tmp_path / "plain.typ").write_text(layout)
    with pytest.raises(Misfit, match=place):
        render("plain", {"quote": "Fog."}, {}, ROLES, "portrait", 1, extra=tmp_path)
    shots = {"main": np.full((1350, 1080, 3), 90, np.uint8)}
    notes: set[str] = set()
    for turn in (0, 6):
        done = compose(
            "quote", {"quote": "Fog."}, shots, ROLES, "portrait", 1, turn, extra=tmp_path
        )
        assert done.template != "plain"
        notes |= set(done.notes)
    assert all("plain.typ" in note for note in notes)


def test_a_broken_layout_is_compiled_once_and_told_by_its_own_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain.toml").write_text(HEADER)
    (tmp_path / "plain.typ").write_text(LAYOUT + '#image("none.png")')
    compiled: list[str] = []
    compiler = typst.Compiler
    monkeypatch.setattr(
        typst, "Compiler", lambda path, **more: compiled.append(path) or compiler(path, **more)
    )
    said = set()
    for seed in (1, 2, 3):
        with pytest.raises(Broken) as caught:
            render("plain", {"quote": "Fog."}, {}, ROLES, "portrait", seed, extra=tmp_path)
        said.add(caught.value.message)
    assert len(compiled) == 1
    (message,) = said
    assert str(tmp_path / "plain.typ") in message
    assert "feedsmith-" not in message.replace(str(tmp_path), "")
    (tmp_path / "plain.typ").write_text(LAYOUT)
    assert render("plain", {"quote": "Fog."}, {}, ROLES, "portrait", 1, extra=tmp_path).text


def test_a_brands_own_layout_takes_an_offer_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text(
        HEADER.replace("quote", "promo", 1).replace('"quote"', '"offer"')
    )
    (tmp_path / "plain.typ").write_text(LAYOUT.replace('"quote"', '"offer"'))
    names = {
        t.name
        for t, _ in template.choose(
            "promo", "portrait", 1, slots=["name", "dates"], whole=["offer"], extra=tmp_path
        )
    }
    assert {"plain", "promo-date"} <= names
    assert "promo-shout" not in names


def test_the_template_in_the_manual_works_as_it_stands(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[1] / "docs" / "templates.md").read_text("utf-8")
    for suffix, language in (("toml", "toml"), ("typ", "typst")):
        (shown,) = re.findall(rf"corner\.{suffix}`:\n\n```{language}\n(.*?)```", manual, re.DOTALL)
        (tmp_path / f"corner.{suffix}").write_text(shown)
    assert template.faults(tmp_path) == ()
    shot = np.full((700, 700, 3), (200, 30, 30), np.uint8)
    words = {"kicker": "Tall Tree", "quote": "Take the long way back", "who": "@talltree"}
    done = render("corner", words, {"main": shot}, ROLES, "square", 1, extra=tmp_path)
    assert done.text == tuple(words.values())
    assert done.min_contrast >= READABLE
    red = np.abs(done.rgb.astype(int) - (200, 30, 30)).max(axis=2) < 4
    assert red.sum() > 0.95 * 420 * 420
    assert red[:, :84].sum() == 0
