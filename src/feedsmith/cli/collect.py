"""`feedsmith collect`: the brand's own posts and figures, and what others post under a hashtag."""

import getpass
import json
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
from feedsmith.cli.publishing import shelf_of
from feedsmith.cli.screen import HomeArgument, counted, next_step, out, showing_long_progress
from feedsmith.errors import FeedsmithError
from feedsmith.progress import silent

if TYPE_CHECKING:
    from feedsmith.progress import Report
    from feedsmith.publishing import collecting, tagged
    from feedsmith.publishing.patience import Patience
    from feedsmith.publishing.tokens import Connection

_OWN = "Your own account"
_OTHERS = "Others' posts under a hashtag"


def collect(
    home: HomeArgument,
    own: Annotated[
        bool,
        typer.Option(
            "--own",
            help="Your own posts into the library, and their figures.",
            rich_help_panel=_OWN,
        ),
    ] = False,
    insights: Annotated[
        bool,
        typer.Option("--insights", help="New figures alone, of young posts.", rich_help_panel=_OWN),
    ] = False,
    days: Annotated[
        int,
        typer.Option(
            min=1, max=3650, help="Age up to which figures are read again.", rich_help_panel=_OWN
        ),
    ] = 30,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Look at all posts, not only at new ones.", rich_help_panel=_OWN
        ),
    ] = False,
    hashtag: Annotated[
        str,
        typer.Option(
            metavar="WORD",
            help="Posts with this hashtag, e.g. treesofinstagram.",
            rich_help_panel=_OTHERS,
        ),
    ] = "",
    most: Annotated[
        int,
        typer.Option(
            "--max", min=1, max=100_000, help="At most so many posts.", rich_help_panel=_OTHERS
        ),
    ] = 500,
    top: Annotated[
        bool, typer.Option("--top", help="Instagram's choice alone.", rich_help_panel=_OTHERS)
    ] = False,
    recent: Annotated[
        bool,
        typer.Option("--recent", help="Those of the last 24 hours alone.", rich_help_panel=_OTHERS),
    ] = False,
    rights: Annotated[
        bool,
        typer.Option(
            "--i-have-rights",
            help="You hold the rights to these pictures: bring them into the library. Written down.",
            rich_help_panel=_OTHERS,
        ),
    ] = False,
    account: Annotated[str, typer.Option(metavar="NAME", help="Where several are connected.")] = "",
    wait: Annotated[
        int, typer.Option(min=0, help="Minutes of one pause, if Instagram asks for one.")
    ] = 15,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Collect by Instagram's official API: your own posts with their figures, or a hashtag's.

    Figures go to BRAND/insights.jsonl, which feedsmith learn reads. Others' posts are kept apart, for
    statistics; their pictures are not fetched.
    """
    place = Home(home)
    zone = ZoneInfo(place.load().time_zone)
    if bool(hashtag) == (own or insights):
        raise FeedsmithError(
            "say what to collect" if not hashtag else "one thing at a time",
            mend=f"feedsmith collect {home} --own, --insights, or --hashtag treesofinstagram",
        )
    connection = _connection(home, account, "facebook" if hashtag else "")
    with nullcontext(silent) if as_json else showing_long_progress() as report:
        patience = _patience(connection, wait, zone, report)
        if hashtag:
            who = _who(connection) if rights else ""
            if not as_json:
                _say_budget(place, connection, hashtag)
            others = _hashtag(place, connection, patience, hashtag, most, top, recent, who, report)
        else:
            mine = _own(place, connection, patience, own, again, days, report)
    if hashtag:
        _tell_hashtag(place, others, as_json)
    else:
        _tell_own(place, mine, as_json)
    stopped = others.stopped if hashtag else mine.stopped
    if stopped is not None:
        _lost(home, connection, stopped)
        raise FeedsmithError(stopped.message, mend=stopped.mend.replace("BRAND", str(home)))


def _connection(home: Path, name: str, login: str) -> "Connection":
    """The account that is meant, its token fresh. Raises FeedsmithError."""
    from feedsmith.publishing.connect import due, refreshed
    from feedsmith.publishing.graph import GraphError

    shelf = shelf_of(home)
    known = shelf.all()
    if name:
        found = shelf.get(name)
    else:
        fit = [c for c in known if not login or c.account.login == login] or known
        if not fit:
            raise FeedsmithError(
                "no account is connected to collect from",
                mend=f"connect one: feedsmith connect {home}; without one import Instagram's own export: "
                f"feedsmith import {home} ~/Downloads/instagram-*.zip",
            )
        if len(fit) > 1:
            names = ", ".join(connection.account.username for connection in fit)
            raise FeedsmithError(
                f"several accounts are connected: {names}", mend="name one: --account NAME"
            )
        found = fit[0]
    if found.trouble:
        raise FeedsmithError(
            f"{found.account.username}: {found.trouble}",
            mend=f"connect it again: feedsmith connect {home}",
        )
    if due(found, datetime.now(UTC)):
        with suppress(GraphError):  # what it is needed for says why
            fresh = refreshed(found)
            found = shelf.exchange(found, fresh) or fresh
    return found


def _patience(
    connection: "Connection", minutes: int, zone: ZoneInfo, report: "Report"
) -> "Patience":
    from feedsmith.publishing.patience import Patience

    return Patience(connection.graph(), report=report, longest=minutes * 60.0, zone=zone)


def _own(
    place: Home, connection: "Connection", patience: "Patience", posts: bool, again: bool, days: int,
    report: "Report",
) -> "collecting.Collected":  # fmt: skip
    from feedsmith.publishing.collecting import collect_own

    return collect_own(
        place, connection.account, patience, posts=posts, again=again, days=days, report=report
    )


def _hashtag(
    place: Home, connection: "Connection", patience: "Patience", tag: str, most: int, top: bool,
    recent: bool, rights: str, report: "Report",
) -> "tagged.Collected":  # fmt: skip
    from feedsmith.publishing.tagged import collect_hashtag

    which: tuple[Literal["top", "recent"], ...] = ("recent", "top")
    if top != recent:
        which = ("top",) if top else ("recent",)
    return collect_hashtag(
        place,
        connection.account,
        patience,
        tag,
        most=most,
        which=which,
        rights=rights,
        report=report,
    )


def _say_budget(place: Home, connection: "Connection", tag: str) -> None:
    from feedsmith.publishing.tagged import budget_in_words, checked, read_budget

    budget = read_budget(place)
    said = budget_in_words(budget, connection.account, checked(tag), datetime.now(UTC))
    out.print(said, style="dim", soft_wrap=True)


def _who(connection: "Connection") -> str:
    user = "somebody"
    with suppress(OSError, KeyError, ImportError):
        user = getpass.getuser()
    return f"{user} for {connection.account.username}"


def _lost(home: Path, connection: "Connection", error: FeedsmithError) -> None:
    """A token that opens nothing any more is known as such from now on."""
    from feedsmith.publishing.connect import lost
    from feedsmith.publishing.graph import Disconnected

    if isinstance(error, Disconnected) and error.code != 10:  # 10: one permission is missing
        shelf_of(home).exchange(connection, lost(connection, error))


def _tell_own(place: Home, told: "collecting.Collected", as_json: bool) -> None:
    if as_json:
        _say_json(dict(vars(told)))
        return
    if told.posts_new or told.posts_known or told.photos_new:
        known = told.posts_known + told.photos_known
        out.print(
            f"[green]{counted(told.posts_new, 'post')}[/] and "
            f"[green]{counted(told.photos_new, 'photo')}[/] are new"
            + f"; {counted(told.posts_known, 'post')} and {counted(told.photos_known, 'photo')} were known"
            * bool(known)
            + ".",
            soft_wrap=True,
        )
    else:
        out.print("No new posts." if told.listed else "The account has no posts yet.")
    if told.generated:
        out.print(f"{counted(told.generated, 'post')} made by Feedsmith: no photos of yours.")
    if told.videos:
        out.print(f"{counted(told.videos, 'video')} listed with their posts, not fetched.")
    for reason, count in sorted(told.set_aside.items()):
        out.print(f"[yellow]set aside[/] {count} x {escape(reason)}")
    if told.left_out:
        out.print(
            f"[yellow]note[/] pictures of {counted(told.left_out, 'post')} did not come; the next run "
            "tries them again.",
            soft_wrap=True,
        )
    for note in dict.fromkeys(told.notes):
        words = note.replace("BRAND", str(place.root))
        out.print(f"[yellow]note[/] {escape(words)}", soft_wrap=True)
    if told.readings:
        out.print(f"Figures of {counted(told.readings, 'post')} were read.")
        next_step(f"feedsmith learn {place.root}")


def _tell_hashtag(place: Home, told: "tagged.Collected", as_json: bool) -> None:
    from feedsmith.publishing.tagged import FEW, read, study

    found = study(told.tag, read(place, told.tag))
    if as_json:
        row = dict(vars(told)) | {"study": found._asdict()}
        row["study"]["companions"] = [companion._asdict() for companion in found.companions]
        _say_json(row)
        return
    begun = ", going on where it was stopped" if told.resumed else ""
    out.print(
        f"[green]{counted(told.got, 'post')}[/] under #{escape(told.tag)} were looked at, {told.new} of "
        f"them new{begun}; {found.posts} are kept.",
        soft_wrap=True,
    )
    if told.pictures:
        out.print(
            f"{counted(told.pictures, 'picture')} came into the library, because you said that you hold "
            "the rights; collected/rights.jsonl keeps that.",
            soft_wrap=True,
        )
    for note in dict.fromkeys(told.notes):
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    if found.first and found.last:
        out.print(f"They are from {found.first:%d %b %Y} to {found.last:%d %b %Y}.")
    for name, (median, count) in found.likes.items():
        which = "Top posts" if name == "top" else "Posts of the last day"
        few = ", few" * (count < FEW)
        out.print(f"{which}: half of them have {median:,.0f} likes or more ({counted(count, 'post')}{few}).")  # fmt: skip
    if found.companions:
        out.print("\n[bold]What goes with it[/]")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        lists = {"top": "likes, top", "recent": "likes, last day"}
        lists = {name: title for name, title in lists.items() if name in found.likes}
        for title in ("hashtag", "posts", "share", *lists.values(), "against all", ""):
            table.add_column(title, justify="left" if title in ("hashtag", "") else "right")
        for one in found.companions:
            medians = [f"{one.likes[name][0]:,.0f}" if name in one.likes else "" for name in lists]
            table.add_row(
                f"#{escape(one.tag)}",
                str(one.posts),
                f"{one.share:.0%}",
                *medians,
                "" if one.against is None else f"{one.against - 1:+.0%}",
                "[dim]few posts[/]" if one.few else "",
            )
        out.print(table)
        out.print(
            "Likes are medians. Top posts are Instagram's choice: likes say which company a hashtag keeps, not what it does.",
            style="dim", soft_wrap=True,
        )  # fmt: skip
    out.print(
        f"{told.left_after} more different hashtags may be looked up within seven days "
        f"({told.left_before} before this one).",
        soft_wrap=True,
    )


def _say_json(row: dict[str, Any]) -> None:
    stopped = row.pop("stopped", None)
    row["stopped"] = stopped.message if stopped is not None else ""
    typer.echo(json.dumps(row, indent=2, ensure_ascii=False, default=str))
