"""Downloads from a server that is real and breaks in every way that servers do."""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

import google_crc32c
import pytest

from components.errors import InputError
from components.storage import fetch, remote

if TYPE_CHECKING:
    from tests.storage.conftest import WebServer

MEBIBYTE = 1 << 20
Start = Callable[[str], "subprocess.Popen[str]"]


def record_of(cache: Path) -> dict[str, object]:
    (path,) = [p for p in (cache / "files").glob("*.json") if not p.name.endswith("partial.json")]
    found = json.loads(path.read_text())
    assert isinstance(found, dict)
    return found


def test_a_file_is_fetched_and_recorded(server: "WebServer", cache: Path, body: bytes) -> None:
    uri = server.serve("/models/weights.bin", body)
    fetched = fetch(uri)
    assert fetched.path.name == "weights.bin"
    assert fetched.path.read_bytes() == body
    assert fetched.source == uri
    assert fetched.sha256 == hashlib.sha256(body).hexdigest()
    record = record_of(cache)
    entry = record["files"]["weights.bin"]  # type: ignore[index]
    assert record["source"] == uri
    assert (entry["size"], entry["sha256"]) == (len(body), fetched.sha256)
    assert entry["identity"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert not list((cache / "files").glob("*.partial*"))


def test_the_second_time_only_the_headers_are_asked(server: "WebServer", body: bytes) -> None:
    uri = server.serve("/a.txt", body)
    assert fetch(uri) == fetch(uri)
    assert server.methods() == ["HEAD", "GET", "HEAD"]


def test_a_changed_file_is_fetched_again(
    server: "WebServer", capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(server.serve("/a.txt", b"old"))
    assert fetch(server.serve("/a.txt", b"new")).path.read_bytes() == b"new"
    assert "a.txt has changed since" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"x" * path.stat().st_size), id="other-bytes"),
        pytest.param(lambda path: os.truncate(path, 10), id="cut"),
        pytest.param(lambda path: path.unlink(), id="gone"),
    ],
)
def test_a_damaged_copy_is_fetched_again(
    server: "WebServer",
    body: bytes,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
) -> None:
    uri = server.serve("/a.txt", body)
    damage(fetch(uri).path)
    assert fetch(uri).path.read_bytes() == body
    assert "the cached copy of" in capsys.readouterr().err


def test_a_broken_record_is_made_anew(server: "WebServer", cache: Path) -> None:
    uri = server.serve("/a.txt", b"text")
    fetch(uri)
    (path,) = (cache / "files").glob("*.json")
    path.write_bytes(path.read_bytes()[:40])
    assert fetch(uri).path.read_bytes() == b"text"
    assert record_of(cache)["names"] == ["a.txt"]


@pytest.mark.parametrize("identity", ["ETag", "Last-Modified"])
def test_a_broken_download_goes_on_where_it_broke(
    server: "WebServer", body: bytes, capsys: pytest.CaptureFixture[str], identity: str
) -> None:
    uri = server.serve("/a.bin", body, faults=[("cut", MEBIBYTE + 5), ("cut", 7)])
    server.files["/a.bin"].headers = {identity: formatdate(0, usegmt=True)}
    assert fetch(uri).path.read_bytes() == body
    assert server.bytes_served == len(body)  # not a byte twice
    first, second = f"bytes={MEBIBYTE + 5}-", f"bytes={MEBIBYTE + 12}-"
    assert [asked for _, _, asked in server.log] == [None, None, first, second]
    assert f"resumed at byte {MEBIBYTE + 5}" in capsys.readouterr().err


def test_without_an_identity_nothing_is_resumed(server: "WebServer", body: bytes) -> None:
    uri = server.serve("/a.bin", body, faults=[("cut", MEBIBYTE)])
    del server.files["/a.bin"].headers["ETag"]
    assert fetch(uri).path.read_bytes() == body
    assert server.bytes_served == MEBIBYTE + len(body)


def test_a_server_without_ranges_begins_anew(server: "WebServer", body: bytes) -> None:
    uri = server.serve("/a.bin", body, ranges=False, faults=[("cut", MEBIBYTE)])
    assert fetch(uri).path.read_bytes() == body
    assert server.bytes_served == MEBIBYTE + len(body)


