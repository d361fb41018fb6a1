"""The wheel: the same bytes whenever it is built, all of the package, nothing else."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason='needs the dev extra: pip install "feedsmith[dev]"')
sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import dist


def test_a_wheel_built_twice_has_the_same_bytes_and_all_that_the_package_is_made_of(
    tmp_path: Path,
) -> None:
    one, other = (dist.build(dist.REPO, tmp_path / n, "wheel", dist.epoch()) for n in "12")
    assert dist.sha256(one) == dist.sha256(other)
    assert dist.faults(one) == []
    assert one.stat().st_size < 25e6
