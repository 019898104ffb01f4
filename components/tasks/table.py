"""Plain tables: CSV, TSV, JSON lines and Parquet, their columns chosen by name."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError, did_you_mean
from components.tasks.files import ROWS_AT_ONCE, Source, numbered_lines, text_blocks

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
) -> Iterator[pd.DataFrame]:
    """Yields rows of text_a, text_b (None without a second column), label and line (from 1).

    They come in tables of `ROWS_AT_ONCE`, the last one shorter.

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
    names = list(chosen.values())
    for lines, values in in_pieces(table.rows(names), len(names), source):
        yield _frame(lines, values, chosen, joined, source)


def _frame(
    lines: list[int],
    values: list[list[Any]],
    chosen: Mapping[str, str],
    joined: str,
    source: Source,
) -> pd.DataFrame:
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


def in_pieces(
    rows: Iterator[Row], width: int, source: Source
) -> Iterator[tuple[list[int], list[list[Any]]]]:
    """Yields `columns_of` of `ROWS_AT_ONCE` rows at a time.

    Raises:
        InputError: There are no rows.
    """
    some = columns_of(islice(rows, ROWS_AT_ONCE), width)
    if not some[0]:
        raise InputError(f"{source.name} has a header and no rows")
    while some[0]:
        yield some
        some = columns_of(islice(rows, ROWS_AT_ONCE), width)


def columns_of(rows: Iterable[Row], width: int) -> tuple[list[int], list[list[Any]]]:
    """Returns the line of each row, and the values of each column."""
    lines: list[int] = []
    columns: list[list[Any]] = [[] for _ in range(width)]
    for line, values in rows:  # rows are not kept: the collector would visit each
        lines.append(line)
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return lines, columns


def checked_texts(
    tables: Iterable[pd.DataFrame], columns: Mapping[str, str], source: Source
) -> Iterator[pd.DataFrame]:
    """Yields the tables as they are; `columns` gives the file's name for each of our columns.

    Raises:
        InputError: A text is empty; said in the end, when all of them are counted.
    """
    empty: dict[str, list[int]] = {"text_a": [], "text_b": []}
    for rows in tables:
        for column, lines in empty.items():
            texts = rows[column].dropna()
            if not all(map(str.strip, texts)):
                lines += rows["line"][[not text.strip() for text in rows[column]]].tolist()
        yield rows
    for column, lines in empty.items():
        if lines:
            raise InputError(
                f"{source.at(lines[0])}: {columns.get(column, column)} is empty "
                f"({len(lines)} such rows); remove these rows"
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
    records = ((number, line.split("\t")) for number, line in numbered_lines(source))
    _, header = next(records)
    return _rows_of_fields(header, records, source)


def _read_csv(source: Source) -> Table:
    records = _csv_records(source)
    _, header = next(records)
    return _rows_of_fields(header, records, source)


def _csv_records(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Yields each record of RFC 4180 with the line that it starts on."""
    reader = csv.reader(_csv_lines(source), strict=True)
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


def _csv_lines(source: Source) -> Iterator[str]:
    """Yields lines with what ends them, which a lone carriage return does not.

    Line ends at the end of the file are dropped.
    """
    lines = (line for _, text in text_blocks(source) for line in io.StringIO(text, newline="\n"))
    held: list[str] = []  # a line and the empty ones behind it: the file may end there
    for line in lines:
        if line.strip("\r\n"):
            yield from held
            held = []
        held.append(line)
    if not held or not (last := held[0].rstrip("\r\n")):
        raise InputError(f"{source.name} is empty")
    yield last


def objects_of(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the JSON object of each line."""
    return ((number, _object(source, number, line)) for number, line in numbered_lines(source))


def _read_json_lines(source: Source) -> Table:
    def rows(chosen: Sequence[str]) -> Iterator[Row]:
        for line, row in objects_of(source):
            if absent := [column for column in chosen if column not in row]:
                raise InputError(
                    f"{source.at(line)}: the object has no {absent[0]!r}; it has "
                    f"{', '.join(map(repr, row))}{did_you_mean(absent[0], row)}"
                )
            yield line, [row[column] for column in chosen]

    return Table(list(dict.fromkeys(key for _, row in objects_of(source) for key in row)), rows)


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
        first = 1
        try:
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=list(chosen)):
                values = [batch[column].to_pylist() for column in chosen]
                yield from enumerate(zip(*values, strict=True), start=first)
                first += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise _not_parquet(source, error) from None

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
