"""Keeper: what is begun anew, how often, and when the studio gives up; small real processes in the servers' place.
And its line, with both ends in one process."""

import logging
import math
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from feedsmith.errors import FeedsmithError
from small_studio import CONFIG, text_of, visitor
from studio_server import until

pytestmark = pytest.mark.usefixtures("studio")


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator:  # type: ignore[type-arg]
    """Of two; those that are begun die at once where no file `live` lies there, which the first one takes away."""
    from feedsmith.studio.keeper import Keeper
    from feedsmith.studio.worker.lock import OneStudio

    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nrm {tmp_path}/live || exit 3\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Keeper(replace(CONFIG, servers=2), listening, OneStudio(CONFIG.folder))
        yield made
        for kept in made.running():
            kept.process.kill()
        made.close()


def look(keeper, early: int, place: int = 1) -> None:  # type: ignore[no-untyped-def]
    """Until a server has died so often in this place; nobody waits."""

    def seen() -> bool:
        for each in keeper.places:
            each.not_before = 0.0
        keeper.look()
        return keeper.places[place].early >= early

    until(seen, 60, every=0.01)


def one_lives(keeper, folder: Path):  # type: ignore[no-untyped-def]
    """In the first place, before anybody is begun in the second."""
    (folder / "live").touch()
    keeper.places[1].not_before = math.inf
    keeper.look()
    until(lambda: not (folder / "live").exists(), 60)
    return keeper.places[0].kept


