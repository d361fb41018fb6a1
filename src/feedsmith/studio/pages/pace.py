"""Pace: how often one address may ask for one thing."""

from django.http import HttpRequest, HttpResponse

from feedsmith.studio.pages import errors
from feedsmith.studio.rate import rate


def too_fast(request: HttpRequest, what: str, most: int, seconds: int) -> HttpResponse | None:
    """A 429 where this address asked for `what` more than `most` times in `seconds`, else None."""
    if rate.count(f"{what} {request.META.get('REMOTE_ADDR', '')}", seconds) <= most:
        return None
    minutes = max(1, round(seconds / 60))
    response = errors.page(
        request, 429, "this was asked for too often", f"wait {minutes} minute{'s' * (minutes != 1)}"
    )
    response.headers["Retry-After"] = str(seconds)
    return response
