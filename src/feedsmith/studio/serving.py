"""Serving: Django behind ASGI, with a few lasting threads and a limit on what is sent to it.

Django's own handler gives each request a thread of its own, which opens the database anew: with twenty people at a
grid of 5,000 posts the process grew by 40 MB. And it goes to a thread and back five times a request (signals,
middleware, view, end), 1 ms of processor. Here a request borrows one of a few threads once, only while its answer
is thought out; sending it, or an open stream, holds none.
"""

import asyncio
import contextlib
import re
import select
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import Any, TypeVar

from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections, connection
from django.http import FileResponse
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

Found = TypeVar("Found")
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application(ASGIHandler):
    def __init__(self) -> None:
        BaseHandler.load_middleware(self, is_async=False)  # all of it runs in one thread
        # The one used last comes first: its database is open, and at rest one thread does it all.
        self._threads: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for _ in range(THREADS):
            self._threads.put_nowait(ThreadPoolExecutor(1, thread_name_prefix="request"))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        headers = dict(scope["headers"])
        said = headers.get(b"content-length", b"0")
        most = BODY_MAX
        if scope["path"] == SHARED and await self._signed_in(headers.get(b"cookie", b"")):
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

    async def handle(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            body: SpooledTemporaryFile[bytes] = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            request, response = self.create_request(scope, body)
            if request is not None:
                thread = await self._free_thread(receive)
                if thread is None:
                    return
                response = await self._in_thread(self._answer, request, thread=thread)
            if not response.streaming:
                await self.send_response(response, send)
                return
            try:
                await self._stream(response, receive, send)
            finally:
                await self._in_thread(response.close)

    async def _free_thread(self, receive: Receive) -> ThreadPoolExecutor | None:
        """None where the reader goes before there is one: nothing is thought out for nobody."""
        with contextlib.suppress(asyncio.QueueEmpty):
            return self._threads.get_nowait()
        free = asyncio.create_task(self._threads.get())
        gone = asyncio.create_task(self.listen_for_disconnect(receive))
        found = None
        try:
            await asyncio.wait((free, gone), return_when=asyncio.FIRST_COMPLETED)
            if free.done():
                found = free.result()
            return found
        finally:
            for task in (free, gone):
                task.cancel()
            got, _ = await asyncio.gather(free, gone, return_exceptions=True)
            if found is None and isinstance(got, ThreadPoolExecutor):  # both at the same moment
                self._threads.put_nowait(got)

    async def _in_thread(
        self, call: Callable[..., Found], *words: Any, thread: ThreadPoolExecutor | None = None
    ) -> Found:
        thread = thread or await self._threads.get()
        running = asyncio.get_running_loop().run_in_executor(thread, call, *words)
        # Given back when the call is over, not when nobody waits for it any more.
        running.add_done_callback(lambda _: self._threads.put_nowait(thread))
        return await asyncio.shield(running)  # whoever waits may be told to stop; a thread may not

    def _answer(self, request: ASGIRequest) -> HttpResponseBase:
        _look_at_connection()
        response = self.get_response(request)
        response._handler_class = self.__class__
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            response.close()  # files of its form; what it says stays
        return response

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Send it until it ends or its reader goes."""
        tasks = [
            asyncio.create_task(self.send_response(response, send)),
            asyncio.create_task(self.listen_for_disconnect(receive)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        sent = tasks[0]
        if not sent.cancelled() and (error := sent.exception()) is not None:
            raise error

    async def _signed_in(self, cookies: bytes) -> bool:
        """Whether a session of the studio comes with the request."""
        found = re.search(r"(?:^|;\s*)studio=([a-z0-9]{16,64})(?:;|$)", cookies.decode("latin-1"))
        return found is not None and await self._in_thread(_session, found[1])


def _session(key: str) -> bool:
    from django.contrib.sessions.models import Session

    _look_at_connection()
    return Session.objects.filter(session_key=key, expire_date__gt=timezone.now()).exists()


def _look_at_connection() -> None:
    """This thread's connection ends where it is too old, or where PostgreSQL has hung up. Asking it whether it
    still answers, as Django does, was one question more for each request; the socket knows as well."""
    close_old_connections()
    if connection.connection is None or connection.vendor != "postgresql":
        return
    if _says_something(connection.connection.fileno()):
        connection.close()
    connection.health_check_done = True


def _says_something(socket: int) -> bool:
    """Whether there is something to be read: of a database that was not asked, its goodbye."""
    if not hasattr(select, "poll"):  # Windows, whose select() takes any socket
        return bool(select.select([socket], [], [], 0)[0])
    look = select.poll()
    look.register(socket, select.POLLIN)
    return bool(look.poll(0))


async def _too_large(send: Send) -> None:
    said = b"This is more than the studio takes at once.\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(said)),
               (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": said})
