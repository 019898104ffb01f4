"""`bakeoff run`: the whole comparison on this machine, step by step, each in its own process."""

import contextlib
import dataclasses
import hashlib
import json
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.artifacts.folder import check_place, new_folder, open_folder, sha256_of
from components.compare.facts import KIND
from components.encoders.checkpoints.argument import tokenizer_of
from components.errors import InputError
from components.image import Images
from components.storage import fetch
from components.tasks import load_task
from components.tokenization import read_tokenizer
from components.tokenize.config import TokenizeConfig
from components.train.checks import fitting_encoder, planned_steps
from pipelines.settings import DOCKER, LOCAL, CompileConfig, Settings

FAILED_TASK = re.compile(r"Inner task failed: \S*?'([^']+)'")


class StepBrokeDown(Exception):
    """A step ended without saying why: killed, out of memory, or a fault of ours."""


def pipeline_arguments(settings: Settings) -> dict[str, Any]:
    """Returns every parameter of `albert-vs-bert`, after checking what can be checked beforehand.

    Raises:
        InputError: The data, the vocabulary file or an encoder cannot be used.
    """
    data = load_task(settings.task)
    vocab_file = settings.tokenize.vocab_file
    digests = {
        f"{family}_encoder_digest": _checked_encoder(encoder, family, settings.tokenize)
        for family, encoder in settings.run.encoders.items()
    }
    planned_steps(data.facts.splits["train"].rows, settings.train)
    configs = (settings.task, settings.tokenize, settings.train, settings.evaluate)
    arguments: dict[str, Any] = {}
    for config in configs:
        arguments |= dataclasses.asdict(config)
    return arguments | {
        "albert_encoder": settings.run.albert_encoder,
        "bert_encoder": settings.run.bert_encoder,
        "data_digest": data.facts.digest,
        "vocab_digest": sha256_of(fetch(vocab_file).path) if vocab_file else "",
        **digests,
    }


def _checked_encoder(argument: str, family: str, config: TokenizeConfig) -> str:
    """Fetches an encoder and checks it with its vocabulary; returns its checkpoint's digest."""
    folder, packing = tokenizer_of(argument)
    vocab_size = 0  # of a vocabulary that is still to be trained
    if folder or config.vocab_file:
        tokenizer = read_tokenizer(folder, packing, vocab_file=config.vocab_file)
        vocab_size = tokenizer.vocab_size
    encoder = fitting_encoder(argument, family, vocab_size, config.max_seq_length, packing=packing)
    return encoder.checkpoint.digest() if encoder.checkpoint else ""


def run_locally(settings: Settings) -> Path:
    """Runs `albert-vs-bert` with KFP's SubprocessRunner and returns the comparison folder.

    Raises:
        InputError: An input cannot be used, the output folder cannot be written, or a step refused
            its input (its own message stands in the log above).
        StepBrokeDown: A step ended without such a message.
    """
    arguments = pipeline_arguments(settings)
    output = settings.run.output.absolute()
    report = output / "reports" / f"{settings.task.name}-{_short_digest(arguments)}"
    _make_writable(output)
    check_place(report, KIND)
    outputs = _run_pipeline(arguments, output, settings)
    comparison = open_folder(Path(outputs["comparison"].path), KIND)
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
        raise InputError(
            f"cannot write to the output folder {output}: {error.strerror}; "
            "name a folder you may write to with --output"
        ) from None


def _run_pipeline(arguments: dict[str, Any], output: Path, settings: Settings) -> dict[str, Any]:
    # Imported here: kfp takes most of a second, and `bakeoff --help` needs none of it.
    from kfp import components, local

    from pipelines.albert_vs_bert import albert_vs_bert
    from pipelines.cache import drop_damaged
    from pipelines.code import local_image
    from pipelines.compiled import compile_pipeline, to_yaml
    from pipelines.docker import absolute, containers

    in_docker, cache = None, output / "cache"
    runner, image = local.SubprocessRunner(use_venv=False), local_image()
    if settings.run.runner == DOCKER:
        arguments = absolute(arguments)
        in_docker = containers(settings.docker, arguments)
        runner, image = local.DockerRunner(**in_docker.runner_arguments()), settings.docker.image
        # KFP's cache knows an image's name alone, which may be built anew.
        cache = cache / in_docker.image_id.removeprefix("sha256:")[:16]
    drop_damaged(cache)
    steps = output / "steps"
    local.init(
        runner,
        pipeline_root=str(steps),
        workspace_root=str(output / "workspace"),
        enable_caching=settings.run.cache,
        cache_root=str(cache),
    )
    images = Images(image=image, train_image=image)
    compiled = compile_pipeline(albert_vs_bert, images, CompileConfig(platform=LOCAL))
    pipeline = components.load_component_from_text(to_yaml(compiled))
    before = set(steps.glob("*"))

    def lost(started: Sequence[str]) -> str:
        new = sorted(set(steps.glob("*")) - before)
        return in_docker.lost(started, new, compiled[0]) if in_docker else ""

    with in_docker.started() if in_docker else contextlib.nullcontext():
        return _run_logged(pipeline, arguments, output / "log.txt", lost)


def _run_logged(
    pipeline: Any, arguments: dict[str, Any], log: Path, lost: Callable[[Sequence[str]], str]
) -> dict[str, Any]:
    """Runs the compiled pipeline, showing the steps' lines and keeping the runner's in `log`.

    `lost` is told which steps were started, and says which left no output though the runner took it
    for finished.
    """
    from pipelines.local_python import python3_on_path
    from pipelines.step_log import StepLog, logging_to

    with log.open("w", encoding="utf-8") as kept, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
        steps = StepLog(sys.stdout, kept)
        try:
            with contextlib.redirect_stdout(steps), logging_to(steps), python3_on_path():
                outputs: dict[str, Any] = pipeline(**arguments).outputs
        except (RuntimeError, ValueError) as error:
            if reason := lost(steps.started):
                raise StepBrokeDown(f"{reason}; the whole log lies in {log}") from None
            if isinstance(error, ValueError):
                raise
            failed = FAILED_TASK.search(str(error))
            step = failed[1] if failed else "a step"
            if steps.input_error_seen:
                raise InputError(
                    f"the run stopped in {step}; its message stands above, the whole log in {log}"
                ) from None
            raise StepBrokeDown(
                f"{step} broke down without a message of its own (killed? out of memory? a fault "
                f"of ours?); the whole log lies in {log}"
            ) from None
        if reason := lost(steps.started):
            raise StepBrokeDown(f"{reason}; the whole log lies in {log}")
    return outputs
