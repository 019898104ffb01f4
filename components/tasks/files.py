"""Finding and reading the files of a task, with errors that say where in which file."""

from collections.abc import Sequence
from pathlib import Path

from components.errors import InputError
from components.storage import local_path
from components.tasks.config import SPLITS, TaskConfig

OPTIONAL_SPLIT = "test"


def find_files(config: TaskConfig, suffixes: Sequence[str]) -> dict[str, Path]:
    """Returns the file of each split: the one named for it, else the folder's.

    Raises:
        InputError: The folder or a file is missing, or a split has two files.
    """
    folder = local_path(config.data) if config.data else None
    if folder is not None and not folder.is_dir():
        what = "is a file; name its folder, or use --train-data, --dev-data, --test-data"
        raise InputError(f"data {folder} {what if folder.exists() else 'does not exist'}")
    found = {}
    for split in SPLITS:
        if named := config.file_of(split):
            found[split] = local_path(named)
        elif folder is not None and (path := _in_folder(folder, split, suffixes)):
            found[split] = path
        elif split != OPTIONAL_SPLIT:
            raise InputError(
                f"no {split} file in {folder}: looked for "
                f"{', '.join(split + suffix for suffix in suffixes)}"
            )
    return found


def _in_folder(folder: Path, split: str, suffixes: Sequence[str]) -> Path | None:
    present = [path for suffix in suffixes if (path := folder / f"{split}{suffix}").exists()]
    if len(present) > 1:
        raise InputError(
            f"{folder} has several {split} files: {', '.join(p.name for p in present)}; "
            f"keep one, or name it with --{split}-data"
        )
    return present[0] if present else None


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


def decode(content: bytes, path: Path) -> str:
    """Returns UTF-8 bytes as text, without a byte order mark.

    Raises:
        InputError: The bytes are not UTF-8, or hold a NUL.
    """
    if (nul := content.find(b"\0")) >= 0:
        raise InputError(
            f"{path} line {_line_at(content, nul)}: NUL at byte {nul}; it is UTF-16 or no text "
            "file: save it as UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A byte order mark is not part of what the codec counts.
        offset = error.start + (len(content) - len(error.object))
        raise InputError(
            f"{path} line {_line_at(content, offset)}: not UTF-8, byte {offset} is "
            f"0x{content[offset]:02x}; save it as UTF-8"
        ) from None


def _line_at(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1


def split_lines(text: str) -> list[str]:
    r"""Cuts text at \n and \r\n alone: U+2028, \x0b and the like are part of a text.

    Empty lines at the end are dropped.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines
