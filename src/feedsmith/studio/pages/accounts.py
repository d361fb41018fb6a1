"""Accounts: which Instagram accounts a brand posts to, how they are, connecting and disconnecting.

A person signs in at Instagram itself, in their own browser, and comes back to /connected with a code that is good
once and belongs to the sign-in that this session began. Owners only; no token is ever shown.
"""

import os
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from feedsmith.errors import FeedsmithError
from feedsmith.publishing import connect
from feedsmith.publishing.connect import App, Begun, Finding
from feedsmith.publishing.graph import GraphError, Place
from feedsmith.publishing.tokens import Connection
from feedsmith.studio import accounts as known_accounts
from feedsmith.studio import asked, due, links, states
from feedsmith.studio.models import Brand, Event, Publication, Publisher
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import brands_of, for_members, for_people, membership
from feedsmith.studio.pages.notices import say

SERVER = "FEEDSMITH_INSTAGRAM_SERVER"
"""Environment variable: a fake Instagram of your own, e.g. http://127.0.0.1:8399; empty for Instagram."""
KEY = "instagram sign-in"
"""In the session: the sign-in that was begun."""
PATIENCE = timedelta(minutes=30)
LATE = ((15, "15 minutes"), (60, "an hour"), (120, "2 hours"), (360, "6 hours"), (1440, "a day"))
"""So long after its time a post may still go out by itself."""


@for_members("owner")
@sensitive_post_parameters("token")
@require_http_methods(["GET", "HEAD", "POST"])
def accounts(request: HttpRequest, brand: Brand) -> HttpResponse:
    """`do`: connect, token, check, usual, forget, late."""
    if request.method != "POST":
        return _page(request, brand)
    wanted = request.POST.get("do", "")
    try:
        if wanted == "connect":
            return _page(request, brand, begun=_begin(request, brand))
        if wanted == "token":
            _take(request, brand, connect.from_token(_token_of(request), _login(brand), _place()))
        elif wanted == "check":
            return _page(request, brand, health=_examined(brand))
        elif wanted == "usual":
            _one(brand, request.POST.get("account", ""))
            Brand.objects.filter(pk=brand.pk).update(account=request.POST["account"])
        elif wanted == "forget":
            _forget(request, brand)
        elif wanted == "late":
            _late(request, brand)
        else:
            return errors.page(request, 400)
    except (FeedsmithError, GraphError) as error:
        return _page(request, brand, status=422, problem=error)
    return HttpResponseRedirect(f"/b/{brand.slug}/accounts")


@for_people
@sensitive_variables("code")
@require_safe
def connected(request: HttpRequest) -> HttpResponse:
    """Where Instagram sends a person back to."""
    told = request.session.pop(KEY, None)
    if not isinstance(told, dict) or timezone.now().timestamp() > told["until"]:
        say(request, "There is no sign-in to finish; begin it on the brand’s page of accounts.")
        return HttpResponseRedirect("/")
    brand, role = membership(request, str(told["brand"]))
    if not states.at_least(role, "owner"):
        return errors.page(request, 403)
    begun = Begun("", told["redirect_uri"], told["state"], told["verifier"])
    try:
        code = connect.code_in(begun, request.build_absolute_uri())
        _take(request, brand, connect.finish(_app(brand), begun, code, _place()))
    except (FeedsmithError, GraphError) as error:
        request.brand, request.role = brand, role
        return _page(request, brand, status=422, problem=error)
    return HttpResponseRedirect(f"/b/{brand.slug}/accounts")


# ---- signing in ------------------------------------------------------------------------------------


def _place() -> Place:
    return Place(os.environ.get(SERVER, "").strip())


def _login(brand: Brand):  # type: ignore[no-untyped-def]
    return brand.file.instagram.login


def _app(brand: Brand) -> App:
    said = brand.file.instagram
    return connect.app_from(said.login, said.app_id, said.pkce)


def _redirect_uri() -> str:
    return f"{settings.STUDIO.url}/connected"


def _begin(request: HttpRequest, brand: Brand) -> Begun:
    """What must come back lies in the session. The person follows a link there: forms of this studio
    lead to no other server (form-action)."""
    begun = connect.begin(_app(brand), _redirect_uri(), _place())
    request.session[KEY] = {
        "brand": brand.slug, "state": begun.state, "verifier": begun.verifier,
        "redirect_uri": begun.redirect_uri, "until": (timezone.now() + PATIENCE).timestamp(),
    }  # fmt: skip
    return begun


