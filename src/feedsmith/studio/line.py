"""Line: what one of several servers asks of the process that keeps them (keeper.py).

A pair of sockets that a server is born with: it has no name, so nobody else can speak there, no cleaner of files takes
it away, and a folder on a network share will do. Many threads ask at once, each question with a number; a question
is a line of JSON, an answer a line with the number and the length of what follows. A studio with one server has no
line, and `ask` then says None: whoever asks does it in this process instead.
"""

import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from itertools import count

PATIENCE = 5.0
"""Seconds for an answer; it is there in a thousandth of one unless the machine stands still."""


class Line:
    """The server's end. `cut`: called once, in a thread of its own, when the keeper is gone."""

    def __init__(self, there: socket.socket, cut: Callable[[], None]) -> None:
        self.whole = True
        """False once the keeper is gone, and this process is about to end."""
        self._there, self._cut = there, cut
        self._numbers = count(1)
        self._open: dict[int, Future[bytes]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="line", daemon=True).start()

    def ask(self, patience: float, words: tuple[object, ...]) -> bytes | None:
        number, answer = next(self._numbers), Future[bytes]()
        with self._lock:
            if not self.whole:
                return None
            self._open[number] = answer
        try:
            return answer.result(patience) if self._sent(number, words) else None
        except (TimeoutError, CancelledError):
            return None
        finally:
            self._open.pop(number, None)

    def tell(self, words: tuple[object, ...]) -> None:
        self._sent(0, words)

    def _sent(self, number: int, words: tuple[object, ...]) -> bool:
        said = json.dumps([number, *words]).encode() + b"\n"
        with self._lock:
            try:
                # Whoever does not read for thousands of questions is not waited for.
                if self._there.send(said, socket.MSG_DONTWAIT) == len(said):
                    return True
                self._there.shutdown(socket.SHUT_RDWR)  # half a question spoils those that follow
            except OSError:
                pass
        return False

    def _listen(self) -> None:
        try:
            with self._there.makefile("rb") as answers:
                while head := answers.readline():
                    number, length = map(int, head.split())
                    said = answers.read(length)
                    if len(said) < length:  # cut off by a kill
                        break
                    if (answer := self._open.pop(number, None)) is not None:
                        answer.set_result(said)
        except (OSError, ValueError):
            pass
        with self._lock:
            self.whole = False
            waiting = list(self._open.values())
        for answer in waiting:
            answer.cancel()
        self._cut()


_line: Line | None = None


def lead_to(there: socket.socket, cut: Callable[[], None]) -> None:
    """Once in a process: the keeper has the other end."""
    global _line
    _line = Line(there, cut)


def leads_somewhere() -> bool:
    """True in one of several servers."""
    return _line is not None


def is_cut() -> bool:
    """True in one of several servers whose keeper is gone."""
    return _line is not None and not _line.whole


def ask(word: str, *more: object, patience: float = PATIENCE) -> bytes | None:
    """The keeper's answer; None where there is no keeper, or it does not answer."""
    return None if _line is None else _line.ask(patience, (word, *more))


def tell(word: str, *more: object) -> None:
    """As `ask`, where nobody waits for an answer."""
    if _line is not None:
        _line.tell((word, *more))
