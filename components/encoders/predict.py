"""Predicting the rows of a split, shortest rows first so that little is padded."""

from collections.abc import Callable
from typing import Any

import numpy as np

from components.encoders.forward import Forward
from components.encoders.rows import Rows

Array = np.ndarray[Any, Any]


def predict_logits(
    forward: Forward,
    rows: Rows,
    batch_size: int,
    max_seq_length: int,
    on_batch: Callable[[int], None] = lambda rows_done: None,
) -> Array:
    """Returns the classifier's logits, float64 [rows, labels], in the order of the rows.

    `on_batch` is told after each batch how many rows it held.
    """
    order = np.argsort(rows.lengths, kind="stable")
    parts = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        inputs = rows.inputs(chosen, max_seq_length)
        parts.append(forward(inputs).astype(np.float64))
        on_batch(len(chosen))
    logits = np.empty((len(order), parts[0].shape[1]))
    logits[order] = np.concatenate(parts)
    return logits


def log_probabilities(logits: Array) -> Array:
    """Returns the log-softmax of logits over their last axis; NaN where they are not finite."""
    with np.errstate(invalid="ignore"):  # the caller looks whether training diverged
        shifted = logits - logits.max(axis=-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def cross_entropies(logits: Array, labels: Array) -> Array:
    """Returns the cross-entropy of each row in nats, float64 [rows]."""
    return np.asarray(-log_probabilities(logits)[np.arange(len(labels)), labels])
