import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conftest import as_file, photo_id
from feedsmith.errors import FeedsmithError
from feedsmith.library import Library, import_into
from feedsmith.post import PastPost

Layout = Callable[[str], Path]
HEADED = "file{0}caption{0}date\nbear.jpg{0}Grüße aus Köln!{0}2024-03-01\nwolf.jpg{0}Näher.{0}\n"


def posts_of(home: Path, path: Path, **more: Any) -> list[PastPost]:
    library = Library(home)
    import_into(library, [path], **more)
    return library.posts()


@pytest.fixture
def folder(tmp_path: Path, pictures: dict[str, bytes]) -> Path:
    root = tmp_path / "brand"
    (root / "images").mkdir(parents=True)
    for name in ("bear", "wolf", "dock"):
        (root / "images" / f"{name}.jpg").write_bytes(pictures[name])
    return root


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl"])
def test_it_reads_the_sample_tables(
    tmp_path: Path,
    layout: Layout,
    truth: list[dict[str, Any]],
    pictures: dict[str, bytes],
    name: str,
) -> None:
    folder = layout("csv-folder")
    for path in folder.glob("posts*"):
        if path.name != name:
            path.unlink()
    posts = {post.caption: post for post in posts_of(tmp_path / "library", folder)}
    for true in truth:
        if true["case"] == "video":
            continue
        suffix = ".webp" if true["case"] == "webp" else ".jpg"
        # The sample names each file once, so the candle of the first post is not listed again.
        names = true["images"][:2]
        assert posts[true["caption"]].photos == tuple(
            photo_id(as_file(pictures[n], suffix)) for n in names if n in pictures
        )
    assert len(posts) == len(truth) - 1


def test_of_one_list_saved_three_times_the_best_counts(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]]
) -> None:
    posts = posts_of(tmp_path / "library", layout("csv-folder"))
    wanted = [post["caption"] for post in truth if post["case"] != "video"]
    assert sorted(post.caption for post in posts) == sorted(wanted)


def test_it_reads_windows_text(tmp_path: Path, layout: Layout) -> None:
    folder = layout("csv-folder")
    (folder / "posts.csv").unlink()
    (folder / "posts.jsonl").unlink()
    captions = [post.caption for post in posts_of(tmp_path / "library", folder)]
    assert any(caption.startswith("Café, Törtchen & naïve") for caption in captions)
    assert any("“Can you wear them" in caption for caption in captions)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_delimiter_and_encoding_will_do(
    tmp_path: Path, folder: Path, delimiter: str, encoding: str
) -> None:
    (folder / "list.csv").write_bytes(HEADED.format(delimiter).encode(encoding))
    posts = posts_of(tmp_path / "library", folder)
    assert {post.caption for post in posts} == {"Grüße aus Köln!", "Näher."}


def test_a_table_may_be_named_itself(tmp_path: Path, folder: Path) -> None:
    (folder / "list.tsv").write_text(HEADED.format("\t"), "utf-8")
    assert len(posts_of(tmp_path / "library", folder / "list.tsv")) == 2


def test_without_a_header_the_columns_are_guessed(tmp_path: Path, folder: Path) -> None:
    (folder / "list.csv").write_text("7,images/bear.jpg,Hello bear and more\n8,wolf.jpg,Hi wolf\n")
    captions = {post.caption for post in posts_of(tmp_path / "library", folder)}
    assert captions == {"Hello bear and more", "Hi wolf"}


def test_one_row_may_hold_a_carousel_and_so_may_several(
    tmp_path: Path, folder: Path, pictures: dict[str, bytes]
) -> None:
    (folder / "list.csv").write_text(
        "post id,image,caption\n1,bear.jpg|wolf.jpg,Two in one row\n"
        "2,wolf.jpg,Two in two rows\n2,dock.jpg,\n"
    )
    one, two = sorted(posts_of(tmp_path / "library", folder), key=lambda post: post.caption)
    assert one.photos == (photo_id(pictures["bear"]), photo_id(pictures["wolf"]))
    assert two.photos == (photo_id(pictures["wolf"]), photo_id(pictures["dock"]))
    assert two.kind == "carousel"


def test_hashtags_in_a_column_of_their_own_are_kept(tmp_path: Path, folder: Path) -> None:
    rows = [{"image": "bear.jpg", "text": "A bear #Bear", "hashtags": ["#bear", "forest"],
             "alt_text": "A toy bear.", "url": "https://example.com/p/1"}]  # fmt: skip
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (post,) = posts_of(tmp_path / "library", folder)
    assert post.hashtags == ("Bear", "forest")
    assert post.alt_text == "A toy bear."
    assert post.text == "A bear"


def test_times_without_a_zone_are_the_brand_s(tmp_path: Path, folder: Path) -> None:
    (folder / "list.csv").write_text(
        "file,caption,date\nbear.jpg,A,01.03.2024 08:30\nwolf.jpg,B,2024-03-02\n"
    )
    posts = posts_of(tmp_path / "library", folder, zone=ZoneInfo("America/New_York"))
    assert posts[0].posted_at == datetime(2024, 3, 1, 13, 30, tzinfo=UTC)
    assert posts[1].posted_at == datetime(2024, 3, 2, 17, 0, tzinfo=UTC)


def test_one_broken_line_does_not_cost_the_table(tmp_path: Path, folder: Path) -> None:
    (folder / "list.jsonl").write_text(
        '{"file": "bear.jpg", "caption": "one"}\n{"file": "wo\n{"file": "wolf.jpg", "caption": "two"}\n'
    )
    assert len(posts_of(tmp_path / "library", folder)) == 2


def test_credits_in_the_table_go_to_the_photos(tmp_path: Path, folder: Path) -> None:
    (folder / "list.csv").write_text("file,caption,credit,licence\nbear.jpg,A,Ana Ruiz,CC BY 4.0\n")
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    (photo,) = library.photos()
    assert photo.credit is not None
    assert (photo.credit.text, photo.credit.licence) == ("Ana Ruiz", "CC BY 4.0")


def test_files_that_are_not_there_are_listed(tmp_path: Path, folder: Path) -> None:
    (folder / "list.csv").write_text(
        "file,caption\nbear.jpg,A\ngone.jpg,B\nhttps://example.com/far.jpg,C\n"
    )
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert report.set_aside == {"missing": 2}
    assert {item.name for item in library.set_aside()} == {"gone.jpg", "far.jpg"}


def test_a_name_that_fits_several_folders_is_not_guessed(
    tmp_path: Path, folder: Path, pictures: dict[str, bytes]
) -> None:
    for place in ("spring", "autumn"):
        (folder / place).mkdir()
    (folder / "spring/1.jpg").write_bytes(pictures["duck"])
    (folder / "autumn/1.jpg").write_bytes(pictures["sloth"])
    (folder / "list.csv").write_text(
        "file,caption\nC:\\pics\\autumn\\1.jpg,right\nsummer/1.jpg,unclear\nbear.jpg,bear\n"
    )
    posts = {post.caption: post for post in posts_of(tmp_path / "library", folder)}
    assert posts["right"].photos == (photo_id(pictures["sloth"]),)
    assert posts["unclear"].photos == ()


def test_a_table_without_photos_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "brand").mkdir()
    (tmp_path / "brand/list.csv").write_text("file,caption\nbear.jpg,A\n")
    with pytest.raises(FeedsmithError, match="no photos"):
        posts_of(tmp_path / "library", tmp_path / "brand")
