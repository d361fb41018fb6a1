"""Access: the one place where a request gets its brand, and where it is decided whether it may.

Every view wears one of the marks below; the table test walks all addresses and checks them.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from feedsmith.studio import states
from feedsmith.studio.models import Brand, Membership
from feedsmith.studio.models.people import memberships

View = Callable[..., HttpResponseBase]


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Where somebody without a session is sent; afterwards they come back to this page."""
    back = request.get_full_path() if request.method == "GET" else "/"
    return HttpResponseRedirect("/sign-in?" + urlencode({"next": back}))


def for_all(view: View) -> View:
    """A page for everybody, signed in or not."""
    view.needs = "nobody"  # type: ignore[attr-defined]
    return login_not_required(view)


def for_programs(view: View) -> View:
    """For whoever holds a token, which opens it and no session does: no form of a page leads here."""
    view.needs = "token"  # type: ignore[attr-defined]
    return login_not_required(csrf_exempt(view))


def for_people(view: View) -> View:
    """A page for whoever is signed in, about nothing but themselves and their own brands."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        return view(request, *args, **kwargs)

    checked.needs = "person"  # type: ignore[attr-defined]
    return checked


def for_share_sheets(view: View) -> View:
    """As for_people, for what a phone's share sheet posts: no page made that request, and browsers say
    so (Sec-Fetch-Site: none), which no page can. Whatever else is posted here needs its form's token."""
    guarded = for_people(csrf_protect(view))

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        from_device = request.headers.get("Sec-Fetch-Site") == "none"
        if from_device and not request.user.is_authenticated:
            return HttpResponseRedirect("/sign-in?" + urlencode({"next": request.path}))
        return (for_people(view) if from_device else guarded)(request, *args, **kwargs)

    checked.needs = "person"  # type: ignore[attr-defined]
    return csrf_exempt(checked)


def for_members(role: states.Role) -> Callable[[View], View]:
    """A page of a brand, for its members from `role` on. The view gets the Brand instead of its
    slug, and finds the person's role in request.role; strangers are told 404, as for a brand that is
    not there."""

    def mark(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            brand, own = membership(request, slug)
            if not states.at_least(own, role):
                raise PermissionDenied(f"for this you need to be {an(role)} of this brand")
            request.brand, request.role = brand, own
            return view(request, brand, *args, **kwargs)

        checked.needs = role  # type: ignore[attr-defined]
        return checked

    return mark


def membership(request: HttpRequest, slug: str) -> tuple[Brand, str]:
    """The brand, and the person's role in it. Raises Http404 for strangers."""
    for own in _memberships(request):
        if own.brand.slug == slug:
            return own.brand, str(own.role)
    raise Http404


def brands_of(request: HttpRequest) -> list[Brand]:
    """The brands that the person may see."""
    return [own.brand for own in _memberships(request)]


def _memberships(request: HttpRequest) -> list[Membership]:
    """Of this request's person, asked once: a page needs its brand, and the menu names the others."""
    person = request.user.pk
    known: tuple[Any, list[Membership]] | None = getattr(request, "_memberships", None)
    if known is None or known[0] != person:
        read = request.user.belongs
        known = person, list(memberships(person)) if read is None else read
        request._memberships = known
    return known[1]


def an(role: str) -> str:
    """A role with its article."""
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
