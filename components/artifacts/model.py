"""The model folder: `weights.safetensors`, `training.json`, the tokenizer, `logs/`.

`weights.safetensors` names each array by its Keras variable path, e.g. `layer_0_0/query_key_value/
kernel`. `logs/` holds TensorBoard event files.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from components.artifacts.facts import TrainingFacts
from components.artifacts.folder import new_folder, open_folder, read_json, write_json
from components.artifacts.tokens import TOKENIZER, VOCAB, Tokens
from components.errors import InputError

KIND = "model"
WEIGHTS = "weights.safetensors"
TRAINING = "training.json"
LOGS = "logs"

Weights = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model folder, read.

    Attributes:
        weights: Arrays by variable path.
        training: How the model came to be; its `encoder_config` rebuilds the architecture.
        tokenizer_json: The tokenizer that it was trained with, as `tokenizers` stores it.
        vocab: Its vocabulary, one entry a line.
    """

    weights: Weights
    training: TrainingFacts
    tokenizer_json: str
    vocab: str


@contextmanager
def new_model_folder(path: Path) -> Iterator[Path]:
    """Gives a folder to train into; it becomes the model folder `path` on success.

    Raises:
        InputError: `path` cannot be written or holds something else.
    """
    with new_folder(path, KIND) as folder:
        yield folder


def write_model(folder: Path, weights: Weights, training: TrainingFacts, tokens: Tokens) -> None:
    """Writes weights, training facts and tokenizer into a folder from `new_model_folder`."""
    save_file(dict(weights), folder / WEIGHTS)
    write_json(folder / TRAINING, training)
    (folder / TOKENIZER).write_text(tokens.tokenizer_json, encoding="utf-8")
    (folder / VOCAB).write_text(tokens.vocab, encoding="utf-8")


def read_model(path: Path) -> TrainedModel:
    """Reads a model folder.

    Raises:
        InputError: It is not a whole model folder.
    """
    folder = open_folder(path, KIND, needs=(WEIGHTS, TRAINING, TOKENIZER, VOCAB))
    try:
        weights = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise InputError(
            f"{folder / WEIGHTS} is not safetensors: {error}; train the model again"
        ) from None
    return TrainedModel(
        weights=weights,
        training=read_json(folder / TRAINING, TrainingFacts),
        tokenizer_json=_read_text(folder / TOKENIZER),
        vocab=_read_text(folder / VOCAB),
    )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}; train the model again") from None