def test_a_file_that_changes_on_the_way_is_begun_anew(
    server: "WebServer", body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    new = body[::-1]
    uri = server.serve("/a.bin", body, faults=[("change", (MEBIBYTE, new))])
    assert fetch(uri).path.read_bytes() == new
    assert "changed while it was fetched: begun anew" in capsys.readouterr().err


def test_a_file_that_always_changes_is_given_up(server: "WebServer", body: bytes) -> None:
    bodies = [body[n:] for n in range(1, 9)]
    uri = server.serve("/a.bin", body, faults=[("change", (MEBIBYTE, new)) for new in bodies])
    with pytest.raises(InputError, match="changed 3 times while it was fetched"):
        fetch(uri)


def test_a_length_that_no_header_says_is_taken(server: "WebServer", body: bytes) -> None:
    uri = server.serve("/a.bin", body, length=False)
    assert fetch(uri).path.read_bytes() == body
    assert fetch(uri).path.read_bytes() == body
    assert server.methods() == ["HEAD", "GET", "HEAD"]


def test_an_empty_file_is_a_file(server: "WebServer") -> None:
    assert fetch(server.serve("/empty", b"")).path.read_bytes() == b""


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: "WebServer", status: int) -> None:
    uri = server.serve("/a.txt", b"text", faults=[("status", (status, {}))] * 2)
    assert fetch(uri).path.read_bytes() == b"text"
    assert server.methods() == ["HEAD", "GET", "GET", "GET"]


@pytest.mark.parametrize(
    "wait", [pytest.param(lambda: "1", id="seconds"), pytest.param(
        lambda: formatdate(time.time() + 2, usegmt=True), id="date")]
)  # fmt: skip
def test_the_wait_that_a_server_asks_for_is_kept(
    server: "WebServer", wait: Callable[[], str]
) -> None:
    uri = server.serve("/a.txt", b"text", faults=[("status", (429, {"Retry-After": wait()}))])
    began = time.monotonic()
    assert fetch(uri).path.read_bytes() == b"text"
    assert 0.9 < time.monotonic() - began < 3


def test_nobody_waits_an_hour(server: "WebServer") -> None:
    server.serve("/a.txt", b"text", faults=[("status", (503, {"Retry-After": "3600"}))])
    with pytest.raises(InputError, match="503; it asks to wait 3600 s"):
        fetch(server.url + "/a.txt")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(("status", (503, {})), "the server answers 503, 5 times", id="busy"),
        pytest.param(("cut", 10), r"connection broke or there was none, 5 times", id="short"),
    ],
)
def test_attempts_are_bounded(
    server: "WebServer", body: bytes, fault: tuple[str, object], message: str
) -> None:
    uri = server.serve("/a.bin", body, faults=[fault] * 9)
    with pytest.raises(InputError, match=message):
        fetch(uri)
    assert server.methods() == ["HEAD"] + ["GET"] * 5


def test_attempts_that_bring_something_do_not_count(server: "WebServer", body: bytes) -> None:
    uri = server.serve("/a.bin", body * 3, faults=[("cut", MEBIBYTE)] * 8)
    assert fetch(uri).path.read_bytes() == body * 3


def test_a_short_answer_with_a_short_length_is_no_file(server: "WebServer", body: bytes) -> None:
    # the right ETag, and Content-Length: 0
    uri = server.serve("/a.bin", body, faults=[("status", (200, {}))] * 9)
    with pytest.raises(InputError, match="other bytes than were asked for, 5 times"):
        fetch(uri)


def test_silence_is_a_broken_connection(
    server: "WebServer", body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "TIMEOUT_SECONDS", 0.3)
    uri = server.serve("/a.bin", body, faults=[("stall", 2 * MEBIBYTE)])
    assert fetch(uri).path.read_bytes() == body
    assert server.log[-1][2] == f"bytes={2 * MEBIBYTE}-"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param(401, "asks for credentials: put the user name", id="401"),
        pytest.param(403, "may not be read with these credentials", id="403"),
        pytest.param(404, r"/a.txt does not exist: check the spelling.*HTTP 404", id="404"),
        pytest.param(410, "does not exist any more", id="410"),
        pytest.param(418, r"cannot be read: check the address \(HTTP 418\)", id="418"),
    ],
)
def test_a_refusal_is_told_at_once(server: "WebServer", status: int, message: str) -> None:
    uri = server.serve("/a.txt", b"", status=status)
    with pytest.raises(InputError, match=message):
        fetch(uri)
    assert len(server.log) <= 2


