"""Encoders and classifiers as Keras models, composed from a config.

Inputs of both: `input_ids`, `token_type_ids`, `attention_mask`, each int32 [batch, tokens].
"""

from collections.abc import Mapping
from typing import Any

import keras

from components.encoders.config import CLASSIFIER_DROPOUT, EncoderConfig
from components.encoders.layers import (
    Embeddings,
    Initial,
    TransformerLayer,
    dense,
    layer_norm,
    usual,
)
from components.encoders.xlnet import (
    LastToken,
    RelativePositions,
    RelativeTransformerLayer,
    WordEmbedding,
)

INPUTS = ("input_ids", "token_type_ids", "attention_mask")


def build_encoder(config: EncoderConfig, initial: Initial = usual) -> keras.Model:
    """Builds an encoder; `initial` may give its variables other values than random ones.

    Its outputs are a dict: `embeddings` [batch, tokens, sum_size], `sequence` [batch, tokens,
    hidden_size] and `pooled` [batch, hidden_size] (a tanh layer on the first token; of relative
    positions on the last one).
    """
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    relative = config.position_embeddings == "relative"
    outputs = (_relative_states if relative else _absolute_states)(config, initial, inputs)
    pooler = dense(config, config.hidden_size, "pooler", initial, activation="tanh")
    sequence, attention_mask = outputs["sequence"], inputs["attention_mask"]
    token = LastToken(name="last_token")(sequence, attention_mask) if relative else sequence[:, 0]
    return keras.Model(inputs, outputs | {"pooled": pooler(token)}, name="encoder")


def _relative_states(
    config: EncoderConfig, initial: Initial, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns XLNet's embeddings and sequence."""
    embeddings = states = WordEmbedding(config, "embeddings", initial)(inputs["input_ids"])
    positions = RelativePositions(config, name="positions")(embeddings)
    for index in range(config.num_hidden_layers):
        layer = RelativeTransformerLayer(config, f"layer_{index}_0", initial)
        states = layer(states, positions, inputs["token_type_ids"], inputs["attention_mask"])
    # The last states have a dropout of their own, as in the original code.
    states = keras.layers.Dropout(config.hidden_dropout_prob)(states)
    return {"embeddings": embeddings, "sequence": states}


def _absolute_states(
    config: EncoderConfig, initial: Initial, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the embeddings and sequence of the other families."""
    embeddings = Embeddings(config, "embeddings", initial)(
        inputs["input_ids"], inputs["token_type_ids"]
    )
    states = embeddings
    if config.embedding_projection == "after_norm":
        states = dense(config, config.hidden_size, "widen", initial)(embeddings)
    for layer in _layer_sequence(config, initial):
        states = layer(states, inputs["attention_mask"])
    return {"embeddings": embeddings, "sequence": states}


def _layer_sequence(config: EncoderConfig, initial: Initial) -> list[Any]:
    """Returns the layers in the order of their use; a shared layer stands in it several times."""
    groups = [
        [
            TransformerLayer(config, f"layer_{group}_{inner}", initial)
            for inner in range(config.inner_group_num)
        ]
        for group in range(config.num_hidden_groups)
    ]
    uses_of_a_group = config.num_hidden_layers // config.num_hidden_groups
    return [layer for group in groups for _ in range(uses_of_a_group) for layer in group]


def build_classifier(
    config: EncoderConfig, num_labels: int, initial: Initial = usual
) -> keras.Model:
    """Builds an encoder with a classification head; its output is logits [batch, num_labels].

    The head is dropout and a dense layer on `pooled`, with a LayerNorm before them where
    `config.normalize_pooled`. Logits are float32 whatever the precision of the rest.
    """
    encoder = build_encoder(config, initial)
    pooled = encoder.output["pooled"]
    if config.normalize_pooled:
        pooled = layer_norm(config, "pooled_norm", initial)(pooled)
    dropped = keras.layers.Dropout(CLASSIFIER_DROPOUT)(pooled)
    logits = dense(config, num_labels, "classifier", initial, dtype="float32")(dropped)
    return keras.Model(encoder.input, logits, name="classifier")
