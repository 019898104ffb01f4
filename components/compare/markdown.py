"""Writes a report as GitHub-flavoured Markdown without raw HTML: no text can become markup."""

import re
from collections.abc import Mapping, Sequence
from functools import singledispatch

from components.compare.blocks import (
    Block,
    Bullets,
    Code,
    Figure,
    Line,
    Paragraph,
    Part,
    Quote,
    Section,
    Strong,
    Table,
    spans,
)
from components.compare.text import visible

_MARKUP = re.compile(r"[\\`*\[\]~|$]")
# An underscore within a word is no markup, so LEARNING_RATE stays as it is.
_LOOSE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# What makes a list, a heading or a rule at the start of a line.
_BLOCK_START = re.compile(r"^(\d*)([-+#=.)])")
_SHORTCODE = re.compile(r":(?=[\w+-]+:)")  # GitHub makes a picture of :smile:
_SAFE_CODE = re.compile(r"[\w./…-]+")
# GitHub makes links of bare addresses.
_LINKS = (("://", "&#58;//"), ("www.", "www&#46;"))
# It looks for e-mail addresses and mentions when escapes are resolved, but not within code.
_AT_SIGNS = re.compile("@+")

Addresses = Mapping[str, str]
"""Where each picture is: a file beside the report, or a data URI."""


def escape(text: str) -> str:
    """Makes text show as itself on one line: no markup, no HTML, control characters visible."""
    escaped = _LOOSE_UNDERSCORE.sub(r"\\_", _MARKUP.sub(r"\\\g<0>", visible(text)))
    # Entities for these: some viewers read raw HTML before they read backslashes.
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), *_LINKS):
        escaped = escaped.replace(character, entity)
    return _AT_SIGNS.sub(r"`\g<0>`", _SHORTCODE.sub("&#58;", escaped))


def write_line(line: Line) -> str:
    """Writes the parts of a line, each escaped."""
    return "".join(_write_span(span) for span in spans(line))


def _write_span(span: str | Strong | Code | Quote) -> str:
    match span:
        case Strong(text):
            words = escape(text).strip(" ")  # stars beside a space would stay stars
            return f"**{words}**" if words else ""
        case Code(text) if _SAFE_CODE.fullmatch(text):
            return f"`{text}`"
        case Code(text) | Quote(text):
            return escape(text)
        case _:
            return escape(span)


def write_text(line: Line) -> str:
    """Writes a line that begins a paragraph or a list item, and cannot begin anything else."""
    # Spaces would make code of it, or hide what begins behind them.
    return _BLOCK_START.sub(r"\1\\\2", write_line(line).lstrip(" "))


def write_section(section: Section, pictures: Addresses) -> str:
    """Writes a section under its heading."""
    return "\n\n".join((f"## {section.title}", write_blocks(section.blocks, pictures)))


def write_blocks(blocks: Sequence[Block], pictures: Addresses) -> str:
    """Writes blocks one below the other; figures without an address are left out."""
    written = (write_block(block, pictures) for block in blocks)
    return "\n\n".join(block for block in written if block)


@singledispatch
def write_block(block: Block, pictures: Addresses) -> str:
    """Writes one block."""
    raise TypeError(f"no Markdown for {block!r}")


@write_block.register
def _(block: Paragraph, pictures: Addresses) -> str:
    return write_text(block.line)


@write_block.register
def _(block: Bullets, pictures: Addresses) -> str:
    return "\n".join(f"- {write_text(item)}" for item in block.items)


@write_block.register
def _(block: Table, pictures: Addresses) -> str:
    rule = ["---" if column < block.text_columns else "---:" for column in range(len(block.header))]
    header, *rows = ([write_line(cell) for cell in row] for row in (block.header, *block.rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


@write_block.register
def _(block: Figure, pictures: Addresses) -> str:
    return f"![{escape(block.alt)}]({pictures[block.name]})" if block.name in pictures else ""


@write_block.register
def _(block: Part, pictures: Addresses) -> str:
    return f"### {write_text(block.title)}\n\n{write_blocks(block.blocks, pictures)}"
