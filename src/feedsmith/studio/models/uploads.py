"""Uploads: files on their way into the library, piece by piece. How much of one is here is the size of
its file, so that no crash can make the two disagree.
"""

import os
import re
import secrets
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import models
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, held, made, no_room
from feedsmith.studio.models.brands import Brand
from feedsmith.studio.models.jobs import OVER, Job
from feedsmith.studio.models.people import Person

PIECE = 1 << 20
"""Bytes of one piece: what a broken connection loses, at most."""
GB = 2**30
SIZES = {
    ".zip": 20 * GB, ".csv": 50 * 2**20, ".tsv": 50 * 2**20, ".jsonl": 50 * 2**20,
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif"), 200 * 2**20),
}  # fmt: skip
"""Kinds that are taken, by the end of their name, and the most bytes of each."""
TABLES = (".csv", ".tsv", ".jsonl")
FILES_MAX = 500
"""Files of one brand on their way at the same time."""
KEPT_FREE = 2 * GB
"""Room that must stay free on the disk; an import copies what it takes in."""
WAITS = timedelta(days=7)
"""How long a part of a file waits for the rest."""
_HELD = threading.Lock()


class Missed(FeedsmithError):
    """A piece that does not join on to what is here; `have` says where to go on."""

    def __init__(self, have: int) -> None:
        super().__init__(f"the piece does not join on: {have} bytes are here")
        self.have = have


class NotTaken(FeedsmithError):
    """A file that the library has no use for, whatever else is done."""


class Upload(models.Model):
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="uploads")
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    key = models.CharField(max_length=24, unique=True)
    """Its part of the address."""
    name = models.CharField(max_length=120)
    size = models.BigIntegerField()
    mark = models.CharField(max_length=64, blank=True)
    """By which the browser knows the file again: its time of change."""
    asked_at = models.DateTimeField(auto_now_add=True)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="uploads")
    """The import that takes it in."""

    class Meta:
        ordering = ("asked_at", "id")

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def begin(cls, brand: Brand, person: Person, name: str, size: int, mark: str) -> "Upload":
        """A new upload, or the one of the same file that was broken off.

        Raises FeedsmithError for kinds that are not taken, files too large, and too little room.
        """
        name = plain_name(name)
        most = SIZES.get(Path(name).suffix.lower())
        if most is None:
            raise NotTaken(
                f"{name} is nothing for the library",
                mend="bring an Instagram zip, photos (JPEG, PNG, WebP, HEIC, AVIF) or a CSV",
            )
        if not 0 < size <= most:
            raise NotTaken(
                f"{name} is empty" if size <= 0 else f"{name} is larger than {said(most)}",
                mend="choose another file" if size <= 0 else "split it",
            )
        cls.sweep()
        waiting = cls.objects.filter(brand=brand, job=None)
        found = waiting.filter(person=person, name=name, size=size, mark=mark[:64]).first()
        if found is not None:
            return found
        if waiting.count() >= FILES_MAX:
            raise FeedsmithError(
                f"{FILES_MAX} files are on their way already", mend="let them arrive first"
            )
        free = shutil.disk_usage(made(folder())).free
        if size + KEPT_FREE > free:
            raise FeedsmithError(
                f"the disk has no room for {name} ({said(size)})", mend="free some space first"
            )
        return cls.objects.create(
            brand=brand, person=person, key=secrets.token_urlsafe(12), name=name, size=size,
            mark=mark[:64],
        )  # fmt: skip

    @property
    def path(self) -> Path:
        """Where it lies: in a folder of its own, under its own name, which the importers read."""
        return folder() / str(self.key) / str(self.name)

    @property
    def have(self) -> int:
        """Bytes that are here."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def whole(self) -> bool:
        return self.have == self.size

    @property
    def percent(self) -> int:
        return int(100 * self.have / self.size)

    @property
    def words(self) -> str:
        return said(self.size) if self.whole else f"{said(self.have)} of {said(self.size)}"

    def add(self, start: int, piece: IO[bytes]) -> int:
        """Join one piece on; returns how much is here then.

        Raises Missed where it does not join on, FeedsmithError where it cannot be what its name says,
        or the disk is full.
        """
        # One after the other, also where several servers take pieces.
        with _HELD, held(settings.STUDIO.folder / "uploads.lock"):
            have = self.have
            if start != have:
                raise Missed(have)
            data = piece.read(PIECE + 1)
            if len(data) > PIECE or have + len(data) > self.size:
                raise NotTaken("the piece is too large", mend="reload the page")
            if have == 0 and data and not looks_like(str(self.name), data):
                self.drop()
                raise NotTaken(f"{self.name} is not what its name says", mend="choose another file")
            made(self.path.parent)
            try:
                with self.path.open("ab") as stream:
                    stream.write(data)
                    stream.flush()
                    if have + len(data) == self.size:
                        os.fsync(stream.fileno())
            except OSError as error:
                if full_disk(error):
                    raise no_room(folder(), "what has arrived is kept") from error
                raise FeedsmithError(f"{self.name} cannot be written") from error
            return have + len(data)

    def drop(self) -> None:
        """Forget it, with what is here of it."""
        shutil.rmtree(self.path.parent, ignore_errors=True)
        Upload.objects.filter(pk=self.pk).delete()

    @classmethod
    def sweep(cls) -> None:
        """Forget what nobody goes on with, and what an import that was stopped or failed has left."""
        for old in cls.objects.filter(job=None, asked_at__lt=timezone.now() - WAITS):
            old.drop()
        for left in cls.objects.filter(job__state__in=OVER):
            left.drop()


def folder() -> Path:
    place: Path = settings.STUDIO.folder / "uploads"
    return place


def plain_name(name: str) -> str:
    """The name of a file as the disk may have it: no folders, no control characters, not hidden."""
    base = re.split(r"[\\/]", name)[-1]
    base = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in base).strip(". ")
    stem, dot, end = base.rpartition(".")
    return f"{stem[: 100 - len(end)]}{dot}{end[:10]}" if stem else base[:100] or "file"


def looks_like(name: str, start: bytes) -> bool:
    """Whether a file that starts so can be what its name says."""
    suffix = Path(name).suffix.lower()
    if suffix == ".zip":
        return start.startswith(b"PK\x03\x04")
    if suffix in TABLES:
        return b"\0" not in start[:4096] or start.startswith((b"\xff\xfe", b"\xfe\xff"))
    # A photo may well have another format than its name says: cameras and exports do that.
    return (
        start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
        or start[4:8] == b"ftyp"
    )


def said(size: int) -> str:
    """Bytes in words."""
    if size >= GB:
        return f"{size / GB:.1f} GB"
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, round(size / 1024))} kB"
