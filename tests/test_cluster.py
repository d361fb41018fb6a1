"""The stages on a real Ray cluster of two nodes: the results of one process, whatever dies.

Needs the extras cluster and train; `make test-cluster` has them.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray", reason='needs the cluster extra: pip install "feedsmith[cluster]"')
pytest.importorskip("h5py", reason='needs the train extra: pip install "feedsmith[train]"')

import feedsmith
import small_cluster
import small_photos
from feedsmith import prepare as plain
from feedsmith.brand import Home
from feedsmith.cluster import judging, nodes, photos, posts, training
from feedsmith.cluster.bucket import Storage
from feedsmith.cluster.pool import Failed, each
from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError
from feedsmith.evaluate import images
from feedsmith.evaluate.figures import ImageSettings
from feedsmith.generate import Settings
from feedsmith.library import Library
from feedsmith.post import Brief
from small_workers import Missing, Squares, Troubled, Unready, nothing

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two nodes with a processor each, without a language model: sentences of people alone are
    written in a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEEDSMITH_MODELS", str(tmp_path_factory.mktemp("no models")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Ray looks for dead nodes every few seconds; a test need not wait for three of its looks.
        patch.setenv("RAY_health_check_period_ms", "1000")
        patch.setenv("RAY_health_check_failure_threshold", "3")
        # Nodes find the small workers of the tests.
        beside = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(beside))
        # Workers that step back for everything else on the machine (Ray's 15) may take hours on a busy one.
        patch.setenv("RAY_worker_niceness", "0")
        # Nor is a test to end because of what else fills this machine's memory.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        with small_cluster.nodes() as cluster:
            yield cluster


@pytest.fixture(scope="module")
def open_(two: Any) -> Iterator[nodes.Cluster]:
    with nodes.Cluster(two.address) as opened:
        yield opened


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_photos.photos(tmp_path_factory.mktemp("discs"), 96, side=96)


def asked(folder: Path, size: int = 64) -> plain.Settings:
    return plain.Settings(size=size, photos=folder)


# ---- prepare -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_one(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    home = small_photos.brand(tmp_path_factory.mktemp("one"))
    plain.prepare(home, asked(discs))
    return (home.root / "datasets/images-64.h5").read_bytes()


def test_two_nodes_prepare_the_file_that_one_process_prepares(
    open_: nodes.Cluster, discs: Path, by_one: bytes, tmp_path: Path
) -> None:
    told = photos.prepare(small_photos.brand(tmp_path), asked(discs), open_)
    assert (told.pictures, told.left_out) == (96, ())
    assert (tmp_path / "datasets/images-64.h5").read_bytes() == by_one


def test_a_bucket_of_three_hundred_photos_is_the_folder_though_a_node_dies(
    two: Any, open_: nodes.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from s3_server import KEYS, storage

    with storage(tmp_path / "s3", "shop") as server:
        folder = small_photos.photos(server.folder / "shop/summer", 300, side=96)
        (folder / "disc 003.txt").write_text("A red one.")
        (folder / "disc 004.jpg").write_bytes(b"no picture")
        monkeypatch.setenv("FEEDSMITH_S3_ENDPOINT", server.url)
        home = small_photos.brand(tmp_path / "brand")
        where = Storage.of("s3://shop/summer", home.load().hosting, KEYS)
        settings = plain.Settings(size=128, crop="centre")
        killer = _NodeKiller(two, "Cutting photos", 64)
        with small_cluster.Stores() as stores:
            told = photos.prepare(home, settings, open_, killer, storage=where)
        assert killer.done
        (named,) = told.left_out
        assert (told.pictures, named.name) == (299, "disc 004.jpg")
        again = photos.prepare(home, settings, open_, storage=where)
        assert not again.fresh
    # Two blocks a worker, and each may lie on its worker's node and here; 20 MB in all.
    block = photos.BLOCK_PHOTOS * 128 * 128 * 4
    assert 0 < stores.peak <= 2 * 2 * 3 * block
    assert stores.spilled == 0
    beside = small_photos.brand(tmp_path / "beside")
    plain.prepare(beside, settings.model_copy(update={"photos": folder}))
    with (
        DataSet.open(home.root / "datasets/images-128.h5") as ours,
        DataSet.open(beside.root / "datasets/images-128.h5") as theirs,
    ):
        assert ours.sha256 == theirs.sha256
        assert ours.captions == theirs.captions
        assert "A red one." in ours.captions
        assert ours.split.tobytes() == theirs.split.tobytes()
        for size in ours.sizes:
            assert np.array_equal(ours.all(size), theirs.all(size))


class _NodeKiller:
    """A report, with a third node that is killed when so much is done."""

    def __init__(self, cluster: Any, stage: str, when: int) -> None:
        self._cluster, self._stage, self._when = cluster, stage, when
        self._node = small_cluster.another(cluster)
        self.done = False

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if stage == self._stage and self._when <= done < total and not self.done:
            self.done = True
            self._cluster.remove_node(self._node, allow_graceful=False)


def test_a_node_that_is_killed_costs_no_photo(
    two: Any, open_: nodes.Cluster, discs: Path, by_one: bytes, tmp_path: Path
) -> None:
    killer = _NodeKiller(two, "Cutting photos", 24)
    assert open_.count == 3
    told = photos.prepare(small_photos.brand(tmp_path), asked(discs), open_, killer)
    assert killer.done
    assert told.pictures == 96
    assert (tmp_path / "datasets/images-64.h5").read_bytes() == by_one


def test_memory_is_bounded_by_blocks_not_by_the_data_set(
    open_: nodes.Cluster, tmp_path: Path
) -> None:
    many = small_photos.photos(tmp_path / "photos", 80, side=512)
    with small_cluster.Stores() as stores:
        told = photos.prepare(
            small_photos.brand(tmp_path / "brand"),
            plain.Settings(size=1024, photos=many, crop="centre", pyramid=False),
            open_,
        )
    made = told.pictures * 3 * 1024 * 1024
    assert made > 1.4 * 2 * small_cluster.STORE  # more than both stores together
    # Two blocks a worker, and each may lie on its worker's node and here.
    assert 0 < stores.peak <= 2 * 4 * photos.BLOCK_BYTES
    assert stores.spilled == 0


# ---- generate ------------------------------------------------------------------------------------


def test_two_nodes_make_the_posts_that_one_process_makes_though_one_is_killed(
    two: Any, open_: nodes.Cluster, trees: Home, tmp_path: Path
) -> None:
    from test_cluster_posts import files

    ids = [photo.id for photo in Library(trees.library).photos()]
    settings = Settings(
        briefs=tuple(Brief(kind="photo", photo=ids[i % len(ids)]) for i in range(8)),
        seed=4,
        block=2,
    )
    posts.generate(trees, settings, posts_alone(), out=tmp_path / "one")
    killer = _NodeKiller(two, "Making posts", 2)
    told = posts.generate(trees, settings, open_, out=tmp_path / "two", report=killer)
    assert killer.done
    assert (told.made, told.failed) == (8, ())
    assert files(tmp_path / "two") == files(tmp_path / "one")


def posts_alone() -> Any:
    from feedsmith.cluster.pool import ThisProcess

    return ThisProcess()


# ---- evaluate ------------------------------------------------------------------------------------


def test_two_nodes_measure_what_one_process_measures(
    open_: nodes.Cluster, discs: Path, tmp_path: Path
) -> None:
    # As few and as small as can be compared: every network looks at every picture, here and there.
    home = small_photos.brand(tmp_path)
    few = tmp_path / "few"
    few.mkdir()
    for photo in sorted(discs.iterdir())[:24]:
        (few / photo.name).write_bytes(photo.read_bytes())
    plain.prepare(home, asked(few, 32))
    new = small_photos.photos(tmp_path / "new", 20, side=32)
    settings = ImageSettings(pictures=str(new))
    ours = judging.evaluate(home, settings, open_)
    page = (home.root / "reports/images.html").read_bytes()
    assert ours.likeness.seen
    assert ours == images.evaluate(home, settings)
    assert (home.root / "reports/images.html").read_bytes() == page


# ---- train ---------------------------------------------------------------------------------------


def test_a_training_whose_worker_is_killed_ends_with_the_same_weights(
    open_: nodes.Cluster, discs: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason='needs the train extra: pip install "feedsmith[train]"')
    from feedsmith.images.gan.train.config import Config

    settings = Config(
        size=32, kimg=0.16, snapshot_every="0.032kimg", batch=8, channels=4, judge="patch", latent=16,
        device="cpu", dtype="float32", budget=1200,
    )  # fmt: skip
    weights = {}
    for name, killed in (("whole", False), ("killed", True)):
        home = small_photos.brand(tmp_path / name)
        plain.prepare(home, asked(discs, 32))
        data = home.root / "datasets/images-32.h5"
        killer = _Killer(home.root) if killed else None
        result = training.train(home.root, settings, data, open_, lambda *a: None)
        assert (result.stopped, round(result.kimg, 3)) == ("finished", 0.16)
        if killer is not None:
            killer.join()
            assert killer.done
        run = home.root / "runs" / result.run
        weights[name] = (run / "snapshot.safetensors").read_bytes()
        assert (run / "generator.onnx").stat().st_size > 1000
        assert [p.name for p in (home.root / "runs").iterdir()] == [result.run]
    assert tensors(tmp_path / "whole") == tensors(tmp_path / "killed")


def test_a_training_without_room_says_so_instead_of_waiting(
    open_: nodes.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason='needs the train extra: pip install "feedsmith[train]"')
    monkeypatch.setenv("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "2")
    with open_.pool(Squares) as pool:
        list(each(pool, iter([(n, n) for n in range(4)])))  # both processors are taken
        with pytest.raises(FeedsmithError, match="2 processes and found no room for them"):
            open_.train(nothing, {}, tmp_path, threads=1, cards=False, failures=0)


def tensors(home: Path) -> dict[str, bytes]:
    from feedsmith.images.gan.train.run import stored_tensors

    (path,) = home.glob("runs/*/snapshot.safetensors")
    return {name: value.numpy().tobytes() for name, value in stored_tensors(path)[0].items()}


class _Killer(threading.Thread):
    """Kills one of the training's workers as soon as a numbered snapshot is there."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self._root, self.done = root, False
        self.start()

    def run(self) -> None:
        end = time.monotonic() + 600
        while not self.done and time.monotonic() < end:
            time.sleep(0.05)
            if any(self._root.glob("runs/*/generators/*.safetensors")) and (pids := trainers()):
                os.kill(pids[-1], signal.SIGKILL)
                self.done = True


