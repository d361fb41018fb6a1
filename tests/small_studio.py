"""A studio for tests: two brands with a few finished posts, five people. Real database, real files.

Django takes its settings once in a process, so all tests of one run share one studio, which is
emptied before each test. FEEDSMITH_TEST_DATABASE_URL runs them on PostgreSQL.
"""

import asyncio
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from PIL import Image

from feedsmith.brand import Brand as BrandFile
from feedsmith.brand import Home
from feedsmith.files import write_json
from feedsmith.post import Medium, Originality, Post
from feedsmith.studio.settings import Config
from feedsmith.studio.start import open_database

_ROOT = Path(tempfile.gettempdir()) / f"feedsmith-studio-{os.getpid()}"
CONFIG = Config(
    home=_ROOT / "oak",
    database_url=os.environ.get("FEEDSMITH_TEST_DATABASE_URL", ""),
    idle_seconds=2,
)


def post(home: Home, name: str, kind: str = "photo", caption: str = "Under the oaks.") -> Post:
    """A finished post's folder, with real pictures."""
    folder = home.posts / name
    folder.mkdir(parents=True)
    count = 3 if kind == "carousel" else 1
    originality = Originality(nearest="", similarity=0.4, copied_area=0.0, label="edited photo")
    media = []
    for number in range(1, count + 1):
        colour = (40 * number, 120, 90)
        Image.new("RGB", (1080, 1350), colour).save(folder / f"{number:02d}.jpg", quality=60)
        media.append(
            Medium(
                file=f"{number:02d}.jpg", width=1080, height=1350, alt_text=f"Green {number}.",
                method="crop", sources=(), originality=originality,
            )
        )  # fmt: skip
    made = Post(
        id=name, kind=kind, caption=caption, hashtags=("oak", "walks"), alt_text="Green 1.",
        format="portrait", seed=1, media=tuple(media), sources=(), models={"images": "remix"},
        originality=originality, provenance="cropped from your photo",
    )  # fmt: skip
    write_json(folder / "post.json", made.model_dump(mode="json"))
    return made


def home(name: str, within: Path = _ROOT) -> Home:
    """A brand's folder, made afresh, with three posts."""
    place = Home(within / name)
    for part in (
        "posts",
        "library",
        "publishing",
        "studio/thumbnails",
        "studio/hosted",
        "studio/outgoing",
    ):
        shutil.rmtree(place.root / part, ignore_errors=True)
    # Hundreds of tests begin here: a copy is ten times quicker than drawing the pictures again.
    shutil.copytree(_drawn(name), place.root, copy_function=shutil.copyfile, dirs_exist_ok=True)
    return place


@cache
def _drawn(name: str) -> Path:
    """A brand's folder that is only copied from."""
    place = Home(_ROOT / "drawn" / name)
    place.root.mkdir(parents=True)
    place.create(BrandFile(name=f"{name.title()} & Co", time_zone="Europe/Berlin"))
    post(place, "01-photo-aaaaaa", caption="A walk under the oaks.")
    post(place, "02-carousel-aaaaaa", "carousel", caption="Three greens.")
    post(place, "03-quote-aaaaaa", "quote", caption="Slow down.")
    return place.root


def opened() -> None:
    """The studio as after its first start: brands `oak-co` and `elm-co`, and these people:

    olga owns oak, edgar edits it, rita reviews it; otto owns elm; nina belongs to none.
    """
    oak, elm = home("oak"), home("elm")
    open_database(CONFIG)
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["quick_hash.QuickHash"]
    from django.core.cache import cache
    from django.core.management import call_command

    from feedsmith.studio.api.door import rate
    from feedsmith.studio.models import Brand, Person
    from feedsmith.studio.models.drafts import adopt
    from feedsmith.studio.models.people import add

    # Without the signal, which would list the permissions of each table anew: nothing asks for them.
    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
    cache.clear()
    rate.forget()
    brands = [Brand.adopt(place.root) for place in (oak, elm)]
    for brand in brands:
        adopt(brand)
    for name, brand, role in (
        ("olga", brands[0], "owner"), ("edgar", brands[0], "editor"), ("rita", brands[0], "reviewer"),
        ("otto", brands[1], "owner"),
    ):  # fmt: skip
        add(name, brand, role)
    nina = Person(name="nina")
    nina.set_unusable_password()
    nina.save()


def visitor(name: str = "", **headers: str):  # type: ignore[no-untyped-def]
    """A browser without scripts, signed in as `name` by a one-time link; '' for nobody."""
    from django.test import Client

    from feedsmith.studio.models import LoginLink, Person

    client = Client(headers={"host": "localhost", **headers})
    client.raise_request_exception = False
    if name:
        token = LoginLink.make(Person.objects.get(name=name))
        assert client.post(f"/sign-in/link/{token}").status_code == 302
    return client


def bytes_of(answer) -> bytes:  # type: ignore[no-untyped-def]
    """All that a file's answer brings."""

    async def whole() -> bytes:
        return b"".join([part async for part in answer])

    return asyncio.run(whole())


def text_of(response) -> str:  # type: ignore[no-untyped-def]
    """What a page says, without its tags."""
    return text_of_page(response.content.decode())


def text_of_page(page: str) -> str:
    words = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", words)).strip()


def connections_closed() -> None:
    from django.db import connections

    connections.close_all()


def closed() -> None:
    """Remove the studio's folder, at the end of the run."""
    shutil.rmtree(_ROOT, ignore_errors=True)
