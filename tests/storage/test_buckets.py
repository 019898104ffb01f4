"""gs:// and s3:// against servers that speak their protocols: files, folders, changes, refusals."""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.errors import InputError
from components.storage import fetch, gcs, remote

if TYPE_CHECKING:
    from benchmarks.faulty_proxy import FaultyProxy
    from tests.storage.conftest import Bucket

MODEL = {"config.json": b"{}", "vocab.txt": b"[PAD]\n", "sub/weights.bin": bytes(range(256)) * 99}


def fill(bucket: "Bucket", prefix: str = "models/albert/") -> str:
    for name, content in MODEL.items():
        bucket.put(prefix + name, content)
    return f"{bucket.address}/{prefix}".rstrip("/")


def test_an_object_is_a_file(bucket: "Bucket") -> None:
    address = fill(bucket) + "/sub/weights.bin"
    fetched = fetch(address)
    content = MODEL["sub/weights.bin"]
    assert (fetched.path.name, fetched.path.read_bytes()) == ("weights.bin", content)
    assert (fetched.source, fetched.sha256) == (address, hashlib.sha256(content).hexdigest())
    made = fetched.path.stat().st_mtime_ns
    assert fetch(address).path.stat().st_mtime_ns == made


@pytest.mark.parametrize("end", ["", "/"])
def test_a_prefix_is_a_folder(bucket: "Bucket", end: str) -> None:
    address = fill(bucket)
    bucket.put("models/albert/", b"")  # marks a folder
    bucket.put("models/albert-large/config.json", b"another model's")
    fetched = fetch(address + end)
    found = {p.relative_to(fetched.path).as_posix() for p in fetched.path.rglob("*") if p.is_file()}
    assert found == set(MODEL)
    assert all((fetched.path / name).read_bytes() == MODEL[name] for name in MODEL)
    lines = [f"{name}\0{hashlib.sha256(MODEL[name]).hexdigest()}\n" for name in sorted(MODEL)]
    assert fetched.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert fetch(f"{address}{end}#sha256={fetched.sha256}") == fetched


def test_a_whole_bucket_is_a_folder(bucket: "Bucket") -> None:
    fill(bucket, "")
    assert (fetch(bucket.address).path / "vocab.txt").read_bytes() == MODEL["vocab.txt"]


def test_only_the_part_that_is_needed_is_fetched(bucket: "Bucket") -> None:
    address = fill(bucket)
    fetched = fetch(address, lambda name: name == "vocab.txt")
    assert [p.name for p in fetched.path.iterdir()] == ["vocab.txt"]
    assert fetched.left_out == ("config.json", "sub/weights.bin")
    assert (fetch(address).path / "config.json").exists()
    with pytest.raises(InputError, match=r"none of the files .* it holds config\.json"):
        fetch(address, lambda name: False)


def test_a_folder_follows_its_changes(bucket: "Bucket", capsys: pytest.CaptureFixture[str]) -> None:
    address = fill(bucket)
    fetch(address)
    bucket.put("models/albert/vocab.txt", b"[UNK]\n")
    bucket.put("models/albert/new.txt", b"new")
    bucket.remove("models/albert/config.json")
    path = fetch(address).path
    assert (path / "vocab.txt").read_bytes() == b"[UNK]\n"
    assert (path / "new.txt").exists()
    assert not (path / "config.json").exists()
    told = capsys.readouterr().err.partition("vocab.txt has changed since")[2]
    assert "fetched again" in told
    assert "weights.bin" not in told
    bucket.remove("models/albert/new.txt")
    assert sorted(p.name for p in fetch(address).path.iterdir()) == ["sub", "vocab.txt"]


def test_a_damaged_file_of_a_folder_is_fetched_again(bucket: "Bucket") -> None:
    path = fetch(fill(bucket)).path / "vocab.txt"
    path.write_bytes(b"[xxx]\n")
    assert (fetch(fill(bucket)).path / "vocab.txt").read_bytes() == MODEL["vocab.txt"]


def test_a_broken_download_goes_on(bucket: "Bucket", cache: Path) -> None:
    """The beginning of this version, as a killed process leaves it, is not fetched again."""
    address = fill(bucket) + "/sub/weights.bin"
    content = MODEL["sub/weights.bin"]
    fetched = fetch(address)
    (record,) = (cache / "files").glob("*.json")
    identity = fetched_identity(record)
    record.unlink()
    fetched.path.unlink()
    note = f'{{"name":"weights.bin","identity":{identity},"size":{len(content)}}}'
    record.with_suffix(".partial.json").write_text(note)
    record.with_suffix(".partial").write_bytes(content[:1000])
    assert fetch(address).path.read_bytes() == content
    fetched.path.unlink()
    record.unlink()
    record.with_suffix(".partial.json").write_text(note)
    record.with_suffix(".partial").write_bytes(b"x" * 1000)  # the checksum tells
    assert fetch(address).path.read_bytes() == content


