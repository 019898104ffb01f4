"""Archives: honest ones are unpacked, hostile and broken ones are refused as a whole."""

import contextlib
import gzip
import hashlib
import io
import json
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.errors import InputError
from components.storage import archive, fetch

if TYPE_CHECKING:
    from tests.storage.conftest import WebServer

Pack = Callable[[dict[str, bytes]], bytes]
MODEL = {"model/config.json": b"{}", "model/vocab.txt": b"[PAD]\n[UNK]\n"}


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return stream.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    return tar_of(*((file(name, len(content)), content) for name, content in files.items()))


def file(name: str, size: int = 0, **what: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    for field, value in what.items():
        setattr(member, field, value)
    return member


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.PAX_FORMAT) as out:
        for member, content in members:
            out.addfile(member, io.BytesIO(content))
    return stream.getvalue()


PACKED = [pytest.param(".zip", zipped, id="zip"), pytest.param(".tar.gz", tarred, id="tar.gz")]


def unpacked(cache: Path) -> list[str]:
    return sorted(p.suffix or "folder" for p in (cache / "unpacked").glob("*"))


@pytest.mark.parametrize(("suffix", "pack"), [*PACKED, pytest.param(".tgz", tarred, id="tgz")])
def test_a_local_archive_is_unpacked_once(
    tmp_path: Path, cache: Path, suffix: str, pack: Pack
) -> None:
    path = tmp_path / ("albert" + suffix)
    path.write_bytes(pack(MODEL))
    fetched = fetch(str(path))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert fetched.path == cache / "unpacked" / sha256 / "model"
    assert (fetched.source, fetched.sha256) == (str(path), sha256)
    for name, content in MODEL.items():
        assert (fetched.path.parent / name).read_bytes() == content
    made = (fetched.path / "vocab.txt").stat().st_mtime_ns
    assert fetch(path.as_uri()) == fetched
    assert (fetched.path / "vocab.txt").stat().st_mtime_ns == made
    assert path.exists()


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
def test_a_fetched_archive_is_unpacked_and_not_kept_twice(
    server: "WebServer", cache: Path, suffix: str, pack: Pack
) -> None:
    data = pack(MODEL)
    uri = server.serve("/albert" + suffix, data)
    fetched = fetch(uri)
    assert (fetched.path / "config.json").read_bytes() == b"{}"
    assert fetched.sha256 == hashlib.sha256(data).hexdigest()
    assert not list(cache.rglob("albert" + suffix))
    assert fetch(uri) == fetched
    assert server.methods() == ["HEAD", "GET", "HEAD"]
    (fetched.path / "vocab.txt").write_bytes(b"damaged")
    assert (fetch(uri).path / "vocab.txt").read_bytes() == MODEL["model/vocab.txt"]


def test_a_damaged_unpacked_copy_of_a_local_archive_is_made_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(MODEL))
    (fetch(str(path)).path / "config.json").unlink()
    assert (fetch(str(path)).path / "config.json").read_bytes() == b"{}"
    assert "the unpacked copy of a.zip is damaged: unpacked again" in capsys.readouterr().err


def test_files_at_the_top_are_at_the_top(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"config.json": b"{}", "variables/data": b"1"}))
    assert sorted(p.name for p in fetch(str(path)).path.iterdir()) == ["config.json", "variables"]


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
def test_what_macos_adds_is_left_out(tmp_path: Path, suffix: str, pack: Pack) -> None:
    added = {"__MACOSX/model/._config.json": b"x", "._model": b"x", ".DS_Store": b"x"}
    path = tmp_path / ("a" + suffix)
    path.write_bytes(pack(MODEL | added))
    folder = fetch(str(path)).path
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "vocab.txt"]


def test_a_name_without_suffix_is_told_by_its_content(server: "WebServer") -> None:
    assert fetch(server.serve("/download", zipped(MODEL))).path.is_dir()
    assert fetch(server.serve("/plain", b"text")).path.is_file()


def test_a_zip_of_another_name_stays_a_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(zipped(MODEL))
    assert fetch(str(path)).path == path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.zip", b"<html>", "named a zip file but begins with b'<html>'", id="page"),
        pytest.param("a.zip", tarred(MODEL), "as a tar.gz does: name it so", id="tar-named-zip"),
        pytest.param("a.tgz", zipped(MODEL), "as a zip does: name it so", id="zip-named-tgz"),
        pytest.param("a.tgz", b"", "begins with b''", id="empty"),
    ],
)  # fmt: skip
def test_a_name_that_says_something_else_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        fetch(str(tmp_path / name))


