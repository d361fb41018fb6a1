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

from feedsmith.errors import FeedsmithError
from feedsmith.post import Value
from feedsmith.training.machine import seconds

FINER = "Finer settings"


def with_settings(
    config: type[Value],
    main: Collection[str] = (),
    flags: Mapping[str, str] | None = None,
    times: Collection[str] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every field of `config`; it takes them as `settings`.

    `main` fields are listed first, the others as finer settings; `flags` names options that are not
    called like their fields; `times` are fields in seconds, written like 15m.
    """
    named = dict(flags or {})

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [one for one in signature.parameters.values() if one.name != "settings"]
        made = []
        for name, field in config.model_fields.items():
            kind = (
                str
                if name in times or get_origin(field.annotation) is Literal
                else field.annotation
            )
            default = _written(field.default) if name in times else field.default
            help_text = " ".join((field.description or "").split())
            if name in times:
                help_text = help_text.replace(
                    "Seconds of wall-clock time", "Time, like 15m, 90s or 1h,"
                )
            if get_origin(field.annotation) is Literal:
                help_text += f" One of: {', '.join(map(str, get_args(field.annotation)))}."
            option = typer.Option(
                *([named[name]] if name in named else []),
                help=help_text,
                rich_help_panel=None if name in main else FINER,
            )
            made.append(
                inspect.Parameter(
                    name, inspect.Parameter.KEYWORD_ONLY, default=default,
                    annotation=Annotated[kind, option],
                )
            )  # fmt: skip

        @functools.wraps(command)
        def run(**given: Any) -> None:
            asked = {name: given.pop(name) for name in config.model_fields}
            asked |= {name: seconds(asked[name]) for name in times}
            command(settings=_checked(config, asked, named, command), **given)

        parameters = [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), *made]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


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
