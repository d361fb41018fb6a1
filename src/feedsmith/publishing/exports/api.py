"""What a publisher is given and what it gives back. Knows values only.

Publishers are found by the entry point group "feedsmith.publishers"; ours register like a stranger's would. A
publisher is a class without required arguments whose instances have `what` and `publish` (see Publisher);
its entry point's name is what stands after --to. docs/exports.md shows one from end to end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from feedsmith.brand import Brand
from feedsmith.post import Brief
from feedsmith.progress import Report, silent
from feedsmith.publishing.outgoing import Outgoing, Part

GROUP = "feedsmith.publishers"


@dataclass(frozen=True)
class Delivery:
    """Where posts are to go, and what is known of the brand."""

    brand: Brand
    home: Path
    """The brand's folder."""
    target: Path
    """File or folder to write; for a publisher that writes none, a folder it may use. It is not there yet, or was
    written by the same publisher before."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    media_url: str = ""
    """Where the brand's posts folder is served to the internet, e.g. https://media.example/posts; '' for nowhere."""
    planned: Sequence[Brief] = ()
    """What is planned and not yet made; with times."""
    options: Mapping[str, str] = field(default_factory=dict)
    """NAME=VALUE of --set; the publisher knows them."""
    report: Report = silent

    def address(self, post: Outgoing, part: Part | Path) -> str:
        """The public address of a post's file; '' where the posts folder is served nowhere."""
        name = part.name if isinstance(part, Path) else part.path.name
        base = self.media_url.rstrip("/")
        return f"{base}/{quote(post.id)}/{quote(name)}" if base else ""


@dataclass(frozen=True)
class Delivered:
    """What became of it."""

    posts: int
    """How many posts went out."""
    files: tuple[Path, ...] = ()
    """What was written; the one to open first."""
    address: str = ""
    """Where they are to be seen, for a publisher that sends them somewhere."""
    notes: tuple[str, ...] = ()
    """What a person should know or still has to do, a sentence each."""


class Publisher(Protocol):
    """One way out for posts."""

    what: str
    """One line for people, e.g. "one zip file with all posts"."""
    suffix: str
    """Of the file it writes, e.g. ".zip"; '' for a folder."""

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        """Send the posts out, in their order. They were not changed and need no changes: `post.text` is what is
        pasted, `part.path` a file that is there. Raises FeedsmithError with a mend; half-written files must not
        be left behind (feedsmith.files.writing)."""
        ...
