"""The model that training starts from: SmolLM2 out of its GGUF file, GPT-2, any causal model.

A Llama GGUF is dequantised into transformers' own class; folders and hub names are loaded by
transformers, from safetensors alone (pickled weights run code when they are read). Knows model
files and tokenisers; knows no caption and no optimiser.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from feedsmith import models
from feedsmith.captions.prompt import END
from feedsmith.captions.train.config import Config, needs
from feedsmith.errors import FeedsmithError

Kind = Literal["llama", "gpt2", "other"]

LINEAR: dict[str, dict[str, str]] = {
    "llama": {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    },
    "gpt2": {
        "attn.c_attn": "attn_qkv",
        "attn.c_proj": "attn_output",
        "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down",
    },
}
"""The linear layers of a block: name in transformers, name in GGUF."""
NORM: dict[str, dict[str, str]] = {
    "llama": {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"},
    "gpt2": {"ln_1": "attn_norm", "ln_2": "ffn_norm"},
}
_HUB = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_OTHER_BASES = (
    "use --base smollm2, or a folder with config.json, tokenizer.json and model.safetensors"
)


@dataclass(frozen=True)
class Place:
    """Where a base is."""

    name: str
    """As it was asked for."""
    path: Path | None
    """A GGUF file or a folder; None on the model hub."""

    @property
    def sha256(self) -> str:
        """Of a file; of a folder's configuration and weights; of a hub name, the name's."""
        if self.path is None:
            return hashlib.sha256(self.name.encode()).hexdigest()
        if self.path.is_file():
            return models.hash_of(self.path)
        digest = hashlib.sha256()
        for file in sorted([*self.path.glob("*.json"), *self.path.glob("*.safetensors")]):
            digest.update(f"{file.name} {models.hash_of(file)}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Base:
    """A loaded model, in float32 on the processor, its weights frozen."""

    place: Place
    kind: Kind
    model: Any
    encode: Callable[[str], list[int]]
    """Text to token ids; END, at the end of a text, is the model's own end."""
    words: dict[str, Any]
    """The tokeniser as GGUF fields; empty where the runtime has none of its kind."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(blocks, query heads, key-value heads)."""
        of = self.model.config
        heads = int(of.num_attention_heads)
        return (
            int(of.num_hidden_layers),
            heads,
            int(getattr(of, "num_key_value_heads", heads) or heads),
        )


def locate(name: str) -> Place:
    """Find a base by name, without loading it.

    Raises FeedsmithError (MissingModel for smollm2) with what to do when nothing is there, or
    when a folder lacks its weights, its configuration or its tokeniser.
    """
    if name == "smollm2":
        return Place(name, models.find("captions-base"))
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise FeedsmithError(f"{path}: a base is a folder or a GGUF file", mend=_OTHER_BASES)
        return Place(name, path)
    if path.is_dir():
        _whole(path)
        return Place(name, path)
    if not _HUB.fullmatch(name) or name.startswith((".", "~")) or path.is_absolute():
        raise FeedsmithError(f"{name}: no such model folder", mend=_OTHER_BASES)
    return Place(name, None)


def load(config: Config) -> Base:
    """Load the base of `config`.

    Raises FeedsmithError for what cannot be loaded, and where captions could not end: a tokeniser
    without an end of text.
    """
    place = locate(config.base)
    if place.path is not None and place.path.is_file():
        words = gguf_words(place.path)
        return Base(place, "llama", load_base(place.path), tokeniser(place.path), words)
    return _from_transformers(place)


