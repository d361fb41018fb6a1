"""`feedsmith export` and `feedsmith preflight`: posts for other places, and whether they are fit to go out.
Parses, calls, prints."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from feedsmith.brand import Brand, Home
from feedsmith.cli.screen import HomeArgument, counted, err, out, showing_progress
from feedsmith.errors import FeedsmithError
from feedsmith.post import Brief, Post
from feedsmith.publishing.outgoing import Outgoing
from feedsmith.runs import Folder
from feedsmith.studio.edited import Edited, edited

PostsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[POSTS]...", help="Names of posts, or their beginnings (default: all)."
    ),
]
SHOWN = 20
"""Notes that are printed."""


def export(
    home: HomeArgument,
    posts: PostsArgument = None,
    to: Annotated[
        str,
        typer.Option(
            "--to", help="folder, zip, buffer, later, ical, rss, or a publisher of yours."
        ),
    ] = "folder",
    target: Annotated[
        Path | None,
        typer.Option("--out", help="File or folder to write (default: in BRAND/exports)."),
    ] = None,
    media_url: Annotated[
        str,
        typer.Option(help="Where BRAND/posts is served, for buffer and rss: https://..."),
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A finer setting of that publisher."),
    ] = None,
) -> None:
    """Take posts elsewhere: a folder, a zip, other schedulers, a calendar, a feed.

    Words and times that were edited in the studio go before those in the posts' folders.
    """
    from feedsmith.publishing.exports import installed
    from feedsmith.publishing.exports.api import Delivery

    place = Home(home)
    brand = place.load()
    publisher = installed.load(to)
    with showing_progress() as report:
        delivery = Delivery(
            brand=brand,
            home=home,
            target=target or _target(home, to, getattr(publisher, "suffix", "")),
            media_url=_address(media_url),
            planned=_planned(home, brand) if to == "ical" else (),
            options=_options(settings or []),
            report=report,
        )
        told = installed.publish(to, outgoing(place, brand, posts or []), delivery)
    out.print(f"[green]{counted(told.posts, 'post')}[/] exported.")
    for note in told.notes[:SHOWN]:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    if len(told.notes) > SHOWN:
        out.print(f"[yellow]note[/] and {len(told.notes) - SHOWN} more like these")
    if told.address:
        out.print(f"Look at it: {escape(told.address)}", soft_wrap=True)
    for file in told.files[:1]:
        out.print(f"Look at it: {escape(str(file))}", soft_wrap=True)


def preflight(
    home: HomeArgument,
    posts: PostsArgument = None,
    fit: Annotated[
        str, typer.Option(help="Pictures of a ratio that is not allowed: pad or crop.")
    ] = "pad",
    quota: Annotated[
        int | None,
        typer.Option(help="Posts that Instagram says the account may still publish today."),
    ] = None,
    url: Annotated[
        str, typer.Option(help="Also fetch this address as Instagram would (a picture or film).")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say what would keep posts from going out, and mend what can be mended in copies (BRAND/ready).

    Ends with 1 where something must be done by a person first.
    """
    from feedsmith.publishing.preflight import check
    from feedsmith.publishing.probe import reachable

    place = Home(home)
    brand = place.load()
    if fit not in ("pad", "crop"):
        raise FeedsmithError(f'--fit "{fit}": there is no such way', mend="pad or crop")
    rows = []
    if url:
        film = url.split("?")[0].lower().endswith((".mp4", ".mov", ".m4v"))
        found = reachable(url, "film" if film else "image")
        rows.append({"post": "", "fit": not any(f.level == "blocking" for f in found),
                     "findings": [f.model_dump() for f in found], "files": []})  # fmt: skip
    if posts or not url:
        with showing_progress() as report:
            for post in outgoing(place, brand, posts or []):
                told = check(
                    post, brand, home / "ready" / post.id, quota_left=quota,
                    fit="crop" if fit == "crop" else "pad", report=report,
                )  # fmt: skip
                rows.append({
                    "post": post.id, "fit": told.fit,
                    "findings": [f.model_dump() for f in told.findings],
                    "files": [str(part.path) for part in told.post.parts],
                })  # fmt: skip
    fine = all(row["fit"] for row in rows)
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for row in rows:
            _tell(row)
    if not fine:
        raise typer.Exit(1)


def _tell(row: dict[str, object]) -> None:
    mark = "[green]fit[/]" if row["fit"] else "[red]not fit[/]"
    out.print(f"{mark} [bold]{escape(str(row['post'] or 'the address'))}[/]", soft_wrap=True)
    marks = {"blocking": "[red]must[/]", "repaired": "[green]mended[/]", "hint": "[yellow]hint[/]"}
    findings = row["findings"]
    assert isinstance(findings, list)
    for finding in findings:
        said = f"{finding['about']}: {finding['said']} {finding['mend']}".rstrip()
        out.print(f"  {marks[finding['level']]} {escape(said)}", soft_wrap=True)


