"""The kinds of work there are: each a function of a job and a report, which returns what the job's
result keeps. It must survive being killed at any point and started again.
"""

import time
from collections.abc import Callable
from typing import Any

from feedsmith import generate as stage
from feedsmith.post import Offer, Post
from feedsmith.progress import Report
from feedsmith.runs import Folder
from feedsmith.studio.models import Draft, Event, Job
from feedsmith.studio.models.drafts import adopt

Work = Callable[[Job, Report], dict[str, Any]]


def generate(job: Job, report: Report) -> dict[str, Any]:
    """Make the posts asked for; each becomes a draft as soon as its folder is whole.

    The seed is kept in the job before anything is made, so that a second attempt is the same run and
    goes on with it.
    """
    args, home = dict(job.args), job.brand.home
    adopt(job.brand)  # what was made on the command line meanwhile
    if "seed" not in args:
        args["seed"] = Folder(home.posts).unused_seed()
        job.args = args
        job.save(update_fields=["args"])
    began = time.monotonic()

    def finished(post: Post) -> None:
        if Draft.of(job.brand, post, job)[1]:
            # This start was not in vain: only starts in a row without a post are counted.
            Job.objects.filter(pk=job.pk).update(attempts=1)

    settings = stage.Settings(
        count=args["count"], kind=args.get("kind", ""), theme=args.get("theme", ""),
        headline=args.get("headline", ""), offer=Offer(**args.get("offer", {})),
        format=args.get("format") or "portrait", images=args.get("images", ""), seed=args["seed"],
        apart=True, photo=args.get("photo", ""),
    )  # fmt: skip
    told = stage.generate(home, settings, report=report, finished=finished, page=False)
    Event.objects.create(
        brand=job.brand, person=job.person, verb="generated",
        words=f"{len(told.posts)} post{'s' * (len(told.posts) != 1)}",
    )  # fmt: skip
    return {
        "posts": len(told.posts), "notes": list(told.notes), "failed": list(told.failed),
        "seconds_each": round((time.monotonic() - began) / max(1, told.made), 1),
    }  # fmt: skip


WORK: dict[str, Work] = {"generate": generate}
"""Kind of job -> what does it."""
