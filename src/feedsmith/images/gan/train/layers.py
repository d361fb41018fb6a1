"""Layers of the networks: each one formula of a paper.

Knows tensors; knows no recipe.
"""

import math

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

# ---- Karras et al. 2018, "Progressive Growing of GANs" -------------------------------------------


class EqualConv(nn.Module):
    """Convolution with the equalised learning rate (section 4.1): weights from N(0, 1), multiplied at
    run time by gain / sqrt(fan in), He's constant."""

    def __init__(self, into: int, out: int, side: int, gain: float = math.sqrt(2), pad: int = -1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, side, side))
        self.bias = nn.Parameter(torch.zeros(out))
        self.scale = gain / math.sqrt(into * side * side)
        self.pad = side // 2 if pad < 0 else pad

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.pad)


class EqualLinear(nn.Module):
    """Dense layer with the equalised learning rate."""

    def __init__(self, into: int, out: int, gain: float = math.sqrt(2)):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into))
        self.bias = nn.Parameter(torch.zeros(out))
        self.scale = gain / math.sqrt(into)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


def pixel_norm(x: Tensor) -> Tensor:
    """Each pixel's feature vector at unit mean square (section 4.2), epsilon 1e-8."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(1, keepdim=True) + 1e-8)).to(x.dtype)


def with_minibatch_deviation(x: Tensor, group: int = 4) -> Tensor:
    """One more map (section 3): the standard deviation over the batch, mean over maps and places.

    Within groups of `group` neighbouring samples, as the paper's own experiments did; a batch that
    is no multiple of it is one group.
    """
    n, c, h, w = x.shape
    size = group if n % group == 0 else n
    wide = x.float().reshape(n // size, size, c, h, w)
    deviation = (wide.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    one = deviation.repeat_interleave(size).to(x.dtype).reshape(n, 1, 1, 1)
    return torch.cat([x, one.expand(n, 1, h, w)], 1)


def twice(x: Tensor) -> Tensor:
    """Nearest-neighbour upsampling by 2."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


# ---- Liu et al. 2021, "Towards Faster and Stabilized GAN Training" -------------------------------


class _Summed(torch.autograd.Function):
    """A tensor summed over all processes; so is its gradient, as each process' loss depends on it."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        del ctx
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        del ctx
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose statistics are those of all processes' batches together.

    torch's own SyncBatchNorm works on graphics cards alone. Statistics in float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and dist.is_available() and dist.is_initialized()):
            return super().forward(x)
        wide = x.float()
        world = dist.get_world_size()
        count = x.numel() // x.shape[1] * world
        local = torch.stack([wide.mean((0, 2, 3)), wide.square().mean((0, 2, 3))])
        mean, square = _Summed.apply(local) / world
        var = square - mean.square()
        with torch.no_grad():
            rate = self.momentum or 0.1
            self.running_mean.lerp_(mean, rate)
            self.running_var.lerp_(var * count / (count - 1), rate)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(var + self.eps)
        shift = self.bias - mean * scale
        return (wide * scale[:, None, None] + shift[:, None, None]).to(x.dtype)


class SkipExcitation(nn.Module):
    """Skip-layer excitation: a small map far below weighs the channels of a large one."""

    def __init__(self, small: int, large: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(small, large, 4)
        self.excite = nn.Conv2d(large, large, 1)

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        # Reduced to 4x4 by averaging blocks: adaptive pooling does the same and cannot be exported.
        if small.shape[-1] > 4:
            small = F.avg_pool2d(small, small.shape[-1] // 4)
        return large * torch.sigmoid(self.excite(F.silu(self.squeeze(small))))
