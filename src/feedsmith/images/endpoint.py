"""An image model behind an address: any server that speaks OpenAI's protocol.

OpenAI, LocalAI, stable-diffusion.cpp and others answer `POST {base}/images/generations`. Knows what is
asked of such a server and what its answers look like; how a question travels is feedsmith.endpoint's,
and what becomes of a picture is invention's.

Words for the brand's photos go out, no photo does. What comes back is a stranger's file: its size is
bounded, and photo_file opens it.
"""

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field

from feedsmith import photo_file
from feedsmith.brand import ImagesSettings
from feedsmith.colour import Bytes
from feedsmith.endpoint import Anew, Answer, NoAnswer, Server, Use, based, in_words, key_for, parsed
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.images import api
from feedsmith.images.invention import Inventor, nearest_size
from feedsmith.images.prompt import NEGATIVE, Prompt
from feedsmith.post import Value
from feedsmith.rules import Format

if TYPE_CHECKING:
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits

IMAGES = Use(
    what="image model",
    path="images/generations",
    option="--images",
    section="[images]",
    timeout="timeout under [images.options] in brand.toml",
    url="FEEDSMITH_IMAGES_URL",
    model="FEEDSMITH_IMAGES_MODEL",
    key="FEEDSMITH_IMAGES_KEY",
    key_file="FEEDSMITH_IMAGES_KEY_FILE",
    most=48 << 20,
    optional=("response_format",),
)
"""A PNG of 1536 x 1024 px in base64 is 4 MB; 48 MB hold one of 9 megapixels that will not shrink."""

SIZES = {
    "gpt-image": ("1024x1024", "1024x1536", "1536x1024"),
    "dall-e-3": ("1024x1024", "1024x1792", "1792x1024"),
    "dall-e-2": ("1024x1024", "512x512", "256x256"),
}
"""How a model's name begins -> the sizes it draws; OpenAI's API reference, images, 2026. Of other models
the size nearest to the format is asked for, and a refusal that names sizes is read."""
NATIVE, UNIT = 1024, 64
"""Side in px of the square whose area is asked of an unknown model, and what its sides are multiples
of: what Stable Diffusion XL and its successors draw best."""
_SIZE = re.compile(r"(?<!\d)(\d{2,4})\s?[x×]\s?(\d{2,4})(?!\d)")
_FILTERED = re.compile(r"safety|content.?policy|moderation|content.?filter", re.IGNORECASE)


class Options(Value):
    """[images.options] of brand.toml, for a server."""

    timeout: float = Field(180.0, ge=1, le=3600)
    """Seconds for one picture."""
    quality: str = Field("", max_length=40)
    """As the server names it, e.g. "low"; empty: the server's own choice. Decides what it costs."""
    size: str = Field("", pattern=r"^(\d{2,4}x\d{2,4}|auto)?$")
    """Width x height that is asked for, e.g. "1024x1536"; empty: the one nearest to the post."""
    negative: str = NEGATIVE
    """What is not to be in the picture."""
    near: bool = False
    """Whether a picture may be fetched from another machine of one's own network, where the server
    answers with an address there."""


