"""The API put together: its operations, its description, its addresses."""

import re
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, include, path, re_path
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

import feedsmith
from feedsmith.studio.api import (
    brands,
    calendar,
    hooks,
    jobs,
    library,
    people,
    posts,
    publications,
    shown,
)
from feedsmith.studio.api.operations import problems
from feedsmith.studio.api.refusals import NOT_HERE, in_json, refusal, tell

DESCRIPTION = """What the studio's pages do, for programs. Send the token of a person, made on \
/account/tokens or by `feedsmith studio token add`, as `Authorization: Bearer feedsmith_...`. It can \
do what its person may in each brand (x-role: from which role on) and of that what its scopes \
(x-scope) say. Brands that are not theirs are answered as if they were not there. Every refusal is \
{"error": what, "mend": what to do next}. Addresses in answers are relative to the studio."""

PARTS = {
    "brand": "Slug of the brand.", "file": "Name of the file, as the post's media say it.",
    "photo": "Id of the photo.", "key": "Key of the upload.", "revision": "Number of the revision.",
    "comment": "Number of the comment.", "delivery": "Number of the message.",
    "posts/number": "Number of the post.", "jobs/number": "Number of the job.",
    "planned/number": "Number of the planned post.", "people/number": "Number of the membership.",
    "review-links/number": "Number of the review link.", "tokens/number": "Number of the token.",
    "webhooks/number": "Number of the webhook.",
}  # fmt: skip
"""What the variable parts of addresses are; of a number, behind which word it stands."""

api = NinjaAPI(
    title="Feedsmith studio", version=feedsmith.__version__, description=DESCRIPTION,
    openapi_url=None, docs_url=None, urls_namespace="api-v1",
)  # fmt: skip
for part in (brands, posts, publications, calendar, jobs, library, people, hooks):
    api.add_router("", part.router)
tell(api, shown.post)


@cache
def description() -> dict[str, Any]:
    """The API as OpenAPI says it."""
    said: dict[str, Any] = api.get_openapi_schema(path_prefix=f"{shown.ROOT}/")
    said["components"]["schemas"] |= problems()
    for address, methods in said["paths"].items():
        for operation in methods.values():
            operation["summary"] = operation["summary"].capitalize()
            for each in operation["parameters"]:
                if each["in"] == "path":
                    each["description"] = _part(address, each["name"])
    return said


def _part(address: str, name: str) -> str:
    before = address.partition("/{" + name + "}")[0].rpartition("/")[2]
    return PARTS[f"{before}/number" if name == "number" else name]


@cache
def known(method: str, route: str) -> frozenset[str] | None:
    """Names that may stand in the query of this method at this route; None where there is neither."""
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    said = description()["paths"].get(path, {}).get(method.lower())
    if said is None:
        return None
    return frozenset(p["name"] for p in said["parameters"] if p["in"] == "query")


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The description: of the product, not of anybody's data."""
    return JsonResponse(description())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same as a page to read."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, methods in description()["paths"].items():
        for method, said in methods.items():
            entry = {
                "method": method.upper(), "address": address, "summary": said["summary"],
                "words": said.get("description", ""), "scope": said["x-scope"], "role": said["x-role"],
            }  # fmt: skip
            groups.setdefault(said["tags"][0], []).append(entry)
    return render(request, "studio/api.html", {"groups": groups, "about": DESCRIPTION})


def nothing(request: HttpRequest) -> HttpResponse:
    return refusal(404, *NOT_HERE)


def _operations() -> list[URLPattern]:
    patterns = [p for p in api.urls[0] if p.name != "api-root"]
    for pattern in patterns:
        pattern.callback = in_json(pattern.callback, known)
    return patterns


urlpatterns = [
    path("api/v1/", include([path("openapi.json", openapi), path("docs", docs), *_operations()])),
    re_path("", nothing),
]
