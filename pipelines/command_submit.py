"""`bakeoff submit`: the comparison on a cluster."""

import sys
from typing import Annotated

import typer

from components.evaluate.config import EvaluateConfig
from components.flags import flags_given
from components.image import Images
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.settings import CompileConfig, RunConfig, Settings, check_lists, trained_as_needed
from pipelines.submit import SubmitConfig


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
    # Imported here: kfp loads slowly, and `--help` needs none of it.
    from pipelines.compiled import compile_pipeline, pipeline_named, to_yaml
    from pipelines.kubeflow_server import ServerTrouble
    from pipelines.submit import check_target
    from pipelines.submit import submit as submit_run

    check_lists(flags_given(context))
    check_target(images, config, run)
    train = trained_as_needed(run, train, flags_given(context))
    settings = Settings(task=task, tokenize=tokenize, train=train, evaluate=evaluate, run=run)
    compiled = to_yaml(compile_pipeline(pipeline_named(run.pipeline), images, config))
    try:
        code = submit_run(settings, submit, compiled, parameter or ())
    except ServerTrouble as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    raise typer.Exit(code)
