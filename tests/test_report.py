"""The library report."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from feedsmith import report
from feedsmith.brand import Brand, Palette
from feedsmith.design.palette import complete, lab
from feedsmith.errors import FeedsmithError
from feedsmith.library import SetAside
from feedsmith.post import PastPost, Photo
from feedsmith.understanding.habits import Habits, Theme, study
from feedsmith.understanding.traits import Traits, Word

BRAND = Brand(name="Tall Tree & Sons")
NASTY = 'Gold <script>alert(1)</script> "ridge" & beyond'
LEARNED = (("#607526", 0.7), ("#d9d2c4", 0.3))


class Text(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._quiet = False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._quiet = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def photos(count: int) -> list[Photo]:
    return [
        Photo(id=f"{i:016x}", file=f"photos/{i}.jpg", name=f"ridge {i}.jpg", width=900, height=600)
        for i in range(count)
    ]


def seen(photo: Photo) -> Traits:
    return Traits(
        id=photo.id, made="1", words=(Word(word="ridge", origin="caption", weight=1, kind="scene"),),
        palette=(("#446644", 0.6), ("#cc7744", 0.4)), brightness=0.5, sharpness=0.4, salient=0.2,
        suits="rows", score=0.6, rows=0.6, noise=0.2,
    )  # fmt: skip


def posted(photo: Photo, at: int) -> PastPost:
    return PastPost(
        id=f"p{at}", photos=(photo.id,), caption=NASTY, text=f"{NASTY} number {at}",
        hashtags=("ridge", "fog"), posted_at=datetime(2025, 3, 2, 11, tzinfo=UTC) + timedelta(weeks=at),
    )  # fmt: skip


def picture(photo: Photo) -> np.ndarray:
    if photo.id.endswith("3"):
        raise FeedsmithError("gone")
    return np.full((200, 300, 3), 90, np.uint8)


def write(path: Path, count: int = 12, **more: object) -> Text:
    library = photos(count)
    traits = {p.id: seen(p) for p in library}
    posts = [posted(p, i) for i, p in enumerate(library)]
    habits = study(posts, traits, BRAND)
    theme = Theme(name=NASTY, words=("ridge",), photos=tuple(p.id for p in library), share=1.0)
    habits = habits.model_copy(update={"themes": (theme,), **more})
    aside = [
        SetAside(name=f"<b>{i}.png", reason="screenshot" if i else "odd one", detail="1170x2532 px")
        for i in range(3)
    ]
    report.write_library_report(path, BRAND, habits, traits, library, posts, aside, picture)
    return Text(path)


def test_it_tells_what_the_library_holds(tmp_path: Path) -> None:
    text = write(tmp_path / "report.html").text
    for part in (
        "12 photos", "March 2025 to May 2025", "Sunday, around 11:00", "#ridge", "Screenshots",
        "1170x2532 px", "Landscapes with a horizon", "Odd one",
    ):  # fmt: skip
        assert part.lower() in text.lower(), part


def test_it_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    page = write(tmp_path / "report.html")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe")
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/webp;base64,")
            assert attributes["alt"]
            assert attributes["width"] == attributes["height"] == "160"
    assert "http:" not in (tmp_path / "report.html").read_text("utf-8").split("<body>")[0]


def test_a_theme_shows_six_photos_and_skips_one_that_cannot_be_read(tmp_path: Path) -> None:
    shown = [a["alt"] for tag, a in write(tmp_path / "report.html").tags if tag == "img"]
    assert len(shown) == 6
    assert not any("ridge 3.jpg" in str(alt) for alt in shown)


def test_words_of_captions_are_shown_not_run(tmp_path: Path) -> None:
    page = write(tmp_path / "report.html")
    assert "<script>alert" in page.text
    assert not [tag for tag, _ in page.tags if tag == "script"]


@pytest.mark.parametrize(("own", "wanted"), [("#2255aa", "#2255aa"), ("", LEARNED[0][0])])
def test_the_brands_own_colours_come_before_learned_ones(
    tmp_path: Path, own: str, wanted: str
) -> None:
    brand = Brand(name="x", palette=Palette(accent=own))
    habits = Habits(posts=0, photos=0, palette=LEARNED)
    path = report.write_library_report(tmp_path / "r.html", brand, habits, {}, [], [], [], picture)
    field = path.read_text("utf-8").split("--accent-field: ")[1][:7]
    assert hue(field) == pytest.approx(hue(wanted), abs=0.1)


def test_it_shows_the_roles_that_designed_posts_are_given(tmp_path: Path) -> None:
    brand = Brand(name="x", palette=Palette(ink="#101820"))
    habits = Habits(posts=0, photos=0, palette=LEARNED)
    path = report.write_library_report(tmp_path / "r.html", brand, habits, {}, [], [], [], picture)
    roles = complete(brand.palette, LEARNED)
    text = Text(path).text
    for named in (
        f"Paper {roles.paper}", "Ink #101820", f"Accent {roles.accent}",
        f"Second accent {roles.accent_2}",
    ):  # fmt: skip
        assert named in text


def hue(colour: str) -> float:
    return float(np.arctan2(*lab(colour)[[2, 1]]))


def test_an_empty_library_has_a_page_with_the_next_step(tmp_path: Path) -> None:
    habits = Habits(posts=0, photos=0)
    path = report.write_library_report(tmp_path / "r.html", BRAND, habits, {}, [], [], [], picture)
    assert "feedsmith import" in Text(path).text
