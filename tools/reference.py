"""The reference pages of the documentation, written from the code: docs/reference/*.md.

    python tools/reference.py            # writes them
    python tools/reference.py --check    # ends with 1 and names those that are not as the code says

The command line comes from its parser, brand.toml and post.json from their pydantic models, the REST API from its
OpenAPI description. Needs the default install alone.
"""

import enum
import re
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

REPO = Path(__file__).parents[1]
PAGES = REPO / "docs" / "reference"
COMMAND = "python tools/reference.py"
NOTE = f"<!-- Written by `{COMMAND}` from the code: change the code, then run it again. -->\n"


def pages() -> dict[str, str]:
    """File name -> content of each page of the reference."""
    return {
        "cli.md": command_line(),
        "brand-toml.md": brand_toml(),
        "post-json.md": post_json(),
        "rest.md": rest(),
    }


# ---- the command line ----------------------------------------------------------------------------


class Command(NamedTuple):
    path: str
    words: str
    parameters: list[Any]
    parts: bool
    """Whether it has commands of its own."""


def commands() -> list[Command]:
    """All that the command line understands, groups before their parts."""
    from feedsmith.cli import app

    def within(found: Any, path: str) -> Iterator[Command]:
        parts = getattr(found, "commands", {})
        yield Command(
            path, found.help or "", [p for p in found.params if not p.hidden], bool(parts)
        )
        for name, part in parts.items():
            if not part.hidden:
                yield from within(part, f"{path} {name}")

    return list(within(typer.main.get_command(app), "feedsmith"))


def command_line() -> str:
    first, *others = commands()
    text = [
        NOTE, "# Commands\n", f"{_plain(first.words)}\n",
        "`--help` behind any command shows the same, and `feedsmith --version` says which Feedsmith it is. Every command ends with 0 when it did what was asked, with 1 when it "
        "could not and said why, with 2 when it was called wrongly, and with 130 after Ctrl-C.\n",
        "| command | what it does |\n|---|---|",
        *(
            f"| [`{c.path}`](#{_anchor(c.path)}) | {_cell(c.words.strip().partition(chr(10))[0])} |"
            for c in others
            if not c.parts
        ),
        "",
    ]  # fmt: skip
    return "\n".join([*text, *map(_command, others)])


def _command(command: Command) -> str:
    level = "#" * command.path.count(" ")
    usage = [command.path]
    for each in command.parameters:
        if each.param_type_name == "argument":
            named = each.metavar or each.name.upper()
            usage.append(named if each.required or named.startswith("[") else f"[{named}]")
    options = [p for p in command.parameters if p.param_type_name == "option"]
    usage += ["[OPTIONS]"] * bool(options) + ["COMMAND"] * command.parts
    text = [f"#{level} {command.path}\n", f"    {' '.join(usage)}\n", f"{_plain(command.words)}\n"]
    if rows := [p for p in command.parameters if p.param_type_name == "argument"]:
        text.append("| argument | what it is | default |\n|---|---|---|")
        text += [
            f"| `{p.metavar or p.name.upper()}` | {_cell(p.help)} | {_default(p)} |" for p in rows
        ] + [""]
    if options:
        text.append("| option | what it does | default |\n|---|---|---|")
        text += [f"| {_names(p)} | {_cell(p.help)}{_range(p)} | {_default(p)} |" for p in options]
        text.append("")
    return "\n".join(text)


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.secondary_opts:
        return f"{names} or {', '.join(f'`{name}`' for name in option.secondary_opts)}"
    if getattr(option, "is_flag", False):
        return names
    annotation = option.type_descriptor.annotation
    word = option.metavar or {int: "NUMBER", float: "NUMBER", Path: "PATH"}.get(annotation, "TEXT")
    word = word.replace("|", " or ")
    return f"{names} `{word}`" + (", more than once" if option.multiple else "")


def _range(option: Any) -> str:
    low, high = option.min, option.max
    if low is None and high is None:
        return ""
    if high is None:
        return f" At least {low:,}."
    return f" {low:,} to {high:,}." if low is not None else f" At most {high:,}."


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    value = parameter.default
    if value is None or value == "" or value is False or not parameter.show_default:
        return ""
    return f"`{parameter.opts[0]}`" if value is True else f"`{_said(value)}`"


# ---- models --------------------------------------------------------------------------------------


