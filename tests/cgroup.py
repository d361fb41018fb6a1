"""A hard limit on memory: a control group of the Linux kernel, version 1 or 2, as containers have one.

Page cache counts towards the limit, and the kernel takes it back where it must. What it cannot take back is
anonymous memory; where that does not fit, a process of the group is killed.
"""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Self


class NoGroup(Exception):
    """None can be made here; its words say why."""


class Group:
    """A group with a hard limit in bytes, and no swap. Processes enter it by `words` before their command.

    `peak` is the most anonymous memory seen, looked at every 20 ms; `at_peak` who held how much of it then.
    Raises NoGroup."""

    def __init__(self, limit: int) -> None:
        self.second = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        try:
            self.path = _own(self.second) / f"feedsmith.{os.getpid()}.{time.monotonic_ns()}"
            self.path.mkdir()
        except OSError as error:
            raise NoGroup(f"no control group can be made here ({error.strerror})") from error
        self.peak, self.at_peak = 0, dict[str, int]()
        try:
            if self.second:
                self._write("memory.max", limit)
                self._write("memory.swap.max", 0, needed=False)
            else:
                self._write("memory.limit_in_bytes", limit)
                self._write("memory.memsw.limit_in_bytes", limit, needed=False)
        except OSError as error:
            self.path.rmdir()
            raise NoGroup(f"no limit can be set here ({error.strerror})") from error
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    @property
    def words(self) -> tuple[str, ...]:
        """Before a command: it and its children are in the group."""
        return ("sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh")

    @property
    def oom_kills(self) -> int:
        """Processes that the kernel killed for want of memory."""
        name = "memory.events" if self.second else "memory.oom_control"
        return _fields(self.path / name).get("oom_kill", 0)

    def anonymous(self) -> int:
        """Bytes that the kernel cannot take back."""
        told = _fields(self.path / "memory.stat")
        return told.get("anon", 0) if self.second else told.get("total_rss", 0)

    def processes(self) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._watch.join()
        for _ in range(100):  # the last process may still be ending
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.1)

    def _look(self) -> None:
        while not self._over.wait(0.02):
            now = self.anonymous()
            if now > self.peak:
                self.peak = now
                self.at_peak = {name_of(pid): own(pid) for pid in self.processes()}

    def _write(self, name: str, value: int, *, needed: bool = True) -> None:
        try:
            (self.path / name).write_text(str(value))
        except OSError:
            if needed:
                raise


def _own(second: bool) -> Path:
    """The folder of the group that this process is in."""
    root = Path("/sys/fs/cgroup") / ("" if second else "memory")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" if second else "memory" in controllers.split(","):
            return root / path.strip("/")
    raise OSError(0, "the kernel counts no memory")


def _fields(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {line.split()[0]: int(line.split()[1]) for line in lines if len(line.split()) == 2}


def name_of(pid: int) -> str:
    """server, worker or publisher, and the process's number."""
    with contextlib.suppress(OSError):
        said = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        for module, name in ((".worker.publisher", "publisher"), (".worker", "worker")):
            if f"feedsmith.studio{module}" in said:
                return f"{name} {pid}"
        return f"{'server' if 'studio' in said else 'other'} {pid}"
    return f"gone {pid}"


def own(pid: int) -> int:
    """Bytes of a process that belong to no file."""
    with contextlib.suppress(OSError, ValueError):
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return 0