def fetched_identity(record: Path) -> str:
    text = record.read_text().partition('"identity": ')[2]
    return text.partition(",\n")[0]


def test_objects_are_read_in_ranges(gcs_bucket: "Bucket", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs, "RANGE_BYTES", 1000)
    address = fill(gcs_bucket) + "/sub/weights.bin"
    assert fetch(address).path.read_bytes() == MODEL["sub/weights.bin"]


def test_an_empty_object_is_an_empty_file(bucket: "Bucket") -> None:
    bucket.put("empty", b"")
    assert fetch(bucket.address + "/empty").path.read_bytes() == b""


def test_what_is_not_there_is_told(bucket: "Bucket") -> None:
    with pytest.raises(InputError, match="/none does not exist: there is no such object, and none"):
        fetch(bucket.address + "/none")
    with pytest.raises(InputError, match=r"does not exist: check the spelling.*HTTP 404"):
        fetch(bucket.address[:-3] + "nil/none")


def test_names_that_lead_outside_are_refused(bucket: "Bucket") -> None:
    bucket.put("model/a\\b.txt", b"x")
    with pytest.raises(InputError, match="has a backslash"):
        fetch(bucket.address + "/model")


def test_public_objects_need_no_credentials(
    s3_bucket: "Bucket", s3_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = s3_bucket.address.removeprefix("s3://")
    s3_client.put_object(Bucket=name, Key="public", Body=b"text", ACL="public-read")
    s3_client.put_object(Bucket=name, Key="private", Body=b"text")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    assert fetch(s3_bucket.address + "/public").path.read_bytes() == b"text"
    with pytest.raises(InputError, match=r"may not be read .* run `aws configure`.*HTTP 403"):
        fetch(s3_bucket.address + "/private")


@pytest.mark.parametrize("address", ["s3://bucket/a", "gs://bucket/a"])
def test_servers_that_are_down_are_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(InputError, match="the connection broke or there was none, 5 times"):
        fetch(address)


def test_a_key_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/key.json")
    with pytest.raises(InputError, match="credentials do not work: run `gcloud auth"):
        fetch("gs://bucket/a")


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InputError, match=r"profile \(nobody\) could not be found: run `aws conf"):
        fetch("s3://bucket/a")


def test_a_compressed_object_is_refused(s3_bucket: "Bucket", s3_client: Any) -> None:
    name = s3_bucket.address.removeprefix("s3://")
    s3_client.put_object(Bucket=name, Key="a.txt", Body=b"\x1f\x8b", ContentEncoding="gzip")
    with pytest.raises(InputError, match="stored as Content-Encoding: gzip"):
        fetch(s3_bucket.address + "/a.txt")


def test_the_files_of_a_folder_come_side_by_side(bucket: "Bucket", proxy: "FaultyProxy") -> None:
    for number in range(10):
        bucket.put(f"many/{number}.bin", b"x")
    fetch(f"{bucket.address}/many/0.bin")  # clients take a while to be made
    proxy.delay_seconds = 0.2
    proxy.seen.clear()
    began = time.monotonic()
    assert len(list(fetch(f"{bucket.address}/many").path.iterdir())) == 10
    one_after_another = 0.2 * len(proxy.seen)
    assert time.monotonic() - began < 0.75 * one_after_another


def test_what_came_of_a_broken_folder_is_not_fetched_again(
    bucket: "Bucket", proxy: "FaultyProxy", cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file is never given; the others are kept, and beginnings of files that are gone go."""
    address = fill(bucket)
    monkeypatch.setattr(remote, "FIRST_WAIT_SECONDS", 0.05)
    proxy.choose = lambda request: (
        "503" if request.asks_for_content and "weights" in request.path else ""
    )
    with pytest.raises(InputError, match=r"weights.bin: the server answers 503, 5 times"):
        fetch(address)
    (cache / "files" / "x.partial").touch()  # of another address
    (folder,) = (path for path in (cache / "files").iterdir() if path.is_dir())
    left = folder.with_name(folder.name + ".partial-0123")
    left.write_bytes(b"begun")
    left.with_name(left.name + ".json").write_text('{"name":"gone","identity":"1","size":9}')
    proxy.choose = lambda request: ""
    proxy.seen.clear()
    fetch(address)
    contents = [seen for seen in proxy.seen if seen.startswith("GET") and "prefix=" not in seen]
    assert not any("vocab.txt" in seen for seen in contents)
    assert any("weights.bin" in seen for seen in contents)
    assert [path.name for path in (cache / "files").glob("*.partial*")] == ["x.partial"]
