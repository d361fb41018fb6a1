import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import photo_id, zipped
from feedsmith.errors import FeedsmithError
from feedsmith.library import Library, import_into

Layout = Callable[[str], Path]


def test_it_reads_the_text_beside_each_photo(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]]
) -> None:
    library = Library(tmp_path / "library")
    report = import_into(library, [layout("folder-sidecar-txt")])
    captions = {post["caption"] for post in truth if post["case"] not in ("missing", "video")}
    assert {post.caption for post in library.posts()} == captions - {""}
    assert report.photos_new == 16


def test_it_keeps_a_carousel_together(tmp_path: Path, layout: Layout) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [layout("folder-sidecar-txt")])
    names = [[library.photo(i).name for i in post.photos] for post in library.posts()]
    assert ["boot0.jpg", "boot1.jpg"] in names
    assert ["candle1.jpg", "candle2.jpg"] in names


def test_photos_without_words_are_photos_and_no_posts(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = tmp_path / "photos"
    (folder / "2024/spring").mkdir(parents=True)
    (folder / "2024/spring/a.JPG").write_bytes(pictures["bear"])
    (folder / "b.jpeg").write_bytes(pictures["wolf"])
    (folder / ".hidden.jpg").write_bytes(pictures["dock"])
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert report.photos_new == 2
    assert library.posts() == []


def test_one_single_photo_is_enough(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    photo = tmp_path / "one.jpg"
    photo.write_bytes(pictures["dock"])
    library = Library(tmp_path / "library")
    assert import_into(library, [photo]).photos_new == 1
    assert library.photos()[0].id == photo_id(pictures["dock"])


def test_takeout_s_sidecars_tell_the_words_and_the_time(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = tmp_path / "Takeout"
    folder.mkdir()
    (folder / "IMG_1.jpg").write_bytes(pictures["bear"])
    (folder / "IMG_1.jpg.supplemental-metadata.json").write_text(
        json.dumps({"title": "IMG_1.jpg", "description": "Bear in the window",
                    "photoTakenTime": {"timestamp": "1700000000"}})
    )  # fmt: skip
    (folder / "IMG_2.jpg").write_bytes(pictures["wolf"])
    (folder / "IMG_2.json").write_text("{ not json")
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    (post,) = library.posts()
    assert post.caption == "Bear in the window"
    assert post.posted_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert len(library.photos()) == 2


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "is empty"),
        ({"a.txt": b"hello", "b.txt": b"you", "c.pdf": b"%PDF"}, r"found 2 \.txt, 1 \.pdf"),
        ({"a.zip": b"PK\x03\x04", "read me.txt": b"x"}, "1 zip file"),
        ({"clip.mp4": b"\0\0\0\x18ftyp"}, r"found 1 \.mp4"),
    ],
)
def test_a_folder_without_photos_says_what_it_found(
    tmp_path: Path, files: dict[str, bytes], says: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    library = Library(tmp_path / "library")
    with pytest.raises(FeedsmithError, match=says) as raised:
        import_into(library, [folder])
    assert raised.value.mend
    assert library.photos() == []


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match=r"nowhere: no such file or folder"):
        import_into(Library(tmp_path / "library"), [tmp_path / "nowhere"])


def test_of_several_paths_the_useless_one_becomes_a_note(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "good/a.jpg").write_bytes(pictures["bear"])
    report = import_into(Library(tmp_path / "library"), [tmp_path / "bad", tmp_path / "good"])
    assert report.photos_new == 1
    assert any("bad: this folder is empty" in note for note in report.notes)


def test_a_pattern_that_no_shell_expanded_is_expanded(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    for name in ("bear", "wolf"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.jpg").write_bytes(pictures[name])
        zipped(tmp_path / name, tmp_path / f"part-{name}.zip")
    report = import_into(Library(tmp_path / "library"), [tmp_path / "part-*.zip"])
    assert report.photos_new == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_links_that_lead_out_and_pipes_are_left_alone(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    (tmp_path / "secret.jpg").write_bytes(pictures["bear"])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.jpg").write_bytes(pictures["dock"])
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "mine.jpg").write_bytes(pictures["wolf"])
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(folder / "nothing.jpg")
    os.mkfifo(folder / "pipe.jpg")
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert [photo.name for photo in library.photos()] == ["mine.jpg"]
    assert report.set_aside == {"refused": 3}
    assert any("leads out" in item.detail for item in library.set_aside())
