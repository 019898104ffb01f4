"""The `bakeoff` command."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.export.command import export
from components.flags import flags_from_configs, flags_given, tolerant_output
from components.image import IMAGE
from components.predict.command import predict
from components.tasks import TASKS, TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.models import models
from pipelines.settings import RunConfig, Settings, scratch_training

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Fine-tune ALBERT and BERT on a text task and get a comparison that can be trusted.",
)


def run(
    context: typer.Context,
    run: RunConfig,
    task: TaskConfig,
    train: TrainConfig,
    tokenize: TokenizeConfig,
    evaluate: EvaluateConfig,
) -> None:
    """Runs the whole comparison on this machine and prints its table.

    Without options it compares two tiny encoders from scratch on the built-in sample. Encoders from
    scratch are trained with a larger learning_rate and more epochs than shown below, unless you
    give these yourself.

    Example: `bakeoff run --task lcqmc --data DIR --train-samples 2000 --vocab-file vocab.txt`
    """
    # Imported here: tables, pictures and statistics load slowly, and `bakeoff --help` needs none.
    from components.compare.facts import REPORT
    from components.compare.report import plain_summary
    from components.compare.step import read_comparison
    from pipelines.run import StepBrokeDown, run_locally

    if chosen := scratch_training(run, flags_given(context)):
        print(
            "encoders from scratch: "
            + ", ".join(f"{name} {value:g}" for name, value in chosen.items())
        )
        train = dataclasses.replace(train, **chosen)
    settings = Settings(task=task, tokenize=tokenize, train=train, evaluate=evaluate, run=run)
    try:
        report = run_locally(settings)
    except StepBrokeDown as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(plain_summary(read_comparison(report)))
    print(f"\nreport: {report / REPORT}")


def tasks() -> None:
    """Lists the tasks: the files, columns and labels of each."""
    console = Console(highlight=False)
    for task in TASKS.values():
        console.print(Text.assemble((task.name, "bold"), f"  {task.description}"))
        details = Table.grid(Column(min_width=10), Column(overflow="fold"), padding=(0, 1))
        for heading, text in task.details():
            details.add_row(f"  {heading}", Text(text))
        console.print(details, "")
    console.print("test may be missing, or lack labels: its rows are then predicted, not measured.")


def compile(
    output: Annotated[Path, typer.Option(help="File to write the pipeline to.")] = Path(
        "albert-vs-bert.yaml"
    ),
    image: Annotated[str, typer.Option(help="Image that every task runs in.")] = IMAGE,
) -> None:
    """Writes the pipeline as YAML for Kubeflow Pipelines v2."""
    from pipelines.albert_vs_bert import albert_vs_bert
    from pipelines.compiled import compile_pipeline, to_yaml

    try:
        output.write_text(to_yaml(compile_pipeline(albert_vs_bert, image)), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from None
    print(f"pipeline: {output} (image {image})")


for command in (run, tasks, models, predict, export, compile):
    app.command()(flags_from_configs(command))


def main() -> None:
    """Runs the `bakeoff` command."""
    tolerant_output()
    app()


if __name__ == "__main__":
    main()
