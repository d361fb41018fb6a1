"""The command line as a person types it: what it prints, and how it exits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import feedsmith
from feedsmith.brand import Home

COMMAND = [sys.executable, "-c", "from feedsmith.cli import main; main()"]


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "160", **environment},
    )


def one_clear_line(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a failed command: two lines, no traceback, exit code 1."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("feedsmith: ")
    assert "Next: " in done.stderr
    return done.stderr


def test_help_names_every_command() -> None:
    said = run("--help").stdout
    for command in (
        "init",
        "import",
        "library",
        "generate",
        "evaluate",
        "models",
        "doctor",
        "collect",
    ):
        assert command in said


@pytest.mark.parametrize(
    "command",
    ["init", "import", "library", "generate", "rework", "evaluate", "doctor", "models", "collect"],
)
def test_every_command_explains_itself(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert len(done.stdout) > 200


def test_version_says_which_feedsmith_it_is() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"feedsmith {feedsmith.__version__}\n")


def test_rework_says_what_is_not_there(tmp_path: Path) -> None:
    assert "no brand.toml" in one_clear_line(
        run("rework", tmp_path / "posts" / "01-photo", "--again")
    )
    assert run("init", tmp_path / "oak").returncode == 0
    post = tmp_path / "oak" / "posts" / "01-photo"
    assert "no finished post" in one_clear_line(run("rework", post, "--crop", "0,0,1.2"))


def test_init_makes_a_commented_brand_file_that_loads(tmp_path: Path) -> None:
    done = run("init", tmp_path / "blue-door_bakery", "--niche", "small cafe/bakery")
    assert done.returncode == 0
    home = Home(tmp_path / "blue-door_bakery")
    brand = home.load()
    assert (brand.name, brand.niche) == ("Blue Door Bakery", "small cafe/bakery")
    assert "# How you sound" in home.brand_file.read_text("utf-8")


def test_init_leaves_an_existing_brand_alone(tmp_path: Path) -> None:
    run("init", tmp_path / "shop", "--name", "First")
    done = run("init", tmp_path / "shop", "--name", "Second")
    assert done.returncode == 0
    assert "left as it is" in done.stdout
    assert Home(tmp_path / "shop").load().name == "First"


def test_a_folder_without_a_brand_says_how_to_make_one(tmp_path: Path) -> None:
    assert "feedsmith init" in one_clear_line(run("generate", tmp_path / "nowhere"))


def test_a_misspelt_setting_is_named_with_the_likely_one(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    file = tmp_path / "shop" / "brand.toml"
    file.write_text(file.read_text("utf-8").replace("niche =", "nische ="), "utf-8")
    assert 'perhaps you meant "niche"' in one_clear_line(run("generate", tmp_path / "shop"))


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    (tmp_path / "shop" / "brand.toml").write_text('name = "unfinished\n', "utf-8")
    assert "line 1" in one_clear_line(run("generate", tmp_path / "shop"))


@pytest.mark.parametrize(
    "setting", ['palette.paper = "blue"', 'banned_words = "cheap"', 'time_zone = "Mars"']
)
def test_a_wrong_value_is_said_in_words(tmp_path: Path, setting: str) -> None:
    (tmp_path / "brand.toml").write_text(f'name = "Shop"\n{setting}\n', "utf-8")
    said = one_clear_line(run("generate", tmp_path))
    assert setting.split(" =")[0] in said
    assert "pattern" not in said


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "brand.toml").write_text('\ufeffname = "Shop"\n', "utf-8")
    assert Home(tmp_path).load().name == "Shop"


def test_bad_settings_are_not_taken_over(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("nope = 3\n", "utf-8")
    one_clear_line(run("init", tmp_path / "shop", "--settings", bad))
    assert not (tmp_path / "shop" / "brand.toml").exists()


def test_odd_names_make_a_brand_file_that_loads(tmp_path: Path) -> None:
    name = 'Tom\'s "Ash" & Öl \\ \t<b>[red]'
    assert run("init", tmp_path / "sh[op]", "--name", name).returncode == 0
    assert Home(tmp_path / "sh[op]").load().name == name
    one_clear_line(run("init", tmp_path / "long", "--name", "x" * 90))


def test_a_path_that_is_a_file_is_said(tmp_path: Path) -> None:
    file = tmp_path / "afile"
    file.write_text("x", "utf-8")
    assert "afile" in one_clear_line(run("init", file))
    run("init", tmp_path / "shop")
    assert "afile" in one_clear_line(run("generate", tmp_path / "shop", "--out", file))


def test_a_folder_of_nothing_but_damage_fails_and_says_so(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    assert "set aside" in one_clear_line(run("import", tmp_path / "shop", tmp_path / "in"))


def test_credits_that_are_no_table_are_said(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    wrong = tmp_path / "photo.jpg"
    wrong.write_bytes(bytes(range(256)) * 9)
    one_clear_line(run("import", tmp_path / "shop", tmp_path, "--credits", wrong))


def test_help_shows_defaults() -> None:
    assert "a good mix" in run("generate", "--help").stdout


def test_an_empty_folder_has_nothing_to_import(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    (tmp_path / "empty").mkdir()
    one_clear_line(run("import", tmp_path / "shop", tmp_path / "empty"))


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    assert "nothing-here.zip" in one_clear_line(
        run("import", tmp_path / "shop", tmp_path / "nothing-here.zip")
    )


def test_an_unknown_kind_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    said = one_clear_line(run("generate", tmp_path / "shop", "--kind", "storry"))
    assert 'perhaps you meant "story"' in said
    assert "carousel" in said


def test_an_empty_library_is_told_before_anything_is_made(tmp_path: Path) -> None:
    run("init", tmp_path / "shop")
    assert "feedsmith import" in one_clear_line(run("generate", tmp_path / "shop"))
    assert "empty" in one_clear_line(run("library", tmp_path / "shop"))


def test_doctor_tells_of_parts_models_and_memory(tmp_path: Path) -> None:
    said = run("doctor", FEEDSMITH_MODELS=str(tmp_path)).stdout
    for topic in ("wasmtime", "captions-base", "feedsmith models fetch", "memory", "disk"):
        assert topic in said


def test_doctor_speaks_json() -> None:
    done = run("doctor", "--json")
    told = json.loads(done.stdout)
    assert set(told) == {"schema", "version", "ok", "findings"}
    assert (told["schema"], told["version"]) == (1, feedsmith.__version__)
    for finding in told["findings"]:
        assert set(finding) == {"name", "ok", "level", "words", "mend"}
        assert finding["ok"] == (finding["level"] != "bad")
    assert told["ok"] == all(finding["ok"] for finding in told["findings"])
    assert done.returncode == (0 if told["ok"] else 1)


def test_models_list_names_licences() -> None:
    assert "Apache-2.0" in run("models", "list").stdout


def test_a_mistake_of_ours_leaves_a_log_and_no_traceback(tmp_path: Path) -> None:
    """A library whose list is a folder is nothing that any message foresees."""
    broken = "import feedsmith.doctor as d, feedsmith.cli as c; d.examine = None; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", broken, "doctor"], capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 70
    assert "Traceback" not in done.stderr
    (log,) = tmp_path.glob("feedsmith-*.log")
    assert "Traceback" in log.read_text("utf-8")


def test_the_light_install_imports_no_training_stack() -> None:
    code = (
        "import sys, feedsmith.cli, feedsmith.generate, feedsmith.images.remix;"
        "print([m for m in ('torch', 'transformers', 'ray', 'django') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
