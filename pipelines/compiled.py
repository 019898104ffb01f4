"""Pipelines as the documents that Kubeflow and Vertex AI read, with the images of choice."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler

from components.image import Images
from pipelines.placement import SHARED_MEMORY
from pipelines.settings import KUBERNETES, LEADERBOARD, LOCAL, VERTEX, CompileConfig

Specification = dict[str, Any]

VERTEX_GPU = "NVIDIA_TESLA_T4"
"""Vertex AI names accelerators by model; see its list of `acceleratorType`."""


STARTED_BY_SHELL = "_KFP_RUNTIME=true python3 -m"
"""How KFP's shell script starts a step."""


def pipeline_named(name: str) -> Any:
    """Returns the pipeline of that name."""
    if name == LEADERBOARD:
        from pipelines.leaderboard import leaderboard

        return leaderboard
    from pipelines.albert_vs_bert import albert_vs_bert

    return albert_vs_bert


def compile_pipeline(pipeline: Any, images: Images, config: CompileConfig) -> list[Specification]:
    """Compiles a pipeline: its specification, and for Kubernetes that of the platform.

    Vertex AI and KFP's local runners take the first alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        documents: list[Specification] = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    specification, platform = documents
    for label, executor in specification["deploymentSpec"]["executors"].items():
        trains = label.startswith("exec-train")
        executor["container"]["image"] = images.train_image if trains else images.image
        _take_the_shells_place(executor["container"])
    _limit_loops(specification, config.parallel)
    if config.platform == KUBERNETES:
        _set_shm_size(platform, config.shm_size)
        return [specification, platform]
    while _drop_unread_parameters(specification):
        pass
    if config.platform == VERTEX:
        specification["root"]["inputDefinitions"]["parameters"]["gpu_type"]["defaultValue"] = (
            VERTEX_GPU
        )
    if config.platform == LOCAL:  # where a step that refuses its input would refuse it again
        for _, task in all_tasks(specification):
            task.pop("retryPolicy", None)
    return [specification]


def _take_the_shells_place(container: Specification) -> None:
    """Lets a step run in place of the shell that starts it, which would keep SIGTERM to itself."""
    *first, script, code = container["command"]
    assert STARTED_BY_SHELL in script, script  # noqa: S101 - KFP is pinned
    started = script.replace(STARTED_BY_SHELL, f"exec env {STARTED_BY_SHELL}")
    container["command"] = [*first, started, code]


def graphs(specification: Specification) -> Iterator[tuple[str, Specification]]:
    """Yields the component that holds tasks, with its name: the loops', then the root's, ""."""
    for name, component in specification["components"].items():
        if "dag" in component:
            yield name, component
    yield "", specification["root"]


def all_tasks(specification: Specification) -> Iterator[tuple[str, Specification]]:
    """Yields every task with its name, those in loops too."""
    for _, graph in graphs(specification):
        yield from graph["dag"]["tasks"].items()


def loop_items(task: Specification) -> str:
    """Returns the name of the parameter whose items a task loops over; empty if it is no loop."""
    return str(task.get("parameterIterator", {}).get("items", {}).get("inputParameter", ""))


def _limit_loops(specification: Specification, trainings: int) -> None:
    """Limits how many trainings run at once: only the innermost loop goes side by side.

    Kubeflow counts the items of each loop by itself, so limits of nested loops would multiply.
    """
    if not trainings:
        return
    components = specification["components"]
    for _, task in all_tasks(specification):
        if loop_items(task):
            inner = components[task["componentRef"]["name"]]["dag"]["tasks"].values()
            limit = 1 if any(map(loop_items, inner)) else trainings
            task["iteratorPolicy"] = {"parallelismLimit": limit}


def _executors(platform: Specification) -> list[Specification]:
    return list(platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values())


def _set_shm_size(platform: Specification, size: str) -> None:
    for executor in _executors(platform):
        for mount in executor.get("emptyDirMounts", ()):
            if mount["volumeName"] == SHARED_MEMORY:
                mount["sizeLimit"] = size


def _drop_unread_parameters(specification: Specification) -> bool:
    """Removes parameters that no task reads: only the settings of Kubernetes did.

    Returns whether it removed one: what loops pass on is read until it is removed inside.
    """
    dropped = False
    for name, graph in graphs(specification):
        calls = [t for _, t in all_tasks(specification) if t["componentRef"]["name"] == name]
        inputs = graph["inputDefinitions"]["parameters"]
        looped = {loop_items(task) for task in calls}
        looped |= {task.get("parameterIterator", {}).get("itemInput") for task in calls}
        for parameter in inputs.keys() - looped - set(_read_in(graph)):
            dropped = True
            del inputs[parameter]
            for task in calls:
                del task["inputs"]["parameters"][parameter]
    return dropped


def _read_in(graph: Specification) -> Iterator[str]:
    """Yields the parameters of a graph that its tasks read."""
    for task in graph["dag"]["tasks"].values():
        for source in task.get("inputs", {}).get("parameters", {}).values():
            if "componentInputParameter" in source:
                yield source["componentInputParameter"]


def to_yaml(documents: list[Specification]) -> str:
    """Returns a compiled pipeline as YAML; the same pipeline gives the same text."""
    return yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True)
