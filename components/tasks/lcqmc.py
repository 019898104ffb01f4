"""LCQMC: text_a ⇥ text_b ⇥ label, no quoting, with or without a header."""

from collections.abc import Iterable, Iterator
from itertools import chain

import pandas as pd

from components.errors import InputError
from components.tasks.files import Source, numbered_lines
from components.tasks.kinds import NO_OR_YES
from components.tasks.table import Row, in_pieces

COLUMNS = ("text_a", "text_b", "label")
HEADER_NAMES = frozenset({"label", "labels", "gold_label", "is_duplicate", "score", "标签"})
HEADER_NAMES_WITHOUT_LABEL = frozenset({"text_b", "sentence2", "question2", "query2", "title"})


def parse_lcqmc(source: Source, labelled: bool) -> Iterator[pd.DataFrame]:
    """Yields rows of text_a, text_b, label and line (from 1), in tables of some rows each.

    Line 1 is a header if its last field is a known name of that column, in any case. The original
    code drops line 1 of every file, header or not: of 20,000 rows without one it trains 19,999.
    A file that need not be `labelled` may have two columns: its labels are None.

    Raises:
        InputError: The bytes are not UTF-8 text, a line has another number of columns, a label is
            neither 0 nor 1, or there are no rows.
    """
    lines = numbered_lines(source)
    number, first = next(lines)
    width = 2 if not labelled and first.count("\t") == 1 else len(COLUMNS)
    names = HEADER_NAMES if width == len(COLUMNS) else HEADER_NAMES_WITHOUT_LABEL
    if first.rsplit("\t", 1)[-1].strip().lower() not in names:
        lines = chain([(number, first)], lines)
    rows = _rows(lines, width, source)
    for found, columns in in_pieces(rows, len(COLUMNS), source):
        read = dict(zip(COLUMNS, columns, strict=True))
        yield pd.DataFrame(read, dtype=object).assign(line=found)


def _rows(lines: Iterable[tuple[int, str]], width: int, source: Source) -> Iterator[Row]:
    """Yields what stands in the columns of each line, the label None where it has two."""
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) != width:
            raise InputError(
                f"{source.at(number)}: {len(fields)} tab-separated columns, expected {width} "
                f"({', '.join(COLUMNS[:width])})"
            )
        if width < len(COLUMNS):
            yield number, [*fields, None]
        elif fields[-1] in NO_OR_YES:
            yield number, fields
        else:
            hint = "; a header would call this column 'label'" if number == 1 else ""
            raise InputError(
                f"{source.at(number)} column 3: label {fields[-1]!r}, expected 0 or 1{hint}"
            )
