import errno
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import (
    ENVIRONMENT,
    EnvironmentTrouble,
    InputError,
    did_you_mean,
    exit_on_input_error,
    lacking,
    writing,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("lable", "; did you mean 'Label'?", id="typo-and-case"),
        pytest.param("xyz", "", id="nothing-close"),
    ],
)
def test_did_you_mean(given: str, expected: str) -> None:
    assert did_you_mean(given, ["Label", "text"]) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no room is left on the disk"),
        (OSError(errno.EROFS, "Read-only file system"), "the disk is read-only"),
        (MemoryError(), "memory did not suffice"),
        (RuntimeError("I/O error: No space left (os error 28)"), "no room is left on the disk"),
        (
            RuntimeError("/d/part-0; No space left on device [Op:SaveV2]"),
            "no room is left on the disk",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            "no temporary folder can be written",
        ),
        (OSError(errno.ENOENT, "No such file"), ""),
        (RuntimeError("a fault of ours"), ""),
        (RuntimeError("unknown (os error 9999)"), ""),
    ],
    ids=repr,
)
def test_what_the_machine_lacks(error: Exception, expected: str) -> None:
    assert lacking(error) == expected


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("mend it"), 2, "error: mend it\n"),
        (EnvironmentTrouble("come later"), ENVIRONMENT, "environment error: come later\n"),
        (InputError("a\x1b[31m\nb\u202e"), 2, "error: a\\x1b[31m\\nb\\u202e\n"),
        (InputError("x" * 9999), 2, f"error: {'x' * 750} … {'x' * 750}\n"),
    ],
    ids=["user", "environment", "control-characters", "long"],
)
def test_an_error_ends_the_process_with_one_line(
    capsys: pytest.CaptureFixture[str], error: InputError, code: int, said: str
) -> None:
    with pytest.raises(SystemExit) as ended, exit_on_input_error():
        raise error
    assert (ended.value.code, capsys.readouterr().err) == (code, said)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left"),
         "no room is left on the disk: the cake could not be written to {folder}/cake; make room, "
         "or name another place to write to; nothing half-written was kept"),
        (OSError(errno.ENOSPC, "No space left", "/other/place"),
         "no room is left on the disk: /other/place ([Errno 28] No space left: '/other/place'); "
         "make room, or name another place to write to; nothing half-written was kept"),
        (MemoryError(),
         "memory did not suffice; run it where there is more memory, or on less at a time"),
        (OSError(errno.EMFILE, "Too many open files"),
         "too many files are open ([Errno 24] Too many open files); raise the limit of open files "
         "(ulimit -n)"),
    ],
    ids=["here", "elsewhere", "memory", "files"],
)  # fmt: skip
def test_what_could_not_be_written_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, error: Exception, said: str
) -> None:
    path = tmp_path / "cake"
    with pytest.raises(SystemExit, match="3"), exit_on_input_error(), writing("the cake", path):
        raise error
    assert capsys.readouterr().err == f"environment error: {said.format(folder=tmp_path)}\n"


def test_a_fault_of_ours_shows_as_such() -> None:
    with (
        pytest.raises(RuntimeError),
        exit_on_input_error(),
        writing("the cake", Path("cake")),
    ):
        raise RuntimeError


@pytest.mark.parametrize("kilobytes", [1, 8, 64])
def test_a_disk_without_room_ends_a_step_with_code_3(tmp_path: Path, kilobytes: int) -> None:
    """A limit on the size of files stands for the disk: its error comes from the same calls."""
    tokenize = f"{sys.executable} -m components.tokenize --tokens {tmp_path / 'tokens'}"
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {kilobytes}; exec {tokenize}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ENVIRONMENT
    assert done.stderr.startswith("environment error: the file is larger than the disk or a limit")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
