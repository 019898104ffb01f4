"""What is done to case, accents and spaces before a text is cut: who says so, and what."""

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import msgspec

from components.errors import InputError
from components.storage.credentials import recordable

CONFIG = "tokenizer_config.json"
_CASED = re.compile(r"(?<!un)cased")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules:
    """Rules as far as they are stated; None where nobody says, and the file's own rule holds.

    Attributes:
        do_lower_case: Whether letters become lower case.
        strip_accents: Whether WordPiece drops accents; by default where it makes letters lower.
        tokenize_chinese_chars: Whether WordPiece makes every Chinese character a word.
        keep_accents: Whether SentencePiece keeps accents, and forms that NFKD takes apart.
        remove_space: Whether SentencePiece takes any run of white space for one space.
        lowercase_source: Who stated `do_lower_case`.
    """

    do_lower_case: bool | None = None
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool | None = None
    keep_accents: bool | None = None
    remove_space: bool | None = None
    lowercase_source: str = ""

    def with_lower_case(self, default: bool, source: str) -> "TextRules":
        """Returns the same rules with this one for case where none was stated."""
        if self.do_lower_case is not None:
            return self
        return replace(self, do_lower_case=default, lowercase_source=source)


def read_rules(folder: Path, do_lower_case: bool | None) -> TextRules:
    """Reads the rules of a checkpoint folder: its `tokenizer_config.json` where it has one.

    `do_lower_case` wins where it is given.

    Raises:
        InputError: The file is not JSON, or a rule is neither true, false nor null.
    """
    path = folder / CONFIG
    rules = _read_config(path) if path.is_file() else TextRules()
    if do_lower_case is not None:
        return replace(rules, do_lower_case=do_lower_case, lowercase_source="do_lower_case")
    if rules.do_lower_case is not None:
        return replace(rules, lowercase_source=CONFIG)
    return rules


def _read_config(path: Path) -> TextRules:
    try:
        rules = msgspec.json.decode(path.read_bytes(), type=TextRules)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path} cannot be used: {error}; take the file that was published with the encoder, "
            "or remove it and state do_lower_case"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return replace(rules, lowercase_source="")


def cased_name(folder: Path, named: str) -> str:
    """Returns the name of a checkpoint that says `cased` and not `uncased`; empty where none does.

    `named` is what the user called it: a fetched archive does not lie in a folder of its name.

    Folders of TensorFlow 1 say it nowhere else; google-research/bert holds its flag against that
    name too (`validate_case_matches_checkpoint`). Names of its checkpoints count as well.
    """
    names = [
        PurePath(recordable(named)).name,
        folder.resolve().name,
        *sorted(path.stem for path in folder.glob("*.index")),
    ]
    return next((name for name in names if _CASED.search(name.lower())), "")
