"""`feedsmith studio`: open it, add people. The studio is imported when it is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from feedsmith import environment
from feedsmith.cli.screen import counted, next_step, out, showing_progress
from feedsmith.errors import FeedsmithError

if TYPE_CHECKING:
    from feedsmith.doctor import Finding
    from feedsmith.studio.settings import Config


class _Opening(TyperGroup):
    """`feedsmith studio mybrand/` means `feedsmith studio open mybrand/`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["open", *args]
        return super().parse_args(ctx, args)


studio_app = typer.Typer(
    cls=_Opening,
    no_args_is_help=True,
    help="Open the studio in the browser: feedsmith studio BRAND... [--host --port --open]",
)
user_app = typer.Typer(no_args_is_help=True, help="Add people, and make links to sign in.")
token_app = typer.Typer(
    no_args_is_help=True, help="Let programs use the API and the MCP server as a person."
)

Homes = Annotated[
    list[Path],
    typer.Argument(metavar="BRAND...", help="Brands' folders; the first keeps the studio."),
]
Idle = Annotated[
    float,
    typer.Option(envvar="FEEDSMITH_IDLE", min=1, help="Seconds after which an idle worker ends."),
]
Log = Annotated[
    str,
    typer.Option(
        envvar="FEEDSMITH_LOG",
        help="Write every event to standard error: text for people, or json.",
    ),
]
PORT = 8321
URL = "FEEDSMITH_URL"
METRICS_TOKEN = "FEEDSMITH_METRICS_TOKEN"  # noqa: S105 - a name, no token
OWNER_PASSWORD = "FEEDSMITH_OWNER_PASSWORD"  # noqa: S105 - a name, no password


def config_of(home: Path, **more: object) -> "Config":
    """The studio kept in this brand's folder. Raises FeedsmithError where there is no brand."""
    from feedsmith.brand import Home
    from feedsmith.studio.settings import Config

    Home(home).load()
    return Config(home=home.resolve(), database_url=_database_url(), **more)  # type: ignore[arg-type]


def _database_url() -> str:
    from feedsmith.studio.settings import DATABASE_URL

    return environment.secret(DATABASE_URL, "the database's address")


studio_app.add_typer(user_app, name="user")
studio_app.add_typer(token_app, name="token")


