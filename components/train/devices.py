"""The accelerators and their memory, asked of each backend in its own way."""

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


def _tensorflow_peak() -> int | None:
    import tensorflow as tf

    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def _jax_peak() -> int | None:
    import jax

    device = next(device for device in jax.devices() if device.platform != "cpu")
    peak = (device.memory_stats() or {}).get("peak_bytes_in_use")
    return None if peak is None else int(peak)


def _torch_peak() -> int | None:
    import torch

    return int(torch.cuda.max_memory_allocated(0))


_NAMES: dict[str, Callable[[], list[str]]] = {
    "tensorflow": _tensorflow_names,
    "jax": _jax_names,
    "torch": _torch_names,
}


def accelerator_names() -> list[str]:
    """Returns the model name of every accelerator that the backend sees."""
    return _NAMES[keras.backend.backend()]()


_PEAKS: dict[str, Callable[[], int | None]] = {
    "tensorflow": _tensorflow_peak,
    "jax": _jax_peak,
    "torch": _torch_peak,
}


def peak_accelerator_memory_bytes() -> int | None:
    """Returns the largest memory in use so far on the first accelerator; None without one."""
    return _PEAKS[keras.backend.backend()]() if accelerator_names() else None
