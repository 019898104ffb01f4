"""The parameters of the pipelines, with the defaults that the configs have."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import Any, List, NamedTuple  # noqa: UP035 - KFP knows this List

from kfp import dsl

from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import CheckpointConfig, TrainConfig

Parameters = Mapping[str, Any]

OF_THE_DATA: Parameters = asdict(TaskConfig()) | {"data_digest": ""}
OF_THE_WORK: Parameters = (
    asdict(TokenizeConfig())
    | {"vocab_digest": ""}
    | asdict(TrainConfig())
    | asdict(EvaluateConfig())
)
# Text, also where it is a number: KFP's driver reads a number as nothing.
OF_THE_CLUSTER: Parameters = {
    "gpus": "1",
    "gpu_type": "nvidia.com/gpu",
    "train_cpu_request": "2",
    "train_cpu_limit": "8",
    "train_memory_request": "8Gi",
    "train_memory_limit": "24Gi",
    "train_node_selector": {},
    "train_tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "other_cpu_request": "1",
    "other_cpu_limit": "4",
    "other_memory_request": "4Gi",
    "other_memory_limit": "12Gi",
    "s3_secret": "encoder-bakeoff-s3",
    **asdict(CheckpointConfig()),
}
COMMON = {**OF_THE_DATA, **OF_THE_WORK, **OF_THE_CLUSTER}


class Outputs(NamedTuple):
    """What a pipeline hands out.

    Attributes:
        comparison: The comparison folder.
        report: comparison.md as one file.
        page: comparison.html.
    """

    comparison: dsl.Artifact
    report: dsl.Markdown
    page: dsl.HTML


def takes(parameters: Parameters) -> Callable[[Callable[[Parameters], Any]], Callable[..., Any]]:
    """Gives a function that takes parameters by name the signature that KFP reads them from."""
    signature = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=default,
            annotation=_annotation(default),
        )
        for name, default in parameters.items()
    ]

    def decorated(wire: Callable[[Parameters], Any]) -> Callable[..., Any]:
        returned = inspect.signature(wire).return_annotation

        @wraps(wire)
        def pipeline(*values: Any) -> Any:
            return wire(dict(zip(parameters, values, strict=True)))

        pipeline.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            signature, return_annotation=returned
        )
        return pipeline

    return decorated


def _annotation(default: Any) -> Any:
    """Returns a parameter's type; that of a list's items decides what a loop over it gives."""
    if isinstance(default, list) and not isinstance(default[0], dict):
        return List[type(default[0])]  # type: ignore[misc]  # noqa: UP006
    return type(default)
