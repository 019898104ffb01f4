"""The `bakeoff` command."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from components.evaluate.config import EvaluateConfig
from components.flags import flags_from_configs, flags_given
from components.image import IMAGE
from components.tasks import TASKS, TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.run import run_locally
from pipelines.settings import RunConfig, Settings, with_sample_training

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

    Without options it compares two tiny encoders from scratch on the built-in sample.

    Example: `bakeoff run --task lcqmc --data DIR --train-samples 2000 --vocab-file vocab.txt`
    """
    train = with_sample_training(train, task, flags_given(context))
    report = run_locally(
        Settings(task=task, tokenize=tokenize, train=train, evaluate=evaluate, run=run)
    )
    lines = (report / "comparison.md").read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if line.startswith("#"))
    print("\n".join(lines[:end]).strip())
    print(f"\nreport: {report / 'comparison.md'}")


def tasks() -> None:
    """Lists the tasks: their files and columns."""
    table = Table("task", "what it is", "files", "columns")
    for task in TASKS.values():
        table.add_row(*(str(getattr(task, f.name)) for f in dataclasses.fields(task)))
    Console().print(table)


def compile(
    output: Annotated[Path, typer.Option(help="File to write the pipeline to.")] = Path(
        "albert-vs-bert.yaml"
    ),
    image: Annotated[str, typer.Option(help="Image that every task runs in.")] = IMAGE,
) -> None:
    """Writes the pipeline as YAML for Kubeflow Pipelines v2."""
    from pipelines.albert_vs_bert import albert_vs_bert
    from pipelines.compiled import compile_pipeline, to_yaml

    output.write_text(to_yaml(compile_pipeline(albert_vs_bert, image)), encoding="utf-8")
    print(f"pipeline: {output} (image {image})")


for command in (run, tasks, compile):
    app.command()(flags_from_configs(command))


def main() -> None:
    """Runs the `bakeoff` command."""
    app()


if __name__ == "__main__":
    main()
