"""Addresses, local paths and the cache's place."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import InputError
from components.storage import cache_folder, fetch


def test_local_files_and_folders_are_not_copied(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a#b.txt").write_bytes(b"text")
    fetched = fetch(str(tmp_path / "a#b.txt"))
    assert (fetched.path, fetched.source) == (tmp_path / "a#b.txt", str(tmp_path / "a#b.txt"))
    assert fetched.sha256 == hashlib.sha256(b"text").hexdigest()
    assert fetch(tmp_path.as_uri()).path == tmp_path
    assert fetch(str(tmp_path)).sha256 == ""
    assert not cache.exists()


def test_a_local_file_can_be_pinned(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    right = hashlib.sha256(b"text").hexdigest()
    assert fetch(f"{tmp_path}/a#sha256={right}").sha256 == right
    with pytest.raises(InputError, match=f"has SHA-256 {right}, the address pins {'f' * 64}"):
        fetch(f"{tmp_path}/a#sha256={'F' * 64}")
    with pytest.raises(InputError, match="is a folder and has no SHA-256"):
        fetch(f"{tmp_path}#sha256={right}")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("no/such/file", "no/such/file does not exist", id="missing"),
        pytest.param("/dev/null", "/dev/null is no file or folder", id="device"),
        pytest.param("x" * 5000, "cannot read x.*: File name too long", id="too-long"),
        pytest.param("ftp://host/a", r"may be a path or begin with file://", id="ftp"),
        pytest.param("https:///a", "names no host or bucket", id="no-host"),
        pytest.param("gs:///a", "names no host or bucket", id="no-bucket"),
        pytest.param("https://[::1/a", "not an address that https:// can have", id="brackets"),
        pytest.param("https://host/a#v2", "#v2 is not understood; #sha256=HEX", id="fragment"),
        pytest.param("https://host/a#sha256=abc", "come 64 hexadecimal digits", id="pin"),
        pytest.param("http://a b/", "is not an address|connection broke", id="space"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(uri: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fetch(uri)


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        pytest.param("https://anna:hush@host/a", "~/.netrc", id="https"),
        pytest.param("http://hush@host/a#sha256=1", "~/.netrc", id="token"),
        pytest.param("gs://anna:hush@bucket/a", "gcloud auth", id="gs"),
        pytest.param("s3://anna:hush@bucket/a", "aws configure", id="s3"),
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(uri: str, remedy: str) -> None:
    with pytest.raises(InputError, match="holds a user name or password") as refused:
        fetch(uri)
    assert remedy in str(refused.value)
    assert "hush" not in str(refused.value)


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE", "/a/b")
    assert cache_folder() == Path("/a/b")
    monkeypatch.delenv("BAKEOFF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_folder() == Path("/c/encoder-bakeoff")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/encoder-bakeoff"


def test_large_libraries_are_loaded_only_for_their_addresses() -> None:
    code = (
        "import sys, components.storage\n"
        "print({'requests', 'google.cloud', 'boto3', 'huggingface_hub'} & sys.modules.keys())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
