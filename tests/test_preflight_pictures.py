"""A picture that goes out is one that Instagram takes: what is wrong is mended in a copy, and said."""

from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, PngImagePlugin

import small_media
from feedsmith import provenance, rules
from feedsmith.publishing import pictures
from feedsmith.publishing.findings import Finding


@pytest.fixture(scope="module")
def heic(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small HEIC photo; its coder takes seconds."""
    path = small_media.heic(tmp_path_factory.mktemp("heic") / "a.heic", 320, 400)
    return path.read_bytes()


FEED = (rules.IMAGE_RATIO_MIN, rules.IMAGE_RATIO_MAX)


def check(path: Path, **more: object) -> tuple[Path, dict[str, Finding]]:
    before = path.read_bytes()
    made, found = pictures.ready(path, path.parent / "ready", "01", **{"ratios": FEED, **more})  # type: ignore[arg-type]
    assert path.read_bytes() == before
    if made != path:
        told = pictures.facts(made)
        least, most = more.get("ratios", FEED)  # type: ignore[misc]
        assert (told.format, told.mode, told.profile, told.turned) == ("JPEG", "RGB", "", False)
        assert least - 0.002 <= told.ratio <= most + 0.002
        assert rules.IMAGE_WIDTH_MIN <= told.width <= rules.IMAGE_WIDTH_MAX
        assert told.bytes <= rules.IMAGE_BYTES_MAX
    return made, {finding.code: finding for finding in found}


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def rgb(path: Path) -> np.ndarray:
    return np.asarray(opened(path).convert("RGB")).astype(int)


def bright_corner(path: Path) -> tuple[bool, bool]:
    """Whether the bright yellow corner is (left, top)."""
    picture = rgb(path)
    height, width = picture.shape[:2]
    for top in (True, False):
        for left in (True, False):
            y = height // 12 if top else height - height // 12
            x = width // 12 if left else width - width // 12
            if picture[y, x, 0] > 200 and picture[y, x, 2] < 130:
                return left, top
    raise AssertionError("no bright corner")


def test_a_picture_that_is_fit_goes_out_as_it_is(tmp_path: Path) -> None:
    path = small_media.jpeg(tmp_path / "a.jpg")
    assert check(path) == (path, {})


def test_a_heic_photo_becomes_a_jpeg(tmp_path: Path, heic: bytes) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(heic)
    made, found = check(path)
    assert found.keys() == {"format"}
    assert found["format"].said == "It was HEIC and is now JPEG."
    assert opened(made).size == (320, 400)
    assert bright_corner(made) == (True, True)


def test_print_colours_become_srgb(tmp_path: Path) -> None:
    made, found = check(small_media.cmyk(tmp_path / "a.jpg"))
    assert "CMYK" in found["colour"].said
    assert abs(rgb(made) - np.asarray(small_media.drawn(540, 675)).astype(int)).mean() < 12


def test_sixteen_bits_and_grey_become_srgb(tmp_path: Path) -> None:
    found = check(small_media.deep_png(tmp_path / "a.png"))[1]
    assert found.keys() == {"format", "colour"}
    assert "16 bits" in found["colour"].said
    grey = tmp_path / "grey.jpg"
    small_media.drawn(540, 675).convert("L").save(grey)
    found = check(grey)[1]
    assert "grey" in found["colour"].said


def test_wide_colours_are_converted_not_just_renamed(tmp_path: Path) -> None:
    path = small_media.jpeg(tmp_path / "a.jpg", icc_profile=small_media.wide_gamut())
    made, found = check(path)
    assert found["colour"].said == "Its colours (Display P3) were converted to sRGB."
    assert "icc_profile" not in opened(made).info
    before, after = rgb(path), rgb(made)
    assert (after[300, 500] - before[300, 500])[
        0
    ] > 8  # P3's red is redder: its numbers grow in sRGB


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_that_exif_turns_is_set_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    size = (540, 675) if orientation == 3 else (675, 540)
    path = tmp_path / "a.jpg"
    back = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    upright = small_media.drawn(540, 675)
    upright.transpose(back[orientation]).save(path, exif=exif, quality=92)
    assert opened(path).size == size
    made, found = check(path)
    assert found.keys() == {"turned"}
    assert opened(made).size == (540, 675)
    assert bright_corner(made) == (True, True)
    assert not opened(made).getexif()


def test_4k_becomes_1440_wide(tmp_path: Path) -> None:
    made, found = check(small_media.jpeg(tmp_path / "a.jpg", 3840, 2160))
    assert found["width"].said == "It was 3840 px wide and is now 1440."
    assert opened(made).size == (1440, 810)


def test_a_tiny_picture_is_enlarged_and_called_soft(tmp_path: Path) -> None:
    made, found = check(small_media.jpeg(tmp_path / "a.jpg", 200, 200))
    assert "will look soft" in found["width"].said
    assert opened(made).width == 320


def test_a_tall_picture_is_padded_whole_or_cropped_as_asked(tmp_path: Path) -> None:
    path = small_media.jpeg(tmp_path / "a.jpg", 600, 1000)
    made, found = check(path, ground="#fbf3e4")
    assert found["ratio"].said == "It was too narrow (600 x 1000, 0.60:1) and was padded to 4:5."
    picture = rgb(made)
    assert picture.shape == (1000, 800, 3)
    assert abs(picture[500, 5] - (0xFB, 0xF3, 0xE4)).max() < 6
    made, found = check(path, fit="crop")
    assert "was cropped to 4:5" in found["ratio"].said
    assert rgb(made).shape == (750, 600, 3)


def test_a_panorama_is_padded_in_the_colour_of_its_edge(tmp_path: Path) -> None:
    made, found = check(small_media.jpeg(tmp_path / "a.jpg", 1200, 400))
    assert "too wide" in found["ratio"].said
    picture = rgb(made)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(1.91, abs=0.01)
    assert len({tuple(picture[2, x] // 16) for x in range(20, 1180, 40)}) == 1


def test_3_to_4_is_not_taken_by_the_api_and_a_pixel_too_much_is_cut(tmp_path: Path) -> None:
    assert (
        "padded to 4:5" in check(small_media.jpeg(tmp_path / "a.jpg", 900, 1200))[1]["ratio"].said
    )
    made, found = check(small_media.jpeg(tmp_path / "b.jpg", 1080, 1360))
    assert "cropped to 4:5" in found["ratio"].said
    assert opened(made).size == (1080, 1350)


def test_a_file_over_8_mb_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    small_media.noise(1440, 1800).save(path, quality=100, subsampling=0)
    assert path.stat().st_size > rules.IMAGE_BYTES_MAX
    _, found = check(path)
    assert "is now under 8" in found["bytes"].said


def test_several_pictures_in_one_file_and_moving_ones_become_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    stills = [small_media.drawn(540, 675), small_media.drawn(540, 675).rotate(180)]
    stills[0].save(path, "MPO", save_all=True, append_images=stills[1:])
    assert "MPO" in check(path)[1]["format"].said
    moving = tmp_path / "a.gif"
    stills[0].save(moving, save_all=True, append_images=stills[1:], duration=100)
    assert "it moves" in check(moving)[1]["format"].said


def test_a_clear_ground_becomes_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (540, 675), (255, 0, 0, 0)).save(path)
    made, found = check(path)
    assert found["format"].said == "It was PNG and is now JPEG on white."
    assert rgb(made).min() > 250


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    whole = small_media.jpeg(tmp_path / "whole.jpg").read_bytes()
    for data in (b"", b"<html>sign in</html>", whole[:40], whole[: len(whole) // 2]):
        path = tmp_path / "a.jpg"
        path.write_bytes(data)
        made, found = pictures.ready(path, tmp_path / "ready", "01", ratios=(1.0, 1.0))
        assert made == path
        assert found[0].level == "blocking"
        assert found[0].mend


def test_the_same_picture_gives_the_same_copy(tmp_path: Path, heic: bytes) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(heic)
    first = check(path)[0].read_bytes()
    assert check(path)[0].read_bytes() == first


def test_the_iptc_label_survives_the_mending(tmp_path: Path) -> None:
    stamp = provenance.Stamp(
        source_type="trainedAlgorithmicMedia", creator="Oak & Co", label="Made with AI."
    )
    path = small_media.jpeg(tmp_path / "a.jpg", 1500, 1500)
    path.write_bytes(provenance.stamp_jpeg(path.read_bytes(), stamp))
    kept = provenance.read(check(path)[0])
    assert kept == stamp


def test_a_label_in_anybodys_png_or_heic_survives_too(tmp_path: Path) -> None:
    xmp = provenance.packet(provenance.Stamp(source_type="compositeWithTrainedAlgorithmicMedia"))
    png, words = tmp_path / "a.png", PngImagePlugin.PngInfo()
    words.add_itxt("XML:com.adobe.xmp", xmp.decode())
    small_media.drawn(540, 675).save(png, pnginfo=words)
    heic = tmp_path / "b.heic"
    pillow_heif.from_pillow(small_media.drawn(320, 400)).save(str(heic), xmp=xmp)
    for path in (png, heic):
        kept = provenance.read(check(path)[0])
        assert kept is not None, path
        assert kept.source_type == "compositeWithTrainedAlgorithmicMedia"


def test_a_file_without_a_label_gets_the_posts(tmp_path: Path, heic: bytes) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(heic)
    made, _ = check(path, source_type="compositeSynthetic")
    kept = provenance.read(made)
    assert kept is not None
    assert kept.source_type == "compositeSynthetic"


def test_a_fit_file_keeps_its_signature_and_a_mended_one_says_that_it_lost_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(provenance.KEY_VARIABLE, raising=False)
    path = small_media.jpeg(tmp_path / "a.jpg", 1500, 1500)
    data = path.read_bytes()
    manifest = b"\xff\xeb\0\x16JP\0\1\0\0\0\1\0\0\0\x0ejumbjumd"
    path.write_bytes(data[:2] + manifest + data[2:])
    assert provenance.is_signed(path)
    _, found = check(path)
    assert found["signature"].level == "hint"
    assert "no key to sign with" in found["signature"].said
    small = small_media.jpeg(tmp_path / "b.jpg")
    data = small.read_bytes()
    small.write_bytes(data[:2] + manifest + data[2:])
    assert check(small) == (small, {})


def test_a_signed_picture_is_signed_again_with_the_first_as_its_ingredient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("c2pa")
    from test_provenance import certificate, key_pem, verdict

    monkeypatch.setenv(provenance.KEY_VARIABLE, key_pem())
    monkeypatch.setenv(provenance.CERTIFICATE_VARIABLE, certificate())
    path = small_media.jpeg(tmp_path / "a.jpg", 1500, 1500)
    stamp = provenance.Stamp(source_type="trainedAlgorithmicMedia", creator="Oak & Co")
    path.write_bytes(provenance.stamp_jpeg(path.read_bytes(), stamp))
    provenance.sign_c2pa(path, key_pem(), certificate())
    made, found = check(path)
    assert found.keys() == {"width"}
    state, manifest = verdict(made)
    assert state == "Trusted"
    assert len(manifest["ingredients"]) == 1
    kept = provenance.read(made)
    assert kept is not None
    assert kept.source_type == "trainedAlgorithmicMedia"


def test_nothing_is_written_for_a_fit_picture(tmp_path: Path) -> None:
    path = small_media.jpeg(tmp_path / "a.jpg")
    check(path)
    assert not (tmp_path / "ready").exists()
