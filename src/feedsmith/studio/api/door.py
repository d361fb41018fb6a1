"""The door of the API: which token, what it may, how often. Each operation says scope and role here.

The brand and the role come from the pages' own function, so that both faces let in the same people.
"""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security.http import HttpAuthBase

from feedsmith.studio import states
from feedsmith.studio.models.tokens import Scope, Token
from feedsmith.studio.pages.access import an, membership
from feedsmith.studio.rate import rate

A_SECOND, AT_ONCE = 5.0, 150.0
"""Requests of one token: in the long run, and in one go after a rest."""
PIECES_A_SECOND, PIECES_AT_ONCE = 50.0, 500.0
"""Pieces of files of one token: a zip of 10 GB has 10,240 of them."""
STRANGERS_A_SECOND, STRANGERS_AT_ONCE = 0.5, 30.0
"""Requests of one address without a living token."""


class Unknown(Exception):
    """No token, or none that lives."""


class PersonalToken(HttpAuthBase):
    """`Authorization: Bearer feedsmith_...`, of a token that its person made on /account/tokens."""

    openapi_scheme = "bearer"

    def __init__(self, scope: Scope, role: states.Role | None, *, pieces: bool = False) -> None:
        """`pieces`: of files, which are counted by themselves."""
        super().__init__()
        self.pieces = pieces
        self.scope: Scope = scope
        self.role = role

    def __call__(self, request: HttpRequest) -> Token:
        token = self._token(request)
        if self.pieces:
            rate.take(f"pieces {token.pk}", PIECES_A_SECOND, PIECES_AT_ONCE)
        else:
            rate.take(f"token {token.pk}", A_SECOND, AT_ONCE)
        needs(token, self.scope)
        request.user = token.person
        if self.role is not None:
            brand, own = membership(request, request.resolver_match.kwargs["brand"])
            if not states.at_least(own, self.role):
                raise PermissionDenied(f"for this you need to be {an(self.role)} of this brand")
            request.brand, request.role = brand, own
        return token

    def _token(self, request: HttpRequest) -> Token:
        # Set by the MCP server, which is its own client in the same process: no header can.
        acting = getattr(request, "acting", None)
        if isinstance(acting, Token):
            return acting
        kind, _, words = request.headers.get("Authorization", "").partition(" ")
        token = Token.of(words.strip()) if kind.lower() == "bearer" else None
        if token is None:
            address = str(request.META.get("REMOTE_ADDR", ""))
            rate.take(f"address {address}", STRANGERS_A_SECOND, STRANGERS_AT_ONCE)
            raise Unknown
        return token


def needs(token: Token, scope: Scope) -> None:
    """Raises PermissionDenied where the token has no such scope."""
    if scope not in token.scopes:
        raise PermissionDenied(f'this token lacks the scope "{scope}"')


def scope_of(before: str, after: str) -> Scope:
    """Which scope a step of approval needs."""
    if "scheduled" in (before, after) or after == "published":
        return "schedule"
    if after == "approved" or (before, after) == ("review", "draft"):
        return "approve"
    return "write"