def brand_toml() -> str:
    from feedsmith.brand import Brand, Home

    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.create(Brand(name="My brand"))
        written = home.brand_file.read_text("utf-8")
    text = [
        NOTE, "# brand.toml\n",
        "Who a brand is: one file in its folder, in [TOML](https://toml.io). Everything but `name` has a default. A setting that is "
        "misspelt or out of range is refused with its line, and nothing is made. Keys and passwords never stand in it.\n",
    ]  # fmt: skip
    inner = {
        name: f.annotation for name, f in Brand.model_fields.items() if _is_model(f.annotation)
    }
    text.append("## Top of the file\n")
    text.append(_fields(Brand, leave=tuple(inner)))
    for name, model in inner.items():
        text += [
            f"## [{name}]\n",
            f"{_plain(_doc(model))}\n" if _doc(model) else "",
            _fields(model),
        ]
    text += ["## As `feedsmith init` writes it\n", f"```toml\n{written}```\n"]
    return "\n".join(part for part in text if part)


def post_json() -> str:
    from feedsmith.post import METHODS, Post

    text = [
        NOTE, "# post.json\n",
        "Everything that is known of a post, in its folder, as UTF-8 JSON. A field that has its default may be missing in posts of older "
        "versions; times are ISO 8601 with a time zone. Pictures, films and `caption.txt` lie beside it.\n",
    ]  # fmt: skip
    for model in _reached(Post):
        text += [f"## {model.__name__}\n", f"{_plain(_doc(model))}\n", _fields(model)]
        if model.__name__ == "Medium":
            text.append("`method` is one of:\n\n| method | what a page says of it |\n|---|---|")
            text += [f"| `{name}` | {_cell(words)} |" for name, words in METHODS.items()] + [""]
    return "\n".join(text)


def _fields(model: type[BaseModel], leave: tuple[str, ...] = ()) -> str:
    rows = ["| field | what it is | type | default |", "|---|---|---|---|"]
    for name, info in model.model_fields.items():
        if name not in leave:
            rows.append(
                f"| `{info.alias or name}` | {_cell(info.description)} "
                f"| {_type(info.annotation)}{_limits(info)} | {_unset(info)} |"
            )
    return "\n".join(rows) + "\n"


