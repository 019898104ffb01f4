"""Task files that cannot be used, and odd ones that can."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from components.artifacts.tokens import read_tokens
from components.flags import command_line
from components.tokenize.__main__ import main

HEADER = "text_a,label\n"
GOOD = HEADER + "".join(f"words of number {n},{n % 2}\n" for n in range(40))


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def zipped(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("train.csv", content)
    return sink.getvalue()


def rows(*lines: str) -> bytes:
    return (HEADER + "".join(f"{line}\n" for line in lines)).encode()


TEXTS = ["a b c"] * 6

BAD = [
    # encodings
    ("utf-16", ".csv", GOOD.encode("utf-16"), ["line 1: NUL at byte 3", "save it as UTF-8"]),
    ("utf-32", ".csv", GOOD.encode("utf-32"), ["NUL at byte", "save it as UTF-8"]),
    ("utf-16-be", ".tsv", GOOD.encode("utf-16-be"), ["NUL at byte 0", "save it as UTF-8"]),
    ("latin-1", ".csv", rows("ok,1") + "café,0\n".encode("latin-1"),
     ["line 3: not UTF-8, byte 21 is 0xe9"]),
    ("gb18030", ".csv", rows("ok,1") + "你好,0\n".encode("gb18030"), ["line 3: not UTF-8"]),
    ("surrogate", ".csv", rows("ok,1") + b"\xed\xa0\x80,0\n", ["line 3: not UTF-8"]),
    ("overlong", ".csv", rows("ok,1") + b"\xc0\xaf,0\n", ["line 3: not UTF-8"]),
    ("cut-character", ".csv", rows("ok,1", "so,0") + "好".encode()[:2], ["not UTF-8"]),
    ("nul", ".csv", rows("ok,1", "a\0b,0"), ["line 3: NUL at byte"]),
    ("nul-json", ".jsonl", b'{"text_a": "a\0b", "label": 1}\n', ["line 1: NUL at byte"]),
    # other formats under the name of a table
    ("gzip", ".csv", gzip.compress(GOOD.encode(), mtime=0), ["save it as UTF-8"]),
    ("gzip-tsv", ".tsv", gzip.compress(GOOD.encode(), mtime=0), ["save it as UTF-8"]),
    ("zip", ".csv", zipped(GOOD.encode()), ["save it as UTF-8"]),
    ("zip-parquet", ".parquet", zipped(GOOD.encode()), ["is not Parquet, or is cut"]),
    ("parquet-as-csv", ".csv", parquet(text_a=["a"], label=["1"]), ["save it as UTF-8"]),
    ("csv-as-parquet", ".parquet", GOOD.encode(), ["is not Parquet, or is cut"]),
    ("json-as-csv", ".csv", b'{"text_a": "a", "label": "1"}\n{"text_a": "b", "label": "0"}\n',
     ["has no column 'text_a'"]),
    ("csv-as-json", ".jsonl", GOOD.encode(), ["line 1: not a JSON object"]),
    ("tsv-as-csv", ".csv", GOOD.replace(",", "\t").encode(), ["has no column 'text_a'"]),
    ("csv-as-tsv", ".tsv", GOOD.encode(), ["has no column 'text_a'"]),
    ("html", ".csv", b"<!DOCTYPE html><html><body>404</body></html>\n",
     ["has no column 'text_a'"]),
    ("lfs-pointer", ".csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
     ["has no column 'text_a'"]),
    ("binary", ".csv", bytes(range(256)), ["NUL at byte 0"]),
    # empty ones
    ("empty", ".csv", b"", ["is empty"]),
    ("only-bom", ".csv", b"\xef\xbb\xbf", ["is empty"]),
    ("only-line-ends", ".csv", b"\n\r\n\n", ["is empty"]),
    ("only-line-ends-tsv", ".tsv", b"\n\r\n\n", ["is empty"]),
    ("only-header", ".csv", HEADER.encode(), ["has a header and no rows"]),
    ("only-header-tsv", ".tsv", b"text_a\tlabel\n", ["has a header and no rows"]),
    ("no-parquet-rows", ".parquet", parquet(text_a=pa.array([], pa.string()),
                                            label=pa.array([], pa.string())),
     ["has a header and no rows"]),
    ("no-json-rows", ".jsonl", b"\n\n", ["is empty"]),
    ("no-json-columns", ".jsonl", b"{}\n", ["has no column 'text_a'"]),
    # rows
    ("ragged-short", ".csv", rows("ok,1", "so"), ["line 3: 1 columns, the header has 2"]),
    ("ragged-long", ".csv", rows("ok,1", "so,0,more"), ["line 3: 3 columns, the header has 2"]),
    ("ragged-tsv", ".tsv", b"text_a\tlabel\nok\t1\nso\t0\tmore\n",
     ["line 3: 3 columns, the header has 2"]),
    ("unquoted-comma", ".csv", rows("ok,1", "well, then,0"), ["line 3: 3 columns"]),
    ("open-quote", ".csv", rows("ok,1", '"so,0', "on,1"), ["line 3: not CSV"]),
    ("quote-inside", ".csv", rows("ok,1", '"so" it goes,0'), ["line 3: not CSV"]),
    ("empty-line", ".csv", rows("ok,1", "", "so,0"), ["line 3: the line is empty"]),
    ("empty-line-tsv", ".tsv", b"text_a\tlabel\nok\t1\n\nso\t0\n", ["line 3: the line is empty"]),
    ("huge-field", ".csv", rows("ok,1", f"{'x' * 200_000},0"), ["line 3: not CSV: field larger"]),
    # columns
    ("no-text", ".csv", b"text,label\na,1\nb,0\n",
     ["has no column 'text_a'; it has 'text', 'label'"]),
    ("no-label", ".csv", b"text_a,class\na,1\nb,0\n", ["has no column 'label'"]),
    ("near-miss", ".csv", b"Text_a,label\na,1\nb,0\n", ["did you mean 'Text_a'?"]),
    ("twice", ".csv", b"text_a,text_a,label\na,b,1\nb,c,0\n",
     ["several columns called 'text_a'; rename"]),
    ("label-twice", ".tsv", b"text_a\tlabel\tlabel\na\t1\t0\n", ["several columns called 'label'"]),
    ("spaces-in-header", ".csv", b"text_a, label\na,1\nb,0\n", ["did you mean ' label'?"]),
    ("missing-in-one", ".jsonl", b'{"text_a": "a", "label": 1}\n{"text_a": "b"}\n',
     ["line 2: the object has no 'label'"]),
    ("no-header", ".csv", b"so it goes,1\nand so on,0\n", ["has no column 'text_a'"]),
    # values
    ("empty-text", ".csv", rows("ok,1", ",0"), ["line 3: text_a is empty (1 such rows)"]),
    ("blank-text", ".csv", rows("ok,1", "   ,0", "\t,1"), ["text_a is empty (2 such rows)"]),
    ("ideographic-space", ".csv", rows("ok,1", "\u3000\u3000,0"), ["line 3: text_a is empty"]),
    ("empty-label", ".csv", rows("ok,1", "so,"), ["line 3: the label is empty"]),
    ("blank-label", ".csv", rows("ok,1", "so, 0"), ["line 3: the label ' 0' has spaces"]),
    ("control-in-label", ".csv", rows("ok,1", "so,\x1b[31m0"), ["line 3: the label", "control"]),
    ("bidi-in-label", ".csv", rows("ok,1", "so,\u202e0"), ["line 3: the label", "control"]),
    ("one-class", ".csv", rows("ok,1", "so,1", "on,1"), ["has one label only, '1'"]),
    ("one-row", ".csv", rows("ok,1"), ["has one label only, '1'"]),
    ("too-many-labels", ".csv", rows(*(f"word {n},name-{n}" for n in range(1001))),
     ["has 1,001 labels, at most 1,000 are allowed"]),
    ("ids-as-labels", ".csv", rows(*(f"word {n},{n}" for n in range(10_000))),
     ["has 10,000 labels", "if they are ids or numbers, name another column with label_column"]),
    ("null-text", ".jsonl", b'{"text_a": null, "label": 1}\n', ["column 'text_a' holds nothing"]),
    ("number-text", ".jsonl", b'{"text_a": 5, "label": 1}\n', ["column 'text_a' holds int 5"]),
    ("list-text", ".jsonl", b'{"text_a": ["a"], "label": 1}\n', ["column 'text_a' holds list"]),
    ("null-label", ".jsonl", b'{"text_a": "a", "label": null}\n', ["column 'label' holds nothing"]),
    ("bool-label", ".jsonl", b'{"text_a": "a", "label": true}\n', ["holds bool True"]),
    ("half-label", ".jsonl", b'{"text_a": "a", "label": 0.5}\n', ["holds float 0.5"]),
    ("nan-label", ".jsonl", b'{"text_a": "a", "label": NaN}\n', ["line 1: not a JSON object"]),
    ("object-label", ".jsonl", b'{"text_a": "a", "label": {"x": 1}}\n', ["holds dict"]),
    # JSON
    ("json-list", ".json", b'[{"text_a": "a", "label": 1}]\n', ["line 1: not a JSON object"]),
    ("json-pretty", ".json", json.dumps({"text_a": "a", "label": 1}, indent=1).encode(),
     ["line 1: not a JSON object"]),
    ("json-cut", ".jsonl", b'{"text_a": "a", "label": 1}\n{"text_a": "b", "la',
     ["line 2: not a JSON object"]),
    ("json-deep", ".jsonl", b'{"text_a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
     ["line 1: not a JSON object"]),
    ("json-number", ".jsonl", b"7\n", ["line 1: not a JSON object"]),
    # Parquet
    ("parquet-cut", ".parquet", parquet(text_a=TEXTS, label=list("010101"))[:-9],
     ["is not Parquet, or is cut"]),
    ("parquet-magic-only", ".parquet", b"PAR1PAR1", ["is not Parquet, or is cut"]),
    ("parquet-numbers", ".parquet", parquet(text_a=[1, 2], label=["0", "1"]),
     ["row 1: column 'text_a' holds int 1"]),
    ("parquet-bytes", ".parquet", parquet(text_a=[b"a", b"b"], label=["0", "1"]),
     ["row 1: column 'text_a' holds bytes"]),
    ("parquet-dates", ".parquet",
     parquet(text_a=["a", "b"], label=pa.array([0, 1], pa.date32())),
     ["column 'label' holds date"]),
    ("parquet-lists", ".parquet", parquet(text_a=[["a"], ["b"]], label=["0", "1"]),
     ["row 1: column 'text_a' holds list"]),
    ("parquet-null", ".parquet", parquet(text_a=["a", None], label=["0", "1"]),
     ["row 2: column 'text_a' holds nothing (null)"]),
    ("parquet-float", ".parquet", parquet(text_a=["a", "b"], label=[0.5, 1.0]), ["float 0.5"]),
    ("parquet-structs", ".parquet", parquet(text_a=[{"x": "a"}], label=["0"]), ["holds dict"]),
    ("parquet-bools", ".parquet", parquet(text_a=["a", "b"], label=[True, False]), ["bool True"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "content", "said"), [pytest.param(*case[1:], id=case[0]) for case in BAD]
)
def test_a_bad_train_file_is_refused(
    refused: Callable[..., str], tmp_path: Path, suffix: str, content: bytes, said: list[str]
) -> None:
    path = tmp_path / f"train{suffix}"
    path.write_bytes(content)
    (tmp_path / "dev.csv").write_text(GOOD, encoding="utf-8")
    message = refused(
        "tokenize", "--task", "table", "--train-data", path, "--dev-data", tmp_path / "dev.csv",
        "--vocab-size", 100, "--tokens", tmp_path / "out" / "tokens",
    )  # fmt: skip
    assert str(path) in message
    for part in said:
        assert part in message


def test_labels_of_dev_must_occur_in_train(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "dev.csv").write_bytes(rows("ok,1", "so,7"))
    message = refused(
        "tokenize", "--task", "table", "--data", tmp_path, "--tokens", tmp_path / "out" / "tokens"
    )
    assert "dev.csv line 3: label '7' does not occur in train, whose labels are" in message


ODD = [
    ("bom", ".csv", b"\xef\xbb\xbf" + GOOD.encode(), 2),
    ("crlf", ".csv", GOOD.replace("\n", "\r\n").encode(), 2),
    ("crlf-tsv", ".tsv", GOOD.replace(",", "\t").replace("\n", "\r\n").encode(), 2),
    ("no-last-line-end", ".csv", GOOD.rstrip("\n").encode(), 2),
    ("line-ends-at-end", ".csv", GOOD.encode() + b"\n\n", 2),
    ("quoted", ".csv", rows(*(f'"words, of ""{n}""\nand more",{n % 2}' for n in range(20))), 2),
    ("lone-quote-tsv", ".tsv", b'text_a\tlabel\nten "\t1\n" five\t0\n' * 1, 2),
    ("emoji", ".csv", rows(*(f"👩‍👩‍👧 smile {n} 🙂,{n % 2}" for n in range(20))), 2),
    ("bidi", ".csv", rows(*(f"\u202ereversed\u202c {n},{n % 2}" for n in range(20))), 2),
    ("control", ".csv", rows(*(f"bell \x07 {n},{n % 2}" for n in range(20))), 2),
    ("combining", ".csv", rows(*(f"z{'́' * 50} {n},{n % 2}" for n in range(20))), 2),
    ("long-texts", ".csv", rows(*(f"{'word ' * 5000}{n},{n % 2}" for n in range(20))), 2),
    ("many-labels", ".csv", rows(*(f"word {n},name-{n}" for n in range(1000))), 1000),
    ("markup", ".csv", rows(*(f"<script>{n}</script> | `x` |,{n % 2}" for n in range(20))), 2),
    ("formulas", ".csv", rows(*(f"=1+{n},{n % 2}" for n in range(20))), 2),
    ("more-columns", ".csv", b"id,text_a,x,label\n" + b"".join(b"%d,w %d,,%d\n" % (n, n, n % 2)
                                                              for n in range(20)), 2),
    ("whole-floats", ".parquet", parquet(text_a=TEXTS, label=[0.0, 1.0] * 3), 2),
    ("dictionary", ".parquet", parquet(text_a=pa.array(TEXTS).dictionary_encode(),
                                       label=pa.array(list("010101")).dictionary_encode()), 2),
    ("large-strings", ".parquet", parquet(text_a=pa.array(TEXTS, pa.large_string()),
                                          label=[0, 1] * 3), 2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "content", "labels"), [pytest.param(*case[1:], id=case[0]) for case in ODD]
)
def test_an_odd_train_file_is_read(
    tmp_path: Path, suffix: str, content: bytes, labels: int
) -> None:
    train = tmp_path / f"train{suffix}"
    train.write_bytes(content)
    done = CliRunner().invoke(
        command_line(main),
        ["--task", "table", "--train-data", str(train), "--dev-data", str(train),
         "--vocab-size", "100", "--max-unknown-share", "1", "--tokens", str(tmp_path / "tokens")],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert len(read_tokens(tmp_path / "tokens").facts.data.labels) == labels
