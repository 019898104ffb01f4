from typing import Any

import numpy as np
import pytest
from scipy.stats import sem, t

from components.compare.bootstrap import PairedIntervals, paired_bootstrap
from components.evaluate.metrics import split_metrics

Array = np.ndarray[Any, Any]


def macro_f1(labels: Array, predicted: Array, num_labels: int) -> float:
    names = [str(name) for name in range(num_labels)]
    return split_metrics(labels, predicted, np.zeros(len(labels)), names, 8, 1.0).macro_f1


def random_predictions(
    rows: int, num_labels: int, runs: int, seed: int = 0
) -> tuple[Array, Array, Array]:
    """Draws predictions of two models, the first right on half the rows, the second on a third."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(num_labels, size=rows)
    first, second = (
        np.where(
            generator.random((runs, rows)) < share,
            labels,
            generator.integers(num_labels, size=(runs, rows)),
        )
        for share in (0.5, 0.33)
    )
    return labels, first, second


def one_by_one(
    labels: Array, first: Array, second: Array, num_labels: int, draws: int
) -> tuple[Array, Array]:
    """The bootstrap as a loop, with the metrics of the evaluate step: both percentile intervals."""
    generator = np.random.default_rng(1)
    runs, rows = first.shape

    def differences(row: Array) -> list[tuple[float, float]]:
        true = labels[row]
        return [
            (
                100 * ((one[row] == true).mean() - (other[row] == true).mean()),
                100 * macro_f1(true, one[row], num_labels)
                - 100 * macro_f1(true, other[row], num_labels),
            )
            for one, other in zip(first, second, strict=True)
        ]

    observed = np.array(differences(np.arange(rows)))
    drawn = np.array([differences(generator.integers(rows, size=rows)) for _ in range(draws)])
    ends = []
    for figure in (0, 1):
        mean = drawn[:, :, figure].mean(axis=1)
        if runs > 1:
            covariance = np.cov(drawn[:, :, figure].T)
            shared = covariance[~np.eye(runs, dtype=np.bool_)].mean()
            middle = observed[:, figure].mean()
            error = sem(observed[:, figure]) * generator.standard_t(runs - 1, size=draws)
            mean = middle + (mean - middle) * np.sqrt(shared / covariance.mean()) + error
        ends.append(np.quantile(mean, [0.025, 0.975]))
    return ends[0], ends[1]


@pytest.mark.parametrize(
    ("rows", "num_labels", "runs"),
    [
        pytest.param(40, 2, 1, id="2-classes"),
        pytest.param(60, 15, 1, id="15-classes-some-missing-in-draws"),
        pytest.param(40, 3, 3, id="3-runs"),
    ],
)
def test_the_intervals_are_those_of_a_loop(rows: int, num_labels: int, runs: int) -> None:
    labels, first, second = random_predictions(rows, num_labels, runs)
    intervals = paired_bootstrap(labels, first, second, num_labels, seed=3, draws=20_000)
    points, f1_points = one_by_one(labels, first, second, num_labels, draws=1500)
    width = points[1] - points[0]  # draws are random: ends agree to some hundredths of the width
    assert (intervals.points.lower, intervals.points.upper) == pytest.approx(
        tuple(points), abs=0.09 * width
    )
    assert (intervals.f1_points.lower, intervals.f1_points.upper) == pytest.approx(
        tuple(f1_points), abs=0.09 * width
    )


@pytest.mark.parametrize(("num_labels", "runs"), [(2, 1), (4, 3), (15, 2)])
def test_the_observed_macro_f1_is_that_of_evaluate(num_labels: int, runs: int) -> None:
    labels, first, second = random_predictions(30, num_labels, runs)
    intervals = paired_bootstrap(labels, first, second, num_labels, seed=0, draws=10)
    expected = [
        macro_f1(labels, a, num_labels) - macro_f1(labels, b, num_labels)
        for a, b in zip(first, second, strict=True)
    ]
    assert intervals.f1_points_observed == pytest.approx(100 * np.mean(expected))


def test_classes_that_neither_occur_nor_are_predicted_are_left_out() -> None:
    labels = np.array([0, 0, 1, 1])
    first, second = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])
    # F1 of the second: 2/3 and 4/5.
    expected = 100 * (1 - (2 / 3 + 4 / 5) / 2)
    for num_labels in (2, 9):
        found = paired_bootstrap(labels, first, second, num_labels, seed=0, draws=10)
        assert found.f1_points_observed == pytest.approx(expected)


def test_binary_rows_give_binomial_percentiles() -> None:
    # The first is right on 30 of 100 rows, the second on none: the difference is Bin(100, 0.3).
    labels = np.zeros(100, dtype=np.int64)
    first = np.ones((1, 100), dtype=np.int64)
    first[0, :30] = 0
    found = paired_bootstrap(labels, first, np.ones_like(first), 2, seed=5, draws=20_000)
    assert (found.points.lower, found.points.upper) == (21.0, 39.0)  # scipy: binom.ppf


def test_where_rows_do_not_matter_it_is_the_t_interval_of_the_runs() -> None:
    # Runs of the first model are right everywhere, or on the first half; the second's nowhere.
    labels = np.zeros(2000, dtype=np.int64)
    first = np.tile(labels, (4, 1))
    first[2:, 1000:] = 1  # the rows' part of the spread is 0.4 points
    found = paired_bootstrap(labels, first, np.ones_like(first), 2, seed=0, draws=100_000)
    differences = [100.0, 100.0, 50.0, 50.0]
    lower, _ = t.interval(0.95, 3, loc=75.0, scale=sem(differences))
    assert found.points.lower == pytest.approx(lower, abs=1.0)
    assert found.points.upper == 100.0  # no difference is larger


@pytest.mark.parametrize("num_labels", [2, 15])
def test_runs_that_predict_the_same_count_once(num_labels: int) -> None:
    labels, first, second = random_predictions(200, num_labels, 1)
    thrice = paired_bootstrap(labels, first.repeat(3, 0), second.repeat(3, 0), num_labels, seed=0)
    once = paired_bootstrap(labels, first, second, num_labels, seed=0)
    ends = [
        (i.points.lower, i.points.upper, i.f1_points.lower, i.f1_points.upper)
        for i in (thrice, once)
    ]
    assert ends[0] == pytest.approx(ends[1])


def bootstrap(seed: int) -> PairedIntervals:
    return paired_bootstrap(*random_predictions(200, 3, 2), num_labels=3, seed=seed, draws=500)


def test_a_seed_gives_the_same_intervals() -> None:
    assert bootstrap(seed=1) == bootstrap(seed=1)
    assert bootstrap(seed=1) != bootstrap(seed=2)


def test_memory_bounds_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = bootstrap(seed=1)
    monkeypatch.setattr("components.compare.bootstrap._CELLS", 1000)
    assert bootstrap(seed=1) == at_once


def test_the_models_change_places() -> None:
    labels, first, second = random_predictions(100, 2, 1)
    one = paired_bootstrap(labels, first, second, 2, seed=0)
    other = paired_bootstrap(labels, second, first, 2, seed=0)
    assert (one.points.lower, one.points.upper) == pytest.approx(
        (-other.points.upper, -other.points.lower), abs=2.0
    )
    assert one.f1_points_observed == pytest.approx(-other.f1_points_observed)


def test_identical_predictions_differ_by_nothing() -> None:
    labels, first, _ = random_predictions(50, 15, 3)
    found = paired_bootstrap(labels, first, first, 15, seed=0, draws=100)
    assert (found.points.lower, found.points.upper, found.f1_points_observed) == (0.0, 0.0, 0.0)
    assert (found.f1_points.lower, found.f1_points.upper) == (0.0, 0.0)


def test_one_row() -> None:
    found = paired_bootstrap(np.array([1]), np.array([[1]]), np.array([[0]]), 2, seed=0, draws=10)
    assert (found.points.lower, found.points.upper, found.f1_points_observed) == (100.0,) * 3
