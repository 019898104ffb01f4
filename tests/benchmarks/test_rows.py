import numpy as np
import pytest

from benchmarks.speed.rows import (
    CLS,
    MEAN_TOKENS,
    PAD,
    SEP,
    VOCAB_SIZE,
    draw,
    labels_of,
    lengths,
    most_typical,
    padded,
    vocabulary,
)


@pytest.mark.parametrize("count", [320, 640, 10_000])
def test_few_rows_have_the_lengths_of_lcqmc(count: int) -> None:
    drawn = lengths(count, seed=1)
    assert drawn.mean() == pytest.approx(MEAN_TOKENS, abs=0.15)
    percentiles = np.percentile(drawn, [50, 95, 99])
    np.testing.assert_allclose(percentiles, [27, 40, 48], atol=1.5)


def test_as_many_rows_as_lcqmc_has_give_its_longest() -> None:
    drawn = lengths(238_766, seed=1)
    assert drawn.mean() == pytest.approx(MEAN_TOKENS, abs=0.01)
    assert np.percentile(drawn, [50, 95, 99]).tolist() == [27, 40, 48]
    assert (drawn.min(), drawn.max()) == (9, 75)


def test_lengths_depend_on_the_seed_in_their_order_alone() -> None:
    first, again, other = (lengths(200, seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert sorted(first) == sorted(other)


def test_the_most_typical_order_is_chosen() -> None:
    rows = np.array([4, 4, 2, 2, 1, 3])
    alike, long_first = np.array([[2, 3], [4, 5], [0, 1]]), np.array([[0, 1], [2, 3], [4, 5]])
    # All steps: 16 / 3 tokens on average, the median 4, 18 / 16 of them computed. The second step
    # has 4, 4 and 6 / 4 in the first order, 4, 4 and 4 / 4 in the second.
    assert most_typical(rows, [alike, long_first], slice(1, 2)) == 1
    # The first step has 4, 4 and 1 in the first order, 8, 8 and 1 in the second.
    assert most_typical(rows, [alike, long_first], slice(0, 1)) == 0


def test_a_row_is_a_packed_pair() -> None:
    row = draw(1, seed=3, length=9)[0]
    assert len(row) == 9
    assert [row.input_ids[place] for place in (0, 4, 8)] == [CLS, SEP, SEP]
    assert row.token_type_ids.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    others = np.delete(row.input_ids, [0, 4, 8])
    assert ((others > SEP) & (others < VOCAB_SIZE)).all()


def test_drawn_rows_repeat_and_have_both_labels() -> None:
    first, again = draw(50, seed=3), draw(50, seed=3)
    assert [row.input_ids.tolist() for row in first] == [row.input_ids.tolist() for row in again]
    assert set(labels_of(first)) == {0, 1}


def test_rows_are_padded_on_the_right() -> None:
    rows = draw(2, seed=3, length=5)
    columns = padded(rows, 8)
    assert columns["input_ids"][0].tolist() == [*rows[0].input_ids, PAD, PAD, PAD]
    assert columns["token_type_ids"][1].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert columns["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 0, 0, 0]] * 2


def test_the_vocabulary_has_no_entry_twice() -> None:
    assert len(set(vocabulary())) == len(vocabulary()) == VOCAB_SIZE
