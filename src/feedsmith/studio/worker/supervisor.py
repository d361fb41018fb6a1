"""The supervisor: a thread of the server that starts workers when jobs wait, and watches them; and the
publisher, when a post is due.

Every way a worker can end leads to a sentence in its job: it goes on where it was, or is given up.
"""

import contextlib
import logging
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import Error, close_old_connections, connections
from django.utils import timezone

from feedsmith import memory
from feedsmith.files import sweep
from feedsmith.studio import due, line, logs
from feedsmith.studio.models import Brand, Job, Look, Publisher, WorkerNode, nodes
from feedsmith.studio.settings import Config
from feedsmith.studio.worker import turns
from feedsmith.studio.worker.lock import OneStudio

LOOK_EVERY = 0.5
"""Seconds between two looks at a busy worker's memory; at rest LOOK_AT_REST is enough, because whoever
asks for a job calls `wake`."""
LOOK_AT_REST = 2.0
SILENT_MAX = 90.0
"""Seconds without a heart-beat after which a worker is taken for frozen."""
GOODBYE = 3.0
"""Seconds that a worker gets to end once it is told."""
BACK_OFF_MAX = 30.0
"""Seconds; a worker that dies before it takes a job is started ever more seldom."""
STARTS_IN_VAIN = 4
"""Such deaths in a row after which the waiting job is told."""
ACCOUNTS_EVERY = 30.0
"""Seconds between two looks whether an account was connected on the command line."""
REFRESH_EVERY = 3600.0
"""Seconds between two tries to refresh a token that is due, where nothing is posted."""
WORKER_LOG_BYTES = 1_000_000

log = logging.getLogger("feedsmith.studio.worker")
_wake = threading.Event()


def wake() -> None:
    """There is something to do. In one of several servers the keeper is told. From a process without a
    supervisor: nothing happens, it looks by itself soon."""
    _wake.set()
    line.tell("wake")


@dataclass
class Worker:
    name: str
    process: "subprocess.Popen[bytes]"
    why: str = ""
    """Why we ended it; '' where it ended by itself."""
    mend: str = ""
    how: str = ""
    """The same in a word, for the log and the metrics."""
    beat: object = None
    seen: float = 0.0
    """The last heart-beat, and when it was seen to be new: on a clock that stands while a laptop sleeps."""


HOW = ("memory", "silent", "killed", "crashed")
"""In how many ways one may die. All are told from the start, with 0: a monitor sees no increase in what begins with 1."""
EXTRA = "extra-"
"""How the names of workers begin that another process than the studio's server started, maybe on another
machine: the server cannot know whether they live, save by their heart-beat."""


