"""Memory: what a process may use and what it holds; and a whole studio in 512 MB."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgroup import Group, NoGroup
from feedsmith import memory


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    try:
        with Group(request.param) as made:
            yield made
    except NoGroup as why:
        pytest.skip(str(why))


def told(group: Group, code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*group.words, sys.executable, "-c", code], capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="told by Linux alone")
def test_pages_of_a_file_do_not_count_as_a_process_own(tmp_path: Path) -> None:
    """A model that is mapped is not held: a worker is not ended for it."""
    (tmp_path / "model").write_bytes(b"1" * (64 << 20))
    code = (
        "import mmap, sys; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ);"
        "s = sum(m[::4096]); print(flush=True); input(); x = b'1' * (64 << 20); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        mapped = memory.own(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        held = memory.own(process.pid)
        process.stdin.close()
    assert 0 < mapped < 40 << 20
    assert held - mapped > 60 << 20
    assert memory.own(process.pid) == 0


@pytest.mark.parametrize("group", [300 << 20], indirect=True)
def test_the_limit_is_that_of_the_container(group: Group) -> None:
    said = told(group, "from feedsmith import memory; print(memory.limit())")
    assert said.stdout.strip() == str(300 << 20)


@pytest.mark.parametrize("group", [64 << 20], indirect=True)
def test_what_does_not_fit_is_killed_and_counted(group: Group) -> None:
    assert group.oom_kills == 0
    assert told(group, "x = b'1' * (200 << 20)").returncode == -9
    assert group.oom_kills == 1
    assert group.peak < 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_a_process_holds_by_itself_grows_with_what_it_makes() -> None:
    before = memory.own()
    held = b"1" * (32 << 20)
    assert memory.own() - before >= 31 << 20
    assert len(held) == 32 << 20


@pytest.mark.full
@pytest.mark.model
@pytest.mark.parametrize("group", [512 << 20], indirect=True)
def test_fifty_posts_of_all_kinds_and_five_restarts_in_512_mb(group: Group, tmp_path: Path) -> None:
    from bench import capped

    from feedsmith.brand import Home

    home = tmp_path / "brand"
    Home(home).adopt(capped.DEMO / "brand.toml")
    life = capped.Life(home, group)
    rows: list[dict[str, object]] = []
    asked = argparse.Namespace(limit=512, photos=0, posts=50, restarts=5, minutes=120.0)
    try:
        seen = capped.soak(life, asked, tmp_path / "photos", list(capped.KINDS), rows)
    finally:
        life.server.close()
    assert seen["not done"] == []
    assert seen["posts"] == 50
    assert seen["OOM kills"] == 0
