"""From photos to a data set: what is cut, what is left out, who is held out, and going on after a kill."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from feedsmith.brand import Home, checked
from feedsmith.dataset import DataSet, Writer
from feedsmith.errors import FeedsmithError
from feedsmith.images import scaler
from feedsmith.library import Library, import_into
from feedsmith.prepare import Prepared, Settings, alike, prepare, square
from feedsmith.prepare.account import advice
from feedsmith.prepare.stage import NOTE, _check_room
from feedsmith.understanding import traits

pytest.importorskip("h5py")

# A photo of nobody is one motif: hash and miniature tell these apart.
HUES = ("tomato", "gold", "olive", "teal", "navy", "orchid", "sienna", "black", "white", "pink")


def photo(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """Twelve large shapes, different for every seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), HUES[seed % len(HUES)])
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(width // 8, width // 2), rng.integers(height // 8, height // 2)
        draw.ellipse((x - w // 2, y - h // 2, x + w // 2, y + h // 2), fill=HUES[rng.integers(10)])
    return image


def folder(place: Path, count: int, width: int = 160, height: int = 120) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        photo(seed, width, height).save(place / f"IMG_{seed}.jpg", quality=92)
    return place


def made(home: Path, photos: Path, size: int = 64, **settings: object) -> Prepared:
    given = {"size": size, "crop": "centre", "photos": photos, **settings}
    return prepare(Home(home), Settings.model_validate(given))


def opened(home: Path, size: int = 64) -> DataSet:
    return DataSet.open(home / "datasets" / f"images-{size}.h5")


# ---- squares -----------------------------------------------------------------------------------


def spot(width: int, height: int, x: float, y: float) -> Image.Image:
    """A map with one bright spot at (x, y), 0..1."""
    image = Image.new("L", (width, height))
    at, radius = (x * width, y * height), min(width, height) / 8
    ImageDraw.Draw(image).ellipse(
        (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=255
    )
    return image


@pytest.mark.parametrize("x", [0.1, 0.35, 0.6, 0.92])
@pytest.mark.parametrize("upright", [False, True])
def test_the_square_follows_the_subject_along_a_panorama(x: float, upright: bool) -> None:
    size = (500, 2000) if upright else (2000, 500)
    shown = spot(80, 320, 0.5, x) if upright else spot(320, 80, x, 0.5)
    left, top, right, bottom = square.box(size, "saliency", saliency=lambda: shown)
    assert (right - left, bottom - top) == (500, 500)
    begins = top if upright else left
    assert abs(begins + 250 - np.clip(x * 2000, 250, 1750)) < 30
    assert begins <= x * 2000 - 60 or begins == 0
    assert x * 2000 + 60 <= begins + 500 or begins == 1500


def test_a_subject_that_fits_is_in_the_middle_and_no_map_is_read() -> None:
    def never() -> Image.Image:
        raise AssertionError("the box decides")

    area = square.box((900, 300), "saliency", subject=(0.55, 0.2, 0.75, 0.9), saliency=never)
    assert area == (435, 0, 735, 300)
    assert square.box((300, 306), "saliency", saliency=never) == (0, 3, 300, 303)


def test_a_subject_wider_than_the_square_asks_the_map() -> None:
    area = square.box(
        (900, 300), "saliency", subject=(0, 0, 1, 1), saliency=lambda: spot(320, 106, 0.8, 0.5)
    )
    assert abs(area[0] + 150 - 720) < 15


def test_faces_stay_whole_and_where_not_all_fit_the_largest_does() -> None:
    small, large = (0.02, 0.4, 0.07, 0.6), (0.86, 0.3, 0.97, 0.7)
    here = lambda: spot(320, 106, 0.4, 0.5)  # noqa: E731
    left, _, right, _ = square.box((900, 300), "saliency", faces=[large], saliency=here)
    assert left <= 0.86 * 900
    assert right >= 0.97 * 900
    both = square.box((900, 300), "saliency", faces=[small, large], saliency=here)
    assert both[2] >= 0.97 * 900
    assert square.box((900, 300), "saliency", faces=[small])[0] <= 0.02 * 900


def test_nothing_that_stands_out_gives_the_middle() -> None:
    grey = Image.new("L", (320, 160), 3)
    assert square.box((800, 400), "saliency", saliency=lambda: grey) == (200, 0, 600, 400)
    assert square.box((800, 400), "centre") == (200, 0, 600, 400)
    assert square.box((400, 801), "centre") == (0, 200, 400, 600)


def test_a_letterbox_keeps_the_whole_photo_on_a_ground_without_edges() -> None:
    wide = Image.new("RGB", (200, 100), "tomato")
    ImageDraw.Draw(wide).rectangle((0, 40, 9, 60), fill="navy")
    box = square.box(wide.size, "letterbox")
    assert box == (0, 0, 200, 100)
    pixels = np.asarray(square.cut(wide, wide.size, box, 64)).astype(int)
    assert np.abs(pixels[32, 1] - (0, 0, 128)).max() < 30  # the left end is there
    above = pixels[8, 40]
    assert np.abs(above - (255, 99, 71)).max() < 12  # no black bar


@pytest.mark.parametrize(
    ("source", "size"), [(300, 256), (170, 128), (50, 128), (900, 128), (90, 64)]
)
def test_resampling_is_as_pillows(source: int, size: int) -> None:
    image = photo(5, source + 40, source + 10)
    box = (17, 4, 17 + source, 4 + source)
    ours = np.asarray(scaler.resize(image, (size, size), box)).astype(int)
    method = Image.Resampling.BICUBIC if source > size else Image.Resampling.LANCZOS
    theirs = np.asarray(image.resize((size, size), method, box=box)).astype(int)
    assert np.abs(ours - theirs).mean() < 1.0
    assert abs((ours - theirs).mean()) < 0.2


# ---- alike, and held out -----------------------------------------------------------------------


def test_features_of_one_motif_are_found_among_many() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((700, 1280)).astype(np.float32)
    vectors[650] = vectors[3] + 0.3 * rng.standard_normal(1280)  # cosine about .96
    vectors[20] = vectors[10] + 0.7 * rng.standard_normal(1280)  # about .82
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert list(alike.by_features(vectors.astype(np.float16))) == [(3, 650)]


def test_groups_join_what_pairs_join() -> None:
    found = alike.groups(6, iter([(4, 5), (1, 4), (0, 2)]))
    assert found.tolist() == [0, 1, 0, 3, 1, 1]


def ids(count: int) -> list[str]:
    return [hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in range(count)]


def test_the_share_held_out_is_about_what_was_asked_and_later_photos_move_nobody() -> None:
    names = ids(3000)
    before = alike.split(names[:2000], np.arange(2000), 0.1)
    after = alike.split(names, np.arange(3000), 0.1)
    assert 0.08 < after.mean() < 0.12
    assert np.array_equal(before, after[:2000])


def test_near_duplicates_are_on_one_side() -> None:
    group = np.repeat(np.arange(0, 600, 3), 3)
    held = alike.split(ids(600), group, 0.2).reshape(-1, 3)
    assert np.array_equal(held.min(axis=1), held.max(axis=1))
    assert held.any()


def test_of_few_photos_one_is_held_out_and_one_trained_on() -> None:
    for count in range(2, 9):
        held = alike.split(ids(count), np.arange(count), 0.1)
        assert 1 <= held.sum() < count
        assert alike.split(ids(count), np.arange(count), 0.0).sum() == 0
    assert 1 <= alike.split(ids(2), np.arange(2), 0.5).sum() < 2


@pytest.mark.parametrize(
    ("count", "recipe"),
    [(5, "remix"), (299, "remix"), (300, "transfer"), (1000, "transfer"), (1001, "gan")],
)
def test_the_advice_follows_the_size_of_the_library(count: int, recipe: str) -> None:
    found, words = advice(count)
    assert found == recipe
    assert f"{count:,}" in words


# ---- a folder ----------------------------------------------------------------------------------


def test_a_folder_becomes_a_data_set(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", 12)
    (photos / "IMG_3.txt").write_text("Fog over the ridge.\n", "utf-8")
    (photos / ".IMG_1.jpg").write_bytes(b"not a photo of yours")
    told = made(tmp_path / "home", photos)
    assert (told.pictures, told.different, told.copies, told.upscaled) == (12, 12, 0, 0)
    assert told.train + told.held == 12
    assert told.recipe == "remix"
    with opened(tmp_path / "home") as data:
        assert data.sizes == (4, 8, 16, 32, 64)
        assert data.captions[3] == "Fog over the ridge."
        content = (photos / "IMG_3.jpg").read_bytes()
        assert data.ids[3] == hashlib.sha256(content).hexdigest()[:16]
        assert data.boxes[3].tolist() == [20, 0, 140, 120]
        wanted = photo(3).resize((64, 64), Image.Resampling.BICUBIC, box=(20, 0, 140, 120))
        assert np.abs(data.read([3])[0].astype(int) - np.asarray(wanted)).mean() < 3
        assert len(data.held) == told.held
        assert data.sha256 == told.sha256
    with Image.open(tmp_path / "home/datasets/images-64.jpg") as sheet:
        orange = (np.abs(np.asarray(sheet).astype(int) - (235, 110, 20)).max(axis=2) < 40).sum()
        assert orange > told.held * 4 * 60 * 3
    assert sorted(p.name for p in (tmp_path / "home/datasets").iterdir()) == [
        "images-64.h5", "images-64.jpg", "images-64.json",
    ]  # fmt: skip


def test_threads_do_not_change_the_result(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", 9)
    (photos / "IMG_4.jpg").write_bytes(b"broken")
    one, four = (made(tmp_path / f"home{n}", photos, workers=n) for n in (1, 4))
    assert one == four
    with opened(tmp_path / "home1") as first, opened(tmp_path / "home4") as second:
        assert first.ids == second.ids
        assert np.array_equal(first.all(), second.all())


def test_a_second_time_nothing_is_done_until_something_changes(tmp_path: Path) -> None:
    photos, home = folder(tmp_path / "photos", 6), tmp_path / "home"
    first = made(home, photos)
    stamp = (home / "datasets/images-64.h5").stat().st_mtime_ns
    again = made(home, photos)
    assert (first.fresh, again.fresh) == (True, False)
    assert again == first.model_copy(update={"fresh": False})
    assert (home / "datasets/images-64.h5").stat().st_mtime_ns == stamp
    photo(77).save(photos / "new.jpg")
    assert made(home, photos).pictures == 7
    assert made(home, photos, crop="letterbox").fresh
    (home / "datasets/images-64.jpg").unlink()
    assert made(home, photos, crop="letterbox").fresh


def test_a_data_set_that_was_cut_in_half_is_made_anew(tmp_path: Path) -> None:
    photos, home = folder(tmp_path / "photos", 5), tmp_path / "home"
    made(home, photos)
    file = home / "datasets/images-64.h5"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert made(home, photos).fresh
    with opened(home) as data:
        assert len(data) == 5


def test_photos_of_every_kind_and_size_are_taken_or_named(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", 3)
    photo(20, 20, 30).save(photos / "tiny.png")
    photo(21, 15, 15).save(photos / "tinier.png")
    photo(22).convert("L").save(photos / "grey.jpg")
    photo(23).convert("CMYK").save(photos / "print.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(24, 200, 100).save(photos / "turned.jpg", exif=exif)
    photo(25, 900, 700).save(photos / "large.webp")
    clear = photo(26).convert("RGBA")
    clear.putalpha(128)
    clear.save(photos / "clear.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo(27).save(photos / "profile.jpg", icc_profile=profile)
    (photos / "damaged.jpg").write_bytes((photos / "IMG_1.jpg").read_bytes()[:900])
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("I am no photo", "utf-8")
    (photos / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    told = made(tmp_path / "home", photos)
    reasons = {item.name: item.reason for item in told.left_out}
    assert set(reasons) == {"damaged.jpg", "empty.jpg", "text.jpg", "tinier.png"}
    assert "15 x 15 pixels, less than a quarter of 64" in reasons["tinier.png"]
    assert told.pictures == 10
    assert told.upscaled == 1
    with opened(tmp_path / "home") as data:
        at = {hashlib.sha256(p.read_bytes()).hexdigest()[:16]: p.name for p in photos.iterdir()}
        seen = {at[key]: row for row, key in enumerate(data.ids)}
        pictures = data.all().astype(int)
        boxes = data.boxes
    grey = pictures[seen["grey.jpg"]]
    assert np.abs(grey[..., 0] - grey[..., 2]).max() == 0
    wanted = np.asarray(photo(23).resize((64, 64), Image.Resampling.LANCZOS, box=(20, 0, 140, 120)))
    assert np.abs(pictures[seen["print.jpg"]] - wanted).mean() < 12
    assert boxes[seen["turned.jpg"]].tolist() == [0, 50, 100, 150]
    turned = photo(24, 200, 100).transpose(Image.Transpose.ROTATE_270)
    wanted = np.asarray(turned.resize((64, 64), Image.Resampling.LANCZOS, box=(0, 50, 100, 150)))
    assert np.abs(pictures[seen["turned.jpg"]] - wanted).mean() < 8
    assert boxes[seen["tiny.png"]].tolist() == [0, 5, 20, 25]


def test_large_jpegs_are_decoded_small_and_look_the_same(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(3):
        photo(seed, 1600, 1200).save(photos / f"{seed}.jpg", quality=95)
    made(tmp_path / "home", photos)
    wanted = photo(1, 1600, 1200).resize(
        (64, 64), Image.Resampling.LANCZOS, box=(200, 0, 1400, 1200)
    )
    with opened(tmp_path / "home") as data:
        assert np.abs(data.read([1])[0].astype(int) - np.asarray(wanted)).mean() < 3
        assert data.boxes[1].tolist() == [200, 0, 1400, 1200]


def test_near_duplicates_and_copies_are_counted_and_kept_together(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", 8)
    (photos / "again.jpg").write_bytes((photos / "IMG_2.jpg").read_bytes())
    photo(2).resize((320, 240)).save(photos / "larger.jpg", quality=80)
    told = made(tmp_path / "home", photos, hold_out=0.4)
    assert (told.pictures, told.different, told.copies, told.alike) == (9, 8, 1, 1)
    with opened(tmp_path / "home") as data:
        same = [
            data.ids.index(hashlib.sha256((photos / name).read_bytes()).hexdigest()[:16])
            for name in ("again.jpg", "larger.jpg")
        ]
        assert len(set(data.split[same])) == 1


def test_light_and_dark_photos_are_counted(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for n, level in enumerate((12, 14, 120, 125, 230)):
        coarse = np.clip(rng.normal(level, 6, (6, 8, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(coarse).resize((160, 120)).save(photos / f"grain{n}.png")
    told = made(tmp_path / "home", photos)
    assert (told.dark, told.light) == (0.4, 0.2)


BAD = {
    "show the same picture": lambda place: [
        photo(1).save(place / f"{quality}.jpg", quality=quality) for quality in range(60, 90)
    ],
    "only one can be used": lambda place: [
        (place / f"{n}.jpg").write_bytes(_jpeg(photo(3))) for n in range(30)
    ],
    "none of 2 photos can be used": lambda place: [
        photo(n, 12, 12).save(place / f"{n}.png") for n in range(2)
    ],
    "no photos in it": lambda place: (place / "notes.txt").write_text("x", "utf-8"),
}


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("words", BAD)
def test_photos_that_teach_nothing_are_refused_and_nothing_is_left(
    tmp_path: Path, words: str
) -> None:
    (tmp_path / "photos").mkdir()
    BAD[words](tmp_path / "photos")
    with pytest.raises(FeedsmithError, match=words) as caught:
        made(tmp_path / "home", tmp_path / "photos")
    assert caught.value.mend
    assert not list(tmp_path.glob("home/datasets/*"))


def test_five_photos_are_prepared_with_the_advice_to_remix(tmp_path: Path) -> None:
    told = made(tmp_path / "home", folder(tmp_path / "photos", 5))
    assert (told.train, told.held, told.recipe) == (told.pictures - told.held, told.held, "remix")
    assert "5 different photos are few" in told.advice


def test_a_disk_without_room_is_told_before_anything_is_done(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.h5", 2 * 10**9, 1024, pyramid=True, note=NOTE, key="k")
    with pytest.raises(FeedsmithError, match="MB free") as caught:
        _check_room(writer)
    assert "--no-pyramid" in caught.value.mend


# ---- a library ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A brand with a small library: two of a series, and a panorama with its subject at the right."""
    place = tmp_path_factory.mktemp("shop")
    photos = place / "in"
    photos.mkdir()
    for seed in range(4):
        photo(seed, 400, 330).save(photos / f"plain{seed}.jpg", quality=92)
    wide = Image.new("RGB", (1500, 400), (140, 180, 200))
    ImageDraw.Draw(wide).ellipse((1130, 90, 1370, 330), fill=(200, 40, 30))
    ImageDraw.Draw(wide).ellipse((1200, 160, 1300, 260), fill=(250, 220, 60))
    wide.save(photos / "wide.jpg", quality=92)
    (photos / "wide.txt").write_text("A red lantern over the bay. #lantern #bay", "utf-8")
    home = Home(place / "brand")
    home.create(checked({"name": "Shop"}))
    import_into(Library(home.library), [photos])
    traits.ensure(Library(home.library))
    return home


def test_a_library_brings_words_and_the_subject_of_a_panorama(shop: Home) -> None:
    told = prepare(shop, Settings(size=64))
    assert (told.pictures, told.captioned) == (5, 1)
    library = Library(shop.library)
    with opened(shop.root) as data:
        assert data.ids == [p.id for p in library.photos()]
        row = next(n for n, p in enumerate(library.photos()) if p.name == "wide.jpg")
        assert data.captions[row] == "A red lantern over the bay."
        assert "lantern" in " ".join(data.keywords[row])
        left, top, right, bottom = data.boxes[row]
        assert left <= 1130
        assert right >= 1370
        assert (top, bottom, right - left) == (0, 400, 400)
        red = data.read([row])[0][32, 32].astype(int)
        assert red[0] > red[2] + 60


def test_a_photo_that_is_gone_is_named_and_the_others_are_made(shop: Home) -> None:
    library = Library(shop.library)
    lost = library.photos()[1]
    content = library.path(lost).read_bytes()
    library.path(lost).unlink()
    try:
        told = prepare(shop, Settings(size=128))
    finally:
        library.path(lost).write_bytes(content)
    assert [item.name for item in told.left_out] == [lost.name]
    assert "no such file" in told.left_out[0].reason
    assert told.pictures == 4
    assert prepare(shop, Settings(size=128)).pictures == 5


def test_without_maps_the_network_looks_again(shop: Home, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    library = Library(shop.library)
    for found in library.photos():
        (photos / found.name).write_bytes(library.path(found).read_bytes())
    made(tmp_path / "home", photos, crop="saliency")
    with opened(tmp_path / "home") as data:
        wide = int(np.flatnonzero(data.boxes[:, 3] == 400)[0])
        left, _, right, _ = data.boxes[wide]
        assert left <= 1130
        assert right >= 1370


# ---- killed ------------------------------------------------------------------------------------

KILLED = """
import sys
from pathlib import Path
from feedsmith.brand import Home
from feedsmith.prepare import Settings, prepare, stage
stage.FLUSH_SECONDS = 0.2
prepare(Home(Path(sys.argv[1])), Settings(size=256, crop="centre", photos=Path(sys.argv[2]), workers=1))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX systems")
def test_killed_in_the_middle_the_same_call_goes_on_with_the_rest(tmp_path: Path) -> None:
    photos, home = tmp_path / "photos", tmp_path / "home"
    photos.mkdir()
    grain = np.random.default_rng(0).integers(0, 60, (1100, 1500, 3), np.uint8)
    for n in range(10):  # with grain, so that decoding takes its time
        shown = np.asarray(photo(n, 1500, 1100)) // 2 + grain
        Image.fromarray(shown).save(photos / f"{n}.jpg", quality=92)
    for n in range(10, 100):
        os.link(photos / f"{n % 10}.jpg", photos / f"{n}.jpg")
    command = [sys.executable, "-c", KILLED, str(home), str(photos)]
    notes = home / "datasets/images-256.h5.notes"
    going = subprocess.Popen(command)
    until = time.monotonic() + 600
    while time.monotonic() < until and going.poll() is None:
        if notes.exists() and any(notes.read_bytes()[200:]):
            break
        time.sleep(0.05)
    assert going.poll() is None, "it ended before it could be killed"
    going.send_signal(signal.SIGKILL)
    going.wait()
    assert not (home / "datasets/images-256.h5").exists()

    told_of: list[int] = []

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        if stage == "Cutting photos" and not told_of:
            told_of.append(done)

    told = prepare(Home(home), Settings(size=256, crop="centre", photos=photos), report)
    assert 0 < told_of[0] < 100
    assert told.pictures == 10
    whole = made(tmp_path / "other", photos, size=256)
    assert told.sha256 == whole.sha256
    with opened(home, 256) as first, opened(tmp_path / "other", 256) as second:
        assert np.array_equal(first.all(), second.all())
    assert len(list((home / "datasets").iterdir())) == 3
