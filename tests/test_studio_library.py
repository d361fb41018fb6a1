"""The library in the studio: what is shown, what a person says of a photo, and files on their way."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from feedsmith import marks
from feedsmith.library import Library, import_into
from feedsmith.studio import shelf
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")

ROOT = "/b/oak-co/library"
SHELF = CONFIG.home / "library"


@pytest.fixture
def photos(tmp_path: Path, pictures: dict[str, bytes]) -> list[str]:
    """Ids of four photos of the library: three of posts, one without; with traits as read."""
    folder = tmp_path / "photos"
    folder.mkdir()
    names = sorted(pictures)[:4]
    for number, name in enumerate(names):
        (folder / f"{name}.jpg").write_bytes(pictures[name])
        if number < 3:
            words = {
                "caption": f"A {name} by the sea, number {number}.",
                "date": f"2026-0{number + 1}-10",
            }
            (folder / f"{name}.json").write_text(json.dumps(words))
    import_into(Library(SHELF), [folder])
    ids = [photo.id for photo in Library(SHELF).photos()]
    palettes = (["#203f7a", "#f4f2ee"], ["#b03020", "#101010"], ["#4f8a3c"], [])
    words = (("sea", "lighthouse"), ("sea",), ("meadow",), ())
    rows = [
        {
            "id": key, "words": [{"word": w} for w in said],
            "palette": [[colour, 0.5] for colour in palette],
        }
        for key, said, palette in zip(ids, words, palettes, strict=True)
    ]  # fmt: skip
    (SHELF / "traits.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ids


def shown(page: str) -> list[str]:
    return re.findall(r'id="photo-([0-9a-f]{16})"', page)


# ---- looking -----------------------------------------------------------------------------------


def test_photos_are_chosen_by_what_they_show_colour_time_source_and_words(
    photos: list[str],
) -> None:
    client = visitor("rita")

    def found(asked: str) -> set[str]:
        return set(shown(client.get(f"{ROOT}?{asked}").content.decode()))

    items = {item.id: item for item in shelf.items(SHELF)}
    assert found("") == set(photos)
    assert found("theme=sea") == set(photos[:2])
    assert found("colour=blue") == {photos[0]}
    assert found("colour=red&theme=sea") == {photos[1]}
    assert found("q=SEA+number") == {i for i in photos if "sea, number" in items[i].caption.lower()}
    assert found("theme=nothing") == set()
    for item in items.values():
        assert item.id in found(f"date={item.date[:7] or 'none'}")
        assert item.id in found(f"source={item.source}")
    said = text_of(client.get(f"{ROOT}?theme=sea"))
    assert "2 of 4 photos" in said


def test_a_facet_counts_what_choosing_it_would_show(photos: list[str]) -> None:
    items = shelf.items(SHELF)
    for name, values in shelf.facets(items, shelf.Asked()).items():
        for value, count in values:
            assert len(shelf.chosen(items, shelf.Asked(**{name: value}))) == count, (name, value)


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#c0392b", "red"), ("#203f7a", "blue"), ("#4f8a3c", "green"), ("#000000", "black"),
        ("#ffffff", "white"), ("#8a8a86", "grey"), ("#7a5538", "brown"), ("#f0a0c0", "pink"),
        ("#d8b62c", "yellow"), ("#e07b20", "orange"), ("#2f8f8a", "teal"), ("#7d5aa6", "purple"),
    ],
)  # fmt: skip
def test_colours_belong_to_the_family_that_people_name(colour: str, name: str) -> None:
    assert shelf.family(colour) == name


def test_a_photo_of_the_library_is_served_small_and_no_other_file_is(photos: list[str]) -> None:
    client = visitor("rita")
    assert client.get(f"/photo/oak-co/240/{photos[0]}").headers["Content-Type"] == "image/webp"
    assert client.get(f"/photo/elm-co/240/{photos[0]}").status_code == 404
    assert client.get(f"{ROOT}/{'0' * 16}").status_code == 404
    assert visitor("otto").get(f"/b/elm-co/library/{photos[0]}").status_code == 404


# ---- marks -------------------------------------------------------------------------------------


def test_a_mark_of_the_page_is_the_one_that_the_stages_read(photos: list[str]) -> None:
    editor = visitor("edgar")
    editor.post(f"{ROOT}/{photos[0]}/mark", {"never": "1"})
    editor.post(f"{ROOT}/{photos[1]}/mark", {"favourite": "1"})
    assert marks.never(SHELF) == {photos[0]}
    page = editor.get(ROOT).content.decode()
    assert page.count("Never used</span>") == 1
    assert shown(editor.get(f"{ROOT}?mark=favourite").content.decode()) == [photos[1]]
    assert shown(editor.get(f"{ROOT}?mark=never").content.decode()) == [photos[0]]
    editor.post(f"{ROOT}/{photos[0]}/mark", {"never": "0"})
    assert marks.never(SHELF) == frozenset()


def test_corrected_keywords_are_shown_found_and_can_be_taken_back(photos: list[str]) -> None:
    editor, address = visitor("edgar"), f"{ROOT}/{photos[0]}"
    editor.post(f"{address}/keywords", {"keywords": "Harbour, old  crane"})
    assert marks.read(SHELF)[photos[0]].keywords == ("harbour", "old crane")
    assert shown(editor.get(f"{ROOT}?theme=harbour").content.decode()) == [photos[0]]
    assert photos[0] not in shown(editor.get(f"{ROOT}?theme=lighthouse").content.decode())
    assert "As it was read: sea, lighthouse." in text_of(editor.get(address))
    editor.post(f"{address}/keywords", {"reset": "1"})
    assert marks.read(SHELF) == {}
    assert photos[0] in shown(editor.get(f"{ROOT}?theme=lighthouse").content.decode())
    many = editor.post(f"{address}/keywords", {"keywords": ",".join("abcdefghijklmn")})
    assert many.status_code == 400
    assert "at most 12 keywords" in text_of(many)


def test_a_reviewer_looks_and_marks_nothing(photos: list[str]) -> None:
    client = visitor("rita")
    assert "data-upload" not in client.get(ROOT).content.decode()
    for part in (f"{photos[0]}/mark", f"{photos[0]}/keywords", "uploads", "import", "files"):
        assert client.post(f"{ROOT}/{part}", {"never": "1"}).status_code == 403, part
    assert marks.read(SHELF) == {}


# ---- uploads -----------------------------------------------------------------------------------


def begin(client, name: str = "a.zip", size: int = 3_000_000, mark: str = "1"):  # type: ignore[no-untyped-def]
    return client.post(f"{ROOT}/uploads", {"name": name, "size": str(size), "mark": mark})


def add(client, key: str, start: int, data: bytes):  # type: ignore[no-untyped-def]
    return client.post(
        f"{ROOT}/uploads/{key}?from={start}", data, content_type="application/octet-stream"
    )


def a_zip(pictures: dict[str, bytes], count: int = 2, padding: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(pictures)[:count]:
            archive.writestr(f"{name}.jpg", pictures[name])
        if padding:
            archive.writestr("notes.bin", bytes(range(256)) * (padding // 256))
    return out.getvalue()


def test_a_file_arrives_in_pieces_and_goes_on_where_it_was_broken_off(
    pictures: dict[str, bytes],
) -> None:
    from feedsmith.studio.models import Upload
    from feedsmith.studio.models.uploads import PIECE

    data = a_zip(pictures, padding=2_500_000)
    editor = visitor("edgar")
    told = begin(editor, size=len(data)).json()
    assert (told["have"], told["piece"]) == (0, PIECE)
    key = told["key"]
    assert add(editor, key, 0, data[:PIECE]).json() == {"have": PIECE}
    # The answer was lost, and the piece is sent again; or one was left out.
    for start in (0, 2 * PIECE):
        missed = add(editor, key, start, data[start : start + PIECE])
        assert (missed.status_code, missed.json()) == (409, {"have": PIECE})
    # Another session of the same person, after a reload: the same file goes on.
    again = visitor("edgar")
    told = begin(again, size=len(data)).json()
    assert (told["key"], told["have"]) == (key, PIECE)
    assert "Choose the same file again and it goes on." in text_of(again.get(ROOT))
    have = PIECE
    while have < len(data):
        have = add(again, key, have, data[have : have + PIECE]).json()["have"]
    assert Upload.objects.get(key=key).path.read_bytes() == data
    assert begin(again, size=len(data), mark="2").json()["key"] != key  # another file of that name


def test_uploads_become_one_import_and_its_report_is_shown(pictures: dict[str, bytes]) -> None:
    from feedsmith.studio.models import Job, Upload
    from feedsmith.studio.worker import work

    editor = visitor("edgar")
    names = sorted(pictures)
    files = {
        "export.zip": a_zip(pictures),
        "IMG 1.jpg": pictures[names[2]],
        "b/../../x.jpg": pictures[names[3]],
    }
    keys = []
    for name, data in files.items():
        key = begin(editor, name, len(data)).json()["key"]
        assert add(editor, key, 0, data).json() == {"have": len(data)}
        keys.append(key)
    assert editor.post(f"{ROOT}/import", {"key": keys}).json() == {"files": 3}
    assert "3 files into the library" in text_of(editor.get(ROOT))
    places = [upload.path for upload in Upload.objects.all()]
    assert all(place.is_relative_to(CONFIG.folder / "uploads") for place in places)
    job = Job.objects.get(kind="import")
    first = work.WORK["import"](job, lambda *_: None)
    assert first["photos_new"] == 4
    # Killed after its work, before it could say so: the second attempt tells the same.
    assert work.WORK["import"](Job.objects.get(pk=job.pk), lambda *_: None) == first
    job.end("done", result=first)
    assert len(Library(SHELF).photos()) == 4
    assert not Upload.objects.exists()
    assert not any(place.exists() for place in places)
    said = text_of(editor.get(ROOT))
    assert "0 posts and 4 photos are new." in said
    assert len(shown(editor.get(ROOT).content.decode())) == 4


def test_what_cannot_be_imported_is_said_without_the_servers_paths() -> None:
    from feedsmith.errors import FeedsmithError
    from feedsmith.studio.models import Job
    from feedsmith.studio.worker import work

    editor, data = visitor("edgar"), b"PK\x03\x04" + bytes(2000)
    key = begin(editor, "broken.zip", len(data)).json()["key"]
    add(editor, key, 0, data)
    editor.post(f"{ROOT}/import", {"key": [key]})
    with pytest.raises(FeedsmithError) as error:
        work.WORK["import"](Job.objects.get(), lambda *_: None)
    assert error.value.message.startswith("broken.zip")
    assert str(CONFIG.home) not in error.value.message + error.value.mend
    # It can be taken in again, when the disk has room, say, or be forgotten.
    Job.objects.update(state="failed")
    page = text_of(editor.get(ROOT))
    assert "Take in" in page
    assert "Forget it" in page
    assert editor.post(f"{ROOT}/import", {"key": [key]}, HTTP_ACCEPT="text/html").status_code == 303
    assert Job.objects.filter(state="queued", kind="import").count() == 1


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("film.mp4", 100, "is nothing for the library"), ("page.svg", 100, "nothing for the library"),
        ("a.jpg", 201 * 2**20, "larger than 200.0 MB"), ("a.zip", 21 * 2**30, "larger than 20.0 GB"),
        ("a.csv", 0, "is empty"), ("", 10, "nothing for the library"), (".htaccess", 5, "nothing"),
    ],
)  # fmt: skip
def test_files_that_are_not_taken_are_refused_before_they_come(
    name: str, size: int, said: str
) -> None:
    answer = begin(visitor("edgar"), name, size)
    assert answer.status_code == 422
    assert said in answer.json()["said"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("a.jpg", b"MZ" + bytes(50)),
        ("a.png", b"<html><script>"), ("a.csv", b"\x7fELF" + bytes(50)), ("a.heic", b"PK\x03\x04" + bytes(9)),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_its_name_says_is_thrown_away(name: str, data: bytes) -> None:
    from feedsmith.studio.models import Upload

    editor = visitor("edgar")
    key = begin(editor, name, len(data)).json()["key"]
    answer = add(editor, key, 0, data)
    assert answer.status_code == 422
    assert "is not what its name says" in answer.json()["said"]
    assert not Upload.objects.exists()


def test_no_more_comes_than_was_said_and_no_piece_is_too_large() -> None:
    from feedsmith.studio.models import Upload
    from feedsmith.studio.models.uploads import PIECE

    editor = visitor("edgar")
    small = begin(editor, size=10).json()["key"]
    assert add(editor, small, 0, b"PK\x03\x04" + bytes(7)).status_code == 422
    large = begin(editor, "b.zip", 9 * PIECE).json()["key"]
    assert add(editor, large, 0, b"PK\x03\x04" + bytes(PIECE)).status_code == 422
    assert [upload.have for upload in Upload.objects.all()] == [0, 0]


def test_nobody_goes_on_with_or_imports_the_upload_of_somebody_else() -> None:
    key = begin(visitor("edgar"), size=10).json()["key"]
    data = b"PK\x03\x04" + bytes(6)
    assert add(visitor("olga"), key, 0, data).status_code == 404
    assert visitor("otto").post(
        f"/b/elm-co/library/uploads/{key}?from=0", data, content_type="application/octet-stream"
    ).status_code == 404  # fmt: skip
    assert visitor("otto").post("/b/elm-co/library/import", {"key": [key]}).status_code == 422
    assert visitor("edgar").post(f"{ROOT}/import", {"key": [key]}).status_code == 422  # not whole


def test_without_a_script_a_form_brings_whole_files(pictures: dict[str, bytes]) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from feedsmith.studio.models import Job, Upload

    data = a_zip(pictures, padding=2_500_000)
    file = SimpleUploadedFile("export.zip", data)
    assert visitor("edgar").post(f"{ROOT}/files", {"files": [file]}).status_code == 303
    upload = Upload.objects.get()
    assert upload.path.read_bytes() == data
    assert upload.job == Job.objects.get(kind="import")


def test_a_broken_upload_is_forgotten_when_asked_and_after_a_week() -> None:
    from datetime import timedelta

    from django.utils import timezone

    from feedsmith.studio.models import Upload

    editor = visitor("edgar")
    one, two = (begin(editor, name, 10).json()["key"] for name in ("a.zip", "b.zip"))
    add(editor, one, 0, b"PK\x03\x04")
    place = Upload.objects.get(key=one).path
    editor.post(f"{ROOT}/uploads/{one}/drop")
    assert not place.parent.exists()
    Upload.objects.filter(key=two).update(asked_at=timezone.now() - timedelta(days=8))
    begin(editor, "c.zip", 10)
    assert [upload.name for upload in Upload.objects.all()] == ["c.zip"]
