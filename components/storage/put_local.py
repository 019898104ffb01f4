"""Writing to paths of this machine: copied beside the place, and renamed into it when whole."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.errors import InputError, kind_of
from components.partial import partial_folder, remove_folder, take_place


def put_local(source: Path, files: Mapping[str, Path], target: Path) -> None:
    """Copies the source's files by their names, or with no name one file, to the target.

    Raises:
        InputError: A file lies where a folder shall, or the reverse; it cannot be written there.
    """
    with _told(target):
        if target.exists() and target.is_file() == ("" not in files):
            raise InputError(f"{target} is a {_kind(target)}: name another place, or remove it")
        if "" not in files and target.exists() and _fixed(target):
            raise InputError(f"{target} cannot be replaced as a whole; name a folder inside it")
        if target.resolve() in source.resolve().parents:
            raise InputError(f"{target} holds {source}, which shall be put there; name another")
        with partial_folder(target) as beside:
            _copy(files, beside / "new")
            if "" in files:
                (beside / "new").replace(target)
            else:
                take_place(beside / "new", target)


def check_local(target: Path) -> None:
    """Tries whether something may be written at the target, and leaves nothing there.

    Raises:
        InputError: It may not.
    """
    with _told(target):
        nearest = next(parent for parent in target.absolute().parents if parent.exists())
        tempfile.TemporaryFile(dir=nearest).close()


def names_below(target: Path) -> frozenset[str]:
    """Returns the names of the files in a folder, or the name of the file.

    Raises:
        InputError: They cannot be looked at.
    """
    with _told(target):
        if target.is_file():
            return frozenset({target.name})
        found = (path for path in target.rglob("*") if path.is_file())
        return frozenset(path.relative_to(target).as_posix() for path in found)


def remove_local(target: Path) -> None:
    """Removes a file or folder, if it is there.

    Raises:
        InputError: It cannot be removed.
    """
    with _told(target):
        if target.is_dir():
            remove_folder(target)
        else:
            target.unlink(missing_ok=True)


def _kind(target: Path) -> str:
    return "file" if target.is_file() else "folder"


def _fixed(target: Path) -> bool:
    return target.resolve() == Path.cwd() or target.is_mount()


def _copy(files: Mapping[str, Path], new: Path) -> None:
    for name, path in files.items():
        place = new / name if name else new
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind_of(error)(
            f"cannot write {target}: {error.strerror}; name a place that you may write to and that "
            "has room"
        ) from None
