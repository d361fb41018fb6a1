"""The fake Instagram: signing in, tokens over time, permissions."""

import base64
import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

from feedsmith.fake_instagram import APP_ID, APP_SECRET, FakeInstagram
from small_instagram import DAY, SHOP, Answer, ask, caller

BACK = "http://localhost:1/back"
SCOPE = "instagram_business_basic,instagram_business_content_publish"


def consent(
    fake: FakeInstagram, host: str = "www.instagram.com/oauth/authorize", **more: str
) -> Answer:
    asked = {"client_id": APP_ID, "redirect_uri": BACK, "response_type": "code", "scope": SCOPE,
             "state": "s1"}  # fmt: skip
    answer = {k: more.pop(k) for k in ("account", "username", "answer") if k in more}
    return ask(fake, "POST", f"/{host}?{urlencode(asked | more)}", **answer)


def allowed(fake: FakeInstagram, name: str = SHOP, **more: str) -> str:
    account = fake.world.called(name)
    assert account is not None
    went = consent(fake, account=account.id, answer="allow", **more).headers["Location"]
    told = parse_qs(urlsplit(went).query)
    assert told["state"] == ["s1"]
    assert went.endswith(("#_", "#_=_"))
    return told["code"][0]


def exchanged(fake: FakeInstagram, code: str, **more: str) -> Answer:
    form = {"client_id": APP_ID, "client_secret": APP_SECRET, "grant_type": "authorization_code",
            "redirect_uri": BACK, "code": code}  # fmt: skip
    return ask(fake, "POST", "/api.instagram.com/oauth/access_token", **(form | more))


def long_lived(fake: FakeInstagram, short: str, **more: str) -> Answer:
    asked = {"grant_type": "ig_exchange_token", "client_secret": APP_SECRET, "access_token": short}
    return ask(fake, "GET", "/graph.instagram.com/access_token", **(asked | more))


def refreshed(fake: FakeInstagram, token: str) -> Answer:
    asked = {"grant_type": "ig_refresh_token", "access_token": token}
    return ask(fake, "GET", "/graph.instagram.com/refresh_access_token", **asked)


def me(fake: FakeInstagram, token: str) -> Answer:
    return ask(fake, "GET", "/graph.instagram.com/v25.0/me", token, fields="username")


def test_the_consent_page_names_accounts_and_permissions(fake: FakeInstagram) -> None:
    asked = urlencode({"client_id": APP_ID, "redirect_uri": BACK, "scope": SCOPE})
    page = ask(fake, "GET", f"/www.instagram.com/oauth/authorize?{asked}")
    assert page.status == 200
    for words in (SHOP, "just.me", "publish posts", BACK):
        assert words in page.text
    for wrong in ({"client_id": "1"}, {"redirect_uri": "nowhere"}, {"response_type": "token"}):
        assert consent(fake, answer="allow", **wrong).status == 400


def test_a_code_becomes_an_hour_and_an_hour_sixty_days(fake: FakeInstagram) -> None:
    code = allowed(fake)
    short = exchanged(fake, code).told["data"][0]
    assert short["user_id"] == fake.world.called(SHOP).id  # type: ignore[union-attr]
    assert short["permissions"] == SCOPE
    assert exchanged(fake, code).told["error_message"].endswith("already used")
    assert me(fake, short["access_token"]).told["username"] == SHOP
    long = long_lived(fake, short["access_token"]).told
    assert long["expires_in"] == 60 * DAY
    assert long_lived(fake, long["access_token"]).status == 401
    fake.world.clock.advance(3601)
    assert me(fake, short["access_token"]).error == (190, 463)
    assert long_lived(fake, short["access_token"]).error == (190, 463)
    fake.world.clock.advance(60 * DAY)
    assert me(fake, long["access_token"]).error == (190, 463)
    assert refreshed(fake, long["access_token"]).error == (190, 463)


def test_codes_are_for_one_app_one_address_and_an_hour(fake: FakeInstagram) -> None:
    assert exchanged(fake, allowed(fake), client_secret="x").status == 400
    assert (
        "redirect_uri"
        in exchanged(fake, allowed(fake), redirect_uri="http://x/").told["error_message"]
    )
    code = allowed(fake)
    fake.world.clock.advance(3601)
    assert exchanged(fake, code).status == 400
    assert long_lived(fake, caller(fake, kind="short").token, client_secret="x").status == 401


