import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.tasks.columns import read_columns
from components.tasks.files import Source


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", 'id,text\n01,"a,b"\n2,\n', {"id": ["01", "2"], "text": ["a,b", ""]}),
        ("a.tsv", 'id\ttext\n01\t"a\n', {"id": ["01"], "text": ['"a']}),
        ("a.jsonl", '{"id": 1}\n{"text": "a", "id": [2]}\n',
         {"id": [1, [2]], "text": [None, "a"]}),
        ("a.json", '{"id": {"x": null}}\n', {"id": [{"x": None}]}),
    ],
)  # fmt: skip
def test_values_are_kept_as_they_are(
    name: str, content: str, expected: dict[str, list[object]]
) -> None:
    assert read_columns(Source(Path(name), content.encode())) == expected


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "day": pa.array([datetime.date(2020, 1, 2), None]),
            "count": pa.array([1, 2], pa.int8()),
            "kind": pa.array(["a", "a"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    columns = read_columns(Source(tmp_path / "a.parquet", (tmp_path / "a.parquet").read_bytes()))
    assert pa.table(dict(columns)) == table


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_of_one_name_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("a,b,a\n1,2,3\n")
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), path)
    with pytest.raises(InputError, match="has several columns called 'a'; rename all but one"):
        read_columns(Source(path, path.read_bytes()))
