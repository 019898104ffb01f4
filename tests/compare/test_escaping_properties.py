"""What holds for whatever texts a report is given: they stay text, all of it, and nothing else."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from components.compare.blocks import Block, Bullets, Code, Figure, Paragraph, Quote, Strong, Table
from components.compare.drawing import drawable
from components.compare.markdown import escape, write_block
from components.compare.page import render_page
from components.compare.report import plain_summary, render_markdown
from components.compare.text import visible

# As in the properties of readers: other tests may have left threads that draw from `random`.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

PIECES = (
    "|", "\\", "`", "``", "```", "*", "**", "_", "~~", "$", "$$", "!", "[", "]", "](http://e.test)",
    "<", ">", "<script>", "</td>", "</title>", "<!--", "-->", "<img src=x onerror=x>", "&", "&lt;",
    "&#60;", "\"", "'", "@", "a@b.cd", "mailto:a@b.cd", "@you", "www.e.test", "https://e.test",
    "ftp://e.test", ":smile:", "# ", "- ", "+ ", "1. ", "2) ", "===", "---", "> ", "[x]: /y",
    "[^1]", "\n", "\r\n", "\n\n", "\t", "\0", "\x1b[31m", "\x85", "\u2028", "\u202e", "\u2066",
    "\ufeff", "\u200b", "\u200d", "\u00a0", "\ud800", "  ", "    ", " ", "a", "b1", "_x_", "é",
    "字", "👩", "ש", "{{ 1 }}", "{% x %}",
)  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.characters(categories=["L", "N", "P", "S", "Z", "C"])),
    max_size=7,
).map("".join)
SHOWN = TEXTS.filter(lambda text: bool(visible(text).strip()))

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
INLINE = {"text", "code_inline", "strong_open", "strong_close"}


def parsed(block: Block) -> list[Token]:
    return PARSER.parse(write_block(block, {"picture.png": "picture.png"}))


def content_of(inline: Token) -> str:
    """What a reader sees; fails where a text became anything but text."""
    children = inline.children or []
    assert {child.type for child in children} <= INLINE
    # GitHub makes addresses of what remains of escapes, but not within code.
    assert not any("@" in child.content for child in children if child.type == "text")
    return "".join(child.content for child in children)


def contents(tokens: Sequence[Token]) -> list[str]:
    return [content_of(token) for token in tokens if token.type == "inline"]


def seen(text: str) -> str:
    """Spaces at the ends of a cell or paragraph are not shown."""
    return visible(text).strip(" ")


@given(text=TEXTS)
@settings(max_examples=300)
def test_escapes_hold_no_markup_and_nothing_invisible(text: str) -> None:
    escaped = escape(text)
    assert not any(mark in escaped for mark in ("<", ">", "://", "www.", "\n", "\r"))
    for character in visible(text) + escaped:
        assert character == " " or unicodedata.category(character)[0] not in "CZ"


@given(rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=4))
@settings(max_examples=150)
def test_every_text_fills_its_own_cell_of_a_table(rows: list[tuple[str, str, str, str]]) -> None:
    cells = tuple((a, Strong(b), Code(c), Quote(d)) for a, b, c, d in rows)
    tokens = parsed(Table(name="", header=rows[0], rows=cells))
    assert {token.type for token in tokens if token.level == 0} == {"table_open", "table_close"}
    assert [token.type for token in tokens].count("tr_open") == 1 + len(rows)
    assert contents(tokens) == [seen(text) for row in (rows[0], *rows) for text in row]


@given(text=SHOWN, other=SHOWN)
def test_a_paragraph_stays_one_and_a_list_keeps_its_items(text: str, other: str) -> None:
    paragraph = parsed(Paragraph(text))
    assert [token.type for token in paragraph] == ["paragraph_open", "inline", "paragraph_close"]
    assert contents(paragraph) == [seen(text)]
    bullets = parsed(Bullets((text, other)))
    item = ["list_item_open", "paragraph_open", "inline", "paragraph_close", "list_item_close"]
    assert [token.type for token in bullets] == [
        "bullet_list_open", *item, *item, "bullet_list_close",
    ]  # fmt: skip
    assert contents(bullets) == [seen(text), seen(other)]


@given(text=SHOWN)
def test_the_words_for_a_picture_change_no_address(text: str) -> None:
    _, inline, _ = parsed(Figure("picture.png", text))
    image = (inline.children or [])[0]
    assert len(inline.children or []) == 1
    assert image.attrs["src"] == "picture.png"
    assert "".join(child.content for child in image.children or ()) == visible(text)


@given(text=TEXTS)
def test_a_name_can_be_drawn(text: str) -> None:
    name = drawable(text)
    assert name.removesuffix("…").isascii()
    assert name.isprintable()
    assert not name.startswith("_")
    assert len(name) <= 28


class Outline(HTMLParser):
    """The elements of a page with their attributes, and all that stands between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[object] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = [(name, value if name not in ("alt", "aria-label") else "") for name, value in attrs]
        self.elements.append((tag, told))

    def handle_endtag(self, tag: str) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.elements.append(data)

    def unknown_decl(self, data: str) -> None:
        self.elements.append(data)

    def handle_pi(self, data: str) -> None:
        self.elements.append(data)


def facts_with(built: ModuleType, text: str, other: str) -> Any:
    """A comparison in which every text that is not ours is one of these two."""
    return built.comparison(
        (
            built.Entry(name=f"{text} A", family="albert", accuracies=(0.8,)),
            built.Entry(name=f"{other} B", family="bert", accuracies=(0.9,)),
        ),
        labels=(f"{text}0", f"{other}1"),
        texts=((text, other), (other, text)),
        task_name=text,
        warnings=(text, other),
        advice=(other,),
        outcome=text,
    )


def structure(report: str) -> list[tuple[str, str]]:
    tokens = PARSER.parse(report)
    contents(tokens)
    return [(token.type, token.tag) for token in tokens]


@cache
def structure_of_plain(built: ModuleType) -> tuple[list[tuple[str, str]], int]:
    facts = facts_with(built, "one", "two")
    return structure(render_markdown(facts, {})), plain_summary(facts).count("\n")


@cache
def elements_of_plain(built: ModuleType) -> list[object]:
    return Outline(render_page(facts_with(built, "one", "two"), {})).elements


@given(text=SHOWN, other=SHOWN)
@settings(max_examples=20)
def test_texts_change_nothing_of_a_report_but_themselves(
    built: ModuleType, text: str, other: str
) -> None:
    assume(text != other)
    facts = facts_with(built, text, other)
    summary = plain_summary(facts)
    found = structure(render_markdown(facts, {})), summary.count("\n")
    assert found == structure_of_plain(built)
    assert summary.replace("\n", "").isprintable()


@given(text=SHOWN, other=SHOWN)
@settings(max_examples=20)
def test_texts_change_nothing_of_a_page_but_themselves(
    built: ModuleType, text: str, other: str
) -> None:
    assume(text != other)
    page = Outline(render_page(facts_with(built, text, other), {}))
    assert page.elements == elements_of_plain(built)
    for shown in (text, other, f"{text} A", f"{other}1"):
        assert visible(shown) in page.text
    assert page.text.replace("\n", "").isprintable()
