"""The stage that looks at every photo of a library once and remembers what it saw.

    library/traits.jsonl      one Traits a line
    library/embeddings.npy    ids and features, for those who compare pictures
    library/saliency/<id>.png the saliency map, grey, longer side 320 px

Pixels are looked at once a photo (the costly part); words are worked out anew each time, because
a new post may explain an old photo. Everything is written whole or not at all, every 64 photos,
so a stopped run goes on where it was. Knows the library and all of `understanding`.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, ValidationError

from feedsmith import cores, marks
from feedsmith.colour import to_lab
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.files import sweep, write_text, writing
from feedsmith.library import Library
from feedsmith.post import Photo, Value
from feedsmith.progress import Report, silent
from feedsmith.understanding import encoder, keywords, palette, texture
from feedsmith.understanding.faces import Faces
from feedsmith.understanding.keywords import Season
from feedsmith.understanding.networks import WEIGHTS
from feedsmith.understanding.saliency import Saliency, by_contrast
from feedsmith.understanding.texture import Suits

VERSION = 1
"""Raised when pixels are looked at differently: old lines are then made anew."""
SIDE = 640
"""Pixels of the longer side that photos are decoded to."""
FLUSH = 64
"""Photos between two writes of the results."""
ALIKE = 0.5
"""Cosine from which a photo without words borrows those of its neighbours."""
_ROW = np.dtype([("id", "S16"), ("features", "<f2", (encoder.WIDTH,))])


class Word(Value):
    """A keyword of a photo."""

    word: str
    origin: keywords.Origin
    weight: float
    kind: str
    """As of keywords.visual_type."""


class Box(Value):
    """In shares of the picture's width and height, 0..1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0


