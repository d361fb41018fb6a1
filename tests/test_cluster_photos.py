"""Prepare and evaluate by pools, and photos of a bucket: the results of one process."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("h5py", reason='needs the train extra: pip install "feedsmith[train]"')

import small_photos
from feedsmith import prepare as plain
from feedsmith.brand import HostingSettings
from feedsmith.cluster import judging, photos
from feedsmith.cluster.bucket import Storage
from feedsmith.cluster.pool import ThisProcess
from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError
from feedsmith.evaluate import images
from feedsmith.evaluate.figures import ImageSettings
from feedsmith.publishing.sigv4 import Keys
from s3_server import KEYS, storage
from small_workers import Several


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small_photos.photos(tmp_path_factory.mktemp("discs"), 40, side=64)
    (folder / "disc 003.txt").write_text("A red one.")
    (folder / "disc 004.jpg").write_bytes(b"no picture")
    return folder


def asked(folder: Path) -> plain.Settings:
    return plain.Settings(size=32, photos=folder, crop="centre")


def test_workers_in_any_order_prepare_the_same_file(discs: Path, tmp_path: Path) -> None:
    one, many = (small_photos.brand(tmp_path / name) for name in ("one", "many"))
    told = plain.prepare(one, asked(discs))
    assert photos.prepare(many, asked(discs), Several(3, 7)) == told
    assert [item.name for item in told.left_out] == ["disc 004.jpg"]
    files = [(home.root / "datasets/images-32.h5").read_bytes() for home in (one, many)]
    assert files[0] == files[1]
    assert not photos.prepare(many, asked(discs), ThisProcess()).fresh


def test_photos_that_a_worker_does_not_find_are_another_disks(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(photos.Cutter):
        def do(self, job: photos.Job) -> photos.Block:
            gone = [(row, photo._replace(file=f"/elsewhere{photo.file}")) for row, photo in job]
            return super().do(gone)

    monkeypatch.setattr(photos, "Cutter", Blind)
    with pytest.raises(FeedsmithError, match="is here, and not on every node"):
        photos.prepare(small_photos.brand(tmp_path), asked(discs), ThisProcess())


def test_networks_elsewhere_see_the_same(discs: Path, tmp_path: Path) -> None:
    home = small_photos.brand(tmp_path)
    plain.prepare(home, asked(discs))
    new = small_photos.photos(tmp_path / "new", 20, side=32)
    settings = ImageSettings(pictures=str(new))
    here = images.evaluate(home, settings)
    assert here.likeness.seen
    assert judging.evaluate(home, settings, Several(2, 3)) == here


# ---- a bucket ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with storage(tmp_path_factory.mktemp("s3"), "shop") as server:
        folder = server.folder / "shop/summer 2026"
        (folder / "notes").mkdir(parents=True)
        for photo in discs.iterdir():
            (folder / photo.name).write_bytes(photo.read_bytes())
        for number in range(1100):  # more than the storage tells in one answer
            (folder / f"notes/{number:04}.md").touch()
        yield Storage(server.url, "us-east-1", "shop", "summer 2026", KEYS)


def test_photos_of_a_bucket_are_those_of_the_folder(
    shop: Storage, discs: Path, tmp_path: Path
) -> None:
    ours, theirs = (small_photos.brand(tmp_path / name) for name in ("bucket", "folder"))
    settings = plain.Settings(size=32, crop="centre")
    told = photos.prepare(ours, settings, Several(2, 1), storage=shop)
    plain.prepare(theirs, asked(discs))
    assert [item.name for item in told.left_out] == ["disc 004.jpg"]
    with (
        DataSet.open(ours.root / "datasets/images-32.h5") as one,
        DataSet.open(theirs.root / "datasets/images-32.h5") as other,
    ):
        assert one.sha256 == other.sha256
        assert one.captions == other.captions
        assert "A red one." in one.captions
        assert np.array_equal(one.all(), other.all())
    assert not photos.prepare(ours, settings, ThisProcess(), storage=shop).fresh


def test_what_is_wrong_with_a_bucket_is_told(shop: Storage) -> None:
    with pytest.raises(FeedsmithError, match=r"does not give s3://none \(404 NoSuchBucket\)"):
        shop._replace(bucket="none", prefix="").photos()
    with pytest.raises(FeedsmithError, match=r"s3://shop/winter: no photos in it"):
        shop._replace(prefix="winter").photos()
    with pytest.raises(FeedsmithError, match=r"\(403 SignatureDoesNotMatch\)"):
        shop._replace(keys=Keys(KEYS.access, "wrong")).photos()
    with pytest.raises(FeedsmithError, match="names no bucket"):
        Storage.of("s3://", HostingSettings(), KEYS)


def test_a_storage_that_is_down_is_told(shop: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feedsmith.cluster.bucket.PAUSE", 0.0)
    with pytest.raises(FeedsmithError, match=r"127.0.0.1:9 cannot be reached"):
        shop._replace(endpoint="http://127.0.0.1:9").photos()


class _CutOff(socketserver.StreamRequestHandler):
    """A line to the storage that breaks in the midst of the first answers, as one to a bucket does."""

    cuts = 0

    def handle(self) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += self.rfile.readline()
        with socket.create_connection(self.server.beyond) as beyond:  # type: ignore[attr-defined]
            beyond.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            answer = b"".join(iter(lambda: beyond.recv(1 << 16), b""))
        cut = type(self).cuts > 0
        type(self).cuts -= 1
        self.wfile.write(answer[:-200] if cut else answer)


def test_a_photo_that_is_cut_off_on_the_way_is_asked_for_again(
    shop: Storage, discs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedsmith.cluster.bucket.PAUSE", 0.0)
    key, whole = "s3://shop/summer 2026/disc 001.jpg", (discs / "disc 001.jpg").read_bytes()
    host, _, port = shop.endpoint.removeprefix("http://").partition(":")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _CutOff) as line:
        line.beyond = (host, int(port))  # type: ignore[attr-defined]
        threading.Thread(target=line.serve_forever, daemon=True).start()
        broken = shop._replace(endpoint=f"http://127.0.0.1:{line.server_address[1]}")
        _CutOff.cuts = 2
        assert broken.read(key) == whole
        _CutOff.cuts = 99
        with pytest.raises(FeedsmithError, match=r"it ended after \d+ of \d+ bytes"):
            broken.read(key)
        line.shutdown()
