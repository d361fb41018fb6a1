"""From a library to a folder of posts: the whole way, on a few real photos of the demo brand."""

import gc
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from feedsmith import generate as stage
from feedsmith import provenance, rules
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError
from feedsmith.film import encode
from feedsmith.generate import Settings, orders
from feedsmith.images.known import Known
from feedsmith.library import Library, import_into
from feedsmith.originality import Gate
from feedsmith.post import KINDS, Brief, Offer, Post
from feedsmith.runs import Folder, Run
from feedsmith.understanding.encoder import Encoder
from feedsmith.workshop.pictures import Pictures
from feedsmith.workshop.workshop import Workshop
from small_brand import DEMO, brand, few_photos


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return brand(tmp_path_factory.mktemp("brand"))


OAK_WALK = Offer(text="Guided oak walk, 3 May, 12 EUR")
CANDLE = Brief(
    kind="product",
    offer=Offer(name="Cabin candle", price="18 EUR", was="22 EUR", call="Ask at the counter"),
    photo=str(DEMO / "products" / "cabin-candle.jpg"),
    shows=("candle",),
    credit="Nataniel Ruiz, CC BY 4.0",
)
ONE_OF_EACH = (
    Brief(kind="photo"), Brief(kind="quote"), Brief(kind="story"), Brief(kind="carousel"),
    Brief(kind="promo", offer=OAK_WALK), CANDLE, Brief(kind="collage"),
    Brief(kind="reel", headline="Look up."), Brief(kind="gif"),
)  # fmt: skip


