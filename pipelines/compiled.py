"""Pipelines as the dictionaries that Kubeflow reads, with the image of choice."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler


def compile_pipeline(pipeline: Any, image: str) -> dict[str, Any]:
    """Compiles a pipeline and sets the image of every task."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        specification: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for executor in specification["deploymentSpec"]["executors"].values():
        executor["container"]["image"] = image
    return specification


def to_yaml(specification: dict[str, Any]) -> str:
    """Returns a compiled pipeline as YAML; the same pipeline gives the same text."""
    return yaml.safe_dump(specification, sort_keys=True, allow_unicode=True)
