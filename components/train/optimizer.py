"""Optimizers and the learning-rate schedule of the original fine-tuning recipe."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from components.encoders.checkpoints.restore import HEADS
from components.train.config import TrainConfig

EPSILON = 1e-6  # google-research/bert `optimization.py`
GLOBAL_CLIPNORM = 1.0  # the same
NOT_DECAYED = ("bias", "gamma", "beta")  # the same: biases and LayerNorms


class WarmupLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Step size that rises linearly over the warm-up, then falls linearly to 0 at the last step.

    With N steps in all and W = int(warmup_proportion * N): lr * t / W for t < W, then
    lr * (1 - t / N), t counted from 0: google-research/bert `optimization.py`.
    """

    def __init__(self, learning_rate: float, total_steps: int, warmup_proportion: float) -> None:
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.warmup_proportion = warmup_proportion
        self.warmup_steps = int(warmup_proportion * total_steps)

    def __call__(self, step: Any) -> Any:
        """Returns the step size of a step, counted from 0."""
        step = ops.cast(step, "float32")
        rising = self.learning_rate * step / max(1, self.warmup_steps)
        falling = self.learning_rate * (1.0 - step / self.total_steps)
        return ops.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, as Keras asks of every schedule."""
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup_proportion": self.warmup_proportion,
        }


def decays(variable: keras.Variable) -> bool:
    """Tells whether weight decay applies to a variable."""
    return variable.name not in NOT_DECAYED


class _DenseGradients(keras.optimizers.Optimizer):
    """Makes the gradients of embeddings dense, so that clipping sees a row's sum on every backend.

    TensorFlow hands them over as one slice a token; the norm of those is not that of the gradient.
    The norms before clipping are added up, for the loss curve to tell of.
    """

    def build(self, variables: Any) -> None:
        """Creates the optimizer's variables."""
        if self.built:
            return
        super().build(variables)
        self._of_encoder = [not v.path.startswith(HEADS) for v in variables]
        self._norms = self.add_variable((2,), initializer="zeros", name="gradient_norms")

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        """Applies dense gradients."""
        dense = [ops.convert_to_tensor(gradient, sparse=False) for gradient in grads]
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        self.assign_add(self._norms, _norms_of(dense, self._of_encoder))
        return super().apply(dense, trainable_variables)

    def take_gradient_norms(self) -> tuple[float, float]:
        """Returns the sums of the norms since they were last taken: all gradients', the encoder's.

        The norm of a step is the L2 norm of its gradients together.
        """
        whole, encoder = ops.convert_to_numpy(self._norms)
        self._norms.assign([0.0, 0.0])
        return float(whole), float(encoder)


def _norms_of(gradients: Sequence[Any], of_encoder: Sequence[bool]) -> Any:
    """Returns the L2 norm of all gradients together, and that of the encoder's: [2]."""
    squares = [ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in gradients]
    encoders = [square for square, chosen in zip(squares, of_encoder, strict=True) if chosen]
    return ops.sqrt(ops.stack([sum(squares), sum(encoders)]))


class AdamW(_DenseGradients, keras.optimizers.AdamW):
    """Adam with bias correction and decoupled weight decay (arXiv 1711.05101)."""


class BertAdam(_DenseGradients):
    """google-research/bert's Adam, which lacks the bias correction of the moments.

    `p -= lr * (m / (sqrt(v) + epsilon) + weight_decay * p)`, no decay for biases and LayerNorms.
    The missing correction is a known cause of failed runs (arXiv 2006.04884, 2006.05987).
    """

    def __init__(
        self, learning_rate: Any, decay: float, beta_1: float = 0.9, beta_2: float = 0.999
    ) -> None:
        # `decay`, not Keras's weight_decay: that one is applied before the update, not within it.
        super().__init__(learning_rate, global_clipnorm=GLOBAL_CLIPNORM, name="bert_adam")
        self.decay, self.beta_1, self.beta_2 = decay, beta_1, beta_2

    def build(self, variables: Any) -> None:
        """Creates both moments of every variable."""
        if self.built:
            return
        super().build(variables)
        self.first = [self.add_variable_from_reference(v, name="adam_m") for v in variables]
        self.decayed = [decays(v) for v in variables]
        self.second = [self.add_variable_from_reference(v, name="adam_v") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable and its moments."""
        index = self._get_variable_index(variable)
        m, v = self.first[index], self.second[index]
        self.assign(m, self.beta_1 * m + (1 - self.beta_1) * gradient)
        self.assign(v, self.beta_2 * v + (1 - self.beta_2) * ops.square(gradient))
        update = m / (ops.sqrt(v) + EPSILON)
        if self.decayed[index]:
            update = update + self.decay * variable
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * update)


def build_schedule(config: TrainConfig, total_steps: int) -> WarmupLinearDecay:
    """Returns the step sizes of a run of `total_steps`."""
    return WarmupLinearDecay(config.learning_rate, total_steps, config.warmup_proportion)


def build_optimizer(
    config: TrainConfig, variables: Sequence[keras.Variable], total_steps: int
) -> keras.optimizers.Optimizer:
    """Returns the optimizer of these variables that the config names, for `total_steps` steps."""
    schedule = build_schedule(config, total_steps)
    if config.optimizer == "bert_adam":
        return BertAdam(schedule, config.weight_decay)
    optimizer = AdamW(
        schedule,
        weight_decay=config.weight_decay,
        epsilon=EPSILON,
        global_clipnorm=GLOBAL_CLIPNORM,
    )
    # By variable, not by name: TensorFlow hands the optimizer variables with names of its own.
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if not decays(v)])
    return optimizer
