"""Steps: counts what a studio's process does to disk and database, and ends it just before one of them.

Python loads this by itself where the folder is on PYTHONPATH (tests/killing.py puts it there). A step is a
file opened for writing, renamed or removed, a folder made or removed, a statement of SQL that changes
something, or a commit: between two steps nothing of what a restart finds can change, save how much of
one file's bytes has been written. In the folder FEEDSMITH_TEST_STEPS:

    armed          while it is there, steps are counted
    server.steps   one line a step: what it is, and the thread it was done in
    worker.steps
    kill           "worker 12" or "server rename posts.jsonl": before this step the process ends by
                   SIGKILL, once (the file becomes `killed`). "both 12": before the worker's step the
                   server does, and the worker notices.
"""

import os
import re
import signal
import sqlite3.dbapi2
import sys
import threading
import time
from pathlib import Path
from typing import Any

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|COMMIT)\b", re.IGNORECASE)
RANDOM = re.compile(r"\.(?=[a-z0-9_]{8}\.part$)[a-z0-9_]{8}|-[0-9a-f]{8}(?=\.)")
NO_STEP = (".log", ".lock", ".steps", ".pyc", "secret.key")
"""Files that say nothing of the work."""


class Steps:
    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name, self.count = folder, name, 0
        self.lock = threading.RLock()
        self.busy = False
        self.told = os.open(folder / f"{name}.steps", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def step(self, what: str) -> None:
        thread = threading.current_thread().name
        if "_beat" in thread or thread == "supervisor":
            return  # as time passes, not as the work goes on
        with self.lock:
            if self.busy or not (self.folder / "armed").exists():
                return
            self.busy = True
            try:
                self.count += 1
                os.write(self.told, f"{what}\n".encode())
                self._kill(what)
            finally:
                self.busy = False

    def _kill(self, what: str) -> None:
        try:
            whom, _, when = (self.folder / "kill").read_text().partition(" ")
        except OSError:
            return
        name = "worker" if whom == "both" else whom
        if name == self.name and when in (str(self.count), what):
            (self.folder / "kill").rename(self.folder / "killed")
            os.kill(os.getppid() if whom == "both" else os.getpid(), signal.SIGKILL)
            time.sleep(60)  # the worker ends as soon as it notices; this thread does nothing more

    def heard(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit hook (PEP 578)."""
        if event == "open":
            path, _, flags = args
            wrote = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if isinstance(path, str | os.PathLike) and wrote:
                self.file("write", os.fspath(path))
        elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"):
            target = args[1] if event == "os.rename" else args[0]
            there = event == "os.mkdir" and Path(target).is_dir()
            if isinstance(target, str | os.PathLike) and not there:
                self.file(event.removeprefix("os."), os.fspath(target))

    def connecting(self, connect: Any) -> Any:
        """The audit event of sqlite3 comes before a connection can be listened to."""

        def connected(*args: Any, **more: Any) -> Any:
            connection = connect(*args, **more)
            connection.set_trace_callback(self.sql)
            return connection

        return connected

    def file(self, what: str, path: str) -> None:
        name = RANDOM.sub("", Path(path).name)
        if "/.cache/" not in path and "/__pycache__" not in path and not name.endswith(NO_STEP):
            self.step(f"{what} {name.removeprefix('.')}")

    def sql(self, statement: str) -> None:
        if WRITES.match(statement):
            words = statement.replace('"', "").split()
            named = next((w for w in words if "studio_" in w or "django_" in w), "")
            self.step(f"{words[0].lower()} {named}".strip())


def begin() -> None:
    folder, said = os.environ.get("FEEDSMITH_TEST_STEPS"), " ".join(sys.orig_argv)
    if not folder or "-m feedsmith" not in said:
        return
    name = "worker" if "-m feedsmith.studio.worker" in said else "server"
    steps = Steps(Path(folder), name)
    sqlite3.dbapi2.connect = steps.connecting(sqlite3.dbapi2.connect)
    sys.addaudithook(steps.heard)


begin()
