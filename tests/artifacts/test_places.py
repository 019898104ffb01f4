"""Artifacts in a bucket, on a server that speaks its protocol."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gcp_storage_emulator.server import create_server

from components.artifacts.folder import MANIFEST, new_folder, open_folder
from components.artifacts.places import BEGUN, artifact_at, artifact_place
from components.errors import InputError
from components.storage import names_at, put

KIND = "tokens"


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="bakeoff")
    server.start()
    yield f"http://127.0.0.1:{server._api._httpd.server_address[1]}"
    server.stop()


@pytest.fixture
def address(
    emulator: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> str:
    """An empty place in the bucket."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return f"gs://bakeoff/{request.node.name}"


def write(address: str, kind: str = KIND, **files: str) -> None:
    with artifact_place(address, kind) as path, new_folder(path, kind) as folder:
        for name, text in files.items():
            (folder / f"{name}.txt").write_text(text)


def read(address: str) -> dict[str, str]:
    folder = open_folder(artifact_at(address), KIND)
    return {path.stem: path.read_text() for path in folder.glob("*.txt")}


@pytest.mark.parametrize("remote", [True, False], ids=["bucket", "folder"])
def test_what_is_written_to_a_place_is_read_from_it(
    address: str, tmp_path: Path, remote: bool
) -> None:
    place = address if remote else str(tmp_path / "here")
    write(place, a="1", b="2")
    assert read(place) == {"a": "1", "b": "2"}
    write(place, a="3")
    assert read(place) == {"a": "3"}, "a file of the earlier artifact would be refused"


def test_nothing_is_sent_when_the_work_fails(address: str) -> None:
    with pytest.raises(RuntimeError), artifact_place(address, KIND):
        raise RuntimeError
    assert names_at(address) == frozenset()


def test_another_kind_of_artifact_is_not_replaced(address: str) -> None:
    write(address, kind="model", a="1")
    with pytest.raises(InputError, match=r"holds model, which would be lost; name a new folder"):
        write(address)
    assert artifact_at(address)


def test_files_of_others_are_not_replaced(address: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    put(tmp_path / "notes.txt", f"{address}/notes.txt")
    with pytest.raises(InputError, match=r"not a finished artifact of ours \(it holds notes.txt\)"):
        write(address)


def test_a_file_beside_the_artifacts_is_not_lost(address: str, tmp_path: Path) -> None:
    write(address, a="1")
    (tmp_path / "notes.txt").write_text("x")
    put(tmp_path / "notes.txt", f"{address}/notes.txt")
    with pytest.raises(InputError, match=r"holds notes.txt, which is not part of the artifact"):
        write(address)


def test_a_broken_upload_is_no_artifact_and_may_be_replaced(address: str, tmp_path: Path) -> None:
    for name in (BEGUN, "a.txt"):
        (tmp_path / name).write_text("x")
        put(tmp_path / name, f"{address}/{name}")
    with pytest.raises(InputError, match=rf"has no {MANIFEST}: it is not a finished tokens folder"):
        read(address)
    write(address, b="2")
    assert names_at(address) == {MANIFEST, "b.txt"}


def test_killed_before_the_manifest_is_sent_it_may_be_replaced(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    write(address, a="1")
    with monkeypatch.context() as patch:
        patch.setattr("components.storage.putting._check_alone", kill)  # the last before that
        with pytest.raises(Killed):
            write(address, b="2")
    assert names_at(address) == {BEGUN, "b.txt"}
    write(address, c="3")
    assert names_at(address) == {MANIFEST, "c.txt"}


def test_an_address_that_is_only_read_is_refused_before_the_work() -> None:
    worked = False
    with (
        pytest.raises(InputError, match="https://"),
        artifact_place("https://example.org/tokens", KIND),
    ):
        worked = True
    assert not worked
