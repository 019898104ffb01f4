"""KFP's local runners: a compiled pipeline as processes of this machine, or as containers."""

import contextlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components.image import Images
from components.train.stopping import STOPPED
from pipelines.cache import keys_asked_for
from pipelines.settings import LOCAL, CompileConfig
from pipelines.sigterm import sigterm_passed_on
from pipelines.step_log import StepLog

if TYPE_CHECKING:
    from pipelines.compiled import Specification
    from pipelines.docker import Containers

FAILED_TASK = re.compile(r"Inner task failed: \S*?'([^']+)'")


class StepBrokeDown(Exception):
    """A step ended without saying why: killed, out of memory, or a fault of ours."""

    exit_code = 1


class StepStopped(StepBrokeDown):
    """A training was told to stop, and was saved: the same command goes on with it."""

    exit_code = STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A pipeline that ran to its end.

    Attributes:
        outputs: Its outputs.
        entries: Keys of the cache that its tasks have.
    """

    outputs: dict[str, Any]
    entries: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRunner:
    """How and where steps run on this machine.

    Attributes:
        image: Name of the image, which the cache keys on.
        output: Folder that everything is kept below.
        cache: Folder of the cache; None = steps are not reused.
        containers: The containers to run in; None = processes.
    """

    image: str
    output: Path
    cache: Path | None
    containers: "Containers | None"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints of trainings that go on."""
        return self._steps / "checkpoints"

    def of_piece(self) -> "LocalRunner":
        """Returns the runner of one piece of a run, whose containers are told from the others'."""
        return replace(self, containers=self.containers and self.containers.of_piece())

    def compiled(self, pipeline: Any) -> "Specification":
        """Compiles a pipeline for this runner."""
        # Imported here: kfp loads slowly, and a run that finished before takes none of it.
        from pipelines.compiled import compile_pipeline

        images = Images(image=self.image, train_image=self.image)
        (document,) = compile_pipeline(pipeline, images, CompileConfig(platform=LOCAL))
        return document

    def run(
        self,
        specification: "Specification",
        arguments: Mapping[str, Any],
        log: Path,
        shown: TextIO,
        *,
        quiet: Sequence[str] = (),
    ) -> Ended:
        """Runs a compiled pipeline.

        Args:
            specification: The pipeline.
            arguments: Its arguments; those that it does not take are left out.
            log: File to keep everything in that KFP prints.
            shown: Where the steps' own lines go.
            quiet: Tasks whose reuse is not worth a line.

        Raises:
            InputError: A step refused its input, or lacked something; its own message was shown.
            StepBrokeDown: A step ended without such a message, or was stopped.
        """
        # Imported here: see `compiled`.
        from kfp import components

        from pipelines.compiled import to_yaml

        self._prepare(specification["pipelineInfo"]["name"])
        parameters = specification["root"]["inputDefinitions"]["parameters"]
        taken = {name: value for name, value in arguments.items() if name in parameters}
        before = set(self._steps.glob("*"))
        pipeline = components.load_component_from_text(to_yaml([specification]))
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("w", encoding="utf-8") as kept,
            self.containers.started() if self.containers else contextlib.nullcontext(),
            keys_asked_for() as keys,
        ):
            steps = StepLog(shown, kept, quiet)
            try:
                outputs = _run_logged(pipeline, taken, steps)
            except (RuntimeError, ValueError) as error:
                self._check_none_lost(steps, before, specification, log)
                if isinstance(error, ValueError):
                    raise
                raise _reason(error, steps, log) from None
            self._check_none_lost(steps, before, specification, log)
        return Ended(outputs=outputs, entries=frozenset(keys))

    @property
    def _steps(self) -> Path:
        return self.output / "steps"

    def _prepare(self, name: str) -> None:
        from kfp import local

        local.init(
            local.DockerRunner(**self.containers.runner_arguments())
            if self.containers
            else local.SubprocessRunner(use_venv=False),
            pipeline_root=str(self._steps),
            # One for each pipeline: KFP removes it at the pipeline's end.
            workspace_root=str(self.output / f"workspace-{name}"),
            enable_caching=self.cache is not None,
            cache_root=str(self.cache or self.output),
        )

    def _check_none_lost(
        self, steps: StepLog, before: set[Path], specification: "Specification", log: Path
    ) -> None:
        """Tells of a container that left no output though KFP took it for finished."""
        if not self.containers:
            return
        name = specification["pipelineInfo"]["name"]
        # KFP puts the time behind the name.
        new = sorted(set(self._steps.glob(f"{name}-[0-9][0-9][0-9][0-9]-*")) - before)
        if reason := self.containers.lost(steps.started, new, specification):
            raise StepBrokeDown(f"{reason}; the whole log lies in {log}")


def _run_logged(pipeline: Any, arguments: dict[str, Any], steps: StepLog) -> dict[str, Any]:
    from pipelines.local_python import python3_on_path
    from pipelines.step_log import logging_to

    with warnings.catch_warnings(), sigterm_passed_on():
        warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
        with contextlib.redirect_stdout(steps), logging_to(steps), python3_on_path():
            outputs: dict[str, Any] = pipeline(**arguments).outputs
    return outputs


def _reason(error: RuntimeError, steps: StepLog, log: Path) -> Exception:
    failed = FAILED_TASK.search(str(error))
    step = failed[1] if failed else "a step"
    if steps.stopped:
        return StepStopped(f"{step} was stopped and saved: the same command goes on with it")
    if steps.error:
        return steps.error(
            f"the run stopped in {step}; its message stands above, the whole log in {log}"
        )
    return StepBrokeDown(
        f"{step} broke down without a message of its own (killed? out of memory? a fault of ours?);"
        f" the whole log lies in {log}"
    )
