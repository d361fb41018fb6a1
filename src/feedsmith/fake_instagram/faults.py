"""What goes wrong on demand: the next requests that fit are dropped, delayed, refused or done twice."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any

DEEDS = (
    "drop-before",  # the line breaks before anything happened
    "drop-after",  # it happened, and the line breaks before the answer
    "drop-during",  # the line breaks after `bytes` of what is sent
    "500-before",
    "500-after",  # it happened, and the answer is 500
    "html-after",  # it happened, and the answer is a page of a proxy
    "delay",  # `seconds` before it happens
    "throttle",  # refused with `code`
    "refuse",  # refused with `code` and `subcode`
    "duplicate",  # it is done twice, answered once
)


@dataclass
class Fault:
    do: str
    method: str = ""
    """GET, POST, DELETE; '' for any."""
    path: str = ""
    """A regular expression that is searched for in the path."""
    times: int = 1
    skip: int = 0
    """Requests that fit and go well first."""
    seconds: float = 0.0
    bytes: int = 0
    code: int = 80002
    subcode: int = 0
    used: int = field(default=0, compare=False)

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Fault":
        """Raises ValueError for what is no fault."""
        known = {name: value for name, value in told.items() if name in cls.__dataclass_fields__}
        fault = cls(**known)
        if fault.do not in DEEDS:
            raise ValueError(f"{fault.do} is none of {', '.join(DEEDS)}")
        re.compile(fault.path)
        return fault


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, do: str, **more: Any) -> Fault:
        fault = Fault.of({"do": do, **more})
        with self._lock:
            self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by it."""
        with self._lock:
            for fault in self._waiting:
                if fault.method not in ("", method) or not re.search(fault.path, path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.used += 1
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                return fault
        return None
