"""Fetching: from any address to a file or folder on this machine."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from rich.filesize import decimal

from components.errors import InputError
from components.storage.address import Address, parse_address
from components.storage.archive import (
    DamagedArchive,
    archive_kind,
    folder_of,
    inside,
    is_unpacked,
    unpack,
)
from components.storage.cache import PartialNote, Place, locked, writing
from components.storage.local import local_path
from components.storage.progress import say, transferring
from components.storage.record import (
    Fetched,
    FileRecord,
    Record,
    check_pin,
    folder_digest,
    sha256_of,
)  # fmt: skip
from components.storage.remote import (
    Changed,
    Listing,
    Remote,
    Unreachable,
    download,
    patiently,
)  # fmt: skip
from components.storage.together import Together

# Imported when such an address comes: the libraries behind them take seconds to load.
FINDERS = {
    "http": "components.storage.https",
    "https": "components.storage.https",
    "gs": "components.storage.gcs",
    "s3": "components.storage.s3",
}
NEW_BEGINNINGS = 3

Part = Callable[[str], bool]


class Finder(Protocol):
    """A module that finds what lies at the addresses of a scheme."""

    def find(self, address: Address) -> Listing:
        """Asks the server what lies there."""


def fetch(uri: str, part: Part | None = None) -> Fetched:
    """Makes what lies at an address a file or folder on this machine.

    Archives (.zip, .tar.gz, .tgz) are unpacked into the cache. What was fetched before is checked
    against its SHA-256 and against the server, and fetched again where it differs.

    Args:
        uri: A local path, `file://`, `http(s)://`, `gs://BUCKET/…`, `s3://BUCKET/…` or
            `hf:ORG/NAME[@REVISION]`; `#sha256=HEX` at the end pins the digest.
        part: Says by a file's name below the folder (`config.json`, `onnx/model.onnx`) whether it
            is needed; of single files, archives and local folders everything is taken. Without it
            all files are, but from the hub no pickles and no weights of other frameworks.

    Raises:
        InputError: It cannot be had, is not what is pinned, or is an archive that is refused.
    """
    address = parse_address(uri)
    if address.scheme == "file":
        return _local(address)
    if address.scheme == "hf":
        from components.storage.hub import fetch_snapshot

        return fetch_snapshot(address, part)
    if address.scheme not in FINDERS:
        raise InputError(
            f"cannot read {address.shown!r}: it may be a path or begin with "
            f"file://, {'://, '.join(FINDERS)}:// or hf:"
        )
    return _remote(address, part)


def _local(address: Address) -> Fetched:
    path = local_path(address.uri)
    source = str(path.absolute())
    try:
        if path.is_dir():
            return _local_folder(path, address)
        if not path.is_file():
            state = "is no file or folder" if path.exists() else "does not exist"
            raise InputError(f"{path} {state}: check the spelling")
        sha256 = sha256_of(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    check_pin(source, sha256, address.sha256)
    if kind := archive_kind(path, path.name):
        unpack(path, kind, sha256)
        path = inside(folder_of(sha256))
    return Fetched(path=path, source=source, sha256=sha256)


def _local_folder(path: Path, address: Address) -> Fetched:
    if address.sha256:
        raise InputError(f"{path} is a folder and has no SHA-256: name it without #sha256=…")
    return Fetched(path=path, source=str(path.absolute()), sha256="")


def _remote(address: Address, part: Part | None) -> Fetched:
    place = Place(address)
    with locked(place.lock, address.shown):
        for _ in range(NEW_BEGINNINGS):
            try:
                return _Fetching(address, place, part).run()
            except Changed:
                place.drop_partials()
                say(f"{address.shown} changed while it was fetched: begun anew")
    raise InputError(
        f"{address.shown} changed {NEW_BEGINNINGS} times while it was fetched: "
        "try again when it is no longer written to"
    )


class _Fetching:
    """One address on its way, under its lock."""

    def __init__(self, address: Address, place: Place, part: Part | None) -> None:
        self._address, self._place = address, place
        self._part = part
        self._kept = place.record()

    def run(self) -> Fetched:
        if self._address.sha256 and (kept := self._copy(self._address.sha256)):
            return kept  # the digest says it all; no server is asked
        finder = cast(Finder, import_module(FINDERS[self._address.scheme]))
        try:
            listing = patiently(self._address.shown, lambda: finder.find(self._address))
            return self._bring(listing)
        except Unreachable as error:
            if not (kept := self._copy()):
                raise
            say(f"{error}; the copy in the cache is used")
            return kept

    def _copy(self, sha256: str = "") -> Fetched | None:
        """Returns what is cached, if all that is wanted is there, undamaged and of the digest."""
        kept = self._kept
        if kept is None:
            return None
        wanted = self._wanted(kept.names, kept.folder)
        if not kept.files.keys() >= set(wanted) or sha256 not in ("", _digest(kept, wanted)):
            return None
        if not all(self._intact(name, kept.files[name]) for name in wanted):
            return None
        return self._fetched(kept, wanted)

    def _wanted(self, names: list[str], folder: bool) -> list[str]:
        wanted = [n for n in names if not folder or self._part is None or self._part(n)]
        if not wanted:
            raise InputError(
                f"{self._address.shown} holds none of the files that are needed; "
                f"it holds {', '.join(names[:10])}"
            )
        return wanted

    def _intact(self, name: str, entry: FileRecord) -> bool:
        unpacked = entry.archive and is_unpacked(entry.sha256)
        return unpacked or self._place.intact(name, entry)

    def _bring(self, listing: Listing) -> Fetched:
        names = sorted(listing.files)
        known = self._kept.files if self._kept else {}
        for gone in known.keys() - listing.files.keys():
            self._place.remove(gone)
        files = {name: known[name] for name in names if name in known}
        record = Record(self._address.shown, listing.folder, names, files)
        wanted = self._wanted(names, listing.folder)
        self._place.drop_partials(but=names)
        lacking = [n for n in wanted if not self._current(listing.files[n], n, files.get(n))]
        if lacking:
            self._receive_all(listing, lacking, record)
        if record != self._kept:  # files may also have gone
            self._place.keep(record)
        return self._fetched(record, wanted)

    def _current(self, remote: Remote, name: str, entry: FileRecord | None) -> bool:
        """Says whether the cached file is the server's and undamaged; if not, tells why."""
        if entry is None:
            return False
        size = remote.facts.size
        if entry.identity != remote.facts.identity or size not in (None, entry.size):
            say(f"{remote.shown} has changed since {entry.time}: fetched again")
            return False
        if not entry.identity:
            say(f"the server does not tell whether {remote.shown} changed: the copy here is used")
        if not self._intact(name, entry):
            say(f"the cached copy of {remote.shown} is damaged: fetched again")
            return False
        return True

    def _receive_all(self, listing: Listing, names: list[str], record: Record) -> None:
        facts = {name: listing.files[name].facts for name in names}
        sizes = [fact.size for fact in facts.values() if fact.size is not None]
        notes = [PartialNote(name, fact.identity, fact.size) for name, fact in facts.items()]
        done = sum(self._place.partial(note.name).bytes_of(note) for note in notes)
        total = sum(sizes) if len(sizes) == len(names) else None
        alone = len(names) == 1
        title = names[0].rsplit("/")[-1] if alone else f"{self._address.name} ({len(names)} files)"

        def keep(name: str, entry: FileRecord) -> None:
            record.files[name] = entry
            self._place.keep(record)

        with transferring(title, done, total) as moved:
            together = Together(moved)
            together.run(lambda name: self._receive(listing, name, together), names, keep)

    def _receive(self, listing: Listing, name: str, together: Together) -> FileRecord:
        remote, partial = listing.files[name], self._place.partial(name)
        sha256 = download(remote, name, partial, together)
        kind = "" if listing.folder else archive_kind(partial.path, name)
        with writing(self._place.folder):
            size = partial.path.stat().st_size
            partial.put(self._place.folder / name)
        say(f"fetched {remote.shown}: {decimal(size)}, SHA-256 {sha256}")
        time = datetime.now(UTC).isoformat(timespec="seconds")
        return FileRecord(remote.facts.identity, size, sha256, time, bool(kind))

    def _fetched(self, record: Record, names: list[str]) -> Fetched:
        """Checks the pinned digest, unpacks, and says where it is."""
        sha256 = _digest(record, names)
        path = self._place.folder if record.folder else self._place.folder / names[0]
        check_pin(record.source, sha256, self._address.sha256)
        if not record.folder and record.files[names[0]].archive:
            if path.exists():
                self._unpack(path, sha256)
            path = inside(folder_of(sha256))
        left_out = tuple(sorted(set(record.names) - set(names)))
        return Fetched(path=path, source=record.source, sha256=sha256, left_out=left_out)

    def _unpack(self, path: Path, sha256: str) -> None:
        """Unpacks, and drops the archive: its members are kept, both would take the room twice."""
        try:
            unpack(path, archive_kind(path, path.name), sha256)
        except DamagedArchive:
            path.unlink()  # the next time it is fetched again
            raise
        path.unlink()


def _digest(record: Record, names: list[str]) -> str:
    if record.folder:
        return folder_digest({name: record.files[name].sha256 for name in names})
    return record.files[names[0]].sha256
