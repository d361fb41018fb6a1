import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from conftest import photo_id, zipped
from feedsmith import photo_file
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.library import Library, import_into

Layout = Callable[[str], Path]
JSON_2024 = "instagram-export-json-2024"


def grain(seed: int, size: tuple[int, int] = (400, 330)) -> bytes:
    """A photo-like JPEG of its own: coarse coloured clouds with fine grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8))
    clouds = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
    noisy = clouds + rng.integers(-9, 9, (size[1], size[0], 1), dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def edited(jpeg: bytes, edit: Callable[[Image.Image], Image.Image]) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        edit(image.convert("RGB")).save(out, "JPEG", quality=70)
    return out.getvalue()


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_photos_that_tell_nothing_are_kept_byte_for_byte_and_named_by_content(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [folder_of(tmp_path / "in", {"My dock.JPG": pictures["dock"]})])
    (photo,) = library.photos()
    assert photo.id == photo_id(pictures["dock"])
    assert photo.file == f"photos/{photo.id[:2]}/{photo.id}.jpg"
    assert library.path(photo).read_bytes() == pictures["dock"]
    assert photo.name == "My dock.JPG"
    assert library.rgb(photo).shape == (photo.height, photo.width, 3)
    assert max(library.rgb(photo, 128).shape) == 128


def test_twice_is_once(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    library = Library(tmp_path / "library")
    first = import_into(library, [folder])
    before = contents(library.root)
    second = import_into(library, [folder])
    assert (first.posts_new, first.photos_new) == (17, 16)
    assert (second.posts_new, second.photos_new) == (0, 0)
    assert (second.posts_known, second.photos_known, second.examined) == (17, 16, 0)
    assert contents(library.root) == before


def test_the_number_of_workers_changes_nothing(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    for workers in (1, 5):
        import_into(Library(tmp_path / str(workers)), [folder], workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "5")


def test_a_later_export_adds_only_what_is_new(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    listing = next(folder.rglob("posts_1.json"))
    whole = json.loads(listing.read_text())
    library = Library(tmp_path / "library")
    listing.write_text(json.dumps(whole[8:]))
    early = import_into(library, [folder])
    listing.write_text(json.dumps(whole))
    late = import_into(library, [folder])
    assert early.posts_new + late.posts_new == 17
    assert late.posts_known == early.posts_new


def test_the_same_posts_from_another_kind_of_export_are_known(
    tmp_path: Path, layout: Layout
) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [layout(JSON_2024)])
    report = import_into(library, [layout("instaloader"), layout("instagram-export-html-2024")])
    assert report.posts_new == 0
    assert len(library.posts()) == 17


def test_an_edited_caption_replaces_the_old_one(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    listing = next(folder.rglob("posts_1.json"))
    listing.write_text(listing.read_text().replace("Ours is called", "This one is called"))
    report = import_into(library, [folder])
    assert report.posts_new == 0
    captions = [post.caption for post in library.posts()]
    assert sum("is called Bruno" in caption for caption in captions) == 1
    assert any(caption.startswith("This one is called") for caption in captions)


def test_one_corrupt_photo_among_a_hundred_costs_one_photo(tmp_path: Path) -> None:
    files = {f"{number:03}.jpg": grain(number) for number in range(99)}
    files["broken.jpg"] = grain(1000)[:3000]
    library = Library(tmp_path / "library")
    report = import_into(library, [folder_of(tmp_path / "in", files)])
    assert (report.photos_new, report.set_aside) == (99, {"unreadable": 1})
    (item,) = library.set_aside()
    assert item.name == "broken.jpg"
    assert (library.root / item.file).read_bytes() == files["broken.jpg"]


def test_an_interrupted_import_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", {f"{n:02}.jpg": grain(n) for n in range(30)})

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        if done == 12:
            raise KeyboardInterrupt

    library = Library(tmp_path / "library")
    with pytest.raises(KeyboardInterrupt):
        import_into(library, [folder], workers=2, report=stop)
    assert Library(library.root).photos() == []
    seen: list[tuple[int, int]] = []
    report = import_into(
        Library(library.root), [folder], workers=2, report=lambda s, d, t, n="": seen.append((d, t))
    )
    assert report.photos_new == 30
    assert report.examined == 18
    assert seen[-1] == (30, 30)
    import_into(Library(tmp_path / "straight"), [folder])
    assert contents(tmp_path / "straight") == contents(library.root)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_import_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", {f"{n:02}.jpg": grain(n) for n in range(30)})
    code = (
        "import sys, time; from pathlib import Path\n"
        "from feedsmith.library import Library, import_into\n"
        "def slow(stage, done, total, note=''):\n"
        "    time.sleep(60 if done == 10 else 0)\n"
        "import_into(Library(Path(sys.argv[1])), [Path(sys.argv[2])], workers=1, report=slow)\n"
    )
    root = tmp_path / "library"
    process = subprocess.Popen([sys.executable, "-c", code, str(root), str(folder)])
    notes = root / "arriving.jsonl"
    end = time.monotonic() + 600
    while time.monotonic() < end and not (notes.exists() and notes.read_bytes().count(b"\n") >= 10):
        time.sleep(0.02)
    process.kill()
    process.wait()
    with notes.open("ab") as stream:
        stream.write(b'{"key": "torn')
    (root / "photos/ab").mkdir(exist_ok=True)
    (root / "photos/ab/.ab00.jpg.x1.part").write_bytes(b"half a photo")
    report = import_into(Library(root), [folder])
    assert (report.photos_new, report.examined) == (30, 20)
    import_into(Library(tmp_path / "straight"), [folder])
    assert contents(tmp_path / "straight") == contents(root)


@pytest.mark.parametrize("after", [0, 5, 22, 23, 24, 25])
def test_a_full_disk_loses_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    folder = folder_of(tmp_path / "in", {f"{n:02}.jpg": grain(n) for n in range(22)})
    library = Library(tmp_path / "library")
    import_into(library, [folder_of(tmp_path / "first", {"a.jpg": grain(99)})])
    before = library.fingerprint()
    real, left = os.fsync, [after]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FeedsmithError, match="disk is full") as raised:
        import_into(library, [folder], workers=2)
    assert "run the same command again" in raised.value.mend
    monkeypatch.undo()
    assert not [*library.root.rglob("*.part"), *library.root.rglob("*.next")]
    assert Library(library.root).fingerprint() == before
    import_into(Library(library.root), [folder])
    straight = Library(tmp_path / "straight")
    import_into(straight, [tmp_path / "first"])
    import_into(straight, [folder])
    assert contents(straight.root) == contents(library.root)


def test_two_imports_at_once_are_kept_apart(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = folder_of(tmp_path / "in", {f"{n}.jpg": grain(n) for n in range(3)})
    library = Library(tmp_path / "library")
    refusals: list[str] = []

    def meanwhile(stage: str, done: int, total: int, note: str = "") -> None:
        if done == 1:
            with pytest.raises(FeedsmithError, match="another import") as raised:
                import_into(Library(library.root), [folder])
            refusals.append(raised.value.mend)

    assert import_into(library, [folder], report=meanwhile).photos_new == 3
    assert len(refusals) == 1


def test_a_library_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": grain(1)})
    (tmp_path / "library").write_text("a file where the folder should be")
    with pytest.raises(FeedsmithError, match="library: is a file, where a folder") as raised:
        import_into(Library(tmp_path / "library"), [folder])
    assert raised.value.mend


def test_near_duplicates_are_set_aside_and_their_posts_keep_the_photo(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(
        tmp_path / "in",
        {
            "big.jpg": edited(pictures["dock"], lambda i: i.resize((i.width * 2, i.height * 2))),
            "small.jpg": pictures["dock"],
            "bright.jpg": edited(pictures["dock"], lambda i: ImageEnhance.Brightness(i).enhance(1.2)),
            "other.jpg": pictures["wolf"],
        },
    )  # fmt: skip
    (folder / "small.txt").write_text("The dock at six.")
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert {photo.name for photo in library.photos()} == {"big.jpg", "other.jpg"}
    assert report.set_aside == {"near-duplicate": 2}
    (post,) = library.posts()
    assert [library.photo(i).name for i in post.photos] == ["big.jpg"]
    assert library.post_of(post.photos[0]) == post
    for item in library.set_aside():
        assert library.photo(item.instead).name == "big.jpg"
        assert (library.root / item.file).read_bytes() == (folder / item.name).read_bytes()


@pytest.mark.parametrize("first", ["big", "small"])
def test_the_larger_of_two_stays_in_whatever_order_they_come(
    tmp_path: Path, pictures: dict[str, bytes], first: str
) -> None:
    big = edited(pictures["dock"], lambda i: i.resize((i.width * 2, i.height * 2)))
    folders = {
        "big": folder_of(tmp_path / "big", {"big.jpg": big}),
        "small": folder_of(tmp_path / "small", {"small.jpg": pictures["dock"]}),
    }
    (folders["small"] / "small.txt").write_text("The dock at six.")
    library = Library(tmp_path / "library")
    for name in (first, "small" if first == "big" else "big"):
        import_into(library, [folders[name]])
    (photo,) = library.photos()
    assert photo.name == "big.jpg"
    assert library.posts()[0].photos == (photo.id,)
    (item,) = library.set_aside()
    assert (library.root / item.file).read_bytes() == pictures["dock"]
    held = {p.name for p in (library.root / "photos").rglob("*.jpg")}
    assert held == {f"{photo.id}.jpg"}


def test_views_of_one_object_in_a_carousel_are_all_kept(
    tmp_path: Path, layout: Layout, pictures: dict[str, bytes]
) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [layout(JSON_2024)])
    carousel = max(library.posts(), key=lambda post: len(post.photos))
    assert carousel.photos == tuple(photo_id(pictures[f"candle{n}"]) for n in (1, 2, 0))


def test_what_one_post_shows_on_purpose_is_kept_though_it_is_alike(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    warmer = edited(pictures["dock"], lambda i: ImageEnhance.Color(i).enhance(1.8))
    folder = folder_of(tmp_path / "in", {"dock1.jpg": pictures["dock"], "dock2.jpg": warmer})
    alone = Library(tmp_path / "alone")
    import_into(alone, [folder])
    assert len(alone.photos()) == 1
    for name in ("dock1", "dock2"):
        (folder / f"{name}.txt").write_text("Before and after the filter.")
    together = Library(tmp_path / "together")
    import_into(together, [folder])
    assert len(together.photos()) == 2
    assert len(together.posts()[0].photos) == 2


def screenshot() -> bytes:
    image = Image.new("RGB", (640, 1136), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    for x in (40, 540):
        draw.rectangle((x, 18, x + 60, 34), fill=(20, 20, 20))
    for line in range(150, 1000, 60):
        draw.rectangle((40, line, 400, line + 18), fill=(40, 40, 40))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_thumbnails_and_screenshots_are_set_aside_unless_all_are_wanted(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(
        tmp_path / "in",
        {
            "photo.jpg": edited(pictures["bear"], lambda i: i.resize((480, 480))),
            "tiny.jpg": edited(pictures["wolf"], lambda i: i.resize((200, 200))),
            "IMG_0042.png": screenshot(),
            "Screenshot 2024-05-05.jpg": pictures["dock"],
            "bear again.jpg": edited(pictures["bear"], lambda i: i.resize((330, 330))),
        },
    )
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert report.set_aside == {"near-duplicate": 1, "thumbnail": 1, "screenshot": 2}
    assert [photo.name for photo in library.photos()] == ["photo.jpg"]
    again = import_into(library, [folder], keep_all=True)
    assert (again.photos_new, again.set_aside) == (4, {})
    assert library.set_aside() == []
    assert len(library.photos()) == 5
    assert import_into(library, [folder]).photos_new == 0
    assert len(library.photos()) == 5


def test_a_library_of_nothing_but_junk_says_why_it_is_empty(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    tiny = edited(pictures["wolf"], lambda i: i.resize((200, 200)))
    report = import_into(
        Library(tmp_path / "library"), [folder_of(tmp_path / "in", {"a.jpg": tiny})]
    )
    assert any("1 thumbnail" in note for note in report.notes)


def test_credits_are_matched_by_file_name(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    folder = folder_of(
        tmp_path / "in", {"Dock.jpg": pictures["dock"], "bear.jpg": pictures["bear"]}
    )
    table = tmp_path / "credits.csv"
    table.write_text(
        "file,credit,licence,licence_url,source_url\n"
        'images/dock.JPG,"Jonas Lee, CC0",CC0 1.0,https://example.com/cc0,https://example.com/1\n'
        "gone.jpg,Nobody,,,\n"
    )
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    report = import_into(library, [folder], credits=table)
    by_name = {photo.name: photo for photo in library.photos()}
    assert by_name["Dock.jpg"].credit is not None
    assert by_name["Dock.jpg"].credit.text == "Jonas Lee, CC0"
    assert by_name["bear.jpg"].credit is None
    assert any("1 of 2 credits match no photo, e.g. gone.jpg" in note for note in report.notes)
    table.write_text("name,who\n")
    with pytest.raises(FeedsmithError, match="needs the columns file and credit"):
        import_into(library, [folder], credits=table)


def by_ana(picture: bytes) -> bytes:
    """The picture as a photographer hands it over."""
    exif = Image.Exif()
    exif[0x013B], exif[0x8298] = "Ana Ruiz", "(c) Ana Ruiz"
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.save(out, "JPEG", exif=exif, quality=85)
    return out.getvalue()


def test_a_photo_s_own_credit_outlives_its_metadata(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": by_ana(pictures["dock"]), "b.jpg": grain(1)})
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    said = {photo.name: photo.credit and photo.credit.text for photo in library.photos()}
    assert said == {"a.jpg": "Ana Ruiz", "b.jpg": None}
    assert report.credited == 1
    assert any("1 photo names who made it (e.g. Ana Ruiz)" in note for note in report.notes)
    assert b"Ana Ruiz" not in library.path(library.photos()[0]).read_bytes()
    again = import_into(library, [folder])
    assert (again.credited, again.notes) == (0, ())


def test_a_credit_given_by_hand_wins_over_the_photo_s_own(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": by_ana(pictures["dock"])})
    table = tmp_path / "credits.csv"
    table.write_text("file,credit,licence\na.jpg,Ana Ruiz for Lighthouse,CC BY 4.0\n")
    library = Library(tmp_path / "library")
    for paths in ({"credits": table}, {}):  # and stays when the photo comes again without it
        report = import_into(library, [folder], **paths)
        (photo,) = library.photos()
        assert photo.credit is not None
        assert photo.credit.text == "Ana Ruiz for Lighthouse"
        assert (report.credited, report.notes) == (0, ())


def test_a_library_of_the_time_before_credits_were_read_gets_them_with_the_next_import(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": by_ana(pictures["dock"])})
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    straight = contents(library.root)
    listing = library.root / "photos.jsonl"
    value = json.loads(listing.read_text())
    listing.write_text(json.dumps({**value, "credit": None}) + "\n")
    report = import_into(Library(library.root), [folder])
    assert (report.credited, report.examined) == (1, 0)
    assert contents(library.root) == straight


def test_posts_without_a_caption_are_posts(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    listing = next(folder.rglob("posts_1.json"))
    posts = json.loads(listing.read_text())
    for post in posts:
        post["title"] = ""
        for media in post["media"]:
            media["title"] = ""
    listing.write_text(json.dumps(posts))
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert report.photos_new == 16
    assert {post.caption for post in library.posts()} == {""}
    assert len(library.posts()) == 16  # the one whose photo is missing has nothing left


def test_videos_are_listed_with_their_post(tmp_path: Path, layout: Layout) -> None:
    library = Library(tmp_path / "library")
    report = import_into(library, [layout(JSON_2024)])
    (post,) = [post for post in library.posts() if post.kind == "video"]
    assert post.videos == ("17900000015000045.mp4",)
    assert post.hashtags == ("reel", "budgie")
    assert report.videos == 1


def test_photos_come_oldest_first_and_undated_before_all(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:05:06 07:08:09"
    dated = io.BytesIO()
    Image.open(io.BytesIO(pictures["wolf"])).save(dated, "JPEG", exif=exif)
    folder = folder_of(tmp_path / "in", {"a.jpg": dated.getvalue(), "b.jpg": pictures["bear"]})
    (folder / "posts.csv").write_text("file,caption,date\na.jpg,A,2024-01-01\n")
    library = Library(tmp_path / "library")
    import_into(library, [folder / "posts.csv", folder / "b.jpg"])
    assert [photo.taken_at for photo in library.photos()] == [
        None, datetime(2020, 5, 6, 7, 8, 9, tzinfo=UTC),
    ]  # fmt: skip


def test_zip_and_folder_give_the_same_fingerprint_and_another_photo_another(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": pictures["wolf"]})
    packed = zipped(folder, tmp_path / "in.zip")
    one, two = Library(tmp_path / "1"), Library(tmp_path / "2")
    empty = one.fingerprint()
    import_into(one, [folder])
    import_into(two, [packed])
    assert one.fingerprint() == two.fingerprint() != empty
    import_into(two, [folder_of(tmp_path / "more", {"b.jpg": pictures["bear"]})])
    assert one.fingerprint() != two.fingerprint()


def test_what_is_not_there_is_said_in_words(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    library = Library(tmp_path / "library")
    assert (library.photos(), library.posts(), library.set_aside()) == ([], [], [])
    with pytest.raises(FeedsmithError, match="no photo 0123"):
        library.photo("0123")
    import_into(library, [folder_of(tmp_path / "in", {"a.jpg": pictures["wolf"]})])
    (photo,) = library.photos()
    assert library.missing() == []
    library.path(photo).write_bytes(b"overwritten")
    with pytest.raises(Refused, match="not a picture"):
        library.rgb(photo)
    library.path(photo).unlink()
    assert library.missing() == [photo]
    with pytest.raises(Refused, match=r"jpg: the photo a\.jpg is gone") as raised:
        library.rgb(photo)
    assert "feedsmith import" in raised.value.mend
    (library.root / "photos.jsonl").write_text("{}\n")
    with pytest.raises(FeedsmithError, match=r"photos\.jsonl: line 1 is damaged"):
        Library(library.root).photos()


def test_a_photo_lost_from_the_library_comes_back_with_the_next_import(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": pictures["wolf"]})
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    (photo,) = library.photos()
    library.path(photo).unlink()
    import_into(library, [folder])
    assert library.path(photo).read_bytes() == pictures["wolf"]


TELLTALES = (b"SecretMaker", b"SERIAL-4711", b"Olga Owner", b"secret comment", b"MAKERNOTE")


def telling(picture: bytes, kind: str = "JPEG", size: tuple[int, int] | None = None) -> bytes:
    """The picture as a camera would have written it, with place, serial number and owner."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SecretMaker", 6
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x9011] = "2024:05:06 07:08:09", "+02:00"
    inner[0x927C], inner[0xA430], inner[0xA431] = b"MAKERNOTE", "Olga Owner", "SERIAL-4711"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (52.0, 31.0, 12.0)
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        shown = image.convert("RGB").resize(size) if size else image.convert("RGB")
        more = {"comment": b"secret comment"} if kind == "JPEG" else {}
        shown.save(out, kind, exif=exif.tobytes(), quality=80, **more)
    return out.getvalue()


