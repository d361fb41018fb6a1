"""Webhooks of a brand: which addresses are told of a post's state, and what became of each message."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked
from feedsmith.studio.delivery import check_address
from feedsmith.studio.models import Brand, Delivery, Hook
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.notices import say

SHOWN = 50
"""Messages on the page, the newest."""


@for_members("owner")
@sensitive_variables("said")
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest, brand: Brand) -> HttpResponse:
    """The list, the log, and the form for a new one, whose secret is in this one answer only."""
    said: dict[str, object] = {"url": request.POST.get("url", "")}
    status = 200
    if request.method == "POST":
        try:
            check_address(str(said["url"]))
            made = Hook.make(brand, str(said["url"]), request.user)
            said = {"made": made, "secret": made.secret, "url": ""}
        except FeedsmithError as error:
            said["problem"], status = error, 422
    said |= {
        "hooks": Hook.objects.filter(brand=brand),
        "log": Delivery.objects.filter(hook__brand=brand).select_related("hook")[:SHOWN],
    }
    return render(request, "studio/webhooks.html", said, status=status)


@for_members("owner")
@require_POST
def change(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """`do`: remove, resume, test; or again, with the number of a `delivery`."""
    hook = get_object_or_404(Hook, brand=brand, pk=number)
    wanted = request.POST.get("do", "")
    if wanted == "remove":
        hook.delete()
        say(request, f"{hook.url} is told nothing more.")
    elif wanted == "resume":
        hook.go_on()
        say(request, f"{hook.url} is told again.")
    elif wanted == "test":
        hook.test()
        say(request, "A message is on its way; the log tells what became of it.")
    elif wanted == "again":
        sent = asked.number(request.POST.get("delivery", ""))
        get_object_or_404(Delivery, hook=hook, pk=sent or 0).again()
        say(request, "The message is on its way once more.")
    else:
        return errors.page(request, 400)
    return HttpResponseRedirect(f"/b/{brand.slug}/webhooks")
