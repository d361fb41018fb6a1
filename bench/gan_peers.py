"""Training a GAN beside what people install for it: pro-gan-pth, lightweight-gan, stylegan2-pytorch.

    python bench/gan_peers.py --data FOLDER --peers PYTHON [--size 64] [--seconds 300] [--seeds 0 1 2]
                              [--system NAME=COMMAND ...] [--only NAME ...] [--work FOLDER]

FOLDER has the photos (JPEG or PNG, 1,000 and more). The peers live in an environment of their own:

    python -m venv peers
    peers/bin/pip install torch==2.13.0 numpy pillow tqdm einops fire psutil retry
    peers/bin/pip install --no-deps pro-gan-pth==3.4 lightweight-gan==1.2.1 stylegan2-pytorch==1.9.0 \\
        kornia kornia_rs packaging adabelief-pytorch vector-quantize-pytorch==0.1.0

What is changed in them so that they run on a CPU is listed in the head of peers/gan_adapter.py, which is also the
protocol: a COMMAND gets --data --size --seconds --seed --threads --count --out and leaves samples.npy and
told.json. "{peers}" in a COMMAND is the peers' Python, "{ours}" the one that runs this. Our recipes are systems
like the others.

All learn from the same photos (squashed to a square; every tenth is held out and never shown) for the same
seconds, one after the other, turns changing with the seed, then draw the same number of pictures. One judge
for all: feedsmith.evaluate.likeness. What is done already in the work folder is not done again.
"""

import argparse
import hashlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from feedsmith.evaluate.figures import Likeness
from feedsmith.evaluate.images import ENCODER, STAGES
from feedsmith.evaluate.likeness import Eye, Loaded, measure
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.stages import Stages

