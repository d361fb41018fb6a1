"""Progressive GAN weights in the layout of the PyTorch GAN zoo, made ready for `--from`.

    python -m feedsmith.images.gan.train.zoo celebaHQ.pth out.safetensors

The zoo (facebookresearch/pytorch_GAN_zoo, `progressive_conv_net.py`) keeps a checkpoint as a pickle:
{"config", "netG", "netD", "avgG"}. Pickles can run code; this one is read by torch's restricted
reader, which refuses anything but tensors, plain values and the zoo's class of settings, and only by
this command. What differs
from our layers, by its source:
  - names: formatLayer, groupScale0.0, scaleLayers.N.0|1, toRGBLayers.N; in the discriminator
    fromRGBLayers.N, scaleLayers.N.0|1, groupScaleZero.0|1, decisionLayer; each with or without
    ".module", which an override of state_dict leaves out;
  - its layers multiply the bias by He's constant too: we store the product;
  - every layer's constant is sqrt(2 / fan in); ours for RGB, the first dense layer and the score have
    the paper's own gains: weights are stored with the ratio of the two.
"""

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedsmith.errors import FeedsmithError
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.progressive import Discriminator, Generator
from feedsmith.training.run import write_tensors


class _Settings:
    """Stands for the zoo's own class of settings (models.utils.config.BaseConfig), which its
    checkpoints hold: a bag of plain values, not looked into."""


def converted(checkpoint: Mapping[str, Any]) -> tuple[dict[str, Tensor], Config]:
    """A zoo checkpoint as tensors that `--from` takes, and the settings to use them with.

    Raises FeedsmithError where it is none, or its layers are no Progressive GAN's.
    """
    kept = checkpoint.get("avgG") or checkpoint.get("netG")
    if not isinstance(kept, Mapping):
        raise FeedsmithError("no netG in this checkpoint", mend="name a Progressive GAN checkpoint")
    theirs = {name.replace(".module.", "."): value for name, value in kept.items()}
    levels = 1 + sum(bool(re.fullmatch(r"scaleLayers\.\d+\.0\.weight", name)) for name in theirs)
    size = 2 << levels
    latent = _of(theirs, "formatLayer.weight").shape[1]
    width = _of(theirs, "groupScale0.0.weight").shape[0] / 512
    config = Config(recipe="progressive", size=size, width=width, latent=latent)
    generator = Generator(size, width, latent)
    names = {"dense": "formatLayer", "blocks.0.0": "groupScale0.0"}
    names |= {f"to_rgb.{i}": f"toRGBLayers.{i}" for i in range(levels)}
    for i in range(1, levels):
        names |= {f"blocks.{i}.{k}": f"scaleLayers.{i - 1}.{k}" for k in (0, 1)}
    found = {f"average.{k}": v for k, v in _taken(generator, names, theirs).items()}
    other = checkpoint.get("netD")
    if isinstance(other, Mapping):
        theirs = {name.replace(".module.", "."): value for name, value in other.items()}
        discriminator = Discriminator(size, width)
        names = {"conv": "groupScaleZero.0", "dense": "groupScaleZero.1", "score": "decisionLayer"}
        names |= {f"from_rgb.{i}": f"fromRGBLayers.{i}" for i in range(levels)}
        for i in range(1, levels):
            names |= {f"blocks.{i - 1}.{k}": f"scaleLayers.{i - 1}.{k}" for k in (0, 1)}
        found |= {f"discriminator.{k}": v for k, v in _taken(discriminator, names, theirs).items()}
    return found, config


def _taken(
    network: Any, names: Mapping[str, str], theirs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    taken = {}
    for ours, there in names.items():
        layer = network.get_submodule(ours)
        weight, bias = _of(theirs, f"{there}.weight"), _of(theirs, f"{there}.bias")
        if weight.shape != layer.weight.shape or bias.shape != layer.bias.shape:
            raise FeedsmithError(
                f"{there} has the shape {tuple(weight.shape)}, not {tuple(layer.weight.shape)}",
                mend="only Progressive GANs with the paper's layers can be converted",
            )
        constant = math.sqrt(2 / weight[0].numel())
        taken[f"{ours}.weight"] = weight.float() * (constant / layer.scale)
        taken[f"{ours}.bias"] = bias.float() * constant
    return taken


def _of(theirs: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in theirs:
        raise FeedsmithError(
            f"no {name} in this checkpoint", mend="name a Progressive GAN checkpoint of the zoo"
        )
    return theirs[name]


def main(words: list[str]) -> int:
    """Convert a checkpoint file; what went wrong is one line."""
    if len(words) != 2:
        print("usage: python -m feedsmith.images.gan.train.zoo CHECKPOINT.pth OUT.safetensors")  # noqa: T201
        return 2
    try:
        try:
            with torch.serialization.safe_globals([(_Settings, "models.utils.config.BaseConfig")]):
                checkpoint = torch.load(words[0], map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise FeedsmithError(f"{words[0]}: no such file", mend="name the checkpoint") from error
        except Exception as error:
            raise FeedsmithError(
                f"{words[0]}: holds more than weights, or is no checkpoint",
                mend="save its state dicts alone: torch.save({'netG': ..., 'netD': ...})",
            ) from error
        tensors, config = converted(checkpoint)
        write_tensors(Path(words[1]), tensors, {"config": config.model_dump()})
    except FeedsmithError as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201
        return 1
    print(  # noqa: T201
        f"{words[1]}: {config.size} px; feedsmith train images BRAND --recipe progressive "
        f"--size {config.size} --width {config.width:g} --latent {config.latent} --from {words[1]}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
