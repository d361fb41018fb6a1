"""Small studios as earlier versions left them, for the tests of upgrades: tests/fixtures/studios/NAME.zip.

    python tools/old_studios.py

Each commit's own program is taken out of the repository, opens a studio and does in it what people do: adopts posts,
edits and approves them, asks for jobs, makes tokens, webhooks and review links, brings in a plan, schedules. The zip
holds the database as it was closed, brand.toml and the posts' folders; it is named after its last migration.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAMS = (
    ("a3c46f6", ""), ("7c54071", "0003_feed_in_order"), ("7c54071", ""), ("147ea5f", ""),
)  # fmt: skip
"""One of each schema: a commit, and a migration of it that is left away, as no commit has its schema: that
migration changes an index alone."""
OUT = ROOT / "tests" / "fixtures" / "studios"


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for commit, without in PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            told = subprocess.run(
                ["git", "archive", commit, "src"], cwd=ROOT, capture_output=True, check=True
            )
            with tarfile.open(fileobj=BytesIO(told.stdout)) as archive:
                archive.extractall(here, filter="data")
            if without:
                (here / "src/feedsmith/studio/migrations" / f"{without}.py").unlink()
            studio = here / "oak"
            subprocess.run(
                [sys.executable, __file__, "--inside", str(studio)], check=True,
                env=os.environ | {"PYTHONPATH": str(here / "src")},
            )  # fmt: skip
            name = (here / "oak" / "schema").read_text()
            (here / "oak" / "schema").unlink()
            print(name, pack(studio, OUT / f"{name}.zip"), "bytes, of", commit)


def pack(studio: Path, out: Path) -> int:
    """All of it but what is made again; returns the zip's size."""
    for made_again in ("thumbnails", "studio.log", "worker.log", "open.lock"):
        path = studio / "studio" / made_again
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(p for p in studio.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(studio).as_posix())
    return out.stat().st_size


def inside(place: Path) -> None:
    """Runs with an earlier version's program."""
    from datetime import UTC, date, datetime, timedelta

    from PIL import Image

    from feedsmith.brand import Brand as BrandFile
    from feedsmith.brand import Home
    from feedsmith.files import write_json
    from feedsmith.post import Medium, Originality, Post
    from feedsmith.studio.settings import Config
    from feedsmith.studio.start import open_database, welcome

    home = Home(place)
    home.create(BrandFile(name="Oak & Co", time_zone="Europe/Berlin"))
    same = Originality(nearest="", similarity=0.4, copied_area=0.0, label="edited photo")
    for number in range(1, 13):
        name = f"{number:02d}-photo-aaaaaa"
        folder = home.posts / name
        folder.mkdir(parents=True)
        Image.new("RGB", (1080, 1350), (18 * number, 120, 90)).save(folder / "01.jpg", quality=10)
        medium = Medium(
            file="01.jpg", width=1080, height=1350, alt_text=f"Green {number}.", method="crop",
            sources=(), originality=same,
        )  # fmt: skip
        made = Post(
            id=name, kind="photo", caption=f"Post {number} of the oaks — größer 🌳.",
            hashtags=("oak", "walks"), alt_text=f"Green {number}.", format="portrait", seed=number,
            media=(medium,), sources=(), models={"images": "remix"}, originality=same,
            provenance="cropped from your photo",
        )  # fmt: skip
        write_json(folder / "post.json", made.model_dump(mode="json"))
    open_database(Config(home=place))
    welcome([place])
    from django.db import connection, connections
    from django.utils import timezone

    from feedsmith.studio.models import (
        Brand,
        Comment,
        Draft,
        Event,
        FailedSignIn,
        Hook,
        Job,
        LoginLink,
        Person,
        Plan,
        Planned,
        ReviewLink,
        Token,
    )
    from feedsmith.studio.models.people import add

    oak = Brand.objects.get()
    ana, ben = add("ana", oak, "owner"), add("ben", oak, "editor")
    add("rita", oak, "reviewer")
    ana = Person.objects.get(name="ana")
    ben = Person.objects.get(name="ben")
    ana.set_password("four green oaks in a row")
    ana.save()
    LoginLink.make(ben, 72)
    FailedSignIn.note("ana", "192.0.2.7")
    drafts = list(Draft.objects.order_by("pk"))
    for draft in drafts[:8]:
        changed = draft.edit(
            {"caption": f"Edited: {draft.caption}"},
            version=draft.version,
            person=ben,
            role="editor",
        )
        for state in ("review", "approved"):
            changed = changed.move(state, by="owner", person=ana)
    at = datetime.now(UTC) + timedelta(days=3650)
    for place_, draft in enumerate(drafts[:3]):
        row = Draft.objects.get(pk=draft.pk)
        row.move("scheduled", by="owner", person=ana, scheduled_at=at + timedelta(hours=place_))
    Comment.objects.create(draft=drafts[0], person=ben, text="Brighter, please: “so”?")
    Event.objects.create(brand=oak, person=ana, verb="generated", words="12 posts")
    Job.objects.create(brand=oak, person=ben, kind="generate", args={"count": 3}, state="done",
                       total=3, done=3, started_at=timezone.now(), ended_at=timezone.now(),
                       result={"posts": 3, "seconds_each": 5.5})  # fmt: skip
    Job.objects.create(brand=oak, person=ben, kind="plan", args={}, state="failed", error="no")
    Token.make(ana, "calendar", ["read", "write"], 366)
    hook = Hook.make(oak, "https://example.org/hook", ana)
    hook.test()
    link = ReviewLink.objects.create(
        brand=oak, person=ana, title="Spring", nonce="n" * 16, expires=at
    )
    link.chosen.set(drafts[:4])
    plan = Plan.objects.create(
        brand=oak, person=ana, name="spring.csv", first=date(2036, 3, 1), last=date(2036, 3, 9)
    )
    Planned.objects.create(
        brand=oak,
        plan=plan,
        at=at,
        written_at=at,
        kind="quote",
        theme="oaks",
        brief={"kind": "quote"},
    )
    if (home.root / "studio.db").exists() and hasattr(oak, "publishes_from"):
        publications(oak, drafts)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(name) FROM django_migrations WHERE app = 'studio'")
        (home.root / "schema").write_text(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connections.close_all()


def publications(oak: object, drafts: list) -> None:  # type: ignore[type-arg]
    """One that is out, and one that asks."""
    from django.utils import timezone

    from feedsmith.publishing.attempt import Attempt
    from feedsmith.studio.models import Publication

    oak.account = "17841400000000000"  # type: ignore[attr-defined]
    oak.publishes_from = timezone.now()  # type: ignore[attr-defined]
    oak.save()  # type: ignore[attr-defined]
    for draft, step in ((drafts[5], "published"), (drafts[6], "asking")):
        told = Attempt(post=f"{draft.pk}.4", account=oak.account, due=timezone.now()).now(  # type: ignore[attr-defined]
            step, **({"why": "unknown", "said": "it is not known"} if step == "asking" else {})
        )
        Publication.objects.create(
            draft=draft, account=oak.account, username="oak", version=4, over=True,  # type: ignore[attr-defined]
            attempt=told.model_dump(mode="json"), step=step, due=told.due, begins_at=told.due,
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(Path(sys.argv[2]))
    else:
        main()
