"""What every operation of the API says of itself: who may, what it answers, what can go wrong."""

from typing import Any

from ninja import Status

from feedsmith.studio.api import shapes
from feedsmith.studio.api.door import PersonalToken
from feedsmith.studio.models.tokens import Scope
from feedsmith.studio.states import Role

REFUSALS = (400, 401, 403, 404, 409, 422, 429, 503)


def needs(
    scope: Scope, role: Role | None, gives: Any, *, status: int = 200, conflict: bool = False,
    file: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The arguments of an operation. `role` None: about the token's person alone. `gives`: what is
    answered; None for nothing, or where it is a `file` of this media type. `conflict`: 409 brings
    both versions of a post."""
    answers: dict[int, Any] = {status: gives, **dict.fromkeys(REFUSALS, shapes.Problem)}
    if conflict:
        answers[409] = shapes.Conflict
    extra: dict[str, Any] = {"x-scope": scope, "x-role": role}
    if file:
        content = {"content": {file: {"schema": {"type": "string", "format": "binary"}}}}
        extra["responses"] = {status: content}
    return {"auth": PersonalToken(scope, role), "response": answers, "openapi_extra": extra}


def made(row: Any) -> Status:
    """201 with what is new."""
    return Status(201, row)
