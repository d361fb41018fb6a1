"""Server: uvicorn with the studio's application. One is the studio's own process; of several (keeper.py) each is
`python -m feedsmith.studio.server SOCKET LINE EVENTS`, on a socket that all of them listen on.

SOCKET, LINE and EVENTS are numbers of open descriptors: what is listened on, where the keeper answers (line.py), and
what events are written to. Ends when the keeper does: then the line is cut.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from feedsmith import memory
from feedsmith.studio import line, logs
from feedsmith.studio.settings import Config, set_up

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

GOODBYE = 3
"""Seconds that open requests get at the end; event streams are open as long as their page is."""
BACKLOG = 256
"""Connections that wait to be taken."""


class Server(uvicorn.Server):
    """`one_of_many`: takes one connection at a time, so that the one which is free first gets the next.
    `ends`: called when it begins to end, before open requests get their GOODBYE; must take no time."""

    def __init__(
        self,
        config: Config,
        application: "ASGIApplication",
        *,
        one_of_many: bool = False,
        ends: Callable[[], None] | None = None,
    ) -> None:
        self._ends = ends
        super().__init__(
            uvicorn.Config(
                application,
                host=config.host,
                port=config.port,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(config.proxies),
                forwarded_allow_ips=list(config.proxies),
                timeout_graceful_shutdown=GOODBYE,
                limit_concurrency=500,  # of each server
                backlog=1 if one_of_many else BACKLOG,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():  # asyncio said its own number to the system, too
            listening.listen(BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from feedsmith.studio.pages.events import streams

        if self._ends is not None:
            self._ends()
        streams.end()  # they would be waited for as long as their pages are open
        await super().shutdown(sockets)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the keeper, which then ends us
    listening = socket.socket(fileno=int(sys.argv[1]))
    config = Config.from_environment()
    memory.be_frugal()
    logs.set_up(
        config.log, events=int(sys.argv[3]), problems=config.folder / "studio.log", turns=False
    )
    alone = threading.Event()
    line.lead_to(socket.socket(fileno=int(sys.argv[2])), alone.set)
    set_up(config)
    from feedsmith.studio.serving import Application

    server = Server(config, Application(), one_of_many=True)
    threading.Thread(target=_end_when, args=(alone, server), daemon=True).start()
    server.run(sockets=[listening])


def _end_when(alone: threading.Event, server: Server) -> None:
    """The keeper is gone, and its port is wanted by the next one."""
    alone.wait()
    server.should_exit = True
    over = threading.Timer(GOODBYE + 1, os._exit, (1,))
    over.daemon = True
    over.start()


if __name__ == "__main__":
    main()
