"""`feedsmith learn`: what works for a brand, and trials of two variants. Parse, call, print."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
from feedsmith.cli.screen import HomeArgument, counted, next_step, out
from feedsmith.errors import FeedsmithError

if TYPE_CHECKING:
    from feedsmith.learning.findings import Works

_AB = "Trials: two variants of caption or cover set against each other"


def learn(
    home: HomeArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    measure: Annotated[
        str,
        typer.Option(help="engagement (for each account reached), or reach."),
    ] = "engagement",
    ab: Annotated[
        str,
        typer.Option(
            "--ab", metavar="start|show|assign|stop", help="Work on a trial.", rich_help_panel=_AB
        ),
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the trial.", rich_help_panel=_AB)] = "",
    about: Annotated[
        str, typer.Option(help="What differs: caption or cover.", rich_help_panel=_AB)
    ] = "caption",
    a: Annotated[
        str,
        typer.Option("--a", help='The one way, e.g. "ends in a question".', rich_help_panel=_AB),
    ] = "",
    b: Annotated[str, typer.Option("--b", help="The other way.", rich_help_panel=_AB)] = "",
    pairs: Annotated[
        int, typer.Option(min=5, max=1000, help="Pairs after which it ends.", rich_help_panel=_AB)
    ] = 40,
    post: Annotated[
        str, typer.Option(help="Folder name of the post to assign.", rich_help_panel=_AB)
    ] = "",
) -> None:
    """Say what works: kinds, themes, layouts, times, hashtags, lengths, each with how sure that is.

    Reads BRAND/insights.jsonl, and writes BRAND/reports/learn.html and learn.json. What generate and
    plan make of it stands in brand.toml, under [learning]; it is off by default.
    """
    place = Home(home)
    brand = place.load()
    if ab:
        _trial(place, ZoneInfo(brand.time_zone), ab, name, about, a, b, pairs, post, as_json)
        return
    from feedsmith.evaluate.page import style
    from feedsmith.learning import page, works
    from feedsmith.library import Library

    if measure not in ("engagement", "reach"):
        raise FeedsmithError(
            f"“{measure}” is not measured", mend="choose --measure engagement or reach"
        )
    kind: Literal["engagement", "reach"] = "reach" if measure == "reach" else "engagement"
    told = works.report(place, kind)
    reports = home / "reports"
    look = style(place, brand, Library(place.library), [])
    page.write(reports / "learn.html", told, brand, look.roles, look.pair)
    if as_json:
        typer.echo(told.model_dump_json(indent=2))
        return
    _print(told)
    out.print(f"Look at it: {escape(str(reports / 'learn.html'))}", soft_wrap=True)
    if not brand.learning.on and told.posts >= 30:
        out.print(
            "To let posts lean on it: on = true under \\[learning] in brand.toml.", style="dim"
        )


def _print(told: "Works") -> None:
    from feedsmith.learning.findings import LEVEL_MIN, ranged, signed

    if told.dimensions:
        out.print(
            f"{told.posts} posts from {told.first} to {told.last}, by {escape(told.basis)}; each figure "
            "against the average, all else held equal, with the range that holds at 95%.",
            soft_wrap=True,
        )
    for dimension in told.dimensions:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        few = [level for level in dimension.levels if level.few]
        for level in dimension.levels:
            if level.few:
                continue
            sure = (
                f"[green]{level.verdict}[/]"
                if level.verdict in ("best", "above")
                else level.verdict
            )
            table.add_row(
                "  " + escape(level.name), counted(level.posts, "post"), signed(level.effect),
                f"[dim]{ranged(level)}[/]", sure,
            )  # fmt: skip
        out.print(f"\n[bold]{dimension.title}[/]  {escape(dimension.said)}", soft_wrap=True)
        if table.row_count:
            out.print(table)
        if few:
            names = ", ".join(level.name for level in few[:6]) + ", …" * (len(few) > 6)
            out.print(f"  [dim]under {LEVEL_MIN} posts each: {escape(names)}[/]", soft_wrap=True)
    out.print()
    for words in told.tied:
        out.print(f"[yellow]tied[/] {escape(words)}", soft_wrap=True)
    for note in told.notes:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    if told.rule:
        out.print(told.rule, style="dim", soft_wrap=True)


def _trial(
    place: Home,
    zone: ZoneInfo,
    do: str,
    name: str,
    about: str,
    a: str,
    b: str,
    pairs: int,
    post: str,
    as_json: bool,
) -> None:
    from feedsmith.learning import ab
    from feedsmith.outcomes import read
    from feedsmith.runs import Folder

    now = datetime.now(UTC).astimezone(zone)
    if do == "start":
        if about not in ("caption", "cover"):
            raise FeedsmithError(
                f"“{about}” cannot be tried", mend="choose --about caption or cover"
            )
        if not (name and a and b):
            raise FeedsmithError(
                "a trial needs a name and two variants",
                mend='--ab start --name question --a "ends in a question" --b "ends in a fact"',
            )
        part: Literal["caption", "cover"] = "cover" if about == "cover" else "caption"
        if max(len(name) * 2, len(a), len(b)) > 160:
            raise FeedsmithError("that is too long", mend="say it in 80 letters")
        ab.start(place.root, ab.Trial(name=name, about=part, a=a, b=b, pairs=pairs, started=now))
        out.print(f"Started “{escape(name)}”. {ab.HONEST}", soft_wrap=True)
        next_step(f"feedsmith learn {place.root} --ab assign --post POST")
    elif do == "assign":
        made = Folder(place.posts).post(post) if post and Path(post).name == post else None
        if made is None:
            raise FeedsmithError(
                f"{place.posts}: no post “{post}”",
                mend="name the folder of a post: --post 01-photo-ab12cd",
            )
        one = ab.assign(
            place.root, name, post, ab.slot_of(made.kind, (made.at or now).astimezone(zone))
        )
        trial = ab.named(ab.read(place.root), name)
        way = trial.a if one.variant == "a" else trial.b
        out.print(
            f"{post} is {one.variant.upper()}: “{escape(way)}” ({one.slot}, pair {one.pair + 1})."
        )
    elif do in ("show", "stop"):
        if do == "stop":
            name = ab.stop(place.root, name, now).name
        trials = ab.read(place.root)
        chosen = [ab.named(trials, name)] if name else trials
        outcomes = read(place.root).outcomes
        found = [(trial, ab.find(trial, outcomes)) for trial in chosen]
        if as_json:
            rows = [
                f'{{"trial": {t.model_dump_json()}, "finding": {f.model_dump_json()}}}'
                for t, f in found
            ]
            typer.echo("[" + ",\n ".join(rows) + "]")
            return
        for trial, finding in found:
            state = f"stopped {trial.stopped:%Y-%m-%d}" if trial.stopped else "running"
            out.print(
                f"[bold]{escape(trial.name)}[/] ({trial.about}, {state}): A “{escape(trial.a)}”, B “{escape(trial.b)}”",
                soft_wrap=True,
            )
            out.print(f"  {escape(ab.in_words(trial, finding))}", soft_wrap=True)
        out.print(
            ab.HONEST if found else "No trials yet: --ab start begins one.",
            style="dim",
            soft_wrap=True,
        )
    else:
        raise FeedsmithError(
            f"“{do}” is nothing to do with a trial", mend="--ab start, show, assign or stop"
        )
