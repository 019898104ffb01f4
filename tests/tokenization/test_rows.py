"""Rows of many texts at once: the same as each row by itself."""

from pathlib import Path

import pytest

from components.tokenization import TextTokenizer, read_tokenizer, tokenizer, train_tokenizer
from components.tokenization.packing import PackedRows


def lists(packed: list[PackedRows]) -> list[tuple[list[int], list[int]]]:
    columns = [part.columns() for part in packed]
    return [
        row
        for part in columns
        for row in zip(
            part["input_ids"].to_pylist(), part["token_type_ids"].to_pylist(), strict=True
        )
    ]


def alone(
    ours: TextTokenizer, text_a: str, text_b: str | None, longest: int
) -> tuple[list[int], list[int]]:
    ids_b = None if text_b is None else ours.encode([text_b])[0]
    return ours.pack(ours.encode([text_a])[0], ids_b, longest)


@pytest.mark.parametrize("family", ["wordpiece", "albert", "xlnet"])
@pytest.mark.parametrize("pair", [False, True], ids=["text", "pair"])
def test_rows_are_those_of_each_text_alone(
    family: str, pair: bool, texts: list[str], request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tokenizer, "ROWS_AT_ONCE", 64)
    if family == "wordpiece":
        ours = train_tokenizer(texts, 500, None)
    else:
        folder: Path = request.getfixturevalue(f"{family}_folder")
        ours = read_tokenizer(folder, "xlnet" if family == "xlnet" else "bert")
    texts_a, texts_b = texts[:1000], texts[1000:2000]
    packed = list(ours.rows(texts_a, texts_b if pair else None, 24))
    assert [len(part.lengths) for part in packed] == [64] * 15 + [40]
    assert lists(packed) == [
        alone(ours, a, b if pair else None, 24) for a, b in zip(texts_a, texts_b, strict=True)
    ]


def test_no_rows(texts: list[str]) -> None:
    assert list(train_tokenizer(texts, 500, None).rows([], [], 24)) == []
