"""Train the caption model's adapter (LoRA) on captions, next to a base model that stays as it is.

    pip install "feedsmith[train]"
    python -m feedsmith.captions.train --out adapter        # the starter captions, 2 epochs
    python -m feedsmith.captions.train --out adapter        # again: goes on at the last snapshot
    python -m feedsmith.captions.train --out brand --data mine.jsonl --epochs 3

It reads rows of JSON lines (caption, kind, niche, voice, keywords, offer), holds a tenth of them out
by the hash of the caption, and leaves in the output folder:

    adapter.gguf          the adapter, half precision, for `CaptionModel(base, adapter)`
    adapter.card.json     what it was trained on, how long, and the held-out perplexity
    metrics.jsonl         loss and learning rate per step, held-out perplexity per check
    snapshot.safetensors  adapter and optimiser, to go on with after a stop

The adapter stays apart from the base on purpose: merging it and quantising again to 4 bits took
the held-out perplexity from 17 to 38, while apart it costs nothing and one base serves every brand.

Knows the prompt (`captions.prompt`) and the GGUF container; knows nothing of brands or posts.
torch, transformers, peft and gguf are imported inside the functions: only the `train` extra has them.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.captions.prompt import END, example, held_out
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_json, writing

STARTER = Path(__file__).with_name("starter.jsonl")

_LINEAR = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""The linear layers of a Llama block: name in transformers, name in GGUF."""
_NORM = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


class Encoded(NamedTuple):
    """Token ids of one example."""

    prompt: list[int]
    target: list[int]


