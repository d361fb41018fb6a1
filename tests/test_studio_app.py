"""The studio as an app: manifest, service worker, offline page; photos from a phone's gallery."""

import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from small_studio import text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")
FROM_GALLERY = {"HTTP_SEC_FETCH_SITE": "none"}


def photo(
    name: str = "IMG_1.jpg", colour: int = 90, kind: str = "image/jpeg"
) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), (colour, 120, 60)).save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), kind)


def checking(name: str):  # type: ignore[no-untyped-def]
    """A signed-in browser that is asked for its forms' tokens."""
    client = visitor(name)
    client.handler.enforce_csrf_checks = True
    return client


def imports() -> list[tuple[str, list[str]]]:
    from feedsmith.studio.models import Job

    jobs = Job.objects.filter(kind="import").order_by("pk")
    return [(j.brand.slug, sorted(u.name for u in j.uploads.all())) for j in jobs]


def editor_of_both() -> None:
    from feedsmith.studio.models import Brand
    from feedsmith.studio.models.people import add

    add("edgar", Brand.objects.get(slug="elm-co"), "editor")


def test_the_manifest_has_the_brands_name_and_icons_of_the_sizes_it_says() -> None:
    edgar = visitor("edgar")
    answer = edgar.get("/app.webmanifest")
    assert answer.headers["Content-Type"] == "application/manifest+json"
    said = json.loads(answer.content)
    assert said["name"] == "Oak & Co"
    assert {icon["purpose"] for icon in said["icons"]} == {"any", "maskable"}
    for icon in said["icons"]:
        with Image.open(io.BytesIO(edgar.get(icon["src"]).content)) as image:
            assert "{}x{}".format(*image.size) == icon["sizes"]
            assert image.format == "PNG"
    for shortcut in said["shortcuts"]:
        assert edgar.get(shortcut["url"]).status_code == 200


def test_the_manifest_of_several_brands_or_none_is_named_after_no_brand() -> None:
    editor_of_both()
    for who in ("edgar", "nina"):
        assert json.loads(visitor(who).get("/app.webmanifest").content)["name"] == "Feedsmith"


def test_the_maskable_icon_keeps_its_letter_within_the_middle_four_fifths() -> None:
    edgar = visitor("edgar")
    icons = json.loads(edgar.get("/app.webmanifest").content)["icons"]
    (address,) = (icon["src"] for icon in icons if icon["purpose"] == "maskable")
    with Image.open(io.BytesIO(edgar.get(address).content)) as image:
        light = image.convert("L").point(lambda v: 255 * (v > 128)).getbbox()
    assert light is not None
    centre, reach = 256, 0.4 * 512
    for x in (light[0], light[2]):
        for y in (light[1], light[3]):
            assert ((x - centre) ** 2 + (y - centre) ** 2) ** 0.5 <= reach


def test_the_service_worker_keeps_only_what_anybody_gets() -> None:
    script = visitor("olga").get("/sw.js").content.decode()
    assert script == visitor().get("/sw.js").content.decode()
    kept = json.loads(re.search(r"KEPT = (\[.*?\]);", script)[1])  # type: ignore[index]
    assert kept[0] == "/offline"
    assert all(re.match(r"/static/[0-9a-f]{10}/", address) for address in kept[1:])
    nobody = visitor()
    for address in kept:
        assert nobody.get(address).status_code == 200


def test_the_offline_page_is_the_same_for_everybody() -> None:
    one, other = visitor("olga").get("/offline"), visitor().get("/offline")
    assert one.content == other.content
    assert not one.cookies
    assert "The studio does not answer." in text_of(one)


def test_guests_of_a_review_link_and_the_sign_in_page_install_nothing() -> None:
    assert b"manifest" not in visitor().get("/sign-in").content
    assert b'rel="manifest"' in visitor("rita").get("/b/oak-co/posts").content


def test_photos_from_the_gallery_become_one_import() -> None:
    edgar = checking("edgar")
    photos = [photo("image.jpg", 10), photo("image.jpg", 200), photo("1000012", 30)]
    answer = edgar.post("/share", {"files": photos}, **FROM_GALLERY)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/b/oak-co/library"
    assert imports() == [("oak-co", ["1000012.jpg", "image.jpg", "image.jpg"])]
    assert "3 photos arrived" in text_of(edgar.get("/b/oak-co/library"))


def test_of_several_brands_one_is_chosen_before_anything_is_taken_in() -> None:
    editor_of_both()
    edgar = visitor("edgar")
    asked = edgar.post("/share", {"files": [photo()]}, **FROM_GALLERY)
    assert asked.status_code == 200
    assert "Which library?" in text_of(asked)
    assert imports() == []
    key = re.search(r'name="key" value="([^"]+)"', asked.content.decode())[1]  # type: ignore[index]
    otto = visitor("otto").post("/share", {"key": [key], "brand": "elm-co"})
    assert otto.status_code == 422  # it is not his
    assert edgar.post("/share", {"key": [key], "brand": "elm-co"}).status_code == 303
    assert imports() == [("elm-co", ["IMG_1.jpg"])]


def test_a_brand_that_is_not_theirs_gets_nothing() -> None:
    visitor("otto").post("/share", {"files": [photo()], "brand": "oak-co"}, **FROM_GALLERY)
    assert imports() == [("elm-co", ["IMG_1.jpg"])]
    for who in ("rita", "nina"):
        assert visitor(who).post("/share", {"files": [photo()]}, **FROM_GALLERY).status_code == 422
    assert len(imports()) == 1


def test_without_a_session_the_gallery_is_sent_to_sign_in() -> None:
    answer = visitor().post("/share", {"files": [photo()]}, **FROM_GALLERY)
    assert answer.headers["Location"] == "/sign-in?next=%2Fshare"
    assert imports() == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", ""])
def test_pages_send_photos_with_their_forms_token_only(site: str) -> None:
    headers = {"HTTP_SEC_FETCH_SITE": site} if site else {}
    assert checking("edgar").post("/share", {"files": [photo()]}, **headers).status_code == 403
    assert imports() == []


def test_what_is_no_photo_is_refused_and_the_rest_is_taken() -> None:
    edgar = visitor("edgar")
    film = SimpleUploadedFile("film.mp4", b"\0\0\0\x18ftypmp42", "video/mp4")
    liar = SimpleUploadedFile("page.jpg", b"<html>", "image/jpeg")
    assert edgar.post("/share", {"files": [film, photo(), liar]}, **FROM_GALLERY).status_code == 303
    assert imports() == [("oak-co", ["IMG_1.jpg"])]
    said = text_of(edgar.get("/b/oak-co/library"))
    assert "film.mp4 is nothing for the library" in said
    assert "page.jpg is not what its name says" in said
    assert edgar.post("/share", {"files": [liar]}, **FROM_GALLERY).status_code == 422
    assert edgar.post("/share", {}, **FROM_GALLERY).status_code == 422
