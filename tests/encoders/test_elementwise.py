"""GELU and LayerNorm against their formulas in float64, gradients against differences of those."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.elementwise import LayerNorm, gelu, gelu_new

Array = np.ndarray[Any, Any]
EPSILON = 1e-12
TOLERANCE = {"float32": 2e-6, "bfloat16": 2**-8}
"""Of the largest element: a few units in the last place."""
GELU_TOLERANCE = TOLERANCE | ({"bfloat16": 2**-6} if keras.backend.backend() == "jax" else {})


def plain_gelu(x: Array) -> Any:
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def plain_gelu_new(x: Array) -> Any:
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def plain_norm(x: Array, gamma: Array, beta: Array) -> Any:
    variance = x.var(axis=-1, keepdims=True)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(variance + EPSILON) * gamma + beta


def _tensorflow_gradients(function: Any, arguments: list[Any], upstream: Any) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(arguments)
        outputs = function(*arguments)
    return list(tape.gradient(outputs, arguments, upstream))


def _jax_gradients(function: Any, arguments: list[Any], upstream: Any) -> list[Any]:
    import jax

    return list(jax.vjp(function, *arguments)[1](upstream))


def _torch_gradients(function: Any, arguments: list[Any], upstream: Any) -> list[Any]:
    for argument in arguments:
        argument.requires_grad_(True)
    function(*arguments).backward(upstream)
    return [argument.grad for argument in arguments]


GRADIENTS = {
    "tensorflow": _tensorflow_gradients, "jax": _jax_gradients, "torch": _torch_gradients,
}  # fmt: skip


def tensor(array: Array, dtype: str = "float32") -> Any:
    return keras.ops.convert_to_tensor(array.astype("float32"), dtype)


def numbers(values: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(values, "float32")), "float64")


def differences(
    plain: Callable[..., Array], arguments: list[Array], upstream: Array
) -> list[Array]:
    """Returns the gradients of sum(plain(…) * upstream) by central differences."""
    found = []
    for number, argument in enumerate(arguments):
        gradient = np.zeros_like(argument)
        for place in np.ndindex(argument.shape):
            sums = []
            for step in (1e-5, -1e-5):
                moved = [value.copy() for value in arguments]
                moved[number][place] += step
                sums.append((plain(*moved) * upstream).sum())
            gradient[place] = (sums[0] - sums[1]) / 2e-5
        found.append(gradient)
    return found


def assert_close(values: Any, expected: Array, tolerance: float) -> None:
    np.testing.assert_allclose(numbers(values), expected, atol=tolerance * np.abs(expected).max())


def drawn(*shape: int) -> Array:
    """Returns numbers that bfloat16 holds exactly, so that both precisions start from the same."""
    generator = np.random.default_rng(math.prod(shape))
    return np.round(generator.normal(0, 2, shape) * 32) / 32


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("function", "plain"), [(gelu, plain_gelu), (gelu_new, plain_gelu_new)], ids=["gelu", "new"]
)
def test_gelu(function: Any, plain: Callable[[Array], Array], dtype: str) -> None:
    x, upstream = np.append(drawn(4, 7, 5), np.zeros((4, 7, 1)), axis=-1), drawn(4, 7, 6)
    outputs = function(tensor(x, dtype))
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    assert_close(outputs, plain(x), GELU_TOLERANCE[dtype])
    given = [tensor(x, dtype)]
    (found,) = GRADIENTS[keras.backend.backend()](function, given, tensor(upstream, dtype))
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    (expected,) = differences(plain, [x], upstream)
    assert_close(found, expected, GELU_TOLERANCE[dtype])


@pytest.mark.parametrize("far", [-1e12, -40.0, 40.0, 1e12])
@pytest.mark.parametrize("function", [gelu, gelu_new])
def test_gelu_far_from_zero(function: Any, far: float) -> None:
    x = np.array([far])
    (found,) = GRADIENTS[keras.backend.backend()](function, [tensor(x)], tensor(np.ones(1)))
    assert numbers(found)[0] == (far > 0)
    assert numbers(function(tensor(x)))[0] == pytest.approx(max(0.0, far))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 8)])
def test_layer_norm(dtype: str, shape: tuple[int, ...]) -> None:
    policy = "float32" if dtype == "float32" else "mixed_bfloat16"
    layer = LayerNorm(EPSILON, gamma="ones", beta="zeros", dtype=policy)
    layer.build((None, shape[-1]))
    x, gamma, beta, upstream = drawn(*shape), drawn(8) + 1 / 3, drawn(8) + 1 / 3, drawn(*shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    outputs = layer(tensor(x, dtype))
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    assert_close(outputs, plain_norm(x, gamma, beta), TOLERANCE[dtype])

    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        with keras.StatelessScope(state_mapping=[(layer.gamma, gamma), (layer.beta, beta)]):
            return layer(x)

    found = GRADIENTS[keras.backend.backend()](
        norm, [tensor(x, dtype), tensor(gamma), tensor(beta)], tensor(upstream, dtype)
    )
    dtypes = [keras.backend.standardize_dtype(gradient.dtype) for gradient in found]
    assert dtypes == [dtype, "float32", "float32"]
    for values, expected in zip(
        found, differences(plain_norm, [x, gamma, beta], upstream), strict=True
    ):
        assert_close(values, expected, TOLERANCE[dtype])
