import numpy as np
import pytest
from scipy.stats import multinomial

from components.compare.power import detectable_points, mcnemar_power, smallest_claimable
from components.compare.statistics import exact_mcnemar


def power_by_enumeration(rows: int, first_only: float, second_only: float) -> float:
    """Sums the probability of every table that is claimed."""
    shares = [first_only, second_only, max(0.0, 1 - first_only - second_only)]
    return sum(
        float(multinomial.pmf([first, second, rows - first - second], rows, shares))
        for first in range(rows + 1)
        for second in range(rows + 1 - first)
        if exact_mcnemar(first, second) < 0.05
    )


@pytest.mark.parametrize(
    ("rows", "first_only", "second_only"),
    [
        pytest.param(20, 0.3, 0.1, id="better"),
        pytest.param(20, 0.1, 0.3, id="worse"),
        pytest.param(15, 0.2, 0.2, id="equal"),
        pytest.param(8, 0.9, 0.1, id="all-discordant"),
        pytest.param(12, 0.4, 0.0, id="one-side"),
    ],
)
def test_power_is_the_sum_over_all_tables(rows: int, first_only: float, second_only: float) -> None:
    expected = power_by_enumeration(rows, first_only, second_only)
    assert mcnemar_power(rows, first_only, second_only) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("rows", "shares", "power"),
    [
        pytest.param(6, (1.0, 0.0), 1.0, id="6-of-6-is-claimed"),  # p = 2 / 64
        pytest.param(5, (1.0, 0.0), 0.0, id="5-of-5-is-not"),  # p = 2 / 32
        pytest.param(6, (0.5, 0.5), 2 / 64, id="6-coins"),
        pytest.param(100, (0.0, 0.0), 0.0, id="never-differ"),
    ],
)
def test_power_by_hand(rows: int, shares: tuple[float, float], power: float) -> None:
    assert mcnemar_power(rows, *shares) == pytest.approx(power, abs=1e-12)


def test_stricter_significance_has_less_power() -> None:
    assert mcnemar_power(6, 1.0, 0.0, significance=0.03) == 0.0  # 2 / 64 = 0.031


@pytest.mark.parametrize(
    ("rows", "discordant", "points"),
    [
        pytest.param(100, 0, None, id="none-discordant"),
        pytest.param(100, 5, None, id="5"),
        pytest.param(100, 6, 6.0, id="6-to-0"),
        pytest.param(100, 9, 7.0, id="8-to-1"),  # p = 2 * (1 + 9) / 512 = 0.039
        pytest.param(1000, 9, 0.7, id="more-rows"),
    ],
)
def test_smallest_claimable(rows: int, discordant: int, points: float | None) -> None:
    assert smallest_claimable(rows, discordant, 0.05) == pytest.approx(points)


@pytest.mark.parametrize("discordant", [6, 7, 33, 100, 1501])
def test_smallest_claimable_is_claimed_and_less_is_not(discordant: int) -> None:
    points = smallest_claimable(2000, discordant, 0.05)
    assert points is not None
    more = round((discordant + points / 100 * 2000) / 2)
    assert exact_mcnemar(more, discordant - more) < 0.05
    assert exact_mcnemar(more - 1, discordant - more + 1) >= 0.05


@pytest.mark.parametrize("share", [0.01, 0.13, 0.5, 1.0])
def test_detectable_points_have_the_power(share: float) -> None:
    points = detectable_points(12_500, share)
    assert points is not None
    first_only, second_only = (share + points / 100) / 2, (share - points / 100) / 2
    assert mcnemar_power(12_500, first_only, second_only) == pytest.approx(0.8, abs=1e-3)


def test_detectable_points_shrink_with_rows_and_grow_with_power() -> None:
    points = [detectable_points(rows, 0.13) or np.inf for rows in (100, 1000, 12_500)]
    assert points == sorted(points, reverse=True)
    assert (detectable_points(1000, 0.13, power=0.9) or 0.0) > points[1]


@pytest.mark.parametrize(
    ("rows", "share"),
    [pytest.param(1000, 0.0, id="never-differ"), pytest.param(10, 0.3, id="too-few-rows")],
)
def test_nothing_is_detectable(rows: int, share: float) -> None:
    assert detectable_points(rows, share) is None
