from pathlib import Path

import pandas as pd
import pytest

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.labels import check_known, class_indices, labels_of

TRAIN = Source(Path("train.csv"), b"")
DEV = Source(Path("dev.csv"), b"")


def rows(*labels: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {"label": pd.Series(labels, dtype=object), "line": range(2, len(labels) + 2)}
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param(["10", "9", "-1", "9"], ("-1", "9", "10"), id="numbers-by-value"),
        pytest.param(["10", "9", "b"], ("10", "9", "b"), id="texts-by-text"),
        pytest.param(["1", "01"], ("01", "1"), id="equal-numbers-by-text"),
        pytest.param(["²", "1"], ("1", "²"), id="superscript-is-text"),
        pytest.param(["否", "是"], ("否", "是"), id="chinese"),
    ],
)
def test_labels_are_sorted(labels: list[str], expected: tuple[str, ...]) -> None:
    assert labels_of(rows(*labels), TRAIN) == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param(["1", "1"], "one label only, '1'; a classifier needs at least two", id="one"),
        pytest.param(["1", ""], "train.csv line 3: the label is empty", id="empty"),
        pytest.param(["1", "0", "1 "], "line 4: the label '1 ' has spaces", id="space"),
        pytest.param(["a", "b\nc"], r"line 3: the label 'b\\nc' has", id="line-break"),
    ],
)
def test_unfit_labels_are_refused(labels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        labels_of(rows(*labels), TRAIN)


def test_labels_become_their_position() -> None:
    indices = class_indices(rows("b", "a", "b"), ("a", "b"), DEV)
    assert indices.tolist() == [1, 0, 1]
    assert str(indices.dtype) == "Int64"


def test_rows_without_labels_have_no_index() -> None:
    indices = class_indices(rows(None, None), ("a", "b"), DEV)
    assert indices.isna().all()
    assert str(indices.dtype) == "Int64"


def test_a_label_unknown_to_train_is_refused() -> None:
    with pytest.raises(InputError, match=r"dev.csv line 3: label 'c' .* train, .* are 'a', 'b'$"):
        class_indices(rows("a", "c", "d"), ("a", "b"), DEV)


def test_a_message_does_not_list_every_label_of_many() -> None:
    labels = tuple(str(i) for i in range(21))
    with pytest.raises(InputError, match=r"are '0', '1', '2', …, '20' \(21 in all\)$"):
        class_indices(rows("x"), labels, DEV)


def test_known_labels_stay_in_their_order_and_where_train_lacks_one() -> None:
    assert labels_of(rows("b", "a"), TRAIN, known=("c", "b", "a")) == ("c", "b", "a")


def test_one_label_is_too_few_where_more_are_known() -> None:
    with pytest.raises(InputError, match="one label only, 'a'"):
        labels_of(rows("a", "a"), TRAIN, known=("a", "b"))


def test_a_label_that_is_not_known_is_refused() -> None:
    check_known(rows("a", None, "b"), ("b", "a"), DEV, "topic")
    with pytest.raises(InputError, match=r"line 3 column 'topic': label 'c', expected .* b, a$"):
        check_known(rows("a", "c"), ("b", "a"), DEV, "topic")
