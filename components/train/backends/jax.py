"""JAX: one program a step, compiled for each width of rows; XLA fuses the update.

Several devices hold the same weights (`keras.distribution.DataParallel`) and divide the rows of a
batch; the program is that of one device, so that the result is, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from components.train.backends import Array, Part, loss_of, seed_keras, seeds_of, set_seeds, shares
from components.train.optimizer import (
    BETA_1,
    BETA_2,
    EPSILON,
    GLOBAL_CLIPNORM,
    StepSizes,
    Trainable,
)

Tensor = Any
ROWS = "batch"


def device_names() -> list[str]:
    """Returns the model name of every accelerator."""
    return [device.device_kind for device in jax.devices() if device.platform != "cpu"]


def device_count() -> int:
    """Returns over how many devices a batch is divided."""
    return len(jax.devices())


def peak_memory_bytes() -> int | None:
    """Returns the largest memory in use so far on the first accelerator."""
    device = next(device for device in jax.devices() if device.platform != "cpu")
    peak = (device.memory_stats() or {}).get("peak_bytes_in_use")
    return None if peak is None else int(peak)


def set_seed(seed: int) -> None:
    """Seeds initial weights and dropout."""
    seed_keras(seed)


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
    with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
        yield


def is_out_of_memory(error: Exception) -> bool:
    """Tells whether an error says that memory did not suffice."""
    return isinstance(error, MemoryError) or (
        # A ValueError where a single operation lacks it.
        isinstance(error, jax.errors.JaxRuntimeError | ValueError)
        and "RESOURCE_EXHAUSTED" in str(error)
    )


class State(NamedTuple):
    """What a step changes: lists of arrays, in the order of the model's variables."""

    variables: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    others: list[Tensor]


class Stepper:
    """Optimizer steps on arrays; the model's variables see them after `sync`."""

    def __init__(self, model: keras.Model, trainable: Trainable) -> None:
        self._held = State(
            trainable.variables, trainable.first, trainable.second, model.non_trainable_variables
        )
        self._state = State(*([variable.value for variable in part] for part in self._held))
        gradients = partial(_gradients, model)
        update = partial(_update, tuple(trainable.decays), tuple(trainable.of_encoder))
        self._whole = jax.jit(partial(_whole, gradients, update), donate_argnums=0)
        self._gradients = jax.jit(gradients)
        self._add = jax.jit(_add, donate_argnums=0)
        self._update = jax.jit(update, donate_argnums=0)
        self._rows = None
        if device_count() > 1:
            self._rows = NamedSharding(Mesh(np.array(jax.devices()), (ROWS,)), PartitionSpec(ROWS))

    def step(self, parts: Sequence[Part], sizes: StepSizes) -> Tensor:
        """Begins a step and returns its figures."""
        if len(parts) == 1:
            self._state, figures = self._whole(self._state, *self._placed(parts[0]), sizes)
            return figures
        total: Any = None
        for part, share in zip(parts, shares(parts), strict=True):
            found, others = self._gradients(self._state, *self._placed(part), share)
            self._state = self._state._replace(others=others)
            total = found if total is None else self._add(total, found)
        loss, summed = total
        return self.apply(loss, summed, sizes)

    def apply(self, loss: Tensor, gradients: Sequence[Tensor], sizes: StepSizes) -> Tensor:
        """Moves the variables by gradients and returns the step's figures."""
        self._state, figures = self._update(self._state, (loss, list(gradients)), sizes)
        return figures

    def sync(self) -> None:
        """Lets the model's variables hold what the steps so far made of them.

        Until the next step, which takes the arrays' memory over.
        """
        for held, values in zip(self._held, self._state, strict=True):
            for variable, value in zip(held, values, strict=True):
                variable.assign(value)

    def _placed(self, part: Part) -> tuple[Any, Tensor]:
        """Returns a part's inputs and labels, its rows divided among the devices."""
        if self._rows is None:
            return dict(part.inputs), part.labels
        placed: tuple[Any, Tensor] = jax.device_put((dict(part.inputs), part.labels), self._rows)
        return placed


def _gradients(
    model: keras.Model, state: State, inputs: Any, labels: Tensor, share: Any = 1.0
) -> tuple[Any, list[Tensor]]:
    """Returns a share of the loss and of its gradients, and the changed other variables."""

    def loss(variables: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        logits, others = model.stateless_call(variables, state.others, inputs, training=True)
        return loss_of(logits, labels) * share, others

    (value, others), gradients = jax.value_and_grad(loss, has_aux=True)(state.variables)
    return (value, gradients), others


def _add(total: Any, found: Any) -> Any:
    return jax.tree.map(jnp.add, total, found)


def _whole(
    gradients: Any, update: Any, state: State, inputs: Any, labels: Tensor, sizes: StepSizes
) -> tuple[State, Tensor]:
    found, others = gradients(state, inputs, labels)
    changed: tuple[State, Tensor] = update(state._replace(others=others), found, sizes)
    return changed


def _update(
    decays: tuple[bool, ...],
    of_encoder: tuple[bool, ...],
    state: State,
    found: tuple[Tensor, list[Tensor]],
    sizes: StepSizes,
) -> tuple[State, Tensor]:
    """Moves the variables and returns the step's figures."""
    loss, gradients = found
    squares = [jnp.sum(jnp.square(gradient)) for gradient in gradients]
    encoder = [s for s, chosen in zip(squares, of_encoder, strict=True) if chosen]
    norm, encoder_norm = jnp.sqrt(sum(squares)), jnp.sqrt(sum(encoder))
    scale = GLOBAL_CLIPNORM / jnp.maximum(norm, GLOBAL_CLIPNORM)

    def moved(p: Tensor, m: Tensor, v: Tensor, g: Tensor, decays: bool) -> tuple[Tensor, ...]:
        g = g * scale
        m = BETA_1 * m + (1 - BETA_1) * g
        v = BETA_2 * v + (1 - BETA_2) * jnp.square(g)
        kept = p * (1.0 - sizes.decay) if decays else p
        return kept - sizes.step_size * m / (jnp.sqrt(v) + EPSILON), m, v

    columns = zip(state.variables, state.first, state.second, gradients, decays, strict=True)
    variables, first, second = zip(*(moved(*column) for column in columns), strict=True)
    return (
        State(list(variables), list(first), list(second), state.others),
        jnp.stack([loss, norm, encoder_norm]),
    )
