"""Jobs: ask for new posts, see the queue, stop."""

from types import SimpleNamespace
from typing import Annotated, Literal

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from feedsmith.studio.api import cursor as cursors
from feedsmith.studio.api import shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.api.refusals import Unfit
from feedsmith.studio.models import Draft, Job
from feedsmith.studio.pages import create
from feedsmith.studio.queue import enqueue

router = Router(tags=["jobs"])
JOBS = "/brands/{slug:brand}/jobs"
ONE = JOBS + "/{int:number}"


def _rows(request: HttpRequest) -> "QuerySet[Job]":
    posts = Prefetch("drafts", Draft.objects.only("id", "job_id"))
    return (
        Job.objects.filter(brand=request.brand)
        .select_related("person", "brand")
        .prefetch_related(posts)
    )


@router.post(JOBS, **needs("generate", "editor", shapes.Job, status=201))
def generate(request: HttpRequest, brand: str, wanted: shapes.Generate) -> Status:
    """Ask for new posts. They are made one after the other by the studio's worker; ask for the job,
    or for ?job= of the posts, to see them come."""
    form = wanted.model_dump(exclude={"offer", "count"}) | {"count": str(wanted.count)}
    form |= {f"offer_{name}": words for name, words in wanted.offer.model_dump().items()}
    args, problems = create.asked(
        SimpleNamespace(POST=form), request.brand
    )  # as the form of the page
    if problems:
        raise Unfit(" ".join(problems), mend="change that, and ask again")
    job = enqueue(request.brand, request.user, args)
    return made(shown.job(_rows(request).get(pk=job.pk)))


@router.get(JOBS, **needs("read", "editor", shapes.Jobs))
def list_jobs(
    request: HttpRequest, brand: str,
    state: Annotated[list[shapes.JobState], Query(description="Only these; more than one may be given.")] = [],  # noqa: B006
    kind: Annotated[
        Literal["generate", "import", "plan", "cutout"] | None, Query(description="Only this kind.")
    ] = None,
    cursor: cursors.Cursor = "", limit: shapes.Limit = shapes.PAGE,
) -> shapes.Jobs:  # fmt: skip
    """What is being made, what waits, what is over; the newest first."""
    rows = _rows(request)
    if state:
        rows = rows.filter(state__in=state)
    if kind is not None:
        rows = rows.filter(kind=kind)
    found, follows = cursors.newest_first(rows, cursor, limit)
    return shapes.Jobs(jobs=[shown.job(row) for row in found], next=follows)


@router.get(ONE, **needs("read", "editor", shapes.Job))
def show_job(request: HttpRequest, brand: str, number: int) -> shapes.Job:
    """One job: how far it is, what it made, what went wrong."""
    return shown.job(get_object_or_404(_rows(request), pk=number))


@router.post(ONE + "/stop", **needs("generate", "editor", shapes.Job))
def stop(request: HttpRequest, brand: str, number: int) -> shapes.Job:
    """No more of it; what it made stays."""
    get_object_or_404(_rows(request), pk=number).stop()
    return shown.job(_rows(request).get(pk=number))
