import io
import struct
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from feedsmith.errors import Refused
from feedsmith.photo_file import look, miniature, perceptual_hash, read_header, rgb


def corner(width: int = 480, height: int = 360) -> Image.Image:
    """Blue, with its upper left quarter red."""
    image = Image.new("RGB", (width, height), (20, 40, 200))
    image.paste((220, 30, 30), (0, 0, width // 2, height // 2))
    return image


def saved(image: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def close(
    array: np.ndarray, at: tuple[int, int], colour: tuple[int, int, int], by: int = 12
) -> bool:
    return bool(np.all(np.abs(array[at].astype(int) - colour) <= by))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_comes_out_upright(orientation: int, kind: str) -> None:
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = corner().transpose(turn[orientation]) if orientation in turn else corner()
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, kind, exif=exif)
    for side in (None, 240):
        array = rgb(data, side)
        assert array.shape == ((360, 480, 3) if side is None else (180, 240, 3))
        assert close(array, (5, 5), (220, 30, 30))
        assert close(array, (-5, -5), (20, 40, 200))
    assert read_header(data)[1:3] == (480, 360)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_hash_is_of_the_upright_picture(orientation: int, pictures: dict[str, bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    back = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    turn = (None, None, 0, 3, 1, 5, 4, 6, 2)[back]  # Image.Transpose by orientation
    with Image.open(io.BytesIO(pictures["boot0"])) as image:
        turned = saved(image.transpose(Image.Transpose(turn)), quality=90, exif=exif)
    bits = int(look(turned).phash, 16) ^ int(look(pictures["boot0"]).phash, 16)
    assert bits.bit_count() <= 4


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("GIF", ".gif"), ("HEIF", ".heic"),
     ("AVIF", ".avif"), ("TIFF", ".tif")],
)  # fmt: skip
def test_it_reads_what_phones_and_browsers_write(kind: str, suffix: str) -> None:
    data = saved(corner(), kind)
    assert read_header(data).suffix == suffix
    array = rgb(data)
    assert (array.shape, array.dtype) == ((360, 480, 3), np.uint8)
    assert close(array, (30, 30), (220, 30, 30))
    assert len(look(data).phash) == 16


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_eight_bit_rgb(mode: str) -> None:
    if mode == "I;16":
        ramp = np.linspace(0, 65535, 400 * 400, dtype=np.uint16).reshape(400, 400)
        data = saved(Image.fromarray(ramp), "PNG")
    elif mode in ("I", "F"):
        ramp = np.linspace(0, 255, 400 * 400, dtype=np.float32).reshape(400, 400)
        image = Image.fromarray(ramp if mode == "F" else ramp.astype(np.int32))
        data = saved(image, "TIFF")
    else:
        ramp = np.linspace(0, 255, 400 * 400, dtype=np.uint8).reshape(400, 400)
        image = Image.fromarray(ramp).convert("RGB").convert(mode)
        data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    array = rgb(data)
    assert (array.shape, array.dtype) == ((400, 400, 3), np.uint8)
    assert array[:40].mean() < 40 < 215 < array[-40:].mean()
    assert len(look(data).phash) == 16


def test_a_cmyk_jpeg_is_not_turned_inside_out() -> None:
    assert close(rgb(saved(corner().convert("CMYK"))), (20, 20), (220, 30, 30), 30)


def test_transparent_parts_lie_on_white() -> None:
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 200, 400))
    array = rgb(saved(image, "PNG"))
    assert close(array, (10, 10), (0, 0, 0))
    assert close(array, (10, 390), (255, 255, 255))


def test_a_wide_colour_profile_is_brought_to_srgb() -> None:
    # A profile whose red and blue are swapped shows plainly whether it was obeyed.
    plain = saved(corner())
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert close(rgb(saved(corner(), icc_profile=lab)), (20, 20), tuple(rgb(plain)[20, 20]))
    linear = _gamma_profile(1.0)
    lifted = rgb(saved(Image.new("RGB", (400, 400), (64, 64, 64)), icc_profile=linear))
    assert lifted.mean() > 120  # linear 64 is sRGB 137


