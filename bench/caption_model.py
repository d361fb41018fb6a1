"""The caption model: speed, memory, repeatability, held-out perplexity, and unpicked samples.

    python bench/caption_model.py [--adapter FILE] [--rounds 5] [--rows 142]

- speed: tokens a second on one thread, one text and eight side by side, each with its prompt. With
  the train extra installed, transformers runs the same weights (float32) in the same rounds, turns
  changing; the ratio is taken within each round.
- repeat: the same texts three times in one process, after a restart, and with two threads.
- perplexity: of the held-out starter captions, in the runtime that the product uses, without and
  with the adapter.
- samples: twelve held-out briefs, one caption each, the first that came.

Every measurement of memory and speed of ours is a process of its own.
"""

import argparse
import hashlib
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from feedsmith import models
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.prompt import END, Request, example, held_out
from feedsmith.captions.train import STARTER, read_rows
from feedsmith.errors import MissingModel

TOKENS = 40
PROMPT = Request(
    kind="photo", niche="hiking & outdoor store", voice="warm", shows=("fog", "pine", "dawn")
).prompt()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1000, help="held-out rows at most")
    parser.add_argument("--only", choices=["speed", "repeat", "perplexity", "samples"])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    base, adapter = models.find("captions-base"), options.adapter
    if adapter is None:
        try:
            adapter = models.find("starter-lora")
        except MissingModel:
            adapter = None
    if options.child:
        child(options.child, base, adapter)
        return
    jobs = {"speed": speed, "repeat": repeat, "perplexity": perplexity, "samples": samples}
    for name, job in jobs.items():
        if options.only in (None, name):
            job(base, adapter, options)


# --- speed ---------------------------------------------------------------------------------------


def speed(base: Path, adapter: Path | None, options: argparse.Namespace) -> None:
    theirs = None
    if importlib.util.find_spec("transformers") and importlib.util.find_spec("torch"):
        theirs = Theirs(base)
    else:
        print("transformers is not installed: no ratio")
    ours: dict[str, list[float]] = {"one": [], "eight": []}
    other: dict[str, list[float]] = {"one": [], "eight": []}
    with CaptionModel(base, adapter) as model:
        mine(model, 1)
        for turn in range(options.rounds):
            for name, count in (("one", 1), ("eight", 8)):
                order = [0, 1] if turn % 2 else [1, 0]
                for who in order:
                    if who == 0:
                        ours[name].append(mine(model, count))
                    elif theirs:
                        other[name].append(theirs.rate(count))
    for name in ours:
        line = f"speed, {name}: {spread(ours[name])} tokens/s"
        if other[name]:
            ratio = [a / b for a, b in zip(ours[name], other[name], strict=True)]
            line += f"; transformers float32 {spread(other[name])}; ratio {spread(ratio)}"
        print(line)
    for label, extra in (("without", []), ("with", ["--adapter", str(adapter)])):
        if label == "with" and adapter is None:
            continue
        told = run_child("memory" if label == "with" else "memory-base", extra)
        print(f"memory {label} adapter: {told}")


def mine(model: CaptionModel, count: int) -> float:
    """Tokens a second, prompt included in the time."""
    request = {
        "prompt": PROMPT,
        "n": count,
        "max_tokens": TOKENS,
        "temperature": 0.8,
        "seed": 1,
        "ignore_eos": True,
        "cache_prompt": False,
    }
    start = time.perf_counter()
    model._complete(request)
    return count * TOKENS / (time.perf_counter() - start)


class Theirs:
    """transformers on the same weights, dequantised to float32, one thread."""

    def __init__(self, base: Path) -> None:
        import torch

        from feedsmith.captions.train import load_base, tokeniser

        torch.set_num_threads(1)
        self.torch = torch
        self.model: Any = load_base(base).eval()
        self.model.config.use_cache = True
        self.ids = torch.tensor([tokeniser(base)(PROMPT)])

    def rate(self, count: int) -> float:
        self.torch.manual_seed(1)
        start = time.perf_counter()
        self.model.generate(
            input_ids=self.ids,
            attention_mask=self.torch.ones_like(self.ids),
            do_sample=True,
            temperature=0.8,
            num_return_sequences=count,
            max_new_tokens=TOKENS,
            min_new_tokens=TOKENS,
            eos_token_id=2,
            pad_token_id=0,
        )
        return count * TOKENS / (time.perf_counter() - start)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


