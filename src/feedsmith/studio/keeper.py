"""Keeper: several servers at one address, and the process that keeps them.

A server thinks on one processor; where pages are asked for faster than that, the studio has several. The keeper binds
the socket, on which all of them listen, starts them, and starts anew what dies, ever more seldom where it dies at
once. What a studio has once stays here: workers, publisher and webhooks, what is counted for /metrics, how often one
caller has asked. Servers ask for it by a line (line.py). It answers no browser itself.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

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
"""Seconds; a server that dies younger than this is started ever more seldom."""
BACK_OFF_MAX = 30.0
IN_VAIN = 4
"""Such deaths in a row, before any server has lived longer, after which the studio ends."""

log = logging.getLogger("feedsmith.studio")


@dataclass
class Kept:
    process: "subprocess.Popen[bytes]"
    since: float


class Keeper:
    def __init__(self, config: Config, listening: socket.socket, lock: OneStudio) -> None:
        """Raises FeedsmithError where this system has not what is needed."""
        if not hasattr(socket, "AF_UNIX") or sys.platform == "win32":
            raise FeedsmithError(
                "several servers need Linux or macOS", mend="leave --servers and FEEDSMITH_SERVERS out"
            )  # fmt: skip
        self.config, self.listening, self.lock = config, listening, lock
        self.folder = Path(tempfile.mkdtemp(prefix="feedsmith-servers-"))  # for this user alone
        (self.folder / "counts").mkdir()
        self.servers: list[Kept] = []
        self.starts = self.deaths = 0
        self.in_vain, self.not_before, self.proven = 0, 0.0, False
        self._line = _Line(str(self.folder / "line"), _Answer)
        self._line.keeper = self
        threading.Thread(target=self._line.serve_forever, name="line", daemon=True).start()

    def run(self) -> None:
        """Until KeyboardInterrupt. Raises FeedsmithError where no server ever lives."""
        metrics.keeper = self
        while True:
            self._look()
            time.sleep(LOOK_EVERY)

    def processes(self) -> list[int]:
        """Of the servers that run."""
        return [kept.process.pid for kept in list(self.servers)]

    def _look(self) -> None:
        now = time.monotonic()
        for kept in list(self.servers):
            code = kept.process.poll()
            if code is None:
                if now - kept.since > AT_ONCE:
                    self.in_vain, self.proven = 0, True
                continue
            self.servers.remove(kept)
            self._close(kept)
            self.deaths += 1
            self.in_vain = self.in_vain + 1 if now - kept.since < AT_ONCE else 0
            wait = min(BACK_OFF_MAX, 2.0 ** (self.in_vain - 1) - 1) if self.in_vain else 0.0
            self.not_before = now + wait
            why = "killed" if code < 0 else "crashed"
            fields = {"server": kept.process.pid, "code": code, "why": why, "again_in_s": wait}
            logs.event(log, "process died", logging.WARNING, **fields)
            if self.in_vain >= IN_VAIN and not self.proven:
                raise FeedsmithError(
                    "the servers do not start",
                    mend=f"read the end of {self.config.folder / 'studio.log'}; start with --servers 1",
                )
        while len(self.servers) < self.config.servers and now >= self.not_before:
            self._start()
        logs.turn()

    def _start(self) -> None:
        events = os.dup(2)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "feedsmith.studio.server", str(self.listening.fileno()),
                 str(self._line.server_address), str(events)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                env=os.environ | self.config.as_environment() | {metrics.SHARED: str(self.folder / "counts")},
                start_new_session=True,  # Ctrl-C is for us
                pass_fds=(self.listening.fileno(), events, *self.lock.handles()),
            )  # fmt: skip
        finally:
            os.close(events)
        self.starts += 1
        self.servers.append(Kept(process, time.monotonic()))
        logs.event(log, "process begun", server=process.pid)

    @staticmethod
    def _close(kept: Kept) -> None:
        assert kept.process.stdin is not None
        with contextlib.suppress(OSError):
            kept.process.stdin.close()

    def close(self) -> None:
        """End all servers; open requests get GOODBYE seconds."""
        for kept in self.servers:
            kept.process.terminate()
        until = time.monotonic() + GOODBYE + 1
        for kept in self.servers:
            try:
                kept.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                kept.process.send_signal(signal.SIGKILL)
                kept.process.wait()
            self._close(kept)
        self.servers.clear()
        self._line.shutdown()
        self._line.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the line --------------------------------------------------------------------------------

    def answer(self, word: str, *more: object) -> bytes:
        """Of one question of a server."""
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
        if word == "metrics":
            return metrics.scrape()
        raise ValueError(word)


class _Line(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128
    keeper: Keeper


class _Answer(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self) -> None:
        try:
            word, *more = json.loads(self.rfile.readline(1 << 16))
            self.wfile.write(self.server.keeper.answer(word, *more) + b"\n")  # type: ignore[attr-defined]
        except OSError:  # it was killed while it asked
            pass
        except Exception:
            log.exception("a question of a server was not answered")
        finally:
            connections.close_all()  # this thread ends