def load_base(gguf_file: Path) -> Any:
    """A Llama GGUF, dequantised to float32, as transformers' LlamaForCausalLM with frozen weights.

    GGUF stores the rows of q and k so that the two halves of every head are interleaved (its rotary
    embedding pairs neighbours, transformers' pairs halves); they are put back here.
    Raises FeedsmithError for anything but a Llama GGUF.
    """
    torch = needs()
    from gguf.quants import dequantize
    from transformers import LlamaConfig, LlamaForCausalLM

    reader = _reader(gguf_file)
    if _meta(reader, "general.architecture") != "llama":
        raise FeedsmithError(
            f"{gguf_file}: of GGUF files, only Llama models can be trained",
            mend="use the caption model that `feedsmith models fetch` brings, or name the folder "
            "that the file was made of",
        )
    tensors = {t.name: t for t in reader.tensors}

    def read(name: str) -> Any:
        try:
            tensor = tensors[name]
        except KeyError:
            raise FeedsmithError(f"{gguf_file}: {name} is missing", mend=_OTHER_BASES) from None
        return torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), np.float32))

    layers = int(_meta(reader, "llama.block_count"))
    heads = int(_meta(reader, "llama.attention.head_count"))
    kv_heads = int(_meta(reader, "llama.attention.head_count_kv"))
    embedding = read("token_embd.weight")
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
    state = {
        "model.embed_tokens.weight": embedding,
        "model.norm.weight": read("output_norm.weight"),
    }
    state["lm_head.weight"] = (
        read("output.weight") if "output.weight" in tensors else state["model.embed_tokens.weight"]
    )
    for i in range(layers):
        for theirs, ours in (LINEAR["llama"] | NORM["llama"]).items():
            weight = read(f"blk.{i}.{ours}.weight")
            if ours in ("attn_q", "attn_k"):
                n = heads if ours == "attn_q" else kv_heads
                weight = torch.from_numpy(halves(weight.numpy(), n))
            state[f"model.layers.{i}.{theirs}.weight"] = weight
    model = LlamaForCausalLM(config)
    model.load_state_dict(state, strict=True)
    model.requires_grad_(False)
    model.config.use_cache = False
    return model


def tokeniser(gguf_file: Path) -> Callable[[str], list[int]]:
    """The byte-pair tokeniser inside a GGUF of the SmolLM or GPT-2 family, as text -> ids.

    END is one token, as the runtime does it. Raises FeedsmithError for other tokenisers: a
    slightly wrong split would train on other tokens than the runtime sees.
    """
    needs()
    from tokenizers import (  # type: ignore[import-not-found]
        AddedToken,
        Tokenizer,
        models,
        pre_tokenizers,
    )

    words = gguf_words(gguf_file)
    kind = (words["tokenizer.ggml.model"], words["tokenizer.ggml.pre"])
    if kind not in (("gpt2", "smollm"), ("gpt2", "gpt-2")):
        raise FeedsmithError(
            f"{gguf_file}: its tokeniser ({', '.join(map(str, kind))}) cannot be trained with yet",
            mend="use the caption model that `feedsmith models fetch` brings",
        )
    pieces = words["tokenizer.ggml.tokens"]
    merges = [tuple(m.split(" ", 1)) for m in words["tokenizer.ggml.merges"]]
    if END not in pieces:
        raise FeedsmithError(f"{gguf_file}: it has no token {END}", mend=_OTHER_BASES)
    split = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False)
    split.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytewise])
        if kind[1] == "smollm"
        else bytewise
    )
    split.add_special_tokens([AddedToken(END, normalized=False, special=True)])
    return lambda text: list(split.encode(text, add_special_tokens=False).ids)


def gguf_words(gguf_file: Path) -> dict[str, Any]:
    """The tokeniser's fields of a GGUF file."""
    reader = _reader(gguf_file)
    for key in ("model", "pre", "tokens", "merges"):
        _meta(reader, f"tokenizer.ggml.{key}")
    return {
        key: field.contents()
        for key, field in reader.fields.items()
        if key.startswith("tokenizer.ggml.")
    }


