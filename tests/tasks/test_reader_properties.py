"""What holds for whatever texts and bytes a file holds."""

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.errors import InputError
from components.tasks import TaskConfig, TaskData, load_task
from components.tasks.facts import CONTROL
from components.tasks.sampling import stratified_sample

# Threads of Google's storage client draw from `random` meanwhile, where other tests left some:
# no strategy of ours does.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

Rows = Sequence[tuple[str, str, str]]
Writer = Callable[[Rows], bytes]

COLUMNS = ("text_a", "text_b", "label")
LABELS = st.sampled_from(["no", "yes"])


def texts(forbidden: str = "") -> st.SearchStrategy[str]:
    """Any texts that a file can hold: not empty, no NUL, no half of a surrogate pair."""
    likely = st.sampled_from(
        ['"', "'", ",", "\r", "\n", "\t", " ", "\u2028", "\x0b", "\x85", "\ufeff", "\u202e", "a",
         "好", "👩‍👩‍👧", "e\u0301", "\\", "#", "=1+1"]
    )  # fmt: skip
    character = st.one_of(likely, st.characters(exclude_categories=["Cs"]))
    return (
        st.lists(character.filter(lambda c: c != "\0" and c not in forbidden), max_size=12)
        .map("".join)
        .filter(lambda text: bool(text.strip()))
    )


def tables(forbidden: str = "") -> st.SearchStrategy[list[tuple[str, str, str]]]:
    row = st.tuples(texts(forbidden), texts(forbidden), LABELS)
    return st.lists(row, min_size=1, max_size=8)


def as_csv(rows: Rows) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    return stream.getvalue().encode()


def as_quoted_csv(rows: Rows) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def as_tsv(rows: Rows) -> bytes:
    return "".join("\t".join(row) + "\n" for row in [COLUMNS, *rows]).encode()


def as_json_lines(rows: Rows) -> bytes:
    objects = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
    return "".join(
        json.dumps(row, ensure_ascii=bool(i % 2)) + "\r\n" for i, row in enumerate(objects)
    ).encode()


def as_parquet(rows: Rows) -> bytes:
    sink = pa.BufferOutputStream()
    columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), sink, row_group_size=3)
    return bytes(sink.getvalue())


FORMATS: dict[str, tuple[str, Writer, str]] = {
    "csv": (".csv", as_csv, "\r"),  # Python's writer quotes what its own line ends hold
    "quoted-csv": (".csv", as_quoted_csv, ""),
    "tsv": (".tsv", as_tsv, "\t\n\r"),
    "json-lines": (".jsonl", as_json_lines, ""),
    "parquet": (".parquet", as_parquet, ""),
}
"""The suffix, what writes it, and the characters that it has no way to write."""

TWO_LABELS = [("x", "y", "no"), ("y", "x", "yes")]


def load(suffix: str, train: bytes, dev: bytes) -> TaskData:
    with tempfile.TemporaryDirectory() as name:
        for split, content in (("train", train), ("dev", dev)):
            (Path(name) / f"{split}{suffix}").write_bytes(content)
        return load_task(TaskConfig(task="table", data=name, text_b_column="text_b"))


def read(data: TaskData, split: str) -> list[tuple[str, str, str]]:
    rows = data.splits[split]
    labels = [data.facts.labels[index] for index in rows["label"]]
    return list(zip(rows["text_a"], rows["text_b"], labels, strict=True))


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_what_was_written_is_read(form: str, data: st.DataObject) -> None:
    suffix, write, forbidden = FORMATS[form]
    rows = data.draw(tables(forbidden))
    # A mark at the start of a file is no text.
    assume(form != "tsv" or not rows[0][0].startswith("\ufeff"))
    found = load(suffix, write(TWO_LABELS + rows), write(rows))
    assert read(found, "dev") == rows
    assert read(found, "train") == TWO_LABELS + rows
    assert found.splits["dev"]["row"].tolist() == list(range(len(rows)))


@given(rows=tables("\t\n\r"))
def test_facts_are_those_of_a_recount(rows: list[tuple[str, str, str]]) -> None:
    train = [*TWO_LABELS, *rows[: len(rows) // 2]]
    facts = load(".tsv", as_tsv(train), as_tsv(rows * 2)).facts.splits["dev"]
    rows = rows * 2
    labels_of = Counter((a, b) for a, b, _ in set(rows))
    known = {frozenset((a, b)) for a, b, _ in train}
    assert facts.rows == facts.rows_in_source == len(rows)
    assert facts.duplicates == len(rows) - len(set(rows))
    assert facts.contradictions == sum(labels_of[a, b] > 1 for a, b, _ in rows)
    assert facts.leaked == sum(frozenset((a, b)) in known for a, b, _ in rows)
    assert facts.control_characters == sum(bool(CONTROL.search(a + b)) for a, b, _ in rows)
    assert facts.characters.max == max(len(a + b) for a, b, _ in rows)


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused_in_one_line(form: str, data: st.DataObject) -> None:
    suffix, write, forbidden = FORMATS[form]
    content = bytearray(write(data.draw(tables(forbidden))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["cut", "flip", "insert", "all"])):
            case "cut":
                del content[place + 1 :]
            case "flip":
                content[place] ^= 1 << data.draw(st.integers(0, 7))
            case "insert":
                content[place:place] = data.draw(st.binary(max_size=4))
            case _:
                content = bytearray(data.draw(st.binary(min_size=1, max_size=40)))
    refused = ""
    try:
        load(suffix, write(TWO_LABELS), bytes(content))
    except InputError as error:
        refused = str(error)
    assert not refused or f"dev{suffix}" in refused


@given(rows=tables("\t\n\r"), place=st.integers(0, 7), bad=texts("\t\n\r"))
def test_a_bad_row_is_named_by_its_line(
    rows: list[tuple[str, str, str]], place: int, bad: str
) -> None:
    place = min(place, len(rows))
    lines = ["\t".join(row) for row in [COLUMNS, *rows]]
    lines.insert(1 + place, bad)
    with pytest.raises(
        InputError, match=rf"dev\.tsv line {2 + place}: 1 columns, the header has 3"
    ):
        load(".tsv", as_tsv(TWO_LABELS), "\n".join(lines).encode())


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_sample_keeps_the_shares_of_labels(labels: list[int], share: float, seed: int) -> None:
    array, present = np.array(labels), len(set(labels))
    size = present + int(share * (len(labels) - present))
    chosen = stratified_sample(array, size, seed)
    assert len(chosen) == size
    assert (np.diff(chosen) > 0).all()
    assert chosen.tolist() == stratified_sample(array, size, seed).tolist()
    counts, kept = Counter(labels), Counter(array[chosen].tolist())
    assert kept.keys() == counts.keys()
    for label, count in counts.items():
        # Rounding takes or gives one row; a label that had none takes one from the others.
        assert kept[label] >= min(1, count)
        assert abs(kept[label] - count * size / len(labels)) < present
