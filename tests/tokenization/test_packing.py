import random
from itertools import chain

import numpy as np
import pytest

from components.tokenization.packing import PACKINGS, PackedRows, kept_lengths, pack
from components.tokenization.token_ids import TokenIds

CLS, SEP, UNKNOWN = 1, 2, 3


def test_kept_lengths_is_the_closed_form_of_popping() -> None:
    def popping(a: int, b: int, room: int) -> tuple[int, int]:
        while a + b > room:
            if a > b:
                a -= 1
            else:
                b -= 1
        return a, b

    length_a, length_b = (grid.ravel() for grid in np.meshgrid(np.arange(12), np.arange(12)))
    for room in range(1, 24):
        kept = zip(*kept_lengths(length_a, length_b, room), strict=True)
        assert list(kept) == [
            popping(a, b, room) for a, b in zip(length_a.tolist(), length_b.tolist(), strict=True)
        ]


def packed(packing: str, texts: list[list[int]], pairs: bool, longest: int) -> PackedRows:
    return pack(PACKINGS[packing], TokenIds.of(texts), pairs, CLS, SEP, UNKNOWN, longest)


def rows_of(rows: PackedRows) -> list[tuple[list[int], list[int]]]:
    columns = rows.columns()
    return list(
        zip(columns["input_ids"].to_pylist(), columns["token_type_ids"].to_pylist(), strict=True)
    )


@pytest.mark.parametrize(
    ("ids_a", "ids_b", "max_seq_length", "expected"),
    [
        pytest.param([7, 8, 9], None, 4, [CLS, 7, 8, SEP], id="text"),
        pytest.param([7, 8, 9], [5], 6, [CLS, 7, 8, SEP, 5, SEP], id="longer-text"),
        pytest.param([7, 8], [5, 6], 6, [CLS, 7, 8, SEP, 5, SEP], id="tie"),
        pytest.param([7, 8], [5, 6], 7, [CLS, 7, 8, SEP, 5, 6, SEP], id="fits"),
        pytest.param([], [5], 7, [CLS, SEP, 5, SEP], id="no-token"),
    ],
)
def test_a_row_is_cut_to_max_seq_length(
    ids_a: list[int], ids_b: list[int] | None, max_seq_length: int, expected: list[int]
) -> None:
    texts = [ids_a] if ids_b is None else [ids_a, ids_b]
    rows = packed("bert", texts, ids_b is not None, max_seq_length)
    assert rows.input_ids.tolist() == expected


@pytest.mark.parametrize(
    ("packing", "ids_b", "input_ids", "token_type_ids"),
    [
        pytest.param("bert", None, [1, 7, 8, 2], [0, 0, 0, 0], id="bert-text"),
        pytest.param("bert", [9], [1, 7, 8, 2, 9, 2], [0, 0, 0, 0, 1, 1], id="bert-pair"),
        pytest.param("xlnet", None, [7, 8, 2, 1], [0, 0, 0, 2], id="xlnet-text"),
        pytest.param("xlnet", [9], [7, 8, 2, 9, 2, 1], [0, 0, 0, 1, 1, 2], id="xlnet-pair"),
    ],
)
def test_rows_are_packed_in_the_style_of_the_family(
    packing: str, ids_b: list[int] | None, input_ids: list[int], token_type_ids: list[int]
) -> None:
    texts = [[7, 8]] if ids_b is None else [[7, 8], ids_b]
    rows = packed(packing, texts, ids_b is not None, 128)
    assert rows_of(rows) == [(input_ids, token_type_ids)]
    assert {name: str(column.type) for name, column in rows.columns().items()} == {
        "input_ids": "list<item: int32>", "token_type_ids": "list<item: int8>",
    }  # fmt: skip


def one_by_one(
    packing: str, ids_a: list[int], ids_b: list[int] | None = None, *, longest: int
) -> tuple[list[int], list[int]]:
    """The originals' way: pop until it fits, then append."""
    ids_a, ids_b = list(ids_a), None if ids_b is None else list(ids_b)
    while len(ids_a) + len(ids_b or ()) > longest - (2 if ids_b is None else 3):
        (ids_a if ids_b is None or len(ids_a) > len(ids_b) else ids_b).pop()
    first = [*ids_a, SEP]
    second = [] if ids_b is None else [*ids_b, SEP]
    if packing == "bert":
        return [CLS, *first, *second], [0] * (len(first) + 1) + [1] * len(second)
    return [*first, *second, CLS], [0] * len(first) + [1] * len(second) + [2]


@pytest.mark.parametrize("packing", sorted(PACKINGS))
@pytest.mark.parametrize("pair", [False, True], ids=["text", "pair"])
@pytest.mark.parametrize("longest", [4, 5, 9, 16, 128])
def test_many_rows_at_once_are_those_made_one_by_one(
    packing: str, pair: bool, longest: int
) -> None:
    rng = random.Random(longest)

    rows_of_texts = [
        [[rng.randint(3, 99) for _ in range(rng.randint(0, 12))] for _ in range(1 + pair)]
        for _ in range(500)
    ]
    rows = packed(packing, [text for row in rows_of_texts for text in row], pair, longest)
    expected = [one_by_one(packing, *row, longest=longest) for row in rows_of_texts]
    texts = [list(chain(*row)) for row in rows_of_texts]
    assert rows_of(rows) == expected
    assert rows.lengths.tolist() == [len(input_ids) for input_ids, _ in expected]
    assert rows.full_lengths.tolist() == [len(text) + (3 if pair else 2) for text in texts]
    assert rows.text_tokens == sum(map(len, texts))
    assert rows.unknown_tokens == sum(text.count(UNKNOWN) for text in texts)
