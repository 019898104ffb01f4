"""Addresses that cannot be read or written."""

from collections.abc import Callable
from pathlib import Path

import pytest

READ = [
    ("unknown-scheme", "ftp://host/data.csv", "cannot read 'ftp://host/data.csv'"),
    ("azure", "abfs://container/data.csv", "cannot read 'abfs://"),
    ("javascript", "javascript://alert(1)", "cannot read"),
    ("misspelt", "gss://bucket/data.csv", "cannot read 'gss://"),
    ("no-bucket", "gs:///data.csv", "names no host or bucket"),
    ("no-bucket-s3", "s3:///data.csv", "names no host or bucket"),
    ("nothing", "gs://", "names no host or bucket"),
    ("no-host", "https:///data.csv", "names no host or bucket"),
    ("user", "https://me@host/data.csv", "holds a user name or password"),
    ("password", "https://me:secret-word@host/data.csv", "holds a user name or password"),
    ("password-s3", "s3://AKIA:secret-word@bucket/data.csv", "holds a user name or password"),
    ("password-gs", "gs://me:secret-word@bucket/data.csv", "holds a user name or password"),
    ("fragment", "https://host/data.csv#top", "#top is not understood"),
    ("short-digest", "https://host/data.csv#sha256=12ab", "64 hexadecimal digits"),
    ("odd-digest", f"https://host/data.csv#sha256={'g' * 64}", "64 hexadecimal digits"),
    ("file-host", "file://host/data.csv", "only local paths"),
    ("missing", "no/such/data.csv", "does not exist"),
    ("parent", "../../no/such/data.csv", "does not exist"),
    ("unicode", "数据/没有.csv", "does not exist"),
    ("spaces", "no such file .csv", "does not exist"),
    ("home", "~no-such-user/data.csv", "no such user's home"),
    ("long", f"{'x' * 5000}.csv", "cannot read"),
    ("nul", "data\0.csv", r"'data\x00.csv' holds a NUL"),
    ("line-end", "data\n.csv", r"data\n.csv does not exist"),
    ("bad-port", "https://host:port/data.csv", "not an address"),
    ("ipv6", "https://[::1/data.csv", "not an address"),
    ("hub-empty", "hf:", "hf:"),
    ("hub-three", "hf:a/b/c", "hf:"),
]  # fmt: skip


@pytest.mark.parametrize(("uri", "said"), [pytest.param(*case[1:], id=case[0]) for case in READ])
def test_an_address_that_cannot_be_read(
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    suffix = "" if uri.endswith(".csv") or "#" in uri else "/train.csv"
    message = refused(
        "tokenize", "--task", "table", "--train-data", uri + suffix, "--dev-data", uri + suffix,
        "--tokens", tmp_path / "out" / "tokens",
    )  # fmt: skip
    assert said in message
    assert "secret-word" not in message


WRITE = [
    ("read-only-scheme", "https://host/tokens", "cannot write to 'https://host/tokens'"),
    ("hub", "hf:org/name", "cannot write to"),
    ("unknown-scheme", "ftp://host/tokens", "cannot write to"),
    ("whole-bucket", "gs://bucket", "is a whole bucket: name a place inside it"),
    ("whole-bucket-s3", "s3://bucket/", "is a whole bucket: name a place inside it"),
    ("no-bucket", "gs:///tokens", "names no host or bucket"),
    ("password", "s3://AKIA:secret-word@bucket/tokens", "holds a user name or password"),
    ("digest", f"gs://bucket/tokens#sha256={'a' * 64}", "a digest pins what is read"),
    ("below-a-file", "file.txt/tokens", "cannot write the tokens"),
    ("a-file", "file.txt", "is a file; name a folder for the tokens"),
    ("here", ".", "cannot be replaced as a whole"),
    ("root", "/", "cannot be replaced as a whole"),
    ("proc", "/proc/tokens", "cannot write the tokens to /proc/tokens"),
    ("others-files", "full", "is not empty and is not an artifact of ours"),
    ("long", "x" * 5000, "cannot write the tokens"),
    ("nul", "to\0kens", "holds a NUL"),
]  # fmt: skip


@pytest.mark.parametrize(("uri", "said"), [pytest.param(*case[1:], id=case[0]) for case in WRITE])
def test_an_address_that_cannot_be_written(
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("precious")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("precious")
    message = refused("tokenize", "--tokens", uri)
    assert said in message
    assert "secret-word" not in message
    assert (tmp_path / "file.txt").read_text() == "precious"
    assert (tmp_path / "full" / "letter.txt").read_text() == "precious"
