"""The caption report: does what Feedsmith writes sound like the brand, and follow the picture?

    report = evaluate(Home(Path("mybrand")), Settings())

The newest posts, which the brand's model was not trained on, are held out; captions are written for
their pictures with everything older as the past, and set beside what the brand wrote itself. Whatever is
missing (a model, photos, posts, time) costs the figures that need it, and one line that says so.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from feedsmith import models
from feedsmith.brand import Brand, Home
from feedsmith.captions import endpoint, hashtags
from feedsmith.captions.brief import Caption, CaptionBrief
from feedsmith.captions.endpoint import Endpoint
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.prompt import END, Request, example
from feedsmith.captions.train import Config, Row, Run, corpus, trained
from feedsmith.captions.writer import Writer
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.evaluate import page, picture
from feedsmith.evaluate.classifier import tell_apart
from feedsmith.evaluate.copying import Corpus, copying, distinct, tokens
from feedsmith.evaluate.distance import Said, compare
from feedsmith.evaluate.figures import CaptionReport, Settings, Training, Variety, Written
from feedsmith.evaluate.perplexity import Perplexity, measured
from feedsmith.evaluate.picture import Recall, Retrieval
from feedsmith.files import check_writable, write_json
from feedsmith.library import Library
from feedsmith.post import KINDS, PastPost
from feedsmith.progress import Report, silent
from feedsmith.understanding import look, traits

A_PICTURE = 4
"""Captions written for one picture at most."""
AT_ONCE = 4
"""Captions written between two looks at the clock; the next ones count them as past."""
CANDIDATES = 50
"""Captions among which the right one is looked for."""
CUT = 80
"""Characters of a candidate that are read: a pass costs by the token, and what a picture shows is
mostly named early."""
SHOWN = "by its keywords, look and neighbours"
SEEN = "by look and neighbours alone"
WRITING, SURPRISE, PICTURES = 0.45, 0.65, 0.95
"""Shares of the budget by which a part ends; what one leaves, the next ones have."""


def evaluate(home: Home, settings: Settings, report: Report = silent) -> CaptionReport:
    """Measure a brand's captions; writes reports/captions.html and reports/captions.json there.

    Raises FeedsmithError when there is no brand, its library is damaged, or the folder cannot be
    written; all else that is missing is told in the report's notes.
    """
    notes: list[str] = []
    clock = Clock(settings.budget)
    brand, library = home.load(), Library(home.library)
    folder = home.root / "reports"
    check_writable(folder)

    # The brand's own captions, the newest apart, and the language models there are.
    own = own_captions(home, notes)
    ears = listeners(home, notes)

    # Captions for the held-out pictures, as the brand would get them.
    with opened(ears[:1], notes) as model:
        writer = Writer(model, other=_endpoint(brand, notes))
        written = write(writer, own, brand, settings, clock, report, notes)
        heard = ears[0].name if writer.model is not None else ""

    # Voice: how far off, told apart by what, how much copied, how varied.
    real = own.newest(2 * len(written))
    said = [Said(one.text, len(one.hashtags)) for one in written]
    texts, theirs = [one.text for one in written], [row.caption for row in real]
    numbers = [one.picture for one in written], own.numbers(real)
    shelf = Corpus(row.caption for row in own.older)
    distances = compare(said, [Said(r.caption, len(r.hashtags)) for r in real], settings.seed)
    verdict = tell_apart(texts, theirs, settings.seed, numbers)
    if written and verdict is None:
        notes.append(
            f"Voice is compared from a dozen captions of each side on; here are {len(texts)} written "
            f"and {len(theirs)} of the brand's own."
        )

    # How surprising the held-out captions are; whether the right one is found for a picture.
    perplexities = surprise(ears, own, settings, clock, report, notes)
    with opened(ears[:1], notes) as model:
        retrieval = looked_for(model, own, brand, settings, clock, report, notes)

    style = page.style(home, brand, library, notes)
    told = CaptionReport(
        brand=brand.name,
        settings=settings,
        captions=len(own.older) + len(own.held),
        held_out=len(own.held),
        model=heard,
        written=tuple(written),
        lengths=tuple(len(tokens(text)) for text in theirs),
        distances=distances,
        verdict=verdict,
        copying=copying(texts, shelf) if own.older else None,
        copying_own=copying([row.caption for row in own.held], shelf),
        variety=_variety(texts, theirs),
        recall=_recall(written),
        retrieval=retrieval,
        chance=picture.chance(retrieval.of) if retrieval else None,
        perplexities=perplexities,
        routes=dict(Counter(one.route for one in written).most_common()),
        rejections=dict(writer.rejections.most_common()),
        training=_training(home),
        notes=tuple(dict.fromkeys(notes)),
    )
    write_json(folder / "captions.json", told.model_dump(mode="json"))
    page.write(folder / "captions.html", told, style, library)
    return told


class Clock:
    """How much of the budget is spent."""

    def __init__(self, budget: float) -> None:
        self._budget = budget
        self._start = time.monotonic()

    def until(self, share: float) -> float:
        """Seconds until `share` of the budget is spent; negative afterwards."""
        return share * self._budget - (time.monotonic() - self._start)


# ---- the brand's own captions ----------------------------------------------------------------


class Own(NamedTuple):
    """What the brand wrote, and the pictures that captions are written for."""

    older: tuple[Row, ...]
    """What a model may have been trained on, oldest first."""
    held: tuple[Row, ...]
    """The newest, which it was not."""
    pictures: tuple[Row, ...]
    """The held-out posts; all posts, with or without words, where none is held out."""
    photos: dict[int, str]
    """id() of a row to its photo."""

    def newest(self, count: int) -> list[Row]:
        """The newest captions first: all that are held out, and older ones up to `count`."""
        return [*reversed(self.held), *list(reversed(self.older))[: max(0, count - len(self.held))]]

    def numbers(self, rows: Sequence[Row]) -> list[int]:
        """Of their pictures, counted from 0; negative for those that no caption is written for."""
        known = {id(row): -1 - i for i, row in enumerate(self.older)}
        known |= {id(row): i for i, row in enumerate(self.pictures)}
        return [known[id(row)] for row in rows]


def own_captions(home: Home, notes: list[str]) -> Own:
    """The library's captions as the brand's training split them, or as it would."""
    brand, library = home.load(), Library(home.library)
    rows, posts = corpus.rows_of(home), library.posts()
    photos = {id(row): post.photos[0] for row, post in zip(rows, posts, strict=True) if post.photos}
    config = _split_of_training(home, brand, rows, notes)
    try:
        data = corpus.split(rows, "library", len(rows), config)
    except FeedsmithError:
        said = {row.caption: row for row in rows if any(map(str.isalpha, row.caption))}
        notes.append(
            f"{len(said) or 'No'} different captions say something, and {corpus.FEWEST} are needed to hold "
            "some out: perplexity and the right caption's rank are not measured, and what is "
            "compared, the writer knew."
        )
        pictures = rows or _rows_of_photos(library, brand, photos)
        return Own(tuple(said.values()), (), tuple(pictures), photos)
    notes += [f"{note[0].upper()}{note[1:]}." for note in data.notes]
    return Own(data.train, data.held, data.held, photos)


def _split_of_training(home: Home, brand: Brand, rows: Sequence[Row], notes: list[str]) -> Config:
    """How the brand's own model split its captions; the default where there is none."""
    try:
        mine = trained(home)
        if mine is None:
            return Config()
        run = mine.name.split()[0]
        told = json.loads((home.root / "runs" / run / "config.json").read_text("utf-8"))
        config, data = Config.model_validate(told["config"]), told["data"]
        # Posts that came later are newer: the newest as many as were held out then never trained.
        config = config.model_copy(update={"held_out_max": max(4, int(data["held_out"]))})
    except FeedsmithError:  # told by `listeners`
        return Config()
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        notes.append(
            "The folder of the brand's training run is gone: whether the newest captions were held "
            "out of it cannot be checked."
        )
        return Config()
    if data["source"] != f"library of {brand.name}":
        notes.append(
            f"The brand's model learned from {data['source']}; captions judged here may have been among "
            "them."
        )
    return config


