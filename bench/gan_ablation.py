"""What the compact recipe is made of: variants trained for the same processor time, judged alike.

    python -m bench.gan_ablation --photos FOLDER [--size 64] [--seconds 300] [--seeds 1]
                                 [--only NAME ... | --variant NAME JSON ...] [--out FOLDER]

FOLDER holds the pictures (every tenth held out). Needs the train extra. Seconds are those of the
processor, so that a busy machine treats all alike. Judged on 1,000 pictures: sliced Wasserstein
distance x 1000, KID x 1000 on the offline encoder (which flatters discriminators that look through
it), precision and recall, and a sheet to look at.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from PIL import Image, ImageOps

from feedsmith.images.gan.train.compact import Compact
from feedsmith.images.gan.train.config import Config, resolve
from feedsmith.images.gan.train.dice import Dice
from feedsmith.images.gan.train.pair import Pair
from feedsmith.images.gan.train.pictures import as_rgb, as_tensor
from feedsmith.images.gan.train.progressive import Progressive
from feedsmith.measures.kernel_distance import kernel_distance
from feedsmith.measures.precision_recall import precision_recall
from feedsmith.measures.sliced_wasserstein import sliced_wasserstein
from feedsmith.understanding.encoder import Encoder

VARIANTS: dict[str, dict[str, object]] = {
    "default": {},
    "patch judge": {"judge": "patch", "augment": 0.3},
    "patch judge, hinge": {"judge": "patch", "loss": "hinge", "augment": 1.0},
    "hinge": {"loss": "hinge", "augment": 1.0},
    "gated generator": {"body": "gated", "channels": 16},
    "no pixels": {"pixels": False},
    "no layouts": {"layout": 0},
    "layouts not held": {"hold": 0.0},
    "layout 12": {"layout": 12},
    "layout 48": {"layout": 48},
    "hold 10": {"hold": 10.0},
    "look 1": {"look": 1.0},
    "look 2": {"look": 2.0},
    "no augmentation": {"augment": 0.0},
    "full augmentation": {"augment": 1.0},
    "24 channels": {"channels": 24},
    "32 channels": {"channels": 32},
    "heads 64": {"heads": 64},
    "batch 8": {"batch": 8},
    "batch 32": {"batch": 32},
    "penalty 10": {"penalty": 10.0},
    "penalty 0.1": {"penalty": 0.1},
    "generator rate 2e-3": {"generator_rate": 2e-3},
    "discriminator rate 5e-4": {"discriminator_rate": 5e-4},
}
JUDGED = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    parser.add_argument("--out", type=Path, default=Path("ablation"))
    parser.add_argument("--variant", nargs=2, action="append", metavar=("NAME", "JSON"), default=[])
    told = parser.parse_args()
    if told.variant:
        VARIANTS.update({name: json.loads(words) for name, words in told.variant})
        told.only = [name for name, _ in told.variant]
    told.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(told.threads)
    train, held = pictures(told.photos, told.size)
    print(f"{len(train)} pictures to train on, {len(held)} held out, {told.size} px", flush=True)
    real = train[np.random.default_rng(0).permutation(len(train))[:JUDGED]]
    features = features_of(real)
    for name in told.only:
        for seed in range(told.seeds):
            config = resolve(
                Config.model_validate({"seed": seed, "threads": told.threads, **VARIANTS[name]}),
                told.size,
            )
            pair: Pair = Progressive(config) if config.recipe == "progressive" else Compact(config)
            row = trained(pair, train, told.seconds, seed)
            made = samples(pair, JUDGED)
            mine = features_of(made)
            kid = kernel_distance(features, mine)
            score = precision_recall(features, mine)
            swd = sliced_wasserstein(real, made)
            row |= {
                "name": name, "seed": seed, "swd": round(swd.average, 2),
                "swd_levels": {k: round(v, 2) for k, v in swd.levels.items()},
                "kid": round(1000 * kid.mean, 2),
                "precision": round(score.precision, 3), "recall": round(score.recall, 3),
            }  # fmt: skip
            print(json.dumps(row), flush=True)
            with (told.out / "rows.jsonl").open("a") as stream:
                stream.write(json.dumps(row) + "\n")
            sheet(made[:64]).save(told.out / f"{name}-{seed}.png")


def pictures(folder: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Square pictures, to train on and held out."""
    found = []
    for path in sorted(folder.rglob("*.jpg")):
        with Image.open(path) as image:
            found.append(np.asarray(ImageOps.fit(image.convert("RGB"), (size, size))))
    rgb = np.stack(found)
    held = np.arange(len(rgb)) % 10 == 0
    return rgb[~held], rgb[held]


def trained(pair: Pair, rgb: np.ndarray, seconds: float, seed: int) -> dict[str, object]:
    began, wall = time.process_time(), time.monotonic()
    pair.begin(as_tensor(rgb).to(pair.device))
    shown = step = 0
    last: dict[str, float] = {}
    order = np.random.default_rng(seed)
    while time.process_time() - began < seconds:
        n = pair.batch_at(shown)
        chosen = rgb[order.integers(len(rgb), size=n)]
        chosen = np.where(order.random((n, 1, 1, 1)) < 0.5, chosen, chosen[:, :, ::-1])
        real = as_tensor(chosen).to(pair.device)
        last = pair.step(real, Dice(seed, step), shown)
        shown, step = shown + n, step + 1
    spent = time.process_time() - began
    return {
        "kimg": round(shown / 1000, 1), "per_second": round(shown / spent, 1),
        "wall": round(time.monotonic() - wall), **{k: round(v, 3) for k, v in last.items()},
    }  # fmt: skip


def samples(pair: Pair, count: int) -> np.ndarray:
    found = []
    for start in range(0, count, 50):
        z = Dice(12345, start).normal(50, pair.latent)
        found.append(as_rgb(pair.pictures(z, 1 << 40)))
    return np.concatenate(found)


def features_of(rgb: np.ndarray) -> np.ndarray:
    encoder = Encoder()
    return np.stack([encoder.features(one) for one in rgb])


def sheet(rgb: np.ndarray, across: int = 16) -> Image.Image:
    n, h, w, _ = rgb.shape
    rows = rgb.reshape(n // across, across, h, w, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(n // across * h, across * w, 3))


if __name__ == "__main__":
    main()