def trainers() -> list[int]:
    """Processes of ours in which Ray Train's workers run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"RayTrainWorker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


# ---- what can go wrong ---------------------------------------------------------------------------


def test_a_job_that_kills_its_worker_once_is_done_by_another(
    open_: nodes.Cluster, tmp_path: Path
) -> None:
    jobs = ["one", "killed once", "two", "refused", "three"]
    with open_.pool(Troubled, tmp_path, ahead=1) as pool:
        done = dict(each(pool, iter(list(enumerate(jobs)))))
    assert {done[0], done[2], done[4]} == {"one", "two", "three"}
    assert done[1] == "killed once"
    assert isinstance(done[3], Failed)
    assert (done[3].message, done[3].mend) == ("this cannot be done", "do something else")


def test_a_job_that_kills_worker_after_worker_is_named(
    open_: nodes.Cluster, tmp_path: Path
) -> None:
    with (
        open_.pool(Troubled, tmp_path) as pool,
        pytest.raises(
            FeedsmithError, match="3 workers were lost one after the other at the same work, post 7"
        ),
    ):
        list(each(pool, iter([("post 7", "killed")])))


def test_a_worker_that_is_stuck_is_not_waited_for_for_ever(
    open_: nodes.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "JOB_SECONDS", 1.0)
    with (
        open_.pool(Troubled, tmp_path) as pool,
        pytest.raises(FeedsmithError, match="nothing came of it for 1 seconds"),
    ):
        list(each(pool, iter([("post 7", "stuck")])))


def test_a_worker_that_is_stuck_is_noticed_while_others_finish(
    open_: nodes.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "JOB_SECONDS", 5.0)

    def jobs() -> Iterator[tuple[str, str]]:
        yield "post 7", "stuck"
        for number in range(900):
            yield f"other {number}", "slow"
        raise AssertionError("nobody looked")

    done = []
    with (
        open_.pool(Troubled, tmp_path) as pool,
        pytest.raises(FeedsmithError, match=r"post 7 \(nothing came of it for 5 seconds"),
    ):
        done += each(pool, jobs())


def test_workers_that_load_for_too_long_are_not_taken_for_missing_ones(
    open_: nodes.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "LOADING_SECONDS", 3.0)
    with (
        open_.pool(Unready) as pool,
        pytest.raises(FeedsmithError, match="have started, but after 3 seconds none has loaded"),
    ):
        list(each(pool, iter([(0, 1)])))


def test_a_cluster_without_a_free_processor_is_told(
    open_: nodes.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_.pool(Squares) as taken:
        list(each(taken, iter([(n, n) for n in range(4)])))  # both processors are taken
        monkeypatch.setattr(nodes, "IDLE_SECONDS", 3.0)
        with (
            open_.pool(Squares) as pool,
            pytest.raises(FeedsmithError, match="no free processor for 3 seconds"),
        ):
            list(each(pool, iter([(0, 1)])))


@pytest.mark.parametrize(
    ("job", "said"),
    [("memory", r"node .+: the memory is not enough"), ("disk", r"node .+: .*the disk is full")],
)
def test_memory_and_disk_of_a_node_that_run_out_are_told_in_one_line(
    open_: nodes.Cluster, tmp_path: Path, job: str, said: str
) -> None:
    with open_.pool(Troubled, tmp_path) as pool:
        ((_, failed),) = list(each(pool, iter([(0, job)])))
    assert failed.lasting
    with pytest.raises(FeedsmithError, match=said) as caught:
        raise failed.error
    assert len(str(caught.value).splitlines()) == 2


def test_a_worker_that_cannot_begin_says_why_and_where(open_: nodes.Cluster) -> None:
    with (
        open_.pool(Missing) as pool,
        pytest.raises(FeedsmithError, match=r"node .+: /brand: is not there"),
    ):
        list(each(pool, iter([(0, 1)])))


def test_a_node_with_another_version_is_named(
    open_: nodes.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = feedsmith.__version__
    monkeypatch.setattr(feedsmith, "__version__", "9.9.9")
    said = f"runs Feedsmith {there}, and this is 9.9.9"
    with pytest.raises(FeedsmithError, match=said) as caught:
        nodes._same_everywhere()
    with pytest.raises(FeedsmithError, match=said), open_.pool(Squares) as pool:
        list(each(pool, iter([(0, 1)])))
    assert "on every node" in caught.value.mend


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9"),
        ("nowhere", "is no address of a cluster"),
        ("ray://127.0.0.1:10001", "is no address of a cluster"),
    ],
)
def test_a_cluster_that_is_not_there_is_told_at_once(address: str, said: str) -> None:
    with pytest.raises(FeedsmithError, match=said), nodes.Cluster(address):
        pass


def test_another_server_at_the_address_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            line, _ = other.accept()
            with line:
                line.recv(100)
                line.sendall(b"HTTP/1.1 505 no\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(FeedsmithError, match="something else"), nodes.Cluster(address):
            pass
        thread.join()


def test_more_jobs_than_workers_wait_outside(open_: nodes.Cluster) -> None:
    made: list[int] = []

    def jobs(most: Callable[[], int]) -> Iterator[tuple[int, int]]:
        for number in range(40):
            made.append(number)
            yield number, number
            assert len(made) - most() <= 2 * 2 + 1

    done: dict[int, int] = {}
    with open_.pool(Squares, ahead=1) as pool:
        for told in each(pool, jobs(lambda: len(done))):
            done[told.tag] = told.result
    assert done == {number: number**2 for number in range(40)}