def _rows_of_photos(library: Library, brand: Brand, photos: dict[int, str]) -> list[Row]:
    """Photos that no post tells of."""
    known = {trait.id: trait for trait in traits.read(library)}
    features = traits.embeddings(library)
    rows = []
    for key, trait in known.items():
        row = Row(
            caption="",
            niche=brand.niche or "small shop",
            voice=brand.voice,
            keywords=trait.keywords[: corpus.SHOWN_MOST],
            look=look.in_words(trait),
            near=look.near(key, known, features, trait.keywords),
        )
        photos[id(row)] = key
        rows.append(row)
    return rows


# ---- language models -------------------------------------------------------------------------


class Ear(NamedTuple):
    """A language model that may listen."""

    name: str
    base: Path
    adapter: Path | None
    own: bool = False
    """Trained on the brand's own captions."""


def listeners(home: Home, notes: list[str]) -> list[Ear]:
    """The models there are, the one that the brand uses first, the bare base last."""
    found: list[Ear] = []
    base = adapter = None
    try:
        base = models.find("captions-base")
        adapter = models.find("starter-lora")
    except MissingModel as error:
        what = "no language model" if base is None else "not the shipped adapter"
        notes.append(f"There is {what} ({error.message}); to have it: {error.mend}.")
    try:
        mine = trained(home)
    except FeedsmithError as error:
        notes.append(f"The brand's own model is left out: {error.message}; {error.mend}.")
        mine = None
    if mine is not None:
        run = mine.name.split()[0]
        found.append(Ear(f"trained on the brand ({run})", mine.base, mine.adapter, own=True))
        if base is not None and mine.base != base:
            notes.append(
                "The brand's own model has another base than the shipped one; their perplexities count other "
                "tokens and cannot be compared."
            )
    elif base is not None:
        notes.append(
            "The brand has no caption model of its own yet: the shipped one is measured. To train "
            f"one: feedsmith train captions {home.root}."
        )
    if base is not None and adapter is not None:
        found.append(Ear("as shipped", base, adapter))
    if base is not None:
        found.append(Ear("without any training on captions", base, None))
    return found


