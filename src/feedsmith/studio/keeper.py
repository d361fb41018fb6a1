"""Keeper: several servers at one address, and the process that keeps them.

A server thinks on one processor; where pages are asked for faster than that, the studio has several. The keeper binds
the socket, on which all of them listen, starts them, and starts anew what dies, ever more seldom where it dies at
once. What a studio has once stays here: workers, publisher and webhooks, what is counted for /metrics, how often one
caller has asked. Servers ask for it by a line (line.py). It answers no browser itself.
"""

import contextlib
import json
import logging
import math
import os
import queue
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from io import BufferedReader

from django.db import connections

from feedsmith.errors import FeedsmithError
from feedsmith.studio import logs, metrics
from feedsmith.studio.rate import rate
from feedsmith.studio.server import GOODBYE
from feedsmith.studio.settings import Config
from feedsmith.studio.worker import supervisor
from feedsmith.studio.worker.lock import OneStudio

LOOK_EVERY = 0.2
"""Seconds between two looks at the servers."""
AT_ONCE = 10.0
"""Seconds; a server that dies younger than this is started ever more seldom in its place."""
BACK_OFF_MAX = 30.0
IN_VAIN = 4
"""Such deaths in a row, in every place, before any server has lived longer, after which the studio ends."""
UNHEARD = 5
"""Seconds in which a server must take up what it is told; one that does not is cut off, and ends."""

log = logging.getLogger("feedsmith.studio")


class Kept:
    """A server that was started, and our end of its line."""

    def __init__(self, process: "subprocess.Popen[bytes]", there: socket.socket) -> None:
        self.process, self.since = process, time.monotonic()
        self._there, self._lock = there, threading.Lock()

    def questions(self) -> BufferedReader:
        return self._there.makefile("rb")

    def say(self, number: int, said: bytes) -> None:
        with self._lock:
            try:
                self._there.sendall(b"%d %d\n" % (number, len(said)) + said)
            except OSError:
                self.hang_up()  # half an answer spoils those that follow

    def hang_up(self) -> None:
        """It then ends, if it has not."""
        with contextlib.suppress(OSError):
            self._there.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self._there.close()


class Place:
    """For one server at a time."""

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self.early = 0
        """Deaths at once, in a row."""
        self.not_before = 0.0

    def died_early(self) -> float:
        """Returns the seconds until the next start."""
        self.early += 1
        wait = min(BACK_OFF_MAX, 2.0 ** (self.early - 1) - 1)
        self.not_before = time.monotonic() + wait
        return wait


