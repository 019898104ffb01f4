"""The statistics of a comparison: how sure an accuracy is, and how sure a difference.

SciPy is imported where it is called: it loads slowly, and to show a report takes none of it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.artifacts.facts import SplitMetrics
from components.compare.facts import Interval

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05

Right = npt.NDArray[np.bool_]


def wilson_interval(right: float, rows: int) -> Interval:
    """Returns the Wilson score interval of a share (Wilson 1927, JASA 22:209).

    Args:
        right: Rows predicted right; a mean over runs need not be whole.
        rows: All rows, at least 1.
    """
    from scipy.special import ndtri

    z = float(ndtri((1 + CONFIDENCE) / 2))
    share, spread = right / rows, z**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = np.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    # The share lies inside, where rounding would put it outside too.
    return Interval(
        lower=float(np.clip(middle - half, 0.0, share)),
        upper=float(np.clip(middle + half, share, 1.0)),
    )


def accuracy_interval(metrics: SplitMetrics) -> Interval:
    """Returns the interval of a split's accuracy; right rows lie on the matrix's diagonal."""
    right = int(np.trace(np.array(metrics.confusion_matrix)))
    return wilson_interval(right, metrics.rows)


def exact_mcnemar(first_only: int, second_only: int) -> float:
    """Returns the two-sided exact McNemar p-value (McNemar 1947, Psychometrika 12:153).

    Only rows that exactly one model predicts right tell the models apart; were the models equally
    good, each such row would fall to either with probability 1/2.
    """
    from scipy.special import bdtr

    tail = bdtr(min(first_only, second_only), first_only + second_only, 0.5)
    return min(1.0, 2 * float(tail))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values so that all claims together are wrong at most as often as one alone may be.

    The step-down procedure of Holm (1979, Scandinavian Journal of Statistics 6:65), which asks
    nothing of how the tests depend on each other: models compared with each other share rows.

    Returns:
        The adjusted p-values, in the order given.
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given)
    remaining = np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * remaining), 1.0)
    return [float(p_value) for p_value in adjusted]
