"""Health, for whoever keeps the studio running: a container's engine, a load balancer, a monitor.

Says no more than it must: everybody may ask.
"""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from feedsmith.studio.pages.access import for_all

PLAIN = "text/plain; charset=utf-8"


@for_all
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """It answers. Asks no database: starting anew mends none."""
    return HttpResponse("ok\n", content_type=PLAIN)


@for_all
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """It can work: the database answers. 503 while it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("the database does not answer\n", status=503, content_type=PLAIN)
    return HttpResponse("ok\n", content_type=PLAIN)
