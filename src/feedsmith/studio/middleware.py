"""What holds for every request: the Host that may be asked, headers that browsers keep to, plain words
for what goes wrong. Knows no page.
"""

import gzip
import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.functional import LazyObject, empty
from django.views.decorators.debug import sensitive_variables

from feedsmith.errors import FeedsmithError
from feedsmith.studio import logs, metrics
from feedsmith.studio.pages import errors

Handler = Callable[[HttpRequest], HttpResponseBase]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer. Nothing inline runs, nothing comes from elsewhere, nobody frames a page."""
COMPRESSED = ("text/html", "application/json", "text/csv", "text/plain")
SMALL = 500
"""Bytes below which compressing is not worth it."""

PROBES = ("healthz", "readyz", "metrics")
"""Routes that programs ask every few seconds: what went well there is not worth a line."""

log = logging.getLogger("feedsmith.studio")


def observed(get_response: Handler) -> Handler:
    """Give the request an id, which its answer and all lines of the log say; write one line of how it went, and
    count it. A stream counts until it begins."""

    def told(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        number = logs.taken_over(request.META.get("HTTP_X_REQUEST_ID", ""))
        with logs.about(request=number):
            response = get_response(request)
            brand = getattr(getattr(request, "brand", None), "slug", None)
            took = time.perf_counter() - began
            answered(
                str(request.method), _route(request), response.status_code, took, brand=brand,
                person=_person(request),
            )  # fmt: skip
        response.headers["X-Request-Id"] = number
        return response

    return told


def answered(method: str, route: str, status: int, took: float, **more: object) -> None:
    """Count an answer that took so many seconds, and write a line of it."""
    metrics.request(method, route, status, took)
    if route not in PROBES or status >= 400:
        level = logging.WARNING if status >= 500 and route not in PROBES else logging.INFO
        said = {"method": method, "route": route, "status": status, **more}
        logs.event(log, "request", level, **said, duration_ms=round(1000 * took, 1))


def _route(request: HttpRequest) -> str:
    """The pattern, never the address: that may hold a sign-in or review link."""
    match = request.resolver_match
    return match.route or "/" if match else "none"


def _person(request: HttpRequest) -> int | None:
    """Number of who asked, where that was looked at: for the log alone no session is read."""
    person = getattr(request, "_cached_user", None) or getattr(request, "user", None)
    if person is None or (isinstance(person, LazyObject) and person._wrapped is empty):
        return None
    number: int | None = person.pk
    return number


def guard(get_response: Handler) -> Handler:
    """Refuse foreign Host headers, and put HEADERS on every answer."""

    def guarded(request: HttpRequest) -> HttpResponseBase:
        if not settings.STUDIO.serves(request.META.get("HTTP_HOST", "")):
            response: HttpResponseBase = HttpResponse(
                "This studio is not reached by that name. Start it with --url, or set its address.\n",
                status=400,
                content_type="text/plain; charset=utf-8",
            )
        else:
            response = get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.STUDIO.secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        # What is said to one person is kept by no one else, save where a view says otherwise.
        response.headers.setdefault("Cache-Control", "private, no-store")
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response

    return guarded


def compress(get_response: Handler) -> Handler:
    """Compress pages; pictures are compressed already, and streams must not wait."""

    def compressed(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        kind = response.headers.get("Content-Type", "").split(";")[0]
        if (
            isinstance(response, HttpResponse)
            and kind in COMPRESSED
            and len(response.content) >= SMALL
            and not response.has_header("Content-Encoding")
        ):
            patch_vary_headers(response, ("Accept-Encoding",))
            if "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", ""):
                response.content = gzip.compress(response.content, 5, mtime=0)
                response.headers["Content-Encoding"] = "gzip"
                response.headers["Content-Length"] = str(len(response.content))
        return response

    return compressed


class say_plainly:  # noqa: N801 - a middleware, named as the other two
    """Turn what goes wrong in a view into a page of plain words; never a traceback."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    @sensitive_variables()
    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Http404):
            return errors.page(request, 404)
        if isinstance(error, PermissionDenied):
            return errors.page(request, 403, str(error))
        if isinstance(error, RequestDataTooBig):
            return errors.page(
                request, 400, "this is more than the studio takes at once", "send less"
            )
        if isinstance(error, SuspiciousOperation):
            return errors.page(request, 400)
        if isinstance(error, FeedsmithError):
            return errors.page(request, 400, error.message, error.mend)
        if isinstance(error, OperationalError):
            return errors.page(request, 503, *errors.of_database(error))
        said = {"method": request.method, "route": _route(request)}
        log.error("mistake", exc_info=error, extra={"fields": said})
        return errors.page(request, 500)
