"""Single files, written beside their place and renamed into it when whole."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import InputError


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Gives an empty temporary file beside `path` that becomes `path` on success.

    Raises:
        InputError: It cannot be written there; said before any work is done.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            prefix=f"{path.name}.partial-", dir=path.parent, delete=False
        ) as file:
            partial = Path(file.name)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; name a file in a folder you may write to"
        ) from None
    try:
        yield partial
        partial.chmod(0o644)  # tempfile writes for the owner alone
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
