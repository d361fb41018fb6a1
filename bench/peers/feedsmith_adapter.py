"""Trains one of Feedsmith's recipes by the protocol of gan_adapter.py, on the same pictures and clock.

    python bench/peers/feedsmith_adapter.py RECIPE [--set JSON] --data FOLDER --size 64 --seconds 300 --seed 0 --out FOLDER

RECIPE is compact or progressive with the defaults of `feedsmith train images`; --set changes some, e.g.
'{"width": 0.25}'. The steps are those of the product's own training loop, without its snapshots and grids, which
the peers are spared as well; no picture is chosen among snapshots.
"""

import argparse
import json
import math
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from gan_adapter import Clock, parameters, some
from PIL import Image

from feedsmith.dataset import halved
from feedsmith.images.gan.train.config import Config, resolve
from feedsmith.images.gan.train.dice import Dice
from feedsmith.images.gan.train.loop import planned, recipe
from feedsmith.images.gan.train.pictures import as_rgb, as_tensor

AT_ONCE = 50
"""Pictures drawn at once in the end."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=("compact", "progressive"))
    parser.add_argument("--set", default="{}", metavar="JSON")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    asked = {"recipe": args.recipe, "seed": args.seed, "threads": args.threads,
             "budget": args.seconds, "device": "cpu", **json.loads(args.set)}  # fmt: skip
    config = resolve(Config.model_validate(asked), args.size)
    torch.set_num_threads(config.threads)
    rgb = np.stack([np.asarray(Image.open(f)) for f in sorted(args.data.glob("*.png"))])
    config = planned(config)
    pair = recipe(config)

    clock = Clock(args.seconds, args.threads, args.cpu)
    pair.begin(as_tensor(rgb))
    order = np.random.default_rng(args.seed)
    row = np.zeros(0, np.int64)
    shown = step = 0
    spent: dict[int, float] = {}
    seen: dict[int, int] = {}
    losses = []
    while clock.goes_on():
        began = clock.spent()
        n, size = pair.batch_at(shown), pair.size_at(shown)
        if len(row) < n:
            row = np.concatenate([row, order.permutation(len(rgb))])
        chosen, row = rgb[row[:n]], row[n:]
        chosen = np.where(order.random((n, 1, 1, 1)) < 0.5, chosen, chosen[:, :, ::-1])
        while chosen.shape[1] > size:
            chosen = halved(chosen)
        real = as_tensor(chosen).contiguous(memory_format=torch.channels_last)
        told = pair.step(real, Dice(args.seed, step), shown)
        if not all(math.isfinite(value) for value in told.values()):
            raise SystemExit(f"a loss is no number after {shown} pictures: {told}")
        losses.append((round(told["loss_d"], 4), round(told.get("loss_g", 0.0), 4)))
        shown, step = shown + n, step + 1
        spent[size] = spent.get(size, 0.0) + clock.spent() - began
        seen[size] = seen.get(size, 0) + n
    rates = {size: round(seen[size] / spent[size], 3) for size in spent}
    told = {
        "images": shown,
        "images_per_s": rates.get(args.size, 0.0),
        "images_per_s_by_size": rates,
        "losses": some(losses),
        "settings": config.model_dump(),
        "parameters": parameters(pair.generator, pair.discriminator),
        "wall_s": round(clock.wall(), 2),
        "cpu_s": round(clock.cpu(), 2),
    }
    began = time.process_time()
    samples = []
    for start in range(0, args.count, AT_ONCE):
        z = Dice(args.seed, (1 << 40) + start).normal(min(AT_ONCE, args.count - start), pair.latent)
        samples.append(enlarged(as_rgb(pair.pictures(z, shown)), args.size))
    told["drawn_per_s"] = round(args.count * args.threads / (time.process_time() - began), 2)
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    np.save(args.out / "samples.npy", np.concatenate(samples))
    (args.out / "told.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told))


def enlarged(rgb: np.ndarray, size: int) -> np.ndarray:
    """Pixels repeated where a growing generator has not reached the full side."""
    times = size // rgb.shape[1]
    return rgb.repeat(times, 1).repeat(times, 2)


if __name__ == "__main__":
    main()
