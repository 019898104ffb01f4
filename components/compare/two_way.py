"""The paired test for several runs of each model: it respects that seeds AND rows are samples.

`d[seed, row]` is 1 where only the first model is right, -1 where only the second is, else 0. Seeds
and rows are crossed random effects, d = mean + seed + row + error, so the mean of d varies by

    (E[MS_seeds] + E[MS_rows] - E[MS_error]) / (seeds * rows)

with the mean squares of a two-way analysis of variance without replication: Dorfman, Berbaum &
Metz 1992 (Investigative Radiology 27:723) with seeds as readers and rows as cases.

Of these parts MS_seeds alone rests on few degrees of freedom, seeds - 1, while those of the rows
number hundreds. The usual way, one t distribution with degrees of freedom pooled by Satterthwaite
(Hillis, Berbaum & Metz 2008, Academic Radiology 15:647), claims a difference of equal models in up
to 8% of comparisons of 3 seeds and 14% of 2, because few seeds that happen to agree make the
variance look small and sure at once. Here the variance of the seeds is integrated out instead, as
Behrens and Fisher do for two means (Fisher 1935, Annals of Eugenics 6:391), which errs on the safe
side (Robinson 1976, Annals of Statistics 4:963). `benchmarks/truth.py` measures both.

Mean squares say little about a handful of differing rows, so a difference must also stand the exact
sign-flip test of the rows (Fisher 1935, "The Design of Experiments", chapter 3). Of runs that all
predict the same, it is the exact McNemar test of one of them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.special import ndtr
from scipy.stats import binom

from components.compare.statistics import SIGNIFICANCE, Right

Array = npt.NDArray[np.float64]

# Of the root of a chi-squared number: in its logarithm the integrand is smooth and vanishes at both
# ends, so that equal steps integrate it to rounding errors.
_LOG_CHI = np.arange(-30.0, 4.0, 0.08)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoWayResult:
    """What the test says of two models, the first minus the second.

    Attributes:
        points: Difference in accuracy in percentage points, mean over the pairs of runs.
        standard_error_points: Its standard error over seeds and rows.
        p_value: Two-sided.
        smallest_claimable_points: The smallest difference that would have been claimed with as much
            disagreement; None where none would.
    """

    points: float
    standard_error_points: float
    p_value: float
    smallest_claimable_points: float | None


@dataclass(frozen=True, slots=True)
class _Variance:
    """Variance of the mean difference.

    Attributes:
        seeds: What seeds and error add, known to `seeds - 1` degrees of freedom.
        rows: What rows add.
    """

    seeds: float
    rows: float


def two_way_test(first: Right, second: Right) -> TwoWayResult:
    """Tests whether two models are equally good over seeds and rows.

    Args:
        first: Whether each run of the first model predicts each row right: [runs, rows].
        second: The same of the second model; runs of one index are a pair.

    Raises:
        ValueError: Fewer than two pairs of runs, or not the same number of runs and rows.
    """
    if len(first) < 2 or first.shape != second.shape:
        raise ValueError(
            f"the test needs two or more pairs of runs of the same rows, got {first.shape} and "
            f"{second.shape}"
        )
    differences = first.astype(np.int64) - second
    difference = float(differences.mean())
    variance = _variance(differences)
    flips = _flips(differences.sum(axis=0))
    return TwoWayResult(
        points=100 * difference,
        standard_error_points=100 * float(np.sqrt(variance.seeds + variance.rows)),
        p_value=max(
            _behrens_fisher(difference, variance, len(first)),
            _flip_p_value(int(differences.sum()), flips),
        ),
        smallest_claimable_points=_smallest_claimable(variance, flips, differences.shape),
    )


def _variance(differences: npt.NDArray[np.int64]) -> _Variance:
    """Splits the variance of the mean by the mean squares of seeds, rows and error."""
    runs, rows = differences.shape
    degrees = max(rows - 1, 1)
    mean = differences.mean()
    of_seeds = rows * np.square(differences.mean(axis=1) - mean).sum() / (runs - 1)
    of_rows = runs * np.square(differences.mean(axis=0) - mean).sum() / degrees
    rest = np.square(differences - mean).sum() - (runs - 1) * of_seeds - degrees * of_rows
    of_error = rest / ((runs - 1) * degrees)
    return _Variance(
        seeds=float(of_seeds) / differences.size,
        rows=max(float(of_rows - of_error), 0.0) / differences.size,
    )


def _behrens_fisher(difference: float, variance: _Variance, runs: int) -> float:
    """Returns the p-value, a normal tail averaged over what the seeds' variance may be.

    The sum of squares over the true variance is a chi-squared number with `runs - 1` degrees of
    freedom. Without a part of the rows this is the t-test of the seeds' differences.
    """
    if variance.seeds + variance.rows == 0:
        return 1.0 if difference == 0 else 0.0
    degrees = runs - 1
    log_density = degrees * _LOG_CHI - np.exp(2 * _LOG_CHI) / 2
    density = np.exp(log_density - log_density.max())
    variances = variance.rows + variance.seeds * degrees * np.exp(-2 * _LOG_CHI)
    tails = 2 * ndtr(-abs(difference) / np.sqrt(variances))
    return float(density @ tails / density.sum())


def _flips(row_sums: npt.NDArray[np.int64]) -> Array:
    """Returns the distribution of the rows' votes for the first model, were they coin flips.

    A row's vote counts as much as the runs' differences on it sum up to, so `k` of the votes for
    the first model means a sum of differences of `2 * k - votes`.

    Returns:
        Cumulative probabilities of 0, 1, ... votes.
    """
    distribution = np.ones(1)
    for weight, rows in zip(
        *np.unique(np.abs(row_sums[row_sums != 0]), return_counts=True), strict=True
    ):
        votes = np.zeros(weight * rows + 1)
        votes[::weight] = binom.pmf(np.arange(rows + 1), rows, 0.5)
        distribution = np.maximum(fftconvolve(distribution, votes), 0.0)
    return np.cumsum(distribution)


def _flip_p_value(total: int, flips: Array) -> float:
    """Returns how often coin flips give a sum of differences at least as far from 0."""
    return min(1.0, 2 * float(flips[(len(flips) - 1 - abs(total)) // 2]))


def _smallest_claimable(variance: _Variance, flips: Array, shape: tuple[int, ...]) -> float | None:
    runs, rows = shape

    def excess(difference: float) -> float:
        return _behrens_fisher(difference, variance, runs) - SIGNIFICANCE

    votes = int(np.searchsorted(flips, SIGNIFICANCE / 2)) - 1
    if votes < 0 or excess(1.0) >= 0:
        return None
    # Not every number of votes can occur: the fewest of the same probability.
    fewest_votes = int(np.searchsorted(flips, flips[votes] * (1 - 1e-9)))
    of_rows = (len(flips) - 1 - 2 * fewest_votes) / (runs * rows)
    of_both = 0.0 if excess(1e-9) < 0 else float(brentq(excess, 1e-9, 1.0, xtol=1e-9))
    return 100 * max(of_rows, of_both)
