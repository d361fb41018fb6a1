import functools
import io
import struct
import zlib
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from feedsmith.errors import Refused
from feedsmith.photo_file import look, read_header, rgb, stripped

# Pillow speaks of odd EXIF in warnings; the command line hears none of them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SECRETS = (
    b"SecretMaker", b"SecretModel", b"SERIAL-4711", b"Olga Owner", b"MAKERNOTE", b"52.5200",
    b"Berlin-Mitte", b"secret comment", b"LENS-0815",
)  # fmt: skip
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52.5200"'
    b' xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:SerialNumber="SERIAL-4711"/></rdf:RDF></x:xmpmeta>'
)  # fmt: skip


def photo(width: int = 480, height: int = 360, seed: int = 1) -> Image.Image:
    """Coloured clouds with an unmistakable upper left corner."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    image.paste((220, 30, 30), (0, 0, width // 4, height // 4))
    return image


def telling(orientation: int = 1) -> Image.Exif:
    """EXIF as a camera writes it that tells everything."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "SecretMaker", "SecretModel", orientation
    exif[0x0131], exif[0x013B] = "SecretMaker 1.2", "Olga Owner"
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x9011] = "2024:05:06 07:08:09", "+02:00"
    inner[0x927C] = b"MAKERNOTE SERIAL-4711" * 20
    inner[0x9286] = b"ASCII\0\0\0secret comment"
    inner[0xA430], inner[0xA431], inner[0xA434] = "Olga Owner", "SERIAL-4711", "LENS-0815"
    inner[0xA001] = 0xFFFF
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 18.0)
    gps[29] = "2024:05:06"
    return exif


