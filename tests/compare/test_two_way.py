import numpy as np
import pytest
from scipy.stats import ttest_1samp

from components.compare.power import smallest_claimable
from components.compare.statistics import Right, exact_mcnemar
from components.compare.two_way import two_way_test


def right(*runs: str) -> Right:
    """Makes runs from marks, `+` right and `-` wrong."""
    return np.array([[mark == "+" for mark in run] for run in runs])


def random_runs(runs: int, rows: int, *shares: float, seed: int = 0) -> list[Right]:
    """Draws runs of models whose rows have nothing in common."""
    generator = np.random.default_rng(seed)
    return [generator.random((runs, rows)) < share for share in shares]


def test_standard_error_by_hand() -> None:
    # Differences: 1 1 0 0 / 1 0 0 0. Mean 3/8; of seeds 1/2, 1/4; of rows 1, 1/2, 0, 0.
    result = two_way_test(right("++++", "+++-"), right("--++", "-++-"))
    of_seeds = 4 * 2 * (1 / 8) ** 2 / 1
    of_rows = 2 * ((5 / 8) ** 2 + (1 / 8) ** 2 + 2 * (3 / 8) ** 2) / 3
    total = 3 * (5 / 8) ** 2 + 5 * (3 / 8) ** 2
    of_error = (total - of_seeds - 3 * of_rows) / 3
    expected = 100 * np.sqrt((of_seeds + of_rows - of_error) / 8)
    assert result.points == pytest.approx(37.5)
    assert result.standard_error_points == pytest.approx(expected)


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_of_runs_that_predict_the_same_it_is_exact_mcnemar(runs: int) -> None:
    first, second = random_runs(1, 60, 0.8, 0.6)
    result = two_way_test(np.repeat(first, runs, axis=0), np.repeat(second, runs, axis=0))
    first_only, second_only = int((first & ~second).sum()), int((second & ~first).sum())
    assert result.p_value == pytest.approx(exact_mcnemar(first_only, second_only))
    assert result.smallest_claimable_points == pytest.approx(
        smallest_claimable(60, first_only + second_only, 0.05)
    )


@pytest.mark.parametrize("runs", [2, 3, 5, 30])
def test_where_seeds_are_all_that_varies_it_is_the_t_test_of_the_seeds(runs: int) -> None:
    # Rows differ by chance alone and seeds by much: nothing is left for the rows.
    generator = np.random.default_rng(runs)
    shares = generator.uniform(0.5, 0.9, size=(runs, 1))
    first = generator.random((runs, 5000)) < shares
    second = generator.random((runs, 5000)) < 0.6
    expected = ttest_1samp(first.mean(axis=1) - second.mean(axis=1), 0.0)
    assert two_way_test(first, second).p_value == pytest.approx(expected.pvalue, rel=0.02)


def test_where_seeds_agree_it_is_that_of_the_rows() -> None:
    # The seeds agree on all rows but one: 100 to 50 of 1,000. The little doubt about the seeds can
    # only raise the p-value.
    first, second = np.ones((3, 1000), dtype=np.bool_), np.ones((3, 1000), dtype=np.bool_)
    second[:, :100], first[:, 100:150] = False, False
    first[0, 100] = True
    result = two_way_test(first, second)
    assert 1.0 < result.p_value / exact_mcnemar(100, 50) < 2.0


def test_seeds_that_disagree_forbid_what_one_seed_claims() -> None:
    first, second = random_runs(3, 2000, 0.8, 0.8)
    first[0] = True
    only = np.array([(first[0] & ~second[0]).sum(), (second[0] & ~first[0]).sum()])
    assert exact_mcnemar(*map(int, only)) < 1e-50
    assert two_way_test(first, second).p_value > 0.2


def test_the_models_change_places() -> None:
    first, second = random_runs(3, 200, 0.8, 0.7)
    one, other = two_way_test(first, second), two_way_test(second, first)
    assert one.points == -other.points
    assert one.p_value == pytest.approx(other.p_value)
    assert one.smallest_claimable_points == pytest.approx(other.smallest_claimable_points)


@pytest.mark.parametrize("rows", [10, 200, 3000])
@pytest.mark.parametrize("runs", [2, 3, 5])
def test_what_is_claimed_is_at_least_the_smallest_claimable(rows: int, runs: int) -> None:
    claimed = 0
    for seed in range(30):
        result = two_way_test(*random_runs(runs, rows, 0.8, 0.7, seed=seed))
        smallest = result.smallest_claimable_points or np.inf
        assert (result.p_value < 0.05) == (abs(result.points) > smallest - 1e-6)
        claimed += result.p_value < 0.05
    assert claimed or rows == 10


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_identical_predictions(rows: int) -> None:
    (runs,) = random_runs(3, rows, 0.8)
    result = two_way_test(runs, runs)
    assert (result.points, result.standard_error_points, result.p_value) == (0.0, 0.0, 1.0)
    assert result.smallest_claimable_points is None


@pytest.mark.parametrize(("rows", "p_value"), [(1, 1.0), (5, 2 / 32), (6, 2 / 64)])
def test_no_variance_at_all_leaves_the_rows_to_decide(rows: int, p_value: float) -> None:
    result = two_way_test(np.ones((3, rows), np.bool_), np.zeros((3, rows), np.bool_))
    assert result.p_value == pytest.approx(p_value)


def test_ties_are_no_difference() -> None:
    result = two_way_test(right("++--", "++--"), right("--++", "--++"))
    assert (result.points, result.p_value) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(right("+-"), right("++"), id="one-run"),
        pytest.param(right("+-", "+-"), right("++"), id="other-runs"),
        pytest.param(right("+-", "+-"), right("+++", "+++"), id="other-rows"),
    ],
)
def test_refused(first: Right, second: Right) -> None:
    with pytest.raises(ValueError, match="two or more pairs of runs of the same rows, got"):
        two_way_test(first, second)
