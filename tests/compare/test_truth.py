"""The statistics on simulated predictions whose truth is known; `benchmarks/truth.py` draws them.

Bounds are those that a right statistic would break once in a thousand seeds; the seeds are fixed.
"""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.truth import (
    Setting,
    Test,
    claims,
    covered,
    discordant_shares,
    mcnemar_test,
    over_seeds,
    pooled_degrees,
    predictions,
    simulate,
)
from components.compare.bootstrap import paired_bootstrap
from components.compare.power import mcnemar_power, smallest_claimable
from components.compare.statistics import SIGNIFICANCE

SIMULATIONS = 1000


def at_most(simulations: int) -> int:
    """The claims that a test with 5% of false ones stays within."""
    return int(binom.ppf(0.999, simulations, SIGNIFICANCE))


def equal(models: int = 2, *, rows: int, runs: int = 1, seed_points: float = 0.0) -> Setting:
    return Setting(accuracies=(0.8,) * models, rows=rows, runs=runs, seed_points=seed_points)


def test_what_is_simulated_is_what_is_said() -> None:
    setting = Setting(accuracies=(0.85, 0.8), rows=400_000, runs=2)
    first, second = simulate(setting, np.random.default_rng(0))
    assert [first.mean(), second.mean()] == pytest.approx([0.85, 0.8], abs=0.003)
    shares = [(first[0] & ~second[0]).mean(), (second[0] & ~first[0]).mean()]
    assert shares == pytest.approx(discordant_shares(setting), abs=0.002)
    runs = simulate(equal(rows=2000, runs=300, seed_points=2.0), np.random.default_rng(0))
    assert runs.mean(axis=2).std(axis=1) == pytest.approx([0.02, 0.02], abs=0.003)
    assert 0.05 < (first[0] != first[1]).mean() < 0.1  # runs of one model differ, but less


@pytest.mark.parametrize(
    ("setting", "test"),
    [
        pytest.param(equal(rows=1000), mcnemar_test, id="one-run"),
        pytest.param(equal(3, rows=1000), mcnemar_test, id="three-models-one-run"),
        pytest.param(equal(rows=500, runs=3), over_seeds, id="three-seeds-alike"),
        pytest.param(equal(rows=500, runs=3, seed_points=0.5), over_seeds, id="three-seeds"),
        pytest.param(equal(rows=2000, runs=3, seed_points=2.0), over_seeds, id="seeds-far-apart"),
    ],
)
def test_equal_models_are_seldom_called_different(setting: Setting, test: Test) -> None:
    claimed, _ = claims(setting, test, SIMULATIONS)
    assert claimed <= at_most(SIMULATIONS)


@pytest.mark.parametrize(
    ("setting", "test"),
    [
        pytest.param(
            equal(rows=500, runs=2, seed_points=2.0), pooled_degrees, id="pooled-degrees-of-freedom"
        ),
        pytest.param(
            equal(rows=2000, seed_points=2.0), mcnemar_test, id="one-run-of-seeds-far-apart"
        ),
    ],
)
def test_the_bounds_can_be_broken(setting: Setting, test: Test) -> None:
    claimed, _ = claims(setting, test, simulations=500)
    assert claimed > at_most(500)


@pytest.mark.parametrize(
    ("better", "rows", "simulations"),
    [(0.01, 1000, 1000), (0.01, 12_500, 300), (0.03, 1000, 1000), (0.1, 100, 1000)],
)
def test_a_better_model_is_found_as_often_as_computed(
    better: float, rows: int, simulations: int
) -> None:
    setting = Setting(accuracies=(0.8 + better, 0.8), rows=rows)
    power = mcnemar_power(rows, *discordant_shares(setting))
    claimed, wrong = claims(setting, mcnemar_test, simulations)
    fewest, most = (binom.ppf(tail, simulations, power) for tail in (0.0005, 0.9995))
    assert fewest <= claimed <= most
    assert 0.05 < power < 0.95
    assert wrong <= binom.ppf(0.999, simulations, SIGNIFICANCE / 2)


def test_more_seeds_find_more_and_never_the_wrong_one() -> None:
    found = []
    for runs in (2, 3, 5):
        setting = Setting(accuracies=(0.83, 0.8), rows=2000, runs=runs, seed_points=0.5)
        claimed, wrong = claims(setting, over_seeds, simulations=100)
        assert wrong == 0
        found.append(claimed)
    assert found == sorted(found)
    assert found[-1] > 2 * found[0]


def test_ten_points_are_found_over_seeds() -> None:
    setting = Setting(accuracies=(0.9, 0.8), rows=2000, runs=3, seed_points=0.5)
    claimed, wrong = claims(setting, over_seeds, simulations=100)
    assert claimed >= 97
    assert wrong == 0


@pytest.mark.parametrize(("runs", "test"), [(1, mcnemar_test), (3, over_seeds)])
def test_ten_rows_tell_nothing(runs: int, test: Test) -> None:
    for accuracies in ((0.8, 0.8), (0.9, 0.8)):
        setting = Setting(accuracies=accuracies, rows=10, runs=runs)
        claimed, wrong = claims(setting, test, simulations=300)
        assert claimed <= 3  # 6 discordant rows of 10, all to one side, are rare
        assert wrong == 0
    assert smallest_claimable(10, 5, SIGNIFICANCE) is None


@pytest.mark.parametrize(
    ("setting", "test"),
    [
        pytest.param(Setting(accuracies=(0.83, 0.8), rows=1000), mcnemar_test, id="one-run"),
        pytest.param(
            Setting(accuracies=(0.83, 0.8), rows=1000, runs=3, seed_points=0.5),
            over_seeds,
            id="three-seeds",
        ),
    ],
)
def test_the_bootstrap_interval_excludes_0_where_the_test_claims(
    setting: Setting, test: Test
) -> None:
    generator = np.random.default_rng(0)
    agree = claimed = 0
    for seed in range(100):
        first, second = simulate(setting, generator)
        labels, predicted = predictions(np.stack([first, second]), 2, generator)
        points = paired_bootstrap(labels, predicted[0], predicted[1], 2, seed, 2000).points
        claim = test(first, second) < SIGNIFICANCE
        agree += claim == (points.lower > 0 or points.upper < 0)
        claimed += claim
    assert agree >= 90  # at the brink, draws decide
    assert 20 < claimed < 90


@pytest.mark.parametrize(
    ("setting", "num_labels"),
    [
        pytest.param(equal(rows=500), 2, id="equal"),
        pytest.param(Setting(accuracies=(0.83, 0.8), rows=500), 2, id="3-points"),
        pytest.param(Setting(accuracies=(0.9, 0.8), rows=500), 15, id="15-classes"),
        pytest.param(equal(rows=500, runs=3), 2, id="seeds-alike"),
        pytest.param(equal(rows=500, runs=3, seed_points=2.0), 2, id="seeds-far-apart"),
    ],
)
def test_the_bootstrap_interval_holds_the_truth(setting: Setting, num_labels: int) -> None:
    found = covered(setting, num_labels, simulations=200, draws=400)
    assert found >= binom.ppf(0.001, 200, 0.95)
