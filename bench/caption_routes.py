"""Caption routes side by side, for a reader who does not know which is which.

    python bench/caption_routes.py --posts demo_posts.jsonl --out FOLDER [--seed 7] [--count 40]
                                   [--only both] [--base model.gguf] [--adapter adapter.gguf --own]
    python bench/caption_routes.py --out FOLDER --count-verdicts

The first writes one caption a route for every brief of bench/captions.py:

    skeletons   Writer without a model
    model       what the writer samples, the first that rank.refuse lets pass, else none
    both        Writer with the model, as shipped

to FOLDER/sheet.tsv, shuffled by the seed and without origin, and to FOLDER/key.json, which says
where each came from and why candidates were turned down. A caption that two routes share stands
there once. A reader puts yes or no into the sheet's columns `sense` (would a brand post it
unedited?), `fits` (does it agree with the picture's keywords?) and `voice` (does it sound like the
brand's own captions?), and only then runs the second, which counts them with Wilson's 95%
interval. With --own the adapter is the brand's: the writer then samples for more kinds. About 4
minutes on one core.
"""

import argparse
import csv
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captions import demo_briefs
from feedsmith import models
from feedsmith.captions import rank
from feedsmith.captions.habits import Habits, habits
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.skeletons import scene
from feedsmith.captions.writer import CaptionBrief, Writer

ROUTES = ("skeletons", "model", "both")
VERDICTS = ("sense", "fits", "voice")
COLUMNS = ("id", *VERDICTS, "kind", "season", "shows", "offer", "caption")


def by_writer(
    briefs: Sequence[CaptionBrief], seed: int, model: CaptionModel | None
) -> tuple[list[dict[str, Any]], Counter[str], Counter[str]]:
    writer = Writer(model)
    told = writer.write(briefs, seed)
    rows = [
        {
            "text": caption.text,
            "won": caption.route,
            "quote": caption.quote,
            "headline": caption.headline,
            "slides": list(caption.slides),
            "lines": caption.reasons.get("skeletons", ""),
        }
        for caption in told
    ]
    return rows, writer.rejections, writer.routes


