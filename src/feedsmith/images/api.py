"""What an image model is asked for and what it gives back. Knows values only.

Models are found by the entry point group "feedsmith.images"; `remix` is the default one. A model
is a class without required arguments whose instances have `make`; one that takes the keyword
`settings` is given the brand's ImagesSettings, one that takes `fetch` whether it may use the network
for what is not here. It may say of itself:

    name, version   what stands in post.json; they decide whether a run is the same run
    invents = True  its pictures show nothing that was there: it is given no brief that asks for certain
                    photos (a product, a loop, a photo that was named); remix makes those
    prepare(library)  called once, before the first picture: raises FeedsmithError where the model
                    cannot work at all
    walk(brief, library, traits, frames)  a Walked: small pictures that pass into each other and back,
                    for a loop
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pydantic import ValidationError

from feedsmith.brand import ImagesSettings
from feedsmith.colour import Bytes
from feedsmith.errors import FeedsmithError
from feedsmith.post import Originality, Value
from feedsmith.rules import Format

if TYPE_CHECKING:
    from feedsmith.images.crop import Window
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits

Method = Literal[
    "rows", "noise", "theme", "mashup", "relight", "extend", "crop", "layout", "gan", "diffusion"
]

GROUP = "feedsmith.images"
"""Entry point group of image models."""


@dataclass(frozen=True, slots=True)
class PictureBrief:
    """One picture to make."""

    format: Format
    theme: str = ""
    """Free words, e.g. "autumn walks"; "" for none."""
    seed: int = 0
    avoid: frozenset[str] = frozenset()
    """Ids of photos used recently: taken again only when nothing else fits."""
    want: Literal["busy", "calm"] | None = None
    """How much should be going on in it."""
    text_space: Literal["top", "bottom"] | None = None
    """Where words will be set: that third should be quiet."""
    among: frozenset[str] = frozenset()
    """Ids of the photos it may be made of; empty for all."""
    quick: bool = False
    """Nothing recomposed: a photo cropped or grown is enough, at a tenth of the time."""
    window: "Window | None" = None
    """The part of the one photo in `among` that a person chose to be shown; only remix is asked so."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture and where it came from."""

    rgb: Bytes
    """uint8 (H, W, 3) at exactly the brief's format."""
    method: Method
    sources: tuple[str, ...]
    """Ids of the library photos in it, the one that gave most first; of a picture that a model drew,
    those whose words and light it was asked for."""
    shows: tuple[str, ...]
    """Keywords of what it shows, most certain first."""
    words_from: tuple[str, ...]
    """Ids of the photos whose own captions describe it."""
    window: "Window | None"
    """The part of the first source that was used, where one was cut out."""
    note: str
    """How it was made, in words for the owner."""
    originality: Originality


@dataclass(frozen=True, slots=True)
class Walked:
    """Small pictures that pass into each other; after the last comes the first."""

    picture: Picture
    """The first of them, enlarged to the format, and what is said of all."""
    frames: Bytes
    """uint8 (n, h, w, 3) in the format's proportions, as small as the model draws them."""


class NoPicture(FeedsmithError):
    """The image model itself failed; another format or photo would not help.

    `lasting` where the next picture would fail the same way: no memory, no server, a wrong key.
    """

    def __init__(self, message: str, mend: str = "", *, lasting: bool = False) -> None:
        super().__init__(message, mend)
        self.lasting = lasting


class ImageModel(Protocol):
    """Makes pictures. The same brief, library and traits give the same bytes."""

    def make(
        self, brief: PictureBrief, library: "Library", traits: "Mapping[str, Traits]"
    ) -> Picture:
        """One picture. Raises NoPicture where the model failed, another FeedsmithError where no photo
        of the library can fill the format."""
        ...


Options = TypeVar("Options", bound=Value)


def options(kind: type[Options], settings: ImagesSettings) -> Options:
    """A model's finer settings, [images.options] of brand.toml, as its own `kind`.

    Raises FeedsmithError naming the first that is unknown or wrong, and those that there are.
    """
    try:
        return kind.model_validate(settings.options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        known = ", ".join(kind.model_fields)
        said = f"{first['msg'][:1].lower()}{first['msg'][1:]}".removeprefix("value error, ")
        if first["type"] == "extra_forbidden":
            said = f"{settings.use} has no such setting"
        raise FeedsmithError(
            f"[images.options] {name}: {said}", mend=f"{settings.use} knows: {known}"
        ) from error
