"""Signs that a run learned nothing, or is not what it claims to be.

| kind | what it says | what is looked at |
| --- | --- | --- |
| `not_finite` | the training broke down | a loss or gradient that was no longer a number |
| `one_class` | every row gets the same label | the confusion matrix |
| `at_majority` | no better than the most frequent label | accuracy's Wilson interval |
| `loss_never_fell` | training did not learn its own rows | the loss curve |
| `vanished_gradients` | nothing reached the encoder | its gradient norms, while the loss was high |
| `incomplete_checkpoint` | parts of the encoder are random | the variables restored |

The two that judge training by its curves speak only where accuracy does not refute them: a model
that is surely above the majority has learned, whatever its curves look like.
"""

from collections.abc import Callable, Sequence
from math import log

import numpy as np

from components.artifacts.facts import CurvePoint, EvaluationFacts, SplitMetrics
from components.compare.facts import FailureFacts
from components.compare.statistics import CONFIDENCE, accuracy_interval

NEVER_FELL = 0.98
"""Share of the loss of knowing only the labels' frequencies above which nothing was learned.

Runs of the sample and of LCQMC that learned ended below 0.9 of it; runs with a learning rate of
1e-9 or shuffled labels in two epochs stayed above 0.99, with 0.03 to 1 above 1.01."""

VANISHED = 1e-2
"""Norm of the encoder's gradient below which it learns nothing.

Runs of the sample that learned stayed above 0.25 while their loss was high. With a learning rate of
0.1 it fell to 1e-3, with 1 to 0: whatever the text, the encoder's output was the same. The
classifier's gradient stayed between 1 and 7 there, so it must not count."""

OPTIONAL_PARTS = ("pooler/", "classifier/", "pooled_norm/")
"""Parts that some published files lack and that fine-tuning may begin anew: see
`components.encoders.checkpoints.restore`."""

Failures = tuple[FailureFacts, ...]


def failures(facts: EvaluationFacts, split: str) -> Failures:
    """Returns why a run FAILED, by its training and a split; empty if it did not.

    Args:
        facts: The evaluation.
        split: The split that decides.
    """
    metrics = facts.metrics[split]
    learned = accuracy_interval(metrics).lower > metrics.majority_baseline
    found = [
        _not_finite(facts),
        _incomplete_checkpoint(facts),
        None if learned else _one_class(facts, split),
        None if learned else _at_majority(metrics, split),
        None if learned else _loss_never_fell(facts),
        None if learned else _vanished_gradients(facts),
    ]
    return tuple(failure for failure in found if failure)


def training_failures(facts: EvaluationFacts) -> Failures:
    """Returns why a run FAILED by what its training and dev show; test is not looked at."""
    return failures(facts, "dev")


def _not_finite(facts: EvaluationFacts) -> FailureFacts | None:
    if not facts.training.diverged:
        return None
    return FailureFacts(
        kind="not_finite",
        why=f"its training broke down ({facts.training.stop_reason})",
        advice="Lower learning_rate, or warm up longer (warmup_proportion): the training diverged.",
    )


def _incomplete_checkpoint(facts: EvaluationFacts) -> FailureFacts | None:
    restored = facts.training.restored
    if restored is None or restored.restored >= restored.expected:
        return None
    missing = [name for name in restored.initialised if not name.startswith(OPTIONAL_PARTS)]
    if not missing:
        return None
    return FailureFacts(
        kind="incomplete_checkpoint",
        why=(
            f"only {restored.restored} of the {restored.expected} variables of its encoder came "
            f"from the checkpoint; {', '.join(missing[:3])}"
            f"{' and others' if len(missing) > 3 else ''} began with random values"
        ),
        advice="Load a checkpoint that holds the whole encoder: this one lacks parts of it.",
    )


def _one_class(facts: EvaluationFacts, split: str) -> FailureFacts | None:
    metrics = facts.metrics[split]
    predicted = np.array(metrics.confusion_matrix).sum(axis=0)
    if np.count_nonzero(predicted) != 1:
        return None
    label = list(metrics.classes)[int(predicted.argmax())]
    return FailureFacts(
        kind="one_class",
        why=f"it predicts {label!r} for every one of the {metrics.rows:,} {split} rows",
        advice=_advice_on_training(facts),
    )


