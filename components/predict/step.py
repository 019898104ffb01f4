"""The work of predict: a model folder and a file of texts in, the file with predictions out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from components.artifacts.evaluation import probability_column
from components.artifacts.facts import TrainingFacts
from components.artifacts.file import new_file
from components.artifacts.model import TrainedModel, read_model
from components.encoders.forward import forward_of
from components.encoders.predict import log_probabilities, predict_logits
from components.encoders.predict_batch import memory_for
from components.encoders.rows import Rows
from components.encoders.trained import load_classifier
from components.errors import InputError
from components.predict.config import PredictConfig
from components.predict.output import PREDICTED, check_output, output_path, write_output
from components.progress import counting
from components.tasks.columns import Columns, read_columns
from components.tasks.files import Source, read_bytes
from components.tasks.table import READERS, checked_texts, parse_table
from components.tokenization import TextTokenizer

Array = np.ndarray[Any, Any]


def predict(model_path: Path, file: Path, output: Path | None, config: PredictConfig) -> Path:
    """Scores the texts of a file and writes its columns with the predictions.

    Args:
        model_path: Model folder that train wrote.
        file: Table of texts: CSV, TSV, JSON lines or Parquet.
        output: File to write; None: beside the table.
        config: Which columns, and how many rows at a time.

    Returns:
        The file that it wrote.

    Raises:
        InputError: The model or the file cannot be read, the columns are not what the model was
            trained on, or the output cannot be written or would replace something else.
        EnvironmentTrouble: Memory did not suffice.
    """
    source = _read_source(file)
    path = output_path(file, output)
    check_output(path)
    trained = read_model(model_path)
    _check_pair(trained.training, config)
    tables = parse_table(source, config.columns, labelled=False)
    texts = pd.concat(checked_texts(tables, config.columns, source), ignore_index=True)
    kept = read_columns(source)
    added = added_columns(trained.training.labels)
    _check_columns(kept, added, file)
    with memory_for(config.predict_batch_size), new_file(path) as partial:
        logits = _predict(trained, texts, config)
        found = predictions(logits, trained.training.labels)
        write_output(path, partial, {**kept, **dict(zip(added, found, strict=True))})
    return path


def _read_source(file: Path) -> Source:
    if file.suffix not in READERS and not file.is_dir():
        raise InputError(f"{file} ends in {file.suffix!r}, expected {', '.join(READERS)}")
    return Source(file, read_bytes(file))


def _check_pair(training: TrainingFacts, config: PredictConfig) -> None:
    if training.pair and not config.text_b_column:
        raise InputError(
            "the model was trained on pairs of texts: name the column of the second one with "
            "--text-b-column"
        )
    if config.text_b_column and not training.pair:
        raise InputError(
            "the model was trained on single texts: leave out --text-b-column "
            f"{config.text_b_column}"
        )


def added_columns(labels: Sequence[str]) -> list[str]:
    """Names what a prediction adds to a table, in this order."""
    return [PREDICTED, *map(probability_column, labels)]


def _check_columns(kept: Columns, added: Sequence[str], file: Path) -> None:
    if taken := [name for name in added if name in kept]:
        raise InputError(
            f"{file} has a column {taken[0]!r} already; rename it, or name the file without "
            "predictions"
        )


def _predict(trained: TrainedModel, texts: pd.DataFrame, config: PredictConfig) -> Array:
    rows = packed_rows(texts, trained)
    forward = forward_of(load_classifier(trained))
    with counting("predict", len(rows)) as predicted:
        logits = predict_logits(
            forward, rows, config.predict_batch_size, trained.training.max_seq_length, predicted
        )
    if not np.isfinite(logits).all():
        raise InputError("the model gives no finite numbers: its training diverged; train it again")
    return logits


def packed_rows(texts: pd.DataFrame, trained: TrainedModel) -> Rows:
    """Tokenizes texts as the model's own training rows were."""
    training = trained.training
    tokenizer = TextTokenizer.of(
        trained.tokenizer_json, training.packing, source="the model's own", lowercase_source=""
    )
    texts_b = texts["text_b"].tolist() if training.pair else None
    packed = tokenizer.rows(texts["text_a"].tolist(), texts_b, training.max_seq_length)
    table = pa.concat_tables(pa.table(part.columns()) for part in packed)
    return Rows(table.append_column("label", pa.nulls(len(table), pa.int32())))


def predictions(logits: Array, labels: Sequence[str]) -> list[Any]:
    """Returns the columns of `added_columns`: names of labels, and float32 probabilities."""
    probabilities = np.exp(log_probabilities(logits)).astype("float32")
    predicted = [labels[index] for index in logits.argmax(axis=1)]
    return [predicted, *map(pa.chunked_array, ([column] for column in probabilities.T))]
