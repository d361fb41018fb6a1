"""Backup: a whole studio in one zip, taken while it runs; and back.

The database is copied first, then the files: what is made in between is in the files alone, and is
adopted at the next start. Knows files and databases; knows no page.
"""

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import feedsmith
from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, made, no_room, writing
from feedsmith.progress import Report, silent
from feedsmith.publishing.publisher import MEND
from feedsmith.studio.settings import Config

MANIFEST, DATABASE, TABLES = "backup.json", "studio.db", "studio.jsonl"
FORMAT = 1
LEFT_OUT = ("studio.db", "studio.db-wal", "studio.db-shm", "studio/thumbnails", "studio/previews", "studio/outgoing", "studio/hosted", "studio/open.lock", "studio/upgrade.lock", "studio/before-upgrades",
            "studio/studio.log", "studio/worker.log", "studio/counts")  # fmt: skip
"""Of a brand's folder: what is made again, and the database, which is copied as it must be."""
PACKED = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".mp4", ".gif", ".gguf", ".woff2", ".zip")
"""Compressed already."""
UNDER_WAY = "it was on its way when this backup was made"
"""Of a post in a restored studio: what became of it since, only a person can see."""


@dataclass(frozen=True)
class Told:
    """What was saved or brought back."""

    path: Path
    """The zip, or the studio's home."""
    brands: tuple[Path, ...]
    files: int
    bytes: int


def backup(config: Config, out: Path, report: Report = silent) -> Told:
    """Write the studio kept in config.home, with all its brands, to the zip `out`.

    Raises FeedsmithError where there is no studio, a brand's folder is gone, or the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="feedsmith-backup-") as scratch:
        copy = Path(scratch) / DATABASE
        if config.database_url:
            copy = Path(scratch) / TABLES
            brands = _copy_tables(config, copy)
        else:
            brands = _copy_sqlite(config, copy)
        roots = [(slug, _root(config, root)) for slug, root in brands]
        for slug, root in roots:
            if not (root / "brand.toml").is_file():
                raise FeedsmithError(
                    f"{root}: the folder of the brand {slug} is not there",
                    mend="bring it back to its place, then back up again",
                )
        files = [(slug, root, path) for slug, root in roots for path in _files(root, out)]
        size = 0
        with (
            writing(out, 0o600) as stream,
            zipfile.ZipFile(stream, "w", strict_timestamps=False) as archive,
        ):
            manifest = {
                "format": FORMAT, "feedsmith": feedsmith.__version__,
                "at": datetime.now(UTC).isoformat(timespec="seconds"), "database": copy.name,
                "brands": [{"slug": slug, "root": root} for slug, root in brands],
            }  # fmt: skip
            archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
            archive.write(copy, copy.name, zipfile.ZIP_DEFLATED)
            for done, (slug, root, path) in enumerate(files):
                report("Saving", done, len(files), path.name)
                packed = path.suffix.lower() in PACKED
                try:
                    archive.write(
                        path, f"brands/{slug}/{path.relative_to(root).as_posix()}",
                        zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED,
                    )  # fmt: skip
                    size += path.stat().st_size
                except FileNotFoundError:
                    continue  # deleted since it was listed
            report("Saving", len(files), len(files))
        out.chmod(0o600)  # it holds the key that signs sessions
    return Told(out, tuple(root for _, root in roots), len(files), size)


def restore(config: Config, archive: Path, report: Report = silent) -> Told:
    """Bring a studio back into config.home, which must be absent or empty: a single brand is that
    folder itself, of several each is a folder in it.

    Nothing is there until all is. What was on its way to Instagram is asked about, and what was due
    before the restored studio is first opened is left alone: both may be out. Raises FeedsmithError where the zip is damaged or none of ours,
    the place is taken, or the disk is full.
    """
    target = config.home
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FeedsmithError(
            f"{target}: is not empty, and nothing is overwritten", mend="name a new folder"
        )
    made(target.parent)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        with zipfile.ZipFile(archive) as bundle:
            told = _manifest(bundle, archive)
            slugs = [brand["slug"] for brand in told["brands"]]
            single = len(slugs) == 1
            home = next(b["slug"] for b in told["brands"] if b["root"] == ".")
            entries = [e for e in bundle.infolist() if e.filename.startswith("brands/")]
            size = 0
            for done, entry in enumerate(entries):
                report("Bringing back", done, len(entries), PurePosixPath(entry.filename).name)
                path = scratch / _inside(entry.filename, slugs, single)
                made(path.parent)
                with bundle.open(entry) as source, path.open("wb") as into:
                    shutil.copyfileobj(source, into, 1 << 20)
                if path.name == "secret.key":
                    path.chmod(0o600)
                size += entry.file_size
            report("Bringing back", len(entries), len(entries))
            final = {slug: target if single else target / slug for slug in slugs}
            roots = {slug: "." if slug == home else str(final[slug].resolve()) for slug in slugs}
            database = scratch if single else scratch / home
            if told["database"] == DATABASE:
                with bundle.open(DATABASE) as source, (database / DATABASE).open("wb") as into:
                    shutil.copyfileobj(source, into, 1 << 20)
                _move_brands(database / DATABASE, roots)
            else:
                _load_tables(Config(home=database, database_url=config.database_url),
                             bundle.read(TABLES).decode("utf-8"), roots)  # fmt: skip
        if target.exists():
            target.rmdir()
        scratch.rename(target)
        target.chmod(0o755)
    except OSError as error:
        if full_disk(error):
            raise no_room(target, "nothing half-restored was left behind") from error
        raise FeedsmithError(
            f"{error.filename or archive}: {(error.strerror or str(error)).lower()}",
            mend="check that the file is there and the folder can be written",
        ) from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, sqlite3.DatabaseError) as error:
        raise FeedsmithError(
            f"{archive}: this backup is damaged ({error})",
            mend="take another one; nothing was changed",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Told(final[home], tuple(final.values()), len(entries), size)


def _root(config: Config, root: str) -> Path:
    return config.home if root == "." else Path(root)


def _files(root: Path, out: Path) -> Iterator[Path]:
    """Files of a brand's folder that belong into a backup."""
    skipped = {root / name for name in LEFT_OUT}
    seen: set[Path] = set()
    # Links are followed: a library may lie on another disk.
    for folder, names, files in os.walk(root, followlinks=True):
        here = Path(folder)
        if here.resolve() in seen:
            names.clear()
            continue
        seen.add(here.resolve())
        names[:] = sorted(name for name in names if here / name not in skipped)
        for name in sorted(files):
            path = here / name
            ours = not name.endswith(".part") and path not in skipped and path.is_file()
            if ours and path.resolve() != out.resolve():
                yield path


