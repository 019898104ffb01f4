"""GELU and LayerNorm in few passes over the states.

PyTorch has a kernel for each, and XLA makes one. TensorFlow composes them of a dozen operations and
their gradients of two dozen: there the gradients are written out. Whatever the precision of the
states, they are computed in float32, but for GELU on JAX.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import keras
from keras import ops

Tensor = Any

SLOPE, CUBIC = sqrt(2 / pi), 0.044715
"""Of gelu's tanh form, x (1 + tanh(SLOPE (x + CUBIC x³))) / 2: arXiv 1606.08415, section 2."""


def gelu(x: Tensor) -> Tensor:
    """Returns x times the share of the normal distribution below x."""
    if keras.backend.backend() == "tensorflow":
        return _times_share(
            x,
            lambda x: ops.erf(x * sqrt(1 / 2)) / 2 + 0.5,
            lambda x, _: ops.exp(x * x * -0.5) * sqrt(1 / (2 * pi)),
        )
    return ops.gelu(x, approximate=False)


def gelu_new(x: Tensor) -> Tensor:
    """Returns gelu in its tanh form."""
    if keras.backend.backend() == "tensorflow":
        return _times_share(
            x,
            lambda x: ops.tanh(x * (x * x * (SLOPE * CUBIC) + SLOPE)) / 2 + 0.5,
            # tanh' = 1 - tanh², which of share = (1 + tanh) / 2 is 4 share (1 - share).
            lambda x, share: (share - share * share) * (x * x * (6 * SLOPE * CUBIC) + 2 * SLOPE),
        )
    return ops.gelu(x, approximate=True)


def _times_share(
    x: Tensor, share_of: Callable[[Tensor], Tensor], density_of: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Returns x times a share that depends on x; the share's derivative is its density."""
    import tensorflow as tf

    @tf.custom_gradient
    def of(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        wide = tf.cast(x, tf.float32)
        share = share_of(wide)

        def gradient(upstream: Tensor) -> Tensor:
            slope = share + wide * density_of(wide, share)
            return tf.cast(tf.cast(upstream, tf.float32) * slope, x.dtype)

        return tf.cast(wide * share, x.dtype), gradient

    return of(x)


def _tensorflow_norm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    import tensorflow as tf

    def mean(x: Tensor) -> Tensor:
        return tf.reduce_mean(x, axis=-1, keepdims=True)

    @tf.custom_gradient
    def of(x: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        wide = tf.cast(x, tf.float32)
        centred = wide - mean(wide)
        scale = tf.math.rsqrt(mean(centred * centred) + epsilon)
        normal = centred * scale

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            wide = tf.cast(upstream, tf.float32)
            of_normal = wide * gamma
            along = mean(of_normal * normal)
            of_x = (of_normal - mean(of_normal) - normal * along) * scale
            rows = list(range(len(x.shape) - 1))
            of_gamma, of_beta = (tf.reduce_sum(t, rows) for t in (wide * normal, wide))
            return tf.cast(of_x, x.dtype), of_gamma, of_beta

        return tf.cast(normal * gamma + beta, x.dtype), gradient

    return of(x, *map(tf.convert_to_tensor, (gamma, beta)))  # it refuses variables


def _torch_norm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    import torch

    # The kernel of a GPU wants all in one precision; that of a CPU does not, and saves the casts.
    wide = x.float() if x.is_cuda else x
    normal = torch.nn.functional.layer_norm(wide, gamma.shape, gamma, beta, epsilon)
    return normal.to(x.dtype)


def _jax_norm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    return ops.layer_normalization(x, gamma, beta, axis=-1, epsilon=epsilon)


_NORMS: dict[str, Callable[[Tensor, Tensor, Tensor, float], Tensor]] = {
    "tensorflow": _tensorflow_norm,
    "jax": _jax_norm,
    "torch": _torch_norm,
}


class LayerNorm(keras.layers.Layer):
    """LayerNorm over the last axis, whose `gamma` and `beta` are never rounded."""

    def __init__(self, epsilon: float, gamma: Any, beta: Any, **options: Any) -> None:
        """Takes epsilon, and the initializers of both variables."""
        super().__init__(**options)
        self.epsilon = epsilon
        self._initializers = {"gamma": gamma, "beta": beta}

    def build(self, input_shape: Any) -> None:
        """Makes the variables, of the last axis' width."""
        self.gamma, self.beta = (
            self.add_weight(
                shape=input_shape[-1:], initializer=initializer, autocast=False, name=name
            )
            for name, initializer in self._initializers.items()
        )

    def call(self, x: Tensor) -> Tensor:
        """Maps a tensor of any shape to one of the same."""
        gamma, beta = map(ops.convert_to_tensor, (self.gamma, self.beta))
        return _NORMS[keras.backend.backend()](x, gamma, beta, self.epsilon)
