"""Pace: how often one address may ask for one thing. Counted in this process alone: there is one
server process, and after a start everybody begins anew.
"""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from feedsmith.studio.pages import errors


def too_fast(request: HttpRequest, what: str, most: int, seconds: int) -> HttpResponse | None:
    """A 429 where this address asked for `what` more than `most` times in `seconds`, else None."""
    key = f"pace:{what}:{request.META.get('REMOTE_ADDR', '')}".replace(" ", "-")
    cache.add(key, 0, seconds)
    try:
        count = cache.incr(key)
    except ValueError:  # it ended in between
        return None
    if count <= most:
        return None
    minutes = max(1, round(seconds / 60))
    response = errors.page(
        request, 429, "this was asked for too often", f"wait {minutes} minute{'s' * (minutes != 1)}"
    )
    response.headers["Retry-After"] = str(seconds)
    return response
