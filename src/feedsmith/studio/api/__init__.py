"""The API: REST for what the pages do, under /api/v1, for programs that hold a person's token.

Thin: it says who may (door), what goes in and out (shapes, shown) and what went wrong (refusals); what
happens is the models' work, as for the pages.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve

from feedsmith.studio.pages.access import for_programs


@for_programs  # each operation has a door of its own (door)
def api(request: HttpRequest) -> HttpResponseBase:
    """All addresses of the API. It is imported when it is first asked: 16 MB and a quarter of a second
    that a studio without programs never needs."""
    match = resolve(request.path_info, urlconf="feedsmith.studio.api.root")
    request.resolver_match = match
    return match.func(request, *match.args, **match.kwargs)
