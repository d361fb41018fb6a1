import os
from pathlib import Path

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.training import machine
from feedsmith.training.run import Run


def test_memory_that_is_not_there_is_told_in_words() -> None:
    with (
        pytest.raises(FeedsmithError, match="memory is not enough to train gpt2") as caught,
        machine.memory_in_words("gpt2", "use --method lora"),
    ):
        bytearray(1 << 60)
    assert "--method lora; the last snapshot is whole" in caught.value.mend


def test_other_faults_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), machine.memory_in_words("gpt2", ""):
        raise RuntimeError("shapes do not fit")


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (720, "12 min"), (12_000, "3 h 20 min")]
)
def test_a_length_of_time_is_said_in_words(seconds: float, words: str) -> None:
    assert machine.span(seconds) == words


def test_what_is_not_installed_is_named_with_its_extra() -> None:
    with pytest.raises(FeedsmithError, match=r"diffusion extra .* is not installed") as caught:
        machine.torch_of("no_such_module", extra="diffusion")
    assert "feedsmith[diffusion]" in caught.value.mend


def test_runs_are_numbered_and_a_begun_one_is_taken_up(tmp_path: Path) -> None:
    first = Run.of(tmp_path, "images", "key one", {"size": 64})
    other = Run.of(tmp_path, "captions", "key two", {})
    assert (first.name, other.name) == ("0001-images", "0002-captions")
    assert Run.of(tmp_path, "images", "key one", {"size": 64}).folder == first.folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no flock")
def test_two_processes_never_train_in_one_folder(tmp_path: Path) -> None:
    run = Run.of(tmp_path, "images", "key", {})
    with run.alone(), pytest.raises(FeedsmithError, match="running already"), run.alone():
        pass
