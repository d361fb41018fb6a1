"""Which image model a person wants, and loading it: ours and strangers' by the same entry points.

Knows settings and entry points; knows no picture.
"""

import inspect
import re
from importlib.metadata import entry_points
from pathlib import Path

from feedsmith.brand import ImagesSettings
from feedsmith.endpoint import asked_for
from feedsmith.errors import FeedsmithError
from feedsmith.images.api import GROUP, ImageModel
from feedsmith.images.endpoint import IMAGES


def chosen(
    asked: str, model: str, lora: str, settings: ImagesSettings, home: Path | None = None
) -> ImagesSettings:
    """Settings of the image model that a person wants.

    `asked` goes first: the name of an image model, or "MODEL@URL" or an address for an endpoint; then
    `model` and `lora`, then the environment (for an endpoint), then brand.toml. What brand.toml says
    of one image model is not taken for another. `home`: the brand's folder, from which paths in
    brand.toml are seen first. Raises FeedsmithError for what does not go together.
    """
    asked, model, lora = asked.strip(), model.strip(), lora.strip()
    address = bool(re.search(r"https?://", asked))
    use = "endpoint" if address else asked or settings.use
    mine = settings if use == settings.use else ImagesSettings(use=use)
    if use == "endpoint":
        if lora:
            raise FeedsmithError("a server takes no --lora", mend="leave it away")
        found = asked_for(asked if address else model, settings.url, mine.model, IMAGES)
        if found is None:
            raise FeedsmithError(
                "no server is named that makes pictures",
                mend="name it: --images MODEL@https://HOST/v1, or url and model under [images] in "
                "brand.toml",
            )
        url, name = found
        name = model or name
        return mine.model_copy(update={"url": url, "model": name})
    if use == "remix" and (model or lora):
        option = "--model" if model else "--lora"
        raise FeedsmithError(
            f"remix works with your photos alone and takes no {option}",
            mend=f"add --images diffusers, or leave {option} away",
        )
    return mine.model_copy(
        update={
            "model": model or _seen_from(home, mine.model),
            "lora": lora or _seen_from(home, mine.lora),
        }
    )


def _seen_from(home: Path | None, name: str) -> str:
    """A path of brand.toml, seen from the brand's folder where it is there."""
    if home is not None and name and (home / name).exists():
        return str(home / name)
    return name


def load(settings: ImagesSettings, *, fetch: bool = True) -> ImageModel:
    """The image model that `settings` name; a class with a keyword `fetch` is told whether it may bring
    what is not on this machine. Raises FeedsmithError for one that is not installed, or
    that cannot work with those settings."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if settings.use not in found:
        raise FeedsmithError(
            f'there is no image model "{settings.use}"',
            mend=f"installed are: {', '.join(sorted(found))}",
        )
    try:
        kind = found[settings.use].load()
    except (ImportError, AttributeError) as error:
        raise FeedsmithError(
            f'the image model "{settings.use}" cannot be loaded: {error}',
            mend="install its package again",
        ) from error
    takes = inspect.signature(kind).parameters
    given = {"settings": settings, "fetch": fetch}
    model: ImageModel = kind(**{name: value for name, value in given.items() if name in takes})
    return model


def name_of(model: ImageModel) -> str:
    """Name and version of an image model, as post.json has them."""
    name = str(getattr(model, "name", type(model).__name__))
    return f"{name} {getattr(model, 'version', '')}".strip()
