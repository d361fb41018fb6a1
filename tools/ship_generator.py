"""Take a finished training into the package as the starter generator.

    python tools/ship_generator.py BRAND/runs/0001-images PHOTOS METADATA.csv [METADATA.csv ...]

PHOTOS is the folder that `feedsmith prepare --photos` was given, its files named KIND-NAME; each METADATA.csv lists
file, credit, licence, licence_url and source_url of such files. Everybody whose photo was in it is named in CREDITS.csv;
a photo that nobody lists ends this with an error.
"""

import csv
import json
import shutil
import sys
from pathlib import Path

STARTER = Path(__file__).parents[1] / "src/feedsmith/images/gan/starter"
FIELDS = ("file", "credit", "licence", "licence_url", "source_url")
COMMAND = "feedsmith train images starter/ --budget {minutes}m --threads {threads} --snapshot-every 15kimg"


def main(run: Path, photos: Path, tables: list[Path]) -> None:
    known: dict[str, dict[str, str]] = {}
    for table in tables:
        with table.open(encoding="utf-8", newline="") as stream:
            known |= {Path(row["file"]).name: row for row in csv.DictReader(stream)}
    used = sorted(path.name for path in photos.iterdir())
    rows = []
    for name in used:
        row = known.get(name.split("-", 1)[1])
        if row is None:
            sys.exit(f"{name}: nobody is named for it in {', '.join(map(str, tables))}")
        rows.append({field: row[field] for field in FIELDS})
    STARTER.mkdir(exist_ok=True)
    for name in ("generator.onnx", "generator.safetensors", "sheet.jpg"):
        shutil.copyfile(run / name, STARTER / name)
    card = json.loads((run / "card.json").read_text("utf-8"))
    card["data"].pop("ids")
    settings = card["settings"]
    card |= {
        "about": "Flowers and trees at 64 px: a small picture that says where light and colour lie, to train on "
        "from (--from starter) and to try `--images gan` before a brand has a generator of its own.",
        "command": COMMAND.format(
            minutes=round(settings["budget"] / 60), threads=settings["threads"]
        ),
        "credits": "CREDITS.csv names the photographers of all photos it was trained on, with licence and source",
        "licence": "Apache-2.0; the photos are under CC BY 2.0 and the licences in CREDITS.csv",
    }
    told = {
        "what": "Starter generator: flowers and trees at 64 px, for --images gan and --from starter",
        "licence": "Apache-2.0",
        "sha256": card["files"]["generator.onnx"]["sha256"],
    }
    # As every model inside the package has one (feedsmith models).
    (STARTER / "generator.card.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    (STARTER / "card.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    with (STARTER / "CREDITS.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    total = sum(path.stat().st_size for path in STARTER.iterdir())
    print(f"{STARTER}: {total / 1e6:.1f} MB, {len(rows)} photos credited")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(word) for word in sys.argv[3:]])
