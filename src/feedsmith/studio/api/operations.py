"""What every operation of the API says of itself: who may, what it answers, what can go wrong."""

from http import HTTPStatus
from typing import Any

from ninja import Status
from pydantic.json_schema import models_json_schema

from feedsmith.studio.api import shapes
from feedsmith.studio.api.door import PersonalToken
from feedsmith.studio.models.tokens import Scope
from feedsmith.studio.models.uploads import PIECE
from feedsmith.studio.states import Role

REFUSALS = (400, 401, 403, 404, 409, 422, 429, 503)


def needs(
    scope: Scope, role: Role | None, gives: Any, *, status: int = 200,
    conflict: type[shapes.Problem] = shapes.Problem, file: str = "", takes: str = "",
) -> dict[str, Any]:  # fmt: skip
    """The arguments of an operation. `role` None: about the token's person alone. `gives`: what is
    answered; None for nothing, or where it is a `file` of this media type. `conflict`: what 409
    brings. `takes`: the media type of a piece of a file, which is the whole body.

    Refusals are described, not given to ninja as models: it would build one for each status of each
    operation, 300 of 40 kB, for answers that it never makes."""
    answers: dict[int, Any] = {code: _problem(code) for code in REFUSALS}
    answers[409] = _problem(409, conflict)
    if file:
        answers[status] = {"content": {file: {"schema": {"type": "string", "format": "binary"}}}}
    extra: dict[str, Any] = {"x-scope": scope, "x-role": role, "responses": answers}
    if takes:
        content = {takes: {"schema": {"type": "string", "format": "binary", "maxLength": PIECE}}}
        extra["requestBody"] = {"required": True, "content": content}
    auth = PersonalToken(scope, role, pieces=bool(takes))
    return {"auth": auth, "response": {status: gives}, "openapi_extra": extra}


def _problem(status: int, shape: type[shapes.Problem] = shapes.Problem) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {
        "description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}},
    }  # fmt: skip


def problems() -> dict[str, Any]:
    """The schemas that the refusals of all operations name."""
    wanted = [
        (shape, "serialization") for shape in (shapes.Problem, shapes.Conflict, shapes.Missed)
    ]
    _, said = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return dict(said["$defs"])


def made(row: Any) -> Status:
    """201 with what is new."""
    return Status(201, row)
