"""The `bakeoff` command."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from components.artifacts.file import new_file
from components.compare.command import FailIf, compare, end_if
from components.evaluate.config import EvaluateConfig
from components.export.command import export
from components.flags import flags_from_configs, flags_given, tolerant_output
from components.image import Images
from components.predict.command import predict
from components.tasks import TASKS, TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.models import models
from pipelines.settings import (
    ALBERT_VS_BERT,
    PIPELINES,
    CompileConfig,
    DockerConfig,
    RunConfig,
    Settings,
    check_lists,
    check_pipeline,
    scratch_training,
)
from pipelines.submit import SubmitConfig

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
    docker: DockerConfig,
    fail_if: FailIf = None,
) -> None:
    """Runs the whole comparison on this machine, in Docker if asked, and prints its table.

    Without options it compares two tiny encoders from scratch on the built-in sample. Encoders from
    scratch are trained with a larger learning_rate and more epochs than shown below, unless you
    give these yourself.

    With --models, --learning-rates or --seeds it makes a leaderboard: every model is trained with
    every learning rate and seed, side by side where there is room.

    Example: `bakeoff run --task lcqmc --data DIR --train-samples 2000 --vocab-file vocab.txt`

    Example: `bakeoff run --models scratch:albert-tiny,scratch:bert-tiny,scratch:bert-small --seeds
    1,2,3`
    """
    # Imported here: tables, pictures and statistics load slowly, and `bakeoff --help` needs none.
    from components.compare.facts import PAGE, REPORT
    from components.compare.fail_if import check_conditions
    from components.compare.report import plain_summary
    from components.compare.step import read_comparison
    from pipelines.run import StepBrokeDown, run_locally

    check_conditions(fail_if or [])
    check_lists(flags_given(context))
    train = _trained_as_needed(run, train, context)
    settings = Settings(
        task=task, tokenize=tokenize, train=train, evaluate=evaluate, run=run, docker=docker
    )
    try:
        report = run_locally(settings)
    except StepBrokeDown as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    facts = read_comparison(report)
    print(plain_summary(facts))
    print(f"\npage: {report / PAGE}\nreport: {report / REPORT}")
    end_if(fail_if or [], facts)


def _trained_as_needed(run: RunConfig, train: TrainConfig, context: typer.Context) -> TrainConfig:
    """Returns how encoders are trained, and says what those from scratch get."""
    chosen = scratch_training(run, flags_given(context))
    if chosen:
        values = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
        print(f"encoders from scratch: {values}")
    return dataclasses.replace(train, **chosen)


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
    images: Images,
    config: CompileConfig,
    pipeline: Annotated[
        str, typer.Option(help=f"The pipeline: {' or '.join(PIPELINES)}.")
    ] = ALBERT_VS_BERT,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write the pipeline to; by default named by it.", show_default=False
        ),
    ] = None,
) -> None:
    """Writes the pipeline as YAML for Kubeflow Pipelines v2 or Vertex AI.

    Example: `bakeoff compile --image REGISTRY/encoder-bakeoff-python:TAG-cpu --train-image
    REGISTRY/encoder-bakeoff-python:TAG-gpu`
    """
    from pipelines.compiled import compile_pipeline, pipeline_named, to_yaml

    check_pipeline(pipeline)
    path = output or Path(f"{pipeline}.yaml")
    with new_file(path) as partial:
        compiled = compile_pipeline(pipeline_named(pipeline), images, config)
        partial.write_text(to_yaml(compiled), encoding="utf-8")
    print(f"pipeline: {path} (images {images.image} and, to train, {images.train_image})")


def submit(
    context: typer.Context,
    submit: SubmitConfig,
    images: Images,
    config: CompileConfig,
    run: RunConfig,
    task: TaskConfig,
    train: TrainConfig,
    tokenize: TokenizeConfig,
    evaluate: EvaluateConfig,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A parameter of the pipeline that has no flag here, such as gpus=2; repeatable.",
        ),
    ] = None,
) -> None:
    """Submits the comparison to Kubeflow Pipelines, follows it and prints its report.

    Ends with 0 when the run succeeded, 1 when it failed, 2 for a mistake of yours, 124 when time
    was up and 130 on Ctrl-C; the run goes on in the last two cases.

    Example: `bakeoff submit --endpoint http://localhost:8080 --image REGISTRY/NAME:TAG-cpu
    --train-image REGISTRY/NAME:TAG-gpu --task lcqmc --data gs://BUCKET/lcqmc`
    """
    from pipelines.compiled import compile_pipeline, pipeline_named, to_yaml
    from pipelines.kubeflow_server import ServerTrouble
    from pipelines.submit import check_target
    from pipelines.submit import submit as submit_run

    check_lists(flags_given(context))
    check_target(images, config, run)
    train = _trained_as_needed(run, train, context)
    settings = Settings(task=task, tokenize=tokenize, train=train, evaluate=evaluate, run=run)
    compiled = to_yaml(compile_pipeline(pipeline_named(run.pipeline), images, config))
    try:
        code = submit_run(settings, submit, compiled, parameter or ())
    except ServerTrouble as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    raise typer.Exit(code)


for command in (run, compare, tasks, models, predict, export, compile, submit):
    app.command()(flags_from_configs(command))


def main() -> None:
    """Runs the `bakeoff` command."""
    tolerant_output()
    app()


if __name__ == "__main__":
    main()
