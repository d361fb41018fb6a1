"""A brand: its name, voice, look and habits, as kept in brand.toml; and its home folder."""

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.post import Value

VOICES = (
    "warm", "minimal", "dry", "poetic", "playful", "second-person", "expert",
    "first-person founder", "practical",
)  # fmt: skip
"""Voices the shipped caption adapter was taught (captions/starter.jsonl.gz)."""


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
    """The ground of most designs, nearly white."""
    ink: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")
    """Words on it, nearly black."""
    accent: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")
    """Fields, lines and prices."""
    accent_2: str = Field("", pattern=r"^(#[0-9a-fA-F]{6})?$")
    """The colour beside it."""


class Fonts(Value):
    """Typefaces of designed posts; empty means: a pair chosen for the brand."""

    pair: str = ""
    """Name of a pair that comes with Feedsmith, e.g. "fraunces"; `feedsmith brand` shows the brand's."""
    heading: str = ""
    """Path of a font file of the brand's own (TTF, OTF), seen from its folder."""
    text: str = ""
    """The same for small words."""


class Logo(Value):
    """Paths of PNG or SVG files, seen from the brand's folder."""

    light: str = ""
    """For dark grounds."""
    dark: str = ""
    """For light grounds; used for both where it is the only one and reads."""


def _is_address(url: str) -> str:
    if url and not re.match(r"https?://[^/]", url):
        raise ValueError("must be an address such as http://localhost:11434/v1")
    return url


class WriterSettings(Value):
    """A chat model that writes captions beside Feedsmith's own; empty means: none. Its key is in no
    file: it comes from the environment (docs/writers.md)."""

    url: str = ""
    """Base address of a server that speaks OpenAI's protocol, e.g. http://localhost:11434/v1."""
    model: str = Field("", max_length=200)
    """As the server names it, e.g. "llama3.1:8b"."""
    timeout: float = Field(120.0, ge=1, le=3600)
    """Seconds for one whole answer."""
    candidates: int = Field(4, ge=1, le=8)
    """Captions asked for, of which one may win."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return _is_address(url)


class ImagesSettings(Value):
    """The image model that makes the pictures (docs/image-models.md). A key is in no file: it comes
    from the environment."""

    use: str = "remix"
    """Name of an image model: remix, diffusers, endpoint, or one that was installed."""
    model: str = Field("", max_length=400)
    """Which model it is to use: for diffusers a folder or a name on the model hub, for an endpoint
    the name that the server has for it. A path is seen from the brand's folder first."""
    lora: str = ""
    """For diffusers: an adapter beside the model, a file or a folder."""
    url: str = ""
    """For an endpoint: base address of a server that speaks OpenAI's protocol."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Finer settings of that image model, which knows them."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return _is_address(url)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name in ("model", "lora", "url"):
            if self.use == "remix" and getattr(self, name):
                other = "endpoint" if name == "url" else "diffusers"
                raise ValueError(f'remix takes no {name}; write use = "{other}" beside it')
        return self


class InstagramSettings(Value):
    """How its Instagram account is reached (docs/publishing.md). The app's secret is in no file: it comes
    from the environment."""

    login: Literal["instagram", "facebook"] = "instagram"
    """Instagram Login needs no Facebook Page; Facebook Login also opens hashtags and uploads."""
    app_id: str = Field("", pattern=r"^\d*$")
    """Number of the brand's app at Meta."""
    redirect_uri: str = ""
    """Where a person comes back to after signing in, as the app names it; empty means: a page of this
    machine."""
    pkce: bool = True
    """Whether Facebook Login gets a proof key."""

    @field_validator("redirect_uri")
    @classmethod
    def _address(cls, url: str) -> str:
        return _is_address(url)


class HostingSettings(Value):
    """A bucket that Instagram fetches media from (docs/exports.md); empty means: none. Its keys are in no
    file: they come from the environment."""

    endpoint: str = ""
    """Address of an S3-compatible storage, e.g. https://s3.eu-central-1.amazonaws.com."""
    bucket: str = Field("", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    """Its name."""
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    """R2 calls it auto, MinIO us-east-1, Garage garage."""
    prefix: str = Field("feedsmith", pattern=r"^[A-Za-z0-9_./-]{0,200}$")
    """Folder in the bucket."""
    public: str = ""
    """The storage's address as the internet sees it, where that is another than `endpoint`."""
    path_style: bool = True
    """True for https://HOST/BUCKET/..., false for https://BUCKET.HOST/..."""
    keep_days: float = Field(0, ge=0, le=3650)
    """Days that media stays after it was published; 0: it is deleted at once."""

    @field_validator("endpoint", "public")
    @classmethod
    def _address(cls, url: str) -> str:
        return _is_address(url)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.endpoint) != bool(self.bucket):
            raise ValueError("endpoint and bucket belong together: name both, or neither")
        return self


