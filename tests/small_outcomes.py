"""Posts with figures, of a small brand whose likings are known."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from feedsmith.outcomes import Outcome, Published, Reading

KINDS = ("photo", "quote", "carousel", "reel", "collage", "gif")
HOURS = (8, 12, 18, 20)
START = datetime(2026, 1, 5, tzinfo=UTC)


def outcome(
    name: str, at: datetime, kind: str, rate: float, reach: int = 1000, **more: object
) -> Outcome:
    """A post of which `rate` of those it reached did something; read once, on its fourth day."""
    return Outcome(
        published=Published(post=name, at=at, kind=kind, **more),  # type: ignore[arg-type]
        readings=(
            Reading(post=name, at=at + timedelta(hours=90), reach=reach, likes=round(rate * reach),
                    comments=0, saves=0, shares=0),
        ),
    )  # fmt: skip


def season(
    count: int, likings: Mapping[str, float] | None = None, seed: int = 0, noise: float = 0.3
) -> list[Outcome]:
    """`count` posts, two in three days. `likings`: kind or theme -> effect on the logarithm."""
    rng = np.random.default_rng(seed)
    likes = likings or {}
    found = []
    for number in range(count):
        kind, theme = str(rng.choice(KINDS)), str(rng.choice(("stream", "mountain", "tree")))
        at = START + timedelta(days=1.5 * number)
        rate = 0.05 * math.exp(
            likes.get(kind, 0) + likes.get(theme, 0) + noise * float(rng.standard_normal())
        )
        found.append(
            outcome(
                f"p{number}", at.replace(hour=int(rng.choice(HOURS))), kind, rate, theme=theme,
                template="" if kind == "photo" else f"{kind}-{rng.integers(3)}",
                hashtags=tuple(map(str, rng.choice(["a", "b", "c", "d"], 2, replace=False))),
                caption_length=int(rng.integers(400)),
            )
        )  # fmt: skip
    return found
