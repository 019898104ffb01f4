"""What the Kubeflow component of train does: artifacts in, artifacts out.

Apart from `component.py`, because the kfp that runs inside a container cannot define components.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.artifacts.folder import write_json
from components.encoders.digest import split_digest
from components.encoders.quiet import import_keras_quietly
from components.errors import exit_on_input_error
from components.flags import config_from
from components.train.config import TrainConfig


def run(given: Mapping[str, Any]) -> None:
    """Does the work with what Kubeflow gave the component."""
    import_keras_quietly(given["backend"])
    from components.train.step import train as work

    with exit_on_input_error():
        encoder, digest = split_digest(given["encoder"])
        facts = work(
            Path(given["tokens"].path),
            Path(given["model"].path),
            encoder,
            config_from(TrainConfig, given),
            family=given["family"],
            encoder_digest=given["encoder_digest"] or digest,
        )
    shown = {
        "global_step": facts.global_step,
        "best_step": facts.best_step,
        "best_dev_accuracy": max((p.accuracy for p in facts.dev_curve), default=0.0),
        "examples_per_second": facts.examples_per_second,
        "parameters": facts.parameters,
    }
    for name, value in shown.items():
        given["metrics"].log_metric(name, value)
    # KFP's local cache takes a task only if every artifact has a file, metadata alone is not one.
    write_json(Path(given["metrics"].path), shown)
