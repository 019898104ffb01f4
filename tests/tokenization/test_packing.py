import pytest

from components.tokenization.packing import PACKINGS, kept_lengths, truncate


def test_kept_lengths_is_the_closed_form_of_popping() -> None:
    def popping(a: int, b: int, room: int) -> tuple[int, int]:
        while a + b > room:
            if a > b:
                a -= 1
            else:
                b -= 1
        return a, b

    for a in range(12):
        for b in range(12):
            for room in range(1, 24):
                assert kept_lengths(a, b, room) == popping(a, b, room)


@pytest.mark.parametrize(
    ("ids_a", "ids_b", "max_seq_length", "expected"),
    [
        pytest.param([7, 8, 9], None, 4, ([7, 8], None), id="text"),
        pytest.param([7, 8, 9], [5], 6, ([7, 8], [5]), id="longer-text"),
        pytest.param([7, 8], [5, 6], 6, ([7, 8], [5]), id="tie"),
        pytest.param([7, 8], [5, 6], 7, ([7, 8], [5, 6]), id="fits"),
    ],
)
def test_a_row_is_cut_to_max_seq_length(
    ids_a: list[int], ids_b: list[int] | None, max_seq_length: int, expected: object
) -> None:
    assert truncate(ids_a, ids_b, max_seq_length) == expected


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
    assert PACKINGS[packing].join([7, 8], ids_b, 1, 2) == (input_ids, token_type_ids)