@pytest.fixture(scope="session")
def week(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One post of each kind."""
    out = tmp_path_factory.mktemp("week")
    result = stage.generate(home, Settings(briefs=ONE_OF_EACH, seed=3), out=out)
    assert not result.failed
    return out


@pytest.fixture(scope="session")
def pair(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two posts of the usual mix."""
    out = tmp_path_factory.mktemp("pair")
    stage.generate(home, Settings(count=2, seed=3), out=out)
    return out


def posts_in(out: Path) -> list[Post]:
    return [Post.model_validate_json(p.read_bytes()) for p in sorted(out.glob("*/post.json"))]


def bytes_of(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_it_makes_every_kind_of_post(week: Path) -> None:
    assert {post.kind for post in posts_in(week)} == set(KINDS)


def test_every_picture_is_a_jpeg_that_instagram_takes_as_it_is(week: Path) -> None:
    for post in posts_in(week):
        for medium in post.media:
            path = week / post.id / (medium.cover or medium.file)
            assert path.stat().st_size <= rules.IMAGE_BYTES_MAX
            with Image.open(path) as image:
                assert image.format == "JPEG"
                assert image.mode == "RGB"
                assert image.size == (medium.width, medium.height) == rules.FORMATS[post.format][1:]
                assert not image.getexif()


def test_every_film_is_an_mp4_that_instagram_takes_as_it_is(week: Path) -> None:
    films = [(post, medium) for post in posts_in(week) for medium in post.media if medium.cover]
    assert {post.kind for post, _ in films} == {"reel", "gif"}
    for post, medium in films:
        assert not encode.problems(week / post.id / medium.file, "reel")
        assert medium.duration >= rules.FILMS["reel"].seconds_min


def test_a_loop_is_there_as_a_gif_too(week: Path) -> None:
    (loop,) = (post for post in posts_in(week) if post.kind == "gif")
    with Image.open(week / loop.id / loop.media[0].also[0]) as image:
        assert image.format == "GIF"
        assert image.info["loop"] == 0
        assert image.n_frames > 8


def test_every_file_says_where_it_comes_from(week: Path, home: Home) -> None:
    brand = home.load().name
    for post in posts_in(week):
        for file in (file for medium in post.media for file in medium.files):
            stamp = provenance.read(week / post.id / file)
            assert stamp is not None
            assert stamp.creator == brand
            assert stamp.source_type in {code for code, _ in provenance.HOW.values()}
            assert stamp.label
            assert set(stamp.credits) <= set(post.credits)
        assert post.source_type in {code for code, _ in provenance.HOW.values()}


def test_every_post_says_what_it_was_made_of(week: Path, home: Home) -> None:
    known = {photo.id for photo in Library(home.library).photos()}
    for post in posts_in(week):
        assert post.sources
        assert post.kind == "product" or set(post.sources) <= known
        assert post.credits, "the demo photos all have credits"
        assert post.models["images"].startswith("remix")
        assert post.originality.nearest in (*known, *post.sources)
        assert post.alt_text
        assert post.caption


def test_a_product_is_cut_out_and_keeps_its_price(week: Path) -> None:
    (product,) = (post for post in posts_in(week) if post.kind == "product")
    (medium,) = product.media
    assert medium.method == "cutout"
    assert {"Cabin candle", "18 EUR", "22 EUR"} <= set(medium.text)
    for fact in ("Cabin candle", "18 EUR", "22 EUR", "Ask at the counter"):
        assert fact in product.caption
    assert product.originality.label == "edited photo"
    assert [credit.text for credit in product.credits] == ["Nataniel Ruiz, CC BY 4.0"]


def test_words_given_for_a_post_are_set_as_they_are(week: Path) -> None:
    (reel,) = (post for post in posts_in(week) if post.kind == "reel")
    assert reel.media[0].text[0] == "Look up."


def test_a_collage_shows_several_photos(week: Path) -> None:
    (collage,) = (post for post in posts_in(week) if post.kind == "collage")
    assert len(collage.sources) >= 2


def test_a_caption_is_ready_to_paste(week: Path) -> None:
    for post in posts_in(week):
        pasted = (week / post.id / "caption.txt").read_text("utf-8")
        assert pasted.startswith(post.caption)
        assert "#" not in post.caption
        assert pasted.strip().endswith(" ".join(f"#{tag}" for tag in post.hashtags))
        assert len(post.hashtags) <= rules.HASHTAGS_DEFAULT
        assert len(post.hashtag_reasons) == len(post.hashtags)
        assert not rules.violations(post.caption, post.hashtags, [post.alt_text])


def test_an_offer_is_kept_word_for_word(week: Path) -> None:
    (promo,) = (post for post in posts_in(week) if post.kind == "promo")
    assert OAK_WALK.text in promo.caption
    assert OAK_WALK.text in promo.media[0].text


def test_a_carousel_has_one_ratio_and_at_least_two_slides(week: Path) -> None:
    (carousel,) = (post for post in posts_in(week) if post.kind == "carousel")
    assert rules.CAROUSEL_MIN <= len(carousel.media) <= rules.CAROUSEL_MAX
    assert len({(medium.width, medium.height) for medium in carousel.media}) == 1


def test_the_contact_sheet_shows_every_post(week: Path) -> None:
    page = (week / "index.html").read_text("utf-8")
    for post in posts_in(week):
        assert post.id in page


def test_the_same_seed_gives_the_same_bytes(pair: Path, home: Home, tmp_path: Path) -> None:
    stage.generate(home, Settings(count=2, seed=3), out=tmp_path / "again")
    again, first = bytes_of(tmp_path / "again"), bytes_of(pair)
    assert len([name for name in again if name.startswith(("01-", "02-"))]) >= 6
    assert again == first


def test_a_second_run_on_the_same_output_changes_nothing(week: Path, home: Home) -> None:
    before = bytes_of(week)
    result = stage.generate(home, Settings(briefs=ONE_OF_EACH, seed=3), out=week)
    assert result.made == 0
    assert bytes_of(week) == before


def test_without_a_seed_the_next_unused_one_is_taken(week: Path) -> None:
    assert Folder(week).next_seed("", "", "") == 4


def test_a_stopped_run_without_a_seed_is_taken_up_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    stopped = Run(key="a", seed=5, count=7, auto=True)
    folder.save(stopped)
    assert folder.next_seed("", "", "") == 5
    assert folder.next_seed("story", "", "") == 6
    folder.save(stopped.model_copy(update={"finished": True}))
    assert folder.next_seed("", "", "") == 6


def test_runs_without_a_seed_do_not_repeat_each_other(home: Home, tmp_path: Path) -> None:
    for _ in range(2):
        stage.generate(home, Settings(count=1, kind="photo"), out=tmp_path)
    first, second = posts_in(tmp_path)
    assert not set(first.sources) & set(second.sources)
    assert first.caption != second.caption
    said = [[*run.said.values()][-1] for run in Folder(tmp_path).runs()]
    assert said[1][:1] == said[0]  # what the second one remembers begins with the first
    assert len(said[1]) == 2


def test_a_killed_run_goes_on_where_it_stopped(pair: Path, home: Home, tmp_path: Path) -> None:
    out = tmp_path / "posts"
    command = [
        sys.executable, "-c", "from feedsmith.cli import main; main()", "generate",
        str(home.root), "--count", "2", "--seed", "3", "--out", str(out),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600  # for a broken program; a busy machine takes its time
    while not list(out.glob("01-*/post.json")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    result = stage.generate(home, Settings(count=2, seed=3), out=out)
    assert result.made in (1, 2)  # 2: killed before the first post was entered in runs.json
    assert bytes_of(out) == bytes_of(pair)


def test_ctrl_c_keeps_what_is_finished_and_says_so(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "posts"
    command = [
        sys.executable, "-c", "from feedsmith.cli import main; main()", "generate",
        str(home.root), "--count", "5", "--seed", "3", "--out", str(out),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 600  # for a broken program; a busy machine takes its time
    while not list(out.glob("01-*/post.json")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "same command" in said
    assert "Traceback" not in said
    assert posts_in(out)
    assert not list(out.rglob("*.part"))


def test_an_unknown_kind_is_one_clear_sentence(home: Home, tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match='perhaps you meant "story"') as raised:
        stage.generate(home, Settings(kind="storry"), out=tmp_path)
    assert "quote" in raised.value.mend


def test_a_theme_that_no_photo_has_is_said(home: Home, tmp_path: Path) -> None:
    settings = Settings(count=1, kind="photo", seed=2, theme="submarine")
    assert any("submarine" in note for note in stage.generate(home, settings, out=tmp_path).notes)


@pytest.mark.parametrize("content", ["5", "{}", "[", '[{"key": 1}]'])
def test_a_damaged_list_of_runs_is_said_and_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "runs.json").write_text(content, "utf-8")
    with pytest.raises(FeedsmithError, match=r"runs\.json"):
        Folder(tmp_path).runs()


def test_feed_posts_may_be_square(home: Home, tmp_path: Path) -> None:
    result = stage.generate(
        home, Settings(count=1, kind="quote", seed=2, format="square"), out=tmp_path
    )
    (medium,) = result.posts[0].media
    assert (medium.width, medium.height) == (1080, 1080)
    assert {order.format.name for order in orders(Settings(count=7, format="square"), 1)} == {
        "square", "portrait", "story",
    }  # fmt: skip
    with pytest.raises(FeedsmithError, match="not a format"):
        orders(Settings(format="round"), 1)


def test_a_post_that_cannot_be_made_is_named_and_the_others_are_made(
    home: Home, tmp_path: Path
) -> None:
    gone = CANDLE.model_copy(update={"photo": "nowhere.jpg", "where": "products.csv, row 3"})
    result = stage.generate(home, Settings(briefs=(gone, CANDLE), seed=1), out=tmp_path)
    assert [post.kind for post in result.posts] == ["product"]
    (failure,) = result.failed
    assert failure.startswith("products.csv, row 3: ")
    assert "nowhere.jpg" in failure


def test_a_promo_without_an_offer_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="needs its offer"):
        stage.generate(home, Settings(kind="promo"), out=tmp_path)


def test_an_unknown_image_model_names_those_there_are(home: Home, tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError) as raised:
        stage.generate(home, Settings(images="dreams"), out=tmp_path)
    assert "remix" in raised.value.mend


def test_an_empty_library_says_how_to_fill_it(tmp_path: Path) -> None:
    place = Home(tmp_path)
    shutil.copy(DEMO / "brand.toml", place.brand_file)
    with pytest.raises(FeedsmithError, match="library is empty") as raised:
        stage.generate(place, Settings(count=1, seed=1))
    assert "feedsmith import" in raised.value.mend


def test_one_photo_without_a_word_still_makes_a_post(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No caption anywhere and no language model: the niche from brand.toml carries the words."""
    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "none"))
    place = Home(tmp_path / "brand")
    place.root.mkdir()
    place.brand_file.write_text(
        'name = "Ash & Oak"\nniche = "hiking & outdoor store"\nsubjects = ["forest paths"]\n',
        "utf-8",
    )
    place.create(place.load())
    import_into(Library(place.library), [few_photos(tmp_path / "photos", ("191-anona",))])
    result = stage.generate(place, Settings(count=1, seed=1))
    (post,) = result.posts
    assert post.caption
    assert "captions" not in post.models
    assert any("language model" in note for note in result.notes)


def test_a_run_leaves_no_workshop_behind_in_memory(home: Home, tmp_path: Path) -> None:
    """36 MB each: a process that makes run after run grew until Python looked for cycles."""
    gc.collect()
    gc.disable()
    try:
        stage.generate(home, Settings(count=1, kind="quote", seed=5), out=tmp_path, page=False)
        kinds = (Workshop, Pictures, Known, Gate, Encoder)
        assert not [thing for thing in gc.get_objects() if type(thing) in kinds]
    finally:
        gc.enable()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount a tiny disk"
)
def test_a_full_disk_ends_the_run_with_one_sentence_and_keeps_what_was_there(
    home: Home, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(FeedsmithError, match="disk is full"):
            stage.generate(home, Settings(count=1, seed=3), out=disk)
        assert not list(disk.rglob("*.part"))
        assert not list(disk.rglob("post.json"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_longer_run_begins_with_the_same_posts() -> None:
    short = orders(Settings(count=3), 7)
    assert orders(Settings(count=9), 7)[:3] == short
