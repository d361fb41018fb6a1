"""Cut-outs against hand-drawn masks: `python bench/cutouts.py [folder]`.

For each photo of tests/data/cutouts (masks.json: outlines and holes in pixels of the photo, drawn
by hand) the intersection over union and the mean distance between the outlines in pixels, for the
background's witness alone, the network's alone, both, and two simple ways: the saliency network's
map cut at .5, and Otsu's threshold of the colour distance from the border. Then CPU-seconds and
the peak memory of the process.
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from feedsmith.colour import to_lab
from feedsmith.design.cutout import SURE, Cutout, cut
from feedsmith.understanding.saliency import Saliency

HERE = Path(__file__).parent.parent / "tests" / "data" / "cutouts"


def drawn(entry: dict, size: tuple[int, int]) -> np.ndarray:
    """(h, w) bool of a hand-drawn mask, four times finer inside."""
    fine = Image.new("L", (size[0] * 4, size[1] * 4))
    pen = ImageDraw.Draw(fine)
    pen.polygon([(x * 4, y * 4) for x, y in entry["outline"]], fill=255)
    for hole in entry["holes"]:
        pen.polygon([(x * 4, y * 4) for x, y in hole], fill=0)
    return np.asarray(fine.resize(size, Image.Resampling.BOX)) > 127


def whole(found: Cutout, size: tuple[int, int]) -> np.ndarray:
    """The cut-out's mask on the whole photo."""
    left, top, right, bottom = found.box
    mask = np.zeros((size[1], size[0]), bool)
    alpha = Image.fromarray(found.rgba[..., 3]).resize((right - left, bottom - top))
    mask[top:bottom, left:right] = np.asarray(alpha) > 127
    return mask


def raw(rgb: np.ndarray, network: Saliency) -> np.ndarray:
    seen = Image.fromarray(network.map(rgb, look=320))
    return np.asarray(seen.resize(rgb.shape[1::-1], Image.Resampling.BILINEAR)) > 0.5


def otsu(rgb: np.ndarray) -> np.ndarray:
    lab = to_lab(rgb)
    rim = np.concatenate([lab[:4].reshape(-1, 3), lab[-4:].reshape(-1, 3), lab[:, 0], lab[:, -1]])
    away = np.linalg.norm(lab - np.median(rim, axis=0), axis=2)
    counts, edges = np.histogram(away, 128)
    middle = (edges[1:] + edges[:-1]) / 2
    low = np.cumsum(counts)
    total = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total[-1] * low / low[-1] - total) ** 2 / (low * (low[-1] - low))
    return away > middle[int(np.nanargmax(between))]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def outline(mask: np.ndarray) -> np.ndarray:
    """(n, 2) pixels of a mask that touch the outside."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inner).astype(np.float32)


def between(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance in pixels from either outline to the other."""
    one, two = outline(a), outline(b)
    if not len(one) or not len(two):
        return float("nan")

    def to(p: np.ndarray, q: np.ndarray) -> float:
        return float(
            np.mean(
                [
                    d
                    for part in np.array_split(p, max(1, len(p) // 256))
                    for d in np.sqrt(((part[:, None] - q[None]) ** 2).sum(2).min(1))
                ]
            )
        )

    return (to(one, two) + to(two, one)) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    folder = parser.parse_args().folder
    network = Saliency()
    ways = ("both", "network", "plain", "map > .5", "Otsu")
    table: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    seconds = []
    print("| photo | sure | " + " | ".join(ways) + " |")
    print("|---|---|" + "---|" * len(ways))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for entry in json.loads((folder / "masks.json").read_text()):
        with Image.open(folder / entry["file"]) as image:
            rgb = np.asarray(image.convert("RGB"))
        size = (rgb.shape[1], rgb.shape[0])
        truth, cells, sure = drawn(entry, size), [], 0.0
        for way in ways:
            begun = time.process_time()
            if way == "map > .5":
                mask = raw(rgb, network)
            elif way == "Otsu":
                mask = otsu(rgb)
            else:
                found = cut(rgb, network, method=way)
                mask = whole(found, size)
                if way == "both":
                    sure = found.confidence
                    seconds.append(time.process_time() - begun)
            score = (overlap(mask, truth), between(mask, truth))
            table[way].append(score)
            cells.append(f"{score[0]:.3f} / {score[1]:.1f}" if mask.any() else "none")
        mark = " " if sure >= SURE else " (no) "
        print(
            f"| {entry['file']} ({entry['kind']}) |{mark}{sure:.2f} | " + " | ".join(cells) + " |"
        )
    means = [
        f"{np.mean([a for a, _ in table[way]]):.3f} / {np.nanmedian([b for _, b in table[way]]):.1f}"
        for way in ways
    ]
    print("| mean IoU / median distance | | " + " | ".join(means) + " |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\nCPU-seconds a cut-out: median {statistics.median(seconds):.2f} "
        f"({min(seconds):.2f}-{max(seconds):.2f}); peak RSS {peak:.0f} MB ({before:.0f} before)"
    )


if __name__ == "__main__":
    main()
