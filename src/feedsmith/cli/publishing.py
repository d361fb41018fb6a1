"""`feedsmith connect` and `feedsmith fake-instagram`. What they need is imported when it is asked for."""

import sys
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from feedsmith.brand import Home
from feedsmith.cli.screen import HomeArgument, counted, next_step, out

if TYPE_CHECKING:
    from feedsmith.brand import InstagramSettings
    from feedsmith.publishing.connect import App, Begun, Finding
    from feedsmith.publishing.graph import Place
    from feedsmith.publishing.tokens import Connection, FolderShelf

_MARKS = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[red]✗[/]"}


def shelf_of(home: Path) -> "FolderShelf":
    """Where a brand's accounts are kept: publishing/ in its folder."""
    from feedsmith.publishing.tokens import FolderShelf

    return FolderShelf(home / "publishing")


def connect(
    home: HomeArgument,
    health: Annotated[
        bool, typer.Option("--health", help="Say how the connected accounts are, and refresh them.")
    ] = False,
    token: Annotated[
        bool,
        typer.Option("--token", help="Use a token from Meta's dashboard; it is asked for, unseen."),
    ] = False,
    paste: Annotated[
        bool,
        typer.Option("--paste", help="Open nothing: print the address, and ask for the answer."),
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the page of this machine to come back to.")
    ] = 8329,
    server: Annotated[
        str, typer.Option(help="A fake Instagram instead: http://127.0.0.1:8399.")
    ] = "",
    forget: Annotated[str, typer.Option(metavar="NAME", help="Forget this account.")] = "",
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Lock all tokens with a new key.")
    ] = False,
) -> None:
    """Connect Instagram accounts, so that posts can be published. Once for each account."""
    from feedsmith.publishing.connect import app_from, from_token
    from feedsmith.publishing.graph import Place

    settings = Home(home).load().instagram
    shelf = shelf_of(home)
    if health:
        _say_health(home, shelf)
        return
    if forget:
        _forget(shelf, forget)
        return
    if new_key:
        count = shelf.change_key()
        out.print(f"{counted(count, 'account')} locked with a new key.")
        return
    place = Place(server)
    if token:
        made = from_token(_asked_token(), settings.login, place)
    else:
        app = app_from(settings.login, settings.app_id, settings.pkce)
        made = _signed_in(app, settings, place, port, paste)
    for connection in made:
        shelf.put(connection)
        kind = {"BUSINESS": "business", "MEDIA_CREATOR": "creator"}.get(connection.account.kind, "")
        what = f", a {kind} account" if kind else ""
        out.print(f"Connected {escape(connection.account.username)}{what}.")
    next_step(f"feedsmith connect {home} --health")


def _asked_token() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Token", hide_input=True)).strip()
    return sys.stdin.readline().strip()


def _signed_in(
    app: "App", settings: "InstagramSettings", place: "Place", port: int, paste: bool
) -> "list[Connection]":
    from feedsmith.publishing.callback import Callback
    from feedsmith.publishing.connect import begin, code_in, finish

    if paste or settings.redirect_uri:
        begun = begin(app, settings.redirect_uri or f"http://localhost:{port}/connected", place)
        _say_where(begun)
        out.print("Then copy the whole address that the browser ends at, and paste it here:")
        came_back = sys.stdin.readline()
        return finish(app, begun, code_in(begun, came_back), place)
    with Callback(port) as callback:
        begun = begin(app, callback.redirect_uri, place)
        _say_where(begun)
        webbrowser.open(begun.address)
        return finish(app, begun, code_in(begun, callback.wait()), place)


def _say_where(begun: "Begun") -> None:
    out.print(f"Sign in here: {escape(begun.address)}", soft_wrap=True, highlight=False)


def _say_health(home: Path, shelf: "FolderShelf") -> None:
    from feedsmith.publishing.connect import examined

    known = shelf.all()
    if not known:
        out.print("No account is connected. Posts can still be copied and shared by hand.")
        next_step(f"feedsmith connect {home}")
        return
    bad = 0
    for connection in known:
        now, findings = examined(connection, datetime.now(UTC))
        if now != connection and shelf.exchange(connection, now) is None:
            continue  # forgotten while Instagram was asked
        bad += any(finding.level == "bad" for finding in findings)
        out.print(f"[bold]{escape(now.account.username)}[/] ({now.account.login} login)")
        for finding in findings:
            _say(finding, home)
    if bad:
        raise typer.Exit(1)


def _say(finding: "Finding", home: Path) -> None:
    mend = finding.mend.replace("BRAND", str(home)).replace(
        "connect --health", f"connect {home} --health"
    )
    more = f"\n    -> {escape(mend)}" if mend else ""
    out.print(f"  {_MARKS[finding.level]} {escape(finding.words)}{more}", soft_wrap=True)


def _forget(shelf: "FolderShelf", name: str) -> None:
    from feedsmith.publishing.connect import revoke
    from feedsmith.publishing.graph import GraphError

    connection = shelf.get(name)
    others = [other for other in shelf.all() if other.account.id != connection.account.id]
    try:
        more = revoke(connection, others)
    except GraphError as error:
        more = f"The permission could not be given back: {error.message}"
    shelf.remove(connection.account.id)
    out.print(f"Forgot {escape(connection.account.username)}.")
    if more:
        out.print(escape(more), soft_wrap=True)


def fake_instagram(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")
    ] = 8399,
    folder: Annotated[
        Path | None, typer.Option(help="Remember everything in this folder; else until Ctrl-C.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine alone by default.")
    ] = "127.0.0.1",
) -> None:
    """Run a fake Instagram on this machine: try the whole path to publishing with no account."""
    from feedsmith.fake_instagram import APP_ID, APP_SECRET, FakeInstagram

    fake = FakeInstagram(folder, host=host, port=port)
    try:
        out.print(f"The fake Instagram is open at {fake.url}")
        out.print("It shows what it receives there. Connect a brand to it in another terminal:")
        for line in (
            f"export FEEDSMITH_INSTAGRAM_APP_ID={APP_ID} FEEDSMITH_INSTAGRAM_APP_SECRET={APP_SECRET}",
            f"feedsmith connect mybrand/ --server {fake.url}",
        ):
            out.print(f"  {line}", soft_wrap=True, highlight=False)
        out.print(f"Its switchboard (docs/publishing.md) asks for: {fake.secret}", style="dim")
        if host not in ("127.0.0.1", "localhost", "::1"):
            out.print("Others in your network reach it too; it checks nobody.", style="yellow")
        fake.serve()
    except KeyboardInterrupt:
        out.print("The fake Instagram is closed.", style="dim")
    finally:
        fake.world.close()
