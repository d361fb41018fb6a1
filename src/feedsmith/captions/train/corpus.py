"""The captions that are trained on: of a brand's library, of one text file, or of JSON lines.

Captions that say nothing are left out, repeated ones are taken once, and the newest are held out;
where captions have no dates, the held-out ones are chosen by their own hash. Knows libraries and
brands; knows no model and no token.
"""

import gzip
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feedsmith import rules
from feedsmith.brand import Brand, Home
from feedsmith.captions import starter
from feedsmith.captions.prompt import held_out
from feedsmith.captions.train.config import Config
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.facts import facts
from feedsmith.library import Library
from feedsmith.post import KINDS, PastPost, Value
from feedsmith.sources.caption import decode, hashtags, without_hashtags
from feedsmith.understanding import keywords, look, traits

STARTER = starter.PATH
"""The example captions that come with Feedsmith."""
FEWEST = 20
"""Captions below which nothing can be learned that the shipped adapter does not know."""
HELD_LEAST = 4
SHOWN_MOST = 8
"""Keywords in a prompt."""

_START, _STOP = "<|startoftext|>", "<|endoftext|>"
"""The marks of gpt-2-simple around each text of a file."""
_MARK = re.compile(r"<\|[A-Za-z_]{2,24}\|>")
"""What a tokeniser would read as a sign of its own."""
_LINK = re.compile(r"https?://\S+|\bwww\.\S+|\b(?:bit\.ly|linktr\.ee)/\S+", re.I)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_FOLDS = re.compile(r"(?:[ \n]+[.·•])+\s*$")
"""Single points that push the hashtags down."""
_TIMES = ("taken_at", "posted_at", "timestamp", "date")
_OFFERS = ("price", "percentage", "code")
_SAID = ("price", "percentage", "code", "date", "weekday", "time")


class Row(Value):
    """One caption with what its prompt says of it."""

    caption: str
    """Without hashtags."""
    kind: str = "photo"
    niche: str
    voice: str
    keywords: tuple[str, ...] = ()
    """What the picture shows."""
    look: tuple[str, ...] = ()
    """What it looks like; see `understanding.look`."""
    near: tuple[str, ...] = ()
    """Keywords of the library's photos most like it."""
    offer: str | None = None
    """Prices, percentages, codes and dates of an offer, as the caption has them."""
    hashtags: tuple[str, ...] = ()
    at: datetime | None = None


class Data(Value):
    """Captions to train on and captions held out."""

    train: tuple[Row, ...]
    """Oldest first."""
    held: tuple[Row, ...]
    source: str
    """Where they came from, for people."""
    notes: tuple[str, ...] = ()
    """What was left out and why, one sentence each."""

    @property
    def sha256(self) -> str:
        """Hash of all captions with their prompts, and of which are held out."""
        digest = hashlib.sha256()
        for part, rows in (("train", self.train), ("held", self.held)):
            for row in rows:
                digest.update(f"{part} {row.model_dump_json()}\n".encode())
        return digest.hexdigest()


def from_library(home: Home, config: Config) -> Data:
    """The posts of a brand's library, with what their photos show.

    Raises FeedsmithError when fewer than FEWEST captions say something.
    """
    rows = rows_of(home)
    return split(rows, f"library of {home.load().name}", len(rows), config)


def rows_of(home: Home) -> list[Row]:
    """Every post of a brand's library as a row, in the library's order; captions may be empty."""
    brand, library = home.load(), Library(home.library)
    posts = library.posts()
    seen = {trait.id: trait for trait in traits.read(library)}
    features = traits.embeddings(library)
    uses = Counter(tag.lower() for post in posts for tag in set(post.hashtags))
    common = {tag for tag, n in uses.items() if n >= max(4, 0.08 * len(posts))}
    rows = []
    for post in posts:
        shown = [word for photo in post.photos if photo in seen for word in seen[photo].keywords]
        if not shown:
            shown = [
                " ".join(keywords.split(tag))
                for tag in post.hashtags
                if tag.lower() not in common and tag.lower() != brand.handle.lower()
            ]
        row = _row(_words(post), brand, post.kind, shown, post.hashtags, post.posted_at)
        first = next((photo for photo in post.photos if photo in seen), None)
        if first is not None:
            own = frozenset(post.photos)
            row = row.model_copy(
                update={
                    "look": look.in_words(seen[first]),
                    "near": look.near(first, seen, features, row.keywords, own),
                }
            )
        rows.append(row)
    return rows


