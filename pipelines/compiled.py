"""Pipelines as the documents that Kubeflow and Vertex AI read, with the images of choice."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler

from components.image import Images
from pipelines.placement import SHARED_MEMORY
from pipelines.settings import KUBERNETES, LOCAL, VERTEX, CompileConfig

Specification = dict[str, Any]

VERTEX_GPU = "NVIDIA_TESLA_T4"
"""Vertex AI names accelerators by model; see its list of `acceleratorType`."""


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
    if config.platform == KUBERNETES:
        _set_shm_size(platform, config.shm_size)
        return [specification, platform]
    _drop_parameters_of(platform, specification)
    if config.platform == VERTEX:
        specification["root"]["inputDefinitions"]["parameters"]["gpu_type"]["defaultValue"] = (
            VERTEX_GPU
        )
    if config.platform == LOCAL:  # where a step that refuses its input would refuse it again
        for task in specification["root"]["dag"]["tasks"].values():
            task.pop("retryPolicy", None)
    return [specification]


def _executors(platform: Specification) -> list[Specification]:
    return list(platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values())


def _set_shm_size(platform: Specification, size: str) -> None:
    for executor in _executors(platform):
        for mount in executor.get("emptyDirMounts", ()):
            if mount["volumeName"] == SHARED_MEMORY:
                mount["sizeLimit"] = size


def _drop_parameters_of(platform: Specification, specification: Specification) -> None:
    """Removes the pipeline's parameters that only the settings of Kubernetes read."""
    inputs = specification["root"]["inputDefinitions"]["parameters"]
    text = yaml.safe_dump(_executors(platform))
    read = yaml.safe_dump(specification["root"]["dag"]) + yaml.safe_dump(
        specification["deploymentSpec"]
    )
    for name in list(inputs):
        if f"componentInputParameter: {name}\n" in text and name not in read:
            del inputs[name]


def to_yaml(documents: list[Specification]) -> str:
    """Returns a compiled pipeline as YAML; the same pipeline gives the same text."""
    return yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True)
