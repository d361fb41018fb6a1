"""`python -m feedsmith.studio.worker NAME LOG`: take jobs until there are none for a while.

Ends at once when the server does: it holds the other end of standard input. LOG: number of the open
descriptor that events are written to.
"""

import os
import signal
import sys
import threading
import time

from feedsmith import memory
from feedsmith.studio import logs
from feedsmith.studio.settings import Config, set_up

LOOK_EVERY = 2.0
"""Seconds between two looks for a job; the server pokes when there is one."""


SCARCE = 768 * 2**20
"""Bytes of a container below which a worker ends after a job that left much behind..."""
LEFT = 100 * 2**20
"""...that is, more than so many bytes: caches of typesetting and of networks, 40 to 70 MB that the next film
needs more (docs/deploy/memory.md). Starting anew costs 2 s of processor time."""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    config, name = Config.from_environment(), sys.argv[1]
    poked = threading.Event()
    threading.Thread(target=_listen, args=(poked,), daemon=True).start()
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 2  # begun by a server that is older
    logs.set_up(config.log, events=events, problems=2)
    set_up(config)
    from feedsmith.studio.models import Job
    from feedsmith.studio.models.nodes import HANDED_ON
    from feedsmith.studio.worker import running

    node = os.environ.get(HANDED_ON, "")
    scarce = (memory.limit() or SCARCE) < SCARCE
    last = time.monotonic()
    while time.monotonic() - last < config.idle_seconds:
        job = Job.claim(name, config.jobs_at_once, node)
        if job is not None:
            running.run(job, name)
            if scarce and memory.own() > LEFT:
                return
            last = time.monotonic()
        else:
            poked.wait(min(LOOK_EVERY, config.idle_seconds))
            poked.clear()


def _listen(poked: threading.Event) -> None:
    """Each byte is a poke; the end means that the server is gone, and nobody waits for us."""
    while os.read(0, 1):
        poked.set()
    os._exit(0)


main()
