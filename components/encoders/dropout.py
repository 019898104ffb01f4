"""Dropout that costs little: four decisions of every 64 random bits.

A decision compares 16 bits with the rate, so that the rate is a multiple of 1/65,536 and what is
kept is scaled by exactly that. The one file here that knows how a backend draws random bits.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Tensor = Any

VALUES = 1 << 16
"""Of the 16 bits that decide."""


def _tensorflow_bits(x: Tensor, seed: Tensor) -> Tensor:
    import tensorflow as tf

    seed = tf.cast(seed, tf.uint64)
    drawn = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[(tf.size(x) + 3) // 4],
        key=tf.bitwise.left_shift(seed[:1], tf.constant(32, tf.uint64)) + seed[1:],
        counter=tf.stack([tf.zeros([], tf.uint64), tf.cast(_replica(), tf.uint64)]),
        alg=1,  # Philox
        dtype=tf.int64,
    )
    bits = tf.reshape(tf.bitcast(drawn, tf.int16), [-1])
    return tf.reshape(bits[: tf.size(x)], tf.shape(x))


def _replica() -> Tensor:
    """Returns which of several devices computes; they have the same seed, and other rows."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    several = context and context.num_replicas_in_sync > 1
    return context.replica_id_in_sync_group if several else 0


def _jax_bits(x: Tensor, seed: Tensor) -> Tensor:
    import jax

    return jax.lax.bitcast_convert_type(jax.random.bits(seed, x.shape, "uint16"), "int16")


def _torch_bits(x: Tensor, _: Tensor) -> Tensor:
    """Draws from the generator of the device: reading a seed would halt a GPU."""
    import torch

    drawn = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
    return drawn.random_(-(2**63), None).view(torch.int16)[: x.numel()].view(x.shape)


_BITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tensorflow": _tensorflow_bits,
    "jax": _jax_bits,
    "torch": _torch_bits,
}


@functools.cache
def _of_two_bytes() -> Any:
    """Returns PyTorch's dropout of elements of two bytes, by masks of as many bits.

    Its own comparison and choice are not vectorised: on a CPU they take three times as long.
    """
    import torch

    def masked(x: Tensor, mask: Tensor, scale: float) -> Tensor:
        return (x * scale).view(torch.int16).bitwise_and_(mask).view(x.dtype)

    class OfTwoBytes(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, bits: Tensor, least: int, scale: float) -> Tensor:
            below = bits.clamp(max=least).sub_(least)  # negative, or 0 for what is kept
            mask = below.bitwise_right_shift_(15).bitwise_not_()  # all bits 0, or all 1
            ctx.save_for_backward(mask)
            ctx.scale = scale
            return masked(x, mask, scale)

        @staticmethod
        def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
            (mask,) = ctx.saved_tensors
            return masked(upstream.contiguous(), mask, ctx.scale), None, None, None

    return OfTwoBytes


def drawn_seed(generator: keras.random.SeedGenerator) -> Tensor:
    """Returns the seed of one use of `dropout`."""
    # PyTorch's bits need none, and drawing one takes as long as a small product.
    return 0 if keras.backend.backend() == "torch" else generator.next()


def dropout(x: Tensor, rate: float, seed: Tensor | None) -> Tensor:
    """Sets each element to 0 with a probability of `rate` and scales the others up.

    `seed` is what `drawn_seed` gives; None leaves x as it is.
    """
    dropped = round(rate * VALUES)
    if seed is None or not dropped:
        return x
    backend = keras.backend.backend()
    bits, least = _BITS[backend](x, seed), dropped - VALUES // 2
    scale = VALUES / (VALUES - dropped)
    if backend == "torch" and x.element_size() == 2:
        return _of_two_bytes().apply(x, bits, least, scale)
    return ops.where(bits >= least, x * ops.cast(scale, x.dtype), ops.zeros((), x.dtype))


class Dropout(keras.layers.Layer):
    """`dropout` as a layer."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.generator = keras.random.SeedGenerator()

    def build(self, *_: Any) -> None:
        """Has no weights to make."""

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Maps a tensor of any shape to one of the same."""
        return dropout(x, self.rate, drawn_seed(self.generator) if training else None)
