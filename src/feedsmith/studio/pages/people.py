"""People of a brand: who is in it, in which role; letting somebody in, and taking them out again.

A link signs in as its person, in every brand of theirs. So an owner makes one only for whom nobody else
has let in anywhere: else owning one brand would open all the others.
"""

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedsmith.studio import states
from feedsmith.studio.models import Brand, Event, LoginLink, Membership, Person
from feedsmith.studio.models.people import INVITE_HOURS, add
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import an, for_members, for_people
from feedsmith.studio.pages.notices import say

NAME_MAX = 60
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
    said = {"name": name[:NAME_MAX], "chosen": role}
    if not name or len(name) > NAME_MAX or not name.isprintable():
        return _page(request, brand, 422, problem="A name has 1 to 60 letters.", **said)
    if role not in states.ROLES:
        return _page(request, brand, 422, problem="Choose what they may do.", **said)
    with transaction.atomic():
        known = Person.objects.filter(name=name).first()
        if known is not None and Membership.objects.filter(person=known, brand=brand).exists():
            problem = f"{name} is in already. What they may do is changed in the list."
            return _page(request, brand, 422, problem=problem, **said)
        if known is not None and not _may_link(request, known):
            problem = f"{name} is somebody in this studio already, in brands that are not yours. Choose another name."
            return _page(request, brand, 422, problem=problem, **said)
        if known is not None:  # links made for less must not open more
            LoginLink.objects.filter(person=known, used=None).delete()
        person = add(name, brand, role)
        _note(request, brand, "let in", person, role)
        link = "" if known is not None else _link(person)
    return _page(request, brand, 200, added=person, link=link, hours=INVITE_HOURS)


@for_members("owner")
@sensitive_variables("link")
@require_POST
def change(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """`do`: role (with `role`), out, or link. A brand keeps an owner, whatever happens at once."""
    wanted, role = request.POST.get("do", ""), request.POST.get("role", "")
    with transaction.atomic():
        # All owners are held, so that two who take each other out leave one.
        owners = list(
            Membership.objects.select_for_update().filter(brand=brand, role="owner").order_by("pk")
        )
        member = get_object_or_404(
            Membership.objects.select_related("person"), brand=brand, pk=number
        )
        person, last = member.person, [owner.pk for owner in owners] == [member.pk]
        if not any(owner.person_id == request.user.pk for owner in owners):
            return errors.page(request, 403)
        if wanted == "link":
            if not _may_link(request, person):
                problem = f"{person.name} is in brands that are not yours; they sign in there, or with their password."
                return _page(request, brand, 422, problem=problem)
            _note(request, brand, "made a sign-in link", person)
            return _page(
                request,
                brand,
                200,
                added=person,
                link=_link(person),
                hours=INVITE_HOURS,
                again=True,
            )
        if wanted not in ("role", "out") or (wanted == "role" and role not in states.ROLES):
            return errors.page(request, 400)
        if last and (wanted == "out" or role != "owner"):
            problem = f"{person.name} is the only owner. Make somebody else an owner first."
            return _page(request, brand, 422, problem=problem)
        if wanted == "out":
            member.delete()
            _note(request, brand, "took out", person)
            say(request, f"{person.name} is out of this brand.")
        elif role != member.role:
            member.role = role
            member.save(update_fields=["role"])
            _note(request, brand, "changed the role", person, role)
            say(request, f"{person.name} is {an(role)} now.")
    mine = person.pk == request.user.pk and (wanted == "out" or role != "owner")
    return _to("/" if mine else f"/b/{brand.slug}/people")


def _may_link(request: HttpRequest, person: Person) -> bool:
    """Whether every brand that the link would open is this owner's own already."""
    opened = set(Membership.objects.filter(person=person).values_list("brand", flat=True))
    own = Membership.objects.filter(person=request.user.pk, role="owner")
    return opened <= set(own.values_list("brand", flat=True)) and person.is_active


def _link(person: Person) -> str:
    return f"{settings.STUDIO.url}/sign-in/link/{LoginLink.make(person, INVITE_HOURS)}"


def _note(request: HttpRequest, brand: Brand, verb: str, person: Person, role: str = "") -> None:
    words = f"{person.name}" + (f", {role}" if role else "")
    Event.objects.create(brand=brand, person=request.user, verb=verb, words=words)


def _page(request: HttpRequest, brand: Brand, status: int = 200, **more: object) -> HttpResponse:
    members = Membership.objects.filter(brand=brand).select_related("person")
    rows = [
        {"member": member, "linkable": _may_link(request, member.person)}
        for member in members.order_by("person__name")
    ]
    own = Membership.objects.filter(person=request.user.pk, role="owner").exclude(brand=brand)
    others = [m.brand for m in own.select_related("brand").order_by("brand")]
    said = {"rows": rows, "roles": ROLES, "others": others, **more}
    return render(request, "studio/people.html", said, status=status)


def _to(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
