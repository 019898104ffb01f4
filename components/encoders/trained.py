"""A trained model folder as a Keras model again."""

from pathlib import Path

import keras
import msgspec

from components.artifacts.model import TrainedModel, read_model
from components.encoders.build import build_classifier
from components.encoders.config import EncoderConfig
from components.encoders.memory import empty
from components.encoders.weights import assign_weights
from components.errors import InputError


def load_model(path: str | Path) -> keras.Model:
    """Returns the classifier of a model folder, on whatever backend Keras runs here.

    It takes a dict of `input_ids`, `token_type_ids` and `attention_mask`, each int32 [batch,
    tokens], and returns logits, float32 [batch, labels], in the order of the `labels` in the
    folder's `training.json`.

    Raises:
        InputError: It is not a whole model folder, or its weights do not fit its architecture.
    """
    return load_classifier(read_model(Path(path)))


def load_classifier(trained: TrainedModel) -> keras.Model:
    """Rebuilds the classifier of a model folder that was read.

    Raises:
        InputError: The weights do not fit the architecture and the labels.
    """
    config = encoder_config(trained)
    model = build_classifier(config, len(trained.training.labels), lambda path, usual: empty)
    assign_weights(model, trained.weights)
    return model


def encoder_config(trained: TrainedModel) -> EncoderConfig:
    """Returns the architecture of a model folder.

    Raises:
        InputError: It is none that this version builds.
    """
    try:
        return msgspec.convert(trained.training.encoder_config, EncoderConfig)
    except msgspec.ValidationError as error:
        raise InputError(
            f"the model's encoder_config is not of this version: {error}; train the model again"
        ) from None
