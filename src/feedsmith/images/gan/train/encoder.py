"""The offline encoder (EfficientNet-lite0) as a torch network that gradients go through.

Read from the ONNX file that comes with Feedsmith; frozen. Knows that file; knows no GAN.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from feedsmith.understanding.networks import WEIGHTS


class _Step(NamedTuple):
    kind: str
    """conv, clip or add."""
    inputs: tuple[str, ...]
    output: str
    stride: int = 1
    groups: int = 1
    pads: tuple[int, ...] = (0, 0, 0, 0)
    """Top, left, bottom, right, in pixels, at the size the network was made for."""


class Encoder(nn.Module):
    """Feature maps of pictures at strides 4, 8, 16 and 32.

    In: (N, 3, H, W) in -1..1, H and W multiples of 32. Out: four tensors (N, C, H/s, W/s) with the
    channels in `widths`.
    """

    def __init__(self, path: Path = WEIGHTS / "encoder.onnx") -> None:
        super().__init__()
        self._steps, weights, mean, scale = _read(path)
        for name, value in weights.items():
            self.register_buffer(name, value, persistent=False)
        # -1..1 to 0..255 and on to what the network was trained with, as one scale and shift.
        self.register_buffer("scale", torch.tensor(127.5 / scale), persistent=False)
        self.register_buffer("shift", torch.tensor((127.5 - mean) / scale), persistent=False)
        # The last map before each stride, and the last of all that is still a picture.
        strided = [i for i, step in enumerate(self._steps) if step.stride == 2]
        ends = [*strided[2:], len(self._steps) - 1]
        self._taps = []
        for end in ends:
            # Before a strided depthwise convolution its block widens by 1x1: the map is before that.
            at = end
            while self._steps[at].groups > 1 or self._steps[at].kind == "clip" or at == end:
                at -= 1
            step = self._steps[at]
            self._taps.append(step.inputs[0] if step.kind == "conv" else step.output)
        self.widths: tuple[int, ...] = tuple(
            int(one.shape[1]) for one in self(torch.zeros(1, 3, 32, 32))
        )
        self.requires_grad_(False)

    def forward(self, rgb: Tensor) -> Sequence[Tensor]:
        held = {"rgb": rgb * self.scale + self.shift}
        for step in self._steps:
            values = [held[name] for name in step.inputs]
            if step.kind == "conv":
                held[step.output] = self._conv(step, values[0])
            elif step.kind == "clip":
                held[step.output] = F.relu6(values[0])
            else:
                held[step.output] = values[0] + values[1]
            if step.output == self._taps[-1]:
                break
        return [held[name] for name in self._taps]

    def _conv(self, step: _Step, x: Tensor) -> Tensor:
        weight = getattr(self, f"{step.output}_w").to(x.dtype)
        bias = getattr(self, f"{step.output}_b").to(x.dtype)
        top, left, bottom, right = step.pads
        if (top, left) == (bottom, right):
            return F.conv2d(x, weight, bias, step.stride, (top, left), groups=step.groups)
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, weight, bias, step.stride, groups=step.groups)


def _read(path: Path) -> tuple[list[_Step], dict[str, Tensor], float, float]:
    """The convolutions of an ONNX file: steps, weights, mean and scale of its input."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    known: dict[str, Any] = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    alias = {graph.input[0].name: "rgb"}
    steps: list[_Step] = []
    weights: dict[str, Tensor] = {}
    mean, scale = 0.0, 1.0
    for node in graph.node:
        told = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        inputs, output = list(node.input), node.output[0]
        if all(name in known for name in inputs):  # stored small; made whole here
            values = [known[name].astype(np.float32) for name in inputs]
            known[output] = values[0] if node.op_type == "Cast" else values[0] * values[1]
            continue
        named = tuple(alias.get(name, name) for name in inputs if name not in known)
        if node.op_type in ("Cast", "Transpose", "Sub", "Div") and not steps:
            if node.op_type == "Sub":
                mean = float(known[inputs[1]].ravel()[0])
            if node.op_type == "Div":
                scale = float(known[inputs[1]].ravel()[0])
            alias[output] = "rgb"
        elif node.op_type == "Conv":
            weights[f"{output}_w"] = torch.from_numpy(known[inputs[1]].astype(np.float32))
            weights[f"{output}_b"] = torch.from_numpy(known[inputs[2]].astype(np.float32))
            side = known[inputs[1]].shape[-1]
            stride = next(iter(told.get("strides", (1, 1))))
            # SAME_UPPER: what is left over when maps of even size are halved goes below and right.
            before, over = divmod(side - stride, 2)
            pads = (before, before, before + over, before + over)
            steps.append(_Step("conv", named, output, stride, told.get("group", 1), pads))
        elif node.op_type == "Clip":
            steps.append(_Step("clip", named, output))
        elif node.op_type == "Add":
            steps.append(_Step("add", named, output))
        else:
            break  # pooling and what follows it
    return steps, weights, mean, scale
