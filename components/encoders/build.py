"""Encoders and classifiers as Keras models, composed from a config.

Inputs of both: `input_ids`, `token_type_ids`, `attention_mask`, each int32 [batch, tokens].
"""

from collections.abc import Mapping
from typing import Any

import keras

from components.encoders.config import CLASSIFIER_DROPOUT, EncoderConfig
from components.encoders.dropout import Dropout
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
    inputs = _inputs()
    composed = _relative_states if _is_relative(config) else _absolute_states
    embeddings, sequence = composed(config, initial, inputs, remat=False, pooled_only=False)
    if _is_relative(config):
        token = LastToken(name="last_token")(sequence, inputs["attention_mask"])
    else:
        token = sequence[:, :1]
    outputs = {
        "embeddings": embeddings,
        "sequence": sequence,
        "pooled": _pooler(config, initial)(token[:, 0]),
    }
    return keras.Model(inputs, outputs, name="encoder")


def _inputs() -> dict[str, Any]:
    return {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}


def _is_relative(config: EncoderConfig) -> bool:
    return config.position_embeddings == "relative"


def _pooler(config: EncoderConfig, initial: Initial) -> keras.layers.Dense:
    return dense(config, config.hidden_size, "pooler", initial, activation="tanh")


def _relative_states(
    config: EncoderConfig,
    initial: Initial,
    inputs: Mapping[str, Any],
    *,
    remat: bool,
    pooled_only: bool,
) -> tuple[Any, Any]:
    """Returns XLNet's embeddings and its sequence, or the state of the last token alone."""
    embeddings = states = WordEmbedding(config, "embeddings", initial)(inputs["input_ids"])
    positions = RelativePositions(config, name="positions")(embeddings)
    for index in range(config.num_hidden_layers):
        layer = RelativeTransformerLayer(config, f"layer_{index}_0", initial, remat)
        last_only = pooled_only and index == config.num_hidden_layers - 1
        states = layer(
            states,
            positions,
            inputs["token_type_ids"],
            inputs["attention_mask"],
            last_only=last_only,
        )
    # The last states have a dropout of their own, as in the original code.
    states = Dropout(config.hidden_dropout_prob, name="dropout")(states)
    return embeddings, states


def _absolute_states(
    config: EncoderConfig,
    initial: Initial,
    inputs: Mapping[str, Any],
    *,
    remat: bool,
    pooled_only: bool,
) -> tuple[Any, Any]:
    """Returns the other families' embeddings and sequence, or the state of the first token alone.

    Only the first token's state is classified, so that the last layer need not compute the others:
    they enter through its keys and values.
    """
    embeddings = Embeddings(config, "embeddings", initial)(
        inputs["input_ids"], inputs["token_type_ids"]
    )
    states = embeddings
    if config.embedding_projection == "after_norm":
        states = dense(config, config.hidden_size, "widen", initial)(embeddings)
    *layers, last = _layer_sequence(config, initial, remat)
    for layer in layers:
        states = layer(states, inputs["attention_mask"])
    return embeddings, last(states, inputs["attention_mask"], first_only=pooled_only)


def _layer_sequence(config: EncoderConfig, initial: Initial, remat: bool) -> list[Any]:
    """Returns the layers in the order of their use; a shared layer stands in it several times."""
    groups = [
        [
            TransformerLayer(config, f"layer_{group}_{inner}", initial, remat)
            for inner in range(config.inner_group_num)
        ]
        for group in range(config.num_hidden_groups)
    ]
    uses_of_a_group = config.num_hidden_layers // config.num_hidden_groups
    return [layer for group in groups for _ in range(uses_of_a_group) for layer in group]


def build_classifier(
    config: EncoderConfig, num_labels: int, initial: Initial = usual, *, remat: bool = False
) -> keras.Model:
    """Builds an encoder with a classification head; its output is logits [batch, num_labels].

    The head is dropout and a dense layer on `pooled`, with a LayerNorm before them where
    `config.normalize_pooled`. Logits are float32 whatever the precision of the rest. The last layer
    computes only the token that is classified. With `remat` each layer's inside is computed again
    for the gradient instead of being kept: less memory, a third more work.
    """
    inputs = _inputs()
    composed = _relative_states if _is_relative(config) else _absolute_states
    _, token = composed(config, initial, inputs, remat=remat, pooled_only=True)
    pooled = _pooler(config, initial)(token[:, 0])
    if config.normalize_pooled:
        pooled = layer_norm(config, "pooled_norm", initial)(pooled)
    dropped = Dropout(CLASSIFIER_DROPOUT, name="classifier_dropout")(pooled)
    logits = dense(config, num_labels, "classifier", initial, dtype="float32")(dropped)
    return keras.Model(inputs, logits, name="classifier")
