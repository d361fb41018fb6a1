"""Right-to-left words, emoji and thin blanks go through every stage byte for byte.

An export with such captions is imported, and posts with such names and offers are made, by the
command line as a person types it; what comes out is compared as bytes.
"""

import html
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from feedsmith.library import Library
from feedsmith.post import PastPost, Post

DEMO = Path(__file__).parent.parent / "demo"
COMMAND = [sys.executable, "-c", "from feedsmith.cli import main; main()"]
PHOTOS = ("147-forest-stream", "150-mountain-sunset", "199-roble-de-sabana", "191-anona",
          "153-blue-forget-me-not", "193-corozo-palm")  # fmt: skip

SAID = (
    "مقهى الزيتون: خبز طازج كل صباح، ساعة ٧ ☕",
    "לחם חם בכל בוקר, ב־7:00 \u2067(שבת סגור)\u2069 🥖",
    "\u200fCafé قهوة & crème brûlée \u2066(today)\u2069, deux\u202f? Oui\u202f!\u200e",
    "👨‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🇩🇪🇧🇷 👍🏽 🧑🏿‍🚀 1️⃣ ❤️‍🔥 ✌︎",
    "فارسی با نیم‌فاصله: می‌روم",
    "कॉफ़ी और चाय — हर सुबह ☕\u00a0😀",
)
"""Arabic and Hebrew with isolates and marks, mixed directions, families, flags, skin tones, keycaps,
Persian's joiner, Hindi's nukta."""
TAGS = ("مقهى", "לחם", "café", "famille👨‍👩‍👧", "می‌روم", "चाय")

NAME = "قهوة الصباح ☕\u200f"
OFFER = "مقهى الزيتون \u2067(يوم السبت)\u2069: قهوة، 12\u202f€ 👨‍👩‍👧‍👦"
HEADLINE = "שלום, café\u202f!"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, check=False,
        encoding="utf-8", env={**os.environ, "COLUMNS": "200", "PYTHONUTF8": "0"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brand with an Arabic name and six posts, imported from an export that writes its captions
    as the app does: UTF-8 read as Latin-1."""
    root = tmp_path_factory.mktemp("shop")
    done = run("init", root, "--name", "مخبز الزيتون 🫒")
    assert done.returncode == 0, done.stderr
    settings = root / "brand.toml"
    text = settings.read_text("utf-8").replace('# language = "en"', 'language = "fr"')
    settings.write_text(text, "utf-8")
    export = root / "export.zip"
    with (
        zipfile.ZipFile(DEMO / "tall-tree-outfitters-export.zip") as whole,
        zipfile.ZipFile(export, "w") as part,
    ):
        for name in whole.namelist():
            if name.endswith("posts_1.json"):
                posts = [
                    next(p for p in json.loads(whole.read(name)) if key in p["media"][0]["uri"])
                    for key in PHOTOS
                ]
                for post, said, tag in zip(posts, SAID, TAGS, strict=True):
                    spoilt = f"{said}\n\n#{tag}".encode().decode("latin-1")
                    post["title"] = post["media"][0]["title"] = spoilt
                    post["media"] = post["media"][:1]
                part.writestr(name, json.dumps(posts))
            elif any(key in name for key in PHOTOS):
                part.writestr(name, whole.read(name))
    done = run("import", root, export)
    assert done.returncode == 0, done.stderr
    return root


def test_past_captions_are_kept_as_they_were_posted(shop: Path) -> None:
    kept = {post.text: post for post in Library(shop / "library").posts()}
    assert set(kept) == set(SAID)
    assert [post.caption for post in kept.values()] == [
        f"{post.text}\n\n#{TAGS[SAID.index(post.text)]}" for post in kept.values()
    ]
    lines = (shop / "library" / "posts.jsonl").read_bytes()
    assert all(said.encode() in lines for said in SAID if "\n" not in said)
    again = [PastPost.model_validate_json(line) for line in lines.splitlines()]
    assert {post.text for post in again} == set(SAID)


def test_hashtags_end_where_the_app_ends_them(shop: Path) -> None:
    tags = {tag for post in Library(shop / "library").posts() for tag in post.hashtags}
    assert {"مقهى", "לחם", "café", "चाय"} <= tags


@pytest.fixture(scope="module")
def made(shop: Path) -> dict[str, Path]:
    """A post of each kind that carries given words, by kind."""
    plan = shop / "plan.yaml"
    rows = [
        {"kind": "promo", "offer": OFFER},
        {"kind": "story", "name": NAME, "price": "12\u202f€", "call": "Venez\u202f! 👍🏽"},
        {"kind": "quote", "headline": HEADLINE},
        {"kind": "photo"},
    ]
    plan.write_text(json.dumps({"posts": rows}, ensure_ascii=False), "utf-8")
    done = run("generate", shop, "--plan", plan, "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    folders = {}
    for path in sorted((shop / "posts").glob("*/post.json")):
        post = Post.model_validate_json(path.read_bytes())
        folders[post.kind] = path.parent
    return folders


def test_an_offer_stands_byte_for_byte_in_everything_that_is_written(
    shop: Path, made: dict[str, Path]
) -> None:
    sheet = (shop / "posts" / "index.html").read_text("utf-8")
    given = {"promo": (OFFER,), "story": (NAME, "12\u202f€", "Venez\u202f! 👍🏽")}
    for kind, pieces in given.items():
        pasted = (made[kind] / "caption.txt").read_bytes()
        written = (made[kind] / "post.json").read_bytes()
        post = Post.model_validate_json(written)
        for piece in pieces:
            assert piece.encode() in pasted, (kind, piece)
            assert piece.encode() in written, (kind, piece)
            assert piece in post.caption
            assert html.escape(piece, quote=False) in sheet or html.escape(piece) in sheet
    assert json.loads((made["promo"] / "post.json").read_text("utf-8"))["offer"]["text"] == OFFER


def test_a_headline_is_set_with_its_letters(made: dict[str, Path]) -> None:
    post = Post.model_validate_json((made["quote"] / "post.json").read_bytes())
    # Type is set with the blank that fonts have; a line does not break at it either.
    assert HEADLINE.replace("\u202f", "\u00a0") in post.media[0].text


def test_captions_of_a_french_brand_are_french_with_their_thin_blanks(
    made: dict[str, Path],
) -> None:
    for kind, folder in made.items():
        caption = Post.model_validate_json((folder / "post.json").read_bytes()).caption
        own = caption.replace(OFFER, "").replace(NAME, "")
        assert not any(mark in own for mark in (" ?", " !", " :")), (kind, caption)
        assert f"{caption}\n".encode() in (folder / "caption.txt").read_bytes()


def test_the_contact_sheet_lets_every_text_run_its_own_way(
    shop: Path, made: dict[str, Path]
) -> None:
    sheet = (shop / "posts" / "index.html").read_text("utf-8")
    assert 'dir="auto"' in sheet
    assert '<meta charset="utf-8">' in sheet.lower()
    assert html.escape("مخبز الزيتون 🫒") in sheet


def test_a_language_without_sentences_is_said_once_and_answered_in_english(
    shop: Path, tmp_path: Path
) -> None:
    settings = shop / "brand.toml"
    before = settings.read_text("utf-8")
    settings.write_text(before.replace('language = "fr"', 'language = "ar"'), "utf-8")
    done = run(
        "generate", shop, "--kind", "photo", "--count", "1", "--seed", "1", "--out", tmp_path
    )
    settings.write_text(before, "utf-8")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert (
        said.count("Captions are not written in “ar” yet; English sentences are used instead") == 1
    )
