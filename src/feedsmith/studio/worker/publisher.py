"""`python -m feedsmith.studio.worker.publisher NAME LOG`: publish what is due and read the figures of what is
out, until there is nothing to do for a while.

Ends at once when the server does: it holds the other end of standard input. LOG: number of the open
descriptor that events are written to.
"""

import os
import signal
import sys
import threading
import time
from functools import partial

from feedsmith.studio import logs
from feedsmith.studio.settings import Config, set_up

LOOK_EVERY = 1.0
"""Seconds between two looks."""


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
    for brand in Brand.objects.all():
        crew.do(partial(publishing.refresh, brand, timezone.now()))
        crew.do(partial(publishing.sweep, brand, timezone.now()))
    last = time.monotonic()
    with figures.Reader(name) as reader:
        while crew.busy or time.monotonic() - last < config.idle_seconds:
            if crew.look() + reader.turn():
                last = time.monotonic()
            time.sleep(LOOK_EVERY)


def _listen() -> None:
    """The end means that the server is gone, and nobody restarts us."""
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
