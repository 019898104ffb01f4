"""Command-line flags made from frozen config dataclasses, so that no default is written twice."""

import dataclasses
import inspect
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer
from docstring_parser import parse

from components.errors import InputError, exit_on_input_error


def field_help(config: type) -> dict[str, str]:
    """Reads each field's one-line meaning from the `Attributes:` section of the docstring."""
    described = {p.arg_name: p.description or "" for p in parse(config.__doc__ or "").params}
    return {f.name: " ".join(described[f.name].split()) for f in dataclasses.fields(config)}


Config = TypeVar("Config")


def config_from(config: type[Config], values: Mapping[str, Any]) -> Config:
    """Builds a config dataclass from those of the named values that are its fields.

    Raises:
        InputError: A list is malformed, or the config refuses a value.
    """
    chosen = {}
    for name, hint in get_type_hints(config).items():
        value = values[name]
        listed = get_origin(hint) is tuple and isinstance(value, str)
        chosen[name] = items_of(name, value, get_args(hint)[0]) if listed else value
    return config(**chosen)


def items_of(name: str, text: str, kind: type) -> tuple[Any, ...]:
    """Reads a list that is written `a,b,c`; nothing is the empty list.

    Args:
        name: The flag's name in messages.
        text: The list.
        kind: What an item is: str, int or float.

    Raises:
        InputError: An item is empty, is there twice or is not of the kind.
    """
    if not text.strip():
        return ()
    items: list[Any] = []
    for number, item in enumerate(text.split(","), start=1):
        try:
            value = kind(item.strip())
        except ValueError:
            raise InputError(
                f"item {number} of {name} is {item.strip()!r}, expected {_NUMBERS[kind]}; "
                "items are separated by commas"
            ) from None
        if value == "":
            raise InputError(f"item {number} of {name} is empty: write items as a,b,c")
        if value in items:
            raise InputError(f"{name} has {item.strip()!r} twice; name each item once")
        items.append(value)
    return tuple(items)


_NUMBERS = {int: "a whole number", float: "a number"}


def _config_type(annotation: Any) -> type | None:
    """Returns the dataclass that an annotation names, or None for an ordinary flag."""
    return annotation if dataclasses.is_dataclass(annotation) else None  # type: ignore[return-value]


def _flags_of(config: type) -> Iterator[inspect.Parameter]:
    """Yields one keyword parameter a field, as typer reads them."""
    hints, help_texts = get_type_hints(config), field_help(config)
    for field in dataclasses.fields(config):
        required = field.default is dataclasses.MISSING
        default, hint = field.default, hints[field.name]
        option = typer.Option(help=help_texts[field.name])
        if get_origin(hint) is tuple:
            default, hint = ",".join(map(str, tuple(field.default))), str  # type: ignore[arg-type]
            option = typer.Option(help=help_texts[field.name], metavar="A,B,…", show_default=False)
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if required else default,
            annotation=Annotated[hint, option],
        )


def flags_from_configs(command: Callable[..., None]) -> Callable[..., None]:
    """Replaces each parameter that is a frozen dataclass by one flag for each of its fields.

    Two configs may share a field (`seed`): they share its flag. The wrapped command builds the
    configs from the flags, prints an `InputError` as one line and exits with code 2.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: dict[str, inspect.Parameter] = {}
    configs: dict[str, type] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if config := _config_type(hints[name]):
            configs[name] = config
            parameters |= {p.name: p for p in _flags_of(config) if p.name not in parameters}
        else:
            parameters[name] = parameter.replace(
                kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]
            )

    @wraps(command)
    def run(**flags: Any) -> None:
        with exit_on_input_error():
            built: dict[str, Any] = {n: config_from(config, flags) for n, config in configs.items()}
            own = inspect.signature(command).parameters.keys() - configs.keys()
            command(**{name: flags[name] for name in own}, **built)

    run.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters.values()}
    return run


def flags_given(context: typer.Context) -> set[str]:
    """Names the flags that the user gave to the command that is running."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def tolerant_output() -> None:
    """Lets terminals that lack a character show a question mark instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def command_line(command: Callable[..., None]) -> typer.Typer:
    """Returns the command line of a step."""
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
    )
    app.command()(flags_from_configs(command))
    return app


def run_command(command: Callable[..., None]) -> None:
    """Runs a step's command line: `python -m components.STEP`."""
    tolerant_output()
    command_line(command)()
