"""How texts become tokens."""

from dataclasses import dataclass

from components.errors import InputError

SPECIAL_TOKENS_OF_A_PAIR = 3  # [CLS] a [SEP] b [SEP]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeConfig:
    """How texts become tokens.

    Attributes:
        vocab_file: WordPiece vocabulary, one entry a line (`vocab.txt` of a BERT or Chinese ALBERT
            checkpoint); empty = train one on the train texts, for encoders from scratch.
        vocab_size: Entries to aim at when the vocabulary is trained; not used with `vocab_file`.
        max_seq_length: Longest row in tokens, special tokens included; longer rows are truncated.
        max_unknown_share: Largest allowed share of unknown tokens; above it the vocabulary is
            taken for the wrong one.
    """

    vocab_file: str = ""
    vocab_size: int = 8000
    max_seq_length: int = 128
    max_unknown_share: float = 0.05

    def __post_init__(self) -> None:
        if self.max_seq_length <= SPECIAL_TOKENS_OF_A_PAIR:
            raise InputError(
                f"max_seq_length must be at least {SPECIAL_TOKENS_OF_A_PAIR + 1} "
                f"(three special tokens and one of text), got {self.max_seq_length}"
            )
        if self.vocab_size < 100:
            raise InputError(f"vocab_size must be at least 100, got {self.vocab_size}")
        if not 0 <= self.max_unknown_share <= 1:
            raise InputError(f"max_unknown_share must be in [0, 1], got {self.max_unknown_share}")
