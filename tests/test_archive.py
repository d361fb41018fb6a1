import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from conftest import zipped
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.library import Library, import_into
from feedsmith.sources import Archive


def packed(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../../escape.jpg",
        "/etc/escape.jpg",
        "a/../../escape.jpg",
        "C:\\escape.jpg",
        "..\\escape.jpg",
    ],
)
def test_an_entry_that_leads_out_is_refused_and_the_rest_taken(
    tmp_path: Path, pictures: dict[str, bytes], name: str
) -> None:
    path = packed(tmp_path / "x.zip", {name: pictures["bear"], "good.jpg": pictures["wolf"]})
    library = Library(tmp_path / "deep/er/library")
    report = import_into(library, [path])
    assert report.photos_new == 1
    assert report.set_aside == {"refused": 1}
    assert "leads out of the archive" in library.set_aside()[0].detail
    written = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert not {n for n in written if "escape" in n}


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.jpg", pictures["wolf"])
    library = Library(tmp_path / "library")
    assert import_into(library, [path]).set_aside == {"refused": 1}
    assert library.set_aside()[0].detail == "a symbolic link"


def bomb(path: Path, claims: int, more: dict[str, bytes]) -> Path:
    """A zip with an entry that says it unpacks to `claims` bytes."""
    packed(path, {"bomb.jpg": b"\0" * 1000, **more}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.find(sign)
        assert data[place : place + 4] == sign
        struct.pack_into("<I", data, place + at, claims)
    path.write_bytes(data)
    return path


def test_an_entry_that_unpacks_to_hundreds_of_times_its_size_is_refused(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    path = bomb(tmp_path / "x.zip", 900 * 2**20, {"good.jpg": pictures["wolf"]})
    library = Library(tmp_path / "library")
    report = import_into(library, [path])
    assert (report.photos_new, report.set_aside) == (1, {"refused": 1})
    assert "a bomb" in library.set_aside()[0].detail


def test_a_zip_that_unpacks_to_gigabytes_is_refused(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    path = bomb(tmp_path / "x.zip", 2**32 - 2, {"good.jpg": pictures["wolf"]})
    with pytest.raises(FeedsmithError, match="a zip bomb"):
        Archive(path)


def test_an_entry_that_holds_more_than_it_says_is_cut_there(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    packed(path, {"a.jpg": b"\0" * 5_000_000}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.find(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(Refused, match="damaged"):
        archive.read("a.jpg")


def test_a_list_of_a_million_files_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    end64 = struct.pack(
        "<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 5_000_000, 5_000_000, 300_000_000, 0
    )
    locator = struct.pack("<IIQI", 0x07064B50, 0, 4, 1)
    path.write_bytes(b"PK\x03\x04" + end64 + locator + end)
    with pytest.raises(FeedsmithError, match="lists 5,000,000 files"):
        Archive(path)


def test_a_zip_inside_a_zip_is_not_followed(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    inner = packed(tmp_path / "inner.zip", {"a.jpg": pictures["bear"]}).read_bytes()
    path = packed(tmp_path / "outer.zip", {"inner.zip": inner})
    with pytest.raises(FeedsmithError, match=r"1 zip file\(s\) inside it"):
        import_into(Library(tmp_path / "library"), [path])


def test_half_a_zip_says_to_download_it_again(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    path = packed(tmp_path / "x.zip", {"a.jpg": pictures["bear"], "b.jpg": pictures["wolf"]})
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(FeedsmithError, match="not a whole zip file") as raised:
        import_into(Library(tmp_path / "library"), [path])
    assert "download it again" in raised.value.mend


def test_a_text_that_calls_itself_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("hello")
    with pytest.raises(FeedsmithError, match="not a whole zip file"):
        Archive(tmp_path / "x.zip")


def test_a_locked_zip_says_so(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    path = packed(tmp_path / "x.zip", {"a.jpg": pictures["bear"]})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(FeedsmithError, match="locked with a password"):
        Archive(path)


def test_a_zip_that_is_no_export_says_what_is_in_it_and_what_to_choose(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"letter.docx": b"x", "sum.xlsx": b"y", "two.docx": b"z"})
    with pytest.raises(FeedsmithError, match=r"found 2 \.docx, 1 \.xlsx") as raised:
        import_into(Library(tmp_path / "library"), [path])
    assert "format JSON" in raised.value.mend


def test_an_entry_damaged_inside_the_zip_is_listed_and_the_rest_taken(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    path = packed(tmp_path / "x.zip", {"a.jpg": pictures["bear"], "b.jpg": pictures["wolf"]})
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    library = Library(tmp_path / "library")
    report = import_into(library, [path])
    assert (report.photos_new, report.set_aside) == (1, {"unreadable": 1})


def test_a_picture_of_3600_megapixels_is_refused_from_its_header(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10**6))
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "huge.png").write_bytes(png + chunk(b"IEND", b""))
    (folder / "good.jpg").write_bytes(pictures["wolf"])
    library = Library(tmp_path / "library")
    report = import_into(library, [folder])
    assert (report.photos_new, report.set_aside) == (1, {"unreadable": 1})
    assert "pixels" in library.set_aside()[0].detail


def test_windows_backslashes_are_folders(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    path = packed(tmp_path / "x.zip", {"photos\\spring\\a.jpg": pictures["bear"]})
    library = Library(tmp_path / "library")
    import_into(library, [path])
    assert library.photos()[0].name == "a.jpg"


def test_nothing_of_a_zip_is_written_but_photos(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(pictures["bear"])
    (folder / "private.html").write_text("secret words")
    path = zipped(folder, tmp_path / "x.zip")
    library = tmp_path / "library"
    import_into(Library(library), [path])
    for file in library.rglob("*"):
        if file.is_file():
            assert b"secret words" not in file.read_bytes()


def test_it_is_closed_in_the_end(tmp_path: Path, pictures: dict[str, bytes]) -> None:
    path = packed(tmp_path / "x.zip", {"a.jpg": pictures["bear"]})
    with Archive(path) as archive:
        assert archive.read("a.jpg") == pictures["bear"]
        with pytest.raises(Refused, match="not in"):
            archive.read("b.jpg")
        with pytest.raises(Refused, match="at most 0 read"):
            archive.read("a.jpg", 100)
    with pytest.raises(Refused):
        archive.read("a.jpg")