@contextmanager
def opened(ears: Sequence[Ear], notes: list[str]) -> Iterator[CaptionModel | None]:
    """The first of the models, loaded; None where there is none or it cannot be."""
    model = None
    if ears:
        try:
            model = CaptionModel(ears[0].base, ears[0].adapter, own=ears[0].own)
        except FeedsmithError as error:
            notes.append(f"The language model {ears[0].name} is left out: {error.message}.")
    if model is None:
        yield None
        return
    with model:
        yield model


# ---- writing ---------------------------------------------------------------------------------


def write(
    writer: Writer,
    own: Own,
    brand: Brand,
    settings: Settings,
    clock: Clock,
    report: Report,
    notes: list[str],
) -> list[Written]:
    """Captions for the pictures in turn, up to A_PICTURE for each; earlier ones count as past."""
    first = max(0, len(own.pictures) - settings.count)
    pictures = own.pictures[first:]
    total = min(settings.count, A_PICTURE * len(pictures))
    past = tuple(_past(row, i) for i, row in enumerate(own.older))
    use = hashtags.TagUse(past)
    written: list[Written] = []
    turns = list(islice(cycle(range(len(pictures))), total))
    for start in range(0, total, AT_ONCE):
        if start and clock.until(WRITING) < 0:
            notes.append(f"There was time for {start} of {total} captions; --budget gives more.")
            break
        made = tuple(PastPost(id=f"w{i}", text=one.text) for i, one in enumerate(written))
        briefs = [
            brief_of(pictures[at], brand, past, made) for at in turns[start : start + AT_ONCE]
        ]
        for at, brief, caption in zip(
            turns[start:], briefs, _captions(writer, briefs, settings.seed + start, notes), strict=False
        ):  # fmt: skip
            row = pictures[at]
            tags = hashtags.choose(brief.shows, brand, use, kind=brief.kind, season=brief.season)
            written.append(
                Written(
                    text=caption.text,
                    hashtags=tuple(tag.tag for tag in tags),
                    route=route_of(caption),
                    kind=brief.kind,
                    keywords=brief.shows,
                    picture=first + at,
                    photo=own.photos.get(id(row), ""),
                    real=row.caption,
                )
            )
            report("writing captions", len(written), total, caption.text)
    if writer.other is not None:
        said = writer.said
        notes.append(
            f"{writer.other.name} wrote {said.read} captions, and {said.won} were taken."
            + (f" It was left alone: {said.trouble.message}." if said.trouble else "")
        )
    return written


