"""The brands' folders are kept in a bucket, and brought back where the disk is new: a real storage server."""

import hashlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


def kept_gone(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(mirror, "KEPT_GONE", seconds)


def test_only_what_changed_is_sent_and_what_is_gone_is_taken_away(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(store, brand)
    assert len(objects(bucket)) == 5
    (brand / "posts/01/post.json").write_text('{"caption": "Oaks"}')
    (brand / "posts/03.json").write_bytes(b'name = "Oak"\n')  # as brand.toml: it lies there once
    (brand / "library/empty.txt").unlink()
    assert one.send() == 3
    assert len(objects(bucket)) == 6  # what nothing names lies there for a day
    kept_gone(monkeypatch, -1.0)
    assert one.send() == 0
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


def object_of(bucket: Storage, data: bytes) -> Path:
    digest = hashlib.sha256(data).hexdigest()
    return bucket.folder / "media/studio/files" / digest[:2] / digest


def lose(store: Store, data: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest()
    store.delete(f"files/{digest[:2]}/{digest}")


def test_a_photo_that_is_damaged_in_the_bucket_is_told_and_the_rest_comes_back(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    kept(store, brand)
    photo = object_of(bucket, (brand / "library/photos/a photo+1.jpg").read_bytes())
    photo.write_bytes(photo.read_bytes()[:-1] + b"!")
    said: list[str] = []
    assert bring_back(store, tmp_path / "second", tell=said.append) == 4
    assert said == ["brand/library/photos/a photo+1.jpg: is damaged in the bucket"]
    store.delete(f"files/{photo.parent.name}/{photo.name}")
    assert bring_back(store, tmp_path / "third", tell=said.append) == 4
    assert said[1:] == ["brand/library/photos/a photo+1.jpg: is not in the bucket any more"]
    assert Mirror(store, (tmp_path / "third/brand",)).begin() is None


def test_without_what_says_what_is_what_it_comes_back_on_demand_alone(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    kept(store, brand)
    lose(store, b"{}")
    with pytest.raises(FeedsmithError, match=r"post\.json: is not in the bucket any more"):
        bring_back(store, tmp_path / "second")
    assert list((tmp_path / "second").iterdir()) == []
    assert bring_back(store, tmp_path / "second", incomplete=True) == 4
    lose(store, b'name = "Oak"\n')
    with pytest.raises(FeedsmithError, match=r"brand\.toml: is not in the bucket"):
        bring_back(store, tmp_path / "third", incomplete=True)


def test_a_list_that_leads_outside_of_the_folder_is_refused(store: Store, tmp_path: Path) -> None:
    outside = {"../outside/a.txt": mirror.Kept(1, 1, 0o644, "aa")}
    store.put("manifest.json", mirror.Manifest("x", files=outside).text().encode())
    with pytest.raises(FeedsmithError, match="outside of the folder"):
        bring_back(store, tmp_path / "second")


def test_a_storage_that_is_off_begins_nothing_and_what_waits_is_sent_when_it_is_back(
    brand: Path, tmp_path: Path, store: Store
) -> None:
    one = kept(store, brand)
    with storage(tmp_path / "s3b", "media") as spare:
        off = Store(store_settings(spare.url), KEYS, "studio")
    (brand / "new.txt").write_text("new")
    gone = Mirror(off, (brand,), told=one.told)
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


# ---- two at the same time ------------------------------------------------------------------------


def test_what_the_old_studio_sent_last_is_fetched_by_the_one_that_takes_over(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    old = kept(store, brand)
    bring_back(store, tmp_path / "second")
    (brand / "posts/01/post.json").write_text('{"caption": "Last words"}')
    (brand / "posts/02").mkdir()
    (brand / "posts/02/post.json").write_text('{"caption": "Made meanwhile"}')
    (brand / "library/empty.txt").unlink()
    assert old.send() == 3  # as it ends: the new one has fetched, and not begun
    home = tmp_path / "second" / "brand"
    (home / "own.txt").write_text("changed here")
    new = Mirror(store, (home,))
    new.begin()
    assert new.send() == 1
    assert (home / "posts/01/post.json").read_text() == '{"caption": "Last words"}'
    assert (home / "posts/02/post.json").exists()
    assert not (home / "library/empty.txt").exists()
    bring_back(store, tmp_path / "third")
    marked = {
        "brand/own.txt",
        *(f"brand/{p.relative_to(brand)}" for _, p in mirror.files((brand,))),
    }
    assert {p for p, _ in mirror.files((tmp_path / "third/brand",))} == marked


def test_what_a_relieved_studio_writes_late_is_taken_up_and_the_list_taken_again(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path
) -> None:
    old = kept(store, brand)
    bring_back(store, tmp_path / "second")
    home = tmp_path / "second" / "brand"
    (brand / "late.txt").write_text("late")
    (brand / "posts/01/post.json").write_text('{"caption": "Late"}')
    before = (bucket.folder / "media/studio/manifest.json").read_bytes()
    old.send()
    late = (bucket.folder / "media/studio/manifest.json").read_bytes()
    store.put("manifest.json", before)
    new = kept(store, home)
    (home / "on.txt").write_text("goes on")
    new.send()
    store.put("manifest.json", late)  # its PUT was on the way for so long
    (home / "further.txt").write_text("and on")
    assert new.send() == 1
    assert (home / "late.txt").read_text() == "late"
    assert (home / "posts/01/post.json").read_text() == '{"caption": "Late"}'
    (brand / "x.txt").write_text("x")
    with pytest.raises(FeedsmithError, match="another studio keeps the mirror now"):
        old.send()
    new.send()
    assert bring_back(store, tmp_path / "third") == 8
    assert {"on.txt", "further.txt", "late.txt"} <= {p.name for p in (tmp_path / "third/brand").iterdir()}  # fmt: skip


# ---- what stands in the way ----------------------------------------------------------------------


def test_a_brand_that_is_not_open_stays_in_the_bucket(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_gone(monkeypatch, -1.0)
    other = brand.parent / "other"
    shutil.copytree(brand, other)
    (other / "alone.txt").write_text("of the other brand alone")
    kept(store, brand, other)
    one = Mirror(store, (brand,))
    one.begin()
    (brand / "new.txt").write_text("new")
    assert one.send() == 1
    assert one.send() == 0
    assert bring_back(store, tmp_path / "second") == 12


def test_a_file_that_cannot_be_read_is_told_stays_as_it_was_and_holds_up_no_other(
    store: Store, brand: Path, tmp_path: Path
) -> None:
    one = kept(store, brand)
    photo = brand / "library/photos/a photo+1.jpg"
    photo.unlink()
    photo.symlink_to("/proc/self/mem")  # opens, and reading fails; root may read all else
    (brand / "new.txt").write_text("new")
    with pytest.raises(
        FeedsmithError, match=r"(?s)a photo\+1\.jpg cannot be read .*all else is kept"
    ):
        one.send()
    assert bring_back(store, tmp_path / "second") == 6
    assert (tmp_path / "second/brand/library/photos/a photo+1.jpg").stat().st_size == 256 * 900


def test_a_folder_that_cannot_be_read_is_not_taken_for_empty(
    store: Store, brand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(store, brand)
    real = os.scandir

    def scandir(place):  # type: ignore[no-untyped-def]  # root may read all folders
        if str(place).endswith("photos"):
            raise PermissionError(13, "Permission denied", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(FeedsmithError, match="photos: cannot be read"):
        one.send()
    monkeypatch.undo()
    assert one.send() == 0


def test_a_folder_that_is_a_link_is_told_once(
    store: Store, brand: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "far").mkdir()
    (brand / "library/far").symlink_to(tmp_path / "far")
    one = kept(store, brand)
    one.send()
    assert [
        r.getMessage() for r in caplog.records if "is a link to a folder" in r.getMessage()
    ] == [
        f"mirror: {brand / 'library/far'} is a link to a folder, which is not kept; put the folder itself there"
    ]


def test_an_upload_that_still_grows_waits_until_it_stands_still(
    store: Store, brand: Path, bucket: Storage
) -> None:
    one = kept(store, brand)
    upload = brand / "studio/uploads/k3y/photos.zip"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"PK half")
    assert one.send() == 0
    os.utime(upload, (upload.stat().st_atime, upload.stat().st_mtime - mirror.SETTLED))
    assert one.send() == 1
    with upload.open("ab") as stream:
        stream.write(b" and half")
    assert one.send() == 0
    assert object_of(bucket, b"PK half").exists()
    assert one.send(last=True) == 1
    assert object_of(bucket, b"PK half and half").exists()


def test_what_was_written_while_it_was_sent_is_never_named(
    store: Store, brand: Path, bucket: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(store, brand)
    film = brand / "film.mp4"
    film.write_bytes(b"a" * 300_000)
    times = film.stat().st_atime_ns, film.stat().st_mtime_ns
    real = mirror._Body.read

    def read(body, count=1 << 16):  # type: ignore[no-untyped-def]
        with film.open("r+b") as stream:  # same size and, by a clock that is coarse, same time
            stream.seek(200_000)
            stream.write(b"b" * 50_000)
        os.utime(film, ns=times)
        return real(body, count)

    monkeypatch.setattr(mirror._Body, "read", read)
    assert one.send() == 0
    monkeypatch.undo()
    assert one.send() == 1
    bring_back(store, tmp_path / "second")
    assert (tmp_path / "second/brand/film.mp4").read_bytes() == film.read_bytes()


def test_a_disk_that_stayed_is_taken_up_whenever_its_studio_was_killed(
    store: Store, brand: Path, tmp_path: Path
) -> None:
    kept(store, brand)
    mark = brand.parent / mirror.MARK
    before = mark.read_bytes()
    one = Mirror(store, (brand,))
    one.begin()
    (brand / "new.txt").write_text("new")
    (brand / "posts/01/post.json").unlink()
    one.send()
    mark.write_bytes(before)  # killed between the list in the bucket and the one on the disk
    (brand / "newer.txt").write_text("newer")
    again = Mirror(store, (brand,))
    again.begin()
    assert again.send() == 1
    assert not (brand / "posts/01/post.json").exists()
    assert bring_back(store, tmp_path / "second") == 6


def test_a_first_list_that_a_kill_left_alone_is_taken_up(store: Store, brand: Path) -> None:
    Mirror(store, (brand,)).begin()
    (brand.parent / mirror.MARK).unlink()
    assert kept(store, brand).told.files.keys() == {path for path, _ in mirror.files((brand,))}


def test_objects_that_vanished_are_sent_again_and_those_a_kill_left_are_taken_away(
    store: Store, brand: Path, bucket: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(store, brand)
    lose(store, b"secret")
    store.put("files/ab/abandoned", b"of a send that was killed")
    kept_gone(monkeypatch, -3600.0)
    one = Mirror(store, (brand,))
    one.begin()
    assert one.send() == 1
    assert object_of(bucket, b"secret").read_bytes() == b"secret"
    assert not (bucket.folder / "media/studio/files/ab/abandoned").exists()


def test_while_much_is_sent_the_list_is_written_now_and_then(
    store: Store, brand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(store, brand)
    for number in range(30):
        (brand / f"library/photos/{number:02}.jpg").write_bytes(b"%d" % number)
    monkeypatch.setattr(mirror, "LIST_EVERY", 0.0)
    before = one.told.generation
    assert one.send() == 30
    assert one.told.generation - before >= 10


def test_a_list_that_is_too_long_to_be_read_is_not_written(
    store: Store, brand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(store, brand)
    monkeypatch.setattr(mirror, "LIST_BYTES", len(one.told.text()) + 20)
    (brand / "one more.txt").write_text("one more")
    with pytest.raises(FeedsmithError, match="list has grown too long"):
        one.send()


def test_a_storage_that_does_not_answer_holds_up_the_end_for_a_moment(
    store: Store, brand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "LAST", 0.5)
    monkeypatch.setattr(mirror, "EVERY", 3600.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the connection and says nothing
        one = kept(store, brand)
        one.store = Store(store_settings(f"http://127.0.0.1:{mute.getsockname()[1]}"), KEYS, "studio")  # fmt: skip
        (brand / "new.txt").write_text("new")
        keeper = Sender(one)
        keeper.start()
        keeper.close()
        keeper.join(5)
        assert not keeper.is_alive()
    assert "new.txt" not in str(one.told.files)


class Conditional(BaseHTTPRequestHandler):
    """One object of a storage that writes on conditions, as S3 and R2 do and rclone does not; `knows` False: that refuses
    conditions."""

    knows, held = True, b""

    def tag(self) -> str:
        return f'"{hashlib.md5(self.held).hexdigest()}"' if self.held else ""

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        match, none = self.headers["If-Match"], self.headers["If-None-Match"]
        wrong = (match and match != self.tag()) or (none and self.held)
        status = 501 if not self.knows and (match or none) else 412 if wrong else 200
        if status == 200:
            type(self).held = data
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200 if self.held else 404)
        self.send_header("ETag", self.tag())
        self.send_header("Content-Length", str(len(self.held)))
        self.end_headers()
        self.wfile.write(self.held)

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize("knows", [True, False])
def test_a_list_that_was_written_since_it_was_read_is_read_again_where_the_storage_can_say_so(
    knows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = type("Handler", (Conditional,), {"knows": knows})
    monkeypatch.setattr(mirror, "PAUSE", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        store = Store(store_settings(f"http://127.0.0.1:{server.server_port}"), KEYS, "studio")
        store.put("list", b"one", "")
        _, tag = store.get("list")
        store.put("list", b"two", tag)
        for stale in (tag, ""):
            if knows:
                with pytest.raises(mirror.Overtaken):
                    store.put("list", b"three", stale)
                assert store.get("list")[0] == b"two"
            else:
                store.put("list", b"three", stale)
                assert store.get("list")[0] == b"three"
        server.shutdown()
