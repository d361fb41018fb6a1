import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from feedsmith.photo_file import BYLINE_MAX, byline, stripped

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
)


def saved(kind: str = "JPEG", size: tuple[int, int] = (24, 16), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(out, kind, **more)
    return out.getvalue()


def exif(make: str = "", artist: Any = None, rights: Any = None, wide: str = "") -> bytes:
    tags = Image.Exif()
    for tag, value in ((0x010F, make), (0x013B, artist), (0x8298, rights)):
        if value:
            tags[tag] = value.encode() if isinstance(value, str) else value
    if wide:
        tags[0x9C9D] = wide.encode("utf-16-le") + b"\0\0"
    return tags.tobytes()


def packet(inside: str, attributes: str = "", before: str = "") -> bytes:
    return (
        f'{before}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}>'
        f"<rdf:Description {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def creator(*names: str) -> str:
    items = "".join(f"<rdf:li>{name}</rdf:li>" for name in names)
    return f"<dc:creator><rdf:Seq>{items}</rdf:Seq></dc:creator>"


def rights(text: str) -> str:
    return f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:rights>'


def with_iptc(*records: tuple[int, bytes]) -> bytes:
    iim = b"\x1c\x01\x5a\0\x03\x1b%G" + b"".join(
        b"\x1c\x02" + struct.pack(">BH", number, len(value)) + value for number, value in records
    )
    body = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iim)) + iim
    body += b"\0" * (len(iim) % 2)
    plain = saved()
    return plain[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + plain[2:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_the_maker_is_read_from_exif_and_from_xmp_of_every_kind_of_file(kind: str) -> None:
    assert byline(saved(kind, (64, 64), exif=exif(artist="Ana Ruiz"))) == "Ana Ruiz"
    if kind != "PNG":  # Pillow writes no XMP into a PNG in the plain way
        told = saved(kind, (64, 64), xmp=packet(creator("Ana Ruiz") + rights("Ruiz Ltd")))
        assert byline(told) == "Ana Ruiz, Ruiz Ltd"


def test_a_tiff_tells_its_maker() -> None:
    data = saved("TIFF", tiffinfo={0x013B: "Ana Ruiz", 700: packet(rights("Lighthouse"))})
    assert byline(data) == "Ana Ruiz, Lighthouse"


def test_iptc_tells_maker_credit_line_and_rights() -> None:
    assert byline(with_iptc((80, "Ana Müller".encode()))) == "Ana Müller"
    both = with_iptc((80, b"Ana Ruiz"), (110, b"Lighthouse Agency"), (116, b"(c) Ana Ruiz 2024"))
    assert byline(both) == "Ana Ruiz / Lighthouse Agency"
    assert byline(with_iptc((116, b"(c) Ana Ruiz"))) == "(c) Ana Ruiz"
    assert byline(with_iptc((80, b"Ana"), (80, b"Bo Li"))) == "Ana, Bo Li"


def test_png_text_tells_maker_and_rights_wherever_it_stands() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Ana Ruiz")
    info.add_itxt("Copyright", "© Ana Ruiz, CC BY 4.0", zip=True)
    assert byline(saved("PNG", pnginfo=info)) == "© Ana Ruiz, CC BY 4.0"
    late = PngImagePlugin.PngInfo()
    late.add_itxt("XML:com.adobe.xmp", packet(creator("Bo Li")).decode())
    assert byline(saved("PNG", pnginfo=late)) == "Bo Li"
    plain, body = saved("PNG"), b"Author\0Zo\xeb"  # Latin-1, as the format asks, behind the pixels
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"tEXt" + body))
    assert byline(plain[:-12] + chunk + plain[-12:]) == "Zoë"


@pytest.mark.parametrize(
    ("artist", "notice", "shown"),
    [
        ("Ana Ruiz", "(c) Ana Ruiz", "Ana Ruiz"),
        ("Ana Ruiz", "© 2024 Ana Ruiz. All rights reserved.", "Ana Ruiz"),
        ("", "(c) 2024 Ana Ruiz. All rights reserved.", "(c) 2024 Ana Ruiz"),
        ("Ana Ruiz", "(c) Ana Ruiz, CC BY 4.0", "(c) Ana Ruiz, CC BY 4.0"),
        ("Ana Ruiz", "(c) Lighthouse Studio", "Ana Ruiz, (c) Lighthouse Studio"),
        ("Ana Ruiz", "Copyright 2020", "Ana Ruiz"),
        ("ANA RUIZ", "Ana Ruiz", "ANA RUIZ"),
        ("Ana Ruiz; Bo Li", "", "Ana Ruiz, Bo Li"),
        ("Ana Ruiz", "no use without written leave " * 9, "Ana Ruiz"),
        ("", b" \0Bo Li\0", "Bo Li"),
        ("Ana Müller", "", "Ana Müller"),
        (b"Ana M\xfcller", "", "Ana Müller"),
        ("李明", "", "李明"),
        ("李", "", "李"),
        ("Jan Canon", "", "Jan Canon"),
        ("Sigma Lindqvist", "", "Sigma Lindqvist"),
    ],
)
def test_each_name_is_said_once(artist: Any, notice: Any, shown: str) -> None:
    assert byline(saved(exif=exif(artist=artist, rights=notice))) == shown


