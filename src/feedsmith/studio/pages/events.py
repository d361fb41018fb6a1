"""Events: one stream a page (server-sent events) that says which job or draft has changed; the page
then asks for what it shows. One look at the database serves all streams, and none are open without
a page.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from feedsmith.studio.models import Brand, Draft, Job
from feedsmith.studio.pages.access import for_members

LOOK_EVERY = 0.5
"""Seconds between two looks at the database."""
OVERLAP = timedelta(seconds=5)
"""Changes are looked for a little further back: a slow transaction is seen after its own time."""
STILL_HERE = 15.0
"""Seconds of silence after which a stream says a word, so that no proxy closes it."""
OPEN_MAX = 20
"""Streams of one person at one server; a browser opens one a page. Not shared out among several servers: the system
chooses which one a connection is made to, and all may be at the same."""
RENEW = 1800.0
"""Seconds after which a stream ends and the browser opens another: then the session is looked at again."""

Message = tuple[str, int]
"""Name and number: ("job", 12)."""


class Streams:
    """All open streams of this process, and the one task that feeds them."""

    def __init__(self) -> None:
        self.open: dict[int, set[asyncio.Queue[Message]]] = defaultdict(set)
        self.of_person: Counter[int] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._seen: dict[tuple[str, int], datetime] = {}
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End all streams: the server closes."""
        self._ended.set()
        for queues in self.open.values():
            for queue in queues:
                with contextlib.suppress(asyncio.QueueFull):
                    queue.put_nowait(("end", 0))

    async def of(self, brand: int, person: int) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[Message] = asyncio.Queue(200)
        self.open[brand].add(queue)
        self.of_person[person] += 1
        ends = time.monotonic() + RENEW
        try:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._feed())
            yield b"retry: 2000\n\n"
            while time.monotonic() < ends and not self._ended.is_set():
                try:
                    name, number = await asyncio.wait_for(queue.get(), STILL_HERE)
                    yield f"event: {name}\ndata: {number}\n\n".encode()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self.open[brand].discard(queue)
            if not self.open[brand]:
                del self.open[brand]
            self.of_person[person] -= 1
            if not self.of_person[person]:
                del self.of_person[person]

    async def _feed(self) -> None:
        loop = asyncio.get_running_loop()
        since = timezone.now() - OVERLAP
        self._seen = {}
        while self.open and not self._ended.is_set():
            looked = timezone.now()
            for brand, message in await loop.run_in_executor(self._thread, self._changes, since):
                for queue in self.open.get(brand, ()):
                    if not queue.full():  # a page that reads so slowly asks for everything anyway
                        queue.put_nowait(message)
            since = looked - OVERLAP
            self._seen = {key: at for key, at in self._seen.items() if at >= since}
            await asyncio.sleep(LOOK_EVERY)

    def _changes(self, since: datetime) -> list[tuple[int, Message]]:
        """What changed since then and was not told yet."""
        found = []
        try:
            close_old_connections()
            for name, model in (("job", Job), ("draft", Draft)):
                rows = model.objects.filter(updated_at__gte=since).order_by("updated_at")
                for pk, brand, at in rows.values_list("pk", "brand_id", "updated_at")[:500]:
                    if self._seen.get((name, pk)) != at:
                        self._seen[name, pk] = at
                        found.append((brand, (name, pk)))
        except DatabaseError:
            close_old_connections()
        return found


streams = Streams()


@for_members("reviewer")
@require_safe
def events(request: HttpRequest, brand: Brand) -> HttpResponseBase:
    if streams.of_person[request.user.pk] >= OPEN_MAX:
        return HttpResponse("Too many pages are open.\n", status=429, content_type="text/plain")
    response = StreamingHttpResponse(
        streams.of(brand.pk, request.user.pk), content_type="text/event-stream"
    )
    response.headers["X-Accel-Buffering"] = "no"  # nginx
    return response
