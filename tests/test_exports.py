"""Posts go elsewhere as other programs and people read them, by the same door for ours and for strangers."""

import csv
import io
import json
import tomllib
import xml.etree.ElementTree as ET
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import small_media
from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError
from feedsmith.post import Brief
from feedsmith.publishing.exports import calendar, feed, folder, sheets
from feedsmith.publishing.exports.api import GROUP, Delivered, Delivery
from feedsmith.publishing.exports.installed import load, names, publish
from feedsmith.publishing.outgoing import Outgoing, Part

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MRSS = "{http://search.yahoo.com/mrss/}"
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
WORDS = 'Fog over "the oaks", <early>; 5 & up.\nStay a while 🌳\n\nBack\\slash'


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("media")
    for number in (1, 2, 3):
        small_media.jpeg(place / f"{number:02d}.jpg", 160 * number, 200 * number)
    small_media.film(place / "film.mp4", 3.0, size=(90, 160))
    return place


@pytest.fixture
def posts(media: Path) -> list[Outgoing]:
    alt = "An oak, & fog."
    pictures = [Part(path=media / f"{n:02d}.jpg", alt_text=f"{alt} {n}") for n in (1, 2, 3)]
    film = Part(path=media / "film.mp4", alt_text="A walk.", cover=media / "01.jpg")
    return [
        Outgoing(id="fog-1", form="image", kind="photo", caption=WORDS, hashtags=("oak", "größe"),
                 parts=(pictures[0],), at=datetime(2026, 9, 2, 7, 0, tzinfo=UTC)),
        Outgoing(id="walk-2", form="carousel", caption="Three oaks.", parts=tuple(pictures),
                 at=datetime(2026, 8, 30, 16, 30, tzinfo=UTC)),
        Outgoing(id="reel-3", form="reel", kind="reel", caption="We walk.", parts=(film,)),
        Outgoing(id="story-4", form="story", parts=(pictures[0],),
                 at=datetime(2026, 10, 26, 8, 0, tzinfo=UTC)),
    ]  # fmt: skip


@pytest.fixture
def to(tmp_path: Path) -> Delivery:
    home = Home(tmp_path / "brand")
    brand = Brand(name="Oak & Co", handle="oak.co", niche="trees", time_zone="Europe/Berlin")
    home.create(brand)
    return Delivery(brand, home.root, tmp_path / "exports" / "out", NOW)


def at(to: Delivery, target: str, **more: object) -> Delivery:
    from dataclasses import replace

    return replace(to, target=to.target.with_name(target), **more)  # type: ignore[arg-type]


# ---- folder and zip ------------------------------------------------------------------------------


def test_a_folder_holds_files_words_and_a_page(posts: list[Outgoing], to: Delivery) -> None:
    told = folder.Folder().publish(posts, to)
    assert told.posts == 4
    rows = {str(path.relative_to(to.target)) for path in to.target.rglob("*") if path.is_file()}
    assert "01-2026-09-02-fog-1/01.jpg" in rows
    assert "03-reel-3/01.mp4" in rows
    assert "03-reel-3/01-cover.jpg" in rows
    first = to.target / "01-2026-09-02-fog-1"
    assert (first / "01.jpg").read_bytes() == posts[0].parts[0].path.read_bytes()
    assert (first / "caption.txt").read_text("utf-8") == f"{WORDS}\n\n#oak #größe\n"
    carousel = to.target / "02-2026-08-30-walk-2"
    assert (carousel / "alt-text.txt").read_text("utf-8").splitlines()[
        2
    ] == "02.jpg: An oak, & fog. 2"
    page = told.files[0].read_text("utf-8")
    assert "&lt;early&gt;; 5 &amp; up." in page
    assert "<early>" not in page
    assert "Wednesday 02 September 2026, 09:00" in page  # of Berlin
    assert "http" not in page.replace("http-equiv", "")
    for address in ("02-2026-08-30-walk-2/03.jpg", "03-reel-3/01.mp4"):
        assert f'"{address}"' in page


def test_a_folder_is_never_written_over_and_never_half_there(
    posts: list[Outgoing], to: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.Folder().publish(posts[:1], to)
    with pytest.raises(FeedsmithError, match="is there already"):
        folder.Folder().publish(posts, to)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.shutil, "copyfileobj", full)
    other = at(to, "other")
    with pytest.raises(OSError, match="No space"):
        folder.Folder().publish(posts, other)
    assert {path.name for path in other.target.parent.iterdir()} == {"out"}


