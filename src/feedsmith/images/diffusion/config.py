"""Settings of one LoRA training, and what "auto" means on this machine.

The docstrings are the help texts of the command line. Knows the processor; knows no picture.
"""

from typing import Literal

from pydantic import Field

from feedsmith import cores
from feedsmith.post import Value


class Config(Value):
    """Teach a Stable Diffusion a brand's look: an adapter beside its weights."""

    model: str = ""
    """The model to start from: a folder that diffusers has saved, or its name on the model hub. Stable
    Diffusion 1.x and 2.x and what was made of them."""
    data: str = ""
    """A data set of `feedsmith prepare`; empty: the brand's own, the smallest that is large enough."""
    size: int = Field(0, ge=0, le=1024)
    """Side in px of the pictures that are learned from; 0: the model's own, or the data set's where that
    is smaller."""
    steps: int = Field(1000, ge=1)
    """Steps; 10 to 30 for each photo, and at least some hundreds."""
    budget: float = Field(0.0, ge=0)
    """Seconds of wall-clock time for all of it; 0: as long as the steps take. The best so far is kept."""
    batch: int = Field(1, ge=1, le=64)
    """Pictures in one step."""
    rank: int = Field(8, ge=1, le=256)
    """Rank of the adapter: how much it can hold; 8 is 6 MB for Stable Diffusion 1.5."""
    rate: float = Field(1e-4, gt=0)
    """Learning rate, after a warm-up."""
    snr_gamma: float = Field(5.0, ge=0)
    """Noise levels count at most as this many times their signal allows (Min-SNR, Hang et al. 2023); 0:
    all alike."""
    words: Literal["keywords", "captions"] = "keywords"
    """What a picture is called while it is learned: its keywords, as generate asks for them, or its
    caption."""
    trigger: str = Field("", max_length=80)
    """Words put before all of them, e.g. "pineparcel style"."""
    drop_words: float = Field(0.1, ge=0, lt=1)
    """Share of the pictures learned without words, so that guidance goes on working."""
    checkpointing: bool = True
    """Spare memory at a quarter more time."""
    check_every: int = Field(50, ge=1)
    """Steps between two looks at the held-out pictures."""
    held_out_max: int = Field(24, ge=1)
    """At most so many of them."""
    snapshot_every: int = Field(50, ge=1)
    """Steps between two snapshots; a stopped run goes on at the last one."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a graphics card where there is one."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 where the processor or the card computes in it, else float32."""
    threads: int = Field(0, ge=0)
    """Threads on the processor; 0 means all cores this process may use."""
    seed: int = Field(0, ge=0)
    """The same seed, pictures and settings give the same adapter on the same machine."""


def resolve(config: Config) -> Config:
    """`config` with a value for every "auto" of the machine.

    Raises FeedsmithError when the diffusion extra is missing, or for a card that is not there.
    """
    # Here, for the command line reads Config alone: these bring half of Feedsmith with them.
    from feedsmith.images.diffusion import pipeline
    from feedsmith.training import machine

    torch = pipeline.needs()
    device = machine.device_of(config.device, torch)
    return config.model_copy(
        update={
            "device": device,
            "dtype": machine.dtype_of(config.dtype, device, torch),
            "threads": config.threads or cores.available(),
        }
    )
