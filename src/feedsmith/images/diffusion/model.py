"""Diffusers: the image model that draws with a diffusion model of the user's own.

The prompt is made of words for the brand's photos (images/prompt.py), the picture goes through the
same gate as every invented one (images/invention.py). Knows briefs and pictures; the pipeline below it
knows the network.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from feedsmith.brand import ImagesSettings
from feedsmith.colour import Bytes
from feedsmith.images import api
from feedsmith.images.diffusion import pipeline
from feedsmith.images.diffusion.settings import Options
from feedsmith.images.invention import Inventor, fitted
from feedsmith.images.prompt import Prompt, of_brief
from feedsmith.rules import Format
from feedsmith.understanding.traits import embeddings

if TYPE_CHECKING:
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits


class Diffusers:
    """The image model. What it needs is looked for at once; the network is opened for the first
    picture, and kept. Raises FeedsmithError where the extra, the model or its adapter is missing."""

    name = "diffusers"
    invents = True

    def __init__(self, settings: ImagesSettings | None = None, *, fetch: bool = True) -> None:
        settings = settings or ImagesSettings()
        self.options = api.options(Options, settings)
        pipeline.needs()
        self._folder = pipeline.found(settings.model, fetch=fetch)
        self._lora = pipeline.adapter(settings.lora) if settings.lora else None
        here = Path(settings.model).expanduser()
        # A folder's own name without the way to it, as post.json and files say it; a hub's name whole.
        self.model = here.resolve().name if here.is_dir() else settings.model
        places = [self._folder, *([self._lora] if self._lora is not None else [])]
        decides = f"{pipeline.digest(*places)} {self.options.model_dump_json()}"
        adapted = " with an adapter" if self._lora is not None else ""
        self.version = f"{self.model}{adapted} {hashlib.sha256(decides.encode()).hexdigest()[:12]}"
        self._inventor = Inventor()
        self._open: pipeline.Pipeline | None = None

    def make(
        self, brief: api.PictureBrief, library: "Library", traits: "Mapping[str, Traits]"
    ) -> api.Picture:
        """One picture; the same brief, library and traits give the same bytes on one machine.

        Raises NoPicture where the model fails, or draws none that is new.
        """
        if self._open is None:
            self._open = pipeline.Pipeline(self._folder, self._lora, self.options, self.model)
        drawer = self._open
        size = drawer.size(brief.format)
        prompt: Prompt | None = None
        start: Bytes | None = None
        note = f"drawn by an AI model ({self.model}) after words for your photos"
        mend = "choose another theme or seed"
        if self._lora is not None:
            mend += ", or a lora_weight below 1 under [images.options]"
        if self.options.strength and traits:
            prompt = of_brief(brief, traits, embeddings(library), self.options.negative)
            prompt = prompt._replace(sources=prompt.sources[:1])
            photo = next(one for one in library.photos() if one.id == prompt.sources[0])
            start = fitted(library.rgb(photo, 2 * max(size)), Format("start", *size))
            note = f"drawn by an AI model ({self.model}) over one of your photos"
            mend += ", or a strength nearer to 1"

        def draw(asked: Prompt, seed: int) -> Bytes:
            return drawer.draw(asked.text, asked.negative, size, seed, start)

        return self._inventor.make(
            brief, library, traits, draw,
            method="diffusion", note=note, mend=mend, negative=self.options.negative, prompt=prompt,
        )  # fmt: skip
