"""Posts and photos as values: what was posted, what it was made of, what we made.

Knows nothing of files beyond their names, nothing of networks, nothing of pixels.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["photo", "quote", "story", "carousel", "promo"]
KINDS: tuple[Kind, ...] = ("photo", "quote", "story", "carousel", "promo")


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Credit(Value):
    """Who made a photo and under which licence it may be used."""

    text: str
    """As the author asks to be named, e.g. "Ana Ruiz, CC BY 4.0"."""
    licence: str = ""
    licence_url: str = ""
    source_url: str = ""


class Photo(Value):
    """One photo of the library. `id` is the first 16 hex digits of the file's SHA-256."""

    id: str
    file: str
    """Path inside the library folder, e.g. photos/ab/abcdef0123456789.jpg."""
    name: str = ""
    """File name at the source, for people and for matching credits."""
    width: int
    """Pixels, after EXIF orientation."""
    height: int
    taken_at: datetime | None = None
    phash: str = ""
    """64-bit perceptual hash, 16 hex digits."""
    credit: Credit | None = None


class PastPost(Value):
    """A post the brand published before; `photos` are photo ids in carousel order."""

    id: str
    photos: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    """Names of videos listed with the post; they are not decoded yet."""
    caption: str = ""
    """As posted, hashtags included."""
    text: str = ""
    """The caption without its hashtags."""
    hashtags: tuple[str, ...] = ()
    """Without '#', as typed."""
    mentions: tuple[str, ...] = ()
    """Without '@'."""
    posted_at: datetime | None = None
    kind: str = "photo"
    alt_text: str = ""
    source: str = ""
    """Which importer brought it, e.g. instagram-export."""
    permalink: str = ""


class Originality(Value):
    """How far a picture is from every photo of the library."""

    nearest: str
    """Id of the library photo it is nearest to ('' for an empty library)."""
    similarity: float
    """Cosine similarity of encoder features to that photo, -1..1 (perceptual fallback: 0..1)."""
    copied_area: float
    """Share of the picture, 0..1, covered by its largest contiguous region copied from one photo."""
    copied_total: float = 0.0
    """Share of the picture, 0..1, inside any copied region larger than 64x64 px."""
    label: Literal["new", "edited photo"]
    """What the post may be called."""
    tries: int = 1


class Medium(Value):
    """One media file of a generated post."""

    file: str
    width: int
    height: int
    alt_text: str
    method: str
    """How the picture was made: rows, noise, theme, mashup, relight, extend, crop, layout."""
    sources: tuple[str, ...]
    """Ids of the library photos it was made from."""
    originality: Originality | None = None
    text: tuple[str, ...] = ()
    """Words set on the picture, in reading order."""


class Post(Value):
    """A generated post: the whole content of its post.json."""

    id: str
    kind: Kind
    caption: str
    """Without hashtags."""
    hashtags: tuple[str, ...]
    """Without '#'."""
    alt_text: str
    format: str
    """Name in rules.FORMATS: square, portrait, landscape, story."""
    seed: int
    theme: str = ""
    shows: tuple[str, ...] = ()
    """Keywords of what the picture shows."""
    media: tuple[Medium, ...]
    sources: tuple[str, ...]
    models: dict[str, str]
    """Role (images, captions, ...) to name and version or hash."""
    originality: Originality
    credits: tuple[Credit, ...] = ()
    caption_route: str = ""
    """Where the caption came from: skeleton, model, or plain."""
    provenance: str
    """In words, e.g. "recomposed from your photos"."""
