from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.table import parse_table

COLUMNS = {"text_a": "q", "text_b": "r", "label": "y"}
SINGLE = {"text_a": "q", "label": "y"}


def parse(
    suffix: str, content: str | bytes, columns: dict[str, str] = SINGLE, labelled: bool = True
) -> pd.DataFrame:
    data = content.encode() if isinstance(content, str) else content
    return pd.concat(parse_table(Source(Path(f"x{suffix}"), data), columns, labelled))


def parquet(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        pytest.param(".csv", "y,r,q,other\n1,b,a,x\n0,d,c,x\n", id="csv"),
        pytest.param(".tsv", "y\tr\tq\n1\tb\ta\n0\td\tc\n", id="tsv"),
        pytest.param(
            ".jsonl", '{"q":"a","r":"b","y":1}\n{"y":"0","q":"c","r":"d"}\n', id="json-lines"
        ),
        pytest.param(".json", '{"q":"a","r":"b","y":1.0}\n{"y":0,"q":"c","r":"d"}', id="json"),
        pytest.param(".parquet", parquet(q=["a", "c"], r=["b", "d"], y=[1, 0]), id="parquet"),
        pytest.param(
            ".parquet",
            parquet(q=pa.array(["a", "c"]).dictionary_encode(), r=["b", "d"], y=[1.0, 0.0]),
            id="parquet-categories-and-floats",
        ),
    ],
)
def test_columns_are_chosen_by_name(suffix: str, content: str | bytes) -> None:
    rows = parse(suffix, content, COLUMNS)
    expected = [["a", "b", "1"], ["c", "d", "0"]]
    assert rows[["text_a", "text_b", "label"]].to_numpy().tolist() == expected


def test_one_text_a_row_has_no_second() -> None:
    rows = parse(".csv", "q,y\na,1\n")
    assert rows.to_numpy().tolist() == [["a", None, "1", 2]]


def test_a_list_of_words_is_joined_where_asked_for() -> None:
    content = b'{"q":["a","b c"],"y":1}\n{"q":[],"y":0}'
    (rows,) = parse_table(Source(Path("x.json"), content), SINGLE, labelled=True, joined="q")
    assert rows["text_a"].tolist() == ["a b c", ""]


@pytest.mark.parametrize(
    ("value", "shown"), [('"a b"', "str a b"), ('["a",1]', r"list \['a', 1\]")], ids=["text", "1"]
)
def test_another_value_than_a_list_of_words_is_refused(value: str, shown: str) -> None:
    source = Source(Path("x.json"), b'{"q":%s,"y":1}' % value.encode())
    with pytest.raises(InputError, match=f"column 'q' holds {shown}, expected a list of texts"):
        next(parse_table(source, SINGLE, labelled=True, joined="q"))


def test_the_language_of_each_row_is_read() -> None:
    rows = parse(".tsv", "l\tq\ty\nzh\ta\t1\nen\tb\t0\n", SINGLE | {"language": "l"})
    assert rows["language"].tolist() == ["zh", "en"]


def test_csv_quotes_as_in_rfc_4180() -> None:
    rows = parse(".csv", 'q,y\r\n"a,""b""\r\nc",yes\r\n"d",no\r\n')
    assert rows[["text_a", "label", "line"]].to_numpy().tolist() == [
        ['a,"b"\r\nc', "yes", 2],
        ["d", "no", 4],
    ]


def test_tsv_has_no_quoting_and_no_other_line_ends() -> None:
    rows = parse(".tsv", 'q\ty\n"a\t1\nb\rc\u2028"\t0\n')
    assert rows["text_a"].tolist() == ['"a', 'b\rc\u2028"']


def test_labels_of_text_files_stay_as_written() -> None:
    assert parse(".csv", "q,y\na,1.0\nb,01\n")["label"].tolist() == ["1.0", "01"]


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        pytest.param(".csv", "q\na\n", id="csv"),
        pytest.param(".tsv", "q\tother\na\tx\n", id="tsv"),
        pytest.param(".jsonl", '{"q":"a"}', id="json"),
        pytest.param(".parquet", parquet(q=["a"]), id="parquet"),
    ],
)
def test_labels_may_be_missing_where_they_are_not_needed(suffix: str, content: str | bytes) -> None:
    assert parse(suffix, content, labelled=False)["label"].tolist() == [None]
    with pytest.raises(InputError, match="has no column 'y'; it has 'q'"):
        parse(suffix, content)


