"""A brand: its name, voice, look and habits, as kept in brand.toml; and its home folder."""

import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.post import Value

VOICES = (
    "warm", "minimal", "dry", "poetic", "playful", "second-person", "expert",
    "first-person founder", "practical",
)  # fmt: skip
"""Voices the shipped caption adapter was taught (captions/starter.jsonl)."""


class HashtagPolicy(Value):
    limit: int = Field(rules.HASHTAGS_DEFAULT, ge=0, le=rules.HASHTAGS_HARD_MAX)
    """At most this many on a post."""
    always: tuple[str, ...] = ()
    """On every post, first (without '#')."""
    banned: tuple[str, ...] = ()
    """Never used (without '#')."""


class Palette(Value):
    """Colours by role, as #rrggbb; empty means: learned from the photos."""

    paper: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")
    ink: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")
    accent: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")
    accent_2: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")


class Brand(Value):
    """The content of brand.toml."""

    name: str = Field(min_length=1, max_length=80)
    handle: str = ""
    """Instagram user name, without '@'."""
    niche: str = ""
    """What the brand does, in a few words, e.g. "hiking & outdoor store"."""
    subjects: tuple[str, ...] = ()
    """What its pictures usually show; carries the caption where photos have no words."""
    voice: str = "warm"
    """One of VOICES, or free words."""
    language: str = "en"
    time_zone: str = "UTC"
    banned_words: tuple[str, ...] = ()
    emoji_max: int = Field(2, ge=0, le=10)
    """Most emoji in one caption."""
    default_credit: str = ""
    """Credit for photos that carry none of their own."""
    hashtags: HashtagPolicy = HashtagPolicy()
    palette: Palette = Palette()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f'"{zone}" is not an IANA time zone such as Europe/Berlin') from error
        return zone


class Home:
    """The folder of one brand; names its parts, reads and writes brand.toml."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.brand_file = root / "brand.toml"
        self.library = root / "library"
        self.posts = root / "posts"
        self.models = root / "models"

    def load(self) -> Brand:
        """Read brand.toml. Raises FeedsmithError when it is missing or wrong, naming the line."""
        try:
            return read(self.brand_file)
        except FileNotFoundError as error:
            raise FeedsmithError(
                f"{self.root}: no brand here (brand.toml is missing)",
                mend=f"make one: feedsmith init {self.root}",
            ) from error

    def adopt(self, settings: Path) -> None:
        """Take `settings` as brand.toml, once it has been read without fault; an existing one is
        kept."""
        try:
            read(settings)
        except FileNotFoundError as error:
            raise FeedsmithError(
                f"{settings}: no such file", mend="name an existing brand.toml"
            ) from error
        if not self.brand_file.exists():
            write_text(self.brand_file, settings.read_text("utf-8-sig"))
        self._make_folders()

    def create(self, brand: Brand) -> None:
        """Write a commented brand.toml and the folders; an existing brand.toml is kept."""
        if not self.brand_file.exists():
            write_text(self.brand_file, _commented(brand))
        self._make_folders()

    def _make_folders(self) -> None:
        for folder in (self.library, self.posts, self.models):
            folder.mkdir(parents=True, exist_ok=True)


def read(path: Path) -> Brand:
    """The brand in a brand.toml. Raises FileNotFoundError, or FeedsmithError naming what is wrong."""
    try:
        # Windows editors put a byte order mark in front.
        return checked(tomllib.loads(path.read_text("utf-8-sig")), str(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeedsmithError(
            f"{path}: not valid TOML: {error}",
            mend="mend that line, or move the file away and run feedsmith init again",
        ) from error


def checked(data: Mapping[str, Any], where: str = "") -> Brand:
    """A brand of `data`. Raises FeedsmithError naming the first setting that is wrong."""
    try:
        return Brand.model_validate(data)
    except ValidationError as error:
        raise FeedsmithError(
            f"{where}: {_in_words(error)}".removeprefix(": "),
            mend="correct that setting and run again",
        ) from error


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [*Brand.model_fields, *HashtagPolicy.model_fields, *Palette.model_fields]
        close = get_close_matches(str(first["loc"][-1]), known, 1)
        return f'unknown setting "{where}"' + (f'; perhaps you meant "{close[0]}"' if close else "")
    if first["type"] == "string_pattern_mismatch":
        return f'{where}: must be a colour such as "#a1b2c3"'
    if first["type"] == "tuple_type":
        return f'{where}: must be a list such as ["one", "two"]'
    return f"{where}: {str(first['msg']).removeprefix('Value error, ')}"


def _toml(value: str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _commented(brand: Brand) -> str:
    return f"""\
# This file says who the brand is. Everything has a sensible default; change what you like.

name = {_toml(brand.name)}
# Your Instagram user name, without the @.
handle = {_toml(brand.handle)}
# What you do, in a few words: "small cafe/bakery", "ceramics, candles & handmade crafts" ...
niche = {_toml(brand.niche)}
# What your pictures usually show. Carries the caption when a photo has no words of its own.
subjects = {_toml(brand.subjects)}
# How you sound: {", ".join(VOICES)}.
voice = {_toml(brand.voice)}
language = {_toml(brand.language)}
# An IANA name such as "Europe/Berlin" or "America/New_York".
time_zone = {_toml(brand.time_zone)}
# Words that must never appear in a caption.
banned_words = {_toml(brand.banned_words)}
# Most emoji in one caption.
emoji_max = {brand.emoji_max}
# Credit for photos that carry none of their own, e.g. "Photo: Ana Ruiz".
default_credit = {_toml(brand.default_credit)}

[hashtags]
# At most this many on a post. The app has capped new posts at {rules.HASHTAGS_DEFAULT} since December 2025;
# the hard limit of the API is {rules.HASHTAGS_HARD_MAX}.
limit = {brand.hashtags.limit}
# On every post, without the #.
always = {_toml(brand.hashtags.always)}
# Never used.
banned = {_toml(brand.hashtags.banned)}

[palette]
# Colours for designed posts, as "#rrggbb". Leave empty to learn them from your photos.
paper = {_toml(brand.palette.paper)}
ink = {_toml(brand.palette.ink)}
accent = {_toml(brand.palette.accent)}
accent_2 = {_toml(brand.palette.accent_2)}
"""
