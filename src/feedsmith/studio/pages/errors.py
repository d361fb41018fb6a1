"""Pages for what went wrong: what happened and what to do, in one sentence each."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SAID = {
    400: ("This did not work", "the request cannot be understood", "go back and try again"),
    403: ("Not for you", "you may not do this", "ask an owner of the brand"),
    404: ("Not here", "there is no such page, or it is not yours to see", ""),
    409: ("Changed in between", "somebody else changed this", "reload the page"),
    429: ("Too many tries", "there were too many tries", "wait a while"),
    500: (
        "Our mistake",
        "this is a mistake of ours, not of yours; nothing was lost",
        "try again; what happened is in the studio's log",
    ),
    503: ("Not now", "the studio cannot do this now", "try again in a moment"),
}


def page(request: HttpRequest, status: int, message: str = "", mend: str = "") -> HttpResponse:
    """A whole page, or a banner where a part of one was asked for (htmx)."""
    title, usual, next_step = SAID.get(status, SAID[500])
    said = {
        "title": title,
        "message": message or usual,
        "mend": mend or ("" if message else next_step),
        "status": status,
    }
    part = request.headers.get("HX-Request") == "true"
    try:
        return render(
            request, "studio/parts/error.html" if part else "studio/error.html", said, status=status
        )
    except Exception:  # noqa: BLE001 - the page itself may need what is broken (the database)
        plain = f"{title}: {said['message']}. {said['mend']}\n"
        return HttpResponse(plain, status=status, content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 403)


def bad(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 400)


def broken(request: HttpRequest) -> HttpResponse:
    return page(request, 500)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request,
        403,
        "this form is too old, or came from another page",
        "reload the page and try again",
    )
