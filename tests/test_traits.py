import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.library import Library, import_into
from feedsmith.understanding import traits
from feedsmith.understanding.networks import WEIGHTS

PHOTOS = Path(__file__).parent / "fixtures" / "formats" / "photos"
DEMO = Path(__file__).parents[1] / "demo" / "tall-tree-outfitters-export.zip"
CAPTIONS = {
    "duck": "A rubber duck on the pavement. #rubberduck #bathtime",
    "leaves": "Leaves in the wind. #greenleaves",
    "sneaker": "",
}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos with captions beside them, imported and looked at."""
    source = tmp_path_factory.mktemp("source")
    for name, caption in CAPTIONS.items():
        (source / f"{name}.jpg").write_bytes((PHOTOS / f"{name}.jpg").read_bytes())
        (source / f"{name}.txt").write_text(caption, "utf-8")
    root = tmp_path_factory.mktemp("brand") / "library"
    import_into(Library(root), [source])
    traits.ensure(Library(root), workers=1)
    return root


@pytest.fixture
def library(stocked: Path, tmp_path: Path) -> Library:
    import shutil

    shutil.copytree(stocked, tmp_path / "library")
    return Library(tmp_path / "library")


def by_name(library: Library) -> dict[str, traits.Traits]:
    found = traits.ensure(library)
    return {library.photo(key).name: value for key, value in found.items()}


def test_it_knows_each_photo_by_its_words_and_its_look(library: Library) -> None:
    found = by_name(library)
    assert "rubber duck" in found["duck.jpg"].keywords
    assert found["sneaker.jpg"].tags[0][0] == "sneaker"
    assert found["sneaker.jpg"].keywords == ("sneaker",)
    assert found["sneaker.jpg"].words[0].origin == "network"
    assert not any(t.synthesisable for t in found.values())
    assert found["duck.jpg"].subject is not None


def test_it_keeps_features_and_maps_for_others(library: Library) -> None:
    found = traits.ensure(library)
    vectors = traits.embeddings(library)
    assert list(vectors) == list(found)
    for key, vector in vectors.items():
        assert np.isclose(np.linalg.norm(vector), 1, atol=2e-3)
        salient = traits.saliency(library, key)
        assert salient is not None
        assert max(salient.shape) == 320


def test_features_can_stay_in_their_file(library: Library) -> None:
    assert traits.features(Library(library.root / "nothing"))[1].shape == (0, 1280)
    ids, rows = traits.features(library)
    whole = traits.embeddings(library)
    assert ids == list(whole)
    assert np.array_equal(rows.astype(np.float32), np.stack(list(whole.values())))
    assert list(traits.each(library)) == traits.read(library)


def test_it_looks_at_nothing_twice(library: Library) -> None:
    told: list[str] = []
    before = (library.root / "traits.jsonl").stat().st_mtime_ns
    traits.ensure(library, report=lambda stage, done, total, note="": told.append(note))
    assert told == []
    assert (library.root / "traits.jsonl").stat().st_mtime_ns == before


def test_it_gives_the_same_bytes_with_any_number_of_threads(library: Library) -> None:
    one = (
        (library.root / "traits.jsonl").read_bytes(),
        (library.root / "embeddings.npy").read_bytes(),
    )
    for name in ("traits.jsonl", "embeddings.npy"):
        (library.root / name).unlink()
    traits.ensure(library, workers=3)
    two = (
        (library.root / "traits.jsonl").read_bytes(),
        (library.root / "embeddings.npy").read_bytes(),
    )
    assert one == two


def test_it_goes_on_where_a_stopped_run_left_off(library: Library) -> None:
    lines = (library.root / "traits.jsonl").read_text("utf-8").splitlines()
    (library.root / "traits.jsonl").write_text(lines[0] + "\n{half a li", "utf-8")
    told: list[str] = []
    found = traits.ensure(library, report=lambda stage, done, total, note="": told.append(note))
    assert len(found) == 3
    assert len(told) == 2


def test_it_keeps_what_was_done_when_it_is_interrupted(library: Library) -> None:
    (library.root / "traits.jsonl").unlink()

    def interrupted(stage: str, done: int, total: int, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        traits.ensure(library, report=interrupted, workers=1)
    assert len(traits.read(library)) == 1
    assert len(traits.ensure(library)) == 3


def test_it_leaves_out_one_damaged_photo_and_says_so(library: Library) -> None:
    photo = library.photos()[0]
    library.path(photo).write_bytes(b"\xff\xd8 not a jpeg")
    (library.root / "traits.jsonl").unlink()
    told: list[str] = []
    found = traits.ensure(library, report=lambda stage, done, total, note="": told.append(note))
    assert photo.id not in found
    assert len(found) == 2
    assert any(note.startswith("left out") for note in told)


def test_it_does_without_any_network(library: Library, tmp_path: Path) -> None:
    import shutil

    (library.root / "traits.jsonl").unlink()
    (library.root / "embeddings.npy").unlink()
    bare = tmp_path / "weights"
    bare.mkdir()
    shutil.copy(WEIGHTS / "lexicon.txt.gz", bare)
    found = traits.ensure(library, weights=bare)
    assert len(found) == 3
    for each in found.values():
        assert each.missing == ("encoder", "saliency", "faces")
        assert each.suits == "none"
        assert each.palette
    assert any("rubber duck" in each.keywords for each in found.values())
    assert traits.embeddings(library) == {}
    again = traits.ensure(library)
    assert all(not each.missing for each in again.values())


def test_it_takes_an_empty_library(tmp_path: Path) -> None:
    assert traits.ensure(Library(tmp_path / "library")) == {}


def _demo(*names: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(DEMO) as archive:
        for entry in archive.namelist():
            if any(name in entry for name in names):
                yield Path(entry).stem, archive.read(entry)


def test_it_knows_landscapes_and_foliage_from_birds_and_barns() -> None:
    wanted = {
        "146-aitzgorri": "rows", "167-canyon": "rows", "184-rippled": "noise", "007-black": "noise",
        "157-osprey": "", "190-barn": "", "164-old-dead-tree": "", "161-canyon-wren": "",
    }  # fmt: skip
    with traits._Eye(WEIGHTS) as eye:
        for name, data in _demo(*wanted):
            image = Image.open(io.BytesIO(data)).convert("RGB")
            image.thumbnail((640, 640))
            suits = eye.look(np.asarray(image)).rest["suits"]
            want = next(value for key, value in wanted.items() if key in name)
            assert suits == want if want else suits not in ("rows", "noise"), name
