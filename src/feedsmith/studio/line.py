"""Line: what one of several servers asks of the process that keeps them (keeper.py).

A socket of the system, for this user alone: a line of JSON there, an answer back. A studio with one server has no
line, and `ask` then says None: whoever asks does it in this process instead.
"""

import json
import socket

PATIENCE = 5.0
"""Seconds for an answer; it is there in less than one unless the machine stands still."""

_address = ""


def lead_to(address: str) -> None:
    """Once in a process: the keeper listens there."""
    global _address
    _address = address


def leads_somewhere() -> bool:
    """True in one of several servers."""
    return bool(_address)


def ask(word: str, *more: object) -> bytes | None:
    """The keeper's answer; None where there is no keeper, or it does not answer."""
    if not _address:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
            there.settimeout(PATIENCE)
            there.connect(_address)
            there.sendall(json.dumps([word, *more]).encode() + b"\n")
            parts = []
            while part := there.recv(1 << 16):
                parts.append(part)
    except OSError:
        return None
    said = b"".join(parts)
    # The mark at the end: what was cut off by a kill is no answer.
    return said[:-1] if said.endswith(b"\n") else None
