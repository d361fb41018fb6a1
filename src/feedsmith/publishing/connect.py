"""Connecting an account: signing in, refreshing, revoking, and what is wrong in words.

Two ways, each a row of pure steps: where a person is sent, what they come back with, tokens.
Instagram Login needs no Facebook Page:
https://developers.facebook.com/documentation/instagram-platform/instagram-api-with-instagram-login/business-login
Facebook Login also opens hashtags and uploads:
https://developers.facebook.com/documentation/instagram-platform/instagram-api-with-facebook-login/get-started
`state` goes with both; a proof key (PKCE) with Facebook Login, which documents one
(https://developers.facebook.com/documentation/facebook-login/guides/advanced/oidc-token), not with
Instagram Login, which documents none.
"""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from feedsmith import environment, rules
from feedsmith.errors import FeedsmithError
from feedsmith.publishing import codes
from feedsmith.publishing.graph import (
    Asking,
    Disconnected,
    GraphError,
    Login,
    Permanent,
    Place,
    Temporary,
    rows_of,
    table_of,
)
from feedsmith.publishing.tokens import Account, Connection, Token, troubled
from feedsmith.wire import plain

APP_ID = "FEEDSMITH_INSTAGRAM_APP_ID"
APP_SECRET = "FEEDSMITH_INSTAGRAM_APP_SECRET"  # noqa: S105 - the name of a variable
APP_SECRET_FILE = "FEEDSMITH_INSTAGRAM_APP_SECRET_FILE"  # noqa: S105
"""Environment variables of the app that a brand has at Meta."""

SCOPES: dict[Login, tuple[str, ...]] = {
    "instagram": (
        "instagram_business_basic", "instagram_business_content_publish",
        "instagram_business_manage_insights",
    ),
    "facebook": (
        "instagram_basic", "instagram_content_publish", "instagram_manage_insights",
        "pages_show_list", "pages_read_engagement",
    ),
}  # fmt: skip
"""What is asked for: seeing the account, publishing, figures."""
_NEEDED = {
    "instagram_business_content_publish": "publishing", "instagram_content_publish": "publishing",
    "instagram_business_manage_insights": "figures", "instagram_manage_insights": "figures",
}  # fmt: skip
REFRESH_AFTER = timedelta(days=7)
"""Age at which a token is refreshed: any from 24 hours to 60 days would do, and a machine that is off
for a month still has one that lives."""
WARN_BEFORE = timedelta(days=10)
"""What ends within this is said."""


# ---- the app --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class App:
    """An app at Meta: its number, its secret, and which login it is set up for."""

    id: str
    secret: str = field(repr=False)
    login: Login = "instagram"
    pkce: bool = True
    """Whether Facebook Login gets a proof key."""


def app_from(login: Login, app_id: str = "", pkce: bool = True) -> App:
    """The app by the environment, its number else by brand.toml. Raises FeedsmithError for what is
    missing."""
    number = os.environ.get(APP_ID, "").strip() or app_id
    if not number:
        raise FeedsmithError(
            "no app at Meta is named to connect with",
            mend=f"set app_id under [instagram] in brand.toml, or {APP_ID}; docs/publishing.md says where "
            "it comes from",
        )
    secret = environment.filed(
        APP_SECRET_FILE, "name a file that holds the app's secret and nothing else"
    )
    if secret is None:
        secret = os.environ.get(APP_SECRET, "").strip()
    if not secret:
        raise FeedsmithError(
            f"the secret of app {number} is missing",
            mend=f"put it into {APP_SECRET}, or into a file named by {APP_SECRET_FILE}",
        )
    return App(number, secret, login, pkce)


# ---- signing in -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun: where the person goes, and what must come back."""

    address: str
    redirect_uri: str
    state: str
    verifier: str = field(default="", repr=False)
    """Of the proof key; '' without one."""


def begin(app: App, redirect_uri: str, place: Place) -> Begun:
    """Where a person is sent to say yes."""
    state = secrets.token_urlsafe(24)
    asked = {
        "client_id": app.id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "state": state,
    }
    scopes = list(SCOPES[app.login])
    if app.login == "instagram":
        asked["scope"] = ",".join(scopes)
        address = place.address("www.instagram.com", f"oauth/authorize?{urlencode(asked)}")
        return Begun(address, redirect_uri, state)
    verifier = ""
    if app.pkce:
        verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        asked["code_challenge_method"] = "S256"
        asked["nonce"] = secrets.token_urlsafe(16)
        scopes.append("openid")
    asked["scope"] = ",".join(scopes)
    path = f"{rules.GRAPH_VERSION}/dialog/oauth?{urlencode(asked)}"
    return Begun(place.address("www.facebook.com", path), redirect_uri, state, verifier)


