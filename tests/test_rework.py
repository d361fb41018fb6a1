"""Rework: a finished post with one thing changed, on real posts of a few real photos."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith import facts, generate, marks, provenance
from feedsmith import rework as stage
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError
from feedsmith.generate import Settings
from feedsmith.library import Library
from feedsmith.post import Brief, Crop, Offer, Post
from feedsmith.rework import Change, rework
from feedsmith.runs import Folder

WALK = Offer(text="Guided oak walk, 3 May, 12 EUR")


@pytest.fixture(scope="module")
def home(trees: Home) -> Home:
    return trees


@pytest.fixture(scope="module")
def posts(home: Home) -> dict[str, Post]:
    place = Folder(home.posts)
    return {post.kind: post for run in place.runs() for post in place.posts(run)}


def part(home: Home, post: Post, zoom: float, x: float = 0.0, y: float = 0.0) -> Crop:
    """A frame of the picture's shape, `zoom` times smaller than the largest; not beyond what may be
    enlarged, where `zoom` asks for little."""
    shot = post.making.shots[0]
    wide, high = stage.base_size(shot, home, home.posts / post.id)
    ratio = shot.width / shot.height
    if zoom < 2 and shot.method != "layout":
        zoom = max(1.0, min(zoom, min(1.0, high * ratio / wide) * wide * 1.5 / shot.width))
    width, height = min(1.0, high * ratio / wide) / zoom, min(1.0, wide / ratio / high) / zoom
    return Crop(x=x * (1 - width), y=y * (1 - height), width=width, height=height)


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((60, 75)), np.float32)


def test_a_cut_shows_the_part_that_was_chosen_at_the_size_of_the_format(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post, before = posts["photo"], bytes_of(home.posts / posts["photo"].id)
    chosen = part(home, post, 1.25, 1.0, 1.0)
    made = rework(home, post, Change(crop=chosen), name="cut", out=tmp_path).post
    assert bytes_of(home.posts / post.id) == before, "the old version stays as it is"
    with Image.open(tmp_path / "cut" / "01.jpg") as image:
        assert image.size == (1080, 1350)
    shot = post.making.shots[0]
    assert shot.is_of_a_photo
    photo = next(p for p in Library(home.library).photos() if p.id == shot.sources[0])
    whole = Image.fromarray(Library(home.library).rgb(photo, 1600))
    box = [chosen.x * whole.width, chosen.y * whole.height]
    box += [box[0] + chosen.width * whole.width, box[1] + chosen.height * whole.height]
    wanted = np.asarray(whole.convert("RGB").resize((60, 75), box=tuple(box)), np.float32)
    found = pixels(tmp_path / "cut" / "01.jpg")
    assert np.corrcoef(wanted.ravel(), found.ravel())[0, 1] > 0.97, "that part, graded at most"
    assert (made.version_of, made.caption, made.making.shots[0].crop) == (
        post.id,
        post.caption,
        chosen,
    )


def test_what_was_cut_carries_its_provenance_and_passed_the_gate_anew(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post = posts["photo"]
    chosen = part(home, post, 1.3)
    made = rework(home, post, Change(crop=chosen), name="cut", out=tmp_path).post
    stamp = provenance.read(tmp_path / "cut" / "01.jpg")
    assert stamp is not None
    assert stamp.creator == home.load().name
    assert set(stamp.credits) == set(made.credits) == set(post.credits)
    assert stamp.source_type == made.source_type
    assert made.originality != post.originality, "measured on what it shows now"
    assert made.originality.label == "edited photo"
    assert made.originality.nearest == made.sources[0]


def test_a_cut_can_be_widened_again_to_where_it_began(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post = posts["quote"]
    near = rework(home, post, Change(crop=part(home, post, 1.4)), name="near", out=tmp_path).post
    whole = part(home, post, 1.0)
    wide = rework(home, near, Change(crop=whole), name="wide", root=tmp_path, out=tmp_path).post
    assert wide.version_of == post.id
    assert wide.making.shots[0].crop == whole
    assert (wide.media[0].template, wide.media[0].text) == (
        post.media[0].template,
        post.media[0].text,
    )


def test_the_same_version_asked_for_again_has_the_same_bytes(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    change = Change(crop=part(home, posts["quote"], 1.2))
    for place in ("one", "two"):
        rework(home, posts["quote"], change, name="again", out=tmp_path / place)
    assert bytes_of(tmp_path / "one" / "again") == bytes_of(tmp_path / "two" / "again")


@pytest.mark.parametrize(
    ("crop", "said"),
    [
        (Crop(x=0.4, y=0.4, width=0.1, height=0.1), "has not the shape"),
        (Crop(x=0.9, y=0.0, width=0.5, height=0.5), "goes beyond the picture"),
    ],
)
def test_a_cut_of_another_shape_or_beyond_the_edge_is_refused(
    home: Home, posts: dict[str, Post], tmp_path: Path, crop: Crop, said: str
) -> None:
    shot = posts["quote"].making.shots[0]
    shape = shot.model_copy(update={"width": 1000, "height": 333})  # no photo here has this shape
    making = posts["quote"].making.model_copy(update={"shots": (shape,)})
    post = posts["quote"].model_copy(update={"making": making})
    with pytest.raises(FeedsmithError, match=said):
        rework(home, post, Change(crop=crop), name="x", out=tmp_path)
    assert not list(tmp_path.glob("x/*"))


def test_a_part_that_would_look_soft_is_refused_with_the_limit_in_words(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post = posts["photo"]
    with pytest.raises(FeedsmithError) as refused:
        rework(home, post, Change(crop=part(home, post, 12.0)), name="x", out=tmp_path)
    assert "more than 1.5 times looks soft" in refused.value.message
    assert "720 x 900" in refused.value.mend


def test_another_template_keeps_picture_and_words(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post, seen = posts["quote"], []
    options = stage.offer_layouts(home, post, shown=seen.append)
    assert [(layout.template, layout.scheme) for layout in seen] == options
    assert sum(layout.now for layout in seen) == 1, "the one that it has is among them"
    assert len({name for name, _ in options}) > 1
    name, look = next(pair for pair in options if pair[0] != post.media[0].template)
    change = Change(template=name, scheme=look)
    made = rework(home, post, change, name="other", out=tmp_path).post
    assert (made.media[0].template, made.media[0].scheme) == (name, look)
    assert made.making.words == post.making.words
    assert set(made.media[0].text) & set(post.media[0].text)
    assert made.sources == post.sources
    assert (
        bytes_of(tmp_path / "other")["shot-1.jpg"] == bytes_of(home.posts / post.id)["shot-1.jpg"]
    )


def test_a_template_that_does_not_take_the_post_is_refused_with_those_that_do(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    with pytest.raises(FeedsmithError) as refused:
        rework(home, posts["quote"], Change(template="promo-ticket"), name="x", out=tmp_path)
    assert "quote-card" in refused.value.mend
    with pytest.raises(FeedsmithError, match="no words on its picture"):
        rework(home, posts["photo"], Change(template="quote-card"), name="x", out=tmp_path)


def test_another_photo_keeps_the_words_and_is_told_anew(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post = posts["quote"]
    other = next(p for p in Library(home.library).photos() if p.id not in post.sources)
    made = rework(home, post, Change(photo=other.id), name="swapped", out=tmp_path).post
    assert made.sources == (other.id,)
    assert made.making.words == post.making.words
    assert made.media[0].alt_text != post.media[0].alt_text
    assert other.credit is None or other.credit in made.credits
    assert made.originality.nearest == other.id


def test_a_photo_that_must_never_be_used_is_refused(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post = posts["quote"]
    other = next(p for p in Library(home.library).photos() if p.id not in post.sources)
    marks.change(home.library, [other.id], never=True)
    try:
        with pytest.raises(FeedsmithError, match="never to be used"):
            rework(home, post, Change(photo=other.id), name="x", out=tmp_path)
        with pytest.raises(FeedsmithError, match="is no photo of this library"):
            rework(home, post, Change(photo="/etc/passwd"), name="x", out=tmp_path)
    finally:
        marks.change(home.library, [other.id], never=False)


def test_where_a_photo_is_shown_as_it_is_another_picture_of_it_is_refused_in_words(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    with pytest.raises(FeedsmithError, match="no other picture can be made") as refused:
        rework(home, posts["photo"], Change(again=True), name="x", out=tmp_path)
    assert "another photo" in refused.value.mend
    assert not (tmp_path / "x" / "post.json").exists()


def test_other_words_keep_the_offer_word_for_word(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    post = posts["promo"]
    found = stage.offer_words(home, post)
    assert len({words.caption for words in found}) == stage.CANDIDATES
    assert post.caption not in {words.caption for words in found}
    brand = home.load()
    for words in found:
        assert WALK.text in words.caption
        said = [words.caption, *post.media[0].text]
        assert not facts.kept(WALK, said, [brand.name, f"@{brand.handle}"])
    made = rework(home, post, Change(words=found[0]), name="said", out=tmp_path).post
    assert made.caption == found[0].caption
    assert WALK.text in " ".join(made.media[0].text)


def test_words_that_lose_the_offer_are_refused(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    lost = posts["promo"].making.words.model_copy(update={"caption": "A walk on 4 June, 30 EUR."})
    with pytest.raises(FeedsmithError, match="would not keep to its offer"):
        rework(home, posts["promo"], Change(words=lost), name="x", out=tmp_path)
    assert not (tmp_path / "x" / "post.json").exists()


def test_a_post_of_an_older_version_says_why_it_stays_as_it_is(
    home: Home, posts: dict[str, Post], tmp_path: Path
) -> None:
    old = posts["quote"].model_copy(update={"making": None})
    for change in (Change(again=True), Change(template="quote-card"), Change(crop=Crop())):
        with pytest.raises(FeedsmithError, match="older version of Feedsmith"):
            rework(home, old, change, name="x", out=tmp_path)


def test_a_product_that_is_cut_out_has_nothing_to_be_cut_to(posts: dict[str, Post]) -> None:
    media = posts["quote"].media[0]
    whole = posts["quote"].model_copy(update={"kind": "product"})
    free = whole.model_copy(update={"media": (media.model_copy(update={"method": "cutout"}),)})
    assert whole.fixed("crop") == ""
    assert "cut out" in free.fixed("crop")
    assert free.fixed("template") == ""


def test_one_thing_is_changed_at_a_time(home: Home, posts: dict[str, Post], tmp_path: Path) -> None:
    for change in (Change(), Change(again=True, template="quote-card")):
        with pytest.raises(FeedsmithError, match="one thing"):
            rework(home, posts["quote"], change, name="x", out=tmp_path)


def test_a_run_that_goes_on_keeps_its_finished_posts_though_the_library_was_marked_in_between(
    home: Home, tmp_path: Path
) -> None:
    """A kill after the first of two posts, then a mark and another line in brand.toml: the first stands,
    the second is made, and neither twice."""
    place = Home(tmp_path / "brand")
    shutil.copytree(home.root, place.root, ignore=shutil.ignore_patterns("posts"))
    keys: list[str] = []

    class Killed(BaseException):
        pass

    def kill(post: Post) -> None:
        raise Killed

    settings = Settings(count=2, kind="quote", seed=5, apart=True)
    with pytest.raises(Killed):
        generate.generate(place, settings, finished=kill, began=keys.append, page=False)
    (first,) = (path for path in place.posts.iterdir() if path.is_dir())
    before = bytes_of(first)
    used = Folder(place.posts).post(first.name).sources
    other = next(p for p in Library(place.library).photos() if p.id not in used)
    marks.change(place.library, [other.id], never=True)
    text = place.brand_file.read_text("utf-8")
    place.brand_file.write_text(text.replace('voice = "', 'voice = "playful" # "', 1), "utf-8")
    told = generate.generate(
        place, settings, began=keys.append, resume=keys[0], page=False
    )  # fmt: skip
    assert keys == [keys[0]] * 2
    assert (len(told.posts), told.made) == (2, 1)
    assert bytes_of(first) == before
    assert len([path for path in place.posts.iterdir() if path.is_dir()]) == 2
    assert all(other.id not in post.sources for post in told.posts)


def test_a_post_that_was_whole_when_the_kill_came_stands_too(home: Home, tmp_path: Path) -> None:
    """Between post.json and runs.json: the folder is whole, and the run does not know of it yet."""
    place = Home(tmp_path / "brand")
    shutil.copytree(home.root, place.root, ignore=shutil.ignore_patterns("posts"))
    keys: list[str] = []
    settings = Settings(count=1, kind="quote", seed=5, apart=True)
    generate.generate(place, settings, began=keys.append, page=False)
    Folder(place.posts).file.unlink()
    (only,) = (path for path in place.posts.iterdir() if path.is_dir())
    before = bytes_of(only)
    used = Folder(place.posts).post(only.name).sources
    marks.change(place.library, list(used), never=True)
    told = generate.generate(place, settings, resume=keys[0], page=False)
    assert told.made == 0
    assert bytes_of(only) == before
    assert [path.name for path in place.posts.iterdir() if path.is_dir()] == [only.name]


@pytest.mark.full
def test_a_reel_that_begins_with_a_walk_keeps_it_and_has_nothing_there_to_cut(
    home: Home, tmp_path: Path
) -> None:
    place = Home(tmp_path / "brand")
    shutil.copytree(home.root, place.root, ignore=shutil.ignore_patterns("posts"))
    reel = Brief(kind="reel")
    made = generate.generate(place, Settings(briefs=(reel,), seed=3, images="gan"), page=False)
    (post,) = made.posts
    folder = place.posts / post.id
    shot = post.making.shots[0]
    assert shot.method == "gan"
    assert shot.walk is not None
    assert (shot.walk.file, shot.walk.frames) == ("walk.webp", 120)
    assert "coloured dots in motion" in post.alt_text
    assert post.source_type == "compositeSynthetic"
    with pytest.raises(FeedsmithError, match="nothing to cut"):
        rework(place, post, Change(crop=Crop(x=0, y=0, width=1, height=1)), name="cut")
    words = post.making.words.model_copy(update={"headline": "Look down."})
    again = rework(place, post, Change(words=words), name="words", out=tmp_path).post
    assert (tmp_path / "words" / "walk.webp").read_bytes() == (folder / "walk.webp").read_bytes()
    assert again.making.shots[0] == shot
    assert "Look down." in again.media[0].text
    photo = Library(place.library).photos()[0].id
    still = rework(place, post, Change(photo=photo), name="still", out=tmp_path).post
    assert still.making.shots[0].walk is None
    assert not (tmp_path / "still" / "walk.webp").exists()
    data = bytearray((folder / "walk.webp").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "walk.webp").write_bytes(bytes(data))
    with pytest.raises(FeedsmithError, match=r"walk\.webp: a file of this post cannot be read"):
        rework(place, post, Change(words=words), name="again", out=tmp_path)