def test_a_zip_holds_the_same_and_is_the_same_twice(posts: list[Outgoing], to: Delivery) -> None:
    folder.Folder().publish(posts, to)
    packed = at(to, "posts.zip")
    folder.Zip().publish(posts, packed)
    once = packed.target.read_bytes()
    folder.Zip().publish(posts, packed)
    assert packed.target.read_bytes() == once
    with zipfile.ZipFile(packed.target) as archive:
        assert archive.testzip() is None
        inside = {name: archive.read(name) for name in archive.namelist()}
    there = {
        str(path.relative_to(to.target)): path.read_bytes()
        for path in to.target.rglob("*")
        if path.is_file()
    }
    assert inside == there


def test_a_name_from_anywhere_stays_inside(media: Path, to: Delivery) -> None:
    odd = Outgoing(id="../../etc/ö?:*", form="image", parts=(Part(path=media / "01.jpg"),))
    folder.Folder().publish([odd], to)
    assert [path.name for path in to.target.iterdir() if path.name.startswith("01")] == ["01-etc"]


# ---- sheets --------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    assert data.startswith(b'"')  # no byte order mark: it would be part of the first column's name
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_buffers_columns_are_the_documented_ones(posts: list[Outgoing], to: Delivery) -> None:
    told = sheets.Buffer().publish(
        posts, at(to, "buffer.csv", media_url="https://media.example/posts/")
    )
    rows = rows_of(told.files[0])
    assert rows[0] == ["Text", "Image URL", "Tags", "Posting Time"]
    assert rows[1] == [
        f"{WORDS}\n\n#oak #größe", "https://media.example/posts/fog-1/01.jpg", "", "2026-09-02 09:00",
    ]  # fmt: skip
    assert rows[2][1:] == [
        "https://media.example/posts/walk-2/01.jpg",
        "",
        "",
    ]  # past: the next free time
    assert rows[3] == ["We walk.", "", "", ""]
    assert len(rows) == 4
    notes = " ".join(told.notes)
    assert "walk-2: add pictures 2 to 3" in notes
    assert "reel-3: add the film" in notes
    assert "left out: story-4" in notes
    assert "Europe/Berlin" in notes


def test_buffers_files_hold_a_hundred_posts_each(posts: list[Outgoing], to: Delivery) -> None:
    many = [posts[0].model_copy(update={"id": f"p{n}"}) for n in range(205)]
    told = sheets.Buffer().publish(many, at(to, "buffer.csv"))
    assert [len(rows_of(path)) - 1 for path in told.files] == [100, 100, 5]
    assert [path.name for path in told.files] == ["buffer-1.csv", "buffer-2.csv", "buffer-3.csv"]
    with pytest.raises(FeedsmithError, match="rows=0"):
        sheets.Buffer().publish(many, at(to, "buffer.csv", options={"rows": "0"}))


def test_what_buffer_cannot_carry_is_one_line(posts: list[Outgoing], to: Delivery) -> None:
    with pytest.raises(FeedsmithError, match="nothing that Buffer's CSV can carry") as caught:
        sheets.Buffer().publish(posts[3:], at(to, "buffer.csv"))
    assert "Stories" in caught.value.mend


def test_later_gets_media_in_order_and_a_sheet(posts: list[Outgoing], to: Delivery) -> None:
    told = sheets.Later().publish(posts, to)
    rows = rows_of(told.files[0])
    assert rows[0] == ["Date", "Time", "Caption", "Media", "Alt text", "Type"]
    assert rows[2][:2] == ["2026-08-30", "18:30"]
    assert rows[2][3] == "02-01.jpg, 02-02.jpg, 02-03.jpg"
    there = sorted(path.name for path in (to.target / "media").iterdir())
    assert there == sorted(name for row in rows[1:] for name in row[3].split(", "))
    assert "documents no CSV layout" in told.notes[0]


# ---- calendar ------------------------------------------------------------------------------------