def by_model(
    briefs: Sequence[CaptionBrief], seed: int, model: CaptionModel
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """What the writer samples, without people's sentences beside it; the first that the gates pass."""
    past: dict[str, None] = {}
    for brief in briefs:
        past.update(dict.fromkeys(rank.past_texts(brief)))
    seen = rank.Seen.of(list(past))
    manners: dict[int, Habits] = {}
    turned_down: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for brief, texts in zip(briefs, Writer(model)._sample(briefs, seed), strict=True):
        manner = manners.setdefault(id(brief.history), habits(brief.brand, brief.history))
        whole = scene(
            brief.shows,
            season=brief.season,
            light=brief.light,
            niche=brief.brand.niche,
            brand=brief.brand.name,
            offer=brief.offer,
        )
        chosen = ""
        for text in texts:
            reason = rank.refuse(text, brief, whole, manner, seen, trust="small")
            if reason:
                turned_down[reason] += 1
            elif not chosen:
                chosen = text
            else:
                turned_down["(passed, but was not the first)"] += 1
        if chosen:
            seen.add(chosen, brief.offer, [word for word in brief.shows for word in word.split()])
        rows.append({"text": chosen, "won": "model" if chosen else "none", "drawn": len(texts)})
    return rows, turned_down


def write(briefs: Sequence[CaptionBrief], seed: int, given: argparse.Namespace) -> None:
    base = given.base or models.find("captions-base")
    adapter = given.adapter or models.find("starter-lora")
    told: dict[str, list[dict[str, Any]]] = {}
    notes: dict[str, Any] = {}
    with CaptionModel(base, adapter, threads=1, own=given.own) as model:
        for route in given.only:
            if route == "model":
                told[route], turned_down = by_model(briefs, seed, model)
                notes[route] = {"turned down": dict(turned_down.most_common())}
            else:
                asked = model if route == "both" else None
                told[route], turned_down, won = by_writer(briefs, seed, asked)
                own = sum("own:" in row["lines"] for row in told[route])
                notes[route] = {
                    "turned down": dict(turned_down.most_common()),
                    "won": {**won, "with own skeletons": own},
                }
    found: dict[tuple[int, str], list[str]] = {}
    for route, rows in told.items():
        for i, row in enumerate(rows):
            if row["text"]:
                found.setdefault((i, row["text"]), []).append(route)
    entries = list(found.items())
    order = np.random.default_rng([seed, 2026]).permutation(len(entries))
    given.out.mkdir(parents=True, exist_ok=True)
    origin: dict[str, Any] = {}
    with (given.out / "sheet.tsv").open("w", encoding="utf-8", newline="") as sheet:
        lines = csv.writer(sheet, delimiter="\t")
        lines.writerow(COLUMNS)
        for number, at in enumerate(order, 1):
            (i, text), routes = entries[int(at)]
            brief = briefs[i]
            shows = ", ".join(brief.shows)
            lines.writerow([number, "", "", "", brief.kind, brief.season, shows, brief.offer, text])
            origin[str(number)] = {"brief": i, "routes": routes}
    key = {"seed": seed, "briefs": len(briefs), "origin": origin, "routes": told, "notes": notes}
    (given.out / "key.json").write_text(json.dumps(key, indent=1, ensure_ascii=False), "utf-8")
    print(f"{len(entries)} captions in {given.out / 'sheet.tsv'}; the key is beside it, unread.")


def wilson(good: int, of: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share, 0..1."""
    z = 1.959964
    middle = (good + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * math.sqrt(good * (of - good) / of + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def count(folder: Path) -> None:
    key = json.loads((folder / "key.json").read_text("utf-8"))
    with (folder / "sheet.tsv").open(encoding="utf-8", newline="") as sheet:
        rows = list(csv.DictReader(sheet, delimiter="\t"))
    for row in rows:
        if {row[name] for name in VERDICTS} - {"yes", "no"}:
            raise SystemExit(f"caption {row['id']}: {', '.join(VERDICTS)} must each be yes or no")
    of = key["briefs"]
    print(f"Of {of} briefs, with Wilson's 95% interval; a brief without a caption counts as no.")
    for route in key["routes"]:
        mine = [row for row in rows if route in key["origin"][row["id"]]["routes"]]
        print(f"\n{route}: {len(mine)} captions {key['notes'][route].get('won', '')}")
        for name, good in (
            ("sense", sum(row["sense"] == "yes" for row in mine)),
            ("fits", sum(row["fits"] == "yes" for row in mine)),
            ("voice", sum(row["voice"] == "yes" for row in mine)),
            ("sense and fits", sum(row["sense"] == row["fits"] == "yes" for row in mine)),
            ("all", sum(all(row[v] == "yes" for v in VERDICTS) for row in mine)),
        ):
            low, high = wilson(good, of)
            print(f"  {name:14} {good:3} of {of} = {good / of:4.0%}  ({low:.0%} to {high:.0%})")
        for reason, times in key["notes"][route]["turned down"].items():
            print(f"  turned down {times:5} {reason}")


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--posts", type=Path, help="posts with keywords (JSONL)")
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--count", type=int, default=40)
    ask.add_argument("--only", choices=ROUTES, nargs="+", default=list(ROUTES))
    ask.add_argument("--base", type=Path)
    ask.add_argument("--adapter", type=Path)
    ask.add_argument("--own", action="store_true", help="the adapter was trained on these posts")
    ask.add_argument("--count-verdicts", action="store_true")
    given = ask.parse_args()
    if given.count_verdicts:
        count(given.out)
        return
    if not given.posts:
        ask.error("--posts demo_posts.jsonl is needed to write a sheet")
    write(demo_briefs(given.posts, given.count, given.seed), given.seed, given)


if __name__ == "__main__":
    main()
