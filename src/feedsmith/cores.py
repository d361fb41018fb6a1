"""Cores: how many there are, and keeping numpy's linear algebra on one of them.

OpenBLAS takes every core and waits by spinning. Beside another busy process that made products 4 to
100 times slower (120 to 1-35 GFLOPS on two shared cores), and it would take the core on which the
language model samples. numpy has no switch for it; other linear algebra libraries (Accelerate,
MKL) have other calls, and there nothing happens.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def available() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Matrix products inside the block use one core; afterwards as many as before."""
    library = _openblas()
    if library is None:
        yield
        return
    before = library.scipy_openblas_get_num_threads64_()
    library.scipy_openblas_set_num_threads64_(1)
    try:
        yield
    finally:
        library.scipy_openblas_set_num_threads64_(before)


@cache
def _openblas() -> ctypes.CDLL | None:
    """The library inside numpy's own wheel."""
    import numpy as np  # here: the command line asks for the number of cores alone

    root = Path(np.__file__).parent
    for folder in (root.parent / "numpy.libs", root / ".dylibs"):
        for path in sorted(folder.glob("libscipy_openblas*")):
            with contextlib.suppress(OSError):
                library = ctypes.CDLL(str(path))
                if hasattr(library, "scipy_openblas_set_num_threads64_"):
                    return library
    return None