class Traits(Value):
    """What is known of one photo."""

    id: str
    made: str
    """Version of the networks and of the measures."""
    words: tuple[Word, ...] = ()
    """Keywords, the surest first."""
    season: Season = ""
    palette: tuple[tuple[str, float], ...] = ()
    """Up to five (#rrggbb, share of area)."""
    brightness: float
    """Mean OKLab lightness, 0..1."""
    sharpness: float
    """0..1; below .04 blurred."""
    faces: tuple[Box, ...] = ()
    tags: tuple[tuple[str, str, float], ...] = ()
    """Five best ImageNet labels: (name, group, probability)."""
    groups: dict[str, float] = Field(default_factory=dict)
    """Probability of each group of labels (encoder.GROUPS); empty without the encoder."""
    salient: float
    """Share of the area that draws the eye (saliency above one half)."""
    subject: Box | None = None
    """Box around the salient area; None where nothing stands out."""
    suits: Suits
    """Patch synthesis: rows, noise; or subject, none: not to be synthesised."""
    score: float
    """How sure, 0..1."""
    rows: float
    noise: float
    """Scores of both modes, 0..1; usable from texture.ENOUGH."""
    reasons: tuple[str, ...] = ()
    """In words, why."""
    blue_sky: bool = False
    missing: tuple[str, ...] = ()
    """Networks that were absent when the photo was looked at: encoder, saliency, faces."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """The words alone, the surest first."""
        return tuple(word.word for word in self.words)

    @property
    def synthesisable(self) -> bool:
        return self.suits in ("rows", "noise")


def ensure(
    library: Library,
    *,
    brand: str = "",
    report: Report = silent,
    workers: int | None = None,
    weights: Path = WEIGHTS,
) -> dict[str, Traits]:
    """Traits of every readable photo, by photo id in the library's order; new ones are made.

    `brand` is the brand's name and handle (its own name is no keyword); `workers` are threads,
    at most two by default (461 MB peak with two), and do not change the result. A photo that cannot be decoded is left
    out and told to `report`. Missing networks are named in Traits.missing. Raises FeedsmithError
    when the library folder cannot be written.
    """
    made = _version(weights)
    photos = library.photos()
    wanted = {photo.id for photo in photos}
    known = {t.id: t for t in read(library) if t.made == made and t.id in wanted}
    vectors = {k: v for k, v in embeddings(library).items() if k in known}
    if not (weights / "encoder.onnx").exists():
        todo = [photo for photo in photos if photo.id not in known]
    else:
        todo = [p for p in photos if p.id not in known or p.id not in vectors]
    sweep(library.root)  # a kill in its midst leaves parts of files
    if todo:
        sweep(library.root / "saliency")
    waiting = iter(todo)
    done = len(photos) - len(todo)
    with _Eye(weights) as eye, ThreadPoolExecutor(workers or cores.available()) as pool:
        while batch := list(islice(waiting, FLUSH)):
            looks = [pool.submit(_seen, library, photo, eye) for photo in batch]
            try:
                for photo, look in zip(batch, looks, strict=True):
                    seen = look.result()
                    done += 1
                    if isinstance(seen, str):
                        report("understanding", done, len(photos), f"left out: {seen}")
                        continue
                    known[photo.id] = seen.traits(photo.id, made)
                    if seen.features is not None:
                        vectors[photo.id] = seen.features
                    _write_map(map_path(library, photo.id), seen.saliency)
                    report("understanding", done, len(photos), photo.name or photo.id)
            finally:
                for look in looks:  # after Ctrl-C nobody waits for the rest
                    look.cancel()
                _write(library, photos, known, vectors)
    found = _worded(library, photos, known, vectors, brand)
    if list(found.values()) != read(library):
        _write(library, photos, found, vectors)
    return found


def read(library: Library) -> list[Traits]:
    """What traits.jsonl holds, without looking at any photo; damaged lines are left out."""
    return list(each(library))


def each(library: Library) -> Iterator[Traits]:
    """The same one by one, for those who keep little of each: 20,000 are 200 MB."""
    try:
        with (library.root / "traits.jsonl").open("rb") as lines:
            for line in lines:
                with contextlib.suppress(ValidationError):
                    yield Traits.model_validate_json(line)
    except OSError:
        return


def embeddings(library: Library) -> dict[str, NDArray[np.float32]]:
    """Photo id to (1280,) float32 features of unit norm (stored as float16); {} before ensure()."""
    try:
        rows = np.load(library.root / "embeddings.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return {}
    if rows.dtype != _ROW:
        return {}
    features = rows["features"].astype(np.float32)
    return {str(key, "ascii"): row for key, row in zip(rows["id"], features, strict=True)}


def features(library: Library) -> tuple[list[str], NDArray[np.float16]]:
    """Photo ids and their (N, 1280) features, which stay in the file until they are read; ([], (0, 1280))
    before ensure()."""
    try:
        rows = np.load(library.root / "embeddings.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        rows = np.empty(0, _ROW)
    if rows.dtype != _ROW:
        rows = np.empty(0, _ROW)
    return [str(key, "ascii") for key in rows["id"]], rows["features"]


def saliency(library: Library, photo_id: str) -> NDArray[np.float32] | None:
    """The stored map, (h, w) float32 in 0..1, longer side 320 px; None when there is none."""
    try:
        with Image.open(map_path(library, photo_id)) as image:
            grey = np.asarray(image.convert("L"), np.float32)
            return grey / np.float32(255)
    except (OSError, ValueError):
        return None


def map_path(library: Library, photo_id: str) -> Path:
    return library.root / "saliency" / f"{photo_id}.png"


@dataclass(frozen=True)
class _Sight:
    """What the networks and measures say of one picture."""

    features: NDArray[np.float32] | None
    saliency: NDArray[np.float32]
    rest: Mapping[str, object]

    def traits(self, photo_id: str, made: str) -> Traits:
        return Traits.model_validate({"id": photo_id, "made": made, **self.rest})


class _Eye:
    """The three networks; each may be absent."""

    def __init__(self, weights: Path) -> None:
        self.encoder = encoder.Encoder(weights)
        self.salient = Saliency(weights)
        self.faces = Faces(weights)

    def __enter__(self) -> "_Eye":
        return self

    def __exit__(self, *_: object) -> None:
        self.encoder.close()
        self.salient.close()
        self.faces.close()

    def look(self, rgb: NDArray[np.uint8]) -> _Sight:
        missing = []
        seen = masses = faces = None
        tags: list[encoder.Tag] = []
        try:
            seen = self.encoder.look(rgb)
            masses = encoder.group_masses(seen.probabilities)
            tags = encoder.tags(seen.probabilities)
        except MissingModel:
            missing.append("encoder")
        try:
            salient = self.salient.map(rgb)
        except MissingModel:
            missing.append("saliency")
            salient = by_contrast(rgb)
        try:
            faces = self.faces.find(rgb)
        except MissingModel:
            missing.append("faces")
        measured = texture.measure(rgb)
        verdict = texture.judge(measured, salient, masses, faces)
        indoors = sum(
            (masses or {}).get(g, 0.0) for g in ("object", "furniture", "clothing", "food")
        )
        return _Sight(
            features=seen.features if seen else None,
            saliency=salient,
            rest={
                "palette": [tuple(s) for s in palette.swatches(rgb)],
                "brightness": round(float(to_lab(rgb[::4, ::4])[..., 0].mean()) / 100, 4),
                "sharpness": round(measured.sharpness, 4),
                "faces": [_box(f) for f in faces or ()],
                "tags": [(t.label, t.group, round(t.probability, 4)) for t in tags],
                "groups": {k: round(v, 4) for k, v in (masses or {}).items()},
                "salient": round(float((salient > 0.5).mean()), 4),
                "subject": _around(salient),
                "suits": verdict.suits,
                "score": round(verdict.score, 3),
                "rows": round(verdict.rows, 3),
                "noise": round(verdict.noise, 3),
                "reasons": verdict.reasons,
                "blue_sky": bool(masses) and indoors < 0.35 and palette.blue_sky(rgb),
                "missing": missing,
            },
        )


def _seen(library: Library, photo: Photo, eye: _Eye) -> _Sight | str:
    """One photo looked at, or why not."""
    try:
        return eye.look(library.rgb(photo, SIDE))
    except FeedsmithError as error:
        return error.message


def _box(values: Sequence[float]) -> dict[str, float]:
    names = ("left", "top", "right", "bottom", "score")
    return {name: round(float(v), 4) for name, v in zip(names, values, strict=False)}


def _around(salient: NDArray[np.float32]) -> dict[str, float] | None:
    """The box around what stands out, its score being the mean saliency inside."""
    standing = salient > 0.5
    if standing.mean() < 0.003:
        return None
    across = np.flatnonzero(standing.any(axis=0))
    down = np.flatnonzero(standing.any(axis=1))
    height, width = salient.shape
    x0, x1, y0, y1 = across[0], across[-1] + 1, down[0], down[-1] + 1
    inside = float(salient[y0:y1, x0:x1].mean())
    return _box((x0 / width, y0 / height, x1 / width, y1 / height, inside))


def _worded(
    library: Library,
    photos: Sequence[Photo],
    known: Mapping[str, Traits],
    vectors: Mapping[str, NDArray[np.float32]],
    brand: str,
) -> dict[str, Traits]:
    """The same traits with a person's words, else those from posts, from neighbours and from the
    network."""
    posts = library.posts()
    corrected = {
        key: [
            keywords.Keyword(w, "person", 1.0, keywords.visual_type(w) or "") for w in mark.keywords
        ]
        for key, mark in marks.read(library.root).items()
        if mark.keywords is not None
    }
    phrases = keywords.phrases_of(post.text for post in posts)
    counts = Counter(tag.lower() for post in posts for tag in set(post.hashtags))
    common = {tag for tag, n in counts.items() if n >= max(4, 0.08 * len(posts))}
    words: dict[str, list[keywords.Keyword]] = {}
    seasons: dict[str, Season] = {}
    for photo in photos:
        if photo.id not in known:
            continue
        traits, post = known[photo.id], library.post_of(photo.id)
        own: list[keywords.Keyword] = []
        if post is not None:
            own = keywords.of_photo(
                post.text, post.hashtags, post.alt_text,
                masses=traits.groups or None, labels=traits.tags, phrases=phrases,
                common=common, brand=brand, own=len(post.photos) == 1,
            )  # fmt: skip
            seasons[photo.id] = keywords.season(post.text, post.hashtags, phrases)
        words[photo.id] = corrected.get(photo.id, own)
    said = [key for key in words if words[key]]
    matrix = np.stack([vectors[k] for k in said if k in vectors]) if vectors and said else None
    ids = [k for k in said if k in vectors]
    found: dict[str, Traits] = {}
    for key, own in words.items():
        traits = known[key]
        if key in corrected:  # whoever looked at it knows better than any rule
            found[key] = traits.model_copy(
                update={
                    "words": tuple(Word(**word._asdict()) for word in own),
                    "season": seasons.get(key, ""),
                }
            )
            continue
        if not own and matrix is not None and key in vectors:
            near = matrix @ vectors[key]
            order = np.argsort(-near, kind="stable")[:5]
            own = keywords.of_neighbours(
                [(float(near[i]), words[ids[i]]) for i in order if near[i] >= ALIKE]
            )
        extra = keywords.of_labels(traits.tags) if len(own) < 2 else []
        if traits.blue_sky:
            extra.append(keywords.Keyword("blue sky", "colours", 0.7, "sky"))
        chosen = keywords.best([*own, *extra])
        found[key] = traits.model_copy(
            update={
                "words": tuple(Word(**word._asdict()) for word in chosen),
                "season": seasons.get(key, ""),
            }
        )
    return found


def _write(
    library: Library,
    photos: Sequence[Photo],
    known: Mapping[str, Traits],
    vectors: Mapping[str, NDArray[np.float32]],
) -> None:
    ids = [photo.id for photo in photos if photo.id in known]
    seen = [key for key in ids if key in vectors]
    rows = np.zeros(len(seen), _ROW)
    for number, key in enumerate(seen):
        rows[number] = (key.encode("ascii"), vectors[key].astype(np.float16))
    with writing(library.root / "embeddings.npy") as stream:
        np.save(stream, rows, allow_pickle=False)
    text = "".join(known[key].model_dump_json() + "\n" for key in ids)
    write_text(library.root / "traits.jsonl", text)


def _write_map(path: Path, salient: NDArray[np.float32]) -> None:
    with writing(path) as stream:
        Image.fromarray(np.rint(salient * 255).astype(np.uint8)).save(stream, "PNG")


def _version(weights: Path) -> str:
    """Changes with the measures, with the networks, and when a missing network arrives."""
    parts: list[object] = [VERSION]
    try:
        pinned = json.loads((weights / "manifest.json").read_bytes())
        parts.append({name: pinned[name] for name in pinned if name != "lexicon.txt.gz"})
    except (OSError, ValueError):
        parts.append("no manifest")
    parts += [(weights / f"{name}.onnx").exists() for name in ("encoder", "saliency", "faces")]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
