"""Variables made empty and filled piece by piece, so that weights are never held twice.

TensorFlow holds three copies of an array while a variable is made from it, and writes zeros into
every page of an empty one. The one file here that knows what a backend does with memory.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

PIECE_BYTES = 16 << 20
"""What is copied at a time."""

FLOAT32_BYTES = 4


def empty(shape: tuple[int, ...], dtype: Any = None, **_: Any) -> Any:
    """Initializer of a variable that will be filled: of no certain value, and of no memory yet."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.raw_ops.Empty(shape=shape, dtype=dtype or "float32", init=False)
    return keras.ops.zeros(shape, dtype=dtype)


def fill(variable: keras.Variable, parts: Sequence[Any]) -> None:
    """Sets a variable to arrays or tensors that stand side by side along the last axis."""
    if keras.backend.backend() != "tensorflow":
        variable.assign(np.concatenate([np.asarray(part) for part in parts], axis=-1))
    elif len(parts) == 1 and not isinstance(parts[0], np.ndarray):
        variable.assign(parts[0])  # a tensor of TensorFlow's own is taken as it is
    else:
        _fill_tensorflow(variable, parts)


def _fill_tensorflow(variable: keras.Variable, parts: Sequence[Any]) -> None:
    offset = 0
    for part in parts:
        width = part.shape[-1]
        if len(part.shape) == 1:
            _set(variable, [offset], part)
        else:
            rows = max(1, PIECE_BYTES // (math.prod(part.shape[1:]) * FLOAT32_BYTES))
            for start in range(0, part.shape[0], rows):
                inner = [0] * (len(part.shape) - 2)
                _set(variable, [start, *inner, offset], part[start : start + rows])
        offset += width


def _set(variable: keras.Variable, begin: Sequence[int], piece: Any) -> None:
    """Sets the part of a variable that begins at these indices."""
    import tensorflow as tf

    value = np.ascontiguousarray(piece, dtype="float32")
    # A variable on several devices has no handle of its own, but each of its copies has one.
    for copy in getattr(variable.value, "values", None) or (variable.value,):
        # Not `variable.value[…].assign`: that reads the variable first, and so doubles it.
        tf.raw_ops.ResourceStridedSliceAssign(
            ref=copy.handle,
            begin=begin,
            end=[first + size for first, size in zip(begin, value.shape, strict=True)],
            strides=[1] * value.ndim,
            value=value,
        )
