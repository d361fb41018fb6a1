"""The image model `gan` on a small real library, with a real if tiny generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import small_generators
from feedsmith import provenance, rules
from feedsmith.colour import Bytes
from feedsmith.errors import FeedsmithError
from feedsmith.images.api import NoPicture, Picture, PictureBrief
from feedsmith.images.gan import detail, exported, model
from feedsmith.images.gan.model import Gan
from feedsmith.images.known import theme_words
from feedsmith.library import Library, import_into
from feedsmith.understanding import traits as understanding
from feedsmith.understanding.traits import Traits
from pictures import landscape, leaves

SMALL = rules.Format("portrait", 96, 120)
SIZE, DEEP = 32, 6
MADE = {
    "hills.png": landscape(480, 640, seed=2),
    "dunes.png": landscape(480, 640, seed=6, sky=0.6),
    "leaves.png": leaves(480, 640, seed=3),
    "moss.png": leaves(480, 640, seed=5),
}
WORDS = {
    "hills.png": ("hills", "grass"),
    "dunes.png": ("hills", "valley"),
    "leaves.png": ("leaves", "green"),
    "moss.png": ("leaves", "moss"),
}


@dataclass(frozen=True)
class Brand:
    library: Library
    traits: dict[str, Traits]

    @property
    def home(self) -> Path:
        return self.library.root.parent

    def id(self, name: str) -> str:
        return next(photo.id for photo in self.library.photos() if photo.name == name)


def _brand(root: Path, **more: object) -> Brand:
    (root / "in").mkdir(parents=True)
    for name, rgb in MADE.items():
        Image.fromarray(rgb).save(root / "in" / name)
    library = Library(root / "library")
    import_into(library, [root / "in"], keep_all=True)
    found = understanding.ensure(library)
    known = {
        photo.id: found[photo.id].model_copy(
            update={
                "faces": (), "groups": {}, "sharpness": 0.5,
                "words": tuple(_word(word) for word in WORDS[photo.name]),
            } | more
        )
        for photo in library.photos()
    }  # fmt: skip
    return Brand(library, known)


def _word(word: str) -> understanding.Word:
    return understanding.Word(word=word, origin="caption", weight=1.0, kind="plant")


def _drawn_after(seeds: Sequence[int]) -> list[Bytes]:
    """Photos of the same kind as the library's, none of them in it."""
    return [landscape(96, 96, seed=k, sky=0.3 + 0.03 * k) for k in seeds] + [
        leaves(96, 96, seed=k) for k in seeds
    ]


@pytest.fixture(scope="module")
def brand(tmp_path_factory: pytest.TempPathFactory) -> Brand:
    brand = _brand(tmp_path_factory.mktemp("brand"))
    small_generators.export(
        brand.home / "models" / "images", _drawn_after(range(20, 29)), SIZE, DEEP
    )
    return brand


def _make(brand: Brand, seed: int = 1, wanted: rules.Format = SMALL, **more: object) -> Picture:
    brief = PictureBrief(wanted, seed=seed, **more)  # type: ignore[arg-type]
    return Gan().make(brief, brand.library, brand.traits)


@pytest.fixture(scope="module")
def picture(brand: Brand) -> Picture:
    return _make(brand, 1)


def test_a_drawing_becomes_a_picture_of_the_format(picture: Picture) -> None:
    assert picture.rgb.shape == (120, 96, 3)
    assert picture.rgb.dtype == np.uint8
    assert picture.method == "gan"
    assert picture.originality.label == "new"
    assert picture.originality.copied_area < 0.3


def test_the_photo_that_lent_the_detail_is_named_first(brand: Brand, picture: Picture) -> None:
    name = brand.library.photo(picture.sources[0]).name
    assert picture.note == f"drawn by your generator, with the detail of your photo {name}"
    assert set(picture.sources) <= set(brand.traits)
    assert len(picture.sources) == len(set(picture.sources))


def test_it_shows_what_its_neighbours_show(brand: Brand, picture: Picture) -> None:
    exemplar = brand.traits[picture.sources[0]].keywords
    assert set(picture.shows) <= {word for one in WORDS.values() for word in one}
    assert set(picture.shows) & set(exemplar)
    told = [set(brand.traits[photo].keywords) for photo in picture.words_from]
    assert told
    assert all(words & set(picture.shows) for words in told)


def test_the_same_brief_gives_the_same_bytes(brand: Brand, picture: Picture) -> None:
    again = _make(brand, 1)
    assert again.rgb.tobytes() == picture.rgb.tobytes()
    assert (again.sources, again.originality) == (picture.sources, picture.originality)
    assert again.shows == picture.shows


def test_another_seed_draws_something_else_and_may_take_only_some_photos(
    brand: Brand, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detail, "ACCEPT", 99.0)
    only = next(i for i in brand.traits if i != picture.sources[0])
    other = _make(brand, 2, among=frozenset((only,)))
    assert other.sources[0] == only
    assert other.rgb.tobytes() != picture.rgb.tobytes()


def test_a_story_is_as_tall_as_one(brand: Brand) -> None:
    assert _make(brand, 1, rules.Format("story", 96, 170)).rgb.shape == (170, 96, 3)


