"""`bakeoff run`: the whole comparison on this machine."""

import sys

import typer

from components.compare.command import FailIf, end_if
from components.evaluate.config import EvaluateConfig
from components.flags import flags_given
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.settings import DockerConfig, RunConfig, Settings, check_lists, trained_as_needed


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
    train = trained_as_needed(run, train, flags_given(context))
    settings = Settings(
        task=task, tokenize=tokenize, train=train, evaluate=evaluate, run=run, docker=docker
    )
    try:
        report = run_locally(settings)
    except StepBrokeDown as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    facts = read_comparison(report)
    print(plain_summary(facts))
    print(f"\npage: {report / PAGE}\nreport: {report / REPORT}")
    end_if(fail_if or [], facts)
