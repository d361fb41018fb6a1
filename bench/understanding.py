"""How well and how fast photos are understood.

    python bench/understanding.py DATA [--only texture,keywords,copies,speed]

DATA holds trees/ (images/, demo_posts.jsonl), products/ and flowers/. Tables go to the terminal:
which photos are called fit for synthesis against 339 hand labels (understanding.csv), keywords
against those that people wrote by looking, ranks of altered copies, faces, CPU seconds, memory.
"""

import argparse
import csv
import io
import json
import resource
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from feedsmith import photo_file
from feedsmith.understanding import encoder, keywords, palette, texture
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.faces import Faces
from feedsmith.understanding.saliency import Saliency

LABELS = Path(__file__).with_suffix(".csv")


def pixels(path: Path) -> NDArray[np.uint8]:
    return photo_file.rgb(path, 640)


def judged(data: Path) -> None:
    """Verdict against hand label; "either" counts neither way."""
    eye, salient, faces = Encoder(), Saliency(), Faces()
    table: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    with_faces: list[str] = []
    for row in csv.DictReader(LABELS.open()):
        rgb = pixels(data / row["photo"])
        masses = encoder.group_masses(eye.look(rgb).probabilities)
        found = faces.find(rgb)
        verdict = texture.judge(texture.measure(rgb), salient.map(rgb), masses, found)
        table[row["suits"], verdict.suits] += 1
        if found:
            with_faces.append(f"{row['photo']} {found[0].score:.2f}")
        if row["suits"] == "no" and verdict.suits in ("rows", "noise"):
            wrong.append(f"{row['photo']} called {verdict.suits} ({verdict.score:.2f})")
    print("\nFit for synthesis: hand label (down) against verdict (across)")
    columns = ("rows", "noise", "subject", "none")
    print(f"{'':8}" + "".join(f"{c:>9}" for c in columns))
    for label in ("rows", "noise", "either", "no"):
        print(f"{label:8}" + "".join(f"{table[label, c]:9}" for c in columns))
    print("wrongly called fit:", "; ".join(wrong) or "none")
    print("faces found:", "; ".join(with_faces) or "none")


def worded(data: Path) -> None:
    """Keywords of the demo brand's posts against the keywords people wrote for the same photos."""
    posts = [json.loads(line) for line in (data / "trees/demo_posts.jsonl").open()]
    phrases = keywords.phrases_of(post["caption"] for post in posts)
    counts = Counter(tag for post in posts for tag in set(post["hashtags"]))
    common = {tag for tag, n in counts.items() if n >= max(4, 0.08 * len(posts))}
    eye = Encoder()
    said = right = visible = wanted = hit = 0
    for post in posts:
        look = eye.look(pixels(data / "trees" / post["file"]))
        found = keywords.of_photo(
            post["caption"], post["hashtags"], masses=encoder.group_masses(look.probabilities),
            labels=encoder.tags(look.probabilities), phrases=phrases, common=common,
            brand="Tall Tree Outfitters",
        )  # fmt: skip
        truth = [_words(word) for word in post["keywords"]]
        told = set().union(*truth, _words(post["alt_text"]))
        ours = [_words(word.word) for word in found]
        said += len(ours)
        right += sum(any(a <= t or t <= a for t in truth) for a in ours)
        visible += sum(bool(a & told) for a in ours)
        wanted += len(truth)
        hit += sum(any(a & t for a in ours) for t in truth)
    print(f"\nKeywords of {len(posts)} posts: {said / len(posts):.1f} a post")
    print(f"  inside or around one of people's keywords   {right / said:.3f}")
    print(f"  sharing a word with their keywords, alt text {visible / said:.3f}")
    print(f"  of their keywords, sharing a word with ours  {hit / wanted:.3f}")


def _words(text: str) -> set[str]:
    letters = "".join(c if c.isalpha() else " " for c in text.lower())
    return {(keywords.singulars(word) or [word])[-1] for word in letters.split()}


def copied(data: Path) -> None:
    """Does an altered copy find its original among the others?"""
    with LABELS.open() as lines:
        paths = [data / row["photo"] for row in list(csv.DictReader(lines))[::3]]
    images = [Image.fromarray(pixels(path)) for path in paths]
    eye = Encoder()

    def features(change: Callable[[Image.Image], Image.Image]) -> NDArray[np.float32]:
        return np.stack([eye.features(np.asarray(change(image))) for image in images])

    def cropped(image: Image.Image) -> Image.Image:
        wide, high = image.size
        return image.crop((wide // 10, high // 10, wide * 9 // 10, high * 9 // 10))

    def squeezed(image: Image.Image) -> Image.Image:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=30)
        return Image.open(out).convert("RGB")

    plain = features(lambda image: image)
    others = plain @ plain.T
    np.fill_diagonal(others, -1)
    print(f"\nCopies of {len(images)} photos; other photos: cosine median "
          f"{np.median(others):.2f}, 99 % {np.quantile(others, 0.99):.2f}, most {others.max():.2f}")  # fmt: skip
    for name, change in (
        ("cropped", cropped),
        ("mirrored", lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        ("JPEG 30", squeezed),
        ("brighter", lambda i: ImageEnhance.Brightness(i).enhance(1.3)),
    ):
        near = features(change) @ plain.T
        own = np.diag(near)
        first = float((near.argmax(1) == np.arange(len(near))).mean())
        print(
            f"  {name:9} cosine median {np.median(own):.2f}, least {own.min():.2f}; first {first:.1%}"
        )


def timed(data: Path) -> None:
    """CPU seconds of each step a photo, on one thread, and peak memory."""
    paths = sorted((data / "trees/images").iterdir())[::8]
    eye, salient, faces = Encoder(), Saliency(), Faces()
    rgb = pixels(paths[0])
    eye.look(rgb), salient.map(rgb), faces.find(rgb)
    steps: dict[str, Callable[[NDArray[np.uint8]], object]] = {
        "encoder": eye.look, "saliency": salient.map, "faces": faces.find,
        "texture": texture.measure, "palette": palette.swatches,
    }  # fmt: skip
    spent: dict[str, list[float]] = {name: [] for name in ("decode", *steps)}
    for path in paths:
        start = time.process_time()
        rgb = pixels(path)
        spent["decode"].append(time.process_time() - start)
        for name, step in steps.items():
            start = time.process_time()
            step(rgb)
            spent[name].append(time.process_time() - start)
    print(f"\nCPU seconds a photo ({len(paths)} photos): median, 10 %, 90 %")
    for name, times in spent.items():
        low, middle, high = np.quantile(times, [0.1, 0.5, 0.9])
        print(f"  {name:9} {middle:.3f}  {low:.3f}-{high:.3f}")
    print(f"  all       {sum(float(np.median(t)) for t in spent.values()):.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default="speed,texture,keywords,copies")
    given = parser.parse_args()
    parts = {"speed": timed, "texture": judged, "keywords": worded, "copies": copied}
    for name in given.only.split(","):
        parts[name](given.data)


if __name__ == "__main__":
    main()
