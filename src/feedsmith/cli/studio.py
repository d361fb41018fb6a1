"""`feedsmith studio`: open it, add people. The studio is imported when it is asked for."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from feedsmith.cli.screen import counted, next_step, out, showing_progress
from feedsmith.errors import FeedsmithError

if TYPE_CHECKING:
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

Homes = Annotated[
    list[Path],
    typer.Argument(metavar="BRAND...", help="Brands' folders; the first keeps the studio."),
]
PORT = 8321


def config_of(home: Path, **more: object) -> "Config":
    """The studio kept in this brand's folder. Raises FeedsmithError where there is no brand."""
    from feedsmith.brand import Home
    from feedsmith.studio.settings import DATABASE_URL, Config

    Home(home).load()
    return Config(home=home.resolve(), database_url=os.environ.get(DATABASE_URL, ""), **more)  # type: ignore[arg-type]


studio_app.add_typer(user_app, name="user")


@studio_app.command("open")
def studio(
    homes: Homes,
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0 for phones in your network.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 for any that is free.")
    ] = PORT,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open it in your browser, signed in.")
    ] = False,
    url: Annotated[
        str, typer.Option(help="Where people reach it, if elsewhere: https://studio.example.org")
    ] = "",
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a proxy in front of it that may be believed, e.g. 127.0.0.1."
        ),
    ] = None,
    memory: Annotated[
        int, typer.Option(min=64, help="MB that the process which makes posts may use.")
    ] = 512,
    idle: Annotated[
        float, typer.Option(min=1, help="Seconds after which an idle worker ends.")
    ] = 60,
    jobs: Annotated[int, typer.Option(min=1, max=8, help="Jobs that run at the same time.")] = 1,
) -> None:
    """Open the studio in the browser: make, look, edit, approve."""
    from feedsmith.studio.start import open_studio

    config = config_of(
        homes[0], host=host, port=port, public_url=url, proxies=tuple(proxy or ()),
        memory_cap=memory * 2**20, jobs_at_once=jobs, idle_seconds=idle,
    )  # fmt: skip
    open_studio(
        config,
        homes,
        open_browser=open_browser,
        tell=lambda line: out.print(escape(line), soft_wrap=True),
    )
    out.print("The studio is closed.", style="dim")


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="What they sign in with.")],
    homes: Homes,
    role: Annotated[str, typer.Option(help="reviewer, editor or owner.")] = "editor",
    url: Annotated[str, typer.Option(help="Where people reach the studio.")] = "",
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
    name: Annotated[str, typer.Argument(help="Whose.")],
    home: Annotated[
        Path, typer.Argument(metavar="BRAND", help="The folder that keeps the studio.")
    ],
    url: Annotated[str, typer.Option(help="Where people reach the studio.")] = "",
) -> None:
    """Print a new link for somebody who cannot get in."""
    from feedsmith.studio.start import open_database

    open_database(config_of(home, public_url=url))
    _tell_link(name, "")


def _tell_link(name: str, first: str) -> None:
    from django.conf import settings

    from feedsmith.studio.models import LoginLink, Person
    from feedsmith.studio.models.people import INVITE_HOURS

    person = Person.objects.filter(name=name, is_active=True).first()
    if person is None:
        raise FeedsmithError(
            f"nobody is called {name} here",
            mend=f"add them: feedsmith studio user add {name} BRAND",
        )
    token = LoginLink.make(person, INVITE_HOURS)
    if first:
        out.print(first)
    out.print(
        f"Their link, for one sign-in within {INVITE_HOURS // 24} days: "
        f"{settings.STUDIO.url}/sign-in/link/{token}",
        soft_wrap=True,
    )


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
    from feedsmith.studio.settings import DATABASE_URL, Config

    config = Config(home=target.resolve(), database_url=os.environ.get(DATABASE_URL, ""))
    with showing_progress() as report:
        told = bring_back(config, archive, report)
    out.print(
        f"Brought back {counted(len(told.brands), 'brand')} with {counted(told.files, 'file')} "
        f"({told.bytes / 1e6:.1f} MB)."
    )
    next_step(f"feedsmith studio {told.path}")
