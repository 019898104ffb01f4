"""`python -m components.train`: fine-tunes one encoder on a tokens folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from components.encoders.quiet import import_keras_quietly
from components.flags import run_command
from components.train.config import NO_CHECKPOINTS, CheckpointConfig, TrainConfig
from components.train.nodes import join_nodes


def main(
    tokens: Annotated[str, typer.Option(help="Tokens folder that tokenize wrote, or its address.")],
    model: Annotated[str, typer.Option(help="Folder or address to write the model to.")],
    encoder: Annotated[
        str,
        typer.Option(
            help="Encoder to train: a name of `bakeoff models`, a checkpoint's folder or archive, "
            "hf:ORG/NAME, or `scratch:FAMILY-SIZE`."
        ),
    ],
    config: TrainConfig,
    checkpoints: CheckpointConfig,
) -> None:
    """Fine-tunes an encoder on the train rows and keeps the weights that do best on dev.

    Stopped or killed, the same command goes on from its last checkpoint; the usual place of those
    is MODEL.checkpoints, until the model is written.

    Example: `python -m components.train --tokens out/tokens --model out/bert --encoder
    scratch:bert-tiny --learning-rate 3e-4 --num-train-epochs 16`
    """
    node = join_nodes(config.backend)
    import_keras_quietly(config.backend)
    # Here, so that --help need not load the backend and what reads artifacts.
    from components.artifacts.places import artifact_at
    from components.train.checkpoint_place import CheckpointPlace
    from components.train.checkpoints import remove_checkpoints
    from components.train.step import train

    uri = checkpoints.checkpoint_uri or f"{model.rstrip('/')}.checkpoints"
    usual = not checkpoints.checkpoint_uri
    place = CheckpointPlace(uri=uri, usual=usual, writable=not node)
    saved = None if uri == NO_CHECKPOINTS else place
    with _place(model, node) as folder:
        facts = train(artifact_at(tokens), folder, encoder, config, checkpoint_place=saved)
    if node:
        print(f"node {node}: done; node 0 writes the model")
        return
    if saved:
        remove_checkpoints(uri)
    best = max((p.accuracy for p in facts.dev_curve), default=float("nan"))
    print(
        f"model: {model} ({facts.global_step} steps in {facts.seconds:.0f} s; best dev accuracy "
        f"{best:.4f} at step {facts.best_step})"
    )


@contextmanager
def _place(model: str, node: int) -> Iterator[Path]:
    """Gives the folder to write to: of the nodes of a training one writes the model."""
    from components.artifacts.model import KIND
    from components.artifacts.places import artifact_place

    if node:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / KIND
    else:
        with artifact_place(model, KIND) as place:
            yield place


if __name__ == "__main__":
    run_command(main)