def _token_of(request: HttpRequest) -> str:
    token = request.POST.get("token", "").strip()
    if not token or len(token) > 2000 or not token.isascii() or not token.isprintable():
        raise FeedsmithError(
            "this is not a token", mend="copy it whole from Meta’s dashboard, Generate token"
        )
    return token


def _take(request: HttpRequest, brand: Brand, made: list[Connection]) -> None:
    shelf = known_accounts.shelf_of(brand)
    for connection in made:
        shelf.put(connection)
        name = connection.account.username
        Event.objects.create(brand=brand, person=request.user, verb="connected", words=name)
        say(request, f"{name} is connected.")
        Publication.hurry(connection.account.id, timezone.now())
    due.seen(brand, timezone.now())
    due.ask_for_accounts(timezone.now())


# ---- what there is ---------------------------------------------------------------------------------


def _one(brand: Brand, account: str) -> Connection:
    if account not in {known.account.id for known in known_accounts.connected(brand)}:
        raise FeedsmithError("there is no such account", mend="reload the page")
    return known_accounts.shelf_of(brand).get(account)


def _forget(request: HttpRequest, brand: Brand) -> None:
    connection = _one(brand, request.POST.get("account", ""))
    known_accounts.shelf_of(brand).remove(connection.account.id)
    try:
        more = connect.revoke(connection, known_accounts.everywhere())
    except GraphError:
        more = "Instagram could not be told; take the permission away in the app, too."
    name = connection.account.username
    Event.objects.create(brand=brand, person=request.user, verb="disconnected", words=name)
    say(request, f"{name} is not connected any more. {more}".strip())
    if not known_accounts.connected(
        brand
    ):  # the next one that is connected posts; of others none by chance
        Brand.objects.filter(pk=brand.pk, account=connection.account.id).update(account="")
        brand.refresh_from_db()
    due.seen(brand, timezone.now())


def _late(request: HttpRequest, brand: Brand) -> None:
    minutes = asked.number(request.POST.get("minutes", ""))
    if minutes not in dict(LATE):
        raise FeedsmithError("this is not one of the times", mend="choose one of the list")
    Brand.objects.filter(pk=brand.pk).update(late_minutes=minutes)
    say(request, f"A post that misses its time still goes out within {dict(LATE)[minutes]}.")


def _examined(brand: Brand) -> dict[str, list[Finding]]:
    """How each account is, asked now; refreshed tokens and troubles are kept."""
    shelf, found = known_accounts.shelf_of(brand), {}
    for connection in shelf.all():
        after, findings = connect.examined(connection)
        if after != connection:  # unless somebody disconnected it meanwhile
            shelf.exchange(connection, after)
        found[connection.account.id] = findings
    return found


def _page(
    request: HttpRequest, brand: Brand, *, status: int = 200, begun: Begun | None = None,
    health: dict[str, list[Finding]] | None = None, problem: Exception | None = None,
) -> HttpResponse:  # fmt: skip
    said: dict[str, object] = {"begun": begun, "problem": problem, "checked": health is not None}
    brand.refresh_from_db()
    try:
        rows = known_accounts.shelf_of(brand).all()
    except FeedsmithError as error:
        rows, said["problem"] = [], problem or error
    usual = known_accounts.usual(brand)
    now = datetime.now(UTC)
    said["rows"] = [
        {
            "account": row.account,
            "usual": usual is not None and usual.account.id == row.account.id,
            "health": (health or {}).get(row.account.id) or connect.known(row, now),
        }
        for row in rows
    ]
    said |= {
        "late": LATE, "minutes": brand.late_minutes, "redirect": _redirect_uri(),
        "publishing": Publisher.health(timezone.now()) if rows else None,
        "several": len(rows) > 1, "others": [b for b in brands_of(request) if b.pk != brand.pk],
    }  # fmt: skip
    if rows:
        try:
            links.host_of(brand, rows[0].account)
        except FeedsmithError as error:
            said["nowhere"] = error
    return render(request, "studio/accounts.html", said, status=status)
