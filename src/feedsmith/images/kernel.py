"""The compiled inner loops of picture synthesis, and the memory they work in.

`patchmatch.wasm` is a few kilobytes of portable machine code (built from tools/kernel/kernel.c)
run by wasmtime: no compiler at the user's, the same bytes out on every processor. A `Kernel` is
one instance with its own memory; WebAssembly memory grows and never shrinks, so take one for each
picture size and close it. Knows blocks of numbers; nothing of schedules or photographs.
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from wasmtime import Config, Engine, Instance, Module, Store

PATCH = 7
"""Side of a patch in pixels."""

PAGE = 65536
SLACK = 64  # the kernels read up to 32 bytes past a picture's end


@cache
def _module(package: str, name: str) -> tuple[Engine, Module]:
    """Compiled once a process, about 0.1 s."""
    config = Config()
    config.parallel_compilation = False
    engine = Engine(config)
    code = files(package).joinpath(name).read_bytes()
    return engine, Module(engine, code)


@dataclass(frozen=True, slots=True)
class Block:
    """A place in a kernel's memory: byte offset, shape and element type."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Planes:
    """`count` float planes of (height, width), each with the rim the solver needs."""

    offset: int
    count: int
    height: int
    width: int
    stride: int

    @property
    def size(self) -> int:
        """Floats from one plane to the next."""
        return (self.height + 2) * self.stride

    def first(self, plane: int = 0) -> int:
        """Byte offset of the pixel (0, 0)."""
        return self.offset + 4 * (plane * self.size + self.stride + 4)


class Kernel:
    """One instance of the compiled kernels. Use as a context manager; blocks die with it.

    `package` and `name` say which compiled file: the picture synthesis unless told otherwise.
    """

    def __init__(self, package: str = "feedsmith.images", name: str = "patchmatch.wasm") -> None:
        engine, module = _module(package, name)
        self._store = Store(engine)
        exports = Instance(self._store, module, []).exports(self._store)
        self._memory: Any = exports["memory"]
        self._functions: dict[str, Any] = {
            item.name: exports[item.name] for item in module.exports if item.name != "memory"
        }
        heap: Any = exports["__heap_base"]
        self._free = -(-int(heap.value(self._store)) // 16) * 16

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back. Views taken from this kernel must not be used after."""
        self._functions.clear()
        self._store.close()

    def _take(self, nbytes: int) -> int:
        offset = self._free
        self._free = -(-(offset + nbytes + SLACK) // 16) * 16
        short = self._free - int(self._memory.data_len(self._store))
        if short > 0:
            self._memory.grow(self._store, -(-short // PAGE))
        return offset

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Block:
        """Room for an array; zero, as all fresh memory."""
        kind = np.dtype(dtype)
        return Block(self._take(int(np.prod(shape)) * kind.itemsize), shape, kind)

    def put(self, array: NDArray[Any]) -> Block:
        """A copy of `array` in the kernel's memory."""
        block = self.empty(array.shape, array.dtype)
        self.view(block)[...] = array
        return block

    def planes(self, count: int, height: int, width: int) -> Planes:
        """Zeroed float planes with rims."""
        stride = int(self.call("row_stride", width))
        offset = self._take(4 * count * (height + 2) * stride)
        return Planes(offset, count, height, width, stride)

    def view(self, block: Block) -> NDArray[Any]:
        """The block itself as an array: valid until the next `put`, `empty`, `planes` or `close`."""
        base = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        raw = (ctypes.c_ubyte * block.nbytes).from_address(base + block.offset)
        flat: NDArray[Any] = np.frombuffer(memoryview(raw), block.dtype)
        return flat.reshape(block.shape)

    def get(self, block: Block) -> NDArray[Any]:
        """A copy of the block that outlives the kernel."""
        return self.view(block).copy()

    def call(self, name: str, *values: "float | Block | None") -> Any:
        """Run an exported function; a block passes as its offset, None as a null pointer."""
        plain = [0 if v is None else v.offset if isinstance(v, Block) else v for v in values]
        return self._functions[name](self._store, *plain)
