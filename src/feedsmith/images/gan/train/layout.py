"""Where light and colour lie in a picture, as a few numbers: the principal components of photos at 16 px.

A generator that begins with them has the photos' own colours before its first step (as eigenfaces,
Turk & Pentland 1991, have faces), and every photo has a latent of its own, from which the
generator can be asked to keep the photo's layout (Larsen et al. 2016, "Autoencoding beyond pixels").
Knows tensors; knows no network.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

SIDE = 16
COARSE = 8
"""Pixels at which a layout is kept: finer, a photo's details would be learned by heart."""
PHOTOS = 4096
"""As many photos give the components; more change nothing."""


def principal(rgb: Tensor, count: int, mirrored: bool) -> tuple[Tensor, Tensor]:
    """Mean (768,) and components (count, 768) of pictures (N, 3, H, W): each component is of unit
    length times the standard deviation along it, so that normal numbers times them vary as the photos do.

    Where the photos have fewer components than asked for, the last ones are 0.
    """
    flat = small(rgb).double()
    if mirrored:
        flat = torch.cat([flat, small(rgb.flip(-1)).double()])
    mean = flat.mean(0)
    flat = flat - mean
    values, vectors = torch.linalg.eigh(flat.T @ flat / len(flat))
    values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
    # The sign of a component is open: one rule decides, or two machines would differ. (The largest entry
    # would not do: with mirrored photos left and right are as large.)
    ramp = torch.linspace(1, 2, len(flat.T), dtype=flat.dtype, device=flat.device)
    vectors = vectors * (ramp @ vectors).sign()
    deviations = torch.where(values > 1e-8, values.clamp(min=0).sqrt(), 0.0)
    return mean.float(), (vectors * deviations).T.contiguous().float()


def numbers(rgb: Tensor, mean: Tensor, components: Tensor) -> Tensor:
    """The layout of pictures (N, 3, H, W): (N, count), about of unit variance."""
    lengths = components.square().sum(1).clamp(min=1e-8)
    return (small(rgb) - mean) @ components.T / lengths


def small(rgb: Tensor) -> Tensor:
    """(N, 768): pictures at 16 px, by means of squares."""
    return F.adaptive_avg_pool2d(rgb.float(), SIDE).flatten(1)


def layout_apart(made: Tensor, photos: Tensor) -> Tensor:
    """Mean absolute difference of layouts at 8 px."""
    return F.l1_loss(
        F.adaptive_avg_pool2d(made.float(), COARSE), F.adaptive_avg_pool2d(photos.float(), COARSE)
    )
