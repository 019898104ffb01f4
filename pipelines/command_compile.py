"""`bakeoff compile`: a pipeline as a file."""

from pathlib import Path
from typing import Annotated

import typer

from components.artifacts.file import new_file
from components.image import Images
from pipelines.settings import ALBERT_VS_BERT, PIPELINES, CompileConfig, check_pipeline


def compile(
    images: Images,
    config: CompileConfig,
    pipeline: Annotated[
        str, typer.Option(help=f"The pipeline: {' or '.join(PIPELINES)}.")
    ] = ALBERT_VS_BERT,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write the pipeline to; by default named by it.", show_default=False
        ),
    ] = None,
) -> None:
    """Writes the pipeline as YAML for Kubeflow Pipelines v2 or Vertex AI.

    Example: `bakeoff compile --image REGISTRY/encoder-bakeoff-python:TAG-cpu --train-image
    REGISTRY/encoder-bakeoff-python:TAG-gpu`
    """
    # Imported here: kfp loads slowly, and `--help` needs none of it.
    from pipelines.compiled import compile_pipeline, pipeline_named, to_yaml

    check_pipeline(pipeline)
    path = output or Path(f"{pipeline}.yaml")
    with new_file(path) as partial:
        compiled = compile_pipeline(pipeline_named(pipeline), images, config)
        partial.write_text(to_yaml(compiled), encoding="utf-8")
    print(f"pipeline: {path} (images {images.image} and, to train, {images.train_image})")
