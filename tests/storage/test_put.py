"""Writing to buckets and paths: what lies there afterwards, in which order, and what is refused."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.errors import InputError
from components.storage import check_writable, fetch, names_at, put, put_gcs, put_s3, s3

if TYPE_CHECKING:
    from benchmarks.faulty_proxy import FaultyProxy, Request
    from tests.storage.conftest import Bucket

LAST = "artifact.json"
FILES = {LAST: b"{}", "a/weights.bin": bytes(range(256)) * 9, "empty": b"", "语.txt": b"text"}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", FILES)


def below(files: dict[str, bytes], prefix: str) -> dict[str, bytes]:
    return {prefix + name: content for name, content in files.items()}


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_is_put_and_comes_back(
    bucket: "Bucket", source: Path, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"{bucket.address}/models/albert"
    put(source, address + end, last=LAST)
    assert bucket.contents() == below(FILES, "models/albert/")
    path = fetch(address).path
    assert {name: (path / name).read_bytes() for name in FILES} == FILES
    assert f"put {address}{end}: 4 files, 2.3 kB\n" in capsys.readouterr().err


def test_the_folder_holds_nothing_else_afterwards(
    bucket: "Bucket", source: Path, tmp_path: Path
) -> None:
    address = f"{bucket.address}/albert"
    others = {"albert-large/a": b"x", "albert.txt": b"x", "albert/": b""}  # the last marks a folder
    for name, content in (below(FILES, "albert/") | {"albert/old/a.bin": b"x"} | others).items():
        bucket.put(name, content)
    new = write(tmp_path / "new", {LAST: b"[]", "empty": b"no more"})
    for _ in range(2):
        put(new, address, last=LAST)
        expected = {"albert/artifact.json": b"[]", "albert/empty": b"no more"} | others
        assert bucket.contents() == expected


def test_the_last_file_goes_first_and_comes_last(
    bucket: "Bucket", source: Path, tmp_path: Path, proxy: "FaultyProxy"
) -> None:
    """At each request on the way the folder is old and whole, unfinished, or new and whole."""
    put(source, f"{bucket.address}/albert", last=LAST)
    old = below(FILES, "albert/")
    new = {name: content + b"new" for name, content in FILES.items() if name != "empty"}
    states = []

    def look(request: "Request") -> str:
        states.append(bucket.contents())
        return ""

    proxy.choose = look
    put(write(tmp_path / "new", new), f"{bucket.address}/albert", last=LAST)
    states.append(bucket.contents())
    marked = [state for state in states if "albert/" + LAST in state]
    assert all(state in (old, below(new, "albert/")) for state in marked)
    assert (marked[0], marked[-1]) == (old, below(new, "albert/"))
    assert len(marked) < len(states)


def test_without_a_last_file_all_are_put_alike(bucket: "Bucket", source: Path) -> None:
    put(source, f"{bucket.address}/albert")
    assert bucket.names() == set(below(FILES, "albert/"))


def test_a_file_is_put(bucket: "Bucket", source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in (b"old", b"", b"# Comparison"):
        (source / "comparison.md").write_bytes(content)
        put(source / "comparison.md", f"{bucket.address}/runs/comparison.md")
        assert bucket.contents() == {"runs/comparison.md": content}
    assert f"put {bucket.address}/runs/comparison.md: 12 bytes\n" in capsys.readouterr().err


@pytest.fixture
def large(bucket: "Bucket", source: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A file that goes in parts of 512 KiB or, as S3 asks for no less, 5 MiB."""
    monkeypatch.setattr(put_gcs, "CHUNK_BYTES", 512 << 10)
    monkeypatch.setattr(put_s3, "PART_BYTES", 5 << 20)
    size = 3 << 20 if bucket.address.startswith("gs") else 6 << 20
    content = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(size // 32)) + b"odd"
    (source / "large.bin").write_bytes(content)
    return content


def test_a_large_file_goes_in_parts_that_memory_holds(
    bucket: "Bucket", source: Path, large: bytes, proxy: "FaultyProxy"
) -> None:
    lengths = []

    def note(request: "Request") -> str:
        lengths.append(request.length)
        return ""

    proxy.choose = note
    put(source, f"{bucket.address}/albert", last=LAST)
    assert bucket.contents() == below(FILES | {"large.bin": large}, "albert/")
    assert max(lengths) == min(length for length in (512 << 10, 5 << 20) if length in lengths)
    fetched = fetch(f"{bucket.address}/albert/large.bin")
    assert fetched.sha256 == hashlib.sha256(large).hexdigest()


def test_an_object_of_parts_states_its_digest(s3_bucket: "Bucket", source: Path) -> None:
    """An ETag of parts is no digest; damage of the stored object is found all the same."""
    put(source / "a/weights.bin", f"{s3_bucket.address}/a.bin")
    name = s3_bucket.address.removeprefix("s3://")
    asked = s3.client()
    head = asked.head_object(Bucket=name, Key="a.bin")
    digest = hashlib.sha256(FILES["a/weights.bin"]).hexdigest()
    assert s3.checksums_of(head | {"ETag": '"x-2"'}) == {"sha256": digest}
    kept: dict[str, Any] = {"Bucket": name, "Key": "a.bin", "Metadata": head["Metadata"]}
    asked.put_object(**kept, Body=b"damaged")
    with pytest.raises(InputError, match=f"arrived twice with .* states {digest}"):
        fetch(f"{s3_bucket.address}/a.bin")


def test_browsers_are_told_what_it_is(s3_bucket: "Bucket", source: Path) -> None:
    put(source, f"{s3_bucket.address}/a")
    name = s3_bucket.address.removeprefix("s3://")
    types = {
        key: s3.client().head_object(Bucket=name, Key=f"a/{key}")["ContentType"]
        for key in (LAST, "a/weights.bin", "语.txt")
    }
    assert list(types.values()) == ["application/json", "application/octet-stream", "text/plain"]


def test_names_at_an_address(bucket: "Bucket", source: Path) -> None:
    address = f"{bucket.address}/models/albert"
    assert names_at(address) == frozenset()
    put(source, address)
    bucket.put("models/albert-large", b"x")
    assert names_at(address) == names_at(address + "/") == FILES.keys()
    assert names_at(address + "-large") == {"albert-large"}
    assert names_at(f"{address}/a") == {"weights.bin"}


def test_writing_is_tried_without_a_trace(
    bucket: "Bucket", source: Path, proxy: "FaultyProxy"
) -> None:
    address = f"{bucket.address}/models/albert"
    check_writable(address)
    assert not any(seen.startswith("DELETE") and "uploadId" not in seen and "upload_id" not in seen
                   for seen in proxy.seen)  # fmt: skip
    put(source, address)
    check_writable(address)
    assert bucket.contents() == below(FILES, "models/albert/")


@pytest.mark.parametrize(
    ("refused", "there"),
    [
        pytest.param(r"POST .*(uploadType=resumable|\?uploads)", False, id="create"),
        pytest.param(r"GET .*(prefix=|list-type)", False, id="list"),
        pytest.param(r"DELETE .*write-probe-\w+(\?prettyPrint=false)?$", True, id="delete"),
    ],
)
def test_a_lacking_permission_is_told_beforehand(
    bucket: "Bucket", proxy: "FaultyProxy", refused: str, there: bool
) -> None:
    proxy.choose = lambda request: (
        "403" if re.match(refused, f"{request.method} {request.path}") else ""
    )
    if there:
        check_writable(f"{bucket.address}/a")  # nothing lies there that would be removed
        bucket.put("a/b", b"x")
    with pytest.raises(InputError, match=r"/a.* may not be written with these.*\(HTTP 403\)$"):
        check_writable(f"{bucket.address}/a")


def test_a_bucket_that_is_not_there_is_told(bucket: "Bucket", source: Path) -> None:
    address = bucket.address[:-3] + "nil/a"
    for action in (check_writable, names_at, lambda uri: put(source, uri)):
        with pytest.raises(InputError, match=r"a cannot be written, as there is no such bucket"):
            action(address)


def test_no_credentials_are_told(bucket: "Bucket", proxy: "FaultyProxy") -> None:
    proxy.choose = lambda request: "401"
    with pytest.raises(
        InputError, match=r"(asks for credentials|credentials do not work): run `(gcloud|aws) "
    ):
        check_writable(f"{bucket.address}/a")


@pytest.mark.parametrize("uri", ["https://host/a", "http://host/a", "hf:org/name", "ftp://host/a"])
def test_what_cannot_be_written_is_told(uri: str, source: Path) -> None:
    for action in (check_writable, names_at, lambda uri: put(source, uri)):
        with pytest.raises(InputError, match=r"cannot write to .*gs:// and s3:// can be written"):
            action(uri)


@pytest.mark.parametrize(
    ("name", "uri", "last", "message"),
    [
        pytest.param("", "gs://bucket", "", "is a whole bucket: name a place inside", id="bucket"),
        pytest.param("", "s3://bucket/", "", "is a whole bucket", id="bucket-slash"),
        pytest.param("", "gs://b/a#sha256=" + "0" * 64, "", "write without #sha256", id="pin"),
        pytest.param("", "gs://b/a", "none.json", "has no none.json: it is not finish", id="last"),
        pytest.param("none", "gs://b/a", "", "holds no file, or does not exist", id="nothing"),
        pytest.param("empty", "gs://b/a/", "", "names a folder, and empty is a file", id="slash"),
    ],
)
def test_what_cannot_be_put_is_told(
    source: Path, name: str, uri: str, last: str, message: str, gcs_bucket: "Bucket"
) -> None:
    with pytest.raises(InputError, match=message):
        put(source / name, uri, last=last)


def test_names_that_cannot_be_fetched_are_not_put(source: Path, gcs_bucket: "Bucket") -> None:
    (source / "a\\b").write_bytes(b"x")
    with pytest.raises(InputError, match="has a backslash"):
        put(source, f"{gcs_bucket.address}/a")


def test_a_folder_does_not_hide_behind_a_file(bucket: "Bucket", source: Path) -> None:
    bucket.put("a", b"x")
    bucket.put("b/c", b"x")
    with pytest.raises(InputError, match="/a is a file: name another place, or remove it"):
        put(source, f"{bucket.address}/a")
    with pytest.raises(InputError, match="/b is a folder: name another place, or remove it"):
        put(source / "empty", f"{bucket.address}/b")


def test_two_writers_at_once_are_told(bucket: "Bucket", source: Path, proxy: "FaultyProxy") -> None:
    def meddle(request: "Request") -> str:
        if request.carries_content:
            bucket.put("a/empty", b"another's")
            bucket.put("a/foreign", b"another's")
        return ""

    proxy.choose = meddle
    with pytest.raises(InputError, match=r"a: .* was changed by someone else while the folder"):
        put(source, f"{bucket.address}/a", last=LAST)
    assert f"a/{LAST}" not in bucket.names()


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_is_copied(source: Path, tmp_path: Path, scheme: str) -> None:
    target = tmp_path / "deep" / "target"
    address = scheme + str(target)
    check_writable(address)
    assert names_at(address) == frozenset()
    assert not target.parent.exists()
    put(source, address, last=LAST)
    assert files_in(target) == FILES
    assert names_at(address) == FILES.keys()
    (source / "empty").unlink()
    put(source, address, last=LAST)
    assert files_in(target) == {name: FILES[name] for name in FILES if name != "empty"}
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert target.stat().st_mode & 0o777 == source.stat().st_mode & 0o777
    put(target, address)
    assert len(files_in(target)) == 3


def test_a_file_is_copied(source: Path, tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        (source / "empty").write_bytes(content)
        put(source / "empty", str(tmp_path / "deep" / "copy"))
        assert files_in(tmp_path / "deep") == {"copy": content}
    assert names_at(str(tmp_path / "deep" / "copy")) == {"copy"}


def test_a_copy_that_fails_leaves_what_was_there(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write(tmp_path / "target", {"old": b"old"})
    (source / "z").symlink_to("/proc/self/mem")  # a file that cannot be read
    with pytest.raises(InputError, match=r"cannot write .*target: Input/output error; name a pl"):
        put(source, str(target))
    assert files_in(target) == {"old": b"old"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


@pytest.mark.parametrize(
    ("source_name", "target_name", "message"),
    [
        pytest.param("", "source/empty", "empty is a file: name another place", id="over-file"),
        pytest.param("empty", "source/a", "a is a folder: name another place", id="over-folder"),
        pytest.param("a", "source", "source holds .*a, which shall be put there", id="into-itself"),
        pytest.param("", ".", "cannot be replaced as a whole; name a folder ins", id="here"),
        pytest.param("", "/proc/a", "cannot write /proc/a: No such file or dir", id="forbidden"),
        pytest.param("", "source/empty/a", "cannot write .*: File exists", id="below-file"),
    ],
)  # fmt: skip
def test_places_that_cannot_be_written_are_told(
    source: Path, source_name: str, target_name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    with pytest.raises(InputError, match=message):
        put(source / source_name, target_name)


@pytest.mark.parametrize("target", ["/proc/a/b", "/dev/null/a"])
def test_a_forbidden_place_is_told_beforehand(target: str) -> None:
    with pytest.raises(InputError, match=f"cannot write {target}: .*; name a place that you may"):
        check_writable(target)
