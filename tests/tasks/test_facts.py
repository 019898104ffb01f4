import hashlib

import pandas as pd
import pytest

from components.tasks.facts import (
    contradictions,
    digest_of,
    duplicates,
    leaked_rows,
    split_facts,
    text_pairs,
    unordered,
)


def split(*rows: tuple[str, str | None, int | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["text_a", "text_b", "label"], dtype=object)
    return frame.assign(label=frame["label"].astype("Int64"), leaked=False)


ROWS = split(
    ("ab", "c", 0),
    ("ab", "c", 0),  # repeats the first
    ("ab", "c", 1),  # contradicts the two before
    ("c", "ab", 1),  # other way round: neither
    ("x\x01", "yyyy", 1),  # a control character
)


def test_facts_of_a_split() -> None:
    facts = split_facts(ROWS, ("no", "yes"), {"label is -": 2}, rows_in_source=9, sha256="f")
    assert (facts.rows, facts.rows_in_source, facts.sha256) == (5, 9, "f")
    assert facts.dropped == {"label is -": 2}
    assert facts.label_counts == {"no": 2, "yes": 3}
    assert (facts.duplicates, facts.contradictions) == (1, 3)
    assert (facts.leaked, facts.control_characters) == (0, 1)
    assert (facts.characters.mean, facts.characters.p50, facts.characters.max) == (3.6, 3, 6)


def test_a_row_leaks_in_either_order() -> None:
    dev = split(("ab", "c", 0), ("c", "ab", 1), ("c", "a", 1))
    leaked = leaked_rows(dev, {("ab", "c")})
    assert leaked == [True, True, False]
    assert split_facts(dev.assign(leaked=leaked), ("no", "yes"), {}, 3, "f").leaked == 2


def test_single_sentences_leak_too() -> None:
    train = split(("a", None, 0), ("b", None, 1))
    dev = split(("b", None, 0), ("c", None, 0))
    assert leaked_rows(dev, set(unordered(text_pairs(train)))) == [True, False]


def test_rows_without_labels_have_no_counts() -> None:
    facts = split_facts(split(("a", "b", None), ("a", "b", None)), ("n", "y"), {}, 2, "f")
    assert (facts.label_counts, facts.duplicates, facts.contradictions) == ({}, 1, 0)


def test_a_label_without_rows_counts_0() -> None:
    facts = split_facts(split(("a", "b", 1)), ("n", "y"), {}, 1, "f")
    assert facts.label_counts == {"n": 0, "y": 1}


def test_the_same_texts_thrice_with_two_labels() -> None:
    pairs = [("a", "b")] * 3
    assert duplicates(pairs, [0, 1, 0]) == 1
    assert contradictions(pairs, [0, 1, 0]) == 3


def test_texts_are_compared_one_by_one() -> None:
    assert duplicates([("a\nb", "c"), ("a", "b\nc")], [0, 0]) == 0


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        pytest.param("\x00", 1, id="nul"),
        pytest.param("\x0b", 1, id="vertical-tab"),
        pytest.param("\x7f", 1, id="delete"),
        pytest.param("\x85", 1, id="next-line"),
        pytest.param("\ufffd", 1, id="replacement-character"),
        pytest.param("\t", 0, id="tab"),
        pytest.param("\r\n", 0, id="line-break"),
        pytest.param("\u2028", 0, id="line-separator"),
        pytest.param("好", 0, id="letter"),
    ],
)
@pytest.mark.parametrize("column", ["text_a", "text_b"])
def test_control_characters(text: str, counted: int, column: str) -> None:
    rows = split(("a", "b", 0)).assign(**{column: f"a{text}"})
    assert split_facts(rows, ("n", "y"), {}, 1, "f").control_characters == counted


def test_digest_is_the_hash_of_sorted_lines() -> None:
    expected = hashlib.sha256(b"dev\0aa\ntrain\0bb\n").hexdigest()
    assert digest_of({"train": "bb", "dev": "aa"}) == expected
