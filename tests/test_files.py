import contextlib
import errno
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable, held, made, sweep, write_bytes, write_text, writing


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that the user who runs the test may look into and not write to."""
    nobody = 65534
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "locked"
        folder.mkdir()
        folder.chmod(0o555)
        Path(place).chmod(0o755)
        if not hasattr(os, "seteuid"):
            pytest.skip("no POSIX users here")
        was = os.geteuid()
        with contextlib.ExitStack() as back:
            if was == 0:  # nothing is forbidden to root
                os.seteuid(nobody)
                back.callback(os.seteuid, was)
            yield folder
        folder.chmod(0o755)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    write_text(target, "first")

    def stopped_halfway() -> None:
        with writing(target) as stream:
            stream.write(b"second, half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_halfway()
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("below", ["x", "x/y/z.txt"])
def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "afile").write_text("mine")
    for act in (
        lambda: write_bytes(tmp_path / "afile" / below, b"data"),
        lambda: check_writable(tmp_path / "afile" / below),
        lambda: made(tmp_path / "afile" / below),
    ):
        with pytest.raises(FeedsmithError, match="afile: is a file, where a folder") as raised:
            act()
        assert "another folder" in raised.value.mend
        assert "space" not in raised.value.mend
    with pytest.raises(FeedsmithError, match="afile: is a file"):
        check_writable(tmp_path / "afile")
    assert (tmp_path / "afile").read_text() == "mine"


def test_many_may_make_the_same_folder_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for turn in range(200):
            folders = [tmp_path / str(turn) / "photos" / f"{i:02x}" for i in range(8)]
            assert list(pool.map(made, folders)) == folders


def test_a_link_to_nowhere_and_a_folder_in_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere" / "at-all")
    with pytest.raises(FeedsmithError, match="gone: is a link to nowhere"):
        check_writable(tmp_path / "gone")
    with pytest.raises(FeedsmithError, match="is a folder, where a file"):
        write_bytes(tmp_path, b"data")
    with pytest.raises(FeedsmithError, match="name is too long"):
        write_bytes(tmp_path / ("x" * 300), b"data")
    with pytest.raises(FeedsmithError, match="name is too long"):
        check_writable(tmp_path / ("x" * 300) / "y")


def test_a_folder_that_may_not_be_written_is_named(locked: Path) -> None:
    for act in (
        lambda: check_writable(locked),
        lambda: check_writable(locked / "below"),
        lambda: write_bytes(locked / "a.txt", b"data"),
        lambda: write_bytes(locked / "below" / "a.txt", b"data"),
    ):
        with pytest.raises(FeedsmithError, match=r"cannot be written \(permission") as raised:
            act()
        assert "permissions" in raised.value.mend


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path: Path) -> None:
    check_writable(tmp_path / "out" / "week")
    assert list((tmp_path / "out" / "week").iterdir()) == []
    (tmp_path / "out" / "mine.txt").write_text("mine")
    check_writable(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine.txt", "week"]


def test_a_full_disk_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FeedsmithError, match="disk is full") as raised:
        check_writable(tmp_path / "out")
    assert "free some space" in raised.value.mend
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_stays(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from feedsmith.files import writing\n"
        "with writing(Path(sys.argv[1])) as out:\n"
        "    out.write(b'half'); out.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "killed.txt")], check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    with writing(tmp_path / "whole.txt") as stream:
        stream.write(b"who")
        sweep(tmp_path)
        stream.write(b"le")
    assert [path.name for path in tmp_path.iterdir()] == ["whole.txt"]
    assert (tmp_path / "whole.txt").read_bytes() == b"whole"


def _is(fd: Path, file: Path) -> bool:
    with contextlib.suppress(OSError):
        return fd.readlink() == file
    return False


def test_a_lock_that_its_holder_takes_away_is_held_by_one_all_the_same(tmp_path: Path) -> None:
    lock, holds, leave = tmp_path / "lock", threading.Event(), threading.Event()

    def wait() -> None:
        with held(lock):
            holds.set()
            leave.wait(30)

    waiting = threading.Thread(target=wait)
    with held(lock):
        waiting.start()
        while sum(_is(fd, lock) for fd in Path("/proc/self/fd").iterdir()) < 2:
            time.sleep(0.01)  # until it has opened it, too
        lock.unlink()
    assert holds.wait(30)
    with pytest.raises(FeedsmithError, match="somebody has it"), held(lock, "somebody has it"):
        pass
    leave.set()
    waiting.join()
