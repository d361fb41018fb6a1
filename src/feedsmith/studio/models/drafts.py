"""Drafts: posts as the studio knows them: words that can be edited, state, place, history.

The post's folder (post.json and its files) stays the record of what was made; a draft's words live in
its row. Each change is a revision, so that it can be undone.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.post import Post
from feedsmith.runs import Folder
from feedsmith.studio import states
from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.people import Person

WORDS = ("caption", "hashtags", "alt_text", "folder", "collaborators", "location")
"""What a person edits, and undo brings back. `folder` is the picture: another one, another folder."""
BLANK: dict[str, Any] = {"collaborators": [], "location": ""}
"""Of WORDS those that older revisions do not have: there were none then."""
STEP = 1024.0
"""Distance of two neighbours in the feed's order when they are new."""


class Conflict(FeedsmithError):
    """Somebody else changed the draft in between."""

    def __init__(self, theirs: "Draft", mine: Mapping[str, Any]) -> None:
        super().__init__(
            "this post was changed by somebody else while you edited it",
            mend="compare the two, keep what you want, and save again",
        )
        self.theirs = theirs
        self.mine = dict(mine)


class Draft(models.Model):
    """A post. Columns that came later have a default in the database, too: a server of the version before, that is
    still open at an upgrade, writes none of them."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="drafts")
    folder = models.CharField(max_length=120)
    """Name of the post's folder under the brand's posts/."""
    kind = models.CharField(max_length=12)
    theme = models.CharField(max_length=200, blank=True)
    format = models.CharField(max_length=12, default="portrait")
    media = models.JSONField(default=list)
    """For grids, without opening post.json: file, width, height, cover, duration of each medium."""
    caption = models.TextField(blank=True)
    hashtags = models.JSONField(default=list)
    """Without '#'."""
    alt_text = models.JSONField(default=list)
    """One text a medium."""
    collaborators = models.JSONField(
        default=list, blank=True, db_default=models.Value([], models.JSONField())
    )
    """User names of accounts that are invited to share the post, without '@'."""
    location = models.CharField(max_length=20, blank=True, default="", db_default="")
    """Number of the place's Facebook Page, as the API takes it."""
    crop = models.JSONField(default=dict, blank=True)
    """Number of a picture -> its cut (post.Crop), as the folder's post.json has it; empty: as it was
    made."""
    state = models.CharField(max_length=10, default="draft")
    scheduled_at = models.DateTimeField(null=True, blank=True)
    """UTC."""
    position = models.FloatField(default=0.0)
    """Order of the feed: the highest is the newest, top left."""
    favourite = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    account = models.CharField(max_length=40, blank=True)
    """Instagram's number of the account that posts it; '' for the brand's usual one."""
    asks = models.CharField(max_length=10, blank=True, default="", db_default="")
    """What it needs a person for (states.NEEDS); '' for nothing."""
    permalink = models.CharField(max_length=300, blank=True)
    """Where it is to be seen, once it is out."""
    media_id = models.CharField(max_length=40, blank=True)
    """Instagram's number of it then."""
    version = models.PositiveIntegerField(default=1)
    """Grows with each change; an edit names the one it was made from."""
    at_revision = models.PositiveIntegerField(default=1)
    """Number of the revision that is shown; lower than the last one after an undo."""
    job = models.ForeignKey("Job", on_delete=models.SET_NULL, null=True, related_name="drafts")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    search = models.TextField(blank=True)

    class Meta:
        ordering = ("-position", "-id")
        constraints = (
            models.UniqueConstraint(fields=("brand", "folder"), name="one_draft_a_folder"),
            models.CheckConstraint(condition=models.Q(state__in=states.STATES), name="known_state"),
        )
        indexes = (
            # With what the grid leaves out: a page far down is found without reading the rows above.
            models.Index(
                fields=("brand", "-position", "-id", "state", "kind"), name="feed_in_order"
            ),
            models.Index(fields=("brand", "state", "-position"), name="by_state"),
            models.Index(fields=("brand", "scheduled_at"), name="by_day"),
            models.Index(fields=("brand", "kind", "-position"), name="by_kind"),
            models.Index(
                fields=("brand", "state", "favourite", "kind", "asks"), name="counted_with_asks"
            ),
        )

    def __str__(self) -> str:
        return f"{self.brand_id}/{self.folder}"

    # ---- what it is --------------------------------------------------------------------------

    @property
    def post(self) -> Post | None:
        """What was made, from post.json; None where the folder is gone or damaged."""
        return Folder(self.brand.home.posts).post(str(self.folder))

    @property
    def state_in_words(self) -> str:
        return states.IN_WORDS[self.stands]

    @property
    def stands_in_words(self) -> str:
        """Its state, or that it needs somebody, and for what."""
        return f"Needs you: {states.NEEDS[self.asks]}" if self.asks else self.state_in_words

    @property
    def stands(self) -> states.State:
        return str(self.state)  # type: ignore[return-value]

    def steps(self, by: states.Actor) -> tuple[states.Step, ...]:
        return states.steps(self.stands, by)

    @property
    def words(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in WORDS}

    # ---- how it changes ----------------------------------------------------------------------

    @classmethod
    def of(cls, brand: Brand, post: Post, job: Any = None) -> tuple["Draft", bool]:
        """The draft of a finished post, made where there is none; True where it was made now."""
        with transaction.atomic():
            found = cls.objects.filter(brand=brand, folder=post.id).first()
            if found is not None:
                if job is not None and found.job_id is None:  # adopted after a kill
                    found.job = job
                    found.save(update_fields=["job", "updated_at"])
                return found, False
            draft = cls(
                brand=brand, folder=post.id, kind=post.kind, theme=post.theme[:200],
                format=post.format, media=media_of(post), caption=post.caption,
                hashtags=list(post.hashtags), alt_text=[m.alt_text for m in post.media],
                crop=crops_of(post),
                scheduled_at=None, position=cls.top(brand), job=job,
            )  # fmt: skip
            draft._index()
            draft.save()
            if post.at is not None:  # made for a day of a plan: it stands on the calendar
                from feedsmith.studio.models.plans import meet

                draft.scheduled_at = meet(draft, post.at)
                draft.save(update_fields=["scheduled_at"])
            Revision.objects.create(
                draft=draft, number=1, what="made", folder=post.id, words=draft.words
            )
            return draft, True

    @classmethod
    def top(cls, brand: Brand) -> float:
        """A position above all others of the feed."""
        highest = cls.objects.filter(brand=brand).aggregate(models.Max("position"))["position__max"]
        return (highest or 0.0) + STEP

    def edit(
        self, changes: Mapping[str, Any], *, version: int, person: Person | None = None,
        role: states.Actor = "owner", what: str = "edited",
    ) -> "Draft":  # fmt: skip
        """Change words (see WORDS) as seen at `version`; returns the draft as it is then.

        Raises Conflict where it was changed since, FeedsmithError where its state forbids editing.
        An edit that changes nothing is none. What was undone before is forgotten.
        """
        assert set(changes) <= set(WORDS), changes
        with transaction.atomic():
            row = Draft.held(self.pk)
            if row.version != version:
                raise Conflict(row, changes)
            if row.stands not in states.EDITABLE:
                raise FeedsmithError(
                    f"a post that is {row.state_in_words.lower()} cannot be edited",
                    mend="duplicate it, and edit the copy",
                )
            if all(getattr(row, name) == value for name, value in changes.items()):
                return row
            for name, value in changes.items():
                setattr(row, name, value)
            if "folder" in changes:
                row._look_again()
            Revision.objects.filter(draft=row, number__gt=row.at_revision).delete()
            row.at_revision += 1
            Revision.objects.create(
                draft=row, number=row.at_revision, person=person, what=what, folder=row.folder,
                words=row.words,
            )  # fmt: skip
            row._edited(person, role, what)
            return row

    def restore(
        self, revision: "Revision", *, version: int, person: Person | None = None,
        role: states.Actor = "owner",
    ) -> "Draft":  # fmt: skip
        """Bring an earlier version back, as an edit of its own: nothing of the history is lost."""
        return self.edit(
            revision.all_words, version=version, person=person, role=role,
            what=f"version {revision.number} brought back",
        )  # fmt: skip

    def remade(
        self, post: Post, *, of: str, version: int, words: bool, person: Person | None = None,
        role: states.Actor = "owner", what: str = "made again",
    ) -> "Draft":  # fmt: skip
        """Take another version of the post, which was made from the folder `of`, as one edit; with
        `words` its caption, too. An alt text that a person wrote stays; words that were edited while it
        was made are kept.

        Raises Conflict where the picture was exchanged in between or, with `words`, anything was
        changed since `version`; FeedsmithError where its state forbids editing.
        """
        with transaction.atomic():
            row = Draft.held(self.pk)
            if row.folder == post.id:  # by an attempt that was killed right after this
                return row
            if row.folder != of or (words and row.version != version):
                raise Conflict(row, {"folder": post.id})
            before = Folder(row.brand.home.posts).post(of)
            said = [m.alt_text for m in before.media] if before is not None else []
            own = list(row.alt_text)
            alts = [
                own[i]
                if i < len(own) and (i >= len(said) or own[i] != said[i])
                else medium.alt_text
                for i, medium in enumerate(post.media)
            ]
            changes: dict[str, Any] = {"folder": post.id, "alt_text": alts}
            if words:
                changes["caption"] = post.caption
            return row.edit(changes, version=row.version, person=person, role=role, what=what)

    def turn(
        self, by: int, *, version: int, person: Person | None = None, role: states.Actor = "owner"
    ) -> "Draft":
        """Undo (`by` -1) or redo (+1) one edit. Raises Conflict, or FeedsmithError at either end."""
        with transaction.atomic():
            row = Draft.held(self.pk)
            if row.version != version:
                raise Conflict(row, {})
            if row.stands not in states.EDITABLE:
                raise FeedsmithError(
                    f"a post that is {row.state_in_words.lower()} cannot be edited"
                )
            wanted = Revision.objects.filter(draft=row, number=row.at_revision + by).first()
            if wanted is None:
                raise FeedsmithError(
                    "there is nothing to undo" if by < 0 else "there is nothing to redo"
                )
            for name, value in wanted.all_words.items():
                setattr(row, name, value)
            row._look_again()
            row.at_revision = wanted.number
            row._edited(person, role, "undone" if by < 0 else "redone")
            return row

    def move(
        self, to: states.State, *, by: states.Actor, person: Person | None = None, name: str = "",
        scheduled_at: Any = None, before: str = "",
    ) -> "Draft":  # fmt: skip
        """Take a step of approval, from the state `before` that was seen ('' for any). Raises FeedsmithError where it is not allowed from here, or not
        for this actor; of two who take the same step at once, the second is told."""
        with transaction.atomic():
            row = Draft.held(self.pk)
            if before and row.state != before:
                raise FeedsmithError(
                    f"this post is {row.state_in_words.lower()} by now",
                    mend="look at it as it is, then decide",
                )
            step = states.step(row.stands, to)
            if step is None or by not in step.by:
                raise FeedsmithError(
                    f"this post is {row.state_in_words.lower()}, and cannot become "
                    f"{states.IN_WORDS[to].lower()}" + (" by you" if step is not None else ""),
                    mend="reload the page to see where it stands",
                )
            if to == "scheduled" and (scheduled_at or row.scheduled_at) is None:
                raise FeedsmithError("a time is missing", mend="choose a day and an hour")
            was, row.state = row.state, to
            if to == "scheduled":
                row.scheduled_at = scheduled_at or row.scheduled_at
            elif was in ("scheduled", "publishing") and to in ("approved", "draft"):
                row.scheduled_at = None
            row.archived_at = timezone.now() if to == "archived" else None
            row.asks = ""
            row._changed()
            Event.objects.create(
                brand=row.brand, draft=row, person=person, name=name, verb="moved",
                words=f"{was} -> {to}",
            )  # fmt: skip
            return row

    def mark(self, *, favourite: bool, person: Person | None = None) -> "Draft":
        """A favourite, or not one any more. Its words are not touched: its version stays."""
        with transaction.atomic():
            row = Draft.held(self.pk)
            if row.favourite != favourite:
                row.favourite = favourite
                row.save(update_fields=["favourite", "updated_at"])
                Event.objects.create(
                    brand=row.brand, draft=row, person=person, verb="marked",
                    words="as a favourite" if favourite else "no longer as a favourite",
                )  # fmt: skip
            return row

    @classmethod
    def held(cls, number: int) -> "Draft":
        """The row as it is now, which nobody else changes until the transaction ends."""
        return cls.objects.select_for_update().select_related("brand").get(pk=number)

    def _edited(self, person: Person | None, role: states.Actor, words: str) -> None:
        """Save an edit of this role: the state it leads to, and who did what."""
        before, self.state = self.state, states.after_edit(self.stands, role)
        self.asks = self.asks if before == self.state else ""
        self._changed()
        Event.objects.create(
            brand=self.brand, draft=self, person=person, verb="edited", words=words
        )
        if before != self.state:
            Event.objects.create(
                brand=self.brand, draft=self, person=person, verb="moved",
                words=f"{before} -> {self.state}",
            )  # fmt: skip

    def _changed(self) -> None:
        self.version += 1
        self._index()
        self.save()

    def _look_again(self) -> None:
        """Take over what the folder that is now named holds."""
        post = self.post
        if post is not None:
            self.media, self.kind, self.format = media_of(post), post.kind, post.format
            self.crop = crops_of(post)

    def _index(self) -> None:
        said = [self.caption, *self.hashtags, self.theme, self.kind, *self.alt_text]
        self.search = " ".join(str(words) for words in said).lower()