def test_an_independent_parser_reads_the_calendar(posts: list[Outgoing], to: Delivery) -> None:
    planned = [
        Brief(kind="quote", theme="autumn", at=datetime(2026, 9, 20, 9, tzinfo=UTC)),
        Brief(kind="photo", at=posts[0].at),  # made already: the post stands for it
        Brief(kind="photo"),
    ]
    told = calendar.Calendar().publish(posts, at(to, "plan.ics", planned=planned))
    data = told.files[0].read_bytes()
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    read = icalendar.Calendar.from_ical(data)
    assert read.errors == []
    assert str(read["X-WR-CALNAME"]) == "Instagram: Oak & Co"
    events = read.walk("VEVENT")
    assert len(events) == 4
    first = next(event for event in events if event["UID"] == "fog-1@oak-co.feedsmith")
    assert first.decoded("DTSTART") == datetime(2026, 9, 2, 7, tzinfo=UTC)
    assert first.decoded("DURATION") == timedelta(minutes=15)
    assert str(first["DESCRIPTION"]) == f"{WORDS}\n\n#oak #größe\n\nAlt text: An oak, & fog. 1"
    assert str(first["SUMMARY"]) == 'Photo: Fog over "the oaks", <early>; 5 & up.'
    assert [event["STATUS"] for event in events].count("TENTATIVE") == 1
    assert all(event.errors == [] for event in events)
    assert "1 of the posts has no time" in told.notes[0]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_every_text_comes_back_from_the_calendar(text: str) -> None:
    line = "DESCRIPTION:" + calendar._text(text)
    folded = list(calendar._folded(line))
    assert all(len(part.encode()) <= 75 for part in folded)
    assert folded[0] + "".join(part[1:] for part in folded[1:]) == line
    whole = "BEGIN:VEVENT\r\nUID:1\r\n" + "".join(f"{p}\r\n" for p in folded) + "END:VEVENT\r\n"
    read = icalendar.Event.from_ical(whole)
    clean = calendar._CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    assert str(read["DESCRIPTION"]) == clean


def test_a_post_keeps_its_uid_when_time_and_words_change(
    posts: list[Outgoing], to: Delivery
) -> None:
    moved = posts[0].worded(caption="Other words", at=NOW + timedelta(days=9))
    uids = [
        icalendar.Calendar.from_ical(calendar.calendar([post], [], to)).walk("VEVENT")[0]["UID"]
        for post in (posts[0], moved)
    ]
    assert uids[0] == uids[1]


def test_a_calendar_of_nothing_is_one_line(posts: list[Outgoing], to: Delivery) -> None:
    with pytest.raises(FeedsmithError, match="no post has a time"):
        calendar.Calendar().publish(posts[2:3], at(to, "plan.ics"))
    assert not to.target.with_name("plan.ics").exists()


# ---- feed ----------------------------------------------------------------------------------------


def test_the_feed_is_valid_xml_with_pictures_and_their_words(
    posts: list[Outgoing], to: Delivery
) -> None:
    told = feed.Feed().publish(posts, at(to, "feed.xml", media_url="https://media.example/p"))
    root = ET.parse(told.files[0]).getroot()
    assert (root.tag, root.attrib) == ("rss", {"version": "2.0"})
    channel = root.find("channel")
    assert channel is not None
    assert [channel.findtext(name) for name in ("title", "link", "description")] == [
        "Oak & Co", "https://www.instagram.com/oak.co/", "trees",
    ]  # fmt: skip
    items = channel.findall("item")
    assert len(items) == 2  # fog-1 and story-4 lie in the future
    walk = items[0]
    assert parsedate_to_datetime(walk.findtext("pubDate") or "") == posts[1].at
    guid = walk.find("guid")
    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == ("urn:feedsmith:oak.co:walk-2", "false")
    enclosure = walk.find("enclosure")
    assert enclosure is not None
    size = str(posts[1].parts[0].path.stat().st_size)
    assert enclosure.attrib == {
        "url": "https://media.example/p/walk-2/01.jpg", "length": size, "type": "image/jpeg",
    }  # fmt: skip
    pictures = walk.findall(f"{MRSS}content")
    assert [picture.get("medium") for picture in pictures] == ["image"] * 3
    assert pictures[1].findtext(f"{MRSS}description") == "An oak, & fog. 2"
    film = items[1].find(f"{MRSS}content")
    assert film is not None
    assert film.get("medium") == "video"
    assert film.find(f"{MRSS}thumbnail") is not None
    assert "2 posts whose time has not come" in told.notes[0]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=30))
def test_every_text_comes_back_from_the_feed(caption: str, tag: str) -> None:
    part = Part(path=Path(__file__), alt_text=caption)
    post = Outgoing(id="x", form="image", caption=caption, hashtags=(tag,), parts=(part,))
    to = Delivery(Brand(name="x"), Path(), Path(), NOW, "https://media.example")
    item = ET.fromstring(feed.feed([post], to).split("\n", 1)[1]).find("channel/item")
    assert item is not None
    clean = feed._ILLEGAL.sub("", caption).replace("\r\n", "\n").replace("\r", "\n")
    if clean.strip() and "\r" not in caption:
        assert item.findtext(f"{MRSS}content/{MRSS}description") == clean


