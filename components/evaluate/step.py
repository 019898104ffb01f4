"""The work of evaluate: a model folder and a tokens folder in, an evaluation folder out."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from components.artifacts.evaluation import (
    NewEvaluation,
    new_evaluation,
    predictions_schema,
    probability_column,
)
from components.artifacts.facts import EvaluationFacts, PredictionCost, SplitMetrics
from components.artifacts.model import WEIGHTS, TrainedModel, read_model
from components.artifacts.tokens import Tokens, read_groups, read_tokens
from components.encoders.forward import Forward, forward_of
from components.encoders.predict import cross_entropies, log_probabilities, predict_logits
from components.encoders.predict_batch import memory_for
from components.encoders.rows import Rows
from components.encoders.trained import load_classifier
from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.evaluate.latency import measure_latency
from components.evaluate.metrics import split_metrics
from components.progress import counting

EVALUATED_SPLITS = ("dev", "test")
CELLS_AT_ONCE = 1 << 23
"""Rows times labels whose probabilities are held together, several times over: 64 MiB each."""

Array = np.ndarray[Any, Any]


def evaluate(
    tokens_path: Path, model_path: Path, evaluation_path: Path, config: EvaluateConfig
) -> EvaluationFacts:
    """Measures a model on dev and, where there is one, test; writes predictions of both.

    Raises:
        InputError: A folder cannot be read, the model was trained with another vocabulary or other
            labels than the tokens have, or `evaluation_path` cannot be written.
        EnvironmentTrouble: Memory did not suffice.
    """
    tokens, trained = read_tokens(tokens_path, splits=()), read_model(model_path)
    _check_they_fit(tokens, trained)
    labels = tokens.facts.data.labels
    longest = int(tokens.facts.config["max_seq_length"])
    metrics: dict[str, SplitMetrics] = {}
    with memory_for(config.predict_batch_size), new_evaluation(evaluation_path, labels) as new:
        forward = forward_of(load_classifier(trained))
        for split in EVALUATED_SPLITS:
            if split not in tokens.facts.splits:
                continue
            rows = tokens.facts.data.splits[split].rows
            with counting(f"evaluate: {split}", rows) as counted:
                logits_of = partial(
                    predict_logits,
                    forward,
                    batch_size=config.predict_batch_size,
                    max_seq_length=longest,
                    on_batch=counted,
                )
                groups = _limited(read_groups(tokens_path, split), len(labels))
                found = Predicted.together(_predict(split, groups, logits_of, labels, new))
            if (found.labels >= 0).all():
                metrics[split] = split_metrics(
                    found.labels, found.predicted, found.losses, labels,
                    config.eval_batch_size, rows / found.seconds,
                )  # fmt: skip
        facts = EvaluationFacts(
            metrics=metrics,
            training=trained.training,
            tokens=tokens.facts,
            cost=_cost(model_path / WEIGHTS, forward, tokens_path, longest),
            config=dataclasses.asdict(config),
        )
        new.write_facts(facts)
    return facts


def _cost(
    weights: Path, forward: Forward, tokens_path: Path, max_seq_length: int
) -> PredictionCost:
    rows = Rows(next(read_groups(tokens_path, "dev")))
    return PredictionCost(
        weights_bytes=weights.stat().st_size,
        **dataclasses.asdict(measure_latency(forward, rows, max_seq_length)),
    )


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


class Predicted(NamedTuple):
    """What metrics need of rows that were predicted.

    Attributes:
        labels: Class index of each row, int32 [rows]; -1 where unknown.
        predicted: The class predicted, int64 [rows].
        losses: Cross-entropy in nats, float64 [rows]; meaningless where the label is unknown.
        seconds: How long predicting took.
    """

    labels: Array
    predicted: Array
    losses: Array
    seconds: float

    @classmethod
    def together(cls, parts: Iterable["Predicted"]) -> "Predicted":
        """Joins the groups of a split."""
        labels, predicted, losses, seconds = zip(*parts, strict=True)
        return cls(
            labels=np.concatenate(labels),
            predicted=np.concatenate(predicted),
            losses=np.concatenate(losses),
            seconds=sum(seconds),
        )


def _limited(groups: Iterable[pa.Table], num_labels: int) -> Iterator[pa.Table]:
    """Cuts groups such that their rows times labels stay within `CELLS_AT_ONCE`."""
    most = max(1, CELLS_AT_ONCE // num_labels)
    for table in groups:
        yield from (table.slice(start, most) for start in range(0, len(table), most))


def _predict(
    split: str,
    groups: Iterable[pa.Table],
    logits_of: Callable[[Rows], Array],
    labels: Sequence[str],
    new: NewEvaluation,
) -> Iterator[Predicted]:
    """Predicts the rows of a split and writes them, one group after the other."""
    for table in groups:
        started, rows = time.monotonic(), Rows(table)
        logits = logits_of(rows)
        seconds = time.monotonic() - started
        new.write_predictions(prediction_rows(split, table, logits, labels))
        losses = cross_entropies(logits, rows.labels)
        yield Predicted(rows.labels, logits.argmax(axis=1), losses, seconds)


def prediction_rows(split: str, table: pa.Table, logits: Array, labels: Sequence[str]) -> pa.Table:
    """Returns the rows of `predictions.parquet` for rows of one split."""
    probabilities = np.exp(log_probabilities(logits)).astype("float32")
    names = pa.array(labels, pa.string())
    columns = {name: table[name] for name in ("row", "text_a", "text_b", "leaked")} | {
        "split": pa.repeat(split, len(table)),
        "label": names.take(table["label"].combine_chunks()),
        "predicted": names.take(pa.array(logits.argmax(axis=1))),
    }
    for index, label in enumerate(labels):
        columns[probability_column(label)] = pa.array(probabilities[:, index])
    schema = predictions_schema(labels)
    return pa.table([columns[name] for name in schema.names], schema)
