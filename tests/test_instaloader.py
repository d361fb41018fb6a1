import json
import lzma
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import as_file, photo_id
from feedsmith.errors import FeedsmithError
from feedsmith.library import Library, import_into

Layout = Callable[[str], Path]


def test_it_reads_captions_carousels_and_times(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]], pictures: dict[str, bytes]
) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [layout("instaloader")])
    true = [post for post in truth if post["case"] != "missing"]
    posts = library.posts()
    assert [post.caption for post in posts] == [post["caption"] for post in true]
    assert [post.posted_at for post in posts] == [
        datetime.fromisoformat(post["taken_at"]) for post in true
    ]
    for post, wanted in zip(posts, true, strict=True):
        suffix = ".webp" if wanted["case"] == "webp" else ".jpg"
        assert post.photos == tuple(
            photo_id(as_file(pictures[name], suffix))
            for name in wanted["images"]
            if name in pictures
        )
    assert posts[0].source == "instaloader"
    assert posts[1].permalink.startswith("https://www.instagram.com/p/C")


def test_the_still_of_a_video_is_no_photo_of_its_own(tmp_path: Path, layout: Layout) -> None:
    library = Library(tmp_path / "library")
    report = import_into(library, [layout("instaloader")])
    assert library.posts()[-1].videos == ("2024-08-15_18-30-52_UTC.mp4",)
    assert library.posts()[-1].photos == ()
    assert report.set_aside == {"video-cover": 1}


def test_the_profile_picture_is_not_taken(tmp_path: Path, layout: Layout) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [layout("instaloader")])
    assert not [photo for photo in library.photos() if "profile" in photo.name]


def test_the_caption_comes_from_the_metadata_where_there_is_no_text(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]]
) -> None:
    folder = layout("instaloader")
    for path in folder.rglob("*.txt"):
        path.unlink()
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    assert [post.caption for post in library.posts()] == [
        post["caption"] for post in truth if post["case"] != "missing"
    ]


def test_metadata_that_would_unpack_to_gigabytes_is_not_unpacked(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = tmp_path / "loaded"
    folder.mkdir()
    (folder / "2024-01-01_10-00-00_UTC.jpg").write_bytes(pictures["bear"])
    bomb = lzma.compress(b'{"node": "' + b" " * 60_000_000 + b'"}', preset=0)
    (folder / "2024-01-01_10-00-00_UTC.json.xz").write_bytes(bomb)
    (folder / "2024-01-02_10-00-00_UTC.jpg").write_bytes(pictures["wolf"])
    (folder / "2024-01-02_10-00-00_UTC.json.xz").write_bytes(b"\xfd7zXZ\0 torn")
    (folder / "2024-01-02_10-00-00_UTC.txt").write_text("still here")
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    assert [post.caption for post in library.posts()] == ["", "still here"]


def test_a_carousel_with_a_gap_names_what_is_gone(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    folder = tmp_path / "loaded"
    folder.mkdir()
    stem = "2024-01-01_10-00-00_UTC"
    for number, name in ((1, "bear"), (3, "wolf")):
        (folder / f"{stem}_{number}.jpg").write_bytes(pictures[name])
    node = {"edge_sidecar_to_children": {"edges": [{}, {}, {}]}}
    (folder / f"{stem}.json").write_text(json.dumps({"node": node}))
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    (post,) = library.posts()
    assert post.photos == (photo_id(pictures["bear"]), photo_id(pictures["wolf"]))
    assert report.set_aside == {"missing": 1}
    assert library.set_aside()[0].name == f"{stem}_2"


def test_a_folder_of_texts_alone_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "loaded").mkdir()
    (tmp_path / "loaded/2024-01-01_10-00-00_UTC.txt").write_text("words")
    with pytest.raises(FeedsmithError, match="no photos"):
        import_into(Library(tmp_path / "library"), [tmp_path / "loaded"])
