"""How training pictures grows: images a second, memory and work against resolution and batch.

    python -m bench.gan_growth [--recipes compact progressive] [--sizes 64 128 256]
                               [--batches 1 4 16 64 256] [--threads 2] [--steps 3]

Each row is a process of its own: two steps to warm up, then `--steps` timed ones on random pictures
(the work does not depend on what they show); peak memory is that of the process. Multiply-adds are
counted by torch.utils.flop_counter over one step (two operations each). Sizes that are not measured
are extrapolated by their counted work at the rate of the largest measured size, and said to be so; the
Progressive GAN's whole schedule at 1024 px (800 thousand pictures a phase) is compared with the
original system's 1 day 14 h on one V100. Needs the train extra.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from typing import ClassVar, Self

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ORIGINAL_HOURS = 38.0
"""1 day 14 h, one NVIDIA V100."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipes", nargs="*", default=["compact", "progressive"])
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 128, 256])
    parser.add_argument("--batches", nargs="*", type=int, default=[1, 4, 16, 64, 256])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        print(json.dumps(one(**json.loads(told.one))))
        return
    print("| recipe | size | batch | images/s | CPU-ms an image | GFLOP an image | peak MB |")
    print("|---|---|---|---|---|---|---|")
    rate = {}
    for recipe in told.recipes:
        for size in told.sizes:
            for batch in told.batches:
                row = measured(recipe, size, batch, told.threads, told.steps)
                if row is None:
                    print(f"| {recipe} | {size} | {batch} | out of memory | | | |", flush=True)
                    continue
                print(
                    f"| {recipe} | {size} | {batch} | {row['per_second']:.1f} | {row['cpu_ms']:.1f} "
                    f"| {row['gflop']:.2f} | {row['memory_mb']:.0f} |",
                    flush=True,
                )
                rate[recipe] = max(rate.get(recipe, 0.0), row["gflop"] * row["per_second"])
    for recipe in told.recipes:
        for size in (512, 1024):
            work = counted(recipe, size)
            print(
                f"{recipe} at {size} px: {work:.1f} GFLOP an image, so about "
                f"{rate[recipe] / work:.2f} images/s at the best rate measured "
                f"({rate[recipe]:.0f} GFLOP/s); extrapolated"
            )
    if "progressive" in told.recipes:
        # Each level but the first: 800k pictures fading in and 800k more.
        total = sum(
            (1 if size == 4 else 2) * 800_000 * counted("progressive", size, 1024)
            for size in (4 << i for i in range(9))
        )
        hours = total / rate["progressive"] / 3600
        print(
            f"the paper's schedule to 1024 px: {total / 1e9:.2f} EFLOP, {hours:.0f} h here "
            f"(extrapolated); the original took {ORIGINAL_HOURS:.0f} h on a V100"
        )


def measured(
    recipe: str, size: int, batch: int, threads: int, steps: int
) -> dict[str, float] | None:
    given = {"recipe": recipe, "size": size, "batch": batch, "threads": threads, "steps": steps}
    done = subprocess.run(
        [sys.executable, "-m", "bench.gan_growth", "--one", json.dumps(given)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else None


def one(recipe: str, size: int, batch: int, threads: int, steps: int) -> dict[str, float]:
    import torch

    from feedsmith.images.gan.train.dice import Dice

    pair, shown = made(recipe, size, size, batch, threads)
    real = torch.rand(batch, 3, size, size) * 2 - 1
    real = real.contiguous(memory_format=torch.channels_last)
    for turn in range(2):
        pair.step(real, Dice(0, turn), shown)
    began, cpu = time.monotonic(), time.process_time()
    for turn in range(steps):
        pair.step(real, Dice(0, turn), shown + turn * batch)
    took, spent = time.monotonic() - began, time.process_time() - cpu
    return {
        "per_second": steps * batch / took,
        "cpu_ms": 1000 * spent / (steps * batch),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "gflop": counted(recipe, size),
    }


def counted(recipe: str, size: int, top: int = 0) -> float:
    """GFLOP of a step for one picture, of a network that ends at `top` px."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from feedsmith.images.gan.train.dice import Dice

    pair, shown = made(recipe, size, top or size, 1, 1)
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _Untracked()
    with counter:
        pair.step(torch.rand(1, 3, size, size) * 2 - 1, Dice(0, 0), shown)
    return counter.get_total_flops() / 1e9


class _Untracked:
    """No sums by module: torch's tracker of them cannot stand gradients of gradients."""

    parents: ClassVar[set[str]] = {"Global"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def made(recipe: str, size: int, top: int, batch: int, threads: int):
    """A pair of the recipe's own settings, and the pictures after which it trains `size` px."""
    import math

    import torch

    from feedsmith.images.gan.train.config import Config, resolve
    from feedsmith.images.gan.train.loop import recipe as networks

    torch.set_num_threads(threads)
    config = resolve(
        Config(recipe=recipe, size=top, batch=batch, threads=threads, phase_kimg=1.0), top
    )
    return networks(config), int((2 * (math.log2(size) - 2)) * 1000)


if __name__ == "__main__":
    main()
