"""Create: what to make; and the jobs that make it."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from feedsmith.errors import FeedsmithError
from feedsmith.post import KINDS
from feedsmith.studio.models import Brand, Job
from feedsmith.studio.models.jobs import WAITING_MAX
from feedsmith.studio.pages.access import for_members

COUNT_MAX = 50
"""Posts of one job."""
WORDS_MAX = 300
"""Characters of one field."""
OFFER = ("text", "name", "price", "was", "dates", "call", "link")
FORMATS = ("portrait", "square")


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, brand: Brand) -> HttpResponse:
    if request.method == "POST":
        args, problems = asked(request)
        if not problems:
            enqueue(brand, request.user, args)
            return HttpResponseRedirect(f"/b/{brand.slug}/create")
        return render(request, "studio/create.html", _said(brand, args, problems), status=422)
    return render(request, "studio/create.html", _said(brand, {"count": 3, "offer": {}}, []))


def enqueue(brand: Brand, person: object, args: dict[str, object]) -> Job:
    """A job at the end of the queue. Raises FeedsmithError where it is full."""
    if Job.objects.filter(brand=brand, state="queued").count() >= WAITING_MAX:
        raise FeedsmithError(
            f"{WAITING_MAX} jobs are waiting already", mend="let some finish, or stop some"
        )
    return Job.objects.create(
        brand=brand, person=person, kind="generate", args=args, total=args["count"]
    )


def asked(request: HttpRequest) -> tuple[dict[str, object], list[str]]:
    """The form as a job's arguments, and what is wrong with it in plain words."""
    form = request.POST
    text = {name: form.get(name, "").strip() for name in ("kind", "theme", "headline", "format")}
    offer = {name: words for name in OFFER if (words := form.get(f"offer_{name}", "").strip())}
    problems = []
    count = form.get("count", "")
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:6]) <= COUNT_MAX):
        problems.append(f"Choose how many posts: 1 to {COUNT_MAX}.")
        count = "3"
    if text["kind"] and text["kind"] not in KINDS:
        problems.append("Choose one of the kinds of post.")
    if text["kind"] in ("promo", "product") and not offer:
        problems.append("Say what the post offers: it is set word for word.")
    if text["format"] and text["format"] not in FORMATS:
        problems.append("Choose portrait or square.")
    if any(len(words) > WORDS_MAX for words in (*text.values(), *offer.values())):
        problems.append(f"Use at most {WORDS_MAX} characters in a field.")
    link = offer.get("link", "")
    if link and not link.startswith(("http://", "https://")):
        problems.append("A link begins with https://.")
    return {**text, "offer": offer, "count": int(count)}, problems


def _said(brand: Brand, args: dict[str, object], problems: list[str]) -> dict[str, object]:
    return {
        "kinds": KINDS, "args": args, "problems": problems, "count_max": COUNT_MAX,
        "jobs": list(Job.objects.filter(brand=brand).order_by("-pk")[:10]),
    }  # fmt: skip
