"""Settings of a brand: what its brand.toml says, in plain words. The file is changed by hand, or by
`feedsmith brand`; the page writes nothing. Where it lies is for owners' eyes.
"""

import shlex
from urllib.parse import urlsplit

from django.conf import settings as django
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedsmith.brand import Brand as BrandFile
from feedsmith.errors import FeedsmithError
from feedsmith.studio.models import Brand
from feedsmith.studio.pages.access import for_members

Lines = list[tuple[str, list[str], str]]
"""Name, values, and what holds where there is none."""


@for_members("reviewer")
@require_safe
def settings(request: HttpRequest, brand: Brand) -> HttpResponse:
    owner = request.role == "owner"
    said: dict[str, object] = {"owner": owner}
    if owner:
        root = brand.home.root.resolve()
        said |= {
            "file": str(root / "brand.toml"),
            "learn": f"feedsmith brand {shlex.quote(str(root))} --learn",
            "backup": f"feedsmith backup out.zip {shlex.quote(str(django.STUDIO.home.resolve()))}",
        }
    try:
        said["groups"] = groups(brand.file)
    except FeedsmithError as error:
        message = error.message
        for place in (brand.home.brand_file, brand.home.root) if not owner else ():
            message = message.replace(str(place), place.name)
        said |= {"problem": message, "mend": error.mend if owner else "ask an owner to mend it"}
    return render(request, "studio/settings.html", said)


def groups(file: BrandFile) -> list[tuple[str, str, Lines]]:
    """All that is set, by what it is about: title, words below it, lines."""
    tags, look = file.hashtags, file.palette
    marked = [f"#{tag}" for tag in tags.always], [f"#{tag}" for tag in tags.banned]
    learned = "Learned from your photos"
    return [
        ("Who you are", "What captions know about you.", [
            ("Name", [file.name], ""),
            ("Instagram name", _some(file.handle and f"@{file.handle}"), "Not set"),
            ("What you do", _some(file.niche), "Not set"),
            ("Pictures usually show", list(file.subjects), learned),
            ("Credit for photos", _some(file.default_credit), "None"),
        ]),
        ("Voice", "How captions sound.", [
            ("Voice", [file.voice], ""),
            ("Language", [file.language], ""),
            ("Speaks to people", _some(file.address), "As in your own captions"),
            ("Sounds right", list(file.voice_examples), "No examples yet"),
            ("Never says", list(file.banned_words), "No words are barred"),
            ("Emoji in a caption", [f"at most {file.emoji_max}" if file.emoji_max else "none"], ""),
        ]),
        ("Hashtags", "", [
            ("On a post", [f"at most {tags.limit}" if tags.limit else "none"], ""),
            ("Always", marked[0], "None"),
            ("Never", marked[1], "None"),
        ]),
        ("Look", "Of designed posts.", [
            ("Paper", _some(look.paper), learned), ("Ink", _some(look.ink), learned),
            ("Accent", [c for c in (look.accent, look.accent_2) if c], learned),
            ("Typefaces", typefaces(file), "Chosen for the brand"),
            ("Logo", [p for p in (file.logo.light, file.logo.dark) if p], "None"),
        ]),
        ("Time", "Every time in the calendar is this zone’s.", [
            ("Time zone", [file.time_zone], ""),
            ("Holidays of", _some(file.country), "The time zone’s country"),
        ]),
        ("Models", "What makes the words and the pictures.", [
            ("Captions", _some(captions_by(file)), "Feedsmith’s own"),
            ("Pictures", _some(pictures_by(file)), "Your photos, recomposed or edited"),
        ]),
    ]  # fmt: skip


def _some(value: str) -> list[str]:
    return [value] if value else []


def captions_by(file: BrandFile) -> str:
    """The model that writes captions, and where; '' for our own."""
    return " at ".join(part for part in (file.writer.model, _host(file.writer.url)) if part)


def pictures_by(file: BrandFile) -> str:
    """What makes the pictures; '' for the brand's photos, recomposed or edited."""
    images = file.images
    if images.use == "remix":
        return ""
    return ", ".join(part for part in (images.use, images.model, _host(images.url)) if part)


def typefaces(file: BrandFile) -> list[str]:
    fonts = file.fonts
    return [part for part in (fonts.pair, fonts.heading, fonts.text) if part]


def _host(url: str) -> str:
    """Which machine an address is of; a name and a password in it are nobody's business here."""
    return urlsplit(url).netloc.rpartition("@")[2]
