"""Artifact folders: written beside their place, checked, and renamed into it when whole.

A folder counts as an artifact only with its manifest, `artifact.json`, which lists every other file
with its size and SHA-256. It is written last. A step that is killed half-way leaves a folder named
`….partial-…` that nothing reads; a folder that lost or changed a file is refused by name.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from components.errors import InputError

MANIFEST = "artifact.json"
_CHUNK_BYTES = 1 << 20

Record = TypeVar("Record")


class FileEntry(msgspec.Struct, frozen=True):
    """One file of an artifact: size in bytes and SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What an artifact folder holds."""

    kind: str
    files: dict[str, FileEntry]


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _files_below(folder: Path) -> list[Path]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return [p for p in found if p != folder / MANIFEST]


def write_json(path: Path, record: Any) -> None:
    """Writes a dataclass or plain structure as indented JSON with a final newline."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def read_json(path: Path, record_type: type[Record]) -> Record:
    """Reads JSON into a typed record.

    Raises:
        InputError: The file is missing, is not JSON, or lacks what the record needs.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=record_type, strict=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path} is not a {record_type.__name__} of this version: {error}; "
            "run the step that writes it again"
        ) from None


def check_place(path: Path, kind: str) -> None:
    """Refuses to put an artifact where something else lies, or where it could not be put.

    Raises:
        InputError: `path` is a file, the current folder, a mount point, holds another kind of
            artifact or files that are not the artifact's, or cannot be looked at.
    """
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise InputError(f"{path} is a file; name a folder for the {kind}")
        if path.resolve() == Path.cwd() or path.is_mount():
            raise InputError(
                f"{path} cannot be replaced as a whole; name a folder inside it for the {kind}"
            )
        if any(path.iterdir()) and (found := _foreign(path, kind)):
            raise InputError(f"{path} {found}; name a new folder for the {kind}")
    except OSError as error:
        raise _unwritable(path, kind, error) from None


def _foreign(path: Path, kind: str) -> str:
    """Says what a folder holds that is not an artifact of this kind; empty for nothing."""
    if not (path / MANIFEST).is_file():
        return "is not empty and is not an artifact of ours"
    manifest = read_json(path / MANIFEST, Manifest)
    if manifest.kind != kind:
        return f"holds {manifest.kind}, which would be lost"
    names = {str(file.relative_to(path)) for file in _files_below(path)}
    added = sorted(names - manifest.files.keys())
    return f"holds {added[0]}, which is not part of the artifact" if added else ""


def _unwritable(path: Path, kind: str, error: OSError) -> InputError:
    return InputError(
        f"cannot write the {kind} to {path}: {error.strerror}; name a folder you may write to"
    )


@contextmanager
def new_folder(path: Path, kind: str) -> Iterator[Path]:
    """Gives a temporary folder beside `path` that becomes the artifact `path` on success.

    An artifact of the same kind that already lies at `path`, or an empty folder, is replaced.

    Raises:
        InputError: Something else lies at `path` (`check_place`), or it cannot be written.
    """
    check_place(path, kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{path.name}.partial-", dir=path.parent))
    except OSError as error:
        raise _unwritable(path, kind, error) from None
    try:
        yield partial
        _seal(partial, kind)
        _put_in_place(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _seal(folder: Path, kind: str) -> None:
    files = {
        str(p.relative_to(folder)): FileEntry(p.stat().st_size, sha256_of(p))
        for p in _files_below(folder)
    }
    write_json(folder / MANIFEST, Manifest(kind, files))
    folder.chmod(0o755)  # mkdtemp and safetensors write for the owner alone;
    for file in _files_below(folder):  # the next step may run as another user
        file.chmod(0o644)


def _put_in_place(partial: Path, path: Path) -> None:
    """Renames `partial` to `path`; what lay there is moved aside first and removed last."""
    if path.exists():
        old = Path(tempfile.mkdtemp(prefix=f"{path.name}.partial-", dir=path.parent))
        path.rename(old / "old")
        partial.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        partial.rename(path)


def open_folder(path: Path, kind: str) -> Path:
    """Returns `path` after checking that it is a whole artifact of this kind.

    Raises:
        InputError: It does not exist, is of another kind, or a file is missing, cut or changed.
    """
    try:
        found = path.is_dir()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if not found:
        raise InputError(f"no {kind} folder at {path}: it does not exist or is not a folder")
    if not (path / MANIFEST).is_file():
        raise InputError(
            f"{path} has no {MANIFEST}: it is not a finished {kind} folder; "
            "run the step that writes it again"
        )
    manifest = read_json(path / MANIFEST, Manifest)
    if manifest.kind != kind:
        raise InputError(f"{path} holds {manifest.kind}, not {kind}; name a {kind} folder")
    for name, entry in manifest.files.items():
        _check_file(path / name, entry)
    return path


def _check_file(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        state = "is missing"
    elif path.stat().st_size != entry.bytes:
        state = f"has {path.stat().st_size} bytes instead of {entry.bytes}"
    elif sha256_of(path) != entry.sha256:
        state = "has other content than when it was written"
    else:
        return
    raise InputError(f"{path} {state}; run the step that writes it again")
