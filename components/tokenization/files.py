"""Which file of a folder is its vocabulary, and the reading of such files."""

from pathlib import Path

from components.errors import InputError

TEXT, SENTENCEPIECE, TOKENIZER_JSON = "vocab.txt", "spiece.model", "tokenizer.json"
_MOST_NAMES = 10  # in a message


def find_vocabulary(folder: Path) -> Path:
    """Returns the file of a checkpoint folder that holds its vocabulary.

    `vocab.txt` or the only `vocab*.txt` (Google's Chinese ALBERT has `vocab_chinese.txt`), or
    `spiece.model` or the only `.model`; where there is neither, `tokenizer.json`.

    Raises:
        InputError: The folder cannot be read, or holds none or several.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError as error:
        raise InputError(f"cannot read the vocabulary in {folder}: {error.strerror}") from None
    found = _named(names, TEXT, "vocab", ".txt") + _named(names, SENTENCEPIECE, "", ".model")
    found = found or [name for name in names if name == TOKENIZER_JSON]
    if len(found) > 1:
        raise InputError(
            f"{folder} holds several vocabularies: {', '.join(found)}; "
            "name the encoder's own with vocab_file"
        )
    if not found:
        raise InputError(
            f"{folder} holds no vocabulary: expected {TEXT}, {SENTENCEPIECE} (or another .model) "
            f"or {TOKENIZER_JSON}, found {', '.join(names[:_MOST_NAMES]) or 'no file'}"
            f"{' …' if len(names) > _MOST_NAMES else ''}; name the encoder's own with vocab_file"
        )
    return folder / found[0]


def _named(names: list[str], usual: str, start: str, end: str) -> list[str]:
    """Returns the usual name where it is there, else every name that looks like it."""
    alike = [name for name in names if name.startswith(start) and name.endswith(end)]
    return [usual] if usual in alike else alike


def read_bytes(path: Path) -> bytes:
    """Reads a vocabulary file whole.

    Raises:
        InputError: It does not exist, is a folder or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"vocab_file {path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"vocab_file {path} is a folder; name the vocab.txt in it") from None
    except OSError as error:
        raise InputError(f"cannot read vocab_file {path}: {error.strerror}") from None


def read_text(path: Path) -> str:
    """Reads a vocabulary file as UTF-8.

    Raises:
        InputError: As `read_bytes`, or it is not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"vocab_file {path} is not UTF-8: byte {error.start} is "
            f"0x{error.object[error.start]:02x}; save it as UTF-8"
        ) from None