def test_a_server_that_dies_again_and_again_waits_ever_longer_though_another_lives(
    keeper, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.keeper import AT_ONCE

    well = one_lives(keeper, tmp_path)
    well.since -= 2 * AT_ONCE
    look(keeper, 5)
    begun = keeper.starts
    keeper.places[1].died_early()
    keeper.look()
    assert keeper.places[1].kept is None
    assert keeper.starts == begun
    assert keeper.places[0].kept is well
    keeper.places[1].not_before = 0.0
    (tmp_path / "live").touch()
    keeper.look()
    keeper.places[1].kept.since -= 2 * AT_ONCE
    keeper.look()
    assert keeper.places[1].early == 0


def test_nobody_gives_up_while_a_server_lives(keeper, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.keeper import IN_VAIN

    well = one_lives(keeper, tmp_path)
    look(keeper, 2 * IN_VAIN)
    well.process.kill()
    with pytest.raises(FeedsmithError, match="do not start"):
        look(keeper, 2 * IN_VAIN, place=0)
    assert keeper.places[0].early == IN_VAIN


def test_each_place_is_tried_again_before_the_studio_ends(keeper) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.keeper import IN_VAIN

    with pytest.raises(FeedsmithError, match="do not start"):
        look(keeper, 100)
    assert keeper.starts >= 2 * IN_VAIN


def test_what_the_system_does_not_start_now_is_started_later(
    keeper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    with monkeypatch.context() as without, caplog.at_level(logging.ERROR, "feedsmith.studio"):
        without.setattr(sys, "executable", str(tmp_path / "not-there"))
        keeper.look()
        look(keeper, 3)
    assert "could not be started" in caplog.text
    assert keeper.starts == 0
    if before:
        assert len(list(Path("/proc/self/fd").iterdir())) == before  # none is left open
    (tmp_path / "live").touch()
    keeper.places[0].not_before = 0.0
    keeper.look()
    assert len(keeper.processes()) == 1


def test_there_are_not_ever_more_files_of_servers_that_died_and_no_count_falls_back(
    tmp_path: Path,
) -> None:
    from prometheus_client.multiprocess import MultiProcessCollector

    from feedsmith.studio import metrics

    counts = (
        "from prometheus_client import Counter, Histogram as H; import os\n"
        "Counter('asked', 'Asked.', ['route']).labels('a').inc(3); H('took', 'Took.').observe(0.2)\n"
        "print(os.getpid())"
    )

    def told() -> dict[str, float]:
        both = MultiProcessCollector(None, str(tmp_path)).collect()  # type: ignore[no-untyped-call]
        return {f"{s.name}{sorted(s.labels.items())}": s.value for m in both for s in m.samples}

    gone = []
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", counts], capture_output=True, text=True, check=True,
            env=os.environ | {metrics.SHARED: str(tmp_path)},
        )  # fmt: skip
        gone.append(int(ran.stdout))
    before = told()
    assert 9.0 in before.values()
    for pid in gone:
        metrics.add_up(tmp_path, pid)
        assert told() == before
    assert len(list(tmp_path.iterdir())) == 2


# ---- the line ------------------------------------------------------------------------------------


@pytest.fixture
def ends(keeper, monkeypatch: pytest.MonkeyPatch) -> Iterator:  # type: ignore[no-untyped-def,type-arg]
    """Our end of a line, whose other end leads somewhere from this process."""
    from feedsmith.studio import line, metrics
    from feedsmith.studio.keeper import Kept

    ours, theirs = socket.socketpair()
    kept = Kept(subprocess.Popen(["true"]), ours)
    monkeypatch.setattr(metrics, "keeper", keeper)
    monkeypatch.setattr(line, "_line", line.Line(theirs, threading.Event().set))
    yield kept
    kept.hang_up()
    kept.process.wait()
    until(line.is_cut, 60)
    theirs.close()


def test_a_question_is_answered_across_the_line_many_at_once(keeper, ends) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio import line
    from feedsmith.studio.worker import supervisor

    threading.Thread(target=keeper._listen, args=(ends,), daemon=True).start()
    supervisor._wake.clear()
    supervisor.wake()
    supervisor._wake.clear()  # that was ours; the keeper's comes by the line
    line.tell("wake")
    until(supervisor._wake.is_set, 60)
    told: list[bytes | None] = []

    def ask() -> None:
        told.extend(line.ask("count", "somebody", 60.0, patience=60) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    said = line.ask("metrics", patience=60)
    for thread in threads:
        thread.join()
    assert sorted(int(t or 0) for t in told) == list(range(1, 201))
    assert said is not None
    assert b"feedsmith_servers 0.0" in said


def test_a_keeper_that_is_mute_is_told_from_one_that_is_gone(
    ends, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio import line, metrics

    monkeypatch.setattr(metrics, "PATIENCE", 0.05)
    monkeypatch.setattr(line, "PATIENCE", 0.05)
    answer = visitor().get("/metrics")
    assert (answer.status_code, "not there within" in text_of(answer)) == (503, True)
    ends.close()
    until(line.is_cut, 60)
    answer = visitor().get("/metrics")
    assert (answer.status_code, "is gone" in text_of(answer)) == (503, True)
    assert "does not answer" in text_of(visitor().get("/readyz"))


def test_where_the_keeper_is_mute_each_counts_by_itself_and_says_so_once(
    ends, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio import rate

    monkeypatch.setattr(rate, "PATIENCE", 0.05)
    own = rate.Rate()
    with caplog.at_level(logging.WARNING, "feedsmith.studio"):
        assert [own.count("somebody", 60) for _ in range(30)] == list(range(1, 31))
    assert caplog.text.count("counts by itself") == 1
    with ends.questions() as questions:
        assert b'"count"' in questions.readline()
        ends.close()
        assert questions.readline() == b""  # it was asked once, then left in peace


def test_a_container_that_is_too_small_for_several_servers_is_said() -> None:
    from feedsmith.studio.start import narrow

    four = replace(CONFIG, servers=4)
    assert "4 servers and the workers may hold 766 MB together, and there are 512" in narrow(
        four, 512 << 20
    )
    assert narrow(four, 1 << 30) == ""
    assert narrow(four, None) == ""
    assert narrow(replace(four, workers_here=0), 512 << 20) == ""
    assert narrow(CONFIG, 256 << 20) == ""


def test_a_second_signal_does_not_disturb_the_end() -> None:
    from feedsmith.studio.start import End

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        end = End()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        end.begins()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert 0 < end.left() <= 8
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
