import io
import json
import string
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import as_file, photo_id, zipped
from feedsmith.errors import FeedsmithError
from feedsmith.library import Library, import_into
from feedsmith.post import PastPost
from feedsmith.sources import Archive, detect
from feedsmith.sources.instagram_export import InstagramExport

Layout = Callable[[str], Path]
JSON_2024 = "instagram-export-json-2024"


def posts_of(home: Path, *paths: Path, zone: Any = UTC) -> list[PastPost]:
    library = Library(home)
    import_into(library, paths, zone=zone)
    return library.posts()


def ids(post: dict[str, Any], pictures: dict[str, bytes]) -> tuple[str, ...]:
    """The ids of the photos of a true post, those that are there."""
    return tuple(
        photo_id(as_file(pictures[name], ".webp" if post["case"] == "webp" else ".jpg"))
        for name in post["images"]
        if name in pictures
    )


def broken(text: str) -> str:
    return text.encode().decode("latin-1")


def write_export(root: Path, items: Any, where: str = "content/posts_1.json") -> Path:
    out = io.BytesIO()
    Image.effect_noise((400, 400), 60).convert("RGB").save(out, "JPEG")
    (root / "media/posts").mkdir(parents=True, exist_ok=True)
    (root / "media/posts/a.jpg").write_bytes(out.getvalue())
    (root / where).parent.mkdir(parents=True, exist_ok=True)
    (root / where).write_text(json.dumps(items))
    return root


def test_it_reads_the_export_of_2024_as_it_was_posted(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]], pictures: dict[str, bytes]
) -> None:
    posts = posts_of(tmp_path / "library", layout(JSON_2024))
    feed = [post for post in posts if post.kind != "story"]
    assert [post.caption for post in feed] == [post["caption"] for post in truth]
    assert [post.posted_at for post in feed] == [
        datetime.fromisoformat(post["taken_at"]) for post in truth
    ]
    assert [post.photos for post in feed] == [ids(post, pictures) for post in truth]
    assert {post.source for post in feed} == {"instagram-export"}


def test_it_reads_the_export_of_2019_with_its_carousels(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]], pictures: dict[str, bytes]
) -> None:
    posts = posts_of(tmp_path / "library", layout("instagram-export-legacy-2019"))
    by_caption = {post.caption: post for post in posts}
    for true in truth:
        if true["case"] in ("missing", "video"):
            continue
        post = by_caption[true["caption"]]
        assert post.photos == tuple(photo_id(pictures[name]) for name in true["images"])
        assert post.posted_at is not None
        assert post.posted_at.year == 2019
    assert by_caption["clip"].kind == "video"


def test_it_reads_the_html_export_too(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]], pictures: dict[str, bytes]
) -> None:
    posts = posts_of(tmp_path / "library", layout("instagram-export-html-2024"))
    true = [post for post in truth if post["case"] not in ("missing", "video", "heic")]
    true = [post for post in true if post["caption"] in {p.caption for p in posts}]
    assert len(true) == len(posts) == 13
    assert [post.photos for post in posts] == [ids(post, pictures) for post in true]
    assert [post.posted_at for post in posts] == [
        datetime.fromisoformat(post["taken_at"]).replace(second=0) for post in true
    ]


def test_the_times_of_an_html_export_are_the_account_s_own(tmp_path: Path, layout: Layout) -> None:
    posts = posts_of(
        tmp_path / "library", layout("instagram-export-html-2024"), zone=ZoneInfo("Europe/Berlin")
    )
    assert posts[0].posted_at == datetime(2024, 4, 2, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Jul 28, 2024 07:56 pm",
        "28 juil. 2024 19:56",
        "28. Juli 2024, 19:56",
        "28 lug 2024, 19:56:10",
    ],
)
def test_it_reads_dates_in_the_language_of_the_account(tmp_path: Path, text: str) -> None:
    page = (
        '<div class="pam uiBoxWhite noborder"><div>Hello<br>there &amp; you</div>'
        '<div><img src="media/posts/a.jpg"></div>'
        f"<div><table><tr><td>Latitude</td></tr></table></div><div>{text}</div></div>"
    )
    write_export(tmp_path / "export", [])
    (tmp_path / "export/content/posts_1.json").rename(tmp_path / "export/content/posts_1.html")
    (tmp_path / "export/content/posts_1.html").write_text(page, "utf-8")
    (post,) = posts_of(tmp_path / "library", tmp_path / "export")
    assert post.caption == "Hello\nthere & you"
    assert post.posted_at == datetime(2024, 7, 28, 19, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    "where", ["content/posts_1.json", "your_instagram_activity/content/posts_1.json"]
)
def test_it_knows_where_the_lists_lay_in_other_years(
    tmp_path: Path, layout: Layout, truth: list[dict[str, Any]], where: str
) -> None:
    root = next(layout(JSON_2024).iterdir())
    target = root / where
    target.parent.mkdir(parents=True, exist_ok=True)
    (root / "your_instagram_activity/media/posts_1.json").rename(target)
    posts = posts_of(tmp_path / "library", root)
    assert sum(len(post.photos) for post in posts if post.kind != "story") == 17
    assert len(posts) == len(truth) + 1


