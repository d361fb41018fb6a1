"""The default recipe: few photos, little time, a processor.

Generator, by `body`: styles (Karras et al. 2020), on top of the photos' own layouts (layout.py); or
skip-layer excitation and gated convolutions (Liu et al. 2021). Discriminator, by `judge`:
  - projected (Sauer et al. 2021, "Projected GANs Converge Faster"): small networks look at the
    feature maps of a frozen, trained encoder, mixed by fixed random convolutions. Ours is the
    offline encoder that comes with Feedsmith: nothing is downloaded.
  - patch: a network of its own, from nothing, with scores for patches.
Loss, by `loss`: hinge (Lim & Ye 2017), or relativistic pairing (Jolicoeur-Martineau 2019) with R1
and R2 penalties as in Huang et al. 2024, "The GAN is dead; long live the GAN!".
What is the default was chosen by measurement: docs/log.md. Knows tensors; knows no data, no files.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

from feedsmith.images.gan.train.augment import augmented, followed
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.dice import Dice
from feedsmith.images.gan.train.encoder import Encoder
from feedsmith.images.gan.train.layers import (
    BatchNorm,
    EqualConv,
    EqualLinear,
    SkipExcitation,
    twice,
)
from feedsmith.images.gan.train.layout import SIDE, layout_apart, numbers, principal
from feedsmith.images.gan.train.pair import Pair

LATENT = 128
SHARES = {4: 16, 8: 8, 16: 6, 32: 4, 64: 2, 128: 1, 256: 1, 512: 0.5, 1024: 0.25}
"""Feature maps at a resolution, as multiples of the settings' `channels`."""


NEAR = 0.3
"""Deviation added to a photo's own layout: what is drawn near it should be near it as well."""
LAZY = 4
"""Steps between two gradient penalties, which cost as much as all else of the discriminator."""
SPREADS = (8.6, 7.7, 5.9, 2.6)
"""Standard deviations of the encoder's maps over photographs: divided by them, what the heads look at
is about of unit variance. Left as they were, the heads told all pictures apart within 5,000."""


def maps_at(size: int, channels: int) -> int:
    return max(8, round(channels * SHARES[size]))