@studio_app.command("open")
def studio(
    homes: Homes,
    host: Annotated[
        str,
        typer.Option(
            envvar="FEEDSMITH_HOST",
            help="Address to listen on; 0.0.0.0 for phones in your network.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="FEEDSMITH_PORT",
            min=0,
            max=65535,
            help="Port to listen on; 0 for any that is free.",
        ),
    ] = PORT,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open it in your browser, signed in.")
    ] = False,
    url: Annotated[
        str,
        typer.Option(
            envvar=URL, help="Where people reach it, if elsewhere: https://studio.example.org"
        ),
    ] = "",
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            envvar="FEEDSMITH_PROXY",
            help="Address or network of a proxy in front of it that may be believed, e.g. 127.0.0.1.",
        ),
    ] = None,
    memory: Annotated[
        int,
        typer.Option(
            envvar="FEEDSMITH_MEMORY", min=64, help="MB that the process which makes posts may use."
        ),
    ] = 512,
    servers: Annotated[
        int,
        typer.Option(
            envvar="FEEDSMITH_SERVERS",
            min=1,
            max=32,
            help="Processes that answer browsers; one for each processor that many people need.",
        ),
    ] = 1,
    idle: Idle = 60,
    jobs: Annotated[
        int,
        typer.Option(envvar="FEEDSMITH_JOBS", min=1, max=8, help="Jobs that run at the same time."),
    ] = 1,
    workers: Annotated[
        int,
        typer.Option(
            envvar="FEEDSMITH_WORKERS",
            min=-1,
            max=8,
            help="How many of them this process works at; -1 for all. The others: feedsmith studio work.",
        ),
    ] = -1,
    webhooks_to: Annotated[
        list[str] | None,
        typer.Option(
            envvar="FEEDSMITH_WEBHOOKS_TO",
            help="A private network that webhooks may call, e.g. 192.168.1.0/24.",
        ),
    ] = None,
    log: Log = "",
    metrics: Annotated[
        bool,
        typer.Option(
            envvar="FEEDSMITH_METRICS",
            help="Answer /metrics for others than programs on this machine.",
        ),
    ] = False,
) -> None:
    """Open the studio in the browser: make, look, edit, approve."""
    from feedsmith.studio.logs import checked
    from feedsmith.studio.start import open_studio

    config = config_of(
        homes[0], host=host, port=port, public_url=url, proxies=tuple(proxy or ()),
        servers=servers, memory_cap=memory * 2**20, jobs_at_once=jobs, idle_seconds=idle,
        workers_here=workers if workers >= 0 else None, webhooks_to=_networks(webhooks_to or []),
        log=checked(log), metrics=metrics, metrics_token=environment.secret(METRICS_TOKEN, "the token"),
    )  # fmt: skip
    if config.metrics and config.meets_strangers and not config.metrics_token:
        raise FeedsmithError(
            "/metrics would tell everybody the names of brands and accounts: FEEDSMITH_METRICS is set, and no token",
            mend=f"set {METRICS_TOKEN} (or _FILE), which your monitor then shows",
        )
    open_studio(
        config,
        homes,
        open_browser=open_browser,
        password=environment.secret(OWNER_PASSWORD, "the owner's password"),
        tell=lambda line: out.print(escape(line), soft_wrap=True),
    )
    out.print("The studio is closed.", style="dim")


@studio_app.command("fetch")
def fetch(
    folder: Annotated[Path, typer.Argument(help="Where the brands' folders are to lie.")],
    incomplete: Annotated[
        bool,
        typer.Option(
            envvar="FEEDSMITH_MIRROR_INCOMPLETE",
            help="Go on also where a post's own file, or another but brand.toml, is damaged in the bucket.",
        ),
    ] = False,
) -> None:
    """Bring the brands' folders back from the bucket that FEEDSMITH_MIRROR keeps them in."""
    from feedsmith.studio import mirror

    count = mirror.bring_back(
        mirror.store_from_environment(), folder.resolve(), incomplete=incomplete,
        tell=lambda line: out.print(escape(line), soft_wrap=True),
    )  # fmt: skip
    out.print(f"{counted(count, 'file')} brought back." if count else "The bucket has none yet.")


@studio_app.command("work")
def work(
    home: Annotated[
        Path, typer.Argument(metavar="BRAND", help="The folder that keeps the studio.")
    ],
    memory: Annotated[
        int,
        typer.Option(envvar="FEEDSMITH_MEMORY", min=64, help="MB that a worker may use."),
    ] = 512,
    idle: Idle = 60,
    jobs: Annotated[
        int,
        typer.Option(envvar="FEEDSMITH_JOBS", min=1, max=8, help="Jobs of the whole studio."),
    ] = 1,
    workers: Annotated[
        int,
        typer.Option(
            envvar="FEEDSMITH_WORKERS", min=0, max=8, help="How many of them are worked at here."
        ),
    ] = 1,
    log: Log = "",
) -> None:
    """Work for a studio that is open elsewhere, on the same PostgreSQL and the same folders."""
    from feedsmith.studio.logs import checked
    from feedsmith.studio.start import work_along

    config = config_of(
        home, memory_cap=memory * 2**20, jobs_at_once=jobs, idle_seconds=idle, workers_here=workers,
        log=checked(log),
    )  # fmt: skip
    work_along(config, tell=lambda line: out.print(escape(line), soft_wrap=True))
    out.print("Work is over.", style="dim")


