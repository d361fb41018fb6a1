"""The trained generator as files that need no torch: ONNX, safetensors beside it, a card.

    generator.onnx         z float32 (N, latent) -> rgb float32 (N, 3, S, S) in -1..1; weights float16
    generator.safetensors  the same weights, to go on from
    card.json              what it is, from what, how well
    sheet.jpg              48 unpicked pictures

Knows generators and runs; knows no brand.
"""

import contextlib
import io
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import feedsmith
from feedsmith import models
from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes, write_json, writing
from feedsmith.images.gan.train import grid
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.pair import Pair
from feedsmith.images.gan.train.pictures import as_rgb
from feedsmith.images.gan.train.progressive import Generator as Growing
from feedsmith.images.gan.train.run import Result
from feedsmith.training.run import write_tensors

TOLERANCE = 0.01
"""Most that the exported pictures may differ in the mean (of 2; one grey level is .008), half
precision of the weights included; beyond it the export is refused."""


class Whole(nn.Module):
    """A generator as one function of z, in float32."""

    def __init__(self, generator: nn.Module, level: int) -> None:
        super().__init__()
        self.generator, self.level = generator, level

    def forward(self, z: Tensor) -> Tensor:
        rgb = self.generator(z, self.level) if self.level >= 0 else self.generator(z)
        return rgb.clamp(-1, 1)


def write(
    folder: Path, pair: Pair, config: Config, data: DataSet, result: Result, looked: Tensor
) -> None:
    """Write the averaged generator of `pair` into `folder`.

    Raises FeedsmithError when the disk is full, or the exported file does not give the same
    pictures.
    """
    level = len(pair.average.to_rgb) - 1 if isinstance(pair.average, Growing) else -1
    whole = Whole(pair.average, level).cpu().float().eval()
    data_of_it = onnx_of(whole, pair.latent)
    _same(data_of_it, whole, looked[:4])
    write_bytes(folder / "generator.onnx", data_of_it)
    weights = {k: v.half().contiguous() for k, v in pair.average.state_dict().items()}
    write_tensors(folder / "generator.safetensors", weights, {"config": config.model_dump()})
    with torch.no_grad():
        rgb = np.concatenate([as_rgb(whole(part)) for part in looked.split(16)])
    with writing(folder / "sheet.jpg") as stream:
        grid.of(rgb).save(stream, "JPEG", quality=92, subsampling=0)
    names = ("generator.onnx", "generator.safetensors")
    files = {
        name: {"sha256": models.hash_of(folder / name), "size": (folder / name).stat().st_size}
        for name in names
    }
    card(folder, config, data, result, files, pair.latent)


def card(
    folder: Path, config: Config, data: DataSet, result: Result,
    files: Mapping[str, Any], latent: int,
) -> None:  # fmt: skip
    """Write card.json: last of all, so that its presence says that the training is done."""
    write_json(
        folder / "card.json",
        {
            "what": "image generator",
            "recipe": config.recipe,
            "size": config.size,
            "z_dim": latent,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": dict(files),
            "data": {
                "file": data.path.name,
                "sha256": data.sha256,
                "photos": len(data.train),
                "held_out": len(data.held),
                "ids": [data.ids[i] for i in data.train],
            },
            "settings": config.model_dump(),
            "result": result.model_dump(),
            "versions": {"feedsmith": feedsmith.__version__, "torch": torch.__version__},
            "licence": "as the photos it was trained on are yours to use",
        },
    )


def onnx_of(whole: nn.Module, latent: int) -> bytes:
    """An ONNX file of a function of z (N, latent), N free; large weights stored as float16.

    Weights keep their names, with `_half` behind where they are float16, and are stored as they are
    trained: `weights_of` reads them back. What can be folded is folded when the file is opened.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    out = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        # The exporter without Dynamo: the other one needs packages that nothing else here does.
        torch.onnx.export(
            whole, (torch.zeros(2, latent),), out, input_names=["z"], output_names=["rgb"],
            dynamic_axes={"z": {0: "n"}, "rgb": {0: "n"}}, opset_version=17, dynamo=False,
            do_constant_folding=False,
        )  # fmt: skip
    model = onnx.load_from_string(out.getvalue())
    casts = []
    for weight in model.graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype == np.float32 and array.size > 256:
            name = weight.name
            small = numpy_helper.from_array(array.astype(np.float16), f"{name}_half")
            weight.CopyFrom(small)
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def weights_of(path: Path) -> dict[str, Tensor]:
    """Name -> weights of the network in an ONNX file that `onnx_of` made. Raises FeedsmithError where
    it is none."""
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        stored = onnx.load(path).graph.initializer
    except (OSError, DecodeError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read as weights", mend="install Feedsmith again"
        ) from error
    found = {
        weight.name.removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(weight).copy())
        for weight in stored
    }
    inner = "generator."
    return {k.removeprefix(inner): v for k, v in found.items() if k.startswith(inner)}


def _same(data: bytes, whole: nn.Module, z: Tensor) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (rgb,) = session.run(["rgb"], {"z": z.numpy()})
    with torch.no_grad():
        off = float((torch.from_numpy(rgb) - whole(z)).abs().mean())
    if not off <= TOLERANCE:
        raise FeedsmithError(
            f"the exported generator's pictures differ from the trained one's by {off:.3f} of 2",
            mend="train with --dtype float32, or export from another snapshot",
        )