def halves(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF's order of q and k rows (neighbours) to transformers' (halves)."""
    shape = rows.shape
    split = rows.reshape(heads, shape[0] // heads // 2, 2, *shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(shape))


def neighbours(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """The inverse of `halves`."""
    shape = rows.shape
    split = rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2).reshape(shape))


def _from_transformers(place: Place) -> Base:
    torch = needs()
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = str(place.path) if place.path else place.name
    try:
        split = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            where,
            dtype=torch.float32,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (
        OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError
    ) as error:  # fmt: skip
        # Of the many lines that transformers writes the first says what happened.
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        if place.path is None:
            raise FeedsmithError(
                f"{place.name}: cannot be fetched from the model hub ({said})",
                mend="download its folder elsewhere and name that, or use --base smollm2",
            ) from error
        raise FeedsmithError(
            f"{place.path}: cannot be loaded ({said})", mend=_OTHER_BASES
        ) from error
    known = split.get_vocab()
    end = END if END in known else split.eos_token
    if not end or end not in known:
        raise FeedsmithError(
            f"{where}: its tokeniser has no end of text",
            mend='name one in tokenizer_config.json ("eos_token")',
        )
    stop = int(known[end])
    for part in ("attn_pdrop", "embd_pdrop", "resid_pdrop", "attention_dropout"):
        # Dropout costs a quarter of the step; shuffled and dropped keywords and the early stop do
        # its work here.
        if hasattr(model.config, part):
            setattr(model.config, part, 0.0)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    model.requires_grad_(False)
    model.config.use_cache = False

    def encode(text: str) -> list[int]:
        body, ends, _ = text.partition(END)
        ids = [int(i) for i in split(body, add_special_tokens=False)["input_ids"]] if body else []
        return [*ids, stop] if ends else ids

    kind = _kind(model)
    return Base(place, kind, model, encode, _words(split, end, stop) if kind != "other" else {})


def _kind(model: Any) -> Kind:
    of = model.config
    if of.model_type == "gpt2" and of.activation_function in ("gelu_new", "gelu_pytorch_tanh"):
        plain = not of.scale_attn_by_inverse_layer_idx and not of.reorder_and_upcast_attn
        return "gpt2" if plain and of.scale_attn_weights else "other"
    if of.model_type == "llama":
        rope = getattr(of, "rope_parameters", None) or {}
        plain = rope.get("rope_type", "default") == "default"
        bias = getattr(of, "attention_bias", False) or getattr(of, "mlp_bias", False)
        return "llama" if plain and not bias and of.hidden_act == "silu" else "other"
    return "other"


def _words(split: Any, end: str, stop: int) -> dict[str, Any]:
    """A transformers tokeniser as GGUF fields; {} where the runtime has none of its kind."""
    backend = getattr(split, "backend_tokenizer", None)
    if backend is None:
        return {}
    told = json.loads(backend.to_str())
    before, model = told.get("pre_tokenizer") or {}, told.get("model") or {}
    steps = before.get("pretokenizers", [before])
    names = [step.get("type") for step in steps]
    bytewise = steps[-1]
    if model.get("type") != "BPE" or told.get("normalizer") or names[-1] != "ByteLevel":
        return {}
    if bytewise.get("add_prefix_space") or not bytewise.get("use_regex", True):
        return {}
    if names == ["ByteLevel"]:
        pre = "gpt-2"
    elif names == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        pre = "smollm"
    else:
        return {}
    added = {entry["id"]: entry["content"] for entry in told.get("added_tokens", [])}
    by_id = {int(i): piece for piece, i in model["vocab"].items()} | added
    size = max(by_id) + 1
    pieces = [by_id.get(i, f"<unused-{i}>") for i in range(size)]
    # 1 normal, 3 control, 5 unused
    types = [3 if i in added else 1 if i in by_id else 5 for i in range(size)]
    # The runtime ends a caption at END; GPT-2 calls its own end by another name.
    pieces[stop], types[stop] = END, 3
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": stop,
        "tokenizer.ggml.eos_token_id": stop,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
    }


def _whole(folder: Path) -> None:
    """Raise FeedsmithError, in words, for a folder that is no model's."""
    has = {file.name for file in folder.iterdir()}
    if "config.json" not in has:
        if "hparams.json" in has or "checkpoint" in has:
            raise FeedsmithError(
                f"{folder}: a TensorFlow checkpoint, as gpt-2-simple keeps them",
                mend="convert it once with `transformers` (convert_gpt2_original_tf_checkpoint_to"
                "_pytorch, then save_pretrained), and name the new folder",
            )
        raise FeedsmithError(f"{folder}: no model in it (no config.json)", mend=_OTHER_BASES)
    if not any(name.endswith(".safetensors") for name in has):
        pickled = any(name.endswith((".bin", ".pt", ".pth")) for name in has)
        raise FeedsmithError(
            f"{folder}: no weights in it (no .safetensors)"
            + ("; pickled weights are not read, as reading them runs code" if pickled else ""),
            mend="save it again with save_pretrained, which writes model.safetensors",
        )
    if "tokenizer.json" not in has and not {"vocab.json", "merges.txt"} <= has:
        raise FeedsmithError(
            f"{folder}: no tokeniser in it",
            mend="put tokenizer.json (or vocab.json and merges.txt) of that model beside its weights",
        )


def _reader(gguf_file: Path) -> Any:
    from gguf import GGUFReader

    try:
        return GGUFReader(gguf_file)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise FeedsmithError(
            f"{gguf_file}: not a GGUF model that can be read ({error})", mend=_OTHER_BASES
        ) from error


def _meta(reader: Any, key: str) -> Any:
    field = reader.get_field(key)
    if field is None:
        raise FeedsmithError(f"the base model's file has no {key}", mend=_OTHER_BASES)
    return field.contents()
