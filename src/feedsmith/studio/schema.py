"""Schema: which migrations the database has, which this program knows, and how it is brought up to date.

A database of a newer program is left untouched. Before an older one is changed it is copied, and only one process
changes it. Each migration is one transaction: a kill leaves the database before or after it, never in between, and
the next start goes on.
"""

import contextlib
import gzip
import importlib.resources
import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, made, no_room, writing
from feedsmith.studio import logs
from feedsmith.studio.settings import Config

KEPT = 3
"""Copies from before an upgrade that are kept; older ones go."""
LOCK = 0x66656565
"""Number of PostgreSQL's advisory lock on changing the tables."""

log = logging.getLogger("feedsmith.studio")


# ---- looking -------------------------------------------------------------------------------------


def known() -> frozenset[str]:
    """Names of this program's migrations. Asks no Django: `feedsmith doctor` wants to know, too."""
    files = importlib.resources.files("feedsmith.studio").joinpath("migrations").iterdir()
    return frozenset(
        f.name[:-3] for f in files if f.name.endswith(".py") and not f.name.startswith("_")
    )


def compared(names: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Migrations that a database with these lacks, and those of it that this program does not know."""
    return known() - names, names - known()


def applied() -> frozenset[str]:
    """Of the database that Django is set to; none where it is empty. Raises django.db.DatabaseError."""
    from django.db import connection

    with connection.cursor() as cursor:
        if "django_migrations" not in connection.introspection.table_names(cursor):
            return frozenset()
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'studio'")
        return frozenset(name for (name,) in cursor.fetchall())


def applied_to(file: Path) -> frozenset[str]:
    """Of a file of SQLite, which is only read; none where there is no file, or no table. Raises sqlite3.Error."""
    if not file.is_file() or not file.stat().st_size:
        return frozenset()
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
        tables = "SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'"
        if database.execute(tables).fetchone() is None:
            return frozenset()
        rows = database.execute("SELECT name FROM django_migrations WHERE app = 'studio'")
        return frozenset(name for (name,) in rows)


def refuse_newer(names: frozenset[str]) -> None:
    """Raises FeedsmithError where a newer program wrote it."""
    if compared(names)[1]:
        raise FeedsmithError(
            "the studio's database was written by a newer Feedsmith, and was not touched",
            mend="upgrade this one: pip install --upgrade feedsmith",
        )


# ---- bringing up to date -------------------------------------------------------------------------


def bring_up_to_date(config: Config) -> None:
    """All migrations that are missing, after a copy of what is there. Django is set up.

    Raises FeedsmithError for a newer database, or where the copy cannot be made; django.db.Error.
    """
    refuse_newer(applied())
    if not compared(applied())[0]:
        return
    from django.core.management import call_command

    with _alone(config):
        names = applied()  # somebody else may have done it while we waited
        behind, _ = compared(names)
        if not behind:
            return
        if names:
            copy = keep_copy(config, max(names))
            logs.event(log, "database copied", was=max(names), to=copy.name)
        call_command("migrate", verbosity=0, interactive=False)
        logs.event(log, "database brought up to date", was=max(names, default=""), now=max(known()))


@contextlib.contextmanager
def _alone(config: Config) -> Iterator[None]:
    """One process at a time: on this machine by a file, and among several by PostgreSQL."""
    from django.db import connection

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):  # Windows
            import fcntl

            file: IO[bytes] = stack.enter_context((config.folder / "upgrade.lock").open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
        if connection.vendor == "postgresql":
            cursor = stack.enter_context(connection.cursor())
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            stack.callback(cursor.execute, "SELECT pg_advisory_unlock(%s)", [LOCK])
        yield


# ---- the copy ------------------------------------------------------------------------------------


def copies(config: Config) -> Path:
    """Where copies from before upgrades lie."""
    return config.folder / "before-upgrades"


def keep_copy(config: Config, was: str) -> Path:
    """Copy the database, which has the migration `was`, into the studio's folder; whole or not at all. Raises
    FeedsmithError where the disk has no room: then nothing is changed."""
    folder = made(copies(config))
    at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = folder / f"{at}-{was}.{'jsonl.gz' if config.database_url else 'db'}"
    try:
        if config.database_url:
            _copy_rows(path)
        else:
            _copy_file(config.database_file, path)
    except OSError as error:
        if full_disk(error):
            raise no_room(path, "the database was not changed") from error
        raise
    except sqlite3.Error as error:
        raise FeedsmithError(
            f"{config.database_file}: cannot be copied before it is upgraded ({error})",
            mend="check the file and the room on its disk; it was not changed",
        ) from error
    for old in sorted(p for p in folder.iterdir() if p.suffix in (".db", ".gz"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def _copy_file(file: Path, path: Path) -> None:
    """To a file aside, which is then renamed."""
    aside = path.with_name(f"{path.name}.part")
    aside.unlink(missing_ok=True)
    try:
        if shutil.disk_usage(path.parent).free < 2 * file.stat().st_size:
            raise no_room(path, "the database was not changed")
        with (
            closing(sqlite3.connect(file, timeout=20)) as source,
            closing(sqlite3.connect(aside)) as into,
        ):
            source.backup(into)
            into.execute("PRAGMA journal_mode=DELETE")
        aside.chmod(0o600)
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def _copy_rows(path: Path) -> None:
    """Every table of PostgreSQL as of one moment, a row a line: {"table": ..., "row": {...}}."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tables = sorted(connection.introspection.table_names(cursor))
        with writing(path, 0o600) as raw, gzip.open(raw, "wt", encoding="utf-8") as stream:
            for table in tables:
                name = connection.ops.quote_name(table)
                cursor.execute(f"SELECT to_jsonb(t)::text FROM {name} t")  # noqa: S608 - of its own catalogue
                for row in iter(lambda: cursor.fetchmany(500), []):
                    for (text,) in row:
                        line: dict[str, Any] = {"table": table, "row": json.loads(text)}
                        stream.write(json.dumps(line, ensure_ascii=False) + "\n")
