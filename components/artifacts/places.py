"""Artifact folders at any address: fetched before a step reads them, sent when one is whole.

A folder on this machine is read and written where it lies. One at gs:// or s3:// is fetched into
the cache, or made in a temporary folder and put there with its manifest last: who finds the
manifest finds all of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.artifacts.folder import MANIFEST, check_place, what_would_be_lost
from components.errors import InputError
from components.partial import temporary_folder
from components.storage import check_writable, fetch, local_path, names_at, put, remove
from components.storage.address import parse_address

BEGUN = f"{MANIFEST}.begun"
"""Lies beside an artifact's files while they are sent: a broken upload may be replaced."""


def is_local(uri: str) -> bool:
    """Tells whether an address is a path of this machine."""
    return parse_address(uri).scheme == "file"


def artifact_at(uri: str) -> Path:
    """Returns the folder of an artifact on this machine, fetched if it lies elsewhere.

    Whether it is an artifact at all, and whole, its reader checks.

    Raises:
        InputError: It cannot be had.
    """
    return local_path(uri) if is_local(uri) else fetch(uri).path


@contextmanager
def artifact_place(uri: str, kind: str) -> Iterator[Path]:
    """Gives the local path to write an artifact to; on success it lies at the address.

    Raises:
        InputError: It could not be written there, or something else lies there: said before any
            work is done.
    """
    if is_local(uri):
        path = local_path(uri)
        check_place(path, kind)
        yield path
        return
    _check_remote_place(uri, kind)
    check_writable(uri)
    with temporary_folder() as folder:
        path = folder / kind
        yield path
        begun, there = path / BEGUN, f"{uri.rstrip('/')}/{BEGUN}"
        begun.write_text(kind)
        put(begun, there)
        put(path, uri, last=MANIFEST)  # BEGUN is among the files: it stays until all are there
        remove(there)


def _check_remote_place(uri: str, kind: str) -> None:
    """Refuses to replace what is no artifact of this kind, as `check_place` does on a disk."""
    names = names_at(uri)
    if not names or BEGUN in names:
        return
    shown = parse_address(uri).shown
    if MANIFEST not in names:
        raise InputError(
            f"{shown} is not empty and is not a finished artifact of ours (it holds "
            f"{min(names)}); name a new folder for the {kind}, or remove what lies there"
        )
    folder = fetch(uri, MANIFEST.__eq__).path
    if lost := what_would_be_lost(folder, names - {MANIFEST}, kind):
        raise InputError(f"{shown} {lost}; name a new folder for the {kind}")
