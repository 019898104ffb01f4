"""What the exact McNemar test can find: which differences it claims, and how often."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import binom

from components.compare.statistics import SIGNIFICANCE

_NEGLIGIBLE = 1e-12
"""Probability of either tail of the number of discordant rows that is left out."""


def _most_of_the_fewer(
    discordant: npt.NDArray[np.int64], significance: float
) -> npt.NDArray[np.int64]:
    """Returns how many discordant rows the worse model may win at most for a claim; -1: no claim.

    The p-value is twice the lower binomial tail, so the tail must stay below half of significance.
    """
    # ppf: the fewest rows whose tail reaches the half.
    return np.asarray(binom.ppf(significance / 2, discordant, 0.5), dtype=np.int64) - 1


def mcnemar_power(
    rows: int,
    first_only_share: float,
    second_only_share: float,
    significance: float = SIGNIFICANCE,
) -> float:
    """Returns how often the two-sided exact McNemar test claims a difference, in either direction.

    Sums over how many rows may be discordant, a binomial number, what the test does with each
    (the unconditional power of Duffy 1984, Biometrics 40:1005).

    Args:
        rows: Rows of the test set.
        first_only_share: Probability that a row is predicted right by the first model alone.
        second_only_share: The same of the second.
        significance: Largest p-value, exclusive, at which a difference is claimed.
    """
    share = first_only_share + second_only_share
    if share == 0:
        return 0.0
    fewest, most = (int(binom.ppf(tail, rows, share)) for tail in (_NEGLIGIBLE, 1 - _NEGLIGIBLE))
    discordant = np.arange(fewest, most + 1)
    limit = _most_of_the_fewer(discordant, significance)
    to_first = first_only_share / share
    claimed = binom.cdf(limit, discordant, to_first) + binom.sf(
        discordant - limit - 1, discordant, to_first
    )
    return float(binom.pmf(discordant, rows, share) @ claimed)


def smallest_claimable(rows: int, discordant: int, significance: float) -> float | None:
    """Returns the smallest difference that the exact McNemar test would have claimed.

    Args:
        rows: Rows of the test set.
        discordant: Rows that exactly one model predicts right.
        significance: Largest p-value, exclusive, at which a difference is claimed.

    Returns:
        Percentage points; None where no split of so few discordant rows is claimed.
    """
    limit = int(_most_of_the_fewer(np.array(discordant), significance))
    return 100 * (discordant - 2 * limit) / rows if limit >= 0 else None


def detectable_points(rows: int, discordant_share: float, power: float = 0.8) -> float | None:
    """Returns the smallest true difference that such a test set finds with the given power.

    Args:
        rows: Rows of the test set.
        discordant_share: Share of rows that exactly one model predicts right.
        power: How often it shall be found, above the significance of the test.

    Returns:
        Percentage points; None where even discordant rows that all fall to one model are too few.
    """

    def missing(difference: float) -> float:
        first_only, second_only = ((discordant_share + sign * difference) / 2 for sign in (1, -1))
        return mcnemar_power(rows, first_only, second_only) - power

    if missing(discordant_share) < 0:
        return None
    return 100 * float(brentq(missing, 0.0, discordant_share, xtol=1e-6))
