"""Outgoing: a post as it goes out, whatever it came from: the words that count, and the files.

A value. Built from a finished post's folder; where a person edited the words or the time elsewhere (the studio's
database), theirs are put over it with `worded`.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from feedsmith.post import Credit, Post, Value

Form = Literal["image", "carousel", "reel", "story"]
"""What Instagram's API calls it."""
FILMS = (".mp4", ".mov", ".m4v")
"""Suffixes of files that are films; all others are pictures."""


class Part(Value):
    """One media file of it."""

    path: Path
    alt_text: str = ""
    cover: Path | None = None
    """For a film: its still."""

    @property
    def is_film(self) -> bool:
        return self.path.suffix.lower() in FILMS


class Outgoing(Value):
    """One post, ready to be checked, exported and published."""

    id: str
    """Of the post, the same for ever: exports and calendars are updated by it."""
    form: Form
    kind: str = ""
    """post.Kind, for people: promo, quote ..."""
    caption: str = ""
    """Without its hashtags, except those that a person wrote into it."""
    hashtags: tuple[str, ...] = ()
    """Without '#'; they follow the caption."""
    parts: tuple[Part, ...]
    at: datetime | None = None
    """When it is planned to go out; without a time zone it is meant in `zone`."""
    zone: str = "UTC"
    """IANA name."""
    theme: str = ""
    link: str = ""
    """Where an offer is sold."""
    credits: tuple[Credit, ...] = ()
    collaborators: tuple[str, ...] = ()
    """User names, without '@'."""
    location: str = ""
    """Number of the place's Facebook Page."""
    source_type: str = ""
    """IPTC digital source type of its media (see provenance)."""

    @classmethod
    def of(cls, post: Post, folder: Path, zone: str = "UTC") -> Self:
        """A finished post and the folder its files lie in."""
        parts = [
            Part(
                path=folder / medium.file,
                alt_text=medium.alt_text or post.alt_text,
                cover=folder / medium.cover if medium.cover else None,
            )
            for medium in post.media
        ]
        return cls(
            id=post.id, form=form_of(post.kind, parts), kind=post.kind, caption=post.caption,
            hashtags=post.hashtags, parts=tuple(parts), at=post.at, zone=zone, theme=post.theme,
            link=post.offer.link, credits=post.credits, source_type=post.source_type,
        )  # fmt: skip

    def worded(
        self,
        *,
        caption: str | None = None,
        hashtags: Sequence[str] | None = None,
        alt_texts: Sequence[str] | None = None,
        at: datetime | None = None,
        collaborators: Sequence[str] = (),
        location: str = "",
    ) -> Self:
        """The same post with a person's words over its own; None leaves what is there. Alt texts come in
        the order of the parts; missing ones stay."""
        parts = list(self.parts)
        for number, text in enumerate((alt_texts or ())[: len(parts)]):
            parts[number] = parts[number].model_copy(update={"alt_text": text})
        return self.model_copy(
            update={
                "caption": self.caption if caption is None else caption,
                "hashtags": self.hashtags if hashtags is None else tuple(hashtags),
                "parts": tuple(parts),
                "at": at or self.at,
                "collaborators": tuple(collaborators) or self.collaborators,
                "location": location or self.location,
            }
        )

    @property
    def text(self) -> str:
        """Caption and hashtags as they are pasted and sent: caption, an empty line, tags in one line."""
        tags = " ".join(f"#{tag.lstrip('#')}" for tag in self.hashtags)
        return "\n\n".join(part for part in (self.caption.strip(), tags) if part)

    @property
    def title(self) -> str:
        """One line of at most 60 characters to know it by."""
        lines = self.caption.strip().splitlines()
        line = " ".join(lines[0].split()) if lines else (self.theme or self.id)
        return line if len(line) <= 60 else line[:59].rstrip() + "…"


def form_of(kind: str, parts: Sequence[Part]) -> Form:
    """What the API is to be told: by kind, then by how many and which files there are."""
    if kind == "story":
        return "story"
    if len(parts) > 1:
        return "carousel"
    return "reel" if any(part.is_film for part in parts) else "image"