def test_the_first_frame_of_a_moving_picture_is_taken() -> None:
    frames = [corner(), Image.new("RGB", (480, 360), "green")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert close(rgb(data), (20, 20), (220, 30, 30))


def test_the_suffix_is_not_believed() -> None:
    assert read_header(saved(corner(), "PNG")).suffix == ".png"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        saved(corner())[:200],
        saved(corner(), quality=95)[:-2500],
        saved(corner(), "PNG")[:300],
        b"\xff\xd8\xff\xe0" + b"\0" * 500,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 40,
        b"\0\0\0\x18ftypheic" + b"\0" * 60,
        b"GIF89a" + struct.pack("<HH", 60000, 60000) + b"\0" * 20,
    ],
)
def test_damage_is_refused_and_nothing_else_raised(data: bytes) -> None:
    with pytest.raises(Refused):
        look(data)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"notes about the shop", "not a picture"),
        (saved(corner(), quality=95)[:-2500], "damaged"),
    ],
)
def test_a_file_that_is_no_picture_is_named_with_a_mend(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "dock.jpg").write_bytes(content)
    with pytest.raises(Refused, match=f"dock.jpg: .*{why}") as raised:
        rgb(tmp_path / "dock.jpg")
    assert raised.value.mend == "export or save it again as JPEG or PNG"


def test_a_path_that_is_no_file_is_named_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"gone\.jpg: there is no such file") as raised:
        rgb(tmp_path / "gone.jpg")
    assert raised.value.mend
    with pytest.raises(Refused, match="is a folder, not a picture"):
        rgb(tmp_path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_cost_the_photo() -> None:
    data = saved(corner(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xee" * 40)
    assert rgb(data).shape == (360, 480, 3)


def test_exif_tells_time_zone_and_camera() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    plain = read_header(saved(corner(), exif=exif))
    assert (plain.taken_at, plain.camera) == (datetime(2024, 5, 6, 7, 8, 9), True)
    exif.get_ifd(0x8769)[0x9011] = "+02:00"
    zoned = read_header(saved(corner(), exif=exif)).taken_at
    assert zoned == datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
    assert zoned.astimezone(UTC).hour == 5


def test_it_never_enlarges(pictures: dict[str, bytes]) -> None:
    assert rgb(pictures["dock"], 5000).shape == rgb(pictures["dock"]).shape
    assert max(rgb(pictures["dock"], 100).shape) == 100


def test_the_hash_stays_through_size_and_compression(pictures: dict[str, bytes]) -> None:
    for name, data in pictures.items():
        with Image.open(io.BytesIO(data)) as image:
            small = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
        again = saved(small, quality=60)
        bits = (int(look(data).phash, 16) ^ int(look(again).phash, 16)).bit_count()
        assert bits <= 8, name
        difference = np.abs(miniature(rgb(data)) - miniature(rgb(again))).mean()
        assert difference < 4, name


def test_plain_pictures_hash_alike_on_every_machine() -> None:
    for level in (0, 17, 128, 255):
        flat = np.full((32, 32), level, np.uint8)
        assert perceptual_hash(flat) == "0" * 16


def screen(size: tuple[int, int] = (640, 1136), bar: bool = True) -> Image.Image:
    """A phone's screen: status bar, lines of text on plain ground."""
    image = Image.new("RGB", size, (250, 250, 250))
    draw = ImageDraw.Draw(image)
    if bar:
        for x in (40, size[0] - 100):
            draw.rectangle((x, 18, x + 60, 34), fill=(20, 20, 20))
    for line in range(150, size[1] - 100, 60):
        for x in range(40, size[0] - 100, 50):
            draw.rectangle((x, line, x + 36, line + 18), fill=(40, 40, 40))
    return image


def test_a_screen_is_known_by_its_size_its_bar_and_its_flat_ground(
    pictures: dict[str, bytes],
) -> None:
    assert look(saved(screen(), "PNG")).screen > 0.5
    assert look(saved(screen(), quality=75)).screen > 0.5
    assert look(saved(screen(bar=False), "PNG")).screen == 0
    assert look(saved(screen((640, 800)), "PNG")).screen == 0
    for data in pictures.values():
        with Image.open(io.BytesIO(data)) as image:
            assert look(saved(image.resize((640, 1136)))).screen < 0.1


def _gamma_profile(gamma: float) -> bytes:
    """sRGB's primaries with another curve: the bytes of its three curves are replaced."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    curve = b"curv" + struct.pack(">IIH", 0, 1, int(gamma * 256)) + b"\0\0"
    for number in range(count):
        tag, _, size = struct.unpack_from(">4sII", data, 132 + 12 * number)
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", data, 136 + 12 * number, len(data), len(curve))
            data += curve
        if tag == b"desc":
            at = struct.unpack_from(">I", data, 136 + 12 * number)[0]
            data[at : at + size] = data[at : at + size].replace(b"s\0R\0G\0B", b"l\0i\0n\0r")
    struct.pack_into(">I", data, 0, len(data))
    return bytes(data)
