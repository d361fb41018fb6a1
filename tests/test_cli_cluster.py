"""Options for many processors, as a person types them, without a cluster."""

import subprocess
import sys
from pathlib import Path

import pytest

from test_cli import one_clear_line, run

WITHOUT_RAY = "import sys; sys.modules['ray'] = None; from feedsmith.cli import main; main()"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cli") / "shop"
    assert run("init", home, "--name", "Discs").returncode == 0
    return home


@pytest.mark.parametrize(
    "command", [["generate"], ["evaluate", "images"], ["prepare"]], ids=lambda words: words[-1]
)
def test_without_ray_the_extra_is_named(shop: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY, *command, str(shop), "--cluster", "local"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = one_clear_line(done)
    assert "--cluster needs the cluster extra" in said
    assert 'pip install "feedsmith[cluster]"' in said


def test_workers_without_a_cluster_are_a_mistake(shop: Path) -> None:
    assert "--workers goes with --cluster" in one_clear_line(
        run("generate", shop, "--workers", "2")
    )


def test_too_many_posts_for_one_chain_are_told_what_to_do(shop: Path) -> None:
    said = one_clear_line(run("generate", shop, "--count", "2001"))
    assert "2,001 posts are too many to be made one after the other" in said
    assert "--block 32" in said


def test_a_bucket_without_keys_is_told(shop: Path) -> None:
    said = one_clear_line(run("prepare", shop, "--photos", "s3://b/x", FEEDSMITH_S3_ACCESS_KEY=""))
    assert "FEEDSMITH_S3_ACCESS_KEY" in said


def test_a_table_may_have_more_rows_than_yaml(shop: Path, tmp_path: Path) -> None:
    rows = "".join("quote\n" for _ in range(2001))
    plan = tmp_path / "plan.csv"
    plan.write_text(f"kind\n{rows}")
    assert "2,001 posts are too many" in one_clear_line(run("generate", shop, "--plan", plan))
    plan = tmp_path / "plan.yaml"
    plan.write_text("posts:\n" + "- kind: quote\n" * 2001)
    said = one_clear_line(run("generate", shop, "--plan", plan))
    assert "more than 2000 posts" in said
    assert "CSV" in said
