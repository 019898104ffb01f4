import numpy as np
import pytest

from components.compare.statistics import compare_pair, exact_mcnemar, wilson_interval


@pytest.mark.parametrize(
    ("right", "rows", "lower", "upper"),
    [
        pytest.param(8, 10, 0.4902, 0.9433, id="8-of-10"),  # Wilson's formula by hand, z = 1.96
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
    ],
)
def test_wilson_interval(right: int, rows: int, lower: float, upper: float) -> None:
    interval = wilson_interval(right, rows)
    assert (interval.lower, interval.upper) == pytest.approx((lower, upper), abs=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        pytest.param(5, 0, 2 / 32, id="5-to-0"),  # both tails of 0 in 5 fair coins
        pytest.param(6, 1, 16 / 128, id="6-to-1"),  # 2 * (1 + 7) / 2**7
        pytest.param(3, 3, 1.0, id="even"),
        pytest.param(0, 0, 1.0, id="never-differ"),
    ],
)
def test_exact_mcnemar(first: int, second: int, p_value: float) -> None:
    assert exact_mcnemar(first, second) == pytest.approx(p_value)
    assert exact_mcnemar(second, first) == pytest.approx(p_value)


def test_a_pair_names_the_better_model_first() -> None:
    worse = np.array([True, True, False, False, False])
    better = np.array([True, False, True, True, False])
    pair = compare_pair("A", worse, "B", better)
    assert (pair.first, pair.second) == ("B", "A")
    assert (pair.both_right, pair.first_only, pair.second_only, pair.neither) == (1, 2, 1, 1)
    assert pair.points == pytest.approx(20.0)
