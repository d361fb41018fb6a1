"""GGUF: the files in which the runtime keeps models and adapters, read without the runtime.

Numbers are unpacked to float32 piece by piece, so that a model never lies in memory whole. Knows the
container and its number formats; knows no layer, no token and no caption.
Format: github.com/ggml-org/ggml, docs/gguf.md.
"""

import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.errors import FeedsmithError

Floats = NDArray[np.float32]

_SCALAR = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_TEXT, _ARRAY = 8, 9
_F32, _F16, _Q4_0, _Q4_1, _Q8_0, _BF16 = 0, 1, 2, 3, 8, 30
_BLOCK = {
    _F32: (1, 4), _F16: (1, 2), _BF16: (1, 2), _Q4_0: (32, 18), _Q4_1: (32, 20), _Q8_0: (32, 34),
}  # fmt: skip
"""Tensor type: values and bytes in a block."""
_LAYOUT = {
    _Q4_0: np.dtype([("scale", "<f2"), ("at", "u1", (16,))]),
    _Q4_1: np.dtype([("scale", "<f2"), ("least", "<f2"), ("at", "u1", (16,))]),
    _Q8_0: np.dtype([("scale", "<f2"), ("at", "i1", (32,))]),
}


class Tensor(NamedTuple):
    """One matrix or vector of a file."""

    kind: int
    """GGUF tensor type."""
    shape: tuple[int, ...]
    """Rows first, as numpy has it; GGUF writes the width first."""
    offset: int
    """Bytes from the start of the file."""

    @property
    def readable(self) -> bool:
        return self.kind in _BLOCK and self.shape[-1] % _BLOCK[self.kind][0] == 0


class GgufFile:
    """An opened model or adapter: what it says of itself, and its tensors by name.

    Raises FeedsmithError where the file is not GGUF or cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: dict[str, Any] = {}
        """Numbers and texts; lists, such as the vocabulary, are passed over."""
        self.tensors: dict[str, Tensor] = {}
        try:
            with path.open("rb") as stream:
                self._scan(stream)
        except (OSError, struct.error, ValueError, UnicodeDecodeError, MemoryError) as error:
            raise FeedsmithError(
                f"{path}: not a GGUF model that can be read ({error})",
                mend="run `feedsmith models fetch` to bring the caption model again",
            ) from error

    def read(self, name: str) -> Floats:
        """A whole tensor; KeyError where there is none, ValueError for a format not in _BLOCK."""
        with self.path.open("rb") as stream:
            return self.rows(stream, name)

    def rows(
        self, stream: IO[bytes], name: str, first: int = 0, count: int | None = None
    ) -> Floats:
        """`count` rows of a tensor from row `first` on, out of the opened file."""
        tensor = self.tensors[name]
        if not tensor.readable:
            raise ValueError(f"{name} has the number format {tensor.kind}, which is not read here")
        *above, width = tensor.shape
        count = int(np.prod(above)) - first if count is None else count
        values, size = _BLOCK[tensor.kind]
        line = width // values * size
        stream.seek(tensor.offset + first * line)
        flat = _unpacked(stream.read(count * line), tensor.kind)
        return flat.reshape(count, width) if above else flat

    def _scan(self, stream: IO[bytes]) -> None:
        whole = self.path.stat().st_size
        if stream.read(4) != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        version, tensors, fields = _take(stream, "<IQQ")
        if version not in (2, 3) or tensors > 100_000 or fields > 100_000:
            raise ValueError(f"version {version} with {tensors} tensors")
        for _ in range(fields):
            key = _text(stream)
            value = _value(stream, _take(stream, "<I")[0])
            if value is not None:
                self.told[key] = value
        found: list[tuple[str, int, tuple[int, ...], int]] = []
        for _ in range(tensors):
            name = _text(stream)
            (dimensions,) = _take(stream, "<I")
            if not 1 <= dimensions <= 4:
                raise ValueError(f"{name} has {dimensions} dimensions")
            shape = _take(stream, f"<{dimensions}Q")
            kind, offset = _take(stream, "<IQ")
            found.append((name, kind, tuple(int(n) for n in reversed(shape)), int(offset)))
        step = int(self.told.get("general.alignment", 32)) or 32
        start = -(-stream.tell() // step) * step
        for name, kind, shape, offset in found:
            tensor = Tensor(kind, shape, start + offset)
            if tensor.readable:
                values, size = _BLOCK[kind]
                count = 1
                for n in shape:  # not in numpy: a wrong file may say 2^60
                    count *= n
                if tensor.offset + count // values * size > whole:
                    raise ValueError(f"{name} is cut short")
            self.tensors[name] = tensor


def _unpacked(raw: bytes, kind: int) -> Floats:
    if kind == _F32:
        return np.frombuffer(raw, "<f4").astype(np.float32, copy=False)
    if kind == _F16:
        return np.frombuffer(raw, "<f2").astype(np.float32)
    if kind == _BF16:
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    blocks = np.frombuffer(raw, _LAYOUT[kind])
    scale = blocks["scale"].astype(np.float32)[:, None]
    if kind == _Q8_0:
        return (blocks["at"].astype(np.float32) * scale).reshape(-1)
    flat = np.empty((len(blocks), 32), np.float32)
    np.bitwise_and(blocks["at"], 15, out=flat[:, :16], casting="unsafe")
    np.right_shift(blocks["at"], 4, out=flat[:, 16:], casting="unsafe")
    if kind == _Q4_0:
        flat -= 8
    flat *= scale
    if kind == _Q4_1:
        flat += blocks["least"].astype(np.float32)[:, None]
    return flat.reshape(-1)


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
