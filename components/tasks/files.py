"""Finding and reading the files of a task, with errors that say where in which file."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError
from components.storage import Fetched, fetch
from components.storage.address import parse_address
from components.tasks.config import TaskConfig
from components.tasks.kinds import SPLITS, TASKS

OPTIONAL_SPLIT = "test"


@dataclass(frozen=True, slots=True)
class Source:
    """A split before it is parsed.

    Attributes:
        path: Its file; the sample's does not exist.
        content: Its bytes.
        address: Where the file was fetched from; empty for one of this machine.
    """

    path: Path
    content: bytes
    address: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.address or str(self.path)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def at(self, line: int) -> str:
        """Returns the place of a row for messages; a Parquet file has rows, from 1, not lines."""
        return f"{self.name} {'row' if self.path.suffix == '.parquet' else 'line'} {line}"


def read_sources(config: TaskConfig) -> dict[str, Source]:
    """Returns the bytes of each split.

    Raises:
        InputError: A file cannot be found or read, or is empty.
    """
    if config.task == "sample":
        return _sample_sources()
    try:
        found = find_files(config)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from None
    return {
        split: Source(file.path, read_bytes(file.path), _address(file))
        for split, file in found.items()
    }


def _address(file: Fetched) -> str:
    return "" if parse_address(file.source).scheme == "file" else file.source


def _sample_sources() -> dict[str, Source]:
    # Imported here: no other task needs the lexicon.
    from components.tasks.sample import generate_sample

    return {
        split: Source(
            Path(f"sample-{split}.tsv"),
            rows[["text_a", "text_b", "label"]]
            .to_csv(index=False, sep="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
            .encode(),
        )
        for split, rows in generate_sample().items()
    }


def find_files(config: TaskConfig) -> dict[str, Fetched]:
    """Returns the file of each split, fetched: the one named for it, else the folder's.

    Raises:
        InputError: The folder or a file is missing, a split has two files, or a file that was named
            has another suffix.
    """
    names = {s: TASKS[config.task].file_names(s, config.rows_language) for s in SPLITS}
    folder = _fetched_folder(config.data, names) if config.data else None
    found = {}
    for split in SPLITS:
        if named := config.file_of(split):
            found[split] = _named(named, split, names[split])
        elif folder is not None and (file := _in_folder(folder, split, names[split])):
            found[split] = file
        elif folder is not None and split != OPTIONAL_SPLIT:
            raise InputError(_missing(folder, split, names[split]))
    return found


def _fetched_folder(uri: str, names: Mapping[str, Sequence[str]]) -> Fetched:
    """Returns the folder of the data; of one that lies elsewhere only the files of the splits."""
    wanted = {name for names_of_split in names.values() for name in names_of_split}
    folder = fetch(uri, wanted.__contains__)
    if not folder.path.is_dir():
        raise InputError(
            f"data {uri} is a file; name its folder, or use --train-data, --dev-data, --test-data"
        )
    return folder


def _missing(folder: Fetched, split: str, names: Sequence[str]) -> str:
    present = sorted({path.name for path in folder.path.iterdir()} | set(folder.left_out))
    return (
        f"no {split} file in {_address(folder) or folder.path}: looked for "
        f"{', '.join(names)}; it holds "
        f"{', '.join(present[:10]) or 'nothing'}{' …' if len(present) > 10 else ''}; "
        f"rename the file, or name it with --{split}-data"
    )


def _named(uri: str, split: str, names: Sequence[str]) -> Fetched:
    suffix = Path(parse_address(uri).name).suffix
    suffixes = dict.fromkeys(Path(name).suffix for name in names)
    if suffix not in suffixes:
        raise InputError(f"{split}_data {uri} ends in {suffix!r}, expected {' or '.join(suffixes)}")
    return fetch(uri)


def _in_folder(folder: Fetched, split: str, names: Sequence[str]) -> Fetched | None:
    present = [name for name in names if (folder.path / name).exists()]
    if len(present) > 1:
        raise InputError(
            f"{_address(folder) or folder.path} has several {split} files: {', '.join(present)}; "
            f"keep one, or name it with --{split}-data"
        )
    if not present:
        return None
    source = f"{folder.source.rstrip('/')}/{present[0]}"
    return Fetched(path=folder.path / present[0], source=source, sha256="")


def read_bytes(path: Path) -> bytes:
    """Returns the bytes of a data file.

    Raises:
        InputError: It is missing, a folder, unreadable or empty.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name a file") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if not content:
        raise InputError(f"{path} is empty")
    return content


def decode(source: Source) -> str:
    """Returns UTF-8 bytes as text, without a byte order mark.

    Raises:
        InputError: The bytes are not UTF-8, or hold a NUL.
    """
    if (nul := source.content.find(b"\0")) >= 0:
        raise InputError(
            f"{_at_byte(source, nul)}: NUL at byte {nul}; it is UTF-16 or no text file: save it as "
            "UTF-8"
        )
    try:
        # Not utf-8-sig: its errors count bytes from behind the mark.
        return source.content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{_at_byte(source, error.start)}: not UTF-8, byte {error.start} is "
            f"0x{source.content[error.start]:02x}; save it as UTF-8"
        ) from None


def _at_byte(source: Source, offset: int) -> str:
    return source.at(source.content.count(b"\n", 0, offset) + 1)


def split_lines(source: Source) -> list[str]:
    r"""Cuts text at \n and \r\n alone: U+2028, \x0b and the like are part of a text.

    Empty lines at the end are dropped.

    Raises:
        InputError: The bytes are not UTF-8 text, or a line between others is empty.
    """
    lines = [line.removesuffix("\r") for line in decode(source).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise InputError(f"{source.at(lines.index('') + 1)}: the line is empty; delete it")
    if not lines:
        raise InputError(f"{source.name} is empty")
    return lines
