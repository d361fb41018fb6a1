"""`feedsmith train captions`, as a person types it: from a text file to posts, and what can go wrong."""

import importlib.util
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictures
from small_models import folder, rows
from test_cli import COMMAND, one_clear_line, run

EXTRA = ("torch", "transformers", "peft", "gguf", "safetensors")
there = all(importlib.util.find_spec(name) is not None for name in EXTRA)
pytestmark = pytest.mark.skipif(
    not there, reason='needs the train extra: pip install "feedsmith[train]"'
)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("bases"), "gpt2")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    home = tmp_path / "shop"
    assert run("init", home, "--name", "Fog", "--niche", "tea", "--voice", "dry").returncode == 0
    return home


def corpus(path: Path, count: int = 80) -> Path:
    """As gpt-2-simple's own tools write it."""
    path.write_text(
        "".join(f"<|startoftext|>{row['caption']} #tea<|endoftext|>\n" for row in rows(count)),
        "utf-8",
    )
    return path


def train(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run(
        "train", "captions", home, "--device", "cpu", "--dtype", "float32", "--threads", "1", *words
    )


def test_from_a_gpt_2_folder_and_one_text_file_to_posts(
    gpt2: Path, shop: Path, tmp_path: Path
) -> None:
    done = train(
        shop, "--base", gpt2, "--text", corpus(tmp_path / "captions.txt"), "--method", "full",
        "--rate", "0.003", "--batch-tokens", "300", "--budget", "1m",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Held-out perplexity" in done.stdout
    assert "0001-captions" in done.stdout
    assert "Next: feedsmith evaluate captions" in done.stdout
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(3):
        Image.fromarray(np.asarray(pictures.landscape(1400, 1120, seed=i))).save(
            photos / f"hill {i}.jpg", quality=90
        )
    assert run("import", shop, photos).returncode == 0
    made = run("generate", shop, "--count", "2", "--kind", "photo", "--seed", "1")
    assert made.returncode == 0, made.stdout + made.stderr
    for post in (shop / "posts").glob("*/post.json"):
        told = json.loads(post.read_text("utf-8"))
        assert told["models"]["captions"].startswith("0001-captions ")
        assert "captions adapter" not in told["models"]
    assert "left out" not in made.stdout


def test_a_dry_run_says_what_would_happen_and_leaves_no_run(
    gpt2: Path, shop: Path, tmp_path: Path
) -> None:
    done = train(shop, "--base", gpt2, "--text", corpus(tmp_path / "captions.txt"), "--dry-run")
    assert done.returncode == 0
    assert "to train on" in done.stdout
    assert "0001-captions, new" in done.stdout
    assert not (shop / "runs").exists()


def test_stopped_by_ctrl_c_the_same_command_goes_on(gpt2: Path, shop: Path, tmp_path: Path) -> None:
    words = [
        "train", "captions", str(shop), "--base", str(gpt2), "--text",
        str(corpus(tmp_path / "captions.txt")), "--device", "cpu", "--threads", "1", "--rate", "0.01",
        "--epochs", "40", "--patience", "99", "--batch-tokens", "300", "--snapshot-every", "5",
    ]  # fmt: skip
    going = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "COLUMNS": "160"},
    )  # fmt: skip
    snapshot = shop / "runs" / "0001-captions" / "snapshot.json"
    until = time.monotonic() + 600
    while not snapshot.exists() and going.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    going.send_signal(signal.SIGINT)
    _, said = going.communicate(timeout=60)
    assert going.returncode == 130
    assert "run the same command to go on" in said
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert "0001-captions, goes on" in done.stdout
    assert [p.name for p in (shop / "runs").iterdir()] == ["0001-captions"]


BAD = {
    "three captions only": ("Fog.\nPine and rain.\nA cup of moss.\n", "3 different captions"),
    "all empty": ("\n  \n\n", "0 different captions"),
    "all hashtags": (
        "".join(f"#tea #fog #cup{i}\n" for i in range(60)),
        "have no words of their own",
    ),
    "one and the same": ("Good morning.\n" * 60, "1 different captions"),
}


@pytest.mark.parametrize("case", BAD)
def test_captions_that_teach_nothing_are_refused_with_advice(
    gpt2: Path, shop: Path, tmp_path: Path, case: str
) -> None:
    text, words = BAD[case]
    path = tmp_path / "captions.txt"
    path.write_text(text, "utf-8")
    said = one_clear_line(train(shop, "--base", gpt2, "--text", path))
    assert words in said
    assert "at least 20" in said
    assert not (shop / "runs").exists()


def test_a_giant_caption_mixed_scripts_and_bad_bytes_do_not_stop_a_training(
    gpt2: Path, shop: Path, tmp_path: Path
) -> None:
    lines = [row["caption"] for row in rows(50)]
    lines += [
        "fog and pine " * 4000,
        "شاي بالنعناع كل صباح",
        "朝の霧とお茶",
        "Чай и туман 🌫️",
        "Kaffee ☕️ über Moos",
    ]
    path = tmp_path / "captions.txt"
    path.write_bytes("\n".join(lines).encode("utf-8") + b"\nrain \xff\xfe and wool\n")
    done = train(
        shop,
        "--base",
        gpt2,
        "--text",
        path,
        "--epochs",
        "1",
        "--rate",
        "0.01",
        "--batch-tokens",
        "300",
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((shop / "runs" / "0001-captions" / "config.json").read_text("utf-8"))["data"]
    assert data["train"] + data["held_out"] == 56


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--base", "./gone"), "no such model folder"),
        (("--budget", "soon"), "is not a length of time"),
        (("--method", "magic"), "--method magic: input should be 'lora' or 'full'"),
        (("--hold-out", "0.9"), "--hold-out 0.9"),
        (("--text", "gone.txt"), "gone.txt: cannot be read"),
        (("--start", "starter", "--rank", "4"), "rank 8"),
    ],
)
def test_options_that_make_no_sense_are_named(
    shop: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    given = ["--text", corpus(tmp_path / "captions.txt")] if "--text" not in words else []
    assert said in one_clear_line(train(shop, *given, *words)).replace("\n", " ")


def test_a_base_folder_without_a_tokeniser_is_refused(shop: Path, tmp_path: Path) -> None:
    place = folder(tmp_path, "gpt2")
    (place / "tokenizer.json").unlink()
    said = one_clear_line(train(shop, "--base", place, "--text", corpus(tmp_path / "captions.txt")))
    assert "no tokeniser in it" in said


def test_an_empty_library_says_how_to_fill_it(shop: Path) -> None:
    said = one_clear_line(train(shop))
    assert "0 different captions" in said or "empty" in said


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_keeps_the_last_snapshot_and_the_run_goes_on_where_it_was(
    gpt2: Path, shop: Path, tmp_path: Path
) -> None:
    runs = shop / "runs"
    runs.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1000k", "tmpfs", str(runs)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    words = (
        "--base", gpt2, "--text", corpus(tmp_path / "captions.txt"), "--method", "full", "--rate",
        "0.003", "--batch-tokens", "300", "--epochs", "3", "--snapshot-every", "5",
    )  # fmt: skip
    try:
        said = one_clear_line(train(shop, *words))
        assert "disk is full" in said
        subprocess.run(["mount", "-o", "remount,size=40m", str(runs)], check=True)
        done = train(shop, *words)
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", str(runs)], check=True)
