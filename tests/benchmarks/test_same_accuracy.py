import pytest

from benchmarks.same_accuracy import AccuracyConfig, row
from components.errors import InputError


def test_the_difference_and_its_interval_by_hand() -> None:
    """Variances of 50 squared points over 2 runs each: sqrt(50 / 2 + 50 / 2) = 7.07 points.

    The t value of two degrees of freedom is 4.303, and 4.303 x 7.071 = 30.42.
    """
    cells = row("scratch:bert-tiny", [0.8, 0.9], [0.6, 0.7])
    assert cells == [
        "scratch:bert-tiny", "85.00 ± 7.07", "65.00 ± 7.07", "+20.00 (-10.42 to +50.42)",
    ]  # fmt: skip


def test_one_seed_has_no_spread() -> None:
    with pytest.raises(InputError, match=r"seeds must be at least 2 numbers, got \[1\]"):
        AccuracyConfig(seeds=(1,))