def from_text(path: Path, brand: Brand, config: Config) -> Data:
    """One text file: texts between gpt-2-simple's marks, or else one caption a line.

    A .jsonl file has one object a line with `caption` and, where known, the time of its post in ISO
    8601 as `taken_at` (or date, timestamp, posted_at). What the pictures showed is guessed from the
    captions' own words and hashtags. Raises FeedsmithError when the file cannot be read or has fewer
    than FEWEST captions.
    """
    whole = _text(_bytes(path))
    dated = _dated(path, whole) if path.suffix == ".jsonl" else [(t, None) for t in texts_of(whole)]
    texts = [text for text, _ in dated]
    phrases = keywords.phrases_of(texts)
    rows = []
    for text, at in dated:
        tags = hashtags(text)
        plain = without_hashtags(text)
        try:
            found = keywords.of_photo(
                plain, tags, phrases=phrases, brand=f"{brand.name} {brand.handle}"
            )
        except MissingModel:
            found = []
        rows.append(_row(plain, brand, "photo", [word.word for word in found], tags, at))
    return split(rows, path.name, len(texts), config)


def _dated(path: Path, text: str) -> list[tuple[str, datetime | None]]:
    """Captions of JSON lines with their times; raises FeedsmithError naming the first bad line."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            caption = row["caption"]
            when = next((row[key] for key in _TIMES if row.get(key)), None)
            at = datetime.fromisoformat(when) if when is not None else None
            if not isinstance(caption, str):
                raise TypeError("caption is no text")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FeedsmithError(
                f"{path}, line {number}: not a caption ({error!r})",
                mend='each line needs "caption", and "taken_at" like 2026-05-03T09:30 where known',
            ) from error
        found.append((caption, at if at is None or at.tzinfo else at.replace(tzinfo=UTC)))
    return found


def texts_of(text: str) -> list[str]:
    """The texts of a corpus file, in order: by gpt-2-simple's marks where it has them, else lines."""
    if _START in text:
        parts = [part.partition(_STOP)[0] for part in text.split(_START)[1:]]
    elif _STOP in text:
        parts = text.split(_STOP)
    else:
        parts = text.splitlines()
    return [part.strip() for part in parts if part.strip()]


def from_rows(rows: Sequence[Mapping[str, Any]], source: str, config: Config) -> Data:
    """Rows as in starter.jsonl.gz (see `read_rows`); the held-out ones are chosen by hash."""
    known = Row.model_fields
    made = [Row.model_validate({k: v for k, v in row.items() if k in known}) for row in rows]
    return split(made, source, len(rows), config)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """JSON lines as rows, packed where the name ends in .gz; raises FeedsmithError naming the first bad line."""
    rows = []
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    # Not by splitlines: other separators of Unicode, which captions have, would end a line as well.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            for key in ("caption", "kind", "niche", "voice", "keywords", "offer"):
                row[key]
        except (ValueError, KeyError, TypeError) as error:
            raise FeedsmithError(
                f"{path}, line {number}: not a caption row ({error!r})",
                mend="each line needs caption, kind, niche, voice, keywords and offer",
            ) from error
        rows.append(row)
    return rows


