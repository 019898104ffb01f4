"""The statistics of a comparison: how sure an accuracy is, and how sure a difference."""

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from components.artifacts.facts import SplitMetrics
from components.compare.facts import Interval, PairFacts

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05

Right = npt.NDArray[np.bool_]


def wilson_interval(right: int, rows: int) -> Interval:
    """Returns the Wilson score interval of `right` in `rows` (Wilson 1927, JASA 22:209)."""
    interval = binomtest(right, rows).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(lower=float(interval.low), upper=float(interval.high))


def accuracy_interval(metrics: SplitMetrics) -> Interval:
    """Returns the interval of a split's accuracy; right rows lie on the matrix's diagonal."""
    right = int(np.trace(np.array(metrics.confusion_matrix)))
    return wilson_interval(right, metrics.rows)


def exact_mcnemar(first_only: int, second_only: int) -> float:
    """Returns the two-sided exact McNemar p-value (McNemar 1947, Psychometrika 12:153).

    Only rows that exactly one model predicts right tell the models apart; were the models equally
    good, each such row would fall to either with probability 1/2.
    """
    discordant = first_only + second_only
    return float(binomtest(first_only, discordant, 0.5).pvalue) if discordant else 1.0


def compare_pair(name: str, right: Right, other_name: str, other_right: Right) -> PairFacts:
    """Counts where two models differ, the one with more rows right first.

    Args:
        name: Name of one model.
        right: Whether it predicts each row right, one entry a row.
        other_name: Name of the other model.
        other_right: The same of the other model, in the same row order.
    """
    if other_right.sum() > right.sum():
        name, right, other_name, other_right = other_name, other_right, name, right
    first_only, second_only = int((right & ~other_right).sum()), int((other_right & ~right).sum())
    return PairFacts(
        first=name,
        second=other_name,
        both_right=int((right & other_right).sum()),
        first_only=first_only,
        second_only=second_only,
        neither=int((~right & ~other_right).sum()),
        points=100 * (first_only - second_only) / len(right),
        p_value=exact_mcnemar(first_only, second_only),
    )


def is_significant(pair: PairFacts) -> bool:
    """Tells whether the pair's difference can be claimed."""
    return pair.p_value < SIGNIFICANCE
