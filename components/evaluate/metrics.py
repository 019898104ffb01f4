"""Classification metrics from logits and labels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from components.artifacts.facts import ClassMetrics, SplitMetrics

Array = np.ndarray[Any, Any]


def confusion_matrix(labels: Array, predicted: Array, num_labels: int) -> Array:
    """Counts rows by true label (rows) and predicted label (columns): int64 [labels, labels]."""
    counts = np.bincount(labels * num_labels + predicted, minlength=num_labels**2)
    return counts.reshape(num_labels, num_labels)


def class_metrics(confusion: Array, index: int) -> ClassMetrics:
    """Returns precision, recall and F1 of one class; a share of nothing counts as 0."""
    right = int(confusion[index, index])
    rows, predicted = int(confusion[index].sum()), int(confusion[:, index].sum())
    return ClassMetrics(
        rows=rows,
        precision=right / predicted if predicted else 0.0,
        recall=right / rows if rows else 0.0,
        f1=2 * right / (rows + predicted) if rows + predicted else 0.0,
    )


def mean_of_batch_means(losses: Array, eval_batch_size: int) -> float:
    """Returns the unweighted mean of the means of consecutive batches, the last one maybe short.

    This is what google-research/bert's `estimator.evaluate` writes as `loss`.
    """
    starts = np.arange(0, len(losses), eval_batch_size)
    sums = np.add.reduceat(losses, starts)
    sizes = np.minimum(eval_batch_size, len(losses) - starts)
    return float((sums / sizes).mean())


def _macro_f1(confusion: Array, classes: Iterable[ClassMetrics]) -> float:
    """Returns the mean F1 of the classes that occur or are predicted, as scikit-learn does.

    A task may name classes that a small split has no row of.
    """
    seen = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    return float(np.mean([c.f1 for c, is_seen in zip(classes, seen, strict=True) if is_seen]))


def split_metrics(
    labels: Array,
    predicted: Array,
    losses: Array,
    names: Sequence[str],
    eval_batch_size: int,
    examples_per_second: float,
) -> SplitMetrics:
    """Returns every metric of a split from its rows' labels, predictions and cross-entropies."""
    confusion = confusion_matrix(labels, predicted, len(names))
    classes = {name: class_metrics(confusion, index) for index, name in enumerate(names)}
    return SplitMetrics(
        rows=len(labels),
        accuracy=float((labels == predicted).mean()),
        macro_f1=_macro_f1(confusion, classes.values()),
        eval_loss=float(losses.mean()),
        loss=mean_of_batch_means(losses, eval_batch_size),
        majority_baseline=float(confusion.sum(axis=1).max() / len(labels)),
        classes=classes,
        confusion_matrix=tuple(tuple(int(n) for n in row) for row in confusion),
        examples_per_second=examples_per_second,
    )
