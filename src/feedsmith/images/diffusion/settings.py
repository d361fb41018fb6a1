"""Settings of the image model `diffusers`: [images.options] of brand.toml."""

from typing import Literal

from pydantic import Field

from feedsmith.images.prompt import NEGATIVE
from feedsmith.post import Value


class Options(Value):
    """How a pipeline draws, and what it may take of the machine."""

    steps: int = Field(30, ge=1, le=500)
    """Steps of the sampler. Distilled models (turbo, lightning) want 1 to 8."""
    guidance: float = Field(-1.0, ge=-1, le=50)
    """How closely the words are kept to; -1: as the pipeline has it, 0 for most distilled models."""
    strength: float = Field(0.0, ge=0, le=1)
    """0: from noise. Else the drawing starts at one of the brand's photos and goes this far from it;
    under .5 it stays so near that the originality gate turns most of them down."""
    negative: str = NEGATIVE
    """What is not to be in the picture; for pipelines that take it."""
    lora_weight: float = Field(1.0, ge=0, le=2)
    """How much the adapter counts."""
    size: int = Field(0, ge=0, le=2048)
    """Side in px of the square that is worth as many pixels as the drawing; 0: the pipeline's own."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto: a graphics card where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format; auto: half precision where the device computes in it."""
    offload: Literal["auto", "none", "model", "sequential"] = "auto"
    """What waits in the machine's memory while the card works: nothing, all parts but the one at work
    (auto, on a card), or nearly everything (slow)."""
    sliced_attention: bool = False
    """Attention in slices, for devices without an attention that spares memory by itself."""
