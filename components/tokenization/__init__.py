"""How texts become ids: the tokenizer of any checkpoint folder, and the packing of rows."""

from components.tokenization.checkpoint import read_tokenizer
from components.tokenization.packing import (
    PACKINGS,
    SPECIAL_TOKENS_OF_A_PAIR,
    PackedRows,
)
from components.tokenization.tokenizer import TextTokenizer, train_tokenizer

__all__ = [
    "PACKINGS",
    "SPECIAL_TOKENS_OF_A_PAIR",
    "PackedRows",
    "TextTokenizer",
    "read_tokenizer",
    "train_tokenizer",
]
