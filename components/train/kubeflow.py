"""What the Kubeflow component of train does: artifacts in, artifacts out.

Apart from `component.py`, because the kfp that runs inside a container cannot define components.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.artifacts.folder import write_json
from components.artifacts.places import is_local
from components.encoders.digest import split_digest
from components.encoders.quiet import import_keras_quietly
from components.errors import exit_on_input_error
from components.flags import config_from
from components.train.checkpoint_place import CheckpointPlace
from components.train.config import NO_CHECKPOINTS, TrainConfig

OF_THE_SERVER, S3, S3_ENDPOINT = "minio://", "s3://", "AWS_ENDPOINT_URL"
"""How Kubeflow writes the addresses of the object storage that it brings along, and who reads them:
it speaks S3, where a secret says at which endpoint."""


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
            checkpoint_place=_checkpoint_place(given["checkpoint_uri"], given["model"].uri),
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


def checkpoints_beside(model_uri: str) -> str:
    """Returns where checkpoints lie by default: below the folder of the run.

    Kubeflow puts an artifact at ROOT/PIPELINE/RUN/TASK/ATTEMPT/NAME. (Vertex AI puts it at
    ROOT/PROJECT/RUN/TASK/NAME: there all runs of a project share the folder.)
    """
    folder = f"{model_uri.rsplit('/', 3)[0]}/checkpoints"
    if not folder.startswith(OF_THE_SERVER):
        return folder
    if os.environ.get(S3_ENDPOINT):
        return S3 + folder.removeprefix(OF_THE_SERVER)
    print(
        f"train: no checkpoints: the pipeline root is {OF_THE_SERVER}… and {S3_ENDPOINT} does not "
        "say how to reach it; put it into the secret of s3_secret, or set checkpoint_uri",
        flush=True,
    )
    return NO_CHECKPOINTS


def _checkpoint_place(named: str, model_uri: str) -> CheckpointPlace | None:
    """Returns where checkpoints go; on this machine they go when the model is in its place.

    On a cluster they stay: the model is sent only after the step.
    """
    uri = named or checkpoints_beside(model_uri)
    if uri == NO_CHECKPOINTS:
        return None
    return CheckpointPlace(uri=uri, usual=not named, shared=True, passing=is_local(model_uri))
