"""The pictures of the README: the first nine posts of a run, unpicked, and all pages of each.

    feedsmith generate demo-brand --count 9 --seed 7 --out gallery-run
    python tools/make_gallery.py gallery-run docs/gallery

The screenshots of the contact sheet beside them are taken in a browser, by hand.
"""

import json
import sys
from pathlib import Path

from PIL import Image, ImageOps

TILE = (400, 500)
GAP = 6


def main(run: Path, out: Path) -> None:
    posts = sorted(run.glob("*/post.json"))[:9]
    told = [(path.parent, json.loads(path.read_text("utf-8"))) for path in posts]
    save(grid([folder / shown(post["media"][0]) for folder, post in told], 3), out / "nine.webp")
    pages = [
        folder / shown(medium)
        for folder, post in told
        if post["kind"] not in ("photo", "gif")
        for medium in post["media"]
    ]
    save(grid(pages, 4, whole=True), out / "designed.webp")


def shown(medium: dict[str, str]) -> str:
    """The picture of a medium: a film's cover."""
    return medium["cover"] or medium["file"]


def grid(files: list[Path], columns: int, *, whole: bool = False) -> Image.Image:
    """Tiles of 4:5, cut like a profile grid does, or shown whole on grey."""
    w, h = TILE
    rows = -(-len(files) // columns)
    size = (columns * (w + GAP) - GAP, rows * (h + GAP) - GAP)
    sheet = Image.new("RGB", size, (236, 233, 226))
    for i, file in enumerate(files):
        with Image.open(file) as image:
            fit = ImageOps.contain if whole else ImageOps.fit
            tile = fit(image.convert("RGB"), TILE, Image.Resampling.LANCZOS)
        x = (i % columns) * (w + GAP) + (w - tile.width) // 2
        sheet.paste(tile, (x, (i // columns) * (h + GAP) + (h - tile.height) // 2))
    return sheet


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "WEBP", quality=68, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
