"""Weights of a Keras model by variable path."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from components.errors import InputError

Weights = Mapping[str, np.ndarray[Any, Any]]


def weights_of(model: keras.Model) -> dict[str, np.ndarray[Any, Any]]:
    """Returns a copy of each of the model's weights by its variable path."""
    return {v.path: np.array(keras.ops.convert_to_numpy(v)) for v in model.trainable_variables}


def assign_weights(model: keras.Model, weights: Weights) -> None:
    """Sets every weight of the model; none may be missing, left over or of another shape.

    Raises:
        InputError: Names or shapes differ.
    """
    variables = {v.path: v for v in model.trainable_variables}
    if missing := sorted(variables.keys() - weights.keys()):
        raise InputError(f"the weights lack {missing}; they hold {sorted(weights)}")
    if unknown := sorted(weights.keys() - variables.keys()):
        raise InputError(f"no variable of the model takes {unknown}; it has {sorted(variables)}")
    for path, variable in variables.items():
        if tuple(variable.shape) != weights[path].shape:
            raise InputError(
                f"{path} has shape {weights[path].shape}, the model needs {tuple(variable.shape)}"
            )
        variable.assign(weights[path])
