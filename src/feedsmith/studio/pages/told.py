"""What a page tells of how a post was made: originality, hashtags, provenance, in plain words.

Knows posts as values; asks the library only who made a photo.
"""

import re
from collections.abc import Mapping
from typing import Any

from feedsmith import rules
from feedsmith.brand import Brand
from feedsmith.post import METHODS, Post
from feedsmith.studio.models import Draft
from feedsmith.studio.shelf import Item

ROLES = {"images": "Pictures by", "captions": "Words by", "captions adapter": "In the voice of"}
"""Roles of Post.models that a page tells; the others are in post.json."""


def originality(post: Post, photos: Mapping[str, Item]) -> dict[str, Any]:
    """Label, words and the nearest photo, for people."""
    found = post.originality
    new = found.label == "new"
    largest, whole = round(found.copied_area * 100), round(found.copied_total * 100)
    near = photos.get(found.nearest)
    if not found.nearest:
        words = "There was no photo in the library to compare it with."
    elif post.source_type == "trainedAlgorithmicMedia":
        words = f"It is not in your library. At most {largest} % of it looks like one of your photos in one piece."
    elif new:
        words = (
            f"It is not in your library. It was put together anew from pieces of your photos ({whole} % of it); "
            f"the largest piece taken as it was covers {largest} %."
        )
    else:
        words = "It shows your photo, cut, set or edited" + (
            f"; {largest} % of it is as in the photo." if largest < 99 else "."
        )
    return {
        "new": new, "label": "New picture" if new else "Edited photo", "words": words,
        "nearest": photo(near) if near is not None else None,
    }  # fmt: skip


def photo(value: Item) -> dict[str, str]:
    return {"id": value.id, "words": value.called, "credit": value.credit}


def reasons(draft: Draft, post: Post | None, brand: Brand) -> list[tuple[str, str]]:
    """Hashtag and why it is there, of those that are on the draft now."""
    said = {}
    if post is not None:
        said = dict(zip(post.hashtags, post.hashtag_reasons, strict=False))
        shown = {"".join(word.split()).lower() for word in post.shows}
        for tag in post.hashtags:
            if tag not in said and tag in brand.hashtags.always:
                said[tag] = "always, by brand.toml"
            elif tag not in said:
                said[tag] = (
                    "the picture shows it" if tag.lower() in shown else "chosen when it was made"
                )
    return [(tag, _sentence(said.get(tag, "added by hand"))) for tag in draft.hashtags]


def facts(post: Post) -> list[tuple[str, str]]:
    """Rows of "how it was made"."""
    methods = dict.fromkeys(
        METHODS[method] for m in post.media for method in (m.method, *m.parts) if method in METHODS
    )
    size = rules.FORMATS.get(post.format)
    rows = [
        ("The picture", " ".join(methods) or _sentence(post.provenance)),
        *((ROLES[role], name) for role, name in post.models.items() if role in ROLES),
        ("Format", f"{size.width} × {size.height}" if size else post.format),
        ("Photos by", "; ".join(dict.fromkeys(credit.text for credit in post.credits))),
        ("Theme", post.theme),
        ("Seed", str(post.seed)),
    ]
    return [(name, value) for name, value in rows if value]


def counts(caption: str, hashtags: list[str]) -> dict[str, int]:
    """As the page counts while a person types: of the caption with its hashtags."""
    tags = " ".join(f"#{tag}" for tag in hashtags)
    whole = "\n\n".join(part for part in (caption.strip(), tags) if part)
    return {
        "characters": len(whole),
        "hashtags": len(re.findall(r"#\w+", whole)),
        "mentions": len(re.findall(r"(?<![\w.])@[\w.]+", whole)),
    }


LIMITS = {
    "caption": rules.CAPTION_MAX, "hashtags": rules.HASHTAGS_HARD_MAX, "mentions": rules.MENTIONS_MAX,
    "alt": rules.ALT_TEXT_MAX,
}  # fmt: skip


def _sentence(words: str) -> str:
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if not words or words[-1] in ".!?" else ".")