class Keeper:
    def __init__(self, config: Config, listening: socket.socket, lock: OneStudio) -> None:
        """Raises FeedsmithError where this system has not what is needed."""
        if not hasattr(socket, "AF_UNIX") or sys.platform == "win32":
            raise FeedsmithError(
                "several servers need Linux or macOS", mend="leave --servers and FEEDSMITH_SERVERS out"
            )  # fmt: skip
        self.config, self.listening, self.lock = config, listening, lock
        self.counts = config.folder / "counts"
        """In the studio's folder: this studio has it alone as long as it has the lock, and no cleaner comes there."""
        shutil.rmtree(self.counts, ignore_errors=True)
        self.counts.mkdir()
        self.places = [Place() for _ in range(config.servers)]
        self.starts = self.deaths = 0
        self.proven = False
        """Whether a server has lived longer than AT_ONCE since the studio began."""
        self._slow: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        threading.Thread(target=self._work_slowly, name="numbers", daemon=True).start()

    def run(self) -> None:
        """Until KeyboardInterrupt. Raises FeedsmithError where no server ever lives."""
        metrics.keeper = self
        while True:
            self.look()
            time.sleep(LOOK_EVERY)

    def running(self) -> list[Kept]:
        return [place.kept for place in self.places if place.kept is not None]

    def processes(self) -> list[int]:
        """Of the servers that run."""
        return [kept.process.pid for kept in self.running()]

    def look(self) -> None:
        """Once at all places. Raises FeedsmithError where no server ever lived, and none does."""
        for place in self.places:
            kept = place.kept
            if kept is None:
                continue
            if lived := time.monotonic() - kept.since > AT_ONCE:
                place.early, self.proven = 0, True
            code = kept.process.poll()
            if code is None:
                continue
            place.kept = None
            kept.hang_up()
            self.deaths += 1
            wait = 0.0 if lived else place.died_early()
            why = "killed" if code < 0 else "crashed"
            fields = {"server": kept.process.pid, "code": code, "why": why, "again_in_s": wait}
            logs.event(log, "process died", logging.WARNING, **fields)
            self._slow.put(partial(self._add_up, kept.process.pid))
        if not (self.proven or self.running()) and all(p.early >= IN_VAIN for p in self.places):
            raise FeedsmithError(
                "the servers do not start",
                mend=f"read the end of {self.config.folder / 'studio.log'}; start with --servers 1",
            )
        for place in self.places:
            if place.kept is None and time.monotonic() >= place.not_before:
                self._start(place)
        logs.turn()

    def _start(self, place: Place) -> None:
        try:
            place.kept = self._begun()
        except (
            OSError,
            RuntimeError,
        ) as error:  # no memory, descriptors, processes or threads left now
            log.error("a server could not be started: %s; again in %.0f s", error, place.died_early())  # fmt: skip
            return
        self.starts += 1
        logs.event(log, "process begun", server=place.kept.process.pid)

    def _begun(self) -> Kept:
        with contextlib.ExitStack() as undone, contextlib.ExitStack() as theirs_alone:
            ours, theirs = socket.socketpair()
            undone.callback(ours.close)
            theirs_alone.callback(theirs.close)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", UNHEARD, 0))
            events = os.dup(2)
            theirs_alone.callback(os.close, events)
            process = subprocess.Popen(
                [sys.executable, "-m", "feedsmith.studio.server", str(self.listening.fileno()),
                 str(theirs.fileno()), str(events)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                env=os.environ | self.config.as_environment() | {metrics.SHARED: str(self.counts)},
                start_new_session=True,  # Ctrl-C is for us
                pass_fds=(self.listening.fileno(), theirs.fileno(), events, *self.lock.handles()),
            )  # fmt: skip
            undone.callback(process.wait)
            undone.callback(process.kill)
            kept = Kept(process, ours)
            threading.Thread(target=self._listen, args=(kept,), name="line", daemon=True).start()
            undone.pop_all()
        return kept

    def begin_to_end(self) -> None:
        """Tell all servers to end; open requests get GOODBYE seconds (server.py)."""
        for kept in self.running():
            kept.process.terminate()

    def close(self, until: float = math.inf) -> None:
        """End all servers. `until`: when they must be gone, by time.monotonic(); those that are not are killed."""
        self.begin_to_end()
        until = min(until, time.monotonic() + GOODBYE + 1)
        for place in self.places:
            if (kept := place.kept) is None:
                continue
            try:
                kept.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                kept.process.kill()
                kept.process.wait()
            kept.hang_up()
            place.kept = None
        shutil.rmtree(self.counts, ignore_errors=True)

    # ---- the line --------------------------------------------------------------------------------

    def _listen(self, kept: Kept) -> None:
        """Answer one server, until it is gone."""
        try:
            with kept.questions() as questions:
                for question in questions:
                    number, word, *more = json.loads(question)
                    if word == "metrics":
                        self._slow.put(partial(self._tell_numbers, kept, number, time.monotonic()))
                        continue
                    said = self.answer(word, *more)
                    if number:
                        kept.say(number, said)
        except OSError:  # it was killed while it asked
            pass
        except Exception:
            log.exception("a question of a server was not answered")
        finally:
            kept.close()

    def answer(self, word: str, *more: object) -> bytes:
        """Of one question of a server; at once."""
        if word == "wake":
            supervisor.wake()
            return b""
        if word == "alive":
            return (
                b"1" if metrics.supervisor is not None and metrics.supervisor.is_alive() else b"0"
            )
        if word == "mirror":
            return metrics.mirror_trouble().encode()
        if word == "take":
            caller, a_second, at_once = more
            return str(rate.taken(str(caller), float(str(a_second)), float(str(at_once)))).encode()
        if word == "count":
            caller, seconds = more
            return str(rate.counted(str(caller), float(str(seconds)))).encode()
        raise ValueError(word)

    # ---- what may take a while -------------------------------------------------------------------

    def _work_slowly(self) -> None:
        """One after the other: what asks the database, or writes files that another such task reads."""
        while True:
            task = self._slow.get()
            try:
                task()
            except Exception:
                log.exception("the numbers of the servers were not added up")
            finally:
                connections.close_all()

    def _tell_numbers(self, kept: Kept, number: int, asked: float) -> None:
        if time.monotonic() - asked < metrics.PATIENCE:  # else nobody waits any more
            kept.say(number, metrics.scrape())

    def _add_up(self, gone: int) -> None:
        if (
            gone not in self.processes()
        ):  # its number is used again: the new one counts on in the same files
            metrics.add_up(self.counts, gone)
