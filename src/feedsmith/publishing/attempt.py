"""Attempt: one post on its way to one account, and all that is known of it. A value.

It is written down before each call that changes something at Instagram, and after each answer, so that
whoever finds it after a crash knows what may have happened.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from feedsmith.post import Value
from feedsmith.publishing.outgoing import Form

Step = Literal["waiting", "making", "processing", "publishing", "published", "failed", "asking"]
"""waiting     for its time, and for room in the quota
making      its containers
processing  Instagram looks at the media; when it is through, the post is published at its time
publishing  the call that makes it public was begun: what came of it must be found out before any other
published, failed
asking      a person must say what is to be done, and nothing is sent before that"""
Why = Literal["", "late", "unknown", "account"]
"""What a person is needed for: it missed its time; it may be out; its account must be connected again, and
then it goes on by itself."""
OVER: tuple[Step, ...] = ("published", "failed", "asking")
"""Steps that nothing but a person leads out of."""


class Item(Value):
    """One picture or film, where Instagram can fetch it."""

    url: str = ""
    path: Path | None = None
    """Of a film that is sent instead of fetched."""
    film: bool = False
    alt_text: str = ""


class Sending(Value):
    """What is sent: settled before the first call, and the same until the post is out."""

    form: Form
    text: str = ""
    """Caption and hashtags."""
    items: tuple[Item, ...]
    ai: bool = False
    collaborators: tuple[str, ...] = ()
    location_id: str = ""
    cover_url: str = ""


class Attempt(Value):
    """How far a post is."""

    post: str
    """Whatever names it; with `account` the same for ever."""
    account: str
    """Instagram's number of it."""
    due: datetime
    """UTC."""
    step: Step = "waiting"
    next_at: datetime | None = None
    """Nothing is done before; None: at once."""
    parts: tuple[str, ...] = ()
    """Containers of a carousel's items, in order; of the film that is sent, its one container."""
    container: str = ""
    """The one that is published."""
    made_at: datetime | None = None
    called_at: datetime | None = None
    """When it was last begun to be published."""
    tries: int = 0
    """Errors that may pass, so far."""
    calls: int = 0
    """How often that was."""
    looks: int = 0
    """How often it was looked for since."""
    media: str = ""
    """The published post; '' where Instagram says that it is out, but not which it is."""
    permalink: str = ""
    why: Why = ""
    """Why a person is asked, or waited for."""
    said: str = ""
    """What held it up last, one sentence for people."""
    mend: str = ""

    @property
    def over(self) -> bool:
        return self.step in OVER

    def now(self, step: Step, **more: Any) -> Self:
        """The same, at another step; what held it up is forgotten unless it is said again."""
        told = {"step": step, "next_at": None, "said": "", "mend": "", "why": "", **more}
        return self.model_copy(update=told)

    def later(self, at: datetime, said: str, mend: str = "", why: Why = "") -> Self:
        """The same, not before `at`."""
        return self.model_copy(update={"next_at": at, "said": said, "mend": mend, "why": why})