class LearningSettings(Value):
    """Whether choices lean on what became of earlier posts (docs/learning.md)."""

    on: bool = False
    """From 30 posts with figures on; off, nothing changes."""
    explore: float = Field(0.2, ge=0.05, le=1)
    """Share of choices that are made as if nothing had been learned."""
    half_life: float = Field(120.0, ge=14, le=3650)
    """Days after which a post has half its say: what people like drifts."""


class Brand(Value):
    """The content of brand.toml."""

    name: str = Field(min_length=1, max_length=80)
    """As people know it."""
    handle: str = ""
    """Instagram user name, without '@'."""
    niche: str = ""
    """What the brand does, in a few words, e.g. "hiking & outdoor store"."""
    subjects: tuple[str, ...] = ()
    """What its pictures usually show; carries the caption where photos have no words."""
    voice: str = "warm"
    """warm, minimal, dry, poetic, playful, second-person, expert, first-person founder or practical (VOICES);
    or free words."""
    voice_examples: tuple[str, ...] = ()
    """Captions that sound right, as models of the voice."""
    language: str = "en"
    """Of its captions: "en", "de", "fr-CA", "pt-PT"."""
    address: Literal["", "informal", "formal"] = ""
    """How people are addressed where a language has two ways (du or Sie, tu or vous); empty means:
    as in the brand's own captions."""
    country: str = Field("", pattern=r"^([A-Z]{2})?$")
    """ISO 3166 code, e.g. "DE": whose holidays a plan keeps; empty means: by the time zone."""
    time_zone: str = "UTC"
    """An IANA name such as Europe/Berlin."""
    banned_words: tuple[str, ...] = ()
    """Never in a caption."""
    emoji_max: int = Field(2, ge=0, le=10)
    """Most emoji in one caption."""
    default_credit: str = ""
    """Credit for photos that carry none of their own."""
    hashtags: HashtagPolicy = HashtagPolicy()
    palette: Palette = Palette()
    fonts: Fonts = Fonts()
    logo: Logo = Logo()
    writer: WriterSettings = WriterSettings()
    images: ImagesSettings = ImagesSettings()
    instagram: InstagramSettings = InstagramSettings()
    hosting: HostingSettings = HostingSettings()
    learning: LearningSettings = LearningSettings()

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
        self.templates = root / "templates"

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

    def file(self, name: str, setting: str) -> Path:
        """The file that `setting` of brand.toml names, seen from the brand's folder.

        Raises FeedsmithError naming setting and file when it is missing, no file, or outside of the
        folder: a brand's folder can be copied whole, and a settings file from somebody else
        reads nothing else of this machine.
        """
        path = self.root / name
        inside = path.resolve().is_relative_to(self.root.resolve())
        if not inside or Path(name).is_absolute():
            raise FeedsmithError(
                f'{self.brand_file}: {setting} = "{name}" is outside of the brand\'s folder',
                mend=f"copy the file into {self.root} and name it from there",
            )
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "is not there"
            raise FeedsmithError(
                f'{self.brand_file}: {setting} = "{name}", but {path} {what}',
                mend="put the file there, or correct or empty that setting",
            )
        return path

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
        part = first["loc"][0]
        secrets = {
            "writer": "FEEDSMITH_WRITER_KEY", "images": "FEEDSMITH_IMAGES_KEY",
            "instagram": "FEEDSMITH_INSTAGRAM_APP_SECRET",
            "hosting": "FEEDSMITH_S3_ACCESS_KEY and FEEDSMITH_S3_SECRET_KEY",
        }  # fmt: skip
        if part in secrets and re.search(r"key|token|secret", where.lower()):
            return f'no keys in this file: take "{where}" out, and set {secrets[str(part)]} instead'
        parts = (
            Brand, HashtagPolicy, Palette, Fonts, Logo, WriterSettings, ImagesSettings,
            InstagramSettings, HostingSettings, LearningSettings,
        )  # fmt: skip
        known = [f for kind in parts for f in kind.model_fields]
        close = get_close_matches(str(first["loc"][-1]), known, 1)
        return f'unknown setting "{where}"' + (f'; perhaps you meant "{close[0]}"' if close else "")
    given = first.get("input")
    if first["type"] == "string_pattern_mismatch" and where == "country":
        return f"{where}: {_country(str(given))}"
    if first["type"] == "string_pattern_mismatch" and where == "instagram.app_id":
        return f'{where}: must be the number that Meta\'s dashboard shows, not "{given}"'
    if first["type"] == "string_pattern_mismatch":
        return f'{where}: must be a colour such as "#a1b2c3"{_colour(str(given))}'
    if first["type"] == "tuple_type":
        return f'{where}: must be a list such as ["one", "two"]'
    return f"{where}: {str(first['msg']).removeprefix('Value error, ')}"


