import itertools

import numpy as np
import pytest

from components.train.batches import batch_order, step_count


@pytest.mark.parametrize(
    ("examples", "batch", "epochs", "steps"),
    [
        pytest.param(20_000, 16, 3.0, 3750, id="the-experiment"),
        pytest.param(19_999, 16, 3.0, 3749, id="the-experiment-with-its-first-row-dropped"),
        pytest.param(100, 16, 0.5, 3, id="half-an-epoch"),
        pytest.param(5, 16, 3.0, 0, id="too-few"),
    ],
)
def test_steps_are_counted_as_the_original_counts_them(
    examples: int, batch: int, epochs: float, steps: int
) -> None:
    assert step_count(examples, batch, epochs) == steps


LENGTHS = np.random.default_rng(0).integers(5, 60, size=1000)


def test_every_epoch_is_a_full_permutation() -> None:
    batches = itertools.islice(batch_order(LENGTHS, 10, seed=1), 300)
    rows = np.concatenate(list(batches)).reshape(3, 1000)
    for epoch in rows:
        assert sorted(epoch) == list(range(1000))
    assert not (rows[0] == rows[1]).all()


def test_rows_left_over_start_the_next_epoch() -> None:
    lengths = np.full(10, 5)
    rows = np.concatenate(list(itertools.islice(batch_order(lengths, 4, seed=1), 5)))
    assert np.bincount(rows).tolist() == [2] * 10  # 5 batches of 4 are two passes over 10 rows


def test_a_batch_larger_than_the_data_repeats_rows() -> None:
    rows = next(batch_order(np.full(3, 5), 6, seed=1))
    assert np.bincount(rows).tolist() == [2, 2, 2]


def test_the_order_comes_from_the_seed() -> None:
    def first(seed: int) -> list[int]:
        return [int(row) for row in next(batch_order(LENGTHS, 16, seed))]

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_batches_hold_rows_of_like_length_in_random_order() -> None:
    batches = list(itertools.islice(batch_order(LENGTHS, 16, seed=1), 62))
    widths = np.array([LENGTHS[b].max() for b in batches])
    computed = sum(LENGTHS[b].max() * 16 for b in batches)
    real = sum(LENGTHS[b].sum() for b in batches)
    assert computed / real < 1.05
    assert (np.diff(widths) < 0).sum() > 15, "batches must not come sorted by length"


def test_a_label_sorted_file_gives_mixed_batches() -> None:
    """The original shuffles within 100 rows: a file sorted by label then trains one class first."""
    labels = np.arange(1000) >= 500
    shares = [labels[b].mean() for b in itertools.islice(batch_order(LENGTHS, 50, seed=1), 20)]
    assert min(shares) > 0.2
    assert max(shares) < 0.8