def test_a_token_is_refreshed_after_a_day_and_before_its_end(fake: FakeInstagram) -> None:
    shop = caller(fake)
    assert refreshed(fake, shop.token).error == (100, 0)
    fake.world.clock.advance(DAY)
    new = refreshed(fake, shop.token).told
    assert new["expires_in"] == 60 * DAY
    fake.world.clock.advance(59.5 * DAY)
    assert me(fake, shop.token).error == (190, 463)
    assert me(fake, new["access_token"]).status == 200


def test_a_person_may_say_no_and_a_personal_account_cannot(fake: FakeInstagram) -> None:
    went = parse_qs(urlsplit(consent(fake, answer="deny").headers["Location"]).query)
    assert (went["error"], went["error_reason"]) == (["access_denied"], ["user_denied"])
    personal = fake.world.called("just.me")
    assert personal is not None
    said = consent(fake, account=personal.id, answer="allow")
    assert (said.status, "personal account" in said.text) == (400, True)
    assert consent(fake, username="new.shop", answer="allow").status == 303
    assert fake.world.called("new.shop") is not None


def test_facebook_login_checks_the_proof_key_and_gives_page_tokens(fake: FakeInstagram) -> None:
    verifier = "v" * 50
    challenge = (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    )
    dialog = "www.facebook.com/v25.0/dialog/oauth"
    key = {"code_challenge": challenge, "code_challenge_method": "S256", "scope": "instagram_basic"}
    path = "/graph.facebook.com/v25.0/oauth/access_token"
    form = {"client_id": APP_ID, "client_secret": APP_SECRET, "redirect_uri": BACK}
    bad = ask(
        fake, "POST", path, **form, code=allowed(fake, host=dialog, **key), code_verifier="w" * 50
    )
    assert bad.error == (100, 36009)
    got = ask(
        fake, "POST", path, **form, code=allowed(fake, host=dialog, **key), code_verifier=verifier
    )
    long = ask(fake, "GET", path, grant_type="fb_exchange_token", client_id=APP_ID,
               client_secret=APP_SECRET, fb_exchange_token=got.told["access_token"]).told  # fmt: skip
    fields = "access_token,instagram_business_account{id,username}"
    pages = ask(
        fake, "GET", "/graph.facebook.com/v25.0/me/accounts", long["access_token"], fields=fields
    )
    (page,) = pages.told["data"]
    account = page["instagram_business_account"]
    assert account["username"] == SHOP
    fake.world.clock.advance(61 * DAY)
    path = f"/graph.facebook.com/v25.0/{account['id']}"
    assert ask(fake, "GET", path, long["access_token"]).error == (190, 463)
    assert ask(fake, "GET", path, page["access_token"]).told["username"] == SHOP


def test_a_permission_that_is_taken_back_opens_nothing(fake: FakeInstagram) -> None:
    shop, page = caller(fake), caller(fake, login="facebook")
    assert ask(fake, "DELETE", "/graph.facebook.com/v25.0/me/permissions", page.token).told[
        "success"
    ]
    assert page.get(page.account).error == (190, 458)
    assert shop.get("me").status == 200
    form = {"secret": fake.secret, "account": shop.account}
    assert ask(fake, "POST", "/_revoke", **(form | {"secret": "x"})).status == 303
    assert shop.get("me").status == 200
    ask(fake, "POST", "/_revoke", **form)
    assert shop.get("me").error == (190, 458)


def test_tokens_are_for_their_host(fake: FakeInstagram) -> None:
    shop = caller(fake)
    assert ask(fake, "GET", f"/graph.facebook.com/v25.0/{shop.account}", shop.token).error == (
        190,
        0,
    )
    assert ask(fake, "GET", "/graph.instagram.com/v25.0/me", "nonsense").status == 401
    assert ask(fake, "GET", "/graph.instagram.com/v25.0/me").error == (2500, 0)
    assert ask(fake, "GET", "/graph.instagram.com/v9.0/me", shop.token).error == (2635, 0)
