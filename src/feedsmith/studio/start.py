"""Starting: the database is brought up to date, brands and a first person are there, the server runs.

Knows how a studio is put together; prints nothing itself (`tell` gets what a person should see).
"""

import contextlib
import getpass
import os
import re
import signal
import socket
import sqlite3
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from feedsmith import memory
from feedsmith.errors import FeedsmithError
from feedsmith.files import check_writable
from feedsmith.studio import logs, schema
from feedsmith.studio.settings import DATABASE_URL, Config, set_up
from feedsmith.studio.worker.lock import OneStudio

Tell = Callable[[str], None]

OWNER = "FEEDSMITH_OWNER"
"""Environment variable: what the first owner signs in as; else as the system's user is called."""

MIRROR = "FEEDSMITH_MIRROR"
"""Environment variable: the folder in the bucket that the brands' folders are kept in; '' for none."""
STDERR = 2
LEAST_FOR_FILES = 1.5
"""Seconds that what was made last has to reach the bucket, however long the others took to end."""
SERVER_BYTES, WORKER_BYTES = 80 << 20, 366 << 20
"""At the most (docs/deploy/memory.md); the process that keeps several servers holds as much as one of them."""
ENDS_WITHIN = 8.0
"""Seconds from SIGTERM or Ctrl-C until all processes have ended; an engine of containers waits 10."""


def open_database(config: Config) -> None:
    """Settings, and a database with all its tables. Raises FeedsmithError where it cannot be opened."""
    check_writable(config.folder)
    if not config.database_url:  # before anything opens it to write
        try:
            schema.refuse_newer(schema.applied_to(config.database_file))
        except sqlite3.Error as error:
            raise _closed(config, error) from error
    set_up(config)
    from django.db import Error

    try:
        schema.bring_up_to_date(config)
    except Error as error:
        raise _closed(config, error) from error


def _closed(config: Config, error: Exception) -> FeedsmithError:
    where = "PostgreSQL" if config.database_url else str(config.database_file)
    return FeedsmithError(
        f"{where}: the studio's database cannot be opened ({_line(error)})",
        mend="check that it runs and that you may use it"
        if config.database_url
        else "check the file's permissions and the room on its disk; it is not changed",
    )


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def welcome(homes: Sequence[Path]) -> Any:
    """The brands in these folders are known, and somebody owns them; returns the first owner."""
    from feedsmith.studio import copies
    from feedsmith.studio.models import Brand, Person
    from feedsmith.studio.models.drafts import adopt
    from feedsmith.studio.models.people import add

    brands = [Brand.adopt(home) for home in homes]
    owner = Person.objects.filter(is_active=True, memberships__role="owner").order_by("pk").first()
    name = owner.name if owner is not None else _login()
    for brand in brands:
        if not brand.memberships.filter(role="owner", person__is_active=True).exists():
            owner = add(name, brand, "owner")
        copies.sweep(brand.home.posts)
        adopt(brand)
    return owner


def _login() -> str:
    """What the first owner is called."""
    if said := os.environ.get(OWNER, "").strip():
        return said[:60]
    with contextlib.suppress(Exception):  # no such user in a container
        return re.sub(r"[^\w.-]", "", getpass.getuser())[:60] or "owner"
    return "owner"


def open_studio(
    config: Config,
    homes: Sequence[Path],
    *,
    tell: Tell,
    open_browser: bool = False,
    password: str = "",
) -> None:
    """Run the studio until Ctrl-C or SIGTERM. Raises FeedsmithError where it cannot start.

    `password`: the owner's first one, where they have none yet. No link is told then: a container's log is
    read by more people than a terminal.
    """
    end = End()
    memory.be_frugal()
    check_writable(config.folder)
    logs.set_up(config.log, events=STDERR, problems=config.folder / "studio.log")
    lock = OneStudio(config.folder)
    lock.take()
    listening = _listen(config)
    config = replace(config, port=listening.getsockname()[1])
    open_database(config)
    sender = _sender(config, homes)
    owner = welcome(homes)
    if password:
        _first_password(owner, password)
    from feedsmith.studio import metrics
    from feedsmith.studio.delivery import Deliverer
    from feedsmith.studio.models import Job, LoginLink, Look, Publisher
    from feedsmith.studio.worker.supervisor import EXTRA, Supervisor

    # Nobody of ours works yet: what seems to run was cut off by a kill, and goes on.
    Job.lost(None, "the studio was ended in between", but=EXTRA)
    if config.database_url:  # another studio's publisher may be at it
        for name in Publisher.cut_off(but=EXTRA):
            Look.released(name)
    else:
        Publisher.ended()
        Look.released()

    keeper: Any = None
    if config.servers > 1:
        from feedsmith.studio.keeper import Keeper

        keeper = Keeper(config, listening, lock)
    address = f"{config.url}/sign-in/link/{LoginLink.make(owner)}"
    tell(f"The studio is open at {config.url}")
    if said := narrow(config, memory.limit()):
        tell(said)
    if password:
        tell(f"Sign in as {owner.name} with your password.")
    else:
        tell(f"Sign in once with this link, within an hour: {address}")
    supervisor = Supervisor(config, lock)
    metrics.supervisor, metrics.sender = supervisor, sender
    metrics.begin()
    deliverer = Deliverer()

    def tell_all() -> None:
        """Servers and workers end side by side."""
        end.begins()
        if keeper is not None:
            keeper.begin_to_end()
        supervisor.begin_to_end()

    # Done from the last to the first when it ends, each also where another fails.
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(end.ended)
        at_the_end.callback(lock.release)
        if sender is not None:
            # After all who write files, in the time that they left.
            at_the_end.callback(lambda: sender.close(max(LEAST_FOR_FILES, end.left())))
        at_the_end.callback(lambda: supervisor.close(end.until))
        at_the_end.callback(deliverer.close)
        if keeper is not None:
            at_the_end.callback(lambda: keeper.close(end.until))
        at_the_end.callback(tell_all)
        supervisor.start()
        deliverer.start()
        if sender is not None:
            sender.start()
        if open_browser:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again when all is closed
            if keeper is not None:
                keeper.run()
            else:
                _serve(config, listening, tell_all)


