"""Packing of texts or pairs into rows, in the style of BERT and ALBERT or of XLNet.

As in google-research/bert's `run_classifier.py` and zihangdai/xlnet's `classifier_utils.py`: a pair
longer than `max_seq_length - 3` loses the last token of its longer text until it fits, of b on a
tie; a single text is cut at its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.tokenization.token_ids import Array, TokenIds, offsets_of

if TYPE_CHECKING:
    import pyarrow as pa

SPECIAL_TOKENS_OF_A_PAIR = 3  # [CLS] a [SEP] b [SEP]

A, B, CLS, SEP = range(4)
"""What stands in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How a family of encoders wants its rows.

    Attributes:
        cls: Name of the token whose state is classified.
        sep: Name of the token that ends a text.
        text: What stands in the row of a text, each with its segment.
        pair: Likewise of a pair.
    """

    cls: str
    sep: str
    text: tuple[tuple[int, int], ...]
    pair: tuple[tuple[int, int], ...]


PACKINGS = {
    "bert": Packing(
        cls="[CLS]",
        sep="[SEP]",
        text=((CLS, 0), (A, 0), (SEP, 0)),
        pair=((CLS, 0), (A, 0), (SEP, 0), (B, 1), (SEP, 1)),
    ),
    "xlnet": Packing(
        cls="<cls>",
        sep="<sep>",
        text=((A, 0), (SEP, 0), (CLS, 2)),
        pair=((A, 0), (SEP, 0), (B, 1), (SEP, 1), (CLS, 2)),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRows:
    """Rows without padding, one behind the other, and what they were made of.

    Attributes:
        input_ids: int32 [tokens].
        token_type_ids: Segments, int8 [tokens].
        offsets: Where each row starts, and the end of the last one, int64 [rows + 1].
        full_lengths: Tokens of each row if none had been cut off, int64 [rows].
        text_tokens: Tokens of the texts, cut ones too, special ones not.
        unknown_tokens: Those of them that are the unknown token.
    """

    input_ids: Array
    token_type_ids: Array
    offsets: Array
    full_lengths: Array
    text_tokens: int
    unknown_tokens: int

    @property
    def lengths(self) -> Array:
        """Tokens of each row, int64 [rows]."""
        return np.diff(self.offsets)

    def columns(self) -> "dict[str, pa.Array]":
        """Returns `input_ids` (lists of int32) and `token_type_ids` (lists of int8) for Arrow."""
        import pyarrow as pa  # here: what only names a tokenizer need not load it

        offsets = pa.array(self.offsets.astype(np.int32))
        return {
            name: pa.ListArray.from_arrays(offsets, pa.array(values))
            for name, values in (
                ("input_ids", self.input_ids),
                ("token_type_ids", self.token_type_ids),
            )
        }


def kept_lengths(length_a: Array, length_b: Array, room: int) -> tuple[Array, Array]:
    """Returns how many tokens of each a and b stay when both must fit into `room` tokens.

    The closed form of popping the longer text's last token, b's on a tie.
    """
    excess = np.maximum(0, length_a + length_b - room)
    from_longer = np.minimum(excess, np.abs(length_a - length_b))
    rest = excess - from_longer  # from here on both are equally long: b, a, b, a …
    longer = length_a > length_b
    return (
        length_a - longer * from_longer - rest // 2,
        length_b - ~longer * from_longer - (rest + 1) // 2,
    )


def pack(
    packing: Packing, ids: TokenIds, pairs: bool, cls: int, sep: int, unknown: int,
    max_seq_length: int,
) -> PackedRows:  # fmt: skip
    """Packs texts, or pairs whose texts follow one another, into rows of limited length.

    Args:
        packing: How.
        ids: The texts: a of each row, or a, b, a, b ….
        pairs: Whether a row is a pair.
        cls: Id of the token whose state is classified.
        sep: Id of the token that ends a text.
        unknown: Id of the unknown token.
        max_seq_length: Tokens that no row exceeds.
    """
    layout = packing.pair if pairs else packing.text
    is_text = np.array([what in (A, B) for what, _ in layout])
    full = ids.lengths.reshape(-1, 1 + pairs)
    kept = _kept_lengths(full, max_seq_length - int((~is_text).sum()))
    lengths = np.ones((len(full), len(layout)), np.int64)
    lengths[:, is_text] = kept
    offsets = offsets_of(lengths.ravel())
    return PackedRows(
        input_ids=_input_ids(
            ids.cut(kept.ravel()).values,
            offsets,
            {
                place: {CLS: cls, SEP: sep}[layout[place][0]]
                for place in np.flatnonzero(~is_text).tolist()
            },
            len(layout),
        ),
        token_type_ids=_token_type_ids([segment for _, segment in layout], lengths),
        offsets=offsets[:: len(layout)],
        full_lengths=full.sum(axis=1) + int((~is_text).sum()),
        text_tokens=len(ids.values),
        unknown_tokens=int((ids.values == unknown).sum()),
    )


def _kept_lengths(lengths: Array, room: int) -> Array:
    """Returns how many tokens of each text stay, [rows, texts], so that rows fit into `room`."""
    if lengths.shape[1] == 1:
        return np.minimum(lengths, room)
    return np.stack(kept_lengths(lengths[:, 0], lengths[:, 1], room), axis=1)


def _input_ids(texts: Array, offsets: Array, specials: Mapping[int, int], parts: int) -> Array:
    """Puts the special token of each of these places of a row between the ids of the texts."""
    input_ids, is_text = np.empty(offsets[-1], np.int32), np.ones(offsets[-1], bool)
    for place, special in specials.items():
        positions = offsets[place:-1:parts]
        input_ids[positions] = special
        is_text[positions] = False
    input_ids[is_text] = texts
    return input_ids


def _token_type_ids(segments: Sequence[int], lengths: Array) -> Array:
    """Repeats the segments of a row as often as its parts are long: `lengths` is [rows, parts]."""
    firsts = [i for i, segment in enumerate(segments) if i == 0 or segment != segments[i - 1]]
    values = np.array([segments[i] for i in firsts], np.int8)
    together = np.add.reduceat(lengths, firsts, axis=1)
    return np.repeat(np.tile(values, len(lengths)), together.ravel())
