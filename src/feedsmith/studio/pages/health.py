"""Health, for whoever keeps the studio running: a container's engine, a load balancer, a monitor.

Says no more than it must: everybody may ask whether it lives and whether it can work. The numbers are for programs
on this machine, unless the studio was started to show them.
"""

import contextlib
import ipaddress
import tempfile
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from feedsmith.studio import line, metrics, schema
from feedsmith.studio.models import Job
from feedsmith.studio.pages.access import for_all

PLAIN = "text/plain; charset=utf-8"
BREATH = timedelta(minutes=5)
"""How long a job that could run may wait, or a running one be silent, until nobody seems to work."""
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


@for_all
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """It answers. Asks no database: starting anew mends none."""
    return HttpResponse("ok\n", content_type=PLAIN)


@for_all
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """It can work: the database answers and is of this version, the disk takes a file, somebody does the
    jobs, and the mirror has what it is to have. 503 and what is wrong, a line each, while it cannot."""
    wrong = [
        said for check in (_database, _disk, _workers, metrics.mirror_trouble) if (said := check())
    ]
    if wrong:
        return HttpResponse("\n".join([*wrong, ""]), status=503, content_type=PLAIN)
    return HttpResponse("ok\n", content_type=PLAIN)


def _database() -> str:
    try:
        behind, ahead = schema.compared(schema.applied())
    except DatabaseError:
        return "the database does not answer"
    if ahead:
        return "the database was written by a newer Feedsmith"
    return "the database is of an older Feedsmith, and not brought up to date" if behind else ""


def _disk() -> str:
    try:
        with tempfile.TemporaryFile(dir=settings.STUDIO.folder) as file:
            file.write(b"ready")
            file.flush()
    except OSError:
        return "the disk cannot be written"
    return ""


def _workers() -> str:
    """A worker that dies is started again; here is who waits in vain, or whose worker is mute."""
    alive = metrics.somebody_starts_workers()
    if alive is None:
        return "the process that keeps the servers does not answer"
    if not alive:
        return "nobody starts workers any more"
    if settings.STUDIO.workers_here == 0:
        return (
            ""  # they are elsewhere, or nowhere on purpose: no reason to send people away from here
        )
    with contextlib.suppress(DatabaseError):
        since = timezone.now() - BREATH
        mute = Job.objects.filter(state="running", heart_beat__lt=since).exists()
        # Where all that may run do run, the others wait rightly.
        waits = Job.objects.filter(state="queued", updated_at__lt=since).exists()
        if mute or (waits and not Job.objects.filter(state="running").exists()):
            return "jobs wait, and no worker breathes"
    return ""


@for_all
@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """Metrics, in Prometheus' text format."""
    if not _may_read(request):
        raise Http404
    if line.leads_somewhere():
        told = line.ask("metrics", patience=metrics.PATIENCE)
    else:
        told = metrics.scrape()
    if told is None:
        why = (
            "the process that keeps the servers is gone, and this one ends"
            if line.is_cut()
            else f"the numbers were not there within {metrics.PATIENCE:.0f} seconds"
        )
        return HttpResponse(f"{why}\n", status=503, content_type=PLAIN)
    return HttpResponse(told, content_type=metrics.CONTENT_TYPE)


def _may_read(request: HttpRequest) -> bool:
    config = settings.STUDIO
    if config.metrics_token:
        kind, _, words = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        known = constant_time_compare(words.strip(), config.metrics_token)
        return known and kind.lower() == "bearer"
    return config.metrics or _is_from_here(request)


def _is_from_here(request: HttpRequest) -> bool:
    """From this machine, and not by a proxy on it: behind one, everybody seems to come from here."""
    config = settings.STUDIO
    if config.public_url or config.proxies or any(name in request.META for name in FORWARDED):
        return False
    host = request.META.get("HTTP_HOST", "").rsplit(":", 1)[0].strip("[]")
    return _loopback(request.META.get("REMOTE_ADDR", "")) and (
        host == "localhost" or _loopback(host)
    )


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
