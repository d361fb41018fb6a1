"""Before and after training on a brand: voice, copying, perplexity; and whether captions follow the picture.

    python bench/caption_voice.py --data museum_brand.jsonl [--hold-out 400] --run RUN [--out FILE.json]
    python bench/caption_voice.py --data museum_brand.jsonl --export rows.jsonl
    python bench/caption_voice.py --pictures 40 [--run RUN]

The first takes posts of one brand without photos (JSON lines with caption and taken_at), holds out the newest, and
measures the base alone, the shipped adapter and RUN (a run's folder, or an adapter .gguf):
perplexity of --perplexity held-out captions; and of --captions captions that each model
samples for held-out prompts, and that the writer writes with the shipped adapter and with RUN:
distances, the classifier (on all of a caption, and on its first 200 characters, as the runtime's room cuts long ones),
longest copied run, distinct-1/2/3, keywords named. What the pictures show is guessed from the captions' own
words and hashtags, as `captions.train.from_text` does, so "keywords named" is about the prompt, not about pictures.

The second writes the same rows for training: from_rows(read_rows(FILE), name, SPLIT) holds out the same ones.

The third needs no data: held-out starter captions, whose keywords people wrote down from photos. Rank of the right one among 50
by likelihood with the keywords in the prompt, less that without; and keywords named by captions sampled with the
keywords and without them.

Without --run there is no "after". About 20 minutes with the defaults on an idle core; every count is an option.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from feedsmith import models
from feedsmith.brand import Brand
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.prompt import Request, example, held_out
from feedsmith.captions.train import STARTER, Config, Row, corpus, read_rows
from feedsmith.captions.writer import Writer
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.evaluate import captions as stage
from feedsmith.evaluate import picture
from feedsmith.evaluate.classifier import tell_apart
from feedsmith.evaluate.copying import Corpus, copying, distinct, tokens
from feedsmith.evaluate.distance import Said, compare
from feedsmith.evaluate.figures import Settings
from feedsmith.evaluate.perplexity import measured
from feedsmith.sources.caption import hashtags, without_hashtags
from feedsmith.understanding import keywords

FIRST = 200
"""Characters that the second classifier sees."""
LONGEST = 150
"""Tokens sampled at most; the runtime has room for 256 with the prompt."""


def split(hold_out: int) -> Config:
    """Settings under which captions.train holds out the newest `hold_out` of dated rows."""
    return Config(held_out=0.49, held_out_max=hold_out)


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--data", type=Path, help="posts of one brand: caption, taken_at (JSONL)")
    ask.add_argument("--hold-out", type=int, default=400)
    ask.add_argument("--run", type=Path, help="a run's folder, or an adapter .gguf")
    ask.add_argument("--base", type=Path, help="the run's base, where it is not the shipped one")
    ask.add_argument("--perplexity", type=int, default=100, help="held-out captions judged")
    ask.add_argument("--captions", type=int, default=100, help="of each kind")
    ask.add_argument("--only", nargs="+", choices=["perplexity", "sampled", "writer"])
    ask.add_argument("--pictures", type=int, default=0, help="measure the picture instead")
    ask.add_argument("--temperature", type=float, default=0.8)
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--name", default="SFO Museum")
    ask.add_argument("--niche", default="airport museum")
    ask.add_argument("--voice", default="expert")
    ask.add_argument("--export", type=Path, help="write rows to train on, and do nothing else")
    ask.add_argument("--out", type=Path, help="write all figures and captions to this file")
    given = ask.parse_args()
    if given.pictures:
        found = {"pictures": pictures(given)}
    elif given.data:
        found = voice(given)
    else:
        ask.error("--data or --pictures is needed")
    if given.out and found:
        given.out.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")


def ears(given: argparse.Namespace) -> list[stage.Ear]:
    """Base alone, as shipped, and after training, where there is one."""
    base = models.find("captions-base")
    found = [stage.Ear("base alone", base, None)]
    try:
        found.append(stage.Ear("shipped", base, models.find("starter-lora")))
    except MissingModel as error:
        print(f"not measured: {error.message}", file=sys.stderr)
    if given.run:
        after = given.run
        if after.is_dir():
            result = json.loads((after / "card.json").read_text("utf-8"))["result"]
            after = given.run / (result["adapter"] or result["model"])
            if not result["adapter"]:
                return [*found, stage.Ear("after", after, None, own=True)]
        found.append(stage.Ear("after", given.base or base, after, own=True))
    return found


# --- voice ---------------------------------------------------------------------------------------


def rows_of(path: Path, brand: Brand) -> list[Row]:
    """The posts as rows, keywords guessed as captions.train.from_text guesses them."""
    posts = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    texts = [str(post["caption"]) for post in posts]
    phrases = keywords.phrases_of(texts)
    rows = []
    for post, text in zip(posts, texts, strict=True):
        tags, plain = hashtags(text), without_hashtags(text)
        shown = keywords.of_photo(plain, tags, phrases=phrases, brand=brand.name)
        at = datetime.fromisoformat(post["taken_at"])
        rows.append(corpus._row(plain, brand, "photo", [w.word for w in shown], tags, at))
    return rows


def voice(given: argparse.Namespace) -> dict[str, Any]:
    brand = Brand(name=given.name, niche=given.niche, voice=given.voice)
    rows = rows_of(given.data, brand)
    if given.export:
        lines = "".join(row.model_dump_json() + "\n" for row in rows)
        given.export.write_text(lines, "utf-8")
        print(f"{len(rows)} rows in {given.export}; train on them with {split(given.hold_out)!r}")
        return {}
    data = corpus.split(rows, given.data.name, len(rows), split(given.hold_out))
    print(f"{len(data.train)} to train on, {len(data.held)} held out; {'; '.join(data.notes)}")
    order = np.random.default_rng([given.seed, 7]).permutation(len(data.held))
    drawn = [data.held[i] for i in order]
    told: dict[str, Any] = {"train": len(data.train), "held_out": len(data.held), "sets": {}}
    jobs = given.only or ["perplexity", "sampled", "writer"]
    sets: dict[str, tuple[list[str], list[int], Sequence[Row]]] = {}
    for ear in ears(given):
        with CaptionModel(ear.base, ear.adapter, own=ear.own) as model:
            if "perplexity" in jobs:
                told.setdefault("perplexity", {})[ear.name] = surprise(ear, model, drawn, given)
            if "sampled" in jobs:
                some = drawn[: given.captions]
                texts = sampled(ear, model, [example(r.model_dump())[0] for r in some], given)
                kept = [(t, r) for t, r in zip(texts, some, strict=True) if t]
                sets[f"sampled, {ear.name}"] = (
                    [t for t, _ in kept], [], [r for _, r in kept],
                )  # fmt: skip
            if "writer" in jobs and ear.adapter is not None:
                sets[f"writer, {ear.name}"] = by_writer(ear, model, data, drawn, brand, given)
    shelf = Corpus(row.caption for row in data.train)
    real = list(reversed(data.held))
    sets["real, held out"] = ([r.caption for r in drawn], [len(r.hashtags) for r in drawn], drawn)
    for name, (texts, tags, of) in sets.items():
        told["sets"][name] = figures(name, texts[: given.captions], tags, of, real, shelf, given)
        told["sets"][name]["captions"] = texts[: given.captions]
    return told


def surprise(
    ear: stage.Ear, model: CaptionModel, rows: Sequence[Row], given: argparse.Namespace
) -> float:
    start = time.monotonic()
    pairs = [stage.pair(row) for row in rows[: given.perplexity]]
    found = measured(ear.name, model, pairs)
    assert found is not None
    print(
        f"perplexity, {ear.name}: {found.value:.2f} on {found.captions} held-out captions, "
        f"{found.tokens} tokens ({time.monotonic() - start:.0f} s)",
        flush=True,
    )
    return found.value


def sampled(
    ear: stage.Ear, model: CaptionModel, prompts: Sequence[str], given: argparse.Namespace
) -> list[str]:
    """The first caption that comes for each prompt; '' where none is whole."""
    start = time.monotonic()
    texts = []
    for prompt in prompts:
        try:
            found = model.sample(
                [prompt], 1, given.seed, max_tokens=LONGEST, temperature=given.temperature
            )[0]
        except FeedsmithError:  # the prompt leaves no room
            found = []
        texts.append(found[0] if found else "")
    print(f"sampled, {ear.name}: {len(texts)} in {time.monotonic() - start:.0f} s", flush=True)
    return texts


def by_writer(
    ear: stage.Ear,
    model: CaptionModel,
    data: corpus.Data,
    rows: Sequence[Row],
    brand: Brand,
    given: argparse.Namespace,
) -> tuple[list[str], list[int], Sequence[Row]]:
    start = time.monotonic()
    own = stage.Own(data.train, data.held, tuple(rows[: given.captions]), {})
    writer, notes = Writer(model), list[str]()
    settings = Settings(count=given.captions, seed=given.seed)
    written = stage.write(writer, own, brand, settings, stage.Clock(1e9), progress, notes)
    spent = time.monotonic() - start
    routes = dict(writer.routes)
    print(
        f"writer, {ear.name}: {len(written)} in {spent:.0f} s, {routes} {notes or ''}", flush=True
    )
    return (
        [one.text for one in written],
        [len(one.hashtags) for one in written],
        [own.pictures[one.picture] for one in written],
    )


def progress(stage: str, done: int, total: int, note: str = "") -> None:
    if sys.stderr.isatty():
        print(f"\r{stage} {done}/{total} ", end="", file=sys.stderr)


def figures(
    name: str,
    texts: Sequence[str],
    tags: Sequence[int],
    rows: Sequence[Row],
    real: Sequence[Row],
    shelf: Corpus,
    given: argparse.Namespace,
) -> dict[str, Any]:
    """All measures of one set against the held-out captions that people wrote.

    `tags` counts hashtags, [] where the set has none of its own. Real ones are compared with other real ones.
    """
    others = [row for row in real if row.caption not in set(texts)] or list(real)
    said = [Said(text, tags[i] if tags else 0) for i, text in enumerate(texts)]
    theirs = [Said(row.caption, len(row.hashtags)) for row in others]
    distances = [d for d in compare(said, theirs, given.seed) if tags or d.habit != "hashtags"]
    whole = tell_apart(texts, [row.caption for row in others], given.seed)
    first = tell_apart(
        [text[:FIRST] for text in texts], [row.caption[:FIRST] for row in others], given.seed
    )
    copied = copying(texts, shelf)
    size = min(sum(len(tokens(t)) for t in side) for side in (texts, [r.caption for r in others]))
    varied = [(distinct(texts, n, size), distinct([r.caption for r in others], n, size)) for n in (1, 2, 3)]  # fmt: skip
    shown = [(text, row.keywords) for text, row in zip(texts, rows, strict=False) if row.keywords]
    named = float(np.mean([picture.recall(*one) for one in shown])) if shown else math.nan
    print(f"\n{name}: {len(texts)} captions")
    for d in distances:
        near = "near" if d.near else "far "
        print(f"  {d.habit:13} {near} {d.value:8.3f} {d.unit} (halves of real {d.usual:.3f} to {d.usual_high:.3f}); {d.generated} against {d.own}")  # fmt: skip
    for what, verdict in (("whole", whole), (f"first {FIRST} characters", first)):
        if verdict:
            print(f"  told apart, {what}: {verdict.accuracy:.1%} ({verdict.low:.0%} to {verdict.high:.0%})")  # fmt: skip
            for giveaway in verdict.giveaways[:5]:
                print(f"    {giveaway.in_words()}")
    if copied:
        print(f"  longest copied run: median {copied.median:g}, 95% {copied.upper}, most {copied.most}: {copied.worst.words[:100]!r}")  # fmt: skip
    print("  distinct-1, 2, 3: " + ", ".join(f"{a:.3f} (real {b:.3f})" for a, b in varied))
    print(f"  keywords named: {named:.1%}", flush=True)
    return {
        "distances": [d.model_dump() for d in distances],
        "classifier": whole and whole.model_dump(),
        "classifier_first": first and first.model_dump(),
        "copying": copied and copied.model_dump(),
        "distinct": varied,
        "keywords_named": named,
    }


# --- picture -------------------------------------------------------------------------------------


def pictures(given: argparse.Namespace) -> dict[str, Any]:
    """Held-out starter captions: the right one's rank, and keywords named by samples."""
    rows = [Row.model_validate({k: v for k, v in row.items() if k in Row.model_fields}) for row in read_rows(STARTER) if held_out(row["caption"])]  # fmt: skip
    rows = [rows[i] for i in np.random.default_rng([given.seed, 8]).permutation(len(rows))]
    candidates = rows[: stage.CANDIDATES]
    some = candidates[: given.pictures]

    def prompt(row: Row, shows: tuple[str, ...]) -> str:
        return Request(kind="photo", niche=row.niche, voice=row.voice, shows=shows).prompt()

    told: dict[str, Any] = {}
    for ear in ears(given)[1:]:
        with CaptionModel(ear.base, ear.adapter, own=ear.own) as model:
            start = time.monotonic()
            found = picture.found(
                model,
                {"keywords": [prompt(row, row.keywords) for row in some]},
                [prompt(row, ()) for row in some],
                [stage.cut(row.caption) for row in candidates],
                range(len(some)),
            )
            assert found is not None
            spent = time.monotonic() - start
            print(f"\n{ear.name}: the right caption among {found.of} ({spent:.0f} s)")
            for name, r in (*found.ways.items(), ("chance", picture.chance(found.of))):
                print(f"  {name:22} mean {r.mean:5.1f} median {r.median:4g} first {r.first:4.0%} in five {r.five:4.0%} MRR {r.reciprocal:.3f}")  # fmt: skip
            shown = [row.keywords for row in some]
            named: dict[str, float] = {}
            for name, prompts in (
                ("with the keywords", [prompt(row, row.keywords) for row in some]),
                ("text only", [prompt(row, ()) for row in some]),
            ):
                texts = sampled(ear, model, prompts, given)
                named[name] = float(np.mean([picture.recall(*one) for one in zip(texts, shown, strict=True)]))  # fmt: skip
                if name == "with the keywords":
                    named["by chance"] = picture.recall_by_chance(texts, shown)
            named["people"] = float(np.mean([picture.recall(row.caption, row.keywords) for row in some]))  # fmt: skip
            print("  keywords named: " + ", ".join(f"{k} {v:.0%}" for k, v in named.items()), flush=True)  # fmt: skip
            told[ear.name] = {"retrieval": found.model_dump(), "keywords_named": named}
    return told


if __name__ == "__main__":
    main()
