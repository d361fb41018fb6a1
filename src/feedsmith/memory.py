"""Memory: make the C library give freed memory back, so that a small server is enough.

glibc keeps what large arrays leave behind, and keeps a heap for each thread. Over six posts that
was 548 MB at the peak and growing by 35 MB a post; with the settings below 453 MB, and level
(bench/generating.py). Other C libraries (musl, macOS, Windows) have no such calls; there nothing
happens.
"""

import contextlib
import ctypes
import sys

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


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim") and hasattr(library, "mallopt"):
            return library
    return None
