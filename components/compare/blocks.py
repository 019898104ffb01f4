"""What a report consists of, before it is Markdown or HTML: sections of blocks, blocks of lines.

Strings in here are plain text; what writes them escapes them, so no text can become markup.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that stand out."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Something a machine made or reads: a digest, a file name, a key."""

    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A text of the data set, in any language and direction."""

    text: str


Span = str | Strong | Code | Quote
Line = Span | tuple[Span, ...]


def spans(line: Line) -> tuple[Span, ...]:
    """Returns the parts of a line."""
    return line if isinstance(line, tuple) else (line,)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    line: Line


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first cell of a row names it.

    Attributes:
        name: What it shows, for those who cannot see it.
        header: Name of each column.
        rows: Cells of each row, as many as columns.
        text_columns: Leading columns of words; the others hold numbers and align right.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    text_columns: int = 1

    def __post_init__(self) -> None:
        if odd := [row for row in self.rows if len(row) != len(self.header)]:
            raise ValueError(f"{len(self.header)} columns, but a row has {len(odd[0])}: {odd[0]}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture.

    Attributes:
        name: Name of its file.
        alt: What it shows, in words.
    """

    name: str
    alt: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a section that a page may keep folded."""

    title: Line
    blocks: "tuple[Block, ...]"


Block = Paragraph | Bullets | Table | Figure | Part


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report.

    Attributes:
        title: Its heading: ours, never a text of the user's.
        blocks: What stands in it.
        folded: Whether a page keeps it folded, because it is looked up rather than read.
    """

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False

    @property
    def anchor(self) -> str:
        """Its name within a page."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report.

    Attributes:
        task: Name of the task, in capitals.
        table: The experiment's table, which the report opens with.
        table_note: What must be known to read it.
        outcome: The result in plain words.
        how: How it was measured, a paragraph each.
        advice: What to try after a failure.
        warnings: What makes the comparison less fair than it looks.
        sections: All that the result rests on.
    """

    task: str
    table: Table
    table_note: str
    outcome: str
    how: tuple[Line, ...]
    advice: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
