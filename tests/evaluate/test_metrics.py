import numpy as np
import pytest

from components.encoders.predict import cross_entropies, log_probabilities
from components.evaluate.metrics import (
    class_metrics,
    confusion_matrix,
    mean_of_batch_means,
    split_metrics,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 1])


def test_confusion_matrix_has_true_labels_in_rows() -> None:
    assert confusion_matrix(LABELS, PREDICTED, 3).tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("index", "precision", "recall", "f1"),
    [
        pytest.param(0, 2 / 3, 2 / 3, 2 / 3, id="frequent"),
        pytest.param(1, 1 / 3, 1 / 2, 2 / 5, id="confused"),
        pytest.param(2, 0.0, 0.0, 0.0, id="never-predicted"),
    ],
)
def test_class_metrics(index: int, precision: float, recall: float, f1: float) -> None:
    found = class_metrics(confusion_matrix(LABELS, PREDICTED, 3), index)
    assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))


def test_a_class_without_rows_or_predictions_scores_zero() -> None:
    found = class_metrics(np.array([[3, 0], [0, 0]]), 1)
    assert (found.rows, found.precision, found.recall, found.f1) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        pytest.param(2, (1.0 + 4.0) / 2, id="short-last-batch"),  # means 1 and 4
        pytest.param(3, 2.0, id="one-batch"),
        pytest.param(16, 2.0, id="batch-larger-than-data"),
    ],
)
def test_loss_is_the_mean_of_batch_means(batch: int, expected: float) -> None:
    assert mean_of_batch_means(np.array([0.5, 1.5, 4.0]), batch) == pytest.approx(expected)


def test_split_metrics() -> None:
    losses = np.array([0.1, 0.1, 0.9, 0.2, 1.1, 2.0])
    found = split_metrics(LABELS, PREDICTED, losses, ["a", "b", "c"], 4, 100.0)
    assert found.accuracy == pytest.approx(3 / 6)
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)
    assert found.majority_baseline == pytest.approx(3 / 6)
    assert found.eval_loss == pytest.approx(4.4 / 6)
    assert found.loss == pytest.approx((1.3 / 4 + 3.1 / 2) / 2)
    assert found.classes["c"].rows == 1


def test_macro_f1_leaves_out_classes_that_nobody_saw() -> None:
    """As scikit-learn's f1_score(average="macro") by default."""
    found = split_metrics(LABELS, PREDICTED, np.zeros(6), ["a", "b", "c", "never"], 4, 100.0)
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 5 + 0) / 3)
    assert found.classes["never"].f1 == 0.0


def test_cross_entropy_by_hand() -> None:
    logits = np.array([[0.0, 0.0], [np.log(3.0), 0.0]])
    assert np.exp(log_probabilities(logits))[1].tolist() == pytest.approx([0.75, 0.25])
    assert cross_entropies(logits, np.array([0, 1])).tolist() == pytest.approx(
        [np.log(2), np.log(4)]
    )


def test_large_logits_do_not_overflow() -> None:
    assert cross_entropies(np.array([[1e4, 0.0]]), np.array([1])).tolist() == [1e4]
