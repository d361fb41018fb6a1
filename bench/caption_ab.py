"""Captions with and without knowing the picture, for a reader who sees the photo and not which is which.

    python bench/caption_ab.py BRAND --out FOLDER [--count 24] [--seed 7]
    python bench/caption_ab.py --out FOLDER --count-verdicts

BRAND is a brand's home with a library. Its newest posts' photos, each with two captions of the product's
own writer and the brand's own language model where it has one: one told what the photo shows, what it
looks like and what photos near it show; one told nothing of it, as the original system's text model was.
Everything older is the brand's history for both. FOLDER/sheet.tsv has the photo, captions A and B in random order, and an
empty column `better` (A, B or same) with one for `why`; FOLDER/key.json says which was which.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from feedsmith.brand import Home
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.writer import Writer
from feedsmith.evaluate.captions import listeners
from feedsmith.library import Library
from feedsmith.post import Kind, PastPost
from feedsmith.understanding import look, traits

COLUMNS = ("id", "photo", "A", "B", "better", "why")


def briefs(home: Home, count: int) -> list[tuple[Path, CaptionBrief, CaptionBrief]]:
    """(photo, brief told of it, brief not told of it), the newest posts first."""
    brand, library = home.load(), Library(home.library)
    known = {trait.id: trait for trait in traits.read(library)}
    features = traits.embeddings(library)
    files = {photo.id: library.root / photo.file for photo in library.photos()}
    posts = [p for p in library.posts() if p.photos and p.photos[0] in known and p.posted_at]
    posts.sort(key=lambda post: str(post.posted_at))
    found = []
    for post in posts[-count:]:
        trait = known[post.photos[0]]
        history: tuple[PastPost, ...] = tuple(p for p in posts[: len(posts) - count])
        kind: Kind = "photo"
        told = CaptionBrief(
            kind=kind, brand=brand, history=history, shows=trait.keywords, season=trait.season,
            look=look.in_words(trait), near=look.near(trait.id, known, features, trait.keywords),
        )  # fmt: skip
        found.append((files[trait.id], told, CaptionBrief(kind=kind, brand=brand, history=history)))
    return found


def write(given: argparse.Namespace) -> None:
    home = Home(given.brand)
    rows = briefs(home, given.count)
    ear = listeners(home, [])[0]
    with CaptionModel(ear.base, ear.adapter, own=ear.own) as model:
        told = Writer(model).write([one for _, one, _ in rows], given.seed)
        blind = Writer(model).write([one for _, _, one in rows], given.seed)
    flips = np.random.default_rng([given.seed, 7]).random(len(rows)) < 0.5
    given.out.mkdir(parents=True, exist_ok=True)
    key = {}
    with (given.out / "sheet.tsv").open("w", encoding="utf-8", newline="") as sheet:
        lines = csv.writer(sheet, delimiter="\t")
        lines.writerow(COLUMNS)
        for i, ((photo, _, _), a, b) in enumerate(zip(rows, told, blind, strict=True), 1):
            first, second = (b, a) if flips[i - 1] else (a, b)
            lines.writerow([i, photo.resolve(), first.text, second.text, "", ""])
            key[str(i)] = "B" if flips[i - 1] else "A"
    (given.out / "key.json").write_text(json.dumps({"told": key, "model": ear.name}, indent=1))
    print(f"{len(rows)} pairs in {given.out / 'sheet.tsv'}; the key is beside it, unread.")


def count(folder: Path) -> None:
    key = json.loads((folder / "key.json").read_text("utf-8"))["told"]
    with (folder / "sheet.tsv").open(encoding="utf-8", newline="") as sheet:
        rows = list(csv.DictReader(sheet, delimiter="\t"))
    won = sum(row["better"] == key[row["id"]] for row in rows)
    same = sum(row["better"] == "same" for row in rows)
    print(f"told of the picture: better {won}, same {same}, worse {len(rows) - won - same}")


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("brand", type=Path, nargs="?")
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--count", type=int, default=24)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--count-verdicts", action="store_true")
    given = ask.parse_args()
    if given.count_verdicts:
        count(given.out)
    elif given.brand is None:
        ask.error("a brand's home is needed to write a sheet")
    else:
        write(given)


if __name__ == "__main__":
    main()
