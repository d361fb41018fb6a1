"""The person's own page: their brands, and a password if they want one."""

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from feedsmith.studio.models import FailedSignIn
from feedsmith.studio.pages.access import for_people
from feedsmith.studio.pages.sign_in import _address, _too_many


@for_people
@sensitive_post_parameters("old", "new")
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    person = request.user
    memberships = list(person.memberships.select_related("brand"))
    said = {"memberships": memberships, "has_password": person.has_usable_password()}
    if request.method != "POST":
        return render(request, "studio/account.html", said)
    refused = _too_many(request, person.name)
    if refused is not None:
        return refused
    problems: list[str] = []
    if person.has_usable_password() and not person.check_password(request.POST.get("old", "")):
        FailedSignIn.note(person.name, _address(request))
        problems.append("The old password is not right.")
    try:
        validate_password(request.POST.get("new", ""), person)
    except ValidationError as error:
        problems += error.messages
    if problems:
        return render(request, "studio/account.html", {**said, "problems": problems}, status=422)
    person.set_password(request.POST["new"])
    person.save()
    update_session_auth_hash(request, person)
    return render(request, "studio/account.html", {**said, "has_password": True, "saved": True})
