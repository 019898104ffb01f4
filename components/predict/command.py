"""The command line of predict."""

from pathlib import Path
from typing import Annotated

import typer

from components.artifacts.places import artifact_at
from components.encoders.quiet import import_keras_quietly
from components.predict.config import PredictConfig


def predict(
    model: Annotated[str, typer.Argument(help="Model folder that train wrote, or its address.")],
    file: Annotated[
        Path, typer.Argument(help="Texts: a .csv, .tsv, .jsonl (.json) or .parquet file.")
    ],
    config: PredictConfig,
    output: Annotated[
        Path | None,
        typer.Option(
            help="File to write, in the format of its suffix; without it NAME.predictions.SUFFIX "
            "beside the texts.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Scores new texts with a trained model: the file's columns, `predicted` and probabilities.

    Example: `bakeoff predict out/bert questions.csv --text-a-column question --output
    scored.parquet`
    """
    import_keras_quietly()
    from components.predict.step import predict as work  # here: --help need not load the backend

    print(f"predictions: {work(artifact_at(model), file, output, config)}")
