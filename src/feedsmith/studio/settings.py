"""Settings: one immutable `Config`, and what Django is told for it.

Knows where things lie and who may speak to the studio; knows no model and no page.
"""

import ipaddress
import json
import os
import re
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from feedsmith.errors import FeedsmithError
from feedsmith.files import made

DATABASE_URL = "FEEDSMITH_DATABASE_URL"
"""Environment variable: postgresql://user:password@host:port/name; empty for SQLite in the home."""
_HANDED_ON = "FEEDSMITH_STUDIO"
"""Environment variable in which the server tells its workers the config."""
PORT = 8321
MEMORY_CAP = 512 * 2**20
"""Bytes that a worker may hold, pages of files left out; making posts takes up to 366 MB (docs/deploy/memory.md)."""
UPLOAD_MEMORY = 1 << 20
"""Bytes of a request that are held in memory; what is larger goes to a file or is refused."""


@dataclass(frozen=True)
class Config:
    """How one studio is set up. The home is the first brand's folder."""

    home: Path
    database_url: str = ""
    """postgresql://...; '' for SQLite: studio.db in the home."""
    host: str = "127.0.0.1"
    port: int = PORT
    public_url: str = ""
    """Where people reach it, if not at host and port: https://studio.example.org."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; none by default."""
    servers: int = 1
    """Processes that answer browsers, each on a processor of its own."""
    memory_cap: int = MEMORY_CAP
    jobs_at_once: int = 1
    idle_seconds: float = 60.0
    """A worker with nothing to do ends after this long and gives its memory back."""

    workers_here: int | None = None
    """Of the workers for these jobs, how many this process starts; None for all of them. The others are
    started by `feedsmith studio work` elsewhere."""
    webhooks_to: str = ""
    """Networks beside the public internet that webhooks may call: "192.168.1.0/24,10.0.0.7"."""
    log: str = ""
    """Of logs.FORMS: how all events are written to standard error; '' for what goes wrong alone, in a file."""
    metrics: bool = False
    """Whether /metrics answers others than programs on this machine; names of brands and accounts stand there."""
    metrics_token: str = ""
    """What they must show then, programs on this machine too; '' for nothing."""

    def as_environment(self) -> dict[str, str]:
        """For a worker: all of it, in one variable."""
        return {_HANDED_ON: json.dumps(asdict(self), default=str)}

    @classmethod
    def from_environment(cls) -> "Config":
        told = json.loads(os.environ[_HANDED_ON])
        return cls(**told | {"home": Path(told["home"]), "proxies": tuple(told["proxies"])})

    @property
    def folder(self) -> Path:
        """What the studio keeps beside its database: key, thumbnails, log."""
        return self.home / "studio"

    @property
    def database_file(self) -> Path:
        return self.home / "studio.db"

    @property
    def thumbnails(self) -> Path:
        return self.folder / "thumbnails"

    @property
    def cutouts(self) -> Path:
        return self.folder / "cutouts"

    @property
    def previews(self) -> Path:
        """Posts in the templates that they could have; made again when they are missing."""
        return self.folder / "previews"

    @property
    def url(self) -> str:
        """Where a person opens it, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        shown = {"": "localhost", "0.0.0.0": "localhost", "::": "localhost"}.get(  # noqa: S104
            self.host, self.host
        )
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"

    @property
    def secure(self) -> bool:
        """True where people come by https: cookies then never travel without it."""
        return self.url.startswith("https://")

    @property
    def meets_strangers(self) -> bool:
        """True where others than programs on this machine may reach it, as far as can be told from here."""
        if self.public_url or self.proxies:
            return True
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() != "localhost"

    def serves(self, host: str) -> bool:
        """True where a request's Host header may name this studio.

        IP addresses always may: the attack that this is against (DNS rebinding) needs a name."""
        name = host.rsplit(":", 1)[0] if re.search(r":\d+$", host) else host
        name = name.strip("[]").rstrip(".").lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names()
        return True

    def _names(self) -> set[str]:
        machine = socket.gethostname().lower()
        own = {"localhost", self.host.lower(), machine, f"{machine}.local"}
        return {*own, (urlsplit(self.public_url).hostname or "").lower()} - {""}


def secret_key(config: Config) -> str:
    """The key that signs sessions and links: made once, in a file only its owner can read."""
    path = config.folder / "secret.key"
    made(config.folder)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        key = path.read_text("ascii").strip()
        if len(key) < 40:
            raise FeedsmithError(
                f"{path}: is not a key of the studio",
                mend="delete it; a new one is made, and everybody signs in again",
            ) from None
        return key
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        key = secrets.token_urlsafe(48)
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    return key


def database(config: Config) -> dict[str, Any]:
    """Django's description of the database. Raises FeedsmithError for an address it cannot read."""
    if not config.database_url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(config.database_file),
            "OPTIONS": {
                # Waiting at the start of a transaction instead of failing in its middle.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                "PRAGMA cache_size=-1000;",
            },
        }
    parts = urlsplit(config.database_url)
    if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2:
        raise FeedsmithError(
            f"{DATABASE_URL}: not an address of a PostgreSQL database",
            mend="write it as postgresql://user:password@host:5432/name",
        )
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise FeedsmithError(
            "the driver for PostgreSQL is not installed", mend="pip install 'psycopg[binary]'"
        ) from error
    options = dict(parse_qsl(parts.query))
    # Seconds; without it a machine that is gone is waited for over two minutes, also by a studio that is to end.
    options.setdefault("connect_timeout", "5")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def django_settings(config: Config) -> dict[str, Any]:
    """All that Django is told."""
    return {
        "STUDIO": config,
        "SECRET_KEY": secret_key(config),
        "DEBUG": False,
        # Names are checked by our own middleware: Django's list cannot say "any IP address".
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "feedsmith.studio.urls",
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "feedsmith.studio.apps.Studio",
        ],
        "MIDDLEWARE": [
            "feedsmith.studio.middleware.observed",
            "feedsmith.studio.middleware.guard",
            "feedsmith.studio.middleware.compress",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "feedsmith.studio.middleware.say_plainly",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "feedsmith.studio.pages.context.everywhere",
                    ]
                },
            }
        ],
        "DATABASES": {
            # Threads last (serving.py), and so do their connections. A file does not hang up.
            "default": database(config)
            | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": bool(config.database_url)}
        },
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "AUTH_USER_MODEL": "studio.Person",
        "AUTHENTICATION_BACKENDS": ["feedsmith.studio.models.people.SignIn"],
        "AUTH_PASSWORD_VALIDATORS": [
            {
                "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
                "OPTIONS": {"min_length": 10},
            },
            {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        ],
        "LOGIN_URL": "/sign-in",
        "SESSION_ENGINE": "feedsmith.studio.sessions",
        "SESSION_COOKIE_AGE": 30 * 24 * 3600,
        "SESSION_COOKIE_NAME": "studio",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.secure,
        "CSRF_COOKIE_NAME": "studio_csrf",
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": config.secure,
        "CSRF_TRUSTED_ORIGINS": [config.url] if config.public_url else [],
        "CSRF_FAILURE_VIEW": "feedsmith.studio.pages.errors.csrf",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": UPLOAD_MEMORY,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 2000,
        "FILE_UPLOAD_MAX_MEMORY_SIZE": UPLOAD_MEMORY,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": False,
        "LANGUAGE_CODE": "en",
        "APPEND_SLASH": False,
        "LOGGING_CONFIG": None,
    }


def set_up(config: Config) -> None:
    """Tell Django, once in a process. A second call with another config is our own mistake."""
    import django
    from django.conf import settings

    if settings.configured:
        assert config == settings.STUDIO
        return
    settings.configure(**django_settings(config))
    django.setup()
