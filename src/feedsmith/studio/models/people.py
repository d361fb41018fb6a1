"""People: who may sign in, to which brands, in which role; sign-in links; failed tries.

A link is kept as a hash only: who reads the database cannot sign in with it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone

from feedsmith.studio.models.brands import Brand
from feedsmith.studio.once import Once

LINK_HOURS = 1
"""How long the link lives that a start prints."""
INVITE_HOURS = 72
"""How long the link lives that `feedsmith studio user add` prints."""
TRIES_PER_NAME, TRIES_PER_ADDRESS = 5, 20
"""Failed sign-ins within TRIES_WITHIN after which no more are looked at."""
TRIES_WITHIN = timedelta(minutes=15)


class People(BaseUserManager["Person"]):
    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(name=username)


class Person(AbstractBaseUser):
    """Somebody who can sign in; without a password by links only."""

    name = models.CharField(max_length=60, unique=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)
    brands: Any = models.ManyToManyField(Brand, through="Membership", related_name="people")

    objects = People()
    belongs: "list[Membership] | None" = None
    """Their memberships, where they were read with them."""

    USERNAME_FIELD = "name"
    EMAIL_FIELD = "email"

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return str(self.name)


class Membership(models.Model):
    """A person's role in a brand (states.ROLES)."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("person", "brand"), name="one_role_a_brand"),
            models.CheckConstraint(
                condition=models.Q(role__in=("reviewer", "editor", "owner")), name="known_role"
            ),
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class LoginLink(models.Model):
    """A way in without a password, once, for a while."""

    hash = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="links")
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)

    @classmethod
    def make(cls, person: Person, hours: float = LINK_HOURS) -> str:
        """A new link's token, which is kept nowhere; old ones that nobody can use any more go."""
        now = timezone.now()
        cls.objects.filter(expires__lt=now - timedelta(days=1)).delete()
        token = secrets.token_urlsafe(32)
        cls.objects.create(hash=_hash(token), person=person, expires=now + timedelta(hours=hours))
        return token

    @classmethod
    def owner(cls, token: str) -> Person | None:
        """Whose link this is, while it can still be used."""
        link = (
            cls.objects.filter(
                hash=_hash(token), used=None, expires__gt=timezone.now(), person__is_active=True
            )
            .select_related("person")
            .first()
        )
        return link.person if link is not None else None

    @classmethod
    def take(cls, token: str) -> Person | None:
        """As `owner`, and the link is used up: of two who come at once, one gets in."""
        person = cls.owner(token)
        taken = cls.objects.filter(hash=_hash(token), used=None).update(used=timezone.now())
        return person if taken else None


class FailedSignIn(models.Model):
    """One try with a wrong name, password or link. Names are hashed: people type passwords there."""

    name = models.CharField(max_length=64, db_index=True)
    address = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    @classmethod
    def note(cls, name: str, address: str) -> None:
        cls.objects.filter(at__lt=timezone.now() - 4 * TRIES_WITHIN).delete()
        cls.objects.create(name=_hash(name.lower()), address=address[:64])

    @classmethod
    def forget(cls, name: str) -> None:
        """After a success."""
        cls.objects.filter(name=_hash(name.lower())).delete()

    @classmethod
    def wait(cls, name: str | None, address: str) -> timedelta | None:
        """How long this name (None: who came by a link), or anybody at this address, has to wait; None
        for not at all."""
        now = timezone.now()
        recent = cls.objects.filter(at__gt=now - TRIES_WITHIN).order_by("-at")
        waits: list[datetime] = []
        limits = [(recent.filter(address=address[:64]), TRIES_PER_ADDRESS)]
        if name is not None:
            limits.append((recent.filter(name=_hash(name.lower())), TRIES_PER_NAME))
        for rows, most in limits:
            blocking = rows[most - 1 : most].first()
            if blocking is not None:
                waits.append(blocking.at + TRIES_WITHIN)
        return max(waits) - now if waits else None


class SignIn:
    """Django's authentication backend: name and password, for active people."""

    def authenticate(
        self, request: HttpRequest | None, name: str = "", password: str = ""
    ) -> Person | None:
        person = Person.objects.filter(name=name).first()
        if person is None or not person.has_usable_password():
            Person().set_password(password)  # as slow as a real check: the time tells nothing
            return None
        return person if person.check_password(password) and person.is_active else None

    def get_user(self, user_id: int) -> Person | None:
        """With their memberships, which every page needs, in one question."""
        known = _belonging(user_id)
        if not known:
            return Person.objects.filter(pk=user_id, is_active=True).first()
        person: Person = known[0].person
        person.belongs = known
        return person


@Once
def _belonging(person: int) -> "models.QuerySet[Membership]":
    return memberships(person).filter(person__is_active=True).select_related("person")


def memberships(person: int) -> "models.QuerySet[Membership]":
    """Theirs with the brands, in the order in which brands are shown."""
    rows = Membership.objects.filter(person=person).select_related("brand")
    return rows.order_by("brand__added_at", "brand_id")


def add(name: str, brand: Brand, role: str) -> Person:
    """The person of this name, made where there is none, in this role of the brand."""
    with transaction.atomic():
        person = Person.objects.filter(name=name).first()
        if person is None:
            person = Person(name=name)
            person.set_unusable_password()
            person.save()
        Membership.objects.update_or_create(person=person, brand=brand, defaults={"role": role})
    return person
