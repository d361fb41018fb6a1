"""Queue: what people and programs ask the worker for."""

from typing import Any

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models import Brand, Draft, Job
from feedsmith.studio.models.jobs import ACTIVE, WAITING_MAX
from feedsmith.studio.worker import supervisor


def enqueue(brand: Brand, person: Any, args: dict[str, Any], kind: str = "generate") -> Job:
    """A job at the end of the queue. Raises FeedsmithError where that is full."""
    if Job.objects.filter(brand=brand, state="queued").count() >= WAITING_MAX:
        raise FeedsmithError(
            f"{WAITING_MAX} jobs are waiting already", mend="let some finish, or stop some"
        )
    job = Job.objects.create(
        brand=brand, person=person, kind=kind, args=args, total=args.get("count", 1)
    )
    supervisor.wake()
    return job


def another(draft: Draft, person: Any) -> Job:
    """Another post of this one's kind, theme and offer. Raises FeedsmithError where its files are gone."""
    made = draft.post
    if made is None:
        raise FeedsmithError("the files of this post are not in its folder any more")
    offer = {
        name: words for name, words in made.offer.model_dump().items() if words and name != "about"
    }
    return enqueue(
        draft.brand, person,
        {
            "kind": draft.kind, "theme": draft.theme or " ".join(made.shows[:2]), "headline": "",
            "format": "square" if made.format == "square" else "portrait", "offer": offer, "count": 1,
        },
    )  # fmt: skip


def study(brand: Brand, person: Any) -> Job:
    """The report on what works, anew; the job that does so already, where there is one."""
    known = Job.objects.filter(brand=brand, kind="study", state__in=ACTIVE).first()
    return known or enqueue(brand, person, {}, "study")