def test_a_zip_and_its_folder_give_the_same_library(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    packed = zipped(folder, tmp_path / "export.zip")
    prints = []
    for name, path in (("a", folder), ("b", packed)):
        library = Library(tmp_path / name)
        import_into(library, [path])
        prints.append(library.fingerprint())
    assert prints[0] == prints[1]


def test_the_parts_of_one_export_belong_together(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    one = zipped(folder, tmp_path / "one.zip", lambda name: "/media/posts/" not in name)
    two = zipped(folder, tmp_path / "two.zip", lambda name: "/media/posts/202404" in name)
    three = zipped(
        folder,
        tmp_path / "three.zip",
        lambda name: "/media/posts/" in name and "/media/posts/202404" not in name,
    )
    whole, parts = Library(tmp_path / "whole"), Library(tmp_path / "parts")
    import_into(whole, [folder])
    import_into(parts, [three, one, two])
    assert parts.fingerprint() == whole.fingerprint()
    with pytest.raises(FeedsmithError, match="name them all at once"):
        import_into(Library(tmp_path / "other"), [two])


def test_stories_are_taken_and_profile_pictures_are_not(tmp_path: Path, layout: Layout) -> None:
    library = Library(tmp_path / "library")
    import_into(library, [layout(JSON_2024)])
    assert [post.kind for post in library.posts()].count("story") == 1
    assert all("17911111111111111" not in photo.name for photo in library.photos())


def test_it_never_opens_messages(layout: Layout) -> None:
    class Watched(Archive):
        opened: list[str]

        def read(self, name: str, limit: int = 2**26) -> bytes:
            self.opened.append(name)
            return super().read(name, limit)

    with Watched(layout(JSON_2024)) as archive:
        archive.opened = []
        list(detect(archive).find(archive, UTC))
        assert archive.opened
        assert not [n for n in archive.opened if "messages" in n or "personal" in n]


def test_a_list_may_be_wrapped_continue_and_be_archived(tmp_path: Path) -> None:
    def item(caption: str, when: int) -> dict[str, Any]:
        return {
            "media": [{"uri": "media/posts/a.jpg"}],
            "title": caption,
            "creation_timestamp": when,
        }

    root = write_export(tmp_path / "export", {"ig_posts": [item("one", 1700000000)]})
    write_export(root, [item("ten", 1700000300)], "content/posts_10.json")
    write_export(root, [item("two", 1700000100)], "content/posts_2.json")
    write_export(root, {"ig_archived_post_media": [item("old", 1600000000)]},
                 "content/archived_posts.json")  # fmt: skip
    write_export(root, {"ig_reels_media": [item("reel", 1500000000)]}, "content/reels.json")
    labelled = {
        "media": [{"uri": "media/posts/a.jpg"}], "timestamp": 1800000000,
        "label_values": [{"label": "Caption", "value": "labelled"}],
    }  # fmt: skip
    write_export(root, [labelled], "content/posts_11.json")
    posts = posts_of(tmp_path / "library", root)
    assert [(post.caption, post.kind) for post in posts] == [
        ("reel", "reel"), ("old", "archived"), ("one", "photo"), ("two", "photo"),
        ("ten", "photo"), ("labelled", "photo"),
    ]  # fmt: skip


def test_an_export_without_posts_says_what_to_tick(tmp_path: Path) -> None:
    root = tmp_path / "export"
    (root / "connections/followers_and_following").mkdir(parents=True)
    (root / "connections/followers_and_following/followers_1.json").write_text("[]")
    with pytest.raises(FeedsmithError, match=r"without posts.*1 \.json") as raised:
        posts_of(tmp_path / "library", root)
    assert "Posts" in raised.value.mend


@pytest.mark.parametrize("kind", ["json", "html"])
def test_an_export_without_its_media_says_so(tmp_path: Path, layout: Layout, kind: str) -> None:
    folder = layout(f"instagram-export-{kind}-2024")
    packed = zipped(folder, tmp_path / "export.zip", lambda name: name.endswith((".json", ".html")))
    with pytest.raises(FeedsmithError, match="none of their photos"):
        posts_of(tmp_path / "library", packed)


def test_a_list_cut_in_the_middle_is_named(tmp_path: Path, layout: Layout) -> None:
    folder = layout(JSON_2024)
    listing = next(folder.rglob("posts_1.json"))
    listing.write_bytes(listing.read_bytes()[:2000])
    with pytest.raises(FeedsmithError, match=r"posts_1\.json: not readable as JSON"):
        posts_of(tmp_path / "library", folder)


def test_a_date_that_is_none_does_not_cost_the_post(tmp_path: Path) -> None:
    items = [
        {"media": [{"uri": "media/posts/a.jpg", "creation_timestamp": "soon"}], "title": "words"},
        {"media": [{"uri": "media/posts/a.jpg", "creation_timestamp": 1e300}], "title": "more"},
    ]
    posts = posts_of(tmp_path / "library", write_export(tmp_path / "export", items))
    assert sorted((post.caption, post.posted_at) for post in posts) == [
        ("more", None), ("words", None),
    ]  # fmt: skip


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["media", "uri", "title", "creation_timestamp", "ig_stories", "path",
                             "photos", "taken_at", "caption", "label_values"]),
            inner, max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=ANYTHING, old=st.booleans())
def test_no_list_however_odd_makes_it_stumble(
    tmp_path_factory: pytest.TempPathFactory, value: Any, old: bool
) -> None:
    root = tmp_path_factory.mktemp("odd")
    name = root / ("media.json" if old else "content/posts_1.json")
    name.parent.mkdir(exist_ok=True)
    name.write_text(json.dumps(value))
    with Archive(root) as archive:
        try:
            found = list(InstagramExport().find(archive, UTC))
        except FeedsmithError:
            return
        assert all(isinstance(post.caption, str) for post in found)


def test_mended_text_is_what_people_wrote(tmp_path: Path) -> None:
    item = {"media": [{"uri": "media/posts/a.jpg", "title": broken("Café — 🌲 مرحبا")}]}
    (post,) = posts_of(tmp_path / "library", write_export(tmp_path / "export", [item]))
    assert post.caption == "Café — 🌲 مرحبا"
