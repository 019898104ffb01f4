"""The command line of export."""

from pathlib import Path
from typing import Annotated

import typer

from components.encoders.quiet import import_keras_quietly


def export(
    model: Annotated[Path, typer.Argument(help="Model folder that train wrote.")],
    output: Annotated[Path, typer.Option(help="Folder to write to.")],
    format_name: Annotated[
        str, typer.Option("--format", help="huggingface, savedmodel, onnx or tf1.")
    ],
) -> None:
    """Writes a trained model as transformers, TensorFlow Serving, onnxruntime or BERT load it.

    Example: `bakeoff export out/bert --format huggingface --output out/bert-huggingface`
    """
    import_keras_quietly()
    from components.export.step import export as work  # here: --help need not load the backend

    load = work(model, output, format_name)
    print(f"export: {output}\nload it: {load}")
