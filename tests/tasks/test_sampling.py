import numpy as np
import pytest

from components.errors import InputError
from components.tasks.sampling import rows_of_each_label, stratified_sample


@pytest.mark.parametrize(
    ("counts", "size", "expected"),
    [
        pytest.param([60, 40], 10, [6, 4], id="exact"),
        pytest.param([50, 30, 20], 7, [4, 2, 1], id="largest-remainder"),  # 3.5, 2.1, 1.4
        pytest.param([5, 5], 3, [2, 1], id="tie-to-the-first"),  # 1.5, 1.5
        pytest.param([98, 1, 1], 10, [8, 1, 1], id="rare-labels-keep-a-row"),  # 9.8, 0.1, 0.1
        pytest.param([97, 1, 1, 1], 4, [1, 1, 1, 1], id="one-each"),
        pytest.param([3, 2], 5, [3, 2], id="all"),
        pytest.param([2**53, 1], 2**53, [2**53 - 1, 1], id="beyond-floats"),
    ],
)
def test_rows_are_shared_out_by_largest_remainder(
    counts: list[int], size: int, expected: list[int]
) -> None:
    assert rows_of_each_label(counts, size) == expected


LABELS = np.array([0] * 60 + [1] * 40)


def test_a_sample_keeps_shares_and_file_order() -> None:
    chosen = stratified_sample(LABELS, 10, seed=1)
    assert np.bincount(LABELS[chosen]).tolist() == [6, 4]
    assert (np.diff(chosen) > 0).all()


def test_a_sample_is_the_same_for_the_same_seed_alone() -> None:
    # Fixed numbers: PCG64's raw stream must give them under every version of NumPy.
    chosen = [17, 27, 51, 68, 84]
    assert stratified_sample(LABELS, 5, seed=42).tolist() == chosen
    assert stratified_sample(LABELS, 5, seed=43).tolist() != chosen


def test_a_sample_of_all_rows_is_all_rows() -> None:
    assert stratified_sample(LABELS, 100, seed=7).tolist() == list(range(100))


def test_a_larger_sample_holds_the_smaller() -> None:
    small, large = (set(stratified_sample(LABELS, n, seed=3).tolist()) for n in (10, 50))
    assert small < large


def test_a_label_without_rows_needs_none() -> None:
    labels = np.array([0, 3, 3, 3])
    assert stratified_sample(labels, 2, seed=1)[0] == 0
    assert len(stratified_sample(labels, 3, seed=1)) == 3


def test_every_row_is_as_likely() -> None:
    counts = np.zeros(100)
    for seed in range(1000):
        counts[stratified_sample(LABELS, 50, seed)] += 1
    assert 430 < counts.min() < counts.max() < 570  # 500 expected, standard deviation 16


@pytest.mark.parametrize(
    ("size", "message"),
    [
        pytest.param(101, "train_samples is 101, but train has only 100 rows", id="too-many"),
        pytest.param(1, "train_samples is 1, but train has 2 labels", id="fewer-than-labels"),
    ],
)
def test_a_size_that_cannot_be_had_is_refused(size: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        stratified_sample(LABELS, size, seed=42)
