"""The `bakeoff` command."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from components.flags import flags_from_configs, tolerant_output

COMMANDS = {
    "run": (
        "pipelines.command_run",
        "Runs the whole comparison on this machine, in Docker if asked, and prints its table.",
    ),
    "compare": (
        "components.compare.command",
        "Writes a comparison of finished evaluations, also of several runs.",
    ),
    "tasks": (
        "pipelines.command_tasks",
        "Lists the tasks: the files, columns and labels of each.",
    ),
    "models": (
        "pipelines.models",
        "Lists the published models, whose names any model argument takes.",
    ),
    "predict": (
        "components.predict.command",
        "Scores new texts with a trained model: the file's columns, `predicted` and probabilities.",
    ),
    "export": (
        "components.export.command",
        "Writes a trained model as transformers, TensorFlow Serving, onnxruntime or BERT load it.",
    ),
    "compile": (
        "pipelines.command_compile",
        "Writes the pipeline as YAML for Kubeflow Pipelines v2 or Vertex AI.",
    ),
    "submit": (
        "pipelines.command_submit",
        "Submits the comparison to Kubeflow Pipelines, follows it and prints its report.",
    ),
}
"""The module of each command, whose function has the command's name, and its summary."""

MARKUP: Literal["markdown"] = "markdown"


class _Loaded(Mapping[str, Any]):
    """The commands, each imported when it is asked for: one must not wait for the others."""

    def __getitem__(self, name: str) -> Any:
        module, _ = COMMANDS[name]
        command = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
        command.command(name)(flags_from_configs(getattr(import_module(module), name)))
        return typer.main.get_command(command)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Commands(TyperGroup):
    """The group of all commands: their list needs no more than summaries."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": _Loaded()})

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        loaded = self.commands
        self.commands = {
            name: TyperCommand(name, help=summary) for name, (_, summary) in COMMANDS.items()
        }
        super().format_help(ctx, formatter)
        self.commands = loaded


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
)


@app.callback()
def bakeoff() -> None:
    """Fine-tune ALBERT and BERT on a text task and get a comparison that can be trusted."""


def main() -> None:
    """Runs the `bakeoff` command."""
    tolerant_output()
    app()


if __name__ == "__main__":
    main()
