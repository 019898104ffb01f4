"""Calibration: whether rows predicted with probability 0.8 are right 8 times of 10."""

import numpy as np
import numpy.typing as npt

from components.compare.facts import CalibrationBin, CalibrationFacts
from components.compare.statistics import Right

BINS = 15
"""Of equal width, as in Guo et al. 2017 (arXiv 1706.04599), section 5."""


def calibration(probability: npt.NDArray[np.floating], right: Right) -> CalibrationFacts:
    """Compares what a model promises with what it keeps.

    Args:
        probability: Of the predicted label of each row. One that is not a number promises nothing
            and counts as 0.
        right: Whether the row was predicted right.
    """
    confidence = np.clip(np.nan_to_num(probability.astype(np.float64)), 0.0, 1.0)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    bin_of_row = np.searchsorted(edges[1:], confidence, side="left")  # upper edges belong to a bin
    bins = tuple(
        CalibrationBin(
            lower=float(edges[index]),
            upper=float(edges[index + 1]),
            rows=int(members.sum()),
            confidence=float(confidence[members].mean()),
            accuracy=float(right[members].mean()),
        )
        for index, members in ((index, bin_of_row == index) for index in np.unique(bin_of_row))
    )
    error = sum(one.rows * abs(one.confidence - one.accuracy) for one in bins) / len(right)
    return CalibrationFacts(expected_calibration_error=error, bins=bins)
