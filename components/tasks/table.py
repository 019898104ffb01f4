"""Plain tables: CSV, TSV, JSON lines and Parquet, their columns chosen by name."""

import csv
import difflib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.tasks.config import TaskConfig
from components.tasks.files import decode, split_lines
from components.tasks.kinds import TABLE_SUFFIXES

Row = tuple[int, Sequence[Any]]
"""A line number from 1 and the values of the chosen columns."""


def parse_table(content: bytes, path: Path, config: TaskConfig, labelled: bool) -> pd.DataFrame:
    """Reads rows of text_a, text_b (None without a second column), label and line (from 1).

    In a file whose rows need not be `labelled` the label column may be missing: labels are None.
    Numbers are read as the text that is written there; 1.0 in a column of floats becomes "1".

    Raises:
        InputError: The kind of file is not known, it cannot be parsed, a column is missing, or a
            value is neither text nor a number.
    """
    if path.suffix not in READERS:
        raise InputError(f"{path}: tables end in {', '.join(TABLE_SUFFIXES)}, not {path.suffix!r}")
    columns = [config.text_a_column, config.text_b_column, config.label_column]
    given = [column for column in columns if column]

    def choose(present: Sequence[str]) -> list[str]:
        wanted = given if labelled or config.label_column in present else given[:-1]
        for column in wanted:
            _check_column(column, present, path)
        return wanted

    rows, chosen = READERS[path.suffix](content, path, choose)
    table = [
        (*(_text(value, path, line, c) for c, value in zip(chosen, values, strict=True)), line)
        for line, values in rows
    ]
    if not table:
        raise InputError(f"{path} has no rows")
    frame = pd.DataFrame(table, columns=[*chosen, "line"], dtype=object)
    names = {config.text_a_column: "text_a", config.text_b_column: "text_b",
             config.label_column: "label"}  # fmt: skip
    frame = frame.rename(columns=names)
    for missing in {"text_b", "label"} - set(frame.columns):
        frame[missing] = None
    return frame


def _check_column(column: str, present: Sequence[str], path: Path) -> None:
    if present.count(column) == 1:
        return
    if column in present:
        raise InputError(f"{path} has several columns called {column!r}; rename all but one")
    close = difflib.get_close_matches(column, present, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InputError(
        f"{path} has no column {column!r}; it has {', '.join(map(repr, present))}{hint}"
    )


def _text(value: Any, path: Path, line: int, column: str) -> str:
    """Returns a cell as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float) and value == value:  # NaN differs from itself
        return str(value)
    raise InputError(
        f"{path} line {line}: column {column!r} holds {json.dumps(value, default=str)}, expected "
        "text or a number"
    )


Choose = Callable[[Sequence[str]], list[str]]
Read = tuple[Iterator[Row], list[str]]


def _delimited(content: bytes, path: Path, choose: Choose, dialect: dict[str, Any]) -> Read:
    reader = csv.reader(io.StringIO(decode(content, path), newline=""), strict=True, **dialect)
    try:
        header = next(reader)
    except (csv.Error, StopIteration) as error:
        raise InputError(f"{path} line 1: {error or 'no header'}") from None
    chosen = choose(header)
    positions = [header.index(column) for column in chosen]

    def rows() -> Iterator[Row]:
        started = reader.line_num + 1
        try:
            for fields in reader:
                if fields:  # a blank line is no row
                    if len(fields) != len(header):
                        raise InputError(
                            f"{path} line {started}: {len(fields)} columns, the header has "
                            f"{len(header)}"
                        )
                    yield started, [fields[position] for position in positions]
                started = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path} line {started}: {error}") from None

    return rows(), chosen


def _read_csv(content: bytes, path: Path, choose: Choose) -> Read:
    return _delimited(content, path, choose, {"delimiter": ","})  # quoted as in RFC 4180


def _read_tsv(content: bytes, path: Path, choose: Choose) -> Read:
    # text/tab-separated-values has no quoting: a lone quote is text.
    return _delimited(content, path, choose, {"delimiter": "\t", "quoting": csv.QUOTE_NONE})


def _read_json_lines(content: bytes, path: Path, choose: Choose) -> Read:
    lines = split_lines(decode(content, path))

    def parse(number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{path} line {number} column {error.colno}: not JSON: {error.msg}; expected one "
                "object a line"
            ) from None
        if not isinstance(row, dict):
            raise InputError(f"{path} line {number}: expected an object, got {line[:40]!r}")
        return row

    numbered = [(n, parse(n, line)) for n, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise InputError(f"{path} has no rows")
    chosen = choose(list(numbered[0][1]))

    def rows() -> Iterator[Row]:
        for number, row in numbered:
            if absent := [column for column in chosen if column not in row]:
                raise InputError(
                    f"{path} line {number}: the object has no {absent[0]!r}; it has "
                    f"{', '.join(map(repr, row))}"
                )
            yield number, [row[column] for column in chosen]

    return rows(), chosen


def _read_parquet(content: bytes, path: Path, choose: Choose) -> Read:
    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not Parquet: {str(error).splitlines()[0]}") from None
    chosen = choose(table.column_names)
    columns = [table[column].to_pylist() for column in chosen]
    return enumerate(zip(*columns, strict=True), start=1), chosen


READERS: dict[str, Callable[[bytes, Path, Choose], Read]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".json": _read_json_lines,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}
