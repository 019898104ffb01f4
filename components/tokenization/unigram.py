"""SentencePiece's tokenizer of ALBERT and XLNet, built of the parts that `tokenizers` has.

What is done to a text beforehand is that of zihangdai/xlnet's `prepro_utils.py` (`preprocess_text`;
google-research/albert has the same without the quotes), then that of the model file.
"""

import unicodedata
from collections.abc import Callable, Iterator
from functools import cache

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers
from tokenizers.models import Unigram

from components.tokenization.rules import TextRules
from components.tokenization.sentencepiece_model import (
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
    Piece,
    SentencePieceModel,
)

SPACE = "▁"


def tokenizer_from_sentencepiece(model: SentencePieceModel, rules: TextRules) -> Tokenizer:
    """Builds the tokenizer of a SentencePiece model.

    Pieces that a text never becomes (control symbols such as [CLS], the unknown token, unused
    ones) are marked as special tokens.
    """
    best = max((piece.score for piece in model.pieces if piece.type == NORMAL), default=0.0)
    vocab = [(piece.piece, _score(piece, best)) for piece in model.pieces]
    tokenizer = Tokenizer(Unigram(vocab, model.unknown, model.byte_fallback))
    steps = [*_preprocessing(rules), *_model_normalization(model)]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Metaspace(SPACE)
    tokenizer.add_special_tokens(
        [
            AddedToken(piece.piece, normalized=False, special=True)
            for piece in model.pieces
            if piece.type in (UNKNOWN, CONTROL, UNUSED)
        ]
    )
    return tokenizer


def _score(piece: Piece, best: float) -> float:
    """Scores user-defined symbols above all else, as SentencePiece does (`unigram_model.cc`)."""
    if piece.type == USER_DEFINED:
        return len(piece.piece.encode()) * best - 0.1
    return piece.score


def _preprocessing(rules: TextRules) -> Iterator[normalizers.Normalizer]:
    """Yields the steps of the originals' Python code."""
    if rules.remove_space is not False:
        yield normalizers.Replace(Regex(f"{_characters(str.isspace)}+"), " ")
        yield normalizers.Replace(Regex(r"\A | \z"), "")
    yield normalizers.Replace("``", '"')
    yield normalizers.Replace("''", '"')
    if not rules.keep_accents:
        yield normalizers.NFKD()
        # Not StripAccents: it drops every mark, the vowel signs of Hindi among them.
        yield normalizers.Replace(Regex(_characters(_combines)), "")
    if rules.do_lower_case:
        yield normalizers.Lowercase()


def _model_normalization(model: SentencePieceModel) -> Iterator[normalizers.Normalizer]:
    """Yields the steps of SentencePiece's own normalizer."""
    if model.charsmap:
        if "nfkc" in model.normalization:
            # Precompiled looks at single characters only and would not join Hangul again.
            yield normalizers.NFKC()
        yield normalizers.Precompiled(model.charsmap)
    if model.remove_extra_whitespaces:
        yield normalizers.Replace(Regex(r"\A +| +(?= )"), "")
    if model.add_dummy_prefix:
        yield normalizers.Prepend(SPACE)
    yield normalizers.Replace(" ", SPACE)
    if model.remove_extra_whitespaces:
        yield normalizers.Replace(Regex(rf"{SPACE}+\z"), "")


def _combines(character: str) -> bool:
    return unicodedata.combining(character) != 0


@cache
def _characters(belongs: Callable[[str], bool]) -> str:
    """Returns the regular expression of one of the characters that belong, by Python's Unicode."""
    ranges: list[tuple[int, int]] = []
    for code in filter(lambda code: belongs(chr(code)), range(0x110000)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return "[" + "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ranges) + "]"
