"""Serving: Django's ASGI application, with a few lasting threads and a limit on what is sent to it.

Django gives each request a thread of its own, which opens the database anew: with twenty people at a
grid of 5,000 posts the process grew by 40 MB. Here a request borrows one of a few threads, only while
its answer is thought out; sending it, or an open stream, holds none.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.db import close_old_connections
from django.http.response import HttpResponseBase
from django.utils import timezone

from feedsmith.studio import asked, middleware

THREADS = 4
"""Requests that are thought out at once; one may have to wait for the database or a thumbnail."""
BODY_MAX = 32 * 2**20
"""Bytes of one request; larger files come in pieces."""
SHARED_MAX = 128 * 2**20
"""Bytes of one request to SHARED: a phone's share sheet sends a dozen photos whole. They go to the disk,
not into memory, and only from somebody who is signed in."""
SHARED = "/share"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        # The one used last comes first: its database is open, and at rest one thread does it all.
        self._threads: asyncio.LifoQueue[ThreadSensitiveContext] = asyncio.LifoQueue()
        for _ in range(THREADS):
            self._threads.put_nowait(ThreadSensitiveContext())

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        headers = dict(scope["headers"])
        said = headers.get(b"content-length", b"0")
        most = BODY_MAX
        if scope["path"] == SHARED and await _signed_in(headers.get(b"cookie", b"")):
            most = SHARED_MAX
        if asked.number(said.decode("latin-1"), most=most) is None:
            middleware.answered(scope["method"], "none", 413, 0.0)
            await _too_large(send)
            return
        got = 0

        async def limited() -> dict[str, Any]:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > most:  # a body that did not say how long it is
                raise RequestAborted
            return message

        await self.handle(scope, limited, send)

    async def run_get_response(self, request: ASGIRequest) -> HttpResponseBase:
        thread = await self._threads.get()
        before = SyncToAsync.thread_sensitive_context.set(thread)
        try:
            await sync_to_async(close_old_connections)()
            return await super().run_get_response(request)
        finally:
            SyncToAsync.thread_sensitive_context.reset(before)
            self._threads.put_nowait(thread)


async def _signed_in(cookies: bytes) -> bool:
    """Whether a session of the studio comes with the request."""
    found = re.search(r"(?:^|;\s*)studio=([a-z0-9]{16,64})(?:;|$)", cookies.decode("latin-1"))
    if found is None:
        return False
    return await sync_to_async(_session)(found[1])


def _session(key: str) -> bool:
    from django.contrib.sessions.models import Session

    close_old_connections()
    return Session.objects.filter(session_key=key, expire_date__gt=timezone.now()).exists()


async def _too_large(send: Send) -> None:
    said = b"This is more than the studio takes at once.\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(said)),
               (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": said})
