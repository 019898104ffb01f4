"""Rows of tokens as padded model inputs."""

from typing import Any

import keras
import numpy as np
import pyarrow as pa

Array = np.ndarray[Any, Any]


class Rows:
    """The tokens of a split, flat and without padding, ready to be cut into batches.

    Attributes:
        lengths: Tokens of each row, int64 [rows].
        labels: Class index of each row, int32 [rows]; -1 where unknown.
    """

    def __init__(self, table: pa.Table) -> None:
        """Takes a table of `components.artifacts.tokens.SCHEMA`."""
        input_ids = table["input_ids"].combine_chunks()
        self.lengths: Array = input_ids.value_lengths().to_numpy(zero_copy_only=False).astype(int)
        self.labels: Array = table["label"].fill_null(-1).to_numpy().astype("int32")
        self._starts: Array = np.concatenate([[0], np.cumsum(self.lengths)])
        self._input_ids: Array = input_ids.flatten().to_numpy()
        self._token_type_ids: Array = table["token_type_ids"].combine_chunks().flatten().to_numpy()

    def __len__(self) -> int:
        return len(self.lengths)

    def inputs(self, chosen: Array, max_seq_length: int) -> dict[str, Array]:
        """Returns the chosen rows padded to `padded_length` of the longest among them.

        A dict of `input_ids`, `token_type_ids`, `attention_mask`, int32 [len(chosen), tokens].
        """
        lengths = self.lengths[chosen]
        width = padded_length(int(lengths.max()), max_seq_length)
        positions = np.arange(width)
        attention_mask = positions < lengths[:, None]
        flat = np.where(attention_mask, self._starts[chosen][:, None] + positions, 0)
        return {
            "input_ids": np.where(attention_mask, self._input_ids[flat], 0),
            "token_type_ids": np.where(attention_mask, self._token_type_ids[flat], 0).astype(
                "int32"
            ),
            "attention_mask": attention_mask.astype("int32"),
        }


STATIC_SHAPES = {"tensorflow": False, "jax": True, "torch": False}
"""Whether a backend compiles anew for every width of rows."""


def padded_length(length: int, max_seq_length: int) -> int:
    """Returns how wide rows are padded whose longest has `length` tokens.

    No wider where a backend takes any width, else to a `bucket_length`.
    """
    if STATIC_SHAPES[keras.backend.backend()]:
        return bucket_length(length, max_seq_length)
    return length


def bucket_length(length: int, max_seq_length: int) -> int:
    """Rounds a length up so that few different shapes occur, never above `max_seq_length`.

    Up to 128 the result is a multiple of 8; beyond, of an eighth of the power of two below: at most
    an eighth is added, and 512 tokens give 32 different shapes.
    """
    power_of_two_below = 1 << max(1, length - 1).bit_length() - 1
    multiple = max(8, power_of_two_below // 8)
    return min(-(-length // multiple) * multiple, max_seq_length)
