"""A run in blocks: the same posts whoever makes them and in whatever order, and none twice."""

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feedsmith.brand import Home
from feedsmith.cluster import posts
from feedsmith.cluster.pool import Failed, ThisProcess
from feedsmith.errors import FeedsmithError
from feedsmith.generate import Settings, generate
from feedsmith.library import Library
from feedsmith.post import Brief
from feedsmith.runs import Folder
from small_workers import Several


@pytest.fixture(scope="module")
def few(trees: Home) -> tuple[Brief, ...]:
    """Seven posts of named photos: such a picture is made in a second."""
    ids = [photo.id for photo in Library(trees.library).photos()]
    return tuple(Brief(kind="photo", photo=ids[i % len(ids)]) for i in range(7))


@pytest.fixture(scope="module", autouse=True)
def _without_language_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sentences of people alone, which take a tenth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEEDSMITH_MODELS", str(tmp_path_factory.mktemp("no models")))
        yield


@pytest.fixture(scope="module")
def alone(trees: Home, few: tuple[Brief, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of blocks of two, made by this process."""
    out = tmp_path_factory.mktemp("alone")
    assert posts.generate(trees, Settings(briefs=few, seed=4, block=2), ThisProcess(), out=out).made
    return out


def files(out: Path) -> dict[str, bytes]:
    """What a run wrote, the contact sheet included."""
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_any_number_of_workers_in_any_order_gives_the_same_bytes(
    trees: Home, few: tuple[Brief, ...], alone: Path, tmp_path: Path
) -> None:
    told = posts.generate(trees, Settings(briefs=few, seed=4, block=2), Several(3, 1), out=tmp_path)
    assert (told.made, told.posts, told.failed) == (7, 7, ())
    assert files(tmp_path) == files(alone)


def test_a_run_of_one_block_is_the_run_without_blocks(
    trees: Home, few: tuple[Brief, ...], tmp_path: Path
) -> None:
    asked = few[:3]
    generate(trees, Settings(briefs=asked, seed=4), out=tmp_path / "plain")
    posts.generate(trees, Settings(briefs=asked, seed=4), ThisProcess(), out=tmp_path / "block")
    plain, block = files(tmp_path / "plain"), files(tmp_path / "block")
    del plain["runs.json"], block["runs.json"]  # which says how it may go on
    assert plain == block


def test_a_stopped_run_goes_on_and_makes_nothing_twice(
    trees: Home,
    few: tuple[Brief, ...],
    alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    do = posts.Maker.do

    def stopped(self: posts.Maker, job: posts.Job) -> posts.Made:
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append(job.name)
        return do(self, job)

    settings = Settings(briefs=few, seed=4, block=2)
    monkeypatch.setattr(posts.Maker, "do", stopped)
    with pytest.raises(KeyboardInterrupt):
        posts.generate(trees, settings, Several(2, 5), out=tmp_path)
    monkeypatch.setattr(posts.Maker, "do", do)
    told = posts.generate(trees, settings, Several(2, 6), out=tmp_path)
    assert (told.made, told.posts) == (3, 7)
    assert files(tmp_path) == files(alone)
    told = posts.generate(trees, settings, ThisProcess(), out=tmp_path)
    assert (told.made, told.posts) == (0, 7)
    assert files(tmp_path) == files(alone)


def killed_at_the_fourth(root: Path, out: Path, settings: Settings) -> None:
    """A run in a process that the kernel kills."""
    made: list[str] = []
    do = posts.Maker.do

    def fatal(self: posts.Maker, job: posts.Job) -> posts.Made:
        made.append(job.name)
        if len(made) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return do(self, job)

    posts.Maker.do = fatal  # type: ignore[method-assign]
    posts.generate(Home(root), settings, ThisProcess(), out=out)


def test_a_killed_run_goes_on_without_making_any_post_anew(
    trees: Home, few: tuple[Brief, ...], alone: Path, tmp_path: Path
) -> None:
    settings = Settings(briefs=few, seed=4, block=2)
    asked = (trees.root, tmp_path, settings)
    process = multiprocessing.get_context("spawn").Process(target=killed_at_the_fourth, args=asked)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (journal,) = tmp_path.glob(".said-*")
    with journal.open("ab") as stream:
        stream.write(b'["04-photo')  # as a power cut may leave it
    told = posts.generate(trees, settings, ThisProcess(), out=tmp_path)
    assert (told.made, told.posts) == (4, 7)
    assert files(tmp_path) == files(alone)


def test_what_a_killed_run_made_is_known_to_all_who_ask_the_folder(
    trees: Home, few: tuple[Brief, ...], tmp_path: Path
) -> None:
    asked = (trees.root, tmp_path, Settings(briefs=few, seed=4, block=2))
    process = multiprocessing.get_context("spawn").Process(target=killed_at_the_fourth, args=asked)
    process.start()
    process.join()
    (run,) = Folder(tmp_path).runs()
    there = sorted(path.parent.name for path in tmp_path.glob("*/post.json"))
    assert sorted(run.said) == there
    assert len(there) == 3
    begun = posts.begin(trees, Settings(count=1), out=tmp_path)
    assert begun.others == there
    assert [post.id for post in begun.earlier] == there


def test_without_blocks_a_killed_run_of_one_block_goes_on_too(
    trees: Home, few: tuple[Brief, ...], tmp_path: Path
) -> None:
    settings = Settings(briefs=few[:5], seed=4)
    asked = (trees.root, tmp_path, settings)
    process = multiprocessing.get_context("spawn").Process(target=killed_at_the_fourth, args=asked)
    process.start()
    process.join()
    assert generate(trees, settings, out=tmp_path).made == 2
    assert not list(tmp_path.glob(".said-*"))
    (run,) = Folder(tmp_path).runs()
    assert (run.finished, len(run.said)) == (True, 5)


def test_two_commands_do_not_make_the_same_run(
    trees: Home,
    few: tuple[Brief, ...],
    alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(briefs=few, seed=4, block=2)
    told: list[str] = []
    do = posts.Maker.do

    def beside(self: posts.Maker, job: posts.Job) -> posts.Made:
        if len(told) < 2:
            with pytest.raises(FeedsmithError) as caught:
                posts.generate(trees, settings, ThisProcess(), out=tmp_path)
            told.append(caught.value.message)
        return do(self, job)

    monkeypatch.setattr(posts.Maker, "do", beside)
    assert posts.generate(trees, settings, ThisProcess(), out=tmp_path).made == 7
    assert told == [f"{tmp_path}: another command makes this run"] * 2
    assert files(tmp_path) == files(alone)


def test_a_killed_workers_folder_goes_when_the_next_worker_starts(
    trees: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    asked = (trees.root, tmp_path / "out", Settings(seed=4, count=5, kind="quote"))
    process = multiprocessing.get_context("spawn").Process(target=killed_at_the_fourth, args=asked)
    process.start()
    process.join()
    (left,) = (tmp_path / "tmp").glob(f"{posts.SCRATCH}*")
    begun = posts.begin(trees, Settings(seed=4), out=tmp_path / "out")
    told = (trees.root, Settings(), begun.library.fingerprint(), begun.workshop.models)
    one, two = posts.Maker(*told), posts.Maker(*told)
    there = set((tmp_path / "tmp").glob(f"{posts.SCRATCH}*"))
    assert left not in there
    assert len(there) == 2  # who lives keeps its own
    one.close()
    two.close()
    assert not list((tmp_path / "tmp").glob(f"{posts.SCRATCH}*"))


@pytest.mark.parametrize(("limit", "block"), [("EARLIER", 2), ("REMEMBERED", 0)])
def test_a_run_reads_the_newest_of_earlier_posts_alone(
    trees: Home,
    few: tuple[Brief, ...],
    alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    block: int,
) -> None:
    """Ten thousand posts in a folder must not fill a small machine's memory."""
    shutil.copytree(alone, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(f"feedsmith.generate.{limit}", 3)
    read: list[str] = []
    post = Folder.post
    monkeypatch.setattr(Folder, "post", lambda self, name: read.append(name) or post(self, name))
    begun = posts.begin(trees, Settings(briefs=few[:5], block=block), out=tmp_path)
    assert [post.id for post in begun.earlier] == begun.others[-3:]
    assert (len(begun.others), len(read)) == (7, 3)


def known(run: Any) -> dict[int, set[int]]:
    return {turn: set(run._known(turn)) for turn in range(run.count)}


def test_what_a_post_knows_is_a_matter_of_its_place(
    trees: Home, few: tuple[Brief, ...], tmp_path: Path
) -> None:
    settings = Settings(briefs=few * 2, seed=4, block=4)
    run = posts._Run(posts.begin(trees, settings, out=tmp_path), settings)
    knows = known(run)
    assert knows[0] == set()
    assert knows[2] == {0, 1}
    assert knows[4] == {0, 1, 2, 3} | {8, 9, 10, 11}  # an odd block: both its neighbours
    assert knows[8] == set()  # an even one starts before its neighbours
    assert knows[13] == {8, 9, 10, 11, 12}  # the last block has none after it
    # Of two posts in neighbouring blocks one always knows the other.
    for turn in range(run.count):
        for other in range(max(0, turn - 4), turn):
            assert other in knows[turn] or turn in knows[other]


def made_of(job: posts.Job, caption: str, model: Any) -> posts.Made:
    post = model.model_copy(update={"id": job.name, "caption": caption})
    data = {file: b"" for medium in post.media for file in medium.files}
    data["post.json"] = post.model_dump_json().encode()
    return posts.Made(post, f"said-{job.order.turn}", data, ())


def test_no_caption_comes_twice_in_a_run(
    trees: Home,
    few: tuple[Brief, ...],
    alone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = next(iter(json.loads((alone / "runs.json").read_text("utf-8"))[0]["said"]))
    model = posts.Post.model_validate_json((alone / name / "post.json").read_bytes())

    class Forgetful:
        """Says the same in every third post, until it is told that it was said."""

        def __init__(self, *_: object) -> None:
            pass

        def do(self, job: posts.Job) -> posts.Made:
            same = "One and the same."
            told = any(posts.unpacked(post).caption == same for post in job.before)
            third = job.order.turn % 3 == 0 and not told
            return made_of(
                job, same if third else f"Words {job.order.turn} {job.order.seed}", model
            )

    settings = Settings(briefs=few * 2, seed=4, block=4)
    begun = posts.begin(trees, settings, out=tmp_path)
    run = posts._Run(begun, settings)
    with Several(3, 2).pool(Forgetful) as pool:
        for tag, made in posts.each(pool, run.jobs()):
            run.take(tag, made)
        first = {turn: posts.unpacked(run._post(turn, 0)).caption for turn in range(14)}
        assert len(set(first.values())) < 14  # far blocks do not know one another
        for round_ in range(1, 4):
            for tag, made in posts.each(pool, run.again(round_)):
                run.take(tag, made)
    last = {turn: posts.unpacked(run._post(turn, 4)).caption for turn in range(14)}
    assert len(set(last.values())) == 14
    changed = {turn for turn in range(14) if first[turn] != last[turn]}
    assert len(changed) == 14 - len(set(first.values()))  # the first of them stays

    # Killed as soon as the run is written: the versions that were replaced are gone by then.
    run.save()
    with monkeypatch.context() as patch:
        save = Folder.save
        patch.setattr(Folder, "save", lambda self, run: stopped(save(self, run)))
        with pytest.raises(KeyboardInterrupt):
            run.finish()
    run = posts._Run(replace(begun, run=run.folder.runs()[0]), settings)
    assert not run.missing()
    assert not [job for round_ in range(1, 4) for job in run.again(round_)]
    run.finish()
    there = sorted(path.parent.name for path in tmp_path.glob("*/post.json"))
    assert there == sorted(run.folder.runs()[0].said)
    assert len(there) == 14


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_worker_that_sees_another_library_or_model_is_told(
    trees: Home, tmp_path: Path, alone: Path
) -> None:
    models = posts.begin(trees, Settings(seed=4), out=tmp_path).workshop.models
    library = Library(trees.library).fingerprint()
    with pytest.raises(FeedsmithError, match="is not there"):
        posts.Maker(tmp_path / "elsewhere", Settings(), library, models)
    with pytest.raises(FeedsmithError, match="another state of the library"):
        posts.Maker(trees.root, Settings(), "0123", models)
    with pytest.raises(FeedsmithError, match="its model for captions is not there"):
        posts.Maker(trees.root, Settings(), library, {**models, "captions": "better 1"})


def test_a_full_disk_ends_the_run_and_another_fault_one_post(
    trees: Home, few: tuple[Brief, ...], tmp_path: Path
) -> None:
    settings = Settings(briefs=few, seed=4, block=2)
    run = posts._Run(posts.begin(trees, settings, out=tmp_path), settings)
    (tag, _job) = next(job for job in run.jobs() if job)
    run.take(tag, Failed("no words were found", "", lasting=False))
    assert run.failures() == (f"{tag.name}: no words were found",)
    with pytest.raises(FeedsmithError, match=r"node b: /tmp: the disk is full"):
        run.take(tag, Failed("/tmp: the disk is full", "free some", lasting=True, where="b"))