def train(
    base: Path,
    rows: Sequence[dict[str, Any]],
    out: Path,
    *,
    encode: Callable[[str], list[int]] | None = None,
    rank: int = 8,
    epochs: float = 2.0,
    rate: float = 8e-4,
    batch: int = 8,
    minutes: float = math.inf,
    threads: int = 1,
    bf16: bool | None = None,
    seed: int = 0,
    snapshot_every: int = 40,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train a rank-`rank` adapter for `base` (a Llama GGUF) on `rows` and return its path in `out`.

    `minutes` stops early (the snapshot stays, the same call goes on); `encode` replaces the
    tokeniser inside the GGUF; `bf16` None means where the processor has it. The learning rate
    climbs for 20 steps and falls linearly to a fiftieth of `rate`. The same arguments give the
    same steps whether or not the run was interrupted: every step draws from `seed` and its number.

    Raises FeedsmithError when the train extra is missing, the base is not a Llama GGUF, or no row
    is left to train on.
    """
    torch = _torch()
    from peft import LoraConfig, get_peft_model

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    if bf16 is None:
        bf16 = bool(torch.backends.cpu.get_cpu_capability() in ("AVX512", "AMX")) and _has_bf16()
    out.mkdir(parents=True, exist_ok=True)

    encode = encode or tokeniser(base)
    kept = [row for row in rows if not held_out(str(row["caption"]))]
    held = [_encoded(example(row), encode) for row in rows if held_out(str(row["caption"]))]
    if len(kept) < batch or not held:
        raise FeedsmithError(
            f"{len(rows)} captions are too few to train on",
            mend=f"bring at least {4 * batch} captions with different texts",
        )

    # Frozen weights in bfloat16 spare a cast every step. Dropout on the adapter's input would cost
    # a quarter of the step; shuffled and dropped keywords are the regulariser instead.
    frozen = load_base(base)
    model = get_peft_model(
        frozen.to(torch.bfloat16) if bf16 else frozen,
        LoraConfig(
            r=rank,
            lora_alpha=2 * rank,
            lora_dropout=0.0,
            target_modules=[name.split(".")[1] for name in _LINEAR],
        ),
    )
    weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(list(weights.values()), lr=rate, weight_decay=0.01)
    per_epoch = len(kept) // batch
    steps = max(1, round(epochs * per_epoch))

    run = _run_id(base, rows, rank, rate, batch, seed)
    snapshot = out / "snapshot.safetensors"
    step, before, spent = _resume(snapshot, run, weights, optimiser)
    if step:
        report(f"goes on at step {step} of {steps}")
    else:
        before = perplexity(model, held, batch=batch, bf16=bf16)
        (out / "metrics.jsonl").unlink(missing_ok=True)
        _note(out, step=0, held_out_perplexity=round(before, 3))
        report(f"held-out perplexity before training: {before:.2f}")

    started = time.monotonic() - spent
    batches: list[list[Encoded]] = []
    model.train()
    while step < steps and (time.monotonic() - started) / 60 < minutes:
        epoch, place = divmod(step, per_epoch)
        if place == 0 or not batches:
            batches = _batches(kept, encode, batch, np.random.default_rng([seed, epoch]))
        lr = rate * min(1.0, (step + 1) / 20) * max(0.02, 1.0 - step / steps)
        for group in optimiser.param_groups:
            group["lr"] = lr
        torch.manual_seed(seed * 1_000_003 + step)
        total, count = _loss(model, batches[place], bf16=bf16)
        loss = total / count
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
        elapsed = time.monotonic() - started
        _note(out, step=step, loss=round(loss.item(), 4), rate=lr, seconds=round(elapsed, 1))
        if step % 10 == 0:
            report(f"step {step}/{steps}  loss {loss.item():.3f}  {elapsed / 60:.1f} min")
        if step % snapshot_every == 0:
            _snapshot(snapshot, run, weights, optimiser, step, before, elapsed)
        if step % per_epoch == 0 and step < steps:
            now = perplexity(model, held, batch=batch, bf16=bf16)
            _note(out, step=step, held_out_perplexity=round(now, 3))
            report(f"held-out perplexity after {step} steps: {now:.2f}")
            model.train()

    elapsed = time.monotonic() - started
    _snapshot(snapshot, run, weights, optimiser, step, before, elapsed)
    after = perplexity(model, held, batch=batch, bf16=bf16)
    _note(out, step=step, held_out_perplexity=round(after, 3))
    report(f"held-out perplexity after {step} steps: {after:.2f} (before: {before:.2f})")
    adapter = out / "adapter.gguf"
    export(weights, adapter, alpha=2.0 * rank, heads=_heads(model))
    write_json(
        out / "adapter.card.json",
        {
            "what": "LoRA adapter for captions without hashtags; prompt as in captions/prompt.py",
            "base": {"file": base.name, "sha256": sha256(base)},
            "sha256": sha256(adapter),
            "rank": rank,
            "alpha": 2 * rank,
            "precision": "F16",
            "trained_on": len(kept),
            "held_out": len(held),
            "steps": step,
            "batch": batch,
            "rate": rate,
            "seed": seed,
            "minutes": round(elapsed / 60, 1),
            "held_out_perplexity": {"before": round(before, 2), "after": round(after, 2)},
            "licence": "Apache-2.0",
        },
    )
    return adapter


def perplexity(model: Any, rows: Sequence[Encoded], *, batch: int = 8, bf16: bool = False) -> float:
    """exp of the mean negative log-likelihood (nats) per target token, END included."""
    torch = _torch()
    model.eval()
    total, count = 0.0, 0
    ordered = sorted(rows, key=_size)
    with torch.no_grad():
        for start in range(0, len(ordered), batch):
            part, n = _loss(model, ordered[start : start + batch], bf16=bf16)
            total, count = total + part.item(), count + n
    return math.exp(total / count)


def load_base(gguf_file: Path) -> Any:
    """A Llama GGUF, dequantised to float32, as transformers' LlamaForCausalLM with frozen weights.

    GGUF stores the rows of q and k so that the two halves of every head are interleaved (its rotary
    embedding pairs neighbours, transformers' pairs halves); they are put back here.
    Raises FeedsmithError for anything but a Llama GGUF.
    """
    torch = _torch()
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from transformers import LlamaConfig, LlamaForCausalLM

    reader = GGUFReader(gguf_file)
    if _meta(reader, "general.architecture") != "llama":
        raise FeedsmithError(
            f"{gguf_file}: only Llama models can be trained",
            mend="use the caption model that `feedsmith models fetch` brings",
        )
    tensors = {t.name: t for t in reader.tensors}
    layers = int(_meta(reader, "llama.block_count"))
    heads = int(_meta(reader, "llama.attention.head_count"))
    kv_heads = int(_meta(reader, "llama.attention.head_count_kv"))
    embedding = dequantize(
        tensors["token_embd.weight"].data, tensors["token_embd.weight"].tensor_type
    )
    config = LlamaConfig(
        vocab_size=embedding.shape[0],
        hidden_size=embedding.shape[1],
        intermediate_size=int(_meta(reader, "llama.feed_forward_length")),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        rms_norm_eps=float(_meta(reader, "llama.attention.layer_norm_rms_epsilon")),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": float(_meta(reader, "llama.rope.freq_base")),
        },
        max_position_embeddings=int(_meta(reader, "llama.context_length")),
        tie_word_embeddings="output.weight" not in tensors,
        attention_bias=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )

    def read(name: str) -> Any:
        tensor = tensors[name]
        return torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), np.float32))

    state = {"model.embed_tokens.weight": read("token_embd.weight")}
    state["model.norm.weight"] = read("output_norm.weight")
    state["lm_head.weight"] = (
        read("output.weight") if "output.weight" in tensors else state["model.embed_tokens.weight"]
    )
    for i in range(layers):
        for theirs, ours in (_LINEAR | _NORM).items():
            weight = read(f"blk.{i}.{ours}.weight")
            if ours in ("attn_q", "attn_k"):
                n = heads if ours == "attn_q" else kv_heads
                weight = torch.from_numpy(_halves(weight.numpy(), n))
            state[f"model.layers.{i}.{theirs}.weight"] = weight
    model = LlamaForCausalLM(config)
    model.load_state_dict(state, strict=True)
    model.requires_grad_(False)
    model.config.use_cache = False
    return model


def export(weights: dict[str, Any], path: Path, *, alpha: float, heads: tuple[int, int]) -> None:
    """Write LoRA weights (transformers names) as a GGUF adapter in half precision, atomically.

    `heads` is (query heads, key-value heads): the rows of q's and k's B matrices are interleaved as
    in the base. Format: github.com/ggml-org/llama.cpp, convert_lora_to_gguf.py.
    """
    from gguf import GGUFValueType, GGUFWriter

    part = path.with_suffix(".writing")
    writer = GGUFWriter(part, "llama")
    writer.add_type("adapter")
    writer.add_key_value("adapter.type", "lora", GGUFValueType.STRING)
    writer.add_key_value("adapter.lora.alpha", float(alpha), GGUFValueType.FLOAT32)
    for name, value in weights.items():
        pieces = name.split(".")
        at = pieces.index("layers")
        linear = _LINEAR[".".join(pieces[at + 2 : at + 4])]
        side = "a" if "lora_A" in name else "b"
        matrix = value.detach().float().cpu().numpy()
        if side == "b" and linear in ("attn_q", "attn_k"):
            matrix = _neighbours(matrix, heads[0] if linear == "attn_q" else heads[1])
        writer.add_tensor(
            f"blk.{pieces[at + 1]}.{linear}.weight.lora_{side}",
            np.ascontiguousarray(matrix, dtype=np.float16),
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with writing(path) as stream:
        stream.write(part.read_bytes())
    part.unlink()


def tokeniser(gguf_file: Path) -> Callable[[str], list[int]]:
    """The byte-pair tokeniser inside a GGUF of the SmolLM family, as text -> ids.

    Digits stand alone and END is one token, as the runtime does it. Raises FeedsmithError for
    other tokenisers: a slightly wrong split would train on other tokens than the runtime sees.
    """
    from gguf import GGUFReader
    from tokenizers import (  # type: ignore[import-not-found]
        AddedToken,
        Tokenizer,
        models,
        pre_tokenizers,
    )

    reader = GGUFReader(gguf_file)
    kind = (_meta(reader, "tokenizer.ggml.model"), _meta(reader, "tokenizer.ggml.pre"))
    if kind != ("gpt2", "smollm"):
        raise FeedsmithError(
            f"{gguf_file}: its tokeniser ({', '.join(map(str, kind))}) cannot be trained with yet",
            mend="use the caption model that `feedsmith models fetch` brings",
        )
    pieces = _meta(reader, "tokenizer.ggml.tokens")
    merges = [tuple(m.split(" ", 1)) for m in _meta(reader, "tokenizer.ggml.merges")]
    split = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    split.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    split.add_special_tokens([AddedToken(END, normalized=False, special=True)])
    return lambda text: list(split.encode(text, add_special_tokens=False).ids)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """JSON lines as rows; raises FeedsmithError naming the first bad line."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            for key in ("caption", "kind", "niche", "voice", "keywords", "offer"):
                row[key]
        except (ValueError, KeyError, TypeError) as error:
            raise FeedsmithError(
                f"{path}, line {number}: not a caption row ({error!r})",
                mend="each line needs caption, kind, niche, voice, keywords and offer",
            ) from error
        rows.append(row)
    return rows


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _loss(model: Any, rows: Sequence[Encoded], *, bf16: bool) -> tuple[Any, int]:
    """Sum of the negative log-likelihood over all target tokens, and their number.

    The output layer (a quarter of this small model's work) runs at the target positions alone.
    """
    torch = _torch()
    width = max(map(_size, rows))
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    ask = torch.zeros((len(rows), width), dtype=torch.bool)
    for i, (prompt, target) in enumerate(rows):
        end = len(prompt) + len(target)
        ids[i, :end] = torch.tensor(prompt + target)
        mask[i, :end] = 1
        ask[i, len(prompt) - 1 : end - 1] = True
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        hidden = inner.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        logits = inner.lm_head(hidden[ask])
    wanted = ids.roll(-1, dims=1)[ask]
    total = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")
    return total, int(wanted.numel())


def _batches(
    rows: Sequence[dict[str, Any]],
    encode: Callable[[str], list[int]],
    batch: int,
    rng: np.random.Generator,
) -> list[list[Encoded]]:
    """One epoch: like lengths together (padding is work thrown away), batches in random order."""
    encoded = [_encoded(example(rows[i], rng), encode) for i in rng.permutation(len(rows))]
    encoded.sort(key=_size)
    whole = len(encoded) // batch
    skip = int(rng.integers(0, len(encoded) - whole * batch + 1))
    groups = [encoded[skip + i * batch : skip + (i + 1) * batch] for i in range(whole)]
    return [groups[i] for i in rng.permutation(whole)]


def _encoded(pair: tuple[str, str], encode: Callable[[str], list[int]]) -> Encoded:
    return Encoded(encode(pair[0]), encode(pair[1]))


def _size(row: Encoded) -> int:
    return len(row.prompt) + len(row.target)


def _halves(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF's order of q and k rows (neighbours) to transformers' (halves)."""
    shape = rows.shape
    split = rows.reshape(heads, shape[0] // heads // 2, 2, *shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(shape))


def _neighbours(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """The inverse of `_halves`."""
    shape = rows.shape
    split = rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(shape))


def _heads(model: Any) -> tuple[int, int]:
    config = model.get_base_model().config
    return int(config.num_attention_heads), int(config.num_key_value_heads)


def _meta(reader: Any, key: str) -> Any:
    field = reader.get_field(key)
    if field is None:
        raise FeedsmithError(
            f"the base model's file has no {key}",
            mend="use the caption model that `feedsmith models fetch` brings",
        )
    return field.contents()


def _run_id(base: Path, rows: Sequence[dict[str, Any]], *settings: object) -> str:
    """Names a run by all that shapes it, so that a snapshot of another run is never taken up."""
    digest = hashlib.sha256(sha256(base).encode())
    digest.update(json.dumps(list(rows), sort_keys=True, ensure_ascii=False).encode())
    digest.update(repr(settings).encode())
    return digest.hexdigest()


def _snapshot(
    path: Path,
    run: str,
    weights: dict[str, Any],
    optimiser: Any,
    step: int,
    before: float,
    seconds: float,
) -> None:
    from safetensors.torch import save

    tensors = {}
    for name, weight in weights.items():
        state = optimiser.state[weight]
        tensors[name] = weight.detach()
        tensors[f"{name}.m"] = state["exp_avg"]
        tensors[f"{name}.v"] = state["exp_avg_sq"]
    meta = {"run": run, "step": str(step), "before": repr(before), "seconds": repr(seconds)}
    with writing(path) as stream:
        stream.write(save(tensors, metadata=meta))


def _resume(
    path: Path, run: str, weights: dict[str, Any], optimiser: Any
) -> tuple[int, float, float]:
    """(step, perplexity before training, seconds spent) of a snapshot of this very run, or zeros."""
    if not path.exists():
        return 0, 0.0, 0.0
    torch = _torch()
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stored:
        meta = stored.metadata() or {}
        if meta.get("run") != run:
            return 0, 0.0, 0.0
        step = int(meta["step"])
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(stored.get_tensor(name))
                optimiser.state[weight] = {
                    "step": torch.tensor(float(step)),
                    "exp_avg": stored.get_tensor(f"{name}.m"),
                    "exp_avg_sq": stored.get_tensor(f"{name}.v"),
                }
    return step, float(meta["before"]), float(meta["seconds"])


def _note(out: Path, **values: Any) -> None:
    with (out / "metrics.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(values) + "\n")


def _has_bf16() -> bool:
    """True where the processor multiplies bfloat16 itself; elsewhere it is slower than float32."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "avx512_bf16" in flags.read_text("utf-8", "replace")


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise FeedsmithError(
            "training needs the train extra, which is not installed",
            mend='pip install "feedsmith[train]"',
        ) from error
    return torch


def _arguments(words: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    ask = argparse.ArgumentParser(prog="python -m feedsmith.captions.train")
    ask.add_argument("--out", type=Path, required=True, help="folder for the adapter")
    ask.add_argument("--base", type=Path, help="base GGUF (default: the fetched caption model)")
    ask.add_argument("--data", type=Path, nargs="*", default=[STARTER], help="JSON lines")
    ask.add_argument("--epochs", type=float, default=2.0)
    ask.add_argument("--rank", type=int, default=8)
    ask.add_argument("--rate", type=float, default=8e-4)
    ask.add_argument("--minutes", type=float, default=math.inf)
    ask.add_argument("--threads", type=int, default=1)
    ask.add_argument("--seed", type=int, default=0)
    yield from vars(ask.parse_args(words)).items()


def main(words: Sequence[str] | None = None) -> int:
    # OpenMP threads that spin while they wait take the core from whoever works: 26.6 seconds a
    # step against 4.6 on shared cores. It must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = dict(_arguments(words))
    base, data = options.pop("base"), options.pop("data")
    try:
        if base is None:
            from feedsmith import models

            base = models.find("captions-base")
        rows = [row for path in data for row in read_rows(path)]
        done = train(base, rows, options.pop("out"), report=_say, **options)
    except FeedsmithError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _say(str(done))
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