def _country(given: str) -> str:
    code = given.strip().upper()
    if re.fullmatch("[A-Z]{2}", code):
        return f'write "{code}" instead of "{given}"'
    return f'must be a code of two capital letters such as "DE" or "US", not "{given}"'


def _colour(given: str) -> str:
    """What was probably meant, as the end of a sentence."""
    digits = given.strip().lstrip("#")
    if re.fullmatch("[0-9a-fA-F]{3}", digits):
        digits = "".join(2 * c for c in digits)
    if re.fullmatch("[0-9a-fA-F]{6}", digits):
        return f', not "{given}"; perhaps you meant "#{digits.lower()}"'
    return f', not "{given}"'


def _toml(value: str | bool | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(items: tuple[str, ...]) -> str:
    """A list of long texts, one a line."""
    if not items:
        return "[]"
    return "[\n" + "".join(f"  {_toml(item)},\n" for item in items) + "]"


def _commented(brand: Brand) -> str:
    def line(setting: str, owner: Value = brand) -> str:
        """`setting = value`; as a comment where nobody has decided it, so that it can be learned."""
        value = getattr(owner, setting)
        if isinstance(value, bool):
            said = json.dumps(value)
        else:
            said = f"{value:g}" if isinstance(value, int | float) else _toml(value)
        return f"{'' if setting in owner.model_fields_set else '# '}{setting} = {said}"

    return f"""\
# This file says who the brand is. Everything has a sensible default; change what you like.
# Lines that start with "# name =" show a default: take the "# " away to set it.
# "feedsmith brand FOLDER --learn" fills what is empty from your own photos and posts.

name = {_toml(brand.name)}
# Your Instagram user name, without the @.
handle = {_toml(brand.handle)}
# What you do, in a few words: "small cafe/bakery", "ceramics, candles & handmade crafts" ...
niche = {_toml(brand.niche)}
# What your pictures usually show. Carries the caption when a photo has no words of its own.
subjects = {_toml(brand.subjects)}
# How you sound: {", ".join(VOICES)}.
{line("voice")}
# Two to five of your captions that sound just right.
voice_examples = {_list(brand.voice_examples)}
# Language of your captions: "en", "de", "fr", "es", "pt"; with a region where it matters: "pt-PT".
{line("language")}
# How you speak to people where there are two ways (du or Sie, tu or vous): "informal" or "formal".
# Empty: as in your own captions.
address = {_toml(brand.address)}
# Whose holidays a content plan keeps: "DE", "US", "GB" ... Empty: by the time zone.
country = {_toml(brand.country)}
# An IANA name such as "Europe/Berlin" or "America/New_York".
{line("time_zone")}
# Words that must never appear in a caption.
banned_words = {_toml(brand.banned_words)}
# Most emoji in one caption, 0 to 10.
{line("emoji_max")}
# Credit for photos that carry none of their own, e.g. "Photo: Ana Ruiz".
default_credit = {_toml(brand.default_credit)}

[hashtags]
# At most this many on a post. The app has capped new posts at {rules.HASHTAGS_DEFAULT} since December 2025;
# the hard limit of the API is {rules.HASHTAGS_HARD_MAX}.
{line("limit", brand.hashtags)}
# On every post, without the #.
always = {_toml(brand.hashtags.always)}
# Never used.
banned = {_toml(brand.hashtags.banned)}

[palette]
# Colours for designed posts, as "#rrggbb". Leave empty to learn them from your photos.
# The ground of most designs, nearly white:
paper = {_toml(brand.palette.paper)}
# Words on it, nearly black:
ink = {_toml(brand.palette.ink)}
# Fields, lines and prices:
accent = {_toml(brand.palette.accent)}
# The colour beside it:
accent_2 = {_toml(brand.palette.accent_2)}

[fonts]
# A pair that comes with Feedsmith, e.g. "fraunces"; "feedsmith brand" shows it on the brand sheet.
# Empty: chosen by your voice and name, and always the same.
pair = {_toml(brand.fonts.pair)}
# Or fonts of your own (TTF, OTF): paths seen from this folder, e.g. "fonts/Recoleta.otf".
heading = {_toml(brand.fonts.heading)}
text = {_toml(brand.fonts.text)}

[logo]
# PNG or SVG files, seen from this folder, e.g. "logo/white.svg". One is enough: where it would not
# read, it is put on a small plate in your paper or ink.
# For dark grounds:
light = {_toml(brand.logo.light)}
# For light grounds:
dark = {_toml(brand.logo.dark)}

[writer]
# A chat model that writes captions beside Feedsmith's own, on any server that speaks OpenAI's protocol
# (Ollama, vLLM, LM Studio, OpenAI). Empty: none. Your past captions go there as examples of your voice,
# so name a server of your own: "http://localhost:11434/v1" is Ollama on this machine.
url = {_toml(brand.writer.url)}
# As the server names it, e.g. "llama3.1:8b". A key is never written here: set FEEDSMITH_WRITER_KEY.
model = {_toml(brand.writer.model)}
# Seconds for one whole answer; a large model on a small machine needs many.
{line("timeout", brand.writer)}
# Captions asked for each time, 1 to 8; one of them may win.
{line("candidates", brand.writer)}

[images]
# What makes the pictures: "remix" (from your own photos, here), "diffusers" (a diffusion model of
# yours) or "endpoint" (any server that speaks OpenAI's protocol). docs/image-models.md compares them.
{line("use", brand.images)}
# For diffusers: a folder with a pipeline, or its name on the model hub. For an endpoint: as the server
# names it, e.g. "gpt-image-1". A key is never written here: set FEEDSMITH_IMAGES_KEY.
model = {_toml(brand.images.model)}
# For diffusers: an adapter for your look, e.g. "models/diffusion" after "feedsmith train images --recipe lora".
lora = {_toml(brand.images.lora)}
# For an endpoint, e.g. "http://localhost:8080/v1".
url = {_toml(brand.images.url)}
{_options(brand.images.options)}
[instagram]
# How "feedsmith connect" signs in: "instagram" (no Facebook Page needed) or "facebook" (through the
# account's Page; also opens hashtags and uploads). docs/publishing.md says how to get an app of your own.
{line("login", brand.instagram)}
# Your app's number. Its secret is never written here: set FEEDSMITH_INSTAGRAM_APP_SECRET.
app_id = {_toml(brand.instagram.app_id)}
# The https address that your app names for coming back. Empty: a page of this machine.
redirect_uri = {_toml(brand.instagram.redirect_uri)}
# A proof key beside the secret, for "facebook" alone; turn it off if Meta turns the sign-in down.
{line("pkce", brand.instagram)}

[hosting]
# A bucket that Instagram fetches your media from, where your studio has no public address: any
# S3-compatible storage (docs/exports.md). Keys are never written here: set FEEDSMITH_S3_ACCESS_KEY and
# FEEDSMITH_S3_SECRET_KEY.
# E.g. "https://s3.eu-central-1.amazonaws.com"; empty: none.
endpoint = {_toml(brand.hosting.endpoint)}
bucket = {_toml(brand.hosting.bucket)}
# "auto" for Cloudflare R2.
{line("region", brand.hosting)}
# Folder in the bucket.
{line("prefix", brand.hosting)}
# The storage's address as the internet sees it, where endpoint is one of your own network.
public = {_toml(brand.hosting.public)}
# true: addresses are https://HOST/BUCKET/...; false: https://BUCKET.HOST/...
{line("path_style", brand.hosting)}
# Days that media stays there after it was published; 0 deletes it at once.
{line("keep_days", brand.hosting)}

[learning]
# Let kinds, themes, layouts and times lean on what became of your posts ("feedsmith learn" shows it),
# once 30 of them have figures. Off by default: then nothing of this changes what is made.
on = {json.dumps(brand.learning.on)}
# Share of choices made as if nothing had been learned, 0.05 to 1: how the next favourite is found.
{line("explore", brand.learning)}
# Days after which a post has half its say; what people like drifts.
{line("half_life", brand.learning)}
"""


def _options(options: Mapping[str, str | int | float | bool]) -> str:
    """The finer settings of an image model, as a table of their own; '' where there are none."""
    lines = [
        f"{name} = {_toml(value) if isinstance(value, str) else json.dumps(value)}\n"
        for name, value in options.items()
    ]
    return "\n".join(["", "[images.options]", "".join(lines)]) if lines else ""
