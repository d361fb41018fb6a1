"""Which generator a brand uses: the files in BRAND/models/images.

Knows files; knows no network.
"""

from pathlib import Path

from feedsmith.files import made, write_bytes
from feedsmith.training.run import read

FILES = ("generator.onnx", "generator.safetensors", "sheet.jpg", "card.json")
"""The card last: a generator without one is none."""


def install(run: Path, root: Path) -> Path | None:
    """Make the generator of a run's folder the one of the brand at `root`; None where it has none.

    Raises FeedsmithError when the disk is full.
    """
    if not read(run / "card.json").get("files"):
        return None
    place = made(root / "models" / "images")
    for name in FILES:
        write_bytes(place / name, (run / name).read_bytes())
    return place
