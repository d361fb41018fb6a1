"""What goes wrong with a post that is to go out, through the whole studio: one clear line where people look,
nothing posted twice, nothing lost, and it goes on when it is mended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from small_api import Program
from small_publishing import Day, connect, seen
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def page(draft) -> str:  # type: ignore[no-untyped-def]
    """What an editor reads about how a post goes out."""
    return text_of(visitor("edgar").get(f"/b/oak-co/posts/{draft.pk}/publication"))


def out_once(day: Day, draft) -> None:  # type: ignore[no-untyped-def]
    day.run()
    assert seen(draft).state == "published"
    assert draft.asks == ""
    assert len(day.out) == 1


def to_its_containers(day: Day) -> None:
    """A publisher at work, until Instagram has the picture and the time has not come."""
    from feedsmith.studio.models import Publication
    from feedsmith.studio.worker import publishing

    while not Publication.objects.filter(step="processing").exists():
        assert publishing.turn("publisher", now=day.now) or not day.fake.world.clock.advance(10)


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_token_that_ends_in_the_midst_of_it(day: Day, how: str) -> None:
    draft = day.scheduled()
    to_its_containers(day)
    for grant in day.fake.world.grants.values():
        grant.revoked = how == "revoked"
        grant.expires = day.fake.world.clock.now() if how == "expired" else grant.expires
    day.run(0.5)
    said = page(draft)
    assert ("taken the permission back" if how == "revoked" else "has expired") in said
    assert "Connect it again." in said
    assert "feedsmith connect" not in said  # that is for a terminal
    assert (seen(draft).state, draft.asks) == ("publishing", "account")
    assert "Connect it again below" in text_of(visitor("olga").get("/b/oak-co/accounts"))
    connect(day.fake, CONFIG.home)
    out_once(day, draft)


def test_an_account_that_became_a_personal_one(day: Day) -> None:
    draft = day.scheduled()
    account = day.fake.world.accounts[day.account]
    account.kind = "personal"
    day.run(0.5)
    said = page(draft)
    assert "not a professional one" in said
    assert "make it a business or creator account" in said.lower()
    assert seen(draft).asks == "account"
    account.kind = "creator"
    out_once(day, draft)


def test_a_post_edited_while_it_is_sent(day: Day) -> None:
    draft = day.scheduled()
    to_its_containers(day)
    form = {"caption": "Too late.", "version": str(seen(draft).version)}
    answer = visitor("edgar").post(f"/b/oak-co/posts/{draft.pk}/edit", form)
    assert answer.status_code in (400, 409, 422)
    assert "A post that is being published cannot be edited" in text_of(answer)
    out_once(day, draft)
    assert "Too late" not in day.out[0].caption


@contextmanager
def behind_a_login() -> Iterator[str]:
    """A proxy that sends whoever has not signed in elsewhere."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_behind_a_login(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    draft, good = day.scheduled(), settings.STUDIO
    with behind_a_login() as url:
        monkeypatch.setattr(settings, "STUDIO", replace(good, public_url=url))
        day.run(0.5)
        said = page(draft)
    assert "login" in said
    assert seen(draft).state == "publishing"
    assert not day.fake.world.containers  # Instagram was not asked to fetch it
    monkeypatch.setattr(settings, "STUDIO", good)
    out_once(day, draft)


def given(draft, ago: timedelta) -> str:  # type: ignore[no-untyped-def]
    """A person gives the post a time in the past by the form; what they are told."""
    client = visitor("edgar")
    path = f"/b/oak-co/posts/{draft.pk}"
    when = (timezone.now() - ago).astimezone(ZoneInfo("Europe/Berlin"))
    client.post(f"{path}/state", {"to": "scheduled", "when": f"{when:%Y-%m-%dT%H:%M}"})
    return text_of(client.get(path))


def approved():  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand, Draft

    Brand.objects.update(publishes_from=timezone.now() - timedelta(days=2))
    draft = Draft.objects.get(brand__slug="oak-co", folder="01-photo-aaaaaa")
    return draft.move("approved", by="owner")


def test_a_time_a_little_in_the_past(day: Day) -> None:
    draft = approved()
    assert "That is in the past: it goes out at once." in given(draft, timedelta(minutes=20))
    out_once(day, draft)


def test_a_time_too_long_in_the_past(day: Day) -> None:
    draft = approved()
    assert "nothing is posted, and you are asked" in given(draft, timedelta(hours=5))
    day.run(0.5)
    assert (seen(draft).state, draft.asks) == ("failed", "late")
    assert "Missed its time" in page(draft)
    assert not day.out
    form = {"do": "now"}
    visitor("edgar").post(f"/b/oak-co/posts/{draft.pk}/publication/answer", form)
    day.fake.world.clock.set(timezone.now().timestamp() + 1)
    out_once(day, draft)


def test_a_time_zone_that_does_not_exist(day: Day) -> None:
    file = CONFIG.home / "brand.toml"
    good = file.read_text("utf-8")
    draft = day.scheduled()
    file.write_text(good.replace("Europe/Berlin", "Europe/Bielefeld"), "utf-8")
    day.run(0.3)
    said = page(draft)
    assert "Europe/Bielefeld" in said
    assert seen(draft).state == "publishing"
    assert not day.out
    file.write_text(good, "utf-8")
    out_once(day, draft)


def test_thirty_one_hashtags_typed_by_hand(day: Day) -> None:
    draft = day.scheduled()
    tags = [f"oak{number}" for number in range(31)]
    draft = draft.edit({"hashtags": tags}, version=draft.version)
    client = visitor("edgar")
    assert "31 hashtags" in text_of(client.get(f"/b/oak-co/posts/{draft.pk}"))
    day.run()
    assert seen(draft).state == "failed"
    assert "31 hashtags" in page(draft)
    assert not day.fake.world.containers
    draft = draft.edit({"hashtags": tags[:5]}, version=draft.version)
    draft.move("scheduled", by="owner", scheduled_at=day.now + timedelta(minutes=5))
    out_once(day, draft)


def full(day: Day) -> Callable[[], None]:
    day.fake.world.posts_a_day = 0

    def mended() -> None:
        day.fake.world.posts_a_day = 50

    return mended


def down(day: Day) -> Callable[[], None]:
    day.fake.world.down_until = day.fake.world.clock.now() + 3600
    return lambda: None


@pytest.mark.parametrize(
    ("trouble", "words"), [(full, "posts that Instagram allows"), (down, "down")]
)
def test_a_full_quota_and_instagram_down_for_an_hour(
    day: Day, trouble: Callable[[Day], Callable[[], None]], words: str
) -> None:
    draft = day.scheduled()
    mended = trouble(day)
    day.run(0.5)
    assert words in page(draft)
    assert (seen(draft).state, draft.asks) == ("publishing", "")
    mended()
    out_once(day, draft)
    at = datetime.fromtimestamp(day.out[0].at, draft.scheduled_at.tzinfo)
    assert at - draft.scheduled_at < timedelta(hours=1, minutes=11)


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64, 10**30])
def test_a_number_that_no_database_holds_is_not_found(number: int) -> None:
    client = visitor("edgar")
    assert client.get(f"/b/oak-co/posts/{number}").status_code == 404
    assert client.post(f"/b/oak-co/posts/{number}/edit", {"version": "1"}).status_code == 404
    assert Program("edgar")("GET", f"/brands/oak-co/posts/{number}").status_code in (404, 422)