def told_in(root: Path) -> set[bytes]:
    """What of TELLTALES stands anywhere in the folder's files."""
    return {word for data in contents(root).values() for word in TELLTALES if word in data}


def test_the_library_s_copies_tell_neither_place_nor_camera_nor_owner(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    names = ("dock", "wolf", "bear", "kitten")
    kinds = ("JPEG", "HEIF", "WEBP", "PNG")
    files = {
        f"{name}.{kind.lower()}": telling(pictures[name], kind)
        for name, kind in zip(names, kinds, strict=True)
    }
    files["small.jpg"] = telling(pictures["dock"], size=(200, 160))
    files["copy.jpg"] = telling(pictures["wolf"], size=(400, 400))
    files["broken.jpg"] = telling(pictures["duck"])[:9000]
    folder = folder_of(tmp_path / "in", files)
    assert told_in(folder) == set(TELLTALES)
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert told_in(library.root) == set()
    assert report.set_aside == {"near-duplicate": 1, "thumbnail": 1, "unreadable": 1}
    assert report.cleaned >= 5
    for photo in library.photos():
        original = files[photo.name]
        assert photo.id == photo_id(original)
        assert np.array_equal(library.rgb(photo), photo_file.rgb(original))
        assert photo.taken_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
        assert (photo.width, photo.height) == photo_file.read_header(original)[1:3]
    before = contents(library.root)
    again = import_into(library, [folder])
    assert (again.photos_new, again.cleaned, again.examined) == (0, 0, 0)
    assert contents(library.root) == before


def test_metadata_is_kept_on_demand_and_both_can_be_changed_later(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    files = {"a.jpg": telling(pictures["dock"]), "b.heic": telling(pictures["wolf"], "HEIF")}
    folder = folder_of(tmp_path / "in", files)
    library = Library(tmp_path / "library")
    for keep in (True, False, True, False):
        report = import_into(library, [folder], keep_metadata=keep)
        photos = library.photos()
        assert {photo.id for photo in photos} == {photo_id(data) for data in files.values()}
        same = [library.path(photo).read_bytes() == files[photo.name] for photo in photos]
        assert same == [keep, keep]
        assert report.cleaned == (0 if keep else 2)


def test_a_library_of_the_time_before_cleaning_works_and_is_cleaned_by_the_next_import(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = folder_of(tmp_path / "in", {"a.jpg": telling(pictures["dock"])})
    library = Library(tmp_path / "library")
    import_into(library, [folder], keep_metadata=True)
    old = Library(library.root)
    (photo,) = old.photos()
    before, seen = old.fingerprint(), old.rgb(photo)
    report = import_into(old, [folder])
    assert (report.photos_new, report.photos_known, report.cleaned) == (0, 1, 1)
    assert told_in(old.root) == set()
    assert old.fingerprint() == before
    assert np.array_equal(old.rgb(old.photo(photo.id)), seen)


def test_a_file_that_cannot_be_cleaned_piece_by_piece_is_written_anew(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    out = io.BytesIO()
    with Image.open(io.BytesIO(pictures["dock"])) as image:
        image.save(out, "TIFF", big_tiff=True, description="secret comment")
    folder = folder_of(tmp_path / "in", {"a.tif": out.getvalue()})
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    (photo,) = library.photos()
    assert photo.id == photo_id(out.getvalue())
    assert told_in(library.root) == set()
    assert np.array_equal(library.rgb(photo), photo_file.rgb(out.getvalue()))


def test_an_import_stopped_between_two_photos_leaves_none_uncleaned(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    names = sorted(pictures)[:6]
    files = {f"{name}.jpg": telling(pictures[name]) for name in names}
    folder = folder_of(tmp_path / "in", files)
    library = Library(tmp_path / "library")

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        assert told_in(library.root) == set()
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_into(library, [folder], workers=1, report=stop)
    import_into(Library(library.root), [folder])
    import_into(Library(tmp_path / "straight"), [folder])
    assert contents(tmp_path / "straight") == contents(library.root)
    assert told_in(library.root) == set()


def test_the_demo_brand_s_export_imports_whole(tmp_path: Path) -> None:
    demo = Path(__file__).parent.parent / "demo"
    library = Library(tmp_path / "library")
    report = import_into(
        library, [demo / "tall-tree-outfitters-export.zip"], credits=demo / "credits.csv"
    )
    assert (report.posts_new, report.photos_new, report.set_aside, report.notes) == (89, 89, {}, ())
    assert all(photo.credit for photo in library.photos())
    assert not [p for p in library.photos() if p.credit and "SA" in p.credit.licence]
    assert "🌲" in "".join(post.caption for post in library.posts())
