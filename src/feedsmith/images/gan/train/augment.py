"""Differentiable augmentation (Zhao et al. 2020) with a strength that follows overfitting (Karras et
al. 2020a): changes of the same kinds for real and generated pictures, gradients go through.

Knows pictures as tensors in -1..1; knows no network.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from feedsmith.images.gan.train.dice import Dice

TARGET = 0.6
"""Share of real pictures that the discriminator finds real, minus those it does not, at which the
strength stays: below it grows weaker, above stronger."""
SPEED_KIMG = 100.0
"""Thousand pictures in which the strength can go from 0 to 1."""


def augmented(x: Tensor, strength: float, dice: Dice) -> Tensor:
    """Pictures (N, 3, H, W) with brightness, saturation, contrast, shift and a square left out, each
    applied to a picture with probability `strength`."""
    if strength <= 0:
        return x
    n, _, h, w = x.shape

    def amount(low: float, high: float, neutral: float) -> Tensor:
        """One number a picture: between low and high, or the neutral one."""
        drawn = dice.uniform(n, 2).to(x.device)
        value = low + (high - low) * drawn[:, 0]
        return torch.where(drawn[:, 1] < strength, value, neutral).view(n, 1, 1, 1).to(x.dtype)

    x = x + amount(-0.2, 0.2, 0.0)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * amount(0.6, 1.4, 1.0)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * amount(0.75, 1.25, 1.0)

    # Shifted by up to an eighth, black (grey here: 0) coming in; then a square of half the side.
    down = (amount(-0.125, 0.125, 0.0) * h).round().long().view(n, 1)
    right = (amount(-0.125, 0.125, 0.0) * w).round().long().view(n, 1)
    rows = (torch.arange(h, device=x.device)[None] - down + 1).clamp(0, h + 1)
    columns = (torch.arange(w, device=x.device)[None] - right + 1).clamp(0, w + 1)
    edged = F.pad(x, (1, 1, 1, 1))
    batch = torch.arange(n, device=x.device)[:, None, None]
    x = edged.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)

    drawn = dice.uniform(n, 3).to(x.device)
    top = (drawn[:, 0] * (h + 1)).floor() - h // 4
    left = (drawn[:, 1] * (w + 1)).floor() - w // 4
    y = torch.arange(h, device=x.device)[None] - top[:, None]
    z = torch.arange(w, device=x.device)[None] - left[:, None]
    inside = ((y >= 0) & (y < h // 2))[:, :, None] & ((z >= 0) & (z < w // 2))[:, None]
    hidden = inside & (drawn[:, 2] < strength)[:, None, None]
    return x * (~hidden)[:, None].to(x.dtype)


def followed(strength: float, sign: float, pictures: int) -> float:
    """The strength after `pictures` more, whose mean sign of D(real) was `sign` (-1..1)."""
    step = pictures / (1000 * SPEED_KIMG)
    return min(1.0, max(0.0, strength + (step if sign > TARGET else -step)))
