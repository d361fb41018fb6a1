"""Make the adapter that comes with Feedsmith, out of the captions that come with it.

python -m feedsmith.captions.train --out adapter [--data mine.jsonl ...] [--epochs 2]

The same call goes on where an earlier one stopped.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from feedsmith.captions.train.config import Config, resolve, seconds
from feedsmith.captions.train.corpus import STARTER, from_rows, read_rows
from feedsmith.captions.train.loop import train
from feedsmith.captions.train.run import Run
from feedsmith.errors import FeedsmithError


def main(words: Sequence[str] | None = None) -> int:
    ask = argparse.ArgumentParser(prog="python -m feedsmith.captions.train")
    ask.add_argument("--out", type=Path, required=True, help="folder whose runs/ takes the run")
    ask.add_argument("--base", default="smollm2", help="smollm2, a GGUF file, a folder, a hub name")
    ask.add_argument("--data", type=Path, nargs="*", default=[STARTER], help="JSON lines")
    ask.add_argument("--method", choices=["lora", "full"], default="lora")
    ask.add_argument("--epochs", type=float, default=2.0)
    ask.add_argument("--rank", type=int, default=8)
    ask.add_argument("--rate", type=float, default=0.0)
    ask.add_argument("--budget", default="2h")
    ask.add_argument("--threads", type=int, default=0)
    ask.add_argument("--seed", type=int, default=0)
    given = ask.parse_args(words)
    try:
        config = resolve(
            Config(
                base=given.base, method=given.method, epochs=given.epochs, rank=given.rank,
                rate=given.rate, budget=seconds(given.budget), threads=given.threads,
                seed=given.seed, start="base", held_out_max=400,
            )
        )  # fmt: skip
        rows = [row for path in given.data for row in read_rows(path)]
        data = from_rows(rows, ", ".join(path.name for path in given.data), config)
        run = Run.create(given.out, config, data)
        result = train(config, data, run, _say)
    except FeedsmithError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{run.folder}: perplexity {result.before} -> {result.after}\n")
    return 0


def _say(stage: str, done: int, total: int, note: str = "") -> None:
    sys.stdout.write(f"{stage} {done}/{total}  {note}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
