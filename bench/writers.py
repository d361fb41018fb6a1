"""Chat models as caption writers: what the rules make of their captions, and which captions win.

    python bench/writers.py                              # the gates and the ranking, without a server
    python bench/writers.py --writer MODEL@URL [--count 20] [--show]     # a server, asked for real

bench/writers.jsonl holds 56 briefs, each with captions as large models write them: ones that are true to
what the picture shows, and ones that invent something; all written by hand in the manner of such
models. The rules were set while looking at the set "tuned"; "held out" was written afterwards, from
other briefs: at its first reading 64 of 77 true ones passed and no invention. The first command
counts how many of each pass the rules for large and for small models, and how often a
model that gave all of them wins beside people's sentences. The second asks a server for the same
briefs (its key comes from FEEDSMITH_WRITER_KEY) and says the same, with the seconds it took.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedsmith.brand import Brand, WriterSettings
from feedsmith.captions import chat, rank
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.endpoint import chosen
from feedsmith.captions.habits import habits
from feedsmith.captions.writer import Writer, _scene_of

ROWS = Path(__file__).with_name("writers.jsonl")
TRUST: tuple[rank.Trust, ...] = ("large", "small")


class Recited:
    """A writer that answers each brief with the captions written down for it."""

    candidates = 8
    name = "recited"

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def ask(self, messages: Sequence[chat.Message], seed: int) -> list[str]:
        return [json.dumps(self.texts)]


def brief_of(row: dict[str, Any]) -> CaptionBrief:
    brand = Brand(name=row["brand"], niche=row["niche"], voice=row["voice"])
    return CaptionBrief(
        kind=row["kind"],
        brand=brand,
        shows=tuple(row["shows"]),
        season=row["season"],
        offer=row["offer"],
    )


def reason(text: str, brief: CaptionBrief, trust: rank.Trust) -> str:
    whole = chat.with_facts(chat.captions_in(text, 1)[0], brief)
    manner = habits(brief.brand, brief.history)
    scene = _scene_of(brief, brief.shows)
    return rank.refuse(whole, brief, scene, manner, rank.Seen.of(()), trust=trust)


def gates(rows: Sequence[dict[str, Any]], show: bool) -> None:
    for part in dict.fromkeys(row["set"] for row in rows):
        passed: Counter[tuple[str, str]] = Counter()
        of: Counter[str] = Counter()
        won = briefs = 0
        for row in (row for row in rows if row["set"] == part):
            brief = brief_of(row)
            for sort in ("true", "invented"):
                for text in row[sort]:
                    of[sort] += 1
                    for trust in TRUST:
                        why = reason(text, brief, trust)
                        passed[sort, trust] += not why
                        if show and trust == "large" and bool(why) == (sort == "true"):
                            print(f"  {sort}, {why or 'passed'}: {text}")
            writer = Writer(other=Recited([*row["true"], *row["invented"]]))
            (caption,) = writer.write([brief], seed=7)
            won += caption.route == "endpoint"
            briefs += 1
        print(f"{part}: wins {won} of {briefs} briefs beside people's sentences")
        for sort in ("true", "invented"):
            told = ", ".join(f"{passed[sort, trust]} as {trust}" for trust in TRUST)
            print(f"  {of[sort]:3} {sort} captions, passed: {told}")


def ask(rows: Sequence[dict[str, Any]], writer: str, show: bool) -> None:
    endpoint = chosen(writer, WriterSettings())
    if endpoint is None:
        raise SystemExit("name a server: --writer MODEL@URL")
    made = Writer(other=endpoint)
    start = time.monotonic()
    for row in rows:
        brief = brief_of(row)
        (caption,) = made.write([brief], seed=7)
        if show:
            print(f"{caption.route:9} {', '.join(brief.shows)}\n          {caption.text}")
    spent = time.monotonic() - start
    said = made.said
    print(f"{endpoint.name}: {len(rows)} briefs in {spent:.0f} s, {said.read} captions read")
    print(f"  won {said.won}; refused {said.refused.total()}: {dict(said.refused.most_common())}")
    if said.trouble is not None:
        print(f"  left alone: {said.trouble.message}")


def main() -> None:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--writer", default="")
    words.add_argument("--count", type=int, default=56)
    words.add_argument("--show", action="store_true")
    given = words.parse_args()
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]
    if given.writer:
        ask(rows[: given.count], given.writer, given.show)
    else:
        gates(rows, given.show)


if __name__ == "__main__":
    main()