def _at_majority(metrics: SplitMetrics, split: str) -> FailureFacts:
    interval = accuracy_interval(metrics)
    return FailureFacts(
        kind="at_majority",
        why=(
            f"its accuracy on {split} is {metrics.accuracy:.4f} ({CONFIDENCE:.0%} interval "
            f"{interval.lower:.4f} to {interval.upper:.4f}), not surely above the "
            f"{metrics.majority_baseline:.4f} of always answering the most frequent label"
        ),
        advice=_advice_at_majority(metrics),
    )


def _advice_at_majority(metrics: SplitMetrics) -> str:
    if metrics.majority_baseline == 1:
        return "Measure on rows of every label: where all have the same, nothing can be told."
    if metrics.accuracy > metrics.majority_baseline:
        return (
            "Measure on more rows: on few rows the interval is wide and even a fair model cannot "
            "be told from the baseline."
        )
    return (
        "Check that labels and texts belong together and that the vocabulary is the checkpoint's "
        "own: look at the columns that the task reads, the label counts and the share of unknown "
        "tokens below."
    )


def _loss_never_fell(facts: EvaluationFacts) -> FailureFacts | None:
    """Compares the curve's lowest stretch with the loss of knowing only the labels' frequencies."""
    losses = smoothed([point.loss for point in facts.training.curve])
    level = uninformed_loss(facts)
    if not losses or min(losses) < NEVER_FELL * level:
        return None
    classes = len(facts.training.labels)
    return FailureFacts(
        kind="loss_never_fell",
        why=(
            f"its training loss never fell below {min(losses):.4f}, and {level:.4f} is that of "
            f"knowing only how frequent each label is (ln({classes}) is {log(classes):.4f})"
        ),
        advice=_advice_on_training(facts),
    )


def _advice_on_training(facts: EvaluationFacts) -> str:
    """Tells a training that never got going from one that was thrown off."""
    later, level = later_half(facts.training.curve), uninformed_loss(facts)
    if not later or abs(_mean(later, _loss) - level) > (1 - NEVER_FELL) * level:
        return (
            "Lower learning_rate and warm up longer (warmup_proportion): a model that answers the "
            "same to every row has usually been thrown off by steps that were too large."
        )
    if facts.training.restored:
        return (
            "Use another seed, a longer warm-up and the optimizer adamw, or raise a learning_rate "
            "below 1e-5: with some seeds a pre-trained encoder never gets going (arXiv 2006.04884)."
        )
    return (
        "Train longer or with a larger learning_rate: an encoder from scratch needs more of both "
        "than a pre-trained one."
    )


def uninformed_loss(facts: EvaluationFacts) -> float:
    """Returns the mean loss in nats of always answering with the train labels' frequencies.

    It is their entropy: ln(classes) where all labels are equally frequent, else less.
    """
    counts = np.array(list(facts.tokens.data.splits["train"].label_counts.values()), np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def smoothed(values: Sequence[float]) -> list[float]:
    """Returns means over a fifth of the values: single batches are noisy."""
    width = max(1, len(values) // 5)
    return [float(np.mean(values[i : i + width])) for i in range(len(values) - width + 1)]


def later_half(curve: Sequence[CurvePoint]) -> Sequence[CurvePoint]:
    """Returns the points of the second half of a training."""
    return curve[len(curve) // 2 :]


def _vanished_gradients(facts: EvaluationFacts) -> FailureFacts | None:
    """A converged run has small gradients too, but a low loss."""
    later = later_half(facts.training.curve)
    if not later or _mean(later, _loss) < uninformed_loss(facts) / 2:
        return None
    norm = _mean(later, _encoder_gradient_norm)
    if norm >= VANISHED:
        return None
    return FailureFacts(
        kind="vanished_gradients",
        why=(
            f"its gradients vanished: the encoder's had a mean norm of {norm:.1e} over the second "
            f"half of training, while the loss was still {_mean(later, _loss):.4f}"
        ),
        advice="Use a smaller learning_rate with a longer warm-up, another seed, or an encoder "
        "with fewer layers: no gradient reached this one.",
    )


def _loss(point: CurvePoint) -> float:
    return point.loss


def _encoder_gradient_norm(point: CurvePoint) -> float:
    return point.encoder_gradient_norm


def _mean(points: Sequence[CurvePoint], read: Callable[[CurvePoint], float]) -> float:
    return float(np.mean([read(point) for point in points]))