def code_in(begun: Begun, came_back: str) -> str:
    """The code in the address that the person came back to. Raises FeedsmithError where they said no, or
    where the address belongs to another sign-in."""
    # The fragment (#_) that both logins put behind is no part of the code.
    told = dict(parse_qsl(urlsplit(came_back.strip()).query))
    if not hmac.compare_digest(
        told.get("state", "").encode("utf-8", "replace"), begun.state.encode()
    ):
        raise FeedsmithError(
            "the answer belongs to another sign-in, and was not used",
            mend="begin again, and use the newest address",
        )
    if "error" in told:
        said = plain(told.get("error_description") or told["error"])
        denied = told.get("error_reason") == "user_denied" or told["error"] == "access_denied"
        raise FeedsmithError(
            "the account was not connected: the answer was no"
            if denied
            else f"sign-in failed: {said}",
            mend="begin again and choose Allow"
            if denied
            else "see docs/publishing.md, then begin again",
        )
    if not told.get("code"):
        raise FeedsmithError(
            "there is no code in that address",
            mend="copy the whole address that the browser ended at, the part behind ? included",
        )
    return told["code"]


def finish(
    app: App, begun: Begun, code: str, place: Place, now: datetime | None = None
) -> list[Connection]:
    """The accounts that were allowed, with tokens that last. Raises FeedsmithError, or the errors of
    `graph`."""
    now = now or datetime.now(UTC)
    asking = Asking(place, secrets=(app.secret, code, begun.verifier))
    form = {
        "client_id": app.id,
        "client_secret": app.secret,
        "redirect_uri": begun.redirect_uri,
        "code": code,
    }
    try:
        if app.login == "instagram":
            form["grant_type"] = "authorization_code"
            told = asking.ask("POST", "api.instagram.com", "oauth/access_token", form).told
            row = next(iter(rows_of(told)), told)  # documented is a list; some get the row alone
            scopes = _scopes(row.get("permissions"))
            return _instagram(app, str(row.get("access_token", "")), scopes, place, now)
        if begun.verifier:
            form["code_verifier"] = begun.verifier
        path = f"{rules.GRAPH_VERSION}/oauth/access_token"
        told = asking.ask("POST", "graph.facebook.com", path, form).told
        return _facebook(app, str(told.get("access_token", "")), place, now)
    except Temporary:
        raise
    except GraphError as error:
        raise FeedsmithError(
            f"sign-in failed: {error.message}",
            mend=f"check the app's number and secret, and that {begun.redirect_uri} stands among its "
            "redirect addresses in Meta's dashboard; a code is good once, so begin again",
        ) from None


def _scopes(said: Any) -> tuple[str, ...]:
    words = said if isinstance(said, list) else str(said or "").split(",")
    return tuple(word for word in map(str, words) if word)


def _instagram(
    app: App, short: str, scopes: tuple[str, ...], place: Place, now: datetime
) -> list[Connection]:
    asking = Asking(place, secrets=(app.secret, short))
    told = asking.ask(
        "GET", "graph.instagram.com", "access_token",
        {"grant_type": "ig_exchange_token", "client_secret": app.secret, "access_token": short},
    ).told  # fmt: skip
    return [_own(app.id, _token(told, now), scopes, place)]


def _own(app_id: str, token: Token, scopes: tuple[str, ...], place: Place) -> Connection:
    """Whose an Instagram token is."""
    asking = Asking(place, secrets=(token.secret,))
    told = asking.ask(
        "GET", "graph.instagram.com", f"{rules.GRAPH_VERSION}/me",
        {"fields": "user_id,username,name,account_type"}, token=token.secret,
    ).told  # fmt: skip
    row = next(iter(rows_of(told)), told)  # documented is a list here, too
    number = str(row.get("user_id") or row.get("id") or "")
    if not number.isdigit():
        raise Permanent("Instagram does not say whose token this is", "begin again")
    account = Account(
        id=number, username=str(row.get("username", number)), login="instagram", app_id=app_id,
        kind=str(row.get("account_type", "")).upper(), name=str(row.get("name", "")), server=place.server,
    )  # fmt: skip
    return Connection(account, token, None, scopes)


def _facebook(app: App, short: str, place: Place, now: datetime) -> list[Connection]:
    asking = Asking(place, secrets=(app.secret, short))
    told = asking.ask(
        "GET", "graph.facebook.com", f"{rules.GRAPH_VERSION}/oauth/access_token",
        {"grant_type": "fb_exchange_token", "client_id": app.id, "client_secret": app.secret,
         "fb_exchange_token": short},
    ).told  # fmt: skip
    return _of_pages(app.id, _token(told, now), place, now)


