"""Local files by path or `file://` URI."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from components.errors import InputError


def local_path(uri: str) -> Path:
    """Returns the local path that a path or `file://` URI names; it need not exist.

    Raises:
        InputError: The URI has another scheme, or a `file://` URI names another host.
    """
    if "://" not in uri:
        try:
            return Path(uri).expanduser()
        except RuntimeError:
            raise InputError(f"cannot read {uri!r}: there is no such user's home") from None
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    raise InputError(
        f"cannot read {uri!r}: only local paths and file:///… URIs are read; "
        "copy the files here first and name the local path"
    )
