"""TensorFlow: one graph a step for rows of any number and width, and its fused Adam kernel.

Several GPUs hold the same weights (`tf.distribute.MirroredStrategy`); each takes its share of a
batch, and the gradients are averaged before they are clipped.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.encoders.build import INPUTS
from components.train.backends import Array, Part, mean_loss, seeds_of, set_seeds, shares
from components.train.optimizer import (
    BETA_1,
    BETA_2,
    EPSILON,
    GLOBAL_CLIPNORM,
    StepSizes,
    Trainable,
)

Tensor = Any

ROWS_OF_ANY_WIDTH = {name: tf.TensorSpec([None, None], tf.int32) for name in INPUTS}
LABELS = tf.TensorSpec([None], tf.int32)
SCALAR = tf.TensorSpec([], tf.float32)

# The kernel computes 1 - beta in float32, which leaves the moments this much too large.
FIRST_EXCESS = float(1 - np.float32(BETA_1)) / (1 - BETA_1)
SECOND_EXCESS = float(1 - np.float32(BETA_2)) / (1 - BETA_2)


def device_names() -> list[str]:
    """Returns the model name of every GPU."""
    details = tf.config.experimental.get_device_details
    devices = tf.config.list_physical_devices("GPU")
    return [str(details(device).get("device_name", device.name)) for device in devices]


def _devices() -> list[str]:
    """Names the GPUs; where there are none, the CPUs: several only where somebody asked for it."""
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


def device_count() -> int:
    """Returns over how many devices a batch is divided."""
    return len(_devices())


def peak_memory_bytes() -> int | None:
    """Returns the largest memory in use so far on the first GPU."""
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def set_seed(seed: int) -> None:
    """Seeds initial weights and dropout."""
    keras.utils.set_random_seed(seed)


def random_state(model: keras.Model) -> dict[str, Array]:
    """Returns the state of all that dropout draws from."""
    return seeds_of(model)


def set_random_state(model: keras.Model, state: Mapping[str, Array]) -> None:
    """Sets what `random_state` returned."""
    set_seeds(model, state)


@contextmanager
def on_all_devices() -> Iterator[None]:
    """Within it, variables are made on each of the devices."""
    if device_count() == 1:
        yield
        return
    with tf.distribute.MirroredStrategy(_devices()).scope():
        yield


def is_out_of_memory(error: Exception) -> bool:
    """Tells whether an error says that memory did not suffice."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)


