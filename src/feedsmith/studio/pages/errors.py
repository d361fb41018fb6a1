"""Pages for what went wrong: what happened and what to do, in one sentence each."""

import sqlite3
import sys

from django.db import OperationalError
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
    """What no view could say: called while the error is being handled."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError):
        return page(request, 503, *of_database(error))
    return page(request, 500)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request,
        403,
        "this form is too old, or came from another page",
        "reload the page and try again",
    )


def of_database(error: OperationalError) -> tuple[str, str]:
    """What is the matter with the database, and what to do."""
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or "disk is full" in str(error):
        return "the disk is full; nothing was changed", "free some space, then try again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "the database is busy; nothing was changed", "try again in a moment"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return (
            "the database cannot be written; nothing was changed",
            "check the permissions of the studio's folder and the room on its disk",
        )
    return "the database does not answer; nothing was changed", "check that it runs, then try again"
