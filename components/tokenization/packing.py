"""Packing of one text or a pair into a row, in the style of BERT and ALBERT or of XLNet.

As in google-research/bert's `run_classifier.py` and zihangdai/xlnet's `classifier_utils.py`: a pair
longer than `max_seq_length - 3` loses the last token of its longer text until it fits, of b on a
tie; a single text is cut at its end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Row = tuple[list[int], list[int]]
"""`input_ids` and `token_type_ids` of one row, without padding."""

SPECIAL_TOKENS_OF_A_PAIR = 3  # [CLS] a [SEP] b [SEP]
SPECIAL_TOKENS_OF_A_TEXT = 2
XLNET_CLS_SEGMENT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How a family of encoders wants its rows.

    Attributes:
        cls: Name of the token whose state is classified.
        sep: Name of the token that ends a text.
        join: Makes a row of the ids of a, of b or None, of cls and of sep.
    """

    cls: str
    sep: str
    join: Callable[[Sequence[int], Sequence[int] | None, int, int], Row]


def kept_lengths(length_a: int, length_b: int, room: int) -> tuple[int, int]:
    """Returns how many tokens of a and of b stay when both must fit into `room` tokens.

    The closed form of popping the longer text's last token, b's on a tie.
    """
    excess = max(0, length_a + length_b - room)
    from_longer = min(excess, abs(length_a - length_b))
    if length_a > length_b:
        length_a -= from_longer
    else:
        length_b -= from_longer
    rest = excess - from_longer  # from here on both are equally long: b, a, b, a …
    return length_a - rest // 2, length_b - (rest + 1) // 2


def truncate(
    ids_a: Sequence[int], ids_b: Sequence[int] | None, max_seq_length: int
) -> tuple[Sequence[int], Sequence[int] | None]:
    """Returns what stays of a text or a pair so that its row fits into `max_seq_length` tokens."""
    if ids_b is None:
        return ids_a[: max_seq_length - SPECIAL_TOKENS_OF_A_TEXT], None
    room = max_seq_length - SPECIAL_TOKENS_OF_A_PAIR
    length_a, length_b = kept_lengths(len(ids_a), len(ids_b), room)
    return ids_a[:length_a], ids_b[:length_b]


def join_bert(ids_a: Sequence[int], ids_b: Sequence[int] | None, cls: int, sep: int) -> Row:
    """Packs [CLS] a [SEP] or [CLS] a [SEP] b [SEP], segments 0 and 1."""
    first = [cls, *ids_a, sep]
    second = [] if ids_b is None else [*ids_b, sep]
    return first + second, [0] * len(first) + [1] * len(second)


def join_xlnet(ids_a: Sequence[int], ids_b: Sequence[int] | None, cls: int, sep: int) -> Row:
    """Packs a <sep> <cls> or a <sep> b <sep> <cls>, segments 0, 1 and 2 for <cls>."""
    first = [*ids_a, sep]
    second = [] if ids_b is None else [*ids_b, sep]
    segments = [0] * len(first) + [1] * len(second) + [XLNET_CLS_SEGMENT]
    return [*first, *second, cls], segments


PACKINGS = {
    "bert": Packing(cls="[CLS]", sep="[SEP]", join=join_bert),
    "xlnet": Packing(cls="<cls>", sep="<sep>", join=join_xlnet),
}
