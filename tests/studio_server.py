"""A studio as people run it: `feedsmith studio HOME` in a process of its own, spoken to over HTTP."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlencode, urlsplit


def workers_of(server: int) -> list[int]:
    """Process ids of a server's workers."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and b"feedsmith.studio.worker" in (entry / "cmdline").read_bytes()
            ):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == server:
                    found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def memory(pid: int) -> int:
    """Bytes that a process holds; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def until(true: Callable[[], object], seconds: float = 600.0, every: float = 0.05) -> None:
    """Wait for something to become true; the limit is only there for a broken program."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(every)


class Server:
    """A running studio, and one person's browser without scripts."""

    def __init__(
        self, home: Path, *more: str, within: Sequence[str] = (),
        environment: Mapping[str, str] | None = None, stderr: IO[bytes] | int = subprocess.STDOUT,
    ) -> None:  # fmt: skip
        """`within`: words before the command, such as those that put it into a group (cgroup.py)."""
        self.home = home
        self.cookies: dict[str, str] = {}
        self.said = home / "said.txt"
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [*within, sys.executable, "-m", "feedsmith", "studio", str(home), *(more if "--port" in more else ("--port", "0", *more))],
                stdout=out, stderr=stderr, env=environment,
            )  # fmt: skip
        until(lambda: "/sign-in/link/" in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        link = re.search(r"https?://\S+/sign-in/link/\S+", self.output)
        assert link is not None
        self.link = link[0]
        self.url = self.link.partition("/sign-in")[0]

    @property
    def output(self) -> str:
        return self.said.read_text("utf-8")

    def sign_in(self) -> Self:
        path = urlsplit(self.link).path
        self.get(path)
        assert self.post(path, {})[0] == 302
        return self

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> tuple[int, str]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        said = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        try:
            connection.request(method, path, body, said)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    key, _, kept = value.partition(";")[0].partition("=")
                    self.cookies[key] = kept
            return answer.status, text
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        return self.ask("GET", path, **headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
        token = {"csrfmiddlewaretoken": self.cookies.get("studio_csrf", "")}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(form | token), **kind, **headers)

    @property
    def workers(self) -> list[int]:
        return workers_of(self.process.pid)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> int:
        """As Ctrl-C does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(300)