# ---- by which door -------------------------------------------------------------------------------


def registered(place: Path, more: str = "", group: str = GROUP) -> Path:
    """A folder with what pip would write for our own entry points, and a stranger's."""
    ours = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["entry-points"][group]
    info = place / "publishers-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: publishers\nVersion: 1\n")
    lines = [f"{name} = {value}" for name, value in ours.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, more]) + "\n")
    return place


STRANGER = '''
"""Writes captions into one text file: a whole publisher of somebody else."""
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.publishing.exports.api import Delivered


class Captions:
    what = "all captions in one text file"
    suffix = ".txt"

    def publish(self, posts, to):
        if to.options.get("mode") == "refuse":
            raise FeedsmithError("the moon is full", mend="wait two weeks")
        if to.options.get("mode") == "crash":
            raise KeyError("oops")
        if to.options.get("mode") == "silent":
            return None
        write_text(to.target, "\\n---\\n".join(post.text for post in posts))
        return Delivered(len(posts), (to.target,))


class Broken:
    def __init__(self):
        raise RuntimeError("no token")
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = registered(
        tmp_path / "site",
        "captions = stranger:Captions\nbroken = stranger:Broken\ngone = stranger:Nobody\n"
        "nothing = json:JSONDecoder",
    )
    (place / "stranger.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(str(place))


@pytest.mark.usefixtures("installed")
def test_all_publishers_come_by_entry_points_ours_too(posts: list[Outgoing], to: Delivery) -> None:
    assert set(names()) >= {"folder", "zip", "buffer", "later", "ical", "rss", "captions"}
    for name in ("folder", "zip", "buffer", "later", "ical", "rss"):
        publisher = load(name)
        told = publish(name, posts, at(to, f"{name}{publisher.suffix}"))
        assert isinstance(told, Delivered)
        assert publisher.what
        assert told.files[0].exists()
    told = publish("captions", posts, at(to, "captions.txt"))
    assert told.files[0].read_text("utf-8").count("---") == 3


def test_the_publisher_in_the_documentation_works(
    posts: list[Outgoing], to: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (PYPROJECT.parent / "docs" / "exports.md").read_text("utf-8")
    code, metadata = (text.split(f"```{kind}\n")[-1].split("```")[0] for kind in ("python", "toml"))
    place = to.home.parent / "site"
    points = tomllib.loads(metadata)["project"]["entry-points"][GROUP]
    registered(place, "\n".join(f"{name} = {value}" for name, value in points.items()))
    (place / "captions.py").write_text(code)
    monkeypatch.syspath_prepend(str(place))
    told = publish("captions", posts, at(to, f"captions{load('captions').suffix}"))
    assert told.posts == 4
    assert told.files[0].read_text("utf-8").startswith("Fog over")


@pytest.mark.usefixtures("installed")
def test_whatever_a_strangers_publisher_does_is_one_line(
    posts: list[Outgoing], to: Delivery
) -> None:
    for name, options, said in (
        ("captions", {"mode": "refuse"}, "the moon is full"),
        ("captions", {"mode": "crash"}, 'the publisher "captions" stumbled: KeyError'),
        ("captions", {"mode": "silent"}, "did not say what became of the posts"),
        ("broken", {}, 'the publisher "broken" cannot be loaded: RuntimeError: no token'),
        ("gone", {}, 'the publisher "gone" cannot be loaded: AttributeError'),
        ("nothing", {}, 'the publisher "nothing" cannot publish'),
        ("nobody", {}, 'there is no publisher "nobody"'),
    ):
        with pytest.raises(FeedsmithError) as caught:
            publish(name, posts, at(to, "captions.txt", options=options))
        assert said in caught.value.message
        assert caught.value.mend
    assert not to.target.with_name("captions.txt").exists()


@pytest.mark.usefixtures("installed")
def test_no_posts_and_missing_files_are_said_before_anything_is_written(
    posts: list[Outgoing], to: Delivery
) -> None:
    with pytest.raises(FeedsmithError, match="there are no posts to export"):
        publish("folder", [], to)
    gone = posts[0].model_copy(update={"parts": (Part(path=to.home / "gone.jpg"),)})
    with pytest.raises(FeedsmithError, match=r"gone\.jpg: the file of a post is not there"):
        publish("folder", [gone], to)
    assert not to.target.exists()


def test_the_posts_value_is_plain_json(posts: list[Outgoing]) -> None:
    said = json.loads(posts[0].model_dump_json())
    assert Outgoing.model_validate(said) == posts[0]
