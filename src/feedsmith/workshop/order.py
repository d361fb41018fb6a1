"""Orders: all that decides one post, before anything is made. Values only."""

from dataclasses import dataclass, field

from feedsmith import rules
from feedsmith.learning.bandit import Learned
from feedsmith.post import Brief, Kind, Offer


@dataclass(frozen=True)
class Order:
    """One post to make."""

    turn: int
    """Its place in the run, from 0."""
    brief: Brief
    format: rules.Format
    seed: int
    run_seed: int
    """Of the whole run: layouts rotate over it."""
    learned: Learned | None = None
    """What layouts lean on; None for nothing."""
    because: tuple[str, ...] = ()
    """Why kind and theme were chosen, where that was learned."""
    prefer: dict[str, float] = field(default_factory=dict)
    """Layout -> 0..1, how much this post leans towards it; {} for not at all."""
    layout: tuple[str, str] = ("", "")
    """Name (of a carousel: of the family) and scheme of the layout that a person chose; ('', ''): the
    rotation chooses."""

    @property
    def kind(self) -> Kind:
        return self.brief.kind

    @property
    def theme(self) -> str:
        return self.brief.theme

    @property
    def offer(self) -> Offer:
        return self.brief.offer
