"""Signing in, staying connected, and what is wrong in words; against the fake Instagram."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import APP_ID, APP_SECRET, FakeInstagram
from feedsmith.publishing import connect as stage
from feedsmith.publishing.connect import App, app_from, begin, code_in, due, examined, finish, known
from feedsmith.publishing.graph import Disconnected, Place
from feedsmith.publishing.tokens import Connection
from small_instagram import DAY, SHOP, ask

BACK = "http://localhost:8329/connected"
APP = App(APP_ID, APP_SECRET)
PAGES = App(APP_ID, APP_SECRET, "facebook")


def now(fake: FakeInstagram) -> datetime:
    return datetime.fromtimestamp(fake.world.clock.now(), UTC)


def consent(fake: FakeInstagram, address: str, *names: str, answer: str = "allow") -> str:
    """What a person does in the browser: the address that they come back to."""
    path = address.removeprefix(fake.url)
    assert ask(fake, "GET", path).status == 200
    form = {"answer": answer}
    accounts = [fake.world.called(name) for name in names]
    chosen = [account.id for account in accounts if account]
    if len(chosen) == 1:
        form["account"] = chosen[0]
    went = ask(fake, "POST", path, **form) if len(chosen) < 2 else _several(fake, path, chosen)
    return went.headers["Location"]


def _several(fake: FakeInstagram, path: str, chosen: list[str]):  # type: ignore[no-untyped-def]
    import http.client

    from small_instagram import Answer

    connection = http.client.HTTPConnection("127.0.0.1", fake.port)
    body = "answer=allow" + "".join(f"&account={number}" for number in chosen)
    connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    got = connection.getresponse()
    got.read()
    connection.close()
    return Answer(got.status, {}, dict(got.headers))


def signed_in(fake: FakeInstagram, app: App = APP, *names: str) -> list[Connection]:
    place = Place(fake.url)
    begun = begin(app, BACK, place)
    came_back = consent(fake, begun.address, *(names or (SHOP,)))
    return finish(app, begun, code_in(begun, came_back), place, now(fake))


def test_instagram_login_from_the_first_address_to_a_token_of_sixty_days(
    fake: FakeInstagram,
) -> None:
    (connection,) = signed_in(fake)
    account = connection.account
    assert (account.username, account.kind, account.login) == (SHOP, "BUSINESS", "instagram")
    assert account.server == fake.url
    assert connection.token.expires == now(fake) + timedelta(days=60)
    assert set(connection.scopes) == set(stage.SCOPES["instagram"])
    assert connection.page_token is None
    assert connection.graph().profile().username == SHOP


def test_facebook_login_brings_every_account_behind_the_pages(fake: FakeInstagram) -> None:
    first, second = signed_in(fake, PAGES, SHOP, "oak.and.ember")
    assert (first.account.username, second.account.username) == (SHOP, "oak.and.ember")
    assert first.page_token is not None
    assert second.page_token is not None
    assert first.page_token.secret != second.page_token.secret
    assert first.page_token.expires is None
    assert first.account.page_id
    assert second.graph().hashtag("oak")
    assert "openid" in first.scopes


def test_the_real_addresses_carry_state_and_with_facebook_a_proof_key() -> None:
    plain = urlsplit(begin(APP, BACK, Place()).address)
    asked = parse_qs(plain.query)
    assert (plain.scheme, plain.netloc, plain.path) == (
        "https",
        "www.instagram.com",
        "/oauth/authorize",
    )
    assert asked["redirect_uri"] == [BACK]
    assert asked["scope"] == [",".join(stage.SCOPES["instagram"])]
    assert len(asked["state"][0]) >= 32
    assert "code_challenge" not in asked
    begun = begin(PAGES, BACK, Place())
    asked = parse_qs(urlsplit(begun.address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert 43 <= len(begun.verifier) <= 128
    assert begun.verifier not in begun.address + repr(begun)
    assert "code_challenge" not in begin(replace(PAGES, pkce=False), BACK, Place()).address
    assert APP_SECRET not in begun.address + repr(PAGES)


def test_an_answer_to_another_sign_in_is_not_used(fake: FakeInstagram) -> None:
    place = Place(fake.url)
    mine, other = begin(APP, BACK, place), begin(APP, BACK, place)
    came_back = consent(fake, other.address, SHOP)
    with pytest.raises(FeedsmithError, match="another sign-in"):
        code_in(mine, came_back)
    with pytest.raises(FeedsmithError, match="the answer was no"):
        code_in(mine, consent(fake, mine.address, answer="deny"))
    with pytest.raises(FeedsmithError, match="no code"):
        code_in(mine, f"{BACK}?state={mine.state}")


def test_a_wrong_secret_a_used_code_and_no_page_are_said_without_secrets(
    fake: FakeInstagram,
) -> None:
    place = Place(fake.url)
    wrong = App(APP_ID, "another-secret")
    begun = begin(wrong, BACK, place)
    code = code_in(begun, consent(fake, begun.address, SHOP))
    with pytest.raises(FeedsmithError, match="sign-in failed") as raised:
        finish(wrong, begun, code, place)
    assert BACK in raised.value.mend
    assert "another-secret" not in str(raised.value)
    begun = begin(APP, BACK, place)
    code = code_in(begun, consent(fake, begun.address, SHOP))
    finish(APP, begun, code, place)
    with pytest.raises(FeedsmithError, match="already used") as raised:
        finish(APP, begun, code, place)
    assert code not in str(raised.value)
    shop = fake.world.called(SHOP)
    assert shop is not None
    shop.page_id = ""
    with pytest.raises(FeedsmithError, match="none of the Facebook Pages"):
        signed_in(fake, PAGES)


def test_tokens_are_refreshed_weekly_and_live_on(fake: FakeInstagram) -> None:
    (connection,) = signed_in(fake)
    moment = now(fake)
    assert not due(connection, moment + timedelta(hours=23))
    assert not due(connection, moment + timedelta(days=6))
    assert due(connection, moment + timedelta(days=7))
    assert not due(connection, moment + timedelta(days=61))
    assert not due(replace(connection, trouble="gone"), moment + timedelta(days=7))
    for _ in range(12):  # a year is no trouble
        fake.world.clock.advance(30 * DAY)
        connection, findings = examined(connection, now(fake))
        assert {finding.level for finding in findings} == {"good"}
    assert connection.graph().profile().username == SHOP
    (page,) = signed_in(fake, PAGES)
    assert not due(page, now(fake) + timedelta(days=30))


def test_an_expired_token_is_said_with_what_to_do(fake: FakeInstagram) -> None:
    (connection,) = signed_in(fake)
    fake.world.clock.advance(55 * DAY)
    (soon,) = [f for f in known(connection, now(fake)) if f.level == "warning"]
    assert "expires on" in soon.words
    fake.world.clock.advance(6 * DAY)
    worst = known(connection, now(fake))[0]
    assert (worst.level, "expired on" in worst.words) == ("bad", True)
    assert "feedsmith connect" in worst.mend
    after, findings = examined(connection, now(fake))
    assert after.trouble
    assert findings[0].level == "bad"


def test_facebook_s_page_goes_on_publishing_when_the_person_s_token_ends(
    fake: FakeInstagram,
) -> None:
    (connection,) = signed_in(fake, PAGES)
    fake.world.clock.advance(61 * DAY)
    after, findings = examined(connection, now(fake))
    assert not after.trouble
    assert any("publishing goes on" in finding.words for finding in findings)
    with pytest.raises(Disconnected):
        after.graph().hashtag("oak")


def test_a_permission_that_is_taken_away_is_noticed_and_mended_by_signing_in(
    fake: FakeInstagram,
) -> None:
    (connection,) = signed_in(fake)
    fake.world.grants[connection.token.secret].revoked = True
    after, (finding,) = examined(connection, now(fake))
    assert (finding.level, "taken the permission back" in finding.words) == ("bad", True)
    assert "taken the permission back" in after.trouble
    assert known(after, now(fake))[0].words == after.trouble
    (again,) = signed_in(fake)
    assert not examined(again, now(fake))[0].trouble


def test_health_says_quota_kind_and_what_was_not_allowed(fake: FakeInstagram) -> None:
    (connection,) = signed_in(fake)
    fake.world.posts_a_day = 0
    levels = {f.words: f.level for f in examined(connection, now(fake))[1]}
    assert levels["0 of 0 posts used within 24 hours"] == "warning"
    fewer = replace(connection, scopes=("instagram_business_basic",))
    levels = {f.words: f.level for f in known(fewer, now(fake))}
    assert levels["publishing was not allowed (instagram_business_content_publish)"] == "bad"
    assert levels["figures was not allowed (instagram_business_manage_insights)"] == "warning"
    shop = fake.world.called(SHOP)
    assert shop is not None
    shop.kind = "personal"
    _, findings = examined(connection, now(fake))
    assert "not a professional one" in findings[0].words


def test_an_outage_is_no_lost_account(fake: FakeInstagram) -> None:
    (connection,) = signed_in(fake)
    fake.world.down_until = fake.world.clock.now() + 3600
    after, findings = examined(connection, now(fake))
    assert not after.trouble
    assert any("could not be asked" in finding.words for finding in findings)


def test_a_token_out_of_the_dashboard_is_enough(fake: FakeInstagram) -> None:
    secret = fake.connected(SHOP).token
    (connection,) = stage.from_token(f"  {secret}\n", "instagram", Place(fake.url), now(fake))
    assert (connection.account.username, connection.token.secret) == (SHOP, secret)
    assert not due(connection, now(fake) + timedelta(hours=23))
    assert due(connection, now(fake) + timedelta(hours=24))
    with pytest.raises(Disconnected):
        stage.from_token("nonsense", "instagram", Place(fake.url))


def test_giving_a_permission_back(fake: FakeInstagram) -> None:
    (connection,) = signed_in(fake)
    assert "Apps and websites" in stage.revoke(connection)
    (page,) = signed_in(fake, PAGES)
    assert "given back" in stage.revoke(page)
    assert fake.world.grants[page.token.secret].revoked


def test_the_permission_of_one_sign_in_is_given_back_with_its_last_account(
    fake: FakeInstagram,
) -> None:
    first, second = signed_in(fake, PAGES, SHOP, "oak.and.ember")
    (again,) = signed_in(fake, PAGES, SHOP)  # the same person, once more: another token
    (stranger,) = signed_in(fake, PAGES, "oak.and.ember")
    assert first.account.person == again.account.person != stranger.account.person
    said = stage.revoke(first, [second])
    assert "oak.and.ember" in said
    assert not fake.world.grants[first.token.secret].revoked
    assert second.graph().profile().username == "oak.and.ember"
    assert "stays" in stage.revoke(second, [stranger, again])
    old = replace(again, account=again.account.model_copy(update={"person": ""}))
    assert "stays" in stage.revoke(second, [old])  # nobody can tell
    assert "given back" in stage.revoke(second, [stranger, signed_in(fake)[0]])
    assert fake.world.grants[first.token.secret].revoked


def test_the_app_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (stage.APP_ID, stage.APP_SECRET, stage.APP_SECRET_FILE):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(FeedsmithError, match="no app at Meta"):
        app_from("instagram")
    with pytest.raises(FeedsmithError, match="the secret of app 12 is missing"):
        app_from("instagram", "12")
    monkeypatch.setenv(stage.APP_SECRET_FILE, str(tmp_path / "secret"))
    with pytest.raises(FeedsmithError, match="cannot be read"):
        app_from("instagram", "12")
    (tmp_path / "secret").write_text("s3\n")
    assert app_from("facebook", "12", False) == App("12", "s3", "facebook", False)
    monkeypatch.setenv(stage.APP_ID, "34")
    assert app_from("instagram", "12").id == "34"
