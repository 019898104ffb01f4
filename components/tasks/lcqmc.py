"""LCQMC: text_a ⇥ text_b ⇥ label, no quoting, with or without a header."""

from pathlib import Path

import pandas as pd

from components.errors import InputError
from components.tasks.files import decode, split_lines

LABELS = ("0", "1")
FIELDS = ("text_a", "text_b", "label")


def parse_lcqmc(content: bytes, path: Path) -> pd.DataFrame:
    """Reads rows of text_a, text_b, label and line (from 1).

    The first line is a header if its third field is not a label. The original code drops the first
    line of every file, header or not: of 20,000 rows without one it trains 19,999.

    Raises:
        InputError: A line has other than three fields or a label other than 0 and 1.
    """
    lines = split_lines(decode(content, path))
    first = 1 if lines and _is_header(lines[0].split("\t")) else 0
    rows = []
    for number, line in enumerate(lines[first:], start=first + 1):
        fields = line.split("\t")
        if len(fields) != len(FIELDS):
            raise InputError(
                f"{path} line {number}: {len(fields)} tab-separated columns, expected "
                f"{len(FIELDS)} ({', '.join(FIELDS)})"
            )
        if fields[2] not in LABELS:
            raise InputError(f"{path} line {number} column 3: label {fields[2]!r}, expected 0 or 1")
        rows.append((*fields, number))
    if not rows:
        raise InputError(f"{path} has a header and no rows")
    return pd.DataFrame(rows, columns=[*FIELDS, "line"])


def _is_header(fields: list[str]) -> bool:
    """A header names its third column; a row with a wrong label, like 2, is no header."""
    return len(fields) == len(FIELDS) and fields[2].strip().isidentifier()