def media_of(post: Post) -> list[dict[str, Any]]:
    """What a grid needs to know of each medium."""
    return [
        {
            "file": m.file, "width": m.width, "height": m.height, "cover": m.cover,
            "duration": m.duration, "also": list(m.also),
        }
        for m in post.media
    ]  # fmt: skip


def crops_of(post: Post) -> dict[str, Any]:
    """Number of a picture -> its cut, where a person chose one."""
    shots = post.making.shots if post.making is not None else ()
    return {
        str(number): shot.crop.model_dump()
        for number, shot in enumerate(shots, start=1)
        if shot.crop is not None
    }


def adopt(brand: Brand, job: Any = None) -> list[Draft]:
    """Drafts for finished posts of the brand's folder that have none: made on the command line, or
    by a worker that died between files and database. Oldest first."""
    place = Folder(brand.home.posts)
    known = set(Draft.objects.filter(brand=brand).values_list("folder", flat=True))
    known |= set(Revision.objects.filter(draft__brand=brand).values_list("folder", flat=True))
    try:
        found = [
            path
            for path in place.root.iterdir()
            if path.name not in known and path.is_dir() and not path.name.startswith(".")
        ]
    except OSError:
        return []
    files = [(path / "post.json", path.name) for path in found]
    ages = [(file.stat().st_mtime_ns, name) for file, name in files if file.is_file()]
    posts = ((place.post(name), name) for _, name in sorted(ages))
    # A folder that was renamed, or a post without a picture, is none that the pages could show.
    # Neither is a version of a post that no revision names any more.
    whole = [
        post
        for post, name in posts
        if post is not None and post.id == name and post.media and not post.version_of
    ]
    made = [Draft.of(brand, post, job) for post in whole]
    return [draft for draft, new in made if new]


class Revision(models.Model):
    """The words of a draft after one edit; number 1 is as it was made."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=120, blank=True)
    folder = models.CharField(max_length=120)
    words = models.JSONField()

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("draft", "number"), name="one_number"),)

    @property
    def all_words(self) -> dict[str, Any]:
        """Each of WORDS."""
        return BLANK | {name: self.words[name] for name in WORDS if name in self.words}


class Event(models.Model):
    """Who did what when."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="events")
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, null=True, related_name="events")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True)
    name = models.CharField(max_length=60, blank=True)
    """Of somebody who came by a review link."""
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    verb = models.CharField(max_length=30)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-at", "-id")


class Comment(models.Model):
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="comments")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, blank=True)
    name = models.CharField(max_length=60, blank=True)
    """Of somebody who came by a review link."""
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField(max_length=2000)
    resolved = models.BooleanField(default=False)

    class Meta:
        ordering = ("at", "id")


def search(drafts: "models.QuerySet[Draft]", words: str) -> "models.QuerySet[Draft]":
    """Those in which every word appears."""
    for word in words.lower().split()[:8]:
        drafts = drafts.filter(search__contains=word)
    return drafts
