"""Serving: threads are few, so none works for nobody and none is lent twice."""

import asyncio
import select
import socket
import threading
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("studio")

SCOPE: dict[str, Any] = {
    "type": "http", "http_version": "1.1", "method": "GET", "path": "/healthz", "raw_path": b"/healthz",
    "query_string": b"", "root_path": "", "scheme": "http", "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
}  # fmt: skip


class Reader:
    """Of one request, who goes or stays."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.asked, self.said = False, []  # type: ignore[var-annotated]

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.said.append(message)


def test_nothing_is_thought_out_for_a_reader_who_has_gone() -> None:
    from feedsmith.studio.serving import THREADS, Application

    async def tried() -> None:
        application, free = Application(), threading.Event()
        busy = [asyncio.create_task(application._in_thread(free.wait)) for _ in range(THREADS)]
        await asyncio.sleep(0)
        gone, stays = Reader(), Reader()
        first = asyncio.create_task(application(SCOPE, gone.receive, gone.send))
        second = asyncio.create_task(application(SCOPE, stays.receive, stays.send))
        gone.gone.set()
        await asyncio.wait_for(first, 60)  # while all threads are at something else
        assert gone.said == []
        assert not second.done()
        free.set()
        await asyncio.gather(*busy, second)
        assert stays.said[0]["status"] == 200
        assert application._threads.qsize() == THREADS

    asyncio.run(tried())


def test_a_thread_is_free_when_its_call_is_over_not_when_nobody_waits_for_it() -> None:
    from feedsmith.studio.serving import THREADS, Application

    async def tried() -> None:
        application, free = Application(), threading.Event()
        waiting = asyncio.create_task(application._in_thread(free.wait))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert application._threads.qsize() == THREADS - 1
        free.set()
        while application._threads.qsize() < THREADS:
            await asyncio.sleep(0.01)

    asyncio.run(tried())


@pytest.mark.parametrize("with_poll", [True, False])
def test_a_connection_that_was_hung_up_is_seen(
    monkeypatch: pytest.MonkeyPatch, with_poll: bool
) -> None:
    from feedsmith.studio.serving import _says_something

    if not with_poll:  # Windows
        monkeypatch.delattr(select, "poll")
    ours, theirs = socket.socketpair()
    with ours:
        assert not _says_something(ours.fileno())
        theirs.close()
        assert _says_something(ours.fileno())
