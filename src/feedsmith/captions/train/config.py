"""Settings of one training, and what "auto" means on this machine.

The docstrings are the help texts of the command line. Knows the processor; knows no captions.
"""

import logging
import os
import re
import warnings
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from feedsmith.errors import FeedsmithError
from feedsmith.post import Value

STARTER_RANK = 8
"""Rank of the adapter that comes with Feedsmith; only one of the same rank can go on from it."""
RATES = {"starter": 4e-4, "lora": 1.5e-3, "full": 5e-5}
"""Learning rates: of an adapter that goes on, of a new one, of a whole model."""


class Config(Value):
    """Train a caption model on a brand's own captions."""

    base: str = Field("smollm2", min_length=1)
    """The model to start from: smollm2 (the caption model of `feedsmith models fetch`), a folder
    with a model (GPT-2 and others), a GGUF file, or a name on the model hub such as gpt2."""
    method: Literal["lora", "full"] = "lora"
    """lora: a small adapter beside the base, at most 10 MB; full: the whole model."""
    budget: float = Field(900.0, gt=0)
    """Seconds of wall-clock time for all of it; the best model so far is kept."""
    epochs: float = Field(6.0, gt=0)
    """At most so many times through all captions; stops earlier when nothing improves."""
    rate: float = Field(0.0, ge=0)
    """Highest learning rate; 0 means the usual one for the method."""
    rank: int = Field(STARTER_RANK, ge=1, le=64)
    """Rank of the adapter."""
    start: Literal["auto", "starter", "base"] = "auto"
    """Where an adapter starts: at the one that comes with Feedsmith (starter), at nothing (base), or
    at that of the two which does better on the held-out captions before training (auto)."""
    mix: float = Field(0.0, ge=0, le=4)
    """Shipped example captions mixed in, for each caption of the brand."""
    batch_tokens: int = Field(768, ge=16)
    """Tokens in one step."""
    row_tokens: int = Field(256, ge=16, le=1024)
    """Tokens of one prompt with its caption; longer captions are cut. The runtime has 256."""
    held_out: float = Field(0.1, gt=0, lt=0.5)
    """Share of the captions, the newest, that is never trained on and judges the training."""
    held_out_max: int = Field(128, ge=4)
    """At most so many of them."""
    check_every: int = Field(0, ge=0)
    """Steps between two looks at the held-out captions; 0 means one epoch, at most 25."""
    patience: int = Field(3, ge=1)
    """Looks without improvement after which the training stops."""
    snapshot_every: int = Field(25, ge=1)
    """Steps between two snapshots; a stopped run goes on at the last one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a graphics card where there is one."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 where the processor or the card computes in it, else float32."""
    threads: int = Field(0, ge=0)
    """Threads on the processor; 0 means all cores this process may use."""
    seed: int = Field(0, ge=0)
    """The same seed, captions and settings give the same model on the same machine."""


def resolve(config: Config) -> Config:
    """`config` with a number for every "auto", as this machine has it; where an adapter starts, the
    captions decide.

    Raises FeedsmithError when the train extra is missing, or for a card that is not there.
    """
    torch = needs()
    cuda = bool(torch.cuda.is_available())
    if config.device == "cuda" and not cuda:
        raise FeedsmithError(
            "there is no graphics card that torch can use", mend="leave --device away"
        )
    device = ("cuda" if cuda else "cpu") if config.device == "auto" else config.device
    fast = torch.cuda.is_bf16_supported() if device == "cuda" else _has_bf16()
    dtype = ("bfloat16" if fast else "float32") if config.dtype == "auto" else config.dtype
    start = config.start
    if config.method == "full" or (
        start == "auto" and (config.base != "smollm2" or config.rank != STARTER_RANK)
    ):
        start = "base"
    elif start == "starter" and (config.base != "smollm2" or config.rank != STARTER_RANK):
        raise FeedsmithError(
            f"the shipped adapter is one of rank {STARTER_RANK} for smollm2",
            mend=f"use base smollm2 and rank {STARTER_RANK}, or start at base",
        )
    # Where the start is still to be found out, training finds the rate that goes with it.
    usual = (
        RATES["full"]
        if config.method == "full"
        else {"starter": RATES["starter"], "base": RATES["lora"], "auto": 0.0}[start]
    )
    return config.model_copy(
        update={
            "device": device,
            "dtype": dtype,
            "start": start,
            "rate": config.rate or usual,
            "threads": config.threads or _cores(),
        }
    )


def seconds(budget: str) -> float:
    """ "15m", "90s", "1.5h" or "20" (minutes) in seconds; raises FeedsmithError for other words."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|m|min|h|)\s*", budget.lower())
    if found is None or float(found[1]) == 0:
        raise FeedsmithError(
            f'"{budget}" is not a length of time', mend="write it like 15m, 90s or 1h"
        )
    return float(found[1]) * {"s": 1, "sec": 1, "h": 3600}.get(found[2], 60)


def needs() -> Any:
    """torch, with all of the train extra there; raises FeedsmithError when it is not."""
    # OpenMP threads that spin while they wait take the core from whoever works: 26.6 seconds a
    # step against 4.6 on shared cores. It must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import gguf  # noqa: F401
        import peft  # noqa: F401
        import safetensors  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        raise FeedsmithError(
            f"training needs the train extra ({error.name or error} is not installed)",
            mend='pip install "feedsmith[train]"',
        ) from error
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    transformers.utils.logging.set_verbosity_error()
    # A hub that cannot be reached is told once, in words, rather than at every retry.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    return torch


def _has_bf16() -> bool:
    """True where the processor multiplies bfloat16 itself; elsewhere it is slower than float32."""
    flags = Path("/proc/cpuinfo")
    words = flags.read_text("utf-8", "replace") if flags.exists() else ""
    return "avx512_bf16" in words or "amx_bf16" in words


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
