"""What is being written, and what a killed process left of it."""

import contextlib
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from components.partial import SET_ASIDE, partial_folder, take_place, temporary_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from components import partial

new, path = map(Path, sys.argv[1:])
rename = Path.rename

def rename_and_die(self, target):
    moved = rename(self, target)
    os.kill(os.getpid(), signal.SIGKILL)
    return moved

Path.rename = rename_and_die
partial.take_place(new, path)
"""


def folder_of(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "a.txt").write_text(content)
    return path


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "out", "old")
    take_place(folder_of(tmp_path / "new", "new"), path)
    assert (path / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_cannot_take_a_place_leaves_what_lay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = folder_of(tmp_path / "out", "old"), folder_of(tmp_path / "new", "new")
    rename = Path.rename

    def refuse_the_new(self: Path, target: Path) -> Path:
        if self == new:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(KeyboardInterrupt):
        take_place(new, path)
    assert (path / "a.txt").read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"out", "new"}


def test_killed_between_two_renames_the_old_one_comes_back(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "out", "old")
    new = folder_of(tmp_path / "new", "new")
    done = subprocess.run([sys.executable, "-c", KILLED, new, path], check=False)
    assert done.returncode == -9
    (left,) = tmp_path.glob("out.partial-*")
    assert (left / SET_ASIDE / "a.txt").read_text() == "old"
    assert not path.exists()
    with partial_folder(path):  # the next one that writes there, and fails
        pass
    assert (path / "a.txt").read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"out", "new"}


def test_only_what_is_ours_is_removed(tmp_path: Path) -> None:
    stale = folder_of(tmp_path / "out.partial-a1b2c3d4", "half")
    theirs = [tmp_path / name for name in ("out.partial-results.csv", "out.partial-A1B2C3D4")]
    for path in theirs:
        path.write_text("precious")
    with partial_folder(tmp_path / "out") as partial, partial_folder(tmp_path / "out") as other:
        assert not stale.exists()
        assert partial.exists() and other.exists()  # noqa: PT018 - one statement: both at once
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in theirs)


def test_too_many_open_files_end_it(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                opened.append((tmp_path / "held").open("w"))
        with pytest.raises(OSError, match="Too many open files"), partial_folder(tmp_path / "out"):
            pass
    finally:
        for file in opened:
            file.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [p.name for p in tmp_path.iterdir()] == ["held"]


def test_what_a_killed_process_left_among_temporary_folders_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder_of(tmp_path / "encoder-bakeoff.partial-a1b2c3d4", "gigabytes")
    with temporary_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
