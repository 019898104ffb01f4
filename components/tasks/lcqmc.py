"""LCQMC: text_a ⇥ text_b ⇥ label, no quoting, with or without a header."""

import pandas as pd

from components.errors import InputError
from components.tasks.files import Source, split_lines
from components.tasks.kinds import NO_OR_YES

COLUMNS = ("text_a", "text_b", "label")
HEADER_NAMES = frozenset({"label", "labels", "gold_label", "is_duplicate", "score", "标签"})
HEADER_NAMES_WITHOUT_LABEL = frozenset({"text_b", "sentence2", "question2", "query2", "title"})


def parse_lcqmc(source: Source, labelled: bool) -> pd.DataFrame:
    """Reads rows of text_a, text_b, label and line (from 1).

    Line 1 is a header if its last field is a known name of that column, in any case. The original
    code drops line 1 of every file, header or not: of 20,000 rows without one it trains 19,999.
    A file that need not be `labelled` may have two columns: its labels are None.

    Raises:
        InputError: The bytes are not UTF-8 text, a line has another number of columns, a label is
            neither 0 nor 1, or there are no rows.
    """
    lines = split_lines(source)
    width = 2 if not labelled and lines[0].count("\t") == 1 else len(COLUMNS)
    names = HEADER_NAMES if width == len(COLUMNS) else HEADER_NAMES_WITHOUT_LABEL
    first = 1 if lines[0].rsplit("\t", 1)[-1].strip().lower() in names else 0
    rows = [line.split("\t") for line in lines[first:]]
    if not rows:
        raise InputError(f"{source.name} has a header and no rows")
    for number, fields in enumerate(rows, start=first + 1):
        if len(fields) != width:
            raise InputError(
                f"{source.at(number)}: {len(fields)} tab-separated columns, expected {width} "
                f"({', '.join(COLUMNS[:width])})"
            )
        if width == len(COLUMNS) and fields[-1] not in NO_OR_YES:
            hint = "; a header would call this column 'label'" if number == 1 else ""
            raise InputError(
                f"{source.at(number)} column 3: label {fields[-1]!r}, expected 0 or 1{hint}"
            )
    columns = [list(column) for column in zip(*rows, strict=True)]
    if width < len(COLUMNS):
        columns.append([None] * len(rows))
    frame = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), dtype=object)
    return frame.assign(line=range(first + 1, len(lines) + 1))
