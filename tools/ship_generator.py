"""Take a finished training into the package as the starter generator.

    python tools/ship_generator.py BRAND/runs/0001-images PHOTOS METADATA.csv [METADATA.csv ...]
    python tools/ship_generator.py BRAND/runs/0001-images     # the same photos as the shipped one's

The weights are shipped once, in generator.onnx, written anew from the run's generator.safetensors: float16 where
they are many, named as they were trained, so that `--from starter` reads them there. Needs the extra train.

PHOTOS is the folder that `feedsmith prepare --photos` was given, its files named KIND-NAME; each METADATA.csv lists
file, credit, licence, licence_url and source_url of such files. Everybody whose photo was in it is named in CREDITS.csv;
a photo that nobody lists ends this with an error.
"""

import csv
import hashlib
import json
import shutil
import sys
from pathlib import Path

from feedsmith.files import write_bytes
from feedsmith.images.gan.train.config import Config
from feedsmith.images.gan.train.export import Whole, onnx_of
from feedsmith.images.gan.train.loop import recipe
from feedsmith.images.gan.train.run import stored_tensors

STARTER = Path(__file__).parents[1] / "src/feedsmith/images/gan/starter"
FIELDS = ("file", "credit", "licence", "source_url")
COMMAND = "feedsmith train images starter/ --budget {minutes}m --threads {threads} --snapshot-every 15kimg"


def main(run: Path, photos: Path | None, tables: list[Path]) -> None:
    rows = credits_of(photos, tables) if photos else None
    STARTER.mkdir(exist_ok=True)
    card = json.loads((run / "card.json").read_text("utf-8"))
    config = Config.model_validate(card["settings"])
    tensors, _ = stored_tensors(run / "generator.safetensors")
    pair = recipe(config)
    pair.average.load_state_dict({name: value.float() for name, value in tensors.items()})
    data = onnx_of(Whole(pair.average, -1).cpu().float().eval(), pair.latent)
    write_bytes(STARTER / "generator.onnx", data)
    (STARTER / "generator.safetensors").unlink(missing_ok=True)
    if run.resolve() != STARTER:
        shutil.copyfile(run / "sheet.jpg", STARTER / "sheet.jpg")
    sha256 = hashlib.sha256(data).hexdigest()
    card["files"] = {"generator.onnx": {"sha256": sha256, "size": len(data)}}
    card["data"].pop("ids", None)
    settings = card["settings"]
    card |= {
        "about": "Flowers and trees at 64 px: a small picture that says where light and colour lie, to train on "
        "from (--from starter) and to try `--images gan` before a brand has a generator of its own.",
        "command": COMMAND.format(
            minutes=round(settings["budget"] / 60), threads=settings["threads"]
        ),
        "credits": "CREDITS.csv names the photographers of all photos it was trained on, with licence and source; "
        "`licences` says where each licence stands",
        "licence": "Apache-2.0; the photos are under CC BY 2.0 and the licences in CREDITS.csv",
    }
    if rows is None:
        card["licences"] = json.loads((STARTER / "card.json").read_text("utf-8"))["licences"]
    else:
        urls = {
            row["licence"]: row["licence_url"].rstrip("/") + "/"
            for row in rows
            if row["licence_url"]
        }
        card["licences"] = dict(sorted(urls.items()))
    told = {
        "what": "Starter generator: flowers and trees at 64 px, for --images gan and --from starter",
        "licence": "Apache-2.0",
        "sha256": sha256,
    }
    # As every model inside the package has one (feedsmith models).
    (STARTER / "generator.card.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    (STARTER / "card.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    if rows is not None:
        with (STARTER / "CREDITS.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, FIELDS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    total = sum(path.stat().st_size for path in STARTER.iterdir())
    print(
        f"{STARTER}: {total / 1e6:.1f} MB; {'all' if rows is None else len(rows)} photos credited"
    )


def credits_of(photos: Path, tables: list[Path]) -> list[dict[str, str]]:
    """A row for each photo in a folder; ends the program where nobody is named for one."""
    known: dict[str, dict[str, str]] = {}
    for table in tables:
        with table.open(encoding="utf-8", newline="") as stream:
            known |= {Path(row["file"]).name: row for row in csv.DictReader(stream)}
    rows = []
    for name in sorted(path.name for path in photos.iterdir()):
        row = known.get(name.split("-", 1)[1])
        if row is None:
            sys.exit(f"{name}: nobody is named for it in {', '.join(map(str, tables))}")
        rows.append(
            {field: row[field] for field in (*FIELDS, "licence_url")}
            | {"file": Path(row["file"]).name}
        )
    return rows


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]) if sys.argv[2:] else None,
        [Path(word) for word in sys.argv[3:]],
    )
