"""Server: uvicorn with the studio's application. One is the studio's own process; of several (keeper.py) each is
`python -m feedsmith.studio.server SOCKET LINE EVENTS`, on a socket that all of them listen on.

Ends when the keeper does: it holds the other end of standard input. SOCKET: number of the open descriptor that
is listened on; LINE: where the keeper answers; EVENTS: number of the descriptor that events are written to.
"""

import os
import signal
import socket
import sys
import threading
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
    """`one_of_many`: takes one connection at a time, so that the one which is free first gets the next."""

    def __init__(
        self, config: Config, application: "ASGIApplication", *, one_of_many: bool = False
    ) -> None:
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
                limit_concurrency=500,
                backlog=1 if one_of_many else BACKLOG,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():  # asyncio said its own number to the system, too
            listening.listen(BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from feedsmith.studio.pages.events import streams

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
    line.lead_to(sys.argv[2])
    set_up(config)
    from feedsmith.studio.serving import Application

    server = Server(config, Application(), one_of_many=True)
    threading.Thread(target=_until_alone, args=(server,), daemon=True).start()
    server.run(sockets=[listening])


def _until_alone(server: Server) -> None:
    """The end of standard input means that the keeper is gone, and its port is wanted by the next one."""
    while os.read(0, 1):
        pass
    server.should_exit = True
    over = threading.Timer(GOODBYE + 1, os._exit, (1,))
    over.daemon = True
    over.start()


if __name__ == "__main__":
    main()
