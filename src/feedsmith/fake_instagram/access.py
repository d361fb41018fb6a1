"""Signing in, tokens, permissions.

Instagram Login: https://developers.facebook.com/documentation/instagram-platform/instagram-api-with-instagram-login/business-login
Facebook Login: https://developers.facebook.com/documentation/facebook-login/guides/advanced/manual-flow
PKCE there: https://developers.facebook.com/documentation/facebook-login/guides/advanced/oidc-token
Revoking: https://developers.facebook.com/docs/graph-api/reference/user/permissions
"""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from feedsmith import rules
from feedsmith.fake_instagram.errors import (
    BAD_TOKEN,
    EXPIRED_TOKEN,
    NO_OBJECT,
    NO_PERMISSION,
    NO_TOKEN,
    PARAMETER,
    REVOKED_TOKEN,
    GraphFault,
)
from feedsmith.fake_instagram.request import Request
from feedsmith.fake_instagram.state import FACEBOOK, INSTAGRAM, Account, Code, Grant, World

APP_ID = "1234567890123456"
APP_SECRET = "fake-app-secret"  # noqa: S105 - opens nothing but the fake
CODE_SECONDS = 3600
"""A code from the consent page is good for an hour (business-login)."""


class OAuthFault(Exception):
    """Signing in is refused; api.instagram.com has an envelope of its own for that."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def envelope(self) -> dict[str, Any]:
        return {"error_type": "OAuthException", "code": 400, "error_message": self.message}


# ---- consent --------------------------------------------------------------------------------------


def check_consent(asked: dict[str, str]) -> str:
    """What is wrong with the address that a person was sent to, in words; '' for nothing."""
    if asked.get("client_id") != APP_ID:
        return f"Invalid platform app: client_id is not {APP_ID}, this fake's only app."
    back = urlsplit(asked.get("redirect_uri", ""))
    if back.scheme not in ("http", "https") or not back.netloc:
        return "Invalid redirect_uri."
    if asked.get("response_type", "code") != "code":
        return "Invalid response_type: only code is known here."
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        return "code_challenge_method must be S256."
    return ""


def allow(world: World, login: str, asked: dict[str, str], accounts: list[Account]) -> str:
    """The person agreed: where the browser goes now, with a code."""
    code = Code(
        "AQ" + secrets.token_urlsafe(64), login, [a.id for a in accounts],
        [s for s in asked.get("scope", "").replace(" ", ",").split(",") if s],
        asked["redirect_uri"], asked.get("code_challenge", ""), world.clock.now() + CODE_SECONDS,
    )  # fmt: skip
    world.keep(code)
    # Both logins put a stray fragment behind: it must be left off.
    tail = "#_" if login == INSTAGRAM else "#_=_"
    return _back(asked, code=code.code) + tail


def deny(asked: dict[str, str]) -> str:
    """The person said no."""
    return _back(
        asked, error="access_denied", error_reason="user_denied",
        error_description="The user denied your request",
    )  # fmt: skip


def _back(asked: dict[str, str], **more: str) -> str:
    if asked.get("state"):
        more["state"] = asked["state"]
    where = asked["redirect_uri"]
    return where + ("&" if "?" in where else "?") + urlencode(more)


# ---- from a code to tokens ------------------------------------------------------------------------


def instagram_code(world: World, request: Request) -> dict[str, Any]:
    """POST api.instagram.com/oauth/access_token: a token for an hour. Raises OAuthFault."""
    if request.params.get("grant_type") != "authorization_code":
        raise OAuthFault("Invalid grant_type")
    if not _is_app(request):
        raise OAuthFault("Error validating client secret.")
    code = _taken(world, INSTAGRAM, request)
    grant = world.add_grant(
        INSTAGRAM, "short", code.accounts, code.scopes, rules.TOKEN_SHORT_SECONDS
    )
    told = {
        "access_token": grant.token,
        "user_id": code.accounts[0],
        "permissions": ",".join(code.scopes),
    }
    return {"data": [told]}


def _is_app(request: Request) -> bool:
    secret = request.params.get("client_secret", "")
    return request.params.get("client_id") == APP_ID and hmac.compare_digest(secret, APP_SECRET)


def _taken(world: World, login: str, request: Request) -> Code:
    with world.lock:
        code = world.codes.get(request.params.get("code", ""))
        if code is None or code.login != login or code.expires < world.clock.now():
            raise OAuthFault("Matching code was not found or was already used")
        world.forget(code)
    if code.redirect_uri != request.params.get("redirect_uri"):
        raise OAuthFault(
            "Error validating verification code. Please make sure your redirect_uri is identical to the "
            "one you used in the OAuth dialog request"
        )
    if code.challenge:
        digest = hashlib.sha256(request.params.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            raise OAuthFault("Invalid code_verifier parameter.")
    return code


def instagram_long(world: World, request: Request) -> dict[str, Any]:
    """GET graph.instagram.com/access_token: sixty days for a short token that has not ended."""
    if request.params.get("grant_type") != "ig_exchange_token":
        raise GraphFault(PARAMETER, "(#100) grant_type must be ig_exchange_token")
    if not hmac.compare_digest(request.params.get("client_secret", ""), APP_SECRET):
        raise GraphFault(BAD_TOKEN._replace(code=101, message="Error validating client secret."))
    old = granted(world, request.token, INSTAGRAM)
    if old.kind != "short":
        raise GraphFault(BAD_TOKEN, "Session key invalid. This could be because the session key has an "
                         "incorrect format, or because the user has revoked this session")  # fmt: skip
    grant = world.add_grant(INSTAGRAM, "long", old.accounts, old.scopes, rules.TOKEN_LONG_SECONDS)
    return _told(grant, world)


def instagram_refresh(world: World, request: Request) -> dict[str, Any]:
    """GET graph.instagram.com/refresh_access_token: sixty days more for a token that is at least 24
    hours old, has not ended, and has instagram_business_basic."""
    if request.params.get("grant_type") != "ig_refresh_token":
        raise GraphFault(PARAMETER, "(#100) grant_type must be ig_refresh_token")
    old = granted(world, request.token, INSTAGRAM)
    if old.kind != "long" or world.clock.now() - old.issued < rules.TOKEN_REFRESH_SECONDS:
        # Assumed: what is said of a token that is too young.
        raise GraphFault(PARAMETER, "(#100) The access token is less than 24 hours old")
    if "instagram_business_basic" not in old.scopes:
        raise GraphFault(NO_PERMISSION)
    grant = world.add_grant(INSTAGRAM, "long", old.accounts, old.scopes, rules.TOKEN_LONG_SECONDS)
    return _told(grant, world)


def facebook_token(world: World, request: Request) -> dict[str, Any]:
    """graph.facebook.com/.../oauth/access_token: a code, or a short token, for a token."""
    if request.params.get("grant_type") == "fb_exchange_token":
        if not _is_app(request):
            raise GraphFault(BAD_TOKEN._replace(code=1, message="Error validating client secret."))
        old = granted(world, request.params.get("fb_exchange_token", ""), FACEBOOK)
        grant = world.add_grant(
            FACEBOOK, "long", old.accounts, old.scopes, rules.TOKEN_LONG_SECONDS
        )
        return _told(grant, world)
    # With a verifier the documents ask for no secret (oidc-token).
    if not _is_app(request) and not request.params.get("code_verifier"):
        raise GraphFault(BAD_TOKEN._replace(code=1, message="Error validating client secret."))
    try:
        code = _taken(world, FACEBOOK, request)
    except OAuthFault as fault:
        raise GraphFault(PARAMETER._replace(subcode=36009), fault.message) from None
    grant = world.add_grant(
        FACEBOOK, "short", code.accounts, code.scopes, rules.TOKEN_SHORT_SECONDS
    )
    return _told(grant, world)


def _told(grant: Grant, world: World) -> dict[str, Any]:
    left = int(grant.expires - world.clock.now())
    return {"access_token": grant.token, "token_type": "bearer", "expires_in": left}


# ---- what a token opens ---------------------------------------------------------------------------


def granted(world: World, token: str, login: str) -> Grant:
    """What a token opens on a host. Raises GraphFault 190 (463 ended, 458 taken back), 2500 for none."""
    if not token:
        raise GraphFault(NO_TOKEN)
    grant = world.grants.get(token)
    if grant is None or grant.login != login:
        raise GraphFault(BAD_TOKEN)
    if grant.revoked:
        raise GraphFault(REVOKED_TOKEN)
    if grant.expires and grant.expires <= world.clock.now():
        raise GraphFault(EXPIRED_TOKEN)
    return grant


_SCOPES = {
    INSTAGRAM: {"basic": "instagram_business_basic", "publish": "instagram_business_content_publish",
                "insights": "instagram_business_manage_insights"},
    FACEBOOK: {"basic": "instagram_basic", "publish": "instagram_content_publish",
               "insights": "instagram_manage_insights"},
}  # fmt: skip


def permitted(grant: Grant, what: str) -> None:
    """Raises GraphFault 10 where a token lacks `what`: basic, publish or insights."""
    scope = _SCOPES[grant.login][what]
    if scope not in grant.scopes:
        raise GraphFault(NO_PERMISSION, f"{NO_PERMISSION.message}: {scope} is missing")


def own_account(world: World, grant: Grant, number: str) -> Account:
    """The account of that id, where the token opens it; "me" is the token's own. Raises GraphFault."""
    if number == "me" and grant.login == INSTAGRAM:
        number = grant.accounts[0]
    account = world.accounts.get(number)
    if account is None or number not in grant.accounts:
        raise GraphFault(NO_OBJECT, NO_OBJECT.message.format(id=number))
    return account


