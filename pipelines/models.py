"""`bakeoff models`: the published models as a table, one in full, or all of it as JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from components.encoders.catalogue import (
    MODELS,
    PICKLE,
    SAFETENSORS,
    TF1,
    PublishedModel,
    find_model,
)
from components.encoders.published import Pretraining, Result
from components.errors import InputError, did_you_mean

UNKNOWN = "–"
WIDE = 100
"""Columns of a terminal from which on the table shows formats and addresses too."""

_FORMATS = {
    TF1: "TensorFlow 1 checkpoint",
    SAFETENSORS: "Hugging Face, safetensors",
    PICKLE: "Hugging Face, a pickle: refused until converted, by the command that the error names",
}


def models(
    name: Annotated[
        str, typer.Argument(help="Show everything about this model.", show_default=False)
    ] = "",
    family: Annotated[
        str, typer.Option(help="List this family only: albert, bert or xlnet.", show_default=False)
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: of the list an array, of NAME an object.")
    ] = False,
) -> None:
    """Lists the published models, whose names any model argument takes.

    Accuracies are in per cent, the best of the runs, as published. In --json a model has: name,
    family, parameters (without a classifier), config (the architecture), address and format (of the
    source it is loaded from; an empty address = give a path), sources (all of them), tokenizer,
    licence (empty = none is named), results (task, split, max, mean or null, source), pretraining
    (or null) and note.

    Example: `bakeoff models chinese-macbert-base`
    """
    if name and family:
        raise InputError("--family filters the list: leave it out, or leave out the name")
    if name:
        model = find_model(name)
        _print_json(as_record(model)) if as_json else _print_model(model)
        return
    chosen = _of_family(family)
    _print_json([as_record(model) for model in chosen]) if as_json else _print_table(chosen)


def as_record(model: PublishedModel) -> dict[str, Any]:
    """Returns all that is known of a model, as `--json` prints it."""
    computed = {key: getattr(model, key) for key in ("family", "parameters", "address", "format")}
    return {"name": model.name} | computed | asdict(model)


def _of_family(family: str) -> list[PublishedModel]:
    families = sorted({model.family for model in MODELS.values()})
    if family and family not in families:
        raise InputError(
            f"no family is called {family!r}: choose one of {', '.join(families)}"
            f"{did_you_mean(family, families)}"
        )
    return [model for model in MODELS.values() if family in ("", model.family)]


def _print_json(content: object) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _print_table(chosen: Iterable[PublishedModel]) -> None:
    console = Console(highlight=False)
    wide = console.width >= WIDE
    table = Table(*_columns(wide), box=None, padding=(0, 1, 0, 0))
    for model in chosen:
        table.add_row(*(Text(cell) for cell in _cells(model)[: len(table.columns)]))
    console.print(table)
    more = "" if wide else f"; {WIDE} columns show formats and addresses too"
    console.print(f"\n`bakeoff models NAME` shows all of one, `--json` all of all{more}.")


def _columns(wide: bool) -> list[Column]:
    """Returns new columns, as a table keeps its cells in them."""
    numbers = ("layers\n× hidden", "para-\nmeters", "LCQMC\ntest", "XNLI\ntest")
    columns = [Column(heading, no_wrap=True) for heading in ("name", "family")]
    columns += [Column(heading, no_wrap=True, justify="right") for heading in numbers]
    if wide:
        columns += [Column("format", no_wrap=True), Column("address, shortened", overflow="fold")]
    return columns


def _cells(model: PublishedModel) -> tuple[str, ...]:
    best = {(result.task, result.split): f"{result.max}" for result in model.results}
    return (
        model.name,
        model.family,
        _size(model),
        f"{model.parameters / 1e6:.1f} M",
        best.get(("lcqmc", "test"), UNKNOWN),
        best.get(("xnli", "test"), UNKNOWN),
        model.format,
        _shortened(model.address),
    )


def _size(model: PublishedModel) -> str:
    return f"{model.config.num_hidden_layers} × {model.config.hidden_size}"


def _shortened(address: str) -> str:
    """Returns who publishes it: the organisation of `hf:`, the bucket of an archive."""
    if not address:
        return "a path, see NAME"
    if address.startswith("hf:"):
        return f"{address.partition('/')[0]}/…"
    return f"…/{address.split('/')[3]}/…"


def _print_model(model: PublishedModel) -> None:
    console = Console(highlight=False)
    console.print(Text.assemble((model.name, "bold"), f"  {model.family}, {_size(model)}"))
    for heading, text in _details(model):
        # Left to the terminal to wrap: an address that is broken here could not be copied.
        console.print(Text(f"  {heading:<14}{text}"), soft_wrap=True)


def _details(model: PublishedModel) -> Iterator[tuple[str, str]]:
    """Yields a heading and a text for each thing that is known of a model."""
    yield "address", model.address or "none: give the path of its folder or archive"
    yield "format", _FORMATS[model.format]
    for source in model.sources:
        if source != model.source:
            yield "also at", f"{source.address} ({source.format})"
    yield "parameters", f"{model.parameters:,} without a classifier"
    yield "architecture", _architecture(model)
    yield "tokenizer", model.tokenizer
    yield "licence", model.licence or "unknown"
    yield from _accuracies(model.results)
    if model.pretraining:
        yield "pre-training", _pretraining(model.pretraining)
    if model.note:
        yield "note", model.note


def _accuracies(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """Yields a line a task, then what the figures are and who published them."""
    for task, group in groupby(results, key=lambda result: result.task):
        yield task, ", ".join(f"{result.split} {result}" for result in group)
    if results:
        kind = "accuracy in per cent, the best (mean of 10 runs)"
        yield "", f"{kind}: {'; '.join(sorted({result.source for result in results}))}"


def _architecture(model: PublishedModel) -> str:
    """Returns every setting but those that the heading names."""
    shown = ("family", "num_hidden_layers", "hidden_size")
    return ", ".join(
        f"{setting} {value}"
        for setting, value in asdict(model.config).items()
        if setting not in shown
    )


def _pretraining(figures: Pretraining) -> str:
    accuracies = {
        "masked LM accuracy": figures.masked_lm_accuracy,
        "sentence order accuracy": figures.sentence_order_accuracy,
    }
    known = [f"{what} {value:g}%" for what, value in accuracies.items() if value is not None]
    loss = [] if figures.loss is None else [f"loss {figures.loss:g}"]
    estimate = " (estimate)" if figures.estimated else ""
    hours = f"{figures.hours:g} hours on a TPU v3-256{estimate}"
    return f"{', '.join((*known, *loss, hours))}  {figures.source}"
