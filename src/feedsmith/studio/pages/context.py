"""What every template knows: the person, their brands, the brand of this page."""

from typing import Any

from django.http import HttpRequest

from feedsmith.studio.pages.notices import take


def everywhere(request: HttpRequest) -> dict[str, Any]:
    from feedsmith.studio.pages.access import brands_of

    person = getattr(request, "user", None)
    known = person is not None and person.is_authenticated
    return {
        "person": person if known else None,
        "brand": getattr(request, "brand", None),
        "role": getattr(request, "role", ""),
        "can_edit": getattr(request, "role", "") in ("editor", "owner"),
        "brands": brands_of(request) if known else [],
        "notices": lambda: take(
            request
        ),  # called where they are shown: a fragment must not eat them
        "fragment": request.headers.get("HX-Request") == "true",
    }