NAMES = [
    pytest.param("/etc/passwd", "is an absolute path", id="absolute"),
    pytest.param("../outside", r"leads outside through '\.\.'", id="parent"),
    pytest.param("a/../../outside", r"leads outside through '\.\.'", id="parent-within"),
    pytest.param("C:/outside", "begins with a drive letter", id="drive"),
    pytest.param("..\\outside", "has a backslash", id="backslash"),
    pytest.param("a\nb", "has control characters", id="line-break"),
    pytest.param("a//b", "has an empty part", id="empty-part"),
    pytest.param("x" * 300, "is too long", id="long-part"),
    pytest.param("/".join(["x" * 99] * 20), "is too long", id="long-path"),
]


@pytest.mark.parametrize(("name", "message"), NAMES)
@pytest.mark.parametrize(("suffix", "pack"), PACKED)
def test_names_that_lead_outside_are_refused(
    tmp_path: Path, cache: Path, suffix: str, pack: Pack, name: str, message: str
) -> None:
    path = tmp_path / ("a" + suffix)
    path.write_bytes(pack({"good": b"", name: b"x"}))
    with pytest.raises(InputError, match=message):
        fetch(str(path))
    assert unpacked(cache) in ([], [".lock"])
    assert not (tmp_path / "outside").exists()


def zip_member(name: str, mode: int = 0, flags: int = 0) -> bytes:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        out.writestr(member, b"/etc/passwd")
    data = bytearray(stream.getvalue())
    data[data.index(b"PK\x01\x02") + 8] |= flags
    data[6] |= flags
    return bytes(data)


def zip_twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        out.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            out.writestr("a", b"2")
    return stream.getvalue()


def tar_member(kind: bytes, target: str = "") -> bytes:
    return tar_of((file("a", type=kind, linkname=target), b""))


def tar_with_comment(size: int) -> bytes:
    return tar_of((file("a", pax_headers={"comment": "x" * size}), b""))


def tar_with_more_behind(size: int) -> bytes:
    return gzip.compress(gzip.decompress(tarred(MODEL)) + bytes(size))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        pytest.param("a.zip", lambda: zip_member("a", stat.S_IFLNK), "a link", id="zip-link"),
        pytest.param("a.zip", lambda: zip_member("a", stat.S_IFCHR), "a device", id="zip-device"),
        pytest.param("a.zip", lambda: zip_member("a", flags=1), "which is encrypted", id="locked"),
        pytest.param("a.zip", zip_twice, "holds 'a' twice", id="zip-twice"),
        pytest.param("a.zip", lambda: zipped({"a": b"", "a/b": b""}), "once as a file and once as",
                     id="zip-file-and-folder"),
        pytest.param("a.zip", lambda: zipped({f"{n}": b"" for n in range(10_001)}),
                     "more than 10000 members", id="zip-many"),
        pytest.param("a.zip", lambda: zipped({"a": bytes(64 << 20)}), "grows to 67108864 bytes",
                     id="zip-of-zeros"),
        pytest.param("a.zip", lambda: zipped({}), "holds no files", id="zip-empty"),
        pytest.param("a.tgz", lambda: tar_member(tarfile.SYMTYPE, "/etc"), "a link",
                     id="tar-symbolic-link"),
        pytest.param("a.tgz", lambda: tar_member(tarfile.LNKTYPE, "b"), "a link",
                     id="tar-hard-link"),
        pytest.param("a.tgz", lambda: tar_member(tarfile.CHRTYPE), "a device",
                     id="tar-device"),
        pytest.param("a.tgz", lambda: tar_member(tarfile.FIFOTYPE), "a device",
                     id="tar-pipe"),
        pytest.param("a.tgz", lambda: tar_of((file("a"), b""), (file("a"), b"")), "holds 'a' twice",
                     id="tar-twice"),
        pytest.param("a.tgz", lambda: tar_of((file("a"), b""), (file("./a"), b"")), "'./a' twice",
                     id="tar-twice-in-other-words"),
        pytest.param("a.tgz", lambda: tarred({"a": b"", "a/b": b""}), "once as a file and once as",
                     id="tar-file-and-folder"),
        pytest.param("a.tgz", lambda: tarred({f"._{n}": b"" for n in range(10_001)}),
                     "more than 10000 members", id="tar-many"),
        pytest.param("a.tgz", lambda: tarred({"a": bytes(64 << 20)}), "grows to more than 16777216",
                     id="tar-of-zeros"),
        pytest.param("a.tgz", lambda: tar_with_comment(2 << 20), "more header",
                     id="tar-header-without-end"),
        pytest.param("a.tgz", lambda: tar_with_more_behind(64 << 20),
                     "grows to more than 16777216", id="tar-of-zeros-after-the-end"),
        pytest.param("a.tgz", lambda: tarred({}), "holds no files", id="tar-empty"),
        pytest.param("a.tgz", lambda: gzip.compress(b"no archive, only text"), "cut or damaged",
                     id="gzip-of-text"),
    ],
)  # fmt: skip
def test_hostile_archives_are_refused_whole(
    tmp_path: Path, cache: Path, name: str, make: Callable[[], bytes], message: str
) -> None:
    (tmp_path / name).write_bytes(make())
    with pytest.raises(InputError, match=message):
        fetch(str(tmp_path / name))
    assert unpacked(cache) in ([], [".lock"])


