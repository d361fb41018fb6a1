"""Training: a tiny random model learns a few captions, stops, goes on, and the adapter fits.

These need the train extra (torch, transformers, peft, gguf); without it they are skipped. The
rows and the message without it are tested always.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feedsmith.captions import train as training
from feedsmith.captions.prompt import END, example, held_out
from feedsmith.errors import FeedsmithError

EXTRA = ("torch", "transformers", "peft", "gguf", "safetensors")
trains = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in EXTRA),
    reason='needs the train extra: pip install "feedsmith[train]"',
)

WORDS = ("fog", "pine", "cup", "steam", "moss", "bread", "lamp", "stone", "wool", "rain")
HEADS, KV_HEADS, WIDTH, LAYERS = 4, 2, 32, 2


def rows(count: int = 60) -> list[dict[str, Any]]:
    return [
        {
            "kind": "photo",
            "niche": "tea",
            "voice": "dry",
            "keywords": [WORDS[i % 10], WORDS[(i // 10) % 10]],
            "offer": None,
            "caption": f"{WORDS[i % 10]} and {WORDS[(i // 10) % 10]}, {i}.",
        }
        for i in range(count)
    ]


def encode(text: str) -> list[int]:
    """Bytes as tokens; END is one more."""
    body, end, _ = text.partition(END)
    return list(body.encode()) + ([256] if end else [])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama in GGUF, as small as a Llama can be."""
    gguf = pytest.importorskip("gguf")
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("base") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)

    def put(name: str, *shape: int) -> None:
        values = rng.normal(0, 0.08, shape) if len(shape) == 2 else np.ones(shape)
        writer.add_tensor(name, values.astype(np.float32))

    put("token_embd.weight", 257, WIDTH)
    put("output_norm.weight", WIDTH)
    for i in range(LAYERS):
        put(f"blk.{i}.attn_norm.weight", WIDTH)
        put(f"blk.{i}.ffn_norm.weight", WIDTH)
        put(f"blk.{i}.attn_q.weight", WIDTH, WIDTH)
        put(f"blk.{i}.attn_output.weight", WIDTH, WIDTH)
        for name in ("attn_k", "attn_v"):
            put(f"blk.{i}.{name}.weight", WIDTH * KV_HEADS // HEADS, WIDTH)
        put(f"blk.{i}.ffn_gate.weight", 2 * WIDTH, WIDTH)
        put(f"blk.{i}.ffn_up.weight", 2 * WIDTH, WIDTH)
        put(f"blk.{i}.ffn_down.weight", WIDTH, 2 * WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


SMALL: dict[str, Any] = {"encode": encode, "rank": 4, "batch": 4, "rate": 0.02, "bf16": False}


@trains
def test_it_learns_and_says_by_how_much(base: Path, tmp_path: Path) -> None:
    adapter = training.train(base, rows(), tmp_path, epochs=3, **SMALL)
    card = json.loads((tmp_path / "adapter.card.json").read_text())
    assert card["held_out_perplexity"]["after"] < 0.5 * card["held_out_perplexity"]["before"]
    assert card["held_out"] == sum(held_out(row["caption"]) for row in rows())
    assert card["sha256"] == training.sha256(adapter)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, card["steps"] + 1))


@trains
def test_a_stopped_run_goes_on_and_ends_at_the_same_adapter(base: Path, tmp_path: Path) -> None:
    whole = training.train(base, rows(), tmp_path / "whole", epochs=2, **SMALL)
    steps = json.loads((tmp_path / "whole" / "adapter.card.json").read_text())["steps"]

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("step 10/"):
            raise Stopped

    with pytest.raises(Stopped):
        training.train(
            base, rows(), tmp_path / "two", epochs=2, snapshot_every=8, report=stop, **SMALL
        )
    told: list[str] = []
    again = training.train(base, rows(), tmp_path / "two", epochs=2, report=told.append, **SMALL)
    assert told[0] == f"goes on at step 8 of {steps}"
    assert again.read_bytes() == whole.read_bytes()


@trains
def test_a_snapshot_of_other_captions_is_not_taken_up(base: Path, tmp_path: Path) -> None:
    training.train(base, rows(), tmp_path, epochs=1, **SMALL)
    told: list[str] = []
    training.train(base, rows(50), tmp_path, epochs=1, report=told.append, **SMALL)
    assert told[0].startswith("held-out perplexity before training")


@trains
def test_the_adapter_holds_every_linear_layer_with_rows_in_the_runtime_s_order(
    base: Path, tmp_path: Path
) -> None:
    import gguf
    import torch

    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(WIDTH, 4)).astype(np.float32)
    name = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.default.weight"
    training.export(
        {name: torch.from_numpy(matrix)}, tmp_path / "a.gguf", alpha=8, heads=(HEADS, KV_HEADS)
    )
    (tensor,) = gguf.GGUFReader(tmp_path / "a.gguf").tensors
    assert tensor.name == "blk.1.attn_q.weight.lora_b"
    stored = np.array(tensor.data, np.float32)
    head = WIDTH // HEADS
    # Pair j of a head stands at (j, j + head/2) in transformers and at (2j, 2j + 1) in GGUF.
    np.testing.assert_allclose(stored[0], matrix[0], atol=2e-3)
    np.testing.assert_allclose(stored[1], matrix[head // 2], atol=2e-3)
    np.testing.assert_allclose(stored[2], matrix[1], atol=2e-3)


@trains
def test_likelihoods_from_hidden_states_are_those_of_the_whole_model(base: Path) -> None:
    import torch

    from feedsmith.captions.likelihood import output_layer

    model = training.load_base(base).eval()
    ids = torch.tensor([encode("fog and pine, at last." + END)])
    with torch.no_grad():
        hidden = model.model(input_ids=ids).last_hidden_state[0]
        wanted = model(input_ids=ids).logits[0].log_softmax(-1)[:-1].gather(1, ids[0, 1:, None])
    got = output_layer(base).log_likelihood(hidden[:-1].numpy(), ids[0, 1:].numpy())
    np.testing.assert_allclose(got, wanted[:, 0].numpy(), atol=1e-4)


@trains
def test_padding_does_not_change_the_loss(base: Path) -> None:
    model = training.load_base(base).eval()
    pairs = [training._encoded(example(row), encode) for row in rows(6)]
    pairs.append(training.Encoded(pairs[0].prompt * 2, pairs[0].target))
    together, count = training._loss(model, pairs, bf16=False)
    alone = [training._loss(model, [pair], bf16=False) for pair in pairs]
    assert count == sum(n for _, n in alone)
    assert together.item() == pytest.approx(sum(t.item() for t, _ in alone), rel=1e-5)


@trains
def test_too_few_captions_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="too few"):
        training.train(base, rows(3), tmp_path, **SMALL)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(rows(1)[0]) + '\n{"caption": "only this"}\n')
    with pytest.raises(FeedsmithError, match="line 2") as caught:
        training.read_rows(path)
    assert "keywords" in caught.value.mend


def test_the_starter_captions_are_all_good_rows() -> None:
    assert len(training.read_rows(training.STARTER)) > 1500


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError) as caught:
        training.train(tmp_path / "base.gguf", rows(), tmp_path)
    assert "feedsmith[train]" in caught.value.mend
