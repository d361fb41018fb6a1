"""`feedsmith prepare`, as a person types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feedsmith.brand import Home, checked
from feedsmith.dataset import DataSet
from test_cli import COMMAND, one_clear_line, run
from test_prepare import folder, photo

pytest.importorskip("h5py")


def prepare(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run("prepare", home, *words)


def test_help_says_what_each_option_does() -> None:
    said = run("prepare", "--help").stdout
    for word in ("--size", "--crop", "--no-pyramid", "--hold-out", "--photos", "letterbox"):
        assert word in said
    assert "prepare" in run("--help").stdout


def test_a_folder_becomes_a_data_set_with_sheet_and_account(tmp_path: Path) -> None:
    photos, home = folder(tmp_path / "photos", 7), tmp_path / "mybrand"
    photo(8, 14, 14).save(photos / "dot.png")
    words = ("--photos", photos, "--size", "64", "--crop", "centre", "--no-pyramid")
    done = prepare(home, *words)
    assert done.returncode == 0, done.stderr
    assert "7 pictures of 64 px" in done.stdout
    assert "dot.png: 14 x 14 pixels, less than a quarter of 64" in done.stdout
    assert "7 different photos are few" in done.stdout
    assert "images-64.jpg" in done.stdout
    assert "Next: feedsmith generate" in done.stdout
    account = json.loads((home / "datasets/images-64.json").read_text("utf-8"))
    assert (account["pictures"], account["sizes"]) == (7, [64])
    assert account["left_out"][0]["name"] == "dot.png"
    with DataSet.open(home / "datasets/images-64.h5") as data:
        assert (len(data), data.crop) == (7, "centre")
    again = prepare(home, *words)
    assert again.returncode == 0
    assert "Nothing has changed" in again.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "100"), "--size 100"),
        (("--crop", "circle"), '--crop "circle"'),
        (("--hold-out", "0.9"), "--hold-out 0.9"),
        (("--photos", "gone"), "gone: is not there"),
        (("--photos", __file__), "is a file, where a folder"),
    ],
)
def test_options_that_make_no_sense_are_named(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in one_clear_line(prepare(tmp_path / "mybrand", *words))


def test_an_empty_library_says_how_to_fill_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "shop")
    home.create(checked({"name": "Shop"}))
    said = one_clear_line(prepare(home.root))
    assert "the library is empty" in said
    assert "--photos" in said
    assert "feedsmith init" in one_clear_line(prepare(tmp_path / "nowhere"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", 3)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/datasets").write_text("a file", "utf-8")
    said = one_clear_line(prepare(tmp_path / "shop", "--photos", photos))
    assert "where a folder is needed" in said


def test_without_h5py_the_extra_is_named(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", 3)
    hidden = "import sys; sys.modules['h5py'] = None; from feedsmith.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "prepare", str(tmp_path / "shop"), "--photos", str(photos)],
        capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "160"},
    )  # fmt: skip
    said = one_clear_line(done)
    assert "train extra (h5py is not installed)" in said
    assert 'pip install "feedsmith[train]"' in said
    assert not (tmp_path / "shop").exists()


def test_stopped_by_ctrl_c_the_same_command_goes_on(tmp_path: Path) -> None:
    photos, home = tmp_path / "photos", tmp_path / "shop"
    photos.mkdir()
    for n in range(8):
        photo(n, 2400, 1800).save(photos / f"{n}.jpg", quality=96)
    for n in range(8, 120):
        os.link(photos / f"{n % 8}.jpg", photos / f"{n}.jpg")
    words = ["prepare", str(home), "--photos", str(photos), "--crop", "centre", "--size", "512"]
    going = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "160"},
    )  # fmt: skip
    notes = home / "datasets/images-512.h5.notes"
    until = time.monotonic() + 600
    while not notes.exists() and going.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.3)
    going.send_signal(signal.SIGINT)
    out, said = going.communicate(timeout=60)
    assert going.returncode == 130, out + said
    assert "run the same command to go on" in said
    assert "Traceback" not in said
    part = home / "datasets/images-512.h5.part"
    assert part.exists()
    inode = part.stat().st_ino
    done = run(*words)
    assert done.returncode == 0, done.stderr
    file = home / "datasets/images-512.h5"
    assert file.stat().st_ino == inode  # the same file, gone on with
    with DataSet.open(file) as data:
        assert len(data) == 8


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_one_clear_line_and_with_room_it_goes_on(tmp_path: Path) -> None:
    photos, home = folder(tmp_path / "photos", 9), tmp_path / "shop"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(home)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    words = ("--photos", photos, "--size", "256", "--crop", "centre")
    try:
        said = one_clear_line(prepare(home, *words))
        assert "0 MB free" in said
        assert "smaller --size" in said
        subprocess.run(["mount", "-o", "remount,size=20m", str(home)], check=True)
        done = prepare(home, *words)
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", str(home)], check=True)
