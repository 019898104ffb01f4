"""How texts become tokens."""

from dataclasses import dataclass

from components.errors import InputError
from components.tokenization import SPECIAL_TOKENS_OF_A_PAIR

LOWER_CASE = {"auto": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeConfig:
    """How texts become tokens.

    Attributes:
        vocab_file: Vocabulary to use instead of the checkpoint's own: WordPiece, one entry a line
            (`vocab.txt`), SentencePiece (`.model`) or `tokenizer.json`; empty = the checkpoint's,
            and for encoders from scratch one trained on the train texts.
        vocab_size: Entries to aim at when the vocabulary is trained; not used with another one.
        do_lower_case: Whether letters become lower case: `true`, `false`, or `auto` = as the
            checkpoint says (`tokenizer_config.json`, or `cased` in its name), else as its family.
        max_seq_length: Longest row in tokens, special tokens included; longer rows are truncated.
        max_unknown_share: Largest allowed share of unknown tokens; above it the vocabulary is
            taken for the wrong one.
    """

    vocab_file: str = ""
    vocab_size: int = 8000
    do_lower_case: str = "auto"
    max_seq_length: int = 128
    max_unknown_share: float = 0.05

    def __post_init__(self) -> None:
        if self.max_seq_length <= SPECIAL_TOKENS_OF_A_PAIR:
            raise InputError(
                f"max_seq_length must be at least {SPECIAL_TOKENS_OF_A_PAIR + 1} "
                f"(three special tokens and one of text), got {self.max_seq_length}"
            )
        if self.do_lower_case not in LOWER_CASE:
            raise InputError(
                f"do_lower_case must be one of {', '.join(LOWER_CASE)}, got {self.do_lower_case!r}"
            )
        if self.vocab_size < 100:
            raise InputError(f"vocab_size must be at least 100, got {self.vocab_size}")
        if not 0 <= self.max_unknown_share <= 1:
            raise InputError(f"max_unknown_share must be in [0, 1], got {self.max_unknown_share}")
