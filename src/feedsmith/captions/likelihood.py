"""Log-likelihoods of tokens from a language model's last hidden states.

The runtime says how likely a token was only when it samples it. But it also gives the hidden state
at every position of a text in one pass, and what is left from there is one matrix: the output
layer, which lies in the GGUF file and is read here piece by piece (30 MB never enter memory whole).
So a caption of 40 tokens costs one pass instead of 40 steps.

Knows the GGUF container and the output layer; knows no runtime, no prompt and no caption.
Format: github.com/ggml-org/ggml, docs/gguf.md.
"""

import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.errors import FeedsmithError

ROWS = 1024
"""Rows of the output layer in memory at once: 1024 x 576 floats are 2.4 MB."""

_PLAIN = ("llama", "gpt2", "qwen2", "qwen3", "smollm3")
"""Architectures whose logits are the hidden state times the output layer, and nothing else."""
_SCALAR = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_TEXT, _ARRAY = 8, 9
_F32, _F16, _Q8_0, _BF16 = 0, 1, 8, 30
_BLOCK = {_F32: (1, 4), _F16: (1, 2), _BF16: (1, 2), _Q8_0: (32, 34)}
"""Tensor type: values and bytes in a block."""


class OutputLayer(NamedTuple):
    """Where the output layer lies in a GGUF file; it is read when it is used."""

    path: Path
    offset: int
    """Bytes from the start of the file."""
    kind: int
    """GGUF tensor type."""
    width: int
    """Size of a hidden state."""
    tokens: int
    """Size of the vocabulary."""

    def log_likelihood(
        self, hidden: NDArray[np.float32], wanted: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Natural log-probability of token `wanted[i]` after hidden state `hidden[i]`.

        `hidden` is (n, width) after the final norm, `wanted` (n,) in 0..tokens-1; returns (n,).
        """
        peak = np.full(len(hidden), -np.inf, np.float32)
        mass = np.zeros(len(hidden), np.float32)
        hit = np.zeros(len(hidden), np.float32)
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for first in range(0, self.tokens, ROWS):
                rows = self._read(stream, min(ROWS, self.tokens - first))
                logits = hidden @ rows.T
                mine = (wanted >= first) & (wanted < first + len(rows))
                hit[mine] = logits[mine, wanted[mine] - first]
                top = np.maximum(peak, logits.max(axis=1))
                mass = mass * np.exp(peak - top) + np.exp(logits - top[:, None]).sum(axis=1)
                peak = top
        return hit - peak - np.log(mass)

    def _read(self, stream: IO[bytes], rows: int) -> NDArray[np.float32]:
        values, size = _BLOCK[self.kind]
        raw = stream.read(rows * self.width // values * size)
        if self.kind == _F32:
            flat = np.frombuffer(raw, "<f4")
        elif self.kind == _F16:
            flat = np.frombuffer(raw, "<f2").astype(np.float32)
        elif self.kind == _BF16:
            flat = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            blocks = np.frombuffer(raw, np.dtype([("scale", "<f2"), ("at", "i1", (32,))]))
            scale = blocks["scale"].astype(np.float32)[:, None]
            flat = (blocks["at"].astype(np.float32) * scale).reshape(-1)
        return flat.reshape(rows, self.width)


def output_layer(path: Path) -> OutputLayer:
    """Find the output layer (or the token embeddings, where they are tied) in a GGUF file.

    Raises FeedsmithError where the file is not GGUF, or its model or number format is one that
    this module does not read.
    """
    try:
        with path.open("rb") as stream:
            return _scan(path, stream)
    except (OSError, struct.error, ValueError, UnicodeDecodeError, MemoryError) as error:
        raise FeedsmithError(
            f"{path}: not a GGUF model that can be read ({error})",
            mend="run `feedsmith models fetch` to bring the caption model again",
        ) from error


def _scan(path: Path, stream: IO[bytes]) -> OutputLayer:
    whole = path.stat().st_size
    if stream.read(4) != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    version, tensors, fields = _take(stream, "<IQQ")
    if version not in (2, 3) or tensors > 100_000 or fields > 100_000:
        raise ValueError(f"version {version} with {tensors} tensors")
    told: dict[str, Any] = {}
    for _ in range(fields):
        key = _text(stream)
        value = _value(stream, _take(stream, "<I")[0])
        if key in ("general.architecture", "general.alignment"):
            told[key] = value
    found: dict[str, tuple[list[int], int, int]] = {}
    for _ in range(tensors):
        name = _text(stream)
        (dimensions,) = _take(stream, "<I")
        if dimensions > 4:
            raise ValueError(f"{name} has {dimensions} dimensions")
        shape = list(_take(stream, f"<{dimensions}Q"))
        kind, offset = _take(stream, "<IQ")
        if name in ("output.weight", "token_embd.weight"):
            found[name] = shape, kind, offset
    step = int(told.get("general.alignment", 32)) or 32
    start = -(-stream.tell() // step) * step
    if told.get("general.architecture") not in _PLAIN:
        raise ValueError(
            f"captions cannot be scored with {told.get('general.architecture')} models"
        )
    tied = found.get("output.weight") or found.get("token_embd.weight")
    if tied is None or len(tied[0]) != 2:
        raise ValueError("it has no output layer")
    (width, tokens), kind, offset = tied
    if kind not in _BLOCK:
        raise ValueError(f"captions cannot be scored with an output layer of type {kind}")
    values, size = _BLOCK[kind]
    if width % values or start + offset + tokens * width // values * size > whole:
        raise ValueError("its output layer is cut short")
    return OutputLayer(path, start + offset, kind, width, tokens)


def _take(stream: IO[bytes], form: str) -> tuple[Any, ...]:
    return struct.unpack(form, stream.read(struct.calcsize(form)))


def _text(stream: IO[bytes]) -> str:
    (length,) = _take(stream, "<Q")
    if length > 1 << 24:
        raise ValueError(f"a text of {length} bytes")
    return stream.read(length).decode("utf-8", "replace")


def _value(stream: IO[bytes], kind: int, depth: int = 0) -> Any:
    if kind in _SCALAR:
        return _take(stream, "<" + _SCALAR[kind])[0]
    if kind == _TEXT:
        return _text(stream)
    if kind != _ARRAY or depth > 2:
        raise ValueError(f"a value of type {kind}")
    inner, count = _take(stream, "<IQ")
    if count > 1 << 24:
        raise ValueError(f"a list of {count} values")
    if inner in _SCALAR:
        stream.seek(count * struct.calcsize("<" + _SCALAR[inner]), 1)
    else:
        for _ in range(count):
            _value(stream, inner, depth + 1)
    return None