def _manifest(bundle: zipfile.ZipFile, archive: Path) -> dict[str, Any]:
    try:
        told = json.loads(bundle.read(MANIFEST))
        if told["format"] > FORMAT:
            raise FeedsmithError(
                f"{archive}: was made by Feedsmith {told['feedsmith']}, which is newer",
                mend="upgrade this one first",
            )
        slugs = [brand["slug"] for brand in told["brands"]]
        if not slugs or any(PurePosixPath(slug).parts != (slug,) or slug == ".." for slug in slugs):
            raise ValueError(slugs)
        if sum(brand["root"] == "." for brand in told["brands"]) != 1:
            raise ValueError("no home")
    except (KeyError, ValueError, TypeError) as error:
        raise FeedsmithError(
            f"{archive}: is no backup of a studio", mend="name a zip that feedsmith backup wrote"
        ) from error
    return dict(told)


def _inside(name: str, slugs: list[str], single: bool) -> Path:
    """Where an entry of the zip goes. Raises BadZipFile for one that would leave its folder."""
    parts = PurePosixPath(name).parts
    odd = any(part in ("", "..") or "\\" in part or "\0" in part for part in parts)
    if len(parts) < 3 or parts[1] not in slugs or odd:
        raise zipfile.BadZipFile(f"an entry leads elsewhere: {name[:80]}")
    return Path(*parts[2:]) if single else Path(*parts[1:])


# ---- databases -----------------------------------------------------------------------------------


def _copy_sqlite(config: Config, copy: Path) -> list[tuple[str, str]]:
    """A copy of studio.db as of one moment, whoever writes; returns the brands' slugs and roots."""
    if not config.database_file.is_file():
        raise FeedsmithError(
            f"{config.home}: no studio is kept here (studio.db is missing)",
            mend="name the brand whose folder was the first of: feedsmith studio BRAND...",
        )
    try:
        with (
            closing(sqlite3.connect(config.database_file, timeout=20)) as source,
            closing(sqlite3.connect(copy)) as into,
        ):
            source.backup(into)
            into.execute("PRAGMA journal_mode=DELETE")
            return into.execute("SELECT slug, root FROM studio_brand ORDER BY id").fetchall()
    except sqlite3.Error as error:
        raise FeedsmithError(
            f"{config.database_file}: cannot be read ({error})", mend="check the file and its disk"
        ) from error


