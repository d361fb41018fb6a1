"""The brands' folders are kept in a bucket, and brought back where the disk is new: a real storage server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.studio import mirror
from feedsmith.studio.mirror import Mirror, Sender, Store, bring_back, store_from_environment
from s3_server import KEYS, Storage, storage


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    with storage(tmp_path / "s3", "media") as one:
        settings = {"S3_ENDPOINT": one.url, "S3_BUCKET": "media", "S3_ACCESS_KEY": KEYS.access, "S3_SECRET_KEY": KEYS.secret,
                    "MIRROR": "studio", "DATABASE_URL": "postgresql://studio:x@db:5432/studio"}  # fmt: skip
        for name, value in settings.items():
            monkeypatch.setenv(f"FEEDSMITH_{name}", value)
        yield one


@pytest.fixture
def store(bucket: Storage, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(mirror, "PAUSE", 0.01)
    return store_from_environment()


@pytest.fixture
def brand(tmp_path: Path) -> Path:
    home = tmp_path / "first" / "brand"
    for name, data in {
        "brand.toml": b'name = "Oak"\n', "library/photos/a photo+1.jpg": bytes(range(256)) * 900, "library/empty.txt": b"",
        "posts/01/post.json": b"{}", "studio/secret.key": b"secret", "studio/thumbnails/a.webp": b"made again",
        "posts/02.part": b"half", "studio/studio.log": b"lines",
    }.items():  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    (home / "studio/secret.key").chmod(0o600)
    return home


def tree(root: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.st_mode & 0o777, stat.st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file() and (stat := path.stat())
    }


def objects(bucket: Storage) -> list[Path]:
    return [path for path in (bucket.folder / "media/studio/files").rglob("*") if path.is_file()]


def kept(store: Store, *homes: Path) -> Mirror:
    one = Mirror(store, homes)
    one.begin()
    one.send()
    return one


def test_what_was_kept_comes_back_on_a_new_disk_and_is_kept_on(
    store: Store, brand: Path, tmp_path: Path
) -> None:
    kept(store, brand)
    before = tree(brand)
    shutil.rmtree(brand.parent)
    new = tmp_path / "second"
    assert bring_back(store, new) == 5
    passing = {"studio/thumbnails/a.webp", "posts/02.part", "studio/studio.log"}
    assert tree(new / "brand") == {k: v for k, v in before.items() if k not in passing}
    assert [path.name for path in new.iterdir() if path.name.startswith(".mirror-")] == []
    again = Mirror(store, (new / "brand",))
    again.begin()
    assert again.send() == 0  # all of it is there


def test_only_what_changed_is_sent_and_what_is_gone_is_taken_away(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    one = kept(store, brand)
    assert len(objects(bucket)) == 5
    (brand / "posts/01/post.json").write_text('{"caption": "Oaks"}')
    (brand / "posts/03.json").write_bytes(b'name = "Oak"\n')  # as brand.toml: it lies there once
    (brand / "library/empty.txt").unlink()
    assert one.send() == 3
    assert len(objects(bucket)) == 4
    assert bring_back(store, tmp_path / "second") == 5
    assert (tmp_path / "second/brand/posts/01/post.json").read_text() == '{"caption": "Oaks"}'
    assert not (tmp_path / "second/brand/library/empty.txt").exists()


def test_several_brands_lie_side_by_side(store: Store, brand: Path, tmp_path: Path) -> None:
    other = brand.parent / "other"
    shutil.copytree(brand, other)
    kept(store, brand, other)
    assert bring_back(store, tmp_path / "second") == 10
    assert sorted(path.name for path in (tmp_path / "second").iterdir() if path.is_dir()) == ["brand", "other"]  # fmt: skip


def test_an_empty_bucket_brings_nothing_back(store: Store, tmp_path: Path) -> None:
    assert bring_back(store, tmp_path / "second") == 0


def test_a_folder_that_is_not_the_buckets_does_not_take_its_place(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    kept(store, brand)
    new = tmp_path / "second" / "brand"
    new.mkdir(parents=True)
    (new / "brand.toml").write_text('name = "Empty"\n')
    with pytest.raises(FeedsmithError, match="brought back elsewhere, or not at all"):
        Mirror(store, (new,)).begin()
    with pytest.raises(FeedsmithError, match="nothing is overwritten"):
        bring_back(store, new.parent)
    assert len(objects(bucket)) == 5


def test_who_was_relieved_sends_nothing_more(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    old = kept(store, brand)
    bring_back(store, tmp_path / "second")
    new = kept(store, tmp_path / "second" / "brand")
    (brand / "late.txt").write_text("too late")
    with pytest.raises(FeedsmithError, match="another studio keeps the mirror now"):
        old.send()
    assert old.send() == 0
    (tmp_path / "second/brand/on.txt").write_text("goes on")
    assert new.send() == 1
    bring_back(store, tmp_path / "third")
    assert (tmp_path / "third/brand/on.txt").exists()
    assert not (tmp_path / "third/brand/late.txt").exists()


def test_a_brand_that_vanished_from_the_disk_stays_in_the_bucket(
    store: Store, brand: Path, tmp_path: Path
) -> None:
    one = kept(store, brand)
    shutil.rmtree(brand)
    with pytest.raises(FeedsmithError, match="folder is gone"):
        one.send()
    assert bring_back(store, tmp_path / "second") == 5


def test_a_damaged_file_is_noticed_and_nothing_half_restored_stays(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    kept(store, brand)
    largest = max(objects(bucket), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"!")
    with pytest.raises(FeedsmithError, match=r"^a photo\+1\.jpg: is damaged in the bucket"):
        bring_back(store, tmp_path / "second")
    assert list((tmp_path / "second").iterdir()) == []


def test_a_list_that_leads_outside_of_the_folder_is_refused(store: Store, tmp_path: Path) -> None:
    row = '{"format": 1, "by": "x", "files": {"../outside/a.txt": [1, 1, 420, "aa"]}}'
    store.put("manifest.json", row.encode())
    with pytest.raises(FeedsmithError, match="outside of the folder"):
        bring_back(store, tmp_path / "second")


def test_a_storage_that_is_off_begins_nothing_and_what_waits_is_sent_when_it_is_back(
    brand: Path, tmp_path: Path, store: Store
) -> None:
    one = kept(store, brand)
    with storage(tmp_path / "s3b", "media") as spare:
        off = Store(store_settings(spare.url), KEYS, "studio")
    (brand / "new.txt").write_text("new")
    gone = Mirror(off, (brand,), listing=one.listing)
    with pytest.raises(FeedsmithError, match="cannot be reached"):
        gone.send()
    with pytest.raises(FeedsmithError, match="cannot be reached"):
        bring_back(off, tmp_path / "second")
    assert one.send() == 1


def store_settings(url: str):  # type: ignore[no-untyped-def]
    from feedsmith.brand import HostingSettings

    return HostingSettings(endpoint=url, bucket="media")


def test_a_keeper_sends_once_more_at_the_end(
    store: Store, brand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "EVERY", 3600.0)
    keeper = Sender(kept(store, brand))
    keeper.start()
    (brand / "last.txt").write_text("last words")
    keeper.close()
    bring_back(store, tmp_path / "second")
    assert (tmp_path / "second/brand/last.txt").read_text() == "last words"


def test_a_wrong_key_and_a_missing_bucket_are_one_line(
    bucket: Storage, brand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", "another")
    with pytest.raises(FeedsmithError, match=r"turns the request down \(403\)"):
        kept(store_from_environment(), brand)
    monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", KEYS.secret)
    monkeypatch.setenv("FEEDSMITH_S3_BUCKET", "nowhere")
    with pytest.raises(FeedsmithError, match=r"turns the request down \(404\)"):
        bring_back(store_from_environment(), brand.parent / "x")


def test_a_database_that_lies_on_the_same_disk_is_refused(
    bucket: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEEDSMITH_DATABASE_URL")
    with pytest.raises(FeedsmithError, match="the database is a file of this disk"):
        store_from_environment()
