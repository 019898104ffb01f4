"""Plain tables: CSV, TSV, JSON lines and Parquet, their columns chosen by name."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError, did_you_mean
from components.tasks.files import Source, decode, split_lines

Row = tuple[int, Sequence[Any]]
"""A line number from 1 and the values of the chosen columns."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows are not read yet.

    Attributes:
        columns: The columns that it has.
        rows: Reads the rows of the columns chosen.
    """

    columns: Sequence[str]
    rows: Callable[[Sequence[str]], Iterator[Row]]


def parse_table(
    source: Source, columns: Mapping[str, str], labelled: bool, joined: str = ""
) -> pd.DataFrame:
    """Reads rows of text_a, text_b (None without a second column), label and line (from 1).

    `columns` gives the table's name for each of text_a, text_b, label and, where rows are of
    several languages, language: the result has that column too. In a file that need not be
    `labelled` the label column may be missing: labels are None. The lists of words that the column
    `joined` holds become texts.

    Raises:
        InputError: The file cannot be parsed, a column is missing, a value is not a text or label,
            or there are no rows.
    """
    table = READERS[source.path.suffix](source)
    chosen = {
        ours: _checked_column(theirs, table.columns, source)
        for ours, theirs in columns.items()
        if ours != "label" or labelled or theirs in table.columns
    }
    lines, values = columns_of(table, list(chosen.values()))
    if not lines:
        raise InputError(f"{source.name} has a header and no rows")
    read: dict[str, Any] = {"text_a": None, "text_b": None, "label": None}
    for (ours, theirs), column in zip(chosen.items(), values, strict=True):
        if theirs != joined and set(map(type, column)) == {str}:
            read[ours] = column
            continue
        convert = _joined if theirs == joined else _label if ours == "label" else _text
        read[ours] = [
            convert(value, source, line, theirs) for line, value in zip(lines, column, strict=True)
        ]
    frame = pd.DataFrame(read, index=range(len(lines)), dtype=object)
    return frame.assign(line=lines)


def columns_of(table: Table, chosen: Sequence[str]) -> tuple[list[int], list[list[Any]]]:
    """Returns the line of each row, and the values of each of the columns chosen."""
    lines: list[int] = []
    columns: list[list[Any]] = [[] for _ in chosen]
    for line, values in table.rows(chosen):  # rows are not kept: the collector would visit each
        lines.append(line)
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return lines, columns


def check_texts(rows: pd.DataFrame, columns: Mapping[str, str], source: Source) -> None:
    """Checks that no text is empty; `columns` gives the table's name for each of ours.

    Raises:
        InputError: One is.
    """
    for column in ("text_a", "text_b"):
        texts = rows[column].dropna()
        if all(map(str.strip, texts)):
            continue
        empty = [
            line
            for text, line in zip(texts, rows["line"][texts.index], strict=True)
            if not text.strip()
        ]
        raise InputError(
            f"{source.at(empty[0])}: {columns.get(column, column)} is empty "
            f"({len(empty)} such rows); remove these rows"
        )


def _checked_column(column: str, present: Sequence[str], source: Source) -> str:
    if present.count(column) == 1:
        return column
    if column in present:
        raise InputError(f"{source.name} has several columns called {column!r}; rename all but one")
    raise InputError(
        f"{source.name} has no column {column!r}; it has {', '.join(map(repr, present))}"
        f"{did_you_mean(column, present)}"
    )


def _text(value: Any, source: Source, line: int, column: str) -> str:
    if isinstance(value, str):
        return value
    raise _unfit(value, source, line, column, "text")


def _joined(value: Any, source: Source, line: int, column: str) -> str:
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    raise _unfit(value, source, line, column, "a list of texts")


def _label(value: Any, source: Source, line: int, column: str) -> str:
    """Returns a label as text: 1 and, as columns with gaps are written, 1.0 become "1"."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise _unfit(value, source, line, column, "text or a whole number")


def _unfit(value: Any, source: Source, line: int, column: str, expected: str) -> InputError:
    shown = "nothing (null)" if value is None else f"{type(value).__name__} {str(value)[:40]}"
    return InputError(f"{source.at(line)}: column {column!r} holds {shown}, expected {expected}")


def _rows_of_fields(
    header: Sequence[str], records: Iterator[tuple[int, list[str]]], source: Source
) -> Table:
    """Returns the table of a header and numbered records that must all be as wide."""

    def rows(chosen: Sequence[str]) -> Iterator[Row]:
        positions, width = [header.index(column) for column in chosen], len(header)
        for line, fields in records:
            if len(fields) != width:
                raise InputError(
                    f"{source.at(line)}: {len(fields)} columns, the header has {len(header)} "
                    f"({', '.join(map(repr, header))})"
                )
            yield line, [fields[position] for position in positions]

    return Table(header, rows)


def _read_tsv(source: Source) -> Table:
    # text/tab-separated-values has no quoting: a lone quote is text.
    records = ((n, line.split("\t")) for n, line in enumerate(split_lines(source), start=1))
    _, header = next(records)
    return _rows_of_fields(header, records, source)


def _read_csv(source: Source) -> Table:
    records = _csv_records(source)
    _, header = next(records)
    return _rows_of_fields(header, records, source)


def _csv_records(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Yields each record of RFC 4180 with the line that it starts on."""
    text = decode(source).rstrip("\r\n")
    if not text:
        raise InputError(f"{source.name} is empty")
    # newline="\n" keeps a lone carriage return from ending a line.
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    line = 1
    try:
        for fields in reader:
            if not fields:
                raise InputError(f"{source.at(line)}: the line is empty; delete it")
            yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        reason = str(error).split(" - ")[0]
        raise InputError(
            f"{source.at(line)}: not CSV: {reason}; put a field with a comma, quote or line break "
            'in double quotes, closed, and write a quote in it as ""'
        ) from None


def _read_json_lines(source: Source) -> Table:
    objects = [_object(source, *numbered) for numbered in enumerate(split_lines(source), start=1)]

    def rows(chosen: Sequence[str]) -> Iterator[Row]:
        for line, row in enumerate(objects, start=1):
            if absent := [column for column in chosen if column not in row]:
                raise InputError(
                    f"{source.at(line)}: the object has no {absent[0]!r}; it has "
                    f"{', '.join(map(repr, row))}{did_you_mean(absent[0], row)}"
                )
            yield line, [row[column] for column in chosen]

    return Table(list(dict.fromkeys(key for row in objects for key in row)), rows)


def _object(source: Source, line: int, text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(
            f"{source.at(line)}: not a JSON object: {error}; expected one object a line, like "
            '{"text_a": "…", "label": 1}'
        ) from None


def _read_parquet(source: Source) -> Table:
    try:
        file = pq.ParquetFile(pa.BufferReader(source.content))
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(source, error) from None

    def rows(chosen: Sequence[str]) -> Iterator[Row]:
        try:
            table = file.read(columns=list(chosen))
        except (pa.ArrowException, OSError) as error:
            raise _not_parquet(source, error) from None
        values = [table[column].to_pylist() for column in chosen]
        yield from enumerate(zip(*values, strict=True), start=1)

    return Table(file.schema_arrow.names, rows)


def _not_parquet(source: Source, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[0]
    return InputError(f"{source.name} is not Parquet, or is cut: {reason}")


READERS: dict[str, Callable[[Source], Table]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".json": _read_json_lines,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}
