"""Posts and photos as values: what was posted, what it was made of, what we made.

Knows nothing of files beyond their names, nothing of networks, nothing of pixels.
"""

from datetime import datetime
from pathlib import PurePath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["photo", "product", "promo", "quote", "carousel", "story", "reel", "gif", "collage"]
KINDS: tuple[Kind, ...] = (
    "photo", "product", "promo", "quote", "carousel", "story", "reel", "gif", "collage",
)  # fmt: skip


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

    @property
    def called(self) -> frozenset[str]:
        """What it may be asked for by: its id, its file's name, and that without the ending."""
        return frozenset((self.id, self.name, PurePath(self.name).stem)) - {""}


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


class Offer(Value):
    """What a promo or a product post offers. Every field stands on the post exactly as written."""

    text: str = ""
    """The whole offer in one line, e.g. "Guided oak walk, 3 May, 12 EUR"."""
    name: str = ""
    """Of the product or event."""
    price: str = ""
    """With its currency, e.g. "12 EUR"."""
    was: str = ""
    """The former price, struck through."""
    dates: str = ""
    """E.g. "3 to 9 May"."""
    call: str = ""
    """Call to action, e.g. "Book at the desk"."""
    link: str = ""
    """Where it is sold; kept with the post, never set on a picture."""
    about: str = ""
    """What the maker says of it, in whole sentences; for the caption."""

    @property
    def line(self) -> str:
        """The offer in one line: `text`, else its name, dates and price."""
        return self.text or ", ".join(part for part in (self.name, self.dates, self.price) if part)

    def __bool__(self) -> bool:
        return bool(self.line)


class Brief(Value):
    """One post that is asked for."""

    kind: Kind
    theme: str = ""
    """What it is about, e.g. "autumn"."""
    offer: Offer = Offer()
    headline: str = ""
    """Words to set large, as they are; '' lets the caption writer find them."""
    photo: str = ""
    """Id of a library photo, or the path of a picture file, that it must show; '' for any."""
    shows: tuple[str, ...] = ()
    """What that photo shows, in words, where the library does not know."""
    credit: str = ""
    """Who made that photo, where the library does not know."""
    format: str = ""
    """Name in rules.FORMATS; '' for the kind's own."""
    at: datetime | None = None
    """When it is planned to go out; with a time zone."""
    where: str = ""
    """Where it was asked for, for people: "products.csv, row 12"."""


class Medium(Value):
    """One media file of a generated post: a picture (.jpg) or a film (.mp4, .gif)."""

    file: str
    """Name in the post's folder."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    alt_text: str
    """For people who do not see it."""
    method: str
    """How it was made (METHODS)."""
    sources: tuple[str, ...]
    """Ids of the library photos it was made from."""
    parts: tuple[str, ...] = ()
    """How the pictures in it were made, where that is another method."""
    originality: Originality | None = None
    """How far it is from the library's photos."""
    text: tuple[str, ...] = ()
    """Words set on the picture, in reading order."""
    template: str = ""
    """Name of the layout; '' for a bare picture."""
    scheme: str = ""
    """Colours of the layout."""
    tone: str = ""
    """How it stands in the grid: light, dark, colour, photo."""
    cover: str = ""
    """For a film: the file of its still."""
    also: tuple[str, ...] = ()
    """The same in other file formats, e.g. a GIF beside the MP4 that Instagram takes."""
    duration: float = 0.0
    """Seconds; 0 for a picture."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(file for file in (self.file, self.cover, *self.also) if file)


METHODS = {
    "rows": "Recomposed from small pieces of your photo, keeping where sky, ground and horizon lie.",
    "noise": "Recomposed from small pieces of your photo, in a new arrangement.",
    "theme": "Recomposed from pieces of several photos that share a theme.",
    "mashup": "One photo's scene, rebuilt from the pieces of another.",
    "relight": "Your photo in another light, taken from a second photo.",
    "extend": "Your photo, continued beyond its edges.",
    "crop": "A new cut of your photo.",
    "layout": "Set as a layout from your photos.",
    "cutout": "Your product, cut out of its photo and set on a backdrop in your colours.",
    "gan": "Made by a network that learned from photos, with the detail of one of yours; no camera saw it.",
    "diffusion": "Drawn by an AI image model after words for your photos; no camera saw it.",
    "film": "A film over your photos: slow moves, cuts on the beat, words that come and go.",
    "loop": "One picture in which one thing moves; its end meets its beginning.",
}
"""Medium.method -> how a page says it."""


class Crop(Value):
    """The part of a picture that a person wants to be seen; shares of its sides, 0..1."""

    x: float = Field(0.0, ge=0, le=1)
    """Left edge."""
    y: float = Field(0.0, ge=0, le=1)
    """Upper edge."""
    width: float = Field(1.0, gt=0, le=1)
    height: float = Field(1.0, gt=0, le=1)
    focus_x: float | None = Field(None, ge=0, le=1)
    """What must stay in view where a layout cuts the picture once more; None: what the eye goes to."""
    focus_y: float | None = Field(None, ge=0, le=1)

    @property
    def focus(self) -> tuple[float, float] | None:
        """The focal point as shares of the part."""
        if self.focus_x is None or self.focus_y is None:
            return None
        inside = (self.focus_x - self.x) / self.width, (self.focus_y - self.y) / self.height
        return min(1.0, max(0.0, inside[0])), min(1.0, max(0.0, inside[1]))


class Shot(Value):
    """A picture of a post before words were set on it: what another cut or layout starts from."""

    file: str = ""
    """In the post's folder; '' for a library photo that is shown whole."""
    width: int
    """Pixels, as layouts get it."""
    height: int
    method: str
    sources: tuple[str, ...]
    shows: tuple[str, ...] = ()
    words_from: tuple[str, ...] = ()
    note: str = ""
    originality: Originality
    window: tuple[float, float, float, float] | None = None
    """Left, top, right, bottom of the part of the first source that it shows, 0..1; None for all of it,
    or for a picture that is no part of a photo."""
    base: str = ""
    """File of the picture that `crop` is a part of; '' for the library photo, or where nothing was cut."""
    crop: Crop | None = None
    """The cut that a person chose; None: as it was made."""
    walk: "Walk | None" = None
    """What a reel shows moving instead of this picture; None for a still."""

    @property
    def is_of_a_photo(self) -> bool:
        """True where it is a part of one library photo, so that another part can be taken of that one."""
        return self.method in ("crop", "relight", "layout") and len(self.sources) == 1


