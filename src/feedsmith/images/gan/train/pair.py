"""A generator and its discriminator, with optimisers and the generator's average.

What both recipes share: moving averages, the gradients of several processes, tensors in and out.
Knows networks and optimisers; knows no data and no files.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.dice import Dice


class Pair(ABC):
    """Generator, discriminator, average of the generator, one optimiser each."""

    def __init__(
        self,
        config: Config,
        generator: nn.Module,
        discriminator: nn.Module,
        betas: tuple[float, float],
        epsilon: float = 1e-8,
    ) -> None:
        self.config = config
        self.device = torch.device(config.device)
        self.kind = torch.bfloat16 if config.dtype == "bfloat16" else torch.float32
        self.generator = self._placed(generator)
        self.discriminator = self._placed(discriminator)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        together = dist.is_available() and dist.is_initialized()
        self.world = dist.get_world_size() if together else 1
        self.betas, self.epsilon = betas, epsilon
        self._slower = 1.0
        self.renew_optimisers()

    def _placed(self, network: nn.Module) -> nn.Module:
        return network.to(self.device).to(memory_format=torch.channels_last)

    def slow_down(self, slower: float) -> None:
        """Learn at the rates of the settings divided by `slower` from now on."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] *= self._slower / slower
        self._slower = slower

    def renew_optimisers(self) -> None:
        """Adam anew, without moments."""
        config = self.config
        self.optimisers = {
            name: torch.optim.Adam(
                [p for p in network.parameters() if p.requires_grad],
                lr=rate / self._slower,
                betas=self.betas,
                eps=self.epsilon,
            )
            for name, network, rate in (
                ("generator", self.generator, config.generator_rate),
                ("discriminator", self.discriminator, config.discriminator_rate),
            )
        }

    # ---- what a recipe says ----------------------------------------------------------------------

    @property
    @abstractmethod
    def latent(self) -> int:
        """Numbers in a latent vector."""

    @abstractmethod
    def begin(self, photos: Tensor) -> None:
        """Take from photos (N, 3, S, S) in -1..1 what the recipe wants to know before the first step."""

    @abstractmethod
    def size_at(self, shown: int) -> int:
        """Side in pixels of what is trained after `shown` real pictures."""

    @abstractmethod
    def batch_at(self, shown: int) -> int:
        """Pictures in a step then, of this process."""

    def grown(self, shown: int) -> bool:
        """Whether it is pictures of the full size that are trained then, and nothing else."""
        return self.size_at(shown) == self.config.size

    def sound(self) -> bool:
        """All weights are numbers."""
        return all(
            bool(torch.isfinite(weight).all())
            for network in (self.generator, self.discriminator)
            for weight in network.parameters()
        )

    @abstractmethod
    def step(self, real: Tensor, dice: Dice, shown: int) -> dict[str, float]:
        """One update of both networks on `real` (N, 3, S, S) in -1..1; figures to log.

        Losses that are no numbers are returned, and nothing is updated from them.
        """

    @abstractmethod
    def pictures(self, z: Tensor, shown: int) -> Tensor:
        """(N, 3, S, S) in -1..1 of the averaged generator from z (N, latent)."""

    # ---- shared ----------------------------------------------------------------------------------

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.kind is torch.bfloat16)

    def update(self, name: str, loss: Tensor, network: nn.Module) -> None:
        """One step of an optimiser down the loss, averaged over all processes."""
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.world > 1:
            gradients = [p.grad for p in network.parameters() if p.grad is not None]
            flat = torch.cat([g.reshape(-1) for g in gradients])
            dist.all_reduce(flat)
            flat /= self.world
            start = 0
            for gradient in gradients:
                gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
                start += gradient.numel()
        optimiser.step()

    def agreed(self, value: Tensor) -> float:
        """A figure, averaged over all processes: each then decides the same from it."""
        value = value.detach().float().clone()
        if self.world > 1:
            dist.all_reduce(value)
            value /= self.world
        return float(value)

    def thaw(self) -> None:
        """Let the discriminator learn again, but for what is frozen by the settings."""
        for group in self.optimisers["discriminator"].param_groups:
            for weight in group["params"]:
                weight.requires_grad_(True)

    @torch.no_grad()
    def follow(self, batch: int, shown: int) -> None:
        """Move the average towards the generator: by half every `average_kimg` thousand pictures, or
        every tenth of those shown so far while that is less."""
        half = min(self.config.average_kimg * 1000, max(1, shown) * 0.1)
        keep = 0.5 ** (batch * self.world / half)
        for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
        for mean, now in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mean.copy_(now)

    def tensors(self) -> dict[str, Tensor]:
        """All that is needed to go on, by name: networks, average, moments of the optimisers."""
        found: dict[str, Tensor] = {}
        for name, network in self._networks():
            for key, value in network.state_dict().items():
                found[f"{name}.{key}"] = value.detach().contiguous()
        for name, network in self._networks()[:2]:
            moments = self.optimisers[name].state
            for key, weight in network.named_parameters():
                for moment, value in moments.get(weight, {}).items():
                    found[f"{name}/{moment}.{key}"] = value.detach().contiguous()
        return found

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors()` gave. Raises KeyError or RuntimeError for another recipe's."""
        for name, network in self._networks():
            start = f"{name}."
            network.load_state_dict(
                {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
            )
        for name, network in self._networks()[:2]:
            state = self.optimisers[name].state
            state.clear()
            for key, weight in network.named_parameters():
                for moment in ("step", "exp_avg", "exp_avg_sq"):
                    value = tensors.get(f"{name}/{moment}.{key}")
                    if value is not None:
                        place = "cpu" if moment == "step" else weight.device
                        # Moments lie in memory as their weights do, or the sums differ in a bit.
                        kept = torch.empty_like(weight) if moment != "step" else value.clone()
                        state[weight][moment] = kept.copy_(value).to(place)

    def _networks(self) -> list[tuple[str, nn.Module]]:
        return [
            ("generator", self.generator),
            ("discriminator", self.discriminator),
            ("average", self.average),
        ]
