import pytest

from components.compare.blocks import Bullets, Code, Figure, Paragraph, Part, Quote, Strong, Table
from components.compare.markdown import escape, write_block, write_line, write_text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("a|b", r"a\|b", id="pipe"),
        pytest.param("<b>&", "&lt;b&gt;&amp;", id="html"),
        pytest.param("*x* _y_", r"\*x\* \_y\_", id="emphasis"),
        pytest.param("LEARNING_RATE", "LEARNING_RATE", id="underscore-within-a-word"),
        pytest.param(
            "www.a.b https://c @d", "www&#46;a.b https&#58;//c `@`d", id="links-and-mentions"
        ),
        pytest.param("one\ntwo", r"one\\ntwo", id="newline"),
        pytest.param("a\u202eb\x00", r"a\\u202eb\\x00", id="direction-and-control"),
        pytest.param("[z](http:x) ![i](y)", r"\[z\](http:x) !\[i\](y)", id="links"),
        pytest.param(":smile: 12:30", "&#58;smile: 12:30", id="shortcode"),
        pytest.param("$a$ ~~b~~ `c`", r"\$a\$ \~\~b\~\~ \`c\`", id="math-strike-code"),
        pytest.param("天气 😀", "天气 😀", id="other-scripts-stay"),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "written"),
    [("# h", r"\# h"), ("- x", r"\- x"), ("12. x", r"12\. x"), ("+1", r"\+1"), ("a # b", "a # b")],
)
def test_a_text_begins_no_list_and_no_heading(text: str, written: str) -> None:
    assert write_text(text) == written


def test_a_line_is_written_from_its_parts() -> None:
    line = ("a ", Strong("b*"), Code("5f…"), Code("x`y"), Quote("<i>"))
    assert write_line(line) == r"a **b\***`5f…`x\`y&lt;i&gt;"


def test_tables_align_numbers_right() -> None:
    table = Table(name="n", header=("a", "b"), rows=((Strong("x|"), "1"),))
    assert write_block(table, {}) == "| a | b |\n| --- | ---: |\n| **x\\|** | 1 |"


def test_a_row_must_fill_its_table() -> None:
    with pytest.raises(ValueError, match="2 columns, but a row has 1"):
        Table(name="n", header=("a", "b"), rows=(("x",),))


def test_a_figure_without_an_address_is_left_out() -> None:
    figure = Figure("a.png", "A [b]")
    assert write_block(figure, {"a.png": "x/a.png"}) == r"![A \[b\]](x/a.png)"
    assert write_block(figure, {}) == ""


def test_a_part_stands_under_a_heading() -> None:
    part = Part("T*", (Paragraph("p"), Bullets(("q", "r"))))
    assert write_block(part, {}) == "### T\\*\n\np\n\n- q\n- r"
