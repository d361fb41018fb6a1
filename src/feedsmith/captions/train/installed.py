"""Which trained caption model a brand uses: mybrand/models/captions/.

    card.json               points at the files; replaced last, so it always points at whole ones
    0003-adapter.gguf       the adapter of run 3
    0003-model.gguf         its base, where that is not the shared one

Reading it (`trained`) needs no train extra. Knows the brand's folder; knows no training.
"""

import json
import shutil
from pathlib import Path

from pydantic import ValidationError

from feedsmith import models
from feedsmith.brand import Home
from feedsmith.captions.train.run import Result, Run
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_json, writing
from feedsmith.post import Value


class _Card(Value):
    """What card.json says."""

    run: str
    base: str
    """File name of the base in this folder, or "captions-base" for the shared one."""
    base_sha256: str
    """Of the base's file."""
    adapter: str = ""
    adapter_sha256: str = ""
    before: float
    after: float


class Trained(Value):
    """A brand's own caption model, as `captions.model.CaptionModel` takes it."""

    base: Path
    adapter: Path | None
    name: str
    """Run and hash, for the record of a post: "0003-captions 1a2b3c4d5e6f"."""


def install(result: Result, home: Home) -> Trained | None:
    """Make the outcome of a run the brand's caption model; None where it has no files for that.

    Raises FeedsmithError when the disk is full; the model in use stays.
    """
    if not result.adapter and not result.model:
        return None
    run = Run(home.root / "runs" / result.run)
    folder = home.models / "captions"
    number = run.name.split("-", 1)[0]
    copied = {}
    for part in (result.adapter, result.model):
        if part:
            target = folder / f"{number}-{part}"
            with (run.folder / part).open("rb") as source, writing(target) as stream:
                shutil.copyfileobj(source, stream)
            copied[part] = target
    if result.model:
        base, base_hash = copied[result.model].name, models.hash_of(copied[result.model])
    else:
        told = json.loads(run.card.read_text("utf-8"))
        base, base_hash = str(told["base"]["name"]), str(told["base"]["sha256"])
        base = "captions-base" if base == "smollm2" else str(Path(base).expanduser().resolve())
    card = _Card(
        run=run.name,
        base=base,
        base_sha256=base_hash,
        adapter=copied[result.adapter].name if result.adapter else "",
        adapter_sha256=models.hash_of(copied[result.adapter]) if result.adapter else "",
        before=result.before,
        after=result.after,
    )
    write_json(folder / "card.json", card.model_dump())
    for file in folder.glob("[0-9]*-*.gguf"):
        if file not in copied.values():
            file.unlink()
    return trained(home)


def trained(home: Home) -> Trained | None:
    """The brand's own caption model; None where it has trained none.

    Raises MissingModel when the shared base is not there, FeedsmithError when a file is missing or
    damaged, or the shared base is another one than the adapter was trained beside.
    """
    folder = home.models / "captions"
    try:
        card = _Card.model_validate_json((folder / "card.json").read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise FeedsmithError(
            f"{folder / 'card.json'}: cannot be read ({type(error).__name__})",
            mend=f"train again, or remove {folder} to use the shipped caption model",
        ) from error
    if card.base == "captions-base":
        base = models.find("captions-base")
        fits = models.known("captions-base").sha256 == card.base_sha256
    else:
        base = folder / card.base if "/" not in card.base else Path(card.base)
        fits = base.is_file()
    adapter = folder / card.adapter if card.adapter else None
    if adapter is not None:
        fits = fits and adapter.is_file() and models.hash_of(adapter) == card.adapter_sha256
    if not fits:
        raise FeedsmithError(
            f"{folder}: the trained caption model is not whole, or its base has changed",
            mend=f"train again, or remove {folder} to use the shipped caption model",
        )
    mark = (card.adapter_sha256 or card.base_sha256)[:12]
    return Trained(base=base, adapter=adapter, name=f"{card.run} {mark}")