def brief_of(
    row: Row, brand: Brand, history: tuple[PastPost, ...], made: tuple[PastPost, ...] = ()
) -> CaptionBrief:
    """What the writer would be told of a row's picture, after `made` was written for it."""
    season = (
        row.look[0] if row.look and row.look[0] in ("spring", "summer", "autumn", "winter") else ""
    )
    kind = next((kind for kind in KINDS if kind == row.kind), "photo")
    return CaptionBrief(
        kind=kind,
        brand=brand,
        shows=row.keywords,
        season=season,
        look=row.look,
        near=row.near,
        offer=row.offer or "",
        history=history,
        made=made,
    )


def _past(row: Row, number: int) -> PastPost:
    return PastPost(
        id=f"{number}", text=row.caption, hashtags=row.hashtags, posted_at=row.at, kind=row.kind
    )


def _endpoint(brand: Brand, notes: list[str]) -> Endpoint | None:
    """The chat model that the brand has set as a writer."""
    try:
        return endpoint.chosen("", brand.writer)
    except FeedsmithError as error:
        notes.append(f"No chat model writes: {error.message}; {error.mend}.")
        return None


def _captions(
    writer: Writer, briefs: Sequence[CaptionBrief], seed: int, notes: list[str]
) -> list[Caption]:
    """By the writer; without its language model from the first fault of that on."""
    try:
        return writer.write(briefs, seed)
    except FeedsmithError as error:
        if writer.model is None:
            raise
        notes.append(f"Captions were written without the language model: {error.message}.")
        writer.model = None
        return writer.write(briefs, seed)


def route_of(caption: Caption) -> str:
    """Its route; "own" for sentences of people among which is one of the brand's."""
    used = str(caption.reasons.get("skeletons", "")).split()
    return "own" if any(line.startswith("own:") for line in used) else str(caption.route)


# ---- measures that need a model --------------------------------------------------------------


def surprise(
    ears: Sequence[Ear],
    own: Own,
    settings: Settings,
    clock: Clock,
    report: Report,
    notes: list[str],
) -> tuple[Perplexity, ...]:
    """Perplexity of the same held-out captions under each model."""
    order = np.random.default_rng([settings.seed, 1]).permutation(len(own.held))
    pairs = [pair(own.held[i]) for i in order]
    found: list[Perplexity] = []
    for ear in ears if pairs else ():
        # The first model sets how many there is time for; the others get just these.
        last = clock.until(SURPRISE) * (1 - 1 / len(ears))

        def going_on(
            done: int, name: str = ear.name, of: int = len(pairs), last: float = last
        ) -> bool:
            report(f"perplexity, {name}", done, of)
            return bool(found) or clock.until(SURPRISE) > last

        try:
            with opened([ear], notes) as model:
                if model is not None and (one := measured(ear.name, model, pairs, going_on)):
                    found.append(one)
                    pairs = pairs[: one.captions]
        except FeedsmithError as error:
            notes.append(f"Perplexity {ear.name} is not measured: {error.message}.")
    if found and len(pairs) < len(own.held):
        notes.append(
            f"Perplexity is of {len(pairs)} of the {len(own.held)} held-out captions, chosen by lot; "
            "--budget gives more."
        )
    return tuple(found)


def pair(row: Row) -> tuple[str, str]:
    """The prompt that a row would have been trained with, and its caption."""
    prompt, target = example(row.model_dump())
    return prompt, target.removesuffix(END)


