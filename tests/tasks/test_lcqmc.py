from pathlib import Path

import pandas as pd
import pytest

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.lcqmc import parse_lcqmc


def parse(text: str, labelled: bool = True) -> pd.DataFrame:
    return pd.concat(parse_lcqmc(Source(Path("x.txt"), text.encode()), labelled))


def test_a_file_without_header_keeps_its_first_line() -> None:
    rows = parse("怎么做饭\t如何做饭\t1\n几点开门\t几点关门\t0\n")
    assert rows.to_numpy().tolist() == [
        ["怎么做饭", "如何做饭", "1", 1],
        ["几点开门", "几点关门", "0", 2],
    ]


def test_20000_rows_without_header_stay_20000() -> None:
    rows = parse("".join(f"问{i}\t答{i}\t{i % 2}\n" for i in range(20000)))
    assert int(len(rows) / 16 * 3) == 3750


@pytest.mark.parametrize("header", ["text_a\ttext_b\tlabel", "a\tb\tLABEL ", "句一\t句二\t标签"])
def test_a_header_is_no_row(header: str) -> None:
    assert parse(f"{header}\na\tb\t1\n").to_numpy().tolist() == [["a", "b", "1", 2]]


def test_a_header_stands_on_line_1_only() -> None:
    with pytest.raises(InputError, match=r"line 2 column 3: label 'label', expected 0 or 1$"):
        parse("a\tb\t1\na\tb\tlabel\n")


def test_a_wrong_label_on_line_1_is_no_header() -> None:
    with pytest.raises(InputError, match=r"line 1 column 3: label 'O'.*would call .* 'label'"):
        parse("a\tb\tO\na\tb\t1\n")


def test_quotes_are_text() -> None:
    rows = parse('"a\tb"\t1\n""\t"\t0\n')
    assert rows[["text_a", "text_b"]].to_numpy().tolist() == [['"a', 'b"'], ['""', '"']]


def test_windows_line_ends_and_a_byte_order_mark_are_no_text() -> None:
    rows = parse("\ufeffa\tb\t1\r\nc\td\t0\r\n")
    assert rows["text_a"].tolist() == ["a", "c"]
    assert rows["label"].tolist() == ["1", "0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a\tb\t1\na\tb\n", r"line 2: 2 tab-.* expected 3 \(text_a", id="two-columns"),
        pytest.param("a\tb\t1\tc\n", "line 1: 4 tab-separated columns", id="four-columns"),
        pytest.param("a b 1\n", "line 1: 1 tab-separated columns", id="spaces"),
        pytest.param("a\tb\t1\na\tb\t2\n", "line 2 column 3: label '2', expected 0 or 1", id="two"),
        pytest.param("a\tb\t1\na\tb\t1 \n", "line 2 column 3: label '1 '", id="label-with-space"),
        pytest.param("a\tb\tlabel\n", "x.txt has a header and no rows", id="header-only"),
    ],
)
def test_malformed_lines_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


@pytest.mark.parametrize("header", ["", "text_a\ttext_b\n"], ids=["rows-only", "header"])
def test_two_columns_are_enough_where_labels_are_not_needed(header: str) -> None:
    rows = parse(f"{header}a\tb\nc\td\n", labelled=False)
    assert rows[["text_a", "text_b", "label"]].to_numpy().tolist() == [
        ["a", "b", None],
        ["c", "d", None],
    ]


def test_a_file_without_labels_has_two_columns_throughout() -> None:
    with pytest.raises(InputError, match=r"line 2: 3 tab-.* expected 2 \(text_a, text_b\)"):
        parse("a\tb\nc\td\t1\n", labelled=False)
