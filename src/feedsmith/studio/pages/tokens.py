"""The person's tokens: which programs act as them, and within which scopes."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked
from feedsmith.studio.models import Token
from feedsmith.studio.models.tokens import DAYS, DAYS_MAX, IN_WORDS
from feedsmith.studio.pages.access import for_people
from feedsmith.studio.pages.notices import say


@for_people
@sensitive_variables("words", "said")
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The list, and the form for a new one. What a new one says is in this one answer only."""
    form = request.POST
    said = {
        "name": form.get("name", ""),
        "chosen": form.getlist("scope"),
        "days": form.get("days", DAYS),
    }
    status = 200
    if request.method == "POST":
        days = str(said["days"])
        number = asked.number(days) or 0
        try:
            made, words = Token.make(request.user, str(said["name"]), form.getlist("scope"), number)
            said = {"made": made, "words": words, "days": DAYS, "chosen": []}
        except FeedsmithError as error:
            said["problem"], status = error, 422
    rows = Token.objects.filter(person=request.user, revoked_at=None)
    said |= {"tokens": rows, "scopes": IN_WORDS.items(), "days_max": DAYS_MAX}
    return render(request, "studio/tokens.html", said, status=status)


@for_people
@require_POST
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """It opens nothing from now on."""
    token = get_object_or_404(Token, person=request.user, pk=number)
    token.revoke()
    say(request, f"{token.name} is revoked.")
    return HttpResponseRedirect("/account/tokens")
