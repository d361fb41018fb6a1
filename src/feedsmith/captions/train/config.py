"""Settings of one training, and what "auto" means on this machine.

The docstrings are the help texts of the command line. Knows the processor; knows no captions.
"""

from typing import Any, Literal

from pydantic import Field

from feedsmith import cores
from feedsmith.errors import FeedsmithError
from feedsmith.post import Value
from feedsmith.training import machine
from feedsmith.training.machine import seconds

__all__ = ["Config", "needs", "resolve", "seconds"]

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
    device = machine.device_of(config.device, torch)
    dtype = machine.dtype_of(config.dtype, device, torch)
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
            "threads": config.threads or cores.available(),
        }
    )


def needs() -> Any:
    """torch, with all of the train extra there; raises FeedsmithError when it is not."""
    return machine.torch_of("gguf", "peft", "safetensors", "transformers")
