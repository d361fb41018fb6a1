"""A post that needs somebody is seen as one wherever posts are seen, and no longer when it has its answer."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.utils import timezone

from feedsmith.publishing.tokens import Account, Connection, FolderShelf, Token
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def connect(number: str = "17", name: str = "oak.shop") -> FolderShelf:
    """An account of the brand; nobody asks Instagram about it here."""
    from feedsmith.studio import due
    from feedsmith.studio.models import Brand

    shelf = FolderShelf(CONFIG.home / "publishing")
    account = Account(id=number, username=name, login="instagram")
    shelf.put(Connection(account, Token("x", timezone.now())))
    due.seen(Brand.objects.get(slug="oak-co"), timezone.now())
    return shelf


def scheduled(seconds: float = 60):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    draft = Draft.objects.get(brand__slug="oak-co", folder="01-photo-aaaaaa")
    at = timezone.now() + timedelta(seconds=seconds)
    return draft.move("approved", by="owner").move("scheduled", by="owner", scheduled_at=at)


def kept(draft, step: str, **more: object):  # type: ignore[no-untyped-def]
    """The post taken up by a publisher, and where its attempt stands."""
    from feedsmith.studio.models import Publication

    row = Publication.begin(draft, "17", "oak.shop", timezone.now())
    assert row.claim("one", timezone.now())
    row.keep("one", row.told.now(step, said="so it went", mend="do this", **more))
    return row


def everywhere(draft) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """What each page that shows posts says."""
    client = visitor("edgar")
    day = draft.scheduled_at.date()
    pages = {
        "grid": "/b/oak-co/posts", "lines": "/b/oak-co/posts?view=list", "brands": "/",
        "month": f"/b/oak-co/calendar?day={day}", "week": f"/b/oak-co/calendar?view=week&day={day}",
        "agenda": f"/b/oak-co/calendar?view=list&day={day}", "needed": "/b/oak-co/posts?state=asks",
        "post": f"/b/oak-co/posts/{draft.pk}", "beside": f"/b/oak-co/posts/{draft.pk}/beside",
    }  # fmt: skip
    answers = {name: client.get(path) for name, path in pages.items()}
    return {name: text_of(a) + a.content.decode() for name, a in answers.items()}


def asked(draft, words: str) -> None:  # type: ignore[no-untyped-def]
    pages = everywhere(draft)
    brands = pages.pop("brands")
    assert "1 needs you" in brands
    for name, page in pages.items():
        assert f"Needs you: {words}" in page, name
        if name not in ("needed", "post"):
            assert "Being published" not in page, name
    assert "A walk under the oaks." in pages["agenda"]


def quiet(draft) -> None:  # type: ignore[no-untyped-def]
    for name, page in everywhere(draft).items():
        assert "needs you" not in page.lower(), name


def events(draft) -> list[str]:  # type: ignore[no-untyped-def]
    return list(draft.events.filter(verb="held up").values_list("words", flat=True))


def test_one_that_may_be_out_is_asked_about_everywhere(studio: None) -> None:
    draft = scheduled()
    quiet(draft)
    row = kept(draft, "asking", why="unknown")
    asked(draft, "may be out already")
    assert events(draft) == ["so it went"]
    row.posted(None, "editor")
    quiet(draft)


def test_one_that_missed_its_time_too(studio: None) -> None:
    draft = scheduled()
    row = kept(draft, "asking", why="late")
    asked(draft, "missed its time")
    row.again(None, "editor", timezone.now())
    quiet(draft)


def test_one_on_its_way_whose_account_must_be_connected_again_too(studio: None) -> None:
    draft = scheduled()
    row = kept(draft, "making", why="account")
    asked(draft, "its account is not connected")
    row.keep("one", row.told.later(timezone.now(), "still so", "connect it", "account"))
    assert events(draft) == ["so it went"]  # told once
    row.keep("one", row.told.now("processing"))
    quiet(draft)
    row.stop(None)
    quiet(draft)


@pytest.mark.parametrize("how", ["again", "other"])
def test_one_whose_account_is_gone_asks_before_its_time_and_in_the_activity(
    studio: None, how: str
) -> None:
    from feedsmith.studio import due

    shelf, draft = connect(), scheduled(3600)
    shelf.remove("17")  # by hand, or by feedsmith connect --forget
    due.ask_for_accounts(timezone.now())
    due.ask_for_accounts(timezone.now())
    asked(draft, "its account is not connected")
    assert len(events(draft)) == 1
    client = visitor("edgar")
    activity = text_of(client.get("/b/oak-co/activity"))
    assert "could not publish the photo" in activity
    assert "its account is not connected any more" in activity
    if how == "again":
        connect()
        due.ask_for_accounts(timezone.now())
    else:
        connect("18", "elm.shop")
        due.ask_for_accounts(timezone.now())
        asked(draft, "its account is not connected")  # none is chosen by chance
        form = {"do": "account", "account": "18"}
        client.post(f"/b/oak-co/posts/{draft.pk}/publication/answer", form)
        due.ask_for_accounts(timezone.now())
    quiet(draft)


def test_who_disconnects_the_last_account_posts_by_hand_and_is_not_asked(studio: None) -> None:
    from feedsmith.studio import due

    connect()
    draft = scheduled()
    visitor("olga").post("/b/oak-co/accounts", {"do": "forget", "account": "17"})
    due.ask_for_accounts(timezone.now() + timedelta(hours=1))
    quiet(draft)


def test_questions_of_an_older_studio_are_seen_after_its_upgrade(studio: None) -> None:
    from django.apps import apps

    from feedsmith.studio.models import Draft

    draft = scheduled()
    kept(draft, "asking", why="unknown")
    Draft.objects.update(asks="")
    import_module("feedsmith.studio.migrations.0005_asks_and_publishers").ask(apps, None)
    asked(draft, "may be out already")
