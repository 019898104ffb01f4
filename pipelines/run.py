"""`bakeoff run`: the whole comparison on this machine, step by step, each in its own process."""

import contextlib
import dataclasses
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from components.artifacts.folder import new_folder, open_folder, sha256_of
from components.encoders.sizes import scratch_config
from components.errors import InputError
from components.storage import local_path
from components.tasks import load_task
from components.tokenize.wordpiece import read_vocab
from pipelines.settings import Settings

FAILED_TASK = re.compile(r"Inner task failed: \S*?'([^']+)'")


def pipeline_arguments(settings: Settings) -> dict[str, Any]:
    """Returns every parameter of `albert-vs-bert`, after checking what can be checked beforehand.

    Raises:
        InputError: The data, the vocabulary file or an encoder cannot be used.
    """
    for family in ("albert", "bert"):
        _check_family(getattr(settings.run, f"{family}_encoder"), family)
    data = load_task(settings.task)
    vocab_file, vocab_digest = settings.tokenize.vocab_file, ""
    if vocab_file:
        read_vocab(vocab_file)
        vocab_digest = sha256_of(local_path(vocab_file))
    configs = (settings.task, settings.tokenize, settings.train, settings.evaluate)
    arguments: dict[str, Any] = {}
    for config in configs:
        arguments |= dataclasses.asdict(config)
    return arguments | {
        "albert_encoder": settings.run.albert_encoder,
        "bert_encoder": settings.run.bert_encoder,
        "data_digest": data.facts.digest,
        "vocab_digest": vocab_digest,
    }


def _check_family(encoder: str, family: str) -> None:
    if scratch_config(encoder, vocab_size=1).family != family:
        raise InputError(
            f"{family}_encoder must be of the {family} family, got {encoder!r}; "
            f"choose scratch:{family}-SIZE"
        )


def run_locally(settings: Settings) -> Path:
    """Runs `albert-vs-bert` with KFP's SubprocessRunner and returns the comparison folder.

    Raises:
        InputError: An input cannot be used, the output folder cannot be written, or a step stopped
            (its own message stands in the log above).
    """
    arguments = pipeline_arguments(settings)
    output = settings.run.output.absolute()
    _make_writable(output)
    outputs = _run_pipeline(arguments, output, settings.run.cache)
    report = output / (settings.task.task_name or settings.task.task)
    comparison = open_folder(Path(outputs["comparison"].path), "comparison")
    with new_folder(report, "comparison") as folder:
        for source in comparison.iterdir():
            (folder / source.name).write_bytes(source.read_bytes())
    return report


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


def _run_pipeline(arguments: dict[str, Any], output: Path, cache: bool) -> dict[str, Any]:
    # Imported here: kfp takes most of a second, and `bakeoff --help` needs none of it.
    from kfp import components, local

    from pipelines.albert_vs_bert import albert_vs_bert
    from pipelines.code import local_image
    from pipelines.compiled import compile_pipeline, to_yaml
    from pipelines.step_log import StepLog, logging_to

    local.init(
        local.SubprocessRunner(use_venv=False),
        pipeline_root=str(output / "steps"),
        workspace_root=str(output / "workspace"),
        enable_caching=cache,
        cache_root=str(output / "cache"),
    )
    pipeline = components.load_component_from_text(
        to_yaml(compile_pipeline(albert_vs_bert, local_image()))
    )
    log = output / "log.txt"
    with log.open("w", encoding="utf-8") as kept, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
        try:
            steps = StepLog(sys.stdout, kept)
            with contextlib.redirect_stdout(steps), logging_to(steps):
                outputs: dict[str, Any] = pipeline(**arguments).outputs
        except RuntimeError as error:
            failed = FAILED_TASK.search(str(error))
            raise InputError(
                f"the run stopped in {failed[1] if failed else 'a step'}; its message stands "
                f"above, the whole log in {log}"
            ) from None
    return outputs
