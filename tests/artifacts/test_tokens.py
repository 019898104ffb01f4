from pathlib import Path

import pytest

from components.artifacts.tokens import SCHEMA, TRAINED_COLUMNS, read_tokens


def test_all_is_read_where_nothing_else_is_asked_for(tokens_folder: Path) -> None:
    tokens = read_tokens(tokens_folder)
    assert list(tokens.splits) == list(tokens.facts.splits) == ["train", "dev", "test"]
    assert all(table.schema.names == SCHEMA.names for table in tokens.splits.values())


@pytest.mark.parametrize(
    ("splits", "read"),
    [(("train", "dev"), ["train", "dev"]), (("dev", "other"), ["dev"]), ((), [])],
)
def test_splits_and_columns_are_chosen(
    splits: tuple[str, ...], read: list[str], tokens_folder: Path
) -> None:
    whole = read_tokens(tokens_folder)
    part = read_tokens(tokens_folder, splits=splits, columns=TRAINED_COLUMNS)
    assert list(part.splits) == read
    for split, table in part.splits.items():
        assert table.equals(whole.splits[split].select(list(TRAINED_COLUMNS)))
    assert (part.facts, part.vocab) == (whole.facts, whole.vocab)
