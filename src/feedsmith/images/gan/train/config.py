"""Settings of one image training, and what "auto" means on this machine.

The docstrings are the help texts of the command line. Knows the processor; knows no pictures.
"""

from typing import Any, Literal

from pydantic import Field

from feedsmith import cores
from feedsmith.errors import FeedsmithError
from feedsmith.post import Value
from feedsmith.training import machine

SIZES = (32, 64, 128, 256, 512, 1024)
RATE = 1e-3
PHASE_KIMG = 800.0
"""Thousand pictures in which the Progressive GAN fades a level in, and again trains it (A.1)."""


class Config(Value):
    """Train an image generator on a brand's own photos."""

    recipe: Literal["compact", "progressive"] = "compact"
    """compact: few photos, little time, a processor; progressive: the Progressive GAN of 2018, as in
    its paper."""
    size: int = 0
    """Side of the pictures in pixels, a power of two from 32 to 1024; 0 means the data set's."""
    budget: float = Field(7200.0, gt=0)
    """Seconds of wall-clock time for all of it."""
    kimg: float = Field(0.0, ge=0)
    """At most so many thousand pictures shown to the discriminator; 0 means what the budget allows."""
    snapshot_every: str = ""
    """Snapshots and sample grids: 20kimg, 10epochs or 10m; empty means ten of them in all, and one to
    go on from every five minutes."""
    start: str = ""
    """Weights to go on from: a run's folder, a snapshot or generator of Feedsmith, starter (the
    generator that comes with Feedsmith), or Progressive GAN weights made ready by
    `python -m feedsmith.images.gan.train.zoo`."""
    freeze_discriminator: int = Field(0, ge=0)
    """Levels of the discriminator, those nearest to the picture, that stay as they were."""
    freeze_generator: int = Field(0, ge=0)
    """Levels of the generator, the coarsest, that stay as they were."""
    batch: int = Field(0, ge=0)
    """Pictures in a step, of each process; 0 means the recipe's own (16, and fewer at large sizes)."""
    generator_rate: float = Field(0.0, ge=0)
    """Learning rate of the generator; 0 means the recipe's own (0.001; gated layers 0.0002)."""
    discriminator_rate: float = Field(0.0, ge=0)
    """Learning rate of the discriminator; 0 means the recipe's own (compact 0.0002, progressive
    0.001)."""
    latent: int = Field(0, ge=0, le=2048)
    """Numbers in a latent vector; 0 means the recipe's own (compact 128, progressive 512)."""
    mirror: bool = True
    """Half of the photos are shown mirrored."""
    average_kimg: float = Field(5.0, gt=0)
    """compact: thousand pictures after which half of the averaged generator is renewed."""
    judge: Literal["projected", "patch"] = "projected"
    """compact: a discriminator that looks through the offline encoder, or one from nothing."""
    loss: Literal["hinge", "relativistic"] = "relativistic"
    """compact: the loss."""
    penalty: float = Field(1.0, ge=0)
    """compact, relativistic loss: weight of the gradient penalties."""
    augment: float = Field(-1.0, ge=-1, le=1)
    """compact: how strongly pictures are changed before they are judged, 0 to 1; -1 follows
    overfitting."""
    layout: int = Field(24, ge=0, le=128)
    """compact, styled: so many numbers of a latent lay out light and colour by the principal components of
    the photos; 0 for none."""
    hold: float = Field(3.0, ge=0)
    """compact, styled: how firmly a drawing from a photo's own layout is held to it."""
    channels: int = Field(16, ge=4, le=128)
    """compact: width of the generator."""
    body: Literal["styled", "gated"] = "styled"
    """compact: the generator's layers."""
    look: float = Field(1.5, ge=1, le=4)
    """compact: how much pictures are enlarged before the encoder looks at them, but not above 256 px:
    its finest maps have a quarter of the resolution."""
    heads: int = Field(32, ge=4, le=128)
    """compact, projected: width of the small discriminators."""
    pixels: bool = True
    """compact, projected: one more small discriminator looks at the pixels themselves."""
    excitation: bool = True
    """compact: skip-layer excitation."""
    width: float = Field(1.0, gt=0, le=1)
    """progressive: share of the paper's feature maps; 1 is the paper, with 23 million weights."""
    phase_kimg: float = Field(0.0, ge=0)
    """progressive: thousand pictures in which a level fades in, and again in which it is trained; 0
    means the paper's 800, or less where kimg or budget end sooner."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a graphics card where there is one."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 where the processor or the card computes in it, else float32."""
    threads: int = Field(0, ge=0)
    """Threads on the processor; 0 means all cores this process may use."""
    seed: int = Field(0, ge=0)
    """The same seed, pictures and settings give the same generator on the same machine."""


def resolve(config: Config, stored: int) -> Config:
    """`config` with a number for every "auto", for a data set of `stored` px.

    Raises FeedsmithError when the train extra is missing, for a card that is not there, and for a
    size that is none or above the data set's.
    """
    size = config.size or stored
    if size not in SIZES:
        raise FeedsmithError(
            f"--size {size}: pictures of that size are not trained",
            mend=f"one of {', '.join(map(str, SIZES))}",
        )
    if size > stored:
        raise FeedsmithError(
            f"the data set holds pictures of {stored} px, {size} are asked for",
            mend=f"feedsmith prepare BRAND --size {size}, or train at --size {stored}",
        )
    if (config.freeze_discriminator or config.freeze_generator) and not config.start:
        raise FeedsmithError(
            "levels can stay as they were only in weights that have learned something",
            mend="name them with --from, or leave --freeze-... away",
        )
    torch = needs()
    device = machine.device_of(config.device, torch)
    growing = config.recipe == "progressive"
    # Weights of the styled generator are of unit variance (the equalised learning rate).
    equal = growing or config.body == "styled"
    return config.model_copy(
        update={
            "size": size,
            "device": device,
            "dtype": machine.dtype_of(config.dtype, device, torch),
            "threads": config.threads or cores.available(),
            "generator_rate": config.generator_rate or (RATE if growing or equal else RATE / 5),
            "discriminator_rate": config.discriminator_rate or (RATE if growing else RATE / 5),
        }
    )


def needs() -> Any:
    """torch, with all that training pictures takes; raises FeedsmithError when it is not there."""
    return machine.torch_of("h5py", "onnx", "safetensors")