class Pictures(Server):
    """One image model of one server; see Server."""

    def __init__(self, settings: ImagesSettings, *, pause: float | None = None) -> None:
        self.options = api.options(Options, settings)
        host = urlsplit(based(settings.url, IMAGES)).hostname or ""
        super().__init__(
            settings.url,
            settings.model,
            key_for(host, IMAGES),
            IMAGES,
            timeout=self.options.timeout,
            pause=pause,
        )
        self._turned_down: set[str] = set()
        self._offered: tuple[str, ...] = next(
            (sizes for name, sizes in SIZES.items() if settings.model.startswith(name)), ()
        )

    def draw(self, words: str, wanted: Format) -> Bytes:
        """A picture for `words`, uint8 (H, W, 3), of a size that the server has. Raises NoAnswer."""
        return self.exchange(lambda: self._asked(words, wanted), self._read)

    def _asked(self, words: str, wanted: Format) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": self.model,
            "prompt": words,
            "n": 1,
        }
        if not self.model.startswith("gpt-image"):  # which know base64 alone, and refuse the word
            asked["response_format"] = "b64_json"
        if size := self._size(wanted):
            asked["size"] = size
        if self.options.quality:
            asked["quality"] = self.options.quality
        return {name: value for name, value in asked.items() if name not in self.without}

    def _size(self, wanted: Format) -> str:
        """The size to ask for; '' where all that are known were turned down."""
        if self.options.size and self.options.size not in self._turned_down:
            return self.options.size
        if self._offered:
            left = [size for size in self._offered if size not in self._turned_down]
            return min(left, key=lambda size: _unlike(size, wanted), default="")
        width, height = nearest_size(wanted, NATIVE, UNIT)
        sizes = (f"{width}x{height}", f"{NATIVE}x{NATIVE}", "512x512")
        return next((size for size in sizes if size not in self._turned_down), "")

    def objection(self, said: str, payload: Mapping[str, Any]) -> Exception | None:
        if _FILTERED.search(said):
            return NoAnswer(
                f"{self.where} will not draw this ({self.plain(_message(said))})",
                mend="choose another theme, or another model",
                lasting=False,
            )
        if "size" in payload and (_SIZE.search(said) or "size" in said.lower()):
            self._turned_down.add(str(payload["size"]))
            named = dict.fromkeys("x".join(found) for found in _SIZE.findall(said))
            if others := tuple(size for size in named if size not in self._turned_down):
                self._offered = others
            return Anew()
        return super().objection(said, payload)

    def _read(self, answer: Answer) -> Bytes:
        """The first picture of an answer. Raises NoAnswer."""
        told = parsed(answer, self.where)
        told = told if isinstance(told, dict) else {}
        if told.get("error"):
            raise NoAnswer(
                f"{self.where} answers with an error: {self.plain(in_words(told))}",
                mend="look at what the server itself says of it",
                lasting=False,
            )
        data = told.get("data")
        first = data[0] if isinstance(data, list) and data else None
        first = first if isinstance(first, dict) else {}
        coded, url = first.get("b64_json"), first.get("url")
        if not coded and isinstance(url, str) and url.startswith("data:"):
            coded = url.partition(",")[2]
        if isinstance(coded, str) and coded:
            return self._opened(self._decoded(coded))
        if isinstance(url, str) and url:
            return self._opened(self.fetched(url, near_too=self.options.near))
        raise NoAnswer(
            f"{self.where}: its answer holds no picture",
            mend="check that the model is one for pictures",
            lasting=False,
        )

    def _decoded(self, coded: str) -> bytes:
        try:
            return base64.b64decode(coded.rpartition(",")[2], validate=False)
        except (binascii.Error, ValueError):
            raise NoAnswer(
                f"{self.where}: its picture is no base64", mend="try again", lasting=False
            ) from None

    def _opened(self, data: bytes) -> Bytes:
        try:
            return photo_file.rgb(data)
        except Refused as error:
            raise NoAnswer(
                f"{self.where}: its picture cannot be opened ({self.plain(error.message)})",
                mend="try again, or another model",
                lasting=False,
            ) from error


class Endpoint:
    """The image model. Raises FeedsmithError for settings that cannot be right."""

    name = "endpoint"
    invents = True

    def __init__(
        self, settings: ImagesSettings | None = None, *, pause: float | None = None
    ) -> None:
        settings = settings or ImagesSettings()
        if not settings.url or not settings.model:
            raise FeedsmithError(
                "no server is named that makes pictures",
                mend="name it: --images MODEL@https://HOST/v1, or url and model under [images] in "
                "brand.toml",
            )
        self.server = Pictures(settings, pause=pause)
        chosen = self.server.options.model_dump_json(exclude={"timeout", "near"})
        # The server's model and what is asked of it; the same question does not give the same picture.
        self.version = f"{self.server.name} {hashlib.sha256(chosen.encode()).hexdigest()[:6]}"
        self._inventor = Inventor()

    def make(
        self,
        brief: api.PictureBrief,
        library: "Library",
        traits: "Mapping[str, Traits]",
    ) -> api.Picture:
        """One picture. Raises NoPicture where the server gives none, or none that is new."""

        def draw(prompt: Prompt, seed: int) -> Bytes:
            # A protocol without seeds: the next try is another picture because servers draw lots.
            try:
                return self.server.draw(_sentence(prompt), brief.format)
            except NoAnswer as error:
                raise api.NoPicture(error.message, error.mend, lasting=error.lasting) from error

        return self._inventor.make(
            brief,
            library,
            traits,
            draw,
            method="diffusion",
            note=f"drawn by an AI model ({self.server.name}) after words for your photos",
            mend="choose another theme, or another model",
            negative=self.server.options.negative,
        )


def _sentence(prompt: Prompt) -> str:
    """A prompt for models that follow instructions, and have no field for what they are to avoid."""
    without = f" Without: {prompt.negative}." if prompt.negative else ""
    return f"A photograph for a brand's feed: {prompt.text}.{without}"


def _unlike(size: str, wanted: Format) -> tuple[float, int]:
    """How far a size is from a format: by shape, then by pixels, more of them being better."""
    found = _SIZE.fullmatch(size)
    if found is None:
        return math.inf, 0
    width, height = int(found[1]), int(found[2])
    off = abs(math.log(width / max(1, height) / (wanted.width / wanted.height)))
    return round(off, 3), -width * height


def _message(said: str) -> str:
    """The words of a refusal, where it is JSON."""
    found = re.search(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', said)
    return found[1] if found else said