def narrow(config: Config, room: int | None) -> str:
    """What to say where several servers and the workers do not fit into so many bytes; '' where they do."""
    workers = config.jobs_at_once if config.workers_here is None else config.workers_here
    wanted = (config.servers + 1) * SERVER_BYTES + workers * WORKER_BYTES
    if config.servers == 1 or room is None or wanted <= room:
        return ""
    return (
        f"{config.servers} servers and the workers may hold {wanted >> 20} MB together, and there are {room >> 20}: "
        "the system may end some of them. Take fewer servers, or allow more memory."
    )


class End:
    """SIGTERM and Ctrl-C raise KeyboardInterrupt from the first moment on: as the first process of a container SIGTERM
    would else be ignored, and elsewhere it would end the server before its workers are told. Once it has begun to
    end, both are ignored: what is left takes ENDS_WITHIN, and is what keeps the next start from trouble."""

    def __init__(self) -> None:
        self.until = 0.0
        """When all must have ended, by time.monotonic(); 0 as long as nobody wants it to."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGTERM:
                    signal.signal(number, self._ended)

    def _ended(self, number: int, frame: object) -> None:
        if not self.until:
            raise KeyboardInterrupt

    def begins(self) -> None:
        """Only the first call counts."""
        self.until = self.until or time.monotonic() + ENDS_WITHIN

    def ended(self) -> None:
        """All is closed; a thread that still waits for the database does not keep the process."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)  # else Python, as it ends, lets them kill it
            over = threading.Timer(1.0, os._exit, (0,))
            over.daemon = True
            over.start()

    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self.until - time.monotonic())


def _sender(config: Config, homes: Sequence[Path]) -> Any:
    """Who sends the folders to a bucket, where the environment asks for that; None elsewhere."""
    if not os.environ.get(MIRROR, "").strip():
        return None
    from feedsmith.studio import mirror  # with the bucket's client: 5 MB that most do without

    if not config.log:  # the file of the log lies on the disk that is forgotten
        mirror.log.addHandler(logs.to(STDERR))
    mirrored = mirror.of(homes)
    mirrored.begin()
    return mirror.Sender(mirrored)


def _serve(config: Config, listening: socket.socket, ends: Callable[[], None]) -> None:
    """Answer browsers in this process, until SIGTERM or SIGINT; `ends` is called as soon as one comes."""
    from feedsmith.studio.server import Server
    from feedsmith.studio.serving import Application

    Server(config, Application(), ends=ends).run(sockets=[listening])


def work_along(config: Config, *, tell: Tell) -> None:
    """Workers and a publisher beside a studio that is open elsewhere, on the same PostgreSQL and the same
    folders, until Ctrl-C or SIGTERM. Raises FeedsmithError where it cannot start."""
    if not config.database_url:
        raise FeedsmithError(
            "workers beside a studio need PostgreSQL; with SQLite the studio starts its own",
            mend=f"set {DATABASE_URL}, for the studio too",
        )
    end = End()
    memory.be_frugal()
    check_writable(config.folder)
    logs.set_up(config.log, events=STDERR, problems=STDERR)
    open_database(config)
    from feedsmith.studio.worker.supervisor import EXTRA, Supervisor

    supervisor = Supervisor(config, OneStudio(config.folder), EXTRA)  # the lock is the studio's
    supervisor.start()
    tell(f"Works along with the studio of {config.home}.")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            while supervisor.is_alive():
                supervisor.join(3600)
    finally:
        end.begins()
        supervisor.close(end.until)


def _listen(config: Config) -> socket.socket:
    """The socket, bound. Raises FeedsmithError where it cannot be."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise FeedsmithError(
            f"{config.host}:{config.port} cannot be listened on ({(error.strerror or str(error)).lower()})",
            mend="is a studio open already? else name another port: --port 8322",
        ) from error
    listening.set_inheritable(False)
    return listening


def _first_password(owner: Any, password: str) -> None:
    """Raises FeedsmithError for one that is too easy; leaves alone who has one already."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    if owner.has_usable_password():
        return
    try:
        validate_password(password, owner)
    except ValidationError as error:
        raise FeedsmithError(
            f"the owner's first password is refused: {' '.join(error.messages)}",
            mend="set a longer one, e.g. of four words",
        ) from error
    owner.set_password(password)
    owner.save(update_fields=["password"])
