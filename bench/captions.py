"""A sheet of unpicked captions, to be read by a picky person, and the counts behind it.

    python bench/captions.py [--seed 7] [--count 40] [--brand demo|bakery|ceramics|FOLDER]
                             [--base model.gguf --adapter adapter.gguf] [--posts demo_posts.jsonl]

Briefs are made from what posts show (their keywords), not from what they say; the caption that once
stood there counts as past and may not come back. Prints every caption, why candidates were turned
down, and which route won. Without --base it runs on skeletons alone.
"""

import argparse
import json
import resource
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from feedsmith.brand import Brand
from feedsmith.captions import alt_text, hashtags, starter
from feedsmith.captions.habits import habits
from feedsmith.captions.writer import CaptionBrief, Writer
from feedsmith.post import Kind, PastPost

WEEK: tuple[Kind, ...] = (
    "photo", "quote", "photo", "carousel", "photo", "story", "photo", "promo", "photo", "photo",
)  # fmt: skip
OFFERS = (
    "Guided oak walk, Saturday 11 October 2025, 9:30, 12 EUR",
    "New wool hat, 34 EUR",
    "Boot repair drop-in, Thursdays, 14:00 to 17:00",
    "10% off rain jackets until Friday",
)
SEASONS = ("winter", "spring", "summer", "autumn")
STARTER_BRANDS = {
    "bakery": ("small cafe", "Corner Bakery", "warm"),
    "ceramics": ("ceramics", "Kiln Street", "dry"),
    "garden": ("gardening", "Moss & Marrow", "playful"),
    "books": ("books", "Left Page", "poetic"),
    "pets": ("pets", "Good Boy Supply", "playful"),
    "yoga": ("fitness", "Studio Low", "second-person"),
    "clothing": ("fashion", "Plain Weave", "minimal"),
}


def read_keywords(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """What the understanding finds in captions and hashtags, as it does for an import."""
    from feedsmith.understanding import keywords

    phrases = keywords.phrases_of([row["caption"] for row in rows])
    return [
        tuple(
            word.word
            for word in keywords.of_photo(row["caption"], row["hashtags"], phrases=phrases)
        )
        for row in rows
    ]


def demo_briefs(posts: Path, count: int, seed: int, read: bool = False) -> list[CaptionBrief]:
    rows = [json.loads(line) for line in posts.read_text("utf-8").splitlines()]
    history = tuple(
        PastPost(
            id=str(i),
            text=row["caption"],
            hashtags=tuple(row["hashtags"]),
            posted_at=datetime.fromisoformat(row["taken_at"]),
            alt_text=row["alt_text"],
        )
        for i, row in enumerate(rows)
    )
    brand = Brand(name="Tall Tree Outfitters", niche="hiking & outdoor store", voice="dry")
    shown = read_keywords(rows) if read else [tuple(row["keywords"]) for row in rows]
    order = np.random.default_rng(seed).permutation(len(rows))
    briefs = []
    for n in range(count):
        i = int(order[n % len(rows)])
        kind = WEEK[n % len(WEEK)]
        month = int(rows[i]["taken_at"][5:7])
        briefs.append(
            CaptionBrief(
                kind=kind,
                brand=brand,
                shows=shown[i],
                season=SEASONS[month % 12 // 3],
                offer=OFFERS[n // len(WEEK) % len(OFFERS)] if kind == "promo" else "",
                past=(history[i],),
                history=history,
            )
        )
    return briefs


def starter_briefs(which: str, count: int, seed: int) -> list[CaptionBrief]:
    niche, name, voice = STARTER_BRANDS[which]
    rows = [json.loads(line) for line in starter.lines()]
    mine = [row for row in rows if row["niche"].startswith(niche)]
    offers = [row["offer"] for row in mine if row["offer"]]
    brand = Brand(name=name, niche=mine[0]["niche"], voice=voice)
    briefs = []
    for n, i in enumerate(np.random.default_rng(seed).permutation(len(mine))[:count]):
        kind = WEEK[n % len(WEEK)]
        offer = offers[n % len(offers)] if kind == "promo" else ""
        shows = tuple(mine[int(i)]["keywords"])
        briefs.append(CaptionBrief(kind=kind, brand=brand, shows=shows, offer=offer))
    return briefs


def report(briefs: Sequence[CaptionBrief], writer: Writer, seed: int) -> None:
    start = time.process_time()
    captions = writer.write(briefs, seed)
    spent = time.process_time() - start
    use = hashtags.TagUse(briefs[0].history)
    for n, (brief, caption) in enumerate(zip(briefs, captions, strict=True), 1):
        print(f"\n{n:2} {brief.kind}, {caption.route}: {', '.join(brief.shows)} [{brief.season}]")
        print(f"   {caption.text}")
        for name in ("quote", "headline"):
            if getattr(caption, name):
                print(f"   {name}: {getattr(caption, name)}")
        if caption.slides:
            print(f"   slides: {' | '.join(caption.slides)}")
        tags = hashtags.choose(brief.shows, brief.brand, use, kind=brief.kind, season=brief.season)
        print("   " + " ".join(f"#{tag.tag}" for tag in tags))
        shown = caption.quote or (caption.headline if brief.kind != "photo" else "")
        print("   alt: " + alt_text.describe(brief.shows, kind=brief.kind, text_on_picture=shown))
    words = [len(caption.text.split()) for caption in captions]
    openings = Counter(" ".join(caption.text.split()[:3]).lower() for caption in captions)
    own = Counter(
        line.split(":", 1)[1]
        for caption in captions
        for line in str(caption.reasons.get("skeletons", "")).split()
        if line.startswith("own:")
    )
    mined = {line.same for line in habits(briefs[0].brand, briefs[0].history).own}
    print(f"\nroutes: {dict(writer.routes)}")
    print(
        f"the brand's own skeletons: in {sum(own.values())} of {len(captions)} captions; "
        f"{len(mined)} mined; {dict(own.most_common())}"
    )
    print(f"turned down: {dict(writer.rejections.most_common())}")
    print(
        f"words: median {int(np.median(words))}, {min(words)}-{max(words)}; "
        f"openings used twice: {sum(n > 1 for n in openings.values())}; "
        f"{spent:.1f} CPU-s, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--count", type=int, default=40)
    ask.add_argument("--brand", default="demo", choices=["demo", *STARTER_BRANDS])
    ask.add_argument("--posts", type=Path, help="posts with keywords (JSONL), for --brand demo")
    ask.add_argument("--read", action="store_true", help="keywords read from the posts' words")
    ask.add_argument("--base", type=Path)
    ask.add_argument("--adapter", type=Path)
    given = ask.parse_args()
    model = None
    if given.base:
        from feedsmith.captions.model import CaptionModel

        model = CaptionModel(given.base, given.adapter, threads=1)
    if given.brand == "demo":
        if not given.posts:
            ask.error("--brand demo needs --posts demo_posts.jsonl")
        briefs = demo_briefs(given.posts, given.count, given.seed, given.read)
    else:
        briefs = starter_briefs(given.brand, given.count, given.seed)
    report(briefs, Writer(model), given.seed)


if __name__ == "__main__":
    main()
