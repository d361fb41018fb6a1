"""Tokens: how a program acts as a person, within scopes. Kept as a hash only, as sign-in links are."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, get_args

from django.db import models, transaction
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models.people import Person, _hash

Scope = Literal["read", "write", "generate", "approve", "schedule", "library", "manage"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
IN_WORDS: dict[Scope, str] = {
    "read": "See brands, posts, jobs, the library and the calendar",
    "write": "Edit posts, comment, copy, put in order, archive",
    "generate": "Make new posts, and stop the making",
    "approve": "Approve posts, send them back, make links by which others do",
    "schedule": "Put posts on the calendar, and mark them as posted",
    "library": "Add photos, mark them, correct keywords and cut-outs",
    "manage": "Let people in and out, make other tokens: all that you may",
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
    maker = models.ForeignKey("self", on_delete=models.CASCADE, null=True)
    """The token by which a program made this one: it ends with it, and can do no more."""

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.name)

    @property
    def alive(self) -> bool:
        return self.revoked_at is None and self.expires > timezone.now()

    @classmethod
    def make(
        cls, person: Person, name: str, scopes: Sequence[str], days: int = DAYS,
        maker: "Token | None" = None,
    ) -> tuple["Token", str]:  # fmt: skip
        """A new token and its words, which are kept nowhere. Raises FeedsmithError where a scope is
        unknown or missing, or `maker` has it not, the name or the days are out of bounds, or there are
        too many. It ends when its maker does."""
        name = name.strip()
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise FeedsmithError(
                f'"{unknown[0]}" is not a scope' if unknown else "a token needs a scope",
                mend=f"choose of {', '.join(SCOPES)}",
            )
        more = [scope for scope in scopes if maker is not None and scope not in maker.scopes]
        if more:
            raise FeedsmithError(
                f'this token has not the scope "{more[0]}" itself', mend="leave that scope away"
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
        words, expires = PREFIX + secrets.token_urlsafe(32), now + timedelta(days=days)
        with transaction.atomic():
            if maker is not None:
                expires = min(expires, maker.expires)
            if maker is not None and maker.pk is not None:
                held = cls.objects.select_for_update().get(pk=maker.pk)
                if not held.alive:  # revoked a moment ago: what it makes now would outlive it
                    raise FeedsmithError("this token has ended", mend="make one on /account/tokens")
            token = cls.objects.create(
                hash=_hash(words), person=person, name=name, expires=expires,
                scopes=[scope for scope in SCOPES if scope in scopes],
                maker=maker if maker is not None and maker.pk is not None else None,
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
        """It opens nothing from now on, nor does any that was made by it."""
        rows = type(self).objects
        with transaction.atomic():
            ended = [self.pk]
            while ended:
                held = rows.select_for_update().filter(pk__in=ended)
                list(held)  # whoever makes one by them now waits, and is refused
                held.filter(revoked_at=None).update(revoked_at=timezone.now())
                ended = list(rows.filter(maker__in=ended).values_list("pk", flat=True))
        self.refresh_from_db()