class Stepper:
    """Optimizer steps in graphs that are traced once."""

    def __init__(self, model: keras.Model, trainable: Trainable) -> None:
        self._model, self._trainable = model, trainable
        self._strategy = tf.distribute.get_strategy()
        self._replicas = self._strategy.num_replicas_in_sync
        self._sums: list[keras.Variable] = []
        rows = (ROWS_OF_ANY_WIDTH, LABELS)
        self._whole = tf.function(self._run_whole, input_signature=[*rows, SCALAR, SCALAR])
        self._add = tf.function(self._run_add, input_signature=[*rows, SCALAR])
        self._finish = tf.function(self._run_finish, input_signature=[SCALAR, SCALAR, SCALAR])

    def step(self, parts: Sequence[Part], sizes: StepSizes) -> Tensor:
        """Begins a step and returns its figures."""
        if len(parts) == 1:
            return self._whole(dict(parts[0].inputs), parts[0].labels, *sizes)
        if not self._sums:
            self._sums = [
                keras.Variable(initializer="zeros", shape=v.shape, trainable=False, name="sum")
                for v in self._trainable.variables
            ]
        losses = [
            self._add(dict(part.inputs), part.labels, share)
            for part, share in zip(parts, shares(parts), strict=True)
        ]
        return self._finish(tf.reduce_sum(tf.stack(losses)), *sizes)

    def apply(self, loss: Tensor, gradients: Sequence[Tensor], sizes: StepSizes) -> Tensor:
        """Moves the variables by gradients and returns the step's figures."""
        tensors = [tf.constant(gradient) for gradient in gradients]
        return self._update(tf.constant(loss), tensors, *sizes)

    def sync(self) -> None:
        """Has nothing to do: steps change the model's own variables."""

    # What runs in graphs; `_of_…` on each device.

    def _run(self, function: Any, *arguments: Tensor) -> Tensor:
        """Runs a function on each device and returns what the first one got."""
        if self._replicas == 1:
            return function(*arguments)
        results = self._strategy.run(function, args=arguments)
        return self._strategy.experimental_local_results(results)[0]

    def _run_whole(self, inputs: Any, labels: Tensor, step_size: Tensor, decay: Tensor) -> Tensor:
        def of_device(inputs: Any, labels: Tensor, step_size: Tensor, decay: Tensor) -> Tensor:
            loss, gradients = self._gradients(inputs, labels)
            return self._update(*self._averaged(loss, gradients), step_size, decay)

        return self._run(of_device, inputs, labels, step_size, decay)

    def _run_add(self, inputs: Any, labels: Tensor, share: Tensor) -> Tensor:
        """Adds a part's share of the gradient to the sums; returns its share of the loss."""

        def of_device(inputs: Any, labels: Tensor, share: Tensor) -> Tensor:
            loss, gradients = self._gradients(inputs, labels)
            (loss, *gradients) = self._average([share * loss, *(share * g for g in gradients)])
            for total, gradient in zip(self._sums, gradients, strict=True):
                tf.raw_ops.AssignAddVariableOp(resource=total.value.handle, value=gradient)
            return loss

        return self._run(of_device, inputs, labels, share)

    def _run_finish(self, loss: Tensor, step_size: Tensor, decay: Tensor) -> Tensor:
        def of_device(loss: Tensor, step_size: Tensor, decay: Tensor) -> Tensor:
            gradients = [total.value.read_value() for total in self._sums]
            figures = self._update(loss, gradients, step_size, decay)
            with tf.control_dependencies([figures]):
                for total, gradient in zip(self._sums, gradients, strict=True):
                    _assign(total, tf.zeros_like(gradient))
            return figures

        return self._run(of_device, loss, step_size, decay)

    def _gradients(self, inputs: Any, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Returns the mean loss of a device's rows and its gradients, none of them sparse.

        An embedding's gradient comes as one slice a token; the norm of those is not its norm.
        """
        inputs, labels = self._rows_of_device(inputs, labels)
        with tf.GradientTape() as tape:
            loss = mean_loss(self._model, inputs, labels)
        gradients = tape.gradient(loss, [v.value for v in self._trainable.variables])
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _rows_of_device(self, inputs: Any, labels: Tensor) -> tuple[Any, Tensor]:
        if self._replicas == 1:
            return inputs, labels
        index = tf.distribute.get_replica_context().replica_id_in_sync_group
        rows = tf.shape(labels)[0] // self._replicas
        start = index * rows
        return {k: v[start : start + rows] for k, v in inputs.items()}, labels[start : start + rows]

    def _averaged(self, loss: Tensor, gradients: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        loss, *gradients = self._average([loss, *gradients])
        return loss, gradients

    def _average(self, tensors: list[Tensor]) -> list[Tensor]:
        """Averages tensors over the devices."""
        if self._replicas == 1:
            return tensors
        context = tf.distribute.get_replica_context()
        averaged: list[Tensor] = context.all_reduce(tf.distribute.ReduceOp.MEAN, tensors)
        return averaged

    def _update(
        self, loss: Tensor, gradients: list[Tensor], step_size: Tensor, decay: Tensor
    ) -> Tensor:
        """Moves the variables and returns the step's figures."""
        moved = self._trainable
        squares = [2.0 * tf.nn.l2_loss(gradient) for gradient in gradients]
        of_encoder = [s for s, encoder in zip(squares, moved.of_encoder, strict=True) if encoder]
        # Not add_n, which begins with whichever input nobody else reads at the moment.
        norm, encoder_norm = (tf.sqrt(tf.reduce_sum(tf.stack(s))) for s in (squares, of_encoder))
        scale = GLOBAL_CLIPNORM / tf.maximum(norm, GLOBAL_CLIPNORM)
        for variable, first, second, decays, gradient in zip(
            moved.variables, moved.first, moved.second, moved.decays, gradients, strict=True
        ):
            if decays:
                _assign(variable, variable.value.read_value() * (1.0 - decay))
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=first.value.handle,
                v=second.value.handle,
                beta1_power=0.0,  # the bias is corrected in step_size
                beta2_power=0.0,
                lr=step_size * (SECOND_EXCESS**0.5 / FIRST_EXCESS),
                beta1=BETA_1,
                beta2=BETA_2,
                epsilon=EPSILON * SECOND_EXCESS**0.5,
                grad=gradient * scale,
            )
        return tf.stack([loss, norm, encoder_norm])


def _assign(variable: keras.Variable, value: Tensor) -> None:
    """Sets a variable, or on several devices the copy of the one that computes."""
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)
