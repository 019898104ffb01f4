"""Every column of a table as it stands, for those who write it again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.table import READERS, columns_of, objects_of

Columns = Mapping[str, Sequence[Any]]
"""The values of each column; those of a Parquet file as Arrow holds them, of its types."""


def read_columns(source: Source) -> Columns:
    """Returns all columns of a table that `parse_table` accepted, in its order.

    Those of CSV and TSV hold text; where a JSON object lacks a key the column holds None.

    Raises:
        InputError: Two columns have the same name.
    """
    return _READERS.get(source.path.suffix, _of_records)(source)


def _check_distinct(names: Sequence[str], source: Source) -> None:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(
            f"{source.name} has several columns called {repeated[0]!r}; rename all but one"
        )


def _of_records(source: Source) -> Columns:
    table = READERS[source.path.suffix](source)
    _check_distinct(table.columns, source)
    _, columns = columns_of(table.rows(table.columns), len(table.columns))
    return dict(zip(table.columns, columns, strict=True))


def _of_objects(source: Source) -> Columns:
    objects = [row for _, row in objects_of(source)]
    names = dict.fromkeys(name for row in objects for name in row)
    return {name: [row.get(name) for row in objects] for name in names}


def _of_parquet(source: Source) -> Columns:
    table = pq.ParquetFile(pa.BufferReader(source.content)).read()
    _check_distinct(table.column_names, source)
    return dict(zip(table.column_names, table.columns, strict=True))


_READERS: Mapping[str, Callable[[Source], Columns]] = {
    ".json": _of_objects,
    ".jsonl": _of_objects,
    ".parquet": _of_parquet,
}
