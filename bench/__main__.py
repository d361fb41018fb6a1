"""All measurements behind docs/bench.md, one after another, on the demo brand's own photos.

    make bench          (about 15 minutes on two cores)

Each script also runs alone and says in its head what it measures; those that need more photos than
the demo brand has (understanding, near-duplicates) take a folder and are not run from here.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
EXPORT = HERE.parent / "demo" / "tall-tree-outfitters-export.zip"
LARGE = ("146-", "147-", "148-", "153-", "160-", "172-")
"""2048 px landscapes and textures of the demo brand."""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        photos.mkdir()
        with zipfile.ZipFile(EXPORT) as archive:
            for name in archive.namelist():
                if name.endswith(".jpg"):
                    (photos / Path(name).name).write_bytes(archive.read(name))
        large = [str(p) for p in sorted(photos.iterdir()) if p.name.startswith(LARGE)]
        plan: list[list[str]] = [
            ["generating.py"],
            ["importing.py", str(photos)],
            ["prepare.py", "--photos", str(photos), "--rounds", "3"],
            ["synthesis.py", *large],
            ["design.py"],
            ["posts.py"],
            ["chromium.py"],
            ["caption_model.py", "--only", "speed"],
        ]
        for script, *words in plan:
            print(f"\n=== {script}", flush=True)
            subprocess.run([sys.executable, str(HERE / script), *words], check=False)


if __name__ == "__main__":
    main()
