"""The names of the accelerators, asked of each backend in its own way."""

from collections.abc import Callable

import keras


def _tensorflow_names() -> list[str]:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    devices = tf.config.list_physical_devices("GPU")
    return [str(details(device).get("device_name", device.name)) for device in devices]


def _jax_names() -> list[str]:
    import jax

    return [device.device_kind for device in jax.devices() if device.platform != "cpu"]


def _torch_names() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


_NAMES: dict[str, Callable[[], list[str]]] = {
    "tensorflow": _tensorflow_names,
    "jax": _jax_names,
    "torch": _torch_names,
}


def accelerator_names() -> list[str]:
    """Returns the model name of every accelerator that the backend sees."""
    return _NAMES[keras.backend.backend()]()
