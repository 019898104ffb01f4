"""Writing weights as checkpoints that the original codes and transformers load."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from components.artifacts.folder import write_json
from components.encoders.checkpoints import huggingface, tf1
from components.encoders.checkpoints.names import Layout, to_theirs
from components.encoders.config import EncoderConfig

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]

TF1_PREFIX = "model.ckpt"


def write_tf1(folder: Path, config: EncoderConfig, weights: Weights) -> None:
    """Writes a TensorFlow 1 checkpoint, `model.ckpt`, and the config that its code reads.

    Raises:
        InputError: None of the three codes computes this architecture.
    """
    layout, settings = tf1.described(config)
    tf1.write_tensors(folder / TF1_PREFIX, _tensors(layout, config, weights))
    write_json(folder / f"{config.family}_config.json", settings)


def write_hugging_face(
    folder: Path, config: EncoderConfig, weights: Weights, labels: Sequence[str]
) -> None:
    """Writes `config.json` and `model.safetensors` of a classifier, as transformers loads them.

    Raises:
        InputError: transformers computes no such architecture.
    """
    layout, settings = huggingface.described(config)
    tensors = _tensors(layout, config, weights)
    if config.family == "albert" and config.embedding_projection == "none":
        # transformers always widens: what needs no widening is multiplied by one.
        identity = np.eye(config.hidden_size, dtype="float32")
        no_bias = np.zeros(config.hidden_size, "float32")
        tensors |= _tensors(layout, config, {"widen/kernel": identity, "widen/bias": no_bias})
    prefix = "transformer." if config.family == "xlnet" else f"{config.family}."
    named = {
        prefix + name if name.startswith(layout.scopes) else name: np.ascontiguousarray(tensor)
        for name, tensor in tensors.items()
    }
    save_file(named, folder / huggingface.WEIGHTS, metadata={"format": "pt"})
    write_json(
        folder / huggingface.CONFIG,
        settings
        | {
            "id2label": {str(index): label for index, label in enumerate(labels)},
            "label2id": {label: index for index, label in enumerate(labels)},
        },
    )


def _tensors(layout: Layout, config: EncoderConfig, weights: Weights) -> dict[str, Array]:
    tensors: dict[str, Array] = {}
    for path, value in weights.items():
        tensors |= to_theirs(layout, path, value, config.num_attention_heads)
    return tensors
