"""Accounts of a brand in the studio: connected by a person in a browser, told in words, disconnected."""

import http.client
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from feedsmith.fake_instagram.server import FakeInstagram
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")
SHOP = "tall.tree.outfitters"
HERE = "/b/oak-co/accounts"
SECRET = "fake-app-secret"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeInstagram]:
    one = FakeInstagram()
    one.start()
    monkeypatch.setenv("FEEDSMITH_INSTAGRAM_SERVER", one.url)
    monkeypatch.setenv("FEEDSMITH_INSTAGRAM_APP_ID", "1234567890123456")
    monkeypatch.setenv("FEEDSMITH_INSTAGRAM_APP_SECRET", SECRET)
    yield one
    one.close()


def allowed(fake: FakeInstagram, address: str, name: str = SHOP, answer: str = "allow") -> str:
    """Where the browser ends after the consent page: the path of the studio, with its query."""
    parts = urlsplit(address)
    form = dict(parse_qsl(parts.query)) | {"username": name, "answer": answer}
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", f"{parts.path}?{parts.query}", urlencode(form), kind)
    back = urlsplit(connection.getresponse().headers["Location"])
    connection.close()
    return f"{back.path}?{back.query}"


def begun(client) -> str:  # type: ignore[no-untyped-def]
    page = client.post(HERE, {"do": "connect"}).content.decode()
    found = re.search(r'href="(http[^"]+authorize[^"]+)"', page)
    assert found is not None, page
    return found[1].replace("&amp;", "&")


def test_an_account_is_connected_checked_and_disconnected(fake: FakeInstagram) -> None:
    from feedsmith.studio.models import Brand

    client = visitor("olga")
    assert "No account is connected" in text_of(client.get(HERE))
    back = allowed(fake, begun(client))
    assert client.get(back).headers["Location"] == HERE
    page = text_of(client.get(HERE))
    assert f"{SHOP} is connected" in page
    assert Brand.objects.get(slug="oak-co").publishes_from is not None
    assert "posts used" in text_of(client.post(HERE, {"do": "check"}))
    (file,) = (CONFIG.home / "publishing" / "accounts").glob("*.json")
    assert fake.url in file.read_text("utf-8")  # where it is; its token is locked
    for grant in fake.world.grants.values():
        assert grant.token not in file.read_text("utf-8")
    client.post(HERE, {"do": "forget", "account": file.stem})
    assert "No account is connected" in text_of(client.get(HERE))
    assert not file.exists()


def test_a_way_back_is_good_once_and_for_the_sign_in_that_was_begun(fake: FakeInstagram) -> None:
    client = visitor("olga")
    back = allowed(fake, begun(client))
    other = re.sub(r"state=[^&]+", "state=another", back)
    assert "belongs to another sign-in" in text_of(client.get(other))
    assert client.get(back).headers["Location"] == "/"  # the sign-in is over
    assert not list((CONFIG.home / "publishing" / "accounts").glob("*.json"))


def test_a_no_is_told_as_a_no(fake: FakeInstagram) -> None:
    client = visitor("olga")
    page = text_of(client.get(allowed(fake, begun(client), answer="deny")))
    assert "the answer was no" in page


def test_one_account_of_a_sign_in_is_disconnected_and_the_other_stays(fake: FakeInstagram) -> None:
    from feedsmith.publishing import connect
    from feedsmith.publishing.graph import Place
    from feedsmith.studio import accounts
    from feedsmith.studio.models import Brand

    brand = Brand.objects.get(slug="oak-co")
    oak = fake.world.called("oak.and.ember")
    assert oak is not None
    grant = fake.connected(SHOP, "facebook")
    grant.accounts.append(oak.id)
    for made in connect.from_token(grant.token, "facebook", Place(fake.url)):
        accounts.shelf_of(brand).put(made)
    client = visitor("olga")
    client.post(HERE, {"do": "forget", "account": grant.accounts[0]})
    page = text_of(client.get(HERE))
    assert f"{SHOP} is not connected any more. The permission at Facebook stays" in page
    assert not grant.revoked
    (left,) = accounts.shelf_of(brand).all()
    assert left.graph().profile().username == "oak.and.ember"
    client.post(HERE, {"do": "forget", "account": oak.id})
    assert "The permission was given back to Facebook" in text_of(client.get(HERE))
    assert grant.revoked


