"""What is being written: it lies beside its place as `NAME.partial-…` until it is whole.

Whoever writes holds a lock on it. One that nobody holds was left by a process that was killed, and
goes when something is written to the same place again; a folder that it had only moved aside comes
back.
"""

import fcntl
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial-"
OF_MKDTEMP = re.compile("[a-z0-9_]{8}")
"""What `tempfile` ends a name with: nobody else's `NAME.partial-results` is taken for ours."""

SET_ASIDE = "set-aside"
"""In a partial folder: what lay in the place that is being taken."""


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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Gives an empty folder among the machine's temporary ones, likewise."""
    with partial_folder(Path(tempfile.gettempdir()) / "encoder-bakeoff") as folder:
        yield folder


def take_place(new: Path, path: Path) -> None:
    """Renames the folder `new` to `path`, where a folder may lie, which is removed last.

    Whatever happens, one of them lies at `path` in the end; where the process is killed between the
    two renames, when the next one writes there.
    """
    if not path.exists():
        new.rename(path)
        return
    with partial_folder(path) as beside:
        path.rename(beside / SET_ASIDE)
        try:
            new.rename(path)
        except BaseException:
            (beside / SET_ASIDE).rename(path)
            raise


def is_partial(path: Path) -> bool:
    """Tells whether a name is of what is being written, or was left when that was killed."""
    return _place_of(path) is not None


def _place_of(path: Path) -> str | None:
    """Returns the name of what is written as `path` until it is whole; None for any other path."""
    name, infix, end = path.name.rpartition(PARTIAL)
    return name if infix and OF_MKDTEMP.fullmatch(end) else None


def remove_folder(path: Path) -> None:
    """Removes a folder at once for whoever looks at its name, and then what was in it."""
    with partial_folder(path) as beside:
        path.rename(beside / "removed")


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
        partial = Path(make(prefix=f"{path.name}{PARTIAL}", dir=path.parent))
        try:
            descriptor = _locked(partial, where_possible=True)
        except OSError:
            _remove(partial)
            raise
    try:
        yield partial
    finally:
        _remove(partial)
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Removes what killed processes left beside `path`; brings back what they had set aside."""
    for stale in path.parent.glob(f"{glob.escape(path.name + PARTIAL)}*"):
        if _place_of(stale) != path.name:
            continue
        descriptor = _locked(stale)
        if descriptor is not None:
            if (stale / SET_ASIDE).is_dir() and not path.exists():
                (stale / SET_ASIDE).rename(path)
            _remove(stale)
            os.close(descriptor)


def _locked(partial: Path, *, where_possible: bool = False) -> int | None:
    """Locks a file or folder and returns its descriptor; None if another holds it or it is gone.

    On a file system without locks `where_possible` returns one that is not locked.

    Raises:
        OSError: With `where_possible`, it is there and cannot be opened.
    """
    try:
        descriptor = os.open(partial, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError:
        if where_possible:
            raise
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
