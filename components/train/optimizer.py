"""The optimizers and the learning-rate schedule of the original fine-tuning recipe, in numbers.

Both optimizers are one update, with g the gradient clipped to a global L2 norm of 1:

    m = beta_1 m + (1 - beta_1) g
    v = beta_2 v + (1 - beta_2) g²
    p = (1 - decay) p - step_size m / (sqrt(v) + epsilon)

`decay` is learning_rate * weight_decay, and 0 for biases and LayerNorms. `adamw` (Loshchilov and
Hutter, arXiv 1711.05101) corrects the moments' bias within step_size; `bert_adam`, google-research/
bert's own, does not: its step_size is the learning rate. The missing correction is a known cause of
failed runs (arXiv 2006.04884, 2006.05987). Each file of `components.train.backends` does the update
with what its backend has for it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import keras

from components.encoders.checkpoints.restore import HEADS
from components.train.config import TrainConfig

BETA_1, BETA_2 = 0.9, 0.999  # google-research/bert `optimization.py`
EPSILON = 1e-6  # the same
GLOBAL_CLIPNORM = 1.0  # the same
NOT_DECAYED = ("bias", "gamma", "beta")  # the same: biases and LayerNorms


class StepSizes(NamedTuple):
    """The numbers of one update."""

    step_size: float
    decay: float


def learning_rate(config: TrainConfig, step: int, total_steps: int) -> float:
    """Returns the learning rate of a step, counted from 0.

    It rises linearly over the warm-up, then falls linearly to 0 at the last step. With N steps in
    all and W = int(warmup_proportion * N): lr * t / W for t < W, then lr * (1 - t / N):
    google-research/bert `optimization.py`.
    """
    warmup_steps = int(config.warmup_proportion * total_steps)
    if step < warmup_steps:
        return config.learning_rate * step / warmup_steps
    return config.learning_rate * (1.0 - step / total_steps)


def step_sizes(config: TrainConfig, step: int, total_steps: int) -> StepSizes:
    """Returns the numbers of the update of a step, counted from 0."""
    rate = learning_rate(config, step, total_steps)
    correction = 1.0
    if config.optimizer == "adamw":
        updates = step + 1
        correction = float((1 - BETA_2**updates) ** 0.5 / (1 - BETA_1**updates))
    return StepSizes(step_size=rate * correction, decay=rate * config.weight_decay)


@dataclass(frozen=True, slots=True)
class Trainable:
    """What the optimizer moves, one entry a variable.

    Attributes:
        variables: The model's trainable variables.
        first: Their first moments, of the same shapes.
        second: Their second moments.
        decays: Whether weight decay applies.
        of_encoder: Whether it is the encoder's, not the classification head's.
    """

    variables: list[keras.Variable]
    first: list[keras.Variable]
    second: list[keras.Variable]
    decays: list[bool]
    of_encoder: list[bool]

    @classmethod
    def of(cls, variables: list[keras.Variable]) -> "Trainable":
        """Takes a model's trainable variables, with moments of 0."""
        return cls(
            variables=variables,
            first=[_zeros_like(variable, "first") for variable in variables],
            second=[_zeros_like(variable, "second") for variable in variables],
            decays=[variable.name not in NOT_DECAYED for variable in variables],
            of_encoder=[not variable.path.startswith(HEADS) for variable in variables],
        )


def _zeros_like(variable: keras.Variable, name: str) -> keras.Variable:
    return keras.Variable(
        initializer="zeros", shape=variable.shape, dtype="float32", trainable=False, name=name
    )
