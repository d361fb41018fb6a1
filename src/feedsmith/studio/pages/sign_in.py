"""Signing in and out: by a one-time link, or by name and password; failures are counted."""

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from feedsmith.studio.models import FailedSignIn, LoginLink
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import for_all, for_people


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _back(request: HttpRequest) -> str:
    """Where to go afterwards: a page of this studio, never another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if safe and wanted.startswith("/") else "/"


def _too_many(request: HttpRequest, name: str | None) -> HttpResponse | None:
    wait = FailedSignIn.wait(name, _address(request))
    if wait is None:
        return None
    minutes = max(1, round(wait.total_seconds() / 60))
    response = errors.page(
        request, 429, "there were too many failed tries to sign in",
        f"wait {minutes} minute{'s' * (minutes != 1)}, or ask for a link: feedsmith studio user link",
    )  # fmt: skip
    response.headers["Retry-After"] = str(round(wait.total_seconds()) + 1)
    return response


@for_all
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(_back(request))
        return render(request, "studio/sign_in.html", {"next": _back(request)})
    name, password = (
        request.POST.get("name", "").strip()[:60],
        request.POST.get("password", "")[:200],
    )
    refused = _too_many(request, name)
    if refused is not None:
        return refused
    person = authenticate(request, name=name, password=password)
    if person is None:
        FailedSignIn.note(name, _address(request))
        said = {"next": _back(request), "name": name, "wrong": True}
        return render(request, "studio/sign_in.html", said, status=422)
    FailedSignIn.forget(name)
    login(request, person)
    return HttpResponseRedirect(_back(request))


@for_all
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time link. Opening it only asks: mail programs open links by themselves."""
    refused = _too_many(request, None)
    if refused is not None:
        return refused
    person = LoginLink.take(token) if request.method == "POST" else LoginLink.owner(token)
    if person is None:
        FailedSignIn.note(f"link {token}", _address(request))
        return render(request, "studio/link.html", {"gone": True}, status=410)
    if request.method != "POST":
        return render(request, "studio/link.html", {"who": person, "token": token})
    login(request, person)
    return HttpResponseRedirect("/")


@for_people
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect("/sign-in")
