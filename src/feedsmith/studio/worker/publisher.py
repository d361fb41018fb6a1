"""`python -m feedsmith.studio.worker.publisher NAME LOG`: publish what is due and read the figures of what is
out, until there is nothing to do for a while.

Ends at once when the server does: it holds the other end of standard input. LOG: number of the open
descriptor that events are written to.
"""

import logging
import os
import signal
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from feedsmith.studio import logs
from feedsmith.studio.settings import Config, set_up

if TYPE_CHECKING:
    from feedsmith.studio.worker import figures, publishing

LOOK_EVERY = 1.0
"""Seconds between two looks."""
STUMBLED = 5.0
"""Seconds until the next look after one that failed: the database was locked, full, or is being started again."""

log = logging.getLogger("feedsmith.studio.publisher")


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    config, name = Config.from_environment(), sys.argv[1]
    threading.Thread(target=_listen, daemon=True).start()
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 2  # begun by a server that is older
    logs.set_up(config.log, events=events, problems=2)
    set_up(config)
    from django.utils import timezone

    from feedsmith.studio.models import Brand
    from feedsmith.studio.worker import figures, publishing

    crew = publishing.Crew(name)
    for chore in (publishing.refresh, publishing.sweep):  # no token waits for a slow bucket
        for brand in Brand.objects.all():
            crew.do(partial(chore, brand, timezone.now()))
    with figures.Reader(name) as reader:
        work(crew, reader, config.idle_seconds)


def work(crew: "publishing.Crew", reader: "figures.Reader", idle_seconds: float) -> None:
    """Look again and again, until there was nothing to do for so long. A look that fails is no end: what the
    hands are at goes on meanwhile."""
    from django.db import connections

    last = time.monotonic()
    while crew.busy or time.monotonic() - last < idle_seconds:
        try:
            busy = crew.look() + reader.turn()
        except Exception:
            log.exception("the publisher stumbled")
            connections.close_all()  # one that broke is not opened again by itself
            time.sleep(STUMBLED)
            continue
        if busy:
            last = time.monotonic()
        time.sleep(LOOK_EVERY)


def _listen() -> None:
    """The end means that the server is gone, and nobody restarts us."""
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