def _networks(words: list[str]) -> str:
    """Networks as the settings hold them. Raises FeedsmithError for what is none."""
    import ipaddress

    for word in words:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError as error:
            raise FeedsmithError(
                f"--webhooks-to {word}: not an address or a network",
                mend="write it as 192.168.1.20 or 192.168.1.0/24",
            ) from error
    return ",".join(words)


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="What they sign in with.")],
    homes: Homes,
    role: Annotated[str, typer.Option(help="reviewer, editor or owner.")] = "editor",
    url: Annotated[str, typer.Option(envvar=URL, help="Where people reach the studio.")] = "",
) -> None:
    """Add a person to brands of a studio (the first folder keeps it), and print their link."""
    from feedsmith.studio import states
    from feedsmith.studio.start import open_database, welcome

    name = name.strip()
    if not name or len(name) > 60 or not name.isprintable():
        raise FeedsmithError(f'"{name}" cannot be a name', mend="use 1 to 60 letters")
    if role not in states.ROLES:
        raise FeedsmithError(
            f'"{role}" is not a role', mend=f"choose one of {', '.join(states.ROLES)}"
        )
    open_database(config_of(homes[0], public_url=url))
    welcome(homes)
    from feedsmith.studio.models import Brand
    from feedsmith.studio.models.people import add

    for home in homes:
        add(name, Brand.adopt(home), role)
    _tell_link(name, f"{escape(name)} is {'an' if role[0] in 'aeiou' else 'a'} {role} now.")


@user_app.command("link")
def user_link(
    name: Annotated[str, typer.Argument(help="Who needs the link.")],
    home: Annotated[
        Path, typer.Argument(metavar="BRAND", help="The folder that keeps the studio.")
    ],
    url: Annotated[str, typer.Option(envvar=URL, help="Where people reach the studio.")] = "",
) -> None:
    """Print a new link for somebody who cannot get in."""
    from feedsmith.studio.start import open_database

    open_database(config_of(home, public_url=url))
    _tell_link(name, "")


def _tell_link(name: str, first: str) -> None:
    from django.conf import settings

    from feedsmith.studio.models import LoginLink
    from feedsmith.studio.models.people import INVITE_HOURS

    token = LoginLink.make(_person(name), INVITE_HOURS)
    if first:
        out.print(first)
    out.print(
        f"Their link, for one sign-in within {INVITE_HOURS // 24} days: "
        f"{settings.STUDIO.url}/sign-in/link/{token}",
        soft_wrap=True,
    )


def of_studio(home: Path) -> "list[Finding]":
    """What doctor says of the studio that this folder keeps; nothing where it keeps none."""
    from feedsmith.studio.checkup import examine
    from feedsmith.studio.settings import Config

    return examine(Config(home=home.resolve(), database_url=_database_url()))


def backup(
    to: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The file to write.")],
    home: Annotated[
        Path, typer.Argument(metavar="BRAND", help="The folder that keeps the studio.")
    ] = Path(),
) -> None:
    """Save a whole studio, its brands included, in one file; it may stay open meanwhile."""
    from feedsmith.studio.backup import backup as save

    with showing_progress() as report:
        told = save(config_of(home), to, report)
    out.print(
        f"Saved {counted(len(told.brands), 'brand')} with {counted(told.files, 'file')} "
        f"({told.bytes / 1e6:.1f} MB): {escape(str(told.path))}",
        soft_wrap=True,
    )
    out.print("Keep it private: it holds what the studio knows of its people.", style="dim")
    next_step(f"feedsmith restore {to} NEW-FOLDER")


def restore(
    archive: Annotated[Path, typer.Argument(metavar="BACKUP.zip", help="What backup wrote.")],
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for it.")],
) -> None:
    """Bring a saved studio back into a new folder, as it was."""
    from feedsmith.studio.backup import restore as bring_back
    from feedsmith.studio.settings import Config

    config = Config(home=target.resolve(), database_url=_database_url())
    with showing_progress() as report:
        told = bring_back(config, archive, report)
    out.print(
        f"Brought back {counted(len(told.brands), 'brand')} with {counted(told.files, 'file')} "
        f"({told.bytes / 1e6:.1f} MB)."
    )
    next_step(f"feedsmith studio {told.path}")


