"""The demo brand with six of its posts: a real library, small enough to make afresh."""

import json
import zipfile
from pathlib import Path

from feedsmith.brand import Home
from feedsmith.library import Library, import_into

DEMO = Path(__file__).parent.parent / "demo"
PICKED = ("147-forest-stream", "150-mountain-sunset", "199-roble-de-sabana", "153-blue-forget-me-not",
          "191-anona", "193-corozo-palm")  # fmt: skip


def few_photos(folder: Path, names: tuple[str, ...] = PICKED) -> Path:
    """Some photos of the demo brand as a plain folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(DEMO / "tall-tree-outfitters-export.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".jpg") and any(part in name for part in names):
                (folder / Path(name).name).write_bytes(archive.read(name))
    return folder


def brand(root: Path, names: tuple[str, ...] = PICKED) -> Home:
    """The brand in `root`, imported from the part of its export that has the posts `names`."""
    place = Home(root)
    root.joinpath("brand.toml").write_bytes((DEMO / "brand.toml").read_bytes())
    place.create(place.load())
    small = root / "export.zip"
    with (
        zipfile.ZipFile(DEMO / "tall-tree-outfitters-export.zip") as whole,
        zipfile.ZipFile(small, "w") as part,
    ):
        for name in whole.namelist():
            if name.endswith("posts_1.json"):
                posts = json.loads(whole.read(name))
                kept = [p for p in posts if any(k in p["media"][0]["uri"] for k in names)]
                part.writestr(name, json.dumps(kept))
            elif any(k in name for k in names):
                part.writestr(name, whole.read(name))
    report = import_into(Library(place.library), [small], credits=DEMO / "credits.csv")
    assert report.posts_new == len(names)
    return place
