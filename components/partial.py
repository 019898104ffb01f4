"""What is being written: it lies beside its place as `NAME.partial-…` until it is whole.

Whoever writes holds a lock on it. One that nobody holds was left by a process that was killed, and
goes when something is written to the same place again.
"""

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def partial_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder beside `path`, which is gone in the end if it was not renamed.

    Raises:
        OSError: It cannot be made; said before the body runs.
    """
    with _held(path, tempfile.mkdtemp) as partial:
        yield partial


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Gives an empty file beside `path`, likewise."""
    with _held(path, _make_file) as partial:
        yield partial


def _make_file(*, prefix: str, dir: Path) -> str:
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=dir)
    os.close(descriptor)
    return name


@contextmanager
def _held(path: Path, make: Callable[..., str]) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    descriptor = None
    while descriptor is None:  # until nobody swept it before it was locked
        partial = Path(make(prefix=f"{path.name}.partial-", dir=path.parent))
        descriptor = _locked(partial, where_possible=True)
    try:
        yield partial
    finally:
        _remove(partial)
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Removes what killed processes left beside `path`."""
    for stale in path.parent.glob(f"{glob.escape(path.name)}.partial-*"):
        descriptor = _locked(stale)
        if descriptor is not None:
            _remove(stale)
            os.close(descriptor)


def _locked(partial: Path, *, where_possible: bool = False) -> int | None:
    """Locks a file or folder and returns its descriptor; None if another holds it or it is gone.

    On a file system without locks `where_possible` returns one that is not locked.
    """
    try:
        descriptor = os.open(partial, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = partial.exists()
    except BlockingIOError:
        mine = False
    except OSError:
        mine = where_possible
    if mine:
        return descriptor
    os.close(descriptor)
    return None


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
