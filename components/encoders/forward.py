"""A model's outputs without training, computed the way that is fastest on each backend.

The one file here that knows how a backend runs a graph.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from components.encoders.build import INPUTS

Array = np.ndarray[Any, Any]
Inputs = Mapping[str, Array]
Forward = Callable[[Inputs], Array]


def _tensorflow(model: keras.Model) -> Forward:
    """Traces one graph for rows of any number and width."""
    import tensorflow as tf

    any_width = {name: tf.TensorSpec([None, None], tf.int32) for name in INPUTS}
    graph = tf.function(lambda inputs: model(inputs, training=False), input_signature=[any_width])
    return lambda inputs: np.asarray(graph(dict(inputs)))


def _jax(model: keras.Model) -> Forward:
    """Compiles a program for each shape of the inputs."""
    import jax

    program = jax.jit(lambda *state_and_inputs: model.stateless_call(*state_and_inputs)[0])

    def forward(inputs: Inputs) -> Array:
        state = (model.trainable_variables, model.non_trainable_variables)
        values = ([variable.value for variable in part] for part in state)
        return np.asarray(program(*values, dict(inputs)))

    return forward


def _torch(model: keras.Model) -> Forward:
    import torch

    def forward(inputs: Inputs) -> Array:
        with torch.no_grad():
            outputs = model({name: np.asarray(value) for name, value in inputs.items()})
        return np.asarray(keras.ops.convert_to_numpy(outputs))

    return forward


_FORWARDS: dict[str, Callable[[keras.Model], Forward]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}


def forward_of(model: keras.Model) -> Forward:
    """Returns the function from a batch of rows to a classifier's logits, float32 [rows, labels].

    Later changes of the model's weights are seen.
    """
    return _FORWARDS[keras.backend.backend()](model)