def _of_pages(app_id: str, token: Token, place: Place, now: datetime) -> list[Connection]:
    """The accounts behind a person's Facebook Pages."""
    asking = Asking(place, secrets=(token.secret,))
    version = rules.GRAPH_VERSION
    allowed = asking.ask(
        "GET", "graph.facebook.com", f"{version}/me/permissions", token=token.secret
    ).told
    scopes = tuple(
        str(row.get("permission")) for row in rows_of(allowed)
        if row.get("status") == "granted"
    )  # fmt: skip
    told = asking.ask(
        "GET", "graph.facebook.com", f"{version}/me/accounts",
        {"fields": "id,name,access_token,instagram_business_account{id,username}", "limit": "100"},
        token=token.secret,
    ).told  # fmt: skip
    me = asking.ask(
        "GET", "graph.facebook.com", f"{version}/me", {"fields": "id"}, token=token.secret
    ).told
    found = []
    for page in rows_of(told):
        own = table_of(page.get("instagram_business_account"))
        if not str(own.get("id", "")).isdigit():
            continue
        account = Account(
            id=str(own["id"]), username=str(own.get("username") or own["id"]), login="facebook",
            name=str(page.get("name", "")), page_id=str(page.get("id", "")), app_id=app_id,
            person=str(me.get("id") or ""), server=place.server,
        )  # fmt: skip
        secret = str(page.get("access_token", ""))
        found.append(Connection(account, token, Token(secret, now) if secret else None, scopes))
    if not found:
        raise FeedsmithError(
            "none of the Facebook Pages that were allowed has an Instagram account of a business or creator",
            mend="connect the account to a Page in the Instagram app (Settings, Business tools), or use "
            'login = "instagram" under [instagram] in brand.toml, which needs no Page',
        )
    return found


def _token(told: Mapping[str, Any], now: datetime) -> Token:
    secret = str(told.get("access_token", ""))
    if not secret:
        raise Permanent("no token came back", "begin again")
    seconds = told.get("expires_in")
    life = (
        timedelta(seconds=float(seconds)) if isinstance(seconds, int | float) and seconds else None
    )
    return Token(secret, now, now + life if life else None)


def from_token(
    secret: str, login: Login, place: Place, now: datetime | None = None
) -> list[Connection]:
    """Accounts by a long-lived token that a person made in Meta's dashboard."""
    now = now or datetime.now(UTC)
    # How old it is nobody says, nor when it ends: it is due as soon as the API may refresh it, in a day.
    issued = now - REFRESH_AFTER + timedelta(seconds=rules.TOKEN_REFRESH_SECONDS)
    token = Token(secret.strip(), issued, now + timedelta(seconds=rules.TOKEN_LONG_SECONDS))
    if login == "instagram":
        return [_own("", token, (), place)]
    return _of_pages("", token, place, now)


# ---- staying connected ----------------------------------------------------------------------------


def due(connection: Connection, now: datetime) -> bool:
    """Whether its token is to be refreshed now: Instagram Login's, a week old and not ended. Facebook's
    cannot be: its Page tokens do not end, and a person's needs the person."""
    token = connection.token
    if connection.account.login != "instagram" or connection.trouble or not token.secret:
        return False
    alive = token.expires is None or token.expires > now
    if not alive or now - token.issued < timedelta(seconds=rules.TOKEN_REFRESH_SECONDS):
        return False
    soon = token.expires is not None and token.expires - now < WARN_BEFORE
    return soon or now - token.issued >= REFRESH_AFTER


def refreshed(connection: Connection, now: datetime | None = None) -> Connection:
    """The same with a token for sixty days more. Raises the errors of `graph`; with one that is
    `Disconnected` keep `lost(connection, error)`."""
    now = now or datetime.now(UTC)
    secret = connection.token.secret
    told = Asking(Place(connection.account.server), secrets=(secret,)).ask(
        "GET", "graph.instagram.com", "refresh_access_token",
        {"grant_type": "ig_refresh_token", "access_token": secret},
    ).told  # fmt: skip
    return replace(connection, token=_token(told, now), trouble="")


def lost(connection: Connection, error: Disconnected) -> Connection:
    """The same, with why it opens nothing any more."""
    return troubled(connection, error.message)


def revoke(connection: Connection, others: Iterable[Connection] = ()) -> str:
    """Give the permission back where the API can, and where none of the `others` that stay connected
    needs it; says in words what became of it. Raises the errors of `graph`.

    With Facebook Login one sign-in opens several accounts, and its permission is one for all of them.
    """
    name = connection.account.username
    if connection.account.login == "instagram":
        return (
            f"To take the permission away as well: Instagram app, {name}, Settings, Website "
            "permissions, Apps and websites."
        )
    if stay := sorted({o.account.username for o in others if _one_sign_in(connection, o)}):
        return (
            f"The permission at Facebook stays: it is that of {' and '.join(stay)}, too. It is given back "
            "when the last of them is disconnected."
        )
    secret = connection.token.secret
    Asking(Place(connection.account.server), secrets=(secret,)).ask(
        "DELETE", "graph.facebook.com", f"{rules.GRAPH_VERSION}/me/permissions", token=secret
    )
    return "The permission was given back to Facebook."


