"""What a diffusion model costs on this machine: seconds a step and peak memory, by settings.

    python bench/diffusion.py [--steps 2] [--width 320] [--folder MODEL]

Without a folder, a Stable Diffusion of version 1.5's shape with random weights is made (2.1 GB, in a
temporary folder): what it draws is noise, what it costs is the same. A smaller --width makes it
narrower; its attention still sees as many places. Every setting runs in a process of
its own, so that its peak is its own. Needs the diffusion extra.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

SETTINGS: dict[str, dict[str, object]] = {
    "as it comes": {},
    "sliced attention": {"sliced_attention": True},
    "float32": {"dtype": "float32"},
    "as it comes, VAE in one piece": {"whole": True},
}


def make(folder: Path, width: int) -> None:
    """Stable Diffusion 1.5's shape for a width of 320, random weights, bfloat16."""
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    from small_pipelines import tokeniser

    torch.set_default_dtype(torch.bfloat16)
    words = tokeniser(folder.parent / "words")
    vae = AutoencoderKL(
        block_out_channels=tuple(max(1, round(width * n / 10240)) * 32 for n in (128, 256, 512, 512)),
        layers_per_block=2, latent_channels=4,
        sample_size=512, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
            num_attention_heads=12, bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id, pad_token_id=words.eos_token_id,
        )
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=64, cross_attention_dim=768, attention_head_dim=8,
        block_out_channels=(width, 2 * width, 4 * width, 4 * width),
    )  # fmt: skip
    StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=words, unet=unet, safety_checker=None,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False, set_alpha_to_one=False),
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder, safe_serialization=True)  # fmt: skip


def measure(folder: Path, steps: int, options: dict[str, object]) -> dict[str, object]:
    from feedsmith.images.diffusion.pipeline import Pipeline
    from feedsmith.images.diffusion.settings import Options
    from feedsmith.rules import FORMATS

    whole = options.pop("whole", False)
    begun = time.monotonic()
    there = Pipeline(folder, None, Options.model_validate({**options, "steps": steps}), "bench")
    opened = time.monotonic() - begun
    if whole:
        there.pipe.vae.disable_tiling()
        there.pipe.vae.disable_slicing()
    size = there.size(FORMATS["portrait"])
    begun, ends = time.monotonic(), []
    step = there.pipe.unet.register_forward_hook(lambda *_: ends.append(time.monotonic()))
    there.draw("a lake in autumn", "text", size, 1)
    step.remove()
    took = time.monotonic() - begun
    return {
        "size": size,
        "opening_s": round(opened, 1),
        "step_s": round((ends[-1] - begun) / len(ends), 1),
        "decoding_s": round(took - (ends[-1] - begun), 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        "dtype": there.dtype,
        "device": there.device,
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--steps", type=int, default=2)
    asked.add_argument("--width", type=int, default=320, help="a multiple of 64; 320 is 1.5's own")
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--one", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.one:
        print(json.dumps(measure(given.folder, given.steps, json.loads(given.one))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder
        if folder is None:
            folder = Path(scratch) / "shape-of-1.5"
            make(folder, given.width)
        for name, options in SETTINGS.items():
            words = [
                "--steps",
                str(given.steps),
                "--folder",
                str(folder),
                "--one",
                json.dumps(options),
            ]
            done = subprocess.run(
                [sys.executable, __file__, *words], capture_output=True, text=True, check=False
            )
            lines = done.stdout.splitlines()
            print(f"{name:32} {lines[-1] if lines else done.stderr[-300:]}", flush=True)


if __name__ == "__main__":
    main()
