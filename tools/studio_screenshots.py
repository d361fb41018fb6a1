"""Takes the pictures of docs/studio: every page of the studio, wide and on a phone, light and dark.

Needs playwright and Chromium (neither is needed to run Feedsmith), and a brand with a few posts:

    python tools/studio_screenshots.py mybrand/ docs/studio

Works on a copy of the brand: nothing in it changes.
"""

import argparse
import shutil
import socket
import sys
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parent.parent / "tests"))

import small_outcomes
from feedsmith.studio.settings import Config
from feedsmith.studio.start import open_database, welcome

SIZES = {"wide": (1280, 800), "phone": (390, 844)}
STRANGERS = ("sign-in", "review")
"""Pages for people without a login."""
KINDS = ("photo", "carousel", "story", "reel")
QUALITIES = (64, 54, 46)
BYTES = 26_000
"""A picture has the first quality at which it has at most so many, else the last: 88 of them are 2.1 MB of the
repository, and beside quality 82 nobody sees a difference."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("brand", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "brand"
        left_out = shutil.ignore_patterns("models", "runs", "studio*", "datasets")
        shutil.copytree(args.brand, home, ignore=left_out)
        open_database(Config(home=home))
        owner = welcome([home])
        slug = seeded(owner)
        with served() as root:
            shoot(root, signed_in(owner), slug, args.out)


class served:  # noqa: N801 - used as a with statement
    """The studio on a free port, in a thread; gives its address."""

    def __enter__(self) -> str:
        import uvicorn
        from django.core.handlers.asgi import ASGIHandler

        self.socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(ASGIHandler(), lifespan="off", ws="none", log_config=None)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(20)
        self.socket.close()


def seeded(owner: Any) -> str:
    """States, a comment, an edit: as after a week of work."""
    from datetime import timedelta

    from django.utils import timezone

    from feedsmith.studio.models import Comment, Draft

    drafts = list(Draft.objects.order_by("folder").select_related("brand"))
    for place, draft in enumerate(drafts):
        Draft.objects.filter(pk=draft.pk).update(position=(len(drafts) - place) * 1024.0)
    steps = {
        1: ("review",),
        2: ("approved",),
        3: ("approved", "scheduled"),
        7: ("approved", "published"),
    }
    for place, states in steps.items():
        for state in states if place < len(drafts) else ():
            when = timezone.now() + timedelta(days=3) if state == "scheduled" else None
            drafts[place] = drafts[place].move(state, by="owner", person=owner, scheduled_at=when)
    if len(drafts) > 2:
        Draft.objects.filter(pk=drafts[2].pk).update(favourite=True)
        Comment.objects.create(draft=drafts[1], name="Ana Ruiz", text="Lovely. A little shorter?")
        drafts[0].edit(
            {"caption": drafts[0].caption + " 🌲"},
            version=drafts[0].version,
            person=owner,
            what="caption",
        )
    return str(drafts[0].brand.slug)


def signed_in(owner: Any) -> str:
    from feedsmith.studio.models import LoginLink

    return f"/sign-in/link/{LoginLink.make(owner)}"


def pages(slug: str) -> dict[str, str]:
    """Name -> address, of those that this studio has."""
    from feedsmith.studio.models import Draft
    from feedsmith.studio.templatetags.look import there

    found = {"brands": "/", "posts": f"/b/{slug}/posts", "list": f"/b/{slug}/posts?view=list"}
    found |= {"create": f"/b/{slug}/create", "design": "/design"}
    for name in ("calendar", "library", "activity", "settings", "accounts"):
        if there(f"/b/x/{name}"):
            found[name] = f"/b/{slug}/{name}"
    if there("/people"):
        found["people"] = "/people"
    for kind in KINDS:
        draft = Draft.objects.filter(kind=kind).order_by("-position").first()
        if draft is not None:
            found[f"post-{kind}"] = here = f"/b/{slug}/posts/{draft.pk}"
            if kind == "carousel":
                found |= {name: f"{here}/{name}" for name in ("crop", "picture")}
    quote = Draft.objects.filter(kind="quote").order_by("-position").first()
    if quote is not None:
        found |= worked(quote)
    return found | {"works": works(slug), "review": review(slug)}


def worked(draft: Any) -> dict[str, str]:
    """The pages of other words and other templates, after the worker has found what they offer."""
    from feedsmith.studio.models import Job
    from feedsmith.studio.pages import versions
    from feedsmith.studio.worker import running

    owner = draft.brand.people.first()
    versions.ask_words(draft, owner)
    versions.ask_layouts(draft, owner)
    while (job := Job.claim("here", 1)) is not None:
        running.run(job, "here")
    here = f"/b/{draft.brand.slug}/posts/{draft.pk}"
    return {name: f"{here}/{name}" for name in ("words", "template")}


def works(slug: str) -> str:
    """What works, of 130 posts with made-up figures in which reels did well and quotes did not."""
    from feedsmith import outcomes
    from feedsmith.studio.models import Brand, Job
    from feedsmith.studio.worker import running

    brand = Brand.objects.get(slug=slug)
    for outcome in small_outcomes.season(130, {"reel": 0.5, "quote": -0.4}):
        outcomes.record(brand.home.root, [outcome.published, *outcome.readings])
    Job.objects.create(brand=brand, kind="study")
    while (job := Job.claim("here", 1)) is not None:
        running.run(job, "here")
    return f"/b/{slug}/works"


def review(slug: str) -> str:
    """A review link: the one page that is seen without signing in."""
    from feedsmith.studio.models import Brand, Draft, ReviewLink

    brand = Brand.objects.get(slug=slug)
    chosen = Draft.objects.filter(brand=brand, kind__in=("photo", "quote", "carousel"))
    link = ReviewLink.make(
        brand, None, title="Next week, for Ana", chosen=[draft.pk for draft in chosen[:5]]
    )
    return f"/r/{link.token}"


def shoot(root: str, link: str, slug: str, out: Path) -> None:
    every = pages(slug)
    with sync_playwright() as tool:
        chromium = tool.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        context = chromium.new_context(base_url=root)
        page = context.new_page()
        page.goto("/sign-in")
        page.goto(link)
        page.locator("main form button").click()
        page.wait_for_url("**/")
        state = context.storage_state()
        for size, (width, height) in SIZES.items():
            phone = size == "phone"
            for scheme in ("light", "dark"):
                for name, address in {"sign-in": "/sign-in", **every}.items():
                    context = chromium.new_context(
                        base_url=root, viewport={"width": width, "height": height}, is_mobile=phone,
                        has_touch=phone, color_scheme=scheme, reduced_motion="reduce",
                        storage_state=None if name in STRANGERS else state,
                    )  # fmt: skip
                    page = context.new_page()
                    page.goto(address)
                    if name == "review":  # it asks for a name first
                        page.get_by_label("Your name").fill("Ana Ruiz")
                        page.get_by_role("button", name="Look at the posts").click()
                        page.wait_for_load_state()
                    page.wait_for_timeout(400)
                    save(page.screenshot(), out / f"{name}-{size}-{scheme}.webp")
                    context.close()
        chromium.close()


def save(png: bytes, path: Path) -> None:
    """As WebP, see BYTES."""
    image = Image.open(BytesIO(png)).convert("RGB")
    for quality in QUALITIES:
        data = BytesIO()
        image.save(data, "WEBP", quality=quality, method=6)
        if data.tell() <= BYTES:
            break
    path.write_bytes(data.getvalue())
    print(f"{path} {data.tell() // 1000} kB")


if __name__ == "__main__":
    import os

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright runs a loop in this thread
    main()
