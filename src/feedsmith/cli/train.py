"""`feedsmith train`: learn from the brand's own posts. Parses, calls, prints."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
from feedsmith.captions.train.config import Config, resolve
from feedsmith.cli.cluster import ClusterOption, WorkersOption, cluster
from feedsmith.cli.screen import HomeArgument, next_step, out, showing_long_progress
from feedsmith.cli.settings import with_settings
from feedsmith.errors import FeedsmithError
from feedsmith.images.diffusion import config as lora
from feedsmith.images.gan.train import config as pictures
from feedsmith.progress import silent

if TYPE_CHECKING:
    from feedsmith.captions.train import Data, Result, Trained
    from feedsmith.images.gan.train import run

train_app = typer.Typer(no_args_is_help=True, help="Learn from the brand's own posts.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]


@train_app.callback()
def _train() -> None:
    """Learn from the brand's own posts."""


@train_app.command("captions")
@with_settings(
    Config,
    main=("base", "method", "budget"),
    flags={"held_out": "--hold-out", "held_out_max": "--hold-out-most"},
    times=("budget",),
)
def captions(
    home: HomeArgument,
    settings: Config,
    text: Annotated[
        Path | None,
        typer.Option(
            help="Train on this text file instead of the library: one caption a line, or texts "
            "between <|startoftext|> and <|endoftext|>."
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Train a caption model on the brand's own captions; generate then uses it.

    The newest captions are held out and judge it: what does not do better than before is not used.
    Stopped by Ctrl-C or killed, the same command goes on at the last snapshot.
    """
    from feedsmith.captions import train as training

    place = Home(home)
    brand = place.load()
    # The captions first: what is wrong with them is told at once, and loading torch takes seconds.
    data = (
        _of_library(place, settings) if text is None else training.from_text(text, brand, settings)
    )
    config = resolve(settings)
    _show(training.outlook(config, data, place.root))
    if dry_run:
        return
    run = training.Run.create(place.root, config, data)
    with showing_long_progress() as report:
        result = training.train(config, data, run, report)
    _tell(place, run.folder, result, training.install(result, place))


@train_app.command("images")
@with_settings(
    pictures.Config,
    main=("recipe", "size", "budget", "kimg", "snapshot_every", "start"),
    flags={"start": "--from"},
    times=("budget",),
    recipes={"lora": lora.Config},
)
def images(
    home: HomeArgument,
    settings: pictures.Config | lora.Config,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The data set; empty means the brand's of that size (feedsmith prepare)."
        ),
    ] = None,
    dry_run: DryRun = False,
    address: ClusterOption = "",
    workers: WorkersOption = 0,
) -> None:
    """Train an image generator on the brand's own photos; `generate --images gan` then uses it.

    With --recipe lora, teach a Stable Diffusion (--model) the brand's look instead, for
    `generate --images diffusers --lora`.

    Stopped by Ctrl-C or killed, the same command goes on at the last snapshot; with a longer
    --budget a finished training goes on too. Several processes: torchrun --nproc-per-node N
    --no-python feedsmith train images BRAND; on several machines, --cluster.
    """
    if isinstance(settings, lora.Config):
        if address or workers:
            raise FeedsmithError(
                "--recipe lora trains on one machine", mend="leave --cluster and --workers away"
            )
        _lora(home, settings, data, dry_run)
        return
    pictures.needs()
    from feedsmith.dataset import DataSet
    from feedsmith.images.gan.train import installed, loop, run, team

    place = Home(home)
    place.load()
    if address or workers:
        _by_many(place, settings, _data_set(place, settings.size, data), address, workers, dry_run)
        return
    with DataSet.open(_data_set(place, settings.size, data)) as stored:
        config = pictures.resolve(settings, stored.size)
        with team.gathered(config.device) as mine:
            if mine.first:
                _show(run.outlook(config, stored, place.root))
            if dry_run:
                return
            made = loop.begun(place.root, config, stored, mine)
            if mine.first and (phase := made.config(config).phase_kimg):
                out.print(f"A phase shows {phase:g} thousand pictures.")
            with showing_long_progress() if mine.first else nullcontext(silent) as report:
                result = loop.train(config, stored, made, report, mine)
            if not mine.first:
                return
            _tell_images(place, made.folder, result, installed.install(made.folder, place.root))


def _by_many(
    place: Home, settings: pictures.Config, data: Path, address: str, workers: int, dry_run: bool
) -> None:
    """On a cluster."""
    from feedsmith.cluster import training
    from feedsmith.dataset import DataSet
    from feedsmith.images.gan.train import installed, run

    with DataSet.open(data) as stored:  # what is wrong with it is told here, and once
        asked = settings.model_copy(update={"threads": settings.threads or 1})
        _show(run.outlook(pictures.resolve(asked, stored.size), stored, place.root))
    if dry_run:
        return
    with cluster(address or "local", workers) as there, showing_long_progress() as report:
        result = training.train(place.root, settings, data, there, report)
    folder = place.root / "runs" / result.run
    _tell_images(place, folder, result, installed.install(folder, place.root))


def _lora(home: Path, settings: lora.Config, data: Path | None, dry_run: bool) -> None:
    """`--recipe lora`."""
    from feedsmith.images.diffusion import train as adapters

    place = Home(home)
    place.load()
    if data is not None:
        settings = settings.model_copy(update={"data": str(data)})
    config = lora.resolve(settings)
    steps = f"{config.steps} steps" + (f", {config.budget / 60:g} minutes" if config.budget else "")
    _show(
        [
            ("model", config.model),
            ("trains", f"an adapter of rank {config.rank}"),
            ("on", f"{config.device}, {config.dtype}, {config.threads} threads"),
            ("at most", steps),
        ]
    )
    if dry_run:
        return
    with showing_long_progress() as report:
        result = adapters.train_lora(place, settings, report)
    out.print(
        f"Held-out loss [green]{result.before:.4f} -> {result.after:.4f}[/] (best at step "
        f"{result.best_step} of {result.steps}), {result.pictures} pictures."
    )
    if result.advice:
        out.print(f"[yellow]note[/] {escape(result.advice)}", soft_wrap=True)
    out.print(f"Losses, card and files: {escape(str(place.root / 'runs' / result.run))}")
    if result.adapter:
        next_step(
            f"feedsmith generate {place.root} --images diffusers --model {config.model} "
            f"--lora {result.adapter}"
        )


def _data_set(place: Home, size: int, named: Path | None) -> Path:
    """The data set to train on: the one named, that of the size, or the largest there is."""
    if named is not None:
        return named
    from feedsmith.dataset import by_size

    folder = place.root / "datasets"
    found = by_size(folder)
    fitting = [path for side, path in found.items() if side >= size]
    if not found or (size and not fitting):
        raise FeedsmithError(
            f"{folder}: no data set" + (f" of {size} px or more" if size else ""),
            mend=f"feedsmith prepare {place.root} --size {size or 64}",
        )
    return fitting[0] if size else found[max(found)]


def _tell_images(place: Home, folder: Path, result: "run.Result", installed: Path | None) -> None:
    ended = {
        "finished": "all pictures were shown",
        "budget": "the time was up",
        "diverged": "the losses were no numbers",
    }[result.stopped]
    out.print(
        f"{result.kimg:g} thousand pictures at {result.pictures_per_second:g} a second, {ended}."
    )
    if result.distance is not None:
        out.print(
            f"Sliced Wasserstein distance [green]{result.distance:.0f}[/] "
            f"(real pictures among themselves {result.reference:.0f})."
        )
    if result.advice:
        out.print(f"[yellow]note[/] {escape(result.advice)}", soft_wrap=True)
    out.print(f"Curves, grids and card: {escape(str(folder))}", soft_wrap=True)
    if installed is None:
        out.print("No generator came out; pictures are made as before.")
        return
    out.print(
        f"The generator is in {escape(str(installed))}; look at sheet.jpg there.", soft_wrap=True
    )
    next_step(f"feedsmith evaluate images {place.root}")
    next_step(f"feedsmith generate {place.root} --images gan")


def _of_library(place: Home, config: Config) -> "Data":
    from feedsmith.captions import train as training
    from feedsmith.library import Library
    from feedsmith.understanding import traits

    library, brand = Library(place.library), place.load()
    with showing_long_progress() as report:
        traits.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    return training.from_library(place, config)


def _show(rows: "list[tuple[str, str]]") -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for label, value in rows:
        table.add_row(f"[bold]{label}[/]", escape(value))
    out.print(table)


def _tell(place: Home, folder: Path, result: "Result", trained: "Trained | None") -> None:
    ended = {
        "finished": "all epochs are done",
        "early": "nothing improved any more",
        "budget": "the time was up",
        "diverged": "the loss ran away",
    }[result.stopped]
    out.print(
        f"Held-out perplexity [green]{result.before:.1f} -> {result.after:.1f}[/] "
        f"(best at step {result.best_step} of {result.steps}; {ended}), "
        f"{result.tokens_per_second:.0f} tokens a second."
    )
    if result.advice:
        out.print(f"[yellow]note[/] {escape(result.advice)}", soft_wrap=True)
    out.print(f"Losses, card and files: {escape(str(folder))}", soft_wrap=True)
    if trained is None:
        out.print("Captions are written as before.")
        return
    out.print(f"[green]{escape(trained.name)}[/] now writes and judges this brand's captions.")
    next_step(f"feedsmith evaluate captions {place.root}")
