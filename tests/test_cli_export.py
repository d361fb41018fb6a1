"""`feedsmith export` and `feedsmith preflight`, as a person types them."""

import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import icalendar
import pytest
from PIL import Image

import small_studio
from feedsmith.brand import Home
from feedsmith.cli import app
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_json
from test_cli import one_clear_line, run
from test_exports import registered


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return small_studio.home("oak", tmp_path_factory.mktemp("brands"))


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Path:
    """A brand with three finished posts; the second is planned."""
    place = tmp_path / "oak"
    shutil.copytree(made.root, place)
    at(place, "02-carousel-aaaaaa", datetime(2031, 5, 3, 16, 30, tzinfo=UTC))
    return place


def at(place: Path, post: str, when: datetime) -> None:
    file = place / "posts" / post / "post.json"
    write_json(file, json.loads(file.read_text("utf-8")) | {"at": when.isoformat()})


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry points that an installation has, wherever the tests run from."""
    monkeypatch.syspath_prepend(str(registered(tmp_path / "site")))


class Typed(NamedTuple):
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """A command, run here: a process of its own takes a second each."""

    def run(*words: object) -> Typed:
        code = app([str(word) for word in words], standalone_mode=False)
        said = capsys.readouterr()
        return Typed(code or 0, said.out, said.err)

    return run


Run = Callable[..., Typed]


def test_all_posts_go_into_a_new_folder_each_time(home: Path, typed: Run) -> None:
    done = typed("export", home)
    assert done.code == 0, done.stderr
    assert "3 posts exported." in done.stdout
    assert typed("export", home).code == 0
    folders = sorted(path.name for path in (home / "exports").iterdir())
    assert len(folders) == 2
    assert folders[1] == f"{folders[0]}-2"
    first = home / "exports" / folders[0]
    assert {path.name for path in first.iterdir()} == {
        "01-2031-05-03-02-carousel-aaaaaa", "02-01-photo-aaaaaa", "03-03-quote-aaaaaa", "assets",
        "index.html",
    }  # fmt: skip


def test_posts_are_named_by_their_beginning_and_mistakes_are_one_line(
    home: Path, typed: Run
) -> None:
    done = typed("export", home, "03", "--to", "zip", "--out", home.parent / "one.zip")
    assert "1 post exported." in done.stdout
    assert (home.parent / "one.zip").is_file()
    for words, said in (
        (("09",), 'there is no post "09"'),
        (("0",), "could be several posts"),
        (("--to", "hootsuite"), 'there is no publisher "hootsuite"'),
        (("--to", "rss", "--media-url", "ftp://x"), "is no address"),
        (("--set", "rows"), "no setting"),
    ):
        with pytest.raises(FeedsmithError, match=said) as caught:
            typed("export", home, *words)
        assert caught.value.mend


def test_of_a_posts_versions_the_newest_goes_out_and_an_older_one_by_its_name(
    home: Path, typed: Run
) -> None:
    posts = home / "posts"
    for number in (2, 10):
        name = f"03-quote-aaaaaa-v{number}"
        shutil.copytree(posts / "03-quote-aaaaaa", posts / name)
        told = json.loads((posts / name / "post.json").read_text("utf-8"))
        told |= {"id": name, "version_of": "03-quote-aaaaaa", "caption": f"Version {number}."}
        write_json(posts / name / "post.json", told)
    for words, caption in (((), "Version 10."), (("03-quote-aaaaaa-v2",), "Version 2.")):
        done = typed("export", home, *words, "--to", "buffer", "--out", home.parent / "b.csv")
        assert done.code == 0, done.stderr
        text = (home.parent / "b.csv").read_text("utf-8")
        assert caption in text
        assert text.count("Version") == 1
    assert "3 posts exported." in typed("export", home).stdout


def test_a_mistake_is_one_clear_line_on_the_screen(home: Path) -> None:
    said = one_clear_line(run("export", home, "--to", "hootsuite"))
    assert 'there is no publisher "hootsuite"' in said


def test_a_calendar_shows_posts_and_plan(home: Path, typed: Run) -> None:
    (home / "plan.yaml").write_text(
        "time_zone: Europe/Berlin\nposts:\n  - date: 2031-05-05\n    time: '09:00'\n    kind: quote\n"
        "    theme: slow mornings\n"
    )
    done = typed("export", home, "--to", "ical")
    assert done.code == 0, done.stderr
    events = icalendar.Calendar.from_ical((home / "exports/plan.ics").read_bytes()).walk("VEVENT")
    assert sorted(str(event["SUMMARY"]) for event in events) == [
        "Carousel: Three greens.", "Quote: slow mornings (planned)",
    ]  # fmt: skip


def test_words_and_times_of_the_studio_go_before_the_posts_own(
    tmp_path: Path, studio: None, typed: Run
) -> None:
    if small_studio.CONFIG.database_url:
        pytest.skip("the studio's words are read from SQLite")
    from feedsmith.studio.edited import edited
    from feedsmith.studio.models import Draft

    draft = Draft.objects.get(brand__slug="oak-co", folder="02-carousel-aaaaaa")
    draft.caption, draft.hashtags = "A person's words: größer.", ["mine"]
    draft.alt_text = ["One.", "Two.", "Three."]
    draft.scheduled_at = datetime(2031, 6, 1, 7, 30, 15, 250, tzinfo=UTC)
    draft.save()
    Draft.objects.filter(folder="03-quote-aaaaaa").update(archived_at=datetime.now(UTC))
    small_studio.connections_closed()
    home = small_studio.CONFIG.home
    told = edited(home)
    assert set(told) == {"01-photo-aaaaaa", "02-carousel-aaaaaa", "03-quote-aaaaaa"}  # not elm's
    assert told["02-carousel-aaaaaa"].at == draft.scheduled_at
    done = typed("export", home, "--to", "buffer", "--out", tmp_path / "b.csv")
    assert "2 posts exported." in done.stdout, done.stderr  # the archived one is left out
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1] == ["A person's words: größer.\n\n#mine", "", "", "2031-06-01 09:30"]
    assert rows[2][0] == "A walk under the oaks.\n\n#oak #walks"


def test_a_studio_that_cannot_be_read_is_said_and_the_posts_own_words_go(
    home: Path, typed: Run
) -> None:
    (home / "studio.db").write_bytes(b"no database" * 100)
    done = typed("export", home, "01", "--to", "zip")
    assert done.code == 0
    assert "cannot be read" in done.stderr
    assert "1 post exported" in done.stdout


def test_preflight_says_what_is_fit_and_mends_copies(home: Path, typed: Run) -> None:
    Image.new("RGB", (600, 1200), (40, 120, 90)).save(home / "posts/01-photo-aaaaaa/01.jpg")
    file = home / "posts/03-quote-aaaaaa/post.json"
    tags = [f"tag{chr(97 + n)}" for n in range(20)]
    write_json(file, json.loads(file.read_text("utf-8")) | {"hashtags": tags})
    done = typed("preflight", home)
    assert done.code == 1
    assert "fit 01-photo-aaaaaa" in done.stdout
    assert (
        "mended 01.jpg: It was too narrow (600 x 1200, 0.50:1) and was padded to 4:5."
        in done.stdout
    )
    assert "must hashtags: There are 20 hashtags; this brand uses at most 5." in done.stdout
    assert (home / "ready/01-photo-aaaaaa/01-01.jpg").is_file()
    with Image.open(home / "posts/01-photo-aaaaaa/01.jpg") as image:
        assert image.size == (600, 1200)


def test_preflight_for_programs_and_for_an_address(home: Path, typed: Run) -> None:
    done = typed("preflight", home, "02", "--json", "--quota", "0")
    assert done.code == 1
    rows = json.loads(done.stdout)
    assert [(row["post"], row["fit"]) for row in rows] == [("02-carousel-aaaaaa", False)]
    assert rows[0]["findings"][0]["code"] == "quota"
    done = typed("preflight", home, "--url", "http://127.0.0.1:9/01.jpg")
    assert done.code == 1
    assert "an address of a private network, which Instagram cannot reach" in done.stdout
