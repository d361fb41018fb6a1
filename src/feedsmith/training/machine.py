"""What a training asks of the machine: time, cores, number format, memory, torch itself.

Knows the processor; knows no network and no data.
"""

import contextlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feedsmith.errors import FeedsmithError

try:
    import resource
except ImportError:  # Windows does not say how much memory was used at most
    resource = None  # type: ignore[assignment]


def seconds(budget: str) -> float:
    """ "15m", "90s", "1.5h" or "20" (minutes) in seconds; raises FeedsmithError for other words."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|)\s*", budget.lower())
    if found is None or float(found[1]) == 0:
        raise FeedsmithError(
            f'"{budget}" is not a length of time', mend="write it like 15m, 90s or 1h"
        )
    return float(found[1]) * {"s": 1, "sec": 1, "h": 3600}.get(found[2], 60)


def span(seconds: float) -> str:
    """A length of time in words: "45 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def torch_of(*also: str, extra: str = "train", what: str = "training") -> Any:
    """torch, with the modules `also` there; raises FeedsmithError when `extra`, which `what` needs, is
    missing."""
    # OpenMP threads that spin while they wait take the core from whoever works: 26.6 seconds a
    # step against 4.6 on shared cores. It must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import torch

        loaded = [__import__(name) for name in also]
    except ImportError as error:
        raise FeedsmithError(
            f"{what} needs the {extra} extra ({error.name or error} is not installed)",
            mend=f'pip install "feedsmith[{extra}]"',
        ) from error
    for module in loaded:
        if module.__name__ == "transformers":
            warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
            module.utils.logging.set_verbosity_error()
            # A hub that cannot be reached is told once, in words, rather than at every retry.
            logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
            module.utils.logging.disable_progress_bar()
    return torch


def device_of(wanted: str, torch: Any) -> str:
    """cpu or cuda for `wanted`, which may be auto; raises FeedsmithError for a card not there."""
    cuda = bool(torch.cuda.is_available())
    if wanted == "cuda" and not cuda:
        raise FeedsmithError(
            "there is no graphics card that torch can use", mend="leave --device away"
        )
    return ("cuda" if cuda else "cpu") if wanted == "auto" else wanted


def dtype_of(wanted: str, device: str, torch: Any) -> str:
    """float32 or bfloat16 for `wanted`, which may be auto: what the device computes in fast."""
    fast = torch.cuda.is_bf16_supported() if device == "cuda" else has_bf16()
    return ("bfloat16" if fast else "float32") if wanted == "auto" else wanted


def has_bf16() -> bool:
    """True where the processor multiplies bfloat16 itself; elsewhere it is slower than float32."""
    flags = Path("/proc/cpuinfo")
    words = flags.read_text("utf-8", "replace") if flags.exists() else ""
    return "avx512_bf16" in words or "amx_bf16" in words


def memory_mb() -> int:
    """Most memory this process has used so far; 0 where the system does not tell."""
    if resource is None:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most / (1e6 if sys.platform == "darwin" else 1e3))


@contextlib.contextmanager
def memory_in_words(what: str, mend: str) -> Iterator[None]:
    """Turn a shortage of memory, the card's too, into one FeedsmithError about training `what`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        said = str(error).lower()
        short = isinstance(error, MemoryError) or "out of memory" in said or "allocate" in said
        if not short:
            raise
        raise FeedsmithError(
            f"the memory is not enough to train {what}", mend=f"{mend}; the last snapshot is whole"
        ) from error
