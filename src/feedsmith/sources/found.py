"""What an importer finds: a post with its media, still lying where the user keeps it."""

from dataclasses import dataclass
from datetime import datetime

from feedsmith.post import Credit
from feedsmith.sources.archive import Archive


@dataclass(frozen=True, slots=True)
class Media:
    """One media file. Nothing of it is read before `read` is called."""

    archive: Archive
    entry: str
    """Its name in `archive.entries`."""
    video: bool = False
    taken_at: datetime | None = None
    """When the source knows it; else the photo's own EXIF or the post's date is taken."""
    credit: Credit | None = None

    @property
    def name(self) -> str:
        """Its file name, for people and for matching credits."""
        return self.entry.rpartition("/")[2]

    @property
    def key(self) -> str:
        """Changes when the file does; the same file gives the same key on the next run."""
        entry = self.archive.entries[self.entry]
        return f"{self.entry}|{entry.size}|{entry.stamp}"

    def read(self, limit: int) -> bytes:
        """The file's bytes. Raises Refused when it is damaged or larger than `limit` bytes."""
        return self.archive.read(self.entry, limit)


@dataclass(frozen=True, slots=True)
class Found:
    """A post as found, or one photo without a post."""

    media: tuple[Media, ...]
    """In carousel order."""
    caption: str = ""
    """As posted, encoding mended."""
    posted_at: datetime | None = None
    """With time zone."""
    kind: str = ""
    """story, reel, archived; "" lets the media decide between photo, carousel and video."""
    source: str = ""
    """Name of the importer."""
    permalink: str = ""
    alt_text: str = ""
    hashtags: tuple[str, ...] = ()
    """Hashtags kept apart from the caption, without '#'."""
    missing: tuple[str, ...] = ()
    """Names of media that the source speaks of but does not hold."""
    covers: tuple[str, ...] = ()
    """Names of still frames of videos, which are not photos of their own."""
    published: bool = True
    """False for a photo of which nothing says that it was ever posted."""
