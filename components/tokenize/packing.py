"""Packing of one text or a pair into a row: [CLS] a [SEP] b [SEP].

As in google-research/bert's `run_classifier.py`: a pair longer than `max_seq_length - 3` loses the
last token of its longer text until it fits, of b on a tie; a single text is cut at its end.
"""

from collections.abc import Sequence


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


def pack(
    ids_a: Sequence[int], ids_b: Sequence[int] | None, max_seq_length: int, cls: int, sep: int
) -> tuple[list[int], list[int]]:
    """Returns `input_ids` and `token_type_ids` of one row, without padding."""
    if ids_b is None:
        kept = list(ids_a[: max_seq_length - 2])
        return [cls, *kept, sep], [0] * (len(kept) + 2)
    length_a, length_b = kept_lengths(len(ids_a), len(ids_b), max_seq_length - 3)
    input_ids = [cls, *ids_a[:length_a], sep, *ids_b[:length_b], sep]
    return input_ids, [0] * (length_a + 2) + [1] * (length_b + 1)
