import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from components.artifacts.facts import SplitMetrics
from components.compare.statistics import (
    accuracy_interval,
    exact_mcnemar,
    holm,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("right", "rows", "lower", "upper"),
    [
        pytest.param(8, 10, 0.4902, 0.9433, id="8-of-10"),  # Wilson's formula by hand, z = 1.96
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(0.5, 1, 0.0546, 0.9454, id="a-mean-over-runs"),  # 0.5 -+ 1.96 / 2 / sqrt(4.84)
    ],
)
def test_wilson_interval(right: float, rows: int, lower: float, upper: float) -> None:
    interval = wilson_interval(right, rows)
    assert (interval.lower, interval.upper) == pytest.approx((lower, upper), abs=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 10, 8802, 12_500])
def test_wilson_interval_is_that_of_scipy(rows: int) -> None:
    for right in {0, 1, rows // 3, rows - 1, rows}:
        interval, expected = wilson_interval(right, rows), binomtest(right, rows)
        ends = expected.proportion_ci(0.95, method="wilson")
        assert (interval.lower, interval.upper) == pytest.approx((ends.low, ends.high), abs=1e-12)
        assert 0.0 <= interval.lower <= right / rows <= interval.upper <= 1.0


def test_the_right_rows_of_an_accuracy_are_the_diagonal() -> None:
    metrics = SplitMetrics(
        rows=10,
        accuracy=0.8,
        macro_f1=0.8,
        eval_loss=0.5,
        loss=0.5,
        majority_baseline=0.5,
        classes={},
        confusion_matrix=((5, 0), (2, 3)),
        examples_per_second=1.0,
    )
    assert accuracy_interval(metrics) == wilson_interval(8, 10)


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


@pytest.mark.parametrize("discordant", [1, 2, 9, 100, 1501, 4000])
def test_exact_mcnemar_is_the_binomial_test_of_scipy(discordant: int) -> None:
    for first in {0, 1, discordant // 3, discordant // 2, discordant}:
        expected = binomtest(first, discordant, 0.5).pvalue
        assert exact_mcnemar(first, discordant - first) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        pytest.param([], [], id="none"),
        pytest.param([0.04], [0.04], id="one-is-not-corrected"),
        pytest.param([0.04, 0.01], [0.04, 0.02], id="smallest-times-two-then-times-one"),
        pytest.param([0.01, 0.02, 0.03], [0.03, 0.04, 0.04], id="never-below-a-smaller-one"),
        pytest.param([0.5, 0.4, 0.9], [1.0, 1.0, 1.0], id="at-most-1"),
        pytest.param([0.02, 0.02], [0.04, 0.04], id="ties"),
    ],
)
def test_holm(given: list[float], adjusted: list[float]) -> None:
    assert holm(given) == pytest.approx(adjusted)


@pytest.mark.parametrize("tests", [1, 3, 21])
def test_holm_is_that_of_statsmodels(tests: int) -> None:
    generator = np.random.default_rng(tests)
    for _ in range(5):
        given = generator.beta(0.5, 3, size=tests).round(3)  # small ones, some of them equal
        assert holm(list(given)) == pytest.approx(multipletests(given, method="holm")[1])
