"""The paired bootstrap: what the difference of two models could have been on other such rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.compare.facts import Interval
from components.compare.statistics import CONFIDENCE

DRAWS = 10_000

_CELLS = 2**22
"""Counts drawn at once: bounds the memory to some 50 MB."""

Classes = npt.NDArray[np.integer]
Counts = npt.NDArray[np.float32]  # exact to 2**24 rows, and half the time of float64
Figures = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedIntervals:
    """What the bootstrap says of two models, the first minus the second, in percentage points.

    Attributes:
        points: Interval of the difference in accuracy.
        f1_points: Interval of the difference in macro-F1.
        f1_points_observed: The difference in macro-F1 on the rows as they are, mean over the runs.
    """

    points: Interval
    f1_points: Interval
    f1_points_observed: float


def paired_bootstrap(
    labels: Classes,
    first: Classes,
    second: Classes,
    num_labels: int,
    seed: int,
    draws: int = DRAWS,
) -> PairedIntervals:
    """Draws test sets from the rows and looks at how two models differ on each.

    Both models are measured on the same drawn rows, so what makes rows hard for both cancels
    (paired bootstrap: Efron & Tibshirani 1993, "An Introduction to the Bootstrap"; Koehn 2004,
    EMNLP). Intervals are those between percentiles. What several runs add is in `_with_seeds`.

    Args:
        labels: True class of each row: [rows].
        first: Class that each run of the first model predicts: [runs, rows].
        second: The same of the second model; runs of one index are a pair.
        num_labels: Number of classes.
        seed: Of the generator; the same seed gives the same intervals.
        draws: Test sets drawn.
    """
    generator = np.random.default_rng(seed)
    # Equal rows are interchangeable: how often each kind of row is drawn says all.
    kinds, counts = np.unique(
        np.column_stack([labels, first.T, second.T]), axis=0, return_counts=True
    )
    (observed,) = _differences(kinds, counts[np.newaxis].astype(np.float32), num_labels)
    size = max(1, _CELLS // len(kinds))
    drawn = np.concatenate(
        [
            _differences(kinds, _draw(generator, counts, min(size, draws - done)), num_labels)
            for done in range(0, draws, size)
        ]
    )
    possible = _with_seeds(drawn, observed, generator) if len(first) > 1 else drawn[:, 0]
    tails = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(possible, [tails, 1 - tails], axis=0)
    points, f1_points = (
        Interval(lower=float(low), upper=float(high))
        for low, high in zip(lower, upper, strict=True)
    )
    return PairedIntervals(
        points=points, f1_points=f1_points, f1_points_observed=float(observed[:, 1].mean())
    )


def _draw(generator: np.random.Generator, counts: npt.NDArray[np.int64], draws: int) -> Counts:
    """Draws as many rows as there are, with replacement, and counts their kinds: [draws, kinds]."""
    rows = int(counts.sum())
    return generator.multinomial(rows, counts / rows, size=draws).astype(np.float32)


def _with_seeds(drawn: Figures, observed: Figures, generator: np.random.Generator) -> Figures:
    """Adds to what other rows might give, the mean over runs, what other seeds might.

    The mean of few runs lies about the truth as a t distribution says, and that of rows as the
    draws do: their sum is the distribution of Behrens and Fisher, of which `two_way.py` makes its
    test. Drawing from the runs as from the rows (pigeonhole bootstrap: Owen 2007, Annals of Applied
    Statistics 1:386) takes the spread of few runs for that of all seeds: of 3 runs that lie far
    apart, such intervals held the truth in 89% of simulations instead of 95%.

    The runs' spread holds chance that a run has alone with each row, so of the rows' spread only
    what the runs share is kept: their mean covariance over the draws (Obuchowski & Rockette 1995,
    Communications in Statistics - Simulation and Computation 24:285).

    Args:
        drawn: Differences of each pair of runs on drawn rows: [draws, runs, 2].
        observed: The same on the rows as they are: [runs, 2].
        generator: Draws the seeds' part.
    """
    runs, mean = len(observed), observed.mean(axis=0)
    of_mean = drawn.mean(axis=1).var(axis=0)
    shared = (runs * of_mean - drawn.var(axis=0).mean(axis=0)) / (runs - 1)
    kept = np.sqrt(np.clip(shared / np.where(of_mean > 0, of_mean, 1.0), 0.0, 1.0))
    standard_error = observed.std(axis=0, ddof=1) / np.sqrt(runs)
    of_seeds = standard_error * generator.standard_t(runs - 1, size=(len(drawn), 1))
    possible = mean + kept * (drawn.mean(axis=1) - mean) + of_seeds
    return np.asarray(np.clip(possible, -100.0, 100.0))


def _differences(kinds: Classes, counts: Counts, num_labels: int) -> Figures:
    """Returns the differences of each pair of runs in accuracy and macro-F1: [draws, runs, 2].

    Args:
        kinds: True class, then the predictions of the first model's runs, then of the second's:
            [kinds, 1 + 2 * runs].
        counts: How often each draw has each kind: [draws, kinds].
        num_labels: Number of classes.
    """
    classes = np.arange(num_labels)
    truth = (kinds[:, :1] == classes).astype(np.float32)
    rows_of_class = counts @ truth
    figures = np.stack(
        [
            _figures(counts, rows_of_class, truth, column[:, np.newaxis] == classes)
            for column in kinds.T[1:]
        ],
        axis=1,
    )
    first, second = np.split(figures, 2, axis=1)
    return 100 * (first - second)


def _figures(
    counts: Counts, rows_of_class: Counts, truth: Counts, predicted: npt.NDArray[np.bool_]
) -> Figures:
    """Returns accuracy and macro-F1 of one run on each draw: [draws, 2].

    Macro-F1 is the mean over the classes that occur or are predicted, as the `evaluate` step has
    it; a class may do neither in one draw and either in another.
    """
    right_of_class = (counts @ (truth * predicted)).astype(np.float64)
    twice_mean = rows_of_class + counts @ predicted.astype(np.float32)
    seen = twice_mean > 0
    f1 = 2 * right_of_class / np.where(seen, twice_mean, 1)
    return np.stack(
        [
            right_of_class.sum(axis=1) / rows_of_class.sum(axis=1, dtype=np.float64),
            f1.sum(axis=1) / seen.sum(axis=1),
        ],
        axis=1,
    )