def _row(
    text: str,
    brand: Brand,
    kind: str,
    shown: Iterable[str],
    tags: Sequence[str],
    at: datetime | None,
) -> Row:
    # JSON may carry halves of surrogate pairs, which no tokeniser takes.
    text = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode("utf-8"))
    text = _without_links(_MARK.sub(" ", text)[: rules.CAPTION_MAX])
    told = [fact for fact in facts(text) if fact.kind in _SAID]
    offer = None
    if any(fact.kind in _OFFERS for fact in told):
        offer = ", ".join(dict.fromkeys(fact.text for fact in told))
    kind = {"video": "reel", "igtv": "reel"}.get(kind, kind)
    if kind not in KINDS:
        kind = "photo"
    return Row(
        caption=text,
        # A price alone may be any price ("paid $200 for a guitar"); with a date it is an offer.
        kind="promo" if kind == "photo" and offer and len({f.kind for f in told}) > 1 else kind,
        niche=brand.niche or "small shop",
        voice=brand.voice,
        keywords=tuple(list(dict.fromkeys(shown))[:SHOWN_MOST]),
        offer=offer,
        hashtags=tuple(tags),
        at=at,
    )


def _without_links(text: str) -> str:
    """Without the sentences that hold a link: a model would make up addresses."""
    if _LINK.search(text):
        whole = [part for part in _SENTENCE.split(text) if not _LINK.search(part)]
        kept = " ".join(part.strip() for part in whole if any(map(str.isalnum, part)))
        text = kept or _LINK.sub(" ", text)
    return _FOLDS.sub("", text).strip()


def _words(post: PastPost) -> str:
    return post.text or without_hashtags(post.caption)


def split(rows: Sequence[Row], source: str, of: int, config: Config) -> Data:
    """Rows to train on and rows held out; `of` is how many texts there were, for the notes.

    Raises FeedsmithError when fewer than FEWEST different captions say something.
    """
    said = [row for row in rows if sum(letter.isalpha() for letter in row.caption) >= 3]
    once: dict[str, Row] = {}
    for row in said:
        # The first stands: a caption that comes again must not be held out after it was learned.
        once.setdefault(" ".join(row.caption.casefold().split()), row)
    notes = []
    if len(said) < of:
        notes.append(f"{of - len(said)} of {of} texts have no words of their own")
    if len(once) < len(said):
        notes.append(f"{len(said) - len(once)} captions are repeated and were taken once")
    kept = list(once.values())
    if len(kept) < FEWEST:
        raise FeedsmithError(
            f"{source}: {len(kept)} different captions with words are too few to train on"
            + (f" ({'; '.join(notes)})" if notes else ""),
            mend=f"bring at least {FEWEST}; until then the shipped caption model and sentences "
            "already write in the voice that brand.toml names",
        )
    most = min(config.held_out_max, max(HELD_LEAST, round(len(kept) * config.held_out)))
    dated = sorted((row for row in kept if row.at is not None), key=_when)
    if len(dated) >= 0.5 * len(kept):
        held = dated[-most:]
        how = f"the newest {len(held)} are held out, from {_when(held[0]):%d %b %Y} on"
    else:
        ranked = sorted(kept, key=lambda row: _lot(row.caption))
        share = sum(held_out(row.caption, config.held_out) for row in kept)
        held = ranked[: min(config.held_out_max, max(HELD_LEAST, share))]
        how = f"{len(held)} are held out, chosen by hash, as they have no dates"
    out = {id(row) for row in held}
    train = [row for row in kept if id(row) not in out]
    return Data(
        train=tuple(sorted(train, key=lambda r: r.at.timestamp() if r.at else float("-inf"))),
        held=tuple(held),
        source=source,
        notes=(*notes, how),
    )


def _when(row: Row) -> datetime:
    assert row.at is not None
    return row.at


def _lot(caption: str) -> bytes:
    """The same order that `prompt.held_out` goes by."""
    return hashlib.sha256(caption.strip().encode("utf-8")).digest()[:8]


def _text(data: bytes) -> str:
    """UTF-8 with a few bad bytes stays UTF-8 without them; else as `decode` finds it."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        foreign = sum(letter > "\x7f" for letter in text)
        if bad <= max(1, 0.1 * foreign):
            return text.replace("\ufffd", "")
    return decode(data)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({error.strerror})", mend="name a text file of captions"
        ) from error
