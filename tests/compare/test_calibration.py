import numpy as np
import pytest

from components.compare.calibration import BINS, calibration


def test_by_hand() -> None:
    # Two rows of 0.9, one right; two of 0.55, both right.
    facts = calibration(np.array([0.9, 0.55, 0.9, 0.55]), np.array([True, True, False, True]))
    low, high = facts.bins
    assert (low.rows, low.confidence, low.accuracy) == pytest.approx((2, 0.55, 1.0))
    assert (high.rows, high.confidence, high.accuracy) == pytest.approx((2, 0.9, 0.5))
    assert facts.expected_calibration_error == pytest.approx((0.45 + 0.4) / 2)


@pytest.mark.parametrize(
    ("probability", "lower", "upper"),
    [
        pytest.param(0.0, 0.0, 1 / BINS, id="0-is-in-the-first"),
        pytest.param(1 / BINS, 0.0, 1 / BINS, id="an-upper-edge-is-inside"),
        pytest.param(0.5, 7 / BINS, 8 / BINS, id="middle"),
        pytest.param(1.0, 14 / BINS, 1.0, id="1-is-in-the-last"),
        pytest.param(1.0000001, 14 / BINS, 1.0, id="rounded-above-1"),
        pytest.param(float("nan"), 0.0, 1 / BINS, id="not-a-number-promises-nothing"),
    ],
)
def test_bin(probability: float, lower: float, upper: float) -> None:
    (one,) = calibration(np.array([probability], dtype=np.float64), np.array([True])).bins
    assert (one.lower, one.upper) == pytest.approx((lower, upper))
    assert 0.0 <= one.confidence <= 1.0


def test_honest_and_boastful_probabilities() -> None:
    generator = np.random.default_rng(42)
    probability = generator.uniform(0.5, 1.0, size=100_000)
    right = generator.random(100_000) < probability
    assert calibration(probability, right).expected_calibration_error < 0.01
    boastful = (1 + probability) / 2  # 0.75 is said to be 0.875: too much by 0.125 on average
    assert calibration(boastful, right).expected_calibration_error == pytest.approx(0.125, abs=0.01)


def test_the_bins_hold_all_rows() -> None:
    probability = np.random.default_rng(1).random(1000).astype(np.float32)
    assert sum(one.rows for one in calibration(probability, probability > 0.3).bins) == 1000
