"""Going on from weights: a run's folder, a snapshot, a generator, the shipped one.

Knows files and networks; knows no data.
"""

from pathlib import Path
from typing import Any

import torch

from feedsmith.errors import FeedsmithError
from feedsmith.images.gan.exported import STARTER
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.export import weights_of
from feedsmith.images.gan.train.pair import Pair
from feedsmith.images.gan.train.run import stored_tensors
from feedsmith.training.run import read

_SHAPING = (
    "recipe", "size", "channels", "width", "latent", "body", "excitation", "judge", "loss", "look",
    "heads", "pixels", "layout",
)  # fmt: skip
"""Settings that decide which weights there are."""


def take_over(pair: Pair, config: Config) -> None:
    """Begin at the weights that `config.start` names: generator and average, and the discriminator
    where they hold one; moments begin anew.

    Raises FeedsmithError where there are none, or they are of another recipe, size or width.
    """
    path = _file(config.start)
    tensors, told = (weights_of(path), {}) if path.suffix == ".onnx" else stored_tensors(path)
    _fitting(path, config, told)
    if "stage" in tensors and 4 << int(tensors["stage"][0]) < config.size:
        raise FeedsmithError(
            f"{path}: was stopped while it grew, at {4 << int(tensors['stage'][0])} px",
            mend="go on with that training first: the command it was begun with",
        )
    network: dict[str, dict[str, Any]] = {"generator": {}, "discriminator": {}}
    for name, value in tensors.items():
        first, _, rest = name.partition(".")
        if first == "average":
            network["generator"][rest] = value.float()
        elif first == "discriminator":
            network["discriminator"][rest] = value.float()
    if not network["generator"]:  # a generator's file has bare names
        network["generator"] = {
            name: value.float() if value.is_floating_point() else value
            for name, value in tensors.items()
            if "/" not in name
        }
    try:
        pair.generator.load_state_dict(network["generator"])
        pair.average.load_state_dict(network["generator"])
        if network["discriminator"]:
            pair.discriminator.load_state_dict(network["discriminator"])
    except RuntimeError as error:
        raise FeedsmithError(
            f"{path}: its weights do not fit a {config.recipe} generator of {config.size} px",
            mend="use the settings it was trained with: " + _settings(_was(path, told)),
        ) from error
    torch.manual_seed(config.seed)


def _file(start: str) -> Path:
    """The file of weights that is meant."""
    if start == "starter":
        # Shipped once, as the file that draws: 4 MB less in every install.
        path = STARTER / "generator.onnx"
        if not path.exists():
            raise FeedsmithError(
                "no starter generator comes with this install", mend="leave --from away"
            )
        return path
    path = Path(start)
    if path.is_dir():
        for name in ("snapshot.safetensors", "generator.safetensors"):
            if (path / name).exists():
                return path / name
        raise FeedsmithError(
            f"{path}: no snapshot in this folder",
            mend="name a run's folder, as BRAND/runs/0003-images",
        )
    return path


def _fitting(path: Path, config: Config, told: dict[str, Any]) -> None:
    """Raises FeedsmithError where the file says that it is of another recipe or size."""
    was = _was(path, told)
    for name in ("recipe", "size"):
        if name in was and was[name] != getattr(config, name):
            raise FeedsmithError(
                f"{path}: is of {name} {was[name]}, and {getattr(config, name)} is asked for",
                mend=f"use --{name} {was[name]}, or leave --from away",
            )


def _was(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    known = told.get("config") or read(path.parent / "card.json").get("settings")
    return known if isinstance(known, dict) else {}


def _settings(told: dict[str, Any]) -> str:
    shown = [f"{k} {told[k]}" for k in _SHAPING if k in told]
    return ", ".join(shown) or "see its card.json"