def _reached(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The model and those that its fields hold, each once, in the order of reading."""
    found = [model]
    for each in found:
        for info in each.model_fields.values():
            found += [m for m in dict.fromkeys(_models(info.annotation)) if m not in found]
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if _is_model(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(f"`{_said(part)}`" for part in parts)
    if origin in (Union, types.UnionType):
        kept = [part for part in parts if part is not type(None)]
        return " or ".join(_type(p) for p in kept) + (" or null" if len(kept) < len(parts) else "")
    if origin in (tuple, list, frozenset):
        if origin is tuple and Ellipsis not in parts:
            return f"list of {len(parts)}: " + ", ".join(_type(part) for part in parts)
        return f"list of {_type(parts[0])}"
    if origin is dict:
        return f"table: {_type(parts[0])} to {_type(parts[1])}"
    if _is_model(annotation):
        return f"[{annotation.__name__}](#{_anchor(annotation.__name__)})"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "one of " + ", ".join(f"`{each.value}`" for each in annotation)
    named = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return named.get(
        annotation,
        {"datetime": "time", "Path": "path"}.get(getattr(annotation, "__name__", ""), "text"),
    )


def _limits(info: FieldInfo) -> str:
    bounds = {}
    for limit in info.metadata:
        for word in ("ge", "gt", "le", "lt", "max_length", "min_length"):
            if getattr(limit, word, None) is not None:
                bounds[word] = getattr(limit, word)
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    said = ""
    if low is not None and high is not None:
        said = f", {'over ' if 'gt' in bounds else ''}{low:g} to {high:g}"
    elif low is not None:
        said = f", {'over' if 'gt' in bounds else 'at least'} {low:g}"
    if "max_length" in bounds:
        said += f", at most {bounds['max_length']} characters"
    return said


def _unset(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return "null"
    if isinstance(value, BaseModel):
        return "its own"
    return f"`{_said(value)}`"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_said(each) for each in value) + "]"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, dict):
        return "{}" if not value else str(value)
    return '""' if value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _doc(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip() if model.__doc__ != BaseModel.__doc__ else ""


# ---- REST ----------------------------------------------------------------------------------------


def rest() -> str:
    from feedsmith.studio.settings import Config, set_up

    with tempfile.TemporaryDirectory() as folder:
        set_up(Config(home=Path(folder)))
        from feedsmith.studio.api.root import description

        said = description()
    text = [
        NOTE, "# REST API\n", f"{said['info']['description']}\n",
        "A studio serves this description as OpenAPI 3.1 at `/api/v1/openapi.json`. What the parts mean, with examples: "
        "[Programs](../api.md).\n",
    ]  # fmt: skip
    groups: dict[str, list[str]] = {}
    for address, methods in said["paths"].items():
        for method, operation in methods.items():
            told = _operation(method.upper(), address, operation)
            groups.setdefault(operation["tags"][0], []).append(told)
    for name, operations in groups.items():
        text += [f"## {name.capitalize()}\n", *operations]
    text.append("## Shapes\n")
    for name, schema in sorted(said["components"]["schemas"].items()):
        text.append(f"### {name}\n")
        if schema.get("description"):
            text.append(f"{_plain(schema['description'])}\n")
        if "enum" in schema:
            text.append("One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".\n")
        if schema.get("properties"):
            text.append(_properties(schema))
    return "\n".join(text)


def _operation(method: str, address: str, said: dict[str, Any]) -> str:
    text = [f"### {said['summary']}\n", f"    {method} {address}\n"]
    if said.get("description"):
        text.append(f"{_plain(said['description'])}\n")
    needs = [f"scope `{said['x-scope']}`"] if said.get("x-scope") else []
    needs += [f"role from `{said['x-role']}` on"] if said.get("x-role") else []
    if needs:
        text.append(f"Needs {' and '.join(needs)}.\n")
    if said.get("parameters"):
        text.append("| name | where | type | what it is |\n|---|---|---|---|")
        for each in said["parameters"]:
            needed = ", needed" if each.get("required") else ""
            words = each.get("description") or each.get("schema", {}).get("description", "")
            text.append(
                f"| `{each['name']}` | {each['in']}{needed} | {_shape(each.get('schema', {}))} | {_cell(words)} |"
            )
        text.append("")
    for kind, body in said.get("requestBody", {}).get("content", {}).items():
        text.append(f"Takes {_shape(body.get('schema', {}))} as `{kind}`.\n")
    answers, refusals = [], []
    for status, answer in said.get("responses", {}).items():
        given = [_shape(c.get("schema", {})) for c in answer.get("content", {}).values()]
        if given and given[0] == "[Problem](#problem)":
            refusals.append(str(status))
        else:
            answers.append(f"{status}{': ' + given[0] if given and given[0] != 'anything' else ''}")
    refused = f"; refuses with a [Problem](#problem): {', '.join(refusals)}" if refusals else ""
    text.append(f"Answers {', '.join(answers)}{refused}.\n")
    return "\n".join(text)


def _properties(schema: dict[str, Any]) -> str:
    rows = ["| field | what it is | type | default |", "|---|---|---|---|"]
    for name, each in schema["properties"].items():
        default = "needed" if name in schema.get("required", ()) else ""
        if "default" in each and each["default"] is not None:
            default = f"`{_said(each['default'])}`"
        rows.append(
            f"| `{name}` | {_cell(each.get('description', ''))} | {_shape(each)} | {default} |"
        )
    return "\n".join(rows) + "\n"


def _shape(schema: dict[str, Any]) -> str:
    """A JSON schema in few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_anchor(name)})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_shape(each) for each in schema[key]))
    if "const" in schema:
        return f"`{_said(schema['const'])}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{_said(value)}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_shape(schema['additionalProperties'])}"
    words = {
        "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
        "null": "null", "object": "object",
    }  # fmt: skip
    said = words.get(str(kind), "anything")
    if kind == "string" and schema.get("format"):
        said = {"date-time": "time", "date": "day", "binary": "bytes"}.get(schema["format"], said)
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        said += f", {low:g} to {high:g}"
    if schema.get("maxLength"):
        said += f", at most {schema['maxLength']} characters"
    return said


# ---- Markdown ------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Paragraphs with their line breaks taken out; code as code."""
    parts = re.split(r"\n\s*\n", text.replace("``", "`").strip())
    text = "\n\n".join(" ".join(part.split()) for part in parts).replace("<", "&lt;")
    text = text.replace("[learning]", "`[learning]`")  # would be read as a link
    return re.sub(r"docs/([\w-]+)\.md", r"[docs/\1.md](../\1.md)", text)


def _cell(text: str | None) -> str:
    return _plain(text or "").replace("\n\n", " ").replace("|", "\\|").replace("...", "…")


def _anchor(text: str) -> str:
    return re.sub(r"[^\w-]", "", text.lower().replace(" ", "-"))


def main() -> None:
    written = pages()
    if "--check" in sys.argv:
        stale = [
            name
            for name, text in written.items()
            if not (PAGES / name).exists() or (PAGES / name).read_text("utf-8") != text
        ]
        if stale:
            print(
                f"not as the code says: {', '.join(f'docs/reference/{n}' for n in stale)}; {COMMAND}"
            )
            sys.exit(1)
        return
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (PAGES / name).write_text(text, "utf-8")
        print(f"docs/reference/{name}: {len(text.splitlines())} lines")


if __name__ == "__main__":
    main()