HERE = Path(__file__).parent
ADAPTER = f"{{peers}} {shlex.quote(str(HERE / 'peers' / 'gan_adapter.py'))}"
SYSTEMS = {
    "pro-gan-pth": f"{ADAPTER} pro-gan-pth",
    "pro-gan-pth, 128 channels": f"{ADAPTER} pro-gan-pth --channels 128",
    "lightweight-gan": f"{ADAPTER} lightweight-gan",
    "lightweight-gan, batch 4": f"{ADAPTER} lightweight-gan --batch 4 --accumulate 1",
    "stylegan2-pytorch": f"{ADAPTER} stylegan2-pytorch",
    "stylegan2-pytorch, batch 5": f"{ADAPTER} stylegan2-pytorch --accumulate 1",
}
"""By name; with fewer pictures a step a peer learns faster in the first hour than with its defaults."""
HELD = 10
"""Every tenth photo is held out."""
SHEET = 8
"""Pictures across and down in the sheet of each system."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers", default="", help="the Python of the peers' environment")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cpu", action="store_true", help="CPU seconds, for a trial on a busy machine"
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--system", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--work", type=Path, help="keeps runs and figures")
    args = parser.parse_args()
    systems = dict(word.split("=", 1) for word in args.system) | (SYSTEMS if args.peers else {})
    if args.only:
        systems = {name: systems[name] for name in args.only}
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        folder, training, held = photos(args.data, args.size, work)
        print(
            f"{len(training)} photos of {args.size} px to learn from, {len(held)} held out",
            flush=True,
        )
        judge = Judge(training, held, work / "judged")
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in systems}
        for turn, seed in enumerate(args.seeds):
            names = list(systems)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                told = run(name, systems[name], folder, seed, args, work)
                if told is not None:
                    found[name].append(told | judge(told.pop("samples"), seed))
        usual = judge(held, 0) if len(held) >= 16 else {}
    table({name: told for name, told in found.items() if told}, usual, args)


def photos(data: Path, size: int, work: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A folder of PNGs to learn from, the same as an array, and the held-out ones."""
    folder = work / f"photos-{size}"
    files = sorted(f for f in data.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        sys.exit(f"{data}: no photos in it")
    folder.mkdir(parents=True, exist_ok=True)
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for number, file in enumerate(files):
        held = number % HELD == 0
        made = folder / f"{number:05}.png"
        if held or not made.exists():
            with Image.open(file) as image:
                small = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
            if not held:
                small.save(made)
        else:
            small = Image.open(made)
        sides[held].append(np.asarray(small))
    return folder, np.stack(sides[0]), np.stack(sides[1])


def run(
    name: str, command: str, folder: Path, seed: int, args: argparse.Namespace, work: Path
) -> dict[str, Any] | None:
    """What a system tells of its training, with its samples; None where it fails."""
    words = [w.format(peers=args.peers, ours=sys.executable) for w in shlex.split(command)]
    given = ["--data", folder, "--size", args.size, "--seconds", args.seconds, "--seed", seed]
    given += ["--threads", args.threads, "--count", args.count, *(["--cpu"] if args.cpu else [])]
    key = hashlib.sha256(json.dumps([words, *map(str, given)]).encode()).hexdigest()[:12]
    out = work / f"{name.replace(' ', '-').replace(',', '')}-{seed}-{key}"
    if not (out / "told.json").exists():
        out.mkdir(parents=True, exist_ok=True)
        print(f"{name}, seed {seed} ...", flush=True)
        done = subprocess.run(
            [*words, *map(str, given), "--out", str(out)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": str(args.threads), "OMP_WAIT_POLICY": "PASSIVE"},
        )
        (out / "log.txt").write_text(done.stdout + done.stderr)
        if done.returncode:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            print(f"{name}, seed {seed}: left out, {' '.join(last)}", flush=True)
            return None
    told: dict[str, Any] = json.loads((out / "told.json").read_text())
    samples = np.load(out / "samples.npy")
    sheet(samples, out / "sheet.png")
    return told | {"samples": samples}


def sheet(samples: np.ndarray, path: Path) -> None:
    """The first pictures, unpicked."""
    side = samples.shape[1]
    whole = Image.new("RGB", (SHEET * side, SHEET * side))
    for i, picture in enumerate(samples[: SHEET * SHEET]):
        whole.paste(Image.fromarray(picture), (i % SHEET * side, i // SHEET * side))
    whole.save(path)


class Judge:
    """All figures of a set of pictures; remembers what it has seen."""

    def __init__(self, training: np.ndarray, held: np.ndarray, folder: Path) -> None:
        self.training, self.held, self.folder = training, held, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._eyes = [
            Eye(ENCODER, remembering(Encoder().features), nearest=True),
            Eye(STAGES, remembering(Stages().features)),
        ]

    def __call__(self, samples: np.ndarray, seed: int) -> dict[str, Any]:
        digest = hashlib.sha256()
        for array in (samples, self.training, self.held, np.array(seed)):
            digest.update(np.ascontiguousarray(array).tobytes())
        path = self.folder / f"{digest.hexdigest()[:16]}.json"
        if path.exists():
            like = Likeness.model_validate_json(path.read_text())
        else:
            three = (Loaded(p) for p in (self.training, self.held, samples))
            like = measure(*three, self._eyes, seed).likeness
            path.write_text(like.model_dump_json())
        assert like.swd_average is not None
        assert like.ms_ssim is not None
        encoder, stages = like.seen
        pixels, features = like.near
        return {
            "pictures": like.pictures,
            "SWD": like.swd_average.value,
            "SWD by level": {side: b.value for side, b in like.swd.items()},
            "SWD, halves": like.swd_average.usual,
            "KID encoder": encoder.kernel.value,
            "KID saliency": stages.kernel.value,
            "Frechet": encoder.frechet.value,
            "precision": encoder.precision.value,
            "recall": encoder.recall.value,
            "MS-SSIM": like.ms_ssim.value,
            "MS-SSIM, photos": like.ms_ssim.usual,
            "nearest": features.ratio or 0.0,
            "nearest, pixels": pixels.ratio or 0.0,
            "same": float(max(pixels.same, features.same)),
        }


def remembering(look: Any) -> Any:
    """`look`, which asks the network only once about each picture."""
    known: dict[bytes, np.ndarray] = {}

    def found(rgb: np.ndarray) -> np.ndarray:
        key = hashlib.sha256(rgb.tobytes()).digest()[:16]
        if key not in known:
            known[key] = look(rgb)
        return known[key]

    return found


COLUMNS = (
    ("SWD", 1), ("KID encoder", 1), ("KID saliency", 1), ("Frechet", 0), ("precision", 2), ("recall", 2),
    ("MS-SSIM", 3), ("nearest", 2), ("nearest, pixels", 2), ("same", 0), ("images_per_s", 2),
    ("images", 0), ("wall_s", 0), ("drawn_per_s", 1), ("peak_mb", 0),
)  # fmt: skip


UNBIASED = ("KID encoder", "KID saliency", "MS-SSIM", "nearest", "nearest, pixels", "same")
"""What does not depend on the number of pictures, which is another for the held-out photos."""


def table(
    found: dict[str, list[dict[str, Any]]], usual: dict[str, Any], args: argparse.Namespace
) -> None:
    """Means over the seeds with their range, in Markdown; then how many times each is the best one's."""
    print(f"\n{args.size} px, {args.seconds:.0f} s, {args.threads} threads, seeds {args.seeds}\n")
    print("| | " + " | ".join(name for name, _ in COLUMNS) + " |")
    print("|---|" + "---|" * len(COLUMNS))
    for name, told in found.items():
        cells = []
        for column, digits in COLUMNS:
            values = [float(one[column]) for one in told]
            spread = (max(values) - min(values)) / 2
            cells.append(
                f"{statistics.fmean(values):,.{digits}f}"
                + (f" ± {spread:,.{digits}f}" if len(values) > 1 else "")
            )
        print(f"| {name} | " + " | ".join(cells) + " |")
    if usual:
        cells = [f"{float(usual[c]):,.{d}f}" if c in UNBIASED else "" for c, d in COLUMNS]
        print("| held-out photos | " + " | ".join(cells) + " |")
    for column, better in (
        ("SWD", min),
        ("KID encoder", min),
        ("KID saliency", min),
        ("images_per_s", max),
    ):
        means = {n: statistics.fmean(float(one[column]) for one in t) for n, t in found.items()}
        if not means:
            continue
        best = better(means, key=means.__getitem__)
        times = ", ".join(f"{n} {value / means[best]:.2f}" for n, value in means.items())
        print(f"\n{column}, times the best ({best}): {times}")
    first = next(iter(found.values()), [{}])[0]
    if first:
        print(
            f"\n{first['pictures']} pictures are compared with as many training photos. Halves of the photos: SWD "
            f"{first['SWD, halves']:.1f}, MS-SSIM {first['MS-SSIM, photos']:.3f}. SWD and KID in thousandths; "
            "nearest: distance to the nearest training photo, times that of held-out photos; same: pictures that "
            "read as a training photo. ±: half the range over the seeds."
        )


if __name__ == "__main__":
    main()
