"""A day at a studio that publishes, with a fake Instagram: what several tests need. The studio is that of
small_studio, in its database, and answers on a port of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from django.utils import timezone

from feedsmith.brand import Home
from feedsmith.fake_instagram.server import FakeInstagram
from feedsmith.publishing.graph import Login
from feedsmith.publishing.tokens import Account, Connection, FolderShelf, Token
from small_instagram import SHOP, film
from small_studio import CONFIG, post
from studio_server import until


class Crash(BaseException):
    """The publisher is gone."""


def connect(fake: FakeInstagram, place: Path, name: str = SHOP, login: Login = "instagram") -> str:
    """An account of the fake, connected to the brand in this folder; its number."""
    grant = fake.connected(name, login, kind="long")
    number = grant.accounts[0]
    account = Account(id=number, username=name, login=login, server=fake.url)
    now = datetime.now(UTC)
    FolderShelf(place / "publishing").put(
        Connection(account, Token(grant.token, now, now + timedelta(days=60)))
    )
    return number


@dataclass
class Day:
    """A day at the studio, on a clock that it shares with the fake Instagram."""

    fake: FakeInstagram
    account: str = ""

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.fake.world.clock.now(), UTC)

    def scheduled(self, folder: str = "01-photo-aaaaaa", after: timedelta = timedelta(minutes=5)):  # type: ignore[no-untyped-def]
        from feedsmith.studio.models import Draft

        draft = Draft.objects.get(brand__slug="oak-co", folder=folder)
        draft = draft.move("approved", by="owner")
        return draft.move("scheduled", by="owner", scheduled_at=self.now + after)

    def run(self, hours: float = 6, name: str = "publisher") -> None:
        """Until nothing is under way, or the hours have passed."""
        from feedsmith.studio import due
        from feedsmith.studio.models import Draft, Publication
        from feedsmith.studio.worker import publishing

        end = self.now + timedelta(hours=hours)
        while self.now < end:
            if publishing.turn(name, now=self.now):
                continue
            under_way = Publication.objects.filter(over=False)
            coming = [row.begins_at for row in under_way]
            waiting = Draft.objects.filter(state="scheduled")
            coming += [d.scheduled_at - due.ahead(d) for d in waiting if d.scheduled_at]
            later = [at for at in coming if at > self.now]
            if not later:
                return
            self.fake.world.clock.set(min(end, *later).timestamp() + 0.01)

    @property
    def out(self) -> list:  # type: ignore[type-arg]
        return [m for m in self.fake.world.media.values() if not m.parent]


@contextmanager
def a_day(monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """The studio answers on a port of its own, so that the fake can fetch from it."""
    from django.conf import settings

    from feedsmith.studio import due
    from feedsmith.studio.models import Brand
    from feedsmith.studio.serving import Application

    server = uvicorn.Server(
        uvicorn.Config(Application(), port=0, lifespan="off", log_config=None, ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setattr(settings, "STUDIO", replace(CONFIG, port=port))
    fake = FakeInstagram()
    fake.world.clock.stop()
    fake.world.clock.set(timezone.now().timestamp())
    fake.start()
    number = connect(fake, CONFIG.home)
    due.seen(Brand.objects.get(slug="oak-co"), timezone.now())
    yield Day(fake, number)
    fake.close()
    server.should_exit = True
    thread.join(10)


def seen(draft):  # type: ignore[no-untyped-def]
    draft.refresh_from_db()
    return draft


def a_reel() -> None:
    """A fourth post of the brand: a film."""
    from feedsmith.files import write_json
    from feedsmith.studio.models import Brand
    from feedsmith.studio.models.drafts import adopt

    place = Home(CONFIG.home)
    made = post(place, "07-reel-aaaaaa", "reel")
    folder = place.posts / "07-reel-aaaaaa"
    film(folder / "01.mp4", 4, 30, 360, 640)
    medium = made.media[0].model_copy(update={"file": "01.mp4", "cover": "01.jpg"})
    whole = made.model_copy(update={"media": (medium,)})
    write_json(folder / "post.json", whole.model_dump(mode="json"))
    adopt(Brand.objects.get(slug="oak-co"))


@contextmanager
def crews(day: Day, monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[list]:  # type: ignore[type-arg]
    """Publishers as their processes have them, on a clock that runs."""
    from feedsmith.publishing import publisher
    from feedsmith.studio.worker.publishing import Crew

    day.fake.world.clock.run()
    day.fake.world.video_seconds = 0
    for name, seconds in (("SOON", 0.1), ("POLL", 0.3)):
        monkeypatch.setattr(publisher, name, timedelta(seconds=seconds))
    made = [Crew(name) for name in names]
    yield made
    for crew in made:
        crew.pool.shutdown()


def looked(crews: list, true: Callable[[], object]) -> None:  # type: ignore[type-arg]
    """All of them at work until something is true."""

    def now() -> object:
        for crew in crews:
            crew.look()
        return true()

    until(now, 60)
