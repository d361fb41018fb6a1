"""Photos as vectors and as ImageNet labels, by EfficientNet-lite0 (Tan & Le 2019, ImageNet-1k).

Knows pixels in, numbers out; knows nothing of photos, brands or files. The picture is squashed
to 224x224, not cropped: at 119 photos the near-duplicate ranks were then all right (crop, flip,
JPEG 30, brighter), with a centre crop 97 % for cropped copies (bench/understanding.py).
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.understanding.networks import WEIGHTS, Network

SIDE = 224
WIDTH = 1280
"""Numbers in a feature vector."""


class Label(NamedTuple):
    name: str
    """In plain words, e.g. "lakeshore"."""
    group: str
    """One of GROUPS."""


GROUPS = (
    "animal", "insect", "person", "clothing", "vehicle", "building", "furniture", "object", "food",
    "fruit", "plant", "fungus", "scene", "text",
)  # fmt: skip
"""What the 1,000 labels are sorted into (tools/weights/lexicon.py, by WordNet hypernyms)."""


class Tag(NamedTuple):
    label: str
    group: str
    probability: float
    """0..1, softmax over the 1,000 labels."""


class Look(NamedTuple):
    """What one pass of the network says about a picture."""

    features: NDArray[np.float32]
    """(1280,), unit norm; cosine about .8-1 for copies of a photo, below .66 for 99 % of others."""
    probabilities: NDArray[np.float32]
    """(1000,), sums to 1, in the order of `labels()`."""


@cache
def labels(folder: Path = WEIGHTS) -> tuple[Label, ...]:
    """The 1,000 ImageNet labels in the network's order."""
    rows = json.loads((folder / "labels.json").read_text("utf-8"))
    return tuple(Label(name, group) for name, group in rows)


class Encoder(Network):
    """The encoder network; raises MissingModel at the first use when its weights are absent."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        super().__init__("encoder", folder)

    def look(self, rgb: NDArray[np.uint8]) -> Look:
        """Features and label probabilities of an (H, W, 3) uint8 picture, any size."""
        small = Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3)
        features, logits = self.run(["features", "logits"], rgb=np.asarray(small)[None])
        scores = np.exp(logits[0] - logits[0].max())
        return Look(
            features[0] / max(float(np.linalg.norm(features[0])), 1e-12), scores / scores.sum()
        )

    def features(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(1280,) float32 of unit norm."""
        return self.look(rgb).features

    def tags(self, rgb: NDArray[np.uint8], top: int = 5) -> list[Tag]:
        """The `top` most probable labels, best first."""
        return tags(self.look(rgb).probabilities, top)


def tags(probabilities: NDArray[np.float32], top: int = 5) -> list[Tag]:
    """The `top` most probable labels of a (1000,) distribution, best first."""
    order = np.argsort(-probabilities, kind="stable")[:top]
    known = labels()
    return [Tag(known[i].name, known[i].group, float(probabilities[i])) for i in order]


def group_masses(probabilities: NDArray[np.float32]) -> dict[str, float]:
    """Probability summed over each of GROUPS; steadier than any single label."""
    masses = dict.fromkeys(GROUPS, 0.0)
    for label, p in zip(labels(), probabilities, strict=True):
        masses[label.group] += float(p)
    return masses
