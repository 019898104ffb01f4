"""The machine's measured GEMM peak: `python -m benchmarks.speed.gemm_peak torch|tensorflow`.

The best of some sizes that BERT-base's products have at batch 16 and LCQMC's lengths, and of
squares; the best of some repetitions. What an encoder's step achieves is compared with that.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from components.encoders.quiet import import_keras_quietly

SIZES = (
    (448, 768, 3072),
    (448, 3072, 768),
    (448, 768, 2304),
    (1792, 768, 3072),
    (1024, 1024, 1024),
    (2048, 2048, 2048),
)
"""(m, k, n) of a product [m, k] x [k, n]: 2 m k n floating-point operations."""

SIZES_ON_GPU = (*SIZES, (8192, 8192, 8192))
SECONDS = 0.3
"""How long a size is repeated."""

PRECISIONS = ("float32", "bfloat16")

Product = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The GFLOP/s of the best product by precision, and the machine it ran on."""

    gflops: dict[str, float]
    hardware: dict[str, str]


def with_torch(m: int, k: int, n: int, precision: str) -> Product:
    """Returns a product that waits for its result."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = getattr(torch, precision)
    a, b = (torch.randn(*shape, device=device).to(dtype) for shape in ((m, k), (k, n)))

    def product() -> None:
        _ = a @ b
        if device == "cuda":
            torch.cuda.synchronize()

    return product


def with_tensorflow(m: int, k: int, n: int, precision: str) -> Product:
    """Returns a product that waits for its result."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    a, b = (tf.cast(generator.normal(size=shape), precision) for shape in ((m, k), (k, n)))
    product = tf.function(lambda a, b: tf.matmul(a, b))
    return lambda: product(a, b)[0, 0].numpy()


WITH = {"torch": with_torch, "tensorflow": with_tensorflow}


def seconds_of(product: Product) -> float:
    """Returns the seconds of the best repetition."""
    product()
    best, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        began = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - began)
    return best


def peak(backend: str) -> Peak:
    """Measures all sizes in both precisions."""
    import_keras_quietly(backend)
    from components.train.machine import hardware

    machine = hardware()
    sizes = SIZES if machine["accelerators"] == "none" else SIZES_ON_GPU
    return Peak(
        gflops={
            precision: max(
                2 * m * k * n / seconds_of(WITH[backend](m, k, n, precision)) / 1e9
                for m, k, n in sizes
            )
            for precision in PRECISIONS
        },
        hardware=machine,
    )


if __name__ == "__main__":
    print(msgspec.json.encode(peak(sys.argv[1])).decode())