def pages(world: World, grant: Grant, request: Request) -> dict[str, Any]:
    """GET me/accounts: the Facebook Pages that a person may act for, each with a token of its own that
    does not end (facebook-login, access tokens: long-lived Page tokens)."""
    rows = []
    for number in grant.accounts:
        account = world.accounts[number]
        if not account.page_id:
            continue
        row: dict[str, Any] = {"id": account.page_id, "name": account.name}
        names = request.params.get("fields", "id,name,access_token")
        if "access_token" in names:
            # A short user token gives short Page tokens.
            left = 0.0 if grant.kind == "long" else grant.expires - world.clock.now()
            row["access_token"] = world.add_grant(
                FACEBOOK, "page", [number], grant.scopes, left
            ).token
        if "instagram_business_account" in names:
            row["instagram_business_account"] = {"id": number, "username": account.username}
        rows.append(row)
    return {"data": rows, "paging": {"cursors": {"before": "QVFI", "after": "QVFI"}}}


def revoke(world: World, accounts: list[str], login: str = "") -> int:
    """Every token of these accounts opens nothing any more; how many there were."""
    found = [
        g for g in list(world.grants.values())
        if not g.revoked and set(g.accounts) & set(accounts) and login in ("", g.login)
    ]  # fmt: skip
    for grant in found:
        grant.revoked = True
    world.keep(*found)
    return len(found)


def inspected(asked: str) -> list[str]:
    """A list that came as JSON or as words with commas."""
    text = asked.strip()
    if text.startswith("["):
        try:
            read = json.loads(text)
        except ValueError:
            raise GraphFault(PARAMETER) from None
        return [str(item) for item in read]
    return [word.strip() for word in text.split(",") if word.strip()]