JSON = "not a JSON object: .*; expected one object a line"


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        pytest.param(".csv", "Q,y\na,1\n", "no column 'q'; it has 'Q', 'y'; did you", id="typo"),
        pytest.param(".csv", "q,q,y\na,b,1\n", "several columns called 'q'", id="column-twice"),
        pytest.param(".csv", "q,y\n", "x.csv has a header and no rows", id="csv-header-only"),
        pytest.param(".csv", "\n\n", "x.csv is empty", id="csv-blank"),
        pytest.param(".csv", "q,y\na,1\n\nb,0\n", "line 3: the line is empty", id="csv-gap"),
        pytest.param(".csv", "q,y\na,b,1\n", r"line 2: 3 columns, .* 2 \('q', 'y'\)", id="wide"),
        pytest.param(".csv", 'q,y\n"a\nb",1\nc\n', "line 4: 1 columns", id="csv-after-multiline"),
        pytest.param(".csv", 'q,y\na,1\n"b,0\nc,1\n', "line 3: not CSV: unexpected", id="unclosed"),
        pytest.param(".csv", 'q,y\n"a"b,1\n', "line 2: not CSV: ',' expected", id="after-quote"),
        pytest.param(".csv", "q,y\na\rb,1\n", "line 2: not CSV: new-line", id="csv-lone-return"),
        pytest.param(".csv", f"q,y\n{'a' * 131073},1\n", "line 2: .*field limit", id="csv-huge"),
        pytest.param(".tsv", "q\ty\n", "x.tsv has a header and no rows", id="tsv-header-only"),
        pytest.param(".tsv", "q\ty\na\n", "line 2: 1 columns, the header has 2", id="tsv-narrow"),
        pytest.param(".json", '{"q":"a","y":1}\n[1]\n', f"line 2: {JSON}", id="json-array"),
        pytest.param(".json", "{\n", f"line 1: {JSON}", id="json-open"),
        pytest.param(".json", '{"q":' * 100_000, f"line 1: {JSON}", id="json-deep"),
        pytest.param(".json", '{"q":"a","y":NaN}', f"line 1: {JSON}", id="json-nan"),
        pytest.param(".json", '{"q":"\\ud800","y":1}', f"line 1: {JSON}", id="json-surrogate"),
        pytest.param(".json", '{"q":"a","y":%s}' % ("1" * 5000), "out of range", id="json-big"),
        pytest.param(
            ".json",
            '{"q":"a","y":1}\n{"q":"a","Y":1}',
            "line 2: the object has no 'y'; it has 'q', 'Y'; did you mean 'Y'",
            id="json-key-missing",
        ),
        pytest.param(".json", '{"q":"a","y":null}', "line 1: column 'y' holds nothing", id="null"),
        pytest.param(".json", '{"q":"a","y":true}', "holds bool True, expected text or", id="bool"),
        pytest.param(".json", '{"q":"a","y":1.5}', "holds float 1.5, expected text or", id="1.5"),
        pytest.param(".json", '{"q":"a","y":["b"]}', "'y' holds list", id="list"),
        pytest.param(".json", '{"q":7,"y":1}', "'q' holds int 7, expected text$", id="number-text"),
        pytest.param(".parquet", b"PAR1 and no more", "x.parquet is not Parquet", id="no-parquet"),
        pytest.param(
            ".parquet", parquet(q=["a"], y=[1])[:-9], "is not Parquet, or is cut", id="parquet-cut"
        ),
        pytest.param(
            ".parquet",
            parquet(q=["a", None], y=[1, 0]),
            "x.parquet row 2: column 'q' holds nothing",
            id="parquet-null",
        ),
        pytest.param(
            ".parquet", parquet(q=["a"], y=[float("nan")]), "row 1: .* float nan", id="parquet-nan"
        ),
        pytest.param(".parquet", parquet(q=[b"a"], y=[1]), "holds bytes", id="parquet-bytes"),
        pytest.param(
            ".parquet",
            parquet(q=pa.array([], pa.string()), y=pa.array([], pa.int64())),
            "no rows",
            id="parquet-no-rows",
        ),
    ],
)
def test_malformed_tables_are_refused(suffix: str, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(suffix, content)


def test_a_damaged_page_of_parquet_is_refused() -> None:
    content = bytearray(parquet(q=["aaaa", "bbbb"], y=[1, 0]))
    content[4:30] = b"\xff" * 26
    with pytest.raises(InputError, match=r"x.parquet is not Parquet, or is cut"):
        parse(".parquet", bytes(content))


def test_a_label_that_only_some_objects_have_is_refused() -> None:
    with pytest.raises(InputError, match="line 1: the object has no 'y'"):
        parse(".json", '{"q":"a"}\n{"q":"b","y":1}', labelled=False)