def test_a_size_that_the_headers_understate_is_counted(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": bytes(64 << 20)}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + offset
        data[at : at + 4] = (100).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"cut or damaged \(Bad CRC-32|grows to more than"):
        fetch(str(tmp_path / "a.zip"))


def test_large_archives_have_the_larger_of_both_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"a": bytes(1 << 20)}))
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    assert fetch(str(path)).path.is_dir()
    monkeypatch.setattr(archive, "MOST_BYTES", (1 << 20) - 1)
    path.write_bytes(zipped({"b": bytes(1 << 20)}))
    with pytest.raises(InputError, match="grows to 1048576 bytes when unpacked, more than 1048575"):
        fetch(str(path))


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.999])
def test_cut_archives_are_refused(
    tmp_path: Path, cache: Path, suffix: str, pack: Pack, left: float
) -> None:
    data = pack({"a": random.Random(0).randbytes(10_000), "b": b"text"})
    path = tmp_path / ("a" + suffix)
    path.write_bytes(data[: int(len(data) * left)])
    with pytest.raises(InputError, match="is cut or damaged"):
        fetch(str(path))
    assert unpacked(cache) == [".lock"]


def test_a_cut_download_that_says_no_length_is_found_when_it_is_unpacked(
    server: "WebServer",
) -> None:
    data = tarred(MODEL)
    uri = server.serve("/a.tar.gz", data[:-5], length=False)
    with pytest.raises(InputError, match=r"a\.tar\.gz is cut or damaged"):
        fetch(uri)
    server.files["/a.tar.gz"].body = data  # as before, with the same ETag
    assert fetch(uri).path.is_dir()


@pytest.mark.parametrize(("suffix", "pack"), PACKED)
def test_bytes_that_flipped_never_end_in_a_traceback(
    tmp_path: Path, suffix: str, pack: Pack
) -> None:
    data, generator = pack(MODEL), random.Random(1)
    for _ in range(100):
        changed = bytearray(data)
        for _ in range(3):
            changed[generator.randrange(10, len(data))] = generator.randrange(256)
        path = tmp_path / ("a" + suffix)
        path.write_bytes(changed)
        with contextlib.suppress(InputError):  # and nothing else
            assert fetch(str(path)).path.is_dir()


def test_a_packing_that_is_not_read_is_told(tmp_path: Path) -> None:
    data = bytearray(zipped(MODEL))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + offset] = 99
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InputError, match="packed in a way that is not read"):
        fetch(str(tmp_path / "a.zip"))


def test_the_record_says_what_was_unpacked(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(MODEL))
    fetch(str(tmp_path / "a.zip"))
    (record,) = (cache / "unpacked").glob("*.json")
    assert json.loads(record.read_text()) == {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in MODEL.items()}
    }


def test_a_pinned_digest_is_checked_before_anything_is_unpacked(
    server: "WebServer", tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(MODEL))
    for uri in (str(tmp_path / "a.zip"), server.serve("/a.zip", zipped(MODEL))):
        with pytest.raises(InputError, match="the address pins " + "0" * 64):
            fetch(f"{uri}#sha256={'0' * 64}")
    assert not (cache / "unpacked").exists()
