import sys
from pathlib import Path

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.library import Library, import_into
from feedsmith.sources import Archive, detect

STRANGER = """
from feedsmith.sources import Found, Media

class Feed:
    name = "feed"

    def recognises(self, archive):
        return float(any(name.endswith(".feed") for name in archive.entries))

    def find(self, archive, zone, beside=()):
        for name in sorted(archive.entries):
            if name.endswith(".jpg"):
                yield Found(media=(Media(archive, name),), caption="by a stranger", source="feed")
"""


def test_a_stranger_s_importer_is_found_like_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: dict[str, bytes]
) -> None:
    site = tmp_path / "site"
    (site / "strange-1.0.dist-info").mkdir(parents=True)
    (site / "strange-1.0.dist-info/METADATA").write_text("Name: strange\nVersion: 1.0\n")
    (site / "strange-1.0.dist-info/entry_points.txt").write_text(
        "[feedsmith.sources]\nfeed = strange_feed:Feed\n"
    )
    (site / "strange_feed.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(str(site))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "x.feed").write_text("")
    (folder / "a.jpg").write_bytes(pictures["bear"])
    library = Library(tmp_path / "library")
    import_into(library, [folder])
    assert [(post.caption, post.source) for post in library.posts()] == [("by a stranger", "feed")]
    sys.modules.pop("strange_feed", None)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("content/posts_1.json", "instagram-export"),
        ("your_instagram_activity/media/posts_1.html", "instagram-export"),
        ("media/posts/202401/a.jpg", "instagram-export"),
        ("brand/2024-01-01_10-00-00_UTC.jpg", "instaloader"),
        ("a.jpg", "photos"),
    ],
)
def test_the_layout_tells_the_importer(tmp_path: Path, place: str, name: str) -> None:
    path = tmp_path / "in" / place
    path.parent.mkdir(parents=True)
    path.write_text("[]")
    with Archive(tmp_path / "in") as archive:
        assert detect(archive).name == name


def test_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with Archive(tmp_path) as archive, pytest.raises(FeedsmithError, match="no photos"):
        detect(archive)