class Walk(Value):
    """A walk through what a generator draws, in the post's folder: small pictures below each other, in one
    lossless WebP."""

    file: str
    frames: int
    sha256: str
    """Of the file: one wrong bit would be other pictures, without a word."""


class Words(Value):
    """The words of a post: its caption, and those set on its pictures."""

    caption: str
    """Without hashtags."""
    headline: str = ""
    quote: str = ""
    slides: tuple[str, ...] = ()
    route: str = ""
    """Where the caption came from (Post.caption_route)."""


class Making(Value):
    """What a post can be made again from, with one thing changed."""

    brief: Brief
    """As it was asked for; a picture file beside the library is not named in it, its shot is kept."""
    run_seed: int
    turn: int
    """Place in its run: layouts rotate over both."""
    words: Words
    """As they stand on its pictures; the caption may have been edited since."""
    shots: tuple[Shot, ...]
    layout: tuple[str, str] = ("", "")
    """Name and scheme of the layout that a person chose; ('', ''): the rotation chose."""
    music: str = ""
    """File of a reel's track; '' for silence."""
    walked: bool = False
    """A loop of a generator's own pictures: it has no still that it could be made again from."""


Part = Literal["crop", "template", "picture", "words"]
"""What of a finished post can be changed."""


class Post(Value):
    """A generated post: the whole content of its post.json."""

    id: str
    """Name of its folder when it was made."""
    kind: Kind
    """What sort of post it is."""
    caption: str
    """Without hashtags."""
    hashtags: tuple[str, ...]
    """Without '#'."""
    hashtag_reasons: tuple[str, ...] = ()
    """Why each was chosen, in the order of `hashtags`; empty in posts of older versions."""
    alt_text: str
    """Of its first picture or film, for people who do not see it."""
    format: str
    """square, portrait, landscape or story (rules.FORMATS)."""
    seed: int
    """With the same seed, library and models the same bytes come out."""
    theme: str = ""
    """What it was asked to be about."""
    offer: Offer = Offer()
    """Of a promo or a product."""
    at: datetime | None = None
    """When it is planned to go out."""
    shows: tuple[str, ...] = ()
    """Keywords of what the picture shows."""
    media: tuple[Medium, ...]
    """Its pictures and films, in order."""
    sources: tuple[str, ...]
    """Ids of the library photos that any of them was made from."""
    models: dict[str, str]
    """Role (images, captions, ...) to name and version or hash."""
    originality: Originality
    """Of the picture that is nearest to a photo."""
    credits: tuple[Credit, ...] = ()
    """Who made the photos that it was made from."""
    caption_route: str = ""
    """Where the caption came from: skeleton, model, endpoint, or plain."""
    provenance: str
    """In words, e.g. "recomposed from your photos"."""
    source_type: str = ""
    """IPTC digital source type of its media, e.g. "compositeSynthetic" (docs/provenance.md)."""
    chosen: tuple[str, ...] = ()
    """Why its kind, theme, layout and time were chosen, one sentence each, where they lean on what became of
    earlier posts; not in post.json where nothing did."""
    version_of: str = ""
    """Id of the post that this is another version of; '' for one of its own."""
    making: Making | None = None
    """None in posts of older versions: they cannot be made again."""

    def fixed(self, part: Part, picture: int = 0) -> str:
        """Why this part of it, or of one `picture` (from 1), cannot be changed, in a sentence; '' where it can."""
        making = self.making
        if making is None:
            return (
                "It was made by an older version of Feedsmith, which did not keep what another cut, "
                "template, picture or wording starts from."
            )
        if making.walked and part != "words":
            return (
                "Your own generator drew it as a loop: there is no still that could be made again."
            )
        shots = making.shots[max(0, picture - 1) : picture]
        if part == "crop" and any(shot.walk for shot in shots):
            return "Your own generator drew this picture of the reel as moving dots: there is nothing to cut."
        if part == "template" and (
            self.kind == "gif" or (self.kind == "photo" and not self.media[0].template)
        ):
            return "There are no words on its picture, so there is no template to change."
        if part == "crop" and self.media[0].method == "cutout":
            return "The product is cut out of its photo whole, so there is nothing to cut it to."
        return ""
