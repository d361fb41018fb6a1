"""Backup and restore: a studio comes back as it was, or not at all."""

import hashlib
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import small_studio
from feedsmith.brand import Brand as BrandFile
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError
from feedsmith.publishing.attempt import Attempt
from feedsmith.studio.backup import LEFT_OUT, backup, restore
from feedsmith.studio.settings import Config


def feedsmith(*words: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", *words], capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A studio of two brands with posts and people, made by the commands a person types."""
    folder = tmp_path_factory.mktemp("studios")
    for name in ("oak", "elm"):
        home = Home(folder / name)
        home.create(BrandFile(name=name.title()))
        small_studio.post(home, f"01-photo-{name}00")
        (home.library / "photos").mkdir(parents=True, exist_ok=True)
        (home.library / "photos" / f"{name}.jpg").write_bytes(b"\xff\xd8" + name.encode())
        (home.root / "half.part").write_bytes(b"half")
    feedsmith("studio", "user", "add", "ana", str(folder / "oak"), str(folder / "elm"))
    (folder / "oak" / "studio" / "thumbnails").mkdir()
    (folder / "oak" / "studio" / "thumbnails" / "a.webp").write_bytes(b"made again")
    return folder / "oak"


def kept(root: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and path.suffix != ".part"
        and not any((name := path.relative_to(root).as_posix()).startswith(out) for out in LEFT_OUT)
    }


def rows(home: Path) -> list[str]:
    """The whole database in words, but for where brands are."""
    with closing(sqlite3.connect(home / "studio.db")) as database:
        return [line for line in database.iterdump() if 'INTO "studio_brand"' not in line]


def test_a_restored_studio_is_identical(studio: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    assert "Saved 2 brands" in feedsmith("backup", str(out), str(studio))
    assert out.stat().st_mode & 0o077 == 0
    feedsmith("restore", str(out), str(tmp_path / "back"))
    back = tmp_path / "back"
    assert sorted(path.name for path in back.iterdir()) == ["elm", "oak"]
    for name in ("oak", "elm"):
        assert kept(back / name) == kept(studio.parent / name)
    assert rows(back / "oak") == rows(studio)
    assert (back / "oak" / "studio" / "secret.key").stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(back / "oak" / "studio.db")) as database:
        roots = database.execute("SELECT slug, root FROM studio_brand ORDER BY id").fetchall()
    assert roots == [("oak", "."), ("elm", str(back / "elm"))]
    # It is not only the same bytes: it opens, and knows its people.
    assert "Their link" in feedsmith("studio", "user", "link", "ana", str(back / "oak"))


def test_what_was_on_its_way_is_asked_about_in_a_restored_studio_and_not_sent_again(
    studio: Path, tmp_path: Path
) -> None:
    home = tmp_path / "oak"
    feedsmith("backup", str(tmp_path / "a.zip"), str(studio))
    feedsmith("restore", str(tmp_path / "a.zip"), str(tmp_path / "first"))
    (tmp_path / "first" / "oak").rename(home)
    due = datetime(2027, 5, 3, 9, tzinfo=UTC)
    told = Attempt(post="1.3", account="17", due=due).now("publishing", container="9", calls=1)
    with closing(sqlite3.connect(home / "studio.db", isolation_level=None)) as database:
        columns = database.execute("PRAGMA table_info(studio_publication)").fetchall()
        row = {name: ("" if needed else None) for _, name, _, needed, _, _ in columns}
        row |= {"id": 1, "draft_id": 1, "version": 3, "over": 0, "step": told.step,
                "attempt": told.model_dump_json(), "repairs": "[]", "hosted": "[]"}  # fmt: skip
        names, places = ", ".join(row), ", ".join("?" * len(row))
        database.execute(
            f"INSERT INTO studio_publication ({names}) VALUES ({places})", [*row.values()]
        )
        database.execute("UPDATE studio_draft SET state = 'publishing' WHERE id = 1")
        database.execute("UPDATE studio_brand SET publishes_from = '2027-01-01 00:00:00'")
    feedsmith("backup", str(tmp_path / "b.zip"), str(home))
    feedsmith("restore", str(tmp_path / "b.zip"), str(tmp_path / "back"))
    with closing(sqlite3.connect(tmp_path / "back" / "oak" / "studio.db")) as database:
        ((over, attempt),) = database.execute("SELECT over, attempt FROM studio_publication")
        since = database.execute("SELECT publishes_from FROM studio_brand").fetchall()
        asks = database.execute("SELECT asks FROM studio_draft ORDER BY id").fetchall()
    now = Attempt.model_validate_json(attempt)
    assert over
    assert (now.step, now.why, now.container) == ("asking", "unknown", "9")
    assert "when this backup was made" in now.said
    assert "look at the profile" in now.mend
    assert since == [(None,), (None,)]
    assert asks[0] == ("unknown",)
    assert set(asks[1:]) == {("",)}


def test_a_studio_of_one_brand_comes_back_as_that_folder(tmp_path: Path) -> None:
    Home(tmp_path / "ash").create(BrandFile(name="Ash"))
    feedsmith("studio", "user", "add", "ana", str(tmp_path / "ash"))
    feedsmith("backup", str(tmp_path / "ash" / "out.zip"), str(tmp_path / "ash"))  # not in itself
    feedsmith("restore", str(tmp_path / "ash" / "out.zip"), str(tmp_path / "again"))
    names = kept(tmp_path / "ash").keys() - {"out.zip"}
    assert kept(tmp_path / "again").keys() == names
    assert rows(tmp_path / "again") == rows(tmp_path / "ash")


def test_a_backup_is_of_one_moment_while_others_write(studio: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(studio / "studio.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE studio_person SET email = 'half'")
        backup(Config(home=studio), tmp_path / "out.zip")
        writer.rollback()
    restore(Config(home=tmp_path / "back"), tmp_path / "out.zip")
    assert rows(tmp_path / "back" / "oak") == rows(studio)


def test_nothing_is_overwritten(studio: Path, tmp_path: Path) -> None:
    backup(Config(home=studio), tmp_path / "out.zip")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FeedsmithError, match="is not empty"):
        restore(Config(home=tmp_path / "mine"), tmp_path / "out.zip")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_damaged_backup_is_said_and_leaves_nothing(
    studio: Path, tmp_path: Path, at: float
) -> None:
    out = tmp_path / "out.zip"
    backup(Config(home=studio), out)
    data = bytearray(out.read_bytes())
    cut = out.with_name("cut.zip")
    cut.write_bytes(data[: int(len(data) * at)])
    with pytest.raises(FeedsmithError, match="damaged"):
        restore(Config(home=tmp_path / "back"), cut)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.zip", "out.zip"]


def test_a_flipped_bit_in_a_picture_is_found(studio: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    backup(Config(home=studio), out)
    with zipfile.ZipFile(out) as archive:
        entry = next(e for e in archive.infolist() if e.filename.endswith("01.jpg"))
    data = bytearray(out.read_bytes())
    data[entry.header_offset + len(entry.filename) + 200] ^= 1
    out.write_bytes(data)
    with pytest.raises(FeedsmithError, match="damaged"):
        restore(Config(home=tmp_path / "back"), out)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("name", ["brands/oak/../../evil", "brands/../evil", "brands/oak/a\\..\\b"])
def test_an_entry_that_would_leave_the_folder_is_refused(
    studio: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out.zip"
    backup(Config(home=studio), out)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(FeedsmithError, match="leads elsewhere"):
        restore(Config(home=tmp_path / "back"), out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]


def test_what_is_no_backup_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(FeedsmithError, match="is no backup of a studio"):
        restore(Config(home=tmp_path / "back"), tmp_path / "other.zip")
    Home(tmp_path / "bare").create(BrandFile(name="Bare"))
    with pytest.raises(FeedsmithError, match="no studio is kept here"):
        backup(Config(home=tmp_path / "bare"), tmp_path / "out.zip")


def test_a_brand_whose_folder_is_gone_stops_a_backup_instead_of_missing_in_it(
    studio: Path, tmp_path: Path
) -> None:
    elm = studio.parent / "elm"
    elm.rename(tmp_path / "away")
    try:
        with pytest.raises(FeedsmithError, match="the folder of the brand elm is not there"):
            backup(Config(home=studio), tmp_path / "out.zip")
    finally:
        (tmp_path / "away").rename(elm)


def test_a_library_on_another_disk_and_files_of_1970_are_saved_too(tmp_path: Path) -> None:
    import os

    from feedsmith.studio.backup import _files

    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.jpg").write_bytes(b"a")
    os.utime(tmp_path / "disk" / "a.jpg", (0, 0))
    (tmp_path / "oak").mkdir()
    (tmp_path / "oak" / "library").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "round").symlink_to(tmp_path / "disk")
    found = list(_files(tmp_path / "oak", tmp_path / "out.zip"))
    assert [path.relative_to(tmp_path / "oak").as_posix() for path in found] == ["library/a.jpg"]