def test_an_account_that_is_disconnected_while_its_token_is_refreshed_stays_so(
    fake: FakeInstagram,
) -> None:
    import threading
    from datetime import UTC, datetime, timedelta

    from django.db import connections

    from feedsmith.publishing.tokens import Account, Connection, Token
    from feedsmith.studio import accounts
    from feedsmith.studio.models import Brand
    from feedsmith.studio.worker import publishing

    brand = Brand.objects.get(slug="oak-co")
    grant = fake.connected(SHOP)
    fake.world.clock.advance(8 * 24 * 3600)
    then = datetime.now(UTC) - timedelta(days=8)
    account = Account(id=grant.accounts[0], username=SHOP, login="instagram", server=fake.url)
    shelf = accounts.shelf_of(brand)
    shelf.put(Connection(account, Token(grant.token, then, then + timedelta(days=60))))
    fault = fake.faults.add("delay", path="refresh_access_token", seconds=1.5)

    def refresh() -> None:
        publishing.refresh(brand, datetime.now(UTC))
        connections.close_all()

    work = threading.Thread(target=refresh)
    work.start()
    while not fault.used:
        work.join(0.01)
    visitor("olga").post(HERE, {"do": "forget", "account": account.id})
    assert work.is_alive()  # it was in the midst of it
    work.join()
    assert len(fake.world.grants) > 1  # there is a new token
    assert shelf.all() == []


def test_several_accounts_and_one_that_posts_by_default(fake: FakeInstagram) -> None:
    from feedsmith.studio import accounts
    from feedsmith.studio.models import Brand

    client = visitor("olga")
    for name in (SHOP, "second.shop"):
        assert client.get(allowed(fake, begun(client), name)).status_code == 302
    brand = Brand.objects.get(slug="oak-co")
    first, second = accounts.connected(brand)
    other = next(k for k in (first, second) if k != accounts.usual(brand))
    client.post(HERE, {"do": "usual", "account": other.account.id})
    brand.refresh_from_db()
    assert accounts.usual(brand) == other
    # What is gone is replaced by nobody by chance.
    client.post(HERE, {"do": "forget", "account": other.account.id})
    brand.refresh_from_db()
    assert accounts.usual(brand) is None
    assert [known.account.id for known in accounts.connected(brand)] != [other.account.id]


def test_an_account_that_is_connected_later_does_not_take_over(fake: FakeInstagram) -> None:
    from feedsmith.studio import accounts
    from feedsmith.studio.models import Brand

    client = visitor("olga")
    for name in (SHOP, "a.shop"):
        fake.world.add_account(name) if fake.world.called(name) is None else None
        assert client.get(allowed(fake, begun(client), name)).status_code == 302
    brand = Brand.objects.get(slug="oak-co")
    assert [known.account.username for known in accounts.connected(brand)] == ["a.shop", SHOP]
    usual = accounts.usual(brand)
    assert usual is not None
    assert usual.account.username == SHOP


def test_an_odd_address_is_told_and_not_a_traceback(fake: FakeInstagram) -> None:
    client = visitor("olga")
    begun(client)
    answer = client.get("/connected?state=%C3%A9&code=x")
    assert answer.status_code in (302, 400, 422)


def test_a_revoked_account_is_told_in_words(fake: FakeInstagram) -> None:
    client = visitor("olga")
    client.get(allowed(fake, begun(client)))
    for grant in fake.world.grants.values():
        grant.revoked = True
    page = text_of(client.post(HERE, {"do": "check"}))
    assert "Connect it again below" in page
    assert "Connect it again below" in text_of(client.get(HERE))


def test_who_did_not_begin_the_sign_in_cannot_end_it(fake: FakeInstagram) -> None:
    back = allowed(fake, begun(visitor("olga")))
    assert visitor("otto").get(back).headers["Location"] == "/"
    assert visitor("").get(back).headers["Location"].startswith("/sign-in")


def test_how_late_a_post_may_be_is_chosen_from_a_list() -> None:
    from feedsmith.studio.models import Brand

    client = visitor("olga")
    assert client.post(HERE, {"do": "late", "minutes": "7"}).status_code == 422
    client.post(HERE, {"do": "late", "minutes": "360"})
    assert Brand.objects.get(slug="oak-co").late_minutes == 360


def test_without_an_app_the_page_says_what_is_missing() -> None:
    answer = visitor("olga").post(HERE, {"do": "connect"})
    assert answer.status_code == 422
    assert "no app at Meta is named" in text_of(answer).lower() or "No app at Meta" in text_of(
        answer
    )


def test_the_page_of_a_post_says_when_and_where_it_goes_out(fake: FakeInstagram) -> None:
    from django.utils import timezone

    from feedsmith.studio.models import Draft

    client = visitor("olga")
    client.get(allowed(fake, begun(client)))
    draft = Draft.objects.filter(brand__slug="oak-co").first()
    draft = draft.move("approved", by="owner")
    draft.move("scheduled", by="owner", scheduled_at=timezone.now() + timezone.timedelta(days=1))
    page = text_of(visitor("rita").get(f"/b/oak-co/posts/{draft.pk}"))
    assert "Goes out by itself" in page
    assert SHOP in page
