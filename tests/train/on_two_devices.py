"""Trains a few steps over as many virtual devices as told; run as a program by test_devices.py."""

import os
import sys
from pathlib import Path

from components.encoders.quiet import import_keras_quietly


def _make_devices(count: int) -> None:
    """Has the backend see several CPUs; it must not have begun to compute."""
    if os.environ["KERAS_BACKEND"] == "jax":
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
        return
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, parts)


def main(devices: int, parts: int, encoder: str, tokens: Path, model: Path) -> None:
    _make_devices(devices)
    import_keras_quietly()
    from components.encoders import build
    from components.train.backends import current_backend
    from components.train.config import TrainConfig
    from components.train.step import train

    build.CLASSIFIER_DROPOUT = 0.0  # type: ignore[attr-defined]
    assert current_backend().device_count() == devices
    config = TrainConfig(
        train_batch_size=8, learning_rate=1e-3, num_train_epochs=1.0, save_checkpoints_steps=6,
        gradient_accumulation_steps=parts,
    )  # fmt: skip
    train(tokens, model, encoder, config)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