def _move_brands(database: Path, roots: dict[str, str]) -> None:
    with closing(sqlite3.connect(database)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its database does not hold together")
        with connection:  # two steps, as roots are unique and may change places
            for slug in roots:
                connection.execute(
                    "UPDATE studio_brand SET root = ? WHERE slug = ?", (f"?{slug}", slug)
                )
            for slug, root in roots.items():
                connection.execute("UPDATE studio_brand SET root = ? WHERE slug = ?", (root, slug))
            tables = "SELECT 1 FROM sqlite_master WHERE name = 'studio_publication'"
            if connection.execute(tables).fetchone():
                connection.execute("UPDATE studio_brand SET publishes_from = NULL")
                connection.execute(
                    "UPDATE studio_publication SET over = 1, step = 'asking', attempt = json_set(attempt,"
                    " '$.step', 'asking', '$.why', 'unknown', '$.said', ?, '$.mend', ?) WHERE NOT over",
                    (UNDER_WAY, MEND["unknown"]),
                )
            columns = "SELECT 1 FROM pragma_table_info('studio_draft') WHERE name = 'asks'"
            if connection.execute(columns).fetchone():  # an older one is filled when it is migrated
                connection.execute("UPDATE studio_draft SET asks = '' WHERE asks = 'account'")
                connection.execute(
                    "UPDATE studio_draft SET asks = 'unknown' WHERE state = 'publishing'"
                )


def _tables() -> list[Any]:
    """All models of the studio and its sessions, each after those that it refers to."""
    from django.apps import apps
    from django.core.serializers import sort_dependencies

    chosen = [(apps.get_app_config(name), None) for name in ("studio", "sessions")]
    return list(sort_dependencies(chosen))


def _schema() -> str:
    """Name of the last migration that the database has."""
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder(connection).applied_migrations()
    return max((name for app, name in applied if app == "studio"), default="")


def _copy_tables(config: Config, copy: Path) -> list[tuple[str, str]]:
    """All rows of a PostgreSQL database as of one moment, a line each."""
    from feedsmith.studio.start import open_database

    open_database(config)
    from django.core import serializers
    from django.core.serializers.json import DjangoJSONEncoder
    from django.db import connection, transaction

    from feedsmith.studio.models import Brand

    class Whole(DjangoJSONEncoder):
        """Django cuts times to milliseconds."""

        def default(self, o: Any) -> Any:
            return o.isoformat() if isinstance(o, datetime) else super().default(o)

    with transaction.atomic(), copy.open("w", encoding="utf-8") as stream:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        stream.write(json.dumps({"schema": _schema()}) + "\n")
        for model in _tables():
            rows = model._default_manager.order_by("pk").iterator(chunk_size=500)
            serializers.serialize("jsonl", rows, stream=stream, cls=Whole)
        return list(Brand.objects.order_by("pk").values_list("slug", "root"))


def _load_tables(config: Config, text: str, roots: dict[str, str]) -> None:
    """Rows back into the empty database that is set."""
    from feedsmith.studio.settings import DATABASE_URL
    from feedsmith.studio.start import open_database

    if not config.database_url:
        raise FeedsmithError(
            "this backup is of a studio on PostgreSQL",
            mend=f"set {DATABASE_URL} to an empty database",
        )
    open_database(config)
    from django.core import serializers
    from django.core.management.color import no_style
    from django.db import connection, transaction

    from feedsmith.studio.models import Brand, Draft, Publication

    if Brand.objects.exists():
        raise FeedsmithError(
            "the database of the environment holds a studio already", mend="name an empty one"
        )
    first, _, rows = text.partition("\n")
    if json.loads(first)["schema"] != _schema():
        raise FeedsmithError(
            "this backup is of another version of the database",
            mend="restore it with the Feedsmith that made it, then upgrade",
        )
    with transaction.atomic():
        for row in serializers.deserialize("jsonl", rows):
            row.save()
        for slug in roots:
            Brand.objects.filter(slug=slug).update(root=f"?{slug}")
        for slug, root in roots.items():
            Brand.objects.filter(slug=slug).update(root=root, publishes_from=None)
        for publication in Publication.objects.filter(over=False):
            told = publication.told.now(
                "asking", why="unknown", said=UNDER_WAY, mend=MEND["unknown"]
            )
            publication.attempt, publication.step = told.model_dump(mode="json"), told.step
            publication.over = True
            publication.save()
        Draft.objects.filter(asks="account").update(asks="")
        Draft.objects.filter(state="publishing").update(asks="unknown")
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), _tables()):
                cursor.execute(statement)