def saved(image: Image.Image, kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def told(data: bytes) -> Image.Exif:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        exif.get_ifd(0x8769)
        return exif


def assert_clean(data: bytes) -> None:
    for secret in SECRETS:
        assert secret not in data, secret
    exif = told(data)
    assert not exif.get_ifd(0x8825)
    assert set(exif.get_ifd(0x8769)) <= {0x9003, 0x9011, 0xA001}


def after_header(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments (from marker on) put in front of its others."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def segment(mark: int, body: bytes) -> bytes:
    return bytes((0xFF, mark)) + struct.pack(">H", len(body) + 2) + body


@functools.cache  # the second in which it was made stands in it
def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def a_jpeg_that_tells_everything(orientation: int = 6, **more: Any) -> bytes:
    thumbnail = saved(photo(160, 120, seed=9), "JPEG")
    plain = saved(photo(), "JPEG", icc_profile=profile(), comment=b"secret comment", **more)
    film = b"\0\0\0\x18ftypmp42" + b"Berlin-Mitte 52.5200" * 50
    iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x11" + b"\x1c\x02\x5a\0\x0cBerlin-Mitte\0"
    exif = telling(orientation).tobytes()
    return (
        after_header(
            plain,
            segment(0xE1, b"Exif\0\0" + exif + thumbnail),
            segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
            segment(0xE2, b"MPF\0" + b"SERIAL-4711"),
            segment(0xED, iptc),
            segment(0xE0, b"JFXX\0\x10" + thumbnail),
            segment(0xE5, b"SecretMaker private"),
        )
        + thumbnail
        + film
    )


def a_tiff_that_tells_everything(image: Image.Image, orientation: int) -> bytes:
    """Uncompressed, big-endian, with EXIF and GPS directories (Pillow writes none into a TIFF)."""
    pixels = image.convert("RGB").tobytes()
    block = b"MM\0*" + struct.pack(">I", 8 + len(pixels)) + pixels
    exif = {
        0x9003: b"2024:05:06 07:08:09\0", 0x9011: b"+02:00\0", 0x927C: b"MAKERNOTE SERIAL-4711",
        0xA430: b"Olga Owner\0", 0xA431: b"SERIAL-4711\0", 0xA434: b"LENS-0815\0",
    }  # fmt: skip
    main: dict[int, bytes | int] = {
        256: image.width, 257: image.height, 258: struct.pack(">3H", 8, 8, 8), 259: 1, 262: 2,
        271: b"SecretMaker\0", 272: b"SecretModel\0", 273: 8, 274: orientation, 277: 3,
        278: image.height, 279: len(pixels), 315: b"Olga Owner\0", 700: XMP,
    }  # fmt: skip
    at = len(block) + 2 + 12 * (len(main) + 2) + 4
    behind = b""

    def entry(tag: int, value: bytes | int) -> bytes:
        nonlocal behind
        if isinstance(value, int):
            return struct.pack(">HHII", tag, 4, 1, value)
        kind = 3 if tag == 258 else 2
        line = struct.pack(">HHII", tag, kind, len(value) // (kind - 1), at + len(behind))
        behind += value + b"\0" * (len(value) % 2)
        return line

    lines = [entry(tag, value) for tag, value in main.items()]
    for pointer, values in (
        (0x8769, exif),
        (0x8825, {29: b"2024:05:06\0", 2: b"52.5200 Berlin-Mitte"}),
    ):
        inner = [entry(tag, value) for tag, value in sorted(values.items())]
        directory = struct.pack(">H", len(inner)) + b"".join(inner) + bytes(4)
        lines.append(struct.pack(">HHII", pointer, 4, 1, at + len(behind)))
        behind += directory
    return block + struct.pack(">H", len(lines)) + b"".join(lines) + bytes(4) + behind


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_forgets_place_camera_owner_thumbnail_and_film(progressive: bool) -> None:
    data = a_jpeg_that_tells_everything(progressive=progressive)
    assert all(secret in data for secret in SECRETS)
    clean = stripped(data)
    assert_clean(clean)
    assert clean.count(b"\xff\xd8\xff") == 1  # the thumbnails are gone
    assert clean.endswith(b"\xff\xd9")
    plain = saved(photo(), "JPEG", progressive=progressive)
    assert plain[plain.index(b"\xff\xdb") :] in clean
    assert np.array_equal(rgb(clean), rgb(data))


def test_orientation_time_and_colours_stay() -> None:
    data = a_jpeg_that_tells_everything(orientation=6)
    clean = stripped(data)
    one, two = read_header(data), read_header(clean)
    assert (one.width, one.height) == (two.width, two.height) == (360, 480)
    assert two.taken_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
    assert (one.camera, two.camera) == (True, False)
    with Image.open(io.BytesIO(clean)) as image:
        assert image.info["icc_profile"] == profile()
    assert told(clean).get_ifd(0x8769)[0xA001] == 0xFFFF
    assert look(clean).phash == look(data).phash


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_kind_stays_upright(kind: str, orientation: int) -> None:
    if kind == "TIFF":
        data = a_tiff_that_tells_everything(photo(), orientation)
    else:
        data = saved(photo(), kind, exif=telling(orientation))
    clean = stripped(data)
    assert_clean(clean)
    assert np.array_equal(rgb(clean), rgb(data))
    assert read_header(clean).taken_at == read_header(data).taken_at is not None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_that_only_xmp_tells_stays(kind: str) -> None:
    xmp = XMP.replace(b"exif:GPS", b'tiff:Orientation="6" exif:GPS')
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        data = saved(photo(), "PNG", pnginfo=info)
    else:
        data = saved(photo(), kind, xmp=xmp)
    clean = stripped(data)
    assert rgb(data).shape == (480, 360, 3)
    assert np.array_equal(rgb(clean), rgb(data))
    assert_clean(clean)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_heic_and_avif_are_cleaned_where_they_lie(kind: str) -> None:
    data = saved(photo(), kind, exif=telling().tobytes(), xmp=XMP, quality=70)
    assert b"SERIAL-4711" in data
    film = struct.pack(">I4s", 28, b"mpvd") + b"Berlin-Mitte 52.5200"
    clean = stripped(data + film)
    assert_clean(clean)
    assert len(clean) <= len(data)
    assert np.array_equal(rgb(clean), rgb(data))
    assert read_header(clean).taken_at == read_header(data).taken_at is not None
    assert stripped(clean) == clean
    assert stripped(data + b"SecretMaker tail") == clean


def test_a_turned_heic_stays_upright() -> None:
    turned = pillow_heif.from_pillow(photo().convert("RGB"))
    out = io.BytesIO()
    turned.save(out, exif=telling(6).tobytes(), quality=70)
    assert np.array_equal(rgb(stripped(out.getvalue())), rgb(out.getvalue()))
    assert_clean(stripped(out.getvalue()))


def test_a_png_forgets_its_texts_and_keeps_its_colours() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Olga Owner")
    info.add_text("Comment", "secret comment", zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    info.add(b"tIME", bytes((7, 232, 5, 6, 7, 8, 9)))
    info.add(b"prVt", b"SERIAL-4711")
    data = saved(photo(), "PNG", pnginfo=info, icc_profile=profile(), dpi=(300, 300))
    clean = stripped(data)
    assert_clean(clean)
    assert b"tEXt" not in clean
    assert b"tIME" not in clean
    with Image.open(io.BytesIO(clean)) as image:
        assert image.info["icc_profile"] == profile()
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert np.array_equal(rgb(clean), rgb(data))


def test_exif_that_imagemagick_hid_in_a_png_is_understood() -> None:
    raw = b"Exif\0\0" + telling(8).tobytes().removeprefix(b"Exif\0\0")
    text = f"\nexif\n{len(raw):8}\n{raw.hex()}\n"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", text, zip=True)
    data = saved(photo(), "PNG", pnginfo=info)
    clean = stripped(data)
    assert rgb(clean).shape == (480, 360, 3)
    assert np.array_equal(rgb(clean), rgb(data))
    assert_clean(clean)


def test_moving_pictures_keep_moving() -> None:
    frames = [photo(seed=n) for n in range(3)]
    for kind, more in (
        ("GIF", {"comment": b"secret comment"}),
        ("PNG", {}),
        ("WEBP", {"xmp": XMP}),
    ):
        data = saved(
            frames[0], kind, save_all=True, append_images=frames[1:], duration=80, loop=0, **more
        )  # fmt: skip
        clean = stripped(data)
        assert_clean(clean)
        with Image.open(io.BytesIO(data)) as one, Image.open(io.BytesIO(clean)) as two:
            assert one.n_frames == two.n_frames == 3
            assert one.info.get("loop") == two.info.get("loop")
            one.seek(2)
            two.seek(2)
            assert np.array_equal(np.asarray(one.convert("RGB")), np.asarray(two.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg", "tiff_adobe_deflate"])
def test_a_tiff_s_pixels_stay_where_they_lie(mode: str, compression: str | None) -> None:
    data = saved(photo().convert(mode), "TIFF", compression=compression, exif=telling(3))
    clean = stripped(data)
    assert len(clean) == len(data)
    assert_clean(clean)
    assert np.array_equal(rgb(clean), rgb(data))
    assert stripped(clean) == clean


def test_a_photo_that_tells_nothing_comes_back_as_it_is(pictures: dict[str, bytes]) -> None:
    for kind in ("PNG", "WEBP", "GIF", "TIFF", "HEIF", "AVIF"):
        data = saved(photo(), kind)
        if kind not in ("HEIF", "AVIF", "TIFF"):
            assert stripped(data) == data, kind
        assert stripped(stripped(data)) == stripped(data)
        assert np.array_equal(rgb(stripped(data)), rgb(data))
    for name, data in pictures.items():
        clean = stripped(data)
        assert stripped(clean) == clean
        assert np.array_equal(rgb(clean), rgb(data)), name


def test_of_a_file_of_several_pictures_the_first_stays() -> None:
    data = saved(photo(), "MPO", save_all=True, append_images=[photo(seed=5)], exif=telling(6))
    clean = stripped(data)
    assert_clean(clean)
    assert clean.count(b"\xff\xd8\xff") == 1 < data.count(b"\xff\xd8\xff")
    assert np.array_equal(rgb(clean), rgb(data))


def test_adobe_s_colour_mark_stays_in_a_cmyk_jpeg() -> None:
    data = saved(photo().convert("CMYK"), "JPEG", exif=telling())
    clean = stripped(data)
    assert b"Adobe" in clean
    assert np.array_equal(rgb(clean), rgb(data))


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"MM\0*\0\0\0\x08\xff\xff" + b"\xee" * 40,
        b"II*\0\xff\xff\xff\xff",
        b"SERIAL-4711",
        telling(6).tobytes()[6:60],
        b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + bytes(4),
    ],
)
def test_broken_exif_goes_and_the_photo_stays(exif: bytes) -> None:
    for data in (
        after_header(saved(photo(), "JPEG"), segment(0xE1, b"Exif\0\0" + exif)),
        saved(photo(), "WEBP", exif=b"Exif\0\0" + exif),
    ):
        clean = stripped(data)
        assert b"SERIAL" not in clean
        assert np.array_equal(rgb(clean), rgb(data))


def test_a_photo_cut_off_keeps_what_there_is_and_strangers_are_refused() -> None:
    data = a_jpeg_that_tells_everything()
    cut = stripped(data[: data.index(b"\xff\xda") + 3000])
    assert cut.startswith(b"\xff\xd8")
    for secret in SECRETS:
        assert secret not in cut
    for strange in (b"", b"hello", b"%PDF-1.7", b"II*\0" + b"\xff" * 40):
        with pytest.raises(Refused):
            stripped(strange)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_is_refused_or_borne_and_nothing_else_raised(draw: st.DataObject) -> None:
    kind = draw.draw(st.sampled_from(sorted(WHOLE)))
    data = bytearray(WHOLE[kind])
    for _ in range(draw.draw(st.integers(1, 12))):
        # Mostly in the head, where sizes and offsets stand.
        at = draw.draw(st.integers(0, min(len(data), 1500) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    try:
        clean = stripped(bytes(data[: draw.draw(st.integers(1, len(data)))]))
    except Refused:
        return
    assert len(clean) <= len(data) + 400


WHOLE = {
    "JPEG": a_jpeg_that_tells_everything(),
    "TIFF": a_tiff_that_tells_everything(photo(64, 48), 6),
    **{kind: saved(photo(64, 48), kind, exif=telling(6)) for kind in ("PNG", "WEBP")},
    **{kind: saved(photo(64, 48), kind, exif=telling().tobytes()) for kind in ("HEIF", "AVIF")},
    "GIF": saved(photo(64, 48), "GIF", comment=b"secret comment"),
}


def test_a_bomb_in_a_png_s_text_does_not_fill_the_memory() -> None:
    bomb = b"Raw profile type exif\0\0" + zlib.compress(b"\n\n\n" + b"0" * 50_000_000)
    data = saved(photo(), "PNG")
    chunk = struct.pack(">I", len(bomb)) + b"zTXt" + bomb + bytes(4)
    assert np.array_equal(rgb(stripped(data[:33] + chunk + data[33:])), rgb(data))
