"""The work of evaluate: a model folder and a tokens folder in, an evaluation folder out."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from components.artifacts.evaluation import probability_column, write_evaluation
from components.artifacts.facts import EvaluationFacts, PredictionCost, SplitMetrics
from components.artifacts.model import WEIGHTS, TrainedModel, read_model
from components.artifacts.tokens import Tokens, read_tokens
from components.encoders.forward import Forward, forward_of
from components.encoders.predict import cross_entropies, log_probabilities, predict_logits
from components.encoders.rows import Rows
from components.encoders.trained import load_classifier
from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.evaluate.latency import measure_latency
from components.evaluate.metrics import split_metrics

EVALUATED_SPLITS = ("dev", "test")

Array = np.ndarray[Any, Any]


def evaluate(
    tokens_path: Path, model_path: Path, evaluation_path: Path, config: EvaluateConfig
) -> EvaluationFacts:
    """Measures a model on dev and, where there is one, test; writes predictions of both.

    Raises:
        InputError: A folder cannot be read, the model was trained with another vocabulary or other
            labels than the tokens have, or `evaluation_path` cannot be written.
    """
    tokens, trained = read_tokens(tokens_path, splits=EVALUATED_SPLITS), read_model(model_path)
    _check_they_fit(tokens, trained)
    forward, longest = (
        forward_of(load_classifier(trained)),
        int(tokens.facts.config["max_seq_length"]),
    )
    metrics: dict[str, SplitMetrics] = {}
    predictions = []
    for split in EVALUATED_SPLITS:
        if split not in tokens.splits:
            continue
        table = tokens.splits[split]
        logits, examples_per_second = _predict(forward, table, longest, config)
        print(f"evaluate: {split}: {len(logits)} rows, {examples_per_second:,.0f} a second")
        predictions.append(prediction_rows(split, table, logits, tokens.facts.data.labels))
        labels = Rows(table).labels
        if (labels >= 0).all():
            metrics[split] = split_metrics(
                labels,
                logits.argmax(axis=1),
                cross_entropies(logits, labels),
                tokens.facts.data.labels,
                config.eval_batch_size,
                examples_per_second,
            )
    facts = EvaluationFacts(
        metrics=metrics,
        training=trained.training,
        tokens=tokens.facts,
        cost=PredictionCost(
            weights_bytes=(model_path / WEIGHTS).stat().st_size,
            **dataclasses.asdict(measure_latency(forward, Rows(tokens.splits["dev"]), longest)),
        ),
        config=dataclasses.asdict(config),
    )
    write_evaluation(evaluation_path, facts, pd.concat(predictions, ignore_index=True))
    return facts


def _check_they_fit(tokens: Tokens, trained: TrainedModel) -> None:
    if tokens.vocab != trained.vocab:
        raise InputError(
            "the tokens were made with another vocabulary than the model was trained with; "
            "evaluate a model on tokens of its own tokenize step"
        )
    if tokens.facts.data.labels != trained.training.labels:
        raise InputError(
            f"the tokens have the labels {', '.join(tokens.facts.data.labels)}, the model was "
            f"trained for {', '.join(trained.training.labels)}; evaluate it on data of its labels"
        )


def _predict(
    forward: Forward, table: pa.Table, max_seq_length: int, config: EvaluateConfig
) -> tuple[Array, float]:
    """Returns the logits of a split's rows and the rows predicted a second."""
    rows = Rows(table)
    started = time.monotonic()
    logits = predict_logits(forward, rows, config.predict_batch_size, max_seq_length)
    return logits, len(rows) / (time.monotonic() - started)


def prediction_rows(
    split: str, table: pa.Table, logits: Array, labels: tuple[str, ...]
) -> pd.DataFrame:
    """Returns the rows of `predictions.parquet` for one split."""
    probabilities = np.exp(log_probabilities(logits)).astype("float32")
    names = np.array(labels, dtype=object)
    rows = table.select(["row", "text_a", "text_b", "leaked"]).to_pandas()
    classes = table["label"].to_pylist()
    rows.insert(0, "split", split)
    rows["label"] = [None if index is None else labels[index] for index in classes]
    rows["predicted"] = names[logits.argmax(axis=1)]
    for index, label in enumerate(labels):
        rows[probability_column(label)] = probabilities[:, index]
    return pd.DataFrame(rows)
