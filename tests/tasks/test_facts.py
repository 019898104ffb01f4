import hashlib

import numpy as np
import pandas as pd
import pytest

from components.artifacts.facts import SplitFacts
from components.tasks.facts import Texts, contradictions, digest_of, duplicates, split_facts


def split(*rows: tuple[str, str | None, int | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["text_a", "text_b", "label"], dtype=object)
    return frame.assign(label=frame["label"].astype("Int64"), leaked=False)


def facts_of(rows: pd.DataFrame) -> SplitFacts:
    return split_facts(rows, Texts.of(rows), ("no", "yes"), {}, rows_in_source=9, sha256="f")


ROWS = split(
    ("ab", "c", 0),
    ("ab", "c", 0),  # repeats the first
    ("ab", "c", 1),  # contradicts the two before
    ("c", "ab", 1),  # other way round: neither
    ("x\x01", "yyyy", 1),  # a control character
)


def test_facts_of_a_split() -> None:
    facts = split_facts(ROWS, Texts.of(ROWS), ("no", "yes"), {"label is -": 2}, 9, "f")
    assert (facts.rows, facts.rows_in_source, facts.sha256) == (5, 9, "f")
    assert facts.dropped == {"label is -": 2}
    assert facts.label_counts == {"no": 2, "yes": 3}
    assert (facts.duplicates, facts.contradictions) == (1, 3)
    assert (facts.leaked, facts.control_characters) == (0, 1)
    assert (facts.characters.mean, facts.characters.p50, facts.characters.max) == (3.6, 3, 6)


def test_a_row_leaks_in_either_order() -> None:
    dev = split(("ab", "c", 0), ("c", "ab", 1), ("c", "a", 1))
    leaked = Texts.of(dev).among(Texts.of(split(("ab", "c", 0))))
    assert leaked.tolist() == [True, True, False]
    assert facts_of(dev.assign(leaked=leaked)).leaked == 2


def test_single_sentences_leak_too() -> None:
    train = split(("a", None, 0), ("b", None, 1))
    dev = split(("b", None, 0), ("c", None, 0))
    assert Texts.of(dev).among(Texts.of(train)).tolist() == [True, False]


def test_rows_without_labels_have_no_counts() -> None:
    facts = facts_of(split(("a", "b", None), ("a", "b", None)))
    assert (facts.label_counts, facts.duplicates, facts.contradictions) == ({}, 1, 0)


def test_a_label_without_rows_counts_0() -> None:
    assert facts_of(split(("a", "b", 1))).label_counts == {"no": 0, "yes": 1}


def test_the_same_texts_thrice_with_two_labels() -> None:
    keys, labels = np.full(3, 2**63 + 1, np.uint64), np.array([0, 1, 0])
    assert duplicates(keys, labels) == 1
    assert contradictions(keys, labels) == 3


def test_texts_are_compared_one_by_one() -> None:
    assert facts_of(split(("a\nb", "c", 0), ("a", "b\nc", 0))).duplicates == 0
    assert facts_of(split(("ab", "c", 0), ("a", "bc", 0))).duplicates == 0


def test_rows_are_counted_across_those_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = facts_of(ROWS)
    monkeypatch.setattr("components.tasks.facts.ROWS_AT_ONCE", 2)
    assert facts_of(ROWS) == whole


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
    assert facts_of(rows).control_characters == counted


def test_digest_is_the_hash_of_sorted_lines() -> None:
    expected = hashlib.sha256(b"dev\0aa\ntrain\0bb\n").hexdigest()
    assert digest_of({"train": "bb", "dev": "aa"}) == expected
