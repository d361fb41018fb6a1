"""The one place that opens ONNX networks: vendored weights, checked, one thread, closable.

Knows where the weights lie and how a session is set up; knows nothing of what networks mean.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from feedsmith.errors import MissingModel

WEIGHTS = Path(__file__).parent / "weights"


class Network:
    """An ONNX network under `weights/`; the session is opened at the first run.

    Raises MissingModel when the file is absent or is not the one that manifest.json names.
    """

    def __init__(self, name: str, folder: Path = WEIGHTS, inner: Sequence[str] = ()) -> None:
        """`inner` names tensors inside the network that `run` shall give as well."""
        self.path = folder / f"{name}.onnx"
        self._inner = tuple(inner)
        self._session: Any = None

    def run(self, outputs: list[str], **inputs: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """The named `outputs` as float32 arrays; one thread, the same bytes every time."""
        if self._session is None:
            self._session = _open(self.path, self._inner)
        found: list[NDArray[np.float32]] = self._session.run(outputs, inputs)
        return found

    def close(self) -> None:
        """Free the session's memory; the next run opens it again."""
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open(path: Path, inner: Sequence[str]) -> Any:
    try:
        data = path.read_bytes()
        pinned = json.loads((path.parent / "manifest.json").read_bytes())
    except (OSError, ValueError) as error:
        raise MissingModel(
            f"{path}: the network is missing", mend="install Feedsmith again"
        ) from error
    if hashlib.sha256(data).hexdigest() != pinned.get(path.name):
        raise MissingModel(
            f"{path}: the network is not the one this version was made with",
            mend="install Feedsmith again",
        )
    return session(data + b"".join(map(_output, inner)))


def session(data: bytes) -> Any:
    """An open session of a network given as ONNX bytes; raises onnxruntime's own errors."""
    import onnxruntime as ort  # 0.3 s to import: only when a network is really used

    ort.set_default_logger_severity(3)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # The arena never gives memory back; at one photo a call it saves nothing.
    options.enable_cpu_mem_arena = False
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _output(tensor: str) -> bytes:
    """What makes a tensor an output when it is appended to a model.

    Two protobuf messages in a row are read as one (protobuf.dev, "Encoding", on merging), so this is
    a ModelProto that only says graph (7) . output (12) . name (1). Names under 120 letters.
    """
    told = tensor.encode("ascii")
    for field in (1, 12, 7):
        assert len(told) < 128  # lengths of one byte
        told = bytes([field << 3 | 2, len(told)]) + told
    return told
