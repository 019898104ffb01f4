import json
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.dropout import VALUES, Dropout, dropout

ONES = np.ones((300, 1001), "float32")  # not a multiple of four decisions


def dropped(rate: float, dtype: str = "float32") -> "np.ndarray[Any, Any]":
    seed = keras.random.SeedGenerator(1).next()
    outputs = dropout(keras.ops.convert_to_tensor(ONES, dtype), rate, seed)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_rate_and_the_rest_scaled_up(rate: float) -> None:
    outputs = dropped(rate)
    zeros = (outputs == 0).mean()
    assert zeros == pytest.approx(rate, abs=4 * (rate * (1 - rate) / outputs.size) ** 0.5)
    exact = 1 - round(rate * VALUES) / VALUES
    np.testing.assert_allclose(outputs[outputs != 0], 1 / exact, rtol=1e-6)


def test_decisions_of_neighbours_have_nothing_to_do_with_each_other() -> None:
    zeros = (dropped(0.5) == 0).astype(float)
    for distance in (1, 2, 3, 4):
        pairs = np.corrcoef(zeros[:, :-distance].ravel(), zeros[:, distance:].ravel())
        assert abs(pairs[0, 1]) < 0.01


def test_bfloat16_stays_bfloat16() -> None:
    assert (dropped(0.1, "bfloat16") == 0).mean() == pytest.approx(0.1, abs=0.01)


def test_nothing_is_dropped_without_training_or_rate() -> None:
    layer = Dropout(0.5)
    assert (keras.ops.convert_to_numpy(layer(ONES)) == 1).all()
    assert (keras.ops.convert_to_numpy(Dropout(0.0)(ONES, training=True)) == 1).all()


def test_every_use_of_a_layer_drops_anew() -> None:
    layer = Dropout(0.5)
    first, second = (keras.ops.convert_to_numpy(layer(ONES, training=True)) == 0 for _ in range(2))
    assert (first & second).mean() == pytest.approx(0.25, abs=0.01)


def test_the_seed_decides() -> None:
    masks = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        masks.append(keras.ops.convert_to_numpy(Dropout(0.5)(ONES, training=True)) == 0)
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


ON_TWO_DEVICES = """
import json
import keras, numpy as np, tensorflow as tf
from components.encoders.dropout import Dropout

(cpu,) = tf.config.list_physical_devices("CPU")
parts = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, parts)
ones = np.ones((50, 40), "float32")


def masks(strategy):
    keras.utils.set_random_seed(1)
    with strategy.scope():
        layer = Dropout(0.5)
        drop = tf.function(lambda: layer(ones, training=True))
        outputs = strategy.experimental_local_results(strategy.run(drop))
    return [(np.array(output) == 0).tolist() for output in outputs]


alone = masks(tf.distribute.get_strategy())
print(json.dumps(alone + masks(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))))
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's way")
def test_each_of_several_devices_drops_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES], capture_output=True, text=True, check=True
    )
    alone, first, second = np.array(json.loads(done.stdout))
    assert (first == alone).all()
    assert (first & second).mean() == pytest.approx(0.25, abs=0.04)  # 4 standard deviations


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_dropped_and_scaled_as_what_they_are_of(dtype: str) -> None:
    """At two bytes PyTorch's gradient is written out."""
    if keras.backend.backend() != "torch":
        pytest.skip("PyTorch's way")
    import torch

    x = torch.ones((30, 11), dtype=getattr(torch, dtype), requires_grad=True)
    outputs = dropout(x, 0.5, 0)
    outputs.backward(torch.full_like(x, 3.0))
    assert x.grad is not None
    assert x.grad.dtype == x.dtype
    np.testing.assert_array_equal(
        x.grad.float().numpy(), outputs.detach().float().numpy() * np.float32(3)
    )
    assert 0 < (x.grad == 0).float().mean() < 1
