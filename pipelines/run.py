"""`bakeoff run`: the whole comparison on this machine, step by step, each in its own process."""

import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, cast

from components.artifacts.folder import check_place, new_folder, open_folder
from components.compare.facts import KIND
from components.errors import kind_of
from components.train.config import NO_CHECKPOINTS
from pipelines.arguments import Encoders, checked_encoders, pipeline_arguments
from pipelines.cache import drop_damaged
from pipelines.code import local_image
from pipelines.finished import FinishedRun, recall, remember, run_key
from pipelines.local_runner import LocalRunner, StepBrokeDown
from pipelines.settings import DOCKER, LEADERBOARD, Settings
from pipelines.step_log import ShownSteps

__all__ = ["StepBrokeDown", "run_locally"]


def run_locally(settings: Settings) -> Path:
    """Runs the comparison with KFP's local runners and returns the comparison folder.

    Raises:
        InputError: An input cannot be used, the output folder cannot be written, or a step refused
            its input (its own message stands in the log above).
        StepBrokeDown: A step ended without such a message.
    """
    arguments = pipeline_arguments(settings)
    output = settings.run.output.absolute()
    report = output / "reports" / f"{settings.task.name}-{_short_digest(arguments)}"
    runner, arguments = _runner(arguments, output, settings)
    key = run_key(settings.run.pipeline, runner.image, arguments)
    finished = recall(runner.cache, key) if runner.cache else None
    encoders = {} if finished else checked_encoders(settings)
    _make_writable(output)
    check_place(report, KIND)
    if finished:
        finished.tell(sys.stdout)
    else:
        finished = _run_pipeline(arguments, encoders, runner, settings)
        if runner.cache:
            remember(runner.cache, key, finished)
    comparison = open_folder(Path(finished.comparison), KIND)
    with new_folder(report, KIND) as folder:
        for source in comparison.iterdir():
            (folder / source.name).write_bytes(source.read_bytes())
    return report


def _short_digest(arguments: dict[str, Any]) -> str:
    """Names the run by its arguments: the same run again has the same report folder."""
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:8]


def _make_writable(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / ".writable").touch()
        (output / ".writable").unlink()
    except OSError as error:
        raise kind_of(error)(
            f"cannot write to the output folder {output}: {error.strerror}; "
            "name a folder you may write to with --output"
        ) from None


def _run_pipeline(
    arguments: dict[str, Any], encoders: Encoders, runner: LocalRunner, settings: Settings
) -> FinishedRun:
    seen = ShownSteps(sys.stdout)
    shown = cast(TextIO, seen)
    checkpoint_uri = str(runner.checkpoints)
    if runner.cache:
        drop_damaged(runner.cache)
    else:  # all of it is to be done again
        checkpoint_uri = NO_CHECKPOINTS
    arguments = {**arguments, "checkpoint_uri": checkpoint_uri}
    if settings.run.pipeline == LEADERBOARD:
        with _with_cache(runner) as caching:
            from pipelines.side_by_side import run_leaderboard

            ended = run_leaderboard(caching, arguments, encoders, settings, shown)
    else:
        from pipelines.albert_vs_bert import albert_vs_bert

        specification = runner.compiled(albert_vs_bert)
        ended = runner.run(specification, arguments, runner.output / "log.txt", shown)
    shutil.rmtree(runner.checkpoints, ignore_errors=True)  # of trainings that are done
    return FinishedRun(
        comparison=ended.outputs["comparison"].path,
        entries=sorted(ended.entries),
        steps=seen.steps,
    )


def _runner(
    arguments: dict[str, Any], output: Path, settings: Settings
) -> tuple[LocalRunner, dict[str, Any]]:
    """Returns the runner, and the arguments as its steps understand them."""
    cache = output / "cache" if settings.run.cache else None
    if settings.run.runner != DOCKER:
        runner = LocalRunner(image=local_image(), output=output, cache=cache, containers=None)
        return runner, arguments
    from pipelines.docker import absolute, containers

    arguments = absolute(arguments)
    in_docker = containers(settings.docker, arguments)
    if cache:
        # KFP's cache knows an image's name alone, which may be built anew.
        cache = cache / in_docker.image_id.removeprefix("sha256:")[:16]
    runner = LocalRunner(
        image=settings.docker.image, output=output, cache=cache, containers=in_docker
    )
    return runner, arguments


@contextlib.contextmanager
def _with_cache(runner: LocalRunner) -> Iterator[LocalRunner]:
    """Gives a runner that hands steps on by a cache: a new one where none was to be used."""
    if runner.cache:
        yield runner
        return
    with tempfile.TemporaryDirectory(prefix="cache-", dir=runner.output) as folder:
        yield replace(runner, cache=Path(folder))
