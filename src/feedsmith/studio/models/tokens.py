"""Tokens: how a program acts as a person, within scopes. Kept as a hash only, as sign-in links are."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, get_args

from django.db import models
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models.people import Person, _hash

Scope = Literal["read", "write", "generate", "approve", "schedule"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
IN_WORDS: dict[Scope, str] = {
    "read": "See brands, posts, jobs, the library and the calendar",
    "write": "Edit posts, comment, copy, put in order, archive",
    "generate": "Make new posts, and stop the making",
    "approve": "Approve posts, and send them back",
    "schedule": "Put posts on the calendar, and mark them as posted",
}
PREFIX = "feedsmith_"
"""Of every token, so that scanners for leaked secrets know one."""
DAYS, DAYS_MAX = 90, 366
TOKENS_MAX = 50
"""Living tokens of one person."""
USED_EVERY = timedelta(minutes=1)
"""`used_at` is that exact: a write for each read would cost more than the read."""


class Token(models.Model):
    """What a program shows instead of a session. It can do what its person may, and of that only
    what its scopes say."""

    hash = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    """What it is for, in its person's words."""
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.name)

    @property
    def alive(self) -> bool:
        return self.revoked_at is None and self.expires > timezone.now()

    @classmethod
    def make(
        cls, person: Person, name: str, scopes: Sequence[str], days: int = DAYS
    ) -> tuple["Token", str]:
        """A new token and its words, which are kept nowhere. Raises FeedsmithError where a scope is
        unknown or missing, the name or the days are out of bounds, or there are too many."""
        name = name.strip()
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise FeedsmithError(
                f'"{unknown[0]}" is not a scope' if unknown else "a token needs a scope",
                mend=f"choose of {', '.join(SCOPES)}",
            )
        if not 1 <= len(name) <= 60 or not name.isprintable():
            raise FeedsmithError("a token needs a name", mend="say what it is for in 1 to 60 signs")
        if not 1 <= days <= DAYS_MAX:
            raise FeedsmithError(
                f"a token cannot live for {days} days", mend=f"choose 1 to {DAYS_MAX} days"
            )
        now = timezone.now()
        if (
            cls.objects.filter(person=person, revoked_at=None, expires__gt=now).count()
            >= TOKENS_MAX
        ):
            raise FeedsmithError(f"there are {TOKENS_MAX} tokens already", mend="revoke one first")
        words = PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(
            hash=_hash(words), person=person, name=name, expires=now + timedelta(days=days),
            scopes=[scope for scope in SCOPES if scope in scopes],
        )  # fmt: skip
        return token, words

    @classmethod
    def of(cls, words: str) -> "Token | None":
        """The living token of these words, whose person may still sign in; it is noted as used."""
        if not words.startswith(PREFIX) or len(words) > 200:
            return None
        now = timezone.now()
        token = (
            cls.objects.filter(
                hash=_hash(words), revoked_at=None, expires__gt=now, person__is_active=True
            )
            .select_related("person")
            .first()
        )
        if token is not None and (token.used_at is None or now - token.used_at > USED_EVERY):
            token.used_at = now
            cls.objects.filter(pk=token.pk).update(used_at=now)
        return token

    def revoke(self) -> None:
        cls = type(self)
        cls.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
        self.refresh_from_db()
