"""Review links: a page for somebody without a login, for some posts, for a while.

A link's token is signed with the studio's key, which is in no database: who reads the database cannot
make one, and an owner can copy it again. It holds nothing but the link's number and a nonce.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db import models, transaction
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.drafts import Comment, Conflict, Draft, Event, search
from feedsmith.studio.models.people import Person

DAYS, DAYS_MAX = 14, 90
"""How long a link lives, if not said otherwise, and at most."""
POSTS_MAX = 200
"""Posts on the page of one link."""
NAME_MAX, TEXT_MAX = 60, 2000
HIDDEN = ("draft", "archived")
"""States in which posts are not shown by a link that was made for a choice of posts by their state:
unfinished work is nobody else's."""
SHOWS = ("review", "planned", "all")
"""What a link without chosen posts shows: what waits for approval, what is on the calendar, or both
and what was published."""
_PLANNED = ("approved", "scheduled", "publishing", "published")


def _signer() -> Signer:
    return Signer(salt="feedsmith.studio.review", sep=".")


class ReviewLink(models.Model):
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="review_links")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True)
    """Who made it."""
    title = models.CharField(max_length=80, blank=True)
    """What the page says above the posts: "December, for Ana"."""
    nonce = models.CharField(max_length=24)
    made_at = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    """The last time."""
    chosen: Any = models.ManyToManyField(Draft, related_name="review_links")
    """Posts picked one by one; none: those that `show`, `kind` and `words` find when it is opened."""
    show = models.CharField(max_length=8, default="review")
    kind = models.CharField(max_length=12, blank=True)
    words = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-made_at", "-id")

    def __str__(self) -> str:
        return f"review link {self.pk}"

    @classmethod
    def make(
        cls, brand: Brand, person: Person | None, *, title: str = "", days: int = DAYS,
        chosen: "list[int] | None" = None, show: str = "review", kind: str = "", words: str = "",
    ) -> "ReviewLink":  # fmt: skip
        """A new link. Raises FeedsmithError for too long a life, or posts that are not the brand's."""
        if not 1 <= days <= DAYS_MAX:
            raise FeedsmithError(f"a review link lives 1 to {DAYS_MAX} days")
        wanted = sorted(set(chosen or ()))
        if len(wanted) > POSTS_MAX:
            raise FeedsmithError(
                f"a review link shows at most {POSTS_MAX} posts", mend="make two of them"
            )
        with transaction.atomic():
            posts = list(Draft.objects.filter(brand=brand, pk__in=wanted))
            if len(posts) != len(wanted):
                raise FeedsmithError("these are not all posts of this brand", mend="choose again")
            link = cls.objects.create(
                brand=brand, person=person, title=title[:80], nonce=secrets.token_urlsafe(12),
                expires=timezone.now() + timedelta(days=days), show=show if show in SHOWS else "review",
                kind=kind[:12], words=words[:200],
            )  # fmt: skip
            link.chosen.set(posts)
            Event.objects.create(brand=brand, person=person, verb="linked", words=title[:300])
            return link

    @property
    def token(self) -> str:
        return _signer().sign(f"{self.pk}-{self.nonce}")

    @classmethod
    def of(cls, token: str) -> "ReviewLink | None":
        """The link of this token, open or not; None for a token that was never given out."""
        try:
            number, _, nonce = _signer().unsign(token).partition("-")
        except BadSignature:
            return None
        link = cls.objects.select_related("brand").filter(pk=int(number)).first()
        return link if link is not None and secrets.compare_digest(link.nonce, nonce) else None

    @property
    def open(self) -> bool:
        return self.revoked_at is None and self.expires > timezone.now()

    def revoke(self, person: Person | None) -> None:
        """Nobody gets in with it any more. Once is enough."""
        with transaction.atomic():
            done = ReviewLink.objects.filter(pk=self.pk, revoked_at=None)
            if done.update(revoked_at=timezone.now()):
                Event.objects.create(
                    brand=self.brand, person=person, verb="unlinked", words=self.title
                )

    def drafts(self) -> "models.QuerySet[Draft]":
        """What it shows now. Posts that somebody answered by this link stay, so that they can see what
        became of it."""
        drafts = Draft.objects.filter(brand=self.brand_id)
        if self.chosen.exists():
            picked = self.chosen.through.objects.filter(reviewlink=self.pk).values("draft")
            return drafts.filter(pk__in=picked).exclude(state="archived")
        wanted = {"review": ("review",), "planned": _PLANNED, "all": ("review", *_PLANNED)}
        found = drafts.filter(state__in=wanted[str(self.show)])
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.words.strip():
            found = search(found, self.words)
        return drafts.filter(
            models.Q(pk__in=found.values("pk"))
            | models.Q(pk__in=self.acts.values("draft")) & ~models.Q(state__in=HIDDEN)
        )

    def posts(self) -> list[Draft]:
        """The same, what goes out first at the top."""
        rows = list(self.drafts().select_related("brand").defer("search")[:POSTS_MAX])
        late = timezone.now() + timedelta(days=36_500)
        return sorted(rows, key=lambda d: (d.scheduled_at or late, -d.position, d.pk))

    # ---- what somebody with it may do ----------------------------------------------------------

    def approve(self, number: int, *, version: int, name: str) -> Draft:
        """Approve the words and pictures seen at `version`. Raises Conflict where they changed."""
        with transaction.atomic():
            row = self._seen(number, version)
            row = row.move("approved", by="link", name=name[:NAME_MAX])
            self.acts.create(draft=row, name=name[:NAME_MAX], what="approved")
            return row

    def say(self, number: int, *, name: str, text: str, changes: bool, version: int) -> Draft:
        """A comment, or one that asks for changes to what was seen at `version`."""
        with transaction.atomic():
            row = self._seen(number, version if changes else None)
            comment = Comment.objects.create(draft=row, name=name[:NAME_MAX], text=text[:TEXT_MAX])
            what = "asked for changes" if changes else "commented"
            Event.objects.create(
                brand=row.brand, draft=row, name=name[:NAME_MAX], verb=what, words=text[:300]
            )
            self.acts.create(draft=row, name=name[:NAME_MAX], what=what, comment=comment)
            return row

    def _seen(self, number: int, version: int | None) -> Draft:
        """A post of this link, held until the transaction ends."""
        row = self.drafts().filter(pk=number).first()
        if row is not None:
            row = Draft.held(number)
        if row is None:
            raise FeedsmithError("this post is not part of the review any more")
        if version is not None and row.version != version:
            raise Conflict(row, {})
        return row


class ReviewAct(models.Model):
    """What somebody did by a review link. The name is what they call themselves."""

    link = models.ForeignKey(ReviewLink, on_delete=models.CASCADE, related_name="acts")
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="acts")
    name = models.CharField(max_length=NAME_MAX)
    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=20)
    """approved, commented, or asked for changes."""
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, null=True)

    class Meta:
        ordering = ("at", "id")


def said_by(link: ReviewLink) -> Mapping[int, list[ReviewAct]]:
    """Number of a draft -> what was done with it by this link, oldest first."""
    found: dict[int, list[ReviewAct]] = {}
    for act in link.acts.select_related("comment"):
        found.setdefault(act.draft_id, []).append(act)
    return found
