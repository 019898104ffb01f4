from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.train.backends import Stepper, current_backend, figures_of
from components.train.config import TrainConfig
from components.train.optimizer import NOT_DECAYED, Trainable, learning_rate, step_sizes

GOLDEN = Path(__file__).parent / "golden_optimizer.npz"
Array = np.ndarray[Any, Any]


class Weights(keras.layers.Layer):  # type: ignore[misc]
    """Variables of given names and values, as a model holds them."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            array = np.asarray(value, "float32")
            variable = self.add_weight(shape=array.shape, initializer="zeros", name=name)
            variable.assign(array)
            setattr(self, f"of_{name}", variable)


def stepper_of(weights: keras.layers.Layer) -> Stepper:
    return current_backend().Stepper(weights, Trainable.of(weights.trainable_variables))


def values_of(weights: keras.layers.Layer) -> list[Array]:
    return [np.array(keras.ops.convert_to_numpy(v)) for v in weights.trainable_variables]


NO_LOSS = np.float32(0.0)


def test_bert_adam_matches_the_original() -> None:
    """12 steps on sum(((X @ k + b) * g - Y)²), lr 0.05, 3 steps of warm-up, as the original ran."""
    golden = np.load(GOLDEN)
    weights = Weights(kernel=golden["K"], bias=[0.5, 0.5], gamma=[1.0, 1.0])
    stepper = stepper_of(weights)
    config = TrainConfig(optimizer="bert_adam", learning_rate=0.05, warmup_proportion=0.25)
    for step in range(12):
        x, y = golden["X"][step], golden["Y"][step]
        kernel, bias, gamma = values_of(weights)
        linear = x @ kernel + bias
        residual = 2 * (linear * gamma - y)
        gradients = [
            x.T @ (residual * gamma),
            (residual * gamma).sum(axis=0),
            (residual * linear).sum(axis=0),
        ]
        stepper.apply(NO_LOSS, gradients, step_sizes(config, step, 12))
        stepper.sync()
        for value, name in zip(values_of(weights), "kbg", strict=True):
            np.testing.assert_allclose(value, golden[name][step], rtol=0, atol=1e-6)


def test_adamw_is_that_of_keras() -> None:
    generator = np.random.default_rng(0)
    start, gradients = generator.normal(size=(3, 4)), generator.normal(size=(5, 3, 4))
    config = TrainConfig(learning_rate=0.1, warmup_proportion=0.0, weight_decay=0.3)
    weights, theirs = Weights(kernel=start), keras.Variable(start.astype("float32"))
    stepper = stepper_of(weights)
    keras_adamw = keras.optimizers.AdamW(weight_decay=0.3, epsilon=1e-6, global_clipnorm=1.0)
    for step, gradient in enumerate(gradients.astype("float32")):
        stepper.apply(NO_LOSS, [gradient], step_sizes(config, step, 5))
        keras_adamw.learning_rate = learning_rate(config, step, 5)
        keras_adamw.apply([keras.ops.convert_to_tensor(gradient)], [theirs])
    stepper.sync()
    np.testing.assert_allclose(
        values_of(weights)[0],
        keras.ops.convert_to_numpy(theirs),
        rtol=0,
        atol=1e-5,  # Keras computes 1 - beta_2 ** t in float32
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(0, 0.0, id="first-step-of-warm-up-is-zero"),
        pytest.param(1, 0.5, id="warm-up"),
        pytest.param(2, 0.8, id="after-warm-up-on-the-line-to-zero"),
        pytest.param(9, 0.1, id="last-step"),
    ],
)
def test_schedule(step: int, expected: float) -> None:
    config = TrainConfig(learning_rate=1.0, warmup_proportion=0.2)
    assert learning_rate(config, step, 10) == pytest.approx(expected)


def test_schedule_without_warmup_starts_at_the_peak() -> None:
    config = TrainConfig(learning_rate=0.1, warmup_proportion=0.0)
    assert learning_rate(config, 0, 10) == pytest.approx(0.1)


def test_only_adamw_corrects_the_bias_of_the_moments() -> None:
    """After one update m is a tenth and sqrt(v) sqrt(0.001) of the gradient."""
    config = TrainConfig(learning_rate=1.0, warmup_proportion=0.0, weight_decay=0.5)
    assert step_sizes(config, 0, 10) == pytest.approx((0.001**0.5 / 0.1, 0.5))
    original = TrainConfig(
        learning_rate=1.0, warmup_proportion=0.0, weight_decay=0.5, optimizer="bert_adam"
    )
    assert step_sizes(original, 0, 10) == pytest.approx((1.0, 0.5))


def test_gradient_norms_are_those_before_clipping() -> None:
    with keras.name_scope("classifier"):
        head = keras.Variable(np.zeros(1, "float32"), name="kernel")
    weights = Weights(a=[0.0], b=[0.0])
    trainable = Trainable.of([*weights.trainable_variables, head])
    assert trainable.of_encoder == [True, True, False]
    stepper = current_backend().Stepper(weights, trainable)
    gradients = [np.array([g], "float32") for g in (3.0, 4.0, 12.0)]
    figures = figures_of(stepper.apply(np.float32(7.0), gradients, step_sizes(TrainConfig(), 0, 4)))
    assert figures == pytest.approx((7.0, 13.0, 5.0))  # the loss; all gradients'; the encoder's


@pytest.mark.parametrize("optimizer", ["adamw", "bert_adam"])
def test_only_kernels_decay(optimizer: str) -> None:
    config = TrainConfig(
        optimizer=optimizer, learning_rate=0.1, weight_decay=0.5, warmup_proportion=0.0
    )
    weights = Weights(kernel=[1.0], **{name: [1.0] for name in NOT_DECAYED})
    stepper = stepper_of(weights)
    stepper.apply(NO_LOSS, [np.zeros(1, "float32")] * 4, step_sizes(config, 0, 1))
    stepper.sync()
    after = [float(value[0]) for value in values_of(weights)]
    assert after == pytest.approx([0.95, 1, 1, 1])  # 1 - 0.1 * 0.5; the gradients are zero


def test_a_learning_rate_of_zero_changes_nothing() -> None:
    weights = Weights(kernel=[1.0])
    stepper = stepper_of(weights)
    stepper.apply(NO_LOSS, [np.ones(1, "float32")], step_sizes(TrainConfig(), 0, 100))
    stepper.sync()
    assert values_of(weights)[0].tolist() == [1.0]
