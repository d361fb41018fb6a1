"""A real if tiny generator: principal components of a few photos, exported as a trained one is.

z is Gaussian in the space of the components, so what comes out is a blend of the photos: blurred, but
pictures. Light tests need no torch for it.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from feedsmith.colour import Bytes


def squares(photos: Sequence[Bytes], size: int) -> list[Bytes]:
    """The middle square of each photo at `size` px."""
    out = []
    for rgb in photos:
        side = min(rgb.shape[:2])
        y, x = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
        part = Image.fromarray(np.ascontiguousarray(rgb[y : y + side, x : x + side]))
        out.append(np.asarray(part.resize((size, size), Image.Resampling.BOX)))
    return out


def export(
    folder: Path, photos: Sequence[Bytes], size: int, z_dim: int, *, spread: float = 1.0
) -> Path:
    """generator.onnx, generator.safetensors (empty) and card.json in `folder`."""
    flat = np.stack([s.astype(np.float32) for s in squares(photos, size)])
    flat = (flat / 127.5 - 1).transpose(0, 3, 1, 2).reshape(len(flat), -1)
    mean = flat.mean(0)
    _, scale, basis = np.linalg.svd(flat - mean, full_matrices=False)
    deep = min(z_dim, len(scale))
    weight = np.zeros((z_dim, flat.shape[1]), np.float32)
    weight[:deep] = basis[:deep] * (scale[:deep, None] / np.sqrt(len(flat)) * spread)
    write(folder, network(weight, mean, size), size, z_dim, len(photos))
    return folder


def network(weight: Any, mean: Any, size: int, *, names: tuple[str, str] = ("z", "rgb")) -> bytes:
    """clip(z W + b) as ONNX bytes; N is open."""
    from onnx import TensorProto, checker, helper, numpy_helper

    z, rgb = names
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", [z, "w", "b"], ["flat"]),
            helper.make_node("Clip", ["flat", "low", "high"], ["within"]),
            helper.make_node("Reshape", ["within", "shape"], [rgb]),
        ],
        "generator",
        [helper.make_tensor_value_info(z, floats, ["N", weight.shape[0]])],
        [helper.make_tensor_value_info(rgb, floats, ["N", 3, size, size])],
        [
            numpy_helper.from_array(np.asarray(weight, np.float32), "w"),
            numpy_helper.from_array(np.asarray(mean, np.float32), "b"),
            numpy_helper.from_array(np.float32(-1), "low"),
            numpy_helper.from_array(np.float32(1), "high"),
            numpy_helper.from_array(np.array([-1, 3, size, size], np.int64), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    checker.check_model(model)
    return bytes(model.SerializeToString())


def write(folder: Path, onnx: bytes, size: int, z_dim: int, photos: int = 0) -> None:
    """The three files of an exported generator."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"generator.onnx": onnx, "generator.safetensors": b""}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    card = {
        "what": "image generator",
        "recipe": "principal components",
        "size": size,
        "z_dim": z_dim,
        "data": {"sha256": "0" * 64, "photos": photos},
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for name, data in files.items()
        },
    }
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
