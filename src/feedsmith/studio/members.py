"""Members: letting people into a brand, what they may do there, taking them out again.

A link signs in as its person, in every brand of theirs. So an owner makes one only for whom nobody else
has let in anywhere: else owning one brand would open all the others.
"""

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from feedsmith.errors import FeedsmithError
from feedsmith.studio import states
from feedsmith.studio.models import Brand, Event, LoginLink, Membership, Person
from feedsmith.studio.models.people import INVITE_HOURS, add

NAME_MAX = 60


class NotAnOwner(FeedsmithError):
    """Somebody who does not own the brand, or not any more."""

    def __init__(self) -> None:
        super().__init__("only an owner of the brand may do this", mend="ask an owner")


@sensitive_variables("link")
def let_in(brand: Brand, name: str, role: str, *, by: Person) -> tuple[Membership, str]:
    """The new member, and a link that signs them in once; '' for whom `by` has let in elsewhere and who
    signs in as before. Raises FeedsmithError for names and roles that cannot be, for whom is in
    already, and for names that somebody has in brands of others."""
    name = name.strip()
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise FeedsmithError("a name has 1 to 60 letters", mend="choose another name")
    if role not in states.ROLES:
        raise FeedsmithError("choose what they may do", mend=f"one of {', '.join(states.ROLES)}")
    with transaction.atomic():
        known = Person.objects.filter(name=name).first()
        if known is not None and Membership.objects.filter(person=known, brand=brand).exists():
            raise FeedsmithError(
                f"{name} is in already", mend="what they may do is changed in the list"
            )
        if known is not None and not may_link(by, known):
            raise FeedsmithError(
                f"{name} is somebody in this studio already, in brands that are not yours",
                mend="choose another name",
            )
        if known is not None:  # links made for less must not open more
            LoginLink.objects.filter(person=known, used=None).delete()
        person = add(name, brand, role)
        _note(brand, by, "let in", person, role)
        link = "" if known is not None else _link(person)
        return Membership.objects.select_related("person").get(brand=brand, person=person), link


def set_role(brand: Brand, member: Membership, role: str, *, by: Person) -> Membership:
    """Another role. Raises FeedsmithError where it would leave the brand without an owner."""
    with transaction.atomic():
        member, last = _held(brand, member, by)
        if role not in states.ROLES:
            raise FeedsmithError(
                "choose what they may do", mend=f"one of {', '.join(states.ROLES)}"
            )
        if last and role != "owner":
            raise _only_owner(member)
        if role != member.role:
            member.role = role
            member.save(update_fields=["role"])
            _note(brand, by, "changed the role", member.person, role)
        return member


def take_out(brand: Brand, member: Membership, *, by: Person) -> None:
    """Out of the brand. Raises FeedsmithError for its only owner."""
    with transaction.atomic():
        member, last = _held(brand, member, by)
        if last:
            raise _only_owner(member)
        member.delete()
        _note(brand, by, "took out", member.person)


@sensitive_variables()
def new_link(brand: Brand, member: Membership, *, by: Person) -> str:
    """A link that signs them in once. Raises FeedsmithError for who is in brands of others."""
    with transaction.atomic():
        member, _ = _held(brand, member, by)
        if not may_link(by, member.person):
            raise FeedsmithError(
                f"{member.person.name} is in brands that are not yours",
                mend="they sign in there, or with their password",
            )
        _note(brand, by, "made a sign-in link", member.person)
        return _link(member.person)


def may_link(owner: Person, person: Person) -> bool:
    """Whether every brand that the link would open is this owner's own already."""
    opened = set(Membership.objects.filter(person=person).values_list("brand", flat=True))
    own = Membership.objects.filter(person=owner.pk, role="owner")
    return opened <= set(own.values_list("brand", flat=True)) and person.is_active


def _held(brand: Brand, member: Membership, by: Person) -> tuple[Membership, bool]:
    """The member as they are now, and whether they are the only owner. All owners are held, so that two
    who take each other out leave one."""
    owners = list(
        Membership.objects.select_for_update().filter(brand=brand, role="owner").order_by("pk")
    )
    if not any(owner.person_id == by.pk for owner in owners):
        raise NotAnOwner
    found = Membership.objects.select_related("person").filter(brand=brand, pk=member.pk).first()
    if found is None:
        raise FeedsmithError(f"{member.person.name} is out of this brand already")
    return found, [owner.pk for owner in owners] == [found.pk]


def _only_owner(member: Membership) -> FeedsmithError:
    return FeedsmithError(
        f"{member.person.name} is the only owner", mend="make somebody else an owner first"
    )


@sensitive_variables()
def _link(person: Person) -> str:
    return f"{settings.STUDIO.url}/sign-in/link/{LoginLink.make(person, INVITE_HOURS)}"


def _note(brand: Brand, by: Person, verb: str, person: Person, role: str = "") -> None:
    words = f"{person.name}" + (f", {role}" if role else "")
    Event.objects.create(brand=brand, person=by, verb=verb, words=words)
