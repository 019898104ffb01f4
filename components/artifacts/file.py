"""Single files, written beside their place and renamed into it when whole."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from components.errors import InputError, kind_of, writing
from components.partial import partial_file


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Gives an empty temporary file beside `path` that becomes `path` on success.

    Raises:
        InputError: It cannot be written there; said before any work is done.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    with ExitStack() as stack:
        try:
            partial = stack.enter_context(partial_file(path))
        except OSError as error:
            raise kind_of(error)(
                f"cannot write {path}: {error.strerror}; name a file in a folder you may write to"
            ) from None
        with writing("the file", path):
            yield partial
            partial.chmod(0o644)  # tempfile writes for the owner alone
            partial.replace(path)
