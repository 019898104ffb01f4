"""GitHub-flavoured Markdown without raw HTML, in which no text can become markup."""

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"[\\`*\[\]~|$]")
# An underscore within a word is no markup, so LEARNING_RATE stays as it is.
_LOOSE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


# GitHub makes links of bare addresses, and mentions of names after an at sign.
_LINKS = (("://", "&#58;//"), ("www.", "www&#46;"), ("@", "&#64;"))


class Markdown(str):
    """Text that is Markdown already and needs no escaping."""

    __slots__ = ()


def escape(text: str) -> Markdown:
    """Makes text show as itself on one line: no markup, no HTML, control characters visible."""
    if isinstance(text, Markdown):
        return text
    visible = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    escaped = _LOOSE_UNDERSCORE.sub(r"\\_", _MARKUP.sub(r"\\\g<0>", visible))
    # Entities for these three: some viewers read raw HTML before they read backslashes.
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), *_LINKS):
        escaped = escaped.replace(character, entity)
    return Markdown(escaped)


def bold(text: str) -> Markdown:
    """Writes text in bold."""
    return Markdown(f"**{escape(text)}**")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Writes a table, cells escaped; the columns after the first `text_columns` align right."""
    rule = ["---" if column < text_columns else "---:" for column in range(len(header))]
    escaped: list[list[str]] = [[escape(cell) for cell in row] for row in (header, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (escaped[0], rule, *escaped[1:]))


def bullets(texts: Sequence[str]) -> str:
    """Writes a list, one item a line."""
    return "\n".join(f"- {escape(text)}" for text in texts)
