"""Memory: make the C library give freed memory back, so that a small server is enough.

glibc keeps what large arrays leave behind, and keeps a heap for each thread. Over six posts that
was 548 MB at the peak and growing by 35 MB a post; with the settings below 453 MB, and level
(bench/generating.py). Other C libraries (musl, macOS, Windows) have no such calls; there nothing
happens.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""


def be_frugal() -> None:
    """Arrays from 1 MB on go straight back when freed; all threads share one heap. Once is enough."""
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, 1 << 20)
        library.mallopt(_TRIM_THRESHOLD, 1 << 20)


def give_back() -> None:
    """Return what is free inside the heap to the system; about 5 ms."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def own(process: int | str = "self") -> int:
    """Bytes of a process, by its number, that belong to no file, which the system cannot take back; 0 where that
    cannot be told, or it is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        resident, shared = Path(f"/proc/{process}/statm").read_text("ascii").split()[1:3]
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return 0


def limit() -> int | None:
    """Bytes that this process's container may use (control groups of the kernel, version 2, then 1); None for
    no limit."""
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                found += _limits(Path("/sys/fs/cgroup"), path, "memory.max")
            elif "memory" in controllers.split(","):
                found += _limits(Path("/sys/fs/cgroup/memory"), path, "memory.limit_in_bytes")
    return min(found, default=None)


def _limits(root: Path, path: str, name: str) -> list[int]:
    """Of a group and those that it is in; a container sees its own at the root."""
    found = []
    place = root / path.strip("/")
    for folder in (place, *place.parents):
        with contextlib.suppress(OSError):
            text = (folder / name).read_text("ascii").strip()
            if text.isdigit() and int(text) < 1 << 50:  # version 1 says "none" by a huge number
                found.append(int(text))
        if folder == root:
            break
    return found


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim") and hasattr(library, "mallopt"):
            return library
    return None
