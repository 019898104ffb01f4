import numpy as np

from components.tokenization.token_ids import TokenIds, joined, offsets_of, ranges

LISTS = [[1, 2, 3], [], [4], [5, 6]]
IDS = TokenIds.of(LISTS)


def test_ids_lie_behind_one_another() -> None:
    assert IDS.values.tolist() == [1, 2, 3, 4, 5, 6]
    assert (IDS.values.dtype, IDS.offsets.dtype) == (np.int32, np.int64)
    assert IDS.offsets.tolist() == [0, 3, 3, 4, 6]
    assert (len(IDS), IDS.lengths.tolist()) == (4, [3, 0, 1, 2])
    assert IDS.lists() == LISTS


def test_no_texts() -> None:
    assert TokenIds.of([]).lists() == []
    assert TokenIds.of([]).chosen(np.array([], np.int64)).lists() == []


def test_texts_are_cut() -> None:
    assert IDS.cut(np.array([1, 0, 1, 2])).lists() == [[1], [], [4], [5, 6]]
    assert IDS.cut(IDS.lengths) is IDS


def test_texts_are_chosen_in_any_order_and_again() -> None:
    assert IDS.chosen(np.array([3, 0, 1, 3])).lists() == [[5, 6], [1, 2, 3], [], [5, 6]]


def test_an_id_is_replaced_by_several_or_none() -> None:
    parts = TokenIds.of([[7, 8], [], [9]])
    assert IDS.replaced(np.array([0, 3, 5]), parts).lists() == [[7, 8, 2, 3], [], [], [5, 9]]


def test_ids_are_joined() -> None:
    assert joined(IDS, TokenIds.of([[], [7]])).lists() == [*LISTS, [], [7]]


def test_ranges_and_offsets() -> None:
    assert ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert offsets_of(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]
