"""Checkup: what `feedsmith doctor` says of a studio's home. Looks only; changes nothing, and opens no Django."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from feedsmith.brand import Home
from feedsmith.doctor import Finding
from feedsmith.errors import FeedsmithError
from feedsmith.studio import schema
from feedsmith.studio.settings import Config

ROOM, LEAST = 500 * 2**20, 32 * 2**20
"""Bytes free on the disk below which one should look, and below which jobs do not begin."""
AHEAD = 300
"""Seconds that a file may come from the future, for the clocks of network disks."""


def examine(config: Config) -> list[Finding]:
    """All findings; none where no studio is kept here. Never raises for what is wrong: that is a finding."""
    if not (config.database_url or config.database_file.exists()):
        return []
    return [_database(config), _room(config), *_keys(config), _clock(config), _zone(config)]


def _database(config: Config) -> Finding:
    where = "PostgreSQL" if config.database_url else "SQLite"
    try:
        names = _applied(config)
    except FeedsmithError as error:
        return Finding("bad", "database", f"{where}: {error.message}", error.mend)
    behind, ahead = schema.compared(names)
    if ahead:
        said = f"{where}, written by a newer Feedsmith ({max(ahead)})"
        return Finding("bad", "database", said, "upgrade: pip install --upgrade feedsmith")
    if not names:
        return Finding("note", "database", f"{where}, empty", "the studio fills it when it opens")
    if behind:
        said = f"{where}, of an older Feedsmith ({max(names)})"
        return Finding("note", "database", said, "the studio brings it up to date when it opens")
    return Finding("ok", "database", f"{where}, up to date ({max(names)})")


def _applied(config: Config) -> frozenset[str]:
    """Its migrations. Raises FeedsmithError where it does not answer, or does not hold together."""
    if config.database_url:
        return _applied_to_postgres(config)
    file = config.database_file
    try:
        names = schema.applied_to(file)
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise FeedsmithError(
            f"{file} cannot be read ({error})", mend="check its permissions, or restore a backup"
        ) from error
    if said != "ok":
        raise FeedsmithError(
            f"{file} does not hold together ({said[:100]})",
            mend="restore a backup: feedsmith restore",
        )
    return names


def _applied_to_postgres(config: Config) -> frozenset[str]:
    from feedsmith.studio.settings import database

    database(config)  # says what is wrong with the address, or that the driver is missing
    import psycopg

    try:
        with psycopg.connect(config.database_url, connect_timeout=5) as connection:
            there = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
            if there is None or there[0] is None:
                return frozenset()
            asked = "SELECT name FROM django_migrations WHERE app = 'studio'"
            return frozenset(name for (name,) in connection.execute(asked).fetchall())
    except psycopg.Error as error:
        words = str(error).strip().splitlines()
        raise FeedsmithError(
            f"does not answer ({words[-1][:150] if words else type(error).__name__})",
            mend="check that it runs and that you may use it",
        ) from error


def _room(config: Config) -> Finding:
    free = shutil.disk_usage(config.home).free
    said = f"{free / 1e9:.1f} GB free for {config.home}"
    if free < LEAST:
        return Finding("bad", "studio's disk", said, "free some space: nothing can be made")
    if free < ROOM:
        return Finding("note", "studio's disk", said, "free some space")
    return Finding("ok", "studio's disk", said)


def _keys(config: Config) -> Iterator[Finding]:
    """Files that must be their owner's alone."""
    secret = [config.folder / "secret.key", config.home / "publishing" / "secret.key"]
    secret += sorted((config.home / "publishing" / "accounts").glob("*.json"))
    there = [path for path in secret if path.exists()]
    open_ones = [p for p in there if os.name == "posix" and p.stat().st_mode & 0o077]
    for path in open_ones:
        said = f"{path} can be read by others"
        yield Finding("bad", "key files", said, f"chmod 600 {path}")
    if there and not open_ones:
        yield Finding("ok", "key files", f"{len(there)}, for their owner alone")


def _clock(config: Config) -> Finding:
    """No server is asked; but what was written yesterday cannot be from tomorrow."""
    newest = max((p.stat().st_mtime for p in _written(config)), default=0.0)
    shown = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if newest > time.time() + AHEAD:
        ahead = datetime.fromtimestamp(newest, UTC)
        said = f"{shown}, yet the studio wrote at {ahead:%Y-%m-%d %H:%M}"
        return Finding("bad", "clock", said, "set it right: posts go out by it")
    return Finding("ok", "clock", shown)


def _written(config: Config) -> list[Path]:
    names = ("studio.db", "studio.db-wal", "studio/studio.log", "studio/secret.key")
    return [path for name in names if (path := config.home / name).exists()]


def _zone(config: Config) -> Finding:
    try:
        name = Home(config.home).load().time_zone
        now = datetime.now(ZoneInfo(name))
    except FeedsmithError as error:
        return Finding("bad", "time zone", error.message, error.mend)
    except (KeyError, OSError, ValueError):
        said = f"{name} is not known to this machine"
        return Finding("bad", "time zone", said, "pip install tzdata")
    return Finding("ok", "time zone", f"{name}, now {now:%H:%M} ({now:%Z})")
