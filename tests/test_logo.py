"""Logos: files of strangers made into pixels, and the variant that can be seen."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from feedsmith.brand import Brand, Home, Logo, Palette
from feedsmith.design import logo
from feedsmith.errors import FeedsmithError, Refused

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 400 200">{}</svg>'
DISC = '<circle cx="200" cy="100" r="50" fill="{}"/>'
PALETTE = Palette(paper="#f6f1e7", ink="#1d1a16", accent="#b4512b", accent_2="#3f5b4b")


def svg(path: Path, inside: str) -> Path:
    path.write_text(SVG.format(inside), "utf-8")
    return path


def mark(colour: tuple[int, ...], ground: tuple[int, ...] = (0, 0, 0, 0)) -> Image.Image:
    """Four bars with room around them."""
    image = Image.new("RGBA", (400, 200), ground)
    draw = ImageDraw.Draw(image)
    for x in range(110, 310, 50):
        draw.rectangle((x, 60, x + 29, 139), fill=colour)
    return image


def home(tmp_path: Path, **files: Image.Image) -> tuple[Brand, Home]:
    for name, image in files.items():
        image.save(tmp_path / f"{name}.png")
    brand = Brand(
        name="Oat & Co", palette=PALETTE, logo=Logo(**{name: f"{name}.png" for name in files})
    )
    return brand, Home(tmp_path)


def test_an_svg_is_drawn_trimmed_and_as_tall_as_asked(tmp_path: Path) -> None:
    drawn = logo.raster(svg(tmp_path / "a.svg", DISC.format("#c02020")), 300)
    assert drawn.shape[0] == 300
    assert abs(drawn.shape[1] - 300) <= 3
    assert drawn[150, 150].tolist() == [192, 32, 32, 255]
    assert drawn[0, 0, 3] == 0


def test_a_png_keeps_its_transparency_and_loses_its_margins(tmp_path: Path) -> None:
    mark((20, 60, 120, 255)).save(tmp_path / "a.png")
    drawn = logo.raster(tmp_path / "a.png", 40)
    assert drawn.shape[:2] == (40, 90)
    assert drawn[20, 5].tolist() == [20, 60, 120, 255]
    assert drawn[20, 18, 3] < 8  # between two bars


def test_a_small_png_is_not_blown_up_into_fog(tmp_path: Path) -> None:
    mark((0, 0, 0, 255)).resize((40, 20)).save(tmp_path / "a.png")
    assert logo.raster(tmp_path / "a.png", 500).shape[0] <= 20


@pytest.mark.parametrize("ground", [(255, 255, 255, 255), (240, 230, 210, 255), (20, 20, 30, 255)])
def test_one_ink_on_a_plain_opaque_ground_is_lifted_off_it(
    tmp_path: Path, ground: tuple[int, ...]
) -> None:
    mark((190, 60, 40, 255), ground).convert("RGB").save(tmp_path / "a.png")
    drawn = logo.raster(tmp_path / "a.png", 80)
    assert drawn.shape[:2] == (80, 180)
    assert drawn[40, 40, 3] == 0
    assert np.abs(drawn[40, 10, :3].astype(int) - (190, 60, 40)).max() <= 2


def test_a_jpeg_on_white_is_lifted_too(tmp_path: Path) -> None:
    mark((10, 80, 60, 255), (255, 255, 255, 255)).convert("RGB").save(tmp_path / "a.jpg")
    drawn = logo.raster(tmp_path / "a.jpg", 80)
    assert 170 <= drawn.shape[1] <= 190
    assert (drawn[..., 3] < 8).mean() > 0.25


def test_a_badge_of_several_colours_keeps_its_ground(tmp_path: Path) -> None:
    image = mark((190, 60, 40, 255), (255, 255, 255, 255))
    ImageDraw.Draw(image).ellipse((20, 20, 120, 120), fill=(30, 90, 160, 255))
    image.convert("RGB").save(tmp_path / "a.png")
    assert logo.raster(tmp_path / "a.png", 100)[..., 3].min() == 255


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "L", "1"])
def test_odd_pixel_kinds_are_read(tmp_path: Path, mode: str) -> None:
    grey = mark((0, 0, 0, 255), (255, 255, 255, 255)).convert("L")
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    if mode == "I;16":
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(path)
    else:
        (grey.convert("RGB").convert("CMYK") if mode == "CMYK" else grey.convert(mode)).save(path)
    drawn = logo.raster(path, 80)
    assert drawn.shape[:2] == (80, 180)
    assert drawn[40, 10, :3].max() < 30


def bomb() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            len(body).to_bytes(4, "big") + kind + body
            + zlib.crc32(kind + body).to_bytes(4, "big")
        )  # fmt: skip

    size = (60_000).to_bytes(4, "big")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size * 2 + b"\x08\x06\0\0\0")
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )  # fmt: skip


def whole(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"nothing of a picture", "not a picture"),
        (bomb(), "more pixels"),
        (whole(Image.new("RGBA", (50, 50))), "transparent"),
        (whole(mark((1, 2, 3, 255)))[:300], "damaged"),
        (whole(Image.new("RGB", (6000, 5000))), "too many"),
    ],
)
def test_a_hopeless_picture_is_refused_by_name(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(Refused, match=said) as caught:
        logo.raster(tmp_path / "a.png", 80)
    assert "a.png" in caught.value.message
    assert caught.value.mend


LAUGHS = '<!DOCTYPE svg [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
DOUBLING = "".join(
    f'<g id="g{i}"><use href="#g{i + 1}"/><use xlink:href="#g{i + 1}"/></g>' for i in range(40)
)
TILES = "".join(
    f'<pattern id="p{i}" width="9" height="9">'
    + f'<rect width="3" height="3" fill="url(#p{i + 1})"/>' * 20
    + "</pattern>"
    for i in range(12)
)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ('<image href="/etc/passwd" width="9" height="9"/>', "outside of itself"),
        ('<image xlink:href="file:///etc/passwd" width="9" height="9"/>', "outside of itself"),
        ('<image href="http://example.com/a.png" width="9" height="9"/>', "outside of itself"),
        ('<image href="data:image/svg+xml;base64,PHN2Zy8+" width="9" height="9"/>', "outside"),
        ('<image href="data:image/png;base64,AAAA" width="9" height="9"/>', "damaged"),
        ('<use href="other.svg#a"/>', "outside of itself"),
        ('<rect width="9" height="9" fill="url(http://example.com/#a)"/>', "another file"),
        ("<style>@import 'http://example.com/a.css';</style>", "another file"),
        ("<style>.a { fill: u\\72l(http://example.com/a) }</style>", "another file"),
        (DOUBLING + '<circle id="g40" r="9"/>', "too many shapes"),
        (TILES + '<rect width="9" height="9" fill="url(#p0)"/>', "too many shapes"),
        ('<g id="a"><use href="#a"/></g>', "too many shapes"),
        ("<g>" * 300 + "</g>" * 300, "too deeply"),
        ('<filter id="f"><feTurbulence numOctaves="999999999"/></filter>', "feTurbulence"),
        ("<text>Oat &amp; Co</text>", "outlines"),
        ("<g>", "damaged"),
        ("", "nothing is drawn"),
    ],
)
def test_an_svg_that_reaches_out_or_never_ends_is_refused(
    tmp_path: Path, inside: str, said: str
) -> None:
    with pytest.raises(Refused, match=said) as caught:
        logo.raster(svg(tmp_path / "a.svg", inside), 80)
    assert "a.svg" in caught.value.message
    assert caught.value.mend


@pytest.mark.parametrize(
    "data", [(LAUGHS + SVG.format("&b;")).encode(), b"\x1f\x8b\x08\0\0", b"\xff\xfe<\0s\0"]
)
def test_entities_and_packed_svg_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.svg").write_bytes(data)
    with pytest.raises(Refused, match=r"entities|compressed"):
        logo.raster(tmp_path / "a.svg", 80)


def test_scripts_and_foreign_objects_do_nothing(tmp_path: Path) -> None:
    plain = svg(tmp_path / "plain.svg", DISC.format("#123456"))
    busy = svg(
        tmp_path / "busy.svg",
        DISC.format('#123456" onclick="alert(1)')
        + "<script>document.write('x')</script><foreignObject width='400' height='200'>"
        "<body xmlns='http://www.w3.org/1999/xhtml'><p style='background:red'>hello</p></body></foreignObject>",
    )
    assert np.array_equal(logo.raster(plain, 90), logo.raster(busy, 90))


def test_an_svg_of_any_claimed_size_is_drawn_in_bounds(tmp_path: Path) -> None:
    text = SVG.replace("<svg ", '<svg width="4e9" height="2e9" ').format(DISC.format("#c02020"))
    (tmp_path / "a.svg").write_text(text)
    assert logo.raster(tmp_path / "a.svg", 60).shape[0] <= 60


def test_no_logo_is_no_logo(tmp_path: Path) -> None:
    assert logo.on(Brand(name="x"), Home(tmp_path), "#ffffff", 80) is None


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    brand = Brand(name="x", logo=Logo(dark="art/logo.svg"))
    with pytest.raises(FeedsmithError, match=r"logo.dark.*art/logo.svg"):
        logo.on(brand, Home(tmp_path), "#ffffff", 80)


def test_the_variant_that_reads_is_taken(tmp_path: Path) -> None:
    brand, place = home(tmp_path, light=mark((255, 250, 240, 255)), dark=mark((30, 30, 60, 255)))
    on_dark = logo.on(brand, place, "#14202c", 80)
    on_light = logo.on(brand, place, "#f2efe6", 80)
    assert on_dark is not None
    assert on_light is not None
    assert (on_dark.variant, on_dark.plate) == ("light", "")
    assert (on_light.variant, on_light.plate) == ("dark", "")
    assert min(on_dark.contrast, on_light.contrast) >= logo.SEEN


@pytest.mark.parametrize(
    "ground", ["#b4512b", "#f6f1e7", "#ffffff", "#1d1a16", "#000000", "#7b7b7b"]
)
@pytest.mark.parametrize("ink", ["#b4512b", "#f6f1e7", "#ffffff", "#1d1a16", "#787878"])
def test_a_one_colour_logo_is_seen_on_every_ground(tmp_path: Path, ground: str, ink: str) -> None:
    colour = (*bytes.fromhex(ink[1:]), 255)
    brand, place = home(tmp_path, dark=mark(colour))
    drawn = logo.on(brand, place, ground, 80)
    assert drawn is not None
    assert drawn.rgba.shape[0] <= 80
    assert drawn.contrast >= logo.SEEN
    assert drawn.plate in ("", PALETTE.paper, PALETTE.ink)
    alpha = drawn.rgba[..., 3:] / 255
    paper = np.array(list(bytes.fromhex(ground[1:])))
    seen = (drawn.rgba[..., :3] * alpha + paper * (1 - alpha)).astype(np.uint8)
    levels = logo.luminance(seen)
    assert (levels.max() + 0.05) / (levels.min() + 0.05) >= logo.SEEN
    inked = np.abs(seen.astype(int) - bytes_of(ink)).max(axis=-1) <= 3
    assert inked.mean() > 0.1  # not recoloured


def bytes_of(colour: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(colour[1:])))


def test_a_small_name_beside_a_large_emblem_counts() -> None:
    picture = np.zeros((100, 400, 4), np.uint8)
    picture[:, :300] = (20, 20, 20, 255)
    picture[60:80, 320:390] = (250, 250, 250, 255)
    assert logo.contrast_on(picture, "#ffffff") < logo.SEEN
    assert logo.contrast_on(picture[:, :300], "#ffffff") > 15


def test_a_wide_logo_keeps_inside_the_width(tmp_path: Path) -> None:
    brand, place = home(tmp_path, dark=mark((30, 30, 30, 255)).resize((1200, 100)))
    for ground in ("#ffffff", "#202020"):
        drawn = logo.on(brand, place, ground, 90, width=200)
        assert drawn is not None
        assert drawn.rgba.shape[1] <= 200


def test_a_maker_draws_the_logo_for_any_ground(tmp_path: Path) -> None:
    brand, place = home(tmp_path, dark=mark((30, 30, 60, 255)))
    draw = logo.maker(brand, place)
    assert draw is not None
    pale, deep = draw("#ffffff", 60), draw("#1e1e3c", 60)
    assert pale is not None
    assert deep is not None
    assert pale[..., 3].min() == 0
    assert (deep[..., 3] == 255).mean() > 0.8  # on its plate
    assert logo.maker(Brand(name="x"), place) is None
