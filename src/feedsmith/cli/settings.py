"""Options of a command that are the fields of a settings class, listed once: in the class.

A field's type, default and docstring become the option's; the command is handed the settings whole.
Parses; knows no stage.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from feedsmith.errors import FeedsmithError
from feedsmith.post import Value
from feedsmith.training.machine import seconds

FINER = "Finer settings"


def with_settings(
    config: type[Value],
    main: Collection[str] = (),
    flags: Mapping[str, str] | None = None,
    times: Collection[str] = (),
    recipes: Mapping[str, type[Value]] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every field of `config`; it takes them as `settings`.

    `main` fields are listed first, the others as finer settings; `flags` names options that are not
    called like their fields; `times` are fields in seconds, written like 15m. `recipes` are classes
    of their own for some values of the option --recipe: their fields are options as well, and where
    one is not typed, the class' own default holds.
    """
    named, special = dict(flags or {}), dict(recipes or {})

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [one for one in signature.parameters.values() if one.name != "settings"]
        taken = {one.name for one in own}
        made: dict[str, inspect.Parameter] = {}
        for recipe, kind in (("", config), *special.items()):
            for name, field in kind.model_fields.items():
                if name in taken or name in made:
                    continue
                panel = f"Only for --recipe {recipe}" if recipe else FINER
                more = tuple(special) if name == "recipe" else ()
                option = _option(field, named.get(name), name in times, name in main, panel, more)
                made[name] = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, **option)

        @functools.wraps(command)
        def run(context: typer.Context, **given: Any) -> None:
            chosen = special.get(str(given.get("recipe")), config)
            shown = {name: given.pop(name) for name in made}
            asked = {
                name: seconds(shown[name]) if name in times else shown[name]
                for name in chosen.model_fields
                if name in shown and (chosen is config or _typed(context, name))
            }
            command(settings=_checked(chosen, asked, named, command), **given)

        parameters = [
            inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
            *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own),
            *made.values(),
        ]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def _typed(context: typer.Context, name: str) -> bool:
    """Whether a person gave this option."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _option(
    field: FieldInfo, flag: str | None, time: bool, main: bool, panel: str, more: tuple[str, ...]
) -> dict[str, Any]:
    """Default and annotation of the option for one field."""
    choice = get_origin(field.annotation) is Literal
    said = " ".join((field.description or "").split())
    if time:
        said = said.replace("Seconds of wall-clock time", "Time, like 15m, 90s or 1h,")
    if choice:
        said += f" One of: {', '.join(map(str, (*get_args(field.annotation), *more)))}."
    option = typer.Option(
        *([flag] if flag else []), help=said, rich_help_panel=None if main else panel
    )
    return {
        "default": _written(field.default) if time else field.default,
        "annotation": Annotated[str if time or choice else field.annotation, option],
    }


def _checked(
    config: type[Value], asked: Mapping[str, Any], flags: Mapping[str, str], command: Any
) -> Value:
    try:
        return config.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        flag = flags.get(name, "--" + name.replace("_", "-"))
        raise FeedsmithError(
            f"{flag} {first['input']}: {first['msg'][:1].lower()}{first['msg'][1:]}",
            mend=f"see feedsmith train {command.__name__} --help",
        ) from error


def _written(time: float) -> str:
    return f"{time / 3600:g}h" if time >= 3600 else f"{time / 60:g}m"
