"""The decoder: a Llama model's hidden states of several texts behind one prompt, in numpy.

Judging needs no sampling, only one pass over each text. The runtime makes that pass for every text
with its whole prompt again, in 8-bit products; here the texts share their prompt, in float32 and on
one core: 0.5 CPU-s instead of 1.7 for four captions. Weights are unpacked layer by layer out
of the GGUF file (14 MB at a time), so that a second copy of the model never enters memory.

Knows the Llama architecture, its adapters and token ids; knows no prompt, no text and no score.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from feedsmith.captions.gguf_file import Floats, GgufFile

TOKENS = 512
"""Tokens of one pass over the weights; a group that is longer makes a pass of its own."""

_LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
_NORMS = ("attn_norm", "ffn_norm")


class Adapter:
    """A LoRA adapter in its file, of which a matrix is read when its turn comes."""

    def __init__(self, path: Path) -> None:
        self.file = GgufFile(path)
        self.weights = {name.rpartition(".lora_")[0] for name in self.file.tensors}
        """The weights that it adds to."""
        self.alpha = float(self.file.told.get("adapter.lora.alpha", 0.0))

    def added(self, stream: IO[bytes], given: Floats, weight: str) -> Floats:
        """What it adds to `given` times the weight."""
        a = self.file.rows(stream, weight + ".lora_a")
        b = self.file.rows(stream, weight + ".lora_b")
        # The runtime's rule: without alpha the product counts in full.
        inner: Floats = given @ a.T
        inner *= np.float32(self.alpha / len(a) if self.alpha else 1.0)
        made: Floats = inner @ b.T
        return made


class Decoder:
    """The transformer of a GGUF file, with adapters by name.

    Raises ValueError for files that it cannot read as a plain Llama (other architectures, scaled
    rotary embeddings, number formats of K-quants): the runtime then has to make the pass.
    """

    def __init__(self, file: GgufFile, adapters: Mapping[str, Path]) -> None:
        self.file = file
        told = file.told
        if told.get("general.architecture") != "llama":
            raise ValueError(f"{told.get('general.architecture')} is not Llama")
        self.layers = int(told["llama.block_count"])
        self.heads = int(told["llama.attention.head_count"])
        self.shared = int(told.get("llama.attention.head_count_kv", self.heads))
        """Key and value heads, each of which serves heads // shared query heads."""
        self.least = np.float32(told.get("llama.attention.layer_norm_rms_epsilon", 1e-5))
        self.turns = float(told.get("llama.rope.freq_base", 10000.0))
        width = file.tensors["token_embd.weight"].shape[1]
        self.size = width // self.heads
        names = {f"blk.{i}.{n}.weight" for i in range(self.layers) for n in (*_LINEAR, *_NORMS)}
        names |= {"token_embd.weight", "output_norm.weight"}
        if file.tensors.keys() - names - {"output.weight"} or names - file.tensors.keys():
            raise ValueError("it has other tensors than a plain Llama")
        if any(not file.tensors[name].readable for name in names):
            raise ValueError("its number format is not read here")
        turned = int(told.get("llama.rope.dimension_count", self.size))
        if turned != self.size or told.get("llama.rope.scaling.type", "none") != "none":
            raise ValueError("its rotary embedding is not the plain one")
        self.adapters = {name: Adapter(path) for name, path in adapters.items()}
        linear = {f"blk.{i}.{n}.weight" for i in range(self.layers) for n in _LINEAR}
        if any(adapter.weights - linear for adapter in self.adapters.values()):
            raise ValueError("an adapter changes other layers than the linear ones")

    def states(
        self, groups: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]], voice: str = ""
    ) -> list[list[Floats]]:
        """For every (prompt, texts) the states that say what comes at each token of each text.

        A group gives one array (len(text), width) for each of its texts: row j is the state before
        token j, after the final norm. `voice` names an adapter; a name that is none is the base
        alone. Prompts and texts are token ids, none of them empty.
        """
        found: list[list[Floats]] = []
        for some in _passes(groups):
            found += self._pass(some, self.adapters.get(voice))
        return found

    def _pass(
        self,
        groups: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]],
        adapter: Adapter | None,
    ) -> list[list[Floats]]:
        tokens: list[int] = []
        places: list[int] = []
        spans: list[tuple[slice, list[slice]]] = []  # where prompts and their texts lie
        for prompt, texts in groups:
            start = len(tokens)
            tokens += prompt
            places += range(len(prompt))
            own = []
            for text in texts:
                own.append(slice(len(tokens), len(tokens) + len(text)))
                tokens += text
                places += range(len(prompt), len(prompt) + len(text))
            spans.append((slice(start, start + len(prompt)), own))
        with contextlib.ExitStack() as opened:
            stream = opened.enter_context(self.file.path.open("rb"))
            beside = opened.enter_context(adapter.file.path.open("rb")) if adapter else None
            state = self._through(stream, beside, tokens, places, spans, adapter)
        return [
            # The state after the prompt foretells each text's first token, that after its last
            # token what would come after the end: not asked for.
            [np.concatenate([state[head][-1:], state[own][:-1]]) for own in texts]
            for head, texts in spans
        ]

    def _through(
        self,
        stream: IO[bytes],
        beside: IO[bytes] | None,
        tokens: Sequence[int],
        places: Sequence[int],
        spans: Sequence[tuple[slice, list[slice]]],
        adapter: Adapter | None,
    ) -> Floats:
        rise = self.turns ** (-np.arange(0, self.size, 2) / self.size)
        angle = np.array(places)[:, None, None] * rise
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)

        def linear(given: Floats, name: str) -> Floats:
            made = given @ self.file.rows(stream, name).T
            if adapter is not None and beside is not None and name in adapter.weights:
                made += adapter.added(beside, given, name)
            return made

        def turned(given: Floats, heads: int) -> Floats:
            # GGUF stores the rows of q and k so that the two numbers turned together are neighbours.
            pairs = given.reshape(len(given), heads, self.size // 2, 2)
            one, two = pairs[..., 0], pairs[..., 1]
            return np.stack([one * cos - two * sin, one * sin + two * cos], -1).reshape(
                len(given), heads, self.size
            )

        state = np.stack(
            [self.file.rows(stream, "token_embd.weight", token, 1)[0] for token in tokens]
        )
        for i in range(self.layers):
            block = f"blk.{i}."
            given = self._even(state, self.file.rows(stream, block + "attn_norm.weight"))
            q = turned(linear(given, block + "attn_q.weight"), self.heads)
            k = turned(linear(given, block + "attn_k.weight"), self.shared)
            v = linear(given, block + "attn_v.weight").reshape(len(given), self.shared, self.size)
            seen = np.empty_like(given)
            for head, texts in spans:
                seen[head] = _attended(q[head], k[head], v[head])
                for own in texts:
                    keys = np.concatenate([k[head], k[own]])
                    seen[own] = _attended(q[own], keys, np.concatenate([v[head], v[own]]))
            state += linear(seen, block + "attn_output.weight")
            given = self._even(state, self.file.rows(stream, block + "ffn_norm.weight"))
            gate = linear(given, block + "ffn_gate.weight")
            gate /= 1 + np.exp(-gate)
            gate *= linear(given, block + "ffn_up.weight")
            state += linear(gate, block + "ffn_down.weight")
        return self._even(state, self.file.rows(stream, "output_norm.weight"))

    def _even(self, state: Floats, weight: Floats) -> Floats:
        """Root mean square norm."""
        power = np.einsum("ij,ij->i", state, state)[:, None] / np.float32(state.shape[1])
        made: Floats = state / np.sqrt(power + self.least) * weight
        return made


def _attended(q: Floats, k: Floats, v: Floats) -> Floats:
    """Attention of the last len(q) positions to all up to their own; (len(q), width)."""
    n, heads, size = q.shape
    all_, shared, _ = k.shape
    each = heads // shared
    wanted = q.reshape(n, shared, each, size).transpose(1, 2, 0, 3).reshape(shared, each * n, size)
    weight: Floats = (wanted @ k.transpose(1, 2, 0)).reshape(shared, each, n, all_)
    weight *= np.float32(size**-0.5)
    later = np.arange(all_) > np.arange(all_ - n, all_)[:, None]
    weight[:, :, later] = -np.inf
    weight -= weight.max(-1, keepdims=True)
    np.exp(weight, out=weight)
    weight /= weight.sum(-1, keepdims=True)
    made: Floats = weight.reshape(shared, each * n, all_) @ v.transpose(1, 0, 2)
    made = made.reshape(shared, each, n, size).transpose(2, 0, 1, 3)
    return made.reshape(n, heads * size)


def _passes(
    groups: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]],
) -> Iterator[list[tuple[Sequence[int], Sequence[Sequence[int]]]]]:
    """Groups put together up to TOKENS, in their order."""
    some: list[tuple[Sequence[int], Sequence[Sequence[int]]]] = []
    held = 0
    for group in groups:
        size = len(group[0]) + sum(map(len, group[1]))
        if some and held + size > TOKENS:
            yield some
            some, held = [], 0
        some.append(group)
        held += size
    if some:
        yield some
