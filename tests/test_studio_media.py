"""Pictures of posts: only those a post names, only for those who may see it."""

from io import BytesIO
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from feedsmith.library import Library, import_into
from small_studio import CONFIG, bytes_of, home, visitor
from studio_server import Server

pytestmark = pytest.mark.usefixtures("studio")

PICTURE = "/media/oak-co/01-photo-aaaaaa/01.jpg"


def test_a_picture_comes_as_what_it_is() -> None:
    answer = visitor("rita").get(PICTURE)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert bytes_of(answer)[:2] == b"\xff\xd8"


@pytest.mark.parametrize("who", ["", "otto", "nina"])
def test_who_is_not_a_member_gets_no_picture(who: str) -> None:
    for address in (PICTURE, PICTURE.replace("/media/oak-co", "/thumb/oak-co/240")):
        assert visitor(who).get(address).status_code == (404 if who else 302)


@pytest.mark.parametrize(
    "path",
    [
        "01-photo-aaaaaa/post.json", "01-photo-aaaaaa/../../brand.toml", "../studio.db",
        "01-photo-aaaaaa/..%2f..%2fstudio.db", "01-photo-aaaaaa/02.jpg", "%2e%2e/brand.toml",
        "01-photo-aaaaaa/01.jpg%00", "nothing/01.jpg", "01-photo-aaaaaa/%2Fetc%2Fpasswd",
    ],
)  # fmt: skip
def test_nothing_but_the_files_that_a_post_names_is_served(path: str) -> None:
    assert visitor("olga").get(f"/media/oak-co/{path}").status_code == 404


def test_a_link_in_a_posts_folder_leads_nowhere() -> None:
    picture = CONFIG.home / "posts" / "01-photo-aaaaaa" / "01.jpg"
    secret = CONFIG.home / "secret.jpg"
    secret.write_bytes(picture.read_bytes())
    picture.unlink()
    picture.symlink_to(secret)
    assert visitor("olga").get(PICTURE).status_code == 404


def test_a_thumbnail_is_a_small_webp_made_once() -> None:
    client = visitor("rita")
    address = "/thumb/oak-co/240/01-photo-aaaaaa/01.jpg"
    answer = client.get(address)
    assert answer.headers["Content-Type"] == "image/webp"
    with Image.open(BytesIO(answer.content)) as image:
        assert image.size == (240, 300)
    kept = CONFIG.thumbnails / "oak-co" / "01-photo-aaaaaa" / "01-240.webp"
    made = kept.stat().st_mtime_ns
    assert client.get(address).content == answer.content
    assert kept.stat().st_mtime_ns == made


@pytest.mark.parametrize("width", [1, 241, 9999])
def test_thumbnails_come_in_the_widths_that_pages_use(width: int) -> None:
    assert visitor("rita").get(f"/thumb/oak-co/{width}/01-photo-aaaaaa/01.jpg").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-9", 0, 9), ("bytes=10-", 10, -1), ("bytes=-5", -5, -1)]
)
def test_players_get_the_part_they_ask_for(asked: str, first: int, last: int) -> None:
    client = visitor("rita")
    whole = bytes_of(client.get(PICTURE))
    answer = client.get(PICTURE, headers={"range": asked})
    assert answer.status_code == 206
    assert bytes_of(answer) == whole[first : len(whole) if last == -1 else last + 1]


def test_a_part_beyond_the_end_is_refused() -> None:
    answer = visitor("rita").get(PICTURE, headers={"range": "bytes=99999999-"})
    assert answer.status_code == 416


def test_a_phones_heic_has_a_thumbnail_from_the_first_look_on(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    """In a server of its own: whatever reads HEIC in this process would read it for the page, too."""
    place = home("oak", tmp_path)
    photo = tmp_path / "IMG_0001.HEIC"
    with Image.open(BytesIO(pictures["bear"])) as image:
        pillow_heif.from_pillow(image).save(photo, quality=60)
    assert import_into(Library(place.library), [photo]).photos_new == 1
    (there,) = Library(place.library).photos()
    assert there.file.endswith(".heic")
    server = Server(place.root).sign_in()
    try:
        assert server.get(f"/photo/oak-co/240/{there.id}")[0] == 200
        kept = place.root / "studio/thumbnails/oak-co/library" / f"{there.id}-240.webp"
        with Image.open(kept) as small:
            assert (small.format, small.width) == ("WEBP", 240)
    finally:
        server.close()
