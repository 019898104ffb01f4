"""Transfers through a proxy that does what networks and servers do on bad days."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.faulty_proxy import FAULTS, Request
from components.artifacts.folder import MANIFEST, new_folder, open_folder
from components.errors import InputError
from components.storage import fetch, names_at, put, put_gcs, put_s3, remote

if TYPE_CHECKING:
    from benchmarks.faulty_proxy import FaultyProxy
    from tests.storage.conftest import Bucket

KIND = "a model"
SECRETS = ("hush-hush", "upload_id", "uploadId", "Signature", "X-Amz", "Authorization")


def content_of(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def artifact(path: Path, size: int, seed: int = 0) -> Path:
    """Writes an artifact with one file of this size, some small ones and an empty one."""
    with new_folder(path, KIND) as folder:
        (folder / "weights.bin").write_bytes(content_of(seed, size))
        (folder / "empty").touch()
        (folder / "sub").mkdir()
        for number in range(4):
            content = content_of(seed + number, 1000 * (number + 1))
            (folder / "sub" / f"{number}.txt").write_bytes(content)
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def large(bucket: "Bucket", monkeypatch: pytest.MonkeyPatch) -> int:
    """Sets the parts of a large file small, as far as the server lets; returns its size."""
    in_gcs = bucket.address.startswith("gs")
    monkeypatch.setattr(put_gcs, "CHUNK_BYTES", 512 << 10)
    monkeypatch.setattr(put_s3, "PART_BYTES", 5 << 20)
    return (2 << 20) + 5 if in_gcs else (5 << 20) + 5


def once_each(fault: str, most: int = 1000) -> Callable[[Request], str]:
    """Gives every request the fault the first time that it comes, as far as it can have it."""
    seen: set[str] = set()

    def choose(request: Request) -> str:
        path = re.sub("upload_?[iI]d=[^&]*", "", request.path)
        key = f"{request.method} {path} {request.length}"  # Google's path does not tell the file
        if key in seen or len(seen) >= most or not FAULTS[fault](request):
            return ""
        seen.add(key)
        return fault

    return choose


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_when_each_request_fails_once(
    bucket: "Bucket", proxy: "FaultyProxy", large: int, tmp_path: Path, fault: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = artifact(tmp_path / "model", large)
    if fault == "silence":
        monkeypatch.setattr(remote, "TIMEOUT_SECONDS", 0.7)
        proxy.silent_seconds = 0.9
    address = f"{bucket.address}/model"
    if not fault.endswith("answer") or fault.startswith("answer"):
        proxy.choose = once_each(fault, most=2 if fault == "silence" else 1000)
        put(source, address, last=MANIFEST)
        assert proxy.counts[fault] >= 2
    put(source, address, last=MANIFEST)
    expected = {f"model/{name}": content for name, content in files_in(source).items()}
    assert bucket.contents() == expected
    before = proxy.counts[fault]
    proxy.choose = once_each(fault, most=2 if fault == "silence" else 1000)
    assert files_in(open_folder(fetch(address).path, KIND)) == files_in(source)
    reads = FAULTS[fault](Request(method="GET", path="/model/weights.bin", length=0))
    assert (proxy.counts[fault] > before) == reads
    told = capsys.readouterr().err
    assert "attempt 2 in " in told or "arrive" in told
    assert not any(secret in told for secret in SECRETS)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param("503", "the server answers 503, 8 times; try again later", id="503"),
        pytest.param("429 Retry-After", "asks to wait 61 s: do so", id="429"),
        pytest.param("connection closed in mid-request", "the connection broke.*8 times", id="cut"),
        pytest.param("answer lost", "the connection broke .*8 times", id="lost"),
        pytest.param("corrupted request", "arrive.*, twice: it is damaged on the way", id="corr"),
        pytest.param("wrong checksum", "arrived with .*, twice: it is damaged", id="checksum"),
        pytest.param("403", r"may not be written with these credentials.*\(HTTP 403\)", id="403"),
        pytest.param("400", r"cannot be written: .*\(HTTP 400\)", id="400"),
    ],
)
def test_what_fails_always_is_told_and_leaves_nothing_that_looks_whole(
    bucket: "Bucket", proxy: "FaultyProxy", large: int, tmp_path: Path, fault: str, message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    address = f"{bucket.address}/model"
    put(artifact(tmp_path / "old", 1000, seed=1), address, last=MANIFEST)
    source = artifact(tmp_path / "model", large)
    proxy.retry_after = "61"
    proxy.choose = lambda request: fault if request.carries_content else ""
    with pytest.raises(InputError, match=message) as refused:
        put(source, address, last=MANIFEST)
    assert proxy.counts[fault] > 0
    assert "\n" not in str(refused.value)
    told = str(refused.value) + capsys.readouterr().err
    assert not any(secret in told for secret in SECRETS)
    assert f"model/{MANIFEST}" not in bucket.names()
    proxy.choose = lambda request: ""
    with pytest.raises(InputError, match="it is not a finished"):
        open_folder(fetch(address).path, KIND)
    put(source, address, last=MANIFEST)
    assert files_in(open_folder(fetch(address).path, KIND)) == files_in(source)


def test_what_arrives_damaged_twice_in_one_piece_is_not_left(
    bucket: "Bucket", proxy: "FaultyProxy", tmp_path: Path
) -> None:
    (tmp_path / "comparison.md").write_bytes(b"# Comparison")
    proxy.choose = lambda request: "corrupted request" if request.carries_content else ""
    with pytest.raises(InputError, match=", twice: it is damaged on the way"):
        put(tmp_path / "comparison.md", f"{bucket.address}/comparison.md")
    assert bucket.names() == set()


def test_a_broken_session_goes_on_where_it_broke(
    gcs_bucket: "Bucket", request: pytest.FixtureRequest, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Four chunks; the third breaks off in the middle, and nothing else is sent twice."""
    monkeypatch.setattr(put_gcs, "CHUNK_BYTES", 512 << 10)
    proxy = gcs_proxy(gcs_bucket, monkeypatch, request)
    lengths: list[int] = []

    def choose(request: Request) -> str:
        if not request.carries_content:
            return ""
        lengths.append(request.length)
        return "connection closed in mid-request" if len(lengths) == 3 else ""

    proxy.choose = choose
    (tmp_path / "weights.bin").write_bytes(content_of(0, 2 << 20))
    put(tmp_path / "weights.bin", f"{gcs_bucket.address}/weights.bin")
    assert lengths == [512 << 10] * 5


