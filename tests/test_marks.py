"""Marks: what a person says of a photo holds in every stage that reads it."""

import threading
from pathlib import Path

import pytest

from feedsmith import marks
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.generate import Settings, generate
from feedsmith.library import Library
from feedsmith.post import Brief
from feedsmith.understanding import traits
from small_brand import brand


def shown(made) -> set[str]:  # type: ignore[no-untyped-def]
    """Ids of all photos that went into these posts."""
    return {i for post in made.posts for m in post.media for i in (*post.sources, *m.sources)}


def test_a_photo_marked_never_is_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "none"))  # captions choose no photo
    home = brand(tmp_path)
    settings = Settings(kind="photo", count=1, seed=3)
    used = shown(generate(home, settings, page=False))
    others = sorted({photo.id for photo in Library(home.library).photos()} - used)
    never = {*used, *others[:3]}
    marks.change(home.library, never, never=True)
    # Asked for again where it was made before the mark: nothing old stands in for it.
    again = generate(home, settings, page=False)
    assert again.made == 1
    assert shown(again)
    assert not shown(again) & never
    kinds = (Brief(kind="quote"), Brief(kind="carousel"))
    assert not shown(generate(home, Settings(briefs=kinds, seed=3), page=False)) & never


def test_a_photo_marked_never_cannot_be_asked_for_either(tmp_path: Path) -> None:
    home = brand(tmp_path)
    photo = Library(home.library).photos()[0]
    marks.change(home.library, [photo.id], never=True)
    for name in (photo.id, photo.name, Path(photo.name).stem):
        with pytest.raises(FeedsmithError, match="never to be used"):
            generate(home, Settings(kind="photo", count=1, photo=name), page=False)
    marks.change(home.library, [p.id for p in Library(home.library).photos()], never=True)
    with pytest.raises(FeedsmithError, match="every photo is marked"):
        generate(home, Settings(kind="photo", count=1), page=False)


def test_a_corrected_keyword_survives_every_reading(tmp_path: Path) -> None:
    home = brand(tmp_path)
    library = Library(home.library)
    photo = library.photos()[0]
    read = traits.ensure(library)[photo.id].keywords
    marks.change(home.library, [photo.id], keywords=("old lighthouse", "sea"))
    assert "old lighthouse" not in read
    for _ in range(2):
        assert traits.ensure(Library(home.library))[photo.id].keywords == ("old lighthouse", "sea")
    (home.library / "traits.jsonl").unlink()  # all is looked at anew
    found = traits.ensure(Library(home.library))[photo.id]
    assert found.keywords == ("old lighthouse", "sea")
    assert {word.origin for word in found.words} == {"person"}
    marks.change(home.library, [photo.id], keywords=None)
    assert traits.ensure(Library(home.library))[photo.id].keywords == read


def test_what_nobody_marked_leaves_no_trace(tmp_path: Path) -> None:
    assert marks.read(tmp_path) == {}
    assert marks.digest(tmp_path) == ""
    marks.change(tmp_path, ["a" * 16], favourite=True)
    assert marks.digest(tmp_path) == ""  # a favourite changes no post
    marks.change(tmp_path, ["a" * 16], never=True)
    assert marks.never(tmp_path) == {"a" * 16}
    assert marks.read(tmp_path)["a" * 16] == marks.Mark(favourite=True, never=True)
    marks.change(tmp_path, ["a" * 16], favourite=False, never=False)
    assert marks.read(tmp_path) == {}


def test_of_many_who_mark_at_once_all_are_heard(tmp_path: Path) -> None:
    ids = [f"{n:016x}" for n in range(24)]
    threads = [
        threading.Thread(target=marks.change, args=(tmp_path, [key]), kwargs={"never": True})
        for key in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert marks.never(tmp_path) == set(ids)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"photos": {"a": {"never": "perhaps"}}}', '{"photos": 1}']
)
def test_a_damaged_file_stops_the_stages_instead_of_being_forgotten(
    tmp_path: Path, text: str
) -> None:
    write_text(tmp_path / marks.NAME, text)
    with pytest.raises(FeedsmithError, match=r"marks\.json: cannot be read"):
        marks.never(tmp_path)


def test_keywords_are_read_as_people_list_them() -> None:
    assert marks.keywords(" Old  lighthouse, sea\nsea, , Fog ") == ("old lighthouse", "sea", "fog")
    assert marks.keywords("") == ()
    for text in (",".join(f"w{n}" for n in range(13)), "x" * 61):
        with pytest.raises(FeedsmithError, match="at most 12 keywords"):
            marks.keywords(text)
