"""Turns: who makes posts and who looks at a film to publish never need their memory at once."""

import threading
import time
from pathlib import Path

import pytest

from feedsmith.studio.worker.turns import HANDED_ON, Turns
from studio_server import until


def test_workers_go_side_by_side(tmp_path: Path) -> None:
    with Turns(tmp_path).together(), Turns(tmp_path).together() as second:
        second.give_way()  # and nobody waits for the other


def test_a_folder_that_a_cleaner_took_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with Turns(folder).together() as worker:
        worker.give_way()
    with Turns(folder).alone(0) as alone:
        assert alone


def test_who_wants_to_be_alone_comes_between_two_steps(tmp_path: Path) -> None:
    told: list[str] = []
    waiting = threading.Event()

    def publish() -> None:
        waiting.set()
        with Turns(tmp_path).alone(60):
            told.append("alone")
            time.sleep(0.3)
            told.append("done")

    with Turns(tmp_path).together() as worker:
        publisher = threading.Thread(target=publish)
        publisher.start()
        waiting.wait()
        until(lambda: _locked(tmp_path / "wanted"))
        told.append("first step")
        worker.give_way()
        told.append("second step")
        publisher.join()
    assert told == ["first step", "alone", "done", "second step"]


def test_whoever_begins_meanwhile_waits_too(tmp_path: Path) -> None:
    told: list[str] = []

    def work() -> None:
        with Turns(tmp_path).together():
            told.append("worker")

    with Turns(tmp_path).alone(60):
        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(0.2)
        told.append("publisher")
    worker.join()
    assert told == ["publisher", "worker"]


def test_a_long_step_is_not_waited_for_but_the_next_one_comes_after(tmp_path: Path) -> None:
    publisher, told = Turns(tmp_path), list[str]()
    with Turns(tmp_path).together() as worker:
        with publisher.alone(0) as alone:
            assert not alone
        step = threading.Thread(target=lambda: (worker.give_way(), told.append("next step")))
        step.start()
        with publisher.alone(60) as alone:
            assert alone
            assert told == []
        step.join()
    assert told == ["next step"]


def test_who_wants_it_no_more_stands_in_nobodys_way(tmp_path: Path) -> None:
    publisher = Turns(tmp_path)
    with Turns(tmp_path).together() as worker:
        with publisher.alone(0):
            pass
        publisher.leave()
        worker.give_way()


def test_without_a_supervisor_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HANDED_ON, raising=False)
    with Turns.here().alone(0), Turns.here().together() as worker:
        worker.give_way()


def _locked(path: Path) -> bool:
    import fcntl

    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