@pytest.mark.parametrize(
    "nobody",
    ["   ", "unknown", "Unknown Author", "n/a", "- - -", "....", "0000", "Picasa", "Picasa 2.7",
     "OLYMPUS DIGITAL CAMERA", "NIKON CORPORATION", "SONY DSC", "samsung", "Photographer",
     "Your Name Here", "Windows User", "Copyright 2019-2024", "(c) ana@example.com", "J",
     "All rights reserved", "Phase One", "IQ3 100MP"],
)  # fmt: skip
def test_what_cameras_and_programs_write_by_themselves_names_nobody(nobody: str) -> None:
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x013B], tags[0x8298] = (
        "Phase One A/S", "IQ3 100MP", nobody, nobody,
    )  # fmt: skip
    assert byline(saved(exif=tags.tobytes())) == ""


def test_a_camera_s_default_does_not_hide_the_name_in_another_place() -> None:
    said = saved(exif=exif(artist="OLYMPUS DIGITAL CAMERA"), xmp=packet(creator("Ana Ruiz")))
    assert byline(said) == "Ana Ruiz"
    said = saved(exif=exif(artist="Ana Ruiz"), xmp=packet(creator("unknown")))
    assert byline(said) == "Ana Ruiz"


def test_the_camera_s_owner_is_never_named() -> None:
    tags = Image.Exif()
    inner = tags.get_ifd(0x8769)
    inner[0xA430], inner[0xA431] = "Olga Owner", "SERIAL-4711"
    assert byline(saved(exif=tags.tobytes())) == ""


def test_it_is_one_clean_line_without_mail_addresses() -> None:
    written = "Ana\x07 \u202eRuiz\n<b>&amp; Bo</b>\t<ana@example.com>"
    assert byline(saved(exif=exif(wide=written))) == "Ana Ruiz & Bo"
    endless = byline(saved(exif=exif(rights="Anna Lena " * 200)))
    assert len(endless) <= BYLINE_MAX
    assert endless.endswith("…")


def test_attributes_and_plain_text_in_xmp_are_read_and_ingredients_are_not() -> None:
    attributes = 'photoshop:Credit="Lighthouse Agency"'
    assert byline(saved(xmp=packet("", attributes))) == "Lighthouse Agency"
    assert byline(saved(xmp=packet("<dc:creator>Ana Ruiz</dc:creator>"))) == "Ana Ruiz"
    part = f"<rdf:li rdf:parseType='Resource'>{creator('Somebody Else')}</rdf:li>"
    inner = f"<xmpMM:Ingredients><rdf:Bag>{part}</rdf:Bag></xmpMM:Ingredients>"
    assert byline(saved(xmp=packet(inner + creator("Ana Ruiz")))) == "Ana Ruiz"
    assert byline(saved(xmp=packet(inner))) == ""


def test_a_document_type_ends_the_reading_of_xmp() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "Ana Ruiz"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert byline(saved(xmp=packet(creator("&b;"), before=bomb))) == ""
    said = saved(xmp=packet(creator("X Y"), before=bomb), exif=exif(artist="Ana Ruiz"))
    assert byline(said) == "Ana Ruiz"
    deep = "<dc:a>" * 500 + "</dc:a>" * 500
    assert byline(saved(xmp=packet(creator("Ana Ruiz") + deep))) == ""


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n\xff\xff", b"GIF89a", saved("GIF")]
)
def test_what_is_no_picture_or_says_nothing_names_nobody(data: bytes) -> None:
    assert byline(data) == ""


def test_after_stripping_nobody_is_named() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        assert byline(stripped(saved(kind, exif=exif(artist="Ana Ruiz")))) == ""


WHOLE = (
    saved(exif=exif("Maker", "Ana Ruiz", "(c) Bo"), xmp=packet(creator("Ana Ruiz"))),
    with_iptc((80, b"Ana"), (110, b"Agency"), (116, b"(c) Ana")),
    saved("PNG", exif=exif(artist="Ana Ruiz")),
    saved("TIFF", tiffinfo={0x013B: "Ana Ruiz", 700: packet(rights("Lighthouse"))}),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_whatever_is_broken_it_never_raises(whole: bytes, data: st.DataObject) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(broken) // 3, len(broken)))
    text = byline(bytes(broken[:cut]))
    assert len(text) <= BYLINE_MAX
    assert text.isprintable()