def outgoing(place: Home, brand: Brand, wanted: list[str]) -> list[Outgoing]:
    """The posts that are meant, by their time, then in the order of the feed; a person's words and times over
    their own. Raises FeedsmithError for a name that is none, or could be several."""
    shelf = Folder(place.posts)
    known = [post for run in shelf.runs() for post in shelf.posts(run)]
    listed = {post.id for post in known}
    loose = sorted(path.parent.name for path in place.posts.glob("*/post.json"))
    known += [post for name in loose if name not in listed and (post := shelf.post(name))]
    theirs = _theirs(place.root)
    shown = _shown(known, theirs)
    found = []
    for post in known:
        if post.id not in shown and post.id not in wanted:
            continue
        there = theirs.get(post.id)
        made = Outgoing.of(post, place.posts / post.id, brand.time_zone)
        if there is not None:
            if there.archived and post.id not in wanted:
                continue
            made = made.worded(
                caption=there.caption, hashtags=there.hashtags, alt_texts=there.alt_texts, at=there.at
            )  # fmt: skip
        found.append(made)
    chosen = [_named(name, found) for name in wanted] if wanted else found
    zone = ZoneInfo(brand.time_zone)

    def when(post: Outgoing) -> datetime:
        at = post.at or datetime.max.replace(tzinfo=UTC)
        return at if at.tzinfo else at.replace(tzinfo=zone)

    return sorted(dict.fromkeys(chosen), key=when)


def _shown(posts: list[Post], theirs: dict[str, Edited]) -> set[str]:
    """Of a post and its other versions (`feedsmith rework`) the one that counts: that of the studio, else
    the newest."""
    chosen: dict[str, str] = {}
    for post in sorted(posts, key=lambda post: (len(post.id), post.id)):
        family = post.version_of or post.id
        if chosen.get(family) not in theirs:
            chosen[family] = post.id
    return set(chosen.values())


def _theirs(root: Path) -> dict[str, Edited]:
    try:
        return edited(root)
    except FeedsmithError as error:
        err.print(f"[yellow]note[/] {escape(error.message)}; the posts' own words are taken.", soft_wrap=True)  # fmt: skip
        return {}


def _named(name: str, posts: list[Outgoing]) -> Outgoing:
    plain = Path(name).name
    alike = [post for post in posts if post.id == plain] or [
        post for post in posts if post.id.startswith(plain)
    ]
    if len(alike) == 1:
        return alike[0]
    if alike:
        names = ", ".join(post.id for post in alike[:5])
        raise FeedsmithError(f'"{name}" could be several posts: {names}', mend="write more of it")
    raise FeedsmithError(
        f'there is no post "{name}"',
        mend=f"there are: {', '.join(post.id for post in posts[:8])}"
        if posts
        else "feedsmith generate makes some",
    )


def _target(home: Path, name: str, suffix: str) -> Path:
    """A place in BRAND/exports: files are written over, folders never."""
    folder = home / "exports"
    usual = {"ical": "plan", "rss": "feed", "zip": "posts"}.get(name, name)
    if suffix:
        return folder / f"{usual}{suffix}"
    day = f"{datetime.now():%Y-%m-%d}"
    number = 1
    while (place := folder / f"{day}-{usual}{f'-{number}' if number > 1 else ''}").exists():
        number += 1
    return place


def _address(url: str) -> str:
    if url and not url.startswith(("https://", "http://")):
        raise FeedsmithError(
            f'--media-url "{url}" is no address', mend="write it like https://media.example/posts"
        )
    return url


def _options(said: list[str]) -> dict[str, str]:
    options = {}
    for option in said:
        name, is_, value = option.partition("=")
        if not is_ or not name:
            raise FeedsmithError(f'--set "{option}": no setting', mend="write it like rows=50")
        options[name] = value
    return options


def _planned(home: Path, brand: Brand) -> tuple[Brief, ...]:
    """What plan.yaml holds, to be shown in a calendar; a plan that cannot be read is said and left out."""
    from feedsmith import plan as plans

    for file in (home / "plan.yaml", home / "plan.csv"):
        if file.is_file():
            try:
                return tuple(plans.read(file, ZoneInfo(brand.time_zone), waiting=True)[0])
            except FeedsmithError as error:
                err.print(f"[yellow]note[/] {escape(error.message)}; the plan is left out.", soft_wrap=True)  # fmt: skip
    return ()
