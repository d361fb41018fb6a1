"""Training captions: throughput, memory and held-out perplexity, beside a plain transformers Trainer.

    python bench/caption_training.py [--data FILE.jsonl] [--seconds 120] [--rounds 2] [--rows 400]

Both train an adapter of rank 8 for the packaged SmolLM2 on the same captions (the starter captions by
default), from nothing, on one thread, for the same seconds; the same held-out captions judge
them, by the same code. Turns change, every run is a process of its own, and ratios are taken within
a round. Tokens are those of prompts and captions, never padding. Needs the train extra, and
`accelerate` for the Trainer.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from feedsmith.captions import train as training
from feedsmith.captions.train import Config, Data, Run, base, loop, resolve
from feedsmith.captions.train.batches import Encoded, encoded
from feedsmith.training.machine import memory_mb

BATCH = 8
"""Captions in a step of the Trainer: about as many tokens as ours take (768)."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=training.STARTER)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--child", choices=["ours", "plain"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        told = {"ours": ours, "plain": plain}[given.child](given)
        told["memory_mb"] = memory_mb()
        print(json.dumps(told))
        return
    found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    for turn in range(given.rounds):
        for who in ("ours", "plain") if turn % 2 else ("plain", "ours"):
            told = child(who)
            found[who].append(told)
            print(who, told, flush=True)
    for key in ("tokens_per_second", "tokens_per_cpu_second", "after", "memory_mb"):
        mine, theirs = ([one[key] for one in found[who]] for who in ("ours", "plain"))
        ratio = [a / b for a, b in zip(mine, theirs, strict=True)]
        print(f"{key}: ours {spread(mine)}, plain {spread(theirs)}, ratio {spread(ratio)}")


def child(who: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], "--child", who],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def settings(given: argparse.Namespace) -> tuple[Config, Data]:
    config = resolve(
        Config(start="base", threads=1, device="cpu", budget=given.seconds, epochs=50, patience=50)
    )
    rows = training.read_rows(given.data)[: given.rows]
    return config, training.from_rows(rows, given.data.name, config)


def ours(given: argparse.Namespace) -> dict[str, float]:
    config, data = settings(given)
    with tempfile.TemporaryDirectory() as place:
        # The budget of a run covers loading and judging too; here only its steps are timed.
        began = Clock()
        run = Run.create(Path(place), config, data)
        result = training.train(config, data, run, began)
        tokens = sum(line.get("tokens", 0) for line in run.lines())
    return {
        "steps": result.steps,
        "tokens_per_second": result.tokens_per_second,
        "tokens_per_cpu_second": tokens / began.spent,
        "before": result.before,
        "after": result.after,
        "seconds": result.seconds,
    }


class Clock:
    """A report that counts processor seconds from the first step to the last."""

    def __init__(self) -> None:
        self.first = self.spent = 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if note.startswith("reading the held-out"):
            self.first = 0.0
        elif done == 1 and not self.first:
            self.first = time.process_time()
        elif note.startswith("loss"):
            self.spent = time.process_time() - self.first


def plain(given: argparse.Namespace) -> dict[str, float]:
    """What the documentation of peft and transformers shows: a Trainer, batches in random order,
    padded to their longest, bf16 autocast; a constant rate, as it knows no time that is up."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer, TrainerCallback, TrainingArguments

    config, data = settings(given)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    began = time.monotonic()
    loaded = base.load(config)
    judge = [encoded(row, loaded.encode, config.row_tokens) for row in data.held]
    examples = [encoded(row, loaded.encode, config.row_tokens) for row in data.train]
    model = get_peft_model(
        loaded.model,
        LoraConfig(
            r=config.rank,
            lora_alpha=2 * config.rank,
            target_modules=[name.split(".")[1] for name in base.LINEAR["llama"]],
        ),
    )

    def collate(batch: list[Encoded]) -> dict[str, Any]:
        width = max(one.size for one in batch)
        ids, mask, labels = [], [], []
        for prompt, target in batch:
            space = [0] * (width - len(prompt) - len(target))
            ids.append(prompt + target + space)
            mask.append([1] * (len(prompt) + len(target)) + space)
            labels.append([-100] * len(prompt) + target + [-100] * len(space))
        counted.append(sum(map(sum, mask)))
        return {
            "input_ids": torch.tensor(ids),
            "attention_mask": torch.tensor(mask),
            "labels": torch.tensor(labels),
        }

    class Tick(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.times: list[tuple[float, float]] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.times.append((time.monotonic(), time.process_time()))

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.times.append((time.monotonic(), time.process_time()))
            if time.monotonic() - began > given.seconds:
                control.should_training_stop = True

    def run() -> tuple[float, float, int]:
        tick = Tick()
        with tempfile.TemporaryDirectory() as place:
            Trainer(
                model=model,
                args=TrainingArguments(
                    output_dir=place, use_cpu=True, bf16=config.dtype == "bfloat16",
                    per_device_train_batch_size=BATCH, max_steps=100_000, learning_rate=config.rate,
                    warmup_steps=10, lr_scheduler_type="constant_with_warmup",
                    weight_decay=0.01, save_strategy="no", report_to=[],
                    logging_strategy="no", disable_tqdm=True, remove_unused_columns=False, seed=0,
                ),
                train_dataset=examples,
                data_collator=collate,
                callbacks=[tick],
            ).train()  # fmt: skip
        pairs = list(zip(tick.times[::2], tick.times[1::2], strict=True))
        wall, cpu = (sum(b[i] - a[i] for a, b in pairs) for i in (0, 1))
        return wall, cpu, len(pairs)

    def perplexity() -> float:
        inner = model.get_base_model()
        weights = {name: w for name, w in model.named_parameters() if w.requires_grad}
        bf16 = config.dtype == "bfloat16"
        net = loop._Network(model, inner.model, inner.get_output_embeddings(), weights, "cpu", bf16)
        return math.exp(loop._held_out(net, judge, torch))

    counted: list[int] = []
    before = perplexity()
    wall, cpu, done = run()
    tokens = sum(counted[:done])
    return {
        "steps": done,
        "tokens_per_second": tokens / wall,
        "tokens_per_cpu_second": tokens / cpu,
        "before": before,
        "after": perplexity(),
        "seconds": time.monotonic() - began,
    }


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
