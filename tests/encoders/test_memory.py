from typing import Any

import keras
import numpy as np
import pytest

from components.encoders import memory


@pytest.mark.parametrize("shape", [(6,), (5, 6), (5, 3, 6), (5, 2, 3, 6)])
@pytest.mark.parametrize("widths", [(6,), (1, 2, 3)])
def test_a_variable_is_filled_piece_by_piece(
    shape: tuple[int, ...], widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PIECE_BYTES", 2 * 4 * 6)  # two rows of the matrix
    variable = keras.Variable(memory.empty, shape=shape, dtype="float32")
    value = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    parts: list[Any] = np.split(value, np.cumsum(widths)[:-1], axis=-1)
    memory.fill(variable, parts)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_tensors_of_the_backend_are_taken_too() -> None:
    variable = keras.Variable(memory.empty, shape=(2, 3), dtype="float32")
    value = np.arange(6, dtype="float32").reshape(2, 3)
    memory.fill(variable, [keras.ops.convert_to_tensor(value)])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_half_precision_becomes_float32() -> None:
    variable = keras.Variable(memory.empty, shape=(2,), dtype="float32")
    memory.fill(variable, [np.array([1.5, 2.5], "float16")])
    assert keras.ops.convert_to_numpy(variable).tolist() == [1.5, 2.5]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's way")
@pytest.mark.parametrize("widths", [(3,), (1, 2)])
def test_each_copy_of_a_variable_on_several_devices_is_filled(widths: tuple[int, ...]) -> None:
    import tensorflow as tf

    value = np.arange(6, dtype="float32").reshape(2, 3)
    parts: list[Any] = np.split(value, np.cumsum(widths)[:-1], axis=-1)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        variable = keras.Variable(memory.empty, shape=(2, 3), dtype="float32")
        memory.fill(variable, parts)
    (copy,) = variable.value.values
    np.testing.assert_array_equal(copy.numpy(), value)