def test_a_session_that_is_forgotten_is_begun_anew(
    gcs_bucket: "Bucket", request: pytest.FixtureRequest, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    proxy = gcs_proxy(gcs_bucket, monkeypatch, request)
    faults = ["410", "404"]
    proxy.choose = lambda request: (
        faults.pop() if request.method == "PUT" and faults and request.carries_content else ""
    )
    (tmp_path / "weights.bin").write_bytes(content_of(0, 2 << 20))
    put(tmp_path / "weights.bin", f"{gcs_bucket.address}/weights.bin")
    assert gcs_bucket.contents() == {"weights.bin": content_of(0, 2 << 20)}
    assert capsys.readouterr().err.count("the server forgot the upload; attempt") == 2


def gcs_proxy(
    bucket: "Bucket", monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> "FaultyProxy":
    from benchmarks.faulty_proxy import FaultyProxy

    proxy = FaultyProxy(bucket.endpoint)
    request.addfinalizer(proxy.stop)
    monkeypatch.setenv(bucket.variable, proxy.url)
    return proxy


def test_a_failed_upload_in_parts_is_dropped(
    s3_bucket: "Bucket", s3_client: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    monkeypatch.setattr(put_s3, "PART_BYTES", 5 << 20)
    proxy = gcs_proxy(s3_bucket, monkeypatch, request)
    proxy.choose = lambda request: "403" if "partNumber=2" in request.path else ""
    (tmp_path / "weights.bin").write_bytes(content_of(0, 6 << 20))
    with pytest.raises(InputError, match="HTTP 403"):
        put(tmp_path / "weights.bin", f"{s3_bucket.address}/weights.bin")
    assert any(seen.startswith("DELETE") and "uploadId" in seen for seen in proxy.seen)
    assert s3_bucket.names() == set()


def test_a_reader_beside_a_writer_never_takes_half_for_whole(
    bucket: "Bucket", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{bucket.address}/model"
    versions = [artifact(tmp_path / f"v{seed}", 100_000, seed) for seed in (1, 2)]
    wholes = [files_in(version) for version in versions]
    put(versions[0], address, last=MANIFEST)
    enough = threading.Event()
    written: list[str] = []

    def write() -> None:
        while not enough.is_set():
            put(versions[len(written) % 2], address, last=MANIFEST)
            written.append(address)

    writer = threading.Thread(target=write)
    writer.start()
    taken = []
    try:
        for _ in range(10):
            with contextlib.suppress(InputError):
                taken.append(files_in(open_folder(fetch(address).path, KIND)))
    finally:
        enough.set()
        writer.join()
    assert all(found in wholes for found in taken)
    assert written
    put(versions[0], address, last=MANIFEST)
    assert files_in(open_folder(fetch(address).path, KIND)) == wholes[0]


WRITER = """
import sys
from pathlib import Path
from components.storage import put
put(Path(sys.argv[1]), sys.argv[2], last="artifact.json")
"""


@pytest.mark.parametrize("reached", [4, 7])
def test_a_killed_writer_leaves_nothing_that_looks_whole(
    bucket: "Bucket", proxy: "FaultyProxy", tmp_path: Path, reached: int
) -> None:
    """The server falls silent at a request on the way, and then the writer is killed."""
    address = f"{bucket.address}/model"
    put(artifact(tmp_path / "old", 1000, seed=1), address, last=MANIFEST)
    source = artifact(tmp_path / "model", 2 << 20)
    proxy.silent_seconds = 30.0
    begun = len(proxy.seen)
    proxy.choose = lambda request: "silence" if len(proxy.seen) >= begun + reached else ""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(source), address],
        env=dict(os.environ), cwd=Path(__file__).parents[2],
    )  # fmt: skip
    end = time.monotonic() + 30
    while proxy.counts["silence"] == 0 and len(proxy.seen) <= begun + reached:
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.1)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    proxy.choose = lambda request: ""
    assert MANIFEST not in names_at(address)
    put(source, address, last=MANIFEST)
    assert files_in(open_folder(fetch(address).path, KIND)) == files_in(source)
