"""The tasks that the pipelines are wired from, each with its place on a cluster."""

import copy
from typing import Any

from components.evaluate.component import evaluate
from components.tokenize.component import tokenize
from components.train.component import train
from pipelines.parameters import Parameters
from pipelines.placement import place, place_on_gpus, request
from pipelines.settings import CompileConfig

COMPARE = "compare"
# Retries do not know a mistake in the input from a preempted node: the steps that read the input
# first are tried once more only, so that a mistake is told within minutes.
OTHER_LIMITS = {"timeout_seconds": 4 * 3600, "retries": 1}
TRAIN_LIMITS = {"timeout_seconds": 48 * 3600, "retries": 3}


def tokenize_task(given: Parameters, suffix: str = "", **own: Any) -> Any:
    """Adds a tokenize task; `own` are its arguments that no parameter of the pipeline has."""
    return _place_beside_gpus(_task(tokenize, suffix, given, own), given)


def train_task(given: Parameters, suffix: str = "", **own: Any) -> Any:
    """Adds a train task."""
    task = _task(train, suffix, given, own)
    place_on_gpus(
        task,
        gpus=given["gpus"],
        gpu_type=given["gpu_type"],
        node_selector=given["train_node_selector"],
        tolerations=given["train_tolerations"],
        shm_size=CompileConfig().shm_size,
    )
    request(task, **_resources(given, "train"))
    place(task, s3_secret=given["s3_secret"], **TRAIN_LIMITS)
    return task


def evaluate_task(given: Parameters, suffix: str = "", **own: Any) -> Any:
    """Adds an evaluate task."""
    return _place_beside_gpus(_task(evaluate, suffix, given, own), given)


def compare_task(component: Any, given: Parameters, **evaluations: Any) -> Any:
    """Adds the compare task."""
    return _place_beside_gpus(_named(component, COMPARE)(**evaluations), given)


def _task(component: Any, suffix: str, given: Parameters, own: Parameters) -> Any:
    """Calls a component with its own arguments, and the parameters for all others."""
    taken = [name for name in component.component_spec.inputs if name not in own]
    name = "-".join(filter(None, (component.component_spec.name, suffix)))
    return _named(component, name)(**own, **{name: given[name] for name in taken})


def _named(component: Any, name: str) -> Any:
    """Returns the component under another name, which becomes the name of its task."""
    renamed = copy.deepcopy(component)
    renamed.component_spec.name = name
    return renamed


def _place_beside_gpus(task: Any, given: Parameters) -> Any:
    request(task, **_resources(given, "other"))
    place(task, s3_secret=given["s3_secret"], **OTHER_LIMITS)
    return task


def _resources(given: Parameters, kind: str) -> dict[str, tuple[Any, Any]]:
    return {
        resource: (given[f"{kind}_{resource}_request"], given[f"{kind}_{resource}_limit"])
        for resource in ("cpu", "memory")
    }