class Supervisor(threading.Thread):
    """`prefix`: EXTRA for one without a server, beside a studio on PostgreSQL."""

    def __init__(self, config: Config, lock: OneStudio, prefix: str = "") -> None:
        super().__init__(name="supervisor", daemon=True)
        self.prefix = prefix
        self.turns = tempfile.mkdtemp(prefix="feedsmith-turns-")
        at_most = config.jobs_at_once
        self.at_most = at_most if config.workers_here is None else min(at_most, config.workers_here)
        self.config = config
        self.lock = lock
        self.workers: list[Worker] = []
        self.closing = False
        self.told = math.inf
        """When the workers were told to end."""
        self.starts: Counter[str] = Counter()
        self.deaths: Counter[tuple[str, str]] = Counter()
        """How many workers and publishers were begun, and how many ended otherwise than by themselves, by
        why: memory, silent, killed or crashed."""
        self.in_vain = 0
        self.not_before = self.look_for_silent = 0.0
        self.node: WorkerNode | None = None
        """How the database knows this process; None for the studio's server, which tells its figures itself."""
        self.beaten = -nodes.BEAT_EVERY
        self.replaced = False
        self.publisher: Worker | None = None
        self.publisher_not_before = 0.0
        self.publisher_in_vain = 0
        self.accounts_seen = -ACCOUNTS_EVERY
        self.refreshed, self.stale = -REFRESH_EVERY, False

    # ---- the thread ----------------------------------------------------------------------------

    def run(self) -> None:
        self._tidy()
        while not self.closing:
            # What has a time of its own before what has none.
            for look in (self._look_at_node, self._look_at_publisher, self._look):
                try:
                    look()
                except Exception:  # the database may be full or locked now, and not in a moment
                    log.exception("the supervisor stumbled")
                    close_old_connections()
            _wake.wait(LOOK_EVERY if self.workers else LOOK_AT_REST)
            _wake.clear()
        for worker in self.workers:  # here, where nobody takes that for a death
            worker.process.terminate()
        self.told = time.monotonic()
        connections.close_all()

    def _look(self) -> None:
        if self.config.database_url and time.monotonic() >= self.look_for_silent:
            self.look_for_silent = time.monotonic() + SILENT_MAX / 3
            Job.lost(None, "the worker fell silent", silent=timedelta(seconds=SILENT_MAX))
        busy = dict(Job.objects.filter(state="running").values_list("worker", "heart_beat"))
        for worker in list(self.workers):
            code = worker.process.poll()
            if code is not None:
                self._gone(worker, code)  # first: where it raises, we come back for this worker
                self.workers.remove(worker)
            elif worker.name in busy:
                self._check(worker, busy[worker.name])
        idle = sum(worker.name not in busy for worker in self.workers)
        waiting = Job.could_run(self.config.jobs_at_once)
        if waiting and idle:
            for worker in self.workers:
                self._poke(worker)
        room = len(self.workers) < self.at_most
        if waiting > idle and room and time.monotonic() >= self.not_before:
            self._start()

    def _check(self, worker: Worker, beat: object) -> None:
        """End a worker that takes too much memory, or no longer breathes."""
        cap, used = self.config.memory_cap, resident(worker.process.pid)
        if used > cap:
            worker.how = "memory"
            worker.why = f"the worker used more than its {cap >> 20} MB of memory and was ended"
            worker.mend = f"allow more, if there is: feedsmith studio ... --memory {2 * cap >> 20}"
            log.warning("worker %s: %d MB", worker.name, used >> 20)
        elif beat != worker.beat:
            worker.beat, worker.seen = beat, time.monotonic()
        elif time.monotonic() - worker.seen > SILENT_MAX:
            worker.how = "silent"
            worker.why = "the worker no longer answered and was ended"
        if worker.why:
            worker.process.kill()

    def _gone(self, worker: Worker, code: int) -> None:
        why = worker.why or (
            f"the worker was killed from outside (signal {-code})"
            if code < 0
            else "the worker ended unexpectedly"
        )
        held = Job.lost(worker.name, why, worker.mend)
        if held or code not in (0, -signal.SIGTERM):
            self._died("worker", worker, code)
        self._close(worker)
        if not held:
            died = code not in (0, -signal.SIGTERM)
            self.in_vain = self.in_vain + 1 if died else 0
            if died:
                log.error("a worker without a job ended with %d; see worker.log", code)
                self.not_before = time.monotonic() + min(BACK_OFF_MAX, 2.0**self.in_vain)
            if self.in_vain >= STARTS_IN_VAIN:
                waiting = Job.objects.filter(state="queued").order_by("pk").first()
                if waiting is not None:
                    waiting.end(
                        "failed", error="the worker does not start",
                        mend=f"read the end of {self._log}; feedsmith doctor may know more",
                    )  # fmt: skip
            return
        self.in_vain = 0

    # ---- the node --------------------------------------------------------------------------------

    def _look_at_node(self) -> None:
        """Beside a server: tell the database, where the server reads it, that we live and how we are."""
        now = time.monotonic()
        if not self.prefix or now - self.beaten < nodes.BEAT_EVERY:
            return
        if self.node is None:
            self.node = WorkerNode.join()
        if not self.node.beat(self.figures()):
            self.node = WorkerNode.join()
            self.node.beat(self.figures())
        self.beaten = now
        if not self.replaced and (gone := self.node.replace()) is not None:
            self.replaced = True
            logs.event(log, "node replaced", node=self.node.name, gone=gone.name)

    def figures(self) -> nodes.Figures:
        """What runs here, what it holds, and what was begun and died since this process began."""
        held = dict(self.running())
        return {
            "running": {what: len(each) for what, each in held.items()},
            "memory": {
                "supervisor": memory.own(), **{what: sum(each) for what, each in held.items()}
            },
            "starts": {what: self.starts[what] for what in held},
            "deaths": [[what, why, self.deaths[what, why]] for what in held for why in HOW],
        }  # fmt: skip

    # ---- the publisher ---------------------------------------------------------------------------

    def _look_at_publisher(self) -> None:
        """It runs while something is due. One that died, or no longer breathes, is started again, ever
        more seldom; what it held is free at once."""
        now = time.monotonic()
        if now - self.accounts_seen >= ACCOUNTS_EVERY:
            self.accounts_seen = now
            at = timezone.now()
            known = [k for brand in Brand.objects.all() for k in due.seen(brand, at)]
            due.ask_for_accounts(at)
            Look.plan(at)
            if now - self.refreshed >= REFRESH_EVERY and any(k.stale(at) for k in known):
                self.refreshed, self.stale = now, True
        if self.publisher is not None:
            code = self.publisher.process.poll()
            if code is None:
                self._check_publisher(self.publisher)
                return
            why = self.publisher.why or (
                f"was killed from outside (signal {-code})" if code < 0 else "ended unexpectedly"
            )
            Publisher.ended(self.publisher.name, why if code else "")
            Look.released(self.publisher.name)
            self._close(self.publisher)
            ended, self.publisher = self.publisher, None
            if code:
                self._died("publisher", ended, code)
                log.error("the publisher ended with %d; see worker.log", code)
                self.publisher_in_vain += 1
                wait = 2.0 ** (self.publisher_in_vain - 1) - 1
                self.publisher_not_before = now + min(BACK_OFF_MAX, wait)
            else:
                self.publisher_in_vain = 0
        if now >= self.publisher_not_before and (self.stale or due.wanted(timezone.now())):
            self.stale = False  # it begins with that
            self.publisher = self._begun("publisher", "feedsmith.studio.worker.publisher")
            self.publisher.seen = time.monotonic()

    @staticmethod
    def _check_publisher(publisher: Worker) -> None:
        """End it where it gives no sign of life; the next look finds it gone."""
        rows = Publisher.objects.filter(name=publisher.name)
        beat = rows.values_list("heart_beat", flat=True).first()
        if beat != publisher.beat:
            publisher.beat, publisher.seen = beat, time.monotonic()
        elif time.monotonic() - publisher.seen > SILENT_MAX:
            publisher.why, publisher.how = "no longer answered and was ended", "silent"
            log.error("the publisher %s no longer answers", publisher.name)
            publisher.process.kill()

    # ---- starting and ending workers -------------------------------------------------------------

    @property
    def _log(self) -> Path:
        return self.config.folder / "worker.log"

    def _start(self) -> None:
        self.workers.append(self._begun("worker", "feedsmith.studio.worker"))

    def _begun(self, what: str, module: str) -> Worker:
        name = f"{self.prefix}{what}-{secrets.token_hex(4)}"
        # What else it prints goes to a file: an event is a line, and nothing in between.
        events = os.dup(2)
        try:
            with self._log.open("ab") as said:
                process = subprocess.Popen(
                    [sys.executable, "-m", module, name, str(events)],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                    env=os.environ | self.config.as_environment() | self._handed_on(),
                    start_new_session=True,
                    pass_fds=(*self.lock.handles(), events),
                )  # fmt: skip
        finally:
            os.close(events)
        self.starts[what] += 1
        logs.event(log, "process begun", worker=name, child=process.pid)
        return Worker(name, process)

    def _handed_on(self) -> dict[str, str]:
        node = {nodes.HANDED_ON: str(self.node.name)} if self.node is not None else {}
        return {turns.HANDED_ON: self.turns} | node

    def running(self) -> list[tuple[str, list[int]]]:
        """Bytes that each worker, and each publisher, holds now."""
        publishers = [self.publisher] if self.publisher is not None else []
        both = (("worker", list(self.workers)), ("publisher", publishers))
        return [(what, [resident(one.process.pid) for one in rows]) for what, rows in both]

    def _died(self, what: str, worker: Worker, code: int) -> None:
        how = worker.how or ("killed" if code < 0 else "crashed")
        self.deaths[what, how] += 1
        fields = {"worker": worker.name, "code": code, "why": how}
        logs.event(log, "process died", logging.WARNING, **fields)

    @staticmethod
    def _poke(worker: Worker) -> None:
        assert worker.process.stdin is not None
        with contextlib.suppress(OSError):
            worker.process.stdin.write(b"\n")
            worker.process.stdin.flush()

    @staticmethod
    def _close(worker: Worker) -> None:
        assert worker.process.stdin is not None
        with contextlib.suppress(OSError):
            worker.process.stdin.close()

    def _tidy(self) -> None:
        """What a kill left half-written, and a log that has grown."""
        for place in (self.config.thumbnails, self.config.cutouts):
            for folder, _, _ in os.walk(place):
                sweep(Path(folder))
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > WORKER_LOG_BYTES:
                self._log.write_bytes(self._log.read_bytes()[-WORKER_LOG_BYTES // 4 :])

    def begin_to_end(self) -> None:
        """Tell all workers to end, as soon as nobody looks at them. Takes no time."""
        self.closing = True
        wake()

    def close(self, until: float = math.inf) -> None:
        """End all workers; what they were at waits for the next start, and that is no attempt. `until`: when they
        must be gone, by time.monotonic(); those that are not are killed."""
        self.begin_to_end()
        self.join(max(0.1, min(5.0, until - time.monotonic())))
        if self.publisher is not None:  # what it was at goes on at the next start
            self.publisher.process.kill()
            self.publisher.process.wait()
            self._close(self.publisher)
        for worker in self.workers:
            worker.process.terminate()
        until = min(until, min(self.told, time.monotonic()) + GOODBYE)
        for worker in self.workers:
            try:
                worker.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            self._close(worker)
        # All are gone before anything is written: the database may have been ended first.
        try:
            if self.publisher is not None:
                Publisher.ended(self.publisher.name)
                Look.released(self.publisher.name)
            for worker in self.workers:
                Job.lost(worker.name, "the studio was closed in between", forgiven=True)
            if self.node is not None:
                self.node.leave()
        except Error:
            log.warning("the database cannot be written; what was under way is noticed by its silence, or at the next start")  # fmt: skip
        finally:
            self.publisher = None
            self.workers.clear()
            shutil.rmtree(self.turns, ignore_errors=True)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds; 0 where that cannot be told, or it is gone. On Linux without pages of
    files: the kernel takes those back before anybody runs out, and they are 90 MB of a reel's 456."""
    if held := memory.own(pid):
        return held
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, timeout=5)
        return int(told.stdout or 0) * 1024
    return 0
