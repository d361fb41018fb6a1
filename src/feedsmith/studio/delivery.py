"""Delivery: what the outbox holds is sent to its webhooks, signed, again until it arrives or is given up.

A thread of the server. Calls what feedsmith.outside lets be called: nothing on a private network is reached by
a name that leads there, by a redirect or by a proxy. Signatures, headers and the rhythm of tries are those
of Standard Webhooks (https://www.standardwebhooks.com).
"""

import base64
import hashlib
import hmac
import http.client
import logging
import ssl
import threading
import time
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

import feedsmith
from feedsmith import outside
from feedsmith.outside import Unreachable
from feedsmith.studio.models.hooks import KEPT, Delivery, address

TRIES = (5, 300, 1800, 7200, 18000, 36000, 36000)
"""Seconds before each try after the first; after the last, 28 hours on, a message is given up."""
LOOK_EVERY = 2.0
"""Seconds between two looks at the outbox."""
LEASE = timedelta(seconds=60)
"""How long a message belongs to who has taken it; after a kill it is sent again."""
TIMEOUT, ALL_OF_IT = 10.0, 20.0
"""Seconds for one step of a request, and for the whole."""
AT_A_TIME = 20
"""Messages between two looks."""
SILENT_AFTER = timedelta(days=5)
"""A hook that took nothing for so long is told nothing more."""
CLEAN_EVERY = 3600.0

ALLOW = "allow it where the studio is started: feedsmith studio ... --webhooks-to PLACE"
log = logging.getLogger("feedsmith.studio.delivery")


# ---- where to ------------------------------------------------------------------------------------


def check_address(url: str) -> None:
    """Raises FeedsmithError where this is no address, or, as far as can be told now, one that is
    never called. A name that does not resolve may tomorrow."""
    parts = address(url.strip())
    try:
        places(parts)
    except Unreachable:
        raise
    except (OSError, ValueError, UnicodeError):
        return


def places(parts: SplitResult) -> list[str]:
    """The addresses behind a URL's name, all of which may be called. Raises Unreachable where one
    may not, OSError where there is none."""
    return outside.places(parts, settings.STUDIO.webhooks_to, ALLOW)


def may_be_called(place: outside.Address) -> bool:
    """True for addresses of the public internet, and those that the studio's settings allow."""
    return outside.may_be_called(place, settings.STUDIO.webhooks_to)


# ---- one message ---------------------------------------------------------------------------------


def signature(key: bytes, message: str, at: int, body: str) -> str:
    """Of the message's id, its time in seconds and its body: "v1," and base64 of the HMAC-SHA256."""
    digest = hmac.new(key, f"{message}.{at}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def send(delivery: Delivery) -> int:
    """One try. Returns the HTTP status. Raises Unreachable, OSError or HTTPException."""
    parts = urlsplit(delivery.hook.url)
    at, data = int(time.time()), delivery.body.encode()
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(data)),
        "User-Agent": f"Feedsmith/{feedsmith.__version__}",
        "webhook-id": delivery.message,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(delivery.hook.key, delivery.message, at, delivery.body),
        "Connection": "close",
    }
    connection = outside.Checked(
        parts, allowed=settings.STUDIO.webhooks_to, mend=ALLOW, timeout=TIMEOUT
    )
    # A receiver that sends a byte now and then never times out: one thread tells all brands' webhooks.
    with connection.ended_after(ALL_OF_IT):
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, data, headers)
        answer = connection.getresponse()  # redirects are not followed: they could lead anywhere
        while answer.read(1 << 16):
            pass
        return answer.status


# ---- the outbox ----------------------------------------------------------------------------------


def due() -> list[Delivery]:
    """Messages to be tried now, the oldest first; taken, so that nobody else sends them as well."""
    now = timezone.now()
    rows = Delivery.objects.filter(state="waiting", due__lte=now, hook__stopped_at=None)
    taken = []
    for row in rows.select_related("hook").order_by("due", "pk")[:AT_A_TIME]:
        mine = Delivery.objects.filter(pk=row.pk, state="waiting", due=row.due)
        if mine.update(due=now + LEASE):
            taken.append(row)
    return taken


def attempt(delivery: Delivery) -> bool:
    """Try once, and write what became of it. False where nobody answered."""
    status, said = None, ""
    try:
        status = send(delivery)
        if not 200 <= status < 300:
            said = f"answered with {status}" + (
                ", which is not followed" if 300 <= status < 400 else ""
            )
    except Unreachable as error:
        said = error.message
    except ssl.SSLError as error:
        said = f"no safe connection ({error.reason or 'TLS'})"
    except TimeoutError:
        said = "did not answer in time"
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = str(getattr(error, "strerror", "") or error or type(error).__name__).lower()
    _write(delivery, status, said)
    return status is not None


def _write(delivery: Delivery, status: int | None, said: str) -> None:
    row, now = Delivery.objects.filter(pk=delivery.pk), timezone.now()
    tries = delivery.tries + 1
    if not said:
        row.update(state="delivered", tries=tries, answered=status, said="", ended_at=now)
        return
    if status == 410:  # Gone: the receiver wants no more
        delivery.hook.stop("it answered that it is gone (410)")
    over = tries > len(TRIES) or status == 410
    row.update(
        state="given up" if over else "waiting", tries=tries, answered=status, said=said[:200],
        due=now + timedelta(seconds=TRIES[min(tries, len(TRIES)) - 1]),
        ended_at=now if over else None,
    )  # fmt: skip
    if over and status != 410 and _silent(delivery):
        days = SILENT_AFTER.days
        delivery.hook.stop(f"nothing arrived there for {days} days")


def _silent(delivery: Delivery) -> bool:
    since = timezone.now() - SILENT_AFTER
    told = delivery.hook.deliveries
    return (
        delivery.hook.created_at < since
        and told.filter(state="given up", ended_at__lt=since).exists()
        and not told.filter(state="delivered", ended_at__gte=since).exists()
    )


def deliver() -> int:
    """Try all that is due now. Returns how many there were. Of a hook that does not answer one message
    is tried: the others wait a little, so that nobody else's wait for its silence."""
    count = 0
    while taken := due():
        silent: set[int] = set()
        for delivery in taken:
            if delivery.hook_id in silent:
                later = timezone.now() + timedelta(seconds=TRIES[0])
                Delivery.objects.filter(pk=delivery.pk).update(due=later)
            elif not attempt(delivery):
                silent.add(delivery.hook_id)
            count += 1
    return count


class Deliverer(threading.Thread):
    """Looks at the outbox for as long as the server runs. What is under way at its end is tried again
    at the next start."""

    def __init__(self) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._closing = threading.Event()

    def run(self) -> None:
        cleaned = -CLEAN_EVERY
        while not self._closing.is_set():
            try:
                deliver()
                if time.monotonic() - cleaned > CLEAN_EVERY:
                    cleaned = time.monotonic()
                    Delivery.objects.filter(ended_at__lt=timezone.now() - KEPT).delete()
            except Exception:  # the database may be full or locked now, and not in a moment
                log.exception("webhooks stumbled")
                close_old_connections()
            self._closing.wait(LOOK_EVERY)
        connections.close_all()

    def close(self) -> None:
        self._closing.set()
        self.join(1)