def test_a_redirect_is_followed(server: "WebServer") -> None:
    end = server.serve("/end/b.txt", b"text")
    uri = server.serve("/begin/a.txt", b"", status=302, headers={"Location": end})
    fetched = fetch(uri)
    assert (fetched.path.read_bytes(), fetched.path.name) == (b"text", "a.txt")
    assert fetched.source == uri


def test_redirects_in_circles_are_refused(server: "WebServer") -> None:
    uri = server.serve("/a.txt", b"", status=302, headers={"Location": "/a.txt"})
    with pytest.raises(InputError, match="redirects in circles"):
        fetch(uri)


def test_a_server_that_cannot_be_trusted_is_told(server: "WebServer") -> None:
    with pytest.raises(InputError, match="no connection that can be trusted"):
        fetch(server.serve("/a.txt", b"").replace("http://", "https://"))


def hashes(md5_of: bytes, crc_of: bytes) -> dict[str, str]:
    md5 = base64.b64encode(hashlib.md5(md5_of).digest()).decode()
    crc = base64.b64encode(google_crc32c.value(crc_of).to_bytes(4, "big")).decode()
    return {"x-goog-hash": f"crc32c={crc}, md5={md5}"}


def test_checksums_that_the_server_states_are_checked(server: "WebServer", body: bytes) -> None:
    assert fetch(server.serve("/a", body, headers=hashes(body, body))).path.read_bytes() == body


def content_md5(of: bytes) -> dict[str, str]:
    return {"Content-MD5": base64.b64encode(hashlib.md5(of).digest()).decode()}


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        pytest.param(hashes(b"text", b"other"), "crc32c", id="crc32c"),
        pytest.param(hashes(b"other", b"text"), "md5", id="md5"),
        pytest.param(content_md5(b"other"), "md5", id="content-md5"),
    ],
)
def test_a_wrong_checksum_is_refused(
    server: "WebServer", headers: dict[str, str], wrong: str
) -> None:
    uri = server.serve("/a.txt", b"text", headers=headers)
    with pytest.raises(InputError, match=f"arrived twice with {wrong} .* where the server states"):
        fetch(uri)
    assert server.methods() == ["HEAD", "GET", "GET"]


def test_the_checksum_of_packed_bytes_says_nothing_of_the_unpacked(server: "WebServer") -> None:
    headers = hashes(b"packed", b"packed") | {"x-goog-stored-content-encoding": "gzip"}
    assert fetch(server.serve("/a.txt", b"text", headers=headers)).path.read_bytes() == b"text"


