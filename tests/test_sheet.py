"""The contact sheet over a run of posts."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from feedsmith import pages, sheet
from feedsmith.brand import Brand, Palette
from feedsmith.design import palette
from feedsmith.design.contrast import READABLE, ratio
from feedsmith.post import Credit, Kind, Medium, Originality, Post

BRAND = Brand(name="Tall Tree & Sons", handle="talltree")
NASTY = 'Gold <script>alert(1)</script> on the "ridge" & beyond'


class Page(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def post(run: Path, name: str, kind: Kind = "photo", slides: int = 1, **more: object) -> Post:
    size = (54, 96) if kind == "story" else (80, 100)
    media = []
    for i in range(slides):
        (run / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (40 * i, 90, 60)).save(run / name / f"{i + 1}.jpg")
        media.append(
            Medium(file=f"{i + 1}.jpg", width=size[0], height=size[1], alt_text=f"A ridge, view {i + 1}", method="rows", sources=("aa",))
        )  # fmt: skip
    values: dict[str, object] = {
        "id": name,
        "kind": kind,
        "caption": "Fog in the valley.\n\nCoffee in the van.",
        "hashtags": ("talltree", "fog"),
        "alt_text": "A ridge in fog",
        "format": "story" if kind == "story" else "portrait",
        "seed": 3,
        "media": tuple(media),
        "sources": ("aa",),
        "models": {"images": "remix 1"},
        "originality": Originality(nearest="aa", similarity=0.6, copied_area=0.034, label="new"),
        "provenance": "recomposed from your photos",
    }
    return Post.model_validate(values | more)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_it_shows_every_post_with_all_its_pictures(run: Path) -> None:
    posts = [
        post(run, "01-photo"),
        post(run, "02-carousel", "carousel", 4),
        post(run, "03-story", "story"),
    ]
    page = Page(sheet.write(run, posts, BRAND))
    shown = [unquote(a["href"]) for a in page.all("a") if a.get("href", "").endswith(".jpg")]
    for p in posts:
        for medium in p.media:
            assert f"{p.id}/{medium.file}" in shown
    assert [a["id"] for a in page.all("article")] == [p.id for p in posts]


def test_stories_are_not_tiles_of_the_feed(run: Path) -> None:
    posts = [post(run, "01-photo"), post(run, "02-story", "story")]
    html = sheet.write(run, posts, BRAND).read_text("utf-8")
    feed = html.split('class="feed"')[1].split("</section>")[0]
    assert "#01-photo" in feed
    assert "#02-story" not in feed


def test_everything_it_loads_lies_in_the_runs_folder(run: Path) -> None:
    rgb = np.zeros((60, 80, 3), np.uint8)
    page = Page(sheet.write(run, [post(run, "01 ä photo")], BRAND, sources={"aa": rgb}))
    links = [i["src"] for i in page.all("img")]
    links += [a["href"] for a in page.all("a") if not a["href"].startswith("#")]
    assert len(links) >= 4
    for link in links:
        assert (run / unquote(link)).is_file(), link
    assert not page.all("iframe")
    assert all("src" not in script for script in page.all("script"))
    css = (run / "index.html").read_text("utf-8").split("<style>")[1].split("</style>")[0]
    assert "http" not in css
    assert (run / "assets" / "display.font").is_file()


def test_pictures_have_their_size_and_words_before_they_load(run: Path) -> None:
    page = Page(sheet.write(run, [post(run, "01-carousel", "carousel", 3)], BRAND))
    for image in page.all("img"):
        with Image.open(run / unquote(image["src"])) as file:
            assert file.size == (int(image["width"]), int(image["height"]))
        assert "alt" in image
    assert sum(image.get("loading") == "lazy" for image in page.all("img")) >= 3
    assert "A ridge, view 2" in {image["alt"] for image in page.all("img")}


def test_words_of_posts_are_shown_not_run(run: Path) -> None:
    nasty = post(
        run, "01-photo", caption=NASTY, hashtags=("<b>x",), alt_text=NASTY,
        credits=(Credit(text=NASTY, source_url="javascript:alert(2)"),),
        models={NASTY: NASTY},
    )  # fmt: skip
    brand = Brand(name=NASTY, handle="<i>")
    path = sheet.write(run, [nasty], brand, notes=[NASTY])
    page = Page(path)
    assert len(page.all("script")) == 1
    assert "alert(1)" not in path.read_text("utf-8").split("<script>")[1]
    assert page.text.count(NASTY) >= 4
    assert not page.all("b") or all(not b for b in page.all("b"))
    assert "javascript:" not in [a.get("href", "")[:11] for a in page.all("a")]


def test_the_copied_caption_is_the_one_of_caption_txt(run: Path) -> None:
    page = Page(sheet.write(run, [post(run, "01-photo", caption=NASTY)], BRAND))
    (button,) = page.all("button")
    assert button["data-copy"] == f"{NASTY}\n\n#talltree #fog"


def test_it_says_in_plain_words_how_new_a_picture_is(run: Path) -> None:
    edited = Originality(nearest="aa", similarity=0.99, copied_area=0.87, label="edited photo")
    posts = [post(run, "01-photo"), post(run, "02-photo", originality=edited)]
    text = Page(sheet.write(run, posts, BRAND)).text
    assert "covers 3 % of it" in text
    assert "Edited photo" in text
    assert "covers 87 % of it" in text
    assert sheet.METHODS["rows"] in text


def test_writing_twice_gives_the_same_bytes(run: Path) -> None:
    posts = [post(run, "01-photo"), post(run, "02-story", "story")]
    first = sheet.write(run, posts, BRAND).read_bytes()
    files = {p.name: p.read_bytes() for p in (run / "assets").iterdir()}
    assert sheet.write(run, posts, BRAND).read_bytes() == first
    assert {p.name: p.read_bytes() for p in (run / "assets").iterdir()} == files


def test_a_run_without_posts_still_has_a_page(run: Path) -> None:
    assert "No new posts" in Page(sheet.write(run, [], BRAND)).text


@pytest.mark.parametrize("accent", ["", "#ffff00", "#000000", "#ff0000", "#7fffd4"])
def test_words_on_the_page_read_in_light_and_dark(accent: str) -> None:
    css = pages.colours(palette.complete(Palette(accent=accent)))
    for block in css.split("@media"):
        values = {
            part.split(":")[0].strip().lstrip("-"): part.split(":")[1].strip()
            for part in block.split("{")[-1].split("}")[0].split(";")
            if part.strip().startswith("--")
        }
        for words, ground in (
            ("text", "ground"), ("text", "card"), ("text", "sunk"), ("soft", "ground"),
            ("soft", "card"), ("soft", "sunk"), ("on-accent-field", "accent-field"), ("ground", "text"),
        ):  # fmt: skip
            pair = (palette.channels(values[words]), palette.channels(values[ground]))
            assert ratio(*pair) >= READABLE, (accent, words, ground)


@pytest.mark.parametrize("size", [(272, 204), (204, 272), (56, 204), (61, 153), (137, 136)])
def test_any_photo_becomes_a_thumbnail(size: tuple[int, int]) -> None:
    rgb = np.zeros((size[1], size[0], 3), np.uint8)
    _, shown = pages.thumbnail(rgb, 136, 136)
    assert shown == (136, 136)
