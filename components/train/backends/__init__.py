"""One file for each backend that Keras computes with: its devices, and an optimizer step on them.

Each has the functions of `Backend` below. What is computed is the same everywhere
(`components.train.optimizer`); how the fewest passes over the weights do it is each backend's own.
"""

import importlib
import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, cast

import keras
import numpy as np

from components.train.optimizer import StepSizes, Trainable

Array = np.ndarray[Any, Any]
Tensor = Any


class Part(NamedTuple):
    """Some rows of a batch that are computed together: model inputs, and int32 labels [rows]."""

    inputs: Mapping[str, Array]
    labels: Array


class Figures(NamedTuple):
    """What an optimizer step tells.

    Attributes:
        loss: Mean cross-entropy of the batch in nats, before the step.
        gradient_norm: L2 norm of all gradients together, before clipping.
        encoder_gradient_norm: The same of the encoder's gradients.
    """

    loss: float
    gradient_norm: float
    encoder_gradient_norm: float


class Stepper(Protocol):
    """Does optimizer steps on a model's variables."""

    def step(self, parts: Sequence[Part], sizes: StepSizes) -> Tensor:
        """Begins a step and returns its `Figures` as a tensor [3], which may not be ready yet.

        The gradient is that of the mean over all rows of all parts.
        """

    def apply(self, loss: Tensor, gradients: Sequence[Tensor], sizes: StepSizes) -> Tensor:
        """Does the end of a step, with a loss and gradients that somebody computed."""

    def sync(self) -> None:
        """Lets the model's variables hold what the steps so far made of them."""


class Backend(Protocol):
    """What a file of this folder offers."""

    def device_names(self) -> list[str]:
        """Returns the model name of every accelerator that computes."""

    def device_count(self) -> int:
        """Returns over how many devices a batch is divided; 1 where there is no accelerator."""

    def peak_memory_bytes(self) -> int | None:
        """Returns the largest memory in use so far on the first accelerator."""

    def set_seed(self, seed: int) -> None:
        """Seeds initial weights and dropout; `keras.utils` would import TensorFlow to do so."""

    def random_state(self, model: keras.Model) -> dict[str, Array]:
        """Returns the state of all that dropout draws from, by names of the backend's own."""

    def set_random_state(self, model: keras.Model, state: Mapping[str, Array]) -> None:
        """Sets what `random_state` returned."""

    def on_all_devices(self) -> AbstractContextManager[None]:
        """Within it, variables are made on each of the devices."""

    def is_out_of_memory(self, error: Exception) -> bool:
        """Tells whether an error says that memory did not suffice."""

    def Stepper(self, model: keras.Model, trainable: Trainable) -> Stepper:
        """Returns what does the optimizer steps."""


def current_backend() -> Backend:
    """Returns the file of the backend that Keras computes with."""
    name = f"{__name__}.{keras.backend.backend()}"
    return cast(Backend, importlib.import_module(name))


def seed_keras(seed: int) -> None:
    """Seeds what Keras draws the seeds of initial weights and of its generators from."""
    random.seed(seed)
    np.random.seed(seed)


def seeds_of(model: keras.Model) -> dict[str, Array]:
    """Returns the states of a model's seed generators, by their order."""
    return {
        f"seed_{number}": np.array(keras.ops.convert_to_numpy(variable))
        for number, variable in enumerate(model.non_trainable_variables)
    }


def set_seeds(model: keras.Model, state: Mapping[str, Array]) -> None:
    """Sets what `seeds_of` returned."""
    for number, variable in enumerate(model.non_trainable_variables):
        variable.assign(state[f"seed_{number}"])


def figures_of(tensor: Tensor) -> Figures:
    """Waits for the figures of a step and returns them."""
    return Figures(*(float(figure) for figure in keras.ops.convert_to_numpy(tensor)))


def mean_loss(model: keras.Model, inputs: Any, labels: Tensor) -> Tensor:
    """Returns the mean cross-entropy of rows under a model in training, in nats."""
    return loss_of(model(inputs, training=True), labels)


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the mean cross-entropy of logits [rows, labels]."""
    entropies = keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return keras.ops.mean(entropies)


def shares(parts: Sequence[Part]) -> list[float]:
    """Returns the share of each part's rows in all of them."""
    rows = [len(part.labels) for part in parts]
    return [count / sum(rows) for count in rows]