def test_a_theme_chooses_among_the_drawings(brand: Brand) -> None:
    gan = Gan()
    gan.prepare(brand.library)
    known = gan._knowledge(brand.library, brand.traits)

    def share(theme: str) -> float:
        first = gan._ranked(PictureBrief(SMALL, theme, seed=3), known)[:8]
        return float(np.mean([theme_words("moss", known.traits[i]) for d in first for i in d.near]))

    assert share("moss") > share("")


def test_a_photo_learned_by_heart_is_left_out(tmp_path: Path) -> None:
    """A generator that gives one library photo, blurred, brighter, mirrored, and nothing else."""
    brand = _brand(tmp_path)
    photo = small_generators.squares([MADE["hills.png"]], SIZE)[0][:, ::-1]
    soft = Image.fromarray(np.ascontiguousarray(photo)).filter(ImageFilter.GaussianBlur(0.7))
    mean = np.clip(np.asarray(soft, np.float32) * 1.1, 0, 255) / 127.5 - 1
    onnx = small_generators.network(
        np.zeros((DEEP, 3 * SIZE * SIZE)), mean.transpose(2, 0, 1).ravel(), SIZE
    )
    small_generators.write(brand.home / "models" / "images", onnx, SIZE, DEEP)
    with pytest.raises(NoPicture, match="learned by heart") as error:
        _make(brand)
    assert "more photos" in error.value.mend


def test_other_photos_of_the_same_kind_are_not_taken_for_copies(brand: Brand) -> None:
    heart = model._Heart(Gan()._knowledge(brand.library, brand.traits))
    for name, rgb in MADE.items():
        square = small_generators.squares([rgb], SIZE)[0]
        nearest, alike = heart.nearest(square)
        assert nearest == brand.id(name)
        assert alike > model.BY_HEART
    others = [heart.nearest(s)[1] for s in small_generators.squares([leaves(96, 96, 40)], SIZE)]
    assert max(others) < model.BY_HEART


def test_without_a_generator_one_line_says_how_to_train_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exported, "STARTER", tmp_path / "none")
    gan, library = Gan(), Library(tmp_path / "brand" / "library")
    with pytest.raises(NoPicture, match="no generator of pictures has been trained") as error:
        gan.prepare(library)
    assert f"feedsmith train images {tmp_path / 'brand'}" in error.value.mend
    assert error.value.lasting
    assert gan.version == ""


def test_the_shipped_generator_learned_from_others_and_says_so(
    brand: Brand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _brand(tmp_path)
    monkeypatch.setattr(exported, "STARTER", brand.home / "models" / "images")
    picture = _make(other)
    assert picture.note.startswith("drawn by Feedsmith's own generator")
    assert len(picture.sources) == 1


def test_where_no_photo_can_lend_detail_it_says_which_could(brand: Brand) -> None:
    made = {"groups": {"building": 0.9}}
    built = {i: trait.model_copy(update=made) for i, trait in brand.traits.items()}
    with pytest.raises(NoPicture, match="of nature, not of people or things"):
        _make(Brand(brand.library, built))


def test_mush_is_not_shown_and_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confetti that no landscape can explain."""
    monkeypatch.setattr(model, "TRIED", 2)
    rng = np.random.default_rng(1)
    other = _brand(tmp_path)
    onnx = small_generators.network(
        rng.normal(0, 0.3, (DEEP, 3 * SIZE * SIZE)), rng.normal(0, 0.6, 3 * SIZE * SIZE), SIZE
    )
    small_generators.write(other.home / "models" / "images", onnx, SIZE, DEEP)
    with pytest.raises(NoPicture, match="no photo of the library fits it") as error:
        _make(other)
    assert f"{detail.ACCEPT} is the limit" in error.value.message
    assert not error.value.lasting


def test_a_walk_goes_round_among_small_pictures(brand: Brand) -> None:
    brief = PictureBrief(SMALL, seed=3)
    walked = Gan().walk(brief, brand.library, brand.traits, 40)
    steps = np.abs(np.diff(walked.frames.astype(int), axis=0)).mean((1, 2, 3))
    back = np.abs(walked.frames[-1].astype(int) - walked.frames[0]).mean()
    assert walked.frames.shape == (40, SIZE, round(SIZE * 0.8), 3)
    assert back < 2 * steps.max()
    assert steps.max() < 12
    assert walked.picture.rgb.shape == (120, 96, 3)
    assert walked.picture.method == "gan"
    assert walked.picture.sources
    assert "a dot for each pixel" in walked.picture.note


def test_the_record_names_the_generator(brand: Brand) -> None:
    gan = Gan()
    gan.prepare(brand.library)
    assert gan.version.startswith(f"principal components {SIZE} ")
    assert provenance.source_type([gan.name]) == "trainedAlgorithmicMedia"
    assert provenance.needs_ai_label(provenance.source_type([gan.name]))


def test_a_damaged_generator_is_told_before_anything_is_made(tmp_path: Path) -> None:
    brand = _brand(tmp_path)
    folder = brand.home / "models" / "images"
    small_generators.export(folder, _drawn_after((1, 2)), SIZE, DEEP)
    (folder / "generator.onnx").write_bytes(b"cut")
    with pytest.raises(FeedsmithError, match="is not the file"):
        Gan().prepare(brand.library)