def test_an_answer_that_is_compressed_all_the_same_is_refused(server: "WebServer") -> None:
    uri = server.serve("/a.txt", b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    with pytest.raises(InputError, match="stored as Content-Encoding: gzip"):
        fetch(uri)


def test_a_pinned_digest_is_checked(server: "WebServer") -> None:
    right, wrong = hashlib.sha256(b"text").hexdigest(), "0" * 64
    uri = server.serve("/a.txt", b"text")
    with pytest.raises(InputError, match=f"has SHA-256 {right}, the address pins {wrong}"):
        fetch(f"{uri}#sha256={wrong}")
    assert fetch(f"{uri}#sha256={right.upper()}").sha256 == right


def test_a_pinned_copy_needs_no_server(server: "WebServer") -> None:
    pin = "#sha256=" + hashlib.sha256(b"text").hexdigest()
    uri = server.serve("/a.txt", b"text")
    fetch(uri)
    asked = len(server.log)
    assert fetch(uri + pin).path.read_bytes() == b"text"
    assert len(server.log) == asked


def test_a_good_copy_is_used_when_the_server_is_down(
    server: "WebServer", capsys: pytest.CaptureFixture[str]
) -> None:
    uri = server.serve("/a.txt", b"text")
    before = fetch(uri)
    server.stop()
    assert fetch(uri) == before
    assert "5 times; try again later; the copy in the cache is used" in capsys.readouterr().err
    before.path.write_bytes(b"TEXT")
    with pytest.raises(InputError, match="connection broke or there was none"):
        fetch(uri)


def test_a_signed_address_is_never_shown(
    server: "WebServer", cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = server.serve("/a.txt", b"text", head=False, faults=[("status", (503, {}))])
    fetched = fetch(uri + "?X-Goog-Signature=hush&v=1")
    assert server.methods() == ["HEAD", "GET", "HEAD", "GET", "GET"]  # signed for GET alone
    assert fetched.source == uri
    assert "X-Goog-Signature=hush" in server.log[-1][1]
    assert fetch(uri + "?X-Goog-Signature=later&v=1").path == fetched.path
    told = capsys.readouterr()
    kept = "".join(p.read_text() for p in cache.rglob("*") if p.is_file())
    assert "hush" not in told.out + told.err + kept
    server.files.clear()
    with pytest.raises(InputError) as refused:
        fetch(uri + "?X-Goog-Signature=hush")
    assert "hush" not in str(refused.value)


def test_a_query_that_opens_no_door_names_the_file(server: "WebServer") -> None:
    uri = server.serve("/get", b"text")
    first, second = fetch(uri + "?id=1"), fetch(uri + "?id=2&token=hush")
    assert first.source == uri + "?id=1"
    assert second.source == uri
    assert fetch(uri + "?id=2").path == second.path
    assert first.path != second.path


def test_two_processes_download_once(
    server: "WebServer", body: bytes, other_process: Start
) -> None:
    uri = server.serve("/a.bin", body, faults=[("stall", 2 * MEBIBYTE)])
    one, two = other_process(uri), other_process(uri)
    deadline = time.monotonic() + 15
    while "GET" not in server.methods() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1.0)  # the other one comes to the lock
    server.released.set()
    (path, told), (other, other_told) = one.communicate(timeout=20), two.communicate(timeout=20)
    assert (one.returncode, two.returncode) == (0, 0), told + other_told
    assert path == other
    assert Path(path.strip()).read_bytes() == body
    assert server.bytes_served == len(body)
    assert "another process is fetching" in told + other_told


def test_a_killed_download_goes_on_in_another_process(
    server: "WebServer", cache: Path, body: bytes, other_process: Start
) -> None:
    uri = server.serve("/a.bin", body, faults=[("stall", 2 * MEBIBYTE + 100)])
    process = other_process(uri)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        partial = list((cache / "files").glob("*.partial"))
        if partial and partial[0].stat().st_size == 2 * MEBIBYTE:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    assert fetch(uri).path.read_bytes() == body
    assert server.log[-1] == ("GET", "/a.bin", f"bytes={2 * MEBIBYTE}-")
    assert server.bytes_served == len(body) + 100


def test_too_little_room_is_told_before_anything_is_fetched(
    server: "WebServer", cache: Path
) -> None:
    uri = server.serve("/a.bin", b"")
    server.files["/a.bin"].length = False
    server.files["/a.bin"].headers["Content-Length"] = str(10**16)
    with pytest.raises(InputError, match=f"no room in {cache}/files: {10**16} bytes .* needed"):
        fetch(uri)


def test_a_disk_that_fills_up_is_told(server: "WebServer", body: bytes, cache: Path) -> None:
    uri = server.serve("/a.bin", body)
    code = (
        "import resource, sys; from components.storage import fetch\n"
        "from components.errors import exit_on_input_error\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "with exit_on_input_error(): fetch(sys.argv[1])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, uri], capture_output=True, text=True, check=False, timeout=30,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.returncode == 3
    assert f"error: no room in {cache}/files: {len(body)} bytes" in ended.stderr


def test_a_cache_that_cannot_be_written_is_told(
    server: "WebServer", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cannot write the cache at .*; set BAKEOFF_CACHE"):
        fetch(server.serve("/a.txt", b"text"))


def test_progress_is_a_bar_on_a_terminal(
    server: "WebServer",
    body: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    fetch(server.serve("/a.bin", body))
    assert "━" in capsys.readouterr().err


def test_progress_is_told_in_lines(
    server: "WebServer",
    body: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("components.storage.progress.SECONDS_BETWEEN_TENTHS", 0.0)
    uri = server.serve("/a.bin", body)
    fetch(uri)
    told = capsys.readouterr().err
    assert "a.bin: 1.0 MB of 3.1 MB, 33%, " in told
    assert f"fetched {uri}: 3.1 MB, SHA-256 {hashlib.sha256(body).hexdigest()}" in told
