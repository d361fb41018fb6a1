"""Skeletons mined from a brand's own captions, filled with other things, for a reader to judge.

    python bench/mining.py --out FOLDER [--posts NAME=posts.jsonl ...] [--starter NICHE[/VOICE] ...]
                           [--most 100] [--fills 2] [--seed 7]
    python bench/mining.py --out FOLDER --count-verdicts

The first takes captions of JSON lines (fields: caption, and where known hashtags, alt_text), or of
one niche and voice of the shipped examples as if one brand had written them; mines them; fills
every skeleton (of a brand with more than --most, that many drawn by the seed) with --fills other things
that it may be said of, drawn from nouns.txt, and writes FOLDER/sheet.tsv. A reader puts yes or no into the column `sense`:
would that brand post this line under a picture of that thing, without knowing of the source?
The second counts: precision is the share of filled lines that are yes.
"""

import argparse
import csv
import json
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from captions import STARTER
from feedsmith.captions import words
from feedsmith.captions.habits import sentences
from feedsmith.captions.mining import Told, mined
from feedsmith.captions.skeletons import Skeleton, fill, fits, scene

COLUMNS = ("brand", "sense", "id", "role", "filled", "with", "skeleton", "source")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.open(encoding="utf-8") if line.strip()]


def told(row: dict[str, Any]) -> Told:
    tags = row.get("hashtags") or re.findall(r"#(\w+)", row["caption"])
    text = re.sub(r"#\w+", "", row["caption"]).strip()
    return Told(tuple(sentences(text)), row.get("alt_text", ""), " ".join(tags))


def others(line: Skeleton, fills: int, rng: np.random.Generator) -> list[words.Noun]:
    """Other things it may be said of, drawn from the nouns there are."""
    if "any" in line.types:
        return [words.read(word) for word in ("oak", "mug")]
    forms = sorted(words.forms_of(line.types))
    found: list[words.Noun] = []
    for i in rng.permutation(len(forms)):
        noun = words.read(forms[int(i)])
        needs = [next(iter(group)) for group in line.needs]
        about = scene([noun.text], season=needs[0] if needs else "").about(noun)
        apart = all(noun.head != other.head for other in found)
        if words.nameable(noun) and apart and fits(line, about):
            found.append(noun)
        if len(found) == fills:
            break
    return found


def sheet(brands: dict[str, list[Told]], out: Path, most: int, fills: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, ...]] = []
    for name, captions in brands.items():
        start = time.process_time()
        lines = mined(captions)
        spent = time.process_time() - start
        first = list({line.same: line for line in reversed(lines)}.values())[::-1]
        print(f"{name}: {len(captions)} captions, {len(first)} skeletons, {spent:.2f} CPU-s")
        chosen = rng.permutation(len(first))[:most]
        for line in (first[int(i)] for i in sorted(chosen)):
            source = " ".join(captions[len(captions) - 1 - (line.since or 0)].sentences)
            for noun in others(line, fills, rng):
                needs = [next(iter(group)) for group in line.needs]
                about = scene([noun.text], season=needs[0] if needs else "").about(noun)
                said = fill(line, about) or ""
                rows.append(
                    (name, "", line.id, line.role, said, noun.text, line.text, source[:200])
                )
    out.mkdir(parents=True, exist_ok=True)
    with (out / "sheet.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{len(rows)} filled lines in {out / 'sheet.tsv'}")


def count(out: Path) -> None:
    with (out / "sheet.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    by: defaultdict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["sense"] not in ("yes", "no"):
            raise SystemExit(f"{row['filled']}: sense must be yes or no")
        by[row["brand"]].append(row["sense"] == "yes")
        by["all"].append(row["sense"] == "yes")
    for name, good in by.items():
        print(f"{name}: {sum(good)} of {len(good)} filled lines make sense = {np.mean(good):.0%}")


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--posts", nargs="*", default=[], metavar="NAME=FILE")
    ask.add_argument("--starter", nargs="*", default=[], metavar="NICHE[/VOICE]")
    ask.add_argument("--most", type=int, default=100)
    ask.add_argument("--fills", type=int, default=2)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--count-verdicts", action="store_true")
    given = ask.parse_args()
    if given.count_verdicts:
        count(given.out)
        return
    brands: dict[str, list[Told]] = {}
    for named in given.posts:
        name, _, path = named.partition("=")
        brands[name] = [told(row) for row in read(Path(path))]
    for wanted in given.starter:
        niche, _, voice = wanted.partition("/")
        brands[wanted] = [
            told(row)
            for row in read(STARTER)
            if niche in row["niche"] and voice in ("", row["voice"])
        ]
    sheet(brands, given.out, given.most, given.fills, given.seed)


if __name__ == "__main__":
    main()
