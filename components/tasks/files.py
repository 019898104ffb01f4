"""Finding and reading the files of a task, with errors that say where in which file."""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError
from components.storage import Fetched, fetch
from components.storage.address import parse_address
from components.storage.credentials import recordable
from components.tasks.config import TaskConfig
from components.tasks.kinds import SPLITS, TASKS

OPTIONAL_SPLIT = "test"
BLOCK_BYTES = 1 << 22
"""How much text is decoded at once: as Python holds it, text takes several times its bytes."""
ROWS_AT_ONCE = 1 << 15
"""How many rows are held as Python's texts and lists, for the same reason."""


@dataclass(frozen=True, slots=True)
class Source:
    """A split before it is parsed.

    Attributes:
        path: Its file; the sample's does not exist.
        content: Its bytes, read once: what is parsed is what the digest is of.
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


def each_source(config: TaskConfig) -> Iterator[tuple[str, Source]]:
    """Yields each split with its bytes; those of the one before need not be kept.

    Raises:
        InputError: A file cannot be found or read, or is empty.
    """
    if config.task == "sample":
        yield from _sample_sources().items()
        return
    try:
        found = find_files(config)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from None
    for split, file in found.items():
        yield split, Source(file.path, read_bytes(file.path), _address(file))


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
            f"data {recordable(uri)} is a file; name its folder, or use --train-data, --dev-data, "
            "--test-data"
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
        raise InputError(
            f"{split}_data {recordable(uri)} ends in {suffix!r}, expected {' or '.join(suffixes)}"
        )
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


def text_blocks(source: Source) -> Iterator[tuple[int, str]]:
    """Yields UTF-8 text as blocks of whole lines, each with the number of its first line, from 1.

    A byte order mark is left out.

    Raises:
        InputError: The bytes are not UTF-8, or hold a NUL.
    """
    start, line = 0, 1
    while start < len(source.content):
        end = source.content.find(b"\n", start + BLOCK_BYTES) + 1 or len(source.content)
        text = _decoded(source, start, end, line)
        # Not utf-8-sig: its errors count bytes from behind the mark.
        yield line, text if start else text.removeprefix("\ufeff")
        start, line = end, line + text.count("\n")


def _decoded(source: Source, start: int, end: int, line: int) -> str:
    """Returns the bytes from start to end as text; the first of them are on this line."""
    block = source.content[start:end]

    def at_byte(place: int) -> str:
        return source.at(line + block.count(b"\n", 0, place))

    if (nul := block.find(b"\0")) >= 0:
        raise InputError(
            f"{at_byte(nul)}: NUL at byte {start + nul}; it is UTF-16 or no text file: save it as "
            "UTF-8"
        )
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{at_byte(error.start)}: not UTF-8, byte {start + error.start} is "
            f"0x{block[error.start]:02x}; save it as UTF-8"
        ) from None


def numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    r"""Yields lines of text with their numbers, from 1, and without what ends them.

    \n and \r\n alone end lines: U+2028, \x0b and the like are part of a text. Empty lines at the
    end are dropped.

    Raises:
        InputError: The bytes are not UTF-8 text, a line between others is empty, or all are.
    """
    empty = number = 0
    for first, text in text_blocks(source):
        for number, line in enumerate(text.removesuffix("\n").split("\n"), start=first):
            if not (stripped := line.removesuffix("\r")):
                empty = empty or number
                continue
            if empty:
                raise InputError(f"{source.at(empty)}: the line is empty; delete it")
            yield number, stripped
    if empty == 1 or not number:
        raise InputError(f"{source.name} is empty")