KeptIn = Annotated[Path, typer.Argument(metavar="BRAND", help="The folder that keeps the studio.")]


@token_app.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    home: KeptIn,
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="read, write, generate, approve, schedule, library, manage; give it once each.",
        ),
    ],
    person: Annotated[str, typer.Option(help="Whom it acts for; else the first owner.")] = "",
    days: Annotated[int, typer.Option(help="Days until it ends.")] = 90,
) -> None:
    """Make a token, and print it. It is shown once."""
    from feedsmith.studio.start import open_database, welcome

    open_database(config_of(home))
    from feedsmith.studio.models import Token

    who = _person(person) if person else welcome([home])
    token, words = Token.make(who, name, scopes, days)
    out.print(
        f"{escape(token.name)} acts for {escape(who.name)} until {token.expires:%d %b %Y}: "
        f"{', '.join(token.scopes)}."
    )
    out.print(words, soft_wrap=True, highlight=False)
    out.print("It is not shown again.", style="dim")


@token_app.command("list")
def token_list(home: KeptIn) -> None:
    """List the tokens that live."""
    from feedsmith.studio.start import open_database

    open_database(config_of(home))
    from feedsmith.studio.models import Token

    rows = [t for t in Token.objects.select_related("person") if t.alive]
    for token in rows:
        used = f"used {token.used_at:%d %b %Y}" if token.used_at else "never used"
        out.print(
            f"{token.pk}  {escape(token.name)}  {escape(token.person.name)}  "
            f"{','.join(token.scopes)}  until {token.expires:%d %b %Y}, {used}",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
    if not rows:
        out.print("There are none.")


@token_app.command("revoke")
def token_revoke(
    number: Annotated[int, typer.Argument(help="As feedsmith studio token list shows it.")],
    home: KeptIn,
) -> None:
    """End a token now."""
    from feedsmith.studio.start import open_database

    open_database(config_of(home))
    from feedsmith.studio.models import Token

    token = Token.objects.filter(pk=number).first()
    if token is None:
        raise FeedsmithError(
            f"there is no token {number}", mend=f"see: feedsmith studio token list {home}"
        )
    token.revoke()
    out.print(f"{escape(token.name)} opens nothing any more.")


def _person(name: str) -> Any:
    from feedsmith.studio.models import Person

    person = Person.objects.filter(name=name, is_active=True).first()
    if person is None:
        raise FeedsmithError(
            f"nobody is called {name} here",
            mend=f"add them: feedsmith studio user add {name} BRAND",
        )
    return person


def mcp(
    home: Annotated[
        Path, typer.Option("--home", help="The brand's folder that keeps the studio.")
    ] = Path(),
) -> None:
    """Speak MCP on standard input and output, for assistants: list, generate, edit, approve, schedule.

    Acts for the person of the token in FEEDSMITH_TOKEN; without one as the owner.
    """
    import logging
    import sys

    from feedsmith.studio.start import open_database, welcome

    messages, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing else may be said there
    config = config_of(home)
    open_database(config)
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    owner = welcome([home])
    from feedsmith.studio.mcp import TOKEN, Api, Server, Tools
    from feedsmith.studio.models import Token
    from feedsmith.studio.worker.lock import OneStudio

    words = environment.secret(TOKEN, "the token")
    if words and Token.of(words) is None:
        raise FeedsmithError(
            f"{TOKEN}: not a token that lives",
            mend=f"make one: feedsmith studio token add NAME {home} --scope read",
        )

    def waits() -> str:
        if OneStudio(config.folder).taken():
            return ""
        return f"The studio is not open, so this waits. Open it: feedsmith studio {home}"

    Server(Tools(Api(words, owner), waits)).serve(sys.stdin.buffer, messages)
