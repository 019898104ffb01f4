"""The classifier as it is trained, tight and with one token in its last layer, against plain code.

The plain one computes every token of rows padded to the full length, as the original codes do.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.build import build_classifier, build_encoder
from components.encoders.config import EncoderConfig
from components.encoders.layers import dense, layer_norm
from components.encoders.weights import assign_weights, weights_of

Array = np.ndarray[Any, Any]
LENGTHS = (9, 17, 12, 5)
FULL = 32
LABELS = np.array([0, 1, 2, 1], "int32")
SIZES: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 48, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.2, "max_position_embeddings": FULL,
}  # fmt: skip
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": {"family": "bert", "embedding_size": 32, "embedding_projection": "none",
             "num_hidden_groups": 3},
    "albert": {"family": "albert", "embedding_size": 8, "embedding_projection": "after_norm",
               "num_hidden_groups": 1},
    "albert_zh-pre-LN": {"family": "albert", "embedding_size": 8, "num_hidden_groups": 1,
                         "embedding_projection": "before_sum", "normalize_first": True},
    "xlnet": {"family": "xlnet", "embedding_size": 32, "embedding_projection": "none",
              "num_hidden_groups": 3, "position_embeddings": "relative"},
}  # fmt: skip


def batch(width: int) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    mask = np.arange(FULL) < np.array(LENGTHS)[:, None]
    ids = generator.integers(1, 60, mask.shape) * mask
    segments = (np.arange(FULL) >= 4) * mask
    arrays = {"input_ids": ids, "token_type_ids": segments, "attention_mask": mask}
    return {name: array[:, :width].astype("int32") for name, array in arrays.items()}


def plain_classifier(config: EncoderConfig) -> keras.Model:
    encoder = build_encoder(config)
    pooled = encoder.output["pooled"]
    if config.normalize_pooled:
        pooled = layer_norm(config, "pooled_norm")(pooled)
    return keras.Model(encoder.input, dense(config, 3, "classifier", dtype="float32")(pooled))


def loss_of(logits: Any) -> Any:
    return keras.ops.mean(
        keras.ops.sparse_categorical_crossentropy(LABELS, logits, from_logits=True)
    )


def _tensorflow_gradients(model: keras.Model, inputs: Any) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = loss_of(model(inputs))
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    return [tf.convert_to_tensor(gradient) for gradient in gradients]


def _jax_gradients(model: keras.Model, inputs: Any) -> list[Any]:
    import jax

    others = [v.value for v in model.non_trainable_variables]

    def loss(values: Any) -> Any:
        return loss_of(model.stateless_call(values, others, inputs)[0])

    gradients: list[Any] = jax.grad(loss)([v.value for v in model.trainable_variables])
    return gradients


def _torch_gradients(model: keras.Model, inputs: Any) -> list[Any]:
    loss_of(model(inputs)).backward()
    return [v.value.grad for v in model.trainable_variables]


GRADIENTS = {
    "tensorflow": _tensorflow_gradients,
    "jax": _jax_gradients,
    "torch": _torch_gradients,
}


def gradients_of(model: keras.Model, inputs: Mapping[str, Array]) -> dict[str, Array]:
    gradients = GRADIENTS[keras.backend.backend()](model, inputs)
    paths = [variable.path for variable in model.trainable_variables]
    return {
        path: np.asarray(keras.ops.convert_to_numpy(gradient))
        for path, gradient in zip(paths, gradients, strict=True)
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_fast_path_computes_the_same_model(architecture: str) -> None:
    keras.utils.set_random_seed(1)
    config = EncoderConfig(**(SIZES | ARCHITECTURES[architecture]))
    fast, plain = build_classifier(config, 3), plain_classifier(config)
    assign_weights(plain, weights_of(fast))
    tight, padded = batch(max(LENGTHS)), batch(FULL)
    ours, theirs = (
        np.asarray(keras.ops.convert_to_numpy(model(inputs)))
        for model, inputs in ((fast, tight), (plain, padded))
    )
    assert np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    found, expected = gradients_of(fast, tight), gradients_of(plain, padded)
    assert found.keys() == expected.keys()
    for path, gradient in found.items():
        np.testing.assert_allclose(gradient, expected[path], rtol=0, atol=1e-5, err_msg=path)
    assert max(np.abs(gradient).max() for gradient in found.values()) > 0.01
