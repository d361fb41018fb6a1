"""What goes wrong, as JSON: {"error": what, "mend": what to do}, for every status and every address."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.debug import sensitive_variables
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from feedsmith.errors import FeedsmithError
from feedsmith.studio import rate
from feedsmith.studio.api import door
from feedsmith.studio.models import drafts, uploads
from feedsmith.studio.pages import errors

log = logging.getLogger("feedsmith.studio.api")


def refusal(status: int, error: str = "", mend: str = "", **more: Any) -> JsonResponse:
    """An answer in the usual words of a status where none are given."""
    _, usual, next_step = errors.SAID.get(status, errors.SAID[500])
    said = {"error": error or usual, "mend": mend or ("" if error else next_step), **more}
    return JsonResponse(said, status=status)


class Unfit(FeedsmithError):
    """What was asked for cannot be meant, though each field is as it must be."""


def tell(api: NinjaAPI, shown: Callable[[drafts.Draft, HttpRequest], Any]) -> None:
    """Teach the API its refusals; `shown` is how a post looks in an answer."""

    def unknown(request: HttpRequest, _: door.Unknown) -> HttpResponse:
        response = refusal(
            401, "a token is missing, or it is not one that lives",
            "make one on /account/tokens, and send it as Authorization: Bearer feedsmith_...",
        )  # fmt: skip
        response.headers["WWW-Authenticate"] = 'Bearer realm="Feedsmith"'
        return response

    def too_many(request: HttpRequest, error: rate.TooMany) -> HttpResponse:
        seconds = int(error.wait) + 1
        response = refusal(429, "there were too many requests", f"wait {seconds} s")
        response.headers["Retry-After"] = str(seconds)
        return response

    def unfit(request: HttpRequest, error: ValidationError) -> HttpResponse:
        flaws = [
            {
                "where": ".".join(_place(flaw)),
                "what": str(flaw["msg"]).removeprefix("Value error, "),
            }
            for flaw in error.errors
        ]
        first = f"{flaws[0]['where']}: {flaws[0]['what']}" if flaws else ""
        return refusal(
            422, first or "this cannot be taken", "see /api/v1/openapi.json", problems=flaws
        )

    def conflict(request: HttpRequest, error: drafts.Conflict) -> HttpResponse:
        said = {"theirs": shown(error.theirs, request).model_dump(mode="json"), "yours": error.mine}
        return refusal(409, error.message, error.mend or "", **said)

    def missed(request: HttpRequest, error: uploads.Missed) -> HttpResponse:
        return refusal(409, error.message, "go on from there", have=error.have)

    def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return refusal(400, "this is more than the studio takes at once", "send less")

    def refused(request: HttpRequest, error: FeedsmithError) -> HttpResponse:
        # What is asked for is well formed, but not possible as things stand.
        status = 422 if isinstance(error, Unfit | uploads.NotTaken) else 409
        return refusal(status, error.message, error.mend or "")

    def busy(request: HttpRequest, error: OperationalError) -> HttpResponse:
        return refusal(503, *errors.of_database(error))

    @sensitive_variables()
    def broken(request: HttpRequest, error: Exception) -> HttpResponse:
        said = {"method": request.method, "route": request.resolver_match.route}
        log.error("mistake", exc_info=error, extra={"fields": said})
        return refusal(500)

    def said(request: HttpRequest, error: HttpError) -> HttpResponse:
        words = str(error).splitlines()[0][:200]
        return refusal(error.status_code, words, "see /api/v1/openapi.json")

    def forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        mend = "make a token with that scope" if "scope" in str(error) else "ask an owner of it"
        return refusal(403, str(error), mend)

    api.add_exception_handler(Exception, broken)
    api.add_exception_handler(door.Unknown, unknown)
    api.add_exception_handler(rate.TooMany, too_many)
    api.add_exception_handler(ValidationError, unfit)
    api.add_exception_handler(HttpError, said)
    api.add_exception_handler(FeedsmithError, refused)
    api.add_exception_handler(drafts.Conflict, conflict)
    api.add_exception_handler(uploads.Missed, missed)
    api.add_exception_handler(RequestDataTooBig, too_big)
    api.add_exception_handler(OperationalError, busy)
    api.add_exception_handler(PermissionDenied, forbidden)
    api.add_exception_handler(Http404, lambda request, error: refusal(404, *NOT_HERE))


NOT_HERE = ("there is no such thing, or it is not yours to see", "")


def _place(flaw: dict[str, Any]) -> list[str]:
    """Where a flaw is, without the names of our own functions' arguments: "body.caption"."""
    where = [str(part) for part in flaw["loc"]]
    return [where[0], *where[2:]] if where[0] == "body" and len(where) > 1 else where


def in_json(
    view: Callable[..., HttpResponseBase], known: Callable[[str, str], frozenset[str] | None]
) -> Callable[..., HttpResponseBase]:
    """Say in JSON, too, that an address does not know a method; and refuse questions that it does not
    know (`known`: those of a method and a route), as a filter with a typing error would list all."""

    @wraps(view)
    def said(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        names = known(str(request.method), request.resolver_match.route)
        strange = sorted(set(request.GET) - names) if names is not None else []
        if strange:
            flaws = [{"where": f"query.{name}", "what": "is not known here"} for name in strange]
            words = f"query.{strange[0]}: is not known here"
            mend = f"use {', '.join(sorted(names or ()))}" if names else "leave it away"
            return refusal(422, words, mend, problems=flaws)
        response = view(request, *args, **kwargs)
        if response.status_code == 405 and "json" not in response.headers.get("Content-Type", ""):
            allowed = response.headers.get("Allow", "")
            response = refusal(
                405, f"this address does not know {request.method}", f"use {allowed}"
            )
            response.headers["Allow"] = allowed
        return response

    return said