def looked_for(
    model: CaptionModel | None,
    own: Own,
    brand: Brand,
    settings: Settings,
    clock: Clock,
    report: Report,
    notes: list[str],
) -> Retrieval | None:
    """The right caption of held-out pictures among CANDIDATES, by likelihood."""
    rows = own.newest(CANDIDATES)[:CANDIDATES]
    shown = [i for i in range(min(len(own.held), len(rows))) if rows[i].keywords]
    order = np.random.default_rng([settings.seed, 2]).permutation(len(shown))
    right = [shown[i] for i in order[: settings.pictures]]
    if model is None or not right:
        if own.held and not shown:
            notes.append("No held-out picture has keywords: the right caption is not looked for.")
        return None

    def prompt(row: Row | None, *, words: bool = True) -> str:
        # The same for all but the picture: length, emoji and offer would give the caption away.
        return Request(
            kind="photo",
            niche=brand.niche or "small shop",
            voice=brand.voice,
            shows=row.keywords if row and words else (),
            look=row.look if row else (),
            near=row.near if row else (),
        ).prompt()

    prompts = {SHOWN: [prompt(rows[i]) for i in right]}
    if all(rows[i].look or rows[i].near for i in right):
        prompts[SEEN] = [prompt(rows[i], words=False) for i in right]

    def going_on(done: int) -> bool:
        report("looking for the right caption", done, len(right))
        return clock.until(PICTURES) > 0

    try:
        found = picture.found(
            model,
            prompts,
            [prompt(None)] * len(right),
            [cut(row.caption) for row in rows],
            right,
            going_on,
        )
    except FeedsmithError as error:
        notes.append(f"The right caption is not looked for: {error.message}.")
        return None
    done = next(iter(found.ways.values())).pictures if found else 0
    if done < len(right):
        notes.append(
            f"The right caption was looked for under {done} of {len(right)} pictures; --budget gives more."
        )
    if found and len(own.held) < len(rows):
        notes.append(
            f"Of the {len(rows)} captions among which the right one is looked for, {len(own.held)} are held "
            "out; the others are the newest before them."
        )
    return found


def cut(text: str) -> str:
    """The beginning of a caption, up to CUT characters, in whole words."""
    text = " ".join(text.split())
    return text if len(text) <= CUT else text[:CUT].rsplit(" ", 1)[0]


# ---- measures of texts alone -----------------------------------------------------------------


def _recall(written: Sequence[Written]) -> Recall | None:
    """Over the pictures that have keywords."""
    shown = [one for one in written if one.keywords]
    if not shown:
        return None
    texts, keywords = [one.text for one in shown], [one.keywords for one in shown]
    # Each picture's own caption counts once, however many were written for it.
    theirs = {one.picture: picture.recall(one.real, one.keywords) for one in shown if one.real}
    return Recall(
        generated=round(float(np.mean([picture.recall(*pair) for pair in zip(texts, keywords, strict=True)])), 4),
        captions=len(shown),
        own=round(float(np.mean(list(theirs.values()))), 4) if theirs else None,
        chance=round(picture.recall_by_chance(texts, keywords), 4),
    )  # fmt: skip


def _variety(texts: Sequence[str], own: Sequence[str]) -> tuple[Variety, ...]:
    words = min(sum(len(tokens(text)) for text in side) for side in (texts, own))
    if not words:
        return ()
    return tuple(
        Variety(
            n=n,
            words=words,
            generated=round(distinct(texts, n, words), 4),
            own=round(distinct(own, n, words), 4),
        )
        for n in (1, 2, 3)
    )


def _training(home: Home) -> Training | None:
    """The losses of the newest run that has some."""
    folders = sorted(home.root.glob("runs/[0-9]*-captions"), reverse=True)
    for run in map(Run, folders):
        lines = run.lines()
        steps, held = (
            tuple(
                (int(line["step"]), float(line[name]))
                for line in lines
                if isinstance(line, dict) and _number(line.get(name)) and _number(line.get("step"))
            )
            for name in ("loss", "held_out")
        )
        if len(steps) > 1:
            return Training(run=run.name, steps=steps, held_out=held)
    return None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
