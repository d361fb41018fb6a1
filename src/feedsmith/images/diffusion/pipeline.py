"""A text-to-image pipeline of diffusers: found, looked at before it is trusted, opened, drawn with.

Knows folders, weights and devices; knows no brand and no post.
"""

import contextlib
import hashlib
import inspect
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from feedsmith.colour import Bytes
from feedsmith.errors import FeedsmithError
from feedsmith.images.api import NoPicture
from feedsmith.images.diffusion.settings import Options
from feedsmith.images.invention import nearest_size
from feedsmith.rules import Format
from feedsmith.training import machine

LORA = "pytorch_lora_weights.safetensors"
"""diffusers' own name for the file of an adapter."""
UNIT = 8
"""Sides of a drawing are multiples of this, or of the pipeline's own unit where that is more."""
_HUB = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_PICKLES = ("*.bin", "*.ckpt", "*.pt", "*.pth")
_NAME_ONE = "name a folder that diffusers has saved (model_index.json, unet/, vae/ ...), or a model of the hub"
_SAMPLES, _SAMPLE = 64, 1 << 16
"""Places, and bytes at each, of a weights file that its digest is made of: reading 7 GB at every start
would take longer than a picture."""


def needs() -> Any:
    """torch, with all of the diffusion extra there; raises FeedsmithError when it is not."""
    # transformers says on loading, of every image processor, that torchvision is not there.
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch = machine.torch_of(
        "transformers", "diffusers", "accelerate", "peft", "safetensors",
        extra="diffusion", what="a diffusion model",
    )  # fmt: skip
    import diffusers

    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="diffusers")
    return torch


# ---- finding --------------------------------------------------------------------------------------


def found(name: str, *, fetch: bool = True) -> Path:
    """The folder of a pipeline: one here, or one of the model hub, fetched once where `fetch` allows.

    Raises FeedsmithError where there is none, and for one that is no text-to-image pipeline or not
    in safetensors.
    """
    if not name:
        raise FeedsmithError("diffusers needs a model", mend=f"add --model: {_NAME_ONE}")
    path = Path(name).expanduser()
    if path.is_file():
        raise FeedsmithError(
            f"{path}: is a file, and a pipeline is a folder",
            mend="convert it with diffusers: StableDiffusionPipeline.from_single_file(FILE)"
            ".save_pretrained(FOLDER)",
        )
    if not path.is_dir():
        if not _HUB.fullmatch(name):
            raise FeedsmithError(f"{name}: no such folder", mend=_NAME_ONE)
        path = _fetched(name, fetch)
    _check(path, name)
    return path


def _fetched(name: str, fetch: bool) -> Path:
    """A model of the hub in its own cache; the network is asked for what is not there alone."""
    from diffusers import DiffusionPipeline

    # A hub that cannot be reached is told once, in words, rather than at every retry.
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
    trouble: Exception | None = None
    for here in (True, False) if fetch else (True,):
        try:
            return Path(
                DiffusionPipeline.download(name, use_safetensors=True, local_files_only=here)
            )
        except (
            OSError,
            ValueError,
            RuntimeError,
        ) as error:  # httpx's errors are RuntimeErrors or OSErrors
            trouble = error
        except Exception as error:  # noqa: BLE001 - the hub's client has errors of many families
            trouble = error
    assert trouble is not None
    if not fetch:
        raise FeedsmithError(
            f"{name}: no such folder here, and not fetched from the model hub yet",
            mend="the first feedsmith generate with it fetches it: gigabytes",
        ) from trouble
    raise FeedsmithError(
        f"{name}: no such folder here, and the model hub does not give it ({_short(trouble)})",
        mend=f"{_NAME_ONE}; fetching one needs the network once",
    ) from trouble


def _check(folder: Path, name: str) -> None:
    """Raises FeedsmithError unless the folder holds a text-to-image pipeline in safetensors."""
    try:
        told = json.loads((folder / "model_index.json").read_text("utf-8"))
    except OSError:
        what = "one part of a pipeline" if (folder / "config.json").is_file() else "no pipeline"
        raise FeedsmithError(
            f"{name}: this folder holds {what} (model_index.json is missing)", mend=_NAME_ONE
        ) from None
    except ValueError:
        told = None
    kind = told.get("_class_name") if isinstance(told, dict) else None
    if not isinstance(kind, str):
        raise FeedsmithError(f"{name}: model_index.json cannot be read", mend="fetch it again")
    if kind not in _text_to_image():
        raise FeedsmithError(
            f"{name}: a pipeline of another kind ({kind}), not one that draws pictures from words",
            mend="name a text-to-image model, e.g. a Stable Diffusion",
        )
    if (code := next(folder.rglob("*.py"), None)) is not None:
        raise FeedsmithError(
            f"{name}: brings code of its own ({code.relative_to(folder)}), which is not run",
            mend="name a model that is made of weights and settings alone",
        )
    for part in sorted(folder.iterdir()):
        if not part.is_dir() or next(part.glob("*.safetensors"), None) is not None:
            continue
        pickle = next((file for mask in _PICKLES for file in sorted(part.glob(mask))), None)
        if pickle is not None:
            raise FeedsmithError(
                f"{name}: {part.name}/{pickle.name} is a pickle, which runs code when it is read; only "
                "safetensors are opened",
                mend="take a copy of the model in safetensors, or convert it on a machine that you "
                "can lose: save_pretrained(FOLDER, safe_serialization=True)",
            )


