"""Webhooks: who is told of a post's state, and the outbox of what is still to be told.

What is to be told is written in the transaction of the change itself: a change that is there is told,
one that was taken back is not, whatever dies in between. Nothing here speaks to a network (delivery).
"""

import base64
import json
import secrets
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.crypto import salted_hmac

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.drafts import Draft, Event
from feedsmith.studio.models.people import Person

HOOKS_MAX = 10
"""Webhooks of one brand."""
KEPT = timedelta(days=30)
"""How long the log remembers what is over."""
MADE, MOVED, TEST = "post.made", "post.moved", "webhook.test"
STATES = ("waiting", "delivered", "given up")


class Hook(models.Model):
    """An address that is told of every change of state of a brand's posts.

    Its secret is in no table: it is derived from the studio's key and `salt`, so that who reads the
    database cannot sign."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="hooks")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True)
    url = models.CharField(max_length=500)
    salt = models.CharField(max_length=43)
    created_at = models.DateTimeField(auto_now_add=True)
    stopped_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=200, blank=True)
    """Why nothing is sent any more."""

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return str(self.url)

    @classmethod
    def make(cls, brand: Brand, url: str, person: Person | None = None) -> "Hook":
        """Raises FeedsmithError where the address is none, or there are HOOKS_MAX already."""
        url = url.strip()
        address(url)
        if cls.objects.filter(brand=brand).count() >= HOOKS_MAX:
            raise FeedsmithError(f"there are {HOOKS_MAX} webhooks already", mend="remove one first")
        return cls.objects.create(
            brand=brand, person=person, url=url, salt=secrets.token_urlsafe(32)
        )

    @property
    def key(self) -> bytes:
        """What signs: 32 bytes."""
        return salted_hmac("feedsmith.webhook", self.salt, algorithm="sha256").digest()

    @property
    def secret(self) -> str:
        """The key as the receiver is told it, once (Standard Webhooks: whsec_ and base64)."""
        return "whsec_" + base64.b64encode(self.key).decode()

    def test(self) -> "Delivery":
        """A message that says nothing, to see whether it arrives."""
        return _message(self, TEST, _body(TEST, {"brand": self.brand.slug}))

    def stop(self, why: str) -> None:
        """Send nothing more, and give up what waits."""
        Hook.objects.filter(pk=self.pk).update(stopped_at=timezone.now(), why=why[:200])
        self.deliveries.filter(state="waiting").update(state="given up", said=why[:200])

    def go_on(self) -> None:
        Hook.objects.filter(pk=self.pk).update(stopped_at=None, why="")


class Delivery(models.Model):
    """One message to one hook: to be told, or told. The outbox and the log in one."""

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="deliveries")
    message = models.CharField(max_length=40, unique=True)
    """webhook-id: the same in each try, so that a receiver can tell a repetition."""
    kind = models.CharField(max_length=30)
    """MADE, MOVED or TEST."""
    body = models.TextField()
    """JSON, exactly as it is signed and sent."""
    state = models.CharField(max_length=10, default="waiting")
    """One of STATES."""
    created_at = models.DateTimeField(auto_now_add=True)
    due = models.DateTimeField()
    """When the next try is to be made."""
    tries = models.PositiveSmallIntegerField(default=0)
    answered = models.PositiveSmallIntegerField(null=True)
    """HTTP status of the last answer."""
    said = models.CharField(max_length=200, blank=True)
    """What went wrong in the last try, in words."""
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        indexes = (models.Index(fields=("state", "due"), name="outbox"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.message}: {self.state}"

    def again(self) -> None:
        """Try it once more from the start, also where it has arrived: the receiver knows its id."""
        self.state, self.due, self.tries, self.ended_at = "waiting", timezone.now(), 0, None
        self.save()


def address(url: str) -> SplitResult:
    """The parts of an address that can be called. Raises FeedsmithError where it is none."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, named = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not named or len(url) > 500:
        raise FeedsmithError(
            "this is not an address that can be called", mend="write it as https://example.org/path"
        )
    if parts.username or parts.password or not (url.isascii() and url.isprintable()) or " " in url:
        raise FeedsmithError(
            "this address holds a password, or signs that an address cannot hold",
            mend="write it as https://example.org/path; what is sent is signed",
        )
    return parts


def tell(brand: Brand, kind: str, data: dict[str, Any]) -> None:
    """Put a message for each of the brand's hooks into the outbox, in the transaction that is open."""
    hooks = list(Hook.objects.filter(brand=brand, stopped_at=None))
    body = _body(kind, data) if hooks else ""
    for hook in hooks:
        _message(hook, kind, body)


def _body(kind: str, data: dict[str, Any]) -> str:
    said = {"type": kind, "timestamp": timezone.now().isoformat(), "data": data}
    return json.dumps(said, ensure_ascii=False)


def _message(hook: Hook, kind: str, body: str) -> Delivery:
    message = f"msg_{secrets.token_hex(12)}"
    return Delivery.objects.create(
        hook=hook, message=message, kind=kind, body=body, due=timezone.now()
    )


def about(draft: Draft) -> dict[str, Any]:
    """What a receiver needs to know of a post; the rest it asks the API for."""
    brand, at = draft.brand, draft.scheduled_at
    return {
        "brand": brand.slug, "id": draft.pk, "kind": draft.kind, "theme": draft.theme,
        "state": draft.state, "version": draft.version, "caption": draft.caption,
        "hashtags": list(draft.hashtags),
        "scheduled_at": at.astimezone(UTC).isoformat() if at else None,
        "url": f"{settings.STUDIO.url}/b/{brand.slug}/posts/{draft.pk}",
        "api": f"{settings.STUDIO.url}/api/v1/brands/{brand.slug}/posts/{draft.pk}",
    }  # fmt: skip


@receiver(post_save, sender=Draft, dispatch_uid="hooks.made")
def _made(sender: type[Draft], instance: Draft, created: bool, **_: Any) -> None:
    if created:
        tell(instance.brand, MADE, about(instance) | {"before": None, "by": None})


@receiver(post_save, sender=Event, dispatch_uid="hooks.moved")
def _moved(sender: type[Event], instance: Event, created: bool, **_: Any) -> None:
    """Every change of state has its event "moved": whoever makes the one makes the other. A scheduled
    post that is given another time ("planned") is told as well."""
    draft = instance.draft
    if not created or draft is None:
        return
    if instance.verb == "moved":
        before = instance.words.partition(" -> ")[0]
    elif instance.verb == "planned" and draft.state == "scheduled":
        before = draft.state
    else:
        return
    by = instance.person.name if instance.person is not None else instance.name or None
    tell(instance.brand, MOVED, about(draft) | {"before": before, "by": by})
