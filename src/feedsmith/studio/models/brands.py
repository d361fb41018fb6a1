"""Brands of a studio: where each one's folder is. All else stands in its brand.toml."""

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import models

from feedsmith.brand import Brand as BrandFile
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError


class Brand(models.Model):
    """One brand. `root` is its folder: absolute, or "." for the studio's own home, so that a studio
    with one brand can be moved."""

    slug = models.SlugField(max_length=60, unique=True)
    root = models.CharField(max_length=1000, unique=True)
    added_at = models.DateTimeField(auto_now_add=True)
    account = models.CharField(max_length=40, blank=True)
    """Instagram's number of the account that posts, where several are connected; '' for the first."""
    late_minutes = models.PositiveIntegerField(default=120)
    """So long after its time a post still goes out by itself; later, a person is asked."""
    publishes_from = models.DateTimeField(null=True)
    """When the studio first saw an account connected: what was due before was posted by hand. None
    while there is none."""
    served_at = models.DateTimeField(null=True)
    """When a job of it was begun last: whose was longest ago has the next turn (jobs)."""

    class Meta:
        ordering = ("added_at", "id")

    def __str__(self) -> str:
        return str(self.slug)

    @property
    def home(self) -> Home:
        studio: Path = settings.STUDIO.home
        return Home(studio if self.root == "." else Path(self.root))

    @property
    def file(self) -> BrandFile:
        """brand.toml as it is now. Raises FeedsmithError where it is missing or wrong."""
        if not hasattr(self, "_file"):
            try:
                stat = self.home.brand_file.stat()
            except OSError:
                return self.home.load()  # which says what is wrong
            self._file = _read(self.home.root, stat.st_mtime_ns, stat.st_size)
        return self._file

    @property
    def name(self) -> str:
        """Its name; the slug where brand.toml cannot be read."""
        try:
            return self.file.name
        except FeedsmithError:
            return str(self.slug)

    @classmethod
    def adopt(cls, root: Path) -> "Brand":
        """The brand in this folder, added where it is new. Raises FeedsmithError where none is."""
        name = Home(root).load().name
        place = root.resolve()
        known = "." if place == settings.STUDIO.home.resolve() else str(place)
        found = cls.objects.filter(root=known).first()
        if found is not None:
            return found
        slug = base = slug_of(name) or slug_of(place.name) or "brand"
        number = 1
        while cls.objects.filter(slug=slug).exists():
            number += 1
            slug = f"{base}-{number}"
        return cls.objects.create(slug=slug, root=known)


@lru_cache(maxsize=64)
def _read(root: Path, changed: int, size: int) -> BrandFile:
    """Parsed once a change: every page says the brand's name."""
    return Home(root).load()


def slug_of(name: str) -> str:
    """A name as a part of an address: ASCII letters, digits, hyphens; at most 50 of them."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:50].strip("-")