def _text_to_image() -> frozenset[str]:
    from diffusers.pipelines import auto_pipeline as auto

    maps = (auto.AUTO_TEXT2IMAGE_PIPELINES_MAPPING, auto.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING)
    return frozenset(kind.__name__ for kinds in maps for kind in kinds.values())


def adapter(name: str) -> Path:
    """The file of an adapter: itself, or the one in a folder. Raises FeedsmithError."""
    path = Path(name).expanduser()
    if path.is_dir():
        inside = sorted(path.glob("*.safetensors"))
        named = path / LORA
        if named in inside or len(inside) == 1:
            return named if named in inside else inside[0]
        raise FeedsmithError(
            f"{path}: no adapter in this folder"
            if not inside
            else f"{path}: {len(inside)} adapters in this folder",
            mend=f"name the file itself, or a folder with {LORA}",
        )
    if not path.is_file():
        raise FeedsmithError(
            f"{path}: no such adapter",
            mend="name a .safetensors file, or the folder that feedsmith train images --recipe lora "
            "has written",
        )
    if path.suffix != ".safetensors":
        raise FeedsmithError(
            f"{path}: only safetensors are opened; other files run code when they are read",
            mend="take the adapter as .safetensors",
        )
    return path


def digest(*places: Path) -> str:
    """12 hex digits over what decides the pictures: settings files whole, weights in samples."""
    found = hashlib.sha256()
    for place in places:
        files = [place] if place.is_file() else sorted(f for f in place.rglob("*") if f.is_file())
        for file in files:
            if file.suffix not in (".json", ".txt", ".model", ".safetensors"):
                continue
            size = file.stat().st_size
            name = file.name if place.is_file() else file.relative_to(place).as_posix()
            found.update(f"{name} {size}\n".encode())
            with file.open("rb") as stream:
                if size <= _SAMPLES * _SAMPLE:
                    found.update(stream.read())
                    continue
                for turn in range(_SAMPLES):
                    stream.seek(turn * (size - _SAMPLE) // (_SAMPLES - 1))
                    found.update(stream.read(_SAMPLE))
    return found.hexdigest()[:12]


# ---- opening and drawing --------------------------------------------------------------------------


class Pipeline:
    """An open pipeline. Raises NoPicture, lasting, for what cannot be opened."""

    def __init__(self, folder: Path, lora: Path | None, options: Options, name: str) -> None:
        self.torch = torch = needs()
        self.name, self.options = name, options
        self.device = _device(options.device, torch)
        self.dtype = _dtype(options.dtype, self.device, torch)
        import diffusers

        kind = (
            diffusers.AutoPipelineForImage2Image
            if options.strength
            else diffusers.AutoPipelineForText2Image
        )
        with self._in_words(f"{name} cannot be opened", "fetch or convert the model again"):
            self.pipe = kind.from_pretrained(
                str(folder),
                torch_dtype=getattr(torch, self.dtype),
                use_safetensors=True,
                variant=_variant(folder),
                low_cpu_mem_usage=True,
                local_files_only=True,
            )
            self.pipe.set_progress_bar_config(disable=True)
            if lora is not None:
                self._adapt(lora)
            self._spare()
        self._takes = set(_parameters(self.pipe))

    def _adapt(self, lora: Path) -> None:
        """Put an adapter beside the weights. Raises FeedsmithError for one of another model."""
        from safetensors import SafetensorError

        mend = "use an adapter that was trained for this model"
        try:
            self.pipe.load_lora_weights(
                str(lora.parent), weight_name=lora.name, adapter_name="brand", use_safetensors=True
            )
        except AttributeError as error:
            raise FeedsmithError(
                f"{self.name}: {type(self.pipe).__name__} takes no adapters",
                mend="leave --lora away",
            ) from error
        except (RuntimeError, ValueError, KeyError, IndexError, OSError, SafetensorError) as error:
            if isinstance(error, SafetensorError):
                raise FeedsmithError(
                    f"{lora}: damaged, or no safetensors at all", mend="take it again"
                ) from error
            raise FeedsmithError(
                f"{lora}: does not fit {self.name} ({_short(error)})", mend=mend
            ) from error
        if not any("brand" in names for names in self.pipe.get_list_adapters().values()):
            raise FeedsmithError(f"{lora}: fits no part of {self.name}", mend=mend)
        self.pipe.set_adapters(["brand"], [self.options.lora_weight])

    def _spare(self) -> None:
        """Take less memory, at no or little price in time."""
        vae = getattr(self.pipe, "vae", None)
        for spare in ("enable_slicing", "enable_tiling"):
            if hasattr(vae, spare):
                getattr(vae, spare)()
        if self.options.sliced_attention and hasattr(self.pipe, "enable_attention_slicing"):
            self.pipe.enable_attention_slicing()
        offload = self.options.offload
        if offload == "auto":
            offload = "model" if self.device == "cuda" else "none"
        if self.device == "cpu" or offload == "none":
            self.pipe.to(self.device)
        elif offload == "model":
            self.pipe.enable_model_cpu_offload(device=self.device)
        else:
            self.pipe.enable_sequential_cpu_offload(device=self.device)

    @property
    def native(self) -> int:
        """Side in px of the square that it was made for."""
        body = getattr(self.pipe, "unet", None) or getattr(self.pipe, "transformer", None)
        side = getattr(self.pipe, "default_sample_size", None) or getattr(
            getattr(body, "config", None), "sample_size", None
        )
        side = max(side) if isinstance(side, list | tuple) else side
        return int(side or 64) * self._scale

    @property
    def _scale(self) -> int:
        return int(getattr(self.pipe, "vae_scale_factor", None) or 8)

    def size(self, wanted: Format) -> tuple[int, int]:
        """(width, height) of a drawing for a format."""
        unit = max(UNIT, self._scale)
        if getattr(self.pipe, "transformer", None) is not None:
            unit *= 2  # transformers take their latents two by two
        return nearest_size(wanted, self.options.size or self.native, unit)

    def draw(
        self,
        prompt: str,
        negative: str,
        size: tuple[int, int],
        seed: int,
        start: Bytes | None = None,
    ) -> Bytes:
        """A drawing, uint8 (height, width, 3); the same bytes for the same arguments on one machine.

        `start`: the photo that it begins at, for options.strength above 0. Raises NoPicture.
        """
        options, torch = self.options, self.torch
        width, height = size
        asked: dict[str, Any] = {
            "prompt": prompt,
            "negative_prompt": negative,
            "width": width,
            "height": height,
            "num_inference_steps": options.steps,
            # Noise is drawn on the processor, so that a card gives the same picture.
            "generator": torch.Generator("cpu").manual_seed(seed % 2**63),
            "output_type": "np",
        }
        if options.guidance >= 0:
            asked["guidance_scale"] = options.guidance
        if options.strength and start is not None:
            # A sampler needs one step at least.
            asked["strength"] = max(options.strength, 1 / options.steps)
            asked["image"] = Image.fromarray(start).resize(size, Image.Resampling.LANCZOS)
        asked = {name: value for name, value in asked.items() if name in self._takes}
        smaller = f"set size below {max(size)} under [images.options], or use a smaller model"
        with self._in_words(f"{self.name} failed while it drew", smaller), torch.inference_mode():
            drawn = self.pipe(**asked).images[0]
        return np.asarray(np.rint(np.clip(np.nan_to_num(drawn), 0, 1) * 255), np.uint8)

    @contextlib.contextmanager
    def _in_words(self, what: str, mend: str) -> Iterator[None]:
        """Turn what torch and diffusers raise into one NoPicture, which lasts."""
        try:
            yield
        except FeedsmithError as error:
            raise NoPicture(error.message, error.mend, lasting=True) from error
        except Exception as error:  # the stack below has errors of a dozen families
            said = str(error).lower()
            if (
                isinstance(error, MemoryError)
                or "out of memory" in said
                or "can't allocate" in said
            ):
                where = "the card's memory" if self.device == "cuda" else "the memory"
                more = ', or offload = "sequential"' if self.device == "cuda" else ""
                raise NoPicture(
                    f"{where} is not enough for {self.name}",
                    "set size under [images.options] lower, or use a smaller model" + more,
                    lasting=True,
                ) from error
            raise NoPicture(f"{what}: {_short(error)}", mend, lasting=True) from error


def _variant(folder: Path) -> str | None:
    """fp16 where the weights are there in that variant alone."""
    for part in ("unet", "transformer"):
        names = [file.name for file in (folder / part).glob("*.safetensors")]
        if names and all(".fp16." in name or ".fp16-" in name for name in names):
            return "fp16"
    return None


def _device(wanted: str, torch: Any) -> str:
    if wanted == "mps":
        if not torch.backends.mps.is_available():
            raise FeedsmithError("there is no Apple graphics chip here", mend="leave device away")
        return wanted
    return machine.device_of(wanted, torch)


def _dtype(wanted: str, device: str, torch: Any) -> str:
    """Number format for `wanted`, which may be auto: half precision where the device computes in it."""
    if wanted == "auto" and device in ("cuda", "mps"):
        return "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float16"
    return machine.dtype_of(wanted, device, torch)


def _parameters(pipe: Any) -> list[str]:
    return list(inspect.signature(pipe.__call__).parameters)


def _short(error: BaseException) -> str:
    """What an error says, in one short line."""
    cause: BaseException = error
    while cause.__cause__ is not None and not isinstance(cause.__cause__, FeedsmithError):
        cause = cause.__cause__
    text = " ".join("".join(c if c.isprintable() else " " for c in str(cause)).split())
    text = text or type(cause).__name__
    return text if len(text) <= 160 else text[:159] + "…"
