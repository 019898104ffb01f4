"""Putting: from a file or folder on this machine to any address that can be written."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from rich.filesize import decimal

from components.errors import InputError
from components.storage.address import Address, parse_address
from components.storage.local import local_path
from components.storage.names import MOST_FILES, check_name
from components.storage.progress import say, transferring
from components.storage.put_local import check_local, names_below, put_local, remove_local
from components.storage.sending import Destination
from components.storage.together import Together

# Imported when such an address comes: the libraries behind them take seconds to load.
DESTINATIONS = {
    "gs": ("components.storage.put_gcs", "GcsDestination"),
    "s3": ("components.storage.put_s3", "S3Destination"),
}


def put(source: Path, uri: str, *, last: str = "") -> None:
    """Makes the address hold what the local file or folder holds, and nothing else.

    Of a folder in a bucket, `last` is removed first, and written when all other files are there
    and were found undamaged: a reader that asks for it never takes half for the whole. On local
    paths the whole folder is renamed into its place. Putting again gives the same.

    Args:
        source: A file, or a folder with at least one file.
        uri: A local path, `file://`, `gs://BUCKET/…` or `s3://BUCKET/…`. Whatever lay there is
            replaced; `names_at` tells beforehand what that is.
        last: The name in the folder of the file that says what the others are.

    Raises:
        InputError: The address is none to write to, refuses, or fails or damages too often.
    """
    address = _writable(uri)
    files = _files_of(source, last)
    size = decimal(sum(path.stat().st_size for path in files.values()))
    if address.scheme == "file":
        put_local(source, files, local_path(address.uri))
    elif "" in files:
        _put_file(files[""], address)
    else:
        _put_folder(files, address, last)
    say(f"put {address.shown}: " + (size if "" in files else f"{len(files)} files, {size}"))


def check_writable(uri: str) -> None:
    """Tries whether `put` could write a folder or file at the address; leaves nothing behind.

    Raises:
        InputError: The scheme is read-only, there is no such bucket, or the credentials lack.
    """
    address = _writable(uri)
    if address.scheme == "file":
        check_local(local_path(address.uri))
        return
    destination = _destination(address)
    destination.probe(removing=bool(destination.below()) or destination.at())


def names_at(uri: str) -> frozenset[str]:
    """Returns the names of all files below an address, or of the file there; empty for nothing.

    Raises:
        InputError: The address is none to write to, or refuses.
    """
    address = _writable(uri)
    if address.scheme == "file":
        return names_below(local_path(address.uri))
    destination = _destination(address)
    return frozenset(destination.below() or ([address.name] if destination.at() else []))


def remove(uri: str) -> None:
    """Removes the file or folder at an address, if there is one.

    Raises:
        InputError: The address is none to write to, or refuses.
    """
    address = _writable(uri)
    if address.scheme == "file":
        remove_local(local_path(address.uri))
        return
    destination = _destination(address)
    for name in destination.below():
        destination.remove(name)
    destination.remove("")


def _writable(uri: str) -> Address:
    address = parse_address(uri)
    if address.scheme != "file" and address.scheme not in DESTINATIONS:
        raise InputError(
            f"cannot write to {address.shown!r}: only local paths, file://, "
            f"{':// and '.join(DESTINATIONS)}:// can be written; others are read only"
        )
    if address.sha256:
        raise InputError(f"{address.shown}: a digest pins what is read; write without #sha256=…")
    return address


def _destination(address: Address) -> Destination:
    module, name = DESTINATIONS[address.scheme]
    made: Callable[[Address], Destination] = getattr(import_module(module), name)
    if not address.uri.partition("://")[2].partition("/")[2].strip("/"):
        raise InputError(f"{address.shown} is a whole bucket: name a place inside it")
    return made(address)


def _files_of(source: Path, last: str) -> dict[str, Path]:
    """Returns the files by their names in the folder, or with no name the one file."""
    if source.is_file():
        return {"": source}
    files = {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }
    if not files:
        raise InputError(f"{source} holds no file, or does not exist: there is nothing to put")
    if last and last not in files:
        raise InputError(f"{source} has no {last}: it is not finished; run the step that writes it")
    if len(files) > MOST_FILES:
        raise InputError(f"{source} holds {len(files)} files, more than {MOST_FILES}")
    for name in files:
        check_name(str(source), name)
    return files


def _put_file(path: Path, address: Address) -> None:
    destination = _destination(address)
    if address.uri.endswith("/"):
        raise InputError(
            f"{address.shown} names a folder, and {path.name} is a file: name the file"
        )
    if destination.below():
        raise InputError(f"{address.shown} is a folder: name another place, or remove it")
    with transferring(address.name, 0, path.stat().st_size) as moved:
        destination.send(path, "", Together(moved))


def _put_folder(files: Mapping[str, Path], address: Address, last: str) -> None:
    destination = _destination(address)
    if destination.at():
        raise InputError(f"{address.shown} is a file: name another place, or remove it")
    there = destination.below()
    if last in there:
        destination.remove(last)
    size = sum(path.stat().st_size for path in files.values())
    with transferring(f"{address.name} ({len(files)} files)", 0, size) as moved:
        together = Together(moved)
        sent: dict[str, str] = {}
        first = [name for name in files if name != last]
        together.run(
            lambda name: destination.send(files[name], name, together), first, sent.__setitem__
        )
        stale = [name for name in there if name not in files]
        together.run(destination.remove, stale, lambda name, nothing: None)
        if last:
            _check_alone(destination, sent, address.shown)
            destination.send(files[last], last, together)


def _check_alone(destination: Destination, sent: Mapping[str, str], shown: str) -> None:
    """Refuses to finish a folder that someone else has written to at the same time."""
    there = destination.below()
    differing = sorted(
        name for name in sent.keys() | there.keys() if sent.get(name) != there.get(name)
    )
    if differing:
        raise InputError(
            f"{shown}: {differing[0]} was changed by someone else while the folder was written: "
            "let one process at a time write there, and put it again"
        )
