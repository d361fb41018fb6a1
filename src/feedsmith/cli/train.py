"""`feedsmith train`: learn from the brand's own posts. Parses, calls, prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from feedsmith.brand import Home
from feedsmith.captions.train.config import Config, resolve, seconds
from feedsmith.cli.screen import HomeArgument, next_step, out, showing_long_progress
from feedsmith.errors import FeedsmithError

if TYPE_CHECKING:
    from feedsmith.captions.train import Data, Result, Trained

train_app = typer.Typer(no_args_is_help=True, help="Learn from the brand's own posts.")

_DEFAULTS = Config()
_FINER = "Finer settings"


def _help(setting: str) -> str:
    """A setting's own docstring, on one line."""
    return " ".join((Config.model_fields[setting].description or "").split())


def _finer(setting: str, **bounds: Any) -> Any:
    return typer.Option(help=_help(setting), rich_help_panel=_FINER, **bounds)


@train_app.callback()
def _train() -> None:
    """Learn from the brand's own posts."""


@train_app.command("captions")
def captions(
    home: HomeArgument,
    base: Annotated[str, typer.Option(help=_help("base"))] = _DEFAULTS.base,
    method: Annotated[str, typer.Option(help=_help("method"))] = _DEFAULTS.method,
    budget: Annotated[
        str, typer.Option(help="Time for all of it: 15m, 90s, 1h; the best model so far is kept.")
    ] = "15m",
    text: Annotated[
        Path | None,
        typer.Option(
            help="Train on this text file instead of the library: one caption a line, or texts "
            "between <|startoftext|> and <|endoftext|>."
        ),
    ] = None,
    epochs: Annotated[float, _finer("epochs")] = _DEFAULTS.epochs,
    rate: Annotated[float, _finer("rate")] = _DEFAULTS.rate,
    rank: Annotated[int, _finer("rank")] = _DEFAULTS.rank,
    start: Annotated[str, _finer("start")] = _DEFAULTS.start,
    mix: Annotated[float, _finer("mix")] = _DEFAULTS.mix,
    hold_out: Annotated[float, _finer("held_out")] = _DEFAULTS.held_out,
    hold_out_most: Annotated[int, _finer("held_out_max")] = _DEFAULTS.held_out_max,
    batch_tokens: Annotated[int, _finer("batch_tokens")] = _DEFAULTS.batch_tokens,
    row_tokens: Annotated[int, _finer("row_tokens")] = _DEFAULTS.row_tokens,
    patience: Annotated[int, _finer("patience")] = _DEFAULTS.patience,
    snapshot_every: Annotated[int, _finer("snapshot_every")] = _DEFAULTS.snapshot_every,
    device: Annotated[str, _finer("device")] = _DEFAULTS.device,
    dtype: Annotated[str, _finer("dtype")] = _DEFAULTS.dtype,
    threads: Annotated[int, _finer("threads")] = _DEFAULTS.threads,
    seed: Annotated[int, _finer("seed")] = _DEFAULTS.seed,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")
    ] = False,
) -> None:
    """Train a caption model on the brand's own captions; generate then uses it.

    The newest captions are held out and judge it: what does not do better than before is not used.
    Stopped by Ctrl-C or killed, the same command goes on at the last snapshot.
    """
    from feedsmith.captions import train as training

    place = Home(home)
    brand = place.load()
    asked = _checked(
        base=base, method=method, budget=seconds(budget), epochs=epochs, rate=rate, rank=rank,
        start=start, mix=mix, held_out=hold_out, held_out_max=hold_out_most,
        batch_tokens=batch_tokens, row_tokens=row_tokens, patience=patience,
        snapshot_every=snapshot_every, device=device, dtype=dtype, threads=threads, seed=seed,
    )  # fmt: skip
    # The captions first: what is wrong with them is told at once, and loading torch takes seconds.
    data = _of_library(place, asked) if text is None else training.from_text(text, brand, asked)
    config = resolve(asked)
    _show(training.outlook(config, data, place.root))
    if dry_run:
        return
    run = training.Run.create(place.root, config, data)
    with showing_long_progress() as report:
        result = training.train(config, data, run, report)
    _tell(place, run.folder, result, training.install(result, place))


def _checked(**settings: Any) -> Config:
    from pydantic import ValidationError

    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-").replace("held-out", "hold-out")
        name = name.replace("hold-out-max", "hold-out-most")
        raise FeedsmithError(
            f"--{name} {first['input']}: {first['msg'][:1].lower()}{first['msg'][1:]}",
            mend="see feedsmith train captions --help",
        ) from error


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