# --- repeat --------------------------------------------------------------------------------------


def repeat(base: Path, adapter: Path | None, options: argparse.Namespace) -> None:
    extra = ["--adapter", str(adapter)] if adapter else []
    seen = [run_child("texts-1", extra), run_child("texts-1", extra), run_child("texts-2", extra)]
    hashes = [word for line in seen for word in line.split()]
    print(f"repeat: {len(hashes)} runs in {len(seen)} processes, 1, 1 and 2 threads: ", end="")
    print("byte-identical" if len(set(hashes)) == 1 else f"DIFFERENT: {hashes}")


def child(what: str, base: Path, adapter: Path | None) -> None:
    if what.startswith("memory"):
        with CaptionModel(base, None if what == "memory-base" else adapter) as model:
            loaded = memory("VmRSS")
            model.sample([PROMPT], 8, 1, max_tokens=TOKENS)
            sampled = memory("VmHWM")
            model.score([(PROMPT, "Slow mornings, when the fog does all of the talking. " * 3)] * 8)
            scored = memory("VmHWM")
        time.sleep(0.5)
        print(f"loaded {loaded:.0f} MB, peak sampling {sampled:.0f} MB, ", end="")
        print(f"peak scoring {scored:.0f} MB, closed {memory('VmRSS'):.0f} MB")
        return
    rows = held_rows(2)
    with CaptionModel(base, adapter, threads=int(what[-1])) as model:
        for _ in range(3 if what.endswith("1") else 1):
            texts = model.sample([example(row)[0] for row in rows], 4, 3, max_tokens=30)
            scores = model.score([(example(row)[0], row["caption"]) for row in rows])
            print(hashlib.sha256(repr((texts, scores)).encode()).hexdigest()[:16])


def run_child(what: str, extra: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, __file__, "--child", what, *extra],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done.stdout.strip()


def memory(which: str) -> float:
    """Resident memory in MB (10^6 bytes), or nan where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return math.nan
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(which))


# --- perplexity and samples ----------------------------------------------------------------------


def held_rows(count: int) -> list[dict[str, Any]]:
    return [row for row in read_rows(STARTER) if held_out(row["caption"])][:count]


def perplexity(base: Path, adapter: Path | None, options: argparse.Namespace) -> None:
    rows = held_rows(options.rows)
    pairs = [example(row) for row in rows]
    pairs = [(prompt, target.removesuffix(END)) for prompt, target in pairs]
    for name, beside in (("base alone", None), ("with adapter", adapter)):
        if name == "with adapter" and beside is None:
            continue
        start = time.process_time()
        with CaptionModel(base, beside) as model:
            counts = [n + 1 for n in model.count([text for _, text in pairs])]
            scores = model.score(pairs)
        mean = sum(s * n for s, n in zip(scores, counts, strict=True)) / sum(counts)
        spent = (time.process_time() - start) / len(pairs)
        print(
            f"perplexity, {name}: {math.exp(-mean):.2f} on {len(pairs)} held-out captions, "
            f"{sum(counts)} tokens ({spent:.2f} s of one core each)"
        )


def samples(base: Path, adapter: Path | None, options: argparse.Namespace) -> None:
    kinds = ("photo", "promo", "quote", "story", "carousel", "product")
    rows = held_rows(1000)
    chosen = [row for kind in kinds for row in [r for r in rows if r["kind"] == kind][:2]]
    with CaptionModel(base, adapter) as model:
        texts = model.sample([example(row)[0] for row in chosen], 1, 1, banned=["#", " #"])
    for row, mine_ in zip(chosen, texts, strict=True):
        brief = {key: row[key] for key in ("kind", "niche", "voice", "keywords", "offer")}
        print(f"\n{json.dumps(brief, ensure_ascii=False)}")
        print(f"  model:  {mine_[0] if mine_ else '(nothing whole)'}")
        print(f"  person: {row['caption']}")


if __name__ == "__main__":
    main()
