"""The file of predictions: the columns of the input, `predicted`, a probability a label."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.tasks.columns import Columns
from components.tasks.files import Source
from components.tasks.table import READERS

PREDICTED = "predicted"

TSV_BREAKS = ("\t", "\n", "\r")
"""What no field of a TSV can hold: the format has no quotes."""


def output_path(file: Path, output: Path | None) -> Path:
    """Returns where predictions go: beside the file, `NAME.predictions.SUFFIX`, if not said."""
    return output or file.with_name(f"{file.stem}.predictions{file.suffix}")


def check_output(path: Path) -> None:
    """Refuses a file of another format, and one that would replace what is no predictions file.

    Raises:
        InputError: It is one of these.
    """
    if path.suffix not in WRITERS:
        raise InputError(
            f"output {path} ends in {path.suffix!r}, expected {', '.join(WRITERS)}: the suffix "
            "tells the format"
        )
    if path.is_dir():
        raise InputError(f"output {path} is a folder; name a file in it")
    if path.exists() and PREDICTED not in _columns_of(path):
        raise InputError(
            f"output {path} exists and holds no predictions; it would be lost: name another file"
        )


def _columns_of(path: Path) -> Sequence[str]:
    try:
        if path.suffix == ".parquet":
            return list(pq.read_schema(path).names)
        with path.open("rb") as stream:  # the first line tells the columns
            return READERS[path.suffix](Source(path, stream.readline())).columns
    except (InputError, pa.ArrowException, OSError):
        return ()


def write_output(path: Path, partial: Path, columns: Columns) -> None:
    """Writes columns into the file `partial`, in the format that the suffix of `path` tells.

    Raises:
        InputError: The format cannot hold a value.
    """
    WRITERS[path.suffix](path, partial, columns)


def _write_parquet(path: Path, partial: Path, columns: Columns) -> None:
    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = values if isinstance(values, pa.ChunkedArray) else pa.array(values)
        except (pa.ArrowException, OverflowError) as error:
            raise InputError(
                f"column {name!r} holds values that Parquet cannot keep in one column "
                f"({str(error).splitlines()[0]}); name an output that ends in .jsonl"
            ) from None
    pq.write_table(pa.table(arrays), partial)


def _write_json_lines(path: Path, partial: Path, columns: Columns) -> None:
    with partial.open("wb") as stream:
        for values in _rows(columns):
            stream.write(msgspec.json.encode(dict(zip(columns, values, strict=True))) + b"\n")


def _write_csv(path: Path, partial: Path, columns: Columns) -> None:
    with partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(map(_field, values) for values in _rows(columns))


def _write_tsv(path: Path, partial: Path, columns: Columns) -> None:
    with partial.open("w", encoding="utf-8", newline="") as stream:
        stream.write("\t".join(columns) + "\n")
        for number, values in enumerate(_rows(columns), start=1):
            fields = [_field(value) for value in values]
            if broken := [name for name, f in zip(columns, fields, strict=True) if _breaks(f)]:
                raise InputError(
                    f"row {number}: column {broken[0]!r} holds a tab or line break, which TSV "
                    "cannot; name an output that ends in .csv, .jsonl or .parquet"
                )
            stream.write("\t".join(fields) + "\n")


def _rows(columns: Columns) -> Iterator[tuple[Any, ...]]:
    plain = (v.to_pylist() if isinstance(v, pa.ChunkedArray) else v for v in columns.values())
    return zip(*plain, strict=True)


def _field(value: Any) -> str:
    """Returns a value as text: text as it is, nothing for null, all else as in JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode().strip('"')


def _breaks(field: str) -> bool:
    return any(character in field for character in TSV_BREAKS)


WRITERS: Mapping[str, Callable[[Path, Path, Columns], None]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".json": _write_json_lines,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
