"""People of a brand: who is in it, in which role; letting somebody in, and taking them out again."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedsmith.errors import FeedsmithError
from feedsmith.studio import members, states
from feedsmith.studio.models import Brand, Membership
from feedsmith.studio.models.people import INVITE_HOURS
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import an, for_members, for_people
from feedsmith.studio.pages.notices import say

ROLES = (
    ("editor", "Editor", "makes and changes posts"),
    ("reviewer", "Reviewer", "comments and approves"),
    ("owner", "Owner", "may do everything"),
)


@for_people
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """To the people of the first brand that this person owns."""
    own = Membership.objects.filter(person=request.user.pk, role="owner").select_related("brand")
    first = own.order_by("brand").first()
    return HttpResponseRedirect(f"/b/{first.brand.slug}/people" if first else "/account")


@for_members("owner")
@sensitive_variables("link", "said")
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, brand: Brand) -> HttpResponse:
    """The list, and the form that lets somebody in; their link is in that one answer only."""
    if request.method != "POST":
        return _page(request, brand)
    name, role = request.POST.get("name", "").strip(), request.POST.get("role", "")
    try:
        member, link = members.let_in(brand, name, role, by=request.user)
    except FeedsmithError as error:
        said = {"name": name[: members.NAME_MAX], "chosen": role}
        return _page(request, brand, 422, problem=_sentences(error), **said)
    return _page(request, brand, 200, added=member.person, link=link, hours=INVITE_HOURS)


@for_members("owner")
@sensitive_variables("link")
@require_POST
def change(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """`do`: role (with `role`), out, or link. A brand keeps an owner, whatever happens at once."""
    wanted, role = request.POST.get("do", ""), request.POST.get("role", "")
    rows = Membership.objects.select_related("person")
    member = get_object_or_404(rows, brand=brand, pk=number)
    person, before = member.person, member.role
    try:
        if wanted == "link":
            link = members.new_link(brand, member, by=request.user)
            said = {"added": person, "link": link, "hours": INVITE_HOURS, "again": True}
            return _page(request, brand, 200, **said)
        if wanted == "out":
            members.take_out(brand, member, by=request.user)
            say(request, f"{person.name} is out of this brand.")
        elif wanted == "role" and role in states.ROLES:
            members.set_role(brand, member, role, by=request.user)
            if role != before:
                say(request, f"{person.name} is {an(role)} now.")
        else:
            return errors.page(request, 400)
    except members.NotAnOwner:
        return errors.page(request, 403)
    except FeedsmithError as error:
        return _page(request, brand, 422, problem=_sentences(error))
    mine = person.pk == request.user.pk and (wanted == "out" or role != "owner")
    return _to("/" if mine else f"/b/{brand.slug}/people")


def _sentences(error: FeedsmithError) -> str:
    """What went wrong, and what to do."""
    said = (error.message, error.mend or "")
    return " ".join(f"{words[:1].upper()}{words[1:]}." for words in said if words)


def _page(request: HttpRequest, brand: Brand, status: int = 200, **more: object) -> HttpResponse:
    found = Membership.objects.filter(brand=brand).select_related("person")
    rows = [
        {"member": member, "linkable": members.may_link(request.user, member.person)}
        for member in found.order_by("person__name")
    ]
    own = Membership.objects.filter(person=request.user.pk, role="owner").exclude(brand=brand)
    others = [m.brand for m in own.select_related("brand").order_by("brand")]
    said = {"rows": rows, "roles": ROLES, "others": others, **more}
    return render(request, "studio/people.html", said, status=status)


def _to(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
