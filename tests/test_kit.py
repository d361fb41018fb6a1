"""The brand kit: learning a brand from its library, and the brand on one page."""

import csv
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.brand import Brand, Home, Logo, Palette
from feedsmith.captions import starter
from feedsmith.design import faces
from feedsmith.design.palette import lab
from feedsmith.errors import FeedsmithError
from feedsmith.kit import likeness, sheet, typefaces
from feedsmith.kit.learn import learn
from feedsmith.library import Library, import_into
from feedsmith.understanding import traits
from feedsmith.understanding.palette import Swatch, accents

CAPTIONS = [
    "Soy candle poured on a Tuesday, cured for a week. It smells of cedar and a little of smoke. 🕯️",
    "The candle on the rock is the same candle as on the table. We only wanted to go outside.",
    "Trim the wick to five millimetres and the candle burns clean. Most people never do.",
    "New lids for the candle jars, turned from beech. They fit, which took us three tries.",
    "A candle, a wall, no wind for once. Which scent would you light first?",
    "We pour forty candles a day and burn one. Somebody has to check them. 🕯️",
    "Cedar candle in the garden, two hours before the rain.",
]
SETTINGS = """\
# Ours, do not lose this line.
name = "Wick & Wax"   # with the ampersand
handle = "wickandwax"

# How you sound
# voice = "warm"
banned_words = ["cheap"]

[palette]
ink = "#202028"
accent = ""

[hashtags]
# never more
# limit = 5
banned = ["giveaway"]
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A candle maker's folder: seven posts with real photos, looked at already."""
    root = tmp_path_factory.mktemp("kit") / "shop"
    source = root.parent / "source"
    source.mkdir()
    photos = Path(__file__).parent / "fixtures" / "formats" / "photos"
    names = ["candle0", "candle1", "candle2", "leaves", "sign", "dock", "sneaker"]
    with (source / "posts.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "caption", "date"])
        for i, (name, caption) in enumerate(zip(names, CAPTIONS, strict=True)):
            shutil.copy(photos / f"{name}.jpg", source / f"{name}.jpg")
            tags = "#wickandwax #candlemaking" + (" #cedar" if i % 2 else " #soy")
            rows.writerow([f"{name}.jpg", f"{caption}\n\n{tags}", f"2025-03-{i + 2:02d}T10:00:00"])
    home = Home(root)
    root.mkdir()
    home.brand_file.write_text(SETTINGS, "utf-8")
    library = Library(home.library)
    import_into(library, [source], workers=1)
    traits.ensure(library, workers=1)
    return root


@pytest.fixture
def shop(studied: Path, tmp_path: Path) -> Home:
    shutil.copytree(studied, tmp_path / "shop")
    return Home(tmp_path / "shop")


def test_it_fills_what_is_empty_and_keeps_what_a_person_wrote(shop: Home) -> None:
    proposal = learn(shop, write=True)
    brand = shop.load()
    assert proposal.written
    assert brand == proposal.brand
    assert brand.palette.ink == "#202028"
    assert brand.banned_words == ("cheap",)
    assert all((brand.palette.paper, brand.palette.accent, brand.palette.accent_2))
    assert set(brand.hashtags.always) == {"wickandwax", "candlemaking"}
    assert 2 <= brand.hashtags.limit <= 5
    assert brand.emoji_max == 1
    assert brand.language == "en"
    assert brand.fonts.pair in faces.PAIRS
    assert brand.niche == "ceramics, candles & handmade crafts"
    assert set(brand.voice_examples) <= set(CAPTIONS)
    assert len(brand.voice_examples) == 3
    assert all(item.reason and "\n" not in item.reason for item in proposal.filled)


def test_comments_and_order_of_the_file_stay(shop: Home) -> None:
    learn(shop, write=True)
    text = shop.brand_file.read_text("utf-8")
    for line in ("# Ours, do not lose this line.", 'name = "Wick & Wax"   # with the ampersand',
                 "# How you sound", "# never more"):  # fmt: skip
        assert line in text
    assert "# limit" not in text
    order = [
        text.index(part) for part in ("name =", "handle =", "[palette]", "ink =", "[hashtags]")
    ]
    assert order == sorted(order)


def test_learning_twice_is_learning_once(shop: Home) -> None:
    learn(shop, write=True)
    first = shop.brand_file.read_bytes()
    again = learn(shop, write=True)
    assert not again.written
    assert not again.filled
    assert shop.brand_file.read_bytes() == first


def test_without_write_the_file_stays_as_it_is(shop: Home) -> None:
    proposal = learn(shop)
    assert proposal.filled
    assert not proposal.written
    assert shop.brand_file.read_text("utf-8") == SETTINGS


def test_a_persons_words_stand_even_where_the_library_differs(shop: Home) -> None:
    shop.brand_file.write_text(SETTINGS.replace('# voice = "warm"', 'language = "de"'), "utf-8")
    proposal = learn(shop, write=True)
    assert shop.load().language == "de"
    assert [item.setting for item in proposal.differs] == ["language"]


def test_an_untouched_new_file_is_filled_and_stays_readable(studied: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    home.create(Brand(name="Wick & Wax"))
    shutil.copytree(studied / "library", home.library, dirs_exist_ok=True)
    before = home.brand_file.read_text("utf-8")
    learn(home, write=True)
    after = home.brand_file.read_text("utf-8")
    prose = [line for line in before.splitlines() if re.match(r"# [A-Z]", line)]
    assert [line for line in after.splitlines() if line in prose] == prose
    given = tomllib.loads(after)
    assert given["language"] == "en"
    assert "time_zone" not in given


def test_an_empty_library_is_told_honestly(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create(Brand(name="New Shop"))
    before = home.brand_file.read_text("utf-8")
    proposal = learn(home, write=True)
    assert {item.setting for item in proposal.filled} == {"fonts.pair"}
    told = dict(proposal.untold)
    assert "no photo" in told["palette.accent"]
    assert {"niche", "voice", "language", "time_zone"} <= set(told)
    changed = set(home.brand_file.read_text("utf-8").splitlines()) ^ set(before.splitlines())
    assert all(line.startswith("pair =") for line in changed)


def photo_colours(*parts: tuple[str, float]) -> list[Swatch]:
    return [Swatch(colour, share) for colour, share in parts]


def hue(colour: str) -> float:
    value = lab(colour)
    return float(np.degrees(np.arctan2(value[2], value[1])) % 360)


def test_accents_are_hues_that_many_photos_share() -> None:
    fields = [photo_colours(("#e8c020", 0.5), ("#8a3020", 0.2), ("#d8dde2", 0.3))] * 9
    odd = [photo_colours(("#2030e0", 0.9), ("#ffffff", 0.1))]
    found = accents(fields + odd)
    assert 70 < hue(found.first) < 110  # the yellow of nine, not the blue of one
    assert 15 < hue(found.second) < 60
    assert found.seen == 0.9
    assert not found.quiet


def test_a_grey_brand_stays_grey() -> None:
    greys = [photo_colours(("#d0d0ce", 0.6), ("#4c4c4a", 0.39), ("#ff3090", 0.01))] * 8
    found = accents(greys)
    assert found.quiet
    assert max(np.hypot(*lab(c)[1:]) for c in (found.first, found.second)) < 0.04
    assert accents([]).first == ""


def test_niche_and_voice_are_heard_in_ten_captions() -> None:
    rows = [json.loads(line) for line in starter.lines()]
    for label in ("pets (shop, groomer, dog walks)", "fitness & yoga studio"):
        said = [row["caption"] for row in rows if row["niche"] == label][:10]
        assert likeness.niche(said).label == label
    for label in ("minimal", "first-person founder"):
        said = [row["caption"] for row in rows if row["voice"] == label][:10]
        assert likeness.voice(said).label == label
    assert likeness.niche([]).label == ""


def test_a_pair_of_typefaces_suits_the_voice_and_stays(tmp_path: Path) -> None:
    names = [f"Brand {i}" for i in range(20)]
    warm = {typefaces.choose(name, "warm")[0] for name in names}
    minimal = {typefaces.choose(name, "minimal")[0] for name in names}
    assert len(warm) > 1
    assert not warm & minimal
    assert warm | minimal <= set(faces.PAIRS)
    assert typefaces.choose("Oat", "warm") == typefaces.choose("Oat", "warm")
    assert typefaces.choose("Oat", "like a pirate")[0] in faces.PAIRS


def test_an_unknown_pair_lists_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "brand.toml").write_text('name = "x"\n[fonts]\npair = "helvetica"\n', "utf-8")
    home = Home(tmp_path)
    with pytest.raises(FeedsmithError, match="helvetica") as caught:
        typefaces.of(home.load(), home)
    assert "fraunces" in caught.value.mend


# The sheet


class Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._style = False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_sheet_tells_the_brand_and_loads_nothing(shop: Home, tmp_path: Path) -> None:
    learn(shop, write=True)
    brand = shop.load()
    html, png = sheet.write(shop, tmp_path / "out")
    page = Page(html)
    for said in (
        "Wick & Wax", "@wickandwax", brand.palette.accent, brand.palette.ink, "#candlemaking",
        "cheap", "#giveaway", brand.voice_examples[0], "any words",
    ):  # fmt: skip
        assert said in page.text, said
    images = [a for tag, a in page.tags if tag == "img"]
    assert 3 <= len(images) <= sheet.PHOTOS
    assert all(str(a["src"]).startswith("data:image/") and a["alt"] for a in images)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe")]
    assert not re.search(r"""(?:src|href)=["']?https?:""", html.read_text("utf-8"))
    with Image.open(png) as image:
        assert image.size == (1600, 2000)
        colours = {colour for _, colour in image.getcolors(1 << 24) or []}
    for role in (brand.palette.paper, brand.palette.ink, brand.palette.accent_2):
        assert tuple(bytes.fromhex(role[1:])) in colours
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["brand.html", "brand.png"]


def test_the_same_brand_gives_the_same_bytes(shop: Home, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in sheet.write(shop, tmp_path / "a")]
    assert first == [path.read_bytes() for path in sheet.write(shop, tmp_path / "b")]


def made(tmp_path: Path, brand: Brand) -> Home:
    home = Home(tmp_path / "home")
    home.create(brand)
    return home


@pytest.mark.parametrize(
    "brand",
    [
        Brand(name="مخبز الزيتون", language="ar", voice_examples=("خبز طازج كل صباح.",)),
        Brand(name="東京パン"),
        Brand(name="🌲", handle="trees"),
        Brand(name="The Very Long Named Company For Handmade Wooden Toys And Sundry Goods Ltd"),
        Brand(name="x" * 80, voice="like a pirate, but kind", banned_words=("y" * 60,) * 12),
        Brand(
            name='<script>alert("1")</script> #set page(width: 1pt)', niche="*bold* $x$ #panic()"
        ),
        Brand(name="Night", palette=Palette(paper="#101010", ink="#f0f0f0", accent="#ffff00")),
    ],
    ids=["arabic", "japanese", "emoji", "long", "longer", "markup", "dark paper"],
)
def test_a_brand_without_photos_and_of_any_name_has_a_sheet(tmp_path: Path, brand: Brand) -> None:
    html, png = sheet.write(made(tmp_path, brand), tmp_path / "out")
    with Image.open(png) as image:
        assert image.size == (1600, 2000)
    page = Page(html)
    assert " ".join(brand.name.split()) in page.text
    assert not [tag for tag, _ in page.tags if tag == "script"]


def test_the_logo_is_shown_on_both_grounds(tmp_path: Path) -> None:
    home = made(tmp_path, Brand(name="Oat", logo=Logo(dark="logo.png")))
    mark = np.zeros((120, 300, 4), np.uint8)
    mark[20:100, 20:280] = (200, 30, 60, 255)
    Image.fromarray(mark).save(home.root / "logo.png")
    html, png = sheet.write(home, tmp_path / "out")
    alts = [a["alt"] for tag, a in Page(html).tags if tag == "img"]
    assert alts == ["Logo of Oat on light", "Logo of Oat on dark"]
    with Image.open(png) as image:
        pixels = np.asarray(image)
    assert (np.abs(pixels.astype(int) - (200, 30, 60)).max(axis=2) < 4).sum() > 5000


def test_a_missing_logo_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    home = made(tmp_path, Brand(name="Oat", logo=Logo(dark="logo.svg")))
    with pytest.raises(FeedsmithError, match=r"logo\.svg"):
        sheet.write(home, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_it_goes_on_with_a_photo_that_is_gone(
    shop: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = Library(shop.library)
    library.path(library.photos()[0]).write_bytes(b"")
    told: list[str] = []
    note: Callable[..., None] = lambda stage, done, total, note="": told.append(note)  # noqa: E731
    sheet.write(shop, tmp_path / "out", report=note)
    assert any(library.photos()[0].id in words for words in told)
