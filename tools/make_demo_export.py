"""Builds demo/: the made-up shop Tall Tree Outfitters as an Instagram export of 2024.

    python tools/make_demo_export.py FOLDER_OF_THE_TREE_PHOTOS

The folder holds images/, metadata.csv (licence and author of every photo) and demo_posts.jsonl.
Writes the zip, credits.csv and CREDITS.md. Share-alike photos are refused. The same input gives
the same bytes.
"""

import argparse
import csv
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

DEMO = Path(__file__).resolve().parent.parent / "demo"
ROOT = "instagram-talltreeoutfitters-2026-01-15-Qm7Rk2Vd"
ZONE = ZoneInfo("Europe/Berlin")
ALLOWED = {"CC0 1.0", "Public domain", "CC BY 2.0", "CC BY 2.5", "CC BY 3.0", "CC BY 4.0"}
KODAK = "Kodak: released for unrestricted usage"
LARGE = 300_000
ZIP_BYTES_MAX = 21_000_000
QUALITY = 80


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        about = {row["file"]: row for row in csv.DictReader(stream)}
    lines = (folder / "demo_posts.jsonl").read_text("utf-8").splitlines()
    posts = [json.loads(line) for line in lines if line.strip()]
    for post in posts:
        licence = about[post["file"]]["licence"]
        if licence not in ALLOWED | {KODAK}:
            raise SystemExit(f"{post['file']}: {licence} may not be shipped")

    entries: dict[str, bytes] = {}
    listing: list[dict[str, Any]] = []
    changed: dict[str, str] = {}
    for post in sorted(posts, key=lambda post: str(post["taken_at"]), reverse=True):
        when = datetime.fromisoformat(post["taken_at"]).replace(tzinfo=ZONE)
        name = Path(post["file"]).name
        uri = f"media/posts/{when:%Y%m}/{name}"
        entries[uri], changed[post["file"]] = shipped((folder / post["file"]).read_bytes())
        tags = " ".join(f"#{tag}" for tag in post["hashtags"])
        listing.append(listed(uri, f"{post['caption']}\n\n{tags}", int(when.timestamp())))
    activity = "your_instagram_activity/media"
    entries[f"{activity}/posts_1.json"] = as_exported(listing)
    entries[f"{activity}/reels.json"] = as_exported({"ig_reels_media": []})
    entries[f"{activity}/stories.json"] = as_exported({"ig_stories": []})
    entries["personal_information/personal_information/personal_information.json"] = as_exported(
        {"profile_user": [{"string_map_data": {
            "Username": {"href": "", "value": "talltreeoutfitters", "timestamp": 0},
            "Name": {"href": "", "value": "Tall Tree Outfitters", "timestamp": 0},
            "Bio": {"href": "", "value": "A made-up shop for people who like walking under trees. 🌲",
                    "timestamp": 0},
        }}]}
    )  # fmt: skip

    DEMO.mkdir(exist_ok=True)
    packed = DEMO / "tall-tree-outfitters-export.zip"
    packed.write_bytes(stored(entries))
    size = packed.stat().st_size
    if size > ZIP_BYTES_MAX:
        raise SystemExit(f"{packed}: {size / 1e6:.1f} MB, at most {ZIP_BYTES_MAX / 1e6:.0f}")
    write_credits(posts, about)
    write_credits_page(posts, about, changed)
    print(f"{packed.name}: {len(posts)} posts, {size / 1e6:.1f} MB")


def shipped(data: bytes) -> tuple[bytes, str]:
    """(a JPEG without EXIF, what was changed): pixels as they are, re-encoded where that pays."""
    bare = without_metadata(data)
    if len(bare) <= LARGE:
        return bare, "metadata removed"
    with Image.open(io.BytesIO(data)) as image:
        profile = image.info.get("icc_profile")
        out = io.BytesIO()
        image.convert("RGB").save(
            out, "JPEG", quality=QUALITY, optimize=True, progressive=True, subsampling="4:2:0",
            **({"icc_profile": profile} if profile else {}),
        )  # fmt: skip
    if out.tell() < 0.95 * len(bare):
        return out.getvalue(), f"re-encoded as JPEG at quality {QUALITY}, metadata removed"
    return bare, "metadata removed"


def without_metadata(data: bytes) -> bytes:
    """A JPEG less its EXIF, XMP, IPTC and comment segments; pixels and colour profile stay."""
    out, at = bytearray(data[:2]), 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        profile = marker == 0xE2 and data[at + 4 : at + 16] == b"ICC_PROFILE\0"
        if not (0xE1 <= marker <= 0xED or marker in (0xEF, 0xFE)) or profile:
            out += data[at:end]
        at = end
    return bytes(out + data[at:])


def listed(uri: str, caption: str, when: int) -> dict[str, Any]:
    """A single post as posts_1.json writes it: the caption is its medium's title."""
    return {
        "media": [
            {
                "uri": uri,
                "creation_timestamp": when,
                "media_metadata": {"camera_metadata": {"has_camera_metadata": False}},
                "title": caption,
                "cross_post_source": {"source_app": "FB"},
            }
        ]
    }


def as_exported(value: Any) -> bytes:
    """JSON as Instagram writes it: the UTF-8 bytes of text as \\u00XX escapes."""

    def broken(part: Any) -> Any:
        if isinstance(part, str):
            return part.encode("utf-8").decode("latin-1")
        if isinstance(part, list):
            return [broken(item) for item in part]
        if isinstance(part, dict):
            return {key: broken(item) for key, item in part.items()}
        return part

    return json.dumps(broken(value), indent=2, ensure_ascii=True).encode("ascii")


def stored(entries: dict[str, bytes]) -> bytes:
    """A zip whose bytes depend on nothing but its content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(f"{ROOT}/{name}", date_time=(2026, 1, 15, 12, 0, 0))
            info.create_system = 3
            info.external_attr = 0o644 << 16
            info.compress_type = (
                zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            )
            archive.writestr(info, entries[name])
    return out.getvalue()


def write_credits(posts: list[dict[str, Any]], about: dict[str, dict[str, str]]) -> None:
    with (DEMO / "credits.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("file", "credit", "licence", "licence_url", "source_url"))
        for post in sorted(posts, key=lambda post: str(post["file"])):
            row = about[post["file"]]
            writer.writerow(
                (Path(post["file"]).name, row["credit"], row["licence"], row["licence_url"],
                 row["source_url"])
            )  # fmt: skip


def write_credits_page(
    posts: list[dict[str, Any]], about: dict[str, dict[str, str]], changed: dict[str, str]
) -> None:
    lines = [
        "# Photos of the demo brand",
        "",
        "Tall Tree Outfitters is made up; its captions are ours (CC0). The photos in "
        "`tall-tree-outfitters-export.zip` are real, by the people named here, none of them "
        "share-alike. Each generated post names the photos it was made from.",
        "",
        "| file | author and licence | changes |",
        "|---|---|---|",
    ]
    for post in sorted(posts, key=lambda post: str(post["file"])):
        row = about[post["file"]]
        author = row["credit"].replace("|", "/")
        source = (
            f"[source]({row['source_url']})"
            if row["source_url"].startswith("http")
            else row["source_url"]
        )
        terms = (
            f"[{row['licence']}]({row['licence_url']})" if row["licence_url"] else row["licence"]
        )
        changes = "; ".join(part for part in (row["changes"], changed[post["file"]]) if part)
        lines.append(f"| {Path(post['file']).name} | {author}; {terms}; {source} | {changes} |")
    (DEMO / "CREDITS.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
