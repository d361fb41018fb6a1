"""GGUF files for the light runtime: adapters and whole models of the Llama and GPT-2 families.

Formats: github.com/ggml-org/llama.cpp, convert_lora_to_gguf.py and convert_hf_to_gguf.py;
github.com/ggml-org/ggml, docs/gguf.md. Knows names and layouts of weights; knows no training.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from feedsmith.captions.train.base import LINEAR, NORM, Base, Kind, halves, neighbours
from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, no_room

Precision = Literal["F32", "F16", "Q8_0"]


def adapter(
    weights: Mapping[str, Any], path: Path, *, kind: Kind, alpha: float, heads: tuple[int, int]
) -> None:
    """Write LoRA weights (transformers' names) as a GGUF adapter in half precision, atomically.

    `heads` is (query heads, key-value heads): the rows of q's and k's B matrices are interleaved as
    in a Llama base. Raises FeedsmithError when the disk is full.
    """
    from gguf import GGUFValueType, GGUFWriter

    part = path.with_name(f".{path.name}.part")
    writer = GGUFWriter(part, kind)
    writer.add_type("adapter")
    writer.add_key_value("adapter.type", "lora", GGUFValueType.STRING)
    writer.add_key_value("adapter.lora.alpha", float(alpha), GGUFValueType.FLOAT32)
    for name, value in weights.items():
        block, linear, side = spot(name, kind)
        matrix = value.detach().float().cpu().numpy()
        if side == "b" and linear in ("attn_q", "attn_k"):
            matrix = neighbours(matrix, heads[0] if linear == "attn_q" else heads[1])
        writer.add_tensor(
            f"blk.{block}.{linear}.weight.lora_{side}",
            np.ascontiguousarray(matrix, dtype=np.float16),
        )
    _finish(writer, part, path)


def read_adapter(path: Path, kind: Kind, heads: tuple[int, int]) -> dict[tuple[int, str, str], Any]:
    """The inverse of `adapter`: (block, linear layer, side) to its matrix, float32."""
    from gguf import GGUFReader

    found = {}
    for tensor in GGUFReader(path).tensors:
        _, block, linear, _, side = tensor.name.split(".")
        matrix = np.array(tensor.data, np.float32)
        if side == "lora_b" and linear in ("attn_q", "attn_k"):
            matrix = halves(matrix, heads[0] if linear == "attn_q" else heads[1])
        found[int(block), linear, side[-1]] = matrix
    return found


def spot(name: str, kind: Kind) -> tuple[int, str, str]:
    """Where a LoRA weight belongs: (block, linear layer in GGUF's name, a or b)."""
    pieces = name.split(".")
    at = pieces.index("layers" if kind == "llama" else "h")
    linear = LINEAR[kind][".".join(pieces[at + 2 : at + 4])]
    return int(pieces[at + 1]), linear, "a" if "lora_A" in name else "b"


def model(base: Base, path: Path, precision: Precision = "Q8_0") -> None:
    """Write the whole model with its tokeniser as GGUF, atomically.

    Eight bits keep the held-out perplexity of a trained model (17.15 against 17.15; four bits
    made it 38). Rows whose width is no multiple of 32 stay in half precision. Raises FeedsmithError
    for families that the runtime has no writer for here, and when the disk is full.
    """
    if base.kind == "other" or not base.words:
        raise FeedsmithError(
            f"{base.place.name}: cannot be written as GGUF here",
            mend="convert the saved folder with llama.cpp's convert_hf_to_gguf.py",
        )
    from gguf import GGUFWriter

    part = path.with_name(f".{path.name}.part")
    writer = GGUFWriter(part, base.kind)
    of = base.model.config
    writer.add_type("model")
    writer.add_name(base.place.name if base.place.path is None else base.place.path.name)
    writer.add_context_length(int(of.max_position_embeddings))
    writer.add_embedding_length(int(of.hidden_size))
    writer.add_block_count(int(of.num_hidden_layers))
    writer.add_head_count(int(of.num_attention_heads))
    if base.kind == "llama":
        writer.add_feed_forward_length(int(of.intermediate_size))
        writer.add_head_count_kv(base.shape[2])
        writer.add_layer_norm_rms_eps(float(of.rms_norm_eps))
        writer.add_rope_freq_base(float(of.rope_parameters["rope_theta"]))
        writer.add_rope_dimension_count(int(of.hidden_size) // int(of.num_attention_heads))
        writer.add_vocab_size(int(of.vocab_size))
    else:
        writer.add_feed_forward_length(int(of.n_inner or 4 * of.hidden_size))
        writer.add_layer_norm_eps(float(of.layer_norm_epsilon))
    words = _fitted(base.words, int(base.model.get_input_embeddings().weight.shape[0]))
    for key, value in words.items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
    for name, matrix in _tensors(base):
        _add(writer, name, matrix, precision)
    _finish(writer, part, path)


def _tensors(base: Base) -> list[tuple[str, NDArray[np.float32]]]:
    """All weights by their GGUF names, in GGUF's order of rows."""
    state = {name: value.detach() for name, value in base.model.state_dict().items()}

    def take(name: str) -> NDArray[np.float32]:
        return np.asarray(state[name].float().cpu().numpy(), np.float32)

    found: list[tuple[str, NDArray[np.float32]]] = []
    blocks, heads, kv_heads = base.shape
    if base.kind == "llama":
        found.append(("token_embd.weight", take("model.embed_tokens.weight")))
        found.append(("output_norm.weight", take("model.norm.weight")))
        if not base.model.config.tie_word_embeddings:
            found.append(("output.weight", take("lm_head.weight")))
        for i in range(blocks):
            for theirs, ours in (NORM["llama"] | LINEAR["llama"]).items():
                matrix = take(f"model.layers.{i}.{theirs}.weight")
                if ours in ("attn_q", "attn_k"):
                    matrix = neighbours(matrix, heads if ours == "attn_q" else kv_heads)
                found.append((f"blk.{i}.{ours}.weight", matrix))
        return found
    found.append(("token_embd.weight", take("transformer.wte.weight")))
    found.append(("position_embd.weight", take("transformer.wpe.weight")))
    found.extend(
        (f"output_norm.{end}", take(f"transformer.ln_f.{end}")) for end in ("weight", "bias")
    )
    if not base.model.config.tie_word_embeddings:
        found.append(("output.weight", take("lm_head.weight")))
    for i in range(blocks):
        for theirs, ours in (NORM["gpt2"] | LINEAR["gpt2"]).items():
            matrix = take(f"transformer.h.{i}.{theirs}.weight")
            # GPT-2 keeps its linear layers the other way round (in, out).
            matrix = np.ascontiguousarray(matrix.T) if matrix.ndim == 2 else matrix
            found.append((f"blk.{i}.{ours}.weight", matrix))
            found.append((f"blk.{i}.{ours}.bias", take(f"transformer.h.{i}.{theirs}.bias")))
    return found


def _add(writer: Any, name: str, matrix: NDArray[np.float32], precision: Precision) -> None:
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    if matrix.ndim == 1 or name.startswith("position_embd") or precision == "F32":
        writer.add_tensor(name, np.ascontiguousarray(matrix, np.float32))
    elif precision == "F16" or matrix.shape[-1] % 32:
        writer.add_tensor(name, np.ascontiguousarray(matrix, np.float16))
    else:
        kind = GGMLQuantizationType.Q8_0
        writer.add_tensor(name, quantize(matrix, kind), raw_dtype=kind)


def _fitted(words: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """The tokeniser's lists as long as the embedding has rows; models often have spare ones."""
    fitted = dict(words)
    pieces, types = list(words["tokenizer.ggml.tokens"]), list(words["tokenizer.ggml.token_type"])
    spare = range(len(pieces), rows)
    fitted["tokenizer.ggml.tokens"] = pieces + [f"<unused-{i}>" for i in spare]
    fitted["tokenizer.ggml.token_type"] = types + [5 for _ in spare]
    return fitted


def _finish(writer: Any, part: Path, path: Path) -> None:
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(path)
    except OSError as error:
        if full_disk(error):
            raise no_room(path, "the training's snapshots are whole") from error
        raise
    finally:
        part.unlink(missing_ok=True)