def _one_sign_in(one: Connection, other: Connection) -> bool:
    """Whether two accounts hang on one permission: of the same person for the same app. Where nobody
    can tell, as if they did: a permission too many does no harm."""
    mine, its = one.account, other.account
    if its.login != "facebook" or its.server != mine.server:
        return False
    if mine.app_id and its.app_id and mine.app_id != its.app_id:
        return False
    if mine.person and its.person:
        return mine.person == its.person
    return True


# ---- how it is ------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One thing about an account, in words."""

    level: Literal["good", "warning", "bad"]
    words: str
    mend: str = ""


_AGAIN = "connect it again: feedsmith connect BRAND"


def known(connection: Connection, now: datetime) -> list[Finding]:
    """What can be said without asking anybody; the worst first."""
    if connection.trouble:
        return [Finding("bad", connection.trouble, _AGAIN)]
    found = [*_life(connection, now)]
    missing = [s for s in SCOPES[connection.account.login] if s not in connection.scopes]
    for scope in missing if connection.scopes else ():
        what = _NEEDED.get(scope, "")
        level: Literal["bad", "warning"] = "bad" if what == "publishing" else "warning"
        words = f"{what or 'a part'} was not allowed ({scope})"
        found.append(Finding(level, words, "connect it again and allow everything"))
    if connection.account.server:
        found.append(Finding("good", f"a fake account at {connection.account.server}"))
    order: Sequence[str] = ("bad", "warning", "good")
    return sorted(found, key=lambda finding: order.index(finding.level))


def _life(connection: Connection, now: datetime) -> list[Finding]:
    ends = connection.token.expires
    if ends is None:
        return []
    facebook = connection.page_token is not None
    if ends <= now:
        if facebook:
            said = f"hashtags cannot be looked up since {ends:%d %b %Y}; publishing goes on"
            return [Finding("warning", said, _AGAIN)]
        return [Finding("bad", f"its token expired on {ends:%d %b %Y}", _AGAIN)]
    if ends - now > WARN_BEFORE:
        return [Finding("good", f"its token lasts until {ends:%d %b %Y}")]
    if facebook:
        said = f"hashtags can be looked up until {ends:%d %b %Y}; publishing goes on"
        return [Finding("warning", said, _AGAIN)]
    said = f"its token expires on {ends:%d %b %Y}"
    return [
        Finding("warning", said, "it is refreshed when Feedsmith runs: feedsmith connect --health")
    ]


def examined(
    connection: Connection, now: datetime | None = None
) -> tuple[Connection, list[Finding]]:
    """Refresh what is due, ask Instagram, and say how the account is. The connection that comes back is
    to be kept: it has a new token, or says why it opens nothing any more."""
    now = now or datetime.now(UTC)
    if connection.trouble and not connection.token.secret:
        return connection, known(connection, now)
    connection = replace(connection, trouble="")
    asked: list[Finding] = []
    try:
        if due(connection, now):
            connection = refreshed(connection, now)
        graph = connection.graph(timeout=20)
        profile, limit = graph.profile(), graph.limit()
        account = connection.account
        account = account.model_copy(update={
            "username": profile.username or account.username,
            "kind": profile.account_type.upper() or account.kind,
        })  # fmt: skip
        connection = replace(connection, account=account)
        words = f"{limit.used} of {limit.total} posts used within {limit.seconds / 3600:g} hours"
        full = Finding("warning", words, "what is due waits until there is room")
        asked.append(Finding("good", words) if limit.left else full)
        if graph.usage.percent >= 100:
            wait = graph.usage.wait / 60
            asked.append(Finding("warning", f"Instagram asks to wait {wait:.0f} minutes"))
    except Disconnected as error:
        connection = lost(connection, error)
        return connection, [Finding("bad", error.message, error.mend)]
    except GraphError as error:
        asked.append(
            Finding("warning", f"Instagram could not be asked: {error.message}", error.mend)
        )
    return connection, [*known(connection, now), *asked]


def documented() -> list[tuple[str, codes.Meaning]]:
    """Every error that is known, by number, for the manual."""
    rows = [(str(code), meant) for code, meant in sorted(codes.CODES.items())]
    return rows + [(str(code), meant) for code, meant in sorted(codes.SUBCODES.items())]