class Gated(nn.Module):
    """Convolution, batch norm, and half of the maps gating the others (GLU)."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, 2 * out, 3, padding=1, bias=False)
        self.norm = BatchNorm(2 * out)

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(self.norm(self.conv(x)), 1)


class Generator(nn.Module):
    """z (N, latent) from N(0, 1) to pictures (N, 3, S, S) in -1..1."""

    def __init__(self, size: int, channels: int, latent: int, excitation: bool = True) -> None:
        super().__init__()
        self.latent, self.size = latent, size
        first = maps_at(4, channels)
        self.seed = nn.ConvTranspose2d(latent, 2 * first, 4, bias=False)
        self.norm = BatchNorm(2 * first)
        self.blocks = nn.ModuleList()
        self.skips = nn.ModuleDict()
        sizes = [4 << i for i in range(1, int(math.log2(size)) - 1)]
        for one in sizes:
            into, out = maps_at(one // 2, channels), maps_at(one, channels)
            # Two convolutions where they cost little: below 64 px.
            layers = [Gated(into, out)] + ([Gated(out, out)] if one < 64 else [])
            self.blocks.append(nn.Sequential(*layers))
            if excitation and one >= 64 and one // 16 >= 4:
                self.skips[str(one)] = SkipExcitation(maps_at(one // 16, channels), out)
        self.to_rgb = nn.Conv2d(maps_at(size, channels), 3, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0.0, 0.02)

    def forward(self, z: Tensor) -> Tensor:
        x = F.glu(self.norm(self.seed(z[:, :, None, None])), 1)
        small = {4: x}
        for block in self.blocks:
            x = block(twice(x))
            size = int(x.shape[-1])
            if str(size) in self.skips:
                x = self.skips[str(size)](small[size // 16], x)
            small[size] = x
        rgb: Tensor = torch.tanh(self.to_rgb(x).float())
        return rgb


class Styled(nn.Module):
    """Convolution whose input maps are weighed by a style and whose output is brought back to unit
    variance (Karras et al. 2020b, section 2.2), written as scales around one shared convolution: a
    batch of own weights for each picture is three times as slow on a processor."""

    def __init__(self, into: int, out: int, style: int, side: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, side, side))
        self.bias = nn.Parameter(torch.zeros(out))
        self.style = EqualLinear(style, into, gain=1.0)
        nn.init.ones_(self.style.bias)
        self.scale = 1 / math.sqrt(into * side * side)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        weight = self.weight * self.scale
        style = self.style(w).float()
        # As norms, which the exporter works out beforehand; sums of squares it writes as large as the weights.
        spread = torch.rsqrt(style.square() @ weight.norm(dim=(2, 3)).square().T + 1e-8)
        x = x * style[:, :, None, None].to(x.dtype)
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        bias = self.bias.to(x.dtype)[None, :, None, None]
        return torch.addcmul(bias, x, spread[:, :, None, None].to(x.dtype))


class StyledGenerator(nn.Module):
    """z (N, latent) from N(0, 1) to pictures (N, 3, S, S), about in -1..1, by styles.

    Every level adds to the picture of the level before (output skips). The first `layout` numbers of
    z also lay out light and colour at 16 px, by the principal components of the photos. No layer adds
    noise, as the paper's do: it made up all that is seen of it, and the latent nothing (docs/log.md).
    """

    layout_mean: Tensor
    layout_components: Tensor

    def __init__(self, size: int, channels: int, latent: int, layout: int) -> None:
        super().__init__()
        self.latent, self.size, self.layout = latent, size, min(layout, latent)
        values = 3 * SIDE * SIDE
        self.register_buffer("layout_mean", torch.zeros(values))
        self.register_buffer("layout_components", torch.zeros(self.layout or 1, values))
        self.first = EqualLinear(latent, latent)
        self.second = EqualLinear(latent, latent)
        # The latent itself, not a constant as in the paper: with few pictures and steps a constant
        # made all pictures alike.
        self.start = EqualLinear(latent, maps_at(4, channels) * 16)
        self.blocks, self.to_rgb = nn.ModuleList(), nn.ModuleList()
        for one in [4 << i for i in range(int(math.log2(size)) - 1)]:
            into, out = maps_at(max(4, one // 2), channels), maps_at(one, channels)
            layers = [Styled(into, out, latent)]
            if 4 < one < 64:
                layers.append(Styled(out, out, latent))
            self.blocks.append(nn.ModuleList(layers))
            self.to_rgb.append(EqualConv(out, 3, 1, gain=0.5))

    def forward(self, z: Tensor) -> Tensor:
        laid = z[:, : len(self.layout_components)].float() @ self.layout_components.float()
        laid = (laid + self.layout_mean.float()).view(-1, 3, SIDE, SIDE)
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        w = F.leaky_relu(self.second(F.leaky_relu(self.first(z), 0.2)), 0.2)
        x = F.leaky_relu(self.start(z), 0.2).unflatten(1, (-1, 4, 4))
        rgb: Tensor | None = None
        for layers, to_rgb in zip(self.blocks, self.to_rgb, strict=True):
            x = x if rgb is None else twice(x)
            for layer in layers:
                x = F.leaky_relu(layer(x, w), 0.2) * math.sqrt(2)
            add = to_rgb(x).float()
            rgb = (
                add
                if rgb is None
                else F.interpolate(rgb, scale_factor=2.0, mode="bilinear", align_corners=False)
                + add
            )
            if rgb.shape[-1] == SIDE:
                rgb = rgb + laid
        assert rgb is not None
        return rgb


class Projected(nn.Module):
    """Four small discriminators on a frozen encoder's maps, and one on the pixels: scores (N, patches).

    The encoder was trained to name things in any light: without the fifth, colours came out wrong.
    """

    def __init__(
        self,
        size: int,
        look: float,
        spectral: bool = True,
        pixels: bool = True,
        width: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        norm = spectral_norm if spectral else nn.Identity()
        self.encoder = Encoder()
        # A multiple of the encoder's coarsest stride.
        self.side = 32 * round(min(256, max(64, size * look)) / 32)
        widths = [width, width, 2 * width, 4 * width]
        # Fixed random projections: across channels (1x1), and from coarse maps to fine ones (3x3).
        source = torch.Generator().manual_seed(seed)
        self.across, self.scales = nn.ModuleList(), nn.ModuleList()
        for i, (from_, to) in enumerate(zip(self.encoder.widths, widths, strict=True)):
            self.across.append(_random(nn.Conv2d(from_, to, 1), source))
            self.scales.append(_random(nn.Conv2d(to, widths[max(0, i - 1)], 3, padding=1), source))
        self.across.requires_grad_(False)
        self.scales.requires_grad_(False)
        finals = [self.side // 4, self.side // 8, self.side // 16, self.side // 32]
        self.heads = nn.ModuleList()
        looks = [(widths[max(0, i - 1)], side) for i, side in enumerate(finals)]
        self.pixels = pixels
        if pixels:
            looks.append((48, size // 4))
        for into, side in looks:
            layers: list[nn.Module] = []
            while side > 4:
                out = min(4 * width, 2 * into)
                layers.append(norm(nn.Conv2d(into, out, 4, stride=2, padding=1)))
                layers.append(nn.LeakyReLU(0.2))
                into, side = out, side // 2
            layers.append(norm(nn.Conv2d(into, 4 * width, 3, padding=1)))
            layers.append(nn.LeakyReLU(0.2))
            layers.append(norm(nn.Conv2d(4 * width, 1, min(4, side))))
            self.heads.append(nn.Sequential(*layers))

    def maps(self, rgb: Tensor) -> list[Tensor]:
        """What the heads look at, fine to coarse, and the pixels themselves in squares of 4x4."""
        plain = rgb
        if rgb.shape[-1] != self.side:
            rgb = F.interpolate(
                rgb, (self.side, self.side), mode="bilinear", align_corners=False, antialias=False
            )
        # Backwards, depthwise convolutions take twice as long in bfloat16 as in float32 on a processor
        # (11 against 5.3 ms a picture at 128 px); forwards it is the other way round.
        slow = rgb.requires_grad and rgb.device.type == "cpu"
        with torch.autocast("cpu", enabled=False) if slow else contextlib.nullcontext():
            raw = self.encoder(rgb)
        seen = [
            mix(one / spread) for mix, one, spread in zip(self.across, raw, SPREADS, strict=True)
        ]
        found: list[Tensor] = []
        for i in (3, 2, 1, 0):
            x = (seen[i] + twice(found[0])) * math.sqrt(0.5) if found else seen[i]
            found.insert(0, self.scales[i](x))
        if self.pixels:
            # Photographs in -1..1 have a deviation of about a half.
            found.append(2 * F.pixel_unshuffle(plain, 4).to(found[0].dtype))
        return found

    def scores(self, maps: Sequence[Tensor]) -> Tensor:
        """Scores of such maps: (N, patches of all heads)."""
        return torch.cat(
            [h(x).float().flatten(1) for h, x in zip(self.heads, maps, strict=True)], 1
        )

    def forward(self, rgb: Tensor) -> Tensor:
        return self.scores(self.maps(rgb))


def _random(conv: nn.Conv2d, source: torch.Generator) -> nn.Conv2d:
    """He-normal weights from a seed, no bias to speak of."""
    fan = conv.weight[0].numel()
    with torch.no_grad():
        conv.weight.copy_(torch.randn(conv.weight.shape, generator=source) * math.sqrt(1.0 / fan))
        conv.bias.zero_()
    return conv


class Patch(nn.Module):
    """A discriminator from nothing: residual halving blocks to 4x4, scores of patches (N, 16)."""

    def __init__(self, size: int, channels: int, spectral: bool) -> None:
        super().__init__()
        norm = spectral_norm if spectral else nn.Identity()
        widths = {one: min(256, max(channels, channels * 64 // one * 2)) for one in _halved(size)}
        self.first = norm(nn.Conv2d(3, widths[size], 3, padding=1))
        self.blocks = nn.ModuleList()
        for one in _halved(size)[:-1]:
            into, out = widths[one], widths[one // 2]
            self.blocks.append(
                nn.ModuleList(
                    [
                        norm(nn.Conv2d(into, out, 4, stride=2, padding=1)),
                        norm(nn.Conv2d(out, out, 3, padding=1)),
                        norm(nn.Conv2d(into, out, 1)),
                    ]
                )
            )
        self.last = norm(nn.Conv2d(widths[4], widths[4], 3, padding=1))
        self.score = norm(nn.Conv2d(widths[4], 1, 1))

    def forward(self, rgb: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(rgb), 0.2)
        for down, same, short in self.blocks:
            y = F.leaky_relu(same(F.leaky_relu(down(x), 0.2)), 0.2)
            x = (y + short(F.avg_pool2d(x, 2))) * math.sqrt(0.5)
        score: Tensor = self.score(F.leaky_relu(self.last(x), 0.2))
        return score.float().flatten(1)


def _halved(size: int) -> list[int]:
    return [size >> i for i in range(int(math.log2(size)) - 1)]


class Compact(Pair):
    """Skip-excitation generator against a projected or a patch discriminator."""

    def __init__(self, config: Config) -> None:
        latent = config.latent or LATENT
        generator: nn.Module
        if config.body == "styled":
            generator = StyledGenerator(config.size, config.channels, latent, config.layout)
        else:
            generator = Generator(config.size, config.channels, latent, config.excitation)
        judge: nn.Module
        if config.judge == "projected":
            judge = Projected(
                config.size, config.look, config.loss == "hinge", config.pixels, config.heads
            )
            parts = [*judge.heads]
        else:
            judge = Patch(config.size, config.channels, config.loss == "hinge")
            parts = [judge.first, *judge.blocks]
        for part in parts[: config.freeze_discriminator]:
            part.requires_grad_(False)
        if config.freeze_generator:
            for part in [*generator.blocks][: config.freeze_generator]:
                part.requires_grad_(False)
        super().__init__(config, generator, judge, betas=(0.0, 0.99))
        self.strength = config.augment if config.augment >= 0 else 0.3

    @property
    def latent(self) -> int:
        return int(self.generator.latent)

    @torch.no_grad()
    def begin(self, photos: Tensor) -> None:
        if self._laid_out:
            count, mirrored = self.generator.layout, self.config.mirror
            mean, components = principal(photos, count, mirrored)
            for network in (self.generator, self.average):
                network.layout_mean.copy_(mean)
                network.layout_components.copy_(components)

    @property
    def _laid_out(self) -> bool:
        return isinstance(self.generator, StyledGenerator) and self.config.layout > 0

    def _latents(self, real: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        """z (N, latent), and which of them are of the layouts of the real pictures beside them: every
        second one, if they are held to it."""
        n = len(real)
        z = dice.normal(n, self.latent).to(self.device)
        held = dice.even(n).to(self.device)
        if not self._laid_out or self.config.hold <= 0:
            return z, held & False
        mean, components = self.generator.layout_mean, self.generator.layout_components
        theirs = numbers(real, mean, components) + NEAR * z[:, : len(components)]
        laid = torch.cat([theirs, z[:, len(components) :]], 1)
        return torch.where(held[:, None], laid, z), held

    def size_at(self, shown: int) -> int:
        return self.config.size

    def batch_at(self, shown: int) -> int:
        return self.config.batch or {512: 8, 1024: 4}.get(self.config.size, 16)

    def step(self, real: Tensor, dice: Dice, shown: int) -> dict[str, float]:
        n = len(real)
        generator, judge = self.generator, self.discriminator
        relativistic = self.config.loss == "relativistic"
        # Every fourth step, four times as strong ("lazy regularisation", Karras et al. 2020b, B).
        slopes = relativistic and self.config.penalty > 0 and shown // (n * self.world) % LAZY == 0

        # The discriminator.
        z, _ = self._latents(real, dice)
        with torch.no_grad(), self.autocast():
            fake = self.generator(z)
        seen_real = augmented(real, self.strength, dice)
        seen_fake = augmented(fake, self.strength, dice)
        looked: list[Tensor] = []
        if slopes and isinstance(judge, Projected):
            # Slopes in the encoder's maps, not in the picture: twice through the heads alone.
            with torch.no_grad(), self.autocast():
                at_real, at_fake = judge.maps(seen_real), judge.maps(seen_fake)
            at_real, at_fake = ([m.float().requires_grad_() for m in a] for a in (at_real, at_fake))
            looked = [*at_real, *at_fake]
            scores_real, scores_fake = judge.scores(at_real), judge.scores(at_fake)
        elif slopes:
            # What is differentiated twice is in float32.
            looked = [seen_real.requires_grad_(), seen_fake.requires_grad_()]
            scores_real, scores_fake = judge(seen_real), judge(seen_fake)
        else:
            with self.autocast():
                scores_real, scores_fake = judge(seen_real), judge(seen_fake)
        if relativistic:
            loss = F.softplus(scores_fake - scores_real).mean()
        else:
            loss = F.relu(1 - scores_real).mean() + F.relu(1 + scores_fake).mean()
        told: dict[str, float] = {}
        if slopes:
            # R1 and R2: E |grad D|^2 / 2 at real and at generated pictures.
            both = torch.cat([scores_real, scores_fake]).mean(1).sum()
            gradients = torch.autograd.grad(both, looked, create_graph=True)
            slope = sum(g.square().sum((1, 2, 3)).mean() for g in gradients)
            loss = loss + 0.5 * LAZY * self.config.penalty * slope
            told["penalty"] = self.agreed(slope)
        told["loss_d"] = self.agreed(loss)
        if not math.isfinite(told["loss_d"]):
            return told
        self.update("discriminator", loss, judge)
        # Pairing leaves it open where 0 is: what counts is whether real ones are found more real.
        apart = scores_real - scores_fake if relativistic else scores_real
        told["sign"] = self.agreed(apart.sign().mean())
        if self.config.augment < 0:
            self.strength = followed(self.strength, told["sign"], n * self.world)
        told["strength"] = round(self.strength, 4)

        # The generator, on latents of its own.
        z, held = self._latents(real, dice)
        judge.requires_grad_(False)
        with self.autocast():
            fake = self.generator(z)
        seen = augmented(fake, self.strength, dice)
        with self.autocast():
            scores = judge(seen)
        # Against the scores of the real pictures before the update: another look costs a tenth.
        gap = scores_real.detach() - scores
        loss = F.softplus(gap).mean() if relativistic else -scores.mean()
        if bool(held.any()):
            moved = layout_apart(fake[held], real[held])
            loss = loss + self.config.hold * moved
            told["layout"] = self.agreed(moved)
        told["loss_g"] = self.agreed(loss)
        if math.isfinite(told["loss_g"]):
            self.update("generator", loss, generator)
            self.follow(n, shown)
        self.thaw()
        return told

    def tensors(self) -> dict[str, Tensor]:
        return {**super().tensors(), "strength": torch.tensor(self.strength, dtype=torch.float64)}

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        super().take(tensors)
        self.strength = float(tensors["strength"])

    @torch.no_grad()
    def pictures(self, z: Tensor, shown: int) -> Tensor:
        with self.autocast():
            rgb: Tensor = self.average(z.to(self.device))
        return rgb
