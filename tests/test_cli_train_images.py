"""`feedsmith train images`, as a person types it, and what can go wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason='needs the train extra: pip install "feedsmith[train]"')

import small_photos
from test_cli import COMMAND, one_clear_line, run

FAST = (
    "--device", "cpu", "--dtype", "float32", "--threads", "1", "--channels", "4", "--judge",
    "patch", "--batch", "8", "--latent", "16",
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    home = tmp_path / "shop"
    assert run("init", home, "--name", "Discs").returncode == 0
    return home


def prepared(shop: Path, count: int = 60, size: int = 32) -> Path:
    photos = small_photos.photos(shop.parent / f"{count} photos", count)
    done = run("prepare", shop, "--size", str(size), "--photos", photos, "--crop", "centre")
    assert done.returncode == 0, done.stderr
    return shop


def train(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run("train", "images", home, *FAST, *words)


def test_from_photos_to_a_generator_in_two_commands(shop: Path) -> None:
    done = train(prepared(shop), "--kimg", "0.1")
    assert done.returncode == 0, done.stderr
    assert "under 300 pictures" in done.stdout
    assert "Sliced Wasserstein distance" in done.stdout
    assert "generate" in done.stdout
    card = json.loads((shop / "models" / "images" / "card.json").read_text("utf-8"))
    assert (card["recipe"], card["size"]) == ("compact", 32)
    assert (shop / "models" / "images" / "generator.onnx").stat().st_size > 1000


def test_a_dry_run_says_what_would_happen_and_leaves_no_run(shop: Path) -> None:
    done = train(prepared(shop), "--dry-run", "--recipe", "progressive", "--kimg", "1")
    assert done.returncode == 0, done.stderr
    assert "Progressive GAN, as in its paper, 32 px" in " ".join(done.stdout.split())
    assert not (shop / "runs").exists() or not list((shop / "runs").iterdir())


def test_stopped_by_ctrl_c_it_says_so_and_the_same_command_goes_on(shop: Path) -> None:
    prepared(shop)
    words = [*COMMAND, "train", "images", str(shop), *FAST, "--kimg", "0.6"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    metrics = shop / "runs" / "0001-images" / "metrics.jsonl"
    deadline = time.monotonic() + 600
    while not (metrics.exists() and metrics.read_text().count("loss_d") >= 8):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    done = train(shop, "--kimg", "0.6")
    assert done.returncode == 0, done.stderr
    assert "0001-images, goes on" in " ".join(done.stdout.split())


def test_a_progressive_training_with_a_budget_is_found_again(shop: Path) -> None:
    prepared(shop)
    words = ("--recipe", "progressive", "--width", "0.02")
    first = train(shop, *words, "--budget", "20s")
    assert first.returncode == 0, first.stderr
    assert "A phase shows" in first.stdout
    done = train(shop, *words, "--budget", "25s")
    assert done.returncode == 0, done.stderr
    assert [run.name for run in (shop / "runs").iterdir()] == ["0001-images"]


def test_two_processes_train_together_from_the_command_line(shop: Path) -> None:
    prepared(shop)
    words = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port",
        str(29900 + os.getpid() % 90), "-m", "feedsmith", "train", "images", str(shop), *FAST,
        "--recipe", "progressive", "--width", "0.02", "--budget", "20s",
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert [run.name for run in (shop / "runs").iterdir()] == ["0001-images"]
    assert done.stdout.count("thousand pictures at") == 1


def test_snapshots_come_as_often_as_they_are_asked_for(shop: Path) -> None:
    done = train(prepared(shop), "--kimg", "0.17", "--snapshot-every", "1epoch")
    assert done.returncode == 0, done.stderr
    kept = list((shop / "runs" / "0001-images" / "grids").glob("kimg-*.jpg"))
    assert len(kept) == 4  # three epochs of 54 pictures, and the end


@pytest.mark.parametrize(
    ("words", "says", "mend"),
    [
        (("--recipe", "fast"), "--recipe fast", "--help"),
        (("--snapshot-every", "often"), "--snapshot-every", "10epochs"),
        (("--budget", "soon"), "soon", "15m"),
        (("--size", "24"), "--size 24", "one of"),
        (("--size", "64"), "no data set of 64 px", "feedsmith prepare"),
        (("--from", "nowhere.safetensors"), "nowhere.safetensors", "run's folder"),
        (("--from", "weights.pth"), "run any code", "zoo"),
        (("--device", "cuda"), "no graphics card", "--device"),
        (("--data", "none.h5"), "none.h5", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_clear_line(
    shop: Path, words: tuple[str, ...], says: str, mend: str
) -> None:
    done = train(prepared(shop, 40), *words)
    assert done.returncode != 0
    said = one_clear_line(done)
    assert says in said
    assert mend in said


def test_without_a_data_set_it_says_how_to_make_one(shop: Path) -> None:
    said = one_clear_line(train(shop))
    assert "no data set" in said
    assert "feedsmith prepare" in said


def test_five_photos_are_too_few(shop: Path) -> None:
    said = one_clear_line(train(prepared(shop, 5)))
    assert "too few" in said
    assert "remix" in said


def test_a_data_set_cut_in_half_is_told_in_words(shop: Path) -> None:
    file = prepared(shop) / "datasets" / "images-32.h5"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    said = one_clear_line(train(shop))
    assert "images-32.h5" in said
    assert "feedsmith prepare" in said


def test_a_snapshot_of_another_recipe_is_named(shop: Path) -> None:
    assert train(prepared(shop), "--kimg", "0.05").returncode == 0
    done = train(
        shop, "--recipe", "progressive", "--width", "0.02", "--kimg", "0.05", "--from",
        shop / "runs" / "0001-images",
    )  # fmt: skip
    said = one_clear_line(done)
    assert "recipe compact" in said
    assert "--recipe compact" in said
