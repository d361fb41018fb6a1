"""The Progressive GAN (Karras et al. 2018, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation"), from the paper.

Sections and formulas are named at each piece. Deviations, all of them:
  - `width` thins all layers evenly; 1 is the paper's table 2.
  - the schedule is the paper's 800k pictures a phase unless `phase_kimg` or a budget says less.
  - one minibatch a process (the paper's appendix A.1 for one card: 16, then 14, 6, 3).
  - the minibatch deviation is that of groups of 4 neighbours, of all where the minibatch is no
    multiple of 4 (14, 6, 3).
  - bfloat16 where asked for; the gradient penalty always in float32.
Knows tensors; knows no data and no files.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.dice import Dice
from feedsmith.images.gan.train.layers import (
    EqualConv,
    EqualLinear,
    pixel_norm,
    twice,
    with_minibatch_deviation,
)
from feedsmith.images.gan.train.pair import Pair

LATENT = 512
PENALTY, DRIFT = 10.0, 0.001
"""Weights of the gradient penalty, with its target 1, and of the drift (section A.1)."""


def maps_at(size: int, width: float = 1.0) -> int:
    """Feature maps at a resolution (table 2): 512 up to 32 px, then half at each doubling."""
    return max(4, round(min(512, 16384 // size) * width))


class Generator(nn.Module):
    """z (N, 512) to a picture (N, 3, S, S) about in -1..1; levels 4, 8, ... up to `size`."""

    def __init__(self, size: int, width: float = 1.0, latent: int = LATENT) -> None:
        super().__init__()
        self.latent = latent
        first = maps_at(4, width)
        # The 4x4 layer is a dense one of 16 x maps; its gain is the paper's sqrt(2) / 4.
        self.dense = EqualLinear(latent, first * 16, gain=math.sqrt(2) / 4)
        self.blocks = nn.ModuleList([nn.ModuleList([EqualConv(first, first, 3)])])
        self.to_rgb = nn.ModuleList([EqualConv(first, 3, 1, gain=1.0)])
        for level in range(1, int(math.log2(size)) - 1):
            into, out = maps_at(2 << level, width), maps_at(4 << level, width)
            self.blocks.append(nn.ModuleList([EqualConv(into, out, 3), EqualConv(out, out, 3)]))
            self.to_rgb.append(EqualConv(out, 3, 1, gain=1.0))

    def forward(self, z: Tensor, level: int, alpha: float = 1.0) -> Tensor:
        """Pictures of 4 x 2^level px; below alpha 1 blended with the level before (figure 2)."""
        x = self.dense(pixel_norm(z)).unflatten(1, (-1, 4, 4))
        x = pixel_norm(F.leaky_relu(x, 0.2))
        before = x
        for i in range(level + 1):
            before = x
            x = twice(x) if i else x
            for conv in self.blocks[i]:
                x = pixel_norm(F.leaky_relu(conv(x), 0.2))
        rgb: Tensor = self.to_rgb[level](x)
        if alpha < 1 and level:
            small: Tensor = self.to_rgb[level - 1](before)
            rgb = torch.lerp(twice(small.float()), rgb.float(), alpha)
        return rgb.float()


class Discriminator(nn.Module):
    """Pictures (N, 3, S, S) to scores (N,)."""

    def __init__(self, size: int, width: float = 1.0) -> None:
        super().__init__()
        first = maps_at(4, width)
        self.blocks = nn.ModuleList()
        self.from_rgb = nn.ModuleList([EqualConv(3, first, 1)])
        for level in range(1, int(math.log2(size)) - 1):
            into, out = maps_at(4 << level, width), maps_at(2 << level, width)
            self.from_rgb.append(EqualConv(3, into, 1))
            self.blocks.append(nn.ModuleList([EqualConv(into, into, 3), EqualConv(into, out, 3)]))
        self.conv = EqualConv(first + 1, first, 3)
        self.dense = EqualLinear(first * 16, first)
        self.score = EqualLinear(first, 1, gain=1.0)

    def forward(self, rgb: Tensor, level: int, alpha: float = 1.0) -> Tensor:
        x = F.leaky_relu(self.from_rgb[level](rgb), 0.2)
        for i in range(level, 0, -1):
            for conv in self.blocks[i - 1]:
                x = F.leaky_relu(conv(x), 0.2)
            x = F.avg_pool2d(x, 2)
            if i == level and alpha < 1:
                small = self.from_rgb[level - 1](F.avg_pool2d(rgb, 2))
                x = torch.lerp(F.leaky_relu(small, 0.2), x.to(small.dtype), alpha)
        x = F.leaky_relu(self.conv(with_minibatch_deviation(x)), 0.2)
        x = F.leaky_relu(self.dense(x.flatten(1)), 0.2)
        score: Tensor = self.score(x)
        return score.float().squeeze(1)


class Stage:
    """Where the schedule is after `shown` pictures: 4x4 first, then each level fades in over
    `phase` pictures and is trained for as many more (section 2, A.1)."""

    def __init__(self, shown: int, phase: float, top: int) -> None:
        turn = shown / phase
        self.level = min(top, int((turn + 1) // 2))
        faded = turn - (2 * self.level - 1)
        self.alpha = 1.0 if self.level == 0 else min(1.0, max(0.0, faded))


def penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, mix: Tensor, level: int, alpha: float
) -> Tensor:
    """Mean of (|grad D| - 1)^2 at points between real and generated pictures (Gulrajani et al. 2017).

    mix (N, 1, 1, 1) in 0..1 says where between.
    """
    between = torch.lerp(real, fake.to(real.dtype), mix).requires_grad_()
    score = discriminator(between, level, alpha).sum()
    (gradient,) = torch.autograd.grad(score, between, create_graph=True)
    norm = (gradient.float().square().sum((1, 2, 3)) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def faded(real: Tensor, alpha: float) -> Tensor:
    """Real pictures as they fade in: blended with themselves at half the resolution, as the
    generated ones are (section 2: "we interpolate between two resolutions of the real images")."""
    if alpha >= 1:
        return real
    return torch.lerp(twice(F.avg_pool2d(real, 2)), real, alpha)


class Progressive(Pair):
    """Progressive growing with WGAN-GP."""

    def __init__(self, config: Config) -> None:
        self.top = int(math.log2(config.size)) - 2
        generator = Generator(config.size, config.width, config.latent or LATENT)
        discriminator = Discriminator(config.size, config.width)
        if config.freeze_discriminator:
            for one in range(max(1, self.top + 1 - config.freeze_discriminator), self.top + 1):
                discriminator.from_rgb[one].requires_grad_(False)
                discriminator.blocks[one - 1].requires_grad_(False)
        if config.freeze_generator:
            generator.dense.requires_grad_(False)
            for one in range(min(config.freeze_generator, self.top + 1)):
                generator.blocks[one].requires_grad_(False)
        super().__init__(config, generator, discriminator, betas=(0.0, 0.99))
        self._stage = (-1, False)

    @property
    def latent(self) -> int:
        return int(self.generator.latent)

    def stage_at(self, shown: int) -> Stage:
        # What was transferred is grown already.
        start = 2 * self.top * self.config.phase_kimg * 1000 if self.config.start else 0
        return Stage(shown + int(start), self.config.phase_kimg * 1000, self.top)

    def begin(self, photos: Tensor) -> None:
        """Nothing: it begins from noise, as in the paper."""

    def size_at(self, shown: int) -> int:
        return 4 << self.stage_at(shown).level

    def grown(self, shown: int) -> bool:
        stage = self.stage_at(shown)
        return stage.level == self.top and stage.alpha >= 1

    def batch_at(self, shown: int) -> int:
        size = self.size_at(shown)
        most = {256: 14, 512: 6, 1024: 3}.get(size, 16)
        return self.config.batch or most

    def step(self, real: Tensor, dice: Dice, shown: int) -> dict[str, float]:
        stage, n = self.stage_at(shown), len(real)
        if (now := (stage.level, stage.alpha >= 1)) != self._stage:
            # Moments of the phase before say nothing of this one; the paper's own runs began anew too,
            # when a level came in and when it had faded in.
            if self._stage[0] >= 0:
                self.renew_optimisers()
            self._stage = now
        level, alpha = stage.level, stage.alpha
        generator, discriminator = self.generator, self.discriminator
        assert isinstance(discriminator, Discriminator)
        real = faded(real, alpha)

        # The discriminator: E D(fake) - E D(real) + 10 E (|grad| - 1)^2 + 0.001 E D(real)^2.
        z = dice.normal(n, self.latent).to(self.device)
        with torch.no_grad(), self.autocast():
            fake = generator(z, level, alpha)
        mix = dice.uniform(n, 1, 1, 1).to(self.device)
        with self.autocast():
            scores_real = discriminator(real, level, alpha)
            scores_fake = discriminator(fake, level, alpha)
        distance = scores_real.mean() - scores_fake.mean()
        slope = penalty(discriminator, real, fake, mix, level, alpha)
        loss = -distance + PENALTY * slope + DRIFT * scores_real.square().mean()
        told = {"loss_d": self.agreed(loss), "wasserstein": self.agreed(distance)}
        if not math.isfinite(told["loss_d"]):
            return told
        self.update("discriminator", loss, discriminator)

        # The generator: -E D(fake), on new latents.
        z = dice.normal(n, self.latent).to(self.device)
        discriminator.requires_grad_(False)
        with self.autocast():
            loss = -discriminator(generator(z, level, alpha), level, alpha).mean()
        told["loss_g"] = self.agreed(loss)
        if math.isfinite(told["loss_g"]):
            self.update("generator", loss, generator)
            self.follow(n, shown)
        self.thaw()
        told |= {"size": 4 << level, "alpha": round(alpha, 4), "penalty": self.agreed(slope)}
        return told

    @torch.no_grad()
    def follow(self, batch: int, shown: int) -> None:
        """The paper's own average: 0.999 a step (A.1)."""
        del batch, shown
        for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(now, 1 - 0.999)

    def tensors(self) -> dict[str, Tensor]:
        return {**super().tensors(), "stage": torch.tensor(self._stage)}

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        super().take(tensors)
        level, faded_in = (int(value) for value in tensors["stage"])
        self._stage = (level, bool(faded_in))

    @torch.no_grad()
    def pictures(self, z: Tensor, shown: int) -> Tensor:
        stage = self.stage_at(shown)
        with self.autocast():
            rgb: Tensor = self.average(z.to(self.device), stage.level, stage.alpha)
        return rgb
